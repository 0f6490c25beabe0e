/* units.h - sizes, times and counts: as people write them and as people read them. */
#ifndef OURO_CLI_UNITS_H
#define OURO_CLI_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for any of the texts below, units and NUL included. */
#define OURO_UNIT_TEXT 24

/* Parse "512M", "1.5G", "300MiB", "1000000": K, M, G and T are powers of 1024, as are Ki, KiB and so on;
 * KB, MB, GB and TB powers of 1000.  On failure `why` is a reason that completes "a size ...". */
bool ouro__size_parse(const char *text, uint64_t *bytes, const char **why);

/* A signal by its number or name, "USR1", "SIGUSR1", "RTMIN+3"; -1 when there is none such. */
int ouro__signal_parse(const char *text);

/* "12.3 MiB".  The buffers hold OURO_UNIT_TEXT and are returned. */
const char *ouro__size_show(char *buffer, uint64_t bytes);

/* "41 ms", "2.41 s", "3 min 20 s", "2 h 05 min". */
const char *ouro__time_show(char *buffer, uint64_t ns);

/* "950", "41.2 k", "3.1 M", "2.0 G". */
const char *ouro__count_show(char *buffer, double count);

/* part of whole, 0 to 1; 0 of nothing. */
double ouro__share(uint64_t part, uint64_t whole);

/* Sums that stay at the top instead of wrapping: the figures of a record may be nonsense. */
uint64_t ouro__sum(uint64_t a, uint64_t b);

#endif
