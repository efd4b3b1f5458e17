//! Orders beyond a single job, and who stakes on those who serve them.

use serde_json::Value;
use sungrid_e2e::{Node, Requester, Worker, guest};

/// A bid that is raised before anybody works, a job whose units read what another one left, a series of two, and somebody who
/// delegated to a worker and shares what it earns.
#[test]
fn jobs_are_raised_chained_and_repeated_and_a_pool_shares_the_income() {
    let node = Node::dev();
    let requester = Requester::new(&node, "//Eve");
    let wasm = guest("hello-rust");
    let published = requester.json(&["image", "publish", wasm.to_str().expect("a plain path")]);
    let image = published["image"].as_str().expect("its CID").to_owned();

    // Raised while nobody works: as much more is held, and no bid is lowered.
    let job = requester.order(&image);
    let before = requester.held();
    let raised = requester.json(&["job", "raise", &job, "--price", "0.5"]);
    let added = raised["added_planck"].as_u64().expect("an amount");
    assert!(added > 0 && requester.held() == before + added, "{raised}");
    let lower = requester.refused(&["job", "raise", &job, "--price", "0.2"]);
    assert!(lower.contains("raised"), "{lower}");

    let mut bob = Worker::start(&node, "//Bob");
    let _charlie = Worker::start(&node, "//Charlie");
    let stake = Stake::open(&node);
    let watched = requester.json(&["job", "watch", &job]);
    assert_eq!(watched["verified"], 3, "{watched}");

    // Workers fetch what the first job left from those who made it. A job after none that exists is refused.
    let after = [
        "job",
        "submit",
        "--image",
        &image,
        "--policy",
        "replicate:2",
    ];
    let chained = [&after[..], &["--units", "3", "--after", &job]].concat();
    let chained = requester.json(&chained);
    assert_eq!(chained["verified"], 3, "{chained}");
    let nothing = [&after[..], &["--units", "3", "--after", "99"]].concat();
    let nothing = requester.refused(&nothing);
    assert!(nothing.contains("no job of the number"), "{nothing}");

    // The first of a series starts at once, the second after as long as it says.
    let series = [
        &after[..],
        &["--units", "1", "--every", "60s", "--times", "2"],
    ]
    .concat();
    let series = requester.json(&series);
    let jobs = series["jobs"].as_array().expect("a list of jobs");
    assert_eq!(jobs.len(), 2, "{series}");
    assert!(jobs.iter().all(|job| job["verified"] == 1), "{series}");

    // The round has closed once an operator has been paid.
    bob.process().wait_for("rewards claimed");
    stake.earned();
}

/// What Ferdie staked on Bob's worker.
struct Stake<'a> {
    ferdie: Requester<'a>,
    pool: String,
}

impl<'a> Stake<'a> {
    fn open(node: &'a Node) -> Self {
        let (bob, ferdie) = (
            Requester::new(node, "//Bob"),
            Requester::new(node, "//Ferdie"),
        );
        let operator = bob.json(&["account"])["account"].clone();
        let workers = bob.json(&["worker", "list"]);
        let all = workers.as_array().expect("a list of workers");
        let its = all.iter().find(|worker| worker["operator"] == operator);
        let worker = its.expect("it is registered")["worker"].as_str();
        let worker = worker.expect("its key");
        let open = ["pool", "open", worker, "--commission", "10"];
        let stranger = ferdie.refused(&open);
        assert!(stranger.contains("operator"), "{stranger}");
        let pool = bob.json(&open)["pool"].to_string();
        ferdie.json(&["pool", "delegate", &pool, "100"]);
        let list = ferdie.json(&["pool", "list"]);
        assert_eq!(
            list[0]["delegated_planck"], 100_000_000_000_000_u64,
            "{list}"
        );
        Self { ferdie, pool }
    }

    /// Its share of the income can be taken out: what was shown, unless another round has closed meanwhile.
    fn earned(&self) {
        let income = |value: Value| value["income_planck"].as_u64().expect("an amount");
        let due = income(self.ferdie.json(&["pool", "show", &self.pool]));
        let claimed = income(self.ferdie.json(&["pool", "claim", &self.pool]));
        assert!(
            due > 0 && claimed >= due && claimed < 2 * due,
            "{claimed} of {due}"
        );
    }
}
