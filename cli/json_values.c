/* json_values.c - values that JSON has no place for, made into such that it has. */
#include "json_values.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/view.h"

static bool lacked_memory;

static void *
memory_take(size_t size)
{
    void *memory = malloc(size);
    lacked_memory = lacked_memory || memory == NULL;
    return memory;
}

void
ouro__json_begin(void)
{
    json_set_alloc_funcs(memory_take, free);
}

char *
ouro__json_dump(const json_t *root, size_t flags)
{
    return root == NULL || lacked_memory ? NULL : json_dumps(root, flags);
}

json_t *
ouro__json_number(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

json_t *
ouro__json_by_domain(const uint64_t values[3])
{
    json_t *object = json_object();
    for (int i = 0; i < 3; i++) {
        (void)json_object_set_new(object, ouro__domain_names[i], ouro__json_number(values[i]));
    }
    return object;
}

/* The length of the UTF-8 character at `bytes`, 0 when there is none (RFC 3629, section 4). */
static size_t
utf8_length(const unsigned char *bytes)
{
    unsigned char lead = bytes[0];
    size_t length = lead < 0x80                    ? 1
                    : lead >= 0xc2 && lead <= 0xdf ? 2
                    : lead >= 0xe0 && lead <= 0xef ? 3
                    : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                   : 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;

    if (lead == 0xe0) {
        low = 0xa0;
    } else if (lead == 0xed) {
        high = 0x9f;
    } else if (lead == 0xf0) {
        low = 0x90;
    } else if (lead == 0xf4) {
        high = 0x8f;
    }
    for (size_t i = 1; i < length; i++) {
        if (bytes[i] < low || bytes[i] > high) { /* the NUL at the end is outside, too */
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

void
ouro__text_add_utf8(struct ouro__text *text, const char *words)
{
    const unsigned char *bytes = (const unsigned char *)words;
    size_t end = strlen(words);

    for (size_t i = 0; i < end;) {
        size_t length = utf8_length(bytes + i);
        if (length > 0) {
            ouro__text_add(text, words + i, length);
        } else {
            ouro__text_add(text, "\xef\xbf\xbd", 3);
            length = 1;
        }
        i += length;
    }
}

json_t *
ouro__json_text(const char *text)
{
    struct ouro__text clean = {0};

    ouro__text_add_utf8(&clean, text);
    json_t *value = json_string(clean.data == NULL ? "" : clean.data);
    lacked_memory = lacked_memory || clean.failed;
    ouro__text_free(&clean);
    return value;
}

void
ouro__json_add_text(struct ouro__text *text, const char *words)
{
    json_t *value = ouro__json_text(words);
    char *dumped = ouro__json_dump(value, JSON_ENCODE_ANY);

    if (dumped == NULL) {
        text->failed = true;
    } else {
        ouro__text_add(text, dumped, strlen(dumped));
    }
    free(dumped);
    json_decref(value);
}

json_t *
ouro__json_command(const struct ouro_record *record)
{
    json_t *array = json_array();
    for (size_t at = 0; at < record->command_bytes; at += strlen(record->command + at) + 1) {
        (void)json_array_append_new(array, ouro__json_text(record->command + at));
    }
    return array;
}
