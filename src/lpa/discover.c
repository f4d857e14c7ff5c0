#include "lpa/discover.h"

static cr_status read_events(const struct rsp_authenticate_client_response_ds *response,
                             cr_arena *arena, struct lpa_event_list *out, struct cr_err *err)
{
    if (response->which != RSP_AUTHENTICATE_CLIENT_DS_OK) {
        return cr_fail(
            err, CR_MALFORMED, "SGP.22 5.8.2",
            "the SM-DS answers with signed events of version 3, which was not asked for");
    }
    size_t count = response->ok.event_entries.count;
    struct lpa_event *items = cr_arena_alloc_array(arena, count, sizeof(*items));
    if (!items) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        items[i] =
            (struct lpa_event){.address = response->ok.event_entries.items[i].rsp_server_address,
                               .event_id = response->ok.event_entries.items[i].event_id};
    }
    *out = (struct lpa_event_list){.items = items, .count = count};
    return CR_OK;
}

cr_status lpa_discover_events(struct lpa *lpa, cr_span smds_address, cr_span event_id,
                              const struct lpa_device *device, cr_arena *arena,
                              struct lpa_event_list *out, struct cr_err *err)
{
    struct lpa_device phone;
    lpa_device_default(&phone);
    memset(&lpa->where, 0, sizeof(lpa->where));
    struct lpa_session session;
    struct lpa_authenticate_options options = {.server = smds_address,
                                               .matching_id = event_id,
                                               .smds = true,
                                               .device = device ? device : &phone};
    CR_TRY(lpa_authenticate(lpa, &options, NULL, NULL, arena, &session, err));
    lpa->where.stage = LPA_STAGE_DISCOVER;
    struct rsp_authenticate_client_request request = {.transaction_id = session.transaction_id,
                                                      .authenticate_server_response =
                                                          session.authenticate_server_response};
    struct rsp_authenticate_client_response_ds *response = NULL;
    /* In v2 a session with an SM-DS is over with its answer: there is nothing to cancel. */
    CR_TRY(es11_authenticate_client(lpa->server, session.server, &request, arena, &response, err));
    return read_events(response, arena, out, err);
}

cr_status lpa_discover(struct lpa *lpa, cr_span smds_address, const struct lpa_device *device,
                       cr_arena *arena, struct lpa_event_list *out, bool *smds_failed,
                       struct cr_err *err)
{
    memset(&lpa->where, 0, sizeof(lpa->where));
    lpa->where.stage = LPA_STAGE_DISCOVER;
    struct rsp_euicc_configured_data configured = {0};
    cr_status status = es10a_get_configured_data(lpa->card, arena, &configured, err);
    if (status == CR_REFUSED && smds_address.n > 0) {
        status = CR_OK; /* an old card: the address given is enough */
    }
    CR_TRY(status);
    cr_span smds = smds_address.n > 0 ? smds_address : configured.root_ds_address;
    cr_span smdp = configured.default_dp_address;
    if (smds.n == 0 && smdp.n == 0) {
        lpa_where_enter(&lpa->where, NULL); /* no function said so */
        status = cr_fail(err, CR_REFUSED, "SGP.22 3.6",
                         "the eUICC has neither a default SM-DP+ nor an SM-DS to ask");
        return cr_err_next(err, status,
                           "give an SM-DS with --smds, or set a default with `crisp lpa "
                           "default-smdp set`");
    }
    struct lpa_event_list events = {0};
    *smds_failed = false;
    if (smds.n > 0) {
        status = lpa_discover_events(lpa, smds, (cr_span){0}, device, arena, &events, err);
        if (status != CR_OK && (smdp.n == 0 || smds_address.n > 0)) {
            return status;
        }
        *smds_failed = status != CR_OK;
    }
    struct lpa_event *items = cr_arena_alloc_array(arena, events.count + 1, sizeof(*items));
    if (!items) {
        return cr_fail_memory(err);
    }
    size_t n = 0;
    if (smdp.n > 0) {
        items[n++] = (struct lpa_event){.address = smdp, .from_default = true};
    }
    for (size_t i = 0; i < events.count; i++) {
        items[n++] = events.items[i];
    }
    *out = (struct lpa_event_list){.items = items, .count = n};
    return CR_OK;
}

/* An SM-DS in the place of an SM-DP+ hands on the event that it stands for. */
static cr_status follow(struct lpa *lpa, const struct lpa_event *event,
                        const struct lpa_download_options *options, cr_arena *arena,
                        struct lpa_event *next, struct cr_err *err)
{
    struct lpa_event_list list = {0};
    CR_TRY(lpa_discover_events(lpa, event->address, event->event_id,
                               options ? options->device : NULL, arena, &list, err));
    if (list.count == 0) {
        cr_status status = cr_fail(
            err, CR_REFUSED, "SGP.22 3.6.2", "the SM-DS %.*s has no event behind the one announced",
            (int)(event->address.n > 80 ? 80 : event->address.n), (const char *)event->address.p);
        return cr_err_next(err, status, "run discover again: the event may be used up");
    }
    *next = list.items[0];
    return CR_OK;
}

cr_status lpa_discover_download(struct lpa *lpa, const struct lpa_event *event,
                                const struct lpa_download_options *options,
                                const struct lpa_download_hooks *hooks, cr_arena *arena,
                                struct lpa_download_result *result, struct cr_err *err)
{
    struct lpa_event at = *event;
    for (int depth = 0;; depth++) {
        struct lpa_download_order order = {.smdp_address = at.address, .matching_id = at.event_id};
        cr_status status = lpa_download(lpa, &order, options, hooks, arena, result, err);
        if (status == CR_OK || !result->is_smds || depth == LPA_MAX_CASCADE) {
            return status;
        }
        CR_TRY(follow(lpa, &at, options, arena, &at, err));
    }
}
