/*
 * What the benchmarks of downloads have in common: profiles of a usual size, each with a released
 * order.
 */
#include "cli/bench.h"

#include "cli/progress.h"
#include "profile/build.h"
#include "profile/metadata.h"
#include "smdpp/smdpp.h"

#define BENCH_TYPE   "bench"
#define IMPORT_BATCH 200
#define BALLAST      14000 /* bytes of the file that fills the package */

void bench_iccid(size_t i, char out[BENCH_ICCID])
{
    (void)snprintf(out, BENCH_ICCID, "8901%016u", (unsigned)(i % 100000000));
}

void bench_matching_id(size_t i, char out[BENCH_MATCHING_ID])
{
    (void)snprintf(out, BENCH_MATCHING_ID, "BENCH-%zu", i);
}

/* A file with some content, to bring the package to the size of profiles in the field (12 to 20 KB;
 * what the builder makes of the bare subscription has less than 2). */
static const char *ballast(cr_arena *arena)
{
    char *hex = cr_arena_alloc(arena, 2 * BALLAST + 1);
    for (size_t i = 0; hex && i < 2 * (size_t)BALLAST; i++) {
        hex[i] = "0123456789ABCDEF"[(i * i + i / 7) % 16];
    }
    if (!hex) {
        return NULL;
    }
    hex[2 * BALLAST] = 0;
    return cr_arena_printf(arena,
                           "{\"genericFileManagement\":{\"gfm-header\":{\"mandated\":true,"
                           "\"identification\":90},\"fileManagementCMD\":[[{\"filePath\":\"\"},"
                           "{\"createFCP\":{\"fileDescriptor\":\"4121\",\"fileID\":\"2FF0\","
                           "\"securityAttributesReferenced\":\"2F0601\",\"efFileSize\":\"%04X\","
                           "\"shortEFID\":\"\"}},{\"fillFileContent\":\"%s\"}]]}}",
                           BALLAST, hex);
}

cr_status bench_package(const char *iccid, const char *imsi, bool usual_size, cr_arena *arena,
                        cr_span *upp, struct cr_err *err)
{
    cr_buf package = {0};
    const char *file = usual_size ? ballast(arena) : "";
    const char *description = cr_arena_printf(
        arena,
        "{\"profileType\":\"crisp bench\",\"iccid\":\"%s\",\"imsi\":\"%s\","
        "\"spn\":\"bench\",\"algorithm\":\"milenage\","
        "\"k\":\"465B5CE8B199B49FAA5F0A2EE238A6BC\","
        "\"opc\":\"CD63CB71954A9F4E48A5994E37A02BAF\",\"mncLength\":2,"
        "\"puk1\":\"12345678\",\"puk2\":\"12345678\",\"adm1\":\"88888888\",\"elements\":[%s]}",
        iccid, imsi, file ? file : "");
    cr_status status = file && description
                           ? profile_build_text(cr_span_str(description), &package, err)
                           : cr_fail_memory(err);
    if (status == CR_OK) {
        *upp = cr_arena_copy(arena, cr_buf_span(&package));
        status = upp->p ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&package);
    return status;
}

/* An operator's profile with what its SM-DP+ says about it. */
static cr_status build_one(size_t i, cr_arena *arena, cr_span *upp, cr_span *metadata,
                           struct cr_err *err)
{
    char iccid[BENCH_ICCID];
    cr_buf bytes = {0};
    bench_iccid(i, iccid);
    CR_TRY(bench_package(iccid, "001010000000001", true, arena, upp, err));
    struct profile_metadata m = {.iccid = cr_span_str(iccid),
                                 .service_provider_name = cr_span_str("bench"),
                                 .profile_name = cr_span_str("bench"),
                                 .profile_class = RSP_CLASS_OPERATIONAL};
    cr_status status = profile_metadata_encode(&m, &bytes, err);
    if (status == CR_OK) {
        *metadata = cr_arena_copy(arena, cr_buf_span(&bytes));
        status = metadata->p ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&bytes);
    return status;
}

static cr_status order_one(struct smdpp *dp, size_t i, struct cr_err *err)
{
    cr_arena arena = {0};
    char iccid[BENCH_ICCID];
    char id[BENCH_MATCHING_ID];
    struct smdpp_call call = {.arena = &arena};
    bench_iccid(i, iccid);
    bench_matching_id(i, id);
    struct rsp_download_order_request order = {.iccid = cr_span_str(iccid)};
    struct rsp_download_order_response ordered = {0};
    struct rsp_confirm_order_request confirm = {
        .iccid = cr_span_str(iccid), .matching_id = cr_span_str(id), .release_flag = true};
    struct rsp_confirm_order_response confirmed = {0};
    cr_status status = smdpp_download_order(dp, &call, &order, &ordered, err);
    if (status == CR_OK) {
        status = smdpp_confirm_order(dp, &call, &confirm, &confirmed, err);
    }
    cr_arena_free(&arena);
    return status;
}

static cr_status import_batch(struct smdpp *dp, size_t from, size_t count, size_t *package_size,
                              struct cr_err *err)
{
    cr_arena arena = {.limit = (size_t)1 << 30};
    struct smdpp_import *batch = cr_arena_alloc_array(&arena, count, sizeof(*batch));
    cr_status status = batch ? CR_OK : cr_fail_memory(err);
    for (size_t i = 0; status == CR_OK && i < count; i++) {
        batch[i].type = BENCH_TYPE;
        status = build_one(from + i, &arena, &batch[i].upp, &batch[i].metadata, err);
        *package_size = batch[i].upp.n;
    }
    if (status == CR_OK) {
        status = smdpp_import(dp, batch, count, err);
    }
    for (size_t i = 0; status == CR_OK && i < count; i++) {
        status = order_one(dp, from + i, err);
    }
    cr_arena_free(&arena);
    return status;
}

cr_status bench_inventory_fill(struct cli *cli, struct smdpp *dp, size_t profiles,
                               size_t *package_size, struct cr_err *err)
{
    struct cli_progress progress;
    cr_status status = CR_OK;
    cli_progress_start(&progress, cli, "making profiles and orders", profiles);
    for (size_t i = 0; status == CR_OK && i < profiles; i += IMPORT_BATCH) {
        size_t count = profiles - i < IMPORT_BATCH ? profiles - i : IMPORT_BATCH;
        status = import_batch(dp, i, count, package_size, err);
        cli_progress_at(&progress, i + count);
    }
    cli_progress_end(&progress);
    return status;
}
