//! The part of the settings file that is about choosing work.

use std::{path::Path, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use sungrid_idle::WindowError;
use sungrid_primitives::attributes::CARBON_UNKNOWN;

use super::{
    FirstCome, Greedy, Learned, Policy, Scheduler,
    energy::{Energy, Meter, Rules},
    experience,
};
use crate::config::{AS_IN_FILE, ConfigError};

/// `[schedule]` of the settings file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// How it chooses among jobs.
    pub policy: Policy,
    /// Local hours in which new work is taken; none: always.
    pub hours: Vec<String>,
    /// Take new work only with power of one's own, as the meter shows it.
    pub own_sun: bool,
    /// Take new work with power of the grid only while it emits so many grams of CO2 per kWh at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carbon_max: Option<u16>,
    /// What a busy lane draws more than an idle one, W.
    pub lane_watts: u32,
    /// What a kWh costs, planck.
    pub kwh_price: u64,
    /// A file with the meter's reading, relative to the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meter_file: Option<PathBuf>,
    /// A program, with its arguments, that prints the meter's reading.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub meter_command: Vec<String>,
    /// Seconds between readings.
    pub meter_seconds: u32,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            hours: Vec::new(),
            own_sun: false,
            carbon_max: None,
            lane_watts: 15,
            kwh_price: 0,
            meter_file: None,
            meter_command: Vec::new(),
            meter_seconds: 60,
        }
    }
}

/// What stands above each of them in a fresh file.
pub(crate) const MEANINGS: [(&str, &str); 9] = [
    (
        "policy",
        "Which job comes first: first-come, greedy (best pay per second by its record) or learned (by experience).",
    ),
    (
        "hours",
        "Local hours in which new work is taken, such as \"mon-fri 22:00-06:00\"; none: always.",
    ),
    (
        "own_sun",
        "Take new work only with power of one's own, as the meter shows it.",
    ),
    (
        "carbon_max",
        "Most grams of CO2 per kWh of the grid at which new work is taken.",
    ),
    (
        "lane_watts",
        "What a busy lane draws more than an idle one, W.",
    ),
    (
        "kwh_price",
        "What a kWh costs, planck; `learned` deducts it.",
    ),
    (
        "meter_file",
        "File with {\"surplus_watts\": W, \"carbon\": g per kWh}, either or both.",
    ),
    ("meter_command", "Or a program that prints it."),
    ("meter_seconds", "Seconds between readings."),
];

impl Schedule {
    fn meter(&self, folder: &Path) -> Result<Option<Meter>, ConfigError> {
        let value = |name, reason: &str| ConfigError::Value {
            name,
            reason: reason.into(),
        };
        match (&self.meter_file, self.meter_command.is_empty()) {
            (Some(_), false) => Err(value(
                "schedule.meter_command",
                "there is a `meter_file`, too: keep one of them",
            )),
            (Some(path), true) => Ok(Some(Meter::File(folder.join(path)))),
            (None, false) => Ok(Some(Meter::Command(self.meter_command.clone()))),
            (None, true) if self.own_sun => Err(value(
                "schedule.own_sun",
                "needs a meter: set `meter_file` or `meter_command`",
            )),
            (None, true) => Ok(None),
        }
    }

    /// When new work may be taken; `carbon` is what the operator declares of the grid.
    pub fn rules(&self, carbon: Option<u16>) -> Result<Rules, ConfigError> {
        let value = |name, reason| ConfigError::Value { name, reason };
        let hours = self.hours.iter().map(|text| text.parse());
        let hours = hours
            .collect::<Result<_, _>>()
            .map_err(|reason: WindowError| {
                value("schedule.hours", format!("{reason}; {AS_IN_FILE}"))
            })?;
        if self.own_sun && self.lane_watts == 0 {
            let reason = "`own_sun` needs to know what a busy lane draws, at least 1 W".into();
            return Err(value("schedule.lane_watts", reason));
        }
        if self.meter_seconds == 0 {
            let reason = "at least 1".into();
            return Err(value("schedule.meter_seconds", reason));
        }
        let metered = self.meter(Path::new(""))?.is_some();
        if self.carbon_max.is_some() && carbon.is_none() && !metered {
            let reason = "needs to know what the grid emits: set `declared.carbon`, `meter_file` or `meter_command`".into();
            return Err(value("schedule.carbon_max", reason));
        }
        Ok(Rules {
            hours,
            own_sun: self.own_sun,
            carbon_max: self.carbon_max,
            carbon: carbon.unwrap_or(CARBON_UNKNOWN),
            lane_watts: self.lane_watts,
            metered,
        })
    }

    /// The policy, with the experience that is in the data folder.
    pub fn scheduler(&self, folder: &Path) -> Box<dyn Scheduler> {
        match self.policy {
            Policy::FirstCome => Box::new(FirstCome),
            Policy::Greedy => Box::new(Greedy),
            Policy::Learned => Box::new(Learned::new(Some(folder.join(experience::FILE)))),
        }
    }

    /// The rules at work. Needs the runtime, if there is a meter.
    pub fn energy(&self, folder: &Path, carbon: Option<u16>) -> Result<Energy, ConfigError> {
        let every = Duration::from_secs(self.meter_seconds.into());
        let readings = self.meter(folder)?.map(|meter| meter.watch(every));
        Ok(Energy::new(self.rules(carbon)?, readings))
    }
}
