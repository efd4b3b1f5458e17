//! What a unit left, sealed: names and content, each at its place in the manifest.

use std::collections::BTreeMap;

use sungrid_manifest::{Blob, File, Manifest, ManifestError, UnitOutput, hash, limits};
use sungrid_primitives::ContentHash;

use crate::{
    JobKey, OpenError,
    content::{opened_size, sealed_size},
};

/// What a unit left behind, in the clear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// Exit code.
    pub exit: u32,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr.
    pub stderr: Vec<u8>,
    /// Files under `/out`, by name.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Seals what a unit left: the manifest with addresses and sizes of sealed content and sealed names, and the content in no order.
///
/// # Errors
/// [`ManifestError`] if no manifest can name it: as without sealing, or because a name is longer than 175 bytes.
pub fn seal_output(
    key: &JobKey,
    left: LeftBehind,
) -> Result<(UnitOutput, Vec<Vec<u8>>), ManifestError> {
    // The rules for names are those for what the requester gets.
    let size = |bytes: &Vec<u8>| bytes.len() as u64;
    let named = |(name, bytes)| File::new(name, ContentHash::zero(), size(bytes));
    let names = left.files.iter().map(named).collect();
    UnitOutput::new(left.exit, None, None, names).validate()?;

    let mut contents = Vec::new();
    let mut seal = |bytes: Vec<u8>| {
        let sealed = key.seal(bytes);
        let blob = Blob {
            hash: hash(&sealed),
            size: sealed.len() as u64,
        };
        contents.push(sealed);
        blob
    };
    let mut stream = |bytes: Vec<u8>| (!bytes.is_empty()).then(|| seal(bytes));
    let (stdout, stderr) = (stream(left.stdout), stream(left.stderr));
    let mut files = Vec::with_capacity(left.files.len());
    for (name, bytes) in left.files {
        let blob = seal(bytes);
        files.push(File::new(key.seal_name(&name), blob.hash, blob.size));
    }
    let output = UnitOutput::new(left.exit, stdout, stderr, files);
    output.validate()?;
    Ok((output, contents))
}

/// The same manifest with names in the clear; addresses and sizes stay those of the sealed content.
///
/// # Errors
/// [`OpenError::Name`] with the place of a name of another key, [`OpenError::Names`] if they are none that files may have.
pub fn open_output(key: &JobKey, output: &UnitOutput) -> Result<UnitOutput, OpenError> {
    let mut files = Vec::with_capacity(output.files.len());
    for (at, file) in output.files.iter().enumerate() {
        let name = key.open_name(&file.name).ok_or(OpenError::Name(at))?;
        files.push(File::new(name, file.hash, file.size));
    }
    let opened = UnitOutput::new(output.exit, output.stdout, output.stderr, files);
    opened.validate().map_err(|_| OpenError::Names)?;
    Ok(opened)
}

/// Most bytes that what a unit left takes once it is sealed, of so many in the clear; saturates.
pub fn sealed_output_size(bytes: u64) -> u64 {
    // Each content, the streams among them, has a head and a last chunk of its own.
    let contents = limits::UNIT_FILES as u64 + 2;
    sealed_size(bytes).saturating_add(contents * sealed_size(0))
}

/// Bytes of all content that a sealed output opens to.
///
/// # Errors
/// [`OpenError::Broken`] if some of it has a size that no sealed content has.
pub fn opened_bytes(output: &UnitOutput) -> Result<u64, OpenError> {
    output.contents().try_fold(0u64, |sum, file| {
        let size = opened_size(file.size).ok_or(OpenError::Broken)?;
        Ok(sum.saturating_add(size))
    })
}
