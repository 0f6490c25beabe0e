#include "nodes.h"

#include <string.h>

#include "require.h"

ouro_status (*node_on_finalize)(ouro_loan node);
unsigned long nodes_dead, nodes_finalized;
ouro_loan node_type, node_final_type, row_type, leaf_type;
const ouro_field node_fields[2] = {OURO_FIELD(struct node, left), OURO_FIELD(struct node, right)};

static void
count_dead(ouro_loan object)
{
    (void)object;
    __atomic_fetch_add(&nodes_dead, 1, __ATOMIC_RELAXED);
}

static ouro_status
finalize(ouro_loan object)
{
    __atomic_fetch_add(&nodes_finalized, 1, __ATOMIC_RELAXED);
    return node_on_finalize != NULL ? node_on_finalize(object) : OURO_OK;
}

ouro_loan
type_for_good(const ouro_type_spec *spec)
{
    ouro_ref type = NULL;
    REQUIRE(ouro_type_create(spec, &type) == OURO_OK, "no type %s", spec->name);
    return ouro_lend(type);
}

int
nodes_setup(void **state)
{
    static const ouro_field row_fields[] = {OURO_FIELD_ITEMS(struct row, items, n)};

    (void)state;
    REQUIRE(ouro_thread_is_attached() || ouro_init(NULL) == OURO_OK, "no memory to begin with");
    nodes_dead = nodes_finalized = 0;
    node_on_finalize = NULL;
    if (node_type == NULL) {
        ouro_type_spec spec = {.name = "node",
                               .size = sizeof(struct node),
                               .n_fields = 2,
                               .fields = node_fields,
                               .dealloc = count_dead};
        node_type = type_for_good(&spec);
        spec.name = "final node";
        spec.finalize = finalize;
        node_final_type = type_for_good(&spec);
        row_type = type_for_good(&(ouro_type_spec){.name = "row",
                                                   .size = sizeof(struct row),
                                                   .item_size = sizeof(ouro_ref),
                                                   .n_fields = 1,
                                                   .fields = row_fields,
                                                   .dealloc = count_dead});
        leaf_type = type_for_good(&(ouro_type_spec){.name = "leaf",
                                                    .size = sizeof(struct leaf),
                                                    .flags = OURO_TYPE_LEAF,
                                                    .dealloc = count_dead});
    }
    return 0;
}

static ouro_ref
make_node(ouro_loan type, ouro_ref left, ouro_ref right)
{
    ouro_ref object = ouro_new(type);
    REQUIRE(object != NULL, "no memory for a node");
    node_of(ouro_lend(object))->left = left;
    node_of(ouro_lend(object))->right = right;
    return object;
}

ouro_ref
node_new(ouro_ref left, ouro_ref right)
{
    return make_node(node_type, left, right);
}

ouro_ref
node_new_final(ouro_ref left, ouro_ref right)
{
    return make_node(node_final_type, left, right);
}

ouro_ref
node_numbered(uintptr_t number)
{
    ouro_ref node = node_new(NULL, NULL);
    node_of(ouro_lend(node))->number = number;
    return node;
}

ouro_ref
row_new(size_t n)
{
    ouro_ref object = ouro_new_items(row_type, n);
    REQUIRE(object != NULL, "no memory for a row of %zu", n);
    return object;
}

ouro_ref
leaf_new(uint64_t value)
{
    ouro_ref object = ouro_new(leaf_type);
    REQUIRE(object != NULL, "no memory for a leaf");
    ((struct leaf *)object)->value = value;
    return object;
}

ouro_ref
ring_new(ouro_ref right)
{
    ouro_ref ring = node_new(NULL, right);
    node_of(ouro_lend(ring))->left = ouro_incref(ouro_lend(ring));
    return ring;
}

ouro_ref
weak_to(ouro_loan object, ouro_weak_callback callback, ouro_loan context)
{
    ouro_ref weakref = NULL;
    REQUIRE(ouro_weakref_create(object, callback, context, &weakref) == OURO_OK, "no memory");
    return weakref;
}

/* ---- the collector ---- */

static uint32_t thresholds[OURO_GENERATIONS];

int
gc_setup(void **state)
{
    int result = nodes_setup(state);
    ouro_gc_get_threshold(thresholds);
    ouro_gc_disable();
    ouro_gc_collect(OURO_GENERATIONS - 1);
    nodes_dead = nodes_finalized = 0;
    return result;
}

int
gc_teardown(void **state)
{
    (void)state;
    ouro_gc_set_threshold(thresholds);
    ouro_gc_set_debug(0);
    ouro_gc_unfreeze();
    ouro_gc_enable();
    return 0;
}

size_t
drop_and_collect(ouro_ref object)
{
    ouro_decref(object);
    return ouro_gc_collect(OURO_GENERATIONS - 1);
}

void
check_text(ouro_ref text, const char *utf8)
{
    char found[4096];
    bool is_ascii = true;
    for (const char *each = utf8; *each != 0; each++) {
        is_ascii &= (unsigned char)*each < 0x80;
    }
    REQUIRE(text != NULL, "no text, \"%s\" is expected", utf8);
    size_t n = ouro_str_encode(ouro_lend(text), found, sizeof found);
    REQUIRE(n < sizeof found && n == strlen(utf8) && strcmp(found, utf8) == 0, "\"%s\", not \"%s\"",
            found, utf8);
    REQUIRE((ouro_str_ascii_borrow(ouro_lend(text)) != NULL) == is_ascii, "\"%s\" is ASCII, or not",
            utf8);
    ouro_decref(text);
}

void
check_repr(ouro_loan object, const char *utf8)
{
    check_text(ouro_repr(object), utf8);
}
