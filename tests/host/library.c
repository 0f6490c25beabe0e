/* library.c - a library that is opened, used and closed again and again by libraries.c. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

static char *kept;
static _Thread_local char of_thread[3000];

__attribute__((constructor)) static void
begin(void)
{
    kept = malloc(10000);
    memset(kept, 'k', 10000);
}

__attribute__((destructor)) static void
end(void)
{
    free(kept);
}

char *make_text(const char *from);
void drop_text(char *text);
int is_whole(void);

/* strdup() allocates inside libc; drop_text() frees what the program may have made. */
char *
make_text(const char *from)
{
    return strdup(from);
}

void
drop_text(char *text)
{
    free(text);
}

int
is_whole(void)
{
    of_thread[0]++;
    return kept[9999] == 'k';
}
