/* pattern.h - fill a block with bytes that tell which block it is, and check that they are still there.
 *
 * The bytes depend on the block's seed and on the position alone, so a block that was grown or shrunk can
 * be checked as far as both sizes reach.  The first bytes and the last ones are filled all; of what lies
 * between, one word in every stride is, or tests with large blocks would measure memset. */
#ifndef OURO_TESTS_PATTERN_H
#define OURO_TESTS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fill `size` bytes at `address`. */
void pattern_fill(void *address, size_t size, uint64_t seed);

/* Whether the first `size` bytes at `address` still hold what pattern_fill() wrote there when it filled
 * `filled` bytes.  `size` is at most `filled`. */
bool pattern_holds(const void *address, size_t filled, size_t size, uint64_t seed);

/* Whether all `size` bytes at `address` are zero. */
bool bytes_are_zero(const void *address, size_t size);

/* Hide from the compiler where a pointer came from, so that it neither warns of nor removes what a test
 * does to it on purpose. */
void *opaque_pointer(void *pointer);

/* Write one byte where a sanitizer would object: for tests that smash memory on purpose. */
void smash_byte(void *address, unsigned char value);

/* As smash_byte(), a whole word. */
void smash_word(void *address, uint64_t value);

/* Read one byte where a sanitizer would object. */
unsigned char peek_byte(const void *address);

#endif
