/* library_frames.h - which functions came with the language that a program is written in. */
#ifndef OURO_CLI_LIBRARY_FRAMES_H
#define OURO_CLI_LIBRARY_FRAMES_H

#include <stdbool.h>

/* Whether a source's file, or where that isn't known (NULL) a function, is of the library of C, C++ or Rust.  A function
 * by its name as linkers know it, and as people do; both may be NULL. */
bool ouro__frame_is_of_library(const char *file, const char *linked, const char *name);

#endif
