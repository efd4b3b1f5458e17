//! Held against Cranelift's own canonicalisation of every result, and counted by hand.

use super::*;
use proptest::prelude::*;
use proptest::test_runner::{Config as Runs, RngAlgorithm, TestRng, TestRunner};
use std::fmt::Write;
use wasmtime::wasmparser::{Parser, Payload};
use wasmtime::{Config, Engine, Instance, Module, Store, Val};

/// How many results of the only function of a module get canonicalised.
fn points(body: &str) -> usize {
    let text = format!(
        r#"(module (memory 1) (global $g (mut f64) (f64.const 0))
            (func $callee (param f64) (result f64) (local.get 0))
            (func (param $x f64) (param $y f64) (param $a f32) (param $v v128) (param $w v128) (param $i i32)
              (local $p f64) (local $q f64) (local $s f32) (local $u v128)
              {body}))"#
    );
    let wasm = wat::parse_str(&text).unwrap();
    let canonical = rewrite(&wasm).unwrap();
    for wasm in [&wasm, &canonical] {
        Module::validate(&engine(false), wasm).unwrap();
    }
    // Each adds one `local.tee` of a local behind the ten that there are.
    let tees = |wasm: &[u8]| {
        let mut count = 0;
        for payload in Parser::new(0).parse_all(wasm) {
            if let Payload::CodeSectionEntry(body) = payload.unwrap() {
                for operator in body.get_operators_reader().unwrap() {
                    use wasmtime::wasmparser::Operator::LocalTee;
                    count += usize::from(
                        matches!(operator.unwrap(), LocalTee { local_index } if local_index >= 10),
                    );
                }
            }
        }
        count
    };
    tees(&canonical)
}

fn engine(canonical: bool) -> Engine {
    let mut config = Config::new();
    config.cranelift_nan_canonicalization(canonical);
    Engine::new(&config).unwrap()
}

#[test]
fn what_only_arithmetic_sees_is_left_alone() {
    for (body, expected) in [
        // Seen.
        ("(f64.store (i32.const 0) (f64.add (local.get $x) (local.get $y)))", 1),
        ("(global.set $g (f64.sqrt (local.get $x)))", 1),
        ("(drop (call $callee (f64.mul (local.get $x) (local.get $y))))", 1),
        ("(drop (i64.reinterpret_f64 (f64.neg (f64.ceil (local.get $x)))))", 1),
        ("(drop (f64.copysign (local.get $x) (f64.floor (local.get $y))))", 1),
        ("(f32.store (i32.const 0) (f32.demote_f64 (f64.div (local.get $x) (local.get $y))))", 1),
        // Seen through a chain: only its end.
        (
            "(f64.store (i32.const 0) (f64.add (f64.mul (local.get $x) (local.get $y)) (f64.sqrt (local.get $y))))",
            1,
        ),
        // Not seen.
        ("(drop (f64.add (local.get $x) (local.get $y)))", 0),
        ("(drop (f64.lt (f64.add (local.get $x) (local.get $y)) (f64.const 0)))", 0),
        ("(drop (i32.trunc_sat_f64_s (f64.mul (local.get $x) (local.get $y))))", 0),
        // The number of `copysign` passes through, to where nobody looks.
        (
            "(drop (f64.lt (f64.copysign (f64.add (local.get $x) (local.get $y)) (local.get $y)) (f64.const 0)))",
            0,
        ),
        // Bits that were there before are not touched.
        ("(f64.store (i32.const 0) (f64.neg (f64.load (i32.const 8))))", 0),
        ("(f64.store (i32.const 0) (f64.convert_i32_s (local.get $i)))", 0),
        // Through locals: the same one twice, seen once.
        (
            "(local.set $p (f64.add (local.get $x) (local.get $y)))
             (drop (f64.lt (local.get $p) (f64.const 1)))
             (local.set $p (f64.mul (local.get $x) (local.get $y)))
             (f64.store (i32.const 0) (local.get $p))",
            1,
        ),
        // A loop sums up; the sum is seen once it is done.
        (
            "(loop $l
               (local.set $p (f64.add (local.get $p) (f64.mul (local.get $x) (local.get $y))))
               (br_if $l (f64.lt (local.get $p) (f64.const 100))))
             (f64.store (i32.const 0) (local.get $p))",
            1,
        ),
        // A local of an earlier turn of a loop is seen.
        (
            "(loop $l
               (f64.store (i32.const 0) (local.get $p))
               (local.set $p (f64.add (local.get $x) (local.get $y)))
               (br_if $l (local.get $i)))",
            1,
        ),
        (
            "(local.set $p (f64.const 1))
             (loop $l
               (f64.store (i32.const 0) (local.get $p))
               (local.set $p (f64.add (local.get $x) (local.get $y)))
               (br_if $l (local.get $i)))",
            1,
        ),
        // Set in one branch, seen behind both.
        (
            "(if (local.get $i)
               (then (local.set $p (f64.add (local.get $x) (local.get $y))))
               (else (local.set $p (f64.mul (local.get $x) (local.get $y)))))
             (f64.store (i32.const 0) (local.get $p))",
            2,
        ),
        // The results of blocks, by falling through and by branching.
        (
            "(f64.store (i32.const 0) (block $b (result f64)
               (drop (br_if $b (f64.add (local.get $x) (local.get $y)) (local.get $i)))
               (f64.sqrt (local.get $x))))",
            2,
        ),
        (
            "(drop (f64.lt (f64.const 0) (block $b (result f64)
               (drop (br_if $b (f64.add (local.get $x) (local.get $y)) (local.get $i)))
               (f64.sqrt (local.get $x)))))",
            0,
        ),
        (
            "(f64.store (i32.const 0) (select (f64.sqrt (local.get $x)) (f64.ceil (local.get $y)) (local.get $i)))",
            2,
        ),
        // Parameters of blocks are taken as seen.
        (
            "(f64.add (local.get $x) (local.get $y)) (block (param f64) (drop))",
            1,
        ),
        // Behind a branch nothing runs.
        ("(return) (f64.store (i32.const 0) (f64.sqrt (local.get $x)))", 0),
        // Lanes.
        (
            "(v128.store (i32.const 0) (f64x2.add (f64x2.mul (local.get $v) (local.get $w)) (local.get $w)))",
            1,
        ),
        ("(drop (f64x2.add (f32x4.add (local.get $v) (local.get $w)) (local.get $w)))", 1),
        ("(drop (i32x4.add (f32x4.add (local.get $v) (local.get $w)) (local.get $w)))", 1),
        (
            "(drop (f32x4.eq (local.get $v) (v128.bitselect
               (f32x4.add (local.get $v) (local.get $w)) (f32x4.sqrt (local.get $v))
               (f32x4.lt (local.get $v) (local.get $w)))))",
            0,
        ),
        (
            "(drop (f64x2.eq (local.get $v) (v128.bitselect
               (f64x2.add (local.get $v) (local.get $w)) (f64x2.sqrt (local.get $v))
               (f32x4.lt (local.get $v) (local.get $w)))))",
            2,
        ),
        (
            "(drop (f64x2.eq (local.get $v) (v128.and
               (f64x2.add (local.get $v) (local.get $w)) (f64x2.lt (local.get $v) (local.get $w)))))",
            0,
        ),
        (
            "(drop (v128.and (f64x2.add (local.get $v) (local.get $w)) (local.get $w)))",
            1,
        ),
        (
            "(drop (f64x2.eq (local.get $v) (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7
               (f64x2.add (local.get $v) (local.get $w)) (local.get $w))))",
            0,
        ),
        (
            "(drop (f64x2.eq (local.get $v) (i8x16.shuffle 4 5 6 7 0 1 2 3 8 9 10 11 12 13 14 15
               (f64x2.add (local.get $v) (local.get $w)) (local.get $w))))",
            1,
        ),
    ] {
        assert_eq!(points(body), expected, "{body}");
    }
}

#[test]
fn sections_that_point_into_code_are_dropped_and_the_rest_is_kept() {
    let wasm = wat::parse_str(
        r#"(module $named (@custom "metadata.code.branch_hint" "\00")
            (import "a" "b" (func (param f32))) (table 2 funcref) (elem (i32.const 0) $f)
            (memory 1) (data (i32.const 0) "data") (start $f)
            (func $f (f64.store (i32.const 0) (f64.sqrt (f64.load (i32.const 0))))))"#,
    )
    .unwrap();
    let sections = |wasm: &[u8]| -> Vec<(u8, Option<String>)> {
        Parser::new(0)
            .parse_all(wasm)
            .filter_map(|payload| match payload.unwrap() {
                Payload::CustomSection(custom) => Some((0, Some(custom.name().to_owned()))),
                other => other.as_section().map(|(id, _)| (id, None)),
            })
            .collect()
    };
    let before = sections(&wasm);
    let after = sections(&rewrite(&wasm).unwrap());
    let kept: Vec<_> = before
        .iter()
        .filter(|(_, name)| name.as_deref() != Some("metadata.code.branch_hint"))
        .cloned()
        .collect();
    assert_eq!(after, kept);
    assert_eq!(after.len() + 1, before.len());
}

#[test]
fn what_is_no_module_is_an_error() {
    assert!(rewrite(b"\0asm\x01\0\0\0\x0a\x05\x01\x03").is_err());
}

/// Writes functions that are full of NaNs and of ways to pass them on.
struct Writer {
    rng: TestRng,
    out: String,
    labels: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Ty {
    I32,
    F32,
    F64,
    V128,
}

use Ty::{F32, F64, I32, V128};

impl Writer {
    fn below(&mut self, n: u32) -> u32 {
        self.rng.next_u32() % n
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        let place = self.below(of.len() as u32);
        of[place as usize]
    }

    fn put(&mut self, text: impl AsRef<str>) {
        self.out.push_str(text.as_ref());
        self.out.push(' ');
    }

    fn local(&mut self, ty: Ty) -> String {
        let name = match ty {
            I32 => "i",
            F32 => "s",
            F64 => "d",
            V128 => "v",
        };
        format!("${name}{}", self.below(3))
    }

    fn name(ty: Ty) -> &'static str {
        match ty {
            I32 => "i32",
            F32 => "f32",
            F64 => "f64",
            V128 => "v128",
        }
    }

    fn address(&mut self) -> u32 {
        self.below(64) * 4
    }

    fn call(&mut self, operator: &str, operands: &[Ty], depth: u32) {
        self.put(format!("({operator}"));
        operands.iter().for_each(|ty| self.expression(*ty, depth));
        self.put(")");
    }

    fn expression(&mut self, ty: Ty, depth: u32) {
        let Some(depth) = depth.checked_sub(1) else {
            let local = self.local(ty);
            return self.put(format!("(local.get {local})"));
        };
        let name = Self::name(ty);
        // What every type has.
        match self.below(8) {
            0 => {
                let local = self.local(ty);
                return self.call(&format!("local.tee {local}"), &[ty], depth);
            }
            1 => return self.call(&format!("select (result {name})"), &[ty, ty, I32], depth),
            2 => {
                let address = self.address();
                return self.put(format!("({name}.load (i32.const {address}))"));
            }
            3 => {
                let label = self.labels;
                self.labels += 1;
                self.put(format!("(block $l{label} (result {name}) (drop"));
                self.call(&format!("br_if $l{label}"), &[ty, I32], depth);
                self.put(")");
                self.expression(ty, depth);
                return self.put(")");
            }
            4 => {
                self.put(format!("(if (result {name})"));
                self.expression(I32, depth);
                for arm in ["then", "else"] {
                    self.put(format!("({arm}"));
                    self.statement(depth);
                    self.expression(ty, depth);
                    self.put(")");
                }
                return self.put(")");
            }
            5 if ty == F64 => return self.call("call $callee", &[F64], depth),
            _ => {}
        }
        match ty {
            I32 => match self.below(5) {
                0 => self.call("i32.reinterpret_f32", &[F32], depth),
                1 => {
                    let op = self.one(&["f32.lt", "f32.eq"]);
                    self.call(op, &[F32, F32], depth);
                }
                2 => self.call("f64.gt", &[F64, F64], depth),
                3 => self.call("i32.trunc_sat_f64_s", &[F64], depth),
                _ => self.call("i32x4.extract_lane 1", &[V128], depth),
            },
            F32 | F64 => match self.below(6) {
                0 => {
                    let op = self.one(&["sqrt", "ceil", "floor", "trunc", "nearest", "neg", "abs"]);
                    self.call(&format!("{name}.{op}"), &[ty], depth);
                }
                1 if ty == F32 => self.call("f32.demote_f64", &[F64], depth),
                1 => self.call("f64.promote_f32", &[F32], depth),
                2 if ty == F32 => self.call("f32x4.extract_lane 2", &[V128], depth),
                2 => self.call("f64x2.extract_lane 1", &[V128], depth),
                3 if ty == F32 => self.call("f32.reinterpret_i32", &[I32], depth),
                _ => {
                    let op = self.one(&["add", "sub", "mul", "div", "min", "max", "copysign"]);
                    self.call(&format!("{name}.{op}"), &[ty, ty], depth);
                }
            },
            V128 => {
                let shape = self.one(&["f32x4", "f64x2"]);
                let scalar = if shape == "f32x4" { F32 } else { F64 };
                match self.below(9) {
                    0 => {
                        let op = self.one(&["sqrt", "ceil", "neg", "abs"]);
                        self.call(&format!("{shape}.{op}"), &[V128], depth);
                    }
                    1 => self.call(&format!("{shape}.splat"), &[scalar], depth),
                    2 => self.call(&format!("{shape}.replace_lane 1"), &[V128, scalar], depth),
                    3 => {
                        let op = self.one(&["f32x4.demote_f64x2_zero", "f64x2.promote_low_f32x4"]);
                        self.call(op, &[V128], depth);
                    }
                    4 => {
                        self.put("(v128.bitselect");
                        self.expression(V128, depth);
                        self.expression(V128, depth);
                        self.call(&format!("{shape}.lt"), &[V128, V128], depth);
                        self.put(")");
                    }
                    5 => {
                        self.put("(v128.and");
                        self.expression(V128, depth);
                        self.call(&format!("{shape}.ge"), &[V128, V128], depth);
                        self.put(")");
                    }
                    6 => {
                        let lanes = self.one(&[
                            "8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23",
                            "4 5 6 7 0 1 2 3 28 29 30 31 8 9 10 11",
                            "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
                        ]);
                        self.call(&format!("i8x16.shuffle {lanes}"), &[V128, V128], depth);
                    }
                    7 => {
                        let op = self.one(&["v128.xor", "i64x2.add", "v128.bitselect"]);
                        let operands = [V128; 3];
                        let count = if op == "v128.bitselect" { 3 } else { 2 };
                        self.call(op, &operands[..count], depth);
                    }
                    _ => {
                        let op =
                            self.one(&["add", "sub", "mul", "div", "min", "max", "pmin", "pmax"]);
                        self.call(&format!("{shape}.{op}"), &[V128, V128], depth);
                    }
                }
            }
        }
    }

    fn statement(&mut self, depth: u32) {
        let ty = self.one(&[F32, F64, V128]);
        match (self.below(7), depth.checked_sub(1)) {
            (0, _) => {
                let address = self.address();
                self.put(format!("({}.store (i32.const {address})", Self::name(ty)));
                self.expression(ty, depth);
                self.put(")");
            }
            (1, Some(depth)) => {
                self.put("(if");
                self.expression(I32, depth);
                self.put("(then");
                self.statements(depth);
                self.put(") (else");
                self.statements(depth);
                self.put("))");
            }
            // At most so many turns of all loops together.
            (2, Some(depth)) => {
                let label = self.labels;
                self.labels += 1;
                self.put(format!("(loop $l{label}"));
                self.statements(depth);
                self.put(format!(
                    "(br_if $l{label} (i32.lt_u (local.tee $turns (i32.add (local.get $turns) (i32.const 1))) (i32.const 40))))"
                ));
            }
            (3, Some(depth)) => {
                let label = self.labels;
                self.labels += 1;
                self.put(format!("(block $l{label}"));
                self.statement(depth);
                self.call(&format!("br_if $l{label}"), &[I32], depth);
                self.statements(depth);
                self.put(")");
            }
            (4, Some(depth)) => {
                let (outer, inner) = (self.labels, self.labels + 1);
                self.labels += 2;
                self.put(format!("(block $l{outer} (block $l{inner}"));
                self.call(
                    &format!("br_table $l{outer} $l{inner} $l{outer}"),
                    &[I32],
                    depth,
                );
                self.put(")");
                self.statements(depth);
                self.put(")");
            }
            _ => {
                let local = self.local(ty);
                self.call(&format!("local.set {local}"), &[ty], depth);
            }
        }
    }

    fn statements(&mut self, depth: u32) {
        for _ in 0..=self.below(3) {
            self.statement(depth);
        }
    }

    fn module(rng: TestRng) -> String {
        let mut writer = Self {
            rng,
            out: String::new(),
            labels: 0,
        };
        for _ in 0..6 {
            writer.statement(4);
        }
        let mut text = String::from(
            r#"(module (memory (export "memory") 1)
              (func $callee (param f64) (result f64) (f64.sub (local.get 0) (f64.const inf)))
              (func (export "f") (param $s0 f32) (param $d0 f64) (param $v0 v128)
                (local $i0 i32) (local $i1 i32) (local $i2 i32) (local $s1 f32) (local $s2 f32)
                (local $d1 f64) (local $d2 f64) (local $v1 v128) (local $v2 v128) (local $turns i32)
                (local.set $d1 (f64.const -inf)) (local.set $s1 (f32.const inf))
                (local.set $v1 (v128.const f64x2 -nan:0x8000000000123 -1)) "#,
        );
        text.push_str(&writer.out);
        // Some of the locals are seen in the end.
        for (place, ty) in [F32, F64, V128].into_iter().enumerate() {
            let local = writer.local(ty);
            let name = Writer::name(ty);
            write!(
                text,
                "({name}.store (i32.const {}) (local.get {local}))",
                512 + 16 * place
            )
            .unwrap();
        }
        text.push_str("))");
        text
    }
}

/// What the memory holds after a run.
fn memory(engine: &Engine, wasm: &[u8]) -> Vec<u8> {
    let module = Module::new(engine, wasm).unwrap();
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let arguments = [
        Val::F32(0xffa0_0001),
        Val::F64(0xfff4_0000_0000_0123),
        Val::V128(wasmtime::V128::from(
            0x7fa0_0001_ff80_0000_fff0_0000_0000_0001,
        )),
    ];
    let f = instance.get_func(&mut store, "f").unwrap();
    f.call(&mut store, &arguments, &mut []).unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    memory.data(&store).to_vec()
}

#[test]
fn memory_is_the_same_as_with_every_result_canonical() {
    let (every, none) = (engine(true), engine(false));
    let mut differ_untreated = 0;
    let mut runner = TestRunner::new_with_rng(
        Runs {
            cases: 400,
            ..Runs::default()
        },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    for case in 0..400 {
        let text = Writer::module(runner.new_rng());
        let wasm = wat::parse_str(&text).unwrap();
        let expected = memory(&every, &wasm);
        let got = memory(&none, &rewrite(&wasm).unwrap());
        assert!(got == expected, "case {case}:\n{text}");
        differ_untreated += u32::from(memory(&none, &wasm) != expected);
    }
    // Else the functions would show nothing.
    assert!(differ_untreated > 100, "{differ_untreated}");
}
