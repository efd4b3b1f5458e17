//! The page that `status` prints and `top` refreshes: what a worker does, what it earns, and why it rests.

use std::fmt::Write;

use sungrid_primitives::ISC;

use crate::{idle, metrics::Status};

/// Without a new block for that long, something is wrong with the node or the line to it.
const STALE_MS: u64 = 60_000;
/// Characters of the bar that shows how much of the capacity is in use.
const BAR: u64 = 20;
/// Characters of the names on the left.
const NAMES: usize = 13;

/// What the page is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// What the worker wrote last.
    pub(super) status: Option<&'a Status>,
    /// What it had written some time before, to see how fast it is.
    pub(super) earlier: Option<&'a Status>,
    /// Whether its process lives.
    pub(super) running: bool,
    /// Other workers on this machine.
    pub(super) others: usize,
    /// Milliseconds since 1970.
    pub(super) now_ms: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Plain,
    Good,
    Poor,
    Bad,
}

impl Mood {
    fn colour(self) -> Option<u8> {
        match self {
            Self::Plain => None,
            Self::Good => Some(32),
            Self::Poor => Some(33),
            Self::Bad => Some(31),
        }
    }
}

struct Page {
    text: String,
    width: usize,
    colours: bool,
}

impl Page {
    fn line(&mut self, name: &str, text: &str, mood: Mood) {
        let line: String = format!("{name:NAMES$} {text}")
            .chars()
            .take(self.width)
            .collect();
        let (name, text) = match line.char_indices().nth(NAMES + 1) {
            Some((at, _)) => line.split_at(at),
            None => (line.as_str(), ""),
        };
        // Writing to a string does not fail.
        let _ = match mood.colour().filter(|_| self.colours) {
            Some(colour) => writeln!(self.text, "{name}\x1b[{colour}m{text}\x1b[0m"),
            None => writeln!(self.text, "{name}{text}"),
        };
    }

    fn plain(&mut self, name: &str, text: &str) {
        self.line(name, text, Mood::Plain);
    }
}

/// The page, each line at most `width` characters wide and ended.
pub(super) fn render(view: &View<'_>, width: usize, colours: bool) -> String {
    let mut page = Page {
        text: String::new(),
        width,
        colours,
    };
    let Some(status) = view.status else {
        let text = if view.running {
            "is starting: it has seen no block yet"
        } else {
            "has not run yet: sungrid-worker run"
        };
        page.line("worker", text, Mood::Poor);
        return page.text;
    };
    page.plain("worker", &format!("{} {}", status.worker, status.version));
    let (state, mood) = state(view, status);
    page.line("state", &state, mood);
    if view.running && !status.idle_reason.is_empty() {
        page.line("why idle", &status.idle_reason, Mood::Poor);
    }
    let age = view.now_ms.saturating_sub(status.written_ms);
    let mood = match view.running && age > STALE_MS {
        true => Mood::Bad,
        false => Mood::Plain,
    };
    let hint = match mood {
        Mood::Bad => ": is the node there?",
        _ => "",
    };
    page.line(
        "block",
        &format!("{}, {} ago{hint}", status.block, duration(age)),
        mood,
    );
    page.plain(
        "capacity",
        &format!(
            "[{}] {} of {} SUNS in use{}",
            bar(status.committed, status.counted),
            suns(status.committed),
            suns(status.counted),
            uncounted(status)
        ),
    );
    page.plain(
        "in hand",
        &format!(
            "{} computing on {} lanes, {} undecided, {} served",
            status.computing, status.lanes, status.undecided, status.serving
        ),
    );
    let units = counter(status, "units_total");
    page.plain(
        "units",
        &format!(
            "{units} computed{}, {} accepted in all",
            rate(view, status),
            status.accepted_units
        ),
    );
    page.plain(
        "income",
        &format!(
            "{} earned in all, {} to claim, {} claimed since the start",
            isc(&status.credit),
            isc(&status.pending),
            isc(&counter(status, "rewards_planck_total").to_string())
        ),
    );
    let others = match status.delegated.as_str() {
        "" | "0" => String::new(),
        delegated => format!(" and {} of others", isc(delegated)),
    };
    page.plain("bond", &format!("{}{others}", isc(&status.bond)));
    if let Some(celsius) = status.temperature {
        let mood = match celsius {
            ..85 => Mood::Plain,
            85..95 => Mood::Poor,
            _ => Mood::Bad,
        };
        page.line("temperature", &format!("{celsius} °C"), mood);
    }
    let trouble = [
        ("slashed", u64::from(status.faults)),
        ("late", u64::from(status.missed)),
        ("given back", counter(status, "batches_declined_total")),
        ("lost", counter(status, "batches_lost_total")),
    ];
    let told: Vec<String> = trouble
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    if !told.is_empty() {
        let mood = match status.faults {
            0 => Mood::Poor,
            _ => Mood::Bad,
        };
        page.line("trouble", &told.join(", "), mood);
    }
    page.plain(
        "content",
        &format!(
            "{} stored, {} fetched, {} served",
            bytes(counter(status, "stored_bytes")),
            bytes(counter(status, "fetched_bytes_total")),
            bytes(counter(status, "served_bytes_total"))
        ),
    );
    let relayed = counter(status, "relayed_bytes_total");
    if relayed > 0 {
        let direct = counter(status, "direct_bytes_total");
        let text = format!(
            "{} directly, {} through relays",
            bytes(direct),
            bytes(relayed)
        );
        page.plain("packets", &text);
    }
    if let Some(machine) = &status.machine {
        let standing = format!("{} for {} s", machine.state, machine.for_s);
        page.plain("machine", &standing);
        for reason in machine.against() {
            page.line("  against work", &reason.to_string(), Mood::Poor);
        }
        let blind = idle::blind(machine);
        for reason in &blind {
            page.line("  what to do", idle::remedy(reason.rule), Mood::Bad);
        }
        if !blind.is_empty() {
            page.line("  or", idle::OPT_IN, Mood::Bad);
        }
    }
    for missing in status.isolation.iter().filter(|measure| !measure.in_force) {
        let text = format!("without {}: {}", missing.measure, missing.detail);
        page.line("isolation", &text, Mood::Poor);
    }
    for fact in &status.facts {
        page.plain(&fact.name, &fact.text);
    }
    if view.others > 0 {
        let text = format!("{} on this machine as well", view.others);
        page.plain("other workers", &text);
    }
    page.text
}

fn state(view: &View<'_>, status: &Status) -> (String, Mood) {
    if !view.running {
        return ("stopped".into(), Mood::Bad);
    }
    let up = duration(view.now_ms.saturating_sub(status.started_ms));
    if status.draining {
        let text = format!("draining, up for {up}");
        return (text, Mood::Poor);
    }
    let (text, mood) = match status.state.as_str() {
        "active" if status.computing + status.undecided > 0 => ("works", Mood::Good),
        "active" if status.idle_reason.is_empty() => ("ready", Mood::Good),
        "active" => ("waits for work", Mood::Poor),
        state => (state, Mood::Poor),
    };
    (format!("{text}, up for {up}"), mood)
}

/// Units a minute: since the earlier picture, or since the start.
fn rate(view: &View<'_>, status: &Status) -> String {
    let (before, since) = match view.earlier {
        Some(earlier) if earlier.started_ms == status.started_ms => {
            (counter(earlier, "units_total"), earlier.written_ms)
        }
        _ => (0, status.started_ms),
    };
    let millis = status.written_ms.saturating_sub(since);
    let units = counter(status, "units_total").saturating_sub(before);
    match u128::from(units) * 600_000 / u128::from(millis.max(1)) {
        _ if millis == 0 => String::new(),
        tenths => format!(" ({}.{} a minute)", tenths / 10, tenths % 10),
    }
}

fn counter(status: &Status, name: &str) -> u64 {
    let found = status.counters.iter().find(|(known, _)| known == name);
    found.map_or(0, |(_, value)| *value)
}

/// What is declared, where less of it counts.
fn uncounted(status: &Status) -> String {
    match status.counted < status.capacity {
        true => format!(
            ", {} declared: the rest is not proven",
            suns(status.capacity)
        ),
        false => String::new(),
    }
}

fn bar(part: u64, whole: u64) -> String {
    let full = (u128::from(part) * u128::from(BAR))
        .checked_div(u128::from(whole))
        .unwrap_or(0)
        .min(u128::from(BAR)) as usize;
    format!("{}{}", "#".repeat(full), "-".repeat(BAR as usize - full))
}

/// Planck in text as ISC, to the ten-thousandth, rounded down.
pub(super) fn isc(planck: &str) -> String {
    let planck: u128 = planck.parse().unwrap_or(0);
    let rest = planck % ISC / (ISC / 10_000);
    let whole = planck / ISC;
    if rest == 0 {
        return format!("{whole} ISC");
    }
    let digits = format!("{rest:04}");
    format!("{whole}.{} ISC", digits.trim_end_matches('0'))
}

/// Millionths of a SUNS as SUNS.
pub(super) fn suns(micro: u64) -> String {
    format!("{}.{:02}", micro / 1_000_000, micro % 1_000_000 / 10_000)
}

/// Bytes in the unit that fits.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1 << 10 {
        return format!("{count} bytes");
    }
    let step = ((63 - count.leading_zeros()) / 10).min(4);
    let tenths = (u128::from(count) * 10) >> (10 * step);
    format!(
        "{}.{} {}",
        tenths / 10,
        tenths % 10,
        UNITS[step as usize - 1]
    )
}

/// A time in its two largest units.
pub(super) fn duration(millis: u64) -> String {
    let seconds = millis / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sungrid_idle::{Input, Machine, Policy, Power, Reading, Readings};

    use super::*;
    use crate::metrics::Fact;

    fn status() -> Status {
        Status {
            pid: 4_711,
            version: "0.1.0".into(),
            worker: "5GrwvaEF".into(),
            operator: "5FHneW46".into(),
            environment: "0xe1".into(),
            started_ms: 1_000_000,
            written_ms: 1_000_000 + 8_040_000,
            lanes: 3,
            block: 2_680,
            state: "active".into(),
            capacity: 1_250_000,
            counted: 1_250_000,
            committed: 800_000,
            bond: (125 * ISC).to_string(),
            delegated: (20 * ISC + ISC / 2).to_string(),
            computing: 2,
            undecided: 1,
            serving: 4,
            accepted_units: 4_100,
            credit: (12 * ISC + 345_600_000_000).to_string(),
            pending: (ISC / 4).to_string(),
            temperature: Some(61),
            counters: [
                ("units_total", 3_216),
                ("rewards_planck_total", 3_000_000_000_000),
                ("stored_bytes", 1_288_490_188),
                ("fetched_bytes_total", 3 << 20),
                ("served_bytes_total", 512),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
            ..Status::default()
        }
    }

    fn view(status: &Status) -> View<'_> {
        View {
            status: Some(status),
            earlier: None,
            running: true,
            others: 0,
            now_ms: status.written_ms + 2_500,
        }
    }

    #[test]
    fn a_worker_at_work() {
        let status = status();
        let expected = "\
worker        5GrwvaEF 0.1.0
state         works, up for 2 h 14 min
block         2680, 2 s ago
capacity      [############--------] 0.80 of 1.25 SUNS in use
in hand       2 computing on 3 lanes, 1 undecided, 4 served
units         3216 computed (24.0 a minute), 4100 accepted in all
income        12.3456 ISC earned in all, 0.25 ISC to claim, 3 ISC claimed since the start
bond          125 ISC and 20.5 ISC of others
temperature   61 °C
content       1.1 GiB stored, 3.0 MiB fetched, 512 bytes served
";
        assert_eq!(render(&view(&status), 100, false), expected);
    }

    #[test]
    fn the_way_of_packets_is_told_where_a_relay_has_a_part_in_it() {
        let mut status = status();
        assert!(!render(&view(&status), 100, false).contains("packets"));
        let counters = [
            ("direct_bytes_total", 2 << 20),
            ("relayed_bytes_total", 1 << 10),
        ];
        let counters = counters.map(|(name, value)| (name.to_owned(), value));
        status.counters.extend(counters);
        let page = render(&view(&status), 100, false);
        let line = "packets       2.0 MiB directly, 1.0 KiB through relays\n";
        assert!(page.contains(line), "{page}");
    }

    #[test]
    fn capacity_that_does_not_count_is_told() {
        let mut status = status();
        status.counted = 1_000_000;
        let page = render(&view(&status), 100, false);
        let line = "capacity      [################----] 0.80 of 1.00 SUNS in use, 1.25 declared: the rest is not proven\n";
        assert!(page.contains(line), "{page}");
        (status.counted, status.committed) = (0, 0);
        let page = render(&view(&status), 100, false);
        assert!(
            page.contains("0.00 of 0.00 SUNS in use, 1.25 declared"),
            "{page}"
        );
    }

    #[test]
    fn a_worker_in_trouble_says_why_it_rests() {
        let mut status = status();
        status.idle_reason = "no room on the disk".into();
        (status.computing, status.undecided) = (0, 0);
        status.faults = 1;
        status.missed = 2;
        status.delegated = "0".into();
        status.temperature = None;
        status.facts = vec![Fact {
            name: "isolation".into(),
            text: "process, cgroup".into(),
        }];
        let mut view = view(&status);
        view.now_ms = status.written_ms + 90_000;
        view.others = 1;
        let expected = "\
worker        5GrwvaEF 0.1.0
state         waits for work, up for 2 h 15 min
why idle      no room on the disk
block         2680, 1 min 30 s ago: is the node there?
capacity      [############--------] 0.80 of 1.25 SUNS in use
in hand       0 computing on 3 lanes, 0 undecided, 4 served
units         3216 computed (24.0 a minute), 4100 accepted in all
income        12.3456 ISC earned in all, 0.25 ISC to claim, 3 ISC claimed since the start
bond          125 ISC
trouble       1 slashed, 2 late
content       1.1 GiB stored, 3.0 MiB fetched, 512 bytes served
isolation     process, cgroup
other workers 1 on this machine as well
";
        assert_eq!(render(&view, 100, false), expected);
    }

    #[test]
    fn a_machine_that_would_never_work_says_why_and_what_to_do() {
        let policy = Policy::default();
        let mut machine = Machine::new(policy).expect("valid");
        let readings = Readings {
            input: [("x11", Input::Whole(Duration::from_secs(4)))].into(),
            foreign_cpu: Reading::Known(1),
            foreign_memory: Reading::Known(1),
            power: Reading::Known(Power::Mains),
            metered: Reading::unknown("no NetworkManager"),
            ..Readings::default()
        };
        let mut status = status();
        let mut page_after = |seconds| {
            for second in 0..=seconds {
                machine.step(Duration::from_secs(second), &readings, false);
            }
            status.machine = Some(machine.standing());
            render(&view(&status), 200, false)
        };
        // A sensor may need a moment.
        let early = page_after(1);
        assert!(early.contains("against work network: unknown"), "{early}");
        assert!(!early.contains("what to do"), "{early}");
        let late = page_after(60);
        assert!(late.contains("what to do"), "{late}");
        assert!(late.contains("on_metered = true"), "{late}");
        assert!(late.contains("mode = \"server\""), "{late}");
        // Somebody who sits there is no reason to change a setting.
        assert_eq!(late.matches("what to do").count(), 1, "{late}");
    }

    #[test]
    fn colours_are_kept_apart_from_what_is_said() {
        let status = status();
        let plain = render(&view(&status), 100, false);
        assert!(!plain.contains('\x1b'));
        let coloured = render(&view(&status), 100, true);
        assert!(coloured.contains("state         \x1b[32mworks, up for 2 h 14 min\x1b[0m\n"));
        let mut stripped = coloured;
        for code in ["\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, plain);
    }

    #[test]
    fn it_fits_a_narrow_terminal() {
        let status = status();
        for width in [0, 1, NAMES, 30] {
            let page = render(&view(&status), width, false);
            assert!(page.lines().all(|line| line.chars().count() <= width));
            assert_eq!(page.lines().count(), 10);
        }
    }

    #[test]
    fn without_a_process_or_a_status_it_says_so() {
        let status = status();
        let mut gone = view(&status);
        gone.running = false;
        let page = render(&gone, 100, false);
        assert!(page.contains("state         stopped\n"), "{page}");
        gone.status = None;
        let page = render(&gone, 100, false);
        assert_eq!(page, "worker        has not run yet: sungrid-worker run\n");
        gone.running = true;
        let page = render(&gone, 100, false);
        assert!(page.contains("is starting"), "{page}");
        let draining = Status {
            draining: true,
            ..status.clone()
        };
        let page = render(&view(&draining), 100, false);
        assert!(page.contains("draining, up for"), "{page}");
    }

    #[test]
    fn speed_is_that_of_the_last_moments() {
        let (earlier, mut now) = (status(), status());
        now.written_ms += 60_000;
        now.counters[0].1 += 90;
        let with = |earlier| View {
            earlier,
            ..view(&now)
        };
        let page = render(&with(Some(&earlier)), 100, false);
        assert!(page.contains("(90.0 a minute)"), "{page}");
        // A process that was started anew counts from zero.
        let other = Status {
            started_ms: 1,
            ..earlier.clone()
        };
        let page = render(&with(Some(&other)), 100, false);
        assert!(page.contains("(24.4 a minute)"), "{page}");
    }

    #[test]
    fn amounts_read_well() {
        assert_eq!(isc("0"), "0 ISC");
        assert_eq!(isc("1999999999999"), "1.9999 ISC");
        assert_eq!(isc("no number"), "0 ISC");
        assert_eq!(suns(1_259_999), "1.25");
        assert_eq!(duration(999), "0 s");
        assert_eq!(duration(90_061_000), "1 d 1 h");
        assert_eq!(bytes(1_023), "1023 bytes");
        assert_eq!(bytes(1_024), "1.0 KiB");
        assert_eq!(bytes(u64::MAX), "16777215.9 TiB");
        assert_eq!(bar(5, 0), "-".repeat(20));
        assert_eq!(bar(9, 3), "#".repeat(20));
    }
}
