#include "smdpp/memo.h"

#include <pthread.h>
#include <stdlib.h>

struct smdpp_memo_table {
    pthread_mutex_t lock;
    struct smdpp_memo *slots[SMDPP_MEMOS]; /* by the last, random bytes of the TransactionID */
    struct {
        uint8_t request_hash[CRYPTO_SHA256];
        uint8_t transaction_id[SMDPP_TRANSACTION_ID];
    } starts[SMDPP_MEMOS]; /* by the first bytes of the hash; all zero = none */
};

cr_status smdpp_memo_table_new(struct smdpp_memo_table **out, struct cr_err *err)
{
    struct smdpp_memo_table *table = calloc(1, sizeof(*table));
    if (!table) {
        return cr_fail_memory(err);
    }
    (void)pthread_mutex_init(&table->lock, NULL);
    *out = table;
    return CR_OK;
}

void smdpp_memo_table_free(struct smdpp_memo_table *table)
{
    if (!table) {
        return;
    }
    for (size_t i = 0; i < SMDPP_MEMOS; i++) {
        smdpp_memo_free(table->slots[i]);
    }
    (void)pthread_mutex_destroy(&table->lock);
    free(table);
}

void smdpp_memo_free(struct smdpp_memo *memo)
{
    if (!memo) {
        return;
    }
    crypto_public_free(memo->key);
    cr_arena_free(&memo->arena);
    free(memo);
}

static size_t slot_of(cr_span transaction_id)
{
    size_t at = 0;
    size_t n = transaction_id.n < sizeof(at) ? transaction_id.n : sizeof(at);
    memcpy(&at, transaction_id.p + transaction_id.n - n, n);
    return at % SMDPP_MEMOS;
}

static struct smdpp_memo *swap(struct smdpp_memo_table *table, size_t at, struct smdpp_memo *memo)
{
    (void)pthread_mutex_lock(&table->lock);
    struct smdpp_memo *before = table->slots[at];
    table->slots[at] = memo;
    (void)pthread_mutex_unlock(&table->lock);
    return before;
}

void smdpp_memo_keep(struct smdpp_memo_table *table, const struct smdpp_session *session,
                     const struct smdpp_profile *profile, const struct smdpp_package *package,
                     struct crypto_public **key)
{
    struct smdpp_memo *memo = calloc(1, sizeof(*memo));
    if (!memo) {
        return;
    }
    memo->has_profile = profile != NULL;
    if (!smdpp_session_copy(session, &memo->arena, &memo->session) ||
        (profile && !smdpp_profile_copy(profile, &memo->arena, &memo->profile))) {
        smdpp_memo_free(memo);
        return;
    }
    if (package && package->segments.p && package->segments.n <= SMDPP_MEMO_PACKAGE &&
        !smdpp_package_copy(package, &memo->arena, &memo->package)) {
        smdpp_memo_free(memo);
        return;
    }
    if (key) {
        memo->key = *key;
        *key = NULL;
    }
    smdpp_memo_free(swap(table, slot_of(memo->session.transaction_id), memo));
}

struct smdpp_memo *smdpp_memo_take(struct smdpp_memo_table *table, cr_span transaction_id,
                                   int64_t state, int64_t now_ms)
{
    size_t at = slot_of(transaction_id);
    (void)pthread_mutex_lock(&table->lock);
    struct smdpp_memo *memo = table->slots[at];
    if (memo && cr_span_equal(memo->session.transaction_id, transaction_id)) {
        table->slots[at] = NULL;
    } else {
        memo = NULL;
    }
    (void)pthread_mutex_unlock(&table->lock);
    if (memo && (memo->session.expires_ms <= now_ms || (state && memo->session.state != state))) {
        smdpp_memo_free(memo);
        return NULL;
    }
    return memo;
}

static size_t start_slot_of(cr_span request_hash)
{
    size_t at = 0;
    memcpy(&at, request_hash.p, sizeof(at));
    return at % SMDPP_MEMOS;
}

void smdpp_memo_note_start(struct smdpp_memo_table *table, cr_span request_hash,
                           cr_span transaction_id)
{
    size_t at = start_slot_of(request_hash);
    (void)pthread_mutex_lock(&table->lock);
    memcpy(table->starts[at].request_hash, request_hash.p, CRYPTO_SHA256);
    memcpy(table->starts[at].transaction_id, transaction_id.p, SMDPP_TRANSACTION_ID);
    (void)pthread_mutex_unlock(&table->lock);
}

bool smdpp_memo_find_start(struct smdpp_memo_table *table, cr_span request_hash,
                           uint8_t transaction_id[SMDPP_TRANSACTION_ID])
{
    size_t at = start_slot_of(request_hash);
    (void)pthread_mutex_lock(&table->lock);
    bool found = cr_span_equal(CR_SPAN_ARRAY(table->starts[at].request_hash), request_hash);
    memcpy(transaction_id, table->starts[at].transaction_id, SMDPP_TRANSACTION_ID);
    (void)pthread_mutex_unlock(&table->lock);
    return found;
}
