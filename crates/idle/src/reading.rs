//! What sensors say.

use std::{collections::BTreeMap, time::Duration};

use serde::{Serialize, Serializer};

/// A value, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading<T> {
    /// Read.
    Known(T),
    /// Not to be had; the text says why, and what helps.
    Unknown(String),
}

impl<T> Reading<T> {
    /// Nothing is known, for this reason.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown(why.into())
    }

    /// The value, where there is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

impl<T> Default for Reading<T> {
    fn default() -> Self {
        Self::unknown("no sensor for it on this system")
    }
}

/// What one source knows of keyboard, mouse and the like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// It sees all input of whoever sits at the machine: the last was this long ago, in seconds.
    Whole(#[serde(serialize_with = "seconds")] Duration),
    /// It sees all input, but tells no more than that there was some not long ago.
    Recent,
    /// It sees some input, such as that of terminals: enough to know that somebody is there, not that nobody is.
    Part(#[serde(serialize_with = "seconds")] Duration),
    /// It cannot be asked.
    Unknown(String),
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// Where the machine's power comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// The wall.
    Mains,
    /// Its battery.
    Battery,
}

/// The owner's time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LocalTime {
    /// 0 is Monday.
    pub weekday: u8,
    /// Minutes since midnight.
    pub minute: u16,
}

/// All that is known of a machine at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Readings {
    /// Input, by source.
    pub input: BTreeMap<&'static str, Input>,
    /// Whether the screen is locked.
    pub locked: Reading<bool>,
    /// CPU time of others over the last ten seconds, percent of all cores, rounded up.
    pub foreign_cpu: Reading<u32>,
    /// Memory of others, percent of all, rounded up.
    pub foreign_memory: Reading<u32>,
    /// Where the power comes from.
    pub power: Reading<Power>,
    /// Charge of the emptiest battery, percent; a machine without one counts as full.
    pub battery: Reading<u32>,
    /// The hottest sensor, °C.
    pub temperature: Reading<i32>,
    /// Whether traffic costs money.
    pub metered: Reading<bool>,
    /// The owner's time of day.
    pub local_time: Reading<LocalTime>,
    /// Which of the exclusive programs run.
    pub exclusive: Reading<Vec<String>>,
}

impl Readings {
    /// The last input that any source saw, and the last of those that see all of it.
    pub(crate) fn last_input(&self) -> (Option<Duration>, Reading<Duration>) {
        let mut any = None::<Duration>;
        let mut whole = None::<Duration>;
        let mut recent = false;
        let mut missing = Vec::new();
        let least = |old: Option<Duration>, new: Duration| Some(old.map_or(new, |o| o.min(new)));
        for (source, input) in &self.input {
            match input {
                Input::Whole(ago) => {
                    whole = least(whole, *ago);
                    any = least(any, *ago);
                }
                Input::Part(ago) => any = least(any, *ago),
                Input::Recent => recent = true,
                Input::Unknown(why) => missing.push(format!("{source}: {why}")),
            }
        }
        let whole = match whole {
            Some(ago) => Reading::Known(ago),
            // The coarse source alone: taken at its word.
            None if recent => Reading::Known(Duration::ZERO),
            None if missing.is_empty() => Reading::unknown("no sensor sees all input"),
            None => Reading::Unknown(missing.join("; ")),
        };
        (any, whole)
    }
}
