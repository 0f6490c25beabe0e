/* print_record.c - the records named on the command line, one JSON object a line. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "monitor/record.h"

static void
print_quoted(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ') {
            printf("\\u%04x", (unsigned)*text);
        } else {
            putchar(*text);
        }
    }
    putchar('"');
}

static void
print_text(const char *name, const char *text)
{
    printf("\"%s\": ", name);
    print_quoted(text);
    printf(", ");
}

static void
print_three(const char *name, const uint64_t *numbers)
{
    printf("\"%s\": [%" PRIu64 ", %" PRIu64 ", %" PRIu64 "], ", name, numbers[0], numbers[1],
           numbers[2]);
}

#define NUMBER(of, field) printf("\"" #field "\": %" PRId64 ", ", (int64_t)(of)->field)

static void
print_moment(const char *name, const struct ouro_record_moment *moment)
{
    printf("\"%s\": {", name);
    print_three("live", moment->live);
    print_three("blocks", moment->blocks);
    NUMBER(moment, at_ns);
    NUMBER(moment, rounding);
    NUMBER(moment, untouched);
    NUMBER(moment, free);
    NUMBER(moment, cached);
    NUMBER(moment, records);
    NUMBER(moment, files);
    NUMBER(moment, other);
    NUMBER(moment, mapped);
    printf("\"resident\": %" PRIu64 "}, ", moment->resident);
}

static void
print_record(const struct ouro_record *record)
{
    printf("{");
    print_moment("peak", &record->peak);
    print_moment("last", &record->last);
    print_three("n_allocs", record->n_allocs);
    print_three("n_frees", record->n_frees);
    print_text("executable", record->executable);
    print_text("note", record->note);
    printf("\"command\": [");
    for (uint32_t i = 0; i < record->command_bytes; i += (uint32_t)strlen(record->command + i) + 1) {
        printf("%s", i == 0 ? "" : ", ");
        print_quoted(record->command + i);
    }
    printf("], ");
    NUMBER(record, version);
    NUMBER(record, sequence);
    NUMBER(record, state);
    NUMBER(record, pid);
    NUMBER(record, ppid);
    NUMBER(record, began_ns);
    NUMBER(record, lasted_ns);
    NUMBER(record, user_ns);
    NUMBER(record, system_ns);
    NUMBER(record, exit_status);
    NUMBER(record, forked);
    NUMBER(record, peak_resident);
    NUMBER(record, n_samples);
    NUMBER(record, limit);
    NUMBER(record, limit_refusals);
    NUMBER(record, limit_last_size);
    NUMBER(record, purged);
    printf("\"debug\": %u}\n", record->debug);
}

int
main(int n_arguments, char **arguments)
{
    for (int i = 1; i < n_arguments; i++) {
        struct ouro_record record;
        int file = open(arguments[i], O_RDONLY);
        if (file < 0 || read(file, &record, sizeof record) != (ssize_t)sizeof record) {
            perror(arguments[i]);
            return 1;
        }
        close(file);
        if (memcmp(record.magic, OURO_RECORD_MAGIC, sizeof record.magic) != 0) {
            fprintf(stderr, "%s: no record\n", arguments[i]);
            return 1;
        }
        print_record(&record);
    }
    return 0;
}
