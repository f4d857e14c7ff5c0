/* What is said about wrong lines of configuration files. */
#include "test.h"

#include "base/setting.h"

static const struct cr_setting known[] = {
    {"port", "a number from 1 to 65535"}, {"host", "a name"}, {NULL, NULL}};

static void tells_name_from_value(void **state)
{
    char out[200];
    (void)state;
    cr_setting_problem(out, sizeof out, "smsc x", "port", known, "");
    assert_string_equal(out, "[smsc x] port takes a number from 1 to 65535");
    cr_setting_problem(out, sizeof out, "smsc x", "prot", known, "");
    assert_string_equal(out, "[smsc x] prot is no setting; there are port, host");
    cr_setting_problem(out, sizeof out, "msc", "a", NULL, "[radio] and [smsc NAME]");
    assert_string_equal(out,
                        "[msc] a: there is no such section; there are [radio] and [smsc NAME]");
}

static void is_cut_where_the_room_ends(void **state)
{
    char out[40];
    (void)state;
    cr_setting_problem(out, sizeof out, "s", "x", known, "");
    assert_string_equal(out, "[s] x is no setting; there are port, ho");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_name_from_value),
        cmocka_unit_test(is_cut_where_the_room_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
