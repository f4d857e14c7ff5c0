#include "rsp/activation_code.h"

#include "asn1/der.h"
#include "base/text.h"

#define CLAUSE "SGP.22 4.1"

#define DELIMITER '$'
#define FIELDS    7 /* format, address, token, OID, flag, CI indicator, delete notification */

enum { FORMAT, ADDRESS, TOKEN, SMDP_OID, FLAG, CI_INDICATOR, DELETE_NOTIFICATION };

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static cr_span trim(cr_span s)
{
    while (s.n && is_space(s.p[0])) {
        s = cr_span_sub(s, 1, s.n);
    }
    while (s.n && is_space(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

static bool skip_nocase(cr_span *s, const char *prefix)
{
    cr_span p = cr_span_str(prefix);
    if (s->n < p.n || !cr_span_equal_nocase(cr_span_sub(*s, 0, p.n), p)) {
        return false;
    }
    *s = cr_span_sub(*s, p.n, s->n);
    return true;
}

static cr_status bad(struct cr_err *err, const char *field, const char *cause, const char *next)
{
    cr_status status = cr_fail(err, CR_MALFORMED, CLAUSE, "%s", cause);
    (void)cr_err_field(err, status, field);
    return next ? cr_err_next(err, status, "%s", next) : status;
}

/* ---- carrier URLs ---- */

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

static cr_status percent_decode(cr_span in, cr_arena *arena, cr_span *out, struct cr_err *err)
{
    uint8_t *to = cr_arena_alloc(arena, in.n);
    if (!to) {
        return cr_fail_memory(err);
    }
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = in.p[i];
        if (c == '%') {
            int high = i + 1 < in.n ? hex_digit(in.p[i + 1]) : -1;
            int low = i + 2 < in.n ? hex_digit(in.p[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return bad(err, "carddata", "a '%' in the URL without two hexadecimal digits",
                           NULL);
            }
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        to[n++] = c;
    }
    *out = cr_span_of(to, n);
    return CR_OK;
}

/* The value of carddata= in the query of a URL. */
static cr_status carrier_url(cr_span url, cr_arena *arena, cr_span *out, struct cr_err *err)
{
    for (size_t i = 0; i < url.n; i++) {
        cr_span rest = cr_span_sub(url, i + 1, url.n);
        if ((url.p[i] != '?' && url.p[i] != '&') || !skip_nocase(&rest, "carddata=")) {
            continue;
        }
        size_t n = 0;
        while (n < rest.n && rest.p[n] != '&' && rest.p[n] != '#') {
            n++;
        }
        return percent_decode(cr_span_sub(rest, 0, n), arena, out, err);
    }
    return bad(err, "carddata",
               "this is a web address without an activation code (carddata=) in it",
               "give the text behind the QR code: 1$<SM-DP+ address>$<MatchingID>");
}

/* ---- fields ---- */

static size_t split(cr_span text, cr_span fields[FIELDS])
{
    size_t count = 0;
    size_t from = 0;
    for (size_t i = 0; i <= text.n; i++) {
        if (i < text.n && text.p[i] != DELIMITER) {
            continue;
        }
        if (count < FIELDS) { /* later versions may add fields: ignored */
            fields[count] = trim(cr_span_sub(text, from, i - from));
            count++;
        }
        from = i + 1;
    }
    return count;
}

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

bool rsp_address_valid(cr_span s)
{
    size_t host = 0;
    while (host < s.n && s.p[host] != ':') {
        uint8_t c = s.p[host];
        if (!is_alnum(c) && c != '.' && c != '-' && c != '_') {
            return false;
        }
        host++;
    }
    cr_span port = cr_span_sub(s, host + 1, s.n);
    return host > 0 && (host == s.n || (port.n <= 5 && cr_is_digits(port)));
}

static cr_status check_address(cr_span address, struct cr_err *err)
{
    if (address.n == 0) {
        return bad(err, "SM-DP+ Address", "the activation code has no SM-DP+ address",
                   "ask the operator for a complete code");
    }
    cr_span rest = address;
    if (skip_nocase(&rest, "http://") || skip_nocase(&rest, "https://")) {
        return bad(err, "SM-DP+ Address", "the SM-DP+ address is written with http(s)://",
                   "give the host name alone");
    }
    if (!rsp_address_valid(address)) {
        return bad(err, "SM-DP+ Address", "the SM-DP+ address is no host name",
                   "give the host name alone, without path and spaces");
    }
    return CR_OK;
}

static bool is_visible(cr_span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= 0x20 || s.p[i] == 0x7F) {
            return false;
        }
    }
    return true;
}

cr_status rsp_matching_id_check(cr_span token, struct cr_err *err)
{
    if (token.n > RSP_MATCHING_ID_MAX) {
        return bad(err, "AC_Token", "the MatchingID is too long", NULL);
    }
    if (!is_visible(token) || !cr_utf8_valid(token)) {
        return bad(err, "AC_Token", "the MatchingID has a space or a control character inside",
                   "the code was probably copied with a line break: join the parts");
    }
    return CR_OK;
}

static cr_status check_oid(cr_span oid, struct cr_err *err)
{
    cr_buf contents = {0};
    cr_status status = der_oid_from_text(&contents, oid, NULL);
    cr_buf_free(&contents);
    if (status == CR_OK) {
        return CR_OK;
    }
    return bad(err, "SM-DP+ OID", "the fourth field is no OID (digits and dots)",
               "the confirmation code flag is the fifth field: leave the fourth one empty, $$1");
}

static cr_status check_rest(const cr_span fields[FIELDS], struct cr_err *err)
{
    cr_span flag = fields[FLAG];
    if (flag.n > 1 || (flag.n == 1 && flag.p[0] != '0' && flag.p[0] != '1')) {
        return bad(err, "Confirmation Code Required Flag",
                   "the confirmation code flag is neither 1 nor empty", NULL);
    }
    for (size_t i = 0; i < fields[CI_INDICATOR].n; i++) {
        uint8_t c = fields[CI_INDICATOR].p[i];
        if (hex_digit(c) < 0 && c != '-') {
            return bad(err, "CI Public Key Indicator",
                       "the CI public key indicator is not hexadecimal", NULL);
        }
    }
    return CR_OK;
}

static cr_span not_empty(cr_span s)
{
    return s.n ? s : (cr_span){0};
}

/* What is no activation code at all, said in words that help. */
static cr_status check_shape(const cr_span fields[FIELDS], size_t count, struct cr_err *err)
{
    cr_span format = fields[FORMAT];
    cr_span rest = format;
    if (format.n == 0 && count == 1) {
        return bad(err, "Activation Code", "the activation code is empty", NULL);
    }
    if (skip_nocase(&rest, "EID:")) {
        return bad(err, "Activation Code", "this is the EID of a device, not an activation code",
                   NULL);
    }
    if (count == 1) {
        /* Where a person typed a whole code at a shell, the shell has eaten the rest of it. */
        return bad(err, "Activation Code", "there is no '$' in the activation code",
                   "write it in single quotes, or the shell takes each $ for a variable: "
                   "'1$<SM-DP+ address>$<MatchingID>', '1$<address>$' when there is no MatchingID");
    }
    if (format.n == 1 && format.p[0] == '1') {
        if (count == 2) {
            return bad(err, "AC_Token", "the activation code ends after the address",
                       "write 1$<SM-DP+ address>$<MatchingID>; 1$<address>$ when there is none");
        }
        return CR_OK;
    }
    if (format.n == 1 && format.p[0] == '2') {
        return bad(err, "AC_Format", "activation code format 2 is not supported",
                   "ask the operator for a code that begins with 1$");
    }
    return bad(err, "AC_Format", "an activation code begins with 1$ (or LPA:1$)", NULL);
}

cr_status rsp_activation_code_parse(cr_span text, cr_arena *arena, struct rsp_activation_code *out,
                                    struct cr_err *err)
{
    if (text.n > RSP_AC_MAX_TOTAL) {
        return bad(err, "Activation Code", "the text is too long for an activation code", NULL);
    }
    cr_span code = cr_arena_copy(arena, trim(text.p ? text : cr_span_str("")));
    if (!cr_span_present(code)) {
        return cr_fail_memory(err);
    }
    cr_span scheme = code;
    if (skip_nocase(&scheme, "https://") || skip_nocase(&scheme, "http://")) {
        CR_TRY(carrier_url(code, arena, &code, err));
        code = trim(code);
    }
    if (!memchr(code.p, DELIMITER, code.n) && memmem(code.p, code.n, "%24", 3)) {
        CR_TRY(percent_decode(code, arena, &code, err)); /* copied out of a link */
    }
    if (skip_nocase(&code, "LPA:")) {
        code = trim(code);
    }
    cr_span fields[FIELDS] = {{0}};
    size_t count = split(code, fields);
    CR_TRY(check_shape(fields, count, err));
    CR_TRY(check_address(fields[ADDRESS], err));
    CR_TRY(rsp_matching_id_check(fields[TOKEN], err));
    if (fields[SMDP_OID].n) {
        CR_TRY(check_oid(fields[SMDP_OID], err));
    }
    CR_TRY(check_rest(fields, err));
    *out = (struct rsp_activation_code){
        .smdp_address = fields[ADDRESS],
        .matching_id = fields[TOKEN],
        .smdp_oid = not_empty(fields[SMDP_OID]),
        .confirmation_code_required = fields[FLAG].n == 1 && fields[FLAG].p[0] == '1',
        .ci_pk_indicator = not_empty(fields[CI_INDICATOR]),
        .delete_notification = not_empty(fields[DELETE_NOTIFICATION]),
    };
    return CR_OK;
}

/* ---- building ---- */

static cr_status refuse(struct cr_err *err, const char *field, const char *cause)
{
    cr_status status = cr_fail(err, CR_REFUSED, CLAUSE, "%s", cause);
    return cr_err_field(err, status, field);
}

static cr_status check_speakable(const cr_span fields[FIELDS], struct cr_err *err)
{
    for (size_t i = 0; i < FIELDS; i++) {
        if (fields[i].n &&
            (memchr(fields[i].p, DELIMITER, fields[i].n) || !is_visible(fields[i]))) {
            return refuse(err, "Activation Code", "a field has a '$' or a space inside");
        }
    }
    if (!rsp_address_valid(fields[ADDRESS])) {
        return refuse(err, "SM-DP+ Address", "the SM-DP+ address is no host name");
    }
    if (fields[SMDP_OID].n && check_oid(fields[SMDP_OID], NULL) != CR_OK) {
        return refuse(err, "SM-DP+ OID", "the OID is not dotted digits");
    }
    return CR_OK;
}

cr_status rsp_activation_code_build(const struct rsp_activation_code *code, bool prefix,
                                    cr_buf *out, struct cr_err *err)
{
    const cr_span fields[FIELDS] = {
        [FORMAT] = cr_span_str("1"),
        [ADDRESS] = code->smdp_address,
        [TOKEN] = code->matching_id,
        [SMDP_OID] = code->smdp_oid,
        [FLAG] = code->confirmation_code_required ? cr_span_str("1") : (cr_span){0},
        [CI_INDICATOR] = code->ci_pk_indicator,
        [DELETE_NOTIFICATION] = code->delete_notification,
    };
    CR_TRY(check_speakable(fields, err));
    size_t last = FIELDS - 1;
    while (last > TOKEN && fields[last].n == 0) {
        last--;
    }
    size_t length = last;
    for (size_t i = 0; i <= last; i++) {
        length += fields[i].n;
    }
    size_t limit = fields[DELETE_NOTIFICATION].n ? RSP_AC_MAX_TOTAL : RSP_AC_MAX;
    if (length > limit) {
        return refuse(err, "Activation Code", "the activation code would be too long");
    }
    cr_buf_append_str(out, prefix ? "LPA:" : "");
    for (size_t i = 0; i <= last; i++) {
        cr_buf_append_str(out, i ? "$" : "");
        cr_buf_append_span(out, fields[i]);
    }
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

/* ---- MatchingID ---- */

#define GROUP  5
#define LETTER 20

cr_status rsp_matching_id_generate(const cr_env *env, char out[RSP_MATCHING_ID_TEXT],
                                   struct cr_err *err)
{
    /* 32 signs, so that five bits of a random byte choose one without bias. */
    static const char alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    uint8_t random[LETTER];
    CR_TRY(cr_random(env, random, sizeof(random), err));
    size_t at = 0;
    for (size_t i = 0; i < LETTER; i++) {
        if (i && i % GROUP == 0) {
            out[at++] = '-';
        }
        out[at++] = alphabet[random[i] & 31];
    }
    out[at] = 0;
    cr_wipe(random, sizeof(random));
    return CR_OK;
}

bool rsp_matching_id_valid(cr_span matching_id)
{
    for (size_t i = 0; i < matching_id.n; i++) {
        uint8_t c = matching_id.p[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && c != '-') {
            return false;
        }
    }
    return matching_id.n <= RSP_MATCHING_ID_MAX;
}
