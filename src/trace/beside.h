/* beside.h - an index beside each block. */
#ifndef OURO_TRACE_BESIDE_H
#define OURO_TRACE_BESIDE_H

#include <stdbool.h>
#include <stdint.h>

/* Where the index of the block lies that `address` is in: of a block that the caller holds.  NULL when the address is
 * not ours and, unless `make`, when no index is there yet; then, too, without memory. */
uint32_t *ouro__beside(const void *address, bool make);

/* Whether the end of what lies at `address` will be told as that of a block which begins there. */
bool ouro__beside_sees_end(const void *address);

/* Forget all of them. */
void ouro__beside_free(void);

uint64_t ouro__beside_bytes(void);

#endif
