//! The jail, proven from inside: a child that turned hostile after it was jailed attacks.
#![cfg(target_os = "linux")]

mod common;

use common::{attack, engine, only, sandbox};
use std::net::TcpListener;
use sungrid_sandbox::{Measure, Sandbox};

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
