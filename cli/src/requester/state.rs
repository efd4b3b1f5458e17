//! What is known of each batch: who announced what, what is here, what was written out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use sp_core::H256;
use sungrid_chain_client::AccountId;
use sungrid_primitives::{BatchIndex, ContentHash, receipt::BatchSummary};

use super::{Announced, MAX_TRIES, Update, deliver::Terms};
use crate::{
    Error,
    folder::{Accepted, JobFolder, JobRecord, write_whole},
};

/// Bundles announced for one batch at most: the chain assigns at most twelve replicas.
const MAX_ANNOUNCED: usize = 12;

/// Why outputs are not asked for.
const PAID_BACK: &str =
    "witnesses found that nobody serves them, and what was paid for them is back";

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The bundle is here and comes to this.
    Kept(BatchSummary),
    /// The bundle does not hold.
    Rejected,
}

#[derive(Debug)]
struct Ordered {
    bundle: ContentHash,
    tries: u32,
    /// A fetch is under way.
    busy: bool,
    /// Due at the next opportunity; cleared by a try, set again by a block.
    due: bool,
    outcome: Option<Outcome>,
    reason: Option<String>,
}

#[derive(Debug, Default)]
struct BatchState {
    units: u32,
    orders: BTreeMap<AccountId, Ordered>,
    /// Root of what stands in the output folders.
    exported: Option<H256>,
    accepted: Option<H256>,
    /// Witnesses found that nobody serves its outputs.
    withheld: bool,
}

impl BatchState {
    fn verified(&self) -> bool {
        self.accepted.is_some() && self.exported == self.accepted
    }

    /// Orders that are worth another try.
    fn open(&self) -> impl Iterator<Item = (&AccountId, &Ordered)> {
        let orders = self.orders.iter().filter(|_| !self.withheld);
        orders.filter(|(_, order)| order.wants_try())
    }
}

/// All batches of the job that anything is known of.
#[derive(Debug, Default)]
pub(super) struct Batches {
    by_index: BTreeMap<BatchIndex, BatchState>,
    marks: JobFolderMarks,
}

/// Files that say which root a batch's outputs have, so that a restart need not fetch them again.
#[derive(Debug, Default)]
struct JobFolderMarks(Option<JobFolder>);

impl JobFolderMarks {
    fn path(folder: &JobFolder, batch: BatchIndex) -> std::path::PathBuf {
        folder.receipts().join(format!("{batch:06}.written"))
    }

    fn read(folder: &JobFolder, batch: BatchIndex) -> Option<H256> {
        let text = fs::read_to_string(Self::path(folder, batch)).ok()?;
        let mut root = [0; 32];
        hex::decode_to_slice(text.trim(), &mut root).ok()?;
        Some(H256(root))
    }

    fn write(&self, batch: BatchIndex, root: &H256) {
        // Losing a mark costs one more fetch after a restart, so a failure is not worth stopping for.
        if let Some(folder) = &self.0 {
            let _ = write_whole(&Self::path(folder, batch), hex::encode(root).as_bytes());
        }
    }
}

impl Batches {
    /// Takes up what an earlier requester left.
    pub(super) fn load(
        folder: &JobFolder,
        record: &JobRecord,
        terms: &Terms,
    ) -> Result<Self, Error> {
        let mut batches = Self {
            marks: JobFolderMarks(Some(folder.clone())),
            ..Self::default()
        };
        for (batch, accepted) in &record.accepted {
            batches.entry(record, *batch).exported = JobFolderMarks::read(folder, *batch);
            batches.accept(folder, terms, *batch, accepted)?;
        }
        Ok(batches)
    }

    fn entry(&mut self, record: &JobRecord, batch: BatchIndex) -> &mut BatchState {
        Self::state(
            &mut self.by_index,
            record.range(batch).map_or(0, |r| r.1),
            batch,
        )
    }

    fn state(
        map: &mut BTreeMap<BatchIndex, BatchState>,
        units: u32,
        batch: BatchIndex,
    ) -> &mut BatchState {
        let state = map.entry(batch).or_default();
        state.units = units;
        state
    }

    /// The chain accepted a batch: drops what differs from it, orders what is missing.
    pub(super) fn accept(
        &mut self,
        folder: &JobFolder,
        terms: &Terms,
        batch: BatchIndex,
        accepted: &Accepted,
    ) -> Result<Vec<Update>, Error> {
        let units = terms.range(batch).1;
        let state = Self::state(&mut self.by_index, units, batch);
        state.accepted = Some(accepted.root);
        let mut updates = Vec::new();
        for (worker, order) in &mut state.orders {
            let wins = accepted.winners.iter().any(|(winner, _)| winner == worker);
            match order.outcome {
                // Receipts of a replica that was not paid, even an equal one, are no part of the bill.
                Some(Outcome::Kept(kept)) if !wins || kept != accepted.summary() => {
                    order.outcome = Some(Outcome::Rejected);
                    remove(folder, batch, worker)?;
                    let reason = if kept == accepted.summary() {
                        "it did not reveal its result, so it is none of the accepted replicas"
                    } else {
                        "the chain accepted another result"
                    };
                    updates.push(Update::Rejected {
                        batch,
                        worker: worker.clone(),
                        reason: reason.into(),
                    });
                }
                // What somebody else has is not wanted any more.
                None if !wins => order.outcome = Some(Outcome::Rejected),
                _ => {}
            }
        }
        for (worker, bundle) in &accepted.winners {
            let known = state.orders.get(worker);
            let kept = matches!(known.and_then(|o| o.outcome), Some(Outcome::Kept(_)));
            // If another result came first, its outputs stand where the accepted ones belong: then a winner
            // delivers again, out of what is in the store already.
            if kept && state.exported == Some(accepted.root) {
                continue;
            }
            let mut order = Ordered::new(*bundle);
            // A fetch of the announced bundle may be under way; it is the same one if the worker is honest.
            order.busy = known.is_some_and(|o| o.busy && o.bundle == *bundle);
            if let Ok(bytes) = fs::read(folder.bundle(batch, worker))
                && sungrid_manifest::hash(&bytes) == *bundle
                && let Ok((summary, _)) = terms.check(&bytes, batch, worker)
                && summary == accepted.summary()
            {
                // Without the outputs, one winner must deliver again.
                if state.exported == Some(accepted.root) {
                    order.outcome = Some(Outcome::Kept(summary));
                }
            }
            state.orders.insert(worker.clone(), order);
        }
        if state.verified() {
            updates.push(Update::Verified {
                batch,
                units: state.units,
            });
        }
        Ok(updates)
    }

    /// Whether an announcement would be new.
    pub(super) fn would_order(&self, batch: BatchIndex, worker: &AccountId) -> bool {
        match self.by_index.get(&batch) {
            None => true,
            Some(state) => {
                state.accepted.is_none()
                    && !state.orders.contains_key(worker)
                    && state.orders.len() < MAX_ANNOUNCED
            }
        }
    }

    /// A worker announced its bundle.
    pub(super) fn order(
        &mut self,
        batch: BatchIndex,
        units: u32,
        worker: AccountId,
        bundle: ContentHash,
    ) {
        let state = Self::state(&mut self.by_index, units, batch);
        state
            .orders
            .entry(worker)
            .or_insert_with(|| Ordered::new(bundle));
    }

    /// What should be fetched now.
    pub(super) fn due(&self) -> Vec<Announced> {
        let due = |(batch, state): (&BatchIndex, &BatchState)| {
            let batch = *batch;
            let orders = state.open().filter(|(_, order)| order.due);
            orders
                .map(move |(w, order)| (batch, w.clone(), order.bundle))
                .collect::<Vec<_>>()
        };
        self.by_index.iter().flat_map(due).collect()
    }

    /// A fetch has begun.
    pub(super) fn sent(&mut self, batch: BatchIndex, worker: &AccountId) {
        if let Some(order) = self.find(batch, worker) {
            order.busy = true;
            order.due = false;
            order.tries += 1;
        }
    }

    /// A fetch failed for now; returns whether that was the last try.
    pub(super) fn failed(&mut self, batch: BatchIndex, worker: &AccountId, why: String) -> bool {
        match self.find(batch, worker) {
            Some(order) => {
                order.busy = false;
                order.reason = Some(why);
                order.tries >= MAX_TRIES
            }
            None => true,
        }
    }

    /// A bundle came to its end.
    pub(super) fn close(&mut self, batch: BatchIndex, worker: &AccountId, outcome: Outcome) {
        if let Some(order) = self.find(batch, worker) {
            order.busy = false;
            order.outcome = Some(outcome);
        }
    }

    /// Whether a batch with this root should be written out: an accepted one always unless it stands there
    /// already, one that was only announced if nothing stands there yet.
    pub(super) fn needs_export(&self, batch: BatchIndex, root: &H256, accepted: bool) -> bool {
        let exported = self.by_index.get(&batch).and_then(|state| state.exported);
        if accepted {
            exported != Some(*root)
        } else {
            exported.is_none()
        }
    }

    /// A batch with this root was written out.
    pub(super) fn exported(&mut self, batch: BatchIndex, root: H256) {
        self.by_index.entry(batch).or_default().exported = Some(root);
        self.marks.write(batch, &root);
    }

    /// A bundle is here; says whether the batch became verified by it (`true`), or has its first results
    /// (`false`); `None` if neither is new.
    pub(super) fn keep(
        &mut self,
        batch: BatchIndex,
        worker: &AccountId,
        summary: BatchSummary,
        accepted: bool,
    ) -> Option<bool> {
        self.close(batch, worker, Outcome::Kept(summary));
        let state = self.by_index.get(&batch)?;
        let kept = state
            .orders
            .values()
            .filter(|o| matches!(o.outcome, Some(Outcome::Kept(_))));
        (kept.count() == 1).then_some(accepted)
    }

    /// Nobody is fetching any more.
    pub(super) fn forget_fetches(&mut self) {
        for state in self.by_index.values_mut() {
            for order in state.orders.values_mut() {
                order.busy = false;
                order.due = true;
            }
        }
    }

    /// A block has passed: what failed is due again.
    pub(super) fn next_block(&mut self) {
        for state in self.by_index.values_mut() {
            for order in state.orders.values_mut() {
                order.due = true;
            }
        }
    }

    /// Whether a fetch is still to be tried.
    pub(super) fn is_waiting(&self) -> bool {
        self.by_index.values().any(|state| {
            state.orders.values().any(|order| order.busy) || state.open().next().is_some()
        })
    }

    /// Witnesses found that nobody serves the outputs of a batch, and what was paid for it is back: it is not asked for any more.
    /// Whether that is news, of outputs that are not here.
    pub(super) fn withhold(&mut self, batch: BatchIndex) -> bool {
        let Some(state) = self.by_index.get_mut(&batch) else {
            return false;
        };
        !std::mem::replace(&mut state.withheld, true) && !state.verified()
    }

    fn find(&mut self, batch: BatchIndex, worker: &AccountId) -> Option<&mut Ordered> {
        self.by_index.get_mut(&batch)?.orders.get_mut(worker)
    }

    fn sum(&self, counts: impl Fn(&BatchState) -> bool) -> u32 {
        self.by_index
            .values()
            .filter(|state| counts(state))
            .map(|state| state.units)
            .sum()
    }

    /// Units whose outputs are here.
    pub(super) fn received_units(&self) -> u32 {
        self.sum(|state| state.exported.is_some())
    }

    /// Units whose outputs are here and accepted.
    pub(super) fn verified_units(&self) -> u32 {
        self.sum(BatchState::verified)
    }

    /// Units that the chain accepted.
    pub(super) fn accepted_units(&self, record: &JobRecord) -> u32 {
        let batches = record.accepted.keys();
        batches
            .filter_map(|batch| record.range(*batch))
            .map(|(_, count)| count)
            .sum()
    }

    /// Accepted batches whose outputs are not here, and why the last one is not.
    pub(super) fn unfetched(&self, record: &JobRecord) -> (Vec<BatchIndex>, Option<String>) {
        let missing: BTreeSet<BatchIndex> = record
            .accepted
            .keys()
            .copied()
            .filter(|batch| !self.by_index.get(batch).is_some_and(BatchState::verified))
            .collect();
        let reason = missing.iter().rev().find_map(|batch| {
            let state = self.by_index.get(batch)?;
            let mut orders = state.orders.values();
            match state.withheld {
                true => Some(PAID_BACK.to_owned()),
                false => orders.find_map(|order| order.reason.clone()),
            }
        });
        (missing.into_iter().collect(), reason)
    }

    /// Bundles of winners that are here.
    pub(super) fn kept_of_winners(&self, record: &JobRecord) -> u32 {
        let kept = |batch: &BatchIndex, worker: &AccountId| {
            let order = self
                .by_index
                .get(batch)
                .and_then(|state| state.orders.get(worker));
            matches!(order.and_then(|o| o.outcome), Some(Outcome::Kept(_)))
        };
        let winners = record.accepted.iter().flat_map(|(batch, accepted)| {
            accepted
                .winners
                .iter()
                .map(move |(worker, _)| (batch, worker))
        });
        winners
            .filter(|(batch, worker)| kept(batch, worker))
            .count() as u32
    }
}

impl Ordered {
    fn new(bundle: ContentHash) -> Self {
        Self {
            bundle,
            tries: 0,
            busy: false,
            due: true,
            outcome: None,
            reason: None,
        }
    }

    fn wants_try(&self) -> bool {
        self.outcome.is_none() && !self.busy && self.tries < MAX_TRIES
    }
}

/// Removes a bundle that was kept.
pub(super) fn remove(
    folder: &JobFolder,
    batch: BatchIndex,
    worker: &AccountId,
) -> Result<(), Error> {
    let path = folder.bundle(batch, worker);
    match fs::remove_file(&path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::file("remove", &path)(error)),
    }
}
