//! What is counted, and how it is shown.

use std::collections::BTreeSet;

use super::*;

#[test]
fn the_text_is_prometheus() {
    let metrics = Metrics::default();
    metrics.claimed();
    metrics.block(7);
    let text = metrics.text();
    assert!(
        text.contains(
            "# TYPE sungrid_worker_claims_total counter\nsungrid_worker_claims_total 1\n"
        )
    );
    assert!(text.contains("# TYPE sungrid_worker_best_block gauge\nsungrid_worker_best_block 7\n"));
    assert_eq!(metrics.status().block, 7);
}

/// What the dashboard does not show, and why.
const NOT_SHOWN: [(&str, &str); 5] = [
    ("idle", "the table of reasons shows it with the reason"),
    ("lanes", "a setting"),
    ("state", "`active` says what there is to do about"),
    (
        "accepted_units",
        "the chain's count of what units a minute show",
    ),
    ("missed", "the chain's count of what missed deadlines show"),
];

/// Every metric that the text has when everything is known.
fn exposed() -> BTreeSet<String> {
    let metrics = Metrics::default();
    metrics.temperature(Some(50));
    let text = metrics.text();
    text.lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

/// The metrics of ours that a file names.
fn named(path: &str) -> BTreeSet<String> {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.split(|letter| !is_name(letter))
        .filter(|word| word.starts_with("sungrid_worker_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn dashboard_and_alerts_name_metrics_that_exist() {
    let exposed = exposed();
    assert!(exposed.len() > 30, "{exposed:?}");
    for path in [
        "packaging/grafana/sungrid-worker.json",
        "packaging/prometheus/alerts.yml",
    ] {
        let named = named(path);
        assert!(!named.is_empty(), "{path} names no metric of ours");
        let missing: Vec<_> = named.difference(&exposed).collect();
        assert!(missing.is_empty(), "{path} names {missing:?}");
    }
    let dashboard = "packaging/grafana/sungrid-worker.json";
    let shown = named(dashboard);
    let not_shown = NOT_SHOWN.map(|(name, _)| format!("sungrid_worker_{name}"));
    for metric in &exposed {
        assert!(
            shown.contains(metric) != not_shown.contains(metric),
            "{metric} is to be on the dashboard, or in NOT_SHOWN with a reason"
        );
    }
    for metric in &not_shown {
        assert!(exposed.contains(metric), "{metric} does not exist any more");
    }
    let path = format!("{}/../{dashboard}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(&path).expect("the dashboard");
    let board: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    assert!(board["panels"].as_array().is_some_and(|all| all.len() > 5));
}

#[test]
fn a_block_is_published_when_all_is_noted_of_it() {
    let metrics = Metrics::default();
    let mut blocks = metrics.blocks();
    metrics.block(7);
    metrics.in_hand(1, 2, 3);
    assert!(!blocks.has_changed().expect("it lives"));
    metrics.publish();
    assert_eq!(*blocks.borrow_and_update(), 7);
    assert_eq!(metrics.status().computing, 1);
}

#[test]
fn facts_are_added_changed_and_taken_away_in_order() {
    let metrics = Metrics::default();
    metrics.fact("isolation", "process, cgroup");
    metrics.fact("policy", "waits for the owner");
    metrics.fact("isolation", "process");
    metrics.fact("nothing", "");
    let shown = |metrics: &Metrics| -> Vec<String> {
        let facts = metrics.status().facts.into_iter();
        facts
            .map(|fact| format!("{}: {}", fact.name, fact.text))
            .collect()
    };
    assert_eq!(
        shown(&metrics),
        ["isolation: process", "policy: waits for the owner"]
    );
    metrics.fact("isolation", "");
    assert_eq!(shown(&metrics), ["policy: waits for the owner"]);
}

#[test]
fn labels_cannot_break_the_text() {
    let metrics = Metrics::default();
    metrics.idle_reason("the \"disk\"\nis C:\\full");
    let text = metrics.text();
    let line = text
        .lines()
        .find(|line| line.starts_with("sungrid_worker_idle_reason{"))
        .expect("the reason");
    assert_eq!(
        line,
        r#"sungrid_worker_idle_reason{reason="the \"disk\"\nis C:\\full"} 1"#
    );
}

#[test]
fn a_status_of_another_version_can_still_be_read() {
    let old = r#"{"pid": 7, "block": 9, "counters": [["units_total", 3]], "news": 1}"#;
    let status: Status = serde_json::from_str(old).expect("reads");
    assert_eq!((status.pid, status.block), (7, 9));
    assert_eq!(status.counters, [("units_total".to_owned(), 3)]);
}
