/* lines.h - the tables in which an interpreter keeps which instruction is on which line. */
#ifndef OURO_SNAPSHOT_LINES_H
#define OURO_SNAPSHOT_LINES_H

#include <stddef.h>
#include <stdint.h>

/* A table that is read once, from its beginning to its end: a file may have large ones, and many instructions. */
struct ouro__lines {
    uint32_t line_table, first_line;
    const uint8_t *at, *end; /* what was not read yet */
    int64_t next;            /* the line from which the next entry counts */
    int64_t line;            /* of the instructions before `address`; 0 for none */
    uint64_t address;
};

/* `line_table` is an enum ouro__line_table; the table is borrowed. */
void ouro__lines_begin(struct ouro__lines *lines, uint32_t line_table, const uint8_t *table,
                       size_t size, uint32_t first_line);

/* The line of the instruction at `offset`, not before the one that was asked for last; 0 when it is on none or the table is
 * spoiled. */
uint32_t ouro__lines_at(struct ouro__lines *lines, uint32_t offset);

#endif
