#include "object/chunk.h"

#include "os/os.h"

static struct {
    ouro__os_lock lock;
    struct chunk *free;
} chunks = {.lock = OURO_OS_LOCK_INIT};

struct chunk *
ouro__chunk_take(void)
{
    ouro__os_acquire(&chunks.lock);
    struct chunk *chunk = chunks.free;
    if (chunk != NULL) {
        chunks.free = chunk->next;
    }
    ouro__os_release(&chunks.lock);
    if (chunk == NULL) {
        chunk = ouro__os_map(CHUNK_BYTES);
    }
    if (chunk != NULL) {
        chunk->next = NULL;
        chunk->n = 0;
    }
    return chunk;
}

bool
ouro__chunk_add(struct chunk **list, void *item)
{
    struct chunk *chunk = *list;
    if (chunk == NULL || chunk->n == CHUNK_ITEMS) {
        chunk = ouro__chunk_take();
        if (chunk == NULL) {
            return false;
        }
        chunk->next = *list;
        *list = chunk;
    }
    chunk->items[chunk->n++] = item;
    return true;
}

void
ouro__chunks_give(struct chunk *first)
{
    if (first == NULL) {
        return;
    }
    struct chunk *last = first;
    while (last->next != NULL) {
        last = last->next;
    }
    ouro__os_acquire(&chunks.lock);
    last->next = chunks.free;
    chunks.free = first;
    ouro__os_release(&chunks.lock);
}
