//! The idle policy at work: sensors on a thread of their own, the policy's machine, and what both do to the runner and the supervisor.
//!
//! Runs are held and let go right here, so that an owner waits neither for a block nor for the chain. The supervisor hears of it and
//! decides about batches.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sungrid_idle::{
    Input, Machine, Policy, PolicyError, Readings, Reason, Rule, Sensors, Standing, State, Value,
};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::{metrics::Metrics, ports::Runner, supervisor::stopped};

/// Between two looks at the machine. Four of them, with the time of slow sensors, fit into the two seconds within which an owner has the
/// machine back.
pub const TICK: Duration = Duration::from_millis(500);
/// Sensors that have not answered for so long count as unknown: some service that they ask hangs.
const STALE: Duration = Duration::from_secs(3);

/// By then each sensor has been read twice, which some need to know anything.
const SETTLED_S: u64 = 12;
/// How the machine becomes the work's, where nobody sits.
pub(crate) const OPT_IN: &str = "where nobody sits at this machine, set mode = \"server\" (other services run here) or \"always\" (it is for the work alone) under [idle]";

/// What stands above each setting of `[idle]` in a fresh settings file.
pub(crate) const MEANINGS: [(&str, &str); 14] = [
    (
        "mode",
        "Whose the machine is: desktop (its owner comes first, and what cannot be read counts against work), server (the rules below hold,\n# as far as they can be read) or always (the work's alone: no rule holds).",
    ),
    (
        "start_after_s",
        "Work starts after so many seconds without input.",
    ),
    (
        "resume_after_s",
        "Work that was suspended goes on after so many seconds without input.",
    ),
    (
        "vacate_after_s",
        "Work that was suspended for so many seconds is handed back.",
    ),
    (
        "kill_after_s",
        "Work that is still in memory so many seconds later is killed.",
    ),
    (
        "max_foreign_cpu",
        "CPU that others may use, percent of all cores.",
    ),
    (
        "max_foreign_memory",
        "Memory that others use has to be below this, percent.",
    ),
    ("on_battery", "Work on battery, too."),
    ("min_battery", "Least charge of the battery, percent."),
    ("on_metered", "Work on a network that costs by volume, too."),
    (
        "max_temperature",
        "Highest temperature of any sensor, °C; 0: any.",
    ),
    (
        "screen_lock",
        "A locked screen: ignored, hastens (work starts after resume_after_s), or required.",
    ),
    (
        "hours",
        "When work may run, such as [\"mon-fri 18:00-08:00\", \"sat,sun 00:00-24:00\"]; none: any time.",
    ),
    (
        "exclusive",
        "Names of programs beside which no work runs, such as [\"steam\"].",
    ),
];

/// What speaks against work only because it cannot be read, on a machine that was looked at long enough: while that is so it never
/// works, whatever its owner does.
pub(crate) fn blind(standing: &Standing) -> Vec<&Reason> {
    let is_unknown = |reason: &&Reason| matches!(reason.reading, Value::Unknown(_));
    match standing.for_s >= SETTLED_S {
        true => standing.against().filter(is_unknown).collect(),
        false => Vec::new(),
    }
}

/// What to do about a rule whose reading is not to be had.
pub(crate) fn remedy(rule: Rule) -> &'static str {
    match rule {
        Rule::Input => {
            "run the worker in the session of whoever uses this machine, or have its desktop tell logind"
        }
        Rule::Power => "set on_battery = true under [idle] if it is always on mains",
        Rule::Battery => "set min_battery = 0 under [idle]",
        Rule::Metered => {
            "set on_metered = true under [idle] if its network does not cost by volume"
        }
        Rule::Temperature => "set max_temperature = 0 under [idle]",
        Rule::ScreenLock => "set screen_lock = \"ignored\" under [idle]",
        Rule::Exclusive => "set exclusive = [] under [idle]",
        Rule::ForeignCpu | Rule::ForeignMemory => {
            "let the worker read the system's figures, as above"
        }
        Rule::Hours => "set hours = [] under [idle]",
        // Known whenever there was a look.
        Rule::Calm => "look at the sensors above",
    }
}

/// What the supervisor has to know of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Whose the machine is.
    pub state: State,
    /// Whether what is still there has had its time to go.
    pub must_kill: bool,
}

/// The supervisor's end.
#[derive(Clone)]
pub struct Idle {
    phase: watch::Receiver<Phase>,
    work: Arc<AtomicBool>,
}

impl Idle {
    /// On a machine that is for the work alone.
    pub fn always() -> Self {
        let phase = Phase {
            state: State::Idle,
            must_kill: false,
        };
        Self {
            // What has no sender does not change.
            phase: watch::channel(phase).1,
            work: Arc::default(),
        }
    }

    /// As of the last look.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Waits for the next change.
    pub(crate) async fn changed(&mut self) {
        if self.phase.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Notes whether there is work in hand.
    pub(crate) fn set_work(&self, work: bool) {
        self.work.store(work, Ordering::Relaxed);
    }
}

/// The policy's end: takes readings, holds runs and lets them go.
pub struct Watcher {
    machine: Machine,
    runner: Arc<dyn Runner>,
    metrics: Arc<Metrics>,
    phase: watch::Sender<Phase>,
    work: Arc<AtomicBool>,
    /// Rules whose readings are not to be had, and that was said.
    told: Vec<Rule>,
}

/// A policy over a runner. Nothing runs before it has been calm for as long as the policy says.
pub fn watch(
    policy: Policy,
    runner: Arc<dyn Runner>,
    metrics: Arc<Metrics>,
) -> Result<(Watcher, Idle), PolicyError> {
    let machine = Machine::new(policy)?;
    let state = machine.state();
    if !state.may_work() {
        runner.suspend();
    }
    metrics.standing(machine.standing(), false);
    let (sender, phase) = watch::channel(Phase {
        state,
        must_kill: false,
    });
    let work = Arc::<AtomicBool>::default();
    let watcher = Watcher {
        machine,
        runner,
        metrics,
        phase: sender,
        work: work.clone(),
        told: Vec::new(),
    };
    Ok((watcher, Idle { phase, work }))
}

impl Watcher {
    /// One look at the machine; `now` is the time since any moment.
    pub fn look(&mut self, now: Duration, readings: &Readings) -> State {
        let before = self.machine.state();
        let work = self.work.load(Ordering::Relaxed);
        let state = self.machine.step(now, readings, work);
        match (before.may_work(), state.may_work()) {
            (true, false) => self.runner.suspend(),
            (false, true) => self.runner.resume(),
            _ => {}
        }
        let standing = self.machine.standing();
        if state != before {
            let why = standing.against().next().map(ToString::to_string);
            info!(machine = %state, why = why.unwrap_or_default(), "whose the machine is");
        }
        self.tell_blind(&standing);
        self.metrics.standing(standing, state != before);
        let phase = Phase {
            state,
            must_kill: self.machine.must_kill(),
        };
        self.phase.send_if_modified(|last| {
            let changed = *last != phase;
            *last = phase;
            changed
        });
        state
    }

    /// Says once of each rule that it keeps this machine from ever working, and what to do.
    fn tell_blind(&mut self, standing: &Standing) {
        let blind = blind(standing);
        let mut news = false;
        for reason in &blind {
            if !self.told.contains(&reason.rule) {
                news = true;
                warn!(%reason, "this machine never works while that is unknown: {}", remedy(reason.rule));
            }
        }
        if news {
            warn!("{OPT_IN}");
        }
        self.told = blind.iter().map(|reason| reason.rule).collect();
    }

    /// Looks until `stop` turns true.
    pub async fn run(mut self, mut sensors: Sensors, mut stop: watch::Receiver<bool>) {
        let start = Instant::now();
        let (sender, mut readings) = watch::channel((start, silent()));
        let thread = std::thread::Builder::new().name("sensors".into());
        // Ends when this does: nobody listens then.
        let sensing = thread.spawn(move || {
            while !sender.is_closed() {
                let now = sensors.read(start.elapsed()).clone();
                sender.send_replace((Instant::now(), now));
                std::thread::sleep(TICK);
            }
        });
        if let Err(error) = sensing {
            error!(%error, "no thread for the sensors: the machine counts as its owner's");
        }
        loop {
            let news = async {
                if readings.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                () = news => {}
                () = tokio::time::sleep(2 * TICK) => {}
            }
            let (at, latest) = readings.borrow().clone();
            self.look(start.elapsed(), &believed(latest, at.elapsed()));
        }
    }
}

/// What is known, by readings of this age.
fn believed(readings: Readings, age: Duration) -> Readings {
    match age < STALE {
        true => readings,
        false => silent(),
    }
}

/// What is known when the sensors hang.
fn silent() -> Readings {
    let why = Input::Unknown("the sensors do not answer".into());
    Readings {
        input: [("sensors", why)].into(),
        ..Readings::default()
    }
}

/// Whoever watches no more leaves the machine to its owner.
impl Drop for Watcher {
    fn drop(&mut self) {
        self.runner.suspend();
        self.metrics.standing(Standing::default(), false);
        self.phase.send_replace(Phase {
            state: State::Owner,
            must_kill: false,
        });
    }
}

/// Whether somebody seems to sit at this machine: it was started from a desktop.
pub fn is_desktop() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(any(windows, target_os = "macos"))
        || ["DISPLAY", "WAYLAND_DISPLAY", "XDG_CURRENT_DESKTOP"]
            .iter()
            .any(|name| set(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use bytes::Bytes;
    use sp_core::H256;
    use std::sync::atomic::AtomicI64;
    use sungrid_idle::{Mode, Sensor};

    use crate::ports::{LoadError, Program};

    /// Counts how often it was held, less how often it was let go.
    #[derive(Default)]
    struct Held(AtomicI64);

    #[async_trait]
    impl Runner for Held {
        fn environment(&self) -> H256 {
            H256::zero()
        }

        async fn load(&self, _: Bytes) -> Result<Arc<dyn Program>, LoadError> {
            Err(LoadError::Machine("none".into()))
        }

        fn suspend(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }

        fn resume(&self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// A sensor that hangs until the test ends.
    struct Hangs(std::sync::mpsc::Receiver<()>);

    impl Sensor for Hangs {
        fn name(&self) -> &'static str {
            "hangs"
        }

        fn period(&self) -> Duration {
            TICK
        }

        fn read(&mut self, _: &mut Readings) {
            let _ = self.0.recv();
        }
    }

    #[test]
    fn old_readings_are_not_believed() {
        let readings = Readings {
            input: [("test", Input::Whole(Duration::from_secs(900)))].into(),
            ..Readings::default()
        };
        assert_eq!(believed(readings.clone(), 2 * TICK), readings);
        assert_eq!(believed(readings, STALE), silent());
    }

    #[tokio::test]
    async fn sensors_that_hang_are_no_licence_to_work() {
        let runner = Arc::<Held>::default();
        let metrics = Arc::<Metrics>::default();
        let policy = Policy::default();
        let (watcher, idle) = watch(policy, runner.clone(), metrics.clone()).expect("valid");
        assert_eq!(runner.0.load(Ordering::SeqCst), 1, "it begins at rest");
        let (release, hangs) = std::sync::mpsc::channel();
        let sensors = Sensors::new(vec![Box::new(Hangs(hangs))]);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(watcher.run(sensors, stopped));
        // It looks all the same, and sees nothing.
        let machine = loop {
            let machine = metrics.status().machine.expect("there is a policy");
            if !machine.reasons.is_empty() {
                break machine;
            }
            tokio::time::sleep(TICK / 10).await;
        };
        assert_eq!(idle.phase().state, State::Owner);
        let first = machine.against().next().expect("a reason").to_string();
        assert!(first.contains("the sensors do not answer"), "{first}");
        stop.send_replace(true);
        task.await.expect("ends");
        drop(release);
    }

    #[tokio::test]
    async fn a_machine_for_work_alone_is_never_held() {
        let runner = Arc::<Held>::default();
        let policy = Policy {
            mode: Mode::Always,
            ..Policy::default()
        };
        let (mut watcher, idle) = watch(policy, runner.clone(), Arc::default()).expect("valid");
        watcher.look(TICK, &Readings::default());
        assert_eq!(idle.phase().state, State::Idle);
        assert_eq!(runner.0.load(Ordering::SeqCst), 0);
        assert_eq!(Idle::always().phase().state, State::Idle);
    }
}
