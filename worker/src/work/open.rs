//! What the units of a batch run on.

use std::sync::Arc;

use sungrid_executor::RunError;
use sungrid_sandbox::Shape;
use tokio::sync::OnceCell;

use super::{Bench, Prepared, inputs::Inputs, unit_limits};
use crate::ports::Program;

/// The program of a batch: in a process of its own, where batches are isolated. It is there from the first unit that has
/// a lane, so that a batch that waits takes no memory, until the batch ends.
#[derive(Default)]
pub struct Opened(OnceCell<Arc<dyn Program>>);

impl Opened {
    pub(super) async fn program(
        &self,
        bench: &Bench,
        prepared: &Prepared,
        inputs: &Inputs,
    ) -> Result<Arc<dyn Program>, RunError> {
        let open = async || {
            // As it was ordered: what was cut off it is fewer.
            let units = prepared.spec.batch_size.max(1);
            let shape = Shape {
                lanes: bench.at_once.min(units as usize),
                limits: unit_limits(bench, prepared),
                input_bytes: bench.bounds.unit_input,
                shared: inputs.shared.values().cloned().collect(),
                urgent: false,
            };
            let opened = prepared.program.open(shape).await?;
            Ok(opened.unwrap_or_else(|| prepared.program.clone()))
        };
        self.0.get_or_try_init(open).await.cloned()
    }
}
