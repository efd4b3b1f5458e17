//! Who stands for what operators say.

use super::*;
use crate::{Attribute, Auditor, PerAttribute, Statement, Tier};

#[tokio::test]
async fn an_attested_attribute_lets_a_worker_take_what_demands_it() {
    let scene = Scene::new().await;
    let worker = scene.worker(0).await;
    let auditor = &scene.requester;
    let said = |statement| Call::AttestAttribute {
        worker: worker.account(),
        statement,
    };
    let germany = || said(Statement::Jurisdiction(*b"DE"));
    let fails = async |call| refused(scene.send(auditor, call).await);
    assert_eq!(fails(germany()).await, "NotAdmitted");
    assert_eq!(fails(Call::BondAuditor).await, "NotAdmitted");
    scene.chain.edit(|state| {
        let admitted = Auditor {
            admission: 7,
            bond: 0,
            leaving: None,
        };
        state.auditors.insert(auditor.account(), admitted);
    });
    assert_eq!(fails(germany()).await, "NotBonded");
    let issuance = scene.chain.edit(|state| state.issuance());
    scene.ok(auditor, Call::BondAuditor).await;
    assert_eq!(fails(Call::BondAuditor).await, "AlreadyBonded");

    let mut spec = scene.spec();
    spec.constraints.tiers.jurisdiction = Tier::Attested;
    let call = Call::SubmitJob(Box::new(spec));
    let job = scene.ok(auditor, call).await.job().expect("a job");
    let survey = async || {
        let explained = scene.chain.explain(job).await.expect("reads");
        explained.expect("the job exists").survey
    };
    let reason = Rejection::Constraint(Unmet::Tier(Attribute::Jurisdiction));
    assert_eq!(survey().await.constraints[0].reason, reason);

    // Another value than the declared one is refused; so is a stranger's retraction.
    assert_eq!(fails(said(Statement::Carbon(31))).await, "NotDeclared");
    scene.ok(auditor, germany()).await;
    assert_eq!(survey().await.suitable, 1);
    let listed = scene.chain.attestations().await.expect("reads");
    let (of, attestations) = &listed[0];
    assert_eq!(*of, worker.account());
    let first = attestations.jurisdiction.clone().expect("attested");
    assert_eq!((first.auditor, first.admission), (auditor.account(), 7));
    let retract = || Call::RetractAttestation {
        worker: worker.account(),
        attributes: PerAttribute {
            jurisdiction: true,
            ..PerAttribute::default()
        },
    };
    let operator = key("//Operator0");
    let stranger = refused(scene.send(&operator, retract()).await);
    assert_eq!(stranger, "NothingToRetract");
    scene.ok(auditor, retract()).await;
    assert_eq!(survey().await.constraints[0].reason, reason);
    assert_eq!(fails(retract()).await, "NothingToRetract");

    // Out, once all of it has expired.
    assert_eq!(fails(Call::WithdrawAuditor).await, "NotResigned");
    scene.ok(auditor, Call::ResignAuditor).await;
    assert_eq!(fails(germany()).await, "Resigned");
    assert_eq!(fails(Call::WithdrawAuditor).await, "CoolingDown");
    let auditors = scene.chain.auditors().await.expect("reads");
    let free_at = auditors[0].1.leaving.expect("resigned");
    scene.chain.advance_to(free_at);
    scene.ok(auditor, Call::WithdrawAuditor).await;
    assert_eq!(scene.chain.auditors().await.expect("reads"), []);
    assert_eq!(scene.chain.edit(|state| state.issuance()), issuance);
}
