//! A network of two validators under zombienet's native provider.

use std::{env, process::Command};

use sungrid_e2e::{Process, binary, guest, root};

#[test]
fn two_validators_finalise_and_a_worker_takes_part() {
    let programs = binary("sungrid-node")
        .parent()
        .expect("a binary has a folder")
        .to_owned();
    let path = env::join_paths(
        [programs]
            .into_iter()
            .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    );
    let runner = root().join("scripts/js/node_modules/@zombienet/cli/dist/cli.js");
    assert!(
        runner.exists(),
        "zombienet is not installed: npm ci --prefix scripts/js"
    );
    let network = tempfile::TempDir::new().expect("a temporary folder");
    let mut command = Command::new("node");
    command
        .arg(runner)
        .args([
            "--provider",
            "native",
            "--logType",
            "text",
            "--force",
            "--dir",
        ])
        .arg(network.path().join("network"))
        .arg("test")
        .arg(root().join("zombienet/two-validators.zndsl"))
        .env("PATH", path.expect("no separators in the paths"))
        .env(
            "SUNGRID_GUESTS",
            guest("hello-rust").parent().expect("a guest has a folder"),
        );
    let (status, log) = Process::start("zombienet", &mut command).finish();
    assert!(status.success(), "{log}");
    assert!(
        log.contains("Result: 5/5"),
        "not every assertion held\n{log}"
    );
}
