//! Deterministic sample points: a permuted, Owen-scrambled Sobol sequence per pixel.
//!
//! The numbers of a sample depend on the scene's seed, the pixel's coordinates in the whole picture, the
//! sample's round and index, and the dimension, on nothing else: not on the tile, its order or its size. Random
//! numbers would need about twice as many samples for the same noise.

/// The source of numbers for one sample of one pixel.
#[derive(Clone, Debug)]
pub(crate) struct Sampler {
    pixel: u32,
    index: u32,
    count: u32,
    dimension: u32,
}

/// One round of the PCG output function: a cheap hash whose bits all depend on all bits of `v`.
#[inline]
fn pcg(v: u32) -> u32 {
    let state = v.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    let word = ((state >> ((state >> 28) + 4)) ^ state).wrapping_mul(277_803_737);
    (word >> 22) ^ word
}

/// A bijection of `0..count` chosen by `key` (Kensler, "Correlated Multi-Jittered Sampling").
#[inline]
fn permute(mut i: u32, count: u32, key: u32) -> u32 {
    let mut mask = count.wrapping_sub(1);
    for shift in [1, 2, 4, 8, 16] {
        mask |= mask >> shift;
    }
    loop {
        i ^= key;
        i = i.wrapping_mul(0xe170_893d);
        i ^= key >> 16;
        i ^= (i & mask) >> 4;
        i ^= key >> 8;
        i = i.wrapping_mul(0x0929_eb3f);
        i ^= key >> 23;
        i ^= (i & mask) >> 1;
        i = i.wrapping_mul(1 | key >> 27);
        i = i.wrapping_mul(0x6935_fa69);
        i ^= (i & mask) >> 11;
        i = i.wrapping_mul(0x74dc_b303);
        i ^= (i & mask) >> 2;
        i = i.wrapping_mul(0x9e50_1cc3);
        i ^= (i & mask) >> 2;
        i = i.wrapping_mul(0xc860_a3df);
        i &= mask;
        i ^= i >> 5;
        if i < count {
            return i.wrapping_add(key) % count;
        }
    }
}

/// Laine and Karras' hash: an Owen scramble of a number whose bits are in reverse order. The result is
/// in the usual order.
#[inline]
fn scramble_reversed(mut v: u32, key: u32) -> u32 {
    v = v.wrapping_add(key);
    v ^= v.wrapping_mul(0x6c50_b47c);
    v ^= v.wrapping_mul(0xb82f_1e52);
    v ^= v.wrapping_mul(0xc7af_e638);
    v ^= v.wrapping_mul(0x8d22_f6e6);
    v.reverse_bits()
}

/// The second dimension of the Sobol sequence.
#[inline]
fn sobol_second(mut i: u32) -> u32 {
    let mut result = 0;
    let mut direction = 1 << 31;
    while i != 0 {
        if i & 1 == 1 {
            result ^= direction;
        }
        direction ^= direction >> 1;
        i >>= 1;
    }
    result
}

#[inline]
fn unit(v: u32) -> f64 {
    f64::from(v) * (1.0 / 4_294_967_296.0)
}

impl Sampler {
    /// The numbers of sample `index` of `count` of one round of the pixel at `x`, `y`. `count` is at least 1.
    pub(crate) fn new(seed: u32, x: u32, y: u32, round: u32, index: u32, count: u32) -> Self {
        let pixel = pcg(x ^ pcg(y ^ pcg(seed ^ pcg(round))));
        Self {
            pixel,
            index,
            count: if count == 0 { 1 } else { count },
            dimension: 0,
        }
    }

    /// Starts the numbers of block `block`: dimensions stay the same for all samples of a pixel, however
    /// many numbers the blocks before used.
    pub(crate) fn begin(&mut self, block: u32, size: u32) {
        self.dimension = block.wrapping_mul(size);
    }

    /// Goes to number `offset` of a block.
    pub(crate) fn skip_to(&mut self, block: u32, size: u32, offset: u32) {
        self.dimension = block.wrapping_mul(size).wrapping_add(offset);
    }

    #[inline]
    fn next_key(&mut self) -> u32 {
        self.dimension = self.dimension.wrapping_add(1);
        pcg(self.pixel ^ self.dimension.wrapping_mul(0x9e37_79b9))
    }

    /// A number in `0..1`.
    #[inline]
    pub(crate) fn next(&mut self) -> f64 {
        let key = self.next_key();
        unit(scramble_reversed(
            permute(self.index, self.count, key),
            pcg(key),
        ))
    }

    /// Two numbers in `0..1`, well spread over the square by the samples of a pixel.
    #[inline]
    pub(crate) fn next_pair(&mut self) -> (f64, f64) {
        let key = self.next_key();
        let i = permute(self.index, self.count, key);
        let first = pcg(key);
        let second = pcg(first);
        (
            unit(scramble_reversed(i, first)),
            unit(scramble_reversed(sobol_second(i).reverse_bits(), second)),
        )
    }
}

/// A number in `0..1` that depends on the pixel and channel alone, to dither the last bit.
pub(crate) fn dither(seed: u32, x: u32, y: u32, channel: u32) -> f64 {
    unit(pcg(channel ^ pcg(x ^ pcg(y ^ pcg(seed ^ 0x5eed)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_are_bijections() {
        for count in [1, 2, 3, 7, 16, 33, 100] {
            for key in 0..50 {
                let mut seen = vec![false; count as usize];
                for i in 0..count {
                    let p = permute(i, count, pcg(key));
                    assert!(
                        !core::mem::replace(&mut seen[p as usize], true),
                        "{count} {key}"
                    );
                }
            }
        }
    }

    #[test]
    fn samples_of_a_pixel_are_stratified_in_every_dimension() {
        // A (0,2)-sequence puts exactly one of 16 points into each of 16 boxes of any such shape.
        for pixel in 0..20 {
            for dimension in 0..6 {
                for (columns, rows) in [(16_usize, 1_usize), (8, 2), (4, 4), (2, 8), (1, 16)] {
                    let mut boxes = [0; 16];
                    for index in 0..16 {
                        let mut s = Sampler::new(1, pixel, 3, 0, index, 16);
                        for _ in 0..dimension {
                            s.next_pair();
                        }
                        let (u, v) = s.next_pair();
                        assert!((0.0..1.0).contains(&u) && (0.0..1.0).contains(&v));
                        let column = (u * columns as f64) as usize;
                        let row = (v * rows as f64) as usize;
                        boxes[column * rows + row] += 1;
                    }
                    assert_eq!(boxes, [1; 16]);
                }
            }
        }
    }

    #[test]
    fn numbers_depend_on_seed_pixel_and_sample() {
        let first = |s: Sampler| {
            let mut s = s;
            s.next().to_bits()
        };
        let base = first(Sampler::new(1, 2, 3, 0, 4, 8));
        assert_eq!(base, first(Sampler::new(1, 2, 3, 0, 4, 8)));
        for other in [
            Sampler::new(2, 2, 3, 0, 4, 8),
            Sampler::new(1, 3, 3, 0, 4, 8),
            Sampler::new(1, 2, 4, 0, 4, 8),
            Sampler::new(1, 2, 3, 1, 4, 8),
            Sampler::new(1, 2, 3, 0, 5, 8),
        ] {
            assert_ne!(base, first(other));
        }
        assert!((0.0..1.0).contains(&Sampler::new(0, 0, 0, 0, 0, 0).next()));
    }
}
