/* Debian builds its compiler runtime for wasm32 (128-bit division) with stack protection, but its
 * wasi-libc lacks the two symbols that this needs. */
#ifdef __wasm__
#include <stdint.h>

uintptr_t __stack_chk_guard = 0x00000aff;

_Noreturn void __stack_chk_fail(void) { __builtin_trap(); }
#else
typedef int nothing_to_add;
#endif
