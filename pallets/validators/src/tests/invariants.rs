//! Corrupted storage and a configuration that cannot work are noticed.

use frame_support::traits::Hooks;

use crate::{Authorities, Barred, Bonds, Candidates, SeatLimits, Seats, mock::*};

/// Corrupts a chain with two authorities and two candidates, and says what the check found.
fn broken_by(corrupt: impl FnOnce()) -> String {
    let mut found = String::new();
    with_authorities(&[1, 2], || {
        candidate(11, 1);
        candidate(12, 1);
        let _ = frame_support::storage::with_transaction(|| {
            corrupt();
            found = format!(
                "{:?}",
                Validators::do_try_state().expect_err("this state is corrupt")
            );
            frame_support::storage::TransactionOutcome::Rollback(
                Ok::<_, sp_runtime::DispatchError>(()),
            )
        });
    });
    found
}

#[test]
fn each_is_checked() {
    let first = "invariant 1";
    assert!(
        broken_by(|| Authorities::<Test>::mutate(|list| list.as_mut().reverse())).contains(first)
    );
    assert!(
        broken_by(|| Candidates::<Test>::mutate(|list| list.as_mut().reverse())).contains(first)
    );

    let second = "invariant 2";
    assert!(broken_by(|| Barred::<Test>::insert(11, 0)).contains(second));
    assert!(broken_by(|| Bonds::<Test>::remove(11)).contains(second));
    assert!(
        broken_by(|| {
            Bonds::<Test>::mutate_extant(11, |bond| bond.free_from = Some(9));
        })
        .contains(second)
    );
    assert!(
        broken_by(|| {
            Candidates::<Test>::mutate(|list| list.try_insert(0, 1).expect("there is room"));
        })
        .contains(second)
    );

    assert!(
        broken_by(|| {
            Barred::<Test>::insert(1, 0);
            Barred::<Test>::insert(2, 0);
        })
        .contains("invariant 3")
    );
    assert!(
        broken_by(|| {
            Bonds::<Test>::mutate_extant(1, |bond| bond.amount += 1);
        })
        .contains("invariant 4")
    );
    assert!(
        broken_by(|| SeatLimits::<Test>::put(Seats { least: 3, most: 2 })).contains("invariant 5")
    );
}

#[test]
#[should_panic(expected = "InitialSeats must be seats that governance could set")]
fn seats_that_governance_could_not_set_are_no_configuration() {
    FirstSeats::set(Seats { least: 0, most: 3 });
    Validators::integrity_test();
}
