//! What can be wrong with a scene, an object file or a set of tiles.

use core::fmt;

/// A scene or one of its files cannot be used. The text names the file, the line where there is one, and
/// what to do about it.
#[derive(Clone, Debug, PartialEq)]
pub struct SceneError {
    /// Name of the file, as the scene refers to it.
    pub file: String,
    /// Line in that file, counted from 1; `None` if the error concerns the file as a whole.
    pub line: Option<u32>,
    /// What is wrong.
    pub kind: SceneErrorKind,
}

impl SceneError {
    pub(crate) fn new(file: &str, line: Option<u32>, kind: SceneErrorKind) -> Self {
        Self {
            file: file.to_owned(),
            line,
            kind,
        }
    }
}

impl fmt::Display for SceneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A name can come from a malformed file; control characters must not reach a terminal.
        let file = self.file.escape_debug();
        match self.line {
            Some(line) => write!(f, "{file}:{line}: {}", self.kind),
            None => write!(f, "{file}: {}", self.kind),
        }
    }
}

impl core::error::Error for SceneError {}

/// The kinds of [`SceneError`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SceneErrorKind {
    /// The file could not be read; the text is the loader's.
    Unreadable(String),
    /// The file is longer than allowed, in bytes.
    FileTooLarge {
        /// Its size, or a lower bound of it.
        size: u64,
        /// The most that is allowed.
        limit: u64,
    },
    /// A line is not UTF-8 text.
    NotText,
    /// The scene does not begin with its version line.
    NoVersion,
    /// A line begins with a word that means nothing here.
    UnknownDirective(String),
    /// Something is needed that the line, or the scene, does not have.
    Missing(String),
    /// A word was found where something else belongs.
    Unexpected {
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A number lies outside what is allowed.
    OutOfRange {
        /// What the number is for.
        what: String,
        /// The number, as written.
        found: String,
        /// Least allowed value.
        low: f64,
        /// Greatest allowed value.
        high: f64,
    },
    /// There is more of something than allowed.
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most that is allowed.
        limit: usize,
    },
    /// A name or a directive appears a second time.
    Duplicate(String),
    /// A material or mesh is used that no earlier line defines.
    Undefined {
        /// `material` or `mesh`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// An index of a face points to nothing.
    BadIndex {
        /// `vertex` or `normal`.
        what: &'static str,
        /// The index as written.
        index: i64,
        /// How many are defined up to that line.
        defined: usize,
    },
    /// Numbers that are fine by themselves do not make a usable shape; the text says why.
    Degenerate(&'static str),
    /// Files include each other too deeply, which also catches a file that includes itself.
    IncludedTooDeeply {
        /// The deepest nesting allowed.
        limit: usize,
    },
}

impl fmt::Display for SceneErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(
                f,
                "cannot be read ({why}); put the file next to the scene and check its name"
            ),
            Self::FileTooLarge { size, limit } => write!(
                f,
                "is too large ({size} bytes of at most {limit}); simplify the mesh or split the file"
            ),
            Self::NotText => {
                write!(
                    f,
                    "this line is not UTF-8 text; is this really a scene or OBJ file?"
                )
            }
            Self::NoVersion => write!(f, "a scene begins with the line 'sungrid-scene 1'"),
            Self::UnknownDirective(word) => {
                write!(
                    f,
                    "unknown directive '{}'; see the scene reference",
                    show(word)
                )
            }
            Self::Missing(what) => write!(f, "{what} is missing; add it"),
            Self::Unexpected { expected, found } => {
                write!(f, "expected {expected}, found '{}'", show(found))
            }
            Self::OutOfRange {
                what,
                found,
                low,
                high,
            } => {
                write!(
                    f,
                    "{what} is {}, but must be from {low} to {high}",
                    show(found)
                )
            }
            Self::TooMany { what, limit } => {
                write!(f, "more than {limit} {what}; simplify the scene")
            }
            Self::Duplicate(what) => {
                write!(f, "{} is given twice; remove or rename one", show(what))
            }
            Self::Undefined { what, name } => write!(
                f,
                "{what} '{}' is not defined; define it on an earlier line",
                show(name)
            ),
            Self::BadIndex {
                what,
                index,
                defined,
            } => write!(
                f,
                "{what} index {index} points to nothing ({defined} defined up to here); export the mesh again"
            ),
            Self::Degenerate(why) => f.write_str(why),
            Self::IncludedTooDeeply { limit } => write!(
                f,
                "files include each other more than {limit} deep; does a file include itself?"
            ),
        }
    }
}

/// A word of an input file, made safe and short for a message.
pub(crate) fn show(word: &str) -> String {
    const LONGEST: usize = 40;
    let mut shown = String::new();
    for c in word.chars().take(LONGEST) {
        match c {
            '\'' | '"' | '\\' => shown.push(c),
            // Leaves what can be printed, and nothing that a terminal would act on.
            _ => shown.extend(c.escape_debug()),
        }
    }
    if word.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// Tiles do not make a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TileError {
    /// The scene has no tile of that index.
    NoSuchTile {
        /// The index asked for.
        index: u32,
        /// How many tiles the scene has.
        tiles: u32,
    },
    /// A tile file is not in the format that the renderer writes.
    Malformed {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A tile file is shorter or longer than its header says.
    WrongLength {
        /// Bytes that the header asks for.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// A tile belongs to a picture of another size.
    OtherPicture {
        /// Position in the list of tiles given.
        position: usize,
    },
    /// Two tiles cover the same pixel.
    Overlap {
        /// Column of the pixel.
        x: u32,
        /// Row of the pixel.
        y: u32,
    },
    /// No tile covers a pixel.
    Hole {
        /// Column of the pixel.
        x: u32,
        /// Row of the pixel.
        y: u32,
    },
    /// No tile was given.
    Empty,
}

impl fmt::Display for TileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchTile { index, tiles } => {
                write!(
                    f,
                    "there is no tile {index}: the scene has {tiles}, counted from 0"
                )
            }
            Self::Malformed { why } => {
                write!(
                    f,
                    "not a tile of the renderer ({why}); fetch or render it again"
                )
            }
            Self::WrongLength { expected, found } => write!(
                f,
                "a tile has {found} bytes instead of {expected}; fetch or render it again"
            ),
            Self::OtherPicture { position } => write!(
                f,
                "tile number {position} of the list belongs to a picture of another size; \
                 use tiles of one scene"
            ),
            Self::Overlap { x, y } => {
                write!(f, "two tiles cover the pixel {x},{y}; give each tile once")
            }
            Self::Hole { x, y } => write!(f, "no tile covers the pixel {x},{y}; a tile is missing"),
            Self::Empty => write!(f, "there are no tiles to assemble"),
        }
    }
}

impl core::error::Error for TileError {}
