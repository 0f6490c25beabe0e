/* ouro/class.h - types made at run time, without C code: names of attributes, methods, a base.
 *
 * A class is a type.  Its objects, the instances, are made by ouro_new() and used by <ouro/instance.h>.  Its own
 * attributes, which all instances see, are in a dict: values, and functions, which are its methods. */
#ifndef OURO_CLASS_H
#define OURO_CLASS_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a class is made from.  Zero is a good value for every field but `name`. */
typedef struct ouro_class_spec {
    const char *name; /**< copied */
    ouro_loan
        base; /**< a class, or a type with OURO_TYPE_BASE whose objects have no items; NULL for none */
    size_t n_slots; /**< of `slots` */
    ouro_loan const
        *slots;     /**< names, which are texts, of attributes that each instance has a place for,
                                 besides those of the base; 250 in all at most */
    bool is_closed; /**< instances have slots alone: no other attributes, unless the base's have */
    ouro_loan
        finalize; /**< NULL, or what is called with an instance when it is about to be destroyed, once
                             in its life: a function or method.  It is the class's attribute "__del__", and may be
                             changed there.  @source PEP 442 */
} ouro_class_spec;

/**
 * Make a class.
 *
 * @param spec  borrowed, read during the call
 * @param type  receives a new reference
 * @return OURO_OK, OURO_NO_MEMORY, OURO_TOO_MANY types, OURO_TOO_LARGE with too many slots, OURO_WRONG_TYPE when
 *         the base is none or a slot's name is no text, OURO_WRONG_VALUE when two slots have the same name
 * @source Python's class statement; __slots__
 */
OURO_API OURO_NODISCARD ouro_status ouro_class_create(const ouro_class_spec *spec, ouro_ref *type);

/** Whether an object is a class. */
OURO_API bool ouro_is_class(ouro_loan object);

/** The type that another was made from, borrowed from it; NULL when there is none. */
OURO_API ouro_loan ouro_type_base(ouro_loan type);

/** The dict of a class's own attributes, borrowed from it, to be read and changed; NULL for what is no class. */
OURO_API ouro_loan ouro_class_dict(ouro_loan type);

/** An attribute of a class or the nearest of its bases that has it, as it is there: OURO_FOUND and a new reference; 0
 * when there is none; OURO_WRONG_TYPE for what is no class; or what looking up fails with. */
OURO_API OURO_NODISCARD ouro_status ouro_class_get(ouro_loan type, ouro_loan name, ouro_ref *value);

#ifdef __cplusplus
}
#endif

#endif
