/* message.c - words to standard error from a place where nothing may be allocated. */
#include "base/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((format(printf, 1, 0))) static void
print_line(const char *format, va_list arguments)
{
    static const char prefix[] = "ouro: ";
    char text[1024];
    size_t length = sizeof prefix - 1;
    int saved = errno;

    for (size_t i = 0; i < length; i++) {
        text[i] = prefix[i];
    }
    int n = vsnprintf(text + length, sizeof text - length - 1, format, arguments);
    if (n > 0) {
        size_t room = sizeof text - length - 2;
        length += (size_t)n < room ? (size_t)n : room;
    }
    text[length++] = '\n';
    for (size_t done = 0; done < length;) {
        ssize_t wrote = write(STDERR_FILENO, text + done, length - done);
        if (wrote < 0 && errno != EINTR) {
            break;
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    errno = saved;
}

void
ouro__message(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}

void
ouro__die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    abort();
}
