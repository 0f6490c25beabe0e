/* nodes.h - objects to make graphs of: each has two references and a number, and what became of them is counted. */
#ifndef OURO_TESTS_NODES_H
#define OURO_TESTS_NODES_H

#include <ouro/ouro.h>

struct node {
    ouro_object head;
    ouro_ref left, right;
    uintptr_t number;
};

/* A tuple of any length. */
struct row {
    ouro_object head;
    size_t n;
    ouro_ref items[];
};

/* A leaf. */
struct leaf {
    ouro_object head;
    uint64_t value;
};

/* What the finalizer of `node_final` does next: NULL for nothing; counted either way. */
extern ouro_status (*node_on_finalize)(ouro_loan node);

/* Objects that have come to their end since the count was last set to 0; atomic. */
extern unsigned long nodes_dead, nodes_finalized;

/* Types, borrowed: a node, one with a finalizer, a row, a leaf. */
extern ouro_loan node_type, node_final_type, row_type, leaf_type;

/* Begin the object system and make the types; again at will.  For cmocka's set-up. */
int nodes_setup(void **state);

/* A new type, borrowed, which stays; the test ends when there is none. */
ouro_loan type_for_good(const ouro_type_spec *spec);

/* Where a node's references are, for types of the tests' own. */
extern const ouro_field node_fields[2];

/* New ones.  They never fail: the test ends. */
ouro_ref node_new(ouro_ref left_stolen, ouro_ref right_stolen);
ouro_ref node_new_final(ouro_ref left_stolen, ouro_ref right_stolen);
ouro_ref node_numbered(uintptr_t number);
ouro_ref row_new(size_t n);
ouro_ref leaf_new(uint64_t value);

/* One that holds itself, and another besides. */
ouro_ref ring_new(ouro_ref right_stolen);

/* A new weak reference, or one that is there.  Never fails, likewise. */
ouro_ref weak_to(ouro_loan object, ouro_weak_callback callback, ouro_loan context);

/* nodes_setup(), and no collection but those that are asked for, and nothing left over from the test before. */
int gc_setup(void **state);

/* The collector as it was before gc_setup(). */
int gc_teardown(void **state);

/* Let go of an object, and give back how many a full collection finds. */
size_t drop_and_collect(ouro_ref stolen);

/* The text, which is let go of, is this. */
void check_text(ouro_ref stolen, const char *utf8);

/* The object is shown so. */
void check_repr(ouro_loan object, const char *utf8);

static inline struct node *
node_of(ouro_loan object)
{
    return (struct node *)ouro_look(object);
}

#endif
