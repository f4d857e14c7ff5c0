/*
 * crisp decode: explaining bytes. decode.c looks what a content is, the others explain one kind
 * each and append to the output.
 */
#ifndef CRISP_CLI_DECODE_H
#define CRISP_CLI_DECODE_H

#include "asn1/asn1.h"
#include "cli/cli.h"
#include "cli/json_line.h"

/* Where the explanations go: text, or an array of JSON objects. */
struct cli_decoder {
    struct cli *cli;
    const char *type;      /* --type, NULL = find out */
    const char *kic, *kid; /* keys of secured packets in hex, NULL = none */
    cr_buf text;
    json_t *array; /* NULL = text */
};

/* Names of OIDs and summaries of certificates, for asn1_print(). */
extern const struct asn1_print_hooks cli_decode_hooks;

/* All TLVs of a content; anything that is no known type is shown as a tree of tags. CR_MALFORMED
 * when it is no TLV at all. */
cr_status cli_decode_tlvs(struct cli_decoder *d, cr_span bytes, struct cr_err *err) CR_MUST_CHECK;

/* A JSON body of ES9+, ES11 or ES2+: members in their order, what is base64 of a message explained
 * below its member. */
cr_status cli_decode_json(struct cli_decoder *d, cr_span text, struct cr_err *err) CR_MUST_CHECK;

/* An activation code. */
cr_status cli_decode_activation_code(struct cli_decoder *d, cr_span text,
                                     struct cr_err *err) CR_MUST_CHECK;

/* A command or answer APDU around a message: STORE DATA, or data with a status word behind. False
 * when it is none. */
bool cli_decode_apdu(struct cli_decoder *d, cr_span bytes);

/* The data of STORE DATA in a key establishment of SGP.02: 3A01 with a certificate, 3A02 with what
 * key set is asked for, or one behind the other; false when it is none. */
bool cli_decode_establish(struct cli_decoder *d, cr_span data);

/* A package of profile elements; false when it is none. */
bool cli_decode_package(struct cli_decoder *d, cr_span bytes);

/* Short messages, secured packets and scripts: kind number i, false when there is none of this
 * number; and bytes explained as that kind, false when they are none. sure: only what can hardly be
 * anything else. */
bool cli_decode_ota_type(size_t i, const char **name, const char **remark);
bool cli_decode_ota(struct cli_decoder *d, size_t i, bool sure, cr_span bytes);
/* A proactive command, TERMINAL RESPONSE, ENVELOPE or TERMINAL PROFILE, alone or as an APDU; false
 * when it is none. */
bool cli_decode_toolkit(struct cli_decoder *d, cr_span bytes);
/* The names that --type has for these, by number from 0; false behind the last. */
bool cli_decode_toolkit_type(size_t i, const char **name);

/* A headline, "name (remark)". */
void cli_decode_head(struct cli_decoder *d, const char *name, const char *remark);
/* Adds to the object of the last headline (with .array only); takes the reference. */
void cli_decode_value(struct cli_decoder *d, const char *name, json_t *value);
/* Puts blanks before each line of text that was appended since. */
void cli_decode_indent(cr_buf *text, size_t since, unsigned blanks);

#endif
