/*
 * Sessions of the operator's own server with the security domains of the enabled profile (SGP.02
 * 2.3 of the sheet, SCP81): trigger, key, parameters, rights, and what ends them.
 */
#include "m2m_smsr.h"

#include "crypto/symmetric.h"

#define PARAMS(port)                                                                               \
    "8413350103390205003C0302" port "3E0521C000020A86070003250300030089208A0C736D73722E6578616D70" \
    "6C658C102F67736D612F61646D696E6167656E74"
#define TRIGGER(port) "81428340" PARAMS(port)
#define NO_RETRY                                                                                   \
    "814283408413350103390205003C030220FD3E0521C000020A86070000250300030089208A0C736D73722E657861" \
    "6D"                                                                                           \
    "706C658C102F67736D612F61646D696E6167656E74"

#define AID_MNOSD "A000000151000000"
#define AID_RFM   "A00000055910100001"
#define AID_OTHER "A00000015100000099"

#define OWN         "A0000005591010FFFFFFFF8900000F00"
#define PERSONALIZE "80E6200016000010" OWN "00000000"
#define POL1(value) "80E28800063A06038101" value
#define ENABLE_B    "80E28800153A03124F10" AID_B

enum { OPERATOR_PORT = 8444, OTHER_PORT = 8445, B2 = 0xB20100, OTHER_TAR = 0xB20200 };

static struct smsr *operator_new(struct m2m_bed *bed, uint16_t port, uint8_t first)
{
    uint8_t psk[16];
    for (uint8_t i = 0; i < 16; i++) {
        psk[i] = (uint8_t)(first + i);
    }
    return smsr_new_at(bed, port, psk);
}

static void trigger(struct m2m_bed *bed, uint64_t counter)
{
    (void)m2m_send_es6_as(bed, B2, 0x1600, 0x30, counter, TRIGGER("20FC"));
}

/* A script for the application (hex of its AID, NULL = the domain itself); the response as hex, ""
 * = none, bed->status the status of the script. */
static const char *run_script(struct smsr *s, const char *aid, const char *script)
{
    uint8_t bytes[600], target[16];
    size_t n = strlen(script) / 2, target_n = aid ? strlen(aid) / 2 : 0;
    assert_true(n <= sizeof bytes && cr_hex_fixed(bytes, n, cr_span_str(script)));
    assert_true(!aid || cr_hex_fixed(target, target_n, cr_span_str(aid)));
    assert_true(smsr_script(s, cr_span_of(bytes, n), cr_span_of(target, target_n)));
    s->bed->data[0] = 0;
    if (s->got_result && s->result_status == OTA_ADMIN_OK) {
        (void)cr_hex_into(s->bed->data, sizeof s->bed->data, cr_buf_span(&s->result));
    }
    return s->bed->data;
}

static uint8_t pol1_of(struct m2m_bed *bed, uint16_t id)
{
    struct gp_object isdp;
    assert_true(euicc_m2m_isdp(&bed->euicc->m2m->reg, id, &isdp));
    return euicc_m2m_pol1(&bed->euicc->m2m->reg, &isdp);
}

/* A domain below the MNO-SD: packets are under the MNO-SD's keys, sessions under its own, if any.
 */
static void add_domain_at(struct m2m_bed *bed, uint8_t psk, uint8_t n)
{
    const struct gp_registry *reg = gp_visible(bed->euicc->gp);
    struct gp_object root, o = {.kind = GP_DOMAIN,
                                .state = GP_PERSONALIZED,
                                .privileges = GP_PRIV_DOMAIN,
                                .tar_count = 1,
                                .tars = {{0xB2, 0x02, n}}};
    struct gp_key key = {.kvn = 0x40, .kid = 1, .type = GP_KEY_PSK, .usage = 0x1800, .n = 16};
    uint8_t aid[9];
    struct cr_err err = {0};
    assert_true(gp_object_root(reg, &root));
    o.domain = root.id;
    assert_true(cr_hex_fixed(aid, sizeof aid, cr_span_str(AID_OTHER)));
    aid[7] = n;
    assert_true(gp_aid_set(&o.aid, CR_SPAN_ARRAY(aid)));
    MUST_OK(gp_object_add(reg, &o, &err));
    for (uint8_t i = 0; i < 16; i++) {
        key.value[i] = (uint8_t)(psk + i);
    }
    if (psk) {
        MUST_OK(gp_key_put(reg, o.id, &key, &err));
    }
}

static void add_domain(struct m2m_bed *bed, uint8_t psk)
{
    add_domain_at(bed, psk, 0);
}

/* The operator reaches its domain, its rules and its files. */
static void session(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = operator_new(bed, OPERATOR_PORT, 0x50);
    trigger(bed, 1);
    assert_string_equal(s->identity, "8001028110" M2M_EID "4F08" AID_MNOSD "820101830140");
    assert_non_null(strstr(s->first, "POST /gsma/adminagent HTTP/1.1\r\n"));
    assert_non_null(strstr(s->first, "//se-id/eid/" M2M_EID ";//aa-id/aid/A000000151/000000\r\n"));
    /* UpdatePOL1byMNO, then the platform obeys it */
    assert_string_equal(run_script(s, NULL, m2m_script(bed, PERSONALIZE, POL1("03"), NULL)),
                        "AB0B80010223029000230290"
                        "00");
    assert_int_equal(pol1_of(bed, 0x0010), 0x03);
    assert_int_equal(m2m_platform(bed, "3A03", AID_B), 0x69E1);
    assert_int_equal(m2m_enabled(bed), 0x0010);
    /* the registry of the profile, keys with it: the DEK is that of the session's set, or none */
    assert_non_null(
        strstr(run_script(s, NULL, m2m_script(bed, "80F28002024F0000", NULL)), "4F08" AID_MNOSD));
    assert_non_null(
        strstr(run_script(s, AID_MNOSD, m2m_script(bed, "80CA00E000", NULL)), "C00401408510"));
    /* files, by X-Admin-Targeted-Application */
    assert_string_equal(
        run_script(s, AID_RFM, m2m_script(bed, "00A40004022FFC", "00B0000002", NULL)),
        "AB0D800102230290002304"
        "FFFF9000");
    smsr_end(s);
    assert_int_equal(bed->terminal.fetched[CAT_CLOSE_CHANNEL], 1);
    assert_int_equal(psk_engine_state(s->engine), PSK_ENDED);
    assert_null(bed->euicc->m2m->https);
    assert_int_equal(bed->message_count, 1); /* the refused EnableProfile was answered */
    smsr_free(s);
    m2m_bed_free(bed);
}

/* Nothing of the card, of the SM-SR, or of another profile. */
static void rights(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = operator_new(bed, OPERATOR_PORT, 0x50);
    static const char *const others[] = {
        AID_ISDR, AID_A, AID_B, OWN, "A0000005591010FFFFFFFF8900000200", "A000000099"};
    trigger(bed, 1);
    for (size_t i = 0; i < CR_COUNT(others); i++) {
        (void)run_script(s, others[i], m2m_script(bed, ENABLE_B, NULL));
        assert_int_equal(s->result_status, OTA_ADMIN_UNKNOWN_APPLICATION);
    }
    /* a platform command is none of the MNO-SD's, nor is it one for the ISD-P over it */
    assert_string_equal(run_script(s, NULL, m2m_script(bed, ENABLE_B, NULL)), "AB0780010123026A88");
    assert_string_equal(run_script(s, NULL, m2m_script(bed, PERSONALIZE, ENABLE_B, NULL)),
                        "AB0B80010223029000230"
                        "26A80");
    assert_string_equal(
        run_script(s, NULL, m2m_script(bed, "80E6200016000010" AID_B "00000000", POL1("01"), NULL)),
        "AB0780010123026A88");
    assert_int_equal(m2m_enabled(bed), 0x0010);
    smsr_end(s);
    smsr_free(s);
    m2m_bed_free(bed);
}

/* What the trigger leaves out is in the domain (0085), readable there. */
static void stored(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = operator_new(bed, OPERATOR_PORT, 0x50);
    (void)m2m_send_es6_as(bed, B2, 0x1600, 0x30, 1, "8100");
    assert_null(bed->euicc->m2m->https); /* nobody said where to */
    assert_true(m2m_send_es6(bed, 2, m2m_script(bed, "80E2880043008540" PARAMS("20FC"), NULL)));
    assert_string_equal(bed->data, "AB07800101230290"
                                   "00");
    (void)m2m_send_es6_as(bed, B2, 0x1600, 0x30, 3, "8100");
    assert_true(smsr_waits(s));
    assert_non_null(strstr(run_script(s, NULL, m2m_script(bed, "80CA008500", NULL)),
                           "8540" PARAMS("20FC") "9000"));
    smsr_end(s);
    /* a key that is not there; another text as identity */
    (void)m2m_send_es6_as(bed, B2, 0x1600, 0x30, 4,
                          "810883068504000241"
                          "01");
    assert_null(bed->euicc->m2m->https);
    (void)m2m_send_es6_as(bed, B2, 0x1600, 0x30, 5, "810A8308850603616263024001");
    assert_null(bed->euicc->m2m->https); /* lengths that do not fit: no trigger */
    (void)m2m_send_es6_as(bed, B2, 0x1600, 0x30, 6, "810B8309850703616263024001");
    assert_true(smsr_waits(s));
    assert_string_equal(s->identity, "abc");
    smsr_free(s);
    m2m_bed_free(bed);
}

/* Who is not the operator opens nothing, and is told nothing. */
static void not_proved(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = operator_new(bed, OPERATOR_PORT, 0x50);
    (void)m2m_send_es6_as(bed, B2, 0x1600, 0x31, 1, TRIGGER("20FC"));
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 0);
    assert_int_equal(bed->message_count, 0);
    trigger(bed, 5);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 1);
    smsr_end(s);
    trigger(bed, 5); /* once more: the counter */
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 1);
    /* no checksum at all */
    (void)m2m_send_es6_as(bed, B2, 0x0400, 0x30, 6, TRIGGER("20FC"));
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 1);
    /* files are no agent */
    (void)m2m_send_es6_as(bed, 0xB00120, 0x1600, 0x30, 7, TRIGGER("20FC"));
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 1);
    assert_null(bed->euicc->m2m->https);
    /* the right server, the wrong key; then one that knows nobody: tries as it was told */
    s->psk[0] ^= 1;
    trigger(bed, 8);
    assert_false(smsr_waits(s));
    assert_int_equal(s->failures, 1);
    s->psk[0] ^= 1;
    s->stranger = true;
    m2m_advance(bed, 1800);
    assert_int_equal(s->failures, 2);
    s->stranger = false;
    m2m_advance(bed, 1800);
    assert_true(smsr_waits(s));
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 4);
    smsr_end(s);
    m2m_advance(bed, 8000);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 4);
    smsr_free(s);
    m2m_bed_free(bed);
}

/* The profile is disabled while its operator's session is open. */
static void disabled(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = operator_new(bed, OPERATOR_PORT, 0x50);
    trigger(bed, 1);
    assert_true(smsr_waits(s));
    assert_int_equal(m2m_platform(bed, "3A03", AID_B), 0x9000);
    assert_true(bed->refreshed);
    assert_null(bed->euicc->m2m->https);
    assert_false(bed->terminal.channels[s->channel].open);
    m2m_bed_reset(bed);
    assert_false(smsr_waits(s));
    /* the new profile has a domain with counters of its own, and it is another one that answers */
    trigger(bed, 1);
    (void)run_script(s, NULL, m2m_script(bed, PERSONALIZE, POL1("01"), NULL));
    assert_int_equal(pol1_of(bed, 0x0010), 0);
    assert_int_equal(pol1_of(bed, 0x0011), 1);
    smsr_end(s);
    smsr_free(s);
    m2m_bed_free(bed);
}

/* A switch that waits for the end of the SM-SR's session: the old profile's operator is out
 * already. And its retry does not come back in the new profile. */
static void between(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *sr = smsr_new(bed), *s = operator_new(bed, OPERATOR_PORT, 0x50);
    trigger(bed, 1);
    smsr_carry(sr);
    assert_int_equal(m2m_platform(bed, "3A03", AID_B), 0x9000);
    assert_true(smsr_waits(s));
    (void)run_script(s, NULL, m2m_script(bed, PERSONALIZE, POL1("01"), NULL));
    assert_int_equal(s->result_status, OTA_ADMIN_SECURITY_ERROR);
    assert_false(bed->refreshed);
    trigger(bed, 2); /* nor does a new one begin */
    smsr_end(s);     /* its end begins no switch */
    assert_false(bed->refreshed);
    assert_int_equal(m2m_enabled(bed), 0x0011);
    smsr_end(sr);
    assert_true(bed->refreshed);
    assert_int_equal(pol1_of(bed, 0x0010), 0);
    smsr_free(s);
    smsr_free(sr);
    m2m_bed_free(bed);
}

/* Without REFRESH the card shows the new profile by itself. */
static void no_refresh(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    bed->terminal.profile[7] &= (uint8_t)~0x80;
    m2m_bed_reset(bed);
    struct smsr *s = operator_new(bed, OPERATOR_PORT, 0x50);
    trigger(bed, 1);
    terminal_drop(&bed->terminal, s->channel);
    terminal_serve(&bed->terminal);
    assert_non_null(bed->euicc->m2m->https); /* a retry waits */
    assert_int_equal(m2m_platform(bed, "3A03", AID_B), 0x9000);
    assert_null(bed->euicc->m2m->https);
    smsr_free(s);
    m2m_bed_free(bed);
}

/* SM-SR, MNO-SD and a domain below it at once; nobody's script reaches another's domain. */
static void together(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    add_domain(bed, 0x70);
    struct smsr *sr = smsr_new(bed), *s = operator_new(bed, OPERATOR_PORT, 0x50),
                *other = operator_new(bed, OTHER_PORT, 0x70);
    trigger(bed, 1);
    trigger(bed, 2); /* open already: ignored */
    (void)m2m_send_es6_as(bed, OTHER_TAR, 0x1600, 0x30, 3, TRIGGER("20FD"));
    smsr_trigger(sr);
    assert_true(smsr_waits(sr) && smsr_waits(s) && smsr_waits(other));
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 3);
    assert_true(s->channel != other->channel && s->channel != sr->channel);
    assert_string_equal(other->identity, "8001028110" M2M_EID "4F09" AID_OTHER "820101830140");
    /* in turn, each in its domain */
    (void)run_script(other, AID_MNOSD, m2m_script(bed, "80CA00E000", NULL));
    assert_int_equal(other->result_status, OTA_ADMIN_UNKNOWN_APPLICATION);
    assert_non_null(
        strstr(run_script(s, NULL, m2m_script(bed, "80CA00E000", NULL)), "C00401408510"));
    (void)run_script(s, AID_OTHER, m2m_script(bed, "80CA00E000", NULL));
    assert_int_equal(s->result_status, OTA_ADMIN_UNKNOWN_APPLICATION); /* it has keys of its own */
    assert_string_equal(run_script(other, NULL, m2m_script(bed, "80CA00E000", NULL)),
                        "AB0F800101230AE006C004014085109000");
    smsr_end(other);
    assert_true(smsr_waits(sr) && smsr_waits(s));
    smsr_end(s);
    assert_true(smsr_waits(sr));
    smsr_end(sr);
    smsr_free(other);
    smsr_free(s);
    smsr_free(sr);
    m2m_bed_free(bed);
}

/* Keys come over the session under the DEK of its own set; without one there is no way. */
static void keys(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = operator_new(bed, OPERATOR_PORT, 0x50);
    struct gp_object root;
    struct gp_key dek = {.kvn = 0x40, .kid = 3, .type = GP_KEY_AES, .usage = 0x4800, .n = 16}, got;
    static const uint8_t iv[16] = {0};
    uint8_t plain[16], ones[16], check[16], sealed[16];
    char apdu[120], hex[40], kcv[40];
    struct cr_err err = {0};
    for (uint8_t i = 0; i < 16; i++) {
        dek.value[i] = (uint8_t)(0x60 + i);
        plain[i] = (uint8_t)(0xA0 + i);
    }
    memset(ones, 1, sizeof ones);
    MUST_OK(crypto_aes_block(CR_SPAN_ARRAY(plain), ones, check, &err));
    MUST_OK(crypto_aes_cbc(true, cr_span_of(dek.value, dek.n), iv, plain, 16, sealed, &err));
    (void)snprintf(apdu, sizeof apdu, "80D800011805881110%s03%.6s00",
                   cr_hex_into(hex, sizeof hex, CR_SPAN_ARRAY(sealed)),
                   cr_hex_into(kcv, sizeof kcv, cr_span_of(check, 3)));
    trigger(bed, 1);
    assert_non_null(strstr(run_script(s, NULL, m2m_script(bed, apdu, NULL)), "6985"));
    const struct gp_registry *reg = gp_visible(bed->euicc->gp);
    assert_true(gp_object_root(reg, &root));
    MUST_OK(gp_key_put(reg, root.id, &dek, &err));
    assert_non_null(strstr(run_script(s, NULL, m2m_script(bed, apdu, NULL)), "9000"));
    assert_true(gp_key_get(reg, root.id, 5, 1, &got));
    assert_memory_equal(got.value, plain, sizeof plain);
    smsr_end(s);
    smsr_free(s);
    m2m_bed_free(bed);
}

/* Places are few, and one is the ISD-R's; who only waits to be called again gives up its own. */
static void crowded(void **state)
{
    (void)state;
    static const char *const triggers[] = {TRIGGER("20FD"), TRIGGER("20FE"), TRIGGER("20FF"),
                                           TRIGGER("2100")};
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *sr = smsr_new(bed), *servers[4];
    uint64_t counter = 1;
    for (uint8_t i = 0; i < 4; i++) {
        add_domain_at(bed, 0x70, i);
        servers[i] = operator_new(bed, (uint16_t)(OTHER_PORT + i), 0x70);
        (void)m2m_send_es6_as(bed, OTHER_TAR + i, 0x1600, 0x30, counter++, triggers[i]);
        assert_int_equal(smsr_waits(servers[i]), i < 3);
    }
    smsr_trigger(sr);
    assert_true(smsr_waits(sr));
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 4);
    smsr_end(servers[1]);
    (void)m2m_send_es6_as(bed, OTHER_TAR + 3, 0x1600, 0x30, counter++, triggers[3]);
    assert_true(smsr_waits(servers[3]));
    smsr_end(servers[0]);
    smsr_end(servers[2]);
    smsr_end(servers[3]);
    for (unsigned i = 0; i < 3; i++) {
        servers[0]->drop_at = servers[0]->posts + 1;
        (void)m2m_send_es6_as(bed, OTHER_TAR + i, 0x1600, 0x30, counter++, NO_RETRY);
        assert_int_equal(servers[0]->posts, servers[0]->drop_at);
        assert_false(smsr_waits(servers[0]));
    }
    (void)m2m_send_es6_as(bed, OTHER_TAR + 3, 0x1600, 0x30, counter, triggers[3]);
    assert_true(smsr_waits(servers[3]));
    assert_true(smsr_waits(sr));
    for (int i = 3; i >= 0; i--) {
        smsr_free(servers[i]);
    }
    smsr_free(sr);
    m2m_bed_free(bed);
}

/* A domain without PSK has no agent: it is reached by that of the domain above. */
static void keyless(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    add_domain(bed, 0);
    struct smsr *s = operator_new(bed, OPERATOR_PORT, 0x50);
    (void)m2m_send_es6_as(bed, OTHER_TAR, 0x1600, 0x30, 1, TRIGGER("20FC"));
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 0);
    trigger(bed, 2);
    (void)run_script(s, AID_OTHER, m2m_script(bed, "80CA00E000", NULL));
    assert_int_equal(s->result_status, OTA_ADMIN_OK);
    smsr_end(s);
    smsr_free(s);
    m2m_bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session),    cmocka_unit_test(rights),   cmocka_unit_test(stored),
        cmocka_unit_test(not_proved), cmocka_unit_test(disabled), cmocka_unit_test(between),
        cmocka_unit_test(no_refresh), cmocka_unit_test(together), cmocka_unit_test(keyless),
        cmocka_unit_test(crowded),    cmocka_unit_test(keys),
    };
    return cmocka_run_group_tests_name("euicc/m2m_es6", tests, NULL, NULL);
}
