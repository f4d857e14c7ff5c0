#include "smdp/es8.h"

#include "asn1/der.h"
#include "crypto/symmetric.h"
#include "profile/files.h"
#include "smdp/answer.h"

#define INSTALL_FOR_PERSONALISATION                                                                \
    0x80, 0xE6, 0x20, 0x00, 0x16, 0x00, 0x00, SMDP_AID /* then AID, 00 00 00, Le */
#define I_PARAMETER   0x70 /* pseudo-random challenge, R-MAC, R-ENCRYPTION */
#define INS_INIT      0x50
#define STATUS_OK     0x9000
#define PER_SCRIPT    ((size_t)SMDP_SEGMENTS_PER_SCRIPT * SCP03T_MAX_PLAIN)
#define RESULT_OK     0
#define RESULT_STATUS 0x80

static cr_status finish(cr_buf *data, size_t before, cr_status status, struct cr_err *err)
{
    if (status == CR_OK && !cr_buf_ok(data)) {
        status = cr_fail_memory(err);
    }
    if (status != CR_OK && data->n > before) {
        data->n = before;
    }
    return status;
}

static void put_apdu(cr_buf *data, cr_span apdu)
{
    der_put(data, OTA_TAG_C_APDU, apdu);
}

/* ---- key establishment -------------------------------------------------------------------------
 */

static cr_status put_store_data(cr_span content, bool last, uint8_t *block, cr_buf *data,
                                struct cr_err *err)
{
    while (content.n > 0) {
        cr_buf apdu = {0};
        cr_status status = establish_next_command(&content, last, block, &apdu, err);
        if (status == CR_OK) {
            put_apdu(data, cr_buf_span(&apdu));
        }
        cr_buf_free(&apdu);
        CR_TRY(status);
    }
    return CR_OK;
}

static cr_status store_certificate(cr_span certificate, uint8_t *block, cr_buf *data,
                                   struct cr_err *err)
{
    cr_buf work = {0};
    cr_status status = establish_put_certificate(certificate, ESTABLISH_LENGTH_DGI, &work, err);
    if (status == CR_OK) {
        status = put_store_data(cr_buf_span(&work), false, block, data, err);
    }
    cr_buf_free(&work);
    return status;
}

cr_status smdp_es8_put_certificate(cr_span aid, cr_span certificate, cr_buf *data,
                                   struct cr_err *err)
{
    static const uint8_t head[] = {INSTALL_FOR_PERSONALISATION};
    static const uint8_t tail[] = {0x00, 0x00, 0x00, 0x00};
    size_t before = data->n;
    if (aid.n != SMDP_AID) {
        return cr_refuse(err, "8.3.1", "2.1", "SGP.02 2.2.3", "the AID of an ISD-P has 16 bytes");
    }
    cr_buf work = {0};
    cr_buf_append(&work, head, sizeof head);
    cr_buf_append_span(&work, aid);
    cr_buf_append(&work, tail, sizeof tail);
    put_apdu(data, cr_buf_span(&work));
    cr_buf_free(&work);
    uint8_t block = 0;
    return finish(data, before, store_certificate(certificate, &block, data, err), err);
}

cr_status smdp_es8_take_challenge(cr_span answer, cr_buf *rc, struct cr_err *err)
{
    struct smdp_answer a = {0};
    cr_status status = smdp_answer_open(&a, answer, err);
    cr_span data = {0}, challenge = {0};
    if (status == CR_OK) {
        /* INSTALL and each block of STORE DATA; the last one has the challenge. */
        status = smdp_answer_last_apdu(&a, &data, err);
    }
    if (status == CR_OK) {
        struct cr_err inner = {0};
        if (establish_take_challenge(data, &challenge, &inner) != CR_OK) {
            status = smdp_answer_bad(err, "no random challenge came back");
        } else {
            cr_buf_append_span(rc, challenge);
            status = cr_buf_ok(rc) ? CR_OK : cr_fail_memory(err);
        }
    }
    smdp_answer_close(&a);
    return status;
}

/* The signed objects: they are the same each time, so they need not be kept. */
static cr_status objects_of(const struct crypto_private *one_time, cr_buf *objects,
                            struct cr_err *err)
{
    struct establish_template t = establish_template_isdp(SMDP_KVN);
    uint8_t point[CRYPTO_POINT];
    cr_buf key = {0};
    crypto_private_point(one_time, point);
    cr_status status = establish_put_key(crypto_private_curve(one_time), CR_SPAN_ARRAY(point),
                                         ESTABLISH_KEY_RAW, &key, err);
    if (status == CR_OK) {
        status = establish_put_objects(&t, cr_buf_span(&key), objects, err);
    }
    cr_buf_free(&key);
    return status;
}

cr_status smdp_es8_put_request(const struct crypto_private *one_time, cr_span rc,
                               const struct pki_key *key, cr_span certificate, cr_buf *data,
                               struct cr_err *err)
{
    uint8_t signature[CRYPTO_SIGNATURE];
    uint8_t block = 0; /* counting goes on behind the certificate's blocks */
    size_t before = data->n;
    cr_buf objects = {0}, request = {0}, sent = {0};
    cr_status status = store_certificate(certificate, &block, &sent, err);
    cr_buf_free(&sent);
    if (status == CR_OK) {
        status = objects_of(one_time, &objects, err);
    }
    if (status == CR_OK) {
        status = establish_sign(cr_buf_span(&objects), rc, key, signature, err);
    }
    if (status == CR_OK) {
        status =
            establish_put_request(cr_buf_span(&objects), CR_SPAN_ARRAY(signature), &request, err);
    }
    if (status == CR_OK) {
        status = put_store_data(cr_buf_span(&request), true, &block, data, err);
    }
    cr_buf_free(&objects);
    cr_buf_free(&request);
    return finish(data, before, status, err);
}

static cr_status check_receipt(cr_span data, const struct crypto_private *one_time,
                               const struct crypto_public *ecasd, struct establish_keys *set,
                               struct cr_err *err)
{
    cr_span dr = {0}, receipt = {0}, a6 = {0};
    cr_buf objects = {0};
    struct cr_err inner = {0};
    if (establish_take_answer(data, &dr, &receipt, &inner) != CR_OK) {
        return smdp_answer_bad(err, "no receipt came back");
    }
    cr_status status = objects_of(one_time, &objects, err);
    if (status == CR_OK) {
        status = establish_a6_of(cr_buf_span(&objects), &a6, err);
    }
    if (status == CR_OK && establish_host_finish(a6, one_time, ecasd, (cr_span){0}, dr, receipt,
                                                 set, &inner) != CR_OK) {
        status = cr_refuse(err, "8.5.2", "6.1", "SGP.02 4.1.3.1",
                           "the receipt of the key establishment is wrong: the eUICC does not have "
                           "the key of its ECASD certificate");
    }
    cr_buf_free(&objects);
    return status;
}

static struct scp_key key_of(const uint8_t value[ESTABLISH_KEY])
{
    struct scp_key key = {.n = ESTABLISH_KEY};
    memcpy(key.value, value, ESTABLISH_KEY);
    return key;
}

cr_status smdp_es8_take_receipt(cr_span answer, const struct crypto_private *one_time,
                                const struct crypto_public *ecasd, struct scp_keys *keys,
                                struct cr_err *err)
{
    struct smdp_answer a = {0};
    struct establish_keys set = {0};
    cr_span data = {0};
    cr_status status = smdp_answer_open(&a, answer, err);
    if (status == CR_OK) {
        status = smdp_answer_last_apdu(&a, &data, err);
    }
    if (status == CR_OK) {
        status = check_receipt(data, one_time, ecasd, &set, err);
    }
    if (status == CR_OK) {
        keys->enc = key_of(set.keys[0]);
        keys->mac = key_of(set.keys[1]);
        keys->dek = key_of(set.keys[2]);
    }
    establish_keys_wipe(&set);
    smdp_answer_close(&a);
    return status;
}

/* ---- a session computed ahead ------------------------------------------------------------------
 */

void smdp_channel_wipe(struct smdp_channel *channel)
{
    cr_wipe(channel, sizeof *channel);
}

static cr_status give_challenge(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    const struct smdp_channel *c = ctx;
    if (n != SCP_CHALLENGE) {
        return cr_fail(err, CR_INTERNAL, NULL, "a host challenge has 8 bytes");
    }
    memcpy(p, c->challenge, n);
    return CR_OK;
}

/* Begins with the host challenge of the channel. */
static cr_status begin(struct scp_session *s, const struct smdp_channel *c, struct cr_err *err)
{
    struct smdp_channel copy = *c;
    const cr_env env = {.ctx = &copy, .random = give_challenge};
    uint8_t challenge[SCP_CHALLENGE];
    cr_status status = scp_host_begin(s, &c->keys, c->kvn, &env, challenge, err);
    smdp_channel_wipe(&copy);
    return status;
}

static cr_status predict(struct scp_session *s, const struct smdp_channel *c, struct cr_err *err)
{
    const struct scp_card_facts facts = {
        .protocol = SCP_03, .i = I_PARAMETER, .kvn = c->kvn, .sequence = c->counter};
    return scp_host_predict(s, &facts, CR_SPAN_ARRAY(c->aid), err);
}

static cr_status begin_ahead(struct scp_session *s, const struct smdp_channel *c,
                             struct cr_err *err)
{
    CR_TRY(begin(s, c, err));
    return predict(s, c, err);
}

/* The counter that an answer reports, when it is the card's: it is proved by the card challenge,
 * which is made of it (a cryptogram alone would let anybody on the way name another). */
static bool proved_counter(const struct smdp_channel *c, cr_span value, uint32_t *counter)
{
    struct scp_session s = {0};
    struct smdp_channel other = *c;
    bool proved = false;
    if (begin(&s, c, NULL) == CR_OK && scp_host_take(&s, value, NULL) == CR_OK &&
        s.facts.protocol == SCP_03) {
        other.counter = s.facts.sequence;
        scp_end(&s);
        proved = begin_ahead(&s, &other, NULL) == CR_OK && scp_host_take(&s, value, NULL) == CR_OK;
    }
    if (proved) {
        *counter = other.counter;
    }
    smdp_channel_wipe(&other);
    scp_end(&s);
    return proved;
}

/* The value of INITIALIZE UPDATE's answer, either taken as it was foretold, or, when only the
 * counter differs, the card's counter. */
static cr_status take_initialise(struct scp_session *s, const struct smdp_channel *c, cr_span value,
                                 uint32_t *counter, struct cr_err *err)
{
    if (scp_host_take(s, value, NULL) == CR_OK) {
        return CR_OK;
    }
    if (proved_counter(c, value, counter)) {
        return cr_err_code(err,
                           cr_refuse(err, "8.4", "4.2", "SGP.02 4.1.3.3",
                                     "the eUICC uses another sequence counter"),
                           SMDP_OTHER_COUNTER);
    }
    return cr_refuse(err, "8.4", "4.2", "SGP.02 4.1.3.3",
                     "the ISD-P does not have the keys that were established");
}

/* ---- SCP03t ------------------------------------------------------------------------------------
 */

cr_status smdp_es8_put_open(const struct smdp_channel *channel, cr_buf *data, struct cr_err *err)
{
    struct scp_session s = {0};
    size_t before = data->n;
    cr_status status = begin(&s, channel, err);
    if (status == CR_OK) {
        status = scp03t_put_initialise(&s, data, err);
    }
    if (status == CR_OK) {
        status = predict(&s, channel, err);
    }
    if (status == CR_OK) {
        status = scp03t_put_authenticate(&s, data, err);
    }
    scp_end(&s);
    return finish(data, before, status, err);
}

/* A TLV of SCP03t that is no error, with this tag. */
static cr_status next_scp03t(struct smdp_answer *a, uint8_t tag, struct der_tlv *tlv,
                             struct cr_err *err)
{
    struct ota_item item;
    struct der_tlv t;
    CR_TRY(smdp_answer_next(a, &item, err));
    cr_span rest = item.value;
    if (item.kind != OTA_ITEM_SCP03T) {
        return smdp_answer_bad(err, "a command of SCP03t is answered with another thing");
    }
    if (der_next(&rest, DER_DEFINITE, &t, NULL) != CR_OK || rest.n != 0) {
        return smdp_answer_bad(err, "the answer is no TLV");
    }
    if (t.tag == 0x9F44 || t.tag == 0x9F45 || t.tag == 0x9F46) {
        return cr_refuse(err, "8.4", "4.2", "SGP.02 4.1.3.3",
                         "the ISD-P refused the secure channel with %04X, reason %02X", t.tag,
                         t.value.n == 1 ? t.value.p[0] : 0U);
    }
    if (t.tag != tag) {
        return smdp_answer_bad(err, "the answer is to another command");
    }
    *tlv = t;
    return CR_OK;
}

cr_status smdp_es8_take_open(const struct smdp_channel *channel, cr_span answer, cr_buf *opened,
                             uint32_t *counter, struct cr_err *err)
{
    struct smdp_answer a = {0};
    struct scp_session s = {0};
    struct der_tlv tlv = {0};
    cr_status status = smdp_answer_open(&a, answer, err);
    if (status == CR_OK) {
        status = next_scp03t(&a, 0x84, &tlv, err);
    }
    if (status == CR_OK) {
        status = begin_ahead(&s, channel, err);
    }
    if (status == CR_OK) {
        status = take_initialise(&s, channel, tlv.value, counter, err);
        cr_buf_append_span(opened, tlv.value);
    }
    if (status == CR_OK) {
        status = next_scp03t(&a, 0x85, &tlv, err);
    }
    if (status == CR_OK && tlv.value.n != 0) {
        status = smdp_answer_bad(err, "EXTERNAL AUTHENTICATE has no answer data");
    }
    if (status == CR_OK) {
        status = smdp_answer_end(&a, err);
    }
    scp_end(&s);
    smdp_answer_close(&a);
    return status;
}

size_t smdp_es8_load_scripts(size_t n)
{
    return n == 0 ? 1 : (n + PER_SCRIPT - 1) / PER_SCRIPT;
}

/* The session as it was when 85 had been answered. */
static cr_status reopen(struct scp_session *s, const struct smdp_channel *c, struct cr_err *err)
{
    cr_buf ignored = {0};
    cr_status status = begin(s, c, err);
    if (status == CR_OK) {
        status = scp_host_take(s, c->opened, err);
    }
    if (status == CR_OK) {
        status = scp03t_put_authenticate(s, &ignored, err);
    }
    cr_buf_free(&ignored);
    return status;
}

/* The segments of the scripts up to number; those of number go into data, the marks of their
 * answers into marks (NULL = not wanted). */
static cr_status seal_up_to(struct scp_session *s, cr_span upp, size_t number, cr_buf *data,
                            struct scp03t_mark *marks, size_t *count, struct cr_err *err)
{
    size_t from = number * PER_SCRIPT;
    cr_buf before = {0};
    cr_status status = CR_OK;
    *count = 0;
    for (size_t at = 0; status == CR_OK && at < upp.n && at < from + PER_SCRIPT;
         at += SCP03T_MAX_PLAIN) {
        cr_buf_reset(&before);
        status =
            scp03t_seal(s, cr_span_sub(upp, at, SCP03T_MAX_PLAIN), at < from ? &before : data, err);
        if (status == CR_OK && at >= from) {
            if (marks) {
                scp03t_remember(s, &marks[*count]);
            }
            (*count)++;
        }
    }
    cr_buf_free(&before);
    return status;
}

static cr_status check_number(cr_span upp, size_t number, struct cr_err *err)
{
    return number < smdp_es8_load_scripts(upp.n)
               ? CR_OK
               : cr_fail(err, CR_INTERNAL, NULL, "the package has no script %zu", number);
}

cr_status smdp_es8_put_load(const struct smdp_channel *channel, cr_span upp, size_t number,
                            cr_buf *data, struct cr_err *err)
{
    struct scp_session s = {0};
    size_t before = data->n, count = 0;
    CR_TRY(check_number(upp, number, err));
    cr_status status = reopen(&s, channel, err);
    if (status == CR_OK) {
        status = seal_up_to(&s, upp, number, data, NULL, &count, err);
    }
    scp_end(&s);
    return finish(data, before, status, err);
}

cr_status smdp_es8_take_load(const struct smdp_channel *channel, cr_span upp, size_t number,
                             cr_span answer, cr_buf *result, struct cr_err *err)
{
    struct scp03t_mark marks[SMDP_SEGMENTS_PER_SCRIPT];
    struct scp_session s = {0};
    struct smdp_answer a = {0};
    size_t count = 0;
    cr_buf ignored = {0};
    CR_TRY(check_number(upp, number, err));
    cr_status status = reopen(&s, channel, err);
    if (status == CR_OK) {
        status = seal_up_to(&s, upp, number, &ignored, marks, &count, err);
    }
    if (status == CR_OK) {
        status = smdp_answer_open(&a, answer, err);
    }
    result->limit = SMDP_MAX_RESULT;
    for (size_t i = 0; status == CR_OK && i < count && result->n == 0; i++) {
        struct cr_err inner = {0};
        struct der_tlv tlv = {0};
        status = next_scp03t(&a, 0x86, &tlv, err);
        if (status == CR_OK &&
            scp03t_open_answer(&s, &marks[i], tlv.all, result, &inner) != CR_OK) {
            status = smdp_answer_bad(err, "an answer was not made by the ISD-P, or was changed");
        }
    }
    /* An installer that has given up leaves the rest unanswered. */
    if (status == CR_OK && result->n == 0) {
        status = smdp_answer_end(&a, err);
    }
    cr_buf_free(&ignored);
    scp_end(&s);
    smdp_answer_close(&a);
    return status;
}

/* SEQUENCE { [0] SEQUENCE OF SEQUENCE { [0] status, ... }, [1] aborted, [2] text } */
cr_status smdp_es8_check_result(cr_span result, struct cr_err *err)
{
    struct der_tlv whole, list, entry, status;
    cr_span rest = result;
    if (der_expect(&rest, DER_DEFINITE, 0x30, &whole, NULL) != CR_OK || rest.n != 0 ||
        !der_find(whole.value, 0xA0, &list)) {
        return smdp_answer_bad(err, "the result of the installation cannot be read");
    }
    const bool aborted = der_find(whole.value, 0x81, &entry);
    rest = list.value;
    bool any = false;
    while (rest.n > 0) {
        int64_t value = -1;
        struct der_tlv element;
        if (der_expect(&rest, DER_DEFINITE, 0x30, &entry, NULL) != CR_OK ||
            !der_find(entry.value, RESULT_STATUS, &status) ||
            der_integer(status.value, &value, NULL) != CR_OK) {
            return smdp_answer_bad(err, "the result of the installation cannot be read");
        }
        any = true;
        if (value != RESULT_OK) {
            const char *name = profile_status_name((long)value);
            int64_t id = -1;
            if (der_find(entry.value, 0x81, &element) &&
                der_integer(element.value, &id, NULL) != CR_OK) {
                id = -1;
            }
            return cr_refuse(err, "8.4", "4.2", "TCA profile interoperability 8.10",
                             "the eUICC %s: status %d (%s), element %d",
                             aborted ? "aborted the installation" : "did not install the Profile",
                             (int)value, name ? name : "not known", (int)id);
        }
    }
    if (aborted) {
        return cr_refuse(err, "8.4", "4.2", "TCA profile interoperability 8.10",
                         "the eUICC aborted the installation");
    }
    return any ? CR_OK : smdp_answer_bad(err, "the result of the installation is empty");
}

/* ---- SCP03 -------------------------------------------------------------------------------------
 */

static cr_status authenticate(struct scp_session *s, cr_buf *data, struct cr_err *err)
{
    cr_buf apdu = {0};
    cr_status status = scp_host_authenticate(s, SCP03T_LEVEL, &apdu, err);
    if (status == CR_OK) {
        put_apdu(data, cr_buf_span(&apdu));
    }
    cr_buf_free(&apdu);
    return status;
}

static cr_status wrap(struct scp_session *s, cr_span command, cr_buf *data, struct cr_err *err)
{
    cr_buf apdu = {0};
    cr_status status = scp_wrap_command(s, command, &apdu, err);
    if (status == CR_OK) {
        put_apdu(data, cr_buf_span(&apdu));
    }
    cr_buf_free(&apdu);
    return status;
}

cr_status smdp_es8_put_commands(const struct smdp_channel *channel, const cr_span *apdus,
                                size_t count, cr_buf *data, struct cr_err *err)
{
    struct scp_session s = {0};
    size_t before = data->n;
    uint8_t initialise[5 + SCP_CHALLENGE + 1] = {0x80, INS_INIT, channel->kvn, 0x00, SCP_CHALLENGE};
    memcpy(initialise + 5, channel->challenge, SCP_CHALLENGE);
    put_apdu(data, CR_SPAN_ARRAY(initialise));
    cr_status status = begin_ahead(&s, channel, err);
    if (status == CR_OK) {
        status = authenticate(&s, data, err);
    }
    for (size_t i = 0; status == CR_OK && i < count; i++) {
        status = wrap(&s, apdus[i], data, err);
    }
    scp_end(&s);
    return finish(data, before, status, err);
}

cr_status smdp_es8_take_commands(const struct smdp_channel *channel, const cr_span *apdus,
                                 size_t count, cr_span answer, uint32_t *counter,
                                 struct cr_err *err)
{
    struct scp_session s = {0};
    struct smdp_answer a = {0};
    cr_span response = {0};
    cr_buf ignored = {0};
    cr_status status = smdp_answer_open(&a, answer, err);
    if (status == CR_OK) {
        status = smdp_answer_apdu(&a, &response, err);
    }
    if (status == CR_OK) {
        status = begin_ahead(&s, channel, err);
    }
    if (status == CR_OK) {
        status = take_initialise(&s, channel, response, counter, err);
    }
    if (status == CR_OK) {
        status = authenticate(&s, &ignored, err);
    }
    if (status == CR_OK) {
        status = smdp_answer_apdu(&a, &response, err);
    }
    for (size_t i = 0; status == CR_OK && i < count; i++) {
        uint16_t sw = 0;
        struct ota_item item;
        struct cr_err inner = {0};
        status = wrap(&s, apdus[i], &ignored, err);
        if (status == CR_OK) {
            status = smdp_answer_next(&a, &item, err);
        }
        if (status == CR_OK && item.kind != OTA_ITEM_APDU) {
            status = smdp_answer_bad(err, "a command is answered with another thing");
        }
        if (status == CR_OK &&
            scp_unwrap_response(&s, item.value, &ignored, &sw, &inner) != CR_OK) {
            status = smdp_answer_bad(err, "an answer was not made by the ISD-P, or was changed");
        }
        if (status == CR_OK && sw != STATUS_OK) {
            status = cr_refuse(err, "8.4", "4.2", "SGP.02 4.1.3",
                               "the ISD-P answered command %zu with %04X", i + 1, sw);
        }
    }
    cr_buf_free(&ignored);
    scp_end(&s);
    smdp_answer_close(&a);
    return status;
}
