/* output.c - where the report and the JSON go: all of it, or a word on why not. */
#define _GNU_SOURCE
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdint.h>
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

/* A new file beside `output->target`, to be given its name at the end.  0 or errno. */
static int
temporary_open(struct ouro__output *output)
{
    char *folder = folder_of(output->target);
    int made = folder == NULL ? -1 : asprintf(&output->temporary, "%s/.ouro.XXXXXX", folder);

    free(folder);
    if (made < 0) {
        output->temporary = NULL;
        return ENOMEM;
    }
    output->fd = mkostemp(output->temporary, O_CLOEXEC);
    if (output->fd < 0) {
        int error = errno;
        free(output->temporary);
        output->temporary = NULL;
        return error;
    }
    return fchmod(output->fd, mode_for(output->target)) == 0 ? 0 : errno;
}

static bool
exists_say(const char *path)
{
    ouro__say("cannot write %s: it is there already (-f replaces it)", path);
    return false;
}

bool
ouro__output_check_free(const char *path)
{
    struct stat info;
    return !ouro__output_is_plain(path) || stat(path, &info) != 0 || exists_say(path);
}

bool
ouro__output_begin(struct ouro__output *output, const char *path, bool replace)
{
    *output = (struct ouro__output){.path = path, .fd = standard_stream_at(path), .replace = replace};
    if (!replace && !ouro__output_check_free(path)) {
        return false;
    }
    if (output->fd >= 0) {
        return true;
    }
    if (ouro__output_is_plain(path)) {
        output->target = realpath(path, NULL); /* where a link leads: that is what will be replaced */
        if (output->target == NULL) {
            output->target = strdup(path);
        }
        output->error = output->target == NULL ? ENOMEM : temporary_open(output);
    } else {
        output->fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
        output->error = output->fd < 0 ? errno : 0;
    }
    return output->error == 0 || ouro__output_end(output);
}

/* The length of a colour's sequence at `at`, 0 when there is none: our own tables have them. */
static size_t
colour_length(const char *at, size_t length)
{
    size_t i = 2;
    if (length < 3 || at[0] != '\033' || at[1] != '[') {
        return 0;
    }
    while (i < length && ((at[i] >= '0' && at[i] <= '9') || at[i] == ';')) {
        i++;
    }
    return i < length && at[i] == 'm' ? i + 1 : 0;
}

/* Names are whatever a program calls its files and functions: what a terminal would obey is shown.  Tables are made so;
 * CSV and JSON have all as it is, for programs. */
static bool
write_shown(int fd, const char *data, size_t length)
{
    struct ouro__text shown = {0}, words = {0};

    for (size_t i = 0; i < length;) {
        size_t colour = colour_length(data + i, length - i);
        size_t plain = colour > 0 ? colour : data[i] == '\n';
        ouro__text_add(&shown, data + i, plain);
        i += plain;
        words.length = 0;
        while (i < length && data[i] != '\n' && colour_length(data + i, length - i) == 0) {
            ouro__text_add(&words, data[i] == '\0' ? "?" : data + i, 1);
            i++;
        }
        if (words.length > 0) {
            (void)ouro__text_add_shown(&shown, words.data, SIZE_MAX);
        }
    }
    bool is_well = !shown.failed && !words.failed && ouro__write_all(fd, shown.data, shown.length);
    if (shown.failed || words.failed) {
        errno = ENOMEM;
    }
    ouro__text_free(&shown);
    ouro__text_free(&words);
    return is_well;
}

void
ouro__output_add(struct ouro__output *output, const void *data, size_t length)
{
    if (output->error != 0 || length == 0) {
        return;
    }
    if (!(isatty(output->fd) ? write_shown : ouro__write_all)(output->fd, data, length)) {
        output->error = errno;
    }
}

/* Close the file, and give a temporary one its name or take it away.  What failed is in `error`. */
static void
output_close(struct ouro__output *output)
{
    if (output->fd > STDERR_FILENO && close(output->fd) != 0 && output->error == 0) {
        output->error = errno; /* a full disk may tell only now */
    }
    if (output->temporary != NULL) {
        unsigned flags = output->replace ? 0 : RENAME_NOREPLACE;
        if (output->error == 0 &&
            renameat2(AT_FDCWD, output->temporary, AT_FDCWD, output->target, flags) != 0 &&
            /* Some file systems know no flags. */
            (errno != EINVAL || rename(output->temporary, output->target) != 0)) {
            output->error = errno;
        }
        if (output->error != 0) {
            (void)unlink(output->temporary);
        }
    }
    free(output->temporary);
    free(output->target);
}

void
ouro__output_drop(struct ouro__output *output)
{
    output->error = ECANCELED;
    output_close(output);
}

bool
ouro__output_end(struct ouro__output *output)
{
    output_close(output);
    if (output->error == EEXIST) {
        return exists_say(output->path);
    }
    if (output->error != 0) {
        ouro__say("cannot write %s: %s",
                  strcmp(output->path, "-") == 0 ? "standard output" : output->path,
                  strerror(output->error));
    }
    return output->error == 0;
}

bool
ouro__output_write(const char *path, const char *data, size_t length)
{
    struct ouro__output output;

    if (!ouro__output_begin(&output, path, true)) {
        return false;
    }
    ouro__output_add(&output, data, length);
    return ouro__output_end(&output);
}
