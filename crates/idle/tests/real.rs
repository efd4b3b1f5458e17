//! Against real servers. They need programs that not every machine has, so they run when asked for:
//!
//! ```sh
//! scripts/idle    # Debian: xvfb, xdotool, xauth, dbus; scripts/lint runs it, too
//! ```
#![cfg(target_os = "linux")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sungrid_idle::{
    Input, Readings, Sensor,
    linux::{Arg, Bus, BusError, X11},
};
use tempfile::TempDir;

/// A server that ends with the test.
struct Server(Child);

impl Server {
    /// Starts it and returns the first line that it prints.
    fn start(command: &mut Command) -> (Self, String) {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut line = String::new();
        let out = child.stdout.take().expect("is piped");
        BufReader::new(out).read_line(&mut line).expect("prints");
        (Self(child), line.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn idle(sensor: &mut X11) -> Result<Duration, String> {
    let mut readings = Readings::default();
    sensor.read(&mut readings);
    match &readings.input["x11"] {
        Input::Whole(ago) => Ok(*ago),
        Input::Unknown(why) => Err(why.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
#[ignore = "needs Xvfb and xdotool"]
fn an_x_server_tells_when_the_mouse_was_moved() {
    let mut command = Command::new("Xvfb");
    let (server, number) = Server::start(command.args(["-displayfd", "1", "-nolisten", "tcp"]));
    let display = format!(":{number}");
    let mut sensor = X11::new(&display, None);
    let start = Instant::now();
    while idle(&mut sensor).expect("answers") < Duration::from_secs(2) {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(100));
    }
    let moved = Command::new("xdotool")
        .args(["mousemove_relative", "1", "1"])
        .env("DISPLAY", &display)
        .status();
    assert!(moved.expect("xdotool").success());
    assert!(idle(&mut sensor).expect("answers") < Duration::from_secs(1));
    // Who is gone is not idle.
    drop(server);
    let why = idle(&mut sensor).expect_err("nobody answers");
    assert!(why.contains(&display), "{why}");
}

#[test]
#[ignore = "needs Xvfb and xauth"]
fn an_x_server_asks_for_its_cookie() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("authority");
    let cookie = "0123456789abcdef0123456789abcdef";
    let add = |display: &str| {
        let added = Command::new("xauth")
            .arg("-f")
            .arg(&file)
            .args(["add", display, "MIT-MAGIC-COOKIE-1", cookie])
            .status();
        assert!(added.expect("xauth").success());
    };
    add("other/unix:99");
    let mut command = Command::new("Xvfb");
    let command = command.args(["-displayfd", "1", "-nolisten", "tcp", "-auth"]);
    let (_server, number) = Server::start(command.arg(&file));
    let display = format!(":{number}");
    let without = idle(&mut X11::new(&display, None)).expect_err("it refuses");
    assert!(without.contains("refused"), "{without}");
    add(&display);
    idle(&mut X11::new(&display, Some(&file))).expect("it lets us in");
}

#[test]
#[ignore = "needs dbus-daemon"]
fn a_bus_lets_us_in_and_answers() {
    let folder = TempDir::new().expect("a folder");
    let socket = folder.path().join("bus");
    let address = format!("--address=unix:path={}", socket.display());
    let mut command = Command::new("dbus-daemon");
    let command = command.args(["--session", "--nofork", "--print-address=1", &address]);
    let (_server, _) = Server::start(command);
    let mut bus = Bus::connect(&socket).expect("it lets us in");
    let name = "org.freedesktop.DBus";
    let mut call =
        |member, args: &[&str]| bus.call(name, "/org/freedesktop/DBus", name, member, args);
    let id = call("GetId", &[]).expect("answers");
    assert!(matches!(id, Some(Arg::Text(id)) if id.len() == 32));
    let owned = call("NameHasOwner", &["org.freedesktop.login1"]).expect("answers");
    assert_eq!(owned, Some(Arg::Bool(false)));
    let error = call("GetNameOwner", &["org.freedesktop.login1"]).expect_err("nobody");
    assert!(matches!(error, BusError::Answer(_)), "{error}");
    // What is asked of nobody is answered at once, and starts nothing.
    let missing = bus.property("org.freedesktop.login1", "/a", "b.c", "d");
    assert!(matches!(missing, Err(BusError::Answer(_))), "{missing:?}");
    assert!(Bus::connect(Path::new("/nowhere")).is_err());
}
