/* units.c - sizes, times and counts: as people write them and as people read them. */
#define _GNU_SOURCE
#include "units.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The factor that a suffix stands for; 0 for one that is none. */
static uint64_t
suffix_factor(const char *suffix)
{
    static const char letters[] = "KMGT";
    uint64_t thousands = 1;
    uint64_t powers = 1;

    if (suffix[0] == '\0' || strcasecmp(suffix, "B") == 0) {
        return 1;
    }
    const char *letter = strchr(letters, toupper((unsigned char)suffix[0]));
    if (letter == NULL) {
        return 0;
    }
    for (const char *l = letters; l <= letter; l++) {
        thousands *= 1000;
        powers *= 1024;
    }
    if (suffix[1] == '\0' || strcasecmp(suffix + 1, "i") == 0 || strcasecmp(suffix + 1, "iB") == 0) {
        return powers;
    }
    return strcasecmp(suffix + 1, "B") == 0 ? thousands : 0;
}

int
ouro__signal_parse(const char *text)
{
    const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    bool is_real_time = strncasecmp(name, "RTMIN", 5) == 0;
    char *end;

    if (is_real_time && name[5] == '\0') {
        return SIGRTMIN;
    }
    const char *digits = is_real_time && name[5] == '+' ? name + 6 : text;
    if (digits[0] >= '0' && digits[0] <= '9') {
        unsigned long n = strtoul(digits, &end, 10), least = is_real_time ? (unsigned long)SIGRTMIN : 0;
        n = n > (unsigned long)SIGRTMAX ? 0 : n + least;
        return *end == '\0' && n > 0 && n <= (unsigned long)SIGRTMAX ? (int)n : -1;
    }
    for (int signal = 1; signal < SIGRTMIN; signal++) {
        const char *known = sigabbrev_np(signal);
        if (known != NULL && strcasecmp(name, known) == 0) {
            return signal;
        }
    }
    return -1;
}

bool
ouro__size_parse(const char *text, uint64_t *bytes, const char **why)
{
    uint64_t whole = 0;
    double fraction = 0;
    double place = 1;
    const char *c = text;

    *why = "is a number and a unit, as in 512M or 1.5G";
    if (!isdigit((unsigned char)*c)) {
        return false;
    }
    for (; isdigit((unsigned char)*c); c++) {
        uint64_t digit = (uint64_t)(*c - '0');
        if (whole > (UINT64_MAX - digit) / 10) {
            *why = "is smaller than that";
            return false;
        }
        whole = whole * 10 + digit;
    }
    if (*c == '.') {
        if (!isdigit((unsigned char)*++c)) {
            return false;
        }
        for (; isdigit((unsigned char)*c); c++) {
            place /= 10;
            fraction += (*c - '0') * place;
        }
    }
    uint64_t factor = suffix_factor(c);
    if (factor == 0) {
        *why = "ends in K, M, G or T (or Ki, KiB, KB and so on)";
        return false;
    }
    if (factor == 1 && place < 1) {
        *why = "is a whole number of bytes";
        return false;
    }
    if (whole > (UINT64_MAX - factor) / factor) {
        *why = "is smaller than that";
        return false;
    }
    uint64_t result = whole * factor + (uint64_t)(fraction * (double)factor + 0.5);
    if (result == 0) {
        *why = "is more than nothing";
        return false;
    }
    *bytes = result;
    return true;
}

const char *
ouro__size_show(char *buffer, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double amount = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024) {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "%u B", (unsigned)bytes);
        return buffer;
    }
    /* 1023.95 would be shown as 1024.0 of the smaller unit. */
    while (amount >= 1023.95 && unit + 1 < sizeof units / sizeof units[0]) {
        amount /= 1024;
        unit++;
    }
    (void)snprintf(buffer, OURO_UNIT_TEXT, "%.1f %s", amount, units[unit]);
    return buffer;
}

const char *
ouro__time_show(char *buffer, uint64_t ns)
{
    double seconds = (double)ns / 1e9;
    uint64_t whole = (ns + 500000000U) / 1000000000U;

    if (ns > UINT64_MAX - 500000000U) {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "ages");
    } else if (ns == 0) {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "0 s");
    } else if (ns < 1000) {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "%u ns", (unsigned)ns);
    } else if (ns < 999500) {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "%.0f us", seconds * 1e6);
    } else if (ns < 9995000) {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "%.1f ms", seconds * 1e3);
    } else if (ns < 999500000) {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "%.0f ms", seconds * 1e3);
    } else if (seconds < 59.995) {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "%.2f s", seconds);
    } else if (whole < 3600) {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "%u min %02u s", (unsigned)(whole / 60),
                       (unsigned)(whole % 60));
    } else {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "%llu h %02u min", (unsigned long long)(whole / 3600),
                       (unsigned)(whole / 60 % 60));
    }
    return buffer;
}

const char *
ouro__count_show(char *buffer, double count)
{
    static const char *const units[] = {"k", "M", "G", "T", "P", "E"};
    size_t unit = 0;

    if (count < 9999.5) {
        (void)snprintf(buffer, OURO_UNIT_TEXT, "%.0f", count);
        return buffer;
    }
    count /= 1000;
    while (count >= 999.95 && unit + 1 < sizeof units / sizeof units[0]) {
        count /= 1000;
        unit++;
    }
    (void)snprintf(buffer, OURO_UNIT_TEXT, "%.1f %s", count, units[unit]);
    return buffer;
}

double
ouro__share(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (double)part / (double)whole;
}

uint64_t
ouro__sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}
