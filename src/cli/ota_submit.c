/*
 * crisp ota pack --submit: the short messages go to a service centre.
 */
#include "cli/ota.h"

#include "base/text.h"
#include "cli/units.h"

#include <pthread.h>
#include <unistd.h>

#define TICK_MS      20
#define WAIT_SECONDS 20 /* for the bind and all answers */
#define NATIONAL     2  /* type of number; numbering plan 1 */

struct cli_ota_submit {
    cr_env env; /* without a log: what went wrong is said once, at the end */
    struct smpp_client *client;
    struct smpp_message message; /* addresses filled */
    pthread_mutex_t lock;        /* of what follows */
    uint64_t given, answered;
    uint32_t status; /* of the first that was refused; SMPP_OK = none */
};

static void on_submitted(void *ctx, uint64_t ref, uint32_t status, const char *id)
{
    struct cli_ota_submit *s = ctx;
    (void)ref;
    (void)id;
    (void)pthread_mutex_lock(&s->lock);
    s->answered++;
    s->status = s->status == SMPP_OK ? status : s->status;
    (void)pthread_mutex_unlock(&s->lock);
}

/* Answers of cards are for a server that stays; here they are left with the service centre. */
static uint32_t on_received(void *ctx, const struct smpp_message *message)
{
    (void)ctx;
    (void)message;
    return SMPP_SYSTEM;
}

static cr_status number_of(const char *text, char out[SMPP_MAX_ADDRESS + 1], struct cr_err *err)
{
    const char *digits = text[0] == '+' ? text + 1 : text;
    return cr_is_digits(cr_span_str(digits)) &&
                   cr_str_copy(out, SMPP_MAX_ADDRESS + 1, cr_span_str(digits))
               ? CR_OK
               : cr_fail(err, CR_MALFORMED, NULL, "'%.40s' is no telephone number", text);
}

cr_status cli_ota_submit_new(struct cli *cli, const struct cli_ota_smsc *smsc, const char *from,
                             struct cli_ota_submit **out, struct cr_err *err)
{
    struct smpp_client_options o = {.submitted = on_submitted, .received = on_received};
    struct cli_ota_submit *s = cr_arena_alloc(&cli->arena, sizeof *s);
    char *password = NULL;
    if (!s) {
        return cr_fail_memory(err);
    }
    *s = (struct cli_ota_submit){.env = *cli->env,
                                 .message = {.from_ton = NATIONAL,
                                             .from_npi = 1,
                                             .to_ton = NATIONAL,
                                             .to_npi = 1,
                                             .esm_class = SMPP_UDHI,
                                             .protocol_id = SMS_PID_USIM_DOWNLOAD,
                                             .data_coding = SMS_DCS_8BIT_CLASS2}};
    CR_TRY(number_of(from, s->message.from, err));
    CR_TRY(number_of(smsc->to, s->message.to, err));
    CR_TRY(cli_host_port(&cli->arena, smsc->place, &o.host, &o.port, err));
    if (smsc->password) {
        CR_TRY(cli_secret(cli, "--password", smsc->password, &password, err));
    }
    s->env.log = NULL;
    o.env = &s->env;
    o.system_id = smsc->esme;
    o.password = password ? password : "";
    o.ctx = s;
    (void)pthread_mutex_init(&s->lock, NULL);
    cr_status status = smpp_client_start(&o, &s->client, err);
    if (password) {
        cr_wipe(password, strlen(password));
    }
    if (status != CR_OK) {
        (void)pthread_mutex_destroy(&s->lock);
        return status;
    }
    *out = s;
    return CR_OK;
}

cr_status cli_ota_submit_add(struct cli_ota_submit *s, cr_span ud, struct cr_err *err)
{
    if (ud.n > sizeof s->message.text) {
        return cr_fail(err, CR_INTERNAL, NULL, "a message of %zu bytes", ud.n);
    }
    memcpy(s->message.text, ud.p, ud.n);
    s->message.text_size = ud.n;
    s->given++;
    return smpp_client_submit(s->client, &s->message, s->given, err);
}

cr_status cli_ota_submit_end(struct cli_ota_submit *s, bool wait, struct cr_err *err)
{
    bool all = !wait;
    for (unsigned ticks = 0; !all && ticks < WAIT_SECONDS * 1000 / TICK_MS; ticks++) {
        (void)usleep(TICK_MS * 1000);
        (void)pthread_mutex_lock(&s->lock);
        all = s->answered == s->given;
        (void)pthread_mutex_unlock(&s->lock);
    }
    smpp_client_stop(s->client);
    (void)pthread_mutex_destroy(&s->lock);
    if (!all || s->status == SMPP_LOST) {
        return cr_fail(err, CR_RESOURCE, NULL, "the service centre does not answer");
    }
    return s->status == SMPP_OK
               ? CR_OK
               : cr_fail(err, CR_REFUSED, "SMPP 3.4",
                         "the service centre refuses a message: status %08X", (unsigned)s->status);
}
