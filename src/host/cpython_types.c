/* cpython_types.c - which types' objects lie in the traced blocks of CPython's object domain.
 *
 * An object's block begins with the object; or with the collector's two words before it; or, from 3.11 on, with two more
 * before those, where its type says so (a dictionary of its own, weak references).  The types' flags say which of the
 * three it must be, so that a buffer is hardly ever taken for an object.
 *
 * Whatever a word is, it is followed only where there is memory to read: in blocks of ours, and in the data of the files
 * that are mapped (static types).  A type is what has a type, which has a type, and so on, up to `type` itself.
 *
 * No object is made, counted or called: this may run while the interpreter stands still in the midst of anything. */
#define _GNU_SOURCE
#include "host/cpython.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "heap/fast.h"
#include "trace/traced.h"
#include "snapshot/format.h"
#include "snapshot/writer.h"
#include "trace/beside.h"
#include "trace/tree.h"

/* PyTypeObject, as it has been from 3.9 to 3.15. */
struct py_type {
    py_object head;
    intptr_t size;
    const char *name;
    intptr_t basic_size, item_size;
    void *slots[15];
    unsigned long flags;
    void *more_slots[10];
    struct py_type *base;
    py_object *dict;
};

_Static_assert(offsetof(struct py_type, name) == 24 && offsetof(struct py_type, flags) == 168 &&
                   offsetof(struct py_type, dict) == 264,
               "as CPython has it");

enum py_type_flags {
    HAS_MANAGED_WEAKREF = 1 << 3, /* from 3.12 on */
    HAS_MANAGED_DICT = 1 << 4,    /* from 3.11 on */
    IS_HEAP_TYPE = 1 << 9,
    IS_READY = 1 << 12,
    HAS_GC = 1 << 14,
    IS_STR = 1 << 28,
    IS_DICT = 1 << 29,
};
#define IS_TYPE (1UL << 31)

#define METATYPES_MOST 4 /* from a type to `type` */
#define NAME_MOST 200U
#define MODULE_MOST 120U
#define ENTRIES_MOST 256 /* of a class's dictionary, whose first one is __module__ as a rule */

/* ---- what may be read ---- */

struct stretch {
    uintptr_t begin, end;
    bool is_data; /* may be written */
};

static struct ouro__vector stretches; /* struct stretch[], by address */

/* The number in hexadecimal at *at, which moves behind it. */
static uintptr_t
parse_hexadecimal(const char **at)
{
    uintptr_t number = 0;
    for (;; ++*at) {
        char c = **at;
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;
        if (digit == 16) {
            return number;
        }
        number = number << 4 | digit;
    }
}

/* "begin-end rw-p offset device inode path": private mappings of files. */
static bool
stretch_add(const char *line)
{
    const char *at = line;
    struct stretch stretch = {.begin = parse_hexadecimal(&at)};
    at += *at == '-';
    stretch.end = parse_hexadecimal(&at);
    stretch.is_data = at[0] == ' ' && at[2] == 'w';
    if (at[0] != ' ' || at[1] != 'r' || at[4] != 'p' || strchr(line, '/') == NULL) {
        return true;
    }
    if (!ouro__vector_reserve(&stretches, 1)) {
        return false;
    }
    ouro__vector_append(&stretches, &stretch, 1);
    return true;
}

/* The kernel lists mappings by their addresses. */
static bool
stretches_read(void)
{
    static char buffer[8192]; /* not on the stack, which may be small */
    size_t have = 0;
    bool is_well = true;
    int file = open("/proc/thread-self/maps", O_RDONLY | O_CLOEXEC);

    stretches = (struct ouro__vector){.item_size = sizeof(struct stretch)};
    while (file >= 0 && is_well) {
        ssize_t n = read(file, buffer + have, sizeof buffer - 1 - have);
        if (n <= 0) {
            break;
        }
        have += (size_t)n;
        buffer[have] = '\0';
        char *line = buffer;
        for (char *end; is_well && (end = strchr(line, '\n')) != NULL; line = end + 1) {
            *end = '\0';
            is_well = stretch_add(line);
        }
        have -= (size_t)(line - buffer);
        memmove(buffer, line, have);
    }
    if (file >= 0) {
        close(file);
    }
    return file >= 0 && is_well;
}

/* How many bytes can be read at `address` in a mapped file. */
static size_t
readable_in_file(uintptr_t address, bool as_data)
{
    const struct stretch *items = stretches.items;
    size_t from = 0, to = stretches.n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (items[middle].end <= address) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    bool is_there =
        from < stretches.n && items[from].begin <= address && (items[from].is_data || !as_data);
    return is_there ? items[from].end - address : 0;
}

static bool
can_read(const void *address, size_t n, bool as_data)
{
    uintptr_t at = (uintptr_t)address;
    return at % sizeof(void *) == 0 &&
           ((ouro_heap_owns(address) && ouro_heap_owns((const char *)address + n - 1)) ||
            readable_in_file(at, as_data) >= n);
}

/* ---- types ---- */

/* What is known of an address that may be a type's. */
struct known {
    const void *address;
    uint32_t type; /* 0: it is none */
};

static struct ouro__vector knowns, types,
    names; /* struct known[], struct ouro_snapshot_stretch[], char[] */
static struct ouro__table known_table;

static uint64_t
hash_known(uint32_t index)
{
    return ouro__mix((uintptr_t)((struct known *)knowns.items)[index].address, 0);
}

static bool
is_same_known(uint32_t index, const void *key)
{
    return ((struct known *)knowns.items)[index].address == key;
}

static bool
looks_like_type(const struct py_type *type)
{
    return can_read(type, sizeof *type, true) && (type->flags & IS_READY) != 0 &&
           type->basic_size >= (intptr_t)sizeof(py_object) && type->item_size >= 0 &&
           type->head.references > 0;
}

static bool
is_type(const struct py_type *type)
{
    if (!looks_like_type(type)) {
        return false;
    }
    for (int i = 0; i < METATYPES_MOST; i++) {
        const struct py_type *meta = (const struct py_type *)type->head.type;
        if (!looks_like_type(meta) || (meta->flags & IS_TYPE) == 0) {
            return false;
        }
        if ((const struct py_type *)meta->head.type == meta) {
            return true;
        }
        type = meta;
    }
    return false;
}

/* The text of a str that is ASCII and lies in one block; how long, 0 for anything else. */
static size_t
read_str(const py_object *object, char *text, size_t most)
{
    size_t head = ouro__py.hex >= 0x030C0000 ? 40 : 48;
    if (!can_read(object, head + 8, true) || !looks_like_type((const struct py_type *)object->type) ||
        (((const struct py_type *)object->type)->flags & IS_STR) == 0) {
        return 0;
    }
    intptr_t length = ((const intptr_t *)object)[2];
    const char *at = (const char *)object + head;
    if (length <= 0 || (size_t)length > most || !can_read(object, head + (size_t)length + 1, true) ||
        at[length] != '\0') {
        return 0;
    }
    for (intptr_t i = 0; i < length; i++) {
        if (at[i] <= ' ' || at[i] > '~') {
            return 0;
        }
    }
    memcpy(text, at, (size_t)length);
    return (size_t)length;
}

/* Where a dictionary's entries begin: PyDictKeysObject in its two shapes. */
struct entries {
    const char *first;
    size_t n, size, key; /* of one, and where its key is in it */
};

static bool
find_entries(const py_object *dict, struct entries *entries)
{
    if (!can_read(dict, 48, true) || !looks_like_type((const struct py_type *)dict->type) ||
        (((const struct py_type *)dict->type)->flags & IS_DICT) == 0) {
        return false;
    }
    const char *keys = (const char *)((void *const *)dict)[4];
    if (!can_read(keys, 40, true)) {
        return false;
    }
    int64_t words[5];
    memcpy(words, keys, sizeof words);
    if (ouro__py.hex >= 0x030B0000) {
        unsigned shift = (unsigned char)keys[9];
        bool is_general = keys[10] == 0;
        *entries = (struct entries){keys + 32 + ((size_t)1 << (shift & 31)), (size_t)words[3],
                                    is_general ? 24 : 16, is_general ? 8 : 0};
    } else {
        size_t width = words[1] <= 0xff ? 1 : words[1] <= 0xffff ? 2 : words[1] <= 0xffffffff ? 4 : 8;
        *entries = (struct entries){keys + 40 + (size_t)words[1] * width, (size_t)words[4], 24, 8};
    }
    return true;
}

/* The module that a class says it is of. */
static size_t
read_module(const struct py_type *type, char *module)
{
    static const char wanted[] = "__module__";
    struct entries entries;

    if ((type->flags & IS_HEAP_TYPE) == 0 || !find_entries(type->dict, &entries)) {
        return 0;
    }
    for (size_t i = 0; i < entries.n && i < ENTRIES_MOST; i++) {
        const char *entry = entries.first + i * entries.size + entries.key;
        char key[sizeof wanted];
        const py_object *pair[2];
        if (!can_read(entry, sizeof pair, true)) {
            return 0;
        }
        memcpy(pair, entry, sizeof pair);
        if (pair[0] != NULL && read_str(pair[0], key, sizeof key - 1) == sizeof wanted - 1 &&
            memcmp(key, wanted, sizeof wanted - 1) == 0) {
            return pair[1] == NULL ? 0 : read_str(pair[1], module, MODULE_MOST);
        }
    }
    return 0;
}

/* A string in C that ends somewhere, or is cut. */
static size_t
read_string(const char *string, char *text, size_t most)
{
    size_t room = ouro_heap_owns(string) ? most : readable_in_file((uintptr_t)string, false), n = 0;

    while (n < room && n < most && (!ouro_heap_owns(string) || ouro_heap_owns(string + n)) &&
           string[n] != '\0') {
        text[n] = string[n];
        n++;
    }
    return n;
}

/* What the type is called, with its module before it, but for builtins.  Types that were made in C have both in their
 * names. */
static size_t
read_name(const struct py_type *type, char *name)
{
    char own[NAME_MOST];
    size_t n_own = read_string(type->name, own, sizeof own);
    size_t n = memchr(own, '.', n_own) == NULL ? read_module(type, name) : 0;

    if (n == 8 && memcmp(name, "builtins", 8) == 0) {
        n = 0;
    } else if (n > 0) {
        name[n++] = '.';
    }
    memcpy(name + n, own, n_own);
    return n + n_own;
}

/* False without memory. */
static bool
add_type(const struct py_type *type, uint32_t *number)
{
    char name[MODULE_MOST + 1 + NAME_MOST];
    struct ouro_snapshot_stretch stretch = {ouro__tree.texts.n + names.n, read_name(type, name)};

    if (!ouro__vector_reserve(&types, 1) || !ouro__vector_reserve(&names, stretch.size)) {
        return false;
    }
    ouro__vector_append(&names, name, stretch.size);
    *number = (uint32_t)types.n;
    ouro__vector_append(&types, &stretch, 1);
    return true;
}

/* The number of the type at `address`, 0 when there is none.  False without memory. */
static bool
type_at(const void *address, uint32_t *number)
{
    size_t at;

    if (!ouro__table_reserve(&known_table, hash_known) || !ouro__vector_reserve(&knowns, 1)) {
        return false;
    }
    uint64_t hash = ouro__mix((uintptr_t)address, 0);
    uint32_t index = ouro__table_find(&known_table, hash, is_same_known, address, &at);
    if (index == 0) {
        struct known known = {.address = address};
        if (is_type(address) && !add_type(address, &known.type)) {
            return false;
        }
        index = (uint32_t)knowns.n;
        ouro__vector_append(&knowns, &known, 1);
        ouro__table_put(&known_table, at, index);
    }
    *number = ((struct known *)knowns.items)[index].type;
    return true;
}

/* The type of the object whose block of `size` bytes begins here; 0 for none.  False without memory. */
static bool
type_of_block(const void *block, size_t size, uint32_t *number)
{
    const unsigned long managed = (ouro__py.hex >= 0x030B0000 ? HAS_MANAGED_DICT : 0UL) |
                                  (ouro__py.hex >= 0x030C0000 ? HAS_MANAGED_WEAKREF : 0UL);

    for (size_t before = 0; before <= 32 && before + sizeof(py_object) <= size; before += 16) {
        const py_object *object = (const void *)((const char *)block + before);
        const struct py_type *type = (const struct py_type *)object->type;
        if (object->references <= 0 || (uintptr_t)type % sizeof(void *) != 0 || type == NULL ||
            !type_at(type, number)) {
            continue;
        }
        size_t wanted = *number == 0 || (type->flags & HAS_GC) == 0 ? 0
                        : (type->flags & managed) != 0              ? 32
                                                                    : 16;
        if (*number != 0 && wanted == before) {
            return true;
        }
    }
    *number = 0;
    return true;
}

/* ---- blocks ---- */

static struct ouro__vector pairs; /* struct ouro_snapshot_typed[] */
static struct ouro__table pair_table;

static uint64_t
hash_pair(uint32_t index)
{
    const struct ouro_snapshot_typed *pair = &((struct ouro_snapshot_typed *)pairs.items)[index];
    return ouro__mix(pair->trace, pair->type);
}

static bool
is_same_pair(uint32_t index, const void *key)
{
    const struct ouro_snapshot_typed *a = &((struct ouro_snapshot_typed *)pairs.items)[index], *b = key;
    return a->trace == b->trace && a->type == b->type;
}

/* Count a block.  False without memory. */
static bool
block_count(const void *block, uint32_t trace)
{
    const struct ouro__trace *traces = ouro__trace_items.items;
    struct ouro_snapshot_typed pair = {.trace = trace};
    size_t at;

    if (trace == 0 || trace >= ouro__trace_items.n ||
        (traces[trace].domain & OURO_DOMAIN_MASK) != OURO_DOMAIN_OBJECT) {
        return true;
    }
    if (!type_of_block(block, (size_t)traces[trace].size, &pair.type)) {
        return false;
    }
    if (pair.type == 0) {
        return true;
    }
    if (!ouro__table_reserve(&pair_table, hash_pair) || !ouro__vector_reserve(&pairs, 1)) {
        return false;
    }
    uint32_t index =
        ouro__table_find(&pair_table, ouro__mix(pair.trace, pair.type), is_same_pair, &pair, &at);
    if (index == 0) {
        index = (uint32_t)pairs.n;
        ouro__vector_append(&pairs, &pair, 1);
        ouro__table_put(&pair_table, at, index);
    }
    ((struct ouro_snapshot_typed *)pairs.items)[index].blocks++;
    return true;
}

/* Whether blocks of this pool may have traces: samples have pools of their own. */
static bool
is_traced(const struct pool *pool, bool is_sampled)
{
    const struct local *owner = __atomic_load_n(&pool->owner, __ATOMIC_RELAXED);
    return !is_sampled || (owner != NULL && owner->heap->apart == owner);
}

static bool
blocks_count(void)
{
    size_t n = ouro__range_extent() >> SLOT_SHIFT;
    bool is_well = true, is_sampled = ouro__trace_mode_now() == OURO__TRACE_SAMPLED;

    for (size_t i = 1; i < n && is_well; i++) {
        const struct pool *pool = &ouro__range.records[i];
        unsigned kind = __atomic_load_n(&pool->kind, __ATOMIC_RELAXED);
        if (kind == SLOT_LARGE && pool->trace != 0) {
            is_well = block_count(pool->base, pool->trace & OURO__INDEX);
        }
        if (kind != SLOT_POOL || !is_traced(pool, is_sampled)) {
            continue;
        }
        uint32_t size = ouro__class_size[pool->class];
        uint32_t at = ouro__pool_start(pool->class, pool->domain);
        for (; at < pool->fresh && is_well; at += size) {
            const uint32_t *index = ouro__beside(pool->base + at, false);
            if (index == NULL) {
                break;
            }
            if (*index != 0) {
                is_well = block_count(pool->base + at, *index & OURO__INDEX);
            }
        }
    }
    return is_well;
}

static bool
vectors_begin(void)
{
    static const struct ouro_snapshot_stretch no_type;
    static const struct ouro_snapshot_typed no_pair;
    static const struct known no_known;

    knowns = (struct ouro__vector){.item_size = sizeof(struct known)};
    types = (struct ouro__vector){.item_size = sizeof(struct ouro_snapshot_stretch)};
    names = (struct ouro__vector){.item_size = 1};
    pairs = (struct ouro__vector){.item_size = sizeof(struct ouro_snapshot_typed)};
    if (!ouro__vector_reserve(&knowns, 1) || !ouro__vector_reserve(&types, 1) ||
        !ouro__vector_reserve(&pairs, 1)) {
        return false;
    }
    ouro__vector_append(&knowns, &no_known, 1);
    ouro__vector_append(&types, &no_type, 1);
    ouro__vector_append(&pairs, &no_pair, 1);
    return true;
}

void
ouro__cpython_types_write(struct ouro__snapshot_writer *writer)
{
    struct ouro__vector *const vectors[] = {&stretches, &knowns, &types, &names, &pairs};

    if (ouro__py.hex == 0 || ouro__py.free_threaded || ouro__settings_get()->debug) {
        return;
    }
    if (stretches_read() && vectors_begin() && blocks_count()) {
        ouro__snapshot_write(writer, OURO_SNAPSHOT_TEXTS, names.items, names.n);
        ouro__snapshot_write(writer, OURO_SNAPSHOT_TYPES, types.items, types.n * types.item_size);
        ouro__snapshot_write(writer, OURO_SNAPSHOT_TYPED, pairs.items, pairs.n * pairs.item_size);
    }
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        ouro__vector_free(vectors[i]);
    }
    ouro__table_free(&known_table);
    ouro__table_free(&pair_table);
}
