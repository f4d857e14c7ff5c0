#include "smdp/answer.h"

#include "asn1/der.h"

#define STATUS_OK 0x9000

cr_status smdp_answer_bad(struct cr_err *err, const char *what)
{
    return cr_refuse(err, "8.4", "4.2", "SGP.02 4.1.3", "%s", what);
}

cr_status smdp_answer_open(struct smdp_answer *a, cr_span answer, struct cr_err *err)
{
    if (answer.n == 0) {
        return smdp_answer_bad(err, "the SM-SR passes on no answer of the eUICC");
    }
    cr_buf script = {0};
    der_put(&script, OTA_TAG_RESPONSES, answer);
    cr_status status = cr_buf_ok(&script) ? CR_OK : cr_fail_memory(err);
    if (status == CR_OK) {
        status = ota_reader_new(OTA_RESPONSES, false, &a->reader, err);
    }
    if (status == CR_OK && ota_reader_feed(a->reader, cr_buf_span(&script), NULL) != CR_OK) {
        status = smdp_answer_bad(err, "the answer of the eUICC is too long");
    }
    if (status == CR_OK) {
        ota_reader_finish(a->reader);
    }
    cr_buf_free(&script);
    return status;
}

void smdp_answer_close(struct smdp_answer *a)
{
    ota_reader_free(a->reader);
    a->reader = NULL;
    cr_buf_free(&a->kept);
}

/* *end: there is no more item. */
static cr_status next(struct smdp_answer *a, struct ota_item *item, bool *end, struct cr_err *err)
{
    struct cr_err inner = {0};
    *end = false;
    do {
        switch (ota_reader_next(a->reader, item, &inner)) {
        case OTA_STEP_ITEM:
            break;
        case OTA_STEP_END:
            *end = true;
            return CR_OK;
        case OTA_STEP_MORE:
        case OTA_STEP_BAD:
            return smdp_answer_bad(err, "the answer of the eUICC is no script of responses");
        }
        if (item->kind == OTA_ITEM_BAD_FORMAT) {
            return smdp_answer_bad(err, "the eUICC could not read the script");
        }
        if (item->kind == OTA_ITEM_CHAINING) {
            return smdp_answer_bad(err, "the eUICC has lost the scripts before this one");
        }
    } while (item->kind == OTA_ITEM_COUNT);
    return CR_OK;
}

cr_status smdp_answer_next(struct smdp_answer *a, struct ota_item *item, struct cr_err *err)
{
    bool end;
    CR_TRY(next(a, item, &end, err));
    return end ? smdp_answer_bad(err, "the eUICC left a command unanswered") : CR_OK;
}

static cr_status check_status(const struct ota_item *item, cr_span *data, struct cr_err *err)
{
    if (item->kind != OTA_ITEM_APDU || item->value.n < 2) {
        return smdp_answer_bad(err, "a command is answered with another thing");
    }
    cr_span sw = cr_span_sub(item->value, item->value.n - 2, 2);
    unsigned value = (unsigned)sw.p[0] << 8 | sw.p[1];
    if (value != STATUS_OK) {
        return cr_refuse(err, "8.4", "4.2", "SGP.02 4.1.3", "the eUICC answered with %04X", value);
    }
    *data = cr_span_sub(item->value, 0, item->value.n - 2);
    return CR_OK;
}

cr_status smdp_answer_apdu(struct smdp_answer *a, cr_span *data, struct cr_err *err)
{
    struct ota_item item;
    CR_TRY(smdp_answer_next(a, &item, err));
    return check_status(&item, data, err);
}

cr_status smdp_answer_last_apdu(struct smdp_answer *a, cr_span *data, struct cr_err *err)
{
    struct ota_item item;
    bool end = false;
    CR_TRY(smdp_answer_apdu(a, data, err));
    do {
        cr_buf_reset(&a->kept);
        cr_buf_append_span(&a->kept, *data);
        CR_TRY(next(a, &item, &end, err));
        if (!end) {
            CR_TRY(check_status(&item, data, err));
        }
    } while (!end);
    *data = cr_buf_span(&a->kept);
    return cr_buf_ok(&a->kept) ? CR_OK : cr_fail_memory(err);
}

cr_status smdp_answer_end(struct smdp_answer *a, struct cr_err *err)
{
    struct ota_item item;
    bool end = false;
    CR_TRY(next(a, &item, &end, err));
    return end ? CR_OK : smdp_answer_bad(err, "the eUICC answered more than it was asked");
}
