#include "cli/eum_json.h"

#include "crypto/symmetric.h"

#include <jansson.h>

#define KCV_SIZE 3

struct reader {
    struct cli *cli;
    const struct cli_eum_said *said;
    struct cr_err *err;
};

static cr_status bad(const struct reader *r, const char *name, const char *what)
{
    return cr_err_field(r->err, cr_fail(r->err, CR_MALFORMED, NULL, "%s %s", name, what), name);
}

static cr_status take_value(const struct reader *r, const json_t *value, const char *name,
                            enum soap_kind kind, cr_span *out)
{
    const struct soap_row row = {.name = name, .kind = (uint8_t)kind};
    const char *text = json_string_value(value);
    const char *wrong =
        text ? soap_row_read(&row, cr_span_str(text), &r->cli->arena, out) : "is missing";
    return wrong ? bad(r, name, wrong) : CR_OK;
}

/* A member as a value of a kind; lives in the arena. */
static cr_status take(const struct reader *r, const json_t *object, const char *name,
                      enum soap_kind kind, cr_span *out)
{
    return take_value(r, json_object_get(object, name), name, kind, out);
}

static cr_status take_number(const struct reader *r, const json_t *object, const char *name,
                             int64_t *out)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return bad(r, name, "is no number");
    }
    *out = json_integer_value(value);
    return CR_OK;
}

static void *array_of(const struct reader *r, const json_t *list, size_t size)
{
    return cr_arena_alloc_array(&r->cli->arena, json_array_size(list) + 1, size);
}

static cr_status read_key(const struct reader *r, const json_t *json, struct soap_key *out)
{
    uint8_t ones[CRYPTO_AES_BLOCK], block[CRYPTO_AES_BLOCK];
    struct soap_key_component *part = array_of(r, NULL, sizeof *part);
    uint8_t *type = array_of(r, NULL, 1), *kcv = cr_arena_alloc(&r->cli->arena, KCV_SIZE);
    if (!part || !type || !kcv) {
        return cr_fail_memory(r->err);
    }
    *type = (uint8_t)json_integer_value(json_object_get(json, "keyType"));
    part->type = cr_span_of(type, 1);
    CR_TRY(take(r, json, "value", SOAP_HEX, &part->value));
    memset(ones, 0x01, sizeof ones);
    CR_TRY(crypto_aes_block(part->value, ones, block, r->err));
    memcpy(kcv, block, KCV_SIZE);
    *out = (struct soap_key){.kcv = cr_span_of(kcv, KCV_SIZE),
                             .has_index = true,
                             .index = json_integer_value(json_object_get(json, "index"))};
    out->components.items = part;
    out->components.count = 1;
    return CR_OK;
}

static cr_status read_keyset(const struct reader *r, const json_t *json, struct soap_keyset *out)
{
    const json_t *keys = json_object_get(json, "keys"), *cntr = json_object_get(json, "cntr");
    const char *type = json_string_value(json_object_get(json, "type"));
    *out = (struct soap_keyset){.has_version = true,
                                .version = json_integer_value(json_object_get(json, "version")),
                                .type = type && strcmp(type, "SCP81") == 0 ? SOAP_KEYSET_SCP81
                                                                           : SOAP_KEYSET_SCP80,
                                .has_counter = cntr != NULL,
                                .counter = json_integer_value(cntr)};
    out->keys.items = array_of(r, keys, sizeof *out->keys.items);
    if (!out->keys.items) {
        return cr_fail_memory(r->err);
    }
    for (size_t i = 0; i < json_array_size(keys); i++) {
        CR_TRY(read_key(r, json_array_get(keys, i), &out->keys.items[out->keys.count++]));
    }
    return CR_OK;
}

static cr_status read_isdr(const struct reader *r, const json_t *json,
                           struct soap_security_domain *out)
{
    const json_t *sets = json_object_get(json, "keysets"), *tars = json_object_get(json, "tars");
    out->role = SOAP_ROLE_ISD_R;
    CR_TRY(take(r, json, "aid", SOAP_HEX, &out->aid));
    CR_TRY(take(r, json, "sin", SOAP_HEX, &out->sin));
    CR_TRY(take(r, json, "sdin", SOAP_HEX, &out->sdin));
    out->tars.items = array_of(r, tars, sizeof *out->tars.items);
    out->keysets.items = array_of(r, sets, sizeof *out->keysets.items);
    if (!out->tars.items || !out->keysets.items) {
        return cr_fail_memory(r->err);
    }
    for (size_t i = 0; i < json_array_size(tars); i++) {
        CR_TRY(take_value(r, json_array_get(tars, i), "tars", SOAP_HEX,
                          &out->tars.items[out->tars.count++]));
    }
    for (size_t i = 0; i < json_array_size(sets); i++) {
        CR_TRY(read_keyset(r, json_array_get(sets, i), &out->keysets.items[out->keysets.count++]));
    }
    return CR_OK;
}

/* The chip's certificate that stands under that of this EUM. */
static cr_status find_ecasd(const struct reader *r, const json_t *certificates, cr_span *out)
{
    for (size_t i = 0; i < json_array_size(certificates); i++) {
        const json_t *one = json_array_get(certificates, i);
        cr_span eum;
        CR_TRY(take(r, one, "eum", SOAP_HEX, &eum));
        if (cr_span_equal(eum, r->said->eum_certificate)) {
            return take(r, one, "ecasd", SOAP_HEX, out);
        }
    }
    return cr_err_next(r->err,
                       cr_fail(r->err, CR_REFUSED, "SGP.02 annex E",
                               "none of the chip's certificates was issued by this EUM"),
                       "Name the EUM that made the chip with --pki and --name.");
}

static cr_status read_ecasd(const struct reader *r, const json_t *json, const json_t *certificates,
                            const struct soap_security_domain *isdr,
                            struct soap_security_domain *out)
{
    struct soap_keyset *set = array_of(r, NULL, sizeof *set);
    struct soap_certificate *cert = array_of(r, NULL, sizeof *cert);
    if (!set || !cert) {
        return cr_fail_memory(r->err);
    }
    out->role = SOAP_ROLE_ECASD;
    CR_TRY(take(r, json, "aid", SOAP_HEX, &out->aid));
    out->sin = isdr->sin;
    out->sdin = isdr->sdin;
    *cert = (struct soap_certificate){
        .has_index = true, .index = 1, .ca_id = cr_span_str(r->said->ca_id)};
    CR_TRY(find_ecasd(r, certificates, &cert->value));
    *set = (struct soap_keyset){.has_version = true, .version = 0x74, .type = SOAP_KEYSET_CA};
    set->certificates.items = cert;
    set->certificates.count = 1;
    out->keysets.items = set;
    out->keysets.count = 1;
    return CR_OK;
}

/* Test Profiles belong to whoever has the device in his hands: no SM-SR manages them. */
static cr_status read_profiles(const struct reader *r, const json_t *list, struct soap_eis *out)
{
    const char *owner = r->said->owner;
    static const char *const states[] = {"Created", "Disabled", "Enabled"};
    struct soap_profile_info *items = array_of(r, list, sizeof *items);
    if (!items) {
        return cr_fail_memory(r->err);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *json = json_array_get(list, i);
        const char *state = json_string_value(json_object_get(json, "state"));
        struct soap_profile_info *p = &items[out->profiles.count];
        if (json_is_true(json_object_get(json, "testProfile"))) {
            continue;
        }
        CR_TRY(take(r, json, "iccid", SOAP_DIGITS, &p->iccid));
        CR_TRY(take(r, json, "isd-p-aid", SOAP_HEX, &p->isdp_aid));
        for (size_t k = 0; k < CR_COUNT(states) && state; k++) {
            p->state = strcmp(state, states[k]) == 0 ? (int)k + 1 : p->state;
        }
        if (!p->state) {
            return bad(r, "state", "is no state of a profile");
        }
        if (!owner) {
            return cr_err_next(r->err, bad(r, "mno-id", "of the profiles is not known"),
                               "Say with --mno-id whose the profiles are.");
        }
        p->mno_id = cr_span_str(owner);
        p->has_fallback = p->has_emergency = p->has_allocated_memory = p->has_pol2 = true;
        p->fallback = json_is_true(json_object_get(json, "fallbackAttribute"));
        p->emergency = json_is_true(json_object_get(json, "emergencyProfileAttribute"));
        CR_TRY(take_number(r, json, "allocatedMemory", &p->allocated_memory));
        out->profiles.count++;
    }
    out->profiles.items = items;
    return CR_OK;
}

static cr_status read_capabilities(const struct reader *r, const json_t *json,
                                   struct soap_capabilities *out)
{
    out->has_cattp = out->has_http = true;
    out->cattp = json_is_true(json_object_get(json, "catTp"));
    out->http = json_is_true(json_object_get(json, "http"));
    if (out->cattp) {
        CR_TRY(take(r, json, "catTpVersion", SOAP_VERSION, &out->cattp_version));
    }
    if (out->http) {
        CR_TRY(take(r, json, "httpVersion", SOAP_VERSION, &out->http_version));
    }
    CR_TRY(take(r, json, "securePacketVersion", SOAP_VERSION, &out->secure_packet_version));
    return take(r, json, "remoteProvisioningVersion", SOAP_VERSION,
                &out->remote_provisioning_version);
}

static cr_status read_all(const struct reader *r, const json_t *root, struct soap_eis *out)
{
    const json_t *domains = json_object_get(root, "domains");
    struct soap_eum_signed_info *info = &out->signed_info;
    CR_TRY(take(r, root, "eid", SOAP_EID, &info->eid));
    CR_TRY(take(r, root, "platformType", SOAP_TEXT, &info->platform_type));
    CR_TRY(take(r, root, "platformVersion", SOAP_VERSION, &info->platform_version));
    CR_TRY(take(r, root, "isd-p-loadfile-aid", SOAP_HEX, &info->isdp_loadfile_aid));
    CR_TRY(take(r, root, "isd-p-module-aid", SOAP_HEX, &info->isdp_module_aid));
    CR_TRY(read_capabilities(r, json_object_get(root, "capabilities"), &info->capabilities));
    CR_TRY(read_isdr(r, json_array_get(domains, 0), &out->isdr));
    CR_TRY(read_ecasd(r, json_array_get(domains, 1), json_object_get(root, "certificates"),
                      &out->isdr, &info->ecasd));
    CR_TRY(read_profiles(r, json_object_get(root, "profiles"), out));
    CR_TRY(take_number(r, root, "availableMemoryForProfiles", &out->available_memory));
    CR_TRY(take_number(r, root, "remainingMemory", &out->remaining_memory));
    out->has_signed_info = out->has_isdr = info->has_ecasd = info->has_capabilities = true;
    out->has_available_memory = out->has_remaining_memory = true;
    return CR_OK;
}

cr_status cli_eum_json(struct cli *cli, cr_span text, const struct cli_eum_said *said,
                       struct soap_eis *out, struct cr_err *err)
{
    const struct reader r = {.cli = cli, .said = said, .err = err};
    json_error_t problem;
    json_t *root = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &problem);
    if (!root) {
        return cr_fail(err, CR_MALFORMED, NULL, "line %d: %s", problem.line, problem.text);
    }
    cr_status status = read_all(&r, root, out);
    json_decref(root); /* wiped: main() gave jansson a free that does */
    return status;
}
