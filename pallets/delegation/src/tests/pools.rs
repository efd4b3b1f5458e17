//! Opening a pool, delegating to it, closing it.

use frame_support::{assert_noop, assert_ok};
use pallet_workers::Error as WorkersError;
use sp_runtime::{Perbill, TokenError};
use sungrid_primitives::suns::CPU_1;

use crate::{Error, Event, Home, mock::*};

const FIVE: Perbill = Perbill::from_percent(5);

#[test]
fn an_operator_opens_one_pool_for_a_worker() {
    scenario(|| {
        register("w1");
        let w1 = account("w1");
        assert_noop!(
            Delegation::open(signed("olga"), account("w9"), FIVE),
            WorkersError::<Test>::UnknownWorker
        );
        assert_noop!(
            Delegation::open(signed("dora"), w1.clone(), FIVE),
            WorkersError::<Test>::NotOperator
        );
        assert_ok!(Delegation::open(signed("olga"), w1.clone(), FIVE));
        System::assert_last_event(
            Event::PoolOpened {
                pool: 0,
                worker: w1.clone(),
                commission: FIVE,
            }
            .into(),
        );
        assert_eq!(free("olga"), FUNDS - OWN - EXISTENTIAL_DEPOSIT);
        assert_noop!(
            Delegation::open(signed("olga"), w1, FIVE),
            Error::<Test>::AlreadyOpen
        );
        register("w2");
        crate::NextPool::<Test>::put(u32::MAX);
        assert_noop!(
            Delegation::open(signed("olga"), account("w2"), FIVE),
            Error::<Test>::TooManyPools
        );
    });
}

#[test]
fn a_delegation_counts_for_the_bond_and_lets_the_operator_offer_more() {
    scenario(|| {
        open(0, "w1", FIVE);
        let mut twice = CPU_1.contains;
        for amount in [
            &mut twice.fuel_per_second,
            &mut twice.memory,
            &mut twice.storage,
            &mut twice.bandwidth,
        ] {
            *amount *= 2;
        }
        let offer = || Workers::set_capacity(signed("olga"), account("w1"), twice);
        assert_noop!(offer(), WorkersError::<Test>::BondTooLow);
        delegate("dora", OWN);
        System::assert_last_event(
            Event::Delegated {
                pool: 0,
                delegator: account("dora"),
                amount: OWN,
            }
            .into(),
        );
        assert_ok!(offer());
        assert_eq!(free("dora"), FUNDS - OWN);
        assert_eq!(record("w1").backing(), 2 * OWN);
        // Free calls follow the bond.
        assert_eq!(Workers::feeless_calls_left(account("w1")), 200);
        assert!(available("w1"));
        undelegate("dora");
        assert!(!available("w1"));
        assert_eq!(Workers::feeless_calls_left(account("w1")), 100);
    });
}

#[test]
fn an_operator_has_its_own_part_at_stake() {
    scenario(|| {
        open(0, "w1", FIVE);
        delegate("dora", 3 * OWN);
        // A fifth, to the planck.
        delegate("dirk", OWN);
        assert_noop!(
            Delegation::delegate(signed("eve"), 0, LEAST),
            WorkersError::<Test>::OwnPartTooSmall
        );
        assert_ok!(Workers::bond_more(signed("olga"), account("w1"), LEAST / 4));
        delegate("eve", LEAST);
        // It is no way around that to delegate to oneself.
        assert_noop!(
            Delegation::delegate(signed("olga"), 0, LEAST),
            WorkersError::<Test>::OwnWorker
        );
    });
}

#[test]
fn what_cannot_be_delegated_is_refused() {
    scenario(|| {
        assert_noop!(
            Delegation::delegate(signed("dora"), 0, LEAST),
            Error::<Test>::UnknownPool
        );
        open(0, "w1", FIVE);
        assert_noop!(
            Delegation::delegate(signed("dora"), 0, LEAST - 1),
            Error::<Test>::TooLittle
        );
        assert_ok!(Workers::bond_more(signed("olga"), account("w1"), FUNDS / 2));
        assert_noop!(
            Delegation::delegate(signed("dora"), 0, FUNDS),
            TokenError::FundsUnavailable
        );
        assert_ok!(Workers::leave(signed("olga"), account("w1")));
        assert_noop!(
            Delegation::delegate(signed("dora"), 0, LEAST),
            WorkersError::<Test>::Leaving
        );
    });
}

#[test]
fn a_pool_follows_its_worker_to_another_key() {
    scenario(|| {
        open(0, "w1", FIVE);
        delegate("dora", OWN);
        assert_ok!(Workers::rotate_key(
            signed("olga"),
            account("w1"),
            account("w2"),
            proof("w2", "olga"),
        ));
        assert_eq!(pool().home, Home::Worker(account("w2")));
        next_round();
        pay("w2", 1_000);
        next_round();
        // 600 for the worker, half of it to each, after 5 %.
        assert_eq!(position("dora").income, 285);
        // Another worker with the old key has nothing to do with it.
        register("w1");
        assert_eq!(record("w1").delegated, Default::default());
    });
}

#[test]
fn a_pool_goes_to_another_operator_with_its_worker() {
    scenario(|| {
        open(0, "w1", FIVE);
        delegate("dora", OWN);
        delegate("dirk", OWN);
        assert_ok!(Workers::offer(
            signed("olga"),
            account("w1"),
            account("eve"),
            OWN
        ));
        // Dirk does not know Eve, and is out before she comes.
        undelegate("dirk");
        pass(COOLDOWN);
        assert_ok!(Delegation::withdraw(signed("dirk"), 0));
        assert_ok!(Workers::accept(
            signed("eve"),
            account("w1"),
            OWN,
            account("w2"),
            proof("w2", "eve"),
        ));
        assert_eq!(free("olga"), FUNDS - EXISTENTIAL_DEPOSIT);
        assert_ok!(Delegation::set_commission(
            signed("eve"),
            0,
            Perbill::zero()
        ));
        pay("w2", 1_000);
        next_round();
        assert_eq!(position("dora").income, 300);
        assert_eq!(claimable("eve"), 300);
        undelegate("dora");
        pass(COOLDOWN);
        assert_ok!(Delegation::withdraw(signed("dora"), 0));
        assert_eq!(free("dora"), FUNDS + 300);
    });
}

#[test]
fn the_operator_cannot_take_what_is_others() {
    scenario(|| {
        open(0, "w1", FIVE);
        delegate("dora", OWN);
        next_round();
        pay("w1", 1_000);
        // WHEN the operator leaves with its own part
        assert_ok!(Workers::leave(signed("olga"), account("w1")));
        pass(COOLDOWN);
        assert_ok!(Workers::withdraw(signed("olga"), account("w1")));
        // THEN the rest is in the pool's account, the income beside it,
        assert_eq!(free("olga"), FUNDS - EXISTENTIAL_DEPOSIT);
        assert_eq!(in_pool(), OWN);
        let olga = || signed("olga");
        assert_noop!(
            Delegation::set_commission(olga(), 0, FIVE),
            Error::<Test>::WorkerGone
        );
        assert_noop!(Delegation::withdraw(olga(), 0), Error::<Test>::NoDelegation);
        assert_noop!(Delegation::close(olga(), 0), Error::<Test>::InUse);
        assert_noop!(
            Delegation::delegate(signed("dirk"), 0, LEAST),
            Error::<Test>::WorkerGone
        );
        assert_noop!(
            Delegation::undelegate(signed("dora"), 0, LEAST),
            Error::<Test>::WorkerGone
        );
        // AND who delegated has it back, without another cool-down, when the round is over.
        assert_noop!(
            Delegation::withdraw(signed("dora"), 0),
            Error::<Test>::RoundNotOver
        );
        next_round();
        assert_ok!(Delegation::withdraw(signed("dora"), 0));
        assert_eq!(free("dora"), FUNDS + 285);
        assert_ok!(Delegation::close(signed("eve"), 0));
        System::assert_last_event(
            Event::PoolClosed {
                pool: 0,
                operator: account("olga"),
                amount: EXISTENTIAL_DEPOSIT,
            }
            .into(),
        );
        assert_eq!(free("olga"), FUNDS);
        assert_eq!(crate::Pools::<Test>::get(0), None);
    });
}

#[test]
fn a_pool_in_use_is_not_closed() {
    scenario(|| {
        let close = || Delegation::close(signed("eve"), 0);
        assert_noop!(close(), Error::<Test>::UnknownPool);
        open(0, "w1", FIVE);
        assert_noop!(close(), Error::<Test>::InUse);
        assert_ok!(Workers::leave(signed("olga"), account("w1")));
        pass(COOLDOWN);
        assert_ok!(Workers::withdraw(signed("olga"), account("w1")));
        assert_noop!(close(), Error::<Test>::RoundNotOver);
        next_round();
        assert_ok!(close());
    });
}
