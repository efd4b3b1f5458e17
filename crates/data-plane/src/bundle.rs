//! Bundles: a list of blobs, itself a blob (a hash sequence: the hashes one after the other).
//!
//! The inputs of a job and the outputs of a batch are bundles, so one hash stands for all of them.

use std::{collections::HashSet, sync::Arc};

use iroh_blobs::{BlobFormat, Hash};
use tokio::task::JoinSet;

use crate::{
    Attempt, FetchError, Held, PeerAddress,
    fetch::{Budget, FetchOptions, Fetcher, OnProgress},
    store::Storage,
};

/// Bounds and wishes for a bundle.
#[derive(Clone)]
#[non_exhaustive]
pub struct BundleOptions {
    /// Most entries the list may have.
    pub max_entries: usize,
    /// Most bytes the list and all entries may have together; an entry named twice counts once.
    pub max_total_bytes: u64,
    /// Entries fetched at the same time. More hide latency for small entries; each takes about
    /// 1 MiB of memory.
    pub concurrency: usize,
    /// Told about every piece of every entry.
    pub on_progress: Option<OnProgress>,
}

impl BundleOptions {
    /// Accept at most `max_entries` entries and `max_total_bytes` bytes in all.
    pub fn up_to(max_entries: usize, max_total_bytes: u64) -> Self {
        Self {
            max_entries,
            max_total_bytes,
            concurrency: 8,
            on_progress: None,
        }
    }
}

/// A fetched bundle.
#[derive(Debug)]
pub struct FetchedBundle {
    /// The list and all entries, which cannot be collected while this lives.
    pub held: Held,
    /// The entries in their order.
    pub entries: Vec<Hash>,
    /// Bytes of the list and of all different entries.
    pub total_bytes: u64,
    /// Bytes of content that came over the network in this call.
    pub transferred: u64,
    /// Providers that were given up on the way.
    pub given_up: Vec<Attempt>,
}

/// Several fetched blobs.
#[derive(Debug, Default)]
pub struct FetchedAll {
    /// One per different blob, which cannot be collected while this lives.
    pub held: Vec<Held>,
    /// Bytes of content that came over the network in this call.
    pub transferred: u64,
    /// Providers that were given up on the way.
    pub given_up: Vec<Attempt>,
}

pub(crate) async fn fetch_bundle(
    fetcher: &Arc<Fetcher>,
    storage: &Storage,
    root: Hash,
    from: &[PeerAddress],
    options: &BundleOptions,
) -> Result<FetchedBundle, FetchError> {
    let budget = Arc::new(Budget::new(options.max_total_bytes));
    // Keeps the list and, as they arrive, the entries.
    let tag = storage.hold(root, BlobFormat::HashSeq).await?;
    let list_limit = (options.max_entries as u64)
        .saturating_mul(32)
        .min(options.max_total_bytes);
    let list = fetcher
        .fetch(root, from, &FetchOptions::up_to(list_limit), &budget)
        .await?;
    let entries = storage.bundle(root, options.max_entries).await?;
    let all = fetch_all(fetcher, &entries, from, options, &budget).await?;
    let mut given_up = list.given_up;
    given_up.extend(all.given_up);
    Ok(FetchedBundle {
        held: Held::new(tag, list.held.size()),
        entries,
        total_bytes: budget.total(),
        transferred: list.transferred + all.transferred,
        given_up,
    })
}

/// Fetches every different hash of `hashes`, several at a time. The first failure ends the rest;
/// what arrived stays for the next try.
pub(crate) async fn fetch_all(
    fetcher: &Arc<Fetcher>,
    hashes: &[Hash],
    from: &[PeerAddress],
    options: &BundleOptions,
    budget: &Arc<Budget>,
) -> Result<FetchedAll, FetchError> {
    let mut seen = HashSet::new();
    let mut waiting: Vec<Hash> = hashes
        .iter()
        .copied()
        .filter(|hash| seen.insert(*hash))
        .collect();
    waiting.reverse();
    let from: Arc<[PeerAddress]> = from.into();
    let each = FetchOptions {
        max_bytes: options.max_total_bytes,
        on_progress: options.on_progress.clone(),
        group: None,
    };
    let mut running = JoinSet::new();
    let mut result = FetchedAll::default();
    loop {
        while running.len() < options.concurrency.max(1)
            && let Some(hash) = waiting.pop()
        {
            let (fetcher, from, each, budget) =
                (fetcher.clone(), from.clone(), each.clone(), budget.clone());
            running.spawn(async move { fetcher.fetch(hash, &from, &each, &budget).await });
        }
        let Some(finished) = running.join_next().await else {
            return Ok(result);
        };
        match finished {
            Ok(fetched) => {
                let fetched = fetched?;
                result.held.push(fetched.held);
                result.transferred += fetched.transferred;
                result.given_up.extend(fetched.given_up);
            }
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going down.
                Err(_) => return Err(FetchError::Closed),
            },
        }
    }
}
