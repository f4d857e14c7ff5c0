/*
 * Keys and counters of security domains.
 */
#include "gp/registry_keys.h"

/* A key's record: layout, type, access, usage (2), MAC size, value. */
#define RECORD_VERSION 1
#define RECORD_FIXED   6

bool gp_key_valid(uint8_t type, size_t n)
{
    switch (type) {
    case GP_KEY_DES:
        return n == 8 || n == 16 || n == 24;
    case GP_KEY_AES:
        return n == 16 || n == 24 || n == 32;
    case GP_KEY_PSK: /* at least 128 bits: SGP.02 and Amendment B */
        return n >= 16 && n <= GP_MAX_KEY;
    default:
        return false;
    }
}

static cr_span key_of(const struct gp_registry *reg, char out[GP_RECORD_KEY], uint16_t domain,
                      uint8_t kvn, uint8_t kid)
{
    return gp_record_key(reg, out, 'k', domain, (uint32_t)kvn << 8 | kid, 4);
}

static bool key_read(cr_span v, uint8_t kvn, uint8_t kid, struct gp_key *out)
{
    if (v.n <= RECORD_FIXED || v.n > RECORD_FIXED + GP_MAX_KEY || v.p[0] != RECORD_VERSION) {
        return false;
    }
    *out = (struct gp_key){.kvn = kvn,
                           .kid = kid,
                           .type = v.p[1],
                           .access = v.p[2],
                           .usage = (uint16_t)(v.p[3] << 8 | v.p[4]),
                           .mac_size = v.p[5],
                           .n = (uint8_t)(v.n - RECORD_FIXED)};
    memcpy(out->value, v.p + RECORD_FIXED, out->n);
    return true;
}

cr_status gp_key_put(const struct gp_registry *reg, uint16_t domain, const struct gp_key *key,
                     struct cr_err *err)
{
    char name[GP_RECORD_KEY], counters[GP_RECORD_KEY];
    uint8_t record[RECORD_FIXED + GP_MAX_KEY] = {RECORD_VERSION,      key->type,
                                                 key->access,         (uint8_t)(key->usage >> 8),
                                                 (uint8_t)key->usage, key->mac_size};
    cr_span k = key_of(reg, name, domain, key->kvn, key->kid);
    bool ids = key->kvn >= 1 && key->kvn <= GP_KVN_LAST && key->kid >= 1 && key->kid <= 0x7F;
    if (!ids || !gp_key_valid(key->type, key->n)) {
        return gp_refuse(err, UICC_SW_WRONG_DATA, "a key that cannot be");
    }
    if (!nvm_get(reg->nvm, k).p && gp_key_count(reg, domain) >= GP_MAX_KEYS) {
        return gp_refuse(err, UICC_SW_NO_MEMORY, "the domain has no room for more keys");
    }
    /* A counter has its room from the start: a card that is full must still take the packet that
     * makes room. */
    cr_span c = gp_record_key(reg, counters, 'c', domain, key->kvn, 2);
    if (key->kvn <= GP_KVN_SCP03_LAST && !nvm_get(reg->nvm, c).p) {
        static const struct gp_counters zero;
        CR_TRY(gp_counters_put(reg, domain, key->kvn, &zero, err));
    }
    memcpy(record + RECORD_FIXED, key->value, key->n);
    cr_status status = nvm_put(reg->nvm, k, cr_span_of(record, RECORD_FIXED + (size_t)key->n), err);
    cr_wipe(record, sizeof record);
    return status;
}

bool gp_key_get(const struct gp_registry *reg, uint16_t domain, uint8_t kvn, uint8_t kid,
                struct gp_key *out)
{
    char name[GP_RECORD_KEY];
    return key_read(nvm_get(reg->nvm, key_of(reg, name, domain, kvn, kid)), kvn, kid, out);
}

static unsigned hex_at(const uint8_t *p)
{
    unsigned v = 0;
    for (size_t i = 0; i < 2; i++) {
        v = v << 4 | (unsigned)(p[i] <= '9' ? p[i] - '0' : p[i] - 'A' + 10);
    }
    return v;
}

bool gp_key_next(const struct gp_registry *reg, uint16_t domain, uint8_t kvn, uint8_t kid,
                 struct gp_key *out)
{
    char prefix[GP_RECORD_KEY], from[GP_RECORD_KEY];
    cr_span under = gp_record_key(reg, prefix, 'k', domain, 0, 0), key, value;
    cr_span at = kvn || kid ? key_of(reg, from, domain, kvn, kid) : (cr_span){0};
    return nvm_next(reg->nvm, under, at, &key, &value) && key.n == under.n + 4 &&
           key_read(value, (uint8_t)hex_at(key.p + under.n), (uint8_t)hex_at(key.p + under.n + 2),
                    out);
}

size_t gp_key_count(const struct gp_registry *reg, uint16_t domain)
{
    char prefix[GP_RECORD_KEY];
    size_t count;
    (void)nvm_size_prefix(reg->nvm, gp_record_key(reg, prefix, 'k', domain, 0, 0), &count);
    return count;
}

cr_status gp_key_delete(const struct gp_registry *reg, uint16_t domain, uint8_t kvn, uint8_t kid,
                        struct cr_err *err)
{
    char name[GP_RECORD_KEY], counters[GP_RECORD_KEY];
    cr_span version = gp_record_key(reg, name, 'k', domain, kvn, 2);
    size_t count;
    (void)nvm_size_prefix(reg->nvm, version, &count);
    if (count == 0) {
        return gp_refuse(err, UICC_SW_NO_REFERENCE, "there is no such key version");
    }
    if (kid) {
        cr_span k = key_of(reg, name, domain, kvn, kid);
        if (!nvm_get(reg->nvm, k).p) {
            return gp_refuse(err, UICC_SW_NO_REFERENCE, "there is no such key");
        }
        CR_TRY(nvm_delete(reg->nvm, k, err));
        if (count > 1) {
            return CR_OK;
        }
    } else {
        CR_TRY(nvm_delete_prefix(reg->nvm, version, err));
    }
    return nvm_delete(reg->nvm, gp_record_key(reg, counters, 'c', domain, kvn, 2), err);
}

/* --- counters ----------------------------------------------------------------------------------
 */

#define COUNTERS_SIZE 8 /* packets (5), sessions (3) */

void gp_counters_get(const struct gp_registry *reg, uint16_t domain, uint8_t kvn,
                     struct gp_counters *out)
{
    char name[GP_RECORD_KEY];
    cr_span v = nvm_get(reg->nvm, gp_record_key(reg, name, 'c', domain, kvn, 2));
    *out = (struct gp_counters){0};
    if (v.n == COUNTERS_SIZE) {
        for (size_t i = 0; i < 5; i++) {
            out->packets = out->packets << 8 | v.p[i];
        }
        for (size_t i = 5; i < COUNTERS_SIZE; i++) {
            out->sessions = out->sessions << 8 | v.p[i];
        }
    }
}

cr_status gp_counters_put(const struct gp_registry *reg, uint16_t domain, uint8_t kvn,
                          const struct gp_counters *counters, struct cr_err *err)
{
    char name[GP_RECORD_KEY];
    uint8_t record[COUNTERS_SIZE];
    for (size_t i = 0; i < 5; i++) {
        record[i] = (uint8_t)(counters->packets >> (8 * (4 - i)));
    }
    for (size_t i = 0; i < 3; i++) {
        record[5 + i] = (uint8_t)(counters->sessions >> (8 * (2 - i)));
    }
    return nvm_put(reg->nvm, gp_record_key(reg, name, 'c', domain, kvn, 2), CR_SPAN_ARRAY(record),
                   err);
}
