/*
 * Inside src/crypto only: what SCP02 and SCP03 do differently behind scp.h, and what scp.c and
 * scp03t.c share.
 */
#ifndef CRISP_CRYPTO_SCP_INTERNAL_H
#define CRISP_CRYPTO_SCP_INTERNAL_H

#include "crypto/scp.h"

/* A short command APDU, taken apart. */
struct scp_apdu {
    uint8_t cla, ins, p1, p2;
    cr_span data; /* without MAC */
    bool has_le;
    uint8_t le;
};

struct scp_ops {
    const char *clause;
    size_t key_min, key_max; /* bytes of a static key */
    size_t challenge_random; /* bytes of the card challenge that are random: SCP02 has the sequence
                                in front */

    /* The pseudo-random part of the card challenge. SCP02 needs the session keys for it. */
    cr_status (*challenge)(struct scp_session *s, const struct scp_keys *keys, cr_span aid,
                           struct cr_err *err);
    /* Session keys. SCP02: from static keys and sequence alone; SCP03: from both challenges. */
    cr_status (*derive)(struct scp_session *s, const struct scp_keys *keys, struct cr_err *err);
    bool derive_first; /* session keys before the challenge */
    cr_status (*cryptogram)(const struct scp_session *s, bool card, uint8_t out[SCP_CRYPTOGRAM],
                            struct cr_err *err);

    /* C-MAC over head (class to Lc) and data; moves the chain on. */
    cr_status (*mac)(struct scp_session *s, const uint8_t head[5], cr_span data,
                     uint8_t out[SCP_MAC], struct cr_err *err);

    /* Appends the data field of the command (enciphered data and MAC); class in a is the MAC's. */
    cr_status (*protect)(struct scp_session *s, const struct scp_apdu *a, cr_buf *out,
                         struct cr_err *err);
    /* The reverse: a->data is the data field as received, its plain data is appended. */
    cr_status (*open)(struct scp_session *s, const struct scp_apdu *a, cr_buf *plain,
                      struct cr_err *err);
    /* Response data and R-MAC, as the level says, without status word; and the reverse. */
    cr_status (*answer)(struct scp_session *s, cr_span data, uint16_t sw, cr_buf *out,
                        struct cr_err *err);
    cr_status (*read_answer)(struct scp_session *s, cr_span data, uint16_t sw, cr_buf *plain,
                             struct cr_err *err);
    bool errors_have_mac; /* R-MAC on a response with an error status */

    cr_status (*sensitive)(const struct scp_session *s, bool encrypt, cr_span in, cr_buf *out,
                           struct cr_err *err);
    size_t block;
};

extern const struct scp_ops scp02_ops, scp03_ops;

/* Fails with a status word. */
cr_status scp_fail(struct cr_err *err, cr_status category, uint16_t sw, const char *cause);

/* plain || 80 || 00.. to a multiple of block, appended to out; NULL when memory is short. */
uint8_t *scp_pad(cr_buf *out, cr_span plain, size_t block);
/* Length of padded without its padding; false when there is none. */
bool scp_unpad(cr_span padded, size_t block, size_t *n);
static inline size_t scp_padded_size(size_t n, size_t block)
{
    return (n / block + 1) * block;
}

/* Takes back what was appended since. */
void scp_take_back(cr_buf *out, size_t before);

/* scp03.c, for scp03t.c: the ICV of the last command or of its response. */
cr_status scp03_icv(const struct scp_session *s, uint32_t counter, bool response, uint8_t icv[16],
                    struct cr_err *err);
/* Appends padded and enciphered plain; and the reverse for a whole number of blocks (CR_REFUSED
 * when the padding is wrong). */
cr_status scp03_encipher(const struct scp_session *s, uint32_t counter, bool response,
                         cr_span plain, cr_buf *out, struct cr_err *err);
cr_status scp03_decipher(const struct scp_session *s, uint32_t counter, bool response,
                         cr_span cipher, cr_buf *plain, struct cr_err *err);

/* A call at the wrong time; and a failure that no session survives. */
cr_status scp_wrong_time(struct cr_err *err);
cr_status scp_end_with(struct scp_session *s, cr_status status);

/* scp_apdu.c: a short APDU taken apart (spans point into it); classes. */
bool scp_apdu_parse(cr_span apdu, struct scp_apdu *out);
/* With secure messaging; fit for ours; the one that is under the MAC. */
bool scp_cla_secured(uint8_t cla);
bool scp_cla_usable(uint8_t cla);
uint8_t scp_cla_of_mac(uint8_t cla);

bool scp_key_ok(const struct scp_ops *ops, const struct scp_keys *keys);

#endif
