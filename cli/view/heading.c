/* heading.c - what is said of a snapshot before any table. */
#define _GNU_SOURCE
#include "view/heading.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "view/rows.h"
#include "units.h"

void
ouro__heading_add_rule(const struct ouro__page *page, const char *verb, const struct ouro__saved *saved,
                       const char *what)
{
    struct ouro__text left = {0}, right = {0}, command = {0};

    ouro__text_print(&right, "%s", what);
    ouro__text_print(&left, "ouro %s: ", verb);
    ouro__saved_add_command(&command, saved);
    (void)ouro__text_add_shown(&left, command.data == NULL ? "" : command.data,
                               page->look.columns - right.length - left.length - 8);
    ouro__text_free(&command);
    ouro__page_rule(page, &left, &right);
}

void
ouro__heading_add_title(const struct ouro__page *page, const char *verb,
                        const struct ouro__saved *saved, enum ouro__measure measure)
{
    static const char *const measured[] = {"live when taken", "live at the peak", "ever allocated"};
    ouro__heading_add_rule(page, verb, saved, measured[measure]);
}

static void
when_add(struct ouro__text *words, const struct ouro__saved *saved)
{
    time_t seconds = (time_t)(ouro__saved_when(saved) / 1000000000);
    char date[32], lasted[OURO_UNIT_TEXT];
    struct tm local;

    if (seconds > 0 && localtime_r(&seconds, &local) != NULL &&
        strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &local) > 0) {
        ouro__text_print(words, "%s, ", date);
    }
    ouro__text_print(words, "%s after it began",
                     ouro__time_show(lasted, saved->snapshot.tracing.taken_at_ns));
}

void
ouro__heading_add_process(const struct ouro__page *page, const char *label,
                          const struct ouro__saved *saved)
{
    const struct ouro_snapshot_tracing *tracing = &saved->snapshot.tracing;
    struct ouro__text words = {0};

    if (tracing->name[0] != '\0') {
        (void)ouro__text_add_shown(&words, tracing->name, 40);
        ouro__text_print(&words, ": ");
    }
    if (saved->has_record) {
        ouro__text_print(&words, "pid %d, ", saved->record.pid);
        if (saved->record.python_version[0] != '\0') {
            ouro__text_print(&words, "Python ");
            (void)ouro__text_add_shown(&words, saved->record.python_version, 12);
            ouro__text_print(&words, ", ");
        }
    }
    when_add(&words, saved);
    if (tracing->reason[0] != '\0') {
        ouro__text_print(&words, " (");
        (void)ouro__text_add_shown(&words, tracing->reason, 32);
        ouro__text_print(&words, ")");
    }
    ouro__page_row(page, label, &words);
}

void
ouro__heading_add_figures(struct ouro__text *text, const struct ouro__figures *figures,
                          bool is_estimate)
{
    char size[OURO_UNIT_TEXT], count[OURO_UNIT_TEXT];

    ouro__text_print(text, "%s", ouro__size_show(size, ouro__rounded(figures->bytes)));
    if (is_estimate) {
        ouro__text_print(text, " %s %s", ouro__text_is_utf8() ? "\u00b1" : "+-",
                         ouro__size_show(size, ouro__rounded(sqrt(figures->variance))));
    }
    ouro__text_print(text, " in %s blocks", ouro__count_show(count, figures->blocks));
}

void
ouro__heading_add_tracing(const struct ouro__page *page, const struct ouro__saved *saved,
                          const struct ouro__view *view)
{
    const struct ouro_snapshot_tracing *tracing = &saved->snapshot.tracing;
    struct ouro__text words = {0};
    char size[OURO_UNIT_TEXT];
    bool is_sampled = tracing->mode == OURO_SNAPSHOT_SAMPLED;

    ouro__heading_add_figures(&words, &view->all, is_sampled);
    if (is_sampled) {
        ouro__text_print(&words, ", estimated from samples %s apart",
                         ouro__size_show(size, tracing->sample_bytes));
    } else if (tracing->mode == OURO_SNAPSHOT_EXACT) {
        ouro__text_print(&words, ", every allocation");
    } else if (saved->snapshot.n_samples > 0) {
        ouro__text_print(&words, ": there are no traces here, but memory over time (ouro plot FILE)");
    } else {
        ouro__text_print(&words, "; it isn't known how");
    }
    if (tracing->n_frames_most > 0) {
        ouro__text_print(&words, ", %u %s deep", tracing->n_frames_most,
                         tracing->n_frames_most == 1 ? "frame" : "frames");
    }
    ouro__page_row(page, "traced", &words);
    if (tracing->mode == OURO_SNAPSHOT_OFF && saved->has_record && saved->record.note[0] != '\0') {
        (void)ouro__text_add_shown(&words, saved->record.note, sizeof saved->record.note);
        ouro__page_row(page, "note", &words);
    }
    if (saved->since != NULL) {
        (void)ouro__text_add_shown(&words, saved->since, 96);
        ouro__text_print(&words, ": what was allocated before this mark is left out");
        ouro__page_row(page, "since", &words);
    }
    if (view->untraced.blocks > 0 || tracing->n_untraced > 0) {
        ouro__heading_add_figures(&words, &view->untraced, false);
        if (tracing->n_untraced > 0) {
            char count[OURO_UNIT_TEXT];
            ouro__text_print(&words, "; %s allocations could not be traced",
                             ouro__count_show(count, (double)tracing->n_untraced));
        }
        ouro__page_row(page, "untraced", &words);
    }
}
