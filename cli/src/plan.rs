//! From a job file and flags to what is submitted: inputs, units, terms.

mod terms;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use sungrid_manifest::{File, JobInput, Manifest, UNIT_PLACE, UnitSpec};
use sungrid_primitives::{ContentHash, JobId, job::MAX_UNITS};
use sungrid_seal::sealed_size;

use crate::Error;
pub use terms::Terms;

/// A job file: TOML, or JSON if its name ends in `.json`. Paths are relative to the file.
///
/// ```toml
/// image = "blur.wasm"                  # a .wasm file, or the CID of a published image
/// shared = ["kernel.txt"]              # every unit gets these under /in
/// each = ["frames/1.png", "frames/2.png"]   # one unit per file; or `units = 64`; or [[unit]] tables
/// args = ["--strength", "3", "{name}"] # {unit}, {units}, and {name} with `each`
/// price = "2.5"                        # ISC per SUNS·hour; default: the floor
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobFile {
    /// CID of a published image, or path of a `.wasm` file.
    pub image: Option<String>,
    /// Files that every unit gets.
    pub shared: Vec<FileRef>,
    /// Number of equal units.
    pub units: Option<u32>,
    /// One unit per file, which it gets beside the shared ones.
    pub each: Vec<PathBuf>,
    /// Arguments of every unit, after the image's.
    pub args: Vec<String>,
    /// Units one by one.
    pub unit: Vec<UnitRef>,
    /// A job whose outputs each unit gets under `/in/before/UNIT`.
    pub after: Option<JobId>,
    /// Bid, ISC per SUNS·hour.
    pub price: Option<String>,
    /// Units per batch.
    pub batch_size: Option<u32>,
    /// How results are verified, such as `replicate:3` or `quorum:99`.
    pub policy: Option<String>,
    /// Most fuel of a unit, such as `5G`.
    pub fuel_limit: Option<String>,
    /// Most memory of a unit, such as `64MiB`.
    pub memory_limit: Option<String>,
    /// Most bytes of a unit, in and out, such as `8MiB`.
    pub traffic_limit: Option<String>,
    /// Time until the job ends in any case, such as `2h`.
    pub deadline: Option<String>,
    /// Countries whose workers may take it (ISO 3166-1 alpha-2); empty: any.
    pub jurisdictions: Vec<String>,
    /// Regions whose workers may take it; empty: any.
    pub regions: Vec<String>,
    /// Architectures that it may run on; empty: any.
    pub architectures: Vec<String>,
    /// Power that it may run on; empty: any.
    pub energy: Vec<String>,
    /// Most carbon intensity of a worker's power, gCO2/kWh.
    pub max_gco2: Option<u16>,
    /// Who must stand for what the five above demand: `declared` or `attested`.
    pub min_tier: Option<String>,
    /// Whether the replicas of a batch must be in different countries.
    pub distinct_jurisdictions: bool,
    /// Whether inputs and outputs are encrypted to the parties.
    pub encrypt: bool,
    /// Results in a row, since it was last wrong, that a worker must have had accepted in the job's environment.
    pub min_streak: Option<u32>,
}

/// A file and the name under which units see it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum FileRef {
    /// `path`, or `path=name`.
    Short(String),
    /// Both.
    Long {
        /// Where it is.
        path: PathBuf,
        /// Its name under `/in`.
        name: String,
    },
}

/// A unit of a job file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UnitRef {
    /// Arguments after the image's and the job's.
    pub args: Vec<String>,
    /// Files of this unit only.
    pub files: Vec<FileRef>,
}

/// A file on this machine that units will see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its name under `/in`.
    pub name: String,
    /// Its size when it was planned, bytes.
    pub size: u64,
}

/// What one unit gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalUnit {
    /// Arguments after the image's.
    pub args: Vec<String>,
    /// Files of this unit only.
    pub files: Vec<LocalFile>,
}

/// The code to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageRef {
    /// Published already.
    Published(ContentHash),
    /// A file to publish if it is not.
    Wasm(PathBuf),
}

impl ImageRef {
    /// Reads what a user names: a path that ends in `.wasm`, or a CID.
    ///
    /// # Errors
    /// [`Error::ContentId`] if it is neither, [`Error::Malformed`] if it is another file.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.ends_with(".wasm") {
            Ok(Self::Wasm(text.into()))
        } else {
            let published = crate::parse_image_cid(text).map(Self::Published);
            published.map_err(|error| match Path::new(text).exists() {
                true => Error::malformed(
                    Path::new(text),
                    "not a program: give a module, whose name ends in .wasm, or an image's CID",
                ),
                false => error,
            })
        }
    }
}

/// A job, ready to be offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What to run.
    pub image: ImageRef,
    /// Files that every unit gets.
    pub shared: Vec<LocalFile>,
    /// Number of units.
    pub count: u32,
    /// One entry per unit, or one that all share, with `{unit}` for a unit's index.
    pub units: Vec<LocalUnit>,
    /// The terms.
    pub terms: Terms,
    /// The job that it comes after.
    pub after: Option<JobId>,
    /// Whether inputs and outputs are encrypted to the parties.
    pub encrypt: bool,
}

impl JobFile {
    /// Reads a job file and resolves its paths.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Malformed`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
        let json = path
            .extension()
            .is_some_and(|ext| ext.eq_ignore_ascii_case("json"));
        let mut file: Self = if json {
            serde_json::from_str(&text).map_err(|error| Error::malformed(path, error))?
        } else {
            toml::from_str(&text).map_err(|error| Error::malformed(path, error))?
        };
        let base = path.parent().unwrap_or(Path::new(""));
        let files = file.shared.iter_mut();
        let files = files.chain(file.unit.iter_mut().flat_map(|unit| unit.files.iter_mut()));
        for entry in files {
            *entry = entry.below(base);
        }
        for entry in &mut file.each {
            *entry = base.join(&*entry);
        }
        if let Some(image) = &mut file.image
            && image.ends_with(".wasm")
        {
            *image = base.join(&*image).to_string_lossy().into_owned();
        }
        Ok(file)
    }

    /// Whether it says what the units are.
    pub fn has_units(&self) -> bool {
        self.units.is_some() || !self.each.is_empty() || !self.unit.is_empty()
    }

    /// Turns the file into a plan, reading the sizes of its files.
    ///
    /// # Errors
    /// [`Error::Usage`] if it contradicts itself, [`Error::File`], or [`Error::Manifest`] if workers would
    /// refuse the inputs.
    pub fn plan(self) -> Result<Plan, Error> {
        let usage = |text: &str| Err(Error::Usage(text.into()));
        let Some(image) = &self.image else {
            return usage("which image? Give --image FILE.wasm or --image CID");
        };
        let image = ImageRef::parse(image)?;
        let ways = [
            self.units.is_some(),
            !self.each.is_empty(),
            !self.unit.is_empty(),
        ];
        if ways.iter().filter(|given| **given).count() > 1 {
            return usage("`units`, `each` and `[[unit]]` exclude each other: give one of them");
        }
        let shared = self
            .shared
            .iter()
            .map(FileRef::local)
            .collect::<Result<Vec<_>, _>>()?;
        let count = self.count()?;
        let units = self.units(count)?;
        let plan = Plan {
            image,
            shared,
            count,
            units,
            terms: self.terms()?,
            after: self.after,
            encrypt: self.encrypt,
        };
        plan.preview().validate()?;
        Ok(plan)
    }

    fn count(&self) -> Result<u32, Error> {
        let count = match self.units {
            Some(units) => units as usize,
            None => self.each.len().max(self.unit.len()).max(1),
        };
        let fits = u32::try_from(count).ok();
        fits.filter(|count| (1..=MAX_UNITS).contains(count))
            .ok_or_else(|| Error::Usage(format!("a job has 1 to {MAX_UNITS} units, not {count}")))
    }

    /// Equal units are one entry, whose index the manifest fills in.
    fn units(&self, count: u32) -> Result<Vec<LocalUnit>, Error> {
        let entries = self.each.len().max(self.unit.len()).max(1);
        let mut units = Vec::with_capacity(entries);
        for at in 0..entries {
            let mut files = Vec::new();
            let mut name = String::new();
            if let Some(path) = self.each.get(at) {
                let file = FileRef::Short(path.to_string_lossy().into_owned()).local()?;
                name.clone_from(&file.name);
                files.push(file);
            }
            let fill = |arg: &String| {
                let index = match entries {
                    1 => UNIT_PLACE.into(),
                    _ => at.to_string(),
                };
                arg.replace(UNIT_PLACE, &index)
                    .replace("{units}", &count.to_string())
                    .replace("{name}", &name)
            };
            let mut args: Vec<String> = self.args.iter().map(fill).collect();
            if let Some(unit) = self.unit.get(at) {
                args.extend(unit.args.iter().map(fill));
                for file in &unit.files {
                    files.push(file.local()?);
                }
            }
            units.push(LocalUnit { args, files });
        }
        Ok(units)
    }
}

impl FileRef {
    /// The path, and the name if one is given.
    pub(crate) fn split(&self) -> (PathBuf, Option<String>) {
        match self {
            Self::Long { path, name } => (path.clone(), Some(name.clone())),
            Self::Short(text) => match text.rsplit_once('=') {
                // A file whose own name has a `=` is taken as it is.
                Some((path, name)) if !Path::new(text).exists() => (path.into(), Some(name.into())),
                _ => (text.into(), None),
            },
        }
    }

    fn below(&self, base: &Path) -> Self {
        match self {
            Self::Long { path, name } => Self::Long {
                path: base.join(path),
                name: name.clone(),
            },
            Self::Short(text) => Self::Short(base.join(text).to_string_lossy().into_owned()),
        }
    }

    /// Looks at the file.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be read, [`Error::Malformed`] if it has no usable name.
    pub fn local(&self) -> Result<LocalFile, Error> {
        let (path, name) = self.split();
        let metadata = fs::metadata(&path).map_err(Error::file("read", &path))?;
        if !metadata.is_file() {
            return Err(Error::malformed(
                path,
                "not a regular file: give files one by one",
            ));
        }
        let name = match name {
            Some(name) => name,
            None => path
                .file_name()
                .and_then(|name| name.to_str())
                .map(str::to_owned)
                .ok_or_else(|| {
                    Error::malformed(&path, "its name is not UTF-8: give it as PATH=NAME")
                })?,
        };
        Ok(LocalFile {
            path,
            name,
            size: metadata.len(),
        })
    }
}

impl Plan {
    /// The job input with digests still unknown: names, counts and sizes are what workers will see.
    fn preview(&self) -> JobInput {
        self.input(|file| (ContentHash::zero(), file.size))
    }

    /// The job input, with address and size of each file as it is stored.
    pub fn input(&self, stored: impl Fn(&LocalFile) -> (ContentHash, u64)) -> JobInput {
        let files = |list: &[LocalFile]| -> Vec<File> {
            list.iter()
                .map(|file| {
                    let (hash, size) = stored(file);
                    File::new(&*file.name, hash, size)
                })
                .collect()
        };
        let units = self.units.iter().map(|unit| UnitSpec {
            args: unit.args.clone(),
            files: files(&unit.files),
        });
        JobInput {
            count: self.count,
            ..JobInput::new(files(&self.shared), units.collect())
        }
    }

    /// Most bytes that a unit is charged for as fetched, before what it gets from an earlier job.
    pub fn most_traffic(&self, batch_size: u32) -> u64 {
        let stored = |file: &LocalFile| match self.encrypt {
            true => sealed_size(file.size),
            false => file.size,
        };
        self.input(|file| (ContentHash::zero(), stored(file)))
            .most_traffic(batch_size)
    }

    /// Every file, each path once.
    pub fn files(&self) -> Vec<&LocalFile> {
        let all = self
            .shared
            .iter()
            .chain(self.units.iter().flat_map(|unit| &unit.files));
        let mut seen = std::collections::HashSet::new();
        all.filter(|file| seen.insert(&file.path)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sungrid_chain_client::{Policy, Tier, Tiers};
    use sungrid_manifest::{ManifestError, Problem};

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.txt", "b.txt", "x=y.txt"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        folder
    }

    fn plan(folder: &Path, text: &str) -> Result<Plan, Error> {
        let path = folder.join("job.toml");
        fs::write(&path, format!("image = \"i.wasm\"\n{text}")).unwrap();
        JobFile::read(&path)?.plan()
    }

    #[test]
    fn a_file_that_is_no_module_is_told_from_a_mistyped_cid() {
        let folder = folder();
        let text = folder.path().join("a.txt").to_string_lossy().into_owned();
        let error = ImageRef::parse(&text).unwrap_err().to_string();
        assert!(error.contains("whose name ends in .wasm"), "{error}");
        let error = ImageRef::parse("bafkr4x").unwrap_err().to_string();
        assert!(error.contains("not a CID"), "{error}");
    }

    #[test]
    fn units_come_from_a_number_from_files_or_one_by_one() {
        let folder = folder();
        let at = folder.path();
        let by_number = plan(at, "units = 3\nargs = [\"{unit}/{units}\"]").unwrap();
        assert_eq!(by_number.image, ImageRef::Wasm(at.join("i.wasm")));
        let input = by_number.preview();
        let args: Vec<_> = (0..3).map(|n| input.unit(n).unwrap().args).collect();
        assert_eq!(args, [["0/3"], ["1/3"], ["2/3"]]);

        let by_file = plan(at, "each = [\"a.txt\", \"b.txt\"]\nargs = [\"{name}\"]").unwrap();
        assert_eq!(by_file.units[1].files[0].path, at.join("b.txt"));
        assert_eq!(by_file.units[1].args, ["b.txt"]);

        let text = "shared = [\"a.txt=in/a\", { path = \"x=y.txt\", name = \"z\" }]\nargs = [\"all\"]\n\
                    [[unit]]\nargs = [\"first\"]\n[[unit]]\nfiles = [\"b.txt\"]";
        let one_by_one = plan(at, text).unwrap();
        let names: Vec<_> = one_by_one.shared.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["in/a", "z"]);
        assert_eq!(one_by_one.units[0].args, ["all", "first"]);
        assert_eq!(one_by_one.units[1].files[0].name, "b.txt");
        assert_eq!(one_by_one.files().len(), 3);
        let plain = plan(at, "").unwrap();
        assert_eq!((plain.count, plain.encrypt), (1, false));
        assert!(plan(at, "encrypt = true").unwrap().encrypt);
    }

    #[test]
    fn a_name_with_an_equals_sign_is_taken_as_it_is() {
        let folder = folder();
        let path = folder.path().join("x=y.txt");
        let file = FileRef::Short(path.to_string_lossy().into_owned())
            .local()
            .unwrap();
        assert_eq!((file.path, file.name.as_str()), (path, "x=y.txt"));
    }

    #[test]
    fn terms_are_read_in_human_units() {
        let folder = folder();
        let text = "price = \"2.5\"\nfuel_limit = \"5G\"\nmemory_limit = \"64MiB\"\ntraffic_limit = \"3KiB\"\ndeadline = \"2h\"\n\
                    jurisdictions = [\"de\"]\npolicy = \"replicate:3\"\nbatch_size = 4\nmin_streak = 9";
        let terms = plan(folder.path(), text).unwrap().terms;
        assert_eq!(terms.price, Some(2_500_000_000_000));
        assert_eq!(terms.fuel_limit, Some(5_000_000_000));
        assert_eq!(terms.memory_limit, Some(64 << 20));
        assert_eq!(terms.traffic_limit, Some(3 << 10));
        assert_eq!(terms.deadline, Some(7_200));
        assert_eq!(terms.constraints.jurisdictions.to_vec(), [*b"DE"]);
        assert_eq!(terms.policy, Some(Policy::Replicate(3)));
        assert_eq!(terms.batch_size, Some(4));
        assert_eq!(terms.constraints.min_streak, 9);
    }

    #[test]
    fn constraints_are_read_and_a_tier_is_demanded_of_what_they_name() {
        use sungrid_chain_client::{Architecture, EnergySource};
        let folder = folder();
        let text = "jurisdictions = [\"de\", \"DE\", \"at\"]\nregions = [\"DE-BY\"]\n\
                    architectures = [\"aarch64\"]\nenergy = [\"wind\", \"Solar\"]\nmax_gco2 = 50\n\
                    distinct_jurisdictions = true";
        let read = |text: &str| plan(folder.path(), text).unwrap().terms.constraints;
        let declared = read(text);
        assert_eq!(declared.jurisdictions.to_vec(), [*b"AT", *b"DE"]);
        assert_eq!(declared.regions[0].to_vec(), b"DE-BY");
        assert_eq!(declared.architectures.to_vec(), [Architecture::Aarch64]);
        assert_eq!(
            declared.energy.to_vec(),
            [EnergySource::Solar, EnergySource::Wind]
        );
        assert_eq!(declared.max_carbon, Some(50));
        assert!(declared.distinct_jurisdictions);
        assert_eq!(declared.tiers, Tiers::default());
        let all = read(&format!("{text}\nmin_tier = \"attested\""));
        assert_eq!(all.tiers, Tiers::default().map(|_| Tier::Attested));
        let one = read("energy = [\"hydro\"]\nmin_tier = \"attested\"");
        let energy = Tiers {
            energy: Tier::Attested,
            ..Tiers::default()
        };
        assert_eq!(one.tiers, energy);
    }

    #[test]
    fn contradictions_and_nonsense_are_refused_with_a_reason() {
        let folder = folder();
        for (text, reason) in [
            ("units = 2\neach = [\"a.txt\"]", "exclude each other"),
            ("units = 0", "1 to"),
            ("units = 2000000", "1 to"),
            ("unknown = 1", "unknown field"),
            ("price = \"much\"", "not an amount of ISC"),
            ("fuel_limit = \"-1\"", "not an amount of fuel"),
            ("deadline = \"soon\"", "not a span of time"),
            ("policy = \"blindly\"", "not a policy"),
            ("jurisdictions = [\"Germany\"]", "no country code"),
            ("energy = [\"hamsters\"]", "no source of energy"),
            ("architectures = [\"z80\"]", "no architecture"),
            ("min_tier = \"trusted\"", "no tier"),
            (
                "regions = [\"a\", \"b\", \"c\", \"d\", \"e\"]",
                "a job can name 4",
            ),
            ("shared = [\"missing.txt\"]", "check the path"),
            ("shared = [\".\"]", "not a regular file"),
            ("shared = [\"a.txt=/etc/a\"]", "absolute path"),
            ("shared = [\"a.txt=../a\"]", "`..`"),
            ("shared = [\"a.txt\", \"a.txt\"]", "appears twice"),
        ] {
            let error = plan(folder.path(), text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let error = JobFile::default().plan().unwrap_err().to_string();
        assert!(error.contains("--image"), "{error}");
        let image = Some("bafkqaaa".to_owned());
        let error = JobFile {
            image,
            ..Default::default()
        }
        .plan()
        .unwrap_err();
        assert!(matches!(error, Error::ContentId { .. }), "{error}");
    }

    #[test]
    fn an_oversized_input_is_refused_before_anything_is_copied() {
        let folder = folder();
        // A sparse file: large, and nothing on disk.
        let file = fs::File::create(folder.path().join("big")).unwrap();
        file.set_len((1 << 30) + 1).unwrap();
        let error = plan(folder.path(), "shared = [\"big\"]").unwrap_err();
        assert!(
            matches!(
                &error,
                Error::Manifest(ManifestError::Invalid {
                    problem: Problem::TooBig { .. },
                    ..
                })
            ),
            "{error}"
        );
        assert!(error.to_string().contains("split the input"), "{error}");
    }
}
