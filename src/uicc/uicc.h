/*
 * A UICC: a function from command APDUs to response APDUs over the chip's memory (ETSI TS 102 221,
 * 3GPP TS 31.101/31.102, toolkit of TS 102 223). It knows no remote provisioning: applications such
 * as the ISD-R are registered by the layer above, and which profile is visible is told from there.
 *
 * Each APDU is one transaction of the memory, committed before the answer is given. When the commit
 * fails the answer is 6581 and the volatile state is as before. Channels, selections, verified
 * PINs, pending data and the toolkit session (uicc/toolkit.h) are RAM and end with the power.
 *
 * One thread at a time. A chip at rest takes a few kilobytes besides its memory.
 */
#ifndef CRISP_UICC_UICC_H
#define CRISP_UICC_UICC_H

#include "base/env.h"
#include "uicc/access.h"
#include "uicc/auth.h"
#include "uicc/pin.h"

#define UICC_CHANNELS     20          /* logical channels, the basic one counted */
#define UICC_MAX_APPS     32          /* registered applications */
#define UICC_MAX_RESPONSE (64 * 1024) /* bytes of response data that GET RESPONSE can fetch */

struct uicc;

/* --- commands ----------------------------------------------------------------------------------
 */

struct uicc_apdu {
    uint8_t cla, ins, p1, p2;
    unsigned channel; /* 0..19, from the class */
    bool proprietary; /* class 8X, CX, EX */
    bool secure;      /* secure messaging as GlobalPlatform codes it: 04 in 0X and 8X, 6X, EX */
    cr_span data;     /* command data; absent when there is no Lc */
    bool has_le;      /* Le (or, for five bytes, P3) was given */
    unsigned le;      /* 1..256; 0 when absent */
    cr_span all;      /* the whole command as received */
};

/* A command APDU as it came: class, lengths. 9000, or the status word that says what is wrong. */
uicc_sw uicc_apdu_parse(cr_span in, struct uicc_apdu *a);

/* One command on its way through an application. The memory has the transaction of the command
 * open: no nvm_begin() or nvm_commit() in here. */
struct uicc_call {
    struct uicc *uicc;
    const struct uicc_apdu *apdu;
    unsigned channel;
    cr_buf *out;  /* response data is appended here; any size up to UICC_MAX_RESPONSE: Le, 61xx and
                     GET RESPONSE are the UICC's business */
    bool discard; /* set by the application: undo all changes to the memory by this command. The
                     status word and the data are answered all the same */
};

/* --- applications ------------------------------------------------------------------------------
 */

struct uicc_app {
    void *ctx; /* given to each function */
    uint8_t aid[UICC_MAX_AID];
    uint8_t aid_size;
    bool secure_messaging; /* process() takes commands with it; otherwise they are 6882 */

    /* NULL = always; false hides the application from SELECT. */
    bool (*selectable)(void *ctx);

    /* SELECT by AID (full, or as much of it as matches): appends the FCI (whole TLV) to call->out.
     * Anything but 9000, 62xx, 63xx leaves the selection of the channel as it is. */
    uicc_sw (*select)(void *ctx, struct uicc_call *call);

    /* A command on a channel where the application is selected that is not one of the UICC's own
     * (SELECT, MANAGE CHANNEL, GET RESPONSE, STATUS, TERMINAL PROFILE, TERMINAL CAPABILITY,
     * ENVELOPE, FETCH, TERMINAL RESPONSE). 6D00 when it is not known. F2 with P1 above 02 is no
     * STATUS but the application's GET STATUS. */
    uicc_sw (*process)(void *ctx, struct uicc_call *call);

    /* Another selection on this channel, the channel closed, power off; NULL allowed. */
    void (*deselect)(void *ctx, unsigned channel);

    /* Power on or reset, after the selections are gone; NULL allowed. */
    void (*reset)(void *ctx);

    /* The changes of the last command could not be committed: forget what it left in RAM.
     * NULL allowed. */
    void (*aborted)(void *ctx);
};

/* --- the card ----------------------------------------------------------------------------------
 */

struct uicc_options {
    struct nvm *nvm;    /* not owned */
    const cr_env *env;  /* not owned; randomness */
    unsigned channels;  /* 1..20; 0 = 20 */
    bool euicc;         /* ATR with the eUICC bit of TB3 */
    cr_span historical; /* up to 15 historical bytes; absent = 80 31 E0 73 FE 21 13 */
};

/* A card without profile, power off. CR_RESOURCE: out of memory. */
cr_status uicc_new(const struct uicc_options *options, struct uicc **out,
                   struct cr_err *err) CR_MUST_CHECK;
void uicc_free(struct uicc *uicc); /* NULL allowed */

/* Cold or warm reset: everything volatile is forgotten, waiting proactive commands included. */
void uicc_reset(struct uicc *uicc);
/* Appends the ATR (TS 102 221 clause 6.3). */
void uicc_atr(const struct uicc *uicc, cr_buf *out);

/* One exchange: appends the response APDU (at least its status word) to response. Not CR_OK when
 * the memory failed or the power of it was cut: response then has 6581, and err the cause. Commands
 * of any content and length are answered. */
cr_status uicc_transmit(struct uicc *uicc, cr_span command, cr_buf *response, struct cr_err *err);

/* The applications live as long as the card; the struct is copied. CR_REFUSED: AID taken or too
 * many. Order of registration is the order of first and next occurrence, after the ADFs. */
cr_status uicc_register(struct uicc *uicc, const struct uicc_app *app,
                        struct cr_err *err) CR_MUST_CHECK;
/* Channels that have it selected go back to the MF. */
void uicc_unregister(struct uicc *uicc, cr_span aid);

/* Which profile is visible: the key prefix of its file system, absent = none (a bare MF then).
 * All file selections go to the MF, ADFs are closed, verified PINs forgotten; registered
 * applications stay selected. May be called from an application's process(); undone when the
 * transaction of that command fails. */
cr_status uicc_set_profile(struct uicc *uicc, cr_span prefix, struct cr_err *err) CR_MUST_CHECK;
/* To be called after files of the visible profile were deleted by other means than APDUs: channels
 * that point to one which is gone go to the DF above it. */
void uicc_files_changed(struct uicc *uicc);

/* The file system that is visible; NULL = none. */
const struct uicc_fs *uicc_profile(const struct uicc *uicc);

/* Whoever has state of its own beside the visible profile. Functions may be NULL. */
struct uicc_observer {
    void *ctx;
    /* Another profile is visible, or none: by uicc_set_profile(), or because a command that called
     * it was undone. Applications may be registered and unregistered here. */
    void (*visible)(void *ctx);
    void (*reset)(void *ctx);   /* as uicc_app.reset */
    void (*aborted)(void *ctx); /* as uicc_app.aborted */
};
/* One; all NULL removes it. */
void uicc_set_observer(struct uicc *uicc, const struct uicc_observer *observer);

/* --- remote commands ---------------------------------------------------------------------------
 */

/* The file commands of a remote server (TS 102 226 clause 7): a selection of its own that no
 * channel sees, PINs verified for nobody else, access by rights. The selection ends with the power
 * and when another profile becomes visible. */

/* Begins at the MF, or with the ADF of exactly this AID as current directory. False: no profile is
 * visible or there is no such ADF. */
bool uicc_remote_begin(struct uicc *uicc, cr_span adf) CR_MUST_CHECK;
/* False after a reset or a change of the profile. */
bool uicc_remote_active(const struct uicc *uicc);
void uicc_remote_end(struct uicc *uicc);

/* Where it is: FIDs from the MF down (without 3F00), the EF last; for scripts that go on after a
 * reset. The current ADF is given by its AID. */
struct uicc_remote_place {
    uint8_t adf[UICC_MAX_AID];
    uint8_t adf_size; /* 0 = none */
    bool in_adf;      /* path begins in the ADF, else in the MF */
    uint8_t path[2 * UICC_MAX_DEPTH];
    uint8_t path_size;
    uint8_t record;
};
void uicc_remote_where(const struct uicc *uicc, struct uicc_remote_place *out);
/* Begins there; false when it does not exist any more. */
bool uicc_remote_begin_at(struct uicc *uicc, const struct uicc_remote_place *place) CR_MUST_CHECK;

/* Runs one command APDU of class 0X or 8X, channel 0, without secure messaging, inside the
 * transaction that is open. Response data is appended to out as much as there is, whatever Le says.
 * 6D00: not one of the commands of TS 102 226 7. What a command that fails has changed is undone,
 * counters of PINs excepted. */
uicc_sw uicc_remote_command(struct uicc *uicc, const struct uicc_rights *rights, cr_span apdu,
                            cr_buf *out);

struct nvm *uicc_nvm(const struct uicc *uicc);
const cr_env *uicc_env(const struct uicc *uicc);

#endif
