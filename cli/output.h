/* output.h - where the report and the JSON go: all of it, or a word on why not. */
#ifndef OURO_CLI_OUTPUT_H
#define OURO_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Write every byte.  False with errno set when that fails. */
bool ouro__write_all(int fd, const char *data, size_t length);

/* Whether `path` could be written, asked before the program runs: a run of hours should not end with a
 * misspelled folder.  Says what is wrong on standard error.  "-" is standard output. */
bool ouro__output_check(const char *path);

/* Whether `path` is a plain file, or none yet: one that is replaced as a whole and can never block. */
bool ouro__output_is_plain(const char *path);

/* Write `path`: a plain file appears whole under its name or not at all; anything else is written to.
 * Says what is wrong on standard error. */
bool ouro__output_write(const char *path, const char *data, size_t length);

/* The same for what comes in pieces. */
struct ouro__output {
    const char *path; /* borrowed */
    char *target;     /* the file that is replaced, NULL for what is written to as it is */
    char *temporary;  /* its name until it is whole */
    int fd;
    int error; /* errno of what failed first, 0 for none; what is added after it goes nowhere */
    bool replace;
};

/* False when nothing can be written there, which is said; without `replace` also when there is a plain file. */
bool ouro__output_begin(struct ouro__output *output, const char *path, bool replace);
void ouro__output_add(struct ouro__output *output, const void *data, size_t length);

/* All was added: let it appear.  False when anything failed, which is said. */
bool ouro__output_end(struct ouro__output *output);

/* Nothing shall appear after all. */
void ouro__output_drop(struct ouro__output *output);

/* Whether there is no plain file at `path` yet; says so when there is. */
bool ouro__output_check_free(const char *path);

/* Descriptors 0 to 2 that the tool was started without are filled, so that no file of its own lands
 * there and is taken for standard error; the child finds them closed as they were. */
void ouro__output_guard_standard(void);

#endif
