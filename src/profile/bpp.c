#include "profile/bpp.h"

#include "profile/package.h"
#include "rsp/es8.h"

#define TAG_BPP       0xBF36
#define TAG_FIRST_87  0xA0
#define TAG_88        0xA1
#define TAG_SECOND_87 0xA2
#define TAG_86        0xA3
#define TAG_CONFIGURE 0xBF24
#define TAG_METADATA  0xBF25

#define ENCRYPTED          0x87
#define MAC_ONLY           0x88
#define PROFILE_DATA       0x86
#define HOST_ID_MAX        16
#define EID_BYTES          16
#define TRANSACTION_ID_MAX 16

cr_status profile_protect(cr_span upp, const cr_env *env, struct profile_ppp *out,
                          struct cr_err *err)
{
    struct profile_ppp ppp = {0};
    struct bsp *bsp = NULL;
    if (upp.n == 0 || upp.n > PROFILE_MAX_PACKAGE) {
        return cr_fail(err, CR_REFUSED, "SGP.22 2.5.2", "a UPP of %zu bytes, 1 to %d are taken",
                       upp.n, PROFILE_MAX_PACKAGE);
    }
    CR_TRY(cr_random(env, (uint8_t *)&ppp.ppk, sizeof(ppp.ppk), err));
    cr_status status = bsp_new(&ppp.ppk, &bsp, err);
    if (status == CR_OK) {
        status = bsp_protect_all(bsp, PROFILE_DATA, upp, &ppp.segments, err);
    }
    bsp_free(bsp);
    if (status == CR_OK && !cr_buf_ok(&ppp.segments)) {
        status = cr_fail_memory(err);
    }
    if (status == CR_OK) {
        *out = ppp;
    } else {
        cr_buf_free(&ppp.segments);
    }
    cr_wipe(&ppp.ppk, sizeof(ppp.ppk));
    return status;
}

/* ------------------------------------------------------------------ the body */

/* Z and the session keys of it (SGP.22 2.6.4). */
static cr_status session_keys(const struct profile_binding *b, struct bsp_keys *keys,
                              struct cr_err *err)
{
    uint8_t z[CRYPTO_SCALAR];
    cr_status status = crypto_ecka(b->otsk, b->otpk_euicc, z, err);
    if (status == CR_OK) {
        status = bsp_derive(CR_SPAN_ARRAY(z), BSP_KEY_TYPE_AES, BSP_KEY_LENGTH, b->host_id, b->eid,
                            keys, err);
    }
    cr_wipe(z, sizeof(z));
    return status;
}

/* A sequence of protected TLVs under its tag. */
static cr_status put_sequence(struct bsp *bsp, uint32_t tag, uint8_t kind, cr_span plain,
                              cr_buf *out, struct cr_err *err)
{
    size_t mark = der_open(out, tag);
    CR_TRY(bsp_protect_all(bsp, kind, plain, out, err));
    der_close(out, mark);
    return CR_OK;
}

/* ReplaceSessionKeys with the keys of the PPP. */
static cr_status put_keys(struct bsp *bsp, const struct bsp_keys *ppk, cr_buf *out,
                          struct cr_err *err)
{
    const struct rsp_replace_session_keys keys = {
        .initial_mac_chaining_value = CR_SPAN_ARRAY(ppk->mcv),
        .ppk_enc = CR_SPAN_ARRAY(ppk->s_enc),
        .ppk_cmac = CR_SPAN_ARRAY(ppk->s_mac),
    };
    cr_buf plain = {.secret = true};
    cr_status status = asn1_encode(&rsp_replace_session_keys_type, &keys, 0, &plain, err);
    if (status == CR_OK) {
        status = put_sequence(bsp, TAG_SECOND_87, ENCRYPTED, cr_buf_span(&plain), out, err);
    }
    cr_buf_free(&plain);
    return status;
}

static cr_status put_profile(struct bsp *bsp, const struct profile_binding *b, cr_buf *out,
                             struct cr_err *err)
{
    if (!b->ppp) {
        return put_sequence(bsp, TAG_86, PROFILE_DATA, b->upp, out, err);
    }
    CR_TRY(put_keys(bsp, &b->ppp->ppk, out, err));
    der_put(out, TAG_86, cr_buf_span(&b->ppp->segments));
    return CR_OK;
}

static cr_status check_binding(const struct profile_binding *b, struct cr_err *err)
{
    const char *clause = "SGP.22 2.5.4";
    if (b->host_id.n < 1 || b->host_id.n > HOST_ID_MAX) {
        return cr_fail(err, CR_REFUSED, clause, "a HostID of %zu bytes, 1 to %d are taken",
                       b->host_id.n, HOST_ID_MAX);
    }
    if (b->eid.n != EID_BYTES) {
        return cr_fail(err, CR_REFUSED, clause, "an EID of %zu bytes", b->eid.n);
    }
    if (cr_span_present(b->configure_isdp) && der_peek(b->configure_isdp) != TAG_CONFIGURE) {
        return cr_fail(err, CR_REFUSED, clause, "ConfigureISDP does not begin with BF24");
    }
    if (der_peek(b->store_metadata) != TAG_METADATA) {
        return cr_fail(err, CR_REFUSED, clause, "StoreMetadata does not begin with BF25");
    }
    if (b->ppp ? b->ppp->segments.n == 0 : b->upp.n == 0) {
        return cr_fail(err, CR_REFUSED, clause, "there is no profile to bind");
    }
    return CR_OK;
}

cr_status profile_bind_body(const struct profile_binding *b, cr_buf *body, struct cr_err *err)
{
    static const uint8_t no_configuration[] = {0xBF, 0x24, 0x00};
    cr_span configure =
        cr_span_present(b->configure_isdp) ? b->configure_isdp : CR_SPAN_ARRAY(no_configuration);
    struct bsp_keys keys = {0};
    struct bsp *bsp = NULL;
    size_t before = body->n;
    CR_TRY(check_binding(b, err));
    cr_status status = session_keys(b, &keys, err);
    if (status == CR_OK) {
        status = bsp_new(&keys, &bsp, err);
    }
    cr_wipe(&keys, sizeof(keys));
    if (status == CR_OK) {
        status = put_sequence(bsp, TAG_FIRST_87, ENCRYPTED, configure, body, err);
    }
    if (status == CR_OK) {
        status = put_sequence(bsp, TAG_88, MAC_ONLY, b->store_metadata, body, err);
    }
    if (status == CR_OK) {
        status = put_profile(bsp, b, body, err);
    }
    bsp_free(bsp);
    if (status == CR_OK && !cr_buf_ok(body)) {
        status = cr_fail_memory(err);
    }
    if (status != CR_OK) {
        body->n = before;
    }
    return status;
}

/* ------------------------------------------------------------------ the whole */

static cr_status put_channel(const struct profile_binding *b, cr_buf *bpp, struct cr_err *err)
{
    static const uint8_t key_type[] = {BSP_KEY_TYPE_AES};
    static const uint8_t key_length[] = {BSP_KEY_LENGTH};
    uint8_t point[CRYPTO_POINT];
    uint8_t signature[CRYPTO_SIGNATURE];
    cr_buf covered = {0};
    crypto_private_point(b->otsk, point);
    struct rsp_initialise_secure_channel message = {
        .remote_op_id = RSP_REMOTE_OP_INSTALL_BPP,
        .transaction_id = b->transaction_id,
        .control_ref_template = {.key_type = CR_SPAN_ARRAY(key_type),
                                 .key_len = CR_SPAN_ARRAY(key_length),
                                 .host_id = b->host_id},
        .smdp_otpk = CR_SPAN_ARRAY(point),
    };
    cr_status status = rsp_initialise_secure_channel_signed(
        &message, crypto_public_point(b->otpk_euicc), &covered, err);
    if (status == CR_OK) {
        const cr_span parts[] = {cr_buf_span(&covered)};
        status = pki_key_sign(b->signer, parts, CR_COUNT(parts), signature, err);
    }
    if (status == CR_OK) {
        message.smdp_sign = CR_SPAN_ARRAY(signature);
        status = asn1_encode(&rsp_initialise_secure_channel_type, &message, 0, bpp, err);
    }
    cr_buf_free(&covered);
    return status;
}

cr_status profile_bind(const struct profile_binding *b, cr_span body, cr_buf *bpp,
                       struct cr_err *err)
{
    size_t before = bpp->n;
    if (b->transaction_id.n < 1 || b->transaction_id.n > TRANSACTION_ID_MAX) {
        return cr_fail(err, CR_REFUSED, "SGP.22 5.5.1", "a TransactionId of %zu bytes",
                       b->transaction_id.n);
    }
    size_t mark = der_open(bpp, TAG_BPP);
    cr_status status = put_channel(b, bpp, err);
    if (status == CR_OK) {
        cr_buf_append_span(bpp, body);
        der_close(bpp, mark);
        status = cr_buf_ok(bpp) ? CR_OK : cr_fail_memory(err);
    }
    if (status != CR_OK) {
        bpp->n = before;
    }
    return status;
}
