/*
 * BSP: the worked vectors of SGP.22 on one chain in wire order, and each way to break a TLV.
 */
#include "crypto/bsp.h"

#include "base/file.h"
#include "crypto/ec.h"
#include "crypto/symmetric.h"

#include "vector.h"

#include <stdio.h>

#define V1_Z   "8902dca391bbb22570fe60c176076246f568b1941265dff1d729e63039658089"
#define V2_Z   "c9a993dd4879a8f7161f2085410edd4f9652f1df37be097ba96ba2ca6be528fe"
#define HOST   "8080808080808080"
#define V1_EID "89049032123451234512345678901335"
#define V2_EID "89049032123451234512345678901235"

static struct bsp_keys derive(const char *z, const char *eid)
{
    struct bsp_keys keys;
    assert_int_equal(bsp_derive(vector(z), BSP_KEY_TYPE_AES, BSP_KEY_LENGTH, vector(HOST),
                                vector(eid), &keys, NULL),
                     CR_OK);
    return keys;
}

/* The keys that the third TLV of the worked example carries. */
static struct bsp_keys replacement(void)
{
    struct bsp_keys keys;
    for (uint8_t i = 0; i < BSP_KEY; i++) {
        keys.mcv[i] = keys.s_enc[i] = keys.s_mac[i] = i;
    }
    keys.s_enc[0] = 1;
    keys.s_mac[0] = 2;
    return keys;
}

static struct bsp *chain_new(struct bsp_keys keys)
{
    struct bsp *bsp = NULL;
    assert_int_equal(bsp_new(&keys, &bsp, NULL), CR_OK);
    return bsp;
}

static void test_derive(void **state)
{
    (void)state;
    struct bsp_keys k = derive(V1_Z, V1_EID);
    assert_bytes(k.mcv, "734bc93ddb10c71c5ad13d420dc08b5b");
    assert_bytes(k.s_enc, "d782d575b22a38334556a3d9a1e2ae6b");
    assert_bytes(k.s_mac, "a35addc192ae8f934e2932116c7e89e7");
    k = derive(V2_Z, V2_EID);
    assert_bytes(k.mcv, "406d507b448a699e7a36a38494debbde");
    assert_bytes(k.s_enc, "472f5bfadd97f21d34f3ce9b51b92751");
    assert_bytes(k.s_mac, "9ec07f5b36a13e12a991d66e294e6242");
}

static void test_derive_refused(void **state)
{
    (void)state;
    struct bsp_keys k;
    memset(&k, 0x5A, sizeof k);
    cr_span z = vector(V1_Z);
    cr_span host = vector("00112233445566778899aabbccddeeff00");
    cr_span eid = vector(V1_EID);
    for (size_t n = 0; n <= 17; n++) {
        struct bsp_keys some;
        assert_int_equal(bsp_derive(z, 0x88, 0x10, cr_span_sub(host, 0, n), eid, &some, NULL),
                         n >= 1 && n <= 16 ? CR_OK : CR_MALFORMED);
    }
    assert_int_equal(bsp_derive(z, 0x89, 0x10, eid, eid, &k, NULL), CR_REFUSED);
    assert_int_equal(bsp_derive(z, 0x88, 0x20, eid, eid, &k, NULL), CR_REFUSED);
    assert_int_equal(bsp_derive(z, 0x88, 0x10, eid, host, &k, NULL), CR_MALFORMED);
    assert_int_equal(bsp_derive(z, 0x88, 0x10, eid, (cr_span){0}, &k, NULL), CR_MALFORMED);
    assert_int_equal(bsp_derive(cr_span_sub(z, 0, 31), 0x88, 0x10, eid, eid, &k, NULL),
                     CR_MALFORMED);
    assert_int_equal(k.mcv[0], 0x5A);
}

/* ---- the worked chain ---- */

#define METADATA                                                                                   \
    "bf252d5a0a98001032547698103214910947534d415f54455354921147534d415f544553545f50524f46494c45"   \
    "950100"

static const struct step {
    uint8_t tag;
    const char *plain, *tlv, *icv;
} worked[] = {
    {0x87, "bf2400", "8718f6fe031e4b9cfe87c8e1e62f3fde85c49412d7722a6a2d89",
     "cbaeaf843222738e67d2d10c793109b1"},
    {0x88, METADATA, "8838" METADATA "8a62cc9adbb5ccbc", NULL},
    {0x87,
     "bf2636 8010000102030405060708090a0b0c0d0e0f 8110010102030405060708090a0b0c0d0e0f"
     "8210020102030405060708090a0b0c0d0e0f",
     "8748a14c800a001992351cd46ad2945654674369701d82b7b46567652bc8fbed234939fc57fba748015525fd6c65"
     "1e9d3d1330652d42a0cfad950e912122af4ec5362d3c0bc535729c40",
     "34172cde3eeac7c8eef819445b5d3ce8"},
};

static void test_worked_chain(void **state)
{
    (void)state;
    struct bsp_keys keys = derive(V2_Z, V2_EID); /* told by the first ICV */
    struct bsp *server = chain_new(keys);
    struct bsp *chip = chain_new(keys);
    for (size_t i = 0; i < CR_COUNT(worked); i++) {
        cr_buf tlv = {0};
        cr_buf plain = {0};
        assert_int_equal(bsp_protect(server, worked[i].tag, vector(worked[i].plain), &tlv, NULL),
                         CR_OK);
        assert_span(cr_buf_span(&tlv), worked[i].tlv);
        assert_int_equal(bsp_open(chip, cr_buf_span(&tlv), &plain, NULL), CR_OK);
        assert_span(cr_buf_span(&plain), worked[i].plain);
        if (worked[i].icv) {
            uint8_t counter[16] = {0};
            uint8_t icv[16];
            counter[15] = (uint8_t)(i + 1);
            assert_int_equal(crypto_aes_block(CR_SPAN_ARRAY(keys.s_enc), counter, icv, NULL),
                             CR_OK);
            assert_bytes(icv, worked[i].icv);
        }
        cr_buf_free(&tlv);
        cr_buf_free(&plain);
    }
    bsp_free(server);
    bsp_free(chip);
}

/* The full CMAC of each step is the next chaining value: computed here from the TLV. */
static void test_worked_chaining_values(void **state)
{
    (void)state;
    static const char *const full[] = {"9412d7722a6a2d8930d8ba424f048693",
                                       "8a62cc9adbb5ccbc281d71d08802aa82",
                                       "2d3c0bc535729c40c8dd748f6d8ae80b"};
    struct bsp_keys keys = derive(V2_Z, V2_EID); /* told by the first ICV */
    for (size_t i = 0; i < CR_COUNT(worked); i++) {
        cr_span tlv = vector(worked[i].tlv);
        const cr_span parts[] = {CR_SPAN_ARRAY(keys.mcv), cr_span_sub(tlv, 0, tlv.n - BSP_MAC)};
        uint8_t mac[16];
        assert_int_equal(crypto_cmac(CR_SPAN_ARRAY(keys.s_mac), parts, 2, mac, NULL), CR_OK);
        assert_bytes(mac, full[i]);
        memcpy(keys.mcv, mac, sizeof mac);
    }
}

/* ---- full segments ---- */

#define PATTERN_SIZE 20000

static cr_span pattern(void)
{
    uint8_t *p = cr_arena_alloc(&vector_arena, PATTERN_SIZE);
    assert_non_null(p);
    for (size_t i = 0; i < PATTERN_SIZE; i++) {
        p[i] = (uint8_t)(i * 7 + i / 256);
    }
    return cr_span_of(p, PATTERN_SIZE);
}

static size_t tlv_size(cr_span tlv)
{
    assert_true(tlv.n > 4);
    if (tlv.p[1] == 0x82) {
        return 4 + ((size_t)tlv.p[2] << 8 | tlv.p[3]);
    }
    return tlv.p[1] == 0x81 ? 3 + (size_t)tlv.p[2] : 2 + (size_t)tlv.p[1];
}

/* Digests of 86, 88 and 87 after one another on one chain, computed with another implementation of
 * AES and CMAC (Python's cryptography) from the description of the protocol. */
static void test_full_segments(void **state)
{
    (void)state;
    static const struct {
        uint8_t tag;
        size_t cut, size;
        const char *sha256;
    } runs[] = {{0x86, BSP_MAX_PLAIN, 20272,
                 "a340a0037d4500194e3321e6a190925a12708078c7ce9e80514facb52527d417"},
                {0x88, BSP_MAX_CLEAR, 20240,
                 "9f531612f00528e8585cfb81ec33c5c39011d52d97fe3b4aa42e8ba6df1bd2f9"},
                {0x87, BSP_MAX_PLAIN, 20272,
                 "832201f6e06f6d265c18550c040904a3545c0e8bd7b631cd657990ed654b3a02"}};
    cr_span plain = pattern();
    struct bsp *server = chain_new(replacement());
    struct bsp *chip = chain_new(replacement());
    for (size_t i = 0; i < CR_COUNT(runs); i++) {
        cr_buf out = {0};
        cr_buf opened = {0};
        uint8_t digest[CRYPTO_SHA256];
        assert_int_equal(bsp_protect_all(server, runs[i].tag, plain, &out, NULL), CR_OK);
        crypto_sha256(cr_buf_span(&out), digest);
        assert_int_equal(out.n, runs[i].size);
        assert_bytes(digest, runs[i].sha256);
        for (cr_span rest = cr_buf_span(&out); rest.n > 0;) {
            size_t n = tlv_size(rest);
            size_t before = opened.n;
            assert_true(n <= BSP_MAX_SEGMENT);
            assert_int_equal(bsp_open(chip, cr_span_sub(rest, 0, n), &opened, NULL), CR_OK);
            if (n < rest.n) { /* all but the last are as large as they may be */
                assert_int_equal(n, BSP_MAX_SEGMENT);
                assert_int_equal(opened.n - before, runs[i].cut);
            }
            rest = cr_span_sub(rest, n, rest.n);
        }
        assert_true(cr_span_equal(cr_buf_span(&opened), plain));
        cr_buf_free(&out);
        cr_buf_free(&opened);
    }
    bsp_free(server);
    bsp_free(chip);
}

/* Every plain length around the block size and up to the limits comes back. */
static void test_all_lengths(void **state)
{
    (void)state;
    cr_span plain = pattern();
    static const uint8_t tags[] = {0x86, 0x87, 0x88};
    struct bsp *server = chain_new(replacement());
    struct bsp *chip = chain_new(replacement());
    for (size_t t = 0; t < CR_COUNT(tags); t++) {
        size_t most = tags[t] == 0x88 ? BSP_MAX_CLEAR : BSP_MAX_PLAIN;
        for (size_t n = 0; n <= most; n++) {
            cr_buf tlv = {0};
            cr_buf opened = {0};
            cr_span part = cr_span_sub(plain, n, n);
            assert_int_equal(bsp_protect(server, tags[t], part, &tlv, NULL), CR_OK);
            assert_int_equal(tlv_size(cr_buf_span(&tlv)), tlv.n);
            assert_true(tlv.n <= BSP_MAX_SEGMENT);
            assert_int_equal(bsp_open(chip, cr_buf_span(&tlv), &opened, NULL), CR_OK);
            assert_true(cr_span_equal(cr_buf_span(&opened), part));
            cr_buf_free(&tlv);
            cr_buf_free(&opened);
        }
    }
    bsp_free(server);
    bsp_free(chip);
}

/* Steps 4 and 5 of the worked example: two full cuts of a published sample profile, which is not
 * part of this repository. */
static void test_worked_segments(void **state)
{
    (void)state;
    static const struct {
        const char *icv, *plain, *tlv, *mac;
    } steps[] = {
        {"990a295f3c88eb8758a7721d84517d96",
         "6e39ea5093e75045f73851126f2fd757c32f162ec873cf47c379a85e20ee02fe",
         "629695172969347e09b884d8da9e5896001dddeaae585d653818d2a0adedd1ac", "8b991c8ced12d34c"},
        {"d86f99d4111a1ae637d04e6664df9ddc",
         "f4678521227e32ea6d1870e856af5a4fe7e988c2a4cd37f614e564bf1132a327",
         "95b30ddbecfed93d7ea56c741419f04f61f97b3f3674d47d63661a9ac148e452", "482099327006acff"}};
    struct bsp_keys keys = replacement();
    uint8_t digest[CRYPTO_SHA256];
    for (size_t i = 0; i < CR_COUNT(steps); i++) { /* the counter after ReplaceSessionKeys */
        uint8_t counter[16] = {0};
        counter[15] = (uint8_t)(i + 1);
        assert_int_equal(crypto_aes_block(CR_SPAN_ARRAY(keys.s_enc), counter, digest, NULL), CR_OK);
        assert_span(cr_span_of(digest, 16), steps[i].icv);
    }
    const char *dir = getenv("CRISP_TEST_DATA");
    char path[4096];
    cr_buf sample = {0};
    (void)snprintf(path, sizeof path, "%s/bsp/sample-profile.der", dir ? dir : "../shared/data");
    if (!cr_file_exists(path) || cr_file_read(path, 1U << 20, &sample, NULL) != CR_OK) {
        print_message("skipped: no sample profile at %s\n", path);
        skip();
    }
    struct bsp *bsp = chain_new(derive(V1_Z, V1_EID));
    assert_int_equal(bsp_replace_keys(bsp, &keys, NULL), CR_OK);
    for (size_t i = 0; i < CR_COUNT(steps); i++) {
        cr_span part = cr_span_sub(cr_buf_span(&sample), i * BSP_MAX_PLAIN, BSP_MAX_PLAIN);
        cr_buf tlv = {0};
        crypto_sha256(part, digest);
        assert_bytes(digest, steps[i].plain);
        assert_int_equal(bsp_protect(bsp, 0x86, part, &tlv, NULL), CR_OK);
        crypto_sha256(cr_buf_span(&tlv), digest);
        assert_bytes(digest, steps[i].tlv);
        assert_span(cr_span_sub(cr_buf_span(&tlv), tlv.n - BSP_MAC, BSP_MAC), steps[i].mac);
        cr_buf_free(&tlv);
    }
    bsp_free(bsp);
    cr_buf_free(&sample);
}

/* ---- keys replaced ---- */

static void test_replace_keys(void **state)
{
    (void)state;
    struct bsp_keys keys = replacement();
    struct bsp *used = chain_new(derive(V1_Z, V1_EID));
    struct bsp *new = chain_new(keys);
    cr_buf a = {0};
    cr_buf b = {0};
    assert_int_equal(bsp_protect(used, 0x87, cr_span_str("first"), &a, NULL), CR_OK);
    cr_buf_reset(&a);
    assert_int_equal(bsp_replace_keys(used, &keys, NULL), CR_OK);
    assert_int_equal(bsp_protect(used, 0x86, cr_span_str("second"), &a, NULL), CR_OK);
    assert_int_equal(bsp_protect(new, 0x86, cr_span_str("second"), &b, NULL), CR_OK);
    assert_true(cr_span_equal(cr_buf_span(&a), cr_buf_span(&b)));
    cr_buf_free(&a);
    cr_buf_free(&b);
    bsp_free(used);
    bsp_free(new);
}

/* ---- hostile TLVs ---- */

static cr_status open_once(cr_span tlv)
{
    struct bsp *chip = chain_new(replacement());
    cr_buf out = {0};
    struct cr_err err = {0};
    cr_status status = bsp_open(chip, tlv, &out, &err);
    if (status != CR_OK) {
        assert_int_equal(err.category, status);
        assert_int_equal(out.n, 0);
        /* The chain is dead, for the right TLV as well. */
        assert_int_equal(bsp_open(chip, tlv, &out, NULL), CR_REFUSED);
        struct bsp_keys keys = replacement();
        assert_int_equal(bsp_replace_keys(chip, &keys, NULL), CR_REFUSED);
        assert_int_equal(bsp_protect(chip, 0x86, cr_span_str("x"), &out, NULL), CR_REFUSED);
    }
    cr_buf_free(&out);
    bsp_free(chip);
    return status;
}

static cr_span protect_once(uint8_t tag, cr_span plain)
{
    struct bsp *server = chain_new(replacement());
    cr_buf out = {0};
    assert_int_equal(bsp_protect(server, tag, plain, &out, NULL), CR_OK);
    cr_span copy = cr_arena_copy(&vector_arena, cr_buf_span(&out));
    cr_buf_free(&out);
    bsp_free(server);
    return copy;
}

static void test_each_byte_changed(void **state)
{
    (void)state;
    static const uint8_t tags[] = {0x86, 0x87, 0x88};
    static const size_t sizes[] = {3, 140, 300};
    for (size_t t = 0; t < CR_COUNT(tags); t++) {
        for (size_t s = 0; s < CR_COUNT(sizes); s++) {
            cr_span good = protect_once(tags[t], cr_span_sub(pattern(), 0, sizes[s]));
            assert_int_equal(open_once(good), CR_OK);
            size_t header = good.n < 0x80 ? 2 : good.n < 0x104 ? 3 : 4;
            for (size_t at = 0; at < good.n; at++) {
                for (unsigned bit = 0; bit < 8; bit++) {
                    uint8_t *p = vector_mutable(good);
                    p[at] ^= (uint8_t)(1U << bit);
                    cr_status status = open_once(cr_span_of(p, good.n));
                    assert_int_not_equal(status, CR_OK);
                    if (at >= header) { /* whatever is in data or MAC: the MAC is wrong */
                        assert_int_equal(status, CR_REFUSED);
                    }
                }
            }
            for (size_t n = 0; n < good.n; n++) { /* cut anywhere */
                assert_int_equal(open_once(cr_span_sub(good, 0, n)), CR_MALFORMED);
            }
            cr_arena_reset(&vector_arena);
        }
    }
}

/* data || right MAC over it, under any header: what a peer with the keys can send. */
static cr_span forge(const char *header, cr_span data)
{
    struct bsp_keys keys = replacement();
    cr_span head = vector(header);
    uint8_t mac[16];
    const cr_span parts[] = {CR_SPAN_ARRAY(keys.mcv), head, data};
    assert_int_equal(crypto_cmac(CR_SPAN_ARRAY(keys.s_mac), parts, 3, mac, NULL), CR_OK);
    cr_buf b = {0};
    cr_buf_append_span(&b, head);
    cr_buf_append_span(&b, data);
    cr_buf_append(&b, mac, BSP_MAC);
    cr_span copy = cr_arena_copy(&vector_arena, cr_buf_span(&b));
    cr_buf_free(&b);
    return copy;
}

/* Encrypted under the first ICV of the chain, padding as given. */
static cr_span encrypt_raw(const char *padded)
{
    struct bsp_keys keys = replacement();
    cr_span in = vector(padded);
    uint8_t *out = vector_mutable(in);
    const uint8_t *icv = vector("990a295f3c88eb8758a7721d84517d96").p;
    assert_int_equal(crypto_aes_cbc(true, CR_SPAN_ARRAY(keys.s_enc), icv, out, in.n, out, NULL),
                     CR_OK);
    return cr_span_of(out, in.n);
}

static void test_padding(void **state)
{
    (void)state;
    static const struct {
        const char *padded;
        cr_status want;
    } cases[] = {
        {"80000000000000000000000000000000", CR_OK},
        {"01020380000000000000000000000000", CR_OK},
        {"000000000000000000000000000000 80", CR_OK},
        {"00000000000000000000000000000000", CR_REFUSED}, /* none */
        {"01020304050607080900000000000000", CR_REFUSED},
        {"01020304050607080910111213141516", CR_REFUSED},
        {"01020380000000000000000000000001", CR_REFUSED}, /* something behind it */
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        assert_int_equal(open_once(forge("8618", encrypt_raw(cases[i].padded))), cases[i].want);
    }
    /* a whole block of zeros behind the 80 is more padding than there can be */
    assert_int_equal(open_once(forge("8628", encrypt_raw("01020380000000000000000000000000"
                                                         "00000000000000000000000000000000"))),
                     CR_REFUSED);
    assert_int_equal(open_once(forge("8628", encrypt_raw("01020304050607080910111213141580"
                                                         "00000000000000000000000000000000"))),
                     CR_REFUSED);
    assert_int_equal(open_once(forge("8628", encrypt_raw("01020304050607080910111213141516"
                                                         "80000000000000000000000000000000"))),
                     CR_OK);
}

static void test_structure(void **state)
{
    (void)state;
    cr_span data = cr_span_sub(pattern(), 0, 16);
    assert_int_equal(open_once((cr_span){0}), CR_MALFORMED);
    assert_int_equal(open_once(vector("86")), CR_MALFORMED);
    assert_int_equal(open_once(vector("8600")), CR_MALFORMED);
    assert_int_equal(open_once(vector("880700000000000000")), CR_MALFORMED); /* no room for a MAC */
    assert_int_equal(open_once(forge("8608", (cr_span){0})), CR_MALFORMED);  /* no block */
    assert_int_equal(open_once(forge("8708", (cr_span){0})), CR_MALFORMED);
    assert_int_equal(open_once(forge("8808", (cr_span){0})), CR_OK); /* nothing, with a MAC */
    assert_int_equal(open_once(forge("8617", cr_span_sub(data, 0, 15))), CR_MALFORMED);
    assert_int_equal(open_once(forge("8518", data)), CR_MALFORMED); /* other tags */
    assert_int_equal(open_once(forge("8918", data)), CR_MALFORMED);
    assert_int_equal(open_once(forge("A618", data)), CR_MALFORMED);
    assert_int_equal(open_once(forge("8819", data)), CR_MALFORMED); /* lengths that lie */
    assert_int_equal(open_once(forge("8817", data)), CR_MALFORMED);
    assert_int_equal(open_once(forge("8880", data)), CR_MALFORMED); /* indefinite */
    assert_int_equal(open_once(forge("88850000000018", data)), CR_MALFORMED);
    assert_int_equal(open_once(forge("88ffffffff", data)), CR_MALFORMED);
    assert_int_equal(open_once(forge("8884ffffffff", data)), CR_MALFORMED);
    assert_int_equal(open_once(vector("8884ffff")), CR_MALFORMED);
    assert_int_equal(open_once(vector("8882")), CR_MALFORMED);
    /* Servers differ in the form of lengths; the MAC is over what they sent. */
    assert_int_equal(open_once(forge("8818", data)), CR_OK);
    assert_int_equal(open_once(forge("888118", data)), CR_OK);
    assert_int_equal(open_once(forge("88820018", data)), CR_OK);
    assert_int_equal(open_once(forge("888400000018", data)), CR_OK);
}

/* Some servers cut 1008 bytes instead of 1007: 1036 bytes on the wire. */
static void test_larger_segment(void **state)
{
    (void)state;
    cr_buf padded = {0};
    cr_span plain = cr_span_sub(pattern(), 0, 1008);
    struct bsp_keys keys = replacement();
    uint8_t digest[CRYPTO_SHA256];
    const uint8_t *icv = vector("990a295f3c88eb8758a7721d84517d96").p;
    cr_buf_append_span(&padded, plain);
    cr_buf_append_byte(&padded, 0x80);
    for (int i = 0; i < 15; i++) {
        cr_buf_append_byte(&padded, 0);
    }
    assert_int_equal(
        crypto_aes_cbc(true, CR_SPAN_ARRAY(keys.s_enc), icv, padded.p, padded.n, padded.p, NULL),
        CR_OK);
    cr_span tlv = forge("86820408", cr_buf_span(&padded));
    assert_int_equal(tlv.n, BSP_MAX_OPEN);
    crypto_sha256(tlv, digest);
    assert_bytes(digest, "57129c7e0d35948455e7d39336058c6d45e2904419ca8d52214c49b7fa605c4b");
    assert_int_equal(open_once(tlv), CR_OK);
    for (int i = 0; i < 16; i++) {
        cr_buf_append_byte(&padded, 0);
    }
    assert_int_equal(open_once(forge("86820418", cr_buf_span(&padded))), CR_MALFORMED);
    cr_buf_free(&padded);
}

static void test_order_and_counter(void **state)
{
    (void)state;
    struct bsp *server = chain_new(replacement());
    cr_span tlvs[3];
    static const uint8_t tags[] = {0x87, 0x88, 0x86};
    for (size_t i = 0; i < CR_COUNT(tlvs); i++) {
        cr_buf out = {0};
        assert_int_equal(bsp_protect(server, tags[i], cr_span_str("same"), &out, NULL), CR_OK);
        tlvs[i] = cr_arena_copy(&vector_arena, cr_buf_span(&out));
        cr_buf_free(&out);
    }
    bsp_free(server);
    assert_int_equal(open_once(tlvs[0]), CR_OK);
    assert_int_equal(open_once(tlvs[1]), CR_REFUSED); /* left out */
    assert_int_equal(open_once(tlvs[2]), CR_REFUSED);
    struct bsp *chip = chain_new(replacement());
    cr_buf out = {0};
    assert_int_equal(bsp_open(chip, tlvs[0], &out, NULL), CR_OK);
    assert_int_equal(bsp_open(chip, tlvs[0], &out, NULL), CR_REFUSED); /* repeated */
    assert_int_equal(bsp_open(chip, tlvs[1], &out, NULL), CR_REFUSED); /* too late */
    assert_int_equal(out.n, 4);
    bsp_free(chip);
    cr_buf_free(&out);
}

static void test_protect_refused(void **state)
{
    (void)state;
    struct bsp *server = chain_new(replacement());
    cr_buf out = {0};
    cr_span plain = pattern();
    assert_int_equal(bsp_protect(server, 0x85, cr_span_str("x"), &out, NULL), CR_INTERNAL);
    assert_int_equal(bsp_protect_all(server, 0x89, cr_span_str("x"), &out, NULL), CR_INTERNAL);
    assert_int_equal(
        bsp_protect(server, 0x86, cr_span_sub(plain, 0, BSP_MAX_PLAIN + 1), &out, NULL),
        CR_INTERNAL);
    assert_int_equal(
        bsp_protect(server, 0x88, cr_span_sub(plain, 0, BSP_MAX_CLEAR + 1), &out, NULL),
        CR_INTERNAL);
    assert_int_equal(bsp_protect_all(server, 0x86, (cr_span){0}, &out, NULL), CR_OK);
    assert_int_equal(out.n, 0);
    /* None of that moved the chain. */
    assert_int_equal(bsp_protect(server, 0x86, cr_span_str("x"), &out, NULL), CR_OK);
    assert_true(cr_span_equal(cr_buf_span(&out), protect_once(0x86, cr_span_str("x"))));
    /* No room in the middle: the chain is dead and out is as it was. */
    size_t before = out.n;
    out.limit = 5000;
    assert_int_equal(bsp_protect_all(server, 0x86, plain, &out, NULL), CR_RESOURCE);
    assert_int_equal(out.n, before);
    cr_buf_free(&out);
    assert_int_equal(bsp_protect(server, 0x86, cr_span_str("x"), &out, NULL), CR_REFUSED);
    assert_int_equal(out.n, 0);
    bsp_free(server);
    bsp_free(NULL);
    cr_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_derive),
        cmocka_unit_test(test_derive_refused),
        cmocka_unit_test(test_worked_chain),
        cmocka_unit_test(test_worked_chaining_values),
        cmocka_unit_test(test_worked_segments),
        cmocka_unit_test(test_full_segments),
        cmocka_unit_test(test_all_lengths),
        cmocka_unit_test(test_replace_keys),
        cmocka_unit_test(test_each_byte_changed),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_larger_segment),
        cmocka_unit_test(test_order_and_counter),
        cmocka_unit_test(test_protect_refused),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
