/*
 * The SM-SR change between two SM-SRs and a real chip.
 */
#include "pair.h"

static int setup(void **state)
{
    *state = pair_new();
    return 0;
}

static int teardown(void **state)
{
    pair_free(*state);
    return 0;
}

static void test_whole(void **state)
{
    struct pair *p = *state;
    struct ask ask = pair_prepare(p, TWO);
    pair_expect(p, &ask, "");
    ask = pair_change(p, ONE);
    pair_run(p);
    pair_expect(p, &ask, "");
    assert_string_equal(pair_has(p, ONE), "-");
    assert_string_equal(pair_has(p, TWO), "E");
    assert_string_equal(pair_procedures(p, ONE), "SMSRChange:done");
    assert_string_equal(pair_procedures(p, TWO), "HandoverEUICC:done");
    assert_string_equal(pair_keysets(p, ONE), "");
    assert_string_equal(pair_keysets(p, TWO), "02 40");
    assert_string_equal(pair_chip_keysets(p), "02 40");
    assert_string_equal(pair_trail(p, TWO), "0900 0800");
    assert_string_equal(pair_letters(p),
                        "a ES4 HandleSMSRChangeNotification; d ES3 HandleSMSRChangeNotification "
                        "for 1.2.2");
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
