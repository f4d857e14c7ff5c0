#include "bed.h"

#include "base/file.h"

#include <ftw.h>
#include <unistd.h>

/* ---- hierarchy ---------------------------------------------------------------------------------
 */

static char pki_dir[256];
static struct nvm *pristine; /* a chip by default, to be cloned */

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    (void)st;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void clean_up(void)
{
    nvm_close(pristine);
    pristine = NULL;
    if (pki_dir[0]) {
        (void)nftw(pki_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
}

const char *bed_pki(void)
{
    struct cr_err err = {0};
    if (pki_dir[0]) {
        return pki_dir;
    }
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(pki_dir, sizeof(pki_dir), "%s/crisp-euicc-XXXXXX", tmp ? tmp : "/tmp");
    MUST(mkdtemp(pki_dir));
    MUST(atexit(clean_up) == 0);
    MUST_OK(pki_hierarchy_init(pki_dir, NULL, cr_env_system(), &err));
    return pki_dir;
}

/* ---- chips -------------------------------------------------------------------------------------
 */

static struct nvm *make_chip(const struct euicc_options *options)
{
    struct cr_err err = {0};
    struct nvm *nvm = NULL;
    struct euicc_options o = options ? *options : (struct euicc_options){0};
    if (!o.eid) {
        o.eid = BED_EID;
    }
    MUST_OK(euicc_create_ram(bed_pki(), &o, cr_env_system(), &nvm, &err));
    return nvm;
}

struct bed *bed_open(struct nvm *nvm, bool isdr)
{
    struct cr_err err = {0};
    struct bed *bed = calloc(1, sizeof(*bed));
    MUST(bed);
    bed->block = 255;
    MUST_OK(euicc_open(nvm, cr_env_system(), &bed->euicc, &err));
    if (isdr) {
        bed_isdr(bed);
    }
    return bed;
}

struct bed *bed_new_with(const struct euicc_options *options)
{
    return bed_open(make_chip(options), true);
}

struct bed *bed_new(void)
{
    struct cr_err err = {0};
    struct nvm *nvm = NULL;
    if (!pristine) {
        pristine = make_chip(NULL);
    }
    MUST_OK(nvm_clone_committed(pristine, &nvm, &err));
    return bed_open(nvm, true);
}

struct bed *bed_clone(struct bed *bed)
{
    struct cr_err err = {0};
    struct nvm *nvm = NULL;
    MUST_OK(nvm_clone_committed(euicc_nvm(bed->euicc), &nvm, &err));
    return bed_open(nvm, true);
}

struct bed *bed_power_cycle(struct bed *bed)
{
    struct bed *next = bed_clone(bed);
    bed_free(bed);
    return next;
}

void bed_free(struct bed *bed)
{
    if (bed) {
        euicc_free(bed->euicc);
        cr_buf_free(&bed->out);
        cr_arena_free(&bed->arena);
        free(bed);
    }
}

void bed_isdr(struct bed *bed)
{
    uint8_t select[] = {0x00, 0xA4, 0x04, 0x00, 0x10, 0xA0, 0x00, 0x00, 0x05, 0x59, 0x10,
                        0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x01, 0x00};
    MUST(bed_hex(bed, "0070000001") >> 8 >= 0x90 && bed->out.n == 1);
    bed->channel = bed->out.p[0];
    MUST(bed->channel >= 1 && bed->channel <= 3);
    select[0] = (uint8_t)bed->channel;
    uint16_t sw = bed_apdu(bed, CR_SPAN_ARRAY(select));
    MUST(sw == 0x9000 || sw >> 8 == 0x91);
    MUST(der_peek(cr_buf_span(&bed->out)) == 0x6F);
}

void bed_close_channel(struct bed *bed)
{
    const uint8_t close[] = {0x00, 0x70, 0x80, (uint8_t)bed->channel, 0x00};
    uint16_t sw = bed_apdu(bed, CR_SPAN_ARRAY(close));
    MUST(sw == 0x9000 || sw >> 8 == 0x91);
    bed->channel = 0;
}

void bed_reset(struct bed *bed)
{
    struct cr_err err = {0};
    MUST_OK(euicc_reset(bed->euicc, &err));
    bed_isdr(bed);
}

/* ---- commands ----------------------------------------------------------------------------------
 */

static uint16_t split_sw(const cr_buf *response)
{
    MUST(response->n >= 2);
    return (uint16_t)(response->p[response->n - 2] << 8 | response->p[response->n - 1]);
}

uint16_t bed_raw(struct bed *bed, cr_span command)
{
    cr_buf_reset(&bed->out);
    bed->status = euicc_transmit(bed->euicc, command, &bed->out, NULL);
    uint16_t sw = split_sw(&bed->out);
    bed->out.n -= 2;
    return sw;
}

uint16_t bed_apdu(struct bed *bed, cr_span command)
{
    uint8_t again[300];
    cr_buf one = {0};
    MUST(command.n >= 4 && command.n < sizeof(again));
    memcpy(again, command.p, command.n);
    cr_buf_reset(&bed->out);
    bed->status = euicc_transmit(bed->euicc, command, &one, NULL);
    uint16_t sw = split_sw(&one);
    if (sw >> 8 == 0x6C) {
        size_t at = command.n <= 5 ? 4 : 5u + command.p[4];
        again[at] = (uint8_t)sw;
        cr_buf_reset(&one);
        bed->status = euicc_transmit(bed->euicc, cr_span_of(again, at + 1), &one, NULL);
        sw = split_sw(&one);
    }
    cr_buf_append(&bed->out, one.p, one.n - 2);
    while (sw >> 8 == 0x61) {
        const uint8_t get[] = {command.p[0], 0xC0, 0x00, 0x00, (uint8_t)sw};
        cr_buf_reset(&one);
        bed->status = euicc_transmit(bed->euicc, CR_SPAN_ARRAY(get), &one, NULL);
        sw = split_sw(&one);
        cr_buf_append(&bed->out, one.p, one.n - 2);
    }
    cr_buf_free(&one);
    if (bed->status != CR_OK && bed->cut) {
        assert_int_equal(sw, 0x6581);
        assert_int_equal(bed->out.n, 0);
        longjmp(*bed->cut, 1);
    }
    return sw;
}

/* In the arena: a power cut leaves by longjmp(). */
static cr_span bytes_of(struct bed *bed, const char *hex)
{
    struct cr_err err = {0};
    cr_buf bytes = {0};
    MUST_OK(cr_hex_decode(&bytes, cr_span_str(hex), &err));
    cr_span copy = cr_arena_copy(&bed->arena, cr_buf_span(&bytes));
    cr_buf_free(&bytes);
    return copy;
}

uint16_t bed_hex(struct bed *bed, const char *hex)
{
    return bed_apdu(bed, bytes_of(bed, hex));
}

uint16_t bed_store(struct bed *bed, cr_span command)
{
    size_t at = 0;
    unsigned number = 0;
    for (;;) {
        cr_span part = cr_span_sub(command, at, bed->block);
        uint8_t apdu[5 + 255];
        bool last = at + part.n == command.n;
        const uint8_t head[] = {(uint8_t)(0x80 | bed->channel), 0xE2, last ? 0x91 : 0x11,
                                (uint8_t)number, (uint8_t)part.n};
        memcpy(apdu, head, sizeof(head));
        memcpy(apdu + sizeof(head), part.p, part.n);
        uint16_t sw = bed_apdu(bed, cr_span_of(apdu, sizeof(head) + part.n));
        if (last || (sw != 0x9000 && sw >> 8 != 0x91)) {
            return sw;
        }
        MUST(bed->out.n == 0);
        at += part.n;
        number++;
    }
}

uint16_t bed_store_hex(struct bed *bed, const char *hex)
{
    return bed_store(bed, bytes_of(bed, hex));
}

void bed_expect(const struct bed *bed, const char *hex)
{
    struct cr_err err = {0};
    cr_buf expected = {0};
    cr_arena arena = {0};
    MUST_OK(cr_hex_decode(&expected, cr_span_str(hex), &err));
    if (!cr_span_equal(cr_buf_span(&bed->out), cr_buf_span(&expected))) {
        fail_msg("%s instead of %s", cr_hex(&arena, cr_buf_span(&bed->out)), hex);
    }
    cr_arena_free(&arena);
    cr_buf_free(&expected);
}

uint16_t bed_call(struct bed *bed, const struct asn1_type *request_type, const void *request,
                  const struct asn1_type *response_type, void *response)
{
    struct cr_err err = {0};
    cr_span command;
    MUST_OK(asn1_encode_arena(request_type, request, 0, &bed->arena, &command, &err));
    uint16_t sw = bed_store(bed, command);
    memset(response, 0, response_type->size);
    if (sw == 0x9000 || sw >> 8 == 0x91) {
        cr_span copy = cr_arena_copy(&bed->arena, cr_buf_span(&bed->out));
        MUST_OK(asn1_decode(response_type, copy, 0, &bed->arena, response, &err));
    } else {
        MUST(bed->out.n == 0);
    }
    return sw;
}

/* ---- short forms -------------------------------------------------------------------------------
 */

static void succeeded(uint16_t sw)
{
    if (sw != 0x9000 && sw >> 8 != 0x91) {
        fail_msg("status word %04X", sw);
    }
}

cr_span bed_challenge(struct bed *bed)
{
    struct rsp_empty request = {0};
    struct rsp_get_euicc_challenge_response response;
    succeeded(bed_call(bed, &rsp_get_euicc_challenge_request_type, &request,
                       &rsp_get_euicc_challenge_response_type, &response));
    return response.euicc_challenge;
}

int64_t bed_enable(struct bed *bed, cr_span iccid, bool refresh)
{
    struct rsp_enable_profile_request request = {
        .profile_identifier = {.which = RSP_PROFILE_BY_ICCID, .iccid = iccid},
        .refresh_flag = refresh};
    struct rsp_enable_profile_response response;
    succeeded(bed_call(bed, &rsp_enable_profile_request_type, &request,
                       &rsp_enable_profile_response_type, &response));
    return response.enable_result;
}

int64_t bed_disable(struct bed *bed, cr_span iccid, bool refresh)
{
    struct rsp_disable_profile_request request = {
        .profile_identifier = {.which = RSP_PROFILE_BY_ICCID, .iccid = iccid},
        .refresh_flag = refresh};
    struct rsp_disable_profile_response response;
    succeeded(bed_call(bed, &rsp_disable_profile_request_type, &request,
                       &rsp_disable_profile_response_type, &response));
    return response.disable_result;
}

int64_t bed_delete(struct bed *bed, cr_span iccid)
{
    struct rsp_profile_identifier request = {.which = RSP_PROFILE_BY_ICCID, .iccid = iccid};
    struct rsp_delete_profile_response response;
    succeeded(bed_call(bed, &rsp_delete_profile_request_type, &request,
                       &rsp_delete_profile_response_type, &response));
    return response.delete_result;
}

int64_t bed_memory_reset(struct bed *bed, uint64_t options)
{
    struct rsp_euicc_memory_reset_request request = {.reset_options = options};
    struct rsp_euicc_memory_reset_response response;
    succeeded(bed_call(bed, &rsp_euicc_memory_reset_request_type, &request,
                       &rsp_euicc_memory_reset_response_type, &response));
    return response.reset_result;
}

static rsp_profile_info_list profiles(struct bed *bed)
{
    struct rsp_profile_info_list_request request = {0};
    struct rsp_profile_info_list_response response;
    succeeded(bed_call(bed, &rsp_profile_info_list_request_type, &request,
                       &rsp_profile_info_list_response_type, &response));
    assert_int_equal(response.which, RSP_PROFILE_INFO_LIST_OK);
    return response.profile_info_list_ok;
}

int64_t bed_state(struct bed *bed, cr_span iccid)
{
    rsp_profile_info_list list = profiles(bed);
    for (size_t i = 0; i < list.count; i++) {
        if (cr_span_equal(list.items[i].iccid, iccid)) {
            return list.items[i].profile_state;
        }
    }
    return -1;
}

size_t bed_profile_count(struct bed *bed)
{
    return profiles(bed).count;
}

rsp_pending_notification_list bed_notifications(struct bed *bed)
{
    struct rsp_retrieve_notifications_list_request request = {0};
    struct rsp_retrieve_notifications_list_response response;
    succeeded(bed_call(bed, &rsp_retrieve_notifications_list_request_type, &request,
                       &rsp_retrieve_notifications_list_response_type, &response));
    assert_int_equal(response.which, RSP_RETRIEVE_NOTIFICATIONS_OK);
    return response.notification_list;
}

void bed_check_consistent(struct bed *bed)
{
    bed_check_memory(euicc_nvm(bed->euicc));
}

void bed_check_memory(const struct nvm *nvm)
{
    cr_arena arena = {0};
    struct euicc_profile profile = {0};
    struct euicc_work work;
    size_t profiles_bytes = 0;
    uint16_t enabled = 0;
    assert_false(euicc_work_get(nvm, &arena, &work));
    while (euicc_profile_next(nvm, profile.id, &arena, &profile)) {
        char prefix[EUICC_PREFIX];
        struct uicc_fs fs;
        size_t bytes = nvm_size_prefix(nvm, euicc_profile_prefix(profile.id, prefix), NULL);
        assert_true(bytes > 0);
        assert_true(uicc_fs_init(&fs, (struct nvm *)(uintptr_t)nvm, cr_span_str(prefix)));
        assert_true(uicc_fs_mf(&fs) != 0);
        profiles_bytes += bytes;
        if (profile.enabled) {
            assert_int_equal(enabled, 0);
            enabled = profile.id;
        }
    }
    assert_int_equal(enabled, euicc_id_get(nvm, "on"));
    assert_int_equal(profiles_bytes, nvm_size_prefix(nvm, cr_span_str("p/"), NULL));
    cr_arena_free(&arena);
}

void bed_ts48(const char *name, cr_buf *out)
{
    char path[1024];
    struct cr_err err = {0};
    const char *data = getenv("CRISP_TEST_DATA");
    (void)snprintf(path, sizeof(path), "%s/ts48/%s",
                   data ? data : CRISP_SOURCE_ROOT "/../shared/data", name);
    if (!cr_file_exists(path)) {
        print_message("no %s: set CRISP_TEST_DATA to the folder with the test profiles\n", path);
        skip();
    }
    MUST_OK(cr_file_read(path, PROFILE_MAX_PACKAGE, out, &err));
}
