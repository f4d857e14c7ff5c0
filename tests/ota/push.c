/* Push SMS: the worked commands both ways, and each way to break one. */
#include "ota/push.h"

#include "../crypto/vector.h"

#define CHANNEL "80EC010113350103390205003C030123283E0521C000020A"
#define LINK    "80EC0102173C03002710361089001012012341234012345678901224"

static void worked_commands(void **state)
{
    static const char *const same[] = {
        CHANNEL,
        LINK,
        "80EC010113"
        "350103390205003C030223283E0521C000020A",
        "80EC01021B3C0300271039022000361089001012012341234012345678901224",
        "80EC0102053C03002710",
        "80EC01040636040102030"
        "4",
        "80EC0104023600",
    };
    (void)state;
    struct ota_push p = {0};
    assert_int_equal(ota_push_read(vector(CHANNEL), &p, NULL), CR_OK);
    assert_int_equal(p.kind, OTA_PUSH_CHANNEL);
    assert_span(p.tlvs, "350103390205003C030123283E0521C000020A");
    assert_false(cr_span_present(p.identification));
    assert_int_equal(ota_push_read(vector(LINK), &p, NULL), CR_OK);
    assert_int_equal(p.kind, OTA_PUSH_CATTP);
    assert_int_equal(p.port, 0x2710);
    assert_int_equal(p.max_sdu, 0);
    assert_span(p.identification, "89001012012341234012345678901224");
    for (size_t i = 0; i < CR_COUNT(same); i++) {
        cr_buf out = {0};
        assert_int_equal(ota_push_read(vector(same[i]), &p, NULL), CR_OK);
        assert_int_equal(ota_push_write(&out, &p, NULL), CR_OK);
        assert_span(cr_buf_span(&out), same[i]);
        cr_buf_free(&out);
    }
    /* Le, comprehension bits, other TLVs, a length of two bytes. */
    assert_int_equal(ota_push_read(vector("80EC01020BBC81030027108502414100"), &p, NULL),
                     CR_MALFORMED);
    assert_int_equal(ota_push_read(vector("80EC01020ABC810300271085024141"), &p, NULL), CR_OK);
    assert_int_equal(ota_push_read(vector("80EC01020ABC81030027108502414100"), &p, NULL), CR_OK);
    assert_int_equal(p.port, 0x2710);
    /* The first of two counts; a port means nothing to an identification packet. */
    assert_int_equal(ota_push_read(vector("80EC010408360141360142"
                                          "3C00"),
                                   &p, NULL),
                     CR_OK);
    assert_span(p.identification, "41");
    static const uint8_t large[255];
    cr_buf out = {0};
    p = (struct ota_push){.kind = OTA_PUSH_TCP, .tlvs = CR_SPAN_ARRAY(large)};
    assert_int_equal(ota_push_write(&out, &p, NULL), CR_OK);
    assert_int_equal(out.n, 260);
    cr_buf_reset(&out);
    p = (struct ota_push){.kind = OTA_PUSH_IDENTIFICATION,
                          .identification = cr_span_of(large, 127)};
    assert_int_equal(ota_push_write(&out, &p, NULL), CR_OK);
    struct ota_push again;
    assert_int_equal(ota_push_read(cr_buf_span(&out), &again, NULL), CR_OK);
    assert_int_equal(again.identification.n, 127);
    cr_buf_free(&out);
}

static void broken_commands(void **state)
{
    static const char *const rows[] = {
        "",
        "80EC01",
        "00EC0102053C03002710",
        "80E20102053C03002710",
        "80EC0202053C03002710",
        "80EC0100053C03002710",
        "80EC0105053C03002710",
        "80EC0102063C03002710" /* Lc */,
        "80EC0102043C0300271000",
        "80EC0102",
        "80EC010200",
        "80EC010202"
        "3600", /* no port */
        "80EC0102043C020027",
        "80EC0102083C03002710390120",
        "80EC0102013C",
        "80EC0102023C03",
        "80EC0104033602"
        "01",
        "80EC010403368101",
        "80EC0104043682000100",
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct ota_push p = {.port = 77};
        if (ota_push_read(vector(rows[i]), &p, NULL) != CR_MALFORMED) {
            fail_msg("row %zu is taken: %s", i, rows[i]);
        }
        assert_int_equal(p.port, 77);
    }
    static const uint8_t large[256];
    struct ota_push cannot[] = {
        {.kind = 0},
        {.kind = 5},
        {.kind = OTA_PUSH_CHANNEL, .tlvs = CR_SPAN_ARRAY(large)},
        {.kind = OTA_PUSH_CATTP, .identification = cr_span_of(large, 128)},
    };
    cr_buf out = {0};
    for (size_t i = 0; i < CR_COUNT(cannot); i++) {
        assert_int_equal(ota_push_write(&out, &cannot[i], NULL), CR_MALFORMED);
    }
    assert_int_equal(out.n, 0);
    cr_buf_free(&out);
}

static void addresses(void **state)
{
    (void)state;
    cr_buf out = {0};
    ota_push_put_address(&out, vector("C000020A"), 9000);
    assert_span(cr_buf_span(&out), "3C030123283E0521C000020A");
    cr_buf_reset(&out);
    ota_push_put_address(&out, vector("20010DB8000000000000000000000001"), 1);
    assert_span(cr_buf_span(&out), "3C030100013E115720010DB8000000000000000000000001");
    cr_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_commands),
        cmocka_unit_test(broken_commands),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests_name("ota/push", tests, NULL, vector_teardown);
}
