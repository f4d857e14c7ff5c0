#include "m2m_bed.h"

#include "asn1/der.h"

#define SENDER "12345678"

/* ---- bytes -------------------------------------------------------------------------------------
 */

static size_t bytes_of(const char *hex, uint8_t *out, size_t room)
{
    size_t n = strlen(hex) / 2;
    MUST(n <= room && cr_hex_fixed(out, n, cr_span_str(hex)));
    return n;
}

static void count_up(uint8_t key[16], uint8_t first)
{
    for (uint8_t i = 0; i < 16; i++) {
        key[i] = (uint8_t)(first + i);
    }
}

/* ---- packages ----------------------------------------------------------------------------------
 */

static json_t *key_json(unsigned id, unsigned kvn, const char *type, uint8_t first,
                        const char *usage)
{
    uint8_t key[16];
    char hex[33], id_hex[3], kvn_hex[3];
    count_up(key, first);
    (void)cr_hex_into(hex, sizeof hex, CR_SPAN_ARRAY(key));
    (void)snprintf(id_hex, sizeof id_hex, "%02X", id & 0xFF);
    (void)snprintf(kvn_hex, sizeof kvn_hex, "%02X", kvn & 0xFF);
    return json_pack("{s:s, s:s, s:s, s:[{s:s, s:s, s:i}]}", "keyUsageQualifier", usage,
                     "keyIdentifier", id_hex, "keyVersionNumber", kvn_hex, "keyCompontents",
                     "keyType", type, "keyData", hex, "macLength", 8);
}

void m2m_package(unsigned n, const char *pol, const char *connectivity, cr_buf *out)
{
    uint8_t iccid[RSP_ICCID] = {0x98, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xF0};
    iccid[8] = (uint8_t)n;
    json_t *package = package_json(CR_SPAN_ARRAY(iccid));
    json_t *header = package_element(package, PACKAGE_HEADER);
    json_t *sd = package_element(package, PACKAGE_SD);
    json_t *instance = json_object_get(sd, "instance");
    MUST(json_object_set_new(instance, "applicationParameters",
                             json_pack("{s:s}", "uiccToolkitApplicationSpecificParametersField",
                                       "010000000002011203B2010000")) == 0);
    MUST(json_object_set_new(sd, "keyList",
                             json_pack("[o, o, o, o]", key_json(1, 1, "88", 0x20, "18"),
                                       key_json(2, 1, "88", 0x30, "14"),
                                       key_json(3, 1, "88", 0x40, "48"),
                                       key_json(1, 0x40, "85", 0x50, "18"))) == 0);
    if (pol) {
        MUST(json_object_set_new(header, "pol", json_string(pol)) == 0);
    }
    if (connectivity) {
        MUST(json_object_set_new(header, "connectivityParameters", json_string(connectivity)) == 0);
    }
    package_encode(package, out);
}

/* ---- chips -------------------------------------------------------------------------------------
 */

static char pki_dir[256];
static struct nvm *pristine;

static void clean_up(void)
{
    char command[300];
    nvm_close(pristine);
    pristine = NULL;
    if (pki_dir[0]) {
        (void)snprintf(command, sizeof command, "rm -rf '%s'", pki_dir);
        MUST(system(command) == 0);
    }
}

const char *m2m_pki(void)
{
    struct cr_err err = {0};
    const char *tmp = getenv("TMPDIR");
    struct pki_hierarchy_options options = {.ein_prefix = "89001012"};
    if (!pki_dir[0]) {
        (void)snprintf(pki_dir, sizeof pki_dir, "%s/crisp-m2m-XXXXXX", tmp ? tmp : "/tmp");
        MUST(mkdtemp(pki_dir));
        MUST(atexit(clean_up) == 0);
        MUST_OK(pki_hierarchy_init(pki_dir, &options, cr_env_system(), &err));
    }
    return pki_dir;
}

static struct nvm *make_chip(const struct euicc_m2m_options *given)
{
    static const uint8_t smsc[] = {0xA0, 0x09, 0x06, 0x07, 0x91, 0x21,
                                   0x43, 0x65, 0x87, 0x09, 0xF1};
    uint8_t keys[4][16];
    cr_buf packages[3] = {{0}};
    struct euicc_m2m_profile profiles[3] = {{.enabled = true, .fall_back = true}};
    struct euicc_m2m_options m2m = given ? *given : (struct euicc_m2m_options){0};
    struct cr_err err = {0};
    struct nvm *nvm = NULL;
    for (uint8_t i = 0; i < 4; i++) {
        count_up(keys[i], (uint8_t)(0x10 * i));
    }
    for (unsigned i = 0; i < 3; i++) {
        m2m_package(i + 1, NULL, NULL, &packages[i]);
        profiles[i].package = cr_buf_span(&packages[i]);
    }
    profiles[0].connectivity = CR_SPAN_ARRAY(smsc);
    m2m.kic = CR_SPAN_ARRAY(keys[0]);
    m2m.kid = CR_SPAN_ARRAY(keys[1]);
    m2m.dek = CR_SPAN_ARRAY(keys[2]);
    m2m.psk = CR_SPAN_ARRAY(keys[3]);
    m2m.smsr_number = m2m.smsr_number ? m2m.smsr_number : SENDER;
    if (!m2m.profiles) {
        m2m.profiles = profiles;
        m2m.profile_count = 3;
    }
    struct euicc_options options = {.eid = M2M_EID, .m2m = &m2m};
    MUST_OK(euicc_create_ram(m2m_pki(), &options, cr_env_system(), &nvm, &err));
    for (unsigned i = 0; i < 3; i++) {
        cr_buf_free(&packages[i]);
    }
    return nvm;
}

struct nvm *m2m_bed_memory(void)
{
    struct cr_err err = {0};
    struct nvm *nvm = NULL;
    if (!pristine) {
        pristine = make_chip(NULL);
    }
    MUST_OK(nvm_clone_committed(pristine, &nvm, &err));
    return nvm;
}

static void heard(void *ctx, cr_span command)
{
    struct m2m_bed *bed = ctx;
    struct cat_command c;
    struct sms_tpdu t;
    struct sms_header header;
    cr_span tpdu, rest, smsc;
    MUST(cat_command_read(command, &c, NULL) == CR_OK);
    bed->refreshed = bed->refreshed || c.type == CAT_REFRESH;
    if (c.type == CAT_OPEN_CHANNEL) {
        (void)cr_hex_into(bed->opened, sizeof bed->opened, command);
    }
    if (c.type != CAT_SEND_SHORT_MESSAGE) {
        return;
    }
    MUST(bed->message_count < M2M_MESSAGES && cat_find(c.tlvs, CAT_TAG_SMS_TPDU, &tpdu) &&
         sms_decode(SMS_FROM_CARD, tpdu, &t, NULL) == CR_OK && t.type == SMS_SUBMIT &&
         sms_header_take(t.ud, &header, &rest, NULL) == CR_OK);
    size_t at = bed->message_count;
    if (header.concatenated && header.number > 1) {
        at--;
    } else {
        bed->message_count++;
        bed->messages[at].packet = header.packet;
        bed->messages[at].hex[0] = 0;
    }
    size_t used = strlen(bed->messages[at].hex);
    (void)cr_hex_into(bed->messages[at].hex + used, sizeof bed->messages[at].hex - used, rest);
    (void)cr_hex_into(bed->messages[at].tpdu, sizeof bed->messages[at].tpdu, tpdu);
    bed->messages[at].smsc[0] = 0;
    if (cat_find(c.tlvs, CAT_TAG_ADDRESS, &smsc)) {
        (void)cr_hex_into(bed->messages[at].smsc, sizeof bed->messages[at].smsc, smsc);
    }
}

struct m2m_bed *m2m_bed_open(struct nvm *nvm, uint64_t counter)
{
    struct cr_err err = {0};
    struct m2m_bed *bed = calloc(1, sizeof *bed);
    MUST(bed);
    MUST_OK(euicc_open(nvm, cr_env_system(), &bed->euicc, &err));
    terminal_init(&bed->terminal, euicc_uicc(bed->euicc));
    bed->terminal.heard = heard;
    bed->terminal.heard_ctx = bed;
    bed->counter = counter;
    bed->kvn = 1;
    count_up(bed->kic, 0x00);
    count_up(bed->kid, 0x10);
    (void)terminal_start(&bed->terminal);
    return bed;
}

struct m2m_bed *m2m_bed_new(void)
{
    return m2m_bed_open(m2m_bed_memory(), 1);
}

struct m2m_bed *m2m_bed_new_with(const struct euicc_m2m_options *options)
{
    return m2m_bed_open(make_chip(options), 1);
}

struct m2m_bed *m2m_bed_power_cycle(struct m2m_bed *bed)
{
    struct cr_err err = {0};
    struct nvm *nvm = NULL;
    uint64_t counter = bed->counter;
    MUST_OK(nvm_clone_committed(euicc_nvm(bed->euicc), &nvm, &err));
    m2m_bed_free(bed);
    return m2m_bed_open(nvm, counter);
}

void m2m_bed_free(struct m2m_bed *bed)
{
    terminal_free(&bed->terminal);
    euicc_free(bed->euicc);
    free(bed);
}

void m2m_bed_reset(struct m2m_bed *bed)
{
    struct cr_err err = {0};
    terminal_reset(&bed->terminal);
    if (euicc_reset(bed->euicc, &err) == CR_OK) { /* else its power was cut by the test */
        (void)terminal_start(&bed->terminal);
    }
}

void m2m_bed_attach(struct m2m_bed *bed)
{
    terminal_location(&bed->terminal, CAT_SERVICE_NORMAL);
}

void m2m_advance(struct m2m_bed *bed, uint32_t seconds)
{
    terminal_advance(&bed->terminal, seconds);
}

void m2m_clear(struct m2m_bed *bed)
{
    bed->message_count = 0;
    bed->refreshed = false;
}

/* ---- packets -----------------------------------------------------------------------------------
 */

struct sending {
    struct m2m_bed *bed;
};

static cr_status send_segment(void *ctx, uint8_t number, uint8_t count, cr_span ud,
                              struct cr_err *err)
{
    struct m2m_bed *bed = ctx;
    struct sms_tpdu t = {.type = SMS_DELIVER,
                         .has_header = true,
                         .pid = SMS_PID_USIM_DOWNLOAD,
                         .dcs = SMS_DCS_8BIT_CLASS2,
                         .time = {.year = 26, .month = 8, .day = 20, .hour = 6, .minute = 12},
                         .ud = ud};
    cr_buf tpdu = {0}, envelope = {0};
    (void)number;
    (void)count;
    CR_TRY(sms_address_parse(cr_span_str(SENDER), &t.address, err));
    CR_TRY(sms_encode(&t, &tpdu, err));
    cat_envelope_sms_pp(&envelope, (cr_span){0}, cr_buf_span(&tpdu));
    cr_buf_free(&tpdu);
    (void)terminal_envelope(&bed->terminal, &envelope);
    return CR_OK;
}

static void take_answer(struct m2m_bed *bed, const struct ota_command_fields *fields,
                        struct ota_keys keys, size_t first)
{
    struct ota_response response;
    struct ota_response_fields expected = {.dialect = OTA_SMS,
                                           .spi = {fields->spi[0], fields->spi[1]},
                                           .kic = fields->kic,
                                           .kid = fields->kid,
                                           .counter = fields->counter};
    cr_buf packet = {0}, scratch = {0};
    struct cr_err err = {0};
    memcpy(expected.tar, fields->tar, sizeof expected.tar);
    for (size_t i = first; i < bed->message_count && !bed->answered; i++) {
        if (bed->messages[i].packet == SMS_IEI_RESPONSE_PACKET) {
            cr_buf_reset(&packet);
            MUST_OK(cr_hex_decode(&packet, cr_span_str(bed->messages[i].hex), &err));
            MUST_OK(ota_response_open(&expected, keys, false, cr_buf_span(&packet), &scratch,
                                      &response, &err));
            bed->answered = true;
            bed->status = response.status;
            (void)cr_hex_into(bed->data, sizeof bed->data, response.data);
        }
    }
    cr_buf_free(&packet);
    cr_buf_free(&scratch);
}

static bool send_packet(struct m2m_bed *bed, struct ota_command_fields fields,
                        const uint8_t kic[16], const uint8_t kid[16], cr_span data)
{
    struct ota_key keys[2] = {{.algorithm = OTA_AES, .n = 16, .mac_size = 8},
                              {.algorithm = OTA_AES, .n = 16, .mac_size = 8}};
    struct ota_keys pair = {.kic = &keys[0], .kid = &keys[1]};
    struct sms_cut cut = {
        .packet = SMS_IEI_COMMAND_PACKET, .reference = ++bed->reference, .max_segments = 10};
    struct cr_err err = {0};
    cr_buf packet = {0};
    size_t first = bed->message_count;
    memcpy(keys[0].value, kic, 16);
    memcpy(keys[1].value, kid, 16);
    MUST_OK(ota_command_build(&fields, pair, data, &packet, &err));
    bed->answered = false;
    bed->status = 0xFF;
    bed->data[0] = 0;
    MUST_OK(sms_segment(&cut, cr_buf_span(&packet), send_segment, bed, &err));
    take_answer(bed, &fields, pair, first);
    cr_buf_free(&packet);
    return bed->answered;
}

bool m2m_send_as(struct m2m_bed *bed, uint32_t tar, uint16_t spi, const char *payload)
{
    struct ota_command_fields fields = {
        .dialect = OTA_SMS,
        .spi = {(uint8_t)(spi >> 8), (uint8_t)spi},
        .kic = (uint8_t)(bed->kvn << 4 | OTA_AES),
        .kid = (uint8_t)(bed->kvn << 4 | OTA_AES),
        .tar = {(uint8_t)(tar >> 16), (uint8_t)(tar >> 8), (uint8_t)tar},
        .counter = bed->counter++};
    uint8_t bytes[4200];
    size_t n = bytes_of(payload, bytes, sizeof bytes);
    return send_packet(bed, fields, bed->kic, bed->kid, cr_span_of(bytes, n));
}

bool m2m_send(struct m2m_bed *bed, uint32_t tar, const char *payload)
{
    uint8_t bytes[8400];
    if (bed->carry) {
        size_t n = bytes_of(payload, bytes, sizeof bytes);
        return bed->carry(bed->carry_ctx, bed, tar, cr_span_of(bytes, n));
    }
    return m2m_send_as(bed, tar, 0x1639, payload);
}

bool m2m_send_es6(struct m2m_bed *bed, uint64_t counter, const char *payload)
{
    return m2m_send_es6_as(bed, 0xB20100, 0x1639, 0x30, counter, payload);
}

bool m2m_send_es6_as(struct m2m_bed *bed, uint32_t tar, uint16_t spi, uint8_t first,
                     uint64_t counter, const char *payload)
{
    struct ota_command_fields fields = {
        .dialect = OTA_SMS,
        .spi = {(uint8_t)(spi >> 8), (uint8_t)spi},
        .kic = 0x12,
        .kid = 0x12,
        .tar = {(uint8_t)(tar >> 16), (uint8_t)(tar >> 8), (uint8_t)tar},
        .counter = counter};
    uint8_t bytes[1024], kic[16], kid[16];
    size_t n = bytes_of(payload, bytes, sizeof bytes);
    count_up(kic, 0x20);
    count_up(kid, first);
    return send_packet(bed, fields, kic, kid, cr_span_of(bytes, n));
}

/* ---- scripts -----------------------------------------------------------------------------------
 */

const char *m2m_script(struct m2m_bed *bed, const char *first, ...)
{
    uint8_t apdu[300];
    struct ota_writer writer;
    struct cr_err err = {0};
    cr_buf out = {0};
    va_list ap;
    va_start(ap, first);
    ota_writer_begin(&writer, OTA_FORM_DEFINITE, OTA_COMMANDS, &out);
    for (const char *hex = first; hex; hex = va_arg(ap, const char *)) {
        size_t n = bytes_of(hex, apdu, sizeof apdu);
        MUST_OK(ota_writer_command(&writer, cr_span_of(apdu, n), &err));
    }
    va_end(ap);
    MUST_OK(ota_writer_end(&writer, &err));
    (void)cr_hex_into(bed->text, sizeof bed->text, cr_buf_span(&out));
    cr_buf_free(&out);
    return bed->text;
}

const char *m2m_tlvs(struct m2m_bed *bed, cr_span tlvs)
{
    cr_buf out = {0};
    der_put(&out, OTA_TAG_COMMANDS, tlvs);
    (void)cr_hex_into(bed->text, sizeof bed->text, cr_buf_span(&out));
    cr_buf_free(&out);
    return bed->text;
}

const char *m2m_es5_run(struct m2m_bed *bed, const char *apdu)
{
    struct der_tlv outer, count, r;
    uint8_t bytes[4200];
    if (!m2m_send(bed, 0x000001, m2m_script(bed, apdu, NULL)) || bed->status != 0) {
        return "";
    }
    size_t n = bytes_of(bed->data, bytes, sizeof bytes);
    cr_span in = cr_span_of(bytes, n);
    MUST(der_next(&in, DER_STRICT, &outer, NULL) == CR_OK && outer.tag == 0xAB && !in.n);
    in = outer.value;
    MUST(der_next(&in, DER_STRICT, &count, NULL) == CR_OK && count.tag == 0x80);
    MUST(der_next(&in, DER_STRICT, &r, NULL) == CR_OK && r.tag == 0x23 && !in.n);
    return cr_hex_into(bed->text, sizeof bed->text, r.value);
}

uicc_sw m2m_es5_sw(struct m2m_bed *bed, const char *apdu)
{
    const char *answer = m2m_es5_run(bed, apdu);
    size_t n = strlen(answer);
    return n < 4 ? 0 : (uicc_sw)strtoul(answer + n - 4, NULL, 16);
}

uicc_sw m2m_platform(struct m2m_bed *bed, const char *dgi, const char *aid)
{
    char apdu[80];
    (void)snprintf(apdu, sizeof apdu, "80E2880015%s124F10%s", dgi, aid);
    return m2m_es5_sw(bed, apdu);
}

uicc_sw m2m_confirm_sw(struct m2m_bed *bed, unsigned sequence)
{
    char apdu[40];
    (void)snprintf(apdu, sizeof apdu, "80E28900073A08044E02%04X00", sequence);
    return m2m_es5_sw(bed, apdu);
}

/* ---- looking -----------------------------------------------------------------------------------
 */

uint8_t m2m_bed_state(struct m2m_bed *bed, uint16_t id)
{
    struct gp_object isdp;
    return euicc_m2m_isdp(&bed->euicc->m2m->reg, id, &isdp) ? isdp.state : 0;
}

uint16_t m2m_enabled(struct m2m_bed *bed)
{
    return euicc_id_get(euicc_nvm(bed->euicc), "on");
}

struct m2m_state m2m_bed_record(struct m2m_bed *bed)
{
    struct m2m_state state;
    MUST(euicc_m2m_state_get(euicc_nvm(bed->euicc), &state));
    return state;
}

void m2m_set_pol1(struct m2m_bed *bed, uint16_t id, uint8_t pol1)
{
    struct gp_object isdp;
    struct cr_err err = {0};
    MUST(euicc_m2m_isdp(&bed->euicc->m2m->reg, id, &isdp));
    MUST_OK(euicc_m2m_number_put(&bed->euicc->m2m->reg, &isdp, M2M_DATA_POL1, pol1, 1, &err));
}

/* A notification: a command packet from the card. */
static bool read_note(const struct m2m_bed *bed, size_t at, unsigned *type, unsigned *sequence,
                      uint16_t *aid)
{
    struct ota_key kid = {.algorithm = OTA_AES, .n = 16, .mac_size = 8};
    struct ota_command_header header;
    struct ota_command command;
    struct der_tlv e1, tlv;
    struct cr_err err = {0};
    cr_buf packet = {0}, scratch = {0};
    if (bed->messages[at].packet != SMS_IEI_COMMAND_PACKET) {
        return false;
    }
    memcpy(kid.value, bed->kid, 16);
    MUST_OK(cr_hex_decode(&packet, cr_span_str(bed->messages[at].hex), &err));
    MUST(ota_command_read(OTA_SMS, cr_buf_span(&packet), &header, &err) == OTA_OK);
    MUST(header.spi[0] == 0x02 && header.spi[1] == 0x00 && header.kid >> 4 == bed->kvn);
    MUST(ota_command_open(&header, (struct ota_keys){.kid = &kid}, &scratch, &command, &err) ==
         OTA_OK);
    cr_span in = command.data;
    MUST(der_next(&in, DER_STRICT, &e1, NULL) == CR_OK && e1.tag == 0xE1 && !in.n);
    MUST(der_find(e1.value, 0x4D, &tlv) && tlv.value.n == 1);
    *type = tlv.value.p[0];
    MUST(der_find(e1.value, 0x4E, &tlv) && tlv.value.n == 2);
    *sequence = (unsigned)(tlv.value.p[0] << 8 | tlv.value.p[1]);
    MUST(der_find(e1.value, 0x2F, &tlv) && tlv.value.n == 16);
    *aid = (uint16_t)(tlv.value.p[13] << 8 | tlv.value.p[14]);
    cr_buf_free(&packet);
    cr_buf_free(&scratch);
    return true;
}

unsigned m2m_note(struct m2m_bed *bed, unsigned *sequence, uint16_t *aid)
{
    unsigned type = 0, number = 0;
    uint16_t id = 0;
    for (size_t i = 0; i < bed->message_count; i++) {
        (void)read_note(bed, i, &type, &number, &id);
    }
    if (sequence) {
        *sequence = number;
    }
    if (aid) {
        *aid = id;
    }
    return type;
}

size_t m2m_note_count(struct m2m_bed *bed)
{
    size_t count = 0;
    for (size_t i = 0; i < bed->message_count; i++) {
        count += bed->messages[i].packet == SMS_IEI_COMMAND_PACKET;
    }
    return count;
}

void m2m_check_consistent(struct m2m_bed *bed)
{
    const struct gp_registry *reg = &bed->euicc->m2m->reg;
    struct m2m_state state = m2m_bed_record(bed);
    struct gp_object isdp = {0};
    unsigned enabled = 0;
    uint16_t on = m2m_enabled(bed);
    while (euicc_m2m_isdp_next(reg, isdp.id, &isdp)) {
        bool whole = isdp.state >= M2M_DISABLED;
        assert_true(whole == (euicc_m2m_size(reg, &isdp) > 0));
        enabled += isdp.state == M2M_ENABLED;
        assert_true((isdp.state == M2M_ENABLED) == (euicc_m2m_isdp_id(&isdp) == on));
    }
    assert_true(enabled <= 1);
    const int64_t named[] = {state.fall_back, state.emergency, state.pinned};
    for (size_t i = 0; i < CR_COUNT(named); i++) {
        assert_true(!named[i] || m2m_bed_state(bed, (uint16_t)named[i]) >= M2M_DISABLED);
    }
}
