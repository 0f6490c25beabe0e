/* ouro/instance.h - attributes of the instances of classes.
 *
 * An instance has its values in itself, in the order in which attributes were set; their names stand once,
 * with the class, which learns them from what is set.  An instance that has other names, too many of them, or sets them
 * in another order than those before it, has a dict of its own from then on.
 *
 * Names are texts.  They are found fastest when they are the same objects each time, as those of ouro_str_intern() are.  Objects that are no
 * instances and names that are no texts give OURO_WRONG_TYPE.
 *
 * @source  PEP 412, "Key-Sharing Dictionary"; CPython Objects/dictobject.c, inline values */
#ifndef OURO_INSTANCE_H
#define OURO_INSTANCE_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * An attribute of an instance, or else of its class.  A function of the class is given as a method bound to the instance.
 *
 * @param value  receives a new reference
 * @return OURO_FOUND; 0 when there is none; OURO_NO_MEMORY for a method
 * @threads attached, also while others change it
 * @source Python's getattr()
 */
OURO_API OURO_NODISCARD ouro_status ouro_instance_get(ouro_loan instance, ouro_loan name,
                                                      ouro_ref *value);

/** Whether ouro_instance_get() would find one: OURO_FOUND or 0. */
OURO_API OURO_NODISCARD ouro_status ouro_instance_has(ouro_loan instance, ouro_loan name);

/**
 * Have an attribute, put in last if it is new.
 *
 * @return OURO_OK, OURO_NO_MEMORY, or OURO_WRONG_VALUE when the class is closed and has no such slot
 * @threads attached, also while others use it
 * @source Python's setattr()
 */
OURO_API OURO_NODISCARD ouro_status ouro_instance_set(ouro_loan instance, ouro_loan name,
                                                      ouro_loan value);

/** Take an attribute out of the instance: OURO_FOUND, or 0 when it has none of its own.  @source Python's delattr() */
OURO_API OURO_NODISCARD ouro_status ouro_instance_delete(ouro_loan instance, ouro_loan name);

/**
 * Step through an instance's own attributes but for slots, in the order in which they were put in.  As ouro_dict_next().
 *
 * @param position  0 in the beginning; where the next step goes on
 * @param name      receives a new reference; may be NULL
 * @param value     receives a new reference; may be NULL
 * @return whether there was one more
 */
OURO_API bool ouro_instance_next(ouro_loan instance, size_t *position, ouro_ref *name, ouro_ref *value);

/**
 * The dict of an instance's own attributes but for slots: it is the same as long as the instance lives, and what is changed in
 * the one is changed in the other.  It is made when it is asked for first; the instance then takes more memory.
 *
 * @param dict  receives a new reference
 * @return OURO_OK, OURO_NO_MEMORY, or OURO_WRONG_VALUE when the class is closed
 * @source Python's vars()
 */
OURO_API OURO_NODISCARD ouro_status ouro_instance_dict(ouro_loan instance, ouro_ref *dict);

#ifdef __cplusplus
}
#endif

#endif
