/*
 * The SM-SR change between two SM-SRs and a real chip: the whole of it, every check broken one by
 * one, every time that can be over, restarts at every step.
 */
#include "pair.h"

#include "pki/gpcert.h"

#include <stdio.h>

static int setup(void **state)
{
    *state = pair_new();
    return 0;
}

static int teardown(void **state)
{
    pair_free(*state);
    return 0;
}

static struct ask begin(struct pair *p)
{
    struct ask ask = pair_prepare(p, TWO);
    pair_expect(p, &ask, "");
    return pair_change(p, ONE);
}

/* Step by step until the newest procedure of a side is in the state. */
static void until(struct pair *p, int side, const char *state)
{
    for (int i = 0; i < 200; i++) {
        const char *all = pair_procedures(p, side), *last = strrchr(all, ':');
        if (last && strcmp(last + 1, state) == 0) {
            return;
        }
        if (!pair_step(p)) {
            break;
        }
    }
    fail_msg("%d never came to %s: one %s, two %s", side, state, pair_procedures(p, ONE),
             pair_procedures(p, TWO));
}

/* The eUICC is the first one's as before, and can be handed over. */
static void expect_kept(struct pair *p)
{
    assert_string_equal(pair_has(p, ONE), "E");
    assert_string_equal(pair_has(p, TWO), "-");
    assert_string_equal(pair_keysets(p, ONE), "01 40");
    assert_string_equal(pair_keysets(p, TWO), "");
    assert_string_equal(pair_chip_keysets(p), "01 40");
    pair_same_keys(p, ONE);
    assert_string_equal(pair_letters(p), "");
}

static void expect_gone(struct pair *p)
{
    assert_string_equal(pair_has(p, ONE), "-");
    assert_string_equal(pair_has(p, TWO), "E");
    assert_string_equal(pair_keysets(p, ONE), "");
    assert_string_equal(pair_keysets(p, TWO), "02 40");
    assert_string_equal(pair_chip_keysets(p), "02 40");
    pair_same_keys(p, TWO);
    assert_string_equal(pair_letters(p),
                        "a ES4 HandleSMSRChangeNotification; d ES3 HandleSMSRChangeNotification "
                        "for 1.2.2");
}

static void hand_over(struct pair *p)
{
    struct ask ask = begin(p);
    pair_run(p);
    pair_expect(p, &ask, "");
    expect_gone(p);
}

static struct ask call_about(struct pair *p, int side, enum soap_name name, int n)
{
    struct soap_body body = pair_body();
    body.iccid = cr_span_str(n == 1 ? "8900101000000000001" : "8900101000000000002");
    return pair_call(p, side, "a", SOAP_ES4, name, &body);
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

struct leftover {
    int64_t secrets;
};

static cr_status leftover_work(struct store_tx *tx, void *ctx, struct cr_err *err);

static cr_status take_count(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(int64_t *)ctx = store_int(row, 0);
    return CR_OK;
}

static cr_status leftover_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct leftover *l = ctx;
    return store_exec(tx, "SELECT count(*) FROM handover WHERE one_time IS NOT NULL", NULL,
                      take_count, &l->secrets, NULL, err);
}

static void expect_wiped(struct pair *p)
{
    for (int side = ONE; side <= TWO; side++) {
        struct leftover l = {.secrets = -1};
        pair_store(p, side, leftover_work, &l);
        assert_int_equal(l.secrets, 0);
    }
}

static void test_whole(void **state)
{
    struct pair *p = *state;
    hand_over(p);
    assert_string_equal(pair_procedures(p, ONE), "SMSRChange:done");
    assert_string_equal(pair_procedures(p, TWO), "HandoverEUICC:done");
    assert_string_equal(pair_trail(p, TWO), "0900 0800");
    expect_wiped(p);
    /* The first one says where it went; the second one manages it. */
    struct ask ask = call_about(p, ONE, SOAP_GET_EIS, 1);
    pair_expect(p, &ask, "8.1.1/1.1");
    assert_non_null(strstr(ask.message, "1.2.21"));
    ask = call_about(p, TWO, SOAP_GET_EIS, 1);
    pair_expect(p, &ask, "");
    ask = call_about(p, TWO, SOAP_ENABLE_PROFILE, 2);
    pair_run(p);
    pair_expect(p, &ask, "");
    assert_int_equal(m2m_enabled(p->bed), 0x0011);
    (void)pair_letters(p);
    /* And back. */
    ask = pair_prepare(p, ONE);
    pair_expect(p, &ask, "");
    ask = pair_change(p, TWO);
    pair_run(p);
    pair_expect(p, &ask, "");
    assert_string_equal(pair_has(p, ONE), "E");
    assert_string_equal(pair_has(p, TWO), "-");
    assert_string_equal(pair_keysets(p, ONE), "01 40");
    pair_same_keys(p, ONE);
    ask = call_about(p, TWO, SOAP_GET_EIS, 1);
    pair_expect(p, &ask, "8.1.1/1.1");
    assert_non_null(strstr(ask.message, "1.2.20"));
    ask = call_about(p, ONE, SOAP_DISABLE_PROFILE, 2);
    pair_run(p);
    pair_expect(p, &ask, "");
    assert_int_equal(m2m_enabled(p->bed), 0x0010);
    expect_wiped(p);
}

/* Owners that hear directly: their SM-DP hears too, once; who has a PLMA is told, and who has no
 * route is not. */
static void test_told(void **state)
{
    struct pair *p = *state;
    int items[32];
    struct soap_body body = pair_body();
    for (size_t i = 0; i < p->side[TWO].parties.count; i++) {
        struct m2m_party *party = &p->side[TWO].party[i];
        party->url = strcmp(party->name, "b") == 0 ? "https://b/" : party->url;
    }
    body.has_plma = true;
    body.plma = (struct soap_plma){.mno_id = cr_span_str("1.2.1"),
                                   .m2m_sp_id = cr_span_str("1.2.30"),
                                   .profile_type = cr_span_str("meter")};
    for (int i = 0; soap_plma_operations[i]; i++) {
        if (strcmp(soap_plma_operations[i], "HandleSMSRChangeNotification") == 0) {
            items[0] = i + 1;
        }
    }
    body.plma.operations.items = items;
    body.plma.operations.count = 1;
    struct ask ask = pair_call(p, TWO, "a", SOAP_ES4A, SOAP_SET_PLMA, &body);
    pair_run(p);
    pair_expect(p, &ask, "");
    (void)pair_letters(p);
    ask = begin(p);
    pair_run(p);
    pair_expect(p, &ask, "");
    assert_string_equal(pair_letters(p),
                        "a ES4 HandleSMSRChangeNotification; s ES4 HandleSMSRChangeNotification; b "
                        "ES4 HandleSMSRChangeNotification; d ES3 HandleSMSRChangeNotification for "
                        "1.2.1");
}

static void test_restart(void **state)
{
    struct pair *p = *state;
    p->restart = true;
    hand_over(p);
}

/* Each letter is taken, and its sender does not know: it comes again, and nothing happens twice. */
static void test_acks_lost(void **state)
{
    static const struct {
        enum soap_name name;
        enum soap_message_kind kind;
    } letters[] = {
        {SOAP_HANDOVER_EUICC, SOAP_REQUEST},
        {SOAP_AUTHENTICATE_SMSR, SOAP_REQUEST},
        {SOAP_AUTHENTICATE_SMSR, SOAP_RESPONSE},
        {SOAP_CREATE_ADDITIONAL_KEY_SET, SOAP_REQUEST},
        {SOAP_CREATE_ADDITIONAL_KEY_SET, SOAP_RESPONSE},
        {SOAP_HANDOVER_EUICC, SOAP_RESPONSE},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(letters); i++) {
        struct pair *p = pair_new();
        p->on_mail = letters[i].name;
        p->mail_kind = letters[i].kind;
        p->mail = MAIL_ACK_LOST;
        struct ask ask = begin(p);
        pair_run(p);
        p->mail = MAIL_GOOD;
        pair_pass(p, 5);
        pair_expect(p, &ask, "");
        expect_gone(p);
        pair_free(p);
    }
}

/* ---- who may, and when -------------------------------------------------------------------------
 */

static void test_prepare(void **state)
{
    struct pair *p = *state;
    struct side *two = &p->side[TWO];
    struct soap_body body = pair_body();
    body.smsr_id = cr_span_str("1.2.20");
    struct ask ask = pair_call(p, TWO, "s", SOAP_ES4, SOAP_PREPARE_SMSR_CHANGE, &body);
    pair_expect(p, &ask, "1.6/1.2");
    ask = pair_prepare(p, ONE); /* managed there */
    pair_expect(p, &ask, "8.1.1/3.3");
    body.smsr_id = cr_span_str("1.2.99");
    ask = pair_call(p, TWO, "a", SOAP_ES4, SOAP_PREPARE_SMSR_CHANGE, &body);
    pair_expect(p, &ask, "8.7/3.9");
    two->identity.key = NULL;
    pair_reopen(p, TWO);
    ask = pair_prepare(p, TWO);
    pair_expect(p, &ask, "8.1/1.2");
    two->identity.key = two->key;
    pair_reopen(p, TWO);
    const int64_t now = p->now_ms, year = (int64_t)366 * 24 * 3600 * 1000;
    p->now_ms += 40 * year;
    ask = pair_prepare(p, TWO);
    pair_expect(p, &ask, "8.5.3/6.3");
    p->now_ms = now;
    /* Full: the first one is, and the second takes none. */
    two->policy.max_euiccs = 1;
    pair_reopen(p, TWO);
    ask = pair_prepare(p, TWO);
    pair_expect(p, &ask, "");
    ask = pair_prepare(p, TWO); /* anew by the same initiator */
    pair_expect(p, &ask, "");
    assert_string_equal(pair_procedures(p, TWO), "HandoverEUICC:failed HandoverEUICC:prepared");
    body.smsr_id = cr_span_str("1.2.20");
    ask = pair_call(p, TWO, "b", SOAP_ES4, SOAP_PREPARE_SMSR_CHANGE, &body);
    pair_expect(p, &ask, "1.2/4.4");
    ask = pair_change(p, ONE);
    pair_run(p);
    pair_expect(p, &ask, "");
    ask = pair_prepare(p, TWO);
    pair_expect(p, &ask, "8.1.1/3.3");
    body.eid = cr_span_str("0123456789abcdef");
    ask = pair_call(p, TWO, "a", SOAP_ES4, SOAP_PREPARE_SMSR_CHANGE, &body);
    pair_expect(p, &ask, "1.2/4.8");
}

static void test_not_prepared(void **state)
{
    struct pair *p = *state;
    struct soap_body body = pair_body();
    struct ask ask = pair_change(p, ONE);
    pair_run(p);
    pair_expect(p, &ask, "8.1.1/1.1");
    expect_kept(p);
    /* From another SM-SR. */
    body.smsr_id = cr_span_str("1.2.29");
    ask = pair_call(p, TWO, "a", SOAP_ES4, SOAP_PREPARE_SMSR_CHANGE, &body);
    pair_expect(p, &ask, "");
    ask = pair_change(p, ONE);
    pair_run(p);
    pair_expect(p, &ask, "8.1.1/1.1");
    expect_kept(p);
    /* Too late. */
    ask = pair_prepare(p, TWO);
    pair_pass(p, PAIR_PERIOD_S + 1);
    ask = pair_change(p, ONE);
    pair_run(p);
    pair_expect(p, &ask, "8.1.1/1.1");
    expect_kept(p);
    hand_over(p);
}

/* The time is over, and nobody has looked yet. */
static void test_prepared_too_late(void **state)
{
    struct pair *p = *state;
    struct ask ask = pair_prepare(p, TWO);
    p->now_ms += (PAIR_PERIOD_S + 1) * 1000;
    ask = pair_change(p, ONE);
    pair_run(p);
    pair_expect(p, &ask, "8.1.1/1.1");
    expect_kept(p);
    pair_pass(p, 1);
    assert_string_equal(pair_procedures(p, TWO), "HandoverEUICC:expired");
}

static void test_busy(void **state)
{
    struct pair *p = *state;
    struct ask enable = call_about(p, ONE, SOAP_ENABLE_PROFILE, 2);
    struct ask ask = begin(p);
    pair_expect(p, &ask, "1.2/4.4");
    pair_run(p);
    pair_expect(p, &enable, "");
    (void)pair_letters(p);
    ask = pair_change(p, ONE);
    pair_run(p);
    pair_expect(p, &ask, "");
    expect_gone(p);
}

/* Who asks during the hand-over. */
static void test_lock(void **state)
{
    static const enum soap_name names[] = {SOAP_GET_EIS, SOAP_ENABLE_PROFILE, SOAP_DELETE_PROFILE,
                                           SOAP_AUDIT_EIS};
    static const char *const states[] = {"offered", "authenticating", "challenged", "establishing",
                                         "established"};
    struct pair *p = *state;
    struct ask change = begin(p);
    for (size_t s = 0; s < CR_COUNT(states); s++) {
        until(p, ONE, states[s]);
        assert_string_equal(pair_has(p, ONE), "L");
        assert_string_not_equal(pair_has(p, TWO), "E");
        for (size_t i = 0; i < CR_COUNT(names); i++) {
            struct ask ask = call_about(p, ONE, names[i], 2);
            pair_expect(p, &ask, "1.2/4.4");
            ask = call_about(p, TWO, names[i], 2);
            pair_expect(p, &ask, "8.1.1/1.1");
        }
        struct ask again = pair_change(p, ONE);
        pair_expect(p, &again, "1.2/4.4");
    }
    until(p, TWO, "finalising");
    assert_string_equal(pair_has(p, ONE), "L");
    assert_string_equal(pair_has(p, TWO), "E");
    struct ask ask = call_about(p, TWO, SOAP_ENABLE_PROFILE, 2);
    pair_expect(p, &ask, "1.2/4.4");
    ask = pair_prepare(p, TWO);
    pair_expect(p, &ask, "8.1.1/3.3");
    pair_run(p);
    pair_expect(p, &change, "");
    expect_gone(p);
}

static struct soap_body es7_body(void)
{
    static const uint8_t point[65] = {4}, signature[64] = {1}, certificate[8] = {0x7F, 0x21};
    struct soap_body body = pair_body();
    body.smsr_certificate = CR_SPAN_ARRAY(certificate);
    body.ephemeral_public_key = CR_SPAN_ARRAY(point);
    body.signature = CR_SPAN_ARRAY(signature);
    body.host_id = cr_span_str("h");
    body.has_key_version_number = body.has_initial_sequence_counter = true;
    body.has_scenario_parameter = true;
    body.key_version_number = 2;
    body.scenario_parameter = 0x0A;
    body.ecc_key_length = SOAP_ECC_256;
    return body;
}

/* Only the target, only in turn. */
static void test_es7_in_turn(void **state)
{
    struct pair *p = *state;
    struct soap_body body = es7_body();
    body.smsr_certificate = p->side[TWO].identity.certificate;
    struct ask ask = pair_call(p, ONE, "sr", SOAP_ES7, SOAP_AUTHENTICATE_SMSR, &body);
    pair_expect(p, &ask, "1.6/1.2"); /* nothing is under way */
    ask = begin(p);
    struct ask other = pair_call(p, ONE, "x", SOAP_ES7, SOAP_AUTHENTICATE_SMSR, &body);
    pair_expect(p, &other, "1.6/1.2");
    other = pair_call(p, ONE, "sr", SOAP_ES7, SOAP_CREATE_ADDITIONAL_KEY_SET, &body);
    pair_expect(p, &other, "1.6/1.2");
    until(p, ONE, "challenged");
    other = pair_call(p, ONE, "x", SOAP_ES7, SOAP_CREATE_ADDITIONAL_KEY_SET, &body);
    pair_expect(p, &other, "1.6/1.2");
    until(p, ONE, "established");
    other = pair_call(p, ONE, "sr", SOAP_ES7, SOAP_AUTHENTICATE_SMSR, &body);
    pair_expect(p, &other, "1.6/1.2");
    other = pair_call(p, ONE, "sr", SOAP_ES7, SOAP_CREATE_ADDITIONAL_KEY_SET, &body);
    pair_expect(p, &other, "1.6/1.2");
    pair_run(p);
    pair_expect(p, &ask, "");
    other = pair_call(p, ONE, "sr", SOAP_ES7, SOAP_CREATE_ADDITIONAL_KEY_SET, &body);
    pair_expect(p, &other, "8.1.1/1.1");
}

/* What a key set may not ask for; the hand-over goes on when it is asked for rightly. */
static void test_key_set_wrong(void **state)
{
    struct pair *p = *state;
    static const struct {
        int64_t version, counter, scenario;
        int curve;
        const char *codes;
    } wrong[] = {
        {16, 1, 0x0A, SOAP_ECC_256, "1.6/2.1"},
        {0x41, 1, 0x0A, SOAP_ECC_256, "1.6/2.1"},
        {2, 0xFFFFFFFFFF, 0x0A, SOAP_ECC_256, "1.6/2.1"},
        {2, 1, 0x02, SOAP_ECC_256, "1.6/2.1"}, /* without a certificate */
        {2, 1, 0x7A, SOAP_ECC_256, "1.6/2.1"},
        {2, 1, 0x0A, SOAP_ECC_384, "1.6/2.1"},
        {1, 1, 0x0A, SOAP_ECC_256, "8.4/3.3"}, /* ours */
        {2, 1, 0x0A, SOAP_ECC_256, "8.5.3/6.1"},
    };
    struct ask ask = begin(p);
    until(p, ONE, "challenged");
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        struct soap_body body = es7_body();
        body.key_version_number = wrong[i].version;
        body.initial_sequence_counter = wrong[i].counter;
        body.scenario_parameter = wrong[i].scenario;
        body.ecc_key_length = wrong[i].curve;
        struct ask asked = pair_call(p, ONE, "sr", SOAP_ES7, SOAP_CREATE_ADDITIONAL_KEY_SET, &body);
        pair_expect(p, &asked, wrong[i].codes);
    }
    pair_run(p);
    pair_expect(p, &ask, "");
    expect_gone(p);
}

/* ---- a peer that signs another form ------------------------------------------------------------
 */

struct challenge {
    struct pair *p;
    struct smsr_handover h;
};

static cr_status challenge_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct challenge *c = ctx;
    return smsr_handover_get(tx, 1, &c->p->arena, &c->h, err);
}

/* Bits: 96 left out, 91 empty, the key wrapped. */
static void ask_in_form(struct pair *p, unsigned form, struct ask *ask)
{
    struct challenge c = {.p = p};
    struct establish_template t = establish_template_scp80(2, 0);
    struct crypto_private *key = NULL;
    uint8_t point[CRYPTO_POINT], signature[CRYPTO_SIGNATURE];
    struct soap_body body = es7_body();
    cr_buf raw = {0}, sent = {0}, objects = {0};
    pair_store(p, ONE, challenge_work, &c);
    t.has_access = !(form & 1);
    t.counter_size = form & 2 ? 0 : 5;
    assert_int_equal(crypto_private_generate(CRYPTO_P256, &key, NULL), CR_OK);
    crypto_private_point(key, point);
    assert_int_equal(
        establish_put_key(CRYPTO_P256, CR_SPAN_ARRAY(point), ESTABLISH_KEY_RAW, &raw, NULL), CR_OK);
    assert_int_equal(establish_put_key(CRYPTO_P256, CR_SPAN_ARRAY(point),
                                       form & 4 ? ESTABLISH_KEY_WRAPPED : ESTABLISH_KEY_RAW, &sent,
                                       NULL),
                     CR_OK);
    assert_int_equal(establish_put_objects(&t, cr_buf_span(&sent), &objects, NULL), CR_OK);
    assert_int_equal(establish_sign(cr_buf_span(&objects), c.h.challenge, p->side[TWO].identity.key,
                                    signature, NULL),
                     CR_OK);
    body.initial_sequence_counter = 0;
    body.ephemeral_public_key = cr_buf_span(&raw); /* as the field is, whatever was signed */
    body.signature = CR_SPAN_ARRAY(signature);
    *ask = pair_call(p, ONE, "sr", SOAP_ES7, SOAP_CREATE_ADDITIONAL_KEY_SET, &body);
    crypto_private_free(key);
    cr_buf_free(&raw);
    cr_buf_free(&sent);
    cr_buf_free(&objects);
}

static void test_other_forms(void **state)
{
    (void)state;
    for (unsigned form = 0; form < 8; form++) {
        struct pair *p = pair_new();
        struct ask asked;
        p->on_mail = SOAP_CREATE_ADDITIONAL_KEY_SET; /* its own does not come */
        p->mail_kind = SOAP_REQUEST;
        p->mail = MAIL_DOWN;
        (void)begin(p);
        until(p, ONE, "challenged");
        ask_in_form(p, form, &asked);
        pair_run(p);
        pair_expect(p, &asked, "");
        assert_string_equal(pair_procedures(p, ONE), "SMSRChange:established");
        assert_string_equal(pair_chip_keysets(p), "01 02 40");
        pair_free(p);
    }
}

/* ---- what is not true --------------------------------------------------------------------------
 */

/* One digit of one letter. */
static void test_letters_changed(void **state)
{
    static const struct {
        const char *when, *text, *codes; /* state of the second, when it is changed */
    } letters[] = {
        {"prepared", "PlatformVersion>", "8.6/6.1"},
        {"prepared", "SignatureValue xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">", "8.6/6.1"},
        {"authenticating", "SmsrCertificate>", "8.5.3/6.1"},
        {"authenticating", "RandomChallenge>", "8.5.3/6.1"},
        {"establishing", "EphemeralPublicKey>", "8.5.3/6.1"},
        {"establishing", ":Signature>", "8.5.3/6.1"},
        {"establishing", "HostId>", "8.5.3/6.1"},
        {"establishing", "Receipt>", "8.5.2/6.1"},
        {"establishing", "DerivationRandom>", "8.5.2/6.1"},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(letters); i++) {
        struct pair *p = pair_new();
        struct ask ask = begin(p);
        until(p, TWO, letters[i].when);
        p->tamper = letters[i].text;
        pair_run(p);
        if (p->tamper) {
            fail_msg("no letter has %s", p->tamper);
        }
        pair_expect(p, &ask, letters[i].codes);
        expect_kept(p);
        expect_wiped(p);
        hand_over(p);
        pair_free(p);
    }
}

/* A certificate that the first SM-SR does not trust. */
static void test_stranger(void **state)
{
    struct pair *p = *state;
    struct gpcert cert;
    struct pki_key *key = NULL;
    assert_int_equal(
        pki_hierarchy_load_gp(m2m_pki(), CRYPTO_P256, "m2mdp", &p->arena, &cert, &key, NULL),
        CR_OK);
    struct ask ask = pair_prepare(p, TWO);
    pair_expect(p, &ask, "");
    p->side[TWO].identity = (struct smsr_identity){.certificate = cert.raw, .key = key};
    pair_reopen(p, TWO);
    ask = pair_change(p, ONE);
    pair_run(p);
    pair_expect(p, &ask, "8.5.3/6.1"); /* an SM-DP */
    expect_kept(p);
    ask = pair_prepare(p, TWO);
    pair_expect(p, &ask, "8.5.3/6.1");
    pki_key_free(key);
}

/* The chip says no to what it gets from the first SM-SR. */
static void test_chip_refuses(void **state)
{
    static const struct {
        const char *command, *codes;
    } refusals[] = {{"80E209", "8.5.3/6.1"}, {"80E289", "8.5/6.1"}};
    (void)state;
    for (size_t i = 0; i < CR_COUNT(refusals); i++) {
        struct pair *p = pair_new();
        struct ask ask = begin(p);
        p->spoil = refusals[i].command;
        pair_run(p);
        assert_null(p->spoil);
        pair_expect(p, &ask, refusals[i].codes);
        expect_kept(p);
        hand_over(p);
        pair_free(p);
    }
}

/* ---- the radio ---------------------------------------------------------------------------------
 */

static void pass_tries(struct pair *p)
{
    for (int i = 0; i < 4; i++) {
        pair_pass(p, 61);
    }
}

/* The chip cannot be reached by the first SM-SR, or does not answer it. */
static void test_chip_silent(void **state)
{
    static const struct {
        const char *command;
        enum pair_radio air;
    } faults[] = {
        {"80E209", AIR_DEAF},
        {"80E209", AIR_LOST},
        {"80E289", AIR_DEAF},
        {"80E289", AIR_LOST},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(faults); i++) {
        struct pair *p = pair_new();
        struct ask ask = begin(p);
        p->on_air = faults[i].command;
        p->air = faults[i].air;
        pair_run(p);
        pass_tries(p);
        p->on_air = NULL;
        pair_run(p);
        pair_expect(p, &ask, "8.1.1/5.2");
        expect_kept(p); /* a key set that came on the chip is gone */
        hand_over(p);
        pair_free(p);
    }
    struct pair *p = pair_new();
    p->side[ONE].config.smsc_count = 0;
    struct ask ask = begin(p);
    pair_run(p);
    pair_expect(p, &ask, "8.1.1/5.1");
    expect_kept(p);
    pair_free(p);
}

/* After the commit point: a warning, and the rest is done later. */
static void test_chip_silent_to_the_second(void **state)
{
    static const struct {
        const char *command;
        enum pair_radio air;
        const char *keysets;
    } faults[] = {
        {"80E400", AIR_DEAF, "01 02 40"}, {"80E400", AIR_LOST, "02"}, {"80E288", AIR_DEAF, "02"},
        {"80E288", AIR_LOST, "02"},       {"80E209", AIR_DEAF, "02"}, {"80E289", AIR_DEAF, "02"},
        {"80E289", AIR_LOST, "02 40"},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(faults); i++) {
        struct pair *p = pair_new();
        struct ask ask = begin(p);
        until(p, TWO, "finalising");
        p->on_air = faults[i].command;
        p->air = faults[i].air;
        pair_run(p);
        pass_tries(p);
        pair_expect(p, &ask, "w8.1.1/5.2");
        assert_string_equal(pair_has(p, ONE), "-");
        assert_string_equal(pair_has(p, TWO), "E");
        assert_string_equal(pair_procedures(p, TWO), "HandoverEUICC:paused");
        assert_string_equal(pair_chip_keysets(p), faults[i].keysets);
        /* It is managed meanwhile. */
        struct ask get = call_about(p, TWO, SOAP_GET_EIS, 1);
        pair_expect(p, &get, "");
        p->on_air = NULL;
        struct ask enable = call_about(p, TWO, SOAP_ENABLE_PROFILE, 2);
        pair_run(p);
        /* A switch would be reported to the first one, as long as the addresses are its. */
        pair_expect(p, &enable, i < 4 ? "1.2/4.4" : "");
        p->restart = i % 2;
        pair_pass(p, 301);
        assert_string_equal(pair_procedures(p, TWO),
                            i < 4 ? "HandoverEUICC:done" : "HandoverEUICC:done EnableProfile:done");
        enable = call_about(p, TWO, i < 4 ? SOAP_ENABLE_PROFILE : SOAP_DISABLE_PROFILE, 2);
        pair_run(p);
        pair_expect(p, &enable, "");
        assert_string_equal(pair_chip_keysets(p), "02 40");
        pair_same_keys(p, TWO);
        pair_free(p);
    }
}

/* What the chip refuses then stays a warning. */
static void test_chip_refuses_the_second(void **state)
{
    static const struct {
        const char *command, *codes, *keysets;
    } refusals[] = {
        {"80E400", "w8.4/4.2", "01 02 40"},
        {"80E288", "w8.4/4.2", "02 40"},
        {"80E209", "w8.4/4.2", "02"},
        {"80E289", "w8.4/4.2", "02"},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(refusals); i++) {
        struct pair *p = pair_new();
        struct ask ask = begin(p);
        until(p, TWO, "finalising");
        p->spoil = refusals[i].command;
        pair_run(p);
        assert_null(p->spoil);
        pair_expect(p, &ask, refusals[i].codes);
        assert_string_equal(pair_has(p, ONE), "-");
        assert_string_equal(pair_procedures(p, TWO), "HandoverEUICC:done");
        assert_string_equal(pair_chip_keysets(p), refusals[i].keysets);
        pair_same_keys(p, TWO);
        expect_wiped(p);
        pair_free(p);
    }
}

/* Handed on while the rest waits: nothing is left to do. */
static void test_handed_on_while_paused(void **state)
{
    struct pair *p = *state;
    struct ask ask = begin(p);
    until(p, TWO, "finalising");
    p->on_air = "80E288";
    p->air = AIR_DEAF;
    pair_run(p);
    pass_tries(p);
    pair_expect(p, &ask, "w8.1.1/5.2");
    assert_string_equal(pair_procedures(p, TWO), "HandoverEUICC:paused");
    p->on_air = NULL;
    ask = pair_prepare(p, ONE);
    pair_expect(p, &ask, "");
    ask = pair_change(p, TWO);
    pair_run(p);
    pair_expect(p, &ask, "");
    assert_string_equal(pair_procedures(p, TWO), "HandoverEUICC:done SMSRChange:done");
    assert_string_equal(pair_has(p, ONE), "E");
    pair_same_keys(p, ONE);
}

/* ---- time --------------------------------------------------------------------------------------
 */

/* A letter does not come until all times are over. */
static void test_times(void **state)
{
    static const struct {
        enum soap_name name;
        enum soap_message_kind kind;
        const char *codes, *one, *two;
    } letters[] = {
        {SOAP_HANDOVER_EUICC, SOAP_REQUEST, "8.7/5.1", "SMSRChange:failed",
         "HandoverEUICC:expired"},
        {SOAP_AUTHENTICATE_SMSR, SOAP_REQUEST, "8.7/5.2", "SMSRChange:failed",
         "HandoverEUICC:failed"},
        {SOAP_AUTHENTICATE_SMSR, SOAP_RESPONSE, "8.7/5.2", "SMSRChange:failed",
         "HandoverEUICC:failed"},
        {SOAP_CREATE_ADDITIONAL_KEY_SET, SOAP_REQUEST, "8.7/5.2", "SMSRChange:failed",
         "HandoverEUICC:failed"},
        {SOAP_CREATE_ADDITIONAL_KEY_SET, SOAP_RESPONSE, "8.7/5.2", "SMSRChange:failed",
         "HandoverEUICC:failed"},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(letters); i++) {
        struct pair *p = pair_new();
        p->on_mail = letters[i].name;
        p->mail_kind = letters[i].kind;
        p->mail = MAIL_DOWN;
        struct ask ask = begin(p);
        pair_run(p);
        pair_expect(p, &ask, "...");
        for (int k = 0; k < 12; k++) {
            pair_pass(p, PAIR_PERIOD_S / 10);
        }
        p->mail = MAIL_GOOD;
        pair_pass(p, 1);
        pair_expect(p, &ask, letters[i].codes);
        assert_string_equal(pair_procedures(p, ONE), letters[i].one);
        assert_string_equal(pair_procedures(p, TWO), letters[i].two);
        expect_kept(p);
        expect_wiped(p);
        struct soap_body body = es7_body();
        struct ask late = pair_call(p, ONE, "sr", SOAP_ES7, SOAP_CREATE_ADDITIONAL_KEY_SET, &body);
        pair_expect(p, &late, "1.6/1.2");
        pair_pass(p, 1000); /* letters that nobody waits for are in the way no more */
        hand_over(p);
        pair_free(p);
    }
}

/* The second says nothing at all: the first ends it by its own time. */
static void test_second_dies(void **state)
{
    static const char *const states[] = {"offered", "authenticating", "challenged"};
    (void)state;
    for (size_t i = 0; i < CR_COUNT(states); i++) {
        struct pair *p = pair_new();
        struct cr_err err = {0};
        struct ask ask = begin(p);
        (void)pair_step(p); /* HandoverEUICC is there */
        until(p, ONE, states[i]);
        p->on_air = "80E2";
        p->now_ms += (PAIR_PERIOD_S + 1) * 1000;
        struct soap_body body = es7_body();
        struct ask late = pair_call(p, ONE, "sr", SOAP_ES7, SOAP_CREATE_ADDITIONAL_KEY_SET, &body);
        pair_expect(p, &late, "1.6/1.2"); /* too late, though nobody has looked yet */
        assert_int_equal(smsr_tick(p->side[ONE].sr, &err), CR_OK);
        pair_expect(p, &ask, "x1.6/5.3");
        assert_string_equal(pair_procedures(p, ONE), "SMSRChange:expired");
        assert_string_equal(pair_has(p, ONE), "E");
        pair_pass(p, 1);
        expect_kept(p);
        hand_over(p);
        pair_free(p);
    }
}

/* The second command is on its way when the time is over: the key set may be there. */
static void test_expired_on_air(void **state)
{
    struct pair *p = *state;
    struct cr_err err = {0};
    struct ask ask = begin(p);
    p->on_air = "80E289";
    p->air = AIR_LOST;
    until(p, ONE, "establishing");
    pair_run(p);
    assert_string_equal(pair_chip_keysets(p), "01 02 40");
    p->now_ms += (PAIR_PERIOD_S + 1) * 1000;
    assert_int_equal(smsr_tick(p->side[ONE].sr, &err), CR_OK);
    pair_expect(p, &ask, "x1.6/5.3");
    assert_string_equal(pair_procedures(p, ONE), "SMSRChange:clearing");
    assert_string_equal(pair_has(p, ONE), "L");
    pair_pass(p, 1);
    assert_string_equal(pair_procedures(p, ONE), "SMSRChange:expired");
    expect_kept(p);
}

/* The eUICC is the second one's, and the first does not hear of it: it asks until it does. */
static void test_answer_lost(void **state)
{
    struct pair *p = *state;
    p->on_mail = SOAP_HANDOVER_EUICC;
    p->mail_kind = SOAP_RESPONSE;
    p->mail = MAIL_DOWN;
    struct ask ask = begin(p);
    pair_run(p);
    assert_string_equal(pair_procedures(p, TWO), "HandoverEUICC:done");
    for (int i = 0; i < 11; i++) {
        pair_pass(p, PAIR_PERIOD_S / 10);
    }
    pair_expect(p, &ask, "x1.6/5.3");
    assert_string_equal(pair_procedures(p, ONE), "SMSRChange:asking");
    assert_string_equal(pair_has(p, ONE), "L");
    struct ask get = call_about(p, ONE, SOAP_GET_EIS, 1);
    pair_expect(p, &get, "1.2/4.4");
    for (int i = 0; i < 40; i++) { /* hours later */
        pair_pass(p, 301);
    }
    assert_string_equal(pair_procedures(p, ONE), "SMSRChange:asking");
    p->restart = true;
    p->mail = MAIL_GOOD;
    for (int i = 0; i < 4; i++) {
        pair_pass(p, 301);
    }
    assert_string_equal(pair_procedures(p, ONE), "SMSRChange:expired");
    expect_gone(p);
    get = call_about(p, ONE, SOAP_GET_EIS, 1);
    pair_expect(p, &get, "8.1.1/1.1");
}

static void set_url(struct pair *p, int side, const char *name, const char *url)
{
    for (size_t i = 0; i < p->side[side].parties.count; i++) {
        struct m2m_party *party = &p->side[side].party[i];
        party->url = strcmp(party->name, name) == 0 ? url : party->url;
    }
}

/* Meanwhile the second one is not configured any more: the initiator is told all the same, and the
 * hand-over ends once it is there again. */
static void test_other_unknown(void **state)
{
    struct pair *p = *state;
    const char *url = NULL;
    for (size_t i = 0; i < p->side[ONE].parties.count; i++) {
        const struct m2m_party *party = &p->side[ONE].party[i];
        url = strcmp(party->name, "sr") == 0 ? party->url : url;
    }
    assert_non_null(url);
    p->on_mail = SOAP_HANDOVER_EUICC;
    p->mail_kind = SOAP_RESPONSE;
    p->mail = MAIL_DOWN;
    struct ask ask = begin(p);
    pair_run(p);
    assert_string_equal(pair_procedures(p, TWO), "HandoverEUICC:done");
    set_url(p, ONE, "sr", NULL);
    for (int i = 0; i < 12; i++) {
        pair_pass(p, PAIR_PERIOD_S / 10);
    }
    pair_expect(p, &ask, "x1.6/5.3");
    assert_string_equal(pair_procedures(p, ONE), "SMSRChange:asking");
    set_url(p, ONE, "sr", url);
    p->mail = MAIL_GOOD;
    for (int i = 0; i < 4; i++) {
        pair_pass(p, 301);
    }
    assert_string_equal(pair_procedures(p, ONE), "SMSRChange:expired");
    expect_gone(p);
}

/* The same, and the second one did not take it over. */
static void test_refusal_lost(void **state)
{
    struct pair *p = *state;
    struct ask ask = begin(p);
    until(p, TWO, "establishing");
    p->tamper = "Receipt>";
    p->on_mail = SOAP_HANDOVER_EUICC;
    p->mail_kind = SOAP_RESPONSE;
    p->mail = MAIL_DOWN;
    pair_run(p);
    for (int i = 0; i < 11; i++) {
        pair_pass(p, PAIR_PERIOD_S / 10);
    }
    pair_expect(p, &ask, "x1.6/5.3");
    assert_string_equal(pair_procedures(p, ONE), "SMSRChange:asking");
    assert_string_equal(pair_chip_keysets(p), "01 02 40");
    p->mail = MAIL_GOOD;
    for (int i = 0; i < 4; i++) {
        pair_pass(p, 301);
    }
    assert_string_equal(pair_procedures(p, ONE), "SMSRChange:expired");
    expect_kept(p);
}

static cr_status forget_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    (void)ctx;
    return store_exec(tx, "DELETE FROM procedure", NULL, NULL, NULL, NULL, err);
}

/* The second has forgotten the procedure; that it has the eUICC it still says. */
static void test_forgotten(void **state)
{
    struct pair *p = *state;
    p->on_mail = SOAP_HANDOVER_EUICC;
    p->mail_kind = SOAP_RESPONSE;
    p->mail = MAIL_DOWN;
    struct ask ask = begin(p);
    pair_run(p);
    pair_store(p, TWO, forget_work, NULL);
    for (int i = 0; i < 12; i++) {
        pair_pass(p, PAIR_PERIOD_S / 10);
    }
    pair_expect(p, &ask, "x1.6/5.3");
    p->mail = MAIL_GOOD;
    for (int i = 0; i < 4; i++) {
        pair_pass(p, 301);
    }
    assert_string_equal(pair_procedures(p, ONE), "SMSRChange:expired");
    expect_gone(p);
}

static cr_status begin_numbers(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    CR_TRY(forget_work(tx, ctx, err));
    return store_exec(tx, "DELETE FROM sqlite_sequence WHERE name = 'procedure'", NULL, NULL, NULL,
                      NULL, err);
}

/* The eUICC is back at the first one, whose directory is out of a backup: its numbers come once
 * more. The second one does not take the new hand-over for the one that it carried out. */
static void test_numbers_again(void **state)
{
    struct pair *p = *state;
    hand_over(p);
    struct ask ask = pair_prepare(p, ONE);
    pair_expect(p, &ask, "");
    ask = pair_change(p, TWO);
    pair_run(p);
    pair_expect(p, &ask, "");
    assert_string_equal(pair_has(p, ONE), "E");
    pair_store(p, ONE, begin_numbers, NULL);
    pair_pass(p, 1);
    ask = pair_change(p, ONE); /* nobody prepared it */
    pair_run(p);
    pair_expect(p, &ask, "8.1.1/1.1");
    assert_string_equal(pair_has(p, ONE), "E");
    assert_string_equal(pair_has(p, TWO), "-");
}

/* HandoverEUICC once more while the second waits for the first. */
static void test_asked_once_more(void **state)
{
    struct pair *p = *state;
    struct soap_body body = pair_body();
    cr_arena arena = {0};
    char call[64];
    (void)snprintf(call, sizeof call, "change-1-%lld", (long long)p->now_ms);
    struct ask ask = begin(p);
    until(p, TWO, "establishing");
    body.eid = (cr_span){0};
    body.has_eis = true;
    pair_eis(p, ONE, &arena, &body.eis);
    struct ask other = pair_call(p, TWO, "sr", SOAP_ES7, SOAP_HANDOVER_EUICC, &body);
    pair_expect(p, &other, "1.2/4.4"); /* another call */
    body.function_call_identifier = cr_span_str(call);
    struct ask again = pair_call(p, TWO, "sr", SOAP_ES7, SOAP_HANDOVER_EUICC, &body);
    pair_expect(p, &again, "...");
    pair_run(p);
    pair_expect(p, &again, "");
    /* And once more after that. */
    again = pair_call(p, TWO, "sr", SOAP_ES7, SOAP_HANDOVER_EUICC, &body);
    pair_expect(p, &again, "w8.1.1/3.3");
    body.function_call_identifier = cr_span_str("change-9");
    again = pair_call(p, TWO, "sr", SOAP_ES7, SOAP_HANDOVER_EUICC, &body);
    pair_expect(p, &again, "8.1.1/3.3");
    pair_pass(p, PAIR_PERIOD_S + 1);
    pair_pass(p, 301);
    pair_expect(p, &ask, "w8.1.1/3.3");
    assert_string_equal(pair_has(p, ONE), "-");
    cr_arena_free(&arena);
}

/* ---- the eUICC goes its own way ----------------------------------------------------------------
 */

/* Another Profile than the one that was handed over: before the receipt is out, it ends. */
static void test_profile_changes(void **state)
{
    static const char *const early[] = {"offered", "authenticating", "challenged"};
    (void)state;
    for (size_t i = 0; i < 2 * CR_COUNT(early); i++) {
        struct pair *p = pair_new();
        struct ask ask = begin(p);
        until(p, ONE, early[i / 2]);
        assert_int_equal(pair_notify(p, ONE, i % 2 ? 2 : 5, 1, 0x0011), i % 2 == 0);
        pair_expect(p, &ask, "1.2/4.5");
        assert_string_equal(pair_has(p, ONE), "E");
        p->said_count = 0;
        pair_run(p);
        pair_pass(p, PAIR_PERIOD_S + 1);
        assert_string_equal(pair_has(p, TWO), "-");
        pair_free(p);
    }
    /* Afterwards it is the second one's to hear. */
    struct pair *p = pair_new();
    struct ask ask = begin(p);
    until(p, ONE, "established");
    assert_false(pair_notify(p, ONE, 5, 1, 0x0011));
    pair_run(p);
    pair_expect(p, &ask, "");
    assert_string_equal(pair_has(p, TWO), "E");
    assert_true(pair_notify(p, TWO, 5, 1, 0x0011));
    pair_run(p);
    struct ask get = call_about(p, TWO, SOAP_DISABLE_PROFILE, 1); /* the other one is enabled now */
    pair_expect(p, &get, "8.2.1/1.2");
    pair_free(p);
}

/* ---- a long life -------------------------------------------------------------------------------
 */

static cr_status fill_trail(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct pair *p = ctx;
    char message[200];
    memset(message, 'm', sizeof message);
    const struct soap_status status = {.status = SOAP_FAILED,
                                       .has_code = true,
                                       .code = {.subject = cr_span_str("8.1.1"),
                                                .reason = cr_span_str("5.2"),
                                                .message = cr_span_of(message, sizeof message)}};
    for (int i = 0; i < 4000; i++) {
        const struct smsr_audit record = {.eid = pair_body().eid,
                                          .operation = i < 3999 ? SMSR_OP_ENABLE : SMSR_OP_CREATE,
                                          .requester = "1.2.1",
                                          .status = &status,
                                          .aid = pair_body().eid,
                                          .iccid = "8900101000000000002"};
        CR_TRY(smsr_audit_add(p->side[ONE].sr, tx, &record, err));
    }
    return CR_OK;
}

static cr_status count_trail(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    CR_TRY(store_exec(tx, "SELECT count(*) FROM audit WHERE smsr_id = '1.2.20'", NULL, take_count,
                      ctx, NULL, err));
    return CR_OK;
}

/* The newest of a trail that is too long for a message. */
static void test_long_trail(void **state)
{
    struct pair *p = *state;
    int64_t count = 0;
    pair_store(p, ONE, fill_trail, p);
    hand_over(p);
    pair_store(p, TWO, count_trail, &count);
    assert_int_equal(count, 1000);
    assert_non_null(strstr(pair_trail(p, TWO), "0200!"));
}

/* ---- no free version ---------------------------------------------------------------------------
 */

static cr_status fill_versions(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct pair *p = ctx;
    for (uint8_t v = 2; v <= 15; v++) {
        struct smsr_keyset set = {.version = v, .type = SOAP_KEYSET_SCP80};
        for (int i = 0; i < 3; i++) {
            set.keys[i] = (struct smsr_key){.type = 0x88, .size = 16};
        }
        CR_TRY(smsr_keyset_put(p->side[ONE].sr, tx, pair_body().eid, &set, 0, err));
    }
    return CR_OK;
}

static void test_no_free_version(void **state)
{
    struct pair *p = *state;
    pair_store(p, ONE, fill_versions, p);
    struct ask ask = begin(p);
    pair_run(p);
    pair_expect(p, &ask, "");
    assert_string_equal(pair_keysets(p, TWO), "0F 40");
    assert_string_equal(pair_chip_keysets(p), "0F 40");
    pair_same_keys(p, TWO);
}

/* It fails after the chip deleted the others: what is left is known. */
static void test_no_free_version_fails(void **state)
{
    struct pair *p = *state;
    pair_store(p, ONE, fill_versions, p);
    struct ask ask = begin(p);
    until(p, TWO, "establishing");
    p->tamper = "Receipt>";
    pair_run(p);
    pair_expect(p, &ask, "8.5.2/6.1");
    assert_string_equal(pair_keysets(p, ONE), "01");
    assert_string_equal(pair_chip_keysets(p), "01");
    pair_same_keys(p, ONE);
    ask = call_about(p, ONE, SOAP_ENABLE_PROFILE, 2);
    pair_run(p);
    pair_expect(p, &ask, "");
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(whole),
        T(told),
        T(restart),
        cmocka_unit_test(test_acks_lost),
        T(prepare),
        T(not_prepared),
        T(prepared_too_late),
        T(busy),
        T(lock),
        T(es7_in_turn),
        T(key_set_wrong),
        cmocka_unit_test(test_other_forms),
        cmocka_unit_test(test_letters_changed),
        T(stranger),
        cmocka_unit_test(test_chip_refuses),
        cmocka_unit_test(test_chip_silent),
        cmocka_unit_test(test_chip_silent_to_the_second),
        cmocka_unit_test(test_chip_refuses_the_second),
        T(handed_on_while_paused),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_second_dies),
        T(expired_on_air),
        T(answer_lost),
        T(other_unknown),
        T(refusal_lost),
        T(forgotten),
        T(numbers_again),
        T(asked_once_more),
        cmocka_unit_test(test_profile_changes),
        T(long_trail),
        T(no_free_version),
        T(no_free_version_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
