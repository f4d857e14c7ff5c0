#include "uicc/pin.h"

/* Keys: k context reference = a PIN, s context = whose local PINs it shares, u 0000 reference = a
 * PUK. */
#define PIN_RECORD 12
#define PUK_RECORD 9
#define MAX_SHARES 4 /* shares of shares that are followed */

static cr_status refuse(struct cr_err *err, const char *field, const char *cause)
{
    cr_status status = cr_fail(err, CR_REFUSED, "TS 102 221 9.5", "%s", cause);
    return cr_err_code(err, cr_err_field(err, status, field), UICC_SW_WRONG_DATA);
}

static bool is_local(uint8_t reference)
{
    return (reference & 0x80) != 0;
}

static bool is_adm(uint8_t reference)
{
    uint8_t low = reference & 0x7F;
    return low >= 0x0A && low <= 0x0E;
}

/* 01-08, 0A-0E, 11, 81-88, 8A-8E. */
static bool reference_valid(uint8_t reference)
{
    uint8_t low = reference & 0x7F;
    return (low >= 1 && low <= 8) || is_adm(reference) || reference == UICC_PIN_UNIVERSAL;
}

/* TS 102 221 9.5.1: an application PIN has four to eight decimal digits, padded with FF. What an
 * administrator's key holds is up to them. */
static bool value_valid(uint8_t reference, cr_span value)
{
    size_t digits = 0;
    while (digits < value.n && value.p[digits] >= '0' && value.p[digits] <= '9') {
        digits++;
    }
    size_t padded = digits;
    while (padded < value.n && value.p[padded] == 0xFF) {
        padded++;
    }
    return is_adm(reference) || (digits >= 4 && padded == value.n);
}

static bool tries_valid(uint8_t max, uint8_t left)
{
    return max >= 1 && max <= 15 && left <= max;
}

/* --- records -----------------------------------------------------------------------------------
 */

/* The context that holds the PINs of a DF: the target of a link, whom it shares with. */
static uicc_file context_of(const struct uicc_fs *fs, uicc_file df)
{
    struct uicc_file_attr a;
    if (uicc_fs_attr(fs, df, &a) && a.link) {
        df = a.link;
    }
    char key[UICC_KEY_SIZE];
    for (int i = 0; i < MAX_SHARES; i++) {
        cr_span v = nvm_get(fs->nvm, uicc_fs_key(fs, key, 's', df, -1));
        if (v.n != 2) {
            break;
        }
        df = (uicc_file)(v.p[0] << 8 | v.p[1]);
    }
    return df;
}

static cr_status pin_put(const struct uicc_fs *fs, uicc_file context, const struct uicc_pin *pin,
                         struct cr_err *err)
{
    uint8_t record[PIN_RECORD];
    memcpy(record, pin->value, UICC_PIN_SIZE);
    record[8] = pin->unblock_reference;
    record[9] = pin->attributes;
    record[10] = (uint8_t)(pin->max << 4 | pin->left);
    record[11] = pin->replacement;
    char key[UICC_KEY_SIZE];
    cr_status status = nvm_put(fs->nvm, uicc_fs_key(fs, key, 'k', context, pin->reference),
                               CR_SPAN_ARRAY(record), err);
    cr_wipe(record, sizeof record);
    return status;
}

static bool pin_load(const struct uicc_fs *fs, uicc_file context, uint8_t reference,
                     struct uicc_pin *pin)
{
    char key[UICC_KEY_SIZE];
    cr_span v = nvm_get(fs->nvm, uicc_fs_key(fs, key, 'k', context, reference));
    if (v.n != PIN_RECORD) {
        return false;
    }
    memcpy(pin->value, v.p, UICC_PIN_SIZE);
    pin->reference = reference;
    pin->unblock_reference = v.p[8];
    pin->attributes = v.p[9];
    pin->max = v.p[10] >> 4;
    pin->left = v.p[10] & 0x0F;
    pin->replacement = v.p[11];
    return true;
}

static cr_status puk_put(const struct uicc_fs *fs, const struct uicc_puk *puk, struct cr_err *err)
{
    uint8_t record[PUK_RECORD];
    memcpy(record, puk->value, UICC_PIN_SIZE);
    record[8] = (uint8_t)(puk->max << 4 | puk->left);
    char key[UICC_KEY_SIZE];
    cr_status status =
        nvm_put(fs->nvm, uicc_fs_key(fs, key, 'u', 0, puk->reference), CR_SPAN_ARRAY(record), err);
    cr_wipe(record, sizeof record);
    return status;
}

cr_status uicc_pin_create(const struct uicc_fs *fs, uicc_file context, const struct uicc_pin *pin,
                          struct cr_err *err)
{
    struct uicc_file_attr a;
    if (!uicc_fs_attr(fs, context, &a) || !uicc_kind_is_df(a.kind)) {
        return refuse(err, "filePath", "the context of a PIN is the MF, a DF or an ADF");
    }
    if (!reference_valid(pin->reference) || (a.kind != UICC_MF && !is_local(pin->reference)) ||
        (a.kind == UICC_MF && is_local(pin->reference) && !is_adm(pin->reference))) {
        return refuse(err, "keyReference", "the reference does not belong into this context");
    }
    if (!tries_valid(pin->max, pin->left)) {
        return refuse(err, "maxNumOfAttemps-retryNumLeft", "the counter is impossible");
    }
    return pin_put(fs, context, pin, err);
}

cr_status uicc_pin_share(const struct uicc_fs *fs, uicc_file context, uicc_file source,
                         struct cr_err *err)
{
    struct uicc_file_attr a, b;
    if (!uicc_fs_attr(fs, context, &a) || !uicc_fs_attr(fs, source, &b) ||
        !uicc_kind_is_df(a.kind) || !uicc_kind_is_df(b.kind)) {
        return refuse(err, "filePath", "PINs are shared between existing DFs");
    }
    uicc_file at = context_of(fs, source);
    if (at == context) {
        return refuse(err, "filePath", "a DF cannot share its PINs with itself");
    }
    uint8_t record[2] = {(uint8_t)(at >> 8), (uint8_t)at};
    char key[UICC_KEY_SIZE];
    return nvm_put(fs->nvm, uicc_fs_key(fs, key, 's', context, -1), CR_SPAN_ARRAY(record), err);
}

cr_status uicc_puk_create(const struct uicc_fs *fs, const struct uicc_puk *puk, struct cr_err *err)
{
    uint8_t low = puk->reference & 0x7F;
    if (low < 1 || low > 0x11) {
        return refuse(err, "keyReference", "there is no such unblocking PIN");
    }
    if (!tries_valid(puk->max, puk->left)) {
        return refuse(err, "maxNumOfAttemps-retryNumLeft", "the counter is impossible");
    }
    return puk_put(fs, puk, err);
}

bool uicc_pin_get(const struct uicc_fs *fs, uicc_file context, uint8_t reference,
                  struct uicc_pin *pin)
{
    return pin_load(fs, context_of(fs, context), reference, pin);
}

bool uicc_puk_get(const struct uicc_fs *fs, uint8_t reference, struct uicc_puk *puk)
{
    char key[UICC_KEY_SIZE];
    cr_span v = nvm_get(fs->nvm, uicc_fs_key(fs, key, 'u', 0, reference));
    if (v.n != PUK_RECORD) {
        return false;
    }
    memcpy(puk->value, v.p, UICC_PIN_SIZE);
    puk->reference = reference;
    puk->max = v.p[8] >> 4;
    puk->left = v.p[8] & 0x0F;
    return true;
}

uicc_file uicc_pin_context(const struct uicc_fs *fs, const struct uicc_path *path,
                           uint8_t reference)
{
    char key[UICC_KEY_SIZE];
    uint8_t lookups = is_local(reference) ? path->depth : path->depth > 0;
    for (uint8_t i = lookups; i-- > 0;) {
        uicc_file context = context_of(fs, path->df[i]);
        if (nvm_get(fs->nvm, uicc_fs_key(fs, key, 'k', context, reference)).p) {
            return context;
        }
    }
    return 0;
}

/* --- what has been verified --------------------------------------------------------------------
 */

static int session_find(const struct uicc_pin_session *s, uicc_file context, uint8_t reference)
{
    for (int i = 0; i < s->count; i++) {
        if (s->verified[i].context == context && s->verified[i].reference == reference) {
            return i;
        }
    }
    return -1;
}

static void session_remove(struct uicc_pin_session *s, int at)
{
    if (at >= 0) {
        s->count--;
        memmove(&s->verified[at], &s->verified[at + 1],
                (size_t)(s->count - at) * sizeof s->verified[0]);
    }
}

static void session_clear(struct uicc_pin_session *s, uicc_file context, uint8_t reference)
{
    session_remove(s, session_find(s, context, reference));
}

static void session_add(struct uicc_pin_session *s, uicc_file context, uint8_t reference)
{
    if (session_find(s, context, reference) >= 0) {
        return;
    }
    if (s->count == UICC_MAX_VERIFIED) {
        session_remove(s, 0);
    }
    s->verified[s->count].context = context;
    s->verified[s->count].reference = reference;
    s->count++;
}

void uicc_pin_forget(struct uicc_pin_session *session, uicc_file context)
{
    for (int i = session->count; i-- > 0;) {
        if (session->verified[i].context == context) {
            session_remove(session, i);
        }
    }
}

/* One look at a reference: YES and NO are final, else the replacement decides. */
static bool met_or_replaced(const struct uicc_fs *fs, const struct uicc_pin_session *session,
                            const struct uicc_path *path, uint8_t reference, uint8_t *replacement)
{
    struct uicc_pin pin;
    *replacement = 0;
    uicc_file context = uicc_pin_context(fs, path, reference);
    if (!context || !pin_load(fs, context, reference, &pin)) {
        return false;
    }
    bool enabled = (pin.attributes & UICC_PIN_ENABLED) != 0;
    *replacement = enabled ? 0 : pin.replacement;
    cr_wipe(&pin, sizeof pin);
    return enabled ? session_find(session, context, reference) >= 0 : *replacement == 0;
}

bool uicc_pin_met(const struct uicc_fs *fs, const struct uicc_pin_session *session,
                  const struct uicc_path *path, uint8_t reference)
{
    uint8_t replacement;
    if (met_or_replaced(fs, session, path, reference, &replacement)) {
        return true;
    }
    /* A replacement that is replaced itself protects nothing and is never met. */
    uint8_t again;
    return replacement && met_or_replaced(fs, session, path, replacement, &again);
}

/* --- commands ----------------------------------------------------------------------------------
 */

static uicc_sw pin_find(const struct uicc_fs *fs, const struct uicc_path *path, uint8_t reference,
                        uicc_file *context, struct uicc_pin *pin)
{
    *context = uicc_pin_context(fs, path, reference);
    return *context && pin_load(fs, *context, reference, pin) ? UICC_SW_OK : UICC_SW_NO_REFERENCE;
}

/* Stores a changed PIN; what the answer becomes when that works. */
static uicc_sw pin_store(const struct uicc_fs *fs, uicc_file context, const struct uicc_pin *pin,
                         uicc_sw sw)
{
    return pin_put(fs, context, pin, NULL) == CR_OK ? sw : UICC_SW_MEMORY;
}

/* Compares and counts a failure. 9000: equal, counter in *pin reset but not stored yet. */
static uicc_sw pin_compare(const struct uicc_fs *fs, struct uicc_pin_session *session,
                           uicc_file context, struct uicc_pin *pin, cr_span value)
{
    if (pin->left == 0) {
        return UICC_SW_BLOCKED;
    }
    if (!cr_span_equal_ct(value, CR_SPAN_ARRAY(pin->value))) {
        pin->left--;
        session_clear(session, context, pin->reference);
        return pin_store(fs, context, pin, UICC_SW_RETRIES | pin->left);
    }
    pin->left = pin->max;
    return UICC_SW_OK;
}

uicc_sw uicc_pin_verify(const struct uicc_fs *fs, struct uicc_pin_session *session,
                        const struct uicc_path *path, uint8_t reference, cr_span data)
{
    struct uicc_pin pin;
    uicc_file context;
    if (data.n != 0 && data.n != UICC_PIN_SIZE) {
        return UICC_SW_WRONG_LENGTH;
    }
    uicc_sw sw = pin_find(fs, path, reference, &context, &pin);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (data.n == 0) {
        sw = UICC_SW_RETRIES | pin.left;
    } else if (!(pin.attributes & UICC_PIN_ENABLED)) {
        sw = UICC_SW_INVALIDATED;
    } else {
        uint8_t before = pin.left;
        sw = pin_compare(fs, session, context, &pin, data);
        if (sw == UICC_SW_OK && pin.left != before) {
            sw = pin_store(fs, context, &pin, UICC_SW_OK);
        }
        if (sw == UICC_SW_OK) {
            session_add(session, context, reference);
        }
    }
    cr_wipe(&pin, sizeof pin);
    return sw;
}

uicc_sw uicc_pin_change(const struct uicc_fs *fs, struct uicc_pin_session *session,
                        const struct uicc_path *path, uint8_t reference, cr_span data)
{
    struct uicc_pin pin;
    uicc_file context;
    if (data.n != (size_t)2 * UICC_PIN_SIZE) {
        return UICC_SW_WRONG_LENGTH;
    }
    uicc_sw sw = pin_find(fs, path, reference, &context, &pin);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (!(pin.attributes & UICC_PIN_ENABLED)) {
        sw = UICC_SW_INVALIDATED;
    } else if (!(pin.attributes & UICC_PIN_CHANGEABLE)) {
        sw = UICC_SW_CONDITIONS;
    } else if (!value_valid(reference, cr_span_sub(data, UICC_PIN_SIZE, UICC_PIN_SIZE))) {
        sw = UICC_SW_WRONG_DATA;
    } else {
        sw = pin_compare(fs, session, context, &pin, cr_span_sub(data, 0, UICC_PIN_SIZE));
        if (sw == UICC_SW_OK) {
            memcpy(pin.value, data.p + UICC_PIN_SIZE, UICC_PIN_SIZE);
            sw = pin_store(fs, context, &pin, UICC_SW_OK);
        }
        if (sw == UICC_SW_OK) {
            session_add(session, context, reference);
        }
    }
    cr_wipe(&pin, sizeof pin);
    return sw;
}

/* P1 of DISABLE PIN: 00, or 80 | the global PIN that takes over, which has to be enabled. A key of
 * an administrator is no PIN. */
static uicc_sw replacement_of(const struct uicc_fs *fs, const struct uicc_path *path, uint8_t p1,
                              uint8_t reference, uint8_t *out)
{
    struct uicc_pin pin;
    uicc_file context;
    *out = p1 & 0x7F;
    if (p1 == 0) {
        return UICC_SW_OK;
    }
    if (p1 < 0x80 || *out == 0 || *out == reference || !reference_valid(*out) || is_adm(*out)) {
        return UICC_SW_WRONG_P1P2;
    }
    uicc_sw sw = pin_find(fs, path, *out, &context, &pin);
    if (sw == UICC_SW_OK && !(pin.attributes & UICC_PIN_ENABLED)) {
        sw = UICC_SW_CONDITIONS;
    }
    cr_wipe(&pin, sizeof pin);
    return sw;
}

uicc_sw uicc_pin_disable(const struct uicc_fs *fs, struct uicc_pin_session *session,
                         const struct uicc_path *path, uint8_t reference, uint8_t p1, cr_span data)
{
    struct uicc_pin pin;
    uicc_file context;
    uint8_t replacement;
    if (data.n != UICC_PIN_SIZE) {
        return UICC_SW_WRONG_LENGTH;
    }
    uicc_sw sw = replacement_of(fs, path, p1, reference, &replacement);
    if (sw == UICC_SW_OK) {
        sw = pin_find(fs, path, reference, &context, &pin);
    }
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (!(pin.attributes & UICC_PIN_ENABLED)) {
        sw = UICC_SW_INVALIDATED;
    } else if (!(pin.attributes & UICC_PIN_DISABLEABLE)) {
        sw = UICC_SW_CONDITIONS;
    } else {
        sw = pin_compare(fs, session, context, &pin, data);
        if (sw == UICC_SW_OK) {
            pin.attributes &= (uint8_t)~UICC_PIN_ENABLED;
            pin.replacement = replacement;
            sw = pin_store(fs, context, &pin, UICC_SW_OK);
        }
    }
    cr_wipe(&pin, sizeof pin);
    return sw;
}

uicc_sw uicc_pin_enable(const struct uicc_fs *fs, struct uicc_pin_session *session,
                        const struct uicc_path *path, uint8_t reference, cr_span data)
{
    struct uicc_pin pin;
    uicc_file context;
    if (data.n != UICC_PIN_SIZE) {
        return UICC_SW_WRONG_LENGTH;
    }
    uicc_sw sw = pin_find(fs, path, reference, &context, &pin);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (pin.attributes & UICC_PIN_ENABLED) {
        sw = UICC_SW_CONDITIONS;
    } else {
        sw = pin_compare(fs, session, context, &pin, data);
        if (sw == UICC_SW_OK) {
            pin.attributes |= UICC_PIN_ENABLED;
            pin.replacement = 0;
            sw = pin_store(fs, context, &pin, UICC_SW_OK);
        }
        if (sw == UICC_SW_OK) {
            session_add(session, context, reference);
        }
    }
    cr_wipe(&pin, sizeof pin);
    return sw;
}

/* Compares the PUK and counts; 9000: right. */
static uicc_sw puk_compare(const struct uicc_fs *fs, struct uicc_puk *puk, cr_span value)
{
    if (puk->left == 0) {
        return UICC_SW_BLOCKED;
    }
    bool equal = cr_span_equal_ct(value, CR_SPAN_ARRAY(puk->value));
    puk->left = equal ? puk->max : (uint8_t)(puk->left - 1);
    uicc_sw sw = equal ? UICC_SW_OK : (uicc_sw)(UICC_SW_RETRIES | puk->left);
    return puk_put(fs, puk, NULL) == CR_OK ? sw : UICC_SW_MEMORY;
}

uicc_sw uicc_pin_unblock(const struct uicc_fs *fs, struct uicc_pin_session *session,
                         const struct uicc_path *path, uint8_t reference, cr_span data)
{
    struct uicc_pin pin;
    struct uicc_puk puk;
    uicc_file context;
    if (data.n != 0 && data.n != (size_t)2 * UICC_PIN_SIZE) {
        return UICC_SW_WRONG_LENGTH;
    }
    uicc_sw sw = pin_find(fs, path, reference, &context, &pin);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    if (pin.unblock_reference == 0 || !uicc_puk_get(fs, pin.unblock_reference, &puk)) {
        cr_wipe(&pin, sizeof pin);
        return UICC_SW_NO_REFERENCE;
    }
    if (data.n == 0) {
        sw = UICC_SW_RETRIES | puk.left;
    } else if (!value_valid(reference, cr_span_sub(data, UICC_PIN_SIZE, UICC_PIN_SIZE))) {
        sw = UICC_SW_WRONG_DATA;
    } else {
        sw = puk_compare(fs, &puk, cr_span_sub(data, 0, UICC_PIN_SIZE));
        if (sw == UICC_SW_OK) {
            memcpy(pin.value, data.p + UICC_PIN_SIZE, UICC_PIN_SIZE);
            pin.left = pin.max;
            pin.attributes |= UICC_PIN_ENABLED;
            pin.replacement = 0;
            sw = pin_store(fs, context, &pin, UICC_SW_OK);
        }
        if (sw == UICC_SW_OK) {
            session_add(session, context, reference);
        }
    }
    cr_wipe(&pin, sizeof pin);
    cr_wipe(&puk, sizeof puk);
    return sw;
}
