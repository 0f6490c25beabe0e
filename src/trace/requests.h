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
    uint64_t at;             /* the code's address, or the mark */
    uint64_t what;           /* size and domain */
    uint32_t offset, parent; /* as struct ouro__here has them; of a mark OURO__IS_MARK */
    uint32_t trace;          /* 0 in what is empty */
};
_Static_assert(sizeof(struct ouro__request) == 32, "two are a cache line");

#define OURO__IS_MARK (UINT32_MAX - 1)
#define OURO__REQUEST_BITS 10
extern struct ouro__request ouro__requests[1 << OURO__REQUEST_BITS];

/* Where a request is, or goes. */
static inline struct ouro__request *
ouro__request_place(uint64_t at, uint32_t offset, uint32_t parent, uint64_t what)
{
    uint64_t from = at + offset + ((uint64_t)parent << 32);
    return &ouro__requests[(from ^ what << 8) * 0x9E3779B97F4A7C15U >> (64 - OURO__REQUEST_BITS)];
}

/* The trace of what is asked for, if it lies there; 0 if not. */
static inline uint32_t
ouro__request_trace(const struct ouro__request *request, uint64_t at, uint32_t offset, uint32_t parent,
                    uint64_t what)
{
    bool is_it = request->at == at && request->what == what && request->offset == offset &&
                 request->parent == parent;
    return __builtin_expect(is_it, 1) ? request->trace : 0;
}

void ouro__request_remember(const struct ouro__request *request);

/* What lies at an address may be another code from now on. */
void ouro__requests_forget(void);

#endif
