//! `pallet_treasury`: the foundation's share, spent by vote.

use frame_support::{
    PalletId, parameter_types,
    traits::{
        ConstU32, Currency, EitherOfDiverse, OnUnbalanced,
        tokens::{PayFromAccount, UnityAssetBalanceConversion},
    },
};
use frame_system::{EnsureRoot, EnsureWithSuccess};
use sp_runtime::{Permill, traits::IdentityLookup};

use super::collective::{HalfOfCouncil, ThreeQuartersOfCouncil};
use crate::{
    AccountId, Balance, Balances, BlockNumber, Runtime, RuntimeEvent, System, Treasury,
    constants::{
        currency::ISC,
        time::{DAYS, HOURS},
    },
};

parameter_types! {
    /// Approved spends are paid this often. A test network's value.
    pub const SpendPeriod: BlockNumber = HOURS;
    /// Nothing unspent is destroyed: issuance is only what the rewards mint.
    pub const Burn: Permill = Permill::from_percent(0);
    /// Names the treasury's account.
    pub const TreasuryPalletId: PalletId = PalletId(*b"sun/trsy");
    /// How long an approved spend can be claimed.
    pub const PayoutPeriod: BlockNumber = 30 * DAYS;
    /// The most one spend may be.
    pub const MaxSpend: Balance = 1_000_000 * ISC;
    /// The treasury's account.
    pub TreasuryAccount: AccountId = Treasury::account_id();
}

/// Sends slashes of the older currency interface to the treasury.
pub struct SlashToTreasury;

/// An imbalance of the older currency interface.
type NegativeImbalance = <Balances as Currency<AccountId>>::NegativeImbalance;

impl OnUnbalanced<NegativeImbalance> for SlashToTreasury {
    fn on_nonzero_unbalanced(amount: NegativeImbalance) {
        Balances::resolve_creating(&TreasuryAccount::get(), amount);
    }
}

impl pallet_treasury::Config for Runtime {
    type AssetKind = ();
    type BalanceConverter = UnityAssetBalanceConversion;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = ();
    type Beneficiary = AccountId;
    type BeneficiaryLookup = IdentityLookup<AccountId>;
    type BlockNumberProvider = System;
    type Burn = Burn;
    type BurnDestination = ();
    type Currency = Balances;
    type MaxApprovals = ConstU32<100>;
    type PalletId = TreasuryPalletId;
    type Paymaster = PayFromAccount<Balances, TreasuryAccount>;
    type PayoutPeriod = PayoutPeriod;
    type RejectOrigin = EitherOfDiverse<EnsureRoot<AccountId>, HalfOfCouncil>;
    type RuntimeEvent = RuntimeEvent;
    type SpendFunds = ();
    type SpendOrigin = EnsureWithSuccess<
        EitherOfDiverse<EnsureRoot<AccountId>, ThreeQuartersOfCouncil>,
        AccountId,
        MaxSpend,
    >;
    type SpendPeriod = SpendPeriod;
    type WeightInfo = pallet_treasury::weights::SubstrateWeight<Runtime>;
}
