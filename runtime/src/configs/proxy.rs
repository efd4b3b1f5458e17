//! `pallet_proxy`: accounts that act for others, within limits.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::{ConstU32, ConstU128, InstanceFilter};
use scale_info::TypeInfo;
use sp_runtime::traits::BlakeTwo256;

use crate::{Balances, Runtime, RuntimeCall, RuntimeEvent, System, constants::currency::deposit};

/// What a proxy may do for the account it stands for.
#[derive(
    Copy,
    Clone,
    Debug,
    Default,
    Eq,
    PartialEq,
    Ord,
    PartialOrd,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum ProxyType {
    /// Everything.
    #[default]
    Any,
    /// Everything that moves no money out of the account.
    NonTransfer,
    /// Referenda, the council, the technical committee and the treasury.
    Governance,
    /// An operator's machines: register, bond, pause and release them, and claim what they earn. The
    /// money stays in the operator's account, so its key can stay cold.
    Workers,
}

/// With the worker its bond goes to another account.
fn hands_a_worker_over(call: &RuntimeCall) -> bool {
    matches!(
        call,
        RuntimeCall::Workers(
            pallet_workers::Call::offer { .. } | pallet_workers::Call::accept { .. }
        )
    )
}

impl InstanceFilter<RuntimeCall> for ProxyType {
    fn filter(&self, call: &RuntimeCall) -> bool {
        match self {
            Self::Any => true,
            Self::NonTransfer | Self::Workers if hands_a_worker_over(call) => false,
            // A list of what is allowed: a pallet that is added later is not trusted by accident.
            Self::NonTransfer => {
                matches!(
                    call,
                    RuntimeCall::System(..)
                        | RuntimeCall::Session(..)
                        | RuntimeCall::Utility(..)
                        | RuntimeCall::Preimage(..)
                        | RuntimeCall::Democracy(..)
                        | RuntimeCall::Council(..)
                        | RuntimeCall::TechnicalCommittee(..)
                        | RuntimeCall::Workers(..)
                        | RuntimeCall::Rewards(..)
                )
            }
            Self::Workers => matches!(
                call,
                RuntimeCall::Workers(..)
                    | RuntimeCall::Capacity(..)
                    | RuntimeCall::Rewards(..)
                    | RuntimeCall::Utility(..)
            ),
            Self::Governance => matches!(
                call,
                RuntimeCall::Utility(..)
                    | RuntimeCall::Preimage(..)
                    | RuntimeCall::Democracy(..)
                    | RuntimeCall::Council(..)
                    | RuntimeCall::TechnicalCommittee(..)
                    | RuntimeCall::Treasury(..)
            ),
        }
    }

    fn is_superset(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (a, b) => a == b,
        }
    }
}

impl pallet_proxy::Config for Runtime {
    type AnnouncementDepositBase = ConstU128<{ deposit(1, 8) }>;
    type AnnouncementDepositFactor = ConstU128<{ deposit(0, 66) }>;
    type BlockNumberProvider = System;
    type CallHasher = BlakeTwo256;
    type Currency = Balances;
    type MaxPending = ConstU32<32>;
    type MaxProxies = ConstU32<32>;
    type ProxyDepositBase = ConstU128<{ deposit(1, 8) }>;
    type ProxyDepositFactor = ConstU128<{ deposit(0, 33) }>;
    type ProxyType = ProxyType;
    type RuntimeCall = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_proxy::weights::SubstrateWeight<Runtime>;
}
