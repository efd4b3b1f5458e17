//! What of the jail is in force.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A part of the jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// A process of its own, with nothing open but sockets to its parent and an empty environment.
    Process,
    /// Bounds on memory, files and processes by resource limits.
    Limits,
    /// No user, no capability, no way to new ones.
    Privileges,
    /// Mounts, network, processes and names of its own: empty ones.
    Namespaces,
    /// No file system and no network by Landlock.
    Landlock,
    /// Only the system calls that running a guest takes.
    Seccomp,
    /// Bounds on memory, processes and processor time by a cgroup of version 2.
    Cgroup,
}

impl Measure {
    /// All measures, in the order in which they are reported.
    pub const ALL: [Self; 7] = [
        Self::Process,
        Self::Limits,
        Self::Privileges,
        Self::Namespaces,
        Self::Landlock,
        Self::Seccomp,
        Self::Cgroup,
    ];

    /// Its name in settings and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Limits => "limits",
            Self::Privileges => "privileges",
            Self::Namespaces => "namespaces",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::Cgroup => "cgroup",
        }
    }
}

/// No measure has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no measure is named {0:?}; use process, limits, privileges, namespaces, landlock, seccomp or cgroup"
)]
pub struct UnknownMeasure(pub String);

impl FromStr for Measure {
    type Err = UnknownMeasure;

    fn from_str(name: &str) -> Result<Self, UnknownMeasure> {
        let found = Self::ALL.into_iter().find(|known| known.name() == name);
        found.ok_or_else(|| UnknownMeasure(name.to_owned()))
    }
}

/// How it stands with a measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether it protects this machine now.
    pub in_force: bool,
    /// What it does here, or why it is missing and what would help.
    pub detail: String,
}

impl Status {
    /// In force.
    pub fn on(detail: impl Into<String>) -> Self {
        Self {
            in_force: true,
            detail: detail.into(),
        }
    }

    /// Not in force.
    pub fn off(reason: impl Into<String>) -> Self {
        Self {
            in_force: false,
            detail: reason.into(),
        }
    }
}

/// All measures with their status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report(Vec<(Measure, Status)>);

impl Report {
    /// What is known of each measure; what is not named counts as missing.
    pub fn new(known: impl IntoIterator<Item = (Measure, Status)>) -> Self {
        let known: Vec<_> = known.into_iter().collect();
        let status = |measure| {
            let found = known.iter().find(|(named, _)| *named == measure);
            found.map_or_else(
                || Status::off("this system has no such thing, or none that is used here"),
                |(_, status)| status.clone(),
            )
        };
        Self(
            Measure::ALL
                .map(|measure| (measure, status(measure)))
                .to_vec(),
        )
    }

    /// The report where every unit runs in the worker's own process.
    pub fn none(reason: &str) -> Self {
        Self::new(Measure::ALL.map(|measure| (measure, Status::off(reason))))
    }

    /// All measures, each once.
    pub fn measures(&self) -> impl Iterator<Item = (Measure, &Status)> {
        self.0.iter().map(|(measure, status)| (*measure, status))
    }

    /// Whether a measure is in force.
    pub fn has(&self, wanted: Measure) -> bool {
        self.measures()
            .any(|(measure, status)| measure == wanted && status.in_force)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (measure, status) in self.measures() {
            let stands = if status.in_force {
                "in force"
            } else {
                "missing"
            };
            writeln!(f, "{:12} {stands:10} {}", measure.name(), status.detail)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_an_unknown_one_is_told_what_there_is() {
        for measure in Measure::ALL {
            assert_eq!(measure.name().parse(), Ok(measure));
        }
        let error = "jail".parse::<Measure>().unwrap_err().to_string();
        assert!(
            error.contains("jail") && error.contains("seccomp"),
            "{error}"
        );
    }

    #[test]
    fn what_nobody_vouches_for_is_missing() {
        let report = Report::new([(Measure::Seccomp, Status::on("60 calls"))]);
        assert!(report.has(Measure::Seccomp));
        assert!(!report.has(Measure::Cgroup));
        assert_eq!(report.measures().count(), Measure::ALL.len());
        assert!(report.to_string().contains("cgroup       missing"));
    }
}
