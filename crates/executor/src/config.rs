//! The one engine configuration, and the environment's identity.

use crate::{
    canonical,
    cost::{self, Costs},
    rewrite,
};
use wasmtime::{Config, Inlining, OptLevel, RegallocAlgorithm, Strategy, WasmFeatures};

/// The engine whose code generation and metering this crate was audited with. A test holds it
/// against `Cargo.lock`.
pub const ENGINE: &str = "wasmtime 48.0.8";

/// Version of what the host functions do. Raise it with every change that a guest can observe.
pub const WASI_SEMANTICS: u32 = 2;

/// Native stack for guest code, in bytes. Recursion beyond it is
/// [`TrapKind::StackOverflow`](crate::TrapKind::StackOverflow). CPython needs about 1 MiB.
pub const GUEST_STACK: usize = 4 << 20;

/// Native stack left to host functions on top of [`GUEST_STACK`]: they run on the guest's fiber.
/// Too small, and a deep host call would abort the process; the deepest one measured uses under 32 KiB.
const HOST_STACK: usize = 1 << 20;

/// Fuel between two points at which compiled code hands control back. Too small costs speed (a
/// switch takes about 0.2 µs), too large delays a kill and understates the fuel of a trap by up to this.
pub const SLICE: u64 = 100_000;

/// Linear memory is 32-bit: 4 GiB.
pub(crate) const MAX_MEMORY: u64 = 1 << 32;

/// Unmapped bytes behind a memory, for accesses with an offset.
const GUARD: u64 = 32 << 20;

/// Instruction set that code is generated for. Frame sizes, hence the depth at which recursion
/// overflows, depend on it, so it is pinned instead of detected and part of the environment. On x86-64 it is
/// the level v3 without FMA (every desktop processor since about 2013): three-operand instructions make
/// floating-point guests about 1.3 times as fast as SSE4.2 alone.
#[cfg(target_arch = "x86_64")]
const ISA_FLAGS: &[&str] = &[
    "has_cmpxchg16b",
    "has_sse3",
    "has_ssse3",
    "has_sse41",
    "has_sse42",
    "has_popcnt",
    "has_avx",
    "has_avx2",
    "has_bmi1",
    "has_bmi2",
    "has_lzcnt",
];
#[cfg(not(target_arch = "x86_64"))]
const ISA_FLAGS: &[&str] = &[];

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
const TARGET: &str = "x86_64-unknown-linux-gnu";
#[cfg(all(target_arch = "aarch64", target_os = "linux"))]
const TARGET: &str = "aarch64-unknown-linux-gnu";
#[cfg(all(target_arch = "x86_64", target_os = "macos"))]
const TARGET: &str = "x86_64-apple-darwin";
#[cfg(all(target_arch = "aarch64", target_os = "macos"))]
const TARGET: &str = "aarch64-apple-darwin";
#[cfg(all(target_arch = "x86_64", target_os = "windows"))]
const TARGET: &str = "x86_64-pc-windows-msvc";
#[cfg(all(target_arch = "aarch64", target_os = "windows"))]
const TARGET: &str = "aarch64-pc-windows-msvc";

/// What a guest may use: WebAssembly 2.0 without the parts that leave a result to the machine.
/// Threads, garbage collection, exceptions, 64-bit and multiple memories, tail calls, relaxed SIMD
/// and components stay off.
pub(crate) fn features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::SIMD
        | WasmFeatures::FLOATS
        | WasmFeatures::EXTENDED_CONST
}

/// Every setting that decides a result or its fuel is written down here, also where it equals
/// the engine's default: a default may change with the engine.
pub(crate) fn audited() -> wasmtime::Result<Config> {
    let mut c = Config::new();
    c.target(TARGET)?;
    for flag in ISA_FLAGS {
        // SAFETY: these flags name instructions, not invariants. The engine refuses to load code
        // for instructions that the running machine lacks.
        unsafe { c.cranelift_flag_enable(flag) };
    }

    // Semantics.
    c.wasm_features(WasmFeatures::all(), false);
    c.wasm_features(features(), true);
    // `canonical.rs` does it, where it can be seen.
    c.cranelift_nan_canonicalization(false);
    c.relaxed_simd_deterministic(true);
    c.shared_memory(false);

    // Metering. Epochs stay off: control comes back every `SLICE` of fuel, which serves the
    // wall-clock kill and costs nothing beyond the fuel checks.
    c.consume_fuel(true);
    c.operator_cost(cost::operator_table());
    c.epoch_interruption(false);

    // Code generation.
    c.strategy(Strategy::Cranelift);
    c.cranelift_opt_level(OptLevel::Speed);
    c.cranelift_regalloc_algorithm(RegallocAlgorithm::Backtracking);
    // `rewrite` does it: the compiler would hold every function at once, 6.5 GB for CPython.
    c.compiler_inlining(Inlining::No);
    c.signals_based_traps(true);
    c.generate_address_map(false);
    c.wasm_backtrace_max_frames(None);
    c.native_unwind_info(cfg!(target_os = "windows"));
    c.debug_info(false);

    // Instantiation. Copy-on-write images skip the code that initialises memory, and its fuel,
    // on platforms that have them.
    c.memory_init_cow(false);
    c.table_lazy_init(true);

    // Memory: address space for the whole 32-bit range, so that growth never moves a memory
    // and bounds checks become guard pages. Only touched pages cost memory; 47 bits of
    // address space hold some 30,000 instances.
    c.memory_reservation(MAX_MEMORY);
    c.memory_guard_size(GUARD);
    c.memory_may_move(false);
    c.guard_before_linear_memory(false);

    c.max_wasm_stack(GUEST_STACK);
    c.async_stack_size(GUEST_STACK + HOST_STACK);
    Ok(c)
}

/// The audited configuration without metering, to tell its cost from that of canonical NaNs.
#[cfg(feature = "unmetered")]
pub(crate) fn audited_without_metering() -> wasmtime::Result<Config> {
    let mut c = audited()?;
    c.consume_fuel(false);
    Ok(c)
}

/// Identity of an environment: results, fuel and peak memory compare only between equal ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Environment(pub [u8; 32]);

/// Everything that decides results, fuel or peak memory beside module, task and limits.
#[derive(Clone)]
struct Identity {
    engine: &'static str,
    target: &'static str,
    isa: &'static [&'static str],
    features: WasmFeatures,
    stack: usize,
    slice: u64,
    reservation: u64,
    guard: u64,
    canonical: u32,
    rewrite: u32,
    /// What [`audited`] says of code generation and instantiation.
    code: &'static str,
    wasi: u32,
    costs: Costs,
}

impl Identity {
    fn current() -> Self {
        Self {
            engine: ENGINE,
            target: TARGET,
            isa: ISA_FLAGS,
            features: features(),
            stack: GUEST_STACK,
            slice: SLICE,
            reservation: MAX_MEMORY,
            guard: GUARD,
            canonical: canonical::VERSION,
            rewrite: rewrite::VERSION,
            code: "opt=speed regalloc=backtracking inlining=no cow=no",
            wasi: WASI_SEMANTICS,
            costs: Costs::current(),
        }
    }

    fn environment(&self) -> Environment {
        let Self {
            engine,
            target,
            isa,
            features,
            stack,
            slice,
            reservation,
            guard,
            canonical,
            rewrite,
            code,
            wasi,
            costs,
        } = self;
        let text = format!(
            "engine={engine} target={target} isa={isa:?} features={:#x} \
             stack={stack} slice={slice} reservation={reservation} guard={guard} \
             nan=canonical/{canonical} rewrite={rewrite} {code} wasi={wasi} {}",
            features.bits(),
            costs.describe(),
        );
        Environment(blake3::derive_key(
            "sungrid executor environment v1",
            text.as_bytes(),
        ))
    }
}

impl Environment {
    /// BLAKE3 over engine version, target, configuration, cost table and WASI semantics.
    pub(crate) fn current() -> Self {
        Identity::current().environment()
    }
}

impl core::fmt::Display for Environment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl core::fmt::Debug for Environment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Environment({self})")
    }
}

#[cfg(test)]
mod tests;
