//! Answers known before. This chain keeps no trust and its treasury gives nothing.

use sungrid_primitives::receipt;

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
        if !self.keepers.contains(who) {
            return fail("Canaries", "NotKeeper", "");
        }
        let Some(job) = self.jobs.get(&id) else {
            return fail("Canaries", "NothingToCheck", "");
        };
        let seal = receipt::canary(&job.spec.order_from(&job.requester), batch, answer, salt);
        let key = (who.clone(), seal);
        match self.canaries.get(&key) {
            None => return fail("Canaries", "NotPlanted", ""),
            Some(first) if id < *first => return fail("Canaries", "PlantedTooLate", ""),
            Some(_) => {}
        }
        if !self.results.contains_key(&(id, batch)) || !self.checked.insert((id, batch)) {
            return fail("Canaries", "NothingToCheck", "");
        }
        self.canaries.remove(&key);
        Ok(())
    }
}
