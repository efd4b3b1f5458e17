//! What a development chain's bodies decide, by the calls that anybody can make.

use serde_json::{Value as Json, json};
use sp_crypto_hashing::{blake2_256, twox_128};
use subxt::{
    OnlineClient, SubstrateConfig,
    config::DefaultExtrinsicParamsBuilder,
    dynamic::{self, Value},
    ext::scale_value::Composite,
    tx::{DynamicPayload, TransactionStatus},
};
use sungrid_chain_client::Keypair;
use sungrid_primitives::ISC;

use crate::Node;

/// Council and technical committee of a development chain.
const MEMBERS: [&str; 3] = ["//Alice", "//Bob", "//Charlie"];

/// A call.
pub type Payload = DynamicPayload<Composite<()>>;

/// A call by name, with arguments by name.
pub fn call<const N: usize>(pallet: &str, name: &str, arguments: [(&str, Value); N]) -> Payload {
    dynamic::tx(pallet, name, Composite::named(arguments))
}

/// Governance, by the calls that anybody can make with polkadot.js.
pub struct Bodies<'a> {
    node: &'a Node,
    client: OnlineClient<SubstrateConfig>,
}

impl<'a> Bodies<'a> {
    /// Asks this node.
    pub async fn of(node: &'a Node) -> Self {
        let client = OnlineClient::from_insecure_url(node.url()).await;
        let client = client.expect("the node answers");
        Self { node, client }
    }

    async fn encoded(&self, call: &Payload) -> Vec<u8> {
        let at = self.client.at_current_block().await.expect("a block");
        at.tx().call_data(call).expect("the chain knows the call")
    }

    /// Sends a call and waits until it is in a block.
    ///
    /// # Errors
    /// What became of it instead.
    pub async fn send(&self, who: &str, call: &Payload) -> Result<(), String> {
        let key = Keypair::from_uri(who).expect("a path");
        let address = key.account().to_string();
        let nonce = self.node.ask("system_accountNextIndex", json!([address]));
        let params = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new()
            .nonce(nonce.as_u64().expect("a number"))
            .build();
        let at = self.client.at_current_block().await.expect("a block");
        let mut sent = at
            .tx()
            .sign_and_submit_then_watch(call, &key, params)
            .await
            .map_err(|error| error.to_string())?;
        while let Some(status) = sent.next().await {
            match status.expect("the node goes on") {
                TransactionStatus::InBestBlock(block) => {
                    let done = block.wait_for_success().await;
                    return done.map(|_| ()).map_err(|error| error.to_string());
                }
                TransactionStatus::Invalid { message }
                | TransactionStatus::Dropped { message }
                | TransactionStatus::Error { message } => return Err(message),
                _ => {}
            }
        }
        Err("the node said no more about it".into())
    }

    /// The same of a call that must succeed.
    async fn act(&self, who: &str, call: &Payload) {
        let done = self.send(who, call).await;
        done.unwrap_or_else(|error| panic!("{who}: {error}"));
    }

    /// All members of a body carry a motion.
    async fn carry(&self, body: &str, proposal: &Payload) {
        let encoded = self.encoded(proposal).await;
        let motion = Value::from_bytes(blake2_256(&encoded));
        let length = Value::u128(encoded.len() as u128);
        let propose = call(
            body,
            "propose",
            [
                ("threshold", Value::u128(MEMBERS.len() as u128)),
                ("proposal", proposal.clone().into_value()),
                ("length_bound", length.clone()),
            ],
        );
        self.act(MEMBERS[0], &propose).await;
        for member in MEMBERS {
            let vote = call(
                body,
                "vote",
                [
                    ("proposal", motion.clone()),
                    ("index", Value::u128(0)),
                    ("approve", Value::bool(true)),
                ],
            );
            self.act(member, &vote).await;
        }
        let weight = Value::named_composite([
            ("ref_time", Value::u128(10_000_000_000)),
            ("proof_size", Value::u128(1_000_000)),
        ]);
        let close = call(
            body,
            "close",
            [
                ("proposal_hash", motion),
                ("index", Value::u128(0)),
                ("proposal_weight_bound", weight),
                ("length_bound", length),
            ],
        );
        self.act(MEMBERS[0], &close).await;
    }

    /// The fast way to a decision: the council puts it forward, the committee shortens the vote, and Alice votes for it.
    pub async fn decide(&self, wanted: &Payload) {
        let encoded = self.encoded(wanted).await;
        let inline = Value::unnamed_variant("Inline", [Value::from_bytes(&encoded)]);
        let forward = call(
            "Democracy",
            "external_propose_majority",
            [("proposal", inline)],
        );
        self.carry("Council", &forward).await;
        let hurry = call(
            "Democracy",
            "fast_track",
            [
                ("proposal_hash", Value::from_bytes(blake2_256(&encoded))),
                ("voting_period", Value::u128(3)),
                ("delay", Value::u128(0)),
            ],
        );
        self.carry("TechnicalCommittee", &hurry).await;
        let aye = Value::named_variant(
            "Standard",
            [
                ("vote", Value::unnamed_composite([Value::u128(0x80)])),
                ("balance", Value::u128(1_000 * ISC)),
            ],
        );
        let vote = call(
            "Democracy",
            "vote",
            [("ref_index", Value::u128(0)), ("vote", aye)],
        );
        self.act("//Alice", &vote).await;
    }
}

/// Has a referendum decide, and waits until the map, by pallet and name, that is empty before has its entry.
///
/// # Panics
/// If the bodies do not agree.
pub fn decide(node: &mut Node, wanted: &Payload, (pallet, map): (&str, &str)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async { Bodies::of(node).await.decide(wanted).await });
    let prefix = [twox_128(pallet.as_bytes()), twox_128(map.as_bytes())].concat();
    let prefix: String = prefix.iter().map(|byte| format!("{byte:02x}")).collect();
    let prefix = format!("0x{prefix}");
    let is_there = |node: &Node| {
        let keys = node.ask("state_getKeysPaged", json!([prefix, 1, null]));
        keys.as_array().is_some_and(|keys| !keys.is_empty())
    };
    while !is_there(node) {
        let next = node.number(&Json::Null) + 1;
        node.wait_for_block(next);
    }
}
