//! A job's progress on a terminal, in a log, or for programs.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    output::Output,
    requester::{BatchNews, Known, Progress, Step as BatchStep, Update},
    units,
};

/// Something that takes a while on this machine: a sign of life on a terminal, a line in a log.
pub struct Step(Option<ProgressBar>);

impl Step {
    /// Begins it.
    pub fn begin(out: Output, what: impl Into<String>) -> Self {
        let what = what.into();
        if !console_is_terminal() || out.is_json() || out.is_quiet() {
            out.note(what);
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.set_style(style);
        bar.set_message(what);
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Self(Some(bar))
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Shows updates as they come.
pub struct Display {
    out: Output,
    bar: Option<ProgressBar>,
    /// Whether steps of batches are shown.
    events: bool,
    /// What was last written to a log, so that nothing is said twice.
    last: Option<(u32, u32)>,
}

impl Display {
    /// A bar if stderr is a terminal, lines in a log if not, JSON if that is wanted.
    pub fn new(out: Output, units: u32, events: bool) -> Self {
        let terminal = console_is_terminal() && !out.is_json() && !out.is_quiet();
        let bar = terminal.then(|| {
            let bar =
                ProgressBar::with_draw_target(Some(units.into()), ProgressDrawTarget::stderr());
            // The template is ours and constant; the fallback is the library's plain bar.
            let style = ProgressStyle::with_template("{bar:32} {pos}/{len} units  {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style);
            bar
        });
        Self {
            out,
            bar,
            events,
            last: None,
        }
    }

    /// Shows one update.
    pub fn show(&mut self, update: &Update) {
        self.out.event(update);
        match update {
            Update::Progress(progress) => self.progress(progress),
            Update::Rejected {
                batch,
                worker,
                reason,
            } => {
                self.line(format!(
                    "batch {batch}: results of {worker} rejected: {reason}"
                ));
            }
            Update::Unreachable {
                batch,
                worker,
                reason,
                last,
            } => {
                let then = if *last { "given up" } else { "trying again" };
                self.line(format!(
                    "batch {batch}: cannot fetch from {worker}: {reason} ({then})"
                ));
            }
            Update::Paused { operators } => self.line(format!(
                "paused: {operators} operators could not get the job's input. See that workers reach this machine, then let \
                 them go on with `sungrid job resume`"
            )),
            Update::Standing { batches, until } => self.line(format!(
                "all results are here; {batches} of the batches stand until block {until} at the latest, in case their workers are \
                 caught lying. Ctrl-C stops nothing: `sungrid job collect` later"
            )),
            Update::Suspected { batch, worker } => self.line(format!(
                "batch {batch}: the operator of {worker} was caught lying elsewhere: another worker checks these results, which are \
                 not paid before"
            )),
            Update::PaidBack { batch } => self.line(format!(
                "batch {batch}: witnesses found that nobody serves its outputs; what was paid for it is back"
            )),
            Update::Waiting { reason } => self.line(format!("waiting for the node: {reason}")),
            Update::Batch(news) if self.events => self.line(told(news)),
            Update::Batch(_) | Update::Received { .. } | Update::Verified { .. } => {}
        }
    }

    fn progress(&mut self, progress: &Progress) {
        let left = progress.left_s.map_or_else(|| "–".into(), units::seconds);
        let text = format!(
            "{} received, {} verified, {} spent, {left} left",
            progress.received,
            progress.verified,
            units::isc_short(progress.paid_planck)
        );
        if let Some(bar) = &self.bar {
            bar.set_position(progress.verified.into());
            bar.set_message(text);
        } else if self.last != Some((progress.received, progress.verified)) {
            self.last = Some((progress.received, progress.verified));
            self.out.note(format!("{} units: {text}", progress.units));
        }
    }

    fn line(&self, text: String) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => self.out.note(text),
        }
    }

    /// Leaves the terminal as it was.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A step of a batch in words.
fn told(news: &BatchNews) -> String {
    let what = match &news.step {
        BatchStep::Units { finished, units } => format!("{finished} of {units} units computed"),
        BatchStep::Available { at } => format!("outputs available at {at}"),
        BatchStep::Unconfirmed => "announced and not on chain: taken back".into(),
        BatchStep::Claimed => "claimed".into(),
        BatchStep::Committed => "committed".into(),
        BatchStep::Revealed => "revealed".into(),
        BatchStep::Withheld => "not revealed in time".into(),
        BatchStep::Missed => "deadline missed".into(),
        BatchStep::Accepted => "accepted".into(),
    };
    let known = match news.known {
        Known::Announced => "announced",
        Known::OnChain => "on chain",
    };
    format!("{known:<9}  batch {}, {}: {what}", news.batch, news.worker)
}

fn console_is_terminal() -> bool {
    use std::io::IsTerminal;
    std::io::stderr().is_terminal()
}
