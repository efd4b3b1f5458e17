//! The checks: each looks at the facts and says what is the case and what to do.

use sungrid_chain_client::{ChainError, WorkerState};
use sungrid_primitives::ISC;

use super::{
    Finding, Verdict,
    facts::{ChainFacts, Facts, Reach},
};
use crate::{
    cli::page,
    config::{Config, FILE},
    daemon,
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
const CHECKS: [(&str, Check); 14] = [
    ("settings", settings),
    ("folder", folder),
    ("key", key),
    ("operator", operator),
    ("node", node),
    ("clock", clock),
    ("environment", environment),
    ("registered", registered),
    ("bond", bond),
    ("live", live),
    ("endpoint", endpoint),
    ("disk", disk),
    ("memory", memory),
    ("neighbours", neighbours),
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
            "correct the setting, or compare with a fresh file (`sungrid-worker init --data-dir OTHER`)",
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

fn unasked() -> Verdict {
    Verdict::skipped("the chain could not be asked")
}

fn node(facts: &Facts) -> Verdict {
    match &facts.chain {
        None => Verdict::skipped("without settings there is no node to ask"),
        Some(Ok(chain)) => Verdict::ok(format!(
            "{} at block {}, genesis {:?}",
            chain.name, chain.block, chain.genesis
        )),
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
    match off {
        0..=CLOCK_WARN_MS => Verdict::ok(text),
        ..=CLOCK_FAIL_MS => Verdict::warn(text, fix),
        _ => Verdict::fail(text, fix),
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
            "open the UDP port in the firewall and forward it in the router; `listen` and `external` in worker.toml name it",
        ),
        Reach::PortTaken(reason) => Verdict::fail(
            format!("the worker cannot serve peers on {reason}"),
            "stop what uses the port, or choose another `listen` in worker.toml",
        ),
        Reach::Unknown(reason) => Verdict::skipped(reason.clone()),
        _ if config.listen.ip().is_loopback() => Verdict::warn(
            format!("{} serves requesters on this machine only", config.listen),
            "fine on a development chain; else `listen = \"0.0.0.0:PORT\"`, and `external` behind a router",
        ),
        Reach::PortFree => Verdict::ok(format!("{} is free", config.listen)),
        Reach::Answers => {
            Verdict::ok("the worker answers at its address on chain, asked from this machine")
        }
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
    if lanes > cores {
        return Verdict::warn(
            text,
            "lower `lanes`: more than one for each core makes all late",
        );
    }
    Verdict::ok(text)
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

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, path::PathBuf};

    use sp_core::H256;

    use super::*;
    use crate::{
        cli::doctor::{
            Level,
            facts::{Disk, in_order},
        },
        machine::Tenant,
    };

    /// The level that a check gives after something was broken, and that it names a fix then.
    fn after(check: Check, break_it: impl FnOnce(&mut Facts)) -> Level {
        let mut facts = in_order();
        assert_eq!(check(&facts).0, Level::Ok, "{:?}", check(&facts));
        break_it(&mut facts);
        let Verdict(level, text, fix) = check(&facts);
        assert!(!text.is_empty());
        assert_eq!(
            fix.is_empty(),
            matches!(level, Level::Ok | Level::Skipped),
            "{text} -> {fix}"
        );
        level
    }

    fn chain(facts: &mut Facts) -> &mut ChainFacts {
        facts
            .chain
            .as_mut()
            .expect("asked")
            .as_mut()
            .expect("answers")
    }

    fn worker(facts: &mut Facts) -> &mut sungrid_chain_client::Worker {
        chain(facts).worker.as_mut().expect("registered")
    }

    fn set(facts: &mut Facts) -> &mut Config {
        facts.config.as_mut().expect("settings")
    }

    fn other() -> Tenant {
        Tenant {
            pid: 2,
            folder: PathBuf::from("/srv/other"),
            worker: "5Other".into(),
            lanes: 2,
            memory: 1 << 30,
            storage: 1 << 30,
            listen: SocketAddr::from(([0, 0, 0, 0], 4_434)),
            metrics: None,
        }
    }

    #[test]
    fn a_worker_in_order_passes_all() {
        let findings = all(&in_order());
        assert_eq!(findings.len(), CHECKS.len());
        for finding in findings {
            assert_eq!(finding.level, Level::Ok, "{finding:?}");
        }
    }

    #[test]
    fn settings_that_do_not_load_fail_and_the_rest_is_skipped() {
        let error = || Err("line 3: there is no setting `lane`".to_owned());
        assert_eq!(after(settings, |f| f.config = error()), Level::Fail);
        let mut facts = in_order();
        (facts.config, facts.key, facts.operator, facts.chain) = (error(), None, None, None);
        let failed: Vec<_> = all(&facts)
            .into_iter()
            .filter(|finding| finding.level > Level::Skipped)
            .map(|finding| finding.check)
            .collect();
        assert_eq!(failed, ["settings"]);
    }

    #[test]
    fn a_folder_without_a_living_worker_is_told() {
        assert_eq!(after(folder, |f| f.lock.running = false), Level::Warn);
        assert_eq!(after(folder, |f| f.lock.alive = Some(false)), Level::Fail);
        assert_eq!(
            after(folder, |f| f.lock.status_age_ms = Some(STATUS_STALE_MS + 1)),
            Level::Fail
        );
        // Where the system does not say who lives, nobody is declared dead.
        assert_eq!(after(folder, |f| f.lock.alive = None), Level::Ok);
    }

    fn the_key(facts: &mut Facts) -> &mut super::super::facts::Key {
        facts.key.as_mut().expect("looked at")
    }

    #[test]
    fn a_key_that_cannot_be_used_fails_and_a_plain_one_warns() {
        assert_eq!(
            after(key, |f| the_key(f).loaded =
                Err("can be read by others".into())),
            Level::Fail
        );
        assert_eq!(after(key, |f| the_key(f).encrypted = false), Level::Warn);
    }

    #[test]
    fn an_operator_without_key_or_money_is_told() {
        assert_eq!(after(operator, |f| f.operator = None), Level::Warn);
        let broken = |f: &mut Facts| f.operator = Some(Err("no such file".into()));
        assert_eq!(after(operator, broken), Level::Fail);
        let poor = |f: &mut Facts| chain(f).operator_free = Some(LEAST_BALANCE - 1);
        assert_eq!(after(operator, poor), Level::Warn);
    }

    #[test]
    fn a_node_that_is_away_or_of_another_chain_fails_with_its_own_advice() {
        let url = || "ws://node".to_owned();
        let errors = [
            ChainError::Unreachable {
                url: url(),
                reason: "refused".into(),
            },
            ChainError::WrongGenesis {
                url: url(),
                found: H256::zero(),
                expected: H256::repeat_byte(1),
            },
            ChainError::Incompatible {
                missing: "Market.Jobs".into(),
                spec_version: 1,
            },
        ];
        let mut advice = Vec::new();
        for error in errors {
            let mut facts = in_order();
            facts.chain = Some(Err(error.clone()));
            let Verdict(level, text, fix) = node(&facts);
            assert_eq!((level, text), (Level::Fail, error.to_string()));
            advice.push(fix);
            // What depends on it is skipped, not guessed.
            for check in [clock, environment, registered, bond, live] {
                assert_eq!(check(&facts).0, Level::Skipped);
            }
        }
        advice.dedup();
        assert_eq!(advice.len(), 3);
    }

    #[test]
    fn a_clock_that_is_off_is_told_in_both_directions() {
        for (off, expected) in [
            (CLOCK_WARN_MS, Level::Ok),
            (CLOCK_WARN_MS + 1, Level::Warn),
            (CLOCK_FAIL_MS + 1, Level::Fail),
        ] {
            let ahead = |f: &mut Facts| f.now_ms = chain(f).time_ms + off;
            assert_eq!(after(clock, ahead), expected, "{off} ahead");
            let behind = |f: &mut Facts| f.now_ms = chain(f).time_ms - off;
            assert_eq!(after(clock, behind), expected, "{off} behind");
        }
    }

    #[test]
    fn an_environment_that_is_not_accepted_fails() {
        assert_eq!(
            after(environment, |f| chain(f).accepts = false),
            Level::Fail
        );
    }

    #[test]
    fn who_is_not_registered_or_not_active_is_told() {
        assert_eq!(after(registered, |f| chain(f).worker = None), Level::Warn);
        let alone = |f: &mut Facts| {
            chain(f).worker = None;
            f.operator = None;
        };
        assert_eq!(after(registered, alone), Level::Fail);
        for (state, expected) in [
            (WorkerState::Paused, Level::Warn),
            (WorkerState::Suspended, Level::Fail),
            (WorkerState::Leaving { until: 9 }, Level::Fail),
        ] {
            assert_eq!(after(registered, |f| worker(f).state = state), expected);
        }
    }

    #[test]
    fn a_bond_that_is_too_small_or_slashed_is_told() {
        assert_eq!(after(bond, |f| worker(f).bond -= 1), Level::Fail);
        assert_eq!(after(bond, |f| worker(f).faults = 1), Level::Warn);
        // What others stake counts.
        let staked = |f: &mut Facts| {
            worker(f).bond -= 1;
            worker(f).delegated = 1;
        };
        assert_eq!(after(bond, staked), Level::Ok);
        let poor = |f: &mut Facts| {
            chain(f).worker = None;
            chain(f).operator_free = Some(1);
        };
        assert_eq!(after(bond, poor), Level::Fail);
    }

    #[test]
    fn a_draw_that_nobody_answers_fails() {
        assert_eq!(after(live, |f| chain(f).summoned = Some(5)), Level::Ok);
        let away = |f: &mut Facts| {
            chain(f).summoned = Some(5);
            f.lock.running = false;
        };
        assert_eq!(after(live, away), Level::Fail);
        assert_eq!(after(live, |f| worker(f).missed = 3), Level::Warn);
    }

    #[test]
    fn an_endpoint_that_nobody_reaches_fails() {
        let reason = || "refused".to_owned();
        for (reach, expected) in [
            (Reach::Silent(reason()), Level::Fail),
            (Reach::PortTaken(reason()), Level::Fail),
            (Reach::Unknown(reason()), Level::Skipped),
            (Reach::PortFree, Level::Ok),
        ] {
            assert_eq!(after(endpoint, |f| f.reach = reach.clone()), expected);
        }
        let local = |f: &mut Facts| set(f).listen = SocketAddr::from(([127, 0, 0, 1], 0));
        assert_eq!(after(endpoint, local), Level::Warn);
    }

    #[test]
    fn a_disk_that_does_not_hold_what_is_promised_fails() {
        let with = |free, used| move |f: &mut Facts| f.disk = Some(Disk { free, used });
        assert_eq!(after(disk, with(LEAST_DISK - 1, u64::MAX)), Level::Fail);
        assert_eq!(after(disk, with(8_000 << 20, 0)), Level::Fail);
        // What the store has already need not be free.
        assert_eq!(after(disk, with(8_000 << 20, 3_000 << 20)), Level::Ok);
        let shared = |f: &mut Facts| {
            f.others = vec![Tenant {
                storage: 1 << 40,
                ..other()
            }];
        };
        assert_eq!(after(disk, shared), Level::Warn);
    }

    #[test]
    fn promises_beyond_the_machine_are_told() {
        let there = in_order().machine.memory >> 20;
        assert_eq!(
            after(memory, |f| set(f).memory_mib = there + 1),
            Level::Fail
        );
        assert_eq!(after(memory, |f| set(f).memory_mib = there), Level::Warn);
        assert_eq!(after(memory, |f| set(f).lanes = 5), Level::Warn);
    }

    #[test]
    fn neighbours_that_take_the_same_are_told() {
        let with = |other: Tenant| move |f: &mut Facts| f.others = vec![other];
        assert_eq!(after(neighbours, with(other())), Level::Ok);
        let same_key = Tenant {
            worker: "5Worker".into(),
            ..other()
        };
        assert_eq!(after(neighbours, with(same_key)), Level::Fail);
        let same_port = Tenant {
            listen: SocketAddr::from(([127, 0, 0, 1], 4_433)),
            ..other()
        };
        assert_eq!(after(neighbours, with(same_port)), Level::Fail);
        let greedy = Tenant {
            lanes: 3,
            ..other()
        };
        assert_eq!(after(neighbours, with(greedy)), Level::Warn);
    }
}
