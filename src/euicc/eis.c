/*
 * What an EUM registers of a machine's chip (SGP.02 3.1.1, 5.1.1.2.1), as JSON.
 *
 * Members have the names of the EIS. Keys are in the clear: the EUM wraps them for the SM-SR.
 */
#include "euicc/m2m.h"

#include "asn1/der.h"
#include "base/text.h"

#include <jansson.h>

/* What the maker says of the platform (SGP.02 annex E); versions of the documents it follows. */
#define PLATFORM_TYPE    "crisp"
#define PLATFORM_VERSION "4.2.0"
#define HTTP_VERSION     "1.1.0"
#define CATTP_VERSION    "6.13.0"
#define PACKET_VERSION   "12.1.0"
#define SGP02_VERSION    "4.2.0"

/* Ids of AIDs beside the ISD-R's and the ISD-Ps'. */
enum { ECASD_ID = 0x0002, LOAD_FILE_ID = 0x000D, MODULE_ID = 0x000E };

static json_t *hex_of(cr_span bytes)
{
    cr_buf text = {.secret = true};
    cr_hex_append(&text, bytes);
    json_t *string = json_stringn((const char *)text.p, text.n);
    cr_buf_free(&text);
    return string;
}

static cr_span value_of(const struct gp_registry *reg, uint16_t object, uint32_t tag)
{
    struct der_tlv tlv;
    cr_span data = gp_data_get(reg, object, tag);
    return data.p && der_next(&data, DER_DEFINITE, &tlv, NULL) == CR_OK ? tlv.value : (cr_span){0};
}

static json_t *keys_of(const struct gp_registry *reg, uint16_t domain, bool with_keys)
{
    struct gp_key key = {0};
    json_t *sets = json_array(), *set = NULL, *keys = NULL;
    uint8_t kvn = 0;
    while (gp_key_next(reg, domain, key.kvn, key.kid, &key)) {
        if (key.kvn != kvn) {
            struct gp_counters counters;
            kvn = key.kvn;
            keys = json_array();
            set = json_pack("{s:i, s:s, s:o}", "version", kvn, "type",
                            kvn <= GP_KVN_SCP80_LAST ? "SCP80" : "SCP81", "keys", keys);
            gp_counters_get(reg, domain, kvn, &counters);
            if (kvn <= GP_KVN_SCP80_LAST) {
                json_object_set_new(set, "cntr", json_integer((json_int_t)counters.packets));
            }
            json_array_append_new(sets, set);
        }
        json_t *one = json_pack("{s:i, s:i}", "index", key.kid, "keyType", key.type);
        if (with_keys) {
            json_object_set_new(one, "value", hex_of(cr_span_of(key.value, key.n)));
        }
        json_array_append_new(keys, one);
    }
    cr_wipe(&key, sizeof key);
    return sets;
}

static const char *state_name(uint8_t state)
{
    return state == M2M_ENABLED ? "Enabled" : state == M2M_DISABLED ? "Disabled" : "Created";
}

static json_t *profiles_of(const struct euicc *e, const struct m2m_state *state)
{
    struct gp_object isdp = {0};
    json_t *profiles = json_array();
    while (euicc_m2m_isdp_next(&e->m2m->reg, isdp.id, &isdp)) {
        uint16_t id = euicc_m2m_isdp_id(&isdp);
        cr_span iccid = value_of(&e->m2m->reg, isdp.id, M2M_DATA_ICCID);
        char text[RSP_ICCID_TEXT] = "";
        (void)rsp_iccid_text(iccid, text);
        json_array_append_new(
            profiles, json_pack("{s:s, s:o, s:s, s:b, s:b, s:b, s:I, s:i}", "iccid", text,
                                "isd-p-aid", hex_of(gp_aid_span(&isdp.aid)), "state",
                                state_name(isdp.state), "fallbackAttribute", id == state->fall_back,
                                "emergencyProfileAttribute", id == state->emergency, "testProfile",
                                (euicc_m2m_marks(&e->m2m->reg, &isdp) & M2M_MARK_TEST) != 0,
                                "allocatedMemory", (json_int_t)euicc_m2m_size(&e->m2m->reg, &isdp),
                                "pol1", euicc_m2m_pol1(&e->m2m->reg, &isdp)));
    }
    return profiles;
}

static json_t *certificates_of(const struct euicc *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < e->ci_count; i++) {
        json_array_append_new(list, json_pack("{s:o, s:o}", "ecasd", hex_of(e->cis[i].euicc_cert),
                                              "eum", hex_of(e->cis[i].eum_cert)));
    }
    return list;
}

static json_t *domains_of(const struct euicc *e, bool with_keys)
{
    struct gp_object isdr;
    uint8_t ecasd[M2M_AID];
    json_t *list = json_array();
    if (gp_object_get(&e->m2m->reg, e->m2m->isdr, &isdr)) {
        json_t *tars = json_array();
        for (size_t i = 0; i < isdr.tar_count; i++) {
            json_array_append_new(tars, hex_of(CR_SPAN_ARRAY(isdr.tars[i])));
        }
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "role", "ISD-R", "aid",
                                        hex_of(gp_aid_span(&isdr.aid)), "tars", tars, "sin",
                                        hex_of(value_of(&e->m2m->reg, isdr.id, 0x42)), "sdin",
                                        hex_of(value_of(&e->m2m->reg, isdr.id, 0x45)), "keysets",
                                        keys_of(&e->m2m->reg, isdr.id, with_keys)));
    }
    json_array_append_new(list, json_pack("{s:s, s:o}", "role", "ECASD", "aid",
                                          hex_of(euicc_isdp_aid(ECASD_ID, ecasd))));
    return list;
}

static json_t *capabilities(void)
{
    return json_pack("{s:b, s:s, s:b, s:s, s:s, s:s}", "catTp", true, "catTpVersion", CATTP_VERSION,
                     "http", true, "httpVersion", HTTP_VERSION, "securePacketVersion",
                     PACKET_VERSION, "remoteProvisioningVersion", SGP02_VERSION);
}

/* For profiles in all: what is free, and what they have or were promised. */
static size_t available(const struct euicc *e)
{
    struct gp_object isdp = {0};
    size_t sum = euicc_m2m_free_memory(e->m2m);
    while (euicc_m2m_isdp_next(&e->m2m->reg, isdp.id, &isdp)) {
        size_t quota = euicc_m2m_quota(&e->m2m->reg, &isdp);
        size_t size = euicc_m2m_size(&e->m2m->reg, &isdp);
        sum += quota > size ? quota : size;
    }
    return sum;
}

bool euicc_is_m2m(const struct euicc *e)
{
    return e->m2m != NULL;
}

cr_status euicc_eis(const struct euicc *e, bool with_keys, cr_buf *json, struct cr_err *err)
{
    struct m2m_state state;
    if (!e->m2m || !euicc_m2m_state_get(e->nvm, &state)) {
        return cr_fail(err, CR_REFUSED, "SGP.02 2.2.1", "this is a consumer's chip: it has no EIS");
    }
    uint8_t load_file[M2M_AID], module[M2M_AID];
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o}", "eid",
                  e->eid_text, "platformType", PLATFORM_TYPE, "platformVersion", PLATFORM_VERSION,
                  "isd-p-loadfile-aid", hex_of(euicc_isdp_aid(LOAD_FILE_ID, load_file)),
                  "isd-p-module-aid", hex_of(euicc_isdp_aid(MODULE_ID, module)), "capabilities",
                  capabilities(), "remainingMemory", (json_int_t)euicc_m2m_free_memory(e->m2m),
                  "availableMemoryForProfiles", (json_int_t)available(e), "memory",
                  (json_int_t)e->config.memory, "certificates", certificates_of(e), "profiles",
                  profiles_of(e, &state), "domains", domains_of(e, with_keys));
    char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    if (text) {
        json->secret = true;
        cr_buf_append_str(json, text);
        cr_buf_append_byte(json, '\n');
        cr_wipe(text, strlen(text));
        free(text);
    }
    json_decref(root);
    return text && cr_buf_ok(json) ? CR_OK : cr_fail_memory(err);
}
