//! Announcements among honest workers and hostile peers.

use std::sync::atomic::Ordering;

use super::*;
use crate::fake::{Ledger, Post, address, key};

const CHAIN: ContentHash = ContentHash::zero();
/// The requester of the tests.
const REQUESTER: u32 = 900;

struct Machine {
    listener: Listener,
    post: Arc<Post>,
    found: mpsc::Receiver<JobId>,
    counters: Arc<Counters>,
}

impl Machine {
    fn new(n: u32, ledger: &Arc<Ledger>) -> Self {
        let post = Arc::new(Post::new(n));
        let (sender, found) = mpsc::channel(64);
        let counters = Arc::<Counters>::default();
        let listener = Listener::new(
            ledger.clone(),
            post.clone(),
            CHAIN,
            Limits::default(),
            sender,
            counters.clone(),
        );
        Self {
            listener,
            post,
            found,
            counters,
        }
    }

    async fn hear(&mut self, from: u32, message: &[u8]) {
        self.listener.hear(key(from).public(), message).await;
        // What it sends is sent by tasks.
        tokio::task::yield_now().await;
    }

    /// What the supervisor would be told.
    fn found(&mut self) -> Vec<JobId> {
        std::iter::from_fn(|| self.found.try_recv().ok()).collect()
    }
}

/// What machine `n` says of a job at some time.
fn open_at(n: u32, job: JobId, genesis: ContentHash, at: u64) -> Vec<u8> {
    let event = Event {
        genesis,
        job,
        at,
        news: News::Open,
    };
    event.seal(&key(n).public(), |said| key(n).sign(said).to_bytes())
}

fn open(n: u32, job: JobId) -> Vec<u8> {
    open_at(n, job, CHAIN, now_ms())
}

fn ledger(workers: u32) -> Arc<Ledger> {
    let ledger = Ledger::default();
    let all = (0..workers).map(|n| (address(n).id(), address(n)));
    ledger.workers.lock().unwrap().extend(all);
    *ledger.next.lock().unwrap() = 1_000;
    Arc::new(ledger)
}

#[tokio::test(start_paused = true)]
async fn what_the_chain_confirms_is_found_and_told_on_once() {
    let ledger = ledger(20);
    ledger.open(7, REQUESTER);
    let mut machine = Machine::new(0, &ledger);
    let message = open(REQUESTER, 7);
    machine.hear(REQUESTER, &message).await;
    assert_eq!(machine.found(), [7]);
    let sent = machine.post.sent();
    assert_eq!(sent.len(), FANOUT);
    assert!(
        sent.iter()
            .all(|(to, bytes)| *bytes == message && *to != key(0).public())
    );
    // The same again, from whomever: known, no look, not told on.
    for from in [REQUESTER, 1, 2, 3] {
        machine.hear(from, &message).await;
    }
    assert_eq!((machine.found(), machine.post.sent().len()), (vec![], 0));
    assert_eq!(ledger.asked(), 1);
    assert_eq!(machine.counters.stats().repeated, 4);
}

#[tokio::test(start_paused = true)]
async fn a_hint_ahead_of_its_block_waits_for_it() {
    let ledger = ledger(5);
    let mut machine = Machine::new(0, &ledger);
    machine.hear(REQUESTER, &open(REQUESTER, 1_000)).await;
    assert!(
        machine.found().is_empty(),
        "it is not on chain: nothing changes"
    );
    assert_eq!(machine.post.sent().len(), 0, "and nobody is told");
    ledger.open(1_000, REQUESTER);
    tokio::time::sleep(PAUSE).await;
    machine.listener.look_again().await;
    assert_eq!(machine.found(), [1_000]);
    assert_eq!(machine.counters.stats().wrong, 0);
    // One that never comes is false in the end.
    machine.hear(REQUESTER, &open(REQUESTER, 5_000)).await;
    for _ in 0..TRIES {
        tokio::time::sleep(PAUSE).await;
        machine.listener.look_again().await;
    }
    assert_eq!(
        (machine.found(), machine.counters.stats().wrong),
        (vec![], 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_liar_is_told_on_by_nobody_and_muted() {
    let ledger = ledger(20);
    ledger.open(7, REQUESTER);
    let mut machine = Machine::new(0, &ledger);
    // Jobs that are not its own, that are over, that never were.
    for job in [7, 8, 9, 10, 11, 12, 13] {
        machine.hear(666, &open(666, job)).await;
    }
    let stats = machine.counters.stats();
    assert_eq!((stats.wrong, stats.mutings), (4, 1));
    assert_eq!((stats.muted, ledger.asked()), (3, 4));
    assert_eq!((machine.found(), machine.post.sent().len()), (vec![], 0));
    // It cannot have the honest one taken for a liar, nor keep its word from being heard.
    machine.hear(1, &open(REQUESTER, 7)).await;
    assert_eq!(machine.found(), [7]);
}

#[tokio::test(start_paused = true)]
async fn forged_oversized_and_foreign_messages_cost_no_look() {
    let ledger = ledger(20);
    ledger.open(7, REQUESTER);
    let mut machine = Machine::new(0, &ledger);
    let good = open(REQUESTER, 7);
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    machine.hear(1, &forged).await;
    machine.hear(2, &vec![2; 4_096]).await;
    machine.hear(3, &good[..100]).await;
    // Replayed from another chain, from another time, or for another job.
    let other = ContentHash::repeat_byte(9);
    machine
        .hear(4, &open_at(REQUESTER, 7, other, now_ms()))
        .await;
    machine
        .hear(4, &open_at(REQUESTER, 7, CHAIN, now_ms() - 11 * 60_000))
        .await;
    machine
        .hear(4, &open_at(REQUESTER, 7, CHAIN, now_ms() + 11 * 60_000))
        .await;
    let mut moved = good.clone();
    moved[65] ^= 1;
    machine.hear(5, &moved).await;
    // What is for requesters, and the notice of a finished batch.
    let news = News::Committed {
        batch: 0,
        worker: [1; 32],
    };
    let event = Event {
        genesis: CHAIN,
        job: 7,
        at: now_ms(),
        news,
    };
    machine
        .hear(
            6,
            &event.seal(&key(6).public(), |said| key(6).sign(said).to_bytes()),
        )
        .await;
    machine.hear(6, &[1; 105]).await;
    assert_eq!(ledger.asked(), 0);
    assert_eq!(machine.counters.stats().refused, 9);
    assert_eq!(
        machine.counters.stats().wrong,
        4,
        "the forged and the malformed"
    );
    assert_eq!((machine.found(), machine.post.sent().len()), (vec![], 0));
    machine.hear(7, &good).await;
    assert_eq!(machine.found(), [7]);
}

/// Liars without end, each with a name of his own and something new to say every time.
#[tokio::test(start_paused = true)]
async fn a_crowd_of_liars_costs_a_bounded_number_of_looks_and_bounded_memory() {
    let ledger = ledger(20);
    ledger.open(7, REQUESTER);
    let mut machine = Machine::new(0, &ledger);
    let minute = Duration::from_secs(60);
    for n in 0..3_000u32 {
        // Half of it jobs that may come, half such as never were.
        let job = if n % 2 == 0 { 2_000 + n } else { n % 900 + 10 };
        machine.hear(10_000 + n, &open(10_000 + n, job)).await;
        tokio::time::sleep(minute / 3_000).await;
        machine.listener.look_again().await;
    }
    assert!(ledger.asked() <= 20, "{} looks in a minute", ledger.asked());
    assert_eq!(machine.post.sent().len(), 0);
    assert!(machine.listener.waiting.len() <= WAITING);
    assert!(machine.listener.refused.1.len() <= REFUSED);
    // Whoever was right before is heard beside them.
    machine
        .listener
        .gate
        .was_right(key(1).public(), Instant::now());
    machine.hear(1, &open(REQUESTER, 7)).await;
    assert_eq!(machine.found(), [7]);
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_is_bounded_however_much_is_said() {
    let ledger = ledger(2);
    let mut machine = Machine::new(0, &ledger);
    for n in 0..3 * KNOWN as u32 {
        machine.listener.remember(n, 5);
        machine.listener.refuse(blake2_256(&n.to_le_bytes()));
    }
    assert_eq!(machine.listener.known.len(), KNOWN);
    assert_eq!(machine.listener.refused.0.len(), REFUSED);
    assert_eq!(machine.listener.refused.1.len(), REFUSED);
    assert!(machine.listener.known.contains_key(&(3 * KNOWN as u32 - 1)));
}

#[tokio::test(start_paused = true)]
async fn a_requester_that_shouts_is_told_on_no_oftener() {
    let ledger = ledger(20);
    ledger.open(7, REQUESTER);
    let mut machine = Machine::new(0, &ledger);
    let start = now_ms();
    for n in 0..60 {
        let message = open_at(REQUESTER, 7, CHAIN, start + n * 1_000);
        machine.hear(REQUESTER, &message).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(machine.found(), [7, 7, 7], "once in 20 s");
    assert_eq!(machine.post.sent().len(), 3 * FANOUT);
}

/// A network of a hundred workers of which the requester tells a few; half of them are cut off at first.
#[tokio::test(start_paused = true)]
async fn an_announcement_reaches_all_and_those_cut_off_when_the_partition_heals() {
    const WORKERS: u32 = 100;
    let ledger = ledger(WORKERS);
    ledger.open(7, REQUESTER);
    let mut machines: Vec<Machine> = (0..WORKERS).map(|n| Machine::new(n, &ledger)).collect();
    let (post, mut crier) = (Arc::new(Post::new(REQUESTER)), crate::Crier::default());
    let wire: Arc<dyn Wire> = post.clone();
    let number = |id: EndpointId| {
        (0..WORKERS)
            .find(|n| key(*n).public() == id)
            .expect("a worker")
    };
    let mut reached = HashSet::new();
    let mut rounds = Vec::new();
    for round in 0..6u64 {
        let is_cut = |n: u32| round < 2 && n % 2 == 1;
        crier.cry(&*ledger, &wire, CHAIN, 7).await;
        tokio::task::yield_now().await;
        // The clock of the messages is the real one, which does not go on here.
        let at = now_ms() + round * 60_000;
        let message = open_at(REQUESTER, 7, CHAIN, at);
        let mut queue: Vec<(u32, u32)> = Vec::new();
        for (to, _) in post.sent() {
            queue.push((REQUESTER, number(to)));
        }
        while let Some((from, to)) = queue.pop() {
            if is_cut(to) || (from < WORKERS && is_cut(from)) {
                continue;
            }
            let machine = &mut machines[to as usize];
            machine.hear(from, &message).await;
            if !machine.found().is_empty() {
                reached.insert(to);
            }
            queue.extend(
                machine
                    .post
                    .sent()
                    .into_iter()
                    .map(|(next, _)| (to, number(next))),
            );
        }
        rounds.push(reached.len());
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert!(rounds[1] <= 50 && rounds[1] >= 40, "{rounds:?}");
    assert!(rounds[5] >= 99, "{rounds:?}");
    assert_eq!(ledger.asked.load(Ordering::SeqCst), {
        let looked = machines
            .iter()
            .map(|machine| machine.counters.stats().looked);
        looked.sum::<u64>() as usize
    });
}
