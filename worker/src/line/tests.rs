//! The line by fake sensors, and with real content.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use sp_core::H256;
use sungrid_idle::{Input, Mode, Policy, Power, Reading, Readings, State};

use super::*;
use crate::{
    idle,
    ports::{LoadError, Program, Runner},
};

struct Nothing;

#[async_trait]
impl Runner for Nothing {
    fn environment(&self) -> H256 {
        H256::zero()
    }

    async fn load(&self, _: Bytes) -> Result<Arc<dyn Program>, LoadError> {
        Err(LoadError::Machine("none".into()))
    }

    fn suspend(&self) {}

    fn resume(&self) {}
}

/// Notes what is set, and says what the test has it say.
#[derive(Default)]
struct Fake {
    rates: Mutex<Vec<Rates>>,
    moved: AtomicU64,
}

impl Fake {
    fn upload(&self) -> u64 {
        let rates = self.rates.lock().expect("no panic");
        let upload = rates.last().and_then(|rates| rates.upload);
        upload.expect("a limit").get()
    }

    fn limits(&self) -> (Option<NonZeroU64>, Option<NonZeroU64>) {
        let rates = self.rates.lock().expect("no panic");
        let last = rates.last().expect("it is set");
        (last.upload, last.download)
    }

    fn moves(&self, bytes: u64) {
        self.moved.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Throttle for Fake {
    fn set_rates(&self, rates: Rates) {
        self.rates.lock().expect("no panic").push(rates);
    }

    fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }
}

const FULL: u64 = 10_000_000;
const SLOW: u64 = 2_000_000;
const GB: u64 = 1_000_000_000;

fn bounds() -> Bounds {
    Bounds {
        rates: Rates {
            upload: NonZeroU64::new(FULL),
            download: NonZeroU64::new(3 * FULL),
        },
        owner_percent: 20,
        daily: None,
    }
}

/// Nobody is there, and nothing else speaks against work.
fn calm() -> Readings {
    Readings {
        input: [("test", Input::Whole(Duration::from_secs(900)))].into(),
        foreign_cpu: Reading::Known(1),
        foreign_memory: Reading::Known(1),
        power: Reading::Known(Power::Mains),
        metered: Reading::Known(false),
        ..Readings::default()
    }
}

/// Somebody touches a key.
fn busy() -> Readings {
    Readings {
        input: [("test", Input::Whole(Duration::ZERO))].into(),
        ..calm()
    }
}

struct World {
    fake: Arc<Fake>,
    metrics: Arc<Metrics>,
    sensors: idle::Watcher,
    keeper: Keeper,
    line: Line,
    seconds: u64,
    folder: tempfile::TempDir,
}

impl World {
    fn new(bounds: Bounds) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (fake, metrics) = (Arc::<Fake>::default(), Arc::<Metrics>::default());
        let policy = Policy {
            mode: Mode::Desktop,
            ..Policy::default()
        };
        let (sensors, machine) =
            idle::watch(policy, Arc::new(Nothing), metrics.clone()).expect("valid");
        let file = folder.path().join(FILE);
        let (keeper, line) = keep(fake.clone(), bounds, machine, metrics.clone(), file);
        Self {
            fake,
            metrics,
            sensors,
            keeper,
            line,
            seconds: 0,
            folder,
        }
    }

    /// The sensors say so for so many seconds; then it looks.
    fn see(&mut self, readings: &Readings, seconds: u64) -> State {
        let mut state = State::Owner;
        for _ in 0..=seconds {
            self.seconds += 1;
            let now = Duration::from_secs(self.seconds);
            state = self.sensors.look(now, readings);
        }
        self.keeper.look(1);
        state
    }

    fn told(&self) -> String {
        let facts = self.metrics.status().facts;
        let line = facts.into_iter().find(|fact| fact.name == "line");
        line.expect("it is shown").text
    }
}

#[tokio::test]
async fn while_the_machine_is_its_owners_little_goes_out_and_never_nothing() {
    let mut world = World::new(bounds());
    assert_eq!(world.fake.upload(), SLOW, "before anything is known");
    assert_eq!(world.see(&calm(), 400), State::Idle);
    assert_eq!(world.fake.upload(), FULL);
    assert_eq!(world.told(), "80.0 Mbit/s out, 240.0 Mbit/s in");
    assert!(!world.see(&busy(), 1).may_work());
    assert_eq!(world.fake.upload(), SLOW);
    assert_eq!(
        world.told(),
        "16.0 Mbit/s out (the machine is its owner's; outputs stay to be had), 240.0 Mbit/s in"
    );
    let shown = world.metrics.text();
    assert!(
        shown.contains("sungrid_worker_upload_limit_bytes 2000000\n"),
        "{shown}"
    );
    // A phone's line.
    world.see(&calm(), 400);
    assert_eq!(world.fake.upload(), FULL);
    let metered = Readings {
        metered: Reading::Known(true),
        ..calm()
    };
    assert!(!world.see(&metered, 1).may_work());
    assert_eq!(world.fake.upload(), SLOW);
    // What comes in is what was begun: it is brought to its end.
    let set = world.fake.rates.lock().expect("no panic").clone();
    assert!(
        set.iter()
            .all(|rates| rates.download == bounds().rates.download)
    );
}

#[tokio::test]
async fn what_witnesses_look_for_is_served_without_a_limit_whoever_sits_there() {
    let mut world = World::new(bounds());
    assert_eq!(world.fake.upload(), SLOW);
    world.line.call(true);
    world.keeper.look(1);
    assert_eq!(world.fake.limits(), (None, bounds().rates.download));
    // Nor with one that is set for a machine that is the work's.
    world.see(&calm(), 400);
    assert_eq!(world.fake.limits(), (None, bounds().rates.download));
    world.see(&busy(), 1);
    world.line.call(false);
    world.keeper.look(1);
    assert_eq!(world.fake.upload(), SLOW);
}

#[tokio::test]
async fn the_days_traffic_ends_new_work_and_not_what_is_owed() {
    let daily = NonZeroU64::new(2 * GB);
    let mut world = World::new(Bounds { daily, ..bounds() });
    world.see(&calm(), 400);
    assert_eq!(world.line.spent(), None);
    world.fake.moves(2 * GB - 1);
    world.keeper.look(1);
    assert_eq!((world.line.spent(), world.fake.upload()), (None, FULL));
    world.fake.moves(1);
    world.keeper.look(1);
    let reason = world.line.spent().expect("no new work");
    assert!(reason.contains("traffic_gb_per_day"), "{reason}");
    assert_eq!(world.fake.upload(), SLOW);
    assert!(world.told().contains("the day's traffic is used up"));
    let shown = world.metrics.text();
    assert!(
        shown.contains("sungrid_worker_traffic_today_bytes 2000000000\n"),
        "{shown}"
    );
    // A restart is no new day.
    world.keeper.write();
    let file = world.folder.path().join(FILE);
    let bounds = Bounds { daily, ..bounds() };
    let restart = || {
        let metrics = Arc::<Metrics>::default();
        Keeper::start(
            (Arc::<Fake>::default(), bounds),
            (Idle::always(), metrics),
            file.clone(),
            1,
        )
    };
    let (mut again, line) = restart();
    again.look(1);
    assert!(line.spent().is_some());
    again.look(2);
    assert_eq!(line.spent(), None, "midnight");
    // A file that is none begins anew, and is no reason to stop.
    std::fs::write(&file, b"{\"day\": -1").expect("written");
    let (mut again, line) = restart();
    again.look(1);
    assert_eq!(line.spent(), None);
    // Nor is a clock that was set back a way around it, beyond that day.
    let mut traffic = Traffic { day: 9, bytes: GB };
    traffic.add(8, 5);
    assert_eq!(traffic, Traffic { day: 8, bytes: 5 });
    traffic.add(8, u64::MAX);
    assert_eq!(traffic.bytes, u64::MAX);
}

#[test]
fn the_slow_rate_is_a_part_of_the_full_one_and_some_pieces_per_second() {
    let slow = |upload, owner_percent| {
        let rates = Rates {
            upload: NonZeroU64::new(upload),
            download: None,
        };
        let bounds = Bounds {
            rates,
            owner_percent,
            daily: None,
        };
        bounds.slow().upload.map(NonZeroU64::get)
    };
    assert_eq!(slow(FULL, 20), Some(SLOW));
    assert_eq!(slow(FULL, 100), Some(FULL));
    assert_eq!(slow(FULL, 1), Some(SLOWEST));
    assert_eq!(slow(FULL, 0), Some(SLOWEST));
    assert_eq!(slow(1_000, 20), Some(1_000), "no faster than it ever is");
    assert_eq!(slow(u64::MAX, 100), Some(u64::MAX));
    assert_eq!(slow(0, 20), None);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_hands_is_heard_of_and_what_was_moved_is_written_down() {
    let World {
        fake,
        mut sensors,
        keeper,
        line,
        folder,
        ..
    } = World::new(bounds());
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(keeper.run(stopped));
    for second in 1..=400 {
        sensors.look(Duration::from_secs(second), &calm());
    }
    while fake.upload() != FULL {
        tokio::task::yield_now().await;
    }
    // Whoever watches no more leaves the machine to its owner.
    drop(sensors);
    while fake.upload() != SLOW {
        tokio::task::yield_now().await;
    }
    line.call(true);
    while fake.limits().0.is_some() {
        tokio::task::yield_now().await;
    }
    fake.moves(123);
    stop.send_replace(true);
    running.await.expect("ends");
    let written = std::fs::read(folder.path().join(FILE)).expect("written");
    let written: Traffic = serde_json::from_slice(&written).expect("its own");
    assert_eq!(written.bytes, 123);
}
