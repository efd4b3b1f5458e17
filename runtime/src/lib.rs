//! # The Sungrid runtime
//!
//! The chain's state transition function: which pallets there are ([`runtime`]), how they are configured
//! ([`configs`]) and what nodes and clients may ask ([`apis`]). This crate alone knows how the pallets are
//! wired to each other; it holds no rules of its own.
//!
//! Blocks come every 3 s (BABE), are final by GRANDPA, and there is no sudo: everything privileged goes
//! through referenda, the council and the technical committee.
#![cfg_attr(not(feature = "std"), no_std)]
// The `runtime` macro nests deeply over this many pallets.
#![recursion_limit = "512"]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
#[macro_use]
mod benches;

pub mod apis;
pub mod configs;
pub mod constants;
pub mod genesis_config_presets;
pub mod migrations;
pub mod weights;

use alloc::{borrow::Cow, vec::Vec};

use sp_runtime::{
    MultiAddress, MultiSignature, generic, impl_opaque_keys,
    traits::{BlakeTwo256, IdentifyAccount, Verify},
};
use sp_version::RuntimeVersion;

pub use apis::RuntimeApi;
#[cfg(feature = "std")]
pub use apis::api;
pub use frame_system::Call as SystemCall;
pub use pallet_balances::Call as BalancesCall;

// The node embeds the blob, native tests and `try-runtime` look at its version.
#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

/// A signature of any of the supported schemes.
pub type Signature = MultiSignature;
/// What identifies an account: a public key, or the hash of one.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// Planck.
pub type Balance = u128;
/// Number of transactions an account has sent.
pub type Nonce = u32;
/// A hash of chain data.
pub type Hash = sp_core::H256;
/// Height of a block.
pub type BlockNumber = u32;
/// How transactions name accounts.
pub type Address = MultiAddress<AccountId, ()>;
/// A block's header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// A block together with its justifications.
pub type SignedBlock = generic::SignedBlock<Block>;
/// A block's identity in the client.
pub type BlockId = generic::BlockId<Block>;

/// Types a node can use without knowing the runtime's calls.
pub mod opaque {
    use super::{BlakeTwo256, BlockNumber, generic};

    pub use sp_runtime::OpaqueExtrinsic as UncheckedExtrinsic;

    /// A header, as in the runtime.
    pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
    /// A block whose transactions are bytes.
    pub type Block = generic::Block<Header, UncheckedExtrinsic>;
    /// Its identity.
    pub type BlockId = generic::BlockId<Block>;
    /// Its hash.
    pub type Hash = sp_core::H256;
}

impl_opaque_keys! {
    /// What a validator signs with.
    pub struct SessionKeys {
        /// Finality votes.
        pub grandpa: Grandpa,
        /// Block authorship.
        pub babe: Babe,
    }
}

/// What the chain is and which interfaces it has.
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: Cow::Borrowed("sungrid"),
    impl_name: Cow::Borrowed("sungrid"),
    authoring_version: 1,
    // Raised with every change that alters the state transition.
    spec_version: 1,
    impl_version: 1,
    apis: apis::RUNTIME_API_VERSIONS,
    // Raised when the encoding of a call or of `TxExtension` changes.
    transaction_version: 1,
    system_version: 1,
};

/// BABE's constants at genesis; the authorities come from the session keys.
pub const BABE_GENESIS_EPOCH_CONFIG: sp_consensus_babe::BabeEpochConfiguration =
    sp_consensus_babe::BabeEpochConfiguration {
        c: constants::time::PRIMARY_PROBABILITY,
        allowed_slots: sp_consensus_babe::AllowedSlots::PrimaryAndSecondaryVRFSlots,
    };

/// What every transaction carries and passes through, in this order.
pub type TxExtension = (
    frame_system::AuthorizeCall<Runtime>,
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckEra<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    pallet_workers::ChargeUnlessFeeless<
        Runtime,
        pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
    >,
    frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
    frame_system::WeightReclaim<Runtime>,
);

/// A transaction as it travels.
pub type UncheckedExtrinsic =
    generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// What a signer signs.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// Runs blocks.
pub type Executive = frame_executive::Executive<
    Runtime,
    Block,
    frame_system::ChainContext<Runtime>,
    Runtime,
    AllPalletsWithSystem,
>;

// Indices are part of every call's and event's encoding: never reuse one. Infrastructure below 30,
// governance from 30, our own pallets from 50.
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
    pub struct Runtime;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;

    #[runtime::pallet_index(1)]
    pub type Timestamp = pallet_timestamp;

    #[runtime::pallet_index(2)]
    pub type Babe = pallet_babe;

    #[runtime::pallet_index(3)]
    pub type Authorship = pallet_authorship;

    #[runtime::pallet_index(4)]
    pub type Balances = pallet_balances;

    #[runtime::pallet_index(5)]
    pub type TransactionPayment = pallet_transaction_payment;

    #[runtime::pallet_index(10)]
    pub type Validators = pallet_validators;

    #[runtime::pallet_index(11)]
    pub type Session = pallet_session;

    #[runtime::pallet_index(12)]
    pub type Historical = pallet_session::historical;

    #[runtime::pallet_index(13)]
    pub type Offences = pallet_offences;

    #[runtime::pallet_index(14)]
    pub type Grandpa = pallet_grandpa;

    #[runtime::pallet_index(20)]
    pub type Utility = pallet_utility;

    #[runtime::pallet_index(21)]
    pub type Multisig = pallet_multisig;

    #[runtime::pallet_index(22)]
    pub type Proxy = pallet_proxy;

    #[runtime::pallet_index(23)]
    pub type Identity = pallet_identity;

    #[runtime::pallet_index(24)]
    pub type Vesting = pallet_vesting;

    #[runtime::pallet_index(30)]
    pub type Preimage = pallet_preimage;

    #[runtime::pallet_index(31)]
    pub type Scheduler = pallet_scheduler;

    #[runtime::pallet_index(32)]
    pub type Democracy = pallet_democracy;

    #[runtime::pallet_index(33)]
    pub type Council = pallet_collective<Instance1>;

    #[runtime::pallet_index(34)]
    pub type TechnicalCommittee = pallet_collective<Instance2>;

    #[runtime::pallet_index(35)]
    pub type Treasury = pallet_treasury;

    #[runtime::pallet_index(50)]
    pub type Suns = pallet_suns;

    #[runtime::pallet_index(51)]
    pub type Workers = pallet_workers;

    #[runtime::pallet_index(52)]
    pub type Images = pallet_images;

    #[runtime::pallet_index(53)]
    pub type Market = pallet_market;

    #[runtime::pallet_index(54)]
    pub type Verification = pallet_verification;

    // After balances, which its genesis needs, and authorship, so that a block's author counts in the
    // round that the block ends.
    #[runtime::pallet_index(55)]
    pub type Rewards = pallet_rewards;

    #[runtime::pallet_index(58)]
    pub type Auditors = pallet_auditors;

    #[runtime::pallet_index(59)]
    pub type Liveness = pallet_liveness;

    #[runtime::pallet_index(60)]
    pub type Delegation = pallet_delegation;

    #[runtime::pallet_index(61)]
    pub type Canaries = pallet_canaries;

    #[runtime::pallet_index(62)]
    pub type Capacity = pallet_capacity;
}
