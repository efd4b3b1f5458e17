//! The rules themselves.

use std::{
    collections::HashMap,
    hash::Hash as Key,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use sp_core::H256;
use sungrid_chain_client::{
    AccountId, Batch, Chain, ChainError, Job, ReplicaState, Unmet, WitnessCall, Worker,
};
use sungrid_data_plane::{AccessPolicy, Asker, EndpointId, Hash, PeerAddress, Secrets};
use sungrid_manifest::JobInput;
use sungrid_primitives::{BatchIndex, ContentHash, JobId};
use sungrid_seal::JobKey;
use tokio::{sync::Semaphore, time::Instant};
use tracing::debug;

use crate::{
    card,
    keys::{KeyOffer, Keys, parse_key_name},
    offers::{Offer, Offers, Part, Scope},
};

/// How old an answer of the chain may be for a yes: a block. Longer, and a party that has lost its part reads on.
const GOOD_FOR: Duration = Duration::from_secs(3);
/// How old it may be for a no. Shorter, and strangers have the node asked for nothing; longer, and a worker whose claim
/// is in the newest block waits.
const FRESH: Duration = Duration::from_millis(250);
/// How often a worker that may claim is looked at again, once each [`FRESH`]: its node may have seen the block with its
/// claim before this one has. Fewer, and it waits for the next block; more, and it keeps others waiting.
const LOOKS: usize = 4;
/// Answers that are remembered, of each kind.
const MEMORY: usize = 4096;
/// Questions to the node at the same time, so that strangers who ask leave it room for the worker's own.
const QUESTIONS: usize = 8;

/// Answers of the chain, with their age.
struct Known<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K, V> Default for Known<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Key + Eq + Clone, V: Clone> Known<K, V> {
    fn recall(&self, key: &K) -> Option<(Instant, V)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).cloned()
    }

    fn note(&self, key: K, value: V) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MEMORY && !known.contains_key(&key) {
            // What is still needed is asked for again.
            known.clear();
        }
        known.insert(key, (Instant::now(), value));
    }
}

/// Witnesses, and the batches whose outputs they are to fetch.
type Drawn = Vec<(JobId, BatchIndex, AccountId)>;

/// The access policy of a party: offered content, to whom the chain knows as a party of its job.
///
/// While the chain cannot be read, what it said last counts.
pub struct JobAccess {
    chain: Arc<dyn Chain>,
    offers: Arc<Offers>,
    keys: Arc<Keys>,
    good_for: Duration,
    questions: Semaphore,
    jobs: Known<JobId, Option<Job>>,
    batches: Known<(JobId, BatchIndex), Option<Batch>>,
    workers: Known<AccountId, Option<Worker>>,
    /// Who is drawn to fetch outputs of a job that its requester cannot, and of which batch.
    witnesses: Known<(), Option<Drawn>>,
    /// Accounts by card: checking a signature takes longer than a look.
    accounts: Known<(EndpointId, Vec<u8>), Option<AccountId>>,
}

impl JobAccess {
    /// A policy that knows no content yet.
    pub fn new(chain: Arc<dyn Chain>) -> Self {
        Self {
            chain,
            offers: Arc::default(),
            keys: Arc::default(),
            good_for: GOOD_FOR,
            questions: Semaphore::new(QUESTIONS),
            jobs: Known::default(),
            batches: Known::default(),
            workers: Known::default(),
            witnesses: Known::default(),
            accounts: Known::default(),
        }
    }

    /// Has it ask the chain again once an answer is this old. More spares the node, less ends access sooner.
    pub fn remembering_for(mut self, good_for: Duration) -> Self {
        self.good_for = good_for;
        self
    }

    /// Offers content as a part of a job.
    pub fn offer(
        &self,
        scope: &Scope,
        part: Part,
        content: impl IntoIterator<Item = ContentHash>,
    ) -> Offer {
        let parts = content.into_iter().map(|hash| (part, hash));
        self.offers.add(scope, parts)
    }

    /// Offers the files of a job's input, each as what it is. The manifest is not among them.
    pub fn offer_input(&self, scope: &Scope, input: &JobInput, batch_size: u32) -> Offer {
        self.offers.add(scope, Scope::parts(input, batch_size))
    }

    /// Hands the key of a job's content to its workers.
    pub fn offer_key(&self, scope: &Scope, key: JobKey) -> KeyOffer {
        self.keys.add(scope, key)
    }

    /// The key of a job, if it is offered here.
    async fn key(&self, job: JobId) -> Option<JobKey> {
        for (scope, key) in self.keys.all() {
            // Of one that is being placed the number comes soon, or never.
            if scope.job().await == Some(job) {
                return Some(key);
            }
        }
        None
    }

    /// Whether who asks computes a batch of a job that still runs, or ordered it, by answers of the chain of that age.
    async fn computes(&self, asker: &Asker, id: (JobId, BatchIndex), age: Duration) -> bool {
        let Some(job) = self.job(id.0, age).await else {
            return false;
        };
        let account = self.account(asker);
        if is_requester(&job, asker, account.as_ref()) {
            return true;
        }
        // Batches that there are not cost the node no question.
        if job.state.has_ended() || job.range(id.1).is_none() {
            return false;
        }
        let Some(account) = account else {
            return false;
        };
        let Some(worker) = self.worker(&account, age).await else {
            return false;
        };
        is_in_place(&worker, &job) && self.holds(id, &account, age).await
    }

    /// An answer of the chain that is young enough, or its last one while it cannot be read.
    async fn ask<K: Key + Eq + Clone, V: Clone>(
        &self,
        known: &Known<K, Option<V>>,
        key: K,
        age: Duration,
        question: impl Future<Output = Result<Option<V>, ChainError>>,
    ) -> Option<V> {
        let before = known.recall(&key);
        if let Some((when, value)) = &before
            && when.elapsed() < age
        {
            return value.clone();
        }
        let _turn = self.questions.acquire().await.ok()?;
        match question.await {
            Ok(value) => {
                known.note(key, value.clone());
                value
            }
            Err(error) => {
                debug!(%error, "the chain cannot say who is a party");
                before.and_then(|(_, value)| value)
            }
        }
    }

    async fn job(&self, id: JobId, age: Duration) -> Option<Job> {
        self.ask(&self.jobs, id, age, self.chain.job(id)).await
    }

    async fn worker(&self, account: &AccountId, age: Duration) -> Option<Worker> {
        let question = self.chain.worker(account);
        self.ask(&self.workers, account.clone(), age, question)
            .await
    }

    /// Whether an account holds a replica of a batch that is still to be decided.
    async fn holds(&self, id: (JobId, BatchIndex), account: &AccountId, age: Duration) -> bool {
        let question = self.chain.batch(id.0, id.1);
        let batch = self.ask(&self.batches, id, age, question).await;
        let replica = batch.as_ref().and_then(|batch| batch.replica(account));
        replica.is_some_and(|replica| {
            !matches!(replica.state, ReplicaState::Out | ReplicaState::Withheld)
        })
    }

    /// Whether an account holds a replica of a batch, or of another part of what was ordered as one with it.
    async fn holds_part(
        &self,
        (id, batch): (JobId, BatchIndex),
        job: &Job,
        account: &AccountId,
        age: Duration,
    ) -> bool {
        let layout = job.layout();
        let Some(origin) = layout.origin(batch) else {
            return false;
        };
        let made = layout.made_of(origin..origin.saturating_add(1));
        for part in std::iter::once(origin).chain(made) {
            if self.holds((id, part), account, age).await {
                return true;
            }
        }
        false
    }

    /// The account that stands for who asks.
    fn account(&self, asker: &Asker) -> Option<AccountId> {
        let bytes = asker.card.as_ref()?.to_vec();
        let key = (asker.id, bytes);
        if let Some((_, account)) = self.accounts.recall(&key) {
            return account;
        }
        let genesis: H256 = self.chain.genesis();
        let account = card::account(&key.1, &genesis, &asker.id);
        self.accounts.note(key, account.clone());
        account
    }

    /// Whether content that is a part of a job is for who asks, by answers of the chain of that age.
    async fn admits(&self, asker: &Asker, (id, part): (JobId, Part), age: Duration) -> bool {
        let Some(job) = self.job(id, age).await else {
            return false;
        };
        if part == Part::Image && job.spec.constraints.jurisdictions.is_empty() {
            return true;
        }
        let account = self.account(asker);
        if is_requester(&job, asker, account.as_ref()) {
            return true;
        }
        if let Part::Outputs(_) = part {
            return self.comes_after(asker, &job, account.as_ref(), age).await;
        }
        let Some(account) = account else {
            return false;
        };
        // Whether it has ended is looked at first: it costs no further question.
        if job.state.has_ended() {
            return false;
        }
        let Some(worker) = self.worker(&account, age).await else {
            return false;
        };
        match part {
            Part::Inputs(batch) => {
                is_in_place(&worker, &job)
                    && self.holds_part((id, batch), &job, &account, age).await
            }
            Part::Image | Part::Shared | Part::Outputs(_) => worker.suits(&job),
        }
    }

    /// Whether who asks could have claimed a batch whose inputs these are.
    async fn may_claim(&self, asker: &Asker, parts: &[(JobId, Part)]) -> bool {
        let Some(account) = self.account(asker) else {
            return false;
        };
        for (id, part) in parts {
            if matches!(part, Part::Inputs(_))
                && let Some(job) = self.job(*id, self.good_for).await
                && !job.state.has_ended()
                && let Some(worker) = self.worker(&account, self.good_for).await
                && worker.suits(&job)
            {
                return true;
            }
        }
        false
    }

    /// Whether this is an output that who asks ordered, or is drawn to fetch as a witness: however many other jobs left the same, or a later
    /// one could hide it from whom it is owed to.
    async fn is_owed(&self, asker: &Asker, hash: &Hash, age: Duration) -> bool {
        let account = self.account(asker);
        for id in self.offers.jobs_that_left(hash) {
            // Who ordered a job stays the same.
            if let Some(job) = self.job(id, Duration::MAX).await
                && is_requester(&job, asker, account.as_ref())
            {
                return true;
            }
        }
        let Some(account) = account else {
            return false;
        };
        let drawn = async {
            let calls = self.chain.witness_calls(None).await?;
            let of = |(job, batch, call): (JobId, BatchIndex, WitnessCall)| {
                let drawn = call.witnesses.into_iter();
                drawn.map(move |witness| (job, batch, witness.worker))
            };
            Ok(Some(calls.into_iter().flat_map(of).collect()))
        };
        let drawn = self.ask(&self.witnesses, (), age, drawn).await;
        for (id, batch, worker) in drawn.into_iter().flatten() {
            if worker == account
                && self.offers.includes(hash, id, Part::Outputs(batch))
                && let Some(job) = self.job(id, age).await
                && let Some(worker) = self.worker(&account, age).await
                && is_in_place(&worker, &job)
            {
                return true;
            }
        }
        false
    }

    /// Whether who asks is a party of a job that comes after this one.
    async fn comes_after(
        &self,
        asker: &Asker,
        job: &Job,
        account: Option<&AccountId>,
        age: Duration,
    ) -> bool {
        for next in &job.successors {
            let Some(next) = self.job(*next, age).await else {
                continue;
            };
            // The chain sees to it; outputs are too dear to rely on that.
            if next.requester != job.requester {
                continue;
            }
            if is_requester(&next, asker, account) {
                return true;
            }
            if next.state.has_ended() {
                continue;
            }
            if let Some(account) = account
                && let Some(worker) = self.worker(account, age).await
                && worker.suits(&next)
                && is_in_place(&worker, job)
            {
                return true;
            }
        }
        false
    }
}

/// Whether who asks is the one who ordered a job, at the address that it names or by its card.
fn is_requester(job: &Job, asker: &Asker, account: Option<&AccountId>) -> bool {
    account == Some(&job.requester)
        || PeerAddress::from_bytes(&job.spec.endpoint).is_ok_and(|peer| peer.id() == asker.id)
}

/// Whether a worker stands where a job may run, by the word of somebody whom the job trusts.
fn is_in_place(worker: &Worker, job: &Job) -> bool {
    worker
        .unmet(&job.spec, job.class)
        .all(|unmet| !matches!(unmet, Unmet::Jurisdiction | Unmet::Tier(_)))
}

impl AccessPolicy for JobAccess {
    fn allows<'a>(&'a self, asker: &'a Asker, hash: &'a Hash) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let mut parts = Vec::new();
            for (scope, part) in self.offers.of(hash) {
                // Of one that is being placed the number comes soon, or never.
                if let Some(job) = scope.job().await {
                    parts.push((job, part));
                }
            }
            parts.dedup();
            for age in [self.good_for, self.good_for.min(FRESH)] {
                if self.is_owed(asker, hash, age).await {
                    return true;
                }
                for part in &parts {
                    if self.admits(asker, *part, age).await {
                        return true;
                    }
                }
            }
            for _ in 0..LOOKS {
                if !self.may_claim(asker, &parts).await {
                    break;
                }
                let age = self.good_for.min(FRESH);
                tokio::time::sleep(age).await;
                for part in &parts {
                    if self.admits(asker, *part, age).await {
                        return true;
                    }
                }
            }
            debug!(peer = %asker.id.fmt_short(), %hash, "no party of a job that it belongs to");
            false
        })
    }
}

impl Secrets for JobAccess {
    fn secret<'a>(&'a self, asker: &'a Asker, name: &'a [u8]) -> BoxFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            let (job, batch) = parse_key_name(name)?;
            let key = self.key(job).await?;
            let told = || Some(Bytes::copy_from_slice(&*key.to_bytes()));
            if self.computes(asker, (job, batch), self.good_for).await {
                return told();
            }
            // The claim may be in a block that this node has not seen.
            for look in 0..=LOOKS {
                let age = self.good_for.min(FRESH);
                if look > 0 {
                    if !self.may_claim(asker, &[(job, Part::Inputs(batch))]).await {
                        break;
                    }
                    tokio::time::sleep(age).await;
                }
                if self.computes(asker, (job, batch), age).await {
                    return told();
                }
            }
            debug!(peer = %asker.id.fmt_short(), job, batch, "no worker of that batch: the key stays here");
            None
        })
    }
}
