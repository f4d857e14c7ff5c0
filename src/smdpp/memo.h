/*
 * What this process wrote last about a session, so that the next request of the session need not
 * read it again.
 *
 * A memo is a guess: another process may have moved the rows since. Whoever uses one writes by
 * compare-and-set on the revisions in it, and starts again from the store when that is lost or when
 * anything else than success would come of it. A memo is taken out by the one who uses it, so that
 * nobody shares one; that two requests of a session at once do not both find it costs only a read.
 */
#ifndef CRISP_SMDPP_MEMO_H
#define CRISP_SMDPP_MEMO_H

#include "crypto/ec.h"
#include "smdpp/inventory.h"
#include "smdpp/session.h"

#define SMDPP_MEMOS        1024               /* kept at most; a newer one may push any out */
#define SMDPP_MEMO_PACKAGE ((size_t)32 << 10) /* bytes of segments that one keeps at most */

struct smdpp_memo {
    struct smdpp_session session;
    bool has_profile;
    struct smdpp_profile profile; /* that the session is about */
    struct crypto_public *key;    /* of the eUICC, NULL = not known; owned */
    struct smdpp_package package; /* absent segments = not known */
    cr_arena arena;               /* everything above lives here */
};

struct smdpp_memo_table;
cr_status smdpp_memo_table_new(struct smdpp_memo_table **out, struct cr_err *err) CR_MUST_CHECK;
void smdpp_memo_table_free(struct smdpp_memo_table *table); /* NULL allowed */

/* Keeps copies of both rows as they are in the store now (or will be before their session's next
 * request comes); profile NULL = none yet. So it does with the package, unless it is NULL, absent
 * or large. Takes *key over (NULL, or pointing to NULL, allowed) and sets it to NULL. Short of
 * memory it keeps nothing. */
void smdpp_memo_keep(struct smdpp_memo_table *table, const struct smdpp_session *session,
                     const struct smdpp_profile *profile, const struct smdpp_package *package,
                     struct crypto_public **key);

/* Takes the memo of a live session in this state (0 = any) out of the table; NULL = there is none.
 * The caller frees it. */
struct smdpp_memo *smdpp_memo_take(struct smdpp_memo_table *table, cr_span transaction_id,
                                   int64_t state, int64_t now_ms);
void smdpp_memo_free(struct smdpp_memo *memo); /* NULL allowed */

/* The session that an InitiateAuthentication with this hash (32 bytes) was answered from, so that
 * the same request finds it again. As many are known as there are memos. */
void smdpp_memo_note_start(struct smdpp_memo_table *table, cr_span request_hash,
                           cr_span transaction_id);
bool smdpp_memo_find_start(struct smdpp_memo_table *table, cr_span request_hash,
                           uint8_t transaction_id[SMDPP_TRANSACTION_ID]);

#endif
