//! Every call, every error, whoever would profit from breaking a rule, the invariant.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use sp_core::H256;
use sp_runtime::{DispatchError, TryRuntimeError};
use sungrid_primitives::{
    merkle::UnitLeaf,
    receipt::{self, BatchSummary},
    suns::CPU_1,
};

use crate::{Error, Event, Keeper, MAX_PLANTED, mock::*};

const SALT: [u8; 32] = [1; 32];

fn admit(budget: u128) {
    assert_ok!(Canaries::admit(RuntimeOrigin::root(), KEEPER, budget));
}

fn plant(answers: &[BatchSummary]) {
    let seals: Vec<H256> = answers
        .iter()
        .map(|a| receipt::canary(&order(), 0, a, &SALT))
        .collect();
    let seals = seals.try_into().expect("few");
    assert_ok!(Canaries::plant(RuntimeOrigin::signed(KEEPER), seals));
}

fn expose(who: u64, job: u32, answer: BatchSummary) -> Result<(), DispatchError> {
    Canaries::expose(RuntimeOrigin::signed(who), job, 0, answer, SALT)
}

fn exposed(job: u32, answer: BatchSummary, right: bool, refunded: u128) {
    System::assert_last_event(
        Event::Exposed {
            keeper: KEEPER,
            job,
            batch: 0,
            answer,
            right,
            refunded,
        }
        .into(),
    );
}

#[test]
fn an_answer_known_before_is_held_against_a_result() {
    scenario(|| {
        admit(10_000);
        System::assert_last_event(
            Event::KeeperAdmitted {
                keeper: KEEPER,
                budget: 10_000,
            }
            .into(),
        );
        plant(&[truth(1), truth(2)]);
        System::assert_last_event(
            Event::Planted {
                keeper: KEEPER,
                count: 2,
            }
            .into(),
        );
        let (honest, lie) = (settle(truth(1)), settle(truth(9)));
        assert_ok!(expose(KEEPER, honest, truth(1)));
        exposed(honest, truth(1), true, PRICE);
        assert_ok!(expose(KEEPER, lie, truth(2)));
        exposed(lie, truth(2), false, PRICE);
        assert_eq!(Balances::balance(&REQUESTER), 10_000 + 2 * PRICE);
        let left = Keeper {
            budget: 10_000 - 2 * PRICE,
            planted: 0,
        };
        assert_eq!(Canaries::keeper(KEEPER), Some(left));
    });
}

#[test]
fn governance_alone_admits_and_dismisses() {
    scenario(|| {
        let origin = || RuntimeOrigin::signed(STRANGER);
        assert_noop!(
            Canaries::admit(origin(), STRANGER, 1),
            DispatchError::BadOrigin
        );
        assert_noop!(
            Canaries::dismiss(origin(), KEEPER),
            DispatchError::BadOrigin
        );
        assert_noop!(
            Canaries::dismiss(RuntimeOrigin::root(), KEEPER),
            Error::<Test>::NotKeeper
        );
        assert_noop!(
            Canaries::plant(origin(), vec![H256::zero()].try_into().expect("few")),
            Error::<Test>::NotKeeper
        );
        let job = settle(truth(1));
        assert_noop!(expose(STRANGER, job, truth(1)), Error::<Test>::NotKeeper);
    });
}

#[test]
fn a_dismissed_keeper_has_nothing_left_also_when_it_comes_back() {
    scenario(|| {
        admit(1_000);
        plant(&[truth(1), truth(2)]);
        assert_ok!(Canaries::dismiss(RuntimeOrigin::root(), KEEPER));
        System::assert_last_event(Event::KeeperDismissed { keeper: KEEPER }.into());
        let job = settle(truth(1));
        assert_noop!(expose(KEEPER, job, truth(1)), Error::<Test>::NotKeeper);
        admit(1_000);
        assert_noop!(expose(KEEPER, job, truth(1)), Error::<Test>::NotPlanted);
    });
}

/// A keeper that wants to clear or to frame a worker would choose the answer when it has seen the result.
#[test]
fn an_answer_planted_after_the_job_does_not_count() {
    scenario(|| {
        admit(1_000);
        let job = settle(truth(1));
        plant(&[truth(1)]);
        assert_noop!(expose(KEEPER, job, truth(1)), Error::<Test>::PlantedTooLate);
    });
}

#[test]
fn an_answer_is_that_of_its_seal_and_used_once() {
    scenario(|| {
        admit(1_000);
        plant(&[truth(1)]);
        let (first, second) = (settle(truth(1)), settle(truth(1)));
        assert_noop!(expose(KEEPER, first, truth(2)), Error::<Test>::NotPlanted);
        assert_noop!(
            Canaries::expose(RuntimeOrigin::signed(KEEPER), first, 0, truth(1), [2; 32]),
            Error::<Test>::NotPlanted
        );
        assert_ok!(expose(KEEPER, first, truth(1)));
        assert_noop!(expose(KEEPER, second, truth(1)), Error::<Test>::NotPlanted);
    });
}

/// Or a keeper could hold an answer against whatever job of whomever it likes.
#[test]
fn an_answer_is_for_one_batch_of_one_order() {
    scenario(|| {
        admit(1_000);
        let others = [
            receipt::canary(&order(), 1, &truth(1), &SALT),
            receipt::canary(
                &receipt::Order {
                    requester: [9; 32],
                    ..order()
                },
                0,
                &truth(1),
                &SALT,
            ),
        ];
        assert_ok!(Canaries::plant(
            RuntimeOrigin::signed(KEEPER),
            others.to_vec().try_into().expect("few")
        ));
        let job = settle(truth(1));
        assert_noop!(expose(KEEPER, job, truth(1)), Error::<Test>::NotPlanted);
        assert_noop!(
            expose(KEEPER, job + 1, truth(1)),
            Error::<Test>::NothingToCheck
        );
    });
}

/// Or a keeper could farm trust for a friend with one job.
#[test]
fn a_batch_is_checked_once() {
    scenario(|| {
        admit(1_000);
        let seals = [SALT, [2; 32]].map(|salt| receipt::canary(&order(), 0, &truth(1), &salt));
        assert_ok!(Canaries::plant(
            RuntimeOrigin::signed(KEEPER),
            seals.to_vec().try_into().expect("few")
        ));
        let job = settle(truth(1));
        assert_ok!(expose(KEEPER, job, truth(1)));
        let again = || Canaries::expose(RuntimeOrigin::signed(KEEPER), job, 0, truth(1), [2; 32]);
        assert_noop!(again(), Error::<Test>::NothingToCheck);
        // The answer is still there, for another batch.
        let other = settle(truth(1));
        assert_ok!(Canaries::expose(
            RuntimeOrigin::signed(KEEPER),
            other,
            0,
            truth(1),
            [2; 32]
        ));
    });
}

#[test]
fn a_keeper_plants_so_many_and_each_once() {
    scenario(|| {
        admit(1_000);
        let seals: Vec<H256> = (0..u64::from(MAX_PLANTED))
            .map(H256::from_low_u64_be)
            .collect();
        let plant = |seals: &[H256]| {
            let seals = seals.to_vec().try_into().expect("few");
            Canaries::plant(RuntimeOrigin::signed(KEEPER), seals)
        };
        assert_ok!(plant(&seals[1..]));
        // Storage as it was, although the first of the two was new.
        frame_support::assert_storage_noop!(assert_eq!(
            frame_support::storage::with_storage_layer(|| plant(&[seals[0], seals[0]])),
            Err(Error::<Test>::TooManyPlanted.into())
        ));
        assert_noop!(plant(&seals[1..2]), Error::<Test>::AlreadyPlanted);
        assert_ok!(plant(&seals[..1]));
        assert_noop!(
            plant(&[H256::repeat_byte(9)]),
            Error::<Test>::TooManyPlanted
        );
    });
}

/// Or each job that fails would take a place for good.
#[test]
fn what_will_never_be_exposed_gives_its_place_back() {
    scenario(|| {
        let seals = |from: u64, to: u64| -> frame_support::BoundedVec<_, _> {
            let seals: Vec<H256> = (from..to).map(H256::from_low_u64_be).collect();
            seals.try_into().expect("few")
        };
        let keeper = || RuntimeOrigin::signed(KEEPER);
        let most = u64::from(MAX_PLANTED);
        assert_noop!(
            Canaries::uproot(keeper(), seals(0, 1)),
            Error::<Test>::NotKeeper
        );
        admit(1_000);
        assert_noop!(
            Canaries::uproot(keeper(), seals(0, 1)),
            Error::<Test>::NotPlanted
        );
        assert_ok!(Canaries::plant(keeper(), seals(0, most)));
        // One of them twice, and one that is not there.
        let mut some = seals(most - 1, most + 1);
        some.try_push(H256::from_low_u64_be(most - 1)).expect("few");
        assert_ok!(Canaries::uproot(keeper(), some));
        System::assert_last_event(
            Event::Uprooted {
                keeper: KEEPER,
                count: 1,
            }
            .into(),
        );
        assert_ok!(Canaries::uproot(keeper(), seals(0, most - 1)));
        assert_eq!(Canaries::keeper(KEEPER).map(|k| k.planted), Some(0));
        assert_ok!(Canaries::plant(keeper(), seals(0, most)));
    });
}

/// Or a keeper could rid another of its answers.
#[test]
fn nobody_uproots_what_another_planted() {
    scenario(|| {
        admit(1_000);
        plant(&[truth(1)]);
        assert_ok!(Canaries::admit(RuntimeOrigin::root(), STRANGER, 1_000));
        let seal = receipt::canary(&order(), 0, &truth(1), &SALT);
        assert_noop!(
            Canaries::uproot(
                RuntimeOrigin::signed(STRANGER),
                vec![seal].try_into().expect("few")
            ),
            Error::<Test>::NotPlanted
        );
        let job = settle(truth(1));
        assert_ok!(expose(KEEPER, job, truth(1)));
    });
}

#[test]
fn what_was_uprooted_is_held_against_nothing() {
    scenario(|| {
        admit(1_000);
        plant(&[truth(1)]);
        let seal = receipt::canary(&order(), 0, &truth(1), &SALT);
        assert_ok!(Canaries::uproot(
            RuntimeOrigin::signed(KEEPER),
            vec![seal].try_into().expect("few")
        ));
        let job = settle(truth(1));
        assert_noop!(expose(KEEPER, job, truth(1)), Error::<Test>::NotPlanted);
    });
}

fn leaves(n: u32) -> Vec<UnitLeaf> {
    let leaf = |unit| UnitLeaf {
        unit,
        output: H256::repeat_byte(7),
        fuel: 1_000_000,
        peak_memory: 1 << 20,
        bytes_in: 1,
        bytes_out: 1,
        exit: 0,
    };
    (0..n).map(leaf).collect()
}

fn of(leaves: &[UnitLeaf]) -> BatchSummary {
    BatchSummary::of(leaves, &CPU_1).expect("a CPU task")
}

fn expose_parts(who: u64, job: u32, leaves: &[UnitLeaf]) -> Result<(), DispatchError> {
    let leaves = leaves.to_vec().try_into().expect("few");
    Canaries::expose_parts(RuntimeOrigin::signed(who), job, 0, leaves, SALT)
        .map(|_| ())
        .map_err(|refused| refused.error)
}

/// What was planted is the answer for the whole batch: nothing more has to be known when somebody cuts it.
#[test]
fn an_answer_is_held_against_each_part_of_a_batch_that_was_cut() {
    scenario(|| {
        admit(PRICE + 1);
        let known = leaves(8);
        plant(&[of(&known)]);
        let job = settle_parts(vec![(7, truth(9)), (1, of(&known[7..]))]);
        assert_ok!(expose_parts(KEEPER, job, &known));
        let said: Vec<_> = System::events()
            .into_iter()
            .filter_map(|record| match record.event {
                RuntimeEvent::Canaries(Event::Exposed {
                    batch,
                    answer,
                    right,
                    refunded,
                    ..
                }) => Some((batch, answer, right, refunded)),
                _ => None,
            })
            .collect();
        // Whoever ordered it has both prices, as far as the budget goes.
        assert_eq!(
            said,
            [
                (0, of(&known[..7]), false, PRICE),
                (1, of(&known[7..]), true, 1)
            ]
        );
        let left = Keeper {
            budget: 0,
            planted: 0,
        };
        assert_eq!(Canaries::keeper(KEEPER), Some(left));
        // Once, as everything.
        assert_noop!(expose_parts(KEEPER, job, &known), Error::<Test>::NotPlanted);
    });
}

#[test]
fn leaves_are_those_that_were_planted_for_a_later_job() {
    scenario(|| {
        let known = leaves(8);
        let parts = || vec![(7, of(&known[..7])), (1, of(&known[7..]))];
        let early = settle_parts(parts());
        assert_noop!(
            expose_parts(KEEPER, early, &known),
            Error::<Test>::NotKeeper
        );
        admit(1_000);
        plant(&[of(&known)]);
        assert_noop!(
            expose_parts(KEEPER, early, &known),
            Error::<Test>::PlantedTooLate
        );
        let job = settle_parts(parts());
        let mut other = known.clone();
        other[3].output = H256::zero();
        for wrong in [&other[..], &known[..7], &[]] {
            assert_noop!(expose_parts(KEEPER, job, wrong), Error::<Test>::NotPlanted);
        }
        assert_noop!(
            expose_parts(STRANGER, job, &known),
            Error::<Test>::NotKeeper
        );
        assert_noop!(
            expose_parts(KEEPER, job + 1, &known),
            Error::<Test>::NothingToCheck
        );
        // One that was not cut is held against its summary.
        let whole = settle(of(&known));
        assert_noop!(
            expose_parts(KEEPER, whole, &known),
            Error::<Test>::NothingToCheck
        );
        assert_ok!(expose_parts(KEEPER, job, &known));
    });
}

/// What it costs before it is known how many parts there are is not what it costs.
#[test]
fn a_batch_of_two_parts_is_not_charged_for_seventeen() {
    scenario(|| {
        use frame_support::dispatch::GetDispatchInfo;
        admit(1_000);
        let known = leaves(8);
        plant(&[of(&known)]);
        let job = settle_parts(vec![(7, of(&known[..7])), (1, of(&known[7..]))]);
        let call = crate::Call::<Test>::expose_parts {
            job,
            batch: 0,
            leaves: known.clone().try_into().expect("few"),
            salt: SALT,
        };
        let before = call.get_dispatch_info().call_weight;
        let known = known.try_into().expect("few");
        let done = Canaries::expose_parts(RuntimeOrigin::signed(KEEPER), job, 0, known, SALT);
        let after = done.expect("planted").actual_weight.expect("said");
        assert_eq!(after, <() as crate::WeightInfo>::expose_parts(8, 2));
        assert_eq!(before, <() as crate::WeightInfo>::expose_parts(8, 17));
        assert!(after.all_lt(before));
    });
}

#[test]
fn the_treasury_gives_what_the_budget_allows_and_it_has() {
    scenario(|| {
        let answers: Vec<BatchSummary> = (0..12).map(truth).collect();
        admit(PRICE + 1);
        plant(&answers);
        let jobs: Vec<u32> = answers.iter().map(|answer| settle(*answer)).collect();
        for (place, refunded) in [(0, PRICE), (1, 1), (2, 0)] {
            assert_ok!(expose(KEEPER, jobs[place], answers[place]));
            exposed(jobs[place], answers[place], true, refunded);
        }
        // More than the treasury has: it never goes below its existential deposit.
        admit(100 * FUNDS);
        for place in 3..12 {
            assert_ok!(expose(KEEPER, jobs[place], answers[place]));
        }
        exposed(jobs[11], answers[11], true, FUNDS - 9 * PRICE - 1);
        assert_eq!(Balances::balance(&TREASURY), EXISTENTIAL_DEPOSIT);
        assert_eq!(
            Canaries::keeper(KEEPER).map(|keeper| keeper.budget),
            Some(100 * FUNDS - (FUNDS - PRICE - 1))
        );
    });
}

#[test]
fn a_count_that_is_wrong_is_found() {
    let broken = |corrupt: fn()| {
        new_test_ext().execute_with(|| {
            admit(1_000);
            plant(&[truth(1)]);
            assert_ok!(Canaries::do_try_state());
            corrupt();
            Canaries::do_try_state().expect_err("it is broken")
        })
    };
    let expected = |text| TryRuntimeError::Other(text);
    assert_eq!(
        broken(|| crate::Keepers::<Test>::mutate(KEEPER, |keeper| {
            keeper.as_mut().expect("admitted").planted = 2;
        })),
        expected("canaries 1: a keeper miscounts what it planted")
    );
    assert_eq!(
        broken(|| crate::Keepers::<Test>::remove(KEEPER)),
        expected("canaries 1: an answer that no keeper planted")
    );
}
