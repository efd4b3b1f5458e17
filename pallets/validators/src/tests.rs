//! What the pallet promises, one module per topic.

use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use sp_runtime::DispatchError;

use crate::{Authorities, Barred, Error, Event, mock::*};

mod genesis {
    use super::*;

    #[test]
    fn whoever_has_keys_validates() {
        with_authorities(&[3, 1, 2], || {
            assert_eq!(Authorities::<Test>::get().into_inner(), vec![1, 2, 3]);
            assert_eq!(Session::validators(), vec![1, 2, 3]);
            assert_eq!(Announced::get(), vec![1, 2, 3]);
        });
    }

    #[test]
    fn both_first_sessions_can_be_proven() {
        with_authorities(&[1, 2], || {
            for session in 0..2 {
                assert!(
                    pallet_session::historical::HistoricalSessions::<Test>::contains_key(session)
                );
            }
        });
    }
}

mod governance {
    use super::*;

    #[test]
    fn an_authority_comes_and_goes() {
        with_authorities(&[1], || {
            set_keys(5, 5);

            assert_ok!(Validators::add_authority(RuntimeOrigin::root(), 5));
            System::assert_last_event(Event::AuthorityAdded { authority: 5 }.into());
            assert_eq!(
                Session::validators(),
                vec![1],
                "not before the session after the next"
            );
            two_sessions();
            assert_eq!(Session::validators(), vec![1, 5]);

            assert_ok!(Validators::remove_authority(RuntimeOrigin::root(), 1));
            System::assert_last_event(Event::AuthorityRemoved { authority: 1 }.into());
            two_sessions();
            assert_eq!(Session::validators(), vec![5]);
        });
    }

    #[test]
    fn only_governance_decides() {
        with_authorities(&[1, 2], || {
            set_keys(5, 5);
            let signed = || RuntimeOrigin::signed(5);
            assert_noop!(
                Validators::add_authority(signed(), 5),
                DispatchError::BadOrigin
            );
            assert_noop!(
                Validators::remove_authority(signed(), 1),
                DispatchError::BadOrigin
            );
            assert_noop!(Validators::reinstate(signed(), 1), DispatchError::BadOrigin);
        });
    }

    #[test]
    fn an_account_without_keys_is_refused() {
        with_authorities(&[1], || {
            assert_noop!(
                Validators::add_authority(RuntimeOrigin::root(), 5),
                Error::<Test>::NoSessionKeys
            );
        });
    }

    #[test]
    fn nobody_is_in_twice() {
        with_authorities(&[1, 2], || {
            assert_noop!(
                Validators::add_authority(RuntimeOrigin::root(), 2),
                Error::<Test>::AlreadyAuthority
            );
        });
    }

    #[test]
    fn their_number_is_bounded() {
        with_authorities(&[1, 2, 3, 4, 5, 6], || {
            set_keys(7, 7);
            assert_noop!(
                Validators::add_authority(RuntimeOrigin::root(), 7),
                Error::<Test>::TooManyAuthorities
            );
        });
    }

    #[test]
    fn a_stranger_cannot_be_removed() {
        with_authorities(&[1], || {
            assert_noop!(
                Validators::remove_authority(RuntimeOrigin::root(), 5),
                Error::<Test>::NotAuthority
            );
        });
    }

    #[test]
    fn the_last_one_stays() {
        with_authorities(&[1, 2], || {
            offend(2, 50);
            assert_noop!(
                Validators::remove_authority(RuntimeOrigin::root(), 1),
                Error::<Test>::LastAuthority
            );
            assert_ok!(Validators::remove_authority(RuntimeOrigin::root(), 2));
            assert_eq!(Barred::<Test>::count(), 0, "a bar goes with its authority");
        });
    }

    #[test]
    fn only_the_barred_are_reinstated() {
        with_authorities(&[1, 2], || {
            assert_noop!(
                Validators::reinstate(RuntimeOrigin::root(), 1),
                Error::<Test>::NotBarred
            );
        });
    }
}

mod sessions {
    use super::*;

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
            let old = pallet_session::historical::HistoricalSessions::<Test>::get(
                Session::current_index(),
            );
            set_keys(2, 77);
            two_sessions();
            let new = pallet_session::historical::HistoricalSessions::<Test>::get(
                Session::current_index(),
            );
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
}

mod offences {
    use super::*;

    #[test]
    fn an_equivocation_is_fined_and_barred() {
        with_authorities(&[1, 2, 3, 4], || {
            // WHEN
            offend(3, 25);

            // THEN: fined, disabled now, out after the next session
            assert_eq!(Balances::balance(&3), BALANCE - MAX_FINE / 4);
            assert_eq!(Balances::balance(&TREASURY), BALANCE + MAX_FINE / 4);
            System::assert_last_event(
                Event::AuthorityFined {
                    authority: 3,
                    session: 0,
                    amount: 250,
                    barred: true,
                }
                .into(),
            );
            assert_eq!(Session::disabled_validators(), vec![2]);
            two_sessions();
            assert_eq!(Session::validators(), vec![1, 2, 4]);

            // and back by vote
            assert_ok!(Validators::reinstate(RuntimeOrigin::root(), 3));
            System::assert_last_event(Event::AuthorityReinstated { authority: 3 }.into());
            two_sessions();
            assert_eq!(Session::validators(), vec![1, 2, 3, 4]);
        });
    }

    #[test]
    fn new_keys_do_not_lift_a_bar() {
        with_authorities(&[1, 2], || {
            offend(2, 100);
            set_keys(2, 22);
            two_sessions();
            assert_eq!(Session::validators(), vec![1]);
        });
    }

    #[test]
    fn a_fine_takes_no_more_than_there_is() {
        with_authorities(&[1, 2], || {
            assert_ok!(Balances::transfer_allow_death(
                RuntimeOrigin::signed(2),
                9,
                BALANCE - 100
            ));
            let issuance = Balances::total_issuance();

            offend(2, 100);

            let left = Balances::balance(&2);
            assert_eq!(left, 10, "the account keeps its minimum");
            assert_eq!(Balances::balance(&TREASURY), BALANCE + 90);
            assert_eq!(Balances::total_issuance(), issuance);
        });
    }

    #[test]
    fn the_last_authority_is_fined_but_kept() {
        with_authorities(&[1, 2], || {
            offend(2, 100);
            offend(1, 100);
            System::assert_last_event(
                Event::AuthorityFined {
                    authority: 1,
                    session: 0,
                    amount: MAX_FINE,
                    barred: false,
                }
                .into(),
            );
            two_sessions();
            assert_eq!(Session::validators(), vec![1]);
        });
    }

    #[test]
    fn one_that_left_is_fined_all_the_same() {
        with_authorities(&[1, 2], || {
            assert_ok!(Validators::remove_authority(RuntimeOrigin::root(), 2));
            offend(2, 100);
            assert_eq!(Balances::balance(&2), BALANCE - MAX_FINE);
            assert_eq!(Barred::<Test>::count(), 0);
        });
    }
}

mod invariants {
    use super::*;

    fn broken_by(corrupt: impl FnOnce()) -> String {
        let mut found = String::new();
        with_authorities(&[1, 2], || {
            let before = (
                Authorities::<Test>::get(),
                Barred::<Test>::iter().collect::<Vec<_>>(),
            );
            corrupt();
            found = format!(
                "{:?}",
                Validators::do_try_state().expect_err("this state is corrupt")
            );
            Authorities::<Test>::put(before.0);
            let _ = Barred::<Test>::clear(u32::MAX, None);
            for (who, session) in before.1 {
                Barred::<Test>::insert(who, session);
            }
        });
        found
    }

    #[test]
    fn each_is_checked() {
        assert!(
            broken_by(|| Authorities::<Test>::mutate(|list| list.as_mut().reverse()))
                .contains("invariant 1")
        );
        assert!(broken_by(|| Barred::<Test>::insert(7, 0)).contains("invariant 2"));
        assert!(
            broken_by(|| {
                Barred::<Test>::insert(1, 0);
                Barred::<Test>::insert(2, 0);
            })
            .contains("invariant 3")
        );
    }
}
