#include "lpa/install.h"

#include "asn1/der.h"
#include "lpa/advice.h"

#include <stdio.h>

#define MAC_SIZE 8 /* at the end of each protected TLV (2.5.3) */

cr_status lpa_install_check(cr_span bpp, struct rsp_segmenter *out, struct cr_err *err)
{
    cr_status status = rsp_segmenter_start(out, bpp, err);
    if (status != CR_OK && err && !err->next[0]) {
        return cr_err_next(err, status,
                           "the server's package is damaged: try again, then tell its operator");
    }
    return status;
}

/* ---- metadata of the package ---- */

/* The '88' TLVs carry BF25 in plain text, each with its MAC at the end. */
static cr_status join_88(cr_span list, cr_buf *out, struct cr_err *err)
{
    while (list.n > 0) {
        struct der_tlv element;
        CR_TRY(der_expect(&list, DER_BER_LENGTHS, 0x88, &element, err));
        if (element.value.n < MAC_SIZE) {
            return cr_fail(err, CR_MALFORMED, "SGP.22 2.5.3", "an '88' TLV has no room for a MAC");
        }
        cr_buf_append(out, element.value.p, element.value.n - MAC_SIZE);
    }
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

cr_status lpa_install_metadata(cr_span bpp, cr_arena *arena, struct rsp_store_metadata *out,
                               struct cr_err *err)
{
    struct der_tlv package;
    struct der_tlv list;
    CR_TRY(der_expect(&bpp, DER_BER_LENGTHS, 0xBF36, &package, err));
    if (!der_find(package.value, 0xA1, &list)) {
        return cr_fail(err, CR_MALFORMED, "SGP.22 2.5.4", "the package has no sequenceOf88");
    }
    cr_buf joined = {.limit = RSP_MAX_BPP};
    cr_status status = join_88(list.value, &joined, err);
    cr_span kept = {0};
    if (status == CR_OK) {
        kept = cr_arena_copy(arena, cr_buf_span(&joined));
        status = cr_span_present(kept) ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&joined);
    CR_TRY(status);
    return asn1_decode(&rsp_store_metadata_type, kept, ASN1_DECODE_BER_LENGTHS, arena, out, err);
}

/* ---- result ---- */

static void read_sima(cr_span sima, cr_arena *arena, struct lpa_install *out)
{
    rsp_euicc_response_list responses = {0};
    if (sima.n == 0 || rsp_sima_response_decode(sima, arena, &responses, NULL) != CR_OK) {
        return;
    }
    cr_buf text = {.limit = 4096};
    rsp_sima_response_text(&responses, &text);
    if (cr_buf_ok(&text) && text.n > 0) {
        out->sima_text = cr_arena_copy(arena, cr_buf_span(&text));
        out->warnings = !cr_span_equal(out->sima_text, cr_span_str("ok"));
    }
    cr_buf_free(&text);
}

static cr_status fail_with(struct lpa_where *where, const struct rsp_install_failure *failure,
                           const struct lpa_install *install, struct cr_err *err)
{
    const struct lpa_number_advice *advice = lpa_advise_install(failure->error_reason);
    const char *command = asn1_name_of(rsp_bpp_command_names, failure->bpp_command_id);
    const char *reason = asn1_name_of(rsp_install_error_names, failure->error_reason);
    where->has_bpp = true;
    where->bpp_command = failure->bpp_command_id;
    where->bpp_reason = failure->error_reason;
    where->retry_makes_sense = rsp_install_error_temporary(failure->error_reason);
    int n = install->sima_text.n > 80 ? 80 : (int)install->sima_text.n;
    cr_status status =
        cr_fail(err, where->retry_makes_sense ? CR_RESOURCE : CR_REFUSED, "SGP.22 2.5.6",
                "%s (%s %lld, at %s %lld%s%.*s)", advice->text, reason ? reason : "errorReason",
                (long long)failure->error_reason, command ? command : "bppCommandId",
                (long long)failure->bpp_command_id, n ? "; " : "", n,
                n ? (const char *)install->sima_text.p : "");
    status = cr_err_next(err, status, "%s", advice->next);
    return cr_err_code(err, status, (long)failure->error_reason);
}

cr_status lpa_install_result(struct lpa_where *where, cr_span bf37, cr_arena *arena,
                             struct lpa_install *out, struct cr_err *err)
{
    cr_status status = asn1_decode(&rsp_profile_installation_result_type, bf37,
                                   ASN1_DECODE_BER_LENGTHS, arena, &out->result, err);
    if (status != CR_OK) {
        status = cr_err_context(err, status, "ProfileInstallationResult");
        return cr_err_next(err, status,
                           "look with 'crisp lpa list': the profile may be there all the same");
    }
    out->has_result = true;
    const struct rsp_final_result *final = &out->result.data.final_result;
    if (final->which == RSP_INSTALL_SUCCESS) {
        read_sima(final->success_result.sima_response, arena, out);
        return CR_OK;
    }
    read_sima(final->error_result.sima_response, arena, out);
    return fail_with(where, &final->error_result, out, err);
}

/* ---- sending ---- */

cr_status lpa_install(struct es10 *card, struct lpa_where *where, struct rsp_segmenter *segmenter,
                      void (*progress)(void *ctx, size_t done, size_t total), void *ctx,
                      cr_arena *arena, struct lpa_install *out, struct cr_err *err)
{
    struct rsp_segmenter count = *segmenter;
    struct rsp_segment segment;
    size_t total = 0;
    while (rsp_segmenter_next(&count, &segment)) {
        total += segment.bytes.n;
    }
    while (rsp_segmenter_next(segmenter, &segment)) {
        cr_span answer = {0};
        cr_status status = es10b_load_bpp_segment(card, segment.bytes, arena, &answer, err);
        if (status != CR_OK) {
            const char *command = asn1_name_of(rsp_bpp_command_names, segment.command);
            return cr_err_context(err, status, "segment %zu of %zu (%s)", segment.index + 1,
                                  segmenter->count, command ? command : "?");
        }
        out->segments++;
        out->bytes += segment.bytes.n;
        if (progress) {
            progress(ctx, out->bytes, total);
        }
        if (answer.n > 0) {
            return lpa_install_result(where, answer, arena, out, err);
        }
    }
    cr_status status = cr_fail(err, CR_MALFORMED, "SGP.22 3.1.3.3",
                               "the eUICC took the whole package but gave no result");
    return cr_err_next(err, status,
                       "`crisp lpa list` shows whether the profile is there; `crisp lpa "
                       "notification list` whether a result is kept");
}
