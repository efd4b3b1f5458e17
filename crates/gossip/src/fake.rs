//! A post office and a chain for tests.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use sungrid_chain_client::ChainError;
use sungrid_data_plane::{EndpointId, PeerAddress, SecretKey};
use sungrid_primitives::{ContentHash, JobId};

use crate::{Event, News, Seen, Truth, Wire, event::now_ms};

pub(crate) fn key(n: u32) -> SecretKey {
    let mut seed = [3; 32];
    seed[..4].copy_from_slice(&n.to_le_bytes());
    SecretKey::from_bytes(&seed)
}

pub(crate) fn address(n: u32) -> PeerAddress {
    let at = ([127, 0, 0, 1], 1_000 + n as u16).into();
    PeerAddress::new(key(n).public(), [at]).expect("an address")
}

/// The wire of one machine; what it sends is kept.
pub(crate) struct Post {
    key: SecretKey,
    is_cut: AtomicBool,
    sent: Mutex<Vec<(EndpointId, Vec<u8>)>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Post {
    pub(crate) fn new(n: u32) -> Self {
        Self {
            key: key(n),
            is_cut: AtomicBool::new(false),
            sent: Mutex::default(),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        }
    }

    pub(crate) fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::SeqCst);
    }

    /// What was taken since this was last asked.
    pub(crate) fn sent(&self) -> Vec<(EndpointId, Vec<u8>)> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }

    pub(crate) fn news(&self) -> Vec<News> {
        let read = |bytes: &[u8]| Event::open(bytes, &ContentHash::zero(), now_ms());
        let sent = self.sent();
        let news = sent.iter().map(|(_, bytes)| read(bytes).expect("ours"));
        news.map(|(signer, event)| {
            assert_eq!(signer, self.key.public());
            event.news
        })
        .collect()
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Wire for Post {
    fn id(&self) -> EndpointId {
        self.key.public()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    async fn send(&self, to: &PeerAddress, message: &[u8]) -> bool {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let is_cut = self.is_cut.load(Ordering::SeqCst);
        if is_cut {
            tokio::time::sleep(Duration::from_secs(1)).await;
        } else {
            self.sent.lock().unwrap().push((to.id(), message.into()));
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
        !is_cut
    }
}

/// A chain that counts how often it is asked.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) next: Mutex<JobId>,
    pub(crate) jobs: Mutex<HashMap<JobId, Seen>>,
    pub(crate) workers: Mutex<BTreeMap<EndpointId, PeerAddress>>,
    pub(crate) asked: AtomicUsize,
    pub(crate) listed: AtomicUsize,
}

impl Ledger {
    /// Puts a job on chain, whose requester is machine `n`.
    pub(crate) fn open(&self, job: JobId, n: u32) {
        self.jobs.lock().unwrap().insert(
            job,
            Seen::Open {
                requester: key(n).public(),
            },
        );
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Truth for Ledger {
    async fn job(&self, job: JobId) -> Result<Seen, ChainError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let seen = self.jobs.lock().unwrap().get(&job).cloned();
        Ok(seen.unwrap_or(match job < *self.next.lock().unwrap() {
            true => Seen::Over { requester: None },
            false => Seen::NotYet,
        }))
    }

    async fn workers(&self) -> Result<Vec<PeerAddress>, ChainError> {
        self.listed.fetch_add(1, Ordering::SeqCst);
        Ok(self.workers.lock().unwrap().values().cloned().collect())
    }
}
