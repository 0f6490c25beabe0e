/* lines.c - from an instruction's offset to its line. */
#include "lines.h"

#include "trace/trace.h"

uint32_t
ouro__line_at(uint32_t line_table, const uint8_t *table, size_t size, uint32_t first_line,
              uint32_t offset)
{
    (void)table;
    (void)size;
    return line_table == OURO_LINES_NONE ? offset : first_line;
}
