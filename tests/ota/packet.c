/*
 * Secured packets: published vectors in both directions, every combination of SPI, and each way to
 * break a packet.
 */
#include "ota/packet.h"

#include "../crypto/vector.h"

static struct ota_key key(enum ota_algorithm algorithm, const char *hex)
{
    struct ota_key k = {.algorithm = algorithm};
    cr_span s = vector(hex);
    assert_true(s.n <= sizeof k.value);
    memcpy(k.value, s.p, s.n);
    k.n = (uint8_t)s.n;
    return k;
}

/* ---- vectors ---- */

enum keyset { KEYS_SGP02, KEYS_MNO, KEYS_AES, KEYS_3DES, KEYS_3DES_CARD };

static const struct {
    enum ota_algorithm algorithm;
    const char *kic, *kid;
} keysets[] = {
    [KEYS_SGP02] = {OTA_AES, "000102030405060708090A0B0C0D0E0F",
                    "101112131415161718191A1B1C1D1E1F"},
    [KEYS_MNO] = {OTA_AES, "202122232425262728292A2B2C2D2E2F", "303132333435363738393A3B3C3D3E3F"},
    [KEYS_AES] = {OTA_AES, "200102030405060708090a0b0c0d0e0f", "201102030405060708090a0b0c0d0e0f"},
    [KEYS_3DES] = {OTA_3DES_2, "300102030405060708090a0b0c0d0e0f",
                   "301102030405060708090a0b0c0d0e0f"},
    [KEYS_3DES_CARD] = {OTA_3DES_2, "C21DD66ACAC13CB3BC8B331B24AFB57B",
                        "12110C78E678C25408233076AA033615"},
};

struct keypair {
    struct ota_key kic, kid;
};

static struct keypair pair_of(enum keyset k)
{
    return (struct keypair){key(keysets[k].algorithm, keysets[k].kic),
                            key(keysets[k].algorithm, keysets[k].kid)};
}

static struct ota_keys keys_of(const struct keypair *p)
{
    return (struct ota_keys){&p->kic, &p->kid};
}

#define ENABLE  "AA1C221A80E28800153A03124F10A0000005591010FFFFFFFF8900001000"
#define ENABLED "AB0780010123029000"
#define TRIGGER                                                                                    \
    "814283408413350103390205003C030220FB3E0521C000020A86070003250300030089208A0C736D73722E657861" \
    "6D706C658C102F67736D612F61646D696E6167656E74"

static const struct command_vector {
    enum ota_dialect dialect;
    enum keyset keys;
    uint64_t counter;
    uint8_t padding;
    const char *data, *packet;
} commands[] = {
    {OTA_SMS, KEYS_SGP02, 1, 4, ENABLE,
     "003815163912120000017E919C74AB0F64418FC57B7A00FD7B6ED49846954E687C485E964C9E42FC5AABC8477544"
     "555A2033E7378A2F3C6C33FF"},
    {OTA_BIP, KEYS_SGP02, 2, 4, ENABLE,
     "01381516391212000001A011DE21EE4826CE110E97DC482E46294A0C8E55CA134B540F920202041E860B15361C40"
     "F3869E381F19BFC071BB3595"},
    {OTA_SMS, KEYS_SGP02, 3, 14, TRIGGER,
     "00681516391212000001F87A98E1B93961A57C893A2DDA98C906D8979A55F1AFBAD8ED0F9BFBB55AEE1ECDC48EA3"
     "F08602BB4A471711DD6C6ED12918B6ADE78C57EECFCC588E619AEAA2163E4F832CFE6083DE8DF746BA7A9B76C9C2"
     "C8F22B9A5C1F28FE927A90E0EC57"},
    {OTA_SMS, KEYS_SGP02, 3, 14, TRIGGER,
     "00681516001212000001393B7108C45503E5D7037F0141E0270177930B394DBE30C24D0FBEC1B5679ED073EA04FB"
     "CEE6419BD6322962CF90046837E432398CA536AA45A8A2C41B059BE61BCFA70F47958DB7B363ABFA3BF4D40487A7"
     "A2871589F204E2DF17473D7141C9"},
    {OTA_SMS, KEYS_SGP02, 4, 8,
     "AA38221880EC010113350103390205003C030123283E0521C000020A221C80EC0102173C03002710361089001012"
     "012341234012345678901224",
     "00581516391212000001D4503A8308289E55D0E3B29FFBB5C647602561417027684B3DD59A2E5A626ED17CC3FED0"
     "85834AC04DB6CC078526271D23849FE1C690154AF0602E9D338C2E8805B96BC96EB30AB3817B6FE434136F49"},
    {OTA_SMS, KEYS_SGP02, 5, 1, "AA0F220D80E28900073A08044E02000100",
     "00281516391212000001A69A7FC33BB73037FD9BBE192EDA2CC398601D7598A2C8BBC9C582141FCFA51A"},
    /* The card's own notification: CC only. */
    {OTA_SMS, KEYS_SGP02, 0, 0,
     "E1354C10890010120123412340123456789012244D01024E0200012F10A0000005591010FFFFFFFF890000100014"
     "083A45990057918503",
     "004D1502001012000001000000000000D2FD4A3889F9DDD7E1354C10890010120123412340123456789012244D01"
     "024E0200012F10A0000005591010FFFFFFFF890000100014083A45990057918503"},
    {OTA_SMS, KEYS_MNO, 1, 5,
     "AA2B221C80E6200016000010A0000005591010FFFFFFFF8900000F0000000000220B80E28800063A0603810103",
     "00481516391212B20100E902002C4831063AAB1FBD31AD0F75DCF605B0F383EDC9ECC06D32831F5E4F52796F406D"
     "5569AF3D69A2CABC8A4087F73FDF380FC998AD72B103C71742BC5B29"},
    /* Of a public library, tried with real cards. */
    {OTA_SMS, KEYS_AES, 0, 11, "00a40004023f00",
     "00281506192222b00011e87cceebb2d93083011ce294f93fc4d8de80da1abae8c37ca3e72ec4432e5058"},
    {OTA_SMS, KEYS_3DES, 0, 3, "00a40004023f00",
     "00201506193535b00011ae733256918d050b87c94fbfe12e4dc402f262c41cf67f2f"},
    {OTA_SMS, KEYS_3DES, 0, 3, "00a40004023f00",
     "00201506093535b00011c49ac91ab8159ba5b83a54fb6385e0a5e31694f8b215fafc"},
    {OTA_SMS, KEYS_3DES, 0, 3, "00a40004023f00",
     "00201506013535b000113190be334900f52b025f3f7eddfe868e96ebf310023b7769"},
    {OTA_SMS, KEYS_3DES_CARD, 0, 3, "00a40000023f00",
     "00180d04193535b00000e3ec80a849b554421276af3883927c20"},
};

static void test_commands(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(commands); i++) {
        const struct command_vector *v = &commands[i];
        struct keypair p = pair_of(v->keys);
        cr_span packet = vector(v->packet);
        struct ota_command_header h;
        struct ota_command c;
        struct cr_err err;
        cr_buf scratch = {0};
        assert_int_equal(ota_command_read(v->dialect, packet, &h, &err), OTA_OK);
        assert_int_equal(ota_command_open(&h, keys_of(&p), &scratch, &c, &err), OTA_OK);
        assert_int_equal(c.counter, v->counter);
        assert_int_equal(c.padding, v->padding);
        assert_span(c.data, v->data);
        cr_buf_free(&scratch);

        struct ota_command_fields f = {.dialect = v->dialect,
                                       .spi = {h.spi[0], h.spi[1]},
                                       .kic = h.kic,
                                       .kid = h.kid,
                                       .tar = {h.tar[0], h.tar[1], h.tar[2]},
                                       .counter = v->counter};
        cr_buf out = {0};
        assert_int_equal(ota_command_build(&f, keys_of(&p), vector(v->data), &out, &err), CR_OK);
        assert_span(cr_buf_span(&out), v->packet);
        assert_int_equal(ota_command_size(&f, keys_of(&p), vector(v->data).n), packet.n);
        cr_buf_free(&out);
    }
}

static const struct response_vector {
    enum ota_dialect dialect;
    enum keyset keys;
    uint8_t spi2, kic, kid;
    const char *tar;
    uint64_t counter;
    uint8_t padding;
    const char *data, *packet;
} responses[] = {
    {OTA_SMS, KEYS_SGP02, 0x39, 0x12, 0x12, "000001", 1, 8, ENABLED,
     "002412000001EF199DC12FB02C40F83C991B1F72E2C1983C7768AD4FCF5B8CB60062F12D02A9"},
    {OTA_BIP, KEYS_SGP02, 0x39, 0x12, 0x12, "000001", 2, 8, ENABLED,
     "0224120000017ADCF22E04F214BEA9E510EDBB9E162A86EF19ECBB658A9AA39594C35920E609"},
    {OTA_SMS, KEYS_AES, 0x19, 0x22, 0x22, "b00011", 0, 14, "016132",
     "002412b00011ebc6b497e2cad7aedf36ace0e3a29b38853f0fe9ccde81913be5702b73abce1f"},
    {OTA_SMS, KEYS_3DES_CARD, 0x19, 0x35, 0x35, "b00011", 0, 6, "01612f",
     "001c12b000119660ebdb81be189b5e4389e9e7ab2bc0954f963ad869ed7c"},
    {OTA_SMS, KEYS_3DES_CARD, 0x09, 0x35, 0x35, "b00011", 0, 0, "01612f",
     "001612b000110000000000000055f47118381175fb01612f"},
    {OTA_SMS, KEYS_3DES_CARD, 0x01, 0x35, 0x35, "b00011", 0, 0, "01612f",
     "000e0ab000110000000000000001612f"},
    {OTA_SMS, KEYS_3DES, 0x19, 0x35, 0x35, "b00011", 0, 6, "016132",
     "001c12b000118bb989492c632529326a2f4681feb37c825bc9021c9f6d0b"},
    {OTA_SMS, KEYS_3DES, 0x09, 0x35, 0x35, "b00011", 0, 0, "016132",
     "001612b0001100000000000000b5bcd6353a421fae016132"},
    /* Captured from cards, without security on the answer. */
    {OTA_SMS, KEYS_SGP02, 0x01, 0x12, 0x12, "000001", 0x191, 0, "AF80230290000000",
     "00130A00000100000001910000AF80230290000000"},
    {OTA_SMS, KEYS_SGP02, 0x01, 0x12, 0x12, "000013", 0x35, 0, "AB0780010123029000",
     "00140A00001300000000350000AB0780010123029000"},
};

static struct ota_response_fields response_fields(const struct response_vector *v)
{
    struct ota_response_fields f = {.dialect = v->dialect,
                                    .spi = {0x16, v->spi2},
                                    .kic = v->kic,
                                    .kid = v->kid,
                                    .counter = v->counter};
    memcpy(f.tar, vector(v->tar).p, sizeof f.tar);
    return f;
}

static void test_responses(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(responses); i++) {
        const struct response_vector *v = &responses[i];
        struct keypair p = pair_of(v->keys);
        struct ota_response_fields f = response_fields(v);
        struct ota_response r;
        cr_buf scratch = {0};
        assert_int_equal(
            ota_response_open(&f, keys_of(&p), false, vector(v->packet), &scratch, &r, NULL),
            CR_OK);
        assert_int_equal(r.counter, v->counter);
        assert_int_equal(r.padding, v->padding);
        assert_int_equal(r.status, OTA_STATUS_OK);
        assert_true(r.secured);
        assert_span(r.data, v->data);
        cr_buf_free(&scratch);
        cr_buf out = {0};
        assert_int_equal(
            ota_response_build(&f, keys_of(&p), OTA_STATUS_OK, vector(v->data), &out, NULL), CR_OK);
        assert_span(cr_buf_span(&out), v->packet);
        cr_buf_free(&out);
    }
}

/* ---- every SPI, algorithm and length ---- */

static const struct {
    uint8_t nibble;
    enum ota_algorithm algorithm;
    uint8_t n;
} algorithms[] = {
    {0x1, OTA_DES_CBC, 8}, {0xD, OTA_DES_CBC, 8}, {0xD, OTA_DES_ECB, 8}, {0x5, OTA_3DES_2, 16},
    {0x9, OTA_3DES_3, 24}, {0x2, OTA_AES, 16},    {0x2, OTA_AES, 24},    {0x2, OTA_AES, 32},
    {0x0, OTA_AES, 16},    {0x0, OTA_3DES_2, 16}, {0x0, OTA_DES_CBC, 8},
};

static struct ota_key some_key(enum ota_algorithm algorithm, size_t n, unsigned seed)
{
    struct ota_key k = {.algorithm = algorithm, .n = (uint8_t)n};
    for (size_t i = 0; i < n; i++) {
        k.value[i] = (uint8_t)(seed * 37 + i * 11 + 1);
    }
    return k;
}

static void round_trip(const struct ota_command_fields *f, struct ota_keys keys, size_t n,
                       bool works)
{
    static uint8_t data[512];
    struct ota_command_header h;
    struct ota_command c;
    struct cr_err err;
    cr_buf out = {0};
    cr_buf scratch = {0};
    memset(data, 0xA5, sizeof data);
    cr_status status = ota_command_build(f, keys, cr_span_of(data, n), &out, &err);
    assert_int_equal(status, works ? CR_OK : CR_REFUSED);
    if (works) {
        assert_int_equal(ota_command_read(f->dialect, cr_buf_span(&out), &h, &err), OTA_OK);
        assert_int_equal(ota_command_open(&h, keys, &scratch, &c, &err), OTA_OK);
        assert_true(cr_span_equal(c.data, cr_span_of(data, n)));
        assert_int_equal(c.counter, f->counter);
        struct ota_response_fields rf;
        ota_response_fields_of(&h, c.counter, &rf);
        cr_buf_reset(&out);
        if (ota_response_build(&rf, keys, 0x07, cr_span_of(data, n), &out, &err) == CR_OK) {
            struct ota_response r;
            assert_int_equal(
                ota_response_open(&rf, keys, false, cr_buf_span(&out), &scratch, &r, &err), CR_OK);
            assert_true(cr_span_equal(r.data, cr_span_of(data, n)));
            assert_int_equal(r.status, 0x07);
        }
    } else {
        assert_int_equal(out.n, 0);
        assert_int_equal(ota_command_size(f, keys, n), 0);
    }
    cr_buf_free(&out);
    cr_buf_free(&scratch);
}

static void test_every_spi(void **state)
{
    (void)state;
    for (size_t a = 0; a < CR_COUNT(algorithms); a++) {
        struct ota_key kic = some_key(algorithms[a].algorithm, algorithms[a].n, 1);
        struct ota_key kid = some_key(algorithms[a].algorithm, algorithms[a].n, 2);
        for (unsigned spi1 = 0; spi1 < 256; spi1++) {
            for (unsigned spi2 = 0; spi2 < 256; spi2 += spi1 == 0x16 ? 1 : 15) {
                uint8_t nibble = algorithms[a].nibble;
                struct ota_command_fields f = {.spi = {(uint8_t)spi1, (uint8_t)spi2},
                                               .kic = (uint8_t)(0x10 | nibble),
                                               .kid = (uint8_t)(0x20 | nibble),
                                               .tar = {1, 2, 3},
                                               .counter = OTA_COUNTER_MAX - spi1};
                unsigned check = spi1 & 3;
                bool works = spi1 < 0x20 && spi2 < 0x40 && (spi2 & 3) != 3 && check != 3 &&
                             /* ECB is no MAC; 2, 9 and D are no redundancy check */
                             !(check == 2 && (nibble == 0xD || kid.algorithm == OTA_DES_ECB)) &&
                             !(check == 1 && (nibble == 0x2 || nibble == 0x9 || nibble == 0xD));
                for (size_t n = 0; n < 40; n += spi2 != 0 ? 13 : 1) {
                    f.dialect = n % 2 ? OTA_BIP : OTA_SMS;
                    round_trip(&f, (struct ota_keys){&kic, &kid}, n, works);
                }
                round_trip(&f, (struct ota_keys){&kic, &kid}, 300, works);
            }
        }
    }
}

/* A MAC of 32 bits: the first half of the long one. */
static void test_short_mac(void **state)
{
    (void)state;
    struct keypair p = pair_of(KEYS_SGP02);
    struct ota_command_fields f = {
        .spi = {0x12, 0}, .kic = 0x10, .kid = 0x12, .tar = {0, 0, 1}, .counter = 1};
    cr_buf out = {0};
    cr_buf scratch = {0};
    struct ota_command_header h;
    struct ota_command c;
    p.kid.mac_size = 4;
    assert_int_equal(ota_command_build(&f, keys_of(&p), vector("0102"), &out, NULL), CR_OK);
    assert_int_equal(ota_command_read(OTA_SMS, cr_buf_span(&out), &h, NULL), OTA_OK);
    assert_int_equal(h.check_size, 4);
    assert_int_equal(ota_command_open(&h, keys_of(&p), &scratch, &c, NULL), OTA_OK);
    p.kid.mac_size = 8; /* a key for 64 bits takes no shorter ones */
    assert_int_equal(ota_command_open(&h, keys_of(&p), &scratch, &c, NULL), OTA_MALFORMED);
    for (unsigned size = 1; size < 20; size++) {
        p.kid.mac_size = (uint8_t)size;
        cr_buf_reset(&out);
        assert_int_equal(ota_command_build(&f, keys_of(&p), vector("0102"), &out, NULL),
                         size == 4 || size == 8 ? CR_OK : CR_REFUSED);
    }
    struct keypair des = pair_of(KEYS_3DES);
    f.kid = 0x15;
    des.kid.mac_size = 4;
    assert_int_equal(ota_command_build(&f, keys_of(&des), vector("0102"), &out, NULL), CR_REFUSED);
    cr_buf_free(&out);
    cr_buf_free(&scratch);
}

/* The CRCs are plain: their place and value in a packet. */
static void test_crc(void **state)
{
    (void)state;
    struct ota_command_fields f = {.spi = {0x01, 0}, .kid = 0x01, .tar = {0, 0, 1}, .counter = 1};
    cr_buf out = {0};
    assert_int_equal(ota_command_build(&f, (struct ota_keys){0}, vector("0102"), &out, NULL),
                     CR_OK);
    assert_span(cr_buf_span(&out), "00120F0100000100000100000000010046D60102");
    cr_buf_reset(&out);
    f.kid = 0x05;
    assert_int_equal(ota_command_build(&f, (struct ota_keys){0}, vector("0102"), &out, NULL),
                     CR_OK);
    assert_span(cr_buf_span(&out), "00141101000005000001000000000100328751430102");
    cr_buf_free(&out);
}

/* ---- hostile ---- */

static void test_command_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(commands); i++) {
        const struct command_vector *v = &commands[i];
        struct keypair p = pair_of(v->keys);
        cr_span good = vector(v->packet);
        struct ota_command_header h;
        struct ota_command c = {.counter = 77};
        cr_buf scratch = {0};
        for (size_t n = 0; n < good.n; n++) {
            assert_int_equal(ota_command_read(v->dialect, cr_span_sub(good, 0, n), &h, NULL),
                             OTA_MALFORMED);
        }
        uint8_t longer[256] = {0};
        memcpy(longer, good.p, good.n);
        assert_int_equal(ota_command_read(v->dialect, cr_span_of(longer, good.n + 1), &h, NULL),
                         OTA_MALFORMED);
        bool checked = (good.p[3] & 3) != 0;
        for (size_t bit = 0; bit < 8 * good.n && checked; bit++) {
            uint8_t *bad = vector_mutable(good);
            struct cr_err err = {0};
            bad[bit / 8] ^= (uint8_t)(1U << bit % 8);
            enum ota_result result =
                ota_command_read(v->dialect, cr_span_of(bad, good.n), &h, &err);
            if (result == OTA_OK) {
                result = ota_command_open(&h, keys_of(&p), &scratch, &c, &err);
            }
            /* SPI1 without a check is a packet that proves nothing: the card's minimum level says
             * no */
            if (result == OTA_OK) {
                assert_int_equal(h.spi[0] & 3, 0);
                assert_false(ota_spi_sufficient(h.spi[0], 0x02));
                c.counter = 77;
            } else {
                assert_true(err.cause[0] != '\0');
                assert_int_not_equal(ota_result_row(result)->tell, OTA_TELL_STATUS);
            }
            assert_int_equal(c.counter, 77);
        }
        cr_buf_free(&scratch);
    }
}

static void test_response_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(responses); i++) {
        const struct response_vector *v = &responses[i];
        struct keypair p = pair_of(v->keys);
        struct ota_response_fields f = response_fields(v);
        struct ota_response r = {.counter = 77};
        cr_span good = vector(v->packet);
        cr_buf scratch = {0};
        for (size_t n = 0; n < good.n; n++) {
            assert_int_equal(ota_response_open(&f, keys_of(&p), true, cr_span_sub(good, 0, n),
                                               &scratch, &r, NULL),
                             CR_MALFORMED);
        }
        for (size_t bit = 0; bit < 8 * good.n; bit++) {
            uint8_t *bad = vector_mutable(good);
            bad[bit / 8] ^= (uint8_t)(1U << bit % 8);
            cr_status status = ota_response_open(&f, keys_of(&p), true, cr_span_of(bad, good.n),
                                                 &scratch, &r, NULL);
            /* without a check: status and data are believed, the rest is compared */
            bool free_bytes = !(v->spi2 & OTA_SPI2_CHECK) && bit / 8 >= 12;
            if (free_bytes) {
                assert_int_equal(status, CR_OK);
                r.counter = 77;
            } else {
                assert_int_not_equal(status, CR_OK);
                assert_int_equal(r.counter, 77);
            }
        }
        /* Another counter, another TAR, other keys. */
        f.counter++;
        assert_int_equal(ota_response_open(&f, keys_of(&p), true, good, &scratch, &r, NULL),
                         CR_REFUSED);
        f.counter--;
        f.tar[1] ^= 1;
        assert_int_equal(ota_response_open(&f, keys_of(&p), true, good, &scratch, &r, NULL),
                         CR_REFUSED);
        f.tar[1] ^= 1;
        if (v->spi2 & OTA_SPI2_CHECK) {
            p.kid.value[0] ^= 2;
            assert_int_equal(ota_response_open(&f, keys_of(&p), true, good, &scratch, &r, NULL),
                             CR_REFUSED);
            struct ota_keys none = {&p.kic, NULL};
            assert_int_equal(ota_response_open(&f, none, true, good, &scratch, &r, NULL),
                             CR_REFUSED);
        }
        cr_buf_free(&scratch);
    }
}

/* A status that nothing proves is taken only where that is asked for, and never as success. */
static void test_bare_response(void **state)
{
    (void)state;
    struct keypair p = pair_of(KEYS_SGP02);
    struct ota_response_fields f = response_fields(&responses[0]);
    struct ota_response r;
    cr_buf scratch = {0};
    static const struct {
        const char *packet;
        bool taken;
    } bare[] = {
        {"000B0A00000100000000010006", true},    {"000B0A00000100000000000009", true},
        {"000B0A00000100000000010000", false},   {"000B0A00000100000000020006", false},
        {"000B0A00000100000000010106", false},   {"000B0A00000200000000010006", false},
        {"000C0A0000010000000001000600", false},
    };
    for (size_t i = 0; i < CR_COUNT(bare); i++) {
        cr_span packet = vector(bare[i].packet);
        cr_status status = ota_response_open(&f, keys_of(&p), true, packet, &scratch, &r, NULL);
        assert_int_equal(status == CR_OK, bare[i].taken);
        if (status == CR_OK) {
            assert_false(r.secured);
            assert_int_not_equal(r.status, OTA_STATUS_OK);
        }
        assert_int_not_equal(ota_response_open(&f, keys_of(&p), false, packet, &scratch, &r, NULL),
                             CR_OK);
    }
    cr_buf_free(&scratch);
}

/* Keys that are not there, or of another kind than the packet asks for. */
static void test_keys(void **state)
{
    (void)state;
    struct keypair p = pair_of(KEYS_SGP02);
    struct ota_command_header h;
    struct ota_command c;
    cr_buf scratch = {0};
    assert_int_equal(ota_command_read(OTA_SMS, vector(commands[0].packet), &h, NULL), OTA_OK);
    assert_int_equal(OTA_KVN(h.kic), 1);
    assert_int_equal(ota_command_open(&h, (struct ota_keys){NULL, &p.kid}, &scratch, &c, NULL),
                     OTA_KEY_UNKNOWN);
    assert_int_equal(ota_command_open(&h, (struct ota_keys){&p.kic, NULL}, &scratch, &c, NULL),
                     OTA_KEY_UNKNOWN);
    /* No single DES with the first half of a longer key, nor two keys where three are. */
    static const struct {
        uint8_t nibble;
        enum ota_algorithm algorithm;
        uint8_t n;
    } wrong[] = {
        {0x1, OTA_3DES_2, 16},
        {0x1, OTA_3DES_3, 24},
        {0x5, OTA_3DES_3, 24},
        {0x9, OTA_3DES_2, 16},
        {0xD, OTA_3DES_2, 16},
        {0x2, OTA_3DES_2, 16},
        {0x5, OTA_AES, 16},
        {0x9, OTA_AES, 24},
        {0x1, OTA_AES, 16},
        {0x5, OTA_3DES_2, 8},
        {0x2, OTA_AES, 8},
        {0x2, OTA_AES, 31},
        {0x0, OTA_ALGORITHM_IMPLICIT, 16},
        {0x3, OTA_AES, 16},
        {0xF, OTA_AES, 16},
        {0x6, OTA_3DES_2, 16},
        {0xE, OTA_3DES_3, 24},
        {0x5, OTA_DES_CBC, 8},
    };
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        struct ota_key k = some_key(wrong[i].algorithm, wrong[i].n, 3);
        struct ota_command_header other = h;
        other.kic = (uint8_t)(0x10 | wrong[i].nibble);
        assert_int_equal(
            ota_command_open(&other, (struct ota_keys){&k, &p.kid}, &scratch, &c, NULL),
            OTA_UNSUPPORTED);
        other = h;
        other.kid = (uint8_t)(0x10 | wrong[i].nibble);
        assert_int_equal(
            ota_command_open(&other, (struct ota_keys){&p.kic, &k}, &scratch, &c, NULL),
            OTA_UNSUPPORTED);
    }
    struct ota_command_header signed_one = h;
    signed_one.spi[0] |= OTA_SPI1_DS;
    assert_int_equal(ota_command_open(&signed_one, keys_of(&p), &scratch, &c, NULL),
                     OTA_UNSUPPORTED);
    cr_buf_free(&scratch);
}

/* CHL, PCNTR, and lengths of the ciphered part. */
static void test_structure(void **state)
{
    (void)state;
    struct keypair p = pair_of(KEYS_SGP02);
    struct ota_command_header h;
    struct ota_command c;
    struct cr_err err;
    cr_buf scratch = {0};
    cr_buf out = {0};
    /* Unciphered: any PCNTR but 0 is wrong. What a cipher makes of it: test_wrong_cipher_key(). */
    struct ota_command_fields f = {.kic = 0x12, .tar = {0, 0, 1}};
    for (unsigned pcntr = 0; pcntr < 256; pcntr++) {
        cr_buf_reset(&out);
        assert_int_equal(ota_command_build(&f, keys_of(&p), vector("010203"), &out, NULL), CR_OK);
        out.p[10 + OTA_COUNTER] = (uint8_t)pcntr;
        assert_int_equal(ota_command_read(OTA_SMS, cr_buf_span(&out), &h, &err), OTA_OK);
        assert_int_equal(ota_command_open(&h, keys_of(&p), &scratch, &c, &err),
                         pcntr == 0 ? OTA_OK : OTA_CIPHER_ERROR);
    }
    /* Every CHL. */
    cr_span good = vector(commands[0].packet);
    for (unsigned chl = 0; chl < 256; chl++) {
        uint8_t *bad = vector_mutable(good);
        bad[2] = (uint8_t)chl;
        enum ota_result result = ota_command_read(OTA_SMS, cr_span_of(bad, good.n), &h, &err);
        assert_int_equal(result, chl < 13 || chl > good.n - 3 ? OTA_MALFORMED : OTA_OK);
        if (result == OTA_OK) {
            assert_int_equal(ota_command_open(&h, keys_of(&p), &scratch, &c, &err),
                             chl == 0x15 ? OTA_OK : OTA_MALFORMED);
        }
    }
    /* A ciphered part that is no whole number of blocks. */
    uint8_t *cut = vector_mutable(good);
    cut[1]--;
    assert_int_equal(ota_command_read(OTA_SMS, cr_span_of(cut, good.n - 1), &h, &err), OTA_OK);
    assert_int_equal(ota_command_open(&h, keys_of(&p), &scratch, &c, &err), OTA_CIPHER_ERROR);
    /* RFU bits of SPI, PoR rule 3. */
    for (unsigned bit = 0; bit < 16; bit++) {
        uint8_t *bad = vector_mutable(good);
        bad[3 + bit / 8] ^= (uint8_t)(1U << bit % 8);
        bool rfu = (bit >= 5 && bit < 8) || bit >= 14 || bit == 9; /* 39 has b1: b2 makes 3 */
        assert_int_equal(ota_command_read(OTA_SMS, cr_span_of(bad, good.n), &h, &err),
                         rfu ? OTA_MALFORMED : OTA_OK);
    }
    /* BIP: identifier, long and indefinite lengths. */
    cr_span bip = vector(commands[1].packet);
    uint8_t longer[80] = {0x01, 0x81, 0x38};
    memcpy(longer + 3, bip.p + 2, bip.n - 2);
    assert_int_equal(ota_command_read(OTA_BIP, cr_span_of(longer, bip.n + 1), &h, &err), OTA_OK);
    assert_int_equal(ota_command_open(&h, keys_of(&p), &scratch, &c, &err), OTA_CHECK_FAILED);
    longer[1] = 0x80;
    assert_int_equal(ota_command_read(OTA_BIP, cr_span_of(longer, bip.n + 1), &h, &err),
                     OTA_MALFORMED);
    longer[1] = 0x85;
    assert_int_equal(ota_command_read(OTA_BIP, cr_span_of(longer, bip.n + 1), &h, &err),
                     OTA_MALFORMED);
    longer[0] = 0x02;
    assert_int_equal(ota_command_read(OTA_BIP, cr_span_of(longer, bip.n), &h, &err), OTA_MALFORMED);
    /* More than a packet holds. */
    f.spi[0] = OTA_SPI1_CIPHER;
    static uint8_t huge[OTA_PACKET_MAX + 1];
    assert_int_equal(ota_command_read(OTA_SMS, CR_SPAN_ARRAY(huge), &h, &err), OTA_MALFORMED);
    cr_buf_reset(&out);
    assert_int_equal(ota_command_build(&f, keys_of(&p), cr_span_of(huge, OTA_DATA_MAX), &out, &err),
                     CR_OK);
    assert_int_equal(ota_command_read(OTA_SMS, cr_buf_span(&out), &h, &err), OTA_OK);
    cr_buf_reset(&out);
    assert_int_equal(
        ota_command_build(&f, keys_of(&p), cr_span_of(huge, OTA_DATA_MAX + 1), &out, &err),
        CR_MALFORMED);
    f.counter = OTA_COUNTER_MAX + 1;
    assert_int_equal(ota_command_build(&f, keys_of(&p), vector("01"), &out, &err), CR_REFUSED);
    assert_int_equal(out.n, 0);
    cr_buf_free(&out);
    cr_buf_free(&scratch);
}

/* A ciphered packet without check whose PCNTR is too large: wrong keys look like this. */
static void test_wrong_cipher_key(void **state)
{
    (void)state;
    struct keypair p = pair_of(KEYS_3DES_CARD);
    struct ota_command_header h;
    struct ota_command c;
    cr_buf scratch = {0};
    unsigned refused = 0;
    assert_int_equal(ota_command_read(OTA_SMS, vector(commands[12].packet), &h, NULL), OTA_OK);
    for (unsigned i = 0; i < 128; i++) { /* bit 0 of a DES key byte is parity */
        p.kic.value[3] = (uint8_t)(2 * i);
        enum ota_result result = ota_command_open(&h, keys_of(&p), &scratch, &c, NULL);
        assert_true(result == OTA_OK || result == OTA_CIPHER_ERROR);
        refused += result == OTA_CIPHER_ERROR;
    }
    assert_true(refused > 100);
    cr_buf_free(&scratch);
}

/* ---- rules ---- */

static void test_counter(void **state)
{
    (void)state;
    static const struct {
        uint8_t spi1;
        uint64_t stored, received;
        enum ota_result result;
        uint64_t next;
    } rows[] = {
        {0x02, 5, 0, OTA_OK, 5},
        {0x0A, 5, 0, OTA_OK, 5},
        {0x0A, OTA_COUNTER_MAX, 0, OTA_OK, OTA_COUNTER_MAX},
        {0x12, 0, 0, OTA_COUNTER_LOW, 0},
        {0x12, 0, 1, OTA_OK, 1},
        {0x12, 5, 4, OTA_COUNTER_LOW, 0},
        {0x12, 5, 5, OTA_COUNTER_LOW, 0},
        {0x12, 5, 6, OTA_OK, 6},
        {0x12, 5, 900, OTA_OK, 900},
        {0x12, 5, OTA_COUNTER_MAX, OTA_OK, OTA_COUNTER_MAX},
        {0x12, OTA_COUNTER_MAX, OTA_COUNTER_MAX, OTA_COUNTER_BLOCKED, 0},
        {0x12, OTA_COUNTER_MAX, 1, OTA_COUNTER_BLOCKED, 0},
        {0x1A, 5, 5, OTA_COUNTER_LOW, 0},
        {0x1A, 5, 6, OTA_OK, 6},
        {0x1A, 5, 7, OTA_COUNTER_HIGH, 0},
        {0x1A, OTA_COUNTER_MAX - 1, OTA_COUNTER_MAX, OTA_OK, OTA_COUNTER_MAX},
        {0x1A, OTA_COUNTER_MAX, OTA_COUNTER_MAX, OTA_COUNTER_BLOCKED, 0},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        uint64_t next = 0;
        assert_int_equal(ota_counter_check(rows[i].spi1, rows[i].stored, rows[i].received, &next),
                         rows[i].result);
        assert_int_equal(next, rows[i].next);
    }
}

static void test_level(void **state)
{
    (void)state;
    static const struct {
        uint8_t spi1, minimum;
        bool ok;
    } rows[] = {
        {0x16, 0x16, true},  {0x16, 0x00, true},  {0x16, 0x02, true},  {0x12, 0x16, false},
        {0x06, 0x16, false}, {0x0E, 0x16, false}, {0x15, 0x16, false}, {0x14, 0x16, false},
        {0x1E, 0x16, true},  {0x16, 0x1E, false}, {0x02, 0x01, true},  {0x01, 0x02, false},
        {0x03, 0x03, false}, {0x16, 0x03, false}, {0x00, 0x00, true},  {0x16, 0xF6, true},
        {0x12, 0x04, false}, {0x04, 0x04, true},  {0x04, 0x01, false},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        assert_int_equal(ota_spi_sufficient(rows[i].spi1, rows[i].minimum), rows[i].ok);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(ota_status_name(0x00), "PoR OK");
    assert_string_equal(ota_status_name(0x09), "TAR unknown");
    assert_string_equal(ota_status_name(0x0C), "actual response follows in USSD");
    assert_string_equal(ota_status_name(0x0D), "reserved");
    assert_string_equal(ota_status_name(0xFF), "reserved");
    for (unsigned i = 0; i < OTA_RESULT_COUNT; i++) {
        const struct ota_result_row *row = ota_result_row((enum ota_result)i);
        assert_non_null(row->name);
        /* Who is not proved learns nothing of the counter. */
        bool counter = i == OTA_COUNTER_LOW || i == OTA_COUNTER_HIGH || i == OTA_COUNTER_BLOCKED;
        assert_int_equal(row->tell == OTA_TELL_STATUS, counter || i == OTA_OK);
    }
    assert_ptr_equal(ota_result_row((enum ota_result)99), ota_result_row(OTA_MALFORMED));
    for (unsigned spi2 = 0; spi2 < 4; spi2++) {
        assert_int_equal(ota_response_wanted((uint8_t)spi2, 0), spi2 == 1);
        assert_int_equal(ota_response_wanted((uint8_t)spi2, 9), spi2 == 1 || spi2 == 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_every_spi),
        cmocka_unit_test(test_short_mac),
        cmocka_unit_test(test_crc),
        cmocka_unit_test(test_command_broken),
        cmocka_unit_test(test_response_broken),
        cmocka_unit_test(test_bare_response),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_wrong_cipher_key),
        cmocka_unit_test(test_counter),
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
