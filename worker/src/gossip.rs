//! Hints from and to the other parties of jobs. Nothing here decides anything: what is heard makes the supervisor look at
//! the chain, what is told is of use to requesters alone.

use std::sync::Arc;

use sungrid_chain_client::Chain;
use sungrid_data_plane::DataPlane;
use sungrid_gossip::{Counters, Limits, Listener, Outbox};
use sungrid_primitives::JobId;
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::debug;

/// Jobs that wait for the supervisor to look at them. It misses what there is no room for, and sees it at the next block.
const FOUND: usize = 16;

/// What the supervisor has of it.
pub struct Gossip {
    pub(crate) outbox: Outbox,
    found: mpsc::Receiver<JobId>,
}

impl Gossip {
    /// What is told goes into `outbox`; jobs that somebody announced, and that are on chain, come from `found`.
    pub fn new(outbox: Outbox, found: mpsc::Receiver<JobId>) -> Self {
        Self { outbox, found }
    }
}

/// The next job that is worth a look; never, where nobody listens.
pub(crate) async fn found(gossip: &mut Option<Gossip>) -> JobId {
    if let Some(gossip) = gossip
        && let Some(job) = gossip.found.recv().await
    {
        return job;
    }
    std::future::pending().await
}

/// The tasks that listen and tell.
pub(crate) struct Running {
    /// What came of it.
    pub(crate) counters: Arc<Counters>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Listens on a node, and tells by it.
pub(crate) fn start(node: &DataPlane, chain: Arc<dyn Chain>) -> Option<(Gossip, Running)> {
    let Some(heard) = node.notifications() else {
        debug!("somebody else listens");
        return None;
    };
    let (sender, found) = mpsc::channel(FOUND);
    let (genesis, counters) = (chain.genesis(), Arc::<Counters>::default());
    let wire = Arc::new(node.clone());
    let outbox = Outbox::new(wire.clone(), genesis, counters.clone());
    let listener = Listener::new(
        Arc::new(chain),
        wire,
        genesis,
        Limits::default(),
        sender,
        counters.clone(),
    );
    let tasks = [
        tokio::spawn(listener.run(heard)),
        tokio::spawn(outbox.clone().run()),
    ];
    Some((Gossip::new(outbox, found), Running { counters, tasks }))
}
