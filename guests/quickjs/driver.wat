;; Makes a command of the QuickJS library that npm carries (quickjs-wasi): gives it the functions that it imports, and `_start`.
;; `build` merges both into one module. All that can be said in JavaScript is in prelude.js; this is the way out.
;;
;; Values of the engine are handles, pointers that `qjs_free_value` releases. Handles of a script's calls live until the next
;; collection at most; those of this driver live as long as the program, which is one unit.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_get" (func $fd_filestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))

  (import "quickjs" "memory" (memory 1))
  (import "quickjs" "_initialize" (func $initialize))
  (import "quickjs" "qjs_init" (func $init (result i32)))
  (import "quickjs" "qjs_set_module_loader" (func $set_module_loader (param i32)))
  (import "quickjs" "qjs_set_promise_rejection_handler" (func $set_rejection_handler (param i32)))
  (import "quickjs" "qjs_eval" (func $eval (param i32 i32 i32 i32) (result i32)))
  (import "quickjs" "qjs_call" (func $call (param i32 i32 i32 i32) (result i32)))
  (import "quickjs" "qjs_new_host_function" (func $new_host_function (param i32 i32 i32) (result i32)))
  (import "quickjs" "qjs_get_global" (func $get_global (result i32)))
  (import "quickjs" "qjs_get_undefined" (func $get_undefined (result i32)))
  (import "quickjs" "qjs_set_prop_string" (func $set_prop_string (param i32 i32 i32) (result i32)))
  (import "quickjs" "qjs_set_prop_uint32" (func $set_prop_uint32 (param i32 i32 i32) (result i32)))
  (import "quickjs" "qjs_new_array" (func $new_array (result i32)))
  (import "quickjs" "qjs_new_string" (func $new_string (param i32 i32) (result i32)))
  (import "quickjs" "qjs_new_number" (func $new_number (param f64) (result i32)))
  (import "quickjs" "qjs_new_uint8_array" (func $new_uint8_array (param i32 i32) (result i32)))
  (import "quickjs" "qjs_get_float64" (func $get_float64 (param i32) (result f64)))
  (import "quickjs" "qjs_is_string" (func $is_string (param i32) (result i32)))
  (import "quickjs" "qjs_is_exception" (func $is_exception (param i32) (result i32)))
  (import "quickjs" "qjs_get_string_len" (func $get_string_len (param i32 i32) (result i32)))
  (import "quickjs" "qjs_free_cstring" (func $free_cstring (param i32)))
  (import "quickjs" "qjs_get_array_buffer" (func $get_array_buffer (param i32 i32) (result i32)))
  (import "quickjs" "qjs_dup_value" (func $dup_value (param i32) (result i32)))
  (import "quickjs" "qjs_free_value" (func $free_value (param i32)))
  (import "quickjs" "qjs_get_exception" (func $get_exception (result i32)))
  (import "quickjs" "qjs_is_job_pending" (func $is_job_pending (result i32)))
  (import "quickjs" "qjs_execute_pending_job" (func $execute_pending_job (result i32)))
  (import "quickjs" "wasm_malloc" (func $malloc (param i32) (result i32)))
  (import "quickjs" "wasm_free" (func $free (param i32)))
  (import "quickjs" "strlen" (func $strlen (param i32) (result i32)))

  (data $prelude "@PRELUDE@")
  (data $names "prelude\00__host\00")

  ;; 64 bytes for what WASI functions and the engine return through memory. Nothing stays there over a call of the engine.
  (global $scratch (mut i32) (i32.const 0))
  ;; Functions of the prelude, once it has handed them over: module normalizer, module loader, what to do with an error.
  (global $normalize (mut i32) (i32.const 0))
  (global $load (mut i32) (i32.const 0))
  (global $report (mut i32) (i32.const 0))
  ;; Rejected promises that nobody handles so far, and the reason of the latest one.
  (global $rejections (mut i32) (i32.const 0))
  (global $reason (mut i32) (i32.const 0))

  ;; Memory, or the end of the program.
  (func $allocate (param $size i32) (result i32) (local $at i32)
    (local.set $at (call $malloc (local.get $size)))
    (if (i32.eqz (local.get $at)) (then (unreachable)))
    (local.get $at))

  ;; Writes all of it.
  (func $write (param $fd i32) (param $at i32) (param $len i32) (result i32) (local $errno i32) (local $moved i32)
    (block $done
      (loop $more
        (br_if $done (i32.eqz (local.get $len)))
        (i32.store (global.get $scratch) (local.get $at))
        (i32.store offset=4 (global.get $scratch) (local.get $len))
        (local.set $errno
          (call $fd_write (local.get $fd) (global.get $scratch) (i32.const 1) (i32.add (global.get $scratch) (i32.const 8))))
        (br_if $done (local.get $errno))
        (local.set $moved (i32.load offset=8 (global.get $scratch)))
        ;; 29: input/output error.
        (if (i32.eqz (local.get $moved)) (then (local.set $errno (i32.const 29)) (br $done)))
        (local.set $at (i32.add (local.get $at) (local.get $moved)))
        (local.set $len (i32.sub (local.get $len) (local.get $moved)))
        (br $more)))
    (local.get $errno))

  (func $number (param $value i32) (result i32)
    (call $new_number (f64.convert_i32_u (local.get $value))))

  (func $integer (param $value i32) (result i32)
    (i32.trunc_sat_f64_u (call $get_float64 (local.get $value))))

  ;; Opens a path below a preopened folder: the errno, and the descriptor in $scratch.
  (func $open (param $dir i32) (param $path i32) (param $flags i32) (param $rights i64) (result i32)
    (local $text i32) (local $len i32) (local $errno i32)
    (local.set $text (call $get_string_len (local.get $path) (global.get $scratch)))
    (local.set $len (i32.load (global.get $scratch)))
    (local.set $errno
      (call $path_open (local.get $dir) (i32.const 0) (local.get $text) (local.get $len) (local.get $flags)
        (local.get $rights) (i64.const 0) (i32.const 0) (global.get $scratch)))
    (call $free_cstring (local.get $text))
    (local.get $errno))

  ;; The bytes of a file as an Uint8Array, or an errno.
  (func $read_file (param $dir i32) (param $path i32) (result i32)
    (local $fd i32) (local $errno i32) (local $size i32) (local $at i32) (local $have i32) (local $result i32)
    ;; Rights: read, seek, stat.
    (local.set $errno (call $open (local.get $dir) (local.get $path) (i32.const 0) (i64.const 0x200006)))
    (if (local.get $errno) (then (return (call $number (local.get $errno)))))
    (local.set $fd (i32.load (global.get $scratch)))
    (local.set $at (call $allocate (i32.const 64)))
    (local.set $errno (call $fd_filestat_get (local.get $fd) (local.get $at)))
    (local.set $size (i32.load offset=32 (local.get $at)))
    (call $free (local.get $at))
    (block $done
      (br_if $done (local.get $errno))
      (local.set $at (call $allocate (i32.add (local.get $size) (i32.const 1))))
      (loop $more
        (br_if $done (i32.eq (local.get $have) (local.get $size)))
        (i32.store (global.get $scratch) (i32.add (local.get $at) (local.get $have)))
        (i32.store offset=4 (global.get $scratch) (i32.sub (local.get $size) (local.get $have)))
        (local.set $errno
          (call $fd_read (local.get $fd) (global.get $scratch) (i32.const 1) (i32.add (global.get $scratch) (i32.const 8))))
        (br_if $done (local.get $errno))
        (br_if $done (i32.eqz (i32.load offset=8 (global.get $scratch))))
        (local.set $have (i32.add (local.get $have) (i32.load offset=8 (global.get $scratch))))
        (br $more)))
    (drop (call $fd_close (local.get $fd)))
    (if (local.get $errno) (then (return (call $number (local.get $errno)))))
    (local.set $result (call $new_uint8_array (local.get $at) (local.get $have)))
    (call $free (local.get $at))
    (local.get $result))

  ;; Where the bytes of a string or an ArrayBuffer are; their number is in $scratch. A string's must be given back.
  (func $bytes (param $value i32) (result i32)
    (i32.store (global.get $scratch) (i32.const 0))
    (if (result i32) (call $is_string (local.get $value))
      (then (call $get_string_len (local.get $value) (global.get $scratch)))
      (else (call $get_array_buffer (local.get $value) (global.get $scratch)))))

  ;; Writes a string or an ArrayBuffer to a descriptor.
  (func $put (param $fd i32) (param $value i32) (result i32) (local $at i32) (local $errno i32)
    (local.set $at (call $bytes (local.get $value)))
    (local.set $errno (call $write (local.get $fd) (local.get $at) (i32.load (global.get $scratch))))
    (if (call $is_string (local.get $value)) (then (call $free_cstring (local.get $at))))
    (local.get $errno))

  (func $write_file (param $dir i32) (param $path i32) (param $value i32) (result i32) (local $fd i32) (local $errno i32)
    ;; Create and truncate; right: write.
    (local.set $errno (call $open (local.get $dir) (local.get $path) (i32.const 9) (i64.const 0x40)))
    (if (local.get $errno) (then (return (local.get $errno))))
    (local.set $fd (i32.load (global.get $scratch)))
    (local.set $errno (call $put (local.get $fd) (local.get $value)))
    (drop (call $fd_close (local.get $fd)))
    (local.get $errno))

  ;; The program's arguments as an array of strings.
  (func $arguments (result i32)
    (local $count i32) (local $pointers i32) (local $array i32) (local $i i32) (local $text i32) (local $value i32)
    (drop (call $args_sizes_get (global.get $scratch) (i32.add (global.get $scratch) (i32.const 4))))
    (local.set $count (i32.load (global.get $scratch)))
    (local.set $pointers
      (call $allocate (i32.add (i32.shl (local.get $count) (i32.const 2))
        (i32.add (i32.load offset=4 (global.get $scratch)) (i32.const 1)))))
    (drop (call $args_get (local.get $pointers)
      (i32.add (local.get $pointers) (i32.shl (local.get $count) (i32.const 2)))))
    (local.set $array (call $new_array))
    (block $done
      (loop $more
        (br_if $done (i32.eq (local.get $i) (local.get $count)))
        (local.set $text (i32.load (i32.add (local.get $pointers) (i32.shl (local.get $i) (i32.const 2)))))
        (local.set $value (call $new_string (local.get $text) (call $strlen (local.get $text))))
        (drop (call $set_prop_uint32 (local.get $array) (local.get $i) (local.get $value)))
        (call $free_value (local.get $value))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $more)))
    (call $free (local.get $pointers))
    (local.get $array))

  ;; Evaluates a text under a file's name: its value, or 0 with the exception left to the engine.
  (func $evaluate (param $code i32) (param $name i32) (param $flags i32) (result i32)
    (local $text i32) (local $len i32) (local $file i32) (local $result i32)
    (local.set $text (call $get_string_len (local.get $code) (global.get $scratch)))
    (local.set $len (i32.load (global.get $scratch)))
    (local.set $file (call $get_string_len (local.get $name) (global.get $scratch)))
    (local.set $result (call $eval (local.get $text) (local.get $len) (local.get $file) (local.get $flags)))
    (call $free_cstring (local.get $text))
    (call $free_cstring (local.get $file))
    (if (result i32) (call $is_exception (local.get $result)) (then (i32.const 0)) (else (local.get $result))))

  (func $argument (param $argv i32) (param $at i32) (result i32)
    (i32.load (i32.add (local.get $argv) (i32.shl (local.get $at) (i32.const 2)))))

  ;; __host(what, …), called by the prelude alone, with as many arguments as it takes:
  ;;   0 write(fd, data)   1 readFile(dir, path)   2 writeFile(dir, path, data)   3 text(buffer)   4 exit(code)
  ;;   5 arguments()   6 evaluate(code, name, flags)   7 hooks(normalize, load, report)
  (func (export "host_call") (param $name i32) (param $len i32) (param $this i32) (param $argc i32) (param $argv i32)
    (result i32)
    (local $at i32) (local $value i32)
    (block $hooks (block $evaluate (block $arguments (block $exit (block $text (block $write_file (block $read_file
      (block $write
        (br_table $write $read_file $write_file $text $exit $arguments $evaluate $hooks
          (call $integer (call $argument (local.get $argv) (i32.const 0)))))
      (return (call $number (call $put
        (call $integer (call $argument (local.get $argv) (i32.const 1))) (call $argument (local.get $argv) (i32.const 2))))))
      (return (call $read_file
        (call $integer (call $argument (local.get $argv) (i32.const 1))) (call $argument (local.get $argv) (i32.const 2)))))
      (return (call $number (call $write_file
        (call $integer (call $argument (local.get $argv) (i32.const 1)))
        (call $argument (local.get $argv) (i32.const 2)) (call $argument (local.get $argv) (i32.const 3))))))
      (local.set $at (call $bytes (call $argument (local.get $argv) (i32.const 1))))
      (return (call $new_string (local.get $at) (i32.load (global.get $scratch)))))
      (call $proc_exit (call $integer (call $argument (local.get $argv) (i32.const 1))))
      (unreachable))
      (return (call $arguments)))
      (return (call $evaluate (call $argument (local.get $argv) (i32.const 1)) (call $argument (local.get $argv) (i32.const 2))
        (call $integer (call $argument (local.get $argv) (i32.const 3))))))
    (global.set $normalize (call $dup_value (call $argument (local.get $argv) (i32.const 1))))
    (global.set $load (call $dup_value (call $argument (local.get $argv) (i32.const 2))))
    (global.set $report (call $dup_value (call $argument (local.get $argv) (i32.const 3))))
    (call $get_undefined))

  ;; Calls a function of the prelude with up to two values.
  (func $invoke (param $function i32) (param $argc i32) (param $first i32) (param $second i32) (result i32)
    (local $argv i32) (local $result i32)
    (local.set $argv (call $allocate (i32.const 8)))
    (i32.store (local.get $argv) (local.get $first))
    (i32.store offset=4 (local.get $argv) (local.get $second))
    (local.set $result (call $call (local.get $function) (call $get_undefined) (local.get $argc) (local.get $argv)))
    (call $free (local.get $argv))
    (local.get $result))

  ;; A string of the engine as one that the engine frees with `free`; 0 for an exception. The length is in $scratch.
  (func $owned (param $value i32) (result i32) (local $text i32) (local $len i32) (local $copy i32)
    (if (call $is_exception (local.get $value)) (then (return (i32.const 0))))
    (local.set $text (call $get_string_len (local.get $value) (global.get $scratch)))
    (local.set $len (i32.load (global.get $scratch)))
    (local.set $copy (call $allocate (i32.add (local.get $len) (i32.const 1))))
    (memory.copy (local.get $copy) (local.get $text) (local.get $len))
    (i32.store8 (i32.add (local.get $copy) (local.get $len)) (i32.const 0))
    (call $free_cstring (local.get $text))
    (call $free_value (local.get $value))
    (i32.store (global.get $scratch) (local.get $len))
    (local.get $copy))

  (func (export "host_module_normalize") (param $base i32) (param $name i32) (result i32) (local $first i32) (local $second i32)
    (local.set $first (call $new_string (local.get $base) (call $strlen (local.get $base))))
    (local.set $second (call $new_string (local.get $name) (call $strlen (local.get $name))))
    (call $owned (call $invoke (global.get $normalize) (i32.const 2) (local.get $first) (local.get $second))))

  (func (export "host_module_load") (param $name i32) (param $length i32) (result i32) (local $value i32) (local $text i32)
    (local.set $value (call $new_string (local.get $name) (call $strlen (local.get $name))))
    (local.set $text (call $owned (call $invoke (global.get $load) (i32.const 1) (local.get $value) (i32.const 0))))
    (if (local.get $text) (then (i32.store (local.get $length) (i32.load (global.get $scratch)))))
    (local.get $text))

  (func (export "host_promise_rejection") (param $promise i32) (param $reason i32) (param $handled i32)
    (call $free_value (local.get $promise))
    (if (local.get $handled)
      (then
        (global.set $rejections (i32.sub (global.get $rejections) (i32.const 1)))
        (call $free_value (local.get $reason)))
      (else
        (global.set $rejections (i32.add (global.get $rejections) (i32.const 1)))
        (global.set $reason (local.get $reason)))))

  (func (export "host_interrupt") (result i32) (i32.const 0))

  ;; The clock's zone: UTC.
  (func (export "host_get_timezone_offset") (param i32 i32) (result i32) (i32.const 0))

  ;; Ends the program with an error: in the prelude's words, if there is a prelude.
  (func $fail (param $error i32)
    (if (global.get $report)
      (then (drop (call $invoke (global.get $report) (i32.const 1) (local.get $error) (i32.const 0))))
      (else (drop (call $put (i32.const 2) (local.get $error)))))
    (call $proc_exit (i32.const 1))
    (unreachable))

  (func (export "_start") (local $text i32) (local $names i32) (local $result i32)
    (call $initialize)
    (global.set $scratch (call $allocate (i32.const 64)))
    (if (call $init) (then (unreachable)))
    (call $set_module_loader (i32.const 1))
    (call $set_rejection_handler (i32.const 1))
    (local.set $names (call $allocate (i32.const 15)))
    (memory.init $names (local.get $names) (i32.const 0) (i32.const 15))
    (drop (call $set_prop_string (call $get_global) (i32.add (local.get $names) (i32.const 8))
      (call $new_host_function (i32.add (local.get $names) (i32.const 8)) (i32.const 6) (i32.const 0))))
    (local.set $text (call $allocate (i32.const @PRELUDE_END@)))
    (memory.init $prelude (local.get $text) (i32.const 0) (i32.const @PRELUDE_LENGTH@))
    (i32.store8 offset=@PRELUDE_LENGTH@ (local.get $text) (i32.const 0))
    (local.set $result (call $eval (local.get $text) (i32.const @PRELUDE_LENGTH@) (local.get $names) (i32.const 0)))
    (if (call $is_exception (local.get $result)) (then (call $fail (call $get_exception))))
    (block $done
      (loop $more
        (br_if $done (i32.eqz (call $is_job_pending)))
        (if (i32.lt_s (call $execute_pending_job) (i32.const 0)) (then (call $fail (call $get_exception))))
        (br $more)))
    (if (i32.gt_s (global.get $rejections) (i32.const 0)) (then (call $fail (global.get $reason))))))
