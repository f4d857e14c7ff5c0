/*
 * Packages as JSON and back: what `profile show --json` prints and `profile build` takes.
 *
 *     {"elements": [{"header": {"major-version": 2, ...}},
 *                   {"mf": {"mf-header": {"mandated": true, "identification": 4},
 *                           "templateID": "2.23.143.1.2.1",
 *                           "mf": [{"fileDescriptor": {"pinStatusTemplateDO": "010A0B"}}],
 *                           "ef-iccid": [{"fillFileContent": "98001032547698103214"}]}},
 *                   ...]}
 *
 * Names are those of the ASN.1 module; a member that the template does not know is "[tag number]".
 * An element whose members alone would not encode to its bytes (unknown components, encodings that
 * are not DER, a member twice) also has "raw", its complete bytes in hex. Reading takes "raw" as
 * long as the other members still are what "raw" decodes to: whoever changes a member gets a new
 * encoding without having to remove "raw". An element of unknown kind is {"unknown": {"raw": ...}}.
 * So packages come back byte for byte.
 */
#ifndef CRISP_PROFILE_PACKAGE_JSON_H
#define CRISP_PROFILE_PACKAGE_JSON_H

#include "profile/package.h"

#include <jansson.h>

/* One element as {"<name>": {...}}; *out is a new reference. */
cr_status profile_element_to_json(const struct profile_element *element, json_t **out,
                                  struct cr_err *err) CR_MUST_CHECK;

/* The element behind such an object; members live in the arena. raw is set only when "raw" won. */
cr_status profile_element_from_json(const json_t *json, cr_arena *arena,
                                    struct profile_element *out, struct cr_err *err) CR_MUST_CHECK;

/* {"elements": [...]}; *out is a new reference. */
cr_status profile_package_to_json(const struct profile_package *package, json_t **out,
                                  struct cr_err *err) CR_MUST_CHECK;

/* From an array of elements. Errors begin with "elements[n]". */
cr_status profile_elements_from_json(const json_t *array, cr_arena *arena,
                                     struct profile_package *out, struct cr_err *err) CR_MUST_CHECK;

/* From {"elements": [...]}; other members are refused. */
cr_status profile_package_from_json(const json_t *json, cr_arena *arena,
                                    struct profile_package *out, struct cr_err *err) CR_MUST_CHECK;

#endif
