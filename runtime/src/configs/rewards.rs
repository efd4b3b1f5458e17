//! `pallet_rewards`: the pot of a round and its shares.

use frame_support::{
    PalletId, parameter_types,
    traits::{ConstU32, ConstU128},
};
use sp_runtime::Permill;

use super::treasury::TreasuryAccount;
use crate::{Balances, Runtime, constants::currency::ISC};

parameter_types! {
    /// Names the pot's account.
    pub const RewardsPalletId: PalletId = PalletId(*b"sun/rwrd");
    /// Minted per planck paid, up to the cap. Together with the shares it keeps washing one's own jobs a
    /// loss.
    pub const EmissionRate: Permill = Permill::from_percent(8);
}

impl pallet_rewards::Config for Runtime {
    type Currency = Balances;
    type EmissionCap = ConstU128<ISC>;
    type EmissionRate = EmissionRate;
    type PalletId = RewardsPalletId;
    // 150 s.
    type RoundBlocks = ConstU32<50>;
    type Treasury = TreasuryAccount;
    type WeightInfo = ();
}
