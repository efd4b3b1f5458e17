//! What happens to a module between validation and the compiler: small functions are copied to where they are
//! called ([`inline`]), small loops are repeated ([`unroll`]), then NaNs become canonical (`canonical.rs`).
//!
//! The engine counts fuel in a register, but writes it back around every call and looks at it at every function and
//! loop, beside a call that takes the floating-point registers away from the loop. Fewer of both is most of
//! what metering can be spared. What guests compute is what it was; their fuel is that of the rewritten code. Everything here is
//! a function of the module's bytes alone.

mod inline;
mod unroll;

#[cfg(test)]
mod tests;

use crate::canonical;
use std::ops::Range;
use wasm_encoder::{CodeSection, RawSection};
use wasmtime::wasmparser::{
    BinaryReaderError, CompositeInnerType, FuncType, FunctionBody, Parser, Payload, SubType,
    TypeRef,
};

/// Raise it with every change of what is copied where: fuel follows it. `tests/determinism/pinned.rs` notices.
pub(crate) const VERSION: u32 = 2;

/// Largest body of a function that the engine takes, in bytes.
const MAX_BODY: usize = 7_654_321;

/// What the rewriting of a function needs to know of its module.
#[derive(Default)]
pub(crate) struct Signatures {
    pub(crate) types: Vec<SubType>,
    /// Type of each function, imported ones first.
    pub(crate) functions: Vec<u32>,
    /// How many of them are imported.
    pub(crate) imported: usize,
}

impl Signatures {
    pub(crate) fn of_type(&self, ty: u32) -> Option<&FuncType> {
        match &self.types.get(ty as usize)?.composite_type.inner {
            CompositeInnerType::Func(ty) => Some(ty),
            _ => None,
        }
    }

    fn of_function(&self, index: usize) -> Option<&FuncType> {
        self.of_type(*self.functions.get(index)?)
    }

    /// Takes note of a section that comes before the code.
    fn note(&mut self, payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::TypeSection(types) => {
                for group in types.clone() {
                    self.types.extend(group?.into_types());
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.clone().into_imports() {
                    if let TypeRef::Func(ty) = import?.ty {
                        self.functions.push(ty);
                        self.imported += 1;
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                for ty in functions.clone() {
                    self.functions.push(ty?);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The module as the compiler gets it.
///
/// Time and memory are linear in the module's size.
///
/// # Errors
///
/// If the module was not validated.
pub(crate) fn rewrite(wasm: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let copied = canonical::rewrite(&unroll::rewrite(&inline::rewrite(wasm)?)?)?;
    // No module is refused for what was copied.
    if has_room(&copied)? {
        Ok(copied)
    } else {
        canonical::rewrite(wasm)
    }
}

/// Whether the engine takes all functions of the module by their size.
fn has_room(wasm: &[u8]) -> Result<bool, BinaryReaderError> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CodeSectionEntry(body) = payload?
            && body.range().len() > MAX_BODY
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The module with other bodies for those functions for which `change` returns one, without its size. Custom sections are dropped but
/// for the names: they may point into the code, which moves.
///
/// # Errors
///
/// If the module was not validated, and those of `change`.
pub(crate) fn bodies(
    wasm: &[u8],
    mut change: impl FnMut(
        &FunctionBody<'_>,
        usize,
        &Signatures,
    ) -> Result<Option<Vec<u8>>, BinaryReaderError>,
) -> Result<Vec<u8>, BinaryReaderError> {
    let mut out = wasm_encoder::Module::new();
    let mut signatures = Signatures::default();
    let mut code = CodeSection::new();
    let mut left = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        signatures.note(&payload)?;
        match &payload {
            Payload::CodeSectionStart { count, .. } => left = *count,
            Payload::CodeSectionEntry(body) => {
                let index = signatures.imported + code.len() as usize;
                match change(body, index, &signatures)? {
                    Some(body) => code.raw(&body),
                    None => code.raw(&wasm[body.range()]),
                };
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

/// How much copying may add to a module, so that no module becomes a burden for the compiler that it is not by itself:
/// half of its code, and to no function more than twice what it is.
struct Budget {
    module: usize,
    function: usize,
}

impl Budget {
    fn new(code: usize) -> Self {
        Self {
            module: code / 2,
            function: 0,
        }
    }

    fn enter(&mut self, body: &Range<usize>) {
        self.function = (2 * body.len()).min(MAX_BODY.saturating_sub(body.len()));
    }

    /// Whether there is room for `bytes`, which are then used.
    fn take(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.module && bytes <= self.function;
        if fits {
            self.module -= bytes;
            self.function -= bytes;
        }
        fits
    }
}

/// Bytes of a module's code.
fn code_size(wasm: &[u8]) -> Result<usize, BinaryReaderError> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CodeSectionStart { range, .. } = payload? {
            return Ok(range.len());
        }
    }
    Ok(0)
}
