//! Rays, boxes and affine maps.

use crate::math::{Vec3, max, min, sin_cos};

/// A half line. The direction need not have unit length: distances along it are in its own units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ray {
    pub(crate) origin: Vec3,
    pub(crate) direction: Vec3,
}

impl Ray {
    #[inline]
    pub(crate) fn at(&self, t: f64) -> Vec3 {
        self.origin + self.direction * t
    }
}

/// A box with sides along the axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Aabb {
    pub(crate) low: Vec3,
    pub(crate) high: Vec3,
}

impl Aabb {
    pub(crate) const EMPTY: Self = Self {
        low: Vec3::splat(f64::INFINITY),
        high: Vec3::splat(f64::NEG_INFINITY),
    };

    pub(crate) fn of(points: &[Vec3]) -> Self {
        points.iter().fold(Self::EMPTY, |b, p| b.with(*p))
    }

    #[inline]
    pub(crate) fn with(self, p: Vec3) -> Self {
        Self {
            low: p.min(self.low),
            high: p.max(self.high),
        }
    }

    #[inline]
    pub(crate) fn union(self, o: Self) -> Self {
        Self {
            low: self.low.min(o.low),
            high: self.high.max(o.high),
        }
    }

    pub(crate) fn centre(self) -> Vec3 {
        (self.low + self.high) * 0.5
    }

    /// Half the surface; zero for the empty box.
    pub(crate) fn half_area(self) -> f64 {
        let d = self.high - self.low;
        if d.x < 0.0 {
            0.0
        } else {
            d.x * d.y + d.y * d.z + d.z * d.x
        }
    }

    /// The box grown by a hair, so that rounding in the slab test cannot lose what lies on its faces.
    pub(crate) fn padded(self) -> Self {
        let scale = self.low.abs().max(self.high.abs()).max_component();
        let pad = Vec3::splat(scale * 1e-12 + 1e-300);
        Self {
            low: self.low - pad,
            high: self.high + pad,
        }
    }

    /// The distance at which a ray enters, if it does before `limit`.
    #[inline]
    pub(crate) fn entry(&self, ray: &SlabRay, limit: f64) -> Option<f64> {
        let near_corner = |axis: usize| {
            if ray.backwards[axis] {
                &self.high
            } else {
                &self.low
            }
        };
        let far_corner = |axis: usize| {
            if ray.backwards[axis] {
                &self.low
            } else {
                &self.high
            }
        };
        let (mut near, mut far) = (0.0, limit);
        for axis in 0..3 {
            let enter = (near_corner(axis)[axis] - ray.origin[axis]) * ray.inverse[axis];
            let leave = (far_corner(axis)[axis] - ray.origin[axis]) * ray.inverse[axis];
            // A ray within the plane of a face gives no number here; written like this, it counts as
            // inside.
            near = if enter > near { enter } else { near };
            far = if leave < far { leave } else { far };
        }
        (near <= far).then_some(near)
    }
}

/// A ray prepared for tests against many boxes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlabRay {
    origin: Vec3,
    /// Reciprocals of the direction; infinite where that is zero.
    inverse: Vec3,
    backwards: [bool; 3],
}

impl SlabRay {
    #[inline]
    pub(crate) fn new(ray: &Ray) -> Self {
        let inverse = ray.direction.map(|d| 1.0 / d);
        Self {
            origin: ray.origin,
            inverse,
            backwards: [inverse.x < 0.0, inverse.y < 0.0, inverse.z < 0.0],
        }
    }
}

/// A linear map and a translation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Affine {
    /// Images of the three axes.
    pub(crate) columns: [Vec3; 3],
    pub(crate) translation: Vec3,
}

impl Affine {
    pub(crate) const IDENTITY: Self = Self {
        columns: [
            Vec3::new(1.0, 0.0, 0.0),
            Vec3::new(0.0, 1.0, 0.0),
            Vec3::new(0.0, 0.0, 1.0),
        ],
        translation: Vec3::ZERO,
    };

    pub(crate) fn scale(s: Vec3) -> Self {
        let [x, y, z] = Self::IDENTITY.columns;
        Self {
            columns: [x * s.x, y * s.y, z * s.z],
            translation: Vec3::ZERO,
        }
    }

    pub(crate) fn translate(t: Vec3) -> Self {
        Self {
            translation: t,
            ..Self::IDENTITY
        }
    }

    /// A right-handed rotation around a unit axis, in degrees.
    pub(crate) fn rotate(axis: Vec3, degrees: f64) -> Self {
        let (sin, cos) = sin_cos(degrees * (crate::math::PI / 180.0));
        let turn = |v: Vec3| v * cos + axis.cross(v) * sin + axis * (axis.dot(v) * (1.0 - cos));
        Self {
            columns: Self::IDENTITY.columns.map(turn),
            translation: Vec3::ZERO,
        }
    }

    /// First `self`, then `next`.
    pub(crate) fn then(self, next: Self) -> Self {
        Self {
            columns: self.columns.map(|c| next.vector(c)),
            translation: next.point(self.translation),
        }
    }

    #[inline]
    pub(crate) fn vector(&self, v: Vec3) -> Vec3 {
        self.columns[0] * v.x + self.columns[1] * v.y + self.columns[2] * v.z
    }

    #[inline]
    pub(crate) fn point(&self, p: Vec3) -> Vec3 {
        self.vector(p) + self.translation
    }

    /// The image of a ray. Its direction is not normalised, so that distances are the same on both.
    #[inline]
    pub(crate) fn ray(&self, ray: &Ray) -> Ray {
        Ray {
            origin: self.point(ray.origin),
            direction: self.vector(ray.direction),
        }
    }

    /// The product with the transpose of the linear part: maps normals, if `self` is the inverse of the
    /// map of points.
    #[inline]
    pub(crate) fn transposed_vector(&self, v: Vec3) -> Vec3 {
        Vec3::new(
            self.columns[0].dot(v),
            self.columns[1].dot(v),
            self.columns[2].dot(v),
        )
    }

    /// The volume a unit cube is mapped to, negative if it is mirrored.
    pub(crate) fn determinant(&self) -> f64 {
        self.columns[0].dot(self.columns[1].cross(self.columns[2]))
    }

    /// The map back; `None` if this one flattens space.
    pub(crate) fn inverse(&self) -> Option<Self> {
        let [a, b, c] = self.columns;
        let determinant = self.determinant();
        if !(determinant.abs() > 1e-200 && determinant.abs() < 1e200) {
            return None;
        }
        let (r0, r1, r2) = (
            b.cross(c) / determinant,
            c.cross(a) / determinant,
            a.cross(b) / determinant,
        );
        let columns = [
            Vec3::new(r0.x, r1.x, r2.x),
            Vec3::new(r0.y, r1.y, r2.y),
            Vec3::new(r0.z, r1.z, r2.z),
        ];
        let linear = Self {
            columns,
            translation: Vec3::ZERO,
        };
        Some(Self {
            columns,
            translation: -linear.vector(self.translation),
        })
    }

    /// The box around the image of a box.
    pub(crate) fn bounds(&self, b: Aabb) -> Aabb {
        let mut result = Aabb::EMPTY;
        for corner in 0..8 {
            let pick =
                |bit: u32, low: f64, high: f64| if corner >> bit & 1 == 0 { low } else { high };
            result = result.with(self.point(Vec3::new(
                pick(0, b.low.x, b.high.x),
                pick(1, b.low.y, b.high.y),
                pick(2, b.low.z, b.high.z),
            )));
        }
        result
    }
}

/// The corner of a triangle and its two sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Triangle {
    pub(crate) corner: Vec3,
    pub(crate) edge1: Vec3,
    pub(crate) edge2: Vec3,
}

impl Triangle {
    pub(crate) fn new(a: Vec3, b: Vec3, c: Vec3) -> Self {
        Self {
            corner: a,
            edge1: b - a,
            edge2: c - a,
        }
    }

    pub(crate) fn bounds(&self) -> Aabb {
        Aabb::of(&[
            self.corner,
            self.corner + self.edge1,
            self.corner + self.edge2,
        ])
    }

    /// Twice the area times the normal.
    #[inline]
    pub(crate) fn cross(&self) -> Vec3 {
        self.edge1.cross(self.edge2)
    }

    /// Distance and barycentric coordinates of a hit between 0 and `limit` (Möller and Trumbore).
    #[inline]
    pub(crate) fn intersect(&self, ray: &Ray, limit: f64) -> Option<(f64, f64, f64)> {
        let p = ray.direction.cross(self.edge2);
        let determinant = self.edge1.dot(p);
        if determinant == 0.0 {
            return None;
        }
        let inverse = 1.0 / determinant;
        let s = ray.origin - self.corner;
        let u = s.dot(p) * inverse;
        if !(0.0..=1.0).contains(&u) {
            return None;
        }
        let q = s.cross(self.edge1);
        let v = ray.direction.dot(q) * inverse;
        if !(v >= 0.0 && u + v <= 1.0) {
            return None;
        }
        let t = self.edge2.dot(q) * inverse;
        (t > 0.0 && t < limit).then_some((t, u, v))
    }
}

/// The nearer hit of a ray with a sphere between 0 and `limit`. Written to keep precision for spheres that
/// are large or far away (Haines et al., "Precision Improvements for Ray/Sphere Intersection").
#[inline]
pub(crate) fn intersect_sphere(centre: Vec3, radius: f64, ray: &Ray, limit: f64) -> Option<f64> {
    let f = ray.origin - centre;
    let a = ray.direction.dot(ray.direction);
    let b = -f.dot(ray.direction);
    let nearest = f + ray.direction * (b / a);
    let discriminant = radius * radius - nearest.dot(nearest);
    if discriminant < 0.0 {
        return None;
    }
    let c = f.dot(f) - radius * radius;
    let q = b + (if b < 0.0 { -1.0 } else { 1.0 }) * (a * discriminant).sqrt();
    let (t0, t1) = (c / q, q / a);
    let (t0, t1) = (min(t0, t1), max(t0, t1));
    if t0 > 0.0 && t0 < limit {
        Some(t0)
    } else if t1 > 0.0 && t1 < limit {
        Some(t1)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affine_maps_invert() {
        let axis = Vec3::new(1.0, 2.0, -0.5).normalize();
        let m = Affine::scale(Vec3::new(2.0, 0.5, -3.0))
            .then(Affine::rotate(axis, 77.0))
            .then(Affine::translate(Vec3::new(4.0, 5.0, 6.0)));
        let p = Vec3::new(0.3, -0.7, 1.9);
        let back = m.inverse().expect("invertible").point(m.point(p));
        assert!((back - p).length() < 1e-12);
        assert!(Affine::scale(Vec3::new(1.0, 0.0, 1.0)).inverse().is_none());
        assert!((m.determinant() + 3.0).abs() < 1e-12);
    }

    #[test]
    fn sphere_hits_from_outside_and_inside() {
        let ray = Ray {
            origin: Vec3::new(0.0, 0.0, -5.0),
            direction: Vec3::new(0.0, 0.0, 1.0),
        };
        assert_eq!(
            intersect_sphere(Vec3::ZERO, 1.0, &ray, f64::INFINITY),
            Some(4.0)
        );
        assert_eq!(intersect_sphere(Vec3::ZERO, 1.0, &ray, 3.0), None);
        let inside = Ray {
            origin: Vec3::ZERO,
            ..ray
        };
        assert_eq!(
            intersect_sphere(Vec3::ZERO, 1.0, &inside, f64::INFINITY),
            Some(1.0)
        );
        let away = Ray {
            direction: Vec3::new(0.0, 0.0, -1.0),
            ..ray
        };
        assert_eq!(
            intersect_sphere(Vec3::ZERO, 1.0, &away, f64::INFINITY),
            None
        );
    }

    #[test]
    fn a_ray_within_a_face_of_a_box_counts_as_inside() {
        let b = Aabb::of(&[Vec3::ZERO, Vec3::ONE]);
        let direction = Vec3::new(1.0, 0.0, 0.0);
        let entry = |y: f64| {
            let ray = Ray {
                origin: Vec3::new(-1.0, y, 0.5),
                direction,
            };
            b.entry(&SlabRay::new(&ray), f64::INFINITY)
        };
        assert_eq!(
            (entry(0.0), entry(1.0), entry(2.0)),
            (Some(1.0), Some(1.0), None)
        );
    }
}
