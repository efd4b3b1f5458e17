//! When a set is named, and what history is kept.

use frame_support::assert_ok;

use crate::mock::*;

#[test]
fn a_set_that_does_not_change_is_not_named_again() {
    with_authorities(&[1, 2], || {
        two_sessions();
        System::reset_events();
        two_sessions();
        let named = System::events()
            .into_iter()
            .any(|record| record.event == pallet_session::Event::NewQueued.into());
        assert!(!named);
    });
}

#[test]
fn new_keys_are_a_change() {
    with_authorities(&[1, 2], || {
        two_sessions();
        let old =
            pallet_session::historical::HistoricalSessions::<Test>::get(Session::current_index());
        set_keys(2, 77);
        two_sessions();
        let new =
            pallet_session::historical::HistoricalSessions::<Test>::get(Session::current_index());
        assert_ne!(
            old, new,
            "otherwise the new key could equivocate unpunished"
        );
    });
}

#[test]
fn history_is_pruned() {
    with_authorities(&[1, 2], || {
        for _ in 0..8 {
            Session::rotate_session();
        }
        // Sessions 8 and 9 are known, and three more before them.
        assert!(!pallet_session::historical::HistoricalSessions::<Test>::contains_key(4));
        assert!(pallet_session::historical::HistoricalSessions::<Test>::contains_key(5));
    });
}

#[test]
fn an_authority_without_keys_is_passed_over() {
    with_authorities(&[1, 2], || {
        assert_ok!(Session::purge_keys(RuntimeOrigin::signed(2)));
        two_sessions();
        assert_eq!(Session::validators(), vec![1]);
    });
}

#[test]
fn without_any_keys_no_set_is_named() {
    with_authorities(&[1], || {
        assert_ok!(Session::purge_keys(RuntimeOrigin::signed(1)));
        assert_eq!(
            <Validators as pallet_session::SessionManager<u64>>::new_session(2),
            None
        );
    });
}
