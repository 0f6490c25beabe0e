/* requests.h - what was asked for lately, and from where: a program asks for the same from the same places again and
 * again.  Guarded by the lock of trace.c.
 *
 * A place is a code, an instruction in it and the node of the caller; or a mark (frames.h) and that node. */
#ifndef OURO_TRACE_REQUESTS_H
#define OURO_TRACE_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ouro__request {
    uint64_t at;    /* the code's address, or the mark */
    uint64_t from;  /* the caller's node and the instruction, or OURO__FROM_MARK */
    uint64_t what;  /* size and domain */
    uint32_t trace; /* 0 in what is empty */
};
_Static_assert(sizeof(struct ouro__request) == 32, "two are a cache line");

#define OURO__FROM_MARK UINT64_MAX
#define OURO__REQUEST_BITS 10
extern struct ouro__request ouro__requests[1 << OURO__REQUEST_BITS];

/* Where a request is, or goes. */
static inline struct ouro__request *
ouro__request_place(uint64_t at, uint64_t from, uint64_t what)
{
    uint64_t key = from == OURO__FROM_MARK ? at : at + from;
    return &ouro__requests[(key ^ what << 8) * 0x9E3779B97F4A7C15U >> (64 - OURO__REQUEST_BITS)];
}

/* The trace of what is asked for there; 0 when that is not remembered. */
static inline uint32_t
ouro__request_find(uint64_t at, uint64_t from, uint64_t what)
{
    const struct ouro__request *request = ouro__request_place(at, from, what);
    bool is_it = request->at == at && request->what == what && request->from == from;
    return __builtin_expect(is_it, 1) ? request->trace : 0;
}

void ouro__request_remember(const struct ouro__request *request);

/* What lies at an address may be another code from now on. */
void ouro__requests_forget(void);

#endif
