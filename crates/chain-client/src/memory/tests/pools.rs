//! What others stake on workers.

use super::*;
use crate::BILLION;

#[tokio::test]
async fn who_delegates_shares_income_and_slashes() {
    let scene = Scene::new().await;
    let (worker, operator) = (scene.worker(0).await, key("//Operator0"));
    let issuance = scene.chain.edit(|state| state.issuance());
    let position = async |of: &Keypair| {
        let position = scene.chain.position(0, &of.account()).await;
        position.expect("reads").unwrap_or_default()
    };

    // A pool, with a fifth of its income for the operator.
    let open = Call::OpenPool {
        worker: worker.account(),
        commission: BILLION / 5,
    };
    assert_eq!(scene.ok(&operator, open).await.pool(), Some(0));
    let delegate = |amount| Call::Delegate { pool: 0, amount };
    let friend = &scene.requester;
    scene.ok(friend, delegate(200 * ISC)).await;
    let refused = scene.send(friend, delegate(601 * ISC)).await;
    assert!(refused.expect_err("too much").to_string().contains("bond"));
    let record = scene.chain.worker(&worker.account()).await;
    let record = record.expect("reads").expect("registered");
    assert_eq!((record.bond, record.backing()), (200 * ISC, 400 * ISC));

    // Half of what the commission leaves, and half of a slash.
    scene.chain.edit(|state| {
        let own = state.share_income(&worker.account(), 100);
        *state.rewards.entry(operator.account()).or_default() += own;
        assert_eq!(own, 60);
        state.slash(&worker.account());
    });
    assert_eq!(position(friend).await.staying, 180 * ISC);
    let claim = scene.ok(friend, Call::ClaimIncome(0)).await;
    assert_eq!((claim.income(), claim.rewards()), (40, 0));

    // Out, after the cool-down.
    let leave = Call::Undelegate {
        pool: 0,
        amount: Balance::MAX,
    };
    scene.ok(friend, leave).await;
    let free_at = position(friend).await.free_at.expect("leaving");
    let withdraw = || scene.send(friend, Call::WithdrawDelegation(0));
    assert!(withdraw().await.is_err());
    scene.chain.advance_to(free_at);
    let withdrawn = withdraw().await.expect("cooled down").withdrawn();
    assert_eq!(withdrawn, 180 * ISC);
    assert_eq!(position(friend).await, Default::default());
    // What was paid here came from nobody.
    assert_eq!(scene.chain.edit(|state| state.issuance()), issuance + 100);
}
