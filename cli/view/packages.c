/* packages.c - which installed distribution a file belongs to.
 *
 * Python's packaging standards have it: beside the files of a distribution, in site-packages, lies a folder
 * NAME-VERSION.dist-info, in which RECORD names each file, a line each, relative to site-packages.  Where there is none
 * (Debian's own packages, a snapshot from another machine), the first folder below site-packages has to do.
 *
 * @source "Recording installed projects", packaging.python.org */
#define _GNU_SOURCE
#include "view/packages.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/grow.h"
#include "text.h"

#define INFO ".dist-info"

/* Put a file on the list of a distribution, a text of the places.  False without memory. */
static bool
file_add(struct ouro__packages *packages, const char *path, size_t length, uint32_t owner)
{
    uint32_t n_known = packages->files.n;
    uint32_t file = ouro__texts_id(&packages->files, path, length);

    if (file == OURO_NO_ID) {
        return false;
    }
    if (file < n_known) {
        return true; /* another's already */
    }
    uint32_t *owners = ouro__grow(packages->owners, file, &packages->room, sizeof *packages->owners);
    if (owners == NULL) {
        return false;
    }
    packages->owners = owners;
    packages->owners[file] = owner;
    return true;
}

/* "name-1.2.dist-info" as "name 1.2". */
static uint32_t
owner_named(struct ouro__places *places, const char *info)
{
    struct ouro__text name = {0};
    size_t length = strlen(info) - strlen(INFO);
    const char *dash = memrchr(info, '-', length);

    ouro__text_add(&name, info, length);
    if (dash != NULL && name.data != NULL && name.length == length) {
        name.data[dash - info] = ' ';
    }
    uint32_t owner = name.failed ? OURO_NO_ID : ouro__texts_id(&places->texts, name.data, name.length);
    ouro__text_free(&name);
    return owner;
}

/* All files of one distribution; a record that can't be read has none.  False without memory. */
static bool
record_read(struct ouro__packages *packages, struct ouro__places *places, const char *folder,
            const char *info)
{
    struct ouro__text path = {0};
    char *line = NULL;
    size_t room = 0, n_folder = strlen(folder);
    uint32_t owner = owner_named(places, info);
    bool is_well = owner != OURO_NO_ID;

    ouro__text_print(&path, "%s%s/RECORD", folder, info);
    FILE *file = path.failed ? NULL : fopen(path.data, "re");
    for (ssize_t n; is_well && file != NULL && (n = getline(&line, &room, file)) > 0;) {
        const char *end = memchr(line, ',', (size_t)n);
        /* A name with a comma stands in quotes: rare enough to be left to the first folder. */
        if (end == NULL || line[0] == '"') {
            continue;
        }
        path.length = n_folder;
        ouro__text_add(&path, line, (size_t)(end - line));
        is_well = !path.failed && file_add(packages, path.data, path.length, owner);
    }
    is_well = is_well && !path.failed;
    if (file != NULL) {
        (void)fclose(file);
    }
    free(line);
    ouro__text_free(&path);
    return is_well;
}

/* Look at all distributions of a folder, once.  False without memory. */
static bool
folder_read(struct ouro__packages *packages, struct ouro__places *places, const char *path,
            size_t length)
{
    uint32_t n_known = packages->folders.n;
    uint32_t id = ouro__texts_id(&packages->folders, path, length);
    bool is_well = id != OURO_NO_ID;

    if (!is_well || id < n_known) {
        return is_well;
    }
    const char *folder = packages->folders.items[id].text;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries != NULL && is_well && (entry = readdir(entries)) != NULL;) {
        size_t n = strlen(entry->d_name);
        if (n > strlen(INFO) && strcmp(entry->d_name + n - strlen(INFO), INFO) == 0) {
            is_well = record_read(packages, places, folder, entry->d_name);
        }
    }
    if (entries != NULL) {
        (void)closedir(entries);
    }
    return is_well;
}

/* What follows the last "/site-packages/" or "/dist-packages/", or the folder of the module `ouro`; or NULL. */
static const char *
behind_packages(const char *file)
{
    static const char *const folders[] = {"/site-packages/", "/dist-packages/", "/share/ouro/python/"};
    const char *behind = NULL;

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        for (const char *at = file; (at = strstr(at, folders[i])) != NULL;) {
            at += strlen(folders[i]);
            behind = behind == NULL || at > behind ? at : behind;
        }
    }
    return behind;
}

/* The length of "python3.11" where the standard library lies in ".../lib/python3.11/...", and where it begins; else 0. */
static size_t
library_name(const char *file, const char **name)
{
    static const char *const before[] = {"/lib/", "/lib64/"};

    for (size_t i = 0; i < 2; i++) {
        for (const char *at = file; (at = strstr(at, before[i])) != NULL;) {
            at += strlen(before[i]);
            size_t n = strcspn(at, "/");
            bool is_python = strncmp(at, "python", 6) == 0 && isdigit((unsigned char)at[6]);
            if (at[n] == '/' && (is_python || strncmp(at, "pypy", 4) == 0)) {
                *name = at;
                return n;
            }
            at--; /* its slash may begin the next */
        }
    }
    return 0;
}

/* Modules that are part of the interpreter itself are the library's all the same. */
static void
frozen_add(struct ouro__text *name, const char *version)
{
    const char *dot = version == NULL ? NULL : strchr(version, '.');

    ouro__text_print(name, "python");
    if (dot != NULL) {
        ouro__text_add(name, version, (size_t)(dot - version) + 1 + strspn(dot + 1, "0123456789"));
    }
    ouro__text_print(name, " (standard library)");
}

/* The name of a library of the system's, which is a package of its own; NULL when it is none. */
static const char *
system_library(const char *file)
{
    static const char *const folders[] = {"/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/",
                                          "/usr/local/lib/"};
    const char *name = strrchr(file, '/');

    for (size_t i = 0;
         name != NULL && strstr(name, ".so") != NULL && i < sizeof folders / sizeof *folders; i++) {
        if (strncmp(file, folders[i], strlen(folders[i])) == 0) {
            return name + 1;
        }
    }
    return NULL;
}

static uint32_t
package_find(struct ouro__packages *packages, struct ouro__places *places, const char *file)
{
    struct ouro__text name = {0};
    const char *behind = behind_packages(file);
    const char *library = "";
    uint32_t found = OURO_NO_ID;

    if (behind != NULL) {
        if (!folder_read(packages, places, file, (size_t)(behind - file))) {
            return OURO_NO_ID;
        }
        found = ouro__texts_find(&packages->files, file, strlen(file));
        if (found != OURO_NO_ID) {
            return packages->owners[found];
        }
        size_t n = strcspn(behind, "/");
        ouro__text_add(&name, behind, behind[n] == '/' || n < 4 ? n : n - 3); /* NAME.py */
    } else if (file[0] == '\0') {
        return 0;
    } else if (library_name(file, &library) > 0) {
        ouro__text_print(&name, "%.*s (standard library)", (int)library_name(file, &library), library);
    } else if (strncmp(file, "<frozen ", 8) == 0) {
        frozen_add(&name, packages->version);
    } else if (system_library(file) != NULL) {
        ouro__text_print(&name, "%s", system_library(file));
    } else {
        ouro__text_print(&name, OURO_PACKAGE_OWN);
    }
    found = name.failed ? OURO_NO_ID : ouro__texts_id(&places->texts, name.data, name.length);
    ouro__text_free(&name);
    return found;
}

uint32_t
ouro__package_of(struct ouro__packages *packages, struct ouro__places *places, uint32_t file)
{
    if (file >= packages->n_known) {
        size_t n = places->texts.n;
        uint32_t *larger = reallocarray(packages->known, n, sizeof *larger);
        if (larger == NULL) {
            return OURO_NO_ID;
        }
        for (size_t i = packages->n_known; i < n; i++) {
            larger[i] = OURO_NO_ID;
        }
        packages->known = larger;
        packages->n_known = n;
    }
    if (packages->known[file] == OURO_NO_ID) {
        /* Texts may move while new ones come. */
        char *copy = strdup(places->texts.items[ouro__module_of_file(places, file)].text);
        packages->known[file] = copy == NULL ? OURO_NO_ID : package_find(packages, places, copy);
        free(copy);
    }
    return packages->known[file];
}

static uint32_t
group_of_file(struct ouro__groups *groups, struct ouro__places *places, uint32_t file)
{
    return ouro__package_of((struct ouro__packages *)groups, places, file); /* its first member */
}

struct ouro__groups *
ouro__packages_groups(struct ouro__packages *packages)
{
    packages->groups.group_of = group_of_file;
    return &packages->groups;
}

void
ouro__packages_free(struct ouro__packages *packages)
{
    ouro__texts_free(&packages->folders);
    ouro__texts_free(&packages->files);
    free(packages->owners);
    free(packages->known);
    *packages = (struct ouro__packages){0};
}
