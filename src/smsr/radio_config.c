#include "smsr/radio_config.h"

#include "asn1/der.h"
#include "base/file.h"
#include "base/text.h"
#include "ota/admin.h"
#include "ota/push.h"

#include <arpa/inet.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CONFIG_FILE 1048576
#define MAX_TRIGGER     256
#define DEFAULT_PATH    "/gsma/adminagent"
#define MAX_RATE        100000
#define MAX_WINDOW      4096
#define MAX_SECONDS     86400
#define MAX_TRIES       20

static const uint8_t stored_parameters[] = {0x81, 0x00};
/* Push without an address: the network's default bearer, a buffer for one of our PDUs. */
#define PUSH_BUFFER  0x0578
#define DEFAULT_LINK 10000
static const uint8_t stored_push[] = {
    0x35, 0x01, 0x03, 0x39, 0x02, PUSH_BUFFER >> 8, PUSH_BUFFER & 0xFF};

struct reader {
    struct smsr_radio_config *out;
    char problem[200];
};

void smsr_radio_defaults(struct smsr_radio_config *out)
{
    *out = (struct smsr_radio_config){.trigger = CR_SPAN_ARRAY(stored_parameters),
                                      .path = DEFAULT_PATH,
                                      .push = CR_SPAN_ARRAY(stored_push),
                                      .cattp_port = DEFAULT_LINK,
                                      .tries = SMSR_TRIES,
                                      .repeat_ms = SMSR_REPEAT_MS,
                                      .trigger_ms = SMSR_TRIGGER_MS,
                                      .resume_ms = SMSR_RESUME_MS};
}

void smsr_radio_free(struct smsr_radio_config *config)
{
    if (config) {
        cr_arena_free(&config->arena);
        free(config->forced);
        *config = (struct smsr_radio_config){0};
    }
}

static bool keep(struct reader *r, const char *value, const char **out)
{
    *out = cr_arena_printf(&r->out->arena, "%s", value);
    return *out && **out;
}

static bool keep_digits(struct reader *r, const char *value, const char **out)
{
    char digits[SMSR_NUMBER + 1];
    return smsr_air_number(value, digits) && keep(r, digits, out);
}

static bool read_number(const char *value, long least, long most, long *out)
{
    char *end;
    *out = strtol(value, &end, 10);
    return *value && !*end && *out >= least && *out <= most;
}

static bool read_channel(const char *value, enum smsr_channel *out)
{
    *out = strcmp(value, "sms") == 0     ? SMSR_SMS
           : strcmp(value, "https") == 0 ? SMSR_HTTPS
           : strcmp(value, "cattp") == 0 ? SMSR_CATTP
                                         : 0;
    return *out != 0;
}

/* One TLV 81, whole. */
static bool read_trigger(struct reader *r, const char *value)
{
    cr_buf bytes = {0};
    struct der_tlv tlv;
    cr_span in;
    bool good = cr_hex_decode(&bytes, cr_span_str(value), NULL) == CR_OK && bytes.n <= MAX_TRIGGER;
    in = cr_buf_span(&bytes);
    good = good && der_expect(&in, DER_BER_LENGTHS, 0x81, &tlv, NULL) == CR_OK && in.n == 0;
    if (good) {
        r->out->trigger = cr_arena_copy(&r->out->arena, cr_buf_span(&bytes));
        good = r->out->trigger.p != NULL;
    }
    cr_buf_free(&bytes);
    return good;
}

/* "192.0.2.10:8446", "[2001:db8::1]:8446" */
static bool read_address(const char *value, char host[INET6_ADDRSTRLEN], cr_span *ip,
                         uint8_t space[16], uint16_t *port)
{
    long number;
    const bool bracket = value[0] == '[';
    const char *end = strstr(value, bracket ? "]:" : ":");
    const char *digits = end ? end + (bracket ? 2 : 1) : "";
    if (!read_number(digits, 1, 65535, &number) ||
        !cr_str_copy(host, INET6_ADDRSTRLEN,
                     cr_span_of(value + bracket, (size_t)(end - value) - bracket)) ||
        inet_pton(bracket ? AF_INET6 : AF_INET, host, space) != 1) {
        return false;
    }
    *ip = cr_span_of(space, bracket ? 16 : 4);
    *port = (uint16_t)number;
    return true;
}

static bool read_https(struct reader *r, const char *value)
{
    char host[INET6_ADDRSTRLEN];
    uint8_t space[16];
    cr_span ip;
    return read_address(value, host, &ip, space, &r->out->https_port) &&
           keep(r, host, &r->out->https_address);
}

static bool read_cattp(struct reader *r, const char *value)
{
    struct smsr_radio_config *c = r->out;
    char host[INET6_ADDRSTRLEN];
    uint8_t space[16];
    uint16_t port;
    cr_span ip;
    cr_buf push = {0};
    if (!read_address(value, host, &ip, space, &port)) {
        return false;
    }
    cr_buf_append_span(&push, CR_SPAN_ARRAY(stored_push));
    ota_push_put_address(&push, ip, port);
    c->push = cr_arena_copy(&c->arena, cr_buf_span(&push));
    cr_buf_free(&push);
    c->cattp_place = cr_span_sub(c->push, sizeof stored_push, c->push.n);
    return c->push.p != NULL;
}

static bool set_time(struct reader *r, const char *name, const char *value)
{
    const struct {
        const char *name;
        int64_t *ms;
    } times[] = {{"repeat-seconds", &r->out->repeat_ms},
                 {"trigger-seconds", &r->out->trigger_ms},
                 {"resume-seconds", &r->out->resume_ms}};
    long seconds;
    for (size_t i = 0; i < CR_COUNT(times); i++) {
        if (strcmp(name, times[i].name) == 0 && read_number(value, 1, MAX_SECONDS, &seconds)) {
            *times[i].ms = (int64_t)seconds * 1000;
            return true;
        }
    }
    return false;
}

static bool set_radio(struct reader *r, const char *name, const char *value)
{
    long tries;
    if (strcmp(name, "channel") == 0) {
        return read_channel(value, &r->out->channel);
    }
    if (strcmp(name, "trigger") == 0) {
        return read_trigger(r, value);
    }
    if (strcmp(name, "path") == 0) {
        return value[0] == '/' && keep(r, value, &r->out->path);
    }
    if (strcmp(name, "cattp-address") == 0) {
        return read_cattp(r, value);
    }
    if (strcmp(name, "cattp-port") == 0) {
        long number;
        const bool good = read_number(value, 1, 65535, &number);
        r->out->cattp_port = good ? (uint16_t)number : 0;
        return good;
    }
    if (strcmp(name, "https-address") == 0) {
        return read_https(r, value);
    }
    if (strcmp(name, "https-host") == 0) {
        return keep(r, value, &r->out->https_host) && strlen(value) <= OTA_ADMIN_HOST;
    }
    if (strcmp(name, "encrypt-then-mac") == 0) {
        r->out->no_encrypt_then_mac = strcmp(value, "no") == 0;
        return r->out->no_encrypt_then_mac || strcmp(value, "yes") == 0;
    }
    if (strcmp(name, "tries") == 0 && read_number(value, 1, MAX_TRIES, &tries)) {
        r->out->tries = (int)tries;
        return true;
    }
    return set_time(r, name, value);
}

static struct smsr_smsc *smsc_named(struct reader *r, const char *name)
{
    struct smsr_radio_config *c = r->out;
    for (size_t i = 0; i < c->smsc_count; i++) {
        if (strcmp(c->smsc[i].name, name) == 0) {
            return &c->smsc[i];
        }
    }
    struct smsr_smsc smsc = {.prefix = ""};
    if (c->smsc_count == SMSR_MAX_SMSC || !keep(r, name, &smsc.name)) {
        return NULL;
    }
    c->smsc[c->smsc_count] = smsc;
    return &c->smsc[c->smsc_count++];
}

static bool set_smsc(struct reader *r, struct smsr_smsc *smsc, const char *name, const char *value)
{
    long number;
    if (strcmp(name, "host") == 0) {
        return keep(r, value, &smsc->host);
    }
    if (strcmp(name, "system-id") == 0) {
        return keep(r, value, &smsc->system_id);
    }
    if (strcmp(name, "password") == 0) {
        return keep(r, value, &smsc->password);
    }
    if (strcmp(name, "number") == 0) {
        return keep_digits(r, value, &smsc->number);
    }
    if (strcmp(name, "prefix") == 0) {
        return keep_digits(r, value, &smsc->prefix);
    }
    if (strcmp(name, "port") == 0 && read_number(value, 1, 65535, &number)) {
        smsc->port = (uint16_t)number;
        return true;
    }
    if (strcmp(name, "per-second") == 0 && read_number(value, 1, MAX_RATE, &number)) {
        smsc->per_second = (unsigned)number;
        return true;
    }
    if (strcmp(name, "window") == 0 && read_number(value, 1, MAX_WINDOW, &number)) {
        smsc->window = (unsigned)number;
        return true;
    }
    return false;
}

static bool set_euicc(struct reader *r, const char *eid, const char *name, const char *value)
{
    struct smsr_radio_config *c = r->out;
    struct smsr_forced forced;
    if (strcmp(name, "channel") != 0 || !read_channel(value, &forced.channel) ||
        !cr_hex_fixed(forced.eid, sizeof forced.eid, cr_span_str(eid)) ||
        c->forced_count == SMSR_MAX_FORCED) {
        return false;
    }
    struct smsr_forced *more = realloc(c->forced, (c->forced_count + 1) * sizeof *more);
    if (!more) {
        return false;
    }
    c->forced = more;
    c->forced[c->forced_count++] = forced;
    return true;
}

static int on_setting(void *ctx, const char *section, const char *name, const char *value)
{
    struct reader *r = ctx;
    bool good = false;
    if (strcmp(section, "radio") == 0) {
        good = set_radio(r, name, value);
    } else if (strncmp(section, "smsc ", 5) == 0) {
        struct smsr_smsc *smsc = smsc_named(r, section + 5);
        good = smsc && set_smsc(r, smsc, name, value);
    } else if (strncmp(section, "euicc ", 6) == 0) {
        good = set_euicc(r, section + 6, name, value);
    }
    if (!good && !r->problem[0]) {
        (void)snprintf(r->problem, sizeof r->problem,
                       "[%.60s] %.60s is no setting, or its value is wrong", section, name);
    }
    return good;
}

static int compare_forced(const void *a, const void *b)
{
    return memcmp(((const struct smsr_forced *)a)->eid, ((const struct smsr_forced *)b)->eid,
                  SOAP_EID_SIZE);
}

static void check_complete(struct reader *r)
{
    struct smsr_radio_config *c = r->out;
    for (size_t i = 0; i < c->smsc_count; i++) {
        const struct smsr_smsc *s = &c->smsc[i];
        if ((!s->port || !s->system_id || !s->password || !s->number) && !r->problem[0]) {
            (void)snprintf(r->problem, sizeof r->problem,
                           "[smsc %.60s] needs port, system-id, password and number", s->name);
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(c->smsc[k].prefix, s->prefix) == 0 && !r->problem[0]) {
                (void)snprintf(r->problem, sizeof r->problem,
                               "[smsc %.60s] has the prefix of another SMSC", s->name);
            }
        }
    }
    if (c->forced_count) {
        qsort(c->forced, c->forced_count, sizeof *c->forced, compare_forced);
    }
}

cr_status smsr_radio_load(const char *path, struct smsr_radio_config *out, struct cr_err *err)
{
    cr_buf text = {.secret = true}; /* passwords */
    smsr_radio_defaults(out);
    out->arena.secret = true;
    CR_TRY(cr_file_read(path, MAX_CONFIG_FILE, &text, err));
    struct reader r = {.out = out};
    const char *ini = cr_buf_cstr(&text);
    const int line = ini ? ini_parse_string(ini, on_setting, &r) : -1;
    cr_buf_free(&text);
    if (line == 0) {
        check_complete(&r);
    }
    if (line != 0 || r.problem[0]) {
        smsr_radio_free(out);
        return line > 0 ? cr_fail(err, CR_REFUSED, NULL, "%s, line %d: %s", path, line, r.problem)
                        : cr_fail(err, CR_REFUSED, NULL, "%s: %s", path, r.problem);
    }
    return CR_OK;
}

const struct smsr_smsc *smsr_radio_route(const struct smsr_radio_config *config, const char *number)
{
    const struct smsr_smsc *best = NULL;
    for (size_t i = 0; i < config->smsc_count; i++) {
        const struct smsr_smsc *smsc = &config->smsc[i];
        if (strncmp(number, smsc->prefix, strlen(smsc->prefix)) == 0 &&
            (!best || strlen(smsc->prefix) > strlen(best->prefix))) {
            best = smsc;
        }
    }
    return best;
}

enum smsr_channel smsr_radio_forced(const struct smsr_radio_config *config, cr_span eid)
{
    struct smsr_forced key = {.channel = 0};
    if (eid.n == sizeof key.eid && config->forced_count) {
        memcpy(key.eid, eid.p, eid.n);
        const struct smsr_forced *found = bsearch(&key, config->forced, config->forced_count,
                                                  sizeof *config->forced, compare_forced);
        if (found) {
            return found->channel;
        }
    }
    return config->channel;
}
