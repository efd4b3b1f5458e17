//! What must hold between blocks.

#[cfg(any(feature = "std", feature = "try-runtime"))]
mod checks {
    use alloc::collections::BTreeMap;

    use frame_support::ensure;
    use sp_runtime::TryRuntimeError;

    use crate::*;

    impl<T: Config> Pallet<T> {
        /// The invariants of this pallet.
        ///
        /// 1. Planted answers belong to keepers, of which each knows how many it has, at most [`MAX_PLANTED`].
        pub fn do_try_state() -> Result<(), TryRuntimeError> {
            let mut planted = BTreeMap::new();
            for (keeper, _) in Canaries::<T>::iter_keys() {
                let count = planted.entry(keeper).or_insert(0u32);
                *count = count.saturating_add(1);
            }
            for (keeper, record) in Keepers::<T>::iter() {
                ensure!(
                    planted.remove(&keeper).unwrap_or(0) == record.planted
                        && record.planted <= MAX_PLANTED,
                    "canaries 1: a keeper miscounts what it planted"
                );
            }
            ensure!(
                planted.is_empty(),
                "canaries 1: an answer that no keeper planted"
            );
            Ok(())
        }
    }
}
