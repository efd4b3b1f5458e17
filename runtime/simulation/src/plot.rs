//! The figures as a picture, written by hand: SVG needs no library.

use std::fmt::Write;

use crate::{Row, SHARES};

/// One colour per policy, apart for readers who see few colours.
const COLOURS: [&str; 4] = ["#d55e00", "#0072b2", "#009e73", "#7b4fa3"];
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 1_400.0;
/// Strategies, one panel each, and what there is to say of those that there are several of.
pub(crate) const KINDS: [(&str, &str); 7] = [
    ("always lies", ""),
    ("lies once trusted", ", at the best time"),
    ("lies patiently", ", at the best time"),
    ("colludes", ""),
    ("colludes in sight", ""),
    ("gambles in sight", ", at the best time"),
    ("gambles patiently", ""),
];
/// Of one of the eight panels.
const PANEL: (f64, f64) = (360.0, 230.0);
/// Decades of the logarithmic axis; whatever is below is drawn as none.
const DECADES: i32 = 6;

/// Where a panel is, and what its vertical axis means.
struct Panel<'a> {
    left: f64,
    top: f64,
    title: &'a str,
    axis: &'a str,
    /// Height of a value, 0 to 1 from the bottom.
    scale: fn(f64) -> f64,
    /// Values with a line across, and what is written beside it.
    ticks: &'a [(f64, &'a str)],
}

fn logarithmic(value: f64) -> f64 {
    if value <= 0.0 {
        0.0
    } else {
        (value.log10() / f64::from(DECADES) + 1.0).max(0.03)
    }
}

fn linear(value: f64) -> f64 {
    (value / 6.0).min(1.0)
}

const WRONG: [(f64, &str); 7] = [
    (0.0, "none"),
    (1e-5, "10⁻⁵"),
    (1e-4, "10⁻⁴"),
    (1e-3, "10⁻³"),
    (1e-2, "10⁻²"),
    (1e-1, "10⁻¹"),
    (1.0, "all"),
];
const COST: [(f64, &str); 4] = [(0.0, "0"), (1.0, "1×"), (2.0, "2×"), (5.0, "5×")];

/// Draws wrong results per unit for each strategy, and what verification costs against the dearest of them.
pub(crate) fn draw(rows: &[Row], policies: &[&str]) -> String {
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#222">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="40" y="34" font-size="19" font-weight="bold">What hostile workers achieve, by policy</text>
<text x="40" y="54" fill="#555">1,000 workers of different operators; a slashed liar is below its least bond and gets no more work</text>"##
    );
    let lefts = [80.0, 540.0];
    let tops = [130.0, 450.0, 770.0, 1_090.0];
    for (at, (name, adverb)) in KINDS.into_iter().enumerate() {
        let title = format!("Each hostile worker {name}{adverb}");
        let panel = Panel {
            left: lefts[at % 2],
            top: tops[at / 2],
            title: &title,
            axis: "accepted wrong results per unit",
            scale: logarithmic,
            ticks: &WRONG,
        };
        panel.frame(&mut svg);
        for (series, policy) in policies.iter().enumerate() {
            let worst = SHARES.map(|share| {
                let of = rows.iter().filter(|row| {
                    row.policy == *policy && row.strategy.name() == name && row.share == share
                });
                of.map(Row::wrong).fold(0.0, f64::max)
            });
            panel.bars(&mut svg, series, worst.into_iter());
        }
    }
    let panel = Panel {
        left: lefts[KINDS.len() % 2],
        top: tops[KINDS.len() / 2],
        title: "Cost in the second half, the dearest of these",
        axis: "executions per unit",
        scale: linear,
        ticks: &COST,
    };
    panel.frame(&mut svg);
    for (series, policy) in policies.iter().enumerate() {
        let dearest = SHARES.map(|share| {
            let of = rows
                .iter()
                .filter(|row| row.policy == *policy && row.share == share);
            of.map(Row::overhead).fold(0.0, f64::max)
        });
        panel.bars(&mut svg, series, dearest.into_iter());
    }
    for (at, (policy, colour)) in policies.iter().zip(COLOURS).enumerate() {
        let x = 40.0 + 225.0 * at as f64;
        let _ = writeln!(
            svg,
            r##"<circle cx="{x}" cy="80" r="5" fill="{colour}"/><text x="{}" y="84.5">{policy}</text>"##,
            x + 12.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

impl Panel<'_> {
    fn x(&self, at: usize) -> f64 {
        self.left + PANEL.0 * (at as f64 + 0.5) / SHARES.len() as f64
    }

    fn y(&self, value: f64) -> f64 {
        self.top + PANEL.1 * (1.0 - (self.scale)(value))
    }

    fn frame(&self, svg: &mut String) {
        let (left, top, bottom) = (self.left, self.top, self.top + PANEL.1);
        let right = left + PANEL.0;
        let _ = writeln!(
            svg,
            r##"<text x="{left}" y="{}" font-weight="bold">{}</text>
<text x="{x}" y="{y}" fill="#555" text-anchor="middle" transform="rotate(-90 {x} {y})">{}</text>
<text x="{}" y="{}" fill="#555" text-anchor="middle">share of hostile workers</text>"##,
            top - 14.0,
            self.title,
            self.axis,
            (left + right) / 2.0,
            bottom + 40.0,
            x = left - 56.0,
            y = (top + bottom) / 2.0,
        );
        for (value, label) in self.ticks {
            let y = self.y(*value);
            let _ = writeln!(
                svg,
                r##"<line x1="{left}" x2="{right}" y1="{y:.1}" y2="{y:.1}" stroke="#ddd"/><text x="{}" y="{:.1}" fill="#555" text-anchor="end">{label}</text>"##,
                left - 8.0,
                y + 4.5
            );
        }
        for (at, share) in SHARES.iter().enumerate() {
            let _ = writeln!(
                svg,
                r##"<text x="{:.1}" y="{}" fill="#555" text-anchor="middle">{share} %</text>"##,
                self.x(at),
                bottom + 19.0
            );
        }
        let _ = writeln!(
            svg,
            r##"<line x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}" stroke="#888"/>"##
        );
    }

    /// One bar per share, the `series`th of each group; none is a stub, so that it is seen to be there.
    fn bars(&self, svg: &mut String, series: usize, values: impl Iterator<Item = f64>) {
        let width = PANEL.0 / SHARES.len() as f64 / (COLOURS.len() + 1) as f64;
        for (at, value) in values.enumerate() {
            let left = self.x(at) + width * (series as f64 - COLOURS.len() as f64 / 2.0);
            let height = (PANEL.1 * (self.scale)(value)).max(2.0);
            let _ = writeln!(
                svg,
                r##"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{height:.1}" fill="{}"/>"##,
                left + 1.0,
                self.top + PANEL.1 - height,
                width - 2.0,
                COLOURS[series]
            );
        }
    }
}
