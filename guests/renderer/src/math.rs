//! Vectors and elementary functions.
//!
//! Everything here is built from operations that IEEE 754 defines to the last bit (`+ - * / sqrt`,
//! comparisons, conversions, `floor`), so that a tile rendered natively equals one rendered as WASM on
//! any machine. The standard library's `sin`, `exp` or `powf` call the platform's C library and would
//! not; neither would `f64::min`, which leaves the sign of zero open.

use core::ops::{Add, AddAssign, Div, Index, Mul, MulAssign, Neg, Sub};

pub(crate) const PI: f64 = core::f64::consts::PI;

/// The smaller of two numbers; the second if either is not a number.
#[inline]
pub(crate) fn min(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// The larger of two numbers; the second if either is not a number.
#[inline]
pub(crate) fn max(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// `x` limited to `low..=high`; `low` if `x` is not a number.
#[inline]
pub(crate) fn clamp(x: f64, low: f64, high: f64) -> f64 {
    min(max(x, low), high)
}

/// Sine and cosine of `x` radians, for `|x|` up to about a million: Cody-Waite reduction to an eighth
/// of a turn, then the polynomials of fdlibm.
pub(crate) fn sin_cos(x: f64) -> (f64, f64) {
    // pi/2 in two parts: the first has enough trailing zeros that `quadrant * HIGH` is exact.
    const HIGH: f64 = 1.570_796_326_734_125_6;
    const LOW: f64 = 6.077_100_506_506_192e-11;
    let quadrant = (x * (2.0 / PI) + 0.5).floor();
    let r = (x - quadrant * HIGH) - quadrant * LOW;
    let z = r * r;
    let sin = r + r
        * z
        * (-1.666_666_666_666_663_2e-1
            + z * (8.333_333_333_322_49e-3
                + z * (-1.984_126_982_985_795e-4
                    + z * (2.755_731_370_707_006_8e-6
                        + z * (-2.505_076_025_340_686_3e-8 + z * 1.589_690_995_211_55e-10)))));
    let cos = 1.0 - 0.5 * z
        + z * z
            * (4.166_666_666_666_66e-2
                + z * (-1.388_888_888_887_411e-3
                    + z * (2.480_158_728_947_673e-5
                        + z * (-2.755_731_435_139_066_3e-7
                            + z * (2.087_572_321_298_175e-9 + z * -1.135_964_755_778_819_5e-11)))));
    match (quadrant as i64) & 3 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// e to the power of `x`; 0 and infinity beyond the range of `f64`.
pub(crate) fn exp(x: f64) -> f64 {
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    if x.is_nan() || x > 709.0 {
        return if x.is_nan() { x } else { f64::INFINITY };
    }
    if x < -700.0 {
        return 0.0;
    }
    let k = (x * core::f64::consts::LOG2_E + 0.5).floor();
    let r = (x - k * LN2_HIGH) - k * LN2_LOW;
    // Taylor to the 13th power: with |r| below 0.35 the rest is below half a unit in the last place.
    let mut sum = 1.0;
    let mut i = 13.0;
    while i > 0.5 {
        sum = 1.0 + sum * r / i;
        i -= 1.0;
    }
    sum * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

/// Natural logarithm of a positive normal number; a large negative number for zero and below.
pub(crate) fn ln(x: f64) -> f64 {
    if x < f64::MIN_POSITIVE {
        return -1e3;
    }
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) as i64 - 1023) as f64;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > core::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1.0;
    }
    // ln(m) = 2 artanh(s), s = (m-1)/(m+1), |s| below 0.172: twelve terms reach double precision.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let z = s * s;
    let mut sum = 0.0;
    let mut k = 23.0;
    while k > 0.5 {
        sum = sum * z + 1.0 / k;
        k -= 2.0;
    }
    2.0 * s * sum + exponent * core::f64::consts::LN_2
}

/// `x` to the power of `y` for `x` of at least zero.
pub(crate) fn pow(x: f64, y: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { exp(y * ln(x)) }
}

/// `x` to a whole power, by squaring.
pub(crate) fn powi(mut x: f64, mut n: u32) -> f64 {
    let mut result = 1.0;
    while n > 0 {
        if n & 1 == 1 {
            result *= x;
        }
        x *= x;
        n >>= 1;
    }
    result
}

/// A point, a direction or a colour (linear light, red, green, blue).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vec3 {
    /// First component.
    pub x: f64,
    /// Second component; up, for points.
    pub y: f64,
    /// Third component.
    pub z: f64,
}

impl Vec3 {
    pub(crate) const ZERO: Self = Self::new(0.0, 0.0, 0.0);
    pub(crate) const ONE: Self = Self::new(1.0, 1.0, 1.0);

    /// A vector of its components.
    pub const fn new(x: f64, y: f64, z: f64) -> Self {
        Self { x, y, z }
    }

    pub(crate) const fn splat(v: f64) -> Self {
        Self::new(v, v, v)
    }

    #[inline]
    pub(crate) fn dot(self, o: Self) -> f64 {
        self.x * o.x + self.y * o.y + self.z * o.z
    }

    #[inline]
    pub(crate) fn cross(self, o: Self) -> Self {
        Self::new(
            self.y * o.z - self.z * o.y,
            self.z * o.x - self.x * o.z,
            self.x * o.y - self.y * o.x,
        )
    }

    #[inline]
    pub(crate) fn length(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// The unit vector of the same direction; `None` if the length is zero, overflows or is not a number.
    pub(crate) fn try_normalize(self) -> Option<Self> {
        let length = self.length();
        (length > 1e-150 && length < 1e150).then(|| self * (1.0 / length))
    }

    /// The unit vector of the same direction, for vectors known to have one.
    #[inline]
    pub(crate) fn normalize(self) -> Self {
        self * (1.0 / self.length())
    }

    #[inline]
    pub(crate) fn min(self, o: Self) -> Self {
        Self::new(min(self.x, o.x), min(self.y, o.y), min(self.z, o.z))
    }

    #[inline]
    pub(crate) fn max(self, o: Self) -> Self {
        Self::new(max(self.x, o.x), max(self.y, o.y), max(self.z, o.z))
    }

    #[inline]
    pub(crate) fn max_component(self) -> f64 {
        max(max(self.x, self.y), self.z)
    }

    #[inline]
    pub(crate) fn abs(self) -> Self {
        Self::new(self.x.abs(), self.y.abs(), self.z.abs())
    }

    pub(crate) fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite() && self.z.is_finite()
    }

    /// Relative luminance of a colour with Rec. 709 primaries.
    pub(crate) fn luminance(self) -> f64 {
        0.2126 * self.x + 0.7152 * self.y + 0.0722 * self.z
    }

    /// `self` at `t` = 0, `o` at `t` = 1.
    #[inline]
    pub(crate) fn lerp(self, o: Self, t: f64) -> Self {
        self * (1.0 - t) + o * t
    }

    pub(crate) fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self::new(f(self.x), f(self.y), f(self.z))
    }
}

impl Add for Vec3 {
    type Output = Self;
    #[inline]
    fn add(self, o: Self) -> Self {
        Self::new(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}

impl AddAssign for Vec3 {
    #[inline]
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}

impl Sub for Vec3 {
    type Output = Self;
    #[inline]
    fn sub(self, o: Self) -> Self {
        Self::new(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}

impl Neg for Vec3 {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self::new(-self.x, -self.y, -self.z)
    }
}

impl Mul<f64> for Vec3 {
    type Output = Self;
    #[inline]
    fn mul(self, s: f64) -> Self {
        Self::new(self.x * s, self.y * s, self.z * s)
    }
}

/// Component by component, as colours are filtered.
impl Mul for Vec3 {
    type Output = Self;
    #[inline]
    fn mul(self, o: Self) -> Self {
        Self::new(self.x * o.x, self.y * o.y, self.z * o.z)
    }
}

impl MulAssign<f64> for Vec3 {
    #[inline]
    fn mul_assign(&mut self, s: f64) {
        *self = *self * s;
    }
}

impl MulAssign for Vec3 {
    #[inline]
    fn mul_assign(&mut self, o: Self) {
        *self = *self * o;
    }
}

impl Div<f64> for Vec3 {
    type Output = Self;
    #[inline]
    fn div(self, s: f64) -> Self {
        self * (1.0 / s)
    }
}

impl Index<usize> for Vec3 {
    type Output = f64;
    #[inline]
    fn index(&self, axis: usize) -> &f64 {
        match axis {
            0 => &self.x,
            1 => &self.y,
            _ => &self.z,
        }
    }
}

/// An orthonormal basis around a normal (Duff et al., "Building an Orthonormal Basis, Revisited").
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) s: Vec3,
    pub(crate) t: Vec3,
    pub(crate) n: Vec3,
}

impl Frame {
    #[inline]
    pub(crate) fn new(n: Vec3) -> Self {
        let sign = if n.z < 0.0 { -1.0 } else { 1.0 };
        let a = -1.0 / (sign + n.z);
        let b = n.x * n.y * a;
        Self {
            s: Vec3::new(1.0 + sign * n.x * n.x * a, sign * b, -sign * n.x),
            t: Vec3::new(b, sign + n.y * n.y * a, -n.y),
            n,
        }
    }

    #[inline]
    pub(crate) fn to_world(self, v: Vec3) -> Vec3 {
        self.s * v.x + self.t * v.y + self.n * v.z
    }

    #[inline]
    pub(crate) fn to_local(self, v: Vec3) -> Vec3 {
        Vec3::new(v.dot(self.s), v.dot(self.t), v.dot(self.n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 4e-15 * max(1.0, b.abs())
    }

    #[test]
    fn elementary_functions_agree_with_the_library() {
        for i in -40_000..40_000 {
            let x = f64::from(i) * 0.001_7;
            let (s, c) = sin_cos(x);
            assert!(close(s, x.sin()) && close(c, x.cos()), "sin_cos({x})");
            if x.abs() < 60.0 {
                assert!((exp(x) / x.exp() - 1.0).abs() < 1e-14, "exp({x})");
            }
            if x > 0.0 {
                assert!(close(ln(x), x.ln()), "ln({x})");
                assert!(close(pow(x, 0.417), x.powf(0.417)), "pow({x})");
            }
        }
        assert_eq!((exp(-1e9), exp(1e9)), (0.0, f64::INFINITY));
        assert_eq!(
            (pow(0.0, 0.5), powi(3.0, 5), powi(2.0, 0)),
            (0.0, 243.0, 1.0)
        );
        assert!((pow(1e-300, 0.5) / 1e-150 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn frames_are_orthonormal_for_every_direction() {
        for i in 0..2_000 {
            let (s, c) = sin_cos(f64::from(i) * 0.37);
            let (s2, c2) = sin_cos(f64::from(i) * 0.011);
            let f = Frame::new(Vec3::new(c * s2, s * s2, c2).normalize());
            for (a, b, want) in [
                (f.s, f.s, 1.0),
                (f.t, f.t, 1.0),
                (f.s, f.t, 0.0),
                (f.s, f.n, 0.0),
                (f.t, f.n, 0.0),
            ] {
                assert!((a.dot(b) - want).abs() < 1e-12);
            }
        }
    }
}
