#include "device/config.h"

#include "base/file.h"
#include "base/text.h"
#include "profile/ef.h"

#include <arpa/inet.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_CONFIG_FILE ((size_t)32 << 20)
#define DEFAULT_IMEI    "3529061100000003"

struct reader {
    struct device_config *out;
    char problem[240];
    char what[120]; /* of a value that was refused */
};

/* --- growing tables in the arena: doubled, the old one is left behind --------------------------
 */

static void *grow(struct device_config *c, void *items, size_t count, size_t size, size_t max)
{
    if (count >= max) {
        return NULL;
    }
    if (count & (count - 1)) { /* room until the next power of two */
        return items;
    }
    void *more = cr_arena_alloc_array(&c->arena, count ? 2 * count : 1, size);
    if (more && count) {
        memcpy(more, items, count * size);
    }
    return more;
}

/* --- values ------------------------------------------------------------------------------------
 */

static bool number(const char *text, uint64_t max, uint64_t *out)
{
    if (!cr_is_digits(cr_span_str(text)) || strlen(text) > 18) {
        return false;
    }
    *out = strtoull(text, NULL, 10);
    return *out <= max;
}

static const char *keep(struct device_config *c, const char *text)
{
    return cr_arena_printf(&c->arena, "%s", text);
}

static bool is_imsi(const char *text, size_t least)
{
    size_t n = strlen(text);
    return n >= least && n <= DEVICE_IMSI && cr_is_digits(cr_span_str(text));
}

static bool is_number(const char *text)
{
    const char *digits = text + (text[0] == '+');
    return cr_is_digits(cr_span_str(digits)) && strlen(digits) < SMPP_MAX_ADDRESS;
}

static bool set_access(struct device_config *c, const char *value)
{
    static const struct {
        const char *name;
        uint8_t value;
    } names[] = {{"gsm", 0x00}, {"utran", 0x03}, {"eutran", 0x08}, {"nr", 0x0A}};
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        if (strcmp(value, names[i].name) == 0) {
            c->access = names[i].value;
            return true;
        }
    }
    return false;
}

static bool set_dns(struct device_config *c, const char *value)
{
    c->has_dns = inet_pton(AF_INET, value, c->dns) == 1;
    return c->has_dns;
}

static bool set_imei(struct device_config *c, const char *value)
{
    size_t n = strlen(value);
    if ((n != 15 && n != 16) || !cr_is_digits(cr_span_str(value))) {
        return false;
    }
    memcpy(c->imei, value, n + 1);
    return true;
}

static bool set_device(struct device_config *c, const char *name, const char *value,
                       struct cr_err *err)
{
    uint64_t v = 0;
    if (strcmp(name, "imei") == 0) {
        return set_imei(c, value);
    }
    if (strcmp(name, "pin") == 0) {
        c->has_pin = profile_pin_encode(cr_span_str(value), c->pin, NULL) == CR_OK;
        return c->has_pin;
    }
    if (strcmp(name, "smsc") == 0) {
        c->smsc = is_number(value) ? keep(c, value) : NULL;
        return c->smsc != NULL;
    }
    if (strcmp(name, "access") == 0) {
        return set_access(c, value);
    }
    if (strcmp(name, "dns") == 0) {
        return set_dns(c, value);
    }
    if (strcmp(name, "map") == 0) {
        return device_config_add_map(c, value, err) == CR_OK;
    }
    if (strcmp(name, "seed") == 0) {
        return number(value, UINT64_MAX, &c->seed);
    }
    const struct {
        const char *name;
        unsigned *where, min;
    } numbers[] = {{"poll", &c->poll_seconds, 0},
                   {"sms-validity", &c->validity_seconds, 1},
                   {"sms-retry", &c->retry_seconds, 1}};
    for (size_t i = 0; i < CR_COUNT(numbers); i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            bool good = number(value, 10000000, &v) && v >= numbers[i].min;
            *numbers[i].where = (unsigned)v;
            return good;
        }
    }
    return false;
}

/* --- sections with a name ----------------------------------------------------------------------
 */

static struct device_network *network_named(struct device_config *c, const char *name)
{
    for (size_t i = 0; i < c->network_count; i++) {
        if (strcmp(c->networks[i].name, name) == 0) {
            return &c->networks[i];
        }
    }
    struct device_network *all =
        grow(c, c->networks, c->network_count, sizeof *all, DEVICE_MAX_NETWORKS);
    if (!all) {
        return NULL;
    }
    c->networks = all;
    struct device_network *n = &all[c->network_count++];
    *n = (struct device_network){.name = keep(c, name),
                                 .imsi = "",
                                 .delay_ms = 200,
                                 .retry_ms = 10000,
                                 .area = 1,
                                 .cell = 1};
    return n->name ? n : NULL;
}

static bool set_attach(struct device_network *n, const char *value)
{
    static const char *const words[] = {[DEVICE_ATTACH_WORKS] = "works",
                                        [DEVICE_ATTACH_REFUSES] = "refuses",
                                        [DEVICE_ATTACH_TIMES_OUT] = "times-out"};
    for (size_t i = 0; i < CR_COUNT(words); i++) {
        if (strcmp(value, words[i]) == 0) {
            n->attach = (enum device_attach)i;
            return true;
        }
    }
    return false;
}

static bool set_network(struct device_config *c, const char *section, const char *name,
                        const char *value)
{
    struct device_network *n = network_named(c, section);
    uint64_t v = 0;
    if (!n) {
        return false;
    }
    if (strcmp(name, "imsi") == 0) {
        n->imsi = is_imsi(value, 5) ? keep(c, value) : NULL;
        return n->imsi &&
               (n->has_plmn || profile_plmn_encode(cr_span_of(value, 5), n->plmn, NULL) == CR_OK);
    }
    if (strcmp(name, "attach") == 0) {
        return set_attach(n, value);
    }
    if (strcmp(name, "plmn") == 0) {
        n->has_plmn = profile_plmn_encode(cr_span_str(value), n->plmn, NULL) == CR_OK;
        return n->has_plmn;
    }
    bool good = number(value, 86400000, &v);
    if (strcmp(name, "tries") == 0) {
        n->tries = (unsigned)v;
    } else if (strcmp(name, "delay-ms") == 0) {
        n->delay_ms = (int64_t)v;
    } else if (strcmp(name, "retry-ms") == 0) {
        n->retry_ms = (int64_t)v;
        good = good && v > 0;
    } else if (strcmp(name, "area") == 0) {
        n->area = (uint16_t)v;
        good = good && v <= UINT16_MAX;
    } else if (strcmp(name, "cell") == 0) {
        n->cell = (uint32_t)v;
        good = good && v < (1u << 28);
    } else {
        good = false;
    }
    return good;
}

static bool set_esme(struct device_config *c, const char *section, const char *name,
                     const char *value)
{
    size_t i = 0;
    while (i < c->esme_count && strcmp(c->esmes[i].system_id, section) != 0) {
        i++;
    }
    if (i == c->esme_count) {
        struct device_esme *all = grow(c, c->esmes, c->esme_count, sizeof *all, DEVICE_MAX_ESMES);
        if (!all || strlen(section) > SMPP_MAX_NAME) {
            return false;
        }
        c->esmes = all;
        c->esmes[c->esme_count++] = (struct device_esme){.system_id = keep(c, section)};
    }
    if (!c->esmes[i].system_id) {
        return false;
    }
    const char **where = strcmp(name, "password") == 0 ? &c->esmes[i].password
                         : strcmp(name, "number") == 0 ? &c->esmes[i].numbers
                                                       : NULL;
    if (where) {
        *where = keep(c, value);
    }
    return where && *where && (where == &c->esmes[i].numbers || strlen(value) <= 8);
}

static bool set_msisdn(struct device_config *c, const char *imsi, const char *value)
{
    struct device_number *all =
        grow(c, c->numbers, c->number_count, sizeof *all, DEVICE_MAX_NUMBERS);
    size_t n = strlen(imsi), v = strlen(value);
    bool prefix = n > 0 && imsi[n - 1] == '*';
    if (!all || prefix != (v > 0 && value[v - 1] == '*')) {
        return false;
    }
    c->numbers = all;
    char *from = cr_arena_strn(&c->arena, cr_span_of(imsi, n - prefix));
    char *to = cr_arena_strn(&c->arena, cr_span_of(value, v - prefix));
    if (!from || !to || !is_imsi(from, prefix ? 1 : 6) || !is_number(to) ||
        (prefix && strlen(to) + DEVICE_IMSI - strlen(from) > SMPP_MAX_ADDRESS)) {
        return false;
    }
    c->numbers[c->number_count++] =
        (struct device_number){.imsi = from, .msisdn = to, .prefix = prefix};
    return true;
}

/* "milenage K OPC", "tuak K TOPC" in hex. */
static bool set_key(struct device_config *c, const char *imsi, const char *value)
{
    struct device_key *all = grow(c, c->keys, c->key_count, sizeof *all, DEVICE_MAX_KEYS);
    char algorithm[16], k[65], opc[65], rest;
    if (!all || !is_imsi(imsi, 6) ||
        sscanf(value, "%15s %64s %64s%c", algorithm, k, opc, &rest) != 3) {
        return false;
    }
    c->keys = all;
    struct device_key *key = &all[c->key_count];
    *key = (struct device_key){.imsi = keep(c, imsi)};
    bool tuak = strcmp(algorithm, "tuak") == 0;
    aka_params_default(&key->aka, tuak ? AKA_TUAK : AKA_MILENAGE);
    key->aka.key_size = strlen(k) / 2;
    bool good = key->imsi && (tuak || strcmp(algorithm, "milenage") == 0) &&
                (key->aka.key_size == 16 || (tuak && key->aka.key_size == 32)) &&
                cr_hex_fixed(key->aka.key, key->aka.key_size, cr_span_str(k)) &&
                cr_hex_fixed(key->aka.opc, tuak ? 32 : 16, cr_span_str(opc));
    cr_wipe(k, sizeof k);
    c->key_count += good;
    return good;
}

/* --- the file ----------------------------------------------------------------------------------
 */

static const char *section_name(const char *section, const char *kind)
{
    size_t n = strlen(kind);
    if (strncmp(section, kind, n) != 0 || section[n] != ' ') {
        return NULL;
    }
    section += n + strspn(section + n, " ");
    return *section ? section : NULL;
}

static int on_setting(void *ctx, const char *section, const char *name, const char *value)
{
    struct reader *r = ctx;
    struct device_config *c = r->out;
    struct cr_err err = {0};
    const char *named = NULL;
    bool good = false;
    if (strcmp(section, "device") == 0) {
        good = set_device(c, name, value, &err);
        value = strcmp(name, "pin") == 0 ? "(a PIN)" : value;
    } else if (strcmp(section, "msisdn") == 0) {
        good = set_msisdn(c, name, value);
    } else if (strcmp(section, "keys") == 0) {
        good = set_key(c, name, value);
        value = "(a key)"; /* not into a message */
    } else if (strcmp(section, "faults") == 0) {
        good = device_config_add_fault(c, value, &err) == CR_OK;
    } else if ((named = section_name(section, "network"))) {
        good = set_network(c, named, name, value);
    } else if ((named = section_name(section, "esme"))) {
        good = set_esme(c, named, name, value);
        value = strcmp(name, "password") == 0 ? "(a password)" : value;
    }
    if (!good && !r->problem[0]) {
        (void)snprintf(r->problem, sizeof r->problem, "[%.40s] %.40s = %.80s: %.60s", section, name,
                       value, err.cause[0] ? err.cause : "not understood");
    }
    return good ? 1 : 0;
}

static int by_imsi(const void *a, const void *b)
{
    const struct device_number *x = a, *y = b;
    return x->prefix != y->prefix ? (x->prefix ? 1 : -1) : strcmp(x->imsi, y->imsi);
}

static int keys_by_imsi(const void *a, const void *b)
{
    return strcmp(((const struct device_key *)a)->imsi, ((const struct device_key *)b)->imsi);
}

static cr_status finish(struct device_config *c, struct cr_err *err)
{
    for (size_t i = 0; i < c->network_count; i++) {
        if (!c->networks[i].imsi[0]) {
            return cr_fail(err, CR_REFUSED, NULL, "[network %s] has no imsi", c->networks[i].name);
        }
    }
    if (c->number_count) {
        qsort(c->numbers, c->number_count, sizeof *c->numbers, by_imsi);
    }
    while (c->whole_numbers < c->number_count && !c->numbers[c->whole_numbers].prefix) {
        c->whole_numbers++;
    }
    if (c->key_count) {
        qsort(c->keys, c->key_count, sizeof *c->keys, keys_by_imsi);
    }
    return CR_OK;
}

void device_config_init(struct device_config *out)
{
    *out = (struct device_config){.poll_seconds = 30,
                                  .access = 0x08,
                                  .seed = 1,
                                  .validity_seconds = 3600,
                                  .retry_seconds = 5};
    memcpy(out->imei, DEFAULT_IMEI, sizeof out->imei);
}

cr_status device_config_read(const char *text, struct device_config *out, struct cr_err *err)
{
    device_config_init(out);
    struct reader r = {.out = out};
    int line = ini_parse_string(text, on_setting, &r);
    cr_status status = CR_OK;
    if (line != 0 || r.problem[0]) {
        status = cr_fail(err, CR_REFUSED, NULL, "line %d: %s", line,
                         r.problem[0] ? r.problem : "neither a section nor a setting");
    } else {
        status = finish(out, err);
    }
    if (status != CR_OK) {
        device_config_free(out);
    }
    return status;
}

cr_status device_config_load(const char *path, struct device_config *out, struct cr_err *err)
{
    cr_buf text = {.secret = true};
    cr_status status = cr_file_read(path, MAX_CONFIG_FILE, &text, err);
    if (status == CR_OK) {
        const char *ini = cr_buf_cstr(&text);
        status = ini ? device_config_read(ini, out, err) : cr_fail_memory(err);
        if (status != CR_OK) {
            status = cr_err_context(err, status, "%s", path);
        }
    }
    cr_buf_free(&text);
    return status;
}

cr_status device_config_add_fault(struct device_config *c, const char *text, struct cr_err *err)
{
    struct device_fault fault;
    CR_TRY(device_fault_parse(text, &fault, err));
    if (c->fault_count == DEVICE_MAX_FAULTS) {
        return cr_fail(err, CR_REFUSED, NULL, "more than %d faults", DEVICE_MAX_FAULTS);
    }
    struct device_fault *all = grow(c, c->faults, c->fault_count, sizeof *all, DEVICE_MAX_FAULTS);
    if (!all) {
        return cr_fail_memory(err);
    }
    c->faults = all;
    c->faults[c->fault_count++] = fault;
    return CR_OK;
}

/* "192.0.2.1:80", "[2001:db8::1]:80", "*:80", "host" */
static bool read_place(struct device_config *c, cr_span text, struct device_place *out)
{
    char copy[100], *port = NULL, *host = copy;
    uint64_t v = 0;
    if (text.n == 0 || !cr_str_copy(copy, sizeof copy, text)) {
        return false;
    }
    if (copy[0] == '[') {
        char *end = strchr(copy, ']');
        if (!end) {
            return false;
        }
        *end = '\0';
        host = copy + 1;
        port = end[1] == ':' ? end + 2 : NULL;
    } else if ((port = strrchr(copy, ':'))) {
        *port++ = '\0';
    }
    if (port && strcmp(port, "*") != 0 && (!number(port, UINT16_MAX, &v) || v == 0)) {
        return false;
    }
    *out = (struct device_place){.port = (uint16_t)v};
    out->host = strcmp(host, "*") == 0 ? NULL : keep(c, host);
    return *host && (out->host || strcmp(host, "*") == 0);
}

static bool is_address(const char *text)
{
    uint8_t bytes[16];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

cr_status device_config_add_map(struct device_config *c, const char *text, struct cr_err *err)
{
    struct device_map map = {0};
    size_t n = strcspn(text, " \t"), gap = strspn(text + n, " \t");
    if (!read_place(c, cr_span_of(text, n), &map.from) ||
        !read_place(c, cr_span_str(text + n + gap), &map.to) || !map.to.host ||
        !is_address(map.to.host)) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "'%.80s' maps no address", text);
        return cr_err_next(err, status, "write FROM:PORT TO:PORT, as in '*:443 127.0.0.1:8443'");
    }
    struct device_map *all = grow(c, c->maps, c->map_count, sizeof *all, DEVICE_MAX_MAPS);
    if (!all) {
        return cr_fail(err, CR_RESOURCE, NULL, "more than %d maps", DEVICE_MAX_MAPS);
    }
    c->maps = all;
    c->maps[c->map_count++] = map;
    return CR_OK;
}

void device_config_free(struct device_config *c)
{
    for (size_t i = 0; i < c->key_count; i++) {
        cr_wipe(&c->keys[i].aka, sizeof c->keys[i].aka);
    }
    cr_wipe(c->pin, sizeof c->pin);
    cr_arena_free(&c->arena);
    *c = (struct device_config){0};
}

/* --- asking ------------------------------------------------------------------------------------
 */

const struct device_network *device_network_of(const struct device_config *c, const char *imsi,
                                               bool *known)
{
    const struct device_network *best = NULL;
    for (size_t i = 0; i < c->network_count; i++) {
        const struct device_network *n = &c->networks[i];
        if (strncmp(imsi, n->imsi, strlen(n->imsi)) == 0 &&
            (!best || strlen(n->imsi) > strlen(best->imsi))) {
            best = n;
        }
    }
    *known = best || c->network_count == 0;
    return best;
}

bool device_msisdn_of(const struct device_config *c, const char *imsi,
                      char out[SMPP_MAX_ADDRESS + 1])
{
    const struct device_number key = {.imsi = imsi};
    const struct device_number *found =
        c->whole_numbers ? bsearch(&key, c->numbers, c->whole_numbers, sizeof *c->numbers, by_imsi)
                         : NULL;
    for (size_t i = c->whole_numbers; !found && i < c->number_count; i++) {
        /* sorted: of two that fit, the longer one comes later */
        const struct device_number *n = &c->numbers[c->number_count - 1 - (i - c->whole_numbers)];
        found = strncmp(imsi, n->imsi, strlen(n->imsi)) == 0 ? n : NULL;
    }
    if (found) {
        (void)snprintf(out, SMPP_MAX_ADDRESS + 1, "%s%s", found->msisdn,
                       found->prefix ? imsi + strlen(found->imsi) : "");
    }
    return found != NULL;
}

const struct device_key *device_key_of(const struct device_config *c, const char *imsi)
{
    const struct device_key key = {.imsi = imsi};
    return c->key_count ? bsearch(&key, c->keys, c->key_count, sizeof *c->keys, keys_by_imsi)
                        : NULL;
}

const struct device_esme *device_esme_of(const struct device_config *c, const char *number)
{
    for (size_t i = 0; i < c->esme_count; i++) {
        const char *p = c->esmes[i].numbers ? c->esmes[i].numbers : "";
        while (*p) {
            char one[SMPP_MAX_ADDRESS + 2];
            size_t n = strcspn(p, ", ");
            if (n && cr_str_copy(one, sizeof one, cr_span_of(p, n)) &&
                smpp_same_number(one, number)) {
                return &c->esmes[i];
            }
            p += n + (p[n] ? 1 : 0);
        }
    }
    return NULL;
}

struct device_place device_place_of(const struct device_config *c, const char *host, uint16_t port)
{
    for (size_t i = 0; i < c->map_count; i++) {
        const struct device_map *map = &c->maps[i];
        if ((!map->from.host || strcmp(map->from.host, host) == 0) &&
            (!map->from.port || map->from.port == port)) {
            return (struct device_place){.host = map->to.host,
                                         .port = map->to.port ? map->to.port : port};
        }
    }
    return (struct device_place){.host = host, .port = port};
}
