/* A directory for one test, and children that are killed. */
#ifndef CRISP_TESTS_STORE_FILES_H
#define CRISP_TESTS_STORE_FILES_H

#include <stddef.h>

/* A new directory below TMPDIR (or /tmp); free with test_dir_free(), which also removes it. */
char *test_dir_new(void);
void test_dir_free(char *dir);

/* dir/name in static storage, valid until the fourth call after this one. */
const char *test_path(const char *dir, const char *name);

/* Runs fn in a child process that ends with _exit(fn's result) and gives that result. */
int test_in_child(int (*fn)(void *ctx), void *ctx);

#endif
