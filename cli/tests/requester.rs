//! A requester against a chain in memory and workers that really transfer their results: every stage of a
//! job, every way in which a worker can cheat or be away, every way to stop and go on.

#[allow(unreachable_pub, dead_code, reason = "a module of several tests")]
mod common;

use std::fs;

use common::{Grid, Lie, Scene};
use sungrid_access::card;
use sungrid_chain_client::{Call, Chain, Keypair, Rating, Until};
use sungrid_cli::{
    Error,
    before::Before,
    canary,
    folder::{DataFolder, Task},
    plan::JobFile,
    requester::Update,
    service,
};
use sungrid_data_plane::{Config, DataPlane};
use sungrid_manifest::{Bundle, Manifest};
use sungrid_primitives::{job::Cut, receipt::BatchSummary, suns::CPU_1};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_to_its_end_and_every_output_is_verified() {
    let grid = Grid::new(3).await;
    let scene = Scene::new(6, 2);
    let mut requester = grid.submit(&scene).await.unwrap();
    let job = requester.job();
    let folder = requester.folder().clone();
    let (updates, summary) = grid.run(&mut requester).await;
    let summary = summary.unwrap().complete().unwrap();
    assert_eq!(
        (summary.verified, summary.failed, summary.bundles),
        (6, 0, (6, 6))
    );
    for unit in 0..6 {
        let text = fs::read_to_string(folder.unit(unit).join("out/result.txt")).unwrap();
        assert_eq!(text, format!("unit {unit} of 6\n"));
        assert_eq!(
            fs::read_to_string(folder.unit(unit).join("exit")).unwrap(),
            "0\n"
        );
    }
    // Results were in hand before the chain decided, and every batch was verified once.
    let received = updates
        .iter()
        .filter(|u| matches!(u, Update::Received { .. }))
        .count();
    let verified = updates
        .iter()
        .filter(|u| matches!(u, Update::Verified { .. }))
        .count();
    assert!(received > 0, "{updates:?}");
    assert_eq!(verified, 3, "{updates:?}");
    let paid = grid.chain.job(job).await.unwrap().unwrap().paid;
    assert_eq!(summary.paid_planck, paid);
    assert!(paid > 0);

    // The folder alone is enough to check all of it again, without chain or network.
    let report = common::verify(folder.path());
    assert_eq!(
        (report["total"].as_u64(), report["valid"].as_u64()),
        (Some(12), Some(12))
    );
    assert_eq!(report["agrees"], true, "{report}");
    assert_eq!(
        report["bill"]["planck"].as_u64().map(u128::from),
        Some(paid)
    );
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_liar_is_outvoted_and_its_output_replaced() {
    let grid = Grid::new(3).await;
    // The liar claims first, so that its output is the first to arrive.
    grid.lie(0, Lie::Output);
    let mut requester = grid.submit(&Scene::new(1, 1)).await.unwrap();
    let folder = requester.folder().clone();
    let (updates, summary) = grid.run(&mut requester).await;
    let summary = summary.unwrap().complete().unwrap();
    assert_eq!((summary.verified, summary.bundles), (1, (2, 2)));
    let text = fs::read_to_string(folder.unit(0).join("out/result.txt")).unwrap();
    assert_eq!(text, "unit 0 of 1\n");
    assert!(
        updates.iter().any(|u| matches!(u, Update::Rejected { .. })),
        "{updates:?}"
    );
    assert_eq!(common::verify(folder.path())["valid"], 2);
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lie_that_came_first_gives_way_to_an_honest_result_that_is_here_already() {
    let grid = Grid::new(3).await;
    grid.lie(0, Lie::Output);
    let mut requester = grid.submit(&Scene::new(1, 1)).await.unwrap();
    let folder = requester.folder().clone();
    // Both replicas are here before either is revealed; what stands in the outputs is that of the first.
    grid.seal(requester.job(), true).await;
    let both = [grid.worker(0), grid.worker(1)];
    let here = |_: &Update| both.iter().all(|worker| folder.bundle(0, worker).exists());
    grid.run_until(&mut requester, here).await;
    let (updates, summary) = grid.run(&mut requester).await;
    let summary = summary.unwrap().complete().unwrap();
    assert_eq!(
        (summary.verified, summary.bundles),
        (1, (2, 2)),
        "{updates:?}"
    );
    let text = fs::read_to_string(folder.unit(0).join("out/result.txt")).unwrap();
    assert_eq!(text, "unit 0 of 1\n");
    assert!(!folder.bundle(0, &both[0]).exists());
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_that_do_not_hold_are_never_shown_as_results() {
    for lie in [
        Lie::Signature,
        Lie::Input,
        Lie::Chain,
        Lie::TooMuchOutput,
        Lie::Bytes,
    ] {
        let grid = Grid::new(3).await;
        grid.lie(0, lie);
        let mut scene = Scene::new(2, 2);
        // More than the image allows.
        scene.file.traffic_limit = Some("1MiB".into());
        let mut requester = grid.submit(&scene).await.unwrap();
        let (updates, summary) = grid.run(&mut requester).await;
        let summary = summary.unwrap();
        assert_eq!(summary.verified, 2, "{lie:?}: {updates:?}");
        // Its leaves are honest, so the chain accepts it as a winner; its receipts are still refused here.
        let liar = grid.worker(0);
        let shown = updates
            .iter()
            .any(|u| matches!(u, Update::Received { worker, .. } if *worker == liar));
        assert!(!shown, "{lie:?}: {updates:?}");
        requester.shutdown().await;
        grid.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_that_was_stopped_goes_on_where_it_was() {
    let grid = Grid::new(2).await;
    let mut requester = grid.submit(&Scene::new(4, 1)).await.unwrap();
    let job = requester.job();
    grid.work_one_batch(job).await;
    // Stopped at the first verified batch, as by a Ctrl-C.
    grid.run_until(&mut requester, |u| matches!(u, Update::Verified { .. }))
        .await;
    requester.shutdown().await;
    // The job ends while nobody watches.
    grid.work_silently(job).await;
    assert!(
        grid.chain
            .job(job)
            .await
            .unwrap()
            .unwrap()
            .state
            .has_ended()
    );

    let mut again = grid.resume(job).await.unwrap();
    assert!(!again.record().accepted.is_empty());
    let (_, summary) = grid.run(&mut again).await;
    let summary = summary.unwrap().complete().unwrap();
    assert_eq!((summary.verified, summary.bundles), (4, (8, 8)));
    again.shutdown().await;

    // A third look finds everything here and fetches nothing: the workers are gone.
    let chain = grid.chain.clone();
    let data = grid.data();
    let _folder = grid.shutdown().await;
    let mut third = common::resume(chain, &data, job).await.unwrap();
    let (updates, summary) = common::follow(&mut third).await;
    assert_eq!(summary.unwrap().complete().unwrap().verified, 4);
    assert!(
        !updates
            .iter()
            .any(|u| matches!(u, Update::Unreachable { .. })),
        "{updates:?}"
    );
    third.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_of_workers_that_are_away_can_be_collected_later() {
    let grid = Grid::new(2).await;
    let mut requester = grid.submit(&Scene::new(2, 2)).await.unwrap();
    let job = requester.job();
    grid.work_silently(job).await;
    grid.hide_workers(true);
    let (updates, summary) = grid.run_advancing(&mut requester).await;
    let summary = summary.unwrap();
    assert_eq!(
        (summary.verified, summary.unfetched.as_slice()),
        (0, &[0][..]),
        "{updates:?}"
    );
    let error = summary.complete().unwrap_err();
    assert!(matches!(error, Error::NotFetched { missing: 1, .. }));
    assert!(error.to_string().contains("job collect"), "{error}");
    requester.shutdown().await;

    grid.hide_workers(false);
    let mut again = grid.resume(job).await.unwrap();
    let (_, summary) = grid.run(&mut again).await;
    assert_eq!(summary.unwrap().complete().unwrap().verified, 2);
    again.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_says_what_is_missing() {
    let grid = Grid::new(2).await;
    let mut requester = grid.submit(&Scene::new(40, 1)).await.unwrap();
    let job = requester.job();
    grid.work_one_batch(job).await;
    grid.cancel(job).await;
    let (_, summary) = grid.run(&mut requester).await;
    let summary = summary.unwrap();
    assert_eq!(summary.state, "cancelled");
    assert!(summary.verified > 0 && summary.failed > 0, "{summary:?}");
    assert_eq!(summary.verified + summary.failed, 40);
    let expected = format!("{} of 40 units", summary.failed);
    let error = summary.complete().unwrap_err().to_string();
    assert!(
        error.contains(&expected) && error.contains("refunded"),
        "{error}"
    );
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_goes_away_is_waited_for() {
    let grid = Grid::new(2).await;
    let mut requester = grid.submit(&Scene::new(2, 1)).await.unwrap();
    grid.work(requester.job()).await;
    let mut away = false;
    let mut on = |update: &Update| {
        // Away as soon as the job was read once, before anything is fetched.
        if matches!(update, Update::Progress(_)) && !away {
            away = true;
            grid.chain.set_connected(false);
            let chain = grid.chain.clone();
            tokio::spawn(async move {
                chain.set_connected(true);
                chain.advance(1);
            });
        }
    };
    let summary = requester.follow(&mut on).await;
    assert_eq!(summary.unwrap().complete().unwrap().verified, 2);
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_of_strangers_are_ignored() {
    let grid = Grid::new(2).await;
    let mut requester = grid.submit(&Scene::new(1, 1)).await.unwrap();
    let job = requester.job();
    // Neither garbage, nor a notice in the name of a worker from another endpoint, nor one by a worker
    // that has no part in the batch.
    grid.send_foreign_notices(&requester, job).await;
    let (updates, summary) = grid.run(&mut requester).await;
    assert_eq!(summary.unwrap().complete().unwrap().verified, 1);
    let noise = |u: &&Update| matches!(u, Update::Unreachable { .. } | Update::Rejected { .. });
    assert!(updates.iter().find(noise).is_none(), "{updates:?}");
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_balance_says_how_much_is_missing_and_leaves_nothing() {
    let grid = Grid::new(1).await;
    let mut scene = Scene::new(4, 1);
    scene.key = Keypair::from_uri("//Nobody").unwrap();
    let error = grid.submit(&scene).await.err().unwrap();
    let Error::TooLittle { free, needed, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*free, 0);
    assert!(
        *needed > 0 && error.to_string().contains("are missing"),
        "{error}"
    );
    assert!(grid.data().jobs().unwrap().is_empty());
    assert_eq!(grid.chain.next_job().await.unwrap(), 0);
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_terms_are_refused_before_anything_is_sent() {
    let grid = Grid::new(1).await;
    type Edit = fn(&mut JobFile);
    let cases: [(Edit, &str); 12] = [
        (|f| f.price = Some("0.000001".into()), "below the floor"),
        (|f| f.policy = Some("replicate:1".into()), "2 or 3"),
        (|f| f.batch_size = Some(0), "--batch-size"),
        (|f| f.deadline = Some("9000d".into()), "too far away"),
        (
            |f| (f.policy, f.deadline) = (Some("quorum:99".into()), Some("4m".into())),
            "--deadline is too near: with a quorum of 99 % each and batches of this length the chain starts nothing in the last",
        ),
        (
            |f| (f.policy, f.deadline) = (Some("optimistic".into()), Some("5m".into())),
            "--deadline is too near",
        ),
        (
            |f| f.fuel_limit = Some("18446744073709551615".into()),
            "lower --fuel-limit or --traffic-limit",
        ),
        (|f| f.fuel_limit = Some("0".into()), "above 0"),
        (
            |f| f.traffic_limit = Some("6".into()),
            "--traffic-limit 6 is below the 7 bytes",
        ),
        (
            |f| f.traffic_limit = Some("18446744073709551615".into()),
            "lower --fuel-limit or --traffic-limit",
        ),
        // Of two units that move 20 gigabytes each the chain takes one at a time.
        (
            |f| (f.traffic_limit, f.batch_size) = (Some("20GB".into()), Some(2)),
            "--batch-size must be 1 to 1",
        ),
        (|f| f.price = Some("1000000000".into()), "are missing"),
    ];
    for (edit, expected) in cases {
        let mut scene = Scene::new(2, 1);
        edit(&mut scene.file);
        let error = grid.submit(&scene).await.err().unwrap().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert!(grid.data().jobs().unwrap().is_empty());
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_whose_outcome_is_unknown_is_found_again() {
    use sungrid_chain_client::memory::Interrupt;
    let grid = Grid::new(2).await;
    grid.chain.interrupt("submit", Interrupt::LoseAfter);
    let error = grid.submit(&Scene::new(1, 1)).await.err().unwrap();
    assert!(error.to_string().contains("unknown"), "{error}");
    let records = grid.data().jobs().unwrap();
    assert_eq!((records.len(), records[0].1.job), (1, None));
    assert!(records[0].1.task == Task::Files);
    let mut requester = grid.resume(0).await.unwrap();
    let (_, summary) = grid.run(&mut requester).await;
    assert_eq!(summary.unwrap().complete().unwrap().verified, 1);
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_others_are_not_ours_to_watch() {
    let grid = Grid::new(2).await;
    let requester = grid.submit(&Scene::new(1, 1)).await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let data = DataFolder::new(Some(elsewhere.path().into())).unwrap();
    let error = common::resume(grid.chain.clone(), &data, 0)
        .await
        .err()
        .unwrap();
    assert!(matches!(error, Error::NotOurs { job: 0, .. }), "{error}");
    let error = common::resume(grid.chain.clone(), &grid.data(), 7)
        .await
        .err()
        .unwrap();
    assert!(matches!(error, Error::UnknownJob(7)), "{error}");
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_input_workers_cannot_get_says_so_and_goes_on_when_resumed() {
    let grid = Grid::new(5).await;
    let mut requester = grid.submit(&Scene::new(1, 1)).await.unwrap();
    let job = requester.job();
    for n in 0..3 {
        let key = Keypair::from_uri(&format!("//Worker{n}")).unwrap();
        for call in [Call::Claim(job), Call::Decline { job, batch: 0 }] {
            let sent = grid.chain.submit(&key, call, Until::InBlock);
            sent.await.unwrap();
        }
    }
    let told = |update: &Update| matches!(update, Update::Paused { operators: 3 });
    grid.run_until(&mut requester, told).await;
    let alice = Keypair::from_uri("//Alice").unwrap();
    let resume = Call::ResumeJob(job);
    grid.chain
        .submit(&alice, resume, Until::InBlock)
        .await
        .unwrap();
    let (updates, summary) = grid.run(&mut requester).await;
    assert_eq!(summary.unwrap().complete().unwrap().verified, 1);
    assert!(
        !updates.iter().any(|u| matches!(u, Update::Paused { .. })),
        "{updates:?}"
    );
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_confirms_once_and_rates_everybody_who_served_once() {
    let grid = Grid::new(3).await;
    let mut requester = grid.submit(&Scene::new(6, 2)).await.unwrap();
    let (job, alice) = (requester.job(), Keypair::from_uri("//Alice").unwrap());
    let chain = &grid.chain;
    let early = service::rate(chain, &alice, job, 4, None).await.unwrap();
    assert_eq!(early, [], "nobody has served it yet");
    let (_, summary) = grid.run(&mut requester).await;
    summary.unwrap().complete().unwrap();

    assert!(service::acknowledge(chain, &alice, job).await.unwrap());
    assert_eq!(chain.received(job).await.unwrap(), 3);
    assert!(!service::acknowledge(chain, &alice, job).await.unwrap());
    assert!(!service::acknowledge(chain, &alice, job + 1).await.unwrap());

    let first = Keypair::from_uri("//Operator0").unwrap().account();
    let only = Some(&first);
    let rated = service::rate(chain, &alice, job, 5, only).await.unwrap();
    assert_eq!(rated.as_slice(), std::slice::from_ref(&first));
    let again = service::rate(chain, &alice, job, 5, only).await;
    assert!(again.unwrap_err().to_string().contains("rated"));
    let others = service::rate(chain, &alice, job, 2, None).await.unwrap();
    assert!(!others.is_empty() && !others.contains(&first));
    assert_eq!(
        chain.rating(&first).await.unwrap(),
        Rating { stars: 5, count: 1 }
    );
    let nobody = alice.account();
    for (job, only) in [(job, Some(&nobody)), (job + 1, None)] {
        let refused = service::rate(chain, &alice, job, 5, only).await;
        assert!(refused.is_err(), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_job_is_removed_and_its_deposit_is_back_to_the_planck() {
    let grid = Grid::new(2).await;
    let (chain, alice) = (&grid.chain, Keypair::from_uri("//Alice").unwrap());
    let stranger = Keypair::from_uri("//Operator0").unwrap();
    let mut requester = grid.submit(&Scene::new(6, 2)).await.unwrap();
    let job = requester.job();
    let refused = |result: Result<service::Removed, Error>| result.unwrap_err().to_string();
    let running = refused(service::clean_up(chain, &alice, job, |_| ()).await);
    assert!(running.contains("job cancel"), "{running}");
    let (_, summary) = grid.run(&mut requester).await;
    summary.unwrap().complete().unwrap();
    // Its outputs are kept for the requester, until it says that it has them; for others until retention ends.
    let kept = refused(service::clean_up(chain, &alice, job, |_| ()).await);
    assert!(kept.contains("job collect"), "{kept}");
    assert!(service::acknowledge(chain, &alice, job).await.unwrap());
    assert!(
        service::clean_up(chain, &stranger, job, |_| ())
            .await
            .is_err()
    );

    let held = || async { chain.account(&alice.account()).await.unwrap() };
    let before = held().await;
    let removed = service::clean_up(chain, &alice, job, |_| ()).await.unwrap();
    assert!(
        removed.deposit > 0 && removed.transactions == 1,
        "{removed:?}"
    );
    assert_eq!(before.held - held().await.held, removed.deposit);
    assert_eq!(chain.job(job).await.unwrap(), None);
    let gone = refused(service::clean_up(chain, &alice, job, |_| ()).await);
    assert!(gone.contains(&job.to_string()), "{gone}");
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bill_of_a_raised_job_is_right_to_the_planck() {
    let grid = Grid::new(2).await;
    let mut requester = grid.submit(&Scene::new(6, 2)).await.unwrap();
    let folder = requester.folder().clone();
    // GIVEN a job of which a batch is paid at the first bid
    let job = requester.job();
    grid.work_one_batch(job).await;
    // WHEN the bid is raised for the rest
    grid.raise(job, 3).await;
    let (_, summary) = grid.run(&mut requester).await;
    let paid = summary.unwrap().complete().unwrap().paid_planck;
    // THEN the receipts come to exactly what was taken, which is more than at either bid alone
    let raised = folder.record().unwrap().raised_prices;
    let report = common::verify(folder.path());
    assert_eq!(report["agrees"], true, "{report}");
    assert!(!raised.is_empty() && raised.len() < 3, "{raised:?}");
    assert_eq!(
        report["bill"]["planck"].as_u64().map(u128::from),
        Some(paid)
    );
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_s_answers_check_a_later_job_and_no_earlier_one() {
    let grid = Grid::new(3).await;
    let alice = Keypair::from_uri("//Alice").unwrap();
    let chain = &grid.chain;
    let run = || async {
        let mut requester = grid.submit(&Scene::new(6, 2)).await.unwrap();
        let (_, summary) = grid.run(&mut requester).await;
        summary.unwrap().complete().unwrap();
        requester.job()
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers.json");
    let mut first = grid.submit(&Scene::new(6, 2)).await.unwrap();
    let (_, summary) = grid.run(&mut first).await;
    summary.unwrap().complete().unwrap();
    let known = first.job();
    // What a keeper computes are the leaves that its receipts show.
    let receipts = first.folder().clone();
    let answers = || async {
        let results = chain.results(known).await.unwrap().into_iter();
        let answers: Vec<_> = results
            .map(|(batch, result)| {
                let bundle = receipts.bundle(batch, &result.winners[0].worker);
                let bundle = Bundle::decode(&fs::read(bundle).unwrap()).unwrap();
                let receipts = bundle.receipts().unwrap();
                let leaves = receipts.iter().map(|signed| signed.receipt.leaf());
                (batch, leaves.collect::<Vec<_>>())
            })
            .collect();
        let spec = chain.job(known).await.unwrap().unwrap().spec;
        (spec.order_from(&alice.account()), answers)
    };
    let plant = |file: std::path::PathBuf| {
        let (answers, alice) = (&answers, &alice);
        async move {
            let (order, known) = answers().await;
            canary::plant(chain, alice, &order, &CPU_1, &known, &file).await
        }
    };
    // Nobody but a keeper, and a refusal leaves nothing behind.
    let refused = plant(file.clone()).await;
    assert!(refused.unwrap_err().to_string().contains("keepers"));
    assert!(!file.exists());
    chain.edit(|state| state.keepers.insert(alice.account()));
    plant(file.clone()).await.unwrap();
    // Answers on chain are worth nothing without their file.
    let again = plant(file.clone()).await;
    assert!(again.unwrap_err().to_string().contains("exists"));
    let early = canary::expose(chain, &alice, known, &file).await;
    assert!(
        early
            .unwrap_err()
            .to_string()
            .contains("after it was planted")
    );

    let job = run().await;
    chain.edit(|state| {
        let lie = state.results.get_mut(&(job, 1)).unwrap();
        lie.summary.root = sp_core::H256::zero();
    });
    let exposed = canary::expose(chain, &alice, job, &file).await.unwrap();
    assert_eq!(exposed.checked, [(0, true), (1, false), (2, true)]);
    assert_eq!(exposed.uprooted, [0; 0]);
    let again = canary::expose(chain, &alice, job, &file).await;
    assert!(again.unwrap_err().to_string().contains("exposed already"));

    // Another order: a typo must not refute anybody.
    let mut other = grid.submit(&Scene::new(6, 3)).await.unwrap();
    let (_, summary) = grid.run(&mut other).await;
    summary.unwrap().complete().unwrap();
    let file_2 = folder.path().join("more.json");
    plant(file_2.clone()).await.unwrap();
    let mut third = grid.submit(&Scene::new(6, 3)).await.unwrap();
    let (_, summary) = grid.run(&mut third).await;
    summary.unwrap().complete().unwrap();
    let wrong = canary::expose(chain, &alice, third.job(), &file_2).await;
    assert!(wrong.unwrap_err().to_string().contains("another order"));

    // Of a job that fails in part the places of what nobody computed are free again; of one that never comes, all.
    let planted = || chain.edit(|state| state.canaries.len());
    let fourth = run().await;
    assert_eq!(planted(), 3);
    chain.edit(|state| state.results.remove(&(fourth, 2)).unwrap());
    let exposed = canary::expose(chain, &alice, fourth, &file_2)
        .await
        .unwrap();
    assert_eq!(exposed.checked, [(0, true), (1, true)]);
    assert_eq!(exposed.uprooted, [2]);
    assert_eq!(planted(), 0);
    // Of what was cut each part is held against its own units: the first lied in what it kept, the other did the rest.
    let file_4 = folder.path().join("cut.json");
    plant(file_4.clone()).await.unwrap();
    let fifth = run().await;
    let (_, leaves) = answers().await.1.swap_remove(2);
    let rest = BatchSummary::of(&leaves[1..], &CPU_1).unwrap();
    let open = grid.submit(&Scene::new(2, 2)).await.unwrap();
    grid.claim(0, open.job()).await;
    chain.edit(|state| {
        let record = state.jobs.get_mut(&fifth).unwrap();
        let (first, _) = record.range(2).unwrap();
        let first = first + 1;
        record.cuts.push(Cut { batch: 2, first });
        let mut result = state.results[&(fifth, 2)].clone();
        result.summary = rest;
        state.results.insert((fifth, 3), result);
        let busy = state.batches[&(open.job(), 0)].clone();
        state.batches.insert((fifth, 3), busy);
    });
    // Not while somebody could copy them.
    let exposed = canary::expose(chain, &alice, fifth, &file_4).await.unwrap();
    assert_eq!(exposed.checked, [(0, true), (1, true)]);
    assert_eq!((exposed.uprooted.len(), planted()), (0, 1));
    chain.edit(|state| state.batches.remove(&(fifth, 3)));
    let exposed = canary::expose(chain, &alice, fifth, &file_4).await.unwrap();
    assert_eq!(exposed.checked, [(2, false), (3, true)]);
    assert_eq!(exposed.uprooted, [0; 0]);
    assert_eq!(planted(), 0);
    let file_3 = folder.path().join("never.json");
    plant(file_3.clone()).await.unwrap();
    assert_eq!(planted(), 3);
    assert!(canary::uproot(chain, &alice, &file_3).await.unwrap());
    assert_eq!(planted(), 0);
    assert!(!canary::uproot(chain, &alice, &file_3).await.unwrap());

    // Answers for another chain, a file of something else, a job that is not there.
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    let broken = canary::expose(chain, &alice, job, &file).await;
    assert!(broken.unwrap_err().to_string().contains("canary plant"));
    std::fs::write(&file, &text).unwrap();
    let missing = canary::expose(chain, &alice, open.job() + 1, &file).await;
    assert!(missing.unwrap_err().to_string().contains("no job"));
    let mut other: serde_json::Value = serde_json::from_str(&text).unwrap();
    other["genesis"] = format!("{:?}", sp_core::H256::zero()).into();
    std::fs::write(&file, other.to_string()).unwrap();
    let foreign = canary::expose(chain, &alice, job, &file).await;
    assert!(foreign.unwrap_err().to_string().contains("another chain"));
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_of_a_job_after_another_name_its_outputs() {
    let grid = Grid::new(2).await;
    let mut first = grid.submit(&Scene::new(4, 2)).await.unwrap();
    // GIVEN a job that gathers the outputs of another one, submitted before that one was complete
    let mut scene = Scene::new(2, 1);
    scene.file.after = Some(first.job());
    let mut second = grid.submit(&scene).await.unwrap();
    let (_, summary) = grid.run(&mut first).await;
    summary.unwrap().complete().unwrap();
    // WHEN it ran
    grid.chain.advance(1);
    let (_, summary) = grid.run(&mut second).await;
    let summary = summary.unwrap().complete().unwrap();
    assert_eq!((summary.verified, summary.bundles), (2, (4, 4)));
    // THEN its receipts hold against what the first left, without a network
    let folder = second.folder().clone();
    let report = common::verify(folder.path());
    assert_eq!(report["agrees"], true, "{report}");
    assert_eq!(fs::read_dir(folder.before()).unwrap().count(), 2);
    // AND against nothing else
    fs::remove_dir_all(folder.before()).unwrap();
    assert_eq!(common::verify(folder.path())["valid"], 0);
    // AND for a later one they are fetched at once, to see whether workers would take its inputs
    let third = grid.submit(&scene).await.unwrap();
    assert_eq!(fs::read_dir(third.folder().before()).unwrap().count(), 2);
    third.shutdown().await;
    // AND who ordered the first has what it left when its makers are gone
    grid.chain.edit(|state| state.workers.clear());
    let plane = DataPlane::spawn(Config::memory()).await.unwrap();
    let stranger = Before::fetch(&grid.chain, &plane, &folder, first.job()).await;
    let refused = stranger.unwrap_err().to_string();
    assert!(refused.contains("does not serve this content"), "{refused}");
    // AND only who can show that it is the same requester
    let card = card::sign(&scene.key, &grid.chain.genesis(), &plane.endpoint_id());
    plane.set_card(card).unwrap();
    Before::fetch(&grid.chain, &plane, &folder, first.job())
        .await
        .unwrap();
    plane.shutdown().await;
    assert_eq!(common::verify(folder.path())["agrees"], true);
    first.shutdown().await;
    second.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_after_one_that_was_cancelled_says_so() {
    let grid = Grid::new(1).await;
    let first = grid.submit(&Scene::new(4, 2)).await.unwrap();
    let mut scene = Scene::new(4, 2);
    scene.file.after = Some(first.job());
    let mut second = grid.submit(&scene).await.unwrap();
    grid.cancel(first.job()).await;
    grid.chain.advance(1);
    let (_, summary) = grid.run(&mut second).await;
    let summary = summary.unwrap();
    assert_eq!(summary.state, "without input");
    let error = summary.complete().unwrap_err().to_string();
    assert!(error.contains("refunded"), "{error}");
    first.shutdown().await;
    second.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_of_a_series_are_followed_one_after_the_other() {
    let grid = Grid::new(2).await;
    let series = grid.repeat(&Scene::new(2, 1), 20, 2).await.unwrap();
    assert!(!series.is_over().await.unwrap());
    let mut folders = Vec::new();
    for round in 0..2 {
        // WHEN the next job starts
        grid.chain.advance(20);
        let mut requester = series.next().await.unwrap().expect("it has started");
        let (_, summary) = grid.run(&mut requester).await;
        assert_eq!(summary.unwrap().complete().unwrap().verified, 2);
        // THEN it is served, followed and checked from a folder of its own
        let folder = requester.folder().clone();
        assert_eq!(common::verify(folder.path())["agrees"], true, "{round}");
        assert!(folder.path().starts_with(series.folder().path()));
        folders.push(folder.path().to_owned());
        let listen = requester.record().serving.listen;
        requester.shutdown().await;
        // The socket is given back a moment later.
        while std::net::UdpSocket::bind(listen).is_err() {
            tokio::task::yield_now().await;
        }
    }
    assert_ne!(folders[0], folders[1]);
    assert!(series.is_over().await.unwrap());
    assert!(series.next().await.unwrap().is_none());
    grid.shutdown().await;
}
