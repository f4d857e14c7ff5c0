/*
 * What SCP02 and SCP03 have in common: beginning a session from both ends, cryptograms compared.
 * The protocols themselves are behind struct scp_ops, commands and responses in scp_apdu.c.
 */
#include "crypto/scp_internal.h"

#define INS_EXTERNAL_AUTHENTICATE 0x82
#define EXTERNAL_AUTHENTICATE     21 /* bytes of the APDU, without Le */
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

cr_status scp_end_with(struct scp_session *s, cr_status status)
{
    scp_end(s);
    return status;
}

cr_status scp_wrong_time(struct cr_err *err)
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
        return scp_wrong_time(err);
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
        return scp_end_with(s, status);
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
        return scp_wrong_time(err);
    }
    cr_status status = host_take(s, answer, err);
    return status == CR_OK ? CR_OK : scp_end_with(s, status);
}

cr_status scp_host_authenticate(struct scp_session *s, uint8_t level, cr_buf *apdu,
                                struct cr_err *err)
{
    if (!s->host || s->state != SCP_STATE_INITIALISED) {
        return scp_wrong_time(err);
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
        return scp_end_with(s, status);
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
    return status == CR_OK ? CR_OK : scp_end_with(s, status);
}

cr_status scp_card_authenticate(struct scp_session *s, cr_span apdu, struct cr_err *err)
{
    if (s->host || s->state != SCP_STATE_INITIALISED) {
        return scp_wrong_time(err);
    }
    struct scp_apdu a;
    if (!scp_apdu_parse(apdu, &a) || a.data.n != SCP_CRYPTOGRAM + SCP_MAC) {
        return scp_end_with(s, scp_fail(err, CR_MALFORMED, SCP_SW_LENGTH,
                                        "EXTERNAL AUTHENTICATE carries 16 bytes"));
    }
    if (a.ins != INS_EXTERNAL_AUTHENTICATE || !scp_cla_usable(a.cla) || !scp_cla_secured(a.cla) ||
        !(a.cla & 0x80)) {
        return scp_end_with(s, scp_fail(err, CR_REFUSED, SCP_SW_SECURITY,
                                        "this is no EXTERNAL AUTHENTICATE with secure messaging"));
    }
    if (a.p2 != 0 || !scp_level_supported(s->facts.protocol, s->facts.i, a.p1)) {
        return scp_end_with(s,
                            scp_fail(err, CR_REFUSED, SCP_SW_P1P2,
                                     "EXTERNAL AUTHENTICATE asks for an unknown security level"));
    }
    const uint8_t head[] = {scp_cla_of_mac(a.cla), a.ins, a.p1, a.p2, (uint8_t)a.data.n};
    uint8_t cryptogram[SCP_CRYPTOGRAM];
    uint8_t mac[SCP_MAC];
    cr_status status = s->ops->mac(s, head, cr_span_sub(a.data, 0, SCP_CRYPTOGRAM), mac, err);
    if (status == CR_OK) {
        status = s->ops->cryptogram(s, false, cryptogram, err);
    }
    if (status != CR_OK) {
        return scp_end_with(s, status);
    }
    bool mac_same =
        cr_span_equal_ct(CR_SPAN_ARRAY(mac), cr_span_sub(a.data, SCP_CRYPTOGRAM, SCP_MAC));
    bool cryptogram_same =
        cr_span_equal_ct(CR_SPAN_ARRAY(cryptogram), cr_span_sub(a.data, 0, SCP_CRYPTOGRAM));
    cr_wipe(cryptogram, sizeof cryptogram);
    cr_wipe(mac, sizeof mac);
    if (!mac_same || !cryptogram_same) {
        return scp_end_with(s,
                            scp_fail(err, CR_REFUSED, SCP_SW_AUTHENTICATION,
                                     "the host cryptogram or the MAC of EXTERNAL AUTHENTICATE is "
                                     "wrong"));
    }
    s->level = a.p1;
    s->state = SCP_STATE_OPEN;
    return CR_OK;
}

/* ---- sensitive data ---- */

static cr_status sensitive(const struct scp_session *s, bool encrypt, cr_span in, cr_buf *out,
                           struct cr_err *err)
{
    if (s->state != SCP_STATE_OPEN && s->state != SCP_STATE_INITIALISED) {
        return scp_wrong_time(err);
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
