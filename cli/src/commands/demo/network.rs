//! The demonstration network: one validator and three workers on loopback.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use super::process::Program;
use crate::{Error, args::DemoArgs, folder::write_whole};

/// Operators of the workers: development accounts with funds.
pub(super) const OPERATORS: [(&str, &str); 3] = [
    ("Bob", "//Bob"),
    ("Charlie", "//Charlie"),
    ("Dave", "//Dave"),
];

/// What the worker prints once it is registered and takes work.
const WORKER_READY: &str = "ready for work";
/// What the node prints when its RPC listens.
const NODE_LISTENS: &str = "Running JSON-RPC server: addr=";

/// Running programs.
#[derive(Default)]
pub(super) struct Network {
    pub(super) url: String,
    node: Option<Program>,
    workers: Vec<Program>,
}

impl Network {
    /// Starts everything below `folder` and waits until the workers take work.
    pub(super) async fn start(
        &mut self,
        args: &DemoArgs,
        folder: &Path,
        spec: PathBuf,
    ) -> Result<(), Error> {
        let path = |path: PathBuf| path.to_string_lossy().into_owned();
        let mut arguments: Vec<String> = [
            "--alice",
            "--validator",
            "--force-authoring",
            "--no-prometheus",
            "--no-telemetry",
            "--no-mdns",
        ]
        .map(Into::into)
        .to_vec();
        for (option, value) in [
            ("--chain", path(spec)),
            ("--base-path", path(folder.join("node"))),
            ("--rpc-port", "0".into()),
            ("--listen-addr", "/ip4/127.0.0.1/tcp/0".into()),
            ("--node-key-type", "ed25519".into()),
        ] {
            arguments.extend([option.to_owned(), value]);
        }
        arguments.push("--unsafe-force-node-key-generation".into());
        let log = folder.join("node.log");
        let mut node = Program::start("the node", &args.node_program, &arguments, log).await?;
        let line = node.wait_for(NODE_LISTENS).await;
        self.node = Some(node);
        let line = line?;
        self.url = address(&line)
            .ok_or_else(|| Error::Demo(format!("the node's address is not in {line:?}")))?;

        let lanes = std::thread::available_parallelism().map_or(1, usize::from) / OPERATORS.len();
        for (name, operator) in OPERATORS {
            let data = path(folder.join(name));
            let lanes = lanes.max(1).to_string();
            let init = [
                "init",
                "--node",
                &self.url,
                "--operator",
                operator,
                "--jurisdiction",
                "DE",
                "--lanes",
                &lanes,
                // For as long as the demo lasts.
                "--plain-key",
                // Whoever starts a demo wants it to work while he watches.
                "--idle",
                "always",
            ];
            run(
                &args.worker_program,
                init.iter().copied().chain(["--data-dir", &data]),
            )
            .await?;
            let name = format!("the worker of {name}");
            let log = PathBuf::from(format!("{data}.log"));
            let arguments = ["run", "--data-dir", &data];
            self.workers
                .push(Program::start(&name, &args.worker_program, arguments, log).await?);
        }
        for worker in &mut self.workers {
            worker.wait_for(WORKER_READY).await?;
        }
        Ok(())
    }

    /// Completes, with the reason, when one of the programs ends by itself.
    pub(super) async fn failed(&mut self) -> Error {
        let all = self.workers.iter_mut().chain(&mut self.node);
        let mut ends: Vec<_> = all.map(|program| Box::pin(program.ended())).collect();
        if ends.is_empty() {
            return std::future::pending().await;
        }
        std::future::poll_fn(|cx| {
            for end in &mut ends {
                if let std::task::Poll::Ready(error) = end.as_mut().poll(cx) {
                    return std::task::Poll::Ready(error);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// Ends all programs, the workers first so that they can say goodbye to the node.
    pub(super) async fn stop(mut self) {
        let workers = self.workers.drain(..).map(Program::stop);
        futures::future::join_all(workers).await;
        if let Some(node) = self.node.take() {
            node.stop().await;
        }
    }
}

/// The WebSocket address in the node's line about its RPC.
fn address(line: &str) -> Option<String> {
    let address = line.split("addr=").nth(1)?.split([',', ' ']).next()?;
    let port: u16 = address.rsplit(':').next()?.parse().ok()?;
    Some(format!("ws://127.0.0.1:{port}"))
}

/// The development chain with a shorter round, in the raw form that a node starts from fastest. Made once
/// for each build of the node.
pub(super) async fn chain_spec(node: &Path, folder: &Path, round: u32) -> Result<PathBuf, Error> {
    fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    let target = folder.join(format!("chain-of-round-{round}.json"));
    let made = |path: &Path| fs::metadata(path).and_then(|m| m.modified());
    let built = made(node).map_err(Error::file("start", node))?;
    if made(&target).is_ok_and(|made| made > built) {
        return Ok(target);
    }
    let spec = run(node, ["export-chain-spec", "--chain", "dev"]).await?;
    let spec = with_round(&String::from_utf8_lossy(&spec), round).ok_or_else(|| {
        Error::Demo("the node's chain specification has no genesis patch to change".into())
    })?;
    let plain = tempfile::NamedTempFile::new_in(folder).map_err(Error::file("write", folder))?;
    fs::write(plain.path(), spec).map_err(Error::file("write", plain.path()))?;
    let plain = plain.path().to_string_lossy();
    let raw = run(node, ["export-chain-spec", "--raw", "--chain", &plain]).await?;
    write_whole(&target, &raw)?;
    Ok(target)
}

/// Sets the length of a round in a specification's genesis patch. As text, because its balances are larger
/// than the numbers that a JSON document in memory holds exactly.
fn with_round(spec: &str, round: u32) -> Option<String> {
    let patch = spec.find("\"patch\":")?;
    let rewards = patch + spec[patch..].find("\"rewards\":")?;
    let inside = rewards + spec[rewards..].find('{')? + 1;
    let (before, after) = spec.split_at(inside);
    Some(format!("{before}\n\"roundLength\": {round},{after}"))
}

/// Runs a program to its end and returns what it printed.
async fn run<'a>(
    program: &Path,
    arguments: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<u8>, Error> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(Error::file("start", program))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(Error::Demo(format!(
        "{} failed ({}): {}",
        program.display(),
        output.status,
        stderr.trim()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_set_and_large_numbers_stay() {
        let spec =
            r#"{"genesis": {"patch": {"balances": 39999999999000000001, "rewards": {"a": 1}}}}"#;
        let changed = with_round(spec, 5).unwrap();
        assert!(changed.contains("39999999999000000001"));
        let value: serde_json::Value = serde_json::from_str(&changed).unwrap();
        assert_eq!(
            value.pointer("/genesis/patch/rewards/roundLength"),
            Some(&5.into())
        );
        assert_eq!(value.pointer("/genesis/patch/rewards/a"), Some(&1.into()));
        assert_eq!(with_round("{}", 5), None);
    }

    #[test]
    fn the_nodes_port_is_found() {
        let line = "2026-01-01 00:00:00 Running JSON-RPC server: addr=127.0.0.1:41234,[::1]:41235";
        assert_eq!(address(line).as_deref(), Some("ws://127.0.0.1:41234"));
        assert_eq!(address("Running JSON-RPC server"), None);
    }
}
