//! What an owner wants: limits and times, as they stand in a settings file.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{machine::MAX_GAP, reading::LocalTime};

/// Whom a machine is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// For the work alone: no rule applies.
    Always,
    /// For an owner who comes first: what cannot be read counts against work.
    #[default]
    Desktop,
    /// For other services as well: rules apply, but what cannot be read does not count.
    Server,
}

/// What a locked screen means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScreenLock {
    /// Nothing.
    #[default]
    Ignored,
    /// The owner has left: work starts after `resume_after_s` instead of `start_after_s`.
    Hastens,
    /// Work runs on a locked machine only.
    Required,
}

/// When work may run. Times are in seconds, shares in percent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Whom the machine is for.
    pub mode: Mode,
    /// Work starts when there was no input for so long.
    pub start_after_s: u64,
    /// Suspended work resumes when there was no input for so long, and nothing else against it.
    pub resume_after_s: u64,
    /// Work that was suspended for so long is handed back.
    pub vacate_after_s: u64,
    /// Work that is still there so long after that is killed.
    pub kill_after_s: u64,
    /// CPU that others may use, percent of all cores.
    pub max_foreign_cpu: u32,
    /// Memory that others may use has to be below this, percent of all.
    pub max_foreign_memory: u32,
    /// Whether to work on battery.
    pub on_battery: bool,
    /// Least charge of the battery, percent, also on mains.
    pub min_battery: u32,
    /// Whether to work on a network where traffic costs money. Yes by default where no sensor tells, which is everywhere but on
    /// Linux.
    pub on_metered: bool,
    /// Highest temperature of any sensor, °C; 0: any.
    pub max_temperature: u32,
    /// What a locked screen means.
    pub screen_lock: ScreenLock,
    /// When work may run, such as `mon-fri 18:00-08:00`; none: any time.
    pub hours: Vec<Window>,
    /// Programs beside which no work runs, by process name.
    pub exclusive: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            start_after_s: 300,
            resume_after_s: 60,
            vacate_after_s: 600,
            kill_after_s: 60,
            max_foreign_cpu: 15,
            max_foreign_memory: 70,
            on_battery: false,
            min_battery: 0,
            // Only Linux tells: elsewhere this rule would keep every machine from work for ever.
            on_metered: !cfg!(target_os = "linux"),
            max_temperature: 0,
            screen_lock: ScreenLock::default(),
            hours: Vec::new(),
            exclusive: Vec::new(),
        }
    }
}

/// Why a policy makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {reason}")]
pub struct PolicyError {
    /// The setting.
    pub field: &'static str,
    /// What is wrong with it, and what to write instead.
    pub reason: String,
}

impl Policy {
    /// Says what makes no sense.
    pub fn validate(&self) -> Result<(), PolicyError> {
        let wrong = |field, reason: String| Err(PolicyError { field, reason });
        if Duration::from_secs(self.resume_after_s) < 2 * MAX_GAP {
            let least = (2 * MAX_GAP).as_secs();
            return wrong(
                "resume_after_s",
                format!("at least {least}: input shorter ago than that is how an owner is noticed"),
            );
        }
        if self.start_after_s < self.resume_after_s {
            return wrong(
                "start_after_s",
                format!("at least `resume_after_s`, {}", self.resume_after_s),
            );
        }
        for (field, percent) in [
            ("max_foreign_cpu", self.max_foreign_cpu),
            ("max_foreign_memory", self.max_foreign_memory),
            ("min_battery", self.min_battery),
        ] {
            if percent > 100 {
                return wrong(field, "a percentage: at most 100".into());
            }
        }
        if self.exclusive.iter().any(|name| name.trim().is_empty()) {
            return wrong("exclusive", "an empty name: strike it out".into());
        }
        Ok(())
    }

    /// Without input for this long, work starts.
    pub(crate) fn start_after(&self) -> Duration {
        Duration::from_secs(self.start_after_s)
    }

    /// Without input for this long, work resumes.
    pub(crate) fn resume_after(&self) -> Duration {
        Duration::from_secs(self.resume_after_s)
    }
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A part of the week, in text `DAYS FROM-TO` or `FROM-TO`: `mon-fri 22:00-06:00`, `sat,sun 00:00-24:00`. One that ends before it
/// starts ends on the next day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// On which days it starts; the first is Monday.
    days: [bool; 7],
    /// Minutes since midnight; `to` may be 1,440.
    from: u16,
    to: u16,
}

/// Why a window cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no part of a week: write it as \"mon-fri 22:00-06:00\", \"sat,sun 00:00-24:00\" or \"20:00-08:00\""
)]
pub struct WindowError(String);

impl Window {
    /// Whether a moment is within.
    pub fn contains(&self, time: LocalTime) -> bool {
        let day = usize::from(time.weekday) % 7;
        let (today, yesterday) = (self.days[day], self.days[(day + 6) % 7]);
        if self.from < self.to {
            return today && (self.from..self.to).contains(&time.minute);
        }
        (today && time.minute >= self.from) || (yesterday && time.minute < self.to)
    }
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let is_number = |text: &str| text.len() == 2 && text.bytes().all(|c| c.is_ascii_digit());
    if !is_number(hours) || !is_number(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= 1_440).then_some(total)
}

fn days(text: &str) -> Option<[bool; 7]> {
    let position = |name: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(name));
    let mut days = [false; 7];
    for part in text.split(',') {
        match part.split_once('-') {
            None => days[position(part)?] = true,
            Some((first, last)) => {
                let (mut day, last) = (position(first)?, position(last)?);
                days[day] = true;
                while day != last {
                    day = (day + 1) % 7;
                    days[day] = true;
                }
            }
        }
    }
    Some(days)
}

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let parse = || {
            let (days, hours) = match text.trim().split_once(' ') {
                Some((names, hours)) => (days(names)?, hours.trim()),
                None => ([true; 7], text.trim()),
            };
            let (from, to) = hours.split_once('-')?;
            let (from, to) = (minutes(from)?, minutes(to)?);
            (from < 1_440 && from != to).then_some(Self { days, from, to })
        };
        parse().ok_or_else(|| WindowError(text.into()))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != [true; 7] {
            let names = DAYS.iter().zip(self.days).filter(|(_, on)| *on);
            let names: Vec<&str> = names.map(|(name, _)| *name).collect();
            write!(f, "{} ", names.join(","))?;
        }
        let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        write!(f, "{}-{}", time(self.from), time(self.to))
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(weekday: u8, hour: u16, minute: u16) -> LocalTime {
        let minute = hour * 60 + minute;
        LocalTime { weekday, minute }
    }

    #[test]
    fn a_night_belongs_to_the_day_it_starts_on() {
        let nights: Window = "mon-fri 22:00-06:00".parse().expect("a window");
        assert!(nights.contains(at(0, 22, 0)) && nights.contains(at(5, 5, 59)));
        // Monday morning belongs to Sunday; Saturday night is none of them.
        assert!(!nights.contains(at(0, 5, 59)) && !nights.contains(at(5, 22, 0)));
        assert!(!nights.contains(at(1, 6, 0)) && !nights.contains(at(1, 21, 59)));
        let weekend: Window = "sat,sun 00:00-24:00".parse().expect("a window");
        assert!(weekend.contains(at(6, 23, 59)) && !weekend.contains(at(0, 0, 0)));
        let around: Window = "sun-mon 08:00-09:00".parse().expect("over the week's end");
        assert!(around.contains(at(0, 8, 0)) && !around.contains(at(1, 8, 0)));
    }

    #[test]
    fn windows_print_as_they_are_read_and_nonsense_is_refused() {
        for text in ["mon,tue 22:00-06:00", "20:00-08:00", "sun 00:00-24:00"] {
            let window: Window = text.parse().expect("a window");
            assert_eq!(window.to_string(), text);
        }
        for text in [
            "",
            "mon",
            "25:00-26:00",
            "10:60-11:00",
            "08:00-08:00",
            "24:00-01:00",
            "noon-08:00",
            "feb 10:00-11:00",
            "mon-fri",
            "+8:00-09:00",
            "mon- 10:00-11:00",
            "é0:00-11:00",
        ] {
            let error = text.parse::<Window>().expect_err(text).to_string();
            assert!(error.contains("mon-fri 22:00-06:00"), "{error}");
        }
    }

    #[test]
    fn settings_that_make_no_sense_are_refused_by_name() {
        assert_eq!(Policy::default().validate(), Ok(()));
        type Edit = fn(&mut Policy);
        let edits: [(&str, Edit); 6] = [
            ("resume_after_s", |p| p.resume_after_s = 5),
            ("start_after_s", |p| p.start_after_s = 59),
            ("max_foreign_cpu", |p| p.max_foreign_cpu = 101),
            ("max_foreign_memory", |p| p.max_foreign_memory = 101),
            ("min_battery", |p| p.min_battery = 101),
            ("exclusive", |p| p.exclusive = vec![" ".into()]),
        ];
        for (field, edit) in edits {
            let mut policy = Policy::default();
            edit(&mut policy);
            assert_eq!(policy.validate().expect_err(field).field, field);
        }
    }
}
