/* What the files about one SQLite connection share: sqlite.c, statement.c, migrate.c, failure.c. */
#ifndef CRISP_STORE_SQLITE_STRUCT_H
#define CRISP_STORE_SQLITE_STRUCT_H

#include "store/sqlite.h"

#include <sqlite3.h>

#define STORE_BUSY_TIMEOUT 5000 /* ms */
#define STORE_STATEMENTS   256  /* slots of the cache; a power of two */
#define STORE_VERBS        (STORE_RELEASE + 1)

struct store_slot {
    const char *sql; /* key: the address; NULL = free */
    sqlite3_stmt *stmt;
    bool busy; /* being stepped, further down the stack */
};

struct store_sqlite {
    sqlite3 *db;
    char *path;
    int busy_timeout_ms;
    bool volatile_commits; /* never wait for the disk */
    bool soft;             /* commits do not wait for the disk now */
    bool guard; /* the authorizer refuses transaction control: a work's statement is prepared */
    sqlite3_stmt *verbs[STORE_VERBS];
    struct store_slot slots[STORE_STATEMENTS];
    struct cr_err lost;
};

struct store_row {
    sqlite3_stmt *stmt;
};

/* Finalizes every cached statement. */
void store_statements_free(struct store_sqlite *db);

#endif
