//! What a worker tells the requesters of its batches: the latest of each, until it is taken or too old.
//!
//! Nothing waits for it. Of a batch only the latest is kept, so that a requester that was away hears how it stands and not
//! how it came to that.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sungrid_data_plane::PeerAddress;
use sungrid_primitives::{BatchIndex, ContentHash, JobId};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{Counters, Event, News, Wire};

/// Between two messages on one batch.
const GAP: Duration = Duration::from_secs(1);
/// The first pause after a peer that is not reached; each is twice the one before.
const RETRY: Duration = Duration::from_secs(2);
/// Tries of one message: some two minutes. By then the chain has told.
const TRIES: u32 = 6;
/// Batches of which something is to be told. More are in nobody's hand.
const MOST: usize = 1_024;
/// Messages on their way at a time: a peer that is away keeps one waiting for seconds.
const AT_ONCE: usize = 8;

type Key = (JobId, BatchIndex);

struct Letter {
    to: PeerAddress,
    /// Nothing, once it was taken: then this is here for the pause.
    news: Option<News>,
    /// How far the peer knows it to be.
    told: u64,
    tries: u32,
    due: Instant,
    is_on_its_way: bool,
}

impl Letter {
    /// That a batch is committed to is the last that there is to say of it, and does not wait for the pause after a message;
    /// for a peer that is away it does.
    fn hurry(&mut self) {
        if self.tries == 0 && matches!(self.news, Some(News::Committed { .. })) {
            self.due = Instant::now();
        }
    }
}

struct Inner {
    wire: Arc<dyn Wire>,
    genesis: ContentHash,
    counters: Arc<Counters>,
    letters: Mutex<BTreeMap<Key, Letter>>,
    wake: Notify,
}

/// Takes what is to be told and tells it. Clones share everything.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

/// How far a batch is by what is said of it.
fn rank(news: &News) -> u64 {
    match news {
        News::Open => 0,
        News::Units { finished, .. } => 1 + u64::from(*finished),
        News::Committed { .. } => u64::MAX,
    }
}

impl Outbox {
    /// An outbox with nothing in it; [`Outbox::run`] empties it.
    pub fn new(wire: Arc<dyn Wire>, genesis: ContentHash, counters: Arc<Counters>) -> Self {
        Self(Arc::new(Inner {
            wire,
            genesis,
            counters,
            letters: Mutex::default(),
            wake: Notify::new(),
        }))
    }

    fn letters(&self) -> MutexGuard<'_, BTreeMap<Key, Letter>> {
        self.0
            .letters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a requester told of a batch, soon; `to` is its encoded address. What comes late, such as fewer units than were
    /// told of, is dropped, as is what there is no room for.
    pub fn tell(&self, to: &[u8], job: JobId, batch: BatchIndex, news: News) {
        let Ok(to) = PeerAddress::from_bytes(to) else {
            return;
        };
        let mut letters = self.letters();
        let has_room = letters.len() < MOST;
        match letters.get_mut(&(job, batch)) {
            Some(letter) => {
                let known = letter.news.as_ref().map_or(letter.told, rank);
                if rank(&news) > known {
                    (letter.to, letter.news) = (to, Some(news));
                    letter.hurry();
                }
            }
            None if has_room => {
                let letter = Letter {
                    to,
                    news: Some(news),
                    told: 0,
                    tries: 0,
                    due: Instant::now(),
                    is_on_its_way: false,
                };
                letters.insert((job, batch), letter);
            }
            None => return,
        }
        drop(letters);
        self.0.wake.notify_one();
    }

    /// Sends what is due, for ever.
    pub async fn run(self) {
        let mut sending = JoinSet::new();
        loop {
            let woken = self.0.wake.notified();
            let next = self.send_due(&mut sending);
            tokio::select! {
                () = woken => {}
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
                Some(sent) = sending.join_next() => {
                    if let Ok((key, news, taken)) = sent {
                        self.sent(key, news, taken);
                    }
                }
            }
        }
    }

    /// Starts what is due and says when the next will be; nothing, if that waits for what is on its way.
    fn send_due(&self, sending: &mut JoinSet<(Key, News, bool)>) -> Option<Instant> {
        let now = Instant::now();
        let mut letters = self.letters();
        letters
            .retain(|_, letter| letter.news.is_some() || letter.is_on_its_way || now < letter.due);
        let mut next = None::<Instant>;
        for (key, letter) in letters
            .iter_mut()
            .filter(|(_, letter)| !letter.is_on_its_way)
        {
            let (due, room) = (letter.due <= now, sending.len() < AT_ONCE);
            match letter.news {
                Some(news) if due && room => {
                    letter.is_on_its_way = true;
                    let (inner, to, key) = (self.0.clone(), letter.to.clone(), *key);
                    sending.spawn(async move {
                        let event = Event::now(inner.genesis, key.0, news);
                        let bytes = event.seal(&inner.wire.id(), |said| inner.wire.sign(said));
                        (key, news, inner.wire.send(&to, &bytes).await)
                    });
                }
                _ if due => {}
                _ => next = Some(next.map_or(letter.due, |next| next.min(letter.due))),
            }
        }
        next
    }

    fn sent(&self, key: Key, news: News, taken: bool) {
        let mut letters = self.letters();
        let Some(letter) = letters.get_mut(&key) else {
            return;
        };
        letter.is_on_its_way = false;
        let is_latest = letter.news == Some(news);
        if taken {
            self.0.counters.told();
            letter.told = letter.told.max(rank(&news));
            (letter.tries, letter.due) = (0, Instant::now() + GAP);
            if is_latest {
                letter.news = None;
            }
            letter.hurry();
        } else {
            letter.tries += 1;
            letter.due = Instant::now() + RETRY * (1 << (letter.tries - 1).min(TRIES));
            if letter.tries >= TRIES {
                letters.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Post, address};

    const WORKER: [u8; 32] = [4; 32];

    fn units(batch: BatchIndex, finished: u32) -> News {
        News::Units {
            batch,
            worker: WORKER,
            finished,
        }
    }

    fn outbox() -> (Outbox, Arc<Post>, Vec<u8>) {
        let post = Arc::new(Post::new(1));
        let outbox = Outbox::new(post.clone(), ContentHash::zero(), Arc::default());
        tokio::spawn(outbox.clone().run());
        (outbox, post, address(9).to_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_fast_batch_a_message_a_second_is_sent_and_the_last_one_always() {
        let (outbox, post, to) = outbox();
        for finished in 1..=100 {
            outbox.tell(&to, 1, 2, units(2, finished));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let committed = News::Committed {
            batch: 2,
            worker: WORKER,
        };
        outbox.tell(&to, 1, 2, committed);
        // What comes late says nothing new, whether that is on its way or was told.
        outbox.tell(&to, 1, 2, units(2, 7));
        tokio::time::sleep(Duration::from_millis(1)).await;
        outbox.tell(&to, 1, 2, units(2, 8));
        tokio::time::sleep(GAP * 3).await;
        let sent = post.news();
        assert!((10..=12).contains(&sent.len()), "{sent:?}");
        assert_eq!(sent.last(), Some(&committed));
        assert!(sent.windows(2).all(|two| rank(&two[0]) < rank(&two[1])));
        assert!(outbox.letters().is_empty(), "nothing is kept of it");
    }

    #[tokio::test(start_paused = true)]
    async fn when_a_partition_heals_the_latest_arrives_and_what_is_past_does_not() {
        let (outbox, post, to) = outbox();
        post.cut(true);
        for finished in 1..=20 {
            outbox.tell(&to, 1, 2, units(2, finished));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(post.news(), []);
        post.cut(false);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(post.news(), [units(2, 20)]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_never_answers_is_given_up_and_holds_up_nobody() {
        let (outbox, post, to) = outbox();
        post.cut(true);
        // Twice as many as there is room for: memory stays bounded.
        for batch in 0..2 * MOST as u32 {
            outbox.tell(&to, 1, batch, units(batch, 1));
        }
        assert_eq!(outbox.letters().len(), MOST);
        outbox.tell(b"no address", 1, 0, units(0, 2));
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert!(outbox.letters().is_empty());
        assert!(post.most_at_once() <= AT_ONCE);
        post.cut(false);
        outbox.tell(&to, 2, 0, units(0, 3));
        tokio::time::sleep(GAP).await;
        assert_eq!(post.news(), [units(0, 3)]);
    }
}
