/* classes.c - the table of size classes. */
#include "heap/classes.h"

#define DOUBLING(n)                                                                                    \
    (n) / 8 * 9, (n) / 8 * 10, (n) / 8 * 11, (n) / 8 * 12, (n) / 8 * 13, (n) / 8 * 14, (n) / 8 * 15, (n) * 2

const uint32_t ouro__class_size[OURO_N_SIZE_CLASSES] = {
    16, /* for requests of 0 bytes */
    16,  32,  48,  64,  80,  96,  112, 128, 144, 160, 176, 192, 208, 224, 240, 256,
    272, 288, 304, 320, 336, 352, 368, 384, 400, 416, 432, 448, 464, 480, 496, 512,
    DOUBLING(512), DOUBLING(1024), DOUBLING(2048), DOUBLING(4096),
    DOUBLING(8192), DOUBLING(16384), DOUBLING(32768),
};
