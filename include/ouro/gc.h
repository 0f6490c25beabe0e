/* ouro/gc.h - the collector: finds objects that only hold each other.
 *
 * Objects are young when made, and older each time a collection leaves them alive: generations 0, 1 and 2.
 * A collection of a generation looks at it and the younger ones.  Frozen objects are left alone.
 *
 * @source  CPython Modules/gcmodule.c and the documentation of Python's module gc */
#ifndef OURO_GC_H
#define OURO_GC_H

#include <ouro/object.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How many generations there are; the oldest is OURO_GENERATIONS - 1. */
#define OURO_GENERATIONS 3

/** What collections of one generation have done.  @source gc.get_stats() */
typedef struct ouro_gc_stats {
    uint64_t n_collections;    /**< that began */
    uint64_t n_collected;      /**< objects found unreachable and let go of */
    uint64_t n_uncollectable;  /**< objects kept in the garbage instead */
    uint64_t n_visited;        /**< objects looked at */
    uint64_t total_ns;         /**< time in them, from stopping the world to the last object's end */
    uint64_t longest_pause_ns; /**< the longest time that the world stood still */
} ouro_gc_stats;

/** What is told to callbacks.  An automatic collection of the old generation goes on in slices between its two events, and
 * younger ones begin and end meanwhile; what is unreachable when it begins, it finds.  One that is given up has found
 * nothing. */
typedef struct ouro_gc_event {
    bool is_stop;        /**< false: a collection begins; true: it has ended, and the counts are its */
    bool in_slices;      /**< the program goes on between the two events */
    unsigned generation; /**< the oldest of those that it looks at */
    size_t n_collected;  /**< objects found unreachable and let go of */
    size_t n_uncollectable; /**< objects kept in the garbage instead */
} ouro_gc_event;

/** Called when a collection begins and when it has ended, while no thread is stopped; for one in slices perhaps by two
 * threads. */
typedef void (*ouro_gc_callback)(const ouro_gc_event *event, void *context);

/** What the collector may be asked to do or tell, one or more of them.  @source gc.set_debug() */
enum ouro_gc_debug {
    OURO_GC_DEBUG_STATS = 1,         /**< a line on stderr for each collection */
    OURO_GC_DEBUG_COLLECTABLE = 2,   /**< a line for each object that is let go of */
    OURO_GC_DEBUG_UNCOLLECTABLE = 4, /**< a line for each that is kept in the garbage */
    OURO_GC_DEBUG_SAVEALL =
        32, /**< keep all that is unreachable in the garbage instead of freeing it */
};

/** Switch automatic collections on, as they are in the beginning. */
OURO_API void ouro_gc_enable(void);

/** Switch automatic collections off; ouro_gc_collect() still collects. */
OURO_API void ouro_gc_disable(void);

/** Whether automatic collections are on. */
OURO_API bool ouro_gc_is_enabled(void);

/**
 * Collect a generation and all younger ones.
 *
 * @param generation  0, 1 or 2; larger ones mean 2
 * @return how many unreachable objects were found; 0 when a collection is running already
 * @threads attached ones; all others stand still for part of it
 * @source gc.collect()
 */
OURO_API size_t ouro_gc_collect(unsigned generation);

/**
 * Say when collections happen by themselves.
 *
 * Until other thresholds than {2000, 10, 10} are set, these are where pacing starts from: while collections find next to
 * nothing, batches grow to 4096 objects, only some of them are looked at, and old collections wait for a multiple of the
 * memory, or until they are cheap for the time that has passed.
 *
 * @param threshold  borrowed: how many objects may be made before a young collection, and young (middle) ones before
 *                   a middle (old) one.  An old one also waits until what is new to it is a quarter of what the last one
 *                   left.  0 in the first place: no automatic collection; in the second or third: none of that generation
 * @source gc.set_threshold()
 */
OURO_API void ouro_gc_set_threshold(const uint32_t threshold[OURO_GENERATIONS]);

/** Fill `threshold` with what ouro_gc_set_threshold() set last. */
OURO_API void ouro_gc_get_threshold(uint32_t threshold[OURO_GENERATIONS]);

/** Fill `count` with how far it is: addresses where objects were made since the last collection, young collections since the last middle one,
 * middle ones since the last old one. */
OURO_API void ouro_gc_get_count(uint32_t count[OURO_GENERATIONS]);

/** Fill `stats` with what collections of each generation have done so far. */
OURO_API void ouro_gc_get_stats(ouro_gc_stats stats[OURO_GENERATIONS]);

/** Set `flags` of enum ouro_gc_debug, all of them at once; 0 in the beginning. */
OURO_API void ouro_gc_set_debug(unsigned flags);

/** The flags that are set. */
OURO_API unsigned ouro_gc_get_debug(void);

/** Have `callback` told when collections begin and end, and `context`, borrowed; it may do all but collect, which finds
 * nothing there.  OURO_OK, or OURO_TOO_MANY: 8 callbacks are there. */
OURO_API OURO_NODISCARD ouro_status ouro_gc_add_callback(ouro_gc_callback callback, void *context);

/** Have `callback` with that `context` told no longer; 0 when it was not, OURO_FOUND when it was. */
OURO_API ouro_status ouro_gc_remove_callback(ouro_gc_callback callback, void *context);

/** Have collections pass by all objects that are there now.  @source gc.freeze() */
OURO_API void ouro_gc_freeze(void);

/** Undo ouro_gc_freeze(): what was frozen is old. */
OURO_API void ouro_gc_unfreeze(void);

/** How many objects are frozen. */
OURO_API size_t ouro_gc_freeze_count(void);

/**
 * Call `visit` for each object that the collector looks at, while the world stands still: it may look and take
 * references, but make nothing and let go of nothing.
 *
 * @param generation  0, 1 or 2, or -1 for all three
 * @param visit       a result other than 0 ends the walk
 * @param context     handed to `visit`
 * @return OURO_OK, OURO_WRONG_VALUE for another generation, or the visitor's first result that is not 0
 * @source gc.get_objects()
 */
OURO_API int ouro_gc_visit_objects(int generation, ouro_visitor visit, void *context);

/** Call `visit` with `context` likewise for each object that the collector looks at and that holds a reference to
 * `object`; @return the first result that is not 0, or OURO_OK  @source gc.get_referrers() */
OURO_API int ouro_gc_visit_referrers(ouro_loan object, ouro_visitor visit, void *context);

/**
 * Call `visit` for each reference that some objects hold; numbers, texts and their like hold none.  Of an object that
 * several hold, or one twice, it is told as often.
 *
 * @param objects    borrowed, as is the array
 * @param n_objects  of them
 * @param visit      may do what that of ouro_gc_visit_objects() may; a result other than 0 ends the walk
 * @param context    handed to `visit`
 * @return the first result that is not 0, or OURO_OK
 * @source gc.get_referents()
 */
OURO_API int ouro_gc_visit_referents(const ouro_loan *objects, size_t n_objects, ouro_visitor visit,
                                     void *context);

/**
 * Bytes of an object and of all that can be reached from it, what is reached more than once counted once.  What is held
 * weakly is not reached.  Left out are objects that are never freed, None and small numbers among them, and types: they belong to
 * the whole program.  Interned texts are counted, since they go with their last reference.
 *
 * The world stands still meanwhile, and as much memory is taken from the system as the addresses of all these objects need
 * two or three times.
 *
 * @param object  borrowed; counted itself whatever it is
 * @param size    receives the sum of their ouro_sizeof()
 * @return OURO_OK or OURO_NO_MEMORY
 */
OURO_API OURO_NODISCARD ouro_status ouro_sizeof_deep(ouro_loan object, size_t *size);

/** How many objects are in the garbage: unreachable, and not to be freed. */
OURO_API size_t ouro_gc_garbage_count(void);

/** An object, taken out of the garbage, as a new reference; NULL when it is empty. */
OURO_API OURO_NODISCARD ouro_ref ouro_gc_garbage_take(void);

#ifdef __cplusplus
}
#endif

#endif
