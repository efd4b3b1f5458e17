//! Paths of light, from the camera backwards.
//!
//! Lights are found both by aiming at them and by chance, weighted by the power heuristic (Veach). Light
//! passes through glass towards other surfaces in a straight line: no caustics, and no noise from them.

use crate::{
    bvh::Stack,
    error::TileError,
    geometry::Ray,
    light::Aim,
    material::{Surface, fresnel},
    math::{Frame, Vec3, clamp, exp, max, min, pow, sin_cos},
    sampler::{Sampler, dither},
    scene::{Hit, Scene, Shadow},
    tile::Tile,
};

/// From this many surfaces on a path may end by chance, with the survivors weighted up.
const ROULETTE_FROM: u32 = 2;
/// Most glass surfaces that light may pass on its way to another surface.
const GLASS_SURFACES: u32 = 12;
/// Numbers that one surface may use; keeps dimensions of the sample sequence apart.
const DIMENSIONS: u32 = 8;

impl Scene {
    /// Renders the tile of an index.
    ///
    /// # Errors
    /// If the scene has no such tile.
    pub fn render_tile(&self, index: u32) -> Result<Tile, TileError> {
        let rect = self.tile(index)?;
        let mut rgb = Vec::with_capacity(3 * rect.width as usize * rect.height as usize);
        let mut stack = Stack::new();
        for y in rect.y..rect.y + rect.height {
            for x in rect.x..rect.x + rect.width {
                let shown = tone_map(self.pixel(x, y, &mut stack) * self.settings.exposure);
                for (channel, value) in (0..).zip([shown.x, shown.y, shown.z]) {
                    let d = dither(self.settings.seed, x, y, channel);
                    // The cast saturates; adding up to one and cutting off rounds to either neighbour.
                    rgb.push((value * 255.0 + d) as u8);
                }
            }
        }
        let (full_width, full_height) = (self.settings.width, self.settings.height);
        Ok(Tile {
            rect,
            full_width,
            full_height,
            rgb,
        })
    }

    /// The mean light of the paths through a pixel. Rounds of paths are traced until their mean is certain
    /// enough or the rounds are used up.
    pub(crate) fn pixel(&self, x: u32, y: u32, stack: &mut Stack) -> Vec3 {
        let s = &self.settings;
        let (width, height) = (f64::from(s.width), f64::from(s.height));
        let mut sum = Vec3::ZERO;
        let mut count = 0.0;
        // Of the brightness as the eye sees it, 0..1.
        let (mut seen, mut seen_squared) = (0.0, 0.0);
        for round in 0..s.rounds {
            for index in 0..s.samples {
                let mut sampler = Sampler::new(s.seed, x, y, round, index, s.samples);
                let (u, v) = sampler.next_pair();
                let picture = (
                    (f64::from(x) + 0.5 + tent(u)) / width,
                    (f64::from(y) + 0.5 + tent(v)) / height,
                );
                let ray = self
                    .camera
                    .ray(picture, width / height, sampler.next_pair());
                let light = self.radiance(ray, sampler, stack);
                count += 1.0;
                // One path that met a degenerate corner must not blacken the pixel.
                if light.is_finite() {
                    sum += light;
                    let bright = light.luminance() * s.exposure;
                    let bright = (bright / (1.0 + bright)).sqrt();
                    seen += bright;
                    seen_squared += bright * bright;
                }
            }
            let mean = seen / count;
            let variance = max(seen_squared / count - mean * mean, 0.0);
            if variance < s.noise * s.noise * count {
                break;
            }
        }
        sum / count
    }

    /// The light that arrives along a ray.
    fn radiance(&self, mut ray: Ray, mut sampler: Sampler, stack: &mut Stack) -> Vec3 {
        let mut light = Vec3::ZERO;
        let mut weight = Vec3::ONE;
        // Surfaces that scattered the path so far, and how the last one picked the ray.
        let mut scattered = 0;
        let mut picked = Picked::Seen;
        for surface_index in 0..=self.settings.depth {
            sampler.begin(1 + surface_index, DIMENSIONS);
            let Some(hit) = self.intersect(&ray, f64::INFINITY, stack) else {
                let around = weight * self.sky.radiance(ray.direction);
                light += self.limited(around, scattered);
                if let Some(sun) = &self.sky.sun
                    && sun.covers(ray.direction)
                {
                    let share = picked.share(|_| Some(sun.pdf()));
                    light += self.limited(weight * sun.radiance * share, scattered);
                }
                break;
            };
            if let Some(haze) = &self.haze {
                let clear = exp(-haze.density * hit.distance);
                let air = haze.colour * self.air(ray.direction) * (1.0 - clear);
                light += self.limited(weight * air, scattered);
                weight *= clear;
            }
            let surface = self.material_of(&hit).at(hit.point);
            match surface {
                Surface::Emissive { radiance } => {
                    let cos = ray.direction.dot(hit.face_normal);
                    let share =
                        picked.share(|from| self.lights.pdf(hit.object, from, hit.distance, cos));
                    light += self.limited(weight * radiance * share, scattered);
                    break;
                }
                Surface::Glass { absorption, .. } if !hit.outside => {
                    weight *= absorption.map(|a| exp(-a * hit.distance));
                }
                _ => {}
            }
            if surface_index == self.settings.depth {
                break;
            }
            let frame = Frame::new(hit.normal);
            let out = frame.to_local(-ray.direction);
            if !surface.is_sharp() {
                let direct = self.direct(
                    &Seen {
                        hit: &hit,
                        surface,
                        frame,
                        out,
                    },
                    &mut sampler,
                    stack,
                );
                scattered += 1;
                light += self.limited(weight * direct, scattered);
            }
            sampler.skip_to(1 + surface_index, DIMENSIONS, DIMENSIONS - 3);
            let Some(scatter) = surface.sample(out, hit.outside, &mut sampler) else {
                break;
            };
            let direction = frame.to_world(scatter.direction).normalize();
            // Where the shading normal and the face disagree, light would pass through the surface.
            if (direction.dot(hit.face_normal) > 0.0) != (scatter.direction.z > 0.0) {
                break;
            }
            weight *= scatter.weight;
            picked = match (scatter.pdf, picked) {
                (Some(pdf), _) => Picked::Scattered {
                    pdf,
                    from: hit.point,
                },
                (None, Picked::Seen) => Picked::Seen,
                (None, _) => Picked::Refracted,
            };
            let keep = weight.max_component();
            if surface_index >= ROULETTE_FROM && keep < 1.0 {
                if sampler.next() >= keep {
                    break;
                }
                weight *= 1.0 / keep;
            }
            ray = Self::leave(&hit, direction);
        }
        light
    }

    /// Light that reaches a surface straight from the sun and from a light, scattered towards the viewer.
    fn direct(&self, seen: &Seen<'_>, sampler: &mut Sampler, stack: &mut Stack) -> Vec3 {
        let mut light = Vec3::ZERO;
        if let Some(sun) = &self.sky.sun {
            let (u, v) = sampler.next_pair();
            let cos = 1.0 - u * (1.0 - sun.cos_angle);
            let sin = max(1.0 - cos * cos, 0.0).sqrt();
            let (turn_sin, turn_cos) = sin_cos(2.0 * crate::math::PI * v);
            let local = Vec3::new(sin * turn_cos, sin * turn_sin, cos);
            let aim = Aim {
                direction: Frame::new(sun.direction).to_world(local),
                distance: f64::INFINITY,
                radiance: sun.radiance,
                pdf: sun.pdf(),
            };
            light += self.arriving(seen, &aim, stack);
        }
        let choice = sampler.next();
        if let Some(aim) = self.lights.aim(seen.hit.point, choice, sampler.next_pair()) {
            light += self.arriving(seen, &aim, stack);
        }
        light
    }

    fn arriving(&self, seen: &Seen<'_>, aim: &Aim, stack: &mut Stack) -> Vec3 {
        let hit = seen.hit;
        if aim.direction.dot(hit.face_normal) <= 0.0 {
            return Vec3::ZERO;
        }
        let (value, pdf) = seen
            .surface
            .evaluate(seen.out, seen.frame.to_local(aim.direction));
        if value == Vec3::ZERO {
            return Vec3::ZERO;
        }
        let through = self.transmitted(Self::leave(hit, aim.direction), aim.distance, stack);
        if through == Vec3::ZERO {
            return Vec3::ZERO;
        }
        value * aim.radiance * through * (power_heuristic(aim.pdf, pdf) / aim.pdf)
    }

    /// The share of light that comes along a ray from a distance: all, none, or what glass and air leave.
    fn transmitted(&self, mut ray: Ray, distance: f64, stack: &mut Stack) -> Vec3 {
        let mut through = match &self.haze {
            // The sun's light is given as it arrives.
            Some(haze) if distance.is_finite() => Vec3::splat(exp(-haze.density * distance)),
            _ => Vec3::ONE,
        };
        // Short of the light itself, which would else shade itself.
        let mut left = distance * (1.0 - 1e-6);
        match self.shadow(&ray, left, stack) {
            Shadow::None => return through,
            Shadow::Full => return Vec3::ZERO,
            Shadow::Glass => {}
        }
        for _ in 0..GLASS_SURFACES {
            let Some(hit) = self.intersect(&ray, left, stack) else {
                return through;
            };
            let Surface::Glass { ior, absorption } = self.material_of(&hit).at(hit.point) else {
                return Vec3::ZERO;
            };
            let eta = if hit.outside { 1.0 / ior } else { ior };
            let (reflected, _) = fresnel(-ray.direction.dot(hit.normal), eta);
            through *= 1.0 - reflected;
            if !hit.outside {
                through *= absorption.map(|a| exp(-a * hit.distance));
            }
            left -= hit.distance;
            if through.max_component() <= 0.0 || left <= 0.0 {
                break;
            }
            ray = Self::leave(&hit, ray.direction);
        }
        Vec3::ZERO
    }

    /// The colour of the air in a direction: that of the sky just above the horizon there.
    fn air(&self, direction: Vec3) -> Vec3 {
        let level = Vec3::new(direction.x, 0.03, direction.z);
        self.sky
            .radiance(level.try_normalize().unwrap_or(direction))
    }

    /// Light as it is; or, from the second scattering on, at most as much as the scene allows.
    fn limited(&self, light: Vec3, scattered: u32) -> Vec3 {
        let most = light.max_component();
        if scattered > 1 && most > self.settings.clamp {
            light * (self.settings.clamp / most)
        } else {
            light
        }
    }
}

/// A place on a surface, and from where it is seen.
struct Seen<'a> {
    hit: &'a Hit,
    surface: Surface,
    frame: Frame,
    /// Towards the viewer, in the frame.
    out: Vec3,
}

/// How a ray came to be.
#[derive(Clone, Copy)]
enum Picked {
    /// From the camera, perhaps through glass: what it meets is seen.
    Seen,
    /// By chance from a surface that also aimed at the lights.
    Scattered { pdf: f64, from: Vec3 },
    /// Through glass after such a surface, which aimed through the glass as well.
    Refracted,
}

impl Picked {
    /// The share that counts of a light met by this ray, given the density of aiming at it from a point.
    fn share(self, aim_pdf: impl FnOnce(Vec3) -> Option<f64>) -> f64 {
        match self {
            Self::Seen => 1.0,
            Self::Refracted => 0.0,
            Self::Scattered { pdf, from } => {
                aim_pdf(from).map_or(1.0, |aim| power_heuristic(pdf, aim))
            }
        }
    }
}

fn power_heuristic(this: f64, other: f64) -> f64 {
    // As a ratio: squares of densities of sharp lobes would overflow first.
    let ratio = other / this;
    1.0 / (1.0 + ratio * ratio)
}

/// An offset with the density of a tent one pixel wide to each side.
fn tent(u: f64) -> f64 {
    if u < 0.5 {
        (2.0 * u).sqrt() - 1.0
    } else {
        1.0 - (2.0 - 2.0 * u).sqrt()
    }
}

/// Linear light to sRGB through the filmic curve of ACES (Stephen Hill's fit), 0..1.
fn tone_map(c: Vec3) -> Vec3 {
    let c = Vec3::new(
        0.59719 * c.x + 0.35458 * c.y + 0.04823 * c.z,
        0.07600 * c.x + 0.90834 * c.y + 0.01566 * c.z,
        0.02840 * c.x + 0.13383 * c.y + 0.83777 * c.z,
    )
    .map(|v| {
        let v = min(v, 1e6);
        (v * (v + 0.024_578_6) - 0.000_090_537) / (v * (0.983_729 * v + 0.432_951_0) + 0.238_081)
    });
    Vec3::new(
        1.60475 * c.x - 0.53108 * c.y - 0.07367 * c.z,
        -0.10208 * c.x + 1.10813 * c.y - 0.00605 * c.z,
        -0.00327 * c.x - 0.07276 * c.y + 1.07602 * c.z,
    )
    .map(|v| {
        let v = clamp(v, 0.0, 1.0);
        if v <= 0.003_130_8 {
            12.92 * v
        } else {
            1.055 * pow(v, 1.0 / 2.4) - 0.055
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn scene(text: &str) -> Scene {
        let text = format!("sungrid-scene 1\nimage 8 8\ntile 8 8\ndepth 64\n{text}\n");
        let quad = "v -1 0 -1\nv -1 0 1\nv 1 0 1\nv 1 0 -1\nf 1 2 3 4\n";
        let files = BTreeMap::from([
            ("a.scene".to_owned(), text.into_bytes()),
            ("quad.obj".to_owned(), quad.into()),
        ]);
        Scene::parse("a.scene", &files).expect("a valid scene")
    }

    fn mean(scene: &Scene) -> Vec3 {
        let mut sum = Vec3::ZERO;
        for y in 0..8 {
            for x in 0..8 {
                sum += scene.pixel(x, y, &mut Stack::new());
            }
        }
        sum / 64.0
    }

    /// In a world that is equally bright everywhere, what absorbs nothing cannot be seen, and nothing is
    /// brighter than the world.
    #[test]
    fn the_furnace_shows_nothing() {
        for (material, least) in [
            ("diffuse 1 1 1", 0.999),
            ("glass ior 1.5", 0.999),
            ("metal 1 1 1", 0.98),
            ("metal 1 1 1 roughness 0.3", 0.95),
            ("glossy 1 1 1 roughness 0.2", 0.85),
        ] {
            let scene = scene(&format!(
                "samples 64\nmaterial m {material}\nsphere m 0 0 0 1\nsky zenith 1 1 1\n\
                 camera from 0 0 -5 at 0 0 0 fov 20"
            ));
            let mean = mean(&scene);
            assert!(mean.x <= 1.001 && mean.x >= least, "{material}: {mean:?}");
        }
    }

    /// The same light by aiming and by chance: a lamp that is a mesh, one that is a sphere, and the sun as
    /// a disc of the sky.
    #[test]
    fn lights_give_what_they_should() {
        let floor = "samples 256\nmesh quad quad.obj\nmaterial m diffuse 0.5 0.5 0.5\n\
                     material l emissive 3 3 3\nobject quad m scale 1000\n\
                     camera from 0 4 0 at 0 0 0 up 0 0 1 fov 0.1";
        // A sphere of radius 1 at height 5 seen from the floor: irradiance pi L (r/d)^2.
        let sphere = mean(&scene(&format!("{floor}\nsphere l 0 5 0 1")));
        assert!((sphere.x - 0.5 * 3.0 / 25.0).abs() < 1e-3, "{sphere:?}");
        // A square of side 2 at height 5, between floor and camera it does not hide.
        let form = {
            // The view factor of a point to a parallel square centred above it (Hamilton and Morgan).
            let (x, root) = (0.2_f64, (1.0 + 0.04_f64).sqrt());
            4.0 * (2.0 * x / root * (x / root).atan()) / (2.0 * core::f64::consts::PI)
        };
        let square = mean(&scene(&format!("{floor}\nobject quad l translate 0 5 0")));
        assert!((square.x - 0.5 * 3.0 * form).abs() < 1e-3, "{square:?}");
        // The sun's colour is what a floor that faces it receives.
        let sun = mean(&scene(&format!(
            "{floor}\nsun direction 0 1 0 color 2 2 2 angle 5"
        )));
        assert!(
            (sun.x - 0.5 * 2.0 / core::f64::consts::PI).abs() < 2e-3,
            "{sun:?}"
        );
    }

    #[test]
    fn light_passes_glass_and_tints() {
        let floor = "samples 64\nmesh quad quad.obj\nmaterial m diffuse 1 1 1\nmaterial g glass ior 1 tint 0.5 1 1\n\
                     object quad m scale 1000\nsun direction 0 1 0 color 1 1 1\n\
                     camera from 0 4 0 at 0 0 0 up 0 0 1 fov 0.1";
        let clear = mean(&scene(floor));
        // Two units of glass between the sun and the floor, above the camera.
        let tinted = mean(&scene(&format!("{floor}\nsphere g 0 6 0 1")));
        assert!(
            (tinted.x / clear.x - 0.25).abs() < 0.01,
            "{tinted:?} {clear:?}"
        );
        assert!((tinted.y / clear.y - 1.0).abs() < 1e-9);
        let black = mean(&scene(&format!("{floor}\nsphere m 0 6 0 1")));
        // What is left has gone from the floor around to the ball and back.
        assert!(black.y < 0.04 * clear.y, "{black:?}");
    }

    #[test]
    fn tone_mapping_is_monotonous_and_bounded() {
        let mut last = -1.0;
        for i in 0..2_000 {
            let v = tone_map(Vec3::splat(f64::from(i) * 0.01));
            assert!((0.0..=1.0).contains(&v.x) && v.x >= last);
            last = v.x;
        }
        assert!(tone_map(Vec3::splat(1e300)).x > 0.99);
        assert_eq!(tone_map(Vec3::ZERO), Vec3::ZERO);
    }
}
