/* What does not get into the inventory, and that a batch goes in as a whole or not at all. */
#include "rig.h"

#include "smdpp/core.h"

#include <string.h>

static const struct rig_metadata OPERATIONAL = {.profile_class = RSP_CLASS_OPERATIONAL};

static void refuses(struct rig *rig, cr_span upp, cr_span metadata, const char *says)
{
    struct smdpp_import import = {.upp = upp, .metadata = metadata, .type = "t"};
    rig->err = (struct cr_err){0};
    assert_int_not_equal(smdpp_import(rig->dp, &import, 1, &rig->err), CR_OK);
    if (!strstr(rig->err.cause, says)) {
        fail_msg("'%s' does not say '%s'", rig->err.cause, says);
    }
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM profile"), 0);
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM package"), 0);
}

static void bad_packages(void **state)
{
    struct rig *rig = *state;
    cr_span good = rig_upp(rig, rig_iccid(1), 2, 100);
    cr_span metadata = rig_metadata(rig, rig_iccid(1), &OPERATIONAL);
    uint8_t *copy = cr_arena_alloc(&rig->arena, 2 * good.n);
    uint8_t *huge = cr_arena_alloc(&rig->arena, SMDPP_MAX_UPP + 1);
    assert_non_null(copy);
    assert_non_null(huge);
    memcpy(copy, good.p, good.n);
    memcpy(copy + good.n, good.p, good.n);
    refuses(rig, cr_span_str(""), metadata, "end");
    refuses(rig, cr_span_str("no package"), metadata, "");
    refuses(rig, cr_span_of(copy, 2 * good.n), metadata, "behind its end");
    refuses(rig, cr_span_of(huge, SMDPP_MAX_UPP + 1), metadata, "larger");
    /* cut at every point */
    for (size_t n = 0; n < good.n; n++) {
        refuses(rig, cr_span_sub(good, 0, n), metadata, "");
    }
    /* without its header: starts with the second element */
    struct der_tlv header;
    cr_span rest = good;
    assert_ok(rig, der_next(&rest, DER_STRICT, &header, &rig->err));
    refuses(rig, rest, metadata, "begin with a header");
    /* metadata */
    refuses(rig, good, (cr_span){0}, "");
    refuses(rig, good, cr_span_str("x"), "");
    refuses(rig, good, cr_span_sub(metadata, 0, metadata.n - 1), "");
    refuses(rig, good, rig_metadata(rig, rig_iccid(2), &OPERATIONAL), "says ICCID");
    assert_non_null(strstr(rig->err.next, "dataMismatch"));
    char long_type[100];
    memset(long_type, 'x', sizeof(long_type) - 1);
    long_type[sizeof(long_type) - 1] = 0;
    struct smdpp_import typed = {.upp = good, .metadata = metadata, .type = long_type};
    assert_int_equal(smdpp_import(rig->dp, &typed, 1, &rig->err), CR_REFUSED);
}

static void all_or_nothing(void **state)
{
    struct rig *rig = *state;
    struct smdpp_import batch[4];
    for (int i = 0; i < 4; i++) {
        const char *iccid = rig_iccid(i < 3 ? i : 0); /* the last one is there already */
        batch[i] = (struct smdpp_import){.upp = rig_upp(rig, iccid, 2, 100),
                                         .metadata = rig_metadata(rig, iccid, &OPERATIONAL)};
    }
    assert_int_equal(smdpp_import(rig->dp, batch, 4, &rig->err), CR_REFUSED);
    assert_non_null(strstr(rig->err.cause, rig_iccid(0)));
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM profile"), 0);
    assert_ok(rig, smdpp_import(rig->dp, batch, 3, &rig->err));
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM profile"), 3);
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM package"), 3);
    assert_int_equal(smdpp_import(rig->dp, batch, 1, &rig->err), CR_REFUSED);
    assert_ok(rig, smdpp_import(rig->dp, batch, 0, &rig->err));
}

struct removal {
    const char *iccid;
    bool removed;
};

static cr_status removal_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct removal *removal = ctx;
    return smdpp_profile_remove(tx, removal->iccid, &removal->removed, err);
}

static void removed(void **state)
{
    struct rig *rig = *state;
    rig_import(rig, 1);
    rig_release(rig, 2, "ABC", NULL, NULL);
    struct removal free_one = {.iccid = rig_iccid(1)};
    struct removal ordered = {.iccid = rig_iccid(2)};
    assert_ok(rig, store_run(rig->dp->store, removal_work, &free_one, &rig->err));
    assert_ok(rig, store_run(rig->dp->store, removal_work, &ordered, &rig->err));
    assert_true(free_one.removed);
    assert_false(ordered.removed);
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM profile"), 1);
    assert_int_equal(rig_number(rig, "SELECT count(*) FROM package"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(bad_packages),
        TEST(all_or_nothing),
        TEST(removed),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
