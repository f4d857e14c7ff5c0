/*
 * The administration session of SCP81 (GlobalPlatform Amendment B "RAM over HTTP"; ES5 of SGP.02):
 * what a server triggers it with, and its codings. The two ends of the session are in
 * ota/admin_server.h and ota/admin_agent.h.
 *
 * The card POSTs; each answer carries one command script or none (204), and the URI of the next
 * POST, which carries the response script. Without that URI the session is over.
 */
#ifndef CRISP_OTA_ADMIN_H
#define CRISP_OTA_ADMIN_H

#include "base/buf.h"
#include "base/error.h"
#include "net/http_parse.h"

#define OTA_EID        16   /* bytes */
#define OTA_AID_MIN    5    /* bytes */
#define OTA_AID_MAX    16   /* bytes */
#define OTA_ADMIN_URI  255  /* characters of a URI */
#define OTA_ADMIN_HOST 255  /* characters */
#define OTA_ADMIN_BODY 8192 /* bytes of a body, unless options say otherwise */

#define OTA_ADMIN_PROTOCOL     "globalplatform-remote-admin/1.0"
#define OTA_ADMIN_COMMAND_TYPE "application/vnd.globalplatform.card-content-mgt;version=1.0"
#define OTA_ADMIN_RESPONSE_TYPE                                                                    \
    "application/vnd.globalplatform.card-content-mgt-response;version=1.0"

#define OTA_ADMIN_H_PROTOCOL "X-Admin-Protocol"
#define OTA_ADMIN_H_FROM     "X-Admin-From"
#define OTA_ADMIN_H_STATUS   "X-Admin-Script-Status"
#define OTA_ADMIN_H_RESUME   "X-Admin-Resume"
#define OTA_ADMIN_H_NEXT     "X-Admin-Next-URI"
#define OTA_ADMIN_H_TARGET   "X-Admin-Targeted-Application"

/* X-Admin-Script-Status. */
enum ota_admin_status {
    OTA_ADMIN_OK = 0,
    OTA_ADMIN_UNKNOWN_APPLICATION,
    OTA_ADMIN_NOT_A_SECURITY_DOMAIN,
    OTA_ADMIN_SECURITY_ERROR,
    OTA_ADMIN_STATUS_COUNT
};
const char *ota_admin_status_text(enum ota_admin_status status);
/* False: no such status. */
bool ota_admin_status_read(const char *text, enum ota_admin_status *out) CR_MUST_CHECK;

/* ---- applications and sender in headers ---- */

#define OTA_ADMIN_TARGET_TEXT (8 + 2 * OTA_AID_MAX) /* "//aid/RID/PIX" with NUL */
#define OTA_ADMIN_FROM_TEXT   96                    /* of the card's own form, with NUL */

struct ota_aid {
    uint8_t n; /* 0 = none, else OTA_AID_MIN to OTA_AID_MAX */
    uint8_t value[OTA_AID_MAX];
};

/* "//aid/A000000559/1010FFFFFFFF8900001000", upper case. */
void ota_admin_target_write(const struct ota_aid *aid, char out[OTA_ADMIN_TARGET_TEXT]);
bool ota_admin_target_read(const char *text, struct ota_aid *out) CR_MUST_CHECK;

/* "//se-id/eid/<EID>;//aa-id/aid/<RID>/<PIX>". */
void ota_admin_from_write(const uint8_t eid[OTA_EID], const struct ota_aid *agent,
                          char out[OTA_ADMIN_FROM_TEXT]);
/* The EID in the header; false: it has none in that form (an agent id text). */
bool ota_admin_from_eid(const char *text, uint8_t eid[OTA_EID]) CR_MUST_CHECK;

/* ---- PSK identity ---- */

#define OTA_PSK_IDENTITY_TEXT 91 /* of SGP.02, with NUL */

struct ota_psk_identity {
    uint8_t eid[OTA_EID];
    struct ota_aid aid; /* of the ISD-R */
    uint8_t key_id;
    uint8_t kvn; /* 40 to 4F */
};

/* TLVs 80 81 4F 82 83 as upper-case hex. */
void ota_psk_identity_write(const struct ota_psk_identity *identity,
                            char out[OTA_PSK_IDENTITY_TEXT]);
/* Hex in either case, TLVs in any order, unknown ones passed over; each of the five exactly once.
 * CR_MALFORMED. */
cr_status ota_psk_identity_read(cr_span text, struct ota_psk_identity *out,
                                struct cr_err *err) CR_MUST_CHECK;

/* ---- parameters of a session ---- */

/* What a trigger or the stored addressing parameters (DGI 3A07, template A5) say. Absent spans and
 * false = left out. Spans point into what was read. */
struct ota_admin_params {
    cr_span connection; /* 84: TLVs of OPEN CHANNEL, for uicc/cat.h */
    struct {            /* 85 */
        bool present;
        cr_span identity; /* PSK identity as it is sent in TLS */
        uint8_t kvn, key_id;
        bool has_hash;
        uint8_t hash;
    } security;
    cr_span extended_security; /* A5 */
    struct {                   /* 86 */
        bool present;
        uint16_t count;   /* retries; 0 = none */
        uint32_t seconds; /* before each */
        cr_span report;   /* what follows: object for the report of failure; absent = none */
    } retry;
    struct { /* 89 */
        bool present;
        cr_span host;  /* 8A */
        cr_span agent; /* 8B: text for X-Admin-From */
        cr_span uri;   /* 8C */
    } post;
    struct { /* B3 */
        bool present;
        cr_span name;       /* D6: FQDN */
        cr_span connection; /* FA: TLVs of OPEN CHANNEL for the DNS server(s) */
    } dns;
};

/* The TLVs 84 85 A5 86 89 B3 one behind the other, in any order, each once; others are passed over.
 * CR_MALFORMED. */
cr_status ota_admin_params_read(cr_span tlvs, struct ota_admin_params *out,
                                struct cr_err *err) CR_MUST_CHECK;
/* Appends them. */
cr_status ota_admin_params_write(cr_buf *out, const struct ota_admin_params *params,
                                 struct cr_err *err) CR_MUST_CHECK;

/* Parameters for one session: those of the trigger, and where it leaves something out the stored
 * ones (84, 85, A5, 86, B3 each as a whole; 8A, 8B, 8C one by one). */
void ota_admin_params_fill(struct ota_admin_params *trigger, const struct ota_admin_params *stored);

/* The payload of a triggering SMS. */
struct ota_admin_trigger {
    bool session; /* 81 is there: open a session */
    struct ota_admin_params params;
    cr_span resource; /* 82: URL of a configuration resource */
};
cr_status ota_admin_trigger_read(cr_span payload, struct ota_admin_trigger *out,
                                 struct cr_err *err) CR_MUST_CHECK;
cr_status ota_admin_trigger_write(cr_buf *out, const struct ota_admin_trigger *trigger,
                                  struct cr_err *err) CR_MUST_CHECK;

/* ---- notification in the URI (SGP.02 4.1.1.11) ---- */

/* Appends uri with "?msg=" or "&msg=" and the notification's TLV (E1 ..) in hex. CR_REFUSED when
 * that is longer than OTA_ADMIN_URI. */
cr_status ota_admin_notification_write(cr_buf *out, cr_span uri, cr_span notification,
                                       struct cr_err *err) CR_MUST_CHECK;
/* The TLV in a query (NULL = none), appended to out; *found false: there is no msg. CR_MALFORMED:
 * there is one, but it is not one TLV E1 in hex; nothing was appended. */
cr_status ota_admin_notification_read(const char *query, cr_buf *out, bool *found,
                                      struct cr_err *err) CR_MUST_CHECK;

#endif
