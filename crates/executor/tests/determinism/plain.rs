//! The same modules in wasmtime as it comes: no metering, no code of ours but a function that collects what is written.

use sungrid_executor::TrapKind;
use wasmtime::{Caller, Config, Engine, Extern, Linker, Module, Store, Trap};

/// Native stack of wasmtime's frames here: more than the executor's, so that both hold what a module may recurse.
const STACK: usize = 16 << 20;

/// How a run ended, and what it left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// `None`: it returned.
    pub(crate) trap: Option<TrapKind>,
    pub(crate) stdout: Vec<u8>,
    /// Bytes of memory at the end: memory never shrinks, so the most there were. None if it could not even start.
    pub(crate) memory: Option<u64>,
}

/// Wasmtime with a configuration of its own.
pub(crate) struct Plain(Engine);

impl Plain {
    /// Code for the machine at hand; NaNs by Cranelift's own pass, or as the machine makes them.
    pub(crate) fn new(canonical: bool) -> Self {
        let mut config = Config::new();
        config.cranelift_nan_canonicalization(canonical);
        config.async_stack_size(2 * STACK);
        config.max_wasm_stack(STACK);
        Self(Engine::new(&config).expect("the default configuration"))
    }

    /// Runs a command on a stack that is large enough.
    pub(crate) fn run(&self, wasm: &[u8]) -> End {
        std::thread::scope(|scope| {
            let run = || self.run_here(wasm);
            let thread = std::thread::Builder::new()
                .stack_size(2 * STACK)
                .spawn_scoped(scope, run);
            thread.expect("a thread").join().expect("no panic")
        })
    }

    fn run_here(&self, wasm: &[u8]) -> End {
        let module = Module::new(&self.0, wasm).expect("a valid module");
        let mut linker: Linker<Vec<u8>> = Linker::new(&self.0);
        linker
            .func_wrap("wasi_snapshot_preview1", "fd_write", fd_write)
            .expect("a name of its own");
        let mut store = Store::new(&self.0, Vec::new());
        let mut memory = None;
        let ended = linker
            .instantiate(&mut store, &module)
            .and_then(|instance| {
                let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
                let ended = start.call(&mut store, ());
                memory = instance
                    .get_memory(&mut store, "memory")
                    .map(|memory| memory.data_size(&store) as u64);
                ended
            });
        End {
            trap: ended.err().map(|error| kind(&error)),
            stdout: store.into_data(),
            memory,
        }
    }
}

/// The one vector that the harness passes.
fn fd_write(mut caller: Caller<'_, Vec<u8>>, fd: i32, vectors: i32, count: i32, _: i32) -> i32 {
    assert_eq!((fd, count), (1, 1), "only the harness calls it");
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        panic!("the harness exports the memory")
    };
    let (data, out) = memory.data_and_store_mut(&mut caller);
    let word = |at: usize| u32::from_le_bytes(data[at..at + 4].try_into().expect("four")) as usize;
    let vector = vectors as usize;
    let (from, length) = (word(vector), word(vector + 4));
    out.extend_from_slice(&data[from..from + length]);
    let written = (length as u32).to_le_bytes();
    data[8..12].copy_from_slice(&written);
    0
}

/// The executor's name of a trap.
fn kind(error: &wasmtime::Error) -> TrapKind {
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => TrapKind::StackOverflow,
        Some(Trap::MemoryOutOfBounds) => TrapKind::MemoryOutOfBounds,
        Some(Trap::TableOutOfBounds) => TrapKind::TableOutOfBounds,
        Some(Trap::IndirectCallToNull) => TrapKind::IndirectCallToNull,
        Some(Trap::BadSignature) => TrapKind::BadSignature,
        Some(Trap::IntegerOverflow) => TrapKind::IntegerOverflow,
        Some(Trap::IntegerDivisionByZero) => TrapKind::DivisionByZero,
        Some(Trap::BadConversionToInteger) => TrapKind::BadConversion,
        Some(Trap::UnreachableCodeReached) => TrapKind::Unreachable,
        other => panic!("{other:?}: {error:#}"),
    }
}
