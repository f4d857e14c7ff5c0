#include "profile/plan.h"

#include "base/text.h"
#include "crypto/aka.h"
#include "profile/template.h"

#include <stdio.h>
#include <stdlib.h>

/* A member that has to be there. */
static cr_status required(const struct profile_description *d, const char *name, cr_span *out)
{
    CR_TRY(profile_description_text(d, name, out));
    return cr_span_present(*out) ? CR_OK : profile_description_fail(d, name, "missing");
}

static cr_status text_or(const struct profile_description *d, const char *name,
                         const char *fallback, cr_span *out)
{
    CR_TRY(profile_description_text(d, name, out));
    if (!cr_span_present(*out)) {
        *out = cr_span_str(fallback);
    }
    return CR_OK;
}

static cr_status read_list(const struct profile_description *d, const char *name,
                           struct plan_list *out)
{
    const json_t *array;
    CR_TRY(profile_description_array(d, name, &array));
    if (json_array_size(array) > PLAN_MAX_LIST) {
        return profile_description_fail(d, name, "more than %d", PLAN_MAX_LIST);
    }
    for (out->count = 0; out->count < json_array_size(array); out->count++) {
        CR_TRY(profile_description_item(d, name, array, out->count, &out->items[out->count]));
    }
    return CR_OK;
}

/* Hex of one of the given sizes (0 ends the list), absent allowed. */
static cr_status sized_hex(const struct profile_description *d, const char *name, size_t a,
                           size_t b, cr_span *out)
{
    CR_TRY(profile_description_hex(d, name, out));
    if (!cr_span_present(*out) || out->n == a || (b && out->n == b)) {
        return CR_OK;
    }
    return b ? profile_description_fail(d, name, "%zu bytes instead of %zu or %zu", out->n, a, b)
             : profile_description_fail(d, name, "%zu bytes instead of %zu", out->n, a);
}

/* ------------------------------------------------------------------ version, identities */

static cr_status read_version(const struct profile_description *d, struct profile_plan *plan)
{
    cr_span text;
    CR_TRY(text_or(d, "version", "2.3", &text));
    bool good = text.n == 3 && text.p[1] == '.' && cr_is_digits(cr_span_sub(text, 0, 1)) &&
                cr_is_digits(cr_span_sub(text, 2, 1));
    plan->major = good ? text.p[0] - '0' : 0;
    plan->minor = good ? text.p[2] - '0' : 0;
    if (!(plan->major == 2 && plan->minor >= 1 && plan->minor <= 3) &&
        !(plan->major == 3 && plan->minor <= 4)) {
        return profile_description_fail(d, "version", "not 2.1 to 2.3 or 3.0 to 3.4");
    }
    return CR_OK;
}

static cr_status read_acc(const struct profile_description *d, struct profile_plan *plan)
{
    cr_span text;
    CR_TRY(profile_description_text(d, "acc", &text));
    if (!cr_span_present(text)) {
        profile_acc_of_imsi(plan->imsi, plan->acc);
        return CR_OK;
    }
    return profile_description_at(d, "acc", profile_acc_encode(text, plan->acc, d->err));
}

static cr_status read_identities(const struct profile_description *d, struct profile_plan *plan)
{
    uint8_t iccid[PROFILE_ICCID];
    uint8_t imsi[PROFILE_IMSI];
    CR_TRY(required(d, "iccid", &plan->iccid));
    CR_TRY(profile_description_at(d, "iccid", profile_iccid_encode(plan->iccid, iccid, d->err)));
    CR_TRY(required(d, "imsi", &plan->imsi));
    CR_TRY(profile_description_at(d, "imsi", profile_imsi_encode(plan->imsi, imsi, d->err)));
    plan->mnc_length = 2;
    CR_TRY(profile_description_int(d, "mncLength", 2, 3, &plan->mnc_length));
    CR_TRY(profile_description_text(d, "msisdn", &plan->msisdn));
    CR_TRY(text_or(d, "profileType", "operator profile", &plan->profile_type));
    if (plan->profile_type.n < 1 || plan->profile_type.n > 100) {
        return profile_description_fail(d, "profileType", "1 to 100 bytes");
    }
    CR_TRY(text_or(d, "spn", "", &plan->spn));
    plan->spn_display = 1;
    CR_TRY(profile_description_int(d, "spnDisplay", 0, 3, &plan->spn_display));
    CR_TRY(read_acc(d, plan));
    CR_TRY(profile_description_text(d, "smsc", &plan->smsc));
    CR_TRY(profile_description_hex(d, "gid1", &plan->gid1));
    CR_TRY(profile_description_hex(d, "gid2", &plan->gid2));
    plan->hpplmn = 10;
    return profile_description_int(d, "hpplmn", 0, 255, &plan->hpplmn);
}

static cr_status read_languages(const struct profile_description *d, struct profile_plan *plan)
{
    CR_TRY(read_list(d, "languages", &plan->languages));
    for (size_t i = 0; i < plan->languages.count; i++) {
        cr_span l = plan->languages.items[i];
        if (l.n != 2 || l.p[0] < 'a' || l.p[0] > 'z' || l.p[1] < 'a' || l.p[1] > 'z') {
            return profile_description_fail(d, "languages", "two small letters each (ISO 639-1)");
        }
    }
    CR_TRY(read_list(d, "ecc", &plan->ecc));
    if (!profile_description_has(d, "ecc")) {
        plan->ecc.items[0] = cr_span_str("112");
        plan->ecc.items[1] = cr_span_str("911");
        plan->ecc.count = 2;
    }
    return plan->ecc.count > 0 ? CR_OK : profile_description_fail(d, "ecc", "at least one number");
}

/* ------------------------------------------------------------------ authentication */

static cr_status derive_opc(const struct profile_description *d, const char *name, cr_span op,
                            struct profile_plan *plan)
{
    bool tuak = plan->algorithm == PROFILE_AKA_TUAK;
    struct aka_params params;
    aka_params_default(&params, tuak ? AKA_TUAK : AKA_MILENAGE);
    params.key_size = plan->k.n;
    params.keccak_iterations = (unsigned)plan->number_of_keccak;
    memcpy(params.key, plan->k.p, plan->k.n);
    uint8_t *out = cr_arena_alloc(d->arena, op.n);
    if (!out) {
        return cr_fail_memory(d->err);
    }
    cr_status status = profile_description_at(d, name, aka_opc(&params, op, out, d->err));
    cr_wipe(&params, sizeof(params));
    plan->opc = cr_span_of(out, op.n);
    return status;
}

static cr_status read_opc(const struct profile_description *d, struct profile_plan *plan)
{
    bool tuak = plan->algorithm == PROFILE_AKA_TUAK;
    const char *derived = tuak ? "topc" : "opc";
    const char *operator_value = tuak ? "top" : "op";
    size_t size = tuak ? 32 : 16;
    cr_span op;
    CR_TRY(sized_hex(d, derived, size, 0, &plan->opc));
    CR_TRY(sized_hex(d, operator_value, size, 0, &op));
    if (cr_span_present(plan->opc) && cr_span_present(op)) {
        return profile_description_fail(d, derived, "either %s or %s, not both", derived,
                                        operator_value);
    }
    if (cr_span_present(op)) {
        return derive_opc(d, operator_value, op, plan);
    }
    if (!cr_span_present(plan->opc) && plan->algorithm == PROFILE_AKA_TEST) {
        static const uint8_t none[16];
        plan->opc = CR_SPAN_ARRAY(none); /* the module has the member, the algorithm no use */
    }
    return cr_span_present(plan->opc)
               ? CR_OK
               : profile_description_fail(d, derived, "missing, and no %s either", operator_value);
}

static cr_status read_algorithm(const struct profile_description *d, struct profile_plan *plan)
{
    static const struct {
        const char *name;
        int64_t id;
        int64_t options; /* RES of 64 bits; of 128 for the test algorithm */
    } algorithms[] = {{"milenage", PROFILE_AKA_MILENAGE, 1},
                      {"tuak", PROFILE_AKA_TUAK, 1},
                      {"test", PROFILE_AKA_TEST, 2}};
    cr_span text;
    CR_TRY(text_or(d, "algorithm", "milenage", &text));
    for (size_t i = 0; i < CR_COUNT(algorithms); i++) {
        if (cr_span_equal(text, cr_span_str(algorithms[i].name))) {
            plan->algorithm = algorithms[i].id;
            plan->algorithm_options = algorithms[i].options;
        }
    }
    if (!plan->algorithm) {
        return profile_description_fail(d, "algorithm", "not milenage, tuak or test");
    }
    CR_TRY(profile_description_int(d, "algorithmOptions", 0, 255, &plan->algorithm_options));
    plan->number_of_keccak = 1;
    CR_TRY(profile_description_int(d, "numberOfKeccak", 1, 255, &plan->number_of_keccak));
    if (!profile_description_has(d, "k")) {
        return profile_description_fail(d, "k", "missing");
    }
    CR_TRY(sized_hex(d, "k", 16, plan->algorithm == PROFILE_AKA_TUAK ? 32 : 0, &plan->k));
    CR_TRY(read_opc(d, plan));
    CR_TRY(sized_hex(d, "rotationConstants", 5, 0, &plan->rotation_constants));
    CR_TRY(sized_hex(d, "xoringConstants", 80, 0, &plan->xoring_constants));
    CR_TRY(sized_hex(d, "authCounterMax", 3, 0, &plan->auth_counter_max));
    CR_TRY(sized_hex(d, "sqnOptions", 1, 0, &plan->sqn_options));
    CR_TRY(sized_hex(d, "sqnDelta", 6, 0, &plan->sqn_delta));
    return sized_hex(d, "sqnAgeLimit", 6, 0, &plan->sqn_age_limit);
}

static cr_status read_codes(const struct profile_description *d, struct profile_plan *plan)
{
    struct {
        const char *name;
        const char *fallback;
        uint8_t *out;
        cr_status (*encode)(cr_span, uint8_t *, struct cr_err *);
    } const codes[] = {
        {"pin1", "0000", plan->pin1, profile_pin_encode},
        {"pin2", "0000", plan->pin2, profile_pin_encode},
        {"puk1", NULL, plan->puk1, profile_puk_encode},
        {"puk2", NULL, plan->puk2, profile_puk_encode},
        {"adm1", NULL, plan->adm1, profile_adm_encode},
    };
    for (size_t i = 0; i < CR_COUNT(codes); i++) {
        cr_span text;
        if (codes[i].fallback) {
            CR_TRY(text_or(d, codes[i].name, codes[i].fallback, &text));
        } else {
            CR_TRY(required(d, codes[i].name, &text));
        }
        CR_TRY(
            profile_description_at(d, codes[i].name, codes[i].encode(text, codes[i].out, d->err)));
    }
    plan->pin1_enabled = false;
    return profile_description_bool(d, "pin1Enabled", &plan->pin1_enabled);
}

/* ------------------------------------------------------------------ networks, services */

static cr_status read_networks(const struct profile_description *d, struct profile_plan *plan)
{
    static const char *const names[] = {"user",       "operator",  "home",
                                        "equivalent", "forbidden", NULL};
    struct profile_description sub;
    struct plan_list *const lists[] = {&plan->user_plmn, &plan->operator_plmn, &plan->home_plmn,
                                       &plan->equivalent_plmn, &plan->forbidden_plmn};
    CR_TRY(profile_description_sub(d, "plmn", &sub));
    if (!sub.object) {
        return CR_OK;
    }
    CR_TRY(profile_description_known(&sub, names));
    for (size_t i = 0; i < CR_COUNT(lists); i++) {
        CR_TRY(read_list(&sub, names[i], lists[i]));
    }
    return CR_OK;
}

/* Numbers, or the names of the table. */
static cr_status read_services(const struct profile_description *d, const char *name, int64_t most,
                               int64_t *out, size_t room, size_t *count)
{
    const json_t *array;
    CR_TRY(profile_description_array(d, name, &array));
    *count = json_array_size(array);
    if (*count > room) {
        return profile_description_fail(d, name, "more than %zu", room);
    }
    for (size_t i = 0; i < *count; i++) {
        const json_t *item = json_array_get(array, i);
        if (!json_is_integer(item) || json_integer_value(item) < 1 ||
            json_integer_value(item) > most) {
            return profile_description_fail(d, name, "service numbers are 1 to %lld",
                                            (long long)most);
        }
        out[i] = json_integer_value(item);
    }
    return CR_OK;
}

/* ------------------------------------------------------------------ 5G */

static cr_status read_suci_key(const struct profile_description *d, struct plan_suci_key *key)
{
    static const char *const names[] = {"profile", "id", "key", NULL};
    cr_span text;
    int64_t id = -1;
    CR_TRY(profile_description_known(d, names));
    CR_TRY(required(d, "profile", &text));
    if (text.n != 1 || (text.p[0] != 'A' && text.p[0] != 'B')) {
        return profile_description_fail(d, "profile", "not A or B");
    }
    key->scheme = text.p[0] == 'A' ? 1 : 2;
    CR_TRY(profile_description_int(d, "id", 0, 255, &id));
    if (id < 0) {
        return profile_description_fail(d, "id", "missing");
    }
    key->id = (uint8_t)id;
    CR_TRY(required(d, "key", &text));
    /* X25519: 32 bytes; P-256: compressed or not */
    return key->scheme == 1 ? sized_hex(d, "key", 32, 0, &key->key)
                            : sized_hex(d, "key", 33, 65, &key->key);
}

static cr_status read_suci(const struct profile_description *d, struct plan_suci *suci)
{
    static const char *const names[] = {"byUsim", "allowNull", "keys", NULL};
    struct profile_description sub;
    const json_t *array;
    CR_TRY(profile_description_sub(d, "suci", &sub));
    if (!sub.object) {
        return CR_OK;
    }
    suci->present = true;
    CR_TRY(profile_description_known(&sub, names));
    CR_TRY(profile_description_bool(&sub, "byUsim", &suci->by_usim));
    CR_TRY(profile_description_bool(&sub, "allowNull", &suci->allow_null));
    CR_TRY(profile_description_array(&sub, "keys", &array));
    if (json_array_size(array) > PLAN_MAX_LIST) {
        return profile_description_fail(&sub, "keys", "more than %d", PLAN_MAX_LIST);
    }
    for (; suci->count < json_array_size(array); suci->count++) {
        struct profile_description item;
        CR_TRY(profile_description_sub_item(&sub, "keys", array, suci->count, &item));
        CR_TRY(read_suci_key(&item, &suci->keys[suci->count]));
    }
    return suci->count > 0 || suci->allow_null
               ? CR_OK
               : profile_description_fail(&sub, "keys", "no key, and null is not allowed");
}

static cr_status read_five_g(const struct profile_description *d, struct profile_plan *plan)
{
    static const char *const names[] = {"routingIndicator", "accessIdentities", "suci", NULL};
    struct profile_description sub;
    plan->five_g = !(plan->major == 2 && plan->minor < 3);
    if (json_is_boolean(json_object_get(d->object, "fiveG"))) {
        plan->five_g = json_is_true(json_object_get(d->object, "fiveG"));
        sub = (struct profile_description){.path = d->path, .arena = d->arena, .err = d->err};
    } else {
        CR_TRY(profile_description_sub(d, "fiveG", &sub));
    }
    plan->routing_indicator = cr_span_str("0");
    if (sub.object) {
        CR_TRY(profile_description_known(&sub, names));
        CR_TRY(text_or(&sub, "routingIndicator", "0", &plan->routing_indicator));
        if (!cr_is_digits(plan->routing_indicator) || plan->routing_indicator.n > 4) {
            return profile_description_fail(&sub, "routingIndicator", "1 to 4 digits");
        }
        CR_TRY(sized_hex(&sub, "accessIdentities", 4, 0, &plan->access_identities));
        CR_TRY(read_suci(&sub, &plan->suci));
        plan->five_g = true;
    }
    if (plan->five_g && plan->major == 2 && plan->minor < 3) {
        return profile_description_fail(d, "fiveG", "needs version 2.3 or later");
    }
    return CR_OK;
}

/* ------------------------------------------------------------------ ISIM */

static cr_status print_into(const struct profile_description *d, const char *text, cr_span *out)
{
    if (!text) {
        return cr_fail_memory(d->err);
    }
    *out = cr_span_str(text);
    return CR_OK;
}

/* Names that follow from the IMSI (TS 23.003 13.2 to 13.4). */
static cr_status default_domain(const struct profile_description *d,
                                const struct profile_plan *plan, cr_span *out)
{
    const char *imsi = (const char *)plan->imsi.p;
    int mnc = (int)plan->mnc_length;
    return print_into(d,
                      cr_arena_printf(d->arena, "ims.mnc%s%.*s.mcc%.3s.3gppnetwork.org",
                                      mnc == 2 ? "0" : "", mnc, imsi + 3, imsi),
                      out);
}

static cr_status read_isim(const struct profile_description *d, struct profile_plan *plan)
{
    static const char *const names[] = {"aid", "impi", "impu", "domain", "pcscf", "services", NULL};
    struct profile_description sub;
    const json_t *value = json_object_get(d->object, "isim");
    if (json_is_boolean(value)) {
        sub = (struct profile_description){.path = "isim", .arena = d->arena, .err = d->err};
        plan->isim = json_is_true(value);
    } else {
        CR_TRY(profile_description_sub(d, "isim", &sub));
        plan->isim = sub.object != NULL;
    }
    if (!plan->isim) {
        return CR_OK;
    }
    if (sub.object) {
        CR_TRY(profile_description_known(&sub, names));
    }
    CR_TRY(profile_description_hex(&sub, "aid", &plan->isim_aid));
    CR_TRY(profile_description_text(&sub, "domain", &plan->domain));
    CR_TRY(profile_description_text(&sub, "impi", &plan->impi));
    CR_TRY(read_list(&sub, "impu", &plan->impu));
    CR_TRY(read_list(&sub, "pcscf", &plan->pcscf));
    CR_TRY(read_services(&sub, "services", 112, plan->isim_services, PLAN_MAX_LIST,
                         &plan->isim_service_count));
    if (!cr_span_present(plan->domain)) {
        CR_TRY(default_domain(d, plan, &plan->domain));
    }
    if (!cr_span_present(plan->impi)) {
        CR_TRY(print_into(d,
                          cr_arena_printf(d->arena, "%.*s@%.*s", (int)plan->imsi.n,
                                          (const char *)plan->imsi.p, (int)plan->domain.n,
                                          (const char *)plan->domain.p),
                          &plan->impi));
    }
    if (plan->impu.count == 0) {
        plan->impu.count = 1;
        CR_TRY(print_into(
            d, cr_arena_printf(d->arena, "sip:%.*s", (int)plan->impi.n, (const char *)plan->impi.p),
            &plan->impu.items[0]));
    }
    return CR_OK;
}

/* ------------------------------------------------------------------ security domain */

/* Key versions of SCP81. */
enum { SCP81_FIRST = 0x40, SCP81_LAST = 0x4F };

/* A set of SCP81: the key of TLS, and one for keys that come over it if there shall be one. */
static cr_status read_psk(const struct profile_description *d, struct plan_key *key)
{
    if (key->version < SCP81_FIRST || key->version > SCP81_LAST) {
        return profile_description_fail(d, "version", "not %d to %d, those of SCP81", SCP81_FIRST,
                                        SCP81_LAST);
    }
    key->type = PROFILE_KEY_TYPE_TLS_PSK;
    CR_TRY(sized_hex(d, "psk", 16, 32, &key->psk));
    if (!cr_span_present(key->psk)) {
        return profile_description_fail(d, "psk", "missing");
    }
    return sized_hex(d, "dek", 16, 32, &key->dek);
}

static cr_status read_key(const struct profile_description *d, struct plan_key *key)
{
    static const char *const names[] = {"version", "type", "enc", "mac", "dek", "psk", NULL};
    int64_t version = 0;
    cr_span type;
    CR_TRY(profile_description_known(d, names));
    CR_TRY(profile_description_int(d, "version", 1, 127, &version));
    if (version == 0) {
        return profile_description_fail(d, "version", "missing");
    }
    key->version = (uint8_t)version;
    CR_TRY(text_or(d, "type", "aes", &type));
    if (cr_span_equal(type, cr_span_str("psk"))) {
        return read_psk(d, key);
    }
    bool aes = cr_span_equal(type, cr_span_str("aes"));
    if (!aes && !cr_span_equal(type, cr_span_str("3des"))) {
        return profile_description_fail(d, "type", "not aes, 3des or psk");
    }
    key->type = aes ? PROFILE_KEY_TYPE_AES : PROFILE_KEY_TYPE_DES;
    const struct {
        const char *name;
        cr_span *out;
    } parts[] = {{"enc", &key->enc}, {"mac", &key->mac}, {"dek", &key->dek}};
    for (size_t i = 0; i < CR_COUNT(parts); i++) {
        CR_TRY(sized_hex(d, parts[i].name, 16, aes ? 32 : 24, parts[i].out));
        if (!cr_span_present(*parts[i].out)) {
            return profile_description_fail(d, parts[i].name, "missing");
        }
    }
    return CR_OK;
}

static cr_status read_sd(const struct profile_description *d, struct profile_plan *plan)
{
    static const char *const names[] = {"keys", "tar", "minimumSecurityLevel", "sessionParameters",
                                        "rfm",  NULL};
    static const uint8_t default_tar[] = {0xB2, 0x01, 0x00};
    struct profile_description sub;
    const json_t *array;
    int64_t level = 0x16; /* checksum, ciphered, counter has to be higher */
    plan->tar = CR_SPAN_ARRAY(default_tar);
    CR_TRY(profile_description_sub(d, "sd", &sub));
    if (sub.object) {
        cr_span tar;
        CR_TRY(profile_description_known(&sub, names));
        CR_TRY(sized_hex(&sub, "tar", 3, 0, &tar));
        plan->tar = cr_span_present(tar) ? tar : plan->tar;
        CR_TRY(profile_description_int(&sub, "minimumSecurityLevel", 0, 255, &level));
        CR_TRY(profile_description_hex(&sub, "sessionParameters", &plan->session_parameters));
        if (plan->session_parameters.n > PLAN_MAX_SESSION) {
            return profile_description_fail(&sub, "sessionParameters", "more than %d bytes",
                                            PLAN_MAX_SESSION);
        }
        CR_TRY(profile_description_array(&sub, "keys", &array));
        if (json_array_size(array) > PLAN_MAX_LIST) {
            return profile_description_fail(&sub, "keys", "more than %d", PLAN_MAX_LIST);
        }
        for (; plan->key_count < json_array_size(array); plan->key_count++) {
            struct profile_description item;
            CR_TRY(profile_description_sub_item(&sub, "keys", array, plan->key_count, &item));
            CR_TRY(read_key(&item, &plan->keys[plan->key_count]));
        }
    }
    plan->minimum_security_level = (uint8_t)level;
    plan->rfm = plan->key_count > 0;
    CR_TRY(profile_description_bool(&sub, "rfm", &plan->rfm));
    if (plan->rfm && plan->key_count == 0) {
        return profile_description_fail(&sub, "rfm", "remote file management needs sd.keys");
    }
    return CR_OK;
}

/* ------------------------------------------------------------------ all */

static const uint8_t default_usim_aid[] = {0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02, 0xFF,
                                           0xFF, 0xFF, 0xFF, 0x89, 0x07, 0x09, 0x00, 0x00};
static const uint8_t default_isim_aid[] = {0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x04, 0xFF,
                                           0xFF, 0xFF, 0xFF, 0x89, 0x07, 0x09, 0x00, 0x00};

static cr_status default_aid(const struct profile_description *d, const char *name,
                             cr_span fallback, cr_span *aid)
{
    if (!cr_span_present(*aid)) {
        *aid = fallback;
    }
    return aid->n >= 5 && aid->n <= 16 ? CR_OK : profile_description_fail(d, name, "5 to 16 bytes");
}

cr_status profile_plan_read(const json_t *description, cr_arena *arena, struct profile_plan *plan,
                            struct cr_err *err)
{
    static const char *const names[] = {"version",
                                        "profileType",
                                        "iccid",
                                        "imsi",
                                        "mncLength",
                                        "msisdn",
                                        "spn",
                                        "spnDisplay",
                                        "acc",
                                        "languages",
                                        "ecc",
                                        "smsc",
                                        "gid1",
                                        "gid2",
                                        "hpplmn",
                                        "algorithm",
                                        "algorithmOptions",
                                        "k",
                                        "opc",
                                        "op",
                                        "topc",
                                        "top",
                                        "rotationConstants",
                                        "xoringConstants",
                                        "authCounterMax",
                                        "numberOfKeccak",
                                        "sqnOptions",
                                        "sqnDelta",
                                        "sqnAgeLimit",
                                        "pin1",
                                        "pin1Enabled",
                                        "pin2",
                                        "puk1",
                                        "puk2",
                                        "adm1",
                                        "plmn",
                                        "services",
                                        "usimAid",
                                        "gsmAccess",
                                        "contacts",
                                        "fiveG",
                                        "isim",
                                        "sd",
                                        "elements",
                                        NULL};
    const struct profile_description d = {
        .object = description, .path = "", .arena = arena, .err = err};
    *plan = (struct profile_plan){.gsm_access = true};
    CR_TRY(profile_description_known(&d, names));
    CR_TRY(read_version(&d, plan));
    CR_TRY(read_identities(&d, plan));
    CR_TRY(read_languages(&d, plan));
    CR_TRY(read_algorithm(&d, plan));
    CR_TRY(read_codes(&d, plan));
    CR_TRY(read_networks(&d, plan));
    CR_TRY(read_services(&d, "services", PLAN_MAX_SERVICES, plan->services, PLAN_MAX_SERVICES,
                         &plan->service_count));
    CR_TRY(profile_description_hex(&d, "usimAid", &plan->usim_aid));
    CR_TRY(default_aid(&d, "usimAid", CR_SPAN_ARRAY(default_usim_aid), &plan->usim_aid));
    CR_TRY(profile_description_bool(&d, "gsmAccess", &plan->gsm_access));
    CR_TRY(profile_description_int(&d, "contacts", 0, PROFILE_MAX_CONTACTS, &plan->contacts));
    CR_TRY(read_five_g(&d, plan));
    CR_TRY(read_isim(&d, plan));
    CR_TRY(default_aid(&d, "isim.aid", CR_SPAN_ARRAY(default_isim_aid), &plan->isim_aid));
    return read_sd(&d, plan);
}
