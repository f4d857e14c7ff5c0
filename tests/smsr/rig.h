/*
 * An SM-SR with its parties around it and a chip behind a radio that the test moves script by
 * script. One eUICC is registered through ES1:
 *
 *     1  ICCID ..01  owner a  Enabled, Fall-Back  "bootstrap", loaded at production
 *     2  ICCID ..02  owner a  Disabled            "meter", SM-DP d
 *     3  ICCID ..03  owner b  Disabled            "meter", SM-DP d; b hears through d
 */
#ifndef CRISP_TESTS_SMSR_RIG_H
#define CRISP_TESTS_SMSR_RIG_H

#include "../base/test.h"
#include "chip.h"
#include "pki/key.h"
#include "smsr/engine.h"

#define RIG_NOW      1772438400000
#define RIG_PARTIES  9
#define RIG_PERIOD_S 600 /* validity of requests */

enum rig_radio { RADIO_GOOD, RADIO_LOST, RADIO_DEAF, RADIO_UNREACHABLE, RADIO_BAD };

struct rig {
    int64_t now_ms;
    uint64_t random;
    cr_env env;
    char dir[64], ci_file[96], transport_file[96];
    bool on_disk; /* database in dir, so that rig_reopen() loses nothing */
    struct m2m_parties parties;
    struct m2m_party party[RIG_PARTIES];
    cr_arena arena; /* of the rig: certificates */
    struct pki_key *ci, *eum, *eum2;
    cr_span ci_der, eum_der, ecasd;
    struct smsr *sr;
    struct chip chip;
    cr_arena call;  /* of answers; emptied by rig_forget() */
    int calls;      /* MessageIDs given */
    cr_buf letters; /* what was put out, a line each */
    cr_buf log;     /* of the SM-SR */
    bool restart;   /* reopen before every step */
};

extern const uint8_t rig_eid[16];
const char *rig_iccid(int n);
cr_span rig_aid(int n);

/* A rig with the eUICC in it. */
struct rig *rig_new(bool on_disk);
/* The same without RegisterEIS. */
struct rig *rig_new_empty(bool on_disk);
void rig_free(struct rig *r);
void rig_reopen(struct rig *r);
struct m2m_party *rig_party(struct rig *r, const char *name);
/* The EIS that the EUM registers, signed. Change it before with change(). */
void rig_eis(struct rig *r, struct soap_eis *out,
             void (*change)(struct rig *r, struct soap_eis *e));

/* ---- requests ---- */

struct reply {
    bool waiting; /* later: rig_wait() */
    int64_t id;
    int status; /* enum soap_execution; 0 = not answered */
    char subject[16], reason[16], identifier[32];
    struct soap_body body; /* lives until rig_forget() */
};
/* Sends a request and takes what comes back on the connection. */
struct reply rig_call(struct rig *r, const char *from, enum soap_interface interface,
                      enum soap_name name, const struct soap_body *body);
/* With a MessageID of one's own: to repeat it. */
struct reply rig_call_id(struct rig *r, const char *from, enum soap_interface interface,
                         enum soap_name name, const struct soap_body *body, const char *id);
/* About Profile n. */
struct reply rig_do(struct rig *r, const char *from, enum soap_interface interface,
                    enum soap_name name, int n);
void rig_wait(struct rig *r, struct reply *reply);
/* Asserts an answer: "8.2.3/3.8" with FAILED, "" with success, "w8.4/4.2" with a warning,
 * "x1.6/5.3" with EXPIRED, "..." not answered yet. */
void rig_expect(struct rig *r, struct reply *reply, const char *codes);
void rig_forget(struct rig *r);

/* ---- the radio ---- */

/* Takes the current script, executes it, ends it. False = there was none. */
bool rig_radio(struct rig *r, enum rig_radio how);
/* Takes it only: it has left. Returns its id, 0 = none. */
int64_t rig_radio_take(struct rig *r);
void rig_radio_end(struct rig *r, int64_t script, enum rig_radio how);
/* Notification of a type about Profile n, with the chip's next number. Returns "is confirmed". */
bool rig_notify(struct rig *r, uint8_t type, int n);
bool rig_notify_again(struct rig *r, uint8_t type, int n);
bool rig_notify_at(struct rig *r, uint8_t type, uint16_t number, int n, int64_t received_ms);
/* Radio and notifications until nothing moves. */
void rig_run(struct rig *r);
/* Time passes; the housekeeper looks. */
void rig_pass(struct rig *r, int64_t seconds);

/* ---- what is there ---- */

/* "1E 2D 3D", with F behind the Fall-Back Profile, M behind the Emergency one, C created, I in
 * creation: all Profiles in order of AID. Lives until the next call. */
const char *rig_states(struct rig *r);
/* Of the chip, in the same words. */
const char *rig_chip_states(struct rig *r);
/* State names of all procedures, oldest first: "enable:done". */
const char *rig_procedures(struct rig *r);
/* Operations of the audit trail: "0200 0002". */
const char *rig_trail(struct rig *r);
/* What was put out since the last call: "a ES4 ProfileEnabled 2; ..." */
const char *rig_letters(struct rig *r);
struct smsr_euicc rig_euicc(struct rig *r);
void rig_pol2(struct rig *r, int n, unsigned pol2);
void rig_profile(struct rig *r, int n, struct smsr_profile *out);
/* PLMA of owner for grantee, type "meter": names of operations, with spaces. */
void rig_grant(struct rig *r, const char *owner, const char *grantee, const char *operations);
struct soap_body rig_body(int n);
/* Runs work in the store. */
void rig_store(struct rig *r, store_work work, void *ctx);

#endif
