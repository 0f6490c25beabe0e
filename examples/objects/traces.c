/* traces.c - a small runtime whose programs can see where their memory comes from: it tells where its threads are by two
 * functions, and gets the top lines, who called them, and what grew.
 *
 * The program that it runs is a list of instructions, each on a line of its own. */
#include <stdio.h>

#include <ouro/ouro.h>

/* ---- the runtime ---- */

enum action { MAKE_LIST, FILL_LIST, CALL, RETURN };

struct instruction {
    unsigned line;
    enum action action;
    int argument; /* how many numbers, or which function */
};

struct function {
    const char *name;
    unsigned first_line;
    const struct instruction *code;
};

static const struct instruction cache_code[] = {
    {11, MAKE_LIST, 0}, {12, FILL_LIST, 3000}, {13, RETURN, 0}};
static const struct instruction load_code[] = {{21, CALL, 0}, {22, CALL, 0}, {23, RETURN, 0}};
static const struct instruction main_code[] = {
    {31, MAKE_LIST, 0}, {32, FILL_LIST, 500}, {33, CALL, 1}, {34, RETURN, 0}};

static const struct function functions[] = {
    {"cache", 10, cache_code}, {"load", 20, load_code}, {"main", 30, main_code}};

/* A thread of the runtime is where its program's calls are. */
struct call {
    const struct function *function;
    const struct instruction *at;
};

static _Thread_local struct call calls[100];
static _Thread_local size_t n_calls;

static ouro_ref kept; /* all that programs make */

static ouro_ref
last_list(void)
{
    size_t n = ouro_list_length(ouro_lend(kept));
    return n == 0 ? NULL : ouro_list_get(ouro_lend(kept), n - 1);
}

/* Do one instruction of the innermost call; a status. */
static ouro_status
step(void)
{
    struct call *call = &calls[n_calls - 1];
    const struct instruction *now = call->at;
    ouro_status status = OURO_OK;

    if (now->action == MAKE_LIST) {
        status = ouro_list_append_steal(ouro_lend(kept), ouro_list_new(0));
    } else if (now->action == FILL_LIST) {
        ouro_ref list = last_list();
        for (int i = 0; list != NULL && status == OURO_OK && i < now->argument; i++) {
            ouro_ref number = ouro_int_new(1000000 + i);
            status = number == NULL ? OURO_NO_MEMORY : ouro_list_append_steal(ouro_lend(list), number);
        }
        ouro_xdecref(list);
    } else if (now->action == CALL) {
        const struct function *called = &functions[now->argument];
        calls[n_calls++] = (struct call){called, called->code};
        return OURO_OK;
    } else if (--n_calls == 0) {
        return OURO_OK;
    } else {
        call = &calls[n_calls - 1]; /* which called this one, and goes on behind it */
    }
    call->at++;
    return status;
}

static ouro_status
run(const struct function *function)
{
    ouro_status status = OURO_OK;
    calls[n_calls++] = (struct call){function, function->code};
    while (status == OURO_OK && n_calls > 0) {
        status = step();
    }
    return status;
}

/* ---- what it tells of its calls: called inside allocations, so it only looks ---- */

static size_t
walk(ouro_frame *frames, size_t most, void *context)
{
    (void)context;
    size_t n = 0;
    while (n < most && n < n_calls) {
        const struct call *call = &calls[n_calls - 1 - n];
        frames[n++] = (ouro_frame){call->function, call->at->line};
    }
    return n;
}

static bool
read_code(const void *code, ouro_code *known, void *context)
{
    const struct function *function = code;
    (void)context;
    *known = (ouro_code){"small.prog", function->name, function->first_line};
    return true;
}

static const ouro_frame_source source = {.walk = walk, .read_code = read_code, .codes_last = true};

/* ---- what is seen ---- */

static void
print_rows(const char *title, const ouro_statistics *statistics)
{
    static const ouro_place nowhere = {"(no frame)", "", 0};
    printf("%s\n", title);
    for (size_t i = 0; i < statistics->n; i++) {
        const ouro_statistic *row = &statistics->rows[i];
        const ouro_place *place = row->n_places > 0 ? &row->places[0] : &nowhere;
        char line[16] = "";
        if (place->line != 0) {
            (void)snprintf(line, sizeof line, ":%u", place->line);
        }
        printf("%8llu bytes in %4llu blocks  %s%s%s%s\n", (unsigned long long)row->sum.bytes,
               (unsigned long long)row->sum.blocks, place->file, line,
               place->function[0] != '\0' ? ", " : "", place->function);
    }
}

static ouro_status
show(const ouro_snapshot *before, const ouro_snapshot *after)
{
    static const ouro_sum_config by_line = {.key = OURO_KEY_LINE};
    static const ouro_sum_config by_function = {.key = OURO_KEY_FUNCTION, .cumulative = true};
    static const ouro_trace_filter objects = {.domain = OURO_DOMAIN_OBJECT};
    ouro_statistics *lines = NULL, *callers = NULL, *grown = NULL;
    ouro_snapshot *left = NULL;

    ouro_status status = ouro_snapshot_filter(after, &objects, 1, &left);
    if (status == OURO_OK) {
        status = ouro_snapshot_sum(left, &by_line, &lines);
    }
    if (status == OURO_OK) {
        status = ouro_snapshot_sum(left, &by_function, &callers);
    }
    if (status == OURO_OK) {
        status = ouro_snapshot_diff(before, left, &by_line, &grown);
    }
    if (status == OURO_OK) {
        print_rows("objects, by line", lines);
        print_rows("objects, by function and what it called", callers);
        printf("%zu lines have other objects than before\n", grown->n);
    }
    ouro_statistics_free(grown);
    ouro_statistics_free(callers);
    ouro_statistics_free(lines);
    ouro_snapshot_free(left);
    return status;
}

static ouro_status
trace_and_run(void)
{
    const ouro_trace_config config = {.source = &source};
    ouro_snapshot *before = NULL, *after = NULL;
    ouro_traceback *traceback = NULL;

    ouro_status status = ouro_trace_start(&config);
    if (status == OURO_OK) {
        status = ouro_snapshot_take("before", &before);
    }
    if (status == OURO_OK) {
        status = run(&functions[2]);
    }
    if (status == OURO_OK) {
        status = ouro_snapshot_take("after", &after);
    }
    if (status == OURO_OK) {
        status = show(before, after);
    }
    ouro_ref list = last_list();
    if (list != NULL && ouro_trace_of(list, &traceback) == OURO_FOUND) {
        printf("the last list comes from");
        for (size_t i = 0; i < traceback->n_places; i++) {
            printf(" %s:%u", traceback->places[i].function, traceback->places[i].line);
        }
        printf("\n");
    }
    ouro_traceback_free(traceback);
    ouro_xdecref(list);
    ouro_snapshot_free(before);
    ouro_snapshot_free(after);
    (void)ouro_trace_stop();
    return status;
}

int
main(void)
{
    kept = ouro_init(NULL) == OURO_OK ? ouro_list_new(0) : NULL;
    ouro_status status = kept == NULL ? OURO_NO_MEMORY : trace_and_run();
    if (status < 0) {
        fprintf(stderr, "%s\n", ouro_status_text(status));
        return 1;
    }
    ouro_decref(kept);
    return 0;
}

/* prints:
objects, by line
  144000 bytes in 6000 blocks  small.prog:12
   12000 bytes in  500 blocks  small.prog:32
      80 bytes in    2 blocks  small.prog:11
      40 bytes in    1 blocks  small.prog:31
objects, by function and what it called
  156120 bytes in 6503 blocks  small.prog, main
  144080 bytes in 6002 blocks  small.prog, load
  144080 bytes in 6002 blocks  small.prog, cache
4 lines have other objects than before
the last list comes from cache:11 load:22 main:33
*/
