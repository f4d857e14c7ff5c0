#include "cli/smdpp_order.h"

#include "cli/qr.h"

#include "rsp/activation_code.h"

cr_status cli_order_open(struct cli_order *o, struct cli *cli, const struct cli_smdpp_place *place,
                         const char *operator_name, struct cr_err *err)
{
    *o = (struct cli_order){.cli = cli, .call = {.arena = &cli->arena, .requester = operator_name}};
    return cli_smdpp_open(cli, place, &o->smdpp, err);
}

int cli_order_end(struct cli_order *o, cr_status status, bool json, const struct cr_err *err)
{
    cli_smdpp_close(&o->smdpp);
    return status == CR_OK ? CLI_OK : cli_fail(o->cli, err, json);
}

cr_status cli_order_check_code(const struct cli_code_options *code, struct cr_err *err)
{
    for (size_t i = 0; i < code->qr.count; i++) {
        CR_TRY(cli_qr_check(code->qr.items[i], err));
    }
    if (!code->address) {
        return CR_OK;
    }
    cr_status status = cli_smdpp_check_address(code->address, err);
    return status == CR_OK ? CR_OK : cr_err_context(err, status, "--address %s", code->address);
}

/* Everything about the options that can be said before anything is changed. */
cr_status cli_order_check(const struct cli_confirm_options *c, const struct cli_code_options *code,
                          struct cr_err *err)
{
    if (c->by_default && c->matching_id) {
        return cr_fail(err, CR_REFUSED, NULL, "--default is an order without MatchingID");
    }
    if (c->matching_id && !rsp_matching_id_valid(cr_span_str(c->matching_id))) {
        cr_status status =
            cr_fail(err, CR_REFUSED, "SGP.22 4.1.1", "'%s' is no MatchingID", c->matching_id);
        return cr_err_next(err, status, "use 0-9, A-Z and -, in capitals");
    }
    if (c->smds && !rsp_address_valid(cr_span_str(c->smds))) {
        return cr_fail(err, CR_MALFORMED, NULL, "--smds '%.80s' is no host name", c->smds);
    }
    return cli_order_check_code(code, err);
}

cr_status cli_order_confirm(struct cli_order *o, const char *iccid, const char *eid,
                            const struct cli_confirm_options *c, struct cr_err *err)
{
    char *secret = NULL;
    if (c->confirmation_code && strcmp(c->confirmation_code, "-") == 0) {
        secret = cli_ask(o->cli, "Confirmation code:", true);
        if (!secret || !secret[0]) {
            return cr_fail(err, CR_REFUSED, NULL, "no confirmation code was entered");
        }
    } else if (c->confirmation_code) {
        CR_TRY(cli_secret(o->cli, "--confirmation-code", c->confirmation_code, &secret, err));
    }
    struct rsp_confirm_order_request request = {
        .iccid = cr_span_str(iccid),
        .eid = cr_span_str(eid),
        .matching_id = c->by_default ? cr_span_str("") : cr_span_str(c->matching_id),
        .confirmation_code = cr_span_str(secret),
        .smds_address = cr_span_str(c->smds),
        .release_flag = !c->hold,
    };
    struct rsp_confirm_order_response response = {0};
    cr_status status = smdpp_confirm_order(o->smdpp.dp, &o->call, &request, &response, err);
    cr_wipe(secret, secret ? strlen(secret) : 0);
    return status;
}

cr_status cli_order_cancel(struct cli_order *o, const struct smdpp_profile *p, bool unavailable,
                           struct cr_err *err)
{
    struct rsp_cancel_order_request request = {
        .iccid = cr_span_str(p->iccid),
        .eid = cr_span_str(p->eid),
        .final_profile_status_indicator = cr_span_str(unavailable ? "Unavailable" : "Available"),
    };
    struct rsp_header_only response = {0};
    return smdpp_cancel_order(o->smdpp.dp, &o->call, &request, &response, err);
}

/* The order as it is now, with its activation code in all forms that were asked for. */
cr_status cli_order_show_code(struct cli_order *o, const char *iccid,
                              const struct cli_code_options *code, struct cr_err *err)
{
    struct smdpp_profile p;
    struct cli *cli = o->cli;
    CR_TRY(cli_smdpp_find(cli, &o->smdpp, iccid, &p, err));
    const char *plain =
        cli_smdpp_activation_code(cli, &o->smdpp, &p, code->address, code->oid, false, err);
    const char *prefixed =
        plain ? cli_smdpp_activation_code(cli, &o->smdpp, &p, code->address, code->oid, true, err)
              : NULL;
    if (!prefixed) {
        return err->category;
    }
    if (code->json) {
        json_t *json = cli_smdpp_profile_json(cli, &o->smdpp, &p);
        (void)json_object_set_new(json, "smdpAddress",
                                  json_string(code->address ? code->address : o->smdpp.address));
        (void)json_object_set_new(json, "activationCode", json_string(prefixed));
        (void)json_object_set_new(json, "manualCode", json_string(plain));
        cli_put_json(cli, json);
    } else {
        (void)fprintf(cli->out, "ICCID           %s\nstate           %s\n", p.iccid,
                      smdpp_state_name(p.state));
        if (p.eid) {
            (void)fprintf(cli->out, "for EID         %s\n", p.eid);
        }
        (void)fprintf(cli->out, "MatchingID      %s\n",
                      p.matching_id[0] ? p.matching_id : "none: default SM-DP+ order");
        if (p.expires_ms) {
            char when[CR_TIME_TEXT];
            (void)fprintf(cli->out, "expires         %s\n", cr_time_format(when, p.expires_ms));
        }
        (void)fprintf(cli->out, "activation code %s\n", prefixed);
        (void)fflush(cli->out);
    }
    for (size_t i = 0; i < code->qr.count; i++) {
        cr_status status = cli_qr_draw(cli, prefixed, code->qr.items[i], err);
        if (status != CR_OK) {
            return cr_err_next(err, status,
                               "the order stands, only its picture is missing: 'crisp smdpp order "
                               "show %s --qr %s' draws it",
                               p.iccid, code->qr.items[i]);
        }
    }
    return CR_OK;
}
