//! Who is drawn as a witness, and who may call, seal and open when.

use frame_support::{assert_noop, assert_ok, dispatch::CheckIfFeeless, traits::fungible::Inspect};
use pallet_market::Error as MarketError;
use sp_core::H256;
use sp_runtime::DispatchError;
use sungrid_primitives::witness;

use super::witnesses::*;
use crate::{mock::*, *};

#[test]
fn who_calls_when() {
    run(|| {
        assert_noop!(call(0), MarketError::<Test>::NoSuchJob);
        let open = one_batch(2, 1);
        assert_noop!(call(open), Error::<Test>::NotSettled);
        let job = settled();
        for other in [stranger(), operator(1), worker(3)] {
            assert_noop!(
                Verification::call_witnesses(signed(other), job, 0),
                MarketError::<Test>::NotRequester
            );
        }
        assert_noop!(
            Verification::call_witnesses(RuntimeOrigin::root(), job, 0),
            DispatchError::BadOrigin
        );
        assert_noop!(
            Verification::call_witnesses(signed(requester()), job, 1),
            Error::<Test>::NotSettled
        );
        assert_ok!(call(job));
        assert!(panel(job).is_empty(), "nobody knows them yet");
        assert_noop!(call(job), Error::<Test>::AlreadyCalled);
    });
    run(|| {
        let job = settled();
        wait(RETENTION);
        assert_noop!(call(job), Error::<Test>::CallTooLate);
    });
    run(|| {
        let job = settled();
        assert_ok!(Verification::acknowledge(signed(requester()), job, 1));
        assert_noop!(call(job), Error::<Test>::AlreadyReceived);
    });
    run(|| {
        let job = settled();
        let free = Balances::balance(&requester());
        assert_ok!(Balances::transfer_allow_death(
            signed(requester()),
            stranger(),
            free - CALL_BOND
        ));
        assert_noop!(call(job), sp_runtime::TokenError::FundsUnavailable);
    });
    // Records that somebody cleans up have no outputs.
    run(|| {
        let job = settled();
        wait(RETENTION);
        assert_ok!(Market::clean_up(signed(stranger()), job));
        assert_noop!(call(job), MarketError::<Test>::NoSuchJob);
    });
}

#[test]
fn who_seals_and_opens_when() {
    run(|| {
        let job = settled();
        let seal = |n| Verification::attest(signed(worker(n)), job, 0, H256::zero());
        assert_noop!(seal(3), Error::<Test>::NotCalled);
        assert_noop!(try_testify(3, job, None), Error::<Test>::NotCalled);
        assert_ok!(call(job));
        assert_noop!(seal(3), Error::<Test>::NotDrawn);
        wait(DRAW_DELAY);
        let panel = panel(job);
        let outsider = (1..=WORKERS).find(|n| !panel.contains(n)).expect("some");
        assert_noop!(seal(outsider), Error::<Test>::NotDrawn);
        assert_noop!(seal(1), Error::<Test>::NotDrawn);
        let attest_call = |n: u8| {
            RuntimeCall::from(Call::<Test>::attest {
                job,
                batch: 0,
                seal: witness::seal(job, 0, worker(n).as_ref(), &None, &salt(n)),
            })
        };
        assert!(attest_call(panel[0]).is_feeless(&signed(worker(panel[0]))));
        assert!(!attest_call(outsider).is_feeless(&signed(worker(outsider))));
        attest(panel[0], job, None);
        assert!(!attest_call(panel[0]).is_feeless(&signed(worker(panel[0]))));
        assert_noop!(seal(panel[0]), Error::<Test>::AlreadyCommitted);
        assert_noop!(
            try_testify(panel[0], job, None),
            Error::<Test>::TestimonyNotOpen
        );
        for n in &panel[1..6] {
            attest(*n, job, None);
        }
        // The agenda may lag: the block number decides.
        System::set_block_number(System::block_number() + WITNESS_BLOCKS + 1);
        assert_noop!(seal(panel[6]), Error::<Test>::CommitTooLate);
        next_block();
        assert_noop!(
            try_testify(panel[6], job, None),
            Error::<Test>::NotCommitted
        );
        let testify_call = |found| {
            RuntimeCall::from(Call::<Test>::testify {
                job,
                batch: 0,
                found,
                salt: salt(panel[0]),
            })
        };
        assert!(testify_call(None).is_feeless(&signed(worker(panel[0]))));
        assert!(!testify_call(THERE).is_feeless(&signed(worker(panel[0]))));
        assert_ok!(try_testify(panel[0], job, None));
        assert_noop!(
            try_testify(panel[0], job, None),
            Error::<Test>::AlreadyRevealed
        );
        System::set_block_number(System::block_number() + REVEAL_BLOCKS + 1);
        assert_noop!(
            try_testify(panel[1], job, None),
            Error::<Test>::RevealTooLate
        );
    });
}

#[test]
fn witnesses_are_strangers_of_the_whole_fleet_and_of_those_who_may_see_the_outputs() {
    let mut seen = std::collections::BTreeMap::new();
    for start in 0..60 {
        run(|| {
            // The requester has a worker, too.
            register(WORKERS + 1, requester());
            // Worker 3 is where the outputs may not go; 4 takes a rest; 5 and 6 have one operator.
            pallet_workers::Workers::<Test>::mutate(worker(3), |record| {
                record.as_mut().expect("registered").attributes.jurisdiction = *b"US";
            });
            assert_ok!(Workers::pause(signed(operator(4)), worker(4)));
            wait(start);
            let mut order = spec(1, 2);
            order.constraints.jurisdictions = vec![*b"DE"].try_into().expect("one");
            let job = pallet_market::NextJobId::<Test>::get();
            assert_ok!(Market::submit(signed(requester()), order));
            for n in 1..=2 {
                claim(n, job);
                commit(n, job, 0, &truth(0));
            }
            for n in 1..=2 {
                reveal(n, job, 0, &truth(0));
            }
            let panel = called(job);
            assert_eq!(panel.len(), 7);
            for n in panel {
                *seen.entry(n).or_insert(0) += 1;
            }
        });
    }
    let drawn: Vec<u8> = seen.keys().copied().collect();
    assert_eq!(drawn, (5..=WORKERS).collect::<Vec<_>>());
    // Seven of eight each time: 52.5 of 60 on average, with a deviation of 2.6.
    assert!(
        seen.values().all(|count| (40..60).contains(count)),
        "{seen:?}"
    );
}

/// Workers 3 to [`WORKERS`] pause, or pause and resume, in this order: each gives its number to the last.
fn rearrange(order: &[u8], resumed: bool) {
    for n in order {
        assert_ok!(Workers::pause(signed(operator(*n)), worker(*n)));
        if resumed {
            assert_ok!(Workers::resume(signed(operator(*n)), worker(*n)));
        }
    }
}

#[test]
fn whoever_rearranges_the_fleet_after_the_call_only_has_workers_passed_over() {
    let drawn = |after: &dyn Fn()| {
        let mut found = (H256::zero(), Vec::new());
        run(|| {
            let job = settled();
            assert_ok!(call(job));
            next_block();
            after();
            wait(DRAW_DELAY - 1);
            let call = Verification::witnesses(job, 0).expect("some are drawn");
            found = (call.seed, panel(job));
        });
        found
    };
    let (seed, as_called) = drawn(&|| ());
    for (order, resumed) in [
        (&[10, 3][..], true),
        (&[4, 9, 4][..], true),
        (&[12, 11][..], false),
        (&[5, 6][..], false),
    ] {
        let (same, since) = drawn(&|| rearrange(order, resumed));
        assert_eq!(same, seed, "what is drawn from is the same");
        // Those that stay where they were are drawn in their order; who is passed over makes room for the next.
        let still: Vec<_> = since.iter().filter(|n| as_called.contains(n)).collect();
        let before: Vec<_> = as_called.iter().filter(|n| since.contains(n)).collect();
        assert_eq!(still, before);
        // Who came back is not drawn.
        assert!(order.iter().all(|n| !since.contains(n)), "{since:?}");
    }
}

#[test]
fn an_operator_with_many_workers_is_one_witness() {
    run(|| {
        for n in 5..=WORKERS {
            pallet_workers::Workers::<Test>::mutate(worker(n), |record| {
                record.as_mut().expect("registered").operator = operator(5);
            });
        }
        let job = settled();
        let panel = called(job);
        assert_eq!(panel.len(), 3);
        assert_eq!(panel.iter().filter(|n| **n >= 5).count(), 1);
        // The record of the bonds is whole again.
        for n in 6..=WORKERS {
            pallet_workers::Workers::<Test>::mutate(worker(n), |record| {
                record.as_mut().expect("registered").operator = operator(n);
            });
        }
    });
}

#[test]
fn in_a_fleet_of_two_nobody_decides_about_the_others() {
    run(|| {
        let job = settled();
        for n in 5..=WORKERS {
            assert_ok!(Workers::pause(signed(operator(n)), worker(n)));
        }
        let before = total(&requester());
        assert!(called(job).is_empty());
        assert_eq!(finding(job), Some(Finding::Undecided));
        assert_eq!((total(&requester()), held(), bond(1)), (before, 0, BOND));
    });
}
