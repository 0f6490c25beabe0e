/* ouro/base.h - what every public header of Ouro needs: version, visibility, attributes. */
#ifndef OURO_BASE_H
#define OURO_BASE_H

#include <stddef.h>
#include <stdint.h>

/** The version of these headers: the first part of three. */
#define OURO_VERSION_MAJOR 0
/** The second part; until 1.0 a new one may change the interface. */
#define OURO_VERSION_MINOR 1
/** The third part: faults mended. */
#define OURO_VERSION_PATCH 0
/** All three, with points between them. */
#define OURO_VERSION_STRING "0.1.0"

#if defined(__GNUC__)
/** The function can be called from outside the library. */
#define OURO_API __attribute__((visibility("default")))
/** What the function returns must be looked at. */
#define OURO_NODISCARD __attribute__((warn_unused_result))
/** The function returns as many bytes as its parameter number `n` says. */
#define OURO_ALLOC_SIZE(n) __attribute__((alloc_size(n)))
#else
#define OURO_API
#define OURO_NODISCARD
#define OURO_ALLOC_SIZE(n)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The version of the library that is loaded, as "major.minor.patch".
 *
 * @return a static string, borrowed
 * @threads any
 */
OURO_API const char *ouro_version(void);

#ifdef __cplusplus
}
#endif

#endif
