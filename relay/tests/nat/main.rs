//! Parties behind NAT, in network namespaces of their own: what a relay is for. `scripts/nat` runs them.
#![cfg(target_os = "linux")]

mod spaces;

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use spaces::{Nat, PUBLIC, Space, World};
use sungrid_data_plane::{
    Attempt, Config as PlaneConfig, DataPlane, FetchError, FetchOptions, Hash, PeerAddress,
    PeerFault, Way,
};
use sungrid_relay::{Config, DISCOVERY_PORT, Relay, Tls};

const SIZE: usize = 8 << 20;

/// `size` bytes that do not repeat and differ by `seed`.
fn bytes(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = (0..size.div_ceil(8)).flat_map(|_| {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(size).collect()
}

/// A relay on the public network, with a certificate for its address.
struct Served {
    folder: tempfile::TempDir,
}

impl Served {
    fn start(space: &Space) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let made = rcgen::generate_simple_self_signed(vec![PUBLIC.into()]).expect("made");
        let tls = Tls {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        };
        std::fs::write(&tls.certificate, made.cert.pem()).expect("written");
        std::fs::write(&tls.key, made.signing_key.serialize_pem()).expect("written");
        let at = |port| SocketAddr::new(PUBLIC.parse().expect("an address"), port);
        let config = Config {
            listen: at(443),
            tls: Some(tls),
            discovery: Some(at(DISCOVERY_PORT)),
            metrics: None,
            allow: None,
            connections: 16,
            connections_per_address: 16,
            connections_per_party: 4,
            rate: NonZeroU32::MAX,
            establish: sungrid_relay::ESTABLISH,
        };
        space.wait(async {
            let relay = Relay::bind(config).await.expect("a relay");
            tokio::spawn(relay.run(std::future::pending()));
        });
        Self { folder }
    }

    fn roots(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }
}

/// A party in a home, at the relay if there are roots to know it by.
fn party(space: &Space, roots: Option<&Path>) -> DataPlane {
    let mut config = PlaneConfig::memory();
    config.bind = SocketAddr::from(([0, 0, 0, 0], 0));
    config.connect_timeout = Duration::from_secs(5);
    if let Some(roots) = roots {
        config.relays = vec![format!("https://{PUBLIC}").parse().expect("a relay")];
        config.relay_roots = Some(roots.into());
    }
    space.wait(async { DataPlane::spawn(config).await.expect("up") })
}

fn put(space: &Space, plane: &DataPlane, content: Vec<u8>) -> Hash {
    let plane = plane.clone();
    space.wait(async move {
        let held = plane.put_bytes(content).await.expect("stored");
        plane.pin("it", held.hash()).await.expect("pinned");
        held.hash()
    })
}

/// Fetches, and reads what came.
fn get(
    space: &Space,
    plane: &DataPlane,
    hash: Hash,
    from: PeerAddress,
) -> Result<(Vec<u8>, Duration), Vec<Attempt>> {
    let plane = plane.clone();
    space.wait(async move {
        let began = Instant::now();
        let options = FetchOptions::up_to(256 << 20);
        let fetched = match plane.fetch(hash, &[from], options).await {
            Ok(fetched) => fetched,
            Err(FetchError::AllFailed { attempts, .. }) => return Err(attempts),
            Err(other) => panic!("{other}"),
        };
        let took = began.elapsed();
        let bytes = plane.get_bytes(fetched.held.hash(), 256 << 20).await;
        Ok((bytes.expect("here").to_vec(), took))
    })
}

#[test]
#[ignore = "needs network namespaces and nftables: scripts/nat"]
fn without_a_relay_two_homes_do_not_reach_each_other() {
    let world = World::new(Nat::Cone);
    let [server, client] = [party(&world.a, None), party(&world.b, None)];
    let hash = put(&world.a, &server, bytes(1000, 1));
    let address = server.address();
    assert!(address.to_string().contains("@192.168.1.2:"), "{address}");
    let attempts = get(&world.b, &client, hash, address).expect_err("there is no way");
    let PeerFault::Unreachable(reason) = &attempts[0].fault else {
        panic!("{attempts:?}");
    };
    assert!(reason.contains("no answer within 5s"), "{reason}");
    assert_eq!(client.stats().fetched_bytes, 0);
}

#[test]
#[ignore = "needs network namespaces and nftables: scripts/nat"]
fn through_a_relay_they_do_whatever_their_routers_do() {
    let world = World::new(Nat::Symmetric);
    let relay = Served::start(&world.public);
    let roots = relay.roots();
    let [server, client] = [party(&world.a, Some(&roots)), party(&world.b, Some(&roots))];
    let state = server.relay().expect("configured");
    assert!(state.connected, "{state:?}");
    let address = server.address();
    // The address that the router shows is of no use to others, and changes: it has no place on chain.
    assert!(!address.to_string().contains("203.0.113.2"), "{address}");
    assert_eq!(address.relay(), Some(&state.relay));

    let content = bytes(SIZE, 2);
    let hash = put(&world.a, &server, content.clone());
    let (got, took) = get(&world.b, &client, hash, address).expect("fetched");
    assert!(got == content, "the right bytes");
    assert_eq!(client.way(server.endpoint_id()), Some(Way::Relayed));
    let stats = client.stats();
    assert!(stats.relayed_bytes > SIZE as u64, "{stats:?}");
    println!(
        "relayed: {:.1} MB/s",
        SIZE as f64 / took.as_secs_f64() / 1e6
    );
}

#[test]
#[ignore = "needs network namespaces and nftables: scripts/nat"]
fn where_routers_keep_ports_they_get_through_directly() {
    let world = World::new(Nat::Cone);
    let relay = Served::start(&world.public);
    let roots = relay.roots();
    let [server, client] = [party(&world.a, Some(&roots)), party(&world.b, Some(&roots))];
    let address = server.address();
    // The first packets go through the relay; then both sides try. nextest ends this if they never get through.
    let mut seed = 3;
    loop {
        let content = bytes(100_000, seed);
        let hash = put(&world.a, &server, content.clone());
        let (got, _) = get(&world.b, &client, hash, address.clone()).expect("fetched");
        assert!(got == content, "the right bytes");
        if client.way(server.endpoint_id()) == Some(Way::Direct) {
            break;
        }
        seed += 1;
    }
    let before = client.stats();
    let content = bytes(SIZE, 4);
    let hash = put(&world.a, &server, content.clone());
    let (got, took) = get(&world.b, &client, hash, address).expect("fetched");
    assert!(got == content, "the right bytes");
    let after = client.stats();
    let direct = after.direct_bytes - before.direct_bytes;
    assert!(direct > SIZE as u64, "{before:?} {after:?}");
    println!("direct: {:.1} MB/s", SIZE as f64 / took.as_secs_f64() / 1e6);
}
