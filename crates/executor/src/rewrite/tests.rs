//! Held against modules that are not rewritten: what they compute, on every way through them.

use super::*;
use wasmtime::{Config, Engine, Instance, Module, Store, Val};

/// Functions that count how deep they are called, loops that are left in every way. `$main` takes a seed and gives a digest.
const WAYS: &str = r#"(module
  (memory 1)
  (global $g (mut i32) (i32.const 0))
  (table funcref (elem $first $second))
  (type $binary (func (param i32 i32) (result i32)))
  ;; The order of arguments, a return out of blocks, one that is not the last.
  (func $first (param $a i32) (param $b i32) (result i32)
    (block $out
      (br_if $out (i32.lt_u (local.get $a) (local.get $b)))
      (block (if (i32.and (local.get $a) (i32.const 1)) (then (return (i32.sub (local.get $a) (local.get $b)))))))
    (i32.xor (i32.shl (local.get $a) (i32.const 3)) (local.get $b)))
  ;; Its locals are zero at each call, whatever the last one left.
  (func $second (param $a i32) (param $b i32) (result i32) (local $c i32) (local $d i64)
    (local.set $c (i32.add (local.get $c) (local.get $a)))
    (local.set $d (i64.add (local.get $d) (i64.const 7)))
    (global.set $g (i32.add (global.get $g) (local.get $c)))
    (i32.add (local.get $b) (i32.wrap_i64 (local.get $d))))
  ;; Calls itself.
  (func $down (param $n i32) (result i32)
    (if (i32.eqz (local.get $n)) (then (return (i32.const 5))))
    (i32.add (local.get $n) (call $down (i32.sub (local.get $n) (i32.const 1)))))
  (func $ends (param $n i32) (if (i32.eqz (local.get $n)) (then (return))) (global.set $g (local.get $n)))
  (func $never (param $n i32) (result i32) (return (local.get $n)) (unreachable))
  (func $number (param $x f64) (result f64) (f64.div (local.get $x) (f64.const 0)))
  ;; Branches to the function's end by depth.
  (func $depth (param $n i32) (result i32)
    (block (br_if 1 (i32.const 3) (local.get $n)) (drop)) (i32.const 4))
  (func (export "main") (param $seed i32) (result i64)
    (local $i i32) (local $sum i64) (local $x i32)
    (local.set $x (local.get $seed))
    (block $done
      (loop $all
        (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1664525)) (i32.const 1013904223)))
        (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (i64.extend_i32_u
          (i32.add (call $first (local.get $x) (local.get $i))
            (call $second (call $first (local.get $i) (local.get $x)) (call $second (local.get $x) (i32.const 9)))))))
        (call $ends (i32.and (local.get $x) (i32.const 3)))
        (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (i32.add (global.get $g)
          (i32.add (call $down (i32.and (local.get $x) (i32.const 15))) (call $never (local.get $i)))))))
        (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (i32.add (call $depth (i32.and (local.get $x) (i32.const 1)))
          (call_indirect (type $binary) (local.get $i) (local.get $x) (i32.and (local.get $i) (i32.const 1)))))))
        (local.set $sum (i64.xor (local.get $sum) (i64.reinterpret_f64 (call $number (f64.convert_i32_s (i32.and (local.get $x) (i32.const 3)))))))
        (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (call $loops (local.get $x)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $done (i32.gt_u (local.get $i) (i32.const 50)))
        (br $all)))
    (local.get $sum))
  ;; Small loops: left by falling through, by branches to each block around, by return; continued from within blocks.
  (func $loops (param $x i32) (result i32) (local $n i32) (local $sum i32)
    (loop $a
      (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 3)) (local.get $n)))
      (br_if $a (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.and (local.get $x) (i32.const 63)))))
    (local.set $n (i32.const 0))
    (block $outer (block $inner
      (loop $b
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (block $skip
          (br_table $skip $b $skip $inner $b $outer $skip (i32.and (i32.shr_u (local.get $x) (local.get $n)) (i32.const 7))))
        (local.set $sum (i32.xor (local.get $sum) (local.get $n)))
        (if (i32.lt_u (local.get $n) (i32.const 29))
          (then (if (i32.and (local.get $n) (i32.const 1)) (then (br $b)) (else (local.set $sum (i32.add (local.get $sum) (i32.const 1))) (br $b))))
          (else (br $outer)))
        (unreachable))
      (local.set $sum (i32.const 77)))
      (local.set $sum (i32.add (local.get $sum) (i32.const 1000))))
    (loop $c
      (if (i32.gt_u (local.tee $n (i32.add (local.get $n) (i32.const 3))) (i32.and (local.get $x) (i32.const 255)))
        (then (return (i32.add (local.get $sum) (local.get $n)))))
      (br $c))
    (unreachable)))"#;

fn main(wasm: &[u8], seed: i32) -> i64 {
    let engine = Engine::new(&Config::new()).unwrap();
    let module = Module::new(&engine, wasm).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let function = instance.get_func(&mut store, "main").unwrap();
    let mut results = [Val::I64(0)];
    function
        .call(&mut store, &[Val::I32(seed)], &mut results)
        .unwrap();
    results[0].unwrap_i64()
}

/// Calls and loops of a module.
fn count(wasm: &[u8]) -> (usize, usize) {
    let (mut calls, mut turns) = (0, 0);
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CodeSectionEntry(body) = payload.unwrap() {
            for operator in body.get_operators_reader().unwrap() {
                use wasmtime::wasmparser::Operator as O;
                match operator.unwrap() {
                    O::Call { .. } => calls += 1,
                    O::I32GtU | O::I32LtU => turns += 1,
                    _ => {}
                }
            }
        }
    }
    (calls, turns)
}

#[test]
fn every_way_through_is_what_it_was() {
    let wasm = wat::parse_str(WAYS).unwrap();
    let inlined = inline::rewrite(&wasm).unwrap();
    let unrolled = unroll::rewrite(&wasm).unwrap();
    // GIVEN rewriting that did something
    assert!(count(&inlined).0 < count(&wasm).0, "{:?}", count(&inlined));
    assert!(
        count(&unrolled).1 > count(&wasm).1,
        "{:?}",
        count(&unrolled)
    );
    // THEN nobody can tell, NaNs included
    let canonical = |wasm: &[u8]| canonical::rewrite(wasm).unwrap();
    for seed in 0..40 {
        let expected = main(&canonical(&wasm), seed);
        for (name, rewritten) in [
            ("inlined", canonical(&inlined)),
            ("unrolled", canonical(&unrolled)),
            ("both", rewrite(&wasm).unwrap()),
        ] {
            assert_eq!(main(&rewritten, seed), expected, "{name}, seed {seed}");
        }
    }
}

/// Functions that call the one before them again and again would grow with every level, or by their own size each time.
#[test]
fn no_module_grows_beyond_its_budget() {
    use std::fmt::Write;
    let mut chain = String::from(
        "(module (func $f0 (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))",
    );
    for level in 1..300 {
        let calls = format!("(call $f{} ", level - 1).repeat(12);
        let end = ")".repeat(12);
        write!(
            chain,
            "(func $f{level} (param i32) (result i32) {calls}(local.get 0){end})"
        )
        .unwrap();
    }
    chain.push(')');
    // Loops that are worth repeating, and nothing else.
    let tight = "(loop (br_if 0 (i32.load (i32.const 0))))".repeat(2_000);
    let loops = format!("(module (memory 1) (func {tight}))");
    for text in [chain, loops] {
        let wasm = wat::parse_str(&text).unwrap();
        for rewritten in [
            inline::rewrite(&wasm).unwrap(),
            unroll::rewrite(&wasm).unwrap(),
        ] {
            let (before, after) = (code_size(&wasm).unwrap(), code_size(&rewritten).unwrap());
            assert!(
                after <= before * 3 / 2 + before / 10,
                "{before} became {after}"
            );
        }
        let all = rewrite(&wasm).unwrap();
        Module::new(&Engine::default(), all).unwrap();
    }
}

/// Calls fill a function up to what the engine takes; then what makes NaNs canonical has no room left.
#[test]
fn a_function_that_would_become_too_large_is_left_as_it_was() {
    let inner = "(local.set 0 (call $g (local.get 0)))".repeat(800_000);
    let float =
        "(f64.store (i32.const 0) (f64.add (f64.load (i32.const 0)) (f64.load (i32.const 8))))";
    let callee = "(local.set 0 (i32.add (local.get 0) (i32.const 1000)))".repeat(6);
    let text = format!(
        "(module (memory 1)
          (func $g (param i32) (result i32) {callee} (local.get 0))
          (func $big (param i32) {} {inner}))",
        float.repeat(45_000)
    );
    let wasm = wat::parse_str(&text).unwrap();
    let copied = unroll::rewrite(&inline::rewrite(&wasm).unwrap()).unwrap();
    let copied = crate::canonical::rewrite(&copied).unwrap();
    assert!(!has_room(&copied).unwrap());
    let all = rewrite(&wasm).unwrap();
    assert!(has_room(&all).unwrap());
    wasmtime::wasmparser::Validator::new()
        .validate_all(&all)
        .unwrap();
}

/// What has types that are not numbers, several results or many locals stays a call; so does what would be too many locals.
#[test]
fn what_cannot_be_copied_stays() {
    let many = "(local.set 0 (call $g (local.get 0)))".repeat(3);
    let text = format!(
        r#"(module
          (func $r (param funcref) (result funcref) (local.get 0))
          (func $two (result i32 i32) (i32.const 1) (i32.const 2))
          (func $g (param i32) (result i32) (local i64 i64 i64) (local.get 0))
          (func (export "main") (param i32) (result i64) (local {})
            (drop (call $r (ref.null func))) (call $two) (drop) (drop)
            {many}
            (i64.extend_i32_u (local.get 0))))"#,
        "i32 ".repeat(49_998)
    );
    let wasm = wat::parse_str(&text).unwrap();
    let inlined = inline::rewrite(&wasm).unwrap();
    assert_eq!(count(&inlined).0, 5);
    assert_eq!(main(&inlined, 3), 3);
}

/// The chain counts so much fuel for each of its steps.
#[test]
fn the_kernel_of_capacity_proofs_stays_as_it_is() {
    let operators = |wasm: &[u8]| -> Vec<String> {
        Parser::new(0)
            .parse_all(wasm)
            .filter_map(|payload| match payload.unwrap() {
                Payload::CodeSectionEntry(body) => Some(body.get_operators_reader().unwrap()),
                _ => None,
            })
            .flatten()
            .map(|operator| format!("{:?}", operator.unwrap()))
            .collect()
    };
    let rewritten = rewrite(crate::PROOF_KERNEL).unwrap();
    assert_eq!(operators(&rewritten), operators(crate::PROOF_KERNEL));
}
