/*
 * Power cuts: a download, enable, disable and delete, cut at every write and around every commit.
 * Whatever the moment, the chip comes back whole, and the same job can be done.
 */
#include "fake_server.h"
#include "package.h"

struct cutter {
    size_t point; /* counts */
    size_t at;    /* cut here */
    bool commits_only;
    bool fired;
    struct nvm *of;   /* to be cloned at the cut; NULL = nothing */
    struct nvm *left; /* the clone */
};

static bool cut_here(void *ctx, enum nvm_point point)
{
    struct cutter *cutter = ctx;
    if (cutter->commits_only && point == NVM_WRITE) {
        return false;
    }
    cutter->fired = cutter->point++ == cutter->at;
    if (cutter->fired && cutter->of) {
        MUST(nvm_clone_committed(cutter->of, &cutter->left, NULL) == CR_OK);
    }
    return cutter->fired;
}

struct job {
    struct fake_server *server;
    struct bed *bed;
    struct cutter cutter;
    /* What the chip has said. */
    cr_span otpk; /* the last one-time key; absent = none in this session */
    uint8_t transaction_id[16];
    int64_t answered; /* sequence number of the result that was answered; 0 = none */
    bool installed;   /* that result said so */
};

static void events(struct fake_server *s)
{
    static struct rsp_notification_configuration all = {
        .profile_management_operation = RSP_EVENT_INSTALL | RSP_EVENT_LOCAL_ENABLE |
                                        RSP_EVENT_LOCAL_DISABLE | RSP_EVENT_LOCAL_DELETE};
    all.notification_address = cr_span_str("notify.example.com");
    s->metadata.notification_configuration_info.items = &all;
    s->metadata.notification_configuration_info.count = 1;
    s->metadata.notification_configuration_info.present = true;
}

/* The job: every step may be the one where the power goes. */
static void run(struct job *j)
{
    struct fake_server *s = j->server;
    j->answered = 0;
    j->installed = false;
    fake_run_authenticate(s, j->bed);
    memcpy(j->transaction_id, s->transaction_id, sizeof(j->transaction_id));
    fake_run_prepare(s, j->bed);
    cr_span point = cr_arena_copy(&s->arena, crypto_public_point(s->otpk_euicc));
    if (!j->otpk.p || !cr_span_equal(j->otpk, point)) {
        /* A key that was never bound before: new on both sides. */
        cr_buf_reset(&s->body);
        crypto_private_free(s->otsk);
        s->otsk = NULL;
    }
    j->otpk = point;
    fake_bind(s, (cr_span){0});
    struct rsp_profile_installation_result result = fake_load(s, j->bed, NULL);
    ASSERT_INSTALLED(result);
    j->answered = result.data.notification_metadata.seq_number;
    j->installed = true;
    assert_int_equal(bed_enable(j->bed, s->metadata.iccid, false), RSP_PROFILE_OK);
    assert_int_equal(bed_disable(j->bed, s->metadata.iccid, false), RSP_PROFILE_OK);
    assert_int_equal(bed_delete(j->bed, s->metadata.iccid), RSP_PROFILE_OK);
}

/* Results: one for each transaction. Sequence numbers: no two alike. */
static int64_t check_notifications(struct job *j)
{
    rsp_pending_notification_list list = bed_notifications(j->bed);
    int64_t highest = 0;
    size_t results = 0;
    bool answered = j->answered == 0;
    for (size_t i = 0; i < list.count; i++) {
        int64_t sequence = rsp_pending_notification_metadata(&list.items[i])->seq_number;
        assert_true(sequence > highest); /* listed in their order */
        highest = sequence;
        answered = answered || sequence == j->answered;
        if (list.items[i].which == RSP_PENDING_PROFILE_INSTALLATION_RESULT) {
            const struct rsp_profile_installation_result *result =
                &list.items[i].profile_installation_result;
            fake_verify_result(j->bed, result);
            if (cr_span_equal(result->data.transaction_id, CR_SPAN_ARRAY(j->transaction_id))) {
                results++;
                if (result->data.final_result.which == RSP_INSTALL_FAILURE) {
                    assert_int_equal(result->data.final_result.error_result.error_reason,
                                     RSP_INSTALL_INTERRUPTION);
                } else {
                    j->installed = true;
                }
            }
        } else {
            fake_verify_notification(&list.items[i]);
        }
    }
    assert_true(results <= 1);
    assert_true(answered); /* what was answered is kept */
    return highest;
}

/* After the cut: power on, look, do it again. */
static void recover(struct job *j)
{
    struct fake_server *s = j->server;
    cr_span before = j->otpk;
    j->bed = bed_power_cycle(j->bed);
    bed_check_consistent(j->bed);
    int64_t highest = check_notifications(j);
    bool used = j->installed;
    /* A second power cycle changes nothing. */
    j->bed = bed_power_cycle(j->bed);
    assert_int_equal(check_notifications(j), highest);
    switch (bed_state(j->bed, s->metadata.iccid)) {
    case RSP_STATE_ENABLED:
        assert_int_equal(bed_disable(j->bed, s->metadata.iccid, false), RSP_PROFILE_OK);
        assert_int_equal(bed_delete(j->bed, s->metadata.iccid), RSP_PROFILE_OK);
        break;
    case RSP_STATE_DISABLED:
        assert_int_equal(bed_delete(j->bed, s->metadata.iccid), RSP_PROFILE_OK);
        break;
    default:
        break;
    }
    s->bpp_euicc_otpk = before;
    run(j);
    /* A key of an installed profile does not come back; any other may. */
    assert_false(used && cr_span_equal(before, j->otpk));
    rsp_pending_notification_list list = bed_notifications(j->bed);
    assert_true(rsp_pending_notification_metadata(&list.items[list.count - 1])->seq_number >
                highest);
    bed_check_consistent(j->bed);
    assert_int_equal(bed_profile_count(j->bed), 0);
}

/* One try with a cut at a point; false when the job was through before it. */
static bool try_point(cr_span upp, size_t at, bool commits_only, bool random_keys)
{
    struct job j = {.cutter = {.at = at, .commits_only = commits_only}};
    jmp_buf gone;
    j.server = fake_new(CRYPTO_P256);
    j.bed = bed_new();
    j.server->upp = upp;
    j.server->random_keys = random_keys;
    /* volatile: lives over the jump */
    struct job *volatile job = &j;
    events(j.server);
    if (upp.n > 5000) {
        static const uint8_t iccid[] = {0x98, 0x00, 0x10, 0x32, 0x54, 0x76, 0x98, 0x10, 0x32, 0x14};
        j.server->metadata.iccid = CR_SPAN_ARRAY(iccid);
    }
    nvm_set_fault(euicc_nvm(j.bed->euicc), cut_here, &j.cutter);
    if (setjmp(gone) == 0) {
        job->bed->cut = &gone;
        run(job);
        assert_false(job->cutter.fired);
    } else {
        assert_true(job->cutter.fired);
        /* dead until the power comes back */
        uint8_t status[] = {0x80, 0xF2, 0x00, 0x0C};
        job->bed->cut = NULL;
        assert_int_equal(bed_raw(job->bed, CR_SPAN_ARRAY(status)), 0x6581);
        recover(job);
    }
    bool fired = job->cutter.fired;
    bed_free(job->bed);
    fake_free(job->server);
    return fired;
}

static void test_every_point(void **state)
{
    (void)state;
    cr_buf upp = {0};
    struct fake_server *s = fake_new(CRYPTO_P256);
    package_small(s->metadata.iccid, &upp);
    size_t at = 0;
    while (try_point(cr_buf_span(&upp), at, false, at & 1)) {
        at++;
    }
    print_message("%zu points\n", at);
    assert_true(at > 100);
    fake_free(s);
    cr_buf_free(&upp);
}

static void test_every_commit_of_ts48(void **state)
{
    (void)state;
    cr_buf upp = {0};
    bed_ts48(BED_TS48_BER, &upp);
    size_t at = 0;
    while (try_point(cr_buf_span(&upp), at, true, true)) {
        at++;
    }
    print_message("%zu points\n", at);
    assert_true(at > 50);
    cr_buf_free(&upp);
}

/* The clean-up at power on is cut, too: again and again, and signed once. */
static void test_cut_while_recovering(void **state)
{
    (void)state;
    struct cr_err err = {0};
    struct rsp_segmenter segmenter;
    struct rsp_segment segment;
    cr_buf upp = {0};
    struct fake_server *s = fake_new(CRYPTO_P256);
    struct bed *bed = bed_new();
    package_small(s->metadata.iccid, &upp);
    s->upp = cr_buf_span(&upp);
    fake_run_authenticate(s, bed);
    fake_run_prepare(s, bed);
    fake_bind(s, (cr_span){0});
    MUST_OK(rsp_segmenter_start(&segmenter, cr_buf_span(&s->bpp), &err));
    for (size_t i = 0; i + 1 < segmenter.count; i++) {
        assert_true(rsp_segmenter_next(&segmenter, &segment));
        assert_int_equal(bed_store(bed, segment.bytes), 0x9000);
    }
    struct nvm *left = NULL;
    MUST_OK(nvm_clone_committed(euicc_nvm(bed->euicc), &left, &err));
    bed_free(bed);
    bool fired = true;
    size_t at = 0;
    for (; fired; at++) {
        struct cutter cutter = {.at = at};
        struct nvm *nvm = NULL;
        struct nvm *after = NULL;
        struct euicc *euicc = NULL;
        MUST_OK(nvm_clone_committed(left, &nvm, &err));
        cutter.of = nvm;
        nvm_set_fault(nvm, cut_here, &cutter);
        cr_status status = euicc_open(nvm, cr_env_system(), &euicc, &err);
        fired = cutter.fired;
        assert_true((status == CR_OK) != fired);
        if (fired) {
            after = cutter.left;
        } else {
            MUST_OK(nvm_clone_committed(euicc_nvm(euicc), &after, &err));
            euicc_free(euicc);
        }
        bed = bed_open(after, true);
        bed_check_consistent(bed);
        rsp_pending_notification_list list = bed_notifications(bed);
        assert_int_equal(list.count, 1);
        ASSERT_REFUSED(list.items[0].profile_installation_result, RSP_BPP_LOAD_PROFILE_ELEMENTS,
                       RSP_INSTALL_INTERRUPTION);
        bed_free(bed);
    }
    assert_true(at > 3);
    nvm_close(left);
    fake_free(s);
    cr_buf_free(&upp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_point),
        cmocka_unit_test(test_every_commit_of_ts48),
        cmocka_unit_test(test_cut_while_recovering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
