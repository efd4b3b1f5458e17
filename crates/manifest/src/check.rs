//! Rules that several manifests share.

use std::collections::HashSet;

use crate::{
    File, Manifest, ManifestError, Problem,
    codec::invalid,
    limits::{ALL_ARGS_BYTES, ARG_BYTES, ARGS, NAME_BYTES, NAME_DEPTH},
};

pub(crate) fn version<M: Manifest>(version: u64) -> Result<(), ManifestError> {
    if version == 1 {
        Ok(())
    } else {
        Err(invalid::<M>("version", Problem::Version(version)))
    }
}

pub(crate) fn range<M: Manifest>(
    field: &str,
    value: u64,
    min: u64,
    max: u64,
) -> Result<(), ManifestError> {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(invalid::<M>(field, Problem::OutOfRange { value, min, max }))
    }
}

pub(crate) fn count<M: Manifest>(
    field: &str,
    count: usize,
    limit: usize,
) -> Result<(), ManifestError> {
    if count <= limit {
        Ok(())
    } else {
        Err(invalid::<M>(field, Problem::TooMany { count, limit }))
    }
}

/// A line of text for people: not empty, bounded, printable.
pub(crate) fn text<M: Manifest>(
    field: &str,
    text: &str,
    limit: usize,
) -> Result<(), ManifestError> {
    let problem = if text.is_empty() {
        Problem::Empty
    } else if text.len() > limit {
        Problem::TooLong {
            size: text.len(),
            limit,
        }
    } else if text.chars().any(char::is_control) {
        Problem::Characters(text.into())
    } else {
        return Ok(());
    };
    Err(invalid::<M>(field, problem))
}

pub(crate) fn args<M: Manifest>(field: &str, args: &[String]) -> Result<(), ManifestError> {
    count::<M>(field, args.len(), ARGS)?;
    let mut sum = 0;
    for (at, arg) in args.iter().enumerate() {
        let problem = if arg.len() > ARG_BYTES {
            Problem::TooLong {
                size: arg.len(),
                limit: ARG_BYTES,
            }
        } else if arg.contains('\0') {
            Problem::ZeroByte
        } else {
            // Bounded by `ARGS × ARG_BYTES`.
            sum += arg.len();
            continue;
        };
        return Err(invalid::<M>(format!("{field}[{at}]"), problem));
    }
    if sum > ALL_ARGS_BYTES {
        return Err(invalid::<M>(
            field,
            Problem::TooLong {
                size: sum,
                limit: ALL_ARGS_BYTES,
            },
        ));
    }
    Ok(())
}

/// A relative path that means the same on every system.
pub(crate) fn name(name: &str) -> Result<(), Problem> {
    if name.is_empty() {
        return Err(Problem::Empty);
    }
    if name.len() > NAME_BYTES {
        return Err(Problem::TooLong {
            size: name.len(),
            limit: NAME_BYTES,
        });
    }
    if name.starts_with('/') {
        return Err(Problem::Absolute(name.into()));
    }
    // A backslash separates and a colon names a drive or stream on Windows, where requesters run too.
    if name
        .chars()
        .any(|c| c.is_control() || c == '\\' || c == ':')
    {
        return Err(Problem::Characters(name.into()));
    }
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(Problem::Climbs(name.into()));
    }
    if name.split('/').count() > NAME_DEPTH {
        return Err(Problem::TooDeep(name.into()));
    }
    Ok(())
}

/// The names of a set of files that will stand in one directory tree.
#[derive(Clone, Default)]
pub(crate) struct Tree<'a> {
    files: HashSet<&'a str>,
    directories: HashSet<&'a str>,
}

impl<'a> Tree<'a> {
    /// Adds a file, unless its name is invalid or taken here or in `below`.
    pub(crate) fn add(&mut self, path: &'a str, below: Option<&Self>) -> Result<(), Problem> {
        name(path)?;
        let is_file =
            |p: &str| self.files.contains(p) || below.is_some_and(|b| b.files.contains(p));
        if is_file(path) {
            return Err(Problem::Duplicate(path.into()));
        }
        if self.directories.contains(path) || below.is_some_and(|b| b.directories.contains(path)) {
            return Err(Problem::FileAndDirectory(path.into()));
        }
        let parents = || path.match_indices('/').map(|(at, _)| &path[..at]);
        if let Some(taken) = parents().find(|parent| is_file(parent)) {
            return Err(Problem::FileAndDirectory(taken.into()));
        }
        self.directories.extend(parents());
        self.files.insert(path);
        Ok(())
    }
}

/// Checks a list of files; returns their names and the sum of their sizes (saturating).
pub(crate) fn files<'a, M: Manifest>(
    field: &str,
    list: &'a [File],
    limit: usize,
    below: Option<&Tree<'a>>,
) -> Result<(Tree<'a>, u64), ManifestError> {
    count::<M>(field, list.len(), limit)?;
    let (mut tree, mut sum) = (Tree::default(), 0u64);
    for (at, file) in list.iter().enumerate() {
        tree.add(&file.name, below)
            .map_err(|problem| invalid::<M>(format!("{field}[{at}].name"), problem))?;
        sum = sum.saturating_add(file.size);
    }
    Ok((tree, sum))
}

/// Checks that content fits its limit.
pub(crate) fn content<M: Manifest>(
    field: &str,
    size: u64,
    limit: u64,
) -> Result<(), ManifestError> {
    if size <= limit {
        Ok(())
    } else {
        Err(invalid::<M>(field, Problem::TooBig { size, limit }))
    }
}

/// Checks that files are in ascending order of their names: one meaning, one digest.
pub(crate) fn sorted<M: Manifest>(field: &str, list: &[File]) -> Result<(), ManifestError> {
    match list
        .windows(2)
        .position(|pair| pair[0].name >= pair[1].name)
    {
        None => Ok(()),
        Some(at) => Err(invalid::<M>(
            format!("{field}[{}]", at + 1),
            Problem::Unsorted(list[at + 1].name.clone()),
        )),
    }
}
