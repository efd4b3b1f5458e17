//! What the calls do, after their origin is known.

use frame_support::ensure;
use sungrid_primitives::{
    environment::EnvironmentId,
    suns::{Profile, Resources},
    traits::{ProfileId, ProfileKind},
};

use crate::{Config, Environments, Error, Latest, Pallet, PriceFloors, Profiles};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_add_profile(
        kind: ProfileKind,
        profile: Profile,
    ) -> Result<ProfileId, Error<T>> {
        ensure!(
            profile.contains != Resources::default(),
            Error::<T>::EmptyProfile
        );
        let version = Latest::<T>::get(kind)
            .checked_add(1)
            .ok_or(Error::<T>::NoVersionLeft)?;
        let id = ProfileId { kind, version };
        Latest::<T>::insert(kind, version);
        Profiles::<T>::insert(id, profile);
        Ok(id)
    }

    pub(crate) fn do_set_price_floor(id: ProfileId, price: u128) -> Result<(), Error<T>> {
        ensure!(Profiles::<T>::contains_key(id), Error::<T>::UnknownProfile);
        PriceFloors::<T>::insert(id, price);
        Ok(())
    }

    pub(crate) fn do_set_environment(id: EnvironmentId, accepted: bool) -> Result<(), Error<T>> {
        match (Environments::<T>::contains_key(id), accepted) {
            (true, true) => return Err(Error::AlreadyAccepted),
            (false, false) => return Err(Error::NotAccepted),
            (false, true) => Environments::<T>::insert(id, ()),
            (true, false) => Environments::<T>::remove(id),
        }
        Ok(())
    }
}
