/* lines.c - the tool's reading of tables of lines beside the interpreter's, for test_lines.py: a library for ctypes. */
#include "snapshot/lines.h"

typedef int (*addr2line)(void *code, int offset);

/* How many of `n_instructions`, 2 bytes each, are on another line than the interpreter has them on; and on no line is 0
 * here, -1 there.  *first: the offset of one of them. */
size_t
lines_compare(addr2line true_line, void *code, uint32_t kind, const uint8_t *table, size_t size,
              uint32_t first_line, size_t n_instructions, uint32_t *first)
{
    size_t n = 0;
    for (size_t i = n_instructions; i-- > 0;) {
        int expected = true_line(code, (int)(2 * i));
        uint32_t got = ouro__line_at(kind, table, size, first_line, (uint32_t)(2 * i));
        if (got != (expected > 0 ? (uint32_t)expected : 0)) {
            *first = (uint32_t)(2 * i);
            n++;
        }
    }
    return n;
}

/* The lines of all instructions. */
void
lines_all(uint32_t kind, const uint8_t *table, size_t size, uint32_t first_line, size_t n_instructions,
          uint32_t *lines)
{
    for (size_t i = 0; i < n_instructions; i++) {
        lines[i] = ouro__line_at(kind, table, size, first_line, (uint32_t)(2 * i));
    }
}
