;; The capacity kernel: seeded integer work with data-dependent memory access.
;; Standard input: the number of iterations (u64, little endian). Randomness: the seed.
;; Standard output: the digest (u64, little endian), which anybody can replay.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get"
    (func $random_get (param i32 i32) (result i32)))
  (memory (export "memory") 8)

  ;; Layout: 0 iovec, 16 seed, 24 iterations and digest, 32 count, 64 KiB.. table of 256 KiB.
  (func (export "_start")
    (local $x i64) (local $n i64) (local $i i32) (local $at i32) (local $sum i64)
    (drop (call $random_get (i32.const 16) (i32.const 8)))
    (i32.store (i32.const 0) (i32.const 24))
    (i32.store (i32.const 4) (i32.const 8))
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)))
    ;; xorshift needs a state other than zero.
    (local.set $x (i64.or (i64.load (i32.const 16)) (i64.const 1)))
    (local.set $n (i64.load (i32.const 24)))

    (loop $fill
      (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
      (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
      (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
      (i64.store offset=65536 (local.get $i) (local.get $x))
      (local.set $i (i32.add (local.get $i) (i32.const 8)))
      (br_if $fill (i32.lt_u (local.get $i) (i32.const 262144))))

    (block $done
      (loop $work
        (br_if $done (i64.eqz (local.get $n)))
        (local.set $n (i64.sub (local.get $n) (i64.const 1)))
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
        (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
        (local.set $at (i32.and (i32.wrap_i64 (local.get $x)) (i32.const 262136)))
        (local.set $sum
          (i64.add
            (i64.mul (local.get $sum) (i64.const 6364136223846793005))
            (i64.load offset=65536 (local.get $at))))
        (i64.store offset=65536 (local.get $at)
          (i64.rotl (local.get $sum) (i64.const 23)))
        (br $work)))

    (i64.store (i32.const 24) (local.get $sum))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))
