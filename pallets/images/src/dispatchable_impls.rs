//! What the calls do, after their origin is known.

use frame_support::{
    ensure,
    pallet_prelude::DispatchResult,
    traits::{Get, fungible::MutateHold, tokens::Precision},
};
use frame_system::Pallet as System;
use sungrid_primitives::{ContentHash, attributes::TaskClass};

use crate::{Config, Error, Event, HoldReason, ImageRecord, Images, Listing, Pallet};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_publish(
        developer: T::AccountId,
        image: ContentHash,
        class: TaskClass,
    ) -> DispatchResult {
        if let Some(known) = Images::<T>::get(image) {
            ensure!(!known.retired, Error::<T>::RetiredWithJobs);
            return Err(Error::<T>::AlreadyPublished.into());
        }
        let deposit = T::Deposit::get();
        T::Currency::hold(&HoldReason::Deposit.into(), &developer, deposit)?;
        Images::<T>::insert(
            image,
            ImageRecord {
                developer: developer.clone(),
                class,
                published: System::<T>::block_number(),
                deposit,
                retired: false,
                jobs: 0,
                usage: 0,
                listing: None,
            },
        );
        Self::deposit_event(Event::ImagePublished {
            image,
            developer,
            class,
            deposit,
        });
        Ok(())
    }

    pub(crate) fn do_set_listing(image: ContentHash, listing: Listing) -> DispatchResult {
        Images::<T>::try_mutate(image, |record| {
            let record = record.as_mut().ok_or(Error::<T>::UnknownImage)?;
            ensure!(!record.retired, Error::<T>::AlreadyRetired);
            record.listing = Some(listing);
            Self::deposit_event(Event::ImageAssessed { image, listing });
            Ok(())
        })
    }

    pub(crate) fn do_retire(who: T::AccountId, image: ContentHash) -> DispatchResult {
        let mut record = Images::<T>::get(image).ok_or(Error::<T>::UnknownImage)?;
        ensure!(record.developer == who, Error::<T>::NotDeveloper);
        ensure!(!record.retired, Error::<T>::AlreadyRetired);
        T::Currency::release(
            &HoldReason::Deposit.into(),
            &who,
            record.deposit,
            Precision::Exact,
        )?;
        record.deposit = 0;
        record.retired = true;
        record.listing = None;
        Self::deposit_event(Event::ImageRetired {
            image,
            jobs: record.jobs,
        });
        Self::keep_or_remove(image, record);
        Ok(())
    }
}
