//! What is offered, and as what.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sungrid_data_plane::Hash;
use sungrid_manifest::JobInput;
use sungrid_primitives::{BatchIndex, ContentHash, JobId};
use tokio::sync::watch;

/// Jobs of which one content is looked at. The same bytes may be offered for more; then the latest count.
const MAX_JOBS: usize = 16;

/// What of a job some content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The application: its manifest, its code and its files.
    Image,
    /// The input manifest, and the files that several batches get.
    Shared,
    /// A file that the units of one batch get, and no others.
    Inputs(BatchIndex),
    /// What the units of one batch left, and the bundles that say so.
    Outputs(BatchIndex),
}

/// The job that an offer belongs to: known, or being placed.
#[derive(Clone, Debug)]
pub struct Scope(watch::Receiver<Option<JobId>>);

/// An order on its way to the chain: content of its scope is kept from those who ask until its number is known.
#[derive(Debug)]
pub struct Placing(watch::Sender<Option<JobId>>);

impl Scope {
    /// That of a job on chain.
    pub fn of(job: JobId) -> Self {
        Self(watch::channel(Some(job)).1)
    }

    /// That of an order whose number is not known yet.
    pub fn placing() -> (Placing, Self) {
        let (sender, receiver) = watch::channel(None);
        (Placing(sender), Self(receiver))
    }

    /// Whether it is that of a job whose number is known.
    fn is(&self, job: JobId) -> bool {
        *self.0.borrow() == Some(job)
    }

    /// Whether both are of one job whose number is known.
    fn is_same(&self, other: &Self) -> bool {
        let job = *other.0.borrow();
        job.is_some_and(|job| self.is(job))
    }

    /// The job, once it is known; `None` if it never will be.
    pub(crate) async fn job(mut self) -> Option<JobId> {
        let job = self.0.wait_for(Option::is_some).await.ok()?;
        *job
    }

    /// The parts that an input is made of: with the same file in several batches, it is shared.
    pub(crate) fn parts(
        input: &JobInput,
        batch_size: u32,
    ) -> impl Iterator<Item = (Part, ContentHash)> + use<> {
        let mut parts: HashMap<ContentHash, Part> = HashMap::new();
        for file in &input.shared {
            parts.insert(file.hash, Part::Shared);
        }
        let alike = input.units.len() == 1 && input.count > batch_size;
        for (unit, spec) in (0u32..).zip(&input.units) {
            let part = match alike {
                true => Part::Shared,
                false => Part::Inputs(unit / batch_size.max(1)),
            };
            for file in &spec.files {
                parts
                    .entry(file.hash)
                    .and_modify(|known| {
                        if *known != part {
                            *known = Part::Shared;
                        }
                    })
                    .or_insert(part);
            }
        }
        parts.into_iter().map(|(hash, part)| (part, hash))
    }
}

impl Placing {
    /// The chain took the order under this number.
    pub fn is(&self, job: JobId) {
        self.0.send_replace(Some(job));
    }
}

#[derive(Debug)]
struct Offered {
    id: u64,
    scope: Scope,
    part: Part,
}

#[derive(Debug, Default)]
struct State {
    content: HashMap<Hash, Vec<Offered>>,
    next: u64,
}

/// All that is offered now.
#[derive(Debug, Default)]
pub(crate) struct Offers(Mutex<State>);

impl Offers {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(
        self: &Arc<Self>,
        scope: &Scope,
        parts: impl IntoIterator<Item = (Part, ContentHash)>,
    ) -> Offer {
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        let mut content = Vec::new();
        for (part, hash) in parts {
            let hash = Hash::from_bytes(hash.0);
            let scope = scope.clone();
            let offered = Offered { id, scope, part };
            state.content.entry(hash).or_default().push(offered);
            content.push(hash);
        }
        Offer {
            offers: self.clone(),
            id,
            content,
        }
    }

    /// As what some content is offered, the latest first; of outputs that several batches of a job left alike, one.
    pub(crate) fn of(&self, hash: &Hash) -> Vec<(Scope, Part)> {
        let is_output = |part| matches!(part, Part::Outputs(_));
        let state = self.lock();
        let mut parts: Vec<(Scope, Part)> = Vec::new();
        for offered in state.content.get(hash).into_iter().flatten().rev() {
            if parts.len() == MAX_JOBS {
                break;
            }
            let mut known = parts.iter().filter(|(_, part)| is_output(*part));
            if !is_output(offered.part) || !known.any(|(scope, _)| scope.is_same(&offered.scope)) {
                parts.push((offered.scope.clone(), offered.part));
            }
        }
        parts
    }

    /// All jobs of which some content is an output.
    pub(crate) fn jobs_that_left(&self, hash: &Hash) -> BTreeSet<JobId> {
        let state = self.lock();
        let offered = state.content.get(hash).into_iter().flatten();
        let outputs = offered.filter(|offered| matches!(offered.part, Part::Outputs(_)));
        outputs
            .filter_map(|offered| *offered.scope.0.borrow())
            .collect()
    }

    /// Whether some content is offered as this part of a job, however many others it is of.
    pub(crate) fn includes(&self, hash: &Hash, job: JobId, part: Part) -> bool {
        let state = self.lock();
        let mut offered = state.content.get(hash).into_iter().flatten();
        offered.any(|offered| offered.part == part && offered.scope.is(job))
    }
}

/// Content that is offered as long as this lives.
#[derive(Debug)]
#[must_use = "nothing is offered once this is dropped"]
pub struct Offer {
    offers: Arc<Offers>,
    id: u64,
    content: Vec<Hash>,
}

impl Drop for Offer {
    fn drop(&mut self) {
        let mut state = self.offers.lock();
        for hash in &self.content {
            if let Some(offered) = state.content.get_mut(hash) {
                offered.retain(|offered| offered.id != self.id);
                if offered.is_empty() {
                    state.content.remove(hash);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sungrid_manifest::{File, UnitSpec};

    fn content(n: u8) -> ContentHash {
        ContentHash::repeat_byte(n)
    }

    #[test]
    fn an_offer_ends_with_its_life_and_takes_no_other_with_it() {
        let offers = Arc::<Offers>::default();
        let hash = Hash::from_bytes([1; 32]);
        let first = offers.add(&Scope::of(1), [(Part::Shared, content(1))]);
        let second = offers.add(&Scope::of(2), [(Part::Outputs(0), content(1))]);
        let parts = |offers: &Offers| offers.of(&hash).iter().map(|o| o.1).collect::<Vec<_>>();
        assert_eq!(parts(&offers), [Part::Outputs(0), Part::Shared]);
        drop(second);
        assert_eq!(parts(&offers), [Part::Shared]);
        drop(first);
        assert!(offers.lock().content.is_empty(), "nothing is left behind");
    }

    #[test]
    fn a_job_with_many_batches_leaves_room_for_others() {
        let offers = Arc::<Offers>::default();
        let hash = Hash::from_bytes([1; 32]);
        let other = offers.add(&Scope::of(2), [(Part::Outputs(3), content(1))]);
        let many: Vec<_> = (0..40)
            .map(|batch| offers.add(&Scope::of(1), [(Part::Outputs(batch), content(1))]))
            .collect();
        let parts: Vec<_> = offers.of(&hash).into_iter().map(|o| o.1).collect();
        assert_eq!(parts, [Part::Outputs(39), Part::Outputs(3)]);
        assert!(offers.includes(&hash, 1, Part::Outputs(0)));
        assert!(!offers.includes(&hash, 2, Part::Outputs(0)));
        drop((many, other));
        assert!(!offers.includes(&hash, 1, Part::Outputs(0)));
    }

    #[test]
    fn a_file_of_several_batches_is_shared() {
        let unit = |files: &[u8]| UnitSpec {
            files: files
                .iter()
                .map(|n| File::new(n.to_string(), content(*n), 1))
                .collect(),
            ..UnitSpec::default()
        };
        let shared = vec![File::new("s", content(9), 1)];
        let units = vec![unit(&[1, 5]), unit(&[2, 1]), unit(&[3]), unit(&[4, 5, 9])];
        let input = JobInput::new(shared.clone(), units);
        let mut parts: Vec<_> = Scope::parts(&input, 2).collect();
        parts.sort_unstable();
        let expected = [
            (Part::Shared, content(5)),
            (Part::Shared, content(9)),
            (Part::Inputs(0), content(1)),
            (Part::Inputs(0), content(2)),
            (Part::Inputs(1), content(3)),
            (Part::Inputs(1), content(4)),
        ];
        assert_eq!(parts, expected);
        let alike = JobInput::alike(shared, unit(&[1]), 4);
        assert!(Scope::parts(&alike, 2).all(|(part, _)| part == Part::Shared));
        assert!(Scope::parts(&alike, 4).any(|(part, _)| part == Part::Inputs(0)));
    }

    #[tokio::test]
    async fn an_order_that_never_arrives_is_nobody_s() {
        let (placing, scope) = Scope::placing();
        placing.is(7);
        assert_eq!(scope.job().await, Some(7));
        let (placing, scope) = Scope::placing();
        drop(placing);
        assert_eq!(scope.job().await, None);
    }
}
