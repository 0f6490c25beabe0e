/* cfi.h - how a function's frame is undone: what the tables for exceptions say of one instruction. */
#ifndef OURO_TRACE_CFI_H
#define OURO_TRACE_CFI_H

#include <stdbool.h>
#include <stdint.h>

#include "os/modules.h"

/* Where the frame of an instruction's function begins (its canonical frame address, CFA: what the stack pointer was in the
 * caller, before the call), and where what the caller had lies. */
struct ouro__frame_rule {
    uint8_t kind;         /* enum ouro__frame_kind */
    uint8_t base;         /* enum ouro__frame_base */
    uint8_t fp;           /* enum ouro__frame_saved: the caller's frame pointer */
    uint8_t ra;           /* enum ouro__frame_saved: the return address */
    int32_t offset;       /* from the base */
    int32_t then;         /* OURO_FRAME_LOADED: from what lies there */
    int16_t fp_at, ra_at; /* from the CFA */
};

enum ouro__frame_kind {
    OURO_FRAME_UNKNOWN,   /* no table covers it, or one that we can't follow */
    OURO_FRAME_BASED,     /* the CFA is base + offset */
    OURO_FRAME_LOADED,    /* it is what lies at base + offset, + then: functions that align the stack */
    OURO_FRAME_LINKAGE,   /* an entry of a table of procedure linkage, which pushes in its midst */
    OURO_FRAME_SIGNAL,    /* where a signal handler returns to: the kernel saved all registers */
    OURO_FRAME_OUTERMOST, /* nobody called it */
};

enum ouro__frame_base { OURO_BASE_SP, OURO_BASE_FP };

enum ouro__frame_saved {
    OURO_SAVED_NOT,   /* it still is what it was */
    OURO_SAVED_AT,    /* at its offset from the CFA */
    OURO_SAVED_AT_FP, /* where the frame pointer points to */
    OURO_SAVED_LOST
};

/* The numbers that tables have for registers. */
#if defined(__x86_64__)
enum { OURO_REGISTER_FP = 6, OURO_REGISTER_SP = 7, OURO_REGISTER_RA = 16 };
#elif defined(__aarch64__)
enum { OURO_REGISTER_FP = 29, OURO_REGISTER_SP = 31, OURO_REGISTER_RA = 30 };
#else
enum {
    OURO_REGISTER_FP = 0xFE,
    OURO_REGISTER_SP = 0xFD,
    OURO_REGISTER_RA = 0xFC
}; /* no tables are read */
#endif

/* The rule at `address` in `module`, which is loaded; OURO_FRAME_UNKNOWN when there is none.  Reads the module's tables and
 * nothing else, whatever they hold.  Any context. */
struct ouro__frame_rule ouro__cfi_rule(const struct ouro__os_module *module, uintptr_t address);

#endif
