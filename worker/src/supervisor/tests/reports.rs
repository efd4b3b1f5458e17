//! Reports that come when something else goes on.

use sp_core::H256;
use sungrid_chain_client::{Included, SubmitError};

use super::kit::{Machine, World};
use crate::{
    journal::{BatchId, Entry, Seal, Stage},
    register,
    supervisor::{
        Report, Supervisor,
        hand::{Activity, InHand},
    },
};

const BATCH: BatchId = (7, 3);

/// A worker that has sealed a part of a batch, and does something for it.
async fn at(machine: &Machine, activity: Option<Activity>) -> Supervisor {
    let ports = machine.ports();
    let registered = register::ensure(&ports, &machine.offer()).await;
    registered.expect("registers");
    let journal = machine.journal();
    let made = Supervisor::new(ports, machine.settings(), journal, Default::default()).await;
    let mut supervisor = made.expect("starts");
    let seal = Seal {
        units: 3,
        root: H256::repeat_byte(1),
        fuel: 1,
        charge: 1,
        salt: [2; 32],
        bundle: Default::default(),
    };
    let entry = Entry::claimed(BATCH, H256::zero()).at(Stage::Sealed(seal));
    supervisor.journal.write(&entry).expect("written");
    let mut batch = InHand::new(entry);
    batch.activity = activity;
    supervisor.hand.insert(BATCH, batch);
    supervisor
}

fn refused() -> SubmitError {
    SubmitError::Rejected {
        call: "commit".into(),
        reason: "as told".into(),
    }
}

#[tokio::test]
async fn the_answer_to_a_commitment_changes_nothing_of_what_was_begun_since() {
    let world = World::new().await;
    let machine = world.machine(0);
    // GIVEN a batch of which the chain had the commitment before its answer was heard, so that it is revealed, or given back
    for begun in [
        || Some(Activity::Revealing),
        || Some(Activity::Declining),
        || Some(Activity::CommitSent(9)),
        || None,
    ] {
        let mut supervisor = at(&machine, begun()).await;
        // WHEN the answer comes, whatever it says
        let included = Included {
            transaction: H256::zero(),
            block: None,
            events: Vec::new(),
        };
        for answer in [Err(refused()), Ok(included)] {
            let told = supervisor.on_report(Report::Committed(BATCH, answer)).await;
            told.expect("no end of the worker");
            let batch = &supervisor.hand[&BATCH];
            // THEN it goes on with what it does, with the salt that it has
            assert_eq!(
                batch.activity.as_ref().map(std::mem::discriminant),
                begun().as_ref().map(std::mem::discriminant)
            );
            assert_eq!((batch.failures, batch.not_before), (0, 0));
            assert!(batch.may_cut && matches!(batch.entry.stage, Stage::Sealed(_)));
            assert_eq!(supervisor.journal.load().expect("reads").len(), 1);
            assert!(supervisor.tasks.is_empty(), "nothing is sent");
        }
    }
}

#[tokio::test]
async fn an_awaited_refusal_of_a_commitment_is_heard() {
    let world = World::new().await;
    let machine = world.machine(0);
    let mut supervisor = at(&machine, Some(Activity::Committing)).await;
    let report = Report::Committed(BATCH, Err(refused()));
    supervisor.on_report(report).await.expect("it goes on");
    let batch = &supervisor.hand[&BATCH];
    assert!(batch.activity.is_none() && !batch.may_cut);
    assert_eq!(batch.failures, 1);
}
