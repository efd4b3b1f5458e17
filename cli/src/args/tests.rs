//! The command line as its users type it.

use super::*;
use clap::CommandFactory;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn global_options_may_stand_anywhere() {
    for line in [
        "sungrid --json --node ws://x:1 worker list",
        "sungrid worker list --node ws://x:1 --json",
    ] {
        let cli = Cli::try_parse_from(line.split(' ')).expect("parses");
        assert!(cli.global.json);
        assert_eq!(cli.global.node(), "ws://x:1");
    }
}

#[test]
fn several_nodes_may_be_named() {
    for line in [
        "sungrid --node ws://x:1 --node wss://y worker list",
        "sungrid worker list --node ws://x:1,wss://y",
    ] {
        let cli = Cli::try_parse_from(line.split(' ')).expect("parses");
        assert_eq!(cli.global.nodes(), ["ws://x:1", "wss://y"]);
        assert_eq!(cli.global.node(), "ws://x:1");
    }
}

#[test]
fn a_seed_phrase_is_refused() {
    let phrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
    let error = Cli::try_parse_from(["sungrid", "--key", phrase, "account"]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("does not belong on the command line"),
        "{text}"
    );
}

#[test]
fn sizes_are_width_by_height() {
    assert_eq!(parse_size("32x16"), Ok((32, 16)));
    for bad in ["", "32", "x", "0x1", "-1x2", "1x2x3"] {
        assert!(parse_size(bad).is_err(), "{bad}");
    }
}

/// The commands of the examples in a help text, without what is said about them after a wide gap.
fn examples(help: &str) -> Vec<Vec<String>> {
    let help = help.replace("\\\n", " ");
    let lines = help.lines().filter_map(|line| line.strip_prefix("  "));
    let commands = lines.filter(|line| line.starts_with("sungrid "));
    let commands = commands.flat_map(|line| line.split(" && ")).map(|line| {
        let words = line.split("    ").next().unwrap_or(line).split_whitespace();
        words.map(|word| word.trim_matches('\'').replace("0x…", "0x00"))
    });
    commands.map(Iterator::collect).collect()
}

/// Every command shows in its help how it is called, and what any help shows is taken as it stands: only addresses are put in.
#[test]
fn every_command_has_an_example_that_parses() {
    fn walk(command: &clap::Command, path: &[&str]) {
        let help = command.get_after_help().map(ToString::to_string);
        let examples = examples(&help.unwrap_or_default());
        for words in &examples {
            let address = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
            let words = words.iter().map(|word| match word.as_str() {
                "WORKER" | "ADDRESS" | "NEWKEY" => address,
                word => word,
            });
            let words: Vec<&str> = words.collect();
            if let Err(error) = Cli::try_parse_from(&words) {
                panic!("{}: {error}", words.join(" "));
            }
        }
        let named = |words: &Vec<String>| {
            let mut words = words.iter();
            path.iter().all(|name| words.any(|word| word == name))
        };
        if command.has_subcommands() {
            for below in command.get_subcommands() {
                walk(below, &[path, &[below.get_name()]].concat());
            }
        } else {
            assert!(examples.iter().any(named), "no example of {path:?}");
        }
    }
    walk(&Cli::command(), &[]);
}
