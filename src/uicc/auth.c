#include "uicc/auth.h"

#include "profile/template.h"
#include "uicc/gba.h"

/* Keys: x ADF = parameters, q ADF = sequence numbers and the count of authentications. */
#define OWN_RECORD    (6 + 32 + 32 + 5 + 80 + 4 + 6 + 6 + 4)
#define MAPPED_RECORD 4
#define SQN_RECORD    (UICC_SQN_COUNT * UICC_SQN_SIZE + 4)
#define SEQ_MAX       (((uint64_t)1 << 43) - 1)
#define IND_BITS      5

#define FID_UST 0x6F38
#define FID_IST 0x6F07
/* Services of EF.UST (TS 31.102 4.2.8) and EF.IST (TS 31.103 4.2.7). */
#define UST_GSM_ACCESS  27
#define UST_GSM_CONTEXT 38
#define UST_GBA         68
#define IST_GBA         2

/* AMF that asks the test algorithm for a resynchronisation (TS 34.108 8.1.2; value not certain). */
static const uint8_t amf_resynch[2] = {0xFF, 0xFF};

#define TAG_SUCCESS   0xDB
#define TAG_RESYNC    0xDC
#define TAG_BOOTSTRAP 0xDD
#define TAG_NAF       0xDE

struct keys {
    struct aka_params params;
    uint8_t sqn_options;
    uint64_t delta, age_limit;
    uint32_t counter_max;
};

struct sequence {
    uint64_t seq[UICC_SQN_COUNT];
    uint32_t count; /* authentications so far */
};

static cr_status refuse(struct cr_err *err, const char *field, const char *cause)
{
    cr_status status = cr_fail(err, CR_REFUSED, "TCA AKAParameter", "%s", cause);
    return cr_err_code(err, cr_err_field(err, status, field), UICC_SW_WRONG_DATA);
}

/* --- parameters --------------------------------------------------------------------------------
 */

void uicc_auth_default(struct uicc_auth *auth, enum aka_algorithm algorithm)
{
    *auth = (struct uicc_auth){
        .sqn_options = UICC_SQN_CHECK_DELTA, .sqn_delta = 0x10000000, .sqn_age_limit = 0x10000000};
    aka_params_default(&auth->params, algorithm);
}

cr_status uicc_auth_apply_options(struct uicc_auth *auth, uint8_t options, struct cr_err *err)
{
    /* Only RES 64 with MAC 64, and RES 128 of the test algorithm, have been seen in the field; the
     * rest of the table is not certain. */
    static const uint8_t res[8] = {4, 8, 16, 32, 0, 0, 0, 0};
    static const uint8_t mac[8] = {8, 16, 32, 0, 0, 0, 0, 0};
    auth->algorithm_options = options;
    if (auth->params.algorithm == AKA_MILENAGE) {
        return CR_OK;
    }
    uint8_t r = res[options & 7], m = mac[options >> 3 & 7];
    if (!r || !m) {
        return refuse(err, "algorithmOptions", "the option byte codes no size of RES or MAC");
    }
    auth->params.res_size = r;
    auth->params.mac_size = m;
    auth->params.ck_size = auth->params.ik_size = options & 0x40 ? 32 : 16;
    return CR_OK;
}

static uint64_t get_be(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static uint8_t *put_be(uint8_t *p, uint64_t v, size_t n)
{
    for (size_t i = n; i-- > 0; v >>= 8) {
        p[i] = (uint8_t)v;
    }
    return p + n;
}

static uint8_t *put_bytes(uint8_t *p, const void *from, size_t n)
{
    memcpy(p, from, n);
    return p + n;
}

static cr_status params_put(const struct uicc_fs *fs, uicc_file adf, const struct uicc_auth *auth,
                            struct cr_err *err)
{
    const struct aka_params *a = &auth->params;
    uint8_t record[OWN_RECORD], *p = record;
    *p++ = (uint8_t)a->algorithm;
    *p++ = (uint8_t)a->key_size;
    *p++ = (uint8_t)a->res_size;
    *p++ = (uint8_t)a->mac_size;
    *p++ = (uint8_t)a->ck_size;
    *p++ = auth->sqn_options;
    p = put_bytes(p, a->key, sizeof a->key);
    p = put_bytes(p, a->opc, sizeof a->opc);
    p = put_bytes(p, a->rotation, sizeof a->rotation);
    p = put_bytes(p, a->constants, sizeof a->constants);
    p = put_be(p, a->keccak_iterations, 4);
    p = put_be(p, auth->sqn_delta, 6);
    p = put_be(p, auth->sqn_age_limit, 6);
    p = put_be(p, auth->counter_max, 4);
    char key[UICC_KEY_SIZE];
    cr_status status = nvm_put(fs->nvm, uicc_fs_key(fs, key, 'x', adf, -1),
                               cr_span_of(record, (size_t)(p - record)), err);
    cr_wipe(record, sizeof record);
    return status;
}

static bool params_get(const struct uicc_fs *fs, uicc_file adf, struct keys *out)
{
    char key[UICC_KEY_SIZE];
    cr_span v = nvm_get(fs->nvm, uicc_fs_key(fs, key, 'x', adf, -1));
    const uint8_t *p = v.p;
    if (v.n != OWN_RECORD) {
        return false;
    }
    struct aka_params *a = &out->params;
    a->algorithm = (enum aka_algorithm)p[0];
    a->key_size = p[1];
    a->res_size = p[2];
    a->mac_size = p[3];
    a->ck_size = a->ik_size = p[4];
    out->sqn_options = p[5];
    p += 6;
    memcpy(a->key, p, sizeof a->key);
    p += sizeof a->key;
    memcpy(a->opc, p, sizeof a->opc);
    p += sizeof a->opc;
    memcpy(a->rotation, p, sizeof a->rotation);
    p += sizeof a->rotation;
    memcpy(a->constants, p, sizeof a->constants);
    p += sizeof a->constants;
    a->keccak_iterations = (unsigned)get_be(p, 4);
    out->delta = get_be(p + 4, 6);
    out->age_limit = get_be(p + 10, 6);
    out->counter_max = (uint32_t)get_be(p + 16, 4);
    return true;
}

static cr_status sequence_put(const struct uicc_fs *fs, uicc_file adf, const struct sequence *s,
                              struct cr_err *err)
{
    uint8_t record[SQN_RECORD], *p = record;
    for (size_t i = 0; i < UICC_SQN_COUNT; i++) {
        p = put_be(p, s->seq[i], UICC_SQN_SIZE);
    }
    put_be(p, s->count, 4);
    char key[UICC_KEY_SIZE];
    return nvm_put(fs->nvm, uicc_fs_key(fs, key, 'q', adf, -1), CR_SPAN_ARRAY(record), err);
}

static bool sequence_get(const struct uicc_fs *fs, uicc_file adf, struct sequence *s)
{
    char key[UICC_KEY_SIZE];
    cr_span v = nvm_get(fs->nvm, uicc_fs_key(fs, key, 'q', adf, -1));
    if (v.n != SQN_RECORD) {
        return false;
    }
    for (size_t i = 0; i < UICC_SQN_COUNT; i++) {
        s->seq[i] = get_be(v.p + i * UICC_SQN_SIZE, UICC_SQN_SIZE);
    }
    s->count = (uint32_t)get_be(v.p + UICC_SQN_COUNT * UICC_SQN_SIZE, 4);
    return true;
}

/* Whose parameters an ADF uses: its own, or those it maps to; 0 = none. */
static uicc_file owner_of(const struct uicc_fs *fs, uicc_file adf)
{
    char key[UICC_KEY_SIZE];
    cr_span v = nvm_get(fs->nvm, uicc_fs_key(fs, key, 'x', adf, -1));
    if (v.n == MAPPED_RECORD) {
        adf = (uicc_file)(v.p[2] << 8 | v.p[3]);
        v = nvm_get(fs->nvm, uicc_fs_key(fs, key, 'x', adf, -1));
    }
    return v.n == OWN_RECORD ? adf : 0;
}

static cr_status create_mapped(const struct uicc_fs *fs, uicc_file adf,
                               const struct uicc_auth *auth, struct cr_err *err)
{
    uicc_file source = uicc_fs_adf(fs, auth->mapping_source);
    uicc_file owner = source ? owner_of(fs, source) : 0;
    if (!owner || owner == adf) {
        return refuse(err, "mappingSource", "the source of the mapping has no parameters");
    }
    uint8_t record[MAPPED_RECORD] = {0, auth->mapping_options, (uint8_t)(owner >> 8),
                                     (uint8_t)owner};
    char key[UICC_KEY_SIZE];
    return nvm_put(fs->nvm, uicc_fs_key(fs, key, 'x', adf, -1), CR_SPAN_ARRAY(record), err);
}

cr_status uicc_auth_create(const struct uicc_fs *fs, uicc_file adf, const struct uicc_auth *auth,
                           struct cr_err *err)
{
    struct uicc_file_attr a;
    if (!uicc_fs_attr(fs, adf, &a) || a.kind != UICC_ADF) {
        return refuse(err, "AKAParameter", "authentication parameters belong to an ADF");
    }
    if (auth->mapped) {
        return create_mapped(fs, adf, auth, err);
    }
    struct sequence s = {0};
    for (size_t i = 0; i < UICC_SQN_COUNT; i++) {
        if (auth->sqn_init[i] > SEQ_MAX) {
            return refuse(err, "sqnInit", "a sequence number has 43 bits");
        }
        s.seq[i] = auth->sqn_init[i];
    }
    if (auth->sqn_delta > SEQ_MAX || auth->sqn_age_limit > SEQ_MAX) {
        return refuse(err, "sqnDelta", "the limits have 43 bits");
    }
    if (auth->params.ck_size != auth->params.ik_size) {
        return refuse(err, "algorithmOptions", "CK and IK have the same size");
    }
    /* The algorithm itself knows best whether the parameters will do. */
    struct aka_vector vector;
    static const uint8_t zero[16];
    cr_status status = aka_compute(&auth->params, zero, zero, zero, &vector, err);
    cr_wipe(&vector, sizeof vector);
    if (status != CR_OK) {
        return cr_err_code(err, status, UICC_SW_WRONG_DATA);
    }
    CR_TRY(params_put(fs, adf, auth, err));
    return sequence_put(fs, adf, &s, err);
}

bool uicc_auth_present(const struct uicc_fs *fs, uicc_file adf)
{
    return owner_of(fs, adf) != 0;
}

bool uicc_auth_sqn(const struct uicc_fs *fs, uicc_file adf, uint64_t seq[UICC_SQN_COUNT])
{
    struct sequence s;
    uicc_file owner = owner_of(fs, adf);
    if (!owner || !sequence_get(fs, owner, &s)) {
        return false;
    }
    memcpy(seq, s.seq, sizeof s.seq);
    return true;
}

/* --- the application ---------------------------------------------------------------------------
 */

static bool table_has(const struct uicc_fs *fs, uicc_file adf, uint16_t fid, unsigned service)
{
    uicc_file table = uicc_fs_child(fs, adf, fid);
    cr_buf scratch = {0};
    cr_span v = table ? uicc_fs_content(fs, table, &scratch) : (cr_span){0};
    size_t at = (service - 1) / 8;
    bool has = at < v.n && (v.p[at] >> ((service - 1) % 8) & 1);
    cr_buf_free(&scratch);
    return has;
}

bool uicc_usim_service(const struct uicc_fs *fs, uicc_file adf, unsigned service)
{
    struct uicc_file_attr a;
    return uicc_fs_attr(fs, adf, &a) && profile_naa_of_aid(a.aid) == PROFILE_USIM &&
           table_has(fs, adf, FID_UST, service);
}

/* The files of GBA of an application that has the service. */
static bool gba_of(const struct uicc_fs *fs, uicc_file adf, struct uicc_gba *gba)
{
    struct uicc_file_attr a;
    enum profile_element_kind naa =
        uicc_fs_attr(fs, adf, &a) ? profile_naa_of_aid(a.aid) : PROFILE_UNKNOWN;
    bool usim = naa == PROFILE_USIM;
    *gba = (struct uicc_gba){.fs = fs,
                             .adf = adf,
                             .fid_gbabp = usim ? 0x6FD6 : 0x6FD5,
                             .fid_gbanl = usim ? 0x6FDA : 0x6FD7};
    return (usim && table_has(fs, adf, FID_UST, UST_GBA)) ||
           (naa == PROFILE_ISIM && table_has(fs, adf, FID_IST, IST_GBA));
}

/* --- sequence numbers (TS 33.102 annex C) ------------------------------------------------------
 */

/* The test algorithm takes no notice of the options. */
static bool conceals(const struct keys *keys)
{
    return keys->params.algorithm == AKA_TEST || !(keys->sqn_options & UICC_SQN_AK_NOT_USED);
}

static size_t highest(const struct sequence *s)
{
    size_t at = 0;
    for (size_t i = 1; i < UICC_SQN_COUNT; i++) {
        if (s->seq[i] > s->seq[at]) {
            at = i;
        }
    }
    return at;
}

static bool fresh(const struct keys *keys, const struct sequence *s, uint64_t sqn)
{
    uint64_t seq = sqn >> IND_BITS, top = s->seq[highest(s)];
    if (seq <= s->seq[sqn & (UICC_SQN_COUNT - 1)]) {
        return false;
    }
    if ((keys->sqn_options & UICC_SQN_CHECK_DELTA) && seq > top && seq - top > keys->delta) {
        return false;
    }
    return !(keys->sqn_options & UICC_SQN_CHECK_AGE) || seq >= top || top - seq < keys->age_limit;
}

/* --- contexts ----------------------------------------------------------------------------------
 */

struct run {
    const struct uicc_fs *fs;
    uicc_file adf, owner;
    struct keys keys;
    struct sequence sequence;
    struct aka_vector vector;
    bool bootstrapping; /* the result goes to the files of GBA */
    struct uicc_gba gba;
    cr_buf *out;
};

static uicc_sw store(struct run *run)
{
    run->sequence.count++;
    return sequence_put(run->fs, run->owner, &run->sequence, NULL) == CR_OK ? UICC_SW_OK
                                                                            : UICC_SW_MEMORY;
}

static void put_field(cr_buf *out, const uint8_t *p, size_t n)
{
    cr_buf_append_byte(out, (uint8_t)n);
    cr_buf_append(out, p, n);
}

static uicc_sw gsm(struct run *run, cr_span data)
{
    static const uint8_t zero[6];
    if (data.n != 17) {
        return UICC_SW_WRONG_LENGTH;
    }
    if (data.p[0] != 16) {
        return UICC_SW_WRONG_DATA;
    }
    const struct aka_params *params = &run->keys.params;
    if (!uicc_usim_service(run->fs, run->adf, UST_GSM_CONTEXT) || params->ck_size != 16) {
        return UICC_SW_NO_CONTEXT;
    }
    if (aka_compute(params, data.p + 1, zero, zero, &run->vector, NULL) != CR_OK) {
        return UICC_SW_TECHNICAL;
    }
    /* Only the limit on authentications is counted here: GSM has no sequence numbers. */
    uicc_sw sw = run->keys.counter_max ? store(run) : UICC_SW_OK;
    if (sw == UICC_SW_OK) {
        uint8_t sres[4], kc[8];
        aka_sres(run->vector.res, params->res_size, sres);
        aka_kc(run->vector.ck, run->vector.ik, kc);
        put_field(run->out, sres, sizeof sres);
        put_field(run->out, kc, sizeof kc);
        cr_wipe(kc, sizeof kc);
    }
    return sw;
}

/* DC with AUTS = SQN_MS xor AK* and MAC-S over it. */
static uicc_sw resync(struct run *run, const uint8_t rand[16], uint64_t sqn_ms)
{
    static const uint8_t amf_s[2] = {0, 0};
    const struct aka_params *params = &run->keys.params;
    uint8_t auts[UICC_SQN_SIZE + 32];
    put_be(auts, sqn_ms, UICC_SQN_SIZE);
    if (aka_mac_s(params, rand, auts, amf_s, auts + UICC_SQN_SIZE, NULL) != CR_OK) {
        return UICC_SW_TECHNICAL;
    }
    for (size_t i = 0; i < UICC_SQN_SIZE && conceals(&run->keys); i++) {
        auts[i] ^= run->vector.ak_s[i];
    }
    cr_buf_append_byte(run->out, TAG_RESYNC);
    put_field(run->out, auts, UICC_SQN_SIZE + params->mac_size);
    return UICC_SW_OK;
}

static uicc_sw success(struct run *run)
{
    const struct aka_params *params = &run->keys.params;
    cr_buf_append_byte(run->out, TAG_SUCCESS);
    put_field(run->out, run->vector.res, params->res_size);
    put_field(run->out, run->vector.ck, params->ck_size);
    put_field(run->out, run->vector.ik, params->ik_size);
    if (params->ck_size == 16 && uicc_usim_service(run->fs, run->adf, UST_GSM_ACCESS)) {
        uint8_t kc[8];
        aka_kc(run->vector.ck, run->vector.ik, kc);
        put_field(run->out, kc, sizeof kc);
        cr_wipe(kc, sizeof kc);
    }
    return UICC_SW_OK;
}

/* The answer to a bootstrapping challenge is RES alone: CK and IK stay as Ks. */
static uicc_sw bootstrapped(struct run *run, const uint8_t rand[16])
{
    const struct aka_params *params = &run->keys.params;
    uint8_t ks[GBA_MAX_KS];
    memcpy(ks, run->vector.ck, params->ck_size);
    memcpy(ks + params->ck_size, run->vector.ik, params->ik_size);
    uicc_sw sw =
        uicc_gba_bootstrapped(&run->gba, rand, cr_span_of(ks, params->ck_size + params->ik_size));
    cr_wipe(ks, sizeof ks);
    if (sw == UICC_SW_OK) {
        cr_buf_append_byte(run->out, TAG_SUCCESS);
        put_field(run->out, run->vector.res, params->res_size);
    }
    return sw;
}

static uicc_sw accepted(struct run *run, const uint8_t rand[16])
{
    return run->bootstrapping ? bootstrapped(run, rand) : success(run);
}

/* The test algorithm ignores sequence numbers, but for the AMF that asks for a resynchronisation:
 * its SQN_MS is then what came. */
static uicc_sw aka_test(struct run *run, const uint8_t rand[16], const uint8_t amf[2], uint64_t sqn)
{
    if (memcmp(amf, amf_resynch, sizeof amf_resynch) == 0) {
        return resync(run, rand, sqn);
    }
    uicc_sw sw = run->keys.counter_max ? store(run) : UICC_SW_OK;
    return sw == UICC_SW_OK ? accepted(run, rand) : sw;
}

/* All functions for the challenge, with the SQN that AUTN conceals. False: the algorithm failed. */
static bool compute(struct run *run, const uint8_t rand[16], const uint8_t *autn,
                    uint8_t sqn[UICC_SQN_SIZE])
{
    const struct aka_params *params = &run->keys.params;
    const uint8_t *amf = autn + UICC_SQN_SIZE;
    memcpy(sqn, autn, UICC_SQN_SIZE);
    if (aka_compute(params, rand, sqn, amf, &run->vector, NULL) != CR_OK) {
        return false;
    }
    if (conceals(&run->keys)) {
        for (size_t i = 0; i < UICC_SQN_SIZE; i++) {
            sqn[i] ^= run->vector.ak[i];
        }
        if (aka_compute(params, rand, sqn, amf, &run->vector, NULL) != CR_OK) {
            return false;
        }
    }
    if (run->bootstrapping) {
        gba_mac(cr_span_of(run->vector.ik, params->ik_size), run->vector.mac_a, params->mac_size);
    }
    return true;
}

/* data = length, RAND, length, AUTN; for 3G, IMS and (behind its tag) GBA alike. */
static uicc_sw aka(struct run *run, cr_span data)
{
    const struct aka_params *params = &run->keys.params;
    size_t autn_size = UICC_SQN_SIZE + 2 + params->mac_size;
    if (data.n != 1 + 16 + 1 + autn_size) {
        return UICC_SW_WRONG_LENGTH;
    }
    const uint8_t *rand = data.p + 1, *autn = data.p + 18, *amf = autn + UICC_SQN_SIZE;
    if (data.p[0] != 16 || data.p[17] != autn_size) {
        return UICC_SW_WRONG_DATA;
    }
    uint8_t sqn[UICC_SQN_SIZE];
    if (!compute(run, rand, autn, sqn)) {
        return UICC_SW_TECHNICAL;
    }
    if (!cr_span_equal_ct(cr_span_of(amf + 2, params->mac_size),
                          cr_span_of(run->vector.mac_a, params->mac_size))) {
        return UICC_SW_WRONG_MAC;
    }
    uint64_t value = get_be(sqn, sizeof sqn);
    if (params->algorithm == AKA_TEST) {
        return aka_test(run, rand, amf, value);
    }
    struct sequence *s = &run->sequence;
    if (!fresh(&run->keys, s, value)) {
        size_t top = highest(s);
        return resync(run, rand, s->seq[top] << IND_BITS | top);
    }
    s->seq[value & (UICC_SQN_COUNT - 1)] = value >> IND_BITS;
    uicc_sw sw = store(run);
    return sw == UICC_SW_OK ? accepted(run, rand) : sw;
}

/* GBA: DD bootstraps, DE derives the keys of a NAF. */
static uicc_sw gba(struct run *run, cr_span data)
{
    if (!gba_of(run->fs, run->adf, &run->gba)) {
        return UICC_SW_NO_CONTEXT;
    }
    cr_span rest = cr_span_sub(data, 1, data.n);
    switch (data.n ? data.p[0] : 0) {
    case TAG_BOOTSTRAP:
        run->bootstrapping = true;
        return uicc_gba_ready(&run->gba) ? aka(run, rest) : UICC_SW_CONDITIONS;
    case TAG_NAF:
        return uicc_gba_derive(&run->gba, rest, run->out);
    default:
        return UICC_SW_WRONG_DATA;
    }
}

uicc_sw uicc_auth_run(const struct uicc_fs *fs, uicc_file adf, enum uicc_auth_context context,
                      cr_span data, cr_buf *out)
{
    struct run run = {.fs = fs, .adf = adf, .owner = owner_of(fs, adf), .out = out};
    uicc_sw sw = UICC_SW_CONDITIONS;
    if (run.owner && params_get(fs, run.owner, &run.keys) &&
        sequence_get(fs, run.owner, &run.sequence) &&
        (run.keys.counter_max == 0 || run.sequence.count < run.keys.counter_max)) {
        switch (context) {
        case UICC_AUTH_GSM:
            sw = gsm(&run, data);
            break;
        case UICC_AUTH_3G:
            sw = aka(&run, data);
            break;
        case UICC_AUTH_GBA:
            sw = gba(&run, data);
            break;
        case UICC_AUTH_VGCS:
        case UICC_AUTH_MBMS:
        case UICC_AUTH_LOCAL_KEY:
        default:
            sw = UICC_SW_NO_CONTEXT;
        }
    }
    cr_wipe(&run.keys, sizeof run.keys);
    cr_wipe(&run.vector, sizeof run.vector);
    return sw;
}
