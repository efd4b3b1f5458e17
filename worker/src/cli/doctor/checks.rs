//! The checks: each looks at the facts and says what is the case and what to do.

#[cfg(test)]
mod tests;

use sungrid_chain_client::{ChainError, WorkerState};
use sungrid_idle::{Mode, Value};
use sungrid_primitives::{
    ISC,
    suns::{CPU_1, MICRO},
};

use super::{
    Finding, Verdict,
    facts::{ChainFacts, Facts, Reach},
};
use crate::{
    cli::page,
    config::{Config, FILE},
    daemon, idle as policy,
    register::Isc,
};

/// A clock that differs from the chain's time by more is worth a look; blocks themselves come that late now and then.
const CLOCK_WARN_MS: u64 = 30_000;
/// One that differs by more makes TLS certificates and deadlines fail.
const CLOCK_FAIL_MS: u64 = 300_000;
/// A worker that wrote nothing for that long hangs, or has no node.
const STATUS_STALE_MS: u64 = 120_000;
/// Free balance below which an operator cannot pay for what comes up.
const LEAST_BALANCE: u128 = ISC / 10;
/// Without that much free disk a node and its worker stumble, whatever the quota.
const LEAST_DISK: u64 = 1 << 30;

type Check = fn(&Facts) -> Verdict;

/// All of them, in the order in which one thing depends on another.
const CHECKS: [(&str, Check); 16] = [
    ("settings", settings),
    ("folder", folder),
    ("key", key),
    ("operator", operator),
    ("node", node),
    ("clock", clock),
    ("environment", environment),
    ("registered", registered),
    ("capacity", capacity),
    ("bond", bond),
    ("live", live),
    ("endpoint", endpoint),
    ("disk", disk),
    ("memory", memory),
    ("neighbours", neighbours),
    ("idle", idle),
];

/// What all checks find.
pub(super) fn all(facts: &Facts) -> Vec<Finding> {
    let run = |(check, judge): &(&'static str, Check)| {
        let Verdict(level, text, fix) = judge(facts);
        Finding {
            check,
            level,
            text,
            fix,
        }
    };
    CHECKS.iter().map(run).collect()
}

fn settings(facts: &Facts) -> Verdict {
    let path = facts.folder.join(FILE);
    match &facts.config {
        Ok(_) => Verdict::ok(format!("{} is fine", path.display())),
        Err(error) => Verdict::fail(
            error.trim_end(),
            "correct the setting, or compare with a fresh file (`sungrid-worker init --jurisdiction DE --data-dir OTHER`)",
        ),
    }
}

fn folder(facts: &Facts) -> Verdict {
    let lock = &facts.lock;
    if !lock.running {
        return Verdict::warn(
            "no worker runs in this folder",
            format!("sungrid-worker run --data-dir {}", facts.folder.display()),
        );
    }
    if let (Some(pid), Some(false)) = (lock.holder, lock.alive) {
        return Verdict::fail(
            format!("the folder is locked, but process {pid}, which locked it, is dead"),
            "a child of it may live, or a network file system kept the lock: end the child, or move the folder to a local disk",
        );
    }
    let process = lock
        .holder
        .map_or_else(String::new, |pid| format!(" (process {pid})"));
    match lock.status_age_ms {
        Some(age) if age > STATUS_STALE_MS => Verdict::fail(
            format!(
                "the worker{process} has seen no block for {}",
                page::duration(age)
            ),
            "see its log; if the node is well, start the worker anew: nothing is lost",
        ),
        _ => Verdict::ok(format!("a worker runs{process}")),
    }
}

fn key(facts: &Facts) -> Verdict {
    let Some(key) = &facts.key else {
        return Verdict::skipped("without settings there is no key to look at");
    };
    match &key.loaded {
        // The error says what to do.
        Err(error) => Verdict::fail(
            error.clone(),
            "without this key the worker cannot sign: restore it, or set up another worker",
        ),
        Ok(account) if key.encrypted => Verdict::ok(format!("{account}, encrypted")),
        Ok(account) => Verdict::warn(
            format!("{account}, not encrypted: {}", key.path.display()),
            format!(
                "sungrid-worker key encrypt --data-dir {}",
                facts.folder.display()
            ),
        ),
    }
}

fn operator(facts: &Facts) -> Verdict {
    match &facts.operator {
        Some(Err(error)) => Verdict::fail(
            error.clone(),
            "correct `operator` in worker.toml: a key file, env:NAME, or a development account",
        ),
        Some(Ok(account)) => match facts.known().and_then(|chain| chain.operator_free) {
            Some(free) if free < LEAST_BALANCE => Verdict::warn(
                format!("{account} has only {}", page::isc(&free.to_string())),
                "transfer some ISC to it: claiming rewards and changing the worker cost a fee",
            ),
            _ => Verdict::ok(account.clone()),
        },
        None if facts.config.is_err() => Verdict::skipped("without settings there is none"),
        None => Verdict::warn(
            "no operator key is configured",
            "fine for a registered worker; set `operator` in worker.toml to register, to change the bond, or to claim from here",
        ),
    }
}

impl Facts {
    /// What the chain says, if it could be asked.
    fn known(&self) -> Option<&ChainFacts> {
        self.chain.as_ref()?.as_ref().ok()
    }

    fn settings(&self) -> Option<&Config> {
        self.config.as_ref().ok()
    }
}

/// Blocks by which a node may be behind another one that is no fallback to be worried about.
const LAG: u32 = 10;

fn unasked() -> Verdict {
    Verdict::skipped("the chain could not be asked")
}

fn node(facts: &Facts) -> Verdict {
    match &facts.chain {
        None => Verdict::skipped("without settings there is no node to ask"),
        Some(Ok(chain)) => {
            let text = format!(
                "{} at block {}, genesis {:?}",
                chain.name, chain.block, chain.genesis
            );
            let best = |node: &Result<u32, _>| node.as_ref().copied().unwrap_or_default();
            let highest = chain.nodes.iter().map(|(_, node)| best(node)).max();
            let lagging = |best: u32| best.saturating_add(LAG) < highest.unwrap_or_default();
            let others = chain.nodes.iter().map(|(url, node)| match node {
                Ok(best) => format!("{url} at block {best}"),
                Err(error) => error.to_string(),
            });
            let others = others.collect::<Vec<_>>().join("; ");
            let is_well =
                |(_, node): &(_, Result<u32, _>)| node.as_ref().is_ok_and(|best| !lagging(*best));
            match chain.nodes.iter().all(is_well) {
                true if chain.nodes.len() < 2 => Verdict::ok(text),
                true => Verdict::ok(format!("{text}: {others}")),
                false => Verdict::warn(
                    format!("{text}, but not all nodes are there to fall back on: {others}"),
                    "start the missing node, or strike it out of `node` in worker.toml",
                ),
            }
        }
        Some(Err(error)) => Verdict::fail(
            error.to_string(),
            match error {
                ChainError::Unreachable { .. } | ChainError::BadAddress { .. } => {
                    "start the node (docs/operator.md, 'Run a node of your own'), or correct `node` in worker.toml"
                }
                ChainError::WrongGenesis { .. } => {
                    "correct `node` or `genesis` in worker.toml: the journal and the bond belong to one chain"
                }
                ChainError::Incompatible { .. } | ChainError::Decode { .. } => {
                    "drain and update sungrid-worker"
                }
                _ => "see the node's log",
            },
        ),
    }
}

fn clock(facts: &Facts) -> Verdict {
    let Some(chain) = facts.known() else {
        return unasked();
    };
    let off = facts.now_ms.abs_diff(chain.time_ms);
    let text = if facts.now_ms < chain.time_ms {
        format!("this clock is {} behind the chain's", page::duration(off))
    } else {
        format!("the newest block is {} old", page::duration(off))
    };
    let fix = if facts.now_ms < chain.time_ms {
        "set the clock: systemd-timesyncd, chrony, or the system's setting for automatic time"
    } else {
        "is the node still syncing, or the chain stopped? If not, this clock is ahead: switch automatic time on"
    };
    if off > CLOCK_FAIL_MS {
        Verdict::fail(text, fix)
    } else if off > CLOCK_WARN_MS {
        Verdict::warn(text, fix)
    } else {
        Verdict::ok(text)
    }
}

fn environment(facts: &Facts) -> Verdict {
    match facts.known() {
        None => unasked(),
        Some(chain) if chain.accepts => Verdict::ok("the chain accepts this program's results"),
        Some(_) => Verdict::fail(
            "the chain does not accept results of this program's environment",
            "update sungrid-worker, or ask for the environment to be accepted",
        ),
    }
}

fn registered(facts: &Facts) -> Verdict {
    let Some(chain) = facts.known() else {
        return unasked();
    };
    let Some(worker) = &chain.worker else {
        return match facts.operator {
            Some(Ok(_)) => Verdict::warn(
                "not registered yet",
                "`sungrid-worker run` registers and bonds it",
            ),
            _ => Verdict::fail(
                "not registered, and there is no operator key to register it",
                "set `operator` in worker.toml, or let the operator register this key (`sungrid-worker proof`)",
            ),
        };
    };
    match worker.state {
        WorkerState::Active => Verdict::ok(format!(
            "active, {} SUNS, {} in use",
            page::suns(worker.capacity),
            page::suns(worker.committed)
        )),
        WorkerState::Paused => Verdict::warn(
            "paused: it was reported as absent, or told to pause",
            "a running worker resumes by itself; else `sungrid-worker resume`",
        ),
        WorkerState::Suspended => Verdict::fail("paused by its operator", "sungrid-worker resume"),
        WorkerState::Leaving { until } => Verdict::fail(
            format!("leaving: the bond can be withdrawn after block {until}"),
            "sungrid-worker withdraw, then run it again to register anew",
        ),
    }
}

fn capacity(facts: &Facts) -> Verdict {
    let Some(chain) = facts.known() else {
        return unasked();
    };
    let Some(worker) = &chain.worker else {
        return Verdict::skipped("nothing counts before it is registered");
    };
    let (counted, declared) = (page::suns(worker.counted), page::suns(worker.capacity));
    match worker.counted {
        0 => Verdict::warn(
            format!(
                "none of {declared} SUNS counts: it can claim nothing before it has proven what it has"
            ),
            "keep `sungrid-worker run` going: it proves by itself; `sungrid-worker status` says why if it does not",
        ),
        part if part < worker.capacity => Verdict::warn(
            format!(
                "{counted} of {declared} SUNS count: no more is proven, and all of it needs bond"
            ),
            "prove on a machine that does nothing else, or offer less (lanes, memory)",
        ),
        _ => Verdict::ok(format!("all of {declared} SUNS counts")),
    }
}

fn bond(facts: &Facts) -> Verdict {
    let Some(chain) = facts.known() else {
        return unasked();
    };
    let Some(worker) = &chain.worker else {
        return match chain.operator_free {
            Some(free) if free < chain.least_bond.saturating_add(LEAST_BALANCE) => Verdict::fail(
                format!(
                    "the operator has {}, and the least bond is {}",
                    page::isc(&free.to_string()),
                    Isc(chain.least_bond)
                ),
                "transfer ISC to the operator, or offer less (lanes, memory)",
            ),
            _ => Verdict::skipped("nothing is bonded before it is registered"),
        };
    };
    let backing = worker.backing();
    if backing < chain.least_bond {
        return Verdict::fail(
            format!(
                "{} of the {} that this capacity needs",
                Isc(backing),
                Isc(chain.least_bond)
            ),
            "start it again with enough in the operator's account (it bonds what is missing), or offer less",
        );
    }
    if worker.faults > 0 {
        return Verdict::warn(
            format!("{}, slashed {} times", Isc(backing), worker.faults),
            "wrong results or missing reveals: check memory and overclocking, and that the machine stays on",
        );
    }
    Verdict::ok(Isc(backing).to_string())
}

fn live(facts: &Facts) -> Verdict {
    let Some(chain) = facts.known() else {
        return unasked();
    };
    let Some(worker) = &chain.worker else {
        return Verdict::skipped("only a registered worker is drawn");
    };
    match chain.summoned {
        Some(block) if !facts.lock.running => Verdict::fail(
            format!("drawn by the liveness lottery in block {block}, and no worker runs to answer"),
            "start it: whoever does not answer can be reported, which costs bond",
        ),
        Some(block) => Verdict::ok(format!("drawn in block {block}, the worker answers")),
        None if worker.missed > 0 => Verdict::warn(
            format!("{} deadlines missed so far", worker.missed),
            "if the number grows, offer fewer lanes, or let nothing else take the processor",
        ),
        None => Verdict::ok("nothing to answer, no deadline missed"),
    }
}

fn endpoint(facts: &Facts) -> Verdict {
    let Some(config) = facts.settings() else {
        return Verdict::skipped("without settings there is no address");
    };
    match &facts.reach {
        Reach::Silent(reason) => Verdict::fail(
            format!("nobody answers at the address on chain: {reason}"),
            "open the UDP port in the firewall and forward it in the router; `listen` and `external` in worker.toml name it; or name a relay in `relays`",
        ),
        Reach::PortTaken(reason) => Verdict::fail(
            format!("the worker cannot serve peers on {reason}"),
            "stop what uses the port, or choose another `listen` in worker.toml",
        ),
        Reach::Unknown(reason) => Verdict::skipped(reason.clone()),
        _ if config.listen.ip().is_loopback() && config.relays.is_empty() => Verdict::warn(
            format!("{} serves requesters on this machine only", config.listen),
            "fine on a development chain; else `listen = \"0.0.0.0:PORT\"`, and `external` or `relays` behind a router",
        ),
        Reach::PortFree => Verdict::ok(format!("{} is free", config.listen)),
        Reach::NotRelayed(relay, reason) => Verdict::warn(
            format!(
                "the worker answers from this machine, but not through its relay {relay}: {reason}"
            ),
            "see whether the relay is there; `relays` and `relay_roots` in worker.toml name it",
        ),
        Reach::Answers(None) => {
            Verdict::ok("the worker answers at its address on chain, asked from this machine")
        }
        Reach::Answers(Some(relay)) => Verdict::ok(format!(
            "the worker answers through its relay {relay}, asked from this machine"
        )),
    }
}

fn disk(facts: &Facts) -> Verdict {
    let (Some(config), Some(disk)) = (facts.settings(), facts.disk) else {
        return Verdict::skipped("the disk cannot be asked");
    };
    let quota = config.storage_mib << 20;
    let of_others = facts
        .others
        .iter()
        .fold(0_u64, |sum, other| sum.saturating_add(other.storage));
    let needed = quota.saturating_sub(disk.used);
    let (free, wanted) = (page::bytes(disk.free), page::bytes(needed));
    if disk.free < LEAST_DISK {
        return Verdict::fail(
            format!("only {free} are free: the worker takes no work"),
            "free some space, or move the data folder",
        );
    }
    if disk.free < needed {
        return Verdict::fail(
            format!("{free} are free, and `storage_mib` promises {wanted} more"),
            "free some space, or lower `storage_mib`: what is promised and not there loses jobs",
        );
    }
    if disk.free < needed.saturating_add(of_others) {
        return Verdict::warn(
            format!(
                "{free} are free, for {wanted} here and up to {} of other workers",
                page::bytes(of_others)
            ),
            "fine if they are on other disks; else lower `storage_mib` of some",
        );
    }
    Verdict::ok(format!("{free} are free, {wanted} are promised"))
}

fn memory(facts: &Facts) -> Verdict {
    let Some(config) = facts.settings() else {
        return Verdict::skipped("without settings nothing is promised");
    };
    let (promised, there) = (config.memory(), facts.machine.memory);
    let (lanes, cores) = (config.lanes(), facts.machine.cores);
    let text = format!(
        "{} of {} for jobs, {lanes} lanes on {cores} cores",
        page::bytes(promised),
        page::bytes(there)
    );
    if promised > there {
        return Verdict::fail(
            text,
            "lower `memory_mib`: a job that gets what is promised kills the worker",
        );
    }
    if promised > there / 10 * 9 {
        return Verdict::warn(
            text,
            "leave the system a tenth at least: lower `memory_mib`",
        );
    }
    let worker = facts.known().and_then(|chain| chain.worker.as_ref());
    let declared = worker.map_or(0, |worker| memory_of(worker.capacity));
    if declared > promised {
        return Verdict::warn(
            format!(
                "the capacity on chain stands for {} of memory, the settings give {}",
                page::bytes(declared),
                page::bytes(promised)
            ),
            "raise `memory_mib`, or start the worker anew: it declares what it has",
        );
    }
    if lanes > cores {
        return Verdict::warn(
            text,
            "lower `lanes`: more than one for each core makes all late",
        );
    }
    Verdict::ok(text)
}

/// Bytes of memory that a capacity in millionths of a SUNS promises.
fn memory_of(capacity: u64) -> u64 {
    let bytes = u128::from(capacity) * u128::from(CPU_1.contains.memory) / MICRO;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn neighbours(facts: &Facts) -> Verdict {
    let (Some(config), Some(key)) = (facts.settings(), &facts.key) else {
        return Verdict::skipped("without settings there is nothing to compare");
    };
    if facts.others.is_empty() {
        return Verdict::ok("no other worker on this machine");
    }
    let own = key.loaded.clone().unwrap_or_default();
    if let Some(same) = facts.others.iter().find(|other| other.worker == own) {
        return Verdict::fail(
            format!("the worker in {} has the same key", same.folder.display()),
            "stop one of them and give it its own key: together they lose the bond",
        );
    }
    let listen = config.listen;
    if let Some(same) = facts
        .others
        .iter()
        .find(|other| listen.port() != 0 && other.listen.port() == listen.port())
    {
        return Verdict::fail(
            format!(
                "the worker in {} has the same port {}",
                same.folder.display(),
                listen.port()
            ),
            "choose another `listen` in worker.toml",
        );
    }
    let mut all = facts.others.clone();
    all.push(daemon::tenant(&facts.folder, config, own));
    let excess = facts.machine.excess(&all);
    if excess.is_empty() {
        return Verdict::ok(format!(
            "{} other workers, and room for all",
            facts.others.len()
        ));
    }
    Verdict::warn(
        format!(
            "{} workers together promise {}",
            all.len(),
            excess.join(" and ")
        ),
        "lower `lanes` or `memory_mib` of some: what is promised twice is late",
    )
}

fn idle(facts: &Facts) -> Verdict {
    let Some(config) = facts.settings() else {
        return Verdict::skipped("without settings there is no policy");
    };
    let mode = match config.idle.mode {
        Mode::Always => {
            return Verdict::ok("always: work takes this machine, whoever else uses it");
        }
        Mode::Desktop => "desktop",
        Mode::Server => "server",
    };
    let Some(watched) = &facts.idle else {
        return Verdict::warn(
            format!("{mode}: the sensors did not answer"),
            "run this once more; while they do not answer, the worker rests",
        );
    };
    let seen = match watched.by_worker {
        true => "as the worker sees it",
        false => "as seen from here",
    };
    let blind = policy::blind(&watched.standing);
    if !blind.is_empty() {
        let unknown: Vec<String> = blind.iter().map(ToString::to_string).collect();
        let mut remedies: Vec<&str> = blind
            .iter()
            .map(|reason| policy::remedy(reason.rule))
            .collect();
        remedies.dedup();
        return Verdict::fail(
            format!(
                "{mode}: what is unknown counts against work, so it never works. {seen}: {}",
                unknown.join("; ")
            ),
            format!("{}; {}", remedies.join("; "), policy::OPT_IN),
        );
    }
    let mut text = match watched.standing.against().next() {
        None => format!("{mode}: nothing speaks against work, {seen}"),
        Some(reason) => format!("{mode}: it rests now, {seen}: {reason}"),
    };
    let unknown = |reason: &&sungrid_idle::Reason| matches!(reason.reading, Value::Unknown(_));
    let ignored = watched.standing.reasons.iter().filter(unknown);
    for reason in ignored {
        text += &format!("; does not count: {reason}");
    }
    Verdict::ok(text)
}
