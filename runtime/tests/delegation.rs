//! Others' stakes on a worker, with the runtime's own parameters.

mod common;

use common::{genesis, patch};
use frame_support::{
    assert_noop, assert_ok,
    traits::{Get, Hooks, InstanceFilter},
};
use sp_core::{Pair, sr25519};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob};
use sp_runtime::Perbill;
use sungrid_primitives::{
    attributes::{Architecture, Attributes, EnergySource, TaskClass},
    registration::registration_payload,
    suns::CPU_1,
    traits::{CPU_1_ID, Income, Payment},
};
use sungrid_runtime::{
    AccountId, Balances, Delegation, Rewards, Runtime, RuntimeCall, RuntimeOrigin, System, Workers,
    configs::proxy::ProxyType, constants::currency::ISC, genesis_config_presets::ENVIRONMENTS,
};

fn signed(key: Sr25519Keyring) -> RuntimeOrigin {
    RuntimeOrigin::signed(key.to_account_id())
}

/// A worker of one SUNS that Bob bonds.
fn register() -> AccountId {
    let key = sr25519::Pair::from_string("//machine", None).expect("a path");
    let payload = registration_payload(
        &System::block_hash(0),
        Bob.to_account_id().as_ref(),
        &key.public().0,
    );
    let attributes = Attributes {
        jurisdiction: *b"DE",
        region: Default::default(),
        architecture: Architecture::X86_64,
        energy: EnergySource::Grid,
        carbon: 300,
        classes: vec![TaskClass::General].try_into().expect("one"),
    };
    assert_ok!(Workers::register(
        signed(Bob),
        key.public().into(),
        Default::default(),
        attributes,
        ENVIRONMENTS[0],
        CPU_1_ID,
        CPU_1.contains,
        100 * ISC,
        key.sign(&payload),
    ));
    key.public().into()
}

fn end_round() {
    let ends = pallet_rewards::Current::<Runtime>::get().ends;
    System::set_block_number(ends);
    Rewards::on_initialize(ends);
}

#[test]
fn who_stakes_on_a_worker_is_paid_with_it_and_leaves_after_it() {
    genesis(patch("development")).execute_with(|| {
        // GIVEN a worker with as much of Alice's behind it as of its operator's
        let worker = register();
        let issuance = Balances::total_issuance();
        assert_ok!(Delegation::open(
            signed(Bob),
            worker.clone(),
            Perbill::from_percent(10)
        ));
        assert_ok!(Delegation::delegate(signed(Alice), 0, 100 * ISC));
        end_round();
        // WHEN it is paid for work, here out of Bob's own pocket
        let pot = <Rewards as Income<_>>::pot();
        assert_ok!(Balances::transfer_keep_alive(signed(Bob), pot.into(), ISC));
        <Rewards as Income<_>>::paid(Payment {
            worker: worker.clone(),
            operator: Bob.to_account_id(),
            developer: None,
            amount: ISC,
            charge: 1,
            units: 1,
        });
        end_round();
        // THEN of the workers' part Alice has 45 %,
        let position = Delegation::position(0, Alice.to_account_id()).expect("delegated");
        let round = pallet_rewards::LastRound::<Runtime>::get().expect("closed");
        let part = (round.workers + round.granted) * 45 / 100;
        assert!(position.income.abs_diff(part) <= 1, "{position:?}");
        let before = Balances::free_balance(Alice.to_account_id());
        assert_ok!(Delegation::claim(signed(Alice), 0));
        let after = Balances::free_balance(Alice.to_account_id());
        assert_eq!(after - before, position.income);
        // AND her stake back when the worker's cool-down is over, and it answers for no outputs any more.
        assert_ok!(Delegation::undelegate(signed(Alice), 0, u128::MAX));
        assert_noop!(
            Delegation::withdraw(signed(Alice), 0),
            pallet_delegation::Error::<Runtime>::CoolingDown
        );
        let cooldown: u32 = <Runtime as pallet_workers::Config>::Cooldown::get();
        let liability: u32 = <Runtime as pallet_workers::Config>::Liability::get();
        System::set_block_number(System::block_number() + cooldown.max(liability));
        assert_ok!(Delegation::withdraw(signed(Alice), 0));
        assert_eq!(
            Balances::free_balance(Alice.to_account_id()),
            after + 100 * ISC
        );
        // Emission apart, nothing was made of nothing.
        assert_eq!(Balances::total_issuance(), issuance + round.emission);
    });
}

#[test]
fn a_proxy_that_may_not_move_money_gives_no_worker_away() {
    let worker = Bob.to_account_id();
    let offer = RuntimeCall::Workers(pallet_workers::Call::offer {
        worker: worker.clone(),
        to: Alice.to_account_id(),
        price: 0,
    });
    let pause = RuntimeCall::Workers(pallet_workers::Call::pause { worker });
    let delegate = RuntimeCall::Delegation(pallet_delegation::Call::delegate {
        pool: 0,
        amount: ISC,
    });
    for hot in [ProxyType::Workers, ProxyType::NonTransfer] {
        assert!(hot.filter(&pause));
        assert!(!hot.filter(&offer) && !hot.filter(&delegate));
    }
    assert!(ProxyType::Any.filter(&offer));
}

#[test]
fn no_batch_is_decided_later_than_those_who_answer_for_it_may_leave() {
    // The last claim is before the job's deadline; what follows is a commitment, a draw, and a reveal. Nothing stands for
    // long beyond the deadline.
    let seconds: u64 = <Runtime as pallet_market::Config>::MaxBatchSeconds::get();
    let per_block: u64 = <Runtime as pallet_verification::Config>::SecondsPerBlock::get();
    let slack: u32 = <Runtime as pallet_verification::Config>::CommitSlack::get();
    let commit = slack + u32::try_from(2 * seconds / per_block).expect("few");
    let delay: u32 = <Runtime as pallet_verification::Config>::DrawDelay::get();
    let draw = delay + 1;
    let reveal: u32 = <Runtime as pallet_verification::Config>::RevealWindow::get();
    let longest: u32 = <Runtime as pallet_workers::Config>::LongestBatch::get();
    let job: u32 = <Runtime as pallet_market::Config>::MaxJobBlocks::get();
    // For the outputs of that batch their bonds answer a little longer.
    let liability: u32 = <Runtime as pallet_workers::Config>::Liability::get();
    assert!(longest >= job + commit + draw + reveal + liability);
}
