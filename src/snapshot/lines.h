/* lines.h - the tables in which an interpreter keeps which instruction is on which line. */
#ifndef OURO_SNAPSHOT_LINES_H
#define OURO_SNAPSHOT_LINES_H

#include <stddef.h>
#include <stdint.h>

/* The line of the instruction at `offset`, 0 when it is on none or the table is spoiled.  `line_table` is an
 * enum ouro__line_table. */
uint32_t ouro__line_at(uint32_t line_table, const uint8_t *table, size_t size, uint32_t first_line,
                       uint32_t offset);

#endif
