//! Content that the operator keeps whatever else comes and goes: pinned by command, in the store, over restarts.
//!
//! A pin keeps what is in the store already; of an application, its code and files as well. All pins together take at most a part of
//! the store, so that jobs go on. They change nothing about who may read what.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use sungrid_data_plane::{DataPlane, EndpointId, Hash, Pin, SpawnError, StoreError};
use sungrid_manifest::{Image, Manifest, cid_text, limits};
use sungrid_primitives::{ContentHash, content::ContentKind};

/// What the names of the operator's pins begin with; the content follows in hexadecimal.
const PREFIX: &str = "operator/";
/// Pins take at most one in so many bytes of the store. One, and nothing is left for jobs.
pub const PINNED_PART: u64 = 2;
/// Parts of an application: manifest, code, files.
const MAX_PARTS: usize = 2 + limits::SHARED_FILES;
/// Pins at most: each is looked at whenever one is added.
const MAX_PINS: usize = 1_024;

/// What somebody asks of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Keep this content, each as it is.
    Pin(Vec<ContentHash>),
    /// Let it go.
    Unpin(Vec<ContentHash>),
    /// Change nothing.
    List,
}

/// One pin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// Its CID.
    pub cid: String,
    /// Whether it is an application: then its code and files are kept, too.
    pub application: bool,
    /// Bytes of all that it keeps. What several keep is counted for each.
    pub bytes: u64,
}

/// All pins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pins {
    /// One by one.
    pub pins: Vec<Pinned>,
    /// Bytes that they keep; what several keep is counted once.
    pub pinned_bytes: u64,
    /// Bytes that they may keep.
    pub most_bytes: u64,
    /// Bytes in the store, pinned or not.
    pub stored_bytes: u64,
}

/// Why a request was not met. What came before it in the same request holds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// It is not in the store.
    #[error("{0} is not in the store: a job that uses it brings it; pin it then")]
    NotHere(String),
    /// An application of which a part is not in the store.
    #[error(
        "of application {cid} only {here} of {all} parts are in the store: a job that runs it brings them; pin it then"
    )]
    Incomplete {
        /// The application.
        cid: String,
        /// Parts that are here.
        here: usize,
        /// Parts that there are.
        all: usize,
    },
    /// Too much is pinned.
    #[error(
        "{cid} would have pins keep {needed} bytes, and they may keep {most}, half of the store: unpin something, or raise `storage_mib`"
    )]
    Share {
        /// What was to be pinned.
        cid: String,
        /// Bytes that all pins would keep.
        needed: u64,
        /// Bytes that they may.
        most: u64,
    },
    /// Too many pins.
    #[error("there are {MAX_PINS} pins already: unpin something")]
    TooMany,
    /// There is no such pin.
    #[error("{0} is not pinned: `sungrid-worker pins` lists what is")]
    NotPinned(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] SpawnError),
}

fn to_hash(content: &ContentHash) -> Hash {
    Hash::from_bytes(content.0)
}

fn raw(content: &ContentHash) -> String {
    cid_text(ContentKind::Raw, content)
}

fn name(content: &ContentHash) -> String {
    format!("{PREFIX}{}", hex::encode(content))
}

fn content_of(pin: &Pin) -> Option<ContentHash> {
    let mut content = [0; 32];
    hex::decode_to_slice(pin.name.strip_prefix(PREFIX)?, &mut content).ok()?;
    Some(ContentHash::from(content))
}

/// Meets a request in a store whose pins may keep so many bytes.
///
/// # Errors
/// [`PinError`].
pub async fn execute(node: &DataPlane, most: u64, request: &Request) -> Result<Pins, PinError> {
    match request {
        Request::Pin(contents) => {
            for content in contents {
                pin(node, most, content).await?;
            }
            node.sync().await?;
        }
        Request::Unpin(contents) => {
            for content in contents {
                if !node.unpin(&name(content)).await? {
                    return Err(PinError::NotPinned(raw(content)));
                }
            }
        }
        Request::List => {}
    }
    Ok(list(node, most).await?.0)
}

/// The same for a store that nobody has open, of so many bytes.
///
/// # Errors
/// [`PinError`].
pub async fn execute_alone(blobs: &Path, store: u64, request: &Request) -> Result<Pins, PinError> {
    let mut config = sungrid_data_plane::Config::persistent(blobs);
    config.max_store_bytes = store;
    // It is open for this alone.
    config.access = Arc::new(|_: &EndpointId, _: &Hash| false);
    let node = DataPlane::spawn(config).await?;
    let outcome = execute(&node, store / PINNED_PART, request).await;
    node.shutdown().await;
    outcome
}

async fn pin(node: &DataPlane, most: u64, content: &ContentHash) -> Result<(), PinError> {
    // Held while it is looked at, so that no collection comes in between.
    let held = node.hold(to_hash(content)).await?;
    let held = held.ok_or_else(|| PinError::NotHere(raw(content)))?;
    let image = image_of(node, held.hash(), held.size()).await?;
    let mut parts = vec![held];
    if let Some(image) = &image {
        let named = [image.code].into_iter();
        let named = named.chain(image.files.iter().map(|file| file.hash));
        let mut all = 1;
        for part in named {
            all += 1;
            parts.extend(node.hold(to_hash(&part)).await?);
        }
        if parts.len() < all {
            return Err(PinError::Incomplete {
                cid: cid_text(ContentKind::DagCbor, content),
                here: parts.len(),
                all,
            });
        }
    }
    let (pins, mut sizes) = list(node, most).await?;
    sizes.extend(parts.iter().map(|part| (part.hash(), part.size())));
    let needed = total(&sizes);
    let cid = || match image {
        Some(_) => cid_text(ContentKind::DagCbor, content),
        None => raw(content),
    };
    if needed > most {
        let cid = cid();
        return Err(PinError::Share { cid, needed, most });
    }
    if pins.pins.len() >= MAX_PINS && pins.pins.iter().all(|pin| pin.cid != cid()) {
        return Err(PinError::TooMany);
    }
    let mut seen = HashSet::new();
    let entries = parts.iter().map(|part| part.hash());
    let entries: Vec<Hash> = entries.filter(|hash| seen.insert(*hash)).collect();
    let bundle = node.put_bundle(entries).await?;
    node.pin_bundle(&name(content), bundle.hash()).await?;
    Ok(())
}

/// The application that some content is the manifest of.
async fn image_of(node: &DataPlane, hash: Hash, size: u64) -> Result<Option<Image>, PinError> {
    if size > limits::IMAGE_BYTES as u64 {
        return Ok(None);
    }
    let bytes = node.get_bytes(hash, size).await?;
    Ok(Image::decode(&bytes).ok())
}

/// All pins, and the sizes of what they keep.
async fn list(node: &DataPlane, most: u64) -> Result<(Pins, BTreeMap<Hash, u64>), PinError> {
    let (mut pins, mut sizes) = (Vec::new(), BTreeMap::new());
    for pin in node.pins().await? {
        let Some(content) = content_of(&pin) else {
            continue;
        };
        let mut bytes = 0u64;
        let entries = node.bundle(pin.hash, MAX_PARTS).await?;
        for hash in &entries {
            // What was damaged takes no room.
            let size = node.size(*hash).await?.unwrap_or(0);
            bytes = bytes.saturating_add(size);
            sizes.insert(*hash, size);
        }
        // Code is part of an application, however small.
        let application = entries.len() > 1;
        let kind = match application {
            true => ContentKind::DagCbor,
            false => ContentKind::Raw,
        };
        pins.push(Pinned {
            cid: cid_text(kind, &content),
            application,
            bytes,
        });
    }
    let pins = Pins {
        pins,
        pinned_bytes: total(&sizes),
        most_bytes: most,
        stored_bytes: node.stats().stored_bytes,
    };
    Ok((pins, sizes))
}

fn total(sizes: &BTreeMap<Hash, u64>) -> u64 {
    sizes
        .values()
        .fold(0, |sum, size| sum.saturating_add(*size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sungrid_data_plane::Config;
    use sungrid_manifest::{File, ImageKind, ProfileName, hash};

    async fn store(folder: &Path) -> DataPlane {
        let mut config = Config::persistent(folder);
        config.min_free_disk_bytes = 0;
        DataPlane::spawn(config).await.expect("up")
    }

    async fn put(node: &DataPlane, bytes: Vec<u8>) -> ContentHash {
        let held = node.put_bytes(bytes).await.expect("stored");
        ContentHash::from(*held.hash().as_bytes())
    }

    async fn has(node: &DataPlane, content: &ContentHash) -> bool {
        node.has(to_hash(content)).await.expect("known")
    }

    #[tokio::test]
    async fn what_is_pinned_stays_over_collections_and_restarts_until_it_is_unpinned() {
        let folder = tempfile::tempdir().expect("a folder");
        let node = store(folder.path()).await;
        let (kept, other) = (
            put(&node, vec![1; 40_000]).await,
            put(&node, vec![2; 30_000]).await,
        );
        let pins = execute(&node, 1 << 20, &Request::Pin(vec![kept])).await;
        let pins = pins.expect("pins");
        let expected = Pinned {
            cid: raw(&kept),
            application: false,
            bytes: 40_000,
        };
        assert_eq!(
            (&pins.pins[..], pins.pinned_bytes),
            (&[expected][..], 40_000)
        );
        node.shutdown().await;
        drop(node);
        let node = store(folder.path()).await;
        node.collect_garbage().await.expect("collects");
        assert!(has(&node, &kept).await && !has(&node, &other).await);
        let again = execute(&node, 1 << 20, &Request::Pin(vec![kept])).await;
        assert_eq!(again.expect("twice is no error").pins.len(), 1);
        // Pins that are not the operator's are none of its business.
        node.pin("batch/1/2", to_hash(&kept)).await.expect("pins");
        let unpin = Request::Unpin(vec![kept]);
        let left = execute(&node, 1 << 20, &unpin).await.expect("unpins");
        assert_eq!((left.pins.len(), left.pinned_bytes), (0, 0));
        let error = execute(&node, 1 << 20, &unpin).await.expect_err("gone");
        assert!(matches!(error, PinError::NotPinned(_)));
        assert!(node.unpin("batch/1/2").await.expect("it was left alone"));
        node.collect_garbage().await.expect("collects");
        assert!(!has(&node, &kept).await);
        node.shutdown().await;
    }

    #[tokio::test]
    async fn an_application_is_pinned_whole_or_not_at_all() {
        let node = DataPlane::spawn(Config::memory()).await.expect("up");
        let (code, file) = (vec![3; 10_000], vec![4; 5_000]);
        let image = Image {
            version: 1,
            kind: ImageKind::WasiCommand,
            name: "blur".into(),
            code: hash(&code),
            args: vec!["blur".into()],
            profile: ProfileName::Cpu1,
            limits: sungrid_manifest::Limits {
                fuel: 1,
                memory: 1 << 20,
                output: 1,
            },
            class: 0,
            licence: "MIT".into(),
            files: vec![File::new("data", hash(&file), 5_000)],
        };
        let manifest = image.encode().expect("valid");
        let size = manifest.bytes.len() as u64;
        let request = Request::Pin(vec![manifest.hash]);
        let pin = async || execute(&node, 1 << 20, &request).await;
        assert!(matches!(pin().await, Err(PinError::NotHere(_))));
        put(&node, manifest.bytes).await;
        put(&node, code).await;
        let error = pin().await.expect_err("a file is missing").to_string();
        assert!(error.contains("2 of 3 parts"), "{error}");
        put(&node, file).await;
        let pins = pin().await.expect("all is here");
        assert!(pins.pins[0].application);
        assert_eq!(
            pins.pins[0].cid,
            cid_text(ContentKind::DagCbor, &manifest.hash)
        );
        assert_eq!(pins.pinned_bytes, size + 15_000);
        // Its code alone is kept by both, and counted once.
        let both = execute(&node, 1 << 20, &Request::Pin(vec![image.code])).await;
        assert_eq!(both.expect("pins").pinned_bytes, size + 15_000);
        node.collect_garbage().await.expect("collects");
        for part in [manifest.hash, image.code, image.files[0].hash] {
            assert!(has(&node, &part).await);
        }
        node.shutdown().await;
    }

    #[tokio::test]
    async fn pins_keep_to_their_share_to_the_byte() {
        let node = DataPlane::spawn(Config::memory()).await.expect("up");
        let (one, two) = (
            put(&node, vec![1; 600]).await,
            put(&node, vec![2; 400]).await,
        );
        let pin = async |content, most| execute(&node, most, &Request::Pin(vec![content])).await;
        pin(one, 1_000).await.expect("pins");
        let error = pin(two, 999).await.expect_err("one byte too much");
        assert!(
            matches!(
                error,
                PinError::Share {
                    needed: 1_000,
                    most: 999,
                    ..
                }
            ),
            "{error}"
        );
        assert!(error.to_string().contains("storage_mib"), "{error}");
        let pins = execute(&node, 999, &Request::List).await.expect("lists");
        assert_eq!(pins.pins.len(), 1);
        assert_eq!(pin(two, 1_000).await.expect("fits").pinned_bytes, 1_000);
        node.shutdown().await;
    }

    #[tokio::test]
    async fn a_store_that_nobody_has_open_is_opened_for_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let node = store(folder.path()).await;
        let content = put(&node, vec![1; 1_000]).await;
        node.sync().await.expect("synced");
        node.shutdown().await;
        drop(node);
        let ask = async |request| execute_alone(folder.path(), 4_000, &request).await;
        let pins = ask(Request::Pin(vec![content])).await.expect("pins");
        assert_eq!((pins.pinned_bytes, pins.most_bytes), (1_000, 2_000));
        assert_eq!(ask(Request::List).await.expect("lists").pins, pins.pins);
        assert!(
            ask(Request::Unpin(vec![content]))
                .await
                .expect("unpins")
                .pins
                .is_empty()
        );
    }
}
