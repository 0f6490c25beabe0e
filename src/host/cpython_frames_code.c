/* cpython_frames_code.c - what a code object says of itself: file, name, and its table of lines.
 *
 * Texts are in the narrowest of three widths that holds all of their characters, and those in ASCII are UTF-8
 * already.  Others are encoded here: PyUnicode_AsUTF8() would keep its result with the object.
 *
 * @source CPython, Include/cpython/{code,unicodeobject}.h; PEP 393 */
#include "host/cpython_frames.h"

#define MOST_OF_A_FILE 4096
#define MOST_OF_A_NAME 1024

/* The word of flags in a text. */
enum {
    TEXT_KIND_SHIFT = 2, /* 1, 2 or 4: bytes a character */
    TEXT_KIND_MASK = 7,
    TEXT_COMPACT = 1 << 5, /* the characters follow the head */
    TEXT_ASCII = 1 << 6,
};

/* A character by its place. */
static uint32_t
read_character(const char *characters, unsigned width, size_t at)
{
    return width == 1   ? (unsigned char)characters[at]
           : width == 2 ? ouro__load_2(characters + 2 * at)
                        : ouro__load_4(characters + 4 * at);
}

/* One character as UTF-8, surrogates included: bytes written. */
static size_t
encode(uint32_t character, char to[4])
{
    if (character < 0x80) {
        to[0] = (char)character;
        return 1;
    }
    size_t n = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (character & 0x3F));
        character >>= 6;
    }
    to[0] = (char)((0xF00U >> n & 0xFF) | character);
    return n;
}

/* As many whole characters as there is room for: bytes written. */
static size_t
encode_all(const char *characters, unsigned width, size_t n, char *to, size_t capacity)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        char one[4];
        size_t n_bytes = encode(read_character(characters, width, i), one);
        if (n_bytes > capacity - size) {
            break;
        }
        memcpy(to + size, one, n_bytes);
        size += n_bytes;
    }
    return size;
}

const char *
ouro__cpython_read_text(const struct py_layout *layout, const char *text, char *buffer, size_t capacity,
                        size_t *size)
{
    if (text == NULL || !ouro__is_exactly(text, ouro__py_types.text)) {
        return NULL;
    }
    unsigned state = (unsigned)ouro__load_int(text + PY_TEXT_STATE);
    unsigned width = state >> TEXT_KIND_SHIFT & TEXT_KIND_MASK;
    intptr_t length = ouro__load_size(text + PY_TEXT_LENGTH);
    if ((state & TEXT_COMPACT) == 0 || (width != 1 && width != 2 && width != 4) || length < 0) {
        return NULL;
    }
    if (state & TEXT_ASCII) {
        *size = (size_t)length < capacity ? (size_t)length : capacity;
        return text + layout->ascii;
    }
    *size = encode_all(text + layout->wide, width, (size_t)length, buffer, capacity);
    return buffer;
}

bool
ouro__cpython_read_code(const struct py_layout *layout, const char *code, struct ouro__code *known)
{
    static char file[MOST_OF_A_FILE], name[MOST_OF_A_NAME];
    if (!ouro__is_exactly(code, ouro__py_types.code)) {
        return false;
    }
    struct ouro__code found = {.line_table = layout->line_table};
    const char *lines = ouro__load_address(code + layout->lines);
    int first_line = ouro__load_int(code + layout->first_line);
    found.file = ouro__cpython_read_text(layout, ouro__load_address(code + layout->file), file,
                                         sizeof file, &found.n_file);
    found.name = ouro__cpython_read_text(layout, ouro__load_address(code + layout->name), name,
                                         sizeof name, &found.n_name);
    if (found.file == NULL || found.name == NULL || lines == NULL ||
        !ouro__is_exactly(lines, ouro__py_types.bytes)) {
        return false;
    }
    found.lines = (const uint8_t *)lines + PY_BYTES_DATA;
    found.n_lines = (size_t)ouro__load_size(lines + PY_SIZE);
    found.first_line = first_line > 0 ? (uint32_t)first_line : 0;
    *known = found;
    return true;
}
