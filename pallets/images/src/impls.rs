//! What the market notes of images, and what must always hold.

use frame_support::defensive;
use sungrid_primitives::{ContentHash, attributes::TaskClass, traits::Images as ImagesTrait};

use crate::{Config, Event, ImageRecordOf, Images, Pallet};

impl<T: Config> Pallet<T> {
    /// Writes the record back, or forgets it if nothing needs it any more.
    pub(crate) fn keep_or_remove(image: ContentHash, record: ImageRecordOf<T>) {
        if record.retired && record.jobs == 0 {
            Images::<T>::remove(image);
            Self::deposit_event(Event::ImageRemoved {
                image,
                usage: record.usage,
            });
        } else {
            Images::<T>::insert(image, record);
        }
    }
}

impl<T: Config> ImagesTrait<T::AccountId> for Pallet<T> {
    fn developer_of_usable(image: &ContentHash) -> Option<T::AccountId> {
        let record = Images::<T>::get(image)?;
        (!record.retired).then_some(record.developer)
    }

    fn developer(image: &ContentHash) -> Option<T::AccountId> {
        Some(Images::<T>::get(image)?.developer)
    }

    fn class(image: &ContentHash) -> Option<TaskClass> {
        Some(Images::<T>::get(image)?.class)
    }

    fn note_job(image: &ContentHash) {
        let Some(mut record) = Images::<T>::get(image) else {
            defensive!("a job was accepted for an unknown image");
            return;
        };
        record.jobs = record.jobs.saturating_add(1);
        Images::<T>::insert(image, record);
    }

    fn note_job_ended(image: &ContentHash) {
        let Some(mut record) = Images::<T>::get(image) else {
            defensive!("the image of a running job was forgotten");
            return;
        };
        if record.jobs == 0 {
            defensive!("more jobs of an image ended than were noted");
        }
        record.jobs = record.jobs.saturating_sub(1);
        Self::keep_or_remove(*image, record);
    }

    fn note_usage(image: &ContentHash, charge: u128) {
        let Some(mut record) = Images::<T>::get(image) else {
            defensive!("an unknown image was used");
            return;
        };
        record.usage = record.usage.saturating_add(charge);
        Images::<T>::insert(image, record);
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(image: &ContentHash, developer: &T::AccountId) {
        use frame_support::traits::{
            Get,
            fungible::{Inspect, Mutate},
        };

        let funds = T::Deposit::get().saturating_add(T::Currency::minimum_balance());
        // Whatever fails here fails the benchmark at its verification.
        let _ = T::Currency::mint_into(developer, funds.saturating_mul(2));
        let _ = Self::do_publish(developer.clone(), *image, Default::default());
    }
}

#[cfg(any(feature = "std", feature = "try-runtime"))]
impl<T: Config> Pallet<T> {
    /// What must hold after every block:
    ///
    /// 1. a retired image holds no deposit, and has a job that still runs;
    /// 2. the deposits of a developer's images are what is held of it for them;
    /// 3. a retired image is not listed.
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        use alloc::collections::BTreeMap;
        use frame_support::{ensure, traits::fungible::InspectHold};

        let mut deposits = BTreeMap::<T::AccountId, u128>::new();
        for record in Images::<T>::iter_values() {
            ensure!(
                !record.retired || (record.deposit == 0 && record.jobs > 0),
                "1: a retired image holds a deposit or has no job"
            );
            ensure!(
                !record.retired || record.listing.is_none(),
                "3: a retired image is listed"
            );
            let sum = deposits.entry(record.developer).or_default();
            *sum = sum.saturating_add(record.deposit);
        }
        for (developer, sum) in deposits {
            let held = T::Currency::balance_on_hold(&crate::HoldReason::Deposit.into(), &developer);
            ensure!(
                held == sum,
                "2: deposits of images differ from what is held"
            );
        }
        Ok(())
    }
}
