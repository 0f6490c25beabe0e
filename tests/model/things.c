/* things.c - see things.h. */
#include "things.h"

#include "nodes.h"
#include "require.h"

ouro_loan thing_types[N_KINDS];

static int
traverse_hand(ouro_loan self, ouro_visitor visit, void *context)
{
    const struct thing *thing = thing_of(self);
    int result = 0;
    for (size_t i = 0; i < 2 && result == 0; i++) {
        result = thing->refs[i] != NULL ? visit((ouro_loan)thing->refs[i], context) : 0;
    }
    return result;
}

static void
clear_hand(ouro_loan self)
{
    ouro_clear(&thing_of(self)->refs[1]);
    ouro_clear(&thing_of(self)->refs[0]);
}

void
things_begin(void (*on_death)(ouro_loan thing), ouro_status (*on_end)(ouro_loan thing))
{
    static const ouro_field two[] = {OURO_FIELD(struct thing, refs[0]),
                                     OURO_FIELD(struct thing, refs[1])};
    static const ouro_field all = OURO_FIELD_ITEMS(struct thing, refs, n);
    ouro_type_spec pair = {.name = "pair",
                           .size = sizeof(struct thing) + sizeof(ouro_ref[2]),
                           .n_fields = 2,
                           .fields = two,
                           .dealloc = on_death};
    ouro_type_spec row = {.name = "row",
                          .size = sizeof(struct thing),
                          .item_size = sizeof(ouro_ref),
                          .n_fields = 1,
                          .fields = &all,
                          .dealloc = on_death};
    const ouro_type_spec hand = {.name = "hand",
                                 .size = pair.size,
                                 .traverse = traverse_hand,
                                 .clear = clear_hand,
                                 .dealloc = on_death};
    const ouro_type_spec leaf = {
        .name = "leaf", .size = sizeof(struct thing), .flags = OURO_TYPE_LEAF, .dealloc = on_death};

    thing_types[PAIR] = type_for_good(&pair);
    thing_types[ROW] = type_for_good(&row);
    thing_types[HAND] = type_for_good(&hand);
    thing_types[LEAF] = type_for_good(&leaf);
    pair.name = "final pair";
    pair.finalize = on_end;
    thing_types[FINAL_PAIR] = type_for_good(&pair);
    row.name = "final row";
    row.finalize = on_end;
    thing_types[FINAL_ROW] = type_for_good(&row);
}

static bool
is_row(enum kind kind)
{
    return kind == ROW || kind == FINAL_ROW;
}

struct thing *
thing_new(enum kind kind, size_t most_refs, struct test_random *random)
{
    size_t n = kind == LEAF ? 0 : is_row(kind) ? random_below(random, most_refs + 1) : 2;
    ouro_ref object = is_row(kind) ? ouro_new_items(thing_types[kind], n) : ouro_new(thing_types[kind]);
    REQUIRE(object != NULL, "no memory");
    struct thing *thing = (struct thing *)object;
    thing->n = n;
    return thing;
}
