/* Scripts behind a byte that says direction, compact and how the stream is cut: the cut changes
 * nothing, and each item lies inside the script. */
#include "fuzz.h"

#include "ota/script.h"

struct outcome {
    enum ota_step last;
    enum ota_bad_format bad;
    size_t items, bytes;
    uint32_t sum; /* of all that the items say */
};

static struct outcome read_all(enum ota_direction direction, bool compact, cr_span script,
                               size_t piece)
{
    struct outcome o = {.last = OTA_STEP_ITEM};
    struct ota_reader *r = NULL;
    struct cr_err err;
    size_t at = 0;
    FUZZ_CHECK(ota_reader_new(direction, compact, &r, NULL) == CR_OK);
    while (o.last == OTA_STEP_ITEM || o.last == OTA_STEP_MORE) {
        struct ota_item item;
        o.last = ota_reader_next(r, &item, &err);
        if (o.last == OTA_STEP_MORE) {
            cr_span part = cr_span_sub(script, at, piece);
            if (part.n == 0) {
                ota_reader_finish(r);
            } else {
                FUZZ_CHECK(ota_reader_feed(r, part, NULL) == CR_OK);
            }
            at += part.n;
        } else if (o.last == OTA_STEP_ITEM) {
            o.items++;
            o.bytes += item.value.n;
            o.sum = o.sum * 31 + (uint32_t)item.kind * 7 + item.tag + item.number +
                    (item.wrapped ? 1 : 0);
            for (size_t i = 0; i < item.value.n; i++) {
                o.sum = o.sum * 31 + item.value.p[i];
            }
            FUZZ_CHECK(item.value.n <= OTA_ITEM_MAX + 6);
        }
    }
    o.bad = ota_reader_bad(r);
    FUZZ_CHECK((o.last == OTA_STEP_BAD) == (o.bad != OTA_FORMAT_OK));
    FUZZ_CHECK(o.items <= OTA_ITEM_COUNT_MAX && o.bytes <= script.n);
    ota_reader_free(r);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > OTA_SCRIPT_MAX) {
        return 0;
    }
    enum ota_direction direction = data[0] & 1 ? OTA_RESPONSES : OTA_COMMANDS;
    bool compact = (data[0] & 2) != 0;
    cr_span script = cr_span_of(data + 1, size - 1);
    struct outcome whole = read_all(direction, compact, script, size);
    struct outcome cut = read_all(direction, compact, script, 1U + data[0] / 4);
    FUZZ_CHECK(whole.items == cut.items && whole.sum == cut.sum);
    /* Bytes behind the end are seen only where they were there in time. */
    FUZZ_CHECK(whole.last == cut.last || (whole.last == OTA_STEP_BAD && cut.last == OTA_STEP_END));
    FUZZ_CHECK(whole.last != cut.last || whole.bad == cut.bad);
    return 0;
}
