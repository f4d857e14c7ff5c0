/*
 * A JSON text (RFC 8259) as a tree in an arena, for the messages of ES9+, ES2+ and their relatives.
 *
 * Such a text is a few members around long strings of base64. They are not copied: what needs no
 * unescaping is a view into the text, which has to live as long as the tree. Strict: UTF-8, no
 * member twice, no NUL, nothing behind the value.
 */
#ifndef CRISP_RSP_JSON_TREE_H
#define CRISP_RSP_JSON_TREE_H

#include "base/arena.h"
#include "base/error.h"

#define RSP_JSON_MAX_DEPTH   64  /* objects and arrays inside each other */
#define RSP_JSON_MAX_MEMBERS 256 /* of an object */

enum rsp_json_type {
    RSP_JSON_T_NULL,
    RSP_JSON_T_FALSE,
    RSP_JSON_T_TRUE,
    RSP_JSON_T_INTEGER,
    RSP_JSON_T_REAL, /* value not read: no message has one */
    RSP_JSON_T_STRING,
    RSP_JSON_T_ARRAY,
    RSP_JSON_T_OBJECT
};

struct rsp_json {
    enum rsp_json_type type;
    uint32_t hash;                /* of name */
    cr_span name;                 /* of a member */
    cr_span text;                 /* STRING */
    int64_t integer;              /* INTEGER */
    size_t count;                 /* ARRAY, OBJECT */
    const struct rsp_json *first; /* of them */
    const struct rsp_json *next;  /* beside this one */
};

/* CR_MALFORMED with the place, or CR_RESOURCE. */
cr_status rsp_json_parse(cr_span text, cr_arena *arena, const struct rsp_json **out,
                         struct cr_err *err) CR_MUST_CHECK;

/* The member of an object, NULL = it has none, or is no object or NULL. */
const struct rsp_json *rsp_json_member(const struct rsp_json *object, const char *name);

/* The text of a string; absent for everything else and NULL. */
cr_span rsp_json_text(const struct rsp_json *value);

#endif
