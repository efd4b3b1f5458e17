//! Inputs: what a job gives to its units.

use serde::{Deserialize, Serialize};
use sungrid_primitives::{ContentHash, UnitIndex, job::MAX_UNITS};

use crate::{
    Manifest, ManifestError, UnitOutput, check,
    limits::{JOB_INPUT_BYTES, SHARED_FILES, UNIT_CONTENT_BYTES, UNIT_FILES, UNIT_INPUT_BYTES},
    link,
};

/// A named content: a file under `/in` or `/out`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Relative path with `/` between its parts.
    pub name: String,
    /// BLAKE3 of the content.
    #[serde(rename = "cid", with = "link::raw")]
    pub hash: ContentHash,
    /// Bytes of content.
    pub size: u64,
}

impl File {
    /// A file.
    pub fn new(name: impl Into<String>, hash: ContentHash, size: u64) -> Self {
        Self {
            name: name.into(),
            hash,
            size,
        }
    }
}

/// What one unit gets beside the shared files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitSpec {
    /// Arguments after the image's.
    pub args: Vec<String>,
    /// Files of this unit only.
    pub files: Vec<File>,
}

/// What stands for a unit's index in the arguments of units that are alike.
pub const UNIT_PLACE: &str = "{unit}";

/// All inputs of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobInput {
    /// Version of this format: 1.
    pub version: u64,
    /// Files that every unit gets.
    pub shared: Vec<File>,
    /// Number of units.
    pub count: u32,
    /// One entry per unit, in order; or one that all share, with [`UNIT_PLACE`] for a unit's index in its arguments: so
    /// a million units take no more bytes than one.
    pub units: Vec<UnitSpec>,
}

impl JobInput {
    /// An input of the current version, with one entry per unit.
    pub fn new(shared: Vec<File>, units: Vec<UnitSpec>) -> Self {
        Self {
            version: 1,
            shared,
            // What does not fit is refused with everything beyond `MAX_UNITS`.
            count: u32::try_from(units.len()).unwrap_or(u32::MAX),
            units,
        }
    }

    /// An input of `count` units that are alike.
    pub fn alike(shared: Vec<File>, unit: UnitSpec, count: u32) -> Self {
        Self {
            count,
            ..Self::new(shared, vec![unit])
        }
    }

    /// Most bytes that a unit of it is charged for as fetched, before what it gets from an earlier job: see [`UnitInput::traffic`].
    pub fn most_traffic(&self, batch_size: u32) -> u64 {
        let own = self.units.iter().map(|unit| bytes_of(&unit.files)).max();
        own.unwrap_or(0)
            .saturating_add(shared_traffic(&self.shared, self.count, batch_size))
    }

    /// The input of one unit; `None` if the job has no such unit.
    pub fn unit(&self, unit: UnitIndex) -> Option<UnitInput> {
        if unit >= self.count {
            return None;
        }
        let (spec, args) = match self.units.as_slice() {
            [alike] => {
                let index = unit.to_string();
                let fill = |arg: &String| arg.replace(UNIT_PLACE, &index);
                (alike, alike.args.iter().map(fill).collect())
            }
            each => {
                let spec = each.get(usize::try_from(unit).ok()?)?;
                (spec, spec.args.clone())
            }
        };
        Some(UnitInput {
            shared: self.shared.clone(),
            args,
            files: spec.files.clone(),
            unit,
            units: self.count,
        })
    }
}

/// A unit's part of the files that all units share: a batch, as it was ordered, fetches them once. Rounded up.
fn shared_traffic(shared: &[File], units: u32, batch_size: u32) -> u64 {
    bytes_of(shared).div_ceil(u64::from(batch_size.min(units)).max(1))
}

/// Bytes of files as they are listed; saturates.
fn bytes_of(files: &[File]) -> u64 {
    files
        .iter()
        .fold(0, |sum: u64, file| sum.saturating_add(file.size))
}

impl UnitInput {
    /// Bytes that the unit is charged for as fetched, in a job that was ordered with batches of so many units: all of its own files, those
    /// of an earlier job included, and its part of what all units share. What belongs to the image does not count.
    pub fn traffic(&self, batch_size: u32) -> u64 {
        bytes_of(&self.files).saturating_add(shared_traffic(&self.shared, self.units, batch_size))
    }

    /// The environment variables of the unit.
    pub fn environment(&self) -> Vec<(String, String)> {
        vec![
            ("SUNGRID_UNIT".into(), self.unit.to_string()),
            ("SUNGRID_UNITS".into(), self.units.to_string()),
        ]
    }

    /// Adds the outputs of units of an earlier job: each stands in `before/UNIT`, as its requester has it.
    pub fn gather<'a>(&mut self, outputs: impl IntoIterator<Item = (UnitIndex, &'a UnitOutput)>) {
        for (unit, output) in outputs {
            self.files.extend(output.contents().map(|file| File {
                name: format!("before/{unit}/{}", file.name),
                ..file
            }));
        }
    }
}

impl Manifest for JobInput {
    const WHAT: &'static str = "a job-input";
    const MAX_BYTES: usize = JOB_INPUT_BYTES;

    fn validate(&self) -> Result<(), ManifestError> {
        check::version::<Self>(self.version)?;
        let (count, entries) = (u64::from(self.count), self.units.len() as u64);
        check::range::<Self>("count", count, 1, MAX_UNITS.into())?;
        if entries != 1 {
            check::range::<Self>("units", entries, count, count)?;
        } else if let Some(last) = self.unit(self.count - 1) {
            // No index is longer than the last one.
            check::args::<Self>("units[0].args", &last.args)?;
        }
        let (tree, shared) = check::files::<Self>("shared", &self.shared, SHARED_FILES, None)?;
        check::content::<Self>("shared", shared, UNIT_CONTENT_BYTES)?;
        for (at, unit) in self.units.iter().enumerate() {
            check::args::<Self>(&format!("units[{at}].args"), &unit.args)?;
            let field = format!("units[{at}].files");
            let (_, own) = check::files::<Self>(&field, &unit.files, UNIT_FILES, Some(&tree))?;
            check::content::<Self>(&field, shared.saturating_add(own), UNIT_CONTENT_BYTES)?;
        }
        Ok(())
    }
}

/// The input of one unit: what a receipt names as `input`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitInput {
    /// Files that every unit of the job gets.
    pub shared: Vec<File>,
    /// Arguments after the image's.
    pub args: Vec<String>,
    /// Files of this unit only.
    pub files: Vec<File>,
    /// Index of the unit, from 0.
    pub unit: UnitIndex,
    /// Units of the job.
    pub units: u32,
}

impl Manifest for UnitInput {
    const WHAT: &'static str = "a unit-input";
    const MAX_BYTES: usize = UNIT_INPUT_BYTES;

    fn validate(&self) -> Result<(), ManifestError> {
        check::range::<Self>("units", self.units.into(), 1, MAX_UNITS.into())?;
        check::range::<Self>("unit", self.unit.into(), 0, u64::from(self.units) - 1)?;
        check::args::<Self>("args", &self.args)?;
        let (tree, shared) = check::files::<Self>("shared", &self.shared, SHARED_FILES, None)?;
        let (_, own) = check::files::<Self>("files", &self.files, UNIT_FILES, Some(&tree))?;
        check::content::<Self>("files", shared.saturating_add(own), UNIT_CONTENT_BYTES)
    }
}
