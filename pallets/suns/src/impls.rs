//! What other pallets see, and what must always hold.

use frame_support::{defensive, traits::Get};
use frame_system::Pallet as System;
use sp_runtime::traits::Saturating;
use sungrid_primitives::{
    environment::EnvironmentId,
    suns::{Profile, spot::Spot},
    traits::{Pricing, ProfileId},
};

use crate::{Config, Environments, Pallet, PriceFloors, Profiles, SpotRecord, Spots};

impl<T: Config> Pricing for Pallet<T> {
    fn profile(id: ProfileId) -> Option<Profile> {
        Profiles::<T>::get(id)
    }

    fn floor(id: ProfileId) -> u128 {
        PriceFloors::<T>::get(id).unwrap_or(u128::MAX)
    }

    fn spot(id: ProfileId) -> u128 {
        Pallet::<T>::spot(id).unwrap_or(u128::MAX)
    }

    fn note_settled(id: ProfileId, price: u128, charge: u128) {
        let Some(floor) = PriceFloors::<T>::get(id) else {
            // Jobs bid at least the floor, and no floor is ever taken away.
            defensive!("work was settled in a profile in which nothing may trade");
            return;
        };
        let now = System::<T>::block_number();
        let mut record = Spots::<T>::get(id).unwrap_or(SpotRecord {
            spot: Spot::new(floor),
            since: now,
        });
        if now >= record.since.saturating_add(T::SpotPeriod::get()) {
            record.since = now;
            record.spot.begin();
        }
        record.spot.lift(floor);
        record.spot.settle(price, charge);
        record.spot.lift(floor);
        Spots::<T>::insert(id, record);
    }

    fn accepts(environment: &EnvironmentId) -> bool {
        Environments::<T>::contains_key(environment)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn prepare(id: ProfileId, profile: Profile, floor: u128, environment: EnvironmentId) {
        crate::Latest::<T>::mutate(id.kind, |latest| *latest = (*latest).max(id.version));
        Profiles::<T>::insert(id, profile);
        PriceFloors::<T>::insert(id, floor);
        Environments::<T>::insert(environment, ());
    }
}

#[cfg(any(feature = "std", feature = "try-runtime"))]
impl<T: Config> Pallet<T> {
    /// What must hold after every block:
    ///
    /// 1. every profile contains something;
    /// 2. the versions of a kind run from 1 to the latest without gaps, and there are no others;
    /// 3. every price floor belongs to a profile;
    /// 4. every spot price belongs to a profile with a floor;
    /// 5. a spot price is within a step of where its period began.
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        use crate::Latest;
        use frame_support::ensure;
        use sungrid_primitives::suns::{
            Resources,
            spot::{LEAST_STEP, STEP},
        };

        let mut profiles = 0u32;
        for (_, profile) in Profiles::<T>::iter() {
            ensure!(
                profile.contains != Resources::default(),
                "1: a profile contains nothing"
            );
            profiles += 1;
        }
        let mut versions = 0u32;
        for (kind, latest) in Latest::<T>::iter() {
            for version in 1..=latest {
                ensure!(
                    Profiles::<T>::contains_key(ProfileId { kind, version }),
                    "2: a version of a profile is missing"
                );
                versions += 1;
            }
        }
        ensure!(
            profiles == versions,
            "2: a profile has a version beyond the latest"
        );
        for id in PriceFloors::<T>::iter_keys() {
            ensure!(
                Profiles::<T>::contains_key(id),
                "3: a price floor belongs to no profile"
            );
        }
        for (id, SpotRecord { spot, .. }) in Spots::<T>::iter() {
            ensure!(
                PriceFloors::<T>::contains_key(id),
                "4: a spot price belongs to no profile in which anything trades"
            );
            let step = (spot.anchor / STEP).max(LEAST_STEP);
            ensure!(
                spot.price.abs_diff(spot.anchor) <= step,
                "5: a spot price moved further than it may"
            );
        }
        Ok(())
    }
}
