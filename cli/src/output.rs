//! What the user sees: text for people, one JSON object per line for programs.

use std::io::Write;

use serde::Serialize;

/// How to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text for people.
    Text,
    /// One JSON object per line; the last one is the result.
    Json,
}

/// Where reports go: results to stdout, the way there to stderr.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    format: Format,
    quiet: bool,
}

impl Output {
    /// An output; `quiet` leaves out what is no result.
    pub fn new(format: Format, quiet: bool) -> Self {
        Self { format, quiet }
    }

    /// Whether programs read this.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether only results are wanted.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A step on the way, for people.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.quiet && !self.is_json() {
            put(&mut std::io::stderr(), text.as_ref());
        }
    }

    /// Something that a person should know, in either format.
    pub fn warn(&self, text: impl AsRef<str>) {
        put(
            &mut std::io::stderr(),
            &format!("warning: {}", text.as_ref()),
        );
    }

    /// A step on the way, for programs.
    pub fn event(&self, event: impl Serialize) {
        if !self.quiet && self.is_json() {
            self.json(&event);
        }
    }

    /// The result: `text` for people, `value` for programs.
    pub fn result(&self, value: impl Serialize, text: impl FnOnce() -> String) {
        if self.is_json() {
            self.json(&value);
        } else {
            put(&mut std::io::stdout(), text().trim_end_matches('\n'));
        }
    }

    fn json(&self, value: &impl Serialize) {
        // Our own types have string keys and finite numbers; a failure here would be a bug worth seeing.
        let line = serde_json::to_string(value)
            .unwrap_or_else(|error| format!(r#"{{"error":"cannot write JSON: {error}"}}"#));
        put(&mut std::io::stdout(), &line);
    }
}

/// Writes a line. A reader that went away (`| head`) is no error of ours.
fn put(to: &mut impl Write, text: &str) {
    let _ = writeln!(to, "{text}");
    let _ = to.flush();
}

/// A table with aligned columns; numbers are not told apart, the caller aligns them.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        let line: Vec<String> = padded.collect();
        line.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(header.to_vec())];
    lines.extend(
        rows.iter()
            .map(|row| line(row.iter().map(String::as_str).collect())),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [vec!["1".into(), "ü".into()], vec!["100".into(), "b".into()]];
        assert_eq!(table(&["job", "x"], &rows), "job  x\n1    ü\n100  b");
    }
}
