//! Lines and words of input files, and the numbers in them.

use crate::{
    error::{SceneError, SceneErrorKind},
    loader::{LoadError, Loader},
    math::Vec3,
};

/// Fetches a file within a limit.
pub(crate) fn fetch(loader: &dyn Loader, name: &str, limit: u64) -> Result<Vec<u8>, SceneError> {
    loader.load(name, limit).map_err(|e| {
        let kind = match e {
            LoadError::Unreadable(why) => SceneErrorKind::Unreadable(why),
            LoadError::TooLarge { size } => SceneErrorKind::FileTooLarge { size, limit },
        };
        SceneError::new(name, None, kind)
    })
}

/// The lines of a file that have words in them, with their numbers. Comments run from `#` to the end of
/// the line and may hold any bytes; the rest must be UTF-8.
pub(crate) fn lines<'a>(
    file: &'a str,
    content: &'a [u8],
) -> impl Iterator<Item = Result<Words<'a>, SceneError>> {
    content
        .split(|b| *b == b'\n')
        .zip(1_u32..)
        .filter_map(move |(bytes, number)| {
            let end = bytes.iter().position(|b| *b == b'#').unwrap_or(bytes.len());
            match core::str::from_utf8(&bytes[..end]) {
                Err(_) => Some(Err(SceneError::new(
                    file,
                    Some(number),
                    SceneErrorKind::NotText,
                ))),
                Ok(text) if text.trim().is_empty() => None,
                Ok(text) => Some(Ok(Words {
                    file,
                    line: number,
                    rest: text.split_ascii_whitespace(),
                })),
            }
        })
}

/// The words of one line, taken from left to right.
#[derive(Clone, Debug)]
pub(crate) struct Words<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: u32,
    rest: core::str::SplitAsciiWhitespace<'a>,
}

impl<'a> Words<'a> {
    pub(crate) fn error(&self, kind: SceneErrorKind) -> SceneError {
        SceneError::new(self.file, Some(self.line), kind)
    }

    pub(crate) fn next(&mut self) -> Option<&'a str> {
        self.rest.next()
    }

    pub(crate) fn peek(&self) -> Option<&'a str> {
        self.rest.clone().next()
    }

    pub(crate) fn word(&mut self, what: &str) -> Result<&'a str, SceneError> {
        self.next()
            .ok_or_else(|| self.error(SceneErrorKind::Missing(what.to_owned())))
    }

    /// The line must end here.
    pub(crate) fn end(&mut self) -> Result<(), SceneError> {
        match self.next() {
            None => Ok(()),
            Some(found) => Err(self.error(SceneErrorKind::Unexpected {
                expected: "the end of the line".to_owned(),
                found: found.to_owned(),
            })),
        }
    }

    /// A finite number of `low..=high`.
    pub(crate) fn number(&mut self, what: &str, low: f64, high: f64) -> Result<f64, SceneError> {
        let word = self.word(what)?;
        // Rust's parser also takes words like `inf`; the range check rejects what they stand for.
        let value: f64 = word.parse().map_err(|_| {
            self.error(SceneErrorKind::Unexpected {
                expected: format!("a number for {what}"),
                found: word.to_owned(),
            })
        })?;
        if !(low..=high).contains(&value) {
            return Err(self.out_of_range(what, word, low, high));
        }
        Ok(value)
    }

    /// A whole number of `low..=high`.
    pub(crate) fn integer(&mut self, what: &str, low: u32, high: u32) -> Result<u32, SceneError> {
        let word = self.word(what)?;
        let value: i128 = word.parse().map_err(|_| {
            self.error(SceneErrorKind::Unexpected {
                expected: format!("a whole number for {what}"),
                found: word.to_owned(),
            })
        })?;
        u32::try_from(value)
            .ok()
            .filter(|v| (low..=high).contains(v))
            .ok_or_else(|| self.out_of_range(what, word, f64::from(low), f64::from(high)))
    }

    fn out_of_range(&self, what: &str, found: &str, low: f64, high: f64) -> SceneError {
        self.error(SceneErrorKind::OutOfRange {
            what: what.to_owned(),
            found: found.to_owned(),
            low,
            high,
        })
    }

    /// Three numbers of `low..=high`.
    pub(crate) fn triple(&mut self, what: &str, low: f64, high: f64) -> Result<Vec3, SceneError> {
        Ok(Vec3::new(
            self.number(what, low, high)?,
            self.number(what, low, high)?,
            self.number(what, low, high)?,
        ))
    }

    /// Three numbers that are not all zero, made a unit vector.
    pub(crate) fn direction(&mut self, what: &str) -> Result<Vec3, SceneError> {
        let v = self.triple(what, -1e9, 1e9)?;
        v.try_normalize()
            .ok_or_else(|| self.error(SceneErrorKind::Degenerate("a direction must not be zero")))
    }
}
