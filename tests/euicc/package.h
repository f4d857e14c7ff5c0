/*
 * A small package for the tests of the chip: MF with the files that it must have, an ADF.USIM with
 * Milenage and PINs. As JSON, so that a test can change anything before it is encoded.
 */
#ifndef CRISP_TESTS_EUICC_PACKAGE_H
#define CRISP_TESTS_EUICC_PACKAGE_H

#include "bed.h"

#include <jansson.h>

/* The package with the ICCID of these 10 swapped bytes; a new reference. */
json_t *package_json(cr_span iccid);
/* Its elements, by position. */
enum {
    PACKAGE_HEADER,
    PACKAGE_MF,
    PACKAGE_PUK,
    PACKAGE_PIN,
    PACKAGE_USIM,
    PACKAGE_USIM_PIN,
    PACKAGE_AKA,
    PACKAGE_GFM,
    PACKAGE_SD,
    PACKAGE_RFM,
    PACKAGE_END
};
/* The body of element n ({"mf": {...}} gives {...}); borrowed. */
json_t *package_element(json_t *package, size_t n);
/* The file of an element (a list of items); borrowed. */
json_t *package_file(json_t *package, size_t n, const char *name);
/* The "mandated" of an element set or taken away. */
void package_mandate(json_t *package, size_t n, bool mandated);
/* Inserts {"name": body} before position n; takes body. */
void package_insert(json_t *package, size_t n, const char *name, json_t *body);
/* Parses single-quoted JSON text. */
json_t *package_parse(const char *text);
/* Encodes; takes the reference. */
void package_encode(json_t *package, cr_buf *out);
/* package_json() encoded. */
void package_small(cr_span iccid, cr_buf *out);

#define PACKAGE_USIM_AID "A0000000871002FF49FF0589"
#define PACKAGE_K        "465B5CE8B199B49FAA5F0A2EE238A6BC"
#define PACKAGE_OPC      "CD63CB71954A9F4E48A5994E37A02BAF"

#endif
