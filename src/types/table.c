/* table.c - hash tables that grow, shrink and are copied; comparing keys. */
#include "types/table_find.h"

#include <string.h>

#include "object/weakref.h"

#define LEAST_LOG 6
#define MOST_LOG 31

/* How many entries `1 << log` slots are enough for: those of sets, which are small, for half as many as those of dicts, so
 * that what is added mostly finds its first slot free. */
static size_t
full(unsigned log, unsigned width)
{
    return ((size_t)2 << log) / (width == 1 ? 6 : 3);
}

/* ---- shapes ---- */

/* The least number of slots for `n` entries, as a power of two. */
static unsigned
log_for(size_t n, unsigned width)
{
    unsigned log = LEAST_LOG;
    while (log <= MOST_LOG && full(log, width) < n) {
        log++;
    }
    return log;
}

/* Bytes before the entries. */
static size_t
prefix_size(unsigned log, size_t room)
{
    size_t slots =
        log == 0 ? 0 : ((size_t)1 << (log + ouro__table_slot_shift(log))) + sizeof(struct table_counts);
    return ouro__table_hash_bytes(room) + slots + sizeof(struct table_shape);
}

/* A number that the versions of a block which is freed meanwhile are unlikely to come to. */
static uint32_t
first_version(void)
{
    static _Thread_local uint32_t last;
    return last += 0x9E3779B9U;
}

/* A block whose entries begin after `prefix` bytes; false without memory.  What the table had before is the caller's. */
static inline bool
take_block(struct table *table, size_t prefix, size_t room, unsigned width)
{
    char *block = ouro__buffer_alloc(prefix + room * width * sizeof(ouro_ref));
    if (OURO_UNLIKELY(block == NULL)) {
        return false;
    }
    table->entries = (ouro_object **)(void *)(block + prefix);
    return true;
}

/* Give the table a block for few entries, empty of them; false without memory. */
static inline bool
take_few(struct table *table, size_t room, unsigned width)
{
    if (!take_block(table, prefix_size(0, room), room, width)) {
        return false;
    }
    *ouro__table_shape(table) = (struct table_shape){.version = first_version(), .room = (uint8_t)room};
    return true;
}

/* The same for any number of entries; its slots are empty, too. */
static bool
take_shape(struct table *table, size_t room, unsigned width)
{
    if (room <= TABLE_FEW) {
        return take_few(table, room, width);
    }
    unsigned log = log_for(room, width);
    if (log > MOST_LOG || !take_block(table, prefix_size(log, room), room, width)) {
        return false;
    }
    *ouro__table_shape(table) = (struct table_shape){.version = first_version(), .log = (uint8_t)log};
    *ouro__table_counts(table) =
        (struct table_counts){.room = (uint32_t)room, .fresh = (uint32_t)full(log, width)};
    memset(ouro__table_slots(table, log), 0xFF, (size_t)1 << (log + ouro__table_slot_shift(log)));
    return true;
}

/* Put the numbers of entries into the first free slots for their hashes; `word` is a type of unsigned integers. */
#define PUT(name, word)                                                                                \
    static void put_##name(char *slots_at, unsigned log, const uint32_t *hashes, size_t from,          \
                           size_t to)                                                                  \
    {                                                                                                  \
        word *slots = (word *)(void *)slots_at;                                                        \
        uint32_t mask = (1U << log) - 1;                                                               \
                                                                                                       \
        for (size_t i = from; i < to; i++) {                                                           \
            uint64_t shifted = (uint64_t)hashes[i] << log;                                             \
            uint32_t at = (uint32_t)(shifted >> 32);                                                   \
            uint32_t rest = (uint32_t)shifted >> (32 - 8 * sizeof(word)) & ~mask;                      \
            while (slots[at] != (word)UINT32_MAX) {                                                    \
                at = (at + 1) & mask;                                                                  \
            }                                                                                          \
            slots[at] = (word)(rest | (uint32_t)i);                                                    \
        }                                                                                              \
    }

PUT(8, uint8_t)
PUT(16, uint16_t)
PUT(32, uint32_t)

void
ouro__table_put_slots(struct table *table, size_t from, size_t to)
{
    unsigned log = ouro__table_shape(table)->log;
    char *slots = ouro__table_slots(table, log);
    const uint32_t *hashes = ouro__table_hashes(table);

    ouro__table_counts(table)->fresh -= (uint32_t)(to - from);
    if (log <= 7) {
        put_8(slots, log, hashes, from, to);
    } else if (log <= 13) {
        put_16(slots, log, hashes, from, to);
    } else {
        put_32(slots, log, hashes, from, to);
    }
}

/* Put the entries that are no holes behind one another, with their hashes, at the beginning of `to`, which may be the
 * same; returns how many. */
static size_t
close_holes(struct table *to, const struct table *from, unsigned width)
{
    const uint32_t *from_hashes = ouro__table_hashes(from);
    uint32_t *to_hashes = ouro__table_hashes(to);
    size_t live = 0;

    for (size_t i = 0; i < from->n; i++) {
        ouro_object *const *entry = &from->entries[i * width];
        if (entry[0] != NULL) {
            to_hashes[live] = from_hashes[i];
            to->entries[live * width] = entry[0];
            if (width == 2) {
                to->entries[live * 2 + 1] = entry[1];
            }
            live++;
        }
    }
    return live;
}

/* Would the slots of a table do as they are for `1 << log` slots and its entries with their holes?  Stale ones may lead beyond
 * the end, to what is not there in another block. */
static bool
has_slots_for(const struct table *table, unsigned log)
{
    return log != 0 && ouro__table_shape(table)->log == log && ouro__table_counts(table)->stale == 0;
}

/* Fill a new block with what `from` has, its holes too if they are wanted: then its slots do. */
static void
fill(struct table *to, const struct table *from, bool has_holes, unsigned width)
{
    unsigned log = ouro__table_shape(to)->log;

    if (!has_holes && ouro__table_live(from) < from->n) {
        to->n = close_holes(to, from, width);
    } else {
        to->n = from->n;
        memcpy(ouro__table_hashes(to), ouro__table_hashes(from), from->n * sizeof(uint32_t));
        memcpy(to->entries, from->entries, from->n * width * sizeof *to->entries);
        if (has_slots_for(from, log)) {
            memcpy(ouro__table_slots(to, log), ouro__table_slots(from, log),
                   (size_t)1 << (log + ouro__table_slot_shift(log)));
            ouro__table_counts(to)->fresh = ouro__table_counts(from)->fresh;
            ouro__table_counts(to)->holes = ouro__table_counts(from)->holes;
            return;
        }
    }
    if (log != 0) {
        ouro__table_put_slots(to, 0, to->n);
    }
}

#define LEAST_ROOM 5

/* How many entries to have room for, when there are to be at least `n`. */
static size_t
roomy(size_t n, unsigned width)
{
    return n <= LEAST_ROOM  ? LEAST_ROOM
           : n <= 10        ? 10
           : n <= 14        ? 14
           : n <= TABLE_FEW ? TABLE_FEW
                            : full(log_for(n, width), width);
}

bool
ouro__table_reserve(struct table *table, size_t more, unsigned width)
{
    if (table->entries == NULL) {
        return take_shape(table, more <= TABLE_FEW ? roomy(more, width) : more, width);
    }
    struct table_shape *shape = ouro__table_shape(table);
    size_t live = ouro__table_live(table), room = ouro__table_room(table);
    bool has_holes = live < table->n;
    if (shape->log == 0 ? table->n + more <= room
                        : table->n + more <= room && ouro__table_counts(table)->fresh >= more) {
        return true;
    }
    if (shape->log == 0 && has_holes && live + more + live / 4 <= room) {
        table->n = close_holes(table, table, width);
        shape->holes = 0;
        shape->version++;
        return true;
    }
    size_t wanted = live + more + (has_holes ? live / 2 : 0); /* so that holes are closed seldom */
    if (more == 1 || wanted <= TABLE_FEW) {
        wanted = roomy(wanted, width);
    }
    struct table grown = {.n = 0};
    if (!take_shape(&grown, wanted, width)) {
        return false;
    }
    ouro__table_shape(&grown)->version = shape->version + 1;
    fill(&grown, table, false, width);
    ouro__buffer_free(ouro__table_hashes(table), ouro__table_size(table, width));
    table->entries = grown.entries;
    table->n = grown.n;
    return true;
}

ouro_object **
ouro__table_add_slowly(struct table *table, const struct table_search *search, unsigned width)
{
    bool has_room = table->entries == NULL ? take_few(table, LEAST_ROOM, width)
                                           : ouro__table_reserve(table, 1, width);
    if (OURO_UNLIKELY(!has_room)) {
        return NULL;
    }
    size_t n = table->n++;
    struct table_shape *shape = ouro__table_shape(table);
    ouro__table_hashes(table)[n] = search->hash;
    shape->version++;
    if (shape->log != 0) {
        ouro__table_put_slots(table, n, n + 1);
    }
    return &table->entries[n * width];
}

static inline __attribute__((always_inline)) void
incref_entries(const struct table *table, unsigned width)
{
    uint16_t self = ouro__self;
    ouro_object *const *entry = table->entries, *const *end = entry + table->n * width;

    for (; entry != end; entry += width) {
        if (OURO_LIKELY(entry[0] != NULL)) {
            ouro__incref_by(entry[0], self);
            if (width == 2) {
                ouro__incref_by(entry[1], self);
            }
        }
    }
}

bool
ouro__table_copy(struct table *to, const struct table *from, unsigned width)
{
    size_t live = ouro__table_live(from), n = from->n;

    if (live == 0) {
        return true;
    }
    /* A few holes more are less work than other slots. */
    bool has_holes =
        live < n && live >= n - n / 3 && n > TABLE_FEW && has_slots_for(from, log_for(n, width));
    if (!take_shape(to, has_holes ? n : live <= TABLE_FEW ? roomy(live, width) : live, width)) {
        return false;
    }
    fill(to, from, has_holes, width);
    if (width == 2) { /* a constant each */
        incref_entries(to, 2);
    } else {
        incref_entries(to, 1);
    }
    return true;
}

/* ---- taking out ---- */

void
ouro__table_remove(struct table *table, size_t index, size_t slot, unsigned width)
{
    struct table_shape *shape = ouro__table_shape(table);
    unsigned log = shape->log;
    ouro_object **entries = table->entries;
    size_t n = table->n, cut = 0;

    shape->version++;
    entries[index * width] = NULL;
    entries[index * width + (width - 1)] = NULL;
    if (index + 1 == n) {
        do {
            n--;
            cut++;
        } while (n != 0 && entries[(n - 1) * width] == NULL);
        table->n = n;
    }
    size_t more = 1 - cut; /* holes; one less is SIZE_MAX */
    if (log == 0) {
        shape->holes = (uint8_t)(shape->holes + more);
        return;
    }
    ouro__table_counts(table)->holes += (uint32_t)more;
    if (slot == TABLE_NONE) {
        ouro__table_counts(table)->stale++;
    } else {
        char *slots = ouro__table_slots(table, log);
        switch (ouro__table_slot_shift(log)) {
        case 0:
            ((uint8_t *)slots)[slot] = UINT8_MAX - 1;
            break;
        case 1:
            ((uint16_t *)(void *)slots)[slot] = UINT16_MAX - 1;
            break;
        default:
            ((uint32_t *)(void *)slots)[slot] = UINT32_MAX - 1;
            break;
        }
    }
}

struct table
ouro__table_take_block(struct table *table)
{
    struct table taken = {.n = table->n, .entries = table->entries};

    table->n = 0;
    table->entries = NULL;
    return taken;
}

static inline __attribute__((always_inline)) void
decref_entries(const struct table *table, unsigned width)
{
    uint16_t self = ouro__self;
    ouro_object *const *entry = table->entries, *const *end = entry + table->n * width;

    for (; entry != end; entry += width) {
        if (OURO_LIKELY(entry[0] != NULL)) {
            ouro__decref_by(entry[0], self);
            if (width == 2) {
                ouro__decref_by(entry[1], self);
            }
        }
    }
}

void
ouro__table_let_go(const struct table *table, unsigned width)
{
    if (table->entries == NULL) {
        return;
    }
    if (width == 2) {
        decref_entries(table, 2);
    } else {
        decref_entries(table, 1);
    }
    ouro__buffer_free(ouro__table_hashes(table), ouro__table_size(table, width));
}

/* ---- looking for what is known to be the same ---- */

/* For any size of slots, as OURO__TABLE_FIND is for each. */
size_t
ouro__table_find_same(const struct table *table, uint32_t hash, const ouro_object *object,
                      unsigned column, unsigned width, size_t *slot)
{
    unsigned log = table->entries != NULL ? ouro__table_shape(table)->log : 0;

    *slot = TABLE_NONE;
    OURO_ASSERT(table->entries != NULL || table->n == 0);
    if (log == 0) {
        for (size_t i = 0; i < table->n; i++) {
            if (table->entries[i * width + column] == object) {
                return i;
            }
        }
        return TABLE_NONE;
    }
    const char *slots = ouro__table_slots(table, log);
    unsigned shift = ouro__table_slot_shift(log);
    uint32_t mask = (uint32_t)(((uint64_t)1 << log) - 1), all = UINT32_MAX >> (32 - (8U << shift));
    uint32_t at = (uint32_t)(((uint64_t)hash << log) >> 32), here;
    for (; (here = ouro__table_slot(slots, shift, at)) != all; at = (at + 1) & mask) {
        uint32_t index = here & mask;
        if (index < table->n && table->entries[index * width + column] == object) {
            *slot = at;
            return index;
        }
    }
    return TABLE_NONE;
}

/* ---- texts: a function that calls nothing ---- */

/* Hash and shape of a packed sequence as one word. */
typedef uint64_t __attribute__((may_alias)) packed_words;

/* Is an entry's key the text, whose hash is known? */
static inline __attribute__((always_inline)) enum table_verdict
look_at_text(const ouro_object *key, const struct packed *text)
{
    const struct packed *other = (const struct packed *)key;
    size_t length = text->shape >> 2, size = length << ouro__kind_shift(ouro__packed_kind(text));

    if (OURO_LIKELY(other == text)) {
        return TABLE_SAME;
    }
    if (key == NULL) {
        return TABLE_OTHER;
    }
    if (OURO_UNLIKELY(key->type != text->head.type)) { /* it may say that it equals a text */
        return TABLE_UNSURE;
    }
    if (__atomic_load_n((const packed_words *)(const void *)&other->hash, __ATOMIC_RELAXED) !=
        __atomic_load_n((const packed_words *)(const void *)&text->hash, __ATOMIC_RELAXED)) {
        return TABLE_OTHER;
    }
    if (OURO_UNLIKELY(length == PACKED_LONG || size > 64)) { /* so many are compared by a call */
        return TABLE_UNSURE;
    }
    return ouro__same_bytes((const char *)(text + 1), (const char *)(other + 1), size) ? TABLE_SAME
                                                                                       : TABLE_OTHER;
}

static inline __attribute__((always_inline)) size_t
find_text_few(const struct table *table, const struct packed *text, uint32_t hash, unsigned width)
{
    const uint32_t *hashes = ouro__table_hashes(table);

    for (size_t i = 0; i < table->n; i += 4) {
        unsigned match = ouro__table_match(hashes + i, hash);
        for (; OURO_UNLIKELY(match != 0); match &= match - 1) {
            size_t index = i + (unsigned)__builtin_ctz(match);
            if (index >= table->n) {
                break;
            }
            enum table_verdict verdict = look_at_text(table->entries[index * width], text);
            if (verdict != TABLE_OTHER) {
                return verdict == TABLE_SAME ? index : TABLE_UNKNOWN;
            }
        }
    }
    return TABLE_NONE;
}

/* `shift` is a constant: of the bytes of a slot. */
static inline __attribute__((always_inline)) size_t
find_text_many(const struct table *table, const struct packed *text, uint32_t hash, unsigned log,
               unsigned shift, unsigned width)
{
    const char *slots = (const char *)ouro__table_counts(table) - ((size_t)1 << (log + shift));
    uint32_t mask = (uint32_t)(((uint64_t)1 << log) - 1), all = UINT32_MAX >> (32 - (8U << shift));
    uint64_t shifted = (uint64_t)hash << log;
    uint32_t at = (uint32_t)(shifted >> 32), rest = (uint32_t)shifted >> (32 - (8U << shift)), here;

    for (; (here = ouro__table_slot(slots, shift, at)) != all; at = (at + 1) & mask) {
        uint32_t index = here & mask;
        if (((here ^ rest) & ~mask) != 0 || index >= mask - 1) {
            continue;
        }
        enum table_verdict verdict = look_at_text(table->entries[index * width], text);
        if (verdict == TABLE_SAME) {
            return index;
        }
        if (OURO_UNLIKELY(verdict == TABLE_UNSURE) && ouro__table_hashes(table)[index] == hash) {
            return TABLE_UNKNOWN;
        }
    }
    return TABLE_NONE;
}

size_t
ouro__table_find_text(const struct table *table, const struct packed *text, uint32_t hash,
                      unsigned width)
{
    if (OURO_UNLIKELY(table->entries == NULL)) {
        return TABLE_NONE;
    }
    unsigned log = ouro__table_shape(table)->log;
    return log == 0    ? find_text_few(table, text, hash, width)
           : log <= 7  ? find_text_many(table, text, hash, log, 0, width)
           : log <= 13 ? find_text_many(table, text, hash, log, 1, width)
                       : find_text_many(table, text, hash, log, 2, width);
}

/* ---- comparing ---- */

bool
ouro__table_is_equal(const struct table *table, const struct table_search *search, size_t index,
                     unsigned width)
{
    const ouro_object *key = table->entries[index * width];

    if (key == NULL || key->type != search->key->type) {
        return false;
    }
    const struct ouro_type *type = ouro__type(key);
    if (type == ouro__str_type) { /* the hashes of both are known */
        const struct packed *a = (const struct packed *)key, *b = (const struct packed *)search->key;
        return a->hash == b->hash && ouro__packed_equal(a, b);
    }
    const struct ouro__int *a = (const struct ouro__int *)key,
                           *b = (const struct ouro__int *)search->key;
    return type == ouro__int_type && ouro__int_is_small(a) && ouro__int_is_small(b) &&
           ouro__int_small_value(a) == ouro__int_small_value(b);
}

enum table_verdict
ouro__table_compare(struct table *table, struct table_search *search, size_t index, unsigned width)
{
    ouro_object *key = table->entries[index * width];
    const struct ouro_type *type = ouro__type(key), *sought = ouro__type(search->key);

    if (OURO_LIKELY(type == ouro__str_type && type == sought)) {
        return ouro__packed_equal((const struct packed *)key, (const struct packed *)search->key)
                   ? TABLE_SAME
                   : TABLE_OTHER;
    }
    if (type->is_simple_equal && sought->is_simple_equal) {
        return ouro_equal((ouro_loan)key, (ouro_loan)search->key) == OURO_FOUND ? TABLE_SAME
                                                                                : TABLE_OTHER;
    }
    ouro_object *const *entries = table->entries;
    uint32_t version = ouro__table_shape(table)->version;
    bool is_weak = (ouro__type(&table->head)->flags & TYPE_WEAK_KEYS) != 0;
    if (is_weak && ouro__weakref_is_to((const struct weakref *)key, search->key)) {
        return TABLE_SAME;
    }
    ouro_ref held = is_weak ? ouro_weakref_get((ouro_loan)key) : ouro_incref((ouro_loan)key);
    if (held == NULL) { /* dead, and soon taken out */
        return TABLE_OTHER;
    }

    ouro__unuse(&table->head, search->locked);
    ouro_status status = ouro_equal((ouro_loan)held, (ouro_loan)search->key);
    if (is_weak) { /* may be the last, and take the entry out */
        ouro_clear(&held);
    }
    search->locked = ouro__use(&table->head);

    bool is_as_before = table->entries == entries && ouro__table_shape(table)->version == version &&
                        index < table->n && entries[index * width] == key;
    if (OURO_UNLIKELY(!is_as_before)) {
        ouro__unuse(&table->head, search->locked);
        ouro_xdecref(held); /* may be the last */
        search->locked = ouro__use(&table->head);
    } else {
        ouro_xdecref(held); /* the table has another */
    }
    if (OURO_UNLIKELY(status < 0)) {
        search->status = status;
        return TABLE_FAILED;
    }
    return !is_as_before ? TABLE_AGAIN : status == OURO_FOUND ? TABLE_SAME : TABLE_OTHER;
}
