//! Fetching the outputs of others, as a witness. [X9]

use std::time::Duration;

use sp_core::H256;
use sungrid_access::Part;
use sungrid_chain_client::{BatchResult, ChainError};
use sungrid_manifest::{Bundle, File, Manifest, UnitOutput, keyed_hash, limits};
use sungrid_primitives::{ContentHash, witness};
use tokio::time::Instant;

use super::Bounds;
use crate::{
    journal::BatchId,
    ports::{BlobError, Ports, Source, Stored},
};

/// What a file takes beside its bytes, at most as long as a provider has to begin with one. Less, and outputs of many small files are out
/// of reach over long lines; more, and whoever dawdles is called slow later.
const FILE_TIME: Duration = Duration::from_millis(250);

/// Why a witness has nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum Nothing {
    /// None of those who owe the outputs serves them.
    #[error("{0}")]
    Withheld(BlobError),
    /// This worker cannot tell: its own trouble, or more than it takes. It says nothing then.
    #[error("{0}")]
    Unable(String),
    /// They are served, and too little time is left to fetch them.
    #[error("{0}")]
    TooLate(String),
}

impl From<BlobError> for Nothing {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Unreachable(_) | BlobError::Misbehaved(_) => Self::Withheld(error),
            BlobError::Full(_) | BlobError::Quota(_) | BlobError::Store(_) => {
                Self::Unable(error.to_string())
            }
        }
    }
}

impl From<ChainError> for Nothing {
    fn from(error: ChainError) -> Self {
        Self::Unable(error.to_string())
    }
}

/// Under which name outputs are kept that were fetched as a witness.
pub(super) fn kept_name((job, batch): BatchId) -> String {
    format!("witness/{job}/{batch}")
}

/// The batch of such a name.
pub fn kept_batch(name: &str) -> Option<BatchId> {
    let (job, batch) = name.strip_prefix("witness/")?.split_once('/')?;
    Some((job.parse().ok()?, batch.parse().ok()?))
}

/// Fetches the outputs of a batch from those who owe them, keeps them for its requester, and says what shows that they are
/// here.
///
/// It takes no longer than `left`, and no longer than outputs of that size and number need: whoever serves one file after the
/// other just in time withholds them as well.
pub async fn fetch_outputs(
    ports: &Ports,
    bounds: Bounds,
    id: BatchId,
    seed: H256,
    left: Duration,
) -> Result<H256, Nothing> {
    let started = Instant::now();
    let unable = |reason: &str| Nothing::Unable(reason.into());
    let result = ports.chain.result(id.0, id.1).await?;
    let result = result.ok_or_else(|| unable("the batch has no result any more"))?;
    let mut providers = Vec::new();
    for winner in &result.winners {
        if let Some(worker) = ports.chain.worker(&winner.worker).await? {
            providers.push((worker.endpoint, winner.bundle));
        }
    }
    let bundle = fetch_bundle(ports, bounds, id, &result, &providers);
    let (outputs, bundle) = tokio::time::timeout(left, bundle)
        .await
        .unwrap_or_else(|_| Err(too_slow(left)))?;
    // The most that a unit of this worker's own may leave, of everyone.
    let most = bounds.unit_output.saturating_mul(outputs.len() as u64);
    let bytes = outputs
        .iter()
        .map(UnitOutput::size)
        .fold(0, u64::saturating_add);
    if bytes > most {
        let reason = format!("the outputs have {bytes} bytes, this worker takes {most}");
        return Err(Nothing::Unable(reason));
    }
    let files: Vec<File> = outputs.iter().flat_map(UnitOutput::contents).collect();
    let files_time = FILE_TIME
        .min(bounds.fetch_time)
        .saturating_mul(files.len() as u32);
    let slack = bounds.fetch_time;
    let needed = bounds.time_for(bytes).saturating_add(files_time);
    let left = left.saturating_sub(started.elapsed());
    if needed.saturating_sub(slack) > left {
        let reason = format!("the outputs take {needed:?}, and a witness has {left:?}");
        return Err(Nothing::TooLate(reason));
    }
    let needed = needed.min(left);
    let from = Source {
        job: id.0,
        part: Part::Outputs(id.1),
        peers: providers.into_iter().map(|(peer, _)| peer).collect(),
    };
    let fetch = async {
        let (mut shown, mut held) = (seed, vec![bundle]);
        for file in files {
            let (bytes, content) = ports.blobs.fetch(file.hash, &from, file.size).await?;
            shown = witness::fetched(shown, &keyed_hash(&seed.0, &bytes));
            held.push(content);
        }
        Ok::<_, BlobError>((shown, held))
    };
    let fetched = tokio::time::timeout(needed, fetch).await;
    let (shown, held) = fetched.map_err(|_| too_slow(needed))??;
    let kept: Vec<ContentHash> = held.iter().map(Stored::hash).collect();
    ports.blobs.keep(&kept_name(id), &kept).await?;
    Ok(shown)
}

/// One of those who owe the outputs of a batch.
fn source((job, batch): BatchId, endpoint: &[u8]) -> Source {
    Source {
        job,
        part: Part::Outputs(batch),
        peers: vec![endpoint.to_vec()],
    }
}

/// The accepted bundle, from whoever serves one.
async fn fetch_bundle(
    ports: &Ports,
    bounds: Bounds,
    id: BatchId,
    result: &BatchResult,
    providers: &[(Vec<u8>, ContentHash)],
) -> Result<(Vec<UnitOutput>, Stored), Nothing> {
    let limit = limits::BUNDLE_BYTES as u64;
    let mut failure = BlobError::Unreachable("nobody owes it any more".into());
    for (from, bundle) in providers {
        let from = source(id, from);
        let fetched = bounds.in_time(limit, ports.blobs.fetch(*bundle, &from, limit));
        match fetched.await.flatten().map_err(Nothing::from) {
            Ok((bytes, stored)) => {
                let outputs = Bundle::decode(&bytes)
                    .ok()
                    .and_then(|bundle| bundle.outputs_of(&result.summary));
                if let Some(outputs) = outputs {
                    return Ok((outputs, stored));
                }
                failure = BlobError::Misbehaved("the bundle is not the accepted one".into());
            }
            Err(Nothing::Withheld(error)) => failure = error,
            Err(unable) => return Err(unable),
        }
    }
    Err(Nothing::Withheld(failure))
}

fn too_slow(time: Duration) -> Nothing {
    Nothing::Withheld(BlobError::Unreachable(format!(
        "it is not served within {time:?}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_what_a_witness_keeps_are_its_own() {
        assert_eq!(kept_batch(&kept_name((7, 12))), Some((7, 12)));
        for other in ["batch/7/12", "witness/7", "witness/x/1", "witness/7/1/2"] {
            assert_eq!(kept_batch(other), None, "{other}");
        }
        assert_eq!(super::super::parse_name(&kept_name((7, 12))), None);
    }
}
