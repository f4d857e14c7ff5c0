/*
 * UPP -> PPP -> BPP: opened again as a chip does, in both key modes; the signature; the vectors of
 * SGP.22; what has to be refused.
 */
#include "sample.h"

#include "profile/bpp.h"
#include "profile/metadata.h"
#include "rsp/es8.h"

struct parties {
    cr_buf upp;
    cr_buf metadata;
    struct crypto_private *otsk; /* of the server */
    struct crypto_private *chip; /* of the chip */
    struct crypto_public *otpk_euicc;
    struct crypto_public *otpk_dp;
    struct pki_key *signer;
    struct crypto_public *signer_public;
    struct profile_binding binding;
};

static const uint8_t eid[16] = {0x89, 0x04, 0x90, 0x32, 0x12, 0x34, 0x51, 0x23,
                                0x45, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x35};
static const uint8_t host_id[8] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
static const uint8_t transaction_id[16] = {1, 2, 3};

static void open_parties(struct parties *p, enum crypto_curve curve, size_t upp_size)
{
    struct cr_err err = {0};
    uint8_t point[CRYPTO_POINT];
    struct crypto_private *signer = NULL;
    *p = (struct parties){0};
    for (size_t i = 0; i < upp_size; i++) {
        cr_buf_append_byte(&p->upp, (uint8_t)(i * 7));
    }
    sample_hex("bf252d5a0a98001032547698103214910947534d415f54455354921147534d415f544553545f5052"
               "4f46494c45950100",
               &p->metadata);
    assert_ok(crypto_private_generate(curve, &p->otsk, &err));
    assert_ok(crypto_private_generate(curve, &p->chip, &err));
    assert_ok(crypto_private_generate(curve, &signer, &err));
    crypto_private_point(p->chip, point);
    assert_ok(crypto_public_new(curve, CR_SPAN_ARRAY(point), &p->otpk_euicc, &err));
    crypto_private_point(p->otsk, point);
    assert_ok(crypto_public_new(curve, CR_SPAN_ARRAY(point), &p->otpk_dp, &err));
    crypto_private_point(signer, point);
    assert_ok(crypto_public_new(curve, CR_SPAN_ARRAY(point), &p->signer_public, &err));
    assert_ok(pki_key_of_private(signer, &p->signer, &err));
    p->binding = (struct profile_binding){
        .transaction_id = CR_SPAN_ARRAY(transaction_id),
        .host_id = CR_SPAN_ARRAY(host_id),
        .eid = CR_SPAN_ARRAY(eid),
        .otsk = p->otsk,
        .otpk_euicc = p->otpk_euicc,
        .signer = p->signer,
        .store_metadata = cr_buf_span(&p->metadata),
        .upp = cr_buf_span(&p->upp),
    };
}

static void close_parties(struct parties *p)
{
    cr_buf_free(&p->upp);
    cr_buf_free(&p->metadata);
    crypto_private_free(p->otsk);
    crypto_private_free(p->chip);
    crypto_public_free(p->otpk_euicc);
    crypto_public_free(p->otpk_dp);
    crypto_public_free(p->signer_public);
    pki_key_free(p->signer);
}

static void open_list(struct bsp *bsp, const rsp_span_list *list, cr_buf *plain)
{
    struct cr_err err = {0};
    for (size_t i = 0; i < list->count; i++) {
        assert_true(list->items[i].n <= BSP_MAX_SEGMENT);
        assert_ok(bsp_open(bsp, list->items[i], plain, &err));
    }
}

static struct bsp *chip_session(const struct parties *p)
{
    struct cr_err err = {0};
    uint8_t z[CRYPTO_SCALAR];
    struct bsp_keys keys;
    struct bsp *bsp = NULL;
    assert_ok(crypto_ecka(p->chip, p->otpk_dp, z, &err));
    assert_ok(bsp_derive(CR_SPAN_ARRAY(z), BSP_KEY_TYPE_AES, BSP_KEY_LENGTH, CR_SPAN_ARRAY(host_id),
                         CR_SPAN_ARRAY(eid), &keys, &err));
    assert_ok(bsp_new(&keys, &bsp, &err));
    return bsp;
}

/* Takes a BPP as a chip does; plain texts come out the ones that went in. */
static void open_bpp(const struct parties *p, cr_span bpp, const char *configure_hex,
                     bool random_keys)
{
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf plain = {0};
    struct rsp_bound_profile_package m;
    struct rsp_replace_session_keys keys;
    assert_ok(asn1_decode(&rsp_bound_profile_package_type, bpp, 0, &arena, &m, &err));
    assert_int_equal(m.second_sequence_of_87.present, random_keys);
    struct bsp *bsp = chip_session(p);
    open_list(bsp, &m.first_sequence_of_87, &plain);
    assert_hex(cr_buf_span(&plain), configure_hex);
    cr_buf_reset(&plain);
    open_list(bsp, &m.sequence_of_88, &plain);
    assert_true(cr_span_equal(cr_buf_span(&plain), cr_buf_span(&p->metadata)));
    cr_buf_reset(&plain);
    if (random_keys) {
        struct bsp_keys ppk;
        open_list(bsp, &m.second_sequence_of_87, &plain);
        assert_ok(asn1_decode(&rsp_replace_session_keys_type, cr_buf_span(&plain), 0, &arena, &keys,
                              &err));
        memcpy(ppk.mcv, keys.initial_mac_chaining_value.p, BSP_KEY);
        memcpy(ppk.s_enc, keys.ppk_enc.p, BSP_KEY);
        memcpy(ppk.s_mac, keys.ppk_cmac.p, BSP_KEY);
        assert_ok(bsp_replace_keys(bsp, &ppk, &err));
        cr_buf_reset(&plain);
    }
    open_list(bsp, &m.sequence_of_86, &plain);
    assert_true(cr_span_equal(cr_buf_span(&plain), cr_buf_span(&p->upp)));
    bsp_free(bsp);
    cr_buf_free(&plain);
    cr_arena_free(&arena);
}

/* The signature covers 82 80 A6 5F49 of the message and the chip's 5F49, without the BF23 header:
 * built here by hand, not with the codec. */
static void verify_signature(const struct parties *p, cr_span bpp, cr_span tid)
{
    struct cr_err err = {0};
    struct der_tlv outer;
    struct der_tlv channel;
    struct der_tlv tlv;
    cr_buf covered = {0};
    cr_span signature = {0};
    assert_ok(der_expect(&bpp, DER_STRICT, 0xBF36, &outer, &err));
    assert_ok(der_expect(&outer.value, DER_STRICT, 0xBF23, &channel, &err));
    static const uint32_t order[] = {0x82, 0x80, 0xA6, 0x5F49, 0x5F37};
    for (size_t i = 0; i < CR_COUNT(order); i++) {
        assert_ok(der_expect(&channel.value, DER_STRICT, order[i], &tlv, &err));
        if (order[i] == 0x80) {
            assert_true(cr_span_equal(tlv.value, tid));
        }
        if (order[i] == 0x5F37) {
            signature = tlv.value;
        } else {
            cr_buf_append_span(&covered, tlv.all);
        }
    }
    assert_int_equal(channel.value.n, 0);
    der_put(&covered, 0x5F49, crypto_public_point(p->otpk_euicc));
    const cr_span parts[] = {cr_buf_span(&covered)};
    assert_ok(crypto_verify(p->signer_public, parts, 1, signature, &err));
    cr_buf_free(&covered);
}

static void bind_and_open(enum crypto_curve curve, bool random_keys, size_t upp_size)
{
    struct parties p;
    struct cr_err err = {0};
    struct profile_ppp ppp = {0};
    cr_buf body = {0};
    cr_buf bpp = {0};
    open_parties(&p, curve, upp_size);
    if (random_keys) {
        assert_ok(profile_protect(cr_buf_span(&p.upp), cr_env_system(), &ppp, &err));
        p.binding.ppp = &ppp;
        p.binding.upp = (cr_span){0};
    }
    assert_ok(profile_bind_body(&p.binding, &body, &err));
    assert_ok(profile_bind(&p.binding, cr_buf_span(&body), &bpp, &err));
    open_bpp(&p, cr_buf_span(&bpp), "BF2400", random_keys);
    verify_signature(&p, cr_buf_span(&bpp), p.binding.transaction_id);

    /* a retry with the same one-time keys: another signature, the same bytes behind it */
    cr_buf again = {0};
    static const uint8_t next_tid[] = {9};
    p.binding.transaction_id = CR_SPAN_ARRAY(next_tid);
    assert_ok(profile_bind(&p.binding, cr_buf_span(&body), &again, &err));
    verify_signature(&p, cr_buf_span(&again), p.binding.transaction_id);
    open_bpp(&p, cr_buf_span(&again), "BF2400", random_keys);
    assert_memory_equal(again.p + again.n - body.n, body.p, body.n);
    cr_buf_free(&again);
    cr_buf_free(&bpp);
    cr_buf_free(&body);
    cr_buf_free(&ppp.segments);
    close_parties(&p);
}

static void test_random_keys(void **state)
{
    (void)state;
    bind_and_open(CRYPTO_P256, true, 12385);
    bind_and_open(CRYPTO_BRAINPOOL, true, 1);
}

static void test_session_keys(void **state)
{
    (void)state;
    bind_and_open(CRYPTO_P256, false, 12385);
    bind_and_open(CRYPTO_P256, false, BSP_MAX_PLAIN);
    bind_and_open(CRYPTO_BRAINPOOL, false, BSP_MAX_PLAIN + 1);
}

/* Metadata with an icon is longer than one 88; ConfigureISDP of the binding is taken. */
static void test_long_metadata(void **state)
{
    (void)state;
    struct parties p;
    struct cr_err err = {0};
    cr_buf body = {0};
    cr_buf bpp = {0};
    cr_buf configure = {0};
    open_parties(&p, CRYPTO_P256, 100);
    cr_buf_reset(&p.metadata);
    size_t mark = der_open(&p.metadata, 0xBF25);
    uint8_t icon[1024] = {0};
    der_put(&p.metadata, 0x94, CR_SPAN_ARRAY(icon));
    der_close(&p.metadata, mark);
    p.binding.store_metadata = cr_buf_span(&p.metadata);
    sample_hex("BF2405B803800188", &configure);
    p.binding.configure_isdp = cr_buf_span(&configure);
    assert_ok(profile_bind_body(&p.binding, &body, &err));
    assert_ok(profile_bind(&p.binding, cr_buf_span(&body), &bpp, &err));
    open_bpp(&p, cr_buf_span(&bpp), "BF2405B803800188", false);
    cr_buf_free(&configure);
    cr_buf_free(&bpp);
    cr_buf_free(&body);
    close_parties(&p);
}

/* Random keys are random: two PPPs of one UPP have nothing in common. */
static void test_protect(void **state)
{
    (void)state;
    struct cr_err err = {0};
    struct profile_ppp a = {0};
    struct profile_ppp b = {0};
    cr_span upp = cr_span_str("profile");
    assert_ok(profile_protect(upp, cr_env_system(), &a, &err));
    assert_ok(profile_protect(upp, cr_env_system(), &b, &err));
    assert_memory_not_equal(&a.ppk, &b.ppk, sizeof(a.ppk));
    assert_false(cr_span_equal(cr_buf_span(&a.segments), cr_buf_span(&b.segments)));
    assert_int_equal(a.segments.p[0], 0x86);
    cr_buf_free(&a.segments);
    cr_buf_free(&b.segments);
    assert_int_equal(profile_protect((cr_span){0}, cr_env_system(), &a, &err), CR_REFUSED);
}

static cr_status no_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    (void)p;
    (void)n;
    return cr_fail(err, CR_RESOURCE, NULL, "dry");
}

/* The keys that the vectors of SGP.22 have behind ReplaceSessionKeys. */
static cr_status fixed_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    (void)err;
    assert_int_equal(n, 3 * BSP_KEY);
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i % BSP_KEY);
    }
    p[BSP_KEY] = 1;
    p[2 * BSP_KEY] = 2;
    return CR_OK;
}

static void test_vectors(void **state)
{
    (void)state;
    cr_buf upp = {0};
    struct cr_err err = {0};
    struct profile_ppp ppp = {0};
    uint8_t hash[CRYPTO_SHA256];
    sample_ts48(SAMPLE_BER_SUCI, &upp);
    cr_env env = *cr_env_system();
    env.random = fixed_random;
    assert_ok(profile_protect(cr_buf_span(&upp), &env, &ppp, &err));
    /* computed with another implementation of AES-CBC and CMAC */
    assert_int_equal(ppp.segments.n, 12556);
    crypto_sha256(cr_buf_span(&ppp.segments), hash);
    assert_hex(CR_SPAN_ARRAY(hash),
               "09dd84efb27f710db2fd7845e682810cb3d9d960c3eb07f63f19b8cf2501acca");
    cr_buf_free(&ppp.segments);
    cr_buf_free(&upp);
    env.random = no_random;
    assert_int_equal(profile_protect(cr_span_str("x"), &env, &ppp, &err), CR_RESOURCE);
}

static void test_refused(void **state)
{
    (void)state;
    struct parties p;
    struct cr_err err = {0};
    cr_buf out = {0};
    static const uint8_t long_id[17] = {0};
    open_parties(&p, CRYPTO_P256, 10);
    const struct profile_binding good = p.binding;
    for (int i = 0; i < 7; i++) {
        struct profile_binding b = good;
        switch (i) {
        case 0:
            b.host_id = (cr_span){0};
            break;
        case 1:
            b.host_id = CR_SPAN_ARRAY(long_id);
            break;
        case 2:
            b.eid = cr_span_of(eid, 15);
            break;
        case 3:
            b.store_metadata = cr_span_str("no");
            break;
        case 4:
            b.configure_isdp = cr_span_str("no");
            break;
        case 5:
            b.upp = (cr_span){0};
            break;
        default:
            b.store_metadata = (cr_span){0};
            break;
        }
        assert_int_equal(profile_bind_body(&b, &out, &err), CR_REFUSED);
        assert_int_equal(out.n, 0);
    }
    struct profile_binding b = good;
    b.transaction_id = CR_SPAN_ARRAY(long_id);
    assert_int_equal(profile_bind(&b, cr_span_str("body"), &out, &err), CR_REFUSED);
    b.transaction_id = (cr_span){0};
    assert_int_equal(profile_bind(&b, cr_span_str("body"), &out, &err), CR_REFUSED);
    assert_int_equal(out.n, 0);
    /* keys of two curves */
    struct crypto_private *other = NULL;
    assert_ok(crypto_private_generate(CRYPTO_BRAINPOOL, &other, &err));
    b = good;
    b.otsk = other;
    assert_int_equal(profile_bind_body(&b, &out, &err), CR_REFUSED);
    assert_int_equal(out.n, 0);
    crypto_private_free(other);
    cr_buf_free(&out);
    close_parties(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_keys),   cmocka_unit_test(test_session_keys),
        cmocka_unit_test(test_long_metadata), cmocka_unit_test(test_protect),
        cmocka_unit_test(test_vectors),       cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
