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

use flow::Flow;
use operators::Shape;
use wasm_encoder::{CodeSection, Encode, Ieee32, Ieee64, Instruction, RawSection};
use wasmtime::wasmparser::{BinaryReaderError, FunctionBody, Parser, Payload, SubType, TypeRef};

#[cfg(test)]
mod tests;

/// Raise it with every change of what is added where: fuel follows it.
pub(crate) const VERSION: u32 = 1;

/// What the analysis of a function needs to know of its module.
#[derive(Default)]
struct Signatures {
    types: Vec<SubType>,
    /// Type of each function, imported ones first.
    functions: Vec<u32>,
}

/// The module with code added to its functions. Custom sections are dropped but for the names:
/// they may point into the code, which moves.
///
/// Time and memory are linear in the module's size.
///
/// # Errors
///
/// If the module was not validated.
pub(crate) fn rewrite(wasm: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut out = wasm_encoder::Module::new();
    let mut signatures = Signatures::default();
    let mut imported = 0;
    let mut code = CodeSection::new();
    let mut left = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::TypeSection(types) => {
                for group in types.clone() {
                    signatures.types.extend(group?.into_types());
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.clone().into_imports() {
                    if let TypeRef::Func(ty) = import?.ty {
                        signatures.functions.push(ty);
                        imported += 1;
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                for ty in functions.clone() {
                    signatures.functions.push(ty?);
                }
            }
            Payload::CodeSectionStart { count, .. } => left = *count,
            Payload::CodeSectionEntry(body) => {
                let index = imported + code.len() as usize;
                code.raw(&function(wasm, body, index, &signatures)?);
                left -= 1;
                if left == 0 {
                    out.section(&code);
                }
                continue;
            }
            Payload::CustomSection(custom) if custom.name() != "name" => continue,
            _ => {}
        }
        if let Some((id, range)) = payload.as_section()
            && !matches!(payload, Payload::CodeSectionStart { .. })
        {
            out.section(&RawSection {
                id,
                data: &wasm[range],
            });
        }
    }
    Ok(out.finish())
}

/// The body of a function, without its size.
fn function(
    wasm: &[u8],
    body: &FunctionBody<'_>,
    index: usize,
    signatures: &Signatures,
) -> Result<Vec<u8>, BinaryReaderError> {
    let analysed = Flow::analyse(body, index, signatures)?;
    if analysed.points.is_empty() {
        return Ok(wasm[body.range()].to_vec());
    }
    // One local more for each type that is canonicalised.
    let mut scratch: Vec<u8> = analysed
        .points
        .iter()
        .map(|(_, shape)| shape.ty())
        .collect();
    scratch.sort_unstable();
    scratch.dedup();

    let locals = body.get_locals_reader()?;
    let operators = body.get_operators_reader()?.original_position();
    let mut out = Vec::with_capacity(body.range().len());
    (locals.get_count() + scratch.len() as u32).encode(&mut out);
    out.extend_from_slice(&wasm[locals.original_position()..operators]);
    for ty in &scratch {
        1u32.encode(&mut out);
        out.push(*ty);
    }
    let mut copied = operators;
    for (position, shape) in analysed.points {
        out.extend_from_slice(&wasm[copied..position]);
        copied = position;
        let place = scratch.partition_point(|ty| *ty < shape.ty());
        canonicalise(&mut out, shape, analysed.locals + place as u32);
    }
    out.extend_from_slice(&wasm[copied..body.range().end]);
    Ok(out)
}

/// Replaces the value on top of the stack by the canonical NaN if it is a NaN, through a local of its type.
fn canonicalise(out: &mut Vec<u8>, shape: Shape, local: u32) {
    use Instruction as I;
    const F32: u32 = 0x7fc0_0000;
    const F64: u64 = 0x7ff8_0000_0000_0000;
    let twice = |bits: u64| (u128::from(bits) << 64 | u128::from(bits)).cast_signed();
    let (nan, equal, select) = match shape {
        Shape::F32 => (I::F32Const(Ieee32::new(F32)), I::F32Eq, I::Select),
        Shape::F64 => (I::F64Const(Ieee64::new(F64)), I::F64Eq, I::Select),
        Shape::F32x4 => {
            let half = u64::from(F32) << 32 | u64::from(F32);
            (I::V128Const(twice(half)), I::F32x4Eq, I::V128Bitselect)
        }
        Shape::F64x2 => (I::V128Const(twice(F64)), I::F64x2Eq, I::V128Bitselect),
    };
    for instruction in [
        I::LocalTee(local),
        nan,
        I::LocalGet(local),
        I::LocalGet(local),
        equal,
        select,
    ] {
        instruction.encode(out);
    }
}
