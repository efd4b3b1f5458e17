//! Tiles: the rectangles a picture is cut into, and the file that holds the pixels of one.

use crate::error::TileError;

/// A rectangle of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileRect {
    /// Left column.
    pub x: u32,
    /// Top row.
    pub y: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// First bytes of a tile file; the last is the version of the format.
const MAGIC: [u8; 4] = *b"SGT1";
/// Bytes before the pixels: the magic and six numbers.
pub const TILE_HEADER: usize = 28;
/// Most bytes of pixels, in a tile or a picture: three for each of the pixels a scene may have.
const PIXEL_BYTES: u64 = 3 * crate::scene::IMAGE_PIXELS;

/// The pixels of a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Where it belongs.
    pub rect: TileRect,
    /// Width of the whole picture.
    pub full_width: u32,
    /// Height of the whole picture.
    pub full_height: u32,
    /// Red, green and blue of each pixel, 8 bits sRGB, row by row from the top.
    pub rgb: Vec<u8>,
}

impl Tile {
    /// The file of a tile: `SGT1`, then x, y, width, height, full width and full height as 32 bits little
    /// endian, then the pixels.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TILE_HEADER + self.rgb.len());
        bytes.extend(MAGIC);
        let r = &self.rect;
        for number in [
            r.x,
            r.y,
            r.width,
            r.height,
            self.full_width,
            self.full_height,
        ] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(&self.rgb);
        bytes
    }

    /// Reads the file of a tile.
    ///
    /// # Errors
    /// If it is not one, is truncated or has more bytes than it says.
    pub fn decode(bytes: &[u8]) -> Result<Self, TileError> {
        let malformed = |why| TileError::Malformed { why };
        let Some((header, rgb)) = bytes.split_at_checked(TILE_HEADER) else {
            return Err(malformed("it is shorter than the header"));
        };
        if header[..4] != MAGIC {
            return Err(malformed("it does not begin with SGT1"));
        }
        let mut numbers = header[4..].chunks_exact(4).map(|b| {
            b.iter()
                .rev()
                .fold(0_u32, |n, byte| n << 8 | u32::from(*byte))
        });
        let mut next = || numbers.next().unwrap_or(0);
        let rect = TileRect {
            x: next(),
            y: next(),
            width: next(),
            height: next(),
        };
        let (full_width, full_height) = (next(), next());
        let inside = |start: u32, length: u32, full: u32| {
            length > 0 && start.checked_add(length).is_some_and(|end| end <= full)
        };
        if !inside(rect.x, rect.width, full_width) || !inside(rect.y, rect.height, full_height) {
            return Err(malformed("it reaches beyond its picture"));
        }
        if pixel_bytes(full_width, full_height) > PIXEL_BYTES {
            return Err(malformed("its picture is larger than any scene's"));
        }
        let expected = pixel_bytes(rect.width, rect.height);
        if rgb.len() as u64 != expected {
            let header = TILE_HEADER as u64;
            return Err(TileError::WrongLength {
                expected: header + expected,
                found: header + rgb.len() as u64,
            });
        }
        Ok(Self {
            rect,
            full_width,
            full_height,
            rgb: rgb.to_vec(),
        })
    }
}

/// A whole picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Red, green and blue of each pixel, 8 bits sRGB, row by row from the top.
    pub rgb: Vec<u8>,
}

/// Saturates instead of overflowing: both numbers may come from a file.
fn pixel_bytes(width: u32, height: u32) -> u64 {
    (u64::from(width) * u64::from(height)).saturating_mul(3)
}

/// Puts tiles together, in any order, to the picture they were cut from.
///
/// # Errors
/// If a tile is missing, given twice, from a picture of another size, or has not the pixels it should.
pub fn assemble(tiles: &[Tile]) -> Result<Image, TileError> {
    let first = tiles.first().ok_or(TileError::Empty)?;
    let (width, height) = (first.full_width, first.full_height);
    let total = pixel_bytes(width, height);
    if total > PIXEL_BYTES {
        return Err(TileError::Malformed {
            why: "its picture is larger than any scene's",
        });
    }
    let mut rgb = vec![0; total as usize];
    let mut covered = vec![false; (total / 3) as usize];
    for (position, tile) in tiles.iter().enumerate() {
        if (tile.full_width, tile.full_height) != (width, height) {
            return Err(TileError::OtherPicture { position });
        }
        let r = &tile.rect;
        let fits = |start: u32, length: u32, full: u32| {
            start.checked_add(length).is_some_and(|end| end <= full)
        };
        if !fits(r.x, r.width, width) || !fits(r.y, r.height, height) {
            return Err(TileError::Malformed {
                why: "it reaches beyond its picture",
            });
        }
        let expected = pixel_bytes(r.width, r.height);
        if tile.rgb.len() as u64 != expected {
            return Err(TileError::WrongLength {
                expected,
                found: tile.rgb.len() as u64,
            });
        }
        for row in 0..r.height as usize {
            let from = row * r.width as usize;
            let to = (r.y as usize + row) * width as usize + r.x as usize;
            let pixels = r.width as usize;
            if let Some(twice) = covered[to..to + pixels].iter().position(|c| *c) {
                return Err(TileError::Overlap {
                    x: r.x + twice as u32,
                    y: r.y + row as u32,
                });
            }
            covered[to..to + pixels].fill(true);
            rgb[3 * to..3 * (to + pixels)]
                .copy_from_slice(&tile.rgb[3 * from..3 * (from + pixels)]);
        }
    }
    if let Some(hole) = covered.iter().position(|c| !c) {
        let (x, y) = (hole % width as usize, hole / width as usize);
        return Err(TileError::Hole {
            x: x as u32,
            y: y as u32,
        });
    }
    Ok(Image { width, height, rgb })
}
