#include "keys.h"

#include "require.h"

ouro_status (*key_on_equal)(ouro_loan a, ouro_loan b);
unsigned long keys_compared;

static ouro_loan key_type;

static ouro_status
hash_key(ouro_loan self, uint64_t *hash)
{
    *hash = ((struct key *)ouro_look(self))->hash;
    return OURO_OK;
}

static ouro_status
equal_key(ouro_loan self, ouro_loan other)
{
    if (!ouro_is_a(other, key_type) || !ouro_is_a(self, key_type)) {
        return OURO_NOT_EQUAL;
    }
    __atomic_fetch_add(&keys_compared, 1, __ATOMIC_RELAXED);
    uint64_t a = key_value(self), b = key_value(other);
    ouro_status status = key_on_equal != NULL ? key_on_equal(self, other) : OURO_OK;
    return status < 0 ? status : a == b ? OURO_FOUND : OURO_NOT_EQUAL;
}

int
keys_setup(void **state)
{
    nodes_setup(state);
    key_on_equal = NULL;
    keys_compared = 0;
    if (key_type == NULL) {
        const ouro_type_spec spec = {
            .name = "key",
            .size = sizeof(struct key),
            .flags = OURO_TYPE_LEAF,
            .hash = hash_key,
            .equal = equal_key,
        };
        key_type = type_for_good(&spec);
    }
    return 0;
}

int
keys_gc_setup(void **state)
{
    keys_setup(state);
    return gc_setup(state);
}

ouro_status
key_refuse(ouro_loan a, ouro_loan b)
{
    (void)a;
    (void)b;
    return OURO_FAILED;
}

ouro_ref
key_new(uint64_t value, uint64_t hash)
{
    ouro_ref key = ouro_new(key_type);
    REQUIRE(key != NULL, "no memory for a key");
    ((struct key *)key)->value = value;
    ((struct key *)key)->hash = hash;
    return key;
}
