/* test_unwind.c - the native frames of this thread: against glibc's own unwinder, frame by frame, from everywhere that a
 * program can be; and how the tables' bytes are read. */
#define _GNU_SOURCE
#include "trace/unwind.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <search.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "cm.h"
#include "os/os.h"
#include "trace/cfi.h"

#define FRAMES_MOST 20000

static void *theirs[FRAMES_MOST];
static uintptr_t ours[FRAMES_MOST];
static struct ouro__call calls[FRAMES_MOST];
static size_t n_theirs, n_ours;

/* What a walk finds, as return addresses: the same numbers as backtrace()'s but for the first, this function itself. */
static __attribute__((noinline)) void
walk(void)
{
    struct ouro__walk walk;
    ouro__walk_begin(&walk);
    n_ours = 0;
    while (n_ours < FRAMES_MOST && ouro__walk_next(&walk, &calls[n_ours])) {
        ours[n_ours] = calls[n_ours].address + 1;
        n_ours++;
    }
}

/* Both walks, from the same place but for the calls' own instructions: from the caller's caller on they are alike. */
static __attribute__((noinline)) void
compare(void)
{
    n_theirs = (size_t)backtrace(theirs, FRAMES_MOST);
    walk();
    assert_true(n_ours >= 2);
    assert_true(n_theirs >= 2);
    /* Either has this function first; a sanitizer's backtrace() has its own before that. */
    size_t before = 0;
    while (before < 3 && before + 2 < n_theirs && ours[1] != (uintptr_t)theirs[before + 1]) {
        before++;
    }
    n_theirs -= before;
    memmove(theirs, theirs + before, n_theirs * sizeof *theirs);
    size_t n = n_theirs < n_ours ? n_theirs : n_ours;
    for (size_t i = 1; i < n; i++) {
        if (ours[i] != (uintptr_t)theirs[i] && ours[i] != (uintptr_t)theirs[i] + 1) {
            Dl_info a = {0}, b = {0};
            (void)dladdr((void *)ours[i], &a);
            (void)dladdr(theirs[i], &b);
            fail_msg("frame %zu of %zu and %zu: %p (%s), glibc has %p (%s)", i, n_ours, n_theirs,
                     (void *)ours[i], a.dli_sname, theirs[i], b.dli_sname);
        }
    }
    assert_int_equal(n_ours, n_theirs);
}

/* Each call's stack begins where the one's before ended. */
static void
check_extents(void)
{
    for (size_t i = 1; i + 1 < n_ours; i++) {
        assert_true(calls[i].begin <= calls[i].end);
        if (calls[i].end != calls[i].begin) {
            assert_int_equal(calls[i].end, calls[i + 1].begin);
        }
    }
}

static void
test_here(void **state)
{
    (void)state;
    compare();
    check_extents();
    assert_non_null(calls[0].module);
}

/* ---- depth, and frames of any size ---- */

/* No tail call: something is left to be done. */
static __attribute__((noinline)) size_t
recurse(size_t depth, void (*then)(void))
{
    volatile char room[40];
    room[0] = (char)depth;
    if (depth == 0) {
        then();
        return 0;
    }
    return recurse(depth - 1, then) + (size_t)(room[0] != 0);
}

static void
test_deep(void **state)
{
    (void)state;
    recurse(10000, compare);
    assert_true(n_ours > 10000);
    check_extents();
}

static __attribute__((noinline)) void
take_stack(size_t n, void (*then)(void))
{
    volatile char *room = __builtin_alloca(n);
    room[0] = room[n - 1] = 1;
    then();
    assert_int_equal(room[0], 1);
}

static void
test_alloca(void **state)
{
    (void)state;
    for (size_t n = 1; n < 200000; n = n * 3 + 1) {
        take_stack(n, compare);
    }
}

/* Its caller's stack is aligned by 16: the frame is found by what was saved. */
static __attribute__((noinline)) void
align_stack(void (*then)(void))
{
    _Alignas(256) volatile char room[256];
    room[0] = 1;
    then();
    assert_int_equal((uintptr_t)room % 256, 0);
    assert_int_equal(room[0], 1);
}

static __attribute__((noinline)) void
align_and_take_stack(size_t n, void (*then)(void))
{
    _Alignas(64) volatile char room[64];
    volatile char *more = __builtin_alloca(n);
    room[0] = more[0] = 1;
    then();
    assert_int_equal(room[0] + more[0], 2);
}

static void
align_again(void)
{
    align_and_take_stack(1000, compare);
}

static void
test_aligned(void **state)
{
    (void)state;
    align_stack(compare);
    align_and_take_stack(100, compare);
    align_stack(align_again);
}

/* clang compiles them as all else. */
#if defined(__clang__)
#define COMPILED(...)
#else
#define COMPILED(...) __attribute__((optimize(__VA_ARGS__)))
#endif

COMPILED("O2", "omit-frame-pointer")
static __attribute__((noinline)) size_t
recurse_without_frame_pointer(size_t depth, void (*then)(void))
{
    if (depth == 0) {
        then();
        return 0;
    }
    return recurse_without_frame_pointer(depth - 1, then) * 3 + depth;
}

COMPILED("O0", "no-omit-frame-pointer")
static __attribute__((noinline)) size_t
recurse_with_frame_pointer(size_t depth, void (*then)(void))
{
    if (depth == 0) {
        recurse_without_frame_pointer(5, then);
        return 0;
    }
    return recurse_with_frame_pointer(depth - 1, then) * 3 + depth;
}

static void
test_frame_pointers(void **state)
{
    (void)state;
    recurse_without_frame_pointer(50, compare);
    recurse_with_frame_pointer(50, compare);
}

/* ---- through libraries ---- */

static int
compare_once(const void *a, const void *b)
{
    static bool is_done;
    if (!is_done) {
        compare();
    }
    is_done = true;
    return *(const int *)a - *(const int *)b;
}

static void
visit(const void *node, VISIT which, int depth)
{
    (void)node;
    (void)which;
    (void)depth;
    compare();
}

static void
test_callbacks(void **state)
{
    (void)state;
    int numbers[] = {3, 1, 2};
    void *tree = NULL;
    qsort(numbers, 3, sizeof *numbers, compare_once);
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(tsearch(&numbers[i], &tree, compare_once));
    }
    twalk(tree, visit);
    assert_true(n_ours >= 4);
    for (size_t i = 0; i < 3; i++) {
        (void)tdelete(&numbers[i], &tree, compare_once);
    }
}

/* ---- signals ---- */

static volatile sig_atomic_t n_handled;

static void
handle(int number)
{
    (void)number;
    compare();
    n_handled++;
}

static void
handle_deeply(int number)
{
    (void)number;
    recurse(20, compare);
    n_handled++;
}

static void
raise_it(void)
{
    raise(SIGUSR1);
}

static void
crash(void)
{
    volatile int *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *nowhere = 1;
}

static sigjmp_buf beyond;

static void
handle_crash(int number)
{
    (void)number;
    compare();
    n_handled++;
    siglongjmp(beyond, 1);
}

static void
set_handler(int number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    assert_int_equal(sigaction(number, &action, NULL), 0);
}

static void
test_signals(void **state)
{
    (void)state;
    static char other_stack[1 << 20];
    stack_t other = {.ss_sp = other_stack, .ss_size = sizeof other_stack};

    set_handler(SIGUSR1, handle, 0);
    recurse(3, raise_it);
    assert_int_equal(n_handled, 1);

    assert_int_equal(sigaltstack(&other, NULL), 0);
    set_handler(SIGUSR1, handle_deeply, SA_ONSTACK);
    recurse(3, raise_it);
    assert_int_equal(n_handled, 2);

    set_handler(SIGSEGV, handle_crash, SA_ONSTACK);
    if (sigsetjmp(beyond, 1) == 0) {
        recurse(3, crash);
    }
    assert_int_equal(n_handled, 3);
    signal(SIGSEGV, SIG_DFL);
    other.ss_flags = SS_DISABLE;
    assert_int_equal(sigaltstack(&other, NULL), 0);
}

/* At each instruction of a function, and of what it calls, its linkage and its returns included: by a signal that comes
 * whenever it likes. */
static volatile size_t n_ticks;
static volatile bool ticks_are_wrong;
static void *tick_theirs[64];

static bool
is_alike(const struct ouro__call *call, const void *their)
{
    return call->address == (uintptr_t)their || call->address + 1 == (uintptr_t)their;
}

static void
tick(int number)
{
    struct ouro__walk walk;
    struct ouro__call call;
    (void)number;
    int n = backtrace(tick_theirs, 64);
    ouro__walk_begin(&walk);
    int at = 0; /* where the trampoline of signals is, the first of ours */
    bool has_first = ouro__walk_next(&walk, &call);
    while (at < n && !is_alike(&call, tick_theirs[at])) {
        at++;
    }
    bool is_well = has_first && at < n;
    for (at++; at < n && ouro__walk_next(&walk, &call); at++) {
        is_well = is_well && is_alike(&call, tick_theirs[at]);
    }
    ticks_are_wrong = ticks_are_wrong || !is_well || at != n || ouro__walk_next(&walk, &call);
    n_ticks++;
}

static void
ask_system(void)
{
    (void)getppid();
}

static void
test_ticks(void **state)
{
    (void)state;
    static volatile size_t sum;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    const struct itimerspec often = {{0, 50000}, {0, 50000}};
    timer_t timer;
    set_handler(SIGUSR2, tick, SA_RESTART);
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    assert_int_equal(timer_settime(timer, 0, &often, NULL), 0);
    for (size_t i = 0; n_ticks < 3000; i++) {
        char text[64];
        sum += strlen(strerror_r((int)(i % 30), text, sizeof text)) + (size_t)abs((int)i);
        sum += recurse(i % 20, ask_system);
    }
    assert_int_equal(timer_delete(timer), 0);
    assert_false(ticks_are_wrong);
    assert_true(sum > 0);
}

/* ---- other stacks ---- */

static void *
run_thread(void *context)
{
    (void)context;
    compare();
    recurse(1000, compare);
    compare();
    return NULL;
}

static void
test_threads(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, run_thread, NULL), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

static ucontext_t back, there;

static void
run_coroutine(void)
{
    recurse(30, compare);
    swapcontext(&there, &back);
}

/* A stack with nothing readable behind it: one word too far ends the test. */
/* In a function of its own: getcontext() may return again. */
static void
run_on(char *stack, size_t size)
{
    assert_int_equal(mprotect(stack, size, PROT_READ | PROT_WRITE), 0);
    assert_int_equal(getcontext(&there), 0);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = size;
    there.uc_link = &back;
    makecontext(&there, run_coroutine, 0);
    assert_int_equal(swapcontext(&back, &there), 0);
    assert_int_equal(mprotect(stack, size, PROT_NONE), 0);
}

static void *
run_coroutines(void *context)
{
    enum { MOST = 1 << 17 };
    (void)context;
    char *map = mmap(NULL, MOST + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(map, MAP_FAILED);
    for (size_t size = MOST; size >= MOST / 4; size /= 2) {
        run_on(map + 4096, size);
    }
    munmap(map, MOST + 8192);
    return NULL;
}

static void
test_coroutines(void **state)
{
    pthread_t thread;
    run_coroutines(*state);
    assert_int_equal(pthread_create(&thread, NULL, run_coroutines, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* ---- code without tables ---- */

#if defined(__x86_64__)
/* A call by way of two functions in assembly that no table covers, one with a frame pointer and one without. */
__asm__(".text\n"
        ".globl test_with_frame_pointer\n"
        "test_with_frame_pointer:\n"
        "  push %rbp\n  mov %rsp, %rbp\n  sub $64, %rsp\n  call *%rdi\n  leave\n  ret\n"
        ".globl test_without_anything\n"
        "test_without_anything:\n"
        "  sub $24, %rsp\n  call *%rdi\n  add $24, %rsp\n  ret\n"
        ".globl test_with_wild_pointer\n"
        "test_with_wild_pointer:\n"
        "  push %rbp\n  mov %rsi, %rbp\n  call *%rdi\n  pop %rbp\n  ret\n");
void test_with_frame_pointer(void (*then)(void));
void test_without_anything(void (*then)(void));
void test_with_wild_pointer(void (*then)(void), const void *fp);

static bool
has_call_of(void (*function)(void), size_t n_bytes)
{
    for (size_t i = 0; i < n_ours; i++) {
        if (ours[i] - (uintptr_t)function < n_bytes) {
            return true;
        }
    }
    return false;
}

static void
test_assembly(void **state)
{
    (void)state;
    walk();
    size_t n_here = n_ours;
    test_with_frame_pointer(walk);
    assert_int_equal(n_ours, n_here + 1);
    assert_true(has_call_of((void (*)(void))test_with_frame_pointer, 20));
    uintptr_t outermost = ours[n_ours - 1];
    /* Its caller can't be known; whatever is found, nothing breaks. */
    test_without_anything(walk);
    assert_true(has_call_of((void (*)(void))test_without_anything, 20));
    assert_true(n_ours >= 1);
    (void)outermost;
}

/* Frame pointers that lead anywhere: back, to nothing, to the end of memory, to themselves, past the stack. */
static void
test_wild_frame_pointers(void **state)
{
    (void)state;
    static uintptr_t self[2];
    self[0] = (uintptr_t)self;
    const uintptr_t wild[] = {0,
                              1,
                              8,
                              0x7FFF0000,
                              (uintptr_t)self,
                              (uintptr_t)&state + 1,
                              UINTPTR_MAX,
                              UINTPTR_MAX & ~(uintptr_t)7,
                              (uintptr_t)1 << 63,
                              (uintptr_t)&state & ~(uintptr_t)7,
                              (uintptr_t)environ,
                              (uintptr_t)&state + (64 << 20)};
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
        test_with_wild_pointer(walk, (const void *)wild[i]);
        assert_in_range(n_ours, 1, 1000);
        assert_true(has_call_of((void (*)(void))test_with_wild_pointer, 20));
    }
}

/* Return addresses that are none, as behind the first frame of a greenlet, whose caller's stack another one has by now. */
static void
test_wild_return_addresses(void **state)
{
    (void)state;
    const uintptr_t wild[] = {
        0, 1, 2, 8, 0x7FFF0000, UINTPTR_MAX, (uintptr_t)1 << 63, (uintptr_t)&state};
    for (size_t i = 0; i < 2 * sizeof wild / sizeof *wild; i++) {
        uintptr_t frame[] = {0, wild[i / 2]}; /* each twice: what is known of one is remembered */
        test_with_wild_pointer(walk, frame);
        assert_in_range(n_ours, 1, 4);
        assert_true(has_call_of((void (*)(void))test_with_wild_pointer, 20));
    }
}

static sigjmp_buf after_nothing;

static void
walk_from_nothing(int number)
{
    (void)number;
    walk();
    siglongjmp(after_nothing, 1);
}

/* A function that is not there: the signal interrupted address 0. */
static void
test_call_of_nothing(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = walk_from_nothing}, before;
    assert_int_equal(sigaction(SIGSEGV, &action, &before), 0);
    for (volatile int i = 0; i < 2; i++) {
        n_ours = 0;
        if (sigsetjmp(after_nothing, 1) == 0) {
            __asm__ volatile("call *%0" : : "r"((uintptr_t)0) : "memory");
        }
        assert_in_range(n_ours, 1, 4);
    }
    assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
}

/* Code that a program made, with a frame pointer: it belongs to no module. */
static void
test_generated(void **state)
{
    (void)state;
    static const unsigned char code[] = {0x55, 0x48, 0x89, 0xE5, 0xFF, 0xD7, 0x5D, 0xC3};
    unsigned char *made = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(made, MAP_FAILED);
    memcpy(made, code, sizeof code);
    assert_int_equal(mprotect(made, 4096, PROT_READ | PROT_EXEC), 0);
    void (*run)(void (*)(void));
    memcpy(&run, &made, sizeof run);
    walk();
    size_t n_here = n_ours;
    run(walk);
    assert_int_equal(n_ours, n_here + 1);
    size_t n_generated = 0;
    for (size_t i = 0; i < n_ours; i++) {
        n_generated += calls[i].module == NULL;
    }
    assert_int_equal(n_generated, 1);
    munmap(made, 4096);
}
#endif

/* ---- modules ---- */

static void
test_modules(void **state)
{
    (void)state;
    walk();
    for (size_t i = 0; i < n_ours; i++) {
        Dl_info known;
        struct ouro__module *module = calls[i].module;
        assert_non_null(module);
        assert_true(ouro__is_module(module));
        assert_true(dladdr((void *)calls[i].address, &known) != 0);
        assert_int_equal(module->found.begin, (uintptr_t)known.dli_fbase);
        if (module->found.path[0] != '\0') {
            assert_string_equal(module->found.path, known.dli_fname);
        }
        assert_true(calls[i].address < module->found.end);
    }
    assert_false(ouro__is_module(&n_ours));
    char path[4096], self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self);
    assert_int_equal(ouro__os_program_path(path, sizeof path), n);
    assert_memory_equal(path, self, (size_t)n);
}

/* Tables of every byte that a library has, cut short at each place: no rule, or one, and nothing read outside. */
static void
test_spoiled_tables(void **state)
{
    (void)state;
    struct ouro__os_module module;
    uintptr_t address = (uintptr_t)&qsort + 4;
    assert_true(ouro__os_module_find(address, &module));
    assert_int_equal(ouro__cfi_rule(&module, address).kind, OURO_FRAME_BASED);
    size_t size = (size_t)(module.tables_end - module.tables);
    size_t header = (size_t)(module.unwinding - module.tables);
    uint64_t seed = 1;
    for (size_t i = 0; i < 300; i++) {
        /* As much as there is, right before a page that can't be read. */
        size_t n = header + 12 + (size - header - 12) * i / 300;
        size_t room = (n + 4095) & ~(size_t)4095;
        uint8_t *map =
            mmap(NULL, room + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(map, MAP_FAILED);
        assert_int_equal(mprotect(map + room, 4096, PROT_NONE), 0);
        uint8_t *copy = map + room - n;
        memcpy(copy, module.tables, n);
        for (size_t j = 0; j < i % 7 * 2000; j++) {
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            copy[header + 12 + (seed >> 33) % (n - header - 12)] = (uint8_t)(seed >> 20);
        }
        struct ouro__os_module spoiled = module;
        spoiled.tables = copy;
        spoiled.tables_end = copy + n;
        spoiled.unwinding = copy + header;
        uintptr_t moved = (uintptr_t)copy - (uintptr_t)module.tables;
        for (uintptr_t at = module.begin; at < module.end; at += 4099) {
            (void)ouro__cfi_rule(&spoiled, at + moved);
        }
        munmap(map, room + 4096);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_here),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_alloca),
        cmocka_unit_test(test_aligned),
        cmocka_unit_test(test_frame_pointers),
        cmocka_unit_test(test_callbacks),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_coroutines),
#if defined(__x86_64__)
        cmocka_unit_test(test_assembly),
        cmocka_unit_test(test_wild_frame_pointers),
        cmocka_unit_test(test_wild_return_addresses),
        cmocka_unit_test(test_call_of_nothing),
        cmocka_unit_test(test_generated),
#endif
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_spoiled_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
