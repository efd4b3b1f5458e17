//! How much isolation somebody asks for, and what comes of it.

use crate::config::{Config, Program, SandboxError};
use crate::report::{Measure, Report, UnknownMeasure};
#[cfg(unix)]
use crate::sandbox::Sandbox;
#[cfg(not(unix))]
use crate::unsupported::Sandbox;
use serde::{Deserialize, Serialize};
use std::io;
use std::str::FromStr;
use sungrid_executor::Engine;

/// How much isolation is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "use \"best\", \"required\", \"off\", or a list of measures: process, limits, privileges, namespaces, landlock, seccomp, cgroup"
)]
pub enum Isolation {
    /// By a word.
    Level(Level),
    /// All there is; nothing runs without these.
    Measures(Vec<Measure>),
}

/// Isolation by a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// All that the system offers; what is missing is said.
    Best,
    /// All measures, or nothing runs.
    Required,
    /// None: guests run in this very process.
    Off,
}

impl Default for Isolation {
    /// All there is: whoever wants certainty asks for it, and is told what is missing.
    fn default() -> Self {
        Self::Level(Level::Best)
    }
}

impl FromStr for Isolation {
    type Err = UnknownIsolation;

    /// A word, or measures with commas between them.
    fn from_str(text: &str) -> Result<Self, UnknownIsolation> {
        match text {
            "best" => Ok(Self::Level(Level::Best)),
            "required" => Ok(Self::Level(Level::Required)),
            "off" => Ok(Self::Level(Level::Off)),
            list => {
                let measures = list.split(',').map(|name| name.trim().parse());
                Ok(Self::Measures(measures.collect::<Result<_, _>>()?))
            }
        }
    }
}

/// Nothing that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; or one word: best, required, off")]
pub struct UnknownIsolation(#[from] UnknownMeasure);

/// Why nothing runs as it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IsolationError {
    /// A measure that was asked for is not to be had.
    #[error(
        "`isolation` asks for {name}, which is missing: {reason}. `sungrid-worker sandbox` shows all measures; `best` takes those that there are"
    )]
    Missing {
        /// The measure.
        name: &'static str,
        /// Why it is missing.
        reason: String,
    },
    /// No sandbox at all.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// Where guests run.
pub enum Host {
    /// In jailed processes of their own. [`Sandbox::report`] says what is in force.
    Jailed(Sandbox),
    /// In this process, with nothing but WebAssembly around them.
    Bare {
        /// Why.
        reason: String,
    },
}

impl Isolation {
    /// What nothing runs without.
    fn required(&self) -> &[Measure] {
        match self {
            Self::Level(Level::Best | Level::Off) => &[],
            Self::Level(Level::Required) => &Measure::ALL,
            Self::Measures(measures) => measures,
        }
    }

    /// What was asked for, as far as the system has it, out of processes that are this program again. Compiling a module takes at
    /// most `memory` bytes, and what [`Config::new`] says; in the background batches stand behind all other processes. Blocks for some
    /// milliseconds.
    ///
    /// # Errors
    ///
    /// If a measure that was asked for is missing.
    pub fn host(
        &self,
        engine: Engine,
        memory: u64,
        background: bool,
    ) -> Result<Host, IsolationError> {
        let required = self.required();
        let host = if *self == Self::Level(Level::Off) {
            let reason = "isolation is off".to_owned();
            Host::Bare { reason }
        } else {
            match Sandbox::of_this(engine, memory, background) {
                Ok(sandbox) => Host::Jailed(sandbox),
                Err(error) if required.is_empty() => Host::Bare {
                    reason: format!("no isolation: {error}"),
                },
                Err(error) => return Err(error.into()),
            }
        };
        if let Host::Jailed(sandbox) = &host {
            refuse_without(required, sandbox.report())?;
        }
        Ok(host)
    }
}

fn refuse_without(required: &[Measure], report: &Report) -> Result<(), IsolationError> {
    for (measure, status) in report.measures() {
        if required.contains(&measure) && !status.in_force {
            return Err(IsolationError::Missing {
                name: measure.name(),
                reason: status.detail.clone(),
            });
        }
    }
    Ok(())
}

impl Sandbox {
    /// A sandbox whose processes are this program again, which calls [`child::main_if_asked`](crate::child::main_if_asked) first of
    /// all. Compiling a module takes at most `memory` bytes, and what [`Config::new`] says; in the background batches stand behind the
    /// processes of the machine's owner.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::new`].
    pub fn of_this(engine: Engine, memory: u64, background: bool) -> Result<Self, SandboxError> {
        let program =
            Program::this().map_err(|error: io::Error| SandboxError::Start(error.to_string()))?;
        let mut config = Config::new(program);
        config.compile_memory = config.compile_memory.min(memory);
        config.background = background;
        Self::new(engine, config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Status;

    #[test]
    fn a_word_or_a_list_says_what_is_asked_for() {
        for (text, json, required) in [
            ("best", "\"best\"", &[][..]),
            ("required", "\"required\"", &Measure::ALL[..]),
            ("off", "\"off\"", &[]),
            (
                "seccomp, cgroup",
                "[\"seccomp\",\"cgroup\"]",
                &[Measure::Seccomp, Measure::Cgroup],
            ),
        ] {
            let asked: Isolation = text.parse().expect(text);
            assert_eq!(asked.required(), required);
            assert_eq!(serde_json::to_string(&asked).expect("encodes"), json);
            assert_eq!(
                serde_json::from_str::<Isolation>(json).expect("decodes"),
                asked
            );
        }
        assert_eq!("best".parse(), Ok(Isolation::default()));
    }

    #[test]
    fn anything_else_is_told_what_there_is() {
        for (text, json) in [("on", "\"on\""), ("best,jail", "[\"jail\"]"), ("", "3")] {
            let error = text.parse::<Isolation>().expect_err(text).to_string();
            assert!(
                error.contains("best") && error.contains("seccomp"),
                "{error}"
            );
            let error = serde_json::from_str::<Isolation>(json).expect_err(json);
            let error = error.to_string();
            assert!(
                error.contains("best") && error.contains("seccomp"),
                "{error}"
            );
        }
    }

    #[test]
    fn without_a_sandbox_only_who_asks_for_one_is_refused() {
        // This program is a test: it is no sandbox, so that none can be started.
        let engine = Engine::new(None).expect("an engine");
        let asked = |text: &str| {
            let asked: Isolation = text.parse().expect(text);
            asked.host(engine.clone(), 1 << 30, false)
        };
        assert!(matches!(asked("required"), Err(IsolationError::Sandbox(_))));
        assert!(matches!(asked("seccomp"), Err(IsolationError::Sandbox(_))));
        for (text, says) in [("best", "no isolation: "), ("off", "isolation is off")] {
            let Ok(Host::Bare { reason }) = asked(text) else {
                panic!("{text} has a sandbox, or an error");
            };
            assert!(reason.starts_with(says), "{reason}");
        }
    }

    #[test]
    fn a_measure_that_was_asked_for_and_is_missing_is_named_with_its_remedy() {
        let report = Report::new([
            (Measure::Seccomp, Status::on("29 calls")),
            (Measure::Cgroup, Status::off("none is delegated")),
        ]);
        assert!(refuse_without(&[Measure::Seccomp], &report).is_ok());
        let error = refuse_without(&Measure::ALL, &report);
        assert!(matches!(
            error,
            Err(IsolationError::Missing {
                name: "process",
                ..
            })
        ));
        let error = refuse_without(&[Measure::Seccomp, Measure::Cgroup], &report);
        let error = error.expect_err("missing").to_string();
        for part in ["asks for cgroup", "none is delegated", "`best`"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
