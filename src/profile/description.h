/*
 * Reading what people write in JSON: members by name, with messages that say where. Private to
 * src/profile.
 */
#ifndef CRISP_PROFILE_DESCRIPTION_H
#define CRISP_PROFILE_DESCRIPTION_H

#include "base/arena.h"
#include "base/error.h"

#include <jansson.h>

/* An object, and how one gets to it ("isim", "usim.plmn"; "" at the top). */
struct profile_description {
    const json_t *object;
    const char *path;
    cr_arena *arena; /* for copies and paths */
    struct cr_err *err;
};

/* CR_MALFORMED "path.name: ..."; name may be NULL, or "list[3]". */
cr_status profile_description_fail(const struct profile_description *d, const char *name,
                                   const char *fmt, ...) CR_PRINTF(3, 4);

/* Puts "path.name: " before the cause of a failed status. */
cr_status profile_description_at(const struct profile_description *d, const char *name,
                                 cr_status status);

/* The value is an object, and has no members but these; the list of names ends with NULL. */
cr_status profile_description_known(const struct profile_description *d,
                                    const char *const *names) CR_MUST_CHECK;

/* True when the member is there (null counts as absent). */
bool profile_description_has(const struct profile_description *d, const char *name);

/* String members; *out is absent when the member is. */
cr_status profile_description_text(const struct profile_description *d, const char *name,
                                   cr_span *out) CR_MUST_CHECK;
/* The same, decoded from hex. */
cr_status profile_description_hex(const struct profile_description *d, const char *name,
                                  cr_span *out) CR_MUST_CHECK;
/* Integer within limits; *out is left alone when absent. */
cr_status profile_description_int(const struct profile_description *d, const char *name,
                                  int64_t least, int64_t most, int64_t *out) CR_MUST_CHECK;
/* Boolean; *out is left alone when absent. */
cr_status profile_description_bool(const struct profile_description *d, const char *name,
                                   bool *out) CR_MUST_CHECK;
/* Array; *out NULL when absent. */
cr_status profile_description_array(const struct profile_description *d, const char *name,
                                    const json_t **out) CR_MUST_CHECK;
/* Element of an array as text. */
cr_status profile_description_item(const struct profile_description *d, const char *name,
                                   const json_t *array, size_t index, cr_span *out) CR_MUST_CHECK;
/* Object member as a description of its own; object NULL when absent. */
cr_status profile_description_sub(const struct profile_description *d, const char *name,
                                  struct profile_description *out) CR_MUST_CHECK;
/* Element of an array as a description. */
cr_status profile_description_sub_item(const struct profile_description *d, const char *name,
                                       const json_t *array, size_t index,
                                       struct profile_description *out) CR_MUST_CHECK;

#endif
