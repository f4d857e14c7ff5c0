/* Secured packets behind a byte that says dialect, direction and keys: whatever opens, opens again
 * when it is built anew from what was read. */
#include "fuzz.h"

#include "ota/packet.h"

/* The keys of the corpus: AES of SGP.02's examples, or 3DES. */
static struct ota_key key_of(bool des, uint8_t first)
{
    struct ota_key k = {.algorithm = des ? OTA_3DES_2 : OTA_AES, .n = 16};
    for (uint8_t i = 0; i < 16; i++) {
        k.value[i] = (uint8_t)((des && i == 0 ? 0x20 : 0) + first + i);
    }
    return k;
}

static void build_again(const struct ota_command_header *h, const struct ota_command *c,
                        struct ota_keys keys)
{
    struct ota_command_fields f = {.dialect = h->dialect,
                                   .spi = {h->spi[0], h->spi[1]},
                                   .kic = h->kic,
                                   .kid = h->kid,
                                   .tar = {h->tar[0], h->tar[1], h->tar[2]},
                                   .counter = c->counter};
    struct ota_command_header h2;
    struct ota_command c2;
    cr_buf out = {0};
    cr_buf scratch = {0};
    if (ota_command_build(&f, keys, c->data, &out, NULL) == CR_OK) {
        FUZZ_CHECK(out.n == ota_command_size(&f, keys, c->data.n));
        FUZZ_CHECK(ota_command_read(h->dialect, cr_buf_span(&out), &h2, NULL) == OTA_OK);
        FUZZ_CHECK(ota_command_open(&h2, keys, &scratch, &c2, NULL) == OTA_OK);
        FUZZ_CHECK(c2.counter == c->counter && cr_span_equal(c2.data, c->data));
    } else {
        FUZZ_CHECK(c->data.n > OTA_DATA_MAX);
    }
    cr_buf_free(&out);
    cr_buf_free(&scratch);
}

static void command(enum ota_dialect dialect, cr_span packet, struct ota_keys keys)
{
    struct ota_command_header h;
    struct ota_command c;
    struct cr_err err = {0};
    cr_buf scratch = {0};
    enum ota_result result = ota_command_read(dialect, packet, &h, &err);
    if (result == OTA_OK) {
        FUZZ_CHECK(h.head.n + h.body.n == packet.n);
        result = ota_command_open(&h, keys, &scratch, &c, &err);
    }
    if (result == OTA_OK) {
        FUZZ_CHECK(c.counter <= OTA_COUNTER_MAX && c.padding <= OTA_PADDING_MAX);
        FUZZ_CHECK(c.data.n + c.padding < h.body.n);
        build_again(&h, &c, keys);
    } else {
        FUZZ_CHECK(err.cause[0] && ota_result_row(result)->tell != OTA_TELL_STATUS);
    }
    cr_buf_free(&scratch);
}

static void response(enum ota_dialect dialect, cr_span packet, struct ota_keys keys, uint8_t spi2)
{
    struct ota_response_fields f = {.dialect = dialect,
                                    .spi = {0x16, spi2},
                                    .kic = keys.kic->algorithm == OTA_AES ? 0x12 : 0x15,
                                    .kid = keys.kid->algorithm == OTA_AES ? 0x12 : 0x15,
                                    .tar = {0, 0, 1},
                                    .counter = 1};
    struct ota_response r;
    struct cr_err err = {0};
    cr_buf scratch = {0};
    if (ota_response_open(&f, keys, true, packet, &scratch, &r, &err) == CR_OK) {
        FUZZ_CHECK(r.secured || (r.status != OTA_STATUS_OK && r.data.n == 0));
        FUZZ_CHECK(!r.secured || r.counter == 1);
        FUZZ_CHECK(memcmp(r.tar, f.tar, sizeof r.tar) == 0 && r.data.n < packet.n);
    } else {
        FUZZ_CHECK(err.cause[0]);
    }
    cr_buf_free(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    bool des = (data[0] & 4) != 0;
    struct ota_key kic = key_of(des, 0x00);
    struct ota_key kid = key_of(des, 0x10);
    struct ota_keys keys = {&kic, &kid};
    enum ota_dialect dialect = data[0] & 1 ? OTA_BIP : OTA_SMS;
    if (data[0] & 2) {
        response(dialect, cr_span_of(data + 2, size - 2), keys, data[1]);
    } else {
        command(dialect, cr_span_of(data + 1, size - 1), keys);
    }
    return 0;
}
