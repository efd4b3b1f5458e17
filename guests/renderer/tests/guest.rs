//! The program as a worker starts it, compiled natively. There is no `/in` on a developer's machine, so
//! these are the ways in which it must refuse; the executor's tests run it on a scene.

use std::process::{Command, Output};

fn renderer(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_renderer"))
        .args(arguments)
        .output()
        .expect("it starts")
}

#[test]
fn wrong_arguments_end_with_status_2_and_the_usage() {
    for arguments in [
        &[][..],
        &["tile"],
        &["tile", "a.scene"],
        &["tile", "a.scene", "-1"],
        &["tile", "a.scene", "4294967296"],
        &["tile", "a.scene", "0", "1"],
        &["draw", "a.scene"],
        &["info"],
    ] {
        let output = renderer(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage: renderer tile SCENE"));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_scene_that_is_not_there_ends_with_status_1_and_its_name() {
    for arguments in [
        &["tile", "no-such.scene", "0"][..],
        &["info", "no-such.scene"],
    ] {
        let output = renderer(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            message.starts_with("renderer: no-such.scene: cannot be read ("),
            "{message}"
        );
        assert!(!message.contains("panicked"));
    }
}
