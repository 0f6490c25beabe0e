/* poison.h - memory that nobody may touch now, as AddressSanitizer's builds see it: in others these are nothing. */
#ifndef OURO_BASE_POISON_H
#define OURO_BASE_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define OURO_HAS_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OURO_HAS_POISON 1
#endif
#endif
#ifndef OURO_HAS_POISON
#define OURO_HAS_POISON 0
#endif

#if OURO_HAS_POISON
#include <sanitizer/asan_interface.h>
#endif

/* From here on it is a fault to read or write them. */
static inline void
ouro__poison(const void *from, size_t bytes)
{
#if OURO_HAS_POISON
    __asan_poison_memory_region(from, bytes);
#else
    (void)from;
    (void)bytes;
#endif
}

/* They are somebody's. */
static inline void
ouro__unpoison(const void *from, size_t bytes)
{
#if OURO_HAS_POISON
    __asan_unpoison_memory_region(from, bytes);
#else
    (void)from;
    (void)bytes;
#endif
}

#endif
