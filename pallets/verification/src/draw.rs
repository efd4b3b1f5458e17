//! Decisions that nobody can foresee: whether a single result stands, and who is summoned.

use codec::Encode;
use frame_support::{pallet_prelude::*, traits::Randomness};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_market::{JURY, Pallet as Market};
use sp_core::H256;
use sp_runtime::{
    SaturatedConversion,
    traits::{BlakeTwo256, Hash, Saturating},
};
use sungrid_primitives::{
    BatchIndex, JobId,
    traits::{BatchControl, BatchTerms, Workers},
};

use crate::*;

impl<T: Config> Pallet<T> {
    /// Mixes the randomness of the parent block into the beacon.
    pub(crate) fn advance_beacon() {
        let (random, _) = <T as pallet_market::Config>::Randomness::random(b"sungrid/beacon");
        Beacon::<T>::mutate(|beacon| *beacon = BlakeTwo256::hash_of(&(*beacon, random)));
    }

    /// What the beacon says about one batch.
    pub(crate) fn seed(job: JobId, batch: BatchIndex) -> H256 {
        BlakeTwo256::hash_of(&(Beacon::<T>::get(), job, batch))
    }

    /// Lets a batch wait for randomness that is unknown now.
    pub(crate) fn await_draw(
        job: JobId,
        batch: BatchIndex,
        ballot: &mut BallotRecordOf<T>,
    ) -> BlockNumberFor<T> {
        let now = frame_system::Pallet::<T>::block_number();
        let at = now.saturating_add(T::DrawDelay::get());
        ballot.stage = Stage::Drawing { at };
        Market::<T>::schedule(at, job, Some(batch));
        at
    }

    /// The randomness is there: draws jurors for a challenged result; decides whether a single one stands.
    pub(crate) fn draw(
        job: JobId,
        batch: BatchIndex,
        terms: &BatchTerms,
        mut ballot: BallotRecordOf<T>,
    ) {
        let seed = Self::seed(job, batch);
        let lead = T::DrawDelay::get().saturated_into();
        ballot.stage = Stage::Sealing;
        if ballot.jury_until.is_some() {
            ballot.bar = Bar::Agree(JURY);
            ballot.wanted = JURY;
            Market::<T>::summon(job, batch, seed, lead);
            return Self::want(job, batch, ballot, JURY);
        }
        let stands = ballot.votes().next().is_some_and(|replica| {
            let worker = &replica.assignment.worker;
            let stake = <T as pallet_market::Config>::Workers::exposed(worker);
            let ticket = seed
                .encode()
                .iter()
                .take(8)
                .fold(0, |ticket, byte| (ticket << 8) | u64::from(*byte));
            Trusts::<T>::get(worker, terms.environment).stands(stake, terms.max_pay, ticket)
        });
        Self::deposit_event(Event::Drawn { job, batch, stands });
        if stands {
            ballot.bar = Bar::Agree(1);
            Self::advance(job, batch, terms, ballot);
        } else {
            ballot.wanted = Self::votes_at_least(ballot.bar);
            let missing = ballot.wanted.saturating_sub(ballot.sealed());
            Market::<T>::summon(job, batch, seed, lead);
            Self::want(job, batch, ballot, missing);
        }
    }
}
