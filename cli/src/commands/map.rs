//! `sungrid map`: one program over many files, as one job; what it leaves of each is collected by name.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;
use sungrid_executor::Exit;
use sungrid_primitives::UnitIndex;

use super::{
    image,
    job::{Done, announce, follow, lay_terms},
};
use crate::{
    Error,
    args::MapArgs,
    context::Context,
    folder::{self, JobFolder, Task},
    package::{files_below, relative_name},
    plan::{FileRef, JobFile, UnitRef},
    requester::Summary,
    serve::Serving,
    submit::Submission,
    units,
};

/// Where units see the script, below `/in`.
const SCRIPT_FOLDER: &str = "script";

/// What stands for a file's name in the arguments.
const NAME_PLACE: &str = "{name}";

/// Failed files that are named one by one.
const NAMED: usize = 5;

/// Bytes of the end of a program's stderr that are shown.
const TAIL: usize = 400;

pub(super) async fn run(context: &Context, args: MapArgs) -> Result<(), Error> {
    let job = order(&args)?;
    let mut plan = job.plan()?;
    let out = std::path::absolute(&args.out).map_err(Error::file("find", &args.out))?;
    // Before anything is paid for.
    fs::create_dir_all(&out).map_err(Error::file("create", &out))?;
    tempfile::tempfile_in(&out)
        .map(drop)
        .map_err(Error::file("write into", &out))?;
    let key = context.key()?;
    let chain = context.chain().await?;
    plan.terms.batches = Some(batches(chain.workers().await?.len()));
    let (digest, manifest, code) =
        image::ready(context, &*chain, &key, &plan.image, &args.manifest).await?;
    let submission = Submission {
        chain,
        key: &key,
        data: &context.data,
        out: &context.out,
        node: context.global.node().into(),
        serving: Serving::of(&args.serve, &context.global.nodes()),
        environment: args.terms.environment,
    };
    let task = Task::Map {
        out: out.clone(),
        flat: args.flat,
    };
    let requester = submission
        .submit(&plan, digest, &manifest, code, task)
        .await?;
    announce(context, &requester);
    let done = follow(context, requester).await?;
    finish(context, &done, &out, args.flat)
}

/// Batches to cut a map into. Its units tend to be small, so what a batch takes is the blocks from claim to reveal: no more of them
/// than the workers need to have something in hand all the time, and to share what is left at the end.
fn batches(workers: usize) -> u32 {
    u32::try_from(workers.saturating_mul(4))
        .unwrap_or(u32::MAX)
        .clamp(4, 64)
}

/// The order: a unit for every file, or for so many of them.
fn order(args: &MapArgs) -> Result<JobFile, Error> {
    if args.per_unit == 0 {
        return Err(Error::Usage("--per-unit must be at least 1".into()));
    }
    if args.per_unit > 1 && !args.flat {
        return Err(Error::Usage(
            "--per-unit needs --flat: of several files in one unit nobody knows whose stdout it is, so the program names what \
             it writes under /out after them"
                .into(),
        ));
    }
    let files = named(&args.paths)?;
    let mut shared: Vec<FileRef> = args.input.iter().cloned().map(FileRef::Short).collect();
    let mut first = Vec::new();
    if let Some(path) = &args.script {
        let script = FileRef::Short(path.to_string_lossy().into_owned()).local()?;
        let name = format!("{SCRIPT_FOLDER}/{}", script.name);
        first.push(format!("/in/{name}"));
        shared.push(FileRef::Long {
            path: script.path,
            name,
        });
    }
    let mut rest = args.args.clone();
    if !rest.iter().any(|arg| arg.contains(NAME_PLACE)) {
        rest.push(format!("/in/{NAME_PLACE}"));
    }
    let unit = |files: &[(String, PathBuf)]| {
        let mut args = first.clone();
        for arg in &rest {
            if arg.contains(NAME_PLACE) {
                args.extend(files.iter().map(|(name, _)| arg.replace(NAME_PLACE, name)));
            } else {
                args.push(arg.clone());
            }
        }
        let files = files.iter().map(|(name, path)| FileRef::Long {
            path: path.clone(),
            name: name.clone(),
        });
        UnitRef {
            args,
            files: files.collect(),
        }
    };
    let mut job = JobFile {
        image: Some(args.image.clone()),
        shared,
        unit: files.chunks(args.per_unit as usize).map(unit).collect(),
        ..JobFile::default()
    };
    lay_terms(&mut job, &args.terms);
    Ok(job)
}

/// The files with their names: the paths from the folder on that all of them have in common.
fn named(paths: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut files = Vec::new();
    for path in paths {
        let path = std::path::absolute(path).map_err(Error::file("find", path))?;
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    let Some(first) = files.first() else {
        return Err(Error::Usage(
            "there is no file in what you named: give files, or folders that have some".into(),
        ));
    };
    let mut common = first.parent().unwrap_or(Path::new("/")).to_owned();
    for file in &files {
        while !file
            .parent()
            .is_some_and(|parent| parent.starts_with(&common))
        {
            if !common.pop() {
                break;
            }
        }
    }
    let mut seen = HashMap::new();
    let mut list = Vec::with_capacity(files.len());
    for file in files {
        let name = relative_name(&common, &file)?;
        // These have a meaning in arguments, of which the name becomes a part.
        if ["{unit}", "{units}", NAME_PLACE]
            .iter()
            .any(|place| name.contains(place))
        {
            return Err(Error::malformed(
                &file,
                "its name has {unit}, {units} or {name} in it, which stand for something else: rename it",
            ));
        }
        if let Some(before) = seen.insert(name.clone(), file.clone()) {
            return Err(Error::Usage(format!(
                "{} is named twice: leave one out",
                before.display()
            )));
        }
        list.push((name, file));
    }
    Ok(list)
}

/// A file whose unit did not end well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Failed {
    /// The file; of several in one unit, all of them.
    names: Vec<String>,
    exit: u32,
    reason: String,
    /// The end of what it wrote there.
    stderr: String,
}

/// What `map` reports.
#[derive(Debug, Serialize)]
struct Mapped<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    files: usize,
    collected: usize,
    failed_files: &'a [Failed],
    outputs: &'a Path,
    receipts: PathBuf,
}

/// Collects the results of a job that has ended, and reports them.
pub(super) fn finish(context: &Context, done: &Done, out: &Path, flat: bool) -> Result<(), Error> {
    let summary = &done.summary;
    let input = done.folder.input()?;
    let names = |unit: UnitIndex| -> Vec<String> {
        let files = input.unit(unit).map(|unit| unit.files).unwrap_or_default();
        files.into_iter().map(|file| file.name).collect()
    };
    let units: Vec<_> = (0..summary.units).map(|unit| (unit, names(unit))).collect();
    let collected = collect(&done.folder, &units, out, flat)?;
    let mapped = Mapped {
        summary,
        files: units.iter().map(|(_, names)| names.len()).sum(),
        collected: collected.files,
        failed_files: &collected.failed,
        outputs: out,
        receipts: done.folder.receipts(),
    };
    context.out.result(&mapped, || {
        format!(
            "job {} {}: {} of {} files done, in {}\npaid      {}, {} per replica\nreceipts  {} (check them with `sungrid \
             receipt verify`)",
            summary.job,
            summary.state,
            mapped.collected,
            mapped.files,
            out.display(),
            units::isc(summary.paid_planck),
            units::fuel(summary.fuel),
            done.folder.path().display(),
        )
    });
    summary.clone().complete()?;
    collected.failure(mapped.files).map_or(Ok(()), Err)
}

/// What was collected.
#[derive(Debug, Default)]
struct Collected {
    /// Files whose units have a result.
    files: usize,
    failed: Vec<Failed>,
}

impl Collected {
    fn failure(&self, files: usize) -> Option<Error> {
        let first = self.failed.first()?;
        let count: usize = self.failed.iter().map(|failed| failed.names.len()).sum();
        let some = self.failed.iter().take(NAMED);
        let mut lines: Vec<String> = some
            .map(|failed| format!("  {}: {}", failed.names.join(", "), failed.reason))
            .collect();
        if self.failed.len() > NAMED {
            lines.push("  …".into());
        }
        if !first.stderr.is_empty() {
            lines.push(format!("the first wrote to stderr: {}", first.stderr));
        }
        Some(Error::Program(format!(
            "the program failed on {count} of {files} files; try one of them with `sungrid run`:\n{}",
            lines.join("\n")
        )))
    }
}

/// Copies what each unit left to where its file's name says. Units without a result are left out.
fn collect(
    job: &JobFolder,
    units: &[(UnitIndex, Vec<String>)],
    out: &Path,
    flat: bool,
) -> Result<Collected, Error> {
    let mut collected = Collected::default();
    // What was left under each name, and by which file's unit.
    let mut left: BTreeMap<PathBuf, String> = BTreeMap::new();
    for (unit, names) in units {
        let from = job.unit(*unit);
        let Some(exit) = exit_of(&from)? else {
            continue;
        };
        collected.files += names.len();
        let whose = names.join(", ");
        if exit != 0 {
            collected.failed.push(Failed {
                names: names.clone(),
                exit,
                reason: reason(exit),
                stderr: tail(&from.join("stderr")),
            });
        }
        if !flat {
            for name in names {
                let target = out.join(name);
                // Of a former map with the same names nothing stays that this one did not leave.
                remove(&target)?;
                folder::copy(&from, &target)?;
            }
            continue;
        }
        let files = from.join("out");
        if !files.is_dir() {
            continue;
        }
        for file in files_below(&files)? {
            let name = PathBuf::from(relative_name(&files, &file)?);
            if let Some(other) = left.get(&name) {
                return Err(Error::Program(format!(
                    "{other} and {whose} both left {}: name outputs after their inputs, or leave --flat out; nothing is lost, all \
                     of it is in {}",
                    name.display(),
                    job.outputs().display()
                )));
            }
            let target = out.join(&name);
            let folder = target.parent().unwrap_or(out);
            fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
            fs::copy(&file, &target).map_err(Error::file("write", &target))?;
            left.insert(name, whose.clone());
        }
    }
    Ok(collected)
}

/// Removes what units leave in a folder, and only that: other names may have folders of their own in it.
fn remove(target: &Path) -> Result<(), Error> {
    let gone = |result: std::io::Result<()>, path: &Path| match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("replace", path)(error))
        }
        _ => Ok(()),
    };
    for stream in ["stdout", "stderr", "exit"] {
        let path = target.join(stream);
        if path.is_file() {
            gone(fs::remove_file(&path), &path)?;
        }
    }
    let files = target.join("out");
    gone(fs::remove_dir_all(&files), &files)
}

/// The exit code of a unit; `None` if it has no result here.
fn exit_of(unit: &Path) -> Result<Option<u32>, Error> {
    let path = unit.join("exit");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file("read", &path)(error)),
    };
    let code = text.trim().parse();
    code.map(Some)
        .map_err(|_| Error::malformed(&path, "no exit code: fetch the job again"))
}

fn reason(exit: u32) -> String {
    Exit::from_code(exit).map_or_else(
        || format!("ended with code {exit}, which this version does not know"),
        |exit| exit.to_string(),
    )
}

/// The end of a text file; nothing if there is none.
fn tail(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let end = &bytes[bytes.len().saturating_sub(TAIL)..];
    String::from_utf8_lossy(end).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        folder
    }

    fn args(folder: &Path, line: &str) -> MapArgs {
        let at = folder.to_string_lossy();
        let line = line.replace('@', &at);
        let words = ["sungrid", "map", "--image", "i.wasm", "-o", "out"];
        let cli = Cli::try_parse_from(words.into_iter().chain(line.split(' '))).unwrap();
        match cli.command {
            Command::Map(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    fn names(folder: &Path, line: &str) -> Vec<String> {
        let named = named(&args(folder, line).paths).unwrap();
        named.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn names_are_kept_from_the_common_folder_on() {
        let folder = folder(&["a/x.txt", "a/y.txt", "b/x.txt", "z.txt"]);
        let at = folder.path();
        assert_eq!(names(at, "@/a/y.txt @/a/x.txt"), ["y.txt", "x.txt"]);
        assert_eq!(names(at, "@/a/x.txt @/b/x.txt"), ["a/x.txt", "b/x.txt"]);
        assert_eq!(names(at, "@/b"), ["x.txt"]);
        assert_eq!(names(at, "@"), ["a/x.txt", "a/y.txt", "b/x.txt", "z.txt"]);
        assert_eq!(names(at, "@/z.txt @/a/x.txt"), ["z.txt", "a/x.txt"]);
        let error = named(&args(at, "@/z.txt @/z.txt").paths).unwrap_err();
        assert!(error.to_string().contains("twice"), "{error}");
        fs::create_dir(at.join("empty")).unwrap();
        let error = named(&args(at, "@/empty").paths).unwrap_err();
        assert!(error.to_string().contains("no file"), "{error}");
        fs::write(at.join("{unit}.txt"), "").unwrap();
        let error = named(&args(at, "@/{unit}.txt").paths).unwrap_err();
        assert!(error.to_string().contains("rename it"), "{error}");
    }

    #[test]
    fn a_unit_gets_the_script_its_arguments_and_its_files() {
        let folder = folder(&["in/a.txt", "in/b.txt", "in/c.txt", "words.py"]);
        let at = folder.path();
        let plan = |line: &str| order(&args(at, line)).unwrap().plan().unwrap();
        let plain = plan("@/in");
        assert_eq!(plain.count, 3);
        assert_eq!(plain.units[1].args, ["/in/b.txt"]);
        assert_eq!(plain.units[1].files[0].path, at.join("in/b.txt"));

        let scripted = plan("--script @/words.py @/in/b.txt @/in/a.txt -- --top 3 --from={name}");
        assert_eq!(scripted.shared[0].name, "script/words.py");
        assert_eq!(
            scripted.units[0].args,
            ["/in/script/words.py", "--top", "3", "--from=b.txt"]
        );

        let packed = plan("--per-unit 2 --flat @/in");
        assert_eq!(packed.count, 2);
        assert_eq!(packed.units[0].args, ["/in/a.txt", "/in/b.txt"]);
        assert_eq!(packed.units[1].args, ["/in/c.txt"]);

        // Terms are those of any job.
        let terms = plan("--policy replicate:3 --batch-size 2 @/in").terms;
        assert_eq!(terms.batch_size, Some(2));

        for (line, says) in [
            ("--per-unit 2 @/in", "--flat"),
            ("--per-unit 0 --flat @/in", "at least 1"),
            ("--script @/none.py @/in", "check the path"),
        ] {
            let error = order(&args(at, line)).unwrap_err().to_string();
            assert!(error.contains(says), "{line}: {error}");
        }
    }

    /// A job of three units: one that left a file and a word, one that failed, one without a result.
    fn job() -> (tempfile::TempDir, JobFolder, Vec<(UnitIndex, Vec<String>)>) {
        let folder = folder(&[
            "job/outputs/000000/out/sum.txt",
            "job/outputs/000000/stdout",
            "job/outputs/000001/out/deep/sum.txt",
        ]);
        let job = JobFolder::at(folder.path().join("job"));
        fs::write(job.unit(0).join("exit"), "0\n").unwrap();
        fs::write(job.unit(1).join("exit"), "131072\n").unwrap();
        fs::write(job.unit(1).join("stderr"), "slow\n").unwrap();
        let units = ["x.txt", "sub/y.txt", "z.txt"];
        let units = (0..).zip(units).map(|(n, name)| (n, vec![name.to_owned()]));
        (folder, job, units.collect())
    }

    #[test]
    fn what_each_file_came_to_stands_under_its_name() {
        let (folder, job, units) = job();
        let out = folder.path().join("out");
        let collected = collect(&job, &units, &out, false).unwrap();
        assert_eq!(collected.files, 2);
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        assert_eq!(read("x.txt/stdout"), "job/outputs/000000/stdout");
        assert_eq!(read("x.txt/out/sum.txt"), "job/outputs/000000/out/sum.txt");
        assert_eq!(read("x.txt/exit"), "0\n");
        assert_eq!(
            read("sub/y.txt/out/deep/sum.txt"),
            "job/outputs/000001/out/deep/sum.txt"
        );
        assert!(!out.join("z.txt").exists());
        let error = collected.failure(3).unwrap().to_string();
        for part in ["1 of 3 files", "sub/y.txt", "ran out of fuel", "slow"] {
            assert!(error.contains(part), "{error}");
        }

        // A second map into the same folder leaves nothing of the first one there.
        fs::remove_dir_all(job.unit(0).join("out")).unwrap();
        fs::remove_file(job.unit(0).join("stdout")).unwrap();
        fs::write(out.join("x.txt/mine"), "kept").unwrap();
        collect(&job, &units, &out, false).unwrap();
        assert!(!out.join("x.txt/out").exists() && !out.join("x.txt/stdout").exists());
        assert_eq!(read("x.txt/mine"), "kept");
    }

    #[test]
    fn flat_outputs_share_a_folder_and_never_a_name() {
        let (folder, job, units) = job();
        let out = folder.path().join("out");
        let collected = collect(&job, &units, &out, true).unwrap();
        assert_eq!((collected.files, collected.failed.len()), (2, 1));
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        assert_eq!(read("sum.txt"), "job/outputs/000000/out/sum.txt");
        assert_eq!(read("deep/sum.txt"), "job/outputs/000001/out/deep/sum.txt");
        assert!(!out.join("stdout").exists());

        fs::write(job.unit(1).join("out/sum.txt"), "again").unwrap();
        let error = collect(&job, &units, &out, true).unwrap_err().to_string();
        assert!(
            error.contains("x.txt and sub/y.txt both left sum.txt")
                && error.contains("nothing is lost"),
            "{error}"
        );
        assert_eq!(read("sum.txt"), "job/outputs/000000/out/sum.txt");
    }

    #[test]
    fn a_map_has_some_batches_for_each_worker() {
        let known = [(0, 4), (1, 4), (2, 8), (16, 64), (500, 64)];
        for (workers, expected) in known {
            assert_eq!(batches(workers), expected);
        }
    }

    #[test]
    fn exits_are_told_in_words() {
        assert_eq!(reason(3), "exited with code 3");
        assert!(reason(0x2_0000).contains("raise the fuel limit"));
        assert!(reason(9_999_999).contains("9999999"));
    }
}
