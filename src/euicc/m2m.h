/*
 * The machine's personality of the chip (SGP.02): what its files share.
 *
 * ISD-R, ECASD and the ISD-Ps are domains of a GlobalPlatform registry of the card ("c/",
 * gp/registry.h): AIDs, states, keys, counters. Beside it the memory has two records, "m2m" (what
 * changes: attributes, the journal of a switch, the notification under way) and "m2mtime" (the
 * durations it was made with). The enabled ISD-P is named by "on", as on a consumer chip.
 *
 * Data objects: ISD-R A3 A4 A5 (addressing parameters of the SM-SR), 42 and 45 (SIN, SDIN); ISD-P
 * A0 A1 A2 (connectivity parameters of the profile), C2 (POL1), C3 (granted memory), C4 (marks), C5
 * (ICCID, swapped).
 */
#ifndef CRISP_EUICC_M2M_H
#define CRISP_EUICC_M2M_H

#include "euicc/chip.h"

/* Life cycle of an ISD-P (SGP.02 3.2.1); SELECTABLE and PERSONALIZED are GlobalPlatform's. */
enum { M2M_DISABLED = 0x1F, M2M_ENABLED = 0x3F };

#define M2M_FIRST_TAR 0x0010
#define M2M_LAST_TAR  0xFFFF
#define M2M_AID       16
#define M2M_VOLATILE  16384 /* bytes of volatile memory that the audit reports */
#define M2M_KVN_SCP81 0x40
#define M2M_SESSIONS  4 /* of SCP81 at once: the ISD-R's, and those of a profile's domains */

/* Private data objects of an ISD-P. */
enum { M2M_DATA_POL1 = 0xC2, M2M_DATA_QUOTA = 0xC3, M2M_DATA_MARKS = 0xC4, M2M_DATA_ICCID = 0xC5 };
#define M2M_MARK_TEST 0x01

/* POL1, tag 81 of 3A06. The order of the bits is not certain. */
enum {
    M2M_POL1_NO_DISABLE = 0x01,
    M2M_POL1_NO_DELETE = 0x02,
    M2M_POL1_DELETE_DISABLED = 0x04,
    M2M_POL1_NO_ENABLE = 0x08, /* beyond the standard */
    M2M_POL1_ALL = 0x0F
};

/* Types of notifications, tag 4D. */
enum {
    M2M_NOTE_NONE = 0,
    M2M_NOTE_DECLARATION = 0x01,
    M2M_NOTE_CHANGED = 0x02,
    M2M_NOTE_ROLLED_BACK = 0x03,
    M2M_NOTE_FALL_BACK = 0x05
};

/* Why the enabled profile is another one than before, as long as that is not final. */
enum m2m_cause {
    M2M_SETTLED = 0,
    M2M_BY_ENABLE,     /* until the confirmation */
    M2M_BY_DISABLE,    /* the same */
    M2M_BY_ROLL_BACK,  /* until there is service */
    M2M_BY_FALL_BACK,  /* the same */
    M2M_BY_LOCAL = 16, /* ESx: until the local switch ends; never in the journal */
};

struct m2m_state {
    int64_t version;
    int64_t fall_back, emergency;  /* holders of the attributes; 0 = none */
    int64_t pinned;                /* the profile that alone may be enabled (9.6) */
    int64_t local;                 /* profile to come back when the local switch ends; 0 = none */
    int64_t cause, from, to;       /* the journal */
    int64_t note, sequence, tries; /* notification under way; the last sequence number given */
    bool https;                    /* the last try went by HTTPS */
    bool declared;                 /* type 01 was confirmed once */
    bool has_confirmed;
    int64_t confirmed, deleted; /* sequence number confirmed last, and what went with it */
    int64_t kvn;                /* of the last ES5 packet that was accepted; 0 = none yet */
};

bool euicc_m2m_state_get(const struct nvm *nvm, struct m2m_state *out);
cr_status euicc_m2m_state_put(struct nvm *nvm, const struct m2m_state *state,
                              struct cr_err *err) CR_MUST_CHECK;
bool euicc_m2m_timing_get(const struct nvm *nvm, struct euicc_m2m_timing *out);
cr_status euicc_m2m_timing_put(struct nvm *nvm, const struct euicc_m2m_timing *timing,
                               struct cr_err *err) CR_MUST_CHECK;

/* A period counted by a timer of the terminal, or without one by its polls. */
struct m2m_alarm {
    void *ctx; /* of rings */
    unsigned timer;
    uint32_t polls; /* left; 0 = the timer counts, or nothing */
    void (*rings)(void *ctx);
};

/* Key establishment under way: RAM. */
struct m2m_establishment {
    uint16_t target; /* object of the registry; 0 = none */
    enum { M2M_ESTABLISH_CERTIFICATE, M2M_ESTABLISH_REQUEST } part;
    uint8_t next_block;
    cr_buf data;
    uint8_t challenge[16];
    bool has_challenge;
    struct crypto_public *signer; /* owned */
};

/* A download under way: RAM. */
struct m2m_download {
    uint16_t isdp;                     /* id in "p/<id>/"; 0 = none */
    struct euicc_installer *installer; /* owned */
    cr_buf elements;
};

struct euicc_m2m {
    struct euicc *e;
    struct gp_registry reg;
    uint16_t isdr; /* object */
    struct euicc_m2m_timing timing;
    struct m2m_establishment establishment;
    struct m2m_download download;
    struct m2m_https *https;     /* owned; sessions, the newest first; NULL = none */
    struct m2m_resolve *resolve; /* owned; M2M_SESSIONS */
    struct m2m_cattp *cattp;     /* owned */
    uint16_t listed;             /* GET STATUS: object told last */

    unsigned owner; /* of the toolkit */
    bool started;   /* TERMINAL PROFILE came */
    bool service;   /* normal service was seen since */
    bool switching; /* REFRESH is queued, or waits for the answer */
    bool sending;   /* a notification is in the terminal's hands */
    struct m2m_alarm attach, confirm, loss;
    uint32_t attach_left; /* seconds until the attachment counts as failed */
    uint8_t imei[8], meid[8];
    uint8_t imei_size, meid_size;
    uint8_t reference; /* of concatenated messages */
};

/* ---- m2m.c: the object ---- */

cr_status euicc_m2m_new(struct euicc *e, struct cr_err *err) CR_MUST_CHECK;
void euicc_m2m_free(struct euicc_m2m *m);
/* Power on and reset: what a cut left half done. In a transaction. */
cr_status euicc_m2m_recover(struct nvm *nvm, const struct gp_registry *reg,
                            struct cr_err *err) CR_MUST_CHECK;
bool euicc_m2m_registry(struct nvm *nvm, struct gp_registry *out);

/* ISD-P by its id (TAR), by AID; false when it is none. */
bool euicc_m2m_isdp(const struct gp_registry *reg, uint16_t id, struct gp_object *out);
bool euicc_m2m_isdp_by_aid(const struct gp_registry *reg, cr_span aid, struct gp_object *out);
uint16_t euicc_m2m_isdp_id(const struct gp_object *isdp);
bool euicc_m2m_isdp_next(const struct gp_registry *reg, uint16_t after, struct gp_object *out);
cr_status euicc_m2m_isdp_delete(struct gp_registry *reg, const struct gp_object *isdp,
                                struct cr_err *err) CR_MUST_CHECK;

uint8_t euicc_m2m_pol1(const struct gp_registry *reg, const struct gp_object *isdp);
uint8_t euicc_m2m_marks(const struct gp_registry *reg, const struct gp_object *isdp);
uint32_t euicc_m2m_quota(const struct gp_registry *reg,
                         const struct gp_object *isdp); /* 0 = none */
cr_status euicc_m2m_number_put(const struct gp_registry *reg, const struct gp_object *isdp,
                               uint8_t tag, uint64_t value, size_t bytes,
                               struct cr_err *err) CR_MUST_CHECK;
size_t euicc_m2m_size(const struct gp_registry *reg, const struct gp_object *isdp);
/* Free for profiles, what others were granted counted off. */
size_t euicc_m2m_free_memory(const struct euicc_m2m *m);

/* ---- pol1.c ---- */

enum m2m_operation { M2M_ENABLE, M2M_DISABLE, M2M_DELETE, M2M_SET_FALL_BACK, M2M_OPERATIONS };
/* 9000 or 69E1. target: the profile asked for. */
uicc_sw euicc_m2m_allowed(const struct gp_registry *reg, const struct m2m_state *state,
                          enum m2m_operation operation, const struct gp_object *target);
bool euicc_m2m_pol1_valid(cr_span value, uint8_t *pol1); /* one octet, or 81 01 xx */
bool euicc_m2m_pol1_contradicts(uint8_t pol1);
/* POL1 wants the profile deleted that was disabled. */
bool euicc_m2m_pol1_deletes(uint8_t pol1);

/* ---- es5.c ---- */

uicc_sw euicc_m2m_es5(struct euicc_m2m *m, const struct gp_requester *who,
                      const struct uicc_apdu *apdu, cr_buf *out);

/* ---- es8.c of the machine: isdp.c, establish_keys.c ---- */

uicc_sw euicc_m2m_es8(struct euicc_m2m *m, const struct gp_requester *who,
                      const struct uicc_apdu *apdu, cr_buf *out);
uicc_sw euicc_m2m_establish(struct euicc_m2m *m, const struct gp_requester *who,
                            const struct uicc_apdu *apdu, cr_buf *out);
void euicc_m2m_establishment_drop(struct euicc_m2m *m);
bool euicc_m2m_download_begin(struct euicc_m2m *m, const struct gp_requester *who);
uicc_sw euicc_m2m_download_segment(struct euicc_m2m *m, const struct gp_requester *who,
                                   cr_span plain, cr_buf *out);
void euicc_m2m_download_drop(struct euicc_m2m *m);
/* A package into an ISD-P; inside a transaction. For those that a chip is made with, too. */
cr_status euicc_m2m_install_complete(const struct gp_registry *reg, struct gp_object *isdp,
                                     const struct euicc_installer *installer,
                                     struct cr_err *err) CR_MUST_CHECK;
uicc_sw euicc_m2m_master_delete(struct euicc_m2m *m, struct gp_object *isdp,
                                const struct uicc_apdu *apdu);

/* ---- parameters.c ---- */

/* 3A07: A0 A1 A2 of a profile, A3 A4 A5 of the SM-SR; into the data of an object. */
uicc_sw euicc_m2m_store_parameters(const struct gp_registry *reg, uint16_t object, uint32_t first,
                                   cr_span value);
/* Value of a TLV inside a stored template; absent = none. */
cr_span euicc_m2m_parameter(const struct gp_registry *reg, uint16_t object, uint32_t template,
                            uint32_t tag);
/* Bearer, access point and login that a request leaves out: those of the enabled profile, by its
 * template of connectivity parameters. Spans point into the memory. */
struct cat_channel;
void euicc_m2m_fill_channel(const struct euicc_m2m *m, uint32_t template, struct cat_channel *c);

/* ---- es6.c ---- */

/* The ISD-P that a registry of a profile lives in; false when that is not enabled (any more). */
bool euicc_m2m_es6_isdp(const struct euicc_m2m *m, const struct gp_registry *reg,
                        struct gp_object *out);

uicc_sw euicc_m2m_es6_personalize(struct euicc_m2m *m, const struct gp_requester *who, cr_span aid);
uicc_sw euicc_m2m_es6_store(struct euicc_m2m *m, const struct gp_requester *who, uint16_t dgi,
                            cr_span value, bool last);

/* ---- switch.c ---- */

/* seconds: 1 to CAT_MAX_TIMER. Started again when it runs. */
void euicc_m2m_alarm_start(struct euicc_m2m *m, struct m2m_alarm *a, uint32_t seconds);
void euicc_m2m_alarm_stop(struct euicc_m2m *m, struct m2m_alarm *a);
void euicc_m2m_alarm_poll(struct m2m_alarm *a); /* STATUS came */

/* The change is in the memory; the terminal follows when the answer is on its way:
 * euicc_m2m_switch_go(). */
cr_status euicc_m2m_switch(struct euicc_m2m *m, struct m2m_state *state, enum m2m_cause cause,
                           uint16_t from, uint16_t to, struct cr_err *err) CR_MUST_CHECK;
void euicc_m2m_switch_go(struct euicc_m2m *m);
uicc_sw euicc_m2m_confirm(struct euicc_m2m *m, uint16_t sequence, cr_buf *out);
void euicc_m2m_switch_started(struct euicc_m2m *m);
void euicc_m2m_switch_reset(struct euicc_m2m *m);
void euicc_m2m_location(struct euicc_m2m *m, uint8_t status);
void euicc_m2m_switch_polled(struct euicc_m2m *m);
void euicc_m2m_switch_init(struct euicc_m2m *m);
/* A notification is (or is not) in the network's hands. */
void euicc_m2m_note_sent(struct euicc_m2m *m, bool sent);

/* ---- notify.c ---- */

/* E1 of the notification under way. */
void euicc_m2m_note_build(const struct euicc_m2m *m, const struct m2m_state *state, cr_buf *out);
/* The secured packet of 9.2, without user data header. */
cr_status euicc_m2m_note_packet(const struct euicc_m2m *m, const struct m2m_state *state,
                                cr_buf *out, struct cr_err *err) CR_MUST_CHECK;
/* Gives it to the terminal; false: no way there. */
bool euicc_m2m_note_send(struct euicc_m2m *m, struct m2m_state *state);
cr_span euicc_m2m_smsc(const struct euicc_m2m *m);

/* ---- esx.c ---- */

cr_status euicc_m2m_applications(struct euicc_m2m *m, struct cr_err *err) CR_MUST_CHECK;

#endif
