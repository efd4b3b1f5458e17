//! How surfaces scatter light.
//!
//! All directions here are in the local frame of a hit: the normal is z, and `out`, the direction towards
//! the viewer, has a positive z. `evaluate` and `sample` return the scattering function already multiplied
//! by the cosine of the incoming light.

use crate::{
    math::{PI, Vec3, clamp, max, min, sin_cos},
    sampler::Sampler,
};

/// What a surface is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Surface {
    /// Scatters evenly, like chalk.
    Diffuse { colour: Vec3 },
    /// A diffuse ground under a clear coat, like glazed ceramics.
    Glossy { colour: Vec3, alpha: f64, f0: f64 },
    /// Reflects with its colour; `alpha` is the squared roughness.
    Metal { colour: Vec3, alpha: f64 },
    /// Clear, with the light absorbed per unit of length, channel by channel.
    Glass { ior: f64, absorption: Vec3 },
    /// Gives light and reflects none.
    Emissive { radiance: Vec3 },
}

/// A second colour, laid out in space.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) kind: PatternKind,
    pub(crate) colour: Vec3,
    pub(crate) size: f64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum PatternKind {
    /// Cubes of alternating colour.
    Checker,
    /// Lines along x and z.
    Grid,
}

#[derive(Clone, Debug)]
pub(crate) struct Material {
    pub(crate) surface: Surface,
    pub(crate) pattern: Option<Pattern>,
}

/// A direction that light may have come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scatter {
    pub(crate) direction: Vec3,
    /// Scattering function times cosine over density.
    pub(crate) weight: Vec3,
    /// Density per steradian; `None` if the surface leaves no choice of direction, as glass does.
    pub(crate) pdf: Option<f64>,
}

/// Below this a lobe is narrower than the precision of its formula.
const SHARPEST: f64 = 1e-3;

impl Material {
    /// The surface at a point of the scene.
    #[inline]
    pub(crate) fn at(&self, point: Vec3) -> Surface {
        match &self.pattern {
            Some(pattern) if pattern.covers(point) => self.surface.coloured(pattern.colour),
            _ => self.surface,
        }
    }
}

impl Pattern {
    fn covers(&self, point: Vec3) -> bool {
        let p = point / self.size;
        match self.kind {
            PatternKind::Checker => {
                // Shifted, so that surfaces at whole coordinates do not lie between two cubes.
                let cell = |x: f64| (x + 1e-4).floor();
                let sum = cell(p.x) + cell(p.y) + cell(p.z);
                sum * 0.5 - (sum * 0.5).floor() > 0.25
            }
            PatternKind::Grid => {
                const HALF_LINE: f64 = 0.02;
                let on_line = |x: f64| (x - (x + 0.5).floor()).abs() < HALF_LINE;
                on_line(p.x) || on_line(p.z)
            }
        }
    }
}

impl Surface {
    pub(crate) fn glossy(colour: Vec3, roughness: f64, ior: f64) -> Self {
        let r = (ior - 1.0) / (ior + 1.0);
        Self::Glossy {
            colour,
            alpha: max(roughness * roughness, SHARPEST),
            f0: r * r,
        }
    }

    pub(crate) fn metal(colour: Vec3, roughness: f64) -> Self {
        Self::Metal {
            colour,
            alpha: max(roughness * roughness, SHARPEST),
        }
    }

    fn coloured(self, new: Vec3) -> Self {
        match self {
            Self::Diffuse { .. } => Self::Diffuse { colour: new },
            Self::Glossy { alpha, f0, .. } => Self::Glossy {
                colour: new,
                alpha,
                f0,
            },
            Self::Metal { alpha, .. } => Self::Metal { colour: new, alpha },
            Self::Glass { .. } | Self::Emissive { .. } => self,
        }
    }

    /// Whether light can only leave into one direction or two, so that lights cannot be sampled.
    pub(crate) fn is_sharp(&self) -> bool {
        matches!(self, Self::Glass { .. } | Self::Emissive { .. })
    }

    /// Scattering from `incoming` to `out`, and the density with which [`Self::sample`] picks `incoming`.
    pub(crate) fn evaluate(&self, out: Vec3, incoming: Vec3) -> (Vec3, f64) {
        if out.z <= 0.0 || incoming.z <= 0.0 {
            return (Vec3::ZERO, 0.0);
        }
        match self {
            Self::Diffuse { colour } => {
                let density = incoming.z / PI;
                (*colour * density, density)
            }
            Self::Metal { colour, alpha } => {
                let lobe = Lobe::of(*alpha, out, incoming);
                (schlick(*colour, lobe.cos_half) * lobe.value, lobe.pdf)
            }
            Self::Glossy { colour, alpha, f0 } => {
                let lobe = Lobe::of(*alpha, out, incoming);
                let coat = schlick_one(*f0, lobe.cos_half);
                let through =
                    (1.0 - schlick_one(*f0, out.z)) * (1.0 - schlick_one(*f0, incoming.z));
                let density = incoming.z / PI;
                let chance = coat_chance(*colour, *f0, out.z);
                (
                    Vec3::splat(coat * lobe.value) + *colour * (through * density),
                    chance * lobe.pdf + (1.0 - chance) * density,
                )
            }
            Self::Glass { .. } | Self::Emissive { .. } => (Vec3::ZERO, 0.0),
        }
    }

    /// Picks a direction of incoming light. `outside` says on which side of the surface `out` is.
    pub(crate) fn sample(
        &self,
        out: Vec3,
        outside: bool,
        sampler: &mut Sampler,
    ) -> Option<Scatter> {
        let choice = sampler.next();
        let pair = sampler.next_pair();
        let direction = match self {
            Self::Emissive { .. } => return None,
            Self::Glass { ior, .. } => {
                let eta = if outside { 1.0 / ior } else { *ior };
                let (reflected, transmitted) = fresnel(out.z, eta);
                let direction = if choice < reflected {
                    Vec3::new(-out.x, -out.y, out.z)
                } else {
                    Vec3::new(-out.x * eta, -out.y * eta, -transmitted)
                };
                // The chance of each way is its share of the light, which leaves a weight of 1.
                return Some(Scatter {
                    direction,
                    weight: Vec3::ONE,
                    pdf: None,
                });
            }
            Self::Diffuse { .. } => cosine(pair),
            Self::Metal { alpha, .. } => Lobe::sample(*alpha, out, pair),
            Self::Glossy { colour, alpha, f0 } => {
                if choice < coat_chance(*colour, *f0, out.z) {
                    Lobe::sample(*alpha, out, pair)
                } else {
                    cosine(pair)
                }
            }
        };
        let (value, pdf) = self.evaluate(out, direction);
        (pdf > 0.0).then(|| Scatter {
            direction,
            weight: value / pdf,
            pdf: Some(pdf),
        })
    }
}

/// How often the coat is sampled rather than the ground.
fn coat_chance(colour: Vec3, f0: f64, cos: f64) -> f64 {
    let coat = schlick_one(f0, cos);
    let ground = (1.0 - coat) * colour.luminance();
    clamp(coat / (coat + ground + 1e-9), 0.1, 0.9)
}

fn schlick_one(f0: f64, cos: f64) -> f64 {
    let m = clamp(1.0 - cos, 0.0, 1.0);
    let m2 = m * m;
    f0 + (1.0 - f0) * (m2 * m2 * m)
}

fn schlick(f0: Vec3, cos: f64) -> Vec3 {
    f0.map(|c| schlick_one(c, cos))
}

/// Share of unpolarised light that a clear surface reflects, and the cosine of what it lets through.
/// `eta` is the ratio of the index of refraction on the viewer's side to that on the other.
pub(crate) fn fresnel(cos: f64, eta: f64) -> (f64, f64) {
    let sin2 = eta * eta * (1.0 - cos * cos);
    if sin2 >= 1.0 {
        return (1.0, 0.0);
    }
    let through = (1.0 - max(sin2, 0.0)).sqrt();
    let parallel = (cos - eta * through) / (cos + eta * through);
    let across = (eta * cos - through) / (eta * cos + through);
    (
        min(0.5 * (parallel * parallel + across * across), 1.0),
        through,
    )
}

/// A direction with a density in proportion to its cosine.
fn cosine((u, v): (f64, f64)) -> Vec3 {
    let r = u.sqrt();
    let (sin, cos) = sin_cos(2.0 * PI * v);
    Vec3::new(r * cos, r * sin, max(1.0 - u, 1e-12).sqrt())
}

/// The microfacet distribution of Trowbridge and Reitz (GGX) for a pair of directions.
struct Lobe {
    /// Distribution, shadowing and cosines; without Fresnel.
    value: f64,
    pdf: f64,
    /// Cosine between a direction and the half vector.
    cos_half: f64,
}

impl Lobe {
    fn of(alpha: f64, out: Vec3, incoming: Vec3) -> Self {
        let half = (out + incoming).normalize();
        let a2 = alpha * alpha;
        // Written with the sine: for a sharp lobe 1 - cos^2 would have no digits left.
        let sin2 = half.x * half.x + half.y * half.y;
        let d = half.z * half.z * a2 + sin2;
        let distribution = a2 / (PI * d * d);
        let lambda = |cos: f64| (cos * cos + a2 * (1.0 - cos * cos)).sqrt();
        let (lo, li) = (lambda(out.z), lambda(incoming.z));
        // Height-correlated Smith shadowing over 4 cos cos, times the cosine of the incoming light.
        let visible = incoming.z / (2.0 * (out.z * li + incoming.z * lo));
        let masked = 2.0 * out.z / (out.z + lo);
        Self {
            value: distribution * visible,
            pdf: masked * distribution / (4.0 * out.z),
            cos_half: out.dot(half),
        }
    }

    /// Reflects `out` at a facet visible from it (Heitz, "Sampling the GGX Distribution of Visible Normals").
    fn sample(alpha: f64, out: Vec3, (u, v): (f64, f64)) -> Vec3 {
        let stretched = Vec3::new(alpha * out.x, alpha * out.y, out.z).normalize();
        let across = stretched.x * stretched.x + stretched.y * stretched.y;
        let t1 = if across > 1e-14 {
            Vec3::new(-stretched.y, stretched.x, 0.0) / across.sqrt()
        } else {
            Vec3::new(1.0, 0.0, 0.0)
        };
        let t2 = stretched.cross(t1);
        let r = u.sqrt();
        let (sin, cos) = sin_cos(2.0 * PI * v);
        let (x, y) = (r * cos, r * sin);
        let s = 0.5 * (1.0 + stretched.z);
        let y = (1.0 - s) * max(1.0 - x * x, 0.0).sqrt() + s * y;
        let z = max(1.0 - x * x - y * y, 0.0).sqrt();
        let n = t1 * x + t2 * y + stretched * z;
        let facet = Vec3::new(alpha * n.x, alpha * n.y, max(n.z, 1e-9)).normalize();
        facet * (2.0 * out.dot(facet)) - out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surfaces() -> Vec<Surface> {
        let colour = Vec3::new(0.9, 0.5, 0.1);
        vec![
            Surface::Diffuse { colour },
            Surface::glossy(colour, 0.5, 1.5),
            Surface::glossy(Vec3::ONE, 0.45, 1.5),
            Surface::metal(Vec3::ONE, 0.3),
            Surface::metal(colour, 0.8),
        ]
    }

    fn outs() -> impl Iterator<Item = Vec3> {
        [0.2, 0.4, 0.7, 1.0]
            .into_iter()
            .map(|z: f64| Vec3::new((1.0 - z * z).sqrt(), 0.0, z))
    }

    /// The density of `sample` is the one `evaluate` reports: it integrates to the share of samples that
    /// are valid, and the mean weight is the integral of the scattering function.
    #[test]
    fn sampling_and_evaluation_agree() {
        const SIDE: u32 = 300;
        for surface in surfaces() {
            for out in outs() {
                let (mut density, mut albedo) = (0.0, 0.0);
                for i in 0..SIDE {
                    for j in 0..SIDE {
                        // Even over the hemisphere.
                        let z = (f64::from(i) + 0.5) / f64::from(SIDE);
                        let (sin, cos) = sin_cos(2.0 * PI * (f64::from(j) + 0.5) / f64::from(SIDE));
                        let r = (1.0 - z * z).sqrt();
                        let (f, pdf) = surface.evaluate(out, Vec3::new(r * cos, r * sin, z));
                        let area = 2.0 * PI / f64::from(SIDE * SIDE);
                        density += pdf * area;
                        albedo += f.x * area;
                    }
                }
                let (mut valid, mut weight) = (0.0, 0.0);
                let count = 1 << 14;
                for i in 0..count {
                    let mut sampler = Sampler::new(3, 1, 1, 0, i, count);
                    if let Some(s) = surface.sample(out, true, &mut sampler) {
                        assert!((s.direction.length() - 1.0).abs() < 1e-9);
                        valid += 1.0 / f64::from(count);
                        weight += s.weight.x / f64::from(count);
                    }
                }
                assert!(
                    (density - valid).abs() < 0.02,
                    "{surface:?} {out:?}: {density} {valid}"
                );
                assert!(
                    (albedo - weight).abs() < 0.02,
                    "{surface:?} {out:?}: {albedo} {weight}"
                );
                assert!(weight <= 1.001, "{surface:?} makes light");
            }
        }
    }

    #[test]
    fn scattering_is_reciprocal() {
        let (a, b) = (
            Vec3::new(0.3, 0.2, 0.8).normalize(),
            Vec3::new(-0.5, 0.1, 0.4).normalize(),
        );
        for surface in surfaces() {
            let there = surface.evaluate(a, b).0 / b.z;
            let back = surface.evaluate(b, a).0 / a.z;
            assert!((there - back).length() < 1e-9, "{surface:?}");
        }
    }

    #[test]
    fn glass_refracts_by_snell_and_reflects_totally() {
        let (reflected, through) = fresnel(1.0, 1.0 / 1.5);
        assert!((reflected - 0.04).abs() < 1e-12 && (through - 1.0).abs() < 1e-12);
        assert_eq!(fresnel(0.1, 1.5), (1.0, 0.0));
        let glass = Surface::Glass {
            ior: 1.5,
            absorption: Vec3::ZERO,
        };
        let out = Vec3::new(0.6, 0.0, 0.8);
        for i in 0..64 {
            let s = glass
                .sample(out, true, &mut Sampler::new(0, i, 0, 0, 0, 1))
                .expect("always");
            assert!((s.direction.length() - 1.0).abs() < 1e-12);
            let expected = if s.direction.z < 0.0 { -0.4 } else { -0.6 };
            assert!((s.direction.x - expected).abs() < 1e-12);
        }
    }
}
