//! Copies small functions to where they are called.
//!
//! A call becomes a block: arguments go to locals, the callee's own locals to zero, `return` to a branch to the block's end. Each call
//! is looked at once, so that a recursion is copied once, too.

use super::{Budget, MAX_BODY, Signatures, bodies, code_size};
use std::ops::Range;
use wasm_encoder::{Encode, Instruction as I};
use wasmtime::wasmparser::{BinaryReaderError, FunctionBody, Operator, Parser, Payload, ValType};

/// Largest function that is copied, in bytes of operators.
const SMALL: usize = 80;

/// Most locals that a function gets; the engine takes 50,000.
const MAX_LOCALS: usize = 49_000;

/// A function to copy.
struct Small<'m> {
    params: usize,
    /// Parameters and locals.
    locals: Vec<ValType>,
    result: Option<ValType>,
    /// Its operators but for the last `end`.
    code: &'m [u8],
    /// Where in `code` something else goes.
    edits: Vec<(Range<usize>, Edit)>,
}

enum Edit {
    Get(u32),
    Set(u32),
    Tee(u32),
    /// A `return` below so many blocks.
    Return(u32),
}

/// The module with small functions copied to where they are called.
///
/// # Errors
///
/// If the module was not validated.
pub(super) fn rewrite(wasm: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let small = find(wasm)?;
    if small.iter().all(Option::is_none) {
        return Ok(wasm.to_vec());
    }
    let mut budget = Budget::new(code_size(wasm)?);
    bodies(wasm, |body, index, signatures| {
        function(wasm, body, index, signatures, &small, &mut budget)
    })
}

/// For each function that the module defines what to copy for it.
fn find(wasm: &[u8]) -> Result<Vec<Option<Small<'_>>>, BinaryReaderError> {
    let mut signatures = Signatures::default();
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        signatures.note(&payload)?;
        if let Payload::CodeSectionEntry(body) = &payload {
            let index = signatures.imported + found.len();
            found.push(look(wasm, body, index, &signatures)?);
        }
    }
    Ok(found)
}

fn look<'m>(
    wasm: &'m [u8],
    body: &FunctionBody<'_>,
    index: usize,
    signatures: &Signatures,
) -> Result<Option<Small<'m>>, BinaryReaderError> {
    let mut reader = body.get_operators_reader()?;
    let start = reader.original_position();
    let end = body.range().end - 1;
    let Some(ty) = signatures.of_function(index) else {
        return Ok(None);
    };
    let result = match ty.results() {
        [] => None,
        [ty] => Some(*ty),
        _ => return Ok(None),
    };
    if end - start > SMALL || ty.params().len() > SMALL {
        return Ok(None);
    }
    let mut locals = ty.params().to_vec();
    for group in body.get_locals_reader()? {
        let (count, ty) = group?;
        if count as usize > SMALL {
            return Ok(None);
        }
        locals.extend((0..count).map(|_| ty));
    }
    if locals.len() > SMALL || locals.iter().chain(&result).any(|ty| code(*ty).is_none()) {
        return Ok(None);
    }
    let mut edits = Vec::new();
    let mut depth = 0;
    while !reader.eof() {
        let from = reader.original_position() - start;
        let edit = match reader.read()? {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                depth += 1;
                None
            }
            Operator::End => {
                // The last one is none of a block, and not copied.
                depth = u32::saturating_sub(depth, 1);
                None
            }
            Operator::LocalGet { local_index } => Some(Edit::Get(local_index)),
            Operator::LocalSet { local_index } => Some(Edit::Set(local_index)),
            Operator::LocalTee { local_index } => Some(Edit::Tee(local_index)),
            Operator::Return => Some(Edit::Return(depth)),
            _ => None,
        };
        if let Some(edit) = edit {
            edits.push((from..reader.original_position() - start, edit));
        }
    }
    Ok(Some(Small {
        params: ty.params().len(),
        locals,
        result,
        code: &wasm[start..end],
        edits,
    }))
}

/// The binary format's code of a type of numbers.
fn code(ty: ValType) -> Option<u8> {
    match ty {
        ValType::I32 => Some(0x7f),
        ValType::I64 => Some(0x7e),
        ValType::F32 => Some(0x7d),
        ValType::F64 => Some(0x7c),
        ValType::V128 => Some(0x7b),
        ValType::Ref(_) => None,
    }
}

/// Locals that a function gets for what is copied into it: copies are never within each other, so they share them.
struct Scratch {
    /// Those that it has, parameters included.
    first: u32,
    added: Vec<ValType>,
}

impl Scratch {
    /// A local for each of these types.
    fn assign(&mut self, locals: &[ValType]) -> Vec<u32> {
        let mut taken = vec![false; self.added.len()];
        locals
            .iter()
            .map(|ty| {
                let free = (0..taken.len()).find(|at| !taken[*at] && self.added[*at] == *ty);
                let at = free.unwrap_or_else(|| {
                    self.added.push(*ty);
                    taken.push(false);
                    taken.len() - 1
                });
                taken[at] = true;
                self.first + at as u32
            })
            .collect()
    }
}

fn function(
    wasm: &[u8],
    body: &FunctionBody<'_>,
    index: usize,
    signatures: &Signatures,
    small: &[Option<Small<'_>>],
    budget: &mut Budget,
) -> Result<Option<Vec<u8>>, BinaryReaderError> {
    budget.enter(&body.range());
    let mut count = signatures
        .of_function(index)
        .map_or(0, |ty| ty.params().len());
    let locals = body.get_locals_reader()?;
    let groups = (locals.get_count(), locals.original_position());
    for group in locals {
        count += group?.0 as usize;
    }
    let mut scratch = Scratch {
        first: count as u32,
        added: Vec::new(),
    };
    let mut reader = body.get_operators_reader()?;
    let start = reader.original_position();
    let mut out = Vec::new();
    let mut copied = start;
    while !reader.eof() {
        let from = reader.original_position();
        let Operator::Call { function_index } = reader.read()? else {
            continue;
        };
        let callee = (function_index as usize)
            .checked_sub(signatures.imported)
            .and_then(|defined| small.get(defined)?.as_ref());
        let Some(callee) = callee else {
            continue;
        };
        if count + scratch.added.len() + callee.locals.len() > MAX_LOCALS {
            continue;
        }
        // An edit takes a few bytes more than it had, and a local its zero.
        let zeros: usize = callee.locals.iter().map(|ty| zero_bytes(*ty)).sum();
        if !budget.take(callee.code.len() + 4 * callee.edits.len() + zeros) {
            continue;
        }
        out.extend_from_slice(&wasm[copied..from]);
        copied = reader.original_position();
        let assigned = scratch.assign(&callee.locals);
        callee.copy(&assigned, &mut out);
    }
    if copied == start {
        return Ok(None);
    }
    out.extend_from_slice(&wasm[copied..body.range().end]);

    let mut whole = Vec::with_capacity(out.len() + 16);
    let (groups, position) = groups;
    (groups + scratch.added.len() as u32).encode(&mut whole);
    whole.extend_from_slice(&wasm[position..start]);
    for ty in &scratch.added {
        1u32.encode(&mut whole);
        whole.extend(code(*ty));
    }
    whole.extend_from_slice(&out);
    Ok((whole.len() <= MAX_BODY).then_some(whole))
}

impl Small<'_> {
    /// Writes it as a block, with these for its locals.
    fn copy(&self, locals: &[u32], out: &mut Vec<u8>) {
        for local in locals[..self.params].iter().rev() {
            I::LocalSet(*local).encode(out);
        }
        for (local, ty) in locals.iter().zip(&self.locals).skip(self.params) {
            match ty {
                ValType::I64 => I::I64Const(0),
                ValType::F32 => I::F32Const(0f32.into()),
                ValType::F64 => I::F64Const(0f64.into()),
                ValType::V128 => I::V128Const(0),
                _ => I::I32Const(0),
            }
            .encode(out);
            I::LocalSet(*local).encode(out);
        }
        out.push(0x02);
        // A block without a result has type 0x40.
        out.push(self.result.and_then(code).unwrap_or(0x40));
        let mut copied = 0;
        for (range, edit) in &self.edits {
            out.extend_from_slice(&self.code[copied..range.start]);
            copied = range.end;
            let local = |index: &u32| locals[*index as usize];
            match edit {
                Edit::Get(index) => I::LocalGet(local(index)),
                Edit::Set(index) => I::LocalSet(local(index)),
                Edit::Tee(index) => I::LocalTee(local(index)),
                Edit::Return(depth) => I::Br(*depth),
            }
            .encode(out);
        }
        out.extend_from_slice(&self.code[copied..]);
        I::End.encode(out);
    }
}

/// Most bytes by which a local is set to zero.
fn zero_bytes(ty: ValType) -> usize {
    match ty {
        ValType::V128 => 24,
        ValType::F64 => 14,
        ValType::F32 => 10,
        _ => 8,
    }
}
