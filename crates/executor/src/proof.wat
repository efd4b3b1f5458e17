;; The kernel of capacity proofs: chained integer steps, in registers only.
;; Standard input: a state (eight u64, little endian), what the steps of a segment add (u64), and how many segments to
;; compute (u32), from 1 to 1,000. Standard output: the state after each segment of 16,384 steps.
;; What a step does is written down, and why, where the chain computes it again.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)

  ;; Layout: 0 iovec, 32 count, 64 state, 128 what is added, 136 how many, 1024.. what is written.
  (func (export "_start")
    (local $a i64) (local $b i64) (local $c i64) (local $d i64) (local $e i64) (local $f i64) (local $g i64) (local $h i64)
    (local $increment i64) (local $segments i32) (local $n i32) (local $at i32)
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 76))
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)))
    (local.set $increment (i64.load (i32.const 128)))
    (local.set $segments (i32.load (i32.const 136)))
    (if (i32.or (i32.ne (i32.load (i32.const 32)) (i32.const 76))
                (i32.gt_u (i32.sub (local.get $segments) (i32.const 1)) (i32.const 999)))
      (then (call $exit (i32.const 1))))
    (local.set $a (i64.load offset=0 (i32.const 64)))
    (local.set $b (i64.load offset=8 (i32.const 64)))
    (local.set $c (i64.load offset=16 (i32.const 64)))
    (local.set $d (i64.load offset=24 (i32.const 64)))
    (local.set $e (i64.load offset=32 (i32.const 64)))
    (local.set $f (i64.load offset=40 (i32.const 64)))
    (local.set $g (i64.load offset=48 (i32.const 64)))
    (local.set $h (i64.load offset=56 (i32.const 64)))
    (local.set $at (i32.const 1024))
    (loop $segment
      (local.set $n (i32.const 16384))
      (loop $step
        (local.set $a (i64.add (local.get $increment) (i64.mul (i64.const 0xd1342543de82ef95)
          (i64.xor (local.get $a) (i64.rotl (local.get $b) (i64.const 23))))))
        (local.set $c (i64.add (local.get $increment) (i64.mul (i64.const 0xd1342543de82ef95)
          (i64.xor (local.get $c) (i64.rotl (local.get $d) (i64.const 23))))))
        (local.set $e (i64.add (local.get $increment) (i64.mul (i64.const 0xd1342543de82ef95)
          (i64.xor (local.get $e) (i64.rotl (local.get $f) (i64.const 23))))))
        (local.set $g (i64.add (local.get $increment) (i64.mul (i64.const 0xd1342543de82ef95)
          (i64.xor (local.get $g) (i64.rotl (local.get $h) (i64.const 23))))))
        (local.set $b (i64.add (local.get $increment) (i64.mul (i64.const 0xd1342543de82ef95)
          (i64.xor (local.get $b) (i64.rotl (local.get $c) (i64.const 41))))))
        (local.set $d (i64.add (local.get $increment) (i64.mul (i64.const 0xd1342543de82ef95)
          (i64.xor (local.get $d) (i64.rotl (local.get $e) (i64.const 41))))))
        (local.set $f (i64.add (local.get $increment) (i64.mul (i64.const 0xd1342543de82ef95)
          (i64.xor (local.get $f) (i64.rotl (local.get $g) (i64.const 41))))))
        (local.set $h (i64.add (local.get $increment) (i64.mul (i64.const 0xd1342543de82ef95)
          (i64.xor (local.get $h) (i64.rotl (local.get $a) (i64.const 41))))))
        (br_if $step (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (i64.store offset=0 (local.get $at) (local.get $a))
      (i64.store offset=8 (local.get $at) (local.get $b))
      (i64.store offset=16 (local.get $at) (local.get $c))
      (i64.store offset=24 (local.get $at) (local.get $d))
      (i64.store offset=32 (local.get $at) (local.get $e))
      (i64.store offset=40 (local.get $at) (local.get $f))
      (i64.store offset=48 (local.get $at) (local.get $g))
      (i64.store offset=56 (local.get $at) (local.get $h))
      (local.set $at (i32.add (local.get $at) (i32.const 64)))
      (local.set $increment (i64.add (local.get $increment) (i64.const 0xbf58476d1ce4e5b9)))
      (br_if $segment
        (local.tee $segments (i32.sub (local.get $segments) (i32.const 1)))))

    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.sub (local.get $at) (i32.const 1024)))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))
