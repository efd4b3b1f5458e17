//! Leaving takes the cool-down, and dodges no slash.

use frame_support::{assert_noop, assert_ok};
use sp_runtime::Perbill;
use sungrid_primitives::traits::Workers as _;

use crate::{Error, Event, mock::*};

fn withdraw(who: &str) -> frame_support::dispatch::DispatchResult {
    Delegation::withdraw(signed(who), 0)
}

#[test]
fn a_delegation_comes_back_after_the_cool_down() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        assert_noop!(withdraw("dora"), Error::<Test>::NothingLeaving);
        undelegate("dora");
        System::assert_last_event(
            Event::Undelegated {
                pool: 0,
                delegator: account("dora"),
                amount: OWN,
            }
            .into(),
        );
        assert_noop!(
            Delegation::undelegate(signed("dora"), 0, LEAST),
            Error::<Test>::NothingStays
        );
        assert_eq!(
            position("dora").free_at,
            Some(System::block_number() + COOLDOWN)
        );
        pass(COOLDOWN - 1);
        assert_noop!(withdraw("dora"), Error::<Test>::CoolingDown);
        pass(1);
        assert_ok!(withdraw("dora"));
        System::assert_last_event(
            Event::DelegationWithdrawn {
                pool: 0,
                delegator: account("dora"),
                amount: OWN,
            }
            .into(),
        );
        assert_eq!(free("dora"), FUNDS);
        assert_noop!(withdraw("dora"), Error::<Test>::NoDelegation);
    });
}

#[test]
fn leaving_before_a_slash_does_not_dodge_it() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        undelegate("dora");
        pass(COOLDOWN - 1);
        Workers::slash(&account("w1"), &[]);
        pass(1);
        assert_ok!(withdraw("dora"));
        assert_eq!(free("dora"), FUNDS - OWN / 10);
    });
}

#[test]
fn a_batch_that_is_not_decided_keeps_who_answered_for_it() {
    scenario(|| {
        let w1 = account("w1");
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        assert_eq!(Workers::commit(&w1, 1), Ok(()));
        // In the same block: Dora answers for the batch.
        undelegate("dora");
        pass(COOLDOWN);
        assert_noop!(withdraw("dora"), Error::<Test>::CoolingDown);
        Workers::release(&w1, 1);
        Workers::slash(&w1, &[]);
        Workers::resolved(&w1);
        assert_ok!(withdraw("dora"));
        assert_eq!(free("dora"), FUNDS - OWN / 10);
    });
}

#[test]
fn who_answered_for_a_batch_answers_for_its_outputs_however_late_it_is_accepted() {
    let late = 3 * COOLDOWN;
    // Idle after that, or busy with what nobody answers for who had left before.
    for busy_again in [false, true] {
        scenario(|| {
            let w1 = account("w1");
            open(0, "w1", Perbill::zero());
            delegate("dora", OWN);
            assert_eq!(Workers::commit(&w1, 1), Ok(()));
            undelegate("dora");
            pass(late);
            Workers::release(&w1, 1);
            Workers::note_accepted(&w1, 1, 1);
            Workers::resolved(&w1);
            let accepted_at = System::block_number();
            assert_eq!(position("dora").free_at, Some(accepted_at + LIABILITY));
            assert_noop!(withdraw("dora"), Error::<Test>::CoolingDown);
            if busy_again {
                pass(1);
                assert_eq!(Workers::commit(&w1, 0), Ok(()));
                pass(1);
                Workers::note_accepted(&w1, 1, 1);
                assert_eq!(position("dora").free_at, Some(accepted_at + 1 + LIABILITY));
            }
            // Nobody serves the outputs.
            Workers::slash(&w1, &[]);
            pass(LIABILITY);
            assert_ok!(withdraw("dora"));
            assert_eq!(free("dora"), FUNDS - OWN / 10);
            if busy_again {
                Workers::resolved(&w1);
            }
        });
    }
}

#[test]
fn a_worker_that_is_accepted_again_and_again_keeps_nobody_for_ever() {
    scenario(|| {
        let w1 = account("w1");
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        assert_eq!(Workers::commit(&w1, 0), Ok(()));
        undelegate("dora");
        let left = System::block_number();
        while System::block_number() < left + LONGEST {
            Workers::note_accepted(&w1, 1, 1);
            Workers::resolved(&w1);
            assert_noop!(withdraw("dora"), Error::<Test>::CoolingDown);
            assert_eq!(Workers::commit(&w1, 0), Ok(()));
            pass(1);
        }
        assert_ok!(withdraw("dora"));
        Workers::resolved(&w1);
    });
}

#[test]
fn an_operator_that_is_always_busy_keeps_nobody_for_ever() {
    scenario(|| {
        let w1 = account("w1");
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        delegate("dirk", OWN);
        assert_eq!(Workers::commit(&w1, 1), Ok(()));
        pass(1);
        undelegate("dora");
        undelegate("dirk");
        // Idle for a moment, busy again: what Dora answered for is decided.
        pass(COOLDOWN);
        Workers::release(&w1, 1);
        Workers::resolved(&w1);
        assert_eq!(Workers::commit(&w1, 1), Ok(()));
        assert_ok!(withdraw("dora"));
        // Busy since before Eve left: she waits for the longest batch there is, not for ever.
        delegate("eve", OWN);
        undelegate("eve");
        pass(LONGEST - 1);
        assert_noop!(withdraw("eve"), Error::<Test>::CoolingDown);
        pass(1);
        assert_ok!(withdraw("eve"));
        Workers::release(&w1, 1);
        Workers::resolved(&w1);
    });
}

#[test]
fn a_part_leaves_and_the_rest_is_no_dust() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        for amount in [0, OWN - LEAST + 1] {
            assert_noop!(
                Delegation::undelegate(signed("dora"), 0, amount),
                Error::<Test>::TooLittle
            );
        }
        assert_noop!(
            Delegation::undelegate(signed("dirk"), 0, LEAST),
            Error::<Test>::NoDelegation
        );
        assert_noop!(
            Delegation::undelegate(signed("dora"), 1, LEAST),
            Error::<Test>::UnknownPool
        );
        assert_ok!(Delegation::undelegate(signed("dora"), 0, OWN / 4));
        pass(COOLDOWN / 2);
        // The second part begins the cool-down of both anew.
        assert_ok!(Delegation::undelegate(signed("dora"), 0, OWN / 4));
        pass(COOLDOWN / 2);
        assert_noop!(withdraw("dora"), Error::<Test>::CoolingDown);
        pass(COOLDOWN / 2);
        assert_ok!(withdraw("dora"));
        assert_eq!(free("dora"), FUNDS - OWN / 2);
        assert_eq!(position("dora").staying, OWN / 2);
    });
}

#[test]
fn what_leaves_goes_with_the_worker() {
    scenario(|| {
        open(0, "w1", Perbill::zero());
        delegate("dora", OWN);
        delegate("dirk", OWN);
        assert_ok!(Workers::leave(signed("olga"), account("w1")));
        pass(COOLDOWN - 1);
        undelegate("dora");
        pass(1);
        assert_ok!(Workers::withdraw(signed("olga"), account("w1")));
        delegation("dirk");
        next_round();
        // There is nothing left that they could be slashed for.
        assert_ok!(withdraw("dora"));
        assert_ok!(withdraw("dirk"));
        assert_eq!((free("dora"), free("dirk")), (FUNDS, FUNDS));
    });
}
