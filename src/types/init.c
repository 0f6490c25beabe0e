/* init.c - the beginning: every room of the object system, from the bottom up. */
#include "gc/gc.h"
#include "object/weakref.h"
#include "types/types.h"

static ouro__os_lock init_lock = OURO_OS_LOCK_INIT;

ouro_status
ouro_init(const ouro_config *config)
{
    ouro__os_acquire(&init_lock);
    ouro_status status = ouro__objects_init(config) ? ouro_thread_attach() : OURO_NO_MEMORY;
    if (status == OURO_OK) {
        ouro__hash_init();
    }
    if (status == OURO_OK &&
        !(ouro__weakrefs_init() && ouro__gc_init() && ouro__numbers_init() && ouro__ints_init() &&
          ouro__strs_init() && ouro__bytes_init() && ouro__bytearrays_init() && ouro__tuples_init() &&
          ouro__lists_init() && ouro__dicts_init() && ouro__sets_init() &&
          ouro__table_iterators_init() && ouro__functions_init() && ouro__classes_init())) {
        ouro_thread_detach();
        status = OURO_NO_MEMORY;
    }
    ouro__os_release(&init_lock);
    return status;
}
