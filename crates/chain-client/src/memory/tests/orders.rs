//! Orders that are raised, wait for one another, or come again.

use super::*;

#[tokio::test]
async fn a_raised_bid_is_for_whoever_claims_from_now_on() {
    let scene = Scene::new().await;
    let requester = scene.requester.clone();
    let workers = [scene.worker(0).await, scene.worker(1).await];
    let job = scene.job().await;
    let issued = scene.chain.edit(|state| state.issuance());
    let raise = |price| Call::RaiseBid { job, price };
    // GIVEN what two workers have begun
    for worker in &workers {
        scene.ok(worker, Call::Claim(job)).await;
    }
    let before = scene.chain.job(job).await.unwrap().expect("open");
    // WHEN its requester doubles the bid, and nobody else
    for (who, price) in [(&requester, ISC), (&workers[0], 2 * ISC)] {
        scene.send(who, raise(price)).await.expect_err("refused");
    }
    scene.ok(&requester, raise(2 * ISC)).await;
    // THEN the escrow grows by what may still be claimed, and only who does so gets more
    let after = scene.chain.job(job).await.unwrap().expect("open");
    let of_one = |price| {
        let order = JobSpec {
            units: before.spec.batch_size,
            price,
            ..before.spec.clone()
        };
        order.escrow(&CPU_1).expect("little")
    };
    let more = of_one(2 * ISC) - of_one(ISC);
    let added = after.escrow - before.escrow;
    assert_eq!(added, more * u128::from(before.batches));
    assert_eq!((after.price, after.spec.price), (2 * ISC, ISC));
    let late = scene.worker(2).await;
    let batch = scene.ok(&late, Call::Claim(job)).await.batch().unwrap();
    let prices = scene.chain.raised_prices(job).await.unwrap();
    assert_eq!(prices, [(batch, 2 * ISC)]);
    assert_eq!(scene.chain.edit(|state| state.issuance()), issued);
}

#[tokio::test]
async fn a_job_after_another_waits_for_it_and_shares_its_fate() {
    let scene = Scene::new().await;
    let first = scene.job().await;
    let order = |after, units| {
        let spec = JobSpec {
            after: Some(after),
            units,
            ..scene.spec()
        };
        Call::SubmitJob(Box::new(spec))
    };
    let requester = scene.requester.clone();
    let second = scene.ok(&requester, order(first, 5)).await.job().unwrap();
    let third = scene.ok(&requester, order(second, 1)).await.job().unwrap();
    for (after, units) in [(99, 5), (first, 2), (first, 10)] {
        scene
            .send(&requester, order(after, units))
            .await
            .expect_err("refused");
    }
    scene
        .send(&key("//Operator0"), order(first, 5))
        .await
        .expect_err("another's");
    let state = async |job| scene.chain.job(job).await.unwrap().unwrap().state;
    assert_eq!(state(second).await, JobState::Pending);
    let worker = scene.worker(0).await;
    assert!(
        !scene
            .chain
            .claimable(second, &worker.account())
            .await
            .unwrap()
    );
    // What was received need not be kept for another one.
    scene.chain.edit(|state| state.received.insert(first, 1));
    let again = scene.send(&requester, order(first, 5)).await;
    assert_eq!(refused(again), "OutputsGone");
    scene.ok(&requester, Call::CancelJob(first)).await;
    scene.chain.advance(2);
    for job in [second, third] {
        assert!(matches!(
            state(job).await,
            JobState::Ended {
                outcome: Outcome::NoInput,
                ..
            }
        ));
    }
    let held = scene
        .chain
        .account(&requester.account())
        .await
        .unwrap()
        .held;
    let deposits: Balance = scene
        .chain
        .edit(|state| state.jobs.values().map(|job| job.deposit).sum());
    // What is left beside the image's deposit is for the records.
    assert_eq!(held, deposits + ISC);
}

#[tokio::test]
async fn a_series_starts_as_often_as_it_says_or_as_it_is_paid_for() {
    let scene = Scene::new().await;
    let requester = scene.requester.clone();
    let repeat = |price, every, times| Call::RepeatJob {
        spec: Box::new(JobSpec {
            price,
            ..scene.spec()
        }),
        every,
        times,
    };
    let issued = scene.chain.edit(|state| state.issuance());
    for (every, times) in [(19, 3), (20, 0), (20, 1_001)] {
        scene
            .send(&requester, repeat(ISC, every, times))
            .await
            .expect_err("refused");
    }
    let series = scene
        .ok(&requester, repeat(ISC, 20, 3))
        .await
        .series()
        .unwrap();
    // More than anybody has: skipped three times.
    let dear = scene
        .ok(&requester, repeat(ISC << 60, 20, 9))
        .await
        .series()
        .unwrap();
    scene.chain.advance(30);
    let of = async |series| {
        let jobs = scene.chain.jobs().await.unwrap();
        jobs.iter()
            .filter(|(_, job)| job.series == Some(series))
            .count()
    };
    assert_eq!((of(series).await, of(dear).await), (2, 0));
    let left = scene.chain.series().await.unwrap();
    let left: Vec<_> = left.iter().map(|(id, series)| (*id, series.left)).collect();
    assert_eq!(left, [(series, 1), (dear, 7)]);
    scene.chain.advance(20);
    assert_eq!((of(series).await, of(dear).await), (3, 0));
    assert_eq!(scene.chain.series().await.unwrap(), []);
    assert_eq!(scene.chain.edit(|state| state.issuance()), issued);
    // A series is cancelled by its number.
    let last = scene
        .ok(&requester, repeat(ISC, 20, 3))
        .await
        .series()
        .unwrap();
    scene
        .send(&key("//Operator0"), Call::CancelJob(last))
        .await
        .expect_err("another's");
    scene.ok(&requester, Call::CancelJob(last)).await;
    assert_eq!(scene.chain.series().await.unwrap(), []);
}
