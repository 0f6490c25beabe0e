/* main.c - `lisp`: a prompt, a file, or an expression.
 *
 *   lisp             read, evaluate, print, until the input ends
 *   lisp FILE        run a program
 *   lisp -e FORM     evaluate, and print the last value
 *
 * Ends with 0; 1 after an error; 2 when it was called wrongly; or with what `exit` says. */
#include "lisp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- errors ---- */

static void
put_text(FILE *file, ouro_loan value)
{
    struct buffer buffer = {0};
    buffer_show(&buffer, value, !ouro_is_str(value));
    if (!buffer.failed) {
        fwrite(buffer.bytes, 1, buffer.n, file);
    }
    free(buffer.bytes);
}

/* Say what went wrong, and forget it. */
static void
tell_error(void)
{
    fflush(stdout);
    if (lisp.where != NULL) {
        put_text(stderr, ouro_lend(lisp.where));
    } else {
        fputs("lisp", stderr);
    }
    fputs(": error: ", stderr);
    if (lisp.error != NULL) {
        put_text(stderr, ouro_lend(lisp.error));
    }
    fputc('\n', stderr);
    if (lisp.trace != NULL) {
        put_text(stderr, ouro_lend(lisp.trace));
    }
    ouro_clear(&lisp.where);
    ouro_clear(&lisp.trace);
    ouro_clear(&lisp.error);
}

/* ---- running texts ---- */

ouro_status
run_text(const char *text, size_t n, const char *name, ouro_ref *last)
{
    struct reader reader;
    OURO_SCOPED file = ouro_str_new(name);
    ouro_ref form = NULL;
    ouro_status status = file != NULL ? OURO_FOUND : fail_with(OURO_NO_MEMORY);

    reader_begin(&reader, text, n);
    while (status >= 0 && (status = read_next(&reader, &form)) == OURO_FOUND) {
        ouro_ref value = NULL;
        status = machine_eval(ouro_lend(form), ouro_lend(file), &value);
        ouro_clear(&form);
        if (status < 0) {
            return status;
        }
        ouro_assign(last, value);
        status = OURO_FOUND;
    }
    if (status < 0 && lisp.where == NULL) {
        lisp.where = ouro_str_format("%s:%u:%u", name, reader.line, reader.column);
    }
    return status;
}

/* All of a file, with a zero behind it, to be freed; NULL when it cannot be read. */
static char *
read_file(const char *path, size_t *n)
{
    struct buffer buffer = {0};
    FILE *file = fopen(path, "rb");
    char block[4096];
    size_t n_read;

    if (file == NULL) {
        return NULL;
    }
    while ((n_read = fread(block, 1, sizeof block, file)) != 0) {
        buffer_add(&buffer, block, n_read);
    }
    bool is_read = !ferror(file);
    fclose(file);
    *n = buffer.n;
    buffer_add(&buffer, "", 1);
    if (!is_read || buffer.failed) {
        free(buffer.bytes);
        return NULL;
    }
    return buffer.bytes;
}

ouro_status
run_file(const char *path)
{
    size_t n;
    ouro_ref last = NULL;
    char *text = read_file(path, &n);

    if (text == NULL) {
        OURO_SCOPED name = ouro_str_new(path);
        return name != NULL ? fail("this cannot be read", ouro_lend(name)) : fail_with(OURO_NO_MEMORY);
    }
    ouro_status status = run_text(text, n, path, &last);
    free(text);
    ouro_xdecref(last);
    return status;
}

/* ---- the prompt ---- */

static bool
is_shown(ouro_ref value)
{
    return value != NULL && value != lisp.unspecified;
}

static void
show_result(ouro_ref value)
{
    if (is_shown(value)) {
        struct buffer buffer = {0};
        buffer_show(&buffer, ouro_lend(value), true);
        buffer_add(&buffer, "\n", 1);
        if (!buffer.failed) {
            fwrite(buffer.bytes, 1, buffer.n, stdout);
        }
        free(buffer.bytes);
    }
}

/* Does the text end inside of something, so that more of it is to come? */
static bool
is_cut_off(const struct buffer *text)
{
    struct reader reader;
    ouro_ref value = NULL;
    ouro_status status;

    reader_begin(&reader, text->bytes, text->n);
    while ((status = read_next(&reader, &value)) == OURO_FOUND) {
        ouro_clear(&value);
    }
    ouro_clear(&lisp.error);
    return status < 0 && reader.is_cut_off;
}

/* Lines until there is something whole; false at the end of the input. */
static bool
read_input(struct buffer *text, bool has_prompt)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;

    do {
        if (has_prompt) {
            fputs(text->n == 0 ? "> " : ". ", stdout);
        }
        fflush(stdout);
        n = getline(&line, &room, stdin);
        if (n > 0) {
            buffer_add(text, line, (size_t)n);
            buffer_add(text, "", 1);
            text->n -= !text->failed;
        }
    } while (n > 0 && !text->failed && is_cut_off(text));
    free(line);
    return text->n != 0;
}

static int
run_prompt(void)
{
    bool has_prompt = isatty(STDIN_FILENO), has_failed = false;
    struct buffer text = {0};

    while (!lisp.is_exiting && read_input(&text, has_prompt)) {
        ouro_ref value = NULL;
        if (run_text(text.bytes, text.n, "input", &value) < 0) {
            has_failed = true;
            if (!lisp.is_exiting) {
                tell_error();
            }
        } else {
            show_result(value);
        }
        ouro_xdecref(value);
        free(text.bytes);
        text = (struct buffer){0};
    }
    if (has_prompt && !lisp.is_exiting) {
        putchar('\n');
    }
    return lisp.is_exiting ? lisp.exit_code : has_failed && !has_prompt;
}

/* ---- the program ---- */

static int
run_form(const char *form)
{
    ouro_ref value = NULL;
    ouro_status status = run_text(form, strlen(form), "-e", &value);
    if (status >= 0) {
        show_result(value);
    }
    ouro_xdecref(value);
    return status < 0;
}

static bool
begin(void)
{
    ouro_ref last = NULL;
    if (ouro_init(NULL) < 0 || !values_init() || !compile_init()) {
        return false;
    }
    ouro_status status = run_text(prelude, strlen(prelude), "prelude", &last);
    ouro_xdecref(last);
    return status >= 0;
}

int
main(int argc, char **argv)
{
    bool is_form = argc == 3 && strcmp(argv[1], "-e") == 0;
    if (argc > 1 && !is_form && (argc != 2 || argv[1][0] == '-')) {
        fputs("use: lisp [FILE | -e FORM]\n", stderr);
        return 2;
    }
    if (!begin()) {
        fputs("lisp: no memory to begin with\n", stderr);
        return 1;
    }
    int code;
    if (argc == 1) {
        code = run_prompt();
    } else {
        code = is_form ? run_form(argv[2]) : run_file(argv[1]) < 0;
        if (lisp.is_exiting) {
            code = lisp.exit_code;
        } else if (code != 0) {
            tell_error();
        }
    }
    values_end();
    return fflush(stdout) == 0 ? code : 1;
}
