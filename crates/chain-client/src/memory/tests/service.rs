//! Declines, delivery receipts, ratings.

use super::*;

#[tokio::test]
async fn declines_pause_a_job_and_its_requester_pays_and_resumes() {
    let scene = Scene::new().await;
    let requester = scene.requester.clone();
    let mut workers = Vec::new();
    for n in 0..4 {
        workers.push(scene.worker(n).await);
    }
    let job = scene.job().await;
    let issued = scene.chain.edit(|state| state.issuance());
    assert_eq!(
        refused(scene.send(&requester, Call::ResumeJob(job)).await),
        "NothingDeclined"
    );
    let mut deposits = Vec::new();
    for worker in &workers[..3] {
        let batch = scene.ok(worker, Call::Claim(job)).await.batch();
        let batch = batch.expect("claimed");
        scene.ok(worker, Call::Decline { job, batch }).await;
        assert_eq!(
            refused(scene.send(worker, Call::Decline { job, batch }).await),
            "CannotPay",
            "free only when it succeeds"
        );
        let claimable = scene.chain.claimable(job, &worker.account()).await;
        assert!(!claimable.expect("reads"));
        deposits.push(scene.chain.edit(|state| state.jobs[&job].deposit));
    }
    assert_eq!(deposits[0], deposits[1]);
    assert!(deposits[2] < deposits[1]);
    let declines = scene.chain.declines(job).await.expect("reads");
    assert!(declines.paused && declines.operators.len() == 3);
    let reads = scene.chain.worker(&workers[0].account()).await;
    let record = reads.expect("reads").expect("exists");
    assert_eq!(
        (record.declined, record.missed, record.committed),
        (1, 0, 0)
    );
    let claimable = scene.chain.claimable(job, &workers[3].account()).await;
    assert!(!claimable.expect("reads"));
    assert_eq!(
        refused(scene.send(&workers[3], Call::ResumeJob(job)).await),
        "NotRequester"
    );
    // It ends by itself, or when the requester says so.
    let mut alone = scene.chain.edit(|state| state.clone());
    alone.number += 1_200;
    assert!(!alone.declines(job).paused);
    scene.ok(&requester, Call::ResumeJob(job)).await;
    scene.ok(&workers[3], Call::Claim(job)).await;
    scene.chain.edit(|state| {
        assert_eq!(state.jobs[&job].deposit, deposits[0]);
        assert_eq!(state.issuance(), issued);
    });
}

#[tokio::test]
async fn receipts_and_ratings_are_the_requester_s_and_of_what_was_served() {
    let scene = Scene::new().await;
    let requester = scene.requester.clone();
    let workers = [scene.worker(0).await, scene.worker(1).await];
    let mut spec = scene.spec();
    spec.units = 2;
    let submitted = scene.ok(&requester, Call::SubmitJob(Box::new(spec))).await;
    let job = submitted.job().expect("submitted");
    let operator = key("//Operator0").account();
    let receipt = || Call::Acknowledge { job, below: 1 };
    let rate = |operator: &AccountId, stars| Call::Rate {
        job,
        batch: 0,
        operator: operator.clone(),
        stars,
    };
    assert_eq!(
        refused(scene.send(&requester, rate(&operator, 5)).await),
        "NotRatable"
    );
    let mut reveals = Vec::new();
    for worker in &workers {
        scene.ok(worker, Call::Claim(job)).await;
        reveals.push(scene.commit(worker, job, 0, 1).await);
    }
    assert_eq!(
        refused(scene.send(&requester, receipt()).await),
        "NotDelivered"
    );
    for (worker, reveal) in workers.iter().zip(reveals) {
        let call = Call::Reveal {
            job,
            batch: 0,
            reveal,
        };
        scene.ok(worker, call).await;
    }
    assert_eq!(
        refused(scene.send(&workers[0], receipt()).await),
        "NotRequester"
    );
    scene.ok(&requester, receipt()).await;
    assert_eq!(scene.chain.received(job).await.expect("reads"), 1);
    assert_eq!(
        refused(scene.send(&requester, receipt()).await),
        "AlreadyReceived"
    );
    for (who, stars, error) in [
        (&operator, 0, "BadRating"),
        (&operator, 6, "BadRating"),
        (&requester.account(), 5, "SelfRating"),
        (&workers[0].account(), 5, "NotServed"),
    ] {
        assert_eq!(
            refused(scene.send(&requester, rate(who, stars)).await),
            error
        );
    }
    scene.ok(&requester, rate(&operator, 4)).await;
    assert_eq!(
        refused(scene.send(&requester, rate(&operator, 4)).await),
        "AlreadyRated"
    );
    let rating = scene.chain.rating(&operator).await.expect("reads");
    assert_eq!((rating.stars, rating.count), (4, 1));
}
