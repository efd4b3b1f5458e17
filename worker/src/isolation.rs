//! What keeps the code of others from this machine.

use std::sync::Arc;

use sungrid_executor::Engine;
use sungrid_sandbox::{Host, Isolation, IsolationError, Report};
use tracing::{info, warn};

use crate::{
    engine::{ProcessRunner, WasmRunner},
    ports::Runner,
};

/// The runner that the operator asks for, as far as the system has it. `memory` bounds what compiling may take; `background` puts
/// batches behind all other processes. Blocks for some milliseconds.
pub fn runner(
    setting: &Isolation,
    engine: Engine,
    memory: u64,
    background: bool,
) -> Result<Arc<dyn Runner>, IsolationError> {
    let runner: Arc<dyn Runner> = match setting.host(engine.clone(), memory, background)? {
        Host::Jailed(sandbox) => {
            tell(sandbox.report());
            Arc::new(ProcessRunner::new(sandbox))
        }
        Host::Bare { reason } => {
            warn!(
                "{reason}; the code of others runs in this process, with nothing but WebAssembly around it"
            );
            Arc::new(WasmRunner::new(engine))
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
    use sungrid_sandbox::{Level, Measure};

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
