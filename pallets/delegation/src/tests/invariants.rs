//! Corrupted storage is noticed; configuration that contradicts itself does not start.

use frame_support::traits::Hooks;
use sp_runtime::{Perbill, TryRuntimeError};

use crate::{DelegationOf, Delegations, PoolOf, PoolRecordOf, Pools, Starts, mock::*};

/// What is wrong after `corrupt` in a pool in which Dora earns, and Dirk begins to.
fn broken(corrupt: impl FnOnce()) -> TryRuntimeError {
    new_test_ext().execute_with(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        next_round();
        delegate("dirk", OWN);
        pay("w1", 10_000);
        next_round();
        pay("w1", 10_000);
        check();
        corrupt();
        Delegation::do_try_state().expect_err("the corruption is noticed")
    })
}

fn with_pool(change: impl FnOnce(&mut PoolRecordOf<Test>)) -> TryRuntimeError {
    broken(|| Pools::<Test>::mutate_extant(0, change))
}

fn with_dirk(change: impl FnOnce(&mut DelegationOf<Test>)) -> TryRuntimeError {
    broken(|| {
        Delegations::<Test>::mutate(0, account("dirk"), |dirk| {
            change(dirk.as_mut().expect("delegated"));
        });
    })
}

#[test]
fn a_pool_without_its_worker_is_noticed() {
    let text = "delegation 1: a pool is not its worker's";
    assert_eq!(
        with_pool(|pool| pool.home = crate::Home::Worker(account("w2"))),
        text.into()
    );
    assert_eq!(
        broken(|| PoolOf::<Test>::remove(account("w1"))),
        text.into()
    );
    let text = "delegation 1: a worker's pool is another's";
    assert_eq!(
        broken(|| PoolOf::<Test>::insert(account("w2"), 0)),
        text.into()
    );
    let text = "delegation 1: a delegation is to no pool";
    assert_eq!(broken(|| Pools::<Test>::remove(0)), text.into());
    let text = "delegation 1: something is delegated without a pool";
    let stake = || {
        register("w2");
        pallet_workers::Workers::<Test>::mutate_extant(account("w2"), |record| {
            record.delegated.stake = 1;
        });
    };
    assert_eq!(broken(stake), text.into());
}

#[test]
fn shares_that_do_not_add_up_are_noticed() {
    let text = "delegation 2: shares do not add up";
    let share = || {
        pallet_workers::Workers::<Test>::mutate_extant(account("w1"), |record| {
            record.delegated.shares += 1;
        });
    };
    assert_eq!(broken(share), text.into());
    let text = "delegation 2: other shares leave than the worker knows";
    assert_eq!(with_dirk(|dirk| dirk.leaving = 1), text.into());
}

#[test]
fn shares_that_earn_wrongly_are_noticed() {
    let text = "delegation 3: shares that earn do not add up";
    assert_eq!(with_pool(|pool| pool.earning -= 1), text.into());
    assert_eq!(with_pool(|pool| pool.joining = 1), text.into());
}

#[test]
fn a_start_that_is_nobody_s_is_noticed() {
    let text = "delegation 4: a start has other shares than delegations";
    assert_eq!(
        broken(|| Starts::<Test>::insert(0, 77, crate::Start::default())),
        text.into()
    );
    let text = "delegation 4: a start is missing";
    let since = || Starts::<Test>::remove(0, delegation("dirk").since);
    assert_eq!(broken(since), text.into());
}

#[test]
fn a_debt_that_is_not_covered_is_noticed() {
    let text = "delegation 5: a pool owes what it does not have";
    assert_eq!(with_pool(|pool| pool.owed = 0), text.into());
    assert_eq!(with_pool(|pool| pool.owed *= 2), text.into());
    assert_eq!(with_dirk(|dirk| dirk.pending = FUNDS), text.into());
}

#[test]
fn a_delegation_of_nothing_is_noticed() {
    let text = "delegation 6: a delegation has no shares";
    assert_eq!(with_dirk(|dirk| dirk.joining = 0), text.into());
}

#[test]
#[should_panic(expected = "records cost nothing")]
fn delegations_of_nothing_do_not_start() {
    MinDelegation::set(0);
    Delegation::integrity_test();
}

#[test]
#[should_panic(expected = "the time to leave first")]
fn a_notice_too_short_to_leave_does_not_start() {
    CommissionNotice::set(COOLDOWN - 1);
    Delegation::integrity_test();
}

#[test]
#[should_panic(expected = "must not make free calls for two workers")]
fn a_stake_that_calls_twice_does_not_start() {
    FeelessWindow::set(COOLDOWN + 1);
    Delegation::integrity_test();
}
