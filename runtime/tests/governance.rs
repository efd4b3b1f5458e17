//! The ways to root: a public referendum, and the council's with the technical committee's fast track.

mod common;

use codec::Encode;
use common::{genesis, patch, run_blocks};
use frame_support::{
    assert_noop, assert_ok,
    dispatch::GetDispatchInfo,
    traits::{Bounded, StorePreimage, fungible::Inspect},
};
use pallet_democracy::{AccountVote, Conviction, Vote};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Ferdie};
use sp_runtime::{
    DispatchError,
    traits::{BlakeTwo256, Dispatchable, Hash},
};
use sungrid_primitives::traits::{CPU_1_ID, Pricing};
use sungrid_runtime::{
    AccountId, Balances, Council, Democracy, Preimage, Runtime, RuntimeCall, RuntimeOrigin, Suns,
    TechnicalCommittee, Treasury, configs::TreasuryAccount, constants::currency::ISC,
};

fn signed(key: Sr25519Keyring) -> RuntimeOrigin {
    RuntimeOrigin::signed(key.to_account_id())
}

const NEW_FLOOR: u128 = 7 * ISC;

/// A call that only root can make: protocol section 9 has the price floor decided by referendum.
fn privileged() -> RuntimeCall {
    RuntimeCall::Suns(pallet_suns::Call::set_price_floor {
        profile: CPU_1_ID,
        price: NEW_FLOOR,
    })
}

/// Whether it has been made.
fn is_enacted() -> bool {
    Suns::floor(CPU_1_ID) == NEW_FLOOR
}

fn bounded(call: &RuntimeCall) -> Bounded<RuntimeCall, BlakeTwo256> {
    <Preimage as StorePreimage>::bound(call.clone()).expect("the call is small")
}

fn vote(key: Sr25519Keyring, referendum: u32, aye: bool) {
    assert_ok!(Democracy::vote(
        signed(key),
        referendum,
        AccountVote::Standard {
            vote: Vote {
                aye,
                conviction: Conviction::Locked1x
            },
            balance: 100 * ISC
        },
    ));
}

fn motion_hash(call: &RuntimeCall) -> sungrid_runtime::Hash {
    BlakeTwo256::hash_of(call)
}

/// Alice proposes `call` to the council, Bob and Charlie agree, Alice closes.
fn council_passes(call: RuntimeCall) {
    let length = call.encoded_size() as u32;
    let weight = call.get_dispatch_info().call_weight;
    let index = pallet_collective::ProposalCount::<Runtime, pallet_collective::Instance1>::get();
    assert_ok!(Council::propose(
        signed(Alice),
        3,
        Box::new(call.clone()),
        length
    ));
    for member in [Alice, Bob, Charlie] {
        assert_ok!(Council::vote(
            signed(member),
            motion_hash(&call),
            index,
            true
        ));
    }
    assert_ok!(Council::close(
        signed(Alice),
        motion_hash(&call),
        index,
        weight,
        length
    ));
}

/// The same with the technical committee, by two of three.
fn engineers_pass(call: RuntimeCall) {
    let length = call.encoded_size() as u32;
    let weight = call.get_dispatch_info().call_weight;
    let index = pallet_collective::ProposalCount::<Runtime, pallet_collective::Instance2>::get();
    assert_ok!(TechnicalCommittee::propose(
        signed(Alice),
        2,
        Box::new(call.clone()),
        length
    ));
    for member in [Alice, Bob] {
        assert_ok!(TechnicalCommittee::vote(
            signed(member),
            motion_hash(&call),
            index,
            true
        ));
    }
    assert_ok!(TechnicalCommittee::close(
        signed(Alice),
        motion_hash(&call),
        index,
        weight,
        length
    ));
}

#[test]
fn there_is_no_shortcut_to_root() {
    genesis(patch("development")).execute_with(|| {
        let outcome = privileged()
            .dispatch(signed(Alice))
            .expect_err("Alice is not root");
        assert_eq!(outcome.error, DispatchError::BadOrigin);
    });
}

#[test]
fn a_public_referendum_is_enacted() {
    genesis(patch("development")).execute_with(|| {
        // GIVEN a proposal by anybody
        assert_ok!(Democracy::propose(
            signed(Dave),
            bounded(&privileged()),
            100 * ISC
        ));

        // WHEN it is tabled, voted for and its time is over
        run_blocks(20);
        vote(Alice, 0, true);
        vote(Bob, 0, true);
        run_blocks(20);
        assert!(!is_enacted(), "not before the enactment period has passed");
        run_blocks(6);

        // THEN
        assert!(is_enacted());
    });
}

#[test]
fn a_referendum_that_fails_changes_nothing() {
    genesis(patch("development")).execute_with(|| {
        assert_ok!(Democracy::propose(
            signed(Dave),
            bounded(&privileged()),
            100 * ISC
        ));
        run_blocks(20);
        vote(Alice, 0, true);
        vote(Bob, 0, false);
        vote(Charlie, 0, false);
        run_blocks(40);
        assert!(!is_enacted());
    });
}

#[test]
fn the_fast_track_takes_blocks_instead_of_minutes() {
    genesis(patch("development")).execute_with(|| {
        let call = bounded(&privileged());
        let proposal = call.hash();
        council_passes(RuntimeCall::Democracy(
            pallet_democracy::Call::external_propose_majority { proposal: call },
        ));
        engineers_pass(RuntimeCall::Democracy(pallet_democracy::Call::fast_track {
            proposal_hash: proposal,
            voting_period: 3,
            delay: 1,
        }));
        vote(Alice, 0, true);

        run_blocks(5);

        assert!(is_enacted());
    });
}

#[test]
fn the_fast_track_alone_decides_nothing() {
    genesis(patch("development")).execute_with(|| {
        assert_noop!(
            Democracy::external_propose_majority(signed(Alice), bounded(&privileged())),
            DispatchError::BadOrigin
        );
        assert_noop!(
            Democracy::fast_track(signed(Alice), motion_hash(&privileged()), 3, 1),
            DispatchError::BadOrigin
        );
    });
}

#[test]
fn the_council_spends_from_the_treasury() {
    genesis(patch("development")).execute_with(|| {
        let beneficiary: AccountId = Ferdie.to_account_id();
        assert_ok!(Balances::transfer_keep_alive(
            signed(Dave),
            TreasuryAccount::get().into(),
            5_000 * ISC
        ));
        let before = (
            Balances::balance(&beneficiary),
            Balances::balance(&TreasuryAccount::get()),
        );

        council_passes(RuntimeCall::Treasury(pallet_treasury::Call::spend {
            asset_kind: Box::new(()),
            amount: 1_000 * ISC,
            beneficiary: Box::new(beneficiary.clone()),
            valid_from: None,
        }));
        assert_ok!(Treasury::payout(signed(Dave), 0));

        assert_eq!(Balances::balance(&beneficiary), before.0 + 1_000 * ISC);
        assert_eq!(
            Balances::balance(&TreasuryAccount::get()),
            before.1 - 1_000 * ISC
        );
    });
}

#[test]
fn nobody_spends_from_the_treasury_alone() {
    genesis(patch("development")).execute_with(|| {
        assert_noop!(
            Treasury::spend(
                signed(Alice),
                Box::new(()),
                ISC,
                Box::new(Alice.to_account_id()),
                None
            ),
            DispatchError::BadOrigin
        );
    });
}
