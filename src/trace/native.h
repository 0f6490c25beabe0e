/* native.h - native frames as a source of frames: alone, or mixed with those of an interpreter.
 *
 * The code of a native frame is its module, and its offset an address as the module's file has it: names and lines are
 * for whoever reads the snapshot. */
#ifndef OURO_TRACE_NATIVE_H
#define OURO_TRACE_NATIVE_H

#include "os/modules.h"
#include "trace/frames.h"

/* The code of all frames that lie in no file. */
#define OURO_GENERATED_CODE "(generated code)"

/* An interpreter: its functions that run frames stand for the frames that they run, and its others are not shown. */
struct ouro__native_guest {
    const struct ouro__frame_source *frames;
    /* As frames->walk(); and for each frame an address that the function which runs it has on the native stack, or
     * OURO_RUN_BY_CODE, or OURO_RUN_UNKNOWN. */
    size_t (*place)(struct ouro__frame *frames, uintptr_t *run_by, size_t n_max);
    uintptr_t run_begin,
        run_end; /* OURO_RUN_BY_CODE: the code of the function that runs a frame each */
    bool (*owns)(const struct ouro__os_module *module); /* whether this is the interpreter itself */
};

#define OURO_RUN_BY_CODE ((uintptr_t)0)
#define OURO_RUN_UNKNOWN UINTPTR_MAX

/* Frames of the calling thread; `guest` is borrowed for good, NULL when there is no interpreter: it counts from when this
 * becomes the source.  NULL when native frames can't be had on this system. */
const struct ouro__frame_source *ouro__native_frames(const struct ouro__native_guest *guest);

#endif
