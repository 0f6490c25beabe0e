/* format.h - the file of a snapshot, `.ouro`: everything known of one process at one moment.
 *
 *   file header | chunk | chunk | ... | chunk "END "
 *
 * All numbers are little-endian, all structs as below without further padding.  A chunk is a header and `stored`
 * bytes; it stands by itself: what comes before a place where a file was cut off, or spoiled, can be read.  Chunks of
 * one kind that hold arrays go on where the one before them ended.  Kinds that a reader doesn't know it passes by.
 * Indexes count from 0 over all chunks of the kind.
 *
 * The host writes chunks as they are; `ouro` compresses their contents with zstd, each on its own. */
#ifndef OURO_SNAPSHOT_FORMAT_H
#define OURO_SNAPSHOT_FORMAT_H

#include <stdint.h>

#define OURO_SNAPSHOT_MAGIC "OUROSNAP"
#define OURO_SNAPSHOT_VERSION 1

struct ouro_snapshot_header {
    char magic[8];    /* OURO_SNAPSHOT_MAGIC */
    uint32_t version; /* OURO_SNAPSHOT_VERSION: a reader refuses larger ones */
    uint32_t reserved;
};

enum ouro_snapshot_chunk_flags { OURO_SNAPSHOT_ZSTD = 1 /* the contents are one zstd frame */ };

struct ouro_snapshot_chunk {
    char kind[4];        /* one of OURO_SNAPSHOT_… below */
    uint32_t flags;      /* enum ouro_snapshot_chunk_flags */
    uint64_t stored;     /* bytes that follow this header in the file */
    uint64_t size;       /* bytes of the contents */
    uint32_t crc;        /* CRC-32C of the stored bytes */
    uint32_t header_crc; /* CRC-32C of the header's bytes before this field */
};

/* What a reader takes of one chunk: this much contents, and at most so many times what is stored.  Who writes cuts
 * longer contents, and leaves as they are those that could be packed further. */
#define OURO_SNAPSHOT_CONTENTS_MOST ((uint64_t)64 << 20)
#define OURO_SNAPSHOT_RATIO_MOST ((uint64_t)1024)

#define OURO_SNAPSHOT_END "END "     /* empty: nothing was cut off */
#define OURO_SNAPSHOT_PROCESS "PROC" /* one struct ouro_record of monitor/record.h */
#define OURO_SNAPSHOT_TRACING "TRCG" /* one struct ouro_snapshot_tracing */
#define OURO_SNAPSHOT_TEXTS "TEXT"   /* bytes: UTF-8, one text behind the other, without ends */
#define OURO_SNAPSHOT_LINES "LINE"   /* bytes: tables of lines, one behind the other */
#define OURO_SNAPSHOT_CODES "CODE"   /* struct ouro_snapshot_code[] */
#define OURO_SNAPSHOT_NODES "NODE"   /* struct ouro_snapshot_node[]; node 0 is the root and no frame */
#define OURO_SNAPSHOT_TRACES "TRAC"  /* struct ouro_snapshot_trace[]; trace 0 is what is not traced */
#define OURO_SNAPSHOT_THREADS "THRD" /* struct ouro_snapshot_thread[]; thread 0 is none that is known */
#define OURO_SNAPSHOT_SINCES                                                                           \
    "SINC" /* struct ouro_snapshot_since[]: marks that traces tell apart; 0 is none */
#define OURO_SNAPSHOT_TYPES                                                                            \
    "TYPE" /* struct ouro_snapshot_stretch[]: names of types; type 0 is no object */
#define OURO_SNAPSHOT_TYPED                                                                            \
    "TYTR" /* struct ouro_snapshot_typed[]: what lives in the blocks of traces */
#define OURO_SNAPSHOT_LIVES                                                                            \
    "LIFE" /* struct ouro_snapshot_life[]: how soon the blocks of each trace ended */
#define OURO_SNAPSHOT_SAMPLES                                                                          \
    "TIME" /* struct ouro_snapshot_sample[]: how memory stood, from time to time */
#define OURO_SNAPSHOT_MARKS "MARK" /* struct ouro_snapshot_mark[]: what the program marked on the way */

#define OURO_SNAPSHOT_RUNS "HEAP" /* struct ouro_snapshot_run[]: the heap's slots, in their order */

/* Of the traces: how they came to be. */
struct ouro_snapshot_tracing {
    uint32_t mode;          /* enum ouro_snapshot_mode */
    uint32_t n_frames_most; /* innermost frames kept of a traceback, 0 for all */
    uint64_t sample_bytes;  /* sampled: mean bytes from one sample to the next */
    uint64_t peak_bytes;    /* traced bytes when they were highest */
    uint64_t peak_blocks;
    uint64_t peak_at_ns;  /* since the process began */
    uint64_t taken_at_ns; /* since the process began */
    uint64_t own_bytes;   /* memory that tracing took for itself */
    uint64_t n_untraced; /* allocations without a trace: no memory for it, or in the midst of another */
    char reason[32];     /* why the snapshot was taken: "exit", "signal", ... NUL-ended, cut to fit */
    char name[96];       /* its name, empty for none; NUL-ended, cut to fit */
};

enum ouro_snapshot_mode { OURO_SNAPSHOT_OFF = 0, OURO_SNAPSHOT_EXACT = 1, OURO_SNAPSHOT_SAMPLED = 2 };

/* A stretch of OURO_SNAPSHOT_TEXTS or OURO_SNAPSHOT_LINES. */
struct ouro_snapshot_stretch {
    uint64_t at;
    uint64_t size;
};

struct ouro_snapshot_code {
    struct ouro_snapshot_stretch file, name, lines;
    uint32_t first_line;
    uint32_t line_table; /* enum ouro__line_table in trace/trace.h */
};

struct ouro_snapshot_node {
    uint32_t parent; /* the caller's; less than its own index */
    uint32_t code;
    uint32_t offset; /* of the instruction, bytes; by the code's table it is a line */
};

/* All blocks that were asked for alike.  In a sampled snapshot: estimates are made by the reader, here are the samples. */
struct ouro_snapshot_trace {
    uint64_t size; /* bytes of one block, as asked for */
    uint32_t node;
    uint8_t domain;       /* 0 raw, 1 mem, 2 object */
    uint8_t since;        /* the mark after which it was asked for; 0 for none */
    uint16_t thread;      /* who asked; 0 when that wasn't noted */
    uint64_t live_blocks; /* when the snapshot was taken */
    uint64_t live_bytes;
    uint64_t peak_blocks; /* when the traced bytes were highest */
    uint64_t peak_bytes;
    uint64_t all_blocks; /* ever allocated */
    uint64_t all_bytes;
};

struct ouro_snapshot_thread {
    uint32_t id; /* the system's; may come again in a long run */
    uint32_t reserved;
    char name[24]; /* NUL-ended; empty for none of its own */
};

/* A mark that the program set; traces have the last one before their blocks were asked for. */
struct ouro_snapshot_since {
    char name[96]; /* UTF-8, NUL-ended */
};

/* Of a trace's live blocks, those in which an object of one type lies. */
struct ouro_snapshot_typed {
    uint32_t trace;
    uint32_t type;
    uint64_t blocks;
};

/* Of a trace, by its number: blocks that ended within 1, 10, 100, ... 1,000,000 allocations, and not within fewer. */
#define OURO_SNAPSHOT_N_LIVES 7
struct ouro_snapshot_life {
    uint64_t ended[OURO_SNAPSHOT_N_LIVES];
};

/* Memory at one time of the recording, in the order of time.  The kernel's figures are of at_ns; those of the heap are
 * as the process last took them. */
struct ouro_snapshot_sample {
    uint64_t at_ns;         /* since the process began */
    uint64_t resident;      /* bytes */
    uint64_t files;         /* of which pages of files and shared memory */
    uint64_t counted_at_ns; /* when what follows was counted; not later than at_ns */
    uint64_t live[3];       /* bytes of live blocks by domain, rounding included */
    uint64_t blocks[3];
    uint64_t untouched; /* of the live bytes, never written and so not resident */
    uint64_t free;      /* free blocks in part-full pools, resident */
    uint64_t cached;    /* empty pools and runs kept for reuse, resident */
    uint64_t records;   /* the heap's own records, resident */
    uint64_t n_allocs;  /* of all domains, since the process began */
    uint64_t n_frees;
    uint64_t gc_runs[3]; /* of CPython's collector, by generation, since the process began */
    uint64_t gc_ns;      /* CPU time in them */
};

struct ouro_snapshot_mark {
    uint64_t at_ns; /* since the process began; in the order of time */
    char name[96];  /* UTF-8, NUL-ended, cut to fit */
};

/* A pool, a large block, or slots that are free.  A slot has 64 KiB. */
struct ouro_snapshot_run {
    uint32_t slot; /* the first; not before the end of the run before this one */
    uint32_t n_slots;
    uint8_t kind;   /* enum ouro_snapshot_run_kind */
    uint8_t domain; /* of a pool or a large block: 0 raw, 1 mem, 2 object */
    uint16_t reserved;
    uint32_t block_size; /* bytes, of a pool; 0 for others */
    uint32_t n_blocks;   /* that there is room for */
    uint32_t n_used;     /* that the program holds */
    uint64_t used_bytes; /* in them: of a pool with their rounding, of a large block as asked for */
};

enum ouro_snapshot_run_kind {
    OURO_SNAPSHOT_RUN_FREE = 1,  /* given back to the system */
    OURO_SNAPSHOT_RUN_DIRTY = 2, /* free, and resident */
    OURO_SNAPSHOT_RUN_KEPT = 3,  /* an empty pool, resident, kept for the next one */
    OURO_SNAPSHOT_RUN_POOL = 4,
    OURO_SNAPSHOT_RUN_LARGE = 5
};

#define OURO_SNAPSHOT_SLOT ((uint64_t)65536)

_Static_assert(sizeof(struct ouro_snapshot_header) == 16, "as documented");
_Static_assert(sizeof(struct ouro_snapshot_chunk) == 32, "as documented");
_Static_assert(sizeof(struct ouro_snapshot_tracing) == 192, "as documented");
_Static_assert(sizeof(struct ouro_snapshot_code) == 56, "as documented");
_Static_assert(sizeof(struct ouro_snapshot_node) == 12, "as documented");
_Static_assert(sizeof(struct ouro_snapshot_trace) == 64, "as documented");
_Static_assert(sizeof(struct ouro_snapshot_thread) == 32, "as documented");
_Static_assert(sizeof(struct ouro_snapshot_since) == 96, "as documented");
_Static_assert(sizeof(struct ouro_snapshot_typed) == 16, "as documented");
_Static_assert(sizeof(struct ouro_snapshot_life) == 56, "as documented");
_Static_assert(sizeof(struct ouro_snapshot_sample) == 160, "as documented");
_Static_assert(sizeof(struct ouro_snapshot_mark) == 104, "as documented");
_Static_assert(sizeof(struct ouro_snapshot_run) == 32, "as documented");

#endif
