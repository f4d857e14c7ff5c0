/*
 * An operator, the SM-DP under test and a fake SM-SR with a fake chip, with a wire between them
 * that the test moves letter by letter, loses and repeats.
 */
#ifndef CRISP_TESTS_SMDP_RIG_H
#define CRISP_TESTS_SMDP_RIG_H

#include "fake_chip.h"

#include "smdp/rows.h"

#define RIG_EID      "89049032123451234512345678901235"
#define RIG_DP       "1.3.6.1.4.1.50410"
#define RIG_SR       "1.3.6.1.4.1.50420"
#define RIG_OPERATOR "1.3.6.1.4.1.50101"
#define RIG_OTHER    "1.3.6.1.4.1.50102"

enum fate { FATE_DELIVER = 0, FATE_LOSE, FATE_LOSE_ANSWER, FATE_TWICE };

struct rig {
    int64_t now_ms;
    cr_env env;
    char dir[64];
    cr_arena arena;
    struct m2m_parties op_parties, dp_parties, sr_parties;
    struct m2m_party op_known[2], dp_known[4], sr_known[2];
    struct store *op_store, *sr_store;
    struct m2m *op, *sr;
    struct smdp *dp;
    struct smdp_options options;
    struct pki_trust *trust;
    struct pki_cert eums[2];
    struct pki_key *dp_key, *eum_key;
    cr_buf dp_cert;
    struct fake_chip chip;

    /* The fake SM-SR. */
    int64_t remaining_memory;
    const char *platform_type, *platform_version, *provisioning;
    bool spoil_signature, spoil_ecasd, no_eis, no_aid;
    struct {
        const char *subject, *reason; /* answers FAILED; NULL = does it */
        int times;                    /* 0 = for ever */
        bool silent;                  /* never answers */
    } faults[SOAP_NAMES];
    int asked[SOAP_NAMES];
    int64_t silent;        /* request that it has not answered */
    struct soap_body last; /* request of ES3 that came last; in the arena */
    cr_buf seen;           /* every letter that the SM-SR got, and every one that it sent */
    cr_buf carried;        /* bytes of SendData */

    /* The operator. */
    int answers, notices;
    struct soap_status status;
    struct soap_body answer, notice; /* in the arena */
    const struct soap_function *noticed;
    size_t eis_profiles; /* of the EIS that came last */
    bool eis_has_ecasd, eis_has_isdr;
    const char *speaker; /* OID; RIG_OPERATOR at first */

    /* The wire. */
    int letters;                                  /* carried so far */
    enum fate (*fate)(struct rig *r, int letter); /* NULL = deliver all */
    int at;                                       /* for fate functions */
    enum fate what;
};

int rig_group_setup(void **state);
int rig_group_teardown(void **state);
int rig_setup(void **state);
int rig_teardown(void **state);
/* Chip, EUM and SM-DP on another curve. */
void rig_use_curve(struct rig *r, enum crypto_curve curve);
void rig_restart(struct rig *r); /* the SM-DP, on the same directory */

cr_span rig_upp(struct rig *r, const char *iccid, size_t size);
const char *rig_iccid(int n);
void rig_import(struct rig *r, int n, const char *type, size_t size);

/* The operator (by OID) asks the SM-DP on ES2. */
void rig_order(struct rig *r, enum soap_name name, const struct soap_body *body, int64_t seconds);
void rig_download(struct rig *r, int n, bool enable);
/* The operator is another one from now on. */
void rig_speak_as(struct rig *r, const char *oid);
/* Carries letters until nothing is due; with time going on, until nothing is there. */
void rig_settle(struct rig *r);
void rig_answer_late(struct rig *r); /* the SM-SR answers what it was silent about last */
void rig_step(struct rig *r);        /* each letter that is due, once */
void rig_pass(struct rig *r, int64_t ms);

void rig_assert_status(struct rig *r, int status, const char *subject, const char *reason);
enum smdp_state rig_state(struct rig *r, int n);
int64_t rig_count(struct rig *r, const char *sql);
/* The SM-SR says something on ES3. */
void rig_notify(struct rig *r, enum soap_name name, const struct soap_body *body);

#endif
