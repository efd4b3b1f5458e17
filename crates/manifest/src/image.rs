//! Images: code and how to run it.

use serde::{Deserialize, Serialize};
use sungrid_primitives::ContentHash;

use crate::{
    File, JobInput, Manifest, ManifestError, Problem, UnitInput, check,
    codec::invalid,
    limits::{IMAGE_BYTES, OUTPUT_BYTES, SHARED_FILES, TEXT_BYTES, UNIT_CONTENT_BYTES},
    link,
};

/// How an image is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ImageKind {
    /// A `wasi_snapshot_preview1` command: `_start` runs once per unit.
    WasiCommand,
}

/// The resource profile that an image needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ProfileName {
    /// Cores and memory.
    #[serde(rename = "cpu/1")]
    Cpu1,
}

/// What an image is for. The chain stores the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// Anything else.
    General = 0,
    /// Pictures and films.
    Rendering = 1,
    /// Simulation and analysis.
    Science = 2,
    /// Training and inference.
    Learning = 3,
    /// Transcoding and the like.
    Media = 4,
}

impl Class {
    /// All classes with their names.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::General, "general"),
        (Self::Rendering, "rendering"),
        (Self::Science, "science"),
        (Self::Learning, "learning"),
        (Self::Media, "media"),
    ];

    /// The class of a number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .map(|(class, _)| class)
            .find(|class| *class as u8 == number)
    }

    /// The class of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(_, known)| *known == name)
            .map(|(class, _)| class)
    }

    /// The name of the class.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// What one unit of an image may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Fuel that the developer suggests per unit; a job states its own.
    pub fuel: u64,
    /// Bytes of linear memory that the developer suggests per unit; a job states its own.
    pub memory: u64,
    /// Bytes that a unit may write (files, stdout and stderr together). Binding: it is part of what
    /// the code means, so replicas cut at the same byte.
    pub output: u64,
}

/// A published application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Version of this format: 1.
    pub version: u64,
    /// How it is run.
    pub kind: ImageKind,
    /// For people; not unique.
    pub name: String,
    /// BLAKE3 of the code: a WebAssembly module.
    #[serde(with = "link::raw")]
    pub code: ContentHash,
    /// Arguments of every unit, before the unit's own. The first is `argv[0]`.
    pub args: Vec<String>,
    /// The resource profile.
    pub profile: ProfileName,
    /// What a unit may use.
    pub limits: Limits,
    /// What it is for: a number of [`Class`].
    pub class: u8,
    /// Licence of the code: an SPDX expression, or any line of text.
    pub licence: String,
    /// Files that belong to the program, such as a script and its libraries: every unit sees them below
    /// `/in/`[`FOLDER`](Image::FOLDER), read-only. Not in the encoding if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
}

impl Image {
    /// Where units see the image's own files, below `/in`.
    pub const FOLDER: &str = "app";

    /// The name below `/in` of a file of the image.
    pub fn seen_as(file: &File) -> String {
        format!("{}/{}", Self::FOLDER, file.name)
    }

    /// Arguments of a unit: the image's, then its own.
    pub fn arguments(&self, unit: &UnitInput) -> Vec<String> {
        self.args.iter().chain(&unit.args).cloned().collect()
    }

    /// Checks that the files of a job leave the image's folder alone, and that both together fit into a unit.
    ///
    /// # Errors
    /// [`ManifestError::Invalid`] with the field of the job's input that breaks a rule.
    pub fn admits(&self, input: &JobInput) -> Result<(), ManifestError> {
        if self.files.is_empty() {
            return Ok(());
        }
        let sum = |files: &[File]| {
            files
                .iter()
                .fold(0, |sum: u64, f| sum.saturating_add(f.size))
        };
        let free = |field: &str, files: &[File]| {
            let taken = |file: &File| {
                let rest = file.name.strip_prefix(Self::FOLDER);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            match files.iter().position(taken) {
                None => Ok(()),
                Some(at) => Err(invalid::<JobInput>(
                    format!("{field}[{at}].name"),
                    Problem::OfTheImage(files[at].name.clone()),
                )),
            }
        };
        free("shared", &input.shared)?;
        let common = sum(&self.files).saturating_add(sum(&input.shared));
        check::content::<JobInput>("shared", common, UNIT_CONTENT_BYTES)?;
        for (at, unit) in input.units.iter().enumerate() {
            let field = format!("units[{at}].files");
            free(&field, &unit.files)?;
            let all = common.saturating_add(sum(&unit.files));
            check::content::<JobInput>(&field, all, UNIT_CONTENT_BYTES)?;
        }
        Ok(())
    }
}

impl Manifest for Image {
    const WHAT: &'static str = "an image";
    const MAX_BYTES: usize = IMAGE_BYTES;

    fn validate(&self) -> Result<(), ManifestError> {
        check::version::<Self>(self.version)?;
        check::text::<Self>("name", &self.name, TEXT_BYTES)?;
        check::text::<Self>("licence", &self.licence, TEXT_BYTES)?;
        check::args::<Self>("args", &self.args)?;
        check::range::<Self>("limits.fuel", self.limits.fuel, 1, u64::MAX)?;
        // 32-bit linear memory: at least one page, at most 4 GiB.
        check::range::<Self>("limits.memory", self.limits.memory, 64 << 10, 4 << 30)?;
        check::range::<Self>("limits.output", self.limits.output, 0, OUTPUT_BYTES)?;
        check::range::<Self>("class", self.class.into(), 0, Class::ALL.len() as u64 - 1)?;
        let (_, size) = check::files::<Self>("files", &self.files, SHARED_FILES, None)?;
        check::sorted::<Self>("files", &self.files)?;
        check::content::<Self>("files", size, UNIT_CONTENT_BYTES)
    }
}
