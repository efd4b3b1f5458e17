//! What starts children: to find out about the jail, to compile, to run batches.

use crate::batch::{Batch, why};
use crate::channel::{Abort, Channel};
use crate::code::Code;
use crate::config::{Config, PrepareError, SandboxError};
use crate::process::{Cause, Family, Process};
use crate::protocol::{self, Purpose, Ready, Setup};
use crate::report::Measure;
use crate::report::Report;
use crate::report::Status;
use crate::shape::Shape;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use sungrid_executor::{Cancel, Engine, Limits, Origin, Outcome, RunError, Task};

/// How long a child may take to be jailed and have its code loaded. A machine that swaps takes seconds.
const START: Duration = Duration::from_secs(30);

/// Starts children. Clones share everything.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    engine: Engine,
    config: Config,
    family: Family,
    compiling: Mutex<usize>,
    compiled: Condvar,
    report: Report,
    priority: Option<Status>,
}

impl Sandbox {
    /// Starts a child on trial, to see what of the jail there is. `engine` names the environment and has the cache of
    /// machine code; it compiles and runs nothing here.
    ///
    /// # Errors
    ///
    /// If no child can be started, or is another program.
    pub fn new(engine: Engine, config: Config) -> Result<Self, SandboxError> {
        let failed = |error: io::Error| SandboxError::Start(error.to_string());
        let skips_groups = config.skip.contains(&Measure::Cgroup);
        let program = config.program.clone();
        let family = Family::new(program, skips_groups, config.background).map_err(failed)?;
        let setup = Setup {
            purpose: Purpose::Probe,
            parent: std::process::id(),
            memory: 512 << 20,
            lanes: 0,
            skip: config.skip.clone(),
        };
        let (process, _) = family.start(&setup, None, true).map_err(failed)?;
        let ready = ready(&process).map_err(SandboxError::Start)?;
        if ready.environment != engine.environment() {
            return Err(SandboxError::Environment);
        }
        let priority = config.background.then(|| match process.lower() {
            Ok(means) => Status::on(format!(
                "batches run behind all other processes of their service or session: {means}"
            )),
            Err(error) => Status::off(format!("batches count as much as other processes: {error}")),
        });
        let mut measures = ready.measures;
        #[cfg(target_os = "linux")]
        measures.push((
            Measure::Cgroup,
            match &family.groups {
                Ok(_) => Status::on("memory, processes and processor time of each batch"),
                Err(reason) => Status::off(reason),
            },
        ));
        Ok(Self(Arc::new(Inner {
            engine,
            config,
            family,
            compiling: Mutex::new(0),
            compiled: Condvar::new(),
            report: Report::new(measures),
            priority,
        })))
    }

    /// What of the jail is in force.
    pub fn report(&self) -> &Report {
        &self.0.report
    }

    /// How batches stand beside other processes; none if they were not to stand behind them.
    pub fn priority(&self) -> Option<&Status> {
        self.0.priority.as_ref()
    }

    /// The engine that names the environment and has the cache.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Has a module's machine code ready: from the cache, or from a child that compiles it. Blocks the calling thread, also
    /// while others compile.
    ///
    /// # Errors
    ///
    /// If the module is none that runs here, or takes too much time or memory to compile.
    pub fn prepare(&self, wasm: &[u8]) -> Result<Code, PrepareError> {
        let origin = Origin::of(wasm)?;
        let host = |error: io::Error| PrepareError::Host(error.to_string());
        if let Some(code) = self.0.engine.cached(&origin) {
            return Code::new(origin, &code).map_err(host);
        }
        let _slot = self.slot();
        let code = self.compile(wasm)?;
        self.0.engine.keep(&origin, &code);
        Code::new(origin, &code).map_err(host)
    }

    fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>, PrepareError> {
        let config = &self.0.config;
        let setup = Setup {
            purpose: Purpose::Compile(seconds(config.compile_time)),
            parent: std::process::id(),
            memory: config.compile_memory,
            lanes: 1,
            skip: config.skip.clone(),
        };
        let host = |reason: String| PrepareError::Host(reason);
        let started = self.0.family.start(&setup, None, true);
        let (process, lanes) = started.map_err(|error| host(error.to_string()))?;
        ready(&process).map_err(host)?;
        let [lane] = lanes.as_slice() else {
            return Err(host("no lane".to_owned()));
        };
        let mut channel = Channel::new(lane, &process, None, Some(config.compile_wait));
        let answer = protocol::write_module(&mut channel, wasm)
            .and_then(|()| protocol::read_code(&mut channel));
        match (answer, channel.abort) {
            (Ok(code), _) => code.map_err(PrepareError::Refused),
            (Err(_), Some(Abort::Late(_))) => Err(PrepareError::Refused(format!(
                "compiling it takes more than {:?}; make it smaller",
                config.compile_wait
            ))),
            (Err(error), _) if error.kind() == io::ErrorKind::InvalidData => Err(
                PrepareError::Refused(format!("the compiler answered nonsense: {error}")),
            ),
            (Err(_), _) => Err(match process.obituary() {
                (text, Cause::Inside) => PrepareError::Refused(format!(
                    "the compiler gave up on it ({text}); at most {} MiB of memory and {:?} of processor time are given to it: make it smaller",
                    config.compile_memory >> 20,
                    config.compile_time
                )),
                (text, Cause::Outside) => host(text),
            }),
        }
    }

    fn slot(&self) -> Slot<'_> {
        let lock = self.0.compiling.lock();
        let mut compiling = lock.unwrap_or_else(PoisonError::into_inner);
        while *compiling >= self.0.config.compile_slots.max(1) {
            compiling = self
                .0
                .compiled
                .wait(compiling)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *compiling += 1;
        Slot(&self.0)
    }

    /// Starts a child with a module, for one batch. Blocks the calling thread until it is ready.
    ///
    /// # Errors
    ///
    /// If the machine has no room for another process, or the code does not load.
    pub fn start(&self, code: &Code, shape: &Shape) -> Result<Batch, RunError> {
        let setup = Setup {
            purpose: Purpose::Run(code.origin()),
            parent: std::process::id(),
            memory: shape.memory(code.size()),
            lanes: shape.lanes() as u32,
            skip: self.0.config.skip.clone(),
        };
        let host = |reason: String| RunError::Host(format!("no process for the batch: {reason}"));
        let started = self
            .0
            .family
            .start(&setup, Some(code.file().as_fd()), shape.urgent);
        let (process, lanes) = started.map_err(|error| host(error.to_string()))?;
        let ready = ready(&process).map_err(host)?;
        for (measure, status) in &ready.measures {
            if !status.in_force && self.0.report.has(*measure) {
                return Err(host(format!(
                    "{} was in force at the start and is not now: {}",
                    measure.name(),
                    status.detail
                )));
            }
        }
        let mut channel = Channel::new(&process.control, &process, None, Some(START));
        let loaded = protocol::write_shared(&mut channel, &shape.shared)
            .and_then(|()| protocol::read_loaded(&mut channel));
        loaded
            .map_err(|error| host(why(&process, &error)))?
            .map_err(host)?;
        Ok(Batch::new(process, lanes, shape.shared.clone()))
    }

    /// Runs one unit in a child of its own. Blocks the calling thread.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::start`] and [`Batch::run`].
    pub fn run(
        &self,
        code: &Code,
        task: &Task,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Outcome, RunError> {
        let input = task.files.values().chain([&task.stdin]);
        let shape = Shape {
            lanes: 1,
            limits: limits.clone(),
            input_bytes: input.map(|bytes| bytes.len() as u64).sum(),
            shared: Vec::new(),
            urgent: false,
        };
        self.start(code, &shape)?.run(task, limits, cancel)
    }

    /// Stops all children where they are, and those to come, until [`Sandbox::resume`]. Their clocks stand still. Those that
    /// compile, whose time and memory are bounded anyway, and batches that are [urgent](Shape::urgent) go on.
    pub fn suspend(&self) {
        self.0.family.suspend(true);
    }

    /// Lets all children go on.
    pub fn resume(&self) {
        self.0.family.suspend(false);
    }

    /// Whether children are stopped.
    pub fn is_suspended(&self) -> bool {
        self.0.family.is_suspended()
    }
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}

/// Waits until a child is jailed.
fn ready(process: &Arc<Process>) -> Result<Ready, String> {
    let mut channel = Channel::new(&process.control, process, None, Some(START));
    Ready::read(&mut channel).map_err(|error| match channel.abort {
        Some(_) => format!("its process is not ready after {START:?}"),
        None => why(process, &error),
    })
}

/// One of few permits to compile.
struct Slot<'a>(&'a Inner);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self
            .0
            .compiling
            .lock()
            .unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.compiled.notify_one();
    }
}
