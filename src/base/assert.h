/* assert.h - what must never be false, in three strengths.
 *
 * OURO_ASSERT       cheap, in debug builds
 * OURO_ASSERT_SLOW  whole-structure validators, in stress builds
 * OURO_CHECK        always on, for heap corruption alone: says what was found, then aborts */
#ifndef OURO_BASE_ASSERT_H
#define OURO_BASE_ASSERT_H

#include "base/message.h"

#ifndef OURO_DEBUG_ASSERTS
#define OURO_DEBUG_ASSERTS 0
#endif
#ifndef OURO_SLOW_ASSERTS
#define OURO_SLOW_ASSERTS 0
#endif

#define OURO_LIKELY(x) __builtin_expect(!!(x), 1)
#define OURO_UNLIKELY(x) __builtin_expect(!!(x), 0)

#define OURO_CHECK(condition, ...)                                                                     \
    do {                                                                                               \
        if (OURO_UNLIKELY(!(condition))) {                                                             \
            ouro__die(__VA_ARGS__);                                                                    \
        }                                                                                              \
    } while (0)

#if OURO_DEBUG_ASSERTS
#define OURO_ASSERT(condition)                                                                         \
    OURO_CHECK(condition, "%s:%d: %s: assertion failed: %s", __FILE__, __LINE__, __func__, #condition)
#else
#define OURO_ASSERT(condition) ((void)sizeof((condition) ? 1 : 0))
#endif

#if OURO_SLOW_ASSERTS
#define OURO_ASSERT_SLOW(condition) OURO_ASSERT(condition)
#else
#define OURO_ASSERT_SLOW(condition) ((void)sizeof((condition) ? 1 : 0))
#endif

#endif
