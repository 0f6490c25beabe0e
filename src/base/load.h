/* load.h - words read from where they need not be aligned, in the machine's own order of bytes. */
#ifndef OURO_BASE_LOAD_H
#define OURO_BASE_LOAD_H

#include <stdint.h>
#include <string.h>

static inline uint16_t
ouro__load_2(const void *at)
{
    uint16_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint32_t
ouro__load_4(const void *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint64_t
ouro__load_8(const void *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

#endif
