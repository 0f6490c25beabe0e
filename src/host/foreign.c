/* foreign.c - blocks that other allocators made and that end up here.
 *
 * There are few of them.  The dynamic linker makes some before it can call us, by an allocator of its own
 * that doesn't free; an interposed allocator in the program may have made others; so may a second libc that
 * was opened in a namespace of its own (dlmopen), or a library that was opened with RTLD_DEEPBIND and so
 * finds libc's malloc before ours.
 *
 * Such a block is never handed to libc's free(): it aborts on what is not its own, and most of these aren't.
 * It stays where it is, which costs its memory and nothing else.
 *
 * realloc() has to copy it, and its size is not known: whether a word in front of it is a size depends on
 * who made it.  But copying too much does no harm as long as it can be read: what lies behind the old block's
 * end is not meant by the program, which only knows of the new block that it is long enough. */
#include "host/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "os/os.h"

void
ouro__foreign_free(void *block)
{
    if (ouro__settings_get()->debug) {
        ouro__message("free of %p, which is no block of this heap: left alone", block);
    }
}

/* How many of the `size` bytes at `block` can be read. */
static size_t
count_readable(const void *block, size_t size)
{
    uintptr_t begin = (uintptr_t)block;
    size_t page = ouro__os_page_size();
    uintptr_t at = (begin + page) & ~(page - 1); /* its own page is readable, or it were no block */

    while (at - begin < size && ouro__os_is_readable((const void *)at)) {
        at += page;
    }
    return at - begin < size ? at - begin : size;
}

void *
ouro__foreign_realloc(void *block, size_t size)
{
    ouro_heap *heap = ouro__host_heap();
    void *copied = heap != NULL ? ouro_heap_alloc(heap, OURO_DOMAIN_RAW, size) : NULL;

    if (copied == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    memcpy(copied, block, count_readable(block, size));
    ouro__foreign_free(block);
    return copied;
}
