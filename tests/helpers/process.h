/* process.h - what a test must know of its own process: how much memory, which sanitizer, how long to run. */
#ifndef OURO_TESTS_PROCESS_H
#define OURO_TESTS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_ADDRESS_SANITIZED 1
#endif
#if __has_feature(thread_sanitizer)
#define TEST_THREAD_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define TEST_ADDRESS_SANITIZED 1
#endif
#if defined(__SANITIZE_THREAD__)
#define TEST_THREAD_SANITIZED 1
#endif
#if !defined(TEST_ADDRESS_SANITIZED)
#define TEST_ADDRESS_SANITIZED 0
#endif
#if !defined(TEST_THREAD_SANITIZED)
#define TEST_THREAD_SANITIZED 0
#endif

/* A build in which every constant of the heap is tiny: a pool has two blocks, and a block of 16 bytes costs
 * kilobytes.  Tests that count bytes say little there, and need much. */
#if defined(OURO_STRESS) && OURO_STRESS
#define TEST_STRESSED 1
#else
#define TEST_STRESSED 0
#endif

/* Resident memory says something about the heap only where no tool keeps its shadow beside it. */
bool process_resident_is_ours(void);

/* Bytes of this process that are resident now, from /proc/self/statm. */
uint64_t process_resident(void);

/* Bytes of address space that this process has mapped. */
uint64_t process_mapped(void);

/* Whether the limits of this process and the machine's policy let it map `bytes` more. */
bool process_may_map(size_t bytes);

/* How many times to repeat: `count`, or the number in the environment variable `name` when that is set;
 * otherwise `count` scaled by OURO_TEST_SCALE (per cent), which is lower under sanitizers. */
uint64_t test_count(const char *name, uint64_t count);

/* The seed of a test: the number in OURO_TEST_SEED, or `seed`. */
uint64_t test_seed(uint64_t seed);

/* A template for mkstemp() and mkdtemp(), in the folder that TMPDIR names, or /tmp. */
void temporary_template(char *path, size_t size);

/* Sleep for `ms` milliseconds. */
void sleep_ms(unsigned ms);

/* Milliseconds on a clock that only goes forward. */
uint64_t clock_ms(void);

#endif
