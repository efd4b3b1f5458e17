//! Serving outputs to the job that comes after this one: its workers ask here when those who made them have left.

use std::fs;

use sungrid_access::{Offer, Part, Scope};
use sungrid_manifest::{Bundle, Manifest, UnitOutput};
use sungrid_primitives::BatchIndex;

use super::Requester;

impl Requester {
    /// Offers the accepted outputs that are here and were not offered yet, once a job comes after this one.
    pub(super) fn share_outputs(&mut self) {
        let accepted: Vec<BatchIndex> = match &self.seen {
            Some(job) if !job.successors.is_empty() => {
                self.record.accepted.keys().copied().collect()
            }
            _ => return,
        };
        for batch in accepted {
            self.share_batch(batch);
        }
    }

    /// The same for one batch.
    pub(super) fn share_batch(&mut self, batch: BatchIndex) {
        let gathered = self.seen.as_ref().map(|job| !job.successors.is_empty());
        if gathered == Some(true)
            && !self.shared.contains_key(&batch)
            && let Some(offer) = self.offer_batch(batch)
        {
            self.shared.insert(batch, offer);
        }
    }

    /// `None` if no accepted bundle of it is here yet.
    fn offer_batch(&self, batch: BatchIndex) -> Option<Offer> {
        let accepted = self.record.accepted.get(&batch)?;
        let outputs = accepted.winners.iter().find_map(|(worker, _)| {
            let bytes = fs::read(self.folder.bundle(batch, worker)).ok()?;
            Bundle::decode(&bytes).ok()?.outputs_of(&accepted.summary())
        })?;
        let bundles = accepted.winners.iter().map(|(_, bundle)| *bundle);
        let files = outputs.iter().flat_map(UnitOutput::contents);
        let content = bundles.chain(files.map(|file| file.hash));
        let access = &self.served.access;
        Some(access.offer(&Scope::of(self.job), Part::Outputs(batch), content))
    }
}
