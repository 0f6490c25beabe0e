/* trace_table.c - the traces of a snapshot as a table that SQLite reads where they lie: millions of rows are not written before
 * they are read, and come sorted by what they are summed up by.
 *
 * Rows have two orders: by traceback and number, and by frame.  What SQLite asks for otherwise it picks out of all rows
 * itself; it does so anyway, so that a plan may give more than was asked for.
 *
 * @source SQLite, "The Virtual Table Mechanism Of SQLite" */
#define _GNU_SOURCE
#include "export/trace_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json_values.h"

/* Columns as they stand in the table's SQL; nine figures come behind the size. */
enum { ID, TRACEBACK, DOMAIN, SIZE, FIGURES, THREAD = FIGURES + 9, SINCE, FRAME };

/* How rows are found. */
enum plan { ALL, ALL_BY_FRAME, OF_ID, OF_TRACEBACK, OF_FRAME, COUNT };

struct traces {
    const struct ouro__tables *from; /* borrowed */
    char *schema;                    /* owned, as all of it */
    uint32_t *by_path;               /* numbers of traces; NULL until they are asked for */
    uint32_t *by_frame;
    size_t n;
};

struct table {
    sqlite3_vtab base;
    struct traces *traces;
};

struct cursor {
    sqlite3_vtab_cursor base;
    const uint32_t *order;
    size_t at, end;
    uint32_t one; /* an order of its own, of one */
};

static const struct ouro_snapshot_trace *
trace_at(const struct traces *traces, uint32_t number)
{
    return &traces->from->saved->snapshot.traces[number];
}

static uint32_t
path_of(const struct traces *traces, uint32_t number)
{
    return traces->from->view->spots[number];
}

static uint32_t
frame_of(const struct traces *traces, uint32_t number)
{
    return ouro__place_of_spot(traces->from->view, traces->from->places, path_of(traces, number));
}

/* ---- orders ---- */

/* The numbers in `from`, or all that the view kept, sorted by keys below `n_keys`; alike, they stay in their order.  Owned, NULL
 * without memory. */
static uint32_t *
sort(const struct traces *traces, const uint32_t *from, size_t n,
     uint32_t (*key_of)(const struct traces *traces, uint32_t number), size_t n_keys)
{
    uint32_t *ends = calloc(n_keys + 1, sizeof *ends);
    uint32_t *sorted = ends == NULL ? NULL : reallocarray(NULL, n + 1, sizeof *sorted);

    for (size_t i = 0; sorted != NULL && i < n; i++) {
        ends[key_of(traces, from[i]) + 1]++;
    }
    for (size_t key = 0; sorted != NULL && key < n_keys; key++) {
        ends[key + 1] += ends[key];
    }
    for (size_t i = 0; sorted != NULL && i < n; i++) {
        sorted[ends[key_of(traces, from[i])]++] = from[i];
    }
    free(ends);
    return sorted;
}

/* False without memory. */
static bool
order_by_path(struct traces *traces)
{
    const struct ouro__snapshot *snapshot = &traces->from->saved->snapshot;
    const struct ouro__view *view = traces->from->view;

    if (traces->by_path != NULL) {
        return true;
    }
    uint32_t *kept = reallocarray(NULL, snapshot->n_traces + 1, sizeof *kept);
    traces->n = 0;
    for (uint32_t i = 1; kept != NULL && i < snapshot->n_traces; i++) {
        if (ouro__view_keeps(view, i)) {
            kept[traces->n++] = i;
        }
    }
    traces->by_path = kept == NULL ? NULL : sort(traces, kept, traces->n, path_of, view->n_spots);
    free(kept);
    return traces->by_path != NULL;
}

/* False without memory. */
static bool
order_by_frame(struct traces *traces)
{
    if (traces->by_frame == NULL && order_by_path(traces)) {
        traces->by_frame =
            sort(traces, traces->by_path, traces->n, frame_of, traces->from->places->places.n);
    }
    return traces->by_frame != NULL;
}

/* How many of an order have a key less than `least`. */
static size_t
count_below(const struct traces *traces, const uint32_t *order,
            uint32_t (*key_of)(const struct traces *traces, uint32_t number), sqlite3_int64 least)
{
    size_t low = 0, high = traces->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (key_of(traces, order[middle]) < least) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- the table ---- */

static int
table_connect(sqlite3 *database, void *context, int n, const char *const *arguments,
              sqlite3_vtab **made, char **trouble)
{
    struct traces *traces = context;
    (void)n, (void)arguments, (void)trouble;

    int code = sqlite3_declare_vtab(database, traces->schema);
    struct table *table = code == SQLITE_OK ? calloc(1, sizeof *table) : NULL;
    if (table == NULL) {
        return code == SQLITE_OK ? SQLITE_NOMEM : code;
    }
    table->traces = traces;
    *made = &table->base;
    return SQLITE_OK;
}

static int
table_disconnect(sqlite3_vtab *table)
{
    free(table);
    return SQLITE_OK;
}

/* Whether rows are wanted in an order that a plan has. */
static bool
is_ordered(const sqlite3_index_info *info, enum plan plan)
{
    const struct sqlite3_index_orderby *by = info->aOrderBy;
    int n = info->nOrderBy;

    if (n == 0 || by[0].desc || (n > 1 && by[1].desc)) {
        return false;
    }
    return plan == ALL_BY_FRAME ? n == 1 && by[0].iColumn == FRAME
                                : plan == ALL && by[0].iColumn == TRACEBACK &&
                                      (n == 1 || (n == 2 && by[1].iColumn == ID));
}

static int
table_plan(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const struct traces *traces = ((struct table *)base)->traces;
    double n = (double)traces->from->saved->snapshot.n_traces;
    static const int columns[] = {[OF_ID] = ID, [OF_TRACEBACK] = TRACEBACK, [OF_FRAME] = FRAME};
    const double rows[] = {[OF_ID] = 1, [OF_TRACEBACK] = 4, [OF_FRAME] = 4 + n / 1000};

    info->idxNum = is_ordered(info, ALL_BY_FRAME) ? ALL_BY_FRAME : ALL;
    info->orderByConsumed = is_ordered(info, (enum plan)info->idxNum);
    info->estimatedRows = (sqlite3_int64)n;
    info->estimatedCost = n;
    if (info->colUsed == 0 && info->nOrderBy == 0 && traces->from->view->is_kept == NULL) {
        info->idxNum = COUNT;
    }
    for (int plan = OF_FRAME; plan >= OF_ID; plan--) {
        for (int i = 0; i < info->nConstraint; i++) {
            const struct sqlite3_index_constraint *constraint = &info->aConstraint[i];
            if (!constraint->usable || constraint->op != SQLITE_INDEX_CONSTRAINT_EQ ||
                constraint->iColumn != columns[plan] || rows[plan] > info->estimatedCost) {
                continue;
            }
            for (int k = 0; k < info->nConstraint; k++) {
                info->aConstraintUsage[k].argvIndex = k == i;
            }
            info->idxNum = plan;
            info->orderByConsumed = 0;
            info->estimatedRows = (sqlite3_int64)rows[plan];
            info->estimatedCost = rows[plan];
        }
    }
    return SQLITE_OK;
}

static int
cursor_open(sqlite3_vtab *table, sqlite3_vtab_cursor **opened)
{
    struct cursor *cursor = calloc(1, sizeof *cursor);
    (void)table;

    if (cursor == NULL) {
        return SQLITE_NOMEM;
    }
    *opened = &cursor->base;
    return SQLITE_OK;
}

static int
cursor_close(sqlite3_vtab_cursor *cursor)
{
    free(cursor);
    return SQLITE_OK;
}

static struct traces *
traces_of(const sqlite3_vtab_cursor *cursor)
{
    return ((struct table *)cursor->pVtab)->traces;
}

/* The rows that have a key. */
static void
cursor_narrow(struct cursor *cursor, const struct traces *traces,
              uint32_t (*key_of)(const struct traces *traces, uint32_t number), sqlite3_int64 key)
{
    cursor->at = count_below(traces, cursor->order, key_of, key);
    cursor->end = key == INT64_MAX ? cursor->at : count_below(traces, cursor->order, key_of, key + 1);
}

static int
cursor_filter(sqlite3_vtab_cursor *base, int plan, const char *name, int n, sqlite3_value **values)
{
    struct cursor *cursor = (struct cursor *)base;
    struct traces *traces = traces_of(base);
    const struct ouro__snapshot *snapshot = &traces->from->saved->snapshot;
    (void)name;

    if (plan == COUNT) { /* nobody looks at the rows */
        cursor->at = 0;
        cursor->end = snapshot->n_traces > 0 ? snapshot->n_traces - 1 : 0;
        return SQLITE_OK;
    }
    bool is_by_frame = plan == ALL_BY_FRAME || plan == OF_FRAME;
    if (!(is_by_frame ? order_by_frame(traces) : order_by_path(traces))) {
        return SQLITE_NOMEM;
    }
    cursor->order = is_by_frame ? traces->by_frame : traces->by_path;
    cursor->at = 0;
    cursor->end = traces->n;
    /* A key that is no integer is compared with all rows, by SQLite's rules. */
    if (n == 0 || sqlite3_value_type(values[0]) != SQLITE_INTEGER) {
        return SQLITE_OK;
    }
    sqlite3_int64 key = sqlite3_value_int64(values[0]);
    if (plan == OF_TRACEBACK) {
        cursor_narrow(cursor, traces, path_of, key);
    } else if (plan == OF_FRAME) {
        cursor_narrow(cursor, traces, frame_of, key);
    } else {
        bool is_there = key > 0 && (uint64_t)key < snapshot->n_traces &&
                        ouro__view_keeps(traces->from->view, (size_t)key);
        cursor->one = is_there ? (uint32_t)key : 0;
        cursor->order = &cursor->one;
        cursor->end = is_there;
    }
    return SQLITE_OK;
}

static int
cursor_next(sqlite3_vtab_cursor *cursor)
{
    ((struct cursor *)cursor)->at++;
    return SQLITE_OK;
}

static int
cursor_is_behind(sqlite3_vtab_cursor *cursor)
{
    return ((struct cursor *)cursor)->at >= ((struct cursor *)cursor)->end;
}

/* Tables without row numbers are asked for none. */
static int
cursor_row(sqlite3_vtab_cursor *cursor, sqlite3_int64 *number)
{
    *number = (sqlite3_int64)((struct cursor *)cursor)->at;
    return SQLITE_OK;
}

/* ---- columns ---- */

static void
integer_give(sqlite3_context *to, uint64_t value)
{
    sqlite3_result_int64(to, value > INT64_MAX ? INT64_MAX : (sqlite3_int64)value);
}

/* A number with a fraction only where it has one, as a column for numbers keeps it. */
static void
real_give(sqlite3_context *to, double value)
{
    if (value < 9e18 && floor(value) == value) {
        sqlite3_result_int64(to, (sqlite3_int64)value);
    } else {
        sqlite3_result_double(to, value);
    }
}

/* NULL for none. */
static void
text_give(sqlite3_context *to, const char *words)
{
    struct ouro__text clean = {0};

    if (words == NULL) {
        sqlite3_result_null(to);
        return;
    }
    ouro__text_add_utf8(&clean, words);
    if (clean.failed) {
        sqlite3_result_error_nomem(to);
    } else {
        sqlite3_result_text64(to, clean.data == NULL ? "" : clean.data, clean.length, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
    }
    ouro__text_free(&clean);
}

/* Blocks, bytes and the error of each measure. */
static void
figure_give(sqlite3_context *to, const struct ouro__snapshot *snapshot,
            const struct ouro_snapshot_trace *trace, int which)
{
    const uint64_t counted[] = {trace->live_blocks, trace->live_bytes, 0,
                                trace->peak_blocks, trace->peak_bytes, 0,
                                trace->all_blocks,  trace->all_bytes,  0};

    if (snapshot->tracing.mode != OURO_SNAPSHOT_SAMPLED) {
        integer_give(to, counted[which]);
        return;
    }
    struct ouro__figures figures =
        ouro__figures_of(&snapshot->tracing, trace, (enum ouro__measure)(which / 3));
    real_give(to, which % 3 == 0   ? figures.blocks
                  : which % 3 == 1 ? figures.bytes
                                   : sqrt(figures.variance));
}

static int
cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *to, int column)
{
    const struct cursor *cursor = (struct cursor *)base;
    const struct traces *traces = traces_of(base);
    const struct ouro__tables *from = traces->from;
    const struct ouro__snapshot *snapshot = &from->saved->snapshot;
    uint32_t number = cursor->order[cursor->at];
    const struct ouro_snapshot_trace *trace = trace_at(traces, number);

    switch (column) {
    case ID:
        integer_give(to, number);
        break;
    case TRACEBACK:
        integer_give(to, path_of(traces, number));
        break;
    case DOMAIN:
        sqlite3_result_text(to, ouro__domain_names[trace->domain], -1, SQLITE_STATIC);
        break;
    case SIZE:
        integer_give(to, trace->size);
        break;
    case THREAD:
        text_give(to, trace->thread == 0
                          ? NULL
                          : ouro__text_at(from->places, from->view->threads.texts[trace->thread]));
        break;
    case SINCE:
        text_give(to, trace->since == 0 ? NULL : snapshot->sinces[trace->since].name);
        break;
    case FRAME:
        integer_give(to, frame_of(traces, number));
        break;
    default:
        figure_give(to, snapshot, trace, column - FIGURES);
    }
    return SQLITE_OK;
}

static const sqlite3_module module = {
    .xCreate = table_connect,
    .xConnect = table_connect,
    .xBestIndex = table_plan,
    .xDisconnect = table_disconnect,
    .xDestroy = table_disconnect,
    .xOpen = cursor_open,
    .xClose = cursor_close,
    .xFilter = cursor_filter,
    .xNext = cursor_next,
    .xEof = cursor_is_behind,
    .xColumn = cursor_column,
    .xRowid = cursor_row,
};

static void
traces_free(void *context)
{
    struct traces *traces = context;

    free(traces->schema);
    free(traces->by_path);
    free(traces->by_frame);
    free(traces);
}

/* ---- sums by frame ---- */

/* A figure as SQLite sums it up. */
static double
most_integer(uint64_t value)
{
    return value > INT64_MAX ? (double)INT64_MAX : (double)value;
}

static void
frame_add(struct ouro__frame_sums *sums, const struct ouro__snapshot *snapshot,
          const struct ouro_snapshot_trace *trace)
{
    sums->has_traces = true;
    if (snapshot->tracing.mode != OURO_SNAPSHOT_SAMPLED) {
        sums->by[0] += most_integer(trace->live_bytes);
        sums->by[1] += most_integer(trace->peak_bytes);
        sums->by[2] += most_integer(trace->all_bytes);
        return;
    }
    for (int m = 0; m < OURO_N_MEASURES; m++) {
        struct ouro__figures figures =
            ouro__figures_of(&snapshot->tracing, trace, (enum ouro__measure)m);
        double error = sqrt(figures.variance);
        sums->by[m] += figures.bytes;
        if (m != OURO_MEASURE_CHURN) {
            sums->by[OURO_N_MEASURES + m] += error * error;
        }
    }
}

struct ouro__frame_sums *
ouro__frame_sums_make(const struct ouro__tables *from)
{
    const struct ouro__snapshot *snapshot = &from->saved->snapshot;
    struct traces traces = {.from = from};
    struct ouro__frame_sums *sums = calloc(from->places->places.n, sizeof *sums);
    /* Sums of estimates depend on their order. */
    bool is_ordered = snapshot->tracing.mode == OURO_SNAPSHOT_SAMPLED;
    bool is_well = sums != NULL && (!is_ordered || order_by_path(&traces));

    size_t n = is_ordered ? traces.n : snapshot->n_traces;
    for (uint32_t i = is_ordered ? 0 : 1; is_well && i < n; i++) {
        uint32_t number = is_ordered ? traces.by_path[i] : i;
        if (ouro__view_keeps(from->view, number)) {
            frame_add(&sums[frame_of(&traces, number)], snapshot, &snapshot->traces[number]);
        }
    }
    free(traces.by_path);
    if (!is_well) {
        free(sums);
        return NULL;
    }
    return sums;
}

/* The SQL of the table that rows are like; owned, NULL without memory. */
static char *
schema_find(sqlite3 *database)
{
    static const char question[] = "SELECT sql FROM sqlite_master WHERE name = 'traces'";
    sqlite3_stmt *statement = NULL;
    char *found = NULL;

    if (sqlite3_prepare_v2(database, question, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        const char *words = (const char *)sqlite3_column_text(statement, 0);
        found = words == NULL ? NULL : strdup(words);
    }
    (void)sqlite3_finalize(statement);
    return found;
}

bool
ouro__trace_table_add(sqlite3 *database, const struct ouro__tables *from)
{
    struct traces *traces = calloc(1, sizeof *traces);

    if (traces == NULL || (traces->schema = schema_find(database)) == NULL) {
        free(traces);
        return false;
    }
    traces->from = from;
    /* Where that fails the context is freed. */
    return sqlite3_create_module_v2(database, OURO_TRACE_TABLE, &module, traces, traces_free) ==
           SQLITE_OK;
}
