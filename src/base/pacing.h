/* pacing.h - when to look for garbage in cycles: a policy of numbers alone.
 *
 * It knows no collector: it is told what happens and answers what to do.  CPython's does it in host/cpython_watch.c,
 * Ouro's own in gc/collect.c.  See pacing.c for the reasons. */
#ifndef OURO_BASE_PACING_H
#define OURO_BASE_PACING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What to do with a collection that is about to start. */
enum ouro__look {
    OURO_LOOK_YOUNG,  /* let it look at what is new */
    OURO_LOOK_SURVEY, /* put the new objects with the old ones, let it look at those that are garbage */
    OURO_LOOK_NOT,    /* put the new objects with the old ones, look at nothing */
    OURO_LOOK_FULL,   /* let it look at everything */
    OURO_LOOK_ASKED,  /* the program asked for it: nothing is decided, and nothing learned */
};

/* Whose collector it is. */
enum ouro__pace_manner {
    OURO_PACE_INTERPRETER, /* CPython's */
    OURO_PACE_NATIVE, /* Ouro's own: a survey is a collection, and waits longer each time that all was clean */
    OURO_PACE_COUNTS, /* Ouro's own, whose program has set thresholds: they are obeyed */
};

/* What is known at a moment. */
struct ouro__pace_moment {
    uint64_t cpu_ns; /* CPU time of the process */
    uint64_t bytes;  /* memory that the heaps hold */
};

struct ouro__pacing {
    /* Outputs. */
    int threshold;     /* how many new objects bring about the next look */
    bool wants_full;   /* the next look is to be a full collection */
    bool keeps_young;  /* after OURO_LOOK_YOUNG: what it leaves is to stay among the new objects */
    bool takes_middle; /* OURO_LOOK_YOUNG: with the new objects, those that earlier ones left apart */
    bool keeps_middle; /* after it: what it leaves is to stay apart */
    bool trusts_survivors; /* of Ouro's own: what a young look leaves need not be looked at once more */
    bool plans_young;      /* the next look is to be OURO_LOOK_YOUNG and not OURO_LOOK_NOT */
    uint64_t n_raised, n_lowered, n_forced, n_put_off;

    /* The rest is for pacing alone. */
    int base;         /* the program's own first threshold */
    uint64_t n_stock; /* new objects after which the collector left alone would look at everything */
    enum ouro__pace_manner manner;
    unsigned clean_surveys;     /* in a row */
    unsigned clean_looks;       /* young looks in a row that found next to nothing */
    unsigned skipped;           /* batches since the last young look */
    bool is_forced;             /* bytes brought the next look about */
    uint64_t n_kept;            /* objects that stayed among the new ones after looks that came early */
    unsigned looks_since_dirty; /* young looks since one that found much */
    unsigned middle_looks;      /* young looks that left their survivors apart */
    uint64_t n_middle;          /* objects that are kept apart */
    enum ouro__look look;       /* what the collection in progress does */
    uint64_t looked_at;         /* objects it looks at */
    struct ouro__pace_moment before; /* when it started */
    uint64_t bytes_at_event;         /* when the last batch was dealt with */
    uint64_t random;

    uint64_t n_old; /* objects that outlived their batch since the last look at everything */
    uint64_t
        n_for_looks; /* new objects since then, as far as the interpreter would have looked for them */
    uint64_t n_at_survey; /* objects that it left */
    uint64_t bytes_at_survey;
    uint64_t cpu_at_survey;
    uint64_t bytes_at_due; /* when the interpreter left alone would have made the next; 0: not yet */
    bool is_dirty, is_full_of_it; /* it found much, or very much */
    double ns_an_object;          /* what it cost */
};

/* Begin: the program's first threshold, the new objects after which the collector left alone would look at everything
 * (UINT64_MAX: never), whose collector it is, and now. */
void ouro__pacing_init(struct ouro__pacing *pacing, int base, uint64_t n_stock,
                       enum ouro__pace_manner manner, struct ouro__pace_moment now);

/* The same for thresholds that were set later: what was learned of the old objects stays. */
void ouro__pacing_set(struct ouro__pacing *pacing, int base, uint64_t n_stock,
                      enum ouro__pace_manner manner);

/* A collection is about to start, `n_new` objects after the last.  `is_full`: it will look at everything;
 * `is_asked`: the program wants it. */
enum ouro__look ouro__pacing_start(struct ouro__pacing *pacing, bool is_full, bool is_asked,
                                   uint64_t n_new, struct ouro__pace_moment now);

/* Instead of the survey that was to be, as for want of memory, a full collection is to come. */
void ouro__pacing_no_survey(struct ouro__pacing *pacing);

/* It has ended, after `cost_ns` of CPU time, and found `n_found` objects.  `n_left`: of those that it looked at, how
 * many are still tracked; after a young look of an interpreter those that are kept apart with them; a survey looked at
 * all. */
void ouro__pacing_stop(struct ouro__pacing *pacing, uint64_t n_found, uint64_t n_left, uint64_t cost_ns,
                       struct ouro__pace_moment now);

/* A batch has ended while a look at everything goes on beside; of `n_seen` objects that were looked at, if the batch was,
 * `n_found` were garbage.  Plans the next batch, nothing else. */
void ouro__pacing_go_on(struct ouro__pacing *pacing, uint64_t n_found, uint64_t n_seen);

/* The heaps have grown to `bytes`: true when a look is wanted at the next occasion. */
bool ouro__pacing_grew(struct ouro__pacing *pacing, uint64_t bytes);

#endif
