//! Limits are exact at their boundaries, and the metering is what it is documented to be.

mod common;

use common::{HELLO, run, wat};
use proptest::prelude::*;
use sungrid_executor::{Exit, Limits, MAX_FUEL, Task, cost};

fn with_fuel(text: &str, fuel: u64) -> sungrid_executor::Outcome {
    run(
        text,
        &Task::default(),
        &Limits {
            fuel,
            ..Limits::default()
        },
    )
}

/// A guest succeeds with the fuel it needs and fails with one unit less, wherever its last
/// instructions are.
fn exact(text: &str) {
    let free = with_fuel(text, u64::MAX);
    assert!(free.exit.is_success(), "{free:?}");
    assert_eq!(with_fuel(text, free.fuel), free);
    let short = with_fuel(text, free.fuel - 1);
    assert_eq!((short.exit, short.fuel), (Exit::OutOfFuel, free.fuel - 1));
}

#[test]
fn fuel_limit_is_exact() {
    exact(HELLO);
    exact(r#"(module (func (export "_start")))"#);
    // Straight-line code after the last check.
    exact(
        r#"(module (func (export "_start") (drop (i32.mul (i32.add (i32.const 1) (i32.const 2)) (i32.const 3)))))"#,
    );
    // Loops that are repeated and functions that are copied: left in the middle of either.
    exact(
        r#"(module (func $f (param i32) (result i32) (if (local.get 0) (then (return (i32.const 7)))) (i32.const 9))
            (func (export "_start") (local i32)
              (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 37))))
              (loop (drop (call $f (i32.and (local.get 0) (i32.const 1))))
                (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 80))))))"#,
    );
    // Growth: part of the price is charged by the limiter.
    exact(r#"(module (memory 3) (func (export "_start") (drop (memory.grow (i32.const 5)))))"#);
    // A start function, data and elements.
    exact(
        r#"(module (memory 1) (data (i32.const 0) "some data") (table 2 funcref) (elem (i32.const 0) $s)
            (func $s (drop (i32.const 1))) (start $s) (func (export "_start")))"#,
    );
}

#[test]
fn no_fuel_is_out_of_fuel() {
    for fuel in [0, 1, cost::START_BASE] {
        let outcome = with_fuel(HELLO, fuel);
        assert_eq!((outcome.exit, outcome.fuel), (Exit::OutOfFuel, fuel));
        assert!(outcome.stdout.is_empty());
    }
}

#[test]
fn out_of_fuel_in_a_host_call_has_no_effect() {
    let needed = with_fuel(HELLO, u64::MAX).fuel;
    // One unit less than the write costs: nothing is written.
    let mut fuel = needed;
    let before = loop {
        fuel -= 1;
        let outcome = with_fuel(HELLO, fuel);
        assert_eq!(outcome.exit, Exit::OutOfFuel);
        if outcome.stdout.is_empty() {
            break fuel;
        }
    };
    assert!(
        needed - before <= 8,
        "the write is almost the last thing it does"
    );
}

#[test]
fn memory_costs_what_the_table_says() {
    let grow = |pages: u32| {
        with_fuel(
            &format!(r#"(module (memory 0) (func (export "_start") (drop (memory.grow (i32.const {pages})))))"#),
            u64::MAX,
        )
        .fuel
    };
    assert_eq!(grow(11) - grow(1), 10 * cost::MEMORY_PER_PAGE);
    let declare = |pages: u32| {
        with_fuel(
            &format!(r#"(module (memory {pages}) (func (export "_start")))"#),
            u64::MAX,
        )
        .fuel
    };
    assert_eq!(declare(12) - declare(2), 10 * cost::MEMORY_PER_PAGE);
}

#[test]
fn bulk_work_is_charged_by_size() {
    let fill = |n: u32| {
        with_fuel(
            &format!(r#"(module (memory 2) (func (export "_start") (memory.fill (i32.const 0) (i32.const 1) (i32.const {n}))))"#),
            u64::MAX,
        )
        .fuel
    };
    // The size is an immediate that may take a byte more of module.
    assert!((fill(101_000) - fill(1_000)).abs_diff(100_000) <= 2);
}

#[test]
fn memory_limit_is_exact() {
    let module = r#"(module (memory 4) (func (export "_start")))"#;
    let at = |memory_bytes| {
        run(
            module,
            &Task::default(),
            &Limits {
                memory_bytes,
                ..Limits::default()
            },
        )
    };
    assert_eq!(at(4 * 65_536).exit, Exit::Code(0));
    assert_eq!(at(4 * 65_536 - 1).exit, Exit::MemoryLimit);
    assert_eq!(at(0).exit, Exit::MemoryLimit);
}

#[test]
fn output_limit_is_exact() {
    let at = |output_bytes| {
        run(
            HELLO,
            &Task::default(),
            &Limits {
                output_bytes,
                ..Limits::default()
            },
        )
    };
    assert_eq!(
        (at(6).exit, at(6).stdout),
        (Exit::Code(0), b"hello\n".to_vec())
    );
    assert_eq!((at(5).exit, at(5).stdout), (Exit::OutputLimit, Vec::new()));
    assert_eq!(at(0).exit, Exit::OutputLimit);
}

#[test]
fn extreme_limits_do_not_overflow() {
    let all = Limits {
        fuel: u64::MAX,
        memory_bytes: u64::MAX,
        table_elements: u64::MAX,
        output_bytes: u64::MAX,
        output_files: u32::MAX,
        wall_clock: Some(std::time::Duration::MAX),
    };
    assert_eq!(run(HELLO, &Task::default(), &all).exit, Exit::Code(0));
    let endless = r#"(module (func (export "_start") (memory.fill (i32.const 0) (i32.const 0) (i32.const -1))) (memory 1))"#;
    assert_eq!(
        run(
            endless,
            &Task::default(),
            &Limits {
                fuel: MAX_FUEL,
                ..all
            }
        )
        .exit
        .code(),
        0x1_0002
    );
}

#[test]
fn exit_codes_round_trip() {
    for code in 0..=0x3_0000 {
        if let Some(exit) = Exit::from_code(code) {
            assert_eq!(exit.code(), code);
            assert!(!exit.to_string().is_empty());
        }
    }
    assert_eq!(Exit::from_code(256), None);
    assert_eq!(Exit::from_code(0x1_0000), None);
    assert_eq!(Exit::from_code(0x1_000a), None);
    assert_eq!(Exit::from_code(u32::MAX), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Less fuel never changes what was done before it ran out, and never costs more.
    #[test]
    fn any_fuel_limit_is_respected(fuel in 0u64..3_000_000) {
        let module = wat(r#"(module
            (memory (export "memory") 1)
            (func $work (param $n i32) (result i32)
              (if (result i32) (i32.lt_u (local.get $n) (i32.const 2))
                (then (local.get $n))
                (else (i32.add
                  (call $work (i32.sub (local.get $n) (i32.const 1)))
                  (call $work (i32.sub (local.get $n) (i32.const 2)))))))
            (func (export "_start") (drop (call $work (i32.const 22)))))"#);
        let outcome = common::engine()
            .run(&module, &Task::default(), &Limits { fuel, ..Limits::default() })
            .unwrap();
        prop_assert!(outcome.fuel <= fuel);
        prop_assert_eq!(outcome.exit == Exit::OutOfFuel, outcome.fuel == fuel);
    }
}
