//! What the docs claim of the policies, on fixed seeds.

use super::*;

const HOURS: u32 = 3;

fn rows() -> Vec<Row> {
    sweep(&Scenario::all(), 1, 2, HOURS)
}

fn of<'a>(rows: &'a [Row], scenario: &str, policy: &str) -> &'a Row {
    let row = rows
        .iter()
        .find(|row| row.scenario == scenario && row.policy == policy);
    row.expect("each policy plays each scenario")
}

#[test]
fn the_policies_compare_as_documented() {
    let rows = rows();
    let income = |scenario: &str, policy: &str| of(&rows, scenario, policy).income();
    for scenario in Scenario::all() {
        let name = scenario.name;
        let [first, greedy, learned] = POLICIES.map(|(policy, _)| income(name, policy));
        assert!(
            first < 0.9 * greedy,
            "{name}: first-come {first}, greedy {greedy}"
        );
        // It may lose a little where there is nothing to learn, or where it is careful.
        assert!(
            learned > 0.85 * greedy,
            "{name}: learned {learned}, greedy {greedy}"
        );
    }
    let gain = |scenario| income(scenario, "learned") / income(scenario, "greedy");
    // Where limits say all there is to know, the two are as good as each other.
    assert!((0.95..1.05).contains(&gain("honest")), "{}", gain("honest"));
    // Where they do not, experience pays.
    assert!(gain("uneven") > 1.1, "{}", gain("uneven"));
    assert!(gain("unpaid") > 1.03, "{}", gain("unpaid"));
    assert!(gain("recorded") > 1.0, "{}", gain("recorded"));
    // A program's first batch teaches nothing about it.
    assert!(gain("newcomers") < 1.1, "{}", gain("newcomers"));
    // A machine that its owner needs is slower than it was measured: who learns that misses less.
    let missed = |policy| of(&rows, "owner", policy).outcome.missed;
    assert!(missed("learned") < missed("greedy"));
    assert!(missed("learned") < missed("first-come"));
}

#[test]
fn own_power_only_buys_next_to_nothing_whatever_the_policy() {
    let mut scenarios = Scenario::all();
    scenarios.retain(|scenario| ["boasters", "sun"].contains(&scenario.name));
    let rows = sweep(&scenarios, 1, 2, HOURS);
    for (policy, _) in POLICIES {
        let free = of(&rows, "boasters", policy).outcome;
        let bound = of(&rows, "sun", policy).outcome;
        assert!(bound.paid > 0 && bound.energy < free.energy, "{policy}");
        // What was begun is finished when a cloud comes.
        assert!(bound.bought < 0.1 * bound.energy, "{policy}: {bound:?}");
        assert!(bound.bought < 0.5 * free.bought, "{policy}: {bound:?}");
    }
}

#[test]
fn a_seed_gives_the_same_figures_and_another_one_others() {
    let scenario = &Scenario::all()[0];
    for (_, policy) in POLICIES {
        let play = |seed| world::play(scenario, policy, seed, 1);
        assert_eq!(play(7), play(7));
        assert_ne!(play(7), play(8));
    }
}

#[test]
fn the_picture_has_a_bar_for_each_run_in_each_panel() {
    let scenarios = Scenario::all();
    let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name).collect();
    let rows = sweep(&scenarios, 1, 1, 1);
    let svg = plot::draw(&rows, &names, "");
    // And one for the paper.
    assert_eq!(svg.matches("<rect").count(), 3 * rows.len() + 1);
    for row in &rows {
        assert!(row.to_json()["income_planck"].is_string());
    }
}
