/*
 * PINs, PUKs and administrative keys of one profile (ETSI TS 102 221 clause 9 and 11.1.9-11.1.13).
 *
 * A PIN belongs to a context: the MF for global references (01-08 application PINs, 0A-0E ADM1-5,
 * 11 universal PIN) or a DF or ADF for local ones (81-88, 8A-8E). A local reference is looked up
 * from the current DF upwards. Values and counters are in the chip's memory; what has been verified
 * is a struct uicc_pin_session in RAM.
 */
#ifndef CRISP_UICC_PIN_H
#define CRISP_UICC_PIN_H

#include "uicc/fs.h"

#define UICC_PIN_SIZE      8
#define UICC_PIN_UNIVERSAL 0x11
#define UICC_MAX_VERIFIED  32 /* PINs verified at one time; the oldest is forgotten beyond */

/* pinAttributes of the profile package; bits 2 and 3 are not certain. */
#define UICC_PIN_ENABLED     0x01
#define UICC_PIN_CHANGEABLE  0x02
#define UICC_PIN_DISABLEABLE 0x04

struct uicc_pin {
    uint8_t reference;
    uint8_t value[UICC_PIN_SIZE]; /* FF padded */
    uint8_t unblock_reference;    /* its PUK; 0 = it has none */
    uint8_t attributes;           /* UICC_PIN_..., kept as given */
    uint8_t max, left;            /* attempts, 1..15 and 0..15 */
    uint8_t replacement;          /* while disabled: the reference that replaces it; 0 = none */
};

struct uicc_puk {
    uint8_t reference;
    uint8_t value[UICC_PIN_SIZE];
    uint8_t max, left;
};

/* Creates or overwrites. context: MF, DF or ADF. CR_REFUSED: a reference that cannot be. */
cr_status uicc_pin_create(const struct uicc_fs *fs, uicc_file context, const struct uicc_pin *pin,
                          struct cr_err *err) CR_MUST_CHECK;
/* The local PINs of context are those of source (PINCodes filePath). */
cr_status uicc_pin_share(const struct uicc_fs *fs, uicc_file context, uicc_file source,
                         struct cr_err *err) CR_MUST_CHECK;
cr_status uicc_puk_create(const struct uicc_fs *fs, const struct uicc_puk *puk,
                          struct cr_err *err) CR_MUST_CHECK;

/* What is stored for this context (sharing followed); false = none. Wipe *pin afterwards. */
bool uicc_pin_get(const struct uicc_fs *fs, uicc_file context, uint8_t reference,
                  struct uicc_pin *pin);
bool uicc_puk_get(const struct uicc_fs *fs, uint8_t reference, struct uicc_puk *puk);

/* Who holds the reference as seen from path: the context to which it belongs, 0 = nobody. */
uicc_file uicc_pin_context(const struct uicc_fs *fs, const struct uicc_path *path,
                           uint8_t reference);

struct uicc_pin_session {
    uint8_t count;
    struct {
        uicc_file context;
        uint8_t reference;
    } verified[UICC_MAX_VERIFIED];
};

/* True when an access rule that names the reference is met: verified, or disabled without
 * replacement, or its replacement is met. Unknown references are never met. */
bool uicc_pin_met(const struct uicc_fs *fs, const struct uicc_pin_session *session,
                  const struct uicc_path *path, uint8_t reference);

/* Forgets the local PINs of a context that nobody uses any more. */
void uicc_pin_forget(struct uicc_pin_session *session, uicc_file context);

/* The commands. data is the command's data field; the status word is the answer. Counters are
 * changed in the caller's transaction, which has to be committed before the answer leaves. */
uicc_sw uicc_pin_verify(const struct uicc_fs *fs, struct uicc_pin_session *session,
                        const struct uicc_path *path, uint8_t reference, cr_span data);
uicc_sw uicc_pin_change(const struct uicc_fs *fs, struct uicc_pin_session *session,
                        const struct uicc_path *path, uint8_t reference, cr_span data);
uicc_sw uicc_pin_disable(const struct uicc_fs *fs, struct uicc_pin_session *session,
                         const struct uicc_path *path, uint8_t reference, uint8_t p1, cr_span data);
uicc_sw uicc_pin_enable(const struct uicc_fs *fs, struct uicc_pin_session *session,
                        const struct uicc_path *path, uint8_t reference, cr_span data);
uicc_sw uicc_pin_unblock(const struct uicc_fs *fs, struct uicc_pin_session *session,
                         const struct uicc_path *path, uint8_t reference, cr_span data);

#endif
