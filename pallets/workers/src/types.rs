//! What the register keeps of a worker.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, traits::ConstU32};
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::TypeInfo;
use sungrid_primitives::{
    environment::EnvironmentId, job::MAX_ENDPOINT_BYTES, jurisdiction::Jurisdiction,
    traits::ProfileId,
};

/// An encoded peer address. The chain does not read it.
pub type Endpoint = BoundedVec<u8, ConstU32<MAX_ENDPOINT_BYTES>>;
/// A place within a jurisdiction, in the operator's words.
pub type Region = BoundedVec<u8, ConstU32<32>>;

/// Instruction set of a machine (requirement S8).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Architecture {
    /// x86-64.
    X86_64,
    /// ARMv8 and newer, 64 bits.
    Aarch64,
    /// RISC-V, 64 bits.
    Riscv64,
    /// Anything else.
    Other,
}

/// Where a machine's power comes from (requirement N3).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum EnergySource {
    /// Not declared.
    Unknown,
    /// The grid's mix.
    Grid,
    /// Sun.
    Solar,
    /// Wind.
    Wind,
    /// Water.
    Hydro,
    /// Earth's heat.
    Geothermal,
    /// Biomass.
    Biomass,
    /// Nuclear power.
    Nuclear,
    /// Coal, oil or gas.
    Fossil,
}

/// What an operator says of a machine. Nobody checks it, except that the jurisdiction exists.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Attributes {
    /// Assigned ISO 3166-1 alpha-2 code, upper case.
    pub jurisdiction: Jurisdiction,
    /// Place within it; may be empty.
    pub region: Region,
    /// Instruction set.
    pub architecture: Architecture,
    /// Source of its power.
    pub energy: EnergySource,
    /// Carbon intensity of its power, gCO2/kWh.
    pub carbon: u16,
}

/// Whether a worker takes work.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum WorkerState<BlockNumber> {
    /// It may claim.
    Active,
    /// It may not claim until it resumes.
    Paused,
    /// It may not claim any more; its bond is slashable until it is withdrawn.
    Leaving {
        /// First block at which the bond may be withdrawn.
        until: BlockNumber,
    },
}

/// One worker.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct WorkerRecord<AccountId, BlockNumber> {
    /// Who bonds it and is paid.
    pub operator: AccountId,
    /// Where it is reached.
    pub endpoint: Endpoint,
    /// What its operator says of it.
    pub attributes: Attributes,
    /// Where its results compare.
    pub environment: EnvironmentId,
    /// What its capacity is measured in.
    pub profile: ProfileId,
    /// Declared: what it offers, µSUNS. Gates admission.
    pub capacity: u64,
    /// Committed: of that, in use, µSUNS.
    pub committed: u64,
    /// Batches claimed and not yet decided: each may still cost it its bond.
    pub in_flight: u32,
    /// Held of the operator for this worker, planck.
    pub bond: u128,
    /// Whether it takes work.
    pub state: WorkerState<BlockNumber>,
    /// Wrong results.
    pub faults: u32,
    /// Deadlines missed.
    pub missed: u32,
    /// Units accepted.
    pub accepted_units: u64,
    /// Delivered: charge of these units, µSUNS·s. The only one of the three figures that was verified, and
    /// the only one that earns.
    pub delivered: u128,
    /// First block at which the worker key has a feeless call again.
    pub feeless_from: BlockNumber,
}

/// [`WorkerRecord`] of a runtime.
pub type WorkerRecordOf<T> =
    WorkerRecord<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
