/*
 * What a domain may do with the content of the card: GET and SET STATUS, INSTALL, LOAD, DELETE.
 */
#include "bed.h"

#include "crypto/symmetric.h"

#define PACKAGE    "A00000FFFF0101"
#define MODULE     "A00000FFFF0102"
#define INSTANCE   "A00000FFFF0103"
#define SD_PACKAGE "A0000001515350"
#define SD_MODULE  "A000000151535041"

#define RUN(bed, head, data, sw)         SECURE_SW((bed), bed_apdu((head), (data)), (sw))
#define ANSWERS(bed, head, data, answer) SECURE_EXPECT((bed), bed_apdu((head), (data)), (answer))

static void get_status(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    bed_session(bed, MNO_SD, 0x30, 0x01);
    ANSWERS(bed, "80F28000", "4F00",
            "08" MNO_SD "0F82"
            "9000");
    ANSWERS(bed, "80F28002", "4F00",
            "E3264F08" MNO_SD "9F70010FC50382DC00C407" SD_PACKAGE "CC08" MNO_SD "9000");
    /* applications: the domains below, remote file management */
    ANSWERS(bed, "80F24000", "4F00",
            "08" SUB_SD "0F80"
            "08" WEAK_SD "0780"
            "09A00000055910100001"
            "0700"
            "09A00000055910100002"
            "0700"
            "09A00000055910100003"
            "0700"
            "09A00000055910100004"
            "0700"
            "09A00000055910100005"
            "0700"
            "9000");
    ANSWERS(bed, "80F24002", "4F08" WEAK_SD,
            "E3264F08" WEAK_SD "9F700107C503800000C407" SD_PACKAGE "CC08" MNO_SD "9000");
    /* only what the tag list has */
    ANSWERS(bed, "80F24002", "4F08" WEAK_SD "5C039F704F",
            "E30E4F08" WEAK_SD "9F700107"
            "9000");
    ANSWERS(bed, "80F22000", "4F00",
            "07" SD_PACKAGE "0100"
            "9000");
    ANSWERS(bed, "80F21000", "4F00",
            "07" SD_PACKAGE "0100"
            "0108" SD_MODULE "9000");
    ANSWERS(bed, "80F21002", "4F00",
            "E3214F07" SD_PACKAGE "9F700101"
            "8408" SD_MODULE "CC08" MNO_SD "9000");
    /* more than one answer holds */
    RUN(bed, "80E60C00",
        "07" SD_PACKAGE "08" SD_MODULE "08A0000001510000C1"
        "0180"
        "0000",
        UICC_SW_OK);
    RUN(bed, "80E60C00",
        "07" SD_PACKAGE "08" SD_MODULE "08A0000001510000C2"
        "0180"
        "0000",
        UICC_SW_OK);
    struct sim_bytes first = sim_hex(bed_secure(bed, "80F24002024F0000"));
    assert_int_equal(first.p[first.n - 2] << 8 | first.p[first.n - 1], 0x6310);
    assert_true(first.n - 2 <= 255);
    struct sim_bytes rest = sim_hex(bed_secure(bed, "80F24003024F0000"));
    assert_int_equal(rest.p[rest.n - 2], 0x90);
    size_t entries = 0;
    for (size_t i = 0; i < first.n - 2; i += 2U + first.p[i + 1]) {
        entries++;
    }
    for (size_t i = 0; i < rest.n - 2; i += 2U + rest.p[i + 1]) {
        entries++;
    }
    assert_int_equal(entries, 9);
    SECURE_SW(bed, "80F24003024F0000", UICC_SW_CONDITIONS); /* no list is open */
    SECURE_SW(bed, "80F24002024F0000", 0x6310);
    SECURE_SW(bed, "80F28002024F0000", UICC_SW_OK);
    SECURE_SW(bed, "80F24003024F0000", UICC_SW_CONDITIONS); /* another one came between */
    /* what is not there, what is not right */
    RUN(bed, "80F24002", "4F05A0000009FF", UICC_SW_NO_REFERENCE);
    RUN(bed, "80F25002", "4F00", UICC_SW_WRONG_P1P2);
    RUN(bed, "80F24004", "4F00", UICC_SW_WRONG_P1P2);
    RUN(bed, "80F24002", "4E00", UICC_SW_WRONG_DATA);
    RUN(bed, "80F24002", "4F0200", UICC_SW_WRONG_DATA);
    RUN(bed, "80F24002", "4F005C019F", UICC_SW_WRONG_DATA);
    RUN(bed, "80F24002",
        "4F00"
        "5C11"
        "4F4F4F4F4F4F4F4F4F4F4F4F4F4F4F4F4F",
        UICC_SW_WRONG_DATA);
    /* a domain sees what is below it */
    bed_session(bed, SUB_SD, 0x31, 0x01);
    ANSWERS(bed, "80F24000", "4F00",
            "08" SUB_SD "0F80"
            "9000");
    RUN(bed, "80F28000", "4F00", UICC_SW_NO_REFERENCE);
    bed_free(bed);
}

static void set_status(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    bed_session(bed, MNO_SD, 0x20, 0x01);
    RUN(bed, "80F04087", SUB_SD, UICC_SW_OK);
    ANSWERS(bed, "80F24000", "4F08" SUB_SD,
            "08" SUB_SD "8F80"
            "9000");
    BED_SW(bed, "00A4040C08" SUB_SD, UICC_SW_NOT_FOUND); /* locked */
    bed_session(bed, MNO_SD, 0x20, 0x01);
    RUN(bed, "80F04007", SUB_SD, UICC_SW_OK); /* back to what it was */
    ANSWERS(bed, "80F24000", "4F08" SUB_SD,
            "08" SUB_SD "0F80"
            "9000");
    /* not: itself, the root, to states that others give, what is not there */
    RUN(bed, "80F0808F", "00", UICC_SW_CONDITIONS);
    RUN(bed, "80F0408F", MNO_SD, UICC_SW_CONDITIONS);
    RUN(bed, "80F0400F", WEAK_SD, UICC_SW_CONDITIONS);
    RUN(bed, "80F04003", WEAK_SD, UICC_SW_CONDITIONS);
    RUN(bed, "80F0408F", "A0000009FF", UICC_SW_NO_REFERENCE);
    RUN(bed, "80F0408F", SD_PACKAGE, UICC_SW_NO_REFERENCE);
    RUN(bed, "80F01087", SUB_SD, UICC_SW_WRONG_P1P2);
    RUN(bed, "80F06087", "A00000055910100001", UICC_SW_WRONG_DATA); /* no domain */
    /* a domain and what is below it */
    RUN(bed, "80E61000",
        "08" SUB_SD "00"
        "09A00000055910100001"
        "000000",
        UICC_SW_OK);
    RUN(bed, "80F06087", SUB_SD, UICC_SW_OK);
    ANSWERS(bed, "80F24000", "4F09A00000055910100001",
            "09A00000055910100001"
            "8700"
            "9000");
    RUN(bed, "80F06007", SUB_SD, UICC_SW_OK);
    /* a domain reaches its own only, and says of itself that it is personalized */
    bed_session(bed, SUB_SD, 0x31, 0x01);
    RUN(bed, "80F0408F", WEAK_SD, UICC_SW_NO_REFERENCE);
    RUN(bed, "80F0408F", MNO_SD, UICC_SW_NO_REFERENCE);
    RUN(bed, "80F0400F", SUB_SD, UICC_SW_OK);
    bed_free(bed);
}

static void domains(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    bed_session(bed, MNO_SD, 0x30, 0x33);
    /* INSTALLED, then SELECTABLE */
    ANSWERS(bed, "80E60400",
            "07" SD_PACKAGE "08" SD_MODULE "08A0000001510000BB"
            "0180"
            "06C90481020370"
            "00",
            "009000");
    ANSWERS(bed, "80F24000", "4F08A0000001510000BB",
            "08A0000001510000BB"
            "0380"
            "9000");
    bed->channel = 0;
    RUN(bed, "80E60800",
        "0000"
        "08A0000001510000BB"
        "0180"
        "0000",
        UICC_SW_OK);
    RUN(bed, "80E60800",
        "0000"
        "08A0000001510000BB"
        "0180"
        "0000",
        UICC_SW_CONDITIONS); /* twice */
    RUN(bed, "80E60800",
        "0000"
        "08A0000001510000BC"
        "0180"
        "0000",
        UICC_SW_NO_REFERENCE);
    /* its protocols, and the TAR of its AID when none is given */
    struct gp_object o;
    assert_true(gp_object_by_aid(bed->reg, cr_span_of("\xA0\x00\x00\x01\x51\x00\x00\xBB", 8), &o));
    assert_int_equal(o.protocol_count, 1);
    assert_int_equal(o.protocols[0].protocol, 0x03);
    assert_int_equal(o.protocols[0].i, 0x70);
    assert_int_equal(o.tar_count, 0);
    RUN(bed, "80E60C00",
        "07" SD_PACKAGE "08" SD_MODULE "10A0000005591010FFFFFFFF89B0017700"
        "0180"
        "0000",
        UICC_SW_OK);
    assert_true(gp_object_by_tar(bed->reg, (const uint8_t[]){0xB0, 0x01, 0x77}, &o));
    RUN(bed, "80E40000", "4F10A0000005591010FFFFFFFF89B0017700", UICC_SW_OK);
    /* refusals: unknown load file and module, AID and TAR taken, no domain, rights it has not */
    RUN(bed, "80E60C00",
        "07A0000001515351"
        "08" SD_MODULE "08A0000001510000CC"
        "0180"
        "0000",
        UICC_SW_NO_REFERENCE);
    RUN(bed, "80E60C00",
        "07" SD_PACKAGE "08A000000151535042"
        "08A0000001510000CC"
        "0180"
        "0000",
        UICC_SW_NO_REFERENCE);
    RUN(bed, "80E60C00",
        "07" SD_PACKAGE "08" SD_MODULE "08" SUB_SD "0180"
        "0000",
        UICC_SW_WRONG_DATA);
    RUN(bed, "80E60C00",
        "07" SD_PACKAGE "08" SD_MODULE "08A0000001510000CC"
        "0180"
        "11EA0F800D010000000002010203B2010100"
        "00",
        UICC_SW_WRONG_DATA);
    RUN(bed, "80E60C00",
        "07" SD_PACKAGE "08" SD_MODULE "08A0000001510000CC"
        "0100"
        "0000",
        UICC_SW_WRONG_DATA);
    RUN(bed, "80E60C00",
        "07" SD_PACKAGE "08" SD_MODULE "08A0000001510000CC"
        "03802000"
        "0000",
        UICC_SW_CONDITIONS);
    RUN(bed, "80E60C00",
        "07" SD_PACKAGE "08" SD_MODULE "08A0000001510000CC"
        "028000"
        "0000",
        UICC_SW_WRONG_DATA);
    RUN(bed, "80E60C00",
        "07" SD_PACKAGE "08" SD_MODULE "08A0000001510000CC"
        "0180"
        "00",
        UICC_SW_WRONG_DATA);
    RUN(bed, "80E60C00",
        "07" SD_PACKAGE "08" SD_MODULE "04A0000001"
        "0180"
        "0000",
        UICC_SW_WRONG_DATA);
    RUN(bed, "80E60C00", "07" SD_PACKAGE "20" SD_MODULE, UICC_SW_WRONG_DATA);
    RUN(bed, "80E60C01", "0000", UICC_SW_WRONG_P1P2);
    RUN(bed, "80E60E00", "0000", UICC_SW_WRONG_P1P2);
    /* personalized through the one it is associated with */
    RUN(bed, "80E62000",
        "0000"
        "08A0000001510000BB"
        "000000",
        UICC_SW_OK);
    RUN(bed, "80E28800", "00700442025566", UICC_SW_OK);
    BED_SW(bed, "00A4040C08A0000001510000BB", UICC_SW_OK);
    BED_EXPECT(bed, "80CA004200", "420255669000");
    BED_SW(bed, SELECT_MNO, UICC_SW_OK);
    BED_SW(bed, "80CA004200", UICC_SW_NO_REFERENCE);
    /* what is personalized is deleted meanwhile: its data go nowhere else */
    bed_session(bed, MNO_SD, 0x30, 0x33);
    RUN(bed, "80E60C00",
        "07" SD_PACKAGE "08" SD_MODULE "08A0000001510000CD"
        "0180"
        "0000",
        UICC_SW_OK);
    RUN(bed, "80E62000",
        "0000"
        "08A0000001510000CD"
        "000000",
        UICC_SW_OK);
    RUN(bed, "80E40000", "4F08A0000001510000CD", UICC_SW_OK);
    RUN(bed, "80E28800", "00700442025566", UICC_SW_NO_REFERENCE);
    /* DELETE: not while something is below it */
    bed_session(bed, MNO_SD, 0x30, 0x33);
    RUN(bed, "80E61000",
        "08" SUB_SD "00"
        "08A0000001510000BB"
        "000000",
        UICC_SW_OK);
    RUN(bed, "80E40000", "4F08" SUB_SD, UICC_SW_CONDITIONS);
    ANSWERS(bed, "80E40000", "4F08A0000001510000BB", "009000");
    RUN(bed, "80E40000", "4F08A0000001510000BB", UICC_SW_NO_REFERENCE);
    ANSWERS(bed, "80E40000", "4F08" SUB_SD, "009000");
    assert_false(nvm_size_prefix(bed->sim->nvm, cr_span_str("p/1/g/k0003"), NULL)); /* its keys */
    RUN(bed, "80E40000", "4F08" MNO_SD, UICC_SW_CONDITIONS);
    RUN(bed, "80E40000", "4F07" SD_PACKAGE, UICC_SW_CONDITIONS); /* part of the card */
    ANSWERS(bed, "80E40000", "4F09A00000055910100001", "009000");
    RUN(bed, "80E40001", "4F08" SUB_SD, UICC_SW_WRONG_P1P2);
    RUN(bed, "80E40000", "4E08" SUB_SD, UICC_SW_WRONG_DATA);
    RUN(bed, "80E40000", "4F08" SUB_SD "D20101", UICC_SW_WRONG_DATA);
    RUN(bed, "80E40000", "4F09" SUB_SD, UICC_SW_WRONG_DATA);
    bed_free(bed);
}

static void extradition(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    bed_session(bed, MNO_SD, 0x30, 0x01);
    RUN(bed, "80E61000",
        "08" WEAK_SD "00"
        "09A00000055910100001"
        "000000",
        UICC_SW_CONDITIONS); /* not PERSONALIZED */
    RUN(bed, "80E61000",
        "08A0000009FF000000"
        "00"
        "09A00000055910100001"
        "000000",
        UICC_SW_NO_REFERENCE);
    RUN(bed, "80E61000",
        "08" SUB_SD "00"
        "08" MNO_SD "000000",
        UICC_SW_CONDITIONS); /* the root stays */
    RUN(bed, "80E61000",
        "08" SUB_SD "00"
        "08" SUB_SD "000000",
        UICC_SW_CONDITIONS); /* into itself */
    RUN(bed, "80E61000",
        "08" SUB_SD "0101"
        "08" WEAK_SD "000000",
        UICC_SW_WRONG_DATA);
    RUN(bed, "80E61000",
        "08" SUB_SD "00"
        "08" WEAK_SD "000000",
        UICC_SW_OK);
    ANSWERS(bed, "80F24002", "4F08" WEAK_SD "5C01CC", "E30ACC08" SUB_SD "9000");
    /* its new domain has it now, and its packets are secured with that one's keys */
    (void)bed_ota(bed, (struct bed_packet){.tar = "B20102", .kic = 0x32, .kid = 0x32},
                  "80CA006600");
    assert_int_equal(bed->status, OTA_STATUS_OK);
    (void)bed_ota(bed, (struct bed_packet){.tar = "B20102"}, "80CA006600");
    assert_int_equal(bed->status, OTA_STATUS_SECURITY_ERROR);
    bed_session(bed, SUB_SD, 0x31, 0x01);
    RUN(bed, "80F04087", WEAK_SD, UICC_SW_OK);
    RUN(bed, "80F04007", WEAK_SD, UICC_SW_OK);
    /* registry update: rights it has itself, a domain stays one */
    RUN(bed, "80E64000",
        "0000"
        "08" WEAK_SD "03804000"
        "0000",
        UICC_SW_OK);
    ANSWERS(bed, "80F24002", "4F08" WEAK_SD "5C01C5",
            "E305C503804000"
            "9000");
    RUN(bed, "80E64000",
        "0000"
        "08" WEAK_SD "03801000"
        "0000",
        UICC_SW_CONDITIONS);
    RUN(bed, "80E64000",
        "0000"
        "08" WEAK_SD "03000000"
        "0000",
        UICC_SW_WRONG_DATA);
    RUN(bed, "80E64000",
        "0000"
        "09A00000055910100001"
        "0100"
        "0000",
        UICC_SW_NO_REFERENCE);
    /* a registry update moves it as well */
    bed_session(bed, MNO_SD, 0x30, 0x01);
    RUN(bed, "80E64000",
        "08" SUB_SD "00"
        "09A00000055910100001"
        "0000"
        "00",
        UICC_SW_OK);
    ANSWERS(bed, "80F24002",
            "4F09A00000055910100001"
            "5C01CC",
            "E30ACC08" SUB_SD "9000");
    /* a domain that is locked lends its keys to nobody */
    (void)bed_ota(bed, (struct bed_packet){.tar = "B00120", .kic = 0x32, .kid = 0x32}, "");
    assert_int_equal(bed->status, OTA_STATUS_OK);
    RUN(bed, "80F04087", SUB_SD, UICC_SW_OK);
    (void)bed_ota(bed, (struct bed_packet){.tar = "B00120", .kic = 0x32, .kid = 0x32}, "");
    assert_int_equal(bed->status, OTA_STATUS_SECURITY_ERROR);
    bed_free(bed);
}

/* Without Authorized Management content is changed with a token only. */
static void tokens(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    struct gp_object o;
    struct gp_key token = {.kvn = 0x70, .kid = 1, .type = GP_KEY_AES, .n = 16, .mac_size = 8};
    assert_true(gp_object_by_aid(bed->reg, cr_span_of("\xA0\x00\x00\x01\x51\x00\x00\x01", 8), &o));
    o.privileges = 0x800000;
    assert_int_equal(gp_object_put(bed->reg, &o, NULL), CR_OK);
    bed_session(bed, SUB_SD, 0x31, 0x01);
    const char *install = "07" SD_PACKAGE "08" SD_MODULE "08A0000001510000DD"
                          "0180"
                          "00";
    char data[200];
    (void)snprintf(data, sizeof data, "%s00", install);
    RUN(bed, "80E60C00", data, UICC_SW_CONDITIONS);
    RUN(bed, "80E40000", "4F08" SUB_SD, UICC_SW_CONDITIONS);
    RUN(bed, "80E60200",
        "07" PACKAGE "00"
        "000000",
        UICC_SW_CONDITIONS);
    RUN(bed, "80E61000",
        "08" SUB_SD "00"
        "08" SUB_SD "000000",
        UICC_SW_CONDITIONS);
    RUN(bed, "80E64000",
        "0000"
        "08" SUB_SD "0180"
        "0000",
        UICC_SW_CONDITIONS);
    /* delegated: with the key of the domain that verifies tokens */
    o.privileges = 0xA00000;
    assert_int_equal(gp_object_put(bed->reg, &o, NULL), CR_OK);
    RUN(bed, "80E60C00", data, UICC_SW_SECURITY);
    struct gp_object root;
    assert_true(gp_object_root(bed->reg, &root));
    root.privileges |= GP_PRIV_TOKEN_VERIFICATION;
    assert_int_equal(gp_object_put(bed->reg, &root, NULL), CR_OK);
    memcpy(token.value, "token key, 16 by", 16);
    assert_int_equal(gp_key_put(bed->reg, root.id, &token, NULL), CR_OK);
    struct sim_bytes body = sim_hex(install);
    const uint8_t head[] = {0x0C, 0x00, (uint8_t)body.n};
    const cr_span parts[] = {CR_SPAN_ARRAY(head), cr_span_of(body.p, body.n)};
    uint8_t mac[16];
    char hex[33];
    assert_int_equal(crypto_cmac(cr_span_of(token.value, 16), parts, 2, mac, NULL), CR_OK);
    mac[0] ^= 1;
    (void)snprintf(data, sizeof data, "%s10%s", install,
                   cr_hex_into(hex, sizeof hex, CR_SPAN_ARRAY(mac)));
    RUN(bed, "80E60C00", data, UICC_SW_SECURITY);
    mac[0] ^= 1;
    (void)snprintf(data, sizeof data, "%s10%s", install,
                   cr_hex_into(hex, sizeof hex, CR_SPAN_ARRAY(mac)));
    ANSWERS(bed, "80E60C00", data, "009000");
    bed_free(bed);
}

/* --- load files --------------------------------------------------------------------------------
 */

/* A CAP file: header component and an applet component with one applet. */
#define CAP_HEADER                                                                                 \
    "010012DECAFFED0102040001"                                                                     \
    "07" PACKAGE "00"
#define CAP_APPLET                                                                                 \
    "03000B"                                                                                       \
    "01"                                                                                           \
    "07" MODULE "0010"
#define CAP      CAP_HEADER CAP_APPLET
#define CAP_SIZE "23"

static void load_file(struct bed *bed)
{
    ANSWERS(bed, "80E60200", "07" PACKAGE "08" MNO_SD "000000", "009000");
    RUN(bed, "80E80000", "C4" CAP_SIZE CAP_HEADER, UICC_SW_OK);
    ANSWERS(bed, "80E88001", CAP_APPLET, "009000");
}

static void load(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    bed_session(bed, MNO_SD, 0x30, 0x03);
    RUN(bed, "80E80000", "C40101", UICC_SW_CONDITIONS); /* no INSTALL before */
    load_file(bed);
    ANSWERS(bed, "80F21002", "4F07" PACKAGE,
            "E3204F07" PACKAGE "9F700101"
            "8407" MODULE "CC08" MNO_SD "9000");
    struct gp_object o;
    assert_true(gp_object_by_aid(bed->reg, cr_span_of("\xA0\x00\x00\xFF\xFF\x01\x01", 7), &o));
    assert_int_equal(gp_load_file_get(bed->reg, o.id).n, 0x23);
    RUN(bed, "80E60200", "07" PACKAGE "08" MNO_SD "000000", UICC_SW_WRONG_DATA); /* again */
    /* an instance: registered, selectable in name only */
    ANSWERS(bed, "80E60C00",
            "07" PACKAGE "07" MODULE "07" INSTANCE "0100"
            "00"
            "00",
            "009000");
    ANSWERS(bed, "80F24000", "4F07" INSTANCE,
            "07" INSTANCE "0700"
            "9000");
    BED_SW(bed, "00A4040007" INSTANCE, 0x6999);
    bed_session(bed, MNO_SD, 0x30, 0x03);
    RUN(bed, "80E62000",
        "0000"
        "07" INSTANCE "000000",
        UICC_SW_CONDITIONS);
    RUN(bed, "80E60C00",
        "07" PACKAGE "07" MODULE "07" MODULE "0180"
        "0000",
        UICC_SW_WRONG_DATA);
    /* a domain installs from its own load files and the card's */
    bed_session(bed, SUB_SD, 0x31, 0x01);
    RUN(bed, "80E60C00",
        "07" PACKAGE "07" MODULE "07A00000FFFF0104"
        "0100"
        "0000",
        UICC_SW_NO_REFERENCE);
    bed_session(bed, MNO_SD, 0x30, 0x03);
    /* the load file with and without its instances */
    RUN(bed, "80E40000", "4F07" PACKAGE, UICC_SW_CONDITIONS);
    ANSWERS(bed, "80E40080", "4F07" PACKAGE, "009000");
    RUN(bed, "80F24000", "4F07" INSTANCE, UICC_SW_NO_REFERENCE);
    RUN(bed, "80F22000", "4F07" PACKAGE, UICC_SW_NO_REFERENCE);
    BED_SW(bed, "00A4040007" INSTANCE, UICC_SW_NOT_FOUND);
    bed_free(bed);
}

static void load_refusals(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    bed_session(bed, MNO_SD, 0x30, 0x01);
    RUN(bed, "80E60200",
        "04A0000001"
        "08" MNO_SD "000000",
        UICC_SW_WRONG_DATA);
    RUN(bed, "80E60200", "07" PACKAGE "08" MNO_SD "0000", UICC_SW_WRONG_DATA);
    RUN(bed, "80E60200",
        "07" PACKAGE "08A0000009FF000000"
        "000000",
        UICC_SW_NO_REFERENCE);
    RUN(bed, "80E60200",
        "07" PACKAGE "08" MNO_SD "0401020304"
        "0000",
        UICC_SW_WRONG_DATA); /* hash */
    RUN(bed, "80E60200",
        "07" PACKAGE "08" MNO_SD "00"
        "08EF06C6047FFFFFFF"
        "00",
        UICC_SW_NO_MEMORY);
    RUN(bed, "80E80000", "C40101", UICC_SW_CONDITIONS);
    static const struct {
        const char *head, *data;
        uicc_sw sw;
    } rows[] = {
        {"80E88001", "C40101", UICC_SW_WRONG_P1P2}, /* block number */
        {"80E80100", "C40101", UICC_SW_WRONG_P1P2},
        {"80E88000", "C40201", UICC_SW_WRONG_DATA}, /* cut */
        {"80E88000", "C400", UICC_SW_WRONG_DATA},   /* nothing in it */
        {"80E88000", "C5010101", UICC_SW_WRONG_DATA},
        {"80E88000", "C40101C40101", UICC_SW_WRONG_DATA},
        {"80E88000", "E2034F01A0C40101", UICC_SW_WRONG_DATA}, /* DAP block without signature */
        {"80E88000",
         "C4"
         "08"
         "030005"
         "0103AABBCC",
         UICC_SW_WRONG_DATA}, /* applet component */
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        RUN(bed, "80E60200", "07" PACKAGE "08" MNO_SD "000000", UICC_SW_OK);
        RUN(bed, rows[i].head, rows[i].data, rows[i].sw);
        RUN(bed, "80E88000", "C40101", rows[i].head[5] == '1' ? UICC_SW_OK : UICC_SW_CONDITIONS);
        RUN(bed, "80E40000", "4F07" PACKAGE,
            rows[i].head[5] == '1' ? UICC_SW_OK : UICC_SW_NO_REFERENCE);
    }
    /* a hash that is right, one that is not; a DAP block is read over */
    RUN(bed, "80E60200",
        "07" PACKAGE "00"
        "14BF8B4530D8D246DD74AC53A13471BBA17941DFF7"
        "0000",
        UICC_SW_OK);
    RUN(bed, "80E88000", "C40102", UICC_SW_WRONG_DATA);
    RUN(bed, "80E60200",
        "07" PACKAGE "00"
        "14BF8B4530D8D246DD74AC53A13471BBA17941DFF7"
        "0000",
        UICC_SW_OK);
    RUN(bed, "80E88000",
        "E20A4F05A000000151C30101"
        "C40101",
        UICC_SW_OK);
    RUN(bed, "80E40000", "4F07" PACKAGE, UICC_SW_OK);
    RUN(bed, "80E60200",
        "07" PACKAGE "00"
        "20"
        "4BF5122F344554C53BDE2EBB8CD2B7E3D1600AD631C385A5D7CCE23C7785459A"
        "0000",
        UICC_SW_OK);
    RUN(bed, "80E88000", "C40101", UICC_SW_OK);
    RUN(bed, "80E40000", "4F07" PACKAGE, UICC_SW_OK);
    /* for a domain that does not verify any */
    RUN(bed, "80E60200",
        "07" PACKAGE "00"
        "000000",
        UICC_SW_OK);
    RUN(bed, "80E88000",
        "E20D4F08" SUB_SD "C30101"
        "C40101",
        UICC_SW_OK);
    RUN(bed, "80E40000", "4F07" PACKAGE, UICC_SW_OK);
    /* a signature that somebody relies on cannot be verified here: no load */
    struct gp_object o;
    assert_true(gp_object_by_aid(bed->reg, cr_span_of("\xA0\x00\x00\x01\x51\x00\x00\x01", 8), &o));
    o.privileges = GP_PRIV_DAP;
    assert_int_equal(gp_object_put(bed->reg, &o, NULL), CR_OK);
    RUN(bed, "80E60200",
        "07" PACKAGE "00"
        "000000",
        UICC_SW_OK);
    RUN(bed, "80E88000",
        "E20D4F08" SUB_SD "C30101"
        "C40101",
        UICC_SW_CONDITIONS);
    RUN(bed, "80E60200",
        "07" PACKAGE "00"
        "000000",
        UICC_SW_OK);
    RUN(bed, "80E88000", "C40101", UICC_SW_OK);
    RUN(bed, "80E40000", "4F07" PACKAGE, UICC_SW_OK);
    o.privileges = GP_PRIV_MANDATED_DAP;
    assert_int_equal(gp_object_put(bed->reg, &o, NULL), CR_OK);
    RUN(bed, "80E60200",
        "07" PACKAGE "00"
        "000000",
        UICC_SW_OK);
    RUN(bed, "80E88000", "C40101", UICC_SW_CONDITIONS);
    bed_free(bed);
}

/* As many objects as a registry holds; what cannot be selected for want of room is there all the
 * same. */
static void many_objects(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    bed_session(bed, MNO_SD, 0x30, 0x01);
    uicc_sw sw = UICC_SW_OK;
    unsigned n = 0;
    while (sw == UICC_SW_OK) {
        char data[100];
        (void)snprintf(data, sizeof data,
                       "07" SD_PACKAGE "08" SD_MODULE "08A0000001510001%02X"
                       "0180"
                       "0000",
                       n++);
        sw = bed_secure_sw(bed, bed_apdu("80E60C00", data));
        assert_true(n < 100);
    }
    assert_int_equal(sw, UICC_SW_NO_MEMORY);
    assert_int_equal(gp_object_count(bed->reg), GP_MAX_OBJECTS);
    BED_SW(bed, "00A4040C08A000000151000100", UICC_SW_OK);
    BED_SW(bed, "00A4040C08A000000151000124", UICC_SW_NOT_FOUND);
    bed_session(bed, MNO_SD, 0x30, 0x01);
    RUN(bed, "80F24002", "4F08A000000151000124", UICC_SW_OK);
    bed_free(bed);
}

/* More than the card takes, and a memory that is full at the end: nothing stays. */
static void load_limits(void **state)
{
    (void)state;
    struct bed *bed = bed_new();
    char data[2 * 240 + 1];
    memset(data, '0', sizeof data - 1);
    data[sizeof data - 1] = 0;
    bed_session(bed, MNO_SD, 0x30, 0x01);
    RUN(bed, "80E60200",
        "07" PACKAGE "00"
        "000000",
        UICC_SW_OK);
    RUN(bed, "80E80000", "C483020000", UICC_SW_OK); /* says 131072 */
    uicc_sw sw = UICC_SW_OK;
    unsigned blocks = 1;
    while (sw == UICC_SW_OK) {
        char head[9];
        (void)snprintf(head, sizeof head, "80E800%02X", blocks++ & 0xFF);
        sw = bed_secure_sw(bed, bed_apdu(head, data));
        assert_true(blocks < 400);
    }
    assert_int_equal(sw, UICC_SW_NO_MEMORY);
    size_t used = nvm_used(bed->sim->nvm);
    nvm_set_capacity(bed->sim->nvm, used + 200);
    RUN(bed, "80E60200",
        "07" PACKAGE "00"
        "000000",
        UICC_SW_OK);
    RUN(bed, "80E80000", "C481F0", UICC_SW_OK);
    RUN(bed, "80E88001", data, UICC_SW_NO_MEMORY);
    assert_int_equal(nvm_used(bed->sim->nvm), used);
    RUN(bed, "80F22000", "4F07" PACKAGE, UICC_SW_NO_REFERENCE);
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_status),    cmocka_unit_test(set_status),
        cmocka_unit_test(domains),       cmocka_unit_test(extradition),
        cmocka_unit_test(tokens),        cmocka_unit_test(load),
        cmocka_unit_test(load_refusals), cmocka_unit_test(load_limits),
        cmocka_unit_test(many_objects),
    };
    return cmocka_run_group_tests_name("gp/content", tests, NULL, NULL);
}
