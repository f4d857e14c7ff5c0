/*
 * PUT KEY and DELETE of keys, STORE DATA and GET DATA.
 */
#include "bed.h"

#include "crypto/des.h"
#include "crypto/symmetric.h"

#define KEY_A "A0A1A2A3A4A5A6A7A8A9AAABACADAEAF"
#define KEY_B "B0B1B2B3B4B5B6B7B8B9BABBBCBDBEBF"
#define KEY_C "C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF"

#define RUN(bed, head, data, sw)         SECURE_SW((bed), bed_apdu((head), (data)), (sw))
#define ANSWERS(bed, head, data, answer) SECURE_EXPECT((bed), bed_apdu((head), (data)), (answer))

/* New version and fields, as text. */
static const char *key_data(uint8_t kvn, const char *a, const char *b, const char *c)
{
    static char text[600];
    (void)snprintf(text, sizeof text, "%02X%s%s%s", kvn, a, b, c);
    return text;
}

struct fields {
    char a[200], b[200], c[200];
};

static struct fields three(struct bed *bed, uint8_t type)
{
    struct fields f;
    (void)snprintf(f.a, sizeof f.a, "%s", bed_key_field(bed, type, KEY_A));
    (void)snprintf(f.b, sizeof f.b, "%s", bed_key_field(bed, type, KEY_B));
    (void)snprintf(f.c, sizeof f.c, "%s", bed_key_field(bed, type, KEY_C));
    return f;
}

static void put_and_use(void **state)
{
    (void)state;
    static const struct {
        uint8_t session, kvn, type;
        const char *kcvs;
    } rows[] = {{0x20, 0x21, GP_KEY_DES, NULL}, {0x20, 0x32, GP_KEY_AES, NULL},
                {0x30, 0x22, GP_KEY_DES, NULL}, {0x30, 0x33, GP_KEY_AES, NULL},
                {0x30, 0x05, GP_KEY_AES, NULL}, {0x20, 0x06, GP_KEY_DES, NULL}};
    struct bed *bed = bed_new();
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        bed_session(bed, MNO_SD, rows[i].session, 0x03);
        struct fields f = three(bed, rows[i].type);
        struct sim_bytes answer =
            sim_hex(bed_secure(bed, bed_apdu("80D80081", key_data(rows[i].kvn, f.a, f.b, f.c))));
        assert_int_equal(answer.n, 1 + 9 + 2);
        assert_int_equal(answer.p[0], rows[i].kvn);
        struct gp_key key;
        assert_true(gp_key_get(bed->reg, 1, rows[i].kvn, 3, &key));
        assert_int_equal(key.type, rows[i].type);
        struct sim_bytes want = sim_hex(KEY_C);
        assert_memory_equal(key.value, want.p, 16);
        assert_int_equal(key.usage, 0x4800);
        if (rows[i].kvn >= 0x20) { /* opens sessions with it */
            bed_session(bed, MNO_SD, rows[i].kvn, 0x03);
            SECURE_SW(bed, "80F28002024F0000", UICC_SW_OK);
        }
    }
    bed_free(bed);
}

static void put_refusals(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    bed_session(bed, MNO_SD, 0x30, 0x03);
    size_t used = nvm_used(bed->sim->nvm);
    struct fields f = three(bed, GP_KEY_AES);
    char broken[440];
    /* check value, encrypted value, length of the key */
    (void)snprintf(broken, sizeof broken, "%s", f.b);
    broken[strlen(broken) - 1] ^= 1;
    RUN(bed, "80D80081", key_data(0x35, f.a, broken, f.c), 0x9485);
    (void)snprintf(broken, sizeof broken, "%s", f.b);
    broken[7] ^= 1;
    RUN(bed, "80D80081", key_data(0x35, f.a, broken, f.c), 0x9485);
    (void)snprintf(broken, sizeof broken, "88110F%s", f.b + 6);
    RUN(bed, "80D80081", key_data(0x35, f.a, broken, f.c), 0x9484);
    (void)snprintf(broken, sizeof broken, "881111%s", f.b + 6);
    RUN(bed, "80D80081", key_data(0x35, f.a, broken, f.c), UICC_SW_WRONG_DATA);
    (void)snprintf(broken, sizeof broken, "A1%s", f.b + 2); /* RSA */
    RUN(bed, "80D80081", key_data(0x35, f.a, broken, f.c), 0x9484);
    RUN(bed, "80D80081", key_data(0x35, f.a, "FF8880", ""), UICC_SW_WRONG_DATA);
    RUN(bed, "80D80081", key_data(0x35, f.a, f.b, "8811"), UICC_SW_WRONG_DATA); /* cut */
    /* several without the bit for it; versions and identifiers that cannot be */
    RUN(bed, "80D80001", key_data(0x35, f.a, f.b, ""), UICC_SW_WRONG_DATA);
    RUN(bed, "80D80081", key_data(0x00, f.a, "", ""), UICC_SW_WRONG_DATA);
    RUN(bed, "80D80081", key_data(0x80, f.a, "", ""), UICC_SW_WRONG_DATA);
    RUN(bed, "80D80000", key_data(0x35, f.a, "", ""), UICC_SW_WRONG_P1P2);
    RUN(bed, "80D88081", key_data(0x35, f.a, "", ""), UICC_SW_WRONG_P1P2);
    RUN(bed, "80D80081", "35", UICC_SW_WRONG_LENGTH);
    /* a new one that is there, a replaced one that is not */
    RUN(bed, "80D80081", key_data(0x30, f.a, "", ""), UICC_SW_WRONG_DATA);
    RUN(bed, "80D83681", key_data(0x36, f.a, "", ""), UICC_SW_NO_REFERENCE);
    RUN(bed, "80D83004", key_data(0x30, f.a, "", ""), UICC_SW_NO_REFERENCE);
    RUN(bed, "80D83001", key_data(0x20, f.a, "", ""), UICC_SW_WRONG_DATA); /* over a third */
    assert_int_equal(nvm_used(bed->sim->nvm), used);
    bed_free(bed);
}

/* Counters begin again with another MAC key only: as long as old packets verify, they never do. */
static void replaced_keys(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    struct gp_counters counters = {.packets = 77, .sessions = 5};
    struct gp_key key = bed_key(0x02, 2);
    char same[33];
    assert_int_equal(gp_counters_put(bed->reg, 1, 0x02, &counters, NULL), CR_OK);
    assert_non_null(cr_hex_into(same, sizeof same, cr_span_of(key.value, 16)));
    bed_session(bed, MNO_SD, 0x30, 0x03);
    RUN(bed, "80D80201", key_data(0x02, bed_key_field(bed, GP_KEY_AES, KEY_A), "", ""), UICC_SW_OK);
    gp_counters_get(bed->reg, 1, 0x02, &counters);
    assert_int_equal(counters.packets, 77);
    RUN(bed, "80D80202", key_data(0x02, bed_key_field(bed, GP_KEY_AES, same), "", ""), UICC_SW_OK);
    gp_counters_get(bed->reg, 1, 0x02, &counters);
    assert_int_equal(counters.packets, 77);
    RUN(bed, "80D80202", key_data(0x02, bed_key_field(bed, GP_KEY_AES, KEY_B), "", ""), UICC_SW_OK);
    gp_counters_get(bed->reg, 1, 0x02, &counters);
    assert_int_equal(counters.packets, 0);
    /* as long as one key of the version is there its counters are */
    counters.packets = 8;
    assert_int_equal(gp_counters_put(bed->reg, 1, 0x01, &counters, NULL), CR_OK);
    RUN(bed, "80E40000", "D00103D20101", UICC_SW_OK);
    gp_counters_get(bed->reg, 1, 0x01, &counters);
    assert_int_equal(counters.packets, 8);
    /* to another version: the old one is gone, with its counters when it was the last */
    struct fields f = three(bed, GP_KEY_AES);
    counters.packets = 9;
    assert_int_equal(gp_counters_put(bed->reg, 1, 0x02, &counters, NULL), CR_OK);
    RUN(bed, "80D80281", key_data(0x07, f.a, f.b, f.c), UICC_SW_OK);
    assert_false(gp_key_get(bed->reg, 1, 0x02, 1, &key));
    assert_true(gp_key_get(bed->reg, 1, 0x07, 3, &key));
    gp_counters_get(bed->reg, 1, 0x02, &counters);
    assert_int_equal(counters.packets, 0);
    bed_free(bed);
}

static void other_keys(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    bed_session(bed, MNO_SD, 0x30, 0x03);
    /* PSK and DEK of SCP81, longer AES keys, three key DES */
    ANSWERS(bed, "80D80001", key_data(0x40, bed_key_field(bed, GP_KEY_PSK, KEY_A KEY_B), "", ""),
            "409000");
    RUN(bed, "80D80002", key_data(0x40, bed_key_field(bed, GP_KEY_AES, KEY_A KEY_B), "", ""),
        UICC_SW_OK);
    RUN(bed, "80D80003",
        key_data(0x40, bed_key_field(bed, GP_KEY_AES, KEY_A "B0B1B2B3B4B5B6B7"), "", ""),
        UICC_SW_OK);
    bed_session(bed, MNO_SD, 0x20, 0x03);
    RUN(bed, "80D80004",
        key_data(0x40, bed_key_field(bed, GP_KEY_DES, KEY_A "B0B1B2B3B4B5B6B7"), "", ""),
        UICC_SW_OK);
    RUN(bed, "80D80005", key_data(0x40, "85110F" KEY_A "00", "", ""), 0x9484); /* too short a PSK */
    RUN(bed, "80D80005", key_data(0x40, "851110" KEY_A "03112233", "", ""), 0x9485);
    /* template of what there is */
    BED_SW(bed, SELECT_SUB, UICC_SW_OK);
    BED_EXPECT(bed, "80CA00E000",
               "E024"
               "C00401038810"
               "C00402038810"
               "C00403038810"
               "C00401318810"
               "C00402318810"
               "C00403318810"
               "9000");
    /* DELETE: one, a version, what is not there */
    bed_session(bed, MNO_SD, 0x30, 0x03);
    ANSWERS(bed, "80E40000", "D00104D20140", "009000");
    ANSWERS(bed, "80E40000", "D20140", "009000");
    RUN(bed, "80E40000", "D20140", UICC_SW_NO_REFERENCE);
    RUN(bed, "80E40000", "D00109D20101", UICC_SW_NO_REFERENCE);
    RUN(bed, "80E40000", "D00101", UICC_SW_WRONG_DATA);
    RUN(bed, "80E40000", "D2020101", UICC_SW_WRONG_DATA);
    /* as many as it holds */
    uicc_sw sw = UICC_SW_OK;
    for (unsigned kid = 1; sw == UICC_SW_OK && kid < 0x7F; kid++) {
        char head[9];
        (void)snprintf(head, sizeof head, "80D800%02X", kid);
        sw = bed_secure_sw(
            bed, bed_apdu(head, key_data(0x60, bed_key_field(bed, GP_KEY_AES, KEY_A), "", "")));
    }
    assert_int_equal(sw, UICC_SW_NO_MEMORY);
    assert_int_equal(gp_key_count(bed->reg, 1), GP_MAX_KEYS);
    bed_free(bed);
}

static void over_the_air(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    /* AES key of version 08 under the DEK of version 02, and of 01 (3DES) */
    static const struct {
        uint8_t kic, protocol;
    } rows[] = {{0x22, SCP_03}, {0x15, SCP_02}};
    for (uint8_t i = 0; i < 2; i++) {
        struct gp_key dek = bed_key(rows[i].kic >> 4, 3);
        bed->host = (struct scp_session){.state = SCP_STATE_OPEN};
        cr_buf cipher = {0};
        struct sim_bytes key = sim_hex(KEY_A);
        uint8_t kcv[3], *out = cr_buf_extend(&cipher, 16);
        static const uint8_t iv[16];
        char field[128], hex[33];
        assert_int_equal(crypto_aes_kcv(cr_span_of(key.p, 16), kcv, NULL), CR_OK);
        cr_status status =
            i == 0 ? crypto_aes_cbc(true, cr_span_of(dek.value, 16), iv, key.p, 16, out, NULL)
                   : crypto_des_ecb(true, cr_span_of(dek.value, 16), key.p, 16, out, NULL);
        assert_int_equal(status, CR_OK);
        (void)snprintf(field, sizeof field, "%02X881110%s03%02X%02X%02X", 8 + i,
                       cr_hex_into(hex, sizeof hex, cr_buf_span(&cipher)), kcv[0], kcv[1], kcv[2]);
        (void)bed_ota(bed,
                      (struct bed_packet){.tar = "B20100", .kic = rows[i].kic, .kid = rows[i].kic},
                      bed_script(bed_apdu("80D80001", field), NULL));
        assert_int_equal(bed->status, OTA_STATUS_OK);
        assert_non_null(strstr(bed->data, "9000"));
        struct gp_key stored;
        assert_true(gp_key_get(bed->reg, 1, (uint8_t)(8 + i), 1, &stored));
        assert_memory_equal(stored.value, key.p, 16);
        cr_buf_free(&cipher);
    }
    scp_end(&bed->host);
    bed_free(bed);
}

/* --- STORE DATA and GET DATA -------------------------------------------------------------------
 */

static void store_data(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    bed_session(bed, MNO_SD, 0x30, 0x01);
    RUN(bed, "80E28800", "00700A4202A1A24501B15F2000", UICC_SW_OK);
    SECURE_EXPECT(bed, "80CA004200", "4202A1A29000");
    SECURE_EXPECT(bed, "80CA004500", "4501B19000");
    SECURE_EXPECT(bed, "80CA5F2000", "5F20009000");
    /* two groupings in one block, one over three, with the long form of the length */
    RUN(bed, "80E28800",
        "0070034201C1"
        "0070034501C2",
        UICC_SW_OK);
    RUN(bed, "80E20800", "0070FF", UICC_SW_OK);
    RUN(bed, "80E20801", "000442", UICC_SW_OK);
    RUN(bed, "80E28802", "02D1D2", UICC_SW_OK);
    SECURE_EXPECT(bed, "80CA004200", "4202D1D29000");
    /* BER form over two blocks; parameters of the administration session */
    RUN(bed, "80E21000", "4204E1", UICC_SW_OK);
    RUN(bed, "80E29001", "E2E3E4", UICC_SW_OK);
    SECURE_EXPECT(bed, "80CA004200", "4204E1E2E3E49000");
    RUN(bed, "80E28800", "0085028100", UICC_SW_OK);
    SECURE_EXPECT(bed, "80CA008500", "850281009000");
    /* refusals */
    RUN(bed, "80E28800", "3A0603810103", UICC_SW_NO_REFERENCE); /* unknown grouping */
    RUN(bed, "80E28800", "0070044202D1", UICC_SW_WRONG_DATA);   /* cut, and it is the last */
    RUN(bed, "80E28800", "00700242", UICC_SW_WRONG_DATA);
    RUN(bed, "80E28800", "0070024205", UICC_SW_WRONG_DATA); /* no whole object */
    RUN(bed, "80E28800", "007000", UICC_SW_WRONG_DATA);
    RUN(bed, "80E28800", "007003E00101", UICC_SW_NO_REFERENCE); /* the card's own */
    RUN(bed, "80E28801", "0070034201C1", UICC_SW_WRONG_P1P2);   /* begins with block 0 */
    RUN(bed, "80E20800", "00700442", UICC_SW_OK);
    RUN(bed, "80E28802", "02A1A2", UICC_SW_WRONG_P1P2);       /* a block is missing */
    RUN(bed, "80E28801", "02A1A2", UICC_SW_WRONG_P1P2);       /* and all is forgotten */
    RUN(bed, "80E2E800", "0070034201C1", UICC_SW_WRONG_P1P2); /* encrypted */
    RUN(bed, "80E29800", "0070034201C1", UICC_SW_WRONG_P1P2);
    RUN(bed, "80E28800", "0070FFFFFF", UICC_SW_WRONG_DATA); /* longer than there is room */
    SECURE_SW(bed, "80E28800", UICC_SW_WRONG_LENGTH);
    SECURE_EXPECT(bed, "80CA004200", "4204E1E2E3E49000");
    /* groupings of one block stand and fall together */
    RUN(bed, "80E28800",
        "0070034201C1"
        "3A0600",
        UICC_SW_NO_REFERENCE);
    SECURE_EXPECT(bed, "80CA004200", "4204E1E2E3E49000");
    bed_free(bed);
}

static void get_data(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    BED_SW(bed, SELECT_MNO, UICC_SW_OK);
    BED_EXPECT(
        bed, "80CA006600",
        "6630732E06072A864886FC6B01600B06092A864886FC6B020202630906072A864886FC6B03640B06092A"
        "864886FC6B0480009000");
    BED_SW(bed, "80CA9F7F00", UICC_SW_NO_REFERENCE); /* nobody personalized it */
    BED_SW(bed, "80CA004200", UICC_SW_NO_REFERENCE);
    BED_EXPECT(bed, "80CA2F0000",
               "2F0065"
               "610A4F08" MNO_SD "610A4F08" SUB_SD "610A4F08" WEAK_SD "610B4F09A00000055910100001"
               "610B4F09A00000055910100002"
               "610B4F09A00000055910100003"
               "610B4F09A00000055910100004"
               "610B4F09A00000055910100005"
               "9000");
    struct sim_bytes resources = sim_hex(bed_send(bed, "80CAFF2100"));
    assert_memory_equal(resources.p, "\xFF\x21\x0F\x81\x01\x08\x82\x04", 8);
    size_t left = nvm_capacity(bed->sim->nvm) - nvm_used(bed->sim->nvm);
    assert_int_equal((size_t)resources.p[8] << 24 | (size_t)resources.p[9] << 16 |
                         (size_t)resources.p[10] << 8 | resources.p[11],
                     left);
    BED_EXPECT(bed, "80CA00C100", "C10200009000");
    BED_SW(bed, SELECT_WEAK, UICC_SW_OK);
    BED_SW(bed, "80CA00C100", UICC_SW_NO_REFERENCE);
    BED_EXPECT(bed, "80CA00E000", "E0009000");
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_and_use),   cmocka_unit_test(put_refusals),
        cmocka_unit_test(replaced_keys), cmocka_unit_test(other_keys),
        cmocka_unit_test(over_the_air),  cmocka_unit_test(store_data),
        cmocka_unit_test(get_data),
    };
    return cmocka_run_group_tests_name("gp/keys", tests, NULL, NULL);
}
