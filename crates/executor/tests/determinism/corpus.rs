//! Modules that nobody would write: wasm-smith's, limited to what the executor allows, in a harness that shows all they do.
//!
//! A generated module imports nothing and exports nothing. The harness adds a `_start` that calls every function in turn with
//! arguments made from the seed, and writes after each call what it returned, every global and the whole memory to
//! standard output. What two runs differ in shows there, even if a later call traps.

use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    AbstractHeapType, CodeSection, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, HeapType, ImportSection, Instruction as I, MemArg, MemorySection, Module,
    RawSection, TypeSection, ValType,
};
use wasm_smith::{Config, InstructionKind, InstructionKinds};
use wasmtime::wasmparser::{self, Parser, Payload};

/// Turns of loops and calls of functions together, in each call of the harness, before it ends by itself.
const TURNS: u32 = 2_000;
/// Largest memory of a module in bytes.
const MEMORY: u64 = 4 << 16;
/// Start of memory that the harness borrows while it writes: an I/O vector, a count, a value.
const SCRATCH: u64 = 64;
const VALUE: u64 = 16;

/// What a module of the corpus is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Flavour {
    /// Any instruction; what could trap is guarded, so that all functions run.
    Guarded,
    /// Numbers, lanes and memory only, guarded: most of it floating point.
    Numbers,
    /// Any instruction, unguarded: most of them trap.
    Wild,
}

/// A module and where it came from.
pub(crate) struct Specimen {
    pub(crate) seed: u64,
    pub(crate) flavour: Flavour,
    pub(crate) wasm: Vec<u8>,
}

/// Bytes that follow from a seed alone.
fn stream(seed: u64, bytes: &mut [u8]) {
    let mut hasher = blake3::Hasher::new_derive_key("sungrid executor corpus v1");
    hasher.update(&seed.to_le_bytes());
    hasher.finalize_xof().fill(bytes);
}

fn config(flavour: Flavour, starts: bool) -> Config {
    let numbers = [
        InstructionKind::Numeric,
        InstructionKind::Vector,
        InstructionKind::Parametric,
        InstructionKind::Variable,
        InstructionKind::Memory,
        InstructionKind::Control,
    ];
    Config {
        // What the engine allows, and nothing else.
        bulk_memory_enabled: true,
        extended_const_enabled: true,
        multi_value_enabled: true,
        reference_types_enabled: true,
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        simd_enabled: true,
        custom_page_sizes_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        shared_everything_threads_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        // The harness imports and exports.
        max_imports: 0,
        min_exports: 0,
        max_exports: 0,
        allow_start_export: starts,
        // Growth ends at a maximum of the module's own, so that no limit of the host shows.
        min_memories: 1,
        max_memories: 1,
        max_memory32_bytes: MEMORY,
        memory_max_size_required: true,
        max_tables: 2,
        max_table_elements: 200,
        table_max_size_required: true,
        min_types: 2,
        max_types: 10,
        min_funcs: 3,
        max_funcs: 8,
        max_instructions: 200,
        max_globals: 10,
        max_data_segments: 5,
        max_element_segments: 5,
        max_elements: 20,
        canonicalize_nans: false,
        disallow_traps: flavour != Flavour::Wild,
        allowed_instructions: match flavour {
            Flavour::Numbers => InstructionKinds::new(&numbers),
            _ => InstructionKinds::all(),
        },
        ..Config::default()
    }
}

impl Specimen {
    /// The module of a seed: the same on every machine. `None` for the few seeds whose bytes make none.
    pub(crate) fn new(seed: u64) -> Option<Self> {
        let flavour = match seed % 4 {
            0 => Flavour::Guarded,
            3 => Flavour::Wild,
            _ => Flavour::Numbers,
        };
        let mut bytes = vec![0; 3_000 + 1_000 * (seed % 7) as usize];
        stream(seed, &mut bytes);
        let mut bytes = arbitrary::Unstructured::new(&bytes);
        let mut module =
            wasm_smith::Module::new(config(flavour, seed.is_multiple_of(5)), &mut bytes).ok()?;
        let turns = module.ensure_termination(TURNS).ok()?;
        let harness = Harness {
            seed,
            turns,
            ends: flavour != Flavour::Wild,
        };
        let wasm = harness.around(&module.to_bytes());
        Some(Self {
            seed,
            flavour,
            wasm: wasm.expect("wasm-smith makes valid modules"),
        })
    }
}

/// Makes room for the import of the harness. The engine admits references to functions, but none to what is outside: these
/// become those.
struct Behind;

impl Reencode for Behind {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error<Infallible>> {
        Ok(index + 1)
    }

    fn abstract_heap_type(
        &mut self,
        ty: wasmparser::AbstractHeapType,
    ) -> Result<AbstractHeapType, Error<Infallible>> {
        Ok(match utils::abstract_heap_type(self, ty) {
            AbstractHeapType::Extern => AbstractHeapType::Func,
            other => other,
        })
    }
}

/// What the harness needs to know of a module.
#[derive(Default)]
struct Shape {
    types: Vec<wasmparser::FuncType>,
    functions: Vec<u32>,
    globals: Vec<wasmparser::ValType>,
}

impl Shape {
    fn of(wasm: &[u8]) -> Result<Self, wasmparser::BinaryReaderError> {
        let mut shape = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(types) => {
                    for group in types {
                        for ty in group?.into_types() {
                            shape.types.push(ty.unwrap_func().clone());
                        }
                    }
                }
                Payload::FunctionSection(functions) => {
                    for ty in functions {
                        shape.functions.push(ty?);
                    }
                }
                Payload::GlobalSection(globals) => {
                    for global in globals {
                        shape.globals.push(global?.ty.content_type);
                    }
                }
                _ => {}
            }
        }
        Ok(shape)
    }
}

struct Harness {
    seed: u64,
    /// The global that counts [`TURNS`] down.
    turns: u32,
    /// Whether a function that has used its turns up returns, instead of trapping.
    ends: bool,
}

impl Harness {
    /// The module behind the import, with a `_start` that calls it and shows what it does.
    fn around(&self, wasm: &[u8]) -> Result<Vec<u8>, Error<Infallible>> {
        let shape = Shape::of(wasm)?;
        let write_type = shape.types.len() as u32;
        let start_index = 1 + shape.functions.len() as u32;
        let mut exported = false;
        let mut out = Module::new();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            // Everything from here on comes behind the exports.
            if !exported
                && matches!(
                    payload,
                    Payload::StartSection { .. }
                        | Payload::ElementSection(_)
                        | Payload::DataCountSection { .. }
                        | Payload::CodeSectionStart { .. }
                )
            {
                exported = true;
                let mut exports = ExportSection::new();
                exports.export("_start", ExportKind::Func, start_index);
                exports.export("memory", ExportKind::Memory, 0);
                out.section(&exports);
            }
            match payload {
                Payload::TypeSection(types) => {
                    let mut section = TypeSection::new();
                    utils::parse_type_section(&mut Behind, &mut section, types)?;
                    section.ty().function([ValType::I32; 4], [ValType::I32]);
                    section.ty().function([], []);
                    out.section(&section);
                    let mut imports = ImportSection::new();
                    imports.import(
                        "wasi_snapshot_preview1",
                        "fd_write",
                        EntityType::Function(write_type),
                    );
                    out.section(&imports);
                }
                Payload::FunctionSection(functions) => {
                    let mut section = FunctionSection::new();
                    utils::parse_function_section(&mut Behind, &mut section, functions)?;
                    section.function(write_type + 1);
                    out.section(&section);
                }
                Payload::MemorySection(memories) => {
                    // The harness needs a page.
                    let mut section = MemorySection::new();
                    for memory in memories {
                        let mut memory = utils::memory_type(&mut Behind, memory?);
                        memory.minimum = memory.minimum.max(1);
                        memory.maximum = memory.maximum.map(|pages| pages.max(1));
                        section.memory(memory);
                    }
                    out.section(&section);
                }
                Payload::TableSection(tables) => {
                    let mut section = wasm_encoder::TableSection::new();
                    utils::parse_table_section(&mut Behind, &mut section, tables)?;
                    out.section(&section);
                }
                Payload::GlobalSection(globals) => {
                    let mut section = wasm_encoder::GlobalSection::new();
                    utils::parse_global_section(&mut Behind, &mut section, globals)?;
                    out.section(&section);
                }
                Payload::StartSection { func, .. } => {
                    let function_index = func + 1;
                    out.section(&wasm_encoder::StartSection { function_index });
                }
                Payload::ElementSection(elements) => {
                    let mut section = wasm_encoder::ElementSection::new();
                    utils::parse_element_section(&mut Behind, &mut section, elements)?;
                    out.section(&section);
                }
                Payload::CodeSectionStart { range, .. } => {
                    let reader = wasmparser::BinaryReader::new(&wasm[range.clone()], range.start);
                    let code = wasmparser::CodeSectionReader::new(reader)?;
                    let mut section = CodeSection::new();
                    for (body, ty) in code.into_iter().zip(&shape.functions) {
                        let results = shape.types[*ty as usize].results();
                        section.function(&self.function(&body?, results)?);
                    }
                    section.function(&start(&shape, self.seed, self.turns));
                    out.section(&section);
                }
                Payload::DataCountSection { .. } | Payload::DataSection(_) => {
                    let (id, range) = payload.as_section().expect("a section");
                    let data = &wasm[range];
                    out.section(&RawSection { id, data });
                }
                Payload::ImportSection(imports) => {
                    assert_eq!(imports.count(), 0, "the generator was told to make none");
                }
                // Those of the harness take their place.
                _ => {}
            }
        }
        assert!(exported, "there is code");
        Ok(out.finish())
    }

    /// A function as it was, but for what it does when its turns are used up.
    fn function(
        &self,
        body: &wasmparser::FunctionBody<'_>,
        results: &[wasmparser::ValType],
    ) -> Result<Function, Error<Infallible>> {
        use wasmparser::Operator as O;
        let mut function = utils::new_function_with_parsed_locals(&mut Behind, body)?;
        let mut last: [Option<O<'_>>; 3] = [None, None, None];
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            let used_up = matches!(
                &last,
                [Some(O::GlobalGet { global_index }), Some(O::I32Eqz | O::I32GeU), Some(O::If { .. })]
                    if *global_index == self.turns
            );
            if self.ends && used_up && matches!(operator, O::Unreachable) {
                for result in results {
                    function.instruction(&zero(utils::val_type(&mut Behind, *result)?));
                }
                function.instruction(&I::Return);
            } else {
                function.instruction(&utils::instruction(&mut Behind, operator.clone())?);
            }
            last.rotate_left(1);
            last[2] = Some(operator);
        }
        Ok(function)
    }
}

/// Zeroes, infinities and NaNs with payloads and signs, of both widths in one word.
const EDGES: [u64; 6] = [
    0,
    0x7ff0_0000_7f80_0000,
    0xfff0_0000_ff80_0000,
    0x7ff4_0000_7fa0_0001,
    0xfff8_dead_ffc0_beef,
    0x8000_0000_8000_0000,
];

fn zero(ty: ValType) -> I<'static> {
    match ty {
        ValType::I32 => I::I32Const(0),
        ValType::I64 => I::I64Const(0),
        ValType::F32 => I::F32Const(wasm_encoder::Ieee32::new(0)),
        ValType::F64 => I::F64Const(wasm_encoder::Ieee64::new(0)),
        ValType::V128 => I::V128Const(0),
        ValType::Ref(_) => I::RefNull(HeapType::FUNC),
    }
}

fn at(offset: u64) -> MemArg {
    MemArg {
        offset,
        align: 0,
        memory_index: 0,
    }
}

/// Writes `_start`.
struct Start<'a> {
    locals: Vec<ValType>,
    code: Vec<I<'a>>,
    numbers: std::vec::IntoIter<u64>,
}

/// Bytes of a value in memory; none for references, which have no bits to show.
fn size(ty: ValType) -> Option<i32> {
    match ty {
        ValType::I32 | ValType::F32 => Some(4),
        ValType::I64 | ValType::F64 => Some(8),
        ValType::V128 => Some(16),
        ValType::Ref(_) => None,
    }
}

impl Start<'_> {
    fn local(&mut self, ty: ValType) -> u32 {
        self.locals.push(ty);
        self.locals.len() as u32 - 1
    }

    /// Numbers at which something happens, among any.
    fn number(&mut self) -> u64 {
        let any = self.numbers.next().unwrap_or_default();
        match any % 16 {
            0 => 1,
            1 => u64::MAX,
            2 => 1 << 63,
            3 => 1.5f64.to_bits() | u64::from(1.5f32.to_bits()),
            edge @ 4..10 => EDGES[edge as usize - 4],
            _ => any,
        }
    }

    fn argument(&mut self, ty: ValType) {
        let bits = self.number();
        let low = match ty {
            ValType::V128 => self.number(),
            _ => 0,
        };
        self.code.push(match ty {
            ValType::I32 => I::I32Const(bits as i32),
            ValType::I64 => I::I64Const(bits as i64),
            ValType::F32 => I::F32Const(wasm_encoder::Ieee32::new(bits as u32)),
            ValType::F64 => I::F64Const(wasm_encoder::Ieee64::new(bits)),
            ValType::V128 => I::V128Const((u128::from(bits) << 64 | u128::from(low)) as i128),
            ValType::Ref(_) => zero(ty),
        });
    }

    /// Writes `length` bytes from `address`, both on top of the stack in turn.
    fn write(&mut self, address: I<'static>, length: &[I<'static>]) {
        self.code
            .extend([I::I32Const(0), address, I::I32Store(at(0))]);
        self.code.push(I::I32Const(0));
        self.code.extend_from_slice(length);
        self.code.extend([
            I::I32Store(at(4)),
            I::I32Const(1),
            I::I32Const(0),
            I::I32Const(1),
            I::I32Const(8),
            I::Call(0),
            I::Drop,
        ]);
    }

    /// Writes a value, by way of the scratch space.
    fn value(&mut self, get: I<'static>, ty: ValType) {
        let Some(size) = size(ty) else { return };
        self.code.extend([I::I32Const(0), get]);
        self.code.push(match ty {
            ValType::I32 => I::I32Store(at(VALUE)),
            ValType::I64 => I::I64Store(at(VALUE)),
            ValType::F32 => I::F32Store(at(VALUE)),
            ValType::F64 => I::F64Store(at(VALUE)),
            _ => I::V128Store(at(VALUE)),
        });
        self.write(I::I32Const(VALUE as i32), &[I::I32Const(size)]);
    }
}

fn start(shape: &Shape, seed: u64, turns: u32) -> Function {
    let mut bytes = vec![0; 8 << 10];
    stream(!seed, &mut bytes);
    let numbers: Vec<u64> = bytes
        .chunks_exact(8)
        .map(|chunk| {
            chunk
                .iter()
                .fold(0, |all, byte| all << 8 | u64::from(*byte))
        })
        .collect();
    let mut start = Start {
        locals: Vec::new(),
        code: Vec::new(),
        numbers: numbers.into_iter(),
    };
    let mut encode = Behind;
    let ty = |encode: &mut Behind, ty| utils::val_type(encode, ty).expect("a known type");
    let saved: Vec<u32> = (0..SCRATCH / 16)
        .map(|_| start.local(ValType::V128))
        .collect();
    let count = shape.functions.len();
    // Twice around, from another function on each time: what one leaves behind, another one finds.
    for turn in 0..2 * count {
        let function = (turn + seed as usize) % count;
        let callee = &shape.types[shape.functions[function] as usize];
        for param in callee.params() {
            let param = ty(&mut encode, *param);
            start.argument(param);
        }
        let again = [I::I32Const(TURNS as i32), I::GlobalSet(turns)];
        start.code.extend(again);
        start.code.push(I::Call(1 + function as u32));
        let results: Vec<(u32, ValType)> = callee
            .results()
            .iter()
            .map(|result| {
                let result = ty(&mut encode, *result);
                (start.local(result), result)
            })
            .collect();
        for (local, _) in results.iter().rev() {
            start.code.push(I::LocalSet(*local));
        }
        for (part, local) in saved.iter().enumerate() {
            let load = I::V128Load(at(16 * part as u64));
            start
                .code
                .extend([I::I32Const(0), load, I::LocalSet(*local)]);
        }
        for (local, ty) in results {
            start.value(I::LocalGet(local), ty);
        }
        for (index, global) in shape.globals.iter().enumerate() {
            let global = ty(&mut encode, *global);
            start.value(I::GlobalGet(index as u32), global);
        }
        for local in &saved {
            start.value(I::LocalGet(*local), ValType::V128);
        }
        let rest = [
            I::MemorySize(0),
            I::I32Const(16),
            I::I32Shl,
            I::I32Const(SCRATCH as i32),
            I::I32Sub,
        ];
        start.write(I::I32Const(SCRATCH as i32), &rest);
        for (part, local) in saved.iter().enumerate() {
            let store = I::V128Store(at(16 * part as u64));
            start
                .code
                .extend([I::I32Const(0), I::LocalGet(*local), store]);
        }
    }
    start.code.push(I::End);
    let mut function = Function::new_with_locals_types(start.locals);
    for instruction in &start.code {
        function.instruction(instruction);
    }
    function
}
