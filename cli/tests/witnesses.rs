//! A requester that cannot fetch what it paid for, and the workers that are drawn to try.

#[allow(unreachable_pub, dead_code, reason = "a module of several tests")]
mod common;

use common::{Grid, Scene};
use sp_core::H256;
use sungrid_chain_client::{AccountId, CallStage, Chain, Keypair, WitnessCall};
use sungrid_cli::{
    Error,
    requester::Update,
    witness::{self, Finding, Witnessed},
};

const THERE: Option<H256> = Some(H256::repeat_byte(9));

/// A job of one batch that workers 0 and 1 have done and nobody serves; three strangers beside them.
async fn withheld() -> (Grid, Scene, u32) {
    let grid = Grid::new(5).await;
    let scene = Scene::new(2, 2);
    let mut requester = grid.submit(&scene).await.unwrap();
    let job = requester.job();
    grid.work_silently(job).await;
    grid.hide_workers(true);
    let (_, summary) = grid.run_advancing(&mut requester).await;
    let error = summary.unwrap().complete().unwrap_err();
    assert!(error.to_string().contains("job witness"), "{error}");
    requester.shutdown().await;
    (grid, scene, job)
}

fn alice() -> Keypair {
    Keypair::from_uri("//Alice").unwrap()
}

/// Calls witnesses and waits until they are drawn; says who did not find the result.
async fn call(grid: &Grid, job: u32) -> Vec<usize> {
    assert!(witness::call(&grid.chain, &alice(), job, 0).await.unwrap());
    // They are called once.
    assert!(!witness::call(&grid.chain, &alice(), job, 0).await.unwrap());
    grid.chain.advance(5);
    let calls = grid.chain.witness_calls(Some(job)).await.unwrap();
    let drawn: Vec<AccountId> = calls[0]
        .2
        .witnesses
        .iter()
        .map(|w| w.worker.clone())
        .collect();
    (0..5)
        .filter(|n| drawn.contains(&grid.worker(*n)))
        .collect()
}

async fn all_say(grid: &Grid, job: u32, panel: &[usize], found: Option<H256>) {
    for n in panel {
        grid.attest(*n, job, 0, found).await;
    }
    for n in panel {
        grid.testify(*n, job, 0, found).await;
    }
}

/// Follows the call while `work` is done; returns what was seen of it.
async fn follow(
    grid: &Grid,
    job: u32,
    work: impl Future<Output = ()>,
) -> (Vec<WitnessCall>, Result<Witnessed, Error>) {
    let mut seen = Vec::new();
    let mut on = |call: &WitnessCall| seen.push(call.clone());
    let (witnessed, ()) = tokio::join!(witness::follow(&grid.chain, job, 0, &mut on), work);
    (seen, witnessed)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_serves_is_paid_back() {
    let (grid, scene, job) = withheld().await;
    let purse = async || {
        let account = grid.chain.account(&scene.key.account()).await.unwrap();
        account.free + account.held
    };
    let before = purse().await;
    let panel = call(&grid, job).await;
    assert_eq!(panel.len(), 3);
    let (seen, witnessed) = follow(&grid, job, all_say(&grid, job, &panel, None)).await;
    assert_eq!(
        witnessed.unwrap(),
        Witnessed {
            job,
            batch: 0,
            finding: Finding::Withheld,
            witnesses: vec![]
        }
    );
    assert!(
        seen.iter()
            .all(|call| !matches!(call.stage, CallStage::Drawing { .. }))
    );
    let paid = grid.chain.job(job).await.unwrap().unwrap().paid;
    assert!(paid > 0);
    assert_eq!(purse().await, before + paid);
    // It is not asked for again, though whoever withheld it is back: said once, with the reason, and at an end at once.
    grid.hide_workers(false);
    let mut again = grid.resume(job).await.unwrap();
    let (updates, summary) = grid.run_advancing(&mut again).await;
    let told = updates
        .iter()
        .filter(|u| matches!(u, Update::PaidBack { batch: 0 }));
    assert_eq!(told.count(), 1, "{updates:?}");
    let tried = |u: &Update| matches!(u, Update::Unreachable { .. } | Update::Received { .. });
    assert!(!updates.iter().any(tried), "{updates:?}");
    let error = summary.unwrap().complete().unwrap_err();
    assert!(
        error.to_string().contains("what was paid for them is back"),
        "{error}"
    );
    again.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_witnesses_have_fetched_is_collected_from_them() {
    let (grid, _, job) = withheld().await;
    let panel = call(&grid, job).await;
    // The makers serve everybody but the requester.
    for n in &panel {
        grid.fetch_as_witness(*n, job, 0).await;
        grid.show_worker(*n);
    }
    let (_, witnessed) = follow(&grid, job, all_say(&grid, job, &panel, THERE)).await;
    let witnessed = witnessed.unwrap();
    assert_eq!(witnessed.finding, Finding::Fetched);
    assert_eq!(witnessed.witnesses.len(), 3);
    let mut again = grid.resume(job).await.unwrap();
    let (updates, summary) = grid.run_advancing(&mut again).await;
    assert_eq!(
        summary.unwrap().complete().unwrap().verified,
        2,
        "{updates:?}"
    );
    again.shutdown().await;
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn witnesses_who_stay_away_decide_nothing() {
    let (grid, _, job) = withheld().await;
    call(&grid, job).await;
    let pass = async { grid.chain.advance(300) };
    let (_, witnessed) = follow(&grid, job, pass).await;
    assert_eq!(witnessed.unwrap().finding, Finding::Undecided);
    // And can be called again.
    assert!(witness::call(&grid.chain, &alice(), job, 0).await.unwrap());
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_owes_is_refused_with_advice() {
    let (grid, _, job) = withheld().await;
    let refused = async |job, batch| {
        let refused = witness::call(&grid.chain, &alice(), job, batch).await;
        refused.unwrap_err().to_string()
    };
    assert!(refused(job, 7).await.contains("batches count from 0"));
    assert!(refused(job + 9, 0).await.contains("check the number"));
    grid.chain.advance(2_000);
    let late = refused(job, 0).await;
    assert!(late.contains("and no longer"), "{late}");
    grid.shutdown().await;
}
