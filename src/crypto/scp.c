/*
 * What SCP02 and SCP03 have in common: the order of calls, APDUs taken apart and put together,
 * cryptograms compared. The protocols themselves are behind struct scp_ops.
 */
#include "crypto/scp_internal.h"

#define INS_EXTERNAL_AUTHENTICATE 0x82
#define EXTERNAL_AUTHENTICATE     21 /* bytes of the APDU, without Le */
#define CLA_CHAINING              0x10
#define CLA_FURTHER               0x40 /* channels 4 to 19 */
#define CLA_SM                    0x04
#define CLA_SM_FURTHER            0x20
#define CLA_NOT_FIRST             0x28 /* channels 0 to 3: other secure messaging, reserved */
#define CLAUSE                    "GlobalPlatform Card Specification 10"

cr_status scp_fail(struct cr_err *err, cr_status category, uint16_t sw, const char *cause)
{
    return cr_err_code(err, cr_fail(err, category, CLAUSE, "%s", cause), sw);
}

void scp_end(struct scp_session *s)
{
    if (s) {
        cr_wipe(s, sizeof *s);
        s->state = SCP_STATE_NONE;
    }
}

/* A failure that no session survives. */
static cr_status end_with(struct scp_session *s, cr_status status)
{
    scp_end(s);
    return status;
}

static cr_status wrong_time(struct cr_err *err)
{
    return scp_fail(err, CR_REFUSED, SCP_SW_CONDITIONS,
                    "the secure channel is not in the state for this");
}

/* ---- what is supported ---- */

bool scp_i_supported(enum scp_protocol protocol, uint8_t i)
{
    switch (protocol) {
    case SCP_02:
        return (i & SCP02_I_EXPLICIT) &&
               !(i & (SCP02_I_UNMODIFIED | SCP02_I_ICV_AID | 0x80)); /* 80 is RFU */
    case SCP_03:
        return !(i & ~(SCP03_I_PSEUDO_RANDOM | SCP03_I_R_MAC | SCP03_I_R_ENCRYPTION)) &&
               (!(i & SCP03_I_R_ENCRYPTION) || (i & SCP03_I_R_MAC));
    case SCP_NONE:
        break;
    }
    return false;
}

bool scp_level_supported(enum scp_protocol protocol, uint8_t i, uint8_t level)
{
    static const struct {
        uint8_t level, scp02, scp03; /* 0 = no; 1 = yes; else the bits of i that it needs */
    } levels[] = {
        {SCP_LEVEL_NONE, 1, 1},
        {SCP_LEVEL_C_MAC, 1, 1},
        {SCP_LEVEL_C_MAC | SCP_LEVEL_C_DECRYPTION, 1, 1},
        {SCP_LEVEL_R_MAC, SCP02_I_R_MAC, 0},
        {SCP_LEVEL_R_MAC | SCP_LEVEL_C_MAC, SCP02_I_R_MAC, SCP03_I_R_MAC},
        {SCP_LEVEL_R_MAC | SCP_LEVEL_C_MAC | SCP_LEVEL_C_DECRYPTION, SCP02_I_R_MAC, SCP03_I_R_MAC},
        {SCP_LEVEL_R_MAC | SCP_LEVEL_R_ENCRYPTION | SCP_LEVEL_C_MAC | SCP_LEVEL_C_DECRYPTION, 0,
         SCP03_I_R_MAC | SCP03_I_R_ENCRYPTION},
    };
    for (size_t k = 0; k < CR_COUNT(levels); k++) {
        if (levels[k].level == level) {
            uint8_t need = protocol == SCP_02 ? levels[k].scp02 : levels[k].scp03;
            return need == 1 || (need != 0 && (i & need) == need);
        }
    }
    return false;
}

static const struct scp_ops *ops_of(enum scp_protocol protocol)
{
    return protocol == SCP_02 ? &scp02_ops : protocol == SCP_03 ? &scp03_ops : NULL;
}

bool scp_key_ok(const struct scp_ops *ops, const struct scp_keys *keys)
{
    size_t n = keys->enc.n;
    return n >= ops->key_min && n <= ops->key_max && n % 8 == 0 && keys->mac.n == n &&
           keys->dek.n == n;
}

/* ---- bytes ---- */

void scp_take_back(cr_buf *out, size_t before)
{
    if (out->n > before) {
        cr_wipe(out->p + before, out->n - before);
        out->n = before;
    }
}

uint8_t *scp_pad(cr_buf *out, cr_span plain, size_t block)
{
    size_t n = scp_padded_size(plain.n, block);
    uint8_t *p = cr_buf_extend(out, n);
    if (p) {
        if (plain.n > 0) {
            memcpy(p, plain.p, plain.n);
        }
        p[plain.n] = 0x80;
        memset(p + plain.n + 1, 0, n - plain.n - 1);
    }
    return p;
}

bool scp_unpad(cr_span padded, size_t block, size_t *n)
{
    size_t end = padded.n;
    while (end > 0 && padded.n - end < block && padded.p[end - 1] == 0) {
        end--;
    }
    if (end == 0 || padded.n - end >= block || padded.p[end - 1] != 0x80) {
        return false;
    }
    *n = end - 1;
    return true;
}

static bool apdu_parse(cr_span apdu, struct scp_apdu *out)
{
    if (apdu.n < 4 || apdu.n > SCP_COMMAND_MAX) {
        return false;
    }
    *out = (struct scp_apdu){.cla = apdu.p[0], .ins = apdu.p[1], .p1 = apdu.p[2], .p2 = apdu.p[3]};
    out->data = cr_span_of(apdu.p + 4, 0);
    if (apdu.n == 4) {
        return true;
    }
    if (apdu.n == 5) {
        out->has_le = true;
        out->le = apdu.p[4];
        return true;
    }
    size_t lc = apdu.p[4]; /* 00 with more behind it would be the extended form */
    if (lc == 0 || (apdu.n != 5 + lc && apdu.n != 6 + lc)) {
        return false;
    }
    out->data = cr_span_of(apdu.p + 5, lc);
    out->has_le = apdu.n == 6 + lc;
    out->le = out->has_le ? apdu.p[5 + lc] : 0;
    return true;
}

static void apdu_put(cr_buf *out, const struct scp_apdu *a, uint8_t cla, cr_span data)
{
    const uint8_t head[] = {cla, a->ins, a->p1, a->p2};
    cr_buf_append(out, head, sizeof head);
    if (data.n > 0) {
        cr_buf_append_byte(out, (uint8_t)data.n);
        cr_buf_append_span(out, data);
    }
    if (a->has_le) {
        cr_buf_append_byte(out, a->le);
    }
}

static bool cla_secured(uint8_t cla)
{
    return (cla & (cla & CLA_FURTHER ? CLA_SM_FURTHER : CLA_SM)) != 0;
}

/* A class that secure messaging can be put on. Chaining and what is reserved would not be under the
 * MAC, and other kinds of secure messaging are not ours. */
static bool cla_usable(uint8_t cla)
{
    return !(cla & CLA_CHAINING) && (cla & CLA_FURTHER || !(cla & CLA_NOT_FIRST));
}

static uint8_t cla_with(uint8_t cla)
{
    return (uint8_t)(cla | (cla & CLA_FURTHER ? CLA_SM_FURTHER : CLA_SM));
}

static uint8_t cla_without(uint8_t cla)
{
    return (uint8_t)(cla & ~(cla & CLA_FURTHER ? CLA_SM_FURTHER : CLA_SM));
}

/* The class under the MAC: secure messaging, logical channel 0 whatever the real one. */
static uint8_t cla_of_mac(uint8_t cla)
{
    return (uint8_t)((cla & 0x80) | CLA_SM);
}

/* ---- host: beginning ---- */

cr_status scp_host_begin(struct scp_session *s, const struct scp_keys *keys, uint8_t kvn,
                         const cr_env *env, uint8_t challenge[SCP_CHALLENGE], struct cr_err *err)
{
    scp_end(s);
    if (!scp_key_ok(&scp02_ops, keys) && !scp_key_ok(&scp03_ops, keys)) {
        return scp_fail(err, CR_MALFORMED, SCP_SW_WRONG_DATA,
                        "the three keys have 16, 24 or 32 bytes, all the same");
    }
    CR_TRY(cr_random(env, s->challenge_host, SCP_CHALLENGE, err));
    s->state = SCP_STATE_BEGUN;
    s->host = true;
    s->statics = *keys;
    s->asked_kvn = kvn;
    s->facts.i =
        SCP02_I_PSEUDO_RANDOM | SCP02_I_ICV_ENCRYPT | SCP02_I_EXPLICIT | SCP02_I_THREE_KEYS;
    memcpy(challenge, s->challenge_host, SCP_CHALLENGE);
    return CR_OK;
}

/* The session keys of a host whose card challenge is known; the static ENC and MAC are not needed
 * any more. */
static cr_status host_derive(struct scp_session *s, struct cr_err *err)
{
    if (!scp_key_ok(s->ops, &s->statics)) {
        return scp_fail(err, CR_REFUSED, SCP_SW_WRONG_DATA,
                        "the keys do not fit the protocol that the card chose");
    }
    CR_TRY(s->ops->derive(s, &s->statics, err));
    cr_wipe(&s->statics, sizeof s->statics);
    s->state = SCP_STATE_INITIALISED;
    return CR_OK;
}

cr_status scp_host_predict(struct scp_session *s, const struct scp_card_facts *facts, cr_span aid,
                           struct cr_err *err)
{
    if (s->state != SCP_STATE_BEGUN || !s->host) {
        return wrong_time(err);
    }
    if (facts->protocol != SCP_03 || !scp_i_supported(SCP_03, facts->i) ||
        !(facts->i & SCP03_I_PSEUDO_RANDOM) || aid.n > SCP_AID_MAX ||
        !scp_key_ok(&scp03_ops, &s->statics)) {
        return scp_fail(err, CR_REFUSED, SCP_SW_WRONG_DATA,
                        "only SCP03 with a pseudo-random card challenge can be foretold");
    }
    s->facts = *facts;
    s->ops = &scp03_ops;
    cr_status status = s->ops->challenge(s, &s->statics, aid, err);
    if (status == CR_OK) {
        status = host_derive(s, err);
    }
    if (status != CR_OK) {
        return end_with(s, status);
    }
    s->predicted = true;
    return CR_OK;
}

/* Takes the answer to INITIALIZE UPDATE apart. */
static cr_status host_read(cr_span answer, uint8_t scp02_i, struct scp_card_facts *facts,
                           uint8_t challenge[SCP_CHALLENGE], const uint8_t **cryptogram,
                           struct cr_err *err)
{
    enum { SCP02_SIZE = 28, SCP03_SIZE = 29, SCP03_SIZE_SEQUENCE = 32 };
    const uint8_t *p = answer.p;
    if (answer.n != SCP02_SIZE && answer.n != SCP03_SIZE && answer.n != SCP03_SIZE_SEQUENCE) {
        return scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH,
                        "the answer to INITIALIZE UPDATE has neither 28, 29 nor 32 bytes");
    }
    memcpy(facts->diversification, p, SCP_DIVERSIFICATION);
    facts->kvn = p[10];
    facts->protocol = p[11] == 2 ? SCP_02 : p[11] == 3 ? SCP_03 : SCP_NONE;
    facts->i = facts->protocol == SCP_03 ? p[12] : scp02_i;
    facts->sequence = 0;
    if (!scp_i_supported(facts->protocol, facts->i)) {
        return scp_fail(err, CR_REFUSED, SCP_SW_CONDITIONS,
                        "the card wants a secure channel protocol or an option that is not "
                        "supported");
    }
    size_t size = facts->protocol == SCP_02          ? SCP02_SIZE
                  : facts->i & SCP03_I_PSEUDO_RANDOM ? SCP03_SIZE_SEQUENCE
                                                     : SCP03_SIZE;
    if (answer.n != size) {
        return scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH,
                        "the answer to INITIALIZE UPDATE has another length than its protocol");
    }
    if (facts->protocol == SCP_02) { /* the sequence is the front of the challenge */
        memcpy(challenge, p + 12, SCP_CHALLENGE);
        facts->sequence = (uint32_t)p[12] << 8 | p[13];
        *cryptogram = p + 20;
        return CR_OK;
    }
    memcpy(challenge, p + 13, SCP_CHALLENGE);
    *cryptogram = p + 21;
    if (size == SCP03_SIZE_SEQUENCE) {
        facts->sequence = (uint32_t)p[29] << 16 | (uint32_t)p[30] << 8 | p[31];
    }
    return CR_OK;
}

static cr_status host_take(struct scp_session *s, cr_span answer, struct cr_err *err)
{
    struct scp_card_facts facts = {0};
    uint8_t challenge[SCP_CHALLENGE];
    const uint8_t *cryptogram = NULL;
    uint8_t expected[SCP_CRYPTOGRAM];
    CR_TRY(host_read(answer, s->facts.i, &facts, challenge, &cryptogram, err));
    if (s->asked_kvn != 0 && facts.kvn != s->asked_kvn) {
        return scp_fail(err, CR_REFUSED, SCP_SW_WRONG_DATA,
                        "the card chose keys of another version than asked for");
    }
    if (s->predicted) {
        if (facts.protocol != s->facts.protocol || facts.i != s->facts.i ||
            facts.sequence != s->facts.sequence ||
            !cr_span_equal_ct(CR_SPAN_ARRAY(challenge), CR_SPAN_ARRAY(s->challenge_card))) {
            return scp_fail(err, CR_REFUSED, SCP_SW_AUTHENTICATION,
                            "the card's sequence counter or challenge is another one than "
                            "foretold");
        }
    } else {
        memcpy(s->challenge_card, challenge, sizeof challenge);
        s->ops = ops_of(facts.protocol);
        s->facts = facts;
        CR_TRY(host_derive(s, err));
    }
    CR_TRY(s->ops->cryptogram(s, true, expected, err));
    bool same = cr_span_equal_ct(CR_SPAN_ARRAY(expected), cr_span_of(cryptogram, SCP_CRYPTOGRAM));
    cr_wipe(expected, sizeof expected);
    if (!same) {
        cr_status status =
            scp_fail(err, CR_REFUSED, SCP_SW_AUTHENTICATION, "the card cryptogram is wrong");
        return cr_err_next(err, status, "check the keys and their version");
    }
    s->facts = facts;
    s->predicted = false;
    return CR_OK;
}

cr_status scp_host_take(struct scp_session *s, cr_span answer, struct cr_err *err)
{
    if (!s->host || !(s->state == SCP_STATE_BEGUN || s->predicted)) {
        return wrong_time(err);
    }
    cr_status status = host_take(s, answer, err);
    return status == CR_OK ? CR_OK : end_with(s, status);
}

cr_status scp_host_authenticate(struct scp_session *s, uint8_t level, cr_buf *apdu,
                                struct cr_err *err)
{
    if (!s->host || s->state != SCP_STATE_INITIALISED) {
        return wrong_time(err);
    }
    if (!scp_level_supported(s->facts.protocol, s->facts.i, level)) {
        return scp_fail(err, CR_REFUSED, SCP_SW_P1P2,
                        "the card's secure channel does not have this security level");
    }
    const uint8_t head[] = {0x84, INS_EXTERNAL_AUTHENTICATE, level, 0x00, SCP_CRYPTOGRAM + SCP_MAC};
    uint8_t cryptogram[SCP_CRYPTOGRAM];
    uint8_t mac[SCP_MAC];
    cr_status status = s->ops->cryptogram(s, false, cryptogram, err);
    if (status == CR_OK) {
        status = s->ops->mac(s, head, CR_SPAN_ARRAY(cryptogram), mac, err);
    }
    if (status == CR_OK && !cr_buf_reserve(apdu, EXTERNAL_AUTHENTICATE)) {
        status = cr_fail_memory(err);
    }
    if (status != CR_OK) {
        return end_with(s, status);
    }
    cr_buf_append(apdu, head, sizeof head);
    cr_buf_append(apdu, cryptogram, sizeof cryptogram);
    cr_buf_append(apdu, mac, sizeof mac);
    s->level = level;
    s->state = SCP_STATE_OPEN;
    return CR_OK;
}

/* ---- card: beginning ---- */

static bool pseudo_random(const struct scp_card_facts *f)
{
    return (f->i & (f->protocol == SCP_02 ? SCP02_I_PSEUDO_RANDOM : SCP03_I_PSEUDO_RANDOM)) != 0;
}

static cr_status card_challenge(struct scp_session *s, const struct scp_keys *keys, cr_span aid,
                                const cr_env *env, struct cr_err *err)
{
    if (pseudo_random(&s->facts)) {
        return s->ops->challenge(s, keys, aid, err);
    }
    size_t n = s->ops->challenge_random;
    return cr_random(env, s->challenge_card + (SCP_CHALLENGE - n), n, err);
}

static cr_status card_initialise(struct scp_session *s, const struct scp_keys *keys, cr_span aid,
                                 const cr_env *env, cr_buf *answer, struct cr_err *err)
{
    uint8_t cryptogram[SCP_CRYPTOGRAM];
    const struct scp_card_facts *f = &s->facts;
    if (f->protocol == SCP_02) {
        s->challenge_card[0] = (uint8_t)(f->sequence >> 8);
        s->challenge_card[1] = (uint8_t)f->sequence;
    }
    if (s->ops->derive_first) {
        CR_TRY(s->ops->derive(s, keys, err));
        CR_TRY(card_challenge(s, keys, aid, env, err));
    } else {
        CR_TRY(card_challenge(s, keys, aid, env, err));
        CR_TRY(s->ops->derive(s, keys, err));
    }
    CR_TRY(s->ops->cryptogram(s, true, cryptogram, err));
    size_t before = answer->n;
    cr_buf_append(answer, f->diversification, SCP_DIVERSIFICATION);
    cr_buf_append_byte(answer, f->kvn);
    cr_buf_append_byte(answer, (uint8_t)f->protocol);
    if (f->protocol == SCP_03) {
        cr_buf_append_byte(answer, f->i);
    }
    cr_buf_append(answer, s->challenge_card, SCP_CHALLENGE);
    cr_buf_append(answer, cryptogram, sizeof cryptogram);
    if (f->protocol == SCP_03 && pseudo_random(f)) {
        cr_buf_append_be(answer, f->sequence, 3);
    }
    if (!cr_buf_ok(answer)) {
        scp_take_back(answer, before);
        return cr_fail_memory(err);
    }
    s->state = SCP_STATE_INITIALISED;
    return CR_OK;
}

cr_status scp_card_initialise(struct scp_session *s, const struct scp_card_facts *facts,
                              const struct scp_keys *keys, cr_span aid, cr_span host_challenge,
                              const cr_env *env, cr_buf *answer, struct cr_err *err)
{
    scp_end(s);
    const struct scp_ops *ops = ops_of(facts->protocol);
    if (host_challenge.n != SCP_CHALLENGE) {
        return scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH, "a host challenge has 8 bytes");
    }
    uint32_t most = facts->protocol == SCP_02 ? 0xFFFFU : 0xFFFFFFU;
    if (!ops || !scp_i_supported(facts->protocol, facts->i) || !scp_key_ok(ops, keys) ||
        facts->sequence > most || aid.n < 5 || aid.n > SCP_AID_MAX) {
        return scp_fail(err, CR_REFUSED, SCP_SW_CONDITIONS,
                        "the card's keys, counter, AID or option fit no secure channel protocol");
    }
    s->ops = ops;
    s->facts = *facts;
    memcpy(s->challenge_host, host_challenge.p, SCP_CHALLENGE);
    cr_status status = card_initialise(s, keys, aid, env, answer, err);
    return status == CR_OK ? CR_OK : end_with(s, status);
}

cr_status scp_card_authenticate(struct scp_session *s, cr_span apdu, struct cr_err *err)
{
    if (s->host || s->state != SCP_STATE_INITIALISED) {
        return wrong_time(err);
    }
    struct scp_apdu a;
    if (!apdu_parse(apdu, &a) || a.data.n != SCP_CRYPTOGRAM + SCP_MAC) {
        return end_with(s, scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH,
                                    "EXTERNAL AUTHENTICATE carries 16 bytes"));
    }
    if (a.ins != INS_EXTERNAL_AUTHENTICATE || !cla_usable(a.cla) || !cla_secured(a.cla) ||
        !(a.cla & 0x80)) {
        return end_with(s, scp_fail(err, CR_REFUSED, SCP_SW_SECURITY,
                                    "this is no EXTERNAL AUTHENTICATE with secure messaging"));
    }
    if (a.p2 != 0 || !scp_level_supported(s->facts.protocol, s->facts.i, a.p1)) {
        return end_with(s, scp_fail(err, CR_REFUSED, SCP_SW_P1P2,
                                    "EXTERNAL AUTHENTICATE asks for an unknown security level"));
    }
    const uint8_t head[] = {cla_of_mac(a.cla), a.ins, a.p1, a.p2, (uint8_t)a.data.n};
    uint8_t cryptogram[SCP_CRYPTOGRAM];
    uint8_t mac[SCP_MAC];
    cr_status status = s->ops->mac(s, head, cr_span_sub(a.data, 0, SCP_CRYPTOGRAM), mac, err);
    if (status == CR_OK) {
        status = s->ops->cryptogram(s, false, cryptogram, err);
    }
    if (status != CR_OK) {
        return end_with(s, status);
    }
    bool mac_same =
        cr_span_equal_ct(CR_SPAN_ARRAY(mac), cr_span_sub(a.data, SCP_CRYPTOGRAM, SCP_MAC));
    bool cryptogram_same =
        cr_span_equal_ct(CR_SPAN_ARRAY(cryptogram), cr_span_sub(a.data, 0, SCP_CRYPTOGRAM));
    cr_wipe(cryptogram, sizeof cryptogram);
    cr_wipe(mac, sizeof mac);
    if (!mac_same || !cryptogram_same) {
        return end_with(s, scp_fail(err, CR_REFUSED, SCP_SW_AUTHENTICATION,
                                    "the host cryptogram or the MAC of EXTERNAL AUTHENTICATE is "
                                    "wrong"));
    }
    s->level = a.p1;
    s->state = SCP_STATE_OPEN;
    return CR_OK;
}

/* ---- commands ---- */

size_t scp_command_overhead(const struct scp_session *s)
{
    if (s->state != SCP_STATE_OPEN || !(s->level & SCP_LEVEL_C_MAC)) {
        return 0;
    }
    return s->level & SCP_LEVEL_C_DECRYPTION ? SCP_MAC + s->ops->block : SCP_MAC;
}

size_t scp_response_overhead(const struct scp_session *s)
{
    if (s->state != SCP_STATE_OPEN || !(s->level & SCP_LEVEL_R_MAC)) {
        return 0;
    }
    return s->level & SCP_LEVEL_R_ENCRYPTION ? SCP_MAC + s->ops->block : SCP_MAC;
}

/* SCP02's R-MAC is over the command as well. */
static void keep_command(struct scp_session *s, const struct scp_apdu *a, cr_span data)
{
    s->command_open = true;
    s->last_n = 0;
    if (s->facts.protocol != SCP_02 || !(s->level & SCP_LEVEL_R_MAC)) {
        return;
    }
    /* class without secure messaging and channel, Lc of the plain data, 00 without data */
    const uint8_t head[] = {(uint8_t)(a->cla & 0x80), a->ins, a->p1, a->p2, (uint8_t)data.n};
    memcpy(s->last, head, sizeof head);
    memcpy(s->last + sizeof head, data.p, data.n);
    s->last_n = (uint16_t)(sizeof head + data.n);
}

cr_status scp_wrap_command(struct scp_session *s, cr_span apdu, cr_buf *out, struct cr_err *err)
{
    if (!s->host || s->state != SCP_STATE_OPEN) {
        return wrong_time(err);
    }
    struct scp_apdu a;
    if (!apdu_parse(apdu, &a)) {
        return scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH, "this is no short command APDU");
    }
    if (!cla_usable(a.cla) || cla_secured(a.cla)) {
        return scp_fail(err, CR_REFUSED, SCP_SW_WRONG_DATA,
                        "the class of the command has secure messaging or chaining already");
    }
    size_t before = out->n;
    if (!(s->level & SCP_LEVEL_C_MAC)) {
        cr_buf_append_span(out, apdu);
        if (!cr_buf_ok(out)) {
            scp_take_back(out, before);
            return cr_fail_memory(err);
        }
        keep_command(s, &a, a.data);
        return CR_OK;
    }
    size_t grown = s->level & SCP_LEVEL_C_DECRYPTION && a.data.n > 0
                       ? scp_padded_size(a.data.n, s->ops->block)
                       : a.data.n;
    if (grown + SCP_MAC > 255) {
        return scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH,
                        "the command is too long for secure messaging");
    }
    cr_buf field = {.limit = 255, .secret = true};
    struct scp_apdu under_mac = a;
    under_mac.cla = cla_of_mac(a.cla);
    cr_status status = s->ops->protect(s, &under_mac, &field, err);
    if (status == CR_OK) {
        apdu_put(out, &a, cla_with(a.cla), cr_buf_span(&field));
        if (!cr_buf_ok(out)) {
            scp_take_back(out, before);
            status = cr_fail_memory(err);
        }
    }
    cr_buf_free(&field);
    if (status != CR_OK) { /* the chain has moved on, nothing fits any more */
        return end_with(s, status);
    }
    keep_command(s, &a, a.data);
    return CR_OK;
}

static cr_status unwrap_command(struct scp_session *s, cr_span apdu, cr_buf *out,
                                struct cr_err *err)
{
    struct scp_apdu a;
    if (!apdu_parse(apdu, &a)) {
        return scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH, "this is no short command APDU");
    }
    bool secured = cla_secured(a.cla);
    if (secured != ((s->level & SCP_LEVEL_C_MAC) != 0) || (secured && !cla_usable(a.cla))) {
        return scp_fail(err, CR_REFUSED, SCP_SW_SECURITY,
                        secured ? "secure messaging that the security level does not have"
                                : "the security level demands a C-MAC on every command");
    }
    if (!secured) {
        cr_buf_append_span(out, apdu);
        keep_command(s, &a, a.data);
        return CR_OK;
    }
    if (a.data.n < SCP_MAC) {
        return scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH, "the command is too short for a C-MAC");
    }
    cr_buf plain = {.limit = 255, .secret = true};
    struct scp_apdu under_mac = a;
    under_mac.cla = cla_of_mac(a.cla);
    cr_status status = s->ops->open(s, &under_mac, &plain, err);
    if (status == CR_OK) {
        apdu_put(out, &a, cla_without(a.cla), cr_buf_span(&plain));
        keep_command(s, &a, cr_buf_span(&plain));
    }
    cr_buf_free(&plain);
    return status;
}

cr_status scp_unwrap_command(struct scp_session *s, cr_span apdu, cr_buf *out, struct cr_err *err)
{
    if (s->host || s->state != SCP_STATE_OPEN) {
        return wrong_time(err);
    }
    size_t before = out->n;
    cr_status status = unwrap_command(s, apdu, out, err);
    if (status == CR_OK && !cr_buf_ok(out)) {
        status = cr_fail_memory(err);
    }
    if (status != CR_OK) {
        scp_take_back(out, before);
        return end_with(s, status);
    }
    return CR_OK;
}

/* ---- responses ---- */

static bool sw_is_error(uint16_t sw)
{
    return sw != 0x9000 && sw >> 8 != 0x62 && sw >> 8 != 0x63;
}

static bool answer_is_bare(const struct scp_session *s, uint16_t sw)
{
    return !(s->level & SCP_LEVEL_R_MAC) || (sw_is_error(sw) && !s->ops->errors_have_mac);
}

cr_status scp_wrap_response(struct scp_session *s, cr_span data, uint16_t sw, cr_buf *out,
                            struct cr_err *err)
{
    if (s->host || s->state != SCP_STATE_OPEN || !s->command_open) {
        return wrong_time(err);
    }
    if (data.n + scp_response_overhead(s) > SCP_RESPONSE_MAX) {
        return scp_fail(err, CR_INTERNAL, SCP_SW_LENGTH,
                        "the response is too long for secure messaging");
    }
    size_t before = out->n;
    cr_status status = CR_OK;
    if (!answer_is_bare(s, sw)) {
        status = s->ops->answer(s, data, sw, out, err);
    } else if (s->level & SCP_LEVEL_R_MAC && data.n > 0) {
        return scp_fail(err, CR_INTERNAL, SCP_SW_CONDITIONS,
                        "an error status goes without data under R-MAC");
    } else {
        cr_buf_append_span(out, data);
    }
    cr_buf_append_be(out, sw, 2);
    if (status == CR_OK && !cr_buf_ok(out)) {
        status = cr_fail_memory(err);
    }
    if (status != CR_OK) {
        scp_take_back(out, before);
        return end_with(s, status);
    }
    s->command_open = false;
    return CR_OK;
}

static cr_status unwrap_response(struct scp_session *s, cr_span data, uint16_t sw, cr_buf *out,
                                 struct cr_err *err)
{
    if (answer_is_bare(s, sw)) {
        if (s->level & SCP_LEVEL_R_MAC && data.n > 0) {
            return scp_fail(err, CR_REFUSED, SCP_SW_SECURITY,
                            "data with an error status, although the level has R-MAC");
        }
        cr_buf_append_span(out, data);
        return CR_OK;
    }
    if (data.n < SCP_MAC) {
        return scp_fail(err, CR_REFUSED, SCP_SW_SECURITY, "the response has no R-MAC");
    }
    return s->ops->read_answer(s, data, sw, out, err);
}

cr_status scp_unwrap_response(struct scp_session *s, cr_span response, cr_buf *data, uint16_t *sw,
                              struct cr_err *err)
{
    if (!s->host || s->state != SCP_STATE_OPEN || !s->command_open) {
        return wrong_time(err);
    }
    if (response.n < 2 || response.n > SCP_RESPONSE_MAX + 2) {
        return end_with(
            s, scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH, "a response has 2 to 258 bytes"));
    }
    uint16_t status_word =
        (uint16_t)((unsigned)response.p[response.n - 2] << 8 | response.p[response.n - 1]);
    size_t before = data->n;
    cr_status status =
        unwrap_response(s, cr_span_sub(response, 0, response.n - 2), status_word, data, err);
    if (status == CR_OK && !cr_buf_ok(data)) {
        status = cr_fail_memory(err);
    }
    if (status != CR_OK) {
        scp_take_back(data, before);
        return end_with(s, status);
    }
    s->command_open = false;
    *sw = status_word;
    return CR_OK;
}

/* ---- sensitive data ---- */

static cr_status sensitive(const struct scp_session *s, bool encrypt, cr_span in, cr_buf *out,
                           struct cr_err *err)
{
    if (s->state != SCP_STATE_OPEN && s->state != SCP_STATE_INITIALISED) {
        return wrong_time(err);
    }
    if (in.n == 0 || in.n % s->ops->block != 0) {
        return scp_fail(err, CR_MALFORMED, SCP_SW_WRONG_DATA,
                        "what the DEK covers is a whole number of blocks");
    }
    size_t before = out->n;
    cr_status status = s->ops->sensitive(s, encrypt, in, out, err);
    if (status != CR_OK) {
        scp_take_back(out, before);
    }
    return status;
}

cr_status scp_encrypt_sensitive(const struct scp_session *s, cr_span plain, cr_buf *out,
                                struct cr_err *err)
{
    return sensitive(s, true, plain, out, err);
}

cr_status scp_decrypt_sensitive(const struct scp_session *s, cr_span cipher, cr_buf *out,
                                struct cr_err *err)
{
    return sensitive(s, false, cipher, out, err);
}
