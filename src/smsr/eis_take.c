/*
 * Taking an EIS over: registered by the EUM (SGP.02 5.2.1), or handed over by another SM-SR
 * (5.6.2). Everything is checked before the first row is written.
 */
#include "base/text.h"
#include "crypto/symmetric.h"
#include "pki/gpcert.h"
#include "smsr/core.h"
#include "smsr/eis.h"
#include "soap/eum_signature.h"

#define KCV_SIZE      3
#define TYPE_AES      0x88
#define TYPE_PSK      0x85
#define SCP80_VERSION 0x0F /* highest of an SCP80 key set */
#define SCP81_FIRST   0x40
#define SCP81_LAST    0x4F

struct taking {
    struct smsr *sr;
    struct store_tx *tx;
    const struct m2m_party *from;
    const struct soap_eis *eis;
    bool from_eum;
    cr_arena *arena;
    struct pki_cert eum;
    struct smsr_euicc euicc;
};

static cr_status inconsistent(struct cr_err *err, const char *what)
{
    return cr_refuse(err, "8.6", "2.1", "SGP.02 annex E", "the EIS is not consistent: %s", what);
}

/* ---- what must be there ------------------------------------------------------------------------
 */

static cr_status check_parts(const struct taking *t, struct cr_err *err)
{
    const struct soap_eis *eis = t->eis;
    const struct soap_eum_signed_info *info = &eis->signed_info;
    const struct {
        bool there;
        const char *name;
    } parts[] = {
        {eis->has_signed_info, "EumSignedInfo"},
        {eis->eum_signature.p != NULL, "EumSignature"},
        {eis->has_remaining_memory, "RemainingMemory"},
        {eis->has_available_memory, "AvailableMemoryForProfiles"},
        {eis->smsr_id.p != NULL, "Smsr-id"},
        {eis->has_isdr, "Isd-r"},
        {info->eum_id.p != NULL, "Eum-id"},
        {info->isdp_loadfile_aid.p != NULL, "Isd-p-loadfile-aid"},
        {info->isdp_module_aid.p != NULL, "Isd-p-module-aid"},
        {info->has_ecasd, "Ecasd"},
        {info->has_capabilities, "EuiccCapabilities"},
    };
    for (size_t i = 0; i < CR_COUNT(parts); i++) {
        if (!parts[i].there) {
            return cr_err_field(err,
                                cr_refuse(err, "8.6", "2.1", "SGP.02 annex E",
                                          "the EIS is not complete: %s is missing", parts[i].name),
                                parts[i].name);
        }
    }
    return CR_OK;
}

static cr_status check_ids(struct taking *t, struct cr_err *err)
{
    const struct soap_eis *eis = t->eis;
    const char *manager = t->from_eum ? smsr_oid(t->sr) : t->from->oid;
    if (!cr_span_equal(eis->smsr_id, cr_span_str(manager))) {
        return inconsistent(err, t->from_eum ? "Smsr-id is another SM-SR"
                                             : "Smsr-id is not the SM-SR that hands it over");
    }
    if (t->from_eum && !cr_span_equal(eis->signed_info.eum_id, cr_span_str(t->from->oid))) {
        return inconsistent(err, "Eum-id is another EUM");
    }
    if (eis->remaining_memory > eis->available_memory) {
        return inconsistent(err, "more memory remains than is available");
    }
    struct cr_err gone = {0};
    cr_status status = smsr_euicc_load(t->tx, eis->signed_info.eid, t->arena, &t->euicc, &gone);
    if (status == CR_OK) {
        return cr_refuse(err, "8.1.1", "3.3", "SGP.02 5.2.1", "the EID is registered already");
    }
    if (status != CR_REFUSED) {
        *err = gone;
        return status;
    }
    return CR_OK;
}

/* ---- signatures --------------------------------------------------------------------------------
 */

/* The EUM is known by configuration: a certificate inside the signature only has to be the same. */
static cr_status find_eum(struct taking *t, struct cr_err *err)
{
    const struct m2m_party *eum = m2m_party_by_oid(t->sr->parties, t->eis->signed_info.eum_id);
    if (!eum || !(eum->roles & SOAP_EUM) || !eum->eum_certificate.p) {
        return cr_err_next(err,
                           cr_refuse(err, "8.5.1", "6.1", "SGP.02 2.3.2.1",
                                     "no certificate of this EUM is known here"),
                           "Add eum-certificate = FILE to the EUM's section of the configuration.");
    }
    return pki_cert_decode(eum->eum_certificate, &t->eum, err);
}

static cr_status check_eum(struct taking *t, struct crypto_public **key, struct cr_err *err)
{
    const struct pki_expect expect = {.role = PKI_ROLE_EUM, .now_ms = cr_now_ms(t->sr->env)};
    struct pki_verdict verdict = {0};
    struct cr_err why = {0};
    cr_status status = pki_chain_verify(t->sr->trust, &t->eum, 1, &expect, &verdict, key, &why);
    if (status == CR_REFUSED || status == CR_MALFORMED) {
        return cr_refuse(err, "8.5.1", verdict.problem == PKI_EXPIRED ? "6.3" : "6.1",
                         "SGP.02 2.3.2.1", "the EUM certificate: %s", why.cause);
    }
    if (status != CR_OK) {
        *err = why;
    }
    return status;
}

static cr_status check_range(const struct taking *t, struct cr_err *err)
{
    char eid[2 * SOAP_EID_SIZE + 1];
    cr_hex_into(eid, sizeof eid, t->eis->signed_info.eid);
    if (!pki_eum_permits(&t->eum, cr_span_str(eid))) {
        return inconsistent(err, "the EID is outside of the range of the EUM");
    }
    return CR_OK;
}

/* The certificate of the ECASD: the only one in its key sets of type CA, or untyped. */
static cr_status find_ecasd(struct taking *t, cr_span *out, struct cr_err *err)
{
    const struct soap_security_domain *d = &t->eis->signed_info.ecasd;
    size_t count = 0;
    for (size_t i = 0; i < d->keysets.count; i++) {
        const struct soap_keyset *k = &d->keysets.items[i];
        for (size_t c = 0; c < k->certificates.count; c++) {
            *out = k->certificates.items[c].value;
            count++;
        }
    }
    return count == 1 ? CR_OK
                      : cr_refuse(err, "8.5.2", "6.1", "SGP.02 2.3.2.2",
                                  "the ECASD has %zu certificates instead of one", count);
}

static cr_status check_ecasd(struct taking *t, struct cr_err *err)
{
    struct gpcert cert;
    struct cr_err why = {0};
    CR_TRY(find_ecasd(t, &t->euicc.ecasd_certificate, err));
    cr_status status = gpcert_decode(t->euicc.ecasd_certificate, &cert, &why);
    if (status == CR_OK) {
        status = gpcert_verify_ecasd(&cert, &t->eum, t->sr->trust, t->eis->signed_info.eid,
                                     cr_now_ms(t->sr->env), NULL, &why);
    }
    if (status == CR_REFUSED || status == CR_MALFORMED) {
        return cr_refuse(err, "8.5.2", why.code == PKI_EXPIRED ? "6.3" : "6.1", "SGP.02 2.3.2.2",
                         "the ECASD certificate: %s", why.cause);
    }
    if (status != CR_OK) {
        *err = why;
    }
    return status;
}

static cr_status check_signatures(struct taking *t, struct cr_err *err)
{
    struct crypto_public *key = NULL;
    CR_TRY(find_eum(t, err));
    CR_TRY(check_eum(t, &key, err));
    cr_status status = soap_eum_verify(t->eis, key, t->eum.raw, t->arena, err);
    crypto_public_free(key);
    CR_TRY(status);
    CR_TRY(check_range(t, err));
    return check_ecasd(t, err);
}

/* ---- Profiles ----------------------------------------------------------------------------------
 */

static cr_status read_profile(struct taking *t, const struct soap_profile_info *in,
                              struct smsr_profile *out, struct cr_err *err)
{
    *out = (struct smsr_profile){.eid = t->eis->signed_info.eid,
                                 .aid = in->isdp_aid,
                                 .state = (enum smsr_profile_state)in->state,
                                 .fallback = in->fallback,
                                 .emergency = in->emergency,
                                 .allocated_memory = in->allocated_memory,
                                 .free_memory = in->has_free_memory ? in->free_memory : -1};
    if (!in->isdp_aid.p || !in->mno_id.p || !in->state || !in->has_fallback) {
        return inconsistent(err, "a Profile has no AID, owner, state or FallbackAttribute");
    }
    const struct {
        cr_span in;
        const char **out;
    } texts[] = {
        {in->iccid, &out->iccid},       {in->mno_id, &out->mno_id},
        {in->smdp_id, &out->smdp_id},   {in->profile_type, &out->type},
        {in->address.imsi, &out->imsi}, {in->address.msisdn, &out->msisdn},
    };
    for (size_t i = 0; i < CR_COUNT(texts); i++) {
        CR_TRY(smsr_text(texts[i].in, t->arena, texts[i].out, err));
    }
    struct cr_err why = {0};
    if (smsr_pol2_read(&in->pol2, &out->pol2, &why) != CR_OK) {
        return inconsistent(err, why.cause);
    }
    return CR_OK;
}

/* No two of the same name; one Enabled at most; one with the Fall-Back Attribute, which is not the
 * Emergency Profile. */
static cr_status check_profiles(const struct smsr_profiles *all, struct cr_err *err)
{
    size_t enabled = 0, fallback = 0, emergency = 0;
    for (size_t i = 0; i < all->count; i++) {
        const struct smsr_profile *p = &all->items[i];
        enabled += p->state == SMSR_ENABLED;
        fallback += p->fallback;
        emergency += p->emergency;
        if (p->fallback && p->emergency) {
            return inconsistent(err, "the Fall-Back Profile is the Emergency Profile");
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(all->items[k].iccid, p->iccid) == 0 ||
                cr_span_equal(all->items[k].aid, p->aid)) {
                return inconsistent(err, "two Profiles have the same ICCID or AID");
            }
        }
    }
    if (enabled > 1 || emergency > 1 || (all->count && fallback != 1)) {
        return inconsistent(err, "one Profile has to be the Fall-Back Profile; one at most is "
                                 "Enabled, one at most for emergencies");
    }
    return CR_OK;
}

static cr_status read_profiles(struct taking *t, struct smsr_profiles *out, struct cr_err *err)
{
    const size_t count = t->eis->profiles.count;
    *out =
        (struct smsr_profiles){.items = cr_arena_alloc_array(t->arena, count, sizeof *out->items)};
    if (!out->items) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        CR_TRY(read_profile(t, &t->eis->profiles.items[i], &out->items[out->count++], err));
    }
    return check_profiles(out, err);
}

/* ---- key sets ----------------------------------------------------------------------------------
 */

static cr_status no_key(struct cr_err *err, int64_t version, const char *why)
{
    return cr_refuse(err, "8.4", "4.2", "SGP.02 5.2.1", "key set %d of ISD-R: %s", (int)version,
                     why);
}

/* AES-128 in ECB mode: blocks that are independent of each other. */
static cr_status unwrap_blocks(cr_span transport, cr_span wrapped, uint8_t *out, struct cr_err *err)
{
    for (size_t i = 0; i < wrapped.n; i += CRYPTO_AES_BLOCK) {
        const uint8_t zero[CRYPTO_AES_BLOCK] = {0};
        CR_TRY(
            crypto_aes_cbc(false, transport, zero, wrapped.p + i, CRYPTO_AES_BLOCK, out + i, err));
    }
    return CR_OK;
}

/* Length of the key in front of PKCS#7 padding; 0 = there is none that is right. */
static size_t padded_length(const uint8_t *p, size_t n)
{
    const uint8_t pad = p[n - 1];
    if (pad == 0 || pad > CRYPTO_AES_BLOCK || pad >= n) {
        return 0;
    }
    for (size_t i = n - pad; i < n; i++) {
        if (p[i] != pad) {
            return 0;
        }
    }
    return n - pad;
}

static bool kcv_matches(const struct smsr_key *key, cr_span kcv)
{
    uint8_t ones[CRYPTO_AES_BLOCK], block[CRYPTO_AES_BLOCK], sha1[20], sha256[CRYPTO_SHA256];
    const cr_span value = cr_span_of(key->value, key->size);
    memset(ones, 0x01, sizeof ones);
    bool good = kcv.n == KCV_SIZE && (key->size == 16 || key->size == 24 || key->size == 32) &&
                crypto_aes_block(value, ones, block, NULL) == CR_OK &&
                memcmp(block, kcv.p, KCV_SIZE) == 0;
    /* For pre-shared keys, GlobalPlatform Amendment B takes a hash, which one depends on its
     * version. */
    if (key->type == TYPE_PSK && kcv.n == KCV_SIZE) {
        crypto_sha1(value, sha1);
        crypto_sha256(value, sha256);
        good = good || memcmp(sha1, kcv.p, KCV_SIZE) == 0 || memcmp(sha256, kcv.p, KCV_SIZE) == 0;
    }
    cr_wipe(block, sizeof block);
    cr_wipe(sha1, sizeof sha1);
    cr_wipe(sha256, sizeof sha256);
    return good;
}

/* Whether the plain value was padded before it was wrapped is told by nobody: a value of one block
 * was not; of longer ones that end like padding, the check value decides. */
static bool find_key(const uint8_t *plain, size_t n, cr_span kcv, struct smsr_key *out)
{
    const size_t lengths[] = {padded_length(plain, n), n};
    for (size_t i = n == CRYPTO_AES_BLOCK ? 1 : 0; i < CR_COUNT(lengths); i++) {
        if (lengths[i] > 0 && lengths[i] <= SMSR_MAX_KEY) {
            out->size = (uint8_t)lengths[i];
            memcpy(out->value, plain, lengths[i]);
            if (kcv_matches(out, kcv)) {
                return true;
            }
        }
    }
    return false;
}

static cr_status unwrap(int64_t version, cr_span transport, const struct soap_key *in,
                        struct smsr_key *out, struct cr_err *err)
{
    uint8_t plain[SMSR_MAX_KEY + CRYPTO_AES_BLOCK];
    const cr_span wrapped =
        in->components.count == 1 ? in->components.items[0].value : (cr_span){0};
    if (wrapped.n == 0 || wrapped.n % CRYPTO_AES_BLOCK || wrapped.n > sizeof plain) {
        return no_key(err, version, "a value is not one that was wrapped by AES-128");
    }
    out->type = in->components.items[0].type.p[0];
    if (out->type != TYPE_AES && out->type != TYPE_PSK) {
        return no_key(err, version, "a key is neither AES nor pre-shared");
    }
    cr_status status = unwrap_blocks(transport, wrapped, plain, err);
    if (status == CR_OK && !find_key(plain, wrapped.n, in->kcv, out)) {
        status = no_key(err, version, "a key check value does not fit: another transport key?");
    }
    cr_wipe(plain, sizeof plain);
    return status;
}

static cr_status read_keyset(const struct soap_keyset *in, cr_span transport,
                             struct smsr_keyset *out, struct cr_err *err)
{
    *out = (struct smsr_keyset){.version = (uint8_t)in->version, .type = in->type};
    for (size_t i = 0; i < in->keys.count; i++) {
        const struct soap_key *key = &in->keys.items[i];
        if (key->index < 1 || key->index > (int64_t)CR_COUNT(out->keys) ||
            out->keys[key->index - 1].size) {
            return no_key(err, in->version, "a key has an index that is none, or is there twice");
        }
        CR_TRY(unwrap(in->version, transport, key, &out->keys[key->index - 1], err));
    }
    /* What the channels need: KIc and KID; the pre-shared key. */
    const bool complete = out->type == SOAP_KEYSET_SCP80
                              ? out->keys[0].type == TYPE_AES && out->keys[1].type == TYPE_AES
                              : out->keys[0].size > 0;
    return complete ? CR_OK : no_key(err, in->version, "it is not complete");
}

static int type_of(const struct soap_keyset *k)
{
    if (k->type) {
        return k->type;
    }
    return k->version <= SCP80_VERSION                             ? SOAP_KEYSET_SCP80
           : k->version >= SCP81_FIRST && k->version <= SCP81_LAST ? SOAP_KEYSET_SCP81
                                                                   : 0;
}

static bool version_fits(const struct soap_keyset *k, int type)
{
    return type == SOAP_KEYSET_SCP80 ? k->version >= 1 && k->version <= SCP80_VERSION
                                     : k->version >= SCP81_FIRST && k->version <= SCP81_LAST;
}

static cr_status put_keyset(struct taking *t, cr_span transport, const struct soap_keyset *in,
                            bool *scp80, struct cr_err *err)
{
    struct soap_keyset typed = *in;
    struct smsr_keyset keyset;
    typed.type = type_of(in);
    if (typed.type != SOAP_KEYSET_SCP80 && typed.type != SOAP_KEYSET_SCP81) {
        return CR_OK; /* of no use here */
    }
    if (!version_fits(in, typed.type)) {
        return no_key(err, in->version, "its version is outside the range of its type");
    }
    cr_status status = read_keyset(&typed, transport, &keyset, err);
    if (status == CR_OK) {
        status = smsr_keyset_put(t->sr, t->tx, t->euicc.eid, &keyset,
                                 in->has_counter ? (uint64_t)in->counter : 0, err);
        *scp80 |= typed.type == SOAP_KEYSET_SCP80;
    }
    cr_wipe(&keyset, sizeof keyset);
    return status;
}

static cr_status put_keysets(struct taking *t, struct cr_err *err)
{
    uint8_t transport[M2M_TRANSPORT_KEY];
    const struct soap_security_domain *d = &t->eis->isdr;
    bool scp80 = false, seen[128] = {false};
    cr_status status = m2m_party_transport_key(t->from, transport, err);
    for (size_t i = 0; status == CR_OK && i < d->keysets.count; i++) {
        const struct soap_keyset *k = &d->keysets.items[i];
        if (seen[k->version & 127]) {
            status = no_key(err, k->version, "it is there twice");
            break;
        }
        seen[k->version & 127] = true;
        status = put_keyset(t, CR_SPAN_ARRAY(transport), k, &scp80, err);
    }
    cr_wipe(transport, sizeof transport);
    if (status == CR_OK && !scp80) {
        status = cr_refuse(err, "8.4", "4.2", "SGP.02 2.2.5",
                           "ISD-R has no SCP80 key set: the eUICC could not be reached");
    }
    return status;
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static cr_status make_euicc(struct taking *t, struct cr_err *err)
{
    const struct soap_eis *eis = t->eis;
    struct smsr_euicc *e = &t->euicc;
    cr_buf tars = {0};
    e->eid = eis->signed_info.eid;
    CR_TRY(smsr_text(eis->signed_info.eum_id, t->arena, &e->eum_id, err));
    e->signed_info = eis->signed_info.raw;
    e->eum_signature = eis->eum_signature;
    e->isdp_loadfile = eis->signed_info.isdp_loadfile_aid;
    e->isdp_module = eis->signed_info.isdp_module_aid;
    e->isdr_aid = eis->isdr.aid;
    e->sin = eis->isdr.sin;
    e->sdin = eis->isdr.sdin;
    e->http = eis->signed_info.capabilities.http;
    e->cattp = eis->signed_info.capabilities.cattp;
    e->remaining_memory = eis->remaining_memory;
    e->available_memory = eis->available_memory;
    e->last_audit_ms = eis->has_last_audit ? eis->last_audit : 0;
    e->arriving = !t->from_eum;
    for (size_t i = 0; i < eis->isdr.tars.count; i++) {
        cr_buf_append_span(&tars, eis->isdr.tars.items[i]);
    }
    e->isdr_tars = cr_arena_copy(t->arena, cr_buf_span(&tars));
    cr_buf_free(&tars);
    return e->isdr_tars.p ? CR_OK : cr_fail_memory(err);
}

static cr_status write_rows(struct taking *t, const struct smsr_profiles *profiles,
                            struct cr_err *err)
{
    const struct soap_eis *eis = t->eis;
    CR_TRY(smsr_euicc_put(t->tx, &t->euicc, err));
    for (size_t i = 0; i < profiles->count; i++) {
        CR_TRY(smsr_profile_put(t->tx, &profiles->items[i], err));
    }
    if (eis->has_properties) {
        CR_TRY(smsr_properties_put(t->tx, t->euicc.eid, &eis->properties, err));
    }
    if (eis->has_audit_trail && !t->from_eum) {
        CR_TRY(smsr_audit_take(t->tx, t->euicc.eid, &eis->audit_trail, err));
    }
    if (!t->from_eum) {
        return CR_OK;
    }
    CR_TRY(smsr_euicc_arrived(t->tx, t->euicc.eid, err));
    return put_keysets(t, err);
}

cr_status smsr_eis_take(struct smsr *sr, struct store_tx *tx, const struct m2m_party *from,
                        const struct soap_eis *eis, bool from_eum, cr_arena *arena,
                        struct cr_err *err)
{
    struct taking t = {
        .sr = sr, .tx = tx, .from = from, .eis = eis, .from_eum = from_eum, .arena = arena};
    struct smsr_profiles profiles;
    struct cr_err local = {0};
    err = err ? err : &local;
    CR_TRY(check_parts(&t, err));
    CR_TRY(check_ids(&t, err));
    t.euicc = (struct smsr_euicc){0};
    CR_TRY(check_signatures(&t, err));
    CR_TRY(read_profiles(&t, &profiles, err));
    CR_TRY(make_euicc(&t, err));
    return write_rows(&t, &profiles, err);
}
