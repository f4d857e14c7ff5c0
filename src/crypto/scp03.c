/*
 * SCP03, GlobalPlatform Amendment D: AES, S8 mode.
 */
#include "crypto/scp_internal.h"
#include "crypto/symmetric.h"

/* Derivation constants, Amendment D table 4-1. */
enum {
    SCP03_CARD_CRYPTOGRAM = 0x00,
    SCP03_HOST_CRYPTOGRAM = 0x01,
    SCP03_CARD_CHALLENGE = 0x02,
    SCP03_S_ENC = 0x04,
    SCP03_S_MAC = 0x06,
    SCP03_S_RMAC = 0x07,
};

#define SCP03_BLOCK CRYPTO_AES_BLOCK

static const uint8_t zero_iv[SCP03_BLOCK];

/* 4.1.5: NIST SP 800-108 in counter mode over CMAC. n 8..32 bytes. */
static cr_status scp03_kdf(cr_span key, uint8_t constant, cr_span context_1, cr_span context_2,
                           uint8_t *out, size_t n, struct cr_err *err)
{
    uint8_t block[SCP03_BLOCK];
    uint8_t label[SCP03_BLOCK] = {0};
    label[11] = constant;
    label[13] = (uint8_t)(n * 8 >> 8);
    label[14] = (uint8_t)(n * 8);
    const cr_span parts[] = {CR_SPAN_ARRAY(label), context_1, context_2};
    for (size_t done = 0; done < n; done += sizeof block) {
        label[15]++;
        CR_TRY(crypto_cmac(key, parts, CR_COUNT(parts), block, err));
        memcpy(out + done, block, n - done < sizeof block ? n - done : sizeof block);
    }
    cr_wipe(block, sizeof block);
    return CR_OK;
}

static cr_span session_key(const struct scp_session *s, const uint8_t *key)
{
    return cr_span_of(key, s->key_size);
}

static cr_status scp03_derive(struct scp_session *s, const struct scp_keys *keys,
                              struct cr_err *err)
{
    cr_span enc = cr_span_of(keys->enc.value, keys->enc.n);
    cr_span mac = cr_span_of(keys->mac.value, keys->mac.n);
    cr_span host = CR_SPAN_ARRAY(s->challenge_host);
    cr_span card = CR_SPAN_ARRAY(s->challenge_card);
    CR_TRY(scp03_kdf(enc, SCP03_S_ENC, host, card, s->s_enc, enc.n, err));
    CR_TRY(scp03_kdf(mac, SCP03_S_MAC, host, card, s->s_mac, enc.n, err));
    CR_TRY(scp03_kdf(mac, SCP03_S_RMAC, host, card, s->s_rmac, enc.n, err));
    memcpy(s->s_dek, keys->dek.value, keys->dek.n); /* 6.2.7: the static DEK */
    s->key_size = keys->enc.n;
    return CR_OK;
}

/* 6.2.2.1: from the sequence counter and the AID. */
static cr_status scp03_challenge(struct scp_session *s, const struct scp_keys *keys, cr_span aid,
                                 struct cr_err *err)
{
    const uint32_t n = s->facts.sequence;
    const uint8_t sequence[] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    return scp03_kdf(cr_span_of(keys->enc.value, keys->enc.n), SCP03_CARD_CHALLENGE,
                     CR_SPAN_ARRAY(sequence), aid, s->challenge_card, SCP_CHALLENGE, err);
}

static cr_status scp03_cryptogram(const struct scp_session *s, bool card,
                                  uint8_t out[SCP_CRYPTOGRAM], struct cr_err *err)
{
    return scp03_kdf(session_key(s, s->s_mac), card ? SCP03_CARD_CRYPTOGRAM : SCP03_HOST_CRYPTOGRAM,
                     CR_SPAN_ARRAY(s->challenge_host), CR_SPAN_ARRAY(s->challenge_card), out,
                     SCP_CRYPTOGRAM, err);
}

/* 6.2.4: over the chaining value, the header and the data as sent; the whole MAC is the next
 * chaining value. */
static cr_status scp03_mac(struct scp_session *s, const uint8_t head[5], cr_span data,
                           uint8_t out[SCP_MAC], struct cr_err *err)
{
    uint8_t mac[SCP03_BLOCK];
    const cr_span parts[] = {CR_SPAN_ARRAY(s->chain), cr_span_of(head, 5), data};
    CR_TRY(crypto_cmac(session_key(s, s->s_mac), parts, CR_COUNT(parts), mac, err));
    memcpy(s->chain, mac, sizeof mac);
    memcpy(out, mac, SCP_MAC);
    return CR_OK;
}

/* ---- encryption ---- */

cr_status scp03_icv(const struct scp_session *s, uint32_t counter, bool response, uint8_t icv[16],
                    struct cr_err *err)
{
    uint8_t block[SCP03_BLOCK] = {0};
    block[0] = response ? 0x80 : 0x00;
    for (unsigned i = 0; i < 4; i++) {
        block[SCP03_BLOCK - 1 - i] = (uint8_t)(counter >> (8 * i));
    }
    return crypto_aes_block(session_key(s, s->s_enc), block, icv, err);
}

cr_status scp03_encipher(const struct scp_session *s, uint32_t counter, bool response,
                         cr_span plain, cr_buf *out, struct cr_err *err)
{
    uint8_t icv[SCP03_BLOCK];
    CR_TRY(scp03_icv(s, counter, response, icv, err));
    uint8_t *p = scp_pad(out, plain, SCP03_BLOCK);
    return p ? crypto_aes_cbc(true, session_key(s, s->s_enc), icv, p,
                              scp_padded_size(plain.n, SCP03_BLOCK), p, err)
             : cr_fail_memory(err);
}

cr_status scp03_decipher(const struct scp_session *s, uint32_t counter, bool response,
                         cr_span cipher, cr_buf *plain, struct cr_err *err)
{
    uint8_t icv[SCP03_BLOCK];
    if (cipher.n == 0 || cipher.n % SCP03_BLOCK != 0) {
        return scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH,
                        "the enciphered data is no whole number of blocks");
    }
    CR_TRY(scp03_icv(s, counter, response, icv, err));
    size_t before = plain->n;
    size_t n = 0;
    uint8_t *p = cr_buf_extend(plain, cipher.n);
    if (!p) {
        return cr_fail_memory(err);
    }
    CR_TRY(crypto_aes_cbc(false, session_key(s, s->s_enc), icv, cipher.p, cipher.n, p, err));
    if (!scp_unpad(cr_span_of(p, cipher.n), SCP03_BLOCK, &n)) {
        return scp_fail(err, CR_REFUSED, SCP_SW_SECURITY, "the padding is wrong");
    }
    plain->n = before + n;
    return CR_OK;
}

/* ---- commands and responses ---- */

/* 6.2.6: the counter counts every command of the session, with data or without; a session of 2^32
 * commands does not happen, but would repeat an ICV. */
static cr_status count_command(struct scp_session *s, struct cr_err *err)
{
    if (s->counter == UINT32_MAX) {
        return scp_fail(err, CR_REFUSED, SCP_SW_CONDITIONS, "the block counter is used up");
    }
    s->counter++;
    return CR_OK;
}

static cr_status scp03_protect(struct scp_session *s, const struct scp_apdu *a, cr_buf *out,
                               struct cr_err *err)
{
    uint8_t mac[SCP_MAC];
    CR_TRY(count_command(s, err));
    if (s->level & SCP_LEVEL_C_DECRYPTION && a->data.n > 0) {
        CR_TRY(scp03_encipher(s, s->counter, false, a->data, out, err));
    } else {
        cr_buf_append_span(out, a->data);
    }
    if (!cr_buf_ok(out)) {
        return cr_fail_memory(err);
    }
    cr_span data = cr_buf_span(out);
    const uint8_t head[] = {a->cla, a->ins, a->p1, a->p2, (uint8_t)(data.n + SCP_MAC)};
    CR_TRY(scp03_mac(s, head, data, mac, err));
    cr_buf_append(out, mac, sizeof mac);
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

static cr_status scp03_open(struct scp_session *s, const struct scp_apdu *a, cr_buf *plain,
                            struct cr_err *err)
{
    uint8_t mac[SCP_MAC];
    cr_span data = cr_span_sub(a->data, 0, a->data.n - SCP_MAC);
    const uint8_t head[] = {a->cla, a->ins, a->p1, a->p2, (uint8_t)a->data.n};
    CR_TRY(count_command(s, err));
    CR_TRY(scp03_mac(s, head, data, mac, err));
    if (!cr_span_equal_ct(CR_SPAN_ARRAY(mac), cr_span_sub(a->data, data.n, SCP_MAC))) {
        return scp_fail(err, CR_REFUSED, SCP_SW_SECURITY, "the C-MAC is wrong");
    }
    if (s->level & SCP_LEVEL_C_DECRYPTION && data.n > 0) {
        return scp03_decipher(s, s->counter, false, data, plain, err);
    }
    cr_buf_append_span(plain, data);
    return CR_OK;
}

/* 6.2.5: over the chaining value that the command left, the response data as sent and the status.
 */
static cr_status scp03_rmac(const struct scp_session *s, cr_span data, uint16_t sw,
                            uint8_t out[SCP03_BLOCK], struct cr_err *err)
{
    const uint8_t status[] = {(uint8_t)(sw >> 8), (uint8_t)sw};
    const cr_span parts[] = {CR_SPAN_ARRAY(s->chain), data, CR_SPAN_ARRAY(status)};
    return crypto_cmac(session_key(s, s->s_rmac), parts, CR_COUNT(parts), out, err);
}

static cr_status scp03_answer(struct scp_session *s, cr_span data, uint16_t sw, cr_buf *out,
                              struct cr_err *err)
{
    uint8_t mac[SCP03_BLOCK];
    size_t before = out->n;
    if (s->level & SCP_LEVEL_R_ENCRYPTION && data.n > 0) {
        CR_TRY(scp03_encipher(s, s->counter, true, data, out, err));
    } else {
        cr_buf_append_span(out, data);
    }
    if (!cr_buf_ok(out)) {
        return cr_fail_memory(err);
    }
    CR_TRY(scp03_rmac(s, cr_span_sub(cr_buf_span(out), before, out->n - before), sw, mac, err));
    cr_buf_append(out, mac, SCP_MAC);
    return CR_OK;
}

static cr_status scp03_read_answer(struct scp_session *s, cr_span data, uint16_t sw, cr_buf *plain,
                                   struct cr_err *err)
{
    uint8_t mac[SCP03_BLOCK];
    cr_span body = cr_span_sub(data, 0, data.n - SCP_MAC);
    CR_TRY(scp03_rmac(s, body, sw, mac, err));
    if (!cr_span_equal_ct(cr_span_of(mac, SCP_MAC), cr_span_sub(data, body.n, SCP_MAC))) {
        return scp_fail(err, CR_REFUSED, SCP_SW_SECURITY, "the R-MAC is wrong");
    }
    if (s->level & SCP_LEVEL_R_ENCRYPTION && body.n > 0) {
        return scp03_decipher(s, s->counter, true, body, plain, err);
    }
    cr_buf_append_span(plain, body);
    return CR_OK;
}

/* 6.2.7: CBC with an IV of zeros under the static DEK. */
static cr_status scp03_sensitive(const struct scp_session *s, bool encrypt, cr_span in, cr_buf *out,
                                 struct cr_err *err)
{
    uint8_t *p = cr_buf_extend(out, in.n);
    return p ? crypto_aes_cbc(encrypt, session_key(s, s->s_dek), zero_iv, in.p, in.n, p, err)
             : cr_fail_memory(err);
}

const struct scp_ops scp03_ops = {
    .clause = "GlobalPlatform Amendment D",
    .key_min = 16,
    .key_max = 32,
    .challenge_random = SCP_CHALLENGE,
    .challenge = scp03_challenge,
    .derive = scp03_derive,
    .cryptogram = scp03_cryptogram,
    .mac = scp03_mac,
    .protect = scp03_protect,
    .open = scp03_open,
    .answer = scp03_answer,
    .read_answer = scp03_read_answer,
    .sensitive = scp03_sensitive,
    .block = SCP03_BLOCK,
};
