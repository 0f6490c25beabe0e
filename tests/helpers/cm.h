/* cm.h - cmocka with the headers that it wants before its own. */
#ifndef OURO_TESTS_CM_H
#define OURO_TESTS_CM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
