//! A runtime with the real pallets that a batch passes through: suns, workers, images, market,
//! verification and rewards. A test here is a story of all of them.

// The runtime macros want everything that they name to be `pub`.
#![allow(unreachable_pub)]

use frame_support::{
    PalletId, assert_ok, derive_impl, parameter_types,
    storage::unhashed,
    traits::{
        ConstU32, ConstU64, ConstU128, Nothing, OnIdle, OnInitialize, OnPoll, Randomness, TryState,
        TryStateSelect,
    },
    weights::{Weight, WeightMeter},
};
use pallet_market::{BatchRecordOf, Constraints, JobSpec, JobState, Outcome, Policy};
use sp_core::{H256, Pair, sr25519};
use sp_runtime::{
    AccountId32, BuildStorage, Perbill, Permill,
    traits::{BlakeTwo256, Hash},
};
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId,
    attributes::{Architecture, Attributes, EnergySource, TaskClass},
    environment::EnvironmentId,
    policy::{RESULTS_PER_LIE, Trust},
    receipt::{self, BatchSummary},
    registration::registration_payload,
    suns::{CPU_1, LANE_FUEL_PER_SECOND, Resources},
    traits::{CPU_1_ID, Fleet, Roster},
};

use crate::{self as pallet_verification, *};

type Block = frame_system::mocking::MockBlock<Test>;
pub(crate) type AccountId = AccountId32;

pub(crate) const ED: u128 = 10;
pub(crate) const FUNDS: u128 = 1_000_000_000;
pub(crate) const BOND: u128 = 100_000;
/// A tenth of the bond.
pub(crate) const SLASH: u128 = 10_000;
/// A streak for which as few single results are audited as the slash allows: it covers two pays five times, so one in five.
pub(crate) const LONG: u32 = 4 * RESULTS_PER_LIE as u32;
/// Number of workers; each has an operator of its own.
pub(crate) const WORKERS: u8 = 12;
/// Planck per SUNS·hour: a batch of [`spec`] at its limits costs 1,000 planck per replica.
pub(crate) const PRICE: u128 = 14_400_000;
pub(crate) const BATCH_COST: u128 = 1_000;
/// Charge of a batch at its limits, µSUNS·s, and its fuel.
pub(crate) const BATCH_CHARGE: u128 = 250_000;
pub(crate) const BATCH_FUEL: u128 = 2_000_000_000;
pub(crate) const ENVIRONMENT: EnvironmentId = H256::repeat_byte(1);
pub(crate) const IMAGE: ContentHash = H256::repeat_byte(2);
pub(crate) const SLACK: u64 = 5;
/// Blocks for a commitment: the slack and twice the two seconds of a batch, in blocks of three.
pub(crate) const COMMIT_BLOCKS: u64 = SLACK + 2;
pub(crate) const REVEAL_BLOCKS: u64 = 6;
pub(crate) const DRAW_DELAY: u64 = 3;
pub(crate) const CHALLENGE_BLOCKS: u64 = 8;
pub(crate) const STANDING_WINDOW: u64 = 40;
/// Blocks for which a single result stands: the window and twice the two seconds of a batch, in blocks of three.
pub(crate) const STANDING_BLOCKS: u64 = STANDING_WINDOW + 2;
/// Longer than the 16 blocks after which a summons reaches everybody.
pub(crate) const JURY_WINDOW: u64 = 60;
/// The same and three commit deadlines.
pub(crate) const JURY_BLOCKS: u64 = JURY_WINDOW + 3 * COMMIT_BLOCKS;
pub(crate) const CHALLENGE_BOND: u128 = 700;
pub(crate) const CLAIM_FEE: u128 = 50;
pub(crate) const DECLINE_REST: u64 = 10;
pub(crate) const MAX_MISS_REST: u64 = 100;
pub(crate) const MISS_REST: u64 = 5;
pub(crate) const PAUSE_LENGTH: u64 = 40;
pub(crate) const RETENTION: u64 = 20;
pub(crate) const WITNESS_FEE: u128 = 20;
pub(crate) const WITNESS_BLOCKS: u64 = 12;
/// What a call for witnesses holds of the requester.
pub(crate) const CALL_BOND: u128 = CHALLENGE_BOND + 7 * WITNESS_FEE;
/// As little as the integrity test allows.
pub(crate) const LIABILITY: u64 = RETENTION + DRAW_DELAY + WITNESS_BLOCKS + REVEAL_BLOCKS + 2;
/// Blocks from submission to the deadline of [`spec`].
pub(crate) const LIFE: u64 = 160;

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
    pub type Suns = pallet_suns;
    #[runtime::pallet_index(3)]
    pub type Workers = pallet_workers;
    #[runtime::pallet_index(4)]
    pub type Images = pallet_images;
    #[runtime::pallet_index(5)]
    pub type Market = pallet_market;
    #[runtime::pallet_index(6)]
    pub type Verification = pallet_verification;
    #[runtime::pallet_index(7)]
    pub type Rewards = pallet_rewards;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = AccountId;
    type Lookup = sp_runtime::traits::IdentityLookup<AccountId>;
    type AccountData = pallet_balances::AccountData<u128>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u128;
    type ExistentialDeposit = ConstU128<ED>;
    type AccountStore = System;
}

parameter_types! {
    pub Treasury: AccountId = treasury();
    pub const SlashFraction: Perbill = Perbill::from_percent(10);
    pub const AdmissionLimit: Perbill = Perbill::from_percent(80);
    pub const RewardsId: PalletId = PalletId(*b"sg/rewrd");
    pub const ReserveId: PalletId = PalletId(*b"sg/nodes");
    pub const EmissionRate: Permill = Permill::from_percent(8);
    pub AgendaWeight: Weight = Weight::from_parts(200_000_000_000, 4 << 20);
}

impl pallet_suns::Config for Test {
    type GovernanceOrigin = frame_system::EnsureRoot<AccountId>;
    type SpotPeriod = ConstU64<50>;
    type WeightInfo = ();
}

impl pallet_workers::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Pricing = Suns;
    type Proofs = ();
    type Treasury = Treasury;
    type MinBond = ConstU128<1_000>;
    type BondPerSuns = ConstU128<1_000>;
    type SlashFraction = SlashFraction;
    type Cooldown = ConstU64<10>;
    type LongestBatch = ConstU64<10_000>;
    type Liability = ConstU64<LIABILITY>;
    type MissRest = ConstU64<MISS_REST>;
    type MaxMissRest = ConstU64<MAX_MISS_REST>;
    type AdmissionLimit = AdmissionLimit;
    type Attestations = ();
    type Roster = ActiveWorkers;
    type Delegations = ();
    type CallBond = ConstU128<1_000>;
    type FeelessWindow = ConstU64<10>;
    type FeelessBudget = AgendaWeight;
    type FollowUps = Nothing;
    type WeightInfo = ();
}

impl pallet_images::Config for Test {
    type GovernanceOrigin = frame_system::EnsureRoot<AccountId>;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Deposit = ConstU128<100>;
    type WeightInfo = ();
}

/// Differs by block.
pub struct BlockRandomness;
impl Randomness<Option<H256>, u64> for BlockRandomness {
    fn random(subject: &[u8]) -> (Option<H256>, u64) {
        let now = System::block_number();
        (
            Some(BlakeTwo256::hash_of(&(subject, now))),
            now.saturating_sub(1),
        )
    }
}

impl pallet_market::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Pricing = Suns;
    type Workers = Workers;
    type Images = Images;
    type Income = Rewards;
    type Verifier = Verification;
    type Randomness = BlockRandomness;
    type JobDeposit = ConstU128<500>;
    type StartFee = ConstU128<3>;
    type BatchDeposit = ConstU128<10>;
    type MaxJobBlocks = ConstU64<1_000>;
    type MaxBatchSeconds = ConstU64<600>;
    type ChallengeBond = ConstU128<CHALLENGE_BOND>;
    type Treasury = Treasury;
    type Retention = ConstU64<RETENTION>;
    type CleanUpLimit = ConstU32<10>;
    type AgendaWeight = AgendaWeight;
    type WeightInfo = ();
}

/// The active workers, each with the block in which it got its number; the last takes that of one that leaves.
pub struct ActiveWorkers;

const SEATS: &[u8] = b"seats";

fn seats() -> Vec<(AccountId, u64)> {
    unhashed::get_or_default(SEATS)
}

impl Roster<AccountId> for ActiveWorkers {
    fn joined(worker: &AccountId) {
        let mut all = seats();
        all.push((worker.clone(), System::block_number()));
        unhashed::put(SEATS, &all);
    }
    fn left(worker: &AccountId) {
        let mut all = seats();
        let number = all
            .iter()
            .position(|(key, _)| key == worker)
            .expect("active");
        all.swap_remove(number);
        if let Some((_, seated)) = all.get_mut(number) {
            *seated = System::block_number();
        }
        unhashed::put(SEATS, &all);
    }
}

impl Fleet<AccountId, u64> for ActiveWorkers {
    fn count() -> u32 {
        seats().len() as u32
    }
    fn at(number: u32, block: u64) -> Option<AccountId> {
        let (worker, seated) = seats().into_iter().nth(number as usize)?;
        (seated <= block).then_some(worker)
    }
}

impl Config for Test {
    type Fleet = ActiveWorkers;
    type WitnessFee = ConstU128<WITNESS_FEE>;
    type WitnessWindow = ConstU64<WITNESS_BLOCKS>;
    type ClaimFee = ConstU128<CLAIM_FEE>;
    type DeclineRest = ConstU64<DECLINE_REST>;
    type PauseLength = ConstU64<PAUSE_LENGTH>;
    type DeclinesToPause = ConstU32<3>;
    type DrawDelay = ConstU64<DRAW_DELAY>;
    type ChallengeWindow = ConstU64<CHALLENGE_BLOCKS>;
    type StandingWindow = ConstU64<STANDING_WINDOW>;
    type JuryWindow = ConstU64<JURY_WINDOW>;
    type CommitSlack = ConstU64<SLACK>;
    type RevealWindow = ConstU64<REVEAL_BLOCKS>;
    type MaxReplicas = ConstU32<5>;
    type SecondsPerBlock = ConstU64<3>;
    type WeightInfo = ();
}

impl pallet_rewards::Config for Test {
    type Currency = Balances;
    type PalletId = RewardsId;
    type Treasury = Treasury;
    type RoundBlocks = ConstU64<50>;
    type EmissionCap = ConstU128<1_000_000>;
    type EmissionRate = EmissionRate;
    type ReserveId = ReserveId;
    type ReservePerRound = ConstU128<1_000_000>;
    type ReserveRounds = ConstU32<1_000>;
    type NodeRewardCap = ConstU128<1_000>;
    type Delegations = ();
    type CreditWindow = ConstU32<100>;
    type GovernanceOrigin = frame_system::EnsureRoot<AccountId>;
    type WeightInfo = ();
}

fn key(n: u8) -> sr25519::Pair {
    sr25519::Pair::from_seed(&[n; 32])
}

/// The key of worker `n`, from 1.
pub(crate) fn worker(n: u8) -> AccountId {
    key(n).public().into()
}

/// The operator of worker `n`.
pub(crate) fn operator(n: u8) -> AccountId {
    AccountId::new([100 + n; 32])
}

pub(crate) fn requester() -> AccountId {
    AccountId::new([200; 32])
}

pub(crate) fn developer() -> AccountId {
    AccountId::new([201; 32])
}

pub(crate) fn stranger() -> AccountId {
    AccountId::new([202; 32])
}

pub(crate) fn treasury() -> AccountId {
    AccountId::new([203; 32])
}

pub(crate) fn signed(who: AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

/// Registers worker `n` with four SUNS for an operator.
pub(crate) fn register(n: u8, operator: AccountId) {
    let genesis = System::block_hash(0);
    let payload = registration_payload(&genesis, operator.as_ref(), worker(n).as_ref());
    let one = CPU_1.contains;
    assert_ok!(Workers::register(
        signed(operator),
        worker(n),
        vec![n].try_into().expect("short"),
        Attributes {
            jurisdiction: *b"DE",
            region: Default::default(),
            architecture: Architecture::X86_64,
            energy: EnergySource::Wind,
            carbon: 10,
            classes: vec![TaskClass::Rendering].try_into().expect("one"),
        },
        ENVIRONMENT,
        CPU_1_ID,
        Resources {
            fuel_per_second: 32 * LANE_FUEL_PER_SECOND,
            memory: 4 * one.memory,
            storage: 4 * one.storage,
            bandwidth: 4 * one.bandwidth,
            ..Default::default()
        },
        BOND,
        key(n).sign(&payload),
    ));
}

/// An order of `batches` batches of two units, `quorum` replicas each, due in [`LIFE`] blocks.
pub(crate) fn spec(batches: u32, quorum: u8) -> JobSpec<u64> {
    JobSpec {
        image: IMAGE,
        input: H256::repeat_byte(9),
        units: 2 * batches,
        batch_size: 2,
        price: PRICE,
        fuel_limit: 1_000_000_000,
        memory_limit: 1 << 30,
        traffic_limit: 300_000,
        policy: Policy::Replicate(quorum),
        profile: CPU_1_ID,
        environment: ENVIRONMENT,
        deadline: System::block_number() + LIFE,
        endpoint: vec![1; 32].try_into().expect("short"),
        constraints: Constraints::default(),
        after: None,
    }
}

pub(crate) fn submit(batches: u32, quorum: u8) -> JobId {
    submit_under(Policy::Replicate(quorum), batches)
}

/// [`spec`] under another policy.
pub(crate) fn submit_under(policy: Policy, batches: u32) -> JobId {
    let job = pallet_market::NextJobId::<Test>::get();
    let mut order = spec(batches, 2);
    order.policy = policy;
    assert_ok!(Market::submit(signed(requester()), order));
    job
}

/// Gives worker `n` a record, as if it had been confirmed so often.
pub(crate) fn trust(n: u8, streak: u32, score: u32) {
    Trusts::<Test>::insert(worker(n), ENVIRONMENT, Trust { streak, score });
}

pub(crate) fn trust_of(n: u8) -> (u32, u32) {
    let trust = Verification::trust(worker(n), ENVIRONMENT);
    (trust.streak, trust.score)
}

/// Runs until the workers that may claim one of the wanted replicas have done so, those of `workers` that are drawn
/// first, first; returns them in that order.
pub(crate) fn answer_summons(job: JobId, workers: &[u8], count: usize) -> Vec<u8> {
    let mut came = vec![];
    for _ in 0..=DRAW_DELAY + 8 * u64::from(pallet_market::SUMMONS_STEP) {
        for n in workers {
            if came.len() < count && !came.contains(n) && Market::claimable(job, worker(*n)) {
                claim(*n, job);
                came.push(*n);
            }
        }
        if came.len() == count {
            return came;
        }
        next_block();
    }
    panic!("only {came:?} were drawn");
}

/// Worker `n` claims; returns the batch that was drawn.
pub(crate) fn claim(n: u8, job: JobId) -> BatchIndex {
    assert_ok!(Market::claim(signed(worker(n)), job));
    match System::events().pop().expect("an event").event {
        RuntimeEvent::Market(pallet_market::Event::BatchClaimed { batch, .. }) => batch,
        other => panic!("not a claim: {other:?}"),
    }
}

/// What an honest worker finds: half of the worst case.
pub(crate) fn truth(batch: BatchIndex) -> BatchSummary {
    BatchSummary {
        root: BlakeTwo256::hash_of(&("truth", batch)),
        fuel: BATCH_FUEL / 2,
        charge: BATCH_CHARGE / 2,
    }
}

/// One of many wrong answers.
pub(crate) fn lie(n: u8) -> BatchSummary {
    BatchSummary {
        root: H256::repeat_byte(n),
        fuel: BATCH_FUEL,
        charge: BATCH_CHARGE,
    }
}

pub(crate) fn salt(n: u8) -> [u8; 32] {
    [n ^ 0xAA; 32]
}

pub(crate) fn bundle(n: u8) -> ContentHash {
    H256::repeat_byte(n)
}

/// The seal of worker `n` over a summary.
pub(crate) fn seal(n: u8, job: JobId, batch: BatchIndex, summary: &BatchSummary) -> H256 {
    receipt::commitment(job, batch, summary, worker(n).as_ref(), &salt(n))
}

/// Units of a batch; those of [`spec`] if there is no such job.
pub(crate) fn units_of(job: JobId, batch: BatchIndex) -> u32 {
    Market::job(job).map_or(2, |job| job.units_in(batch))
}

pub(crate) fn commit(n: u8, job: JobId, batch: BatchIndex, summary: &BatchSummary) {
    assert_ok!(Verification::commit(
        signed(worker(n)),
        job,
        batch,
        units_of(job, batch),
        receipt::digest(job, batch, summary),
        seal(n, job, batch, summary)
    ));
}

pub(crate) fn try_reveal(
    n: u8,
    job: JobId,
    batch: BatchIndex,
    summary: &BatchSummary,
) -> sp_runtime::DispatchResult {
    Verification::reveal(signed(worker(n)), job, batch, *summary, salt(n), bundle(n))
        .map(|_| ())
        .map_err(|refused| refused.error)
}

pub(crate) fn reveal(n: u8, job: JobId, batch: BatchIndex, summary: &BatchSummary) {
    assert_ok!(try_reveal(n, job, batch, summary));
}

/// A job of one batch, claimed by workers `1..=claims`.
pub(crate) fn one_batch(quorum: u8, claims: u8) -> JobId {
    let job = submit(1, quorum);
    for n in 1..=claims {
        assert_eq!(claim(n, job), 0);
    }
    job
}

pub(crate) fn ballot(job: JobId) -> BallotRecordOf<Test> {
    Verification::ballot(job, 0).expect("in flight")
}

/// Last block for reveals, while they are open.
pub(crate) fn reveal_until(job: JobId, batch: BatchIndex) -> Option<u64> {
    match Verification::ballot(job, batch)?.stage {
        Stage::Revealing { until, .. } => Some(until),
        _ => None,
    }
}

pub(crate) fn record(job: JobId) -> BatchRecordOf<Test> {
    Market::batch(job, 0).expect("in flight")
}

pub(crate) fn outcome(job: JobId) -> Option<Outcome> {
    match Market::job(job).expect("the job exists").state {
        JobState::Ended { outcome, .. } => Some(outcome),
        _ => None,
    }
}

pub(crate) fn bond(n: u8) -> u128 {
    registered(n).bond
}

pub(crate) fn registered(n: u8) -> pallet_workers::WorkerRecordOf<Test> {
    pallet_workers::Workers::<Test>::get(worker(n)).expect("registered")
}

pub(crate) fn emitted(event: impl Into<RuntimeEvent>) -> bool {
    let event = event.into();
    System::events().iter().any(|record| record.event == event)
}

/// Planck minted at the end of rounds so far.
pub(crate) fn emission() -> u128 {
    System::events()
        .into_iter()
        .filter_map(|record| match record.event {
            RuntimeEvent::Rewards(pallet_rewards::Event::RoundClosed { emission, .. }) => {
                Some(emission)
            }
            _ => None,
        })
        .sum()
}

/// The end of this block and the start of the next.
pub(crate) fn next_block() {
    next_block_with(Weight::from_parts(u64::MAX, u64::MAX));
}

/// The same, with so much weight left in each block for hooks.
pub(crate) fn next_block_with(weight: Weight) {
    let now = System::block_number();
    <AllPalletsWithSystem as OnIdle<u64>>::on_idle(now, weight);
    System::set_block_number(now + 1);
    <AllPalletsWithSystem as OnInitialize<u64>>::on_initialize(now + 1);
    let mut meter = WeightMeter::with_limit(weight);
    <AllPalletsWithSystem as OnPoll<u64>>::on_poll(now + 1, &mut meter);
}

pub(crate) fn run_to(block: u64) {
    while System::block_number() < block {
        next_block();
    }
}

pub(crate) fn wait(blocks: u64) {
    run_to(System::block_number() + blocks);
}

/// The invariants of every pallet, and those between them.
pub(crate) fn check_state() {
    let now = System::block_number();
    <AllPalletsWithSystem as TryState<u64>>::try_state(now, TryStateSelect::All)
        .expect("invariants hold");
    Verification::do_try_state().expect("invariants hold");
    let in_use = Market::capacity_in_use();
    for (key, record) in pallet_workers::Workers::<Test>::iter() {
        assert_eq!(record.committed, in_use.get(&key).copied().unwrap_or(0));
        let answers = pallet_market::Batches::<Test>::iter_values()
            .filter(|batch| batch.assignments.iter().any(|a| a.worker == key))
            .count();
        let questions = Calls::<Test>::iter_keys()
            .filter_map(|(job, batch)| Results::<Test>::get(job, batch))
            .filter(|result| result.winners.iter().any(|w| w.worker == key))
            .count();
        assert_eq!(
            record.in_flight as usize,
            answers + questions,
            "bonds answer while needed"
        );
    }
}

/// Runs a story at block 1 with all workers registered and the image published; then [`check_state`], and no
/// planck is lost or made but the emission.
pub(crate) fn run(story: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        let issued = Balances::total_issuance();
        story();
        check_state();
        assert_eq!(Balances::total_issuance(), issued + emission());
    });
}

pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    let mut accounts = vec![requester(), developer(), stranger(), treasury()];
    accounts.extend((1..=WORKERS).map(operator));
    let storage = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: accounts.into_iter().map(|who| (who, FUNDS)).collect(),
            ..Default::default()
        },
        suns: pallet_suns::GenesisConfig {
            profiles: vec![(CPU_1_ID, CPU_1)],
            floors: vec![(CPU_1_ID, 1_000)],
            environments: vec![ENVIRONMENT],
            ..Default::default()
        },
        ..Default::default()
    }
    .build_storage()
    .expect("a valid genesis");
    let mut ext = sp_io::TestExternalities::new(storage);
    ext.execute_with(|| {
        System::set_block_number(1);
        assert_ok!(Images::publish(
            signed(developer()),
            IMAGE,
            TaskClass::Rendering
        ));
        for n in 1..=WORKERS {
            register(n, operator(n));
        }
    });
    ext
}
