/* instance.h - how the references of an instance are laid out, and who knows their names.
 *
 *   header 16 | what a base in C has | count | slots ... | values ...      the count and values: unless the class is closed
 *
 * The names stand once, with the class: first those of the slots, then those of values, in the order in which instances
 * had them first.  Names are added and never taken out, so that they are read without a lock.  Value i belongs
 * to name i and is NULL when the instance has no such attribute; values are only put in behind those that are
 * there, so that their order is that of the names.
 *
 * An instance that can't have it so is *apart*: its first value is a dict, its second one ouro__apart, and the others are
 * NULL.  The count tells how many values there are besides the LEAST_VALUES that each instance has. */
#ifndef OURO_TYPES_INSTANCE_H
#define OURO_TYPES_INSTANCE_H

#include "types/table_find.h"

#define LEAST_VALUES 3 /* with them an instance takes 48 bytes; two are needed */
#define MOST_LEARNED                                                                                   \
    30 /* names of values.  @source CPython Include/internal/pycore_dict.h, SHARED_KEYS_MAX_SIZE */
#define MOST_SLOTS 250

struct names {
    ouro_object head;
    uint32_t n;       /* atomic; those before it stay as they are */
    uint32_t n_slots; /* of them */
    uint32_t room;
    uint32_t offset;        /* bytes from an instance's beginning to its slots */
    struct table_key *keys; /* texts */
};

/* No object that a program has. */
extern ouro_object *ouro__apart;

/* The type of an object that is an instance, otherwise NULL. */
static inline struct ouro_type *
ouro__instance_class(const ouro_object *object)
{
    struct ouro_type *type = ouro__type(object);
    return OURO_LIKELY(type->names != NULL) ? type : NULL;
}

static inline struct names *
ouro__names(const struct ouro_type *class)
{
    return (struct names *)class->names;
}

/* Do instances have values? */
static inline bool
ouro__class_is_open(const struct ouro_type *class)
{
    return class->items_count != 0;
}

/* An instance's slots and, behind them, its values. */
static inline ouro_object **
ouro__instance_refs(const ouro_object *instance, const struct names *names)
{
    return (ouro_object **)(void *)((char *)(uintptr_t)instance + names->offset);
}

/* How many there are of both. */
static inline size_t
ouro__instance_room(const ouro_object *instance, const struct ouro_type *class)
{
    size_t n = ouro__names(class)->n_slots;
    if (ouro__class_is_open(class)) {
        n +=
            LEAST_VALUES + *(const size_t *)(const void *)((const char *)instance + class->items_count);
    }
    return n;
}

static inline uint32_t
ouro__names_count(const struct names *names)
{
    return __atomic_load_n(&names->n, __ATOMIC_ACQUIRE);
}

/* Where a name is; TABLE_NONE when nowhere. */
static inline size_t
ouro__names_find(const struct names *names, const struct table_search *search)
{
    uint32_t n = ouro__names_count(names);

    for (uint32_t i = 0; i < n; i++) {
        const struct table_key *key = &names->keys[i];
        if (key->hash == search->hash &&
            OURO_LIKELY(key->key == search->key ||
                        ouro_str_equal((ouro_loan)key->key, (ouro_loan)search->key))) {
            return i;
        }
    }
    return TABLE_NONE;
}

/* Have one more name, unless it is there or there are enough: where it is, or TABLE_NONE. */
size_t ouro__names_learn(struct ouro_type *class, const struct table_search *search);

/* Let go of an instance's references. */
void ouro__instance_let_go(ouro_object *instance);

/* The same where nobody but its owner ever had it, and its class has no finalizer. */
void ouro__instance_end(ouro_object *instance);

#endif
