/* classes.c - the table of size classes. */
#include "heap/classes.h"

/* clang-format off */
#define EIGHTH(ENTRY, n, i) ENTRY((n) / 8 * (8 + (i)))
#define DOUBLING(ENTRY, n)                                                                             \
    EIGHTH(ENTRY, n, 1), EIGHTH(ENTRY, n, 2), EIGHTH(ENTRY, n, 3), EIGHTH(ENTRY, n, 4),                \
        EIGHTH(ENTRY, n, 5), EIGHTH(ENTRY, n, 6), EIGHTH(ENTRY, n, 7), EIGHTH(ENTRY, n, 8)
/* Eight steps of 16 behind n. */
#define STEPS(ENTRY, n)                                                                                \
    ENTRY((n) + 16), ENTRY((n) + 32), ENTRY((n) + 48), ENTRY((n) + 64), ENTRY((n) + 80), ENTRY((n) + 96),  \
        ENTRY((n) + 112), ENTRY((n) + 128)
#define ALL_CLASSES(ENTRY)                                                                             \
    ENTRY(16), /* for requests of 0 bytes */                                                           \
        STEPS(ENTRY, 0), STEPS(ENTRY, 128), STEPS(ENTRY, 256), STEPS(ENTRY, 384), DOUBLING(ENTRY, 512), \
        DOUBLING(ENTRY, 1024), DOUBLING(ENTRY, 2048), DOUBLING(ENTRY, 4096), DOUBLING(ENTRY, 8192),    \
        DOUBLING(ENTRY, 16384), DOUBLING(ENTRY, 32768)

/* clang-format on */

#define SIZE(n) (n)
#define INVERSE(n) (uint32_t)((((uint64_t)1 << 32) + (n)-1) / (n))

const uint32_t ouro__class_size[OURO_N_SIZE_CLASSES] = {ALL_CLASSES(SIZE)};
const uint32_t ouro__class_inverse[OURO_N_SIZE_CLASSES] = {ALL_CLASSES(INVERSE)};
