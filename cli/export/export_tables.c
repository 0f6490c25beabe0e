/* export_tables.c - snapshots as tables for other programs: a database of SQLite, and the CSV that memray writes.
 *
 * @source memray, src/memray/reporters/transform.py, render_as_csv(): the columns, and how a traceback is written */
#define _GNU_SOURCE
#include <inttypes.h>
#include <string.h>

#include "export/database.h"
#include "export/export.h"
#include "json_values.h"
#include "view/rows.h"

void
ouro__export_sqlite(struct ouro__text *text, const struct ouro__export *export)
{
    sqlite3 *database = ouro__database_make(export->places, export->saved, &export->views[0]);
    sqlite3_int64 n = 0;
    unsigned char *bytes = database == NULL ? NULL : sqlite3_serialize(database, "main", &n, 0);

    (void)sqlite3_close(database);
    text->failed |= bytes == NULL;
    if (bytes != NULL) {
        ouro__text_add(text, (const char *)bytes, (size_t)n);
    }
    sqlite3_free(bytes);
}

/* "function;file;line": without what ends a part or a frame. */
static void
memray_frame_add(struct ouro__text *text, const struct ouro__places *places, uint32_t place)
{
    uint32_t line = ouro__line_of_place(places, place);
    const char *const parts[] = {
        ouro__name_of_function(places, ouro__function_of_place(places, place)),
        ouro__file_of_line(places, line),
    };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        for (const char *c = parts[i]; *c != '\0'; c++) {
            ouro__text_add(text, *c == ';' || *c == '|' ? "," : c, 1);
        }
        ouro__text_print(text, ";");
    }
    ouro__text_print(text, "%u", ouro__number_of_line(places, line));
}

/* The system's number and the name; 0 and nothing where it wasn't noted. */
static void
memray_thread_add(struct ouro__text *text, const struct ouro__snapshot *snapshot, uint32_t thread)
{
    if (thread == 0) {
        ouro__text_print(text, "0,,");
        return;
    }
    ouro__text_print(text, "%u,", snapshot->threads[thread].id);
    ouro__csv_add_value(text, snapshot->threads[thread].name);
    ouro__text_print(text, ",");
}

void
ouro__export_memray(struct ouro__text *text, const struct ouro__export *export)
{
    static const char *const allocators[3] = {"MALLOC", "PYMALLOC_MALLOC", "PYMALLOC_MALLOC"};
    const struct ouro__snapshot *snapshot = &export->saved->snapshot;
    const struct ouro__places *places = export->places;
    const struct ouro__view *view = &export->views[0];

    ouro__text_print(text, "allocator,num_allocations,size,tid,thread_name,stack_trace\r\n");
    for (size_t i = 1; i < snapshot->n_traces && !text->failed; i++) {
        const struct ouro_snapshot_trace *trace = &snapshot->traces[i];
        struct ouro__figures figures = ouro__figures_of(&snapshot->tracing, trace, export->measure);
        struct ouro__text frames = {0};
        uint32_t path = view->nodes[trace->node];
        if (!view->is_kept[path] || figures.blocks == 0) {
            continue;
        }
        ouro__text_print(text, "%s,%" PRIu64 ",%" PRIu64 ",", allocators[trace->domain],
                         ouro__rounded(figures.blocks), ouro__rounded(figures.bytes));
        memray_thread_add(text, snapshot, trace->thread);
        for (; path != 0; path = places->paths.items[path].a) {
            ouro__text_print(&frames, "%s", frames.length == 0 ? "" : "|");
            memray_frame_add(&frames, places, ouro__place_of_path(places, path));
        }
        ouro__csv_add_value(text, frames.data == NULL ? "" : frames.data);
        ouro__text_print(text, "\r\n");
        text->failed |= frames.failed;
        ouro__text_free(&frames);
    }
}
