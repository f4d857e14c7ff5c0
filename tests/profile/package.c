/*
 * The element codec: the generic test profiles byte for byte, every kind of element, hostile input.
 */
#include "sample.h"

#include "profile/template.h"

static struct profile_package read_sample(const char *name, cr_buf *bytes, cr_arena *arena)
{
    struct cr_err err = {0};
    struct profile_package package;
    sample_ts48(name, bytes);
    assert_ok(profile_package_read(cr_buf_span(bytes), arena, &package, &err));
    return package;
}

/* Every element encodes from its members to the bytes it was read from. */
static void roundtrip(const char *name)
{
    cr_arena arena = {0};
    cr_buf bytes = {0};
    cr_buf again = {0};
    struct cr_err err = {0};
    struct profile_package package = read_sample(name, &bytes, &arena);
    for (size_t i = 0; i < package.count; i++) {
        struct profile_element *element = &package.elements[i];
        assert_false(element->has_unknown);
        assert_true(profile_element_canonical(element));
        element->raw = (cr_span){0};
    }
    assert_ok(profile_package_encode(&package, &again, &err));
    assert_true(cr_span_equal(cr_buf_span(&again), package.bytes));
    cr_buf_free(&again);
    cr_buf_free(&bytes);
    cr_arena_free(&arena);
}

static void test_roundtrip_ber_suci(void **state)
{
    (void)state;
    roundtrip(SAMPLE_BER_SUCI);
}

static void test_roundtrip_no_ber(void **state)
{
    (void)state;
    roundtrip(SAMPLE_NO_BER);
}

/* The sequence of elements of the generic test profile v7, in kinds, identifications and bytes. */
static void test_sequence(void **state)
{
    (void)state;
    static const struct {
        enum profile_element_kind kind;
        int64_t identification;
        size_t size; /* 0 = not known from the documentation */
    } expected[] = {
        {PROFILE_HEADER, 0, 162},
        {PROFILE_MF, 4, 779},
        {PROFILE_PUK_CODES, 5, 42},
        {PROFILE_PIN_CODES, 2, 78},
        {PROFILE_TELECOM, 7, 535},
        {PROFILE_PIN_CODES, 3, 36},
        {PROFILE_GFM, 23, 1018},
        {PROFILE_USIM, 8, 1205},
        {PROFILE_OPT_USIM, 9, 2529},
        {PROFILE_PIN_CODES, 10, 0},
        {PROFILE_AKA, 11, 55},
        {PROFILE_GSM_ACCESS, 12, 140},
        {PROFILE_DF_5GS, 13, 298},
        {PROFILE_DF_SAIP, 14, 68},
        {PROFILE_CSIM, 15, 1796},
        {PROFILE_OPT_CSIM, 16, 1445},
        {PROFILE_PIN_CODES, 17, 0},
        {PROFILE_CDMA, 18, 113},
        {PROFILE_ISIM, 19, 474},
        {PROFILE_OPT_ISIM, 20, 94},
        {PROFILE_PIN_CODES, 21, 0},
        {PROFILE_AKA, 22, 0},
        {PROFILE_GFM, 24, 338},
        {PROFILE_GFM, 25, 433},
        {PROFILE_SECURITY_DOMAIN, 26, 361},
        {PROFILE_RFM, 27, 0},
        {PROFILE_RFM, 28, 0},
        {PROFILE_RFM, 29, 0},
        {PROFILE_RFM, 30, 0},
        {PROFILE_END, 31, 9},
    };
    cr_arena arena = {0};
    cr_buf bytes = {0};
    struct profile_package package = read_sample(SAMPLE_BER_SUCI, &bytes, &arena);
    assert_int_equal(package.count, CR_COUNT(expected));
    for (size_t i = 0; i < package.count; i++) {
        const struct profile_element *element = &package.elements[i];
        assert_int_equal(element->kind, expected[i].kind);
        assert_int_equal(element->tag, profile_kind_tag(element->kind));
        if (element->kind != PROFILE_HEADER) {
            assert_int_equal(element->header.identification, expected[i].identification);
            assert_true(element->header.mandated);
        }
        if (expected[i].size) {
            assert_int_equal(element->raw.n, expected[i].size);
        }
    }
    cr_buf_free(&bytes);
    cr_arena_free(&arena);
}

/* Members of each struct hold what the package says. */
static void test_members(void **state)
{
    (void)state;
    cr_arena arena = {0};
    cr_buf bytes = {0};
    struct profile_package package = read_sample(SAMPLE_BER_SUCI, &bytes, &arena);
    const struct profile_element *e = package.elements;

    const struct profile_header *header = &e[0].profile_header;
    assert_int_equal(header->major_version, 2);
    assert_int_equal(header->minor_version, 3);
    assert_true(
        cr_span_equal(header->profile_type, cr_span_str("GSMA Generic eUICC Test Profile")));
    assert_hex(header->iccid, "89000123456789012341");
    assert_true(header->services[PROFILE_SERVICE_USIM]);
    assert_true(header->services[PROFILE_SERVICE_PROFILE_B_P256]);
    assert_false(header->services[PROFILE_SERVICE_MILENAGE]);
    assert_int_equal(header->gfste_list.count, 11);
    assert_hex(header->gfste_list.items[10], "67810F01020E");

    const struct profile_files *mf = &e[1].fs;
    assert_string_equal(mf->template->name, "MF");
    assert_int_equal(mf->count, 6);
    assert_string_equal(mf->files[2].row->name, "ef-iccid");
    assert_int_equal(mf->files[2].items.count, 2);
    assert_int_equal(mf->files[2].items.items[0].which, PROFILE_ITEM_FCP);
    assert_hex(mf->files[2].items.items[0].fcp.short_efid, "10");
    assert_hex(mf->files[2].items.items[1].fill_file_content, "98001032547698103214");
    assert_int_equal(mf->files[3].items.items[2].fill_file_offset, 0x0B);

    assert_int_equal(e[2].puk_codes.codes.count, 2);
    assert_int_equal(e[2].puk_codes.codes.items[1].key_reference, 0x81);
    assert_int_equal(e[2].puk_codes.codes.items[1].max_num_of_attemps_retry_num_left, 0xAA);
    assert_int_equal(e[3].pin_codes.codes.which, PROFILE_PIN_CONFIG);
    assert_int_equal(e[3].pin_codes.codes.pinconfig.count, 3);
    assert_hex(e[3].pin_codes.codes.pinconfig.items[0].pin_value, "30303030FFFFFFFF");
    assert_int_equal(e[3].pin_codes.codes.pinconfig.items[0].pin_attributes, 6);
    assert_true(e[3].pin_codes.codes.pinconfig.items[0].has_unblocking_pin_reference);
    assert_false(e[3].pin_codes.codes.pinconfig.items[1].has_unblocking_pin_reference);

    const struct profile_aka *aka = &e[10].aka;
    assert_int_equal(aka->algo_configuration.which, PROFILE_AKA_OWN);
    assert_int_equal(aka->algo_configuration.algo_parameter.algorithm_id, PROFILE_AKA_TEST);
    assert_int_equal(aka->algo_configuration.algo_parameter.number_of_keccak, 1);
    assert_hex(aka->algo_configuration.algo_parameter.key, "000102030405060708090A0B0C0D0E0F");
    assert_false(cr_span_present(aka->sqn_options));
    assert_hex(e[17].cdma.authentication_key, "00000000FFFFFFFF");

    const struct profile_security_domain *sd = &e[24].sd;
    assert_hex(sd->instance.instance_aid, "A000000151000000");
    assert_hex(sd->instance.application_privileges, "82DC00");
    assert_int_equal(sd->key_list.count, 6);
    assert_hex(sd->key_list.items[5].key_components.items[0].key_type, "88");
    assert_int_equal(sd->key_list.items[5].key_components.items[0].mac_length, 8);
    assert_int_equal(sd->sd_perso_data.count, 1);

    /* The header and the TAR list have the same tag. */
    assert_int_equal(e[25].rfm.tar_list.count, 1);
    assert_hex(e[25].rfm.tar_list.items[0], "B00120");
    assert_false(e[25].rfm.has_adf_rfm_access);
    assert_true(e[26].rfm.has_adf_rfm_access);
    assert_hex(e[26].rfm.adf_rfm_access.adf_aid, "A0000000871002FF49FF0589");
    cr_buf_free(&bytes);
    cr_arena_free(&arena);
}

/* One element of every kind that the test profiles do not have, by hand from the ASN.1 module. */
static const char *const other_elements[] = {
    /* header of an IoT minimal profile, with AIDs, POL and connectivity */
    ("A043 800103 810103 820141 830A89000123456789012341 8401 00 A502 8100 A608 060667810F010211"
     "870101 A80D300B 8005A000000001 8102 0100 A909 8007 01020304050607"),
    "A80B A003 810101 A204 3002 0500",
    "A915 A003 810105 8103 67810F 8209 010203040506070809",
    "AA07 A005 8000 810109",
    "A10E A003 810101 A107 3005 8000 0201 05",
    "A20A A003 810102 A103 8101 7F",
    /* DF.EAP, DF.SNPN, DF.5G_ProSe, IoT, optional IoT: a member each */
    "BB1E A003 810101 8106 67810F01020C A207 A105 83027F30 88 00 A504 8202 0000",
    "BE0F A003 810101 8106 67810F01020F A200",
    "BF1F0F A003 810101 8106 67810F010210 A200",
    "BF200F A003 810101 8106 67810F010211 A200",
    "BF210F A003 810101 8106 67810F010212 A200",
};

static void element_of(const char *hex, cr_buf *bytes, cr_arena *arena, struct profile_element *out,
                       cr_status expected)
{
    struct cr_err err = {0};
    sample_hex(hex, bytes);
    cr_span in = cr_buf_span(bytes);
    cr_status status = profile_element_next(&in, arena, out, &err);
    if (status != expected) {
        fail_msg("%s: %s %s", hex, cr_status_name(status), err.cause);
    }
    if (status == CR_OK) {
        assert_int_equal(in.n, 0);
    }
}

static void test_member_tags(void **state)
{
    (void)state;
    assert_int_equal(profile_tag_of_member(2), 0xA2);
    assert_int_equal(profile_tag_of_member(30), 0xBE);
    assert_int_equal(profile_tag_of_member(31), 0xBF1F);
    assert_int_equal(profile_tag_of_member(127), 0xBF7F);
    assert_int_equal(profile_tag_of_member(1), 0);
    assert_int_equal(profile_tag_of_member(128), 0);
    for (unsigned member = 2; member < PROFILE_MAX_MEMBERS; member++) {
        assert_int_equal(profile_member_of_tag(profile_tag_of_member(member)), member);
    }
    assert_int_equal(profile_member_of_tag(0xBF1E), 0);
    assert_int_equal(profile_member_of_tag(0xA1), 0);
    assert_int_equal(profile_member_of_tag(0x82), 0);
}

static void test_kinds(void **state)
{
    (void)state;
    for (int i = PROFILE_HEADER; i < PROFILE_KINDS; i++) {
        enum profile_element_kind kind = (enum profile_element_kind)i;
        assert_int_equal(profile_kind_from_tag(profile_kind_tag(kind)), kind);
        assert_int_equal(profile_kind_from_name(profile_kind_name(kind)), kind);
        assert_int_equal(profile_kind_has_files(kind), profile_template_of_kind(kind) != NULL);
    }
    assert_int_equal(profile_kind_from_tag(0xAB), PROFILE_UNKNOWN);
    assert_string_equal(profile_service_name(PROFILE_SERVICE_EAKA), "eaka");
    assert_null(profile_service_name(PROFILE_SERVICES));
    assert_null(profile_service_name(-1));
}

/* Kinds that no known package has: read, written from the members, the same bytes. */
static void test_other_elements(void **state)
{
    (void)state;
    cr_arena arena = {0};
    cr_buf bytes = {0};
    struct profile_element element;
    for (size_t i = 0; i < CR_COUNT(other_elements); i++) {
        if (i == 1 || i == 6) {
            continue; /* broken on purpose, see test_refused */
        }
        element_of(other_elements[i], &bytes, &arena, &element, CR_OK);
        assert_false(element.has_unknown);
        assert_true(profile_element_canonical(&element));
    }
    cr_buf_free(&bytes);
    cr_arena_free(&arena);
}

static void test_unknown_component(void **state)
{
    (void)state;
    cr_arena arena = {0};
    cr_buf bytes = {0};
    struct profile_element element;
    element_of("AA0A A005 8000 810109 9F7F00", &bytes, &arena, &element, CR_OK);
    assert_true(element.has_unknown);
    assert_int_equal(element.unknown_tag, 0x9F7F);
    assert_int_equal(element.unknown_offset, 9);
    assert_false(profile_element_canonical(&element));
    /* inside an Fcp of a file */
    element_of("B017 A003 810101 8106 67810F010201 A208 A106 9901 00 C601 01", &bytes, &arena,
               &element, CR_OK);
    assert_true(element.has_unknown);
    assert_int_equal(element.unknown_tag, 0x99);
    assert_int_equal(element.unknown_offset, 19);
    /* a member that the template does not have */
    element_of("B012 A003 810101 8106 67810F010201 A203 A101 00", &bytes, &arena, &element,
               CR_MALFORMED);
    element_of("B00F A003 810101 8106 67810F010201 A900", &bytes, &arena, &element, CR_OK);
    assert_int_equal(element.unknown_tag, 0xA9);
    assert_int_equal(element.fs.count, 0);
    /* a template that nobody knows: members without rows, not unknown components */
    element_of("B00F A003 810101 8106 67810F01027F A900", &bytes, &arena, &element, CR_OK);
    assert_false(element.has_unknown);
    assert_null(element.fs.template);
    assert_int_equal(element.fs.files[0].member, 9);
    assert_null(element.fs.files[0].row);
    assert_true(profile_element_canonical(&element));
    /* an element of unknown kind keeps its bytes */
    element_of("AB00", &bytes, &arena, &element, CR_OK);
    assert_int_equal(element.kind, PROFILE_UNKNOWN);
    cr_buf out = {0};
    struct cr_err err = {0};
    assert_ok(profile_element_encode(&element, &out, &err));
    assert_hex(cr_buf_span(&out), "AB00");
    cr_buf_reset(&out);
    element.raw = (cr_span){0};
    assert_int_equal(profile_element_encode(&element, &out, &err), CR_REFUSED);
    assert_int_equal(out.n, 0);
    cr_buf_free(&out);
    cr_buf_free(&bytes);
    cr_arena_free(&arena);
}

static void test_non_minimal_length(void **state)
{
    (void)state;
    cr_arena arena = {0};
    cr_buf bytes = {0};
    struct profile_element element;
    element_of("AA8107 A005 8000 810109", &bytes, &arena, &element, CR_OK);
    assert_int_equal(element.header.identification, 9);
    assert_false(element.has_unknown);
    assert_false(profile_element_canonical(&element));
    cr_buf_free(&bytes);
    cr_arena_free(&arena);
}

/* Broken ASN.1: refused, nothing read outside the bytes. */
static void test_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",                                                     /* nothing */
        "AA",                                                   /* no length */
        "AA07 A005 8000 8101",                                  /* cut */
        "AA00",                                                 /* no header */
        "AA04 A002 8000",                                       /* no identification */
        "AA05 A003 8101",                                       /* cut inside */
        "A406 A003 810101 FF",                                  /* no algorithm */
        "A20D A003 810101 A106 A004 3002 8001",                 /* PIN without its value */
        "A214 A003 810101 A10D A00B 3009 800101 8104 31313131", /* value of 4 bytes */
        "B005 A003 810101",                                     /* files without a template */
        "B00F A003 810101 8106 67810F010201 A2",                /* cut in a member */
        "B010 A003 810101 8106 67810F010201 A202 9900",         /* unknown item of a File */
        "A109 A003 810101 A102 0500",                           /* no command list */
    };
    cr_arena arena = {0};
    cr_buf bytes = {0};
    struct profile_element element;
    for (size_t i = 0; i < CR_COUNT(refused); i++) {
        element_of(refused[i], &bytes, &arena, &element, CR_MALFORMED);
    }
    element_of(other_elements[1], &bytes, &arena, &element, CR_MALFORMED);
    element_of(other_elements[6], &bytes, &arena, &element, CR_MALFORMED);
    cr_buf_free(&bytes);
    cr_arena_free(&arena);
}

/* Each prefix and each changed byte of a real package: read or refused, never more than that. */
static void test_hostile(void **state)
{
    (void)state;
    cr_arena arena = {0};
    cr_buf bytes = {0};
    struct cr_err err = {0};
    struct profile_package package;
    sample_ts48(SAMPLE_BER_SUCI, &bytes);
    for (size_t n = 0; n < bytes.n; n += 7) {
        uint8_t *copy = malloc(n + 1); /* its own block, so that a byte too far is noticed */
        assert_non_null(copy);
        memcpy(copy, bytes.p, n);
        cr_arena_reset(&arena);
        (void)!profile_package_read(cr_span_of(copy, n), &arena, &package, &err);
        free(copy);
    }
    for (size_t i = 0; i < bytes.n; i += 3) {
        uint8_t kept = bytes.p[i];
        bytes.p[i] = (uint8_t)(kept ^ (1u << (i % 8)));
        cr_arena_reset(&arena);
        if (profile_package_read(cr_buf_span(&bytes), &arena, &package, &err) == CR_OK) {
            cr_buf again = {0};
            assert_ok(profile_package_encode(&package, &again, &err));
            assert_true(cr_span_equal(cr_buf_span(&again), cr_buf_span(&bytes)));
            cr_buf_free(&again);
        }
        bytes.p[i] = kept;
    }
    cr_buf_free(&bytes);
    cr_arena_free(&arena);
}

static void test_limits(void **state)
{
    (void)state;
    cr_arena arena = {0};
    cr_buf bytes = {0};
    struct cr_err err = {0};
    struct profile_package package;
    assert_int_equal(profile_package_read((cr_span){0}, &arena, &package, &err), CR_MALFORMED);
    for (int i = 0; i <= PROFILE_MAX_ELEMENTS; i++) {
        cr_buf_append(&bytes, "\xAB\x00", 2);
    }
    assert_int_equal(profile_package_read(cr_buf_span(&bytes), &arena, &package, &err),
                     CR_MALFORMED);
    cr_span most = cr_span_of(bytes.p, bytes.n - 2);
    assert_ok(profile_package_read(most, &arena, &package, &err));
    assert_int_equal(package.count, PROFILE_MAX_ELEMENTS);
    cr_buf_reset(&bytes);
    der_put_header(&bytes, 0xAB, PROFILE_MAX_ELEMENT);
    memset(cr_buf_extend(&bytes, PROFILE_MAX_ELEMENT), 0, PROFILE_MAX_ELEMENT);
    assert_int_equal(profile_package_read(cr_buf_span(&bytes), &arena, &package, &err),
                     CR_MALFORMED);
    /* the place of a broken element is named */
    sample_hex("AA07 A005 8000 810109 AA00", &bytes);
    assert_int_equal(profile_package_read(cr_buf_span(&bytes), &arena, &package, &err),
                     CR_MALFORMED);
    assert_non_null(strstr(err.cause, "element 2 at byte 9: end"));
    cr_buf_free(&bytes);
    cr_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roundtrip_ber_suci),
        cmocka_unit_test(test_roundtrip_no_ber),
        cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_member_tags),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_other_elements),
        cmocka_unit_test(test_unknown_component),
        cmocka_unit_test(test_non_minimal_length),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
