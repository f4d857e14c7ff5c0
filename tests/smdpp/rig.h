/*
 * What the tests of the SM-DP+ share: a PKI in a temporary directory (made once for a program), an
 * SM-DP+ on an in-memory store with a clock that the test moves, chips of both curves, profiles,
 * orders, and the functions called straight at their handlers.
 */
#ifndef CRISP_TESTS_SMDPP_RIG_H
#define CRISP_TESTS_SMDPP_RIG_H

#include "fake_chip.h"

#include "smdpp/smdpp.h"

#define RIG_EID      "89049032123451234512345678901235"
#define RIG_EID_2    "89049032000000000000000000000066"
#define RIG_EID_BAD  "89049032123451234512345678901299" /* check digits wrong */
#define RIG_OPERATOR "operator"
#define RIG_OTHER    "another operator"

struct rig {
    struct smdpp *dp;
    struct smdpp_config config;
    cr_env env;
    int64_t now_ms;
    int wakes; /* of the outbox */
    cr_arena arena;
    struct cr_err err;
    struct fake_chip nist, nist2, brainpool;
};

extern char rig_pki[256]; /* directory of the PKI */

/* For cmocka_run_group_tests(): the PKI. */
int rig_group_setup(void **state);
int rig_group_teardown(void **state);

/* For each test: *state is the struct rig. The operator listens, nobody delivers. */
int rig_setup(void **state);
int rig_teardown(void **state);

/* Closes the SM-DP+ and opens it again with this policy; dir NULL = in memory. */
void rig_reopen(struct rig *rig, const char *dir, const struct smdpp_policy *policy);

/* A temporary directory of its own. */
void rig_dir_make(char dir[64]);
void rig_dir_remove(const char *dir);

/* ICCID number n as text, in a static ring. */
const char *rig_iccid(int n);
/* A package with its ICCID and size bytes of filling; the metadata. In the arena. */
cr_span rig_upp(struct rig *rig, const char *iccid, int64_t version, size_t size);
struct rig_metadata {
    const char *name; /* profileName */
    int64_t profile_class;
    uint64_t policy_rules;
};
cr_span rig_metadata(struct rig *rig, const char *iccid, const struct rig_metadata *m);

/* Imports ICCID n: type "type", no owner, operational. */
void rig_import(struct rig *rig, int n);
void rig_import_as(struct rig *rig, int n, const char *type, const char *owner,
                   const struct rig_metadata *m, int64_t version, size_t size);

/* Imports n and orders, confirms and releases it as the operator. */
void rig_release(struct rig *rig, int n, const char *matching_id, const char *eid,
                 const char *code);

/* ES2+ by a requester (NULL = command line); texts may be NULL. */
cr_status rig_download_order(struct rig *rig, const char *requester, const char *call_id,
                             const char *eid, const char *iccid, const char *type,
                             const char **got);
cr_status rig_confirm_order(struct rig *rig, const char *requester, const char *call_id,
                            const char *iccid, const char *eid, const char *matching_id,
                            const char *code, const char *smds, bool release,
                            const char **matching);
cr_status rig_cancel_order(struct rig *rig, const char *requester, const char *call_id,
                           const char *iccid, const char *eid, const char *matching_id,
                           const char *indicator);
cr_status rig_release_profile(struct rig *rig, const char *requester, const char *call_id,
                              const char *iccid);

/* ES9+ with a chip; the answer is checked and remembered by the chip. */
cr_status rig_initiate(struct rig *rig, struct fake_chip *chip, const struct fake_knobs *knobs);
cr_status rig_authenticate(struct rig *rig, struct fake_chip *chip, const struct fake_knobs *knobs);
/* *bpp (may be NULL) in the arena. */
cr_status rig_get_bpp(struct rig *rig, struct fake_chip *chip, const struct fake_knobs *knobs,
                      cr_span *bpp);
cr_status rig_cancel(struct rig *rig, struct fake_chip *chip, const struct fake_knobs *knobs,
                     int64_t reason);
cr_status rig_notify(struct rig *rig, const struct rsp_handle_notification_request *request);
/* Result of the installation. */
cr_status rig_result(struct rig *rig, struct fake_chip *chip, int n, int64_t reason);

/* A session up to AuthenticateClient, up to the BPP, up to Installed. */
void rig_to_authenticated(struct rig *rig, struct fake_chip *chip, const char *matching_id);
void rig_to_downloaded(struct rig *rig, struct fake_chip *chip, const char *matching_id);
void rig_to_installed(struct rig *rig, struct fake_chip *chip, int n, const char *matching_id);

/* Handler calls with any request. */
cr_status rig_call(struct rig *rig, enum rsp_function_id function, const void *request,
                   void *response);

struct smdpp_profile rig_profile(struct rig *rig, int n);
void rig_assert_state(struct rig *rig, int n, enum smdpp_state state);
/* Rows of "SELECT count(*)" style statements. */
int64_t rig_number(struct rig *rig, const char *sql);
/* The i-th message in the outbox as text; NULL = there are not as many. */
const char *rig_outbox(struct rig *rig, int i);

#define assert_ok(rig, call)                                                                       \
    do {                                                                                           \
        (rig)->err = (struct cr_err){0};                                                           \
        if ((call) != CR_OK) {                                                                     \
            fail_msg("%s: %s/%s %s", #call, (rig)->err.subject, (rig)->err.reason,                 \
                     (rig)->err.cause);                                                            \
        }                                                                                          \
    } while (0)

#define assert_refused(rig, call, subject_, reason_)                                               \
    do {                                                                                           \
        (rig)->err = (struct cr_err){0};                                                           \
        assert_int_equal((call), CR_REFUSED);                                                      \
        assert_string_equal((rig)->err.subject, subject_);                                         \
        assert_string_equal((rig)->err.reason, reason_);                                           \
        assert_true((rig)->err.cause[0] != 0);                                                     \
    } while (0)

#endif
