//! Measuring the machine again, while it is free: at the start something else may have kept it busy.

use std::sync::Arc;

use sungrid_chain_client::BlockNumber;
use tracing::{info, warn};

use super::{Report as All, Supervisor};
use crate::{
    register::{self, Offer, RegisterError},
    schedule::energy::Allowance,
};

/// How long until it is measured again, all being well: for a second there is no work meanwhile.
const AGAIN_MS: u64 = 24 * 3_600_000;
/// And where it could not be: what made the machine busy at its start is over by then, or the owner gone.
const RETRY_MS: u64 = 10 * 60_000;

/// Measures; fuel per second of one lane, or nothing if that fails. Blocks for about a second.
pub type Measure = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// When it is measured, and what is offered then.
pub(super) struct Measuring {
    measure: Measure,
    offer: Offer,
    /// The speed that is offered on chain.
    declared: u64,
    due: BlockNumber,
}

/// How a step came out.
pub(super) enum Report {
    Measured(Option<u64>),
    Declared(u64, Result<(), RegisterError>),
}

impl Supervisor {
    /// Measures the machine now and then while it is free, and declares more if it shows more. What is offered with the speed
    /// of the start is in `offer`; `at_once` says whether that may have been measured beside somebody.
    pub fn measuring(mut self, measure: Measure, offer: Offer, at_once: bool) -> Self {
        let due = match at_once {
            true => 0,
            false => self.head.number.saturating_add(self.blocks(RETRY_MS)),
        };
        self.measuring = Some(Measuring {
            measure,
            offer,
            declared: self.settings.lane_speed,
            due,
        });
        self
    }

    fn blocks(&self, ms: u64) -> BlockNumber {
        let blocks = ms / self.params.block_ms.max(1);
        BlockNumber::try_from(blocks).unwrap_or(BlockNumber::MAX)
    }

    /// Measures if it is time to, and the machine is free for work and has none: beside units it would show less, and waiting for
    /// those that run would hold up others, whose time to commit runs.
    pub(super) fn remeasure(&mut self) {
        let may = self.idle.phase().state.may_work()
            && !self.is_draining()
            && !self.proving.is_owed()
            && !matches!(self.energy.allow(0), Allowance::None(_));
        let (now, retry) = (self.head.number, self.blocks(RETRY_MS));
        let Some(measuring) = &mut self.measuring else {
            return;
        };
        if !may || now < measuring.due {
            return;
        }
        let lanes = u32::try_from(self.settings.lanes.max(1)).unwrap_or(u32::MAX);
        let Ok(slots) = self.lanes.clone().try_acquire_many_owned(lanes) else {
            return;
        };
        // Long after this one has ended, whatever becomes of it.
        measuring.due = now.saturating_add(retry);
        let measure = measuring.measure.clone();
        self.work.spawn(async move {
            let _slots = slots;
            let measured = tokio::task::spawn_blocking(move || measure()).await;
            All::Measure(Report::Measured(measured.unwrap_or_default()))
        });
    }

    pub(super) fn on_measure(&mut self, report: Report) {
        let again = self.head.number.saturating_add(self.blocks(AGAIN_MS));
        let retry = self.head.number.saturating_add(self.blocks(RETRY_MS));
        let stayed_free = self.idle.phase().state.may_work();
        let Some(measuring) = &mut self.measuring else {
            return;
        };
        match report {
            Report::Measured(Some(speed)) if speed > measuring.declared => {
                info!(
                    mfuel_per_second = speed / 1_000_000,
                    before = measuring.declared / 1_000_000,
                    "this machine is faster than what it has declared"
                );
                self.settings.lane_speed = speed.max(self.settings.lane_speed);
                let lanes = self.settings.lanes as u64;
                let resources = &mut measuring.offer.resources;
                resources.fuel_per_second = speed.saturating_mul(lanes);
                // The chain may take as long as it likes to take it.
                measuring.due = again;
                let (ports, offer) = (self.ports.clone(), measuring.offer.clone());
                self.tasks.spawn(async move {
                    let declared = register::declare(&ports, &offer).await;
                    All::Measure(Report::Declared(speed, declared))
                });
            }
            // With its owner back in the middle of it, it says nothing.
            Report::Measured(Some(_)) if stayed_free => measuring.due = again,
            Report::Measured(_) => {}
            Report::Declared(speed, Ok(())) => measuring.declared = speed,
            // Declared with the next measurement.
            Report::Declared(_, Err(error)) => {
                warn!(%error, "what this machine can do is not declared yet");
                measuring.due = retry;
            }
        }
    }
}
