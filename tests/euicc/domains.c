/*
 * Security domains and remote file management of a package: what each broken rule is answered.
 */
#include "scene.h"

/* A security domain below the MNO-SD, and a key of it. */
#define DOMAIN_AS(aid, privileges, rest, more)                                                     \
    PACKAGE_ELEMENT("sd-Header", ", 'instance': {'applicationLoadPackageAID': 'A0000001515350',"   \
                                 "'classAID': 'A000000151535041', 'instanceAID': '" aid "',"       \
                                 "'applicationPrivileges': '" privileges "',"                      \
                                 "'applicationSpecificParametersC9': ''" rest "}" more)
#define DOMAIN_WITH(more) DOMAIN_AS("A000000151000001", "80C000", "", more)
#define KEY(kvn, kid, components)                                                                  \
    "{'keyUsageQualifier': '18', 'keyIdentifier': '" kid "', 'keyVersionNumber': '" kvn "',"       \
    " 'keyCompontents': [" components "]}"
#define COMPONENT(type, value) "{'keyType': '" type "', 'keyData': '" value "'}"
#define KEY_16                 "000102030405060708090A0B0C0D0E0F"
#define RFM_AS(aid, rest)                                                                          \
    PACKAGE_ELEMENT("rfm-header", ", 'instanceAID': '" aid "', 'minimumSecurityLevel': '12',"      \
                                  "'uiccAccessDomain': '00', 'uiccAdminAccessDomain': '00'" rest)

static const struct row domain_rows[] = {
    {SET, PACKAGE_SD, "instance",
     "{'applicationLoadPackageAID': 'A0000001515350', 'classAID': 'A000000151535041',"
     " 'instanceAID': 'A000000151000000', 'applicationPrivileges': '82DC00',"
     " 'applicationSpecificParametersC9': ''}",
     "!9:6", NULL, 0},
    {SET, PACKAGE_SD, "instance",
     "{'applicationLoadPackageAID': 'A0000001515350', 'classAID': 'A000000151535041',"
     " 'instanceAID': 'A000000151000000', 'applicationPrivileges': '82DC00',"
     " 'extraditeSecurityDomainAID': 'A000000151000009', 'lifeCycleState': '0F',"
     " 'applicationSpecificParametersC9': ''}",
     "!8:6", NULL, 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_AS("A000000151000001", "80C000", ", 'extraditeSecurityDomainAID': 'A000000151000009'",
               ""),
     "!77:6", NULL, 0},
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_AS("A000000151000000", "80C000", "", ""),
     "!77:3", "77:3 0", 0}, /* the AID is the MNO-SD's */
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_AS("A000000151000001", "00C000", "", ""),
     "!77:3", "77:3 0", 0}, /* no domain */
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_AS("A000000151000001", "80C0", "", ""), "!77:3",
     "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_AS("A000000151000001", "80C000", ", 'lifeCycleState': '83'", ""), "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_AS("A000000151000001", "80C000",
               ", 'applicationParameters':"
               " {'uiccToolkitApplicationSpecificParametersField': '0100000000020102'}",
               ""),
     NULL, "0", 0}, /* as older packages end it */
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_AS("A000000151000001", "80C000",
               ", 'applicationParameters':"
               " {'uiccToolkitApplicationSpecificParametersField': '010000000002010203B201'}",
               ""),
     "!77:3", "77:3 0", 0},
    /* keys */
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'keyList': [" KEY("01", "01", COMPONENT("88", KEY_16)) "," KEY(
         "01", "02", COMPONENT("85", KEY_16)) "]"),
     NULL, "0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'keyList': [" KEY("01", "01", COMPONENT("88", KEY_16)) "," KEY(
         "01", "01", COMPONENT("80", KEY_16)) "]"),
     "!77:3", "77:3 0", 0}, /* version and identifier twice */
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'keyList': [" KEY("01", "01", COMPONENT("A1", KEY_16)) "]"), "!77:10",
     "77:10 0", 0}, /* RSA */
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'keyList': [" KEY("01", "01", COMPONENT("B0", KEY_16)) "]"), "!77:10",
     "77:10 0", 0}, /* ECC */
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(
         ", 'keyList': [" KEY("01", "01", COMPONENT("88", KEY_16) "," COMPONENT("88", KEY_16)) "]"),
     "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(
         ", 'keyList': [" KEY("01", "01", COMPONENT("88", KEY_16) "," COMPONENT("80", KEY_16)) "]"),
     "!77:10", "77:10 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'keyList': [" KEY("01", "01", COMPONENT("88", "000102")) "]"), "!77:3",
     "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_WITH(", 'keyList': [" KEY("01", "01", "") "]"),
     "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'keyList': [" KEY("00", "01", COMPONENT("88", KEY_16)) "]"), "!77:3", "77:3 0",
     0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'keyList': [" KEY("80", "01", COMPONENT("88", KEY_16)) "]"), "!77:3", "77:3 0",
     0},
    /* what STORE DATA would bring */
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_WITH(", 'sdPersoData': ['0070054203A1A2A3']"),
     NULL, "0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_WITH(", 'sdPersoData': ['0070044203A1A2']"),
     "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_WITH(", 'sdPersoData': ['0070064203A1A2A3']"),
     "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_WITH(", 'sdPersoData': ['0070']"), "!77:3",
     "77:3 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain", DOMAIN_WITH(", 'sdPersoData': ['3A0603810103']"),
     "!77:10", "77:10 0", 0},
    {INSERT, PACKAGE_RFM, "securityDomain",
     DOMAIN_WITH(", 'openPersoData': {'restrictParameter': '01'}"), "!77:6", "77:6 0", 0},
    {SET, PACKAGE_SD, "openPersoData", "{'restrictParameter': '01'}", NULL, "0", 0},
    {SET, PACKAGE_SD, "catTpParameters", "{'catTpMaxSduSize': 1024, 'catTpMaxPduSize': 512}", NULL,
     "0", 0},
    /* remote file management: AID and TAR are its own, ADF and domain exist */
    {INSERT, PACKAGE_END, "rfm", RFM_AS("A00000055910100001", ", 'tarList': ['B00121']"), "!77:3",
     "77:3 0", 0},
    {INSERT, PACKAGE_END, "rfm", RFM_AS("A00000055910100009", ", 'tarList': ['B00120']"), "!77:3",
     "77:3 0", 0},
    {INSERT, PACKAGE_END, "rfm", RFM_AS("A00000055910100009", ", 'tarList': ['B00121', 'B00121']"),
     "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_END, "rfm", RFM_AS("A00000055910100009", ""), "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_END, "rfm", RFM_AS("A0000005591010FFFFFFFF89B0012200", ""), NULL, "0", 0},
    {INSERT, PACKAGE_END, "rfm",
     RFM_AS("A00000055910100009",
            ", 'tarList': ['B00121'], 'securityDomainAID': 'A000000151000009'"),
     "!77:6", NULL, 0},
    {INSERT, PACKAGE_END, "rfm",
     RFM_AS("A00000055910100009",
            ", 'tarList': ['B00121'], 'adfRFMAccess': {'adfAID': 'A0000000871009',"
            " 'adfAccessDomain': '00', 'adfAdminAccessDomain': '00'}"),
     "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_END, "rfm",
     RFM_AS("A00000055910100009",
            ", 'tarList': ['B00121'], 'adfRFMAccess': {'adfAID': '" PACKAGE_USIM_AID "',"
            " 'adfAccessDomain': '0200', 'adfAdminAccessDomain': '00'}"),
     "!77:3", "77:3 0", 0},
    {INSERT, PACKAGE_END, "rfm",
     RFM_AS("A00000055910100009",
            ", 'tarList': ['B00121'], 'adfRFMAccess': {'adfAID': '" PACKAGE_USIM_AID "',"
            " 'adfAccessDomain': '02010203', 'adfAdminAccessDomain': 'FF'}"),
     NULL, "0", 0},
    {SET, PACKAGE_RFM, "uiccAccessDomain", "['01']", "!9:3", NULL, 0},
};

static void test_domains(void **state)
{
    scene_rows(*state, package_json, domain_rows, CR_COUNT(domain_rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(test_domains),
    };
    return cmocka_run_group_tests_name("euicc/domains", tests, NULL, NULL);
}
