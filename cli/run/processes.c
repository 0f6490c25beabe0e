/* processes.c - the part of the report on all processes but the first: one line each. */
#define _GNU_SOURCE
#include "run/processes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

/* The largest processes are shown; the rest is in the JSON. */
#define MOST_SHOWN 10

/* Columns of the table besides the command; the last is left out where it is too narrow. */
#define FIGURE_COLUMNS 47
#define COLLECTOR_COLUMNS 13
#define NARROWEST_WITH_COLLECTOR 76

/* Arguments that a record can hold. */
#define MOST_ARGUMENTS 480

size_t
ouro__command_add(struct ouro__text *text, const struct ouro_record *record, size_t columns)
{
    const char *arguments[MOST_ARGUMENTS];
    size_t count = 0;
    struct ouro__text plain = {0};

    for (size_t at = 0; at < record->command_bytes && count < MOST_ARGUMENTS;
         at += strlen(record->command + at) + 1) {
        arguments[count++] = record->command + at;
    }
    if (count > 0) {
        arguments[0] = ouro__name_of(arguments[0]);
        ouro__text_add_arguments(&plain, arguments, count);
    } else {
        ouro__text_print(&plain, "%s", record->executable[0] == '\0' ? "?" : record->executable);
    }
    size_t used = plain.data == NULL ? 0 : ouro__text_add_shown(text, plain.data, columns);
    ouro__text_free(&plain);
    return used;
}

/* "paced 2 %"; `words` holds OURO_UNIT_TEXT. */
static const char *
collector_words(char *words, const struct ouro_record *record)
{
    static const char *const modes[] = {[OURO_GC_NONE] = "-",
                                        [OURO_GC_STOCK] = "stock",
                                        [OURO_GC_PACED] = "paced",
                                        [OURO_GC_OBEYED] = "own"};

    if (record->gc_mode == OURO_GC_NONE) {
        return modes[OURO_GC_NONE];
    }
    (void)snprintf(words, OURO_UNIT_TEXT, "%s %.0f %%", modes[record->gc_mode],
                   100 * ouro__gc_share_of(record));
    return words;
}

static bool
has_collector(const struct ouro__page *page)
{
    return page->look.columns >= NARROWEST_WITH_COLLECTOR;
}

static size_t
command_columns(const struct ouro__page *page)
{
    return page->look.columns - FIGURE_COLUMNS - (has_collector(page) ? COLLECTOR_COLUMNS : 0);
}

static bool
is_confined(const struct ouro__life *life)
{
    return ouro__process_cut_short(life->last) &&
           life->last->found.record.state == OURO_RECORD_CONFINED;
}

static char
life_mark(const struct ouro__life *life)
{
    return life->last->still_running             ? '+'
           : is_confined(life)                   ? '='
           : ouro__process_cut_short(life->last) ? '!'
                                                 : ' ';
}

static void
row_add(const struct ouro__page *page, const struct ouro__life *life)
{
    const struct ouro_record *record = &life->last->found.record;
    char lasted[OURO_UNIT_TEXT], live[OURO_UNIT_TEXT], resident[OURO_UNIT_TEXT],
        collector[OURO_UNIT_TEXT];
    size_t columns = command_columns(page);

    ouro__text_print(page->text, "%7d  ", (int)record->pid);
    size_t used = ouro__command_add(page->text, record, columns);
    ouro__page_pad(page, (long)(columns - used));
    ouro__text_print(page->text, " %11s%c %10s %13s", ouro__time_show(lasted, life->lasted_ns),
                     life_mark(life), ouro__size_show(live, life->peak_live),
                     ouro__size_show(resident, life->peak_resident));
    ouro__text_print(page->text, "%s%s\n", has_collector(page) ? "  " : "",
                     has_collector(page) ? collector_words(collector, record) : "");
}

static void
legend_add(const struct ouro__page *page, size_t count, size_t n_running, size_t n_cut,
           size_t n_confined)
{
    struct ouro__text words = {0};

    if (n_running > 0) {
        ouro__text_print(&words, "+ still running (%zu)", n_running);
    }
    if (n_cut > 0) {
        ouro__text_print(&words, "%s! did not end by itself: figures as of the last update (%zu)",
                         words.length > 0 ? "; " : "", n_cut);
    }
    if (n_confined > 0) {
        ouro__text_print(&words, "%s= forbade itself system calls: figures as of then (%zu)",
                         words.length > 0 ? "; " : "", n_confined);
    }
    if (count > MOST_SHOWN) {
        ouro__text_print(&words, "%s%zu more in --json", words.length > 0 ? "; " : "",
                         count - MOST_SHOWN);
    }
    if (words.length > 0) {
        ouro__page_row(page, "", &words);
    }
}

void
ouro__processes_add(const struct ouro__page *page, const struct ouro__run *run)
{
    size_t count;
    size_t n_running = 0;
    size_t n_cut = 0, n_confined = 0;
    struct ouro__life *others = ouro__lives_other(run, &count);

    if (count > 0) {
        ouro__page_colour(page, OURO_COLOUR_BOLD);
        ouro__text_print(page->text, "\n%7s  %-*.*s %11s  %10s %13s%s\n", "pid",
                         (int)command_columns(page), (int)command_columns(page), "other processes",
                         "lasted", "peak live", "peak resident",
                         has_collector(page) ? "  collector" : "");
        ouro__page_colour(page, OURO_COLOUR_OFF);
    }
    for (size_t i = 0; i < count; i++) {
        n_running += others[i].last->still_running;
        n_confined += is_confined(&others[i]);
        n_cut += ouro__process_cut_short(others[i].last) && !is_confined(&others[i]);
        if (i < MOST_SHOWN) {
            row_add(page, &others[i]);
        }
    }
    legend_add(page, count, n_running, n_cut, n_confined);
    free(others);
}
