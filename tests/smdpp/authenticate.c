/* AuthenticateClient: each row of SGP.22 5.6.3 broken by itself, what it does to order and session,
 * and which of two answers. */
#include "rig.h"

#include "smdpp/core.h"

#include <stdio.h>
#include <string.h>

#define DAY ((int64_t)24 * 3600 * 1000)

static const struct rig_metadata OPERATIONAL = {.profile_class = RSP_CLASS_OPERATIONAL};

static void start(struct rig *rig, struct fake_chip *chip)
{
    struct fake_knobs none = {0};
    fake_new_session(chip);
    assert_ok(rig, rig_initiate(rig, chip, &none));
}

/* A refusal that leaves the order alone and the session open: the next try succeeds. */
static void refused_then_fine(struct rig *rig, struct fake_knobs knobs, const char *subject,
                              const char *reason)
{
    struct fake_knobs good = {.matching_id = "ABC"};
    int64_t downloads = rig_profile(rig, 1).downloads;
    knobs.matching_id = "ABC";
    start(rig, &rig->nist);
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), subject, reason);
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    assert_int_equal(rig_profile(rig, 1).downloads, downloads);
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM outbox"), 0);
    assert_ok(rig, rig_authenticate(rig, &rig->nist, &good));
}

/* ---- certificates ---- */

struct forged {
    cr_buf eum, euicc;
    struct crypto_private *eum_private;
    struct pki_key *eum_key;
};

static void forged_free(struct forged *f)
{
    cr_buf_free(&f->eum);
    cr_buf_free(&f->euicc);
    pki_key_free(f->eum_key);
}

static struct pki_request eum_request(const struct rig *rig)
{
    return (struct pki_request){.role = PKI_ROLE_EUM,
                                .common_name = "EUM",
                                .organization = "EUM",
                                .country = "XX",
                                .ein_prefix = "89049032",
                                .registered_id = "2.999.5",
                                .not_before_ms = rig->now_ms - DAY,
                                .not_after_ms = rig->now_ms + DAY};
}

static struct pki_request euicc_request(const struct rig *rig)
{
    return (struct pki_request){.role = PKI_ROLE_EUICC,
                                .common_name = "eUICC",
                                .organization = "EUM",
                                .eid = RIG_EID,
                                .not_before_ms = rig->now_ms - DAY,
                                .not_after_ms = rig->now_ms + DAY};
}

/* CERT.EUM by the CI (or by itself), CERT.EUICC for the chip's key by that EUM. */
static void forge(struct rig *rig, const struct pki_request *eum, const struct pki_request *euicc,
                  bool self_signed, struct forged *out)
{
    struct pki_cert ci;
    struct pki_key *ci_key;
    struct pki_cert eum_cert;
    struct crypto_private *key;
    uint8_t point[CRYPTO_POINT];
    *out = (struct forged){0};
    assert_ok(rig,
              pki_hierarchy_load(rig_pki, CRYPTO_P256, "ci", &rig->arena, &ci, &ci_key, &rig->err));
    assert_ok(rig, crypto_private_generate(CRYPTO_P256, &key, &rig->err));
    assert_ok(rig, pki_key_of_private(key, &out->eum_key, &rig->err));
    assert_ok(rig,
              pki_issue(eum, CRYPTO_P256, pki_key_point(out->eum_key), self_signed ? NULL : &ci,
                        self_signed ? out->eum_key : ci_key, &rig->env, &out->eum, &rig->err));
    assert_ok(rig, pki_cert_decode(cr_buf_span(&out->eum), &eum_cert, &rig->err));
    crypto_private_point(rig->nist.key, point);
    assert_ok(rig, pki_issue(euicc, CRYPTO_P256, CR_SPAN_ARRAY(point), &eum_cert, out->eum_key,
                             &rig->env, &out->euicc, &rig->err));
    pki_key_free(ci_key);
}

static void chain_row(struct rig *rig, struct forged *f, const char *subject, const char *reason)
{
    struct fake_knobs knobs = {.certificate = cr_buf_span(&f->euicc), .eum = cr_buf_span(&f->eum)};
    refused_then_fine(rig, knobs, subject, reason);
    forged_free(f);
}

static void forged_chain_is_good_as_such(void **state)
{
    struct rig *rig = *state;
    struct forged f;
    struct pki_request eum = eum_request(rig);
    struct pki_request euicc = euicc_request(rig);
    rig_release(rig, 1, "ABC", NULL, NULL);
    forge(rig, &eum, &euicc, false, &f);
    struct fake_knobs knobs = {
        .matching_id = "ABC", .certificate = cr_buf_span(&f.euicc), .eum = cr_buf_span(&f.eum)};
    start(rig, &rig->nist);
    assert_ok(rig, rig_authenticate(rig, &rig->nist, &knobs));
    forged_free(&f);
}

static void eum_certificate(void **state)
{
    struct rig *rig = *state;
    struct forged f;
    struct pki_request eum = eum_request(rig);
    struct pki_request euicc = euicc_request(rig);
    rig_release(rig, 1, "ABC", NULL, NULL);

    forge(rig, &eum, &euicc, false, &f); /* signature */
    f.eum.p[f.eum.n - 1] ^= 1;
    chain_row(rig, &f, "8.1.2", "6.1");

    eum.not_after_ms = rig->now_ms - 1000;
    forge(rig, &eum, &euicc, false, &f);
    chain_row(rig, &f, "8.1.2", "6.3");
    eum = eum_request(rig);
    eum.not_before_ms = rig->now_ms + 5000; /* not yet */
    forge(rig, &eum, &euicc, false, &f);
    chain_row(rig, &f, "8.1.2", "6.3");

    eum = eum_request(rig); /* another role */
    eum.role = PKI_ROLE_DP_AUTH;
    forge(rig, &eum, &euicc, false, &f);
    chain_row(rig, &f, "8.1.2", "6.1");
    eum.not_after_ms = rig->now_ms - 1000; /* dates before extensions */
    forge(rig, &eum, &euicc, false, &f);
    chain_row(rig, &f, "8.1.2", "6.3");

    static const uint8_t garbage[] = {0x30, 3, 2, 1, 0};
    struct fake_knobs knobs = {.eum = CR_SPAN_ARRAY(garbage)};
    refused_then_fine(rig, knobs, "8.1.2", "6.1");
}

static void eum_revoked(void **state)
{
    struct rig *rig = *state;
    struct pki_cert ci;
    struct pki_cert eum;
    struct pki_key *ci_key;
    cr_buf crl = {0};
    struct fake_knobs knobs = {.matching_id = "ABC"};
    rig_release(rig, 1, "ABC", NULL, NULL);
    assert_ok(rig,
              pki_hierarchy_load(rig_pki, CRYPTO_P256, "ci", &rig->arena, &ci, &ci_key, &rig->err));
    assert_ok(rig, pki_cert_decode(cr_buf_span(&rig->nist.eum), &eum, &rig->err));
    assert_ok(rig, pki_issue_crl(&ci, ci_key, &eum.serial, 1, 99, rig->now_ms + 2000,
                                 rig->now_ms + DAY, &crl, &rig->err));
    assert_ok(rig, pki_trust_add_crl(rig->config.trust, cr_buf_span(&crl), &rig->err));
    start(rig, &rig->nist);
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.1.2", "6.1");
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    pki_key_free(ci_key);
    cr_buf_free(&crl);
}

static void euicc_certificate(void **state)
{
    struct rig *rig = *state;
    struct forged f;
    struct pki_request eum = eum_request(rig);
    struct pki_request euicc = euicc_request(rig);
    rig_release(rig, 1, "ABC", NULL, NULL);

    forge(rig, &eum, &euicc, false, &f); /* signature */
    f.euicc.p[f.euicc.n - 1] ^= 1;
    chain_row(rig, &f, "8.1.3", "6.1");

    euicc.not_after_ms = rig->now_ms - 1000;
    forge(rig, &eum, &euicc, false, &f);
    chain_row(rig, &f, "8.1.3", "6.3");

    euicc = euicc_request(rig); /* EID outside of what the EUM may issue */
    eum.ein_prefix = "89033023";
    forge(rig, &eum, &euicc, false, &f);
    chain_row(rig, &f, "8.1.3", "6.1");

    eum = eum_request(rig); /* another organization */
    euicc.organization = "Other";
    forge(rig, &eum, &euicc, false, &f);
    chain_row(rig, &f, "8.1.3", "6.1");

    euicc = euicc_request(rig); /* another role */
    euicc.role = PKI_ROLE_DP_AUTH;
    euicc.registered_id = "2.999.10";
    forge(rig, &eum, &euicc, false, &f);
    chain_row(rig, &f, "8.1.3", "6.1");

    static const uint8_t garbage[] = {0x30, 3, 2, 1, 0};
    struct fake_knobs knobs = {.certificate = CR_SPAN_ARRAY(garbage)};
    refused_then_fine(rig, knobs, "8.1.3", "6.1");

    /* both wrong: the EUM is looked at first */
    eum.not_after_ms = rig->now_ms - 1000;
    forge(rig, &eum, &euicc, false, &f);
    chain_row(rig, &f, "8.1.2", "6.3");
}

static void ci_of_the_chain(void **state)
{
    struct rig *rig = *state;
    struct forged f;
    rig_release(rig, 1, "ABC", NULL, NULL);
    /* A good chain to the CI of the other curve, not the one that was agreed. */
    struct fake_knobs knobs = {.certificate = cr_buf_span(&rig->brainpool.certificate),
                               .eum = cr_buf_span(&rig->brainpool.eum),
                               .signer = rig->brainpool.key};
    refused_then_fine(rig, knobs, "8.11.1", "3.9");
    /* A self-signed EUM names no CI that is known. */
    struct pki_request eum = eum_request(rig);
    struct pki_request euicc = euicc_request(rig);
    eum.role = PKI_ROLE_CI;
    forge(rig, &eum, &euicc, true, &f);
    struct pki_cert cert;
    assert_ok(rig, pki_cert_decode(cr_buf_span(&f.eum), &cert, &rig->err));
    if (cert.aki.p) {
        chain_row(rig, &f, "8.11.1", "3.9");
    } else {
        chain_row(rig, &f, "8.1.2", "6.1");
    }
}

static void bad_check_digits(void **state)
{
    struct rig *rig = *state;
    struct fake_chip chip;
    struct fake_knobs knobs = {.matching_id = "ABC"};
    rig_release(rig, 1, "ABC", NULL, NULL);
    fake_chip_make(&chip, rig_pki, CRYPTO_P256, RIG_EID_BAD, rig->config.address);
    start(rig, &chip);
    assert_ok(rig, rig_authenticate(rig, &chip, &knobs)); /* warned about, not refused */
    struct smdpp_policy strict = {.refuse_bad_eid = true};
    rig_reopen(rig, NULL, &strict);
    rig_release(rig, 1, "ABC", NULL, NULL);
    start(rig, &chip);
    assert_refused(rig, rig_authenticate(rig, &chip, &knobs), "8.1.1", "2.1");
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    fake_chip_free(&chip);
}

/* ---- what is signed ---- */

static void signed_part(void **state)
{
    struct rig *rig = *state;
    static const uint8_t svn[] = {2, 4, 0};
    rig_release(rig, 1, "ABC", NULL, NULL);
    struct fake_knobs signature = {.bad_signature1 = true};
    struct fake_knobs signer = {.signer = rig->nist2.key};
    struct fake_knobs challenge = {.bad_challenge = true};
    struct fake_knobs version = {.svn2 = svn};
    struct fake_knobs context = {.no_ctx = true};
    refused_then_fine(rig, signature, "8.1", "6.1");
    refused_then_fine(rig, signer, "8.1", "6.1");
    refused_then_fine(rig, challenge, "8.1", "6.1");
    refused_then_fine(rig, version, "8.1", "6.1");
    refused_then_fine(rig, context, "1.3.1", "2.2");
}

static void chip_refuses_server(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs knobs = {.chip_says = RSP_AUTHENTICATE_CI_PK_UNKNOWN};
    static const uint8_t other[] = {1, 2, 3};
    rig_release(rig, 1, "ABC", NULL, NULL);
    start(rig, &rig->nist);
    knobs.signed_id = CR_SPAN_ARRAY(other); /* of another session: nothing happens to this one */
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.10.1", "3.9");
    knobs.signed_id = (cr_span){0};
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.1", "6.1");
    assert_non_null(strstr(rig->err.cause, "7"));
    /* the same again, and then the session is over */
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.1", "6.1");
    struct fake_knobs good = {.matching_id = "ABC"};
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &good), "8.10.1", "3.9");
    rig_assert_state(rig, 1, SMDPP_RELEASED);
}

/* ---- the order ---- */

static void order_rows(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs none = {0};
    struct fake_knobs empty = {.matching_id = ""};
    struct fake_knobs unknown = {.matching_id = "abc"}; /* case counts */
    struct fake_knobs abc = {.matching_id = "ABC"};
    rig_release(rig, 1, "ABC", RIG_EID, NULL);
    start(rig, &rig->nist);
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &unknown), "8.2.6", "3.8");
    start(rig, &rig->nist);
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &none), "8.1.1", "3.8");
    start(rig, &rig->nist);
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &empty), "8.1.1", "3.8");
    /* bound to another EID */
    start(rig, &rig->nist2);
    assert_refused(rig, rig_authenticate(rig, &rig->nist2, &abc), "8.1.1", "3.8");
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    assert_int_equal(rig_profile(rig, 1).downloads, 0);
    start(rig, &rig->nist);
    assert_ok(rig, rig_authenticate(rig, &rig->nist, &abc));
}

static void not_released(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs knobs = {.matching_id = "ABC"};
    rig_import(rig, 1);
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, rig_iccid(1), NULL, NULL));
    assert_ok(rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, rig_iccid(1), NULL, "ABC", NULL, NULL,
                                     false, NULL));
    start(rig, &rig->nist);
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.2", "1.2");
    assert_non_null(strstr(rig->err.next, "operator"));
    rig_assert_state(rig, 1, SMDPP_CONFIRMED);
    assert_ok(rig, rig_release_profile(rig, RIG_OPERATOR, NULL, rig_iccid(1)));
    start(rig, &rig->nist);
    assert_ok(rig, rig_authenticate(rig, &rig->nist, &knobs));
}

static void orders_that_are_over(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs knobs = {.matching_id = "ABC"};
    rig_release(rig, 1, "ABC", NULL, NULL);
    rig_to_installed(rig, &rig->nist, 1, "ABC");
    start(rig, &rig->nist);
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.2.6", "3.8");
    assert_non_null(strstr(rig->err.cause, "Installed"));
    rig_assert_state(rig, 1, SMDPP_INSTALLED);

    rig_release(rig, 2, "DEF", NULL, NULL);
    knobs.matching_id = "DEF";
    rig_to_authenticated(rig, &rig->nist, "DEF");
    assert_ok(rig, rig_cancel(rig, &rig->nist, &knobs, 0));
    start(rig, &rig->nist);
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.2.6", "3.8");

    /* cancelled by the operator: the MatchingID is gone */
    rig_release(rig, 3, "GHI", NULL, NULL);
    assert_ok(rig,
              rig_cancel_order(rig, RIG_OPERATOR, NULL, rig_iccid(3), NULL, "GHI", "Unavailable"));
    knobs.matching_id = "GHI";
    start(rig, &rig->nist);
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.2.6", "3.8");
}

static void order_expires(void **state)
{
    struct rig *rig = *state;
    struct smdpp_policy policy = {.order_ms = 3600 * 1000};
    struct fake_knobs knobs = {.matching_id = "ABC"};
    rig_reopen(rig, NULL, &policy);
    rig_release(rig, 1, "ABC", RIG_EID, NULL);
    rig->now_ms += 3600 * 1000 - 1;
    start(rig, &rig->nist);
    assert_ok(rig, rig_authenticate(rig, &rig->nist, &knobs));
    rig->now_ms += 1;
    /* at GetBoundProfilePackage */
    assert_refused(rig, rig_get_bpp(rig, &rig->nist, &knobs, NULL), "8.8.5", "4.10");
    rig_assert_state(rig, 1, SMDPP_ERROR);
    assert_string_equal(rig_profile(rig, 1).last_error, "the download order has expired");
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM outbox"), 1);
    /* at AuthenticateClient, also when the EID is wrong too: expiry comes first */
    rig_release(rig, 2, "DEF", RIG_EID, NULL);
    rig->now_ms += 3600 * 1000;
    knobs.matching_id = "DEF";
    start(rig, &rig->nist2);
    assert_refused(rig, rig_authenticate(rig, &rig->nist2, &knobs), "8.8.5", "4.10");
    rig_assert_state(rig, 2, SMDPP_ERROR);
    start(rig, &rig->nist);
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.8.5", "4.10");
    assert_non_null(strstr(rig_outbox(rig, 0), "\"8.8.5\""));
    assert_non_null(strstr(rig_outbox(rig, 0), "\"4.10\""));
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM outbox"), 2);
}

static void download_attempts(void **state)
{
    struct rig *rig = *state;
    struct smdpp_policy policy = {.download_limit = 2};
    struct fake_knobs knobs = {.matching_id = "ABC"};
    rig_reopen(rig, NULL, &policy);
    rig_release(rig, 1, "ABC", NULL, NULL);
    for (int i = 0; i < 2; i++) {
        start(rig, &rig->nist);
        assert_ok(rig, rig_authenticate(rig, &rig->nist, &knobs));
    }
    start(rig, &rig->nist);
    struct rsp_authenticate_client_request *request =
        fake_authenticate(&rig->nist, &knobs, &rig->arena);
    struct rsp_authenticate_client_response answer;
    for (int i = 0; i < 2; i++) { /* a repeated request gets its first answer */
        assert_refused(rig, rig_call(rig, RSP_ES9_AUTHENTICATE_CLIENT, request, &answer), "8.8.5",
                       "6.4");
    }
    rig_assert_state(rig, 1, SMDPP_ERROR);
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM outbox"), 1);
    const char *told = rig_outbox(rig, 0);
    assert_non_null(strstr(told, "\"8.8.5\""));
    assert_non_null(strstr(told, "\"6.4\""));
    assert_non_null(strstr(told, rig_iccid(1)));
    assert_non_null(strstr(told, RIG_EID));
    assert_non_null(strstr(told, "\"notificationPointId\":1"));
    assert_int_equal(rig->wakes > 0, 1);
}

static void default_orders(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs none = {0};
    struct fake_knobs empty = {.matching_id = ""};
    rig_release(rig, 1, "", RIG_EID, NULL);
    start(rig, &rig->nist2);
    assert_refused(rig, rig_authenticate(rig, &rig->nist2, &none), "8.1.1", "3.8");
    start(rig, &rig->nist);
    assert_ok(rig, rig_authenticate(rig, &rig->nist, &none));
    start(rig, &rig->nist);
    assert_ok(rig, rig_authenticate(rig, &rig->nist, &empty));
    assert_ok(rig, rig_get_bpp(rig, &rig->nist, &none, NULL));
    /* a second default order of the same chip waits for its turn */
    rig->now_ms += 1000;
    rig_release(rig, 2, "", RIG_EID, NULL);
    rig_to_downloaded(rig, &rig->nist, NULL);
    assert_ok(rig, rig_result(rig, &rig->nist, 1, 0));
    rig_assert_state(rig, 1, SMDPP_INSTALLED);
    rig_assert_state(rig, 2, SMDPP_RELEASED);
    rig_to_installed(rig, &rig->nist, 2, "");
    start(rig, &rig->nist);
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &none), "8.1.1", "3.8");
}

static void default_order_held_back(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs none = {0};
    rig_import(rig, 1);
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, RIG_EID, rig_iccid(1), NULL, NULL));
    assert_ok(rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, rig_iccid(1), NULL, "", NULL, NULL,
                                     false, NULL));
    start(rig, &rig->nist);
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &none), "8.2", "1.2");
    rig->now_ms += 1000; /* a newer one that is released goes first */
    rig_release(rig, 2, "", RIG_EID, NULL);
    rig_to_installed(rig, &rig->nist, 2, NULL);
}

/* ---- eligibility ---- */

static void eligibility_row(struct rig *rig, int n, const struct rig_metadata *m, int64_t version,
                            struct fake_knobs knobs, const char *subject, const char *reason,
                            enum smdpp_state after)
{
    char matching_id[16];
    (void)snprintf(matching_id, sizeof(matching_id), "M-%d", n);
    rig_import_as(rig, n, "type", "", m, version, 3000);
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, NULL, rig_iccid(n), NULL, NULL));
    assert_ok(rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, rig_iccid(n), NULL, matching_id, NULL,
                                     NULL, true, NULL));
    knobs.matching_id = matching_id;
    start(rig, &rig->nist);
    int64_t told = rig_number(rig, "SELECT count(*) FROM outbox");
    struct rsp_authenticate_client_request *request =
        fake_authenticate(&rig->nist, &knobs, &rig->arena);
    struct rsp_authenticate_client_response answer;
    for (int i = 0; subject && i < 2; i++) {
        assert_refused(rig, rig_call(rig, RSP_ES9_AUTHENTICATE_CLIENT, request, &answer), subject,
                       reason);
    }
    if (!subject) {
        assert_ok(rig, rig_call(rig, RSP_ES9_AUTHENTICATE_CLIENT, request, &answer));
    }
    rig_assert_state(rig, n, after);
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM outbox") - told, subject != NULL);
    assert_int_equal(rig_profile(rig, n).downloads, 1);
}

static void eligibility(void **state)
{
    struct rig *rig = *state;
    struct rig_metadata test = {.profile_class = RSP_CLASS_TEST};
    struct rig_metadata ppr1 = {.profile_class = RSP_CLASS_OPERATIONAL, .policy_rules = RSP_PPR1};
    struct fake_knobs good = {0};
    struct fake_knobs no_test = {.has_capability = true,
                                 .capability = RSP_EUICC_ADDITIONAL_PROFILE};
    struct fake_knobs no_more = {.has_capability = true, .capability = RSP_EUICC_TEST_PROFILE};
    struct fake_knobs little = {.free_memory = 3000};
    struct fake_knobs enough = {.free_memory = 4000};
    struct fake_knobs full = {.free_memory = -1};
    struct fake_knobs forbids1 = {.forbidden = RSP_PPR1};
    struct fake_knobs forbids2 = {.forbidden = RSP_PPR2};
    struct fake_knobs newer = {.package_major = 3};
    enum smdpp_state ok = SMDPP_RELEASED;
    eligibility_row(rig, 1, &OPERATIONAL, 2, good, NULL, NULL, ok);
    /* what the user can mend leaves the order as it is */
    eligibility_row(rig, 2, &OPERATIONAL, 2, no_more, "8.1", "4.8", SMDPP_RELEASED);
    eligibility_row(rig, 3, &OPERATIONAL, 2, little, "8.1", "4.8", SMDPP_RELEASED);
    eligibility_row(rig, 4, &OPERATIONAL, 2, full, "8.1", "4.8", SMDPP_RELEASED);
    eligibility_row(rig, 5, &OPERATIONAL, 2, enough, NULL, NULL, ok);
    /* what he cannot ends it */
    eligibility_row(rig, 6, &test, 2, no_test, "8.2.5", "4.3", SMDPP_ERROR);
    eligibility_row(rig, 7, &test, 2, good, NULL, NULL, ok);
    eligibility_row(rig, 8, &ppr1, 2, forbids1, "8.2.5", "4.3", SMDPP_ERROR);
    eligibility_row(rig, 9, &ppr1, 2, forbids2, NULL, NULL, ok);
    eligibility_row(rig, 10, &OPERATIONAL, 3, good, "8.2.5", "4.3", SMDPP_ERROR);
    eligibility_row(rig, 11, &OPERATIONAL, 3, newer, NULL, NULL, ok);
    /* memory before the rest */
    struct fake_knobs both = {.forbidden = RSP_PPR1, .free_memory = -1};
    eligibility_row(rig, 12, &ppr1, 2, both, "8.1", "4.8", SMDPP_RELEASED);
}

static void order_of_checks(void **state)
{
    struct rig *rig = *state;
    struct smdpp_policy policy = {.order_ms = 1000, .download_limit = 1};
    static const uint8_t other[] = {1, 2, 3};
    rig_reopen(rig, NULL, &policy);
    rig_release(rig, 1, "ABC", RIG_EID_2, NULL);
    start(rig, &rig->nist);
    rig->now_ms += 1000;
    /* from the last to the first: mended one by one */
    struct fake_knobs knobs = {.matching_id = "ABC",
                               .signed_id = CR_SPAN_ARRAY(other),
                               .certificate = cr_buf_span(&rig->brainpool.certificate),
                               .eum = cr_buf_span(&rig->brainpool.eum),
                               .bad_signature1 = true,
                               .free_memory = -1};
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.10.1", "3.9");
    knobs.signed_id = (cr_span){0};
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.11.1", "3.9");
    knobs.certificate = knobs.eum = (cr_span){0};
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.1", "6.1");
    knobs.bad_signature1 = false;
    rig->now_ms -= 1000; /* not expired: the EID is next */
    assert_refused(rig, rig_authenticate(rig, &rig->nist, &knobs), "8.1.1", "3.8");
    rig_assert_state(rig, 1, SMDPP_RELEASED);
    /* attempts before eligibility */
    for (int i = 0; i < 2; i++) {
        start(rig, &rig->nist2);
        assert_refused(rig, rig_authenticate(rig, &rig->nist2, &knobs), i ? "8.8.5" : "8.1",
                       i ? "6.4" : "4.8");
    }
    rig_assert_state(rig, 1, SMDPP_ERROR);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(forged_chain_is_good_as_such),
        TEST(eum_certificate),
        TEST(eum_revoked),
        TEST(euicc_certificate),
        TEST(ci_of_the_chain),
        TEST(bad_check_digits),
        TEST(signed_part),
        TEST(chip_refuses_server),
        TEST(order_rows),
        TEST(not_released),
        TEST(orders_that_are_over),
        TEST(order_expires),
        TEST(download_attempts),
        TEST(default_orders),
        TEST(default_order_held_back),
        TEST(eligibility),
        TEST(order_of_checks),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
