/* TPDUs of short messages, each behind a byte with its length and one with its way: decoding,
 * encoding again, and putting segments together. */
#include "fuzz.h"

#include "ota/sms.h"

/* What was decoded says the same when encoded and decoded once more. The bytes may differ: bits
 * that are reserved or fill are not kept, and a character of the extension table has no encoding
 * here. */
static void encode_again(enum sms_way way, const struct sms_tpdu *t)
{
    struct sms_tpdu again;
    cr_buf out = {0};
    if (sms_encode(t, &out, NULL) == CR_OK) {
        FUZZ_CHECK(out.n <= SMS_TPDU_MAX);
        FUZZ_CHECK(sms_decode(way, cr_buf_span(&out), &again, NULL) == CR_OK);
        FUZZ_CHECK(again.type == t->type && again.pid == t->pid && again.dcs == t->dcs);
        FUZZ_CHECK(again.udl == t->udl && cr_span_equal(again.ud, t->ud));
        FUZZ_CHECK(sms_address_same(&again.address, &t->address));
        FUZZ_CHECK(memcmp(&again.time, &t->time, sizeof t->time) == 0);
    } else {
        FUZZ_CHECK((t->address.ton_npi & 0x70) == 0x50);
    }
    cr_buf_free(&out);
}

static void show(const struct sms_tpdu *t)
{
    char address[SMS_ADDRESS_TEXT];
    cr_buf text = {0};
    sms_address_text(&t->address, address);
    FUZZ_CHECK(strlen(address) < sizeof address);
    (void)sms_text(t, &text);
    FUZZ_CHECK(cr_buf_ok(&text) && text.n <= 3 * 160);
    cr_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sms_assembler_limits limits = {.messages = 3, .bytes = 400, .age_ms = 20};
    struct sms_assembler *a = NULL;
    struct cr_err err;
    cr_buf whole = {0};
    int64_t now = 0;
    FUZZ_CHECK(sms_assembler_new(&limits, &a, NULL) == CR_OK);
    for (size_t at = 0; at + 2 <= size; now++) {
        size_t n = data[at] < size - at - 2 ? data[at] : size - at - 2;
        enum sms_way way = (enum sms_way)(data[at + 1] % 3);
        cr_span tpdu = cr_span_of(data + at + 2, n);
        struct sms_tpdu t;
        at += 2 + n;
        if (sms_decode(way, tpdu, &t, &err) != CR_OK) {
            FUZZ_CHECK(err.category == CR_MALFORMED && err.cause[0]);
            continue;
        }
        encode_again(way, &t);
        show(&t);
        enum sms_assembly result;
        uint8_t packet = 0;
        cr_buf_reset(&whole);
        if (sms_assembler_add(a, &t.address, t.has_header, t.ud, now, &result, &packet, &whole,
                              &err) == CR_OK) {
            FUZZ_CHECK(result == SMS_ASSEMBLED || whole.n == 0);
        } else {
            FUZZ_CHECK(err.category == CR_MALFORMED);
        }
        FUZZ_CHECK(sms_assembler_pending(a) <= limits.messages);
        FUZZ_CHECK(sms_assembler_bytes(a) <= limits.bytes);
        FUZZ_CHECK(sms_assembler_pending(a) > 0 || sms_assembler_bytes(a) == 0);
    }
    sms_assembler_free(a);
    cr_buf_free(&whole);
    return 0;
}
