#include "rig.h"

#include "asn1/der.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>

#ifndef CRISP_SOURCE_ROOT
#define CRISP_SOURCE_ROOT "."
#endif

static int64_t fixed_now(void *ctx)
{
    (void)ctx;
    return RIG_NOW;
}

static cr_status system_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    return cr_random(cr_env_system(), p, n, err);
}

const cr_env *rig_env(void)
{
    static const cr_env env = {.now_ms = fixed_now, .random = system_random};
    return &env;
}

void rig_make(struct rig_party *out, struct pki_request request, enum crypto_curve curve,
              const struct rig_party *issuer)
{
    struct cr_err err = {0};
    struct crypto_private *private = NULL;
    memset(out, 0, sizeof(*out));
    request.not_before_ms = request.not_before_ms ? request.not_before_ms : RIG_FROM;
    request.not_after_ms = request.not_after_ms ? request.not_after_ms : RIG_TO;
    assert_int_equal(crypto_private_generate(curve, &private, &err), CR_OK);
    assert_int_equal(pki_key_of_private(private, &out->key, &err), CR_OK);
    cr_status status =
        pki_issue(&request, curve, pki_key_point(out->key), issuer ? &issuer->cert : NULL,
                  issuer ? issuer->key : out->key, rig_env(), &out->der, &err);
    if (status != CR_OK) {
        fail_msg("cannot issue: %s", err.cause);
    }
    assert_int_equal(pki_cert_decode(cr_buf_span(&out->der), &out->cert, &err), CR_OK);
}

void rig_party_free(struct rig_party *party)
{
    cr_buf_free(&party->der);
    pki_key_free(party->key);
    memset(party, 0, sizeof(*party));
}

static const struct rig_edit *edit_of_extension(const struct rig_edit *edits, cr_span oid)
{
    for (size_t i = 0; i < RIG_MAX_EDITS; i++) {
        bool extension = edits[i].action == RIG_DROP || edits[i].action == RIG_SET ||
                         edits[i].action == RIG_CRITICAL;
        if (extension && cr_span_equal(edits[i].oid, oid)) {
            return &edits[i];
        }
    }
    return NULL;
}

static void put_extension(cr_buf *b, cr_span oid, bool critical, cr_span value)
{
    size_t item = der_open(b, 0x30);
    der_put(b, 0x06, oid);
    if (critical) {
        der_put(b, 0x01, RIG_SPAN(0xFF));
    }
    der_put(b, 0x04, value);
    der_close(b, item);
}

static void forge_extensions(cr_buf *b, cr_span explicit, const struct rig_edit *edits)
{
    struct der_tlv list, item, oid, value, flag;
    bool done[RIG_MAX_EDITS] = {0};
    assert_int_equal(der_expect(&explicit, DER_STRICT, 0x30, &list, NULL), CR_OK);
    size_t outer = der_open(b, 0xA3);
    size_t mark = der_open(b, 0x30);
    while (list.value.n > 0) {
        assert_int_equal(der_expect(&list.value, DER_STRICT, 0x30, &item, NULL), CR_OK);
        assert_int_equal(der_expect(&item.value, DER_STRICT, 0x06, &oid, NULL), CR_OK);
        bool critical = der_expect(&item.value, DER_STRICT, 0x01, &flag, NULL) == CR_OK;
        assert_int_equal(der_expect(&item.value, DER_STRICT, 0x04, &value, NULL), CR_OK);
        const struct rig_edit *e = edit_of_extension(edits, oid.value);
        if (!e) {
            put_extension(b, oid.value, critical, value.value);
            continue;
        }
        done[e - edits] = true;
        if (e->action != RIG_DROP) {
            put_extension(b, oid.value, e->critical, e->action == RIG_SET ? e->value : value.value);
        }
    }
    for (size_t i = 0; i < RIG_MAX_EDITS; i++) {
        if (edits[i].action == RIG_SET && !done[i]) {
            put_extension(b, edits[i].oid, edits[i].critical, edits[i].value);
        } else if (edits[i].action == RIG_DROP || edits[i].action == RIG_CRITICAL) {
            assert_true(done[i]); /* an edit that hits nothing tests nothing */
        }
    }
    der_close(b, mark);
    der_close(b, outer);
}

static const struct rig_edit *edit_of(const struct rig_edit *edits, enum rig_action action,
                                      enum rig_field field)
{
    for (size_t i = 0; i < RIG_MAX_EDITS; i++) {
        if (edits[i].action == action && (action != RIG_FIELD || edits[i].field == field)) {
            return &edits[i];
        }
    }
    return NULL;
}

static void forge_tbs(cr_buf *b, cr_span in, const struct rig_edit *edits)
{
    struct der_tlv child;
    size_t tbs = der_open(b, 0x30);
    for (int field = RIG_VERSION; in.n > 0; field++) {
        assert_int_equal(der_next(&in, DER_STRICT, &child, NULL), CR_OK);
        const struct rig_edit *e = edit_of(edits, RIG_FIELD, (enum rig_field)field);
        if (e) {
            cr_buf_append_span(b, e->value);
        } else if (child.tag == 0xA3) {
            forge_extensions(b, child.value, edits);
        } else {
            cr_buf_append_span(b, child.all);
        }
    }
    der_close(b, tbs);
}

void rig_forge(cr_span der, const struct rig_edit edits[RIG_MAX_EDITS], const struct pki_key *key,
               cr_buf *out)
{
    static const uint8_t algorithm[] = {0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86,
                                        0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02};
    uint8_t plain[CRYPTO_SIGNATURE];
    cr_buf tbs = {0}, signature = {0};
    struct der_tlv all, old;
    assert_int_equal(der_expect(&der, DER_STRICT, 0x30, &all, NULL), CR_OK);
    assert_int_equal(der_expect(&all.value, DER_STRICT, 0x30, &old, NULL), CR_OK);
    forge_tbs(&tbs, old.value, edits);
    cr_span part = cr_buf_span(&tbs);
    assert_int_equal(pki_key_sign(key, &part, 1, plain, NULL), CR_OK);
    if (edit_of(edits, RIG_CORRUPT, 0)) {
        plain[40] ^= 1;
    }
    cr_buf_append_byte(&signature, 0);
    assert_int_equal(crypto_signature_to_der(CR_SPAN_ARRAY(plain), &signature, NULL), CR_OK);
    const struct rig_edit *outer = edit_of(edits, RIG_OUTER, 0);
    size_t mark = der_open(out, 0x30);
    cr_buf_append_span(out, part);
    cr_buf_append_span(out, outer ? outer->value : CR_SPAN_ARRAY(algorithm));
    der_put(out, 0x03, cr_buf_span(&signature));
    der_close(out, mark);
    assert_true(cr_buf_ok(out));
    cr_buf_free(&tbs);
    cr_buf_free(&signature);
}

const char *rig_data(cr_arena *arena, const char *name)
{
    const char *root = getenv("CRISP_TEST_DATA");
    const char *path =
        root ? cr_arena_printf(arena, "%s/sgp26/%s", root, name)
             : cr_arena_printf(arena, "%s/../shared/data/sgp26/%s", CRISP_SOURCE_ROOT, name);
    if (!path || !cr_file_exists(path)) {
        print_message("skipped: no test data at %s (set CRISP_TEST_DATA)\n", path ? path : name);
        return NULL;
    }
    return path;
}
