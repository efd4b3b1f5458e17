//! Why a manifest is refused.

use crate::limits;

/// Why a manifest cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// More bytes than any manifest of its kind may have. Nothing was parsed.
    #[error(
        "{what} manifest is {size} bytes, at most {limit} are accepted: put long arguments into files"
    )]
    TooLarge {
        /// Kind of manifest.
        what: &'static str,
        /// Its size, bytes.
        size: usize,
        /// The most that is accepted, bytes.
        limit: usize,
    },
    /// The bytes are not a manifest of this kind.
    #[error("not {what} manifest: {detail}; check that the CID names what you meant")]
    Malformed {
        /// Kind of manifest, with its article.
        what: &'static str,
        /// Where the decoder stopped.
        detail: String,
    },
    /// The same value has another, canonical encoding.
    #[error("{what} manifest is not in canonical DAG-CBOR: encode it again with `sungrid`")]
    NotCanonical {
        /// Kind of manifest.
        what: &'static str,
    },
    /// A field breaks a rule.
    #[error("{what} manifest, {field}: {problem}")]
    Invalid {
        /// Kind of manifest.
        what: &'static str,
        /// The field, as a path such as `units[3].files[0].name`.
        field: String,
        /// The rule that it breaks.
        problem: Problem,
    },
}

/// The rule that a field breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Written by a newer version of the software, or nonsense.
    #[error("version {0} is unknown here, expected 1: update this program")]
    Version(u64),
    /// Nothing where something is needed.
    #[error("must not be empty")]
    Empty,
    /// A count over its limit.
    #[error("{count} entries, at most {limit} are accepted")]
    TooMany {
        /// How many there are.
        count: usize,
        /// The most that is accepted.
        limit: usize,
    },
    /// A text over its limit.
    #[error("{size} bytes, at most {limit} are accepted")]
    TooLong {
        /// Bytes of the text.
        size: usize,
        /// The most that is accepted, bytes.
        limit: usize,
    },
    /// A size, or a sum of sizes, over its limit.
    #[error(
        "{size} bytes of content, at most {limit} are accepted: split the input into more units"
    )]
    TooBig {
        /// Bytes of content; saturates.
        size: u64,
        /// The most that is accepted, bytes.
        limit: u64,
    },
    /// A number outside its range.
    #[error("{value} is out of range: expected {min} to {max}")]
    OutOfRange {
        /// The value.
        value: u64,
        /// Least accepted.
        min: u64,
        /// Most accepted.
        max: u64,
    },
    /// A name that starts at the root.
    #[error("{0:?} is an absolute path: give it relative to /in or /out")]
    Absolute(String),
    /// A name with an empty part, `.` or `..`.
    #[error("{0:?} has an empty part, `.` or `..`: give a plain relative path")]
    Climbs(String),
    /// A name with characters that some file system or terminal gives a meaning.
    #[error("{0:?} has a control character, a backslash or a colon: rename the file")]
    Characters(String),
    /// A name with too many directories.
    #[error("{0:?} has more than {max} parts: use fewer directories", max = limits::NAME_DEPTH)]
    TooDeep(String),
    /// The same name twice.
    #[error(
        "{0:?} appears twice: names must be unique, also between shared files and a unit's own"
    )]
    Duplicate(String),
    /// Files out of order.
    #[error("{0:?} is out of order: files are listed by ascending name")]
    Unsorted(String),
    /// One file's name is a directory of another's.
    #[error("{0:?} is both a file and a directory: rename one of them")]
    FileAndDirectory(String),
    /// A job's file where the image has its own.
    #[error("{0:?} is in the folder of the image's own files: give it another name")]
    OfTheImage(String),
    /// A zero byte in an argument.
    #[error("contains a zero byte, which no program can receive as an argument")]
    ZeroByte,
    /// Receipts and outputs do not belong together.
    #[error("{receipts} receipts but {outputs} outputs: there must be one of each per unit")]
    CountMismatch {
        /// Number of receipts.
        receipts: usize,
        /// Number of outputs.
        outputs: usize,
    },
    /// Bytes that are no signed receipt.
    #[error("not a SCALE-encoded signed receipt")]
    NotAReceipt,
}
