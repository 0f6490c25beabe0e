/* picture.h - memory over time as a picture. */
#ifndef OURO_CLI_PICTURE_H
#define OURO_CLI_PICTURE_H

#include "plot/timeline.h"

enum ouro__picture { OURO_PICTURE_SVG, OURO_PICTURE_PNG };

/* Draw the recording of `saved` and add the file's bytes to `text`; false when that can't be done: `text` has failed
 * then, or the library says why, which is said. */
bool ouro__picture_add(struct ouro__text *text, enum ouro__picture kind,
                       const struct ouro__saved *saved, const struct ouro__timeline *timeline);

#endif
