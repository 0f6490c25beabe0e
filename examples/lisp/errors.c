/* errors.c - what went wrong, and where. */
#include "lisp.h"

/* ---- failing ---- */

ouro_status
raise_value(ouro_loan value)
{
    ouro_assign(&lisp.error, ouro_incref(value));
    return OURO_FAILED;
}

ouro_status
fail(const char *message, ouro_loan value)
{
    struct buffer buffer = {0};

    buffer_add_c(&buffer, message);
    if (value != NULL) {
        buffer_add_c(&buffer, ": ");
        buffer_show(&buffer, value, true);
    }
    ouro_ref text = buffer_end(&buffer);
    ouro_assign(&lisp.error, text != NULL ? text : ouro_incref(ouro_lend(lisp.no_memory)));
    return OURO_FAILED;
}

ouro_status
fail_with(ouro_status status)
{
    if (status >= 0 || status == OURO_FAILED) {
        return status;
    }
    return status == OURO_NO_MEMORY ? raise_value(ouro_lend(lisp.no_memory))
                                    : fail(ouro_status_text(status), NULL);
}

/* ---- where ---- */

/* The place of a record's last op. */
static struct place
place_of(const struct record *record)
{
    const struct code *code = (const struct code *)record->code;
    struct place place = {0, 0, 0};
    for (uint32_t i = 0; i < code->n_places && code->places[i].op < record->op; i++) {
        place = code->places[i];
    }
    return place;
}

#define MOST_TRACED 8 /* calls that are shown */

/* Note where the error is, and who called. */
void
note_trace(const struct fiber *fiber)
{
    struct buffer buffer = {0};
    unsigned n = 0;

    for (; fiber != NULL; fiber = (const struct fiber *)fiber->resumer) {
        for (size_t i = fiber->n_records; i-- != 0 && n <= MOST_TRACED; n++) {
            const struct record *record = &fiber->records[i];
            const struct code *code = (const struct code *)record->code;
            struct place place = place_of(record);
            OURO_SCOPED at = ouro_str_format("%S:%u:%u", code->file, place.line, place.column);
            if (at == NULL) {
                continue;
            }
            if (n == 0 && lisp.where == NULL) {
                lisp.where = ouro_incref(ouro_lend(at));
            }
            buffer_add_c(&buffer, n == MOST_TRACED ? "  and so on" : "  in ");
            if (n < MOST_TRACED) {
                buffer_show(&buffer, code->name != NULL ? ouro_lend(code->name) : ouro_lend(code->file),
                            false);
                buffer_add_c(&buffer, ", ");
                buffer_show(&buffer, ouro_lend(at), false);
            }
            buffer_add_c(&buffer, "\n");
        }
    }
    ouro_assign(&lisp.trace, buffer_end(&buffer));
}
