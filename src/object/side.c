#include "object/side.h"

struct side ouro__side;

static ouro__os_lock side_lock = OURO_OS_LOCK_INIT;

#define LEAST_COVERED ((uintptr_t)64 << 20)
/* What the system may have for a large page; a mapping of so many bytes, or a multiple, begins where one can. */
#define LARGE_PAGE ((size_t)2 << 20)
/* Bytes of collected objects from which on a large page may be less work than small ones: half of what it covers. */
#define LARGE_HELD (LARGE_PAGE * 16 / 2)

static bool is_huge; /* written while the world stands still */

/* With the bytes for slots behind it. */
static size_t
size_of(uintptr_t covered)
{
    return ouro__round_up((covered >> 4) + (covered >> SLOT_SHIFT), LARGE_PAGE);
}

/* Where the system gives large pages unasked, a look at a few objects must not have it clear one. */
static void
ask_for_pages(uint8_t *bytes, uintptr_t covered)
{
    if (is_huge) {
        ouro__os_prefer_huge_pages(bytes, size_of(covered));
    } else {
        ouro__os_prefer_small_pages(bytes, size_of(covered));
    }
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
            ask_for_pages(bytes, covered);
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

/* Has most of what a large page covers collected objects?  A small one covers a slot: where few do, the small ones are fewer
 * bytes to clear. */
static bool
is_dense(void)
{
    uint64_t held = __atomic_load_n(&ouro__collected->held_here, __ATOMIC_RELAXED);
    return held >= LARGE_HELD && held >= ouro__range_extent() / 2;
}

void
ouro__side_expect_all(void)
{
    if (is_dense()) {
        /* Mapped anew: a few small pages would keep large ones from taking their place, and so would the system's tables of
         * those that were given back. */
        ouro__os_renew(ouro__side.bytes, size_of(ouro__side.covered));
        is_huge = true;
        ask_for_pages(ouro__side.bytes, ouro__side.covered);
    }
}

void
ouro__side_forget(void)
{
    if (ouro__side.bytes != NULL) {
        ouro__os_purge(ouro__side.bytes, size_of(ouro__side.covered));
    }
    if (is_huge) {
        is_huge = false;
        ask_for_pages(ouro__side.bytes, ouro__side.covered);
    }
}
