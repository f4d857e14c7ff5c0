/*
 * The personaliser: every column, bytes that stay, rows and columns that are refused; the reader of
 * comma separated values.
 */
#include "sample.h"

#include "profile/build.h"
#include "profile/check.h"
#include "profile/personalise.h"
#include "profile/tree.h"

static void template_of(const char *name, cr_buf *upp)
{
    char path[1024];
    cr_buf text = {0};
    struct cr_err err = {0};
    snprintf(path, sizeof(path), "%s/examples/profiles/%s", CRISP_SOURCE_ROOT, name);
    assert_ok(cr_file_read(path, PROFILE_MAX_DESCRIPTION, &text, &err));
    assert_ok(profile_build_text(cr_buf_span(&text), upp, &err));
    cr_buf_free(&text);
}

/* Personalises with the table's first data row. */
static cr_status run(cr_span template, const char *table, cr_buf *out,
                     struct profile_personalised *info, struct cr_err *err)
{
    struct profile_csv *csv = NULL;
    struct profile_csv_row row;
    struct profile_personaliser *p = NULL;
    bool more = false;
    assert_int_equal(profile_csv_over(cr_span_str(table), &csv, err), CR_OK);
    cr_status status = profile_personaliser_new(template, &p, err);
    if (status == CR_OK) {
        status = profile_csv_next(csv, &row, &more, err);
    }
    if (status == CR_OK) {
        assert_true(more);
        status = profile_personaliser_header(p, &row, err);
    }
    if (status == CR_OK) {
        status = profile_csv_next(csv, &row, &more, err);
    }
    if (status == CR_OK) {
        assert_true(more);
        status = profile_personaliser_row(p, &row, out, info, err);
    }
    profile_personaliser_free(p);
    profile_csv_free(csv);
    return status;
}

static void content_is(cr_span upp, const char *path_hex, uint16_t fid, const char *hex)
{
    cr_arena arena = {0};
    cr_buf path = {0};
    struct cr_err err = {0};
    struct profile_package package;
    struct profile_tree tree;
    assert_ok(profile_package_read(upp, &arena, &package, &err));
    assert_ok(profile_tree_build(&package, &arena, NULL, &tree, &err));
    sample_hex(path_hex, &path);
    size_t df = profile_tree_path(&tree, cr_buf_span(&path));
    assert_int_not_equal(df, PROFILE_NO_NODE);
    size_t node = profile_tree_child(&tree, df, fid);
    assert_int_not_equal(node, PROFILE_NO_NODE);
    assert_hex(profile_tree_content(&tree, &tree.nodes[node]), hex);
    cr_buf_free(&path);
    cr_arena_free(&arena);
}

static void no_errors(cr_span upp)
{
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_check_result result;
    assert_ok(profile_check(upp, &arena, NULL, NULL, &result, &err));
    assert_int_equal(result.errors, 0);
    cr_arena_free(&arena);
}

/* The key of SCP81 beside those of SCP80: each column finds its own. */
static void test_psk(void **state)
{
    (void)state;
    static const char description[] =
        "{\"iccid\":\"8988211000000000017\",\"imsi\":\"001010000000001\","
        "\"k\":\"00112233445566778899AABBCCDDEEFF\",\"opc\":\"00112233445566778899AABBCCDDEEFF\","
        "\"puk1\":\"11111111\",\"puk2\":\"22222222\",\"adm1\":\"55555555\",\"sd\":{"
        "\"sessionParameters\":\"89028A00\",\"keys\":["
        "{\"version\":64,\"type\":\"psk\",\"psk\":\"505152535455565758595A5B5C5D5E5F\"},"
        "{\"version\":1,\"enc\":\"101112131415161718191A1B1C1D1E1F\","
        "\"mac\":\"202122232425262728292A2B2C2D2E2F\","
        "\"dek\":\"303132333435363738393A3B3C3D3E3F\"},"
        "{\"version\":65,\"type\":\"psk\",\"psk\":\"606162636465666768696A6B6C6D6E6F\","
        "\"dek\":\"707172737475767778797A7B7C7D7E7F\"}]}}";
    static const char *const want[] = {
        "01400123456789ABCDEF0123456789ABCDEF", "0101F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF",
        "0201202122232425262728292A2B2C2D2E2F", "0301303132333435363738393A3B3C3D3E3F",
        "0141E0E1E2E3E4E5E6E7E8E9EAEBECEDEEEF", "0341707172737475767778797A7B7C7D7E7F"};
    cr_buf template = {0}, upp = {0};
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_personalised info;
    struct profile_package package;
    assert_ok(profile_build_text(cr_span_str(description), &template, &err));
    no_errors(cr_buf_span(&template));
    assert_ok(run(cr_buf_span(&template),
                  "iccid,imsi,k,opc,psk,psk41,kic\n"
                  "8988211000000000991,999700000000099,00112233445566778899AABBCCDDEEFF,"
                  "FFEEDDCCBBAA99887766554433221100,0123456789ABCDEF0123456789ABCDEF,"
                  "E0E1E2E3E4E5E6E7E8E9EAEBECEDEEEF,F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF\n",
                  &upp, &info, &err));
    assert_ok(profile_package_read(cr_buf_span(&upp), &arena, &package, &err));
    for (size_t i = 0; i < package.count; i++) {
        const struct profile_security_domain *sd = &package.elements[i].sd;
        if (package.elements[i].kind != PROFILE_SECURITY_DOMAIN) {
            continue;
        }
        assert_int_equal(sd->key_list.count, CR_COUNT(want));
        for (size_t k = 0; k < CR_COUNT(want); k++) {
            const struct profile_key *key = &sd->key_list.items[k];
            char text[64];
            (void)snprintf(text, sizeof text, "%02X%02X%s", key->key_identifier.p[0],
                           key->key_version_number.p[0],
                           cr_hex(&arena, key->key_components.items[0].key_data));
            assert_string_equal(text, want[k]);
        }
        assert_int_equal(sd->key_list.items[0].key_components.items[0].key_type.p[0], 0x85);
        assert_hex(sd->sd_perso_data.items[1], "00850489028A00");
    }
    cr_arena_free(&arena);
    cr_buf_free(&template);
    cr_buf_free(&upp);
}

static void test_all_columns(void **state)
{
    (void)state;
    cr_buf template = {0};
    cr_buf upp = {0};
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_personalised info;
    struct profile_package package;
    template_of("private-network-999-70.json", &template);
    assert_ok(run(cr_buf_span(&template),
                  "iccid,imsi,k,opc,pin1,puk1,pin2,puk2,adm1,msisdn,spn,acc,smsc,impi,impu,domain,"
                  "kic,kid01,kik\r\n"
                  "8988211000000000991,999700000000099,00112233445566778899AABBCCDDEEFF,"
                  "FFEEDDCCBBAA99887766554433221100,1234,11112222,4321,33334444,0102030405060708,"
                  "+4912,\"Name, other\",\"0,11\",+4913,user@a,sip:user@a,a.example,"
                  "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF,E0E1E2E3E4E5E6E7E8E9EAEBECEDEEEF,"
                  "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF\r\n",
                  &upp, &info, &err));
    assert_string_equal(info.iccid, "8988211000000000991");
    no_errors(cr_buf_span(&upp));
    cr_span bytes = cr_buf_span(&upp);
    content_is(bytes, "", 0x2FE2, "988812010000000099F1");
    content_is(bytes, "7FD0", 0x6F07, "089999070000000099");
    content_is(bytes, "7FD0", 0x6F78, "0801");
    content_is(bytes, "7FD0", 0x6F46, "014E616D652C206F74686572FFFFFFFFFF");
    content_is(bytes, "7FD0", 0x6F40, "FFFFFFFFFFFFFFFFFFFF 03919421 FFFFFFFFFFFFFFFFFFFF");
    assert_ok(profile_package_read(bytes, &arena, &package, &err));
    assert_hex(package.elements[0].profile_header.iccid, "8988211000000000991F");
    for (size_t i = 0; i < package.count; i++) {
        const struct profile_element *e = &package.elements[i];
        if (e->kind == PROFILE_AKA) {
            const struct profile_aka_algorithm *a = &e->aka.algo_configuration.algo_parameter;
            assert_hex(a->key, "00112233445566778899AABBCCDDEEFF");
            assert_hex(a->opc, "FFEEDDCCBBAA99887766554433221100");
        } else if (e->kind == PROFILE_PUK_CODES) {
            assert_memory_equal(e->puk_codes.codes.items[0].puk_value.p, "11112222", 8);
            assert_memory_equal(e->puk_codes.codes.items[1].puk_value.p, "33334444", 8);
        } else if (e->kind == PROFILE_PIN_CODES) {
            const struct profile_pin *pin = &e->pin_codes.codes.pinconfig.items[0];
            assert_memory_equal(
                pin->pin_value.p,
                pin->key_reference == 1 ? "1234\xFF\xFF\xFF\xFF" : "4321\xFF\xFF\xFF\xFF", 8);
            if (pin->key_reference == 1) {
                assert_hex(pin[1].pin_value, "0102030405060708");
            }
        } else if (e->kind == PROFILE_SECURITY_DOMAIN) {
            assert_hex(e->sd.key_list.items[0].key_components.items[0].key_data,
                       "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF");
            assert_hex(e->sd.key_list.items[1].key_components.items[0].key_data,
                       "E0E1E2E3E4E5E6E7E8E9EAEBECEDEEEF");
            assert_hex(e->sd.key_list.items[2].key_components.items[0].key_data,
                       "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF");
        }
    }
    cr_arena_free(&arena);
    cr_buf_free(&upp);
    cr_buf_free(&template);
}

/* Elements that no column touches keep their bytes. */
static void test_untouched(void **state)
{
    (void)state;
    cr_buf template = {0};
    cr_buf upp = {0};
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_personalised info;
    struct profile_package before;
    struct profile_package after;
    sample_ts48(SAMPLE_BER_SUCI, &template);
    assert_ok(run(cr_buf_span(&template), "imsi,iccid\n001010000000042,8900000000000000019\n", &upp,
                  &info, &err));
    assert_ok(profile_package_read(cr_buf_span(&template), &arena, &before, &err));
    assert_ok(profile_package_read(cr_buf_span(&upp), &arena, &after, &err));
    assert_int_equal(before.count, after.count);
    for (size_t i = 0; i < before.count; i++) {
        bool touched = i == 0 || before.elements[i].kind == PROFILE_MF ||
                       before.elements[i].kind == PROFILE_USIM ||
                       before.elements[i].kind == PROFILE_ISIM; /* IMPI and IMPU have the IMSI */
        assert_int_equal(cr_span_equal(before.elements[i].raw, after.elements[i].raw), !touched);
    }
    no_errors(cr_buf_span(&upp));
    content_is(cr_buf_span(&upp), "7FD0", 0x6F07, "080910100000000024");
    content_is(cr_buf_span(&upp), "7FD0", 0x6F78, "0004"); /* follows the IMSI */
    /* the other files of the element are as they were */
    content_is(cr_buf_span(&upp), "7FD0", 0x6F46, "0147534D411154455354FFFFFFFFFFFFFF");
    cr_arena_free(&arena);
    cr_buf_free(&upp);
    cr_buf_free(&template);
}

/* Identities of the ISIM follow the IMSI when they are made of it; files grow when they have to. */
static void test_isim(void **state)
{
    (void)state;
    cr_buf template = {0};
    cr_buf upp = {0};
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_personalised info;
    struct profile_package package;
    struct profile_tree tree;
    char text[200];
    template_of("private-network-999-70.json", &template);
    assert_ok(run(cr_buf_span(&template), "imsi\n999700000000077\n", &upp, &info, &err));
    static const uint16_t fids[] = {0x6F02, 0x6F04};
    static const char *const expected[] = {"999700000000077@ims.mnc070.mcc999.3gppnetwork.org",
                                           "sip:999700000000077@ims.mnc070.mcc999.3gppnetwork.org"};
    for (int pass = 0; pass < 2; pass++) {
        assert_ok(profile_package_read(cr_buf_span(&upp), &arena, &package, &err));
        assert_ok(profile_tree_build(&package, &arena, NULL, &tree, &err));
        size_t adf = profile_tree_path(&tree, cr_span_of("\x7F\xB0", 2));
        for (int i = 0; pass == 0 && i < 2; i++) {
            size_t node = profile_tree_child(&tree, adf, fids[i]);
            cr_span got = profile_text_tlv(profile_tree_content(&tree, &tree.nodes[node]));
            assert_true(cr_span_equal(got, cr_span_str(expected[i])));
        }
        if (pass == 1) {
            size_t node = profile_tree_child(&tree, adf, 0x6F02);
            assert_int_equal(tree.nodes[node].file.size, 153);
            node = profile_tree_child(&tree, adf, 0x6F04);
            assert_int_equal(tree.nodes[node].file.record_length, 153);
            assert_int_equal(tree.nodes[node].file.records, 1);
            no_errors(cr_buf_span(&upp));
            break;
        }
        memset(text, 'x', sizeof(text));
        char table[600];
        snprintf(table, sizeof(table), "impi,impu\n%.150s,%.150s\n", text, text);
        cr_buf_reset(&upp);
        assert_ok(run(cr_buf_span(&template), table, &upp, &info, &err));
    }
    cr_arena_free(&arena);
    cr_buf_free(&upp);
    cr_buf_free(&template);
}

/* OP with the key of the row: TS 35.208 test set 1. */
static void test_op(void **state)
{
    (void)state;
    cr_buf template = {0};
    cr_buf upp = {0};
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_personalised info;
    struct profile_package package;
    template_of("test-network-001-01.json", &template);
    assert_ok(run(cr_buf_span(&template),
                  "op,ki\ncdc202d5123e20f62b6d676ac72cb318,465b5ce8b199b49faa5f0a2ee238a6bc\n",
                  &upp, &info, &err));
    assert_ok(profile_package_read(cr_buf_span(&upp), &arena, &package, &err));
    size_t found = 0;
    for (size_t i = 0; i < package.count; i++) {
        if (package.elements[i].kind == PROFILE_AKA) {
            assert_hex(package.elements[i].aka.algo_configuration.algo_parameter.opc,
                       "cd63cb71954a9f4e48a5994e37a02baf");
            found++;
        }
    }
    assert_int_equal(found, 1);
    cr_arena_free(&arena);
    cr_buf_free(&upp);
    cr_buf_free(&template);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *table;
        const char *says;
    } bad[] = {
        {"iccid,colour\n1,2\n", "row 1, column 2: 'colour' is no column"},
        {"imsi,IMSI\n1,2\n", "row 1, column 2: imsi is there twice"},
        {"topc\n1\n", "row 1, column 1: the template has no place for topc"},
        {"kic,kic99\n1,2\n", "kic"},
        {"iccid\n123\n", "row 2, column 1 (iccid): an ICCID has 18 to 20 digits"},
        {"iccid,pin1\n\n,1234\n", "row 3, column 1 (iccid): empty"},
        {"pin1,imsi\n1234,\n", "row 2, column 2 (imsi): empty"},
        {"imsi\n12345\n", "row 2, column 1 (imsi)"},
        {"imsi\n99970000000000x\n", "row 2, column 1 (imsi)"},
        {"k\n0011\n", "row 2, column 1 (k): a key of 2 bytes"},
        {"k\nxy\n", "row 2, column 1 (k)"},
        {"opc\n00\n", "row 2, column 1 (opc): 1 bytes instead of 16"},
        {"op\n00\n", "row 2, column 1 (op)"},
        {"pin1\n123\n", "row 2, column 1 (pin1): a PIN has 4 to 8 digits"},
        {"pin2\n123456789\n", "row 2, column 1 (pin2)"},
        {"puk1\n1234567\n", "row 2, column 1 (puk1): a PUK has 8 digits"},
        {"puk2\nabcdefgh\n", "row 2, column 1 (puk2)"},
        {"adm1\n12\n", "row 2, column 1 (adm1)"},
        {"msisdn\nabc\n", "row 2, column 1 (msisdn)"},
        {"spn\nA very long service provider name\n", "row 2, column 1 (spn)"},
        {"acc\n99\n", "row 2, column 1 (acc)"},
        {"smsc\n+\n", "row 2, column 1 (smsc)"},
        {"kic\n00\n", "row 2, column 1 (kic): a key of 1 bytes, the template has 16"},
        {"kic02\n000102030405060708090A0B0C0D0E0F\n", "the template has no such key"},
        {"iccid,imsi\n8900000000000000019\n", "row 2: 1 columns, the header has 2"},
        {"imsi\n\"00101\n", "row 2: a quote does not end"},
    };
    cr_buf template = {0};
    cr_buf out = {0};
    struct profile_personalised info;
    template_of("private-network-999-70.json", &template);
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct cr_err err = {0};
        if (run(cr_buf_span(&template), bad[i].table, &out, &info, &err) == CR_OK) {
            fail_msg("%s is taken", bad[i].table);
        }
        if (!strstr(err.cause, bad[i].says)) {
            fail_msg("%s: \"%s\" instead of \"%s\"", bad[i].table, err.cause, bad[i].says);
        }
        assert_int_equal(out.n, 0);
    }
    /* templates that are none */
    struct cr_err err = {0};
    struct profile_personaliser *p = NULL;
    assert_int_equal(profile_personaliser_new(cr_span_str("x"), &p, &err), CR_MALFORMED);
    assert_int_equal(profile_personaliser_new((cr_span){0}, &p, &err), CR_MALFORMED);
    assert_int_equal(profile_personaliser_new(cr_span_of("\xAB\x00", 2), &p, &err), CR_REFUSED);
    cr_buf_free(&out);
    cr_buf_free(&template);
}

/* Empty values keep the template's; many rows, one after another, are independent. */
static void test_many_rows(void **state)
{
    (void)state;
    cr_buf template = {0};
    cr_buf table = {0};
    cr_buf upp = {0};
    struct cr_err err = {0};
    struct profile_csv *csv = NULL;
    struct profile_csv_row row;
    struct profile_personaliser *p = NULL;
    struct profile_personalised info;
    bool more = true;
    template_of("test-network-001-01.json", &template);
    cr_buf_append_str(&table, "iccid,imsi,pin1\n");
    for (unsigned i = 0; i < 500; i++) {
        cr_buf_appendf(&table, "89882110000000%05u,0010100000%05u,%s\n", i, i, i % 2 ? "9999" : "");
    }
    assert_ok(profile_csv_over(cr_buf_span(&table), &csv, &err));
    assert_ok(profile_personaliser_new(cr_buf_span(&template), &p, &err));
    assert_ok(profile_csv_next(csv, &row, &more, &err));
    assert_ok(profile_personaliser_header(p, &row, &err));
    unsigned count = 0;
    for (;; count++) {
        char iccid[24];
        assert_ok(profile_csv_next(csv, &row, &more, &err));
        if (!more) {
            break;
        }
        cr_buf_reset(&upp);
        assert_ok(profile_personaliser_row(p, &row, &upp, &info, &err));
        snprintf(iccid, sizeof(iccid), "89882110000000%05u", count);
        assert_string_equal(info.iccid, iccid);
        bool changed = memmem(upp.p, upp.n, "9999\xFF\xFF\xFF\xFF", 8) != NULL;
        assert_int_equal(changed, count % 2);
    }
    assert_int_equal(count, 500);
    profile_personaliser_free(p);
    profile_csv_free(csv);
    cr_buf_free(&upp);
    cr_buf_free(&table);
    cr_buf_free(&template);
}

/* ------------------------------------------------------------------ the reader */

static void test_csv(void **state)
{
    (void)state;
    struct cr_err err = {0};
    struct profile_csv *csv = NULL;
    struct profile_csv_row row;
    bool more = false;
    assert_ok(profile_csv_over(cr_span_str("\xEF\xBB\xBF"
                                           "a,\"b,\"\"c\"\"\",\r\n\n\"line\nend\",,x"),
                               &csv, &err));
    assert_ok(profile_csv_next(csv, &row, &more, &err));
    assert_int_equal(row.number, 1);
    assert_int_equal(row.count, 3);
    assert_true(cr_span_equal(row.fields[0], cr_span_str("a")));
    assert_true(cr_span_equal(row.fields[1], cr_span_str("b,\"c\"")));
    assert_int_equal(row.fields[2].n, 0);
    assert_ok(profile_csv_next(csv, &row, &more, &err));
    assert_int_equal(row.number, 3);
    assert_true(cr_span_equal(row.fields[0], cr_span_str("line\nend")));
    assert_true(cr_span_equal(row.fields[2], cr_span_str("x")));
    assert_ok(profile_csv_next(csv, &row, &more, &err));
    assert_false(more);
    profile_csv_free(csv);
    profile_csv_free(NULL);
}

static void test_csv_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"a\n\"b", "a\n\"b\"c\n", "a\nb\"c\n", "a\nb\rc\n"};
    struct profile_csv_row row;
    struct profile_csv *csv = NULL;
    bool more = false;
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct cr_err err = {0};
        assert_ok(profile_csv_over(cr_span_str(bad[i]), &csv, &err));
        assert_ok(profile_csv_next(csv, &row, &more, &err));
        assert_int_equal(profile_csv_next(csv, &row, &more, &err), CR_MALFORMED);
        assert_non_null(strstr(err.cause, "row 2"));
        profile_csv_free(csv);
    }
    /* limits */
    struct cr_err err = {0};
    cr_buf text = {0};
    for (int i = 0; i < PROFILE_CSV_MAX_FIELDS; i++) {
        cr_buf_append_byte(&text, ',');
    }
    assert_ok(profile_csv_over(cr_buf_span(&text), &csv, &err));
    assert_int_equal(profile_csv_next(csv, &row, &more, &err), CR_MALFORMED);
    profile_csv_free(csv);
    cr_buf_reset(&text);
    memset(cr_buf_extend(&text, PROFILE_CSV_MAX_RECORD + 1), 'x', PROFILE_CSV_MAX_RECORD + 1);
    assert_ok(profile_csv_over(cr_buf_span(&text), &csv, &err));
    assert_int_equal(profile_csv_next(csv, &row, &more, &err), CR_MALFORMED);
    profile_csv_free(csv);
    cr_buf_free(&text);
}

struct dribble {
    cr_span text;
    bool broken;
};

static cr_status one_byte(void *ctx, uint8_t *p, size_t n, size_t *got, struct cr_err *err)
{
    struct dribble *d = ctx;
    assert_true(n > 0);
    if (d->text.n == 0 && d->broken) {
        return cr_fail(err, CR_RESOURCE, NULL, "gone");
    }
    *got = d->text.n > 0;
    if (*got) {
        *p = d->text.p[0];
        d->text = cr_span_sub(d->text, 1, d->text.n);
    }
    return CR_OK;
}

/* A stream in pieces, and one that breaks. */
static void test_csv_stream(void **state)
{
    (void)state;
    struct cr_err err = {0};
    struct profile_csv *csv = NULL;
    struct profile_csv_row row;
    bool more = false;
    struct dribble d = {.text = cr_span_str("\"a\"\"\",b\r\nc,d\r\n")};
    assert_ok(profile_csv_new(one_byte, &d, &csv, &err));
    assert_ok(profile_csv_next(csv, &row, &more, &err));
    assert_true(cr_span_equal(row.fields[0], cr_span_str("a\"")));
    assert_ok(profile_csv_next(csv, &row, &more, &err));
    assert_true(cr_span_equal(row.fields[1], cr_span_str("d")));
    assert_ok(profile_csv_next(csv, &row, &more, &err));
    assert_false(more);
    profile_csv_free(csv);
    d = (struct dribble){.text = cr_span_str("a,b"), .broken = true};
    assert_ok(profile_csv_new(one_byte, &d, &csv, &err));
    assert_int_equal(profile_csv_next(csv, &row, &more, &err), CR_RESOURCE);
    profile_csv_free(csv);
}

static void test_columns_listed(void **state)
{
    (void)state;
    size_t n = 0;
    const struct profile_personalise_column *c;
    for (; (c = profile_personalise_column(n)) != NULL; n++) {
        assert_true(*c->name && *c->help);
    }
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_columns),
        cmocka_unit_test(test_psk),
        cmocka_unit_test(test_untouched),
        cmocka_unit_test(test_isim),
        cmocka_unit_test(test_op),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_csv_refused),
        cmocka_unit_test(test_csv_stream),
        cmocka_unit_test(test_columns_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
