/*
 * GlobalPlatform on the card: the security domains of the visible profile as applications of the
 * UICC (Card Specification 2.3, UICC configuration), and remote management over the air (TS 102
 * 225, TS 102 226; ES6 of SGP.02).
 *
 * What is registered is in the memory (gp/registry.h) and belongs to a profile; secure channel
 * sessions, half a load file, blocks of data and segments of a message are RAM. The object follows
 * the UICC: it registers the visible profile's applications and forgets the other ones'.
 *
 * One transaction of the memory for each APDU, as with everything on the card; a command that is
 * answered with an error leaves nothing behind but counters.
 */
#ifndef CRISP_GP_GP_H
#define CRISP_GP_GP_H

#include "gp/registry.h"
#include "ota/packet.h"
#include "uicc/uicc.h"

#define GP_MAX_SCRIPT_SMS 10   /* segments of one secured packet, either way */
#define GP_REPORT_MAX     158  /* bytes of user data of an SMS-DELIVER-REPORT */
#define GP_MAX_RESPONSE   4096 /* bytes of a response script that the card buffers */

struct gp;

/* Who a command comes from: the security domain that executes it. */
struct gp_requester {
    struct gp *gp;
    const struct gp_registry *reg;
    const struct gp_object *domain;
    bool remote;    /* over the air, else on a logical channel */
    uint8_t level;  /* SPI1 of the secured packet; security level of the session */
    bool trusted;   /* a session, or a packet under the domain's own keys */
    uint8_t kvn;    /* of the packet (remote) */
    cr_span target; /* AID that STORE DATA goes to: the domain's, or what INSTALL named */
};

/* The layer above: what a domain reaches that is not in the registry of its profile. Functions run
 * inside the transaction of the command. */
struct gp_hooks {
    void *ctx;

    /* INSTALL [for personalization] names an AID that the registry does not have (SGP.02: the ISD-P
     * of the profile, by its own AID or the reserved one). 9000: store() gets the STORE DATA that
     * follow; 6A88: nobody has it. NULL = 6A88. */
    uicc_sw (*personalize)(void *ctx, const struct gp_requester *who, cr_span aid);

    /* One data grouping of a STORE DATA for that AID. last: of the last block. out takes response
     * data. */
    uicc_sw (*store)(void *ctx, const struct gp_requester *who, cr_span aid, uint16_t dgi,
                     cr_span value, bool last, cr_buf *out);

    /* Domains of the card itself (SGP.02: ISD-R, ISD-Ps, ECASD), in a registry that outlives the
     * visible profile; NULL = none. Packets find them by TAR before they find the profile's. Who
     * is not proved to one of them gets no answer. What follows is for them, each may be NULL. */
    const struct gp_registry *card;

    /* A command, unwrapped, before GlobalPlatform executes it; UICC_NOT_MINE: let it. */
    uicc_sw (*command)(void *ctx, const struct gp_requester *who, const struct uicc_apdu *apdu,
                       cr_buf *out);
    /* SCP03t: a session begins (false: not now); plain bytes of one 86, out takes the answer. */
    bool (*segments)(void *ctx, const struct gp_requester *who);
    uicc_sw (*segment)(void *ctx, const struct gp_requester *who, cr_span plain, cr_buf *out);
    /* A packet for a domain, of the card or of the visible profile, that brought no script but a
     * TLV 81 (administration session trigger). NULL: no domain of this card has sessions. */
    void (*trigger)(void *ctx, const struct gp_requester *who, cr_span tlv);
    /* A packet was executed and its answer is queued. */
    void (*answered)(void *ctx, const struct gp_requester *who);
    /* Service centre for the card's messages: TON/NPI and digits; absent = the terminal's. */
    cr_span (*smsc)(void *ctx);
};

/* Attaches itself to the card: its observer and SMS-PP download. hooks may be NULL. */
cr_status gp_new(struct uicc *uicc, const struct gp_hooks *hooks, struct gp **out,
                 struct cr_err *err) CR_MUST_CHECK;
/* Before the uicc is freed. NULL allowed. */
void gp_free(struct gp *gp);

/* A script from an administration session (SCP81), proved by a key of version kvn of the domain
 * `owner` in reg: hooks.card, or gp_visible(). For the application `aid` of that registry, which is
 * the owner itself or one that relies on its keys; the response is appended. CR_REFUSED: there is
 * no such one now. Inside the transaction of a command. */
cr_status gp_session_script(struct gp *gp, const struct gp_registry *reg, uint16_t owner,
                            uint8_t kvn, cr_span aid, cr_span script, cr_buf *response,
                            struct cr_err *err) CR_MUST_CHECK;

/* A secured packet (dialect of channels) that came over a channel of the card's own, for a domain
 * of hooks.card; the response packet, where one is due, is appended, of at most room bytes: what
 * does not fit is told as such. The counter is moved, as of a packet that came by SMS. Inside the
 * transaction of a command. */
enum ota_result gp_card_packet(struct gp *gp, cr_span bytes, size_t room,
                               cr_buf *response) CR_MUST_CHECK;

/* The registry of the visible profile; NULL = none. */
const struct gp_registry *gp_visible(const struct gp *gp);

#endif
