//! Each check, with the fact broken that it looks at.

use std::{net::SocketAddr, path::PathBuf};

use sp_core::H256;
use sungrid_idle::{Reason, Rule};

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
fn a_node_to_fall_back_on_that_is_none_is_told() {
    let Verdict(level, text, _) = node(&in_order());
    assert_eq!(level, Level::Ok);
    assert!(text.contains("wss://other at block 76"), "{text}");
    assert_eq!(
        after(node, |f| chain(f).nodes[1].1 = Ok(77 - LAG - 1)),
        Level::Warn
    );
    let away = ChainError::Unreachable {
        url: "wss://other".into(),
        reason: "refused".into(),
    };
    assert_eq!(
        after(node, |f| chain(f).nodes[1].1 = Err(away)),
        Level::Warn
    );
    assert_eq!(after(node, |f| chain(f).nodes[0].1 = Ok(2)), Level::Warn);
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
        for check in [clock, environment, registered, capacity, bond, live] {
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
fn capacity_that_does_not_count_is_warned_of() {
    assert_eq!(after(capacity, |f| worker(f).counted = 0), Level::Warn);
    assert_eq!(after(capacity, |f| worker(f).counted -= 1), Level::Warn);
    assert_eq!(after(capacity, |f| chain(f).worker = None), Level::Skipped);
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
    let relay = || "https://relay.example.org".parse().expect("a relay");
    for (reach, expected) in [
        (Reach::Silent(reason()), Level::Fail),
        (Reach::PortTaken(reason()), Level::Fail),
        (Reach::Unknown(reason()), Level::Skipped),
        (Reach::PortFree, Level::Ok),
        (Reach::Answers(Some(relay())), Level::Ok),
        (Reach::NotRelayed(relay(), reason()), Level::Warn),
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
    // Half a SUNS stands for 4 GiB, which is what the settings give.
    assert_eq!(after(memory, |f| worker(f).capacity += 1_000), Level::Warn);
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

#[test]
fn a_desktop_that_could_never_work_fails_with_what_to_do() {
    let unknown = |rule, holds| Reason {
        rule,
        reading: Value::Unknown("no sensor".into()),
        limit: Value::Seconds(300),
        holds,
    };
    let with = |mode, reasons: Vec<Reason>| {
        let mut facts = in_order();
        set(&mut facts).idle.mode = mode;
        facts.idle.as_mut().expect("looked").standing.reasons = reasons;
        idle(&facts)
    };
    let both = || vec![unknown(Rule::Input, false), unknown(Rule::Metered, false)];
    let Verdict(level, text, fix) = with(Mode::Desktop, both());
    assert_eq!(level, Level::Fail);
    assert!(
        text.contains("never works") && text.contains("no sensor"),
        "{text}"
    );
    for named in ["session", "on_metered = true", "\"server\"", "\"always\""] {
        assert!(fix.contains(named), "{fix}");
    }
    // An owner who is there is no fault.
    let somebody = Reason {
        reading: Value::Seconds(3),
        ..unknown(Rule::Input, false)
    };
    let Verdict(level, text, _) = with(Mode::Desktop, vec![somebody]);
    assert!(level == Level::Ok && text.contains("rests now"), "{text}");
    // On a server what is unknown does not count, and that is said.
    let Verdict(level, text, _) = with(Mode::Server, vec![unknown(Rule::Metered, true)]);
    assert!(
        level == Level::Ok && text.contains("does not count"),
        "{text}"
    );
    assert_eq!(with(Mode::Always, both()).0, Level::Ok);
    assert_eq!(after(idle, |facts| facts.idle = None), Level::Warn);
}
