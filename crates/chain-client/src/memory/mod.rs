//! A chain in memory, for tests of what runs against a chain.
//!
//! It keeps the market's rules as `docs/protocol.md` states them, with two simplifications: rewards are
//! credited at settlement instead of at the round's end, and there is no reward for authors. Every
//! transaction makes a block of its own at once; [`MemoryChain::advance`] makes empty ones, which is how
//! a test lets deadlines pass. Nothing here waits for a clock.
//!
//! [`MemoryChain::interrupt`] breaks the connection, or the caller's neck, around a call: the tests of a
//! worker's recovery are built on it.

mod rules;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use sp_core::H256;
use sungrid_primitives::{
    BatchIndex, ContentHash, ISC, JobId, SS58_PREFIX,
    environment::EnvironmentId,
    suns::{CPU_1, Profile},
    traits::{CPU_1_ID, ProfileId},
};
use tokio::sync::watch;

use crate::{
    Account, AccountId, Attestations, Auditor, Balance, Batch, BatchResult, BlockNumber, BlockRef,
    BlockStream, Call, Chain, ChainError, ChainInfo, ChainParams, ClosedRound, Credit, Declines,
    Event, Explanation, Follow, Image, Included, Job, JobSpec, Keypair, Pool, PoolId, Position,
    Quote, Rating, Round, Series, Standing, SubmitError, Trust, Unbonding, Until, WitnessCall,
    Worker,
};
use rules::State;

/// Blocks that a call stays in the pool for with [`Interrupt::Linger`].
const LINGERS: BlockNumber = 3;

/// Where a call is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// It never reaches the chain and its caller waits for ever.
    HangBefore,
    /// It is in a block, but its caller waits for ever.
    HangAfter,
    /// It never reaches the chain; the caller sees a broken connection.
    LoseBefore,
    /// It is in a block; the caller sees a broken connection.
    LoseAfter,
    /// The caller sees a broken connection; the pool has it, and some blocks later it is in one.
    Linger,
    /// The pool has it, and some blocks later it is in one, or is refused there, as its caller hears then.
    Slow,
    /// It is in a block, but its caller hears of it only after the next one.
    Late,
    /// It is in a block, as its caller hears, and that block is given up for one without it.
    GivenUp,
}

/// A chain in memory; clones share it.
#[derive(Clone)]
pub struct MemoryChain {
    inner: Arc<Inner>,
}

struct Inner {
    genesis: H256,
    state: Mutex<State>,
    head: watch::Sender<BlockRef>,
    interrupts: Mutex<HashMap<&'static str, VecDeque<Interrupt>>>,
    interrupted: watch::Sender<u64>,
    connected: watch::Sender<bool>,
    /// The last final block, if not each is at once.
    finalised: Mutex<Option<BlockNumber>>,
}

fn hash_of(genesis: &H256, number: u32) -> H256 {
    H256(sp_crypto_hashing::blake2_256(&codec::Encode::encode(&(
        genesis, number,
    ))))
}

impl MemoryChain {
    /// A chain that accepts one environment, with funded accounts.
    pub fn new(environment: EnvironmentId, funded: &[AccountId]) -> Self {
        Self::with_genesis(H256::repeat_byte(0x5a), environment, funded)
    }

    /// The same with a genesis hash of the caller's choice.
    pub fn with_genesis(genesis: H256, environment: EnvironmentId, funded: &[AccountId]) -> Self {
        let state = State::new(genesis, environment, funded);
        let head = BlockRef {
            number: 0,
            hash: hash_of(&genesis, 0),
        };
        Self {
            inner: Arc::new(Inner {
                genesis,
                state: Mutex::new(state),
                head: watch::Sender::new(head),
                interrupts: Mutex::default(),
                interrupted: watch::Sender::new(0),
                connected: watch::Sender::new(true),
                finalised: Mutex::default(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a failed test already; its state is still whole, since rules apply to a copy.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn online(&self) -> Result<MutexGuard<'_, State>, ChainError> {
        if *self.inner.connected.borrow() {
            Ok(self.state())
        } else {
            Err(ChainError::Disconnected("the node is down".into()))
        }
    }

    fn seal(&self, state: &mut State) -> BlockRef {
        let block = BlockRef {
            number: state.number,
            hash: hash_of(&self.inner.genesis, state.number),
        };
        self.inner.head.send_replace(block);
        block
    }

    /// Makes empty blocks.
    pub fn advance(&self, blocks: u32) {
        for _ in 0..blocks {
            let mut state = self.state();
            state.begin_block();
            self.seal(&mut state);
        }
    }

    /// Makes empty blocks up to one.
    pub fn advance_to(&self, number: u32) {
        let now = self.state().number;
        self.advance(number.saturating_sub(now));
    }

    /// Interrupts the next call of this name (as [`Call::name`] gives it); said again, the one after it too.
    pub fn interrupt(&self, call: &'static str, how: Interrupt) {
        self.inner
            .interrupts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(call)
            .or_default()
            .push_back(how);
    }

    /// Waits until that many calls have been interrupted since the chain was made.
    pub async fn interrupted(&self, times: u64) {
        let mut seen = self.inner.interrupted.subscribe();
        // The sender lives as long as `self`.
        let _ = seen.wait_for(|count| *count >= times).await;
    }

    /// Stops or starts answering: a node that goes away and comes back.
    pub fn set_connected(&self, connected: bool) {
        self.inner.connected.send_replace(connected);
    }

    /// From here on no block is final, or each is at once again.
    pub fn set_finality(&self, on: bool) {
        let now = self.state().number;
        let finalised = self.inner.finalised.lock();
        *finalised.unwrap_or_else(PoisonError::into_inner) = (!on).then_some(now);
    }

    /// Waits until a block after which the condition holds on the chain's state.
    pub async fn wait_until(&self, mut holds: impl FnMut(&State) -> bool) {
        let mut head = self.inner.head.subscribe();
        let _ = head.wait_for(|_| holds(&self.state())).await;
    }

    /// Changes the state directly: to set a scene, or to corrupt it.
    pub fn edit<R>(&self, edit: impl FnOnce(&mut State) -> R) -> R {
        edit(&mut self.state())
    }

    fn take_interrupt(&self, call: &str) -> Option<Interrupt> {
        self.inner
            .interrupts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_mut(call)?
            .pop_front()
    }

    fn apply(&self, key: &Keypair, call: Call) -> Result<Included, SubmitError> {
        let mut state = self.online()?;
        // Each call runs on a copy, so that one that fails leaves no trace.
        let mut next = state.clone();
        next.begin_block();
        let before = next.events.len();
        let result = next.dispatch(&key.account(), call);
        match result {
            Ok(()) => *state = next,
            Err(_) => state.begin_block(),
        }
        let events = state.events.get(before..).unwrap_or_default().to_vec();
        let block = self.seal(&mut state);
        result?;
        Ok(Included {
            transaction: H256(sp_crypto_hashing::blake2_256(block.hash.as_bytes())),
            block: Some(block),
            events,
        })
    }
}

#[async_trait]
impl Chain for MemoryChain {
    async fn info(&self) -> Result<ChainInfo, ChainError> {
        drop(self.online()?);
        Ok(ChainInfo {
            name: "Memory".into(),
            genesis: self.inner.genesis,
            spec_version: 1,
            token: "ISC".into(),
            decimals: 12,
            ss58_prefix: SS58_PREFIX,
        })
    }

    async fn params(&self) -> Result<ChainParams, ChainError> {
        Ok(self.online()?.params)
    }

    fn genesis(&self) -> H256 {
        self.inner.genesis
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        drop(self.online()?);
        Ok(*self.inner.head.borrow())
    }

    async fn finalised(&self) -> Result<BlockNumber, ChainError> {
        let best = self.online()?.number;
        let finalised = self.inner.finalised.lock();
        let finalised = *finalised.unwrap_or_else(PoisonError::into_inner);
        Ok(finalised.unwrap_or(best))
    }

    async fn time(&self) -> Result<u64, ChainError> {
        let state = self.online()?;
        Ok(u64::from(state.number) * state.params.block_ms)
    }

    async fn blocks(&self, _: Follow) -> Result<BlockStream, ChainError> {
        drop(self.online()?);
        let head = self.inner.head.subscribe();
        let connected = self.inner.connected.subscribe();
        let blocks = stream::unfold((head, connected), |(mut head, mut connected)| async move {
            // A node that is away sends nothing; the subscription goes on when it is back.
            connected.wait_for(|up| *up).await.ok()?;
            head.changed().await.ok()?;
            let block = *head.borrow_and_update();
            Some((Ok(block), (head, connected)))
        });
        Ok(blocks.boxed())
    }

    async fn events(&self, block: H256) -> Result<Vec<Event>, ChainError> {
        let state = self.online()?;
        if block != self.inner.head.borrow().hash {
            return Err(ChainError::Node(
                "only the events of the best block are kept".into(),
            ));
        }
        Ok(state.events.clone())
    }

    async fn next_job(&self) -> Result<JobId, ChainError> {
        Ok(self.online()?.next_job)
    }

    async fn job(&self, job: JobId) -> Result<Option<Job>, ChainError> {
        Ok(self.online()?.jobs.get(&job).cloned())
    }

    async fn jobs(&self) -> Result<Vec<(JobId, Job)>, ChainError> {
        let state = self.online()?;
        Ok(state
            .jobs
            .iter()
            .map(|(id, job)| (*id, job.clone()))
            .collect())
    }

    async fn series(&self) -> Result<Vec<(JobId, Series)>, ChainError> {
        let state = self.online()?;
        let all = state.series.iter();
        Ok(all.map(|(id, series)| (*id, series.clone())).collect())
    }

    async fn explain(&self, job: JobId) -> Result<Option<Explanation>, ChainError> {
        Ok(self.online()?.explain(job))
    }

    async fn quote(&self, spec: &JobSpec) -> Result<Option<Quote>, ChainError> {
        Ok(self.online()?.quote(spec))
    }

    async fn batch(&self, job: JobId, batch: BatchIndex) -> Result<Option<Batch>, ChainError> {
        let state = self.online()?;
        Ok(state
            .batches
            .get(&(job, batch))
            .map(|record| record.view.clone()))
    }

    async fn batches(
        &self,
        job: Option<JobId>,
    ) -> Result<Vec<(JobId, BatchIndex, Batch)>, ChainError> {
        let state = self.online()?;
        Ok(state
            .batches
            .iter()
            .filter(|((id, _), _)| job.is_none_or(|job| job == *id))
            .map(|((id, batch), record)| (*id, *batch, record.view.clone()))
            .collect())
    }

    async fn result(
        &self,
        job: JobId,
        batch: BatchIndex,
    ) -> Result<Option<BatchResult>, ChainError> {
        Ok(self.online()?.results.get(&(job, batch)).cloned())
    }

    async fn results(&self, job: JobId) -> Result<Vec<(BatchIndex, BatchResult)>, ChainError> {
        let state = self.online()?;
        Ok(state
            .results
            .range((job, 0)..=(job, BatchIndex::MAX))
            .map(|((_, batch), result)| (*batch, result.clone()))
            .collect())
    }

    async fn declines(&self, job: JobId) -> Result<Declines, ChainError> {
        Ok(self.online()?.declines(job))
    }

    async fn received(&self, job: JobId) -> Result<BatchIndex, ChainError> {
        Ok(self
            .online()?
            .received
            .get(&job)
            .copied()
            .unwrap_or_default())
    }

    async fn witness_calls(
        &self,
        job: Option<JobId>,
    ) -> Result<Vec<(JobId, BatchIndex, WitnessCall)>, ChainError> {
        let state = self.online()?;
        let calls = state.witness_calls.iter();
        Ok(calls
            .filter(|((id, _), _)| job.is_none_or(|job| job == *id))
            .map(|((job, batch), call)| (*job, *batch, call.clone()))
            .collect())
    }

    async fn rating(&self, operator: &AccountId) -> Result<Rating, ChainError> {
        let ratings = &self.online()?.ratings;
        Ok(ratings.get(operator).copied().unwrap_or_default())
    }

    async fn trust(
        &self,
        worker: &AccountId,
        environment: EnvironmentId,
    ) -> Result<Trust, ChainError> {
        let state = self.online()?;
        let worker = state.workers.get(worker);
        let worker = worker.filter(|worker| worker.environment == environment);
        Ok(worker.map(|worker| worker.trust).unwrap_or_default())
    }

    async fn raised_prices(&self, job: JobId) -> Result<Vec<(BatchIndex, Balance)>, ChainError> {
        let state = self.online()?;
        Ok(state
            .raised_prices
            .range((job, 0)..=(job, BatchIndex::MAX))
            .map(|((_, batch), price)| (*batch, *price))
            .collect())
    }

    async fn worker(&self, worker: &AccountId) -> Result<Option<Worker>, ChainError> {
        Ok(self.online()?.workers.get(worker).cloned())
    }

    async fn standing(&self, worker: &AccountId) -> Result<Option<Standing>, ChainError> {
        Ok(self.online()?.standing(worker))
    }

    async fn workers(&self) -> Result<Vec<(AccountId, Worker)>, ChainError> {
        let state = self.online()?;
        Ok(state
            .workers
            .iter()
            .map(|(id, worker)| (id.clone(), worker.clone()))
            .collect())
    }

    async fn auditors(&self) -> Result<Vec<(AccountId, Auditor)>, ChainError> {
        let state = self.online()?;
        let auditors = state.auditors.iter();
        Ok(auditors
            .map(|(id, auditor)| (id.clone(), *auditor))
            .collect())
    }

    async fn attestations(&self) -> Result<Vec<(AccountId, Attestations)>, ChainError> {
        let state = self.online()?;
        let attested = state.attested.iter();
        Ok(attested
            .map(|(id, said)| (id.clone(), said.clone()))
            .collect())
    }

    async fn pools(&self) -> Result<Vec<(PoolId, Pool)>, ChainError> {
        let state = self.online()?;
        let now = state.number;
        let at_now = |mut pool: Pool| {
            if let Some((commission, _)) = pool.announced.take_if(|(_, from)| *from <= now) {
                pool.commission = commission;
            }
            pool
        };
        Ok(state
            .pools
            .iter()
            .map(|(id, record)| (*id, at_now(record.view.clone())))
            .collect())
    }

    async fn unbonding(&self, worker: &AccountId) -> Result<Vec<Unbonding>, ChainError> {
        let state = self.online()?;
        Ok(state.unbonding.get(worker).cloned().unwrap_or_default())
    }

    async fn position(
        &self,
        pool: PoolId,
        account: &AccountId,
    ) -> Result<Option<Position>, ChainError> {
        let state = self.online()?;
        let pool = state.pools.get(&pool);
        Ok(pool.and_then(|pool| pool.positions.get(account).copied()))
    }

    async fn image(&self, image: &ContentHash) -> Result<Option<Image>, ChainError> {
        Ok(self.online()?.images.get(image).cloned())
    }

    async fn images(&self) -> Result<Vec<(ContentHash, Image)>, ChainError> {
        let state = self.online()?;
        Ok(state
            .images
            .iter()
            .map(|(id, image)| (*id, image.clone()))
            .collect())
    }

    async fn profile(&self, profile: ProfileId) -> Result<Option<Profile>, ChainError> {
        drop(self.online()?);
        Ok((profile == CPU_1_ID).then_some(CPU_1))
    }

    async fn price_floor(&self, profile: ProfileId) -> Result<Balance, ChainError> {
        drop(self.online()?);
        Ok(if profile == CPU_1_ID {
            rules::FLOOR
        } else {
            Balance::MAX
        })
    }

    async fn spot(&self, profile: ProfileId) -> Result<Option<Balance>, ChainError> {
        let price = self.online()?.spot.price;
        Ok((profile == CPU_1_ID).then_some(price))
    }

    async fn accepts(&self, environment: &EnvironmentId) -> Result<bool, ChainError> {
        Ok(self.online()?.environment == *environment)
    }

    async fn environments(&self) -> Result<Vec<EnvironmentId>, ChainError> {
        Ok(vec![self.online()?.environment])
    }

    async fn account(&self, account: &AccountId) -> Result<Account, ChainError> {
        Ok(self
            .online()?
            .accounts
            .get(account)
            .copied()
            .unwrap_or_default())
    }

    async fn pending_rewards(&self, account: &AccountId) -> Result<Balance, ChainError> {
        Ok(self
            .online()?
            .rewards
            .get(account)
            .copied()
            .unwrap_or_default())
    }

    async fn credit(&self, worker: &AccountId) -> Result<Credit, ChainError> {
        Ok(self
            .online()?
            .credit
            .get(worker)
            .copied()
            .unwrap_or_default())
    }

    async fn round(&self) -> Result<Round, ChainError> {
        let state = self.online()?;
        let number = state.number / state.params.round_blocks;
        Ok(Round {
            number,
            ends: (number + 1) * state.params.round_blocks - 1,
            payments: state.paid,
            fees: 0,
        })
    }

    async fn last_round(&self) -> Result<Option<ClosedRound>, ChainError> {
        drop(self.online()?);
        // Rewards are credited at settlement here, so no round is ever closed.
        Ok(None)
    }

    async fn summons(&self, worker: &AccountId) -> Result<Option<BlockNumber>, ChainError> {
        Ok(self.online()?.summons.get(worker).copied())
    }

    async fn absentees(&self, block: BlockNumber) -> Result<Vec<AccountId>, ChainError> {
        Ok(self.online()?.absentees(block))
    }

    async fn claimable(&self, job: JobId, worker: &AccountId) -> Result<bool, ChainError> {
        let mut copy = self.online()?.clone();
        Ok(copy.dispatch(worker, Call::Claim(job)).is_ok())
    }

    async fn submit(&self, key: &Keypair, call: Call, _: Until) -> Result<Included, SubmitError> {
        let (_, name) = call.name();
        let Some(interrupt) = self.take_interrupt(name) else {
            return self.apply(key, call);
        };
        if interrupt == Interrupt::Linger {
            let (chain, key, call) = (self.clone(), key.clone(), call.clone());
            tokio::spawn(async move {
                let until = chain.state().number + LINGERS;
                chain.wait_until(|state| state.number >= until).await;
                // Whether it still can be is the chain's to say.
                drop(chain.apply(&key, call));
            });
        }
        if interrupt == Interrupt::Slow {
            self.inner.interrupted.send_modify(|count| *count += 1);
            let until = self.state().number + LINGERS;
            self.wait_until(|state| state.number >= until).await;
            return self.apply(key, call);
        }
        let before = matches!(
            interrupt,
            Interrupt::HangBefore | Interrupt::LoseBefore | Interrupt::Linger
        );
        let without = self.state().clone();
        let included = (!before).then(|| self.apply(key, call)).transpose()?;
        self.inner.interrupted.send_modify(|count| *count += 1);
        match (interrupt, included) {
            (Interrupt::Late, Some(included)) => {
                let now = self.state().number;
                self.wait_until(|state| state.number > now).await;
                Ok(included)
            }
            (Interrupt::GivenUp, Some(included)) => {
                *self.state() = without;
                Ok(included)
            }
            (Interrupt::HangBefore | Interrupt::HangAfter, _) => std::future::pending().await,
            _ => Err(SubmitError::Unknown {
                call: name.into(),
                reason: "connection closed".into(),
            }),
        }
    }
}

/// Free balance of funded accounts.
pub const FUNDS: Balance = 10_000 * ISC;

pub use rules::{FLOOR, State as MemoryState};
