//! Random histories: whatever happens, no planck vanishes, and no bond is gone while anything that its owner
//! signed can be proven.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::{SeatLimits, Seats, mock::*};

/// People of the histories: two genesis authorities, three seated candidates, and two others.
const PEOPLE: core::ops::Range<u64> = 1..8;

#[derive(Clone, Debug)]
enum Act {
    SetKeys(u64),
    PurgeKeys(u64),
    Bond(u64, u128),
    Stand(u64, Option<u64>),
    Leave(u64),
    Withdraw(u64),
    Credit(u64, u128),
    Offend(u64, u32),
    Session,
    AddAuthority(u64),
    RemoveAuthority(u64),
    Reinstate(u64),
    Seats(u32, u32),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => PEOPLE.prop_map(Act::SetKeys),
        1 => PEOPLE.prop_map(Act::PurgeKeys),
        3 => (PEOPLE, 0..2 * MIN_BOND).prop_map(|(who, amount)| Act::Bond(who, amount)),
        4 => (PEOPLE, prop::option::of(PEOPLE)).prop_map(|(who, other)| Act::Stand(who, other)),
        2 => PEOPLE.prop_map(Act::Leave),
        6 => PEOPLE.prop_map(Act::Withdraw),
        1 => (PEOPLE, 0..50u128).prop_map(|(who, average)| Act::Credit(who, average)),
        1 => (PEOPLE, 0..101u32).prop_map(|(who, percent)| Act::Offend(who, percent)),
        9 => Just(Act::Session),
        1 => PEOPLE.prop_map(Act::AddAuthority),
        1 => PEOPLE.prop_map(Act::RemoveAuthority),
        1 => PEOPLE.prop_map(Act::Reinstate),
        1 => (0..4u32, 0..8u32).prop_map(|(least, most)| Act::Seats(least, most)),
    ]
}

/// Does it, if it is allowed; says whether it was.
fn perform(act: &Act) -> bool {
    let signed = RuntimeOrigin::signed;
    let root = RuntimeOrigin::root;
    match *act {
        Act::SetKeys(who) => Session::set_keys(
            signed(who),
            sp_runtime::testing::UintAuthorityId(who),
            vec![],
        ),
        Act::PurgeKeys(who) => Session::purge_keys(signed(who)),
        Act::Bond(who, amount) => Validators::bond(signed(who), amount),
        Act::Stand(who, other) => Validators::stand(signed(who), other),
        Act::Leave(who) => Validators::leave(signed(who)),
        Act::Withdraw(who) => Validators::withdraw(signed(who)),
        Act::Credit(who, average) => {
            credit(who, average);
            Ok(())
        }
        Act::Offend(who, percent) => {
            offend(who, percent);
            Ok(())
        }
        Act::Session => {
            Session::rotate_session();
            Ok(())
        }
        Act::AddAuthority(who) => Validators::add_authority(root(), who),
        Act::RemoveAuthority(who) => Validators::remove_authority(root(), who),
        Act::Reinstate(who) => Validators::reinstate(root(), who),
        Act::Seats(least, most) => Validators::set_seats(root(), Seats { least, most }),
    }
    .is_ok()
}

proptest! {
    #[test]
    fn bonds_outlast_what_can_be_proven(history in prop::collection::vec(act(), 1..200)) {
        with_authorities(&[1, 2], || {
            (3..6).for_each(|who| candidate(who, 10));
            two_sessions();
            let issuance = Balances::total_issuance();
            // The last session in which each validated.
            let mut last = BTreeMap::<u64, u32>::new();
            for act in &history {
                let now = Session::current_index();
                last.extend(Session::validators().into_iter().map(|who| (who, now)));
                let done = perform(act);
                if let (Act::Withdraw(who), true) = (act, done) {
                    let left = last.get(who).is_none_or(|last| now > last + HISTORY);
                    assert!(left, "{who} validated in {last:?}, and it is session {now}");
                }
                assert_eq!(Balances::total_issuance(), issuance);
                let most = SeatLimits::<Test>::get().most as usize;
                assert!(Validators::elected().len() <= most.max(Validators::eligible().len()));
                Validators::do_try_state().expect("invariants hold");
            }
        });
    }
}
