/*
 * Power that is cut anywhere, and memory that is full at any moment: each command of a domain is
 * there as a whole or not at all.
 */
#include "bed.h"

#define PACKAGE  "A00000FFFF0101"
#define MODULE   "A00000FFFF0102"
#define INSTANCE "A00000FFFF0103"
#define NEW_SD   "A0000001510000AA"

/* A life of card content, through a session of level 00. */
static const struct {
    const char *head, *data;
} steps[] = {
    {"80E60200", "07" PACKAGE "00"
                 "000000"},
    {"80E88000", "C40E"
                 "03000B"
                 "01"
                 "07" MODULE "0010"},
    {"80E60C00", "07" PACKAGE "07" MODULE "07" INSTANCE "0100"
                 "0000"},
    {"80E60C00", "07A0000001515350"
                 "08A000000151535041"
                 "08" NEW_SD "0180"
                 "11EA0F800D010000000002010203B201AA00"
                 "00"},
    {"80E62000", "0000"
                 "08" NEW_SD "000000"},
    {"80E28800", "0070034201A1"
                 "0070034501B1"},
    {"80E61000", "08" SUB_SD "00"
                 "08" NEW_SD "000000"},
    {"80F04087", NEW_SD},
    {"80F04007", NEW_SD},
    {"80E40000", "D00103D20130"},
    {"80E40080", "4F07" PACKAGE},
    {"80E40000", "4F08" NEW_SD},
};

/* Everything of the registry hangs together; what an object needs is there. */
static void check(const struct gp_registry *reg)
{
    struct gp_object o, other;
    char prefix[48];
    size_t objects = 0;
    for (uint16_t id = 0; gp_object_next(reg, id, &o); id = o.id) {
        objects++;
        assert_true(gp_object_get(reg, o.domain, &other) && other.kind == GP_DOMAIN);
        assert_true(gp_object_below(reg, o.id, 1));
        if (o.kind == GP_PACKAGE) {
            assert_true(gp_modules_count(reg, o.id) > 0);
            assert_true(o.builtin || gp_load_file_get(reg, o.id).n == o.size);
        } else if (o.package.n) {
            assert_true(gp_object_by_aid(reg, gp_aid_span(&o.package), &other));
            assert_true(gp_modules_have(reg, other.id, gp_aid_span(&o.module)));
        }
    }
    assert_int_equal(objects, gp_object_count(reg));
    /* no records of objects that are gone */
    cr_span key, value, at = {0};
    (void)snprintf(prefix, sizeof prefix, "%.*sg/", reg->prefix_size, reg->prefix);
    while (nvm_next(reg->nvm, cr_span_str(prefix), at, &key, &value)) {
        char id[5] = {0};
        memcpy(id, key.p + strlen(prefix) + 1, 4);
        uint16_t owner = (uint16_t)strtoul(id, NULL, 16);
        assert_true(owner == 0 || gp_object_get(reg, owner, &o));
        at = key;
    }
}

struct cut {
    long left;
};

static bool cut_hook(void *ctx, enum nvm_point point)
{
    struct cut *cut = ctx;
    (void)point;
    return cut->left-- == 0;
}

/* The steps from a session on, until one fails; how many went through. */
static size_t run(struct bed *bed)
{
    size_t done = 0;
    if (bed_sw(bed, SELECT_MNO) != UICC_SW_OK || bed_authenticate(bed, 0x20, 0x00) != UICC_SW_OK) {
        return 0;
    }
    while (done < CR_COUNT(steps) &&
           bed_sw(bed, bed_apdu(steps[done].head, steps[done].data)) == UICC_SW_OK) {
        done++;
    }
    return done;
}

static void cut_anywhere(void **state)
{
    (void)state;
    struct bed *origin = bed_new();
    size_t done = 0;
    for (long n = 0; done < CR_COUNT(steps); n++) {
        struct nvm *nvm;
        assert_int_equal(nvm_clone_committed(origin->sim->nvm, &nvm, NULL), CR_OK);
        struct bed *bed = bed_open_memory(nvm);
        struct cut cut = {.left = n};
        nvm_set_fault(bed->sim->nvm, cut_hook, &cut);
        done = run(bed);
        bed = bed_power_cycle(bed);
        check(bed->reg);
        /* sequence counters never say what they said before */
        struct gp_counters counters;
        gp_counters_get(bed->reg, 1, 0x20, &counters);
        assert_true(done == 0 || counters.sessions == 1);
        assert_true(n < 400);
        bed_free(bed);
    }
    bed_free(origin);
}

static void full_anywhere(void **state)
{
    (void)state;
    struct bed *origin = bed_new();
    size_t done = 0;
    for (size_t room = 0; done < CR_COUNT(steps); room += 7) {
        struct nvm *nvm;
        assert_int_equal(nvm_clone_committed(origin->sim->nvm, &nvm, NULL), CR_OK);
        struct bed *bed = bed_open_memory(nvm);
        nvm_set_capacity(nvm, nvm_used(nvm) + room);
        done = run(bed);
        check(bed->reg);
        if (done < CR_COUNT(steps)) {
            size_t used = nvm_used(nvm);
            (void)bed_sw(bed, bed_apdu(steps[done].head, steps[done].data));
            assert_int_equal(nvm_used(nvm), used);
        }
        check(bed->reg);
        assert_true(room < 5000);
        bed_free(bed);
    }
    bed_free(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(full_anywhere),
    };
    return cmocka_run_group_tests_name("gp/power", tests, NULL, NULL);
}
