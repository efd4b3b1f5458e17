//! Witnesses: drawn workers who try to fetch outputs that a requester says nobody serves (requirement X9).

use alloc::{collections::BTreeMap, vec::Vec};
use codec::Encode;
use frame_support::{defensive, ensure, pallet_prelude::*};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_market::{Error as MarketError, Pallet as Market};
use sp_core::H256;
use sp_runtime::traits::{BlakeTwo256, Hash, Saturating};
use sungrid_primitives::{
    BatchIndex, JobId,
    attributes::Tiers,
    traits::{Assignment, Fleet, Verifier, Workers},
    witness,
};

use crate::*;

/// A call, and where in it the witness is.
type Seat<T> = (CallRecordOf<T>, usize);
/// What more than half of the witnesses say, and who they are.
type Decision<T> = (
    Option<H256>,
    Vec<Assignment<<T as frame_system::Config>::AccountId>>,
);

impl<T: Config> Pallet<T> {
    /// Most blocks from a call to its end, if the agenda does not lag.
    pub(crate) fn call_blocks() -> BlockNumberFor<T> {
        // A period ends in the block after its last.
        T::DrawDelay::get()
            .saturating_add(T::WitnessWindow::get())
            .saturating_add(T::RevealWindow::get())
            .saturating_add(2u32.into())
    }

    /// Blocks in which witnesses fetch outputs.
    fn witness_window() -> BlockNumberFor<T> {
        WitnessBlocks::<T>::get().unwrap_or_else(T::WitnessWindow::get)
    }

    pub(crate) fn do_call_witnesses(
        who: T::AccountId,
        id: JobId,
        batch: BatchIndex,
    ) -> DispatchResult {
        let job = Market::<T>::job(id).ok_or(MarketError::<T>::NoSuchJob)?;
        ensure!(job.requester == who, MarketError::<T>::NotRequester);
        let result = Results::<T>::get(id, batch).ok_or(Error::<T>::NotSettled)?;
        ensure!(
            !job.is_below(batch, Received::<T>::get(id)),
            Error::<T>::AlreadyReceived
        );
        ensure!(
            result.outputs == Outputs::Owed,
            Error::<T>::AlreadyWitnessed
        );
        ensure!(
            !Calls::<T>::contains_key(id, batch),
            Error::<T>::AlreadyCalled
        );
        let now = frame_system::Pallet::<T>::block_number();
        let until = result.at.saturating_add(T::Retention::get());
        ensure!(now < until, Error::<T>::CallTooLate);

        let fees = T::WitnessFee::get().saturating_mul(WITNESSES.into());
        let bond = Market::<T>::doubt(id, batch, &Self::holders(&result), fees)?;
        let draw_at = now.saturating_add(T::DrawDelay::get());
        Market::<T>::schedule(draw_at, id, Some(batch));
        let call = CallRecord {
            stage: CallStage::Drawing { at: draw_at },
            at: now,
            fleet: T::Fleet::count(),
            seed: H256::zero(),
            witnesses: BoundedVec::new(),
        };
        Calls::<T>::insert(id, batch, call);
        Self::deposit_event(Event::WitnessesCalled {
            job: id,
            batch,
            bond,
            draw_at,
        });
        Ok(())
    }

    /// Those who owe the outputs.
    fn holders(result: &ResultRecordOf<T>) -> Vec<Assignment<T::AccountId>> {
        result.winners.iter().map(Winner::assignment).collect()
    }

    /// Something that a call waited for is due, or not. Returns the weight of what was done.
    pub(crate) fn call_deadline(job: JobId, batch: BatchIndex) -> Weight {
        let now = frame_system::Pallet::<T>::block_number();
        let moot = <T as Config>::WeightInfo::deadline_moot();
        let Some(call) = Calls::<T>::get(job, batch) else {
            return moot;
        };
        match call.stage {
            CallStage::Drawing { at } if now >= at => Self::draw_witnesses(job, batch, call),
            CallStage::Sealing { until } if now > until => Self::close_seals(job, batch, call),
            CallStage::Opening { until } if now > until => {
                for witness in &call.witnesses {
                    if matches!(witness.testimony, Testimony::Sealed(_)) {
                        Self::note_absent(job, batch, witness, Phase::Reveal);
                    }
                }
                Self::find(job, batch, &call);
            }
            _ => return moot,
        }
        <Self as Verifier<T::AccountId>>::deadline_weight()
    }

    /// Draws witnesses without replacement out of the whole fleet as it was at the call: those of whom nobody could know that
    /// they would be, who may have the outputs, and have nothing to do with either side. Who has come or got another number
    /// since is passed over: whoever knows the draw before it is made could arrange the fleet to suit it.
    fn draw_witnesses(job: JobId, batch: BatchIndex, mut call: CallRecordOf<T>) {
        let (Some(record), Some(result)) = (Market::<T>::job(job), Results::<T>::get(job, batch))
        else {
            defensive!("a job stays while its outputs are in question");
            return;
        };
        call.seed = Self::seed(job, batch);
        let fleet = call.fleet;
        // A shuffle of which only what is drawn is remembered.
        let mut moved = BTreeMap::<u32, u32>::new();
        for drawn in 0..fleet.min(LOOKED_AT) {
            if call.witnesses.is_full() {
                break;
            }
            let left = fleet.saturating_sub(drawn);
            let hash = BlakeTwo256::hash_of(&(call.seed, drawn)).encode();
            let ticket = hash
                .iter()
                .take(8)
                .fold(0u64, |ticket, byte| (ticket << 8) | u64::from(*byte));
            let at = drawn.saturating_add((ticket % u64::from(left)) as u32);
            let number = moved.get(&at).copied().unwrap_or(at);
            moved.insert(at, moved.get(&drawn).copied().unwrap_or(drawn));
            let Some(worker) = T::Fleet::at(number, call.at) else {
                continue;
            };
            let Some(view) = <T as pallet_market::Config>::Workers::view(&worker) else {
                continue;
            };
            let constraints = &record.spec.constraints;
            let tiers = if constraints.tiers == Tiers::default() {
                Tiers::default()
            } else {
                <T as pallet_market::Config>::Workers::tiers(&worker)
            };
            let streak = match constraints.min_streak {
                0 => 0,
                _ => Trusts::<T>::get(&worker, record.spec.environment).streak,
            };
            let mut unmet = constraints.unmet(record.class, &view.attributes, &tiers, streak);
            let sits = |operator: &T::AccountId| {
                let mut seats = call.witnesses.iter();
                seats.any(|witness| witness.assignment.operator == *operator)
            };
            let takes_part = view.operator == record.requester
                || result.winners.iter().any(|w| w.operator == view.operator)
                || sits(&view.operator);
            if !view.available || unmet.next().is_some() || takes_part {
                continue;
            }
            let witness = Witness {
                assignment: Assignment {
                    worker,
                    operator: view.operator,
                },
                testimony: Testimony::Awaited,
            };
            if call.witnesses.try_push(witness).is_err() {
                defensive!("checked above: there is a seat");
            }
        }
        if (call.witnesses.len() as u32) < LEAST_WITNESSES {
            return Self::end_call(job, batch, None);
        }
        let now = frame_system::Pallet::<T>::block_number();
        let until = now.saturating_add(Self::witness_window());
        call.stage = CallStage::Sealing { until };
        Self::expect_by(until, job, batch);
        let drawn = call.witnesses.iter();
        Self::deposit_event(Event::WitnessesDrawn {
            job,
            batch,
            seed: call.seed,
            until,
            witnesses: drawn.map(|w| w.assignment.worker.clone()).collect(),
        });
        Calls::<T>::insert(job, batch, call);
    }

    fn seat_of(worker: &T::AccountId, job: JobId, batch: BatchIndex) -> Result<Seat<T>, Error<T>> {
        let call = Calls::<T>::get(job, batch).ok_or(Error::<T>::NotCalled)?;
        let mut seats = call.witnesses.iter();
        let at = seats
            .position(|witness| witness.assignment.worker == *worker)
            .ok_or(Error::<T>::NotDrawn)?;
        Ok((call, at))
    }

    /// Every check of a seal.
    pub(crate) fn check_attest(
        worker: &T::AccountId,
        job: JobId,
        batch: BatchIndex,
    ) -> Result<Seat<T>, Error<T>> {
        let (call, at) = Self::seat_of(worker, job, batch)?;
        ensure!(
            call.witnesses[at].testimony == Testimony::Awaited,
            Error::<T>::AlreadyCommitted
        );
        let now = frame_system::Pallet::<T>::block_number();
        match call.stage {
            CallStage::Sealing { until } if now <= until => Ok((call, at)),
            _ => Err(Error::<T>::CommitTooLate),
        }
    }

    pub(crate) fn do_attest(
        worker: T::AccountId,
        job: JobId,
        batch: BatchIndex,
        seal: H256,
    ) -> DispatchResult {
        let (mut call, at) = Self::check_attest(&worker, job, batch)?;
        call.witnesses[at].testimony = Testimony::Sealed(seal);
        Self::deposit_event(Event::Attested { job, batch, worker });
        let all = |w: &Witness<_>| w.testimony != Testimony::Awaited;
        if call.witnesses.iter().all(all) {
            Self::open_testimonies(job, batch, call);
        } else {
            Calls::<T>::insert(job, batch, call);
        }
        Ok(())
    }

    fn note_absent(job: JobId, batch: BatchIndex, witness: &Witness<T::AccountId>, phase: Phase) {
        let worker = witness.assignment.worker.clone();
        <T as pallet_market::Config>::Workers::note_missed(&worker);
        Self::deposit_event(Event::Missed {
            job,
            batch,
            worker,
            phase,
        });
    }

    /// Who has not sealed has nothing to say any more.
    fn close_seals(job: JobId, batch: BatchIndex, call: CallRecordOf<T>) {
        let mut sealed = 0u32;
        for witness in &call.witnesses {
            if witness.testimony == Testimony::Awaited {
                Self::note_absent(job, batch, witness, Phase::Commit);
            } else {
                sealed = sealed.saturating_add(1);
            }
        }
        if sealed < Self::majority(&call) {
            Self::end_call(job, batch, None);
        } else {
            Self::open_testimonies(job, batch, call);
        }
    }

    fn open_testimonies(job: JobId, batch: BatchIndex, mut call: CallRecordOf<T>) {
        let now = frame_system::Pallet::<T>::block_number();
        let until = now.saturating_add(T::RevealWindow::get());
        call.stage = CallStage::Opening { until };
        Self::expect_by(until, job, batch);
        Calls::<T>::insert(job, batch, call);
        Self::deposit_event(Event::TestimoniesOpened { job, batch, until });
    }

    /// Every check of a testimony.
    pub(crate) fn check_testify(
        worker: &T::AccountId,
        job: JobId,
        batch: BatchIndex,
        found: &Option<H256>,
        salt: &[u8; 32],
    ) -> Result<Seat<T>, Error<T>> {
        let (call, at) = Self::seat_of(worker, job, batch)?;
        let CallStage::Opening { until } = call.stage else {
            return Err(Error::<T>::TestimonyNotOpen);
        };
        let seal = match call.witnesses[at].testimony {
            Testimony::Awaited => return Err(Error::<T>::NotCommitted),
            Testimony::Opened(_) => return Err(Error::<T>::AlreadyRevealed),
            Testimony::Sealed(seal) => seal,
        };
        let now = frame_system::Pallet::<T>::block_number();
        ensure!(now <= until, Error::<T>::RevealTooLate);
        ensure!(
            witness::seal(job, batch, worker.as_ref(), found, salt) == seal,
            Error::<T>::SealMismatch
        );
        Ok((call, at))
    }

    pub(crate) fn do_testify(
        worker: T::AccountId,
        job: JobId,
        batch: BatchIndex,
        found: Option<H256>,
        salt: [u8; 32],
    ) -> DispatchResult {
        let (mut call, at) = Self::check_testify(&worker, job, batch, &found, &salt)?;
        call.witnesses[at].testimony = Testimony::Opened(found);
        Self::deposit_event(Event::Testified {
            job,
            batch,
            worker,
            found,
        });
        let waits = |w: &Witness<_>| matches!(w.testimony, Testimony::Sealed(_));
        if call.witnesses.iter().any(waits) {
            Calls::<T>::insert(job, batch, call);
        } else {
            Self::find(job, batch, &call);
        }
        Ok(())
    }

    /// More than half of those drawn: who stays away speaks for neither side.
    fn majority(call: &CallRecordOf<T>) -> u32 {
        (call.witnesses.len() as u32 / 2).saturating_add(1)
    }

    /// All that will be said is said.
    fn find(job: JobId, batch: BatchIndex, call: &CallRecordOf<T>) {
        let who_says = |word: Option<H256>| -> Vec<Assignment<T::AccountId>> {
            let agreeing = call
                .witnesses
                .iter()
                .filter(|w| w.testimony == Testimony::Opened(word));
            agreeing.map(|w| w.assignment.clone()).collect()
        };
        let words = call.witnesses.iter().filter_map(|w| match w.testimony {
            Testimony::Opened(word) => Some(word),
            Testimony::Awaited | Testimony::Sealed(_) => None,
        });
        let majority = Self::majority(call) as usize;
        let decided = words
            .map(|word| (word, who_says(word)))
            .find(|(_, agreeing)| agreeing.len() >= majority);
        Self::end_call(job, batch, decided);
    }

    /// Carries out what was found: the word that decides, and those who say so; nothing if there is none.
    fn end_call(job: JobId, batch: BatchIndex, decided: Option<Decision<T>>) {
        Calls::<T>::remove(job, batch);
        let Some(mut result) = Results::<T>::get(job, batch) else {
            defensive!("a result stays while its outputs are in question");
            return;
        };
        let finding = match &decided {
            None => Finding::Undecided,
            Some((Some(_), _)) => Finding::Fetched,
            // A receipt in the meantime: the requester says so itself.
            Some((None, _)) if Self::is_received(job, batch) => Finding::Fetched,
            Some((None, _)) => Finding::Withheld,
        };
        let (word, agreeing) = decided.unwrap_or_default();
        if word.is_some() {
            let workers = agreeing.iter().map(|witness| witness.worker.clone());
            result.witnesses = BoundedVec::truncate_from(workers.collect());
        }
        let holders = Self::holders(&result);
        let operators: Vec<_> = agreeing.iter().map(|w| w.operator.clone()).collect();
        let fees = Market::<T>::pay_witnesses(job, batch, &operators, T::WitnessFee::get());
        match finding {
            Finding::Fetched => result.outputs = Outputs::Fetched,
            Finding::Withheld => {
                result.outputs = Outputs::Withheld;
                let (count, charge) = (result.paid, result.summary.charge);
                Market::<T>::turn_back(job, batch, &holders, count, charge, fees);
                if let Some(record) = Market::<T>::job(job) {
                    for holder in &holders {
                        let environment = record.spec.environment;
                        Self::note_caught(&holder.worker, &holder.operator, environment);
                    }
                }
            }
            Finding::Undecided => {}
        }
        Market::<T>::end_doubt(job, batch, &holders, finding == Finding::Fetched);
        Results::<T>::insert(job, batch, result);
        Self::deposit_event(Event::Witnessed {
            job,
            batch,
            finding,
            fees,
        });
    }
}
