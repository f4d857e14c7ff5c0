/*
 * Files by name: what people write, and what is said of places.
 */
#include "lab.h"

#include "lab/names.h"

static void parses(const char *text, const struct lab_place *current, const char *path)
{
    struct lab_place place;
    struct cr_err err = {0};
    char out[LAB_PATH_TEXT];
    if (lab_place_parse(cr_span_str(text), current, &place, &err) != CR_OK) {
        fail_msg("%s: %s", text, err.cause);
    }
    assert_string_equal(lab_place_text(&place, out), path);
}

static void fails(const char *text, cr_status status, const char *says)
{
    struct lab_place place;
    struct cr_err err = {0};
    assert_int_equal(lab_place_parse(cr_span_str(text), NULL, &place, &err), status);
    if (!strstr(err.cause, says) && !strstr(err.next, says)) {
        fail_msg("'%s' / '%s' does not say %s", err.cause, err.next, says);
    }
}

static void paths(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path;
    } rows[] = {
        {"3F00", "MF"},
        {"MF", "MF"},
        {"mf/2FE2", "MF/EF.ICCID"},
        {"3F00/2FE2", "MF/EF.ICCID"},
        {"/2FE2", "MF/EF.ICCID"},
        {"EF.ICCID", "MF/EF.ICCID"},
        {"iccid", "MF/EF.ICCID"},
        {"MF/ADF.USIM/EF.IMSI", "MF/ADF.USIM/EF.IMSI"},
        {"adf.usim/ef-imsi", "MF/ADF.USIM/EF.IMSI"},
        {"USIM/6F07", "MF/ADF.USIM/EF.IMSI"},
        {"A0000000871002/6F07", "MF/ADF.USIM/EF.IMSI"},
        {"a0000000871002ff49ff0589/imsi", "MF/ADF.USIM/EF.IMSI"},
        {"imsi", "MF/ADF.USIM/EF.IMSI"},
        {"spn", "MF/ADF.USIM/EF.SPN"}, /* the CSIM has one, too */
        {"start_hfn", "MF/ADF.USIM/EF.START-HFN"},
        {"USIM/DF.5GS/EF.SUCI_Calc_Info", "MF/ADF.USIM/DF.5GS/EF.SUCI_Calc_Info"},
        {"USIM/5gs/suci-calc-info", "MF/ADF.USIM/DF.5GS/EF.SUCI_Calc_Info"},
        {"USIM/5FC0/4F07", "MF/ADF.USIM/DF.5GS/EF.SUCI_Calc_Info"},
        {"USIM/GSM-ACCESS/Kc", "MF/ADF.USIM/DF.GSM-ACCESS/EF.Kc"},
        {"ISIM/IMPI", "MF/ADF.ISIM/EF.IMPI"},
        {"impu", "MF/ADF.ISIM/EF.IMPU"},
        {"3F00/7F10/6F3A", "MF/DF.TELECOM/EF.ADN"},
        {"telecom/phonebook/pbr", "MF/DF.TELECOM/DF.PHONEBOOK/EF.PBR"},
        {"MF/7F99/6F99", "MF/7F99/6F99"},
        {"isd-r", "ISD-R"},
        {"A0000000031234", "A0000000031234"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        parses(rows[i].text, NULL, rows[i].path);
    }
}

static void from_where_one_is(void **state)
{
    (void)state;
    struct lab_place usim = lab_place_aid(hex("A0000000871002FF49FF0589"));
    struct lab_place isim = lab_place_aid(hex("A0000000871004FF49FF0589"));
    struct lab_place deep = usim;
    assert_true(lab_place_down(&deep, 0x5FC0));
    parses("EF.ARR", &usim, "MF/ADF.USIM/EF.ARR");
    parses("EF.ARR", &isim, "MF/ADF.ISIM/EF.ARR");
    parses("EF.AD", &isim, "MF/ADF.ISIM/EF.AD");
    parses("IMSI", &deep, "MF/ADF.USIM/EF.IMSI"); /* on the way up */
    parses("7FFF/6F07", &deep, "MF/ADF.USIM/EF.IMSI");
    parses("7FFF", &deep, "MF/ADF.USIM");
    parses("IST", &usim, "MF/ADF.ISIM/EF.IST"); /* only there */
}

static void refusals(void **state)
{
    (void)state;
    fails("", CR_MALFORMED, "missing");
    fails("MF//2FE2", CR_MALFORMED, "empty name");
    fails("MF/", CR_OK, ""); /* the MF */
    fails("EF.NOSUCH", CR_REFUSED, "no file is called");
    fails("EF.ARR", CR_REFUSED, "MF/EF.ARR or MF/DF.TELECOM/EF.ARR");
    fails("USIM/NOSUCH", CR_REFUSED, "below MF/ADF.USIM");
    fails("7FFF", CR_REFUSED, "application");
    fails("3F00/1111/2222/3333/4444/5555/6666/7777/8888", CR_MALFORMED, "at most");
}

static void steps(void **state)
{
    (void)state;
    struct lab_place at = lab_place_aid(hex("A0000000871002"));
    struct lab_place same = at;
    char name[LAB_NAME];
    assert_true(lab_place_known(&at));
    assert_true(lab_place_down(&at, 0x6F07));
    assert_true(lab_place_known(&at));
    assert_string_equal(lab_file_name(&at, name), "EF.IMSI");
    assert_int_equal(lab_ef_place(&at), PROFILE_EF_USIM);
    assert_false(lab_place_equal(&at, &same));
    assert_true(lab_place_up(&at));
    assert_true(lab_place_equal(&at, &same));
    assert_true(lab_place_up(&at)); /* to the MF */
    assert_int_equal(at.base, LAB_BASE_MF);
    assert_false(lab_place_up(&at));
    for (uint16_t i = 0; i < LAB_MAX_PATH; i++) {
        assert_true(lab_place_down(&at, (uint16_t)(0x7F00 + i)));
    }
    assert_false(lab_place_down(&at, 0x6F07));
    at = lab_place_aid(hex("A000000003"));
    assert_false(lab_place_known(&at));
    assert_string_equal(lab_file_name(&at, name), "A000000003");
}

/* Every name that completion offers is one that the parser takes to a file of this name. */
static void completion_and_parser_agree(void **state)
{
    (void)state;
    struct lab_place bases[] = {lab_place_mf(), lab_place_aid(hex("A0000000871002")),
                                lab_place_aid(hex("A0000000871004")),
                                lab_place_aid(hex("A0000003431002"))};
    size_t names = 0;
    for (size_t i = 0; i < CR_COUNT(bases); i++) {
        char name[LAB_NAME];
        for (size_t cursor = 0; lab_place_next_name(&bases[i], &cursor, name); names++) {
            char text[LAB_PATH_TEXT];
            char again[LAB_NAME];
            struct lab_place found;
            (void)lab_place_text(&bases[i], text);
            size_t n = strlen(text);
            (void)snprintf(text + n, sizeof(text) - n, "/%s", name);
            assert_int_equal(lab_place_parse(cr_span_str(text), NULL, &found, NULL), CR_OK);
            assert_string_equal(lab_file_name(&found, again), name);
        }
    }
    assert_true(names > 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(from_where_one_is),
        cmocka_unit_test(refusals),
        cmocka_unit_test(steps),
        cmocka_unit_test(completion_and_parser_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
