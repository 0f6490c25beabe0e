/* template.h - the page without its data, as web/ has it, in the tool itself. */
#ifndef OURO_CLI_TEMPLATE_H
#define OURO_CLI_TEMPLATE_H

#include <stddef.h>

/* `*n` bytes, 0 when the tool was built where there was no npm; borrowed, for good. */
const char *ouro__template(size_t *n);

/* Stands in it once, where the data goes. */
#define OURO_TEMPLATE_MARK "OURO-DATA"

#endif
