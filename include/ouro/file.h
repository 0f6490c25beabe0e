/* ouro/file.h - the contents of files of any size, piece by piece, in constant memory.
 *
 * What reads a file is an iterator, <ouro/protocol.h>.  It closes the file at the end, with its own last reference, or
 * when the use of it ends: ouro_enter(), ouro_exit().  While it waits for the system its thread is detached.  One thread
 * at a time may ask for the next piece; others get OURO_BUSY meanwhile. */
#ifndef OURO_FILE_H
#define OURO_FILE_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the pieces of a file are given as. */
typedef enum ouro_file_as {
    OURO_FILE_AS_STR,   /**< texts, from UTF-8 */
    OURO_FILE_AS_BYTES, /**< bytes, as they are */
} ouro_file_as;

/**
 * A new iterator over the lines of a file, each with its "\n"; the last may have none.  It needs memory for the
 * longest line, and 64 KiB.
 *
 * Its ouro_next() fails with OURO_SYSTEM when the file cannot be read on, and for texts with OURO_NOT_UTF8 when a line
 * is no UTF-8, or cut off in the middle of a character: that line is passed over by the next step.
 *
 * @param path  borrowed, as the operating system has it
 * @return OURO_OK, OURO_NO_MEMORY, OURO_NO_FILE, OURO_DIRECTORY, OURO_DENIED, or OURO_SYSTEM for any other reason that the
 *         system has not to open it, and OURO_WRONG_VALUE for an `as` that is none
 * @source Python's open() and io.BufferedReader.readline()
 */
OURO_API OURO_NODISCARD ouro_status ouro_file_lines(const char *path, ouro_file_as as, ouro_ref *lines);

/**
 * A new iterator over the file at `path`, borrowed, in blocks: bytes of `size`, but for the last, which may be fewer.
 *
 * @return as of ouro_file_lines(); OURO_WRONG_VALUE when the size is 0
 */
OURO_API OURO_NODISCARD ouro_status ouro_file_blocks(const char *path, size_t size, ouro_ref *blocks);

/** Close a file before its end: its iterator is at its end then.  OURO_OK, or OURO_BUSY while it is being read. */
OURO_API OURO_NODISCARD ouro_status ouro_file_close(ouro_loan file);

#ifdef __cplusplus
}
#endif

#endif
