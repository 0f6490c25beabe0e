/* view_options.h - the options of the verbs that show snapshots. */
#ifndef OURO_CLI_VIEW_OPTIONS_H
#define OURO_CLI_VIEW_OPTIONS_H

#include "snapshot/view.h"
#include "view/saved.h"

enum ouro__verb {
    OURO_VERB_REPORT = 1,
    OURO_VERB_DIFF = 2,
    OURO_VERB_EXPORT = 4,
    OURO_VERB_SQL = 8,
    OURO_VERB_PLOT = 16
};

#define OURO_FILES_MOST 64 /* snapshots at a time: of a report on leaks */

struct ouro__view_options {
    enum ouro__verb verb;
    enum ouro__measure measure;
    enum ouro__by by;
    struct ouro__filters filters;
    size_t top; /* rows; 0 when not given */
    bool json, csv, tree, cumulative;
    bool may_fail; /* --fail-above was given */
    uint64_t fail_above;
    const char *format; /* --to, NULL when not given */
    const char *output; /* -o, NULL when not given */
    const char *html;   /* --html, NULL when not given */
    bool leaks;         /* report: what may be a leak */
    const char *since;  /* --since, NULL when not given */
    uint64_t within;    /* report: what was freed within so many allocations; 0 when not asked for */
    const char *files[OURO_FILES_MOST]; /* of sql: a file, and the statement or NULL */
    size_t n_files;
};

/* Read the options and the names of files, as many as the verb has.  -1 when all is well, or an exit code: what is wrong
 * was said, or what was asked for was printed. */
int ouro__view_options_read(struct ouro__view_options *options, enum ouro__verb verb, int count,
                            char **arguments);
void ouro__view_options_free(struct ouro__view_options *options);

#endif
