//! The bucket by a clock of the tests' own, and peers that share it.

use std::sync::atomic::{AtomicU64, Ordering};

use iroh::SecretKey;
use proptest::prelude::*;

use super::*;

fn peer(n: u8) -> EndpointId {
    SecretKey::from_bytes(&[n; 32]).public()
}

fn rate(bytes: u64) -> NonZeroU64 {
    NonZeroU64::new(bytes).expect("not 0")
}

fn full(rate: NonZeroU64, at: Instant) -> Bucket {
    Bucket {
        level: i128::from(burst(rate)) * NANOS,
        at,
    }
}

proptest! {
    /// Whoever comes whenever: in no stretch of time passes more than the burst and what the rate allows.
    #[test]
    fn no_more_passes_than_the_rate_allows(
        per_second in 1..=(1_u64 << 34),
        asks in prop::collection::vec((0..2_000_000_000_u64, 1..=LEAST_BURST), 1..200),
    ) {
        let rate = rate(per_second);
        let start = Instant::now();
        let (mut bucket, mut now) = (full(rate, start), start);
        let mut passed: Vec<(Instant, u64)> = Vec::new();
        for (pause, bytes) in asks {
            now += Duration::from_nanos(pause);
            if bucket.take(bytes, rate, now).is_ok() {
                passed.push((now, bytes));
            }
        }
        for (first, (from, _)) in passed.iter().enumerate() {
            let mut sum = 0_u128;
            for (to, bytes) in &passed[first..] {
                sum += u128::from(*bytes);
                let nanos = to.duration_since(*from).as_nanos();
                let allowed = u128::from(burst(rate)) * 1_000_000_000 + nanos * u128::from(per_second);
                prop_assert!(sum * 1_000_000_000 <= allowed);
            }
        }
    }

    /// Who waits as long as it is told passes, and who waits a nanosecond less does not.
    #[test]
    fn the_wait_is_neither_too_short_nor_too_long(
        per_second in 1..=(1_u64 << 34),
        bytes in prop::collection::vec(1..=(8 * LEAST_BURST), 1..100),
    ) {
        let rate = rate(per_second);
        let start = Instant::now();
        let (mut bucket, mut now) = (full(rate, start), start);
        for bytes in bytes {
            if let Err(wait) = bucket.take(bytes, rate, now) {
                prop_assert!(wait > Duration::ZERO);
                let early = bucket.take(bytes, rate, now + wait - Duration::from_nanos(1));
                prop_assert!(early.is_err());
                now += wait;
                prop_assert_eq!(bucket.take(bytes, rate, now), Ok(()));
            }
        }
    }

    /// Nothing that is asked for or set makes it panic, stand still or run over.
    #[test]
    fn extremes_are_survived(
        steps in prop::collection::vec((any::<u64>(), 1..=u64::MAX, any::<u32>()), 1..50),
    ) {
        let mut now = Instant::now();
        let mut bucket = full(rate(1), now);
        for (bytes, per_second, pause) in steps {
            now += Duration::from_secs(pause.into());
            let rate = rate(per_second);
            let taken = bucket.take(bytes, rate, now);
            prop_assert!(bucket.level <= i128::from(burst(rate)) * NANOS);
            prop_assert!(taken.is_ok() || taken.is_err_and(|wait| wait > Duration::ZERO));
        }
    }
}

/// Takes pieces for ever, and counts them.
fn taker(share: Share, piece: u64, taken: Arc<AtomicU64>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            share.take(piece).await;
            taken.fetch_add(piece, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    })
}

#[tokio::test(start_paused = true)]
async fn who_has_many_requests_open_gets_no_more_than_who_has_one() {
    const PIECE: u64 = 16 << 10;
    let pace = Pace::new(Some(rate(1 << 20)));
    let (greedy, modest) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let mut tasks: Vec<_> = (0..16)
        .map(|_| taker(pace.of(peer(1)), PIECE, greedy.clone()))
        .collect();
    tasks.push(taker(pace.of(peer(2)), PIECE, modest.clone()));
    tokio::time::sleep(Duration::from_secs(60)).await;
    for task in tasks {
        task.abort();
    }
    let (greedy, modest) = (
        greedy.load(Ordering::Relaxed),
        modest.load(Ordering::Relaxed),
    );
    let all = 60 * (1 << 20) + burst(rate(1 << 20));
    assert!(greedy + modest <= all, "{greedy} and {modest}");
    // The timer's grain costs less than a hundredth.
    assert!(greedy + modest >= all - all / 100, "{greedy} and {modest}");
    // The first burst may go to one alone.
    let apart = greedy.abs_diff(modest);
    assert!(apart <= burst(rate(1 << 20)) + 2 * PIECE, "{apart}");
}

#[tokio::test(start_paused = true)]
async fn a_new_rate_counts_for_who_waits_already() {
    let pace = Pace::new(Some(rate(1)));
    let share = pace.of(peer(1));
    let start = Instant::now();
    share.take(LEAST_BURST).await;
    assert_eq!(start.elapsed(), Duration::ZERO, "the burst");
    let waits = {
        let share = share.clone();
        tokio::spawn(async move { share.take(LEAST_BURST).await })
    };
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!waits.is_finished(), "at a byte per second");
    pace.set(Some(rate(LEAST_BURST)));
    waits.await.expect("it passes");
    // What was earned in five seconds counts at the new rate, up to the burst.
    assert_eq!(start.elapsed().as_secs(), 5);
    pace.set(Some(rate(1)));
    let waits = tokio::spawn(async move { share.take(LEAST_BURST).await });
    tokio::time::sleep(Duration::from_secs(5)).await;
    pace.set(None);
    waits.await.expect("without a limit it passes");
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_takes_nothing_and_holds_up_nobody() {
    let pace = Pace::new(Some(rate(LEAST_BURST)));
    let (first, second) = (pace.of(peer(1)), pace.of(peer(2)));
    first.take(LEAST_BURST).await;
    let start = Instant::now();
    let leaves = tokio::spawn(async move { first.take(LEAST_BURST).await });
    let stays = tokio::spawn(async move { second.take(LEAST_BURST).await });
    tokio::task::yield_now().await;
    leaves.abort();
    stays.await.expect("it passes");
    assert_eq!(start.elapsed().as_secs(), 1);
    drop(pace.of(peer(3)));
    let turns = pace.turns.lock().expect("no panic");
    assert_eq!(turns.len(), 1, "who left is forgotten");
}
