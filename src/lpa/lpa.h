/*
 * What the procedures of the LPA share: the two ends they talk to, and where they are.
 *
 * An LPA stands between a card (ES10, lpa/es10.h) and servers (ES9+ and ES11, lpa/es9.h). The
 * procedures (authenticate, download, notifications, profiles, discover, info) take a struct lpa,
 * never print, never prompt and never block on anything but these two ends: what a person has to be
 * asked comes in through callbacks.
 *
 * A failure is a struct cr_err as everywhere. What that cannot say (the stage, the ES function, a
 * status word, the number in a function's answer, the place in the package) stands in lpa->where
 * when a procedure comes back with a failure.
 */
#ifndef CRISP_LPA_LPA_H
#define CRISP_LPA_LPA_H

#include "base/env.h"

/* Stages of all procedures, in the order in which a download passes them. */
enum lpa_stage {
    LPA_STAGE_NONE,
    LPA_STAGE_OPEN,         /* card, channel, SELECT ISD-R */
    LPA_STAGE_IDENTIFY,     /* what the eUICC says of itself, a challenge */
    LPA_STAGE_CONTACT,      /* TLS and InitiateAuthentication */
    LPA_STAGE_CHECK_SERVER, /* is it the server that was meant */
    LPA_STAGE_AUTHENTICATE_SERVER,
    LPA_STAGE_AUTHENTICATE_CLIENT,
    LPA_STAGE_CHECK_PROFILE, /* policy rules against what the eUICC allows */
    LPA_STAGE_CONSENT,       /* the person: consent, confirmation code */
    LPA_STAGE_PREPARE,
    LPA_STAGE_FETCH, /* GetBoundProfilePackage */
    LPA_STAGE_CHECK_PACKAGE,
    LPA_STAGE_INSTALL,
    LPA_STAGE_NOTIFY,
    LPA_STAGE_MANAGE,   /* list, enable, disable, delete, nickname, reset, default address */
    LPA_STAGE_DISCOVER, /* events of an SM-DS */
    LPA_STAGES
};

/* Stable word for programs ("check-server") and a phrase for people ("checking the server"). */
const char *lpa_stage_name(enum lpa_stage stage);
const char *lpa_stage_text(enum lpa_stage stage);

/* Where a procedure is, and after a failure: where it went wrong. */
struct lpa_where {
    enum lpa_stage stage;
    const char *function;    /* "ES10b.AuthenticateServer"; NULL = none was running */
    unsigned status_word;    /* last one of that function when it was no success; 0 = none */
    int http_status;         /* of the server's answer when it was no success; 0 = none */
    bool has_result;         /* the function answered with an error number of its own */
    int64_t result;          /* that number */
    const char *result_name; /* the standard's name of it; NULL = unknown number */
    bool has_bpp;            /* a ProfileInstallationResult with an error was received */
    int64_t bpp_command;     /* enum rsp_bpp_command */
    int64_t bpp_reason;      /* enum rsp_install_error */
    bool has_cancel;         /* the session was cancelled with this reason */
    int64_t cancel_reason;   /* enum rsp_cancel_reason */
    bool cancel_delivered;   /* the server accepted it */
    bool retry_makes_sense;  /* the same order may work later, or after what err->next says */
};

/* Starts a function: forgets what the one before left. where NULL is allowed. */
void lpa_where_enter(struct lpa_where *where, const char *function);
/* Notes the error number in a function's answer. */
void lpa_where_result(struct lpa_where *where, int64_t result, const char *name);

struct es10;
struct es9;

struct lpa {
    struct es10 *card;  /* NULL where a procedure needs none */
    struct es9 *server; /* NULL where a procedure needs none */
    const cr_env *env;
    struct lpa_where where;
};

#endif
