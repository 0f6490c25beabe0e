/* crc32c.h - the checksum of a snapshot's chunks. */
#ifndef OURO_SNAPSHOT_CRC32C_H
#define OURO_SNAPSHOT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli, RFC 3720) of `size` bytes that follow those whose checksum is `before`; 0 before the first. */
uint32_t ouro__crc32c(uint32_t before, const void *bytes, size_t size);

#endif
