#include "lab/names.h"

#include "base/text.h"
#include "profile/template.h"

#include <stdio.h>

#define FID_MF      0x3F00
#define FID_CURRENT 0x7FFF
#define MIN_AID     5
#define MAX_ALIKE   4 /* places that a message names */

/* Applications by the beginning of their AIDs; the first of a base is what its name selects. */
static const struct application {
    const char *name;
    enum lab_base base;
    uint8_t size;
    uint8_t aid[LAB_MAX_AID];
} applications[] = {
    {"ADF.USIM", LAB_BASE_USIM, 7, {0xA0, 0, 0, 0, 0x87, 0x10, 0x02}},
    {"ADF.ISIM", LAB_BASE_ISIM, 7, {0xA0, 0, 0, 0, 0x87, 0x10, 0x04}},
    {"ADF.CSIM", LAB_BASE_CSIM, 7, {0xA0, 0, 0, 0x03, 0x43, 0x10, 0x02}},
    {"ISD-R",
     LAB_BASE_OTHER,
     16,
     {0xA0, 0, 0, 0x05, 0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0, 0, 1, 0}},
    {"ECASD",
     LAB_BASE_OTHER,
     16,
     {0xA0, 0, 0, 0x05, 0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0, 0, 2, 0}},
    {"ARA-M", LAB_BASE_OTHER, 9, {0xA0, 0, 0, 0x01, 0x51, 0x41, 0x43, 0x4C, 0}},
};

static const struct application *application_of(cr_span aid)
{
    for (size_t i = 0; i < CR_COUNT(applications); i++) {
        if (aid.n >= applications[i].size &&
            memcmp(aid.p, applications[i].aid, applications[i].size) == 0) {
            return &applications[i];
        }
    }
    return NULL;
}

const char *lab_application_name(size_t n)
{
    return n < CR_COUNT(applications) ? applications[n].name : NULL;
}

/* ---- places ------------------------------------------------------------------------------------
 */

struct lab_place lab_place_mf(void)
{
    return (struct lab_place){.base = LAB_BASE_MF};
}

struct lab_place lab_place_aid(cr_span aid)
{
    const struct application *row = application_of(aid);
    struct lab_place place = {.base = row ? row->base : LAB_BASE_OTHER};
    place.aid_size = (uint8_t)(aid.n < LAB_MAX_AID ? aid.n : LAB_MAX_AID);
    if (place.aid_size) {
        memcpy(place.aid, aid.p, place.aid_size);
    }
    return place;
}

bool lab_place_down(struct lab_place *place, uint16_t fid)
{
    if (place->depth == LAB_MAX_PATH) {
        return false;
    }
    place->fid[place->depth++] = fid;
    return true;
}

bool lab_place_up(struct lab_place *place)
{
    if (place->depth) {
        place->depth--;
        return true;
    }
    if (place->aid_size) {
        *place = lab_place_mf();
        return true;
    }
    return false;
}

bool lab_place_equal(const struct lab_place *a, const struct lab_place *b)
{
    return a->base == b->base && a->depth == b->depth && a->aid_size == b->aid_size &&
           memcmp(a->aid, b->aid, a->aid_size) == 0 &&
           memcmp(a->fid, b->fid, a->depth * sizeof(a->fid[0])) == 0;
}

/* ---- the tables --------------------------------------------------------------------------------
 */

typedef const struct profile_template_member *row_ptr;

/* Whether the files of a template stand below this base. */
static bool template_below(const struct profile_template *t, enum lab_base base)
{
    switch (t->kind) {
    case PROFILE_MF:
        return base == LAB_BASE_MF;
    case PROFILE_USIM:
        return base == LAB_BASE_USIM;
    case PROFILE_ISIM:
        return base == LAB_BASE_ISIM;
    case PROFILE_CSIM:
        return base == LAB_BASE_CSIM;
    default:
        break;
    }
    switch ((enum profile_base)t->base) {
    case PROFILE_BASE_MF:
        return base == LAB_BASE_MF;
    case PROFILE_BASE_USIM:
        return base == LAB_BASE_USIM;
    case PROFILE_BASE_ISIM:
        return base == LAB_BASE_ISIM;
    case PROFILE_BASE_CSIM:
        return base == LAB_BASE_CSIM;
    case PROFILE_BASE_NAA:
        return base != LAB_BASE_MF && base != LAB_BASE_OTHER;
    case PROFILE_BASE_NONE:
        break; /* the IoT profile: its files are those of MF and USIM */
    }
    return false;
}

static bool row_is_base(row_ptr row)
{
    return row->type == PROFILE_TYPE_MF || row->type == PROFILE_TYPE_ADF;
}

/* The rows from below the base down to a member; 0 when it is the base itself or has no fixed
 * place. */
static size_t chain_of(const struct profile_template *t, row_ptr row, row_ptr chain[LAB_MAX_PATH])
{
    row_ptr up[LAB_MAX_PATH];
    size_t n = 0;
    while (row && !row_is_base(row)) {
        if (n == LAB_MAX_PATH || !row->fid) {
            return 0;
        }
        up[n++] = row;
        row = row->parent ? profile_template_member(t, row->parent) : NULL;
    }
    for (size_t i = 0; i < n; i++) {
        chain[i] = up[n - 1 - i];
    }
    return n;
}

/* A range (of the phonebook, of icons) is where file ids come from when a package names none; real
 * ones name others, so that it tells nothing. */
static bool row_has_fid(row_ptr row, uint16_t fid)
{
    return fid == row->fid && !row->fid_last;
}

/* Walks over all rows whose parents are the first `depth` ids of place. */
struct walk {
    size_t template, row;
};

static row_ptr walk_next(struct walk *w, const struct lab_place *place, size_t depth)
{
    for (; w->template <profile_template_count; w->template ++, w->row = 0) {
        const struct profile_template *t = &profile_templates[w->template];
        const struct profile_template *later = t + 1;
        /* A later version has all rows of the earlier ones. */
        bool old = w->template + 1 < profile_template_count && later->arc == t->arc;
        if (old || !template_below(t, place->base)) {
            continue;
        }
        while (w->row < t->count) {
            row_ptr chain[LAB_MAX_PATH];
            row_ptr row = profile_template_member(t, (unsigned)w->row++ + 2);
            bool fits = row && !row->fid_last && chain_of(t, row, chain) == depth + 1;
            for (size_t i = 0; fits && i < depth; i++) {
                fits = row_has_fid(chain[i], place->fid[i]);
            }
            if (fits) {
                return row;
            }
        }
    }
    return NULL;
}

static row_ptr row_of(const struct lab_place *place)
{
    struct walk walk = {0};
    row_ptr row;
    if (!place->depth) {
        return NULL;
    }
    while ((row = walk_next(&walk, place, place->depth - 1u))) {
        if (row_has_fid(row, place->fid[place->depth - 1])) {
            return row;
        }
    }
    return NULL;
}

/* "ef-start-hfn" as people read it: "EF.START-HFN"; "df-df-5gs" is "DF.5GS". */
static void row_text(row_ptr row, char out[LAB_NAME])
{
    const char *name = row->name;
    const char *sort = profile_type_is_df(row->type) ? "DF" : "EF";
    for (int i = 0; i < 2 && (strncmp(name, "df-", 3) == 0 || strncmp(name, "ef-", 3) == 0); i++) {
        name += 3;
    }
    (void)snprintf(out, LAB_NAME, "%s.%s", sort, name);
    for (size_t i = 3; out[i]; i++) {
        out[i] = (char)(out[i] >= 'a' && out[i] <= 'z' ? out[i] - 'a' + 'A' : out[i]);
    }
}

/* ---- names -------------------------------------------------------------------------------------
 */

#define FID_TELECOM    0x7F10
#define FID_PHONEBOOK  0x5F3A
#define FID_GSM_ACCESS 0x5F3B
#define FID_5GS        0x5FC0
#define FID_SAIP       0x5FD0

enum profile_ef_place lab_ef_place(const struct lab_place *place)
{
    if (place->depth > 1) {
        switch (place->fid[place->depth - 2]) {
        case FID_TELECOM:
            return PROFILE_EF_TELECOM;
        case FID_5GS:
            return PROFILE_EF_5GS;
        case FID_SAIP:
            return PROFILE_EF_SAIP;
        case FID_PHONEBOOK:
            return PROFILE_EF_PHONEBOOK;
        case FID_GSM_ACCESS:
            return place->base == LAB_BASE_USIM ? PROFILE_EF_GSM_ACCESS : PROFILE_EF_OTHER;
        default:
            return PROFILE_EF_OTHER;
        }
    }
    switch (place->base) {
    case LAB_BASE_MF:
        return PROFILE_EF_MF;
    case LAB_BASE_USIM:
        return PROFILE_EF_USIM;
    case LAB_BASE_ISIM:
        return PROFILE_EF_ISIM;
    case LAB_BASE_CSIM:
        return PROFILE_EF_CSIM;
    case LAB_BASE_OTHER:
        break;
    }
    return PROFILE_EF_OTHER;
}

bool lab_place_known(const struct lab_place *place)
{
    if (!place->depth) {
        return place->base != LAB_BASE_OTHER ||
               application_of(cr_span_of(place->aid, place->aid_size)) != NULL;
    }
    return row_of(place) || profile_ef_name(lab_ef_place(place), place->fid[place->depth - 1]);
}

const char *lab_file_name(const struct lab_place *place, char out[LAB_NAME])
{
    if (!place->depth) {
        const struct application *row = application_of(cr_span_of(place->aid, place->aid_size));
        if (place->base == LAB_BASE_MF) {
            (void)snprintf(out, LAB_NAME, "MF");
        } else if (row) {
            (void)snprintf(out, LAB_NAME, "%s", row->name);
        } else {
            (void)cr_hex_into(out, LAB_NAME, cr_span_of(place->aid, place->aid_size));
        }
        return out;
    }
    uint16_t fid = place->fid[place->depth - 1];
    const char *known = profile_ef_name(lab_ef_place(place), fid);
    row_ptr row = row_of(place);
    if (known) {
        (void)snprintf(out, LAB_NAME, "%s", known);
    } else if (row) {
        row_text(row, out);
    } else {
        (void)snprintf(out, LAB_NAME, "%04X", fid);
    }
    return out;
}

const char *lab_place_text(const struct lab_place *place, char out[LAB_PATH_TEXT])
{
    struct lab_place at = *place;
    char name[LAB_NAME];
    size_t n = 0;
    bool application = place->base != LAB_BASE_MF;
    out[0] = 0;
    for (size_t depth = 0; depth <= place->depth; depth++) {
        at.depth = (uint8_t)depth;
        bool lone = application && depth == 0 && place->base == LAB_BASE_OTHER;
        int wrote =
            snprintf(out + n, LAB_PATH_TEXT - n, "%s%s%s", depth ? "/" : "",
                     application && depth == 0 && !lone ? "MF/" : "", lab_file_name(&at, name));
        n += wrote > 0 ? (size_t)wrote : 0;
        if (n >= LAB_PATH_TEXT) {
            break;
        }
    }
    return out;
}

bool lab_place_next_name(const struct lab_place *df, size_t *cursor, char out[LAB_NAME])
{
    /* The cursor is both counters of the walk in one number. */
    struct walk walk = {.template = *cursor >> 16, .row = *cursor & 0xFFFF};
    row_ptr row = df->depth < LAB_MAX_PATH ? walk_next(&walk, df, df->depth) : NULL;
    *cursor = walk.template << 16 | walk.row;
    if (!row) {
        return false;
    }
    struct lab_place child = *df;
    (void)lab_place_down(&child, row->fid);
    (void)lab_file_name(&child, out);
    return true;
}

/* ---- what people write -------------------------------------------------------------------------
 */

/* Lower case without the dividers, and without "ef", "df" or "adf" and a dot in front. */
static void plain(cr_span text, char out[LAB_NAME])
{
    static const char *const sorts[] = {"ef.", "df.", "adf.", "ef-", "df-", "adf-"};
    size_t n = 0;
    for (size_t i = 0; i < CR_COUNT(sorts); i++) {
        size_t length = strlen(sorts[i]);
        if (text.n > length &&
            cr_span_equal_nocase(cr_span_sub(text, 0, length), cr_span_str(sorts[i]))) {
            text = cr_span_sub(text, length, text.n);
            break;
        }
    }
    for (size_t i = 0; i < text.n && n + 1 < LAB_NAME; i++) {
        uint8_t c = text.p[i];
        if (c == '-' || c == '_' || c == '.' || c == ' ') {
            continue;
        }
        out[n++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    out[n] = 0;
}

static bool same_name(cr_span text, const char *name)
{
    char a[LAB_NAME];
    char b[LAB_NAME];
    plain(text, a);
    plain(cr_span_str(name), b);
    return a[0] && strcmp(a, b) == 0;
}

static bool fid_of(cr_span word, uint16_t *fid)
{
    uint8_t bytes[2];
    if (word.n != 4 || !cr_hex_fixed(bytes, 2, word)) {
        return false;
    }
    *fid = (uint16_t)(bytes[0] << 8 | bytes[1]);
    return true;
}

/* An application by name or AID. */
static bool application_parse(cr_span word, struct lab_place *out)
{
    uint8_t aid[LAB_MAX_AID];
    for (size_t i = 0; i < CR_COUNT(applications); i++) {
        if (same_name(word, applications[i].name)) {
            *out = lab_place_aid(cr_span_of(applications[i].aid, applications[i].size));
            return true;
        }
    }
    if (word.n % 2 == 0 && word.n >= (size_t)2 * MIN_AID && word.n <= (size_t)2 * LAB_MAX_AID &&
        cr_hex_fixed(aid, word.n / 2, word)) {
        *out = lab_place_aid(cr_span_of(aid, word.n / 2));
        return true;
    }
    return false;
}

/* The place of files right below a DF, for the table of known files. */
static enum profile_ef_place place_below(const struct lab_place *df)
{
    struct lab_place child = *df;
    return lab_place_down(&child, 0) ? lab_ef_place(&child) : PROFILE_EF_OTHER;
}

/* A child by name. */
static bool child_named(const struct lab_place *df, cr_span word, struct lab_place *out)
{
    struct walk walk = {0};
    row_ptr row;
    while (df->depth < LAB_MAX_PATH && (row = walk_next(&walk, df, df->depth))) {
        char name[LAB_NAME];
        char table_name[LAB_NAME];
        struct lab_place child = *df;
        (void)lab_place_down(&child, row->fid);
        row_text(row, table_name);
        if (same_name(word, table_name) || same_name(word, lab_file_name(&child, name))) {
            *out = child;
            return true;
        }
    }
    /* Files that no template has, such as EF.ADN of DF.TELECOM. */
    const char *known;
    uint16_t fid = 0;
    for (size_t cursor = 0; (known = profile_ef_next(place_below(df), &cursor, &fid));) {
        struct lab_place child = *df;
        if (same_name(word, known) && lab_place_down(&child, fid)) {
            *out = child;
            return true;
        }
    }
    return false;
}

/* Everywhere below a base, the base's own files first. */
struct search {
    cr_span word;
    struct lab_place found[MAX_ALIKE];
    size_t count;
};

static void search_below(struct search *s, const struct lab_place *df)
{
    struct lab_place found;
    struct walk walk = {0};
    row_ptr row;
    if (child_named(df, s->word, &found)) {
        bool twice = false;
        for (size_t i = 0; i < s->count && i < MAX_ALIKE; i++) {
            twice = twice || lab_place_equal(&s->found[i], &found);
        }
        if (!twice) {
            if (s->count < MAX_ALIKE) {
                s->found[s->count] = found;
            }
            s->count++;
        }
    }
    while (df->depth + 1 < LAB_MAX_PATH && (row = walk_next(&walk, df, df->depth))) {
        struct lab_place below = *df;
        if (profile_type_is_df(row->type) && lab_place_down(&below, row->fid)) {
            search_below(s, &below);
        }
    }
}

static cr_status search_all(cr_span word, struct lab_place *out, struct cr_err *err)
{
    struct search s = {.word = word};
    struct lab_place base = lab_place_mf();
    search_below(&s, &base);
    /* What the USIM has is meant, rather than the same file of the ISIM or CSIM. */
    for (size_t i = 0; i < CR_COUNT(applications); i++) {
        bool first = applications[i].base == LAB_BASE_USIM;
        if (applications[i].base != LAB_BASE_OTHER && (first || s.count == 0)) {
            base = lab_place_aid(cr_span_of(applications[i].aid, applications[i].size));
            search_below(&s, &base);
        }
    }
    if (s.count == 1) {
        *out = s.found[0];
        return CR_OK;
    }
    int n = (int)(word.n < LAB_NAME ? word.n : LAB_NAME);
    if (s.count == 0) {
        cr_status status =
            cr_fail(err, CR_REFUSED, NULL, "no file is called '%.*s'", n, (const char *)word.p);
        return cr_err_next(err, status,
                           "give its file id in hex, or a path such as "
                           "MF/ADF.USIM/EF.IMSI or 3F00/7F10/6F3A");
    }
    char first[LAB_PATH_TEXT];
    char second[LAB_PATH_TEXT];
    cr_status status =
        cr_fail(err, CR_REFUSED, NULL, "several files are called '%.*s'", n, (const char *)word.p);
    return cr_err_next(err, status, "say which one: %.90s or %.90s",
                       lab_place_text(&s.found[0], first), lab_place_text(&s.found[1], second));
}

/* A word without a path: seen from the current place first. */
static cr_status parse_lone(cr_span word, const struct lab_place *current, struct lab_place *out,
                            struct cr_err *err)
{
    uint16_t fid;
    if (fid_of(word, &fid)) {
        struct lab_place place = current ? *current : lab_place_mf();
        struct lab_place child = place;
        if (fid == FID_CURRENT || !lab_place_down(&child, fid)) {
            return cr_fail(err, CR_REFUSED, NULL, "%04X needs a selected application", fid);
        }
        *out = child;
        return CR_OK;
    }
    for (struct lab_place at = current ? *current : lab_place_mf(); current;) {
        if (child_named(&at, word, out)) {
            return CR_OK;
        }
        if (!lab_place_up(&at)) {
            break;
        }
    }
    return search_all(word, out, err);
}

cr_status lab_place_parse(cr_span text, const struct lab_place *current, struct lab_place *out,
                          struct cr_err *err)
{
    struct lab_place place = current ? *current : lab_place_mf();
    struct lab_place base = place;
    bool first = true;
    cr_span rest = text;
    if (text.n == 0) {
        return cr_fail(err, CR_MALFORMED, NULL, "the name of a file is missing");
    }
    if (text.p[0] == '/') {
        place = lab_place_mf();
        rest = cr_span_sub(text, 1, text.n);
        first = false;
    }
    while (rest.n > 0) {
        const uint8_t *slash = memchr(rest.p, '/', rest.n);
        cr_span word = cr_span_sub(rest, 0, slash ? (size_t)(slash - rest.p) : rest.n);
        struct lab_place next;
        uint16_t fid = 0;
        rest = cr_span_sub(rest, word.n + (slash ? 1 : 0), rest.n);
        bool hex = fid_of(word, &fid);
        bool top = place.base == LAB_BASE_MF && place.depth == 0;
        if (word.n == 0) {
            return cr_fail(err, CR_MALFORMED, NULL, "'%.*s' has an empty name in it",
                           (int)(text.n < 80 ? text.n : 80), (const char *)text.p);
        }
        if (first && (same_name(word, "MF") || (hex && fid == FID_MF))) {
            next = lab_place_mf();
        } else if (first && hex && fid == FID_CURRENT && base.aid_size) {
            next = base;
            next.depth = 0;
        } else if ((first || top) && application_parse(word, &next)) {
            /* taken */
        } else if (first && rest.n == 0) {
            CR_TRY(parse_lone(word, current, &next, err));
        } else if (hex) {
            next = place;
            if (!lab_place_down(&next, fid)) {
                return cr_fail(err, CR_MALFORMED, NULL, "a path has at most %d steps",
                               LAB_MAX_PATH);
            }
        } else if (!child_named(&place, word, &next)) {
            char where[LAB_PATH_TEXT];
            cr_status status =
                cr_fail(err, CR_REFUSED, NULL, "no file below %.80s is called '%.*s'",
                        lab_place_text(&place, where), (int)(word.n < LAB_NAME ? word.n : LAB_NAME),
                        (const char *)word.p);
            return cr_err_next(err, status, "give its file id in hex");
        }
        place = next;
        first = false;
    }
    *out = place;
    return CR_OK;
}
