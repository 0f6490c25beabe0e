/* host.h - what the files of this room know of each other: a process that lives on Ouro's heap.
 *
 *   settings.c  what the environment asks for, read before the first block is handed out
 *   malloc.c    the malloc family, served by the process's shared heap
 *   foreign.c   blocks that other allocators made and that end up here
 *   deepbind.c  libraries that would find libc's malloc before ours
 *   sanitizer.c programs that were built with a sanitizer, which must come first
 *   symbols.c   looking up symbols as the dynamic linker does it
 *   snapshot.c  what was traced, written down
 *   threads.c   which thread asked for a block
 *   live.c      the same while the program runs: when, and by whom
 *   marks.c     what the program marks while it runs
 *   watch.c     the process's record: when a moment is taken, and who may write
 *   process.c   the beginning and the ends of the process: constructor, exit, _exit, exec
 *   fork.c      the middle: a process becomes two
 *   confine.c   programs that forbid themselves system calls
 *   control.c   what the program may ask while it runs
 *   cpython_*   CPython's three domains and its collector; begins by a constructor of its own, after ours */
#ifndef OURO_HOST_HOST_H
#define OURO_HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "monitor/record.h"
#include "ouro/heap.h"

/* GCC makes a jump of a last call at -O2, but not at -Og; clang always does when it optimises. */
#if defined(__clang__)
#define OURO_ENDS_IN_A_JUMP
#else
#define OURO_ENDS_IN_A_JUMP __attribute__((optimize("O2")))
#endif

/* ---- settings.c ---- */

enum ouro__gc_setting { OURO_GC_SETTING_PACED, OURO_GC_SETTING_STOCK };

/* What the environment asked for when the process began; what the program changes there later is for its
 * children. */
struct ouro__settings {
    char session[1024];       /* the session folder; empty: nobody wants a record */
    uint64_t limit;           /* bytes, 0 for none */
    enum ouro__gc_setting gc; /* only where there is a session: stock otherwise */
    bool debug;               /* on the debug heap */
    bool follow;              /* children are to be on the heap, too */
    bool traces;              /* only where there is a session */
    bool traces_alone;        /* what is forked leaves no snapshot */
    uint32_t n_frames;        /* of a traceback, 0 for all */
    bool native;              /* native frames beside Python's */
    bool threads;             /* traces tell threads apart */
    bool lifetimes;           /* it is noted how long blocks live */
    uint64_t sample_bytes;    /* from one sample to the next, 0: every block is traced */
    bool snapshots;           /* those that are taken while the program runs are kept by somebody */
    uint64_t growth;          /* percent of live bytes after which one is taken, 0: never */
    int signal;               /* on which one is taken, 0: none */
    uint64_t n_kept;          /* the last so many of those, 0: 1000, as of those that have a name */
};

/* The settings; read from the environment by the first call, which comes before there are threads. */
const struct ouro__settings *ouro__settings_get(void);

/* Take out of `environment` what would have children follow: our entry in LD_PRELOAD and what `ouro run`
 * has set.  In place, so that whoever holds the array or its strings sees it. */
void ouro__settings_hide(char **environment);

/* ---- process.c ---- */

/* Whether the constructor has done its work, and it still lasts: not so beside a sanitizer, where nothing should be done,
 * and in a process that has forbidden itself system calls. */
bool ouro__host_has_begun(void);

/* ---- sanitizer.c ---- */

/* Whether the program was built with a sanitizer, which then has to be alone; where its library must come
 * first, begins the program anew without us and doesn't return.  The constructor's first act. */
bool ouro__sanitizer_found(char **arguments, char **environment);

/* ---- malloc.c ---- */

/* The process's shared heap, which all of malloc is served from; NULL when there is no memory for it. */
ouro_heap *ouro__host_heap(void);

/* Whether malloc, wherever it is called, is ours: not so in programs that bring their own. */
bool ouro__host_serves_malloc(void);

/* ---- foreign.c ---- */

/* free() of a block that is not ours: whose it is can't be known, so it stays. */
void ouro__foreign_free(void *block);

/* realloc() of a block that is not ours: a copy of what can be read of it, or NULL and errno. */
void *ouro__foreign_realloc(void *block, size_t size);

/* ---- watch.c ---- */

/* Begin a record, when there is a session. */
void ouro__watch_begin(void);

/* An occasion to take a moment, if one is due: about 30 ns if not. */
void ouro__watch_look(void);

/* A process was forked: the child leaves the parent's record alone and begins its own. */
void ouro__watch_fork_child(void);

/* The process is about to end or to be replaced: the last moment, and `state`.  Any context, signal
 * handlers and the child of vfork() included, where it does nothing. */
void ouro__watch_end(enum ouro_record_state state, int exit_status);

/* exec failed: the process goes on. */
void ouro__watch_resume(void);

/* The program has come to its end, and still has what it held: keep a snapshot of that, when there is to be one.  What
 * comes later leaves it as it is. */
void ouro__watch_snapshot(void);

/* The program goes on after all: there will be another end, and nothing is kept of this one. */
void ouro__watch_go_on(void);

/* The process forbids itself system calls: keep what is known, end tracing, and ask nothing more of the system. */
void ouro__watch_confine(void);
bool ouro__watch_is_confined(void);

/* Count a further heap of this process, for good: CPython's exclusive one.  At most OURO_N_MAX_WATCHED.
 * Its pools are walked by whichever thread takes a moment. */
#define OURO_N_MAX_WATCHED 8
void ouro__watch_add_heap(ouro_heap *heap);

/* Whether there is a record, and it is this process's: the child of vfork() runs in its parent's memory, and who was
 * forked past libc has a copy of it.  Not so once the process is confined. */
bool ouro__watch_is_ours(void);

/* The record, ready to be written in, or NULL: when there is none, when it is another process's (the child
 * of vfork), or when another thread is writing: then try again at the next occasion.  Never waits.  Pair
 * with ouro__watch_give().  Between the two: no allocation. */
struct ouro_record *ouro__watch_take(void);
void ouro__watch_give(struct ouro_record *record);

/* Have the record say what has to be known, if it can be had. */
void ouro__watch_note(const char *note);

/* The record as it is now, with a moment if one can be taken, and when the process began, by ouro__os_now().  False
 * when there is none. */
bool ouro__watch_copy(struct ouro_record *copy, uint64_t *began);

/* Where the file of this process with that extension lies in the session, and what time it is for its record.  False
 * when there is no record. */
bool ouro__watch_file(char *path, size_t size, const char *extension, uint64_t *now);

/* ---- threads.c ---- */

/* Have traces tell threads apart, from now on. */
void ouro__threads_tell(void);

/* The names that go with the numbers; nothing where threads aren't told apart. */
struct ouro__snapshot_writer;
void ouro__threads_write(struct ouro__snapshot_writer *writer);

/* ---- marks.c ---- */

/* Mark this moment, and have traces tell apart what is allocated from now on; 0 or an errno value: ENOTSUP without a session, ENAMETOOLONG past 95 bytes, ENOSPC when there are
 * more marks than anybody reads. */
int ouro__mark_add(const char *name);

/* The marks that traces tell apart; nothing where there is none. */
void ouro__marks_write(struct ouro__snapshot_writer *writer);

/* ---- snapshot.c ---- */

/* What a snapshot says of itself.  `began` is when the process did, `at` when it is taken, by ouro__os_now(). */
struct ouro__snapshot_of {
    const struct ouro_record *record; /* NULL for none */
    uint64_t began, at;
    const char *reason, *name;
    bool
        is_for_lines; /* nobody keeps it: what lines don't need, and takes a look at each block, is left out */
};

/* Write what is known to `part`, a file that there is not yet, which is locked meanwhile, and call it `path` when it is
 * whole; false when that can't be, and then there is neither.  Takes no memory. */
bool ouro__snapshot_save(const char *part, const char *path, const struct ouro__snapshot_of *of);

/* Make that file and lock it: somebody writes (see live.c); -1 when that can't be. */
int ouro__snapshot_open(const char *part);

/* The rest, with tracing held still by the caller, or in a copy of the process whose other threads may have held any lock:
 * nothing of tracing is locked here.  The file is closed; -1 is no file. */
bool ouro__snapshot_save_held(int file, const char *part, const char *path,
                              const struct ouro__snapshot_of *of);

/* ---- live.c: snapshots while the program runs ---- */

/* Have the signal of the settings take one, if the program's own disposition is the default. */
void ouro__live_begin(struct ouro_record *record);

/* Take one, written by a copy of the process; 0, or an errno value: EAGAIN when it can't be now, ENOTSUP when there is
 * nothing to be taken.  Any context but a thread that holds tracing still. */
int ouro__live_take(const char *reason, const char *name);

/* An occasion: take one if `record`, this process's, asks for it. */
void ouro__live_look(struct ouro_record *record);

/* Live bytes have grown to `live`: take one if it is time to. */
void ouro__live_grew(uint64_t live);

/* The process ends: give what is being written a while. */
void ouro__live_end(void);

/* In the child of a fork: what the parent has taken is none of ours. */
void ouro__live_fork_child(void);

/* Write what tracing tells, without a record, to an open file, from where that stands.  0, or an errno value: EAGAIN in a
 * signal handler that interrupted tracing, ENODATA when nothing is traced, EFBIG past RLIMIT_FSIZE, EIO. */
int ouro__snapshot_write_traces(int file, const char *reason);

/* ---- confine.c ---- */

/* Look for the functions behind ours, by the constructor: later it might be in a signal handler. */
void ouro__confine_begin(void);

/* ---- fork.c ---- */

/* Have forks watched from now on: called by the constructor. */
void ouro__fork_watch(void);

#endif
