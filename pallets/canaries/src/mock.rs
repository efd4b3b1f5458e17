//! A runtime with balances, this pallet and a register of results that tests fill.

// The runtime macros want everything that they name to be `pub`.
#![allow(unreachable_pub)]

use std::{cell::RefCell, collections::BTreeMap};

use frame_support::{derive_impl, parameter_types, traits::ConstU128};
use sp_core::H256;
use sp_runtime::BuildStorage;
use sungrid_primitives::{
    BatchIndex, JobId,
    merkle::UnitLeaf,
    receipt::{BatchSummary, Order},
    suns::CPU_1,
    traits::{CPU_1_ID, Checked, CheckedPart, KnownAnswers},
};

use crate as pallet_canaries;

type Block = frame_system::mocking::MockBlock<Test>;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(2)]
    pub type Canaries = pallet_canaries;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<u128>;
}

pub(crate) const EXISTENTIAL_DEPOSIT: u128 = 10;

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u128;
    type AccountStore = System;
    type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
}

pub(crate) const KEEPER: u64 = 1;
pub(crate) const STRANGER: u64 = 2;
pub(crate) const REQUESTER: u64 = 3;
pub(crate) const TREASURY: u64 = 4;
/// Price of one result of a batch, planck.
pub(crate) const PRICE: u128 = 100;
/// What the treasury has to give.
pub(crate) const FUNDS: u128 = 1_000;

parameter_types! {
    pub const Treasury: u64 = TREASURY;
}

impl pallet_canaries::Config for Test {
    type GovernanceOrigin = frame_system::EnsureRoot<u64>;
    type Currency = Balances;
    type Treasury = Treasury;
    type Answers = Register;
    type WeightInfo = ();
}

thread_local! {
    static PARTS: RefCell<BTreeMap<JobId, Parts>> = const { RefCell::new(BTreeMap::new()) };
    static RESULTS: RefCell<BTreeMap<(JobId, BatchIndex), BatchSummary>> = const { RefCell::new(BTreeMap::new()) };
    static NEXT_JOB: RefCell<JobId> = const { RefCell::new(0) };
}

/// Accepted parts of a batch: how many units, and with what result.
type Parts = Vec<(usize, BatchSummary)>;

/// Results by job and batch, each to be checked once.
pub struct Register;

impl KnownAnswers<u64> for Register {
    fn next_job() -> JobId {
        NEXT_JOB.with_borrow(|next| *next)
    }

    fn order(job: JobId) -> Option<Order> {
        (job < Self::next_job()).then(order)
    }

    fn hold_against(job: JobId, batch: BatchIndex, answer: &BatchSummary) -> Option<Checked<u64>> {
        let result = RESULTS.with_borrow_mut(|results| results.remove(&(job, batch)))?;
        Some(Checked {
            right: result == *answer,
            requester: REQUESTER,
            price: PRICE,
        })
    }

    fn sum_up(job: JobId, leaves: &[UnitLeaf]) -> Option<BatchSummary> {
        Self::order(job)?;
        BatchSummary::of(leaves, &CPU_1)
    }

    fn hold_parts_against(
        job: JobId,
        batch: BatchIndex,
        leaves: &[UnitLeaf],
    ) -> Option<Vec<CheckedPart<u64>>> {
        let parts = PARTS.with_borrow_mut(|parts| parts.remove(&job))?;
        let mut left = leaves;
        let held = parts
            .into_iter()
            .zip(batch..)
            .map(|((units, found), part)| {
                let (its, rest) = left.split_at_checked(units)?;
                left = rest;
                let answer = BatchSummary::of(its, &CPU_1)?;
                Some(CheckedPart {
                    batch: part,
                    answer,
                    checked: Checked {
                        right: answer == found,
                        requester: REQUESTER,
                        price: PRICE,
                    },
                })
            });
        held.collect()
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare() -> (JobId, BatchIndex) {
        (settle(truth(0)), 0)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare_parts(units: u32, parts: u32) -> (JobId, BatchIndex) {
        let last = (units + 1 - parts) as usize;
        let parts = (1..parts).map(|_| (1, truth(0)));
        (settle_parts(parts.chain([(last, truth(0))]).collect()), 0)
    }
}

/// What all jobs here compute.
pub(crate) fn order() -> Order {
    Order {
        requester: [3; 32],
        image: H256::repeat_byte(1),
        input: H256::repeat_byte(2),
        units: 1,
        batch_size: 1,
        fuel_limit: 1,
        memory_limit: 1,
        traffic_limit: 1,
        profile: CPU_1_ID,
        environment: H256::repeat_byte(3),
    }
}

/// A job of one batch with this accepted result.
pub(crate) fn settle(result: BatchSummary) -> JobId {
    let job = Register::next_job();
    NEXT_JOB.with_borrow_mut(|next| *next += 1);
    RESULTS.with_borrow_mut(|results| results.insert((job, 0), result));
    job
}

/// A job of one batch that was cut, with these accepted results for so many units each.
pub(crate) fn settle_parts(found: Parts) -> JobId {
    let job = Register::next_job();
    NEXT_JOB.with_borrow_mut(|next| *next += 1);
    PARTS.with_borrow_mut(|parts| parts.insert(job, found));
    job
}

pub(crate) fn truth(n: u8) -> BatchSummary {
    BatchSummary {
        root: H256::repeat_byte(n),
        fuel: 1,
        charge: 1,
    }
}

pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    RESULTS.with_borrow_mut(BTreeMap::clear);
    PARTS.with_borrow_mut(BTreeMap::clear);
    NEXT_JOB.with_borrow_mut(|next| *next = 0);
    let genesis = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: vec![(REQUESTER, 10_000), (TREASURY, FUNDS + EXISTENTIAL_DEPOSIT)],
            ..Default::default()
        },
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities = genesis.build_storage().expect("genesis builds").into();
    // Blocks from 1 on have events.
    ext.execute_with(|| System::set_block_number(1));
    ext
}

/// Runs a scenario; the invariants must hold when it is over, and no planck may be lost.
pub(crate) fn scenario(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        let issuance = Balances::total_issuance();
        test();
        assert_eq!(Balances::total_issuance(), issuance);
        Canaries::do_try_state().expect("invariants hold");
    });
}
