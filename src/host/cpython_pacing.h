/* cpython_pacing.h - when to look for garbage in cycles: a policy of numbers alone.
 *
 * It knows no interpreter: it is told what happens and answers what to do (cpython_watch.c does it).  See
 * cpython_pacing.c for the reasons. */
#ifndef OURO_HOST_CPYTHON_PACING_H
#define OURO_HOST_CPYTHON_PACING_H

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
    uint64_t n_raised, n_lowered, n_forced, n_put_off;

    /* The rest is for pacing alone. */
    int base;                   /* the program's own first threshold */
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

/* Begin: the program's first threshold, and now. */
void ouro__pacing_init(struct ouro__pacing *pacing, int base, struct ouro__pace_moment now);

/* A collection is about to start, `n_new` objects after the last.  `is_full`: it will look at everything;
 * `is_asked`: the program wants it. */
enum ouro__look ouro__pacing_start(struct ouro__pacing *pacing, bool is_full, bool is_asked,
                                   uint64_t n_new, struct ouro__pace_moment now);

/* Instead of the survey that was to be, as for want of memory, a full collection is to come. */
void ouro__pacing_no_survey(struct ouro__pacing *pacing);

/* It has ended, and found `n_found` objects.  `n_left`: of those that it looked at, how many are still tracked, and
 * after a young look those that are kept apart with them; a survey looked at all. */
void ouro__pacing_stop(struct ouro__pacing *pacing, uint64_t n_found, uint64_t n_left,
                       struct ouro__pace_moment now);

/* The heaps have grown to `bytes`: true when a look is wanted at the next occasion. */
bool ouro__pacing_grew(struct ouro__pacing *pacing, uint64_t bytes);

#endif
