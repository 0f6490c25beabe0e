/* ouro/host.h - what a program on Ouro's heap can ask of its host while it runs.
 *
 * These functions are libouro-host's, which `ouro run` loads into programs: no library that a program is linked with
 * has them.  So a program looks each up, and goes on without where there is no host:
 *
 *     int (*version)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "ouro_host_version");
 *
 * From Python, ctypes.PyDLL(None) has them: it keeps the interpreter's lock during the call, so that no other thread
 * allocates meanwhile.
 *
 * They return 0 or an errno value, whatever happens, and leave errno alone. */
#ifndef OURO_HOST_H
#define OURO_HOST_H

#include <ouro/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The version of these functions.
 *
 * @return 1
 * @threads any
 */
OURO_API int ouro_host_version(void);

/**
 * Trace which line allocates what from now on, or go on otherwise: with samples `sample_bytes` apart on average, or
 * every block when that is 0.  Blocks from before count as untraced, and so do all that were traced when the distance
 * changes; when only the depth does, what is known is kept.
 *
 * The calling thread's blocks are traced from the return of this call on, and so are CPython's mem and object domains
 * where the caller holds the interpreter's lock.  Other threads notice within 128 KiB that they allocate or, where
 * samples were taken before, with their next sample.
 *
 * @param sample_bytes  bytes, up to 1 TiB
 * @param n_frames      innermost frames of a traceback that are kept, 0 for all (16,384)
 * @return 0; EINVAL; ENOMEM, and all is as it was; EAGAIN in a signal handler that interrupted tracing; ENOTSUP in a
 *         program that brings a sanitizer
 * @threads any; in a signal handler never
 * @source  tracemalloc.start()
 */
OURO_API int ouro_host_trace_start(uint64_t sample_bytes, uint32_t n_frames);

/**
 * Trace no more, and forget all that was traced.
 *
 * @return 0, also when nothing was; EAGAIN, ENOTSUP as of ouro_host_trace_start()
 * @threads any; in a signal handler never
 */
OURO_API int ouro_host_trace_stop(void);

/**
 * Forget all that was traced, and go on: blocks from before count as untraced.
 *
 * @return 0, also when nothing is; EAGAIN, ENOTSUP as of ouro_host_trace_start()
 * @threads any; in a signal handler never
 */
OURO_API int ouro_host_trace_clear(void);

/**
 * Let the peak be what is live now.
 *
 * @return 0, also when nothing is traced; EAGAIN, ENOTSUP as of ouro_host_trace_start()
 * @threads any; in a signal handler never
 */
OURO_API int ouro_host_trace_reset_peak(void);

/** How the program is traced. */
enum ouro_host_trace_mode {
    OURO_HOST_TRACE_OFF = 0,    /**< not at all */
    OURO_HOST_TRACE_EXACT = 1,  /**< every block */
    OURO_HOST_TRACE_SAMPLED = 2 /**< samples; figures are estimates */
};

/** What tracing knows in all. */
struct ouro_host_trace_state {
    uint64_t size;         /**< of this struct, by the caller; what it has no room for is left out */
    uint32_t mode;         /**< enum ouro_host_trace_mode */
    uint32_t n_frames;     /**< of a traceback at most, 0 for all */
    uint64_t sample_bytes; /**< from one sample to the next, 0 when every block is traced */
    uint64_t live_bytes;   /**< as asked for by the program; of samples, what they stand for */
    uint64_t live_blocks;  /**< that are known: of samples, these alone */
    uint64_t peak_bytes;   /**< the most that was live at once */
    uint64_t peak_blocks;  /**< live then */
    uint64_t own_bytes;    /**< that tracing takes itself, outside the heap */
    uint64_t untraced;     /**< blocks that should have been traced but for want of memory */
};

/**
 * What tracing knows in all, now.
 *
 * @param state  borrowed; its `size` is set by the caller, and all else here
 * @return 0; EINVAL for a size that has no room for the mode; EAGAIN, ENOTSUP as of ouro_host_trace_start()
 * @threads any; in a signal handler never
 * @source  tracemalloc.get_traced_memory()
 */
OURO_API int ouro_host_trace_state(struct ouro_host_trace_state *state);

/**
 * Write what is traced now to an open file, from where that stands: an `.ouro` file without a record of the process, its
 * chunks not packed.  Whoever allocates meanwhile waits; where that matters, ouro_host_snapshot() is the one to call.
 *
 * @param file  a descriptor, which stays open
 * @return 0; ENODATA when nothing is traced; EFBIG past RLIMIT_FSIZE; EIO when not all could be written; EAGAIN, ENOTSUP as
 *         of ouro_host_trace_start()
 * @threads any; in a signal handler never
 */
OURO_API int ouro_host_trace_write(int file);

/**
 * Take a snapshot of what is traced now, as `ouro run -o` keeps it.  A copy of the process writes it while the program
 * goes on; the program hears nothing of that process: no signal, nothing for wait().  Whether it could be written is told
 * by the report of `ouro run`.
 *
 * @param name  borrowed, UTF-8 of up to 95 bytes, or NULL; part of the file's name
 * @return 0 when it is being written; ENOTSUP when nothing is traced, or nobody keeps snapshots (`ouro run` without -o);
 *         EAGAIN when four are being written, another thread begins one just now, or this is a signal handler that
 *         interrupted tracing; ENAMETOOLONG; or why the system makes no process: EAGAIN, ENOMEM, ...
 * @threads any; signal handlers, too
 */
OURO_API int ouro_host_snapshot(const char *name);

/**
 * A mark named `name` on the line of time, which `ouro plot` shows beside the memory that was held.  The first fifteen of
 * different names also divide what is traced: `ouro report --since NAME` shows what was allocated since, unless a signal
 * handler that interrupted tracing set it.
 *
 * @param name  borrowed, UTF-8 of up to 95 bytes
 * @return 0; ENAMETOOLONG for a longer name, ENOTSUP where nobody records (not under `ouro run`), ENOSPC past 10,000 marks
 *         of a process, or what the system says of writing to the session's folder
 * @threads any; in a signal handler, too
 */
OURO_API int ouro_host_mark(const char *name);

#ifdef __cplusplus
}
#endif

#endif
