/*
 * SCP02, GlobalPlatform Card Specification annex E: two-key triple DES.
 */
#include "crypto/des.h"
#include "crypto/scp_internal.h"

#define SCP02_KEY 16

static const uint8_t zero_iv[CRYPTO_DES_BLOCK];

/* E.4.1: a session key is CBC over a constant, the sequence counter and zeros. */
static cr_status derive_one(const struct scp_key *key, uint16_t constant, uint32_t sequence,
                            uint8_t *out, struct cr_err *err)
{
    uint8_t data[SCP02_KEY] = {(uint8_t)(constant >> 8), (uint8_t)constant,
                               (uint8_t)(sequence >> 8), (uint8_t)sequence};
    return crypto_des_cbc(true, cr_span_of(key->value, SCP02_KEY), zero_iv, data, sizeof data, out,
                          err);
}

static cr_status scp02_derive(struct scp_session *s, const struct scp_keys *keys,
                              struct cr_err *err)
{
    uint32_t n = s->facts.sequence;
    if (!(s->facts.i & SCP02_I_THREE_KEYS) &&
        !(cr_span_equal_ct(cr_span_of(keys->enc.value, SCP02_KEY),
                           cr_span_of(keys->mac.value, SCP02_KEY)) &&
          cr_span_equal_ct(cr_span_of(keys->enc.value, SCP02_KEY),
                           cr_span_of(keys->dek.value, SCP02_KEY)))) {
        return scp_fail(err, CR_REFUSED, SCP_SW_CONDITIONS,
                        "this i has one base key, but the keys differ");
    }
    CR_TRY(derive_one(&keys->mac, 0x0101, n, s->s_mac, err));
    CR_TRY(derive_one(&keys->mac, 0x0102, n, s->s_rmac, err));
    CR_TRY(derive_one(&keys->dek, 0x0181, n, s->s_dek, err));
    CR_TRY(derive_one(&keys->enc, 0x0182, n, s->s_enc, err));
    s->key_size = SCP02_KEY;
    return CR_OK;
}

/* E.4.2.3: the C-MAC over the AID, its first six bytes. */
static cr_status scp02_challenge(struct scp_session *s, const struct scp_keys *keys, cr_span aid,
                                 struct cr_err *err)
{
    uint8_t mac[CRYPTO_DES_BLOCK];
    (void)keys;
    CR_TRY(crypto_des_retail_mac(cr_span_of(s->s_mac, SCP02_KEY), zero_iv, &aid, 1,
                                 CRYPTO_DES_PAD_ONE, mac, err));
    memcpy(s->challenge_card + 2, mac, 6);
    return CR_OK;
}

/* E.4.2: the card challenge of 8 bytes begins with the sequence counter. */
static cr_status scp02_cryptogram(const struct scp_session *s, bool card,
                                  uint8_t out[SCP_CRYPTOGRAM], struct cr_err *err)
{
    cr_span host = CR_SPAN_ARRAY(s->challenge_host);
    cr_span own = CR_SPAN_ARRAY(s->challenge_card);
    const cr_span parts[] = {card ? host : own, card ? own : host};
    return crypto_des_mac(cr_span_of(s->s_enc, SCP02_KEY), zero_iv, parts, CR_COUNT(parts),
                          CRYPTO_DES_PAD_ONE, out, err);
}

/* E.4.4, E.3.4: the ICV is the MAC before (zero for the first), encrypted by the first half of the
 * key when i says so. */
static cr_status scp02_mac(struct scp_session *s, const uint8_t head[5], cr_span data,
                           uint8_t out[SCP_MAC], struct cr_err *err)
{
    uint8_t icv[CRYPTO_DES_BLOCK];
    memcpy(icv, s->chain, sizeof icv);
    bool first = s->state != SCP_STATE_OPEN;
    if (!first && s->facts.i & SCP02_I_ICV_ENCRYPT) {
        CR_TRY(
            crypto_des_ecb(true, cr_span_of(s->s_mac, CRYPTO_DES_KEY), icv, sizeof icv, icv, err));
    }
    const cr_span parts[] = {cr_span_of(head, 5), data};
    CR_TRY(crypto_des_retail_mac(cr_span_of(s->s_mac, SCP02_KEY), icv, parts, CR_COUNT(parts),
                                 CRYPTO_DES_PAD_ONE, out, err));
    memcpy(s->chain, out, SCP_MAC);
    if (first) { /* E.3.6: the chain of the responses begins with the MAC of EXTERNAL AUTHENTICATE
                  */
        memcpy(s->chain_r, out, SCP_MAC);
    }
    return CR_OK;
}

/* The MAC is over the plain data with the length it would have unciphered; then comes the cipher.
 */
static cr_status scp02_protect(struct scp_session *s, const struct scp_apdu *a, cr_buf *out,
                               struct cr_err *err)
{
    uint8_t mac[SCP_MAC];
    const uint8_t head[] = {a->cla, a->ins, a->p1, a->p2, (uint8_t)(a->data.n + SCP_MAC)};
    CR_TRY(scp02_mac(s, head, a->data, mac, err));
    if (s->level & SCP_LEVEL_C_DECRYPTION && a->data.n > 0) {
        uint8_t *p = scp_pad(out, a->data, CRYPTO_DES_BLOCK);
        if (!p) {
            return cr_fail_memory(err);
        }
        CR_TRY(crypto_des_cbc(true, cr_span_of(s->s_enc, SCP02_KEY), zero_iv, p,
                              scp_padded_size(a->data.n, CRYPTO_DES_BLOCK), p, err));
    } else {
        cr_buf_append_span(out, a->data);
    }
    cr_buf_append(out, mac, sizeof mac);
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

/*
 * What was enciphered is deciphered before its MAC can be looked at. A wrong padding must not be
 * told from a wrong MAC, or the card would be an oracle that deciphers for anybody: the MAC is
 * calculated in any case, and there is one refusal for both.
 */
static cr_status scp02_open(struct scp_session *s, const struct scp_apdu *a, cr_buf *plain,
                            struct cr_err *err)
{
    size_t n = a->data.n - SCP_MAC;
    uint8_t mac[SCP_MAC];
    bool good = true;
    if (s->level & SCP_LEVEL_C_DECRYPTION && n > 0) {
        uint8_t *p = n % CRYPTO_DES_BLOCK == 0 ? cr_buf_extend(plain, n) : NULL;
        if (!p) {
            return scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH,
                            "the enciphered data is no whole number of blocks");
        }
        CR_TRY(
            crypto_des_cbc(false, cr_span_of(s->s_enc, SCP02_KEY), zero_iv, a->data.p, n, p, err));
        size_t unpadded = n;
        good = scp_unpad(cr_buf_span(plain), CRYPTO_DES_BLOCK, &unpadded);
        plain->n = good ? unpadded : n;
    } else {
        cr_buf_append_span(plain, cr_span_sub(a->data, 0, n));
    }
    if (!cr_buf_ok(plain)) {
        return cr_fail_memory(err);
    }
    const uint8_t head[] = {a->cla, a->ins, a->p1, a->p2, (uint8_t)(plain->n + SCP_MAC)};
    CR_TRY(scp02_mac(s, head, cr_buf_span(plain), mac, err));
    bool same = cr_span_equal_ct(CR_SPAN_ARRAY(mac), cr_span_sub(a->data, n, SCP_MAC));
    cr_wipe(mac, sizeof mac);
    return same && good ? CR_OK : scp_fail(err, CR_REFUSED, SCP_SW_SECURITY, "the C-MAC is wrong");
}

/* E.4.5: command, length of the response data, response data, status word. */
static cr_status scp02_rmac(struct scp_session *s, cr_span data, uint16_t sw, uint8_t out[SCP_MAC],
                            struct cr_err *err)
{
    const uint8_t li = (uint8_t)data.n;
    const uint8_t status[] = {(uint8_t)(sw >> 8), (uint8_t)sw};
    const cr_span parts[] = {cr_span_of(s->last, s->last_n), cr_span_of(&li, 1), data,
                             CR_SPAN_ARRAY(status)};
    CR_TRY(crypto_des_retail_mac(cr_span_of(s->s_rmac, SCP02_KEY), s->chain_r, parts,
                                 CR_COUNT(parts), CRYPTO_DES_PAD_ONE, out, err));
    memcpy(s->chain_r, out, SCP_MAC);
    return CR_OK;
}

static cr_status scp02_answer(struct scp_session *s, cr_span data, uint16_t sw, cr_buf *out,
                              struct cr_err *err)
{
    uint8_t mac[SCP_MAC];
    CR_TRY(scp02_rmac(s, data, sw, mac, err));
    cr_buf_append_span(out, data);
    cr_buf_append(out, mac, sizeof mac);
    return CR_OK;
}

static cr_status scp02_read_answer(struct scp_session *s, cr_span data, uint16_t sw, cr_buf *plain,
                                   struct cr_err *err)
{
    uint8_t mac[SCP_MAC];
    cr_span body = cr_span_sub(data, 0, data.n - SCP_MAC);
    CR_TRY(scp02_rmac(s, body, sw, mac, err));
    if (!cr_span_equal_ct(CR_SPAN_ARRAY(mac), cr_span_sub(data, body.n, SCP_MAC))) {
        return scp_fail(err, CR_REFUSED, SCP_SW_SECURITY, "the R-MAC is wrong");
    }
    cr_buf_append_span(plain, body);
    return CR_OK;
}

/* E.4.7: triple DES ECB. */
static cr_status scp02_sensitive(const struct scp_session *s, bool encrypt, cr_span in, cr_buf *out,
                                 struct cr_err *err)
{
    uint8_t *p = cr_buf_extend(out, in.n);
    return p ? crypto_des_ecb(encrypt, cr_span_of(s->s_dek, SCP02_KEY), in.p, in.n, p, err)
             : cr_fail_memory(err);
}

const struct scp_ops scp02_ops = {
    .clause = "GlobalPlatform Card Specification E",
    .key_min = SCP02_KEY,
    .key_max = SCP02_KEY,
    .challenge_random = 6,
    .challenge = scp02_challenge,
    .derive = scp02_derive,
    .derive_first = true,
    .cryptogram = scp02_cryptogram,
    .mac = scp02_mac,
    .protect = scp02_protect,
    .open = scp02_open,
    .answer = scp02_answer,
    .read_answer = scp02_read_answer,
    .errors_have_mac = true,
    .sensitive = scp02_sensitive,
    .block = CRYPTO_DES_BLOCK,
};
