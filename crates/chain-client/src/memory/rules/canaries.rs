//! Answers known before. This chain keeps no trust and its treasury gives nothing.

use sungrid_primitives::{merkle::UnitLeaf, receipt, suns::CPU_1};

use super::*;

/// Answers that a keeper can have planted.
const MAX_PLANTED: usize = 256;

impl State {
    pub(super) fn plant(&mut self, who: &AccountId, seals: Vec<H256>) -> Dispatched {
        if !self.keepers.contains(who) {
            return fail("Canaries", "NotKeeper", "");
        }
        let planted = self.canaries.keys().filter(|(keeper, _)| keeper == who);
        if planted.count() + seals.len() > MAX_PLANTED {
            return fail("Canaries", "TooManyPlanted", "");
        }
        for (place, seal) in seals.iter().enumerate() {
            let known = self.canaries.contains_key(&(who.clone(), *seal));
            if known || seals[..place].contains(seal) {
                return fail("Canaries", "AlreadyPlanted", "");
            }
        }
        let first = self.next_job;
        for seal in seals {
            self.canaries.insert((who.clone(), seal), first);
        }
        Ok(())
    }

    pub(super) fn uproot(&mut self, who: &AccountId, seals: &[H256]) -> Dispatched {
        if !self.keepers.contains(who) {
            return fail("Canaries", "NotKeeper", "");
        }
        let gone = seals
            .iter()
            .filter(|seal| self.canaries.remove(&(who.clone(), **seal)).is_some());
        match gone.count() {
            0 => fail("Canaries", "NotPlanted", ""),
            _ => Ok(()),
        }
    }

    pub(super) fn expose(
        &mut self,
        who: &AccountId,
        id: JobId,
        batch: BatchIndex,
        answer: &BatchSummary,
        salt: &[u8; 32],
    ) -> Dispatched {
        let key = self.planted(who, id, batch, answer, salt)?;
        let is_whole = self
            .jobs
            .get(&id)
            .is_some_and(|job| !job.layout().is_part(batch));
        if !is_whole
            || !self.results.contains_key(&(id, batch))
            || !self.checked.insert((id, batch))
        {
            return fail("Canaries", "NothingToCheck", "");
        }
        self.canaries.remove(&key);
        Ok(())
    }

    pub(super) fn expose_parts(
        &mut self,
        who: &AccountId,
        id: JobId,
        batch: BatchIndex,
        leaves: &[UnitLeaf],
        salt: &[u8; 32],
    ) -> Dispatched {
        let nothing = || fail("Canaries", "NothingToCheck", "");
        let Some(answer) = BatchSummary::of(leaves, &CPU_1) else {
            return nothing();
        };
        let key = self.planted(who, id, batch, &answer, salt)?;
        let Some(job) = self.jobs.get(&id) else {
            return nothing();
        };
        let layout = job.layout();
        if batch >= layout.ordered() || !layout.is_part(batch) {
            return nothing();
        }
        let parts: Vec<_> = std::iter::once((id, batch))
            .chain(layout.made_of(batch..batch + 1).map(|part| (id, part)))
            .collect();
        let mut accepted = parts
            .iter()
            .filter(|part| self.results.contains_key(*part))
            .peekable();
        if accepted.peek().is_none()
            || accepted.any(|part| self.checked.contains(part))
            || parts.iter().any(|part| self.batches.contains_key(part))
        {
            return nothing();
        }
        self.checked.extend(parts);
        self.canaries.remove(&key);
        Ok(())
    }

    /// What a keeper planted, for an order that came later.
    fn planted(
        &self,
        who: &AccountId,
        id: JobId,
        batch: BatchIndex,
        answer: &BatchSummary,
        salt: &[u8; 32],
    ) -> Result<(AccountId, H256), SubmitError> {
        if !self.keepers.contains(who) {
            return fail("Canaries", "NotKeeper", "");
        }
        let Some(job) = self.jobs.get(&id) else {
            return fail("Canaries", "NothingToCheck", "");
        };
        let seal = receipt::canary(&job.spec.order_from(&job.requester), batch, answer, salt);
        let key = (who.clone(), seal);
        match self.canaries.get(&key) {
            None => fail("Canaries", "NotPlanted", ""),
            Some(first) if id < *first => fail("Canaries", "PlantedTooLate", ""),
            Some(_) => Ok(key),
        }
    }
}
