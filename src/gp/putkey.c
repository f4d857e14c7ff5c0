/*
 * PUT KEY and DELETE of keys (Card Specification 11.8, 11.2; Amendment D 7.2 for AES keys).
 */
#include "crypto/des.h"
#include "gp/internal.h"

#define P2_MULTIPLE 0x80

/* One key as PUT KEY brings it. */
struct key_field {
    uint8_t type;
    cr_span data, kcv; /* data still encrypted, the length of the key in front of it (AES, PSK) */
};

/* Type, length and data, length and check value. */
static bool field_take(cr_span *in, struct key_field *out)
{
    if (in->n < 1 || in->p[0] == 0xFF) { /* FF: key types of two bytes, none of them known here */
        return false;
    }
    out->type = in->p[0];
    *in = cr_span_sub(*in, 1, in->n);
    return gp_take_lv(in, &out->data) && gp_take_lv(in, &out->kcv);
}

/* Decrypts the value; its length says where padding begins. */
static uicc_sw field_decrypt(struct gp_command *c, const struct key_field *field,
                             struct gp_key *key)
{
    cr_buf plain = {.secret = true};
    cr_span cipher = field->data;
    size_t n = cipher.n;
    if (field->type != GP_KEY_DES) {
        if (cipher.n < 2) {
            return UICC_SW_WRONG_DATA;
        }
        n = cipher.p[0];
        cipher = cr_span_sub(cipher, 1, cipher.n);
    }
    uicc_sw sw = gp_decrypt(c, cipher, &plain);
    if (sw == UICC_SW_OK && (n > plain.n || n + 16 <= plain.n || n > GP_MAX_KEY)) {
        sw = UICC_SW_WRONG_DATA;
    }
    if (sw == UICC_SW_OK) {
        key->type = field->type;
        key->n = (uint8_t)n;
        memcpy(key->value, plain.p, n);
    }
    cr_buf_free(&plain);
    if (sw == UICC_SW_OK && !gp_key_valid(key->type, key->n)) {
        sw = GP_SW_ALGORITHM;
    }
    return sw;
}

/* DES and AES keys must come with their check value; a PSK has none that is agreed on, so it may
 * come without only. */
static uicc_sw field_check(const struct key_field *field, const struct gp_key *key,
                           uint8_t kcv[CRYPTO_KCV])
{
    cr_status status;
    cr_span value = cr_span_of(key->value, key->n);
    if (key->type == GP_KEY_PSK) {
        return field->kcv.n == 0 ? UICC_SW_OK : GP_SW_KCV;
    }
    status = key->type == GP_KEY_DES ? crypto_des_kcv(value, kcv, NULL)
                                     : crypto_aes_kcv(value, kcv, NULL);
    if (status != CR_OK) {
        return UICC_SW_TECHNICAL;
    }
    return cr_span_equal_ct(field->kcv, cr_span_of(kcv, CRYPTO_KCV)) ? UICC_SW_OK : GP_SW_KCV;
}

/* What each identifier is for in a key version of a secure channel protocol. */
static uint16_t usage_of(uint8_t kvn, uint8_t kid)
{
    static const uint16_t usage[] = {0x1800, 0x1400, 0x4800};
    return kvn <= GP_KVN_SCP03_LAST && kid <= GP_KID_DEK ? usage[kid - 1] : 0x0000;
}

/* With another MAC key nothing of before is valid any more, and the counters begin again; as long
 * as it is the same they never go back. */
static cr_status counters_renew(struct gp_command *c, const struct gp_key *key, struct cr_err *err)
{
    struct gp_key old;
    static const struct gp_counters zero;
    bool other = key->kid == GP_KID_MAC &&
                 gp_key_get(c->reg, c->domain.id, key->kvn, key->kid, &old) &&
                 !(old.type == key->type &&
                   cr_span_equal_ct(cr_span_of(old.value, old.n), cr_span_of(key->value, key->n)));
    cr_wipe(&old, sizeof old);
    return other ? gp_counters_put(c->reg, c->domain.id, key->kvn, &zero, err) : CR_OK;
}

static uicc_sw key_store(struct gp_command *c, struct gp_key *key)
{
    struct gp_key old;
    struct cr_err err;
    key->usage = usage_of(key->kvn, key->kid);
    key->mac_size = 8;
    if (gp_key_get(c->reg, c->domain.id, key->kvn, key->kid, &old)) {
        key->usage = old.usage;
        key->access = old.access;
        key->mac_size = old.mac_size;
    }
    cr_wipe(&old, sizeof old);
    cr_status status = counters_renew(c, key, &err);
    if (status == CR_OK) {
        status = gp_key_put(c->reg, c->domain.id, key, &err);
    }
    return gp_failed(status, &err);
}

/* P1: the version that is replaced; 00 = a new one, or more keys of one. */
static uicc_sw version_check(const struct gp_command *c, uint8_t replaced, uint8_t kvn)
{
    struct gp_key key;
    bool found = gp_key_next(c->reg, c->domain.id, kvn, 0, &key) && key.kvn == kvn;
    bool there = gp_key_next(c->reg, c->domain.id, replaced, 0, &key) && key.kvn == replaced;
    bool over_a_third = replaced && kvn != replaced && found;
    cr_wipe(&key, sizeof key);
    if (kvn == 0 || kvn > GP_KVN_LAST || over_a_third) {
        return UICC_SW_WRONG_DATA;
    }
    return replaced && !there ? UICC_SW_NO_REFERENCE : UICC_SW_OK;
}

/* A key that replaces one has to find it; a new one must not. */
static uicc_sw place_check(const struct gp_command *c, uint8_t replaced, uint8_t kvn, uint8_t kid)
{
    struct gp_key old;
    uint8_t where = replaced ? replaced : kvn;
    bool there = gp_key_get(c->reg, c->domain.id, where, kid, &old);
    cr_wipe(&old, sizeof old);
    if (kid == 0 || kid > 0x7F) {
        return UICC_SW_WRONG_P1P2;
    }
    if (replaced) {
        return there ? UICC_SW_OK : UICC_SW_NO_REFERENCE;
    }
    return there ? UICC_SW_WRONG_DATA : UICC_SW_OK;
}

uicc_sw gp_put_key(struct gp_command *c)
{
    cr_span in = c->apdu->data;
    uint8_t replaced = c->apdu->p1, kid = c->apdu->p2 & 0x7F, kvn;
    bool multiple = (c->apdu->p2 & P2_MULTIPLE) != 0;
    struct cr_err err;
    if (replaced & 0x80) {
        return UICC_SW_WRONG_P1P2; /* more PUT KEY to come: each one here is whole */
    }
    if (in.n < 2) {
        return UICC_SW_WRONG_LENGTH;
    }
    kvn = in.p[0];
    in = cr_span_sub(in, 1, in.n);
    uicc_sw sw = version_check(c, replaced, kvn);
    cr_buf_append_byte(c->out, kvn);
    for (bool first = true; sw == UICC_SW_OK && in.n; first = false, kid++) {
        struct key_field field;
        struct gp_key key = {.kvn = kvn, .kid = kid};
        uint8_t kcv[CRYPTO_KCV];
        if (!field_take(&in, &field) || (!first && !multiple)) {
            sw = UICC_SW_WRONG_DATA;
        } else {
            sw = place_check(c, replaced, kvn, kid);
        }
        if (sw == UICC_SW_OK && !gp_key_valid(field.type, 16)) {
            sw = GP_SW_ALGORITHM;
        }
        if (sw == UICC_SW_OK) {
            sw = field_decrypt(c, &field, &key);
        }
        if (sw == UICC_SW_OK) {
            sw = field_check(&field, &key, kcv);
        }
        if (sw == UICC_SW_OK) {
            sw = key_store(c, &key);
        }
        if (sw == UICC_SW_OK && replaced && replaced != kvn) {
            sw = gp_failed(gp_key_delete(c->reg, c->domain.id, replaced, kid, &err), &err);
        }
        if (sw == UICC_SW_OK && key.type != GP_KEY_PSK) {
            cr_buf_append(c->out, kcv, sizeof kcv);
        }
        cr_wipe(&key, sizeof key);
    }
    return sw;
}
