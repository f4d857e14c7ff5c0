/*
 * Activation codes (SGP.22 4.1) and MatchingIDs (4.1.1).
 *
 *     1$SMDP.EXAMPLE.COM$04386-AGYFT-A74Y8-3F815$1.3.6.1.4.1.31746$1
 *     |  address          MatchingID              OID of the SM-DP+ confirmation code required
 *     format
 */
#ifndef CRISP_RSP_ACTIVATION_CODE_H
#define CRISP_RSP_ACTIVATION_CODE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/error.h"

#define RSP_AC_MAX       255  /* characters without field 6 */
#define RSP_AC_MAX_TOTAL 4096 /* characters of any input */

struct rsp_activation_code {
    cr_span smdp_address; /* FQDN, maybe with :port; in the case it was written in */
    cr_span matching_id;  /* AC_Token; present, maybe empty */
    cr_span smdp_oid;     /* dotted text; absent when empty */
    bool confirmation_code_required;
    cr_span ci_pk_indicator;     /* v3 field 5, hexadecimal text; absent when empty */
    cr_span delete_notification; /* v3 field 6, base64 text; absent when empty */
};

/* Reads what users have: with or without "LPA:" in any case, white space around, empty and missing
 * trailing fields, a carrier URL with carddata=. Unknown further fields are ignored. Errors name
 * the field and tell what to do. The spans point into the arena. */
cr_status rsp_activation_code_parse(cr_span text, cr_arena *arena, struct rsp_activation_code *out,
                                    struct cr_err *err) CR_MUST_CHECK;

/* Appends the code, trailing empty fields dropped; prefix: with "LPA:" as in a QR code. CR_REFUSED
 * when a field cannot be said (a '$' inside, no address, longer than 255). */
cr_status rsp_activation_code_build(const struct rsp_activation_code *code, bool prefix,
                                    cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

/* A host name or IPv4 address, maybe with :port: what an activation code and the metadata of a
 * profile can name as a server. */
bool rsp_address_valid(cr_span s);

/* ---- MatchingID ---- */

#define RSP_MATCHING_ID_TEXT 24  /* "04386-AGYFT-A74Y8-3F815" and NUL */
#define RSP_MATCHING_ID_MAX  128 /* characters accepted */

/* 20 characters of an alphabet of 32 without 0, 1, I and O: 100 random bits, in groups of five. */
cr_status rsp_matching_id_generate(const cr_env *env, char out[RSP_MATCHING_ID_TEXT],
                                   struct cr_err *err) CR_MUST_CHECK;

/* 0-9, A-Z and '-' only: fit for an activation code that is to be issued. Received ones are not
 * held to it (some test suites use underscores). */
bool rsp_matching_id_valid(cr_span matching_id);

/* What can be sent to a server at all: visible UTF-8 of at most RSP_MATCHING_ID_MAX. */
cr_status rsp_matching_id_check(cr_span token, struct cr_err *err) CR_MUST_CHECK;

#endif
