/* What cmocka wants before it. */
#ifndef CRISP_TESTS_BASE_TEST_H
#define CRISP_TESTS_BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
