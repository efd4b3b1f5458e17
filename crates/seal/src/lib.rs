//! Content of a job encrypted to its parties. [N13]
//!
//! # Concepts
//! - **One key per job.** What leaves a party's memory is sealed under it, and addresses are those of sealed bytes: the chain, the
//!   data plane, witnesses and whoever stores a copy handle ciphertext as they handle anything else.
//! - **Sealing is a function**: the same bytes under the same key are the same ciphertext, so replicas of a unit still come to one
//!   address, and nobody without the key can tell by guessing what they are.
//! - **Nothing is believed before it is opened**: whatever is no sealing of some bytes under this key is refused.
//!
//! # The format
//! `"sungrid/sealed/1" ‖ tag (32) ‖ chunks`. The tag is BLAKE3 of the content, keyed with a key of its own; the key of the chunks is BLAKE3 of
//! the tag, keyed with another one: so no two contents share it, and counting nonces are safe. Chunks are those of age's STREAM: 64
//! KiB each, but the last, by ChaCha20-Poly1305, with an 11-byte big-endian counter and a byte that is 1 for the last chunk as nonce. Whoever
//! opens compares the tag with what came out, as in SIV modes.
//!
//! ```
//! use sungrid_seal::JobKey;
//!
//! let key = JobKey::from_bytes([7; 32]);
//! let sealed = key.seal(b"a scene".to_vec());
//! assert_eq!(sealed, key.seal(b"a scene".to_vec()));
//! assert_eq!(key.open(sealed).unwrap(), b"a scene");
//! ```
#![deny(missing_docs, unreachable_pub)]
#![forbid(unsafe_code)]

mod content;
mod key;
mod name;
mod output;
mod stream;

pub use content::{is_sealed, opened_size, sealed_size};
pub use key::{JobKey, NoRandomness};
pub use output::{LeftBehind, open_output, opened_bytes, seal_output, sealed_output_size};
pub use stream::StreamError;

/// Why something does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It does not begin as sealed content does, or is shorter than any.
    #[error("it is not sealed content")]
    NotSealed,
    /// It was sealed under another key, or changed, cut or put together since.
    #[error("it was sealed under another key, or is not whole")]
    Broken,
    /// The name of a file is no sealed one.
    #[error("the name {0} of a file was not sealed under this key")]
    Name(usize),
    /// What was sealed is no manifest that parties accept.
    #[error("the names that were sealed are none that a folder takes")]
    Names,
}
