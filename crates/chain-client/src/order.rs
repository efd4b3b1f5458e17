//! What a job computes, as canaries name it.

use sungrid_primitives::receipt::Order;

use crate::{AccountId, Job};

impl Job {
    /// The same order, from `requester`.
    pub fn order_from(&self, requester: &AccountId) -> Order {
        let spec = &self.spec;
        Order {
            requester: *requester.as_ref(),
            image: spec.image,
            input: spec.input,
            units: spec.units,
            batch_size: spec.batch_size,
            fuel_limit: spec.fuel_limit,
            memory_limit: spec.memory_limit,
            profile: spec.profile,
            environment: spec.environment,
        }
    }
}
