/* file.c - iterators over the lines and blocks of a file.
 *
 *   buffer:  | given already | lines to be given ... | part of a line | room |
 *                            begin                   scanned          end
 *
 * The buffer grows while a line does not fit, and shrinks when less than half of it is needed.  Between `begin` and `scanned`
 * there is no end of a line.  Whoever steps has claimed the iterator: nobody else touches what is in it.
 *
 * A step that fails for want of memory, or because the system does, leaves all as it was: the next one tries again. */
#include "ouro/file.h"
#include "types/types.h"

#define BUFFER (64 << 10) /* bytes, to begin with */
#define CLOSED (-1)

struct file {
    ouro_object head;
    int number; /* of the system, or CLOSED */
    bool is_claimed;
    bool is_read; /* to its end */
    bool as_bytes;
    uint8_t *buffer;
    size_t room, begin, scanned, end;
    size_t size; /* of blocks */
};

static struct ouro_type *lines_type, *blocks_type;

static struct file *
file_of(ouro_loan loan)
{
    OURO_ASSERT(ouro__type(ouro_look(loan)) == lines_type ||
                ouro__type(ouro_look(loan)) == blocks_type);
    return (struct file *)ouro_look(loan);
}

static void
close_file(struct file *file)
{
    if (file->number != CLOSED) {
        ouro__os_close(file->number);
    }
    ouro__buffer_free(file->buffer, file->room);
    file->number = CLOSED;
    file->buffer = NULL;
    file->room = file->begin = file->scanned = file->end = 0;
    file->is_read = true;
}

/* Read some bytes, detached meanwhile. */
static ptrdiff_t
read_some(struct file *file, void *to, size_t size)
{
    struct thread *self = ouro__thread_self;

    ouro__thread_leave(self);
    ptrdiff_t n = ouro__os_read(file->number, to, size);
    ouro__thread_enter(self);
    file->is_read = n == 0;
    return n;
}

/* ---- making ---- */

static ouro_status
open_file(struct ouro_type *type, const char *path, struct file **result)
{
    struct file *file = (struct file *)ouro_new((ouro_loan)&type->head);
    if (file == NULL) {
        return OURO_NO_MEMORY;
    }
    struct thread *self = ouro__thread_self;
    ouro__thread_leave(self);
    int number = ouro__os_open(path);
    ouro__thread_enter(self);
    file->number = number < 0 ? CLOSED : number;
    if (number < 0) {
        ouro_decref(&file->head);
        return number == OURO_OS_FILE_MISSING        ? OURO_NO_FILE
               : number == OURO_OS_FILE_IS_DIRECTORY ? OURO_DIRECTORY
               : number == OURO_OS_FILE_DENIED       ? OURO_DENIED
                                                     : OURO_SYSTEM;
    }
    *result = file;
    return OURO_OK;
}

ouro_status
ouro_file_lines(const char *path, ouro_file_as as, ouro_ref *lines)
{
    struct file *file = NULL;

    if (as != OURO_FILE_AS_STR && as != OURO_FILE_AS_BYTES) {
        return OURO_WRONG_VALUE;
    }
    ouro_status status = open_file(lines_type, path, &file);
    if (status == OURO_OK) {
        file->as_bytes = as == OURO_FILE_AS_BYTES;
        *lines = &file->head;
    }
    return status;
}

ouro_status
ouro_file_blocks(const char *path, size_t size, ouro_ref *blocks)
{
    struct file *file = NULL;
    ouro_status status = size != 0 ? open_file(blocks_type, path, &file) : OURO_WRONG_VALUE;

    if (status == OURO_OK) {
        file->size = size;
        *blocks = &file->head;
    }
    return status;
}

ouro_status
ouro_file_close(ouro_loan loan)
{
    struct file *file = file_of(loan);

    if (!ouro__claim(&file->head, &file->is_claimed)) {
        return OURO_BUSY;
    }
    close_file(file);
    ouro__unclaim(&file->head, &file->is_claimed);
    return OURO_OK;
}

/* ---- lines ---- */

/* Have room behind the end of the buffer; it may be as large as the address space is, but never comes near. */
static ouro_status
make_room(struct file *file)
{
    if (file->begin != 0) { /* what was given makes room first */
        memmove(file->buffer, file->buffer + file->begin, file->end - file->begin);
        file->scanned -= file->begin;
        file->end -= file->begin;
        file->begin = 0;
    }
    size_t wanted = BUFFER;
    while (wanted < 2 * file->end) {
        wanted *= 2;
    }
    if (file->end < file->room && wanted > file->room) {
        wanted = file->room;
    }
    uint8_t *buffer =
        wanted != file->room ? ouro__buffer_realloc(file->buffer, file->room, wanted) : NULL;
    if (buffer != NULL) {
        file->buffer = buffer;
        file->room = wanted;
    }
    return file->end < file->room ? OURO_OK : OURO_NO_MEMORY;
}

/* Have a whole line in the buffer, up to `*end`; it is empty at the end of the file. */
static ouro_status
find_line(struct file *file, size_t *end)
{
    for (;;) {
        size_t n = file->end - file->scanned;
        const uint8_t *found = n != 0 ? memchr(file->buffer + file->scanned, '\n', n) : NULL;
        if (found != NULL || file->is_read) {
            *end = found != NULL ? (size_t)(found - file->buffer) + 1 : file->end;
            return OURO_OK;
        }
        file->scanned = file->end;
        ouro_status status = make_room(file);
        if (status < 0) {
            return status;
        }
        ptrdiff_t more = read_some(file, file->buffer + file->end, file->room - file->end);
        if (more < 0) {
            return OURO_SYSTEM;
        }
        file->end += (size_t)more;
    }
}

/* Give what is in the buffer up to `end`. */
static ouro_status
give_line(struct file *file, size_t end, ouro_ref *item)
{
    const uint8_t *line = file->buffer + file->begin;
    ouro_status status = OURO_OK;

    if (file->as_bytes) {
        ouro_ref made = ouro_bytes_new(line, end - file->begin);
        status = made != NULL ? OURO_OK : OURO_NO_MEMORY;
        *item = made != NULL ? made : *item;
    } else {
        status = ouro_str_decode((const char *)line, end - file->begin, item, NULL);
    }
    if (status == OURO_NO_MEMORY) {
        file->scanned = end - 1; /* where its end is found again */
        return OURO_NO_MEMORY;
    }
    file->begin = file->scanned = end;
    return status == OURO_OK ? OURO_FOUND : OURO_NOT_UTF8;
}

static ouro_status
next_line(ouro_loan self, ouro_ref *item)
{
    struct file *file = file_of(self);
    size_t end = 0;

    if (!ouro__claim(&file->head, &file->is_claimed)) {
        return OURO_BUSY;
    }
    ouro_status status = find_line(file, &end);
    if (status == OURO_OK && end != file->begin) {
        status = give_line(file, end, item);
    } else if (status == OURO_OK) {
        close_file(file);
    }
    ouro__unclaim(&file->head, &file->is_claimed);
    return status;
}

/* ---- blocks ---- */

/* Have a block in the buffer; only at the end of the file it is not full. */
static ouro_status
fill_buffer(struct file *file)
{
    if (file->buffer == NULL && !file->is_read) {
        file->buffer = ouro__buffer_alloc(file->size);
        if (file->buffer == NULL) {
            return OURO_NO_MEMORY;
        }
        file->room = file->size;
    }
    while (file->end < file->room && !file->is_read) {
        ptrdiff_t more = read_some(file, file->buffer + file->end, file->room - file->end);
        if (more < 0) {
            return OURO_SYSTEM;
        }
        file->end += (size_t)more;
    }
    return OURO_OK;
}

static ouro_status
give_block(struct file *file, ouro_ref *item)
{
    ouro_ref block = ouro_bytes_new(file->buffer, file->end);
    if (block == NULL) {
        return OURO_NO_MEMORY;
    }
    file->end = 0;
    *item = block;
    return OURO_FOUND;
}

static ouro_status
next_block(ouro_loan self, ouro_ref *item)
{
    struct file *file = file_of(self);

    if (!ouro__claim(&file->head, &file->is_claimed)) {
        return OURO_BUSY;
    }
    ouro_status status = fill_buffer(file);
    if (status == OURO_OK && file->end != 0) {
        status = give_block(file, item);
    } else if (status == OURO_OK) {
        close_file(file);
    }
    ouro__unclaim(&file->head, &file->is_claimed);
    return status;
}

/* ---- the types ---- */

static void
dealloc_file(ouro_loan self)
{
    close_file(file_of(self));
}

static ouro_status
enter_file(ouro_loan self)
{
    (void)self;
    return OURO_OK;
}

static ouro_status
exit_file(ouro_loan self, ouro_status status)
{
    ouro_status closed = ouro_file_close(self);
    return status < 0 ? status : closed;
}

static size_t
extra_size(ouro_loan self)
{
    return file_of(self)->room;
}

bool
ouro__files_init(void)
{
    ouro_type_spec spec = {
        .name = "file_lines",
        .size = sizeof(struct file),
        .flags = OURO_TYPE_LEAF,
        .dealloc = dealloc_file,
        .iterate = ouro__iterate_self,
        .next = next_line,
        .extra_size = extra_size,
        .enter = enter_file,
        .exit = exit_file,
    };
    if (!ouro__type_make(&spec, &lines_type)) {
        return false;
    }
    spec.name = "file_blocks";
    spec.next = next_block;
    return ouro__type_make(&spec, &blocks_type);
}
