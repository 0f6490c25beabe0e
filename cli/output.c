/* output.c - where the report and the JSON go: all of it, or a word on why not. */
#define _GNU_SOURCE
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

bool
ouro__write_all(int fd, const char *data, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t wrote = write(fd, data + done, length - done);
        if (wrote < 0 && errno != EINTR) {
            return false;
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return true;
}

void
ouro__output_guard_standard(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            /* The lowest free descriptor is this one. */
            (void)!open("/dev/null", O_RDWR | O_CLOEXEC);
        }
    }
}

/* The standard stream that `path` is another name of, as /dev/stdout is, or -1.  Such a file must be
 * written where the program left off, not replaced. */
static int
standard_stream_at(const char *path)
{
    struct stat named, stream;

    if (strcmp(path, "-") == 0) {
        return STDOUT_FILENO;
    }
    if (stat(path, &named) != 0) {
        return -1;
    }
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fstat(fd, &stream) == 0 && stream.st_dev == named.st_dev && stream.st_ino == named.st_ino) {
            return fd;
        }
    }
    return -1;
}

/* The folder in which `path` lies; owned, NULL when memory runs out. */
static char *
folder_of(const char *path)
{
    char *copy = strdup(path);
    char *folder = copy == NULL ? NULL : strdup(dirname(copy));
    free(copy);
    return folder;
}

bool
ouro__output_check(const char *path)
{
    struct stat info;
    int error = 0;

    if (standard_stream_at(path) >= 0) {
        return true;
    }
    if (stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode)) {
            error = EISDIR;
        } else if (access(path, W_OK) != 0) {
            error = errno;
        }
        if (error != 0 || !S_ISREG(info.st_mode)) {
            goto out;
        }
    } else if (errno != ENOENT) {
        error = errno;
        goto out;
    }
    char *real = realpath(path, NULL); /* where a link leads: that is what will be replaced */
    char *folder = folder_of(real == NULL ? path : real);
    if (folder == NULL || access(folder, W_OK | X_OK) != 0) {
        error = folder == NULL ? ENOMEM : errno;
    } else if (stat(folder, &info) == 0 && !S_ISDIR(info.st_mode)) {
        error = ENOTDIR;
    }
    free(folder);
    free(real);
out:
    if (error != 0) {
        ouro__say("cannot write %s: %s", path, strerror(error));
    }
    return error == 0;
}

bool
ouro__output_is_plain(const char *path)
{
    struct stat info;
    if (standard_stream_at(path) >= 0) {
        return false;
    }
    return stat(path, &info) != 0 || S_ISREG(info.st_mode);
}

/* The permissions that a plain open() would have left the file with. */
static mode_t
mode_for(const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0) {
        return info.st_mode & 07777;
    }
    mode_t mask = umask(0);
    (void)umask(mask);
    return (mode_t)(0666 & ~mask);
}

/* Write a file beside `path` and give it that name.  0 or errno. */
static int
plain_write(const char *path, const char *data, size_t length)
{
    char *temporary = NULL;
    int error = 0;
    char *folder = folder_of(path);
    int made = folder == NULL ? -1 : asprintf(&temporary, "%s/.ouro.XXXXXX", folder);

    free(folder);
    if (made < 0) {
        return ENOMEM;
    }
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        error = errno;
        free(temporary);
        return error;
    }
    if (fchmod(fd, mode_for(path)) != 0 || !ouro__write_all(fd, data, length)) {
        error = errno;
    }
    if (close(fd) != 0 && error == 0) {
        error = errno; /* a full disk may tell only now */
    }
    if (error == 0 && rename(temporary, path) != 0) {
        error = errno;
    }
    if (error != 0) {
        (void)unlink(temporary);
    }
    free(temporary);
    return error;
}

static int
special_write(const char *path, const char *data, size_t length)
{
    int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    int error = ouro__write_all(fd, data, length) ? 0 : errno;
    if (close(fd) != 0 && error == 0) {
        error = errno;
    }
    return error;
}

bool
ouro__output_write(const char *path, const char *data, size_t length)
{
    int stream = standard_stream_at(path);
    int error;

    if (stream >= 0) {
        error = ouro__write_all(stream, data, length) ? 0 : errno;
    } else if (!ouro__output_is_plain(path)) {
        error = special_write(path, data, length);
    } else {
        char *real = realpath(path, NULL);
        error = plain_write(real == NULL ? path : real, data, length);
        free(real);
    }
    if (error != 0) {
        ouro__say("cannot write %s: %s", strcmp(path, "-") == 0 ? "standard output" : path,
                  strerror(error));
    }
    return error == 0;
}
