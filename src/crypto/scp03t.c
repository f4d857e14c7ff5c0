/*
 * SCP03t on ES8 (SGP.02 4.1.3.3): a session of SCP03 carried by TLVs instead of APDUs.
 */
#include "asn1/der.h"
#include "crypto/scp_internal.h"
#include "crypto/symmetric.h"

#define TAG_INITIALISE   0x84
#define TAG_AUTHENTICATE 0x85
#define TAG_DATA         0x86
#define CLAUSE           "SGP.02 4.1.3.3"

#define INITIALISE_VALUE   (2 + SCP_CHALLENGE)
#define AUTHENTICATE_VALUE (1 + SCP_CRYPTOGRAM + SCP_MAC)

static cr_status fail(struct cr_err *err, cr_status category, enum scp03t_reason reason,
                      const char *cause)
{
    return cr_err_code(err, cr_fail(err, category, CLAUSE, "%s", cause), (long)reason);
}

static cr_status wrong_time(struct cr_err *err)
{
    return fail(err, CR_REFUSED, SCP03T_SECURITY,
                "the secure channel is not in the state for this");
}

/* One whole TLV of this tag and nothing behind it. *head gets tag and length as received. */
static cr_status take_tlv(cr_span tlv, uint8_t tag, cr_span *head, cr_span *value,
                          struct cr_err *err)
{
    uint32_t found = 0;
    size_t header = 0;
    size_t length = 0;
    if (der_header(tlv, DER_BER_LENGTHS, &found, &header, &length, NULL) != CR_OK || found != tag ||
        tlv.n - header != length) {
        return fail(err, CR_MALFORMED, SCP03T_WRONG_LENGTH,
                    "this is not the TLV that was expected, or its length is wrong");
    }
    *head = cr_span_sub(tlv, 0, header);
    *value = cr_span_sub(tlv, header, length);
    return CR_OK;
}

/* An answer of the card: its own tag, or 9F44.. with a reason. */
static cr_status take_answer(cr_span tlv, uint8_t tag, cr_span *head, cr_span *value,
                             struct cr_err *err)
{
    if (tlv.n == 4 && tlv.p[0] == 0x9F && tlv.p[1] == tag - 0x40 && tlv.p[2] == 1) {
        cr_status status = cr_fail(err, CR_REFUSED, CLAUSE,
                                   "the card answered tag %02X with error %02X", tag, tlv.p[3]);
        return cr_err_code(err, status, tlv.p[3]);
    }
    return take_tlv(tlv, tag, head, value, err);
}

static cr_status put(cr_buf *out, size_t before, struct cr_err *err)
{
    if (cr_buf_ok(out)) {
        return CR_OK;
    }
    scp_take_back(out, before);
    return cr_fail_memory(err);
}

/* CMAC over chain, head and value; the command's MAC moves the chain on. */
static cr_status mac_command(struct scp_session *s, cr_span head, cr_span value, uint8_t mac[16],
                             struct cr_err *err)
{
    const cr_span parts[] = {CR_SPAN_ARRAY(s->chain), head, value};
    CR_TRY(crypto_cmac(cr_span_of(s->s_mac, s->key_size), parts, CR_COUNT(parts), mac, err));
    memcpy(s->chain, mac, sizeof s->chain);
    return CR_OK;
}

static cr_status mac_answer(const struct scp_session *s, const struct scp03t_mark *mark,
                            cr_span head, cr_span value, uint8_t mac[16], struct cr_err *err)
{
    const cr_span parts[] = {CR_SPAN_ARRAY(mark->chain), head, value};
    return crypto_cmac(cr_span_of(s->s_rmac, s->key_size), parts, CR_COUNT(parts), mac, err);
}

void scp03t_remember(const struct scp_session *s, struct scp03t_mark *mark)
{
    memcpy(mark->chain, s->chain, sizeof mark->chain);
    mark->counter = s->counter;
}

/* ---- host ---- */

cr_status scp03t_put_initialise(struct scp_session *s, cr_buf *out, struct cr_err *err)
{
    if (!s->host || s->state != SCP_STATE_BEGUN) {
        return wrong_time(err);
    }
    size_t before = out->n;
    const uint8_t head[] = {TAG_INITIALISE, INITIALISE_VALUE, s->asked_kvn, 0x00};
    cr_buf_append(out, head, sizeof head);
    cr_buf_append(out, s->challenge_host, SCP_CHALLENGE);
    return put(out, before, err);
}

cr_status scp03t_take_initialise(struct scp_session *s, cr_span tlv, struct cr_err *err)
{
    cr_span head;
    cr_span value;
    if (!s->host || !(s->state == SCP_STATE_BEGUN || s->predicted)) {
        return wrong_time(err);
    }
    cr_status status = take_answer(tlv, TAG_INITIALISE, &head, &value, err);
    if (status == CR_OK && value.n > 11 && value.p[11] != SCP_03) {
        status = fail(err, CR_REFUSED, SCP03T_SECURITY, "the card does not answer with SCP03");
    }
    return status == CR_OK ? scp_host_take(s, value, err) : scp_end_with(s, status);
}

cr_status scp03t_put_authenticate(struct scp_session *s, cr_buf *out, struct cr_err *err)
{
    if (!s->host || s->state != SCP_STATE_INITIALISED || s->facts.protocol != SCP_03) {
        return wrong_time(err);
    }
    if (!scp_level_supported(SCP_03, s->facts.i, SCP03T_LEVEL)) {
        return fail(err, CR_REFUSED, SCP03T_SECURITY,
                    "the card's SCP03 has no R-MAC and R-ENCRYPTION");
    }
    uint8_t value[1 + SCP_CRYPTOGRAM] = {SCP03T_LEVEL};
    const uint8_t head[] = {TAG_AUTHENTICATE, AUTHENTICATE_VALUE};
    uint8_t mac[16];
    cr_status status = s->ops->cryptogram(s, false, value + 1, err);
    if (status == CR_OK) {
        status = mac_command(s, CR_SPAN_ARRAY(head), CR_SPAN_ARRAY(value), mac, err);
    }
    size_t before = out->n;
    if (status == CR_OK) {
        cr_buf_append(out, head, sizeof head);
        cr_buf_append(out, value, sizeof value);
        cr_buf_append(out, mac, SCP_MAC);
        status = put(out, before, err);
    }
    if (status != CR_OK) {
        return scp_end_with(s, status);
    }
    s->level = SCP03T_LEVEL;
    s->state = SCP_STATE_OPEN;
    return CR_OK;
}

cr_status scp03t_take_authenticate(struct scp_session *s, cr_span tlv, struct cr_err *err)
{
    cr_span head;
    cr_span value;
    if (!s->host || s->state != SCP_STATE_OPEN || s->predicted) {
        return wrong_time(err);
    }
    cr_status status = take_answer(tlv, TAG_AUTHENTICATE, &head, &value, err);
    if (status == CR_OK && value.n != 0) {
        status = fail(err, CR_MALFORMED, SCP03T_WRONG_LENGTH, "the answer to 85 is empty");
    }
    return status == CR_OK ? CR_OK : scp_end_with(s, status);
}

cr_status scp03t_seal(struct scp_session *s, cr_span plain, cr_buf *out, struct cr_err *err)
{
    if (!s->host || s->state != SCP_STATE_OPEN || s->level != SCP03T_LEVEL) {
        return wrong_time(err);
    }
    if (plain.n > SCP03T_MAX_PLAIN) {
        return fail(err, CR_MALFORMED, SCP03T_WRONG_LENGTH,
                    "one 86 carries at most 1007 bytes of plain data");
    }
    if (s->counter == UINT32_MAX) {
        return scp_end_with(s,
                            fail(err, CR_REFUSED, SCP03T_SECURITY, "the block counter is used up"));
    }
    size_t before = out->n;
    size_t cipher = scp_padded_size(plain.n, CRYPTO_AES_BLOCK);
    der_put_header(out, TAG_DATA, cipher + SCP_MAC);
    size_t body = out->n;
    uint8_t mac[16];
    s->counter++;
    cr_status status = cr_buf_ok(out) ? scp03_encipher(s, s->counter, false, plain, out, err)
                                      : cr_fail_memory(err);
    if (status == CR_OK) {
        cr_span all = cr_buf_span(out);
        status = mac_command(s, cr_span_sub(all, before, body - before),
                             cr_span_sub(all, body, cipher), mac, err);
    }
    if (status == CR_OK) {
        cr_buf_append(out, mac, SCP_MAC);
        status = put(out, before, err);
    }
    if (status != CR_OK) {
        scp_take_back(out, before);
        return scp_end_with(s, status);
    }
    return CR_OK;
}

cr_status scp03t_open_answer(struct scp_session *s, const struct scp03t_mark *mark, cr_span tlv,
                             cr_buf *plain, struct cr_err *err)
{
    cr_span head;
    cr_span value;
    struct scp03t_mark now;
    uint8_t mac[16];
    if (!s->host || s->state != SCP_STATE_OPEN || s->level != SCP03T_LEVEL || s->predicted) {
        return wrong_time(err);
    }
    if (!mark) {
        scp03t_remember(s, &now);
        mark = &now;
    }
    cr_status status = take_answer(tlv, TAG_DATA, &head, &value, err);
    if (status == CR_OK && value.n == 0) {
        return CR_OK;
    }
    if (status == CR_OK && (value.n > SCP03T_MAX_VALUE || value.n < SCP_MAC + CRYPTO_AES_BLOCK)) {
        status = fail(err, CR_MALFORMED, SCP03T_WRONG_LENGTH, "the answer has a wrong length");
    }
    if (status != CR_OK) {
        return scp_end_with(s, status);
    }
    size_t before = plain->n;
    cr_span body = cr_span_sub(value, 0, value.n - SCP_MAC);
    status = mac_answer(s, mark, head, body, mac, err);
    if (status == CR_OK &&
        !cr_span_equal_ct(cr_span_of(mac, SCP_MAC), cr_span_sub(value, body.n, SCP_MAC))) {
        status = fail(err, CR_REFUSED, SCP03T_SECURITY, "the R-MAC of the answer is wrong");
    }
    if (status == CR_OK) {
        status = scp03_decipher(s, mark->counter, true, body, plain, err);
    }
    if (status != CR_OK) {
        scp_take_back(plain, before);
        return scp_end_with(s, status);
    }
    return CR_OK;
}

/* ---- card ---- */

void scp03t_put_error(uint8_t tag, enum scp03t_reason reason, cr_buf *out)
{
    const uint8_t tlv[] = {0x9F, (uint8_t)(tag - 0x40), 0x01, (uint8_t)reason};
    cr_buf_append(out, tlv, sizeof tlv);
}

cr_status scp03t_card_parse_initialise(cr_span tlv, uint8_t *kvn, uint8_t *key_id,
                                       cr_span *host_challenge, struct cr_err *err)
{
    cr_span head;
    cr_span value;
    CR_TRY(take_tlv(tlv, TAG_INITIALISE, &head, &value, err));
    if (value.n != INITIALISE_VALUE) {
        return fail(err, CR_MALFORMED, SCP03T_WRONG_LENGTH, "an 84 carries 10 bytes");
    }
    *kvn = value.p[0];
    *key_id = value.p[1];
    *host_challenge = cr_span_sub(value, 2, SCP_CHALLENGE);
    return CR_OK;
}

cr_status scp03t_card_initialise(struct scp_session *s, const struct scp_card_facts *facts,
                                 const struct scp_keys *keys, cr_span aid, cr_span host_challenge,
                                 const cr_env *env, cr_buf *answer, struct cr_err *err)
{
    if (facts->protocol != SCP_03 || !scp_level_supported(SCP_03, facts->i, SCP03T_LEVEL)) {
        scp_end(s);
        return fail(err, CR_REFUSED, SCP03T_KEY_SET_UNKNOWN,
                    "the key set is not for SCP03 with R-ENCRYPTION");
    }
    cr_buf value = {0};
    cr_status status = scp_card_initialise(s, facts, keys, aid, host_challenge, env, &value, err);
    if (status == CR_OK) {
        size_t before = answer->n;
        der_put(answer, TAG_INITIALISE, cr_buf_span(&value));
        status = put(answer, before, err);
        if (status != CR_OK) {
            scp_end(s);
        }
    } else {
        (void)cr_err_code(err, status, SCP03T_KEY_SET_UNKNOWN);
    }
    cr_buf_free(&value);
    return status;
}

cr_status scp03t_card_authenticate(struct scp_session *s, cr_span tlv, cr_buf *answer,
                                   struct cr_err *err)
{
    cr_span head;
    cr_span value;
    uint8_t mac[16];
    uint8_t cryptogram[SCP_CRYPTOGRAM];
    if (s->host || s->state != SCP_STATE_INITIALISED || s->facts.protocol != SCP_03) {
        return wrong_time(err);
    }
    cr_status status = take_tlv(tlv, TAG_AUTHENTICATE, &head, &value, err);
    if (status == CR_OK && value.n != AUTHENTICATE_VALUE) {
        status = fail(err, CR_MALFORMED, SCP03T_WRONG_LENGTH, "an 85 carries 17 bytes");
    }
    if (status == CR_OK) {
        status = mac_command(s, head, cr_span_sub(value, 0, 1 + SCP_CRYPTOGRAM), mac, err);
    }
    if (status == CR_OK) {
        status = s->ops->cryptogram(s, false, cryptogram, err);
    }
    if (status == CR_OK) {
        bool mac_same = cr_span_equal_ct(cr_span_of(mac, SCP_MAC),
                                         cr_span_sub(value, 1 + SCP_CRYPTOGRAM, SCP_MAC));
        bool cryptogram_same =
            cr_span_equal_ct(CR_SPAN_ARRAY(cryptogram), cr_span_sub(value, 1, SCP_CRYPTOGRAM));
        if (!mac_same || !cryptogram_same || value.p[0] != SCP03T_LEVEL) {
            status = fail(err, CR_REFUSED, SCP03T_SECURITY,
                          "the host cryptogram, the MAC or the security level of 85 is wrong");
        }
        cr_wipe(cryptogram, sizeof cryptogram);
    }
    if (status == CR_OK) {
        static const uint8_t done[] = {TAG_AUTHENTICATE, 0x00};
        size_t before = answer->n;
        cr_buf_append(answer, done, sizeof done);
        status = put(answer, before, err);
    }
    if (status != CR_OK) {
        return scp_end_with(s, status);
    }
    s->level = SCP03T_LEVEL;
    s->state = SCP_STATE_OPEN;
    return CR_OK;
}

static cr_status card_open(struct scp_session *s, cr_span tlv, cr_buf *plain, struct cr_err *err)
{
    cr_span head;
    cr_span value;
    uint8_t mac[16];
    CR_TRY(take_tlv(tlv, TAG_DATA, &head, &value, err));
    if (value.n < SCP_MAC + CRYPTO_AES_BLOCK || value.n > SCP03T_MAX_VALUE ||
        (value.n - SCP_MAC) % CRYPTO_AES_BLOCK != 0) {
        return fail(err, CR_MALFORMED, SCP03T_WRONG_LENGTH, "the 86 has a wrong length");
    }
    if (s->counter == UINT32_MAX) {
        return fail(err, CR_REFUSED, SCP03T_SECURITY, "the block counter is used up");
    }
    s->counter++;
    cr_span body = cr_span_sub(value, 0, value.n - SCP_MAC);
    CR_TRY(mac_command(s, head, body, mac, err));
    if (!cr_span_equal_ct(cr_span_of(mac, SCP_MAC), cr_span_sub(value, body.n, SCP_MAC))) {
        return fail(err, CR_REFUSED, SCP03T_SECURITY, "the MAC of the 86 is wrong");
    }
    cr_status status = scp03_decipher(s, s->counter, false, body, plain, err);
    return status == CR_OK ? CR_OK : cr_err_code(err, status, SCP03T_SECURITY);
}

cr_status scp03t_card_open(struct scp_session *s, cr_span tlv, cr_buf *plain, struct cr_err *err)
{
    if (s->host || s->state != SCP_STATE_OPEN || s->level != SCP03T_LEVEL || s->command_open) {
        return wrong_time(err);
    }
    size_t before = plain->n;
    cr_status status = card_open(s, tlv, plain, err);
    if (status != CR_OK) {
        scp_take_back(plain, before);
        return scp_end_with(s, status);
    }
    s->command_open = true;
    return CR_OK;
}

cr_status scp03t_card_answer(struct scp_session *s, cr_span plain, cr_buf *out, struct cr_err *err)
{
    if (s->host || s->state != SCP_STATE_OPEN || s->level != SCP03T_LEVEL || !s->command_open) {
        return wrong_time(err);
    }
    if (plain.n > SCP03T_MAX_PLAIN) {
        return fail(err, CR_INTERNAL, SCP03T_WRONG_LENGTH, "the answer to an 86 is too long");
    }
    size_t before = out->n;
    size_t cipher = plain.n > 0 ? scp_padded_size(plain.n, CRYPTO_AES_BLOCK) + SCP_MAC : 0;
    cr_status status = CR_OK;
    der_put_header(out, TAG_DATA, cipher);
    if (plain.n > 0 && cr_buf_ok(out)) {
        uint8_t mac[16];
        struct scp03t_mark mark;
        size_t body = out->n;
        scp03t_remember(s, &mark);
        status = scp03_encipher(s, s->counter, true, plain, out, err);
        if (status == CR_OK) {
            cr_span all = cr_buf_span(out);
            status = mac_answer(s, &mark, cr_span_sub(all, before, body - before),
                                cr_span_sub(all, body, all.n - body), mac, err);
        }
        if (status == CR_OK) {
            cr_buf_append(out, mac, SCP_MAC);
        }
    }
    if (status == CR_OK) {
        status = put(out, before, err);
    }
    if (status != CR_OK) {
        scp_take_back(out, before);
        return scp_end_with(s, status);
    }
    s->command_open = false;
    return CR_OK;
}
