/*
 * Inside of the card: state, the way of a command, the handlers. Not for other folders.
 */
#ifndef CRISP_UICC_INTERNAL_H
#define CRISP_UICC_INTERNAL_H

#include "uicc/access.h"
#include "uicc/toolkit.h"
#include "uicc/uicc.h"

#define NO_APP (-1)

/* The selection of remote commands stands behind those of the channels. */
#define REMOTE     UICC_CHANNELS
#define SELECTIONS (UICC_CHANNELS + 1)

/* What a channel has selected: plain data, copied away before each command and back when it cannot
 * be committed. */
struct selection {
    bool open;
    int8_t app;            /* index of a registered application; NO_APP */
    uint8_t record;        /* current record of ef; 0 = undefined */
    uicc_file adf;         /* the current application when it is an ADF (7FFF); 0 = none */
    uicc_file ef;          /* 0 = none */
    struct uicc_path path; /* depth 0: no file system */
};

/* A transfer in blocks under way on a channel. */
enum transfer { TRANSFER_NONE, TRANSFER_RETRIEVE, TRANSFER_SET, TRANSFER_AUTH, TRANSFER_AUTH_DONE };

/* What a channel keeps between commands besides the selection; dropped rather than restored. */
struct exchange {
    cr_buf pending; /* response data for GET RESPONSE, from pending_at on */
    size_t pending_at;
    uicc_sw pending_sw; /* for when it is empty */

    enum transfer transfer;
    bool transfer_used; /* by this command: others end it */
    uicc_file transfer_ef;
    uint8_t transfer_p2;      /* AUTHENTICATE: the context */
    cr_buf data;              /* blocks so far, or what is still to be sent from data_at on */
    size_t data_at, block_at; /* block_at: where the last block began, for a repetition */
};

struct proactive {
    cr_buf tlv;
    uicc_proactive_done done;
    void *ctx;
    uint8_t retry;    /* enum uicc_retry */
    uint8_t attempts; /* left behind this one */
    bool held;        /* waits until it is tried again */
    bool refused; /* by the TERMINAL PROFILE of this command: taken out once that is committed */
};

/* One of the terminal's timers. A command for it is queued when the last one was answered. */
struct toolkit_timer {
    uicc_timer_heard heard;
    void *ctx;
    uint32_t seconds;
    bool taken;
    bool running;     /* at the terminal, as far as it was told */
    bool pending;     /* a TIMER MANAGEMENT for it is queued or with the terminal: */
    uint8_t sent;     /* its qualifier */
    uint8_t wish;     /* enum timer_wish: what is to be sent next */
    bool read_wished; /* a read behind that */
};

enum answered { ANSWER_NONE, ANSWER_FINAL, ANSWER_RETRY };

/* What a command may change and a failed commit brings back: plain data. The queue only grows
 * within a command, so its count says it. */
struct toolkit_state {
    bool profile_seen;
    uint8_t count;    /* of the queue */
    int8_t with;      /* index of the command that is with the terminal; -1 = none */
    uint8_t answered; /* enum answered: of that one by this command */
    uint8_t number;   /* of the last proactive command */
    uint8_t retry_timer;
    bool bip_used;      /* the events of BIP are wanted */
    bool events_queued; /* a SET UP EVENT LIST is under way */
    bool poll_queued;
    uint32_t events[UICC_MAX_TOOLKIT_OWNERS];
    uint32_t poll[UICC_MAX_TOOLKIT_OWNERS];
    uint32_t events_told, poll_told; /* last sent in this session */
    uint32_t poll_interval;
    struct toolkit_timer timers[CAT_TIMERS];
};

struct toolkit_owner {
    bool used;
    struct uicc_toolkit_owner what;
};

struct bip;

struct toolkit {
    struct proactive *queue; /* UICC_MAX_PROACTIVE; allocated when first used */
    cr_buf profile, capability;
    uint8_t owner_count;
    struct toolkit_owner *owners; /* by number */
    struct bip *bip;              /* made when first used */
    struct toolkit_state now, before;
};

struct uicc {
    struct nvm *nvm;
    const cr_env *env;
    uint8_t channels;
    bool euicc;
    uint8_t historical[15];
    uint8_t historical_size;

    bool mounted; /* fs is valid */
    struct uicc_fs fs;
    struct uicc_pin_session pins;
    struct selection selection[SELECTIONS];
    struct exchange *exchange[SELECTIONS]; /* made when first needed */
    struct toolkit toolkit;

    struct uicc_observer observer;
    uint8_t app_count;
    struct uicc_app *apps; /* unregistered ones have aid_size 0 */
    cr_buf out;            /* response data of the command under way */
};

/* One command on its way through the card. */
struct command {
    struct uicc *u;
    const struct uicc_apdu *apdu;
    struct selection *sel;
    struct uicc_pin_session *pins;    /* that the command's PINs are verified in */
    const struct uicc_rights *rights; /* of a remote command; NULL = what is verified in pins */
    struct uicc_call call;            /* call.out, call.discard */
};

typedef uicc_sw (*command_handler)(struct command *c);

/* Commands by file: select.c, records.c, bertlv.c, security.c, identity.c, admin.c, toolkit.c,
 * channel.c. */
uicc_sw command_select(struct command *c);
uicc_sw command_status(struct command *c);
uicc_sw command_read_binary(struct command *c);
uicc_sw command_update_binary(struct command *c);
uicc_sw command_read_record(struct command *c);
uicc_sw command_update_record(struct command *c);
uicc_sw command_search_record(struct command *c);
uicc_sw command_increase(struct command *c);
uicc_sw command_retrieve_data(struct command *c);
uicc_sw command_set_data(struct command *c);
uicc_sw command_verify_pin(struct command *c);
uicc_sw command_change_pin(struct command *c);
uicc_sw command_disable_pin(struct command *c);
uicc_sw command_enable_pin(struct command *c);
uicc_sw command_unblock_pin(struct command *c);
uicc_sw command_authenticate(struct command *c);
uicc_sw command_authenticate_odd(struct command *c);
uicc_sw command_get_challenge(struct command *c);
uicc_sw command_get_identity(struct command *c);
uicc_sw command_manage_channel(struct command *c);
uicc_sw command_activate(struct command *c);
uicc_sw command_deactivate(struct command *c);
uicc_sw command_create_file(struct command *c);
uicc_sw command_delete_file(struct command *c);
uicc_sw command_resize_file(struct command *c);
uicc_sw command_terminate(struct command *c);
uicc_sw command_terminate_card(struct command *c);
uicc_sw command_terminal_profile(struct command *c);
uicc_sw command_terminal_capability(struct command *c);
uicc_sw command_fetch(struct command *c);
uicc_sw command_terminal_response(struct command *c);
uicc_sw command_envelope(struct command *c);

/* --- uicc.c ------------------------------------------------------------------------------------
 */

/* Runs the handler of a command that a remote server may send; 6D00 for others. */
uicc_sw uicc_dispatch_remote(struct command *c);

/* The exchange of a channel; NULL when memory is short. */
struct exchange *uicc_exchange(struct uicc *u, unsigned channel);
/* Ends a transfer in blocks. */
void uicc_transfer_end(struct exchange *ex);
/* Answers the next block of ex->data; 62F1 while there is more. */
uicc_sw uicc_transfer_send(struct command *c, struct exchange *ex);
/* Frees what a channel keeps between commands. */
void uicc_exchange_drop(struct uicc *u, unsigned channel);

/* What a remote command's rights have below path; NULL = nothing. */
const void *uicc_grant(const struct command *c, const struct uicc_path *path);
/* Whether the command may access the file that path leads to (see access.h) in this way. */
bool uicc_may(const struct command *c, const struct uicc_path *path,
              const struct uicc_file_attr *attr, struct uicc_access access);

/* The status word for a failed call: rules keep their code, memory failures undo the command. */
uicc_sw uicc_failed(struct command *c, cr_status status, const struct cr_err *err);

/* 0, or 6Cxx when Le was given and is not what there is (T=0 has no other way to say it). */
uicc_sw uicc_le_check(const struct uicc_apdu *apdu, size_t available);

/* --- select.c ----------------------------------------------------------------------------------
 */

/* Back to the MF, applications left. */
void selection_reset(struct uicc *u, unsigned channel);
/* Leaves the registered application of a channel. */
void selection_leave_app(struct uicc *u, unsigned channel);
/* Forgets local PINs of ADFs that no channel has as its application any more. */
void selection_end_sessions(struct uicc *u);
/* Goes down from the current DF of *sel along two-byte FIDs, through DFs to a DF or EF; false
 * leaves *sel anywhere. ADFs are not entered. */
bool selection_walk(const struct uicc *u, struct selection *sel, cr_span path);

/* Appends the FCP template of what sel points to (its EF, else its DF). */
void selection_fcp(const struct uicc *u, const struct selection *sel, cr_buf *out);

/* --- records.c ---------------------------------------------------------------------------------
 */

/* An EF about to be used. */
struct target {
    uicc_file file;
    struct uicc_file_attr attr;
};

#define KIND(k) (1U << (k))

/* The EF that an SFI (0 = the current one) names, if it is one of these kinds, may be accessed this
 * way and is in use. Makes it the current EF. */
uicc_sw target_open(struct command *c, uint8_t sfi, unsigned kinds, struct uicc_access access,
                    struct target *out);

/* What a rule has to cover for this command: a bit of the access mode byte, or (0) its code. */
struct uicc_access access_of(const struct command *c, uint8_t mode);

/* A DF on the way that is deactivated or terminated: 6985; else 9000. */
uicc_sw path_usable(const struct uicc *u, const struct uicc_path *path);

/* --- security.c --------------------------------------------------------------------------------
 */

/* What commands of the NAA itself need: the ADF of the channel is the current directory or above it
 * (else 6985), in use, and the first application PIN of its PIN status template is met (else 6982).
 */
uicc_sw application_ready(const struct command *c);

/* --- toolkit.c, proactive.c, timers.c, bip.c ---------------------------------------------------
 */

/* The status word with the waiting proactive command: 91xx, 62F2, 63F2. */
uicc_sw toolkit_announce(const struct uicc *u, uicc_sw sw);
/* Before a command: remembers what toolkit_undo() brings back when it cannot be committed. */
void toolkit_begin(struct uicc *u);
void toolkit_undo(struct uicc *u);
/* STATUS was answered. */
void toolkit_polled(struct uicc *u);
/* After a command was committed: takes the answered proactive command out of the queue, queues what
 * follows from the wishes of the owners. */
void toolkit_finish(struct uicc *u);
/* Forgets all of the session, telling the owners. */
void toolkit_reset(struct uicc *u);
void toolkit_free(struct uicc *u);

/* The queue. */
const struct proactive *proactive_next(const struct uicc *u); /* to be announced; NULL = none */
void proactive_finish(struct uicc *u);
void proactive_undo(struct uicc *u);
void proactive_release(struct uicc *u); /* held commands may be tried again */
void proactive_refuse(struct uicc *u);  /* TERMINAL PROFILE came: marks and tells what it lacks */
void proactive_lose(struct uicc *u);    /* reset: empties it, telling */
void proactive_free(struct uicc *u);
/* An answer: to be tried again, or the owner is told. */
void proactive_answer(struct uicc *u, struct proactive *p, const struct cat_response *response);
/* As uicc_proactive_push(), written by the caller into b, which is freed. */
cr_status proactive_push_built(struct uicc *u, cr_buf *b, enum uicc_retry retry,
                               uicc_proactive_done done, void *ctx, struct cr_err *err);

void timers_settle(struct uicc *u);
uicc_sw timers_expired(struct uicc *u, const struct cat_envelope *envelope);

void bip_begin(struct uicc *u);
void bip_undo(struct uicc *u);
void bip_settle(struct uicc *u);
void bip_event(struct uicc *u, uint8_t event, const struct cat_envelope *envelope);
void bip_reset(struct uicc *u);
void bip_free(struct uicc *u);

#endif
