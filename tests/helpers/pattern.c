/* pattern.c - see pattern.h. */
#include "pattern.h"

#include <string.h>

#include "process.h"

enum {
    DENSE = TEST_THREAD_SANITIZED ? 128 : 1024, /* bytes at the front that are filled all */
    TAIL = 16,                                  /* bytes at the end that are filled all */
    STRIDE_SMALL = 512,                         /* one word in so many bytes, up to 64 KiB */
    STRIDE_LARGE = 4096,                        /* and beyond: one word a system page */
    STRIDE_TURN = 65536,
};

#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
#define UNCHECKED __attribute__((no_sanitize("address"), noinline))
#else
#define UNCHECKED __attribute__((noinline))
#endif

static uint64_t
word_of(uint64_t seed, size_t position)
{
    uint64_t z = (seed + position) * UINT64_C(0xBF58476D1CE4E5B9);
    return z ^ (z >> 29);
}

static unsigned char
byte_of(uint64_t seed, size_t position)
{
    return (unsigned char)(word_of(seed, position & ~(size_t)7) >> (8 * (position & 7)));
}

static void
fill_bytes(unsigned char *bytes, size_t from, size_t to, uint64_t seed)
{
    size_t at = from;
    while (at < to) {
        if ((at & 7) == 0 && to - at >= 8) {
            uint64_t word = word_of(seed, at);
            memcpy(bytes + at, &word, sizeof word);
            at += 8;
        } else {
            bytes[at] = byte_of(seed, at);
            at++;
        }
    }
}

static bool
bytes_hold(const unsigned char *bytes, size_t from, size_t to, uint64_t seed)
{
    size_t at = from;
    while (at < to) {
        if ((at & 7) == 0 && to - at >= 8) {
            uint64_t word;
            memcpy(&word, bytes + at, sizeof word);
            if (word != word_of(seed, at)) {
                return false;
            }
            at += 8;
        } else {
            if (bytes[at] != byte_of(seed, at)) {
                return false;
            }
            at++;
        }
    }
    return true;
}

static size_t
stride_at(size_t position)
{
    return position < STRIDE_TURN ? STRIDE_SMALL : STRIDE_LARGE;
}

void
pattern_fill(void *address, size_t size, uint64_t seed)
{
    unsigned char *bytes = address;
    size_t dense = size < DENSE ? size : DENSE;

    fill_bytes(bytes, 0, dense, seed);
    for (size_t at = dense; at + 8 <= size; at += stride_at(at)) {
        fill_bytes(bytes, at, at + 8, seed);
    }
    if (size > DENSE) {
        fill_bytes(bytes, size - TAIL, size, seed);
    }
}

bool
pattern_holds(const void *address, size_t filled, size_t size, uint64_t seed)
{
    const unsigned char *bytes = address;
    size_t dense = size < DENSE ? size : DENSE;

    if (!bytes_hold(bytes, 0, dense, seed)) {
        return false;
    }
    for (size_t at = dense; at + 8 <= size; at += stride_at(at)) {
        if (!bytes_hold(bytes, at, at + 8, seed)) {
            return false;
        }
    }
    return size < filled || size <= DENSE || bytes_hold(bytes, size - TAIL, size, seed);
}

bool
bytes_are_zero(const void *address, size_t size)
{
    const unsigned char *bytes = address;
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

UNCHECKED void *
opaque_pointer(void *pointer)
{
    __asm__ volatile("" : "+r"(pointer));
    return pointer;
}

UNCHECKED void
smash_byte(void *address, unsigned char value)
{
    *(volatile unsigned char *)address = value;
}

UNCHECKED void
smash_word(void *address, uint64_t value)
{
    *(volatile uint64_t *)address = value;
}

UNCHECKED unsigned char
peek_byte(const void *address)
{
    return *(const volatile unsigned char *)address;
}
