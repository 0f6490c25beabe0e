/* starve.h - no memory for objects: none at all, and then a block more each time.
 *
 * The object system must have been made with a limit of some megabytes, and automatic collections be off. */
#ifndef OURO_TESTS_STARVE_H
#define OURO_TESTS_STARVE_H

#include "nodes.h"
#include "random.h"

/* Take all memory there is for objects and their buffers, of every size up to 64 KiB. */
void starve_begin(void);

/* Give a block back, of a size that chance decides; when there is none left to give, the test ends. */
void starve_relent(struct test_random *random);

/* Give everything back. */
void starve_end(void);

#endif
