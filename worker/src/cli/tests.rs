//! The command line as its users type it.

use clap::CommandFactory;

use super::*;

/// The commands of the examples in a help text, without what is said about them after a wide gap.
fn examples(help: &str) -> Vec<Vec<&str>> {
    let lines = help.lines().filter_map(|line| line.strip_prefix("  "));
    let commands = lines.flat_map(|line| line.split(" && "));
    let commands = commands.filter(|command| command.starts_with("sungrid-worker "));
    let commands = commands.map(|line| line.split("    ").next().unwrap_or(line));
    commands
        .map(|line| line.split_whitespace().collect())
        .collect()
}

/// Every command shows in its help how it is called, and what any help shows is taken as it stands: only addresses and CIDs are put in.
#[test]
fn every_command_has_an_example_that_parses() {
    fn walk(command: &clap::Command, path: &[&str]) {
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let examples = examples(&help);
        for words in &examples {
            let words = words.iter().map(|word| match *word {
                "ADDRESS" => "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
                "bafyr4…" => "bafyr4iarkywjqpgghucn7xfed5hiyb6bqty3zaruxmth3pqgnpcso4q5wa",
                word => word,
            });
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("{path:?}: {error}");
            }
        }
        let named = |words: &Vec<&str>| words[1..].starts_with(path);
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
