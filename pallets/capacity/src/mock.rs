//! A runtime with balances, the register of workers and this pallet, and the people in it.

// The runtime macros want everything that they name to be `pub`.
#![allow(unreachable_pub)]

use frame_support::{
    BoundedVec, derive_impl,
    pallet_prelude::DispatchResult,
    parameter_types,
    traits::{ConstU32, ConstU64, ConstU128, Get, Hooks, Nothing, Randomness, Time},
    weights::Weight,
};
use frame_system::EnsureRoot;
use sp_core::{H256, Pair, sr25519};
use sp_runtime::{
    AccountId32, BuildStorage, Perbill,
    traits::{BlakeTwo256, Hash, IdentityLookup},
};
use sungrid_primitives::{
    attributes::{Architecture, Attributes, EnergySource, TaskClass},
    capacity::{self, Frontier, Opening, Openings, Path, STRETCH, Shape, Standing, State},
    environment::EnvironmentId,
    merkle,
    registration::registration_payload,
    suns::{CPU_1, GPU_1, Profile},
    traits::{CPU_1_ID, GPU_1_ID, Pricing, ProfileId, Workers as _},
};

use crate as pallet_capacity;

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
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(2)]
    pub type Workers = pallet_workers;
    #[runtime::pallet_index(3)]
    pub type Capacity = pallet_capacity;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = AccountId32;
    type Lookup = IdentityLookup<AccountId32>;
    type AccountData = pallet_balances::AccountData<u128>;
}

pub(crate) const EXISTENTIAL_DEPOSIT: u128 = 10;
pub(crate) const COOLDOWN: u64 = 20;
pub(crate) const FUNDS: u128 = 1_000_000;
pub(crate) const TREASURY: AccountId32 = AccountId32::new([200; 32]);
const ENVIRONMENT: EnvironmentId = EnvironmentId::repeat_byte(7);
const GENESIS: H256 = H256::repeat_byte(3);
pub(crate) const WORKER_BOND: u128 = 4_000;

/// Milliseconds of a block.
pub(crate) const BLOCK_MS: u64 = 3_000;
pub(crate) const MIN_RUN: u64 = 2 * BLOCK_MS;
pub(crate) const MAX_RUN: u64 = 6 * BLOCK_MS;
pub(crate) const RUN_EVERY: u64 = 8;
pub(crate) const DRAW_DELAY: u64 = 3;
pub(crate) const OPEN_WINDOW: u64 = 10;
pub(crate) const FALSE_CLAIM_MEMORY: u64 = 200;
pub(crate) const VALIDITY: u64 = 1_000;
pub(crate) const CHECK_SPAN: u32 = 50;
pub(crate) const CHECK_WINDOW: u64 = 30;
/// What counts unproven, µSUNS.
pub(crate) const ALLOWANCE: u64 = 10;

/// What every honest run in the tests computes: enough for more than the allowance.
pub(crate) const SHAPE: Shape = Shape {
    lanes: 2,
    segments: capacity::STRETCH,
};
/// What each lane has to show: just less than that does in the longest run.
pub(crate) const MIN_LANE: u64 =
    (capacity::STRETCH as u64 - 1) * (capacity::STEPS as u64) * capacity::STEP_FUEL * 1_000
        / MAX_RUN;

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u128;
    type AccountStore = System;
    type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
}

parameter_types! {
    pub const Treasury: AccountId32 = TREASURY;
    pub const SlashFraction: Perbill = Perbill::from_percent(10);
    pub const AdmissionLimit: Perbill = Perbill::from_percent(80);
    pub const FeelessBudget: Weight = Weight::from_parts(1_000_000_000, 0);
    pub const Bounty: Perbill = Perbill::from_percent(10);
    pub storage OpenWindow: u64 = OPEN_WINDOW;
    /// Whether blocks have no randomness.
    pub storage NoRandomness: bool = false;
    /// Tells chains apart that are the same up to a block.
    pub storage Fork: u64 = 0;
    /// Whether a lane has to be twice as fast as [`SHAPE`] shows.
    pub storage TwiceAsFast: bool = false;
}

/// `Cpu/1`, `Gpu/1` and one environment.
pub struct MockPricing;

impl Pricing for MockPricing {
    fn profile(id: ProfileId) -> Option<Profile> {
        match id {
            CPU_1_ID => Some(CPU_1),
            GPU_1_ID => Some(GPU_1),
            _ => None,
        }
    }

    fn floor(_: ProfileId) -> u128 {
        1
    }

    fn spot(_: ProfileId) -> u128 {
        1
    }

    fn note_settled(_: ProfileId, _: u128, _: u128) {}

    fn accepts(environment: &EnvironmentId) -> bool {
        *environment == ENVIRONMENT
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(_: ProfileId, _: Profile, _: u128, _: EnvironmentId) {}
}

impl pallet_workers::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Pricing = MockPricing;
    type Treasury = Treasury;
    type MinBond = ConstU128<1_000>;
    type BondPerSuns = ConstU128<WORKER_BOND>;
    type SlashFraction = SlashFraction;
    type Cooldown = ConstU64<COOLDOWN>;
    type LongestBatch = ConstU64<100>;
    type AdmissionLimit = AdmissionLimit;
    type Attestations = ();
    type Roster = ();
    type Delegations = ();
    type Proofs = Capacity;
    type CallBond = ConstU128<1_000>;
    type FeelessWindow = ConstU64<10>;
    type FeelessBudget = FeelessBudget;
    type Liability = ConstU64<20>;
    type MissRest = ConstU64<5>;
    type MaxMissRest = ConstU64<100>;
    type FollowUps = Nothing;
    type WeightInfo = ();
}

/// Differs by block.
pub struct BlockRandomness;
impl Randomness<Option<H256>, u64> for BlockRandomness {
    fn random(_: &[u8]) -> (Option<H256>, u64) {
        let now = System::block_number();
        let seed = (!NoRandomness::get()).then(|| BlakeTwo256::hash_of(&(b"seed", now)));
        (seed, now.saturating_sub(1))
    }
}

/// A block takes as long as any.
pub struct Clock;
impl Time for Clock {
    type Moment = u64;

    fn now() -> u64 {
        System::block_number() * BLOCK_MS
    }
}

/// What each lane has to show.
pub struct MinLane;
impl Get<u64> for MinLane {
    fn get() -> u64 {
        MIN_LANE * if TwiceAsFast::get() { 2 } else { 1 }
    }
}

impl pallet_capacity::Config for Test {
    type Randomness = BlockRandomness;
    type Time = Clock;
    type GovernanceOrigin = EnsureRoot<AccountId32>;
    type MinRun = ConstU64<MIN_RUN>;
    type MaxRun = ConstU64<MAX_RUN>;
    type MinLane = MinLane;
    type RunEvery = ConstU64<RUN_EVERY>;
    type DrawDelay = ConstU64<DRAW_DELAY>;
    type OpenWindow = OpenWindow;
    type FalseClaimMemory = ConstU64<FALSE_CLAIM_MEMORY>;
    type Bounty = Bounty;
    type Validity = ConstU64<VALIDITY>;
    type CheckSpan = ConstU32<CHECK_SPAN>;
    type CheckWindow = ConstU64<CHECK_WINDOW>;
    type WeightInfo = ();
}

fn pair(name: &str) -> sr25519::Pair {
    sr25519::Pair::from_string(&format!("//{name}"), None).expect("a derivation path")
}

/// The account of somebody, by name.
pub(crate) fn account(name: &str) -> AccountId32 {
    AccountId32::new(pair(name).public().0)
}

pub(crate) fn signed(name: &str) -> RuntimeOrigin {
    RuntimeOrigin::signed(account(name))
}

/// A worker key's consent to `operator`.
pub(crate) fn proof(worker: &str, operator: &str) -> sr25519::Signature {
    let key = pair(worker);
    let payload = registration_payload(&GENESIS, account(operator).as_ref(), &key.public().0);
    key.sign(&payload)
}

/// Registers a worker of Olga's, of a SUNS in this profile.
pub(crate) fn register_as(worker: &str, id: ProfileId, profile: Profile) {
    let attributes = Attributes {
        jurisdiction: *b"DE",
        region: BoundedVec::truncate_from(b"DE-BY".to_vec()),
        architecture: Architecture::X86_64,
        energy: EnergySource::Solar,
        carbon: 20,
        classes: BoundedVec::truncate_from(TaskClass::ALL.to_vec()),
    };
    Workers::register(
        signed("olga"),
        account(worker),
        Default::default(),
        attributes,
        ENVIRONMENT,
        id,
        profile.contains,
        WORKER_BOND,
        proof(worker, "olga"),
    )
    .expect("a sound registration");
}

/// Registers a worker of Olga's that declares a SUNS of `Cpu/1`.
pub(crate) fn register(worker: &str) {
    register_as(worker, CPU_1_ID, CPU_1);
}

/// Makes blocks up to this one.
pub(crate) fn run_to(block: u64) {
    while System::block_number() < block {
        let last = System::block_number();
        let hash = BlakeTwo256::hash_of(&(b"block", last, Fork::get()));
        frame_system::BlockHash::<Test>::insert(last, hash);
        System::set_block_number(last + 1);
        Capacity::on_initialize(last + 1);
    }
}

pub(crate) fn pass(blocks: u64) {
    run_to(System::block_number() + blocks);
}

pub(crate) fn standing(worker: &str) -> Standing<u64> {
    Capacity::standing(account(worker)).expect("registered")
}

/// What counts of a worker's capacity, as the market sees it.
pub(crate) fn counted(worker: &str) -> u64 {
    let view = Workers::view(&account(worker)).expect("registered");
    assert_eq!(view.capacity, standing(worker).counted);
    // It is idle.
    assert_eq!(view.free, view.capacity);
    view.capacity
}

/// A worker's record.
pub(crate) fn record(worker: &str) -> pallet_workers::WorkerRecordOf<Test> {
    Workers::worker(account(worker)).expect("registered")
}

/// The seed of a run that began in this block.
pub(crate) fn seed_of(worker: &str, at: u64) -> H256 {
    capacity::seed(&System::block_hash(at), account(worker).as_ref())
}

/// What a worker computes; a cheat leaves segments out.
pub(crate) struct Work {
    pub(crate) seed: H256,
    pub(crate) shape: Shape,
    lanes: Vec<Vec<State>>,
}

fn leaves(states: &[State]) -> Vec<H256> {
    states.iter().map(capacity::leaf).collect()
}

impl Work {
    pub(crate) fn of(seed: H256, shape: Shape, skips: impl Fn(u32, u32) -> bool) -> Self {
        let lane = |lane| {
            let (mut states, mut frontier) = (Vec::new(), Frontier::default());
            let mut state = capacity::lane_start(&seed, lane);
            for stretch in 0..shape.segments / STRETCH {
                let salt = capacity::salt(lane, stretch, &frontier.lefts());
                for index in stretch * STRETCH..(stretch + 1) * STRETCH {
                    state = if skips(lane, index) {
                        state.map(|word| word ^ 0x5a5a)
                    } else {
                        capacity::segment(state, capacity::increment(salt, index))
                    };
                    states.push(state);
                }
                let last = &states[(stretch * STRETCH) as usize..];
                frontier.push(merkle::root_of(leaves(last)));
            }
            states
        };
        Self {
            seed,
            shape,
            lanes: (0..shape.lanes).map(lane).collect(),
        }
    }

    /// The same lane as often as `lanes` says.
    pub(crate) fn repeated(self, lanes: u32) -> Self {
        let of_lanes = self.lanes.into_iter().cycle();
        Self {
            seed: self.seed,
            shape: Shape {
                lanes,
                ..self.shape
            },
            lanes: of_lanes.take(lanes as usize).collect(),
        }
    }

    fn roots(&self) -> Vec<H256> {
        let roots = self.lanes.iter();
        roots.map(|lane| merkle::root_of(leaves(lane))).collect()
    }

    pub(crate) fn root(&self) -> H256 {
        merkle::root_of(self.roots())
    }

    fn path(&self, lane: usize, index: usize) -> Path {
        let prove = |level, at| merkle::prove_hash(level, at).expect("a leaf");
        let of_lane = prove(leaves(&self.lanes[lane]), index);
        let path = [of_lane, prove(self.roots(), lane)].concat();
        path.try_into().expect("not deep")
    }

    fn opening(&self, lane: u32, index: u32) -> Opening {
        let (at, index) = (lane as usize, index as usize);
        let (start, before) = match index.checked_sub(1) {
            Some(last) => (self.lanes[at][last], self.path(at, last)),
            None => (capacity::lane_start(&self.seed, lane), Path::new()),
        };
        Opening {
            start,
            before,
            after: self.path(at, index),
        }
    }

    /// The openings of what this draw wants to see.
    pub(crate) fn openings(&self, draw: &H256) -> Openings {
        let samples = self.shape.samples(draw).into_iter();
        let openings: Vec<_> = samples
            .map(|(lane, index)| self.opening(lane, index))
            .collect();
        openings.try_into().expect("as many as are drawn")
    }

    pub(crate) fn commit(&self, worker: &str) -> DispatchResult {
        Capacity::commit(signed(worker), self.seed, self.shape, self.root())
    }
}

/// Has a worker start a run and compute for as long as it may.
pub(crate) fn compute(worker: &str, shape: Shape, skips: impl Fn(u32, u32) -> bool) -> Work {
    Capacity::start(signed(worker)).expect("may start");
    let at = System::block_number();
    pass(MAX_RUN / BLOCK_MS);
    Work::of(seed_of(worker, at), shape, skips)
}

/// The draw of a worker's commitment, if there is one.
pub(crate) fn draw(worker: &str) -> Option<H256> {
    match standing(worker).run {
        Some(capacity::Run::Committed { draw, .. }) => draw,
        _ => None,
    }
}

pub(crate) fn open(worker: &str, work: &Work) -> DispatchResult {
    let draw = draw(worker).expect("drawn");
    Capacity::open(signed(worker), work.openings(&draw))
}

/// Has an honest worker prove [`SHAPE`], and says how much that is.
pub(crate) fn prove(worker: &str) -> u64 {
    let work = compute(worker, SHAPE, |_, _| false);
    work.commit(worker).expect("an honest commitment");
    pass(DRAW_DELAY);
    open(worker, &work).expect("an honest opening");
    standing(worker).proven.expect("proven").capacity
}

pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
    let genesis = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: ["olga", "nora"]
                .map(|name| (account(name), FUNDS))
                .into_iter()
                .chain([(TREASURY, EXISTENTIAL_DEPOSIT)])
                .collect(),
            ..Default::default()
        },
        capacity: pallet_capacity::GenesisConfig {
            allowance: ALLOWANCE,
            ..Default::default()
        },
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities = genesis.build_storage().expect("genesis builds").into();
    ext.execute_with(|| {
        // Blocks from 1 on have events.
        System::set_block_number(1);
        frame_system::BlockHash::<Test>::insert(0, GENESIS);
    });
    ext
}

/// Runs a scenario; the invariants must hold when it is over, and no planck may appear or vanish.
pub(crate) fn scenario(test: impl FnOnce()) {
    use frame_support::traits::TryState;
    new_test_ext().execute_with(|| {
        let issuance = Balances::total_issuance();
        test();
        assert_eq!(Balances::total_issuance(), issuance);
        Capacity::do_try_state().expect("invariants hold");
        let all = frame_support::traits::TryStateSelect::All;
        <Workers as TryState<u64>>::try_state(System::block_number(), all)
            .expect("invariants of workers hold");
    });
}
