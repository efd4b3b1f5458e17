//! What keeps a daemon from starting.

use super::*;

fn neighbour() -> Tenant {
    let config = Config {
        listen: SocketAddr::from(([0, 0, 0, 0], 4_433)),
        ..Config::default()
    };
    tenant(Path::new("/srv/other"), &config, "5Other".into())
}

#[test]
fn the_second_worker_with_a_key_is_refused_and_told_who_is_the_first() {
    check_key("5Own", &[neighbour()]).expect("keys differ");
    let error = check_key("5Other", &[neighbour()]).expect_err("the same key");
    let text = error.to_string();
    assert!(
        text.contains("/srv/other") && text.contains("5Other"),
        "{text}"
    );
}

#[test]
fn a_port_that_a_neighbour_has_is_told_with_its_folder() {
    let taken = || {
        DaemonError::Plane(SpawnError::Bind {
            bind: SocketAddr::from(([0, 0, 0, 0], 4_433)),
            reason: "address in use".into(),
        })
    };
    let at = |port| Config {
        listen: SocketAddr::from(([127, 0, 0, 1], port)),
        ..Config::default()
    };
    let text = explained(taken(), &at(4_433), vec![neighbour()]).to_string();
    assert!(
        text.contains("/srv/other") && text.contains("`listen`"),
        "{text}"
    );
    // Somebody else has it.
    for port in [0, 4_434] {
        let text = explained(taken(), &at(port), vec![neighbour()]).to_string();
        assert!(text.contains("address in use"), "{text}");
    }
}

#[test]
fn peers_are_not_blamed_for_a_limit_of_the_settings() {
    let rate = |download_mbit, lanes, max_batches| {
        fetch_rate(&Config {
            bandwidth_mbit: 8,
            download_mbit,
            lanes,
            max_batches,
            ..Config::default()
        })
    };
    // What is declared limits nothing that comes.
    assert_eq!(rate(0, 64, 256), FETCH_RATE);
    // One megabyte per second, shared by all that may be fetched at once.
    assert_eq!(rate(8, 4, 12), 1_000_000 / 50);
    assert_eq!(rate(8, 1, 1), 1_000_000 / 4);
    assert_eq!(rate(1_000_000, 1, 1), FETCH_RATE);
    assert_eq!(rate(1, 1_000, 1_000), 1, "never nothing");
}
