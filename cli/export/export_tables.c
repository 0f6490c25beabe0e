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
    const struct ouro__tables from = {export->places, export->saved, export->view};
    sqlite3 *database = ouro__database_make();
    sqlite3_int64 n = 0;
    bool is_well = database != NULL && ouro__database_fill(database, &from, OURO_ALL_TABLES);
    unsigned char *bytes = is_well ? sqlite3_serialize(database, "main", &n, 0) : NULL;

    (void)sqlite3_close(database);
    text->failed |= bytes == NULL;
    if (bytes != NULL) {
        ouro__output_add(export->output, bytes, (size_t)n);
    }
    sqlite3_free(bytes);
}

/* "function;file;line": without what ends a part or a frame, as it stands between quotes. */
static void
memray_frame_add(struct ouro__text *text, const struct ouro__places *places, uint32_t place)
{
    uint32_t line = ouro__line_of_place(places, place);
    const char *const parts[] = {
        ouro__name_of_function(places, ouro__function_of_place(places, place)),
        ouro__file_of_line(places, line),
    };

    struct ouro__text frame = {0};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        for (const char *c = parts[i]; *c != '\0'; c++) {
            ouro__text_add(&frame,
                           *c == ';' || *c == '|' ? ","
                           : *c == '"'            ? "\"\""
                                                  : c,
                           1 + (*c == '"'));
        }
        ouro__text_print(&frame, ";");
    }
    ouro__text_print(&frame, "%u", ouro__number_of_line(places, line));
    ouro__text_add_utf8(text, frame.data == NULL ? "" : frame.data);
    text->failed |= frame.failed;
    ouro__text_free(&frame);
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
    const struct ouro__view *view = export->view;
    struct ouro__place_texts texts;

    text->failed |= !ouro__place_texts_make(&texts, places, '|', memray_frame_add);
    /* Where any traceback needs quotes, all get them. */
    size_t n_quotes = texts.text.data != NULL && strpbrk(texts.text.data, "\",\r\n") != NULL;
    ouro__text_print(text, "allocator,num_allocations,size,tid,thread_name,stack_trace\r\n");
    for (size_t i = 1; i < snapshot->n_traces && !text->failed; i++) {
        const struct ouro_snapshot_trace *trace = &snapshot->traces[i];
        struct ouro__figures figures = ouro__figures_of(&snapshot->tracing, trace, export->measure);
        uint32_t path = view->spots[i];
        if (!ouro__view_keeps(view, i) || figures.blocks == 0) {
            continue;
        }
        ouro__text_print(text, "%s,%" PRIu64 ",%" PRIu64 ",", allocators[trace->domain],
                         ouro__rounded(figures.blocks), ouro__rounded(figures.bytes));
        memray_thread_add(text, snapshot, trace->thread);
        ouro__text_add(text, "\"", n_quotes);
        for (uint32_t at = path; at != 0; at = places->paths.items[at].a) {
            ouro__place_texts_add(&texts, ouro__place_of_path(places, at), at == path, text);
        }
        ouro__text_add(text, &"\"\r\n"[1 - n_quotes], 2 + n_quotes);
        ouro__export_pass(text, export);
    }
    ouro__place_texts_free(&texts);
}
