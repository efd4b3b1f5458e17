//! One run: limits, metering, kill, and the verdict.
//!
//! Fuel is counted so that both boundaries are exact. The store gets one unit more than the
//! limit: the engine traps when nothing is left, so a guest that needs the limit to the unit ends
//! with one unit left and one that needs more ends with none, even where the last straight
//! line of code ran past the counter without another check.

use crate::config::SLICE;
use crate::cost;
use crate::engine::{Engine, Module};
use crate::error::RunError;
use crate::gate::Gate;
use crate::outcome::{Exit, Outcome, TrapKind};
use crate::task::{Cancel, Limits, MAX_FUEL, Task};
use crate::wasi::{Stop, Wasi};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use wasmtime::{Caller, Extern, InstancePre, Memory, ResourceLimiter, Store, Trap};

/// Size of a WebAssembly page in bytes.
pub(crate) const PAGE: u64 = 65_536;

/// Host calls between two looks at the wall clock: 64 of them take about 10 µs.
const CALLS_PER_CHECK: u32 = 64;

/// What the engine's store owns.
pub(crate) struct State {
    pub(crate) wasi: Wasi,
    pub(crate) meter: Meter,
    pub(crate) control: Control,
    memory: Option<Memory>,
    /// False only for the engine that benchmarks compare with.
    pub(crate) metered: bool,
}

/// Memory and table accounting.
pub(crate) struct Meter {
    memory_limit: u64,
    table_limit: u64,
    table_elements: u64,
    peak: u64,
    /// Fuel for granted pages that the counter does not hold yet: the limiter cannot reach it.
    debt: u64,
    /// Why the host, not the guest, is to blame.
    host_failure: Option<String>,
}

impl Meter {
    fn new(limits: &Limits) -> Self {
        Self {
            memory_limit: limits.memory_bytes,
            table_limit: limits.table_elements,
            table_elements: 0,
            peak: 0,
            debt: 0,
            host_failure: None,
        }
    }

    pub(crate) fn take_debt(&mut self) -> u64 {
        std::mem::take(&mut self.debt)
    }
}

/// What the engine reports when growth would pass what 32 bits address: the guest's doing, and the
/// same everywhere. Every other failure is the host's lack of memory. A test holds the text.
const TYPE_LIMIT: &str = "memory growth exceeds memory type's limits";

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let (current, desired) = (current as u64, desired as u64);
        if desired > self.memory_limit || maximum.is_some_and(|max| desired > max as u64) {
            return Ok(false);
        }
        // One memory per module, so this is the sum.
        self.peak = self.peak.max(desired);
        let pages = desired.saturating_sub(current) / PAGE;
        let rest = cost::MEMORY_PER_PAGE - u64::from(cost::MEMORY_PER_PAGE_IN_CODE);
        self.debt = self.debt.saturating_add(pages.saturating_mul(rest));
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        if error.to_string() == TYPE_LIMIT {
            return Ok(());
        }
        // Never -1 for the guest: another host would have had the memory.
        self.host_failure = Some(format!(
            "out of memory: {error:#}; lower the number of lanes"
        ));
        Err(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|max| desired > max) {
            return Ok(false);
        }
        let added = (desired as u64).saturating_sub(current as u64);
        let total = self.table_elements.saturating_add(added);
        if total > self.table_limit {
            return Ok(false);
        }
        self.table_elements = total;
        Ok(true)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.host_failure = Some(format!(
            "out of memory: {error:#}; lower the number of lanes"
        ));
        Err(error)
    }
}

/// When to kill a run.
#[derive(Clone)]
pub(crate) struct Control {
    cancel: Cancel,
    gate: Arc<Gate>,
    /// For how long the gate had been closed when it started.
    closed_before: Duration,
    started: Instant,
    allowance: Option<Duration>,
    calls: u32,
}

impl Control {
    fn new(cancel: &Cancel, gate: &Arc<Gate>, allowance: Option<Duration>) -> Self {
        Self {
            cancel: cancel.clone(),
            gate: gate.clone(),
            closed_before: gate.closed_for(),
            started: Instant::now(),
            allowance,
            calls: 0,
        }
    }

    /// Waits while runs are held, and says whether this one is to end.
    fn check(&self) -> Result<(), Stop> {
        self.gate.pass(&self.cancel);
        if self.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        match self.allowance {
            // Asked in this order, as it hardly ever comes to the second.
            Some(allowance)
                if self.started.elapsed() >= allowance && self.running() >= allowance =>
            {
                Err(Stop::WallClock)
            }
            _ => Ok(()),
        }
    }

    /// Time since the start in which it was not held.
    fn running(&self) -> Duration {
        let held = self.gate.closed_for().saturating_sub(self.closed_before);
        self.started.elapsed().saturating_sub(held)
    }

    /// Host calls refill the slice, so a guest that does little else never yields: look here too.
    pub(crate) fn check_in_host(&mut self) -> Result<(), Stop> {
        self.calls = self.calls.wrapping_add(1);
        if self.calls.is_multiple_of(CALLS_PER_CHECK) {
            self.check()
        } else {
            Ok(())
        }
    }
}

/// The guest's memory, looked up once. Modules that import WASI are known to export it.
pub(crate) fn memory(caller: &mut Caller<'_, State>) -> wasmtime::Result<Memory> {
    if let Some(memory) = caller.data().memory {
        return Ok(memory);
    }
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => {
            caller.data_mut().memory = Some(memory);
            Ok(memory)
        }
        _ => Err(Stop::Host("module without exported memory".to_owned()).into()),
    }
}

impl Engine {
    /// Runs `module` to its end on the calling thread; threads may run the same module at once.
    ///
    /// # Errors
    ///
    /// Only for what is not the guest's doing, see [`RunError`]. A guest that traps, exhausts a
    /// limit or fails has an [`Outcome`].
    pub fn run(&self, module: &Module, task: &Task, limits: &Limits) -> Result<Outcome, RunError> {
        self.run_with(module, task, limits, &Cancel::default())
    }

    /// Like [`Engine::run`], and ends early with [`RunError::Cancelled`] when `cancel` says so.
    pub fn run_with(
        &self,
        module: &Module,
        task: &Task,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Outcome, RunError> {
        self.run_past(self.gate(), module, task, limits, cancel)
    }

    /// Like [`Engine::run_with`], and goes on while [`Engine::suspend`] holds all others: for short work that cannot wait.
    pub fn run_urgently(
        &self,
        module: &Module,
        task: &Task,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Outcome, RunError> {
        self.run_past(&Arc::default(), module, task, limits, cancel)
    }

    fn run_past(
        &self,
        gate: &Arc<Gate>,
        module: &Module,
        task: &Task,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Outcome, RunError> {
        let limit = limits.fuel.min(MAX_FUEL);
        let wasi = Wasi::new(task, limits, limit + 1)?;
        if let Some((exit, fuel)) = refuse(module, limits, limit) {
            return Ok(Outcome {
                exit,
                fuel,
                peak_memory: 0,
                stdout: Vec::new(),
                stderr: Vec::new(),
                files: BTreeMap::new(),
            });
        }

        let control = Control::new(cancel, gate, limits.wall_clock);
        let state = State {
            wasi,
            meter: Meter::new(limits),
            control: control.clone(),
            memory: None,
            metered: self.is_metered(),
        };
        check_rounding().map_err(|reason| RunError::Host(reason.to_owned()))?;
        let mut store = Store::new(self.inner(), state);
        store.limiter(|state| &mut state.meter);
        let host = |error: wasmtime::Error| RunError::Host(format!("{error:#}"));
        if self.is_metered() {
            store
                .set_fuel(limit + 1 - start_cost(module))
                .map_err(host)?;
            store.fuel_async_yield_interval(Some(SLICE)).map_err(host)?;
        }

        let ended = drive(&mut store, module.pre(), &control);
        let left = if self.is_metered() {
            store.get_fuel().map_err(host)?
        } else {
            limit + 1
        };
        let State { wasi, meter, .. } = store.into_data();
        if let Some(reason) = meter.host_failure {
            return Err(RunError::Host(reason));
        }
        let exit = match ended {
            Ok(()) => Exit::Code(0),
            Err(error) => verdict(&error, &control)?,
        };
        let used = (limit + 1).saturating_sub(left).saturating_add(meter.debt);
        let (exit, fuel) = if used > limit || exit == Exit::OutOfFuel {
            (Exit::OutOfFuel, limit)
        } else {
            (exit, used)
        };
        let (stdout, stderr, files) = wasi.into_outputs();
        Ok(Outcome {
            exit,
            fuel,
            peak_memory: meter.peak,
            stdout,
            stderr,
            files,
        })
    }
}

/// What is charged before the first instruction. The limiter adds the rest for pages.
fn start_cost(module: &Module) -> u64 {
    cost::START_BASE
        + module.size() * cost::START_PER_MODULE_BYTE
        + module.initial_pages() * u64::from(cost::MEMORY_PER_PAGE_IN_CODE)
        + module.initial_table() * cost::TABLE_PER_ELEMENT
}

/// Why a module cannot even start within its limits.
fn refuse(module: &Module, limits: &Limits, fuel: u64) -> Option<(Exit, u64)> {
    let refused = cost::START_BASE.min(fuel);
    if module.initial_pages().saturating_mul(PAGE) > limits.memory_bytes {
        Some((Exit::MemoryLimit, refused))
    } else if module.initial_table() > limits.table_elements {
        Some((Exit::TableLimit, refused))
    } else if start_cost(module) > fuel {
        Some((Exit::OutOfFuel, fuel))
    } else {
        None
    }
}

/// Floating-point results depend on a control register that a native library may have changed
/// on this thread (flush-to-zero of `-ffast-math` is the usual one).
#[cfg(target_arch = "x86_64")]
fn check_rounding() -> Result<(), &'static str> {
    /// Round to nearest, no flushing, all exceptions masked; the low six bits are sticky flags.
    const DEFAULT: u32 = 0x1f80;
    let mut mxcsr = 0u32;
    // SAFETY: stores 32 bits to a local variable; the instruction is part of the x86-64 baseline.
    unsafe {
        core::arch::asm!("stmxcsr [{}]", in(reg) &raw mut mxcsr, options(nostack, preserves_flags));
    }
    if mxcsr & !0x3f == DEFAULT {
        Ok(())
    } else {
        Err("a library changed how this thread rounds; run guests on threads of their own")
    }
}

/// As for x86-64: the control register has the default value 0.
#[cfg(target_arch = "aarch64")]
fn check_rounding() -> Result<(), &'static str> {
    let fpcr: u64;
    // SAFETY: reads a register that is readable at every privilege level.
    unsafe {
        core::arch::asm!("mrs {}, fpcr", out(reg) fpcr, options(nomem, nostack, preserves_flags));
    }
    if fpcr == 0 {
        Ok(())
    } else {
        Err("a library changed how this thread rounds; run guests on threads of their own")
    }
}

/// Polls the run to its end; between slices the guest is suspended and can be dropped.
fn drive(
    store: &mut Store<State>,
    pre: &InstancePre<State>,
    control: &Control,
) -> wasmtime::Result<()> {
    let mut run = pin!(async {
        let instance = pre.instantiate_async(&mut *store).await?;
        let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
        start.call_async(&mut *store, ()).await
    });
    let mut cx = Context::from_waker(Waker::noop());
    control.check()?;
    loop {
        match run.as_mut().poll(&mut cx) {
            Poll::Ready(ended) => return ended,
            Poll::Pending => control.check()?,
        }
    }
}

/// Sorts an ended run into the guest's doing and the host's.
fn verdict(error: &wasmtime::Error, control: &Control) -> Result<Exit, RunError> {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return match stop {
            Stop::Exit(code) => Ok(Exit::Code(u8::try_from(*code).unwrap_or(u8::MAX))),
            Stop::OutOfFuel => Ok(Exit::OutOfFuel),
            Stop::OutputLimit => Ok(Exit::OutputLimit),
            Stop::WallClock => Err(RunError::WallClock(control.running())),
            Stop::Cancelled => Err(RunError::Cancelled),
            Stop::Host(reason) => Err(RunError::Host(reason.clone())),
        };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Ok(Exit::OutOfFuel),
        Some(trap) => TrapKind::from_engine(*trap)
            .map(Exit::Trap)
            .ok_or_else(|| RunError::Host(format!("unexpected trap: {trap}"))),
        None => Err(RunError::Host(format!("{error:#}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_which_runs_are_held_is_no_running_time() {
        let allowance = Duration::from_millis(400);
        let (cancel, gate) = (Cancel::default(), Arc::new(Gate::default()));
        let start = || Control::new(&cancel, &gate, Some(allowance));
        // GIVEN one that was started before the gate closed, and one that was started before anything
        let control = start();
        gate.close();
        while control.started.elapsed() < 2 * allowance {
            std::thread::sleep(Duration::from_millis(10));
        }
        let late = start();
        gate.open();
        // THEN neither has used its time up
        assert!(control.running() < allowance && control.check().is_ok());
        // AND what was closed before it does not lengthen that of the other
        while late.started.elapsed() < allowance {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(matches!(late.check(), Err(Stop::WallClock)));
    }
}
