//! When there is power to work with: by the clock, by the sun on one's own roof, by what the grid emits. [N3]
//!
//! The rules hold back new work only: a batch that was claimed is finished, since giving it up would cost its requester time and
//! this worker its record.

use std::{path::PathBuf, str::FromStr, time::Duration};

use serde::Deserialize;
use sungrid_idle::{LocalTime, Window};
use tokio::{io::AsyncReadExt, process::Command, sync::watch};
use tracing::{debug, warn};

/// Longest answer of a meter, bytes.
const MAX_ANSWER: u64 = 4_096;
/// Time that a meter command may take.
const COMMAND_TIME: Duration = Duration::from_secs(10);
/// A reading counts for so many pauses between readings, and for [`LEAST_LIFE`] at least.
const LIFE: u32 = 5;
const LEAST_LIFE: Duration = Duration::from_secs(300);
/// What no meter of a house shows.
const MOST_WATTS: f64 = 1e7;
const MOST_CARBON: f64 = 10_000.0;

/// What a meter says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Power of one's own that goes to the grid now, W; below zero, what comes from there.
    pub surplus_watts: Option<f64>,
    /// Grams of CO2 per kWh of the grid.
    pub carbon: Option<f64>,
}

impl FromStr for Reading {
    type Err = String;

    /// A number is the surplus; an object names either or both, and may name more.
    fn from_str(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Named {
            surplus_watts: Option<f64>,
            carbon: Option<f64>,
        }
        let text = text.trim();
        let reading = match text.parse() {
            Ok(surplus) => Self {
                surplus_watts: Some(surplus),
                carbon: None,
            },
            Err(_) => {
                let named: Named = serde_json::from_str(text).map_err(|error| error.to_string())?;
                Self {
                    surplus_watts: named.surplus_watts,
                    carbon: named.carbon,
                }
            }
        };
        let beyond = |value: Option<f64>, least: f64, most: f64| {
            value.is_some_and(|value| !(least..=most).contains(&value))
        };
        if beyond(reading.surplus_watts, -MOST_WATTS, MOST_WATTS)
            || beyond(reading.carbon, 0.0, MOST_CARBON)
        {
            return Err("a figure that cannot be".into());
        }
        if reading == Self::default() {
            return Err("neither \"surplus_watts\" nor \"carbon\"".into());
        }
        Ok(reading)
    }
}

/// Where readings come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meter {
    /// A file that something else writes.
    File(PathBuf),
    /// A program and its arguments, which writes a reading to its standard output.
    Command(Vec<String>),
}

/// When new work may be taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// In one of these hours; none: always.
    pub hours: Vec<Window>,
    /// With power of one's own only.
    pub own_sun: bool,
    /// With power of the grid while it emits no more than so many grams of CO2 per kWh.
    pub carbon_max: Option<u16>,
    /// What the grid emits where no meter says it.
    pub carbon: u16,
    /// What a busy lane draws more than an idle one, W.
    pub lane_watts: u32,
    /// Whether there is a meter: one that is silent stops new work.
    pub metered: bool,
}

/// How much may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// As much as there are lanes.
    All,
    /// Enough for so many busy lanes.
    Lanes(usize),
    /// Nothing, and why.
    None(&'static str),
}

impl Rules {
    /// What the rules allow with so many lanes busy. Without a time of day no hours are known to hold.
    pub fn allow(&self, at: Option<LocalTime>, reading: Option<Reading>, busy: usize) -> Allowance {
        let within = |at| self.hours.iter().any(|hours| hours.contains(at));
        if !self.hours.is_empty() && !at.is_some_and(within) {
            return Allowance::None("outside of the hours in `schedule.hours`");
        }
        if !self.own_sun && self.carbon_max.is_none() {
            return Allowance::All;
        }
        if self.metered && reading.is_none() {
            return Allowance::None(
                "the meter says nothing; see `schedule.meter_file` and `schedule.meter_command`",
            );
        }
        let reading = reading.unwrap_or_default();
        let carbon = reading.carbon.unwrap_or(f64::from(self.carbon));
        let clean = |max: u16| carbon <= f64::from(max);
        if !self.own_sun && self.carbon_max.is_none_or(clean) {
            return Allowance::All;
        }
        // The meter shows what is left with the busy lanes running.
        let watts = f64::from(self.lane_watts.max(1));
        let own = reading.surplus_watts.unwrap_or(0.0) + busy as f64 * watts;
        // Saturates; what is below zero is none.
        match (own / watts) as usize {
            0 if self.own_sun => Allowance::None("no power of one's own to spare"),
            0 => Allowance::None("the grid emits more than `schedule.carbon_max`"),
            lanes => Allowance::Lanes(lanes),
        }
    }
}

impl Meter {
    /// Reads once.
    pub async fn read(&self, life: Duration) -> Result<Reading, String> {
        let text = match self {
            Self::File(path) => {
                let file = tokio::fs::File::open(path);
                let file = file.await.map_err(|e| format!("{}: {e}", path.display()))?;
                let modified = file.metadata().await.and_then(|meta| meta.modified());
                let age = modified.map(|at| at.elapsed().unwrap_or_default());
                if age.is_ok_and(|age| age > life) {
                    return Err(format!("{}: not written for {life:?}", path.display()));
                }
                answer(file).await?
            }
            Self::Command(words) => {
                let (program, arguments) = words.split_first().ok_or("no command")?;
                let run = async {
                    let mut child = Command::new(program)
                        .args(arguments)
                        .stdin(std::process::Stdio::null())
                        .stderr(std::process::Stdio::null())
                        .stdout(std::process::Stdio::piped())
                        .kill_on_drop(true)
                        .spawn()
                        .map_err(|error| format!("{program}: {error}"))?;
                    let stdout = child.stdout.take().ok_or("no output")?;
                    let text = answer(stdout).await?;
                    let status = child.wait().await.map_err(|error| error.to_string())?;
                    if !status.success() {
                        return Err(format!("{program}: {status}"));
                    }
                    Ok(text)
                };
                let ended = tokio::time::timeout(COMMAND_TIME, run).await;
                ended.map_err(|_| format!("{program}: no answer within {COMMAND_TIME:?}"))??
            }
        };
        text.parse()
    }

    /// Reads again and again, until nobody looks any more.
    pub fn watch(self, every: Duration) -> watch::Receiver<Option<Reading>> {
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            let mut silent = false;
            loop {
                let life = (LIFE * every).max(LEAST_LIFE);
                let reading = match self.read(life).await {
                    Ok(reading) => {
                        debug!(?reading, "meter");
                        silent = false;
                        Some(reading)
                    }
                    Err(error) => {
                        if !std::mem::replace(&mut silent, true) {
                            warn!(error, "the meter says nothing that can be used");
                        }
                        None
                    }
                };
                sender.send_replace(reading);
                tokio::select! {
                    () = sender.closed() => return,
                    () = tokio::time::sleep(every) => {}
                }
            }
        });
        receiver
    }
}

/// Reads a short text.
async fn answer(from: impl tokio::io::AsyncRead + Unpin) -> Result<String, String> {
    let mut text = String::new();
    let read = from.take(MAX_ANSWER + 1).read_to_string(&mut text).await;
    read.map_err(|error| error.to_string())?;
    if text.len() as u64 > MAX_ANSWER {
        return Err(format!("more than {MAX_ANSWER} bytes"));
    }
    Ok(text)
}

/// The rules with what they go by.
#[derive(Debug, Default)]
pub struct Energy {
    rules: Rules,
    reading: Option<watch::Receiver<Option<Reading>>>,
}

impl Energy {
    /// Rules, and the readings of a meter if there is one.
    pub fn new(mut rules: Rules, reading: Option<watch::Receiver<Option<Reading>>>) -> Self {
        rules.metered = reading.is_some();
        Self { rules, reading }
    }

    /// What may be taken now, with so many lanes busy.
    pub fn allow(&self, busy: usize) -> Allowance {
        let reading = self.reading.as_ref().and_then(|reading| *reading.borrow());
        let now = LocalTime::now();
        self.rules.allow(now.known().copied(), reading, busy)
    }
}
