//! Feeless calls, and what keeps them from being free block space.

use codec::{Decode, DecodeWithMemTracking, Encode};
use core::{
    fmt::{self, Debug},
    marker::PhantomData,
};
use frame_support::{
    dispatch::{CheckIfFeeless, DispatchInfo, PostDispatchInfo},
    pallet_prelude::{
        InvalidTransaction, TransactionSource, TransactionValidityError, ValidTransaction, Weight,
    },
    traits::{Contains, Get},
};
use frame_system::{
    Pallet as System, ensure_signed,
    pallet_prelude::{BlockNumberFor, OriginFor},
};
use scale_info::{StaticTypeInfo, TypeInfo};
use sp_runtime::{
    DispatchResult, Saturating,
    traits::{
        DispatchInfoOf, DispatchOriginOf, Dispatchable, Implication, PostDispatchInfoOf,
        RefundWeight, TransactionExtension, TransactionExtensionMetadata, UniqueSaturatedInto,
        ValidateResult,
    },
};

use crate::{Allowance, Config, FeelessUse, FeelessUsed, Pallet, WorkerRecordOf, Workers};

type CallOf<T> = <T as frame_system::Config>::RuntimeCall;

/// Priority of the calls that another has paid for: before other feeless calls, so that whoever has claimed
/// can also deliver, however many claim; behind every call that pays a fee.
const FOLLOW_UP_PRIORITY: u64 = 1;

impl<T: Config> Pallet<T> {
    /// What a worker key's feeless calls have left to be paid off, planck·blocks.
    fn debt(record: &WorkerRecordOf<T>, now: BlockNumberFor<T>) -> u128 {
        let Allowance { debt, at } = record.allowance;
        let blocks: u128 = now.saturating_sub(at).unique_saturated_into();
        debt.saturating_sub(record.backing().saturating_mul(blocks))
    }

    /// Feeless calls that a worker key may make now.
    pub(crate) fn feeless_calls(record: &WorkerRecordOf<T>) -> u32 {
        let window: u128 = T::FeelessWindow::get().unique_saturated_into();
        let room = record
            .backing()
            .saturating_mul(window)
            .saturating_sub(Self::debt(record, System::<T>::block_number()));
        room.checked_div(T::CallBond::get())
            .unwrap_or(0)
            .unique_saturated_into()
    }

    /// Charges a worker key for a feeless call.
    fn charge_allowance(record: &mut WorkerRecordOf<T>) {
        let now = System::<T>::block_number();
        record.allowance = Allowance {
            debt: Self::debt(record, now).saturating_add(T::CallBond::get()),
            at: now,
        };
    }

    /// What feeless calls have taken of this block, ref time.
    fn used_of_block() -> u64 {
        let FeelessUse { block, ref_time } = FeelessUsed::<T>::get();
        if block == System::<T>::block_number() {
            ref_time
        } else {
            0
        }
    }
}

/// Lets a worker key make a feeless call without a fee, within two bounds, and charges everybody else with `S`.
///
/// - *Per worker*: each call adds [`Config::CallBond`] to a debt, which the worker's bond pays off by itself every
///   block; the debt stays within [`Config::FeelessWindow`] blocks of the bond. So the rate is proportional to the
///   bond, however many workers it is spread over. [`Config::FollowUps`] add nothing: the call that they follow
///   has paid for them.
/// - *Per block*: all of them together take at most [`Config::FeelessBudget`].
///
/// For a call beyond either the block counts as full: nothing is paid, and its sender tries again. A call of somebody
/// who is no worker pays, even if its pallet calls it feeless.
///
/// Seen from outside it is `S`: wallets and clients need not know of it.
#[derive(Clone, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct ChargeUnlessFeeless<T, S>(pub S, PhantomData<T>);

impl<T, S> From<S> for ChargeUnlessFeeless<T, S> {
    fn from(charge: S) -> Self {
        Self(charge, PhantomData)
    }
}

impl<T, S: Debug> Debug for ChargeUnlessFeeless<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChargeUnlessFeeless").field(&self.0).finish()
    }
}

impl<T, S: StaticTypeInfo> TypeInfo for ChargeUnlessFeeless<T, S> {
    type Identity = S;

    fn type_info() -> scale_info::Type {
        S::type_info()
    }
}

/// How a call is paid.
pub enum Payment<Fee, Worker> {
    /// By a fee.
    Fee(Fee),
    /// By a worker's bond.
    Bond(Worker),
}

impl<T, S> TransactionExtension<CallOf<T>> for ChargeUnlessFeeless<T, S>
where
    T: Config + Send + Sync,
    S: TransactionExtension<CallOf<T>>,
    CallOf<T>: CheckIfFeeless<Origin = OriginFor<T>>
        + Dispatchable<Info = DispatchInfo, PostInfo = PostDispatchInfo>,
{
    const IDENTIFIER: &'static str = S::IDENTIFIER;
    type Implicit = S::Implicit;
    type Val = Payment<S::Val, T::AccountId>;
    /// With what is not used of the weight.
    type Pre = (Payment<S::Pre, ()>, Weight);

    fn metadata() -> alloc::vec::Vec<TransactionExtensionMetadata> {
        S::metadata()
    }

    fn implicit(&self) -> Result<Self::Implicit, TransactionValidityError> {
        self.0.implicit()
    }

    fn weight(&self, call: &CallOf<T>) -> Weight {
        // One or the other, never both. Added up, each payer would get the rest of his fee back, and pay with a write and
        // an event for that.
        Self::own_weight(call).max(self.0.weight(call))
    }

    fn validate(
        &self,
        origin: DispatchOriginOf<CallOf<T>>,
        call: &CallOf<T>,
        info: &DispatchInfoOf<CallOf<T>>,
        len: usize,
        self_implicit: S::Implicit,
        inherited_implication: &impl Implication,
        source: TransactionSource,
    ) -> ValidateResult<Self::Val, CallOf<T>> {
        if call.is_feeless(&origin)
            && let Ok(who) = ensure_signed(origin.clone())
            && let Some(record) = Workers::<T>::get(&who)
        {
            let follow_up = T::FollowUps::contains(call);
            let used = Self::used_after(info);
            if used > T::FeelessBudget::get().ref_time()
                || !follow_up && Pallet::<T>::feeless_calls(&record) == 0
            {
                return Err(InvalidTransaction::ExhaustsResources.into());
            }
            let validity = ValidTransaction {
                priority: if follow_up { FOLLOW_UP_PRIORITY } else { 0 },
                ..Default::default()
            };
            return Ok((validity, Payment::Bond(who), origin));
        }
        let (validity, val, origin) = self.0.validate(
            origin,
            call,
            info,
            len,
            self_implicit,
            inherited_implication,
            source,
        )?;
        Ok((validity, Payment::Fee(val), origin))
    }

    fn prepare(
        self,
        val: Self::Val,
        origin: &DispatchOriginOf<CallOf<T>>,
        call: &CallOf<T>,
        info: &DispatchInfoOf<CallOf<T>>,
        len: usize,
    ) -> Result<Self::Pre, TransactionValidityError> {
        let weight = self.weight(call);
        match val {
            Payment::Fee(val) => {
                let unspent = weight.saturating_sub(self.0.weight(call));
                let pre = self.0.prepare(val, origin, call, info, len)?;
                Ok((Payment::Fee(pre), unspent))
            }
            Payment::Bond(worker) => {
                FeelessUsed::<T>::put(FeelessUse {
                    block: System::<T>::block_number(),
                    ref_time: Self::used_after(info),
                });
                if !T::FollowUps::contains(call) {
                    Workers::<T>::mutate_extant(worker, Pallet::<T>::charge_allowance);
                }
                let unspent = weight.saturating_sub(Self::own_weight(call));
                Ok((Payment::Bond(()), unspent))
            }
        }
    }

    fn post_dispatch_details(
        (pre, unspent): Self::Pre,
        info: &DispatchInfoOf<CallOf<T>>,
        post_info: &PostDispatchInfoOf<CallOf<T>>,
        len: usize,
        result: &DispatchResult,
    ) -> Result<Weight, TransactionValidityError> {
        match pre {
            Payment::Fee(pre) => {
                // Whoever pays does not pay for the check of a bond.
                let mut post_info = *post_info;
                post_info.refund(unspent);
                S::post_dispatch_details(pre, info, &post_info, len, result)
                    .map(|more| more.saturating_add(unspent))
            }
            Payment::Bond(()) => {
                // Nor does who pays no fee use what charging one takes: the block has that back, too.
                let back = post_info.calc_unspent(info).saturating_add(unspent);
                let back = back.ref_time();
                FeelessUsed::<T>::mutate(|used| {
                    used.ref_time = used.ref_time.saturating_sub(back);
                });
                Ok(unspent)
            }
        }
    }
}

impl<T: Config, S> ChargeUnlessFeeless<T, S> {
    /// Of the worker's record: read, and written by what is no follow-up.
    fn own_weight(call: &CallOf<T>) -> Weight {
        T::DbWeight::get().reads_writes(1, u64::from(!T::FollowUps::contains(call)))
    }

    /// What feeless calls will have taken of this block with one more, ref time.
    fn used_after(info: &DispatchInfo) -> u64 {
        let base = T::BlockWeights::get().get(info.class).base_extrinsic;
        let weight = base.saturating_add(info.total_weight());
        Pallet::<T>::used_of_block().saturating_add(weight.ref_time())
    }
}
