//! Counters, as Prometheus text and for `status`.

use std::{
    fmt::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use sungrid_chain_client::{Balance, BlockNumber, Worker, WorkerState};
use sungrid_sandbox::Report;
use tokio::sync::watch;

/// A picture of a worker at one block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Process that wrote it.
    pub pid: u32,
    /// Best block seen.
    pub block: BlockNumber,
    /// State on chain: active, paused or leaving.
    pub state: String,
    /// Declared capacity, µSUNS.
    pub capacity: u64,
    /// Capacity in use, µSUNS.
    pub committed: u64,
    /// Bond in planck, as text.
    pub bond: String,
    /// What others delegated, planck, as text.
    pub delegated: String,
    /// Units accepted so far.
    pub accepted_units: u64,
    /// Times slashed.
    pub faults: u32,
    /// Deadlines missed.
    pub missed: u32,
    /// Rewards that can be claimed, planck, as text.
    pub pending: String,
    /// Why no work is taken; empty while some is.
    pub idle_reason: String,
    /// What keeps batches from this machine, and what is missing.
    #[serde(default)]
    pub isolation: Vec<Protection>,
    /// Counters since the start of the process.
    pub counters: Vec<(String, u64)>,
}

/// One measure of isolation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Its name in the settings.
    pub measure: String,
    /// Whether it protects this machine now.
    pub in_force: bool,
    /// What it does here, or why it is missing.
    pub detail: String,
}

/// A report as `status` and `sandbox` write it.
pub fn protections(report: &Report) -> Vec<Protection> {
    report
        .measures()
        .map(|(measure, status)| Protection {
            measure: measure.name().into(),
            in_force: status.in_force,
            detail: status.detail.clone(),
        })
        .collect()
}

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident: $name:literal, $help:literal;)*) => {
        /// All counters of a worker.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($field: AtomicU64,)*
            status: Mutex<Status>,
            seen: watch::Sender<BlockNumber>,
        }

        impl Metrics {
            fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$(($name, $help, self.$field.load(Ordering::Relaxed)),)*]
            }
        }
    };
}

counters! {
    claims: "claims_total", "Batches claimed.";
    units: "units_total", "Units computed.";
    fuel: "fuel_total", "Fuel of sealed batches.";
    accepted: "batches_accepted_total", "Batches accepted and paid.";
    lost: "batches_lost_total", "Batches decided without this replica.";
    undecided: "batches_failed_total", "Batches that failed or were cancelled.";
    late: "deadlines_missed_total", "Deadlines missed.";
    declines: "jobs_declined_total", "Jobs that could not be prepared.";
    back: "batches_declined_total", "Batches given back because their input was missing.";
    paid: "rewards_planck_total", "Rewards claimed.";
    working: "batches_in_hand", "Batches being computed.";
    height: "best_block", "Best block seen.";
    no_room: "disk_full", "1 while there is no room for new work.";
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

impl Metrics {
    fn edit(&self, edit: impl FnOnce(&mut Status)) {
        edit(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The picture at this moment.
    pub fn status(&self) -> Status {
        let mut status = self
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        status.pid = std::process::id();
        status.counters = self
            .all()
            .into_iter()
            .map(|(name, _, value)| (name.into(), value))
            .collect();
        status
    }

    /// Prometheus text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, help, value) in self.all() {
            let kind = if name.ends_with("_total") {
                "counter"
            } else {
                "gauge"
            };
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "# HELP sungrid_worker_{name} {help}\n# TYPE sungrid_worker_{name} {kind}\nsungrid_worker_{name} {value}"
            );
        }
        text
    }

    pub(crate) fn block(&self, number: BlockNumber) {
        self.height.store(number.into(), Ordering::Relaxed);
        self.edit(|status| status.block = number);
        self.seen.send_replace(number);
    }

    /// Changes with every block.
    pub fn blocks(&self) -> watch::Receiver<BlockNumber> {
        self.seen.subscribe()
    }

    pub(crate) fn worker(&self, worker: &Worker) {
        self.edit(|status| {
            status.state = match worker.state {
                WorkerState::Active => "active",
                WorkerState::Paused => "paused",
                WorkerState::Suspended => "paused by its operator",
                WorkerState::Leaving { .. } => "leaving",
            }
            .into();
            status.capacity = worker.capacity;
            status.committed = worker.committed;
            status.bond = worker.bond.to_string();
            status.delegated = worker.delegated.to_string();
            status.accepted_units = worker.accepted_units;
            status.faults = worker.faults;
            status.missed = worker.missed;
        });
    }

    pub(crate) fn idle_reason(&self, reason: &str) {
        self.edit(|status| reason.clone_into(&mut status.idle_reason));
    }

    pub(crate) fn isolation(&self, report: &Report) {
        self.edit(|status| status.isolation = protections(report));
    }

    pub(crate) fn pending(&self, planck: Balance) {
        self.edit(|status| status.pending = planck.to_string());
    }

    pub(crate) fn in_hand(&self, batches: usize) {
        self.working.store(batches as u64, Ordering::Relaxed);
    }

    pub(crate) fn full(&self, full: bool) {
        self.no_room.store(full.into(), Ordering::Relaxed);
    }

    pub(crate) fn claimed(&self) {
        add(&self.claims, 1);
    }

    pub(crate) fn computed(&self, units: u64, fuel: u128) {
        add(&self.units, units);
        add(&self.fuel, u64::try_from(fuel).unwrap_or(u64::MAX));
    }

    pub(crate) fn settled(&self) {
        add(&self.accepted, 1);
    }

    pub(crate) fn lost(&self) {
        add(&self.lost, 1);
    }

    pub(crate) fn failed(&self) {
        add(&self.undecided, 1);
    }

    pub(crate) fn missed(&self) {
        add(&self.late, 1);
    }

    pub(crate) fn given_back(&self) {
        add(&self.back, 1);
    }

    pub(crate) fn declined(&self) {
        add(&self.declines, 1);
    }

    pub(crate) fn rewards(&self, planck: Balance) {
        add(&self.paid, u64::try_from(planck).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_prometheus() {
        let metrics = Metrics::default();
        metrics.claimed();
        metrics.block(7);
        let text = metrics.text();
        assert!(text.contains(
            "# TYPE sungrid_worker_claims_total counter\nsungrid_worker_claims_total 1\n"
        ));
        assert!(
            text.contains("# TYPE sungrid_worker_best_block gauge\nsungrid_worker_best_block 7\n")
        );
        assert_eq!(metrics.status().block, 7);
    }
}
