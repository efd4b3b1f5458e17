//! `pallet_liveness`: the liveness lottery.

use frame_support::traits::{ConstU32, ConstU64, ConstU128};

use crate::{
    Rewards, Runtime,
    constants::{currency::ISC, time::ROUND_BLOCKS},
};

impl pallet_liveness::Config for Runtime {
    // Half of it is many times the fee of a report.
    type AbsencePenalty = ConstU128<{ ISC / 5 }>;
    // 30 s: two reconnects of a worker behind a slow line.
    type AnswerWindow = ConstU32<10>;
    type Liveness = Rewards;
    // Nearly a lane: 12.5 % of a SUNS.
    type MinCapacity = ConstU64<100_000>;
    // A round of rewards.
    type LotteryRound = ConstU32<ROUND_BLOCKS>;
    // Of the parent block: nobody knows who is drawn before that exists.
    type Randomness = pallet_babe::ParentBlockRandomness<Runtime>;
    type WeightInfo = crate::weights::pallet_liveness::WeightInfo<Runtime>;
}
