//! What a job needs that is here already, from a former run or another job.

use bytes::Bytes;
use sungrid_chain_client::JobSpec;
use sungrid_manifest::{Image, JobInput, Manifest, limits};
use sungrid_primitives::ContentHash;

use crate::ports::Blobs;

/// Bytes of an input manifest that is read for this. Larger ones take the daemon longer to read than they are worth.
const MOST_BYTES: u64 = 1 << 20;
/// Files of a job that are looked for in the store; what is beyond them counts as missing.
const MOST_FILES: usize = 256;

/// What a batch of a job needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Whether the image's manifest, code and files are here.
    pub image: bool,
    /// Bytes of its inputs: of what all units share, and of a batch's own on average.
    pub bytes: u64,
    /// How many of them are not here.
    pub missing: u64,
}

/// What a batch of a job needs; `None` while its input manifest is not here, or cannot be read without the job's key.
pub async fn needs(blobs: &dyn Blobs, spec: &JobSpec) -> Option<Needs> {
    let input = JobInput::decode(&read(blobs, spec.input, MOST_BYTES).await?).ok()?;
    let mut left = MOST_FILES;
    let (mut bytes, mut missing) = (0u64, 0u64);
    for file in &input.shared {
        bytes = bytes.saturating_add(file.size);
        missing = missing.saturating_add(absent(blobs, file.hash, file.size, &mut left).await);
    }
    let (mut own, mut own_missing) = (0u64, 0u64);
    for file in input.units.iter().flat_map(|unit| &unit.files) {
        own = own.saturating_add(file.size);
        own_missing =
            own_missing.saturating_add(absent(blobs, file.hash, file.size, &mut left).await);
    }
    // Units that are alike have the same files; else which of them a batch has is drawn later.
    let of_batch = |all: u64| match input.units.len() {
        1 => all,
        units => {
            let batch = u128::from(all) * u128::from(spec.batch_size) / units.max(1) as u128;
            u64::try_from(batch).unwrap_or(u64::MAX).min(all)
        }
    };
    Some(Needs {
        image: has_image(blobs, spec.image).await,
        bytes: bytes.saturating_add(of_batch(own)),
        missing: missing.saturating_add(of_batch(own_missing)),
    })
}

async fn has_image(blobs: &dyn Blobs, image: ContentHash) -> bool {
    let Some(bytes) = read(blobs, image, limits::IMAGE_BYTES as u64).await else {
        return false;
    };
    let Ok(image) = Image::decode(&bytes) else {
        return false;
    };
    let mut left = MOST_FILES;
    let files = image.files.iter().map(|file| file.hash);
    for hash in [image.code].into_iter().chain(files) {
        if absent(blobs, hash, 1, &mut left).await > 0 {
            return false;
        }
    }
    true
}

/// Small content, if it is here.
async fn read(blobs: &dyn Blobs, hash: ContentHash, max: u64) -> Option<Bytes> {
    let held = blobs.hold(hash).await.ok()??;
    blobs.read(&held, max).await.ok()
}

/// The bytes of a file, if it is not here.
async fn absent(blobs: &dyn Blobs, hash: ContentHash, size: u64, left: &mut usize) -> u64 {
    if *left == 0 {
        return size;
    }
    *left -= 1;
    match blobs.hold(hash).await {
        Ok(Some(_)) => 0,
        Ok(None) | Err(_) => size,
    }
}
