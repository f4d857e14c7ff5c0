/*
 * SCP02 and SCP03 with APDUs: published sessions of real cards in both directions, every option
 * against itself, and each way to break a command, a response or the order of calls.
 */
#include "crypto/scp.h"

#include "crypto/des.h"

#include "vector.h"

/* Randomness that a test chooses. */
struct fixed {
    cr_span bytes;
};

static cr_status fixed_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    const struct fixed *f = ctx;
    if (f->bytes.n < n) {
        return cr_fail(err, CR_RESOURCE, NULL, "no randomness");
    }
    memcpy(p, f->bytes.p, n);
    return CR_OK;
}

static struct fixed dice;
static const cr_env env = {.ctx = &dice, .random = fixed_random};

static struct scp_key key_of(cr_span s)
{
    struct scp_key k = {.n = (uint8_t)s.n};
    assert_true(s.n <= sizeof k.value);
    memcpy(k.value, s.p, s.n);
    return k;
}

static struct scp_keys keys_of(const char *enc, const char *mac, const char *dek)
{
    return (struct scp_keys){key_of(vector(enc)), key_of(vector(mac)), key_of(vector(dek))};
}

/* ---- published sessions ---- */

#define K(n) #n "0" #n "1" #n "2" #n "3" #n "4" #n "5" #n "6" #n "7"
#define L(n) #n "8" #n "9" #n "a" #n "b" #n "c" #n "d" #n "e" #n "f"

static const struct session {
    const char *enc, *mac, *dek;
    uint8_t kvn;
    const char *host, *initialised, *authenticate;
    struct exchange {
        const char *plain, *wrapped, *answer, *data; /* answer with status word, NULL = not known */
    } exchanges[5];
} sessions[] = {
#define SCP03_KEYS_128 K(0) L(0), K(1) L(1), K(2) L(2), 0x30
#define SCP03_KEYS_192 K(0) L(0) K(0), K(1) L(1) K(1), K(2) L(2) K(2), 0x31
#define SCP03_KEYS_256 K(0) L(0) K(0) L(0), K(1) L(1) K(1) L(1), K(2) L(2) K(2) L(2), 0x32
#define EID_COMMAND    "80E2910006BF3E035C015A00"
#define EID_DATA       "bf3e125a1089882119900000000000000000000005"
#define CASE_1         "80F22002"
#define CASE_2         "80ca006600"
#define CASE_3         "80F220020a4f0212345c054f9f70c5"
#define CASE_4         "80f28002024f0000"
    {SCP03_KEYS_128,
     "b13e5f938fc108c4",
     "000000000000000000003003703eb51047495b249f66c484c1d2ef1948000002",
     "84821100107d5f5826a993ebc89eea24957fa0b3ce",
     {{EID_COMMAND, "84e291000ebf3e035c015a558d036518a2829700",
       "bf3e125a1089882119900000000000000000000005971be68992dbbdfa9000", EID_DATA},
      {CASE_1, "84f220020863a63f8959827fb2", NULL, NULL},
      {CASE_2, "84ca006608a0c6a4a74166f7ce00", NULL, NULL},
      {CASE_3, "84f22002124f0212345c054f9f70c52249b50272656536", NULL, NULL},
      {CASE_4, "84f280020a4f00e91443f6dce6b8ed00", NULL, NULL}}},
    {SCP03_KEYS_128,
     "8e1552d0513c60f3",
     "0000000000000000000030037030760cd2c47c1dd395065fe5ead8a9d7000001",
     "8482030010fd4721a14d9b07003c451d2f8ae6bb21",
     {{EID_COMMAND, "84e2910018ca9c00f6713d79bc8baa642bdff51c3f6a4082d3bd9ad26c00", EID_DATA "9000",
       EID_DATA},
      {CASE_1, "84f2200208c9811b11f1264cf1", NULL, NULL},
      {CASE_2, "84ca006608e10ab60b3054798800", NULL, NULL},
      {CASE_3, "84f22002184e2908bdb48b2315a55482e9e936ca122d6ecfae7d17416e", NULL, NULL},
      {CASE_4, "84f28002180dd10a6b6193e5340b9e77d32d5a179cd710ac2773aefb2800", NULL, NULL}}},
    {SCP03_KEYS_128,
     "fdf38259a1e0de44",
     "000000000000000000003003703b1aca81e821f219081cdc01c26b372d000003",
     "84823300108c36f96bcc00724a4e13ad591d7da3f0",
     {{EID_COMMAND, "84e2910018267a85dfe4a98fca6fb0527e0dfecce4914e40401433c87f00",
       "f3ba2b1013aa6224f5e1c138d71805c569e5439b47576260b75fc021b25097cb2e68f8a0144975b99000",
       EID_DATA},
      {CASE_1, "84f2200208ac6a59024bed84cc", NULL, NULL},
      {CASE_2, "84ca006608409912ad8fb7aed000", NULL, NULL},
      {CASE_3, "84f22002185f3dafc3ac14c381536a488bf44e06d056df9d74dbd21e5a", NULL, NULL},
      {CASE_4, "84f280021865165105be3373347d0424d4400af2ac393f569ec779389e00", NULL, NULL}}},
    {SCP03_KEYS_192,
     "7396430b768b085b",
     "000000000000000000003103708cfc23522ffdbf1e5df5542cac8fd866000003",
     "84821100102145ed30b146f5db252fb7e624cec244",
     {{EID_COMMAND, "84e291000ebf3e035c015aff42cf801d14394400",
       "bf3e125a1089882119900000000000000000000005162fbd33e04940a99000", EID_DATA},
      {CASE_1, "84f22002084584e4f6784811ee", NULL, NULL},
      {CASE_2, "84ca006608937776ebe190fa3000", NULL, NULL},
      {CASE_3, "84f22002124f0212345c054f9f70c59a52bddf3040368c", NULL, NULL},
      {CASE_4, "84f280020a4f009804b11411f7393d00", NULL, NULL}}},
    {SCP03_KEYS_192,
     "69c65da8202bf19f",
     "00000000000000000000310370b570a67be38446717729d6dd3d2ec5b1000001",
     "848203001065df4f1a356a887905466516d9e5b7c1",
     {{EID_COMMAND, "84e2910018d2c6fb477c5d4afe4fd4d21f17eff10d3578ec1774a12a2d00", EID_DATA "9000",
       EID_DATA},
      {CASE_1, "84f2200208964e188f0b1bb697", NULL, NULL},
      {CASE_2, "84ca006608f0820035a41d3e1800", NULL, NULL},
      {CASE_3, "84f220021806b076ed452cd1fa84f77f5c08a146aa77a9286757dea791", NULL, NULL},
      {CASE_4, "84f2800218d06527e39222dce091fabdb8e9b898417a67a6852d3577db00", NULL, NULL}}},
    {SCP03_KEYS_192,
     "9b3f2eef0e8c9374",
     "00000000000000000000310370f6bb305a15bae1a68f79fb08212fbed7000002",
     "84823300109100bc22d58b45b86a26365ce39ff3cf",
     {{EID_COMMAND, "84e29100188f7f946c84f70d17994bc6e8791251bb1bb1bf02cf8de58900",
       "c05176c1b6f72aae50c32cbee63b0e95998928fd4dfb2be9f27ffde8c8476f5909b4805cc40395999000",
       EID_DATA},
      {CASE_1, "84f2200208d5d97754b6b3d2ba", NULL, NULL},
      {CASE_2, "84ca006608516c82b8e30adbeb00", NULL, NULL},
      {CASE_3, "84f2200218cc247f4761e6944277a4e0d6e32e44025b1e31537e2fc668", NULL, NULL},
      {CASE_4, "84f2800218ba22b63d509bef5d093b43e5eaed03ed23144ab2d9cb51de00", NULL, NULL}}},
    {SCP03_KEYS_256,
     "11666d57866c6f54",
     "0000000000000000000032037053ea8847efa7674e41498a4d66cf0dee000003",
     "84821100102f2ad190eff2fafc4908996d1cebd310",
     {{EID_COMMAND, "84e291000ebf3e035c015af4b680372542b59d00",
       "bf3e125a10898821199000000000000000000000058012dd7f01f1c4c19000", EID_DATA},
      {CASE_1, "84f2200208d618b7da68d5fe52", NULL, NULL},
      {CASE_2, "84ca0066088f3e055db23ad5e500", NULL, NULL},
      {CASE_3, "84f22002124f0212345c054f9f70c5b6e15cc42404915e", NULL, NULL},
      {CASE_4, "84f280020a4f00aa124aa74afe7f7500", NULL, NULL}}},
    {SCP03_KEYS_256,
     "c6066990fc426e1d",
     "000000000000000000003203708682cd81bbd8919f2de3f2664581f118000001",
     "848203001077c493b632edadaf865a1e64acc07ce9",
     {{EID_COMMAND, "84e29100183ddaa60594963befaada3525b492ede23c2ab2c1ce3afe4400", EID_DATA "9000",
       EID_DATA},
      {CASE_1, "84f2200208480ddc8e419da38d", NULL, NULL},
      {CASE_2, "84ca0066083e9d6a6c0b2d732000", NULL, NULL},
      {CASE_3, "84f22002183ebfef2da8b04af2a85f491f299b76973df76ff08a4031be", NULL, NULL},
      {CASE_4, "84f2800218783fff80990f5585b1055010ea95094a26e4a8f1ef4b18e100", NULL, NULL}}},
    {SCP03_KEYS_256,
     "97b2055fe58599fd",
     "00000000000000000000320370a8439a22cedf045fa9f1903b2834f26e000002",
     "8482330010508a0fd959d2e547c6b33154a6be2057",
     {{EID_COMMAND, "84e29100187a5ef717eaf1e135ae92fe54429d0e465decda65f5fe5aea00",
       "ea90dbfa648a67c5eb6abc57f8530b97d0cd5647c5e8732016b55203b078dd2ace7f8bc5d1c1cd999000",
       EID_DATA},
      {CASE_1, "84f2200208bcc5c17275545d93", NULL, NULL},
      {CASE_2, "84ca00660804806aba9d543bb600", NULL, NULL},
      {CASE_3, "84f2200218717222491556ec81a45f49ce48be33320024801a1c4cb0e0", NULL, NULL},
      {CASE_4, "84f2800218561f105bccd3a1642904b251ccc1228beb80a82370a8637000", NULL, NULL}}},
    /* SGP.02: UpdateConnectivityParameters to an ISD-P. */
    {"3EF9DE61436E79E678D15459F2DF5DE0",
     "E6E0EA49CDD5D931745A3614655AFF70",
     "077C8F478632387F8E28E7A0656FC6D9",
     0x30,
     "1011121314151617",
     "000102030405060708093003702EEB01F5C736A840AB3CFD920322C1B5000002",
     "84823300108DBF43DD1F9B25F965B0896851EE7C79",
     {{"80E288000E3A070BA0090607912143658709F1",
       "84E28800180078C97B1B1F66C8881E495F5588039B1D651A286B4DC92E", "2D2214F487CC2F329000", ""}}},
    /* SCP02 with ICV encryption. */
    {"100102030405060708090a0b0c0d0e0f",
     "101102030405060708090a0b0c0d0e0f",
     "102102030405060708090a0b0c0d0e0f",
     0x70,
     "40A62C37FA6304F8",
     "00000000000000000000700200016B4524ABEE7CF32EA3838BC148F3",
     "8482010010BA6961667737C5BCEBECE14C7D6A4376",
     {{CASE_1, "84F220020814DB34FA4341DCA8", NULL, NULL},
      {CASE_2, "84CA00660855ED7C5FF069512B00", NULL, NULL},
      {CASE_3, "84F22002124F0212345C054F9F70C58FC1B380C4228AF8", NULL, NULL},
      {CASE_4, "84F280020A4F003B95F09317DE6A4E00", NULL, NULL}}},
};

static struct scp_session host_of(const struct session *v)
{
    struct scp_session s = {0};
    uint8_t challenge[SCP_CHALLENGE];
    struct scp_keys keys = keys_of(v->enc, v->mac, v->dek);
    dice.bytes = vector(v->host);
    assert_int_equal(scp_host_begin(&s, &keys, v->kvn, &env, challenge, NULL), CR_OK);
    assert_bytes(challenge, v->host);
    return s;
}

static struct scp_session opened(const struct session *v)
{
    struct scp_session s = host_of(v);
    struct cr_err err;
    cr_buf out = {0};
    assert_int_equal(scp_host_take(&s, vector(v->initialised), &err), CR_OK);
    assert_int_equal(s.facts.kvn, v->kvn);
    cr_span command = vector(v->authenticate);
    assert_int_equal(scp_host_authenticate(&s, command.p[2], &out, &err), CR_OK);
    assert_span(cr_buf_span(&out), v->authenticate);
    cr_buf_free(&out);
    assert_int_equal(s.level, command.p[2]);
    return s;
}

#define ISDR_AID "A0000005591010FFFFFFFF8900000100"
#define ISDP_AID "A0000005591010FFFFFFFF8900001000"

/* The card of a published session. Those of SCP03 were with an ISD-R, whose AID makes the very
 * challenges that the cards gave (the last with the ISD-P of SGP.02's example). The AID of the
 * SCP02 card is not known: its challenge comes as a random one, and i says so. */
static struct scp_session card_of(const struct session *v, cr_buf *answer)
{
    struct scp_session s = {0};
    struct scp_keys keys = keys_of(v->enc, v->mac, v->dek);
    cr_span told = vector(v->initialised);
    struct scp_card_facts facts = {.kvn = told.p[10]};
    cr_span aid = vector(v == &sessions[9] ? ISDP_AID : ISDR_AID);
    memcpy(facts.diversification, told.p, sizeof facts.diversification);
    dice.bytes = (cr_span){0};
    if (told.p[11] == 2) {
        facts.protocol = SCP_02;
        facts.i = 0x15;
        facts.sequence = (uint32_t)(told.p[12] << 8 | told.p[13]);
        dice.bytes = cr_span_sub(told, 14, 6);
    } else {
        facts.protocol = SCP_03;
        facts.i = told.p[12];
        facts.sequence = (uint32_t)(told.p[29] << 16 | told.p[30] << 8 | told.p[31]);
    }
    assert_int_equal(
        scp_card_initialise(&s, &facts, &keys, aid, vector(v->host), &env, answer, NULL), CR_OK);
    assert_span(cr_buf_span(answer), v->initialised);
    return s;
}

static void test_published_host(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(sessions); i++) {
        const struct session *v = &sessions[i];
        struct scp_session s = opened(v);
        for (size_t k = 0; k < CR_COUNT(v->exchanges) && v->exchanges[k].plain; k++) {
            const struct exchange *x = &v->exchanges[k];
            cr_buf out = {0};
            uint16_t sw = 0;
            assert_int_equal(scp_wrap_command(&s, vector(x->plain), &out, NULL), CR_OK);
            assert_span(cr_buf_span(&out), x->wrapped);
            cr_buf_reset(&out);
            if (x->answer) {
                assert_int_equal(scp_unwrap_response(&s, vector(x->answer), &out, &sw, NULL),
                                 CR_OK);
                assert_span(cr_buf_span(&out), x->data);
                assert_int_equal(sw, 0x9000);
            }
            cr_buf_free(&out);
        }
        scp_end(&s);
    }
}

static void test_published_card(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(sessions); i++) {
        const struct session *v = &sessions[i];
        cr_buf out = {0};
        struct scp_session s = card_of(v, &out);
        assert_int_equal(scp_card_authenticate(&s, vector(v->authenticate), NULL), CR_OK);
        for (size_t k = 0; k < CR_COUNT(v->exchanges) && v->exchanges[k].plain; k++) {
            const struct exchange *x = &v->exchanges[k];
            cr_buf_reset(&out);
            assert_int_equal(scp_unwrap_command(&s, vector(x->wrapped), &out, NULL), CR_OK);
            assert_span(cr_buf_span(&out), x->plain);
            cr_buf_reset(&out);
            if (x->answer) {
                assert_int_equal(scp_wrap_response(&s, vector(x->data), 0x9000, &out, NULL), CR_OK);
                assert_span(cr_buf_span(&out), x->answer);
            } else {
                assert_int_equal(scp_wrap_response(&s, (cr_span){0}, 0x6A88, &out, NULL), CR_OK);
            }
        }
        scp_end(&s);
        cr_buf_free(&out);
    }
}

/* A host that foretells the pseudo-random challenge, and the session keys of SGP.02's example. */
static void test_pseudo_random(void **state)
{
    (void)state;
    const struct session *v = &sessions[9];
    struct scp_keys keys = keys_of(v->enc, v->mac, v->dek);
    struct scp_card_facts facts = {.protocol = SCP_03,
                                   .i = 0x70,
                                   .kvn = 0x30,
                                   .sequence = 2,
                                   .diversification = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}};
    struct scp_session card = {0};
    cr_buf out = {0};
    dice.bytes = (cr_span){0}; /* nobody may ask for randomness */
    assert_int_equal(scp_card_initialise(&card, &facts, &keys, vector(ISDP_AID), vector(v->host),
                                         &env, &out, NULL),
                     CR_OK);
    assert_span(cr_buf_span(&out), v->initialised);
    assert_span(cr_span_of(card.s_enc, 16), "63F5DDD98DFE22B203D9649909330CFA");
    assert_span(cr_span_of(card.s_mac, 16), "671A1CD7341D926AEFB2531A5E5A6B5E");
    assert_span(cr_span_of(card.s_rmac, 16), "35009810365CADE78ED8AF6B286CFF36");

    /* The host foretells it, and refuses what was not foretold. */
    for (uint32_t sequence = 1; sequence <= 3; sequence++) {
        struct scp_session host = host_of(v);
        struct cr_err err;
        cr_buf apdu = {0};
        facts.sequence = sequence;
        assert_int_equal(scp_host_predict(&host, &facts, vector(ISDP_AID), NULL), CR_OK);
        assert_int_equal(scp_host_authenticate(&host, 0x33, &apdu, NULL), CR_OK);
        cr_status status = scp_host_take(&host, vector(v->initialised), &err);
        assert_int_equal(status, sequence == 2 ? CR_OK : CR_REFUSED);
        if (sequence == 2) {
            assert_span(cr_buf_span(&apdu), v->authenticate);
            assert_int_equal(host.state, SCP_STATE_OPEN);
        } else {
            assert_int_equal(host.state, SCP_STATE_NONE);
        }
        cr_buf_free(&apdu);
        scp_end(&host);
    }
    cr_buf_free(&out);
    scp_end(&card);
}

/* ---- every option against itself ---- */

struct pair {
    struct scp_session host, card;
};

static const struct scp_keys *pair_keys(enum scp_protocol protocol, size_t n, bool one)
{
    static struct scp_keys keys;
    memset(&keys, 0, sizeof keys);
    struct scp_key *each[] = {&keys.enc, &keys.mac, &keys.dek};
    for (size_t i = 0; i < 3; i++) {
        each[i]->n = (uint8_t)n;
        for (size_t k = 0; k < n; k++) {
            each[i]->value[k] = (uint8_t)((one ? 1 : i + 1) * 16 + k + (size_t)protocol);
        }
    }
    return &keys;
}

static bool pair_open(struct pair *p, enum scp_protocol protocol, uint8_t i, uint8_t level,
                      size_t n)
{
    const struct scp_keys *keys = pair_keys(protocol, n, protocol == SCP_02 && !(i & 1));
    struct scp_card_facts facts = {.protocol = protocol, .i = i, .kvn = 0x21, .sequence = 0x1234};
    uint8_t challenge[SCP_CHALLENGE];
    cr_buf out = {0};
    memset(p, 0, sizeof *p);
    dice.bytes = vector("0102030405060708");
    assert_int_equal(scp_host_begin(&p->host, keys, 0, &env, challenge, NULL), CR_OK);
    assert_int_equal(scp_card_initialise(&p->card, &facts, keys, vector("a000000151000000"),
                                         CR_SPAN_ARRAY(challenge), &env, &out, NULL),
                     CR_OK);
    if (protocol == SCP_02) {
        p->host.facts.i = i;
    }
    assert_int_equal(scp_host_take(&p->host, cr_buf_span(&out), NULL), CR_OK);
    cr_buf_reset(&out);
    bool ok = scp_host_authenticate(&p->host, level, &out, NULL) == CR_OK;
    assert_int_equal(ok, scp_level_supported(protocol, i, level));
    if (ok) {
        assert_int_equal(scp_card_authenticate(&p->card, cr_buf_span(&out), NULL), CR_OK);
        assert_int_equal(p->card.level, level);
    }
    cr_buf_free(&out);
    return ok;
}

static void pair_close(struct pair *p)
{
    scp_end(&p->host);
    scp_end(&p->card);
}

/* One command and its response through both ends. */
static void pair_exchange(struct pair *p, cr_span command, cr_span data, uint16_t sw)
{
    cr_buf wire = {0};
    cr_buf plain = {0};
    uint16_t got = 0;
    assert_int_equal(scp_wrap_command(&p->host, command, &wire, NULL), CR_OK);
    assert_true(wire.n <= SCP_COMMAND_MAX);
    assert_int_equal(scp_unwrap_command(&p->card, cr_buf_span(&wire), &plain, NULL), CR_OK);
    assert_true(cr_span_equal(command, cr_buf_span(&plain)));
    cr_buf_reset(&wire);
    cr_buf_reset(&plain);
    assert_int_equal(scp_wrap_response(&p->card, data, sw, &wire, NULL), CR_OK);
    assert_true(wire.n <= SCP_RESPONSE_MAX + 2);
    assert_int_equal(scp_unwrap_response(&p->host, cr_buf_span(&wire), &plain, &got, NULL), CR_OK);
    assert_true(cr_span_equal(data, cr_buf_span(&plain)));
    assert_int_equal(got, sw);
    cr_buf_free(&wire);
    cr_buf_free(&plain);
}

static void exchange_all(struct pair *p)
{
    static const uint8_t classes[] = {0x80, 0x83, 0x00, 0xC5, 0x41, 0xE0 & ~0x20};
    uint8_t command[SCP_COMMAND_MAX];
    uint8_t data[SCP_RESPONSE_MAX];
    memset(data, 0x80, sizeof data); /* looks like padding */
    size_t most = 255 - scp_command_overhead(&p->host);
    size_t most_back = SCP_RESPONSE_MAX - scp_response_overhead(&p->card);
    for (size_t n = 0; n <= most; n += n < 20 ? 1 : (most - n > 40 ? 37 : 1)) {
        size_t size = 0;
        command[size++] = classes[n % CR_COUNT(classes)];
        command[size++] = 0xE2;
        command[size++] = 0x12;
        command[size++] = (uint8_t)n;
        if (n > 0) {
            command[size++] = (uint8_t)n;
            memset(command + size, n % 3 ? 0 : 0x80, n);
            size += n;
        }
        if (n % 2) {
            command[size++] = 0x00;
        }
        size_t back = n * 7 % (most_back + 1);
        pair_exchange(p, cr_span_of(command, size), cr_span_of(data, back),
                      n % 5 == 1 ? 0x6310 : 0x9000);
        pair_exchange(p, cr_span_of(command, size), (cr_span){0}, 0x6A80);
    }
}

static void test_options(void **state)
{
    (void)state;
    unsigned opened_02 = 0;
    unsigned opened_03 = 0;
    for (unsigned i = 0; i < 256; i++) {
        for (unsigned level = 0; level < 0x40; level++) {
            struct pair p;
            if (scp_i_supported(SCP_02, (uint8_t)i) &&
                pair_open(&p, SCP_02, (uint8_t)i, (uint8_t)level, 16)) {
                exchange_all(&p);
                pair_close(&p);
                opened_02++;
            }
            for (size_t n = 16; n <= 32 && scp_i_supported(SCP_03, (uint8_t)i); n += 8) {
                if (pair_open(&p, SCP_03, (uint8_t)i, (uint8_t)level, n)) {
                    exchange_all(&p);
                    pair_close(&p);
                    opened_03++;
                }
            }
        }
    }
    assert_int_equal(opened_02, 8 * 3 + 8 * 6);       /* without and with R-MAC */
    assert_int_equal(opened_03, 3 * 2 * (3 + 5 + 6)); /* i = x0, x2, x6 */
    assert_false(scp_i_supported(SCP_NONE, 0x15));
    assert_false(scp_i_supported(SCP_02, 0x0A)); /* implicit */
    assert_false(scp_i_supported(SCP_02, 0x1A));
    assert_false(scp_i_supported(SCP_03, 0x71)); /* S16 */
    assert_false(scp_i_supported(SCP_03, 0x50)); /* R-ENCRYPTION without R-MAC */
}

/* One base key: three different ones are no such card. */
static void test_one_base_key(void **state)
{
    (void)state;
    struct scp_session s = {0};
    cr_buf out = {0};
    struct scp_card_facts facts = {.protocol = SCP_02, .i = 0x14, .kvn = 1};
    assert_int_equal(scp_card_initialise(&s, &facts, pair_keys(SCP_02, 16, false),
                                         vector("a000000151000000"), vector("0102030405060708"),
                                         &env, &out, NULL),
                     CR_REFUSED);
    assert_int_equal(s.state, SCP_STATE_NONE);
    assert_int_equal(out.n, 0);
}

/* PUT KEY under SCP02: a published cipher text; SCP03: the reverse only. */
static void test_sensitive(void **state)
{
    (void)state;
    cr_buf out = {0};
    cr_buf back = {.secret = true};
    struct scp_session s = opened(&sessions[10]);
    cr_span key = vector("303132333435363738393a3b3c3d3e3f");
    assert_int_equal(scp_encrypt_sensitive(&s, key, &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), "15abf1fe16ccc5aa13743394442942cd");
    assert_int_equal(scp_decrypt_sensitive(&s, cr_buf_span(&out), &back, NULL), CR_OK);
    assert_true(cr_span_equal(cr_buf_span(&back), key));
    for (size_t n = 0; n < 16; n++) {
        assert_int_equal(scp_encrypt_sensitive(&s, cr_span_sub(key, 0, n), &out, NULL),
                         n == 8 ? CR_OK : CR_MALFORMED);
    }
    scp_end(&s);
    assert_int_equal(scp_encrypt_sensitive(&s, key, &out, NULL), CR_REFUSED);

    /* AES-CBC with IV 0 under the static DEK: openssl enc -aes-128-cbc -nopad gives the same. */
    s = opened(&sessions[0]);
    cr_buf_reset(&out);
    cr_buf_reset(&back);
    assert_int_equal(scp_encrypt_sensitive(&s, key, &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), "a7adeeaecca54889b8621bec18527044");
    assert_int_equal(scp_decrypt_sensitive(&s, cr_buf_span(&out), &back, NULL), CR_OK);
    assert_true(cr_span_equal(cr_buf_span(&back), key));
    scp_end(&s);
    cr_buf_free(&out);
    cr_buf_free(&back);
}

/* ---- hostile ---- */

static void assert_wiped(const struct scp_session *s)
{
    static const struct scp_session none;
    assert_memory_equal(s, &none, sizeof none);
}

/* Each bit of INITIALIZE UPDATE's answer, each length. Diversification data is the host's own
 * business: no MAC covers it. */
static void test_answer_broken(void **state)
{
    (void)state;
    for (size_t v = 0; v < CR_COUNT(sessions); v++) {
        cr_span good = vector(sessions[v].initialised);
        for (size_t n = 0; n <= good.n + 3; n++) {
            struct scp_session s = host_of(&sessions[v]);
            uint8_t longer[64] = {0};
            memcpy(longer, good.p, n < good.n ? n : good.n);
            assert_int_equal(scp_host_take(&s, cr_span_of(longer, n), NULL) == CR_OK, n == good.n);
            if (n != good.n) {
                assert_wiped(&s);
            }
            scp_end(&s);
        }
        /* behind the diversification data; SCP03's sequence is told, not proved */
        for (size_t bit = 80; bit < 8 * (good.p[11] == 2 ? 28U : 29U); bit++) {
            struct scp_session s = host_of(&sessions[v]);
            uint8_t *bad = vector_mutable(good);
            bad[bit / 8] ^= (uint8_t)(1U << bit % 8);
            cr_status status = scp_host_take(&s, cr_span_of(bad, good.n), NULL);
            bool i_only = good.p[11] == 3 && bit / 8 == 12;
            if (i_only && status == CR_OK) { /* another i that is supported, of the same length */
                assert_true(scp_i_supported(SCP_03, bad[12]));
            } else {
                assert_int_not_equal(status, CR_OK);
                assert_wiped(&s);
            }
            scp_end(&s);
        }
    }
}

static void test_authenticate_broken(void **state)
{
    (void)state;
    for (size_t v = 0; v < CR_COUNT(sessions); v++) {
        cr_span good = vector(sessions[v].authenticate);
        for (size_t n = 0; n < good.n; n++) {
            cr_buf out = {0};
            struct scp_session s = card_of(&sessions[v], &out);
            assert_int_not_equal(scp_card_authenticate(&s, cr_span_sub(good, 0, n), NULL), CR_OK);
            assert_wiped(&s);
            cr_buf_free(&out);
        }
        for (size_t bit = 0; bit < 8 * good.n; bit++) {
            cr_buf out = {0};
            struct cr_err err = {0};
            struct scp_session s = card_of(&sessions[v], &out);
            uint8_t *bad = vector_mutable(good);
            bad[bit / 8] ^= (uint8_t)(1U << bit % 8);
            bool channel =
                bit < 2 || (bit == 6); /* channel bits of the class are not under the MAC */
            cr_status status = scp_card_authenticate(&s, cr_span_of(bad, good.n), &err);
            if (!channel) {
                assert_int_not_equal(status, CR_OK);
                assert_wiped(&s);
                assert_int_not_equal(err.code, 0);
                if (bit >= 40) {
                    assert_int_equal(err.code, SCP_SW_AUTHENTICATION);
                }
            }
            scp_end(&s);
            cr_buf_free(&out);
        }
    }
}

/* A wrong cryptogram under a right MAC: a host that has the session keys but answers another
 * challenge. */
static void test_wrong_cryptogram(void **state)
{
    (void)state;
    for (size_t v = 0; v < CR_COUNT(sessions); v++) {
        cr_buf out = {0};
        struct cr_err err;
        struct scp_session card = card_of(&sessions[v], &out);
        struct scp_session host = host_of(&sessions[v]);
        assert_int_equal(scp_host_take(&host, cr_buf_span(&out), NULL), CR_OK);
        host.challenge_host[0] ^= 1;
        cr_buf_reset(&out);
        assert_int_equal(scp_host_authenticate(&host, 0x01, &out, NULL), CR_OK);
        assert_int_equal(scp_card_authenticate(&card, cr_buf_span(&out), &err), CR_REFUSED);
        assert_int_equal(err.code, SCP_SW_AUTHENTICATION);
        assert_wiped(&card);
        scp_end(&host);
        cr_buf_free(&out);
    }
}

/* Each bit and each length of a wrapped command; a good one behind it is refused too. */
static void test_command_broken(void **state)
{
    (void)state;
    for (size_t v = 0; v < CR_COUNT(sessions); v++) {
        const struct exchange *x = &sessions[v].exchanges[0];
        cr_span good = vector(x->wrapped);
        for (size_t bit = 0; bit < 8 * good.n + good.n; bit++) {
            cr_buf out = {0};
            struct scp_session s = card_of(&sessions[v], &out);
            assert_int_equal(scp_card_authenticate(&s, vector(sessions[v].authenticate), NULL),
                             CR_OK);
            cr_buf_reset(&out);
            cr_span bad;
            if (bit < 8 * good.n) {
                uint8_t *p = vector_mutable(good);
                p[bit / 8] ^= (uint8_t)(1U << bit % 8);
                bad = cr_span_of(p, good.n);
                bool channel = bit < 2;
                bool le = bit / 8 == good.n - 1 && vector(x->plain).p[vector(x->plain).n - 1] == 0;
                if (channel || le) { /* neither is under the MAC */
                    scp_end(&s);
                    cr_buf_free(&out);
                    continue;
                }
            } else {
                bad = cr_span_sub(good, 0, bit - 8 * good.n);
                if (bad.n == good.n - 1 && (size_t)good.p[4] + 5 == bad.n) { /* Le cut off */
                    scp_end(&s);
                    cr_buf_free(&out);
                    continue;
                }
            }
            struct cr_err err = {0};
            assert_int_not_equal(scp_unwrap_command(&s, bad, &out, &err), CR_OK);
            assert_int_not_equal(err.code, 0);
            assert_int_equal(out.n, 0);
            assert_wiped(&s);
            assert_int_equal(scp_unwrap_command(&s, good, &out, &err), CR_REFUSED);
            assert_int_equal(err.code, SCP_SW_CONDITIONS);
            cr_buf_free(&out);
        }
    }
}

static void test_response_broken(void **state)
{
    (void)state;
    for (size_t v = 0; v < CR_COUNT(sessions); v++) {
        const struct exchange *x = &sessions[v].exchanges[0];
        if (!x->answer || !(vector(sessions[v].authenticate).p[2] & SCP_LEVEL_R_MAC)) {
            continue;
        }
        cr_span good = vector(x->answer);
        for (size_t bit = 0; bit < 9 * good.n; bit++) {
            struct scp_session s = opened(&sessions[v]);
            cr_buf out = {0};
            uint16_t sw = 0x1234;
            assert_int_equal(scp_wrap_command(&s, vector(x->plain), &out, NULL), CR_OK);
            cr_buf_reset(&out);
            uint8_t *p = vector_mutable(good);
            cr_span bad = cr_span_of(p, good.n);
            if (bit < 8 * good.n) {
                p[bit / 8] ^= (uint8_t)(1U << bit % 8);
            } else {
                bad.n = bit - 8 * good.n;
            }
            if (bad.n == 2) { /* a bare error status, which SCP03 does not prove */
                bad.n = 1;
            }
            assert_int_not_equal(scp_unwrap_response(&s, bad, &out, &sw, NULL), CR_OK);
            assert_int_equal(sw, 0x1234);
            assert_int_equal(out.n, 0);
            assert_wiped(&s);
            cr_buf_free(&out);
        }
    }
}

/* Replays, commands in another order, a command without its MAC. */
static void test_order(void **state)
{
    (void)state;
    struct pair p;
    cr_buf first = {0};
    cr_buf out = {0};
    static const enum scp_protocol protocols[] = {SCP_02, SCP_03};
    for (size_t k = 0; k < 2; k++) {
        uint8_t i = protocols[k] == SCP_02 ? 0x75 : 0x70;
        cr_span command = vector("80e2880003010203");
        assert_true(pair_open(&p, protocols[k], i, 0x13, 16));
        cr_buf_reset(&first);
        assert_int_equal(scp_wrap_command(&p.host, command, &first, NULL), CR_OK);
        assert_int_equal(scp_unwrap_command(&p.card, cr_buf_span(&first), &out, NULL), CR_OK);
        cr_buf_reset(&out);
        assert_int_equal(scp_unwrap_command(&p.card, cr_buf_span(&first), &out, NULL), CR_REFUSED);
        assert_wiped(&p.card);
        pair_close(&p);

        assert_true(pair_open(&p, protocols[k], i, 0x13, 16));
        struct cr_err err;
        assert_int_equal(scp_unwrap_command(&p.card, command, &out, &err), CR_REFUSED);
        assert_int_equal(err.code, SCP_SW_SECURITY);
        assert_wiped(&p.card);
        pair_close(&p);

        /* A response where no command is, two responses for one. */
        assert_true(pair_open(&p, protocols[k], i, 0x13, 16));
        uint16_t sw = 0;
        assert_int_equal(scp_wrap_response(&p.card, command, 0x9000, &out, &err), CR_REFUSED);
        assert_int_equal(scp_unwrap_response(&p.host, vector("9000"), &out, &sw, &err), CR_REFUSED);
        pair_exchange(&p, command, (cr_span){0}, 0x9000);
        assert_int_equal(scp_wrap_response(&p.card, command, 0x9000, &out, &err), CR_REFUSED);
        /* The ends do not do each other's work. */
        assert_int_equal(scp_wrap_command(&p.card, command, &out, &err), CR_REFUSED);
        assert_int_equal(scp_unwrap_command(&p.host, command, &out, &err), CR_REFUSED);
        assert_int_equal(scp_card_authenticate(&p.card, command, &err), CR_REFUSED);
        assert_int_equal(scp_host_take(&p.host, command, &err), CR_REFUSED);
        assert_int_equal(scp_host_authenticate(&p.host, 1, &out, &err), CR_REFUSED);
        /* What is refused before anything was done leaves the session alive. */
        assert_int_equal(scp_wrap_command(&p.host, vector("84e2880003010203"), &out, &err),
                         CR_REFUSED);
        assert_int_equal(scp_wrap_command(&p.host, vector("90e2880003010203"), &out, &err),
                         CR_REFUSED);
        assert_int_equal(scp_wrap_command(&p.host,
                                          vector("80e28800"
                                                 "0003010203"),
                                          &out, &err),
                         CR_MALFORMED);
        uint8_t longest[260] = {0x80, 0xE2, 0, 0, 255};
        assert_int_equal(scp_wrap_command(&p.host, CR_SPAN_ARRAY(longest), &out, &err),
                         CR_MALFORMED);
        assert_int_equal(err.code, SCP_SW_LENGTH);
        pair_exchange(&p, command, (cr_span){0}, 0x9000);
        pair_close(&p);
        cr_buf_reset(&out);
    }
    cr_buf_free(&first);
    cr_buf_free(&out);
}

/* Each bit of a response under SCP02's R-MAC, with C-MAC and without; errors have one too. */
static void test_scp02_response_broken(void **state)
{
    (void)state;
    static const uint8_t levels[] = {0x10, 0x11, 0x13};
    for (size_t l = 0; l < sizeof levels; l++) {
        for (unsigned error = 0; error < 2; error++) {
            for (size_t bit = 0; bit <= 8 * 13; bit++) {
                struct pair p;
                cr_buf out = {0};
                cr_buf plain = {0};
                uint16_t sw = 0;
                assert_true(pair_open(&p, SCP_02, 0x75, levels[l], 16));
                assert_int_equal(scp_wrap_command(&p.host, vector("80e2880003010203"), &out, NULL),
                                 CR_OK);
                assert_int_equal(scp_unwrap_command(&p.card, cr_buf_span(&out), &plain, NULL),
                                 CR_OK);
                cr_buf_reset(&out);
                cr_buf_reset(&plain);
                assert_int_equal(scp_wrap_response(&p.card, vector("a1a2a3"),
                                                   error ? 0x6A80 : 0x9000, &out, NULL),
                                 CR_OK);
                assert_int_equal(out.n, 13);
                if (bit < 8 * out.n) {
                    out.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
                }
                assert_int_equal(scp_unwrap_response(&p.host, cr_buf_span(&out), &plain, &sw, NULL),
                                 bit < 8 * out.n ? CR_REFUSED : CR_OK);
                assert_int_equal(plain.n, bit < 8 * out.n ? 0 : 3);
                pair_close(&p);
                cr_buf_free(&out);
                cr_buf_free(&plain);
            }
        }
    }
}

/* A wrong padding is refused under a right MAC too: with the session keys in hand. */
static void test_scp02_padding(void **state)
{
    (void)state;
    static const char *const blocks[] = {"0102030405060780", "0102030405060708", "0000000000000000",
                                         "0180000000000001"};
    static const uint8_t zero[8];
    for (size_t i = 0; i < CR_COUNT(blocks); i++) {
        struct pair p;
        uint8_t icv[8];
        cr_buf out = {0};
        struct cr_err err;
        bool good = i == 0;
        cr_span block = vector(blocks[i]);
        uint8_t apdu[21] = {0x84, 0xE2, 0x00, 0x00, 0x10};
        uint8_t head[5] = {0x84, 0xE2, 0x00, 0x00, (uint8_t)(good ? 7 + 8 : 8 + 8)};
        assert_true(pair_open(&p, SCP_02, 0x55, 0x03, 16));
        assert_int_equal(
            crypto_des_ecb(true, cr_span_of(p.host.s_mac, 8), p.host.chain, 8, icv, NULL), CR_OK);
        const cr_span parts[] = {CR_SPAN_ARRAY(head), cr_span_sub(block, 0, good ? 7 : 8)};
        assert_int_equal(crypto_des_retail_mac(cr_span_of(p.host.s_mac, 16), icv, parts, 2,
                                               CRYPTO_DES_PAD_ONE, apdu + 13, NULL),
                         CR_OK);
        assert_int_equal(
            crypto_des_cbc(true, cr_span_of(p.host.s_enc, 16), zero, block.p, 8, apdu + 5, NULL),
            CR_OK);
        assert_int_equal(scp_unwrap_command(&p.card, CR_SPAN_ARRAY(apdu), &out, &err),
                         good ? CR_OK : CR_REFUSED);
        pair_close(&p);
        cr_buf_free(&out);
    }
}

/* An SCP02 padding that is wrong under a right MAC cannot be told from a wrong MAC. */
static void test_no_oracle(void **state)
{
    (void)state;
    struct pair p;
    struct cr_err bad_padding;
    struct cr_err bad_mac;
    cr_buf out = {0};
    cr_buf plain = {0};
    for (unsigned flip = 0; flip < 2; flip++) {
        assert_true(pair_open(&p, SCP_02, 0x55, 0x03, 16));
        assert_int_equal(scp_wrap_command(&p.host, vector("80e2880003010203"), &out, NULL), CR_OK);
        out.p[flip ? 5 + 7 : out.n - 1] ^= 1;
        assert_int_equal(
            scp_unwrap_command(&p.card, cr_buf_span(&out), &plain, flip ? &bad_padding : &bad_mac),
            CR_REFUSED);
        cr_buf_reset(&out);
        pair_close(&p);
    }
    assert_int_equal(bad_padding.code, bad_mac.code);
    assert_string_equal(bad_padding.cause, bad_mac.cause);
    assert_int_equal(plain.n, 0);
    cr_buf_free(&out);
    cr_buf_free(&plain);
}

static void test_beginning_refused(void **state)
{
    (void)state;
    struct scp_session s = {0};
    struct scp_session other = {0};
    uint8_t challenge[8];
    cr_buf out = {0};
    struct cr_err err;
    struct scp_keys keys = *pair_keys(SCP_03, 16, false);
    struct scp_card_facts facts = {.protocol = SCP_03, .i = 0x70, .kvn = 1, .sequence = 0xFFFFFF};
    cr_span aid = vector("a000000151000000");
    dice.bytes = vector("0102030405060708");
    for (size_t n = 0; n <= 20; n++) {
        static const uint8_t zeros[20];
        assert_int_equal(
            scp_card_initialise(&s, &facts, &keys, aid, cr_span_of(zeros, n), &env, &out, NULL),
            n == 8 ? CR_OK : CR_MALFORMED);
        assert_int_equal(scp_card_initialise(&s, &facts, &keys, cr_span_of(zeros, n),
                                             CR_SPAN_ARRAY(challenge), &env, &out, NULL),
                         n >= 5 && n <= 16 ? CR_OK : CR_REFUSED);
    }
    out.n = 0;
    facts.sequence = 0x1000000;
    assert_int_equal(
        scp_card_initialise(&s, &facts, &keys, aid, CR_SPAN_ARRAY(challenge), &env, &out, NULL),
        CR_REFUSED);
    facts.sequence = 0x10000;
    facts.protocol = SCP_02;
    facts.i = 0x55;
    assert_int_equal(
        scp_card_initialise(&s, &facts, &keys, aid, CR_SPAN_ARRAY(challenge), &env, &out, NULL),
        CR_REFUSED);
    facts.sequence = 0;
    keys.dek.n = 24;
    assert_int_equal(
        scp_card_initialise(&s, &facts, &keys, aid, CR_SPAN_ARRAY(challenge), &env, &out, NULL),
        CR_REFUSED);
    assert_int_equal(scp_host_begin(&s, &keys, 0, &env, challenge, NULL), CR_MALFORMED);
    keys = *pair_keys(SCP_03, 20, false);
    assert_int_equal(scp_host_begin(&s, &keys, 0, &env, challenge, NULL), CR_MALFORMED);
    /* No randomness, no session. */
    dice.bytes = (cr_span){0};
    keys = *pair_keys(SCP_03, 16, false);
    assert_int_equal(scp_host_begin(&s, &keys, 0, &env, challenge, NULL), CR_RESOURCE);
    facts = (struct scp_card_facts){.protocol = SCP_03, .i = 0x60, .kvn = 1};
    assert_int_equal(
        scp_card_initialise(&s, &facts, &keys, aid, CR_SPAN_ARRAY(challenge), &env, &out, NULL),
        CR_RESOURCE);
    assert_wiped(&s);
    assert_int_equal(out.n, 0);
    /* Another key version than asked for; SCP02 where the keys are of 32 bytes. */
    dice.bytes = vector("0102030405060708");
    assert_int_equal(scp_host_begin(&s, &keys, 0x31, &env, challenge, NULL), CR_OK);
    assert_int_equal(
        scp_card_initialise(&other, &facts, &keys, aid, CR_SPAN_ARRAY(challenge), &env, &out, NULL),
        CR_OK);
    assert_int_equal(scp_host_take(&s, cr_buf_span(&out), &err), CR_REFUSED);
    keys = *pair_keys(SCP_03, 32, false);
    assert_int_equal(scp_host_begin(&s, &keys, 0, &env, challenge, NULL), CR_OK);
    assert_int_equal(scp_host_take(&s, vector(sessions[10].initialised), &err), CR_REFUSED);
    assert_wiped(&s);
    /* Only SCP03 with a pseudo-random challenge can be foretold. */
    for (unsigned i = 0; i < 256; i++) {
        assert_int_equal(scp_host_begin(&s, &keys, 0, &env, challenge, NULL), CR_OK);
        facts.i = (uint8_t)i;
        facts.protocol = SCP_03;
        bool can = i == 0x10 || i == 0x30 || i == 0x70;
        assert_int_equal(scp_host_predict(&s, &facts, aid, NULL) == CR_OK, can);
        facts.protocol = SCP_02;
        if (!can) {
            assert_int_equal(scp_host_predict(&s, &facts, aid, NULL), CR_REFUSED);
        }
    }
    scp_end(&s);
    scp_end(&other);
    scp_end(NULL);
    cr_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_host),
        cmocka_unit_test(test_published_card),
        cmocka_unit_test(test_pseudo_random),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_one_base_key),
        cmocka_unit_test(test_sensitive),
        cmocka_unit_test(test_answer_broken),
        cmocka_unit_test(test_authenticate_broken),
        cmocka_unit_test(test_command_broken),
        cmocka_unit_test(test_wrong_cryptogram),
        cmocka_unit_test(test_response_broken),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_scp02_response_broken),
        cmocka_unit_test(test_scp02_padding),
        cmocka_unit_test(test_no_oracle),
        cmocka_unit_test(test_beginning_refused),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
