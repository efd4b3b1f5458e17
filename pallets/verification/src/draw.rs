//! Decisions that nobody can foresee: whether a single result stands, and who is summoned. And the time for which it stands.
//!
//! A draw takes place [`Config::DrawDelay`] blocks after the commitment or challenge that calls for it, by the
//! [`Beacon`]: a hash chain over the VRF outputs of the authors of all blocks. BABE offers one output per block,
//! which its author cannot choose but knows an epoch ahead; and block hashes, which anybody who makes a block can
//! choose. Hence outputs, and several: the beacon is known at commitment only to someone who will make each of the
//! `DrawDelay − 1` blocks between. The author of the last of them can look at the draw and drop its block: with a share
//! `s` of the slots it lowers an audit's probability `p` to `p · (1 − s · (1 − p))`, and gives up that block's
//! reward.
//!
//! An audit or a jury is open to few workers at first and to ever more with time, by
//! [`Summons`](pallet_market::Summons): an accomplice who stands ready is mostly not among the first.

use codec::Encode;
use frame_support::{pallet_prelude::*, traits::Randomness};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_market::{JURY, Pallet as Market, SUMMONS_STEP};
use sp_core::H256;
use sp_runtime::traits::{BlakeTwo256, Hash, SaturatedConversion, Saturating};
use sungrid_primitives::{
    BatchIndex, JobId,
    traits::{Assignment, BatchControl, BatchTerms, Workers},
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
        at: BlockNumberFor<T>,
    ) {
        if ballot.jury_until.is_some() {
            ballot.stage = Stage::Sealing;
            ballot.bar = Bar::Agree(JURY);
            ballot.wanted = JURY;
            Self::summon(job, batch);
            return Self::want(job, batch, ballot, JURY);
        }
        if matches!(ballot.bar, Bar::Quorum(_)) {
            return Self::next_round(job, batch, ballot);
        }
        let since = at.saturating_sub(T::DrawDelay::get());
        let (until, latest) = (Self::stands_until(job), Self::last_to_stand(job));
        let sealed = ballot.votes().next().map(|replica| &replica.assignment);
        let audited = sealed
            .and_then(|Assignment { operator, .. }| AuditedUntil::<T>::get(operator))
            .unwrap_or_default();
        // One that could not wait until a longer one of its operator's is audited, is audited itself.
        let stands = audited <= until.max(latest)
            && sealed.is_some_and(|Assignment { worker, .. }| {
                let stake = <T as pallet_market::Config>::Workers::exposed(worker);
                let ticket = Self::seed(job, batch)
                    .encode()
                    .iter()
                    .take(8)
                    .fold(0, |ticket, byte| (ticket << 8) | u64::from(*byte));
                Trusts::<T>::get(worker, terms.environment).stands(stake, terms.max_pay, ticket)
            });
        Self::deposit_event(Event::Drawn { job, batch, stands });
        if stands {
            Self::let_stand(job, batch, ballot, since, until.max(audited).min(latest));
        } else {
            Self::audit(job, batch, ballot);
        }
    }

    /// Replicas of the batch are for whom the beacon draws: of the keys that nobody can have looked for, knowing it.
    pub(crate) fn summon(job: JobId, batch: BatchIndex) {
        let lead = T::DrawDelay::get().saturated_into();
        Market::<T>::summon(job, batch, Self::seed(job, batch), lead);
    }

    /// Orders further replicas of a quorum, of whom nobody knew who has sealed so far: one, and with each claim another one while all who
    /// have it would not convince if they found what leads. Those of one round see each other, hence [`Self::tally`].
    fn next_round(job: JobId, batch: BatchIndex, mut ballot: BallotRecordOf<T>) {
        ballot.stage = Stage::Sealing;
        ballot.round = ballot.round.saturating_add(1);
        ballot.wanted = ballot.sealed().saturating_add(1);
        Self::summon(job, batch);
        Self::want(job, batch, ballot, 1);
    }

    /// Has strangers find the result, too. What is sealed stays so: they have nothing to copy. Its worker knows from now on if it is about to be
    /// caught, and would have nothing more to lose: what its operator has drawn meanwhile stands as long as this one would have stood.
    fn audit(job: JobId, batch: BatchIndex, mut ballot: BallotRecordOf<T>) {
        let until = Self::stands_until(job);
        if let Some(replica) = ballot.votes().next() {
            AuditedUntil::<T>::mutate(&replica.assignment.operator, |audited| {
                *audited = Some(audited.map_or(until, |audited| audited.max(until)));
            });
        }
        ballot.stage = Stage::Sealing;
        ballot.wanted = Self::votes_at_least(ballot.bar);
        let missing = ballot.wanted.saturating_sub(ballot.sealed());
        Self::summon(job, batch);
        Self::want(job, batch, ballot, missing);
    }

    /// Blocks from a claim in which a single result can be audited: the commitment, the draw, a summons that has reached everybody,
    /// the auditor's commitment, and a summons of who decides between the two.
    pub(crate) fn audit_blocks(virtual_seconds: u64) -> BlockNumberFor<T> {
        let commitments = Self::commit_blocks(virtual_seconds).saturating_mul(2u32.into());
        let summons = BlockNumberFor::<T>::from(2 * 8 * SUMMONS_STEP);
        commitments
            .saturating_add(T::DrawDelay::get())
            .saturating_add(summons)
    }

    /// Blocks for which a single result stands: what an audit of such a batch takes if it finds a lie, which is a draw and
    /// two executions by others, one after the other, and [`Config::StandingWindow`] on top.
    pub(crate) fn standing_blocks(virtual_seconds: u64) -> BlockNumberFor<T> {
        let blocks = virtual_seconds
            .saturating_mul(2)
            .div_ceil(T::SecondsPerBlock::get().max(1));
        T::StandingWindow::get().saturating_add(blocks.saturated_into())
    }

    /// The last block for which a single result stands that is drawn now: as long as an audit of it would take.
    /// Deadlines of a part are those of the whole batch, so a part stands no shorter.
    fn stands_until(job: JobId) -> BlockNumberFor<T> {
        let now = frame_system::Pallet::<T>::block_number();
        now.saturating_add(Self::standing_blocks(Self::batch_seconds(job)))
    }

    /// The last block for which a result of a job can stand, if it is to be opened before the deadline.
    fn last_to_stand(job: JobId) -> BlockNumberFor<T> {
        let now = frame_system::Pallet::<T>::block_number();
        Market::<T>::job(job)
            .map_or(now, |record| Self::latest_before(record.spec.deadline))
            .max(now)
    }

    /// The last block for which a result can stand that is opened before this deadline.
    pub(crate) fn latest_before(deadline: BlockNumberFor<T>) -> BlockNumberFor<T> {
        // A period ends in the block after its last; so does the one for the reveal.
        let reveal = T::RevealWindow::get().saturating_add(2u32.into());
        deadline.saturating_sub(reveal)
    }

    /// Lets a single result stand, sealed, for a while: whoever lied in it lied in others, too, and one of those may be
    /// audited, or is already.
    fn let_stand(
        job: JobId,
        batch: BatchIndex,
        mut ballot: BallotRecordOf<T>,
        since: BlockNumberFor<T>,
        until: BlockNumberFor<T>,
    ) {
        ballot.stage = Stage::Standing { since, until };
        Self::expect_by(until, job, batch);
        Ballots::<T>::insert(job, batch, ballot);
        Self::deposit_event(Event::Standing { job, batch, until });
    }

    /// The time is over for which a single result stood: it is opened, unless its operator was caught meanwhile. Then
    /// strangers find it, too.
    pub(crate) fn end_standing(
        job: JobId,
        batch: BatchIndex,
        terms: &BatchTerms,
        mut ballot: BallotRecordOf<T>,
        since: BlockNumberFor<T>,
    ) {
        let suspect = ballot.votes().find_map(|replica| {
            let Assignment { worker, operator } = &replica.assignment;
            let caught = Caught::<T>::get(operator).is_some_and(|at| at >= since);
            caught.then(|| worker.clone())
        });
        if let Some(worker) = suspect {
            Self::deposit_event(Event::Suspected { job, batch, worker });
            Self::audit(job, batch, ballot);
        } else {
            ballot.bar = Bar::Agree(1);
            Self::advance(job, batch, terms, ballot);
        }
    }
}
