//! Wavefront OBJ: the part that describes surfaces.
//!
//! Read are `v`, `vn` and `f` (any polygon, cut into a fan; positive and negative indices; the forms `a`,
//! `a/b`, `a//c` and `a/b/c`). Texture coordinates, groups, smoothing groups, materials, lines and points
//! are skipped: the scene file says what a mesh is made of. Anything else is an error, because a file of
//! another format should not become an empty picture.

use crate::{
    bvh::{Bvh, Effort},
    error::{SceneError, SceneErrorKind},
    geometry::{Aabb, Triangle},
    loader::Loader,
    math::Vec3,
    text::{Words, fetch, lines},
};

/// Longest OBJ file, in bytes. A tile's worker holds it in the guest's memory.
pub const OBJ_BYTES: u64 = 64 << 20;
/// Most vertices, normals and triangles of a mesh; the depth of the hierarchy relies on it.
pub const MESH_TRIANGLES: usize = 1 << 22;
/// Coordinates reach this far: squares and products of them must stay finite.
pub(crate) const REACH: f64 = 1e9;
/// Most corners of one polygon.
const POLYGON: usize = 1 << 16;

/// Triangles that share a hierarchy, and are placed into a scene as often as wanted.
#[derive(Clone, Debug)]
pub(crate) struct Mesh {
    pub(crate) triangles: Vec<Triangle>,
    /// Unit normals of the corners of each triangle; empty for a mesh of flat faces.
    normals: Vec<[Vec3; 3]>,
    pub(crate) bvh: Bvh,
}

impl Mesh {
    /// Reads the OBJ file `name`. If `smooth`, corners without a normal get the mean of those of the faces
    /// around them.
    pub(crate) fn load(loader: &dyn Loader, name: &str, smooth: bool) -> Result<Self, SceneError> {
        let content = fetch(loader, name, OBJ_BYTES)?;
        let mut obj = Obj::default();
        for words in lines(name, &content) {
            obj.line(&mut words?)?;
        }
        obj.build(name, smooth)
    }

    /// The normal that shading sees at a point of triangle `index`, in the mesh's space; `None` where it is
    /// the face's own.
    #[inline]
    pub(crate) fn shading_normal(&self, index: usize, u: f64, v: f64) -> Option<Vec3> {
        let [a, b, c] = self.normals.get(index)?;
        (*a * (1.0 - u - v) + *b * u + *c * v).try_normalize()
    }
}

/// What a face says of one of its corners: indices from 0.
#[derive(Clone, Copy, Debug)]
struct Corner {
    vertex: u32,
    normal: Option<u32>,
}

#[derive(Debug, Default)]
struct Obj {
    vertices: Vec<Vec3>,
    normals: Vec<Vec3>,
    faces: Vec<[Corner; 3]>,
}

impl Obj {
    fn line(&mut self, words: &mut Words<'_>) -> Result<(), SceneError> {
        match words.word("a directive")? {
            "v" => {
                // A weight or a colour may follow; neither means anything to a surface of triangles.
                let vertex = words.triple("a coordinate", -REACH, REACH)?;
                self.vertices.push(vertex);
                limit(words, self.vertices.len(), "vertices")
            }
            "vn" => {
                // Exporters write zero normals for degenerate faces: kept, and not used for shading.
                let normal = words.triple("a normal", -REACH, REACH)?;
                self.normals
                    .push(normal.try_normalize().unwrap_or(Vec3::ZERO));
                limit(words, self.normals.len(), "normals")
            }
            "f" => self.face(words),
            "vt" | "vp" | "o" | "g" | "s" | "l" | "p" | "usemtl" | "mtllib" | "mg" => Ok(()),
            other => Err(words.error(SceneErrorKind::UnknownDirective(other.to_owned()))),
        }
    }

    fn face(&mut self, words: &mut Words<'_>) -> Result<(), SceneError> {
        let first = self.corner(words)?;
        let mut previous = self.corner(words)?;
        let mut next = self.corner(words)?;
        for _ in 0..POLYGON {
            self.faces.push([first, previous, next]);
            limit(words, self.faces.len(), "triangles")?;
            if words.peek().is_none() {
                return Ok(());
            }
            previous = next;
            next = self.corner(words)?;
        }
        Err(words.error(SceneErrorKind::TooMany {
            what: "corners of a polygon",
            limit: POLYGON,
        }))
    }

    fn corner(&self, words: &mut Words<'_>) -> Result<Corner, SceneError> {
        let word = words.word("a corner of the face (it needs three)")?;
        let mut parts = word.split('/');
        let vertex = index(words, word, parts.next(), "vertex", self.vertices.len())?;
        let texture = parts.next();
        let normal = parts.next();
        let unexpected = || {
            words.error(SceneErrorKind::Unexpected {
                expected: "a corner like 1, 1/2, 1//3 or 1/2/3".to_owned(),
                found: word.to_owned(),
            })
        };
        // The texture coordinate is not used, but a file in which it is no number is not an OBJ file.
        if texture.is_some_and(|t| !t.is_empty() && t.parse::<i64>().is_err())
            || parts.next().is_some()
        {
            return Err(unexpected());
        }
        let normal = match normal {
            None | Some("") => None,
            some => Some(index(words, word, some, "normal", self.normals.len())?),
        };
        Ok(Corner { vertex, normal })
    }

    fn build(self, name: &str, smooth: bool) -> Result<Mesh, SceneError> {
        let vertex = |c: Corner| self.vertices[c.vertex as usize];
        let mut means = vec![Vec3::ZERO; if smooth { self.vertices.len() } else { 0 }];
        let mut triangles = Vec::with_capacity(self.faces.len());
        let mut faces = Vec::with_capacity(self.faces.len());
        for corners in &self.faces {
            let triangle =
                Triangle::new(vertex(corners[0]), vertex(corners[1]), vertex(corners[2]));
            // Without area there is nothing to hit, and no normal.
            if triangle.cross().try_normalize().is_none() {
                continue;
            }
            if smooth {
                for corner in corners {
                    // Not normalised: larger faces count for more.
                    means[corner.vertex as usize] += triangle.cross();
                }
            }
            triangles.push(triangle);
            faces.push(*corners);
        }
        if triangles.is_empty() {
            let why = "the mesh has no face with an area; is this the right file?";
            return Err(SceneError::new(name, None, SceneErrorKind::Degenerate(why)));
        }
        let mut normals = Vec::new();
        if smooth || faces.iter().flatten().any(|c| c.normal.is_some()) {
            normals.reserve_exact(faces.len());
            for (corners, triangle) in faces.iter().zip(&triangles) {
                let flat = triangle.cross().normalize();
                normals.push(corners.map(|corner| {
                    let given = corner.normal.map(|n| self.normals[n as usize]);
                    given
                        .filter(|n| *n != Vec3::ZERO)
                        .or_else(|| means.get(corner.vertex as usize)?.try_normalize())
                        .unwrap_or(flat)
                }));
            }
        }
        let boxes: Vec<Aabb> = triangles.iter().map(Triangle::bounds).collect();
        Ok(Mesh {
            bvh: Bvh::build(&boxes, Effort::TRIANGLES),
            triangles,
            normals,
        })
    }
}

fn limit(words: &Words<'_>, count: usize, what: &'static str) -> Result<(), SceneError> {
    if count > MESH_TRIANGLES {
        return Err(words.error(SceneErrorKind::TooMany {
            what,
            limit: MESH_TRIANGLES,
        }));
    }
    Ok(())
}

/// An index as OBJ counts: from 1, or backwards from -1.
fn index(
    words: &Words<'_>,
    word: &str,
    part: Option<&str>,
    what: &'static str,
    defined: usize,
) -> Result<u32, SceneError> {
    let index: i64 = part.and_then(|p| p.parse().ok()).ok_or_else(|| {
        words.error(SceneErrorKind::Unexpected {
            expected: format!("a {what} index"),
            found: word.to_owned(),
        })
    })?;
    let from_zero = if index > 0 {
        Some(index - 1)
    } else {
        index.checked_add(defined as i64)
    };
    from_zero
        .filter(|i| index != 0 && (0..defined as i64).contains(i))
        .and_then(|i| u32::try_from(i).ok())
        .ok_or_else(|| {
            words.error(SceneErrorKind::BadIndex {
                what,
                index,
                defined,
            })
        })
}
