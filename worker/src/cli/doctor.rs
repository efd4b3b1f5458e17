//! `sungrid-worker doctor`: looks at everything that keeps a worker from work, and says what to do about it.
//!
//! [`facts`] gathers what there is to know; [`checks`] judges it, each check by itself.

mod checks;
mod facts;

use std::{io::IsTerminal, process::ExitCode};

use clap::Args;
use serde::Serialize;

use super::Folder;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    folder: Folder,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    /// As it should be.
    Ok,
    /// Could not be looked at, for a reason that another check tells.
    Skipped,
    /// It works, but somebody should look.
    Warn,
    /// The worker cannot work like that.
    Fail,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    level: Level,
    /// What is the case.
    text: String,
    /// What to do; empty if there is nothing to do.
    fix: String,
}

/// The judgement of one check, without its name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Verdict(Level, String, String);

impl Verdict {
    fn ok(text: impl Into<String>) -> Self {
        Self(Level::Ok, text.into(), String::new())
    }

    fn skipped(because: impl Into<String>) -> Self {
        Self(Level::Skipped, because.into(), String::new())
    }

    fn warn(text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self(Level::Warn, text.into(), fix.into())
    }

    fn fail(text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self(Level::Fail, text.into(), fix.into())
    }
}

/// Runs all checks. The exit code is a failure if one of them fails.
pub(super) async fn doctor(args: Doctor) -> ExitCode {
    let facts = facts::gather(&args.folder.data_dir).await;
    let findings = checks::all(&facts);
    let worst = findings.iter().map(|finding| finding.level).max();
    let well = worst < Some(Level::Fail);
    if args.json {
        println!("{}", serde_json::json!({ "ok": well, "checks": findings }));
    } else {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        print!("{}", text(&findings, colours));
    }
    match well {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn text(findings: &[Finding], colours: bool) -> String {
    let mut text = String::new();
    for finding in findings {
        let (word, colour) = match finding.level {
            Level::Ok => ("ok", 32),
            Level::Skipped => ("-", 0),
            Level::Warn => ("warn", 33),
            Level::Fail => ("FAIL", 31),
        };
        let word = match colours {
            true => format!("\x1b[{colour}m{word:5}\x1b[0m"),
            false => format!("{word:5}"),
        };
        text += &format!("{word} {:12} {}\n", finding.check, finding.text);
        if !finding.fix.is_empty() {
            text += &format!("{:19}-> {}\n", "", finding.fix);
        }
    }
    let count = |level| {
        findings
            .iter()
            .filter(|finding| finding.level == level)
            .count()
    };
    let (failed, warned) = (count(Level::Fail), count(Level::Warn));
    text += &match (failed, warned) {
        (0, 0) => "\nall is well\n".to_owned(),
        _ => format!("\n{failed} failed, {warned} to look at\n"),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_names_each_check_and_its_fix() {
        let finding = |check, Verdict(level, text, fix): Verdict| Finding {
            check,
            level,
            text,
            fix,
        };
        let findings = [
            finding("settings", Verdict::ok("worker.toml is fine")),
            finding("key", Verdict::warn("it is plain", "encrypt it")),
            finding("node", Verdict::fail("nobody answers", "start the node")),
            finding("clock", Verdict::skipped("no node")),
        ];
        let expected = "\
ok    settings     worker.toml is fine
warn  key          it is plain
                   -> encrypt it
FAIL  node         nobody answers
                   -> start the node
-     clock        no node

1 failed, 1 to look at
";
        assert_eq!(text(&findings, false), expected);
        assert!(text(&findings, true).contains("\x1b[31mFAIL \x1b[0m node"));
        assert!(text(&findings[..1], false).ends_with("all is well\n"));
        let json = serde_json::json!(findings);
        assert_eq!(json[2]["level"], "fail");
        assert_eq!(json[2]["fix"], "start the node");
    }
}
