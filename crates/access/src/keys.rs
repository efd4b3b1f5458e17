//! Keys of jobs whose content is sealed: handed to who computes, and asked for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sungrid_primitives::{BatchIndex, JobId};
use sungrid_seal::JobKey;

use crate::Scope;

/// What the name of a job's key begins with; job and batch follow, little endian.
const NAME: &[u8] = b"job-key/1";

/// The name under which a worker of a batch asks for the job's key.
pub fn key_name(job: JobId, batch: BatchIndex) -> Vec<u8> {
    [NAME, &job.to_le_bytes(), &batch.to_le_bytes()].concat()
}

/// The job and the batch of such a name.
pub(crate) fn parse_key_name(name: &[u8]) -> Option<(JobId, BatchIndex)> {
    let (job, batch) = name.strip_prefix(NAME)?.split_first_chunk::<4>()?;
    let batch: &[u8; 4] = batch.try_into().ok()?;
    Some((JobId::from_le_bytes(*job), u32::from_le_bytes(*batch)))
}

#[derive(Debug, Default)]
struct State {
    keys: BTreeMap<u64, (Scope, JobKey)>,
    next: u64,
}

/// All keys that are offered now.
#[derive(Debug, Default)]
pub(crate) struct Keys(Mutex<State>);

impl Keys {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(self: &Arc<Self>, scope: &Scope, key: JobKey) -> KeyOffer {
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        state.keys.insert(id, (scope.clone(), key));
        KeyOffer {
            keys: self.clone(),
            id,
        }
    }

    pub(crate) fn all(&self) -> Vec<(Scope, JobKey)> {
        self.lock().keys.values().cloned().collect()
    }
}

/// A key that is handed to the workers of its job as long as this lives.
#[derive(Debug)]
#[must_use = "nothing is offered once this is dropped"]
pub struct KeyOffer {
    keys: Arc<Keys>,
    id: u64,
}

impl Drop for KeyOffer {
    fn drop(&mut self) {
        self.keys.lock().keys.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_one_job_and_batch_and_nothing_else_is_one() {
        let name = key_name(7, 1 << 20);
        assert_eq!(parse_key_name(&name), Some((7, 1 << 20)));
        for end in 0..name.len() {
            assert_eq!(parse_key_name(&name[..end]), None);
        }
        assert_eq!(parse_key_name(&[&name[..], &[0]].concat()), None);
        assert_eq!(parse_key_name(b"job-key/2\0\0\0\0\0\0\0\0"), None);
        assert!(name.len() <= sungrid_data_plane::MAX_SECRET_NAME);
    }

    #[test]
    fn an_offer_of_a_key_ends_with_its_life() {
        let keys = Arc::<Keys>::default();
        let first = keys.add(&Scope::of(1), JobKey::from_bytes([1; 32]));
        let second = keys.add(&Scope::of(2), JobKey::from_bytes([2; 32]));
        assert_eq!(keys.all().len(), 2);
        drop(first);
        assert_eq!(keys.all()[0].1, JobKey::from_bytes([2; 32]));
        drop(second);
        assert!(keys.all().is_empty());
    }
}
