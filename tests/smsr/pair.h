/*
 * Two SM-SRs and the chip that goes from one to the other: letters between them are delivered by
 * the test, secured packets go to a real chip through a terminal, what the chip sends goes to the
 * SM-SR whose number it sends it to. One eUICC is managed by the first.
 *
 *     ICCID ..01  owner a  Enabled, Fall-Back
 *     ICCID ..02  owner a  Disabled, SM-DP d
 *     ICCID ..03  owner b  Disabled, SM-DP d; b hears through d
 */
#ifndef CRISP_TESTS_SMSR_PAIR_H
#define CRISP_TESTS_SMSR_PAIR_H

#include "../base/test.h"
#include "../euicc/m2m_bed.h"

#include "pki/hierarchy.h"
#include "smsr/handover.h"
#include "smsr/radio_config.h"
#include "smsr/sms.h"

#define PAIR_PERIOD_S 600 /* validity of requests */
#define PAIR_MESSAGES 64

enum { ONE, TWO };

struct pair;
struct side {
    struct pair *pair;
    int index;
    char dir[64];
    struct m2m_parties parties;
    struct m2m_party party[7];
    struct smsr_radio_config config;
    struct smsr_identity identity;
    struct pki_key *key;
    struct smsr_policy policy;
    struct smsr *sr;
    struct smsr_sms *sms;
};

/* What becomes of the packets whose last command begins so: "80E289". */
enum pair_radio { AIR_GOOD, AIR_DEAF /* it does not come */, AIR_LOST /* its answer does not */ };

/* What becomes of letters between the two. */
enum pair_mail {
    MAIL_GOOD,
    MAIL_DOWN /* not reached */,
    MAIL_ACK_LOST /* taken, but not known so */
};

struct pair {
    int64_t now_ms;
    cr_env env;
    cr_arena arena;
    struct side side[2];
    struct m2m_bed *bed;
    int calls;
    bool restart; /* both are closed and opened before everything that happens */
    /* The radio: on_air with `air`; spoil: a byte at the end of such a command is another. */
    const char *on_air, *spoil;
    enum pair_radio air;
    bool no_route; /* the service centres do not know the number */
    /* Letters of one function: requests or answers. */
    enum soap_name on_mail;
    enum soap_message_kind mail_kind;
    enum pair_mail mail;
    const char *tamper; /* in a letter: the digit behind this text is another */
    bool hold;          /* nothing is delivered */
    cr_buf letters;     /* to others than the two, a line each */
    struct {
        char to[40];
        bool first;
        uint8_t ud[140];
        size_t n;
    } said[PAIR_MESSAGES]; /* by the chip */
    size_t said_count;
};

struct pair *pair_new(void);
void pair_free(struct pair *p);
void pair_reopen(struct pair *p, int side);

/* ---- requests ---- */

struct ask {
    int side;
    int64_t id;
    int status; /* 0 = not answered */
    char codes[32], message[200];
};
struct soap_body pair_body(void);
struct ask pair_call(struct pair *p, int side, const char *from, enum soap_interface interface,
                     enum soap_name name, const struct soap_body *body);
/* PrepareSMSRChange at `to`, SMSRChange at the other, by operator a. */
struct ask pair_prepare(struct pair *p, int to);
struct ask pair_change(struct pair *p, int from);
/* Asserts "8.1.1/1.1", "", "w8.4/4.2", "x1.6/5.3", "...". */
void pair_expect(struct pair *p, struct ask *ask, const char *codes);

/* ---- what happens ---- */

/* Letters and packets until nothing moves. */
void pair_run(struct pair *p);
/* One thing. False = nothing. */
bool pair_step(struct pair *p);
void pair_pass(struct pair *p, int64_t seconds); /* time, then pair_run() */

/* ---- what is there ---- */

/* Procedures of a side, oldest first: "SMSRChange:done HandoverEUICC:prepared". */
const char *pair_procedures(struct pair *p, int side);
/* "E" active, "L" locked, "A" arriving, "-" not there. */
const char *pair_has(struct pair *p, int side);
/* Versions of its key sets: "01 40". */
const char *pair_keysets(struct pair *p, int side);
/* Versions of the key sets in the chip's ISD-R. */
const char *pair_chip_keysets(struct pair *p);
/* What was put out for others since the last call: "a ES4 SMSRChange; d ES3 SMSRChange for 1.2.2"
 */
const char *pair_letters(struct pair *p);
const char *pair_trail(struct pair *p, int side);
/* The keys of a side are those of the chip. */
void pair_same_keys(struct pair *p, int side);
/* A default notification that came to a side. Returns "is confirmed". */
bool pair_notify(struct pair *p, int side, uint8_t type, uint16_t number, uint16_t isdp);
/* As HandoverEUICC carries it. */
void pair_eis(struct pair *p, int side, cr_arena *arena, struct soap_eis *out);
void pair_store(struct pair *p, int side, store_work work, void *ctx);

#endif
