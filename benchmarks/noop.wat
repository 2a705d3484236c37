;; An app that does next to nothing: it writes its environment, in which the task id is, as its result.
(module
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "computed.json")
  (data (i32.const 32) "result.txt")
  (data (i32.const 64) "{\"deterministic-output-path\": \"/iexec_out/result.txt\"}")

  ;; Write a file into /iexec_out, the second folder that was opened: descriptor 4.
  (func $put (param $name i32) (param $length i32) (param $from i32) (param $size i32)
    (if (call $open (i32.const 4) (i32.const 0) (local.get $name) (local.get $length)
          (i32.const 9) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 0))
      (then unreachable))
    (i32.store (i32.const 4) (local.get $from))
    (i32.store (i32.const 8) (local.get $size))
    (if (call $write (i32.load (i32.const 0)) (i32.const 4) (i32.const 1) (i32.const 12))
      (then unreachable)))

  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $environ (i32.const 1024) (i32.const 4096)))
    (call $put (i32.const 32) (i32.const 10) (i32.const 4096) (i32.load (i32.const 4)))
    (call $put (i32.const 16) (i32.const 13) (i32.const 64) (i32.const 54))))
