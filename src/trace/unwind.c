/* unwind.c - walking the stack of the calling thread, function by function.
 *
 *   pc --cache--> how this frame is undone, and in which module --> the caller's pc, stack and frame pointer
 *           '--miss: the dynamic linker's list of modules, then the module's tables (cfi.c)
 *
 * Where no table covers an instruction (code that a program made itself, assembly) the frame pointer is believed, as far as
 * it leads up the stack.  Nothing is read but the stack above what was read already, up to its end; a walk is as long as
 * there are frames at most.  Wrong frames can come of wrong tables; a fault can't.
 *
 * What is cached is as right as the module that it is about is still there: that is asked once for each module in a walk.
 * A module can't go while one of its functions is on the stack of this thread.
 *
 * @source System V ABI, AMD64 Architecture Processor Supplement, 3.2 and 3.4; Procedure Call Standard for the Arm 64-bit
 *         Architecture, 6.4.6; Linux, struct rt_sigframe */
#include "trace/unwind.h"

#include <string.h>

#include "base/assert.h"
#include "os/os.h"
#include "trace/cfi.h"
#include "trace/vector.h"

#define N_CACHED ((size_t)1 << 13)
#define N_MODULES_MOST 2048
#define STACKS_MOST 16

struct cached {
    uintptr_t address; /* 0 for none */
    struct ouro__frame_rule rule;
    struct ouro__module *module;
};

static struct cached cache[N_CACHED];
static struct ouro__module modules[N_MODULES_MOST];
static size_t n_modules;
static uint64_t n_walks;
static bool is_stale; /* atomic */

void
ouro__unwind_forget(void)
{
    __atomic_store_n(&is_stale, true, __ATOMIC_RELEASE);
}

static void
forget_rules(void)
{
    memset(cache, 0, sizeof cache);
    for (size_t i = 0; i < n_modules; i++) {
        modules[i].seen_in = 0;
    }
}

/* ---- modules ---- */

bool
ouro__is_module(const void *address)
{
    return (uintptr_t)address - (uintptr_t)modules < sizeof modules;
}

void
ouro__walk_modules_again(void)
{
    for (size_t i = 0; i < n_modules; i++) {
        modules[i].role = 0;
    }
}

static uint64_t
identify(const struct ouro__os_module *found)
{
    uint64_t hash = found->n_build_id;
    for (size_t i = 0; i < found->n_build_id; i++) {
        hash = ouro__mix(hash, found->build_id[i]);
    }
    for (const char *at = found->path; *at != '\0'; at++) {
        hash = ouro__mix(hash, (unsigned char)*at);
    }
    return hash;
}

/* The module that `address` lies in; NULL for none, and when there were too many. */
static struct ouro__module *
find_module(uintptr_t address)
{
    struct ouro__os_module found;
    if (!ouro__os_module_find(address, &found)) {
        return NULL;
    }
    uint64_t identity = identify(&found);
    size_t i = 0;
    while (i < n_modules && (modules[i].identity != identity || modules[i].found.begin != found.begin ||
                             modules[i].found.end != found.end)) {
        i++;
    }
    if (i == n_modules && n_modules == N_MODULES_MOST) {
        return NULL;
    }
    if (i == n_modules) {
        modules[n_modules++] = (struct ouro__module){.identity = identity};
    }
    modules[i].found = found;
    modules[i].seen_in = n_walks;
    return &modules[i];
}

static bool
is_still_there(struct ouro__module *module, uintptr_t address)
{
    if (module->seen_in != n_walks) {
        if (!ouro__os_module_is_there(address, &module->found)) {
            return false;
        }
        module->seen_in = n_walks;
    }
    return true;
}

/* ---- rules ---- */

static void
look_up(struct cached *at, uintptr_t address)
{
    static const struct ouro__frame_rule none;
    at->module = find_module(address);
    at->rule = at->module != NULL ? ouro__cfi_rule(&at->module->found, address) : none;
    /* What lies at an address that no module covers may be anything tomorrow. */
    at->address = at->module != NULL ? address : 0;
}

/* Hot. */
static inline const struct cached *
rule_at(uintptr_t address)
{
    struct cached *at = &cache[(address ^ address >> 13) & (N_CACHED - 1)];
    if (OURO_LIKELY(at->address == address)) {
        if (OURO_LIKELY(is_still_there(at->module, address))) {
            return at;
        }
        forget_rules();
    }
    look_up(at, address);
    return at;
}

/* ---- the stack ---- */

/* Words of frames that are no longer ours to know the types of. */
#if defined(__clang__) || defined(__GNUC__)
#define READS_ANY_STACK __attribute__((no_sanitize("address"), no_sanitize("thread")))
#else
#define READS_ANY_STACK
#endif

/* A function that was interrupted may have popped what its tables still say is there: nothing overwrites that much. */
#define RED_ZONE 128

/* Whether the word at `at` can be read, where that isn't known: pages that follow, and what was popped. */
static bool
is_on_stack(struct ouro__walk *walk, uintptr_t at)
{
    if (at < walk->stack_begin) {
        return walk->stack_begin - at <= RED_ZONE && ouro__os_is_readable((const void *)at);
    }
    while (at > walk->stack_end - sizeof at) {
        if (walk->stack_is_known || at - walk->stack_end > ouro__os_page_size() ||
            !ouro__os_is_readable((const void *)walk->stack_end)) {
            return false;
        }
        walk->stack_end += ouro__os_page_size();
    }
    return true;
}

/* The word at `at`; false when that is no place on the stack. */
READS_ANY_STACK static inline bool
load(struct ouro__walk *walk, uintptr_t at, uintptr_t *word)
{
    if (OURO_UNLIKELY(at % sizeof *word != 0 || at < walk->stack_begin ||
                      at > walk->stack_end - sizeof *word) &&
        (at % sizeof *word != 0 || !is_on_stack(walk, at))) {
        return false;
    }
    *word = *(const volatile uintptr_t *)at;
    return true;
}

static void
enter_stack(struct ouro__walk *walk, uintptr_t sp)
{
    walk->sp = walk->stack_begin = sp;
    walk->stack_end = ouro__os_stack_end(sp, &walk->stack_is_known);
}

/* ---- frames ---- */

#if defined(__x86_64__)
/* In the registers that the kernel saved, from the stack pointer on. */
enum { SIGNAL_FP = 120, SIGNAL_SP = 160, SIGNAL_PC = 168, SIGNAL_LR = SIGNAL_PC };
#else
enum { SIGNAL_FP = 544, SIGNAL_LR = 552, SIGNAL_SP = 560, SIGNAL_PC = 568 };
#endif

/* What a signal interrupted, which may have been on another stack. */
static bool
undo_signal(struct ouro__walk *walk)
{
    uintptr_t pc, sp, fp, lr;
    if (!load(walk, walk->sp + SIGNAL_PC, &pc) || !load(walk, walk->sp + SIGNAL_SP, &sp) ||
        !load(walk, walk->sp + SIGNAL_FP, &fp) || !load(walk, walk->sp + SIGNAL_LR, &lr) ||
        ++walk->n_stacks > STACKS_MOST) {
        return false;
    }
    walk->pc = pc;
    walk->fp = fp;
    walk->lr = lr;
    walk->is_exact = true;
    enter_stack(walk, sp);
    return true;
}

/* By the frame pointer: it points to the caller's, behind which is the return address. */
static bool
undo_by_frame_pointer(struct ouro__walk *walk)
{
    uintptr_t fp, ra;
    if (walk->fp < walk->sp || !load(walk, walk->fp, &fp) || !load(walk, walk->fp + sizeof fp, &ra)) {
        return false;
    }
    walk->sp = walk->fp + 2 * sizeof fp;
    walk->fp = fp;
    walk->pc = ra;
    return true;
}

/* Where the caller's frame begins; false when there is no telling. */
static inline bool
find_cfa(struct ouro__walk *walk, const struct ouro__frame_rule *rule, uintptr_t *cfa)
{
    uintptr_t base = rule->base == OURO_BASE_FP ? walk->fp : walk->sp;
    *cfa = base + (uintptr_t)(intptr_t)rule->offset;
    if (OURO_UNLIKELY(rule->kind == OURO_FRAME_LOADED)) {
        bool is_loaded = load(walk, *cfa, cfa);
        *cfa += (uintptr_t)(intptr_t)rule->then;
        return is_loaded;
    }
    if (OURO_UNLIKELY(rule->kind == OURO_FRAME_LINKAGE)) {
        *cfa = walk->sp + 8 + ((walk->pc & 15) >= (uintptr_t)rule->offset ? 8 : 0);
    }
    return true;
}

static bool
undo_by_rule(struct ouro__walk *walk, const struct ouro__frame_rule *rule)
{
    uintptr_t cfa, ra = walk->lr, fp = walk->fp;
    if (!find_cfa(walk, rule, &cfa) || cfa < walk->sp || (cfa == walk->sp && !walk->is_exact)) {
        return false;
    }
    if (rule->ra == OURO_SAVED_AT ? !load(walk, cfa + (uintptr_t)(intptr_t)rule->ra_at, &ra)
                                  : !walk->is_exact) {
        return false;
    }
    if (rule->fp == OURO_SAVED_AT) {
        if (!load(walk, cfa + (uintptr_t)(intptr_t)rule->fp_at, &fp)) {
            return false;
        }
    } else if (OURO_UNLIKELY(rule->fp == OURO_SAVED_AT_FP)) {
        if (!load(walk, walk->fp, &fp)) {
            return false;
        }
    } else if (OURO_UNLIKELY(rule->fp == OURO_SAVED_LOST)) {
        fp = 0;
    }
    walk->sp = cfa;
    walk->fp = fp;
    walk->pc = ra;
    return true;
}

/* Signatures in the upper bits of return addresses are no part of them. */
static uintptr_t
strip_signature(uintptr_t pc)
{
#if defined(__aarch64__)
    return pc & (((uintptr_t)1 << 48) - 1);
#else
    return pc;
#endif
}

/* Go from a frame to its caller's. */
static bool
undo(struct ouro__walk *walk, const struct cached *at)
{
    bool found;
    switch (at->rule.kind) {
    case OURO_FRAME_OUTERMOST:
        return false;
    case OURO_FRAME_SIGNAL:
        return undo_signal(walk);
    case OURO_FRAME_UNKNOWN:
        found = undo_by_frame_pointer(walk);
        break;
    default:
        found = undo_by_rule(walk, &at->rule);
    }
    walk->is_exact = false;
    walk->pc = strip_signature(walk->pc);
    return found && walk->pc != 0;
}

bool
ouro__walk_next(struct ouro__walk *walk, struct ouro__call *call)
{
    if (walk->is_over) {
        return false;
    }
    uintptr_t address = walk->is_exact ? walk->pc : walk->pc - 1;
    /* Words that were no return address (1 would make the cache's 0), and where a wrong frame pointer led to, are no code. */
    const struct cached *at = address != 0 ? rule_at(address) : NULL;
    if (at == NULL ||
        (at->module == NULL && !ouro__os_is_readable((const void *)(address & ~(uintptr_t)7)))) {
        walk->is_over = true;
        return false;
    }
    *call = (struct ouro__call){at->module, address, walk->sp, walk->sp};
    unsigned stack = walk->n_stacks;
    walk->is_over = !undo(walk, at);
    if (!walk->is_over && walk->n_stacks == stack) {
        call->end = walk->sp;
    }
    return true;
}

__attribute__((noinline)) void
ouro__walk_begin(struct ouro__walk *walk)
{
    struct ouro__call self;
    *walk = (struct ouro__walk){.is_exact = true};
    uintptr_t sp;
#if defined(__x86_64__)
    __asm__ volatile("lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2"
                     : "=r"(walk->pc), "=r"(sp), "=r"(walk->fp));
#elif defined(__aarch64__)
    __asm__ volatile("adr %0, .\n\tmov %1, sp\n\tmov %2, x29\n\tmov %3, x30"
                     : "=r"(walk->pc), "=r"(sp), "=r"(walk->fp), "=r"(walk->lr));
#else
    sp = 0;
    walk->is_over = true;
#endif
    n_walks++;
    if (OURO_UNLIKELY(__atomic_exchange_n(&is_stale, false, __ATOMIC_ACQUIRE))) {
        forget_rules();
    }
    enter_stack(walk, sp);
    (void)ouro__walk_next(walk, &self); /* this function itself */
    (void)ouro__walk_next(walk, &self); /* who called it */
}
