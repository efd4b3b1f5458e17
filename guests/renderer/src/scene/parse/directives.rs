//! Directives that describe one thing on one line.

use super::super::{Camera, Sky, Sun};
use super::{BRIGHTEST, required, unexpected};
use crate::{
    error::{SceneError, SceneErrorKind},
    material::{Material, Pattern, PatternKind, Surface},
    math::{Vec3, ln, max, sin_cos},
    obj::REACH,
    text::Words,
};

/// Named values in any order, each at most once.
pub(super) struct Options<const N: usize> {
    names: [&'static str; N],
    seen: [bool; N],
}

impl<const N: usize> Options<N> {
    pub(super) fn new(names: [&'static str; N]) -> Self {
        Self {
            names,
            seen: [false; N],
        }
    }

    /// The next option's name, or `None` at the end of the line.
    pub(super) fn next(
        &mut self,
        words: &mut Words<'_>,
    ) -> Result<Option<&'static str>, SceneError> {
        let Some(word) = words.next() else {
            return Ok(None);
        };
        let Some(i) = self.names.iter().position(|n| *n == word) else {
            return Err(unexpected(
                words,
                &format!("one of: {}", self.names.join(", ")),
                word,
            ));
        };
        if core::mem::replace(&mut self.seen[i], true) {
            return Err(words.error(SceneErrorKind::Duplicate(format!("'{word}'"))));
        }
        Ok(Some(self.names[i]))
    }
}

pub(super) fn camera(words: &mut Words<'_>) -> Result<Camera, SceneError> {
    let mut options = Options::new(["from", "at", "up", "fov", "aperture", "focus"]);
    let (mut from, mut at, mut up) = (None, None, Vec3::new(0.0, 1.0, 0.0));
    let (mut fov, mut aperture, mut focus) = (45.0, 0.0, None);
    while let Some(option) = options.next(words)? {
        match option {
            "from" => from = Some(words.triple("the camera's place", -REACH, REACH)?),
            "at" => at = Some(words.triple("the camera's target", -REACH, REACH)?),
            "up" => up = words.direction("the camera's up")?,
            "fov" => fov = words.number("the field of view in degrees", 0.1, 170.0)?,
            "aperture" => aperture = words.number("the aperture", 0.0, REACH)?,
            _ => focus = Some(words.number("the focus distance", 1e-6, REACH)?),
        }
    }
    let from = required(words, from, "the camera's 'from'")?;
    let at = required(words, at, "the camera's 'at'")?;
    let why = "the camera's 'from', 'at' and 'up' must not lie on one line";
    let degenerate = || words.error(SceneErrorKind::Degenerate(why));
    let forward = (at - from).try_normalize().ok_or_else(degenerate)?;
    let right = forward.cross(up);
    if right.length() < 1e-9 {
        return Err(degenerate());
    }
    let right = right.normalize();
    let (sin, cos) = sin_cos(fov * (crate::math::PI / 360.0));
    Ok(Camera {
        origin: from,
        right,
        up: right.cross(forward),
        forward,
        half_height: sin / cos,
        lens_radius: aperture * 0.5,
        focus: focus.unwrap_or((at - from).length()),
    })
}

pub(super) fn sky(words: &mut Words<'_>) -> Result<Sky, SceneError> {
    let mut options = Options::new(["zenith", "horizon", "ground"]);
    let (mut zenith, mut horizon, mut ground) = (None, None, None);
    while let Some(option) = options.next(words)? {
        let colour = words.triple("the sky's color", 0.0, BRIGHTEST)?;
        match option {
            "zenith" => zenith = Some(colour),
            "horizon" => horizon = Some(colour),
            _ => ground = Some(colour),
        }
    }
    let zenith = required(words, zenith, "the sky's 'zenith'")?;
    let horizon = horizon.unwrap_or(zenith);
    Ok(Sky {
        zenith,
        horizon,
        ground: ground.unwrap_or(horizon),
        sun: None,
    })
}

pub(super) fn sun(words: &mut Words<'_>) -> Result<Sun, SceneError> {
    let mut options = Options::new(["direction", "color", "angle", "glow"]);
    let (mut direction, mut colour, mut angle) = (None, None, 0.53);
    let (mut glow, mut glow_power) = (Vec3::ZERO, 1);
    while let Some(option) = options.next(words)? {
        match option {
            "direction" => direction = Some(words.direction("the direction to the sun")?),
            "color" => colour = Some(words.triple("the sun's color", 0.0, BRIGHTEST)?),
            "angle" => angle = words.number("the sun's diameter in degrees", 0.05, 90.0)?,
            _ => {
                glow = words.triple("the glow's color", 0.0, BRIGHTEST)?;
                glow_power = words.integer("the glow's power", 1, 65_536)?;
            }
        }
    }
    let direction = required(words, direction, "the sun's 'direction'")?;
    let colour = required(words, colour, "the sun's 'color'")?;
    let (_, cos_angle) = sin_cos(angle * (crate::math::PI / 360.0));
    // The colour is what arrives on a surface that faces the sun, whatever the size of its disc.
    let solid_angle = 2.0 * crate::math::PI * (1.0 - cos_angle);
    Ok(Sun {
        direction,
        radiance: colour / solid_angle,
        cos_angle,
        glow,
        glow_power,
    })
}

pub(super) fn material(words: &mut Words<'_>) -> Result<Material, SceneError> {
    let kind = words.word("the kind of the material")?;
    let colour_of = |words: &mut Words<'_>| words.triple("the color", 0.0, 1.0);
    let surface = match kind {
        "diffuse" => Surface::Diffuse {
            colour: colour_of(words)?,
        },
        "glossy" => {
            let colour = colour_of(words)?;
            let (roughness, ior) = finish(words, 0.1, 1.5)?;
            Surface::glossy(colour, roughness, ior)
        }
        "metal" => {
            let colour = colour_of(words)?;
            let (roughness, _) = finish(words, 0.0, 1.0)?;
            Surface::metal(colour, roughness)
        }
        "glass" => {
            let mut options = Options::new(["ior", "tint"]);
            let (mut ior, mut tint) = (1.5, Vec3::ONE);
            while let Some(option) = options.next(words)? {
                match option {
                    "ior" => ior = words.number("the index of refraction", 1.0, 4.0)?,
                    _ => tint = words.triple("the tint", 1e-4, 1.0)?,
                }
            }
            return Ok(Material {
                surface: Surface::Glass {
                    ior,
                    absorption: tint.map(|t| max(-ln(t), 0.0)),
                },
                pattern: None,
            });
        }
        "emissive" => Surface::Emissive {
            radiance: words.triple("the light", 0.0, BRIGHTEST)?,
        },
        found => {
            let kinds = "'diffuse', 'glossy', 'metal', 'glass' or 'emissive'";
            return Err(unexpected(words, kinds, found));
        }
    };
    let pattern = match words.next() {
        None => None,
        Some("checker") => Some(pattern(words, PatternKind::Checker)?),
        Some("grid") => Some(pattern(words, PatternKind::Grid)?),
        Some(found) => {
            return Err(unexpected(
                words,
                "'checker', 'grid' or the line's end",
                found,
            ));
        }
    };
    Ok(Material { surface, pattern })
}

/// `roughness R` and `ior N`, for the kinds of material that have them.
fn finish(words: &mut Words<'_>, roughness: f64, ior: f64) -> Result<(f64, f64), SceneError> {
    let (mut roughness, mut ior, has_ior) = (roughness, ior, ior > 1.0);
    loop {
        match words.peek() {
            Some("roughness") => {
                words.next();
                roughness = words.number("the roughness", 0.0, 1.0)?;
            }
            Some("ior") if has_ior => {
                words.next();
                ior = words.number("the index of refraction", 1.0, 4.0)?;
            }
            _ => return Ok((roughness, ior)),
        }
    }
}

fn pattern(words: &mut Words<'_>, kind: PatternKind) -> Result<Pattern, SceneError> {
    let colour = words.triple("the pattern's color", 0.0, BRIGHTEST)?;
    let size = words.number("the pattern's size", 1e-6, REACH)?;
    Ok(Pattern { kind, colour, size })
}
