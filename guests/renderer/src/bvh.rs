//! A bounding volume hierarchy, built by the binned surface area heuristic.
//!
//! It knows boxes only: what they hold is tested by a closure of the caller. One serves the triangles of
//! a mesh, another the objects of a scene.

use crate::{
    geometry::{Aabb, Ray, SlabRay},
    math::Vec3,
};

/// Where a split may fall, per axis. More bins find better splits and cost time in every tile.
const BINS: usize = 16;
/// From this depth on nodes are halved by count, so that no input makes the tree deep and slow: 2^22 items need 22 levels more.
const BALANCED_FROM: usize = 40;
/// Room for the traversal of a hierarchy within a hierarchy: one entry per level of each.
const STACK: usize = 160;

/// What traversals still have to visit, kept from ray to ray: to clear it anew for each would take longer
/// than most of them.
pub(crate) struct Stack(Vec<(u32, f64)>);

impl Stack {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(STACK))
    }
}

/// How much work the items are, which decides how far it pays to divide them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Cost of an item, in tests of a box.
    item: f64,
    /// At most this many items in a leaf that can still be divided.
    leaf: usize,
}

impl Effort {
    /// Items as cheap as a box.
    pub(crate) const TRIANGLES: Self = Self { item: 1.0, leaf: 4 };
    /// Items with a hierarchy of their own.
    pub(crate) const OBJECTS: Self = Self { item: 4.0, leaf: 1 };
}

#[derive(Clone, Debug)]
struct Node {
    bounds: Aabb,
    /// For a leaf the first item, for an inner node the right child (the left one follows the node).
    first: u32,
    /// Items of a leaf; 0 for an inner node.
    count: u32,
}

/// The hierarchy over a list of boxes.
#[derive(Clone, Debug)]
pub(crate) struct Bvh {
    nodes: Vec<Node>,
    order: Vec<u32>,
}

impl Bvh {
    /// Builds over `boxes`; the items are the indices of the list, of which there may be at most 2^22.
    pub(crate) fn build(boxes: &[Aabb], effort: Effort) -> Self {
        let boxes: Vec<Aabb> = boxes.iter().map(|b| b.padded()).collect();
        let centres: Vec<Vec3> = boxes.iter().map(|b| b.centre()).collect();
        let mut bvh = Self {
            nodes: Vec::with_capacity(boxes.len()),
            order: (0..boxes.len() as u32).collect(),
        };
        if boxes.is_empty() {
            return bvh;
        }
        // The left child is made right after its parent, the right one when the left subtree is done.
        let mut pending = vec![(0, boxes.len(), 0, None)];
        while let Some((start, end, depth, parent)) = pending.pop() {
            let index = bvh.nodes.len() as u32;
            if let Some(parent) = parent {
                let parent: &mut Node = &mut bvh.nodes[parent as usize];
                parent.first = index;
            }
            let items = &mut bvh.order[start..end];
            let bounds = items
                .iter()
                .fold(Aabb::EMPTY, |b, i| b.union(boxes[*i as usize]));
            match split(items, &boxes, &centres, bounds, depth, effort) {
                None => bvh.nodes.push(Node {
                    bounds,
                    first: start as u32,
                    count: (end - start) as u32,
                }),
                Some(middle) => {
                    bvh.nodes.push(Node {
                        bounds,
                        first: 0,
                        count: 0,
                    });
                    pending.push((start + middle, end, depth + 1, Some(index)));
                    pending.push((start, start + middle, depth + 1, None));
                }
            }
        }
        bvh
    }

    /// The box around everything.
    pub(crate) fn bounds(&self) -> Aabb {
        self.nodes.first().map_or(Aabb::EMPTY, |n| n.bounds)
    }

    /// Calls `visit` for every item whose box the ray enters before the limit. `visit` returns the new
    /// limit, if the item lowered it, and may traverse another hierarchy with the stack it is given. Nearer
    /// boxes come first.
    #[inline]
    pub(crate) fn traverse(
        &self,
        ray: &Ray,
        mut limit: f64,
        stack: &mut Stack,
        mut visit: impl FnMut(usize, f64, &mut Stack) -> Option<f64>,
    ) {
        let ray = &SlabRay::new(ray);
        let Some(root) = self.nodes.first() else {
            return;
        };
        if root.bounds.entry(ray, limit).is_none() {
            return;
        }
        let base = stack.0.len();
        let mut current = 0_u32;
        loop {
            let node = &self.nodes[current as usize];
            if node.count > 0 {
                let first = node.first as usize;
                for item in &self.order[first..first + node.count as usize] {
                    if let Some(t) = visit(*item as usize, limit, stack) {
                        limit = t;
                    }
                }
            } else {
                let (left, right) = (current + 1, node.first);
                let left_entry = self.nodes[left as usize].bounds.entry(ray, limit);
                let right_entry = self.nodes[right as usize].bounds.entry(ray, limit);
                match (left_entry, right_entry) {
                    (Some(a), Some(b)) => {
                        let (near, far) = if b < a {
                            (right, (left, a))
                        } else {
                            (left, (right, b))
                        };
                        stack.0.push(far);
                        current = near;
                        continue;
                    }
                    (Some(_), None) => {
                        current = left;
                        continue;
                    }
                    (None, Some(_)) => {
                        current = right;
                        continue;
                    }
                    (None, None) => {}
                }
            }
            loop {
                if stack.0.len() == base {
                    return;
                }
                let Some((node, entry)) = stack.0.pop() else {
                    return;
                };
                if entry <= limit {
                    current = node;
                    break;
                }
            }
        }
    }
}

/// Orders `items` so that the two halves of a split are contiguous and says where the second begins;
/// `None` if they make a leaf.
fn split(
    items: &mut [u32],
    boxes: &[Aabb],
    centres: &[Vec3],
    bounds: Aabb,
    depth: usize,
    effort: Effort,
) -> Option<usize> {
    let count = items.len();
    if count <= 1 {
        return None;
    }
    let halves = (count > effort.leaf).then_some(count / 2);
    if depth >= BALANCED_FROM {
        return halves;
    }
    let spread = items
        .iter()
        .fold(Aabb::EMPTY, |b, i| b.with(centres[*i as usize]));
    let extent = spread.high - spread.low;
    let bin_of = |axis: usize, item: u32| {
        let place = (centres[item as usize][axis] - spread.low[axis]) / extent[axis];
        // A cast saturates: not a number and anything below zero become bin 0.
        ((place * BINS as f64) as usize).min(BINS - 1)
    };
    let mut best: Option<(usize, usize)> = None;
    let mut best_cost = match halves {
        Some(_) => f64::INFINITY,
        None => count as f64 * effort.item * bounds.half_area(),
    };
    for axis in 0..3 {
        if extent[axis].is_nan() || extent[axis] <= 0.0 {
            continue;
        }
        let mut bins = [(Aabb::EMPTY, 0_usize); BINS];
        for item in items.iter() {
            let bin = &mut bins[bin_of(axis, *item)];
            *bin = (bin.0.union(boxes[*item as usize]), bin.1 + 1);
        }
        let mut right = [(0.0, 0_usize); BINS];
        let mut sweep = (Aabb::EMPTY, 0);
        for i in (1..BINS).rev() {
            sweep = (sweep.0.union(bins[i].0), sweep.1 + bins[i].1);
            right[i] = (sweep.0.half_area(), sweep.1);
        }
        sweep = (Aabb::EMPTY, 0);
        for i in 1..BINS {
            sweep = (sweep.0.union(bins[i - 1].0), sweep.1 + bins[i - 1].1);
            if sweep.1 == 0 || right[i].1 == 0 {
                continue;
            }
            // Two boxes to test, and what lies within those that are met.
            let cost = 2.0 * bounds.half_area()
                + effort.item
                    * (sweep.0.half_area() * sweep.1 as f64 + right[i].0 * right[i].1 as f64);
            if cost < best_cost {
                best_cost = cost;
                best = Some((axis, i));
            }
        }
    }
    let Some((axis, bin)) = best else {
        return halves;
    };
    let mut middle = 0;
    for i in 0..count {
        if bin_of(axis, items[i]) < bin {
            items.swap(i, middle);
            middle += 1;
        }
    }
    // Both sides of the chosen split hold items, so neither half is empty.
    Some(middle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{geometry::Triangle, sampler::Sampler};

    fn random_triangles(count: u32, size: f64, seed: u32) -> Vec<Triangle> {
        (0..count)
            .map(|i| {
                let mut s = Sampler::new(seed, i, 0, 0, i, count);
                let mut point = |scale: f64| {
                    let (x, y) = s.next_pair();
                    Vec3::new(x - 0.5, y - 0.5, s.next() - 0.5) * scale
                };
                let a = point(10.0);
                Triangle::new(a, a + point(size), a + point(size))
            })
            .collect()
    }

    fn nearest_by_all(triangles: &[Triangle], ray: &Ray) -> Option<(f64, usize)> {
        let mut best: Option<(f64, usize)> = None;
        for (i, triangle) in triangles.iter().enumerate() {
            let limit = best.map_or(f64::INFINITY, |b| b.0);
            if let Some((t, _, _)) = triangle.intersect(ray, limit) {
                best = Some((t, i));
            }
        }
        best
    }

    fn nearest_by_bvh(bvh: &Bvh, triangles: &[Triangle], ray: &Ray) -> Option<(f64, usize)> {
        let mut best = None;
        bvh.traverse(ray, f64::INFINITY, &mut Stack::new(), |i, limit, _| {
            let (t, _, _) = triangles[i].intersect(ray, limit)?;
            best = Some((t, i));
            Some(t)
        });
        best
    }

    #[test]
    fn finds_what_testing_every_triangle_finds() {
        for (count, size) in [(1, 3.0), (2, 3.0), (5, 4.0), (100, 2.0), (3_000, 0.4)] {
            let triangles = random_triangles(count, size, count);
            let boxes: Vec<Aabb> = triangles.iter().map(Triangle::bounds).collect();
            let bvh = Bvh::build(&boxes, Effort::TRIANGLES);
            let mut hits = 0;
            for i in 0..2_000 {
                let mut s = Sampler::new(9, i, 1, 0, 0, 1);
                let (a, b) = s.next_pair();
                let (c, d) = s.next_pair();
                let origin = Vec3::new(a - 0.5, b - 0.5, c - 0.5) * 14.0;
                let target = Vec3::new(d - 0.5, s.next() - 0.5, s.next() - 0.5) * 8.0;
                let ray = Ray {
                    origin,
                    direction: target - origin,
                };
                let expected = nearest_by_all(&triangles, &ray);
                assert_eq!(
                    nearest_by_bvh(&bvh, &triangles, &ray).map(|h| h.0),
                    expected.map(|h| h.0)
                );
                hits += u32::from(expected.is_some());
            }
            assert!(
                count < 100 || hits > 100,
                "the test must test something: {hits} of {count}"
            );
        }
    }

    #[test]
    fn finds_axis_aligned_quads_with_axis_aligned_rays() {
        // Flat boxes and rays with zero components: where slab tests go wrong.
        let mut triangles = Vec::new();
        for i in 0..50 {
            let z = f64::from(i);
            let p = |x: f64, y: f64| Vec3::new(x, y, z);
            triangles.push(Triangle::new(p(0.0, 0.0), p(1.0, 0.0), p(1.0, 1.0)));
            triangles.push(Triangle::new(p(0.0, 0.0), p(1.0, 1.0), p(0.0, 1.0)));
        }
        let boxes: Vec<Aabb> = triangles.iter().map(Triangle::bounds).collect();
        let bvh = Bvh::build(&boxes, Effort::TRIANGLES);
        for x in 0..=8 {
            for y in 0..=8 {
                let origin = Vec3::new(f64::from(x) / 8.0, f64::from(y) / 8.0, 20.5);
                for z in [1.0, -1.0] {
                    let ray = Ray {
                        origin,
                        direction: Vec3::new(0.0, 0.0, z),
                    };
                    assert_eq!(
                        nearest_by_bvh(&bvh, &triangles, &ray).map(|h| h.0),
                        Some(0.5)
                    );
                }
            }
        }
    }

    #[test]
    fn identical_and_absurd_boxes_do_not_break_it() {
        let triangle = Triangle::new(
            Vec3::ZERO,
            Vec3::new(1.0, 0.0, 0.0),
            Vec3::new(0.0, 1.0, 0.0),
        );
        let bvh = Bvh::build(&vec![triangle.bounds(); 10_000], Effort::OBJECTS);
        let ray = Ray {
            origin: Vec3::new(0.2, 0.2, -1.0),
            direction: Vec3::new(0.0, 0.0, 1.0),
        };
        let mut visited = 0;
        bvh.traverse(&ray, f64::INFINITY, &mut Stack::new(), |_, _, _| {
            visited += 1;
            None
        });
        assert_eq!(visited, 10_000);

        // Doubling distances make the heuristic cut off one item at a time: the deepest tree.
        let boxes: Vec<Aabb> = (0..900)
            .map(|i| {
                let x = crate::math::powi(1.8, i);
                Aabb::of(&[Vec3::new(x, 0.0, 0.0), Vec3::new(x * 1.01, 1.0, 1.0)])
            })
            .collect();
        let bvh = Bvh::build(&boxes, Effort::TRIANGLES);
        let ray = Ray {
            origin: Vec3::new(-1.0, 0.5, 0.5),
            direction: Vec3::new(1.0, 0.0, 0.0),
        };
        let mut visited = 0;
        bvh.traverse(&ray, f64::INFINITY, &mut Stack::new(), |_, _, _| {
            visited += 1;
            None
        });
        assert_eq!(visited, 900);
        assert_eq!(Bvh::build(&[], Effort::OBJECTS).bounds(), Aabb::EMPTY);
    }
}
