/* What the files of src/m2m share. */
#ifndef CRISP_M2M_INTERNAL_H
#define CRISP_M2M_INTERNAL_H

#include "m2m/messenger.h"

#include <pthread.h>

#define M2M_DIGEST 32 /* bytes */

struct m2m {
    struct m2m_options options;
    pthread_mutex_t lock; /* of what follows */
    void (*changed)(void *ctx);
    void *changed_ctx;
};

/* How the answer to a request goes out: columns of inbox. */
enum m2m_state { M2M_OPEN = 0, M2M_DONE = 1 };

/* Fills the header of a message of ours: from, to, a new MessageID. */
cr_status m2m_address(struct m2m *m2m, const struct m2m_party *to, const char *url,
                      cr_span transaction_id, cr_span context_id, cr_arena *arena,
                      struct soap_header *out, struct cr_err *err) CR_MUST_CHECK;

/* What is written into the outbox. */
struct m2m_letter {
    const struct m2m_party *to;
    const char *url;
    cr_span eid; /* of the lane; absent = none */
    const struct soap_message *message;
    int64_t give_up_ms;
    int64_t asked; /* row of asked; 0 = none */
};
cr_status m2m_put_out(struct m2m *m2m, struct store_tx *tx, const struct m2m_letter *letter,
                      cr_arena *arena, struct cr_err *err) CR_MUST_CHECK;

/* An answer to one of our requests came: found by RelatesTo, else by transaction, party and
 * function. *known false = nobody waits for it. In a transaction. */
cr_status m2m_take_answer(struct m2m *m2m, struct store_tx *tx, cr_arena *arena,
                          const struct m2m_party *peer, const struct soap_message *answer,
                          bool *known, struct cr_err *err) CR_MUST_CHECK;

/* Two requests with the same one ask for the same: function and body, whatever their MessageID,
 * addresses and ValidityPeriod are. */
cr_status m2m_call_digest(const struct soap_message *request, uint8_t out[M2M_DIGEST],
                          struct cr_err *err) CR_MUST_CHECK;

#endif
