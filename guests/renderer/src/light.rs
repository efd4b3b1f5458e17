//! Everything in a scene that gives light and has a place, and how to aim at it.

use crate::{
    geometry::Triangle,
    material::{Material, Surface},
    math::{Frame, PI, Vec3, clamp, max, sin_cos},
    obj::Mesh,
    scene::{Object, Shape},
};

/// Up to this many objects are weighed by how much of their light can reach a point; more would take longer
/// than the rays that are saved, and are weighed by the light they give altogether.
const WEIGHED: usize = 64;

#[derive(Clone, Debug)]
enum Emitter {
    Sphere {
        centre: Vec3,
        radius: f64,
    },
    /// A range of the list of triangles.
    Mesh {
        first: usize,
        end: usize,
    },
}

/// An object that gives light.
#[derive(Clone, Debug)]
struct Light {
    object: usize,
    emitter: Emitter,
    radiance: Vec3,
    area: f64,
    /// Area times luminance.
    power: f64,
    /// Sum of the powers up to and with this light.
    cumulative: f64,
    centre: Vec3,
    /// Square of the distance below which a light does not get brighter, for choosing it.
    nearest2: f64,
}

/// A triangle of a light, and the area of the light's triangles up to and with this one.
#[derive(Clone, Debug)]
struct Facet {
    triangle: Triangle,
    cumulative: f64,
}

/// All lights of a scene, in the order of its objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lights {
    lights: Vec<Light>,
    facets: Vec<Facet>,
}

/// A direction towards a light.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aim {
    pub(crate) direction: Vec3,
    pub(crate) distance: f64,
    pub(crate) radiance: Vec3,
    /// Density per steradian.
    pub(crate) pdf: f64,
}

impl Lights {
    pub(crate) fn collect(objects: &[Object], materials: &[Material], meshes: &[Mesh]) -> Self {
        let mut lights = Self::default();
        for (index, object) in objects.iter().enumerate() {
            let Surface::Emissive { radiance } = materials[object.material].surface else {
                continue;
            };
            let (emitter, area) = match &object.shape {
                Shape::Sphere { centre, radius } => (
                    Emitter::Sphere {
                        centre: *centre,
                        radius: *radius,
                    },
                    4.0 * PI * radius * radius,
                ),
                Shape::Instance { mesh, to_world, .. } => {
                    let first = lights.facets.len();
                    let mut area = 0.0;
                    for t in &meshes[*mesh].triangles {
                        let triangle = Triangle {
                            corner: to_world.point(t.corner),
                            edge1: to_world.vector(t.edge1),
                            edge2: to_world.vector(t.edge2),
                        };
                        area += 0.5 * triangle.cross().length();
                        lights.facets.push(Facet {
                            triangle,
                            cumulative: area,
                        });
                    }
                    (
                        Emitter::Mesh {
                            first,
                            end: lights.facets.len(),
                        },
                        area,
                    )
                }
            };
            let power = area * radiance.luminance();
            if !(power > 0.0 && power.is_finite()) {
                continue;
            }
            let cumulative = lights.lights.last().map_or(0.0, |l| l.cumulative) + power;
            let bounds = object.bounds(meshes);
            let size = bounds.high - bounds.low;
            lights.lights.push(Light {
                object: index,
                emitter,
                radiance,
                area,
                power,
                cumulative,
                centre: bounds.centre(),
                nearest2: 0.25 * size.dot(size),
            });
        }
        lights
    }

    /// How often a light is aimed at from a point, against the sum of [`Self::sum`].
    fn weight(&self, light: &Light, from: Vec3) -> f64 {
        if self.lights.len() > WEIGHED {
            return light.power;
        }
        let path = light.centre - from;
        light.power / max(path.dot(path), light.nearest2)
    }

    fn sum(&self, from: Vec3) -> f64 {
        if self.lights.len() > WEIGHED {
            return self.lights.last().map_or(0.0, |l| l.cumulative);
        }
        self.lights.iter().map(|l| self.weight(l, from)).sum()
    }

    fn choose(&self, from: Vec3, choice: f64) -> Option<(&Light, f64)> {
        let sum = self.sum(from);
        let wanted = choice * sum;
        let light = if self.lights.len() > WEIGHED {
            self.lights
                .get(self.lights.partition_point(|l| l.cumulative <= wanted))?
        } else {
            let mut reached = 0.0;
            self.lights.iter().find(|l| {
                reached += self.weight(l, from);
                reached > wanted
            })?
        };
        Some((light, self.weight(light, from) / sum))
    }

    /// Aims from a point at a light chosen by `choice`.
    pub(crate) fn aim(&self, from: Vec3, choice: f64, (u, v): (f64, f64)) -> Option<Aim> {
        let (light, chance) = self.choose(from, choice)?;
        let radiance = light.radiance;
        match &light.emitter {
            Emitter::Mesh { first, end } => {
                let facets = &self.facets[*first..*end];
                // The first number chooses the triangle, and what is left of it the place.
                let wanted = u * light.area;
                let index = facets.partition_point(|f| f.cumulative <= wanted);
                let facet = facets.get(index)?;
                let before = index.checked_sub(1).map_or(0.0, |i| facets[i].cumulative);
                let u = clamp((wanted - before) / (facet.cumulative - before), 0.0, 1.0);
                let (triangle, r) = (&facet.triangle, u.sqrt());
                let point =
                    triangle.corner + triangle.edge1 * (r * (1.0 - v)) + triangle.edge2 * (r * v);
                let path = point - from;
                let direction = path.try_normalize()?;
                let normal = triangle.cross().try_normalize()?;
                let distance = path.length();
                let pdf = chance * mesh_pdf(light.area, distance, direction.dot(normal));
                (pdf.is_finite() && pdf > 0.0).then_some(Aim {
                    direction,
                    distance,
                    radiance,
                    pdf,
                })
            }
            Emitter::Sphere { centre, radius } => {
                let pdf = chance * sphere_pdf(*centre, *radius, from)?;
                let axis = *centre - from;
                let centre_distance = axis.length();
                let cos = 1.0 - u * cone(*radius, centre_distance);
                let sin = max(1.0 - cos * cos, 0.0).sqrt();
                let (turn_sin, turn_cos) = sin_cos(2.0 * PI * v);
                let local = Vec3::new(sin * turn_cos, sin * turn_sin, cos);
                let direction = Frame::new(axis.normalize()).to_world(local).normalize();
                // To the near side of the sphere.
                let along = centre_distance * cos;
                let beside = centre_distance * centre_distance * sin * sin;
                let distance = along - max(radius * radius - beside, 0.0).sqrt();
                Some(Aim {
                    direction,
                    distance,
                    radiance,
                    pdf,
                })
            }
        }
    }

    /// The density with which [`Self::aim`] picks from a point the direction to where an object was met, at
    /// a distance and with the cosine of its normal; `None` if it never aims there.
    pub(crate) fn pdf(&self, object: usize, from: Vec3, distance: f64, cos: f64) -> Option<f64> {
        let index = self
            .lights
            .binary_search_by_key(&object, |l| l.object)
            .ok()?;
        let light = &self.lights[index];
        let density = match &light.emitter {
            Emitter::Mesh { .. } => mesh_pdf(light.area, distance, cos),
            Emitter::Sphere { centre, radius } => sphere_pdf(*centre, *radius, from)?,
        };
        Some(self.weight(light, from) / self.sum(from) * density)
    }
}

/// Density per steradian of points drawn evenly from a surface.
fn mesh_pdf(area: f64, distance: f64, cos: f64) -> f64 {
    distance * distance / (area * cos.abs())
}

/// Density per steradian of directions drawn evenly from those that meet a sphere; `None` within it.
fn sphere_pdf(centre: Vec3, radius: f64, from: Vec3) -> Option<f64> {
    let distance = (centre - from).length();
    (distance > radius * (1.0 + 1e-9)).then(|| 1.0 / (2.0 * PI * cone(radius, distance)))
}

/// One minus the cosine of the half angle under which a sphere is seen, with precision for small angles.
fn cone(radius: f64, distance: f64) -> f64 {
    let sin2 = (radius / distance) * (radius / distance);
    sin2 / (1.0 + max(1.0 - sin2, 0.0).sqrt())
}
