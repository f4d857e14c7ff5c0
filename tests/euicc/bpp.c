/*
 * Bound profile packages that are broken in one place: which command and reason the signed result
 * names (SGP.22 2.5.6), and that nothing but the result is left.
 */
#include "fake_server.h"
#include "package.h"

struct scene {
    struct fake_server *server;
    struct bed *bed;
    cr_buf upp;
};

static int set_up(void **state)
{
    struct scene *c = calloc(1, sizeof(*c));
    MUST(c);
    c->server = fake_new(CRYPTO_P256);
    c->bed = bed_new();
    package_small(c->server->metadata.iccid, &c->upp);
    c->server->upp = cr_buf_span(&c->upp);
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *c = *state;
    fake_free(c->server);
    bed_free(c->bed);
    cr_buf_free(&c->upp);
    free(c);
    return 0;
}

static void prepare(struct scene *c)
{
    fake_run_authenticate(c->server, c->bed);
    fake_run_prepare(c->server, c->bed);
    cr_buf_reset(&c->server->body);
    /* new keys on both sides for each package */
    crypto_private_free(c->server->otsk);
    c->server->otsk = NULL;
}

/* Nothing but one more result is there, and nothing of the package is taken any more. */
static void check_refused(struct scene *c, size_t profiles)
{
    bed_check_consistent(c->bed);
    assert_int_equal(bed_profile_count(c->bed), profiles);
    rsp_pending_notification_list list = bed_notifications(c->bed);
    assert_true(list.count > 0);
    const struct rsp_pending_notification *last = &list.items[list.count - 1];
    assert_int_equal(last->which, RSP_PENDING_PROFILE_INSTALLATION_RESULT);
    assert_int_equal(last->profile_installation_result.data.final_result.which,
                     RSP_INSTALL_FAILURE);
    fake_verify_result(c->bed, &last->profile_installation_result);
    struct rsp_notification_sent_request sent = {
        .seq_number = rsp_pending_notification_metadata(last)->seq_number};
    struct rsp_notification_sent_response answer;
    assert_int_equal(bed_call(c->bed, &rsp_notification_sent_request_type, &sent,
                              &rsp_notification_sent_response_type, &answer),
                     0x9000);
    assert_int_equal(answer.delete_notification_status, RSP_DELETE_NOTIFICATION_OK);
    assert_int_equal(bed_store_hex(c->bed, "8600"), 0x6985);
}

/* ---- InitialiseSecureChannel -------------------------------------------------------------------
 */

static void test_channel(void **state)
{
    static const struct {
        enum fake_break broken;
        int64_t reason;
    } rows[] = {
        {FAKE_CHANNEL_SIGNATURE, RSP_INSTALL_INVALID_SIGNATURE},
        {FAKE_CHANNEL_WHOLE, RSP_INSTALL_INVALID_SIGNATURE},
        {FAKE_CHANNEL_TID, RSP_INSTALL_INVALID_TRANSACTION_ID},
        {FAKE_CHANNEL_KEY_TYPE, RSP_INSTALL_UNSUPPORTED_CRT_VALUES},
        {FAKE_CHANNEL_KEY_LENGTH, RSP_INSTALL_UNSUPPORTED_CRT_VALUES},
        {FAKE_CHANNEL_OPERATION, RSP_INSTALL_UNSUPPORTED_REMOTE_OPERATION_TYPE},
        {FAKE_CHANNEL_POINT, RSP_INSTALL_INCORRECT_INPUT_VALUES},
    };
    struct scene *c = *state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        c->server->broken = FAKE_OK;
        prepare(c);
        fake_bind(c->server, (cr_span){0});
        c->server->broken = rows[i].broken;
        fake_rebind(c->server);
        ASSERT_REFUSED(fake_load(c->server, c->bed, NULL), RSP_BPP_INITIALISE_SECURE_CHANNEL,
                       rows[i].reason);
        check_refused(c, 0);
    }
}

static void test_channel_malformed(void **state)
{
    /* no BF23, a cut one, one that is longer than BF36 */
    static const char *const segments[] = {
        "BF3600",       "BF360A0102", "BF360ABF2307820101800101A6", "BF3605BF2303820101",
        "BF3680BF2300", "BF36"};
    struct scene *c = *state;
    for (size_t i = 0; i < CR_COUNT(segments); i++) {
        struct cr_err err = {0};
        struct rsp_profile_installation_result result;
        prepare(c);
        assert_int_equal(bed_store_hex(c->bed, segments[i]), 0x9000);
        cr_span copy = cr_arena_copy(&c->bed->arena, cr_buf_span(&c->bed->out));
        MUST_OK(asn1_decode(&rsp_profile_installation_result_type, copy, 0, &c->bed->arena, &result,
                            &err));
        ASSERT_REFUSED(result, RSP_BPP_INITIALISE_SECURE_CHANNEL,
                       RSP_INSTALL_INCORRECT_INPUT_VALUES);
        check_refused(c, 0);
    }
}

/* ---- what is inside ----------------------------------------------------------------------------
 */

static struct rsp_profile_installation_result load_plan(struct scene *c,
                                                        const struct fake_plan *plan)
{
    prepare(c);
    fake_bind_plan(c->server, plan);
    return fake_load(c->server, c->bed, NULL);
}

static void test_contents(void **state)
{
    static const uint8_t no_configure[] = {0xBF, 0x25, 0x00};
    static const uint8_t cut_configure[] = {0xBF, 0x24, 0x03, 0xB8, 0x09, 0x80};
    static const uint8_t no_metadata[] = {0xBF, 0x25, 0x03, 0x91, 0x01, 'x'};
    static const uint8_t no_keys[] = {0xBF, 0x26, 0x00};
    static const uint8_t short_keys[] = {0xBF, 0x26, 0x09, 0x80, 1, 0, 0x81, 1, 0, 0x82, 1, 0};
    struct scene *c = *state;
    uint8_t large[140] = {0xBF, 0x24, 0x81, 0x88, 0xB8, 0x81, 0x85, 0x80, 0x02, 0x88, 0x37};
    struct fake_plan plan = {.configure = CR_SPAN_ARRAY(no_configure)};
    ASSERT_REFUSED(load_plan(c, &plan), RSP_BPP_CONFIGURE_ISDP, RSP_INSTALL_INCORRECT_INPUT_VALUES);
    check_refused(c, 0);
    plan.configure = CR_SPAN_ARRAY(cut_configure);
    ASSERT_REFUSED(load_plan(c, &plan), RSP_BPP_CONFIGURE_ISDP, RSP_INSTALL_INCORRECT_INPUT_VALUES);
    check_refused(c, 0);
    large[11] = 0x81; /* one more component, of 122 bytes */
    large[12] = 127;
    plan.configure = CR_SPAN_ARRAY(large);
    ASSERT_REFUSED(load_plan(c, &plan), RSP_BPP_CONFIGURE_ISDP, RSP_INSTALL_INCORRECT_INPUT_VALUES);
    check_refused(c, 0);
    plan = (struct fake_plan){.metadata = CR_SPAN_ARRAY(no_metadata)};
    ASSERT_REFUSED(load_plan(c, &plan), RSP_BPP_STORE_METADATA, RSP_INSTALL_INCORRECT_INPUT_VALUES);
    check_refused(c, 0);
    plan = (struct fake_plan){.keys = CR_SPAN_ARRAY(no_keys)};
    ASSERT_REFUSED(load_plan(c, &plan), RSP_BPP_REPLACE_SESSION_KEYS,
                   RSP_INSTALL_INCORRECT_INPUT_VALUES);
    check_refused(c, 0);
    plan.keys = CR_SPAN_ARRAY(short_keys);
    ASSERT_REFUSED(load_plan(c, &plan), RSP_BPP_REPLACE_SESSION_KEYS,
                   RSP_INSTALL_INCORRECT_INPUT_VALUES);
    check_refused(c, 0);
    plan = (struct fake_plan){.keys = fake_keys(c->server), .bad_padding = true};
    ASSERT_REFUSED(load_plan(c, &plan), RSP_BPP_LOAD_PROFILE_ELEMENTS,
                   RSP_INSTALL_BSP_SECURITY_ERROR);
    check_refused(c, 0);
    plan.bad_padding = false;
    ASSERT_INSTALLED(load_plan(c, &plan));
}

static void test_metadata(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    struct fake_plan plan = {0};
    uint8_t icon[64] = {0x89, 'P', 'N', 'G'};
    uint8_t bad_iccid[RSP_ICCID];
    static const uint8_t plmn[] = {0x00, 0xF1, 0x10};
    memset(bad_iccid, 0xAB, sizeof(bad_iccid));
    cr_span iccid = s->metadata.iccid;
    s->metadata.iccid = CR_SPAN_ARRAY(bad_iccid);
    ASSERT_REFUSED(load_plan(c, &plan), RSP_BPP_STORE_METADATA, RSP_INSTALL_INCORRECT_INPUT_VALUES);
    check_refused(c, 0);
    s->metadata.iccid = iccid;
    s->metadata.icon = CR_SPAN_ARRAY(icon); /* without its type */
    ASSERT_REFUSED(load_plan(c, &plan), RSP_BPP_STORE_METADATA, RSP_INSTALL_INCORRECT_INPUT_VALUES);
    check_refused(c, 0);
    s->metadata.icon = (cr_span){0};
    s->metadata.profile_class = 3;
    ASSERT_REFUSED(load_plan(c, &plan), RSP_BPP_STORE_METADATA,
                   RSP_INSTALL_UNSUPPORTED_PROFILE_CLASS);
    check_refused(c, 0);
    s->metadata.profile_class = RSP_CLASS_OPERATIONAL;
    s->metadata.has_profile_policy_rules = true; /* without an owner */
    s->metadata.profile_policy_rules = RSP_PPR2;
    ASSERT_REFUSED(load_plan(c, &plan), RSP_BPP_STORE_METADATA, RSP_INSTALL_PPR_NOT_ALLOWED);
    check_refused(c, 0);
    s->metadata.has_profile_owner = true;
    s->metadata.profile_owner.mcc_mnc = CR_SPAN_ARRAY(plmn);
    ASSERT_INSTALLED(load_plan(c, &plan));
    ASSERT_REFUSED(load_plan(c, &plan), RSP_BPP_STORE_METADATA, RSP_INSTALL_ICCID_ALREADY_EXISTS);
    check_refused(c, 1);
}

static void test_long_metadata(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    uint8_t icon[RSP_MAX_ICON];
    memset(icon, 0x42, sizeof(icon));
    s->metadata.icon = CR_SPAN_ARRAY(icon);
    s->metadata.has_icon_type = true;
    s->metadata.icon_type = RSP_ICON_PNG;
    struct fake_plan plan = {.metadata_cut = 100}; /* a dozen of 88 */
    ASSERT_INSTALLED(load_plan(c, &plan));
    /* and one that no chip keeps */
    cr_buf huge = {0};
    size_t mark = der_open(&huge, 0xBF25);
    for (size_t i = 0; i < 20000; i++) {
        cr_buf_append_byte(&huge, 0);
    }
    der_close(&huge, mark);
    plan = (struct fake_plan){.metadata = cr_buf_span(&huge)};
    ASSERT_REFUSED(load_plan(c, &plan), RSP_BPP_STORE_METADATA, RSP_INSTALL_INCORRECT_INPUT_VALUES);
    check_refused(c, 1);
    cr_buf_free(&huge);
}

/* Several 87 in A0 and A2: each alone, as the standard cuts them, and all in one command. */
static void test_lists_in_pieces(void **state)
{
    static const uint8_t configure[] = {0xBF, 0x24, 0x0A, 0xB8, 0x08, 0x80, 0x02,
                                        0x88, 0x37, 0x81, 0x02, 0xAA, 0xBB};
    struct scene *c = *state;
    struct fake_plan plan = {.configure = CR_SPAN_ARRAY(configure),
                             .configure_cut = 3,
                             .keys = fake_keys(c->server),
                             .keys_cut = 20,
                             .upp_cut = 77};
    ASSERT_INSTALLED(load_plan(c, &plan));
    assert_int_equal(bed_delete(c->bed, c->server->metadata.iccid), RSP_PROFILE_OK);
    /* whole lists */
    struct cr_err err = {0};
    struct rsp_segmenter segmenter;
    struct rsp_segment segment;
    prepare(c);
    fake_bind_plan(c->server, &plan);
    MUST_OK(rsp_segmenter_start(&segmenter, cr_buf_span(&c->server->bpp), &err));
    cr_span whole[] = {segmenter.parts[1], segmenter.parts[3]};
    const enum rsp_bpp_command commands[] = {RSP_BPP_CONFIGURE_ISDP, RSP_BPP_REPLACE_SESSION_KEYS};
    bool sent[2] = {false, false};
    while (rsp_segmenter_next(&segmenter, &segment)) {
        cr_span bytes = segment.bytes;
        for (size_t i = 0; i < 2; i++) {
            if (segment.command == commands[i]) {
                bytes = sent[i] ? (cr_span){0} : whole[i];
                sent[i] = true;
            }
        }
        if (bytes.p) {
            assert_int_equal(bed_store(c->bed, bytes), 0x9000);
        }
    }
    assert_int_equal(der_peek(cr_buf_span(&c->bed->out)), 0xBF37);
    assert_int_equal(bed_profile_count(c->bed), 1);
    /* the proprietary data is answered when it is asked for */
    assert_int_equal(bed_store_hex(c->bed, "BF2D035C01B8"), 0x9000);
    bed_expect(c->bed, "BF2D0EA00CE30AB8088002883781 02AABB");
}

/* ---- every byte class of every segment ---------------------------------------------------------
 */

static int64_t send_spoiled(struct scene *c, size_t at, cr_span (*spoil)(cr_arena *, cr_span, int),
                            int how, int64_t *command)
{
    struct cr_err err = {0};
    struct rsp_segmenter segmenter;
    struct rsp_segment segment;
    MUST_OK(rsp_segmenter_start(&segmenter, cr_buf_span(&c->server->bpp), &err));
    for (size_t i = 0; rsp_segmenter_next(&segmenter, &segment); i++) {
        cr_span bytes = segment.bytes;
        if (i == at) {
            bytes = spoil(&c->bed->arena, bytes, how);
            *command = segment.command;
            if (!bytes.p) {
                return -1;
            }
        }
        uint16_t sw = bed_store(c->bed, bytes);
        if (sw != 0x9000) {
            return sw;
        }
        if (c->bed->out.n) {
            struct rsp_profile_installation_result result;
            cr_span copy = cr_arena_copy(&c->bed->arena, cr_buf_span(&c->bed->out));
            MUST_OK(asn1_decode(&rsp_profile_installation_result_type, copy, 0, &c->bed->arena,
                                &result, &err));
            fake_verify_result(c->bed, &result);
            if (result.data.final_result.which == RSP_INSTALL_SUCCESS) {
                return 0;
            }
            *command = result.data.final_result.error_result.bpp_command_id;
            return result.data.final_result.error_result.error_reason;
        }
    }
    return -2;
}

enum { FLIP_TAG, FLIP_LENGTH, FLIP_FIRST, FLIP_MIDDLE, FLIP_MAC, FLIP_LAST, FLIP_CUT, FLIPS };

static cr_span flip(cr_arena *arena, cr_span segment, int how)
{
    uint32_t tag;
    size_t header;
    size_t length;
    uint8_t *p = cr_arena_alloc(arena, segment.n);
    MUST(p);
    memcpy(p, segment.p, segment.n);
    cr_span rest = segment;
    MUST(der_header(rest, DER_BER_LENGTHS, &tag, &header, &length, NULL) == CR_OK);
    if (segment.n == header && how > FLIP_LENGTH) {
        return (cr_span){0}; /* a header alone */
    }
    switch (how) {
    case FLIP_TAG:
        p[0] ^= 0x04;
        break;
    case FLIP_LENGTH:
        p[header - 1] ^= 0x01;
        break;
    case FLIP_FIRST:
        p[header + 4] ^= 0x01;
        break;
    case FLIP_MIDDLE:
        p[(header + segment.n) / 2] ^= 0x80;
        break;
    case FLIP_MAC:
        p[segment.n - 8] ^= 0x01;
        break;
    case FLIP_LAST:
        p[segment.n - 1] ^= 0x80;
        break;
    default:
        return cr_span_of(p, segment.n - 1);
    }
    return cr_span_of(p, segment.n);
}

static void test_flipped_bytes(void **state)
{
    struct scene *c = *state;
    struct rsp_segmenter segmenter;
    struct rsp_segment segment;
    struct cr_err err = {0};
    size_t refused = 0;
    c->server->random_keys = true;
    for (size_t at = 0;; at++) {
        struct rsp_segment this = {0};
        for (int how = 0; how < FLIPS; how++) {
            int64_t command = -1;
            prepare(c);
            fake_bind(c->server, (cr_span){0});
            MUST_OK(rsp_segmenter_start(&segmenter, cr_buf_span(&c->server->bpp), &err));
            if (at == segmenter.count) {
                assert_true(refused >= 30);
                return;
            }
            for (size_t i = 0; i <= at; i++) {
                assert_true(rsp_segmenter_next(&segmenter, &segment));
            }
            this = segment;
            int64_t reason = send_spoiled(c, at, flip, how, &command);
            if (reason == -1) {
                (void)bed_challenge(c->bed);
                check_refused(c, 0); /* an interruption */
                continue;
            }
            if (reason > 127) { /* a tag that begins no segment: the session goes on */
                assert_int_equal(how, FLIP_TAG);
                assert_true(reason == 0x6A88 || reason == 0x6985);
                (void)bed_challenge(c->bed);
                if (at > 0) {
                    check_refused(c, 0);
                }
                continue;
            }
            if (at == 0 && how != FLIP_LENGTH) {
                assert_int_equal(command, RSP_BPP_INITIALISE_SECURE_CHANNEL);
                assert_in_range(reason, RSP_INSTALL_INCORRECT_INPUT_VALUES,
                                RSP_INSTALL_INVALID_SIGNATURE);
            } else {
                assert_true(reason == RSP_INSTALL_BSP_STRUCTURE_ERROR ||
                            reason == RSP_INSTALL_BSP_SECURITY_ERROR);
                /* A wrong length of a list is noticed at its end at the latest. */
                assert_true(command == (int64_t)this.command || how == FLIP_LENGTH);
            }
            refused++;
            check_refused(c, 0);
        }
    }
}

/* ---- order -------------------------------------------------------------------------------------
 */

enum { ORDER_SKIP, ORDER_TWICE, ORDER_SWAP, ORDERS };

static void test_order(void **state)
{
    struct scene *c = *state;
    struct cr_err err = {0};
    c->server->random_keys = true;
    size_t count = 0;
    for (int how = 0; how < ORDERS; how++) {
        for (size_t at = 1; at == 1 || at + 1 < count; at++) {
            struct rsp_segmenter segmenter;
            struct rsp_segment segments[64];
            bool refused = false;
            prepare(c);
            fake_bind(c->server, (cr_span){0});
            MUST_OK(rsp_segmenter_start(&segmenter, cr_buf_span(&c->server->bpp), &err));
            count = segmenter.count;
            MUST(count < CR_COUNT(segments));
            size_t n = 0;
            for (size_t i = 0; rsp_segmenter_next(&segmenter, &segments[n]); i++) {
                if (how == ORDER_SKIP && i == at) {
                    continue;
                }
                n++;
                if (how == ORDER_TWICE && i == at) {
                    segments[n] = segments[n - 1];
                    n++;
                }
            }
            if (how == ORDER_SWAP) {
                struct rsp_segment one = segments[at];
                segments[at] = segments[at + 1];
                segments[at + 1] = one;
            }
            for (size_t i = 0; i < n && !refused; i++) {
                assert_int_equal(bed_store(c->bed, segments[i].bytes), 0x9000);
                refused = c->bed->out.n > 0;
            }
            assert_true(refused);
            check_refused(c, 0);
        }
    }
    ASSERT_INSTALLED(fake_download(c->server, c->bed));
}

static void test_first_segment_twice(void **state)
{
    struct scene *c = *state;
    struct cr_err err = {0};
    struct rsp_segmenter segmenter;
    struct rsp_segment segment;
    prepare(c);
    fake_bind(c->server, (cr_span){0});
    MUST_OK(rsp_segmenter_start(&segmenter, cr_buf_span(&c->server->bpp), &err));
    assert_true(rsp_segmenter_next(&segmenter, &segment));
    assert_int_equal(bed_store(c->bed, segment.bytes), 0x9000);
    assert_int_equal(bed_store(c->bed, segment.bytes), 0x6985);
    assert_int_equal(bed_store_hex(c->bed, "BF5600"), 0x6A88);
    while (rsp_segmenter_next(&segmenter, &segment)) {
        assert_int_equal(bed_store(c->bed, segment.bytes), 0x9000);
    }
    assert_int_equal(bed_profile_count(c->bed), 1);
}

static void test_after_a_new_challenge(void **state)
{
    struct scene *c = *state;
    uint16_t sw;
    prepare(c);
    fake_bind(c->server, (cr_span){0});
    (void)bed_challenge(c->bed);
    assert_int_equal(fake_load(c->server, c->bed, &sw).data.final_result.which, 0);
    assert_int_equal(sw, 0x6985);
    assert_int_equal(bed_notifications(c->bed).count, 0);
    /* the same package in the next session: signed for another transaction */
    fake_run_authenticate(c->server, c->bed);
    c->server->bpp_euicc_otpk = crypto_public_point(c->server->otpk_euicc);
    fake_run_prepare(c->server, c->bed);
    ASSERT_REFUSED(fake_load(c->server, c->bed, NULL), RSP_BPP_INITIALISE_SECURE_CHANNEL,
                   RSP_INSTALL_INVALID_TRANSACTION_ID);
}

/* BF36 that ends behind BF23: whatever follows is too much. */
static void test_more_than_the_package_has(void **state)
{
    struct scene *c = *state;
    struct cr_err err = {0};
    struct rsp_segmenter segmenter;
    struct rsp_profile_installation_result result;
    cr_buf first = {0};
    prepare(c);
    fake_bind(c->server, (cr_span){0});
    MUST_OK(rsp_segmenter_start(&segmenter, cr_buf_span(&c->server->bpp), &err));
    der_put(&first, 0xBF36, segmenter.parts[0]);
    assert_int_equal(bed_store(c->bed, cr_buf_span(&first)), 0x9000);
    assert_int_equal(c->bed->out.n, 0);
    assert_int_equal(bed_store(c->bed, segmenter.parts[1]), 0x9000);
    cr_span copy = cr_arena_copy(&c->bed->arena, cr_buf_span(&c->bed->out));
    MUST_OK(
        asn1_decode(&rsp_profile_installation_result_type, copy, 0, &c->bed->arena, &result, &err));
    ASSERT_REFUSED(result, RSP_BPP_CONFIGURE_ISDP, RSP_INSTALL_BSP_STRUCTURE_ERROR);
    check_refused(c, 0);
    cr_buf_free(&first);
}

static void test_package_of_another_chip(void **state)
{
    struct scene *c = *state;
    struct fake_server *other = fake_new(CRYPTO_P256);
    struct bed *bed = bed_new();
    other->upp = c->server->upp;
    fake_run_authenticate(other, bed);
    fake_run_prepare(other, bed);
    prepare(c);
    fake_bind(other, (cr_span){0});
    fake_bind(c->server, (cr_span){0});
    /* as it is: signed over the other chip's one-time key */
    cr_buf mine = c->server->bpp;
    c->server->bpp = other->bpp;
    ASSERT_REFUSED(fake_load(c->server, c->bed, NULL), RSP_BPP_INITIALISE_SECURE_CHANNEL,
                   RSP_INSTALL_INVALID_SIGNATURE);
    c->server->bpp = mine;
    check_refused(c, 0);
    /* its body behind a right BF23: sealed with other keys */
    prepare(c);
    cr_buf_append_span(&c->server->body, cr_buf_span(&other->body));
    fake_rebind(c->server);
    ASSERT_REFUSED(fake_load(c->server, c->bed, NULL), RSP_BPP_CONFIGURE_ISDP,
                   RSP_INSTALL_BSP_SECURITY_ERROR);
    check_refused(c, 0);
    fake_free(other);
    bed_free(bed);
}

/* Sealed for the EID of another chip: the keys differ. */
static void test_other_eid(void **state)
{
    struct scene *c = *state;
    prepare(c);
    c->server->eid[14] ^= 1;
    fake_bind(c->server, (cr_span){0});
    ASSERT_REFUSED(fake_load(c->server, c->bed, NULL), RSP_BPP_CONFIGURE_ISDP,
                   RSP_INSTALL_BSP_SECURITY_ERROR);
    check_refused(c, 0);
}

/* ---- interruption ------------------------------------------------------------------------------
 */

static void check_interrupted(struct scene *c, const struct rsp_segment *last, bool has_iccid)
{
    rsp_pending_notification_list list = bed_notifications(c->bed);
    assert_int_equal(list.count, 1);
    const struct rsp_profile_installation_result *result =
        &list.items[0].profile_installation_result;
    ASSERT_REFUSED(*result, (int64_t)last->command, RSP_INSTALL_INTERRUPTION);
    assert_true(
        cr_span_equal(result->data.transaction_id, CR_SPAN_ARRAY(c->server->transaction_id)));
    assert_true(has_iccid == (result->data.notification_metadata.iccid.p != NULL));
    check_refused(c, 0);
}

static void test_interruptions(void **state)
{
    struct scene *c = *state;
    struct cr_err err = {0};
    struct rsp_segmenter segmenter;
    c->server->random_keys = true;
    for (size_t stop = 1; stop == 1 || stop < segmenter.count; stop++) {
        for (int how = 0; how < 3; how++) {
            struct rsp_segment segment;
            bool has_iccid = false;
            prepare(c);
            fake_bind(c->server, (cr_span){0});
            MUST_OK(rsp_segmenter_start(&segmenter, cr_buf_span(&c->server->bpp), &err));
            for (size_t i = 0; i < stop; i++) {
                assert_true(rsp_segmenter_next(&segmenter, &segment));
                assert_int_equal(bed_store(c->bed, segment.bytes), 0x9000);
                assert_int_equal(c->bed->out.n, 0);
                has_iccid = has_iccid || (segment.command == RSP_BPP_STORE_METADATA &&
                                          segment.bytes.p[0] == 0x88);
            }
            if (how == 0) {
                (void)bed_challenge(c->bed);
            } else if (how == 1) {
                bed_reset(c->bed);
            } else {
                c->bed = bed_power_cycle(c->bed);
            }
            check_interrupted(c, &segment, has_iccid);
            c->bed = bed_power_cycle(c->bed);
            assert_int_equal(bed_notifications(c->bed).count, 0); /* signed once */
        }
    }
    ASSERT_INSTALLED(fake_download(c->server, c->bed));
}

/* ---- the end of the package --------------------------------------------------------------------
 */

static int64_t pe_status(const struct rsp_profile_installation_result *result)
{
    struct cr_err err = {0};
    cr_arena arena = {0};
    rsp_euicc_response_list list;
    MUST_OK(rsp_sima_response_decode(result->data.final_result.error_result.sima_response, &arena,
                                     &list, &err));
    const struct rsp_euicc_response *last = &list.items[list.count - 1];
    assert_true(last->profile_installation_aborted);
    assert_int_equal(last->pe_status.count, 1);
    int64_t status = last->pe_status.items[0].status;
    cr_arena_free(&arena);
    return status;
}

static void check_stream(struct scene *c, cr_span upp, int64_t status)
{
    struct fake_plan plan = {.upp = upp};
    struct rsp_profile_installation_result result = load_plan(c, &plan);
    ASSERT_REFUSED(result, RSP_BPP_LOAD_PROFILE_ELEMENTS, RSP_INSTALL_PE_PROCESSING_ERROR);
    assert_int_equal(pe_status(&result), status);
    check_refused(c, 0);
}

static void test_stream(void **state)
{
    struct scene *c = *state;
    cr_span upp = c->server->upp;
    cr_buf more = {0};
    check_stream(c, cr_span_sub(upp, 0, upp.n - 1), RSP_PE_INVALID_REQUEST_FORMAT); /* cut */
    check_stream(c, cr_span_sub(upp, 0, 10), RSP_PE_INVALID_REQUEST_FORMAT);
    check_stream(c, cr_span_sub(upp, 0, 1), RSP_PE_INVALID_REQUEST_FORMAT);
    cr_buf_append_span(&more, upp); /* more behind the end */
    cr_buf_append_byte(&more, 0);
    check_stream(c, cr_buf_span(&more), RSP_PE_INVALID_REQUEST_FORMAT);
    cr_buf_append_span(&more, upp);
    check_stream(c, cr_buf_span(&more), RSP_PE_INVALID_REQUEST_FORMAT);
    more.p[1] = 0x80; /* indefinite length */
    check_stream(c, cr_buf_span(&more), RSP_PE_INVALID_REQUEST_FORMAT);
    more.p[1] = 0x85; /* a length of five bytes */
    check_stream(c, cr_buf_span(&more), RSP_PE_INVALID_REQUEST_FORMAT);
    cr_buf_free(&more);
    ASSERT_INSTALLED(fake_download(c->server, c->bed));
}

/* An element larger than the chip takes. */
static void test_huge_element(void **state)
{
    struct scene *c = *state;
    static const uint8_t huge[] = {0xA9, 0x83, 0x10, 0x00, 0x00, 0xA0, 0x00};
    cr_buf upp = {0};
    cr_span rest = c->server->upp;
    struct der_tlv header;
    struct cr_err err = {0};
    MUST_OK(der_next(&rest, DER_STRICT, &header, &err));
    cr_buf_append_span(&upp, header.all);
    cr_buf_append_span(&upp, CR_SPAN_ARRAY(huge));
    struct fake_plan plan = {.upp = cr_buf_span(&upp)};
    ASSERT_REFUSED(load_plan(c, &plan), RSP_BPP_LOAD_PROFILE_ELEMENTS,
                   RSP_INSTALL_INSUFFICIENT_MEMORY);
    check_refused(c, 0);
    cr_buf_free(&upp);
}

/* Bytes of 86 in all sizes: elements begin and end anywhere. */
static void test_cuts(void **state)
{
    static const size_t cuts[] = {1007, 500, 100, 33, 16, 7, 1};
    struct scene *c = *state;
    for (size_t i = 0; i < CR_COUNT(cuts); i++) {
        struct fake_plan plan = {.upp_cut = cuts[i], .keys = fake_keys(c->server)};
        ASSERT_INSTALLED(load_plan(c, &plan));
        assert_int_equal(bed_delete(c->bed, c->server->metadata.iccid), RSP_PROFILE_OK);
    }
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(test_channel),
        WITH_SCENE(test_channel_malformed),
        WITH_SCENE(test_contents),
        WITH_SCENE(test_metadata),
        WITH_SCENE(test_long_metadata),
        WITH_SCENE(test_lists_in_pieces),
        WITH_SCENE(test_flipped_bytes),
        WITH_SCENE(test_order),
        WITH_SCENE(test_first_segment_twice),
        WITH_SCENE(test_after_a_new_challenge),
        WITH_SCENE(test_more_than_the_package_has),
        WITH_SCENE(test_package_of_another_chip),
        WITH_SCENE(test_other_eid),
        WITH_SCENE(test_interruptions),
        WITH_SCENE(test_stream),
        WITH_SCENE(test_huge_element),
        WITH_SCENE(test_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
