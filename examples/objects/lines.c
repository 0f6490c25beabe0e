/* lines.c - how many lines files have, and how long the longest is: of any size, in constant memory.
 *
 *   lines FILE...    a file of 1 GB takes some MB, as does one of 1 KB */
#include <stdio.h>

#include <ouro/ouro.h>

static ouro_status
count(const char *path)
{
    ouro_ref line = NULL;
    OURO_SCOPED lines = NULL; /* closes the file */
    size_t n = 0, longest = 0;

    ouro_status status = ouro_file_lines(path, OURO_FILE_AS_BYTES, &lines);
    while (status >= 0 && (status = ouro_next(ouro_lend(lines), &line)) == OURO_FOUND) {
        size_t length = ouro_bytes_length(ouro_lend(line));
        longest = length > longest ? length : longest;
        n++;
        ouro_decref(line);
    }
    if (status == OURO_OK) {
        printf("%s: %zu lines, the longest of %zu bytes\n", path, n, longest);
    } else {
        fprintf(stderr, "%s: %s\n", path, ouro_status_text(status));
    }
    return status;
}

int
main(int n, char **paths)
{
    ouro_status status = ouro_init(NULL);
    if (status == OURO_OK && n < 2) {
        status = count("/dev/null");
    }
    for (int i = 1; status == OURO_OK && i < n; i++) {
        status = count(paths[i]);
    }
    return status == OURO_OK ? 0 : 1;
}

/* prints:
/dev/null: 0 lines, the longest of 0 bytes
*/
