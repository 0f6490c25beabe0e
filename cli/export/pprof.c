/* pprof.c - a snapshot as profile.proto, which `go tool pprof` reads.
 *
 * A message is a sequence of fields: a key (number << 3 | type), then a varint (type 0), or a length and so many bytes
 * (type 2: texts, messages, numbers one behind the other).  Strings are numbers in a table; ours is that of the places,
 * whose text 0 is empty as pprof's has to be.
 *
 * @source google/pprof, proto/profile.proto; protobuf.dev, "Encoding"
 * @source RFC 1952 for the gzip around it, by zlib */
#define _GNU_SOURCE
#include "export/export.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "export/samples.h"
#include "json_values.h"
#include "view/rows.h"

/* Fields of Profile, and of the messages in it. */
enum {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING_TABLE = 6,
    PROFILE_TIME_NANOS = 9,
    PROFILE_DURATION_NANOS = 10,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_DEFAULT_SAMPLE_TYPE = 14,
    VALUE_TYPE_TYPE = 1,
    VALUE_TYPE_UNIT = 2,
    SAMPLE_LOCATION_ID = 1,
    SAMPLE_VALUE = 2,
    SAMPLE_LABEL = 3,
    LABEL_KEY = 1,
    LABEL_STR = 2,
    LOCATION_ID = 1,
    LOCATION_LINE = 4,
    LINE_FUNCTION_ID = 1,
    LINE_LINE = 2,
    FUNCTION_ID = 1,
    FUNCTION_NAME = 2,
    FUNCTION_FILENAME = 4
};

/* The strings behind the places' own. */
static const char *const more_strings[] = {
    "inuse_space", "inuse_objects", "peak_space", "peak_objects", "alloc_space", "alloc_objects",
    "bytes",       "count",         "space",      "(no frame)",   "thread",      "type",
    "domain",      "raw",           "mem",        "object",
};

enum {
    STRING_BYTES = 6,
    STRING_COUNT,
    STRING_SPACE,
    STRING_NO_FRAME,
    STRING_THREAD,
    STRING_TYPE,
    STRING_DOMAIN,
    STRING_DOMAINS, /* the three */
};

/* A profile on its way: what is plain is packed once that is worth it. */
#define PIECE ((size_t)1 << 18)
struct packing {
    const struct ouro__export *export;
    z_stream stream;
    struct ouro__text plain;
    struct ouro__text *to;
};

/* Add what is plain, gzipped, and empty it.  zlib counts in 32 bits, so that it gets it in pieces. */
static void
pack(struct packing *packing, int flush)
{
    struct ouro__text *plain = &packing->plain, *to = packing->to;
    z_stream *stream = &packing->stream;
    char packed[1 << 14];
    size_t at = 0;

    to->failed |= plain->failed;
    do {
        size_t n = plain->length - at < PIECE ? plain->length - at : PIECE;
        bool is_last = at + n == plain->length;
        stream->next_in = (unsigned char *)plain->data + at;
        stream->avail_in = (unsigned)n;
        at += n;
        do {
            stream->next_out = (unsigned char *)packed;
            stream->avail_out = sizeof packed;
            to->failed |= deflate(stream, is_last ? flush : Z_NO_FLUSH) == Z_STREAM_ERROR;
            ouro__text_add(to, packed, sizeof packed - stream->avail_out);
        } while (stream->avail_out == 0 && !to->failed);
    } while (at < plain->length && !to->failed);
    plain->length = 0;
    ouro__export_pass(to, packing->export);
    plain->failed |= to->failed;
}

static void
varint_add(struct ouro__text *to, uint64_t value)
{
    if (!ouro__text_reserve(to, 10)) {
        return;
    }
    char *bytes = to->data + to->length;
    size_t n = 0;

    for (; value >= 0x80; value >>= 7) {
        bytes[n++] = (char)(value | 0x80);
    }
    bytes[n++] = (char)value;
    bytes[n] = '\0';
    to->length += n;
}

static void
number_add(struct ouro__text *to, unsigned field, uint64_t value)
{
    varint_add(to, field << 3);
    varint_add(to, value);
}

static void
bytes_add(struct ouro__text *to, unsigned field, const char *bytes, size_t n)
{
    varint_add(to, field << 3 | 2);
    varint_add(to, n);
    ouro__text_add(to, bytes, n);
}

/* Add a message, and empty it for the next one. */
static void
message_add(struct ouro__text *to, unsigned field, struct ouro__text *message)
{
    bytes_add(to, field, message->data == NULL ? "" : message->data, message->length);
    to->failed |= message->failed;
    message->length = 0;
}

static uint64_t
string_number(const struct ouro__export *export, size_t i)
{
    return (uint64_t) export->places->texts.n + i;
}

static void
types_add(struct ouro__text *to, const struct ouro__export *export)
{
    struct ouro__text type = {0};

    for (size_t i = 0; i < (size_t)2 * OURO_N_MEASURES; i++) {
        number_add(&type, VALUE_TYPE_TYPE, string_number(export, i));
        number_add(&type, VALUE_TYPE_UNIT,
                   string_number(export, i % 2 == 0 ? STRING_BYTES : STRING_COUNT));
        message_add(to, PROFILE_SAMPLE_TYPE, &type);
    }
    number_add(&type, VALUE_TYPE_TYPE, string_number(export, STRING_SPACE));
    number_add(&type, VALUE_TYPE_UNIT, string_number(export, STRING_BYTES));
    message_add(to, PROFILE_PERIOD_TYPE, &type);
    ouro__text_free(&type);
    number_add(to, PROFILE_PERIOD, export->saved->snapshot.tracing.sample_bytes);
    number_add(to, PROFILE_DEFAULT_SAMPLE_TYPE, string_number(export, 2 * (size_t) export->measure));
    number_add(to, PROFILE_TIME_NANOS, ouro__saved_when(export->saved));
    number_add(to, PROFILE_DURATION_NANOS, export->saved->snapshot.tracing.taken_at_ns);
}

/* What messages are put together in, empty between them. */
struct parts {
    struct ouro__text message, inner;
};

static void
label_add(struct parts *parts, uint64_t key, uint64_t value)
{
    number_add(&parts->inner, LABEL_KEY, key);
    number_add(&parts->inner, LABEL_STR, value);
    message_add(&parts->message, SAMPLE_LABEL, &parts->inner);
}

static void
labels_add(struct parts *parts, const struct ouro__export *export, const struct ouro__sample *sample)
{
    const struct ouro__view *view = export->view;

    if (sample->thread != 0) {
        label_add(parts, string_number(export, STRING_THREAD), view->threads.texts[sample->thread]);
    }
    if (sample->type != OURO_NO_ID) {
        label_add(parts, string_number(export, STRING_TYPE), view->types.texts[sample->type]);
    }
    label_add(parts, string_number(export, STRING_DOMAIN),
              string_number(export, STRING_DOMAINS + (size_t)sample->domain));
}

/* A sample: its places, the innermost first, its figures and its labels.  Numbers of places and functions begin with 1. */
static void
sample_add(struct ouro__text *to, struct parts *parts, const struct ouro__export *export,
           const struct ouro__sample *sample)
{
    const struct ouro__places *places = export->places;
    struct ouro__text *numbers = &parts->inner;
    uint32_t at = sample->path;

    do {
        varint_add(numbers, (uint64_t)ouro__place_of_path(places, at) + 1);
        at = places->paths.items[at].a;
    } while (at != 0);
    message_add(&parts->message, SAMPLE_LOCATION_ID, numbers);
    for (size_t i = 0; i < OURO_N_MEASURES; i++) {
        varint_add(numbers, ouro__rounded(sample->figures[i].bytes));
        varint_add(numbers, ouro__rounded(sample->figures[i].blocks));
    }
    message_add(&parts->message, SAMPLE_VALUE, numbers);
    labels_add(parts, export, sample);
    message_add(to, PROFILE_SAMPLE, &parts->message);
}

static void
samples_add(struct packing *packing, const struct ouro__export *export)
{
    struct ouro__text *to = &packing->plain;
    struct ouro__samples samples = {0};
    struct parts parts = {0};

    to->failed |= !ouro__samples_make(&samples, export);
    for (size_t i = 0; i < samples.n && !to->failed; i++) {
        sample_add(to, &parts, export, &samples.items[i]);
        if (to->length >= PIECE) {
            pack(packing, Z_NO_FLUSH);
        }
    }
    ouro__text_free(&parts.message);
    ouro__text_free(&parts.inner);
    ouro__samples_free(&samples);
}

static void
places_add(struct ouro__text *to, const struct ouro__export *export)
{
    const struct ouro__places *places = export->places;
    struct ouro__text message = {0}, line = {0};

    for (uint32_t i = 0; i < places->places.n && !to->failed; i++) {
        number_add(&line, LINE_FUNCTION_ID, (uint64_t)ouro__function_of_place(places, i) + 1);
        number_add(&line, LINE_LINE, ouro__number_of_line(places, ouro__line_of_place(places, i)));
        number_add(&message, LOCATION_ID, (uint64_t)i + 1);
        message_add(&message, LOCATION_LINE, &line);
        message_add(to, PROFILE_LOCATION, &message);
    }
    for (uint32_t i = 0; i < places->functions.n && !to->failed; i++) {
        uint32_t name = places->functions.items[i].b;
        number_add(&message, FUNCTION_ID, (uint64_t)i + 1);
        number_add(&message, FUNCTION_NAME, name == 0 ? string_number(export, STRING_NO_FRAME) : name);
        number_add(&message, FUNCTION_FILENAME, places->functions.items[i].a);
        message_add(to, PROFILE_FUNCTION, &message);
    }
    ouro__text_free(&message);
    ouro__text_free(&line);
}

static void
strings_add(struct ouro__text *to, const struct ouro__export *export)
{
    struct ouro__text clean = {0};

    for (uint32_t i = 0; i < export->places->texts.n && !to->failed; i++) {
        ouro__text_add_utf8(&clean, export->places->texts.items[i].text);
        message_add(to, PROFILE_STRING_TABLE, &clean);
    }
    for (size_t i = 0; i < sizeof more_strings / sizeof *more_strings; i++) {
        bytes_add(to, PROFILE_STRING_TABLE, more_strings[i], strlen(more_strings[i]));
    }
    ouro__text_free(&clean);
}

void
ouro__export_pprof(struct ouro__text *text, const struct ouro__export *export)
{
    enum { GZIP = 16 };
    struct packing packing = {.export = export, .to = text};

    if (deflateInit2(&packing.stream, Z_BEST_SPEED, Z_DEFLATED, 15 + GZIP, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        text->failed = true;
        return;
    }
    types_add(&packing.plain, export);
    samples_add(&packing, export);
    places_add(&packing.plain, export);
    strings_add(&packing.plain, export);
    pack(&packing, Z_FINISH);
    (void)deflateEnd(&packing.stream);
    ouro__text_free(&packing.plain);
}
