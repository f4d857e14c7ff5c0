/*
 * What a readable description says about a subscription, checked member by member. Private to the
 * builder.
 */
#ifndef CRISP_PROFILE_PLAN_H
#define CRISP_PROFILE_PLAN_H

#include "profile/description.h"
#include "profile/ef.h"
#include "profile/elements.h"

#define PLAN_MAX_SESSION     250 /* bytes of sd.sessionParameters */
#define PLAN_MAX_LIST        32
#define PLAN_MAX_SERVICES    146 /* the last service of EF.UST */
#define PROFILE_MAX_CONTACTS 250

struct plan_list {
    cr_span items[PLAN_MAX_LIST];
    size_t count;
};

struct plan_key { /* one row of sd.keys */
    uint8_t version;
    uint8_t type;          /* PROFILE_KEY_TYPE_... */
    cr_span enc, mac, dek; /* of a TLS-PSK: psk, and dek if any */
    cr_span psk;
};

struct plan_suci_key {
    uint8_t scheme; /* 1 profile A, 2 profile B */
    uint8_t id;
    cr_span key;
};

struct plan_suci {
    bool present;
    bool by_usim;
    bool allow_null;
    struct plan_suci_key keys[PLAN_MAX_LIST];
    size_t count;
};

struct profile_plan {
    int64_t major, minor;
    cr_span profile_type;
    cr_span iccid, imsi, msisdn; /* digits as written */
    int64_t mnc_length;
    cr_span spn;
    int64_t spn_display;
    uint8_t acc[PROFILE_ACC];
    struct plan_list languages;
    struct plan_list ecc;
    cr_span smsc;
    cr_span gid1, gid2;
    int64_t hpplmn; /* multiples of 6 minutes */

    int64_t algorithm; /* PROFILE_AKA_... */
    int64_t algorithm_options;
    cr_span k, opc; /* opc derived already */
    cr_span rotation_constants, xoring_constants, auth_counter_max;
    int64_t number_of_keccak;
    cr_span sqn_options, sqn_delta, sqn_age_limit;

    uint8_t pin1[PROFILE_CODE], pin2[PROFILE_CODE], puk1[PROFILE_CODE], puk2[PROFILE_CODE],
        adm1[PROFILE_CODE];
    bool pin1_enabled;

    struct plan_list user_plmn, operator_plmn, home_plmn; /* "999-70:eutran" */
    struct plan_list equivalent_plmn, forbidden_plmn;     /* "999-70" */

    int64_t services[PLAN_MAX_SERVICES];
    size_t service_count;

    cr_span usim_aid;
    bool gsm_access;
    int64_t contacts; /* phonebook in DF.TELECOM; 0 = none */

    bool five_g;
    cr_span routing_indicator; /* 1..4 digits */
    cr_span access_identities; /* 4 bytes, OPTIONAL */
    struct plan_suci suci;

    bool isim;
    cr_span isim_aid, impi, domain;
    struct plan_list impu, pcscf;
    int64_t isim_services[PLAN_MAX_LIST];
    size_t isim_service_count;

    struct plan_key keys[PLAN_MAX_LIST];
    size_t key_count;
    cr_span tar; /* of the MNO-SD */
    uint8_t minimum_security_level;
    bool rfm;
    cr_span session_parameters; /* 0085 of the MNO-SD; absent = none */
};

/* Reads a description without its "elements". */
cr_status profile_plan_read(const json_t *description, cr_arena *arena, struct profile_plan *plan,
                            struct cr_err *err) CR_MUST_CHECK;

#endif
