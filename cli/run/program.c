/* program.c - what PROGRAM is.
 *
 * Only the dynamic linker of this C library, in a process without raised privileges, loads what
 * LD_PRELOAD names.  Whether that linker will run is in the binary's header; on the way there may be
 * scripts, whose first line names another program.  A guess that fails does no harm: the program runs
 * all the same and simply leaves no record. */
#define _GNU_SOURCE
#include "run/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "text.h"

/* What the kernel reads of a script's first line, and how many scripts deep it goes. */
#define FIRST_LINE 256
#define DEEPEST_SCRIPT 5

#define MOST_PROGRAM_HEADERS 256

static const struct ouro__reason reason_set_uid = {"set-uid", "is set-uid"};
static const struct ouro__reason reason_set_gid = {"set-gid", "is set-gid"};
static const struct ouro__reason reason_capabilities = {"file-capabilities", "has file capabilities"};
static const struct ouro__reason reason_static = {"static", "is statically linked"};
static const struct ouro__reason reason_loader = {"other-loader", "has another dynamic linker"};
static const struct ouro__reason reason_machine = {"other-machine", "is built for another machine"};

/* What matters of a binary's header. */
struct binary {
    unsigned char class;
    unsigned char order;
    Elf64_Half machine;
    bool has_interpreter;
    char interpreter[256];
};

static bool
is_executable_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

static bool
is_there(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

/* The first path that is `good` of those where execvp looks for `name`; owned, NULL when none is. */
static char *
path_search(const char *name, bool (*good)(const char *path))
{
    if (strchr(name, '/') != NULL) {
        return good(name) ? strdup(name) : NULL;
    }
    const char *folder = getenv("PATH");
    if (folder == NULL) {
        folder = "/bin:/usr/bin";
    }
    while (name[0] != '\0') {
        size_t length = strcspn(folder, ":");
        char *path = NULL;
        if (asprintf(&path, "%.*s%s%s", (int)length, folder, length == 0 ? "" : "/", name) < 0) {
            return NULL;
        }
        if (good(path)) {
            return path;
        }
        free(path);
        if (folder[length] == '\0') {
            break;
        }
        folder += length + 1;
    }
    return NULL;
}

/* Where execvp will find `name`; owned, NULL when it will not. */
static char *
path_find(const char *name)
{
    return path_search(name, is_executable_file);
}

bool
ouro__program_exists(const char *name)
{
    char *path = path_search(name, is_there);
    free(path);
    return path != NULL;
}

/* Whether the kernel would start this file with more rights than ours: then the loader is careful. */
static const struct ouro__reason *
privileges_raised(const char *path)
{
    struct stat info;
    struct statvfs volume;

    if (stat(path, &info) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
        (statvfs(path, &volume) == 0 && (volume.f_flag & ST_NOSUID) != 0)) {
        return NULL;
    }
    if ((info.st_mode & S_ISUID) != 0 && info.st_uid != getuid()) {
        return &reason_set_uid;
    }
    if ((info.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && info.st_gid != getgid()) {
        return &reason_set_gid;
    }
    if (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0) {
        return &reason_capabilities;
    }
    return NULL;
}

static bool
read_exactly(int fd, void *to, size_t size, uint64_t at)
{
    return at <= INT64_MAX && pread(fd, to, size, (off_t)at) == (ssize_t)size;
}

/* Read the header that `fd` begins with.  Of a 32-bit one only the kind is looked at. */
static bool
binary_read(int fd, struct binary *binary)
{
    Elf64_Ehdr header;
    Elf64_Phdr segment;

    *binary = (struct binary){0};
    if (!read_exactly(fd, &header, sizeof(Elf32_Ehdr), 0) ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
        return false;
    }
    binary->class = header.e_ident[EI_CLASS];
    binary->order = header.e_ident[EI_DATA];
    binary->machine = header.e_machine; /* at the same place in both classes */
    if (binary->class != ELFCLASS64 || !read_exactly(fd, &header, sizeof header, 0) ||
        header.e_phentsize != sizeof segment || header.e_phnum > MOST_PROGRAM_HEADERS) {
        return true;
    }
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (!read_exactly(fd, &segment, sizeof segment, header.e_phoff + i * sizeof segment)) {
            break;
        }
        if (segment.p_type == PT_INTERP && segment.p_filesz < sizeof binary->interpreter) {
            binary->has_interpreter =
                read_exactly(fd, binary->interpreter, segment.p_filesz, segment.p_offset);
        }
    }
    return true;
}

/* Whether this binary's loader is the one that we were loaded by ourselves. */
static const struct ouro__reason *
binary_judge(const struct binary *binary, const char *path)
{
    struct binary own;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    bool known = fd >= 0 && binary_read(fd, &own) && own.has_interpreter;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (!known) {
        return NULL;
    }
    if (binary->class != own.class || binary->order != own.order || binary->machine != own.machine) {
        return &reason_machine;
    }
    if (!binary->has_interpreter) {
        /* The linker itself, called by name with a program as its argument, has none either. */
        return strcmp(ouro__name_of(path), ouro__name_of(own.interpreter)) == 0 ? NULL : &reason_static;
    }
    return strcmp(ouro__name_of(binary->interpreter), ouro__name_of(own.interpreter)) == 0
               ? NULL
               : &reason_loader;
}

/* The program that `env` is asked for in a script's first line; owned. */
static char *
env_find(char *arguments)
{
    char *rest = NULL;
    for (char *word = strtok_r(arguments, " \t", &rest); word != NULL;
         word = strtok_r(NULL, " \t", &rest)) {
        if (word[0] != '-' && strchr(word, '=') == NULL) {
            return path_find(word);
        }
    }
    return NULL;
}

/* The next program on the way: the one that this script, which begins with `line`, is run by; owned. */
static char *
script_interpreter(char *line)
{
    if (line[0] != '#' || line[1] != '!') {
        return strdup("/bin/sh"); /* execvp's way with texts of unknown kind */
    }
    line[strcspn(line, "\n")] = '\0';
    char *interpreter = line + 2 + strspn(line + 2, " \t");
    size_t length = strcspn(interpreter, " \t");
    char *arguments = interpreter + length;
    if (*arguments != '\0') {
        *arguments++ = '\0';
    }
    if (strcmp(ouro__name_of(interpreter), "env") == 0) {
        return env_find(arguments);
    }
    return strdup(interpreter);
}

/* Follow program->path to a binary and judge it. */
static void
program_inspect(struct ouro__program *program)
{
    for (int depth = 0; program->path != NULL && depth < DEEPEST_SCRIPT; depth++) {
        char line[FIRST_LINE + 1] = {0};
        struct binary binary;

        program->left_alone = privileges_raised(program->path);
        int fd = open(program->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) {
            return;
        }
        bool is_binary = binary_read(fd, &binary);
        bool is_read = pread(fd, line, FIRST_LINE, 0) >= 0;
        (void)close(fd);
        if (is_binary) {
            if (program->left_alone == NULL) {
                program->left_alone = binary_judge(&binary, program->path);
            }
            program->spoils =
                program->left_alone == &reason_loader || program->left_alone == &reason_machine;
            return;
        }
        /* A script's own set-uid bit means nothing. */
        program->left_alone = NULL;
        char *next = is_read ? script_interpreter(line) : NULL;
        free(program->path);
        program->path = next;
    }
}

/* "python3 FILE args" in place of "FILE args". */
static bool
program_set_python(struct ouro__program *program, char **command, int *code)
{
    static char python[] = "python3";
    size_t count = 0;

    program->path = path_find(python);
    if (program->path == NULL) {
        ouro__say("cannot run %s: no python3 on the PATH", command[0]);
        *code = OURO_EXIT_MISSING;
        return false;
    }
    while (command[count] != NULL) {
        count++;
    }
    program->arguments = calloc(count + 2, sizeof *program->arguments);
    /* A name that begins with a dash would be taken for an option of Python's. */
    if (program->arguments == NULL ||
        (command[0][0] == '-' && asprintf(&program->own_text, "./%s", command[0]) < 0)) {
        return false;
    }
    program->arguments[0] = python;
    memcpy(program->arguments + 1, command, count * sizeof *command);
    if (program->own_text != NULL) {
        program->arguments[1] = program->own_text;
    }
    return true;
}

static bool
program_set_command(struct ouro__program *program, char **command)
{
    size_t count = 0;

    program->path = path_find(command[0]);
    while (command[count] != NULL) {
        count++;
    }
    program->arguments = calloc(count + 1, sizeof *program->arguments);
    if (program->arguments == NULL) {
        return false;
    }
    memcpy(program->arguments, command, count * sizeof *command);
    return true;
}

static bool
is_python_file(const char *path)
{
    struct stat info;
    size_t length = strlen(path);
    return length > 3 && strcmp(path + length - 3, ".py") == 0 && stat(path, &info) == 0 &&
           S_ISREG(info.st_mode);
}

bool
ouro__program_find(struct ouro__program *program, char **command, int *code)
{
    bool found;

    *program = (struct ouro__program){0};
    *code = OURO_EXIT_FAILED;
    found = is_python_file(command[0]) ? program_set_python(program, command, code)
                                       : program_set_command(program, command);
    if (!found) {
        if (*code == OURO_EXIT_FAILED) {
            ouro__say("out of memory");
        }
        ouro__program_free(program);
        return false;
    }
    program_inspect(program);
    return true;
}

void
ouro__program_free(struct ouro__program *program)
{
    free(program->arguments);
    free(program->own_text);
    free(program->path);
    *program = (struct ouro__program){0};
}
