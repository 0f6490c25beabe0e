/* cmd_export.c - `ouro export --to FORMAT FILE`: a snapshot for other programs. */
#define _GNU_SOURCE
#include "cmd_view.h"

#include <string.h>
#include <unistd.h>

#include "export/export.h"
#include "output.h"
#include "progress.h"
#include "run/run.h"
#include "view/narrow.h"
#include "view/view_options.h"

static const struct format {
    const char *name;
    void (*add)(struct ouro__text *text, const struct ouro__export *export);
    bool is_binary;
} formats[] = {
    {"pprof", ouro__export_pprof, true},          {"speedscope", ouro__export_speedscope, false},
    {"collapsed", ouro__export_collapsed, false}, {"json", ouro__export_json, false},
    {"sqlite", ouro__export_sqlite, true},        {"memray-csv", ouro__export_memray, false},
};

/* The format that was asked for; NULL, and said so, when there is none or the terminal would get bytes. */
static const struct format *
format_find(const struct ouro__view_options *options)
{
    const struct format *format = NULL;

    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, options->format) == 0) {
            format = &formats[i];
        }
    }
    if (format == NULL) {
        ouro__say(
            "--to is pprof, speedscope, collapsed, json, sqlite or memray-csv, not '%s' (try 'ouro "
            "export --help')",
            options->format);
        return NULL;
    }
    if (format->is_binary && options->output == NULL && isatty(STDOUT_FILENO) == 1) {
        ouro__say("%s is not for terminals: -o FILE says where to (try 'ouro export --help')",
                  format->name);
        return NULL;
    }
    return format;
}

/* Write the document; false, and said, when it can't be. */
static bool
export_write(const struct ouro__view_options *options, const struct format *format,
             struct ouro__export export)
{
    struct ouro__output output;
    struct ouro__text text = {0};

    if (!ouro__output_begin(&output, options->output == NULL ? "-" : options->output, true)) {
        return false;
    }
    export.output = &output;
    format->add(&text, &export);
    bool has_failed = text.failed && output.error == 0;
    if (has_failed) {
        ouro__output_drop(&output);
        ouro__say("out of memory");
    } else {
        ouro__output_add(&output, text.data, text.length);
    }
    ouro__text_free(&text);
    return !has_failed && ouro__output_end(&output);
}

/* Sum up and write; an exit code. */
static int
export_make(const struct ouro__view_options *options, const struct format *format,
            const struct ouro__saved *saved)
{
    struct ouro__view view = {0};
    struct ouro__places places = {0};

    bool is_well = ouro__places_init(&places) &&
                   ouro__view_make(&view, &places, &saved->snapshot, options->measure,
                                   &options->filters, OURO_VIEW_PATHS);
    if (is_well) {
        ouro__progress_step("exporting", saved->path, NULL);
        is_well = export_write(options, format,
                               (struct ouro__export){saved, &places, &view, options->measure, NULL});
    } else {
        ouro__say("out of memory");
    }
    ouro__view_free(&view);
    ouro__places_free(&places);
    return is_well ? 0 : OURO_EXIT_FAILED;
}

int
ouro__cmd_export(int count, char **arguments)
{
    struct ouro__view_options options;
    struct ouro__saved saved = {0};

    int code = ouro__view_options_read(&options, OURO_VERB_EXPORT, count, arguments);
    if (code >= 0) {
        return code;
    }
    const struct format *format = format_find(&options);
    if (format == NULL) {
        code = OURO_EXIT_USAGE;
    } else if ((options.output != NULL && !ouro__output_check(options.output)) ||
               !ouro__saved_open(&saved, options.files[0])) {
        code = OURO_EXIT_FAILED;
    } else if (options.since != NULL && !ouro__narrow_knows(&saved, options.since)) {
        code = OURO_EXIT_USAGE;
    } else {
        if (options.since != NULL) {
            ouro__narrow_since(&saved, options.since);
        }
        code = export_make(&options, format, &saved);
    }
    ouro__saved_free(&saved);
    ouro__view_options_free(&options);
    return code;
}
