/* ouro/status.h - how a call ended. */
#ifndef OURO_STATUS_H
#define OURO_STATUS_H

#include <ouro/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Every failure, with the sentence that ouro_status_text() gives for it. */
#define OURO_STATUSES(X)                                                                               \
    X(OURO_NO_MEMORY, -1, "the limit or the system refuses memory")                                    \
    X(OURO_WRONG_TYPE, -2, "an object is not of the type that is needed")                              \
    X(OURO_WRONG_VALUE, -3, "an argument is out of range")                                             \
    X(OURO_UNHASHABLE, -4, "an object of this type has no hash")                                       \
    X(OURO_CHANGED, -5, "a container was changed while it was iterated over")                          \
    X(OURO_TOO_LARGE, -6, "the result would not fit")                                                  \
    X(OURO_TOO_MANY, -7, "no more threads or types can be had")                                        \
    X(OURO_BUSY, -8, "it is in use, or running already")                                               \
    X(OURO_DEAD, -9, "the object that a weak reference or proxy stands for is gone")                   \
    X(OURO_NOT_ATTACHED, -10, "the calling thread is not attached")                                    \
    X(OURO_FAILED, -11, "a function of the program's own failed")                                      \
    X(OURO_SYSTEM, -12, "the operating system reports an error")                                       \
    X(OURO_CLOSED, -13, "a generator is being closed")                                                 \
    X(OURO_NO_FILE, -14, "there is no such file")                                                      \
    X(OURO_DIRECTORY, -15, "it is a directory")                                                        \
    X(OURO_DENIED, -16, "the operating system does not permit it")                                     \
    X(OURO_NOT_UTF8, -17, "what was read is no UTF-8")                                                 \
    X(OURO_TOO_DEEP, -18, "objects lie too deep inside each other")                                    \
    X(OURO_NO_SNAPSHOT, -19, "a file is no snapshot, or none that this library understands")

#define OURO_STATUS_ENUMERATOR(name, value, text) name = value,

/** 0 when all went well, negative when not.  Look-ups and steps give 1 for "found" and 0 for "nothing there". */
typedef enum ouro_status {
    OURO_OK = 0,    /**< it is done; of a question: no, or nothing there */
    OURO_FOUND = 1, /**< a look-up found it, an iterator gave an item */
    OURO_STATUSES(OURO_STATUS_ENUMERATOR)
} ouro_status;

#undef OURO_STATUS_ENUMERATOR

/**
 * What a `status` says, as a sentence without its end.
 *
 * @return a static string, borrowed
 * @threads any
 */
OURO_API const char *ouro_status_text(ouro_status status);

#ifdef __cplusplus
}
#endif

#endif
