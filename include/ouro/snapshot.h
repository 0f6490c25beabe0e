/* ouro/snapshot.h - what is known of a process's blocks at one moment: taken, saved, read, filtered, summed up, compared.
 *
 * A snapshot is taken of what is traced (<ouro/trace.h>), or read from a file (`.ouro`), of this program's or any other's:
 * those of `ouro run` as well.  It is a copy that nothing changes any more.  `ouro report`, `ouro diff` and the other verbs
 * read what is saved here.
 *
 * Whatever a file holds, reading it is safe: numbers that lead nowhere are left out, and ouro_snapshot_trouble() says so.
 *
 * Memory is malloc()'s.  Functions may be called by any thread, for one snapshot also by several at once, but not while
 * another ends it.
 *
 * @source  Python's tracemalloc */
#ifndef OURO_SNAPSHOT_H
#define OURO_SNAPSHOT_H

#include <ouro/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What was known at one moment. */
typedef struct ouro_snapshot ouro_snapshot;

/** Unpacks a packed chunk of a file: makes `size` bytes at `to` of the `n` at `from`, one zstd frame; false when they are
 * none. */
typedef bool (*ouro_unpacker)(void *to, size_t size, const void *from, size_t n);

/* ---- making and ending ---- */

/**
 * Take a snapshot of what is traced now.  Threads that allocate wait while it is copied.
 *
 * @param name      borrowed; what it is called, cut to 95 bytes; may be NULL
 * @param snapshot  receives an owned snapshot, for ouro_snapshot_free()
 * @return OURO_OK; OURO_WRONG_VALUE when nothing is traced; OURO_NO_MEMORY; OURO_BUSY from within a frame source
 * @threads any
 * @source  tracemalloc.take_snapshot()
 */
OURO_API OURO_NODISCARD ouro_status ouro_snapshot_take(const char *name, ouro_snapshot **snapshot);

/**
 * Save a snapshot.  The file appears whole, in the place of one that may be there, or not at all.
 *
 * @param snapshot  borrowed; taken, read or filtered
 * @param path      borrowed; beside it is written first, to a name of six letters more
 * @return OURO_OK; OURO_NO_FILE: no such folder; OURO_DENIED; OURO_DIRECTORY; OURO_NO_MEMORY; OURO_SYSTEM: errno says why
 * @source  tracemalloc.Snapshot.dump()
 */
OURO_API OURO_NODISCARD ouro_status ouro_snapshot_save(const ouro_snapshot *snapshot, const char *path);

/**
 * Read a snapshot.  Of a file that is cut off or spoiled, what comes before is read: see ouro_snapshot_trouble().
 *
 * @param path      borrowed
 * @param unpack    for files whose chunks are packed, as those of `ouro run`; a program that is linked with zstd calls
 *                  ZSTD_decompress() here.  NULL reads those that this library saves
 * @param snapshot  receives an owned snapshot, for ouro_snapshot_free()
 * @return OURO_OK; OURO_NO_SNAPSHOT; OURO_NO_FILE, OURO_DENIED, OURO_DIRECTORY; OURO_NO_MEMORY; OURO_SYSTEM
 * @source  tracemalloc.Snapshot.load()
 */
OURO_API OURO_NODISCARD ouro_status ouro_snapshot_open(const char *path, ouro_unpacker unpack,
                                                       ouro_snapshot **snapshot);

/** Free a `snapshot`, which is stolen; NULL is ignored. */
OURO_API void ouro_snapshot_free(ouro_snapshot *snapshot);

/* ---- what it says of itself ---- */

/** What is known of a snapshot beside its blocks. */
typedef struct ouro_snapshot_info {
    const char *name;    /**< "" for none; texts are borrowed from the snapshot */
    const char *reason;  /**< why it was taken: "call", "exit", ... */
    const char *command; /**< the process's arguments, with spaces between them; "" when not known */
    const char *python;  /**< the version of its Python, "" for none */
    int pid;             /**< 0 when not known */
    uint64_t began_ns;   /**< when the process began, or its tracing, ns since 1970; 0 when not known */
    uint64_t taken_ns;   /**< when it was taken, ns after that */
    uint64_t peak_ns;    /**< when the peak was, likewise, about */
    uint64_t peak_bytes; /**< traced bytes when they were highest; of samples an estimate */
    uint64_t own_bytes;  /**< memory that tracing took for itself */
    uint64_t n_untraced; /**< blocks that could not be traced */
    uint64_t sample_bytes; /**< mean bytes from one sample to the next; 0 when every block was traced */
    uint32_t n_frames;     /**< the most frames kept of a traceback, 0 for all */
} ouro_snapshot_info;

/** Fill `info` with what is known of `snapshot`. */
OURO_API void ouro_snapshot_get_info(const ouro_snapshot *snapshot, ouro_snapshot_info *info);

/** What was wrong with the file of `snapshot`, as "is cut off at byte 512, in a chunk's header"; NULL when nothing was. */
OURO_API const char *ouro_snapshot_trouble(const ouro_snapshot *snapshot);

/** Blocks that were asked for alike: by the same traceback, of the same size and domain.  Of samples these are the samples. */
typedef struct ouro_trace {
    size_t size;              /**< bytes of one block */
    ouro_domain domain;       /**< who asked */
    size_t n_places;          /**< how many frames are known */
    const ouro_place *places; /**< the innermost first; borrowed until the visitor returns */
    uint64_t live;            /**< blocks when the snapshot was taken */
    uint64_t at_peak;         /**< blocks when most bytes were live */
    uint64_t all;             /**< blocks ever allocated */
} ouro_trace;

/** Called for each trace; a result other than 0 ends the walk. */
typedef int (*ouro_trace_visitor)(const ouro_trace *trace, void *context);

/**
 * Call `visit` with `context` for each trace of `snapshot`.
 *
 * @return the first result that is not 0; OURO_OK; OURO_NO_MEMORY before any call
 * @source  tracemalloc.Snapshot.traces
 */
OURO_API int ouro_snapshot_visit(const ouro_snapshot *snapshot, ouro_trace_visitor visit,
                                 void *context);

/* ---- filters ---- */

/** Any domain. */
#define OURO_ANY_DOMAIN (-1)

/** Which traces to keep, or to leave out.  All that is said has to fit. */
typedef struct ouro_trace_filter {
    const char *
        pattern; /**< of a file's name or a function's: as a whole, with `*`, `?` and `[`; one without these is a
                              part of a file's name or a function's whole name.  NULL fits all, tracebacks without frames too */
    uint32_t line;   /**< of the same frame, 0 for any */
    int domain;      /**< a value of ouro_domain, or OURO_ANY_DOMAIN */
    bool leaves_out; /**< what fits is left out; otherwise kept */
    bool all_frames; /**< any frame of the traceback may fit; otherwise the innermost one */
} ouro_trace_filter;

/**
 * A snapshot of the traces that some filters leave: those that one of the keeping filters fits, if there are any, and none of
 * the others.
 *
 * @param snapshot  borrowed
 * @param filters   borrowed, `n` of them
 * @param filtered  receives an owned snapshot
 * @return OURO_OK or OURO_NO_MEMORY
 * @source  tracemalloc.Snapshot.filter_traces()
 */
OURO_API OURO_NODISCARD ouro_status ouro_snapshot_filter(const ouro_snapshot *snapshot,
                                                         const ouro_trace_filter *filters, size_t n,
                                                         ouro_snapshot **filtered);

/* ---- sums and differences ---- */

/** Which blocks count. */
typedef enum ouro_moment {
    OURO_LIVE = 0,    /**< those that were live when the snapshot was taken */
    OURO_AT_PEAK = 1, /**< those that were live when most bytes were */
    OURO_EVER = 2,    /**< all that were ever allocated */
} ouro_moment;

/** What has a sum of its own. */
typedef enum ouro_key {
    OURO_KEY_LINE = 0,      /**< a line of a file */
    OURO_KEY_FILE = 1,      /**< a file */
    OURO_KEY_FUNCTION = 2,  /**< a function of a file */
    OURO_KEY_TRACEBACK = 3, /**< a whole traceback */
    OURO_KEY_DOMAIN = 4,    /**< a domain */
} ouro_key;

/** How to sum up.  Zero is what is live, by the innermost frame's line. */
typedef struct ouro_sum_config {
    ouro_moment moment; /**< which blocks count */
    ouro_key key;       /**< what has a sum */
    bool
        cumulative; /**< a block counts for each frame of its traceback, once; for lines, files and functions */
} ouro_sum_config;

/** A sum of blocks, rounded.  Of samples it is an estimate. */
typedef struct ouro_sum {
    uint64_t bytes;  /**< as they were asked for */
    uint64_t blocks; /**< how many */
    uint64_t error;  /**< the standard error of the bytes; 0 when every block was traced */
} ouro_sum;

/** A key and its sum. */
typedef struct ouro_statistic {
    size_t n_places; /**< 1; of a traceback how many frames it has; 0 for no frame, and for domains */
    const ouro_place *places; /**< the innermost first; what the key doesn't say is "" or 0 */
    ouro_domain domain;       /**< for domains alone */
    ouro_sum sum;             /**< of a difference, after */
    ouro_sum before;          /**< of a difference alone */
} ouro_statistic;

/** Sums, or what is different between those of two snapshots. */
typedef struct ouro_statistics {
    size_t n;                   /**< how many rows */
    const ouro_statistic *rows; /**< the largest first; of a difference, what changed most */
    ouro_sum all;               /**< of all traces; of a difference, after */
    ouro_sum all_before;        /**< of a difference alone */
} ouro_statistics;

/**
 * Sum up a snapshot.
 *
 * @param snapshot    borrowed
 * @param config      borrowed; NULL for live blocks by line
 * @param statistics  receives owned statistics, for ouro_statistics_free()
 * @return OURO_OK, OURO_WRONG_VALUE or OURO_NO_MEMORY
 * @source  tracemalloc.Snapshot.statistics()
 */
OURO_API OURO_NODISCARD ouro_status ouro_snapshot_sum(const ouro_snapshot *snapshot,
                                                      const ouro_sum_config *config,
                                                      ouro_statistics **statistics);

/**
 * What is different between two snapshots: keys whose sums are, new ones and gone ones as well.
 *
 * @param before      borrowed
 * @param after       borrowed
 * @param config      borrowed; NULL for live blocks by line
 * @param statistics  receives owned statistics, for ouro_statistics_free()
 * @return OURO_OK, OURO_WRONG_VALUE or OURO_NO_MEMORY
 * @source  tracemalloc.Snapshot.compare_to()
 */
OURO_API OURO_NODISCARD ouro_status ouro_snapshot_diff(const ouro_snapshot *before,
                                                       const ouro_snapshot *after,
                                                       const ouro_sum_config *config,
                                                       ouro_statistics **statistics);

/** Free `statistics`, which are stolen; NULL is ignored. */
OURO_API void ouro_statistics_free(ouro_statistics *statistics);

#ifdef __cplusplus
}
#endif

#endif
