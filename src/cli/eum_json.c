#include "cli/eum_json.h"

#include "crypto/symmetric.h"

#include <jansson.h>

#define KCV_SIZE 3

/* GSMA's AIDs of the ISD-P executable load file and module (SGP.02 2.2.3). */
static const uint8_t loadfile[] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF,
                                   0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x0D, 0x00};
static const uint8_t module[] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF,
                                 0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x0E, 0x00};
static const uint8_t isdr_tar[] = {0x00, 0x00, 0x01};

struct reader {
    struct cli *cli;
    struct cr_err *err;
};

static cr_status bad(const struct reader *r, const char *name, const char *what)
{
    return cr_err_field(r->err, cr_fail(r->err, CR_MALFORMED, NULL, "%s %s", name, what), name);
}

/* A member as a value of a kind; lives in the arena. */
static cr_status take(const struct reader *r, const json_t *object, const char *name,
                      enum soap_kind kind, cr_span *out)
{
    const struct soap_row row = {.name = name, .kind = (uint8_t)kind};
    const char *text = json_string_value(json_object_get(object, name));
    const char *wrong =
        text ? soap_row_read(&row, cr_span_str(text), &r->cli->arena, out) : "is missing";
    return wrong ? bad(r, name, wrong) : CR_OK;
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
    const json_t *sets = json_object_get(json, "keysets");
    out->role = SOAP_ROLE_ISD_R;
    CR_TRY(take(r, json, "aid", SOAP_HEX, &out->aid));
    CR_TRY(take(r, json, "sin", SOAP_HEX, &out->sin));
    CR_TRY(take(r, json, "sdin", SOAP_HEX, &out->sdin));
    out->tars.items = array_of(r, NULL, sizeof *out->tars.items);
    out->keysets.items = array_of(r, sets, sizeof *out->keysets.items);
    if (!out->tars.items || !out->keysets.items) {
        return cr_fail_memory(r->err);
    }
    out->tars.items[out->tars.count++] = CR_SPAN_ARRAY(isdr_tar);
    for (size_t i = 0; i < json_array_size(sets); i++) {
        CR_TRY(read_keyset(r, json_array_get(sets, i), &out->keysets.items[out->keysets.count++]));
    }
    return CR_OK;
}

static cr_status read_ecasd(const struct reader *r, const json_t *json, const json_t *certificates,
                            const char *ca_id, const struct soap_security_domain *isdr,
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
    *cert = (struct soap_certificate){.has_index = true, .index = 1, .ca_id = cr_span_str(ca_id)};
    CR_TRY(take(r, json_array_get(certificates, 0), "ecasd", SOAP_HEX, &cert->value));
    *set = (struct soap_keyset){.has_version = true, .version = 0x74, .type = SOAP_KEYSET_CA};
    set->certificates.items = cert;
    set->certificates.count = 1;
    out->keysets.items = set;
    out->keysets.count = 1;
    return CR_OK;
}

static cr_status read_profiles(const struct reader *r, const json_t *list, const char *owner,
                               struct soap_eis *out)
{
    static const char *const states[] = {"Created", "Disabled", "Enabled"};
    struct soap_profile_info *items = array_of(r, list, sizeof *items);
    if (!items) {
        return cr_fail_memory(r->err);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *json = json_array_get(list, i);
        const char *state = json_string_value(json_object_get(json, "state"));
        struct soap_profile_info *p = &items[i];
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
        p->allocated_memory = json_integer_value(json_object_get(json, "allocatedMemory"));
    }
    out->profiles.items = items;
    out->profiles.count = json_array_size(list);
    return CR_OK;
}

static cr_status read_all(const struct reader *r, const json_t *root, const char *owner,
                          const char *ca_id, struct soap_eis *out)
{
    const json_t *domains = json_object_get(root, "domains");
    struct soap_eum_signed_info *info = &out->signed_info;
    CR_TRY(take(r, root, "eid", SOAP_EID, &info->eid));
    CR_TRY(read_isdr(r, json_array_get(domains, 0), &out->isdr));
    CR_TRY(read_ecasd(r, json_array_get(domains, 1), json_object_get(root, "certificates"), ca_id,
                      &out->isdr, &info->ecasd));
    CR_TRY(read_profiles(r, json_object_get(root, "profiles"), owner, out));
    out->has_signed_info = out->has_isdr = info->has_ecasd = info->has_capabilities = true;
    out->has_available_memory = out->has_remaining_memory = true;
    out->available_memory = json_integer_value(json_object_get(root, "availableMemoryForProfiles"));
    out->remaining_memory = out->available_memory;
    info->platform_type = cr_span_str("crisp");
    info->platform_version = cr_span_str("4.2.0");
    info->isdp_loadfile_aid = CR_SPAN_ARRAY(loadfile);
    info->isdp_module_aid = CR_SPAN_ARRAY(module);
    info->capabilities =
        (struct soap_capabilities){.has_cattp = true,
                                   .cattp = true,
                                   .cattp_version = cr_span_str("6.13.0"),
                                   .has_http = true,
                                   .http = true,
                                   .http_version = cr_span_str("1.1.0"),
                                   .secure_packet_version = cr_span_str("12.1.0"),
                                   .remote_provisioning_version = cr_span_str("4.2.0")};
    return CR_OK;
}

cr_status cli_eum_json(struct cli *cli, cr_span text, const char *owner, const char *ca_id,
                       struct soap_eis *out, struct cr_err *err)
{
    const struct reader r = {.cli = cli, .err = err};
    json_error_t problem;
    json_t *root = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &problem);
    if (!root) {
        return cr_fail(err, CR_MALFORMED, NULL, "line %d: %s", problem.line, problem.text);
    }
    cr_status status = read_all(&r, root, owner, ca_id, out);
    json_decref(root);
    return status;
}
