//! `sungrid-worker status` and `top`: the page once, or again and again.

use std::{
    io::{self, IsTerminal},
    path::Path,
    time::Duration,
};

use clap::Args;
use console::Term;

use super::{
    CommandError, Folder,
    page::{self, View},
};
use crate::{
    control,
    machine::Registry,
    metrics::{Status, now_ms},
};

/// Pictures of the past that are kept, to say how fast the worker is now.
const REMEMBERED: usize = 30;

#[derive(Debug, Args)]
pub(super) struct Top {
    #[command(flatten)]
    folder: Folder,
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Print the page once and end, as when the output is no terminal.
    #[arg(long)]
    once: bool,
}

/// Whether colours are wanted: on a terminal, unless the user says no.
fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

fn page(folder: &Path, earlier: Option<&Status>, width: usize) -> (String, Option<Status>) {
    let status = control::status(folder);
    let view = View {
        status: status.as_ref(),
        earlier,
        running: control::is_running(folder),
        others: Registry::of_machine().others(folder).len(),
        now_ms: now_ms(),
    };
    (page::render(&view, width, colours()), status)
}

/// Prints the page once.
pub(super) fn status(folder: &Path, json: bool) -> Result<(), CommandError> {
    let missing = || CommandError::NoStatus(folder.into());
    if json {
        let status = control::status(folder).ok_or_else(missing)?;
        let mut value = serde_json::json!(status);
        value["running"] = control::is_running(folder).into();
        println!("{value}");
        return Ok(());
    }
    let (text, status) = page(folder, None, width());
    if status.is_none() && !control::is_running(folder) {
        return Err(missing());
    }
    print!("{text}");
    Ok(())
}

fn width() -> usize {
    // Whoever reads a file or a pipe has room.
    match Term::stdout().size_checked() {
        Some((_, columns)) if io::stdout().is_terminal() => columns.into(),
        _ => usize::MAX,
    }
}

/// Shows the page until stopped.
pub(super) async fn top(args: Top) -> Result<(), CommandError> {
    let folder = &args.folder.data_dir;
    let terminal = Term::buffered_stdout();
    if args.once || !terminal.is_term() {
        print!("{}", page(folder, None, width()).0);
        return Ok(());
    }
    let mut past: Vec<Status> = Vec::new();
    let show = |past: &mut Vec<Status>| -> io::Result<()> {
        let (text, status) = page(folder, past.first(), width());
        if let Some(status) = status
            && past.last() != Some(&status)
        {
            past.push(status);
            if past.len() > REMEMBERED {
                past.remove(0);
            }
        }
        terminal.clear_screen()?;
        let rows = usize::from(terminal.size().0).saturating_sub(1);
        for line in text.lines().take(rows) {
            terminal.write_line(line)?;
        }
        terminal.write_str("Ctrl-C ends this page; the worker goes on.")?;
        terminal.flush()
    };
    let mut ticks = tokio::time::interval(Duration::from_secs(args.every));
    // One for all rounds: a signal that comes while a page is written is not lost.
    let stop = super::signal();
    tokio::pin!(stop);
    let shown = loop {
        tokio::select! {
            biased;
            () = &mut stop => break Ok(()),
            _ = ticks.tick() => if let Err(error) = show(&mut past) { break Err(error) },
        }
    };
    println!();
    shown.map_err(CommandError::Terminal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_comes_from_what_the_worker_wrote() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(
            status(folder.path(), false),
            Err(CommandError::NoStatus(_))
        ));
        assert!(matches!(
            status(folder.path(), true),
            Err(CommandError::NoStatus(_))
        ));
        let held = control::lock(folder.path()).expect("a worker");
        assert!(page(folder.path(), None, 80).0.contains("is starting"));
        let written = Status {
            worker: "5Grw".into(),
            state: "active".into(),
            ..Status::default()
        };
        let text = serde_json::to_vec(&written).expect("encodes");
        std::fs::write(folder.path().join(control::STATUS_FILE), text).expect("writes");
        let (shown, read) = page(folder.path(), None, 80);
        assert!(shown.contains("5Grw") && shown.contains("ready"), "{shown}");
        assert_eq!(read, Some(written));
        drop(held);
        assert!(page(folder.path(), None, 80).0.contains("stopped"));
        status(folder.path(), false).expect("there is something to show");
    }
}
