/*
 * GET IDENTITY: the SUCI calculated on the card (3GPP TS 31.102 7.5, TS 33.501 6.12.2 and annex C).
 *
 * The files are read by the card itself: EF.SUCI_Calc_Info_USIM is there for nobody else. What is
 * missing or cannot be understood is refused (6A88); nothing falls back to the null scheme, which
 * would send the identity in clear where the operator wanted it concealed.
 */
#include "asn1/der.h"
#include "crypto/ecies.h"
#include "uicc/internal.h"

#define FID_IMSI    0x6F07
#define FID_AD      0x6FAD
#define FID_5GS     0x5FC0
#define FID_ROUTING 0x4F0A
#define FID_SAIP    0x5FD0
#define FID_CALC    0x4F01

/* Services of EF.UST (TS 31.102 4.2.8). */
#define UST_PRIVACY  124
#define UST_BY_USIM  125
#define UST_SUPI_NAI 130
#define UST_NSWO     142

#define CONTEXT_SUCI 0x01
#define CONTEXT_NSWO 0x02

/* EF.SUCI_Calc_Info (TS 31.102 4.4.11.8) and the answer. */
#define TAG_SCHEMES 0xA0
#define TAG_KEYS    0xA1
#define TAG_KEY_ID  0x80
#define TAG_KEY     0x81
#define TAG_SUCI    0xA1
#define SCHEME_NULL 0x00

#define SUPI_IMSI     0x01 /* TS 24.501 9.11.3.4 octet 4: SUPI format IMSI, type of identity SUCI */
#define IMSI_TYPE     0x01 /* TS 24.008 10.5.1.4, low three bits */
#define IMSI_ODD      0x08
#define IMSI_DIGITS   15
#define MCC_DIGITS    3
#define MSIN_SIZE     5 /* bytes of the longest MSIN: ten digits */
#define ROUTING_SIZE  2
#define FILL          0xF
#define IMSI_MAX_SIZE 8

/* What goes into a SUCI. */
struct identity {
    uint8_t network[3]; /* MCC and MNC */
    uint8_t routing[ROUTING_SIZE];
    uint8_t msin[MSIN_SIZE];
    size_t msin_size;
};

/* The scheme chosen and its key. */
struct choice {
    uint8_t scheme, key_id;
    cr_span key;
};

/* --- files -------------------------------------------------------------------------------------
 */

static bool out_of_use(const struct uicc_file_attr *a)
{
    return uicc_lcsi_terminated(a->lcsi) || uicc_lcsi_deactivated(a->lcsi);
}

/* The content of a transparent EF below df. 6A88: there is none. 6984: it or its DF is not in use.
 * The caller frees scratch. */
static uicc_sw read_ef(const struct uicc_fs *fs, uicc_file df, uint16_t fid, cr_buf *scratch,
                       cr_span *out)
{
    struct uicc_file_attr a, parent;
    uicc_file file = df ? uicc_fs_child(fs, df, fid) : 0;
    if (!file || !uicc_fs_attr(fs, file, &a) || !uicc_fs_attr(fs, df, &parent) ||
        a.kind != UICC_TRANSPARENT) {
        return UICC_SW_NO_REFERENCE;
    }
    if (out_of_use(&a) || out_of_use(&parent)) {
        return UICC_SW_INVALIDATED;
    }
    *out = uicc_fs_content(fs, file, scratch);
    return out->p ? UICC_SW_OK : UICC_SW_MEMORY;
}

/* --- identity ----------------------------------------------------------------------------------
 */

static uint8_t pair(uint8_t low, uint8_t high)
{
    return (uint8_t)(low | high << 4);
}

/* The digits of EF.IMSI; 0 when it holds no IMSI. */
static size_t imsi_digits(cr_span ef, uint8_t digits[IMSI_DIGITS])
{
    size_t size = ef.n ? ef.p[0] : 0;
    if (size < 1 || size > IMSI_MAX_SIZE || ef.n < 1 + size || (ef.p[1] & 0x07) != IMSI_TYPE) {
        return 0;
    }
    bool odd = (ef.p[1] & IMSI_ODD) != 0;
    size_t n = 2 * size - (odd ? 1 : 2);
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = ef.p[1 + (i + 1) / 2];
        digits[i] = i % 2 ? byte & 0x0F : byte >> 4;
        if (digits[i] > 9) {
            return 0;
        }
    }
    return odd || ef.p[size] >> 4 == FILL ? n : 0;
}

/* MCC and MNC as TS 24.501 codes them, the rest as BCD. mnc is 2 or 3. */
static bool identity_set(struct identity *id, const uint8_t *d, size_t n, size_t mnc)
{
    size_t skip = MCC_DIGITS + mnc;
    if (n <= skip) {
        return false;
    }
    id->network[0] = pair(d[0], d[1]);
    id->network[1] = pair(d[2], mnc == 3 ? d[5] : FILL);
    id->network[2] = pair(d[3], d[4]);
    id->msin_size = (n - skip + 1) / 2;
    for (size_t i = 0; i < id->msin_size; i++) {
        size_t at = skip + 2 * i;
        id->msin[i] = pair(d[at], at + 1 < n ? d[at + 1] : FILL);
    }
    return true;
}

/* From EF.IMSI and the length of the MNC in EF.AD, which the IMSI itself does not tell. */
static uicc_sw identity_read(const struct uicc_fs *fs, uicc_file adf, struct identity *id)
{
    cr_buf imsi_scratch = {.secret = true}, ad_scratch = {0};
    cr_span imsi, ad;
    uint8_t digits[IMSI_DIGITS];
    uicc_sw sw = read_ef(fs, adf, FID_IMSI, &imsi_scratch, &imsi);
    if (sw == UICC_SW_OK) {
        sw = read_ef(fs, adf, FID_AD, &ad_scratch, &ad);
    }
    if (sw == UICC_SW_OK) {
        size_t n = imsi_digits(imsi, digits);
        size_t mnc = ad.n > 3 ? ad.p[3] & 0x0F : 0;
        bool ok = n && (mnc == 2 || mnc == 3) && identity_set(id, digits, n, mnc);
        sw = ok ? UICC_SW_OK : UICC_SW_NO_REFERENCE;
    }
    cr_wipe(digits, sizeof digits);
    cr_buf_free(&imsi_scratch);
    cr_buf_free(&ad_scratch);
    return sw;
}

/* One to four digits, F behind them. */
static bool routing_valid(const uint8_t *p)
{
    bool end = false;
    for (size_t i = 0; i < 2 * (size_t)ROUTING_SIZE; i++) {
        uint8_t digit = i % 2 ? p[i / 2] >> 4 : p[i / 2] & 0x0F;
        if (digit == FILL ? i == 0 : end || digit > 9) {
            return false;
        }
        end = end || digit == FILL;
    }
    return true;
}

/* No file, or one never written: not configured, which is the single digit 0 (TS 24.501
 * 9.11.3.4). */
static uicc_sw routing_read(const struct uicc_fs *fs, uicc_file adf, uint8_t out[ROUTING_SIZE])
{
    static const uint8_t none[ROUTING_SIZE] = {0xF0, 0xFF}, erased[ROUTING_SIZE] = {0xFF, 0xFF};
    cr_buf scratch = {0};
    cr_span v = {0};
    uicc_sw sw = read_ef(fs, uicc_fs_child(fs, adf, FID_5GS), FID_ROUTING, &scratch, &v);
    const uint8_t *p = v.p;
    if (sw == UICC_SW_NO_REFERENCE) {
        p = none;
        sw = UICC_SW_OK;
    } else if (sw == UICC_SW_OK && v.n >= ROUTING_SIZE && memcmp(p, erased, ROUTING_SIZE) == 0) {
        p = none;
    } else if (sw == UICC_SW_OK && (v.n < ROUTING_SIZE || !routing_valid(p))) {
        sw = UICC_SW_NO_REFERENCE;
    }
    if (sw == UICC_SW_OK) {
        memcpy(out, p, ROUTING_SIZE);
    }
    cr_buf_free(&scratch);
    return sw;
}

/* --- protection scheme -------------------------------------------------------------------------
 */

/* Reads the whole key list, so that a broken one is noticed whatever was asked for; the key with
 * this index, counted from 1. */
static bool key_find(cr_span list, uint8_t index, struct choice *out)
{
    bool found = false;
    for (unsigned i = 1; list.n; i++) {
        struct der_tlv id, key;
        if (der_expect(&list, DER_BER_LENGTHS, TAG_KEY_ID, &id, NULL) != CR_OK ||
            der_expect(&list, DER_BER_LENGTHS, TAG_KEY, &key, NULL) != CR_OK || id.value.n != 1 ||
            key.value.n == 0) {
            return false;
        }
        if (i == index) {
            out->key_id = id.value.p[0];
            out->key = key.value;
            found = true;
        }
    }
    return found;
}

/* The first scheme of the list that the card knows: the list is in order of priority. */
static bool scheme_choose(cr_span schemes, cr_span keys, struct choice *out)
{
    if (schemes.n % 2) {
        return false;
    }
    for (size_t i = 0; i < schemes.n; i += 2) {
        uint8_t index = schemes.p[i + 1];
        out->scheme = schemes.p[i];
        switch (out->scheme) {
        case SCHEME_NULL:
            return index == 0;
        case ECIES_A:
        case ECIES_B:
            return key_find(keys, index, out);
        default:
            break;
        }
    }
    return false;
}

static bool padding(cr_span rest)
{
    for (size_t i = 0; i < rest.n; i++) {
        if (rest.p[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

static bool calc_info(cr_span ef, struct choice *out)
{
    struct der_tlv schemes, keys = {0};
    if (der_expect(&ef, DER_BER_LENGTHS, TAG_SCHEMES, &schemes, NULL) != CR_OK) {
        return false;
    }
    if (ef.n && ef.p[0] == TAG_KEYS &&
        der_expect(&ef, DER_BER_LENGTHS, TAG_KEYS, &keys, NULL) != CR_OK) {
        return false;
    }
    return padding(ef) && scheme_choose(schemes.value, keys.value, out);
}

/* --- SUCI --------------------------------------------------------------------------------------
 */

static uicc_sw scheme_output(const struct command *c, const struct choice *choice, cr_span msin,
                             cr_buf *out)
{
    if (choice->scheme == SCHEME_NULL) {
        cr_buf_append_span(out, msin);
        return UICC_SW_OK;
    }
    switch (ecies_conceal((enum ecies_profile)choice->scheme, choice->key, msin, c->u->env, out,
                          NULL)) {
    case CR_OK:
        return UICC_SW_OK;
    case CR_MALFORMED:
        return UICC_SW_NO_REFERENCE;
    case CR_REFUSED:
    case CR_RESOURCE:
    case CR_INTERNAL:
    default:
        return UICC_SW_TECHNICAL;
    }
}

static uicc_sw suci_put(struct command *c, const struct identity *id, const struct choice *choice)
{
    cr_buf suci = {.secret = true};
    cr_buf_append_byte(&suci, SUPI_IMSI);
    cr_buf_append(&suci, id->network, sizeof id->network);
    cr_buf_append(&suci, id->routing, sizeof id->routing);
    cr_buf_append_byte(&suci, choice->scheme);
    cr_buf_append_byte(&suci, choice->key_id);
    uicc_sw sw = scheme_output(c, choice, cr_span_of(id->msin, id->msin_size), &suci);
    if (sw == UICC_SW_OK && !cr_buf_ok(&suci)) {
        sw = UICC_SW_MEMORY;
    }
    if (sw == UICC_SW_OK) {
        der_put(c->call.out, TAG_SUCI, cr_buf_span(&suci));
    }
    cr_buf_free(&suci);
    return sw;
}

static uicc_sw suci(struct command *c)
{
    const struct uicc_fs *fs = &c->u->fs;
    uicc_file adf = c->sel->adf;
    struct identity id = {.msin_size = 0};
    struct choice choice = {.scheme = SCHEME_NULL};
    cr_buf scratch = {0};
    cr_span calc;
    uicc_sw sw = read_ef(fs, uicc_fs_child(fs, adf, FID_SAIP), FID_CALC, &scratch, &calc);
    if (sw == UICC_SW_OK && !calc_info(calc, &choice)) {
        sw = UICC_SW_NO_REFERENCE;
    }
    if (sw == UICC_SW_OK) {
        sw = routing_read(fs, adf, id.routing);
    }
    if (sw == UICC_SW_OK) {
        sw = identity_read(fs, adf, &id);
    }
    if (sw == UICC_SW_OK) {
        sw = suci_put(c, &id, &choice);
    }
    cr_wipe(&id, sizeof id);
    cr_buf_free(&scratch);
    return sw;
}

/* A SUPI in EF.SUPI_NAI (service 130) is not an IMSI: refused rather than answered with the wrong
 * identity. */
static bool services_available(const struct uicc_fs *fs, uicc_file adf, uint8_t context)
{
    return uicc_usim_service(fs, adf, UST_PRIVACY) && uicc_usim_service(fs, adf, UST_BY_USIM) &&
           !uicc_usim_service(fs, adf, UST_SUPI_NAI) &&
           (context == CONTEXT_SUCI || uicc_usim_service(fs, adf, UST_NSWO));
}

uicc_sw command_get_identity(struct command *c)
{
    uint8_t context = c->apdu->p2;
    if (c->apdu->p1 || (context != CONTEXT_SUCI && context != CONTEXT_NSWO)) {
        return UICC_SW_WRONG_P1P2;
    }
    uicc_sw sw = application_ready(c);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    return services_available(&c->u->fs, c->sel->adf, context) ? suci(c) : UICC_SW_CONDITIONS;
}
