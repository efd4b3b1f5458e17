//! A worker goes from one operator to another.

use frame_support::{
    ensure,
    pallet_prelude::DispatchResult,
    traits::{
        Get,
        fungible::{Mutate, MutateHold},
        tokens::{Fortitude, Precision, Preservation, Restriction},
    },
};
use frame_system::Pallet as System;
use sp_core::sr25519;
use sp_runtime::Saturating;

use crate::{Config, Error, Event, HoldReason, Offer, Offers, Pallet, Workers};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_offer(
        who: T::AccountId,
        worker: T::AccountId,
        to: T::AccountId,
        price: u128,
    ) -> DispatchResult {
        let record = Self::as_operator(&who, &worker)?;
        Self::check_staying(&record)?;
        let from = System::<T>::block_number().saturating_add(T::Cooldown::get());
        let offer = Offer {
            to: to.clone(),
            price,
            from,
        };
        Offers::<T>::insert(&worker, offer);
        Self::deposit_event(Event::WorkerOffered {
            worker,
            to,
            price,
            from,
        });
        Ok(())
    }

    pub(crate) fn do_retract_offer(who: T::AccountId, worker: T::AccountId) -> DispatchResult {
        Self::as_operator(&who, &worker)?;
        ensure!(Offers::<T>::take(&worker).is_some(), Error::<T>::NoOffer);
        Self::deposit_event(Event::OfferRetracted { worker });
        Ok(())
    }

    pub(crate) fn do_accept(
        who: T::AccountId,
        worker: T::AccountId,
        price: u128,
        key: T::AccountId,
        proof: sr25519::Signature,
    ) -> DispatchResult {
        let mut record = Workers::<T>::get(&worker).ok_or(Error::<T>::UnknownWorker)?;
        let offer = Offers::<T>::get(&worker)
            .filter(|offer| offer.to == who)
            .ok_or(Error::<T>::NoOffer)?;
        ensure!(offer.price == price, Error::<T>::OtherPrice);
        ensure!(
            System::<T>::block_number() >= offer.from,
            Error::<T>::OfferTooNew
        );
        let from = core::mem::replace(&mut record.operator, who.clone());
        let bond = record.slashable();
        Self::move_to_key(&worker, record, &key, &proof)?;
        T::Currency::transfer(&who, &from, price, Preservation::Preserve)?;
        if bond > 0 {
            T::Currency::transfer_on_hold(
                &HoldReason::Bond.into(),
                &from,
                &who,
                bond,
                Precision::Exact,
                Restriction::OnHold,
                Fortitude::Polite,
            )?;
        }
        Self::deposit_event(Event::WorkerHandedOver {
            worker,
            key,
            from,
            to: who,
            price,
        });
        Ok(())
    }
}
