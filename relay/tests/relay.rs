//! The relay with the parties that use it, and with those that mean it no good, on loopback.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::Path,
    process::Stdio,
    time::Duration,
};

use sungrid_data_plane::{
    Config as PlaneConfig, DataPlane, FetchError, FetchOptions, Hash, PeerAddress,
};
use sungrid_relay::{Config, Error, Relay, Tls};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::Command,
    sync::oneshot,
    task::JoinHandle,
};

fn config() -> Config {
    Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        tls: None,
        discovery: None,
        metrics: None,
        allow: None,
        connections: 64,
        connections_per_address: 64,
        connections_per_party: 4,
        rate: NonZeroU32::MAX,
        establish: Duration::from_secs(10),
    }
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(config: Config) -> Self {
        let relay = Relay::bind(config).await.expect("a relay");
        let address = relay.address().expect("bound");
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(relay.run(async { drop(stopped.await) }));
        Self {
            address,
            stop,
            task,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn stop(self) {
        self.stop.send(()).expect("it runs");
        self.task.await.expect("it ends in order");
    }
}

/// A party at a relay.
async fn party(relay: &str, roots: Option<&Path>) -> DataPlane {
    let mut config = PlaneConfig::memory();
    config.relays = vec![relay.parse().expect("a relay")];
    config.relay_roots = roots.map(Path::to_path_buf);
    DataPlane::spawn(config).await.expect("up")
}

/// The way to a party that is known by its relay only.
fn behind(party: &DataPlane) -> PeerAddress {
    let address = party.address();
    PeerAddress::with_relays(address.id(), [], address.relay().cloned()).expect("it has a relay")
}

#[tokio::test]
async fn who_is_known_by_a_relay_only_is_reached_through_it() {
    let relay = Running::start(config()).await;
    let [server, client] = [
        party(&relay.url(), None).await,
        party(&relay.url(), None).await,
    ];
    assert!(server.relay().expect("configured").connected);
    let content = vec![7; 3 << 20];
    let put = server.put_bytes(content.clone()).await.expect("stored");
    let from = [behind(&server)];
    let got = client
        .fetch(put.hash(), &from, FetchOptions::up_to(4 << 20))
        .await;
    let got = got.expect("fetched");
    let bytes = client
        .get_bytes(got.held.hash(), 4 << 20)
        .await
        .expect("here");
    assert_eq!(bytes, content);
    assert!(client.stats().relayed_bytes > 0, "{:?}", client.stats());
    assert!(client.way(server.endpoint_id()).is_some());

    // The same address is of no use to whom the relay was not configured for: it is neither https nor public.
    let stranger = DataPlane::spawn(PlaneConfig::memory()).await.expect("up");
    let refused = stranger
        .fetch(put.hash(), &from, FetchOptions::up_to(4 << 20))
        .await;
    let Err(FetchError::AllFailed { attempts, .. }) = refused else {
        panic!("{refused:?}");
    };
    let fault = attempts[0].fault.to_string();
    assert!(
        fault.contains(&relay.url()) && fault.contains("is not used"),
        "{fault}"
    );
    assert_eq!(stranger.stats().relayed_bytes, 0);
    for plane in [server, client, stranger] {
        plane.shutdown().await;
    }
    relay.stop().await;
}

#[tokio::test]
async fn an_address_makes_nobody_connect_to_a_private_service() {
    let service = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
    service.set_nonblocking(true).expect("set");
    let port = service.local_addr().expect("bound").port();
    let mut config = PlaneConfig::memory();
    config.connect_timeout = Duration::from_secs(2);
    let victim = DataPlane::spawn(config).await.expect("up");
    let id = sungrid_data_plane::SecretKey::from_bytes(&[5; 32]).public();
    let nothing = Hash::new(b"nothing");
    for url in [
        "https://127.0.0.1",
        "https://localhost",
        "https://[::ffff:127.0.0.1]",
    ] {
        let relay = format!("{url}:{port}").parse().expect("a relay");
        let hostile = PeerAddress::with_relays(id, [], Some(relay)).expect("an address");
        let asked = victim
            .fetch(nothing, &[hostile], FetchOptions::up_to(64))
            .await;
        assert!(asked.is_err());
        let seen = service.accept().map(|(_, from)| from);
        let error = seen.expect_err("nobody knocked").kind();
        assert_eq!(error, std::io::ErrorKind::WouldBlock, "{url}");
    }
    victim.shutdown().await;
}

#[tokio::test]
async fn who_is_not_on_the_list_is_told_so() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let list = dir.path().join("parties");
    std::fs::write(&list, "# nobody yet\n").expect("written");
    let mut config = config();
    config.allow = Some(list);
    let relay = Running::start(config).await;
    let party = party(&relay.url(), None).await;
    let state = party.relay().expect("configured");
    assert!(!state.connected);
    let error = state.error.expect("a reason");
    assert!(error.contains("you are not on it"), "{error}");
    party.shutdown().await;
    relay.stop().await;
}

/// A certificate for localhost in a folder.
fn certificate(dir: &Path) -> Tls {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("made");
    let tls = Tls {
        certificate: dir.join("cert.pem"),
        key: dir.join("key.pem"),
    };
    std::fs::write(&tls.certificate, made.cert.pem()).expect("written");
    std::fs::write(&tls.key, made.signing_key.serialize_pem()).expect("written");
    tls
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_trusted_by_whom_it_was_given_to() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let mut config = config();
    config.tls = Some(certificate(dir.path()));
    let roots = dir.path().join("cert.pem");
    let relay = Running::start(config).await;
    let url = format!("https://localhost:{}", relay.address.port());
    let [server, client] = [
        party(&url, Some(&roots)).await,
        party(&url, Some(&roots)).await,
    ];
    assert!(server.relay().expect("configured").connected);
    let put = server.put_bytes("by tls").await.expect("stored");
    let got = client
        .fetch(put.hash(), &[behind(&server)], FetchOptions::up_to(64))
        .await;
    got.expect("fetched");

    let distrustful = party(&url, None).await;
    let state = distrustful.relay().expect("configured");
    assert!(!state.connected, "{state:?}");
    for plane in [server, client, distrustful] {
        plane.shutdown().await;
    }
    relay.stop().await;
}

#[tokio::test]
async fn connections_of_one_address_are_bounded_and_places_come_back() {
    let mut config = config();
    config.connections_per_address = 3;
    let relay = Running::start(config).await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(relay.address).await.expect("connected");
        // Taken, and not just queued: it is answered.
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n")
            .await
            .expect("sent");
        idle.push(stream);
    }
    let mut fourth = TcpStream::connect(relay.address).await.expect("connected");
    let closed = fourth.read(&mut [0; 1]).await;
    assert!(matches!(closed, Ok(0) | Err(_)), "turned away: {closed:?}");

    idle.pop();
    // As soon as the relay has seen it go.
    let answer = loop {
        let mut next = TcpStream::connect(relay.address).await.expect("connected");
        let mut answer = String::new();
        let asked = next
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            .await;
        if asked.is_ok() && matches!(next.read_to_string(&mut answer).await, Ok(n) if n > 0) {
            break answer;
        }
    };
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("ok, 0 connected"),
        "{answer}"
    );
    relay.stop().await;
}

const UPGRADE: &str = "GET /relay HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-protocol: iroh-relay-v2\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test]
async fn who_floods_pings_is_cut_off() {
    let mut config = config();
    // Not what ends it.
    config.establish = Duration::from_secs(3600);
    let relay = Running::start(config).await;
    let mut stream = TcpStream::connect(relay.address).await.expect("connected");
    stream.write_all(UPGRADE.as_bytes()).await.expect("sent");
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.expect("answered");
    assert_eq!(&head, b"HTTP/1.1 101");
    let flood = [0x89, 0x80, 0, 0, 0, 0].repeat(1000);
    // It may be closed before all is sent.
    drop(stream.write_all(&flood).await);
    let mut heard = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut heard));
    assert!(ended.await.is_ok(), "still open: {} bytes", heard.len());
    relay.stop().await;
}

#[tokio::test]
async fn who_does_not_say_who_it_is_is_given_up() {
    let mut config = config();
    config.establish = Duration::from_millis(300);
    let relay = Running::start(config).await;
    // Silent from the beginning, in the middle of a request, and after the challenge.
    for said in ["", &UPGRADE[..40], UPGRADE] {
        let mut stream = TcpStream::connect(relay.address).await.expect("connected");
        stream.write_all(said.as_bytes()).await.expect("sent");
        let mut heard = Vec::new();
        // Ends when the relay closes the connection, or never.
        drop(stream.read_to_end(&mut heard).await);
        if said == UPGRADE {
            let heard = String::from_utf8_lossy(&heard);
            assert!(heard.starts_with("HTTP/1.1 101"), "{heard}");
            assert!(
                heard.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
                "RFC 6455, 1.3: {heard}"
            );
        }
    }
    relay.stop().await;
}

#[tokio::test]
async fn requests_that_make_no_sense_are_answered_and_do_no_harm() {
    let relay = Running::start(config()).await;
    for (request, status) in [
        ("GET /relay HTTP/1.1\r\nhost: x\r\n\r\n", "400"),
        (
            "GET /relay HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\n\r\n",
            "400",
        ),
        ("GET /../../etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n", "404"),
        (
            "POST /relay HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
            "404",
        ),
        ("\0\0\0\0\r\n\r\n", "400"),
    ] {
        let mut stream = TcpStream::connect(relay.address).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(answer.get(9..12), Some(status), "{request:?}: {answer}");
    }
    relay.stop().await;
}

#[tokio::test]
async fn one_party_has_so_many_connections() {
    let mut config = config();
    config.connections_per_party = 1;
    let relay = Running::start(config).await;
    let first = party(&relay.url(), None).await;
    assert!(first.relay().expect("configured").connected);
    let mut twin = PlaneConfig::memory();
    twin.relays = vec![relay.url().parse().expect("a relay")];
    twin.secret_key = Some(sungrid_data_plane::SecretKey::from_bytes(&[3; 32]));
    let other = DataPlane::spawn(twin.clone()).await.expect("up");
    assert!(
        other.relay().expect("configured").connected,
        "another party"
    );
    let copy = DataPlane::spawn(twin).await.expect("up");
    let state = copy.relay().expect("configured");
    assert!(!state.connected);
    let error = state.error.expect("a reason");
    assert!(error.contains("too many connections"), "{error}");
    for plane in [first, other, copy] {
        plane.shutdown().await;
    }
    relay.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_said_at_the_start() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let good = certificate(dir.path());
    let text = |name: &str, content: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    };
    let other = tempfile::tempdir().expect("temporary folder");
    let other = certificate(other.path());
    for (certificate, key, named) in [
        (
            dir.path().join("missing.pem"),
            good.key.clone(),
            "missing.pem",
        ),
        (
            good.certificate.clone(),
            dir.path().join("missing.pem"),
            "missing.pem",
        ),
        (
            text("empty.pem", ""),
            good.key.clone(),
            "no certificate in it",
        ),
        (
            good.certificate.clone(),
            text("noise.pem", "noise"),
            "noise.pem",
        ),
        (good.certificate.clone(), other.key.clone(), "key.pem"),
    ] {
        let mut config = config();
        config.tls = Some(Tls { certificate, key });
        let Err(error) = Relay::bind(config).await else {
            panic!("{named} was taken");
        };
        assert!(matches!(error, Error::Certificate { .. }), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
}

/// The program, until it says that it is up.
async fn program(args: &[&str]) -> (tokio::process::Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sungrid-relay"))
        .args(args)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let mut said = String::new();
    while let Some(line) = lines.next_line().await.expect("readable") {
        said += &line;
        if line.contains("relay is up") {
            break;
        }
    }
    // What it says later must not meet a closed pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, said)
}

#[cfg(unix)]
#[tokio::test]
async fn the_program_serves_explains_itself_and_ends_in_order() {
    let help = Command::new(env!("CARGO_BIN_EXE_sungrid-relay"))
        .arg("--help")
        .output()
        .await
        .expect("runs");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(help.contains("Example") && help.contains("--cert") && help.contains("--http"));

    let (mut careless, said) = program(&[]).await;
    assert_eq!(careless.wait().await.expect("ends").code(), Some(2));
    assert!(said.contains("--cert <FILE>|--http"), "{said}");

    let args = ["--http", "--listen", "127.0.0.1:0"];
    let (mut child, said) = program(&args).await;
    let at = said.split("address=").nth(1).expect("an address");
    let at = at.split_whitespace().next().expect("an address");
    let plain: String = at
        .chars()
        .filter(|c| c.is_ascii_digit() || ".:".contains(*c))
        .collect();
    let party = party(&format!("http://{plain}"), None).await;
    assert!(party.relay().expect("configured").connected, "{said}");

    let (mut second, said) = program(&["--http", "--listen", &plain]).await;
    assert_eq!(second.wait().await.expect("ends").code(), Some(1));
    assert!(said.contains(&plain) && said.contains("--listen"), "{said}");

    let pid = child.id().expect("it runs").to_string();
    let killed = Command::new("kill").args(["-TERM", &pid]).status().await;
    assert!(killed.expect("told").success());
    assert_eq!(child.wait().await.expect("ends").code(), Some(0));
    party.shutdown().await;
}

#[tokio::test]
async fn a_relay_that_is_away_holds_nobody_up_and_stays_in_the_address() {
    // Bound and dropped: nobody answers there.
    let gone = Running::start(config()).await;
    let url = gone.url();
    gone.stop().await;
    let lonely = party(&url, None).await;
    assert!(!lonely.relay().expect("configured").connected);
    let address = lonely.address();
    assert_eq!(address.relay().map(ToString::to_string), Some(url));
    assert!(!address.direct().is_empty());
    let put = lonely.put_bytes("still here").await.expect("stored");
    let other = DataPlane::spawn(PlaneConfig::memory()).await.expect("up");
    let got = other
        .fetch(put.hash(), &[address], FetchOptions::up_to(64))
        .await;
    got.expect("directly");
    lonely.shutdown().await;
    other.shutdown().await;
}

#[tokio::test]
async fn when_a_relay_dies_parties_go_on_through_another() {
    let relays = [
        Running::start(config()).await,
        Running::start(config()).await,
    ];
    let urls = relays.each_ref().map(Running::url);
    let party = async || {
        let mut config = PlaneConfig::memory();
        config.relays = urls
            .iter()
            .map(|url| url.parse().expect("a relay"))
            .collect();
        DataPlane::spawn(config).await.expect("up")
    };
    let [server, client] = [party().await, party().await];
    let fetch = async |content: &str| {
        let put = server.put_bytes(content.to_owned()).await.expect("stored");
        let from = [behind(&server)];
        let got = client
            .fetch(put.hash(), &from, FetchOptions::up_to(64))
            .await;
        got.map(drop)
    };
    fetch("before").await.expect("fetched");
    // What stands in the order of a job, which nobody can change.
    let ordered = server.address();
    let ordered = PeerAddress::with_relays(ordered.id(), [], ordered.relays().to_vec());
    let ordered = ordered.expect("it has relays");
    assert_eq!(ordered.relays().len(), 2);
    // GIVEN parties that know each other by their relay alone
    let home = server.relay().expect("configured").relay;
    let (mut dead, mut alive) = (None, None);
    for relay in relays {
        match relay.url() == home.to_string() {
            true => dead = Some(relay),
            false => alive = Some(relay),
        }
    }
    // WHEN that one dies
    dead.expect("one of them").stop().await;
    let alive = alive.expect("the other one");
    // THEN the party finds another, and says so in its address
    let other = loop {
        let state = server.relay().expect("configured");
        if state.connected && state.relay != home {
            break state.relay;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(other.to_string(), alive.url());
    assert_eq!(server.address().relay(), Some(&other));
    fetch("afterwards").await.expect("fetched");
    // AND who knows its first address alone, and was not connected before, gets there by the second relay that it names.
    let late = party().await;
    let put = server.put_bytes("by the order").await.expect("stored");
    let from = [ordered];
    let got = late.fetch(put.hash(), &from, FetchOptions::up_to(64));
    got.await.expect("fetched");
    late.shutdown().await;
    for plane in [server, client] {
        plane.shutdown().await;
    }
    alive.stop().await;
}
