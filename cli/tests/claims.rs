//! What anybody does for the chain: claims of capacity that nobody has opened are settled, those who have left forgotten.

#[allow(unreachable_pub, dead_code, reason = "a module of several tests")]
mod common;

use common::Grid;
use sp_core::H256;
use sungrid_chain_client::{Keypair, Rating, Run, Shape};
use sungrid_cli::{claims, departed};
use sungrid_primitives::ISC;

#[tokio::test]
async fn whoever_settles_overdue_claims_has_a_bounty() {
    let grid = Grid::new(3).await;
    let chain = &grid.chain;
    let alice = Keypair::from_uri("//Alice").unwrap();
    let owner = Keypair::from_uri("//Operator2").unwrap();
    // GIVEN two claims whose time ends soon, and one that has more
    for (n, more) in [(0, 5), (1, 500), (2, 5)] {
        let worker = grid.worker(n);
        chain.edit(|state| {
            let run = Run::Committed {
                seed: H256::zero(),
                shape: Shape {
                    lanes: 1,
                    segments: 64,
                },
                root: H256::zero(),
                draw: None,
                until: state.number + more,
            };
            state.runs.insert(worker, run);
        });
    }
    let free = |key: &Keypair| {
        let account = key.account();
        chain.edit(|state| state.accounts[&account].free)
    };
    let (before, owners) = (free(&alice), free(&owner));
    assert_eq!(claims::settle(chain, &alice, &[]).await.unwrap(), []);
    // Who is named is not passed over in silence.
    let early = claims::settle(chain, &alice, &[grid.worker(0)]).await;
    assert!(early.is_err());
    chain.advance(5);
    // WHEN an operator settles its own, and somebody all others
    let own = claims::settle(chain, &owner, &[grid.worker(2)]).await;
    assert_eq!(own.unwrap(), [grid.worker(2)]);
    let settled = claims::settle(chain, &alice, &[]).await.unwrap();
    // THEN a tenth of the slash is for who is no party to it
    assert_eq!(settled, [grid.worker(0)]);
    assert_eq!(free(&alice) - before, 10 * ISC);
    assert_eq!(free(&owner), owners);
    let bonds = [0, 1, 2].map(|n| {
        let worker = grid.worker(n);
        chain.edit(|state| state.workers[&worker].bond)
    });
    assert_eq!(bonds, [900 * ISC, 1_000 * ISC, 900 * ISC]);
    assert_eq!(claims::settle(chain, &alice, &[]).await.unwrap(), []);
    grid.shutdown().await;
}

#[tokio::test]
async fn what_is_known_of_those_who_have_left_is_forgotten_and_of_nobody_else() {
    let grid = Grid::new(1).await;
    let chain = &grid.chain;
    let alice = Keypair::from_uri("//Alice").unwrap();
    let [left, never, there] =
        ["//Left", "//Never", "//Operator0"].map(|name| Keypair::from_uri(name).unwrap().account());
    let rating = Rating { stars: 5, count: 1 };
    for operator in [&left, &there] {
        chain.edit(|state| state.ratings.insert(operator.clone(), rating));
    }
    let forgotten = departed::forget(chain, &alice, &[left.clone(), never]).await;
    assert_eq!(forgotten.unwrap(), [left]);
    let refused = departed::forget(chain, &alice, std::slice::from_ref(&there)).await;
    assert!(refused.unwrap_err().to_string().contains("have left"));
    chain.edit(|state| assert_eq!(state.ratings.keys().collect::<Vec<_>>(), [&there]));
    grid.shutdown().await;
}
