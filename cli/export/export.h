/* export.h - snapshots as other programs read them. */
#ifndef OURO_CLI_EXPORT_H
#define OURO_CLI_EXPORT_H

#include "output.h"
#include "snapshot/view.h"
#include "view/saved.h"

/* A snapshot with all its figures. */
struct ouro__export {
    const struct ouro__saved *saved;
    struct ouro__places *places;
    const struct ouro__view *view; /* by the measure that was asked for */
    enum ouro__measure measure;
    struct ouro__output *output;
};

/* What stands for each place in a document: made once, as a place comes again in many tracebacks. */
struct ouro__place_texts {
    struct ouro__text text; /* all of them, one behind the other, each with the separator before it */
    size_t *ends;           /* by place */
};

/* Made by `add`; false without memory.  To be freed either way. */
bool ouro__place_texts_make(struct ouro__place_texts *texts, const struct ouro__places *places,
                            char separator,
                            void (*add)(struct ouro__text *text, const struct ouro__places *places,
                                        uint32_t place));

/* The first of a row goes without its separator. */
void ouro__place_texts_add(const struct ouro__place_texts *texts, uint32_t place, bool is_first,
                           struct ouro__text *to);
void ouro__place_texts_free(struct ouro__place_texts *texts);

/* Documents may be larger than memory: what was added so far is written, and `text` empty again, once that is worth it. */
void ouro__export_pass(struct ouro__text *text, const struct ouro__export *export);

/* Each adds a whole document to `text`, as far as it was not passed on, which has `failed` without memory. */

/* profile.proto of pprof, gzipped. */
void ouro__export_pprof(struct ouro__text *text, const struct ouro__export *export);

/* A line for each path: its frames, the outermost first, with a semicolon between them, and its bytes. */
void ouro__export_collapsed(struct ouro__text *text, const struct ouro__export *export);

/* The file format of speedscope: a profile for each measure. */
void ouro__export_speedscope(struct ouro__text *text, const struct ouro__export *export);

/* ouro-snapshot/1, as docs/snapshot.md has it. */
void ouro__export_json(struct ouro__text *text, const struct ouro__export *export);

/* A database of SQLite, see database.h. */
void ouro__export_sqlite(struct ouro__text *text, const struct ouro__export *export);

/* What memray's `transform csv` writes: a row for the blocks of one size that a traceback asked for. */
void ouro__export_memray(struct ouro__text *text, const struct ouro__export *export);

#endif
