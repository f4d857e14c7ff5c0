/*
 * The builder: a package from a readable description in JSON.
 *
 * High level: what an operator knows about a subscription. Example:
 *
 *     {"version": "2.3", "profileType": "Private network", "iccid": "8988211000000000017",
 *      "imsi": "999700000000001", "mncLength": 2, "spn": "Private 5G",
 *      "algorithm": "milenage", "k": "<32 hex digits>", "opc": "<32 hex digits>",
 *      "puk1": "12345678", "puk2": "12345678", "adm1": "88888888"}
 *
 * makes a complete package: MF with EF.ARR, EF.DIR, EF.PL, PUKs, PINs, ADF.USIM with its optional
 * files, keys, DF.GSM-ACCESS, DF.5GS, and when asked for DF.TELECOM, ADF.ISIM, keys of the MNO-SD,
 * remote file management. EF.UST, EF.IST and the lists of the header are set to what is in the
 * package. profile_build_members() lists all members; docs and examples/profiles show them.
 *
 * Low level: {"elements": [...]} as `profile show --json` prints it, taken as it is. Both in one
 * description: the elements are put before the end element.
 *
 * Errors name the path in the description ("isim.impu[2]: ...") in .field, too.
 */
#ifndef CRISP_PROFILE_BUILD_H
#define CRISP_PROFILE_BUILD_H

#include "profile/package.h"

#include <jansson.h>

#define PROFILE_MAX_DESCRIPTION (8 * 1024 * 1024) /* bytes of JSON text */

/* The package behind a description. Everything lives in the arena. */
cr_status profile_build(const json_t *description, cr_arena *arena, struct profile_package *out,
                        struct cr_err *err) CR_MUST_CHECK;

/* From JSON text to the bytes of the UPP, appended. Mistakes in the JSON are given with line and
 * column. */
cr_status profile_build_text(cr_span json_text, cr_buf *upp, struct cr_err *err) CR_MUST_CHECK;

/* Members of a high-level description, with one line of help each; ends with name NULL. */
struct profile_build_member {
    const char *name; /* "imsi", "isim.impu" */
    const char *help;
};
const struct profile_build_member *profile_build_members(void);

#endif
