/* crc32c.c - CRC-32C by tables, eight bytes at a time.
 *
 * table[k][n] is what the byte n leaves when k more bytes have followed.  A remainder is linear: that of n is the sum of
 * those of its bits, so that eight numbers make a table and the compiler does the rest.
 *
 * @source Kounavis and Berry, "A Systematic Approach to Building High Performance Software-based CRC Generators" (2005) */
#include "snapshot/crc32c.h"

#include <string.h>

#define BIT(n, k, left) (((n) >> (k)&1U) != 0 ? (left) : 0U)
#define ONE(n, a, b, c, d, e, f, g, h)                                                                 \
    BIT(n, 0, a) ^ BIT(n, 1, b) ^ BIT(n, 2, c) ^ BIT(n, 3, d) ^ BIT(n, 4, e) ^ BIT(n, 5, f) ^          \
        BIT(n, 6, g) ^ BIT(n, 7, h)
#define FOUR(n, ...)                                                                                   \
    ONE(n, __VA_ARGS__), ONE((n) + 1U, __VA_ARGS__), ONE((n) + 2U, __VA_ARGS__),                       \
        ONE((n) + 3U, __VA_ARGS__)
#define SIXTEEN(n, ...)                                                                                \
    FOUR(n, __VA_ARGS__), FOUR((n) + 4U, __VA_ARGS__), FOUR((n) + 8U, __VA_ARGS__),                    \
        FOUR((n) + 12U, __VA_ARGS__)
#define SIXTY_FOUR(n, ...)                                                                             \
    SIXTEEN(n, __VA_ARGS__), SIXTEEN((n) + 16U, __VA_ARGS__), SIXTEEN((n) + 32U, __VA_ARGS__),         \
        SIXTEEN((n) + 48U, __VA_ARGS__)
/* clang-format off */
#define SLICE(...)                                                                                     \
    {SIXTY_FOUR(0U, __VA_ARGS__), SIXTY_FOUR(64U, __VA_ARGS__), SIXTY_FOUR(128U, __VA_ARGS__),         \
     SIXTY_FOUR(192U, __VA_ARGS__)}

static const uint32_t table[8][256] = {
    SLICE(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78),
    SLICE(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9),
    SLICE(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743),
    SLICE(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f),
    SLICE(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae, 0x6ea2d55c),
    SLICE(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb, 0x1c08b7d6),
    SLICE(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4),
    SLICE(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32, 0x34019664),
};
/* clang-format on */

uint32_t
ouro__crc32c(uint32_t before, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint32_t crc = ~before;

    for (; size >= 8; size -= 8, at += 8) {
        uint32_t low, high;
        memcpy(&low, at, sizeof low);
        memcpy(&high, at + 4, sizeof high);
        low ^= crc;
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^
              table[4][low >> 24] ^ table[3][high & 255] ^ table[2][high >> 8 & 255] ^
              table[1][high >> 16 & 255] ^ table[0][high >> 24];
    }
    for (; size > 0; size--) {
        crc = crc >> 8 ^ table[0][(crc ^ *at++) & 255];
    }
    return ~crc;
}
