/* chart.h - memory over time in a terminal. */
#ifndef OURO_CLI_CHART_H
#define OURO_CLI_CHART_H

#include "page.h"
#include "plot/timeline.h"

/* The chart, as wide as the page: live memory by domain, resident memory, the collector's runs and the program's marks,
 * with what its colours and letters mean below it. */
void ouro__chart_add(const struct ouro__page *page, const struct ouro__timeline *timeline);

#endif
