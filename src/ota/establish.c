/* The control reference template A6: what key set is asked for. */
#include "ota/establish_internal.h"

#include "asn1/der.h"

#include <stdio.h>

#define SCENARIO_3  0x03
#define MAX_OBJECTS 16

cr_status establish_fail(struct cr_err *err, cr_status category, long sw, uint32_t tag,
                         const char *what)
{
    char field[16];
    cr_status status = cr_fail(err, category, ESTABLISH_CLAUSE, "key establishment: %s", what);
    if (tag) {
        (void)snprintf(field, sizeof(field), "%02X", tag);
        (void)cr_err_field(err, status, field);
    }
    return cr_err_code(err, status, sw);
}

static cr_status bad(struct cr_err *err, uint32_t tag, const char *what)
{
    return establish_fail(err, CR_MALFORMED, ESTABLISH_SW_WRONG_DATA, tag, what);
}

struct establish_template establish_template_isdp(uint8_t kvn)
{
    return (struct establish_template){
        .parameters = ESTABLISH_CERTIFICATE | ESTABLISH_WITH_DR,
        .usage = ESTABLISH_USAGE_CHANNEL,
        .key_type = ESTABLISH_TYPE_AES,
        .key_size = ESTABLISH_KEY,
        .key_id = 1,
        .kvn = kvn,
    };
}

struct establish_template establish_template_scp80(uint8_t kvn, uint64_t counter)
{
    struct establish_template t = establish_template_isdp(kvn);
    t.has_access = true;
    t.counter_size = 5;
    t.counter = counter;
    return t;
}

struct establish_template establish_template_scp81(uint8_t kvn)
{
    struct establish_template t = establish_template_scp80(kvn, 0);
    t.usage = ESTABLISH_USAGE_ONE;
    t.key_type = ESTABLISH_TYPE_PSK;
    t.counter_size = 0;
    return t;
}

/* --- writing -----------------------------------------------------------------------------------
 */

static bool counter_size_known(size_t n)
{
    return n == 0 || n == 2 || n == 3 || n == 5 || n == 8;
}

static cr_status check_writable(const struct establish_template *t, struct cr_err *err)
{
    if (!counter_size_known(t->counter_size) ||
        (t->counter_size < 8 && t->counter >> (8 * t->counter_size) != 0)) {
        return establish_fail(err, CR_REFUSED, ESTABLISH_SW_WRONG_DATA, 0x91,
                              "the counter does not fit its size");
    }
    if (t->parameters & ESTABLISH_WITH_HOST && (t->sdin.n < 1 || t->sdin.n > ESTABLISH_MAX_HOST)) {
        return establish_fail(err, CR_REFUSED, ESTABLISH_SW_WRONG_DATA, 0x45,
                              "an SDIN of 1 to 16 bytes is needed with a HostID");
    }
    if (t->parameters & ESTABLISH_WITH_HOST && t->host_id.n > ESTABLISH_MAX_HOST) {
        return establish_fail(err, CR_REFUSED, ESTABLISH_SW_WRONG_DATA, 0x84,
                              "a HostID has at most 16 bytes");
    }
    return CR_OK;
}

static void put_byte(cr_buf *b, uint32_t tag, uint8_t value)
{
    der_put(b, tag, cr_span_of(&value, 1));
}

cr_status establish_put_template(const struct establish_template *t, cr_buf *out,
                                 struct cr_err *err)
{
    const uint8_t scenario[2] = {SCENARIO_3, t->parameters};
    cr_buf objects = {0};
    CR_TRY(check_writable(t, err));
    der_put(&objects, 0x90, CR_SPAN_ARRAY(scenario));
    put_byte(&objects, 0x95, t->usage);
    if (t->has_access) {
        put_byte(&objects, 0x96, t->access);
    }
    put_byte(&objects, 0x80, t->key_type);
    put_byte(&objects, 0x81, t->key_size);
    put_byte(&objects, 0x82, t->key_id);
    put_byte(&objects, 0x83, t->kvn);
    der_put_header(&objects, 0x91, t->counter_size);
    if (t->counter_size) {
        cr_buf_append_be(&objects, t->counter, t->counter_size);
    }
    if (t->parameters & ESTABLISH_WITH_HOST) {
        der_put(&objects, 0x45, t->sdin);
        der_put(&objects, 0x84, t->host_id);
    }
    der_put(out, TAG_TEMPLATE, cr_buf_span(&objects));
    bool ok = cr_buf_ok(&objects) && cr_buf_ok(out);
    cr_buf_free(&objects);
    return ok ? CR_OK : cr_fail_memory(err);
}

/* --- reading -----------------------------------------------------------------------------------
 */

enum {
    OBJ_SCENARIO,
    OBJ_USAGE,
    OBJ_ACCESS,
    OBJ_TYPE,
    OBJ_SIZE,
    OBJ_ID,
    OBJ_KVN,
    OBJ_COUNTER,
    OBJ_SDIN,
    OBJ_HOST,
    OBJECTS
};

static const struct object {
    uint32_t tag;
    size_t min, max;
    bool optional;
} objects[OBJECTS] = {
    [OBJ_SCENARIO] = {0x90, 2, 2, false},
    [OBJ_USAGE] = {0x95, 1, 1, false},
    [OBJ_ACCESS] = {0x96, 1, 1, true},
    [OBJ_TYPE] = {0x80, 1, 1, false},
    [OBJ_SIZE] = {0x81, 1, 1, false},
    [OBJ_ID] = {0x82, 1, 1, false},
    [OBJ_KVN] = {0x83, 1, 1, false},
    [OBJ_COUNTER] = {0x91, 0, 8, false},
    [OBJ_SDIN] = {0x45, 1, ESTABLISH_MAX_HOST, true},
    [OBJ_HOST] = {0x84, 0, ESTABLISH_MAX_HOST, true},
};

/* Each object once, none that is not known: what a template asks for must be understood. */
static cr_status take_objects(cr_span in, cr_span values[OBJECTS], struct cr_err *err)
{
    while (in.n > 0) {
        struct der_tlv tlv;
        if (der_next(&in, DER_DEFINITE, &tlv, NULL) != CR_OK) {
            return bad(err, TAG_TEMPLATE, "the template is cut");
        }
        size_t i = 0;
        while (i < OBJECTS && objects[i].tag != tlv.tag) {
            i++;
        }
        if (i == OBJECTS) {
            return bad(err, tlv.tag, "an object of the template is not known");
        }
        if (cr_span_present(values[i])) {
            return bad(err, tlv.tag, "an object of the template is there twice");
        }
        if (tlv.value.n < objects[i].min || tlv.value.n > objects[i].max) {
            return bad(err, tlv.tag, "an object of the template has a wrong length");
        }
        values[i] = tlv.value;
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        if (!objects[i].optional && !cr_span_present(values[i])) {
            return bad(err, objects[i].tag, "an object of the template is missing");
        }
    }
    return CR_OK;
}

static uint64_t number(cr_span value)
{
    uint64_t v = 0;
    for (size_t i = 0; i < value.n; i++) {
        v = v << 8 | value.p[i];
    }
    return v;
}

static cr_status check_host(const struct establish_template *t, struct cr_err *err)
{
    bool wanted = (t->parameters & ESTABLISH_WITH_HOST) != 0;
    if (cr_span_present(t->sdin) != wanted) {
        return bad(err, 0x45, "SDIN and the parameter for it do not agree");
    }
    if (cr_span_present(t->host_id) != wanted) {
        return bad(err, 0x84, "HostID and the parameter for it do not agree");
    }
    return CR_OK;
}

cr_status establish_take_template(cr_span a6, struct establish_template *out, struct cr_err *err)
{
    struct der_tlv all;
    cr_span v[OBJECTS] = {{0}};
    if (der_next(&a6, DER_DEFINITE, &all, NULL) != CR_OK || all.tag != TAG_TEMPLATE || a6.n > 0) {
        return bad(err, TAG_TEMPLATE, "there is no template");
    }
    CR_TRY(take_objects(all.value, v, err));
    if (v[OBJ_SCENARIO].p[0] != SCENARIO_3) {
        return bad(err, 0x90, "it is not scenario 3");
    }
    if (!counter_size_known(v[OBJ_COUNTER].n)) {
        return bad(err, 0x91, "the counter has a wrong length");
    }
    struct establish_template t = {
        .parameters = v[OBJ_SCENARIO].p[1],
        .usage = v[OBJ_USAGE].p[0],
        .has_access = cr_span_present(v[OBJ_ACCESS]),
        .access = cr_span_present(v[OBJ_ACCESS]) ? v[OBJ_ACCESS].p[0] : 0,
        .key_type = v[OBJ_TYPE].p[0],
        .key_size = v[OBJ_SIZE].p[0],
        .key_id = v[OBJ_ID].p[0],
        .kvn = v[OBJ_KVN].p[0],
        .counter_size = (uint8_t)v[OBJ_COUNTER].n,
        .counter = number(v[OBJ_COUNTER]),
        .sdin = v[OBJ_SDIN],
        .host_id = v[OBJ_HOST],
    };
    CR_TRY(check_host(&t, err));
    *out = t;
    return CR_OK;
}

/* --- what a domain takes -----------------------------------------------------------------------
 */

/* Key sets that can be established. The counter moves before its first use, so it stays below the
 * largest value. */
static const struct {
    enum establish_domain domain;
    uint8_t from, to; /* KVN */
    uint8_t usage, key_type;
    uint64_t counter_end;
} sets[] = {
    {ESTABLISH_ISDP, 0x30, 0x3F, ESTABLISH_USAGE_CHANNEL, ESTABLISH_TYPE_AES, 0xFFFFFF},
    {ESTABLISH_ISDR, 0x01, 0x0F, ESTABLISH_USAGE_CHANNEL, ESTABLISH_TYPE_AES, 0xFFFFFFFFFF},
    {ESTABLISH_ISDR, 0x40, 0x4F, ESTABLISH_USAGE_ONE, ESTABLISH_TYPE_PSK, UINT64_MAX},
};

cr_status establish_check(const struct establish_template *t, enum establish_domain domain,
                          struct cr_err *err)
{
    size_t i = 0;
    while (i < CR_COUNT(sets) && (t->kvn < sets[i].from || t->kvn > sets[i].to)) {
        i++;
    }
    if (i == CR_COUNT(sets)) {
        return bad(err, 0x83, "no key set has this version");
    }
    if (sets[i].domain != domain) {
        return establish_fail(err, CR_REFUSED, ESTABLISH_SW_CONDITIONS, 0x83,
                              "a key set of this version is not for this domain");
    }
    const struct {
        bool good;
        uint32_t tag;
    } checks[] = {
        {(t->parameters & 0xF0) == 0 && (t->parameters & ESTABLISH_CERTIFICATE), 0x90},
        {t->usage == sets[i].usage, 0x95},
        {t->access == 0, 0x96},
        {t->key_type == sets[i].key_type, 0x80},
        {t->key_size == ESTABLISH_KEY, 0x81},
        {t->key_id == 1, 0x82},
        {t->counter < sets[i].counter_end, 0x91},
    };
    for (size_t k = 0; k < CR_COUNT(checks); k++) {
        if (!checks[k].good) {
            return establish_fail(err, CR_REFUSED, ESTABLISH_SW_WRONG_DATA, checks[k].tag,
                                  "the template does not fit the key set");
        }
    }
    return CR_OK;
}

size_t establish_key_count(const struct establish_template *t)
{
    return t->usage == ESTABLISH_USAGE_CHANNEL ? 3 : 1;
}
