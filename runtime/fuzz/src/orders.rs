//! What requesters order, and what operators say of machines.

use frame_support::BoundedVec;
use pallet_market::{Constraints, JobSpec, JobSpecOf, Policy};
use sp_core::H256;
use sungrid_primitives::{
    attributes::{Architecture, Attributes, EnergySource, Statement, TaskClass, Tier},
    suns::{CPU_1, LANE_FUEL_PER_SECOND, Resources},
    traits::{CPU_1_ID, GPU_1_ID, Pricing},
};
use sungrid_runtime::{
    Runtime, Suns, System,
    constants::{currency::ISC, time::HOURS},
    genesis_config_presets::ENVIRONMENTS,
};

use crate::dice::Dice;

/// Places where machines say they are.
const PLACES: [[u8; 2]; 3] = [*b"DE", *b"FR", *b"CN"];

/// What somebody says of a machine; most serve everything.
pub fn attributes(dice: &mut Dice) -> Attributes {
    let mut classes = TaskClass::ALL.to_vec();
    if dice.once_in(4) {
        classes.truncate(dice.within(0, 4) as usize);
    }
    Attributes {
        jurisdiction: if dice.once_in(20) {
            *b"XX"
        } else {
            dice.one_of(PLACES)
        },
        region: BoundedVec::truncate_from(b"north".to_vec()),
        architecture: dice.one_of([Architecture::X86_64, Architecture::Aarch64]),
        energy: dice.one_of([EnergySource::Grid, EnergySource::Solar, EnergySource::Wind]),
        carbon: dice.within(0, 500) as u16,
        classes: BoundedVec::truncate_from(classes),
    }
}

/// Something that a machine can be attested, mostly what it says itself.
pub fn statement(declared: &Attributes, dice: &mut Dice) -> Statement {
    let declared = if dice.once_in(6) {
        attributes(dice)
    } else {
        declared.clone()
    };
    match dice.below(5) {
        0 => Statement::Jurisdiction(declared.jurisdiction),
        1 => Statement::Region(declared.region),
        2 => Statement::Architecture(declared.architecture),
        3 => Statement::Energy(declared.energy),
        _ => Statement::Carbon(declared.carbon),
    }
}

/// A machine of a tenth of a SUNS to several, in `Cpu/1`.
pub fn resources(dice: &mut Dice) -> Resources {
    let tenths = u64::from(dice.within(1, 40));
    let one = CPU_1.contains;
    Resources {
        fuel_per_second: one.fuel_per_second / 10 * tenths,
        memory: one.memory / 10 * tenths,
        storage: one.storage / 10 * tenths,
        bandwidth: one.bandwidth / 10 * tenths,
        ..Resources::NONE
    }
}

/// How results are verified: by every policy, most often by the one that takes a history to trust somebody.
fn policy(dice: &mut Dice) -> Policy {
    match dice.below(6) {
        0 => Policy::Optimistic,
        1 => Policy::Replicate(2),
        2 => Policy::Replicate(3),
        3 | 4 => Policy::Adaptive,
        _ => Policy::Quorum(dice.one_of([2, 5, 20, 100, 1_000])),
    }
}

fn constraints(dice: &mut Dice) -> Constraints {
    let mut constraints = Constraints::default();
    match dice.below(16) {
        0 => constraints.jurisdictions = BoundedVec::truncate_from(PLACES[..2].to_vec()),
        1 => constraints.max_carbon = Some(400),
        2 => constraints.min_streak = 3,
        3 => constraints.distinct_jurisdictions = true,
        4 => constraints.energy = BoundedVec::truncate_from(vec![EnergySource::Solar]),
        5 => constraints.tiers.energy = Tier::Attested,
        _ => {}
    }
    constraints
}

/// An order of a published image; one in six breaks a rule.
pub fn spec(image: H256, dice: &mut Dice) -> JobSpecOf<Runtime> {
    let now = System::block_number();
    let policy = policy(dice);
    // Whatever is optimistic leaves its jury time, and where a single result is to stand, or a quorum to be drawn, there must be time.
    let appeal = match policy {
        Policy::Optimistic => HOURS + 600,
        Policy::Adaptive | Policy::Quorum(_) if !dice.once_in(4) => 600,
        _ => 0,
    };
    let floor = Suns::floor(CPU_1_ID).min(1_000 * ISC);
    let mut spec = JobSpec {
        image,
        input: H256(dice.bytes()),
        units: dice.one_of([1, 2, 4, 7, 16, 40, 90]),
        batch_size: dice.within(1, 4),
        price: floor * u128::from(dice.within(1, 5)) + u128::from(dice.below(1_000)),
        fuel_limit: dice.one_of([
            1,
            1_000_000,
            LANE_FUEL_PER_SECOND,
            20 * LANE_FUEL_PER_SECOND,
        ]),
        memory_limit: dice.one_of([1, 1 << 20, 700 << 20]),
        // Less than the lane is charged for, as much, and more.
        traffic_limit: dice.one_of([0, 312_500, 1 << 20]),
        policy,
        profile: CPU_1_ID,
        environment: ENVIRONMENTS[0],
        deadline: now + appeal + dice.within(2, 400),
        endpoint: BoundedVec::truncate_from(vec![1]),
        after: None,
        constraints: constraints(dice),
    };
    if dice.once_in(6) {
        spoil(&mut spec, dice);
    }
    spec
}

/// Changes one field to what is refused, or only just not.
fn spoil(spec: &mut JobSpecOf<Runtime>, dice: &mut Dice) {
    let extreme = dice.one_of([0, 1, u64::MAX, u64::MAX / 2, 1 << 32]);
    match dice.below(15) {
        0 => spec.image = H256(dice.bytes()),
        1 => spec.units = extreme as u32,
        2 => spec.batch_size = extreme as u32,
        3 => spec.price = dice.one_of([0, 1, u128::MAX, u128::MAX / 3, ISC * ISC]),
        4 => spec.fuel_limit = extreme,
        5 => spec.memory_limit = extreme,
        6 => spec.traffic_limit = extreme,
        7 => spec.policy = Policy::Replicate(extreme as u8),
        8 => spec.policy = Policy::Quorum(extreme as u32),
        9 => spec.profile = GPU_1_ID,
        10 => spec.environment = H256(dice.bytes()),
        11 => spec.deadline = dice.one_of([0, System::block_number(), u32::MAX]),
        12 => spec.constraints.jurisdictions = BoundedVec::truncate_from(vec![*b"XX"]),
        13 => {
            spec.constraints.jurisdictions = BoundedVec::truncate_from(vec![*b"DE"]);
            spec.constraints.distinct_jurisdictions = true;
        }
        _ => spec.endpoint = BoundedVec::new(),
    }
}
