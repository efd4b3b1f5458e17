//! What keeps the code of others from this machine.

use std::{io, sync::Arc};

use serde::{Deserialize, Serialize};
use sungrid_executor::Engine;
use sungrid_sandbox::{Config, Measure, Program, Report, Sandbox, SandboxError};
use tracing::{info, warn};

use crate::{
    engine::{ProcessRunner, WasmRunner},
    ports::Runner,
};

/// How much isolation the operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "use \"best\", \"required\", \"off\", or a list of measures: process, limits, privileges, namespaces, landlock, seccomp, cgroup"
)]
pub enum Isolation {
    /// By a word.
    Level(Level),
    /// All there is; the worker does not start without these.
    Measures(Vec<Name>),
}

/// Isolation by a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// All that the system offers; what is missing is said.
    Best,
    /// All measures, or the worker does not start.
    Required,
    /// None: batches run in the worker's own process.
    Off,
}

/// A measure, by its name in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Measure);

impl TryFrom<String> for Name {
    type Error = sungrid_sandbox::UnknownMeasure;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse().map(Self)
    }
}

impl From<Name> for String {
    fn from(Name(measure): Name) -> Self {
        measure.name().into()
    }
}

impl Default for Isolation {
    /// All there is: an operator who wants certainty asks for it, and the worker says what is missing.
    fn default() -> Self {
        Self::Level(Level::Best)
    }
}

impl Isolation {
    /// What the worker does not start without.
    fn required(&self) -> Vec<Measure> {
        match self {
            Self::Level(Level::Best | Level::Off) => Vec::new(),
            Self::Level(Level::Required) => Measure::ALL.to_vec(),
            Self::Measures(names) => names.iter().map(|Name(measure)| *measure).collect(),
        }
    }
}

/// Why the worker does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IsolationError {
    /// A measure that the operator asks for is not to be had.
    #[error(
        "the setting `isolation` asks for {name}, which is missing: {reason}. See `sungrid-worker sandbox`; `isolation = \"best\"` does without"
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

/// A sandbox whose processes are this program again; in the background they stand behind those of the machine's owner.
pub fn sandbox(engine: Engine, memory: u64, background: bool) -> Result<Sandbox, SandboxError> {
    let program =
        Program::this().map_err(|error: io::Error| SandboxError::Start(error.to_string()))?;
    let mut config = Config::new(program);
    config.compile_memory = config.compile_memory.min(memory);
    config.background = background;
    Sandbox::new(engine, config)
}

/// The runner that the operator asks for, as far as the system has it. `memory` bounds what compiling may take; `background` puts
/// batches behind all other processes. Blocks for some milliseconds.
pub fn runner(
    setting: &Isolation,
    engine: Engine,
    memory: u64,
    background: bool,
) -> Result<Arc<dyn Runner>, IsolationError> {
    let required = setting.required();
    let runner: Arc<dyn Runner> = if *setting == Isolation::Level(Level::Off) {
        warn!(
            "isolation is off: the code of others runs in this process, with nothing but WebAssembly around it"
        );
        Arc::new(WasmRunner::new(engine))
    } else {
        match sandbox(engine.clone(), memory, background) {
            Ok(sandbox) => Arc::new(ProcessRunner::new(sandbox)),
            Err(error) if required.is_empty() => {
                warn!(%error, "no isolation: the code of others runs in this process, with nothing but WebAssembly around it");
                return Ok(Arc::new(WasmRunner::new(engine)));
            }
            Err(error) => return Err(error.into()),
        }
    };
    match runner.priority() {
        Some(status) if status.in_force => info!(detail = status.detail, "priority in force"),
        Some(status) => warn!(detail = status.detail, "batches have no lower priority"),
        None if background => {
            warn!("batches have no lower priority: they run in this process");
        }
        None => {}
    }
    let report = runner.isolation();
    if *setting != Isolation::Level(Level::Off) {
        tell(&report);
    }
    for (measure, status) in report.measures() {
        if required.contains(&measure) && !status.in_force {
            return Err(IsolationError::Missing {
                name: measure.name(),
                reason: status.detail.clone(),
            });
        }
    }
    Ok(runner)
}

/// Says what is in force and what is not.
fn tell(report: &Report) {
    for (measure, status) in report.measures() {
        let (measure, detail) = (measure.name(), &status.detail);
        if status.in_force {
            info!(measure, detail, "isolation in force");
        } else {
            warn!(measure, detail, "isolation without this measure");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Settings {
        isolation: Isolation,
    }

    fn read(value: &str) -> Result<Isolation, String> {
        let read = toml::from_str::<Settings>(&format!("isolation = {value}"));
        read.map(|settings| settings.isolation)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_word_or_a_list_says_what_is_asked_for() {
        let best = read("\"best\"").expect("a word");
        assert_eq!(
            (best.clone(), best.required()),
            (Isolation::default(), vec![])
        );
        let all = read("\"required\"").expect("a word").required();
        assert_eq!(all, Measure::ALL);
        assert!(read("\"off\"").expect("a word").required().is_empty());
        let some = read("[\"seccomp\", \"cgroup\"]").expect("a list");
        assert_eq!(some.required(), [Measure::Seccomp, Measure::Cgroup]);
        let text = toml::to_string(&Settings { isolation: some }).expect("encodes");
        assert_eq!(text.trim(), "isolation = [\"seccomp\", \"cgroup\"]");
    }

    #[test]
    fn anything_else_is_told_what_there_is() {
        for value in ["\"on\"", "[\"jail\"]", "3", "true"] {
            let error = read(value).expect_err(value);
            assert!(
                error.contains("best") && error.contains("seccomp"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_required_and_missing_keeps_the_worker_from_starting() {
        // This program is a test: it is no sandbox, so that none can be started.
        let engine = Engine::new(None).expect("an engine");
        let error = runner(
            &Isolation::Level(Level::Required),
            engine.clone(),
            1 << 30,
            false,
        );
        assert!(error.is_err());
        let fallback =
            runner(&Isolation::default(), engine.clone(), 1 << 30, false).expect("falls back");
        assert!(!fallback.isolation().has(Measure::Process));
        let off = runner(&Isolation::Level(Level::Off), engine, 1 << 30, true).expect("off");
        assert!(!off.isolation().has(Measure::Process));
    }
}
