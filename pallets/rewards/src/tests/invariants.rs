//! Corrupted storage is noticed.

use frame_support::traits::{
    fungible::Mutate,
    tokens::{Fortitude, Precision, Preservation},
};
use sp_runtime::TryRuntimeError;

use crate::{
    Account, AccountRecord, Accounts, CarriedOver, Credit, Current, LastRound, OpenRound, Owed,
    Rounds, Share, mock::*,
};

/// Corrupts a chain with an ended and a running round, and says what the check found.
fn broken(corrupt: impl FnOnce()) -> TryRuntimeError {
    new_test_ext().execute_with(|| {
        next_block(Some(1));
        pay(2, Some(3), 10_000, 70);
        next_round();
        pay(4, Some(3), 1_000, 7);
        Rewards::do_try_state().expect("sound so far");
        corrupt();
        Rewards::do_try_state().expect_err("the corruption is noticed")
    })
}

fn lose(amount: u128) {
    Balances::burn_from(
        &Rewards::account_id(),
        amount,
        Preservation::Preserve,
        Precision::Exact,
        Fortitude::Force,
    )
    .expect("it has that much");
}

#[test]
fn points_that_do_not_add_up_are_noticed() {
    let open = "1: points of an ended round do not add up";
    let error = broken(|| {
        Accounts::<Test>::mutate(2, |record| record.worker.points += 1);
    });
    assert_eq!(error, open.into());
    let error = broken(|| Accounts::<Test>::remove(1));
    assert_eq!(error, open.into());

    let running = "1: points of the current round do not add up";
    let error = broken(|| Current::<Test>::mutate(|round| round.points.workers += 1));
    assert_eq!(error, running.into());

    let entry = Account {
        round: 9,
        points: 1,
        pending: 0,
    };
    let error = broken(|| Accounts::<Test>::mutate(9, |record| record.worker = entry));
    assert_eq!(error, "1: points of a round that has not begun".into());
    let error = broken(|| Rounds::<Test>::remove(0));
    assert_eq!(error, "1: points of a round that is gone".into());
}

#[test]
fn rounds_that_should_not_be_are_noticed() {
    let error = broken(|| {
        Rounds::<Test>::insert(7, OpenRound::default());
    });
    assert_eq!(error, "2: a round that has not ended is open".into());
    let error = broken(|| {
        Current::<Test>::mutate(|round| round.number = 9);
        Rounds::<Test>::insert(7, OpenRound::default());
    });
    // Either finding is right: the order of the map decides.
    assert!(
        error == "2: an open round has no points left".into()
            || error == "1: points of the current round do not add up".into()
    );
    let error = broken(|| {
        Rounds::<Test>::mutate(0, |round| {
            round.get_or_insert_default().workers = Share { left: 1, points: 0 };
        });
    });
    assert_eq!(error, "2: a share has planck and no points".into());
}

#[test]
fn owing_other_than_what_is_owed_is_noticed() {
    let text = "3: what is owed does not add up";
    assert_eq!(
        broken(|| Owed::<Test>::mutate(|owed| *owed += 1)),
        text.into()
    );
    assert_eq!(
        broken(|| CarriedOver::<Test>::mutate(|carried| carried.authors += 1)),
        text.into()
    );
}

#[test]
fn a_pot_that_is_short_is_noticed() {
    assert_eq!(
        broken(|| lose(1)),
        "4: the pot holds less than it should".into()
    );
}

#[test]
fn an_empty_account_is_noticed() {
    let error = broken(|| Accounts::<Test>::insert(9, AccountRecord::default()));
    assert_eq!(error, "5: an empty account is stored".into());
}

#[test]
fn a_split_that_does_not_add_up_is_noticed() {
    let error = broken(|| {
        LastRound::<Test>::mutate(|last| last.get_or_insert_default().workers += 1);
    });
    assert_eq!(
        error,
        "6: the split of the last round does not add up".into()
    );
}

#[test]
fn an_issuance_that_washing_would_mine_is_noticed() {
    let error = broken(|| {
        LastRound::<Test>::mutate(|last| last.get_or_insert_default().granted += 1);
    });
    assert_eq!(error, "6: more was issued than washing costs".into());
}

#[test]
fn live_workers_that_do_not_add_up_are_noticed() {
    let error = broken(|| Credit::<Test>::mutate(1_004, |credit| credit.live = None));
    assert_eq!(error, "7: live workers do not add up".into());
}

#[test]
fn credit_from_the_future_is_noticed() {
    let text = "8: credit of a round that has not begun";
    let error = broken(|| Credit::<Test>::mutate(1_004, |credit| credit.history.round = 9));
    assert_eq!(error, text.into());
    let error = broken(|| Accounts::<Test>::mutate(4, |record| record.credit.round = 9));
    assert_eq!(error, text.into());
}

#[test]
fn clients_can_list_accounts_and_rounds() {
    scenario(|| {
        pay(2, None, 10, 1);
        next_round();
        assert_eq!(Accounts::<Test>::iter_keys().collect::<Vec<_>>(), [2]);
        assert_eq!(Rounds::<Test>::iter_keys().collect::<Vec<_>>(), [0]);
    });
}
