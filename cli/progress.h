/* progress.h - a line on a terminal for who waits: what is being done, and how far it is. */
#ifndef OURO_CLI_PROGRESS_H
#define OURO_CLI_PROGRESS_H

#include <stdio.h>

/* From now on it may be shown, where standard error is a terminal.  Without this nothing below does anything: not while a
 * program runs that has the terminal itself. */
void ouro__progress_allow(void);

/* Begin a step: `what` it is ("reading"), and of `path`, whose name is shown.  With `file`, which is read from its beginning
 * in pieces and isn't buffered, how much of it was read; it stays open until the next step, or the end. */
void ouro__progress_step(const char *what, const char *path, FILE *file);

/* Something is going to be printed: the line is gone, until the next step. */
void ouro__progress_end(void);

#endif
