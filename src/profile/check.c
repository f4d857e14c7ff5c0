/*
 * The driver of the checker, and the order and number of elements.
 */
#include "profile/check.h"

#include "base/text.h"

#include <stdio.h>

void profile_report(const struct profile_reporter *reporter, enum profile_rule rule, size_t element,
                    const char *file, const char *fmt, ...)
{
    char what[256];
    va_list ap;
    if (!reporter) {
        return;
    }
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    reporter->report(reporter->ctx, rule, element, file, what);
}

/* ------------------------------------------------------------------ order */

static bool gfm_creates_mf(const struct profile_element *e)
{
    if (e->kind != PROFILE_GFM) {
        return false;
    }
    for (size_t i = 0; i < e->gfm.commands.count; i++) {
        const struct profile_gfm_command *command = &e->gfm.commands.items[i];
        for (size_t k = 0; k < command->items.count; k++) {
            const struct profile_gfm_item *item = &command->items.items[k];
            if (item->which == PROFILE_GFM_FCP &&
                cr_span_equal(item->create_fcp.file_id, cr_span_of("\x3F\x00", 2))) {
                return true;
            }
        }
    }
    return false;
}

static bool creates_mf(const struct profile_element *e)
{
    return e->kind == PROFILE_MF || e->kind == PROFILE_IOT || gfm_creates_mf(e);
}

#define NONE SIZE_MAX

/* What has been seen so far. Indexes of elements. */
struct order {
    const struct profile_package *package;
    const struct profile_reporter *reporter;
    size_t mf;
    size_t end;
    size_t seen[PROFILE_KINDS];  /* latest of the kind */
    size_t count[PROFILE_KINDS]; /* of the kind */
    size_t naa;                  /* latest of usim, isim, csim, iot */
    size_t sd;
};

static void broken(const struct order *o, enum profile_rule rule, size_t i, const char *what)
{
    profile_report(o->reporter, rule, i, NULL, "%s", what);
}

static void order_ends(const struct order *o, const struct profile_element *e, size_t i)
{
    if (i == 0 && e->kind != PROFILE_HEADER) {
        broken(o, PROFILE_RULE_HEADER_FIRST, i, "the package begins with another element");
    }
    if (i > 0 && e->kind == PROFILE_HEADER) {
        broken(o, PROFILE_RULE_HEADER_ONCE, i, "a header inside the package");
    }
    if (o->end != NONE) {
        broken(o, PROFILE_RULE_END_LAST, i, "an element behind the end");
    }
}

static void order_mf(struct order *o, const struct profile_element *e, size_t i)
{
    bool files = profile_kind_has_files(e->kind) || e->kind == PROFILE_GFM;
    if (creates_mf(e)) {
        if (o->mf != NONE) {
            broken(o, PROFILE_RULE_MF_ONCE, i, "the MF exists already");
        } else {
            o->mf = i;
        }
    } else if (files && o->mf == NONE) {
        broken(o, PROFILE_RULE_MF_FIRST, i, "files before the MF");
    }
}

static void order_puk(const struct order *o, size_t i)
{
    const struct profile_element *elements = o->package->elements;
    const struct profile_element *header = &elements[0];
    bool iot = header->kind == PROFILE_HEADER && header->profile_header.has_iot_options;
    if (o->count[PROFILE_PUK_CODES] > 1) {
        broken(o, PROFILE_RULE_PUK_ONCE, i, "a second pukCodes element");
    } else if (i == 0 ||
               (iot ? elements[i - 1].kind != PROFILE_HEADER : !creates_mf(&elements[i - 1]))) {
        broken(o, PROFILE_RULE_PUK_PLACE, i, "pukCodes stands elsewhere");
    }
}

static const struct naa_rule {
    enum profile_element_kind kind;
    enum profile_element_kind needs; /* PROFILE_UNKNOWN = any application */
    bool once;
} naa_rules[] = {
    {PROFILE_OPT_USIM, PROFILE_USIM, true},   {PROFILE_PHONEBOOK, PROFILE_USIM, true},
    {PROFILE_GSM_ACCESS, PROFILE_USIM, true}, {PROFILE_DF_5GS, PROFILE_USIM, true},
    {PROFILE_DF_SAIP, PROFILE_USIM, true},    {PROFILE_DF_SNPN, PROFILE_USIM, true},
    {PROFILE_DF_5GPROSE, PROFILE_USIM, true}, {PROFILE_OPT_ISIM, PROFILE_ISIM, true},
    {PROFILE_OPT_CSIM, PROFILE_CSIM, true},   {PROFILE_OPT_IOT, PROFILE_IOT, true},
    {PROFILE_CDMA, PROFILE_CSIM, true},       {PROFILE_AKA, PROFILE_UNKNOWN, true},
    {PROFILE_EAP, PROFILE_UNKNOWN, false},
};

static void order_naa(const struct order *o, const struct profile_element *e, size_t i)
{
    for (size_t r = 0; r < CR_COUNT(naa_rules); r++) {
        const struct naa_rule *rule = &naa_rules[r];
        if (rule->kind != e->kind) {
            continue;
        }
        size_t naa = rule->needs == PROFILE_UNKNOWN ? o->naa : o->seen[rule->needs];
        size_t before = o->seen[e->kind];
        if (naa == NONE) {
            broken(o, PROFILE_RULE_NAA_MISSING, i, "no application for it comes before");
        } else if (rule->once && before != NONE && before > naa) {
            broken(o, PROFILE_RULE_NAA_ONCE, i, "the application has one already");
        }
    }
}

static void order_multiple(const struct order *o, const struct profile_element *e, size_t i)
{
    static const struct {
        enum profile_element_kind kind;
        int service;
    } naas[] = {{PROFILE_USIM, PROFILE_SERVICE_MULTIPLE_USIM},
                {PROFILE_ISIM, PROFILE_SERVICE_MULTIPLE_ISIM},
                {PROFILE_CSIM, PROFILE_SERVICE_MULTIPLE_CSIM}};
    const struct profile_element *header = &o->package->elements[0];
    for (size_t n = 0; n < CR_COUNT(naas); n++) {
        if (e->kind == naas[n].kind && o->count[e->kind] == 2 &&
            !(header->kind == PROFILE_HEADER && header->profile_header.services[naas[n].service])) {
            profile_report(o->reporter, PROFILE_RULE_MULTIPLE_NAA, i, NULL,
                           "%s is not in the header", profile_service_name(naas[n].service));
        }
    }
    if ((e->kind == PROFILE_CD || e->kind == PROFILE_TELECOM) && o->count[e->kind] == 2) {
        broken(o, PROFILE_RULE_ELEMENT_ONCE, i, "a second one");
    }
}

static void order_ids(const struct order *o, const struct profile_element *e, size_t i)
{
    if (e->kind == PROFILE_HEADER || e->kind == PROFILE_UNKNOWN) {
        return;
    }
    int64_t id = e->header.identification;
    if (id < 0 || id > 32767) {
        profile_report(o->reporter, PROFILE_RULE_ID_RANGE, i, NULL, "%lld", (long long)id);
    }
    for (size_t k = 0; k < i; k++) {
        const struct profile_element *other = &o->package->elements[k];
        if (other->kind != PROFILE_HEADER && other->kind != PROFILE_UNKNOWN &&
            other->header.identification == id) {
            profile_report(o->reporter, PROFILE_RULE_ID_UNIQUE, i, NULL,
                           "%lld is that of element %zu", (long long)id, k + 1);
            return;
        }
    }
}

static bool is_naa(enum profile_element_kind kind)
{
    return kind == PROFILE_USIM || kind == PROFILE_ISIM || kind == PROFILE_CSIM ||
           kind == PROFILE_IOT;
}

/* The kind of the last application that file management makes; PROFILE_UNKNOWN with *made = one of
 * another kind. */
static enum profile_element_kind gfm_naa(const struct profile_element *e, bool *made)
{
    enum profile_element_kind kind = PROFILE_UNKNOWN;
    *made = false;
    for (size_t c = 0; e->kind == PROFILE_GFM && c < e->gfm.commands.count; c++) {
        const struct profile_gfm_command *command = &e->gfm.commands.items[c];
        for (size_t k = 0; k < command->items.count; k++) {
            const struct profile_gfm_item *item = &command->items.items[k];
            if (item->which == PROFILE_GFM_FCP && cr_span_present(item->create_fcp.df_name)) {
                kind = profile_naa_of_aid(item->create_fcp.df_name);
                *made = true;
            }
        }
    }
    return kind;
}

/* An application that uses AKA has its element before the next application comes. */
static void order_aka(const struct order *o, size_t naa)
{
    const struct profile_element *elements = o->package->elements;
    if (elements[naa].kind == PROFILE_CSIM) {
        return;
    }
    for (size_t i = naa + 1; i < o->package->count && !is_naa(elements[i].kind); i++) {
        if (elements[i].kind == PROFILE_AKA) {
            return;
        }
    }
    broken(o, PROFILE_RULE_AKA_MISSING, naa, "no akaParameter behind it");
}

static void order_element(struct order *o, size_t i)
{
    const struct profile_element *e = &o->package->elements[i];
    o->count[e->kind]++;
    order_ends(o, e, i);
    order_mf(o, e, i);
    order_naa(o, e, i);
    order_multiple(o, e, i);
    order_ids(o, e, i);
    if (e->kind == PROFILE_PUK_CODES) {
        order_puk(o, i);
    }
    if ((e->kind == PROFILE_RFM || e->kind == PROFILE_APPLICATION) && o->sd == NONE) {
        broken(o, PROFILE_RULE_SD_FIRST, i, "no security domain comes before");
    }
    if (is_naa(e->kind)) {
        o->naa = i;
        order_aka(o, i);
    }
    if (e->kind == PROFILE_IOT) {
        o->seen[PROFILE_USIM] = i;
    }
    bool made;
    enum profile_element_kind naa = gfm_naa(e, &made);
    if (made) {
        o->naa = i;
    }
    if (made && naa != PROFILE_UNKNOWN) {
        o->seen[naa] = i;
    }
    if (e->kind == PROFILE_SECURITY_DOMAIN && o->sd == NONE) {
        o->sd = i;
    }
    if (e->kind == PROFILE_END && o->end == NONE) {
        o->end = i;
    }
    o->seen[e->kind] = i;
}

void profile_check_order(const struct profile_package *package,
                         const struct profile_reporter *reporter)
{
    struct order o = {
        .package = package, .reporter = reporter, .mf = NONE, .end = NONE, .naa = NONE, .sd = NONE};
    for (size_t k = 0; k < PROFILE_KINDS; k++) {
        o.seen[k] = NONE;
    }
    for (size_t i = 0; i < package->count; i++) {
        order_element(&o, i);
    }
    size_t last = package->count > 0 ? package->count - 1 : 0;
    if (o.end == NONE) {
        broken(&o, PROFILE_RULE_END_MISSING, last, "no end element");
    }
    if (o.mf == NONE) {
        broken(&o, PROFILE_RULE_MF_MISSING, 0, "no MF");
    }
    const struct profile_element *first = &package->elements[0];
    bool options = package->count > 0 && first->kind == PROFILE_HEADER &&
                   first->profile_header.has_iot_options;
    if (options != (o.seen[PROFILE_IOT] != NONE)) {
        broken(&o, PROFILE_RULE_IOT_OPTIONS, options ? 0 : o.seen[PROFILE_IOT],
               options ? "iotOptions without an iot element" : "an iot element without iotOptions");
    } else if (options && o.seen[PROFILE_MF] != NONE) {
        broken(&o, PROFILE_RULE_IOT_OPTIONS, o.seen[PROFILE_MF], "mf beside iot");
    }
}

/* ------------------------------------------------------------------ driver */

struct driver {
    const struct profile_package *package;
    profile_finding_fn found;
    void *ctx;
    struct profile_check_result result;
};

static void on_report(void *ctx, enum profile_rule rule, size_t element, const char *file,
                      const char *what)
{
    struct driver *d = ctx;
    const struct profile_element *e =
        element < d->package->count ? &d->package->elements[element] : NULL;
    struct profile_finding finding = {
        .severity = profile_rule_severity(rule, e && e->header.mandated),
        .rule = rule,
        .element = element,
        .kind = e ? e->kind : PROFILE_UNKNOWN,
        .file = file,
        .what = what,
    };
    if (e && e->kind != PROFILE_HEADER && e->kind != PROFILE_UNKNOWN) {
        finding.has_identification = true;
        finding.identification = e->header.identification;
    }
    if (finding.severity == PROFILE_ERROR) {
        d->result.errors++;
    } else {
        d->result.warnings++;
    }
    if (d->found) {
        d->found(d->ctx, &finding);
    }
}

/* Reads as much as there is; an element that does not decode is reported, and of unknown kind. */
static cr_status read_all(cr_span in, cr_arena *arena, struct profile_package *package,
                          const struct profile_reporter *reporter, struct cr_err *err)
{
    package->elements =
        cr_arena_alloc_array(arena, PROFILE_MAX_ELEMENTS, sizeof(struct profile_element));
    if (!package->elements) {
        return cr_fail_memory(err);
    }
    while (in.n > 0 && package->count < PROFILE_MAX_ELEMENTS) {
        struct cr_err why = {0};
        struct der_tlv tlv;
        cr_span rest = in;
        struct profile_element *e = &package->elements[package->count];
        cr_status status = profile_element_next(&in, arena, e, &why);
        if (status == CR_RESOURCE) {
            return cr_fail_memory(err);
        }
        package->count++;
        if (status == CR_OK) {
            continue;
        }
        *e = (struct profile_element){.raw = in, .tag = der_peek(in)};
        profile_report(reporter, PROFILE_RULE_DECODE, package->count - 1, NULL, "%s", why.cause);
        if (der_next(&rest, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
            return CR_OK;
        }
        e->raw = tlv.all;
        in = rest;
    }
    if (in.n > 0) {
        profile_report(reporter, PROFILE_RULE_DECODE, package->count - 1, NULL,
                       "more than %d elements", PROFILE_MAX_ELEMENTS);
    }
    return CR_OK;
}

static void check_encoding(const struct profile_package *package,
                           const struct profile_reporter *reporter)
{
    for (size_t i = 0; i < package->count; i++) {
        const struct profile_element *e = &package->elements[i];
        if (e->kind == PROFILE_UNKNOWN) {
            if (profile_kind_from_tag(e->tag) == PROFILE_UNKNOWN) {
                profile_report(reporter, PROFILE_RULE_UNKNOWN_ELEMENT, i, NULL, "tag %X", e->tag);
            }
        } else if (e->has_unknown) {
            profile_report(reporter, PROFILE_RULE_UNKNOWN_COMPONENT, i, NULL,
                           "tag %X at byte %zu is unknown or out of order", e->unknown_tag,
                           e->unknown_offset);
        } else if (!profile_element_canonical(e)) {
            profile_report(reporter, PROFILE_RULE_NOT_DER, i, NULL,
                           "DER would be other bytes for the same values");
        }
    }
}

cr_status profile_check(cr_span package, cr_arena *arena, profile_finding_fn found, void *ctx,
                        struct profile_check_result *result, struct cr_err *err)
{
    struct profile_package read = {.bytes = package};
    struct driver d = {.package = &read, .found = found, .ctx = ctx};
    const struct profile_reporter reporter = {.report = on_report, .ctx = &d};
    struct profile_tree tree;
    if (package.n == 0 || package.n > PROFILE_MAX_PACKAGE) {
        return cr_fail(err, CR_MALFORMED, NULL, "a package of %zu bytes, 1 to %d are taken",
                       package.n, PROFILE_MAX_PACKAGE);
    }
    CR_TRY(read_all(package, arena, &read, &reporter, err));
    check_encoding(&read, &reporter);
    profile_check_order(&read, &reporter);
    for (size_t i = 0; i < read.count; i++) {
        profile_check_element(&read.elements[i], i, &reporter);
    }
    CR_TRY(profile_tree_build(&read, arena, &reporter, &tree, err));
    CR_TRY(profile_check_files(&read, &tree, arena, &reporter, err));
    CR_TRY(profile_check_pins(&read, &tree, arena, &reporter, err));
    profile_check_applications(&read, &tree, &reporter);
    *result = d.result;
    return CR_OK;
}

void profile_finding_text(const struct profile_finding *finding, cr_buf *out)
{
    const struct profile_rule_row *rule = profile_rule(finding->rule);
    cr_buf_appendf(out, "%s: element %zu (%s",
                   finding->severity == PROFILE_ERROR ? "error" : "warning", finding->element + 1,
                   profile_kind_name(finding->kind));
    if (finding->has_identification) {
        cr_buf_appendf(out, ", id %lld", (long long)finding->identification);
    }
    cr_buf_appendf(out, ")%s%s: %s: %s [%s, %s]", finding->file ? " " : "",
                   finding->file ? finding->file : "", finding->what, rule->text, rule->id,
                   rule->clause);
}
