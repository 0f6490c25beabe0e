/* view.h - figures of a snapshot, summed up as somebody wants to see them. */
#ifndef OURO_SNAPSHOT_VIEW_H
#define OURO_SNAPSHOT_VIEW_H

#include "snapshot/places.h"

enum ouro__measure {
    OURO_MEASURE_LIVE,  /* when the snapshot was taken */
    OURO_MEASURE_PEAK,  /* when the traced bytes were highest */
    OURO_MEASURE_CHURN, /* ever allocated */
    OURO_N_MEASURES
};

enum ouro__by {
    OURO_BY_LINE,
    OURO_BY_FILE,
    OURO_BY_FUNCTION,
    OURO_BY_TRACEBACK,
    OURO_BY_PACKAGE,
    OURO_BY_DOMAIN,
    OURO_BY_THREAD,
    OURO_BY_TASK,
    OURO_BY_TYPE, /* of what was live when the snapshot was taken */
    OURO_N_BYS
};

/* As on the command line. */
extern const char *const ouro__measure_names[OURO_N_MEASURES];
extern const char *const ouro__by_names[OURO_N_BYS];
extern const char *const ouro__domain_names[3];

/* Sums of blocks.  Of a sampled snapshot these are estimates: numbers with a fraction, and a variance. */
struct ouro__figures {
    double bytes;
    double blocks;
    double variance; /* of `bytes`: the square of its standard error */
};

static inline void
ouro__figures_add(struct ouro__figures *sum, const struct ouro__figures *more)
{
    sum->bytes += more->bytes;
    sum->blocks += more->blocks;
    sum->variance += more->variance;
}

/* Of a sample, what it stands for: `figures` are the samples' own. */
struct ouro__figures ouro__figures_estimate(const struct ouro_snapshot_tracing *tracing, uint64_t size,
                                            struct ouro__figures figures);

/* The figures of a trace. */
static inline struct ouro__figures
ouro__figures_of(const struct ouro_snapshot_tracing *tracing, const struct ouro_snapshot_trace *trace,
                 enum ouro__measure measure)
{
    uint64_t blocks = measure == OURO_MEASURE_LIVE   ? trace->live_blocks
                      : measure == OURO_MEASURE_PEAK ? trace->peak_blocks
                                                     : trace->all_blocks;
    uint64_t bytes = measure == OURO_MEASURE_LIVE   ? trace->live_bytes
                     : measure == OURO_MEASURE_PEAK ? trace->peak_bytes
                                                    : trace->all_bytes;
    struct ouro__figures figures = {.bytes = (double)bytes, .blocks = (double)blocks};

    return tracing->mode != OURO_SNAPSHOT_SAMPLED
               ? figures
               : ouro__figures_estimate(tracing, trace->size, figures);
}

/* A pattern fits a file or a function's name as a whole, or, without wildcards, a part of the file's. */
bool ouro__pattern_fits(const char *pattern, const char *file, const char *name);

/* Which tracebacks are meant: those with a frame that fits one of `wanted`, if there are any, and with none that fits
 * one of `unwanted`. */
struct ouro__filters {
    const char **wanted, **unwanted; /* owned arrays of what is borrowed */
    size_t n_wanted, n_unwanted;
};

/* Figures by something that isn't part of a path: its texts, as the places have them, and the figures of each. */
struct ouro__aside {
    uint32_t *texts; /* owned */
    struct ouro__figures *figures;
    size_t n;
};

/* What is summed up only where it is asked for, as it takes time. */
enum ouro__view_part {
    OURO_VIEW_PATHS = 1, /* by path, and not by the place alone */
    OURO_VIEW_TYPES = 2,
};

/* A snapshot's figures by spot: path, or place. */
struct ouro__view {
    unsigned parts;    /* enum ouro__view_part */
    bool is_shared;    /* the numbers, the holders, the spots and what is kept are another view's */
    size_t n_spots;    /* known when this was made */
    uint32_t *numbers; /* by spot: which of the figures are its own; owned */
    struct ouro__figures *figures; /* of blocks asked for right there; number 0 is nothing; owned */
    size_t n_beside;   /* views whose figures are side by side, owned by the first of them */
    uint32_t *holders; /* spots with a number, in their order; owned */
    size_t n_holders;
    uint32_t *spots; /* of each of the snapshot's traces; owned */
    bool *is_kept;   /* by trace: what the filters left; owned; NULL: all */
    struct ouro__figures domains[3];
    struct ouro__aside threads;
    struct ouro__aside types;      /* figures of what is live alone, and only where it is a part */
    struct ouro__figures all;      /* everything traced */
    struct ouro__figures kept;     /* what the filters left: the sum of `figures` */
    struct ouro__figures untraced; /* without a trace */
};

/* The parts that rows by a key need. */
unsigned ouro__view_parts(enum ouro__by by, bool cumulative);

/* Sum up a snapshot, whose places are added to `places`.  False without memory. */
bool ouro__view_make(struct ouro__view *view, struct ouro__places *places,
                     const struct ouro__snapshot *snapshot, enum ouro__measure measure,
                     const struct ouro__filters *filters, unsigned parts);

/* The same for all measures at once, which takes less time: `views` has one for each.  They go together. */
bool ouro__views_make(struct ouro__view *views, struct ouro__places *places,
                      const struct ouro__snapshot *snapshot, const struct ouro__filters *filters,
                      unsigned parts);

/* Sum up the snapshot of `like` once more, the same parts, by another measure and through the same filters.  It has to go before
 * that. */
bool ouro__view_make_like(struct ouro__view *view, const struct ouro__view *like,
                          struct ouro__places *places, const struct ouro__snapshot *snapshot,
                          enum ouro__measure measure);
void ouro__view_free(struct ouro__view *view);

/* The figures of a spot's own blocks. */
static inline const struct ouro__figures *
ouro__view_at(const struct ouro__view *view, size_t spot)
{
    return &view->figures[view->numbers[spot] * view->n_beside];
}

static inline uint32_t
ouro__place_of_spot(const struct ouro__view *view, const struct ouro__places *places, uint32_t spot)
{
    return (view->parts & OURO_VIEW_PATHS) != 0 ? ouro__place_of_path(places, spot) : spot;
}

/* Whether the filters left a trace of the snapshot that the view was made of. */
static inline bool
ouro__view_keeps(const struct ouro__view *view, size_t trace)
{
    return view->is_kept == NULL || view->is_kept[trace];
}

/* Tell what was live when the snapshot was taken, of what the filters left, by trace and type where there is any: `type` is a
 * number of the view's types.  False without memory. */
bool ouro__view_types(const struct ouro__view *view, const struct ouro__snapshot *snapshot,
                      void (*tell)(void *context, size_t trace, size_t type,
                                   const struct ouro__figures *figures),
                      void *context);

/* One line of a table: `key` is a line, a text (file, package, thread, task, type), a function, a path or a domain. */
struct ouro__row {
    uint32_t key;
    struct ouro__figures figures;
};

/* Who puts files into groups: packages.  Gives a text of the places for one, which may be new; OURO_NO_ID without memory. */
struct ouro__groups {
    uint32_t (*group_of)(struct ouro__groups *groups, struct ouro__places *places, uint32_t file);
};

/* The figures by key, for which the view has the parts, `*n` of them; with `cumulative`, which is for lines, files, functions and packages, each path counts
 * for all its places.  `groups` is for
 * OURO_BY_PACKAGE alone.  Owned, NULL without memory. */
struct ouro__figures *ouro__view_fold(const struct ouro__view *view, struct ouro__places *places,
                                      struct ouro__groups *groups, enum ouro__by by, bool cumulative,
                                      size_t *n);

/* Keys that have any blocks, the largest first; owned, NULL without memory. */
struct ouro__row *ouro__view_rows(const struct ouro__view *view, struct ouro__places *places,
                                  struct ouro__groups *groups, enum ouro__by by, bool cumulative,
                                  size_t *n);

/* Bytes of each path with all that it called, or their variance; owned, NULL without memory. */
double *ouro__view_subtrees(const struct ouro__view *view, const struct ouro__places *places,
                            bool of_variance);

#endif
