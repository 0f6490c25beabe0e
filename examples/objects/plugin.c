/* plugin.c - a type that comes into a running program and goes again: the program knows of it what any object can be asked. */
#include <stdbool.h>
#include <stdio.h>

#include <ouro/ouro.h>

/* ---- the plug-in ---- */

struct money {
    ouro_object head;
    int64_t cents;
    ouro_ref currency;
};

static struct money *
money_of(ouro_loan object)
{
    return (struct money *)ouro_look(object);
}

static ouro_status
hash_money(ouro_loan self, uint64_t *hash)
{
    *hash = (uint64_t)money_of(self)->cents;
    return OURO_OK;
}

static ouro_status
equal_money(ouro_loan self, ouro_loan other)
{
    if (ouro_type_of(self) != ouro_type_of(other) || money_of(self)->cents != money_of(other)->cents) {
        return OURO_NOT_EQUAL;
    }
    return ouro_equal(ouro_lend(money_of(self)->currency), ouro_lend(money_of(other)->currency));
}

static ouro_ref
repr_money(ouro_loan self)
{
    const struct money *money = money_of(self);
    return ouro_str_format("%lld.%02lld %S", (long long)money->cents / 100,
                           (long long)money->cents % 100, money->currency);
}

static ouro_status
load_plugin(ouro_ref *type)
{
    static const ouro_field fields[] = {OURO_FIELD(struct money, currency)};
    const ouro_type_spec spec = {.name = "money",
                                 .size = sizeof(struct money),
                                 .n_fields = 1,
                                 .fields = fields,
                                 .hash = hash_money,
                                 .equal = equal_money,
                                 .repr = repr_money};
    return ouro_type_create(&spec, type);
}

static ouro_ref
make_money(ouro_loan type, int64_t cents)
{
    ouro_ref made = ouro_new(type);
    if (made != NULL) {
        money_of(ouro_lend(made))->cents = cents;
        money_of(ouro_lend(made))->currency = ouro_str_new("EUR");
    }
    return made;
}

/* ---- the program ---- */

static void
show(const char *what, ouro_loan object)
{
    OURO_SCOPED text = ouro_repr(object);
    const char *ascii = text != NULL ? ouro_str_ascii_borrow(ouro_lend(text)) : NULL;
    printf("%s: %s\n", what, ascii != NULL ? ascii : "?");
}

/* Three prices in a dict, by which they are found again. */
static bool
use_plugin(ouro_loan type)
{
    OURO_SCOPED prices = ouro_dict_new(), sought = make_money(type, 295), found = NULL;
    for (int64_t cents = 95; prices != NULL && cents < 400; cents += 100) {
        OURO_SCOPED price = make_money(type, cents);
        if (price == NULL || ouro_dict_set(ouro_lend(prices), ouro_lend(price), ouro_lend(price)) < 0) {
            return false;
        }
    }
    OURO_SCOPED all = prices != NULL ? ouro_dict_keys(ouro_lend(prices)) : NULL;
    if (all == NULL || sought == NULL ||
        ouro_dict_get(ouro_lend(prices), ouro_lend(sought), &found) != OURO_FOUND) {
        return false;
    }
    show("all", ouro_lend(all));
    show("found", ouro_lend(found));
    return true;
}

static void
show_whether_there(const char *when, ouro_loan weakref)
{
    OURO_SCOPED type = ouro_weakref_get(weakref);
    printf("%s: the type is %s\n", when, type != NULL ? "there" : "gone");
}

int
main(void)
{
    ouro_ref type = NULL, weakref = NULL;

    if (ouro_init(NULL) < 0 || load_plugin(&type) < 0 ||
        ouro_weakref_create(ouro_lend(type), NULL, NULL, &weakref) < 0 ||
        !use_plugin(ouro_lend(type))) {
        fprintf(stderr, "no memory\n");
        return 1;
    }
    ouro_ref last = make_money(ouro_lend(type), 5);
    ouro_decref(type);
    ouro_gc_collect(2);
    show_whether_there("one of its objects is left", ouro_lend(weakref));
    ouro_xdecref(last);
    ouro_gc_collect(2);
    show_whether_there("none is left", ouro_lend(weakref));
    ouro_decref(weakref);
    return 0;
}

/* prints:
all: [0.95 EUR, 1.95 EUR, 2.95 EUR, 3.95 EUR]
found: 2.95 EUR
one of its objects is left: the type is there
none is left: the type is gone
*/
