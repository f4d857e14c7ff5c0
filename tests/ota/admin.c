/*
 * The codings around administration sessions: worked examples both ways, and each way to break one.
 */
#include "ota/admin.h"

#include "../crypto/vector.h"

#define EID "89001012012341234012345678901224"
#define IDENTITY                                                                                   \
    "8001028110890010120123412340123456789012244F10A0000005591010FFFFFFFF8900000100820101830140"
#define CONNECTION "350103390205003C030220FB3E0521C000020A"
#define PARTS                                                                                      \
    "8413" CONNECTION "86070003250300030089208A0C736D73722E6578616D706C658C102F67736D612F61646D69" \
    "6E6167656E74"
#define DNS_PART "B323D60C736D73722E6578616D706C65FA13350103390205003C030100353E0521C0000235"

static struct ota_aid aid(const char *hex)
{
    cr_span bytes = vector(hex);
    struct ota_aid out = {.n = (uint8_t)bytes.n};
    memcpy(out.value, bytes.p, bytes.n);
    return out;
}

static void psk_identity(void **state)
{
    (void)state;
    struct ota_psk_identity identity = {
        .aid = aid("A0000005591010FFFFFFFF8900000100"), .key_id = 1, .kvn = 0x40};
    memcpy(identity.eid, vector(EID).p, OTA_EID);
    char text[OTA_PSK_IDENTITY_TEXT];
    ota_psk_identity_write(&identity, text);
    assert_string_equal(text, IDENTITY);
    static const char *const same[] = {
        IDENTITY,
        "8001028110890010120123412340123456789012244f10a0000005591010ffffffff890000010082010183014"
        "0",
        "8301408201014F10A0000005591010FFFFFFFF890000010081108900101201234123401234567890122480010"
        "2",
        IDENTITY "C50100",
    };
    for (size_t i = 0; i < CR_COUNT(same); i++) {
        struct ota_psk_identity got = {0};
        assert_int_equal(ota_psk_identity_read(cr_span_str(same[i]), &got, NULL), CR_OK);
        assert_memory_equal(got.eid, identity.eid, OTA_EID);
        assert_int_equal(got.aid.n, 16);
        assert_memory_equal(got.aid.value, identity.aid.value, 16);
        assert_int_equal(got.key_id, 1);
        assert_int_equal(got.kvn, 0x40);
    }
    static const char *const broken[] = {
        "",
        "80",
        "8001028110890010120123412340123456789012244F10A000000559",
        IDENTITY "8",      /* half a byte */
        IDENTITY "830141", /* twice */
        IDENTITY "C5",     /* cut */
        "ZZ0102",          /* no hex */
        "80010281108900101201234123401234567890122482010183014"
        "0", /* no AID */
        "8001018110890010120123412340123456789012244F10A0000005591010FFFFFFFF890000010082010183014"
        "0",
        "80010281108900101201234123401234567890122"
        "44F10A0000005591010FFFFFFFF890000010082010183013F", /* KVN of no SCP81 key set */
        "80010281108900101201234123401234567890122"
        "44F10A0000005591010FFFFFFFF8900000100820101830150",
        "80010281108900101201234123401234567890122"
        "44F10A0000005591010FFFFFFFF890000010082020101830140",
        "800102810F89001012012341234012345678901"
        "24F10A0000005591010FFFFFFFF8900000100820101830140",
        "80010281108900101201234123401234567890122"
        "44F04A0000005820101830140",
    };
    for (size_t i = 0; i < CR_COUNT(broken); i++) {
        struct ota_psk_identity got = {.kvn = 0x77};
        if (ota_psk_identity_read(cr_span_str(broken[i]), &got, NULL) != CR_MALFORMED) {
            fail_msg("row %zu", i);
        }
        assert_int_equal(got.kvn, 0x77);
    }
}

static void texts_of_headers(void **state)
{
    (void)state;
    struct ota_aid isdr = aid("A0000005591010FFFFFFFF8900000100");
    struct ota_aid isdp = aid("A0000005591010FFFFFFFF8900001000");
    struct ota_aid shortest = aid("A000000559");
    char target[OTA_ADMIN_TARGET_TEXT];
    char from[OTA_ADMIN_FROM_TEXT];
    ota_admin_target_write(&isdp, target);
    assert_string_equal(target, "//aid/A000000559/1010FFFFFFFF8900001000");
    struct ota_aid got;
    assert_true(ota_admin_target_read(target, &got));
    assert_int_equal(got.n, 16);
    assert_memory_equal(got.value, isdp.value, 16);
    ota_admin_target_write(&shortest, target);
    assert_string_equal(target, "//aid/A000000559/");
    assert_true(ota_admin_target_read("//AID/a000000559/10", &got));
    assert_int_equal(got.n, 6);
    assert_true(ota_admin_target_read("//aid/A000000559/", &got));
    assert_int_equal(got.n, 5);
    static const char *const broken[] = {
        "",
        "//aid/",
        "//aid/A000000559",
        "//aid/A00000055/1",
        "//aid/A000000559/1",
        "//aid/A0000005591010",
        "//aid/A000000559/1010FFFFFFFF890000100000",
        "//aid/A000000559/1010FFFFFFFF89000010ZZ",
        "//aid/A000000559/10 ",
        "/aid/A000000559/10",
        "aid/A000000559/10",
    };
    for (size_t i = 0; i < CR_COUNT(broken); i++) {
        assert_false(ota_admin_target_read(broken[i], &got));
    }
    ota_admin_from_write(vector(EID).p, &isdr, from);
    assert_string_equal(from, "//se-id/eid/" EID ";//aa-id/aid/A000000559/1010FFFFFFFF8900000100");
    uint8_t eid[OTA_EID];
    assert_true(ota_admin_from_eid(from, eid));
    assert_bytes(eid, EID);
    assert_true(ota_admin_from_eid("//se-id/eid/" EID, eid));
    assert_false(ota_admin_from_eid("//se-id/eid/" EID "0;", eid));
    assert_false(ota_admin_from_eid("//se-id/eid/8900101201234123401234567890122;", eid));
    assert_false(ota_admin_from_eid("an agent", eid));
    static const char *const statuses[] = {"ok", "unknown-application", "not-a-security-domain",
                                           "security-error"};
    for (size_t i = 0; i < CR_COUNT(statuses); i++) {
        enum ota_admin_status status = OTA_ADMIN_STATUS_COUNT;
        assert_string_equal(ota_admin_status_text((enum ota_admin_status)i), statuses[i]);
        assert_true(ota_admin_status_read(statuses[i], &status));
        assert_int_equal(status, i);
    }
    enum ota_admin_status status;
    assert_true(ota_admin_status_read("OK", &status));
    assert_false(ota_admin_status_read("okay", &status));
    assert_false(ota_admin_status_read("", &status));
}

static void check_parts(const struct ota_admin_params *p)
{
    assert_span(p->connection, CONNECTION);
    assert_false(p->security.present);
    assert_false(cr_span_present(p->extended_security));
    assert_true(p->retry.present);
    assert_int_equal(p->retry.count, 3);
    assert_int_equal(p->retry.seconds, 30 * 60);
    assert_false(cr_span_present(p->retry.report));
    assert_true(p->post.present);
    assert_true(cr_span_equal(p->post.host, cr_span_str("smsr.example")));
    assert_false(cr_span_present(p->post.agent));
    assert_true(cr_span_equal(p->post.uri, cr_span_str("/gsma/adminagent")));
}

static void triggers(void **state)
{
    static const char *const same[] = {
        "81428340" PARTS,
        "8100",
        "8167"
        "8340" PARTS DNS_PART,
        "",
        "8206687474703A2F",
    };
    (void)state;
    struct ota_admin_trigger t = {0};
    assert_int_equal(ota_admin_trigger_read(vector(same[0]), &t, NULL), CR_OK);
    assert_true(t.session);
    check_parts(&t.params);
    assert_false(t.params.dns.present);
    assert_int_equal(ota_admin_trigger_read(vector(same[2]), &t, NULL), CR_OK);
    check_parts(&t.params);
    assert_true(cr_span_equal(t.params.dns.name, cr_span_str("smsr.example")));
    assert_span(t.params.dns.connection, "350103390205003C030100353E0521C0000235");
    assert_int_equal(ota_admin_trigger_read(vector(same[1]), &t, NULL), CR_OK);
    assert_true(t.session && !cr_span_present(t.params.connection) && !t.params.post.present);
    assert_int_equal(ota_admin_trigger_read(vector(same[4]), &t, NULL), CR_OK);
    assert_true(!t.session && cr_span_equal(t.resource, cr_span_str("http:/")));
    static const size_t rewritten[] = {0, 1, 2, 4};
    for (size_t i = 0; i < CR_COUNT(rewritten); i++) {
        cr_buf out = {0};
        assert_int_equal(ota_admin_trigger_read(vector(same[rewritten[i]]), &t, NULL), CR_OK);
        assert_int_equal(ota_admin_trigger_write(&out, &t, NULL), CR_OK);
        assert_span(cr_buf_span(&out), same[rewritten[i]]);
        cr_buf_free(&out);
    }
}

static void stored_parameters(void **state)
{
    (void)state;
    struct ota_admin_params p = {0};
    struct ota_admin_params trigger = {0};
    cr_buf out = {0};
    assert_int_equal(ota_admin_params_read(vector(PARTS DNS_PART), &p, NULL), CR_OK);
    check_parts(&p);
    assert_true(p.dns.present);
    assert_int_equal(ota_admin_params_write(&out, &p, NULL), CR_OK);
    assert_span(cr_buf_span(&out), PARTS DNS_PART);
    /* A trigger that says the URI and the retries wins with those. */
    assert_int_equal(ota_admin_params_read(vector("8607000525030000518904"
                                                  "8C022F78"
                                                  "850703010203024101"),
                                           &trigger, NULL),
                     CR_OK);
    assert_int_equal(trigger.retry.seconds, 15);
    ota_admin_params_fill(&trigger, &p);
    assert_int_equal(trigger.retry.count, 5);
    assert_int_equal(trigger.security.kvn, 0x41);
    assert_true(cr_span_equal(trigger.post.uri, cr_span_str("/x")));
    assert_true(cr_span_equal(trigger.post.host, cr_span_str("smsr.example")));
    assert_span(trigger.connection, CONNECTION);
    assert_true(trigger.dns.present);
    struct ota_admin_params nothing = {0};
    ota_admin_params_fill(&nothing, &p);
    check_parts(&nothing);
    cr_buf_free(&out);
}

/* Each part alone, at its edges, there and back. */
static void single_parts(void **state)
{
    static const char *const rows[] = {
        "8105"
        "8303"
        "840135",
        "810B"
        "8309"
        "850703AABBCC024F7F",
        "8104"
        "8302"
        "A500",
        "810B"
        "8309"
        "8607FFFF2503329595", /* 23:59:59 */
        "8104"
        "8302"
        "8900",
        "8102B300",
    };
    (void)state;
    struct ota_admin_trigger t;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        cr_buf out = {0};
        assert_int_equal(ota_admin_trigger_read(vector(rows[i]), &t, NULL), CR_OK);
        assert_int_equal(ota_admin_trigger_write(&out, &t, NULL), CR_OK);
        assert_span(cr_buf_span(&out), rows[i]);
        cr_buf_free(&out);
        if (t.params.retry.present) {
            assert_int_equal(t.params.retry.count, 0xFFFF);
            assert_int_equal(t.params.retry.seconds, 86399);
        }
    }
    /* With a report behind the timer; the longest texts. */
    static uint8_t text[OTA_ADMIN_URI];
    memset(text, 'a', sizeof(text));
    cr_span longest = CR_SPAN_ARRAY(text);
    struct ota_admin_params p = {
        .retry = {.present = true, .report = cr_span_str("rep")},
        .post = {.present = true, .host = longest, .agent = longest, .uri = longest},
        .dns = {.present = true, .name = longest, .connection = longest},
    };
    struct ota_admin_params got;
    cr_buf out = {0};
    assert_int_equal(ota_admin_params_write(&out, &p, NULL), CR_OK);
    assert_int_equal(ota_admin_params_read(cr_buf_span(&out), &got, NULL), CR_OK);
    assert_true(cr_span_equal(got.retry.report, cr_span_str("rep")));
    assert_true(cr_span_equal(got.post.host, longest) && cr_span_equal(got.post.agent, longest));
    assert_true(cr_span_equal(got.post.uri, longest) && cr_span_equal(got.dns.name, longest));
    assert_true(cr_span_equal(got.dns.connection, longest));
    cr_buf_free(&out);
    struct ota_psk_identity identity;
    assert_int_equal(ota_psk_identity_read(cr_span_str("80010281108900101201234123401234567890122"
                                                       "44F05A00000055982010183014F"),
                                           &identity, NULL),
                     CR_OK);
    assert_int_equal(identity.kvn, 0x4F);
    assert_int_equal(identity.aid.n, 5);
}

static void security_parameters(void **state)
{
    static const struct {
        const char *bytes;
        uint8_t kvn, key_id;
        bool has_hash;
        uint8_t hash;
    } rows[] = {
        {"8507"
         "03AABBCC"
         "024001",
         0x40, 1, false, 0},
        {"8507"
         "03AABBCC"
         "020040",
         0x40, 0, false, 0}, /* the other order, met in the field */
        {"8508"
         "03AABBCC"
         "024F0204",
         0x4F, 2, true, 4},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct ota_admin_params p = {0};
        assert_int_equal(ota_admin_params_read(vector(rows[i].bytes), &p, NULL), CR_OK);
        assert_span(p.security.identity, "AABBCC");
        assert_int_equal(p.security.kvn, rows[i].kvn);
        assert_int_equal(p.security.key_id, rows[i].key_id);
        assert_int_equal(p.security.has_hash, rows[i].has_hash);
        assert_int_equal(p.security.hash, rows[i].hash);
        if (i != 1) {
            cr_buf out = {0};
            assert_int_equal(ota_admin_params_write(&out, &p, NULL), CR_OK);
            assert_span(cr_buf_span(&out), rows[i].bytes);
            cr_buf_free(&out);
        }
    }
}

static void broken_parameters(void **state)
{
    static const char *const rows[] = {
        "84",
        "8402AA",
        "8400"
        "8400",
        "8500",
        "850103",
        "850103AABBCC",
        "850603AABBCC0240",
        "850703AABBCC034001",
        "850703AABBCC023F01",
        "850703AABBCC025001",
        "850903AABBCC0240010405",
        "850400024001", /* no identity */
        "850703AABBCC024001"
        "850703AABBCC024001",
        "86060003250300"
        "03",
        "86070003260300"
        "0300",
        "86070003250200"
        "0300",
        "8607000325030006"
        "00", /* 60 minutes */
        "86070003250342"
        "0000", /* 24 hours */
        "8607000325030000"
        "A0", /* no digit */
        "8607000325030000"
        "0A",
        "86070003250300030086070003250300"
        "0300",
        "8900"
        "8900",
        "89048A0131"
        "8A",
        "89068A01318A0132",
        "A500"
        "A500",
        "B300"
        "B300",
        "B306D60131D60132",
        "B302D601",
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct ota_admin_params p = {.retry.count = 77};
        if (ota_admin_params_read(vector(rows[i]), &p, NULL) != CR_MALFORMED) {
            fail_msg("row %zu is taken: %s", i, rows[i]);
        }
        assert_int_equal(p.retry.count, 77);
    }
    static const char *const triggers_[] = {
        "",
        "81",
        "8183",
        "81048300"
        "8300",
        "8100"
        "8100",
        "8200"
        "8200",
        "8300",
        "8102"
        "8384",
        "81048302"
        "8401",
        "E100",
    };
    for (size_t i = 0; i < CR_COUNT(triggers_); i++) {
        struct ota_admin_trigger t = {0};
        if (ota_admin_trigger_read(vector(triggers_[i]), &t, NULL) != CR_MALFORMED) {
            fail_msg("trigger %zu is taken: %s", i, triggers_[i]);
        }
    }
    /* What cannot be written. */
    cr_buf out = {0};
    static uint8_t long_text[OTA_ADMIN_URI + 1];
    cr_span text = CR_SPAN_ARRAY(long_text);
    struct ota_admin_params cannot[] = {
        {.security = {.present = true, .kvn = 0x40}},
        {.security = {.present = true, .kvn = 0x30, .identity = cr_span_str("a")}},
        {.security = {.present = true, .kvn = 0x40, .identity = text}},
        {.retry = {.present = true, .seconds = 86400}},
        {.post = {.present = true, .uri = text}},
        {.post = {.present = true, .host = text}},
        {.post = {.present = true, .agent = text}},
        {.dns = {.present = true, .name = text}},
        {.dns = {.present = true, .connection = text}},
    };
    for (size_t i = 0; i < CR_COUNT(cannot); i++) {
        assert_int_equal(ota_admin_params_write(&out, &cannot[i], NULL), CR_MALFORMED);
    }
    cr_buf_free(&out);
}

#define E1                                                                                         \
    "E1354C10890010120123412340123456789012244D01024E0200012F10A0000005591010FFFFFFFF890000100014" \
    "08"                                                                                           \
    "3A45990057918503"

static void notifications(void **state)
{
    (void)state;
    cr_buf out = {0};
    bool found = false;
    assert_int_equal(
        ota_admin_notification_write(&out, cr_span_str("/gsma/adminagent"), vector(E1), NULL),
        CR_OK);
    assert_string_equal(cr_buf_cstr(&out), "/gsma/adminagent?msg=" E1);
    cr_buf_reset(&out);
    assert_int_equal(
        ota_admin_notification_write(&out, cr_span_str("/a?x=1"), vector("E100"), NULL), CR_OK);
    assert_string_equal(cr_buf_cstr(&out), "/a?x=1&msg=E100");
    static const struct {
        const char *query;
        bool found;
        const char *tlv; /* NULL = broken */
    } rows[] = {
        {NULL, false, ""},
        {"", false, ""},
        {"x=1&y=msg=E100", false, ""},
        {"msg=E100", true, "E100"},
        {"x=1&msg=e1024c00", true, "E1024C00"},
        {"msg=" E1, true, E1},
        {"msg=", false, NULL},
        {"msg=E1", false, NULL},
        {"msg=E10", false, NULL},
        {"msg=E1000", false, NULL},
        {"msg=E10000", false, NULL},
        {"msg=E0000000", false, NULL},
        {"msg=E1ZZ", false, NULL},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        cr_buf_reset(&out);
        cr_status status = ota_admin_notification_read(rows[i].query, &out, &found, NULL);
        assert_int_equal(status, rows[i].tlv ? CR_OK : CR_MALFORMED);
        if (rows[i].tlv) {
            assert_int_equal(found, rows[i].found);
            assert_span(cr_buf_span(&out), rows[i].tlv);
        } else {
            assert_int_equal(out.n, 0);
        }
    }
    static uint8_t large[130];
    assert_int_equal(
        ota_admin_notification_write(&out, cr_span_str("/a"), CR_SPAN_ARRAY(large), NULL),
        CR_REFUSED);
    cr_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(psk_identity),      cmocka_unit_test(texts_of_headers),
        cmocka_unit_test(triggers),          cmocka_unit_test(stored_parameters),
        cmocka_unit_test(single_parts),      cmocka_unit_test(security_parameters),
        cmocka_unit_test(broken_parameters), cmocka_unit_test(notifications),
    };
    return cmocka_run_group_tests_name("ota/admin", tests, NULL, vector_teardown);
}
