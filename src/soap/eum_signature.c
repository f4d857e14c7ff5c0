#include "soap/eum_signature.h"

#include "base/text.h"
#include "soap/xml.h"

#define EXCLUSIVE    "http://www.w3.org/2001/10/xml-exc-c14n#"
#define INCLUSIVE    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define ECDSA_SHA256 "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
#define SHA256       "http://www.w3.org/2001/04/xmlenc#sha256"

#define MAX_ALGORITHM 128 /* characters of an Algorithm attribute that are looked at */

static cr_status refuse(struct cr_err *err, const char *cause)
{
    return cr_err_next(
        err, cr_refuse(err, "8.6", "6.1", "SGP.02 2.5.1", "the EUM's signature: %s", cause),
        "Ask the EUM for an EIS signed with ECDSA, SHA-256 and exclusive or inclusive "
        "canonical XML, by the key of the registered EUM certificate.");
}

/* ---- reading -----------------------------------------------------------------------------------
 */

/* The Algorithm of a child element; empty when there is none. */
static void algorithm_of(const xmlNode *parent, const char *name, char out[MAX_ALGORITHM])
{
    xmlNode *node = soap_xml_child(parent, SOAP_NS_DSIG, name);
    xmlChar *value = node ? xmlGetNoNsProp(node, (const xmlChar *)"Algorithm") : NULL;
    if (!value || !cr_str_copy(out, MAX_ALGORITHM, cr_span_str((const char *)value))) {
        out[0] = '\0';
    }
    xmlFree(value);
}

static bool known_canonicalisation(const char *algorithm, bool *exclusive)
{
    *exclusive = strcmp(algorithm, EXCLUSIVE) == 0;
    return *exclusive || strcmp(algorithm, INCLUSIVE) == 0;
}

/* Prefixes to be treated inclusively would be a third form. */
static bool has_parameters(const xmlNode *method)
{
    return method && soap_xml_element(method->children) != NULL;
}

struct reference {
    bool exclusive;
    uint8_t digest[CRYPTO_SHA256];
};

static cr_status read_digest(const xmlNode *reference, cr_arena *arena, struct reference *out,
                             struct cr_err *err)
{
    const xmlNode *value = soap_xml_child(reference, SOAP_NS_DSIG, "DigestValue");
    cr_span text = value ? soap_xml_text(value, 256, arena) : (cr_span){0};
    cr_buf digest = {0};
    bool good =
        text.p && cr_base64_decode(&digest, text, NULL) == CR_OK && digest.n == sizeof out->digest;
    if (good) {
        memcpy(out->digest, digest.p, sizeof out->digest);
    }
    cr_buf_free(&digest);
    return good ? CR_OK : refuse(err, "it has no digest of 32 bytes");
}

static cr_status read_reference(const xmlNode *signed_info, cr_arena *arena, struct reference *out,
                                struct cr_err *err)
{
    char algorithm[MAX_ALGORITHM];
    xmlNode *reference = soap_xml_child(signed_info, SOAP_NS_DSIG, "Reference");
    if (!reference) {
        return refuse(err, "it has no Reference");
    }
    for (const xmlNode *n = soap_xml_element(reference->next); n; n = soap_xml_element(n->next)) {
        if (soap_xml_is(n, SOAP_NS_DSIG, "Reference")) {
            return refuse(err, "it has more than one Reference");
        }
    }
    if (xmlHasProp(reference, (const xmlChar *)"URI")) {
        return refuse(err, "its Reference has a URI");
    }
    const xmlNode *transforms = soap_xml_child(reference, SOAP_NS_DSIG, "Transforms");
    out->exclusive = false;
    if (transforms) {
        const xmlNode *first = soap_xml_child(transforms, SOAP_NS_DSIG, "Transform");
        algorithm_of(transforms, "Transform", algorithm);
        if (!first || soap_xml_element(first->next) || has_parameters(first) ||
            !known_canonicalisation(algorithm, &out->exclusive)) {
            return refuse(err, "its Transforms are not one canonicalisation");
        }
    }
    algorithm_of(reference, "DigestMethod", algorithm);
    if (strcmp(algorithm, SHA256) != 0) {
        return refuse(err, "its digest is not SHA-256");
    }
    return read_digest(reference, arena, out, err);
}

/* SHA-256 of the canonical form of a text that is one element. */
static cr_status canonical_digest(cr_span xml, bool exclusive, uint8_t out[CRYPTO_SHA256],
                                  struct cr_err *err)
{
    xmlDoc *doc = NULL;
    CR_TRY(soap_xml_parse(xml, &doc, err));
    cr_buf canonical = {0};
    cr_status status = soap_xml_canonical(xmlDocGetRootElement(doc), exclusive, &canonical, err);
    if (status == CR_OK) {
        crypto_sha256(cr_buf_span(&canonical), out);
    }
    cr_buf_free(&canonical);
    xmlFreeDoc(doc);
    return status;
}

static cr_status verify_value(xmlNode *signed_info, const xmlNode *signature,
                              const struct crypto_public *key, cr_arena *arena, struct cr_err *err)
{
    char algorithm[MAX_ALGORITHM];
    bool exclusive;
    algorithm_of(signed_info, "CanonicalizationMethod", algorithm);
    if (!known_canonicalisation(algorithm, &exclusive) ||
        has_parameters(soap_xml_child(signed_info, SOAP_NS_DSIG, "CanonicalizationMethod"))) {
        return refuse(err, "its canonicalisation is not supported");
    }
    algorithm_of(signed_info, "SignatureMethod", algorithm);
    if (strcmp(algorithm, ECDSA_SHA256) != 0) {
        return refuse(err, "its method is not ECDSA with SHA-256");
    }
    const xmlNode *node = soap_xml_child(signature, SOAP_NS_DSIG, "SignatureValue");
    cr_span text = node ? soap_xml_text(node, 1024, arena) : (cr_span){0};
    cr_buf value = {0}, canonical = {0};
    cr_status status = CR_OK;
    if (!text.p || cr_base64_decode(&value, text, NULL) != CR_OK || value.n != CRYPTO_SIGNATURE) {
        status = refuse(err, "its value is not r and s of 32 bytes each");
    }
    if (status == CR_OK) {
        status = soap_xml_canonical(signed_info, exclusive, &canonical, err);
    }
    if (status == CR_OK) {
        cr_span part = cr_buf_span(&canonical);
        if (crypto_verify(key, &part, 1, cr_buf_span(&value), NULL) != CR_OK) {
            status = refuse(err, "it is wrong");
        }
    }
    cr_buf_free(&value);
    cr_buf_free(&canonical);
    return status;
}

/* A certificate beside the signature is a hint; another one than the registered is a lie. */
static cr_status check_certificate(const xmlNode *signature, cr_span certificate, cr_arena *arena,
                                   struct cr_err *err)
{
    const xmlNode *info = soap_xml_child(signature, SOAP_NS_DSIG, "KeyInfo");
    const xmlNode *data = info ? soap_xml_child(info, SOAP_NS_DSIG, "X509Data") : NULL;
    const xmlNode *node = data ? soap_xml_child(data, SOAP_NS_DSIG, "X509Certificate") : NULL;
    if (!node) {
        return CR_OK;
    }
    cr_span text = soap_xml_text(node, 32768, arena);
    cr_buf der = {0};
    bool same = text.p && cr_base64_decode(&der, text, NULL) == CR_OK &&
                cr_span_equal(cr_buf_span(&der), certificate);
    cr_buf_free(&der);
    return same ? CR_OK : refuse(err, "it names another certificate than that of the EUM");
}

static cr_status verify_tree(xmlNode *signature, const struct soap_eis *eis,
                             const struct crypto_public *key, cr_span certificate, cr_arena *arena,
                             struct cr_err *err)
{
    xmlNode *signed_info = soap_xml_child(signature, SOAP_NS_DSIG, "SignedInfo");
    if (!signed_info) {
        return refuse(err, "it has no SignedInfo");
    }
    struct reference reference;
    uint8_t digest[CRYPTO_SHA256];
    CR_TRY(check_certificate(signature, certificate, arena, err));
    CR_TRY(read_reference(signed_info, arena, &reference, err));
    CR_TRY(canonical_digest(eis->signed_info.raw, reference.exclusive, digest, err));
    if (memcmp(digest, reference.digest, sizeof digest) != 0) {
        return refuse(err, "the signed part was changed after it was signed");
    }
    return verify_value(signed_info, signature, key, arena, err);
}

cr_status soap_eum_verify(const struct soap_eis *eis, const struct crypto_public *key,
                          cr_span certificate, cr_arena *arena, struct cr_err *err)
{
    if (!eis->has_signed_info || !eis->signed_info.raw.p || !eis->eum_signature.p) {
        return refuse(err, "there is none");
    }
    xmlDoc *doc = NULL;
    CR_TRY(soap_xml_parse(eis->eum_signature, &doc, err));
    cr_status status = verify_tree(xmlDocGetRootElement(doc), eis, key, certificate, arena, err);
    xmlFreeDoc(doc);
    return status;
}

/* ---- writing -----------------------------------------------------------------------------------
 */

/* Canonical form of a text that is one element, into the arena. */
static cr_status canonical_text(const cr_buf *xml, cr_arena *arena, cr_span *out,
                                struct cr_err *err)
{
    if (!cr_buf_ok(xml)) {
        return cr_fail_memory(err);
    }
    xmlDoc *doc = NULL;
    CR_TRY(soap_xml_parse(cr_buf_span(xml), &doc, err));
    cr_buf canonical = {0};
    cr_status status = soap_xml_canonical(xmlDocGetRootElement(doc), true, &canonical, err);
    if (status == CR_OK) {
        *out = cr_arena_copy(arena, cr_buf_span(&canonical));
        status = out->p ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&canonical);
    xmlFreeDoc(doc);
    return status;
}

/* The signed part as an element that declares its own prefix. */
static cr_status write_signed_info(struct soap_eis *eis, cr_arena *arena, struct cr_err *err)
{
    static const char open[] = "<rps3:EumSignedInfo";
    static const struct soap_row row = {
        .name = "EumSignedInfo", .kind = SOAP_COMPLEX, .type = &soap_eum_signed_info_type};
    cr_buf inner = {0}, xml = {0};
    eis->signed_info.raw = (cr_span){0};
    cr_status status = soap_xml_write_value(&row, &eis->signed_info, &inner, err);
    if (status == CR_OK) {
        cr_buf_append_str(&xml, open);
        cr_buf_append_str(&xml, " xmlns:rps3=\"" SOAP_NS_RPS "\"");
        cr_buf_append_span(&xml, cr_span_sub(cr_buf_span(&inner), sizeof open - 1, inner.n));
        xml.failed |= inner.failed;
        status = canonical_text(&xml, arena, &eis->signed_info.raw, err);
    }
    cr_buf_free(&inner);
    cr_buf_free(&xml);
    return status;
}

cr_status soap_eum_sign(struct soap_eis *eis, const struct pki_key *key, cr_span certificate,
                        cr_span subject, cr_arena *arena, struct cr_err *err)
{
    CR_TRY(write_signed_info(eis, arena, err));
    uint8_t digest[CRYPTO_SHA256], value[CRYPTO_SIGNATURE];
    crypto_sha256(eis->signed_info.raw, digest);
    cr_buf xml = {0};
    cr_span signed_info;
    cr_buf_append_str(&xml, "<ds:SignedInfo xmlns:ds=\"" SOAP_NS_DSIG "\">"
                            "<ds:CanonicalizationMethod Algorithm=\"" EXCLUSIVE "\"/>"
                            "<ds:SignatureMethod Algorithm=\"" ECDSA_SHA256 "\"/>"
                            "<ds:Reference><ds:Transforms><ds:Transform Algorithm=\"" EXCLUSIVE
                            "\"/></ds:Transforms><ds:DigestMethod Algorithm=\"" SHA256
                            "\"/><ds:DigestValue>");
    cr_base64_append(&xml, CR_SPAN_ARRAY(digest));
    cr_buf_append_str(&xml, "</ds:DigestValue></ds:Reference></ds:SignedInfo>");
    cr_status status = canonical_text(&xml, arena, &signed_info, err);
    if (status == CR_OK) {
        status = pki_key_sign(key, &signed_info, 1, value, err);
    }
    if (status == CR_OK) {
        cr_buf_reset(&xml);
        cr_buf_append_str(&xml, "<rps3:EumSignature xmlns:rps3=\"" SOAP_NS_RPS "\">");
        cr_buf_append_span(&xml, signed_info);
        cr_buf_append_str(&xml, "<ds:SignatureValue xmlns:ds=\"" SOAP_NS_DSIG "\">");
        cr_base64_append(&xml, CR_SPAN_ARRAY(value));
        cr_buf_append_str(&xml, "</ds:SignatureValue><ds:KeyInfo xmlns:ds=\"" SOAP_NS_DSIG
                                "\"><ds:X509Data>");
        if (subject.p) {
            cr_buf_append_str(&xml, "<ds:X509SubjectName>");
            soap_xml_escape(&xml, subject);
            cr_buf_append_str(&xml, "</ds:X509SubjectName>");
        }
        cr_buf_append_str(&xml, "<ds:X509Certificate>");
        cr_base64_append(&xml, certificate);
        cr_buf_append_str(&xml,
                          "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></rps3:EumSignature>");
        status = canonical_text(&xml, arena, &eis->eum_signature, err);
    }
    cr_buf_free(&xml);
    return status;
}
