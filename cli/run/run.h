/* run.h - what `ouro run` was asked, and what it learnt: shared by those who render it. */
#ifndef OURO_CLI_RUN_H
#define OURO_CLI_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "monitor/read.h"
#include "snapshot/format.h"

/* The tool's own exit codes; as `env`, `nohup` and `timeout` have them. */
enum ouro__exit {
    OURO_EXIT_USAGE = 2,
    OURO_EXIT_FAILED = 125,         /* ouro itself could not do its part */
    OURO_EXIT_NOT_EXECUTABLE = 126, /* the program was found and could not be run */
    OURO_EXIT_MISSING = 127         /* no such program */
};

/* Why a program cannot be put on Ouro's heap. */
struct ouro__reason {
    const char *code;   /* as in the JSON schema */
    const char *phrase; /* completes "PROGRAM ..." */
};

enum ouro__trace_option { OURO_TRACE_SAMPLED, OURO_TRACE_EXACT, OURO_TRACE_OFF };

struct ouro__options {
    bool gc_stock;
    bool debug;
    bool quiet;
    bool no_follow;
    uint64_t limit;          /* bytes, 0: none */
    const char *json_path;   /* NULL: none; "-": standard output */
    const char *report_path; /* NULL: standard error */
    enum ouro__trace_option trace;
    uint64_t sample_bytes;     /* from one sample to the next, on average */
    uint32_t n_frames;         /* of a traceback, 0: all */
    bool native;               /* native frames beside Python's */
    const char *snapshot_path; /* NULL: none */
    bool threads;              /* traces tell threads apart */
    bool lifetimes;            /* it is noted how long blocks live */
    bool records;              /* memory over time, into the snapshot */
    uint64_t record_ns;        /* how often; 0: as usual */
    uint64_t every_ns;         /* a snapshot while it runs, so often; 0: none */
    uint32_t growth;           /* at each growth of live bytes by so many percent, 0: none */
    int signal;                /* on this signal, 0: none */
    uint32_t n_kept;           /* the last so many of those */
    bool force;                /* it may replace a file */
    bool shows_traced;         /* what was traced is looked at also when there is no report */
};

/* How the direct child ended. */
struct ouro__ending {
    pid_t pid;
    int exit_code; /* when it ended by itself; -1 when a signal ended it */
    int signal;    /* 0: none */
    bool core_dumped;
    uint64_t began_ns; /* CLOCK_REALTIME */
    uint64_t wall_ns;
    struct rusage usage; /* of the child and the descendants that it waited for */
};

/* One process, or one program of a process that went on to exec another. */
struct ouro__process {
    struct ouro__record_found found;
    bool still_running;
};

/* A snapshot that was taken while a program ran, and is kept. */
struct ouro__taken_file {
    char *path; /* owned */
    int32_t pid;
    struct ouro_snapshot_tracing tracing; /* when, why, and what it was called */
};

struct ouro__run {
    struct ouro__options options;
    const char *const *command; /* the program and its arguments as given, borrowed */
    size_t n_command;
    const char *binary; /* what was loaded for it, borrowed; NULL when not known */
    const struct ouro__reason
        *left_alone; /* why it is not on Ouro's heap; NULL: nothing speaks against */
    struct ouro__ending ending;
    struct ouro__process *processes; /* owned; by the time they began */
    size_t n_processes;
    struct ouro__saved *traced;     /* the program's own snapshot, owned; NULL: none */
    bool captured;                  /* there is a snapshot at `snapshot_path` */
    bool captured_traces;           /* which has traces */
    size_t n_unreadable;            /* records that were there and could not be understood */
    struct ouro__taken_file *taken; /* while programs ran; owned */
    size_t n_taken;
};

#endif
