/* settings.c - what the environment asks for.
 *
 * The first block may be wanted by the dynamic linker, before libc knows its environment and long before a
 * constructor runs, and by then it must be known whether the heap is a debug heap and what its limit is.
 * So the environment is found where the kernel put it: behind the arguments, at the bottom of the stack. */
#define _GNU_SOURCE
#include "host/host.h"

#include <dlfcn.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Where the initial stack begins, as the dynamic linker found it: the count of arguments, the arguments,
 * NULL, the environment, NULL. */
extern void *__libc_stack_end;

static struct ouro__settings settings;
static bool is_known;

static char **
find_environment(void)
{
    if (environ != NULL) {
        return environ;
    }
    char **at = __libc_stack_end;
    size_t n_arguments = (size_t)(uintptr_t)at[0];
    return at + 1 + n_arguments + 1;
}

/* The value when `entry` is "name=value", else NULL. */
static char *
match_variable(char *entry, const char *name)
{
    size_t length = strlen(name);
    return strncmp(entry, name, length) == 0 && entry[length] == '=' ? entry + length + 1 : NULL;
}

static const char *
find_variable(char **environment, const char *name)
{
    for (; *environment != NULL; environment++) {
        const char *value = match_variable(*environment, name);
        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}

static bool
is_variable(char **environment, const char *name, const char *value)
{
    const char *found = find_variable(environment, name);
    return found != NULL && strcmp(found, value) == 0;
}

/* Decimal bytes; anything else is no limit: the tool has checked what the person wrote. */
static uint64_t
parse_bytes(const char *text)
{
    uint64_t bytes = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (__builtin_mul_overflow(bytes, 10U, &bytes) ||
            __builtin_add_overflow(bytes, (uint64_t)(*text - '0'), &bytes)) {
            return 0;
        }
    }
    return *text == '\0' ? bytes : 0;
}

/* One of the numbers in `text`, which a colon ends, or the end: what follows it, NULL when that was the last one. */
static const char *
parse_field(const char *text, uint64_t *number)
{
    char digits[24] = "";
    size_t length = strcspn(text, ":");
    *number = 0;
    if (length < sizeof digits) {
        memcpy(digits, text, length);
        *number = parse_bytes(digits);
    }
    return text[length] == ':' ? text + length + 1 : NULL;
}

/* As OURO_ENV_TRACE has it. */
static void
read_tracing(const char *value)
{
    uint64_t n_frames, starter;
    const char *rest = settings.session[0] != '\0' && value != NULL
                           ? parse_field(value, &settings.sample_bytes)
                           : NULL;
    if (rest == NULL) {
        return;
    }
    rest = parse_field(rest, &n_frames);
    settings.n_frames = (uint32_t)n_frames;
    settings.traces = true;
    if (rest != NULL) {
        (void)parse_field(rest, &starter);
        settings.traces_alone = true;
        settings.traces = (uint64_t)getppid() == starter;
    }
}

/* As OURO_ENV_SNAPSHOTS has it. */
static void
read_snapshots(const char *value)
{
    uint64_t fields[3] = {0};
    settings.snapshots = settings.session[0] != '\0' && value != NULL;
    for (int i = 0; i < 3 && settings.snapshots && value != NULL; i++) {
        value = parse_field(value, &fields[i]);
    }
    settings.growth = fields[0];
    settings.signal = fields[1] <= (uint64_t)SIGRTMAX ? (int)fields[1] : 0;
    settings.n_kept = fields[2];
}

static void
read_settings(void)
{
    char **environment = find_environment();
    const char *session = find_variable(environment, OURO_ENV_SESSION);
    const char *limit = find_variable(environment, OURO_ENV_LIMIT);

    /* A path that is cut names another place: then rather none. */
    if (session != NULL && strlen(session) < sizeof settings.session) {
        memcpy(settings.session, session, strlen(session) + 1);
    }
    settings.limit = limit != NULL ? parse_bytes(limit) : 0;
    settings.debug = is_variable(environment, OURO_ENV_DEBUG, "1");
    settings.follow = !is_variable(environment, OURO_ENV_FOLLOW, "0");
    settings.threads = is_variable(environment, OURO_ENV_THREADS, "1");
    settings.lifetimes = is_variable(environment, OURO_ENV_LIFETIMES, "1");
    read_tracing(find_variable(environment, OURO_ENV_TRACE));
    read_snapshots(find_variable(environment, OURO_ENV_SNAPSHOTS));
    settings.native = is_variable(environment, OURO_ENV_NATIVE, "1");
    settings.gc = settings.session[0] != '\0' && is_variable(environment, OURO_ENV_GC, "paced")
                      ? OURO_GC_SETTING_PACED
                      : OURO_GC_SETTING_STOCK;
}

const struct ouro__settings *
ouro__settings_get(void)
{
    if (!is_known) {
        read_settings();
        is_known = true;
    }
    return &settings;
}

/* ---- --no-follow ---- */

/* Whether an item of LD_PRELOAD is this library: by the path it was loaded from, or by its file's name,
 * for lists that name it with $LIB or by another path. */
static bool
is_this_library(const char *item, size_t length)
{
    Dl_info self;
    if (dladdr((void *)(uintptr_t)&ouro__settings_get, &self) == 0 || self.dli_fname == NULL) {
        return false;
    }
    const char *slash = strrchr(self.dli_fname, '/');
    const char *name = slash != NULL ? slash + 1 : self.dli_fname;
    size_t name_length = strlen(name);
    return length >= name_length && memcmp(item + length - name_length, name, name_length) == 0 &&
           (length == name_length || item[length - name_length - 1] == '/');
}

/* Take this library out of a list separated by colons or spaces.  Returns whether anything is left. */
static bool
remove_from_list(char *list)
{
    char *out = list;
    for (const char *at = list; *at != '\0';) {
        size_t length = strcspn(at, ": ");
        size_t with_separator = length + (at[length] != '\0');
        if (!is_this_library(at, length)) {
            memmove(out, at, with_separator);
            out += with_separator;
        }
        at += with_separator;
    }
    if (out > list && (out[-1] == ':' || out[-1] == ' ')) {
        out--;
    }
    *out = '\0';
    return out > list;
}

static bool
is_hidden_variable(char *entry)
{
    static const char *const names[] = {
        OURO_ENV_SESSION, OURO_ENV_GC,        OURO_ENV_LIMIT,  OURO_ENV_DEBUG,   OURO_ENV_FOLLOW,
        OURO_ENV_TRACE,   OURO_ENV_SNAPSHOTS, OURO_ENV_NATIVE, OURO_ENV_THREADS, OURO_ENV_LIFETIMES};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (match_variable(entry, names[i]) != NULL) {
            return true;
        }
    }
    char *preload = match_variable(entry, "LD_PRELOAD");
    return preload != NULL && !remove_from_list(preload);
}

void
ouro__settings_hide(char **environment)
{
    char **out = environment;
    for (char **at = environment; *at != NULL; at++) {
        if (!is_hidden_variable(*at)) {
            *out++ = *at;
        }
    }
    *out = NULL;
}
