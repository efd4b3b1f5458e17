//! What a worker's journal says, read from outside.

use std::{fs, path::Path};

use serde_json::Value;

/// A batch in the journal of a worker that has just died.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) job: u32,
    pub(super) batch: u32,
    /// BLAKE3 of the result bundle, as text, if it was sealed.
    pub(super) bundle: Option<String>,
    /// Whether its end was known.
    pub(super) settled: bool,
    /// Units of it that were finished.
    pub(super) units: usize,
}

impl Snapshot {
    /// All batches in the journal below a data folder.
    ///
    /// # Panics
    /// If a file is damaged.
    pub(super) fn all(folder: &Path) -> Vec<Self> {
        files(folder).iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a file of the journal");
        let entry: Value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{} is damaged: {error}: {text:?}", path.display()));
        let number = |name: &str| entry[name].as_u64().expect("a number") as u32;
        let units = fs::read_to_string(path.with_extension("units")).unwrap_or_default();
        let whole = |line: &&str| serde_json::from_str::<Value>(line).is_ok();
        Self {
            job: number("job"),
            batch: number("batch"),
            bundle: entry["stage"]["sealed"]["bundle"]
                .as_str()
                .map(str::to_owned),
            settled: entry["stage"] == "settled",
            units: units.lines().filter(whole).count(),
        }
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let below = |path: &Path| {
        let entries = fs::read_dir(path).into_iter().flatten();
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect::<Vec<_>>()
    };
    let chains = below(&folder.join("journal"));
    let files = chains.iter().flat_map(|chain| below(chain));
    files
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .filter(|path| {
            !path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'))
        })
        .collect()
}
