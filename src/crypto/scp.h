/*
 * GlobalPlatform secure channels: SCP02 (Card Specification annex E), SCP03 (Amendment D) and
 * SCP03t as TLVs (SGP.02 4.1.3.3), the host's and the card's end of each.
 *
 * A session is one struct that its owner keeps where he likes (a chip: one for each logical
 * channel) and that holds keys: end it with scp_end(), which wipes. No function allocates anything
 * that stays behind. One thread at a time.
 *
 * Order of calls, host:                          card:
 *   scp_host_begin()       -> host challenge       scp_card_initialise()    INITIALIZE UPDATE
 *   scp_host_take()        <- its answer           scp_card_authenticate()  EXTERNAL AUTHENTICATE
 *   scp_host_authenticate() -> EXTERNAL AUTH.      for each command:
 *   for each command:                                scp_unwrap_command()
 *     scp_wrap_command()                             scp_wrap_response()
 *     scp_unwrap_response()
 * With SCP03t the functions scp03t_...() take the places of these; the session is the same.
 *
 * Supported: SCP02 with explicit initiation and C-MAC over the modified APDU (i = 04 05 14 15 24 25
 * 34 35 44 45 54 55 64 65 74 75): one or three base keys, ICV encryption, R-MAC, card challenge
 * random or pseudo-random. SCP03 in S8 mode with AES-128, -192, -256; card challenge random or
 * pseudo-random; R-MAC, R-ENCRYPTION (i = 00 10 20 30 60 70). Not: implicit initiation and BEGIN
 * R-MAC SESSION of SCP02, S16 mode, extended lengths, command chaining; each is CR_REFUSED, never
 * done wrongly.
 *
 * Errors: CR_MALFORMED = structure, CR_REFUSED = a MAC, a cryptogram, a padding, a level or a call
 * at the wrong time. err->code is the status word that a card answers (SCP_SW_...). Any failure of
 * authentication or of unwrapping ends and wipes the session. Outputs are appended, and only on
 * success.
 */
#ifndef CRISP_CRYPTO_SCP_H
#define CRISP_CRYPTO_SCP_H

#include "base/buf.h"
#include "base/env.h"
#include "base/error.h"

enum scp_protocol { SCP_NONE = 0, SCP_02 = 2, SCP_03 = 3 };

/* Security level: P1 of EXTERNAL AUTHENTICATE. 00 01 03 11 13 33 (SCP03), 00 01 03 10 11 13
 * (SCP02). */
#define SCP_LEVEL_NONE         0x00
#define SCP_LEVEL_C_MAC        0x01
#define SCP_LEVEL_C_DECRYPTION 0x02
#define SCP_LEVEL_R_MAC        0x10
#define SCP_LEVEL_R_ENCRYPTION 0x20

/* Bits of the i parameter. */
#define SCP02_I_THREE_KEYS    0x01 /* else one base key: enc, mac and dek are to be equal */
#define SCP02_I_UNMODIFIED    0x02 /* implicit initiation only: refused */
#define SCP02_I_EXPLICIT      0x04 /* must be set */
#define SCP02_I_ICV_AID       0x08 /* implicit initiation only: refused */
#define SCP02_I_ICV_ENCRYPT   0x10 /* the ICV of a C-MAC is the last MAC, encrypted */
#define SCP02_I_R_MAC         0x20
#define SCP02_I_PSEUDO_RANDOM 0x40 /* card challenge can be foretold */
#define SCP03_I_S16           0x01 /* refused */
#define SCP03_I_PSEUDO_RANDOM 0x10
#define SCP03_I_R_MAC         0x20
#define SCP03_I_R_ENCRYPTION  0x40 /* with 20 only */

/* Status words in err->code. */
#define SCP_SW_AUTHENTICATION                                                                      \
    0x6300 /* host cryptogram or the MAC of EXTERNAL AUTHENTICATE wrong                            \
            */
#define SCP_SW_LENGTH     0x6700
#define SCP_SW_SECURITY   0x6982 /* MAC or padding wrong, or the level needs what is missing */
#define SCP_SW_CONDITIONS 0x6985 /* call at the wrong time, session over */
#define SCP_SW_WRONG_DATA 0x6A80
#define SCP_SW_P1P2       0x6A86 /* level that the protocol does not have */

#define SCP_KEY_MAX         32
#define SCP_CHALLENGE       8
#define SCP_CRYPTOGRAM      8
#define SCP_MAC             8
#define SCP_DIVERSIFICATION 10
#define SCP_AID_MAX         16
#define SCP_COMMAND_MAX     261 /* bytes of a short command APDU */
#define SCP_RESPONSE_MAX    256 /* bytes of response data */

/* A static key: 16 bytes for SCP02; 16, 24 or 32 for SCP03 (all three of one size). */
struct scp_key {
    uint8_t value[SCP_KEY_MAX];
    uint8_t n;
};

struct scp_keys {
    struct scp_key enc, mac, dek; /* key ids 01, 02, 03 */
};

/* What a card knows when INITIALIZE UPDATE comes, and what a host reads from the answer. */
struct scp_card_facts {
    enum scp_protocol protocol;
    uint8_t i;
    uint8_t kvn;
    uint8_t diversification[SCP_DIVERSIFICATION];
    /* SCP02: 2 bytes, the keyset's present value; the owner adds 1 when EXTERNAL AUTHENTICATE
     * succeeds. SCP03: 3 bytes, the value of this session; the owner adds 1 and stores it before he
     * calls. In the answer of SCP03 with pseudo-random challenge, and always of SCP02. */
    uint32_t sequence;
};

enum scp_state {
    SCP_STATE_NONE,        /* nothing, or ended */
    SCP_STATE_BEGUN,       /* host: challenge made */
    SCP_STATE_INITIALISED, /* INITIALIZE UPDATE answered; no level yet */
    SCP_STATE_OPEN
};

struct scp_ops; /* the protocol's own part: scp02.c, scp03.c */

/* To read: state, level, facts (the host may set facts.i, see scp_host_begin()). All else is the
 * session's own. Zeroed = no session. */
struct scp_session {
    enum scp_state state;
    uint8_t level; /* SCP_LEVEL_... bits, valid when OPEN */
    struct scp_card_facts facts;

    const struct scp_ops *ops;
    bool host;
    bool predicted;    /* host: scp_host_predict() was used and the answer is not here yet */
    uint8_t asked_kvn; /* host */
    bool command_open; /* a command is under way, its response not yet wrapped or unwrapped */
    uint8_t challenge_host[SCP_CHALLENGE], challenge_card[SCP_CHALLENGE];
    struct scp_keys statics; /* host: until the answer came; SCP03: dek stays */
    uint8_t key_size;
    uint8_t s_enc[SCP_KEY_MAX], s_mac[SCP_KEY_MAX], s_rmac[SCP_KEY_MAX], s_dek[SCP_KEY_MAX];
    uint8_t chain[16];  /* SCP03: MAC chaining value; SCP02: last C-MAC in the first 8 */
    uint8_t chain_r[8]; /* SCP02: last R-MAC */
    uint32_t counter;   /* SCP03: block counter of the last command */
    uint16_t last_n;    /* SCP02 with R-MAC: the command that the response answers */
    uint8_t last[SCP_COMMAND_MAX];
};

/* Wipes everything; the session is then none. NULL allowed. */
void scp_end(struct scp_session *s);

/* True for an i and a level that the protocol knows and this file does. */
bool scp_i_supported(enum scp_protocol protocol, uint8_t i);
bool scp_level_supported(enum scp_protocol protocol, uint8_t i, uint8_t level);

/* ---- host ---- */

/* Begins a session of either protocol (the card's answer says which) with keys, and gives the host
 * challenge that INITIALIZE UPDATE carries (8 bytes from env). keys are copied. kvn 0 = the card's
 * choice; another one must come back. The answer of SCP02 does not tell i: 55 is assumed, another
 * one is put into s->facts.i before scp_host_take(). */
cr_status scp_host_begin(struct scp_session *s, const struct scp_keys *keys, uint8_t kvn,
                         const cr_env *env, uint8_t challenge[SCP_CHALLENGE],
                         struct cr_err *err) CR_MUST_CHECK;

/* SCP03 with pseudo-random challenge only: what the card will answer is known (its AID and the
 * sequence that comes), so that EXTERNAL AUTHENTICATE can go in the same script. facts.i and
 * .sequence are those that are expected. scp_host_take() afterwards requires exactly these. */
cr_status scp_host_predict(struct scp_session *s, const struct scp_card_facts *facts, cr_span aid,
                           struct cr_err *err) CR_MUST_CHECK;

/* The answer to INITIALIZE UPDATE without status word (SCP02 28 bytes; SCP03 29, or 32 with
 * sequence): derives the session keys and verifies the card cryptogram (CR_REFUSED). s->facts is
 * what the card told. */
cr_status scp_host_take(struct scp_session *s, cr_span answer, struct cr_err *err) CR_MUST_CHECK;

/* Appends the whole EXTERNAL AUTHENTICATE APDU, 84 82 level 00 10 cryptogram MAC; the session is
 * then open on the host's side. If the card does not answer 9000, end it. */
cr_status scp_host_authenticate(struct scp_session *s, uint8_t level, cr_buf *apdu,
                                struct cr_err *err) CR_MUST_CHECK;

/* ---- card ---- */

/* INITIALIZE UPDATE: makes the session (an old one in s is ended) and appends the answer without
 * status word. aid: the security domain's, for the pseudo-random challenge, 5..16 bytes; env is
 * asked for the random one. host_challenge 8 bytes, else CR_MALFORMED (6700). */
cr_status scp_card_initialise(struct scp_session *s, const struct scp_card_facts *facts,
                              const struct scp_keys *keys, cr_span aid, cr_span host_challenge,
                              const cr_env *env, cr_buf *answer, struct cr_err *err) CR_MUST_CHECK;

/* The whole EXTERNAL AUTHENTICATE APDU: verifies MAC and cryptogram; the level is its P1. A level
 * that is not supported is 6A86. On failure the session is over. */
cr_status scp_card_authenticate(struct scp_session *s, cr_span apdu,
                                struct cr_err *err) CR_MUST_CHECK;

/* ---- both: commands and responses of an open session ---- */

/* Host: a whole short APDU of any case, its class without secure messaging, to what is sent. With
 * level 00 unchanged. CR_MALFORMED when it becomes longer than 255 bytes of data, and the session
 * lives on. */
cr_status scp_wrap_command(struct scp_session *s, cr_span apdu, cr_buf *out,
                           struct cr_err *err) CR_MUST_CHECK;

/* Card: the reverse; what is appended has the class without secure messaging. A command without the
 * secure messaging bit, where the level has C-MAC, is CR_REFUSED (6982). Le is kept. */
cr_status scp_unwrap_command(struct scp_session *s, cr_span apdu, cr_buf *out,
                             struct cr_err *err) CR_MUST_CHECK;

/* Card: response data (up to SCP_RESPONSE_MAX less what the level adds) and status word to data,
 * R-MAC and status word. A status other than 9000, 62xx, 63xx goes bare, as Amendment D wants, and
 * data with it is CR_INTERNAL (SCP02 has an R-MAC on every response). Must follow one unwrapped
 * command. */
cr_status scp_wrap_response(struct scp_session *s, cr_span data, uint16_t sw, cr_buf *out,
                            struct cr_err *err) CR_MUST_CHECK;

/* Host: the reverse. response has the status word; appends the data without it. */
cr_status scp_unwrap_response(struct scp_session *s, cr_span response, cr_buf *data, uint16_t *sw,
                              struct cr_err *err) CR_MUST_CHECK;

/* The data bytes that the level takes from a command or a response, at most: MAC, padding. A plain
 * command of 255 - this fits always. */
size_t scp_command_overhead(const struct scp_session *s);
size_t scp_response_overhead(const struct scp_session *s);

/* Keys and other secrets in PUT KEY and STORE DATA: SCP02 triple DES ECB under the session DEK,
 * SCP03 AES-CBC, IV 0, under the static DEK. plain is a multiple of the block (8 or 16 bytes), else
 * CR_MALFORMED: a shorter key is filled by the caller. Set out->secret for decryption. */
cr_status scp_encrypt_sensitive(const struct scp_session *s, cr_span plain, cr_buf *out,
                                struct cr_err *err) CR_MUST_CHECK;
cr_status scp_decrypt_sensitive(const struct scp_session *s, cr_span cipher, cr_buf *out,
                                struct cr_err *err) CR_MUST_CHECK;

/* ---- SCP03t: the same session of SCP03, carried by TLVs 84, 85, 86 (SGP.02 4.1.3.3) ---- */

#define SCP03T_LEVEL 0x33
#define SCP03T_MAX_PLAIN                                                                           \
    1007 /* bytes of plain data in one 86, so that its value stays below 1024 */
#define SCP03T_MAX_VALUE 1024 /* bytes of the value of an 86 that is still opened */

/* Reasons behind 9F44, 9F45, 9F46. */
enum scp03t_reason {
    SCP03T_OK = 0,
    SCP03T_WRONG_LENGTH = 1,    /* to 84, 85, 86 */
    SCP03T_SECURITY = 2,        /* to 85, 86 */
    SCP03T_KEY_SET_UNKNOWN = 3, /* to 84 */
};

/* Host. The host begins with scp_host_begin(), then 84: */
cr_status scp03t_put_initialise(struct scp_session *s, cr_buf *out,
                                struct cr_err *err) CR_MUST_CHECK;
/* the answer 84 20 ..; an error TLV 9F44 is CR_REFUSED with its reason in err->code; */
cr_status scp03t_take_initialise(struct scp_session *s, cr_span tlv,
                                 struct cr_err *err) CR_MUST_CHECK;
/* 85 (after scp_host_predict() before the answer to 84 is there); */
cr_status scp03t_put_authenticate(struct scp_session *s, cr_buf *out,
                                  struct cr_err *err) CR_MUST_CHECK;
/* its answer, 85 00; when 85 was predicted, take the answer to 84 first; */
cr_status scp03t_take_authenticate(struct scp_session *s, cr_span tlv,
                                   struct cr_err *err) CR_MUST_CHECK;
/* 86, 0..SCP03T_MAX_PLAIN bytes; */
cr_status scp03t_seal(struct scp_session *s, cr_span plain, cr_buf *out,
                      struct cr_err *err) CR_MUST_CHECK;
/* the answers in the order of the 86 they belong to. Several 86 may be under way: the answer to the
 * n-th is opened with the chain and counter of the n-th, so with commands in advance the host keeps
 * a struct scp03t_mark of each. Appends the plain data; nothing for 86 00. */
struct scp03t_mark {
    uint8_t chain[16];
    uint32_t counter;
};
void scp03t_remember(const struct scp_session *s, struct scp03t_mark *mark);
cr_status scp03t_open_answer(struct scp_session *s, const struct scp03t_mark *mark, cr_span tlv,
                             cr_buf *plain, struct cr_err *err) CR_MUST_CHECK;

/* Card. Each takes a whole TLV (any definite BER length; MACs are over the bytes as received). On
 * failure err->code is an enum scp03t_reason, and scp03t_put_error() makes the answer. */
cr_status scp03t_card_parse_initialise(cr_span tlv, uint8_t *kvn, uint8_t *key_id,
                                       cr_span *host_challenge, struct cr_err *err) CR_MUST_CHECK;
/* Behind parsing and finding the keys: as scp_card_initialise(), the answer as TLV 84. */
cr_status scp03t_card_initialise(struct scp_session *s, const struct scp_card_facts *facts,
                                 const struct scp_keys *keys, cr_span aid, cr_span host_challenge,
                                 const cr_env *env, cr_buf *answer,
                                 struct cr_err *err) CR_MUST_CHECK;
cr_status scp03t_card_authenticate(struct scp_session *s, cr_span tlv, cr_buf *answer,
                                   struct cr_err *err) CR_MUST_CHECK;
cr_status scp03t_card_open(struct scp_session *s, cr_span tlv, cr_buf *plain,
                           struct cr_err *err) CR_MUST_CHECK;
/* The answer to the 86 opened last: 86 00 without data, else sealed. */
cr_status scp03t_card_answer(struct scp_session *s, cr_span plain, cr_buf *out,
                             struct cr_err *err) CR_MUST_CHECK;
/* 9F44, 9F45 or 9F46 for the command tag 84, 85 or 86. */
void scp03t_put_error(uint8_t tag, enum scp03t_reason reason, cr_buf *out);

#endif
