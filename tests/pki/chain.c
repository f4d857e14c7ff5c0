/* Each check of the chain verifier, broken once. */
#include "rig.h"

#include "asn1/der.h"
#include "pki/trust.h"

#include <pthread.h>

/* --- a PKI with every role, v2 and v3 ----------------------------------------------------------
 */

enum { CI, EUM, EUICC, DPAUTH, DPPB, DPTLS, DSAUTH, DSTLS, OPERATOR, PARTIES };
enum { CI_SUB, EUM3, EUM_SUB, EUICC3, DP_SUB, DPAUTH3, EUM_B, EUICC_B, PARTIES_3 };

static struct rig_party party[PARTIES];
static struct rig_party v3[PARTIES_3];
static struct rig_party other_ci;

static const char *const dns[] = {"smdpp.example.com", "10.0.0.7", "2001:db8::7", NULL};

static int make_all(void **state)
{
    (void)state;
    const enum crypto_curve c = CRYPTO_P256;
    const struct pki_request ci = {.role = PKI_ROLE_CI, .common_name = "Test CI"};
    rig_make(&party[CI], ci, c, NULL);
    rig_make(&other_ci, (struct pki_request){.role = PKI_ROLE_CI, .common_name = "Other CI"}, c,
             NULL);
    const struct pki_request eum = {.role = PKI_ROLE_EUM,
                                    .common_name = "EUM",
                                    .organization = "RSP Test EUM",
                                    .ein_prefix = RIG_PREFIX};
    const struct pki_request euicc = {
        .role = PKI_ROLE_EUICC, .organization = "RSP Test EUM", .eid = RIG_EID};
    rig_make(&party[EUM], eum, c, &party[CI]);
    rig_make(&party[EUICC], euicc, c, &party[EUM]);
    const enum pki_role servers[] = {PKI_ROLE_DP_AUTH, PKI_ROLE_DP_PB, PKI_ROLE_DP_TLS,
                                     PKI_ROLE_DS_AUTH, PKI_ROLE_DS_TLS};
    for (size_t i = 0; i < CR_COUNT(servers); i++) {
        const struct pki_request r = {.role = servers[i],
                                      .common_name = "server",
                                      .registered_id = "2.999.10",
                                      .dns_names = dns};
        rig_make(&party[DPAUTH + i], r, c, &party[CI]);
    }
    const struct pki_request operator= {
        .operator_tls = true, .common_name = "operator", .dns_names = dns};
    rig_make(&party[OPERATOR], operator, c, &party[CI]);

    struct pki_request r = {.role = PKI_ROLE_CI_SUBCA, .common_name = "CI SubCA", .v3 = true};
    rig_make(&v3[CI_SUB], r, c, &party[CI]);
    r = eum;
    r.v3 = true;
    r.sub_cas = 1;
    r.ein_prefix = "89033023,890490";
    rig_make(&v3[EUM3], r, c, &v3[CI_SUB]);
    r.sub_cas = 0;
    rig_make(&v3[EUM_B], r, c, &party[CI]);
    r.role = PKI_ROLE_EUM_SUBCA;
    r.common_name = "EUM SubCA";
    r.ein_prefix = RIG_PREFIX;
    rig_make(&v3[EUM_SUB], r, c, &v3[EUM3]);
    r = euicc;
    r.v3 = true;
    rig_make(&v3[EUICC3], r, c, &v3[EUM_SUB]);
    rig_make(&v3[EUICC_B], r, c, &v3[EUM_B]);
    r = (struct pki_request){.role = PKI_ROLE_DP_SUBCA, .common_name = "DP SubCA", .v3 = true};
    rig_make(&v3[DP_SUB], r, c, &v3[CI_SUB]);
    r = (struct pki_request){
        .role = PKI_ROLE_DP_AUTH, .common_name = "DP", .registered_id = "2.999.231", .v3 = true};
    rig_make(&v3[DPAUTH3], r, c, &v3[DP_SUB]);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < PARTIES; i++) {
        rig_party_free(&party[i]);
    }
    for (size_t i = 0; i < PARTIES_3; i++) {
        rig_party_free(&v3[i]);
    }
    rig_party_free(&other_ci);
    return 0;
}

/* The chains under test: leaf first; signer[i] signs chain[i]. */
struct path {
    const char *name;
    enum pki_role role;
    size_t count;
    const struct rig_party *chain[PKI_MAX_CHAIN], *signer[PKI_MAX_CHAIN];
};

enum {
    P_EUICC,
    P_DPAUTH,
    P_DPPB,
    P_DSAUTH,
    P_DPTLS,
    P_DSTLS,
    P_OPERATOR,
    P_EUM,
    P_EUICC_OV3,
    P_EUICC_C,
    P_DPAUTH_C,
    PATHS
};

static const struct path paths[PATHS] = {
    [P_EUICC] =
        {"euicc", PKI_ROLE_EUICC, 2, {&party[EUICC], &party[EUM]}, {&party[EUM], &party[CI]}},
    [P_DPAUTH] = {"dpauth", PKI_ROLE_DP_AUTH, 1, {&party[DPAUTH]}, {&party[CI]}},
    [P_DPPB] = {"dppb", PKI_ROLE_DP_PB, 1, {&party[DPPB]}, {&party[CI]}},
    [P_DSAUTH] = {"dsauth", PKI_ROLE_DS_AUTH, 1, {&party[DSAUTH]}, {&party[CI]}},
    [P_DPTLS] = {"dptls", PKI_ROLE_DP_TLS, 1, {&party[DPTLS]}, {&party[CI]}},
    [P_DSTLS] = {"dstls", PKI_ROLE_DS_TLS, 1, {&party[DSTLS]}, {&party[CI]}},
    [P_OPERATOR] = {"operator", PKI_ROLE_NONE, 1, {&party[OPERATOR]}, {&party[CI]}},
    [P_EUM] = {"eum", PKI_ROLE_EUM, 1, {&party[EUM]}, {&party[CI]}},
    [P_EUICC_OV3] =
        {"euicc Ov3", PKI_ROLE_EUICC, 2, {&v3[EUICC_B], &v3[EUM_B]}, {&v3[EUM_B], &party[CI]}},
    [P_EUICC_C] = {"euicc C",
                   PKI_ROLE_EUICC,
                   4,
                   {&v3[EUICC3], &v3[EUM_SUB], &v3[EUM3], &v3[CI_SUB]},
                   {&v3[EUM_SUB], &v3[EUM3], &v3[CI_SUB], &party[CI]}},
    [P_DPAUTH_C] = {"dpauth C",
                    PKI_ROLE_DP_AUTH,
                    3,
                    {&v3[DPAUTH3], &v3[DP_SUB], &v3[CI_SUB]},
                    {&v3[DP_SUB], &v3[CI_SUB], &party[CI]}},
};

static struct pki_trust *trust_of(const struct rig_party *ci)
{
    struct pki_trust *trust = pki_trust_new();
    assert_non_null(trust);
    assert_int_equal(pki_trust_add_ci(trust, cr_buf_span(&ci->der), NULL), CR_OK);
    return trust;
}

static void load(const struct path *p, struct pki_cert chain[PKI_MAX_CHAIN])
{
    for (size_t i = 0; i < p->count; i++) {
        chain[i] = p->chain[i]->cert;
    }
}

/* Verifies and wants this verdict. */
static void want(struct pki_trust *trust, const struct pki_cert *chain, size_t count,
                 const struct pki_expect *expect, enum pki_problem problem, int failed_at,
                 const char *field, const char *name)
{
    struct pki_verdict verdict = {.problem = PKI_REVOKED, .failed_at = 99};
    struct crypto_public *key = NULL;
    struct cr_err err = {0};
    cr_status status = pki_chain_verify(trust, chain, count, expect, &verdict, &key, &err);
    if (verdict.problem != problem || verdict.failed_at != failed_at ||
        (status == CR_OK) != (problem == PKI_OK) || strcmp(err.field, field) != 0) {
        fail_msg("%s: %s at %d field '%s' (%s), not %s at %d field '%s'", name,
                 pki_problem_name(verdict.problem), verdict.failed_at, err.field, err.cause,
                 pki_problem_name(problem), failed_at, field);
    }
    if (problem == PKI_OK) {
        assert_non_null(key);
        assert_true(cr_span_equal(crypto_public_point(key), chain[0].point));
        assert_non_null(verdict.ci);
    } else {
        assert_null(key);
        assert_int_equal(err.code, problem);
    }
    crypto_public_free(key);
}

static void test_good_chains(void **state)
{
    (void)state;
    struct pki_trust *trust = trust_of(&party[CI]);
    for (size_t i = 0; i < PATHS; i++) {
        struct pki_cert chain[PKI_MAX_CHAIN];
        struct pki_expect expect = {.role = paths[i].role, .now_ms = RIG_NOW};
        load(&paths[i], chain);
        for (int again = 0; again < 2; again++) {
            want(trust, chain, paths[i].count, &expect, PKI_OK, -1, "", paths[i].name);
        }
        expect.now_ms = 0;
        expect.ci_key_id = party[CI].cert.ski;
        want(trust, chain, paths[i].count, &expect, PKI_OK, -1, "", paths[i].name);
    }
    pki_trust_free(trust);
}

/* --- one edit, one refusal ---------------------------------------------------------------------
 */

static const uint8_t ski[] = {0x55, 0x1D, 0x0E}, aki[] = {0x55, 0x1D, 0x23},
                     ku[] = {0x55, 0x1D, 0x0F}, bc[] = {0x55, 0x1D, 0x13},
                     eku[] = {0x55, 0x1D, 0x25}, cp[] = {0x55, 0x1D, 0x20},
                     san[] = {0x55, 0x1D, 0x11}, nc[] = {0x55, 0x1D, 0x1E},
                     ein[] = {0x67, 0x81, 0x12, 0x01, 0x02, 0x02, 0x00},
                     strange[] = {0x55, 0x1D, 0x36}; /* inhibitAnyPolicy */

#define ARRAY(a)                                                                                   \
    {                                                                                              \
        (a), sizeof(a)                                                                             \
    }
#define DROP(oid)                                                                                  \
    {                                                                                              \
        RIG_DROP, ARRAY(oid), false, {0}, 0                                                        \
    }
#define SET(oid, crit, text)                                                                       \
    {                                                                                              \
        RIG_SET, ARRAY(oid), crit, RIG_STR(text), 0                                                \
    }
#define NOT_CRITICAL(oid)                                                                          \
    {                                                                                              \
        RIG_CRITICAL, ARRAY(oid), false, {0}, 0                                                    \
    }
#define FIELD(f, text)                                                                             \
    {                                                                                              \
        RIG_FIELD, {0}, false, RIG_STR(text), f                                                    \
    }
#define CORRUPT                                                                                    \
    {                                                                                              \
        RIG_CORRUPT, {0}, false, {0}, 0                                                            \
    }

#define UNKNOWN_AKI "\x30\x06\x80\x04\x01\x02\x03\x04"

#define POLICY_EUM    "\x30\x0b\x30\x09\x06\x07\x67\x81\x12\x01\x02\x01\x02"
#define POLICY_EUICC  "\x30\x0b\x30\x09\x06\x07\x67\x81\x12\x01\x02\x01\x01"
#define POLICY_DPAUTH "\x30\x0b\x30\x09\x06\x07\x67\x81\x12\x01\x02\x01\x04"
#define POLICY_DPPB   "\x30\x0b\x30\x09\x06\x07\x67\x81\x12\x01\x02\x01\x05"
#define POLICY_DPTLS  "\x30\x0b\x30\x09\x06\x07\x67\x81\x12\x01\x02\x01\x03"
#define POLICY_DSAUTH "\x30\x0b\x30\x09\x06\x07\x67\x81\x12\x01\x02\x01\x07"
#define POLICY_EUM3   "\x30\x0d\x30\x0b\x06\x09\x67\x81\x12\x01\x02\x01\x00\x00\x00"
#define POLICY_DPSUB3 "\x30\x0d\x30\x0b\x06\x09\x67\x81\x12\x01\x02\x01\x00\x00\x01"
#define POLICY_DSSUB3 "\x30\x0d\x30\x0b\x06\x09\x67\x81\x12\x01\x02\x01\x00\x00\x02"
#define POLICY_ANY    "\x30\x08\x30\x06\x06\x04\x55\x1d\x20\x00"
#define PAST                                                                                       \
    "\x30\x1e\x17\x0d"                                                                             \
    "200101000000Z"                                                                                \
    "\x17\x0d"                                                                                     \
    "210101000000Z"
#define FUTURE                                                                                     \
    "\x30\x1e\x17\x0d"                                                                             \
    "270101000000Z"                                                                                \
    "\x17\x0d"                                                                                     \
    "280101000000Z"
#define O_EUM                                                                                      \
    "\x31\x15\x30\x13\x06\x03\x55\x04\x0a\x0c\x0c"                                                 \
    "RSP Test EUM"
#define O_EVE                                                                                      \
    "\x31\x15\x30\x13\x06\x03\x55\x04\x0a\x0c\x0c"                                                 \
    "EVE Test EUM"
#define SERIAL(eid) "\x31\x29\x30\x27\x06\x03\x55\x04\x05\x13\x20" eid
/* P-384 under a 65-byte point, a compressed point, a point that is none */
#define EC              "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
#define P256            "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define X32             "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define SPKI_P384       "\x30\x56\x30\x10" EC "\x06\x05\x2b\x81\x04\x00\x22\x03\x42\x00\x04" X32 X32
#define SPKI_COMPRESSED "\x30\x39\x30\x13" EC P256 "\x03\x22\x00\x02" X32
#define SPKI_NO_POINT   "\x30\x59\x30\x13" EC P256 "\x03\x42\x00\x04" X32 X32
#define NC_NO_EIN       "\x30\x1f\xa0\x1d\x30\x1b\xa4\x19\x30\x17" O_EUM
#define NC_EVE                                                                                     \
    "\x30\x32\xa0\x30\x30\x2e\xa4\x2c\x30\x2a" O_EVE                                               \
    "\x31\x11\x30\x0f\x06\x03\x55\x04\x05\x13\x08"                                                 \
    "89049032"
#define NC_OTHER_EIN                                                                               \
    "\x30\x32\xa0\x30\x30\x2e\xa4\x2c\x30\x2a" O_EUM                                               \
    "\x31\x11\x30\x0f\x06\x03\x55\x04\x05\x13\x08"                                                 \
    "89049033"
#define NC_EXCLUDED                                                                                \
    "\x30\x57\xa0\x30\x30\x2e\xa4\x2c\x30\x2a" O_EUM                                               \
    "\x31\x11\x30\x0f\x06\x03\x55\x04\x05\x13\x08"                                                 \
    "89049032\xa1\x23\x30\x21\xa4\x1f\x30\x1d" O_EUM "\x31\x04\x30\x02\x06\x00"

static const struct broken {
    const char *name;
    int path, at;
    struct rig_edit edits[RIG_MAX_EDITS];
    enum pki_problem problem;
    int failed_at;
    const char *field;
} broken[] = {
    /* which CI */
    {"top without AKI", P_EUICC, 1, {DROP(aki)}, PKI_BAD_PROFILE, 1, "authorityKeyIdentifier"},
    {"AKI of nobody",
     P_EUICC,
     1,
     {SET(aki, false, UNKNOWN_AKI)},
     PKI_UNKNOWN_CI,
     1,
     "authorityKeyIdentifier"},
    {"AKI that names by serial only",
     P_DPAUTH,
     0,
     {SET(aki, false, "\x30\x03\x82\x01\x05")},
     PKI_BAD_PROFILE,
     0,
     "authorityKeyIdentifier"},
    /* signature */
    {"leaf without AKI", P_EUICC, 0, {DROP(aki)}, PKI_BAD_PROFILE, 0, "authorityKeyIdentifier"},
    {"leaf names another issuer",
     P_EUICC,
     0,
     {SET(aki, false, UNKNOWN_AKI)},
     PKI_BAD_SIGNATURE,
     0,
     "authorityKeyIdentifier"},
    {"other issuer name",
     P_EUICC,
     0,
     {FIELD(RIG_ISSUER, "\x30\x17" O_EVE)},
     PKI_BAD_SIGNATURE,
     0,
     "issuer"},
    {"other issuer name at the top",
     P_DPAUTH,
     0,
     {FIELD(RIG_ISSUER, "\x30\x17" O_EVE)},
     PKI_BAD_SIGNATURE,
     0,
     "issuer"},
    {"bad signature of the leaf", P_EUICC, 0, {CORRUPT}, PKI_BAD_SIGNATURE, 0, "signatureValue"},
    {"bad signature of the EUM", P_EUICC, 1, {CORRUPT}, PKI_BAD_SIGNATURE, 1, "signatureValue"},
    {"bad signature of a server", P_DPPB, 0, {CORRUPT}, PKI_BAD_SIGNATURE, 0, "signatureValue"},
    {"ecdsa-with-SHA384",
     P_DPAUTH,
     0,
     {{RIG_OUTER, {0}, false, RIG_STR("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"), 0},
      FIELD(RIG_ALGORITHM, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03")},
     PKI_BAD_SIGNATURE,
     0,
     "signatureAlgorithm"},
    /* dates */
    {"expired leaf", P_EUICC, 0, {FIELD(RIG_VALIDITY, PAST)}, PKI_EXPIRED, 0, "validity"},
    {"leaf of tomorrow", P_EUICC, 0, {FIELD(RIG_VALIDITY, FUTURE)}, PKI_EXPIRED, 0, "validity"},
    {"expired EUM", P_EUICC, 1, {FIELD(RIG_VALIDITY, PAST)}, PKI_EXPIRED, 1, "validity"},
    {"expired TLS", P_DPTLS, 0, {FIELD(RIG_VALIDITY, PAST)}, PKI_EXPIRED, 0, "validity"},
    /* key */
    {"leaf on P-384",
     P_DPAUTH,
     0,
     {FIELD(RIG_SPKI, SPKI_P384)},
     PKI_WRONG_CURVE,
     0,
     "subjectPublicKeyInfo"},
    {"compressed point",
     P_DPAUTH,
     0,
     {FIELD(RIG_SPKI, SPKI_COMPRESSED)},
     PKI_WRONG_CURVE,
     0,
     "subjectPublicKeyInfo"},
    {"EUM on P-384",
     P_EUICC,
     1,
     {FIELD(RIG_SPKI, SPKI_P384)},
     PKI_WRONG_CURVE,
     1,
     "subjectPublicKeyInfo"},
    {"no point of the curve",
     P_DPAUTH,
     0,
     {FIELD(RIG_SPKI, SPKI_NO_POINT)},
     PKI_MALFORMED,
     0,
     "subjectPublicKeyInfo"},
    /* any certificate */
    {"unknown critical extension",
     P_DPAUTH,
     0,
     {SET(strange, true, "\x02\x01\x00")},
     PKI_BAD_PROFILE,
     0,
     "extensions"},
    {"unknown critical extension in the EUM",
     P_EUICC,
     1,
     {SET(strange, true, "\x02\x01\x00")},
     PKI_BAD_PROFILE,
     1,
     "extensions"},
    {"unknown extension", P_DPAUTH, 0, {SET(strange, false, "\x02\x01\x00")}, PKI_OK, -1, ""},
    {"leaf without SKI", P_DPAUTH, 0, {DROP(ski)}, PKI_BAD_PROFILE, 0, "subjectKeyIdentifier"},
    /* basicConstraints */
    {"issuer without basicConstraints",
     P_EUICC,
     1,
     {DROP(bc)},
     PKI_BAD_PROFILE,
     1,
     "basicConstraints"},
    {"issuer with cA FALSE",
     P_EUICC,
     1,
     {SET(bc, true, "\x30\x00")},
     PKI_BAD_PROFILE,
     1,
     "basicConstraints"},
    {"issuer, basicConstraints not critical",
     P_EUICC,
     1,
     {NOT_CRITICAL(bc)},
     PKI_BAD_PROFILE,
     1,
     "basicConstraints"},
    {"pathLen of the EUM too short",
     P_EUICC_C,
     2,
     {SET(bc, true, "\x30\x06\x01\x01\xff\x02\x01\x00")},
     PKI_BAD_PROFILE,
     2,
     "basicConstraints"},
    {"pathLen of the SubCA too short",
     P_EUICC_C,
     3,
     {SET(bc, true, "\x30\x06\x01\x01\xff\x02\x01\x01")},
     PKI_BAD_PROFILE,
     3,
     "basicConstraints"},
    {"pathLen just long enough",
     P_EUICC_C,
     3,
     {SET(bc, true, "\x30\x06\x01\x01\xff\x02\x01\x02")},
     PKI_OK,
     -1,
     ""},
    {"leaf with cA TRUE",
     P_DPAUTH,
     0,
     {SET(bc, true, "\x30\x03\x01\x01\xff")},
     PKI_BAD_PROFILE,
     0,
     "basicConstraints"},
    {"leaf with cA FALSE", P_DPAUTH, 0, {SET(bc, true, "\x30\x00")}, PKI_OK, -1, ""},
    {"EUM as leaf without basicConstraints",
     P_EUM,
     0,
     {DROP(bc)},
     PKI_BAD_PROFILE,
     0,
     "basicConstraints"},
    /* keyUsage */
    {"issuer without keyUsage", P_EUICC, 1, {DROP(ku)}, PKI_BAD_PROFILE, 1, "keyUsage"},
    {"issuer without keyCertSign",
     P_EUICC,
     1,
     {SET(ku, true, "\x03\x02\x01\x02")},
     PKI_BAD_PROFILE,
     1,
     "keyUsage"},
    {"issuer, keyUsage not critical",
     P_EUICC,
     1,
     {NOT_CRITICAL(ku)},
     PKI_BAD_PROFILE,
     1,
     "keyUsage"},
    {"leaf without keyUsage", P_DPAUTH, 0, {DROP(ku)}, PKI_BAD_PROFILE, 0, "keyUsage"},
    {"leaf without digitalSignature",
     P_DPAUTH,
     0,
     {SET(ku, true, "\x03\x02\x03\x08")},
     PKI_BAD_PROFILE,
     0,
     "keyUsage"},
    {"leaf, keyUsage not critical", P_EUICC, 0, {NOT_CRITICAL(ku)}, PKI_BAD_PROFILE, 0, "keyUsage"},
    {"leaf with keyCertSign",
     P_DPAUTH,
     0,
     {SET(ku, true, "\x03\x02\x02\x84")},
     PKI_BAD_PROFILE,
     0,
     "keyUsage"},
    /* roles */
    {"DPpb for DPauth",
     P_DPAUTH,
     0,
     {SET(cp, true, POLICY_DPPB)},
     PKI_WRONG_ROLE,
     0,
     "certificatePolicies"},
    {"DPauth for DPpb",
     P_DPPB,
     0,
     {SET(cp, true, POLICY_DPAUTH)},
     PKI_WRONG_ROLE,
     0,
     "certificatePolicies"},
    {"DPauth for DSauth",
     P_DSAUTH,
     0,
     {SET(cp, true, POLICY_DPAUTH)},
     PKI_WRONG_ROLE,
     0,
     "certificatePolicies"},
    {"DSauth for DPauth",
     P_DPAUTH,
     0,
     {SET(cp, true, POLICY_DSAUTH)},
     PKI_WRONG_ROLE,
     0,
     "certificatePolicies"},
    {"DPauth for DPtls",
     P_DPTLS,
     0,
     {SET(cp, true, POLICY_DPAUTH)},
     PKI_WRONG_ROLE,
     0,
     "certificatePolicies"},
    {"no policy", P_DPAUTH, 0, {DROP(cp)}, PKI_WRONG_ROLE, 0, "certificatePolicies"},
    {"anyPolicy",
     P_DPAUTH,
     0,
     {SET(cp, true, POLICY_ANY)},
     PKI_WRONG_ROLE,
     0,
     "certificatePolicies"},
    {"operator with a role",
     P_OPERATOR,
     0,
     {SET(cp, true, POLICY_DPTLS)},
     PKI_WRONG_ROLE,
     0,
     "certificatePolicies"},
    {"EUM with the role of an eUICC",
     P_EUICC,
     1,
     {SET(cp, true, POLICY_EUICC)},
     PKI_WRONG_ROLE,
     1,
     "certificatePolicies"},
    {"eUICC with the role of an EUM",
     P_EUICC,
     0,
     {SET(cp, true, POLICY_EUM)},
     PKI_WRONG_ROLE,
     0,
     "certificatePolicies"},
    {"EUM without policy", P_EUICC, 1, {DROP(cp)}, PKI_WRONG_ROLE, 1, "certificatePolicies"},
    {"v2 eUICC below a v3 EUM",
     P_EUICC_OV3,
     0,
     {SET(cp, true, POLICY_EUICC)},
     PKI_WRONG_ROLE,
     0,
     "certificatePolicies"},
    {"v3 EUM above a v2 eUICC",
     P_EUICC,
     1,
     {SET(cp, true, POLICY_EUM3)},
     PKI_WRONG_ROLE,
     0,
     "certificatePolicies"},
    {"DP below a DS SubCA",
     P_DPAUTH_C,
     1,
     {SET(cp, true, POLICY_DSSUB3)},
     PKI_WRONG_ROLE,
     0,
     "certificatePolicies"},
    {"DP SubCA for the CI SubCA",
     P_DPAUTH_C,
     2,
     {SET(cp, true, POLICY_DPSUB3)},
     PKI_WRONG_ROLE,
     1,
     "certificatePolicies"},
    {"policies of the leaf not critical",
     P_DPAUTH,
     0,
     {NOT_CRITICAL(cp)},
     PKI_BAD_PROFILE,
     0,
     "certificatePolicies"},
    {"policies of the eUICC not critical",
     P_EUICC,
     0,
     {NOT_CRITICAL(cp)},
     PKI_BAD_PROFILE,
     0,
     "certificatePolicies"},
    {"policies of the EUM not critical",
     P_EUICC,
     1,
     {NOT_CRITICAL(cp)},
     PKI_BAD_PROFILE,
     1,
     "certificatePolicies"},
    {"policies of TLS not critical", P_DPTLS, 0, {NOT_CRITICAL(cp)}, PKI_OK, -1, ""},
    /* EUM */
    {"EUM without O",
     P_EUM,
     0,
     {FIELD(RIG_SUBJECT, "\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03"
                         "EUM")},
     PKI_BAD_PROFILE,
     0,
     "subject"},
    {"EUM without nameConstraints", P_EUICC, 1, {DROP(nc)}, PKI_BAD_PROFILE, 1, "nameConstraints"},
    {"nameConstraints not critical",
     P_EUICC,
     1,
     {NOT_CRITICAL(nc)},
     PKI_BAD_PROFILE,
     1,
     "nameConstraints"},
    {"nameConstraints without serialNumber",
     P_EUICC,
     1,
     {SET(nc, true, NC_NO_EIN)},
     PKI_BAD_PROFILE,
     1,
     "nameConstraints"},
    {"excludedSubtrees",
     P_EUICC,
     1,
     {SET(nc, true, NC_EXCLUDED)},
     PKI_BAD_PROFILE,
     1,
     "extensions"},
    {"permittedEins do not serve in v2",
     P_EUICC,
     1,
     {DROP(nc), SET(ein, false,
                    "\x30\x0a\x13\x08"
                    "89049032")},
     PKI_BAD_PROFILE,
     1,
     "nameConstraints"},
    {"v3 EUM without permittedEins",
     P_EUICC_OV3,
     1,
     {DROP(ein)},
     PKI_BAD_PROFILE,
     1,
     "permittedEins"},
    {"v3 EUM with none permitted",
     P_EUICC_OV3,
     1,
     {SET(ein, false, "\x30\x00")},
     PKI_BAD_PROFILE,
     1,
     "permittedEins"},
    {"v3 EUM with nameConstraints instead",
     P_EUICC_OV3,
     1,
     {DROP(ein), SET(nc, true, NC_OTHER_EIN)},
     PKI_EID_RANGE,
     0,
     "serialNumber"},
    /* eUICC */
    {"eUICC without serialNumber",
     P_EUICC,
     0,
     {FIELD(RIG_SUBJECT, "\x30\x17" O_EUM)},
     PKI_BAD_PROFILE,
     0,
     "subject"},
    {"EID with a letter",
     P_EUICC,
     0,
     {FIELD(RIG_SUBJECT, "\x30\x42" O_EUM SERIAL("8904903212345123451234567890123A"))},
     PKI_BAD_PROFILE,
     0,
     "subject"},
    {"EID of 31 digits",
     P_EUICC,
     0,
     {FIELD(RIG_SUBJECT, "\x30\x41" O_EUM "\x31\x28\x30\x26\x06\x03\x55\x04\x05\x13\x1f"
                         "8904903212345123451234567890123")},
     PKI_BAD_PROFILE,
     0,
     "subject"},
    {"EID outside",
     P_EUICC,
     0,
     {FIELD(RIG_SUBJECT, "\x30\x42" O_EUM SERIAL("89049033123451234512345678901235"))},
     PKI_EID_RANGE,
     0,
     "serialNumber"},
    {"range moved away",
     P_EUICC,
     1,
     {SET(nc, true, NC_OTHER_EIN)},
     PKI_EID_RANGE,
     0,
     "serialNumber"},
    {"other O",
     P_EUICC,
     0,
     {FIELD(RIG_SUBJECT, "\x30\x42" O_EVE SERIAL(RIG_EID))},
     PKI_EID_RANGE,
     0,
     "organizationName"},
    {"other permitted O",
     P_EUICC,
     1,
     {SET(nc, true, NC_EVE)},
     PKI_EID_RANGE,
     0,
     "organizationName"},
    {"no O",
     P_EUICC,
     0,
     {FIELD(RIG_SUBJECT, "\x30\x2b" SERIAL(RIG_EID))},
     PKI_EID_RANGE,
     0,
     "organizationName"},
    {"EID outside, v3",
     P_EUICC_OV3,
     0,
     {FIELD(RIG_SUBJECT, "\x30\x42" O_EUM SERIAL("89044033123451234512345678901235"))},
     PKI_EID_RANGE,
     0,
     "serialNumber"},
    {"EID outside of the SubCA",
     P_EUICC_C,
     0,
     {FIELD(RIG_SUBJECT, "\x30\x42" O_EUM SERIAL("89033023123451234512345678901235"))},
     PKI_EID_RANGE,
     0,
     "serialNumber"},
    {"EID outside of the EUM above the SubCA",
     P_EUICC_C,
     2,
     {SET(ein, true,
          "\x30\x0a\x13\x08"
          "89049033")},
     PKI_EID_RANGE,
     0,
     "serialNumber"},
    {"other O, v3",
     P_EUICC_OV3,
     0,
     {FIELD(RIG_SUBJECT, "\x30\x42" O_EVE SERIAL(RIG_EID))},
     PKI_EID_RANGE,
     0,
     "organizationName"},
    /* servers */
    {"DPauth without registeredID", P_DPAUTH, 0, {DROP(san)}, PKI_BAD_PROFILE, 0, "subjectAltName"},
    {"DPpb without registeredID",
     P_DPPB,
     0,
     {SET(san, false,
          "\x30\x03\x82\x01"
          "x")},
     PKI_BAD_PROFILE,
     0,
     "subjectAltName"},
    {"DSauth without registeredID", P_DSAUTH, 0, {DROP(san)}, PKI_BAD_PROFILE, 0, "subjectAltName"},
    /* TLS */
    {"TLS without EKU", P_DPTLS, 0, {DROP(eku)}, PKI_BAD_PROFILE, 0, "extKeyUsage"},
    {"TLS server with clientAuth only",
     P_DPTLS,
     0,
     {SET(eku, true, "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02")},
     PKI_BAD_PROFILE,
     0,
     "extKeyUsage"},
    {"EKU not critical", P_DPTLS, 0, {NOT_CRITICAL(eku)}, PKI_BAD_PROFILE, 0, "extKeyUsage"},
    {"DS TLS without EKU", P_DSTLS, 0, {DROP(eku)}, PKI_BAD_PROFILE, 0, "extKeyUsage"},
    {"operator without EKU", P_OPERATOR, 0, {DROP(eku)}, PKI_BAD_PROFILE, 0, "extKeyUsage"},
    /* order: CI -> signature -> dates -> extensions */
    {"expired and wrong role",
     P_EUICC,
     1,
     {FIELD(RIG_VALIDITY, PAST), SET(cp, true, POLICY_DPPB)},
     PKI_EXPIRED,
     1,
     "validity"},
    {"expired and no basicConstraints",
     P_EUICC,
     1,
     {FIELD(RIG_VALIDITY, PAST), DROP(bc)},
     PKI_EXPIRED,
     1,
     "validity"},
    {"bad signature and expired",
     P_EUICC,
     1,
     {CORRUPT, FIELD(RIG_VALIDITY, PAST)},
     PKI_BAD_SIGNATURE,
     1,
     "signatureValue"},
    {"unknown CI, bad signature and expired",
     P_EUICC,
     1,
     {CORRUPT, FIELD(RIG_VALIDITY, PAST), SET(aki, false, UNKNOWN_AKI)},
     PKI_UNKNOWN_CI,
     1,
     "authorityKeyIdentifier"},
    {"basicConstraints before keyUsage before role",
     P_EUICC,
     1,
     {DROP(bc), DROP(ku), SET(cp, true, POLICY_DPPB)},
     PKI_BAD_PROFILE,
     1,
     "basicConstraints"},
    {"keyUsage before role",
     P_EUICC,
     1,
     {DROP(ku), SET(cp, true, POLICY_DPPB)},
     PKI_BAD_PROFILE,
     1,
     "keyUsage"},
};

static void test_each_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(broken); i++) {
        const struct broken *b = &broken[i];
        const struct path *p = &paths[b->path];
        struct pki_trust *trust = trust_of(&party[CI]);
        struct pki_cert chain[PKI_MAX_CHAIN];
        struct pki_expect expect = {.role = p->role, .now_ms = RIG_NOW};
        struct cr_err err = {0};
        cr_buf der = {0};
        load(p, chain);
        rig_forge(p->chain[b->at]->cert.raw, b->edits, p->signer[b->at]->key, &der);
        if (pki_cert_decode(cr_buf_span(&der), &chain[b->at], &err) != CR_OK) {
            fail_msg("%s: does not decode: %s", b->name, err.cause);
        }
        want(trust, chain, p->count, &expect, b->problem, b->failed_at, b->field, b->name);
        /* A cached intermediate changes no verdict. */
        want(trust, chain, p->count, &expect, b->problem, b->failed_at, b->field, b->name);
        if (b->problem == PKI_EXPIRED && !b->edits[1].action) {
            expect.now_ms = 0; /* who has no clock does not check */
            want(trust, chain, p->count, &expect, PKI_OK, -1, "", b->name);
        }
        cr_buf_free(&der);
        pki_trust_free(trust);
    }
}

/* --- the rest ----------------------------------------------------------------------------------
 */

static void test_ci(void **state)
{
    (void)state;
    struct pki_trust *trust = trust_of(&party[CI]);
    struct pki_cert chain[PKI_MAX_CHAIN];
    load(&paths[P_EUICC], chain);
    struct pki_expect expect = {.role = PKI_ROLE_EUICC, .ci_key_id = other_ci.cert.ski};
    want(trust, chain, 2, &expect, PKI_UNKNOWN_CI, 1, "authorityKeyIdentifier",
         "agreed on another");
    expect = (struct pki_expect){.role = PKI_ROLE_EUICC, .now_ms = RIG_TO + 1000};
    want(trust, chain, 2, &expect, PKI_EXPIRED, -1, "validity", "CI expired");
    expect.now_ms = RIG_FROM - 1;
    want(trust, chain, 2, &expect, PKI_EXPIRED, -1, "validity", "CI of tomorrow");
    expect.now_ms = RIG_TO + 999; /* the last second belongs to the period */
    want(trust, chain, 2, &expect, PKI_OK, -1, "", "last second");
    expect.now_ms = RIG_FROM;
    want(trust, chain, 2, &expect, PKI_OK, -1, "", "first second");
    pki_trust_free(trust);
    trust = trust_of(&other_ci);
    want(trust, chain, 2, &expect, PKI_UNKNOWN_CI, 1, "authorityKeyIdentifier", "other CI");
    assert_int_equal(pki_trust_ci_count(trust), 1);
    assert_non_null(pki_trust_ci(trust, other_ci.cert.ski));
    assert_null(pki_trust_ci(trust, party[CI].cert.ski));
    assert_null(pki_trust_ci(trust, (cr_span){0}));
    assert_null(pki_trust_ci_at(trust, 1));
    pki_trust_free(trust);
}

/* A CI with pathLen 0 may not have a chain of two CAs below it. */
static void test_ci_path_length(void **state)
{
    (void)state;
    cr_buf der = {0};
    struct pki_trust *trust = pki_trust_new();
    const struct rig_edit edits[RIG_MAX_EDITS] = {
        SET(bc, true, "\x30\x06\x01\x01\xff\x02\x01\x01")};
    rig_forge(party[CI].cert.raw, edits, party[CI].key, &der);
    assert_int_equal(pki_trust_add_ci(trust, cr_buf_span(&der), NULL), CR_OK);
    struct pki_cert chain[PKI_MAX_CHAIN];
    struct pki_expect expect = {.role = PKI_ROLE_EUICC};
    load(&paths[P_EUICC], chain);
    want(trust, chain, 2, &expect, PKI_OK, -1, "", "one CA below");
    load(&paths[P_EUICC_C], chain);
    want(trust, chain, 4, &expect, PKI_BAD_PROFILE, -1, "basicConstraints", "three CAs below");
    cr_buf_free(&der);
    pki_trust_free(trust);
}

static void test_ci_that_is_none(void **state)
{
    (void)state;
    static const struct {
        struct rig_edit edits[RIG_MAX_EDITS];
        const char *field;
    } bad[] = {
        {{SET(cp, true, POLICY_EUM)}, "certificatePolicies"},
        {{DROP(cp)}, "certificatePolicies"},
        {{FIELD(RIG_SPKI, SPKI_P384)}, "subjectPublicKeyInfo"},
        {{FIELD(RIG_ISSUER, "\x30\x17" O_EVE)}, "issuer"},
        {{DROP(bc)}, "basicConstraints"},
        {{SET(bc, true, "\x30\x00")}, "basicConstraints"},
        {{NOT_CRITICAL(bc)}, "basicConstraints"},
        {{DROP(ku)}, "keyUsage"},
        {{NOT_CRITICAL(ku)}, "keyUsage"},
        {{SET(ku, true, "\x03\x02\x01\x02")}, "keyUsage"},
        {{DROP(ski)}, "subjectKeyIdentifier"},
        {{SET(strange, true, "\x02\x01\x00")}, "extensions"},
        {{{RIG_OUTER, {0}, false, RIG_STR("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"), 0},
          FIELD(RIG_ALGORITHM, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03")},
         "signatureAlgorithm"},
        {{CORRUPT}, ""},
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct pki_trust *trust = pki_trust_new();
        struct cr_err err = {0};
        cr_buf der = {0};
        rig_forge(party[CI].cert.raw, bad[i].edits, party[CI].key, &der);
        assert_int_equal(pki_trust_add_ci(trust, cr_buf_span(&der), &err), CR_REFUSED);
        assert_string_equal(err.field, bad[i].field);
        assert_int_equal(pki_trust_ci_count(trust), 0);
        cr_buf_free(&der);
        pki_trust_free(trust);
    }
}

static void test_ci_twice(void **state)
{
    (void)state;
    struct pki_trust *trust = trust_of(&party[CI]);
    cr_buf der = {0};
    assert_int_equal(pki_trust_add_ci(trust, cr_buf_span(&party[CI].der), NULL), CR_OK);
    assert_int_equal(pki_trust_ci_count(trust), 1);
    const struct rig_edit edits[RIG_MAX_EDITS] = {FIELD(RIG_SERIAL, "\x02\x01\x09")};
    rig_forge(party[CI].cert.raw, edits, party[CI].key, &der);
    assert_int_equal(pki_trust_add_ci(trust, cr_buf_span(&der), NULL), CR_REFUSED);
    assert_int_equal(pki_trust_add_ci(trust, cr_span_str("no certificate"), NULL), CR_MALFORMED);
    cr_buf_free(&der);
    pki_trust_free(trust);
}

static void test_length(void **state)
{
    (void)state;
    struct pki_trust *trust = trust_of(&party[CI]);
    struct pki_cert chain[PKI_MAX_CHAIN + 1];
    struct pki_expect expect = {.role = PKI_ROLE_EUICC};
    load(&paths[P_EUICC_C], chain);
    chain[4] = v3[CI_SUB].cert;
    want(trust, chain, 0, &expect, PKI_BAD_PROFILE, -1, "chain", "nothing");
    want(trust, chain, 5, &expect, PKI_BAD_PROFILE, -1, "chain", "too long");
    /* The CI does not belong into the chain, and nobody stands above himself. */
    chain[0] = party[EUICC].cert;
    chain[1] = party[EUM].cert;
    chain[2] = party[CI].cert;
    want(trust, chain, 3, &expect, PKI_BAD_PROFILE, 2, "authorityKeyIdentifier", "with the CI");
    chain[2] = party[EUM].cert;
    want(trust, chain, 3, &expect, PKI_BAD_PROFILE, 2, "basicConstraints", "EUM twice");
    /* A link is missing, or the order is wrong. */
    want(trust, chain, 1, &expect, PKI_UNKNOWN_CI, 0, "authorityKeyIdentifier", "without the EUM");
    chain[0] = party[EUM].cert;
    chain[1] = party[EUICC].cert;
    want(trust, chain, 2, &expect, PKI_UNKNOWN_CI, 1, "authorityKeyIdentifier", "upside down");
    /* The right names and key identifiers under another key. */
    struct rig_party eve = {0};
    cr_buf der = {0};
    rig_make(&eve, (struct pki_request){.role = PKI_ROLE_CI, .common_name = "Eve"}, CRYPTO_P256,
             NULL);
    const struct rig_edit same[RIG_MAX_EDITS] = {{0}};
    rig_forge(party[DPAUTH].cert.raw, same, eve.key, &der);
    assert_int_equal(pki_cert_decode(cr_buf_span(&der), &chain[0], NULL), CR_OK);
    expect.role = PKI_ROLE_DP_AUTH;
    want(trust, chain, 1, &expect, PKI_BAD_SIGNATURE, 0, "signatureValue", "other key");
    cr_buf_free(&der);
    rig_party_free(&eve);
    expect.role = PKI_ROLES;
    assert_int_equal(pki_chain_verify(trust, chain, 1, &expect, NULL, NULL, NULL), CR_INTERNAL);
    pki_trust_free(trust);
}

static void test_names_of_servers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool good;
    } names[] = {
        {"smdpp.example.com", true},
        {"SMDPP.Example.COM", true},
        {"smdpp.example.com.", true},
        {"smdpp.example.org", false},
        {"mdpp.example.com", false},
        {"x.smdpp.example.com", false},
        {"example.com", false},
        {"", false},
        {".", false},
        {"10.0.0.7", true},
        {"10.0.0.8", false},
        {"2001:db8::7", true},
        {"2001:DB8:0::7", true},
        {"2001:db8::8", false},
        {"a-name-that-is-longer-than-any-address-could-be.example.com", false},
        {"server", false},
    };
    struct pki_trust *trust = trust_of(&party[CI]);
    struct pki_cert chain[PKI_MAX_CHAIN];
    struct pki_expect expect = {.role = PKI_ROLE_DP_TLS, .now_ms = RIG_NOW};
    load(&paths[P_DPTLS], chain);
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        expect.dns_name = cr_span_str(names[i].name);
        want(trust, chain, 1, &expect, names[i].good ? PKI_OK : PKI_BAD_PROFILE,
             names[i].good ? -1 : 0, names[i].good ? "" : "subjectAltName", names[i].name);
    }
    /* Wildcards are not in the profile: neither as pattern nor literally asked for. */
    const struct rig_edit wildcard[RIG_MAX_EDITS] = {
        SET(san, false, "\x30\x0f\x82\x0d*.example.com")};
    cr_buf der = {0};
    rig_forge(party[DPTLS].cert.raw, wildcard, party[CI].key, &der);
    assert_int_equal(pki_cert_decode(cr_buf_span(&der), &chain[0], NULL), CR_OK);
    expect.dns_name = cr_span_str("smdpp.example.com");
    want(trust, chain, 1, &expect, PKI_BAD_PROFILE, 0, "subjectAltName", "wildcard");
    cr_buf_free(&der);
    pki_trust_free(trust);
}

static void test_tls_client(void **state)
{
    (void)state;
    struct pki_trust *trust = trust_of(&party[CI]);
    struct pki_cert chain[PKI_MAX_CHAIN];
    struct pki_expect expect = {.role = PKI_ROLE_NONE, .tls_client = true};
    cr_buf der = {0};
    load(&paths[P_OPERATOR], chain);
    want(trust, chain, 1, &expect, PKI_OK, -1, "", "operator as client");
    const struct rig_edit server_only[RIG_MAX_EDITS] = {
        SET(eku, true, "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01")};
    rig_forge(party[OPERATOR].cert.raw, server_only, party[CI].key, &der);
    assert_int_equal(pki_cert_decode(cr_buf_span(&der), &chain[0], NULL), CR_OK);
    want(trust, chain, 1, &expect, PKI_BAD_PROFILE, 0, "extKeyUsage", "serverAuth only");
    expect.tls_client = false;
    want(trust, chain, 1, &expect, PKI_OK, -1, "", "as server");
    cr_buf_free(&der);
    pki_trust_free(trust);
}

/* --- cache -------------------------------------------------------------------------------------
 */

static void test_cache(void **state)
{
    (void)state;
    struct pki_trust *trust = trust_of(&party[CI]);
    struct pki_cert chain[PKI_MAX_CHAIN];
    struct pki_expect expect = {.role = PKI_ROLE_EUICC, .now_ms = RIG_NOW};
    load(&paths[P_EUICC], chain);
    assert_int_equal(trust->cache.count, 0);
    want(trust, chain, 2, &expect, PKI_OK, -1, "", "first");
    assert_int_equal(trust->cache.count, 1); /* the EUM, not the leaf */
    uint8_t hash[CRYPTO_SHA256];
    pki_cache_hash(trust->cis[0]->key, chain[1].raw, hash);
    struct crypto_public *cached = pki_cache_find(&trust->cache, hash);
    assert_non_null(cached);
    assert_true(cr_span_equal(crypto_public_point(cached), chain[1].point));
    want(trust, chain, 2, &expect, PKI_OK, -1, "", "second");
    assert_int_equal(trust->cache.count, 1);
    assert_ptr_equal(pki_cache_find(&trust->cache, hash), cached);
    /* What is remembered is the certificate to the last bit, signature included. */
    cr_buf der = {0};
    const struct rig_edit corrupt[RIG_MAX_EDITS] = {CORRUPT};
    rig_forge(party[EUM].cert.raw, corrupt, party[CI].key, &der);
    assert_int_equal(pki_cert_decode(cr_buf_span(&der), &chain[1], NULL), CR_OK);
    want(trust, chain, 2, &expect, PKI_BAD_SIGNATURE, 1, "signatureValue", "corrupted");
    assert_int_equal(trust->cache.count, 1);
    chain[1] = party[EUM].cert;
    expect.now_ms = RIG_TO + 1000;
    want(trust, chain, 2, &expect, PKI_EXPIRED, -1, "validity", "dates are checked each time");
    cr_buf_free(&der);
    pki_trust_free(trust);
}

static void test_cache_limit(void **state)
{
    (void)state;
    struct pki_key_cache cache = {0};
    assert_int_equal(pthread_mutex_init(&cache.lock, NULL), 0);
    for (uint32_t i = 0; i < PKI_MAX_CACHED_KEYS + 2; i++) {
        struct crypto_public *key = NULL;
        uint8_t hash[CRYPTO_SHA256] = {0};
        memcpy(hash, &i, sizeof(i) - 1); /* neighbours: the probing has to work */
        assert_int_equal(crypto_public_new(CRYPTO_P256, pki_key_point(party[EUM].key), &key, NULL),
                         CR_OK);
        struct crypto_public *mine = key;
        bool taken = pki_cache_add(&cache, hash, &key);
        assert_int_equal(taken, i < PKI_MAX_CACHED_KEYS);
        assert_ptr_equal(key, mine);
        assert_true((pki_cache_find(&cache, hash) == mine) == taken);
        if (!taken) {
            crypto_public_free(key);
        }
    }
    assert_int_equal(cache.count, PKI_MAX_CACHED_KEYS);
    pki_cache_free(&cache);
}

static void *hammer(void *trust)
{
    for (int i = 0; i < 20; i++) {
        for (size_t p = 0; p < PATHS; p++) {
            struct pki_cert chain[PKI_MAX_CHAIN];
            struct pki_expect expect = {.role = paths[p].role, .now_ms = RIG_NOW};
            load(&paths[p], chain);
            if (pki_chain_verify(trust, chain, paths[p].count, &expect, NULL, NULL, NULL) !=
                CR_OK) {
                return trust;
            }
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct pki_trust *trust = trust_of(&party[CI]);
    pthread_t threads[4];
    for (size_t i = 0; i < CR_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, trust), 0);
    }
    for (size_t i = 0; i < CR_COUNT(threads); i++) {
        void *failed = trust;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    pki_trust_free(trust);
}

static void test_problem_names(void **state)
{
    (void)state;
    assert_string_equal(pki_problem_name(PKI_OK), "ok");
    assert_string_equal(pki_problem_name(PKI_EID_RANGE), "eid-range");
    for (int i = PKI_OK; i <= PKI_MALFORMED; i++) {
        assert_string_not_equal(pki_problem_name((enum pki_problem)i), "unknown");
    }
    assert_string_equal(pki_problem_name((enum pki_problem)(PKI_MALFORMED + 1)), "unknown");
}

static void test_too_many_cis(void **state)
{
    (void)state;
    struct pki_trust *trust = pki_trust_new();
    struct cr_err err = {0};
    for (size_t i = 0; i <= PKI_MAX_CIS; i++) {
        struct rig_party ci;
        rig_make(&ci, (struct pki_request){.role = PKI_ROLE_CI, .common_name = "CI"}, CRYPTO_P256,
                 NULL);
        assert_int_equal(pki_trust_add_ci(trust, cr_buf_span(&ci.der), &err),
                         i < PKI_MAX_CIS ? CR_OK : CR_REFUSED);
        rig_party_free(&ci);
    }
    assert_int_equal(pki_trust_ci_count(trust), PKI_MAX_CIS);
    pki_trust_free(trust);
    pki_trust_free(NULL);
}

static void test_both_curves(void **state)
{
    (void)state;
    struct rig_party ci, eum, euicc;
    const enum crypto_curve c = CRYPTO_BRAINPOOL;
    rig_make(&ci, (struct pki_request){.role = PKI_ROLE_CI, .common_name = "CI"}, c, NULL);
    rig_make(&eum,
             (struct pki_request){.role = PKI_ROLE_EUM, .organization = "E", .ein_prefix = "8"}, c,
             &ci);
    rig_make(&euicc,
             (struct pki_request){.role = PKI_ROLE_EUICC, .organization = "E", .eid = RIG_EID}, c,
             &eum);
    struct pki_trust *trust = trust_of(&party[CI]);
    assert_int_equal(pki_trust_add_ci(trust, cr_buf_span(&ci.der), NULL), CR_OK);
    struct pki_cert chain[PKI_MAX_CHAIN] = {euicc.cert, eum.cert};
    struct pki_expect expect = {.role = PKI_ROLE_EUICC, .now_ms = RIG_NOW};
    struct pki_verdict verdict;
    want(trust, chain, 2, &expect, PKI_OK, -1, "", "brainpool");
    assert_int_equal(pki_chain_verify(trust, chain, 2, &expect, &verdict, NULL, NULL), CR_OK);
    assert_ptr_equal(verdict.ci, pki_trust_ci_at(trust, 1));
    rig_party_free(&ci);
    rig_party_free(&eum);
    rig_party_free(&euicc);
    pki_trust_free(trust);
}

/* --- the published test set --------------------------------------------------------------------
 */

static void test_sgp26(void **state)
{
    (void)state;
    static const char *const curves[] = {"NIST", "BRP"};
    static const struct {
        enum pki_role role;
        size_t count;
        const char *files[2];
    } chains[] = {
        {PKI_ROLE_EUICC, 2, {"EUICC", "EUM"}},
        {PKI_ROLE_DP_AUTH, 1, {"S_SM_DPauth"}},
        {PKI_ROLE_DP_PB, 1, {"S_SM_DPpb"}},
    };
    cr_arena arena = {0};
    for (size_t c = 0; c < CR_COUNT(curves); c++) {
        struct pki_cert chain[2], ci;
        const char *path = rig_data(
            &arena, cr_arena_printf(&arena, "%s/CERT_CI_ECDSA_%s.der", curves[c], curves[c]));
        if (!path) {
            cr_arena_free(&arena);
            skip();
        }
        assert_int_equal(pki_cert_load(path, &arena, &ci, NULL), CR_OK);
        struct pki_trust *trust = pki_trust_new();
        assert_int_equal(pki_trust_add_ci(trust, ci.raw, NULL), CR_OK);
        for (size_t i = 0; i < CR_COUNT(chains); i++) {
            struct pki_expect expect = {
                .role = chains[i].role, .now_ms = RIG_NOW, .ci_key_id = ci.ski};
            for (size_t k = 0; k < chains[i].count; k++) {
                path = rig_data(&arena, cr_arena_printf(&arena, "%s/CERT_%s_ECDSA_%s.der",
                                                        curves[c], chains[i].files[k], curves[c]));
                assert_int_equal(pki_cert_load(path, &arena, &chain[k], NULL), CR_OK);
            }
            want(trust, chain, chains[i].count, &expect, PKI_OK, -1, "", chains[i].files[0]);
        }
        pki_trust_free(trust);
    }
    cr_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_chains),
        cmocka_unit_test(test_each_check),
        cmocka_unit_test(test_ci),
        cmocka_unit_test(test_ci_path_length),
        cmocka_unit_test(test_ci_that_is_none),
        cmocka_unit_test(test_ci_twice),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_names_of_servers),
        cmocka_unit_test(test_tls_client),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_cache_limit),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_problem_names),
        cmocka_unit_test(test_too_many_cis),
        cmocka_unit_test(test_both_curves),
        cmocka_unit_test(test_sgp26),
    };
    return cmocka_run_group_tests_name("pki/chain", tests, make_all, free_all);
}
