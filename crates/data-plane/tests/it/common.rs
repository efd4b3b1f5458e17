//! Nodes on loopback.

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use sungrid_data_plane::{Config, DataPlane, SpawnError};

/// `size` bytes that do not repeat and differ by `seed`.
pub(crate) fn bytes(size: usize, seed: u8) -> Bytes {
    let mut state = u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(size + 8);
    while out.len() < size {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(size);
    out.into()
}

pub(crate) async fn memory() -> DataPlane {
    DataPlane::spawn(Config::memory()).await.expect("up")
}

/// Does not reserve disk space, so that tests run on a nearly full disk.
pub(crate) fn persistent_config(dir: impl Into<PathBuf>) -> Config {
    let mut config = Config::persistent(dir);
    config.min_free_disk_bytes = 0;
    config
}

pub(crate) async fn persistent(dir: impl Into<PathBuf>) -> DataPlane {
    DataPlane::spawn(persistent_config(dir)).await.expect("up")
}

/// How long [`impatient`] waits. Long enough for an honest peer on a machine that is busy with other
/// tests, and stands still now and then.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// Gives up soon on peers that fall silent, and on nobody who is slow. Who is there is dialled with the usual patience.
pub(crate) async fn impatient() -> DataPlane {
    let mut config = Config::memory();
    config.stall_timeout = PATIENCE;
    config.slow_after = Duration::from_secs(1 << 30);
    DataPlane::spawn(config).await.expect("up")
}

/// Binds where a node was that has just been dropped; its socket is closed a moment later.
pub(crate) async fn spawn_in_place(config: &Config) -> DataPlane {
    loop {
        match DataPlane::spawn(config.clone()).await {
            Err(SpawnError::Bind { .. }) => tokio::task::yield_now().await,
            other => return other.expect("up"),
        }
    }
}

pub(crate) async fn shutdown(nodes: impl IntoIterator<Item = DataPlane>) {
    for node in nodes {
        node.shutdown().await;
    }
}
