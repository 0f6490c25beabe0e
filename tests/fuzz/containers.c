/* containers.c - a fuzzer's bytes as operations on lists, dicts and sets, beside naive arrays that do the same.
 *
 * Items are atoms: objects that are made once, several of them equal to others, some with hashes that collide as the
 * input wants it, whose comparison may change the very container that is searched. */
#include <string.h>

#include <ouro/ouro.h>

#include "input.h"
#include "keys.h"
#include "require.h"

#define N_ATOMS 64
#define N_BOXES 6
#define MOST 200

/* Atoms; those with the same value are equal. */
static struct {
    ouro_ref object;
    unsigned value;
} atoms[N_ATOMS];

enum kind { LIST, DICT, SET, N_KINDS };

/* A container, and what must be in it: atoms by number. */
static struct box {
    enum kind kind;
    ouro_ref object;
    size_t n;
    unsigned keys[MOST], values[MOST];
} boxes[N_BOXES];

static unsigned n_comparisons_to_change; /* comparing changes a box when this gets to 0 */
static struct box *changing;
static bool has_changed;

/* ---- atoms ---- */

static ouro_ref
new_atom(size_t i)
{
    ouro_ref text = NULL;
    unsigned value = (unsigned)i % 40;

    atoms[i].value = value;
    switch (value % 4) {
    case 0:
        return value % 8 == 0 ? ouro_int_new((int64_t)value * 1000003) : ouro_float_new(value + 0.5);
    case 1:
        text = ouro_str_format("text %d", (int)value);
        return text;
    case 2:
        return ouro_bytes_new("bytes of different lengths, all of them more than nothing", value);
    default:
        return key_new(value, value % 3 == 0 ? 7 : value);
    }
}

/* What is compared last changes a container: a list is cut, a table has one key less. */
static ouro_status
on_equal(ouro_loan a, ouro_loan b)
{
    (void)a;
    (void)b;
    if (changing == NULL || n_comparisons_to_change-- != 0) {
        return OURO_OK;
    }
    struct box *box = changing;
    changing = NULL;
    has_changed = true;
    if (box->kind == LIST) {
        ouro_list_clear(ouro_lend(box->object));
    } else if (box->kind == DICT) {
        ouro_dict_clear(ouro_lend(box->object));
    } else {
        REQUIRE(ouro_set_clear(ouro_lend(box->object)) == OURO_OK, "not cleared");
    }
    return OURO_OK;
}

/* ---- boxes ---- */

static size_t
place_of(const struct box *box, unsigned atom)
{
    size_t i = 0;
    while (i < box->n && atoms[box->keys[i]].value != atoms[atom].value) {
        i++;
    }
    return i;
}

static void
put_in(struct box *box, size_t place, unsigned key, unsigned value)
{
    memmove(&box->keys[place + 1], &box->keys[place], (box->n - place) * sizeof box->keys[0]);
    memmove(&box->values[place + 1], &box->values[place], (box->n - place) * sizeof box->values[0]);
    box->keys[place] = key;
    box->values[place] = value;
    box->n++;
}

static void
take_out(struct box *box, size_t place)
{
    box->n--;
    memmove(&box->keys[place], &box->keys[place + 1], (box->n - place) * sizeof box->keys[0]);
    memmove(&box->values[place], &box->values[place + 1], (box->n - place) * sizeof box->values[0]);
}

static ouro_loan
atom(unsigned number)
{
    return ouro_lend(atoms[number].object);
}

static unsigned
next_atom(struct input *input)
{
    return (unsigned)next_below(input, N_ATOMS);
}

static void
make_box(struct box *box, enum kind kind)
{
    ouro_xdecref(box->object);
    box->kind = kind;
    box->n = 0;
    box->object = kind == LIST ? ouro_list_new(0) : kind == DICT ? ouro_dict_new() : ouro_set_new();
    REQUIRE(box->object != NULL, "no memory");
}

static void
check_item(ouro_loan item, unsigned wanted)
{
    REQUIRE(item != NULL && ouro_look(item) == atoms[wanted].object, "another item");
}

/* All is there, in its order. */
static void
check_box(const struct box *box)
{
    ouro_loan object = ouro_lend(box->object);
    ouro_ref key = NULL, value = NULL;
    size_t position = 0;

    if (box->kind == LIST) {
        REQUIRE(ouro_list_length(object) == box->n, "another length");
        for (size_t i = 0; i < box->n; i++) {
            check_item(ouro_list_get_borrow(object, i), box->keys[i]);
        }
        return;
    }
    size_t n = box->kind == DICT ? ouro_dict_length(object) : ouro_set_length(object);
    REQUIRE(n == box->n, "%zu keys, not %zu", n, box->n);
    for (size_t i = 0; i < n; i++) {
        bool is_there = box->kind == DICT ? ouro_dict_next(object, &position, &key, &value)
                                          : ouro_set_next(object, &position, &key);
        REQUIRE(is_there, "fewer than it says");
        check_item(ouro_lend(key), box->keys[i]);
        if (box->kind == DICT) {
            check_item(ouro_lend(value), box->values[i]);
            ouro_clear(&value);
        }
        ouro_clear(&key);
        ouro_status status = box->kind == DICT ? ouro_dict_contains(object, atom(box->keys[i]))
                                               : ouro_set_contains(object, atom(box->keys[i]));
        REQUIRE(status == OURO_FOUND, "what is there is not found");
    }
}

/* ---- operations on each kind ---- */

/* Find an item, or take it out. */
static void
search_list(struct box *box, unsigned item, bool takes_out)
{
    size_t place = place_of(box, item), found = SIZE_MAX;
    ouro_status status = takes_out ? ouro_list_remove(ouro_lend(box->object), atom(item))
                                   : ouro_list_find(ouro_lend(box->object), atom(item), &found);

    REQUIRE((status == OURO_FOUND) == (place < box->n), "%s", takes_out ? "remove" : "find");
    REQUIRE(takes_out || found == (place < box->n ? place : SIZE_MAX), "%zu, not %zu", found, place);
    if (takes_out && place < box->n) {
        take_out(box, place);
    }
}

/* Have a part of the list in its place. */
static void
cut_list(struct box *box, size_t begin, size_t length)
{
    ouro_ref slice = ouro_list_slice(ouro_lend(box->object), begin, begin + length);

    REQUIRE(slice != NULL, "no memory");
    ouro_assign(&box->object, slice);
    box->n = box->n > begin + length ? begin + length : box->n;
    for (size_t i = 0; i < begin && box->n != 0; i++) {
        take_out(box, 0);
    }
}

static void
on_list(struct input *input, struct box *box)
{
    unsigned what = (unsigned)next_below(input, 10), item = next_atom(input);
    ouro_loan list = ouro_lend(box->object);
    size_t index = next_below(input, box->n + 2);

    switch (what) {
    case 0:
    case 1:
    case 2:
        if (box->n < MOST) {
            index = what == 2 ? index : box->n;
            put_in(box, index < box->n ? index : box->n, item, item);
            REQUIRE(ouro_list_insert(list, index, atom(item)) == OURO_OK, "no memory");
        }
        break;
    case 3: {
        ouro_ref popped = ouro_list_pop(list, index);
        REQUIRE((popped != NULL) == (index < box->n), "pop");
        if (popped != NULL) {
            check_item(ouro_lend(popped), box->keys[index]);
            take_out(box, index);
            ouro_decref(popped);
        }
        break;
    }
    case 4:
        REQUIRE((ouro_list_set(list, index, atom(item)) == OURO_OK) == (index < box->n), "set");
        if (index < box->n) {
            box->keys[index] = item;
        }
        break;
    case 5:
    case 6:
        search_list(box, item, what == 6);
        break;
    case 7:
        ouro_list_reverse(list);
        for (size_t i = 0, k = box->n; i + 1 < k; i++) {
            unsigned key = box->keys[--k];
            box->keys[k] = box->keys[i];
            box->keys[i] = key;
        }
        break;
    case 8:
        cut_list(box, index, item);
        break;
    default:
        if (index == 0) {
            ouro_list_clear(list);
            box->n = 0;
        }
        break;
    }
}

static void
on_dict(struct input *input, struct box *box)
{
    unsigned what = (unsigned)next_below(input, 10), key = next_atom(input), value = next_atom(input);
    ouro_loan dict = ouro_lend(box->object);
    size_t place = place_of(box, key);
    bool is_there = place < box->n;
    ouro_ref gone = NULL, had = NULL;

    switch (what) {
    case 0:
    case 1:
    case 2:
        REQUIRE(ouro_dict_set(dict, atom(key), atom(value)) == OURO_OK, "set");
        if (is_there) {
            box->values[place] = value;
        } else {
            put_in(box, box->n, key, value);
        }
        break;
    case 3:
        REQUIRE((ouro_dict_get(dict, atom(key), &had) == OURO_FOUND) == is_there, "get");
        if (is_there) {
            check_item(ouro_lend(had), box->values[place]);
        }
        break;
    case 4:
    case 5:
        REQUIRE((ouro_dict_pop(dict, atom(key), &had) == OURO_FOUND) == is_there, "pop");
        if (is_there) {
            check_item(ouro_lend(had), box->values[place]);
            take_out(box, place);
        }
        break;
    case 6:
        REQUIRE((ouro_dict_popitem(dict, &gone, &had) == OURO_FOUND) == (box->n != 0), "popitem");
        if (box->n != 0) {
            check_item(ouro_lend(gone), box->keys[box->n - 1]);
            take_out(box, box->n - 1);
        }
        break;
    case 7:
        gone = ouro_dict_copy(dict);
        REQUIRE(gone != NULL && ouro_equal(dict, ouro_lend(gone)) == OURO_FOUND, "a copy that differs");
        ouro_assign(&box->object, gone);
        gone = NULL;
        break;
    case 8:
        REQUIRE((ouro_dict_set_default(dict, atom(key), atom(value), &had) == OURO_FOUND) == is_there,
                "default");
        check_item(ouro_lend(had), is_there ? box->values[place] : value);
        if (!is_there) {
            put_in(box, box->n, key, value);
        }
        break;
    default:
        if (value == 0) {
            ouro_dict_clear(dict);
            box->n = 0;
        }
        break;
    }
    ouro_xdecref(gone);
    ouro_xdecref(had);
}

/* Whether a set operation takes an atom that is in one, the other, both. */
static bool
is_wanted(unsigned what, bool in_one, bool in_other)
{
    return what == 0   ? in_one || in_other
           : what == 1 ? in_one && in_other
           : what == 2 ? in_one && !in_other
                       : in_one != in_other;
}

/* The result has those that it must, once each; the box is told in which order. */
static void
combine(struct box *box, const struct box *other, unsigned what)
{
    static ouro_status (*const operations[])(ouro_loan, ouro_loan, ouro_ref *) = {
        ouro_set_union, ouro_set_intersection, ouro_set_difference, ouro_set_symmetric_difference};
    ouro_ref result = NULL, item = NULL;
    size_t position = 0, n_wanted = 0;

    REQUIRE(operations[what](ouro_lend(box->object), ouro_lend(other->object), &result) == OURO_OK,
            "a set operation");
    for (unsigned value = 0; value < 40; value++) {
        unsigned of_value = value; /* atoms begin with one of each value */
        n_wanted +=
            is_wanted(what, place_of(box, of_value) < box->n, place_of(other, of_value) < other->n);
    }
    REQUIRE(ouro_set_length(ouro_lend(result)) == n_wanted, "%zu items, not %zu",
            ouro_set_length(ouro_lend(result)), n_wanted);
    struct box made = {.kind = SET, .object = NULL, .n = 0};
    while (ouro_set_next(ouro_lend(result), &position, &item)) {
        unsigned number = 0;
        while (number < N_ATOMS && atoms[number].object != item) {
            number++;
        }
        REQUIRE(number < N_ATOMS, "it has what nobody put in");
        REQUIRE(is_wanted(what, place_of(box, number) < box->n, place_of(other, number) < other->n),
                "it is not wanted");
        put_in(&made, made.n, number, 0);
        ouro_decref(item);
    }
    ouro_assign(&box->object, result);
    box->n = made.n;
    memcpy(box->keys, made.keys, sizeof made.keys);
}

static void
on_set(struct input *input, struct box *box)
{
    unsigned what = (unsigned)next_below(input, 10), item = next_atom(input);
    ouro_loan set = ouro_lend(box->object);
    size_t place = place_of(box, item);
    bool is_there = place < box->n;
    ouro_ref gone = NULL;

    if (what < 4) {
        REQUIRE((ouro_set_add(set, atom(item)) == OURO_FOUND) == is_there, "add");
        if (!is_there) {
            put_in(box, box->n, item, 0);
        }
    } else if (what < 6) {
        REQUIRE((ouro_set_discard(set, atom(item)) == OURO_FOUND) == is_there, "discard");
        if (is_there) {
            take_out(box, place);
        }
    } else if (what == 6) {
        REQUIRE((ouro_set_pop(set, &gone) == OURO_FOUND) == (box->n != 0), "pop");
        if (box->n != 0) {
            check_item(ouro_lend(gone), box->keys[box->n - 1]);
            take_out(box, box->n - 1);
            ouro_decref(gone);
        }
    } else if (what == 7) {
        gone = ouro_set_copy(set);
        REQUIRE(gone != NULL && ouro_equal(set, ouro_lend(gone)) == OURO_FOUND, "a copy that differs");
        ouro_assign(&box->object, gone);
    } else {
        const struct box *other = &boxes[item % N_BOXES];
        if (other->kind == SET) {
            combine(box, other, what == 8 ? item / N_BOXES % 4 : 0);
        }
    }
}

/* A search that changes what is searched: whatever it says, what is left is whole. */
static void
search_and_change(struct input *input, struct box *box)
{
    unsigned item = next_atom(input);
    ouro_loan object = ouro_lend(box->object);
    size_t index = 0;

    has_changed = false;
    n_comparisons_to_change = (unsigned)next_below(input, 4);
    changing = box;
    ouro_status status = box->kind == LIST   ? ouro_list_find(object, atom(item), &index)
                         : box->kind == DICT ? ouro_dict_contains(object, atom(item))
                                             : ouro_set_contains(object, atom(item));
    REQUIRE(status >= 0, "%s", ouro_status_text(status));
    changing = NULL;
    box->n = has_changed ? 0 : box->n;
}

/* ---- inputs ---- */

static void
operate(struct input *input)
{
    unsigned what = next_byte(input);
    struct box *box = &boxes[next_below(input, N_BOXES)];

    if (what < 8) {
        make_box(box, (enum kind)(what % N_KINDS));
    } else if (what < 16) {
        check_box(box);
    } else if (what < 18) {
        (void)ouro_gc_collect(what % 3);
    } else if (what < 26) {
        search_and_change(input, box);
    } else if (box->kind == LIST) {
        on_list(input, box);
    } else if (box->kind == DICT) {
        on_dict(input, box);
    } else {
        on_set(input, box);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};

    keys_setup(NULL);
    if (atoms[0].object == NULL) {
        for (size_t i = 0; i < N_ATOMS; i++) {
            atoms[i].object = new_atom(i);
            REQUIRE(atoms[i].object != NULL, "no memory");
        }
    }
    key_on_equal = on_equal;
    for (size_t i = 0; i < N_BOXES; i++) {
        make_box(&boxes[i], (enum kind)(i % N_KINDS));
    }
    while (input.at < input.end) {
        operate(&input);
    }
    for (size_t i = 0; i < N_BOXES; i++) {
        check_box(&boxes[i]);
        ouro_clear(&boxes[i].object);
    }
    return 0;
}
