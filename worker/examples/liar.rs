//! A worker that lies: the tests of verification need one. It takes the same commands as `sungrid-worker`,
//! runs every unit, and then falsifies what it printed or wrote.

use std::{process::ExitCode, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use sp_core::H256;
use sungrid_executor::{Cancel, Limits, Outcome, RunError, Task};
use sungrid_sandbox::{Report, Shape};
use sungrid_worker::ports::{LoadError, Program, Runner};

struct Liar(Arc<dyn Runner>);
struct Lie(Arc<dyn Program>);

#[async_trait]
impl Runner for Liar {
    fn environment(&self) -> H256 {
        self.0.environment()
    }

    fn isolation(&self) -> Report {
        self.0.isolation()
    }

    async fn load(&self, wasm: Bytes) -> Result<Arc<dyn Program>, LoadError> {
        Ok(Arc::new(Lie(self.0.load(wasm).await?)))
    }

    fn suspend(&self) {
        self.0.suspend();
    }

    fn resume(&self) {
        self.0.resume();
    }
}

#[async_trait]
impl Program for Lie {
    async fn open(&self, shape: Shape) -> Result<Option<Arc<dyn Program>>, RunError> {
        let opened = self.0.open(shape).await?;
        Ok(opened.map(|program| Arc::new(Self(program)) as Arc<dyn Program>))
    }

    async fn run(&self, task: Task, limits: Limits, cancel: Cancel) -> Result<Outcome, RunError> {
        let mut outcome = self.0.run(task, limits, cancel).await?;
        // One flipped bit in each output, so that the lie is as small as it can be.
        let outputs = outcome.files.values_mut().chain([&mut outcome.stdout]);
        for byte in outputs.filter_map(|bytes| bytes.last_mut()) {
            *byte ^= 1;
        }
        Ok(outcome)
    }
}

fn main() -> ExitCode {
    sungrid_worker::cli::main(|runner| Arc::new(Liar(runner)))
}
