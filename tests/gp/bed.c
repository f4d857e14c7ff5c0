#include "bed.h"

#include "crypto/des.h"
#include "crypto/symmetric.h"
#include "uicc/toolkit.h"

/* --- the registry ------------------------------------------------------------------------------
 */

static const struct {
    uint8_t kvn, type, first; /* value of key n: first + 10 n, counted up */
} versions[] = {{0x01, GP_KEY_DES, 0x11}, {0x02, GP_KEY_AES, 0x21}, {0x20, GP_KEY_DES, 0x41},
                {0x30, GP_KEY_AES, 0x51}, {0x03, GP_KEY_AES, 0x61}, {0x31, GP_KEY_AES, 0x71}};

struct gp_key bed_key(uint8_t kvn, uint8_t kid)
{
    struct gp_key key = {.kvn = kvn, .kid = kid, .n = 16, .mac_size = 8};
    for (size_t i = 0; i < CR_COUNT(versions); i++) {
        if (versions[i].kvn == kvn) {
            key.type = versions[i].type;
            for (size_t k = 0; k < key.n; k++) {
                key.value[k] = (uint8_t)(versions[i].first + 0x30U * kid + 5 * k);
            }
        }
    }
    return key;
}

#define MAX_KEYS 12

struct element_space {
    struct profile_security_domain sd;
    struct profile_key keys[MAX_KEYS];
    struct profile_key_component components[MAX_KEYS];
    struct gp_key values[MAX_KEYS];
    cr_span perso[1];
    struct sim_bytes bytes[8];
};

static cr_span hex_in(struct element_space *s, size_t n, const char *hex)
{
    s->bytes[n] = sim_hex(hex);
    return cr_span_of(s->bytes[n].p, s->bytes[n].n);
}

static void add_domain(const struct gp_registry *reg, const char *aid, const char *privileges,
                       const char *state, const char *toolkit, const uint8_t *kvns, size_t count)
{
    static const uint8_t usage[3][1] = {{0x18}, {0x14}, {0x48}};
    struct element_space *s = calloc(1, sizeof *s);
    SIM_MUST(s);
    s->sd.instance = (struct profile_instance){
        .application_load_package_aid = hex_in(s, 0, "A0000001515350"),
        .class_aid = hex_in(s, 1, "A000000151535041"),
        .instance_aid = hex_in(s, 2, aid),
        .application_privileges = hex_in(s, 3, privileges),
        .life_cycle_state = hex_in(s, 4, state),
        .application_specific_parameters_c9 = hex_in(s, 5, "81028000"),
        .has_application_parameters = true,
        .application_parameters = {.uicc_toolkit = hex_in(s, 6, toolkit)},
    };
    for (size_t i = 0; i < 3 * count; i++) {
        s->values[i] = bed_key(kvns[i / 3], (uint8_t)(i % 3 + 1));
        s->components[i] =
            (struct profile_key_component){.key_type = cr_span_of(&s->values[i].type, 1),
                                           .key_data = cr_span_of(s->values[i].value, 16),
                                           .mac_length = 8};
        s->keys[i] =
            (struct profile_key){.key_usage_qualifier = CR_SPAN_ARRAY(usage[i % 3]),
                                 .key_identifier = cr_span_of(&s->values[i].kid, 1),
                                 .key_version_number = cr_span_of(&s->values[i].kvn, 1),
                                 .key_components = {.items = &s->components[i], .count = 1}};
    }
    s->sd.key_list.items = s->keys;
    s->sd.key_list.count = 3 * count;
    s->perso[0] = hex_in(s, 7,
                         "0070326630732E06072A864886FC6B01600B06092A864886FC6B020202630906072A8648"
                         "86FC6B03640B06092A864886FC6B048000");
    s->sd.sd_perso_data.items = s->perso;
    s->sd.sd_perso_data.count = 1;
    struct gp_verdict v = gp_perso_domain(reg, &s->sd);
    SIM_MUST(v.status == RSP_PE_OK);
    free(s);
}

static void add_rfm(const struct gp_registry *reg, const struct uicc_fs *fs, const char *aid,
                    const char *tar, const char *access, const char *adf_access, const char *adf)
{
    struct sim_bytes b[6] = {sim_hex(aid),    sim_hex(tar),
                             sim_hex(access), sim_hex(adf ? adf : ""),
                             sim_hex("12"),   sim_hex(adf_access)};
    cr_span spans[6];
    for (size_t i = 0; i < 6; i++) {
        spans[i] = cr_span_of(b[i].p, b[i].n);
    }
    struct profile_rfm rfm = {.instance_aid = spans[0],
                              .tar_list = {.items = &spans[1], .count = 1, .present = true},
                              .minimum_security_level = spans[4],
                              .uicc_access_domain = spans[2],
                              .uicc_admin_access_domain = spans[2],
                              .has_adf_rfm_access = adf != NULL,
                              .adf_rfm_access = {.adf_aid = spans[3],
                                                 .adf_access_domain = spans[5],
                                                 .adf_admin_access_domain = spans[5]}};
    struct gp_verdict v = gp_perso_rfm(reg, fs, &rfm);
    SIM_MUST(v.status == RSP_PE_OK);
}

static void add_all(struct sim *sim)
{
    static const uint8_t mno[] = {0x01, 0x02, 0x20, 0x30}, sub[] = {0x03, 0x31};
    struct gp_registry reg;
    SIM_MUST(gp_registry_init(&reg, sim->nvm, cr_span_str(SIM_PREFIX)));
    nvm_begin(sim->nvm);
    add_domain(&reg, MNO_SD, "82DC00", "0F", "010000000002010206B2010000000000", mno, 4);
    add_domain(&reg, SUB_SD, "80C000", "0F",
               "0100000000020102"
               "03B20101"
               "00",
               sub, 2);
    add_domain(&reg, WEAK_SD, "800000", "07",
               "0100000000020102"
               "03B20102"
               "00",
               NULL, 0);
    add_rfm(&reg, &sim->fs, "A00000055910100001", "B00120", "00", "00", NULL);
    add_rfm(&reg, &sim->fs, "A00000055910100002", "B00140", "00", "00", USIM_AID);
    add_rfm(&reg, &sim->fs, "A00000055910100003", "B00150", "02010000", "00", NULL);
    add_rfm(&reg, &sim->fs, "A00000055910100004", "B00160", "FF", "00", NULL);
    add_rfm(&reg, &sim->fs, "A00000055910100005", "B00170", "FF", "00", USIM_AID);
    SIM_MUST(nvm_commit(sim->nvm, &sim->err) == CR_OK);
}

/* --- making and ending -------------------------------------------------------------------------
 */

static struct bed *bed_over(struct sim *sim)
{
    struct bed *bed = calloc(1, sizeof *bed);
    SIM_MUST(bed);
    bed->sim = sim;
    bed->counter = 1;
    SIM_MUST(gp_new(sim->uicc, NULL, &bed->gp, &sim->err) == CR_OK);
    bed->reg = gp_visible(bed->gp);
    SIM_MUST(bed->reg);
    return bed;
}

struct bed *bed_new(void)
{
    struct sim *sim = sim_new();
    add_all(sim);
    return bed_over(sim);
}

struct bed *bed_open_memory(struct nvm *nvm)
{
    struct sim *sim = calloc(1, sizeof *sim);
    SIM_MUST(sim);
    sim->nvm = nvm;
    sim_power_on(sim);
    return bed_over(sim);
}

void bed_free(struct bed *bed)
{
    scp_end(&bed->host);
    gp_free(bed->gp);
    sim_free(bed->sim);
    free(bed);
}

struct bed *bed_power_cycle(struct bed *bed)
{
    struct nvm *nvm;
    uint64_t counter = bed->counter;
    SIM_MUST(nvm_clone_committed(bed->sim->nvm, &nvm, &bed->sim->err) == CR_OK);
    bed_free(bed);
    bed = bed_open_memory(nvm);
    bed->counter = counter;
    return bed;
}

/* --- a channel ---------------------------------------------------------------------------------
 */

static uicc_sw transmit(struct bed *bed, cr_span apdu, cr_buf *data)
{
    struct sim *sim = bed->sim;
    uicc_sw sw;
    cr_buf_reset(&sim->response);
    (void)uicc_transmit(sim->uicc, apdu, &sim->response, &sim->err);
    for (;;) {
        size_t n = sim->response.n;
        SIM_MUST(n >= 2);
        sw = (uicc_sw)(sim->response.p[n - 2] << 8 | sim->response.p[n - 1]);
        cr_buf_append(data, sim->response.p, n - 2);
        if ((sw >> 8) != 0x61) {
            return sw;
        }
        const uint8_t more[] = {apdu.p[0] & 0x43, 0xC0, 0x00, 0x00, (uint8_t)sw};
        cr_buf_reset(&sim->response);
        (void)uicc_transmit(sim->uicc, CR_SPAN_ARRAY(more), &sim->response, &sim->err);
    }
}

static const char *as_text(struct bed *bed, const cr_buf *data, uicc_sw sw)
{
    char *end = cr_hex_into(bed->text, sizeof bed->text - 4, cr_buf_span(data));
    SIM_MUST(end);
    (void)snprintf(bed->text + 2 * data->n, 5, "%04X", sw);
    return bed->text;
}

const char *bed_send(struct bed *bed, const char *hex)
{
    struct sim_bytes b = sim_hex(hex);
    cr_buf data = {0};
    uicc_sw sw = transmit(bed, cr_span_of(b.p, b.n), &data);
    const char *text = as_text(bed, &data, sw);
    cr_buf_free(&data);
    return text;
}

static uicc_sw sw_of(const char *text)
{
    return (uicc_sw)strtoul(text + strlen(text) - 4, NULL, 16);
}

uicc_sw bed_sw(struct bed *bed, const char *hex)
{
    return sw_of(bed_send(bed, hex));
}

uicc_sw bed_authenticate(struct bed *bed, uint8_t kvn, uint8_t level)
{
    struct scp_keys keys = {0};
    uint8_t challenge[SCP_CHALLENGE];
    struct scp_key *slots[] = {&keys.enc, &keys.mac, &keys.dek};
    for (uint8_t i = 0; i < 3; i++) {
        struct gp_key key;
        SIM_MUST(gp_key_get(bed->reg, 1, kvn, (uint8_t)(i + 1), &key) ||
                 (key = bed_key(kvn, (uint8_t)(i + 1))).type);
        memcpy(slots[i]->value, key.value, key.n);
        slots[i]->n = key.n;
    }
    scp_end(&bed->host);
    SIM_MUST(scp_host_begin(&bed->host, &keys, kvn, &bed->sim->env, challenge, &bed->sim->err) ==
             CR_OK);
    uint8_t update[14] = {(uint8_t)(0x80 | bed->channel), 0x50, kvn, 0x00, 0x08};
    memcpy(update + 5, challenge, 8);
    cr_buf data = {0}, apdu = {0};
    uicc_sw sw = transmit(bed, CR_SPAN_ARRAY(update), &data);
    if (sw == UICC_SW_OK) {
        SIM_MUST(scp_host_take(&bed->host, cr_buf_span(&data), &bed->sim->err) == CR_OK);
        SIM_MUST(scp_host_authenticate(&bed->host, level, &apdu, &bed->sim->err) == CR_OK);
        apdu.p[0] |= (uint8_t)bed->channel;
        cr_buf_reset(&data);
        sw = transmit(bed, cr_buf_span(&apdu), &data);
    }
    cr_buf_free(&data);
    cr_buf_free(&apdu);
    return sw;
}

void bed_session(struct bed *bed, const char *aid, uint8_t kvn, uint8_t level)
{
    char select[64];
    (void)snprintf(select, sizeof select, "%02XA4040008%s00", bed->channel, aid);
    assert_int_equal(bed_sw(bed, select), UICC_SW_OK);
    assert_int_equal(bed_authenticate(bed, kvn, level), UICC_SW_OK);
}

const char *bed_secure(struct bed *bed, const char *hex)
{
    struct sim_bytes b = sim_hex(hex);
    cr_buf apdu = {0}, data = {0}, plain = {0};
    SIM_MUST(scp_wrap_command(&bed->host, cr_span_of(b.p, b.n), &apdu, &bed->sim->err) == CR_OK);
    apdu.p[0] |= (uint8_t)bed->channel;
    uicc_sw sw = transmit(bed, cr_buf_span(&apdu), &data);
    cr_buf_append_be(&data, sw, 2);
    if (scp_unwrap_response(&bed->host, cr_buf_span(&data), &plain, &sw, &bed->sim->err) != CR_OK) {
        cr_buf_reset(&plain);
        cr_buf_append(&plain, "unwrap", 6);
    }
    const char *text = as_text(bed, &plain, sw);
    cr_buf_free(&apdu);
    cr_buf_free(&data);
    cr_buf_free(&plain);
    return text;
}

uicc_sw bed_secure_sw(struct bed *bed, const char *hex)
{
    return sw_of(bed_secure(bed, hex));
}

const char *bed_key_field(struct bed *bed, uint8_t type, const char *key_hex)
{
    static char text[256];
    struct sim_bytes key = sim_hex(key_hex);
    uint8_t kcv[CRYPTO_KCV] = {0}, padded[80] = {0};
    size_t block = bed->host.facts.protocol == SCP_02 ? 8 : 16;
    size_t n = (key.n + block - 1) / block * block;
    cr_buf cipher = {0}, field = {0};
    cr_span value = cr_span_of(key.p, key.n);
    memcpy(padded, key.p, key.n);
    SIM_MUST(scp_encrypt_sensitive(&bed->host, cr_span_of(padded, n), &cipher, &bed->sim->err) ==
             CR_OK);
    cr_buf_append_byte(&field, type);
    if (type == GP_KEY_DES) {
        SIM_MUST(crypto_des_kcv(value, kcv, NULL) == CR_OK);
        cr_buf_append_byte(&field, (uint8_t)cipher.n);
    } else {
        cr_buf_append_byte(&field, (uint8_t)(cipher.n + 1));
        cr_buf_append_byte(&field, (uint8_t)key.n);
        if (type == GP_KEY_AES) {
            SIM_MUST(crypto_aes_kcv(value, kcv, NULL) == CR_OK);
        }
    }
    cr_buf_append_span(&field, cr_buf_span(&cipher));
    cr_buf_append_byte(&field, type == GP_KEY_PSK ? 0 : CRYPTO_KCV);
    cr_buf_append(&field, kcv, type == GP_KEY_PSK ? 0 : CRYPTO_KCV);
    SIM_MUST(cr_hex_into(text, sizeof text, cr_buf_span(&field)));
    cr_buf_free(&cipher);
    cr_buf_free(&field);
    return text;
}

/* --- the air -----------------------------------------------------------------------------------
 */

static struct ota_key ota_key_of(struct bed *bed, uint8_t name, uint8_t kid)
{
    struct gp_key key = bed_key(OTA_KVN(name) ? OTA_KVN(name) : 0x01, kid);
    struct ota_key out = {.n = key.n, .mac_size = 8};
    (void)bed;
    out.algorithm = key.type == GP_KEY_AES ? OTA_AES : OTA_3DES_2;
    memcpy(out.value, key.value, key.n);
    return out;
}

struct way {
    struct bed *bed;
    const struct bed_packet *packet;
    uicc_sw sw;
    cr_buf answer;
};

static cr_status send_segment(void *ctx, uint8_t number, uint8_t count, cr_span ud,
                              struct cr_err *err)
{
    struct way *w = ctx;
    struct sms_tpdu t = {.type = SMS_DELIVER,
                         .has_header = true,
                         .pid = w->packet->pid ? w->packet->pid : SMS_PID_USIM_DOWNLOAD,
                         .dcs = w->packet->dcs ? w->packet->dcs : SMS_DCS_8BIT_CLASS2,
                         .time = {.year = 26, .month = 11, .day = 29},
                         .ud = ud};
    static const uint8_t smsc[] = {0x91, 0x21, 0x43, 0x65, 0x87, 0x09, 0x21};
    cr_buf tpdu = {0}, data = {0}, apdu = {0};
    (void)number;
    (void)count;
    SIM_MUST(sms_address_parse(cr_span_str("12345678"), &t.address, err) == CR_OK);
    SIM_MUST(sms_encode(&t, &tpdu, err) == CR_OK);
    cat_envelope_sms_pp(&data, CR_SPAN_ARRAY(smsc), cr_buf_span(&tpdu));
    cr_buf_append(&apdu, "\x80\xC2\x00\x00", 4);
    cr_buf_append_byte(&apdu, (uint8_t)data.n);
    cr_buf_append_span(&apdu, cr_buf_span(&data));
    cr_buf_reset(&w->answer);
    w->sw = transmit(w->bed, cr_buf_span(&apdu), &w->answer);
    cr_buf_free(&tpdu);
    cr_buf_free(&data);
    cr_buf_free(&apdu);
    return CR_OK;
}

/* Fetches what the card sends by SMS and puts the user data together; the number of messages. */
static unsigned take_messages(struct bed *bed, uicc_sw *sw, cr_buf *response)
{
    struct sms_assembler *assembler = NULL;
    unsigned n = 0;
    SIM_MUST(sms_assembler_new(NULL, &assembler, NULL) == CR_OK);
    while ((*sw >> 8) == 0x91) {
        const uint8_t fetch[] = {0x80, 0x12, 0x00, 0x00, (uint8_t)*sw};
        cr_buf command = {0}, answer = {0}, apdu = {0};
        struct cat_command c;
        cr_span tpdu;
        struct sms_tpdu t;
        enum sms_assembly state;
        uint8_t packet;
        SIM_MUST(transmit(bed, CR_SPAN_ARRAY(fetch), &command) == UICC_SW_OK);
        SIM_MUST(cat_command_read(cr_buf_span(&command), &c, NULL) == CR_OK);
        if (c.type == CAT_SEND_SHORT_MESSAGE) {
            SIM_MUST(cat_find(c.tlvs, CAT_TAG_SMS_TPDU, &tpdu));
            SIM_MUST(sms_decode(SMS_FROM_CARD, tpdu, &t, NULL) == CR_OK && t.type == SMS_SUBMIT);
            assert_string_equal(t.address.text, "12345678");
            SIM_MUST(sms_assembler_add(assembler, &t.address, t.has_header, t.ud, 0, &state,
                                       &packet, response, NULL) == CR_OK);
            assert_true(state == SMS_WAITING || state == SMS_ASSEMBLED);
            n++;
        }
        cat_response_begin(&answer, &c, CAT_RESULT_OK, (cr_span){0});
        cr_buf_append(&apdu, "\x80\x14\x00\x00", 4);
        cr_buf_append_byte(&apdu, (uint8_t)answer.n);
        cr_buf_append_span(&apdu, cr_buf_span(&answer));
        cr_buf none = {0};
        *sw = transmit(bed, cr_buf_span(&apdu), &none);
        cr_buf_free(&none);
        cr_buf_free(&command);
        cr_buf_free(&answer);
        cr_buf_free(&apdu);
    }
    sms_assembler_free(assembler);
    return n;
}

static void open_response(struct bed *bed, const struct ota_command_fields *fields,
                          struct ota_keys keys, const cr_buf *response)
{
    struct ota_response_fields expected = {.dialect = OTA_SMS,
                                           .spi = {fields->spi[0], fields->spi[1]},
                                           .kic = fields->kic,
                                           .kid = fields->kid,
                                           .counter = fields->counter};
    struct ota_response r;
    cr_buf scratch = {.secret = true};
    memcpy(expected.tar, fields->tar, 3);
    cr_status status = ota_response_open(&expected, keys, true, cr_buf_span(response), &scratch, &r,
                                         &bed->sim->err);
    if (status != CR_OK) {
        (void)fprintf(stderr, "%s\n", bed->sim->err.cause);
    }
    SIM_MUST(status == CR_OK);
    bed->status = r.status;
    bed->secured = r.secured;
    SIM_MUST(cr_hex_into(bed->data, sizeof bed->data, r.data));
    cr_buf_free(&scratch);
}

uicc_sw bed_ota(struct bed *bed, struct bed_packet p, const char *script)
{
    size_t script_n = strlen(script) / 2;
    uint8_t *bytes = malloc(script_n + 1);
    struct sim_bytes tar = sim_hex(p.tar);
    uint16_t spi = p.spi ? p.spi : 0x1619;
    struct ota_command_fields fields = {.dialect = OTA_SMS,
                                        .spi = {(uint8_t)(spi >> 8), (uint8_t)spi},
                                        .kic = p.kic ? p.kic : 0x22,
                                        .kid = p.kid ? p.kid : 0x22};
    struct way w = {.bed = bed, .packet = &p};
    cr_buf packet = {0}, response = {0};
    memcpy(fields.tar, tar.p, 3);
    fields.counter = p.counter ? p.counter : bed->counter++;
    SIM_MUST(bytes && cr_hex_fixed(bytes, script_n, cr_span_str(script)));
    struct ota_key kic = ota_key_of(bed, fields.kic, 1), kid = ota_key_of(bed, fields.kid, 2);
    struct ota_keys keys = {.kic = &kic, .kid = &kid};
    SIM_MUST(ota_command_build(&fields, keys, cr_span_of(bytes, script_n), &packet,
                               &bed->sim->err) == CR_OK);
    free(bytes);
    if (p.wrong_mac) {
        packet.p[packet.n - 1] ^= 0x01;
    }
    struct sms_cut cut = {
        .packet = SMS_IEI_COMMAND_PACKET, .reference = ++bed->reference, .max_segments = 255};
    SIM_MUST(sms_segment(&cut, cr_buf_span(&packet), send_segment, &w, &bed->sim->err) == CR_OK);

    bed->rp_error = (w.sw >> 8) == 0x63;
    bed->messages = 0;
    bed->no_por = true;
    bed->data[0] = 0;
    if (w.answer.n) {
        assert_memory_equal(w.answer.p, "\x02\x71\x00", 3);
        cr_buf_append(&response, w.answer.p + 3, w.answer.n - 3);
        bed->no_por = false;
    }
    uicc_sw sw = w.sw;
    if (bed->no_por && (spi & OTA_SPI2_SUBMIT) && (sw >> 8) == 0x91) {
        bed->messages = take_messages(bed, &sw, &response);
        bed->no_por = bed->messages == 0;
    }
    bed->followed = false;
    if (!bed->no_por) {
        open_response(bed, &fields, keys, &response);
        if (bed->status == OTA_STATUS_FOLLOWS_SMS) {
            cr_buf_reset(&response);
            bed->followed = true;
            bed->messages = take_messages(bed, &sw, &response);
            open_response(bed, &fields, keys, &response);
        }
    }
    cr_buf_free(&w.answer);
    cr_buf_free(&packet);
    cr_buf_free(&response);
    return w.sw;
}

void bed_ota_expect(struct bed *bed, const char *tar, const char *script, const char *data)
{
    uicc_sw sw = bed_ota(bed, (struct bed_packet){.tar = tar}, script);
    assert_false(bed->no_por);
    assert_int_equal(bed->status, OTA_STATUS_OK);
    assert_int_equal(sw >> 8, (sw >> 8) == 0x91 ? 0x91 : 0x90);
    assert_string_equal(bed->data, data);
}

/* --- scripts as text ---------------------------------------------------------------------------
 */

static const char *make_script(enum ota_direction direction, uint8_t chaining, const char *first,
                               va_list more)
{
    static char texts[3][2 * 4200];
    static unsigned next;
    char *text = texts[next++ % 3];
    struct ota_writer w;
    cr_buf out = {0};
    ota_writer_begin(&w, OTA_FORM_DEFINITE, direction, &out);
    SIM_MUST(!chaining || ota_writer_chaining(&w, chaining, NULL) == CR_OK);
    for (const char *hex = first; hex; hex = va_arg(more, const char *)) {
        struct sim_bytes b = sim_hex(hex);
        cr_status status =
            direction == OTA_COMMANDS
                ? ota_writer_command(&w, cr_span_of(b.p, b.n), NULL)
                : ota_writer_response(&w, cr_span_of(b.p, b.n - 2),
                                      (uint16_t)(b.p[b.n - 2] << 8 | b.p[b.n - 1]), NULL);
        SIM_MUST(status == CR_OK);
    }
    SIM_MUST(ota_writer_end(&w, NULL) == CR_OK);
    SIM_MUST(cr_hex_into(text, sizeof texts[0], cr_buf_span(&out)));
    cr_buf_free(&out);
    return text;
}

const char *bed_script(const char *first, ...)
{
    va_list more;
    va_start(more, first);
    const char *text = make_script(OTA_COMMANDS, 0, first, more);
    va_end(more);
    return text;
}

const char *bed_answer(const char *first, ...)
{
    va_list more;
    va_start(more, first);
    const char *text = make_script(OTA_RESPONSES, 0, first, more);
    va_end(more);
    return text;
}

const char *bed_chained(uint8_t value, const char *first, ...)
{
    va_list more;
    va_start(more, first);
    const char *text = make_script(OTA_COMMANDS, value, first, more);
    va_end(more);
    return text;
}

const char *bed_apdu(const char *head, const char *data)
{
    static char texts[8][2 * 300];
    static unsigned next;
    char *text = texts[next++ % 8];
    SIM_MUST(strlen(head) == 8 && strlen(data) / 2 <= 255);
    (void)snprintf(text, sizeof texts[0], "%s%02X%s00", head, (unsigned)(strlen(data) / 2), data);
    return text;
}
