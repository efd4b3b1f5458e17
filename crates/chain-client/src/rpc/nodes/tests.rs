//! Nodes that fail, as servers in this process.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use jsonrpsee::{
    RpcModule, SubscriptionMessage,
    server::{ServerBuilder, ServerHandle},
};
use serde_json::{Value, json};
use subxt_rpcs::{RpcClient, rpc_params};

use super::*;

/// Short, since these servers are near. A machine that stands still for longer makes a node that is well look silent: whoever
/// opens tries again ([`opened`]), and no test counts on a single answer in time.
const SOON: Duration = Duration::from_millis(500);

/// An address of this process alone where the system has as many: the port of a node that is gone for a while is then given to
/// nobody else, as ports of 127.0.0.1 are to tests beside this one.
fn own_host() -> Ipv4Addr {
    let [_, b, c, d] = std::process::id().to_be_bytes();
    match cfg!(target_os = "linux") {
        true => Ipv4Addr::new(127, 64 | b, c, d),
        false => Ipv4Addr::LOCALHOST,
    }
}

/// What a node says, and how often it was asked where it is.
#[derive(Default)]
struct Says {
    name: &'static str,
    genesis: u8,
    height: AtomicU32,
    silent: AtomicBool,
    looks: AtomicU32,
}

struct Fake {
    says: Arc<Says>,
    address: SocketAddr,
    server: ServerHandle,
}

impl Fake {
    async fn start(name: &'static str, genesis: u8, height: u32) -> Self {
        Self::start_at((own_host(), 0).into(), name, genesis, height).await
    }

    async fn start_at(at: SocketAddr, name: &'static str, genesis: u8, height: u32) -> Self {
        let says = Arc::new(Says {
            name,
            genesis,
            height: height.into(),
            ..Says::default()
        });
        let mut module = RpcModule::from_arc(says.clone());
        let answer = |method, tell: fn(&Says) -> Value| {
            move |module: &mut RpcModule<Says>| {
                let added = module.register_async_method(method, move |_, says, _| async move {
                    if says.silent.load(Ordering::Relaxed) {
                        std::future::pending::<()>().await;
                    }
                    tell(&says)
                });
                added.expect("a name of its own");
            }
        };
        answer("who", |says| says.name.into())(&mut module);
        answer("chain_getBlockHash", |says| {
            json!(H256::repeat_byte(says.genesis))
        })(&mut module);
        answer("chain_getHeader", |says| {
            says.looks.fetch_add(1, Ordering::Relaxed);
            json!({ "number": format!("{:#x}", says.height.load(Ordering::Relaxed)) })
        })(&mut module);
        module
            .register_async_method("never", |_, _, _| std::future::pending::<Value>())
            .expect("a name of its own");
        module
            .register_subscription(
                "follow",
                "note",
                "unfollow",
                |_, pending, says, _| async move {
                    let sink = pending.accept().await.expect("it is there");
                    let note = SubscriptionMessage::from_json(&says.name).expect("JSON");
                    sink.send(note).await.expect("it listens");
                    sink.closed().await;
                },
            )
            .expect("a name of its own");
        let server = ServerBuilder::default().build(at).await.expect("a port");
        Self {
            says,
            address: server.local_addr().expect("an address"),
            server: server.start(module),
        }
    }

    fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    fn comes_to(&self, height: u32) {
        self.says.height.store(height, Ordering::Relaxed);
    }

    async fn stop(self) -> SocketAddr {
        self.server.stop().expect("it runs");
        self.server.stopped().await;
        self.address
    }

    /// Waits until it was asked so often again.
    async fn asked(&self, times: u32) {
        let from = self.says.looks.load(Ordering::Relaxed);
        while self.says.looks.load(Ordering::Relaxed) < from + times {
            tokio::task::yield_now().await;
            tokio::time::sleep(SOON / 30).await;
        }
    }
}

async fn open(fakes: &[&Fake]) -> (Arc<Nodes>, RpcClient) {
    let urls: Vec<String> = fakes.iter().map(|fake| fake.url()).collect();
    opened(&urls, None).await
}

/// The connection, once it is open: as often as nobody answers, it is tried again.
async fn opened(urls: &[String], expected: Option<H256>) -> (Arc<Nodes>, RpcClient) {
    loop {
        match Nodes::open(urls, expected, SOON).await {
            Ok((nodes, genesis)) => {
                assert_eq!(genesis, expected.unwrap_or(genesis));
                let nodes = Arc::new(nodes);
                return (nodes.clone(), RpcClient::new(nodes));
            }
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    }
}

/// Why they are refused, once all of them have answered: of one alone nothing is wrong.
async fn refused(urls: &[String], expected: Option<H256>) -> ChainError {
    loop {
        match Nodes::open(urls, expected, SOON).await {
            Err(error) if !error.is_retryable() => return error,
            _ => {}
        }
    }
}

async fn who(client: &RpcClient) -> String {
    loop {
        match client.request("who", rpc_params![]).await {
            Ok(name) => return name,
            // As the library does with whatever it reads.
            Err(error) if error.is_disconnected_will_reconnect() => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Asks until it is somebody else.
async fn until(client: &RpcClient, name: &str) {
    while who(client).await != name {
        tokio::time::sleep(SOON / 30).await;
    }
}

#[tokio::test]
async fn when_a_node_is_lost_the_next_one_is_asked() {
    let (first, second) = (Fake::start("a", 1, 9).await, Fake::start("b", 1, 10).await);
    let (nodes, client) = open(&[&first, &second]).await;
    assert_eq!(who(&client).await, "a", "a block on its way is no reason");
    let serial = nodes.serial().expect("there is one");
    let mut notes = client
        .subscribe::<String>("follow", rpc_params![], "unfollow")
        .await
        .expect("it can be followed");
    assert_eq!(notes.next().await.expect("a note").expect("text"), "a");
    let asked = {
        let client = client.clone();
        tokio::spawn(async move { client.request::<Value>("never", rpc_params![]).await })
    };
    let second_url = second.url();
    first.stop().await;
    let lost = asked.await.expect("no panic").expect_err("nobody answers");
    assert!(lost.is_disconnected_will_reconnect(), "{lost}");
    let end = notes.next().await.expect("a word").expect_err("an end");
    assert!(end.is_disconnected_will_reconnect(), "{end}");
    assert!(notes.next().await.is_none());
    assert_eq!(who(&client).await, "b");
    assert_eq!(nodes.node(), Some(second_url));
    assert!(nodes.serial() > Some(serial), "nonces are counted anew");
}

#[tokio::test]
async fn a_node_that_hangs_is_left_with_what_it_was_asked() {
    let (first, second) = (Fake::start("a", 1, 10).await, Fake::start("b", 1, 10).await);
    let (_nodes, client) = open(&[&first, &second]).await;
    assert_eq!(who(&client).await, "a");
    first.says.silent.store(true, Ordering::Relaxed);
    second.comes_to(11);
    // Asked of the first one, and answered by the second.
    assert_eq!(who(&client).await, "b");
    assert!(second.says.looks.load(Ordering::Relaxed) > 0);
}

#[tokio::test]
async fn a_node_that_stands_still_is_left_and_one_that_fell_behind_later_is_left_again() {
    let (first, second) = (Fake::start("a", 1, 10).await, Fake::start("b", 1, 10).await);
    let (_nodes, client) = open(&[&first, &second]).await;
    assert_eq!(who(&client).await, "a");
    second.comes_to(50);
    until(&client, "b").await;
    // The first one is well again, which is no reason to leave the second.
    first.comes_to(50);
    first.asked(2 * LOOKS).await;
    assert_eq!(who(&client).await, "b");
    // A fork that grows, but more slowly.
    first.comes_to(90);
    second.comes_to(51);
    until(&client, "a").await;
}

#[tokio::test]
async fn a_chain_that_stands_still_moves_nobody_and_neither_does_a_node_that_is_behind() {
    let (first, second) = (Fake::start("a", 1, 10).await, Fake::start("b", 1, 10).await);
    let (nodes, client) = open(&[&first, &second]).await;
    let serial = nodes.serial();
    second.asked(2 * LOOKS).await;
    second.comes_to(3);
    second.asked(2 * LOOKS).await;
    second.says.silent.store(true, Ordering::Relaxed);
    first.asked(2 * LOOKS).await;
    assert_eq!((who(&client).await.as_str(), nodes.serial()), ("a", serial));
}

#[tokio::test]
async fn of_several_the_first_that_is_not_behind_is_chosen() {
    let fakes = [
        Fake::start("silent", 1, 60).await,
        Fake::start("behind", 1, 40).await,
        Fake::start("level", 1, 59).await,
        Fake::start("highest", 1, 60).await,
    ];
    fakes[0].says.silent.store(true, Ordering::Relaxed);
    let [silent, behind, level, highest] = &fakes;
    let (_nodes, client) = open(&[silent, behind, level, highest]).await;
    assert_eq!(who(&client).await, "level");
}

#[tokio::test]
async fn a_node_of_another_chain_is_refused_by_name() {
    let (ours, other) = (Fake::start("a", 1, 10).await, Fake::start("b", 2, 99).await);
    let urls = [ours.url(), other.url()];
    let wrong = |url: &str, found: u8, expected: u8| ChainError::WrongGenesis {
        url: url.into(),
        found: H256::repeat_byte(found),
        expected: H256::repeat_byte(expected),
    };
    assert_eq!(refused(&urls, None).await, wrong(&urls[1], 2, 1));
    let neither = Some(H256::repeat_byte(3));
    assert_eq!(refused(&urls, neither).await, wrong(&urls[0], 1, 3));
    let none = refused(&["http://x".into()], None).await;
    assert!(matches!(none, ChainError::BadAddress { .. }));
}

#[tokio::test]
async fn where_the_chain_is_known_a_node_of_another_one_is_left_out() {
    let (other, ours) = (
        Fake::start("other", 2, 99).await,
        Fake::start("ours", 1, 10).await,
    );
    let urls = [other.url(), ours.url()];
    let expected = Some(H256::repeat_byte(1));
    let (nodes, client) = opened(&urls, expected).await;
    assert_eq!(who(&client).await, "ours");
    // However high it gets, it is never asked.
    other.comes_to(500);
    other.asked(2 * LOOKS).await;
    assert_eq!(
        (who(&client).await.as_str(), nodes.refusal()),
        ("ours", None)
    );
    drop((client, nodes));
    // While ours is away it is waited for: nothing is wrong with what was set.
    ours.stop().await;
    let error = Nodes::open(&urls, expected, SOON).await.map(|_| ());
    let error = error.expect_err("the right one is away");
    assert!(error.is_retryable(), "{error}");
    assert!(error.to_string().contains(&urls[1]), "{error}");
}

#[tokio::test]
async fn one_that_turns_out_to_serve_another_chain_is_never_asked() {
    let gone = Fake::start("x", 1, 10).await.stop().await;
    let first = Fake::start("a", 1, 10).await;
    let urls = [first.url(), format!("ws://{gone}")];
    let (nodes, client) = opened(&urls, None).await;
    let other = Fake::start_at(gone, "other", 2, 99).await;
    other.asked(2 * LOOKS).await;
    assert_eq!(who(&client).await, "a");
    // Nor when there is nothing else: it is waited for ours.
    let at = first.stop().await;
    other.asked(2).await;
    assert_eq!(nodes.node(), None);
    let back = Fake::start_at(at, "back", 1, 10).await;
    assert_eq!(who(&client).await, "back");
    // All of them serve another chain: nothing is left to wait for.
    back.stop().await;
    let _changed = Fake::start_at(at, "changed", 3, 10).await;
    let error = loop {
        match client.request::<String>("who", rpc_params![]).await {
            Err(error) if !error.is_disconnected_will_reconnect() => break error.to_string(),
            answer => assert!(answer.is_err(), "{answer:?}"),
        }
    };
    assert!(
        error.contains(&urls[0]) && error.contains("another chain"),
        "{error}"
    );
    assert!(
        matches!(nodes.refusal(), Some(ChainError::WrongGenesis { url, .. }) if url == urls[0])
    );
}

#[tokio::test]
async fn of_an_address_only_the_host_is_shown() {
    for (url, host) in [
        (
            "wss://me:secret@node.example.org:443/secret?key=secret",
            "wss://node.example.org:443",
        ),
        ("ws://127.0.0.1:9944", "ws://127.0.0.1:9944"),
        ("ws://[::1]:9944?secret", "ws://[::1]:9944"),
    ] {
        assert_eq!(shown(url), host);
    }
    // Nor is more of it told by whoever cannot reach it.
    let away = Nodes::open(&["ws://me:secret@127.0.0.1:1/secret"], None, SOON).await;
    let error = away.map(|_| ()).expect_err("nobody listens").to_string();
    assert!(
        error.contains("127.0.0.1:1") && !error.contains("secret"),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_there_is_told_with_all_addresses() {
    let gone = [
        Fake::start("x", 1, 10).await.stop().await,
        Fake::start("y", 1, 10).await.stop().await,
    ];
    let urls = gone.map(|address| format!("ws://{address}"));
    let error = Nodes::open(&urls, None, SOON).await.map(|_| ());
    let error = error.expect_err("nobody is there");
    assert!(error.is_retryable());
    let text = error.to_string();
    assert!(urls.iter().all(|url| text.contains(url)), "{text}");
}

#[test]
fn who_stays_behind_for_too_long_is_left_and_who_catches_up_is_not() {
    let (start, patience) = (Instant::now(), Duration::from_secs(30));
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut behind = None;
    let mut look =
        |own, others, seconds| falls_behind(&mut behind, own, others, at(seconds), patience);
    assert!(!look(Some(10), Some(12), 0));
    // It is still behind, but has come to where the others were.
    assert!(!look(Some(12), Some(14), 29));
    assert!(!look(Some(13), Some(40), 58));
    assert!(look(Some(13), Some(40), 59));
    // Nobody else answers: there is nothing better.
    let mut behind = None;
    let mut look =
        |own, others, seconds| falls_behind(&mut behind, own, others, at(seconds), patience);
    assert!(!look(None, None, 0));
    assert!(!look(None, None, 90));
    assert!(!look(None, Some(0), 91));
    assert!(look(None, Some(0), 121));
}
