//! The manifests that requesters and workers exchange off chain.
//!
//! A *manifest* is a small DAG-CBOR document that names content by its BLAKE3 digest. The chain only
//! ever stores the digest of a manifest, so its bytes must be a function of its meaning: encoding is
//! canonical, and decoding refuses every other spelling of the same value.
//!
//! | manifest | type | named by |
//! |---|---|---|
//! | image | [`Image`] | the chain's `images` pallet |
//! | job input | [`JobInput`] | the job's `input` |
//! | unit input | [`UnitInput`] | a receipt's `input` |
//! | unit output | [`UnitOutput`] | a receipt's `output` |
//! | bundle | [`Bundle`] | a reveal, and the notice of a result |
//!
//! Manifests come from strangers. [`Manifest::decode`] bounds size, counts, names and sums before
//! anybody acts on them; a value that was built here passes the same checks in [`Manifest::encode`],
//! so that nobody publishes what nobody would accept.
//!
//! ```
//! use sungrid_manifest::{File, JobInput, Manifest, UnitSpec, hash};
//!
//! let scene = b"sphere 0 0 0 1";
//! let input = JobInput::new(
//!     vec![File::new("scene.txt", hash(scene), scene.len() as u64)],
//!     vec![UnitSpec { args: vec!["tile=0".into()], files: vec![] }],
//! );
//! let encoded = input.encode()?;
//! assert_eq!(JobInput::decode(&encoded.bytes)?, input);
//! assert_eq!(encoded.hash, hash(&encoded.bytes));
//! # Ok::<(), sungrid_manifest::ManifestError>(())
//! ```
#![deny(missing_docs)]

mod bundle;
mod check;
mod codec;
mod error;
mod image;
mod input;
mod link;
mod notice;
mod output;

pub use crate::codec::{Encoded, Manifest};
pub use bundle::Bundle;
pub use error::{ManifestError, Problem};
pub use image::{Class, Image, ImageKind, Limits, ProfileName};
pub use input::{File, JobInput, UNIT_PLACE, UnitInput, UnitSpec};
pub use link::{cid_text, hash, keyed_hash, parse_cid};
pub use notice::{NoticeError, ResultReady, unit_seed};
pub use output::{Blob, UnitOutput};

/// What a manifest may contain at most. Every party must refuse the same manifests, so these are
/// part of the protocol: raising one needs a new manifest version.
pub mod limits {
    /// Bytes of an image manifest: some 250 for each of as many files as units share.
    pub const IMAGE_BYTES: usize = 256 << 10;
    /// Bytes of a job-input manifest: some 60 bytes for each of 2^18 units that differ, any number that are alike; jobs
    /// with more text than that put it into files.
    pub const JOB_INPUT_BYTES: usize = 16 << 20;
    /// Bytes of a unit-input manifest.
    pub const UNIT_INPUT_BYTES: usize = 1 << 20;
    /// Bytes of a unit-output manifest.
    pub const UNIT_OUTPUT_BYTES: usize = 256 << 10;
    /// Bytes of a bundle: 1,024 units with 16 KiB of manifest each.
    pub const BUNDLE_BYTES: usize = 16 << 20;
    /// Bytes of a file name with its directories.
    pub const NAME_BYTES: usize = 255;
    /// Directories and file in a name.
    pub const NAME_DEPTH: usize = 8;
    /// Files that all units share: those of a job, and those of an image.
    pub const SHARED_FILES: usize = 1_024;
    /// Files of one unit: its own inputs, or its outputs.
    pub const UNIT_FILES: usize = 256;
    /// Arguments of an image, and of a unit.
    pub const ARGS: usize = 256;
    /// Bytes of one argument.
    pub const ARG_BYTES: usize = 4 << 10;
    /// Bytes of all arguments of an image or unit.
    pub const ALL_ARGS_BYTES: usize = 32 << 10;
    /// Bytes of content that one unit sees under `/in`. It lives in the worker's memory.
    pub const UNIT_CONTENT_BYTES: u64 = 1 << 30;
    /// Bytes of the code of an image.
    pub const CODE_BYTES: u64 = 256 << 20;
    /// Bytes that one unit may write: files, stdout and stderr together.
    pub const OUTPUT_BYTES: u64 = 1 << 30;
    /// Bytes of an image's name and of its licence expression.
    pub const TEXT_BYTES: usize = 128;
}
