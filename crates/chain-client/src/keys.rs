//! Keys and where they come from.
//!
//! A secret never appears on a command line, where other users and the shell's history see it. What a
//! command line may name is a [`KeySource`]: a development account (`//Alice`, known to everybody), a
//! file, an environment variable, or a prompt.

mod keystore;

use std::{
    fmt,
    io::{self, Read},
    path::{Path, PathBuf},
    str::FromStr,
};

use subxt_signer::{SecretUri, polkadot_js_compat, sr25519};
use sungrid_primitives::receipt::{Receipt, SignedReceipt};

use crate::AccountId;
pub use keystore::{change_password, create_encrypted, encrypt, is_encrypted};

/// Environment variable with the password of an encrypted keystore file.
pub const PASSWORD_ENV: &str = "SUNGRID_PASSWORD";

/// No key file is larger; a bigger one is something else.
const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;
/// scrypt parameters and nonce in front of the box of a polkadot.js keystore.
const KEYSTORE_HEADER_BYTES: usize = 68;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A secret where everybody can read it.
    #[error(
        "a secret does not belong on the command line: put it into a file that only you can read and give the path, or into an environment variable and give env:NAME"
    )]
    SecretOnCommandLine,
    /// No such source.
    #[error(
        "`{0}` names no key: give a development account (//Alice), a file, env:NAME, or `prompt`"
    )]
    UnknownSource(String),
    /// The file cannot be read or written.
    #[error(
        "cannot use key file {path}: {source}. A key is named by the path of its file, env:NAME, or //Alice on development chains"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file's secret is open to others.
    #[error("key file {0} can be read by other users: run `chmod 600 {0}`")]
    OpenToOthers(PathBuf),
    /// The variable is not set.
    #[error("the environment variable {0} is not set: it should hold a seed phrase")]
    NoVariable(String),
    /// Neither phrase nor seed nor keystore.
    #[error(
        "{0} holds no key: expected a seed phrase of 12 to 24 words, a 0x-prefixed 32-byte seed, or an encrypted polkadot.js keystore (JSON)"
    )]
    Malformed(String),
    /// The keystore does not open.
    #[error(
        "{origin} does not open: {reason}. Check the password (set {PASSWORD_ENV}, or enter it when asked)"
    )]
    Locked {
        /// Where the keystore came from.
        origin: String,
        /// What failed.
        reason: String,
    },
    /// No password and nobody to ask.
    #[error("{origin} is encrypted: set {PASSWORD_ENV} ({reason})")]
    NoPassword {
        /// Where the keystore came from.
        origin: String,
        /// Why nobody could be asked.
        reason: io::Error,
    },
    /// There is nothing to encrypt.
    #[error("{0} is encrypted already")]
    Encrypted(PathBuf),
    /// There is nothing to decrypt.
    #[error("{0} is not encrypted: encrypt it first")]
    NotEncrypted(PathBuf),
    /// A change that is none.
    #[error("the new passphrase is the old one: nothing was changed")]
    SamePassword,
    /// Everybody knows the empty password.
    #[error("the passphrase is empty: choose one of several words")]
    EmptyPassword,
    /// The system has no randomness.
    #[error("the operating system gave no randomness for a new key: {0}")]
    NoRandomness(String),
}

impl KeyError {
    fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.into(),
            source,
        }
    }
}

/// An sr25519 key pair: signs transactions, receipts and registrations.
#[derive(Clone)]
pub struct Keypair(sr25519::Keypair);

impl fmt::Debug for Keypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keypair({})", self.account())
    }
}

impl Keypair {
    /// The key of a seed phrase, a 0x-prefixed seed or a development path such as `//Alice`.
    pub fn from_uri(uri: &str) -> Option<Self> {
        let uri = SecretUri::from_str(uri.trim()).ok()?;
        sr25519::Keypair::from_uri(&uri).ok().map(Self)
    }

    /// The key of a 32-byte seed.
    pub fn from_seed(seed: [u8; 32]) -> Option<Self> {
        sr25519::Keypair::from_secret_key(seed).ok().map(Self)
    }

    /// The account of this key.
    pub fn account(&self) -> AccountId {
        AccountId::new(self.public())
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.0.public_key().0
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).0
    }

    /// Signs a receipt.
    pub fn sign_receipt(&self, receipt: Receipt) -> SignedReceipt {
        SignedReceipt {
            receipt,
            worker: self.public(),
            signature: self.sign(&receipt.signing_payload()),
        }
    }
}

/// Whether a public key made this signature.
pub fn verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    sr25519::verify(
        &sr25519::Signature(*signature),
        message,
        &sr25519::PublicKey(*public),
    )
}

/// Where a key comes from; safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A development account such as `//Alice`: known to everybody, for test chains.
    Dev(String),
    /// A file with a seed phrase, a seed, or a polkadot.js keystore.
    File(PathBuf),
    /// An environment variable with a seed phrase or a seed.
    Env(String),
    /// The user is asked.
    Prompt,
}

impl FromStr for KeySource {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.starts_with("//") && !text.contains(char::is_whitespace) {
            return Ok(Self::Dev(text.into()));
        }
        if let Some(name) = text.strip_prefix("env:") {
            return if name.is_empty() {
                Err(KeyError::UnknownSource(text.into()))
            } else {
                Ok(Self::Env(name.into()))
            };
        }
        if text == "prompt" || text == "-" {
            return Ok(Self::Prompt);
        }
        let path = text.strip_prefix("file:").unwrap_or(text);
        if path.is_empty() {
            return Err(KeyError::UnknownSource(text.into()));
        }
        // A path that happens to look like a phrase can be given as file:PATH or ./PATH. An absolute path reads as
        // a derivation from the public development phrase, which is no secret.
        if path == text && !text.starts_with('/') && Keypair::from_uri(text).is_some() {
            return Err(KeyError::SecretOnCommandLine);
        }
        Ok(Self::File(path.into()))
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dev(path) => f.write_str(path),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Prompt => f.write_str("prompt"),
        }
    }
}

impl KeySource {
    /// Loads the key. `ask` is called with a question when a phrase or a password must come from the
    /// user; it shall read without echo.
    pub fn load(&self, ask: &dyn Fn(&str) -> io::Result<String>) -> Result<Keypair, KeyError> {
        match self {
            Self::Dev(path) => {
                Keypair::from_uri(path).ok_or_else(|| KeyError::UnknownSource(path.clone()))
            }
            Self::Env(name) => {
                let text = std::env::var(name).map_err(|_| KeyError::NoVariable(name.clone()))?;
                parse(&text, &format!("env:{name}"), ask)
            }
            Self::Prompt => {
                let text = ask("Seed phrase: ").map_err(|reason| KeyError::NoPassword {
                    origin: "the key".into(),
                    reason,
                })?;
                parse(&text, "the answer", ask)
            }
            Self::File(path) => {
                let (text, private) = read(path)?;
                let encrypted = text.trim_start().starts_with('{');
                if !encrypted && !private {
                    return Err(KeyError::OpenToOthers(path.clone()));
                }
                parse(&text, &path.display().to_string(), ask)
            }
        }
    }
}

fn read(path: &Path) -> Result<(String, bool), KeyError> {
    let wrap = |source| KeyError::file(path, source);
    let file = std::fs::File::open(path).map_err(wrap)?;
    let metadata = file.metadata().map_err(wrap)?;
    #[cfg(unix)]
    let private = {
        use std::os::unix::fs::PermissionsExt;
        metadata.permissions().mode() & 0o077 == 0
    };
    #[cfg(not(unix))]
    let private = true;
    if metadata.len() > MAX_KEY_FILE_BYTES {
        return Err(KeyError::Malformed(path.display().to_string()));
    }
    let mut text = String::new();
    file.take(MAX_KEY_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(wrap)?;
    Ok((text, private))
}

fn parse(
    text: &str,
    origin: &str,
    ask: &dyn Fn(&str) -> io::Result<String>,
) -> Result<Keypair, KeyError> {
    let text = text.trim();
    if text.starts_with('{') {
        return unlock(text, origin, ask);
    }
    // A node's keystore writes the phrase as a JSON string.
    parse_plain(text.trim_matches('"'), origin)
}

fn parse_plain(text: &str, origin: &str) -> Result<Keypair, KeyError> {
    // An empty phrase would silently mean the development root key.
    if text.is_empty() || text.starts_with('/') && !text.starts_with("//") {
        return Err(KeyError::Malformed(origin.into()));
    }
    Keypair::from_uri(text).ok_or_else(|| KeyError::Malformed(origin.into()))
}

fn unlock(
    json: &str,
    origin: &str,
    ask: &dyn Fn(&str) -> io::Result<String>,
) -> Result<Keypair, KeyError> {
    encoded(json).ok_or_else(|| KeyError::Malformed(origin.into()))?;
    decrypt(json, origin, &password_of(origin, ask)?)
}

/// What a keystore holds encrypted; `None` if it is none.
fn encoded(json: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Encoded {
        encoded: String,
    }
    let Encoded { encoded } = serde_json::from_str(json).ok()?;
    // The library slices the header without looking at the length: four base64 characters carry three bytes.
    let long_enough = encoded.trim_end_matches('=').len() * 3 / 4 >= KEYSTORE_HEADER_BYTES;
    long_enough.then_some(encoded)
}

fn password_of(origin: &str, ask: &dyn Fn(&str) -> io::Result<String>) -> Result<String, KeyError> {
    if let Ok(password) = std::env::var(PASSWORD_ENV) {
        return Ok(password);
    }
    ask(&format!("Password of {origin}: ")).map_err(|reason| KeyError::NoPassword {
        origin: origin.into(),
        reason,
    })
}

fn decrypt(json: &str, origin: &str, password: &str) -> Result<Keypair, KeyError> {
    encoded(json).ok_or_else(|| KeyError::Malformed(origin.into()))?;
    match polkadot_js_compat::decrypt_json(json, password) {
        Ok(key) => Ok(Keypair(key)),
        Err(error) => Err(KeyError::Locked {
            origin: origin.into(),
            reason: error.to_string(),
        }),
    }
}

/// Makes a new random key and writes its seed to a file that only the owner can read; never overwrites.
pub fn create(path: &Path) -> Result<Keypair, KeyError> {
    let seed = fresh_seed()?;
    // Any 32 bytes are a valid mini secret key, so this does not fail.
    let key = Keypair::from_seed(seed).ok_or_else(|| KeyError::Malformed("a fresh seed".into()))?;
    write_new(path, &format!("0x{}", hex::encode(seed)))?;
    Ok(key)
}

fn fresh_seed() -> Result<[u8; 32], KeyError> {
    let mut seed = [0; 32];
    randomise(&mut seed)?;
    Ok(seed)
}

fn randomise(bytes: &mut [u8]) -> Result<(), KeyError> {
    getrandom::fill(bytes).map_err(|error| KeyError::NoRandomness(error.to_string()))
}

fn write_new(path: &Path, text: &str) -> Result<(), KeyError> {
    keystore::write_private(path, text).map_err(|error| KeyError::file(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
    // Exported by polkadot.js; the password is in the test.
    const KEYSTORE: &str = r#"{"encoded":"J2FFcPHAY11Pmq/38eqbwfUv9OPitYJs+oYgahBvlagAAAIAAQAAAAgAAAB5o0DwXCWDblsH+9pc++RaBO4fpHBHzUirHFHFE9yS3sDzgAIQjhgvPqJ3ODrMR2gy7vk0VZg1fyirIvmsrfjGbWnOI8YU0joX0tYytroyWaykFKtZJMmE0pNKcJ5dJmDxscbK53Ac+7ld2UdH07yKPXxmPuYNNw3vKx8cg9CdQgifKfzQxHnC+EUpOoHPLwGlHsFEYtIlQtngqd9n","encoding":{"content":["pkcs8","sr25519"],"type":["scrypt","xsalsa20-poly1305"],"version":"3"},"address":"5CfWTDh7XxJ2yrayqQ2aJnnZAH5v5XaF1oJFfH5QCpbfP9v8","meta":{}}"#;

    fn nobody(_: &str) -> io::Result<String> {
        Err(io::Error::other("nobody is there"))
    }

    #[test]
    fn development_accounts_are_the_well_known_ones() {
        let alice = KeySource::from_str("//Alice").expect("a development account");
        let key = alice.load(&nobody).expect("derives");
        assert_eq!(
            key.account().to_string(),
            "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
        );
        let signature = key.sign(b"message");
        assert!(verify(&key.public(), b"message", &signature));
        assert!(!verify(&key.public(), b"massage", &signature));
        // The same bytes that the primitives verify.
        let receipt = Receipt {
            genesis: Default::default(),
            job: 1,
            unit: 2,
            image: Default::default(),
            input: Default::default(),
            output: Default::default(),
            fuel: 3,
            peak_memory: 4,
            bytes_in: 5,
            bytes_out: 6,
            exit: 0,
            environment: Default::default(),
            anchor: Default::default(),
        };
        assert!(key.sign_receipt(receipt).verify());
    }

    #[test]
    fn a_secret_on_the_command_line_is_refused() {
        for secret in [
            PHRASE,
            &format!("0x{}", "11".repeat(32)),
            &format!("{PHRASE}//hot"),
        ] {
            assert!(matches!(
                KeySource::from_str(secret),
                Err(KeyError::SecretOnCommandLine)
            ));
        }
        assert_eq!(
            KeySource::from_str("keys/worker.key").expect("a path"),
            KeySource::File("keys/worker.key".into())
        );
        assert_eq!(
            KeySource::from_str("/etc/worker.key").expect("a path"),
            KeySource::File("/etc/worker.key".into())
        );
        assert_eq!(
            KeySource::from_str("env:SEED").expect("a variable"),
            KeySource::Env("SEED".into())
        );
        for nothing in ["", "env:", "file:"] {
            assert!(KeySource::from_str(nothing).is_err());
        }
    }

    #[test]
    fn a_created_key_loads_again_is_private_and_never_overwritten() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("worker.key");
        let key = create(&path).expect("writes");
        let source = KeySource::File(path.clone());
        assert_eq!(source.load(&nobody).expect("loads").public(), key.public());
        assert!(matches!(create(&path), Err(KeyError::File { .. })));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path)
                .expect("exists")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("chmod");
            assert!(matches!(
                source.load(&nobody),
                Err(KeyError::OpenToOthers(_))
            ));
        }
    }

    #[test]
    fn a_keystore_opens_with_its_password_only() {
        let open = |password: &'static str| unlock(KEYSTORE, "bob", &move |_| Ok(password.into()));
        let key = open("whoisbob").expect("opens");
        assert_eq!(
            key.account().to_string(),
            "5CfWTDh7XxJ2yrayqQ2aJnnZAH5v5XaF1oJFfH5QCpbfP9v8"
        );
        assert!(matches!(open("wrong"), Err(KeyError::Locked { .. })));
        assert!(matches!(
            unlock(KEYSTORE, "bob", &nobody),
            Err(KeyError::NoPassword { .. })
        ));
    }

    #[test]
    fn what_is_no_key_is_said_to_be_none() {
        let short = r#"{"encoded":"AAAA","encoding":{"content":["pkcs8","sr25519"],"type":["scrypt","xsalsa20-poly1305"],"version":"3"},"address":"5CfWTDh7XxJ2yrayqQ2aJnnZAH5v5XaF1oJFfH5QCpbfP9v8"}"#;
        for text in [
            "",
            "\"\"",
            "/soft",
            "nonsense words",
            "0x12",
            "{}",
            "{",
            short,
        ] {
            let result = parse(text, "test", &|_| Ok("password".into()));
            assert!(
                matches!(result, Err(KeyError::Malformed(_))),
                "{text}: {result:?}"
            );
        }
        assert!(matches!(
            KeySource::Env("SUNGRID_NO_SUCH_VARIABLE".into()).load(&nobody),
            Err(KeyError::NoVariable(_))
        ));
    }
}
