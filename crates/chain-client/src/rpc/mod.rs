//! A chain behind a node's RPC.
//!
//! The connection reconnects by itself, with growing pauses, and goes on with another node if there are several. Reads wait for it; a
//! subscription goes on after it; a transaction whose fate a broken connection hides is [`SubmitError::Unknown`].

mod arguments;
mod connection;
mod events;
mod nodes;
mod pools;
mod records;
mod submit;
mod values;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use async_trait::async_trait;
use codec::{Decode, DecodeAll, Encode};
use futures::StreamExt;
use sp_core::H256;
use subxt::{
    OnlineClient, OnlineClientAtBlock, SubstrateConfig,
    backend::LegacyBackend,
    config::{Header, RpcConfigFor},
    dynamic::{self, Value},
    error::RuntimeApiError,
    ext::scale_decode::DecodeAsType,
};
use subxt_rpcs::{LegacyRpcMethods, RpcClient};
use sungrid_primitives::{
    BatchIndex, ContentHash, JobId, SS58_PREFIX, environment::EnvironmentId, suns::Profile,
    traits::ProfileId,
};

use nodes::Nodes;
pub use nodes::look;

use crate::{
    Account, AccountId, Attestations, Auditor, Balance, Batch, BatchResult, BlockNumber, BlockRef,
    BlockStream, Call, Chain, ChainError, ChainInfo, ChainParams, ClosedRound, Credit, Declines,
    Event, Explanation, Follow, Image, Included, Job, JobSpec, Keypair, Pool, PoolId, Position,
    Quote, Rating, Round, Series, Standing, SubmitError, Tiers, Trust, Unbonding, Until,
    WitnessCall, Worker,
};

/// A node may stay so long behind where another one was. Longer, and deadlines of a batch come near; shorter, and nodes are left for a
/// busy moment.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// What this client cannot do without: checked once, so that a foreign chain is recognised at once.
const NEEDED: [(&str, &str); 12] = [
    ("Market", "Jobs"),
    ("Market", "Batches"),
    ("Market", "NextJobId"),
    ("Verification", "Ballots"),
    ("Verification", "Results"),
    ("Workers", "Workers"),
    ("Auditors", "Attested"),
    ("Liveness", "Draws"),
    ("Capacity", "Proofs"),
    ("Delegation", "Pools"),
    ("Images", "Images"),
    ("Rewards", "Credit"),
];

/// The runtime API that answers questions about the market.
const MARKET_API: &str = "MarketApi";

/// Bytes that name a view function.
const VIEW_ID_BYTES: usize = 32;

/// Why a runtime does not answer a view function.
#[derive(Debug, Decode)]
enum ViewRefusal {
    NotImplemented,
    NotFound(#[allow(dead_code, reason = "shown by Debug")] [u8; VIEW_ID_BYTES]),
    Codec,
}

/// What is known of a key's transactions.
#[derive(Default)]
struct Sent {
    /// The next nonce, and the connection that it was counted over: another node's pool need not have what was sent there. Held while
    /// a transaction enters the pool.
    next: tokio::sync::Mutex<Option<(Option<u64>, u64)>>,
    /// Transactions whose end is waited for.
    on_their_way: AtomicU64,
}
type At = OnlineClientAtBlock<SubstrateConfig>;
type Rpc = LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>;

/// A chain behind one node or several; clones share the connection.
#[derive(Clone)]
pub struct RpcChain {
    inner: Arc<Inner>,
}

struct Inner {
    nodes: Arc<Nodes>,
    genesis: H256,
    client: OnlineClient<SubstrateConfig>,
    rpc: Rpc,
    /// The client at the best block that was asked for last: saves two round trips for every read.
    at: tokio::sync::Mutex<Option<(H256, Arc<At>)>>,
    nonces: Mutex<HashMap<[u8; 32], Arc<Sent>>>,
}

fn to_h256(hash: subxt::utils::H256) -> H256 {
    H256(hash.0)
}

fn from_h256(hash: H256) -> subxt::utils::H256 {
    subxt::utils::H256(hash.0)
}

/// Sorts the library's errors into ours.
fn broken(error: impl Into<subxt::Error>) -> ChainError {
    let error = error.into();
    if error.is_disconnected_will_reconnect() {
        return ChainError::Disconnected(error.to_string());
    }
    ChainError::Node(error.to_string())
}

fn rpc_broken(error: subxt_rpcs::Error) -> ChainError {
    if error.is_disconnected_will_reconnect() {
        return ChainError::Disconnected(error.to_string());
    }
    ChainError::Node(error.to_string())
}

fn unreadable(what: &str, error: impl std::fmt::Display) -> ChainError {
    ChainError::Decode {
        what: what.into(),
        reason: error.to_string(),
    }
}

fn key(number: u32) -> Value {
    Value::u128(number.into())
}

impl RpcChain {
    async fn tiers(&self, worker: &AccountId) -> Result<Tiers, ChainError> {
        self.view("Auditors", "tiers_of", vec![Value::from_bytes(worker)])
            .await
    }

    /// What counts of a worker's capacity, where `allowance` counts without a proof.
    async fn counted(
        &self,
        worker: &AccountId,
        declared: u64,
        allowance: u64,
    ) -> Result<u64, ChainError> {
        if declared <= allowance {
            return Ok(declared);
        }
        let standing = self.standing(worker).await?;
        Ok(standing.map_or(0, |standing| standing.counted))
    }

    /// What counts of any worker's capacity without a proof, µSUNS.
    async fn allowance(&self) -> Result<u64, ChainError> {
        let allowance = self.get("Capacity", "Allowance", vec![]).await?;
        Ok(allowance.unwrap_or_default())
    }
}

#[async_trait]
impl Chain for RpcChain {
    async fn info(&self) -> Result<ChainInfo, ChainError> {
        let rpc = &self.inner.rpc;
        let name = rpc.system_chain().await.map_err(rpc_broken)?;
        let properties = rpc.system_properties().await.map_err(rpc_broken)?;
        let text = |key: &str| {
            properties
                .get(key)
                .and_then(|v| v.as_str())
                .map(str::to_owned)
        };
        let number = |key: &str| properties.get(key).and_then(|v| v.as_u64());
        Ok(ChainInfo {
            name,
            genesis: self.inner.genesis,
            spec_version: self.at().await?.spec_version(),
            token: text("tokenSymbol").unwrap_or_else(|| "ISC".into()),
            decimals: number("tokenDecimals")
                .and_then(|n| u8::try_from(n).ok())
                .unwrap_or(12),
            ss58_prefix: number("ss58Format")
                .and_then(|n| u16::try_from(n).ok())
                .unwrap_or(SS58_PREFIX),
        })
    }

    async fn params(&self) -> Result<ChainParams, ChainError> {
        Ok(ChainParams {
            block_ms: self.constant("Babe", "ExpectedBlockTime").await?,
            min_bond: self.constant("Workers", "MinBond").await?,
            bond_per_suns: self.constant("Workers", "BondPerSuns").await?,
            round_blocks: self.constant("Rewards", "RoundBlocks").await?,
            job_deposit: self.constant("Market", "JobDeposit").await?,
            batch_deposit: self.constant("Market", "BatchDeposit").await?,
            max_job_blocks: self.constant("Market", "MaxJobBlocks").await?,
            max_batch_seconds: self.constant("Market", "MaxBatchSeconds").await?,
            retention: self.constant("Market", "Retention").await?,
            liability: self.constant("Workers", "Liability").await?,
        })
    }

    fn genesis(&self) -> H256 {
        self.inner.genesis
    }

    fn node(&self) -> Option<String> {
        self.inner.nodes.node()
    }

    async fn head(&self) -> Result<BlockRef, ChainError> {
        let at = self.at().await?;
        Ok(BlockRef {
            number: at.block_number() as u32,
            hash: to_h256(at.block_hash()),
        })
    }

    async fn finalised(&self) -> Result<BlockNumber, ChainError> {
        let rpc = &self.inner.rpc;
        let hash = rpc.chain_get_finalized_head().await.map_err(rpc_broken)?;
        let header = rpc.chain_get_header(Some(hash)).await.map_err(rpc_broken)?;
        let header = header
            .ok_or_else(|| ChainError::Node("it has no header of its last final block".into()))?;
        Ok(header.number() as BlockNumber)
    }

    async fn time(&self) -> Result<u64, ChainError> {
        let now = self.get("Timestamp", "Now", vec![]).await?;
        Ok(now.unwrap_or_default())
    }

    async fn blocks(&self, follow: Follow) -> Result<BlockStream, ChainError> {
        let client = &self.inner.client;
        let blocks = match follow {
            Follow::Best => client.stream_best_blocks().await,
            Follow::Finalised => client.stream_blocks().await,
        };
        let blocks = blocks.map_err(|error| self.failed(error))?;
        let chain = self.clone();
        let stream = blocks.map(move |block| match block {
            Ok(block) => Ok(BlockRef {
                number: block.header().number() as u32,
                hash: to_h256(block.hash()),
            }),
            Err(error) => Err(chain.failed(error)),
        });
        Ok(stream.boxed())
    }

    async fn events(&self, block: H256) -> Result<Vec<Event>, ChainError> {
        let at = self
            .inner
            .client
            .at_block(from_h256(block))
            .await
            .map_err(broken)?;
        let events = at.events().fetch().await.map_err(broken)?;
        events
            .iter()
            .map(|event| events::decode(&event.map_err(|error| unreadable("events", error))?))
            .collect()
    }

    async fn next_job(&self) -> Result<JobId, ChainError> {
        Ok(self
            .get("Market", "NextJobId", vec![])
            .await?
            .unwrap_or_default())
    }

    async fn job(&self, job: JobId) -> Result<Option<Job>, ChainError> {
        let record: Option<records::WireJob> = self.get("Market", "Jobs", vec![key(job)]).await?;
        Ok(record.map(Into::into))
    }

    async fn jobs(&self) -> Result<Vec<(JobId, Job)>, ChainError> {
        let mut jobs: Vec<(JobId, Job)> = self
            .list::<u32, records::WireJob>("Market", "Jobs", vec![], 0)
            .await?
            .into_iter()
            .map(|(id, job)| (id, job.into()))
            .collect();
        jobs.sort_by_key(|(id, _)| *id);
        Ok(jobs)
    }

    async fn series(&self) -> Result<Vec<(JobId, Series)>, ChainError> {
        let mut series: Vec<(JobId, Series)> = self
            .list::<u32, records::WireSeries>("Market", "Series", vec![], 0)
            .await?
            .into_iter()
            .map(|(id, series)| (id, series.into()))
            .collect();
        series.sort_by_key(|(id, _)| *id);
        Ok(series)
    }

    async fn explain(&self, job: JobId) -> Result<Option<Explanation>, ChainError> {
        let answer: Option<records::WireExplanation> =
            self.ask(MARKET_API, "explain", vec![key(job)]).await?;
        Ok(answer.map(Into::into))
    }

    async fn quote(&self, spec: &JobSpec) -> Result<Option<Quote>, ChainError> {
        let arguments = vec![values::spec(spec)];
        let answer: Option<records::WireQuote> = self.ask(MARKET_API, "quote", arguments).await?;
        Ok(answer.map(Into::into))
    }

    async fn batch(&self, job: JobId, batch: BatchIndex) -> Result<Option<Batch>, ChainError> {
        let keys = || vec![key(job), key(batch)];
        let record: Option<records::WireBatch> = self.get("Market", "Batches", keys()).await?;
        let Some(record) = record else {
            return Ok(None);
        };
        let ballot = self.get("Verification", "Ballots", keys()).await?;
        Ok(Some(record.with_ballot(ballot)))
    }

    async fn batches(
        &self,
        job: Option<JobId>,
    ) -> Result<Vec<(JobId, BatchIndex, Batch)>, ChainError> {
        let prefix = || job.map(key).into_iter().collect::<Vec<_>>();
        let all = |_: usize| true;
        let ballots: Vec<(Vec<u32>, records::WireBallot)> = self
            .list_raw("Verification", "Ballots", prefix(), all)
            .await?;
        let mut ballots: HashMap<Vec<u32>, records::WireBallot> = ballots.into_iter().collect();
        let records: Vec<(Vec<u32>, records::WireBatch)> =
            self.list_raw("Market", "Batches", prefix(), all).await?;
        let mut out: Vec<_> = records
            .into_iter()
            .filter_map(|(keys, record)| {
                let &[job, batch] = keys.as_slice() else {
                    return None;
                };
                Some((job, batch, record.with_ballot(ballots.remove(&keys))))
            })
            .collect();
        out.sort_by_key(|(job, batch, _)| (*job, *batch));
        Ok(out)
    }

    async fn result(
        &self,
        job: JobId,
        batch: BatchIndex,
    ) -> Result<Option<BatchResult>, ChainError> {
        let record: Option<records::WireResult> = self
            .get("Verification", "Results", vec![key(job), key(batch)])
            .await?;
        Ok(record.map(Into::into))
    }

    async fn results(&self, job: JobId) -> Result<Vec<(BatchIndex, BatchResult)>, ChainError> {
        let mut results: Vec<(BatchIndex, BatchResult)> = self
            .list::<u32, records::WireResult>("Verification", "Results", vec![key(job)], 1)
            .await?
            .into_iter()
            .map(|(batch, result)| (batch, result.into()))
            .collect();
        results.sort_by_key(|(batch, _)| *batch);
        Ok(results)
    }

    async fn declines(&self, job: JobId) -> Result<Declines, ChainError> {
        let (paused, operators) = self
            .view("Verification", "decliners", vec![key(job)])
            .await?;
        Ok(Declines { paused, operators })
    }

    async fn received(&self, job: JobId) -> Result<BatchIndex, ChainError> {
        let below = self.get("Verification", "Received", vec![key(job)]);
        Ok(below.await?.unwrap_or_default())
    }

    async fn witness_calls(
        &self,
        job: Option<JobId>,
    ) -> Result<Vec<(JobId, BatchIndex, WitnessCall)>, ChainError> {
        let prefix = job.map(key).into_iter().collect();
        let calls: Vec<(Vec<u32>, records::WireWitnessCall)> = self
            .list_raw("Verification", "Calls", prefix, |_| true)
            .await?;
        let mut calls: Vec<_> = calls
            .into_iter()
            .filter_map(|(keys, call)| match keys.as_slice() {
                &[job, batch] => Some((job, batch, call.into())),
                _ => None,
            })
            .collect();
        calls.sort_by_key(|(job, batch, _)| (*job, *batch));
        Ok(calls)
    }

    async fn rating(&self, operator: &AccountId) -> Result<Rating, ChainError> {
        self.view("Verification", "rating", vec![Value::from_bytes(operator)])
            .await
    }

    async fn trust(
        &self,
        worker: &AccountId,
        environment: EnvironmentId,
    ) -> Result<Trust, ChainError> {
        let arguments = vec![Value::from_bytes(worker), Value::from_bytes(environment)];
        self.view("Verification", "trust", arguments).await
    }

    async fn raised_prices(&self, job: JobId) -> Result<Vec<(BatchIndex, Balance)>, ChainError> {
        let mut prices: Vec<(BatchIndex, Balance)> = self
            .list("Market", "RaisedPrices", vec![key(job)], 1)
            .await?;
        prices.sort_unstable();
        Ok(prices)
    }

    async fn worker(&self, worker: &AccountId) -> Result<Option<Worker>, ChainError> {
        let record: Option<records::WireWorker> = self
            .get("Workers", "Workers", vec![Value::from_bytes(worker)])
            .await?;
        let Some(record) = record else {
            return Ok(None);
        };
        let mut worker_record = Worker::from(record);
        worker_record.tiers = self.tiers(worker).await?;
        let (declared, allowance) = (worker_record.capacity, self.allowance().await?);
        worker_record.counted = self.counted(worker, declared, allowance).await?;
        worker_record.trust = self.trust(worker, worker_record.environment).await?;
        Ok(Some(worker_record))
    }

    async fn unbonding(&self, worker: &AccountId) -> Result<Vec<Unbonding>, ChainError> {
        let arguments = vec![Value::from_bytes(worker)];
        let parts: Vec<(u128, u32)> = self.view("Workers", "unbonding", arguments).await?;
        let parts = parts.into_iter();
        Ok(parts
            .map(|(amount_planck, free_at)| Unbonding {
                amount_planck,
                free_at,
            })
            .collect())
    }

    async fn standing(&self, worker: &AccountId) -> Result<Option<Standing>, ChainError> {
        self.view("Capacity", "standing", vec![Value::from_bytes(worker)])
            .await
    }

    async fn workers(&self) -> Result<Vec<(AccountId, Worker)>, ChainError> {
        let workers = self
            .list::<[u8; 32], records::WireWorker>("Workers", "Workers", vec![], 0)
            .await?;
        let mut workers: BTreeMap<AccountId, Worker> = workers
            .into_iter()
            .map(|(id, worker)| (id.into(), worker.into()))
            .collect();
        // Most workers have no attestation at all.
        let attested = self
            .list::<[u8; 32], records::WireAttestations>("Auditors", "Attested", vec![], 0)
            .await?;
        let now = self.head().await?.number;
        for (id, attestations) in attested {
            let id = AccountId::from(id);
            if attestations.may_count_at(now)
                && let Some(worker) = workers.get_mut(&id)
            {
                worker.tiers = self.tiers(&id).await?;
            }
        }
        let trusts: Vec<(Vec<[u8; 32]>, records::WireTrust)> = self
            .list_raw("Verification", "Trusts", vec![], |_| true)
            .await?;
        for (keys, trust) in trusts {
            if let &[id, environment] = keys.as_slice()
                && let Some(worker) = workers.get_mut(&id.into())
                && worker.environment == H256(environment)
            {
                worker.trust = trust.into();
            }
        }
        let allowance = self.allowance().await?;
        for (id, worker) in &mut workers {
            worker.counted = self.counted(id, worker.capacity, allowance).await?;
        }
        Ok(workers.into_iter().collect())
    }

    async fn auditors(&self) -> Result<Vec<(AccountId, Auditor)>, ChainError> {
        let auditors = self
            .list::<[u8; 32], records::WireAuditor>("Auditors", "Auditors", vec![], 0)
            .await?;
        let auditors = auditors.into_iter();
        Ok(auditors
            .map(|(id, auditor)| (id.into(), auditor.into()))
            .collect())
    }

    async fn attestations(&self) -> Result<Vec<(AccountId, Attestations)>, ChainError> {
        let attested = self
            .list::<[u8; 32], records::WireAttestations>("Auditors", "Attested", vec![], 0)
            .await?;
        let attested = attested.into_iter();
        Ok(attested
            .map(|(id, said)| (id.into(), said.into()))
            .collect())
    }

    async fn pools(&self) -> Result<Vec<(PoolId, Pool)>, ChainError> {
        let now = self.head().await?.number;
        let mut pools: Vec<(PoolId, Pool)> = self
            .list::<u32, pools::WirePool>("Delegation", "Pools", vec![], 0)
            .await?
            .into_iter()
            .map(|(id, pool)| (id, pool.at(now)))
            .collect();
        pools.sort_by_key(|(id, _)| *id);
        Ok(pools)
    }

    async fn position(
        &self,
        pool: PoolId,
        account: &AccountId,
    ) -> Result<Option<Position>, ChainError> {
        let arguments = vec![key(pool), Value::from_bytes(account)];
        let answer: Option<(u128, u128, Option<u32>, u128)> =
            self.view("Delegation", "position", arguments).await?;
        Ok(answer.map(|(staying, leaving, free_at, income)| Position {
            staying,
            leaving,
            free_at,
            income,
        }))
    }

    async fn image(&self, image: &ContentHash) -> Result<Option<Image>, ChainError> {
        let record: Option<records::WireImage> = self
            .get("Images", "Images", vec![Value::from_bytes(image)])
            .await?;
        Ok(record.map(Into::into))
    }

    async fn images(&self) -> Result<Vec<(ContentHash, Image)>, ChainError> {
        let images = self
            .list::<[u8; 32], records::WireImage>("Images", "Images", vec![], 0)
            .await?;
        Ok(images
            .into_iter()
            .map(|(id, image)| (H256(id), image.into()))
            .collect())
    }

    async fn profile(&self, profile: ProfileId) -> Result<Option<Profile>, ChainError> {
        let record: Option<records::WireProfile> = self
            .get("Suns", "Profiles", vec![values::profile(profile)])
            .await?;
        Ok(record.map(Into::into))
    }

    async fn price_floor(&self, profile: ProfileId) -> Result<Balance, ChainError> {
        let floor = self
            .get("Suns", "PriceFloors", vec![values::profile(profile)])
            .await?;
        Ok(floor.unwrap_or(Balance::MAX))
    }

    async fn spot(&self, profile: ProfileId) -> Result<Option<Balance>, ChainError> {
        self.view("Suns", "spot", vec![values::profile(profile)])
            .await
    }

    async fn accepts(&self, environment: &EnvironmentId) -> Result<bool, ChainError> {
        let key = vec![Value::from_bytes(environment)];
        Ok(self.get::<()>("Suns", "Environments", key).await?.is_some())
    }

    async fn environments(&self) -> Result<Vec<EnvironmentId>, ChainError> {
        let accepted = self
            .list::<[u8; 32], ()>("Suns", "Environments", vec![], 0)
            .await?;
        Ok(accepted.into_iter().map(|(id, ())| H256(id)).collect())
    }

    async fn account(&self, account: &AccountId) -> Result<Account, ChainError> {
        let record: Option<records::WireAccount> = self
            .get("System", "Account", vec![Value::from_bytes(account)])
            .await?;
        Ok(record.map(Into::into).unwrap_or_default())
    }

    async fn pending_rewards(&self, account: &AccountId) -> Result<Balance, ChainError> {
        self.view("Rewards", "pending", vec![Value::from_bytes(account)])
            .await
    }

    async fn credit(&self, worker: &AccountId) -> Result<Credit, ChainError> {
        let record: Option<records::WireCredit> = self
            .get("Rewards", "Credit", vec![Value::from_bytes(worker)])
            .await?;
        Ok(record.map(Into::into).unwrap_or_default())
    }

    async fn round(&self) -> Result<Round, ChainError> {
        let record: Option<records::WireRound> = self.get("Rewards", "Current", vec![]).await?;
        Ok(record.map(Into::into).unwrap_or_default())
    }

    async fn last_round(&self) -> Result<Option<ClosedRound>, ChainError> {
        let record: Option<records::WireClosedRound> =
            self.get("Rewards", "LastRound", vec![]).await?;
        Ok(record.map(Into::into))
    }

    async fn summons(&self, worker: &AccountId) -> Result<Option<u32>, ChainError> {
        self.view("Liveness", "summons", vec![Value::from_bytes(worker)])
            .await
    }

    async fn absentees(&self, block: u32) -> Result<Vec<AccountId>, ChainError> {
        self.view("Liveness", "absentees", vec![key(block)]).await
    }

    async fn claimable(&self, job: JobId, worker: &AccountId) -> Result<bool, ChainError> {
        self.view(
            "Market",
            "claimable",
            vec![key(job), Value::from_bytes(worker)],
        )
        .await
    }

    async fn submit(
        &self,
        key: &Keypair,
        call: Call,
        until: Until,
    ) -> Result<Included, SubmitError> {
        self.send(key, call, until).await
    }
}
