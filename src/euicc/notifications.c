/*
 * Notifications (SGP.22 3.5, 5.7.9 to 5.7.11): made by what happens to profiles, signed, kept until
 * the LPA says that they were delivered.
 */
#include "euicc/chip.h"

#include <stdio.h>

#define SEQ_KEY 16

static cr_span sequence_key(int64_t sequence, char out[SEQ_KEY])
{
    (void)snprintf(out, SEQ_KEY, "n/%08llX", (unsigned long long)sequence);
    return cr_span_str(out);
}

cr_status euicc_next_sequence(struct euicc *e, int64_t *out, struct cr_err *err)
{
    uint8_t bytes[4] = {0};
    cr_span last = nvm_get(e->nvm, cr_span_str("seq"));
    uint32_t sequence = 0;
    if (last.n == sizeof(bytes)) {
        sequence = (uint32_t)last.p[0] << 24 | (uint32_t)last.p[1] << 16 |
                   (uint32_t)last.p[2] << 8 | last.p[3];
    }
    sequence++;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(sequence >> (24 - 8 * i));
    }
    CR_TRY(nvm_put(e->nvm, cr_span_str("seq"), CR_SPAN_ARRAY(bytes), err));
    *out = sequence;
    return CR_OK;
}

static bool is_short_of_memory(const struct euicc *e, size_t more)
{
    return nvm_used(e->nvm) + more + EUICC_RESERVE / 2 > nvm_capacity(e->nvm);
}

cr_status euicc_keep_notification(struct euicc *e, int64_t sequence, cr_span tlv,
                                  struct cr_err *err)
{
    char key[SEQ_KEY];
    cr_span oldest;
    cr_span value;
    size_t count = 0;
    (void)nvm_size_prefix(e->nvm, cr_span_str("n/"), &count);
    while ((count >= EUICC_MAX_PENDING || is_short_of_memory(e, tlv.n)) &&
           nvm_next(e->nvm, cr_span_str("n/"), (cr_span){0}, &oldest, &value)) {
        CR_TRY(nvm_delete(e->nvm, oldest, err));
        count--;
    }
    return nvm_put(e->nvm, sequence_key(sequence, key), tlv, err);
}

static cr_status notify_address(struct euicc *e, const struct euicc_profile *profile,
                                const struct euicc_ci *ci, enum rsp_notification_event event,
                                cr_span address, cr_arena *arena, struct cr_err *err)
{
    struct rsp_pending_notification pending = {.which = RSP_PENDING_OTHER_SIGNED_NOTIFICATION};
    struct rsp_other_signed_notification *n = &pending.other_signed_notification;
    uint8_t signature[RSP_SIGNATURE];
    cr_span tlv;
    n->tbs_other_notification.profile_management_operation = event;
    n->tbs_other_notification.notification_address = address;
    n->tbs_other_notification.iccid = profile->iccid;
    CR_TRY(euicc_next_sequence(e, &n->tbs_other_notification.seq_number, err));
    CR_TRY(asn1_encode_arena(&rsp_notification_metadata_type, &n->tbs_other_notification,
                             ASN1_ENCODE_V2, arena, &n->tbs_other_notification.raw, err));
    CR_TRY(euicc_sign(ci, &n->tbs_other_notification.raw, 1, signature, err));
    n->euicc_notification_signature = CR_SPAN_ARRAY(signature);
    n->euicc_certificate = ci->euicc_cert;
    n->next_cert_in_chain = ci->eum_cert;
    CR_TRY(asn1_encode_arena(&rsp_pending_notification_type, &pending, ASN1_ENCODE_V2, arena, &tlv,
                             err));
    return euicc_keep_notification(e, n->tbs_other_notification.seq_number, tlv, err);
}

cr_status euicc_notify(struct euicc *e, const struct euicc_profile *profile,
                       enum rsp_notification_event event, struct cr_err *err)
{
    cr_arena arena = {0};
    struct rsp_store_metadata metadata;
    const struct euicc_ci *ci = euicc_ci_of(e, profile->ci_key_id);
    cr_status status = asn1_decode(&rsp_store_metadata_type, profile->metadata,
                                   ASN1_DECODE_BER_LENGTHS, &arena, &metadata, err);
    const rsp_notification_configuration_list *list = &metadata.notification_configuration_info;
    for (size_t i = 0; status == CR_OK && i < list->count; i++) {
        if (list->items[i].profile_management_operation & event) {
            status = notify_address(e, profile, ci ? ci : &e->cis[0], event,
                                    list->items[i].notification_address, &arena, err);
        }
    }
    cr_arena_free(&arena);
    return status;
}

/* ---- the functions -----------------------------------------------------------------------------
 */

/* Calls take for each pending notification, by sequence number. */
typedef bool (*take_fn)(void *ctx, const struct rsp_pending_notification *pending,
                        const struct rsp_notification_metadata *metadata);

static bool each_pending(struct euicc *e, cr_arena *arena, take_fn take, void *ctx)
{
    cr_span after = {0};
    cr_span key;
    cr_span value;
    while (nvm_next(e->nvm, cr_span_str("n/"), after, &key, &value)) {
        struct rsp_pending_notification *pending = cr_arena_alloc(arena, sizeof(*pending));
        if (!pending ||
            asn1_decode(&rsp_pending_notification_type, value, 0, arena, pending, NULL) != CR_OK) {
            return false;
        }
        const struct rsp_notification_metadata *metadata =
            rsp_pending_notification_metadata(pending);
        if (metadata && !take(ctx, pending, metadata)) {
            return false;
        }
        after = key;
    }
    return true;
}

struct list {
    bool filtered;
    uint64_t events;
    struct rsp_list_notification_response *out;
};

static bool take_listed(void *ctx, const struct rsp_pending_notification *pending,
                        const struct rsp_notification_metadata *metadata)
{
    struct list *list = ctx;
    (void)pending;
    if (!list->filtered || (metadata->profile_management_operation & list->events)) {
        list->out->notification_metadata_list.items[list->out->notification_metadata_list.count++] =
            *metadata;
    }
    return true;
}

static uicc_sw list_notification(struct euicc *e, cr_arena *arena, const void *request,
                                 void *response)
{
    const struct rsp_list_notification_request *in = request;
    struct rsp_list_notification_response *out = response;
    struct list list = {in->has_profile_management_operation, in->profile_management_operation,
                        out};
    out->which = RSP_LIST_NOTIFICATION_OK;
    out->notification_metadata_list.present = true;
    out->notification_metadata_list.items =
        cr_arena_alloc_array(arena, EUICC_MAX_PENDING, sizeof(struct rsp_notification_metadata));
    if (!out->notification_metadata_list.items || !each_pending(e, arena, take_listed, &list)) {
        out->which = RSP_LIST_NOTIFICATION_ERROR;
        out->list_notifications_result_error = RSP_NOTIFICATIONS_UNDEFINED;
    }
    return UICC_SW_OK;
}

struct retrieve {
    const struct rsp_retrieve_notifications_list_request *in;
    rsp_pending_notification_list *out;
    size_t bytes;
};

/* As many as one answer can carry, the oldest first: the others come when these are removed. */
#define MAX_RETRIEVED (UICC_MAX_RESPONSE - 1024)

static bool take_retrieved(void *ctx, const struct rsp_pending_notification *pending,
                           const struct rsp_notification_metadata *metadata)
{
    struct retrieve *retrieve = ctx;
    bool wanted = true;
    if (retrieve->in->search_criteria.which == RSP_RETRIEVE_BY_SEQ_NUMBER) {
        wanted = metadata->seq_number == retrieve->in->search_criteria.seq_number;
    } else if (retrieve->in->search_criteria.which == RSP_RETRIEVE_BY_EVENT) {
        wanted = (metadata->profile_management_operation &
                  retrieve->in->search_criteria.profile_management_operation) != 0;
    }
    if (wanted && retrieve->bytes + pending->raw.n <= MAX_RETRIEVED) {
        retrieve->out->items[retrieve->out->count++] = *pending;
        retrieve->bytes += pending->raw.n;
    }
    return true;
}

static uicc_sw retrieve_notifications(struct euicc *e, cr_arena *arena, const void *request,
                                      void *response)
{
    struct rsp_retrieve_notifications_list_response *out = response;
    struct retrieve retrieve = {request, &out->notification_list, 0};
    out->which = RSP_RETRIEVE_NOTIFICATIONS_OK;
    out->notification_list.present = true;
    out->notification_list.items =
        cr_arena_alloc_array(arena, EUICC_MAX_PENDING, sizeof(struct rsp_pending_notification));
    if (!out->notification_list.items || !each_pending(e, arena, take_retrieved, &retrieve)) {
        out->which = RSP_RETRIEVE_NOTIFICATIONS_ERROR;
        out->notifications_list_result_error = RSP_NOTIFICATIONS_UNDEFINED;
    }
    return UICC_SW_OK;
}

static uicc_sw notification_sent(struct euicc *e, cr_arena *arena, const void *request,
                                 void *response)
{
    const struct rsp_notification_sent_request *in = request;
    struct rsp_notification_sent_response *out = response;
    char key[SEQ_KEY];
    (void)arena;
    if (in->seq_number < 0 || in->seq_number > UINT32_MAX ||
        !nvm_get(e->nvm, sequence_key(in->seq_number, key)).p) {
        out->delete_notification_status = RSP_DELETE_NOTIFICATION_NOTHING_TO_DELETE;
        return UICC_SW_OK;
    }
    out->delete_notification_status =
        nvm_delete(e->nvm, sequence_key(in->seq_number, key), NULL) == CR_OK
            ? RSP_DELETE_NOTIFICATION_OK
            : RSP_DELETE_NOTIFICATION_UNDEFINED;
    return UICC_SW_OK;
}

const struct euicc_function_row euicc_notification_functions[] = {
    {0xBF28, &rsp_list_notification_request_type, &rsp_list_notification_response_type,
     list_notification},
    {0xBF2B, &rsp_retrieve_notifications_list_request_type,
     &rsp_retrieve_notifications_list_response_type, retrieve_notifications},
    {0xBF30, &rsp_notification_sent_request_type, &rsp_notification_sent_response_type,
     notification_sent},
};
const size_t euicc_notification_count = CR_COUNT(euicc_notification_functions);
