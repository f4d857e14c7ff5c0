/*
 * Key establishment, scenario 3 (ECKA-EG): EstablishISDPKeySet and EstablishISDRKeySet (SGP.02
 * 4.1.3.1, 4.1.1.8; GlobalPlatform Amendments A and E), both ends as pure functions.
 *
 *   off-card entity X (SM-DP: ISD-P; SM-SR: ISD-R)        card
 *   establish_put_certificate()      -- STORE DATA 3A01 ->   establish_take_certificate(),
 *                                                            gpcert_verify() by the ECASD
 *   establish_take_challenge()       <- 85 RC ------------   establish_put_challenge()
 *   establish_put_objects(), establish_sign(),
 *   establish_put_request()          -- STORE DATA 3A02 ->   establish_take_request(),
 *                                                            establish_check(),
 *                                                            establish_verify(),
 *   establish_host_finish()          <- [85 DR] 86 receipt   establish_card_finish()
 *
 * In an SM-SR change SM-SR2 signs what SM-SR1 sends: SM-SR2 calls establish_put_objects() and
 * establish_sign(), the parameters travel on ES7, and SM-SR1 calls establish_rebuild().
 *
 * A function that "puts" appends, and only on success. A function that "takes" gives spans into its
 * input. Errors: CR_MALFORMED or CR_REFUSED with the status word that a card answers in err->code
 * (ESTABLISH_SW_...) and the tag in err->field.
 */
#ifndef CRISP_OTA_ESTABLISH_H
#define CRISP_OTA_ESTABLISH_H

#include "pki/key.h"

#define ESTABLISH_DGI_CERTIFICATE 0x3A01
#define ESTABLISH_DGI_REQUEST     0x3A02

#define ESTABLISH_SW_SECURITY   0x6982 /* signature wrong */
#define ESTABLISH_SW_CONDITIONS 0x6985 /* key set not for this domain */
#define ESTABLISH_SW_WRONG_DATA 0x6A80 /* structure, template, point */

#define ESTABLISH_MAX_DATA  4096 /* bytes of the data of one STORE DATA, all blocks together */
#define ESTABLISH_MAX_HOST  16   /* bytes of HostID, SIN and SDIN each */
#define ESTABLISH_KEY       16   /* bytes of every key here, and of a receipt */
#define ESTABLISH_DR        16   /* bytes of the derivation random, curves of 256 bits */
#define ESTABLISH_CHALLENGE 16   /* bytes of RC that our chip makes; 32 are taken too */

/* --- the control reference template A6 --- */

/* Second byte of object 90. */
#define ESTABLISH_DELETE_KEYS 0x01 /* delete the existing key sets of this domain first */
#define ESTABLISH_WITH_DR     0x02
#define ESTABLISH_WITH_HOST   0x04 /* HostID, SIN and SDIN are part of the derivation */
#define ESTABLISH_CERTIFICATE 0x08 /* certificate verification precedes: always set here */

#define ESTABLISH_USAGE_CHANNEL 0x10 /* three keys of a secure channel */
#define ESTABLISH_USAGE_ONE     0x5C /* one key */
#define ESTABLISH_TYPE_AES      0x88
#define ESTABLISH_TYPE_PSK      0x85

struct establish_template {
    uint8_t parameters;   /* ESTABLISH_DELETE_KEYS ... */
    uint8_t usage;        /* 95 */
    bool has_access;      /* 96 is there */
    uint8_t access;       /* 96; 00 = any */
    uint8_t key_type;     /* 80 */
    uint8_t key_size;     /* 81, bytes */
    uint8_t key_id;       /* 82, of the first key */
    uint8_t kvn;          /* 83 */
    uint8_t counter_size; /* bytes of 91: 0, 2, 3, 5 or 8 */
    uint64_t counter;     /* 91: initial counter; empty = 0 */
    cr_span sdin;         /* 45, 1..16 bytes; exactly with ESTABLISH_WITH_HOST */
    cr_span host_id;      /* 84, 0..16 bytes; exactly with ESTABLISH_WITH_HOST */
};

/* The usual templates: an SCP03 set for an ISD-P (KVN 30..3F, DR), an SCP80 set for the ISD-R (KVN
 * 01..0F, DR, 96, five bytes of counter), an SCP81 set (KVN 40..4F, one PSK, DR). HostID and SDIN
 * are added by the caller. */
struct establish_template establish_template_isdp(uint8_t kvn);
struct establish_template establish_template_scp80(uint8_t kvn, uint64_t counter);
struct establish_template establish_template_scp81(uint8_t kvn);

/* A6 with its objects in the order of the struct. CR_REFUSED when a field does not fit. Without
 * ESTABLISH_WITH_HOST sdin and host_id are left out. */
cr_status establish_put_template(const struct establish_template *t, cr_buf *out,
                                 struct cr_err *err) CR_MUST_CHECK;
/* a6: the complete TLV, objects in any order, 96 optional. */
cr_status establish_take_template(cr_span a6, struct establish_template *out,
                                  struct cr_err *err) CR_MUST_CHECK;

/* Which key sets a domain takes: KVN, usage, type, size, first id and counter belong together, and
 * ESTABLISH_CERTIFICATE is set. CR_REFUSED with ESTABLISH_SW_CONDITIONS for a KVN of the other
 * domain, else ESTABLISH_SW_WRONG_DATA. */
enum establish_domain { ESTABLISH_ISDP = 1, ESTABLISH_ISDR };
cr_status establish_check(const struct establish_template *t, enum establish_domain domain,
                          struct cr_err *err) CR_MUST_CHECK;
/* Keys that the set will have: 3 or 1. */
size_t establish_key_count(const struct establish_template *t);

/* --- STORE DATA --- */

/* How the length of the certificate's data grouping is written from 80 up; nothing else here is
 * that long. */
enum establish_lengths {
    ESTABLISH_LENGTH_DGI = 0, /* one byte up to FE, FF and two bytes above: what we send */
    ESTABLISH_LENGTH_BER
};

/* Data of the first command: 3A01 L certificate (the complete 7F21). Taking finds out the form of
 * the length. */
cr_status establish_put_certificate(cr_span certificate, enum establish_lengths lengths,
                                    cr_buf *data, struct cr_err *err) CR_MUST_CHECK;
cr_status establish_take_certificate(cr_span data, cr_span *certificate,
                                     struct cr_err *err) CR_MUST_CHECK;

/* Its answer: 85 L RC, 16 or 32 bytes. */
cr_status establish_put_challenge(cr_span rc, cr_buf *answer, struct cr_err *err) CR_MUST_CHECK;
cr_status establish_take_challenge(cr_span answer, cr_span *rc, struct cr_err *err) CR_MUST_CHECK;

/* Contents of 7F49: the point alone, or B0 point F0 curve. */
enum establish_key_form { ESTABLISH_KEY_RAW = 0, ESTABLISH_KEY_WRAPPED };
cr_status establish_put_key(enum crypto_curve curve, cr_span point, enum establish_key_form form,
                            cr_buf *value, struct cr_err *err) CR_MUST_CHECK;
/* The point in either form; a curve that is named has to be this one. */
cr_status establish_take_key(cr_span value, enum crypto_curve curve, cr_span *point,
                             struct cr_err *err) CR_MUST_CHECK;

/* The signed objects of the second command: 3A02 L A6, 7F49 L key (contents as given). */
cr_status establish_put_objects(const struct establish_template *t, cr_span key, cr_buf *objects,
                                struct cr_err *err) CR_MUST_CHECK;
/* Signature over objects || 0085 L RC. */
cr_status establish_sign(cr_span objects, cr_span rc, const struct pki_key *key,
                         uint8_t signature[CRYPTO_SIGNATURE], struct cr_err *err) CR_MUST_CHECK;
/* Data of the second command: objects || 5F37 40 signature. */
cr_status establish_put_request(cr_span objects, cr_span signature, cr_buf *data,
                                struct cr_err *err) CR_MUST_CHECK;

struct establish_request {
    cr_span objects;             /* 3A02 .. and 7F49 .., as received: what is signed */
    cr_span a6;                  /* the template, complete, as received: what the receipt is over */
    struct establish_template t; /* the same, decoded */
    cr_span key;                 /* contents of 7F49: establish_take_key() */
    cr_span signature;           /* contents of 5F37 */
};
cr_status establish_take_request(cr_span data, struct establish_request *out,
                                 struct cr_err *err) CR_MUST_CHECK;
/* The signature by X; ESTABLISH_SW_SECURITY when it is wrong. */
cr_status establish_verify(const struct establish_request *request, cr_span rc,
                           const struct crypto_public *key, struct cr_err *err) CR_MUST_CHECK;

/* SM-SR1: the data of the second command from the parameters of ES7 CreateAdditionalKeySet. The
 * other SM-SR may have signed another form (96 left out, 91 empty, key raw or wrapped): each is
 * tried, the usual one first, and the one that verifies under signer (the key of CERT.SR) is put.
 * key: EphemeralPublicKey as received. curve: of PK.ECASD. CR_REFUSED when none verifies. */
cr_status establish_rebuild(const struct establish_template *t, cr_span key,
                            enum crypto_curve curve, cr_span rc, cr_span signature,
                            const struct crypto_public *signer, cr_buf *data,
                            struct cr_err *err) CR_MUST_CHECK;

/* Cuts data into STORE DATA commands: appends one command APDU (P1 09, with 80 when it is the last
 * block of the last data; P2 = *block, then increased) with the first up to 255 bytes of *data and
 * moves *data behind them. last: the second of the two data. */
cr_status establish_next_command(cr_span *data, bool last, uint8_t *block, cr_buf *apdu,
                                 struct cr_err *err) CR_MUST_CHECK;

/* --- keys --- */

struct establish_keys {
    uint8_t receipt[ESTABLISH_KEY]; /* key of the receipt; wiped by the two finish functions */
    uint8_t keys[3][ESTABLISH_KEY]; /* ENC/KIc, MAC/KID, DEK; or the one key */
    size_t count;                   /* 3 or 1 */
};
void establish_keys_wipe(struct establish_keys *keys);

/* z: shared secret, 32 bytes. dr: absent without ESTABLISH_WITH_DR. sin: with ESTABLISH_WITH_HOST,
 * else ignored (SDIN and HostID are in the template). */
cr_status establish_derive(const struct establish_template *t, cr_span z, cr_span dr, cr_span sin,
                           struct establish_keys *out, struct cr_err *err) CR_MUST_CHECK;

/* Over A6 as sent || [85 L DR]. */
cr_status establish_receipt(const struct establish_keys *keys, cr_span a6, cr_span dr,
                            uint8_t out[ESTABLISH_KEY], struct cr_err *err) CR_MUST_CHECK;

/* Answer to the second command: [85 L DR] 86 10 receipt. dr absent = none. */
cr_status establish_put_answer(cr_span dr, cr_span receipt, cr_buf *answer,
                               struct cr_err *err) CR_MUST_CHECK;
cr_status establish_take_answer(cr_span answer, cr_span *dr, cr_span *receipt,
                                struct cr_err *err) CR_MUST_CHECK;

/* Card, behind establish_check() and establish_verify(): makes DR, derives by the ECASD's key
 * (SK.ECASD.ECKA, through the handle), puts the answer. sin: of this security domain. */
cr_status establish_card_finish(const struct establish_request *request,
                                const struct pki_key *ecasd, cr_span sin, const cr_env *env,
                                struct establish_keys *keys, cr_buf *answer,
                                struct cr_err *err) CR_MUST_CHECK;

/* Off-card entity: derives by its one-time key and PK.ECASD and compares the receipt. a6: as it was
 * sent (establish_a6_of()). CR_REFUSED when the receipt is wrong, or a DR is missing or too
 * much; keys is not touched then. */
cr_status establish_host_finish(cr_span a6, const struct crypto_private *one_time,
                                const struct crypto_public *ecasd, cr_span sin, cr_span dr,
                                cr_span receipt, struct establish_keys *keys,
                                struct cr_err *err) CR_MUST_CHECK;
/* The A6 in signed objects or in the data of a request. */
cr_status establish_a6_of(cr_span objects, cr_span *a6, struct cr_err *err) CR_MUST_CHECK;

#endif
