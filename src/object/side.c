#include "object/side.h"

struct side ouro__side;

static ouro__os_lock side_lock = OURO_OS_LOCK_INIT;

#define LEAST_COVERED ((uintptr_t)64 << 20)
/* From here on, small pages would cost a look at all objects more faults than they spare memory; one at few objects would have
 * the system clear two MiB where it needs a page. */
#define HUGE_COVERED ((uintptr_t)256 << 20)

static bool is_huge; /* the world stands still, or `side_lock` is held */

/* With the bytes for slots behind it. */
static size_t
size_of(uintptr_t covered)
{
    return ouro__round_up((covered >> 4) + (covered >> SLOT_SHIFT), ouro__os_page_size());
}

bool
ouro__side_extend(void)
{
    bool reaches = true;

    ouro__os_acquire(&side_lock);
    uintptr_t extent = ouro__range_extent(), covered = ouro__side.covered;
    if (covered < extent) {
        covered = covered == 0 ? LEAST_COVERED : covered;
        while (covered < extent) {
            covered *= 2;
        }
        uint8_t *bytes = ouro__os_map(size_of(covered));
        reaches = bytes != NULL;
        if (reaches) {
            if (ouro__side.bytes != NULL) { /* a collection in slices has left its notes there */
                if (!ouro__os_move(ouro__side.bytes, bytes, ouro__side.covered >> 4)) {
                    memcpy(bytes, ouro__side.bytes, ouro__side.covered >> 4);
                }
                ouro__os_unmap(ouro__side.bytes, size_of(ouro__side.covered));
            }
            ouro__side.bytes = bytes;
            __atomic_store_n(&ouro__side.covered, covered, __ATOMIC_RELEASE);
        }
    }
    ouro__os_release(&side_lock);
    return reaches;
}

void
ouro__side_expect_all(void)
{
    if (ouro__side.covered >= HUGE_COVERED) {
        ouro__side_forget(); /* a few small pages would keep large ones from taking their place */
        ouro__os_prefer_huge_pages(ouro__side.bytes, size_of(ouro__side.covered));
        is_huge = true;
    }
}

void
ouro__side_forget(void)
{
    if (ouro__side.bytes != NULL) {
        ouro__os_purge(ouro__side.bytes, size_of(ouro__side.covered));
    }
    if (is_huge) {
        ouro__os_prefer_small_pages(ouro__side.bytes, size_of(ouro__side.covered));
        is_huge = false;
    }
}
