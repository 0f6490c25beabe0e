/* json_values.h - numbers and texts of any kind as JSON. */
#ifndef OURO_CLI_JSON_VALUES_H
#define OURO_CLI_JSON_VALUES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/record.h"
#include "text.h"

/* Before anything is made: jansson leaves out what it has no memory for, and from here on that is noted. */
void ouro__json_begin(void);

/* A document as text; owned, NULL when there is none, or anything was left out. */
char *ouro__json_dump(const json_t *root, size_t flags);

/* JSON as jansson has it ends at 2^63 - 1; no figure that means something is larger. */
json_t *ouro__json_number(uint64_t value);

/* A figure of each domain, by its name. */
json_t *ouro__json_by_domain(const uint64_t values[3]);

/* Add `words` as UTF-8; what is none becomes U+FFFD, byte by byte. */
void ouro__text_add_utf8(struct ouro__text *text, const char *words);

/* Any string, as UTF-8. */
json_t *ouro__json_text(const char *text);

/* The arguments of a process. */
json_t *ouro__json_command(const struct ouro_record *record);

/* A string as JSON's text, with its quotes: for documents too large to be built in memory twice. */
void ouro__json_add_text(struct ouro__text *text, const char *words);

#endif
