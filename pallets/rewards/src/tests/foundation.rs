//! The account that receives what the treasury leaves unspent.

use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{Event, mock::*};

#[test]
fn until_governance_names_one_it_is_the_treasury() {
    scenario(|| {
        assert_eq!(Rewards::foundation_reserve(), TREASURY);
        assert_ok!(Rewards::set_foundation_reserve(RuntimeOrigin::root(), 7));
        System::assert_last_event(Event::FoundationReserveSet { account: 7 }.into());
        assert_eq!(Rewards::foundation_reserve(), 7);
    });
}

#[test]
fn the_genesis_may_name_it() {
    let mut named = genesis();
    named.rewards.foundation_reserve = Some(7);
    with_genesis(named).execute_with(|| assert_eq!(Rewards::foundation_reserve(), 7));
}

#[test]
fn nobody_but_governance_names_it() {
    scenario(|| {
        for origin in [RuntimeOrigin::signed(7), RuntimeOrigin::none()] {
            assert_noop!(
                Rewards::set_foundation_reserve(origin, 7),
                DispatchError::BadOrigin
            );
        }
    });
}
