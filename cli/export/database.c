/* database.c - a snapshot as tables of SQLite.
 *
 * All rows of a table go through one statement, in the order of their numbers: SQLite appends them, which is fast enough
 * for millions.  What fails here fails for want of memory. */
#define _GNU_SOURCE
#include "export/database.h"

#include <stdlib.h>
#include <string.h>

#include "export/trace_table.h"
#include "json_values.h"
#include "view/narrow.h"
#include "view/packages.h"

/* What lines, files and functions have in common: sums by frame, which `by_frame` has, by something of the frame. */
#define SUMS "  live, peak, allocated, live_error, peak_error\n"
#define SUMMED(by_frame)                                                                               \
    "  CAST(round(total(live)) AS INTEGER), CAST(round(total(peak)) AS INTEGER),\n"                    \
    "  CAST(round(total(allocated)) AS INTEGER),\n"                                                    \
    "  CAST(round(sqrt(total(live_variance))) AS INTEGER),\n"                                          \
    "  CAST(round(sqrt(total(peak_variance))) AS INTEGER)\n"                                           \
    "FROM " by_frame "\n"                                                                              \
    "  JOIN frames ON frames.id = frame "
#define LINES(by_frame)                                                                                \
    "VIEW lines (\n  file, line,\n" SUMS                                                               \
    ") AS SELECT file, line,\n" SUMMED(by_frame) "GROUP BY file, line;\n"
#define FILES(by_frame)                                                                                \
    "VIEW files (\n  file,\n" SUMS ") AS SELECT file,\n" SUMMED(by_frame) "GROUP BY file;\n"
#define FUNCTIONS(by_frame)                                                                            \
    "VIEW functions (\n  file, function,\n" SUMS                                                       \
    ") AS SELECT file, function,\n" SUMMED(by_frame) "GROUP BY file, function;\n"
#define TRACES_BY_FRAME "(SELECT frame," FIGURES "FROM traces GROUP BY frame)"
#define FIGURES                                                                                        \
    " total(live_bytes) AS live, total(peak_bytes) AS peak,\n"                                         \
    "  total(all_bytes) AS allocated, total(live_error * live_error) AS live_variance,\n"              \
    "  total(peak_error * peak_error) AS peak_variance\n"

static const char tables[] =
    "-- The process, and how it was traced: one row.\n"
    "CREATE TABLE process (\n"
    "  pid INTEGER,                 -- NULL where it is not known\n"
    "  command TEXT,\n"
    "  python TEXT,                 -- its version\n"
    "  snapshot TEXT,               -- the snapshot's own name\n"
    "  reason TEXT,                 -- why it was taken: 'exit', ...\n"
    "  trouble TEXT,                -- what is wrong with the file, NULL when nothing is\n"
    "  mode TEXT,                   -- 'exact', 'sampled' or 'off'\n"
    "  sample_bytes INTEGER,        -- sampled: mean bytes from one sample to the next\n"
    "  frames_most INTEGER,         -- kept of a traceback, 0 for all\n"
    "  taken_unix_ns INTEGER,       -- when the snapshot was taken, NULL where it is not known\n"
    "  taken_at_ns INTEGER,         -- the same since the process began\n"
    "  peak_at_ns INTEGER,          -- when the traced bytes were highest, since it began\n"
    "  peak_bytes INTEGER,          -- traced then\n"
    "  peak_blocks INTEGER,\n"
    "  own_bytes INTEGER,           -- that tracing took for itself\n"
    "  untraced_allocations INTEGER,\n"
    "  untraced_live_blocks INTEGER, untraced_live_bytes INTEGER, -- blocks without a trace\n"
    "  untraced_peak_blocks INTEGER, untraced_peak_bytes INTEGER,\n"
    "  untraced_all_blocks INTEGER, untraced_all_bytes INTEGER\n"
    ");\n"
    "\n"
    "-- Places in the program; 0 is '(no frame)', where no Python code ran.\n"
    "CREATE TABLE frames (\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  file TEXT, function TEXT, line INTEGER\n"
    ");\n"
    "\n"
    "-- Tracebacks: a frame, and the traceback of its caller; 0 is none.\n"
    "CREATE TABLE tracebacks (\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  parent INTEGER,              -- the caller's, less than id; NULL for 0\n"
    "  frame INTEGER,               -- the innermost\n"
    "  depth INTEGER                -- frames in all\n"
    ");\n"
    "\n"
    "-- Blocks of one size, asked for by one traceback.  Of a sampled snapshot the figures are\n"
    "-- estimates, with fractions, and the errors are the standard errors of their bytes.\n"
    "CREATE TABLE traces (\n"
    "  id INTEGER,\n"
    "  traceback INTEGER,\n"
    "  domain TEXT,                 -- 'raw', 'mem' or 'object'\n"
    "  size INTEGER,                -- of one block\n"
    "  live_blocks NUMERIC, live_bytes NUMERIC, live_error NUMERIC, -- when the snapshot was taken\n"
    "  peak_blocks NUMERIC, peak_bytes NUMERIC, peak_error NUMERIC, -- when the bytes were highest\n"
    "  all_blocks NUMERIC, all_bytes NUMERIC, all_error NUMERIC,    -- ever, freed or not\n"
    "  thread TEXT,                 -- that asked; NULL where it was not noted\n"
    "  since TEXT,                  -- the mark after which it was asked for; NULL for none\n"
    "  frame INTEGER,               -- the traceback's innermost\n"
    "  PRIMARY KEY (traceback, id)\n"
    ") WITHOUT ROWID;\n"
    "\n"
    "-- The installed distribution that a file belongs to.\n"
    "CREATE TABLE packages (file TEXT PRIMARY KEY, package TEXT) WITHOUT ROWID;\n"
    "\n"
    "-- Types of the objects in a trace's blocks when the snapshot was taken; estimates as in traces.\n"
    "CREATE TABLE types (trace INTEGER, type TEXT, blocks NUMERIC, bytes NUMERIC);\n"
    "\n"
    "-- How soon blocks of a trace were freed (ouro run --lifetimes): within so many allocations of\n"
    "-- the process, 1, 10, 100, ... 1000000, but not within the number before; estimates as in "
    "traces.\n"
    "CREATE TABLE lifetimes (trace INTEGER, within INTEGER, blocks NUMERIC, bytes NUMERIC);\n"
    "\n"
    "-- How memory stood from time to time, in bytes and ns since the process began.\n"
    "CREATE TABLE samples (\n"
    "  at_ns INTEGER, resident INTEGER, files INTEGER,\n"
    "  counted_at_ns INTEGER,       -- when what follows was counted\n"
    "  live_raw INTEGER, live_mem INTEGER, live_object INTEGER,\n"
    "  blocks_raw INTEGER, blocks_mem INTEGER, blocks_object INTEGER,\n"
    "  untouched INTEGER, free INTEGER, cached INTEGER, records INTEGER,\n"
    "  allocations INTEGER, frees INTEGER, -- ever\n"
    "  gc_young INTEGER, gc_middle INTEGER, gc_full INTEGER, gc_ns INTEGER -- runs ever, and their "
    "time\n"
    ");\n"
    "\n"
    "-- What the program marked.\n"
    "CREATE TABLE marks (at_ns INTEGER, name TEXT);\n";

static const char views[] = "-- The bytes of each traceback, those that it called not counted.\n"
                            "CREATE VIEW sums (\n"
                            "  traceback, frame, live, peak, allocated, live_variance, peak_variance\n"
                            ") AS SELECT traceback, frame," FIGURES "FROM traces GROUP BY traceback;\n"
                            "\n"
                            "-- The same by line, file and function of the innermost frame.\n"
                            "CREATE " LINES(TRACES_BY_FRAME) "CREATE " FILES(
                                TRACES_BY_FRAME) "CREATE " FUNCTIONS(TRACES_BY_FRAME);

/* Beside the views, which they hide: the same of sums that are made at once, and not by reading millions of traces. */
static const char sums_ahead[] =
    "CREATE TEMP TABLE " OURO_FRAME_SUMS
    " (frame INTEGER PRIMARY KEY, live REAL, peak REAL, allocated REAL, live_variance REAL,"
    " peak_variance REAL);\n"
    "CREATE TEMP " LINES(OURO_FRAME_SUMS) "CREATE TEMP " FILES(
        OURO_FRAME_SUMS) "CREATE TEMP " FUNCTIONS(OURO_FRAME_SUMS);

const char *const ouro__database_schemas[OURO_N_SCHEMAS] = {tables, views};

#define COLUMNS_MOST 24

/* A statement being filled in.  All that is added to a failed one is lost. */
struct filler {
    sqlite3_stmt *statement;
    const char *texts[COLUMNS_MOST]; /* that are bound, by column: mostly the next row has the same */
    int column;                      /* the next one */
    bool failed;
};

static struct filler
filler_make(sqlite3 *database, const char *insert)
{
    struct filler filler = {0};

    filler.failed = sqlite3_prepare_v2(database, insert, -1, &filler.statement, NULL) != SQLITE_OK;
    return filler;
}

/* False when anything failed. */
static bool
filler_end(struct filler *filler)
{
    (void)sqlite3_finalize(filler->statement);
    return !filler->failed;
}

static void
integer_add(struct filler *filler, uint64_t value)
{
    sqlite3_int64 most = value > INT64_MAX ? INT64_MAX : (sqlite3_int64)value;
    filler->failed |= sqlite3_bind_int64(filler->statement, ++filler->column, most) != SQLITE_OK;
}

/* A number with a fraction only where it has one. */
static void
real_add(struct filler *filler, double value)
{
    filler->failed |= sqlite3_bind_double(filler->statement, ++filler->column, value) != SQLITE_OK;
}

/* For `value` only when it is known. */
static void
known_add(struct filler *filler, bool is_known, uint64_t value)
{
    if (is_known) {
        integer_add(filler, value);
    } else {
        filler->failed |= sqlite3_bind_null(filler->statement, ++filler->column) != SQLITE_OK;
    }
}

/* Whether a text is bound to the next column; it is taken for bound from now on. */
static bool
is_bound(struct filler *filler, const char *words)
{
    const char **bound = &filler->texts[filler->column++];
    bool is_same = *bound == words;

    *bound = words;
    return is_same;
}

/* What stays as it is, where it is, until all rows are there; NULL for none. */
static void
constant_add(struct filler *filler, const char *words)
{
    if (!is_bound(filler, words)) {
        filler->failed |=
            sqlite3_bind_text(filler->statement, filler->column, words, -1, SQLITE_STATIC) != SQLITE_OK;
    }
}

/* The same, of bytes that may be no UTF-8. */
static void
text_add(struct filler *filler, const char *words)
{
    struct ouro__text clean = {0};

    if (is_bound(filler, words)) {
        return;
    }
    ouro__text_add_utf8(&clean, words);
    filler->failed |=
        clean.failed ||
        sqlite3_bind_text64(filler->statement, filler->column, clean.data == NULL ? "" : clean.data,
                            clean.length, SQLITE_TRANSIENT, SQLITE_UTF8) != SQLITE_OK;
    ouro__text_free(&clean);
}

static void
row_end(struct filler *filler)
{
    if (!filler->failed) {
        filler->failed = sqlite3_step(filler->statement) != SQLITE_DONE;
    }
    filler->failed |= sqlite3_reset(filler->statement) != SQLITE_OK;
    filler->column = 0;
}

static bool
process_load(sqlite3 *database, const struct ouro__tables *from)
{
    static const char *const modes[] = {"off", "exact", "sampled"};
    static const struct ouro_snapshot_trace none;
    const struct ouro__saved *saved = from->saved;
    const struct ouro__snapshot *snapshot = &saved->snapshot;
    const struct ouro_snapshot_tracing *tracing = &snapshot->tracing;
    const struct ouro_snapshot_trace *untraced = snapshot->n_traces == 0 ? &none : snapshot->traces;
    const uint64_t figures[] = {
        tracing->taken_at_ns,  tracing->peak_at_ns,  tracing->peak_bytes,   tracing->peak_blocks,
        tracing->own_bytes,    tracing->n_untraced,  untraced->live_blocks, untraced->live_bytes,
        untraced->peak_blocks, untraced->peak_bytes, untraced->all_blocks,  untraced->all_bytes,
    };
    struct ouro__text command = {0};
    struct filler filler = filler_make(database, "INSERT INTO process VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
                                                 "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

    ouro__saved_add_command(&command, saved);
    known_add(&filler, saved->has_record, (uint64_t)saved->record.pid);
    text_add(&filler, command.data == NULL ? "" : command.data);
    text_add(&filler, saved->record.python_version);
    text_add(&filler, tracing->name);
    text_add(&filler, tracing->reason);
    constant_add(&filler, snapshot->trouble[0] == '\0' ? NULL : snapshot->trouble);
    constant_add(&filler, modes[tracing->mode]);
    integer_add(&filler, tracing->sample_bytes);
    integer_add(&filler, tracing->n_frames_most);
    uint64_t when = ouro__saved_when(saved);
    known_add(&filler, when != 0, when);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        integer_add(&filler, figures[i]);
    }
    row_end(&filler);
    filler.failed |= command.failed;
    ouro__text_free(&command);
    return filler_end(&filler);
}

static bool
frames_load(sqlite3 *database, const struct ouro__tables *from)
{
    const struct ouro__places *places = from->places;
    struct filler filler = filler_make(database, "INSERT INTO frames VALUES (?, ?, ?, ?)");

    for (uint32_t i = 0; i < places->places.n && !filler.failed; i++) {
        uint32_t line = ouro__line_of_place(places, i);
        integer_add(&filler, i);
        text_add(&filler, ouro__file_of_line(places, line));
        text_add(&filler, ouro__name_of_function(places, ouro__function_of_place(places, i)));
        integer_add(&filler, ouro__number_of_line(places, line));
        row_end(&filler);
    }
    return filler_end(&filler);
}

static bool
tracebacks_load(sqlite3 *database, const struct ouro__tables *from)
{
    const struct ouro__places *places = from->places;
    static const char root[] = "INSERT INTO tracebacks VALUES (0, NULL, 0, 0)";
    /* A number that SQLite gives, the next one, is one that it needn't look for. */
    struct filler filler =
        filler_make(database, "INSERT INTO tracebacks (parent, frame, depth) VALUES (?, ?, ?)");
    uint32_t *depths = calloc(places->paths.n, sizeof *depths);

    filler.failed |= depths == NULL || sqlite3_exec(database, root, NULL, NULL, NULL) != SQLITE_OK;
    for (uint32_t i = 1; i < places->paths.n && !filler.failed; i++) {
        uint32_t caller = places->paths.items[i].a;
        depths[i] = depths[caller] + 1;
        integer_add(&filler, caller);
        integer_add(&filler, ouro__place_of_path(places, i));
        integer_add(&filler, depths[i]);
        row_end(&filler);
    }
    free(depths);
    return filler_end(&filler);
}

static bool
traces_load(sqlite3 *database, const struct ouro__tables *from)
{
    static const char insert[] = "INSERT INTO traces SELECT * FROM " OURO_TRACE_TABLE;
    return ouro__trace_table_add(database, from) &&
           sqlite3_exec(database, insert, NULL, NULL, NULL) == SQLITE_OK;
}

bool
ouro__database_lend_traces(sqlite3 *database, const struct ouro__tables *from)
{
    static const char lend[] = "DROP TABLE traces; CREATE VIRTUAL TABLE traces USING " OURO_TRACE_TABLE;
    return ouro__trace_table_add(database, from) &&
           sqlite3_exec(database, lend, NULL, NULL, NULL) == SQLITE_OK;
}

bool
ouro__database_sum_ahead(sqlite3 *database)
{
    return sqlite3_exec(database, sums_ahead, NULL, NULL, NULL) == SQLITE_OK;
}

bool
ouro__database_fill_sums(sqlite3 *database, const struct ouro__tables *from)
{
    static const char insert[] = "INSERT INTO " OURO_FRAME_SUMS " VALUES (?, ?, ?, ?, ?, ?)";
    struct ouro__frame_sums *sums = ouro__frame_sums_make(from);
    struct filler filler = filler_make(database, insert);

    filler.failed |= sums == NULL;
    for (uint32_t i = 0; i < from->places->places.n && !filler.failed; i++) {
        if (sums[i].has_traces) {
            integer_add(&filler, i);
            for (int k = 0; k < OURO_N_FRAME_SUMS; k++) {
                real_add(&filler, sums[i].by[k]);
            }
            row_end(&filler);
        }
    }
    free(sums);
    return filler_end(&filler);
}

struct typing {
    struct filler filler;
    const struct ouro__tables *from;
};

/* What is no object is left out. */
static void
type_add(void *context, size_t trace, size_t type, const struct ouro__figures *figures)
{
    struct typing *typing = context;
    struct filler *filler = &typing->filler;
    const struct ouro__tables *from = typing->from;

    if (filler->failed || type >= from->saved->snapshot.n_types) {
        return;
    }
    integer_add(filler, trace);
    text_add(filler, ouro__text_at(from->places, from->view->types.texts[type]));
    real_add(filler, figures->blocks);
    real_add(filler, figures->bytes);
    row_end(filler);
}

/* Of the traces that the view kept. */
static bool
types_load(sqlite3 *database, const struct ouro__tables *from)
{
    struct typing typing = {filler_make(database, "INSERT INTO types VALUES (?, ?, ?, ?)"), from};
    bool is_well = ouro__view_types(from->view, &from->saved->snapshot, type_add, &typing);

    return filler_end(&typing.filler) && is_well;
}

/* Of the traces that the view kept. */
static bool
lifetimes_load(sqlite3 *database, const struct ouro__tables *from)
{
    const struct ouro__snapshot *snapshot = &from->saved->snapshot;
    struct filler filler = filler_make(database, "INSERT INTO lifetimes VALUES (?, ?, ?, ?)");

    for (size_t i = 1; i < snapshot->n_lives && !filler.failed; i++) {
        uint64_t within = 1;
        for (int k = 0; k < OURO_SNAPSHOT_N_LIVES; k++, within *= 10) {
            struct ouro__figures figures = ouro__life_figures(snapshot, i, k);
            if (figures.blocks > 0 && ouro__view_keeps(from->view, i)) {
                integer_add(&filler, i);
                integer_add(&filler, within);
                real_add(&filler, figures.blocks);
                real_add(&filler, figures.bytes);
                row_end(&filler);
            }
        }
    }
    return filler_end(&filler);
}

static bool
samples_load(sqlite3 *database, const struct ouro__tables *from)
{
    const struct ouro__snapshot *snapshot = &from->saved->snapshot;
    struct filler filler = filler_make(
        database, "INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                  "?, ?, ?, ?, ?)");

    for (size_t i = 0; i < snapshot->n_samples && !filler.failed; i++) {
        uint64_t figures[sizeof *snapshot->samples / sizeof(uint64_t)];
        memcpy(figures, &snapshot->samples[i], sizeof figures);
        for (size_t f = 0; f < sizeof figures / sizeof *figures; f++) {
            integer_add(&filler, figures[f]);
        }
        row_end(&filler);
    }
    return filler_end(&filler);
}

static bool
marks_load(sqlite3 *database, const struct ouro__tables *from)
{
    const struct ouro__snapshot *snapshot = &from->saved->snapshot;
    struct filler filler = filler_make(database, "INSERT INTO marks VALUES (?, ?)");

    for (size_t i = 0; i < snapshot->n_marks && !filler.failed; i++) {
        integer_add(&filler, snapshot->marks[i].at_ns);
        text_add(&filler, snapshot->marks[i].name);
        row_end(&filler);
    }
    return filler_end(&filler);
}

static bool
packages_load(sqlite3 *database, const struct ouro__tables *from)
{
    struct ouro__places *places = from->places;
    /* Names that differ in bytes that are no UTF-8 are one here. */
    struct filler filler = filler_make(database, "INSERT OR IGNORE INTO packages VALUES (?, ?)");
    struct ouro__packages packages = {.version = from->saved->record.python_version};

    /* All are found first: texts may move while new ones come. */
    for (uint32_t i = 0; i < places->functions.n && !filler.failed; i++) {
        uint32_t file = places->functions.items[i].a;
        filler.failed = ouro__package_of(&packages, places, file) == OURO_NO_ID;
    }
    for (uint32_t i = 0; i < places->functions.n && !filler.failed; i++) {
        uint32_t package = ouro__package_of(&packages, places, places->functions.items[i].a);
        text_add(&filler, ouro__file_of_function(places, i));
        text_add(&filler, ouro__text_at(places, package));
        row_end(&filler);
    }
    ouro__packages_free(&packages);
    return filler_end(&filler);
}

static const struct {
    const char *name;
    bool (*load)(sqlite3 *database, const struct ouro__tables *from);
} loaders[] = {
    {"process", process_load}, {"frames", frames_load}, {"tracebacks", tracebacks_load},
    {"traces", traces_load},   {"types", types_load},   {"lifetimes", lifetimes_load},
    {"samples", samples_load}, {"marks", marks_load},   {"packages", packages_load},
};

enum { N_TABLES = sizeof loaders / sizeof *loaders };

sqlite3 *
ouro__database_make(void)
{
    static const char begin[] = "PRAGMA journal_mode = OFF; PRAGMA temp_store = MEMORY; "
                                "PRAGMA user_version = 1";
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    sqlite3 *database = NULL;

    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS,
                         0); /* nobody asks, and each block would be counted under a lock */
    bool is_well = sqlite3_open_v2(":memory:", &database, flags, NULL) == SQLITE_OK &&
                   sqlite3_exec(database, begin, NULL, NULL, NULL) == SQLITE_OK &&
                   sqlite3_exec(database, tables, NULL, NULL, NULL) == SQLITE_OK &&
                   sqlite3_exec(database, views, NULL, NULL, NULL) == SQLITE_OK;
    if (!is_well) {
        (void)sqlite3_close(database);
        return NULL;
    }
    return database;
}

unsigned
ouro__database_table(const char *name)
{
    unsigned table = 0;

    for (size_t i = 0; i < N_TABLES; i++) {
        table |= strcmp(loaders[i].name, name) == 0 ? 1U << i : 0;
    }
    return table;
}

bool
ouro__database_fill(sqlite3 *database, const struct ouro__tables *from, unsigned which)
{
    bool is_well = sqlite3_exec(database, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;

    for (size_t i = 0; is_well && i < N_TABLES; i++) {
        is_well = (which >> i & 1) == 0 || loaders[i].load(database, from);
    }
    return is_well && sqlite3_exec(database, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
}
