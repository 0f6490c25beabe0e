/* init.c - the beginning: every room of the object system, from the bottom up. */
#include "gc/gc.h"
#include "object/weakref.h"
#include "types/types.h"

static ouro__os_lock init_lock = OURO_OS_LOCK_INIT;
static bool
    is_made; /* atomic; then the lock is not taken: the child of a fork might find it held for ever */

/* In this order, once; false without memory. */
static bool (*const inits[])(void) = {
    ouro__weakrefs_init,   ouro__gc_init,         ouro__numbers_init,        ouro__ints_init,
    ouro__strs_init,       ouro__bytes_init,      ouro__bytearrays_init,     ouro__tuples_init,
    ouro__lists_init,      ouro__dicts_init,      ouro__sets_init,           ouro__table_iterators_init,
    ouro__iterators_init,  ouro__generators_init, ouro__ranges_init,         ouro__deques_init,
    ouro__files_init,      ouro__adaptors_init,   ouro__proxies_init,        ouro__finalizers_init,
    ouro__weak_dicts_init, ouro__weak_sets_init,  ouro__weak_iterators_init, ouro__functions_init,
    ouro__classes_init,
};

ouro_status
ouro_init(const ouro_config *config)
{
    if (__atomic_load_n(&is_made, __ATOMIC_ACQUIRE)) {
        return ouro_thread_attach();
    }
    ouro__os_acquire(&init_lock);
    ouro_status status = ouro__objects_init(config) ? ouro_thread_attach() : OURO_NO_MEMORY;
    if (status == OURO_OK) {
        ouro__hash_init();
    }
    for (size_t i = 0; i < sizeof inits / sizeof inits[0] && status == OURO_OK; i++) {
        status = inits[i]() ? OURO_OK : OURO_NO_MEMORY;
    }
    if (status < 0 && ouro_thread_is_attached()) {
        ouro_thread_detach();
    }
    __atomic_store_n(&is_made, status == OURO_OK, __ATOMIC_RELEASE);
    ouro__os_release(&init_lock);
    return status;
}
