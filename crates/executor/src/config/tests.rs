//! The environment's id changes when, and only when, something that matters does.

use super::*;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use wasmtime::Engine;

/// What is changed, and how.
type Change<T> = (&'static str, fn(&mut T));

/// Each of these changes what some guest computes, or what it is billed.
const MATTERS: &[Change<Identity>] = &[
    ("engine version", |i| i.engine = "wasmtime 48.0.9"),
    ("operating system", |i| i.target = "x86_64-apple-darwin"),
    ("architecture", |i| i.target = "aarch64-unknown-linux-gnu"),
    ("no AVX2", |i| i.isa = &["has_sse42"]),
    ("no instruction sets at all", |i| i.isa = &[]),
    ("tail calls", |i| i.features.insert(WasmFeatures::TAIL_CALL)),
    ("relaxed SIMD", |i| {
        i.features.insert(WasmFeatures::RELAXED_SIMD)
    }),
    ("no SIMD", |i| i.features.remove(WasmFeatures::SIMD)),
    ("depth of recursion", |i| i.stack += 1),
    ("fuel of a trap", |i| i.slice += 1),
    ("address space", |i| i.reservation <<= 1),
    ("guard", |i| i.guard <<= 1),
    ("where NaNs are canonicalised", |i| i.canonical += 1),
    ("what is copied where", |i| i.rewrite += 1),
    ("code generation", |i| {
        i.code = "opt=none regalloc=backtracking inlining=no cow=no";
    }),
    ("WASI semantics", |i| i.wasi += 1),
    ("cost of a start", |i| i.costs.start += 1),
    ("cost of a module's byte", |i| i.costs.module_byte += 1),
    ("cost of a page", |i| i.costs.page += 1),
    ("cost of an element", |i| i.costs.element += 1),
    ("cost of a host call", |i| i.costs.call += 1),
    ("cost of a byte", |i| i.costs.byte += 1),
    ("cost of a random byte", |i| i.costs.random += 1),
    ("cost of a path's part", |i| i.costs.component += 1),
    ("cost of a file", |i| i.costs.inode += 1),
    ("cost of an entry", |i| i.costs.entry += 1),
    ("cost of an addition", |i| i.costs.operators.I32Add += 1),
    ("cost of a call", |i| i.costs.operators.Call += 1),
    ("cost of a load", |i| i.costs.operators.I64Load += 1),
    ("cost of a lane", |i| i.costs.operators.F32x4Mul += 1),
    ("cost of a copied byte", |i| {
        i.costs.operators.variable.memory_copy_per_byte += 1
    }),
    ("cost of a grown page", |i| {
        i.costs.operators.variable.memory_grow_per_page += 1
    }),
    ("cost of a grown table", |i| {
        i.costs.operators.variable.table_grow_per_element += 1
    }),
];

#[test]
fn whatever_matters_changes_the_id_each_in_its_own_way() {
    let current = Identity::current();
    let mut ids = BTreeMap::from([(current.environment(), "as it is")]);
    for (what, change) in MATTERS {
        let mut changed = current.clone();
        change(&mut changed);
        if let Some(other) = ids.insert(changed.environment(), what) {
            panic!("{what}: the same id as {other}");
        }
        // And back again: the id is of what is, not of how it came to be.
        assert_eq!(changed.clone().environment(), changed.environment());
    }
    assert_eq!(ids[&Environment::current()], "as it is");
}

/// What wasmtime itself says two engines must have in common to exchange code.
fn compatibility(config: &Config) -> u64 {
    let engine = Engine::new(config).expect("a valid configuration");
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// The id is made from a text beside the configuration, which could fall behind it. Whoever changes what the compiler
/// is told meets this test: change what goes into [`Identity`], too, and then the figure here.
#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn what_the_compiler_is_told_is_pinned_beside_the_id() {
    const PINNED: u64 = 0x50a9_9273_ab5a_6b3a;
    let is = compatibility(&audited().expect("valid"));
    assert_eq!(is, PINNED, "{is:#018x} with {}", Environment::current());
}

/// What decides code shows in that figure, so that the pin holds it; what does not, does not.
#[test]
fn the_pin_moves_with_what_decides_code_and_with_nothing_else() {
    let pin = |change: fn(&mut Config)| {
        let mut config = audited().expect("valid");
        change(&mut config);
        compatibility(&config)
    };
    let current = pin(|_| {});
    let matters: [Change<Config>; 8] = [
        ("no metering", |c| {
            c.consume_fuel(false);
        }),
        ("other costs", |c| {
            let mut table = cost::operator_table();
            table.I32Add += 1;
            c.operator_cost(table);
        }),
        ("optimisation", |c| {
            c.cranelift_opt_level(OptLevel::None);
        }),
        ("NaNs", |c| {
            c.cranelift_nan_canonicalization(true);
        }),
        ("inlining", |c| {
            c.compiler_inlining(Inlining::Yes);
        }),
        ("features", |c| {
            c.wasm_features(WasmFeatures::TAIL_CALL, true);
        }),
        ("memory images", |c| {
            c.memory_init_cow(true);
        }),
        ("guard", |c| {
            c.memory_guard_size(GUARD * 2);
        }),
    ];
    for (what, change) in matters {
        assert_ne!(pin(change), current, "{what}");
    }
    let does_not: [Change<Config>; 2] = [
        ("native stack of host functions", |c| {
            c.async_stack_size(GUEST_STACK + 2 * HOST_STACK);
        }),
        ("length of backtraces", |c| {
            c.wasm_backtrace_max_frames(None);
        }),
    ];
    for (what, change) in does_not {
        assert_eq!(pin(change), current, "{what}");
    }
}
