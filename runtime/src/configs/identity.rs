//! `pallet_identity`: names that registrars vouch for.

use frame_support::traits::{ConstU32, ConstU128, EitherOfDiverse};
use frame_system::EnsureRoot;
use pallet_identity::legacy::IdentityInfo;
use sp_runtime::traits::Verify;

use super::{collective::HalfOfCouncil, treasury::SlashToTreasury};
use crate::{
    AccountId, Balances, Runtime, RuntimeEvent, Signature,
    constants::{currency::deposit, time::DAYS},
};

/// A referendum or more than half of the council.
type RootOrHalfOfCouncil = EitherOfDiverse<EnsureRoot<AccountId>, HalfOfCouncil>;

impl pallet_identity::Config for Runtime {
    type BasicDeposit = ConstU128<{ deposit(1, 258) }>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = ();
    type ByteDeposit = ConstU128<{ deposit(0, 1) }>;
    type Currency = Balances;
    type ForceOrigin = RootOrHalfOfCouncil;
    type IdentityInformation = IdentityInfo<ConstU32<100>>;
    type MaxRegistrars = ConstU32<20>;
    type MaxSubAccounts = ConstU32<100>;
    type MaxSuffixLength = ConstU32<7>;
    type MaxUsernameLength = ConstU32<32>;
    type OffchainSignature = Signature;
    type PendingUsernameExpiration = ConstU32<{ 7 * DAYS }>;
    type RegistrarOrigin = RootOrHalfOfCouncil;
    type RuntimeEvent = RuntimeEvent;
    type SigningPublicKey = <Signature as Verify>::Signer;
    type Slashed = SlashToTreasury;
    type SubAccountDeposit = ConstU128<{ deposit(1, 53) }>;
    type UsernameAuthorityOrigin = EnsureRoot<AccountId>;
    type UsernameDeposit = ConstU128<{ deposit(0, 32) }>;
    type UsernameGracePeriod = ConstU32<{ 30 * DAYS }>;
    type WeightInfo = pallet_identity::weights::SubstrateWeight<Runtime>;
}
