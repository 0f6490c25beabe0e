/* adaptors.c - iterators made from others: map, filter, chunked, chain, islice.
 *
 * They are one struct, of which each uses what it needs.  Who steps has claimed it, since that runs code of the program's:
 * nobody else touches what is in it, but for the collector.  Without a source it is at its end.
 *
 * @source  CPython Modules/itertoolsmodule.c, Python/bltinmodule.c for what they give */
#include "ouro/iterate.h"
#include "types/types.h"

struct adaptor {
    ouro_object head;
    ouro_ref source; /* an iterator; NULL: at the end */
    ouro_ref other; /* a function's context; the list of a chunk begun; the iterator that chain is at */
    union {
        ouro_map_function map;
        ouro_filter_function filter;
        size_t chunk;
    } by;
    size_t at, next, stop, step; /* of islice: items taken; which is the next to give */
    bool is_claimed;
    bool is_source; /* chain: `other` is yet to be iterated over */
};

#define MOST_NESTED 1000

static _Thread_local unsigned depth; /* steps under way in each other */

enum kind { MAP, FILTER, CHUNKED, CHAIN, ISLICE };
#define N_KINDS 5

static struct ouro_type *types[N_KINDS];

/* ---- one step of each: OURO_OK at the end ---- */

static ouro_status
step_map(struct adaptor *map, ouro_ref *item)
{
    ouro_ref taken = NULL, made = NULL;
    ouro_status status = ouro_next(ouro_lend(map->source), &taken);

    if (status == OURO_FOUND) {
        status = map->by.map(ouro_lend(taken), ouro_lend(map->other), &made);
        ouro_decref(taken);
        if (status >= 0) {
            *item = made;
            status = OURO_FOUND;
        }
    }
    return status;
}

static ouro_status
step_filter(struct adaptor *filter, ouro_ref *item)
{
    ouro_ref taken = NULL;
    ouro_status status;

    while ((status = ouro_next(ouro_lend(filter->source), &taken)) == OURO_FOUND) {
        status = filter->by.filter(ouro_lend(taken), ouro_lend(filter->other));
        if (status == OURO_FOUND) {
            *item = taken;
            return OURO_FOUND;
        }
        ouro_decref(taken);
        if (status < 0) {
            return status;
        }
    }
    return status;
}

static ouro_status
step_chunked(struct adaptor *chunked, ouro_ref *item)
{
    ouro_status status = OURO_FOUND;
    ouro_ref taken = NULL, tuple = NULL;

    if (chunked->other == NULL) {
        chunked->other = ouro_list_new(0);
    }
    if (chunked->other == NULL) {
        return OURO_NO_MEMORY;
    }
    ouro_loan list = ouro_lend(chunked->other);
    while (status == OURO_FOUND && ouro_list_length(list) < chunked->by.chunk) {
        if (ouro_list_append(list, ouro_lend(ouro_none())) < 0) { /* a place: nothing taken is lost */
            return OURO_NO_MEMORY;
        }
        size_t last = ouro_list_length(list) - 1;
        status = ouro_next(ouro_lend(chunked->source), &taken);
        if (status == OURO_FOUND) {
            ouro_status put = ouro_list_set(list, last, ouro_lend(taken));
            ouro_decref(taken);
            status = put < 0 ? put : OURO_FOUND;
        } else {
            ouro_xdecref(ouro_list_pop(list, last));
        }
    }
    if (status < 0 || ouro_list_length(list) == 0) {
        return status;
    }
    status = ouro_tuple_from(list, &tuple);
    if (status < 0) {
        return status;
    }
    ouro_clear(&chunked->other);
    *item = tuple;
    return OURO_FOUND;
}

static ouro_status
step_chain(struct adaptor *chain, ouro_ref *item)
{
    for (;;) {
        ouro_status status = OURO_OK;
        if (chain->other == NULL) {
            status = ouro_next(ouro_lend(chain->source), &chain->other);
            if (status != OURO_FOUND) {
                return status;
            }
            chain->is_source = true;
        }
        if (chain->is_source) {
            ouro_ref iterator = NULL;
            status = ouro_iterate(ouro_lend(chain->other), &iterator);
            if (status == OURO_NO_MEMORY) {
                return status; /* and try again */
            }
            ouro_assign(&chain->other, iterator);
            chain->is_source = false;
        }
        status = status < 0 ? status : ouro_next(ouro_lend(chain->other), item);
        if (status != OURO_OK) {
            return status;
        }
        ouro_clear(&chain->other);
    }
}

static ouro_status
step_islice(struct adaptor *islice, ouro_ref *item)
{
    ouro_ref taken = NULL;

    for (;;) {
        if (islice->at >= islice->stop) {
            return OURO_OK;
        }
        bool is_wanted = islice->at == islice->next;
        ouro_status status = ouro_next(ouro_lend(islice->source), &taken);
        if (status != OURO_FOUND) {
            return status;
        }
        islice->at++;
        if (is_wanted) {
            size_t left = SIZE_MAX - islice->next;
            islice->next = islice->step < left ? islice->next + islice->step : SIZE_MAX;
            *item = taken;
            return OURO_FOUND;
        }
        ouro_decref(taken);
    }
}

/* ---- what they have in common ---- */

static inline __attribute__((always_inline)) ouro_status
next_of(ouro_loan self, ouro_status (*step)(struct adaptor *, ouro_ref *), ouro_ref *item)
{
    struct adaptor *adaptor = (struct adaptor *)ouro_look(self);
    ouro_ref source = NULL, other = NULL;

    if (!ouro__claim(&adaptor->head, &adaptor->is_claimed)) {
        return OURO_BUSY;
    }
    depth++;
    ouro_status status = depth > MOST_NESTED       ? OURO_TOO_LARGE
                         : adaptor->source != NULL ? step(adaptor, item)
                                                   : OURO_OK;
    if (status == OURO_OK) {
        source = adaptor->source;
        other = adaptor->other;
        adaptor->source = adaptor->other = NULL;
    }
    depth--;
    ouro__unclaim(&adaptor->head, &adaptor->is_claimed);
    ouro_xdecref(source);
    ouro_xdecref(other);
    return status;
}

static ouro_status
make(enum kind kind, ouro_loan source, struct adaptor **result)
{
    ouro_ref iterator = NULL;
    ouro_status status = ouro_iterate(source, &iterator);
    if (status < 0) {
        return status;
    }
    struct adaptor *made = (struct adaptor *)ouro_new((ouro_loan)&types[kind]->head);
    if (made == NULL) {
        ouro_decref(iterator);
        return OURO_NO_MEMORY;
    }
    made->source = iterator;
    *result = made;
    return OURO_OK;
}

ouro_status
ouro_map(ouro_loan source, ouro_map_function function, ouro_loan context, ouro_ref *iterator)
{
    struct adaptor *made = NULL;
    ouro_status status = make(MAP, source, &made);
    if (status == OURO_OK) {
        made->other = context != NULL ? ouro_incref(context) : NULL;
        made->by.map = function;
        *iterator = &made->head;
    }
    return status;
}

ouro_status
ouro_filter(ouro_loan source, ouro_filter_function function, ouro_loan context, ouro_ref *iterator)
{
    struct adaptor *made = NULL;
    ouro_status status = make(FILTER, source, &made);
    if (status == OURO_OK) {
        made->other = context != NULL ? ouro_incref(context) : NULL;
        made->by.filter = function;
        *iterator = &made->head;
    }
    return status;
}

ouro_status
ouro_chunked(ouro_loan source, size_t n, ouro_ref *iterator)
{
    struct adaptor *made = NULL;
    ouro_status status = n != 0 ? make(CHUNKED, source, &made) : OURO_WRONG_VALUE;
    if (status == OURO_OK) {
        made->by.chunk = n;
        *iterator = &made->head;
    }
    return status;
}

ouro_status
ouro_chain(ouro_loan sources, ouro_ref *iterator)
{
    struct adaptor *made = NULL;
    ouro_status status = make(CHAIN, sources, &made);
    if (status == OURO_OK) {
        *iterator = &made->head;
    }
    return status;
}

ouro_status
ouro_islice(ouro_loan source, size_t start, size_t stop, size_t step, ouro_ref *iterator)
{
    struct adaptor *made = NULL;
    ouro_status status = step != 0 ? make(ISLICE, source, &made) : OURO_WRONG_VALUE;
    if (status == OURO_OK) {
        made->next = start;
        made->stop = stop;
        made->step = step;
        *iterator = &made->head;
    }
    return status;
}

/* ---- the types ---- */

#define NEXT(name, step)                                                                               \
    static ouro_status name(ouro_loan self, ouro_ref *item)                                            \
    {                                                                                                  \
        return next_of(self, step, item);                                                              \
    }

NEXT(next_of_map, step_map)
NEXT(next_of_filter, step_filter)
NEXT(next_of_chunked, step_chunked)
NEXT(next_of_chain, step_chain)
NEXT(next_of_islice, step_islice)

bool
ouro__adaptors_init(void)
{
    static const ouro_field fields[] = {OURO_FIELD(struct adaptor, source),
                                        OURO_FIELD(struct adaptor, other)};
    static const struct {
        const char *name;
        ouro_status (*next)(ouro_loan, ouro_ref *);
    } kinds[N_KINDS] = {
        [MAP] = {"map", next_of_map},
        [FILTER] = {"filter", next_of_filter},
        [CHUNKED] = {"chunked", next_of_chunked},
        [CHAIN] = {"chain", next_of_chain},
        [ISLICE] = {"islice", next_of_islice},
    };

    for (enum kind kind = MAP; kind < N_KINDS; kind++) {
        const ouro_type_spec spec = {
            .name = kinds[kind].name,
            .size = sizeof(struct adaptor),
            .n_fields = sizeof fields / sizeof *fields,
            .fields = fields,
            .iterate = ouro__iterate_self,
            .next = kinds[kind].next,
        };
        if (!ouro__type_make(&spec, &types[kind])) {
            return false;
        }
    }
    return true;
}
