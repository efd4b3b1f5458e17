//! The command line of one account with one data folder.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::network::{Node, sungrid, sungrid_json};

/// A requester's machine.
pub struct Requester<'a> {
    node: &'a Node,
    data: TempDir,
    key: &'static str,
}

impl<'a> Requester<'a> {
    /// The machine of a development account.
    pub fn new(node: &'a Node, key: &'static str) -> Self {
        let data = TempDir::new().expect("a temporary folder");
        Self { node, data, key }
    }

    /// The node that it asks.
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// A command with the account's key and this folder.
    pub fn line<'b>(&'b self, arguments: &[&'b str]) -> Vec<&'b str> {
        let data = self.data.path().to_str().expect("a plain path");
        [&["--key", self.key, "--data-dir", data], arguments].concat()
    }

    /// What a command that succeeds ends with.
    ///
    /// # Panics
    /// If it fails.
    pub fn json(&self, arguments: &[&str]) -> Value {
        sungrid_json(self.node, &self.line(arguments))
    }

    /// What a command that fails says.
    ///
    /// # Panics
    /// If it succeeds.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = sungrid(self.node, &self.line(arguments));
        assert!(!output.status.success(), "{arguments:?} succeeded");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Submits three units of an image, each for two replicas, and leaves; returns the job's number.
    pub fn order(&self, image: &str) -> String {
        let order = ["job", "submit", "--no-watch", "--units", "3"];
        let terms = ["--policy", "replicate:2", "--batch-size", "1"];
        self.json(&[&order[..], &terms[..], &["--image", image]].concat())["job"].to_string()
    }

    /// What the chain holds of the account, planck.
    pub fn held(&self) -> u64 {
        let account = self.json(&["account"]);
        account["held_planck"].as_u64().expect("an amount")
    }
}
