/* What comes from the air to an SM-SR that waits for an eUICC's answer. The first byte says what:
 *
 *   r   user data of a short message, as it is: whatever it is, the script waits on
 *   p   status and response script in a proof of receipt of the eUICC
 *   n   content of a notification of the eUICC
 *   h   a POST of it: query, line feed, body
 *   c   datagrams of CAT_TP behind a byte of length each, from it and from others: whatever they
 *       are, the script has an end when time goes on
 */
#include "fuzz.h"

#include "net/http_parse.h"
#include "ota/admin.h"
#include "ota/cattp.h"
#include "ota/sms.h"
#include "smsr/cattp.h"
#include "smsr/https.h"
#include "smsr/packet.h"
#include "smsr/sms.h"
#include "smsr/smsr.h"

#include <string.h>

#define NOW_MS INT64_C(1800000000000)

static const uint8_t eid[16] = {0x89, 0x00, 0x10, 0x12, 0x01, 0x23, 0x41, 0x23,
                                0x40, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x24};
static const uint8_t isdr[16] = {0xA0, 0,    0,    5,    0x59, 0x10, 0x10, 0xFF,
                                 0xFF, 0xFF, 0xFF, 0x89, 0,    0,    1,    0};
static const uint8_t isdp[16] = {0xA0, 0,    0,    5,    0x59, 0x10, 0x10, 0xFF,
                                 0xFF, 0xFF, 0xFF, 0x89, 0,    0,    0x10, 0};
static const uint8_t tar[3] = {0, 0, 1};
static const struct ota_key aes = {.algorithm = OTA_AES, .n = 16, .mac_size = 8}; /* zeros */

static struct smsr *sr;
static struct smsr_sms *sms;
static struct smsr_https *https;
static struct smsr_cattp *links;
static struct smsr_radio_config config;
static struct m2m_parties parties;
static struct smpp_message sent;

static int64_t passed_ms; /* goes on from one input to the next */

static int64_t now_ms(void *ctx)
{
    (void)ctx;
    return NOW_MS + passed_ms;
}

static cr_status randomly(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    (void)err;
    memset(p, 0x5A, n);
    return CR_OK;
}

static const cr_env env = {.now_ms = now_ms, .random = randomly};

static cr_status submit(void *ctx, const struct smsr_smsc *smsc, const struct smpp_message *message,
                        uint64_t ref, struct cr_err *err)
{
    (void)ctx;
    (void)smsc;
    (void)ref;
    (void)err;
    sent = *message;
    return CR_OK;
}

static cr_status fill(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    (void)ctx;
    const cr_span some = cr_span_str("x");
    const struct smsr_euicc e = {.eid = CR_SPAN_ARRAY(eid),
                                 .eum_id = "1",
                                 .signed_info = some,
                                 .eum_signature = some,
                                 .ecasd_certificate = some,
                                 .isdp_loadfile = some,
                                 .isdp_module = some,
                                 .isdr_aid = CR_SPAN_ARRAY(isdr),
                                 .isdr_tars = CR_SPAN_ARRAY(tar),
                                 .sin = some,
                                 .sdin = some,
                                 .http = true,
                                 .cattp = true};
    struct smsr_keyset keys = {.version = 1, .type = SOAP_KEYSET_SCP80};
    for (size_t i = 0; i < 3; i++) {
        keys.keys[i] = (struct smsr_key){.type = 0x88, .size = 16};
    }
    CR_TRY(smsr_euicc_put(tx, &e, err));
    return smsr_keyset_put(sr, tx, e.eid, &keys, 0, err);
}

static bool has_link(void *ctx, cr_span who)
{
    (void)ctx;
    return smsr_cattp_has_link(links, who);
}

static void pushed(void *ctx, cr_span who)
{
    (void)ctx;
    smsr_cattp_expect(links, who);
}

static void transmit(void *ctx, const struct udp_address *to, cr_span datagram)
{
    struct cattp_pdu pdu;
    (void)ctx;
    (void)to;
    FUZZ_CHECK(datagram.n <= UDP_DATAGRAM_MAX);
    FUZZ_CHECK(cattp_pdu_read(datagram, &pdu, NULL) == CR_OK);
}

static void open_all(void)
{
    parties = (struct m2m_parties){.oid = "9", .name = "SR", .role = SOAP_SMSR};
    smsr_radio_defaults(&config);
    config.smsc[0] = (struct smsr_smsc){.name = "one", .number = "99", .prefix = ""};
    config.smsc_count = 1;
    const struct smsr_options options = {
        .parties = &parties, .policy = {.hold_ms = 1}, .env = &env};
    FUZZ_CHECK(smsr_open(&options, &sr, NULL) == CR_OK);
    const struct smsr_sms_options o = {
        .sr = sr, .config = &config, .submit = submit, .has_link = has_link, .pushed = pushed};
    FUZZ_CHECK(smsr_sms_new(&o, &sms, NULL) == CR_OK);
    FUZZ_CHECK(smsr_https_new(sr, &config, 0, &https, NULL) == CR_OK);
    const struct smsr_cattp_options c = {.sr = sr, .config = &config, .transmit = transmit};
    FUZZ_CHECK(smsr_cattp_new(&c, &links, NULL) == CR_OK);
    config.cattp = true;
    FUZZ_CHECK(store_run(smsr_store(sr), fill, NULL, NULL) == CR_OK);
}

/* An audit of the eUICC, alone. */
static cr_status begin(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    static const char *const statements[] = {
        "DELETE FROM script",
        "DELETE FROM procedure",
        "DELETE FROM profile", /* it follows what the eUICC says */
        "DELETE FROM air",
        "DELETE FROM audit",
        "DELETE FROM letter",
        "UPDATE euicc_state SET procedure = 0, in_doubt = 0, notification_number = NULL",
    };
    cr_arena arena = {0};
    const struct smsr_profile p = {.eid = CR_SPAN_ARRAY(eid),
                                   .aid = CR_SPAN_ARRAY(isdp),
                                   .iccid = "89000123450000000001",
                                   .mno_id = "2",
                                   .msisdn = "45",
                                   .state = SMSR_ENABLED,
                                   .fallback = true,
                                   .free_memory = -1};
    const struct smsr_procedure what = {.kind = SMSR_PROC_AUDIT, .eid = CR_SPAN_ARRAY(eid)};
    int64_t id;
    (void)ctx;
    for (size_t i = 0; i < CR_COUNT(statements); i++) {
        CR_TRY(store_exec(tx, statements[i], NULL, NULL, NULL, NULL, err));
    }
    CR_TRY(smsr_profile_put(tx, &p, err));
    cr_status status = smsr_procedure_start_own(sr, tx, &arena, &what, (int64_t)600000, &id, err);
    cr_arena_free(&arena);
    return status;
}

static cr_status look(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    cr_arena arena = {0};
    struct smsr_script s;
    cr_status status = smsr_script_current(tx, CR_SPAN_ARRAY(eid), &arena, &s, ctx, err);
    cr_arena_free(&arena);
    return status;
}

/* ---- from the card ---- */

static cr_status emit(void *ctx, uint8_t number, uint8_t count, cr_span ud, struct cr_err *err)
{
    struct smpp_message m = {.from = "45", .to = "99", .esm_class = SMPP_UDHI, .text_size = ud.n};
    (void)ctx;
    (void)number;
    (void)count;
    (void)err;
    memcpy(m.text, ud.p, ud.n);
    FUZZ_CHECK(smsr_sms_received(sms, &m) == SMPP_OK);
    return CR_OK;
}

static void send_packet(uint8_t iei, cr_buf *packet)
{
    const struct sms_cut cut = {.packet = iei, .max_segments = SMS_SEGMENTS_MAX};
    FUZZ_CHECK(sms_segment(&cut, cr_buf_span(packet), emit, NULL, NULL) == CR_OK);
    cr_buf_free(packet);
}

static void answer(cr_span in)
{
    struct ota_command_header header;
    struct ota_command command;
    struct ota_response_fields fields;
    struct sms_header udh;
    cr_span body;
    cr_buf scratch = {0}, packet = {0};
    const struct ota_keys keys = {&aes, &aes};
    FUZZ_CHECK(sms_header_take(cr_span_of(sent.text, sent.text_size), &udh, &body, NULL) == CR_OK);
    FUZZ_CHECK(ota_command_read(OTA_SMS, body, &header, NULL) == OTA_OK);
    FUZZ_CHECK(ota_command_open(&header, keys, &scratch, &command, NULL) == OTA_OK);
    ota_response_fields_of(&header, command.counter, &fields);
    if (in.n && ota_response_build(&fields, keys, in.p[0], cr_span_sub(in, 1, in.n), &packet,
                                   NULL) == CR_OK) {
        send_packet(SMS_IEI_RESPONSE_PACKET, &packet);
    }
    cr_buf_free(&scratch);
    cr_buf_free(&packet);
}

static void notify(cr_span in)
{
    const struct ota_command_fields fields = {
        .dialect = OTA_SMS, .spi = {0x02, 0}, .kic = 0x10, .kid = 0x12, .tar = {0, 0, 1}};
    cr_buf packet = {0};
    if (ota_command_build(&fields, (struct ota_keys){&aes, &aes}, in, &packet, NULL) == CR_OK) {
        send_packet(SMS_IEI_COMMAND_PACKET, &packet);
    }
    cr_buf_free(&packet);
}

static void post(cr_span in)
{
    struct http_fields fields = {.items = {{OTA_ADMIN_H_PROTOCOL, OTA_ADMIN_PROTOCOL},
                                           {"Content-Type", OTA_ADMIN_RESPONSE_TYPE}},
                                 .count = 2};
    struct ota_psk_identity identity = {.aid = {.n = 16}, .key_id = 1, .kvn = 0x40};
    char text[OTA_PSK_IDENTITY_TEXT];
    cr_arena arena = {0};
    struct http_response response = {0};
    const uint8_t *line = in.n ? memchr(in.p, '\n', in.n) : NULL;
    const size_t n = line ? (size_t)(line - in.p) : in.n;
    memcpy(identity.eid, eid, sizeof eid);
    memcpy(identity.aid.value, isdr, sizeof isdr);
    ota_psk_identity_write(&identity, text);
    char *query = cr_arena_strn(&arena, cr_span_sub(in, 0, n));
    const cr_span body = line ? cr_span_sub(in, n + 1, in.n) : (cr_span){0};
    if (body.n) {
        fields.items[fields.count++] = (struct http_field){OTA_ADMIN_H_STATUS, "ok"};
    }
    const struct http_request request = {.method = "POST",
                                         .path = "/gsma/adminagent",
                                         .query = query && *query ? query : NULL,
                                         .body = body,
                                         .psk_identity = text,
                                         .headers = &fields,
                                         .arena = &arena};
    smsr_https_handle(https, &request, &response);
    FUZZ_CHECK(response.status == 200 || response.status == 204 || response.status == 400 ||
               response.status == 415);
    cr_buf_free(&response.body);
    cr_arena_free(&arena);
}

/* Puts the right checksum in, so that mutations get behind it. */
static void mend(uint8_t *p, size_t n)
{
    uint32_t sum = 0;
    if (n < CATTP_HEADER) {
        return;
    }
    p[CATTP_CHECKSUM_AT] = p[CATTP_CHECKSUM_AT + 1] = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (uint32_t)p[i] << (i % 2 ? 0 : 8);
    }
    while (sum >> 16) {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    p[CATTP_CHECKSUM_AT] = (uint8_t)(~sum >> 8);
    p[CATTP_CHECKSUM_AT + 1] = (uint8_t)~sum;
}

static void work(void)
{
    while (smsr_cattp_work(links)) {
    }
}

static void datagrams(cr_span in)
{
    int64_t next;
    bool waits = true;
    config.channel = SMSR_CATTP;
    FUZZ_CHECK(smsr_sms_run(sms, &next, NULL) == CR_OK); /* the push SMS */
    while (in.n) {
        uint8_t bytes[256];
        const struct udp_address from = {.ip = {10, 0, 0, in.p[0] & 1}, .size = 4, .port = 9};
        const cr_span one = cr_span_sub(in, 1, in.p[0]);
        in = cr_span_sub(in, 1 + one.n, in.n);
        if (one.n) {
            memcpy(bytes, one.p, one.n);
        }
        mend(bytes, one.n);
        smsr_cattp_input(links, &from, cr_span_of(bytes, one.n));
        work();
        passed_ms += 700;
        smsr_cattp_tick(links);
    }
    for (int i = 0; i < 40 && (waits || smsr_cattp_links(links)); i++) {
        passed_ms += 60000;
        smsr_cattp_tick(links);
        work();
        FUZZ_CHECK(smsr_sms_run(sms, &next, NULL) == CR_OK);
        FUZZ_CHECK(store_read(smsr_store(sr), look, &waits, NULL) == CR_OK);
    }
    FUZZ_CHECK(!waits && smsr_cattp_links(links) == 0);
    config.channel = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t next;
    bool waits;
    if (size < 1 || size > 4096) {
        return 0;
    }
    if (!sr) {
        open_all();
    }
    FUZZ_CHECK(store_run(smsr_store(sr), begin, NULL, NULL) == CR_OK);
    const cr_span in = cr_span_of(data + 1, size - 1);
    if (data[0] == 'c') {
        datagrams(in);
        return 0;
    }
    if (data[0] == 'h') {
        post((cr_span){0}); /* the session has a script */
        post(in);
        return 0;
    }
    FUZZ_CHECK(smsr_sms_run(sms, &next, NULL) == CR_OK);
    switch (data[0]) {
    case 'p':
        answer(in);
        break;
    case 'n':
        notify(in);
        break;
    default:
        if (in.n <= SMS_USER_DATA_MAX) {
            (void)emit(NULL, 1, 1, in, NULL);
            FUZZ_CHECK(store_read(smsr_store(sr), look, &waits, NULL) == CR_OK && waits);
        }
        break;
    }
    return 0;
}
