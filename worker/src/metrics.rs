//! Counters, as Prometheus text and for `status`.

use std::{
    fmt::Write,
    num::NonZeroU64,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use sungrid_chain_client::{Balance, BlockNumber, Worker, WorkerState};
use sungrid_data_plane::Rates;
use sungrid_idle::{Standing, State};
use sungrid_sandbox::Report;
use tokio::sync::watch;

/// A line that some part of the worker adds to what is shown of it: what is in force, why it waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is about, in a word or two.
    pub name: String,
    /// What there is to say.
    pub text: String,
}

/// A picture of a worker at one block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Process that wrote it.
    pub pid: u32,
    /// Version of the program.
    pub version: String,
    /// The worker's address.
    pub worker: String,
    /// Its operator's address.
    pub operator: String,
    /// Where its results compare, hexadecimal.
    pub environment: String,
    /// Start of the process, milliseconds since 1970.
    pub started_ms: u64,
    /// When this was written, milliseconds since 1970.
    pub written_ms: u64,
    /// Units that it runs at the same time.
    pub lanes: u64,
    /// Whether it finishes what is in hand, to end then.
    pub draining: bool,
    /// Batches claimed and not computed yet.
    pub computing: u64,
    /// Batches computed, of which a step or the decision is still to come.
    pub undecided: u64,
    /// Batches decided whose outputs are still served.
    pub serving: u64,
    /// ISC value of verified work so far, planck, as text.
    pub credit: String,
    /// Temperature of the processor, °C, if the machine tells.
    pub temperature: Option<i32>,
    /// What the parts of the worker have to say, in the order in which they said it first.
    pub facts: Vec<Fact>,
    /// Best block seen.
    pub block: BlockNumber,
    /// State on chain: active, paused or leaving.
    pub state: String,
    /// Declared capacity, µSUNS.
    pub capacity: u64,
    /// What counts of it, by what is proven, µSUNS.
    #[serde(default)]
    pub counted: u64,
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
    /// Whether the machine's owner leaves it to the work, and why; none without an idle policy.
    #[serde(default)]
    pub machine: Option<Standing>,
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
    suspended: "suspensions_total", "Times that work stood still for the machine's owner.";
    vacated: "batches_vacated_total", "Batches given back because the machine's owner needed it.";
    machine: "machine_state", "The idle policy: 0 owner, 1 idle, 2 running, 3 suspended, 4 vacating.";
    paid: "rewards_planck_total", "Rewards claimed.";
    working: "batches_in_hand", "Batches being computed.";
    height: "best_block", "Best block seen.";
    no_room: "disk_full", "1 while there is no room for new work.";
    undecided_now: "batches_undecided", "Batches computed, of which a step or the decision is still to come.";
    serving: "batches_served", "Batches decided whose outputs are still served.";
    draining: "draining", "1 while it finishes what is in hand, to end then.";
    idle: "idle", "1 while no new work is taken, or none is found.";
    lanes: "lanes", "Units that run at the same time at most.";
    capacity: "capacity_usuns", "Declared capacity, millionths of a SUNS.";
    counted: "counted_usuns", "What counts of it, by what is proven, millionths of a SUNS.";
    committed: "committed_usuns", "Capacity in use, millionths of a SUNS.";
    bond: "bond_planck", "The operator's part of the bond.";
    delegated: "delegated_planck", "What others staked on it.";
    active: "active", "1 while the chain lets it claim.";
    accepted_units: "accepted_units", "Units accepted so far, as the chain counts them.";
    faults: "faults", "Times slashed, as the chain counts them.";
    missed_in_all: "missed", "Deadlines missed, as the chain counts them.";
    credit: "credit_planck", "ISC value of verified work so far.";
    pending: "pending_rewards_planck", "Rewards that can be claimed, over all workers of the operator.";
    started: "start_time_seconds", "Start of the process, seconds since 1970.";
    stored: "stored_bytes", "Bytes in the content store.";
    fetched: "fetched_bytes_total", "Bytes of content fetched from others.";
    served: "served_bytes_total", "Bytes sent to others.";
    direct: "direct_bytes_total", "Bytes of packets from peer to peer, both ways.";
    relayed: "relayed_bytes_total", "Bytes of packets through relays, both ways.";
    upload_limit: "upload_limit_bytes", "Bytes of content that may be sent per second now; 0: any.";
    download_limit: "download_limit_bytes", "Bytes of content that may be fetched per second now; 0: any.";
    today: "traffic_today_bytes", "Bytes of packets both ways since midnight UTC.";
    relay_up: "relay_connected", "1 while there is a connection to the relay that others reach this worker through.";
    refused: "refused_requests_total", "Requests and connections of others that were refused.";
    hints: "hints_total", "Messages of other parties.";
    hints_refused: "hints_refused_total", "Of these, what was malformed, too fast, or of muted peers.";
    hints_confirmed: "hints_confirmed_total", "Of these, what the chain confirmed.";
    hints_false: "hints_false_total", "Of these, what it did not, and forgeries.";
    hint_looks: "hint_looks_total", "Looks at the chain for what others said.";
    mutings: "peers_muted_total", "Times that a peer was not listened to any more.";
    forwarded: "hints_forwarded_total", "Messages told on to other workers.";
    told: "hints_told_total", "Messages that requesters have taken.";
}

/// What the worker is, which does not change while the process lives.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The worker's address.
    pub worker: String,
    /// Where its results compare, hexadecimal.
    pub environment: String,
    /// Units that it runs at the same time.
    pub lanes: usize,
}

/// What the node in use is called among the facts.
const NODE: &str = "node";

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
        status.version = env!("CARGO_PKG_VERSION").into();
        status.written_ms = now_ms();
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
        self.labelled(&mut text);
        text
    }

    /// What a number does not tell.
    fn labelled(&self, text: &mut String) {
        let status = self.status();
        let mut gauge = |name: &str, help: &str, labels: &[(&str, &str)], value: u64| {
            let labels: Vec<String> = labels
                .iter()
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
                .collect();
            let labels = match labels.is_empty() {
                true => String::new(),
                false => format!("{{{}}}", labels.join(",")),
            };
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "# HELP sungrid_worker_{name} {help}\n# TYPE sungrid_worker_{name} gauge\nsungrid_worker_{name}{labels} {value}"
            );
        };
        let identity = [
            ("version", status.version.as_str()),
            ("worker", &status.worker),
            ("operator", &status.operator),
            ("environment", &status.environment),
        ];
        gauge("info", "What this worker is.", &identity, 1);
        let state = [("state", status.state.as_str())];
        gauge("state", "Its state on chain.", &state, 1);
        if let Some(node) = status.facts.iter().find(|fact| fact.name == NODE) {
            gauge("node", "The node in use.", &[("url", &node.text)], 1);
        }
        let reason = [("reason", status.idle_reason.as_str())];
        gauge(
            "idle_reason",
            "Why no work is taken; no reason while some is.",
            &reason,
            (!status.idle_reason.is_empty()).into(),
        );
        if let Some(celsius) = status.temperature {
            gauge(
                "temperature_celsius",
                "Temperature of the processor.",
                &[],
                u64::try_from(celsius).unwrap_or(0),
            );
        }
    }

    /// Says what this worker is.
    pub(crate) fn identify(&self, identity: Identity) {
        self.lanes.store(identity.lanes as u64, Ordering::Relaxed);
        self.started.store(now_ms() / 1_000, Ordering::Relaxed);
        self.edit(|status| {
            status.started_ms = now_ms();
            status.worker = identity.worker;
            status.environment = identity.environment;
            status.lanes = identity.lanes as u64;
        });
    }

    /// Adds a line to what `status` and `top` show, or changes it; an empty text takes it away.
    pub fn fact(&self, name: &str, text: impl Into<String>) {
        let text = text.into();
        self.edit(|status| {
            let known = status.facts.iter().position(|fact| fact.name == name);
            match (known, text.is_empty()) {
                (Some(at), true) => drop(status.facts.remove(at)),
                (Some(at), false) => status.facts[at].text = text,
                (None, true) => {}
                (None, false) => status.facts.push(Fact {
                    name: name.into(),
                    text,
                }),
            }
        });
    }

    /// The node that is asked.
    pub(crate) fn node(&self, url: Option<String>) {
        self.fact(NODE, url.unwrap_or_default());
    }

    pub(crate) fn block(&self, number: BlockNumber) {
        self.height.store(number.into(), Ordering::Relaxed);
        self.edit(|status| status.block = number);
    }

    /// Says that all is noted that there is to note of a block.
    pub(crate) fn publish(&self) {
        self.seen
            .send_replace(self.height.load(Ordering::Relaxed) as BlockNumber);
    }

    /// Changes with every block, when all is noted of it.
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
            status.operator = worker.operator.to_string();
            status.capacity = worker.capacity;
            status.counted = worker.counted;
            status.committed = worker.committed;
            status.bond = worker.bond.to_string();
            status.delegated = worker.delegated.to_string();
            status.accepted_units = worker.accepted_units;
            status.faults = worker.faults;
            status.missed = worker.missed;
        });
        let is_active = worker.state == WorkerState::Active;
        for (gauge, value) in [
            (&self.active, is_active.into()),
            (&self.capacity, worker.capacity),
            (&self.counted, worker.counted),
            (&self.committed, worker.committed),
            (&self.bond, clamped(worker.bond)),
            (&self.delegated, clamped(worker.delegated)),
            (&self.accepted_units, worker.accepted_units),
            (&self.faults, worker.faults.into()),
            (&self.missed_in_all, worker.missed.into()),
        ] {
            gauge.store(value, Ordering::Relaxed);
        }
    }

    pub(crate) fn idle_reason(&self, reason: &str) {
        self.idle
            .store((!reason.is_empty()).into(), Ordering::Relaxed);
        self.edit(|status| reason.clone_into(&mut status.idle_reason));
    }

    pub(crate) fn standing(&self, standing: Standing, changed: bool) {
        self.machine.store(standing.state as u64, Ordering::Relaxed);
        if changed && standing.state == State::Suspended {
            add(&self.suspended, 1);
        }
        self.edit(|status| status.machine = Some(standing));
        if changed {
            // The same block, another picture.
            self.seen.send_modify(|_| {});
        }
    }

    pub(crate) fn vacated(&self) {
        add(&self.vacated, 1);
    }

    pub(crate) fn isolation(&self, report: &Report) {
        self.edit(|status| status.isolation = protections(report));
    }

    pub(crate) fn pending(&self, planck: Balance) {
        self.pending.store(clamped(planck), Ordering::Relaxed);
        self.edit(|status| status.pending = planck.to_string());
    }

    pub(crate) fn credit(&self, planck: Balance) {
        self.credit.store(clamped(planck), Ordering::Relaxed);
        self.edit(|status| status.credit = planck.to_string());
    }

    /// Batches being computed, computed and undecided, decided and served.
    pub(crate) fn in_hand(&self, computing: usize, undecided: usize, serving: usize) {
        let counts = [computing, undecided, serving].map(|count| count as u64);
        self.working.store(counts[0], Ordering::Relaxed);
        self.undecided_now.store(counts[1], Ordering::Relaxed);
        self.serving.store(counts[2], Ordering::Relaxed);
        self.edit(|status| {
            [status.computing, status.undecided, status.serving] = counts;
        });
    }

    pub(crate) fn draining(&self, draining: bool) {
        self.draining.store(draining.into(), Ordering::Relaxed);
        self.edit(|status| status.draining = draining);
    }

    pub(crate) fn temperature(&self, celsius: Option<i32>) {
        self.edit(|status| status.temperature = celsius);
    }

    /// How fast content may go and come, and what was moved today.
    pub(crate) fn line(&self, rates: Rates, today: u64) {
        let number = |rate: Option<NonZeroU64>| rate.map_or(0, NonZeroU64::get);
        for (gauge, value) in [
            (&self.upload_limit, number(rates.upload)),
            (&self.download_limit, number(rates.download)),
            (&self.today, today),
        ] {
            gauge.store(value, Ordering::Relaxed);
        }
    }

    /// What the content store holds and has moved.
    pub(crate) fn content(&self, stats: sungrid_data_plane::Stats) {
        self.stored.store(stats.stored_bytes, Ordering::Relaxed);
        self.fetched.store(stats.fetched_bytes, Ordering::Relaxed);
        self.served.store(stats.served_bytes, Ordering::Relaxed);
        self.refused.store(stats.refused, Ordering::Relaxed);
        self.direct.store(stats.direct_bytes, Ordering::Relaxed);
        self.relayed.store(stats.relayed_bytes, Ordering::Relaxed);
    }

    /// The relay through which others reach this worker.
    pub(crate) fn relay(&self, state: &sungrid_data_plane::RelayState) {
        self.relay_up
            .store(state.connected.into(), Ordering::Relaxed);
        let standing = match (state.connected, &state.error) {
            (true, _) => "connected".to_owned(),
            (false, Some(error)) => format!("not connected: {error}"),
            (false, None) => "not connected".to_owned(),
        };
        self.fact("relay", format!("{}, {standing}", state.relay));
    }

    /// What was heard of other parties, and told.
    pub(crate) fn gossip(&self, stats: sungrid_gossip::Stats) {
        for (counter, value) in [
            (&self.hints, stats.heard),
            (&self.hints_refused, stats.refused + stats.muted),
            (&self.hints_confirmed, stats.confirmed),
            (&self.hints_false, stats.wrong),
            (&self.hint_looks, stats.looked),
            (&self.mutings, stats.mutings),
            (&self.forwarded, stats.forwarded),
            (&self.told, stats.told),
        ] {
            counter.store(value, Ordering::Relaxed);
        }
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

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is wrong anyway; `doctor` says so.
    now.map_or(0, |now| now.as_millis() as u64)
}

fn clamped(planck: Balance) -> u64 {
    u64::try_from(planck).unwrap_or(u64::MAX)
}

/// The value of a label, as the text format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
