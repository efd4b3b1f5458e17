//! Capacity proofs on the real runtime: its clock, its block hashes, its treasury.

mod common;

use common::{Blocks, Chain, patch, signed, signed_by};
use frame_support::{assert_ok, dispatch::GetDispatchInfo};
use pallet_capacity::{Allowance, Call, Error, Event};
use sp_core::{H256, Pair, sr25519};
use sp_keyring::Sr25519Keyring::{Alice, Bob};
use sp_runtime::Perbill;
use sungrid_primitives::{
    attributes::{Architecture, Attributes, EnergySource, TaskClass},
    capacity::{Run, STEP_FUEL, STEPS, STRETCH, Shape, seed},
    registration::registration_payload,
    suns::{CPU_1, LANE_FUEL_PER_SECOND},
    traits::{CPU_1_ID, Workers as _},
};
use sungrid_runtime::{
    AccountId, Balances, Capacity, Runtime, RuntimeOrigin, System, Workers,
    configs::{MAXIMUM_BLOCK_WEIGHT, TreasuryAccount},
    constants::currency::ISC,
    genesis_config_presets::{ENVIRONMENTS, UNPROVEN_CAPACITY},
};

const BOND: u128 = 100 * ISC;

fn machine() -> sr25519::Pair {
    sr25519::Pair::from_string("//machine", None).expect("a path")
}

fn account() -> AccountId {
    machine().public().into()
}

/// Registers a machine of a SUNS, without a planck of its own.
fn register() {
    let operator = Bob.to_account_id();
    let payload = registration_payload(
        &System::block_hash(0),
        operator.as_ref(),
        &machine().public().0,
    );
    assert_ok!(Workers::register(
        RuntimeOrigin::signed(operator),
        account(),
        vec![1].try_into().expect("short"),
        Attributes {
            jurisdiction: *b"DE",
            region: Default::default(),
            architecture: Architecture::X86_64,
            energy: EnergySource::Grid,
            carbon: 300,
            classes: vec![TaskClass::General].try_into().expect("one"),
        },
        ENVIRONMENTS[0],
        CPU_1_ID,
        CPU_1.contains,
        BOND,
        machine().sign(&payload),
    ));
}

fn counted() -> u64 {
    Workers::view(&account()).expect("registered").capacity
}

fn pass(chain: &mut Blocks, blocks: u32) {
    for _ in 0..blocks {
        chain.block(Vec::new);
    }
}

#[test]
fn on_a_development_chain_what_is_declared_counts() {
    Chain::start("development").run(|chain| {
        chain.block(Vec::new);
        register();
        assert_eq!(counted(), 1_000_000);
        assert_eq!(Allowance::<Runtime>::get(), UNPROVEN_CAPACITY);
    });
}

#[test]
fn a_genesis_that_says_nothing_lets_nothing_count_unproven() {
    let mut genesis = patch("development");
    genesis
        .as_object_mut()
        .expect("an object")
        .remove("capacity");
    common::genesis(genesis).execute_with(|| {
        System::set_block_number(1);
        register();
        assert_eq!(counted(), 0);
    });
}

#[test]
fn a_machine_that_claims_what_it_never_computed_pays_for_it() {
    Chain::start("development").run(|chain| {
        chain.block(Vec::new);
        register();
        assert_ok!(Capacity::set_allowance(RuntimeOrigin::root(), 100_000));
        assert_eq!(counted(), 100_000);
        // GIVEN a run, for nothing
        chain.block(|| vec![signed_by(&machine(), 0, Call::start {}.into())]);
        let at = System::block_number();
        pass(chain, 14);
        let seed = seed(&System::block_hash(at), account().as_ref());
        // WHEN it claims eight lanes of four Gfuel/s for the 45 s until the next block
        let each = 45 * 4 * LANE_FUEL_PER_SECOND / (u64::from(STEPS) * STEP_FUEL);
        let shape = Shape {
            lanes: 8,
            segments: each as u32 / STRETCH * STRETCH,
        };
        let commit = Call::commit {
            seed,
            shape,
            root: H256::repeat_byte(1),
        };
        chain.block(|| vec![signed_by(&machine(), 1, commit.into())]);
        let standing = Capacity::standing(account()).expect("registered");
        let Some(Run::Committed { draw, until, .. }) = standing.run else {
            panic!("no commitment: {standing:?}");
        };
        assert_eq!(draw, None);
        pass(chain, 5);
        let run = Capacity::standing(account()).expect("registered").run;
        assert!(matches!(run, Some(Run::Committed { draw: Some(_), .. })));
        // THEN it opens nothing, has nothing proven, and anybody ends it
        assert_eq!(counted(), 100_000);
        let opened = Capacity::open(RuntimeOrigin::signed(account()), Default::default());
        assert_eq!(opened, Err(Error::<Runtime>::DoesNotHold.into()));
        while System::block_number() < until {
            chain.block(Vec::new);
        }
        let treasury = Balances::free_balance(TreasuryAccount::get());
        let settle = Call::settle { worker: account() };
        chain.block(|| vec![signed(Alice, 0, settle.into())]);
        let gained = Balances::free_balance(TreasuryAccount::get()) - treasury;
        let bounty = BOND / 100;
        assert!(
            gained >= BOND / 10 - bounty,
            "the treasury got {gained} planck"
        );
        let paid = System::events().into_iter().any(|record| {
            let false_claim = Event::<Runtime>::ClaimFalse {
                worker: account(),
                slashed: BOND / 10,
                bounty,
            };
            record.event == false_claim.into()
        });
        assert!(paid, "who settled it has a bounty");
        let record = Workers::worker(account()).expect("registered");
        assert_eq!((record.bond, record.faults), (BOND - BOND / 10, 1));
        assert_eq!(record.in_flight, 0);
        assert_ok!(Capacity::do_try_state());
    });
}

#[test]
fn checking_a_proof_takes_little_of_a_block() {
    let open = Call::<Runtime>::open {
        openings: Default::default(),
    };
    let weight = open.get_dispatch_info().call_weight.ref_time();
    let most = Perbill::from_percent(1) * MAXIMUM_BLOCK_WEIGHT.ref_time();
    assert!(weight <= most, "{weight} of {most}");
}
