/*
 * crisp decode: key establishment of SGP.02 (scenario 3).
 */
#include "cli/decode.h"

#include "cli/ota.h"
#include "ota/establish.h"
#include "pki/gpcert.h"

static void put_object(struct cli_decoder *d, json_t *o)
{
    if (d->array) {
        cli_decode_value(d, "value", o);
    } else {
        cli_ota_print(&d->text, o, 2);
        json_decref(o);
    }
}

static void put_number(json_t *o, const char *name, uint64_t value)
{
    /* a counter of eight bytes may be more than JSON programs take for a number */
    uint64_t most = (uint64_t)1 << 53;
    char text[24];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    (void)json_object_set_new(o, name,
                              value < most ? json_integer((json_int_t)value) : json_string(text));
}

static void put_byte(json_t *o, const char *name, uint8_t value)
{
    cli_json_hex(o, name, cr_span_of(&value, 1));
}

static void put_flags(json_t *o, uint8_t parameters)
{
    static const struct {
        uint8_t bit;
        const char *name;
    } flags[] = {{ESTABLISH_DELETE_KEYS, "deleteExistingKeys"},
                 {ESTABLISH_WITH_DR, "derivationRandom"},
                 {ESTABLISH_WITH_HOST, "hostIdSinSdin"},
                 {ESTABLISH_CERTIFICATE, "certificateVerified"}};
    cr_buf text = {0};
    for (size_t i = 0; i < CR_COUNT(flags); i++) {
        if (parameters & flags[i].bit) {
            cr_buf_appendf(&text, "%s%s", text.n ? ", " : "", flags[i].name);
        }
    }
    put_byte(o, "scenarioParameter", parameters);
    cli_json_text(o, "asks", cr_buf_cstr(&text));
    cr_buf_free(&text);
}

static json_t *request_object(const struct establish_request *r)
{
    const struct establish_template *t = &r->t;
    json_t *o = json_object();
    bool isdp = establish_check(t, ESTABLISH_ISDP, NULL) == CR_OK;
    bool isdr = establish_check(t, ESTABLISH_ISDR, NULL) == CR_OK;
    cli_json_text(o, "domain", isdp ? "ISD-P" : isdr ? "ISD-R" : "none that takes it");
    put_flags(o, t->parameters);
    put_byte(o, "keyUsage", t->usage);
    if (t->has_access) {
        put_byte(o, "keyAccess", t->access);
    }
    put_byte(o, "keyType", t->key_type);
    put_number(o, "keyBytes", t->key_size);
    put_byte(o, "keyIdentifier", t->key_id);
    put_byte(o, "keyVersion", t->kvn);
    put_number(o, "keys", establish_key_count(t));
    put_number(o, "initialCounter", t->counter);
    cli_json_hex(o, "sdin", t->sdin);
    cli_json_hex(o, "hostId", t->host_id);
    cli_json_hex(o, "oneTimeKey", r->key);
    cli_json_hex(o, "signature", r->signature);
    return o;
}

/* The certificate at the front of data, whose other end is not known when a request follows. */
static bool take_certificate(cr_span *data, cr_span *certificate)
{
    for (size_t n = data->n; n > 0; n--) {
        if (n < data->n && (data->n - n < 2 || data->p[n] != ESTABLISH_DGI_REQUEST >> 8 ||
                            data->p[n + 1] != (ESTABLISH_DGI_REQUEST & 0xFF))) {
            continue;
        }
        if (establish_take_certificate(cr_span_sub(*data, 0, n), certificate, NULL) == CR_OK) {
            *data = cr_span_sub(*data, n, data->n);
            return true;
        }
    }
    return false;
}

bool cli_decode_establish(struct cli_decoder *d, cr_span data)
{
    cr_span certificate = {0};
    struct establish_request request;
    bool first = data.n <= ESTABLISH_MAX_DATA && take_certificate(&data, &certificate);
    bool second = data.n > 0 && establish_take_request(data, &request, NULL) == CR_OK;
    if ((!first && !second) || (data.n > 0 && !second)) {
        return false;
    }
    if (first) {
        cli_decode_head(d, "STORE DATA 3A01", "key establishment, certificate");
        if (cli_decode_tlvs(d, certificate, NULL) != CR_OK) {
            return false;
        }
    }
    if (second) {
        cli_decode_head(d, "STORE DATA 3A02", "key establishment, request");
        put_object(d, request_object(&request));
    }
    return true;
}
