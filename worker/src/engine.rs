//! The executor as the daemon's runner, and the measuring of a machine.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sp_core::H256;
use sungrid_executor::{Cancel, Engine, Limits, MeasureError, Module, Outcome, RunError, Task};
use sungrid_primitives::suns::Resources;

use crate::ports::{Program, Runner};

/// Fuel of one measurement on one lane: about half a second on a common machine. Less, and start-up and
/// scheduling show; more, and joining takes long.
const MEASURED_FUEL: u64 = 1_000_000_000;

/// Units run on the blocking threads of the runtime, one per lane.
pub struct WasmRunner(Engine);

impl WasmRunner {
    /// Takes an engine that is set up.
    pub fn new(engine: Engine) -> Self {
        Self(engine)
    }
}

struct WasmProgram {
    engine: Engine,
    module: Module,
}

#[async_trait]
impl Runner for WasmRunner {
    fn environment(&self) -> H256 {
        H256(self.0.environment().0)
    }

    async fn load(&self, wasm: Bytes) -> Result<Arc<dyn Program>, String> {
        let engine = self.0.clone();
        let compile = move || engine.compile(&wasm).map(|module| (engine, module));
        match tokio::task::spawn_blocking(compile).await {
            Ok(Ok((engine, module))) => Ok(Arc::new(WasmProgram { engine, module })),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(format!("the compiler ended early: {error}")),
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
    async fn run(&self, task: Task, limits: Limits, cancel: Cancel) -> Result<Outcome, RunError> {
        let (engine, module) = (self.engine.clone(), self.module.clone());
        let run = move || engine.run_with(&module, &task, &limits, &cancel);
        match tokio::task::spawn_blocking(run).await {
            Ok(result) => result,
            Err(error) => Err(RunError::Host(format!("its thread ended early: {error}"))),
        }
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
