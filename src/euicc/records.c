#include "euicc/records.h"

#include "euicc/m2m.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- how records are coded: private types through the codec ------------------------------------
 */

#define FIELD(struct_, member_, tag_, kind_, flags_)                                               \
    {                                                                                              \
        .name = #member_, .tag = (tag_), .kind = (kind_), .flags = (flags_),                       \
        .offset = offsetof(struct struct_, member_), .has = ASN1_NO_OFFSET, .max = 65535           \
    }
#define BYTES(struct_, member_, tag_) FIELD(struct_, member_, tag_, ASN1_OCTETS, ASN1_OPTIONAL)
#define SECRET(struct_, member_, tag_)                                                             \
    FIELD(struct_, member_, tag_, ASN1_OCTETS, ASN1_OPTIONAL | ASN1_SECRET)
#define NUMBER(struct_, member_, tag_)                                                             \
    {                                                                                              \
        .name = #member_, .tag = (tag_), .kind = ASN1_INTEGER,                                     \
        .offset = offsetof(struct struct_, member_), .has = ASN1_NO_OFFSET                         \
    }
#define BITS(struct_, member_, tag_)                                                               \
    {                                                                                              \
        .name = #member_, .tag = (tag_), .kind = ASN1_BITS,                                        \
        .offset = offsetof(struct struct_, member_), .has = ASN1_NO_OFFSET                         \
    }
#define FLAG(struct_, member_, tag_) FIELD(struct_, member_, tag_, ASN1_NULL, ASN1_OPTIONAL)
#define TYPE(struct_, rows_)                                                                       \
    {                                                                                              \
        .name = #struct_, .tag = 0x30, .kind = ASN1_SEQUENCE, .raw_offset = ASN1_NO_OFFSET,        \
        .field_count = CR_COUNT(rows_), .size = sizeof(struct struct_), .fields = (rows_)          \
    }

static const struct asn1_field config_rows[] = {
    NUMBER(euicc_config, version, 0x80),
    BYTES(euicc_config, eid, 0x81),
    BYTES(euicc_config, svn, 0x82),
    BYTES(euicc_config, default_smdp, 0x83),
    BYTES(euicc_config, root_smds, 0x84),
    NUMBER(euicc_config, memory, 0x85),
    BITS(euicc_config, forbidden_pprs, 0x86),
    FLAG(euicc_config, no_test_profiles, 0x87),
    FLAG(euicc_config, strict_test_keys, 0x88),
    BYTES(euicc_config, rat, 0x89),
    FLAG(euicc_config, m2m, 0x8A),
};
static const struct asn1_type config_type = TYPE(euicc_config, config_rows);

static const struct asn1_field profile_rows[] = {
    NUMBER(euicc_profile, version, 0x80),
    BYTES(euicc_profile, iccid, 0x81),
    BYTES(euicc_profile, metadata, 0x82),
    BYTES(euicc_profile, nickname, 0x83),
    BYTES(euicc_profile, dp_proprietary_data, 0x84),
    BYTES(euicc_profile, smdp_oid, 0x85),
    BYTES(euicc_profile, ci_key_id, 0x86),
    NUMBER(euicc_profile, profile_class, 0x87),
    BITS(euicc_profile, policy_rules, 0x88),
    FLAG(euicc_profile, enabled, 0x89),
    NUMBER(euicc_profile, size, 0x8A),
};
static const struct asn1_type profile_type = TYPE(euicc_profile, profile_rows);

static const struct asn1_field work_rows[] = {
    NUMBER(euicc_work, version, 0x80),       BYTES(euicc_work, transaction_id, 0x81),
    BYTES(euicc_work, server_address, 0x82), BYTES(euicc_work, smdp_oid, 0x83),
    BYTES(euicc_work, ci_key_id, 0x84),      NUMBER(euicc_work, isdp, 0x85),
    NUMBER(euicc_work, command, 0x86),       BYTES(euicc_work, iccid, 0x87),
};
static const struct asn1_type work_type = TYPE(euicc_work, work_rows);

static const struct asn1_field otk_rows[] = {
    NUMBER(euicc_otk, version, 0x80),
    NUMBER(euicc_otk, curve, 0x81),
    SECRET(euicc_otk, scalar, 0x82),
    BYTES(euicc_otk, point, 0x83),
};
static const struct asn1_type otk_type = TYPE(euicc_otk, otk_rows);

static const struct asn1_field credential_rows[] = {
    NUMBER(euicc_credential_record, version, 0x80),
    BYTES(euicc_credential_record, ci_cert, 0x81),
    BYTES(euicc_credential_record, eum_cert, 0x82),
    BYTES(euicc_credential_record, euicc_cert, 0x83),
    SECRET(euicc_credential_record, scalar, 0x84),
};
static const struct asn1_type credential_type = TYPE(euicc_credential_record, credential_rows);

static const struct asn1_field state_rows[] = {
    NUMBER(m2m_state, version, 0x80),   NUMBER(m2m_state, fall_back, 0x81),
    NUMBER(m2m_state, emergency, 0x82), NUMBER(m2m_state, pinned, 0x83),
    NUMBER(m2m_state, local, 0x84),     NUMBER(m2m_state, cause, 0x85),
    NUMBER(m2m_state, from, 0x86),      NUMBER(m2m_state, to, 0x87),
    NUMBER(m2m_state, note, 0x88),      NUMBER(m2m_state, sequence, 0x89),
    NUMBER(m2m_state, tries, 0x8A),     FLAG(m2m_state, https, 0x8B),
    FLAG(m2m_state, declared, 0x8C),    FLAG(m2m_state, has_confirmed, 0x8D),
    NUMBER(m2m_state, confirmed, 0x8E), NUMBER(m2m_state, deleted, 0x8F),
    NUMBER(m2m_state, kvn, 0x90),
};
static const struct asn1_type state_type = TYPE(m2m_state, state_rows);

static const struct asn1_field timing_rows[] = {
    NUMBER(euicc_m2m_timing, version, 0x80),   NUMBER(euicc_m2m_timing, attach, 0x81),
    NUMBER(euicc_m2m_timing, look, 0x82),      NUMBER(euicc_m2m_timing, confirm, 0x83),
    NUMBER(euicc_m2m_timing, repeats, 0x84),   NUMBER(euicc_m2m_timing, slow, 0x85),
    NUMBER(euicc_m2m_timing, loss, 0x86),      NUMBER(euicc_m2m_timing, disable_type, 0x87),
    NUMBER(euicc_m2m_timing, transport, 0x88),
};
static const struct asn1_type timing_type = TYPE(euicc_m2m_timing, timing_rows);

#define RECORD_VERSION 1

static cr_status put(struct nvm *nvm, const char *key, const struct asn1_type *type,
                     const void *value, struct cr_err *err)
{
    cr_buf data = {.secret = true};
    cr_status status = asn1_encode(type, value, 0, &data, err);
    if (status == CR_OK) {
        status = nvm_put(nvm, cr_span_str(key), cr_buf_span(&data), err);
    }
    cr_buf_free(&data);
    return status;
}

/* A copy is decoded: values of the memory move when it changes. */
static bool get(const struct nvm *nvm, const char *key, const struct asn1_type *type,
                cr_arena *arena, void *out)
{
    cr_span data = cr_arena_copy(arena, nvm_get(nvm, cr_span_str(key)));
    return data.p && asn1_decode(type, data, 0, arena, out, NULL) == CR_OK;
}

#define KEY 32

/* ---- configuration -----------------------------------------------------------------------------
 */

cr_status euicc_config_get(const struct nvm *nvm, cr_arena *arena, struct euicc_config *out,
                           struct cr_err *err)
{
    if (!get(nvm, "cfg", &config_type, arena, out)) {
        cr_status status =
            cr_fail(err, CR_MALFORMED, NULL, "the memory is empty: there is no chip in it");
        return cr_err_next(err, status,
                           "restore chip.db from a backup, or remove the directory and make a new "
                           "chip ('crisp euicc create')");
    }
    if (out->version != RECORD_VERSION) {
        return cr_fail(err, CR_REFUSED, NULL, "the chip was made by a newer crisp");
    }
    return CR_OK;
}

cr_status euicc_config_put(struct nvm *nvm, const struct euicc_config *config, struct cr_err *err)
{
    struct euicc_config copy = *config;
    copy.version = RECORD_VERSION;
    return put(nvm, "cfg", &config_type, &copy, err);
}

/* ---- profiles ----------------------------------------------------------------------------------
 */

static const char *profile_key(uint16_t id, char out[KEY])
{
    (void)snprintf(out, KEY, "m/%04X", id);
    return out;
}

cr_span euicc_profile_prefix(uint16_t id, char out[EUICC_PREFIX])
{
    (void)snprintf(out, EUICC_PREFIX, "p/%04X/", id);
    return cr_span_str(out);
}

bool euicc_profile_get(const struct nvm *nvm, uint16_t id, cr_arena *arena,
                       struct euicc_profile *out)
{
    char key[KEY];
    if (!id || !get(nvm, profile_key(id, key), &profile_type, arena, out)) {
        return false;
    }
    out->id = id;
    return true;
}

cr_status euicc_profile_put(struct nvm *nvm, const struct euicc_profile *profile,
                            struct cr_err *err)
{
    char key[KEY];
    struct euicc_profile copy = *profile;
    copy.version = RECORD_VERSION;
    return put(nvm, profile_key(profile->id, key), &profile_type, &copy, err);
}

cr_status euicc_profile_delete(struct nvm *nvm, uint16_t id, struct cr_err *err)
{
    char key[KEY];
    char prefix[EUICC_PREFIX];
    CR_TRY(nvm_delete_prefix(nvm, euicc_profile_prefix(id, prefix), err));
    return nvm_delete(nvm, cr_span_str(profile_key(id, key)), err);
}

bool euicc_profile_next(const struct nvm *nvm, uint16_t after, cr_arena *arena,
                        struct euicc_profile *out)
{
    char key[KEY];
    cr_span from = after ? cr_span_str(profile_key(after, key)) : (cr_span){0};
    cr_span found;
    cr_span value;
    if (!nvm_next(nvm, cr_span_str("m/"), from, &found, &value) || found.n != 6) {
        return false;
    }
    char digits[5] = {0};
    memcpy(digits, found.p + 2, 4);
    return euicc_profile_get(nvm, (uint16_t)strtoul(digits, NULL, 16), arena, out);
}

uint16_t euicc_profile_free_id(const struct nvm *nvm)
{
    char key[KEY];
    char prefix[EUICC_PREFIX];
    cr_span found;
    cr_span value;
    for (unsigned id = EUICC_FIRST_ISDP; id < EUICC_FIRST_ISDP + 64; id++) {
        bool record = nvm_get(nvm, cr_span_str(profile_key((uint16_t)id, key))).p != NULL;
        bool files =
            nvm_next(nvm, euicc_profile_prefix((uint16_t)id, prefix), (cr_span){0}, &found, &value);
        if (!record && !files) {
            return (uint16_t)id;
        }
    }
    return 0;
}

/* ---- ids ---------------------------------------------------------------------------------------
 */

uint16_t euicc_id_get(const struct nvm *nvm, const char *name)
{
    cr_span value = nvm_get(nvm, cr_span_str(name));
    return value.n == 2 ? (uint16_t)((unsigned)value.p[0] << 8 | value.p[1]) : 0;
}

cr_status euicc_id_put(struct nvm *nvm, const char *name, uint16_t id, struct cr_err *err)
{
    const uint8_t bytes[] = {(uint8_t)(id >> 8), (uint8_t)id};
    if (id == 0) {
        return nvm_delete(nvm, cr_span_str(name), err);
    }
    return nvm_put(nvm, cr_span_str(name), CR_SPAN_ARRAY(bytes), err);
}

/* ---- the installation under way ----------------------------------------------------------------
 */

bool euicc_work_get(const struct nvm *nvm, cr_arena *arena, struct euicc_work *out)
{
    return get(nvm, "work", &work_type, arena, out);
}

cr_status euicc_work_put(struct nvm *nvm, const struct euicc_work *work, struct cr_err *err)
{
    struct euicc_work copy = *work;
    copy.version = RECORD_VERSION;
    return put(nvm, "work", &work_type, &copy, err);
}

cr_status euicc_work_delete(struct nvm *nvm, struct cr_err *err)
{
    return nvm_delete(nvm, cr_span_str("work"), err);
}

/* ---- one-time keys -----------------------------------------------------------------------------
 */

static const char *otk_key(cr_span oid, char out[KEY])
{
    uint8_t hash[CRYPTO_SHA256];
    crypto_sha256(oid, hash);
    (void)snprintf(out, KEY, "ot/%02X%02X%02X%02X%02X%02X%02X%02X", hash[0], hash[1], hash[2],
                   hash[3], hash[4], hash[5], hash[6], hash[7]);
    return out;
}

bool euicc_otk_get(const struct nvm *nvm, cr_span oid, cr_arena *arena, struct euicc_otk *out)
{
    char key[KEY];
    return get(nvm, otk_key(oid, key), &otk_type, arena, out);
}

cr_status euicc_otk_put(struct nvm *nvm, cr_span oid, const struct euicc_otk *otk,
                        struct cr_err *err)
{
    char key[KEY];
    struct euicc_otk copy = *otk;
    copy.version = RECORD_VERSION;
    return put(nvm, otk_key(oid, key), &otk_type, &copy, err);
}

cr_status euicc_otk_delete(struct nvm *nvm, cr_span oid, struct cr_err *err)
{
    char key[KEY];
    return nvm_delete(nvm, cr_span_str(otk_key(oid, key)), err);
}

/* ---- credentials -------------------------------------------------------------------------------
 */

cr_status euicc_credential_put(struct nvm *nvm, unsigned n,
                               const struct euicc_credential_record *record, struct cr_err *err)
{
    char key[KEY];
    struct euicc_credential_record copy = *record;
    copy.version = RECORD_VERSION;
    (void)snprintf(key, sizeof(key), "ca/%u", n);
    return put(nvm, key, &credential_type, &copy, err);
}

bool euicc_credential_get(const struct nvm *nvm, unsigned n, cr_arena *arena,
                          struct euicc_credential_record *out)
{
    char key[KEY];
    (void)snprintf(key, sizeof(key), "ca/%u", n);
    return get(nvm, key, &credential_type, arena, out);
}

/* ---- a machine's chip ---------------------------------------------------------------------------
 */

bool euicc_m2m_state_get(const struct nvm *nvm, struct m2m_state *out)
{
    cr_arena arena = {0};
    bool found = get(nvm, "m2m", &state_type, &arena, out);
    cr_arena_free(&arena);
    return found;
}

cr_status euicc_m2m_state_put(struct nvm *nvm, const struct m2m_state *state, struct cr_err *err)
{
    struct m2m_state copy = *state;
    copy.version = RECORD_VERSION;
    return put(nvm, "m2m", &state_type, &copy, err);
}

bool euicc_m2m_timing_get(const struct nvm *nvm, struct euicc_m2m_timing *out)
{
    cr_arena arena = {0};
    bool found = get(nvm, "m2mtime", &timing_type, &arena, out);
    cr_arena_free(&arena);
    return found;
}

cr_status euicc_m2m_timing_put(struct nvm *nvm, const struct euicc_m2m_timing *timing,
                               struct cr_err *err)
{
    struct euicc_m2m_timing copy = *timing;
    copy.version = RECORD_VERSION;
    return put(nvm, "m2mtime", &timing_type, &copy, err);
}
