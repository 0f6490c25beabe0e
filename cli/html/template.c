/* template.c - the file that web/build.mjs made, taken into the tool by the assembler. */
#include "html/template.h"

__asm__(".pushsection .rodata.ouro_template, \"a\"\n"
        ".globl ouro__template_begin\n"
        ".hidden ouro__template_begin\n"
        "ouro__template_begin:\n"
        ".incbin \"" OURO_TEMPLATE_FILE "\"\n"
        ".globl ouro__template_end\n"
        ".hidden ouro__template_end\n"
        "ouro__template_end:\n"
        ".popsection\n");

extern const char ouro__template_begin[], ouro__template_end[];

const char *
ouro__template(size_t *n)
{
    *n = (size_t)(ouro__template_end - ouro__template_begin);
    return ouro__template_begin;
}
