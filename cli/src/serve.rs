//! Serving a job's inputs to its workers.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::{NonZeroU32, NonZeroU64},
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Deserializer, Serialize};
use sungrid_access::{JobAccess, KeyOffer, Offer, Part, Scope};
use sungrid_chain_client::{Chain, JobSpec};
use sungrid_data_plane::{Config, DataPlane, Hash, Held, PeerAddress, Relay, SpawnError};
use sungrid_manifest::{Image, JobInput, Manifest};
use sungrid_primitives::ContentHash;
use sungrid_seal::JobKey;

use crate::{
    Error,
    args::ServeArgs,
    folder::{JobFolder, beside_code},
    plan::{LocalFile, Plan},
    sealed,
};

/// The data plane's name of a digest.
pub fn blob(hash: &ContentHash) -> Hash {
    Hash::from_bytes(hash.0)
}

/// Where to listen if the user says nothing: on this machine only while all nodes are here, too.
pub fn default_listen(nodes: &[&str]) -> SocketAddr {
    let is_here = |node: &&str| {
        let host = node.split("://").nth(1).unwrap_or(node);
        let host = host.split('/').next().unwrap_or(host);
        ["127.", "localhost", "[::1]"]
            .iter()
            .any(|start| host.starts_with(start))
    };
    let ip = if nodes.iter().all(is_here) {
        Ipv4Addr::LOCALHOST
    } else {
        Ipv4Addr::UNSPECIFIED
    };
    SocketAddr::new(IpAddr::V4(ip), 0)
}

/// Where a job is served, and how others get there: what its order says on chain, so it stays the same while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// Address on which inputs are served.
    pub listen: SocketAddr,
    /// Addresses others reach this one at, if they differ.
    pub external: Vec<SocketAddr>,
    /// Relays through which workers get here when they do not get here directly; records of earlier versions name one.
    #[serde(default, alias = "relay", deserialize_with = "one_or_many")]
    pub relays: Vec<String>,
    /// Certificates (PEM) that the relay's own may be signed by, besides what browsers trust.
    #[serde(default)]
    pub relay_roots: Option<PathBuf>,
    /// Most that workers may fetch, Mbit/s.
    #[serde(default)]
    pub upload_mbit: Option<NonZeroU32>,
}

fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Relays {
        One(Option<String>),
        Many(Vec<String>),
    }
    Ok(match Relays::deserialize(from)? {
        Relays::One(relay) => relay.into_iter().collect(),
        Relays::Many(relays) => relays,
    })
}

impl Serving {
    /// As the arguments say, of a job that is sent through one of `nodes`.
    pub fn of(args: &ServeArgs, nodes: &[&str]) -> Self {
        Self {
            listen: args.listen.unwrap_or_else(|| default_listen(nodes)),
            external: args.external.clone(),
            relays: args.relay.iter().map(ToString::to_string).collect(),
            relay_roots: args
                .relay_roots
                .as_ref()
                .map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone())),
            upload_mbit: args.upload_mbit,
        }
    }

    /// Bytes per second that workers may fetch.
    fn upload(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(u64::from(self.upload_mbit?.get()).saturating_mul(1_000_000 / 8))
    }

    /// The same, to come back to after a restart: with the port that the system chose.
    pub fn resumable(&self, plane: &DataPlane) -> Self {
        Self {
            listen: resumable(self.listen, plane),
            ..self.clone()
        }
    }
}

/// A job's store, and who may read what of it.
pub struct Served {
    /// The store.
    pub plane: DataPlane,
    /// Its rules.
    pub access: Arc<JobAccess>,
    /// What it offers, as long as this lives.
    pub offers: Vec<Offer>,
    /// The key of what is sealed.
    pub key: Option<JobKey>,
    /// Workers get it as long as this lives.
    pub key_offers: Vec<KeyOffer>,
}

impl Served {
    /// Offers what workers need for a job to those whom it is for.
    ///
    /// # Errors
    /// [`Error::Store`] if the store cannot be read.
    pub async fn share(
        &mut self,
        scope: &Scope,
        spec: &JobSpec,
        input: &JobInput,
    ) -> Result<(), Error> {
        let pins = self.plane.pins().await?;
        let code = pins
            .iter()
            .filter(|pin| pin.name == CODE || pin.name.starts_with(IMAGE_FILE));
        let code = code.map(|pin| ContentHash::from(*pin.hash.as_bytes()));
        let image = [spec.image].into_iter().chain(code);
        let access = &self.access;
        if let Some(key) = &self.key {
            self.key_offers.push(access.offer_key(scope, key.clone()));
        }
        self.offers.extend([
            access.offer(scope, Part::Image, image),
            access.offer(scope, Part::Shared, [spec.input]),
            access.offer_input(scope, input, spec.batch_size),
        ]);
        Ok(())
    }
}

/// Files that are stored, fetched or written out at the same time. Small ones take hardly more time together than one alone; of large
/// ones more would only take memory, a mebibyte each.
pub(crate) const AT_ONCE: usize = 32;

/// The pin of the code.
const CODE: &str = "code";
/// What the pins of an image's files begin with.
const IMAGE_FILE: &str = "image/";

/// Opens a job's store and begins to serve it, nothing of it to anybody before it is shared.
///
/// # Errors
/// [`Error::Spawn`]; for a port in use, with the advice that the job is probably being watched already.
pub async fn open(
    chain: &Arc<dyn Chain>,
    folder: &JobFolder,
    serving: &Serving,
) -> Result<Served, Error> {
    let access = Arc::new(JobAccess::new(chain.clone()));
    let mut config = Config::persistent(folder.blobs());
    config.bind = serving.listen;
    config.external_addresses = serving.external.clone();
    if serving.relays.len() > PeerAddress::MAX_RELAYS {
        let most = PeerAddress::MAX_RELAYS;
        return Err(Error::Usage(format!("--relay: name up to {most}")));
    }
    let relays = serving.relays.iter().map(|relay| relay.parse::<Relay>());
    config.relays = relays
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Usage(error.to_string()))?;
    config.relay_roots = serving.relay_roots.clone();
    config.rates.upload = serving.upload();
    config.access = access.clone();
    config.secrets = access.clone();
    let key = folder.key()?;
    let plane = DataPlane::spawn(config).await.map_err(|error| match error {
        SpawnError::Bind { bind, .. } => Error::Usage(format!(
            "{bind} is in use: is this job being watched by another `sungrid`? Workers know the job by this address, so \
             stop what uses it and try again"
        )),
        other => Error::Spawn(other),
    })?;
    Ok(Served {
        plane,
        access,
        offers: Vec::new(),
        key,
        key_offers: Vec::new(),
    })
}

fn resumable(listen: SocketAddr, plane: &DataPlane) -> SocketAddr {
    let chosen = plane
        .address()
        .direct()
        .iter()
        .find(|address| listen.ip().is_unspecified() || address.ip() == listen.ip())
        .map(SocketAddr::port);
    SocketAddr::new(listen.ip(), chosen.unwrap_or(listen.port()))
}

/// Puts everything that workers need into the store and keeps it there, sealed if there is a key; returns the input and its address.
///
/// # Errors
/// [`Error::Store`] if it does not fit or cannot be read; [`Error::Manifest`].
pub async fn offer(
    plane: &DataPlane,
    image: &Image,
    code: &Path,
    plan: &Plan,
    key: Option<&JobKey>,
    folder: &JobFolder,
) -> Result<(JobInput, ContentHash), Error> {
    let manifest = plane.put_bytes(image.encode()?.bytes).await?;
    plane.pin("image", manifest.hash()).await?;
    let code_held = plane.put_file(code).await?;
    if code_held.hash() != blob(&image.code) {
        return Err(Error::malformed(
            code,
            "the code differs from its manifest: publish it again",
        ));
    }
    plane.pin(CODE, code_held.hash()).await?;
    for (at, file) in image.files.iter().enumerate() {
        let held = plane.put_file(beside_code(code, &file.hash)).await?;
        if held.hash() != blob(&file.hash) {
            return Err(Error::malformed(
                beside_code(code, &file.hash),
                "differs from the image's manifest: publish the image again",
            ));
        }
        plane.pin(&format!("{IMAGE_FILE}{at}"), held.hash()).await?;
    }
    let put = |file: &LocalFile| {
        let (plane, file) = (plane.clone(), file.clone());
        async move {
            let (held, size) = match key {
                Some(key) => sealed::put(&plane, folder.path(), key, &file.path).await?,
                None => {
                    let held = plane.put_file(&file.path).await?;
                    let size = held.size();
                    (held, size)
                }
            };
            if size != file.size {
                return Err(Error::malformed(
                    &file.path,
                    "changed while it was read: try again",
                ));
            }
            Ok((held, file.path))
        }
    };
    let files = plan.files();
    let stored = futures::stream::iter(files.into_iter().map(put)).buffer_unordered(AT_ONCE);
    let stored: Vec<(Held, PathBuf)> = stored.try_collect().await?;
    let mut addresses: HashMap<&Path, (Hash, u64)> = HashMap::with_capacity(stored.len());
    addresses.extend(
        stored
            .iter()
            .map(|(held, path)| (&**path, (held.hash(), held.size()))),
    );
    let input = plan.input(|file| {
        let stored = addresses.get(&*file.path);
        stored.map_or_else(Default::default, |(hash, size)| {
            (ContentHash::from(*hash.as_bytes()), *size)
        })
    });
    // One name for all of them: each costs a look at the disk.
    let list = plane
        .put_bundle(addresses.values().map(|(hash, _)| *hash))
        .await?;
    plane.pin_bundle("input", list.hash()).await?;
    drop(stored);
    image.admits(&input)?;
    let (bytes, address) = sealed::stored(key, input.encode()?.bytes);
    let held = plane.put_bytes(bytes).await?;
    plane.pin("job-input", held.hash()).await?;
    plane.sync().await?;
    Ok((input, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_local_node_means_a_local_job() {
        for (node, local) in [
            ("ws://127.0.0.1:9944", true),
            ("ws://localhost:9944", true),
            ("ws://[::1]:9944", true),
            ("wss://node.example.org/127.0.0.1", false),
            ("ws://10.0.0.1:9944", false),
        ] {
            assert_eq!(default_listen(&[node]).ip().is_loopback(), local, "{node}");
            // One that is elsewhere may be the one that the job goes through.
            let both = ["ws://127.0.0.1:9944", node];
            assert_eq!(default_listen(&both).ip().is_loopback(), local, "{node}");
        }
    }

    #[test]
    fn what_was_recorded_before_there_were_relays_is_read() {
        let text = r#"{"listen":"127.0.0.1:4433","external":["192.0.2.1:4433"]}"#;
        let before: Serving = serde_json::from_str(text).expect("a record");
        assert_eq!((before.relays.len(), before.upload()), (0, None));
        for (relay, expected) in [
            ("null", vec![]),
            ("\"https://r.org\"", vec!["https://r.org"]),
        ] {
            let text = text.replacen('{', &format!("{{\"relay\":{relay},"), 1);
            let one: Serving = serde_json::from_str(&text).expect("a record");
            assert_eq!(one.relays, expected);
        }
        let now = Serving {
            relays: vec!["https://relay.example.org".into(), "https://r.org".into()],
            relay_roots: Some("/etc/relay.pem".into()),
            upload_mbit: NonZeroU32::new(8),
            ..before
        };
        assert_eq!(now.upload(), NonZeroU64::new(1_000_000), "bytes");
        let text = serde_json::to_string(&now).expect("JSON");
        assert_eq!(serde_json::from_str::<Serving>(&text).expect("read"), now);
    }
}
