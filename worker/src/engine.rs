//! The executor as the daemon's runner, and the measuring of a machine.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sp_core::H256;
use sungrid_executor::{Cancel, Engine, Limits, MeasureError, Module, Outcome, RunError, Task};
use sungrid_primitives::suns::Resources;
use sungrid_sandbox::{Batch, Code, PrepareError, Report, Sandbox, Shape, Status};

use crate::ports::{LoadError, Program, Runner};

/// Fuel of one measurement on one lane: about half a second on a common machine. Less, and start-up and
/// scheduling show; more, and joining takes long.
const MEASURED_FUEL: u64 = 1_000_000_000;

/// Units run on the blocking threads of the runtime, one per lane, in the worker's own process.
pub struct WasmRunner(Engine);

impl WasmRunner {
    /// Takes an engine that is set up.
    pub fn new(engine: Engine) -> Self {
        Self(engine)
    }
}

#[derive(Clone)]
struct WasmProgram {
    engine: Engine,
    module: Module,
}

/// It for what goes on while all else is held.
struct UrgentProgram(WasmProgram);

#[async_trait]
impl Runner for WasmRunner {
    fn environment(&self) -> H256 {
        H256(self.0.environment().0)
    }

    async fn load(&self, wasm: Bytes) -> Result<Arc<dyn Program>, LoadError> {
        let engine = self.0.clone();
        let compile = move || engine.compile(&wasm).map(|module| (engine, module));
        match tokio::task::spawn_blocking(compile).await {
            Ok(Ok((engine, module))) => Ok(Arc::new(WasmProgram { engine, module })),
            Ok(Err(error)) => Err(LoadError::Refused(error.to_string())),
            Err(error) => Err(LoadError::Refused(format!(
                "the compiler ended early: {error}"
            ))),
        }
    }

    fn suspend(&self) {
        self.0.suspend();
    }

    fn resume(&self) {
        self.0.resume();
    }
}

#[async_trait]
impl Program for WasmProgram {
    async fn open(&self, shape: Shape) -> Result<Option<Arc<dyn Program>>, RunError> {
        let urgent = || Arc::new(UrgentProgram(self.clone())) as Arc<dyn Program>;
        Ok(shape.urgent.then(urgent))
    }

    async fn run(&self, task: Task, limits: Limits, cancel: Cancel) -> Result<Outcome, RunError> {
        let Self { engine, module } = self.clone();
        blocking(move || engine.run_with(&module, &task, &limits, &cancel)).await
    }
}

#[async_trait]
impl Program for UrgentProgram {
    async fn run(&self, task: Task, limits: Limits, cancel: Cancel) -> Result<Outcome, RunError> {
        let WasmProgram { engine, module } = self.0.clone();
        blocking(move || engine.run_urgently(&module, &task, &limits, &cancel)).await
    }
}

/// Each batch runs in a jailed process of its own; modules are compiled in such a one, too.
#[derive(Clone)]
pub struct ProcessRunner(Sandbox);

impl ProcessRunner {
    /// Takes a sandbox that is set up.
    pub fn new(sandbox: Sandbox) -> Self {
        Self(sandbox)
    }
}

/// A module whose machine code is there.
struct IsolatedProgram {
    sandbox: Sandbox,
    code: Code,
}

/// It in a process of its own.
struct IsolatedBatch(Arc<Batch>);

#[async_trait]
impl Runner for ProcessRunner {
    fn environment(&self) -> H256 {
        H256(self.0.engine().environment().0)
    }

    fn isolation(&self) -> Report {
        self.0.report().clone()
    }

    fn priority(&self) -> Option<Status> {
        self.0.priority().cloned()
    }

    async fn load(&self, wasm: Bytes) -> Result<Arc<dyn Program>, LoadError> {
        let sandbox = self.0.clone();
        let prepare = move || sandbox.prepare(&wasm).map(|code| (sandbox, code));
        match tokio::task::spawn_blocking(prepare).await {
            Ok(Ok((sandbox, code))) => Ok(Arc::new(IsolatedProgram { sandbox, code })),
            Ok(Err(PrepareError::Refused(reason))) => Err(LoadError::Refused(reason)),
            Ok(Err(error)) => Err(LoadError::Machine(error.to_string())),
            Err(error) => Err(LoadError::Machine(format!(
                "its thread ended early: {error}"
            ))),
        }
    }

    fn suspend(&self) {
        self.0.suspend();
    }

    fn resume(&self) {
        self.0.resume();
    }
}

#[async_trait]
impl Program for IsolatedProgram {
    async fn open(&self, shape: Shape) -> Result<Option<Arc<dyn Program>>, RunError> {
        let (sandbox, code) = (self.sandbox.clone(), self.code.clone());
        let batch = blocking(move || sandbox.start(&code, &shape)).await?;
        Ok(Some(Arc::new(IsolatedBatch(Arc::new(batch)))))
    }

    /// A unit without a batch: it gets a process for itself.
    async fn run(&self, task: Task, limits: Limits, cancel: Cancel) -> Result<Outcome, RunError> {
        let (sandbox, code) = (self.sandbox.clone(), self.code.clone());
        blocking(move || sandbox.run(&code, &task, &limits, &cancel)).await
    }
}

#[async_trait]
impl Program for IsolatedBatch {
    async fn run(&self, task: Task, limits: Limits, cancel: Cancel) -> Result<Outcome, RunError> {
        let batch = self.0.clone();
        blocking(move || batch.run(&task, &limits, &cancel)).await
    }
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, RunError> + Send + 'static,
) -> Result<T, RunError> {
    match tokio::task::spawn_blocking(act).await {
        Ok(result) => result,
        Err(error) => Err(RunError::Host(format!("its thread ended early: {error}"))),
    }
}

/// Measures all lanes at once, since cores share caches and heat, and returns the fuel per second of the
/// slowest. Blocks for about a second.
pub fn lane_speed(engine: &Engine, lanes: usize) -> Result<u64, MeasureError> {
    let measure = || {
        engine
            .measure([0; 32], MEASURED_FUEL)
            .map(|speed| speed.fuel_per_second)
    };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes.max(1)).map(|_| scope.spawn(measure)).collect();
        let mut slowest = u64::MAX;
        for lane in lanes {
            // A panicking measurement counts as a lane that does nothing.
            slowest = slowest.min(lane.join().unwrap_or(Ok(0))?);
        }
        Ok(slowest)
    })
}

/// What a machine offers: lanes at their measured speed, and what its operator gives.
pub fn resources(
    lane_speed: u64,
    lanes: usize,
    memory: u64,
    storage: u64,
    bandwidth: u64,
) -> Resources {
    Resources {
        fuel_per_second: lane_speed.saturating_mul(lanes as u64),
        memory,
        storage,
        bandwidth,
        ..Default::default()
    }
}
