/* system.c - what reaches outside of the values: output, errors, generators, the collector. */
#include "lisp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- output and input ---- */

static ouro_status
put(ouro_loan value, bool is_readable)
{
    struct buffer buffer = {0};

    buffer_show(&buffer, value, is_readable);
    if (!buffer.failed) {
        fwrite(buffer.bytes, 1, buffer.n, stdout);
    }
    free(buffer.bytes);
    return buffer.failed ? fail_with(OURO_NO_MEMORY) : OURO_OK;
}

static ouro_status
do_display(ouro_loan const *a, size_t n, ouro_ref *result)
{
    ouro_status status = OURO_OK;
    (void)result;
    for (size_t i = 0; status == OURO_OK && i < n; i++) {
        status = put(a[i], false);
    }
    return status;
}

static ouro_status
do_write(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    (void)result;
    return put(a[0], true);
}

static ouro_status
do_newline(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)a;
    (void)n;
    (void)result;
    putchar('\n');
    return OURO_OK;
}

/* A line of standard input without its end; #<end> when there is none. */
static ouro_status
do_read_line(ouro_loan const *a, size_t n, ouro_ref *result)
{
    struct buffer buffer = {0};
    int c;

    (void)a;
    (void)n;
    fflush(stdout);
    while ((c = getchar()) != EOF && c != '\n') {
        char byte = (char)c;
        buffer_add(&buffer, &byte, 1);
    }
    if (c == EOF && buffer.n == 0) {
        *result = ouro_incref(ouro_lend(lisp.the_end));
        return OURO_OK;
    }
    buffer_add(&buffer, "", 1);
    ouro_ref line = buffer.failed ? NULL : ouro_str_new(buffer.bytes);
    free(buffer.bytes);
    return result_or_no_memory(line, result);
}

/* ---- running ---- */

/* Have the machine do something when this returns. */
static ouro_status
ask(enum request request, ouro_loan first, ouro_loan second)
{
    lisp.request = request;
    lisp.a[0] = ouro_incref(first);
    lisp.a[1] = second != NULL ? ouro_incref(second) : NULL;
    return OURO_OK;
}

/* (apply f a b '(c d)): (f a b c d) */
static ouro_status
do_apply(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)result;
    if (list_length(a[n - 1]) == SIZE_MAX) {
        return fail("apply: a list is needed", a[n - 1]);
    }
    OURO_SCOPED all = list_from(a + 1, n - 2, a[n - 1]);
    return all != NULL ? ask(REQUEST_APPLY, a[0], ouro_lend(all)) : fail_with(OURO_NO_MEMORY);
}

static ouro_status
do_eval(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    (void)result;
    return ask(REQUEST_EVAL, a[0], NULL);
}

static ouro_status
do_load(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    (void)result;
    if (!ouro_is_str(a[0])) {
        return fail("load: a text is needed", a[0]);
    }
    size_t n_bytes = ouro_str_encode(a[0], NULL, 0);
    char *path = malloc(n_bytes + 1);
    if (path == NULL) {
        return fail_with(OURO_NO_MEMORY);
    }
    ouro_str_encode(a[0], path, n_bytes + 1);
    ouro_status status = run_file(path);
    free(path);
    return status;
}

static ouro_status
do_exit(ouro_loan const *a, size_t n, ouro_ref *result)
{
    int64_t code = 0;
    (void)result;
    if (n != 0 && ouro_int_to_int64(a[0], &code) < 0) {
        return fail("exit: a number is needed", a[0]);
    }
    lisp.is_exiting = true;
    lisp.exit_code = (int)(code & 0xFF);
    return OURO_FAILED;
}

/* ---- errors ---- */

static ouro_status
do_handle(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    (void)result;
    return ask(REQUEST_HANDLE, a[0], a[1]);
}

static ouro_status
do_raise(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    (void)result;
    return raise_value(a[0]);
}

/* A text of all arguments: those that are no texts as they are written. */
static ouro_status
do_error(ouro_loan const *a, size_t n, ouro_ref *result)
{
    struct buffer buffer = {0};

    (void)result;
    for (size_t i = 0; i < n; i++) {
        buffer_add_c(&buffer, i != 0 ? " " : "");
        buffer_show(&buffer, a[i], i != 0);
    }
    OURO_SCOPED message = buffer_end(&buffer);
    return message != NULL ? raise_value(ouro_lend(message)) : fail_with(OURO_NO_MEMORY);
}

/* ---- generators ---- */

static ouro_status
do_make_generator(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    ouro_ref made = ouro_new(fiber_type);
    if (made != NULL) {
        ((struct fiber *)made)->start = ouro_incref(a[0]);
    }
    return result_or_no_memory(made, result);
}

static ouro_status
do_next(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    (void)result;
    return is_of(a[0], fiber_type) ? ask(REQUEST_NEXT, a[0], NULL)
                                   : fail("next: a generator is needed", a[0]);
}

static ouro_status
do_yield(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    (void)result;
    return ask(REQUEST_YIELD, a[0], NULL);
}

static ouro_status
do_is_end(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    *result = ouro_bool(a[0] == ouro_lend(lisp.the_end));
    return OURO_OK;
}

/* ---- the rest ---- */

static ouro_status
do_gensym(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)a;
    (void)n;
    return result_or_no_memory(symbol_unique(), result);
}

/* How many objects a full collection finds that hold only each other. */
static ouro_status
do_gc_collect(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)a;
    (void)n;
    return result_or_no_memory(ouro_int_new_unsigned(ouro_gc_collect(OURO_GENERATIONS - 1)), result);
}

static ouro_status
do_gc_enable(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)n;
    (void)result;
    if (is_true(a[0])) {
        ouro_gc_enable();
    } else {
        ouro_gc_disable();
    }
    return OURO_OK;
}

static int
count(ouro_loan object, void *context)
{
    (void)object;
    ++*(size_t *)context;
    return 0;
}

/* How many objects the collector looks at. */
static ouro_status
do_gc_objects(ouro_loan const *a, size_t n, ouro_ref *result)
{
    size_t n_objects = 0;
    (void)a;
    (void)n;
    ouro_gc_visit_objects(-1, count, &n_objects);
    return result_or_no_memory(ouro_int_new_unsigned(n_objects), result);
}

static ouro_status
do_clock(ouro_loan const *a, size_t n, ouro_ref *result)
{
    (void)a;
    (void)n;
    return result_or_no_memory(ouro_float_new((double)clock() / CLOCKS_PER_SEC), result);
}

const struct builtin system_builtins[] = {
    {"display", do_display, 1, SIZE_MAX},
    {"write", do_write, 1, 1},
    {"newline", do_newline, 0, 0},
    {"read-line", do_read_line, 0, 0},
    {"apply", do_apply, 2, SIZE_MAX},
    {"eval", do_eval, 1, 1},
    {"load", do_load, 1, 1},
    {"exit", do_exit, 0, 1},
    {"call-with-handler", do_handle, 2,
     2}, /* (call-with-handler (lambda (error) ...) (lambda () ...)) */
    {"raise", do_raise, 1, 1},
    {"error", do_error, 1, SIZE_MAX},
    {"make-generator", do_make_generator, 1, 1},
    {"next", do_next, 1, 1},
    {"yield", do_yield, 1, 1},
    {"end?", do_is_end, 1, 1},
    {"gensym", do_gensym, 0, 0},
    {"gc-collect", do_gc_collect, 0, 0},
    {"gc-enable", do_gc_enable, 1, 1},
    {"gc-objects", do_gc_objects, 0, 0},
    {"clock", do_clock, 0, 0},
    {0},
};
