//! Names of files: `base64url(tag (16) ‖ name XOR keystream of the tag)`.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as TEXT};

use crate::JobKey;

const TAG: usize = 16;

impl JobKey {
    /// Seals the name of a file: four characters for three bytes, and 22 more.
    pub(crate) fn seal_name(&self, name: &str) -> String {
        let mut sealed = self.name_tag(name.as_bytes()).to_vec();
        sealed.extend_from_slice(name.as_bytes());
        let (tag, name) = sealed.split_at_mut(TAG);
        self.mask(tag, name);
        TEXT.encode(sealed)
    }

    /// Opens what [`Self::seal_name`] made; `None` if it is anything else, or of another key.
    pub(crate) fn open_name(&self, sealed: &str) -> Option<String> {
        let mut sealed = TEXT.decode(sealed).ok()?;
        let (tag, name) = sealed.split_at_mut_checked(TAG)?;
        self.mask(tag, name);
        if self.name_tag(name) != *tag {
            return None;
        }
        String::from_utf8(name.to_vec()).ok()
    }

    fn name_tag(&self, name: &[u8]) -> [u8; TAG] {
        let mut hasher = blake3::Hasher::new_keyed(self.name_key());
        hasher.update(b"tag").update(name);
        let mut tag = [0; TAG];
        hasher.finalize_xof().fill(&mut tag);
        tag
    }

    fn mask(&self, tag: &[u8], name: &mut [u8]) {
        let mut hasher = blake3::Hasher::new_keyed(self.name_key());
        hasher.update(b"mask").update(tag);
        let mut mask = vec![0; name.len()];
        hasher.finalize_xof().fill(&mut mask);
        for (byte, mask) in name.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
}
