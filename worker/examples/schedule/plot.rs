//! The figures as a picture, written by hand: SVG needs no library.

use std::fmt::Write;

use crate::{POLICIES, Row};

/// One colour per policy, apart for readers who see few colours.
const COLOURS: [&str; 3] = ["#d55e00", "#0072b2", "#009e73"];
const WIDTH: f64 = 960.0;
const LEFT: f64 = 100.0;
/// Of each panel.
const PANEL: (f64, f64) = (830.0, 170.0);
const FIRST: f64 = 130.0;
const STEP: f64 = 265.0;

/// A panel: what it shows, its most, lines across and what is written beside them, and the figure of a run.
struct Panel {
    title: &'static str,
    axis: &'static str,
    most: f64,
    ticks: &'static [(f64, &'static str)],
    of: fn(&Row, &Row) -> f64,
}

const PANELS: [Panel; 3] = [
    Panel {
        title: "Income",
        axis: "of greedy's",
        most: 2.0,
        ticks: &[
            (0.0, "0"),
            (0.5, "0.5×"),
            (1.0, "1×"),
            (1.5, "1.5×"),
            (2.0, "2×"),
        ],
        of: |row, greedy| row.income() / greedy.income().max(1e-12),
    },
    Panel {
        title: "Deadlines missed",
        axis: "of all batches",
        most: 0.02,
        ticks: &[
            (0.0, "none"),
            (0.005, "0.5 %"),
            (0.01, "1 %"),
            (0.015, "1.5 %"),
            (0.02, "2 %"),
        ],
        of: |row, _| row.outcome.miss_rate(),
    },
    Panel {
        title: "Income per kWh",
        axis: "of greedy's",
        most: 2.0,
        ticks: &[
            (0.0, "0"),
            (0.5, "0.5×"),
            (1.0, "1×"),
            (1.5, "1.5×"),
            (2.0, "2×"),
        ],
        of: |row, greedy| row.per_kwh() / greedy.per_kwh().max(1e-12),
    },
];

/// Draws all three figures of each scenario, three bars beside each other.
pub(crate) fn draw(rows: &[Row], scenarios: &[&str], caption: &str) -> String {
    let height = FIRST + STEP * PANELS.len() as f64 - 20.0;
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#222">
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
<text x="40" y="34" font-size="19" font-weight="bold">What each way to choose work comes to</text>
<text x="40" y="54" fill="#555">{caption}</text>"##
    );
    for (at, ((name, _), colour)) in POLICIES.iter().zip(COLOURS).enumerate() {
        let x = 40.0 + 140.0 * at as f64;
        let _ = writeln!(
            svg,
            r##"<circle cx="{x}" cy="80" r="5" fill="{colour}"/><text x="{}" y="84.5">{name}</text>"##,
            x + 12.0
        );
    }
    for (at, panel) in PANELS.iter().enumerate() {
        panel.draw(&mut svg, FIRST + STEP * at as f64, rows, scenarios);
    }
    svg.push_str("</svg>\n");
    svg
}

impl Panel {
    fn draw(&self, svg: &mut String, top: f64, rows: &[Row], scenarios: &[&str]) {
        let bottom = top + PANEL.1;
        let right = LEFT + PANEL.0;
        let y = |value: f64| bottom - PANEL.1 * (value / self.most).clamp(0.0, 1.0);
        let _ = writeln!(
            svg,
            r##"<text x="{LEFT}" y="{}" font-weight="bold">{}</text>
<text x="{x}" y="{middle}" fill="#555" text-anchor="middle" transform="rotate(-90 {x} {middle})">{}</text>"##,
            top - 14.0,
            self.title,
            self.axis,
            x = LEFT - 66.0,
            middle = (top + bottom) / 2.0,
        );
        for (value, label) in self.ticks {
            let y = y(*value);
            let _ = writeln!(
                svg,
                r##"<line x1="{LEFT}" x2="{right}" y1="{y:.1}" y2="{y:.1}" stroke="#ddd"/><text x="{}" y="{:.1}" fill="#555" text-anchor="end">{label}</text>"##,
                LEFT - 8.0,
                y + 4.5
            );
        }
        let group = PANEL.0 / scenarios.len().max(1) as f64;
        let bar = group / (POLICIES.len() + 1) as f64;
        for (at, name) in scenarios.iter().enumerate() {
            let middle = LEFT + group * (at as f64 + 0.5);
            let _ = writeln!(
                svg,
                r##"<text x="{middle:.1}" y="{}" fill="#555" text-anchor="middle">{name}</text>"##,
                bottom + 19.0
            );
            let of = |policy: &str| {
                rows.iter()
                    .find(|row| row.scenario == *name && row.policy == policy)
            };
            let Some(greedy) = of("greedy") else { continue };
            for (series, (policy, _)) in POLICIES.iter().enumerate() {
                let Some(row) = of(policy) else { continue };
                // None is a stub, so that it is seen to be there.
                let height = (bottom - y((self.of)(row, greedy))).max(2.0);
                let left = middle + bar * (series as f64 - POLICIES.len() as f64 / 2.0);
                let _ = writeln!(
                    svg,
                    r##"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{height:.1}" fill="{}"/>"##,
                    left + 1.0,
                    bottom - height,
                    bar - 2.0,
                    COLOURS[series]
                );
            }
        }
        let _ = writeln!(
            svg,
            r##"<line x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}" stroke="#888"/>"##
        );
    }
}
