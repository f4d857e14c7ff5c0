/*
 * Messages of SGP.02 that are neither lost nor executed twice: what an SM-SR and an SM-DP share.
 *
 *   in     a request is written down with its sender and MessageID before it is executed; the same
 *          MessageID again gets the first answer again, where the last copy wants it. So does the
 *          same call (function, body, FunctionCallIdentifier) under another one, unless its time
 *          had run out. Its handler runs in that same transaction and either answers at once, or
 *          says "later": the party's procedure goes on, and m2m_answer() ends it, maybe after a
 *          restart.
 *   out    answers that are called back, notifications and own requests are rows of the outbox,
 *          put there by the transaction that made them true, and delivered by the service
 *          (m2m/service.h) until the peer took them or their time is over. What goes to one party
 *          about one eUICC keeps its order; answers are apart from it, by address.
 *   asked  an own request remembers what it was for (a text of the party: its procedure); the
 *          answer, on the same connection or called back, is given to the party's answer handler in
 *          a transaction. So is the failure to get one in time.
 *
 * The core is pure: a store, a clock, randomness; no socket. Times are milliseconds since 1970.
 */
#ifndef CRISP_M2M_MESSENGER_H
#define CRISP_M2M_MESSENGER_H

#include "m2m/party.h"
#include "store/store.h"

#define M2M_KEEP_MS   ((int64_t)7 * 24 * 3600 * 1000) /* how long an answered request is kept */
#define M2M_GRACE_MS  ((int64_t)3600 * 1000) /* callbacks are tried this long after the deadline */
#define M2M_NOTIFY_MS ((int64_t)7 * 24 * 3600 * 1000) /* notifications are tried this long */
#define M2M_PATIENCE_MS                                                                            \
    5000 /* an answer is waited for this long after the deadline: EXPIRED, too */
#define M2M_HOLD_MS     60000 /* how long a connection waits for an answer that takes longer */
#define M2M_MAX_CONTEXT 128   /* characters of what an own request is for */

/* The tables, as one step of the party's migrations. */
extern const char m2m_schema[];

struct m2m;

/* A request or notification on its way through a handler. */
struct m2m_call {
    struct m2m *m2m;
    struct store_tx *tx; /* open: all that the handler changes is committed with the answer */
    cr_arena *arena;
    const struct m2m_party *caller;
    const struct soap_function *function;
    const struct soap_header *header;
    int64_t id; /* for m2m_answer() */
    int64_t now_ms;
    int64_t deadline_ms; /* by ValidityPeriod or the function's default */
    bool later;          /* set by the handler: answered with m2m_answer() */
};

/* CR_OK: response (base filled by the messenger) is the answer, EXECUTED_SUCCESS unless
 * response->status says otherwise; or call->later. A failure becomes FAILED with its codes, and
 * nothing that the handler changed stays. Notifications have no response (NULL). */
typedef cr_status (*m2m_handler)(void *ctx, struct m2m_call *call, const struct soap_body *request,
                                 struct soap_body *response, struct cr_err *err);

/* An answer to an own request, or none in time (status EXPIRED). context is what m2m_ask() was
 * given. */
struct m2m_answered {
    struct m2m *m2m;
    struct store_tx *tx;
    cr_arena *arena;
    const struct soap_function *function;
    cr_span peer; /* OID */
    const char *context;
    int64_t now_ms;
    const struct soap_body *body; /* has_status is true */
    bool none;                    /* the peer gave no answer: the status is ours, and says why */
};
typedef cr_status (*m2m_answer_handler)(void *ctx, const struct m2m_answered *answer,
                                        struct cr_err *err);

struct m2m_row {
    enum soap_interface interface;
    enum soap_name name;
    m2m_handler handler;
    /* The handler knows a call that is asked again, also with another body: only MessageIDs tell
     * repeats here. */
    bool knows_repeats;
};

struct m2m_options {
    struct store *store;               /* not owned; m2m_schema is one of its migrations */
    const struct m2m_parties *parties; /* not owned */
    const cr_env *env;                 /* not owned */
    const struct m2m_row *rows;        /* what this party offers; ends with interface 0 */
    m2m_answer_handler answered;       /* NULL = it asks nobody */
    void (*committed)(void *ctx);      /* by m2m_poke(): something was committed; NULL = none */
    void *ctx;                         /* for the handlers */
};

cr_status m2m_new(const struct m2m_options *options, struct m2m **out,
                  struct cr_err *err) CR_MUST_CHECK;
void m2m_free(struct m2m *m2m); /* NULL allowed */
const struct m2m_parties *m2m_parties_of(const struct m2m *m2m);
const cr_env *m2m_env(const struct m2m *m2m);
struct store *m2m_store(const struct m2m *m2m);

/* ---- in ----------------------------------------------------------------------------------------
 */

enum m2m_verdict {
    M2M_ANSWER,       /* HTTP 200 with the envelope */
    M2M_ACCEPTED,     /* HTTP 202, empty */
    M2M_WAIT,         /* the answer comes later and the peer waits on this connection: ask with
                         m2m_held() until M2M_HOLD_MS are over */
    M2M_FAULT_SENDER, /* HTTP 400 with a Fault */
    M2M_FAULT_SELF,   /* HTTP 500 with a Fault */
    M2M_FORBIDDEN     /* HTTP 403 with a Fault: not the party it says it is */
};

/* One message that came over an authenticated connection (peer NULL = nobody that is configured):
 * requests and notifications for our handlers, polls, callbacks that answer our own requests. out
 * gets the envelope or Fault; *id is for M2M_WAIT. Never fails: what goes wrong is in the verdict.
 */
enum m2m_verdict m2m_receive(struct m2m *m2m, const struct m2m_party *peer, cr_span text,
                             cr_arena *arena, cr_buf *out, int64_t *id);

/* The answer of a request somebody waits for, if it is there. Past hold: EXPIRED for this
 * connection, the procedure goes on. M2M_ACCEPTED: a copy of the request wants the answer elsewhere
 * by now, nobody waits here any more. */
enum m2m_verdict m2m_held(struct m2m *m2m, int64_t id, bool expired, cr_arena *arena, cr_buf *out);

/* Ends a request that was answered "later". Base members but the status are filled here. CR_REFUSED
 * with err->code M2M_ANSWERED when it has an answer already (the connection was held until it
 * expired). To be called in a transaction of the store; m2m_poke() after it. */
#define M2M_ANSWERED 1
cr_status m2m_answer(struct m2m *m2m, struct store_tx *tx, int64_t id,
                     const struct soap_body *response, struct cr_err *err) CR_MUST_CHECK;

/* Tells whoever delivers that something was put out or answered. After the commit, from any thread.
 */
void m2m_poke(struct m2m *m2m);
/* Who that is: called by m2m_poke(), must be quick. NULL = nobody any more: when this returns, the
 * one before is not called again. */
void m2m_on_change(struct m2m *m2m, void (*changed)(void *ctx), void *ctx);

/* ---- out ---------------------------------------------------------------------------------------
 */

struct m2m_request {
    const struct m2m_party *to;
    const struct soap_function *function;
    const struct soap_body *body; /* function_call_identifier and validity are filled when absent */
    const char *context;          /* comes back with the answer */
    int64_t deadline_ms;          /* of the whole; the remaining time becomes the ValidityPeriod */
    cr_span transaction_id;       /* absent = a new one */
    cr_span context_id;           /* of the request because of which this one is made */
};

/* Puts a request out. CR_REFUSED: the party has no address for the interface. */
cr_status m2m_ask(struct m2m *m2m, struct store_tx *tx, const struct m2m_request *request,
                  struct cr_err *err) CR_MUST_CHECK;

/* Puts a notification out. */
cr_status m2m_notify(struct m2m *m2m, struct store_tx *tx, const struct m2m_party *to,
                     const struct soap_function *function, const struct soap_body *body,
                     struct cr_err *err) CR_MUST_CHECK;

/* ---- delivery, for the service and for tests ---------------------------------------------------
 */

/* Lanes that have something due, longest waiting first; names live in the arena. */
#define M2M_MAX_LANES 64
cr_status m2m_due(struct m2m *m2m, cr_arena *arena, const char *lanes[M2M_MAX_LANES], size_t *count,
                  struct cr_err *err) CR_MUST_CHECK;

/* The oldest due message of a lane; *found false = none. */
struct m2m_parcel {
    int64_t id;
    const char *url;
    const struct m2m_party *to; /* NULL = not configured any more */
    const char *action;
    cr_span body;
};
cr_status m2m_take(struct m2m *m2m, const char *lane, cr_arena *arena, struct m2m_parcel *out,
                   bool *found, struct cr_err *err) CR_MUST_CHECK;

/* How posting it went: http_status 0 = not reached (cause says why). response is what came back: an
 * answer on the same connection, or nothing. */
cr_status m2m_delivered(struct m2m *m2m, int64_t id, int http_status, cr_span response,
                        const char *cause, struct cr_err *err) CR_MUST_CHECK;

/* Own requests whose deadline has been over for M2M_PATIENCE_MS are answered with EXPIRED; old rows
 * are removed. To be called every second or so. At most limit of each. */
cr_status m2m_tick(struct m2m *m2m, int64_t limit, struct cr_err *err) CR_MUST_CHECK;

#endif
