/*
 * BSP: one chain of protected TLVs, in either direction.
 */
#include "crypto/bsp.h"

#include "crypto/symmetric.h"

#include <stdlib.h>

#define BSP_HEADER_MAX                                                                             \
    6 /* tag and length, the longest form that is still read (84 xx xx xx xx)                      \
       */
#define BSP_HOST_ID_MAX  16
#define BSP_EID          16
#define BSP_SECRET       32 /* Z */
#define BSP_CLAUSE_KEYS  "SGP.22 2.6.4.2"
#define BSP_CLAUSE_CHAIN "SGP.22 2.6.4.4"

struct bsp {
    struct crypto_aes *enc, *mac;
    uint8_t mcv[BSP_KEY];              /* MAC chaining value */
    uint8_t counter[CRYPTO_AES_BLOCK]; /* big endian, of the next TLV */
    bool dead;
};

/* ---- keys ---- */

cr_status bsp_derive(cr_span z, uint8_t key_type, uint8_t key_length, cr_span host_id, cr_span eid,
                     struct bsp_keys *out, struct cr_err *err)
{
    if (key_type != BSP_KEY_TYPE_AES || key_length != BSP_KEY_LENGTH) {
        return cr_fail(err, CR_REFUSED, BSP_CLAUSE_KEYS,
                       "key type %02X with length %02X is not supported, only 88 (AES) with 10",
                       key_type, key_length);
    }
    if (host_id.n == 0 || host_id.n > BSP_HOST_ID_MAX) {
        return cr_err_field(err,
                            cr_fail(err, CR_MALFORMED, BSP_CLAUSE_KEYS,
                                    "a HostID has 1 to 16 bytes, not %zu", host_id.n),
                            "hostId");
    }
    if (eid.n != BSP_EID || z.n != BSP_SECRET) {
        return cr_fail(err, CR_MALFORMED, BSP_CLAUSE_KEYS,
                       "an EID has 16 bytes and a shared secret 32, not %zu and %zu", eid.n, z.n);
    }
    uint8_t info[4 + BSP_HOST_ID_MAX + BSP_EID];
    size_t n = 0;
    info[n++] = key_type;
    info[n++] = key_length;
    info[n++] = (uint8_t)host_id.n;
    memcpy(info + n, host_id.p, host_id.n);
    n += host_id.n;
    info[n++] = BSP_EID;
    memcpy(info + n, eid.p, BSP_EID);
    n += BSP_EID;

    uint8_t derived[3 * BSP_KEY];
    CR_TRY(crypto_x963_kdf(z, cr_span_of(info, n), derived, sizeof derived, err));
    memcpy(out->mcv, derived, BSP_KEY);
    memcpy(out->s_enc, derived + BSP_KEY, BSP_KEY);
    memcpy(out->s_mac, derived + (size_t)2 * BSP_KEY, BSP_KEY);
    cr_wipe(derived, sizeof derived);
    return CR_OK;
}

static cr_status keys_set(struct bsp *bsp, const struct bsp_keys *keys, struct cr_err *err)
{
    struct crypto_aes *enc = NULL;
    struct crypto_aes *mac = NULL;
    CR_TRY(crypto_aes_new(CR_SPAN_ARRAY(keys->s_enc), &enc, err));
    cr_status status = crypto_aes_new(CR_SPAN_ARRAY(keys->s_mac), &mac, err);
    if (status != CR_OK) {
        crypto_aes_free(enc);
        return status;
    }
    crypto_aes_free(bsp->enc);
    crypto_aes_free(bsp->mac);
    bsp->enc = enc;
    bsp->mac = mac;
    memcpy(bsp->mcv, keys->mcv, BSP_KEY);
    memset(bsp->counter, 0, sizeof bsp->counter);
    bsp->counter[sizeof bsp->counter - 1] = 1;
    return CR_OK;
}

cr_status bsp_new(const struct bsp_keys *keys, struct bsp **out, struct cr_err *err)
{
    struct bsp *bsp = calloc(1, sizeof *bsp);
    if (!bsp) {
        return cr_fail_memory(err);
    }
    cr_status status = keys_set(bsp, keys, err);
    if (status != CR_OK) {
        bsp_free(bsp);
        return status;
    }
    *out = bsp;
    return CR_OK;
}

void bsp_free(struct bsp *bsp)
{
    if (!bsp) {
        return;
    }
    crypto_aes_free(bsp->enc);
    crypto_aes_free(bsp->mac);
    cr_wipe(bsp, sizeof *bsp);
    free(bsp);
}

static cr_status refuse_dead(struct cr_err *err)
{
    return cr_fail(err, CR_REFUSED, BSP_CLAUSE_CHAIN,
                   "an earlier TLV of this chain failed, nothing after it can be trusted");
}

cr_status bsp_replace_keys(struct bsp *bsp, const struct bsp_keys *keys, struct cr_err *err)
{
    if (bsp->dead) {
        return refuse_dead(err);
    }
    cr_status status = keys_set(bsp, keys, err);
    bsp->dead = status != CR_OK;
    return status;
}

/* ---- one TLV ---- */

static bool tag_encrypts(uint8_t tag)
{
    return tag == 0x87 || tag == 0x86;
}

/* The ICV of the TLV that is next; counter_next() moves on when it is complete. */
static cr_status icv_make(struct bsp *bsp, uint8_t icv[CRYPTO_AES_BLOCK], struct cr_err *err)
{
    return crypto_aes_keyed_block(bsp->enc, bsp->counter, icv, err);
}

static void counter_next(struct bsp *bsp)
{
    for (size_t i = sizeof bsp->counter; i > 0 && ++bsp->counter[i - 1] == 0; i--) {
    }
}

/* CMAC over chaining value || header || data. */
static cr_status chain_mac(struct bsp *bsp, cr_span header, cr_span data, uint8_t mac[BSP_KEY],
                           struct cr_err *err)
{
    const cr_span parts[] = {CR_SPAN_ARRAY(bsp->mcv), header, data};
    return crypto_aes_keyed_cmac(bsp->mac, parts, CR_COUNT(parts), mac, err);
}

/* ---- protecting ---- */

/* Tag and minimal length; at most 4 bytes, since a body has at most BSP_MAX_SEGMENT. */
static size_t header_write(uint8_t out[BSP_HEADER_MAX], uint8_t tag, size_t body)
{
    size_t n = 0;
    out[n++] = tag;
    if (body >= 0x100) {
        out[n++] = 0x82;
        out[n++] = (uint8_t)(body >> 8);
    } else if (body >= 0x80) {
        out[n++] = 0x81;
    }
    out[n++] = (uint8_t)body;
    return n;
}

/* Data in place: padded and encrypted if the tag says so. */
static cr_status data_encrypt(struct bsp *bsp, uint8_t *data, size_t plain, size_t size,
                              struct cr_err *err)
{
    uint8_t icv[CRYPTO_AES_BLOCK];
    data[plain] = 0x80;
    memset(data + plain + 1, 0, size - plain - 1);
    CR_TRY(icv_make(bsp, icv, err));
    return crypto_aes_keyed_cbc(bsp->enc, true, icv, data, size, data, err);
}

/* Writes the TLV at p, which has room for it. */
static cr_status tlv_write(struct bsp *bsp, cr_span header, bool encrypt, cr_span plain,
                           size_t size, uint8_t *p, struct cr_err *err)
{
    uint8_t mac[BSP_KEY];
    uint8_t *data = p + header.n;
    memcpy(p, header.p, header.n);
    if (plain.n > 0) {
        memcpy(data, plain.p, plain.n);
    }
    if (encrypt) {
        CR_TRY(data_encrypt(bsp, data, plain.n, size, err));
    }
    CR_TRY(chain_mac(bsp, header, cr_span_of(data, size), mac, err));
    memcpy(data + size, mac, BSP_MAC);
    memcpy(bsp->mcv, mac, sizeof mac);
    counter_next(bsp);
    return CR_OK;
}

static cr_status protect_check(const struct bsp *bsp, uint8_t tag, struct cr_err *err)
{
    if (tag != 0x88 && !tag_encrypts(tag)) {
        return cr_fail(err, CR_INTERNAL, BSP_CLAUSE_CHAIN, "tag %02X is not 86, 87 or 88", tag);
    }
    return bsp->dead ? refuse_dead(err) : CR_OK;
}

cr_status bsp_protect(struct bsp *bsp, uint8_t tag, cr_span plain, cr_buf *out, struct cr_err *err)
{
    CR_TRY(protect_check(bsp, tag, err));
    bool encrypt = tag_encrypts(tag);
    size_t most = encrypt ? BSP_MAX_PLAIN : BSP_MAX_CLEAR;
    if (plain.n > most) {
        return cr_fail(err, CR_INTERNAL, BSP_CLAUSE_CHAIN,
                       "%zu bytes do not fit into one TLV %02X of at most %zu", plain.n, tag, most);
    }
    size_t size = encrypt ? (plain.n / CRYPTO_AES_BLOCK + 1) * CRYPTO_AES_BLOCK : plain.n;
    uint8_t header[BSP_HEADER_MAX];
    size_t header_size = header_write(header, tag, size + BSP_MAC);
    size_t before = out->n;
    uint8_t *p = cr_buf_extend(out, header_size + size + BSP_MAC);
    cr_status status =
        p ? tlv_write(bsp, cr_span_of(header, header_size), encrypt, plain, size, p, err)
          : cr_fail_memory(err);
    if (status != CR_OK) {
        bsp->dead = true;
        if (out->n > before) {
            cr_wipe(out->p + before, out->n - before);
            out->n = before;
        }
    }
    return status;
}

cr_status bsp_protect_all(struct bsp *bsp, uint8_t tag, cr_span plain, cr_buf *out,
                          struct cr_err *err)
{
    CR_TRY(protect_check(bsp, tag, err));
    size_t cut = tag_encrypts(tag) ? BSP_MAX_PLAIN : BSP_MAX_CLEAR;
    size_t before = out->n;
    if (plain.n > 0) {
        /* One allocation for all; when it fails the first TLV reports it. */
        (void)cr_buf_reserve(out,
                             plain.n + (plain.n / cut + 1) * (BSP_MAX_SEGMENT - BSP_MAX_PLAIN));
    }
    for (size_t at = 0; at < plain.n; at += cut) {
        cr_status status = bsp_protect(bsp, tag, cr_span_sub(plain, at, cut), out, err);
        if (status != CR_OK) {
            out->n = before < out->n ? before : out->n;
            return status;
        }
    }
    return CR_OK;
}

/* ---- opening ---- */

struct parsed {
    uint8_t tag;
    cr_span header, data, mac; /* in the TLV as received */
};

static cr_status fail_structure(struct cr_err *err, const char *why)
{
    return cr_fail(err, CR_MALFORMED, BSP_CLAUSE_CHAIN, "a protected TLV is malformed: %s", why);
}

/* Reads the length field at tlv.p[1]; its size in *field. */
static bool length_read(cr_span tlv, size_t *field, size_t *length)
{
    uint8_t first = tlv.p[1];
    if (first < 0x80) {
        *field = 1;
        *length = first;
        return true;
    }
    size_t digits = first & 0x7FU;
    if (digits == 0 || digits > BSP_HEADER_MAX - 2 || tlv.n < 2 + digits) {
        return false;
    }
    size_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        value = value << 8 | tlv.p[2 + i];
    }
    *field = 1 + digits;
    *length = value;
    return true;
}

static cr_status tlv_parse(cr_span tlv, struct parsed *out, struct cr_err *err)
{
    if (tlv.n < 2 || tlv.n > BSP_MAX_OPEN) {
        return fail_structure(err, "it is shorter than a header or longer than a segment may be");
    }
    out->tag = tlv.p[0];
    if (out->tag != 0x88 && !tag_encrypts(out->tag)) {
        return fail_structure(err, "its tag is not 86, 87 or 88");
    }
    size_t field = 0;
    size_t length = 0;
    if (!length_read(tlv, &field, &length) || length != tlv.n - 1 - field) {
        return fail_structure(err, "its length is not that of its value");
    }
    if (length < BSP_MAC) {
        return fail_structure(err, "it is too short for a MAC");
    }
    out->header = cr_span_sub(tlv, 0, 1 + field);
    out->data = cr_span_sub(tlv, 1 + field, length - BSP_MAC);
    out->mac = cr_span_sub(tlv, tlv.n - BSP_MAC, BSP_MAC);
    if (tag_encrypts(out->tag) && (out->data.n == 0 || out->data.n % CRYPTO_AES_BLOCK != 0)) {
        return fail_structure(err, "its encrypted data is not a number of whole blocks");
    }
    return CR_OK;
}

/* Bytes before 80 00..00; SIZE_MAX when the padding is none. The MAC was right, so that the time
 * tells an attacker nothing. */
static size_t padding_find(const uint8_t *p, size_t n)
{
    size_t at = n;
    while (at > 0 && n - at < CRYPTO_AES_BLOCK && p[at - 1] == 0) {
        at--;
    }
    return at > 0 && n - at < CRYPTO_AES_BLOCK && p[at - 1] == 0x80 ? at - 1 : SIZE_MAX;
}

static cr_status data_decrypt(struct bsp *bsp, cr_span data, cr_buf *out, struct cr_err *err)
{
    uint8_t icv[CRYPTO_AES_BLOCK];
    uint8_t plain[BSP_MAX_OPEN];
    CR_TRY(icv_make(bsp, icv, err));
    cr_status status = crypto_aes_keyed_cbc(bsp->enc, false, icv, data.p, data.n, plain, err);
    if (status == CR_OK) {
        size_t n = padding_find(plain, data.n);
        if (n == SIZE_MAX) {
            status = cr_fail(err, CR_REFUSED, BSP_CLAUSE_CHAIN,
                             "the padding of a protected TLV is wrong");
        } else {
            cr_buf_append(out, plain, n);
        }
    }
    cr_wipe(plain, data.n);
    return status;
}

static cr_status open_checked(struct bsp *bsp, cr_span tlv, cr_buf *out, struct cr_err *err)
{
    struct parsed parsed = {0};
    uint8_t mac[BSP_KEY];
    CR_TRY(tlv_parse(tlv, &parsed, err));
    CR_TRY(chain_mac(bsp, parsed.header, parsed.data, mac, err));
    if (!cr_span_equal_ct(cr_span_of(mac, BSP_MAC), parsed.mac)) {
        cr_wipe(mac, sizeof mac);
        return cr_fail(err, CR_REFUSED, BSP_CLAUSE_CHAIN,
                       "the MAC of a protected TLV (tag %02X) is wrong", parsed.tag);
    }
    if (tag_encrypts(parsed.tag)) {
        CR_TRY(data_decrypt(bsp, parsed.data, out, err));
    } else {
        cr_buf_append_span(out, parsed.data);
    }
    if (!cr_buf_ok(out)) {
        return cr_fail_memory(err);
    }
    memcpy(bsp->mcv, mac, sizeof mac);
    counter_next(bsp);
    return CR_OK;
}

cr_status bsp_open(struct bsp *bsp, cr_span tlv, cr_buf *out, struct cr_err *err)
{
    if (bsp->dead) {
        return refuse_dead(err);
    }
    cr_status status = open_checked(bsp, tlv, out, err);
    bsp->dead = status != CR_OK;
    return status;
}
