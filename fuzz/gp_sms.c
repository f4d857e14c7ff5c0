/*
 * SMS-PP download to the card: a sequence of records, each a kind, a length (2) and bytes.
 *   0  the data of an ENVELOPE as it is
 *   1  user data of an SMS-DELIVER: packets, segments
 *   2  the secured data of a right packet; the first byte chooses target, keys and PoR
 *   3  a reset
 */
#include "fuzz.h"

#include "../tests/gp/bed.h"

#include "uicc/cat.h"

static struct nvm *fresh_memory(void)
{
    static struct bed *origin;
    struct nvm *copy;
    if (!origin) {
        origin = bed_new();
    }
    FUZZ_CHECK(nvm_clone_committed(origin->sim->nvm, &copy, NULL) == CR_OK);
    return copy;
}

static void exchange(struct bed *bed, cr_span apdu)
{
    struct sim *sim = bed->sim;
    cr_buf_reset(&sim->response);
    FUZZ_CHECK(uicc_transmit(sim->uicc, apdu, &sim->response, &sim->err) == CR_OK);
    FUZZ_CHECK(sim->response.n >= 2 && sim->response.n <= 258);
    FUZZ_CHECK(!nvm_in_transaction(sim->nvm));
}

static void envelope(struct bed *bed, cr_span data)
{
    uint8_t apdu[5 + 255] = {0x80, 0xC2, 0x00, 0x00, (uint8_t)data.n};
    if (data.n >= 1 && data.n <= 255) {
        memcpy(apdu + 5, data.p, data.n);
        exchange(bed, cr_span_of(apdu, 5 + data.n));
    }
}

static cr_status deliver(void *ctx, uint8_t number, uint8_t count, cr_span ud, struct cr_err *err)
{
    struct sms_tpdu t = {.type = SMS_DELIVER,
                         .has_header = true,
                         .pid = SMS_PID_USIM_DOWNLOAD,
                         .dcs = SMS_DCS_8BIT_CLASS2,
                         .time = {.year = 26, .month = 11, .day = 29},
                         .ud = ud};
    cr_buf tpdu = {0}, data = {0};
    (void)number;
    (void)count;
    FUZZ_CHECK(sms_address_parse(cr_span_str("12345678"), &t.address, err) == CR_OK);
    if (sms_encode(&t, &tpdu, err) == CR_OK) {
        cat_envelope_sms_pp(&data, (cr_span){0}, cr_buf_span(&tpdu));
        envelope(ctx, cr_buf_span(&data));
    }
    cr_buf_free(&tpdu);
    cr_buf_free(&data);
    return CR_OK;
}

/* The toolkit lets go what it holds, as far as it can be fetched. */
static void fetch_all(struct bed *bed)
{
    static const uint8_t fetch[] = {0x80, 0x12, 0x00, 0x00, 0x00};
    struct cat_command c;
    for (unsigned i = 0; i < 32; i++) {
        cr_buf answer = {0}, apdu = {0};
        exchange(bed, CR_SPAN_ARRAY(fetch));
        cr_span command = cr_span_of(bed->sim->response.p, bed->sim->response.n - 2);
        if (cat_command_read(command, &c, NULL) != CR_OK) {
            return;
        }
        cat_response_begin(&answer, &c, CAT_RESULT_OK, (cr_span){0});
        cr_buf_append(&apdu, "\x80\x14\x00\x00", 4);
        cr_buf_append_byte(&apdu, (uint8_t)answer.n);
        cr_buf_append_span(&apdu, cr_buf_span(&answer));
        exchange(bed, cr_buf_span(&apdu));
        cr_buf_free(&answer);
        cr_buf_free(&apdu);
    }
}

static void right_packet(struct bed *bed, cr_span in)
{
    static const uint8_t tars[][3] = {{0xB2, 0x01, 0x00}, {0xB0, 0x01, 0x20}, {0xB0, 0x01, 0x40},
                                      {0xB0, 0x01, 0x50}, {0xB0, 0x01, 0x60}, {0xB2, 0x01, 0x02}};
    static const uint8_t spi2[] = {0x00, 0x19, 0x39, 0x01};
    struct gp_key from[2] = {bed_key(0x02, 1), bed_key(0x02, 2)};
    struct ota_key key[2];
    for (size_t i = 0; i < 2; i++) {
        key[i] = (struct ota_key){.algorithm = OTA_AES, .n = 16, .mac_size = 8};
        memcpy(key[i].value, from[i].value, 16);
    }
    struct ota_keys keys = {.kic = &key[0], .kid = &key[1]};
    struct ota_command_fields fields = {
        .spi = {0x16, spi2[in.p[0] >> 6]}, .kic = 0x22, .kid = 0x22, .counter = bed->counter++};
    memcpy(fields.tar, tars[(in.p[0] & 0x3F) % CR_COUNT(tars)], 3);
    cr_buf packet = {0};
    FUZZ_CHECK(ota_command_build(&fields, keys, cr_span_sub(in, 1, in.n), &packet, NULL) == CR_OK);
    struct sms_cut cut = {
        .packet = SMS_IEI_COMMAND_PACKET, .reference = ++bed->reference, .max_segments = 10};
    if (sms_segment(&cut, cr_buf_span(&packet), deliver, bed, NULL) == CR_OK) {
        struct gp_counters counters;
        gp_counters_get(bed->reg, 1, 0x02, &counters);
        FUZZ_CHECK(counters.packets < bed->counter);
    }
    cr_buf_free(&packet);
    fetch_all(bed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t profile[] = {0x80, 0x10, 0x00, 0x00, 0x04, 0xFF, 0xFF, 0xFF, 0xFF};
    struct bed *bed = bed_open_memory(fresh_memory());
    exchange(bed, CR_SPAN_ARRAY(profile));
    for (size_t at = 0; at + 3 <= size;) {
        uint8_t kind = data[at] % 4;
        size_t n = (size_t)data[at + 1] << 8 | data[at + 2];
        at += 3;
        n = n < size - at ? n : size - at;
        cr_span bytes = cr_span_of(data + at, n);
        at += n;
        if (kind == 0) {
            envelope(bed, bytes);
        } else if (kind == 1 && n <= SMS_USER_DATA_MAX) {
            (void)deliver(bed, 1, 1, bytes, NULL);
        } else if (kind == 2 && n && n < 1200) {
            right_packet(bed, bytes);
        } else if (kind == 3) {
            uicc_reset(bed->sim->uicc);
            exchange(bed, CR_SPAN_ARRAY(profile));
        }
    }
    struct gp_object o;
    FUZZ_CHECK(gp_object_get(bed->reg, 1, &o) && o.kind == GP_DOMAIN && !(o.state & GP_LOCKED));
    bed_free(bed);
    return 0;
}
