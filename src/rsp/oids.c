#include "rsp/oids.h"

const struct rsp_oid rsp_oids[] = {
    /* SGP.22 annex H: roles of v2 and variant O */
    {"2.23.146.1.2.1.0", "id-rspRole-ci"},
    {"2.23.146.1.2.1.1", "id-rspRole-euicc"},
    {"2.23.146.1.2.1.2", "id-rspRole-eum"},
    {"2.23.146.1.2.1.3", "id-rspRole-dp-tls"},
    {"2.23.146.1.2.1.4", "id-rspRole-dp-auth"},
    {"2.23.146.1.2.1.5", "id-rspRole-dp-pb"},
    {"2.23.146.1.2.1.6", "id-rspRole-ds-tls"},
    {"2.23.146.1.2.1.7", "id-rspRole-ds-auth"},
    /* v3, variants Ov3, A, B, C */
    {"2.23.146.1.2.1.0.0", "id-rspRole-ciSubCa"},
    {"2.23.146.1.2.1.0.0.0", "id-rspRole-eum-v3"},
    {"2.23.146.1.2.1.0.0.0.0", "id-rspRole-eumSubCa"},
    {"2.23.146.1.2.1.0.0.0.0.0", "id-rspRole-euicc-v3"},
    {"2.23.146.1.2.1.0.0.1", "id-rspRole-dpSubCa"},
    {"2.23.146.1.2.1.0.0.1.0", "id-rspRole-dp-tls-v3"},
    {"2.23.146.1.2.1.0.0.1.1", "id-rspRole-dp-auth-v3"},
    {"2.23.146.1.2.1.0.0.1.2", "id-rspRole-dp-pb-v3"},
    {"2.23.146.1.2.1.0.0.2", "id-rspRole-dsSubCa"},
    {"2.23.146.1.2.1.0.0.2.0", "id-rspRole-ds-tls-v3"},
    {"2.23.146.1.2.1.0.0.2.1", "id-rspRole-ds-auth-v3"},
    /* extensions and data */
    {"2.23.146.1.2.0.1", "id-rsp-expDate"},
    {"2.23.146.1.2.0.2", "id-rsp-totalPartialCrlNumber"},
    {"2.23.146.1.2.0.3", "id-rsp-partialCrlNumber"},
    {"2.23.146.1.2.2.0", "id-rsp-cert-permitted-eins"},
    {"2.23.146.1.3.1", "id-rsp-serviceSpecificData-acr"},
    /* SGP.26 test parties */
    {"2.999.1", "SGP.26 test CI"},
    {"2.999.5", "SGP.26 test EUM"},
    {"2.999.101", "SGP.26 test EUM, v3"},
    {"2.999.10", "SGP.26 test SM-DP+ 1"},
    {"2.999.12", "SGP.26 test SM-DP+ 2"},
    {"2.999.14", "SGP.26 test SM-DP+ 4"},
    {"2.999.18", "SGP.26 test SM-DP+ 8"},
    {"2.999.15", "SGP.26 test SM-DS"},
    /* X.509 and keys */
    {"1.2.840.10045.2.1", "id-ecPublicKey"},
    {"1.2.840.10045.4.3.2", "ecdsa-with-SHA256"},
    {"1.2.840.10045.3.1.7", "prime256v1"},
    {"1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"},
    {"1.2.250.1.223.101.256.1", "FRP256v1"},
    {"2.5.4.3", "commonName"},
    {"2.5.4.5", "serialNumber"},
    {"2.5.4.6", "countryName"},
    {"2.5.4.7", "localityName"},
    {"2.5.4.8", "stateOrProvinceName"},
    {"2.5.4.10", "organizationName"},
    {"2.5.4.11", "organizationalUnitName"},
    {"2.5.29.14", "subjectKeyIdentifier"},
    {"2.5.29.15", "keyUsage"},
    {"2.5.29.17", "subjectAltName"},
    {"2.5.29.19", "basicConstraints"},
    {"2.5.29.20", "cRLNumber"},
    {"2.5.29.28", "issuingDistributionPoint"},
    {"2.5.29.30", "nameConstraints"},
    {"2.5.29.31", "cRLDistributionPoints"},
    {"2.5.29.32", "certificatePolicies"},
    {"2.5.29.35", "authorityKeyIdentifier"},
    {"2.5.29.37", "extKeyUsage"},
    {"1.3.6.1.5.5.7.3.1", "serverAuth"},
    {"1.3.6.1.5.5.7.3.2", "clientAuth"},
    {NULL, NULL},
};

const char *rsp_oid_name_dotted(cr_span dotted)
{
    for (const struct rsp_oid *o = rsp_oids; o->dotted; o++) {
        if (cr_span_equal(cr_span_str(o->dotted), dotted)) {
            return o->name;
        }
    }
    return NULL;
}

const char *rsp_oid_name(cr_span oid)
{
    char text[DER_OID_TEXT];
    return der_oid_text(oid, text, NULL) == CR_OK ? rsp_oid_name_dotted(cr_span_str(text)) : NULL;
}
