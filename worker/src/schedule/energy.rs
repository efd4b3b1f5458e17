//! When there is power to work with: by the clock, by the sun on one's own roof, by what the grid emits. [N3]
//!
//! The rules hold back new work only: a batch that was claimed is finished, since giving it up would cost its requester time and
//! this worker its record.

use std::{
    path::PathBuf,
    str::FromStr,
    time::{Duration, SystemTime},
};

use serde::Deserialize;
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

/// Minutes in a day.
const DAY: u16 = 24 * 60;

/// A moment of the week, by the clock on the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// 0 is Monday.
    pub weekday: usize,
    /// Minutes since midnight.
    pub minute: u16,
}

impl Moment {
    /// Now, by the machine's time zone; by UTC where the system does not say.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seconds = since.map_or(0, |since| since.as_secs());
        Self::local(seconds).unwrap_or_else(|| {
            let days = seconds / 86_400;
            Self {
                // The epoch was a Thursday.
                weekday: ((days + 3) % 7) as usize,
                minute: (seconds % 86_400 / 60) as u16,
            }
        })
    }

    #[cfg(unix)]
    fn local(seconds: u64) -> Option<Self> {
        let time = libc::time_t::try_from(seconds).ok()?;
        // SAFETY: a zeroed `tm` is a valid one, and `localtime_r` writes to it alone.
        let tm = unsafe {
            let mut tm: libc::tm = std::mem::zeroed();
            if libc::localtime_r(&raw const time, &raw mut tm).is_null() {
                return None;
            }
            tm
        };
        Some(Self {
            // There, Sunday is 0.
            weekday: (usize::try_from(tm.tm_wday).ok()? + 6) % 7,
            minute: u16::try_from(tm.tm_hour * 60 + tm.tm_min).ok()?,
        })
    }

    #[cfg(not(unix))]
    fn local(_: u64) -> Option<Self> {
        None
    }
}

/// Hours of some days, such as `22:00-06:00` or `sat,sun 00:00-24:00` or `mon-fri 9:00-17:00`. Past midnight they go on into
/// the day after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    days: [bool; 7],
    from: u16,
    to: u16,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\"{text}\" are no hours: write \"22:00-06:00\", with days before it if need be, as in \"mon-fri 22:00-06:00\" or \"sat,sun 00:00-24:00\""
            )
        };
        let (days, span) = match text.trim().rsplit_once(' ') {
            Some((days, span)) => (Some(days.trim()), span),
            None => (None, text.trim()),
        };
        let (from, to) = span.split_once('-').ok_or_else(wrong)?;
        let minute = |text: &str| -> Option<u16> {
            let (hour, minute) = text.split_once(':')?;
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour <= 24 && minute < 60 && hour * 60 + minute <= DAY).then_some(hour * 60 + minute)
        };
        let (from, to) = minute(from).zip(minute(to)).ok_or_else(wrong)?;
        if from == to || from == DAY {
            return Err(wrong());
        }
        let Some(days) = days else {
            let days = [true; 7];
            return Ok(Self { days, from, to });
        };
        let mut named = [false; 7];
        let day = |name: &str| {
            let name = name.trim().to_ascii_lowercase();
            DAYS.iter().position(|day| *day == name).ok_or_else(wrong)
        };
        for part in days.split(',') {
            let (first, last) = match part.split_once('-') {
                Some((first, last)) => (day(first)?, day(last)?),
                None => (day(part)?, day(part)?),
            };
            let mut at = first;
            named[at] = true;
            while at != last {
                at = (at + 1) % 7;
                named[at] = true;
            }
        }
        let days = named;
        Ok(Self { days, from, to })
    }
}

impl Hours {
    fn contain(&self, at: Moment) -> bool {
        let today = self.days.get(at.weekday).copied().unwrap_or(false);
        if self.from < self.to {
            return today && (self.from..self.to).contains(&at.minute);
        }
        let yesterday = self
            .days
            .get((at.weekday + 6) % 7)
            .copied()
            .unwrap_or(false);
        (today && at.minute >= self.from) || (yesterday && at.minute < self.to)
    }
}

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
    pub hours: Vec<Hours>,
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
    /// What the rules allow with so many lanes busy.
    pub fn allow(&self, at: Moment, reading: Option<Reading>, busy: usize) -> Allowance {
        if !self.hours.is_empty() && !self.hours.iter().any(|hours| hours.contain(at)) {
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
        self.rules.allow(Moment::now(), reading, busy)
    }
}
