//! A runtime with the market alone. Its neighbours are in-memory; they live in storage, so that a failed
//! call undoes what it did to them too.

// The runtime macros want everything that they name to be `pub`.
#![allow(unreachable_pub)]

use alloc::collections::{BTreeMap, BTreeSet};
use codec::{Decode, Encode};
use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, Hooks, Randomness},
    weights::{Weight, WeightMeter},
};
use sp_core::H256;
use sp_runtime::{
    BuildStorage,
    traits::{BlakeTwo256, Hash},
};
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId,
    attributes::{Architecture, Attributes, EnergySource, TaskClass, Tiers},
    environment::EnvironmentId,
    policy::Trust,
    receipt::BatchSummary,
    suns::{CPU_1, Profile},
    traits::{
        Assignment, BatchControl, CPU_1_ID, Images, Income, Outlook, Payment, Pricing, ProfileId,
        Prospect, Ruling, Slashed, Verdict, Verifier, WorkerView, Workers,
    },
};

use crate::{self as pallet_market, *};

type Block = frame_system::mocking::MockBlock<Test>;
pub(crate) type AccountId = u64;

pub(crate) const REQUESTER: AccountId = 1;
pub(crate) const POOR: AccountId = 2;
pub(crate) const POT: AccountId = 90;
pub(crate) const DEVELOPER: AccountId = 91;
/// Worker `n` is bonded by operator `100 + n`.
pub(crate) const OPERATORS: AccountId = 100;
pub(crate) const ED: u128 = 10;
pub(crate) const FUNDS: u128 = 1_000_000_000;
pub(crate) const ENVIRONMENT: EnvironmentId = H256::repeat_byte(1);
pub(crate) const IMAGE: ContentHash = H256::repeat_byte(2);
pub(crate) const RETIRED_IMAGE: ContentHash = H256::repeat_byte(3);
/// Planck per SUNS·hour: a batch of [`spec`] at its limits costs 1,000 planck per replica.
pub(crate) const PRICE: u128 = 14_400_000;
pub(crate) const BATCH_COST: u128 = 1_000;
/// Charge of such a batch, µSUNS·s.
pub(crate) const BATCH_CHARGE: u128 = 250_000;
/// What a claim takes, µSUNS: one lane.
pub(crate) const RATE: u64 = 125_000;
pub(crate) const FLOOR: u128 = 1_000;
/// What work paid lately: twice [`PRICE`].
pub(crate) const SPOT: u128 = 2 * PRICE;
pub(crate) const RETENTION: u64 = 20;
pub(crate) const APPEAL_BLOCKS: u64 = 30;
pub(crate) const AUDIT_BLOCKS: u64 = 40;
pub(crate) const CHALLENGE_BOND: u128 = 700;
pub(crate) const START_FEE: u128 = 3;
pub(crate) const TREASURY: AccountId = 92;
pub(crate) const CHALLENGER: AccountId = 93;

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
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(2)]
    pub type Market = pallet_market;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<u128>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u128;
    type ExistentialDeposit = ConstU128<ED>;
    type AccountStore = System;
    type MaxLocks = ConstU32<2>;
}

parameter_types! {
    pub AgendaWeight: Weight = Weight::from_parts(50_000_000_000, 1 << 20);
    /// Workers by key.
    pub storage Register: BTreeMap<AccountId, MockWorker> = BTreeMap::new();
    /// Live jobs by image.
    pub storage ImageJobs: BTreeMap<ContentHash, i32> = BTreeMap::new();
    /// Usage by image.
    pub storage Usage: BTreeMap<ContentHash, u128> = BTreeMap::new();
    /// Price and charge of what was settled.
    pub storage Settled: Vec<(u128, u128)> = Vec::new();
    /// Payments that arrived.
    pub storage Payments: Vec<MockPayment> = Vec::new();
    /// Workers whose credit history a fault has cut, and their operators.
    pub storage Faulted: Vec<(AccountId, AccountId)> = Vec::new();
    /// Batches that the verifier has in hand.
    pub storage InHand: BTreeSet<(JobId, BatchIndex)> = BTreeSet::new();
    /// Deadlines that the verifier was told of.
    pub storage Due: Vec<(JobId, BatchIndex)> = Vec::new();
    /// Results that the verifier forgot.
    pub storage Forgotten: Vec<(JobId, BatchIndex)> = Vec::new();
    /// Most that a bond has for damages.
    pub storage Indemnity: u128 = u128::MAX;
    /// Damages paid: by whom, to whom, planck.
    pub storage Damages: Vec<(AccountId, AccountId, u128)> = Vec::new();
    /// Jobs of which the verifier has heard the end.
    pub storage ForgottenJobs: Vec<JobId> = Vec::new();
    /// Operators that the verifier keeps from new batches, as their input is missing.
    pub storage Withheld: BTreeSet<(JobId, AccountId)> = BTreeSet::new();
    /// Paused jobs.
    pub storage Paused: BTreeSet<JobId> = BTreeSet::new();
    /// Batches below this one that requesters have received.
    pub storage Received: BTreeMap<JobId, BatchIndex> = BTreeMap::new();
    /// What the randomness of blocks is made from; `None` as from a block without a VRF.
    pub storage Seed: Option<u32> = Some(0);
}

#[derive(Clone, Debug, Encode, Decode, PartialEq, Eq)]
pub struct MockWorker {
    pub operator: AccountId,
    pub environment: EnvironmentId,
    pub profile_version: u16,
    pub attributes: Attributes,
    pub tiers: Tiers,
    pub accepted_units: u64,
    pub trust: Trust,
    pub keyed_for: u32,
    pub delivered: u128,
    pub available: bool,
    pub capacity: u64,
    /// Of that, not proven.
    pub unproven: u64,
    pub committed: u64,
    pub unresolved: u32,
    pub missed: u32,
    /// What it was to rest for last: µSUNS, blocks, since when.
    pub rest: (u64, u64, Option<u64>),
    pub declined: u32,
    pub handed_back: u32,
    pub slashed: u32,
}

#[derive(Clone, Debug, Encode, Decode, PartialEq, Eq)]
pub struct MockPayment {
    pub worker: AccountId,
    pub operator: AccountId,
    pub developer: Option<AccountId>,
    pub amount: u128,
    pub charge: u128,
    pub units: u32,
}

pub(crate) fn worker(key: AccountId) -> MockWorker {
    Register::get().remove(&key).expect("the worker exists")
}

pub(crate) fn change_worker(key: AccountId, change: impl FnOnce(&mut MockWorker)) {
    let mut register = Register::get();
    change(register.get_mut(&key).expect("the worker exists"));
    Register::set(&register);
}

fn view(worker: MockWorker) -> WorkerView<AccountId> {
    WorkerView {
        operator: worker.operator,
        available: worker.available,
        declared: worker.capacity,
        capacity: worker.capacity - worker.unproven,
        free: (worker.capacity - worker.unproven).saturating_sub(worker.committed),
        environment: worker.environment,
        profile: ProfileId {
            version: worker.profile_version,
            ..CPU_1_ID
        },
        attributes: worker.attributes,
        keyed_for: worker.keyed_for,
    }
}

pub struct MockWorkers;
impl Workers<AccountId> for MockWorkers {
    fn view(worker: &AccountId) -> Option<WorkerView<AccountId>> {
        Register::get().remove(worker).map(view)
    }
    fn tiers(key: &AccountId) -> Tiers {
        worker(*key).tiers
    }
    fn is_delegated(_: &AccountId) -> bool {
        false
    }
    fn is_operator(account: &AccountId) -> bool {
        Register::get()
            .values()
            .any(|worker| worker.operator == *account)
    }
    fn views(limit: u32) -> Vec<(AccountId, WorkerView<AccountId>)> {
        let all = Register::get().into_iter();
        all.take(limit as usize)
            .map(|(key, worker)| (key, view(worker)))
            .collect()
    }
    fn commit(key: &AccountId, charge: u64) -> Result<(), ()> {
        if charge > view(worker(*key)).free {
            return Err(());
        }
        change_worker(*key, |worker| {
            worker.committed += charge;
            worker.unresolved += 1;
        });
        Ok(())
    }
    fn release(key: &AccountId, charge: u64) {
        change_worker(*key, |worker| worker.committed -= charge);
    }
    fn resolved(key: &AccountId) {
        change_worker(*key, |worker| worker.unresolved -= 1);
    }
    fn note_missed(key: &AccountId) {
        change_worker(*key, |worker| worker.missed += 1);
    }
    fn let_rest(key: &AccountId, rate: u64, blocks: u64, since: Option<u64>) {
        change_worker(*key, |worker| worker.rest = (rate, blocks, since));
    }
    fn note_declined(key: &AccountId) {
        change_worker(*key, |worker| worker.declined += 1);
    }
    fn note_handed_back(key: &AccountId) {
        change_worker(*key, |worker| worker.handed_back += 1);
    }
    fn note_accepted(key: &AccountId, units: u32, charge: u128) {
        change_worker(*key, |worker| {
            worker.accepted_units += u64::from(units);
            worker.delivered += charge;
        });
    }
    fn liability() -> u64 {
        RETENTION
    }
    fn questioned(key: &AccountId) {
        change_worker(*key, |worker| worker.unresolved += 1);
    }
    fn indemnify(key: &AccountId, to: &AccountId, amount: u128) -> u128 {
        assert!(worker(*key).unresolved > 0, "the bond may be gone already");
        let paid = amount.min(Indemnity::get());
        let mut damages = Damages::get();
        damages.push((*key, *to, paid));
        Damages::set(&damages);
        paid
    }
    fn exposed(_: &AccountId) -> u128 {
        100
    }
    fn slash(key: &AccountId, honest: &[AccountId]) -> Slashed {
        change_worker(*key, |worker| {
            assert!(worker.unresolved > 0, "the bond may be gone already");
            worker.slashed += 1;
        });
        Slashed {
            total: 100,
            to_honest: if honest.is_empty() { 0 } else { 50 },
        }
    }
    fn slash_withheld(key: &AccountId) -> Option<Slashed> {
        (worker(*key).slashed == 0).then(|| Self::slash(key, &[]))
    }
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare_alone(_: &AccountId) {}
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(key: &AccountId, operator: &AccountId, environment: EnvironmentId) {
        let mut register = Register::get();
        let mut worker = new_worker(*operator, environment);
        worker.capacity = 1_000_000_000;
        register.insert(*key, worker);
        Register::set(&register);
    }
}

fn new_worker(operator: AccountId, environment: EnvironmentId) -> MockWorker {
    MockWorker {
        operator,
        environment,
        profile_version: 1,
        attributes: Attributes {
            jurisdiction: *b"DE",
            region: Default::default(),
            architecture: Architecture::X86_64,
            energy: EnergySource::Grid,
            carbon: 300,
            classes: vec![TaskClass::Rendering].try_into().expect("few"),
        },
        tiers: Tiers::default(),
        accepted_units: 0,
        trust: Trust::default(),
        keyed_for: u32::MAX,
        delivered: 0,
        available: true,
        capacity: 1_000_000,
        unproven: 0,
        committed: 0,
        unresolved: 0,
        missed: 0,
        rest: (0, 0, None),
        declined: 0,
        handed_back: 0,
        slashed: 0,
    }
}

pub struct MockImages;
impl Images<AccountId> for MockImages {
    fn developer_of_usable(image: &ContentHash) -> Option<AccountId> {
        (*image == IMAGE).then_some(DEVELOPER)
    }
    fn developer(image: &ContentHash) -> Option<AccountId> {
        [IMAGE, RETIRED_IMAGE].contains(image).then_some(DEVELOPER)
    }
    fn class(image: &ContentHash) -> Option<TaskClass> {
        Self::developer(image).map(|_| TaskClass::Rendering)
    }
    fn note_job(image: &ContentHash) {
        let mut jobs = ImageJobs::get();
        *jobs.entry(*image).or_default() += 1;
        ImageJobs::set(&jobs);
    }
    fn note_job_ended(image: &ContentHash) {
        let mut jobs = ImageJobs::get();
        *jobs.entry(*image).or_default() -= 1;
        ImageJobs::set(&jobs);
    }
    fn note_usage(image: &ContentHash, charge: u128) {
        let mut usage = Usage::get();
        *usage.entry(*image).or_default() += charge;
        Usage::set(&usage);
    }
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(_: &ContentHash, _: &AccountId) {}
}

pub struct MockPricing;
impl Pricing for MockPricing {
    fn profile(id: ProfileId) -> Option<Profile> {
        match id.version {
            _ if id.kind != CPU_1_ID.kind => None,
            1 => Some(CPU_1),
            // A profile without lanes cannot charge batch work.
            2 => {
                let mut profile = CPU_1;
                profile.contains.fuel_per_second = 0;
                Some(profile)
            }
            // One without a network charges what moves nothing.
            4 => {
                let mut profile = CPU_1;
                profile.contains.bandwidth = 0;
                Some(profile)
            }
            _ => None,
        }
    }
    fn floor(_: ProfileId) -> u128 {
        FLOOR
    }
    fn spot(_: ProfileId) -> u128 {
        SPOT
    }
    fn note_settled(id: ProfileId, price: u128, charge: u128) {
        assert_eq!(id, CPU_1_ID);
        let mut settled = Settled::get();
        settled.push((price, charge));
        Settled::set(&settled);
    }
    fn accepts(environment: &EnvironmentId) -> bool {
        *environment == ENVIRONMENT
    }
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(_: ProfileId, _: Profile, _: u128, _: EnvironmentId) {}
}

pub struct MockIncome;
impl Income<AccountId> for MockIncome {
    fn pot() -> AccountId {
        POT
    }
    fn paid(payment: Payment<AccountId>) {
        let mut payments = Payments::get();
        payments.push(MockPayment {
            worker: payment.worker,
            operator: payment.operator,
            developer: payment.developer,
            amount: payment.amount,
            charge: payment.charge,
            units: payment.units,
        });
        Payments::set(&payments);
    }
    fn faulted(worker: &AccountId, operator: &AccountId) {
        let mut faulted = Faulted::get();
        faulted.push((*worker, *operator));
        Faulted::set(&faulted);
    }
}

pub struct MockVerifier;
impl Verifier<AccountId> for MockVerifier {
    fn assigned(
        job: JobId,
        batch: BatchIndex,
        _: Assignment<AccountId>,
        policy: &Policy,
        _: &EnvironmentId,
        virtual_seconds: u64,
        room: u32,
    ) -> u32 {
        assert!(virtual_seconds > 0);
        let mut in_hand = InHand::get();
        let is_new = in_hand.insert((job, batch));
        InHand::set(&in_hand);
        if is_new {
            room.min(policy.paid_results() - 1)
        } else {
            0
        }
    }
    fn deadline(job: JobId, batch: BatchIndex) -> Weight {
        let mut due = Due::get();
        due.push((job, batch));
        Due::set(&due);
        Self::deadline_weight()
    }
    fn deadline_weight() -> Weight {
        Weight::from_parts(10_000_000_000, 1 << 17)
    }
    fn abandoned(job: JobId, batch: BatchIndex) {
        let mut in_hand = InHand::get();
        in_hand.remove(&(job, batch));
        InHand::set(&in_hand);
        Market::conclude(job, batch, Verdict::Failed);
    }
    fn appeal_blocks(policy: &Policy, _: u64) -> u64 {
        if *policy == Policy::Optimistic {
            APPEAL_BLOCKS
        } else {
            0
        }
    }
    /// What an operator with an odd number finds takes longer; near the deadline others check all.
    fn outlook(_: &AccountId, operator: &AccountId, batch: &Prospect<'_>) -> Outlook {
        let left = batch.deadline.saturating_sub(System::block_number());
        Outlook {
            seconds: batch.start + batch.virtual_seconds + 100 * (operator % 2),
            is_checked: left <= AUDIT_BLOCKS,
        }
    }
    fn trust_of(key: &AccountId, _: &EnvironmentId) -> Trust {
        worker(*key).trust
    }
    fn is_paused(job: JobId) -> bool {
        Paused::get().contains(&job)
    }
    fn rests(job: JobId, operator: &AccountId) -> bool {
        Withheld::get().contains(&(job, *operator))
    }
    fn received(job: JobId) -> BatchIndex {
        Received::get().remove(&job).unwrap_or(0)
    }
    fn forget(job: JobId, batch: BatchIndex) {
        let mut forgotten = Forgotten::get();
        forgotten.push((job, batch));
        Forgotten::set(&forgotten);
    }
    fn forget_job(job: JobId) {
        let mut forgotten = ForgottenJobs::get();
        forgotten.push(job);
        ForgottenJobs::set(&forgotten);
    }
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare_result(_: JobId, _: BatchIndex) {}
    #[cfg(feature = "runtime-benchmarks")]
    fn prepare_trust(key: &AccountId, _: &EnvironmentId) {
        change_worker(*key, |worker| worker.trust.streak = 1);
    }
}

pub struct MockRandomness;
impl Randomness<Option<H256>, u64> for MockRandomness {
    fn random(subject: &[u8]) -> (Option<H256>, u64) {
        let now = System::block_number();
        let hash = Seed::get().map(|seed| BlakeTwo256::hash_of(&(subject, seed, now)));
        (hash, now.saturating_sub(1))
    }
}

impl Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Pricing = MockPricing;
    type Workers = MockWorkers;
    type Images = MockImages;
    type Income = MockIncome;
    type Verifier = MockVerifier;
    type Randomness = MockRandomness;
    type JobDeposit = ConstU128<500>;
    type StartFee = ConstU128<START_FEE>;
    type BatchDeposit = ConstU128<10>;
    type MaxJobBlocks = ConstU64<1_000>;
    type MaxBatchSeconds = ConstU64<3_600>;
    type ChallengeBond = ConstU128<CHALLENGE_BOND>;
    type Treasury = ConstU64<TREASURY>;
    type Retention = ConstU64<RETENTION>;
    type CleanUpLimit = ConstU32<10>;
    type AgendaWeight = AgendaWeight;
    type WeightInfo = ();
}

/// An order of `units` in batches of two, replicated twice, due in 100 blocks.
pub(crate) fn spec(units: u32) -> JobSpecOf<Test> {
    JobSpec {
        image: IMAGE,
        input: H256::repeat_byte(9),
        units,
        batch_size: 2,
        price: PRICE,
        fuel_limit: 1_000_000_000,
        memory_limit: 1 << 30,
        traffic_limit: 300_000,
        policy: Policy::Replicate(2),
        profile: CPU_1_ID,
        environment: ENVIRONMENT,
        deadline: System::block_number() + 100,
        endpoint: vec![1; 32].try_into().expect("within the bound"),
        constraints: Constraints::default(),
        after: None,
    }
}

/// Submits [`spec`] and returns the job's number.
pub(crate) fn submit(units: u32) -> JobId {
    submit_spec(spec(units))
}

pub(crate) fn submit_spec(spec: JobSpecOf<Test>) -> JobId {
    let job = NextJobId::<Test>::get();
    frame_support::assert_ok!(Market::submit(RuntimeOrigin::signed(REQUESTER), spec));
    job
}

/// The worker claims; returns the batch that was drawn.
pub(crate) fn claim(worker: AccountId, job: JobId) -> BatchIndex {
    frame_support::assert_ok!(Market::claim(RuntimeOrigin::signed(worker), job));
    match System::events().pop().expect("an event").event {
        RuntimeEvent::Market(Event::BatchClaimed { batch, .. }) => batch,
        other => panic!("not a claim: {other:?}"),
    }
}

pub(crate) fn assignment(worker: AccountId) -> Assignment<AccountId> {
    Assignment {
        worker,
        operator: OPERATORS + worker,
    }
}

/// A verdict in favour of `winners`, against `losers`, for part of the worst case.
pub(crate) fn accepted(
    winners: &[AccountId],
    losers: &[AccountId],
    charge: u128,
) -> Verdict<AccountId> {
    judged(winners, &[], losers, charge)
}

/// The same, with the jurors of a challenge.
pub(crate) fn judged(
    winners: &[AccountId],
    jurors: &[AccountId],
    losers: &[AccountId],
    charge: u128,
) -> Verdict<AccountId> {
    let all = |workers: &[AccountId]| workers.iter().map(|w| assignment(*w)).collect();
    Verdict::Accepted(Ruling {
        winners: all(winners),
        jurors: all(jurors),
        losers: all(losers),
        summary: BatchSummary {
            root: H256::repeat_byte(7),
            fuel: 5,
            charge,
        },
    })
}

pub(crate) fn job(id: JobId) -> JobRecordOf<Test> {
    Jobs::<Test>::get(id).expect("the job exists")
}

pub(crate) fn held(reason: HoldReason, who: AccountId) -> u128 {
    use frame_support::traits::fungible::InspectHold;
    Balances::balance_on_hold(&reason.into(), &who)
}

pub(crate) fn market_events() -> Vec<Event<Test>> {
    System::events()
        .into_iter()
        .filter_map(|record| match record.event {
            RuntimeEvent::Market(event) => Some(event),
            _ => None,
        })
        .collect()
}

/// The end of this block and the start of the next, with all the weight that the hooks may take.
pub(crate) fn next_block() {
    let now = System::block_number();
    Market::on_idle(now, Weight::from_parts(u64::MAX, u64::MAX));
    System::set_block_number(now + 1);
    let mut meter = WeightMeter::with_limit(Weight::from_parts(u64::MAX, u64::MAX));
    Market::on_poll(now + 1, &mut meter);
}

pub(crate) fn run_to(block: u64) {
    while System::block_number() < block {
        next_block();
    }
}

/// Everything that must hold after a test: the market's invariants, and that the register agrees.
pub(crate) fn check_state() {
    Market::do_try_state().expect("invariants hold");
    let in_use = Market::capacity_in_use();
    for (key, worker) in Register::get() {
        assert_eq!(
            worker.committed,
            in_use.get(&key).copied().unwrap_or(0),
            "capacity of worker {key}"
        );
        let unresolved = Batches::<Test>::iter_values()
            .filter(|record| record.assignments.iter().any(|a| a.worker == key))
            .count();
        assert_eq!(worker.unresolved as usize, unresolved, "bond of {key}");
    }
    let live = Jobs::<Test>::iter_values()
        .filter(|j| !j.has_ended())
        .count();
    assert_eq!(ImageJobs::get().values().sum::<i32>() as usize, live);
}

/// Runs a test at block 1 with workers 10..30, and [`check_state`] after it.
pub(crate) fn run(test: impl FnOnce()) {
    let mut ext = new_test_ext();
    ext.execute_with(|| {
        let issued = Balances::total_issuance();
        test();
        check_state();
        assert_eq!(Balances::total_issuance(), issued, "issuance is conserved");
    });
}

pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    let mut storage = frame_system::GenesisConfig::<Test>::default()
        .build_storage()
        .expect("a valid genesis");
    pallet_balances::GenesisConfig::<Test> {
        balances: vec![
            (REQUESTER, FUNDS),
            (POOR, 100),
            (POT, ED),
            (TREASURY, ED),
            (CHALLENGER, 10_000),
        ],
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .expect("a valid genesis");
    let mut ext = sp_io::TestExternalities::new(storage);
    ext.execute_with(|| {
        System::set_block_number(1);
        let workers = (10..30).map(|key| (key, new_worker(OPERATORS + key, ENVIRONMENT)));
        Register::set(&workers.collect::<BTreeMap<_, _>>());
    });
    ext
}
