/*
 * crisp ota: secured packets and sessions for people who test cards. What its commands share.
 */
#ifndef CRISP_CLI_OTA_H
#define CRISP_CLI_OTA_H

#include "cli/cli.h"
#include "cli/json_line.h"
#include "net/smpp.h"
#include "ota/admin.h"
#include "ota/packet.h"
#include "ota/script.h"
#include "ota/sms.h"

extern const struct cli_command cli_ota_pack;
extern const struct cli_command cli_ota_serve;
extern const struct cli_command cli_ota_trigger;
extern const struct cli_command cli_ota_unpack;

/* ---- options ---- */

/* What names and secures a packet, as text of the command line. */
struct cli_ota_options {
    const char *spi, *kic_id, *kid_id, *tar, *kic, *kid, *dialect;
    int64_t counter, mac_size;
};

/* The same as the codecs want it; keys that were not given are NULL in .keys. */
struct cli_ota_security {
    struct ota_command_fields fields;
    struct ota_key kic, kid;
    struct ota_keys keys;
};

/* Option rows for a command whose value struct has a struct cli_ota_options at `member`. */
#define CLI_OTA_OPTIONS(values, member)                                                            \
    {.name = "spi",                                                                                \
     .kind = CLI_STRING,                                                                           \
     .metavar = "HEX",                                                                             \
     .fallback = "1639",                                                                           \
     .help = "Security parameter indicator of the command, two bytes (TS 102 225 5.1.1).",         \
     .offset = offsetof(values, member.spi)},                                                      \
        {.name = "kic-id",                                                                         \
         .kind = CLI_STRING,                                                                       \
         .metavar = "HEX",                                                                         \
         .fallback = "12",                                                                         \
         .help = "KIc byte: key version and algorithm (1 DES, 5 and 9 3DES, D DES-ECB, 2 AES).",   \
         .offset = offsetof(values, member.kic_id)},                                               \
        {.name = "kid-id",                                                                         \
         .kind = CLI_STRING,                                                                       \
         .metavar = "HEX",                                                                         \
         .fallback = "12",                                                                         \
         .help = "KID byte, as KIc; with a redundancy check 1 is CRC-16 and 5 CRC-32.",            \
         .offset = offsetof(values, member.kid_id)},                                               \
        {.name = "kic",                                                                            \
         .kind = CLI_STRING,                                                                       \
         .metavar = "KEY",                                                                         \
         .help = "Key for ciphering in hex.",                                                      \
         .offset = offsetof(values, member.kic)},                                                  \
        {.name = "kid",                                                                            \
         .kind = CLI_STRING,                                                                       \
         .metavar = "KEY",                                                                         \
         .help = "Key for the checksum in hex.",                                                   \
         .offset = offsetof(values, member.kid)},                                                  \
        {.name = "mac-size",                                                                       \
         .kind = CLI_INT,                                                                          \
         .metavar = "N",                                                                           \
         .fallback = "8",                                                                          \
         .min = 4,                                                                                 \
         .max = 8,                                                                                 \
         .help = "Bytes of an AES checksum: 8 or 4.",                                              \
         .offset = offsetof(values, member.mac_size)},                                             \
        {.name = "tar",                                                                            \
         .kind = CLI_STRING,                                                                       \
         .metavar = "HEX",                                                                         \
         .fallback = "000001",                                                                     \
         .help = "Toolkit application reference, three bytes; 000001 is the ISD-R.",               \
         .offset = offsetof(values, member.tar)},                                                  \
        {.name = "counter",                                                                        \
         .kind = CLI_INT,                                                                          \
         .metavar = "N",                                                                           \
         .fallback = "1",                                                                          \
         .min = 0,                                                                                 \
         .max = (int64_t)OTA_COUNTER_MAX,                                                          \
         .help = "Counter of the command.",                                                        \
         .offset = offsetof(values, member.counter)},                                              \
    {                                                                                              \
        .name = "dialect", .kind = CLI_STRING, .metavar = "NAME", .fallback = "sms",               \
        .one_of = cli_ota_dialects,                                                                \
        .help = "sms: packets of TS 31.115; bip: packets over CAT_TP or TCP.",                     \
        .offset = offsetof(values, member.dialect)                                                 \
    }

extern const char *const cli_ota_dialects[];

/* CR_MALFORMED names the option that cannot be what it should be. */
cr_status cli_ota_security_of(const struct cli_ota_options *o, struct cli_ota_security *out,
                              struct cr_err *err) CR_MUST_CHECK;

/* A key from hex for the algorithm of a KIc or KID byte. */
cr_status cli_ota_key(const char *name, const char *hex, uint8_t id, struct ota_key *out,
                      struct cr_err *err) CR_MUST_CHECK;

/* "192.0.2.10:8443/gsma/adminagent", port and path as here unless given: how to connect, and host
 * and URI of the first request. In the arena. */
cr_status cli_ota_place(struct cli *cli, const char *text, struct ota_admin_params *params,
                        struct cr_err *err) CR_MUST_CHECK;

/* ---- a service centre (SMPP) ---- */

/* As the command line says; place, esme and to are needed. */
struct cli_ota_smsc {
    const char *place, *esme, *password, *to;
};

struct cli_ota_submit;
/* Begins to bind. */
cr_status cli_ota_submit_new(struct cli *cli, const struct cli_ota_smsc *smsc, const char *from,
                             struct cli_ota_submit **out, struct cr_err *err) CR_MUST_CHECK;
/* User data with its header. */
cr_status cli_ota_submit_add(struct cli_ota_submit *submit, cr_span ud,
                             struct cr_err *err) CR_MUST_CHECK;
/* Unbinds; wait: when all were answered. CR_REFUSED: one was refused. */
cr_status cli_ota_submit_end(struct cli_ota_submit *submit, bool wait,
                             struct cr_err *err) CR_MUST_CHECK;

/* ---- explaining: each gives an object, which the caller owns; NULL only without memory ---- */

json_t *cli_ota_tpdu(const struct sms_tpdu *t);
json_t *cli_ota_command_header(const struct ota_command_header *h);
/* Items of a script; "error" says where it breaks. compact: of that form. */
json_t *cli_ota_script(enum ota_direction direction, bool compact, cr_span script);
/* Of secured data: expanded if it begins like that, compact otherwise. */
json_t *cli_ota_content(enum ota_direction direction, cr_span data);
json_t *cli_ota_response(const struct ota_response *r);

/* An object as indented lines, one a member. */
void cli_ota_print(cr_buf *out, const json_t *object, unsigned blanks);

#endif
