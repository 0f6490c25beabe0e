/* ouro/trace.h - where blocks come from: which traceback allocated which block of this library's heaps.
 *
 * While tracing is on, each block that a heap or an object takes is known by its size, its domain and the frames of the
 * thread that asked for it; of a sample of the blocks, or of every one.  Frames are the program's own: an interpreter
 * says by two functions where its threads are (ouro_frame_source), and a program that has no such frames gives none.
 *
 * What is known is counted as it comes: what is live, what was when most was, and all that ever was allocated.
 * <ouro/snapshot.h> takes it away to look at it.  Tracing that is off costs nothing; docs/tracing.md says what it costs
 * when it is on.
 *
 * @source  Python's tracemalloc */
#ifndef OURO_TRACE_H
#define OURO_TRACE_H

#include <ouro/heap.h>
#include <ouro/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The most frames that are kept of a traceback: of deeper ones the outermost are lost. */
#define OURO_TRACE_FRAMES_MOST 16384

/** The largest distance of samples, in bytes. */
#define OURO_TRACE_SAMPLE_MOST ((uint64_t)1 << 40)

/** A frame: which code runs in it, and where. */
typedef struct ouro_frame {
    const void
        *code; /**< an address that stands for a function's code as long as that lives; never NULL */
    uint32_t line; /**< in its file, 0 for none */
} ouro_frame;

/** What is known of a code.  Texts are UTF-8, borrowed until the next call; NULL is as good as "". */
typedef struct ouro_code {
    const char *file;     /**< its name */
    const char *function; /**< its name, qualified where it is */
    uint32_t first_line;  /**< where it begins, 0 where that is not known */
} ouro_code;

/**
 * Who knows the frames of the program's threads.  The functions are called in the midst of allocations: they allocate
 * nothing from this library, wait for no lock that is held around an allocation, and call nothing of <ouro/trace.h>.
 */
typedef struct ouro_frame_source {
    /** Put the frames of the calling thread into `frames`, the innermost first, at most `most` of them; how many there
     * are. */
    size_t (*walk)(ouro_frame *frames, size_t most, void *context);
    /** Say what `code`, which runs in a frame of the calling thread, is; false when that can't be said. */
    bool (*read_code)(const void *code, ouro_code *known, void *context);
    void *context; /**< handed to both; borrowed until tracing ends */
    /** Whether a code lives until tracing ends.  Where it doesn't, it had better be an object or a block of this library, whose end
     * is noticed; others are read anew for each block. */
    bool codes_last;
} ouro_frame_source;

/** How to trace.  Zero traces every block, with all its frames. */
typedef struct ouro_trace_config {
    uint64_t sample_bytes; /**< mean bytes from one sample to the next; 0 traces every block */
    uint32_t n_frames;     /**< innermost frames that are kept of a traceback; 0 for all */
    const ouro_frame_source *source; /**< borrowed for the call; NULL for no frames */
} ouro_trace_config;

/**
 * Trace from now on, or go on otherwise.  What is known is forgotten when `sample_bytes` changes, and kept when only
 * frames do.  Blocks from before are not traced.
 *
 * Other threads that use objects are stopped for a moment.
 *
 * @param config  borrowed, read during the call; NULL for every block, without frames
 * @return OURO_OK; OURO_WRONG_VALUE: more than OURO_TRACE_SAMPLE_MOST, or a source without functions; OURO_NO_MEMORY; or
 *         OURO_BUSY, from within a frame source.  In these cases all is as it was
 * @threads any, but none that holds the world still (a visitor of <ouro/gc.h>), nor in a signal handler
 * @source  tracemalloc.start()
 */
OURO_API OURO_NODISCARD ouro_status ouro_trace_start(const ouro_trace_config *config);

/**
 * Trace no more, and forget everything.
 *
 * @return OURO_OK, also when nothing was traced; OURO_BUSY as of ouro_trace_start()
 * @threads as ouro_trace_start()
 * @source  tracemalloc.stop()
 */
OURO_API ouro_status ouro_trace_stop(void);

/** Whether blocks are traced, every one or samples.  @threads any  @source tracemalloc.is_tracing() */
OURO_API bool ouro_trace_is_on(void);

/**
 * Forget everything, and go on: blocks from before count no longer.
 *
 * @return OURO_OK, also when nothing is traced; OURO_BUSY as of ouro_trace_start()
 * @threads any
 * @source  tracemalloc.clear_traces()
 */
OURO_API ouro_status ouro_trace_clear(void);

/**
 * Let the peak be what is live now.
 *
 * @return OURO_OK, also when nothing is traced; OURO_BUSY as of ouro_trace_start()
 * @threads any
 * @source  tracemalloc.reset_peak()
 */
OURO_API ouro_status ouro_trace_reset_peak(void);

/**
 * Bytes of the traced blocks, as they were asked for; of samples, what they stand for.
 *
 * @param now   receives what is live; may be NULL
 * @param peak  receives the most that was live since tracing began, or the peak was reset; may be NULL
 * @threads any
 * @source  tracemalloc.get_traced_memory()
 */
OURO_API void ouro_trace_get_memory(uint64_t *now, uint64_t *peak);

/** What tracing knows in all. */
typedef struct ouro_trace_stats {
    uint64_t bytes;       /**< live bytes, as ouro_trace_get_memory() gives them */
    uint64_t blocks;      /**< live blocks; of samples, the samples */
    uint64_t peak_bytes;  /**< bytes when most were live */
    uint64_t peak_blocks; /**< blocks then */
    uint64_t
        own_bytes; /**< memory that tracing takes for itself (tracemalloc.get_tracemalloc_memory()) */
    uint64_t n_untraced;   /**< blocks that could not be traced for want of memory */
    uint64_t sample_bytes; /**< as tracing began; 0 for every block */
    uint32_t n_frames;     /**< as tracing began; 0 for all (tracemalloc.get_traceback_limit()) */
    bool is_on;            /**< whether there is tracing at all; all else is 0 when not */
} ouro_trace_stats;

/** Fill `stats`.  Asks the system how much of tracing's memory is there: some microseconds and more.  @threads any */
OURO_API void ouro_trace_get_stats(ouro_trace_stats *stats);

/** A place in the program: a frame, as a person knows it.  Texts are UTF-8. */
typedef struct ouro_place {
    const char *file;     /**< its name, "" for none */
    const char *function; /**< its name, "" for none */
    uint32_t line;        /**< 0 for none */
} ouro_place;

/** Where a block comes from. */
typedef struct ouro_traceback {
    size_t size;              /**< bytes that were asked for */
    ouro_domain domain;       /**< who asked */
    size_t n_places;          /**< how many frames are known */
    const ouro_place *places; /**< of which the first is the innermost */
} ouro_traceback;

/**
 * Where a block comes from.
 *
 * @param block      borrowed: a live block of any heap, or an object
 * @param traceback  receives an owned traceback, for ouro_traceback_free()
 * @return OURO_FOUND; 0 when the block is not traced; OURO_NO_MEMORY; OURO_BUSY as of ouro_trace_start()
 * @threads any
 * @source  tracemalloc.get_object_traceback()
 */
OURO_API OURO_NODISCARD ouro_status ouro_trace_of(const void *block, ouro_traceback **traceback);

/** Free a `traceback`, which is stolen; NULL is ignored.  @threads any */
OURO_API void ouro_traceback_free(ouro_traceback *traceback);

/** What a `domain` is called: "raw", "mem", "object"; "unknown" for what is none.  A static string.  @threads any */
OURO_API const char *ouro_domain_name(ouro_domain domain);

#ifdef __cplusplus
}
#endif

#endif
