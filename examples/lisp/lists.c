/* lists.c - pairs, vectors, dicts: what they are made of, and what can be asked of them. */
#include "lisp.h"

static ouro_status
answer(bool value, ouro_ref *result)
{
    *result = ouro_bool(value);
    return OURO_OK;
}

static ouro_status
give(ouro_loan value, ouro_ref *result)
{
    *result = ouro_incref(value);
    return OURO_OK;
}

/* A whole number from 0 to `most`. */
static ouro_status
to_index(ouro_loan value, size_t most, size_t *index)
{
    uint64_t number = 0;
    if (ouro_int_to_uint64(value, &number) < 0 || number > most) {
        return fail("this is no index", value);
    }
    *index = (size_t)number;
    return OURO_OK;
}

/* ---- what is it? ---- */

static ouro_status
do_is_eq(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n; /* small integers are the same objects, larger ones need not be */
    bool is_same =
        a[0] == a[1] || (ouro_is_int(a[0]) && ouro_is_int(a[1]) && ouro_int_compare(a[0], a[1]) == 0);
    return answer(is_same, result);
}

static ouro_status
do_is_equal(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    ouro_status status = values_equal(a[0], a[1]);
    return status < 0 ? status : answer(status == OURO_FOUND, result);
}

static ouro_status
do_not(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return answer(!is_true(a[0]), result);
}

static ouro_status
do_is_pair(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return answer(is_pair(a[0]), result);
}

static ouro_status
do_is_null(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return answer(is_nil(a[0]), result);
}

static ouro_status
do_is_symbol(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    bool is_symbol = is_of(a[0], symbol_type) && a[0] != ouro_lend(lisp.the_end) &&
                     a[0] != ouro_lend(lisp.unspecified);
    return answer(is_symbol, result);
}

static ouro_status
do_is_boolean(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return answer(is_of(a[0], ouro_bool_type()), result);
}

static ouro_status
do_is_function(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return answer(is_of(a[0], closure_type) || is_of(a[0], primitive_type), result);
}

static ouro_status
do_is_vector(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return answer(is_of(a[0], ouro_list_type()), result);
}

static ouro_status
do_is_dict(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return answer(is_of(a[0], ouro_dict_type()), result);
}

/* ---- pairs ---- */

static ouro_status
do_cons(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return result_or_no_memory(cons(a[0], a[1]), result);
}

static ouro_status
do_car(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return is_pair(a[0]) ? give(car(a[0]), result) : fail("car: a pair is needed", a[0]);
}

static ouro_status
do_cdr(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return is_pair(a[0]) ? give(cdr(a[0]), result) : fail("cdr: a pair is needed", a[0]);
}

static ouro_status
do_set_car(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    (void)result;
    if (!is_pair(a[0])) {
        return fail("set-car!: a pair is needed", a[0]);
    }
    ouro_assign(&pair_of(a[0])->car, ouro_incref(a[1]));
    return OURO_OK;
}

static ouro_status
do_set_cdr(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    (void)result;
    if (!is_pair(a[0])) {
        return fail("set-cdr!: a pair is needed", a[0]);
    }
    ouro_assign(&pair_of(a[0])->cdr, ouro_incref(a[1]));
    return OURO_OK;
}

static ouro_status
do_list(ouro_loan const *a, size_t n, ouro_ref *result)
{
    return result_or_no_memory(list_from(a, n, ouro_lend(ouro_none())), result);
}

static ouro_status
do_length(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    size_t length = list_length(a[0]);
    return length == SIZE_MAX ? fail("length: a list is needed", a[0])
                              : result_or_no_memory(ouro_int_new_unsigned(length), result);
}

/* The items of a list before another one, as new pairs, or the other way round. */
static ouro_status
copy_before(ouro_loan list, ouro_loan rest, ouro_ref *result)
{
    ouro_ref copy = ouro_incref(rest), last = NULL;

    if (list_length(list) == SIZE_MAX) {
        ouro_decref(copy);
        return fail("a list is needed", list);
    }
    for (; is_pair(list); list = cdr(list)) {
        ouro_ref pair = cons(car(list), rest);
        if (pair == NULL) {
            ouro_decref(copy);
            return fail_with(OURO_NO_MEMORY);
        }
        ouro_assign(last == NULL ? &copy : &pair_of(ouro_lend(last))->cdr, pair);
        last = pair;
    }
    *result = copy;
    return OURO_OK;
}

static ouro_status
do_append(ouro_loan const *a, size_t n, ouro_ref *result)
{
    ouro_ref list = n != 0 ? ouro_incref(a[n - 1]) : ouro_none();
    ouro_status status = OURO_OK;

    for (size_t i = n; status == OURO_OK && i > 1; i--) {
        ouro_ref longer = NULL;
        status = copy_before(a[i - 2], ouro_lend(list), &longer);
        if (status == OURO_OK) {
            ouro_assign(&list, longer);
        }
    }
    if (status < 0) {
        ouro_decref(list);
        return status;
    }
    *result = list;
    return OURO_OK;
}

static ouro_status
do_reverse(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    if (list_length(a[0]) == SIZE_MAX) {
        return fail("reverse: a list is needed", a[0]);
    }
    ouro_ref list = ouro_none();
    for (ouro_loan at = a[0]; is_pair(at) && list != NULL; at = cdr(at)) {
        list = cons_steal(ouro_incref(car(at)), list);
    }
    return result_or_no_memory(list, result);
}

/* The first pair whose item, or whose item's car, equals; or #f. */
static ouro_status
search(ouro_loan item, ouro_loan list, bool is_assoc, ouro_ref *result)
{
    if (list_length(list) == SIZE_MAX) {
        return fail("a list is needed", list);
    }
    for (; is_pair(list); list = cdr(list)) {
        ouro_loan here = car(list);
        if (is_assoc && !is_pair(here)) {
            return fail("assoc: a pair is needed", here);
        }
        ouro_status status = values_equal(is_assoc ? car(here) : here, item);
        if (status != OURO_OK) {
            return status < 0 ? status : give(is_assoc ? here : list, result);
        }
    }
    return answer(false, result);
}

static ouro_status
do_member(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return search(a[0], a[1], false, result);
}

static ouro_status
do_assoc(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    return search(a[0], a[1], true, result);
}

/* ---- vectors, which are Ouro's lists ---- */

static ouro_status
need_vector(ouro_loan value)
{
    return is_of(value, ouro_list_type()) ? OURO_OK : fail("a vector is needed", value);
}

static ouro_status
do_vector(ouro_loan const *a, size_t n, ouro_ref *result)
{
    ouro_ref vector = ouro_list_new(n);
    for (size_t i = 0; vector != NULL && i < n; i++) {
        if (ouro_list_append(ouro_lend(vector), a[i]) < 0) {
            ouro_clear(&vector);
        }
    }
    return result_or_no_memory(vector, result);
}

static ouro_status
do_make_vector(ouro_loan const *a, size_t n, ouro_ref *result)
{
    size_t length = 0;
    ouro_status status = to_index(a[0], SIZE_MAX / 64, &length);
    if (status < 0) {
        return status;
    }
    ouro_ref vector = ouro_list_new(length);
    for (size_t i = 0; vector != NULL && i < length; i++) {
        if (ouro_list_append(ouro_lend(vector), n > 1 ? a[1] : ouro_lend(ouro_bool(false))) < 0) {
            ouro_clear(&vector);
        }
    }
    return result_or_no_memory(vector, result);
}

static ouro_status
do_vector_ref(ouro_loan const *a, size_t n, ouro_ref *result)
{
    size_t index = 0;
    (void)n;
    ouro_status status = need_vector(a[0]);
    if (status == OURO_OK) {
        status = to_index(a[1], SIZE_MAX - 1, &index);
    }
    if (status < 0) {
        return status;
    }
    ouro_ref item = ouro_list_get(a[0], index);
    if (item == NULL) {
        return fail("vector-ref: nothing is there", a[1]);
    }
    *result = item;
    return OURO_OK;
}

static ouro_status
do_vector_set(ouro_loan const *a, size_t n, ouro_ref *result)
{
    size_t index = 0;
    (void)n;
    (void)result;
    ouro_status status = need_vector(a[0]);
    if (status == OURO_OK) {
        status = to_index(a[1], SIZE_MAX - 1, &index);
    }
    if (status == OURO_OK) {
        status = ouro_list_set(a[0], index, a[2]);
    }
    return status == OURO_WRONG_VALUE ? fail("vector-set!: nothing is there", a[1]) : status;
}

static ouro_status
do_vector_push(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    (void)result;
    ouro_status status = need_vector(a[0]);
    return status == OURO_OK ? fail_with(ouro_list_append(a[0], a[1])) : status;
}

static ouro_status
do_vector_length(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    ouro_status status = need_vector(a[0]);
    return status == OURO_OK
               ? result_or_no_memory(ouro_int_new_unsigned(ouro_list_length(a[0])), result)
               : status;
}

/* A list of a vector's items. */
static ouro_status
list_of_vector(ouro_loan vector, ouro_ref *result)
{
    ouro_ref list = ouro_none();
    for (size_t i = ouro_list_length(vector); i-- != 0 && list != NULL;) {
        list = cons_steal(ouro_list_get(vector, i), list);
    }
    return result_or_no_memory(list, result);
}

static ouro_status
do_vector_to_list(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    ouro_status status = need_vector(a[0]);
    return status == OURO_OK ? list_of_vector(a[0], result) : status;
}

static ouro_status
do_list_to_vector(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    if (list_length(a[0]) == SIZE_MAX) {
        return fail("list->vector: a list is needed", a[0]);
    }
    ouro_ref vector = ouro_list_new(list_length(a[0]));
    for (ouro_loan at = a[0]; vector != NULL && is_pair(at); at = cdr(at)) {
        if (ouro_list_append(ouro_lend(vector), car(at)) < 0) {
            ouro_clear(&vector);
        }
    }
    return result_or_no_memory(vector, result);
}

/* ---- dicts ---- */

static ouro_status
need_dict(ouro_loan value)
{
    return is_of(value, ouro_dict_type()) ? OURO_OK : fail("a dict is needed", value);
}

/* What looking a key up came to. */
static ouro_status
looked_up(ouro_status status, ouro_loan key)
{
    return status == OURO_UNHASHABLE ? fail("this cannot be a key", key) : fail_with(status);
}

static ouro_status
do_dict(ouro_loan const *a, size_t n, ouro_ref *result)
{
    ouro_ref dict = ouro_dict_new();
    ouro_status status = dict == NULL ? fail_with(OURO_NO_MEMORY) : OURO_OK;

    if (status == OURO_OK && n % 2 != 0) {
        status = fail("dict: a key without a value", a[n - 1]);
    }
    for (size_t i = 0; status == OURO_OK && i < n; i += 2) {
        status = looked_up(ouro_dict_set(ouro_lend(dict), a[i], a[i + 1]), a[i]);
    }
    if (status < 0) {
        ouro_xdecref(dict);
        return status;
    }
    *result = dict;
    return OURO_OK;
}

static ouro_status
do_dict_ref(ouro_loan const *a, size_t n, ouro_ref *result)
{
    ouro_status status = need_dict(a[0]);
    if (status == OURO_OK) {
        status = looked_up(ouro_dict_get(a[0], a[1], result), a[1]);
    }
    if (status == OURO_OK) {
        return n > 2 ? give(a[2], result) : fail("dict-ref: there is no such key", a[1]);
    }
    return status < 0 ? status : OURO_OK;
}

static ouro_status
do_dict_set(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    (void)result;
    ouro_status status = need_dict(a[0]);
    return status == OURO_OK ? looked_up(ouro_dict_set(a[0], a[1], a[2]), a[1]) : status;
}

static ouro_status
do_dict_delete(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    ouro_status status = need_dict(a[0]);
    if (status == OURO_OK) {
        status = looked_up(ouro_dict_delete(a[0], a[1]), a[1]);
    }
    return status < 0 ? status : answer(status == OURO_FOUND, result);
}

static ouro_status
do_dict_has(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    ouro_status status = need_dict(a[0]);
    if (status == OURO_OK) {
        status = looked_up(ouro_dict_contains(a[0], a[1]), a[1]);
    }
    return status < 0 ? status : answer(status == OURO_FOUND, result);
}

static ouro_status
do_dict_length(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    ouro_status status = need_dict(a[0]);
    return status == OURO_OK
               ? result_or_no_memory(ouro_int_new_unsigned(ouro_dict_length(a[0])), result)
               : status;
}

static ouro_status
do_dict_keys(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    ouro_status status = need_dict(a[0]);
    if (status < 0) {
        return status;
    }
    ouro_ref keys = ouro_dict_keys(a[0]);
    if (keys == NULL) {
        return fail_with(OURO_NO_MEMORY);
    }
    status = list_of_vector(ouro_lend(keys), result);
    ouro_decref(keys);
    return status;
}

const struct builtin list_builtins[] = {
    {"eq?", do_is_eq, 2, 2},
    {"equal?", do_is_equal, 2, 2},
    {"not", do_not, 1, 1},
    {"pair?", do_is_pair, 1, 1},
    {"null?", do_is_null, 1, 1},
    {"symbol?", do_is_symbol, 1, 1},
    {"boolean?", do_is_boolean, 1, 1},
    {"function?", do_is_function, 1, 1},
    {"vector?", do_is_vector, 1, 1},
    {"dict?", do_is_dict, 1, 1},
    {"cons", do_cons, 2, 2},
    {"car", do_car, 1, 1},
    {"cdr", do_cdr, 1, 1},
    {"set-car!", do_set_car, 2, 2},
    {"set-cdr!", do_set_cdr, 2, 2},
    {"list", do_list, 0, SIZE_MAX},
    {"length", do_length, 1, 1},
    {"append", do_append, 0, SIZE_MAX},
    {"reverse", do_reverse, 1, 1},
    {"member", do_member, 2, 2},
    {"assoc", do_assoc, 2, 2},
    {"vector", do_vector, 0, SIZE_MAX},
    {"make-vector", do_make_vector, 1, 2},
    {"vector-ref", do_vector_ref, 2, 2},
    {"vector-set!", do_vector_set, 3, 3},
    {"vector-push!", do_vector_push, 2, 2},
    {"vector-length", do_vector_length, 1, 1},
    {"vector->list", do_vector_to_list, 1, 1},
    {"list->vector", do_list_to_vector, 1, 1},
    {"dict", do_dict, 0, SIZE_MAX},
    {"dict-ref", do_dict_ref, 2, 3},
    {"dict-set!", do_dict_set, 3, 3},
    {"dict-delete!", do_dict_delete, 2, 2},
    {"dict-has?", do_dict_has, 2, 2},
    {"dict-length", do_dict_length, 1, 1},
    {"dict-keys", do_dict_keys, 1, 1},
    {0},
};
