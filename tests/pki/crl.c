/* CRLs: decoded, believed, and what they revoke. */
#include "rig.h"

#include "asn1/der.h"
#include "pki/trust.h"

#include <stdlib.h>

static struct rig_party ci, ci_url, eum, euicc, dpauth, sub, eum3, eve;

#define DAY INT64_C(86400000)

static int make_all(void **state)
{
    (void)state;
    const enum crypto_curve c = CRYPTO_P256;
    rig_make(&ci, (struct pki_request){.role = PKI_ROLE_CI, .common_name = "Test CI"}, c, NULL);
    rig_make(&ci_url,
             (struct pki_request){
                 .role = PKI_ROLE_CI, .common_name = "CI 2", .crl_url = "http://ci.example/a.crl"},
             c, NULL);
    rig_make(
        &eum,
        (struct pki_request){.role = PKI_ROLE_EUM, .organization = "E", .ein_prefix = RIG_PREFIX},
        c, &ci);
    rig_make(&euicc,
             (struct pki_request){.role = PKI_ROLE_EUICC, .organization = "E", .eid = RIG_EID}, c,
             &eum);
    rig_make(&dpauth,
             (struct pki_request){
                 .role = PKI_ROLE_DP_AUTH, .common_name = "DP", .registered_id = "2.999.10"},
             c, &ci);
    rig_make(&sub,
             (struct pki_request){.role = PKI_ROLE_DP_SUBCA, .common_name = "DP SubCA", .v3 = true},
             c, &ci);
    rig_make(&eum3,
             (struct pki_request){
                 .role = PKI_ROLE_EUM, .organization = "E", .ein_prefix = "8", .v3 = true},
             c, &ci);
    rig_make(&eve, (struct pki_request){.role = PKI_ROLE_CI, .common_name = "Test CI"}, c, NULL);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    struct rig_party *const all[] = {&ci, &ci_url, &eum, &euicc, &dpauth, &sub, &eum3, &eve};
    for (size_t i = 0; i < CR_COUNT(all); i++) {
        rig_party_free(all[i]);
    }
    return 0;
}

static void issue(const struct rig_party *issuer, const cr_span *serials, size_t count,
                  uint64_t number, cr_buf *out)
{
    cr_buf_reset(out);
    assert_int_equal(pki_issue_crl(&issuer->cert, issuer->key, serials, count, number, RIG_NOW,
                                   RIG_NOW + DAY, out, NULL),
                     CR_OK);
}

static void test_decode(void **state)
{
    (void)state;
    const cr_span serials[] = {RIG_SPAN(0x12, 0x34), RIG_SPAN(0x00, 0x80), RIG_SPAN(0x01)};
    cr_buf der = {0};
    struct pki_crl crl;
    issue(&ci, serials, 3, 0x1FF, &der);
    assert_int_equal(pki_crl_decode(cr_buf_span(&der), &crl, NULL), CR_OK);
    assert_true(crl.this_update_ms == RIG_NOW && crl.next_update_ms == RIG_NOW + DAY);
    assert_true(cr_span_equal(crl.issuer, ci.cert.subject));
    assert_true(cr_span_equal(crl.aki, ci.cert.ski));
    assert_true(cr_span_equal(crl.number, RIG_SPAN(0x01, 0xFF)));
    assert_int_equal(crl.revoked_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(pki_crl_lists(&crl, serials[i]));
    }
    assert_false(pki_crl_lists(&crl, RIG_SPAN(0x02)));
    assert_false(pki_crl_lists(&crl, RIG_SPAN(0x12)));
    assert_false(cr_span_present(crl.scope)); /* the CI has no distribution point to name */
    issue(&ci, NULL, 0, 1, &der);
    assert_int_equal(pki_crl_decode(cr_buf_span(&der), &crl, NULL), CR_OK);
    assert_false(cr_span_present(crl.revoked));
    assert_false(pki_crl_lists(&crl, serials[0]));
    cr_buf_free(&der);
}

/* SGP.22 4.6: whose certificates an issuer lists. */
static void test_scope(void **state)
{
    (void)state;
    const struct {
        const struct rig_party *issuer;
        bool scope, user, ca;
    } rows[] = {{&ci, false, false, false},
                {&ci_url, true, false, false},
                {&eum3, true, false, true},
                {&sub, true, true, false}};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        cr_buf der = {0};
        struct pki_crl crl;
        issue(rows[i].issuer, NULL, 0, 1, &der);
        assert_int_equal(pki_crl_decode(cr_buf_span(&der), &crl, NULL), CR_OK);
        assert_int_equal(cr_span_present(crl.scope), rows[i].scope);
        assert_int_equal(crl.only_user_certs, rows[i].user);
        assert_int_equal(crl.only_ca_certs, rows[i].ca);
        assert_false(crl.unknown_critical || crl.indirect || crl.only_attribute_certs);
        cr_buf_free(&der);
    }
}

/* --- hand-made CRLs ----------------------------------------------------------------------------
 */

#define ALGORITHM "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
#define NAME                                                                                       \
    "\x30\x12\x31\x10\x30\x0e\x06\x03\x55\x04\x03\x0c\x07"                                         \
    "Test CI"
#define THIS                                                                                       \
    "\x17\x0d"                                                                                     \
    "260101000000Z"
#define NEXT                                                                                       \
    "\x17\x0d"                                                                                     \
    "270101000000Z"
#define V2 "\x02\x01\x01"

/* Signs a tbsCertList made of the given contents. aki: add the extension with the issuer's key
 * identifier and these further extensions. */
static void sign_crl(const char *head, size_t n, cr_span extensions, const struct rig_party *issuer,
                     cr_buf *out)
{
    uint8_t plain[CRYPTO_SIGNATURE];
    cr_buf tbs = {0}, signature = {0};
    size_t mark = der_open(&tbs, 0x30);
    cr_buf_append(&tbs, head, n);
    if (cr_span_present(extensions)) {
        size_t explicit = der_open(&tbs, 0xA0);
        size_t list = der_open(&tbs, 0x30);
        size_t item = der_open(&tbs, 0x30);
        der_put(&tbs, 0x06, RIG_SPAN(0x55, 0x1D, 0x23));
        size_t octets = der_open(&tbs, 0x04);
        size_t aki = der_open(&tbs, 0x30);
        der_put(&tbs, 0x80, issuer->cert.ski);
        der_close(&tbs, aki);
        der_close(&tbs, octets);
        der_close(&tbs, item);
        cr_buf_append_span(&tbs, extensions);
        der_close(&tbs, list);
        der_close(&tbs, explicit);
    }
    der_close(&tbs, mark);
    cr_span part = cr_buf_span(&tbs);
    assert_int_equal(pki_key_sign(issuer->key, &part, 1, plain, NULL), CR_OK);
    cr_buf_append_byte(&signature, 0);
    assert_int_equal(crypto_signature_to_der(CR_SPAN_ARRAY(plain), &signature, NULL), CR_OK);
    cr_buf_reset(out);
    size_t all = der_open(out, 0x30);
    cr_buf_append_span(out, part);
    cr_buf_append(out, ALGORITHM, sizeof(ALGORITHM) - 1);
    der_put(out, 0x03, cr_buf_span(&signature));
    der_close(out, all);
    cr_buf_free(&tbs);
    cr_buf_free(&signature);
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        cr_span head;
        const char *field; /* NULL = decodes */
    } rows[] = {
        {"good", RIG_STR(V2 ALGORITHM NAME THIS NEXT), NULL},
        {"v1", RIG_STR(ALGORITHM NAME THIS), NULL},
        {"version 3", RIG_STR("\x02\x01\x02" ALGORITHM NAME THIS), "version"},
        {"version 1 written out", RIG_STR("\x02\x01\x00" ALGORITHM NAME THIS), "version"},
        {"algorithms differ", RIG_STR(V2 "\x30\x00" NAME THIS), "signature"},
        {"no issuer", RIG_STR(V2 ALGORITHM THIS), "issuer"},
        {"no thisUpdate", RIG_STR(V2 ALGORITHM NAME), "thisUpdate"},
        {"bad thisUpdate",
         RIG_STR(V2 ALGORITHM NAME "\x17\x0d"
                                   "261301000000Z"),
         "thisUpdate"},
        {"bad nextUpdate",
         RIG_STR(V2 ALGORITHM NAME THIS "\x17\x0d"
                                        "261301000000Z"),
         "nextUpdate"},
        {"an entry", RIG_STR(V2 ALGORITHM NAME THIS "\x30\x14\x30\x12\x02\x01\x05" THIS), NULL},
        {"entry without date", RIG_STR(V2 ALGORITHM NAME THIS "\x30\x05\x30\x03\x02\x01\x05"),
         "revokedCertificates"},
        {"entry without serial", RIG_STR(V2 ALGORITHM NAME THIS "\x30\x11\x30\x0f" THIS),
         "revokedCertificates"},
        {"entry with more behind",
         RIG_STR(V2 ALGORITHM NAME THIS "\x30\x16\x30\x14\x02\x01\x05" THIS "\x05\x00"),
         "revokedCertificates"},
        {"entry with a broken extension",
         RIG_STR(V2 ALGORITHM NAME THIS "\x30\x18\x30\x16\x02\x01\x05" THIS "\x30\x02\x05\x00"),
         "revokedCertificates"},
        {"something behind", RIG_STR(V2 ALGORITHM NAME THIS "\x05\x00"), "tbsCertList"},
        {"extensions in v1", RIG_STR(ALGORITHM NAME THIS "\xa0\x02\x30\x00"), "tbsCertList"},
        {"extensions no list", RIG_STR(V2 ALGORITHM NAME THIS "\xa0\x02\x31\x00"), "crlExtensions"},
    };
    cr_buf der = {0};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct pki_crl crl;
        struct cr_err err = {0};
        sign_crl((const char *)rows[i].head.p, rows[i].head.n, (cr_span){0}, &ci, &der);
        cr_status status = pki_crl_decode(cr_buf_span(&der), &crl, &err);
        if (status != (rows[i].field ? CR_MALFORMED : CR_OK) ||
            strcmp(err.field, rows[i].field ? rows[i].field : "") != 0) {
            fail_msg("%s: status %d, field '%s'", rows[i].name, status, err.field);
        }
    }
    cr_buf_free(&der);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    const cr_span serials[] = {RIG_SPAN(0x12, 0x34), RIG_SPAN(0x01)};
    cr_buf der = {0};
    issue(&ci_url, serials, 2, 7, &der);
    for (size_t n = 0; n < der.n; n++) {
        uint8_t *exact = malloc(n ? n : 1);
        assert_non_null(exact);
        memcpy(exact, der.p, n);
        struct pki_crl crl;
        assert_int_equal(pki_crl_decode(cr_span_of(exact, n), &crl, NULL), CR_MALFORMED);
        free(exact);
    }
    struct pki_crl crl;
    cr_buf_append_byte(&der, 0);
    assert_int_equal(pki_crl_decode(cr_buf_span(&der), &crl, NULL), CR_MALFORMED);
    assert_int_equal(pki_crl_decode((cr_span){0}, &crl, NULL), CR_MALFORMED);
    cr_buf_free(&der);
}

/* --- what is believed --------------------------------------------------------------------------
 */

static void test_unusable(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        cr_span extensions; /* behind the AKI; absent = not even that */
        const char *field;  /* NULL = taken */
    } rows[] = {
        {"only AKI", RIG_STR(""), NULL},
        {"no AKI", {0}, "authorityKeyIdentifier"},
        {"unknown critical extension", RIG_STR("\x30\x0a\x06\x03\x55\x1d\x36\x01\x01\xff\x04\x00"),
         "crlExtensions"},
        {"unknown extension", RIG_STR("\x30\x07\x06\x03\x55\x1d\x36\x04\x00"), NULL},
        {"delta CRL", RIG_STR("\x30\x0d\x06\x03\x55\x1d\x1b\x01\x01\xff\x04\x03\x02\x01\x01"),
         "crlExtensions"},
        {"indirect CRL",
         RIG_STR("\x30\x0f\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x05\x30\x03\x84\x01\xff"),
         "issuingDistributionPoint"},
        {"attribute certificates",
         RIG_STR("\x30\x0f\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x05\x30\x03\x85\x01\xff"),
         "issuingDistributionPoint"},
        {"some reasons",
         RIG_STR("\x30\x10\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x06\x30\x04\x83\x02\x06\x40"), NULL},
        {"scope trailing",
         RIG_STR("\x30\x0e\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x04\x30\x02\x05\x00"),
         "issuingDistributionPoint"},
        {"scope is a SET", RIG_STR("\x30\x0c\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x02\x31\x00"),
         "issuingDistributionPoint"},
        {"scope with a cut name",
         RIG_STR("\x30\x0e\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x04\x30\x02\xa0\x05"),
         "issuingDistributionPoint"},
        {"scope with a cut flag",
         RIG_STR("\x30\x0f\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x05\x30\x03\x81\x01\x01"),
         "issuingDistributionPoint"},
        {"scope with cut reasons",
         RIG_STR("\x30\x0e\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x04\x30\x02\x83\x05"),
         "issuingDistributionPoint"},
        {"partial CRL of v2, all of rspExt",
         RIG_STR("\x30\x11\x06\x07\x67\x81\x12\x01\x02\x00\x01\x01\x01\xff\x04\x03\x02\x01\x02"
                 "\x30\x11\x06\x07\x67\x81\x12\x01\x02\x00\x02\x01\x01\xff\x04\x03\x02\x01\x02"),
         NULL},
        {"number not minimal", RIG_STR("\x30\x0b\x06\x03\x55\x1d\x14\x04\x04\x02\x02\x00\x01"),
         "cRLNumber"},
        {"number twice",
         RIG_STR("\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x01"
                 "\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x02"),
         "cRLNumber"},
        {"partial CRL of v2",
         RIG_STR("\x30\x11\x06\x07\x67\x81\x12\x01\x02\x00\x03\x01\x01\xff\x04\x03\x02\x01\x02"),
         NULL},
    };
    cr_buf der = {0};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct pki_trust *trust = pki_trust_new();
        struct cr_err err = {0};
        assert_int_equal(pki_trust_add_ci(trust, cr_buf_span(&ci.der), NULL), CR_OK);
        static const char head[] = V2 ALGORITHM NAME THIS NEXT;
        sign_crl(head, sizeof(head) - 1, rows[i].extensions, &ci, &der);
        cr_status status = pki_trust_add_crl(trust, cr_buf_span(&der), &err);
        if ((status == CR_OK) != (rows[i].field == NULL) ||
            strcmp(err.field, rows[i].field ? rows[i].field : "") != 0) {
            fail_msg("%s: status %d, field '%s' (%s)", rows[i].name, status, err.field, err.cause);
        }
        assert_int_equal(trust->crl_count, rows[i].field ? 0 : 1);
        pki_trust_free(trust);
    }
    cr_buf_free(&der);
}

static void test_entry_with_critical_extension(void **state)
{
    (void)state;
    static const char head[] =
        V2 ALGORITHM NAME THIS "\x30\x22\x30\x20\x02\x01\x05" THIS
                               "\x30\x0c\x30\x0a\x06\x03\x55\x1d\x1d\x01\x01\xff\x04\x00";
    struct pki_trust *trust = pki_trust_new();
    cr_buf der = {0};
    struct cr_err err = {0};
    sign_crl(head, sizeof(head) - 1, cr_span_str(""), &ci, &der);
    assert_int_equal(pki_trust_add_crl(trust, cr_buf_span(&der), &err), CR_REFUSED);
    assert_string_equal(err.field, "crlExtensions");
    cr_buf_free(&der);
    pki_trust_free(trust);
}

static void want(struct pki_trust *trust, const struct rig_party *leaf, const struct rig_party *top,
                 enum pki_role role, enum pki_problem problem, int failed_at)
{
    struct pki_cert chain[2] = {leaf->cert, top ? top->cert : leaf->cert};
    struct pki_expect expect = {.role = role, .now_ms = RIG_NOW};
    struct pki_verdict verdict;
    cr_status status = pki_chain_verify(trust, chain, top ? 2 : 1, &expect, &verdict, NULL, NULL);
    assert_int_equal(verdict.problem, problem);
    assert_int_equal(verdict.failed_at, failed_at);
    assert_int_equal(status, problem == PKI_OK ? CR_OK : CR_REFUSED);
}

static struct pki_trust *trust_with(const struct rig_party *party, cr_span crl)
{
    struct pki_trust *trust = pki_trust_new();
    assert_int_equal(pki_trust_add_ci(trust, cr_buf_span(&party->der), NULL), CR_OK);
    if (cr_span_present(crl)) {
        assert_int_equal(pki_trust_add_crl(trust, crl, NULL), CR_OK);
    }
    return trust;
}

static void test_revoked_by_ci(void **state)
{
    (void)state;
    cr_buf der = {0};
    const cr_span serials[] = {RIG_SPAN(0x05), dpauth.cert.serial, RIG_SPAN(0x7F)};
    issue(&ci, serials, 3, 1, &der);
    struct pki_trust *trust = trust_with(&ci, cr_buf_span(&der));
    want(trust, &dpauth, NULL, PKI_ROLE_DP_AUTH, PKI_REVOKED, 0);
    want(trust, &euicc, &eum, PKI_ROLE_EUICC, PKI_OK, -1); /* the EUM is now in the cache */
    issue(&ci, &eum.cert.serial, 1, 2, &der); /* same day, next number: takes the place */
    assert_int_equal(pki_trust_add_crl(trust, cr_buf_span(&der), NULL), CR_OK);
    assert_int_equal(trust->crl_count, 1);
    want(trust, &euicc, &eum, PKI_ROLE_EUICC, PKI_REVOKED, 1);
    want(trust, &dpauth, NULL, PKI_ROLE_DP_AUTH, PKI_OK, -1);
    issue(&ci, serials, 3, 1, &der); /* the old one again changes nothing */
    assert_int_equal(pki_trust_add_crl(trust, cr_buf_span(&der), NULL), CR_OK);
    want(trust, &euicc, &eum, PKI_ROLE_EUICC, PKI_REVOKED, 1);
    want(trust, &dpauth, NULL, PKI_ROLE_DP_AUTH, PKI_OK, -1);
    pki_trust_free(trust);
    cr_buf_free(&der);
}

/* A long overdue list still revokes; the clock of the list is not the clock of the certificate. */
static void test_overdue(void **state)
{
    (void)state;
    cr_buf der = {0};
    assert_int_equal(pki_issue_crl(&ci.cert, ci.key, &dpauth.cert.serial, 1, 1, RIG_NOW - 9 * DAY,
                                   RIG_NOW - 8 * DAY, &der, NULL),
                     CR_OK);
    struct pki_trust *trust = trust_with(&ci, cr_buf_span(&der));
    want(trust, &dpauth, NULL, PKI_ROLE_DP_AUTH, PKI_REVOKED, 0);
    pki_trust_free(trust);
    cr_buf_free(&der);
}

static void test_revoked_before_expired(void **state)
{
    (void)state;
    cr_buf der = {0};
    issue(&ci, &eum.cert.serial, 1, 1, &der);
    struct rig_party old;
    rig_make(&old,
             (struct pki_request){.role = PKI_ROLE_EUM,
                                  .organization = "E",
                                  .ein_prefix = "8",
                                  .not_after_ms = RIG_FROM + DAY,
                                  .serial = eum.cert.serial},
             CRYPTO_P256, &ci);
    struct pki_trust *trust = trust_with(&ci, cr_buf_span(&der));
    want(trust, &old, NULL, PKI_ROLE_EUM, PKI_REVOKED, 0);
    pki_trust_free(trust);
    trust = trust_with(&ci, (cr_span){0});
    want(trust, &old, NULL, PKI_ROLE_EUM, PKI_EXPIRED, 0);
    pki_trust_free(trust);
    rig_party_free(&old);
    cr_buf_free(&der);
}

/* The same serials in lists that are for others. */
static void test_scope_decides(void **state)
{
    (void)state;
    static const struct {
        cr_span extension;
        enum pki_problem leaf, ca;
    } rows[] = {
        {RIG_STR(""), PKI_REVOKED, PKI_REVOKED},
        {RIG_STR("\x30\x0f\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x05\x30\x03\x81\x01\xff"),
         PKI_REVOKED, PKI_OK},
        {RIG_STR("\x30\x0f\x06\x03\x55\x1d\x1c\x01\x01\xff\x04\x05\x30\x03\x82\x01\xff"), PKI_OK,
         PKI_REVOKED},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        cr_buf head = {0}, der = {0};
        static const char front[] = V2 ALGORITHM NAME THIS NEXT;
        cr_buf_append(&head, front, sizeof(front) - 1);
        const cr_span serials[] = {dpauth.cert.serial, eum.cert.serial};
        size_t list = der_open(&head, 0x30);
        for (size_t k = 0; k < 2; k++) {
            size_t entry = der_open(&head, 0x30);
            der_put(&head, 0x02, serials[k]);
            cr_buf_append(&head, THIS, sizeof(THIS) - 1);
            der_close(&head, entry);
        }
        der_close(&head, list);
        sign_crl((const char *)head.p, head.n, rows[i].extension, &ci, &der);
        struct pki_trust *trust = trust_with(&ci, cr_buf_span(&der));
        want(trust, &dpauth, NULL, PKI_ROLE_DP_AUTH, rows[i].leaf, rows[i].leaf == PKI_OK ? -1 : 0);
        want(trust, &eum, NULL, PKI_ROLE_EUM, rows[i].ca, rows[i].ca == PKI_OK ? -1 : 0);
        pki_trust_free(trust);
        cr_buf_free(&head);
        cr_buf_free(&der);
    }
}

/* An EUM's list is taken in unread and verified when its first certificate comes along. */
static void test_revoked_by_intermediate(void **state)
{
    (void)state;
    cr_buf der = {0};
    static const char none[] = "";
    struct rig_party signer = eum;
    cr_buf head = {0};
    size_t mark;
    cr_buf_append(&head, V2 ALGORITHM, sizeof(V2 ALGORITHM) - 1);
    cr_buf_append_span(&head, eum.cert.subject);
    cr_buf_append(&head, THIS, sizeof(THIS) - 1);
    mark = der_open(&head, 0x30);
    size_t entry = der_open(&head, 0x30);
    der_put(&head, 0x02, euicc.cert.serial);
    cr_buf_append(&head, THIS, sizeof(THIS) - 1);
    der_close(&head, entry);
    der_close(&head, mark);

    sign_crl((const char *)head.p, head.n, cr_span_str(none), &eum, &der);
    struct pki_trust *trust = trust_with(&ci, cr_buf_span(&der));
    want(trust, &euicc, &eum, PKI_ROLE_EUICC, PKI_REVOKED, 0);
    want(trust, &euicc, &eum, PKI_ROLE_EUICC, PKI_REVOKED, 0); /* verified once, same answer */
    pki_trust_free(trust);

    /* Eve signs a list in the name of the EUM: ignored. */
    signer.key = eve.key;
    sign_crl((const char *)head.p, head.n, cr_span_str(none), &signer, &der);
    trust = trust_with(&ci, cr_buf_span(&der));
    want(trust, &euicc, &eum, PKI_ROLE_EUICC, PKI_OK, -1);
    pki_trust_free(trust);

    /* An EUM without cRLSign may not revoke. */
    sign_crl((const char *)head.p, head.n, cr_span_str(none), &eum, &der);
    trust = trust_with(&ci, cr_buf_span(&der));
    cr_buf changed = {0};
    static const uint8_t ku[] = {0x55, 0x1D, 0x0F};
    const struct rig_edit edits[RIG_MAX_EDITS] = {
        {RIG_SET, {ku, sizeof(ku)}, true, RIG_STR("\x03\x02\x02\x04"), 0}};
    rig_forge(eum.cert.raw, edits, ci.key, &changed);
    struct rig_party no_crl_sign = {0};
    assert_int_equal(pki_cert_decode(cr_buf_span(&changed), &no_crl_sign.cert, NULL), CR_OK);
    want(trust, &euicc, &no_crl_sign, PKI_ROLE_EUICC, PKI_OK, -1);
    pki_trust_free(trust);
    cr_buf_free(&changed);
    cr_buf_free(&head);
    cr_buf_free(&der);
}

/* Each part of a list in parts counts, and a newer part does not take the place of another part. */
static void test_partial_lists(void **state)
{
    (void)state;
    static const char front[] = V2 ALGORITHM NAME THIS NEXT;
    const cr_span serials[] = {dpauth.cert.serial, eum.cert.serial};
    static const cr_span parts[] = {
        RIG_STR("\x30\x11\x06\x07\x67\x81\x12\x01\x02\x00\x03\x01\x01\xff\x04\x03\x02\x01\x01"),
        RIG_STR("\x30\x11\x06\x07\x67\x81\x12\x01\x02\x00\x03\x01\x01\xff\x04\x03\x02\x01\x02")};
    struct pki_trust *trust = trust_with(&ci, (cr_span){0});
    for (size_t i = 0; i < 2; i++) {
        cr_buf head = {0}, der = {0};
        cr_buf_append(&head, front, sizeof(front) - 1);
        size_t list = der_open(&head, 0x30);
        size_t entry = der_open(&head, 0x30);
        der_put(&head, 0x02, serials[i]);
        cr_buf_append(&head, THIS, sizeof(THIS) - 1);
        der_close(&head, entry);
        der_close(&head, list);
        sign_crl((const char *)head.p, head.n, parts[i], &ci, &der);
        assert_int_equal(pki_trust_add_crl(trust, cr_buf_span(&der), NULL), CR_OK);
        cr_buf_free(&head);
        cr_buf_free(&der);
    }
    assert_int_equal(trust->crl_count, 2);
    want(trust, &dpauth, NULL, PKI_ROLE_DP_AUTH, PKI_REVOKED, 0);
    want(trust, &eum, NULL, PKI_ROLE_EUM, PKI_REVOKED, 0);
    pki_trust_free(trust);
}

static void test_too_many_lists(void **state)
{
    (void)state;
    struct pki_trust *trust = trust_with(&ci, (cr_span){0});
    cr_buf der = {0};
    issue(&eum, NULL, 0, 1, &der); /* not by a CI: nothing replaces it */
    for (size_t i = 0; i <= PKI_MAX_CRLS; i++) {
        assert_int_equal(pki_trust_add_crl(trust, cr_buf_span(&der), NULL),
                         i < PKI_MAX_CRLS ? CR_OK : CR_REFUSED);
    }
    pki_trust_free(trust);
    cr_buf_free(&der);
}

static void test_other_algorithm(void **state)
{
    (void)state;
    struct pki_trust *trust = trust_with(&ci, (cr_span){0});
    struct cr_err err = {0};
    cr_buf der = {0};
    size_t changed = 0;
    static const char sha256[] = "\x2a\x86\x48\xce\x3d\x04\x03\x02";
    issue(&ci, NULL, 0, 1, &der);
    for (size_t i = 0; i + 8 <= der.n; i++) {
        if (memcmp(der.p + i, sha256, 8) == 0) {
            der.p[i + 7] = 0x03; /* ecdsa-with-SHA384, inside and outside */
            changed++;
        }
    }
    assert_int_equal(changed, 2);
    assert_int_equal(pki_trust_add_crl(trust, cr_buf_span(&der), &err), CR_REFUSED);
    assert_string_equal(err.field, "signatureAlgorithm");
    pki_trust_free(trust);
    cr_buf_free(&der);
}

static void test_forged_list_of_ci(void **state)
{
    (void)state;
    cr_buf der = {0};
    struct cr_err err = {0};
    static const char head[] = V2 ALGORITHM NAME THIS;
    struct rig_party forger = ci;
    struct pki_trust *trust = trust_with(&ci, (cr_span){0});
    forger.key = eve.key;
    sign_crl(head, sizeof(head) - 1, cr_span_str(""), &forger, &der);
    assert_int_equal(pki_trust_add_crl(trust, cr_buf_span(&der), &err), CR_REFUSED);
    assert_string_equal(err.field, "signatureValue");
    static const char other[] = V2 ALGORITHM "\x30\x12\x31\x10\x30\x0e\x06\x03\x55\x04\x03\x0c\x07"
                                             "Best CI" THIS;
    sign_crl(other, sizeof(other) - 1, cr_span_str(""), &ci, &der);
    assert_int_equal(pki_trust_add_crl(trust, cr_buf_span(&der), &err), CR_REFUSED);
    assert_string_equal(err.field, "signatureValue");
    assert_int_equal(pki_trust_add_crl(trust, cr_span_str("junk"), &err), CR_MALFORMED);
    assert_int_equal(trust->crl_count, 0);
    pki_trust_free(trust);
    cr_buf_free(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_unusable),
        cmocka_unit_test(test_entry_with_critical_extension),
        cmocka_unit_test(test_revoked_by_ci),
        cmocka_unit_test(test_overdue),
        cmocka_unit_test(test_revoked_before_expired),
        cmocka_unit_test(test_scope_decides),
        cmocka_unit_test(test_revoked_by_intermediate),
        cmocka_unit_test(test_partial_lists),
        cmocka_unit_test(test_too_many_lists),
        cmocka_unit_test(test_other_algorithm),
        cmocka_unit_test(test_forged_list_of_ci),
    };
    return cmocka_run_group_tests_name("pki/crl", tests, make_all, free_all);
}
