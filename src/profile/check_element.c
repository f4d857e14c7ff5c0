/*
 * What one element says about itself.
 */
#include "profile/check.h"

bool profile_key_is_global(int64_t key)
{
    return (key >= 0x01 && key <= 0x08) || (key >= 0x0A && key <= 0x0E) ||
           (key >= 0x8A && key <= 0x8E);
}

bool profile_key_is_local(int64_t key)
{
    return key >= 0x81 && key <= 0x88;
}

/* True for the key of an administrator: its value is any eight bytes. */
static bool is_adm(int64_t key)
{
    return profile_key_is_global(key) && (key & 0x0F) >= 0x0A;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool code_is_good(cr_span value, size_t least)
{
    size_t digits = 0;
    while (digits < value.n && is_digit(value.p[digits])) {
        digits++;
    }
    for (size_t i = digits; i < value.n; i++) {
        if (value.p[i] != 0xFF) {
            return false;
        }
    }
    return value.n == PROFILE_PIN && digits >= least;
}

static bool retries_are_good(int64_t byte)
{
    int64_t most = byte >> 4;
    int64_t left = byte & 0x0F;
    return byte > 0 && byte <= 0xFF && most > 0 && left > 0 && left <= most;
}

static void check_header(const struct profile_header *h, size_t index,
                         const struct profile_reporter *r)
{
    char text[PROFILE_ICCID_TEXT];
    if (h->major_version != 2 && h->major_version != 3) {
        profile_report(r, PROFILE_RULE_VERSION, index, NULL, "major version %lld",
                       (long long)h->major_version);
    }
    if (!*profile_iccid_plain_text(h->iccid, text)) {
        profile_report(r, PROFILE_RULE_HEADER_ICCID, index, NULL, "the ICCID has other nibbles");
    }
    for (size_t i = 0; i < h->gfste_list.count; i++) {
        char oid[DER_OID_TEXT];
        if (!profile_template_by_oid(h->gfste_list.items[i])) {
            bool named = der_oid_text(h->gfste_list.items[i], oid, NULL) == CR_OK;
            profile_report(r, PROFILE_RULE_GFSTE_UNKNOWN, index, NULL, "%s",
                           named ? oid : "an OID that is none");
        }
    }
}

static void check_pin(const struct profile_pin *pin, size_t index, const struct profile_reporter *r)
{
    int64_t key = pin->key_reference;
    if (!profile_key_is_global(key) && !profile_key_is_local(key)) {
        profile_report(r, PROFILE_RULE_PIN_REFERENCE, index, NULL, "key %02llX", (long long)key);
    }
    if (!is_adm(key) && !code_is_good(pin->pin_value, 4)) {
        profile_report(r, PROFILE_RULE_PIN_VALUE, index, NULL, "PIN %02llX", (long long)key);
    }
    if (!retries_are_good(pin->max_num_of_attemps_retry_num_left)) {
        profile_report(r, PROFILE_RULE_PIN_RETRIES, index, NULL, "PIN %02llX has %02llX",
                       (long long)key, (long long)pin->max_num_of_attemps_retry_num_left);
    }
}

static void check_pins(const struct profile_pin_codes *pins, size_t index,
                       const struct profile_reporter *r)
{
    if (pins->codes.which != PROFILE_PIN_CONFIG) {
        return;
    }
    for (size_t i = 0; i < pins->codes.pinconfig.count; i++) {
        const struct profile_pin *pin = &pins->codes.pinconfig.items[i];
        check_pin(pin, index, r);
        for (size_t k = 0; k < i; k++) {
            if (pins->codes.pinconfig.items[k].key_reference == pin->key_reference) {
                profile_report(r, PROFILE_RULE_PIN_DUPLICATE, index, NULL, "PIN %02llX",
                               (long long)pin->key_reference);
            }
        }
    }
}

static void check_puks(const struct profile_puk_codes *puks, size_t index,
                       const struct profile_reporter *r)
{
    for (size_t i = 0; i < puks->codes.count; i++) {
        const struct profile_puk *puk = &puks->codes.items[i];
        int64_t key = puk->key_reference;
        if (!(key >= 1 && key <= 8) && !profile_key_is_local(key)) {
            profile_report(r, PROFILE_RULE_PIN_REFERENCE, index, NULL, "PUK %02llX",
                           (long long)key);
        }
        if (!code_is_good(puk->puk_value, PROFILE_PIN)) {
            profile_report(r, PROFILE_RULE_PIN_VALUE, index, NULL, "PUK %02llX", (long long)key);
        }
        if (!retries_are_good(puk->max_num_of_attemps_retry_num_left)) {
            profile_report(r, PROFILE_RULE_PIN_RETRIES, index, NULL, "PUK %02llX has %02llX",
                           (long long)key, (long long)puk->max_num_of_attemps_retry_num_left);
        }
        for (size_t k = 0; k < i; k++) {
            if (puks->codes.items[k].key_reference == key) {
                profile_report(r, PROFILE_RULE_PIN_DUPLICATE, index, NULL, "PUK %02llX",
                               (long long)key);
            }
        }
    }
}

/* Largest value of sqnDelta and sqnAgeLimit: SEQ has 43 bits. */
#define SQN_HIGH_BYTE_MAX 0x07

static void check_aka(const struct profile_aka *aka, size_t index, const struct profile_reporter *r)
{
    const struct profile_aka_algorithm *a = &aka->algo_configuration.algo_parameter;
    const cr_span limits[] = {aka->sqn_delta, aka->sqn_age_limit};
    for (size_t i = 0; i < CR_COUNT(limits); i++) {
        if (limits[i].n > 0 && limits[i].p[0] > SQN_HIGH_BYTE_MAX) {
            profile_report(r, PROFILE_RULE_AKA_SQN, index, NULL, "%s is too large",
                           i == 0 ? "sqnDelta" : "sqnAgeLimit");
        }
    }
    if (aka->algo_configuration.which != PROFILE_AKA_OWN) {
        return;
    }
    bool tuak = a->algorithm_id == PROFILE_AKA_TUAK;
    if (a->algorithm_id < PROFILE_AKA_MILENAGE || a->algorithm_id > PROFILE_AKA_TEST) {
        profile_report(r, PROFILE_RULE_AKA_ALGORITHM, index, NULL, "algorithmID %lld",
                       (long long)a->algorithm_id);
        return;
    }
    if (a->key.n != 16 && !(tuak && a->key.n == 32)) {
        profile_report(r, PROFILE_RULE_AKA_KEY, index, NULL, "%zu bytes", a->key.n);
    }
    if (a->algorithm_id != PROFILE_AKA_TEST && a->opc.n != (tuak ? 32u : 16u)) {
        profile_report(r, PROFILE_RULE_AKA_OPC, index, NULL, "%zu bytes", a->opc.n);
    }
    if (tuak && (a->number_of_keccak < 1 || a->number_of_keccak > 255)) {
        profile_report(r, PROFILE_RULE_AKA_SQN, index, NULL, "numberOfKeccak %lld",
                       (long long)a->number_of_keccak);
    }
}

static bool key_length_is_good(const struct profile_key_component *c)
{
    size_t n = c->key_data.n;
    switch (c->key_type.p[0]) {
    case PROFILE_KEY_TYPE_AES:
        return n == 16 || n == 24 || n == 32;
    case PROFILE_KEY_TYPE_DES:
        return n == 8 || n == 16 || n == 24;
    case PROFILE_KEY_TYPE_TLS_PSK: /* 128 bits at least: Amendment B */
        return n >= 16 && n <= 64;
    default:
        return n > 0;
    }
}

static void check_key(const struct profile_key *key, size_t index, const struct profile_reporter *r)
{
    for (size_t i = 0; i < key->key_components.count; i++) {
        const struct profile_key_component *c = &key->key_components.items[i];
        if (!key_length_is_good(c)) {
            profile_report(r, PROFILE_RULE_KEY_LENGTH, index, NULL,
                           "key %02X version %02X of type %02X has %zu bytes",
                           key->key_identifier.p[0], key->key_version_number.p[0], c->key_type.p[0],
                           c->key_data.n);
        }
        for (size_t k = 0; k < i; k++) {
            if (cr_span_equal(key->key_components.items[k].key_type, c->key_type)) {
                profile_report(r, PROFILE_RULE_KEY_DUPLICATE, index, NULL,
                               "key %02X version %02X has type %02X twice",
                               key->key_identifier.p[0], key->key_version_number.p[0],
                               c->key_type.p[0]);
            }
        }
    }
}

static void check_sd(const struct profile_security_domain *sd, size_t index,
                     const struct profile_reporter *r)
{
    for (size_t i = 0; i < sd->key_list.count; i++) {
        const struct profile_key *key = &sd->key_list.items[i];
        check_key(key, index, r);
        for (size_t k = 0; k < i; k++) {
            const struct profile_key *other = &sd->key_list.items[k];
            if (cr_span_equal(other->key_identifier, key->key_identifier) &&
                cr_span_equal(other->key_version_number, key->key_version_number)) {
                profile_report(r, PROFILE_RULE_KEY_DUPLICATE, index, NULL,
                               "key %02X version %02X is there twice", key->key_identifier.p[0],
                               key->key_version_number.p[0]);
            }
        }
    }
}

void profile_check_element(const struct profile_element *e, size_t index,
                           const struct profile_reporter *reporter)
{
    if (e->kind == PROFILE_HEADER) {
        check_header(&e->profile_header, index, reporter);
    } else if (e->kind == PROFILE_PIN_CODES) {
        check_pins(&e->pin_codes, index, reporter);
    } else if (e->kind == PROFILE_PUK_CODES) {
        check_puks(&e->puk_codes, index, reporter);
    } else if (e->kind == PROFILE_AKA) {
        check_aka(&e->aka, index, reporter);
    } else if (e->kind == PROFILE_SECURITY_DOMAIN) {
        check_sd(&e->sd, index, reporter);
    } else if (e->kind == PROFILE_APPLICATION && !e->application.has_load_block &&
               e->application.instance_list.count == 0) {
        profile_report(reporter, PROFILE_RULE_APPLICATION_EMPTY, index, NULL, "neither is there");
    }
}
