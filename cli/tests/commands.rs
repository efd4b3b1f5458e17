//! The program itself: what it says when something is wrong, and with which exit code.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

/// A port on which nothing listens: it was free a moment ago, and tests bind no others.
fn nowhere() -> String {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("ws://{}", socket.local_addr().unwrap())
}

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_string_lossy().into_owned()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_sungrid"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.path())
            .env("SUNGRID_NODE", nowhere())
            .output()
            .unwrap()
    }

    /// Runs a command that must fail and returns its exit code and message.
    fn fail(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments:?} succeeded");
        assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
        (output.status.code().unwrap_or_default(), stderr)
    }
}

#[test]
fn a_node_that_is_not_there_is_named_with_advice() {
    let home = Home::new();
    for arguments in [
        &["worker", "list"][..],
        &["pool", "list"],
        &["job", "list"],
        &["job", "show", "1"],
        &["job", "explain", "1"],
        &["image", "list"],
        &[
            "account",
            "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
        ],
        &["--key", "//Alice", "rewards", "claim"],
    ] {
        let (code, text) = home.fail(arguments);
        assert_eq!(code, 1, "{text}");
        assert!(
            text.contains("cannot reach a node at ws://127.0.0.1:"),
            "{text}"
        );
    }
    let (_, text) = home.fail(&["--node", "http://127.0.0.1:1", "worker", "list"]);
    assert!(text.contains("ws://127.0.0.1:9944"), "{text}");
}

#[test]
fn errors_are_json_on_request() {
    let output = Home::new().run(&["--json", "worker", "list"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert!(
        value["error"].as_str().unwrap().contains("cannot reach"),
        "{value}"
    );
}

#[test]
fn keys_are_named_and_never_typed() {
    let home = Home::new();
    let phrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
    let seed = format!("0x{}", "11".repeat(32));
    for secret in [phrase, &seed] {
        let (code, text) = home.fail(&["--key", secret, "rewards", "claim"]);
        assert_eq!(code, 2);
        assert!(
            text.contains("does not belong on the command line"),
            "{text}"
        );
    }
    let (code, text) = home.fail(&["rewards", "claim"]);
    assert_eq!(code, 2);
    assert!(
        text.contains("--key //Alice") && text.contains("SUNGRID_KEY"),
        "{text}"
    );
    let (_, text) = home.fail(&["--key", "env:NO_SUCH_VARIABLE", "rewards", "claim"]);
    assert!(text.contains("NO_SUCH_VARIABLE is not set"), "{text}");
    let file = home.write("key", phrase);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let (_, text) = home.fail(&["--key", &file, "rewards", "claim"]);
        assert!(text.contains("chmod 600"), "{text}");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    // With a good key the next hurdle is the node.
    let (_, text) = home.fail(&["--key", &file, "rewards", "claim"]);
    assert!(text.contains("cannot reach a node"), "{text}");
    let (_, text) = home.fail(&["account", "5Grw"]);
    assert!(text.contains("no address"), "{text}");
}

#[test]
fn code_that_is_none_is_refused_before_any_node_is_asked() {
    let home = Home::new();
    let publish = |path: &str| home.fail(&["--key", "//Alice", "image", "publish", path]).1;
    assert!(publish(&home.write("a.wasm", "hello")).contains("not a WebAssembly module"));
    assert!(publish(&home.write("b.wasm", b"\0asm\x0d\0\x01\0")).contains("component"));
    assert!(publish(&home.write("c.wasm", "")).contains("not a WebAssembly module"));
    assert!(publish("missing.wasm").contains("check the path"));
    let big = home.path().join("big.wasm");
    fs::File::create(&big).unwrap().set_len(300 << 20).unwrap();
    assert!(publish(&big.to_string_lossy()).contains("at most 256.0 MiB"));
    let module = home.write("d.wasm", b"\0asm\x01\0\0\0");
    for (flags, reason) in [
        (&["--image-memory", "1kB"][..], "out of range"),
        (&["--image-fuel", "0"], "out of range"),
        (&["--name", ""], "must not be empty"),
    ] {
        let arguments = [&["--key", "//Alice", "image", "publish", &module], flags].concat();
        let text = home.fail(&arguments).1;
        assert!(text.contains(reason), "{flags:?}: {text}");
    }
}

#[test]
fn malformed_jobs_and_scenes_are_refused_before_any_node_is_asked() {
    let home = Home::new();
    let bad = home.write("bad.toml", "image = 3");
    let text = home.fail(&["--key", "//Alice", "job", "submit", &bad]).1;
    assert!(
        text.contains("bad.toml") && text.contains("invalid type"),
        "{text}"
    );
    let text = home
        .fail(&["--key", "//Alice", "job", "submit", "--image", "nonsense"])
        .1;
    assert!(text.contains("not a CID"), "{text}");
    let scene = home.write("bad.scene", "sungrid-scene 1\nsphere nothing 0 0 0 1\n");
    let module = home.write("r.wasm", b"\0asm\x01\0\0\0");
    let render = |scene: &str| {
        home.fail(&["--key", "//Alice", "render", scene, "--renderer", &module])
            .1
    };
    assert!(render(&scene).contains("bad.scene:"), "{}", render(&scene));
    assert!(render("none.scene").contains("check the path"));
    let text = home.fail(&["quote", &bad]).1;
    assert!(text.contains("bad.toml"), "{text}");
    let text = home.fail(&["quote", "--image", &module, "--units", "0"]).1;
    assert!(text.contains("1 to"), "{text}");
    let object = "sungrid-scene 1\nimage 8 8\nsamples 1\ntile 8 8\ncamera from 0 0 -5 at 0 0 0\n\
                  material m diffuse 1 1 1\nmesh thing thing.obj\nobject thing m\n";
    let text = render(&home.write("object.scene", object));
    assert!(text.contains("thing.obj"), "{text}");
}

#[test]
fn receipts_are_checked_without_a_network() {
    let home = Home::new();
    let verify = |path: &str| home.fail(&["receipt", "verify", path]).1;
    assert!(verify("missing").contains("check the path"));
    assert!(verify(&home.write("a.cbor", "nonsense")).contains("not a bundle"));
    let empty = home.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert!(verify(&empty.to_string_lossy()).contains("no bundles"));
    let big = home.path().join("big.cbor");
    fs::File::create(&big).unwrap().set_len(1 << 30).unwrap();
    assert!(verify(&big.to_string_lossy()).contains("larger than any bundle"));
}

#[test]
fn help_has_examples_for_everything() {
    let home = Home::new();
    let help = String::from_utf8_lossy(&home.run(&["--help"]).stdout).into_owned();
    for word in [
        "render",
        "job submit",
        "job watch",
        "job explain",
        "receipt verify",
        "--json",
        "env:NAME",
    ] {
        assert!(help.contains(word), "{word}:\n{help}");
    }
    for command in [
        "image", "run", "map", "job", "quote", "worker", "pool", "receipt", "canary", "account",
        "rewards", "render", "demo",
    ] {
        let output = home.run(&[command, "--help"]);
        assert!(
            output.status.success() && output.stdout.len() > 100,
            "{command}"
        );
    }
}
