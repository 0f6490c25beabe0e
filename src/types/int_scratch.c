/* int_scratch.c - memory that GMP takes while it computes.
 *
 * Functions on limbs are given the memory for their results.  What they need besides they take from the stack when it is
 * little, otherwise from functions that the process sets with mp_set_memory_functions(), and which must not fail.  Ours
 * hand that through to those that were set before, but on a thread that computes for Ouro: there the memory is
 * the heap's, counts against its limit and stands in a list; where there is none the computation is left by a jump, and
 * what is in the list is freed.  A computation on limbs has nothing else that it could leave behind: no locks, no
 * state of GMP's.  So it says OURO_NO_MEMORY instead of ending the process.
 *
 * A program that calls mp_set_memory_functions() itself does so before ouro_init(); later it takes this protection away.
 *
 * @source  GMP's manual, "Custom Allocation" and "Low-level Functions" */
#include "types/integer.h"

#include <setjmp.h>
#include <string.h>

struct block {
    struct block *next, **link; /* what points to it */
    size_t size;
    size_t unused; /* what follows is aligned as malloc's blocks are */
};

struct computation {
    jmp_buf left;
    struct block *blocks;
};

/* The one under way on this thread, or NULL. */
static _Thread_local struct computation *current;

static struct {
    void *(*alloc)(size_t size);
    void *(*realloc)(void *memory, size_t size_before, size_t size);
    void (*free)(void *memory, size_t size);
} before;

static void *
take(size_t size)
{
    struct computation *computation = current;

    if (computation == NULL) {
        return before.alloc(size);
    }
    struct block *block = NULL;
    if (size <= SIZE_MAX - sizeof *block) {
        block = ouro_heap_alloc(ouro__leaves, OURO_DOMAIN_MEM, size + sizeof *block);
    }
    if (block == NULL) {
        longjmp(computation->left, 1);
    }
    *block = (struct block){computation->blocks, &computation->blocks, size, 0};
    if (block->next != NULL) {
        block->next->link = &block->next;
    }
    computation->blocks = block;
    return block + 1;
}

static void
give_block(struct block *block)
{
    *block->link = block->next;
    if (block->next != NULL) {
        block->next->link = block->link;
    }
    ouro_heap_free(ouro__leaves, OURO_DOMAIN_MEM, block);
}

static void
give(void *memory, size_t size)
{
    if (current == NULL) {
        before.free(memory, size);
    } else {
        give_block((struct block *)memory - 1);
    }
}

static void *
change(void *memory, size_t size_before, size_t size)
{
    if (current == NULL) {
        return before.realloc(memory, size_before, size);
    }
    void *moved = take(size);
    memcpy(moved, memory, size_before < size ? size_before : size);
    give(memory, size_before);
    return moved;
}

/* A function of its own, none of whose variables change after setjmp(). */
static __attribute__((noinline)) bool
compute(struct computation *computation, void (*work)(void *context), void *context)
{
    if (setjmp(computation->left) != 0) {
        return false;
    }
    work(context);
    return true;
}

bool
ouro__int_compute(void (*work)(void *context), void *context)
{
    struct computation computation = {.blocks = NULL};

    current = &computation;
    bool is_done = compute(&computation, work, context);
    current = NULL;
    while (computation.blocks != NULL) {
        give_block(computation.blocks);
    }
    return is_done;
}

void
ouro__int_scratch_init(void)
{
    mp_get_memory_functions(&before.alloc, &before.realloc, &before.free);
    mp_set_memory_functions(take, change, give);
}
