//! Canonical NaNs wherever a guest can see their bits: the deterministic profile of the
//! WebAssembly specification, at a fraction of what canonicalising every result costs.
//!
//! The specification leaves sign and payload of a NaN that arithmetic makes to the machine. Most
//! results go to other arithmetic, comparisons or conversions, which care only that a value is a NaN.
//! [`rewrite`] therefore follows every result of a function to its uses (`flow.rs`) and adds code
//! after those operators whose result can reach a use that tells the bits apart: a store, a
//! reinterpretation, a sign taken by `copysign`, an operator on lanes of another shape, a call, a return, a global.
//! What was loaded, passed or reinterpreted keeps its bits, as the specification demands.
//!
//! The rewritten module is an ordinary module: any engine that runs it gives the same bits. Its fuel
//! is that of the added code, too.

mod flow;
mod operators;

use crate::rewrite::{Signatures, bodies};
use flow::Flow;
use operators::Shape;
use wasm_encoder::{Encode, Instruction};
use wasmtime::wasmparser::{BinaryReaderError, FunctionBody};

#[cfg(test)]
mod tests;

/// Raise it with every change of what is added where: fuel follows it.
pub(crate) const VERSION: u32 = 2;

/// The module with code added to its functions.
///
/// Time and memory are linear in the module's size.
///
/// # Errors
///
/// If the module was not validated.
pub(crate) fn rewrite(wasm: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    bodies(wasm, |body, index, signatures| {
        function(wasm, body, index, signatures)
    })
}

/// The new body of a function, if it gets one.
fn function(
    wasm: &[u8],
    body: &FunctionBody<'_>,
    index: usize,
    signatures: &Signatures,
) -> Result<Option<Vec<u8>>, BinaryReaderError> {
    let analysed = Flow::analyse(body, index, signatures)?;
    if analysed.points.is_empty() {
        return Ok(None);
    }
    let locals = body.get_locals_reader()?;
    let operators = body.get_operators_reader()?.original_position();
    let mut out = Vec::with_capacity(body.range().len());
    // One local more.
    (locals.get_count() + 1).encode(&mut out);
    out.extend_from_slice(&wasm[locals.original_position()..operators]);
    1u32.encode(&mut out);
    out.push(V128);
    let mut copied = operators;
    for (position, shape) in analysed.points {
        out.extend_from_slice(&wasm[copied..position]);
        copied = position;
        canonicalise(&mut out, shape, analysed.locals);
    }
    out.extend_from_slice(&wasm[copied..body.range().end]);
    Ok(Some(out))
}

/// The binary format's code of the type of vectors.
const V128: u8 = 0x7b;

/// Replaces the value on top of the stack by the canonical NaN if it is a NaN, through a vector `local`. Numbers become vectors for it: a
/// comparison by lanes makes a mask and selecting by it is one instruction, where one number is selected by the processor's flags, with branches.
fn canonicalise(out: &mut Vec<u8>, shape: Shape, local: u32) {
    use Instruction as I;
    const F32: u32 = 0x7fc0_0000;
    const F64: u64 = 0x7ff8_0000_0000_0000;
    let twice = |bits: u64| (u128::from(bits) << 64 | u128::from(bits)).cast_signed();
    let single = twice(u64::from(F32) << 32 | u64::from(F32));
    let (into, nan, equal, back) = match shape {
        Shape::F32 => (
            Some(I::F32x4Splat),
            single,
            I::F32x4Eq,
            Some(I::F32x4ExtractLane(0)),
        ),
        Shape::F64 => (
            Some(I::F64x2Splat),
            twice(F64),
            I::F64x2Eq,
            Some(I::F64x2ExtractLane(0)),
        ),
        Shape::F32x4 => (None, single, I::F32x4Eq, None),
        Shape::F64x2 => (None, twice(F64), I::F64x2Eq, None),
    };
    let select = [
        I::LocalTee(local),
        I::V128Const(nan),
        I::LocalGet(local),
        I::LocalGet(local),
        equal,
        I::V128Bitselect,
    ];
    for instruction in into.into_iter().chain(select).chain(back) {
        instruction.encode(out);
    }
}
