/*
 * The ISD-R as an application of the UICC: SELECT, STORE DATA with its blocks, and which function a
 * tag calls (SGP.22 5.7.1, 5.7.2).
 */
#include "euicc/chip.h"

#include "rsp/es10a.h"

#define INS_STORE_DATA 0xE2
#define P1_MORE        0x11
#define P1_LAST        0x91

static const uint8_t ISDR_AID[] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF,
                                   0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x01, 0x00};

static uicc_sw isdr_select(void *ctx, struct uicc_call *call)
{
    static const uint8_t proprietary[] = {0xA5, 0x04, 0x9F, 0x65, 0x01, 0xFF};
    struct euicc *e = ctx;
    struct rsp_isdr_fci fci = {
        .dedicated_file_name = CR_SPAN_ARRAY(ISDR_AID),
        .proprietary_data = CR_SPAN_ARRAY(proprietary),
        .has_isdr_template = true,
        .isdr_template = {.lowest_svn = e->config.svn, .has_lpae_support = true},
    };
    if (asn1_encode(&rsp_isdr_fci_type, &fci, ASN1_ENCODE_V2, call->out, NULL) != CR_OK) {
        return UICC_SW_TECHNICAL;
    }
    return UICC_SW_OK;
}

static const struct euicc_function_row *function_of(uint32_t tag)
{
    const struct {
        const struct euicc_function_row *rows;
        size_t count;
    } tables[] = {
        {euicc_es10a_functions, euicc_es10a_count},
        {euicc_es10b_functions, euicc_es10b_count},
        {euicc_notification_functions, euicc_notification_count},
        {euicc_es10c_functions, euicc_es10c_count},
    };
    for (size_t t = 0; t < CR_COUNT(tables); t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            if (tables[t].rows[i].tag == tag) {
                return &tables[t].rows[i];
            }
        }
    }
    return NULL;
}

static uicc_sw run_function(struct euicc *e, const struct euicc_function_row *row, cr_span command,
                            cr_arena *arena, cr_buf *out)
{
    void *request = cr_arena_alloc(arena, row->request->size);
    void *response = cr_arena_alloc(arena, row->response->size);
    if (!request || !response) {
        return UICC_SW_NO_MEMORY;
    }
    if (asn1_decode(row->request, command, ASN1_DECODE_BER_LENGTHS, arena, request, NULL) !=
        CR_OK) {
        return UICC_SW_WRONG_DATA;
    }
    uicc_sw sw = row->run(e, arena, request, response);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    /* 6581 also takes back what the function left in RAM. */
    return asn1_encode(row->response, response, 0, out, NULL) == CR_OK ? UICC_SW_OK
                                                                       : UICC_SW_MEMORY;
}

/* A command with all its blocks. */
static uicc_sw dispatch(struct euicc *e, struct uicc_call *call, cr_span command)
{
    cr_arena arena = {.secret = true};
    uicc_sw sw = UICC_SW_NO_REFERENCE;
    uint32_t tag = der_peek(command);
    const struct euicc_function_row *row = function_of(tag);
    /* While a package is loading only a new challenge and a cancellation may come between. */
    bool loading = e->session.state == EUICC_INSTALLING;
    if (euicc_bpp_tag(tag)) {
        sw = euicc_bpp_segment(e, &arena, command, call->out);
    } else if (row && loading && tag != 0xBF2E && tag != 0xBF41) {
        sw = UICC_SW_CONDITIONS;
    } else if (row) {
        sw = run_function(e, row, command, &arena, call->out);
    }
    cr_arena_free(&arena);
    if (sw != UICC_SW_OK) {
        cr_buf_reset(call->out);
        call->discard = true;
    }
    return sw;
}

static void forget_command(struct euicc *e)
{
    cr_buf_reset(&e->command);
    e->next_block = 0;
}

static uicc_sw store_data(struct euicc *e, struct uicc_call *call)
{
    const struct uicc_apdu *apdu = call->apdu;
    if (apdu->p1 != P1_MORE && apdu->p1 != P1_LAST) {
        return UICC_SW_WRONG_P1P2;
    }
    if (apdu->data.n == 0) {
        forget_command(e);
        return UICC_SW_WRONG_LENGTH;
    }
    if (apdu->p2 == 0 || e->channel != call->channel) {
        forget_command(e);
        e->channel = call->channel;
    }
    if (apdu->p2 != (e->next_block & 0xFF)) {
        forget_command(e);
        return UICC_SW_WRONG_P1P2;
    }
    cr_buf_append_span(&e->command, apdu->data);
    e->next_block++;
    if (!cr_buf_ok(&e->command)) {
        forget_command(e);
        return UICC_SW_NO_MEMORY;
    }
    if (apdu->p1 == P1_MORE) {
        return UICC_SW_OK;
    }
    uicc_sw sw = dispatch(e, call, cr_buf_span(&e->command));
    forget_command(e);
    return sw;
}

static uicc_sw isdr_process(void *ctx, struct uicc_call *call)
{
    struct euicc *e = ctx;
    if (call->apdu->ins != INS_STORE_DATA) {
        return UICC_SW_WRONG_INS;
    }
    if (!call->apdu->proprietary) {
        return UICC_SW_WRONG_CLA;
    }
    return store_data(e, call);
}

/* The session outlives its channel: hosts close it after each function. */
static void isdr_deselect(void *ctx, unsigned channel)
{
    struct euicc *e = ctx;
    if (channel == e->channel) {
        forget_command(e);
    }
}

/* The memory could not keep what the last command did: neither may the session. */
static void isdr_aborted(void *ctx)
{
    struct euicc *e = ctx;
    cr_arena arena = {0};
    struct euicc_config config;
    char prefix[EUICC_PREFIX];
    forget_command(e);
    euicc_session_drop(e);
    if (euicc_config_get(e->nvm, &arena, &config, NULL) == CR_OK) {
        euicc_remember_smdp(e, config.default_smdp);
    }
    cr_arena_free(&arena);
    /* A switch waits as long as what is visible is not what is enabled. */
    uint16_t enabled = euicc_id_get(e->nvm, "on");
    const struct uicc_fs *visible = uicc_profile(e->uicc);
    cr_span wanted = enabled ? euicc_profile_prefix(enabled, prefix) : (cr_span){0};
    cr_span seen = visible ? cr_span_of(visible->prefix, visible->prefix_size) : (cr_span){0};
    e->refresh_pending = !cr_span_equal(wanted, seen) && uicc_proactive_pending(e->uicc) > 0;
}

cr_status euicc_isdr_register(struct euicc *e, struct cr_err *err)
{
    struct uicc_app app = {
        .ctx = e,
        .aid_size = sizeof(ISDR_AID),
        .select = isdr_select,
        .process = isdr_process,
        .deselect = isdr_deselect,
        .aborted = isdr_aborted,
    };
    memcpy(app.aid, ISDR_AID, sizeof(ISDR_AID));
    return uicc_register(e->uicc, &app, err);
}
