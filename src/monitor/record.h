/* record.h - what a host process tells of itself: one small file a process, mapped by it and read by `ouro`.
 *
 * `ouro run` makes a session folder and names it in the environment.  Each process that loads the host
 * library makes a file there, maps it shared, and keeps its figures in it.  Because the kernel owns the
 * pages, the last figures survive a crash, a SIGKILL and _exit; whether they are final is in `state`.
 *
 * One process writes, others read: the writer makes `sequence` odd, writes, makes it even again; a reader
 * copies, and copies again if the sequence was odd or has changed. */
#ifndef OURO_MONITOR_RECORD_H
#define OURO_MONITOR_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#define OURO_RECORD_MAGIC "OUROREC1"
#define OURO_RECORD_VERSION 1

/* Beside PID.N.rec lie the program's marks, struct ouro_snapshot_mark[] of snapshot/format.h, appended one by one. */
#define OURO_MARKS_EXTENSION ".marks"
#define OURO_MARKS_MOST 10000U

/* The environment that `ouro run` sets and the host reads. */
#define OURO_ENV_SESSION "OURO_SESSION"     /* the session folder */
#define OURO_ENV_GC "OURO_GC"               /* "paced" or "stock" */
#define OURO_ENV_LIMIT "OURO_LIMIT"         /* bytes, decimal */
#define OURO_ENV_DEBUG "OURO_DEBUG"         /* "1": debug heap */
#define OURO_ENV_FOLLOW "OURO_FOLLOW"       /* "0": children are left alone */
#define OURO_ENV_THREADS "OURO_THREADS"     /* "1": traces tell threads apart */
#define OURO_ENV_LIFETIMES "OURO_LIFETIMES" /* "1": it is noted how long blocks live */
#define OURO_ENV_TRACE                                                                                 \
    "OURO_TRACE" /* "BYTES:FRAMES": trace samples, BYTES apart; 0: all.  "BYTES:FRAMES:PID": in the one program that
                    the process PID starts, nobody looks at others */
#define OURO_ENV_SNAPSHOTS                                                                             \
    "OURO_SNAPSHOTS" /* "GROWTH:SIGNAL:KEEP": snapshots while the program runs are kept by somebody; one at each growth
                        of live bytes by GROWTH percent, one on SIGNAL, the last KEEP of those; 0: none, all */

#define OURO_ENV_NATIVE "OURO_NATIVE" /* "1": native frames in Python programs, too */

enum ouro_record_state {
    OURO_RECORD_RUNNING = 0,  /* or ended without a chance to say so: killed, crashed */
    OURO_RECORD_ENDED = 1,    /* by exit or _exit: the figures are final */
    OURO_RECORD_REPLACED = 2, /* by exec: the figures are final, another record goes on with this pid */
    OURO_RECORD_CONFINED =
        3 /* it forbade itself system calls: the figures are of then, and there are no more */
};

enum ouro_record_asked {
    OURO_ASKED_NOTHING = 0,
    OURO_ASKED_BY_TIME = 1,   /* ouro run --every */
    OURO_ASKED_BY_SIGNAL = 2, /* which came when none could be taken */
    OURO_ASKED_BY_NAME = 3    /* ouro snapshot */
};

enum ouro_record_gc_mode {
    OURO_GC_NONE = 0,   /* no CPython collector in this process */
    OURO_GC_STOCK = 1,  /* watched, left alone */
    OURO_GC_PACED = 2,  /* paced */
    OURO_GC_OBEYED = 3, /* the program set thresholds itself: left alone since */
};

/* How memory stood at one moment: the waterfall from live bytes to resident memory.
 * resident = live - untouched + free + cached + records + files + other. */
struct ouro_record_moment {
    uint64_t at_ns;     /* since the process began (host loaded), CLOCK_MONOTONIC */
    uint64_t live[3];   /* by domain raw, mem, object: bytes of live blocks, rounding included */
    uint64_t blocks[3]; /* live blocks by domain */
    uint64_t rounding;  /* of the live bytes, rounding to size classes (estimated) */
    uint64_t untouched; /* of the live bytes, never written and so not resident */
    uint64_t free;      /* free blocks in part-full pools, resident */
    uint64_t cached;    /* empty pools and runs kept for reuse, resident */
    uint64_t records;   /* the heap's own records, resident */
    uint64_t files;     /* resident pages of files and shared memory (kernel: shared) */
    uint64_t other;     /* resident, anonymous, not ours: stacks, data segments, foreign mappings */
    uint64_t resident;  /* what the kernel says: the sum */
    uint64_t mapped;    /* address space the heap has taken */
};

struct ouro_record_generation {
    uint64_t runs;
    uint64_t ns;            /* CPU time inside, of the thread that collects */
    uint64_t collected;     /* objects */
    uint64_t uncollectable; /* objects */
};

struct ouro_record {
    char magic[8];     /* OURO_RECORD_MAGIC, written last */
    uint32_t version;  /* OURO_RECORD_VERSION */
    uint32_t size;     /* of this struct, bytes */
    uint32_t sequence; /* odd while being written */
    uint32_t state;    /* enum ouro_record_state */
    int32_t pid, ppid;
    uint64_t began_ns;  /* CLOCK_REALTIME when the host was loaded, or the process was forked */
    uint64_t lasted_ns; /* until the last update, CLOCK_MONOTONIC */
    uint64_t user_ns, system_ns; /* CPU time of the process until the last update */
    int32_t exit_status;         /* what exit was called with, -1 when not known */
    uint32_t forked;   /* 1: made by fork from a process with a record, figures begin at the fork */
    char command[480]; /* arguments, each ended by NUL, cut to fit; the last byte is NUL */
    uint32_t command_bytes; /* how many of them are meant */
    char executable[256];   /* path, NUL-ended, cut to fit */

    /* Python, when there is one. */
    char python_version[32]; /* "3.11.2", empty for other programs */
    uint32_t python_hex;
    uint32_t python_served; /* bit a domain: 1 raw, 2 mem, 4 object are on Ouro's heap */
    uint32_t python_free_threaded;
    uint32_t
        python_interpreters_own_gil; /* 1: sub-interpreters made the heap change to its shared kind */
    char note[160];                  /* one line on what is not served and why; empty when all is */

    struct ouro_record_moment peak;   /* at the highest live bytes seen */
    struct ouro_record_moment last;   /* at the last update; at the end when state is not RUNNING */
    uint64_t peak_resident;           /* kernel's high-water mark (VmHWM), bytes */
    uint64_t n_allocs[3], n_frees[3]; /* by domain, since began */
    uint64_t n_samples;               /* how often the moments were taken */

    uint64_t limit; /* bytes, 0 for none */
    uint64_t limit_refusals;
    uint64_t limit_last_size; /* bytes of the last allocation refused */
    uint64_t purged;          /* bytes given back to the system on the way */

    /* The collector. */
    uint32_t gc_mode; /* enum ouro_record_gc_mode */
    uint32_t gc_longest_generation;
    struct ouro_record_generation gc[3];
    uint64_t gc_longest_ns;
    uint64_t gc_freed_bytes;        /* heap bytes that collections freed, as far as the heap saw */
    int64_t gc_stock_thresholds[3]; /* what the program sees */
    int64_t gc_thresholds[3];       /* what pacing has set at the last update */
    uint64_t gc_raised, gc_lowered; /* how often pacing raised or lowered the first threshold */
    uint64_t gc_forced;             /* collections brought forward because of bytes */
    uint64_t gc_put_off;            /* full collections put off */
    uint64_t gc_emptied;            /* collections of nothing, to empty free lists; in no `runs` */

    uint32_t debug;  /* 1: on the debug heap */
    uint32_t number; /* of the file's name, PID.NUMBER.rec: its snapshot's is PID.NUMBER.ouro */

    /* Snapshots that are taken while it runs: PID.NUMBER.1.ouro and so on, PID.NUMBER.1.part while they are written. */
    uint32_t asked;       /* enum ouro_record_asked: `ouro` asks, the process takes it back; atomic */
    uint32_t n_snapshots; /* taken so far */
    uint32_t n_snapshots_failed;  /* of which so many could not be written */
    uint32_t answered;            /* which of them `ouro snapshot` has asked for last, 0 for none */
    uint32_t snapshot_signal;     /* that has one taken, 0 for none */
    uint64_t snapshot_longest_ns; /* that the process stood still for one */
    char asked_name[96];          /* by `ouro snapshot`: NUL-ended */
};

_Static_assert(sizeof(struct ouro_record) <= 4096, "a record fits one page");

#endif
