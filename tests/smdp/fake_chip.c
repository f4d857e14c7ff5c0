#include "fake_chip.h"

#include "asn1/der.h"
#include "base/text.h"
#include "crypto/symmetric.h"
#include "ota/establish.h"
#include "ota/script.h"
#include "pki/hierarchy.h"
#include "profile/package.h"

#include <stdlib.h>

static const uint8_t first_aid[16] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF,
                                      0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x10, 0x00};

void fake_chip_make(struct fake_chip *chip, const char *pki, enum crypto_curve curve,
                    const char *eid)
{
    struct pki_cert eum, ci;
    struct pki_key *eum_key = NULL;
    struct crypto_private *ecasd = NULL;
    cr_arena arena = {0};
    struct gpcert_request request = {.role = GPCERT_ROLE_NONE, .expiry = 20990101, .curve = curve};
    memset(chip, 0, sizeof *chip);
    chip->env = *cr_env_system();
    assert_true(cr_hex_fixed(chip->eid, sizeof chip->eid, cr_span_str(eid)));
    assert_int_equal(pki_hierarchy_load(pki, curve, "eum", &arena, &eum, &eum_key, NULL), CR_OK);
    assert_int_equal(pki_hierarchy_load(pki, curve, "ci", &arena, &ci, NULL, NULL), CR_OK);
    assert_int_equal(crypto_public_new(curve, ci.point, &chip->ci, NULL), CR_OK);
    assert_int_equal(crypto_private_generate(curve, &ecasd, NULL), CR_OK);
    assert_int_equal(pki_key_of_private(ecasd, &chip->ecasd, NULL), CR_OK);
    request.subject = CR_SPAN_ARRAY(chip->eid);
    request.point = pki_key_point(chip->ecasd);
    assert_int_equal(gpcert_request_issuer(&request, &eum, NULL), CR_OK);
    assert_int_equal(gpcert_issue(&request, eum_key, cr_env_system(), &chip->certificate, NULL),
                     CR_OK);
    pki_key_free(eum_key);
    cr_arena_free(&arena);
}

void fake_chip_delete(struct fake_isdp *isdp)
{
    scp_end(&isdp->session);
    cr_buf_free(&isdp->upp);
    cr_buf_free(&isdp->parameters);
    cr_buf_free(&isdp->token_data);
    memset(isdp, 0, sizeof *isdp);
}

void fake_chip_free(struct fake_chip *chip)
{
    for (size_t i = 0; i < FAKE_ISDPS; i++) {
        fake_chip_delete(&chip->isdps[i]);
    }
    pki_key_free(chip->ecasd);
    crypto_public_free(chip->ci);
    crypto_public_free(chip->dp);
    cr_buf_free(&chip->certificate);
    cr_buf_free(&chip->store);
}

struct fake_isdp *fake_chip_isdp(struct fake_chip *chip, cr_span iccid)
{
    for (size_t i = 0; i < FAKE_ISDPS; i++) {
        if (chip->isdps[i].there && cr_span_equal(cr_span_str(chip->isdps[i].iccid), iccid)) {
            return &chip->isdps[i];
        }
    }
    return NULL;
}

struct fake_isdp *fake_chip_create(struct fake_chip *chip, cr_span iccid)
{
    for (size_t i = 0; i < FAKE_ISDPS; i++) {
        struct fake_isdp *d = &chip->isdps[i];
        if (!d->there) {
            d->there = true;
            (void)cr_str_copy(d->iccid, sizeof d->iccid, iccid);
            memcpy(d->aid, first_aid, sizeof d->aid);
            d->aid[14] = (uint8_t)(d->aid[14] + i);
            return d;
        }
    }
    fail_msg("no room for another ISD-P");
    return NULL;
}

static struct fake_isdp *by_aid(struct fake_chip *chip, cr_span aid)
{
    for (size_t i = 0; i < FAKE_ISDPS; i++) {
        if (chip->isdps[i].there && cr_span_equal(CR_SPAN_ARRAY(chip->isdps[i].aid), aid)) {
            return &chip->isdps[i];
        }
    }
    return NULL;
}

/* ---- key establishment ---- */

static long take_certificate(struct fake_chip *chip, cr_span data, cr_buf *answer)
{
    struct gpcert cert;
    struct cr_err err = {0};
    cr_span tlv;
    const struct gpcert_expect expect = {.role = GPCERT_ROLE_DP};
    if (establish_take_certificate(data, &tlv, &err) != CR_OK ||
        gpcert_decode(tlv, &cert, &err) != CR_OK) {
        return 0x6A80;
    }
    const struct gpcert_authority authority = {.key_id = cert.authority, .key = chip->ci};
    crypto_public_free(chip->dp);
    chip->dp = NULL;
    if (gpcert_verify(&cert, &authority, 1, &expect, &chip->dp, &err) != CR_OK) {
        return 0x6982;
    }
    assert_int_equal(cr_random(&chip->env, chip->rc, sizeof chip->rc, NULL), CR_OK);
    chip->has_rc = true;
    assert_int_equal(establish_put_challenge(CR_SPAN_ARRAY(chip->rc), answer, NULL), CR_OK);
    return 0x9000;
}

static struct scp_key key_of(const uint8_t *value)
{
    struct scp_key key = {.n = 16};
    memcpy(key.value, value, 16);
    return key;
}

static long take_request(struct fake_chip *chip, cr_span data, cr_buf *answer)
{
    struct establish_request request;
    struct establish_keys keys = {0};
    struct cr_err err = {0};
    struct fake_isdp *d = chip->personalised;
    if (!d || !chip->has_rc || !chip->dp) {
        return 0x6985;
    }
    chip->has_rc = false;
    if (establish_take_request(data, &request, &err) != CR_OK ||
        establish_check(&request.t, ESTABLISH_ISDP, &err) != CR_OK ||
        establish_verify(&request, CR_SPAN_ARRAY(chip->rc), chip->dp, &err) != CR_OK ||
        establish_card_finish(&request, chip->ecasd, (cr_span){0}, &chip->env, &keys, answer,
                              &err) != CR_OK) {
        return err.code;
    }
    if (chip->wrong_receipt) {
        answer->p[answer->n - 1] ^= 1;
    }
    d->keys = (struct scp_keys){
        .enc = key_of(keys.keys[0]), .mac = key_of(keys.keys[1]), .dek = key_of(keys.keys[2])};
    d->keyed = true;
    d->counter = chip->skip;
    d->jumps = chip->jumps;
    establish_keys_wipe(&keys);
    return 0x9000;
}

static long store_data(struct fake_chip *chip, cr_span apdu, cr_buf *answer)
{
    cr_buf_append_span(&chip->store, cr_span_sub(apdu, 5, apdu.p[4]));
    cr_span all = cr_buf_span(&chip->store), cert;
    assert_true(all.n > 2);
    bool certificate = all.p[1] == 0x01;
    if (certificate && establish_take_certificate(all, &cert, NULL) != CR_OK) {
        return 0x9000; /* more blocks come */
    }
    if (!certificate && !(apdu.p[2] & 0x80)) {
        return 0x9000;
    }
    long sw = certificate ? take_certificate(chip, all, answer) : take_request(chip, all, answer);
    cr_buf_reset(&chip->store);
    return sw;
}

static long isdr_command(struct fake_chip *chip, cr_span apdu, cr_buf *answer)
{
    if (apdu.p[1] == 0xE6 && apdu.n >= 24) {
        chip->personalised = by_aid(chip, cr_span_sub(apdu, 8, 16));
        cr_buf_reset(&chip->store);
        return chip->personalised ? 0x9000 : 0x6A88;
    }
    return apdu.p[1] == 0xE2 ? store_data(chip, apdu, answer) : 0x6D00;
}

/* ---- SCP03 ---- */

static struct scp_card_facts facts_of(struct fake_isdp *d)
{
    d->counter += d->jumps ? 7 : 1;
    return (struct scp_card_facts){
        .protocol = SCP_03, .i = 0x70, .kvn = 0x30, .sequence = d->counter};
}

static long put_key(struct fake_isdp *d, cr_span data)
{
    static const uint8_t iv[16];
    uint8_t ones[16], check[16];
    if (data.n != 24 || data.p[0] != 0x70 || data.p[1] != 0x88) {
        return 0x6A80;
    }
    assert_int_equal(crypto_aes_cbc(false, cr_span_of(d->keys.dek.value, 16), iv, data.p + 4, 16,
                                    d->token_key, NULL),
                     CR_OK);
    memset(ones, 1, sizeof ones);
    assert_int_equal(crypto_aes_block(CR_SPAN_ARRAY(d->token_key), ones, check, NULL), CR_OK);
    d->has_token_key = memcmp(check, data.p + 21, 3) == 0;
    return d->has_token_key ? 0x9000 : 0x6A80;
}

static long plain_command(struct fake_chip *chip, struct fake_isdp *d, cr_span apdu)
{
    cr_span data = cr_span_sub(apdu, 5, apdu.p[4]);
    if (apdu.p[1] == 0xD8) {
        return chip->no_token ? 0x6985 : put_key(d, data);
    }
    if (apdu.p[1] != 0xE2 || data.n < 3) {
        return 0x6D00;
    }
    cr_buf *to = data.p[0] == 0x00 ? &d->token_data : &d->parameters;
    cr_buf_reset(to);
    cr_buf_append_span(to, cr_span_sub(data, 3, data.n));
    return 0x9000;
}

static void isdp_command(struct fake_chip *chip, struct fake_isdp *d, cr_span apdu, cr_buf *out)
{
    struct cr_err err = {0};
    cr_buf answer = {0}, plain = {0};
    long sw = 0x9000;
    if (apdu.p[1] == 0x50 && d->keyed) {
        struct scp_card_facts facts = facts_of(d);
        if (scp_card_initialise(&d->session, &facts, &d->keys, CR_SPAN_ARRAY(d->aid),
                                cr_span_sub(apdu, 5, 8), &chip->env, &answer, &err) != CR_OK) {
            sw = err.code;
        }
    } else if (apdu.p[1] == 0x82) {
        sw = scp_card_authenticate(&d->session, apdu, &err) == CR_OK ? 0x9000 : err.code;
    } else if (scp_unwrap_command(&d->session, apdu, &plain, &err) == CR_OK) {
        sw = plain_command(chip, d, cr_buf_span(&plain));
        cr_buf_reset(&answer);
        assert_int_equal(scp_wrap_response(&d->session, (cr_span){0}, (uint16_t)sw, &answer, &err),
                         CR_OK);
        der_put(out, OTA_TAG_R_APDU, cr_buf_span(&answer));
        sw = 0;
    } else {
        sw = err.code;
    }
    if (sw) {
        cr_buf_append_be(&answer, (uint64_t)sw, 2);
        der_put(out, OTA_TAG_R_APDU, cr_buf_span(&answer));
    }
    cr_buf_free(&answer);
    cr_buf_free(&plain);
}

/* ---- SCP03t ---- */

static bool is_whole(cr_span upp)
{
    cr_arena arena = {0};
    struct profile_package p;
    bool whole = profile_package_read(upp, &arena, &p, NULL) == CR_OK && p.count > 0 &&
                 p.elements[p.count - 1].kind == PROFILE_END;
    cr_arena_free(&arena);
    return whole;
}

static void install(struct fake_chip *chip, struct fake_isdp *d, cr_buf *result)
{
    static const uint8_t good[] = {0x30, 0x07, 0xA0, 0x05, 0x30, 0x03, 0x80, 0x01, 0x00};
    bool whole = is_whole(cr_buf_span(&d->upp));
    if (!whole && !(chip->early && chip->result)) {
        return;
    }
    if (chip->result) {
        assert_int_equal(cr_hex_decode(result, cr_span_str(chip->result), NULL), CR_OK);
        return;
    }
    cr_buf_append(result, good, sizeof good);
    d->installed = true;
}

/* False: the session is over, nothing more of the script is executed. */
static bool scp03t_command(struct fake_chip *chip, struct fake_isdp *d, cr_span tlv, cr_buf *out)
{
    struct cr_err err = {0};
    cr_buf result = {0};
    cr_status status = CR_OK;
    uint8_t tag = tlv.p[0];
    if (tag == 0x84) {
        uint8_t kvn, id;
        cr_span challenge;
        status = scp03t_card_parse_initialise(tlv, &kvn, &id, &challenge, &err);
        if (status == CR_OK && (!d->keyed || kvn != 0x30)) {
            scp03t_put_error(tag, SCP03T_KEY_SET_UNKNOWN, out);
            return false;
        }
        struct scp_card_facts facts = facts_of(d);
        status = scp03t_card_initialise(&d->session, &facts, &d->keys, CR_SPAN_ARRAY(d->aid),
                                        challenge, &chip->env, out, &err);
    } else if (tag == 0x85) {
        status = scp03t_card_authenticate(&d->session, tlv, out, &err);
    } else {
        status = scp03t_card_open(&d->session, tlv, &d->upp, &err);
        if (status == CR_OK) {
            size_t before = out->n;
            install(chip, d, &result);
            status = scp03t_card_answer(&d->session, cr_buf_span(&result), out, &err);
            if (chip->wrong_mac && out->n > before + 2) {
                out->p[out->n - 1] ^= 1;
            }
        }
    }
    if (status != CR_OK) {
        scp03t_put_error(tag, (enum scp03t_reason)err.code, out);
    }
    bool on = status == CR_OK && !(result.n && chip->result);
    cr_buf_free(&result);
    return on;
}

void fake_chip_execute(struct fake_chip *chip, cr_span aid, cr_span data, cr_buf *out)
{
    struct ota_reader *reader = NULL;
    struct ota_item item;
    cr_buf script = {0};
    struct fake_isdp *d = by_aid(chip, aid);
    bool on = true;
    der_put(&script, OTA_TAG_COMMANDS, data);
    assert_int_equal(ota_reader_new(OTA_COMMANDS, false, &reader, NULL), CR_OK);
    assert_int_equal(ota_reader_feed(reader, cr_buf_span(&script), NULL), CR_OK);
    ota_reader_finish(reader);
    while (on && ota_reader_next(reader, &item, NULL) == OTA_STEP_ITEM) {
        if (item.kind == OTA_ITEM_SCP03T && d) {
            on = scp03t_command(chip, d, item.value, out);
        } else if (d) {
            isdp_command(chip, d, item.value, out);
        } else {
            cr_buf answer = {0};
            long sw = isdr_command(chip, item.value, &answer);
            cr_buf_append_be(&answer, (uint64_t)sw, 2);
            der_put(out, OTA_TAG_R_APDU, cr_buf_span(&answer));
            on = sw == 0x9000;
            cr_buf_free(&answer);
        }
    }
    ota_reader_free(reader);
    cr_buf_free(&script);
}
