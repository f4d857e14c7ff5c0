/*
 * Inside of src/gp: how a command reaches its handler. Not for other folders.
 */
#ifndef CRISP_GP_INTERNAL_H
#define CRISP_GP_INTERNAL_H

#include "crypto/des.h"
#include "crypto/scp.h"
#include "crypto/symmetric.h"
#include "gp/gp.h"
#include "ota/script.h"
#include "ota/sms.h"
#include "uicc/toolkit.h"

#define GP_INS_INITIALIZE_UPDATE     0x50
#define GP_INS_EXTERNAL_AUTHENTICATE 0x82

/* Status words that only GlobalPlatform knows. */
enum {
    GP_SW_MORE_DATA = 0x6310,
    GP_SW_ALGORITHM = 0x9484,
    GP_SW_KCV = 0x9485,
    GP_SW_SELECT_FAILED = 0x6999
};

/* A load under way: INSTALL [for load] was accepted. */
struct gp_load {
    bool open;
    struct gp_aid aid;
    uint16_t domain;
    uint8_t hash[64];
    uint8_t hash_size; /* 0 = none given */
    uint8_t next;      /* block number */
    cr_buf file;       /* blocks so far */
};

/* What a way into a domain - a logical channel, or the air - keeps between commands. */
struct gp_context {
    uint16_t domain; /* whose commands they are; 0 = not in use */
    struct scp_session session;
    enum { GP_PERSO_OWN, GP_PERSO_OBJECT, GP_PERSO_HOOK } perso; /* where STORE DATA goes */
    uint16_t perso_object;
    struct gp_aid perso_aid; /* of the hook */
    bool store_open;         /* blocks of STORE DATA came, the last one not yet */
    uint8_t store_next;      /* block number */
    cr_buf store;            /* what of them is no complete data grouping */
    uint16_t status_after;   /* GET STATUS: id of the last object told; 0 = no list is open */
    uint8_t status_scope, status_form;
    struct gp_load load;
};

/* What proved the right to a command. */
enum gp_authority { GP_NOBODY, GP_SESSION, GP_PACKET };

struct gp_command {
    struct gp *gp;
    const struct gp_registry *reg;
    struct gp_object domain; /* that executes it */
    struct gp_context *ctx;
    const struct uicc_apdu *apdu; /* unwrapped */
    cr_buf *out;
    size_t room; /* response data that fits */
    enum gp_authority authority;
    uint8_t level;          /* SPI1 of the packet, or the level of the session */
    uint16_t packet_domain; /* GP_PACKET: whose keys secured it, and their version */
    uint8_t packet_kvn;
};

typedef uicc_sw (*gp_handler)(struct gp_command *c);

uicc_sw gp_initialize_update(struct gp_command *c);
uicc_sw gp_get_data(struct gp_command *c);
uicc_sw gp_store_data(struct gp_command *c);
uicc_sw gp_put_key(struct gp_command *c);
uicc_sw gp_get_status(struct gp_command *c);
uicc_sw gp_set_status(struct gp_command *c);
uicc_sw gp_install(struct gp_command *c);
uicc_sw gp_load(struct gp_command *c);
uicc_sw gp_delete(struct gp_command *c);

/* --- domain.c ----------------------------------------------------------------------------------
 */

/* One command APDU for the domain c->domain in c->ctx, secure messaging and all; c->apdu is as it
 * came. Undone, counters excepted, when the answer is an error. */
uicc_sw gp_domain_run(struct gp_command *c, cr_span apdu);
/* INITIALIZE UPDATE with this key version (0 = any): a new session in c->ctx; appends the answer.
 */
uicc_sw gp_session_begin(struct gp_command *c, uint8_t kvn, cr_span challenge, cr_buf *out);

/* --- card.c ------------------------------------------------------------------------------------
 */

struct gp_entry; /* an application of the UICC */

/* The way of scripts into the domains of one registry. */
struct gp_air {
    struct gp_context ctx;
    /* A chain of scripts that is open; its object, 0 = none. */
    struct {
        uint16_t object;
        bool keep; /* over a reset */
    } chain;
};

struct gp {
    struct uicc *uicc;
    struct gp_hooks hooks;
    bool visible;
    struct gp_registry reg; /* of the visible profile */
    struct gp_entry *entries[UICC_MAX_APPS];
    struct gp_context *ways[UICC_CHANNELS]; /* made when first needed */
    struct gp_air air[2];                   /* of the visible profile, of the card's own domains */
    struct sms_assembler *assembler;
    unsigned toolkit; /* number as an owner of the toolkit */
    uint8_t sms_reference;
};

/* The registry's way over the air. */
struct gp_air *gp_air_of(struct gp *gp, const struct gp_registry *reg);
bool gp_is_card(const struct gp *gp, const struct gp_registry *reg);
/* What the layer above is told of a command's origin. */
struct gp_requester gp_requester_of(const struct gp_command *c, struct gp_object *target);

void gp_context_drop(struct gp_context *ctx);
/* Forgets what ends with a script: session, STORE DATA and its target. */
void gp_context_script_end(struct gp_context *ctx);
/* Registers and unregisters so that the UICC offers what the registry has. */
void gp_sync(struct gp *gp);
/* True when a channel has the object selected. */
bool gp_selected(const struct gp *gp, uint16_t id);

/* --- helpers -----------------------------------------------------------------------------------
 */

/* The status word of a failed call. */
uicc_sw gp_failed(cr_status status, const struct cr_err *err);
/* Takes a field of length and value from the front; false when it is cut. */
bool gp_take_lv(cr_span *in, cr_span *out) CR_MUST_CHECK;
/* True when the object may be managed by the domain that executes: its own, below it, or a global
 * privilege. */
bool gp_manages(const struct gp_command *c, const struct gp_object *o, uint32_t global);
/* Decrypts what was encrypted under the DEK of the session or of the packet's key version. */
uicc_sw gp_decrypt(struct gp_command *c, cr_span cipher, cr_buf *plain);
/* The rights to change the content of the card: Authorized Management, or a token. data is the
 * command data without token; fields of LV format end with the token. */
uicc_sw gp_content_right(const struct gp_command *c, cr_span signed_data, cr_span token);

/* --- data.c ------------------------------------------------------------------------------------
 */

/* Executes a data grouping of STORE DATA on a domain's own data. */
uicc_sw gp_data_grouping(const struct gp_registry *reg, uint16_t domain, uint16_t dgi,
                         cr_span value);

/* --- parameters.c ------------------------------------------------------------------------------
 */

/* UICC toolkit parameters (EA 80) into TARs and minimum security level. */
bool gp_take_toolkit(struct gp_object *o, cr_span in) CR_MUST_CHECK;
/* UICC access parameters (EA 81, 82) into access domains. */
bool gp_take_access(struct gp_object *o, cr_span in, bool admin) CR_MUST_CHECK;
/* Contents of C9 of a security domain: protocols. */
void gp_take_domain_parameters(struct gp_object *o, cr_span in);
/* Install parameters: C9, EF, EA .. */
bool gp_take_parameters(struct gp_object *o, cr_span in) CR_MUST_CHECK;
/* The TAR of an AID, bytes 13 to 15, when none was given. */
void gp_default_tar(struct gp_object *o);
bool gp_access_valid(cr_span access);

/* --- remote.c ----------------------------------------------------------------------------------
 */

/* A verified packet's content for an object. */
struct gp_script {
    struct gp *gp;
    const struct gp_registry *reg;
    struct gp_object target;
    uint8_t spi1;
    uint16_t packet_domain;
    uint8_t packet_kvn;
    bool aside; /* push requests: see gp_script_run() */
};
/* Executes a script of any form and appends its response; 0 or more commands. CR_RESOURCE: no
 * memory. One that begins with a push request (80 EC, TS 102 226) for a domain of the card asks the
 * card's toolkit: it leaves a chain of scripts that is open as it is, and may hold nothing else. */
cr_status gp_script_run(const struct gp_script *s, cr_span script, cr_buf *response,
                        struct cr_err *err) CR_MUST_CHECK;

/* --- scp03t.c ----------------------------------------------------------------------------------
 */

/* One TLV 84, 85 or 86 for the domain; appends the answer TLV. False: it was an error, the script
 * ends. */
bool gp_scp03t_run(struct gp_command *c, cr_span tlv, cr_buf *answer);

/* --- endpoint.c --------------------------------------------------------------------------------
 */

/* Something that remote commands can be for, now. */
bool gp_reachable(const struct gp_object *o);
/* The domain whose keys of these versions a target is reached under: its own, or the nearest above
 * it that has some. 0 = none, or one on the way is locked. */
uint16_t gp_owner_of(const struct gp_registry *reg, const struct gp_object *target, uint8_t first,
                     uint8_t last);

cr_status gp_endpoint_new(struct gp *gp, struct cr_err *err) CR_MUST_CHECK;
void gp_endpoint_reset(struct gp *gp);
void gp_endpoint_free(struct gp *gp);

#endif
