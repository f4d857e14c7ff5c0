/*
 * PIN commands, AUTHENTICATE and GET CHALLENGE (TS 102 221 11.1.9 to 11.1.16, TS 31.102 7.1).
 */
#include "asn1/der.h"
#include "uicc/internal.h"

/* --- PINs --------------------------------------------------------------------------------------
 */

static uicc_sw pin_ready(const struct command *c)
{
    if (c->apdu->p1) {
        return UICC_SW_WRONG_P1P2;
    }
    return c->u->mounted ? UICC_SW_OK : UICC_SW_NO_REFERENCE;
}

uicc_sw command_verify_pin(struct command *c)
{
    uicc_sw sw = pin_ready(c);
    return sw != UICC_SW_OK
               ? sw
               : uicc_pin_verify(&c->u->fs, c->pins, &c->sel->path, c->apdu->p2, c->apdu->data);
}

uicc_sw command_change_pin(struct command *c)
{
    uicc_sw sw = pin_ready(c);
    return sw != UICC_SW_OK
               ? sw
               : uicc_pin_change(&c->u->fs, c->pins, &c->sel->path, c->apdu->p2, c->apdu->data);
}

uicc_sw command_disable_pin(struct command *c)
{
    if (!c->u->mounted) {
        return UICC_SW_NO_REFERENCE;
    }
    return uicc_pin_disable(&c->u->fs, c->pins, &c->sel->path, c->apdu->p2, c->apdu->p1,
                            c->apdu->data);
}

uicc_sw command_enable_pin(struct command *c)
{
    uicc_sw sw = pin_ready(c);
    return sw != UICC_SW_OK
               ? sw
               : uicc_pin_enable(&c->u->fs, c->pins, &c->sel->path, c->apdu->p2, c->apdu->data);
}

uicc_sw command_unblock_pin(struct command *c)
{
    uicc_sw sw = pin_ready(c);
    return sw != UICC_SW_OK
               ? sw
               : uicc_pin_unblock(&c->u->fs, c->pins, &c->sel->path, c->apdu->p2, c->apdu->data);
}

/* --- AUTHENTICATE ------------------------------------------------------------------------------
 */

/* The first application PIN of the ADF's PIN status template has to be met. */
static bool application_pin_met(const struct uicc *u, const struct selection *sel,
                                const struct uicc_file_attr *adf)
{
    for (size_t i = 0; i < adf->pin_status.n; i++) {
        uint8_t reference = adf->pin_status.p[i];
        if (reference >= 0x01 && reference <= 0x08) {
            return uicc_pin_met(&u->fs, &u->pins, &sel->path, reference);
        }
    }
    return true;
}

uicc_sw application_ready(const struct command *c)
{
    struct uicc_file_attr a;
    const struct selection *sel = c->sel;
    if (!c->u->mounted || !sel->adf || sel->path.depth < 2 || sel->path.df[1] != sel->adf ||
        !uicc_fs_attr(&c->u->fs, sel->adf, &a)) {
        return UICC_SW_CONDITIONS;
    }
    uicc_sw sw = path_usable(c->u, &sel->path);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    return application_pin_met(c->u, sel, &a) ? UICC_SW_OK : UICC_SW_SECURITY;
}

static uicc_sw auth_context(uint8_t p2, enum uicc_auth_context *context)
{
    *context = (enum uicc_auth_context)(p2 & 0x07);
    switch (p2) {
    case 0x80:
    case 0x81:
    case 0x82:
    case 0x84:
    case 0x85:
    case 0x86:
        return UICC_SW_OK;
    default:
        return UICC_SW_WRONG_P1P2;
    }
}

uicc_sw command_authenticate(struct command *c)
{
    enum uicc_auth_context context;
    uicc_sw sw = c->apdu->p1 ? UICC_SW_WRONG_P1P2 : auth_context(c->apdu->p2, &context);
    if (sw == UICC_SW_OK) {
        sw = application_ready(c);
    }
    if (sw != UICC_SW_OK) {
        return sw;
    }
    return uicc_auth_run(&c->u->fs, c->sel->adf, context, c->apdu->data, c->call.out);
}

/* Odd instruction, TS 102 221 11.1.16.2: command data in 73 in one or more blocks, 62F3 when it has
 * been worked on, the answer in 73 to be fetched in blocks. P1 says which block. */
#define TAG_AUTH 0x73
enum odd {
    ODD_FIRST = 0x80,
    ODD_NEXT = 0x00,
    ODD_ANSWER = 0xA0,
    ODD_ANSWER_NEXT = 0x20,
    ODD_ANSWER_AGAIN = 0x60
};

/* All blocks are there: *value is what 73 holds. More: 63F1. */
static uicc_sw odd_complete(cr_span data, cr_span *value)
{
    uint32_t tag;
    size_t header, length;
    cr_status status = der_header(data, DER_BER_LENGTHS, &tag, &header, &length, NULL);
    if (status == CR_RESOURCE) {
        return UICC_SW_MORE_EXPECTED;
    }
    if (status != CR_OK || tag != TAG_AUTH || length > 1024 || data.n > header + length) {
        return UICC_SW_WRONG_DATA;
    }
    *value = cr_span_sub(data, header, length);
    return data.n < header + length ? UICC_SW_MORE_EXPECTED : UICC_SW_OK;
}

static uicc_sw odd_command(struct command *c, struct exchange *ex)
{
    enum uicc_auth_context context;
    cr_span value = {0};
    uicc_sw sw = auth_context(c->apdu->p2, &context);
    if (sw == UICC_SW_OK) {
        sw = application_ready(c);
    }
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (!c->apdu->data.p) {
        return UICC_SW_WRONG_LENGTH;
    }
    if (c->apdu->p1 == ODD_FIRST) {
        uicc_transfer_end(ex);
        ex->transfer = TRANSFER_AUTH;
        ex->transfer_p2 = c->apdu->p2;
    } else if (ex->transfer != TRANSFER_AUTH || ex->transfer_p2 != c->apdu->p2) {
        return UICC_SW_CONDITIONS;
    }
    cr_buf_append_span(&ex->data, c->apdu->data);
    if (!cr_buf_ok(&ex->data)) {
        return UICC_SW_MEMORY;
    }
    sw = odd_complete(cr_buf_span(&ex->data), &value);
    if (sw != UICC_SW_OK) {
        ex->transfer_used = sw == UICC_SW_MORE_EXPECTED;
        return sw;
    }
    cr_buf answer = {.secret = true};
    sw = uicc_auth_run(&c->u->fs, c->sel->adf, context, value, &answer);
    if (sw == UICC_SW_OK) {
        uicc_transfer_end(ex);
        der_put(&ex->data, TAG_AUTH, cr_buf_span(&answer));
        ex->transfer = TRANSFER_AUTH_DONE;
        ex->transfer_used = true;
        sw = cr_buf_ok(&answer) && cr_buf_ok(&ex->data) ? UICC_SW_RESPONSE_READY : UICC_SW_MEMORY;
    }
    cr_buf_free(&answer);
    return sw;
}

static uicc_sw odd_answer(struct command *c, struct exchange *ex)
{
    if (c->apdu->data.p) {
        return UICC_SW_WRONG_LENGTH;
    }
    if (ex->transfer != TRANSFER_AUTH_DONE) {
        return UICC_SW_CONDITIONS;
    }
    if (c->apdu->p1 == ODD_ANSWER_AGAIN) {
        ex->data_at = ex->block_at;
    } else if (c->apdu->p1 == ODD_ANSWER) {
        ex->data_at = 0;
    } else if (ex->data_at == 0 || ex->data_at == ex->data.n) {
        return UICC_SW_CONDITIONS;
    }
    return uicc_transfer_send(c, ex);
}

uicc_sw command_authenticate_odd(struct command *c)
{
    struct exchange *ex = uicc_exchange(c->u, c->apdu->channel);
    if (!ex) {
        return UICC_SW_MEMORY;
    }
    switch (c->apdu->p1) {
    case ODD_FIRST:
    case ODD_NEXT:
        return odd_command(c, ex);
    case ODD_ANSWER:
    case ODD_ANSWER_NEXT:
    case ODD_ANSWER_AGAIN:
        return odd_answer(c, ex);
    default:
        return UICC_SW_WRONG_P1P2;
    }
}

/* --- GET CHALLENGE -----------------------------------------------------------------------------
 */

uicc_sw command_get_challenge(struct command *c)
{
    if (c->apdu->p1 || c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    if (!c->apdu->has_le) {
        return UICC_SW_WRONG_LENGTH;
    }
    uint8_t *p = cr_buf_extend(c->call.out, c->apdu->le);
    if (!p || cr_random(c->u->env, p, c->apdu->le, NULL) != CR_OK) {
        cr_buf_reset(c->call.out);
        return UICC_SW_TECHNICAL;
    }
    return UICC_SW_OK;
}
