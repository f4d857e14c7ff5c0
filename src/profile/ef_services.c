/*
 * Service tables: EF.UST of TS 31.102 4.2.8 and EF.IST of TS 31.103 4.2.7.
 */
#include "profile/ef.h"

/* clang-format off */
const struct profile_ust_service profile_ust_services[] = {
    {1, "Local Phone Book", NULL},
    {2, "Fixed Dialling Numbers (FDN)", "ef-fdn"},
    {3, "Extension 2", "ef-ext2"},
    {4, "Service Dialling Numbers (SDN)", "ef-sdn"},
    {5, "Extension 3", "ef-ext3"},
    {6, "Barred Dialling Numbers (BDN)", "ef-bdn"},
    {7, "Extension 4", "ef-ext4"},
    {8, "Outgoing Call Information (OCI and OCT)", "ef-oci ef-oct"},
    {9, "Incoming Call Information (ICI and ICT)", "ef-ici ef-ict"},
    {10, "Short Message Storage (SMS)", "ef-sms"},
    {11, "Short Message Status Reports (SMSR)", "ef-smsr"},
    {12, "Short Message Service Parameters (SMSP)", "ef-smsp"},
    {13, "Advice of Charge (AoC)", "ef-acmax ef-acm ef-puct"},
    {14, "Capability Configuration Parameters 2 (CCP2)", "ef-ccp2"},
    {15, "Cell Broadcast Message Identifier", "ef-cbmi"},
    {16, "Cell Broadcast Message Identifier Ranges", "ef-cbmir"},
    {17, "Group Identifier Level 1", "ef-gid1"},
    {18, "Group Identifier Level 2", "ef-gid2"},
    {19, "Service Provider Name", "ef-spn"},
    {20, "User controlled PLMN selector with Access Technology", "ef-plmnwact"},
    {21, "MSISDN", "ef-msisdn"},
    {22, "Image (IMG)", NULL},
    {23, "Support of Localised Service Areas (SoLSA)", NULL},
    {24, "Enhanced Multi-Level Precedence and Pre-emption Service", "ef-emlpp"},
    {25, "Automatic Answer for eMLPP", "ef-aaem"},
    {27, "GSM Access", "ef-kc"},
    {28, "Data download via SMS-PP", NULL},
    {29, "Data download via SMS-CB", "ef-cbmid"},
    {30, "Call Control by USIM", NULL},
    {31, "MO-SMS Control by USIM", NULL},
    {32, "RUN AT COMMAND command", NULL},
    {33, "shall be set to 1", NULL},
    {34, "Enabled Services Table", "ef-est"},
    {35, "APN Control List (ACL)", "ef-acl"},
    {36, "Depersonalisation Control Keys", "ef-dck"},
    {37, "Co-operative Network List", "ef-cnl"},
    {38, "GSM security context", NULL},
    {39, "CPBCCH Information", "ef-cpbcch"},
    {40, "Investigation Scan", "ef-invscan"},
    {41, "MexE", NULL},
    {42, "Operator controlled PLMN selector with Access Technology", "ef-oplmnwact"},
    {43, "HPLMN selector with Access Technology", "ef-hplmnwact"},
    {44, "Extension 5", "ef-ext5"},
    {45, "PLMN Network Name", "ef-pnn"},
    {46, "Operator PLMN List", "ef-opl"},
    {47, "Mailbox Dialling Numbers", "ef-mbdn ef-mbi"},
    {48, "Message Waiting Indication Status", "ef-mwis"},
    {49, "Call Forwarding Indication Status", "ef-cfis"},
    {51, "Service Provider Display Information", "ef-spdi"},
    {52, "Multimedia Messaging Service (MMS)", "ef-mmsn ef-mmsicp"},
    {53, "Extension 8", "ef-ext8"},
    {54, "Call control on GPRS by USIM", NULL},
    {55, "MMS User Connectivity Parameters", "ef-mmsucp"},
    {56, "Network's indication of alerting in the MS (NIA)", "ef-nia"},
    {57, "VGCS Group Identifier List", "ef-vgcs ef-vgcss"},
    {58, "VBS Group Identifier List", "ef-vbs ef-vbss"},
    {59, "Pseudonym", NULL},
    {60, "User controlled PLMN selector for I-WLAN access", NULL},
    {61, "Operator controlled PLMN selector for I-WLAN access", NULL},
    {62, "User controlled WSID list", NULL},
    {63, "Operator controlled WSID list", NULL},
    {64, "VGCS security", "ef-vgcsca"},
    {65, "VBS security", "ef-vbsca"},
    {66, "WLAN Reauthentication Identity", NULL},
    {67, "Multimedia Messages Storage", NULL},
    {68, "Generic Bootstrapping Architecture (GBA)", "ef-gbabp ef-gbanl"},
    {69, "MBMS security", "ef-msk ef-muk"},
    {70, "Data download via USSD and USSD application mode", NULL},
    {71, "Equivalent HPLMN", "ef-ehplmn"},
    {72, "Additional TERMINAL PROFILE after UICC activation", NULL},
    {73, "Equivalent HPLMN Presentation Indication", "ef-ehplmnpi"},
    {74, "Last RPLMN Selection Indication", "ef-lrplmnsi"},
    {75, "OMA BCAST Smart Card Profile", NULL},
    {76, "GBA-based Local Key Establishment Mechanism", "ef-nafkca"},
    {77, "Terminal Applications", NULL},
    {78, "Service Provider Name Icon", "ef-spni"},
    {79, "PLMN Network Name Icon", "ef-pnni"},
    {80, "Connectivity Parameters for USIM IP connections", "ef-ncp-ip"},
    {81, "Home I-WLAN Specific Identifier List", NULL},
    {82, "I-WLAN Equivalent HPLMN Presentation Indication", NULL},
    {83, "I-WLAN HPLMN Priority Indication", NULL},
    {84, "I-WLAN Last Registered PLMN", NULL},
    {85, "EPS Mobility Management Information", "ef-epsloci ef-epsnsc"},
    {86, "Allowed CSG Lists and corresponding indications", NULL},
    {87, "Call control on EPS PDN connection by USIM", NULL},
    {88, "HPLMN Direct Access", NULL},
    {89, "eCall Data", NULL},
    {90, "Operator CSG Lists and corresponding indications", NULL},
    {91, "Support for SM-over-IP", NULL},
    {92, "Support of CSG Display Control", NULL},
    {93, "Communication Control for IMS by USIM", NULL},
    {94, "Extended Terminal Applications", NULL},
    {95, "Support of UICC access to IMS", "ef-uicciari"},
    {96, "Non-Access Stratum configuration by USIM", "ef-nasconfig"},
    {97, "PWS configuration by USIM", "ef-pws"},
    {99, "URI support by UICC", NULL},
    {100, "Extended EARFCN support", NULL},
    {101, "ProSe", NULL},
    {102, "USAT Application Pairing", "ef-ips ef-ipd"},
    {103, "Media Type support", NULL},
    {104, "IMS call disconnection cause", NULL},
    {105, "URI support for MO SHORT MESSAGE CONTROL", NULL},
    {106, "ePDG configuration Information support", NULL},
    {107, "ePDG configuration Information configured", "ef-epdgid ef-epdgselection"},
    {108, "ACDC support", NULL},
    {109, "Mission Critical Services", NULL},
    {110, "ePDG configuration Information for Emergency Service support", NULL},
    {111, "ePDG configuration Information for Emergency Service configured",
     "ef-epdgidem ef-epdgselectionem"},
    {112, "eCall Data over IMS", NULL},
    {113, "URI support for SMS-PP DOWNLOAD", NULL},
    {114, "From Preferred", "ef-frompreferred"},
    {115, "IMS configuration data", "ef-imsconfigdata"},
    {116, "TV configuration", NULL},
    {117, "3GPP PS Data Off", "ef-3gpppsdataoff"},
    {118, "3GPP PS Data Off Service List", "ef-3gpppsdataoffservicelist"},
    {119, "V2X", NULL},
    {120, "XCAP Configuration Data", "ef-xcapconfigdata"},
    {121, "EARFCN list for MTC/NB-IoT UEs", "ef-earfcnlist"},
    {122, "5GS Mobility Management Information",
     "ef-5gs3gpploci ef-5gsn3gpploci ef-5gs3gppnsc ef-5gsn3gppnsc"},
    {123, "5G Security Parameters", "ef-5gauthkeys"},
    {124, "Subscription identifier privacy support", "ef-routing-indicator"},
    {125, "SUCI calculation by the USIM", NULL},
    {126, "UAC Access Identities support", "ef-uac-aic"},
    {127, "Control plane-based steering of UE in VPLMN", NULL},
    {128, "Call control on PDU Session by USIM", NULL},
    {129, "5GS Operator PLMN List", "ef-opl5g"},
    {130, "Support for SUPI of type NSI or GLI or GCI", "ef-supinai"},
    {131, "3GPP PS Data Off separate Home and Roaming lists", NULL},
    {132, "Support for URSP by USIM", "ef-ursp"},
    {133, "5G Security Parameters extended", NULL},
    {134, "MuD and MiD configuration data", "ef-mudmidconfigdata"},
    {135, "Support for Trusted non-3GPP access networks by USIM", "ef-tn3gppsnn"},
    {136, "Support for multiple records of NAS security context storage", NULL},
    {137, "Pre-configured CAG information list", "ef-cag"},
    {138, "SOR-CMCI storage in USIM", "ef-sor-cmci"},
    {139, "5G ProSe", NULL},
    {140, "Storage of disaster roaming information in USIM", "ef-dri"},
    {141, "Pre-configured eDRX parameters", "ef-5gsedrx"},
    {142, "5G NSWO support", "ef-5gnswo-conf"},
    {143, "PWS configuration for SNPN in USIM", "ef-pws-snpn"},
    {144, "Multiplier Coefficient for Higher Priority PLMN search", "ef-mchpplmn"},
    {145, "K_AUSF derivation configuration", "ef-kausf-derivation"},
    {146, "Network Identifier for SNPN (NID)", NULL},
};

const struct profile_ust_service profile_ist_services[] = {
    {1, "P-CSCF address", "ef-pcscf"},
    {2, "Generic Bootstrapping Architecture (GBA)", "ef-gbabp ef-gbanl"},
    {3, "HTTP Digest", NULL},
    {4, "GBA-based Local Key Establishment Mechanism", "ef-nafkca"},
    {5, "Support of P-CSCF discovery for IMS Local Break Out", NULL},
    {6, "Short Message Storage (SMS)", "ef-sms"},
    {7, "Short Message Status Reports (SMSR)", "ef-smsr"},
    {8, "Support for SM-over-IP including data download via SMS-PP", NULL},
    {9, "Communication Control for IMS by ISIM", NULL},
    {10, "Support of UICC access to IMS", "ef-uicciari"},
    {11, "URI support by UICC", NULL},
    {12, "Media Type support", NULL},
    {13, "IMS call disconnection cause", NULL},
    {14, "URI support for MO SHORT MESSAGE CONTROL", NULL},
    {15, "MCPTT", NULL},
    {16, "URI support for SMS-PP DOWNLOAD", NULL},
    {17, "From Preferred", "ef-frompreferred"},
    {18, "IMS configuration data", "ef-imsconfigdata"},
    {19, "XCAP Configuration Data", "ef-xcapconfigdata"},
    {20, "WebRTC URI", "ef-webrtcuri"},
    {21, "MuD and MiD configuration data", "ef-mudmidconfigdata"},
};
/* clang-format on */
const size_t profile_ust_service_count = CR_COUNT(profile_ust_services);
const size_t profile_ist_service_count = CR_COUNT(profile_ist_services);

const struct profile_ust_service *profile_ust_service(unsigned number)
{
    for (size_t i = 0; i < profile_ust_service_count; i++) {
        if (profile_ust_services[i].number == number) {
            return &profile_ust_services[i];
        }
    }
    return NULL;
}

bool profile_ust_service_has_file(const struct profile_ust_service *service, const char *member)
{
    size_t n = strlen(member);
    const char *at = service->files;
    while (at && *at) {
        size_t word = strcspn(at, " ");
        if (word == n && memcmp(at, member, n) == 0) {
            return true;
        }
        at += word + (at[word] == ' ');
    }
    return false;
}

bool profile_table_has(cr_span table, unsigned n)
{
    return n >= 1 && (n - 1) / 8 < table.n && (table.p[(n - 1) / 8] >> (n - 1) % 8 & 1) != 0;
}

bool profile_table_set(uint8_t *table, size_t size, unsigned n)
{
    if (n < 1 || (n - 1) / 8 >= size) {
        return false;
    }
    table[(n - 1) / 8] |= (uint8_t)(1u << (n - 1) % 8);
    return true;
}
