/* template.c - the file that web/build.mjs made, taken into the tool by the assembler. */
#include "html/template.h"

#include <stdint.h>

__asm__(".pushsection .rodata.ouro_template, \"a\"\n"
        ".globl ouro__template_begin\n"
        ".hidden ouro__template_begin\n"
        "ouro__template_begin:\n"
        ".incbin \"" OURO_TEMPLATE_FILE "\"\n"
        "0:\n"
        ".balign 8\n"
        ".globl ouro__template_size\n"
        ".hidden ouro__template_size\n"
        "ouro__template_size:\n"
        ".quad 0b - ouro__template_begin\n"
        ".popsection\n");

extern const char ouro__template_begin[];
extern const uint64_t ouro__template_size;

const char *
ouro__template(size_t *n)
{
    *n = (size_t)ouro__template_size;
    return ouro__template_begin;
}
