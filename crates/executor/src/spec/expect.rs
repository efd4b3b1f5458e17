//! What the suite gives and expects: arguments, results bit by bit, and traps by its words.

use wasmtime::{Trap, Val};
use wast::{
    WastArg,
    core::{AbstractHeapType, HeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore},
    token::{F32, F64},
};

use super::Value;

/// An argument; `None` if no value of these features can be one.
pub(super) fn argument(arg: &WastArg<'_>) -> Option<Val> {
    let WastArg::Core(arg) = arg else { return None };
    Some(match arg {
        WastArgCore::I32(n) => Val::I32(*n),
        WastArgCore::I64(n) => Val::I64(*n),
        WastArgCore::F32(f) => Val::F32(f.bits),
        WastArgCore::F64(f) => Val::F64(f.bits),
        WastArgCore::V128(v) => Val::V128(u128::from_le_bytes(v.to_le_bytes()).into()),
        WastArgCore::RefNull(HeapType::Abstract { ty, .. }) if *ty == AbstractHeapType::Func => {
            Val::FuncRef(None)
        }
        _ => return None,
    })
}

/// Whether a NaN may stand for what is expected: one that arithmetic left is the canonical one in our engine, whatever its sign.
fn is_nan(bits: u64, quiet: u64, exponent: u64, ours: bool, canonical: bool) -> bool {
    let rest = bits & (exponent | ((quiet << 1) - 1));
    match ours || canonical {
        true => rest == (exponent | quiet),
        false => rest & (exponent | quiet) == (exponent | quiet),
    }
}

fn is_f32(bits: u32, expected: &NanPattern<F32>, ours: bool) -> bool {
    let is_nan = |canonical| is_nan(bits.into(), 1 << 22, 0x7f80_0000, ours, canonical);
    match expected {
        NanPattern::CanonicalNan => is_nan(true),
        NanPattern::ArithmeticNan => is_nan(false),
        NanPattern::Value(value) => value.bits == bits,
    }
}

fn is_f64(bits: u64, expected: &NanPattern<F64>, ours: bool) -> bool {
    let is_nan = |canonical| is_nan(bits, 1 << 51, 0x7ff0_0000_0000_0000, ours, canonical);
    match expected {
        NanPattern::CanonicalNan => is_nan(true),
        NanPattern::ArithmeticNan => is_nan(false),
        NanPattern::Value(value) => value.bits == bits,
    }
}

/// Whether a value is what an assertion says.
pub(super) fn is(value: Value, expected: &WastRetCore<'_>, ours: bool) -> bool {
    match (value, expected) {
        (Value::I32(n), WastRetCore::I32(m)) => n == *m,
        (Value::I64(n), WastRetCore::I64(m)) => n == *m,
        (Value::F32(bits), WastRetCore::F32(pattern)) => is_f32(bits, pattern, ours),
        (Value::F64(bits), WastRetCore::F64(pattern)) => is_f64(bits, pattern, ours),
        (Value::V128(bits), WastRetCore::V128(pattern)) => is_v128(bits, pattern, ours),
        (Value::Ref { null }, WastRetCore::RefNull(_)) => null,
        (Value::Ref { null }, WastRetCore::RefFunc(_)) => !null,
        (value, WastRetCore::Either(any)) => any.iter().any(|one| is(value, one, ours)),
        _ => false,
    }
}

fn is_v128(bits: u128, pattern: &V128Pattern, ours: bool) -> bool {
    let bytes = bits.to_le_bytes();
    fn lanes<const N: usize, T>(bytes: &[u8; 16], of: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes
            .chunks(N)
            .map(|lane| of(lane.try_into().expect("whole lanes")))
            .collect()
    }
    match pattern {
        V128Pattern::I8x16(all) => lanes(&bytes, i8::from_le_bytes) == all,
        V128Pattern::I16x8(all) => lanes(&bytes, i16::from_le_bytes) == all,
        V128Pattern::I32x4(all) => lanes(&bytes, i32::from_le_bytes) == all,
        V128Pattern::I64x2(all) => lanes(&bytes, i64::from_le_bytes) == all,
        V128Pattern::F32x4(all) => {
            let lanes = lanes(&bytes, u32::from_le_bytes);
            lanes
                .into_iter()
                .zip(all)
                .all(|(lane, pattern)| is_f32(lane, pattern, ours))
        }
        V128Pattern::F64x2(all) => {
            let lanes = lanes(&bytes, u64::from_le_bytes);
            lanes
                .into_iter()
                .zip(all)
                .all(|(lane, pattern)| is_f64(lane, pattern, ours))
        }
    }
}

/// Whether a trap is what an assertion says, in the suite's words.
pub(super) fn says(trap: Trap, message: &str) -> bool {
    let words = match trap {
        Trap::StackOverflow => "call stack exhausted",
        Trap::MemoryOutOfBounds => "out of bounds memory access",
        Trap::TableOutOfBounds => "out of bounds table access",
        Trap::IndirectCallToNull => "uninitialized element",
        Trap::BadSignature => "indirect call type mismatch",
        Trap::IntegerOverflow => "integer overflow",
        Trap::IntegerDivisionByZero => "integer divide by zero",
        Trap::BadConversionToInteger => "invalid conversion to integer",
        Trap::UnreachableCodeReached => "unreachable",
        _ => return false,
    };
    // Past the end of a table an element is undefined; of null ones the suite names the index.
    message.starts_with(words)
        || (trap == Trap::TableOutOfBounds && message.starts_with("undefined element"))
        || (trap == Trap::IndirectCallToNull && message.starts_with("uninitialized"))
}
