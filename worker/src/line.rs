//! What the work takes of the machine's line, and when it takes less.
//!
//! | | content goes | comes | new work |
//! |---|---|---|---|
//! | the machine is the work's | at `upload_mbit` | at `download_mbit` | yes |
//! | it is its owner's (also: the line costs by volume) | at `owner_upload_percent` of that | as before: what began is brought to its end | no |
//! | the day's traffic is used up | the same | the same | no |
//! | witnesses look for what this worker owes | at any rate, whatever else holds: each of them waits for 20 Mbit/s | as before | by the rows above |
//!
//! Serving never stops: outputs are owed until their requester has them or their time is over, and whoever withholds them loses
//! bond. [X9]

use std::{
    num::NonZeroU64,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use sungrid_data_plane::Rates;
use tokio::sync::watch;
use tracing::{debug, info, warn};

use crate::{config::Config, idle::Idle, metrics::Metrics, plane::Plane, supervisor::stopped};

/// What was moved today, in the data folder: a restart begins no new day.
pub const FILE: &str = "traffic.json";
/// Between two looks at what was moved. More, and the day's traffic runs over by more; less, and it wakes an idle machine.
const LOOK: Duration = Duration::from_secs(10);
/// Looks between two writes of [`FILE`]. More, and a crash forgets more.
const LOOKS_PER_WRITE: u32 = 6;
/// The slowest upload, bytes per second, whatever the settings say: peers give up who sends no piece for some seconds.
const SLOWEST: u64 = 1_000_000 / 8;
/// Seconds of a day.
const DAY: u64 = 86_400;

/// Where the rates count, and what knows what was moved.
pub trait Throttle: Send + Sync {
    /// Has content go and come no faster than this.
    fn set_rates(&self, rates: Rates);
    /// Bytes that were sent and received since the start of the process.
    fn moved(&self) -> u64;
}

impl Throttle for Plane {
    fn set_rates(&self, rates: Rates) {
        Plane::set_rates(self, rates);
    }

    fn moved(&self) -> u64 {
        let stats = self.stats();
        stats.direct_bytes.saturating_add(stats.relayed_bytes)
    }
}

/// How much of the line the work may have.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// While the machine is the work's.
    pub rates: Rates,
    /// What is left of the upload otherwise, percent.
    pub owner_percent: u8,
    /// Bytes of a day, both ways.
    pub daily: Option<NonZeroU64>,
}

impl Bounds {
    /// As the settings say.
    pub fn of(config: &Config) -> Self {
        Self {
            rates: config.rates(),
            owner_percent: config.owner_upload_percent,
            daily: NonZeroU64::new(config.traffic_gb_per_day.saturating_mul(1_000_000_000)),
        }
    }

    /// While witnesses look for what is owed.
    fn called(&self) -> Rates {
        Rates {
            upload: None,
            ..self.rates
        }
    }

    /// While the machine is its owner's.
    fn slow(&self) -> Rates {
        let part = |rate: NonZeroU64| {
            let part = u128::from(rate.get()) * u128::from(self.owner_percent) / 100;
            let part = u64::try_from(part).unwrap_or(u64::MAX).max(SLOWEST);
            NonZeroU64::new(part).map_or(rate, |part| part.min(rate))
        };
        Rates {
            upload: self.rates.upload.map(part),
            ..self.rates
        }
    }
}

/// What was moved on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Traffic {
    /// Days since 1970, UTC.
    day: u64,
    bytes: u64,
}

impl Traffic {
    /// So many bytes more were moved.
    fn add(&mut self, day: u64, bytes: u64) {
        // A clock that is set back begins a day, too: what is counted belongs to no other.
        if day != self.day {
            *self = Self { day, bytes: 0 };
        }
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Waits until somebody says something new.
async fn heard(called: &mut watch::Receiver<bool>) {
    if called.changed().await.is_err() {
        std::future::pending().await
    }
}

fn today() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs() / DAY)
}

/// The supervisor's end.
#[derive(Clone, Debug)]
pub struct Line {
    called: Arc<watch::Sender<bool>>,
    spent: watch::Receiver<Option<String>>,
}

impl Default for Line {
    /// A line that is the work's alone.
    fn default() -> Self {
        Self {
            called: Arc::default(),
            spent: watch::channel(None).1,
        }
    }
}

impl Line {
    /// Why nothing new is taken, if that is so.
    pub(crate) fn spent(&self) -> Option<String> {
        self.spent.borrow().clone()
    }

    /// Says whether witnesses look for what this worker owes.
    pub(crate) fn call(&self, called: bool) {
        self.called.send_if_modified(|last| {
            let changed = *last != called;
            *last = called;
            changed
        });
    }
}

/// The line's end: sets the rates, and counts what was moved.
pub struct Keeper {
    throttle: Arc<dyn Throttle>,
    bounds: Bounds,
    machine: Idle,
    metrics: Arc<Metrics>,
    file: PathBuf,
    called: watch::Receiver<bool>,
    spent: watch::Sender<Option<String>>,
    traffic: Traffic,
    /// What was moved when it was counted last.
    moved: u64,
    /// What is in force, and why it is slow.
    last: Option<(Rates, Option<&'static str>)>,
}

/// Keeps the line within bounds, by whose the machine is.
pub fn keep(
    throttle: Arc<dyn Throttle>,
    bounds: Bounds,
    machine: Idle,
    metrics: Arc<Metrics>,
    file: PathBuf,
) -> (Keeper, Line) {
    Keeper::start((throttle, bounds), (machine, metrics), file, today())
}

impl Keeper {
    fn start(
        (throttle, bounds): (Arc<dyn Throttle>, Bounds),
        (machine, metrics): (Idle, Arc<Metrics>),
        file: PathBuf,
        day: u64,
    ) -> (Self, Line) {
        let traffic = std::fs::read(&file).ok();
        let traffic = traffic.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let (spender, spent) = watch::channel(None);
        let line = Line {
            called: Arc::default(),
            spent,
        };
        let mut keeper = Keeper {
            throttle,
            bounds,
            machine,
            metrics,
            file,
            called: line.called.subscribe(),
            spent: spender,
            traffic: traffic.unwrap_or_default(),
            moved: 0,
            last: None,
        };
        // Nothing is served at full speed before it is known whose the machine is.
        keeper.look(day);
        (keeper, line)
    }

    /// Counts what was moved, and sets what follows.
    pub fn look(&mut self, day: u64) {
        let moved = self.throttle.moved();
        self.traffic.add(day, moved.saturating_sub(self.moved));
        self.moved = moved;
        let daily = self.bounds.daily.map(NonZeroU64::get);
        let is_spent = daily.is_some_and(|daily| self.traffic.bytes >= daily);
        let reason = match (self.machine.phase().state.may_work(), is_spent) {
            (false, _) => Some("the machine is its owner's"),
            (true, true) => Some("the day's traffic is used up"),
            (true, false) => None,
        };
        let (rates, reason) = match reason {
            // Of several witnesses each calls slow who serves all of them at the line's rate.
            _ if *self.called.borrow() => (self.bounds.called(), None),
            Some(_) => (self.bounds.slow(), reason),
            None => (self.bounds.rates, None),
        };
        self.spent.send_if_modified(|last| {
            let spent = is_spent.then(|| {
                format!(
                    "the day's traffic is used up: {} GB (traffic_gb_per_day), until midnight UTC",
                    daily.unwrap_or(0) / 1_000_000_000
                )
            });
            let changed = *last != spent;
            if changed && let Some(reason) = &spent {
                warn!(reason, "no new work");
            }
            *last = spent;
            changed
        });
        if self.last != Some((rates, reason)) {
            self.throttle.set_rates(rates);
            let text = described(rates, reason);
            if self.last.is_some() {
                info!(line = text, "the line");
            }
            self.metrics.fact("line", text);
            self.last = Some((rates, reason));
        }
        self.metrics.line(rates, self.traffic.bytes);
    }

    /// Looks until `stop` turns true.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut looks = 0_u32;
        loop {
            let stops = tokio::select! {
                biased;
                () = stopped(&mut stop) => true,
                () = self.machine.changed() => false,
                () = heard(&mut self.called) => false,
                () = tokio::time::sleep(LOOK) => false,
            };
            let before = self.traffic;
            self.look(today());
            looks += 1;
            if stops || before.day != self.traffic.day || looks.is_multiple_of(LOOKS_PER_WRITE) {
                self.write();
            }
            if stops {
                return;
            }
        }
    }

    fn write(&self) {
        let temporary = self.file.with_extension("tmp");
        let written = serde_json::to_vec(&self.traffic)
            .map_err(std::io::Error::from)
            .and_then(|text| std::fs::write(&temporary, text))
            .and_then(|()| std::fs::rename(&temporary, &self.file));
        if let Err(error) = written {
            debug!(%error, "the day's traffic cannot be written down");
        }
    }
}

/// In words for `status`.
fn described(rates: Rates, reason: Option<&str>) -> String {
    let mbit = |rate: Option<NonZeroU64>| match rate {
        // Tenths, rounded up: what is not nothing is not shown as nothing.
        Some(rate) => {
            let tenths = (u128::from(rate.get()) * 8).div_ceil(100_000);
            format!("{}.{} Mbit/s", tenths / 10, tenths % 10)
        }
        None => "any rate".into(),
    };
    let (up, down) = (mbit(rates.upload), mbit(rates.download));
    match reason {
        Some(reason) => format!("{up} out ({reason}; outputs stay to be had), {down} in"),
        None => format!("{up} out, {down} in"),
    }
}

#[cfg(test)]
mod tests;
