#include "lpa/notifications.h"

#include "base/text.h"

#include <stdlib.h>

const char *lpa_notification_event_name(uint64_t event)
{
    static const struct {
        uint64_t event;
        const char *name;
    } names[] = {
        {RSP_EVENT_INSTALL, "install"},       {RSP_EVENT_LOCAL_ENABLE, "enable"},
        {RSP_EVENT_LOCAL_DISABLE, "disable"}, {RSP_EVENT_LOCAL_DELETE, "delete"},
        {RSP_EVENT_RPM_ENABLE, "rpm-enable"}, {RSP_EVENT_RPM_DISABLE, "rpm-disable"},
        {RSP_EVENT_RPM_DELETE, "rpm-delete"}, {RSP_EVENT_LOAD_RPM_PACKAGE_RESULT, "rpm-result"},
    };
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        if (names[i].event == event) {
            return names[i].name;
        }
    }
    return "unknown";
}

const char *lpa_sent_name(enum lpa_sent sent)
{
    switch (sent) {
    case LPA_SENT:
        return "sent";
    case LPA_SENT_KEPT:
        return "kept";
    case LPA_SENT_NOT_REMOVED:
        return "not-removed";
    case LPA_SENT_FAILED:
        return "failed";
    case LPA_SENT_WAITING:
        return "waiting";
    }
    return "unknown";
}

/* ---- list ---- */

static int by_number(const void *a, const void *b)
{
    const struct lpa_notification *left = a;
    const struct lpa_notification *right = b;
    return left->seq_number < right->seq_number ? -1 : left->seq_number > right->seq_number;
}

cr_status lpa_notification_list(struct lpa *lpa, cr_arena *arena, struct lpa_notification_list *out,
                                struct cr_err *err)
{
    struct rsp_notification_metadata *metadata = NULL;
    size_t count = 0;
    CR_TRY(es10b_list_notification(lpa->card, 0, arena, &metadata, &count, err));
    if (count > LPA_MAX_NOTIFICATIONS) {
        return cr_fail(err, CR_MALFORMED, "SGP.22 5.7.9",
                       "the card lists %zu notifications, more than %d", count,
                       LPA_MAX_NOTIFICATIONS);
    }
    struct lpa_notification *items = cr_arena_alloc_array(arena, count, sizeof(*items));
    if (!items) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct lpa_notification){.seq_number = metadata[i].seq_number,
                                             .event = metadata[i].profile_management_operation,
                                             .address = metadata[i].notification_address,
                                             .iccid = metadata[i].iccid};
    }
    if (count > 1) {
        qsort(items, count, sizeof(*items), by_number);
    }
    *out = (struct lpa_notification_list){.items = items, .count = count};
    return CR_OK;
}

static const struct lpa_notification *find(const struct lpa_notification_list *list, int64_t seq)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].seq_number == seq) {
            return &list->items[i];
        }
    }
    return NULL;
}

/* ---- send ---- */

/* One run over the pending list. */
struct run {
    struct lpa *lpa;
    const struct lpa_send_options *options;
    struct lpa_send_result *result;
    struct lpa_notification_list pending;
    bool *selected; /* of each pending one */
    bool *blocked;  /* of each: not acknowledged, those behind it wait */
};

static bool same_address(const struct lpa_notification *a, const struct lpa_notification *b)
{
    return cr_span_equal_nocase(a->address, b->address);
}

static cr_status select_numbers(struct run *run, struct cr_err *err)
{
    lpa_where_enter(&run->lpa->where, NULL); /* what is wrong here is no function's answer */
    for (size_t i = 0; i < run->options->seq_count; i++) {
        int64_t seq = run->options->seq_numbers[i];
        const struct lpa_notification *item = find(&run->pending, seq);
        if (!item) {
            cr_status status = cr_fail(err, CR_REFUSED, "SGP.22 3.5",
                                       "the eUICC has no notification %lld", (long long)seq);
            return cr_err_next(err, status, "`crisp lpa notification list` shows what it has");
        }
        run->selected[item - run->pending.items] = true;
    }
    return CR_OK;
}

/* The older ones to the same address have to go first (3.5). */
static void select_older(struct run *run)
{
    for (size_t i = run->pending.count; i-- > 0;) {
        for (size_t j = 0; run->selected[i] && j < i; j++) {
            run->selected[j] =
                run->selected[j] || same_address(&run->pending.items[i], &run->pending.items[j]);
        }
    }
}

static bool has_to_wait(const struct run *run, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (run->blocked[j] && same_address(&run->pending.items[i], &run->pending.items[j])) {
            return true;
        }
    }
    return false;
}

static void note(struct run *run, size_t i, enum lpa_sent sent, const struct cr_err *err)
{
    struct lpa_send_result *result = run->result;
    result->sent += sent == LPA_SENT || sent == LPA_SENT_KEPT || sent == LPA_SENT_NOT_REMOVED;
    result->waiting += sent == LPA_SENT_WAITING;
    if (err) {
        if (result->failed == 0) {
            result->first = *err;
            result->where = run->lpa->where;
        }
        result->failed++;
    }
    if (run->options->report) {
        run->options->report(run->options->ctx, &run->pending.items[i], sent, err);
    }
}

/* Retrieves and posts one. *gone: it is not on the eUICC any more. */
static cr_status deliver(struct run *run, const struct lpa_notification *item, bool *gone,
                         struct cr_err *err)
{
    cr_arena arena = {0};
    struct rsp_pending_notification pending = {0};
    bool found = false;
    cr_status status = es10b_retrieve_notification(run->lpa->card, item->seq_number, &arena,
                                                   &pending, &found, err);
    if (status == CR_OK && found) {
        status = es9_handle_notification(run->lpa->server, item->address, &pending, err);
    }
    *gone = status == CR_OK && !found;
    cr_arena_free(&arena);
    return status;
}

static void send_one(struct run *run, size_t i)
{
    const struct lpa_notification *item = &run->pending.items[i];
    struct cr_err err;
    bool gone = false;
    if (deliver(run, item, &gone, &err) != CR_OK) {
        run->blocked[i] = true;
        note(run, i, LPA_SENT_FAILED, &err);
        return;
    }
    if (gone) {
        return;
    }
    if (run->options->keep) {
        note(run, i, LPA_SENT_KEPT, NULL);
        return;
    }
    if (es10b_remove_notification(run->lpa->card, item->seq_number, &err) != CR_OK) {
        note(run, i, LPA_SENT_NOT_REMOVED, &err);
        return;
    }
    note(run, i, LPA_SENT, NULL);
}

static cr_status send_listed(struct run *run, cr_arena *arena, struct cr_err *err)
{
    run->selected = cr_arena_alloc_array(arena, run->pending.count, sizeof(bool));
    run->blocked = cr_arena_alloc_array(arena, run->pending.count, sizeof(bool));
    if (!run->selected || !run->blocked) {
        return cr_fail_memory(err);
    }
    if (run->options->all) {
        memset(run->selected, true, run->pending.count);
    } else {
        CR_TRY(select_numbers(run, err));
        select_older(run);
    }
    for (size_t i = 0; i < run->pending.count; i++) {
        if (!run->selected[i]) {
            continue;
        }
        if (has_to_wait(run, i)) {
            note(run, i, LPA_SENT_WAITING, NULL);
        } else {
            send_one(run, i);
        }
    }
    return CR_OK;
}

cr_status lpa_notification_send(struct lpa *lpa, const struct lpa_send_options *options,
                                struct lpa_send_result *result, struct cr_err *err)
{
    memset(result, 0, sizeof(*result));
    lpa->where.stage = LPA_STAGE_NOTIFY;
    struct run run = {.lpa = lpa, .options = options, .result = result};
    cr_arena arena = {0};
    cr_status status = lpa_notification_list(lpa, &arena, &run.pending, err);
    if (status == CR_OK) {
        status = send_listed(&run, &arena, err);
    }
    cr_arena_free(&arena);
    return status;
}

/* Numbers that are pending now and were not before. */
static cr_status new_numbers(struct lpa *lpa, const struct lpa_notification_list *before,
                             cr_arena *arena, int64_t **numbers, size_t *count, struct cr_err *err)
{
    struct lpa_notification_list now = {0};
    CR_TRY(lpa_notification_list(lpa, arena, &now, err));
    int64_t *out = cr_arena_alloc_array(arena, now.count, sizeof(*out));
    if (!out) {
        return cr_fail_memory(err);
    }
    size_t n = 0;
    for (size_t i = 0; i < now.count; i++) {
        if (!find(before, now.items[i].seq_number)) {
            out[n++] = now.items[i].seq_number;
        }
    }
    *numbers = out;
    *count = n;
    return CR_OK;
}

cr_status lpa_notification_send_new(struct lpa *lpa, enum lpa_notify policy,
                                    const struct lpa_notification_list *before, lpa_sent_fn *report,
                                    void *ctx, struct lpa_send_result *result, struct cr_err *err)
{
    memset(result, 0, sizeof(*result));
    if (policy == LPA_NOTIFY_NONE) {
        return CR_OK;
    }
    lpa->where.stage = LPA_STAGE_NOTIFY;
    struct lpa_send_options options = {
        .all = policy == LPA_NOTIFY_ALL, .report = report, .ctx = ctx};
    cr_arena arena = {0};
    int64_t *numbers = NULL;
    cr_status status = CR_OK;
    if (!options.all) {
        status = new_numbers(lpa, before, &arena, &numbers, &options.seq_count, err);
        options.seq_numbers = numbers;
    }
    if (status == CR_OK && (options.all || options.seq_count > 0)) {
        status = lpa_notification_send(lpa, &options, result, err);
    }
    cr_arena_free(&arena);
    return status;
}

/* ---- remove ---- */

cr_status lpa_notification_remove(struct lpa *lpa, int64_t seq_number, bool force,
                                  struct cr_err *err)
{
    lpa->where.stage = LPA_STAGE_NOTIFY;
    cr_arena arena = {0};
    struct lpa_notification_list list = {0};
    cr_status status = lpa_notification_list(lpa, &arena, &list, err);
    const struct lpa_notification *item = status == CR_OK ? find(&list, seq_number) : NULL;
    bool deleted = item && (item->event & (RSP_EVENT_LOCAL_DELETE | RSP_EVENT_RPM_DELETE));
    bool missing = status == CR_OK && !item;
    cr_arena_free(&arena);
    CR_TRY(status);
    lpa_where_enter(&lpa->where, NULL); /* what is wrong here is no function's answer */
    if (missing) {
        status = cr_fail(err, CR_REFUSED, "SGP.22 5.7.11", "the eUICC has no notification %lld",
                         (long long)seq_number);
        return cr_err_next(err, status, "`crisp lpa notification list` shows what it has");
    }
    if (deleted && !force) {
        status = cr_fail(err, CR_REFUSED, "SGP.22 3.5",
                         "notification %lld tells the operator that a profile was deleted, and was "
                         "never delivered: without it the operator takes the profile for installed "
                         "and may not let it be installed again",
                         (long long)seq_number);
        return cr_err_next(err, status,
                           "send it with `crisp lpa notification send %lld`; --force drops it all "
                           "the same",
                           (long long)seq_number);
    }
    return es10b_remove_notification(lpa->card, seq_number, err);
}
