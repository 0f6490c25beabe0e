/* ouro/function.h - what can be called: functions with what they have captured, and methods bound to an object; cells. */
#ifndef OURO_FUNCTION_H
#define OURO_FUNCTION_H

#include <ouro/protocol.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The type of functions, borrowed. */
OURO_API ouro_loan ouro_function_type(void);

/** The type of methods, borrowed. */
OURO_API ouro_loan ouro_method_type(void);

/** The type of cells, borrowed. */
OURO_API ouro_loan ouro_cell_type(void);

/* ---- functions ---- */

/**
 * What a function does.
 *
 * @param function     borrowed: itself
 * @param arguments    borrowed
 * @param n_arguments  of them
 * @param result       NULL on entry; receives a new reference, or stays NULL, which means None
 * @return OURO_OK, or a failure; then nothing is in `result`
 */
typedef ouro_status (*ouro_function_body)(ouro_loan function, ouro_loan const *arguments,
                                          size_t n_arguments, ouro_ref *result);

/**
 * Make a function.
 *
 * @param name        borrowed and kept, or NULL
 * @param body        what it does
 * @param captured    borrowed and kept; none is NULL
 * @param n_captured  of `captured`
 * @return a new reference, or NULL without memory
 */
OURO_API OURO_NODISCARD ouro_ref ouro_function_new(ouro_loan name, ouro_function_body body,
                                                   ouro_loan const *captured, size_t n_captured);

/** Its name, borrowed from it, or NULL. */
OURO_API ouro_loan ouro_function_name(ouro_loan function);

/** What it has captured at `index`, borrowed from it; NULL beyond the end. */
OURO_API ouro_loan ouro_function_captured_borrow(ouro_loan function, size_t index);

/* ---- methods ---- */

/** Make a function a method of an object, which it will be called with before the other arguments; OURO_OK,
 * OURO_NO_MEMORY, or OURO_WRONG_TYPE when it is no function. */
OURO_API OURO_NODISCARD ouro_status ouro_method_create(ouro_loan function, ouro_loan self,
                                                       ouro_ref *method);

/** The function of a method, borrowed from it; NULL for what is none. */
OURO_API ouro_loan ouro_method_function_borrow(ouro_loan method);

/** The object that a method is bound to, borrowed from it; NULL for what is none. */
OURO_API ouro_loan ouro_method_self_borrow(ouro_loan method);

/* ---- calling ---- */

/**
 * Call a function or a method.
 *
 * @param arguments    borrowed; NULL only when there are none
 * @param n_arguments  of `arguments`
 * @param result       receives a new reference
 * @return OURO_OK, what the function fails with, OURO_NO_MEMORY, OURO_WRONG_TYPE for what cannot be called, or OURO_DEAD
 *         when the collector has let go of what the function needs
 */
OURO_API OURO_NODISCARD ouro_status ouro_call(ouro_loan callable, ouro_loan const *arguments,
                                              size_t n_arguments, ouro_ref *result);

/* ---- cells ---- */

/** A new cell: a variable that several functions share.  `content` is borrowed, or NULL; NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_cell_new(ouro_loan content);

/** What is in a cell, as a new reference; NULL when it is empty.  @threads attached, also while others set it */
OURO_API OURO_NODISCARD ouro_ref ouro_cell_get(ouro_loan cell);

/** Put something else in; NULL empties it. */
OURO_API void ouro_cell_set(ouro_loan cell, ouro_loan content);

#ifdef __cplusplus
}
#endif

#endif
