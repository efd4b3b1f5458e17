//! What the register keeps of a worker.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, traits::ConstU32};
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::TypeInfo;
use sungrid_primitives::{
    attributes::Attributes, delegation::Delegated, environment::EnvironmentId,
    job::MAX_ENDPOINT_BYTES, traits::ProfileId,
};

/// An encoded peer address. The chain does not read it.
pub type Endpoint = BoundedVec<u8, ConstU32<MAX_ENDPOINT_BYTES>>;
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
    /// It may not claim until its operator resumes it: its key cannot.
    Suspended,
    /// It may not claim any more; its bond is slashable until it is withdrawn.
    Leaving {
        /// First block at which the bond may be withdrawn.
        until: BlockNumber,
    },
}

/// Feeless calls that a worker key has made, as a debt in planck·blocks that its bond pays off.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Allowance<BlockNumber> {
    /// The debt at `at`.
    pub debt: u128,
    /// When it was reckoned.
    pub at: BlockNumber,
}

/// What feeless calls took of one block.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct FeelessUse<BlockNumber> {
    /// The block.
    pub block: BlockNumber,
    /// Their weight, as ref time.
    pub ref_time: u64,
}

/// Most parts of a bond that are to be released at a time. Fewer, and who lowers a bond in steps waits for the first of them; more,
/// and every claim reads a larger record.
pub const MAX_UNBONDING: u32 = 8;

/// A part of an operator's bond that is to be released: slashable until it is, and nothing else.
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
pub struct Unbonding<BlockNumber> {
    /// Planck.
    pub amount: u128,
    /// The block in which it began to leave.
    pub left: BlockNumber,
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
    /// The block in which it last took a batch when none was in flight.
    pub busy_since: BlockNumber,
    /// The block in which it last took a batch.
    pub claimed_at: BlockNumber,
    /// First block in which the bond answers for the outputs of no accepted result any more.
    pub liable_until: BlockNumber,
    /// First block in which it may be slashed anew for outputs that it withholds.
    pub withheld_until: BlockNumber,
    /// First block in which it may claim again after it missed a deadline or was slashed.
    pub rests_until: BlockNumber,
    /// Blocks for which it rests, or rested last, for what it missed; they fade from the end of the rest on. See [`Config::MissRest`](crate::Config::MissRest).
    pub arrears: BlockNumber,
    /// The block in which its key was registered. Younger ones come last where a draw picks by key.
    pub keyed_at: BlockNumber,
    /// Bonded by the operator, planck: held of it.
    pub bond: u128,
    /// Of that, what is to be released, oldest first.
    pub unbonding: BoundedVec<Unbonding<BlockNumber>, ConstU32<MAX_UNBONDING>>,
    /// Delegated by others: on the same hold.
    pub delegated: Delegated,
    /// Whether it takes work.
    pub state: WorkerState<BlockNumber>,
    /// Wrong results.
    pub faults: u32,
    /// Deadlines missed.
    pub missed: u32,
    /// Batches declined in time, because their input was not to be had.
    pub declined: u32,
    /// Batches handed back in time, because its machine was needed for something else.
    pub handed_back: u32,
    /// Units accepted.
    pub accepted_units: u64,
    /// Delivered: charge of these units, µSUNS·s. The only one of the three figures that was verified, and
    /// the only one that earns.
    pub delivered: u128,
    /// Feeless calls that it has made.
    pub allowance: Allowance<BlockNumber>,
}

impl<AccountId, BlockNumber> WorkerRecord<AccountId, BlockNumber> {
    /// What stands behind the worker's capacity and calls, planck: see [`Delegated::backing`].
    pub fn backing(&self) -> u128 {
        self.delegated.backing(self.staying())
    }

    /// What of the operator's part stays, planck.
    pub fn staying(&self) -> u128 {
        self.bond.saturating_sub(self.leaving())
    }

    /// What of the operator's part is to be released, planck.
    pub fn leaving(&self) -> u128 {
        self.unbonding
            .iter()
            .fold(0, |sum, part| sum.saturating_add(part.amount))
    }

    /// Takes so many planck out of the operator's part: of what stays first, so that a worker whose operator takes money out is off the
    /// market sooner than others; then of what began to leave last.
    pub fn lose(&mut self, amount: u128) {
        self.bond = self.bond.saturating_sub(amount);
        let mut excess = self.leaving().saturating_sub(self.bond);
        while let Some(part) = self.unbonding.last_mut().filter(|_| excess > 0) {
            let lost = part.amount.min(excess);
            part.amount = part.amount.saturating_sub(lost);
            excess = excess.saturating_sub(lost);
            if part.amount == 0 {
                self.unbonding.pop();
            }
        }
    }

    /// What a slash finds, planck.
    pub fn slashable(&self) -> u128 {
        self.bond.saturating_add(self.delegated.stake)
    }
}

/// A worker that its operator offers to another.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Offer<AccountId, BlockNumber> {
    /// To whom.
    pub to: AccountId,
    /// What it is to pay, planck.
    pub price: u128,
    /// First block in which it can accept.
    pub from: BlockNumber,
}

/// [`Offer`] of a runtime.
pub type OfferOf<T> = Offer<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// [`WorkerRecord`] of a runtime.
pub type WorkerRecordOf<T> =
    WorkerRecord<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
