/* graphs.c - a fuzzer's bytes as a graph of objects that changes: references, roots, weak references, finalizers that bring
 * back, drop and collect; beside a table that knows who refers to whom.
 *
 * After each full collection what is alive is what the table says can be reached; at any time counts are what it says. */
#include <string.h>

#include <ouro/ouro.h>

#include "input.h"
#include "require.h"

#define N_NODES 48
#define N_REFS 3
#define N_WEAK 24
#define NOBODY (-1)

struct node {
    ouro_object head;
    ouro_ref refs[N_REFS];
    int id;
};

/* What a finalizer does: chosen when its node is made. */
enum habit { PLAIN, WATCHED, COMES_BACK, DROPS_ROOT, COLLECTS, MAKES_WEAK, FAILS, N_HABITS };

static struct {
    ouro_object *object; /* NULL: no node has the number */
    enum habit habit;
    unsigned n_held; /* references of the test's own */
    int refs[N_REFS];
    bool was_finalized, is_reached;
} nodes[N_NODES];

static struct {
    ouro_ref weakref;
    bool is_own; /* with a callback, which is to be called once */
    unsigned n_calls;
} weaks[N_WEAK];

static ouro_loan plain_type, final_type, leaf_type;

/* ---- the graph ---- */

static struct node *
node_at(int id)
{
    return (struct node *)nodes[id].object;
}

static void
hold(int id)
{
    nodes[id].n_held++;
    (void)ouro_incref((ouro_loan)nodes[id].object);
}

static void
drop(int id)
{
    ouro_object *object = nodes[id].object;
    nodes[id].n_held--;
    ouro_decref(object);
}

static void
link_nodes(int from, size_t place, int to)
{
    ouro_ref ref = to == NOBODY ? NULL : ouro_incref((ouro_loan)nodes[to].object);
    nodes[from].refs[place] = to;
    ouro_assign(&node_at(from)->refs[place], ref);
}

static int
some_node(struct input *input)
{
    int id = (int)next_below(input, N_NODES);
    for (int i = 0; i < N_NODES; i++, id = (id + 1) % N_NODES) {
        if (nodes[id].object != NULL && nodes[id].n_held != 0) {
            return id;
        }
    }
    return NOBODY;
}

static void
make_node(struct input *input)
{
    int id = 0;
    enum habit habit = (enum habit)next_below(input, N_HABITS);

    while (id < N_NODES && nodes[id].object != NULL) {
        id++;
    }
    if (id == N_NODES) {
        return;
    }
    ouro_ref object = ouro_new(habit == PLAIN ? plain_type : final_type);
    REQUIRE(object != NULL, "no memory");
    ((struct node *)object)->id = id;
    memset(&nodes[id], 0, sizeof nodes[id]);
    nodes[id].object = object;
    nodes[id].habit = habit;
    nodes[id].n_held = 1;
    for (size_t i = 0; i < N_REFS; i++) {
        nodes[id].refs[i] = NOBODY;
    }
}

/* ---- what the objects do ---- */

static ouro_status
finalize(ouro_loan self)
{
    int id = ((struct node *)ouro_look(self))->id;
    int other = (id * 7 + 3) % N_NODES;

    REQUIRE(nodes[id].object == ouro_look(self), "the finalizer of a node that is gone");
    REQUIRE(!nodes[id].was_finalized, "finalized twice");
    REQUIRE(ouro_is_finalized(self), "it does not say so");
    nodes[id].was_finalized = true;
    switch (nodes[id].habit) {
    case COMES_BACK:
        hold(id);
        break;
    case DROPS_ROOT:
        if (nodes[other].object != NULL && nodes[other].n_held != 0 && other != id) {
            drop(other);
        }
        break;
    case COLLECTS:
        (void)ouro_gc_collect((unsigned)id % 4);
        break;
    case MAKES_WEAK: {
        ouro_ref weakref = NULL;
        REQUIRE(ouro_weakref_create(self, NULL, NULL, &weakref) == OURO_OK, "no memory");
        ouro_decref(weakref);
        break;
    }
    default:
        break;
    }
    return nodes[id].habit == FAILS ? OURO_FAILED : OURO_OK;
}

static void
dealloc(ouro_loan self)
{
    int id = ((struct node *)ouro_look(self))->id;
    REQUIRE(nodes[id].object == ouro_look(self), "the end of a node that has ended");
    REQUIRE(nodes[id].n_held == 0, "the end of a node that is held %u times", nodes[id].n_held);
    REQUIRE(nodes[id].habit == PLAIN || nodes[id].was_finalized, "it was not finalized");
    nodes[id].object = NULL;
}

static ouro_status
on_death(ouro_loan weakref, ouro_loan context)
{
    size_t place = (size_t)((struct node *)ouro_look(context))->id;
    REQUIRE(weaks[place].weakref == ouro_look(weakref),
            "the callback of a weak reference that is gone");
    REQUIRE(weaks[place].n_calls++ == 0, "called twice");
    REQUIRE(ouro_weakref_get(weakref) == NULL, "it does not forget before it is called");
    return OURO_OK;
}

static void
expect_failure(ouro_status status, const char *where, ouro_loan object, void *context)
{
    (void)where;
    (void)object;
    (void)context;
    REQUIRE(status == OURO_FAILED, "%s", ouro_status_text(status));
}

/* ---- weak references ---- */

static void
make_weak(struct input *input)
{
    size_t place = next_below(input, N_WEAK);
    int id = some_node(input);
    bool is_own = next_byte(input) & 1;

    if (id == NOBODY) {
        return;
    }
    ouro_ref before = weaks[place].weakref, context = NULL;
    weaks[place].weakref = NULL;
    ouro_xdecref(before); /* runs nothing: a weak reference that goes is not called */
    if (is_own) {
        context = ouro_new(leaf_type);
        REQUIRE(context != NULL, "no memory");
        ((struct node *)context)->id = (int)place;
    }
    hold(id); /* a collection on the way may drop it */
    ouro_ref weakref = NULL;
    REQUIRE(ouro_weakref_create((ouro_loan)nodes[id].object, is_own ? on_death : NULL,
                                (ouro_loan)context, &weakref) == OURO_OK,
            "no memory");
    ouro_xdecref(context);
    weaks[place].weakref = weakref;
    weaks[place].is_own = is_own;
    weaks[place].n_calls = 0;
    drop(id);
}

/* A weak reference gives its object as long as that is alive, and is called when it no longer is. */
static void
check_weak(size_t place)
{
    if (weaks[place].weakref == NULL) {
        return;
    }
    ouro_ref object = ouro_weakref_get((ouro_loan)weaks[place].weakref);
    if (object != NULL) {
        REQUIRE(weaks[place].n_calls == 0, "called, and it is alive");
        REQUIRE(nodes[((struct node *)object)->id].object == object,
                "a weak reference to what is gone");
        ouro_decref(object);
    } else if (weaks[place].is_own) {
        REQUIRE(weaks[place].n_calls == 1, "it was not called");
    }
}

/* ---- checks ---- */

static void
reach(int id)
{
    int waiting[N_NODES * N_REFS + 1], n = 0;
    for (waiting[n++] = id; n != 0;) {
        int each = waiting[--n];
        if (each == NOBODY || nodes[each].is_reached) {
            continue;
        }
        nodes[each].is_reached = true;
        for (size_t i = 0; i < N_REFS; i++) {
            waiting[n++] = nodes[each].refs[i];
        }
    }
}

static void
check_counts(void)
{
    unsigned counts[N_NODES];
    for (int id = 0; id < N_NODES; id++) {
        counts[id] = nodes[id].n_held;
        nodes[id].is_reached = false;
    }
    for (int id = 0; id < N_NODES; id++) {
        for (size_t i = 0; nodes[id].object != NULL && i < N_REFS; i++) {
            int to = nodes[id].refs[i];
            REQUIRE((to == NOBODY ? NULL : nodes[to].object) == node_at(id)->refs[i],
                    "another reference");
            if (to != NOBODY) {
                counts[to]++;
            }
        }
        if (nodes[id].object != NULL && nodes[id].n_held != 0) {
            reach(id);
        }
    }
    for (int id = 0; id < N_NODES; id++) {
        REQUIRE(!nodes[id].is_reached || nodes[id].object != NULL, "a reachable node has ended");
        if (nodes[id].object != NULL) {
            uint32_t n = ouro_refcount((ouro_loan)nodes[id].object);
            REQUIRE(n == counts[id], "%u references, not %u", n, counts[id]);
        }
    }
}

/* Until nothing is found that a finalizer has made unreachable, or brought back and let go of since. */
static void
collect_all(void)
{
    while (ouro_gc_collect(OURO_GENERATIONS - 1) != 0) {
    }
    check_counts();
    for (int id = 0; id < N_NODES; id++) {
        REQUIRE(nodes[id].object == NULL || nodes[id].is_reached, "trash is alive");
    }
    for (size_t i = 0; i < N_WEAK; i++) {
        check_weak(i);
    }
}

/* ---- operations ---- */

static void
operate(struct input *input)
{
    unsigned what = next_byte(input);
    int a, b;

    if (what < 60) {
        make_node(input);
    } else if (what < 150) {
        a = some_node(input);
        b = next_byte(input) % 5 == 0 ? NOBODY : some_node(input);
        if (a != NOBODY) {
            link_nodes(a, next_below(input, N_REFS), b);
        }
    } else if (what < 200) {
        a = some_node(input);
        if (a != NOBODY) {
            drop(a);
        }
    } else if (what < 210) {
        a = some_node(input);
        if (a != NOBODY) {
            hold(a);
        }
    } else if (what < 230) {
        make_weak(input);
    } else if (what < 236) {
        size_t place = next_below(input, N_WEAK);
        ouro_ref weakref = weaks[place].weakref;
        weaks[place].weakref = NULL;
        ouro_xdecref(weakref);
    } else if (what < 244) {
        (void)ouro_gc_collect(what % 2);
    } else if (what < 248) {
        collect_all();
    } else if (what < 250) {
        ouro_gc_freeze();
        ouro_gc_unfreeze();
    } else {
        check_counts();
    }
}

static ouro_loan
make_type(const ouro_type_spec *spec)
{
    ouro_ref type = NULL;
    REQUIRE(ouro_type_create(spec, &type) == OURO_OK, "no type %s", spec->name);
    return ouro_lend(type); /* for good */
}

static void
begin(void)
{
    static const ouro_field fields[] = {OURO_FIELD(struct node, refs[0]),
                                        OURO_FIELD(struct node, refs[1]),
                                        OURO_FIELD(struct node, refs[2])};
    ouro_type_spec spec = {.name = "node",
                           .size = sizeof(struct node),
                           .n_fields = N_REFS,
                           .fields = fields,
                           .dealloc = dealloc};
    REQUIRE(ouro_init(NULL) == OURO_OK, "no memory to begin with");
    plain_type = make_type(&spec);
    spec.finalize = finalize;
    final_type = make_type(&spec);
    leaf_type = make_type(
        &(ouro_type_spec){.name = "leaf", .size = sizeof(struct node), .flags = OURO_TYPE_LEAF});
    ouro_set_unraisable_hook(expect_failure, NULL);
}

static bool
is_any_left(void)
{
    for (int id = 0; id < N_NODES; id++) {
        if (nodes[id].object != NULL) {
            return true;
        }
    }
    return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    if (plain_type == NULL) {
        begin();
    }
    uint32_t most =
        next_byte(&input) % 8 == 0 ? 1 : 2000; /* a collection at every allocation, or none */
    ouro_gc_set_threshold((const uint32_t[]){most, 3, 3});
    while (input.at < input.end) {
        operate(&input);
    }
    collect_all();
    for (size_t i = 0; i < N_WEAK; i++) {
        ouro_clear(&weaks[i].weakref);
    }
    /* Each comes back once, and may hold another that does so when it goes. */
    for (int round = 0; round <= N_NODES && is_any_left(); round++) {
        for (int id = 0; id < N_NODES; id++) {
            while (nodes[id].object != NULL && nodes[id].n_held != 0) {
                drop(id);
            }
        }
        collect_all();
    }
    for (int id = 0; id < N_NODES; id++) {
        REQUIRE(nodes[id].object == NULL, "a node is left");
    }
    return 0;
}
