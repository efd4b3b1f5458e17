//! What settings are taken and what is refused.

use super::*;
use sungrid_idle::Mode;

fn declared() -> Declared {
    Declared {
        jurisdiction: "DE".into(),
        ..Declared::default()
    }
}

#[test]
fn settings_round_trip_and_unknown_ones_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config {
        operator: Some("//Bob".into()),
        genesis: Some(H256::repeat_byte(3)),
        declared: declared(),
        ..Config::default()
    };
    let path = folder.path().join(FILE);
    assert!(matches!(
        Config::load(folder.path()),
        Err(ConfigError::Read { .. })
    ));
    std::fs::write(&path, config.to_text().expect("encodes")).expect("writes");
    assert_eq!(Config::load(folder.path()).expect("loads"), config);
    std::fs::write(&path, "lane = 3").expect("writes");
    let error = Config::load(folder.path()).expect_err("a typo").to_string();
    assert!(error.contains("did you mean `lanes`?"), "{error}");
}

#[test]
fn the_machine_is_its_owners_until_he_says_otherwise() {
    let folder = tempfile::tempdir().expect("a folder");
    let load = |text: &str| {
        let text = format!("{text}\n[declared]\njurisdiction = \"DE\"");
        std::fs::write(folder.path().join(FILE), text).expect("writes");
        Config::load(folder.path())
    };
    let mode = |text: &str| load(text).expect("loads").idle.mode;
    assert_eq!(mode(""), Mode::Desktop);
    assert_eq!(Config::default().idle.mode, Mode::Desktop);
    assert_eq!(mode("[idle]\nmode = \"always\""), Mode::Always);
    assert_eq!(mode("[idle]\nstart_after_s = 600"), Mode::Desktop);
    assert_eq!(mode("[idle]\nmode = \"server\""), Mode::Server);
    for (text, names) in [
        ("node_patience_s = 9", "node_patience_s"),
        ("[idle]\nresume_after_s = 1", "resume_after_s"),
        ("[idle]\nmax_cpu = 1", "max_cpu"),
        ("[idle]\nhours = [\"at night\"]", "at night"),
        ("[idle]\nmode = \"laptop\"", "laptop"),
    ] {
        let error = load(text).expect_err(text).to_string();
        assert!(error.contains(names), "{error}");
    }
}

#[test]
fn a_wrong_jurisdiction_is_refused() {
    for code in ["", "de", "XX", "DEU"] {
        let mut config = Config::default();
        config.declared.jurisdiction = code.into();
        assert!(config.attributes().is_err(), "{code}");
    }
    let mut config = Config {
        declared: declared(),
        ..Config::default()
    };
    assert!(config.attributes().is_ok());
    config.declared.region = "x".repeat(33);
    assert!(config.attributes().is_err());
}

#[test]
fn what_the_operator_does_not_say_is_not_made_up() {
    // Not a country, though there must be one ...
    let error = Config::default().attributes().expect_err("no country");
    assert!(error.to_string().contains("in which country"), "{error}");
    // ... and no clean power.
    let mut config = Config {
        declared: declared(),
        ..Config::default()
    };
    let carbon = |config: &Config| config.attributes().expect("fine").carbon;
    assert_eq!(carbon(&config), CARBON_UNKNOWN);
    config.declared.carbon = Some(0);
    assert_eq!(carbon(&config), 0);
    // Nor does a limit of the worker's own hold by silence.
    config.schedule.carbon_max = Some(200);
    assert!(config.schedule.rules(Some(100)).is_ok());
    let error = config.schedule.rules(None).expect_err("nothing tells");
    assert!(error.to_string().contains("declared.carbon"), "{error}");
}

#[test]
fn a_relay_that_is_none_is_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let load = |relays: &str| {
        let config = Config {
            declared: declared(),
            ..Config::default()
        };
        let text = config.to_text().expect("text");
        let text = text.replacen("relays = []", &format!("relays = [{relays}]"), 1);
        assert!(text.contains(relays), "{text}");
        std::fs::write(folder.path().join(FILE), text).expect("written");
        Config::load(folder.path())
    };
    let config = load("\"https://relay.example.org\", \"http://127.0.0.1:3340\"").expect("fine");
    assert_eq!(config.relays().expect("fine").len(), 2);
    let error = load("\"relay.example.org\"")
        .expect_err("no URL")
        .to_string();
    assert!(
        error.contains("relays") && error.contains("https://HOST"),
        "{error}"
    );
}

#[test]
fn a_worker_serves_the_classes_that_are_listed() {
    let text =
        "[declared]\njurisdiction = \"DE\"\nclasses = [\"science\", \"rendering\", \"science\"]";
    let mut config: Config = toml::from_str(text).expect("known classes");
    let served = config.attributes().expect("some are listed").classes;
    assert_eq!(served.to_vec(), [TaskClass::Rendering, TaskClass::Science]);
    config.declared.classes.clear();
    assert!(config.attributes().is_err());
    assert!(toml::from_str::<Config>("[declared]\nclasses = [\"mining\"]").is_err());
    let all = Config {
        declared: declared(),
        ..Config::default()
    };
    let all = all.attributes().expect("the default serves all");
    assert_eq!(all.classes.to_vec(), TaskClass::ALL);
}

#[test]
fn what_is_zero_follows_the_machine() {
    let config = Config::default();
    assert!(config.lanes() >= 1 && config.max_batches() >= 8);
    assert!(config.unit_memory() > 0 && config.unit_memory() <= 4 << 30);
}
