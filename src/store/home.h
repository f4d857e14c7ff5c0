/*
 * The directory of a server: its database and the key that seals the secrets in it.
 */
#ifndef CRISP_STORE_HOME_H
#define CRISP_STORE_HOME_H

#include "store/seal.h"
#include "store/store.h"

struct store_home {
    const char *dir;  /* made when it is not there; NULL = in memory, with a key of its own */
    const char *name; /* of the database in it: "smsr.db" */
    const struct store_migration *migrations;
    size_t migration_count;
    const cr_env *env;
};

/* Opens both. A first start that fails takes the directory that it made away again. Failures as of
 * store_open() and store_seal_open(). */
cr_status store_home_open(const struct store_home *home, struct store_seal *seal,
                          struct store **out, struct cr_err *err) CR_MUST_CHECK;

/* Whoever serves from the directory says so: the second one is CR_REFUSED. Ends with close(*claim),
 * and with the process. dir NULL: *claim -1. Programs that look in, or add a row, need none. */
cr_status store_home_claim(const char *dir, int *claim, struct cr_err *err) CR_MUST_CHECK;

#endif
