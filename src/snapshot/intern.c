/* intern.c - tables that give numbers to texts, to pairs of numbers and to paths. */
#define _DEFAULT_SOURCE
#include "snapshot/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "os/os.h"
#include "snapshot/grow.h"

/* The finalizer of MurmurHash3 (Appleby, public domain): every bit of the input changes half of the output's. */
static uint64_t
mix(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

static uint64_t
hash_pair(uint64_t seed, uint32_t a, uint32_t b)
{
    return mix(((uint64_t)a << 32 | b) ^ seed);
}

static uint64_t
hash_text(uint64_t seed, const char *text, size_t n)
{
    uint64_t hash = seed ^ n;

    for (; n >= 8; n -= 8, text += 8) {
        uint64_t word;
        memcpy(&word, text, 8);
        hash = mix(hash ^ word) + seed;
    }
    if (n > 0) {
        uint64_t word = 0;
        memcpy(&word, text, n);
        hash = mix(hash ^ word) + seed;
    }
    return hash;
}

/* Put the number `id` where its hash leads. */
static void
slots_put(struct ouro__slots *slots, uint64_t hash, uint32_t id)
{
    size_t i = hash & (slots->n_slots - 1);
    while (slots->slots[i] != 0) {
        i = (i + 1) & (slots->n_slots - 1);
    }
    slots->slots[i] = id + 1;
}

/* Make the table twice as large, and empty.  False without memory: it is as it was. */
static bool
slots_grow(struct ouro__slots *slots)
{
    size_t n = slots->n_slots == 0 ? 64 : 2 * slots->n_slots;
    uint32_t *larger = calloc(n, sizeof *larger);

    if (larger == NULL) {
        return false;
    }
    if (slots->n_slots == 0) {
        slots->seed = ouro__os_random();
    }
    free(slots->slots);
    slots->slots = larger;
    slots->n_slots = n;
    return true;
}

/* Room for one item more: at most half of the slots are taken.  `has_grown` when all must be put anew. */
static bool
make_room(struct ouro__slots *slots, void **items, size_t element, uint32_t n, size_t *room,
          bool *has_grown)
{
    *has_grown = false;
    if (n == OURO_NO_ID - 1) {
        return false;
    }
    if (n == *room) {
        size_t more = n == 0 ? 32 : 2 * (size_t)n;
        void *larger = reallocarray(*items, more, element);
        if (larger == NULL) {
            return false;
        }
        *items = larger;
        *room = more;
    }
    if (2 * ((size_t)n + 1) > slots->n_slots) {
        *has_grown = slots_grow(slots);
        return *has_grown;
    }
    return true;
}

uint32_t
ouro__pairs_id(struct ouro__pairs *pairs, uint32_t a, uint32_t b)
{
    struct ouro__slots *slots = &pairs->slots;
    bool has_grown;

    if (slots->n_slots > 0) {
        size_t i = hash_pair(slots->seed, a, b) & (slots->n_slots - 1);
        for (; slots->slots[i] != 0; i = (i + 1) & (slots->n_slots - 1)) {
            const struct ouro__pair *known = &pairs->items[slots->slots[i] - 1];
            if (known->a == a && known->b == b) {
                return slots->slots[i] - 1;
            }
        }
    }
    void *items = pairs->items;
    bool has_room = make_room(slots, &items, sizeof *pairs->items, pairs->n, &pairs->room, &has_grown);
    pairs->items = items;
    for (uint32_t i = 0; has_grown && i < pairs->n; i++) {
        slots_put(slots, hash_pair(slots->seed, pairs->items[i].a, pairs->items[i].b), i);
    }
    if (!has_room) {
        return OURO_NO_ID;
    }
    pairs->items[pairs->n] = (struct ouro__pair){a, b};
    slots_put(slots, hash_pair(slots->seed, a, b), pairs->n);
    return pairs->n++;
}

void
ouro__pairs_free(struct ouro__pairs *pairs)
{
    free(pairs->items);
    free(pairs->slots.slots);
    *pairs = (struct ouro__pairs){0};
}

/* ---- paths ---- */

#define SHARED_BY 8U   /* callers that have one chain */
#define CHAIN_MOST 16U /* links of it */

static size_t
count_chains(size_t n_paths)
{
    return (n_paths + SHARED_BY - 1) / SHARED_BY;
}

static bool
resize(uint32_t **numbers, size_t n)
{
    uint32_t *resized = reallocarray(*numbers, n, sizeof *resized);
    if (resized == NULL) {
        return false;
    }
    *numbers = resized;
    return true;
}

bool
ouro__paths_reserve(struct ouro__paths *paths, size_t more)
{
    size_t room = (size_t)paths->n + more + (paths->n == 0);

    if (room > OURO_NO_ID) {
        return false;
    }
    if (room > paths->room) {
        size_t n_chains = count_chains(paths->room);
        struct ouro__pair *items = reallocarray(paths->items, room, sizeof *items);
        if (items == NULL) {
            return false;
        }
        paths->items = items;
        if (!resize(&paths->firsts, room) || !resize(&paths->chains, count_chains(room))) {
            return false;
        }
        memset(paths->chains + n_chains, 0, (count_chains(room) - n_chains) * sizeof *paths->chains);
        paths->room = room;
    }
    if (paths->n == 0) {
        paths->items[0] = (struct ouro__pair){0, 0};
        paths->firsts[0] = 0;
        paths->n = 1;
        paths->n_listed = 1;
    }
    return true;
}

/* Make the slots more, with the same paths in them.  False without memory. */
static bool
paths_grow(struct ouro__paths *paths)
{
    struct ouro__slots *slots = &paths->slots, old = *slots;

    slots->slots = NULL;
    if (!slots_grow(slots)) {
        *slots = old;
        return false;
    }
    for (size_t i = 0; i < old.n_slots; i++) {
        if (old.slots[i] != 0) {
            const struct ouro__pair *path = &paths->items[old.slots[i] - 1];
            slots_put(slots, hash_pair(slots->seed, path->a, path->b), old.slots[i] - 1);
        }
    }
    free(old.slots);
    return true;
}

/* Have a path found that is not the first of its caller, whose chain has `n` links.  False without memory. */
static bool
other_put(struct ouro__paths *paths, uint32_t path, struct ouro__pair item, uint32_t n)
{
    struct ouro__slots *slots = &paths->slots;
    uint32_t *chain = &paths->chains[item.a / SHARED_BY];

    if (n < CHAIN_MOST) {
        struct ouro__pair *links =
            ouro__grow(paths->links, paths->n_links, &paths->links_room, sizeof *links);
        if (links == NULL) {
            return false;
        }
        paths->links = links;
        links[paths->n_links++] = (struct ouro__pair){path, *chain};
        *chain = (uint32_t)paths->n_links;
        return true;
    }
    if (2 * ((size_t)paths->n_far + 1) > slots->n_slots && !paths_grow(paths)) {
        return false;
    }
    slots_put(slots, hash_pair(slots->seed, item.a, item.b), path);
    paths->n_far++;
    return true;
}

/* Look for a path that is not the first of its caller; OURO_NO_ID when it is not known.  `n` gets the chain's links. */
static uint32_t
other_find(const struct ouro__paths *paths, struct ouro__pair item, uint32_t *n)
{
    const struct ouro__slots *slots = &paths->slots;

    *n = 0;
    for (uint32_t at = paths->chains[item.a / SHARED_BY]; at != 0; at = paths->links[at - 1].b) {
        uint32_t path = paths->links[at - 1].a;
        if (paths->items[path].a == item.a && paths->items[path].b == item.b) {
            return path;
        }
        ++*n;
    }
    if (*n < CHAIN_MOST || slots->n_slots == 0) {
        return OURO_NO_ID;
    }
    size_t i = hash_pair(slots->seed, item.a, item.b) & (slots->n_slots - 1);
    for (; slots->slots[i] != 0; i = (i + 1) & (slots->n_slots - 1)) {
        const struct ouro__pair *known = &paths->items[slots->slots[i] - 1];
        if (known->a == item.a && known->b == item.b) {
            return slots->slots[i] - 1;
        }
    }
    return OURO_NO_ID;
}

bool
ouro__paths_list(struct ouro__paths *paths)
{
    for (uint32_t i = paths->n_listed; i < paths->n; i++) {
        struct ouro__pair item = paths->items[i];
        uint32_t *first = &paths->firsts[item.a], n;
        if (*first == 0) {
            *first = i;
        } else if (*first != i && other_find(paths, item, &n) == OURO_NO_ID &&
                   !other_put(paths, i, item, n)) {
            return false;
        }
        paths->n_listed = i + 1;
    }
    return true;
}

uint32_t
ouro__paths_id(struct ouro__paths *paths, uint32_t caller, uint32_t place)
{
    struct ouro__pair item = {caller, place};
    uint32_t first = paths->firsts[caller], n;

    if (caller == 0 && place == 0) {
        return 0;
    }
    if (first == 0) {
        return paths->firsts[caller] = ouro__paths_add(paths, caller, place);
    }
    if (paths->items[first].b == place) {
        return first;
    }
    uint32_t known = other_find(paths, item, &n);
    if (known != OURO_NO_ID) {
        return known;
    }
    return other_put(paths, paths->n, item, n) ? ouro__paths_add(paths, caller, place) : OURO_NO_ID;
}

void
ouro__paths_free(struct ouro__paths *paths)
{
    free(paths->items);
    free(paths->firsts);
    free(paths->chains);
    free(paths->links);
    free(paths->slots.slots);
    *paths = (struct ouro__paths){0};
}

/* ---- texts ---- */

static uint32_t
texts_find(const struct ouro__texts *texts, uint64_t hash, const char *text, size_t n)
{
    const struct ouro__slots *slots = &texts->slots;
    size_t i = hash & (slots->n_slots - 1);

    for (; slots->slots[i] != 0; i = (i + 1) & (slots->n_slots - 1)) {
        const struct ouro__interned *known = &texts->items[slots->slots[i] - 1];
        if (known->hash == hash && strncmp(known->text, text, n) == 0 && known->text[n] == '\0') {
            return slots->slots[i] - 1;
        }
    }
    return OURO_NO_ID;
}

uint32_t
ouro__texts_find(const struct ouro__texts *texts, const char *text, size_t n)
{
    size_t length = n == 0 ? 0 : strnlen(text, n);
    if (texts->slots.n_slots == 0) {
        return OURO_NO_ID;
    }
    return texts_find(texts, hash_text(texts->slots.seed, text, length), text, length);
}

uint32_t
ouro__texts_id(struct ouro__texts *texts, const char *text, size_t n)
{
    uint32_t id = ouro__texts_find(texts, text, n);
    size_t length = n == 0 ? 0 : strnlen(text, n);
    bool has_grown;

    if (id != OURO_NO_ID) {
        return id;
    }
    char *copy = strndup(n == 0 ? "" : text, length);
    void *items = texts->items;
    bool has_room =
        make_room(&texts->slots, &items, sizeof *texts->items, texts->n, &texts->room, &has_grown);
    texts->items = items;
    for (uint32_t i = 0; has_grown && i < texts->n; i++) {
        slots_put(&texts->slots, texts->items[i].hash, i);
    }
    if (!has_room || copy == NULL) {
        free(copy);
        return OURO_NO_ID;
    }
    uint64_t hash = hash_text(texts->slots.seed, copy, length);
    texts->items[texts->n] = (struct ouro__interned){copy, hash};
    slots_put(&texts->slots, hash, texts->n);
    return texts->n++;
}

void
ouro__texts_free(struct ouro__texts *texts)
{
    for (uint32_t i = 0; i < texts->n; i++) {
        free(texts->items[i].text);
    }
    free(texts->items);
    free(texts->slots.slots);
    *texts = (struct ouro__texts){0};
}
