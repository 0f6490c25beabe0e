/* cpython.h - what the files about CPython know of each other.
 *
 *   cpython_api.c         is there a CPython here, and where are its functions
 *   cpython_domains.c     its three allocator domains, on our heaps
 *   cpython_watch.c       its collector: installation, what collections find and cost, the record
 *   cpython_lists.c       the collector's own thresholds and lists, found and checked
 *   cpython_survey.c      which of its old objects are garbage
 *   cpython_free_lists.c  its free lists, emptied before the heaps make a new peak
 *   cpython_types.c       whose objects lie in blocks
 *   cpython_frames*.c     the frames that run in a thread, and their code
 *
 * docs/cpython.md tells the story. */
#ifndef OURO_HOST_CPYTHON_H
#define OURO_HOST_CPYTHON_H

#include "host/cpython_abi.h"
#include "host/host.h"

/* ---- cpython_api.c ---- */

/* Find CPython among what is loaded; false when there is none that we know.  Called once, first. */
bool ouro__cpython_find(void);

/* Valid after ouro__cpython_find() has said so. */
extern struct py_api ouro__py;

/* ---- cpython_domains.c ---- */

/* Serve the domains, before the interpreter starts. */
void ouro__cpython_serve(void);

/* The heap of the mem and object domains, exclusive under the interpreter's lock; NULL when there is none
 * or when it is retired. */
ouro_heap *ouro__cpython_heap(void);

/* Bit a domain (1 raw, 2 mem, 4 object) that CPython's calls in fact reach us by, now. */
unsigned ouro__cpython_served(void);

/* Tracing has begun or changed: the next block of mem and object is looked at.  Certain for whoever holds the
 * interpreter's lock; beside another thread that allocates right now the notice may be lost, and comes later. */
void ouro__cpython_trace_turned(void);

/* Whether interpreters with locks of their own have been seen. */
bool ouro__cpython_has_many_locks(void);

/* A library is about to be loaded: is it one that makes interpreters? */
void ouro__cpython_before_library(const char *path);

/* When set, the next allocation that takes the slow path calls ouro__cpython_notice(). */
extern bool ouro__cpython_wants_notice;

/* ---- cpython_types.c ---- */

/* Which types' objects lie in which traces' blocks, and the types' names, as further texts; with the lock of tracing.
 * Nothing without CPython, or without memory. */
struct ouro__snapshot_writer;
void ouro__cpython_types_write(struct ouro__snapshot_writer *writer);

/* ---- cpython_watch.c ---- */

/* Watch the collector, as the settings have it, as soon as there is an interpreter. */
void ouro__cpython_watch(void);

/* Called under an interpreter's lock, from inside an allocation: see cpython_watch.c. */
void ouro__cpython_notice(void);

/* Fill in the fields about Python and its collector. */
void ouro__cpython_record(struct ouro_record *record);

#endif
