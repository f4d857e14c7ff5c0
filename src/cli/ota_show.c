/*
 * crisp ota, crisp decode: short messages, secured packets and scripts as objects and as text.
 */
#include "cli/ota.h"

#include "base/text.h"

static void put(json_t *object, const char *name, json_t *value)
{
    (void)json_object_set_new(object, name, value);
}

static void put_hex(json_t *object, const char *name, const void *p, size_t n)
{
    cli_json_hex(object, name, cr_span_of(p, n));
}

/* ---- short messages ---- */

static void put_time(json_t *o, const struct sms_time *t)
{
    char text[48];
    int quarters = t->quarters < 0 ? -t->quarters : t->quarters;
    (void)snprintf(text, sizeof text, "20%02u-%02u-%02u %02u:%02u:%02u %c%02d:%02d", t->year,
                   t->month, t->day, t->hour, t->minute, t->second, t->quarters < 0 ? '-' : '+',
                   quarters / 4, quarters % 4 * 15);
    cli_json_text(o, "serviceCentreTime", text);
}

static void put_user_data(json_t *o, const struct sms_tpdu *t)
{
    struct sms_header h;
    cr_span rest = t->ud;
    cr_buf text = {0};
    if (t->has_header && sms_header_take(t->ud, &h, &rest, NULL) == CR_OK) {
        if (h.concatenated) {
            char part[64];
            (void)snprintf(part, sizeof part, "%u of %u, reference %u", h.number, h.count,
                           h.reference);
            cli_json_text(o, "segment", part);
        }
        if (h.has_port) {
            put(o, "port", json_integer(h.port_to));
        }
        if (h.packet) {
            cli_json_text(o, "securedPacket",
                          h.packet == SMS_IEI_COMMAND_PACKET ? "command" : "response");
        }
    }
    cli_json_hex(o, "userData", t->ud);
    if (t->ud.n > 0 && sms_text(t, &text) && cr_buf_cstr(&text)) {
        cr_text_clean((char *)text.p);
        cli_json_text(o, "text", (const char *)text.p);
    }
    cr_buf_free(&text);
}

json_t *cli_ota_tpdu(const struct sms_tpdu *t)
{
    char address[SMS_ADDRESS_TEXT];
    json_t *o = json_object();
    sms_address_text(&t->address, address);
    cr_text_clean(address);
    bool report = t->type == SMS_DELIVER_REPORT_ACK || t->type == SMS_DELIVER_REPORT_ERROR;
    if (t->type == SMS_DELIVER) {
        cli_json_text(o, "from", address);
    } else if (t->type == SMS_SUBMIT) {
        cli_json_text(o, "to", address);
        put(o, "reference", json_integer(t->reference));
    }
    if (t->type == SMS_DELIVER_REPORT_ERROR) {
        put_hex(o, "failureCause", &t->cause, 1);
    }
    if (!report || t->has_pid) {
        put_hex(o, "protocolIdentifier", &t->pid, 1);
    }
    if (!report || t->has_dcs) {
        put_hex(o, "dataCodingScheme", &t->dcs, 1);
    }
    if (t->type == SMS_DELIVER) {
        put_time(o, &t->time);
        put(o, "moreMessages", json_boolean(t->more_to_send));
    }
    put_user_data(o, t);
    return o;
}

/* ---- secured packets ---- */

static const char *check_name(unsigned kind)
{
    static const char *const names[] = {"no checksum", "redundancy check", "cryptographic checksum",
                                        "digital signature"};
    return names[kind & 3];
}

static void put_spi(json_t *o, const uint8_t spi[2])
{
    static const char *const counters[] = {"no counter", "counter not checked",
                                           "counter must be higher", "counter must be one higher"};
    static const char *const when[] = {"no PoR", "PoR", "PoR on error", "reserved PoR rule"};
    char text[200];
    (void)snprintf(text, sizeof text, "%s, %s, %s; %s%s%s%s%s", check_name(spi[0]),
                   spi[0] & OTA_SPI1_CIPHER ? "ciphered" : "not ciphered",
                   counters[spi[0] >> 3 & 3], when[spi[1] & 3],
                   spi[1] & OTA_SPI2_POR ? " with " : "",
                   spi[1] & OTA_SPI2_POR ? check_name(spi[1] >> 2) : "",
                   spi[1] & OTA_SPI2_POR && spi[1] & OTA_SPI2_CIPHER ? ", ciphered" : "",
                   !(spi[1] & OTA_SPI2_POR)   ? ""
                   : spi[1] & OTA_SPI2_SUBMIT ? ", by SMS-SUBMIT"
                                              : ", in the answer to the ENVELOPE");
    put_hex(o, "spi", spi, 2);
    cli_json_text(o, "security", text);
}

json_t *cli_ota_command_header(const struct ota_command_header *h)
{
    json_t *o = json_object();
    put_spi(o, h->spi);
    put_hex(o, "kic", &h->kic, 1);
    put_hex(o, "kid", &h->kid, 1);
    put_hex(o, "tar", h->tar, sizeof h->tar);
    return o;
}

json_t *cli_ota_response(const struct ota_response *r)
{
    char status[80];
    json_t *o = json_object();
    (void)snprintf(status, sizeof status, "%02X (%s)", r->status, ota_status_name(r->status));
    put_hex(o, "tar", r->tar, sizeof r->tar);
    put(o, "counter", json_integer((json_int_t)r->counter));
    cli_json_text(o, "status", status);
    put(o, "verified", json_boolean(r->secured));
    if (r->data.n > 0) {
        put(o, "content", cli_ota_content(OTA_RESPONSES, r->data));
    }
    return o;
}

/* ---- scripts ---- */

static const char *item_name(enum ota_direction direction, const struct ota_item *item)
{
    switch (item->kind) {
    case OTA_ITEM_APDU:
        return direction == OTA_COMMANDS ? "C-APDU" : "R-APDU";
    case OTA_ITEM_SCP03T:
        return item->wrapped ? "SCP03t, wrapped" : "SCP03t";
    case OTA_ITEM_IMMEDIATE:
        return "immediate action";
    case OTA_ITEM_ERROR_ACTION:
        return "error action";
    case OTA_ITEM_CHAINING:
        return "script chaining";
    case OTA_ITEM_COUNT:
        return "executed commands";
    case OTA_ITEM_BAD_FORMAT:
        break;
    }
    return "bad format";
}

static const char *number_name(enum ota_direction direction, const struct ota_item *item)
{
    if (item->kind == OTA_ITEM_BAD_FORMAT) {
        static const char *const names[] = {"", "unknown tag", "wrong length", "length not found"};
        return item->number < CR_COUNT(names) ? names[item->number] : "";
    }
    if (item->kind == OTA_ITEM_CHAINING && direction == OTA_RESPONSES) {
        static const char *const names[] = {"", "no previous script", "not supported",
                                            "unable to process"};
        return item->number < CR_COUNT(names) ? names[item->number] : "";
    }
    if (item->kind == OTA_ITEM_CHAINING) {
        return item->number == OTA_CHAIN_FIRST        ? "first"
               : item->number == OTA_CHAIN_FIRST_KEEP ? "first, kept over a reset"
               : item->number == OTA_CHAIN_MIDDLE     ? "middle"
               : item->number == OTA_CHAIN_LAST       ? "last"
                                                      : "";
    }
    return "";
}

static json_t *item_object(enum ota_direction direction, const struct ota_item *item)
{
    json_t *o = json_object();
    cli_json_text(o, "item", item_name(direction, item));
    switch (item->kind) {
    case OTA_ITEM_COUNT:
        put(o, "value", json_integer(item->number));
        return o;
    case OTA_ITEM_CHAINING:
    case OTA_ITEM_BAD_FORMAT:
        cli_json_hex(o, "value", item->value);
        cli_json_text(o, "meaning", number_name(direction, item));
        return o;
    case OTA_ITEM_APDU:
        if (direction == OTA_RESPONSES) {
            put_hex(o, "statusWord", item->value.p + item->value.n - 2, 2);
            cli_json_hex(o, "data", cr_span_sub(item->value, 0, item->value.n - 2));
            return o;
        }
        break;
    case OTA_ITEM_SCP03T:
    case OTA_ITEM_IMMEDIATE:
    case OTA_ITEM_ERROR_ACTION:
        break;
    }
    cli_json_hex(o, "bytes", item->value);
    return o;
}

json_t *cli_ota_script(enum ota_direction direction, bool compact, cr_span script)
{
    static const char *const forms[] = {"compact", "expanded, definite", "expanded, indefinite"};
    struct ota_reader *r = NULL;
    struct ota_item item;
    struct cr_err err;
    json_t *o = json_object();
    json_t *items = json_array();
    if (ota_reader_new(direction, compact, &r, &err) == CR_OK) {
        enum ota_step step = OTA_STEP_BAD;
        if (ota_reader_feed(r, script, &err) == CR_OK) {
            ota_reader_finish(r);
            while ((step = ota_reader_next(r, &item, &err)) == OTA_STEP_ITEM) {
                (void)json_array_append_new(items, item_object(direction, &item));
            }
            cli_json_text(o, "form", forms[ota_reader_form(r)]);
        }
        ota_reader_free(r);
        put(o, "items", items);
        if (step == OTA_STEP_BAD) {
            cli_json_text(o, "error", err.cause);
        }
        return o;
    }
    json_decref(items);
    return o;
}

json_t *cli_ota_content(enum ota_direction direction, cr_span data)
{
    uint8_t first = data.n > 0 ? data.p[0] : 0;
    bool expanded = direction == OTA_COMMANDS
                        ? first == OTA_TAG_COMMANDS || first == OTA_TAG_COMMANDS_INDEFINITE
                        : first == OTA_TAG_RESPONSES || first == OTA_TAG_RESPONSES_INDEFINITE;
    json_t *o = cli_ota_script(direction, !expanded, data);
    if (!expanded && json_object_get(o, "error")) { /* triggering TLVs and other things */
        json_decref(o);
        o = json_object();
        cli_json_hex(o, "data", data);
    }
    return o;
}

/* ---- text ---- */

static void print_value(cr_buf *out, const json_t *value)
{
    if (json_is_string(value)) {
        cr_buf_append_str(out, json_string_value(value));
    } else if (json_is_integer(value)) {
        cr_buf_appendf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else {
        cr_buf_append_str(out, json_is_true(value) ? "yes" : "no");
    }
}

/* An item of a script on one line: its name, then what it has, the names left out. */
static void print_item(cr_buf *out, const json_t *item, unsigned blanks)
{
    const char *name;
    json_t *value;
    bool first = true;
    cr_buf_appendf(out, "%*s", (int)blanks, "");
    json_object_foreach((json_t *)item, name, value)
    {
        cr_buf_append_str(out, first ? "" : " ");
        print_value(out, value);
        cr_buf_append_str(out, first ? ":" : "");
        first = false;
    }
    cr_buf_append_byte(out, '\n');
}

void cli_ota_print(cr_buf *out, const json_t *object, unsigned blanks)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        if (json_is_array(value)) {
            for (size_t i = 0; i < json_array_size(value); i++) {
                print_item(out, json_array_get(value, i), blanks);
            }
            continue;
        }
        cr_buf_appendf(out, "%*s%s:", (int)blanks, "", name);
        if (json_is_object(value)) {
            cr_buf_append_byte(out, '\n');
            cli_ota_print(out, value, blanks + 2);
        } else {
            cr_buf_append_byte(out, ' ');
            print_value(out, value);
            cr_buf_append_byte(out, '\n');
        }
    }
}
