//! What workers announce while a job is followed, what the chain shows of it, and who cannot have his say.

#[allow(unreachable_pub, dead_code, reason = "a module of several tests")]
mod common;

use std::sync::{Arc, Mutex};

use common::{Grid, Scene};
use sp_core::H256;
use sungrid_chain_client::{AccountId, Chain};
use sungrid_cli::requester::{BatchNews, Known, Requester, Step, Update};
use sungrid_data_plane::{Config, DataPlane, PeerAddress};
use sungrid_gossip::{Event, News, now_ms};
use sungrid_manifest::ResultReady;
use sungrid_primitives::{BatchIndex, JobId};

fn key(worker: &AccountId) -> [u8; 32] {
    *worker.as_ref()
}

fn units(batch: BatchIndex, worker: &AccountId, finished: u32) -> News {
    News::Units {
        batch,
        worker: key(worker),
        finished,
    }
}

fn committed(batch: BatchIndex, worker: &AccountId) -> News {
    News::Committed {
        batch,
        worker: key(worker),
    }
}

fn seal(from: &DataPlane, genesis: H256, job: JobId, at: u64, news: News) -> Vec<u8> {
    let event = Event {
        genesis,
        job,
        at,
        news,
    };
    event.seal(&from.endpoint_id(), |said| from.sign(said))
}

fn address(requester: &Requester) -> PeerAddress {
    PeerAddress::from_bytes(&requester.record().spec.endpoint).unwrap()
}

/// What became of the batches, in order.
fn steps(updates: &[Update]) -> Vec<BatchNews> {
    let news = |update: &Update| match update {
        Update::Batch(news) => Some(news.clone()),
        _ => None,
    };
    updates.iter().filter_map(news).collect()
}

/// Follows until an update, and returns all that came before it, with it.
async fn follow_until(
    grid: &Grid,
    requester: &mut Requester,
    stop: impl Fn(&Update) -> bool + Sync,
) -> Vec<Update> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = |update: &Update| {
        seen.lock().unwrap().push(update.clone());
        stop(update)
    };
    grid.run_until(requester, keep).await;
    let mut seen = seen.lock().unwrap();
    std::mem::take(&mut *seen)
}

fn is(update: &Update, known: Known, step: &Step) -> bool {
    matches!(update, Update::Batch(news) if news.known == known && news.step == *step)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_announces_is_shown_before_the_chain_and_the_chain_agrees() {
    let grid = Grid::new(2).await;
    let mut requester = grid.submit(&Scene::new(2, 2)).await.unwrap();
    let (job, to, genesis) = (requester.job(), address(&requester), grid.chain.genesis());
    let worker = grid.worker(0);
    let batch = grid.claim(0, job).await;
    let plane = grid.plane(0);
    let at = now_ms();
    for (later, news) in [
        (0, units(batch, &worker, 1)),
        // The same again, fewer, and what was said before that: nothing new.
        (0, units(batch, &worker, 1)),
        (1, units(batch, &worker, 1)),
        (2, units(batch, &worker, 2)),
        (1, committed(batch, &worker)),
        (3, committed(batch, &worker)),
        (4, committed(batch, &worker)),
        (5, units(batch, &worker, 1)),
    ] {
        let message = seal(plane, genesis, job, at + later, news);
        plane.notify(&to, &message).await.unwrap();
    }
    // A last one whose effect shows that all before it were heard.
    let ready = ResultReady::new(genesis, job, batch, key(&worker), H256::repeat_byte(3));
    plane.notify(&to, &ready.to_bytes()).await.unwrap();
    let available = |update: &Update| matches!(update, Update::Batch(news) if matches!(news.step, Step::Available { .. }));
    let announced = follow_until(&grid, &mut requester, available).await;
    let announced: Vec<Step> = steps(&announced)
        .into_iter()
        .filter(|news| news.known == Known::Announced)
        .map(|news| news.step)
        .collect();
    let size = 2;
    let at = grid.plane(0).address().to_string();
    assert_eq!(
        announced,
        [
            Step::Units {
                finished: 1,
                units: size
            },
            Step::Units {
                finished: 2,
                units: size
            },
            Step::Committed,
            Step::Available { at },
        ]
    );

    // The chain has seen a claim so far. Now it sees the rest.
    grid.commit_claimed(0, job, batch).await;
    let (updates, summary) = grid.run(&mut requester).await;
    summary.unwrap().complete().unwrap();
    let on_chain: Vec<Step> = steps(&updates)
        .into_iter()
        .filter(|news| news.known == Known::OnChain && news.worker == worker)
        .map(|news| news.step)
        .collect();
    assert_eq!(on_chain.last(), Some(&Step::Accepted), "{on_chain:?}");
    assert!(on_chain.contains(&Step::Committed), "{on_chain:?}");
    assert!(!on_chain.contains(&Step::Unconfirmed), "{on_chain:?}");
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_chain_never_shows_is_taken_back() {
    let grid = Grid::new(3).await;
    let mut requester = grid.submit(&Scene::new(2, 2)).await.unwrap();
    let (job, to, genesis) = (requester.job(), address(&requester), grid.chain.genesis());
    let worker = grid.worker(0);
    let batch = grid.claim(0, job).await;
    let lie = seal(
        grid.plane(0),
        genesis,
        job,
        now_ms(),
        committed(batch, &worker),
    );
    grid.plane(0).notify(&to, &lie).await.unwrap();
    follow_until(&grid, &mut requester, |update| {
        is(update, Known::Announced, &Step::Committed)
    })
    .await;
    // Blocks come and go without it.
    let chain = grid.chain.clone();
    let updates = follow_until(&grid, &mut requester, |update| {
        if matches!(update, Update::Progress(_)) {
            chain.advance(1);
        }
        is(update, Known::OnChain, &Step::Unconfirmed)
    })
    .await;
    let is_committed = |update: &Update| is(update, Known::OnChain, &Step::Committed);
    assert!(!updates.iter().any(is_committed));
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_liars_are_not_shown_and_hold_up_nobody() {
    let grid = Grid::new(3).await;
    let mut requester = grid.submit(&Scene::new(4, 2)).await.unwrap();
    let (job, to, genesis) = (requester.job(), address(&requester), grid.chain.genesis());
    let victim = grid.worker(0);
    let batch = grid.claim(0, job).await;
    // What the victim really says, for another chain, another job, another time.
    let plane = grid.plane(0);
    let news = committed(batch, &victim);
    let long_ago = now_ms() - 20 * 60_000;
    let replayed = [
        seal(plane, H256::repeat_byte(9), job, now_ms(), news),
        seal(plane, genesis, job + 1, now_ms(), news),
        seal(plane, genesis, job, long_ago, news),
    ];
    let good = seal(plane, genesis, job, now_ms(), news);
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    for n in 0..8 {
        let stranger = DataPlane::spawn(Config::memory()).await.unwrap();
        let more = [
            // In another's name, in one's own, forged, malformed, oversized, and somebody else's true word.
            seal(&stranger, genesis, job, now_ms(), news),
            seal(&stranger, genesis, job, now_ms(), units(batch, &victim, n)),
            forged.clone(),
            good[..90].to_vec(),
            vec![2; 4_096],
            good.clone(),
        ];
        for message in more.iter().chain(&replayed) {
            // A flood is cut, which is an answer, too.
            let _ = stranger.notify(&to, message).await;
        }
        stranger.shutdown().await;
    }
    for message in &replayed {
        plane.notify(&to, message).await.unwrap();
    }
    // Another worker of the job says more than there is, and speaks for the victim.
    let liar = grid.plane(1);
    for news in [units(batch, &grid.worker(1), 99), units(batch, &victim, 1)] {
        let message = seal(liar, genesis, job, now_ms(), news);
        liar.notify(&to, &message).await.unwrap();
    }
    grid.commit_claimed(0, job, batch).await;
    let (updates, summary) = grid.run(&mut requester).await;
    summary.unwrap().complete().unwrap();
    let lies: Vec<BatchNews> = steps(&updates)
        .into_iter()
        .filter(|news| news.known == Known::Announced)
        .filter(|news| !matches!(news.step, Step::Available { .. }))
        .collect();
    assert!(lies.is_empty(), "{lies:?}");
    // The victim was heard in spite of them: its results came before the chain named them.
    let heard = |update: &Update| matches!(update, Update::Batch(news) if news.worker == victim && matches!(news.step, Step::Available { .. }));
    assert!(updates.iter().any(heard), "{updates:?}");
    requester.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_are_told_of_the_job_unless_that_is_switched_off() {
    for on in [true, false] {
        let grid = Grid::new(2).await;
        let mut inbox = grid.plane(0).notifications().unwrap();
        let mut requester = grid.submit(&Scene::new(2, 2)).await.unwrap();
        requester.set_gossip(on);
        let job = requester.job();
        let (endpoint, genesis) = (address(&requester).id(), grid.chain.genesis());
        let worker = grid.worker(1);
        let batch = grid.claim(1, job).await;
        let news = units(batch, &worker, 1);
        let message = seal(grid.plane(1), genesis, job, now_ms(), news);
        let to = address(&requester);
        grid.plane(1).notify(&to, &message).await.unwrap();
        grid.commit_claimed(1, job, batch).await;
        let (updates, summary) = grid.run(&mut requester).await;
        summary.unwrap().complete().unwrap();
        let is_announced = |news: &BatchNews| news.known == Known::Announced;
        let mut announced = steps(&updates);
        announced.retain(is_announced);
        assert_eq!(announced.is_empty(), !on, "{announced:?}");
        requester.shutdown().await;
        let mut told = Vec::new();
        while let Some(notice) = inbox.try_recv() {
            told.push(Event::open(&notice.message, &genesis, now_ms()).unwrap());
        }
        match on {
            false => assert_eq!(told, []),
            true => {
                let (signer, event) = told[0];
                assert_eq!((signer, event.job), (endpoint, job));
                assert_eq!((told.len(), event.news), (1, News::Open));
            }
        }
        grid.shutdown().await;
    }
}
