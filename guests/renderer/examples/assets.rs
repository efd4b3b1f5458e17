//! Writes the meshes and the field of the default scene: `cargo run -p sungrid-renderer --example assets --
//! guests/renderer/scenes`. Its output is committed; run it again after changing it.

use std::{collections::BTreeMap, error::Error, fmt::Write as _, fs, path::Path};

type Point = [f64; 3];

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: assets DIRECTORY")?;
    let directory = Path::new(&directory);
    fs::write(
        directory.join("cage.obj"),
        cage(4, 0.80, 0.94).text("A shell of hexagons."),
    )?;
    fs::write(
        directory.join("column.obj"),
        column().text("A hexagonal column, its top at 0."),
    )?;
    fs::write(
        directory.join("panel.obj"),
        panel().text("What lies on a column."),
    )?;
    fs::write(directory.join("field.scene"), field())?;
    Ok(())
}

#[derive(Default)]
struct Mesh {
    vertices: Vec<Point>,
    known: BTreeMap<[i64; 3], usize>,
    faces: Vec<Vec<usize>>,
}

impl Mesh {
    /// The number of a vertex; equal points are one vertex.
    fn vertex(&mut self, p: Point) -> usize {
        let key = p.map(|x| (x * 1e4).round() as i64);
        *self.known.entry(key).or_insert_with(|| {
            self.vertices.push(p);
            self.vertices.len()
        })
    }

    fn face(&mut self, points: &[Point]) {
        let face = points.iter().map(|p| self.vertex(*p)).collect();
        self.faces.push(face);
    }

    fn text(&self, comment: &str) -> String {
        let mut text = format!("# {comment}\n");
        let number = |x: f64| {
            let x = (x * 1e4).round() / 1e4;
            // Without the sign of a negative zero.
            if x == 0.0 { 0.0 } else { x }
        };
        for [x, y, z] in &self.vertices {
            let _ = writeln!(text, "v {} {} {}", number(*x), number(*y), number(*z));
        }
        for face in &self.faces {
            let corners: Vec<String> = face.iter().map(usize::to_string).collect();
            let _ = writeln!(text, "f {}", corners.join(" "));
        }
        text
    }
}

fn scale(p: Point, s: f64) -> Point {
    p.map(|x| x * s)
}

fn mix(a: Point, b: Point, t: f64) -> Point {
    [0, 1, 2].map(|i| a[i] * (1.0 - t) + b[i] * t)
}

fn unit(p: Point) -> Point {
    scale(p, 1.0 / p.iter().map(|x| x * x).sum::<f64>().sqrt())
}

fn cross(a: Point, b: Point) -> Point {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

fn dot(a: Point, b: Point) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The edges of a Goldberg polyhedron as a shell: the dual of an icosahedron whose faces are cut into
/// `frequency` squared triangles. `open` is the share of a hexagon that is hole, `inner` the inner radius.
fn cage(frequency: usize, open: f64, inner: f64) -> Mesh {
    let golden = (1.0 + 5_f64.sqrt()) / 2.0;
    let mut corners: Vec<Point> = Vec::new();
    for a in [-1.0, 1.0] {
        for b in [-golden, golden] {
            corners.extend([[0.0, a, b], [a, b, 0.0], [b, 0.0, a]]);
        }
    }
    // Neighbours on the icosahedron are 2 apart.
    let near = |a: Point, b: Point| (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>() < 4.1;
    let mut triangles: Vec<[Point; 3]> = Vec::new();
    for i in 0..12 {
        for j in i + 1..12 {
            for k in j + 1..12 {
                let (a, b, c) = (corners[i], corners[j], corners[k]);
                if near(a, b) && near(b, c) && near(c, a) {
                    triangles.push([a, b, c]);
                }
            }
        }
    }
    // Centres of the small triangles, gathered around each point of the grid.
    let mut grid = Mesh::default();
    let mut around: BTreeMap<usize, Vec<Point>> = BTreeMap::new();
    for [a, b, c] in triangles {
        let n = frequency as f64;
        let at = |i: usize, j: usize| {
            let (u, v) = (i as f64 / n, j as f64 / n);
            unit([0, 1, 2].map(|x| a[x] * (1.0 - u - v) + b[x] * u + c[x] * v))
        };
        for i in 0..frequency {
            for j in 0..frequency - i {
                let mut small = vec![[at(i, j), at(i + 1, j), at(i, j + 1)]];
                if i + j + 1 < frequency {
                    small.push([at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)]);
                }
                for triangle in small {
                    let centre = unit(mix(
                        mix(triangle[0], triangle[1], 0.5),
                        triangle[2],
                        1.0 / 3.0,
                    ));
                    for point in triangle {
                        around.entry(grid.vertex(point)).or_default().push(centre);
                    }
                }
            }
        }
    }
    let mut mesh = Mesh::default();
    for (vertex, mut ring) in around {
        let axis = grid.vertices[vertex - 1];
        let side = unit(cross(axis, ring[0]));
        let other = cross(axis, side);
        ring.sort_by(|a, b| {
            let angle = |p: Point| dot(p, other).atan2(dot(p, side));
            angle(*a).total_cmp(&angle(*b))
        });
        let centre = scale(
            ring.iter()
                .fold([0.0; 3], |sum, p| [0, 1, 2].map(|i| sum[i] + p[i])),
            1.0 / ring.len() as f64,
        );
        for i in 0..ring.len() {
            let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
            let (c, d) = (mix(centre, b, open), mix(centre, a, open));
            mesh.face(&[a, b, c, d]);
            mesh.face(&[d, c, scale(c, inner), scale(d, inner)]);
            mesh.face(&[
                scale(d, inner),
                scale(c, inner),
                scale(b, inner),
                scale(a, inner),
            ]);
        }
    }
    mesh
}

/// The corners of a hexagon with a corner towards z.
fn hexagon(radius: f64, y: f64) -> [Point; 6] {
    let (h, s) = (0.5 * radius, 0.75_f64.sqrt() * radius);
    [
        [0.0, y, radius],
        [s, y, h],
        [s, y, -h],
        [0.0, y, -radius],
        [-s, y, -h],
        [-s, y, h],
    ]
}

fn wall(mesh: &mut Mesh, low: [Point; 6], high: [Point; 6]) {
    for i in 0..6 {
        let j = (i + 1) % 6;
        mesh.face(&[low[i], low[j], high[j], high[i]]);
    }
}

fn column() -> Mesh {
    let mut mesh = Mesh::default();
    let edge = hexagon(0.955, -0.05);
    let top = hexagon(0.90, 0.0);
    let inside = hexagon(0.80, 0.0);
    let floor = hexagon(0.80, -0.04);
    wall(&mut mesh, hexagon(0.955, -2.6), edge);
    wall(&mut mesh, edge, top);
    wall(&mut mesh, top, inside);
    wall(&mut mesh, inside, floor);
    mesh.face(&floor);
    mesh
}

fn panel() -> Mesh {
    let mut mesh = Mesh::default();
    let edge = hexagon(0.74, 0.01);
    let top = hexagon(0.71, 0.03);
    wall(&mut mesh, hexagon(0.74, -0.04), edge);
    wall(&mut mesh, edge, top);
    mesh.face(&top);
    mesh
}

/// A whole number turned into one that looks random, 0..1.
fn noise(x: i64, y: i64) -> f64 {
    let mut v = (x as u32).wrapping_mul(0x9e37_79b9) ^ (y as u32).wrapping_mul(0x85eb_ca6b);
    for _ in 0..2 {
        v ^= v >> 16;
        v = v.wrapping_mul(0x7feb_352d);
        v ^= v >> 15;
        v = v.wrapping_mul(0x846c_a68b);
    }
    f64::from(v ^ (v >> 16)) / 4_294_967_296.0
}

/// Columns on a hexagonal grid: low under the sun, in waves outwards, with a few that glow.
fn field() -> String {
    let mut text =
        String::from("# Columns and what lies on them, written by the example `assets`.\n");
    let (step_x, step_z) = (2.0 * 0.75_f64.sqrt(), 1.5);
    for row in -20_i64..=10 {
        for column in -22_i64..=22 {
            let x = (column as f64 + if row.rem_euclid(2) == 1 { 0.5 } else { 0.0 }) * step_x;
            let z = row as f64 * step_z;
            let distance = (x * x + z * z).sqrt();
            // What the camera cannot see need not be there.
            if x.abs() > 9.0 + (11.0 - z) * 0.75 {
                continue;
            }
            let wave = (distance * 0.62 - 0.6).sin();
            let rise = (distance / 24.0).powi(2);
            let height = 0.55 * wave * (1.0 - (-distance * 0.35).exp())
                + 2.4 * rise
                + 0.32 * noise(column, row);
            let dice = noise(column + 1000, row - 77);
            let material = match () {
                () if dice < 0.035 => "lamp",
                () if dice < 0.09 => "gold",
                () if dice < 0.13 => "pearl",
                () => "cell",
            };
            let _ = writeln!(
                text,
                "object column stone translate {x:.3} {height:.3} {z:.3}"
            );
            let _ = writeln!(
                text,
                "object panel {material} translate {x:.3} {height:.3} {z:.3}"
            );
        }
    }
    text
}
