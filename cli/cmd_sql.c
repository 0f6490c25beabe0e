/* cmd_sql.c - `ouro sql FILE STATEMENT`: questions about a snapshot that no other verb has an option for.
 *
 * The database lies in memory and is only read.  Nothing here needs an end, so that Ctrl-C is left to end the tool, in
 * the midst of a query as well. */
#define _GNU_SOURCE
#include "cmd_view.h"

#include <string.h>

#include "export/database.h"
#include "export/results.h"
#include "progress.h"
#include "view/rows.h"
#include "run/run.h"
#include "view/view_options.h"

/* What statements read. */
struct reading {
    unsigned tables;
    bool has_columns; /* of traces, and not only their number */
    bool has_sums;    /* by frame */
};

/* Whatever writes, opens files or changes settings is not for statements from the command line. */
static int
authorize(void *context, int action, const char *a, const char *b, const char *database,
          const char *trigger)
{
    struct reading *reading = context;
    (void)database, (void)trigger;
    if (action == SQLITE_READ) {
        reading->tables |= ouro__database_table(a);
        reading->has_columns |= strcmp(a, "traces") == 0 && b[0] != '\0';
        reading->has_sums |= strcmp(a, OURO_FRAME_SUMS) == 0;
    }
    bool is_reading = action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_FUNCTION ||
                      action == SQLITE_RECURSIVE;
    return is_reading ? SQLITE_OK : SQLITE_DENY;
}

/* Say what is wrong with the statement at `begin`, a part of `all`, and where; an exit code. */
static int
error_say(sqlite3 *database, int code, const char *all, const char *begin)
{
    const char *message = sqlite3_errmsg(database);
    int offset = sqlite3_error_offset(database);
    size_t line = 1, column = 1;

    if (code == SQLITE_NOMEM) {
        ouro__say("out of memory");
        return OURO_EXIT_FAILED;
    }
    if (code == SQLITE_AUTH) {
        message = "a snapshot is only read, by SELECT, VALUES, WITH and EXPLAIN";
    }
    if (offset < 0) {
        ouro__say("%s", message);
        return OURO_EXIT_USAGE;
    }
    for (const char *at = all; at < begin + offset && *at != '\0'; at++) {
        bool is_end = *at == '\n';
        line += is_end;
        column = is_end ? 1 : column + (((unsigned char)*at & 0xc0) != 0x80);
    }
    ouro__say("%s (line %zu, column %zu)", message, line, column);
    return OURO_EXIT_USAGE;
}

/* Run all statements of `all`, or without `results` only look whether they can be; an exit code. */
static int
statements_run(sqlite3 *database, const char *all, struct ouro__results *results)
{
    const char *next = all;

    while (*next != '\0') {
        const char *begin = next;
        sqlite3_stmt *statement;
        int code = sqlite3_prepare_v2(database, begin, -1, &statement, &next);
        if (code == SQLITE_OK && statement != NULL && sqlite3_column_count(statement) == 0) {
            code = SQLITE_AUTH; /* VACUUM asks nobody before it runs */
        } else if (code == SQLITE_OK && statement != NULL && results != NULL) {
            code = ouro__results_add(results, statement);
        }
        bool is_well = code == SQLITE_OK || code == SQLITE_DONE;
        int exit_code = is_well                ? 0
                        : code == SQLITE_IOERR ? OURO_EXIT_FAILED
                                               : error_say(database, code, all, begin);
        (void)sqlite3_finalize(statement);
        if (!is_well) {
            return exit_code;
        }
    }
    return 0;
}

/* What statements are asked of. */
struct asked {
    struct ouro__saved saved;
    struct ouro__places places;
    struct ouro__view view;
    struct ouro__tables tables; /* of the above */
    sqlite3 *database;
};

/* Fill the tables that are read, but for traces, which stay in the snapshot.  False without memory. */
static bool
tables_fill(struct asked *asked, const struct reading *reading)
{
    struct ouro__filters filters = {0};
    const struct ouro__saved *saved = &asked->saved;
    unsigned traces = ouro__database_table("traces"), which = reading->tables;
    bool has_paths = reading->has_columns || (which & ouro__database_table("tracebacks")) != 0;

    ouro__progress_step("filling the tables of", saved->path, NULL);
    asked->tables = (struct ouro__tables){&asked->places, saved, &asked->view};
    bool is_well =
        ouro__places_init(&asked->places) &&
        ouro__view_make(&asked->view, &asked->places, &saved->snapshot, OURO_MEASURE_LIVE, &filters,
                        has_paths ? OURO_VIEW_PATHS : 0) &&
        ouro__database_fill(asked->database, &asked->tables, which & ~traces) &&
        (!reading->has_sums || ouro__database_fill_sums(asked->database, &asked->tables)) &&
        ((which & traces) == 0 || ouro__database_lend_traces(asked->database, &asked->tables));
    if (!is_well) {
        ouro__say("out of memory");
    }
    return is_well;
}

static int
question_answer(struct asked *asked, const struct ouro__view_options *options)
{
    sqlite3 *database = asked->database;
    struct ouro__results results;
    enum ouro__shape shape = options->json  ? OURO_SHAPE_JSON
                             : options->csv ? OURO_SHAPE_CSV
                                            : OURO_SHAPE_TABLE;
    struct reading reading = {0};

    (void)sqlite3_set_authorizer(database, authorize, &reading);
    int code = statements_run(database, options->files[1], NULL);
    if (code != 0) {
        return code;
    }
    (void)sqlite3_set_authorizer(database, NULL, NULL);
    if (!tables_fill(asked, &reading)) {
        return OURO_EXIT_FAILED;
    }
    (void)sqlite3_set_authorizer(database, authorize, &reading);
    if (!ouro__results_begin(&results, shape)) {
        return OURO_EXIT_FAILED;
    }
    code = statements_run(database, options->files[1], &results);
    return ouro__results_end(&results, code == 0) ? code : OURO_EXIT_FAILED;
}

static int
schema_print(void)
{
    struct ouro__text text = {0};

    for (size_t i = 0; i < OURO_N_SCHEMAS; i++) {
        ouro__text_print(&text, "%s%s", i == 0 ? "" : "\n", ouro__database_schemas[i]);
    }
    return ouro__text_print_out(&text);
}

int
ouro__cmd_sql(int count, char **arguments)
{
    struct ouro__view_options options;
    struct asked asked = {0};

    int code = ouro__view_options_read(&options, OURO_VERB_SQL, count, arguments);
    if (code >= 0) {
        return code;
    }
    code = OURO_EXIT_FAILED;
    if (!ouro__saved_open(&asked.saved, options.files[0])) {
        ouro__view_options_free(&options);
        return code;
    }
    if (options.files[1] == NULL) {
        code = schema_print();
    } else {
        asked.database = ouro__database_make();
        if (asked.database == NULL || !ouro__database_sum_ahead(asked.database)) {
            ouro__say("out of memory");
        } else {
            code = question_answer(&asked, &options);
        }
        (void)sqlite3_close(asked.database);
    }
    ouro__view_free(&asked.view);
    ouro__places_free(&asked.places);
    ouro__saved_free(&asked.saved);
    ouro__view_options_free(&options);
    return code;
}
