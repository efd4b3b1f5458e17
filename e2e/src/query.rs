//! What a running node answers over HTTP: remote procedure calls and metrics.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
};

use serde_json::{Value, json};

use crate::{network::Node, process::PATIENCE};

impl Node {
    /// What the node answers to a remote procedure call.
    ///
    /// # Errors
    /// With the node's error object.
    pub fn rpc(&self, method: &str, params: Value) -> Result<Value, Value> {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let call = call.to_string();
        let body = exchange(
            self.port(),
            &format!(
                "POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}",
                call.len()
            ),
            &call,
        );
        let mut answer: Value = serde_json::from_str(&body)
            .unwrap_or_else(|error| panic!("{method}: {error} in {body:?}"));
        match answer.get_mut("error") {
            Some(error) => Err(error.take()),
            None => Ok(answer["result"].take()),
        }
    }

    /// The same of a call that cannot fail.
    ///
    /// # Panics
    /// With the node's error, if it does.
    pub fn ask(&self, method: &str, params: Value) -> Value {
        self.rpc(method, params)
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Number of the block with this hash; `Null`: of the best block.
    pub fn number(&self, hash: &Value) -> u32 {
        let header = self.ask("chain_getHeader", json!([hash]));
        let number = header["number"].as_str().expect("a number in hexadecimal");
        u32::from_str_radix(number.trim_start_matches("0x"), 16).expect("a number")
    }

    /// Hash of the last finalised block.
    pub fn finalized(&self) -> Value {
        self.ask("chain_getFinalizedHead", json!([]))
    }

    /// Waits until a block of this number is finalised.
    pub fn wait_for_finality(&mut self, number: u32) {
        while self.number(&self.finalized()) < number {
            let next = self.number(&Value::Null) + 1;
            self.wait_for_block(next);
        }
    }

    /// Where other nodes connect to this one, with its peer identity.
    ///
    /// # Panics
    /// If it listens nowhere.
    pub fn address(&self) -> String {
        let addresses = self.ask("system_localListenAddresses", json!([]));
        let address = addresses[0].as_str();
        address.expect("the node listens").to_owned()
    }

    /// Connects with another node; they stay connected until [parted](Self::part).
    pub fn meet(&self, other: &Self) {
        self.ask("system_addReservedPeer", json!([other.address()]));
        other.ask("system_addReservedPeer", json!([self.address()]));
    }

    /// Ends the connection with another node: neither hears of the other one's blocks any more.
    pub fn part(&self, other: &Self) {
        for (one, other) in [(self, other), (other, self)] {
            let peer = other.ask("system_localPeerId", json!([]));
            one.ask("system_removeReservedPeer", json!([peer]));
        }
    }

    /// Number of nodes that it is connected with.
    pub fn peers(&self) -> u64 {
        let health = self.ask("system_health", json!([]));
        health["peers"].as_u64().expect("a number")
    }

    /// The value of the metric whose line begins with `name`, labels included.
    ///
    /// # Panics
    /// If the node does not serve it.
    pub fn metric(&mut self, name: &str) -> u64 {
        let log = self.log();
        let port = log
            .lines()
            .find(|line| line.contains("Prometheus exporter started at"))
            .and_then(|line| line.trim_end().rsplit(':').next()?.parse().ok())
            .unwrap_or_else(|| panic!("no exporter in\n{log}"));
        let metrics = exchange(port, "GET /metrics HTTP/1.1", "");
        metrics
            .lines()
            .find_map(|line| line.strip_prefix(name)?.split_whitespace().last())
            .and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("no {name} in\n{metrics}"))
    }
}

/// Sends one request to loopback and returns the body of the answer. `head`: request line and headers.
fn exchange(port: u16, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the port is open");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("no timeout of zero");
    let request = format!("{head}\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n{body}");
    stream
        .write_all(request.as_bytes())
        .expect("the server takes the request");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the server answers with text");
    match answer.split_once("\r\n\r\n") {
        Some((status, body)) if status.starts_with("HTTP/1.1 200") => body.to_owned(),
        _ => panic!("refused: {answer}"),
    }
}
