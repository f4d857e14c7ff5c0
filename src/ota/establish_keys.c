/* Derivation and receipt: from the shared secret to a key set. */
#include "ota/establish_internal.h"

#include "crypto/symmetric.h"

void establish_keys_wipe(struct establish_keys *keys)
{
    if (keys) {
        cr_wipe(keys, sizeof *keys);
    }
}

static void put_counted(cr_buf *b, cr_span value)
{
    cr_buf_append_byte(b, (uint8_t)value.n);
    cr_buf_append_span(b, value);
}

/* usage || type || size || [DR] || [L HostID || L SIN || L SDIN] */
static cr_status put_shared_info(const struct establish_template *t, cr_span dr, cr_span sin,
                                 cr_buf *out, struct cr_err *err)
{
    cr_buf_append_byte(out, t->usage);
    cr_buf_append_byte(out, t->key_type);
    cr_buf_append_byte(out, t->key_size);
    cr_buf_append_span(out, dr);
    if (t->parameters & ESTABLISH_WITH_HOST) {
        if (sin.n < 1 || sin.n > ESTABLISH_MAX_HOST) {
            return establish_fail(err, CR_REFUSED, ESTABLISH_SW_WRONG_DATA, 0x42,
                                  "an SIN of 1 to 16 bytes is needed with a HostID");
        }
        put_counted(out, t->host_id);
        put_counted(out, sin);
        put_counted(out, t->sdin);
    }
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

static cr_status check_derivable(const struct establish_template *t, cr_span dr, struct cr_err *err)
{
    if (t->key_size != ESTABLISH_KEY ||
        (t->usage != ESTABLISH_USAGE_CHANNEL && t->usage != ESTABLISH_USAGE_ONE)) {
        return establish_fail(err, CR_REFUSED, ESTABLISH_SW_WRONG_DATA, 0x81,
                              "keys of this use or size are not derived");
    }
    if ((dr.n > 0) != ((t->parameters & ESTABLISH_WITH_DR) != 0)) {
        return establish_fail(err, CR_REFUSED, ESTABLISH_SW_WRONG_DATA, TAG_RANDOM,
                              "a derivation random is missing, or was not asked for");
    }
    return CR_OK;
}

cr_status establish_derive(const struct establish_template *t, cr_span z, cr_span dr, cr_span sin,
                           struct establish_keys *out, struct cr_err *err)
{
    uint8_t material[4 * ESTABLISH_KEY];
    cr_buf info = {0};
    CR_TRY(check_derivable(t, dr, err));
    size_t count = establish_key_count(t);
    cr_status status = put_shared_info(t, dr, sin, &info, err);
    if (status == CR_OK) {
        status = crypto_x963_kdf(z, cr_buf_span(&info), material, (1 + count) * ESTABLISH_KEY, err);
    }
    if (status == CR_OK) {
        *out = (struct establish_keys){.count = count};
        memcpy(out->receipt, material, ESTABLISH_KEY);
        memcpy(out->keys, material + ESTABLISH_KEY, count * ESTABLISH_KEY);
    }
    cr_buf_free(&info);
    cr_wipe(material, sizeof material);
    return status;
}

cr_status establish_receipt(const struct establish_keys *keys, cr_span a6, cr_span dr,
                            uint8_t out[ESTABLISH_KEY], struct cr_err *err)
{
    const uint8_t header[2] = {TAG_RANDOM, (uint8_t)dr.n};
    const cr_span parts[] = {a6, CR_SPAN_ARRAY(header), dr};
    return crypto_cmac(CR_SPAN_ARRAY(keys->receipt), parts, dr.n > 0 ? 3 : 1, out, err);
}

/* --- card --------------------------------------------------------------------------------------
 */

static cr_status card_secret(const struct establish_request *request, const struct pki_key *ecasd,
                             uint8_t z[CRYPTO_SCALAR], struct cr_err *err)
{
    struct crypto_public *peer = NULL;
    cr_span point;
    enum crypto_curve curve = pki_key_curve(ecasd);
    CR_TRY(establish_take_key(request->key, curve, &point, err));
    cr_status status = crypto_public_new(curve, point, &peer, err);
    if (status == CR_MALFORMED) {
        return establish_fail(err, CR_MALFORMED, ESTABLISH_SW_WRONG_DATA, TAG_PUBLIC_KEY,
                              "the one-time key is no point of the ECASD's curve");
    }
    if (status == CR_OK) {
        status = pki_key_agree(ecasd, peer, z, err);
    }
    crypto_public_free(peer);
    return status;
}

cr_status establish_card_finish(const struct establish_request *request,
                                const struct pki_key *ecasd, cr_span sin, const cr_env *env,
                                struct establish_keys *keys, cr_buf *answer, struct cr_err *err)
{
    uint8_t z[CRYPTO_SCALAR];
    uint8_t random[ESTABLISH_DR];
    uint8_t receipt[ESTABLISH_KEY];
    struct establish_keys made = {0};
    cr_span dr = {0};
    CR_TRY(card_secret(request, ecasd, z, err));
    cr_status status = CR_OK;
    if (request->t.parameters & ESTABLISH_WITH_DR) {
        status = cr_random(env, random, sizeof random, err);
        dr = CR_SPAN_ARRAY(random);
    }
    if (status == CR_OK) {
        status = establish_derive(&request->t, CR_SPAN_ARRAY(z), dr, sin, &made, err);
    }
    if (status == CR_OK) {
        status = establish_receipt(&made, request->a6, dr, receipt, err);
    }
    if (status == CR_OK) {
        status = establish_put_answer(dr, CR_SPAN_ARRAY(receipt), answer, err);
    }
    if (status == CR_OK) {
        cr_wipe(made.receipt, sizeof made.receipt);
        *keys = made;
    }
    establish_keys_wipe(&made);
    cr_wipe(z, sizeof z);
    return status;
}

/* --- off-card entity ---------------------------------------------------------------------------
 */

static cr_status host_check(const struct establish_keys *keys, cr_span a6, cr_span dr,
                            cr_span receipt, struct cr_err *err)
{
    uint8_t own[ESTABLISH_KEY];
    CR_TRY(establish_receipt(keys, a6, dr, own, err));
    bool good = cr_span_equal_ct(CR_SPAN_ARRAY(own), receipt);
    cr_wipe(own, sizeof own);
    return good ? CR_OK
                : establish_fail(err, CR_REFUSED, ESTABLISH_SW_SECURITY, TAG_RECEIPT,
                                 "the receipt of the card is wrong");
}

cr_status establish_host_finish(cr_span a6, const struct crypto_private *one_time,
                                const struct crypto_public *ecasd, cr_span sin, cr_span dr,
                                cr_span receipt, struct establish_keys *keys, struct cr_err *err)
{
    uint8_t z[CRYPTO_SCALAR];
    struct establish_template t;
    struct establish_keys made = {0};
    CR_TRY(establish_take_template(a6, &t, err));
    CR_TRY(crypto_ecka(one_time, ecasd, z, err));
    cr_status status = establish_derive(&t, CR_SPAN_ARRAY(z), dr, sin, &made, err);
    if (status == CR_OK) {
        status = host_check(&made, a6, dr, receipt, err);
    }
    if (status == CR_OK) {
        cr_wipe(made.receipt, sizeof made.receipt);
        *keys = made;
    }
    establish_keys_wipe(&made);
    cr_wipe(z, sizeof z);
    return status;
}
