//! Hints: what they bring, and what they cannot do.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sungrid_chain_client::Chain;
use sungrid_data_plane::{EndpointId, PeerAddress, SecretKey};
use sungrid_gossip::{Event, News, Outbox, Wire, now_ms};
use sungrid_primitives::JobId;
use tokio::sync::mpsc;

use super::{
    completed,
    faults::counter,
    kit::{Machine, REQUESTER, Running, World, settle},
};
use crate::gossip::Gossip;

/// Keeps what is sent.
struct Post {
    key: SecretKey,
    sent: Mutex<Vec<(EndpointId, Vec<u8>)>>,
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
        self.sent.lock().unwrap().push((to.id(), message.into()));
        true
    }
}

/// A process that hears of jobs from the test, and whose words are kept.
async fn start(world: &World, machine: &Machine) -> (Running, mpsc::Sender<JobId>, Arc<Post>) {
    let post = Arc::new(Post {
        key: SecretKey::from_bytes(&[1; 32]),
        sent: Mutex::default(),
    });
    let (sender, found) = mpsc::channel(8);
    let outbox = Outbox::new(post.clone(), world.chain.genesis(), Arc::default());
    tokio::spawn(outbox.clone().run());
    let gossip = Gossip::new(outbox, found);
    let process = machine
        .start_with(|supervisor, _, _| supervisor.with_gossip(gossip))
        .await;
    (process, sender, post)
}

#[tokio::test]
async fn a_requester_that_is_back_says_so_and_is_asked_at_once() {
    let world = World::new().await;
    let machine = world.machine(0);
    let (_process, hint, _) = start(&world, &machine).await;
    world.net.peer(REQUESTER, |peer| peer.away = true);
    let job = world.submit(world.spec(2, 2)).await;
    // Long enough that it is asked ever more rarely.
    for _ in 0..40 {
        settle().await;
        world.chain.advance(1);
    }
    world.net.peer(REQUESTER, |peer| peer.away = false);
    settle().await;
    let in_flight = || world.chain.edit(|state| state.jobs[&job].in_flight);
    for _ in 0..3 {
        world.chain.advance(1);
        settle().await;
    }
    assert_eq!(in_flight(), 0, "it would wait");
    hint.send(job).await.expect("it listens");
    settle().await;
    assert_eq!(in_flight(), 1, "without another block");
}

#[tokio::test]
async fn a_requester_that_only_says_that_it_is_back_is_asked_ever_more_rarely() {
    let world = World::new().await;
    let machine = world.machine(0);
    let (process, hint, _) = start(&world, &machine).await;
    world.net.peer(REQUESTER, |peer| peer.away = true);
    let job = world.submit(world.spec(2, 2)).await;
    for _ in 0..40 {
        settle().await;
        hint.send(job).await.expect("it listens");
        settle().await;
        world.chain.advance(1);
    }
    let asked = counter(&process, "jobs_declined_total");
    assert!((6..=8).contains(&asked), "{asked} times in 40 blocks");
}

#[tokio::test]
async fn hints_of_what_is_not_there_change_nothing() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let (_first, hint, _) = start(&world, &machines[0]).await;
    let _second = machines[1].start().await;
    let job = world.submit(world.spec(4, 2)).await;
    for other in 0..200 {
        let _ = hint.try_send(other * 7 + job);
        settle().await;
    }
    world
        .drive("the job ends", |state| completed(state, job))
        .await;
    // Of a job that is over nothing is claimed any more.
    let runs = machines[0].runs.lock().unwrap().len();
    for _ in 0..20 {
        hint.send(job).await.expect("it listens");
        settle().await;
        world.chain.advance(1);
    }
    assert_eq!(machines[0].runs.lock().unwrap().len(), runs);
    world.assert_blameless();
}

#[tokio::test(start_paused = true)]
async fn the_requester_and_nobody_else_is_told_how_its_batches_get_on() {
    let world = World::new().await;
    let machines = [world.machine(0), world.machine(1)];
    let (_first, _hint, post) = start(&world, &machines[0]).await;
    let _second = machines[1].start().await;
    // A requester with a real address.
    let requester = SecretKey::from_bytes(&[9; 32]).public();
    let address = PeerAddress::new(requester, [([127, 0, 0, 1], 9).into()]).expect("an address");
    let mut spec = world.spec(6, 3);
    spec.endpoint = address.to_bytes();
    let content = world.net.peer(REQUESTER, |peer| peer.content.clone());
    world
        .net
        .peer(&spec.endpoint, |peer| peer.content.extend(content));
    let job = world.submit(spec).await;
    let mut ended = false;
    for _ in 0..100 {
        settle().await;
        // Between two messages on one batch a second passes.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        ended |= world.chain.edit(|state| completed(state, job));
        if ended {
            break;
        }
        world.chain.advance(1);
    }
    assert!(ended);
    let (genesis, me) = (world.chain.genesis(), machines[0].key.public());
    let mut heard = [Vec::new(), Vec::new()];
    for (to, message) in post.sent.lock().unwrap().iter() {
        assert_eq!(*to, requester);
        let (signer, event) = Event::open(message, &genesis, now_ms()).expect("a hint");
        assert_eq!((signer, event.job), (post.key.public(), job));
        let (batch, worker) = match event.news {
            News::Units { batch, worker, .. } | News::Committed { batch, worker } => {
                (batch, worker)
            }
            News::Open => panic!("that is the requester's to say"),
        };
        assert_eq!(worker, me);
        heard[batch as usize].push(event.news);
    }
    for (batch, news) in (0..).zip(&heard) {
        let committed = News::Committed { batch, worker: me };
        assert_eq!(news.last(), Some(&committed), "{news:?}");
        let units = |news: &News| match news {
            News::Units { finished, .. } => *finished,
            _ => u32::MAX,
        };
        assert!(
            news.len() >= 2 && news.is_sorted_by(|a, b| units(a) < units(b)),
            "{news:?}"
        );
    }
}
