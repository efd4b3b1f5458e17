//! A scene in memory: what there is, and what a ray meets.

mod parse;

use crate::{
    bvh::{Bvh, Stack},
    error::{SceneError, TileError},
    geometry::{Aabb, Affine, Ray, intersect_sphere},
    light::Lights,
    loader::Loader,
    material::{Material, Surface},
    math::{Vec3, max, powi, sin_cos},
    obj::Mesh,
    tile::TileRect,
};

pub use parse::{
    IMAGE_PIXELS, IMAGE_SIDE, INCLUDE_DEPTH, OBJECTS, SCENE_BYTES, SCENE_FILES, SCENE_TRIANGLES,
};

/// Size of the picture and how it is sampled.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// Width of the picture in pixels.
    pub width: u32,
    /// Height of the picture in pixels.
    pub height: u32,
    /// Paths traced per pixel and round.
    pub samples: u32,
    /// Most rounds of paths traced for a pixel.
    pub rounds: u32,
    /// No further round is traced for a pixel whose brightness, on a scale of 0 to 1, has at most this
    /// standard error.
    pub noise: f64,
    /// Width of a tile in pixels; the last column may be narrower.
    pub tile_width: u32,
    /// Height of a tile in pixels; the last row may be lower.
    pub tile_height: u32,
    /// Chooses the sample points.
    pub seed: u32,
    /// Most surfaces that a path visits.
    pub depth: u32,
    /// Factor between the light of the scene and the brightness of the picture.
    pub exposure: f64,
    /// Most light that one path may bring after its first surface; tames rare bright specks.
    pub clamp: f64,
}

/// A thin lens at `origin`, seeing a rectangle at its distance of sharpness.
#[derive(Clone, Debug)]
pub(crate) struct Camera {
    pub(crate) origin: Vec3,
    pub(crate) right: Vec3,
    pub(crate) up: Vec3,
    pub(crate) forward: Vec3,
    /// Half the height of the picture at distance 1.
    pub(crate) half_height: f64,
    pub(crate) lens_radius: f64,
    pub(crate) focus: f64,
}

impl Camera {
    /// The ray through a point of the picture (0..1 from left and top) and of the lens.
    pub(crate) fn ray(&self, picture: (f64, f64), aspect: f64, lens: (f64, f64)) -> Ray {
        let x = (2.0 * picture.0 - 1.0) * self.half_height * aspect;
        let y = (1.0 - 2.0 * picture.1) * self.half_height;
        let through = (self.forward + self.right * x + self.up * y) * self.focus;
        let radius = self.lens_radius * lens.0.sqrt();
        let (sin, cos) = sin_cos(lens.1 * (2.0 * crate::math::PI));
        let start = self.right * (radius * cos) + self.up * (radius * sin);
        Ray {
            origin: self.origin + start,
            direction: (through - start).normalize(),
        }
    }
}

/// A light far away, seen as a disc.
#[derive(Clone, Debug)]
pub(crate) struct Sun {
    pub(crate) direction: Vec3,
    pub(crate) radiance: Vec3,
    pub(crate) cos_angle: f64,
    pub(crate) glow: Vec3,
    pub(crate) glow_power: u32,
}

impl Sun {
    /// Density of directions drawn evenly from the disc, per steradian.
    pub(crate) fn pdf(&self) -> f64 {
        1.0 / (2.0 * crate::math::PI * (1.0 - self.cos_angle))
    }

    #[inline]
    pub(crate) fn covers(&self, direction: Vec3) -> bool {
        direction.dot(self.direction) >= self.cos_angle
    }
}

/// What surrounds the scene.
#[derive(Clone, Debug)]
pub(crate) struct Sky {
    pub(crate) zenith: Vec3,
    pub(crate) horizon: Vec3,
    pub(crate) ground: Vec3,
    pub(crate) sun: Option<Sun>,
}

impl Sky {
    /// Light from a direction, without the sun's disc.
    pub(crate) fn radiance(&self, direction: Vec3) -> Vec3 {
        let y = direction.y;
        let base = if y >= 0.0 {
            // The horizon's colour reaches up quickly and fades slowly, as in air.
            let t = 1.0 - y;
            self.zenith.lerp(self.horizon, t * t * t)
        } else {
            // A narrow band hides the edge where a ground ends.
            let t = max(1.0 + 8.0 * y, 0.0);
            self.ground.lerp(self.horizon, t * t)
        };
        match &self.sun {
            Some(sun) => {
                let cos = max(direction.dot(sun.direction), 0.0);
                base + sun.glow * powi(cos, sun.glow_power)
            }
            None => base,
        }
    }
}

/// Air that fades what is far away into the colour of the horizon behind it.
#[derive(Clone, Debug)]
pub(crate) struct Haze {
    pub(crate) colour: Vec3,
    pub(crate) density: f64,
}

/// Something placed in the scene.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Sphere {
        centre: Vec3,
        radius: f64,
    },
    Instance {
        mesh: usize,
        to_world: Affine,
        to_mesh: Affine,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) shape: Shape,
    pub(crate) material: usize,
}

/// Where a ray meets a surface.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub(crate) distance: f64,
    pub(crate) point: Vec3,
    /// Unit normal of the surface itself, towards the ray.
    pub(crate) face_normal: Vec3,
    /// Unit normal for shading, towards the ray.
    pub(crate) normal: Vec3,
    /// Whether the ray comes from the side that the surface's normal points to.
    pub(crate) outside: bool,
    pub(crate) object: usize,
}

/// The nearest of what a ray met so far.
struct Nearest {
    distance: f64,
    object: usize,
    /// Index of the triangle of the object's mesh, and where in it.
    facet: Option<(usize, f64, f64)>,
}

/// What lies between two points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shadow {
    /// Nothing.
    None,
    /// Glass, and nothing else.
    Glass,
    /// Something that light does not pass.
    Full,
}

/// A scene, ready to be rendered.
#[derive(Clone, Debug)]
pub struct Scene {
    pub(crate) settings: Settings,
    pub(crate) camera: Camera,
    pub(crate) sky: Sky,
    pub(crate) haze: Option<Haze>,
    pub(crate) materials: Vec<Material>,
    pub(crate) meshes: Vec<Mesh>,
    pub(crate) objects: Vec<Object>,
    pub(crate) bvh: Bvh,
    pub(crate) lights: Lights,
}

impl Scene {
    /// Reads the scene file `name` and every file it refers to.
    ///
    /// # Errors
    /// If a file is missing, malformed or beyond a limit; the error names the file, the line and what to do.
    pub fn parse(name: &str, loader: &dyn Loader) -> Result<Self, SceneError> {
        parse::scene(name, loader)
    }

    /// The names of all files that the scene file `name` refers to, without itself: what must be uploaded
    /// with it. Sorted, each once. OBJ files are named without being read.
    ///
    /// # Errors
    /// If the scene or a file it includes is missing, malformed or beyond a limit.
    pub fn references(name: &str, loader: &dyn Loader) -> Result<Vec<String>, SceneError> {
        parse::references(name, loader)
    }

    /// Size of the picture and how it is sampled.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many tiles the picture is cut into.
    pub fn tile_count(&self) -> u32 {
        let s = &self.settings;
        // Both factors are at most `IMAGE_SIDE`, so the product fits.
        s.width.div_ceil(s.tile_width) * s.height.div_ceil(s.tile_height)
    }

    /// The tile of an index: row by row from the top left, as text is read.
    ///
    /// # Errors
    /// If the index is not below [`Self::tile_count`].
    pub fn tile(&self, index: u32) -> Result<TileRect, TileError> {
        let tiles = self.tile_count();
        if index >= tiles {
            return Err(TileError::NoSuchTile { index, tiles });
        }
        let s = &self.settings;
        let columns = s.width.div_ceil(s.tile_width);
        let (x, y) = (
            index % columns * s.tile_width,
            index / columns * s.tile_height,
        );
        Ok(TileRect {
            x,
            y,
            width: s.tile_width.min(s.width - x),
            height: s.tile_height.min(s.height - y),
        })
    }

    /// All tiles in the order of their indices.
    pub fn tiles(&self) -> Vec<TileRect> {
        (0..self.tile_count())
            .filter_map(|i| self.tile(i).ok())
            .collect()
    }

    /// How many triangles the scene shows, counting every placement of a mesh.
    pub fn triangle_count(&self) -> usize {
        self.objects
            .iter()
            .map(|o| match o.shape {
                Shape::Sphere { .. } => 0,
                Shape::Instance { mesh, .. } => self.meshes[mesh].triangles.len(),
            })
            .sum()
    }

    /// The first surface that a ray meets nearer than `limit`.
    pub(crate) fn intersect(&self, ray: &Ray, limit: f64, stack: &mut Stack) -> Option<Hit> {
        let mut found: Option<Nearest> = None;
        self.bvh
            .traverse(ray, limit, stack, |object, limit, stack| {
                match &self.objects[object].shape {
                    Shape::Sphere { centre, radius } => {
                        let t = intersect_sphere(*centre, *radius, ray, limit)?;
                        found = Some(Nearest {
                            distance: t,
                            object,
                            facet: None,
                        });
                        Some(t)
                    }
                    Shape::Instance { mesh, to_mesh, .. } => {
                        let local = to_mesh.ray(ray);
                        let mesh = &self.meshes[*mesh];
                        let mut nearest = None;
                        mesh.bvh.traverse(&local, limit, stack, |index, limit, _| {
                            let (t, u, v) = mesh.triangles[index].intersect(&local, limit)?;
                            nearest = Some(t);
                            found = Some(Nearest {
                                distance: t,
                                object,
                                facet: Some((index, u, v)),
                            });
                            Some(t)
                        });
                        nearest
                    }
                }
            });
        let Nearest {
            distance,
            object,
            facet,
        } = found?;
        let point = ray.at(distance);
        let (face_normal, shading) = match (&self.objects[object].shape, facet) {
            (
                Shape::Instance {
                    mesh,
                    to_mesh,
                    to_world,
                },
                Some((index, u, v)),
            ) => {
                let mesh = &self.meshes[*mesh];
                // A mirrored placement turns the faces inside out; the sign turns them back.
                let sign = if to_world.determinant() < 0.0 {
                    -1.0
                } else {
                    1.0
                };
                let to_normal = |n: Vec3| to_mesh.transposed_vector(n).try_normalize();
                let face = to_normal(mesh.triangles[index].cross())?;
                let shading = mesh.shading_normal(index, u, v).and_then(to_normal);
                // Both normals point to the same side, whatever the file says of the face's winding.
                let face = match shading {
                    Some(s) if s.dot(face) < 0.0 => -face,
                    Some(_) => face,
                    None => face * sign,
                };
                (face, shading.unwrap_or(face))
            }
            (Shape::Sphere { centre, .. }, _) => {
                let n = (point - *centre).normalize();
                (n, n)
            }
            // A hit of an instance always carries its triangle.
            (Shape::Instance { .. }, None) => return None,
        };
        let outside = ray.direction.dot(face_normal) < 0.0;
        let side = if outside { 1.0 } else { -1.0 };
        let (face_normal, mut normal) = (face_normal * side, shading * side);
        // A shading normal that leans away from the viewer would shade a surface nobody can see.
        if normal.dot(ray.direction) >= 0.0 {
            normal = face_normal;
        }
        Some(Hit {
            distance,
            point,
            face_normal,
            normal,
            outside,
            object,
        })
    }

    /// What lies on a ray before `limit`, found sooner than the first surface.
    pub(crate) fn shadow(&self, ray: &Ray, limit: f64, stack: &mut Stack) -> Shadow {
        // No distance is below this limit: whatever is left of a search ends.
        const DONE: f64 = -1.0;
        let mut shadow = Shadow::None;
        self.bvh.traverse(ray, limit, stack, |index, limit, stack| {
            let object = &self.objects[index];
            let met = match &object.shape {
                Shape::Sphere { centre, radius } => {
                    intersect_sphere(*centre, *radius, ray, limit).is_some()
                }
                Shape::Instance { mesh, to_mesh, .. } => {
                    let local = to_mesh.ray(ray);
                    let mesh = &self.meshes[*mesh];
                    let mut met = false;
                    mesh.bvh.traverse(&local, limit, stack, |index, limit, _| {
                        mesh.triangles[index].intersect(&local, limit)?;
                        met = true;
                        Some(DONE)
                    });
                    met
                }
            };
            if !met {
                return None;
            }
            if matches!(
                self.materials[object.material].surface,
                Surface::Glass { .. }
            ) {
                shadow = Shadow::Glass;
                return None;
            }
            shadow = Shadow::Full;
            Some(DONE)
        });
        shadow
    }

    pub(crate) fn material_of(&self, hit: &Hit) -> &Material {
        &self.materials[self.objects[hit.object].material]
    }

    /// A ray from a hit into a direction, started a hair away from the surface so as not to meet it again.
    #[inline]
    pub(crate) fn leave(hit: &Hit, direction: Vec3) -> Ray {
        let scale = max(1.0, hit.point.abs().max_component());
        let side = if direction.dot(hit.face_normal) < 0.0 {
            -1.0
        } else {
            1.0
        };
        Ray {
            origin: hit.point + hit.face_normal * (side * scale * 1e-8),
            direction,
        }
    }
}

impl Object {
    pub(crate) fn bounds(&self, meshes: &[Mesh]) -> Aabb {
        match &self.shape {
            Shape::Sphere { centre, radius } => Aabb {
                low: *centre - Vec3::splat(*radius),
                high: *centre + Vec3::splat(*radius),
            },
            Shape::Instance { mesh, to_world, .. } => to_world.bounds(meshes[*mesh].bvh.bounds()),
        }
    }
}
