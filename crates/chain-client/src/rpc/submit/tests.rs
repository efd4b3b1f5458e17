//! What becomes of transactions, by a node that answers or does not.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use codec::{Compact, Decode, Encode};
use jsonrpsee::{
    RpcModule,
    server::{ServerBuilder, ServerHandle},
    types::ErrorObject,
};
use serde_json::json;
use sp_core::H256;

use sungrid_primitives::ContentHash;

use super::*;
use crate::rpc::nodes::Nodes;

/// For whoever waits for this node. Long enough for an answer of a busy machine.
const HASTY: Duration = Duration::from_secs(5);

#[test]
fn the_pools_refusals_are_told_apart() {
    let texts = [
        (
            "1010: Invalid Transaction: Transaction is outdated",
            Refusal::Nonce,
        ),
        ("1014: Priority is too low: (10 vs 10)", Refusal::Nonce),
        ("1013: Transaction Already Imported", Refusal::Nonce),
        (
            "1010: Invalid Transaction: Inability to pay some fees (e.g. account balance too low)",
            Refusal::Payment,
        ),
        (
            "1010: Invalid Transaction: Transaction would exhaust the block limits",
            Refusal::NoRoom,
        ),
        (
            "1010: Invalid Transaction: Transaction has a bad signature",
            Refusal::Other,
        ),
    ];
    for (text, expected) in texts {
        assert_eq!(Refusal::of(text), expected, "{text}");
    }
}

#[test]
fn a_failed_call_says_what_to_do() {
    let failure = failure(DispatchError::BadOrigin);
    assert_eq!(failure.error, "BadOrigin");
    assert!(failure.to_string().contains("may not"));
}

#[test]
fn nonces_that_a_given_up_fork_leaves_free_are_used_again() {
    // Nothing is known; another client used the key; the node has all of it.
    assert_eq!(next_number(None, 7, 3), 7);
    assert_eq!(next_number(Some(5), 7, 3), 7);
    assert_eq!(next_number(Some(7), 7, 0), 7);
    // Two were sent a moment ago.
    assert_eq!(next_number(Some(9), 7, 2), 9);
    // One of them had its block, which was given up; so had both.
    assert_eq!(next_number(Some(9), 7, 1), 7);
    assert_eq!(next_number(Some(9), 7, 0), 7);
    assert_eq!(next_number(Some(u64::MAX), u64::MAX, 1), u64::MAX);
}

#[test]
fn transactions_are_mortal() {
    assert!(
        MORTALITY.is_power_of_two(),
        "eras round up to a power of two"
    );
}

/// What a pool does with what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pool {
    /// Says nothing.
    Silent,
    /// Takes it, and says nothing.
    TakesSilently,
    /// Says no.
    Refuses,
}

/// What such a node has.
struct Says {
    pool: Mutex<Pool>,
    /// What it was sent.
    sent: Mutex<Vec<String>>,
    /// The next nonce of every account.
    next: Mutex<u64>,
    /// Number of its best block; the last final one is number 1.
    best: Mutex<u32>,
}

/// The last final block and the best one, by their hashes.
const FINAL: H256 = H256::repeat_byte(1);
const BEST: H256 = H256::repeat_byte(2);

impl Says {
    fn get<T: Clone>(value: &Mutex<T>) -> T {
        value.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers to whatever a client needs before it submits, from the metadata that clients are made with.
async fn node(pool: Pool) -> (Arc<Says>, String, ServerHandle) {
    let metadata = std::fs::read("metadata.scale").expect("it is in this crate");
    let metadata = hex(&Some(metadata).encode());
    let says = Arc::new(Says {
        pool: Mutex::new(pool),
        sent: Mutex::default(),
        next: Mutex::new(7),
        best: Mutex::new(3),
    });
    let mut module = RpcModule::from_arc(says.clone());
    let header = |number: u32| {
        let zero = json!(H256::zero());
        json!({
            "parentHash": zero, "number": format!("{number:#x}"), "stateRoot": zero,
            "extrinsicsRoot": zero, "digest": { "logs": [] },
        })
    };
    let version = json!({ "specVersion": 1, "transactionVersion": 1 });
    for (method, answer) in [
        ("chain_getBlockHash", json!(BEST)),
        ("chain_getFinalizedHead", json!(FINAL)),
        ("state_getRuntimeVersion", version),
        ("state_getMetadata", json!(metadata.clone())),
    ] {
        module
            .register_method(method, move |_, _, _| answer.clone())
            .expect("a name of its own");
    }
    module
        .register_method("chain_getHeader", move |params, says, _| {
            let asked: Option<H256> = params.sequence().optional_next()?;
            let number = match asked == Some(FINAL) {
                true => 1,
                false => Says::get(&says.best),
            };
            Ok::<_, ErrorObject>(header(number))
        })
        .expect("a name of its own");
    module
        .register_method("state_call", move |params, _, _| {
            let name: String = params.sequence().next()?;
            match name.as_str() {
                "Core_version" => {
                    let (spec, transaction) = (1_u32, 1_u32);
                    let apis = Vec::<([u8; 8], u32)>::new();
                    let version = ("sungrid", "sungrid", 1_u32, spec, 1_u32, apis, transaction);
                    Ok(json!(hex(&version.encode())))
                }
                // As of that block, without what is in the pool.
                "AccountNonceApi_account_nonce" => Ok(json!(hex(&0_u32.encode()))),
                "Metadata_metadata_versions" => Ok(json!(hex(&vec![16_u32].encode()))),
                "Metadata_metadata_at_version" => Ok(json!(metadata)),
                other => Err(ErrorObject::owned(1, format!("no {other}"), None::<()>)),
            }
        })
        .expect("a name of its own");
    module
        .register_method("system_accountNextIndex", |_, says, _| {
            Says::get(&says.next)
        })
        .expect("a name of its own");
    module
        .register_subscription(
            "author_submitAndWatchExtrinsic",
            "author_extrinsicUpdate",
            "author_unwatchExtrinsic",
            |params, pending, says, _| async move {
                let text: String = params.one().expect("an extrinsic");
                says.sent.lock().expect("no panic").push(text);
                match Says::get(&says.pool) {
                    Pool::Refuses => {
                        let reason = "Transaction has a bad signature";
                        let error = ErrorObject::owned(1010, "Invalid Transaction", Some(reason));
                        pending.reject(error).await;
                    }
                    pool => {
                        if pool == Pool::TakesSilently {
                            *says.next.lock().expect("no panic") += 1;
                        }
                        std::future::pending::<()>().await;
                    }
                }
            },
        )
        .expect("a name of its own");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = ServerBuilder::default().build(any).await.expect("a port");
    let url = format!("ws://{}", server.local_addr().expect("an address"));
    (says, url, server.start(module))
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// The nonce of a signed transaction: behind its length, version, sender, signature and era. All of these here are small.
fn nonce(transaction: &str) -> u64 {
    let bytes = hex::decode(transaction.trim_start_matches("0x")).expect("hexadecimal");
    let mut rest = &bytes[..];
    Compact::<u32>::decode(&mut rest).expect("a length");
    let nonce = Compact::<u64>::decode(&mut &rest[1 + 33 + 65 + 2..]);
    nonce.expect("a number").0
}

/// The block that a signed transaction is valid from, of [`MORTALITY`]: its era is behind the signature.
fn born(transaction: &str) -> u64 {
    let bytes = hex::decode(transaction.trim_start_matches("0x")).expect("hexadecimal");
    let mut rest = &bytes[..];
    Compact::<u32>::decode(&mut rest).expect("a length");
    let era = u16::from_le_bytes([rest[1 + 33 + 65], rest[1 + 33 + 65 + 1]]);
    assert_eq!(2 << (era % 16), MORTALITY);
    u64::from(era >> 4)
}

#[tokio::test]
async fn a_transaction_is_signed_upon_a_final_block_unless_that_is_too_old() {
    let (says, url, server) = node(Pool::Refuses).await;
    let key = Keypair::from_uri("//Alice").expect("a key");
    let half = MORTALITY / 2;
    // Whichever fork the chain goes on, that block is in it. Of the best one nobody knows.
    for (best, expected) in [
        (1, 1),
        (3, 1),
        (1 + half, 1),
        (2 + half, 2 + half),
        (60, 60),
    ] {
        *says.best.lock().expect("no panic") = best;
        let nodes = Nodes::open_hasty(&url, HASTY).await.expect("it answers");
        let chain = RpcChain::over(nodes).await.expect("our chain");
        let manifest = ContentHash::from([7; 32]);
        let sent = chain.send(&key, Call::RetireImage { manifest }, Until::InBlock);
        let error = sent.await.expect_err("it is refused");
        assert!(matches!(error, SubmitError::Rejected { .. }), "{error:?}");
        let sent = Says::get(&says.sent);
        let last = sent.last().map(|sent| born(sent));
        assert_eq!(last, Some(u64::from(expected)), "best block {best}");
    }
    server.stop().expect("it runs");
}

#[tokio::test]
async fn what_a_node_leaves_unanswered_may_be_in_the_pool_and_what_it_refuses_is_not() {
    let (says, url, server) = node(Pool::Silent).await;
    let nodes = Nodes::open_hasty(&url, HASTY).await.expect("it answers");
    let chain = RpcChain::over(nodes).await.expect("our chain");
    let key = Keypair::from_uri("//Alice").expect("a key");
    let submit = async |pool| {
        *says.pool.lock().expect("no panic") = pool;
        let manifest = ContentHash::from([7; 32]);
        let sent = chain.send(&key, Call::RetireImage { manifest }, Until::InBlock);
        let error = sent.await.expect_err("it never gets into a block");
        let sent = Says::get(&says.sent);
        (error, sent.last().map(|sent| nonce(sent)))
    };
    // GIVEN a node that says nothing
    let (error, with) = submit(Pool::Silent).await;
    assert_eq!(with, Some(7), "{error:?}");
    // THEN nobody knows, and whoever asks is told to look before trying again
    assert!(
        matches!(&error, SubmitError::Unknown { call, .. } if call == "Images.retire"),
        "{error:?}"
    );
    assert!(error.is_retryable());
    // WHEN it had not taken it, the nonce is used again; when it had, it is not
    let (error, with) = submit(Pool::TakesSilently).await;
    assert_eq!(with, Some(7));
    assert!(matches!(error, SubmitError::Unknown { .. }), "{error:?}");
    let (error, with) = submit(Pool::Refuses).await;
    assert_eq!(with, Some(8));
    // THEN a no is a no
    let SubmitError::Rejected { reason, .. } = error else {
        panic!("{error:?}");
    };
    assert!(reason.contains("bad signature"), "{reason}");
    server.stop().expect("it runs");
}
