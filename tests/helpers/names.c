#include "names.h"

#include "require.h"

ouro_ref
text(const char *utf8)
{
    ouro_ref made = ouro_str_new(utf8);
    REQUIRE(made != NULL, "no memory for %s", utf8);
    return made;
}

ouro_ref
name_copy(unsigned number)
{
    ouro_ref made = ouro_str_format("a%u", number);
    REQUIRE(made != NULL, "no memory");
    return made;
}

ouro_loan
name_of(unsigned number)
{
    static ouro_ref names[MOST_NAMES];

    REQUIRE(number < MOST_NAMES, "no such name");
    if (names[number] == NULL) {
        ouro_ref made = name_copy(number);
        names[number] = ouro_str_intern(ouro_lend(made));
        REQUIRE(names[number] != NULL, "no memory");
        ouro_decref(made);
    }
    return ouro_lend(names[number]);
}

ouro_ref
class_new(const char *name, ouro_loan base, size_t n_slots, bool is_closed)
{
    ouro_loan slots[MOST_NAMES];
    ouro_ref type = NULL;

    for (size_t i = 0; i < n_slots; i++) {
        slots[i] = name_of((unsigned)i);
    }
    const ouro_class_spec spec = {
        .name = name, .base = base, .n_slots = n_slots, .slots = slots, .is_closed = is_closed};
    ouro_status status = ouro_class_create(&spec, &type);
    REQUIRE(status == OURO_OK, "no class %s: %s", name, ouro_status_text(status));
    return type;
}

ouro_ref
instance_new(ouro_loan type)
{
    ouro_ref made = ouro_new(type);
    REQUIRE(made != NULL, "no memory for a %s", ouro_type_name(type));
    return made;
}

void
attribute_set(ouro_loan instance, ouro_loan name, ouro_ref value)
{
    ouro_status status = ouro_instance_set(instance, name, ouro_lend(value));
    REQUIRE(status == OURO_OK, "an attribute is not set: %s", ouro_status_text(status));
    ouro_decref(value);
}

void
attributes_check(ouro_loan instance, ouro_loan dict)
{
    size_t at = 0, at_dict = 0;
    ouro_ref name = NULL, value = NULL, key = NULL, has = NULL;

    while (ouro_dict_next(dict, &at_dict, &key, &has)) {
        REQUIRE(ouro_instance_next(instance, &at, &name, &value), "an attribute is missing");
        REQUIRE(ouro_str_equal(ouro_lend(name), ouro_lend(key)), "another name comes next");
        REQUIRE(value == has, "another value");
        ouro_decref(name);
        ouro_decref(value);
        ouro_decref(key);
        ouro_decref(has);
    }
    REQUIRE(!ouro_instance_next(instance, &at, &name, &value), "one too many");
}

ouro_ref
function_new(ouro_function_body body, ouro_loan captured)
{
    ouro_ref name = text("f");
    ouro_ref made = ouro_function_new(ouro_lend(name), body, &captured, captured != NULL ? 1 : 0);
    REQUIRE(made != NULL, "no memory for a function");
    ouro_decref(name);
    return made;
}

ouro_status
do_nothing(ouro_loan function, ouro_loan const *arguments, size_t n, ouro_ref *result)
{
    (void)function;
    (void)arguments;
    (void)n;
    (void)result;
    return OURO_OK;
}
