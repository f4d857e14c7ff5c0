/*
 * XML in and out, for the files of this folder: a tree that was read safely, the codec over it, and
 * text that is written safely. libxml2 reads and canonicalises; nothing of it leaves the folder.
 *
 * What is refused before anything is built: a document type declaration (so no entity is ever
 * expanded or fetched), text that is no UTF-8, nesting deeper than SOAP_MAX_DEPTH, messages longer
 * than SOAP_MAX_MESSAGE.
 */
#ifndef CRISP_SOAP_XML_H
#define CRISP_SOAP_XML_H

#include "soap/schema.h"

#include <libxml/tree.h>

#define SOAP_MAX_MESSAGE ((size_t)2 << 20) /* bytes of an XML text from outside */
#define SOAP_MAX_DEPTH   32                /* elements inside each other */
#define SOAP_MAX_NODES   65536             /* elements of one message */

/* Parses; *out is freed with xmlFreeDoc(). CR_MALFORMED carries 1.3.1/2.1. */
cr_status soap_xml_parse(cr_span text, xmlDoc **out, struct cr_err *err) CR_MUST_CHECK;

/* First child element with this local name and namespace (NULL = any); NULL = none. */
xmlNode *soap_xml_child(const xmlNode *parent, const char *ns, const char *name);
/* Next element behind node, node itself counted; NULL = none. */
xmlNode *soap_xml_element(xmlNode *node);
bool soap_xml_is(const xmlNode *node, const char *ns, const char *name);

/* The text of an element without child elements; absent when it has some or is too long (limit
 * bytes). Lives in the arena. */
cr_span soap_xml_text(const xmlNode *node, size_t limit, cr_arena *arena);

/* Fills the zeroed struct of a type from an element. CR_MALFORMED names the element and carries
 * 1.6 with 2.1 (bad value) or 2.2 (missing). */
cr_status soap_xml_read(const xmlNode *node, const struct soap_type *type, cr_arena *arena,
                        void *out, struct cr_err *err) CR_MUST_CHECK;
/* The same for one row: node is the row's element. Lists grow by one. */
cr_status soap_xml_read_row(const xmlNode *node, const struct soap_row *row, cr_arena *arena,
                            void *base, struct cr_err *err) CR_MUST_CHECK;
/* True when node is an element of the row (name or alias, in the messages' namespace). */
bool soap_xml_row_is(const xmlNode *node, const struct soap_row *row);

/* Canonical XML of an element with what it inherits: exclusive (with the prefixes that content
 * needs) or inclusive, without comments. */
cr_status soap_xml_canonical(xmlNode *node, bool exclusive, cr_buf *out,
                             struct cr_err *err) CR_MUST_CHECK;

/* Appends text with what XML wants escaped. */
void soap_xml_escape(cr_buf *out, cr_span text);
/* Appends the element (attributes, children) of a row, in the prefix rps3; nothing when the value
 * is absent. CR_REFUSED when a value breaks the row's limits or a mandatory one is missing. */
cr_status soap_xml_write_row(const struct soap_row *row, const void *base, cr_buf *out,
                             struct cr_err *err) CR_MUST_CHECK;
/* The same for a value that is there, wherever it is. */
cr_status soap_xml_write_value(const struct soap_row *row, const void *value, cr_buf *out,
                               struct cr_err *err) CR_MUST_CHECK;

#endif
