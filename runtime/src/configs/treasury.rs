//! `pallet_treasury`: the foundation's share, spent by vote.

use frame_support::{
    PalletId, parameter_types,
    traits::{
        ConstU32, Currency, EitherOfDiverse, Imbalance, OnUnbalanced,
        tokens::{PayFromAccount, UnityAssetBalanceConversion},
    },
    weights::Weight,
};
use frame_system::{EnsureRoot, EnsureWithSuccess};
use pallet_treasury::{PaymentState, PositiveImbalanceOf, SpendFunds, Spends};
use sp_runtime::{Permill, traits::IdentityLookup};

use super::collective::{HalfOfCouncil, ThreeQuartersOfCouncil};
use crate::{
    AccountId, Balance, Balances, BlockNumber, Rewards, Runtime, RuntimeEvent, System, Treasury,
    constants::{
        currency::{EXISTENTIAL_DEPOSIT, ISC},
        time::DAYS,
    },
};

parameter_types! {
    /// A treasury period. A test network's value.
    pub const SpendPeriod: BlockNumber = DAYS;
    /// What leaves the treasury at the end of a period unless it is spent or spoken for: all of it. The
    /// pallet calls that burning; here nothing is destroyed, see [`ToFoundationReserve`].
    pub const Burn: Permill = Permill::from_percent(100);
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

/// Moves what a treasury period leaves unspent to the foundation's reserve account [C14]. Too little to
/// create that account stays in the treasury.
pub struct ToFoundationReserve;

impl OnUnbalanced<NegativeImbalance> for ToFoundationReserve {
    fn on_nonzero_unbalanced(amount: NegativeImbalance) {
        let reserve = Rewards::foundation_reserve();
        let lives = amount.peek() >= EXISTENTIAL_DEPOSIT || System::account_exists(&reserve);
        let receiver = if lives {
            reserve
        } else {
            TreasuryAccount::get()
        };
        Balances::resolve_creating(&receiver, amount);
    }
}

/// Spends on record from which on a period's end counts no further, and everything stays in the treasury for
/// another period. Anyone may clear those that are done with: `check_status`.
const MAX_OPEN_SPENDS: usize = 100;

/// Keeps in the treasury what it has promised: spends that are approved and not yet paid out.
pub struct KeepPromises;

impl SpendFunds<Runtime> for KeepPromises {
    fn spend_funds(
        budget: &mut Balance,
        _: &mut PositiveImbalanceOf<Runtime>,
        weight: &mut Weight,
        missed_any: &mut bool,
    ) {
        let now = System::block_number();
        let mut seen = 0;
        let promised = Spends::<Runtime>::iter_values()
            .take(MAX_OPEN_SPENDS)
            .inspect(|_| seen += 1)
            .filter(|spend| !matches!(spend.status, PaymentState::Attempted { .. }))
            .filter(|spend| spend.expire_at > now)
            .fold(0, |sum: Balance, spend| sum.saturating_add(spend.amount));
        weight.saturating_accrue(
            <Runtime as frame_system::Config>::DbWeight::get().reads(seen as u64),
        );
        *missed_any |= seen == MAX_OPEN_SPENDS;
        *budget = budget.saturating_sub(promised);
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
    type BurnDestination = ToFoundationReserve;
    type Currency = Balances;
    type MaxApprovals = ConstU32<100>;
    type PalletId = TreasuryPalletId;
    type Paymaster = PayFromAccount<Balances, TreasuryAccount>;
    type PayoutPeriod = PayoutPeriod;
    type RejectOrigin = EitherOfDiverse<EnsureRoot<AccountId>, HalfOfCouncil>;
    type RuntimeEvent = RuntimeEvent;
    type SpendFunds = KeepPromises;
    type SpendOrigin = EnsureWithSuccess<
        EitherOfDiverse<EnsureRoot<AccountId>, ThreeQuartersOfCouncil>,
        AccountId,
        MaxSpend,
    >;
    type SpendPeriod = SpendPeriod;
    type WeightInfo = pallet_treasury::weights::SubstrateWeight<Runtime>;
}
