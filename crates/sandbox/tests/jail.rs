//! The jail, proven from inside: a child that turned hostile after it was jailed attacks.
#![cfg(target_os = "linux")]

mod common;

use common::{EMPTY, attack, config, engine, only, sandbox, wasm};
use std::fs;
use std::net::TcpListener;
use std::time::Duration;
use sungrid_sandbox::{Config, Measure, Sandbox, Shape};

/// Skips a test where the system has not what is tested, and says so: the report is tested elsewhere.
fn has(sandbox: &Sandbox, measure: Measure) -> bool {
    let has = sandbox.report().has(measure);
    if !has {
        println!("not tested here:\n{}", sandbox.report());
    }
    has
}

#[track_caller]
fn killed(ended: Result<String, String>) {
    let reason = ended.unwrap_err();
    assert!(
        reason.contains("system call that no guest needs"),
        "{reason}"
    );
}

#[track_caller]
fn refused(ended: Result<String, String>) {
    let text = ended.unwrap();
    assert!(text.starts_with("refused"), "{text}");
}

#[test]
fn the_report_says_how_it_stands_with_each_measure() {
    let sandbox = sandbox("honest");
    println!("{}", sandbox.report());
    assert!(sandbox.report().has(Measure::Process));
    assert!(sandbox.report().has(Measure::Limits));
    for (measure, status) in sandbox.report().measures() {
        assert!(!status.detail.is_empty(), "{}", measure.name());
    }
}

/// The policy and nice value of each thread of the processes that this one has started.
fn standing_of_children() -> Vec<(u32, i32)> {
    let children = |pid: &str| -> Vec<String> {
        // Whoever is gone meanwhile has none.
        let tasks = fs::read_dir(format!("/proc/{pid}/task"));
        let tasks = tasks.into_iter().flatten().flatten();
        let lists = tasks.map(|task| task.path().join("children"));
        let text: Vec<String> = lists
            .filter_map(|list| fs::read_to_string(list).ok())
            .collect();
        let pids = text.iter().flat_map(|text| text.split_whitespace());
        pids.map(str::to_owned).collect()
    };
    let mut all = children("self");
    let mut next = 0;
    while next < all.len() {
        all.extend(children(&all[next]));
        next += 1;
    }
    let threads = all
        .iter()
        .flat_map(|pid| fs::read_dir(format!("/proc/{pid}/task")))
        .flat_map(|threads| threads.flatten());
    let stat = threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
    stat.map(|stat| {
        // Field 3 is the first after the name; 19 is the nice value, 41 the policy.
        let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
        (
            fields[41 - 3].parse().unwrap(),
            fields[19 - 3].parse().unwrap(),
        )
    })
    .collect()
}

#[test]
fn a_batch_in_the_background_stands_behind_everything_else() {
    const SCHED_IDLE: u32 = 5;
    let in_background = Config {
        background: true,
        ..config("attack")
    };
    let quiet = Sandbox::new(engine().clone(), in_background).unwrap();
    let said = quiet.priority().expect("it was asked for");
    assert!(
        said.in_force && said.detail.contains("nice 19"),
        "{}",
        said.detail
    );
    let code = quiet.prepare(&wasm(EMPTY)).unwrap();
    // The child on trial and the compiler may take a moment to be gone.
    while !standing_of_children().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let batch = quiet.start(&code, &common::shape(3)).unwrap();
    let threads = standing_of_children();
    assert!(threads.len() >= 4, "three lanes and the first: {threads:?}");
    let policy = match said.detail.contains("no SCHED_IDLE") {
        true => 0,
        false => SCHED_IDLE,
    };
    for thread in &threads {
        assert_eq!(*thread, (policy, 19), "{threads:?}");
    }
    // What runs in it cannot take that back.
    let tried = attack(&quiet, &["priority"]);
    assert!(
        tried
            .as_ref()
            .map_or(true, |text| text.starts_with("refused")),
        "{tried:?}"
    );
    drop(batch);
    while !standing_of_children().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    // What has a bond to lose is as important as the worker itself.
    let urgent = Shape {
        urgent: true,
        ..common::shape(1)
    };
    let batch = quiet.start(&code, &urgent).unwrap();
    let threads = standing_of_children();
    assert!(!threads.is_empty());
    for thread in &threads {
        assert!(thread.0 != SCHED_IDLE && thread.1 < 19, "{threads:?}");
    }
    drop(batch);
    assert!(
        sandbox("honest").priority().is_none(),
        "nobody asked for it"
    );
}

#[test]
fn no_file_is_opened_listed_written_or_looked_at() {
    let sandbox = sandbox("attack");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    for words in [
        &["open"][..],
        &["list"],
        &["look"],
        &["write", file.to_str().unwrap()],
        &["write", "/tmp/sungrid-attack"],
        &["proc", &std::process::id().to_string()],
    ] {
        refused(attack(&sandbox, words));
    }
    assert!(!file.exists());
}

#[test]
fn what_only_an_attack_would_try_kills() {
    let sandbox = sandbox("attack");
    if !has(&sandbox, Measure::Seccomp) {
        return;
    }
    let parent = std::process::id().to_string();
    let secret = 0x5ec4e7u64;
    let address = (&raw const secret as usize).to_string();
    for words in [
        &["socket"][..],
        &["fork"],
        &["exec"],
        &["thread"],
        &["ptrace", &parent],
        &["signal", &parent],
        &["read parent", &parent, &address],
    ] {
        killed(attack(&sandbox, words));
    }
    refused(attack(&sandbox, &["new code"]));
    refused(attack(&sandbox, &["user"]));
}

#[test]
fn a_child_knows_nothing_of_its_surroundings() {
    let sandbox = sandbox("attack");
    let seen = attack(&sandbox, &["surroundings"]).unwrap();
    assert_eq!(seen, "0 variables, root false");
}

#[test]
fn memory_beyond_the_limit_ends_the_child_alone() {
    let sandbox = sandbox("attack");
    let reason = attack(&sandbox, &["allocate"]).unwrap_err();
    assert!(reason.contains("memory allocation"), "{reason}");
    // The parent goes on with the next.
    assert!(attack(&sandbox, &["surroundings"]).is_ok());
}

#[test]
fn landlock_alone_keeps_files_and_network_away() {
    let sandbox = only(Measure::Landlock);
    if !has(&sandbox, Measure::Landlock) {
        return;
    }
    let denied = format!("refused {}", libc::EACCES);
    for words in [&["open"][..], &["list"], &["write", "/tmp/sungrid-attack"]] {
        assert_eq!(attack(&sandbox, words).as_ref(), Ok(&denied), "{words:?}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let (_, status) = sandbox
        .report()
        .measures()
        .find(|(measure, _)| *measure == Measure::Landlock)
        .unwrap();
    if status.detail.contains("TCP") {
        assert_eq!(attack(&sandbox, &["connect", &port]), Ok(denied));
    }
}

#[test]
fn namespaces_alone_leave_no_file_network_or_process() {
    let sandbox = only(Measure::Namespaces);
    if !has(&sandbox, Measure::Namespaces) {
        return;
    }
    let refused = |code: i32| Ok(format!("refused {code}"));
    for file in ["open", "look"] {
        // Root sees that the one folder that is left is empty, others cannot even enter it.
        let looked = attack(&sandbox, &[file]);
        let denied = [libc::ENOENT, libc::EACCES].map(refused);
        assert!(denied.contains(&looked), "{looked:?}");
    }
    let written = attack(&sandbox, &["write", "/file"]).unwrap();
    assert!(written.starts_with("refused"), "{written}");
    let parent = std::process::id().to_string();
    assert_eq!(attack(&sandbox, &["signal", &parent]), refused(libc::ESRCH));
    assert_eq!(attack(&sandbox, &["ptrace", &parent]), refused(libc::ESRCH));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let connected = attack(&sandbox, &["connect", &port]).unwrap();
    assert!(connected.starts_with("refused"), "{connected}");
}

#[test]
fn privileges_alone_leave_no_root_and_no_debugger() {
    let sandbox = only(Measure::Privileges);
    if !has(&sandbox, Measure::Privileges) {
        return;
    }
    let seen = attack(&sandbox, &["surroundings"]).unwrap();
    assert_eq!(seen, "0 variables, root false");
    refused(attack(&sandbox, &["user"]));
    let parent = std::process::id().to_string();
    let address = (&raw const parent as usize).to_string();
    refused(attack(&sandbox, &["read parent", &parent, &address]));
}

#[test]
fn limits_alone_leave_no_process_file_or_hoard() {
    let sandbox = only(Measure::Limits);
    assert!(has(&sandbox, Measure::Limits));
    for file in ["open", "list"] {
        let opened = attack(&sandbox, &[file]);
        assert_eq!(opened, Ok(format!("refused {}", libc::EMFILE)));
    }
    let reason = attack(&sandbox, &["allocate"]).unwrap_err();
    assert!(reason.contains("memory allocation"), "{reason}");
}

#[test]
fn seccomp_alone_kills_and_refuses() {
    let sandbox = only(Measure::Seccomp);
    if !has(&sandbox, Measure::Seccomp) {
        return;
    }
    for words in [&["socket"][..], &["fork"], &["exec"], &["thread"]] {
        killed(attack(&sandbox, words));
    }
    for words in [&["open"][..], &["look"], &["new code"], &["user"]] {
        let text = attack(&sandbox, words).unwrap();
        assert_eq!(text, format!("refused {}", libc::EPERM), "{words:?}");
    }
}

/// The attacks above succeed where no measure is in force: so it is the measures that deny them.
#[test]
fn without_a_jail_the_same_attacks_succeed() {
    let config = sungrid_sandbox::Config {
        skip: Measure::ALL.to_vec(),
        ..common::config("attack")
    };
    let sandbox = Sandbox::new(engine().clone(), config).unwrap();
    for words in [
        &["open"][..],
        &["list"],
        &["look"],
        &["socket"],
        &["thread"],
        &["new code"],
    ] {
        assert_eq!(
            attack(&sandbox, words).as_deref(),
            Ok("SUCCEEDED"),
            "{words:?}"
        );
    }
}
