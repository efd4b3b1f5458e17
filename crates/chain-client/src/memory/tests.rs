use sungrid_primitives::{
    receipt::{BatchSummary, commitment, digest},
    registration::registration_payload,
    suns::Resources,
};

use super::*;
use crate::{
    Architecture, Attributes, Classes, Constraints, EnergySource, JobSpec, JobState, Outcome,
    Policy, Region, Registration, Rejected, Rejection, ReplicaState, Reveal, TaskClass, Unmet,
    WorkerState,
};

mod auditors;
mod orders;
mod pools;
mod service;

const ENVIRONMENT: H256 = H256::repeat_byte(0xe1);
const IMAGE: H256 = H256::repeat_byte(0x1a);

fn key(name: &str) -> Keypair {
    Keypair::from_uri(name).expect("a development path")
}

fn attributes() -> Attributes {
    Attributes {
        jurisdiction: *b"DE",
        region: Region::default(),
        architecture: Architecture::X86_64,
        energy: EnergySource::Solar,
        carbon: 30,
        classes: Classes::truncate_from(TaskClass::ALL.to_vec()),
    }
}

struct Scene {
    chain: MemoryChain,
    requester: Keypair,
}

impl Scene {
    async fn new() -> Self {
        let requester = key("//Requester");
        let operators: Vec<_> = (0..4)
            .map(|n| key(&format!("//Operator{n}")).account())
            .collect();
        let mut funded = operators;
        funded.push(requester.account());
        let chain = MemoryChain::new(ENVIRONMENT, &funded);
        let scene = Self { chain, requester };
        let publish = Call::PublishImage {
            manifest: IMAGE,
            class: 1,
        };
        scene.ok(&scene.requester.clone(), publish).await;
        scene
    }

    async fn send(&self, key: &Keypair, call: Call) -> Result<Included, SubmitError> {
        self.chain.submit(key, call, Until::InBlock).await
    }

    async fn ok(&self, key: &Keypair, call: Call) -> Included {
        self.send(key, call).await.expect("the call succeeds")
    }

    async fn worker(&self, n: u32) -> Keypair {
        let (operator, worker) = (key(&format!("//Operator{n}")), key(&format!("//Worker{n}")));
        let payload = registration_payload(
            &self.chain.genesis(),
            operator.account().as_ref(),
            worker.account().as_ref(),
        );
        let registration = Registration {
            worker: worker.account(),
            endpoint: vec![n as u8],
            attributes: attributes(),
            environment: ENVIRONMENT,
            profile: CPU_1_ID,
            resources: CPU_1.contains,
            bond: 200 * ISC,
            proof: worker.sign(&payload),
        };
        self.ok(&operator, Call::Register(Box::new(registration)))
            .await;
        worker
    }

    fn spec(&self) -> JobSpec {
        JobSpec {
            image: IMAGE,
            input: H256::repeat_byte(3),
            units: 5,
            batch_size: 2,
            price: ISC,
            fuel_limit: 1_000_000_000,
            memory_limit: 1 << 20,
            traffic_limit: 300_000,
            policy: Policy::Replicate(2),
            profile: CPU_1_ID,
            environment: ENVIRONMENT,
            deadline: 1_000,
            endpoint: vec![9],
            constraints: Constraints::default(),
            after: None,
        }
    }

    async fn job(&self) -> JobId {
        let included = self
            .ok(&self.requester, Call::SubmitJob(Box::new(self.spec())))
            .await;
        included.job().expect("submitted")
    }

    async fn commit(&self, worker: &Keypair, job: JobId, batch: BatchIndex, root: u8) -> Reveal {
        let summary = BatchSummary {
            root: H256::repeat_byte(root),
            fuel: 1_000,
            charge: 1_000_000,
        };
        let reveal = Reveal {
            summary,
            salt: [7; 32],
            bundle: H256::repeat_byte(8),
        };
        let commitment = commitment(job, batch, &summary, &worker.public(), &reveal.salt);
        let record = self.chain.job(job).await.expect("it answers");
        let units = record.expect("open").range(batch).expect("a batch of it").1;
        self.ok(
            worker,
            Call::Commit {
                job,
                batch,
                units,
                digest: digest(job, batch, &summary),
                commitment,
            },
        )
        .await;
        reveal
    }
}

#[tokio::test]
async fn a_job_is_claimed_sealed_revealed_paid_and_no_planck_is_lost() {
    let scene = Scene::new().await;
    let (a, b) = (scene.worker(0).await, scene.worker(1).await);
    let issued = scene.chain.edit(|state| state.issuance());
    let job = scene.job().await;
    for _ in 0..3 {
        let batch = scene
            .ok(&a, Call::Claim(job))
            .await
            .batch()
            .expect("a batch");
        // The same batch goes to the other operator until both have it.
        let mut other = scene
            .ok(&b, Call::Claim(job))
            .await
            .batch()
            .expect("a batch");
        let mut pending = vec![(b.clone(), other)];
        while other != batch {
            other = scene
                .ok(&b, Call::Claim(job))
                .await
                .batch()
                .expect("a batch");
            pending.push((b.clone(), other));
        }
        let mine = scene.commit(&a, job, batch, 1).await;
        let view = scene.chain.batch(job, batch).await.expect("reads");
        assert_eq!(view.expect("in flight").revealing, None);
        let theirs = scene.commit(&b, job, batch, 1).await;
        scene
            .ok(
                &a,
                Call::Reveal {
                    job,
                    batch,
                    reveal: mine,
                },
            )
            .await;
        scene
            .ok(
                &b,
                Call::Reveal {
                    job,
                    batch,
                    reveal: theirs,
                },
            )
            .await;
        assert_eq!(
            scene
                .chain
                .result(job, batch)
                .await
                .expect("reads")
                .expect("settled")
                .winners
                .len(),
            2
        );
        if pending.len() > 1 {
            // Enough seen: the rest of the batches is another test's business.
            break;
        }
    }
    let state = scene.chain.job(job).await.expect("reads").expect("exists");
    assert!(state.settled > 0 && state.paid > 0);
    assert_eq!(scene.chain.edit(|state| state.issuance()), issued);
}

#[tokio::test]
async fn a_liar_is_outvoted_and_slashed() {
    let scene = Scene::new().await;
    let workers = [
        scene.worker(0).await,
        scene.worker(1).await,
        scene.worker(2).await,
    ];
    let mut spec = scene.spec();
    spec.units = 2;
    let job = scene
        .ok(&scene.requester, Call::SubmitJob(Box::new(spec)))
        .await
        .job()
        .expect("submitted");
    for worker in &workers[..2] {
        scene.ok(worker, Call::Claim(job)).await;
    }
    assert!(matches!(
        scene.send(&workers[2], Call::Claim(job)).await,
        Err(SubmitError::CannotPay { .. })
    ));
    let honest = scene.commit(&workers[0], job, 0, 1).await;
    let lie = scene.commit(&workers[1], job, 0, 2).await;
    scene.ok(&workers[2], Call::Claim(job)).await;
    let third = scene.commit(&workers[2], job, 0, 1).await;
    // Whoever is outvoted has nothing to reveal.
    let reveal = |reveal| Call::Reveal {
        job,
        batch: 0,
        reveal,
    };
    assert!(scene.send(&workers[1], reveal(lie)).await.is_err());
    for (worker, result) in [(&workers[0], honest), (&workers[2], third)] {
        scene.ok(worker, reveal(result)).await;
    }

    let state = scene.chain.job(job).await.expect("reads").expect("exists");
    assert!(matches!(
        state.state,
        JobState::Ended {
            outcome: Outcome::Completed,
            ..
        }
    ));
    assert_eq!(state.outstanding(), 0);
    let liar = scene
        .chain
        .worker(&workers[1].account())
        .await
        .expect("reads")
        .expect("exists");
    assert_eq!((liar.faults, liar.bond), (1, 180 * ISC));
    let account = scene
        .chain
        .account(&scene.requester.account())
        .await
        .expect("reads");
    // Deposits of the image and of the ended job remain.
    assert_eq!(account.held, ISC + ISC / 10 + ISC / 1_000);
    let clean_up = Call::CleanUp(job);
    let early = scene.send(&scene.requester, clean_up.clone()).await;
    assert_eq!(refused(early), "RetentionNotOver");
    let below = scene.chain.job(job).await.expect("reads").expect("kept");
    let below = below.next_batch;
    scene
        .ok(&scene.requester, Call::Acknowledge { job, below })
        .await;
    let others = scene.send(&key("//Operator0"), clean_up.clone()).await;
    assert_eq!(refused(others), "RetentionNotOver");
    scene.ok(&scene.requester, clean_up).await;
    assert_eq!(scene.chain.job(job).await.expect("reads"), None);
}

#[tokio::test]
async fn deadlines_replace_a_silent_worker() {
    let scene = Scene::new().await;
    let (a, b) = (scene.worker(0).await, scene.worker(1).await);
    let job = scene.job().await;
    let batch = scene
        .ok(&a, Call::Claim(job))
        .await
        .batch()
        .expect("a batch");
    let due = scene
        .chain
        .batch(job, batch)
        .await
        .expect("reads")
        .expect("in flight")
        .replicas[0]
        .due
        .expect("a deadline");
    scene.chain.advance_to(due);
    let replica = |batch: Batch| batch.replicas[0].state;
    let now = scene
        .chain
        .batch(job, batch)
        .await
        .expect("reads")
        .expect("in flight");
    assert_eq!(replica(now), ReplicaState::Assigned);
    scene.chain.advance(1);
    let now = scene
        .chain
        .batch(job, batch)
        .await
        .expect("reads")
        .expect("in flight");
    assert_eq!(replica(now), ReplicaState::Out);
    let silent = scene
        .chain
        .worker(&a.account())
        .await
        .expect("reads")
        .expect("exists");
    assert_eq!((silent.missed, silent.committed), (1, 0));
    scene.ok(&b, Call::Claim(job)).await;
}

#[tokio::test]
async fn an_optimistic_result_is_paid_after_its_window() {
    let scene = Scene::new().await;
    let worker = scene.worker(0).await;
    let mut spec = scene.spec();
    (spec.units, spec.policy) = (2, Policy::Optimistic);
    let submitted = scene
        .ok(&scene.requester, Call::SubmitJob(Box::new(spec)))
        .await;
    let job = submitted.job().expect("submitted");
    scene.ok(&worker, Call::Claim(job)).await;
    let reveal = scene.commit(&worker, job, 0, 1).await;
    let call = Call::Reveal {
        job,
        batch: 0,
        reveal,
    };
    scene.ok(&worker, call).await;
    let state = || async { scene.chain.job(job).await.expect("reads").expect("kept") };
    assert_eq!((state().await.settled, state().await.paid), (0, 0));
    scene.chain.advance(30);
    let settled = state().await;
    assert_eq!(settled.settled, 1);
    assert!(settled.paid > 0 && settled.state.has_ended());
}

#[tokio::test]
async fn a_quorum_asks_as_many_as_new_workers_need() {
    let scene = Scene::new().await;
    let mut spec = scene.spec();
    // 2^3 ≥ 5.
    (spec.units, spec.policy) = (2, Policy::Quorum(5));
    let submitted = scene
        .ok(&scene.requester, Call::SubmitJob(Box::new(spec)))
        .await;
    let job = submitted.job().expect("submitted");
    let mut sealed = Vec::new();
    for n in 0..3 {
        let worker = scene.worker(n).await;
        scene.ok(&worker, Call::Claim(job)).await;
        let reveal = scene.commit(&worker, job, 0, 1).await;
        sealed.push((worker, reveal));
    }
    for (worker, reveal) in sealed {
        let call = Call::Reveal {
            job,
            batch: 0,
            reveal,
        };
        scene.ok(&worker, call).await;
    }
    let settled = scene.chain.job(job).await.expect("reads").expect("kept");
    assert_eq!((settled.settled, settled.failed), (1, 0));
}

#[tokio::test]
async fn refusals_leave_no_trace_and_say_what_to_do() {
    let scene = Scene::new().await;
    let before = scene
        .chain
        .edit(|state| (state.jobs.len(), state.accounts.clone()));
    let wrong = |change: fn(&mut JobSpec)| {
        let mut spec = scene.spec();
        change(&mut spec);
        Call::SubmitJob(Box::new(spec))
    };
    let calls = [
        wrong(|s| s.image = H256::zero()),
        wrong(|s| s.units = 0),
        wrong(|s| s.batch_size = 0),
        wrong(|s| s.price = 1),
        wrong(|s| s.deadline = 0),
        wrong(|s| s.price = u128::MAX),
        wrong(|s| s.fuel_limit = u64::MAX),
        Call::CancelJob(9),
        Call::Pause(key("//Nobody").account()),
    ];
    for call in calls {
        let error = scene
            .send(&scene.requester, call)
            .await
            .expect_err("refused");
        assert!(!error.is_retryable());
        assert!(error.to_string().len() > 20, "{error}");
    }
    assert_eq!(
        scene
            .chain
            .edit(|state| (state.jobs.len(), state.accounts.clone())),
        before
    );
}

#[tokio::test]
async fn a_stolen_worker_key_cannot_be_registered() {
    let scene = Scene::new().await;
    let (thief, victim) = (key("//Operator0"), key("//Worker1"));
    let payload = registration_payload(
        &scene.chain.genesis(),
        key("//Operator1").account().as_ref(),
        victim.account().as_ref(),
    );
    let registration = Registration {
        worker: victim.account(),
        endpoint: Vec::new(),
        attributes: attributes(),
        environment: ENVIRONMENT,
        profile: CPU_1_ID,
        resources: Resources { ..CPU_1.contains },
        bond: 200 * ISC,
        proof: victim.sign(&payload),
    };
    assert!(
        scene
            .send(&thief, Call::Register(Box::new(registration)))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_part_of_a_bond_leaves_after_the_cool_down() {
    let scene = Scene::new().await;
    let worker = scene.worker(0).await.account();
    let operator = key("//Operator0");
    let (issuance, params) = scene.chain.edit(|state| (state.issuance(), state.params));
    let read = async || {
        let record = scene.chain.worker(&worker).await;
        record.expect("reads").expect("registered")
    };
    let spare = read().await.spare(&params);
    assert_eq!((spare, read().await.bond), (100 * ISC, 200 * ISC));
    let unbond = |amount| Call::Unbond {
        worker: worker.clone(),
        amount,
    };
    assert!(scene.send(&operator, unbond(spare + 1)).await.is_err());
    scene.ok(&operator, unbond(spare)).await;
    let record = read().await;
    assert_eq!((record.bond, record.leaving), (100 * ISC, spare));
    let parts = scene.chain.unbonding(&worker).await.expect("reads");
    assert_eq!((parts.len(), parts[0].amount_planck), (1, spare));
    let withdraw = || scene.send(&operator, Call::WithdrawUnbonded(worker.clone()));
    assert!(withdraw().await.is_err());
    scene.chain.advance_to(parts[0].free_at);
    withdraw().await.expect("cooled down");
    assert_eq!((read().await.bond, read().await.leaving), (100 * ISC, 0));
    assert!(withdraw().await.is_err());
    assert_eq!(scene.chain.edit(|state| state.issuance()), issuance);
}

#[tokio::test]
async fn an_operator_leaves_with_its_bond_after_the_cool_down() {
    let scene = Scene::new().await;
    let worker = scene.worker(0).await.account();
    let operator = key("//Operator0");
    scene.ok(&operator, Call::Pause(worker.clone())).await;
    scene.ok(&operator, Call::Resume(worker.clone())).await;
    scene.ok(&operator, Call::Leave(worker.clone())).await;
    assert!(
        scene
            .send(&operator, Call::Withdraw(worker.clone()))
            .await
            .is_err()
    );
    let record = scene
        .chain
        .worker(&worker)
        .await
        .expect("reads")
        .expect("exists");
    let WorkerState::Leaving { until } = record.state else {
        panic!("it is leaving")
    };
    scene.chain.advance_to(until);
    scene.ok(&operator, Call::Withdraw(worker)).await;
    let account = scene
        .chain
        .account(&operator.account())
        .await
        .expect("reads");
    assert_eq!((account.free, account.held), (FUNDS, 0));
}

#[tokio::test]
async fn interrupted_calls_and_a_node_that_is_away() {
    let scene = Scene::new().await;
    let worker = scene.worker(0).await;
    let job = scene.job().await;
    scene.chain.interrupt("claim", Interrupt::LoseAfter);
    let lost = scene
        .send(&worker, Call::Claim(job))
        .await
        .expect_err("interrupted");
    assert!(matches!(lost, SubmitError::Unknown { .. }) && lost.is_retryable());
    assert_eq!(
        scene.chain.batches(Some(job)).await.expect("reads").len(),
        1
    );

    let mut blocks = scene.chain.blocks(Follow::Best).await.expect("subscribes");
    scene.chain.set_connected(false);
    assert!(scene.chain.head().await.expect_err("away").is_retryable());
    scene.chain.advance(1);
    scene.chain.set_connected(true);
    let block = blocks.next().await.expect("goes on").expect("a block");
    assert_eq!(block, scene.chain.head().await.expect("back"));
}

#[tokio::test]
async fn a_job_is_explained_and_quoted_by_the_checks_of_a_claim() {
    let scene = Scene::new().await;
    let (a, _b) = (scene.worker(0).await, scene.worker(1).await);
    let mut spec = scene.spec();
    spec.constraints.jurisdictions = vec![*b"FR"].try_into().expect("one");
    let quote = async |spec: &JobSpec| scene.chain.quote(spec).await.expect("reads");
    let explain = async |job| {
        let explained = scene.chain.explain(job).await.expect("reads");
        explained.expect("the job exists")
    };

    // Nobody is in France.
    let call = Call::SubmitJob(Box::new(spec.clone()));
    let job = scene.ok(&scene.requester, call).await.job().expect("a job");
    let abroad = explain(job).await;
    let rejected = Rejected {
        reason: Rejection::Constraint(Unmet::Jurisdiction),
        workers: 2,
        first: 2,
        alone: 2,
    };
    assert_eq!(abroad.survey.constraints, [rejected]);
    assert_eq!((abroad.wanting, abroad.survey.suitable), (3, 0));
    assert_eq!((abroad.bid, abroad.floor, abroad.gap()), (ISC, FLOOR, 0));
    assert_eq!(quote(&spec).await.expect("priced").wait, None);

    // Anywhere, both can start, and the quote is what a submission holds.
    let offer = quote(&scene.spec()).await.expect("priced");
    assert_eq!((offer.wait, offer.survey.free_operators), (Some(0), 2));
    assert_eq!(offer.settled, Some(2), "two units of a second");
    assert_eq!(offer.results, 2_000_000);
    // Five units of 125,000 µSUNS·s at 1 ISC per SUNS·hour, twice.
    assert_eq!(offer.expected, 2 * 173_611_112);
    let job = scene.job().await;
    let record = scene.chain.job(job).await.expect("reads").expect("exists");
    assert_eq!(
        (offer.escrow, offer.deposit),
        (record.escrow, record.deposit)
    );

    // A worker with a full hand is suitable, busy, and worth waiting for.
    scene.chain.edit(|state| {
        let worker = state.workers.get_mut(&a.account()).expect("registered");
        worker.capacity = record.rate;
    });
    scene.ok(&a, Call::Claim(job)).await;
    let survey = explain(job).await.survey;
    assert_eq!(
        (survey.suitable, survey.busy, survey.free_operators),
        (2, 1, 1)
    );
    let offer = quote(&scene.spec()).await.expect("priced");
    assert_eq!((offer.wait, offer.settled), (Some(2), Some(4)));

    spec.price = 1;
    assert_eq!(quote(&spec).await, None);
    assert_eq!(scene.chain.explain(99).await.expect("reads"), None);
}

fn refused(result: Result<Included, SubmitError>) -> String {
    match result {
        Err(SubmitError::Dispatch(failure)) => failure.error,
        Err(SubmitError::CannotPay { .. }) => "CannotPay".into(),
        other => panic!("not refused: {other:?}"),
    }
}
