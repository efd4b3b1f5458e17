//! Readings against limits.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    policy::{Mode, Policy, ScreenLock},
    reading::{Power, Reading, Readings},
};

/// What can speak against work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Keyboard and mouse rest long enough.
    Input,
    /// Others leave enough CPU.
    ForeignCpu,
    /// Others leave enough memory.
    ForeignMemory,
    /// On mains.
    Power,
    /// The battery is charged enough.
    Battery,
    /// The network costs nothing.
    Metered,
    /// Cool enough.
    Temperature,
    /// The screen is locked.
    ScreenLock,
    /// Within the hours.
    Hours,
    /// No exclusive program runs.
    Exclusive,
    /// Nothing else spoke against it for long enough.
    Calm,
}

/// A reading or a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A time, in seconds.
    Seconds(u64),
    /// A share.
    Percent(u32),
    /// A temperature.
    Celsius(i32),
    /// Anything else.
    Text(String),
    /// Not to be had, and why.
    Unknown(String),
}

/// A rule, what was read, and what it is held against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The rule.
    pub rule: Rule,
    /// What was read.
    pub reading: Value,
    /// The limit.
    pub limit: Value,
    /// Whether it speaks for work.
    pub holds: bool,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "{seconds} s"),
            Self::Percent(percent) => write!(f, "{percent} %"),
            Self::Celsius(degrees) => write!(f, "{degrees} °C"),
            Self::Text(text) => f.write_str(text),
            Self::Unknown(why) => write!(f, "unknown ({why})"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reading, limit, .. } = self;
        match self.rule {
            Rule::Input => match reading {
                Value::Unknown(_) => write!(f, "last input: {reading}, wanted: {limit} ago"),
                _ => write!(f, "last input: {reading} ago, wanted: {limit}"),
            },
            Rule::ForeignCpu => write!(f, "CPU of others: {reading}, at most {limit}"),
            Rule::ForeignMemory => write!(f, "memory of others: {reading}, below {limit}"),
            Rule::Power => write!(f, "power: {reading}, wanted: {limit}"),
            Rule::Battery => write!(f, "battery: {reading}, at least {limit}"),
            Rule::Metered => write!(f, "network: {reading}, wanted: {limit}"),
            Rule::Temperature => write!(f, "temperature: {reading}, at most {limit}"),
            Rule::ScreenLock => write!(f, "screen: {reading}, wanted: {limit}"),
            Rule::Hours => write!(f, "hours: {reading}, wanted: {limit}"),
            Rule::Exclusive => write!(f, "exclusive programs: {reading}, wanted: {limit}"),
            Rule::Calm => write!(f, "nothing against it for {reading}, wanted: {limit}"),
        }
    }
}

/// Holds one reading against its rule.
struct Check<'a> {
    policy: &'a Policy,
    reasons: Vec<Reason>,
}

impl Check<'_> {
    fn add<T>(
        &mut self,
        rule: Rule,
        reading: &Reading<T>,
        limit: Value,
        show: impl Fn(&T) -> Value,
        holds: impl Fn(&T) -> bool,
    ) {
        let (reading, holds) = match reading {
            Reading::Known(value) => (show(value), holds(value)),
            Reading::Unknown(why) => (
                Value::Unknown(why.clone()),
                self.policy.mode == Mode::Server,
            ),
        };
        self.reasons.push(Reason {
            rule,
            reading,
            limit,
            holds,
        });
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// Every rule that applies, in the order in which it matters. `away` is how long there must have been no input.
pub(crate) fn check(policy: &Policy, readings: &Readings, away: Duration) -> Vec<Reason> {
    if policy.mode == Mode::Always {
        return Vec::new();
    }
    let reasons = Vec::new();
    let mut check = Check { policy, reasons };
    let away = match (policy.screen_lock, &readings.locked) {
        (ScreenLock::Hastens, Reading::Known(true)) => away.min(policy.resume_after()),
        _ => away,
    };
    let (any, whole) = readings.last_input();
    // Whoever sees a part only can say that somebody is there.
    let input = match (any, whole) {
        (Some(any), _) if any < away => Reading::Known(any),
        (_, whole) => whole,
    };
    let seconds = |time: &Duration| Value::Seconds(time.as_secs());
    check.add(Rule::Input, &input, seconds(&away), seconds, |ago| {
        *ago >= away
    });
    let percent = |share: &u32| Value::Percent(*share);
    check.add(
        Rule::ForeignCpu,
        &readings.foreign_cpu,
        Value::Percent(policy.max_foreign_cpu),
        percent,
        |share| *share <= policy.max_foreign_cpu,
    );
    check.add(
        Rule::ForeignMemory,
        &readings.foreign_memory,
        Value::Percent(policy.max_foreign_memory),
        percent,
        |share| *share < policy.max_foreign_memory,
    );
    if !policy.on_battery {
        let show = |power: &Power| match power {
            Power::Mains => text("mains"),
            Power::Battery => text("battery"),
        };
        check.add(Rule::Power, &readings.power, text("mains"), show, |power| {
            *power == Power::Mains
        });
    }
    if policy.min_battery > 0 {
        let limit = Value::Percent(policy.min_battery);
        check.add(Rule::Battery, &readings.battery, limit, percent, |charge| {
            *charge >= policy.min_battery
        });
    }
    if !policy.on_metered {
        let name = |metered: &bool| text(if *metered { "metered" } else { "not metered" });
        check.add(
            Rule::Metered,
            &readings.metered,
            name(&false),
            name,
            |metered| !metered,
        );
    }
    if policy.max_temperature > 0 {
        let limit = i32::try_from(policy.max_temperature).unwrap_or(i32::MAX);
        check.add(
            Rule::Temperature,
            &readings.temperature,
            Value::Celsius(limit),
            |degrees| Value::Celsius(*degrees),
            |degrees| *degrees <= limit,
        );
    }
    if policy.screen_lock == ScreenLock::Required {
        let name = |locked: &bool| text(if *locked { "locked" } else { "not locked" });
        let locked = &readings.locked;
        check.add(Rule::ScreenLock, locked, name(&true), name, |locked| {
            *locked
        });
    }
    if !policy.hours.is_empty() {
        let wanted: Vec<String> = policy.hours.iter().map(ToString::to_string).collect();
        check.add(
            Rule::Hours,
            &readings.local_time,
            Value::Text(wanted.join(", ")),
            |time| Value::Text(format!("{:02}:{:02}", time.minute / 60, time.minute % 60)),
            |time| policy.hours.iter().any(|window| window.contains(*time)),
        );
    }
    if !policy.exclusive.is_empty() {
        check.add(
            Rule::Exclusive,
            &readings.exclusive,
            text("none"),
            |running| match running.is_empty() {
                true => text("none"),
                false => Value::Text(running.join(", ")),
            },
            |running| running.is_empty(),
        );
    }
    check.reasons
}
