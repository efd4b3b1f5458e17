//! Keys encrypted at rest, in the format that polkadot.js reads and writes: scrypt makes a key of the password,
//! XSalsa20-Poly1305 seals a PKCS#8 frame of the pair with it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto_secretbox::{
    Key, Nonce, XSalsa20Poly1305,
    aead::{Aead, KeyInit},
};
use sp_core::Pair as _;
use subxt_signer::polkadot_js_compat;

use super::{KEYSTORE_HEADER_BYTES, KeyError, Keypair, read};

/// scrypt's cost: 32 MiB and about a tenth of a second, the standard of polkadot.js, which refuses others. Less, and a
/// stolen file is guessed faster; more, and small machines cannot open it.
const LOG_N: u8 = 15;
const R: u32 = 8;
const P: u32 = 1;
const SALT_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// What stands before the secret in the frame, and between the secret and the public key.
const FRAME_HEADER: [u8; 16] = [48, 83, 2, 1, 1, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
const FRAME_DIVIDER: [u8; 5] = [161, 35, 3, 33, 0];

/// Whether a key file is encrypted.
pub fn is_encrypted(path: &Path) -> Result<bool, KeyError> {
    Ok(read(path)?.0.trim_start().starts_with('{'))
}

/// Makes a new random key and writes it encrypted; never overwrites.
pub fn create_encrypted(path: &Path, password: &str) -> Result<Keypair, KeyError> {
    let text = format!("0x{}", hex::encode(super::fresh_seed()?));
    let (json, key) = seal(&text, path, password)?;
    super::write_new(path, &json)?;
    Ok(key)
}

/// Replaces a plain key file by an encrypted one with the same key. The plain one goes only when the encrypted one is
/// on the disk and opens.
pub fn encrypt(path: &Path, password: &str) -> Result<Keypair, KeyError> {
    let (text, _) = read(path)?;
    let text = text.trim();
    if text.starts_with('{') {
        return Err(KeyError::Encrypted(path.into()));
    }
    let text = text.trim_matches('"');
    super::parse_plain(text, &path.display().to_string())?;
    let (json, key) = seal(text, path, password)?;
    replace(path, &json)?;
    Ok(key)
}

/// Replaces an encrypted key file by one with the same key and another password. The old one is asked for where
/// [`super::KeySource::load`] asks for it, and goes only when the new one is on the disk and opens.
pub fn change_password(
    path: &Path,
    ask: &dyn Fn(&str) -> io::Result<String>,
    new: &str,
) -> Result<Keypair, KeyError> {
    let (text, _) = read(path)?;
    let text = text.trim();
    if !text.starts_with('{') {
        return Err(KeyError::NotEncrypted(path.into()));
    }
    let origin = path.display().to_string();
    let old = super::password_of(&origin, ask)?;
    let key = super::decrypt(text, &origin, &old)?;
    if old == new {
        return Err(KeyError::SamePassword);
    }
    let frame = unseal(text, &origin, &old)?;
    let json = seal_frame(&frame, &key, path, new)?;
    replace(path, &json)?;
    Ok(key)
}

/// Writes a key file in the place of another one, which is there until the new one is on the disk.
fn replace(path: &Path, json: &str) -> Result<(), KeyError> {
    let beside = path.with_extension("sealing");
    // What a crash left of an earlier attempt.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(KeyError::file(&beside, error));
        }
        _ => {}
    }
    super::write_new(&beside, json)?;
    std::fs::rename(&beside, path).map_err(|error| KeyError::file(path, error))?;
    sync_folder(path).map_err(|error| KeyError::file(path, error))
}

/// The frame of a keystore that the library has opened with this password.
fn unseal(json: &str, origin: &str, password: &str) -> Result<Vec<u8>, KeyError> {
    let malformed = || KeyError::Malformed(origin.into());
    let encoded = super::encoded(json).ok_or_else(malformed)?;
    let encoded = STANDARD.decode(encoded).map_err(|_| malformed())?;
    let (header, sealed) = encoded
        .split_at_checked(KEYSTORE_HEADER_BYTES)
        .ok_or_else(malformed)?;
    let (salt, rest) = header.split_at(SALT_BYTES);
    let nonce = &rest[rest.len() - NONCE_BYTES..];
    cipher(password, salt)
        .and_then(|cipher| {
            let opened = cipher.decrypt(Nonce::from_slice(nonce), sealed);
            opened.map_err(|error| error.to_string())
        })
        .map_err(|reason| KeyError::Locked {
            origin: origin.into(),
            reason,
        })
}

/// The cipher that a password gives; the error is the reason in words.
fn cipher(password: &str, salt: &[u8]) -> Result<XSalsa20Poly1305, String> {
    let parameters = scrypt::Params::new(LOG_N, R, P, 32).map_err(|error| error.to_string())?;
    let mut key = Key::default();
    scrypt::scrypt(password.as_bytes(), salt, &parameters, &mut key)
        .map_err(|error| error.to_string())?;
    Ok(XSalsa20Poly1305::new(&key))
}

/// The keystore of a plain secret, proven to open with the password.
fn seal(secret: &str, path: &Path, password: &str) -> Result<(String, Keypair), KeyError> {
    let malformed = || KeyError::Malformed(path.display().to_string());
    let expected = Keypair::from_uri(secret).ok_or_else(malformed)?;
    let pair = sp_core::sr25519::Pair::from_string(secret, None).map_err(|_| malformed())?;
    let pair: &schnorrkel::Keypair = pair.as_ref();

    let mut frame = Vec::with_capacity(117);
    frame.extend_from_slice(&FRAME_HEADER);
    frame.extend_from_slice(&pair.secret.to_ed25519_bytes());
    frame.extend_from_slice(&FRAME_DIVIDER);
    frame.extend_from_slice(&expected.public());
    let json = seal_frame(&frame, &expected, path, password)?;
    Ok((json, expected))
}

/// The keystore of a frame with the secret of this key, proven to open with the password.
fn seal_frame(
    frame: &[u8],
    expected: &Keypair,
    path: &Path,
    password: &str,
) -> Result<String, KeyError> {
    if password.is_empty() {
        return Err(KeyError::EmptyPassword);
    }
    let mut salt = [0; SALT_BYTES];
    let mut nonce = [0; NONCE_BYTES];
    super::randomise(&mut salt)?;
    super::randomise(&mut nonce)?;
    let failed = |reason: String| KeyError::Locked {
        origin: path.display().to_string(),
        reason,
    };
    let sealed = cipher(password, &salt)
        .map_err(failed)?
        .encrypt(Nonce::from_slice(&nonce), frame)
        .map_err(|error| failed(error.to_string()))?;

    let mut encoded = salt.to_vec();
    for number in [1_u32 << LOG_N, P, R] {
        encoded.extend_from_slice(&number.to_le_bytes());
    }
    encoded.extend_from_slice(&nonce);
    encoded.extend_from_slice(&sealed);
    let json = serde_json::json!({
        "encoded": STANDARD.encode(encoded),
        "encoding": {
            "content": ["pkcs8", "sr25519"],
            "type": ["scrypt", "xsalsa20-poly1305"],
            "version": "3",
        },
        "address": expected.account().to_string(),
        "meta": { "name": "sungrid" },
    })
    .to_string();
    // A key that cannot be opened any more is lost: look before the plain one goes.
    let opened = polkadot_js_compat::decrypt_json(&json, password)
        .map_err(|error| failed(error.to_string()))?;
    if opened.public_key().0 != expected.public() {
        return Err(failed("it does not hold the key that was put in".into()));
    }
    Ok(json)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened, and the rename is durable by itself.
    if cfg!(unix)
        && let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
    {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Writes a secret to a new file that only its owner can read.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{KeySource, create};

    const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

    fn opens_with(path: &Path, password: &'static str) -> Result<Keypair, KeyError> {
        KeySource::File(path.into()).load(&move |_| Ok(password.into()))
    }

    #[test]
    fn an_encrypted_key_opens_with_its_password_only_and_holds_no_plain_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("worker.key");
        let key = create(&path).expect("writes");
        let seed = std::fs::read_to_string(&path).expect("reads");
        assert!(!is_encrypted(&path).expect("reads"));

        assert_eq!(
            encrypt(&path, "correct horse").expect("encrypts").public(),
            key.public()
        );
        assert!(is_encrypted(&path).expect("reads"));
        let text = std::fs::read_to_string(&path).expect("reads");
        assert!(!text.contains(seed.trim().trim_start_matches("0x")));
        let opened = opens_with(&path, "correct horse").expect("opens");
        assert_eq!(opened.public(), key.public());
        // The same secret, not just the same public key: signatures verify.
        assert!(super::super::verify(
            &key.public(),
            b"m",
            &opened.sign(b"m")
        ));
        assert!(matches!(
            opens_with(&path, "wrong"),
            Err(KeyError::Locked { .. })
        ));
        assert!(matches!(
            encrypt(&path, "again"),
            Err(KeyError::Encrypted(_))
        ));
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("lists").count(),
            1,
            "something is left beside the key"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).expect("is there").permissions();
            assert_eq!(mode.mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_password_is_changed_by_who_knows_the_old_one_and_the_key_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("worker.key");
        let key = create_encrypted(&path, "old").expect("writes");
        let bytes = || std::fs::read(&path).expect("reads");
        let before = bytes();
        let change = |old: &'static str, new| change_password(&path, &move |_| Ok(old.into()), new);
        let nobody = |_: &str| Err(io::Error::other("nobody is there"));
        // Whoever does not know it, or changes nothing, or to nothing, leaves the file as it is.
        assert!(matches!(
            change("wrong", "new"),
            Err(KeyError::Locked { .. })
        ));
        assert!(matches!(change("old", ""), Err(KeyError::EmptyPassword)));
        assert!(matches!(change("old", "old"), Err(KeyError::SamePassword)));
        let unanswered = change_password(&path, &nobody, "new");
        assert!(matches!(unanswered, Err(KeyError::NoPassword { .. })));
        assert_eq!(bytes(), before);
        // What a crash left beside it is in nobody's way.
        std::fs::write(path.with_extension("sealing"), "half a key").expect("writes");
        assert_eq!(
            change("old", "new").expect("changes").public(),
            key.public()
        );
        assert!(matches!(
            opens_with(&path, "old"),
            Err(KeyError::Locked { .. })
        ));
        let opened = opens_with(&path, "new").expect("opens");
        assert!(super::super::verify(
            &key.public(),
            b"m",
            &opened.sign(b"m")
        ));
        assert_eq!(std::fs::read_dir(folder.path()).expect("lists").count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).expect("is there").permissions();
            assert_eq!(mode.mode() & 0o777, 0o600);
        }
        // Salt and nonce are fresh.
        assert_eq!(
            change("new", "old").expect("changes").public(),
            key.public()
        );
        assert_ne!(bytes(), before);
    }

    #[test]
    fn a_plain_key_has_no_password_to_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("worker.key");
        create(&path).expect("writes");
        let before = std::fs::read(&path).expect("reads");
        let outcome = change_password(&path, &|_| Ok("old".into()), "new");
        assert!(matches!(outcome, Err(KeyError::NotEncrypted(_))));
        assert_eq!(std::fs::read(&path).expect("reads"), before);
        // Nor has what only looks like a keystore.
        for text in ["{}", "{", r#"{"encoded":"AAAA"}"#] {
            std::fs::write(&path, text).expect("writes");
            let outcome = change_password(&path, &|_| Ok("old".into()), "new");
            assert!(matches!(outcome, Err(KeyError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn a_phrase_is_encrypted_as_the_account_that_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("operator.key");
        super::super::write_new(&path, PHRASE).expect("writes");
        let expected = Keypair::from_uri(PHRASE).expect("a phrase");
        encrypt(&path, "p").expect("encrypts");
        assert_eq!(
            opens_with(&path, "p").expect("opens").public(),
            expected.public()
        );
    }

    #[test]
    fn what_cannot_be_encrypted_stays_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("worker.key");
        super::super::write_new(&path, "no key at all").expect("writes");
        assert!(matches!(encrypt(&path, "p"), Err(KeyError::Malformed(_))));
        assert_eq!(
            std::fs::read_to_string(&path).expect("reads").trim(),
            "no key at all"
        );
        std::fs::remove_file(&path).expect("removes");
        create(&path).expect("writes");
        let before = std::fs::read(&path).expect("reads");
        assert!(matches!(encrypt(&path, ""), Err(KeyError::EmptyPassword)));
        assert_eq!(std::fs::read(&path).expect("reads"), before);
    }

    #[test]
    fn a_new_key_is_encrypted_from_the_start_and_never_overwrites() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("worker.key");
        let key = create_encrypted(&path, "p").expect("writes");
        assert_eq!(
            opens_with(&path, "p").expect("opens").public(),
            key.public()
        );
        assert!(matches!(
            create_encrypted(&path, "p"),
            Err(KeyError::File { .. })
        ));
    }
}
