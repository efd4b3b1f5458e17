//! What a running worker shows of itself: the status file and the metrics page.

#[cfg(target_os = "linux")]
use std::path::Path;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use sungrid_gossip::Counters;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};
use tracing::{debug, info, warn};

use crate::{metrics::Metrics, plane::Plane, supervisor::stopped};

/// That of the processor, °C, where the system tells.
#[cfg(target_os = "linux")]
fn temperature() -> Option<i32> {
    sungrid_idle::linux::Temperature::new(Path::new("/sys")).processor()
}

#[cfg(not(target_os = "linux"))]
fn temperature() -> Option<i32> {
    None
}

/// Writes what `status` shows, at every block.
pub(super) async fn write_status(
    path: PathBuf,
    metrics: Arc<Metrics>,
    plane: Arc<Plane>,
    gossip: Option<Arc<Counters>>,
    mut stop: watch::Receiver<bool>,
) {
    let mut blocks = metrics.blocks();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            changed = blocks.changed() => if changed.is_err() { return },
        }
        metrics.temperature(temperature());
        metrics.content(plane.stats());
        if let Some(counters) = &gossip {
            metrics.gossip(counters.stats());
        }
        if let Some(relay) = plane.relay() {
            metrics.relay(&relay);
        }
        let Ok(text) = serde_json::to_vec_pretty(&metrics.status()) else {
            continue;
        };
        let temporary = path.with_extension("tmp");
        let written = match tokio::fs::write(&temporary, text).await {
            Ok(()) => tokio::fs::rename(&temporary, &path).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            debug!(%error, "the status file cannot be written");
        }
    }
}

/// Serves the counters as a plain page.
pub(super) async fn serve_metrics(address: SocketAddr, metrics: Arc<Metrics>) {
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            warn!(%error, %address, "no metrics page: choose another `metrics` address");
            return;
        }
    };
    info!(%address, "metrics page is up");
    loop {
        let Ok((mut peer, _)) = listener.accept().await else {
            continue;
        };
        let text = metrics.text();
        // One request at a time and bounded: this page is for one scraper on this machine.
        let answer = async {
            let mut request = [0; 1024];
            let _ = peer.read(&mut request).await?;
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                text.len()
            );
            peer.write_all(head.as_bytes()).await?;
            peer.write_all(text.as_bytes()).await?;
            peer.shutdown().await
        };
        let answered = tokio::time::timeout(Duration::from_secs(5), answer).await;
        if let Ok(Err(error)) = answered {
            debug!(%error, "a metrics request broke off");
        }
    }
}
