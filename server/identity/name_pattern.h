/* name_pattern.h: an anchored pattern over one name of a certificate: "SOURCE:TEXT". SOURCE is
 * san_uri, san_dns, subject_cn or oid:1.3.6.1.4.1.…; TEXT matches the whole name: literal
 * characters, `*` for one or more letters, digits, - or _, and `{vin}` for a VIN. Pure; thread:
 * any. */
#ifndef VSOC_SERVER_NAME_PATTERN_H
#define VSOC_SERVER_NAME_PATTERN_H

#include "core/log/problem.h"
#include "core/slice.h"
#include "core/status.h"
#include "core/vin.h"

#define NAME_PATTERN_TEXT_MAX 256

enum name_source { NAME_SAN_URI, NAME_SAN_DNS, NAME_SUBJECT_CN, NAME_OID };

struct name_pattern {
    enum name_source source;
    struct slice oid;  /* dotted, of NAME_OID */
    struct slice text; /* what a name must be; points into the text parsed, or is static */
    bool has_wildcard;
};

enum name_pattern_kind {
    NAME_PATTERN_VEHICLE, /* holds {vin} once; TEXT may be left out: urn:vin:{vin} for san_uri,
                             {vin} for the others */
    NAME_PATTERN_SENDER,  /* holds no {vin}; TEXT is needed */
};

/* Reads a pattern. CONFIG with a sentence in *problem. */
enum status name_pattern_parse(struct slice text, enum name_pattern_kind kind,
                               struct name_pattern *out, struct problem *problem) must_check;

enum name_match {
    NAME_DIFFERS,
    NAME_MATCHES,
    NAME_IS_NO_VIN, /* it begins like the pattern before {vin}, but has no VIN there */
};

/* Whether the whole name matches the pattern. Case is ignored in a DNS name and in a pattern that
 * begins with urn:. NAME_MATCHES of a vehicle's pattern: *vin is its VIN in upper case. */
enum name_match name_pattern_match(const struct name_pattern *pattern, struct slice name,
                                   uint8_t vin[VIN_BYTES]);
/* "san_uri", … */
const char *name_source_word(enum name_source source);

/* Upper-case copy of a VIN in any case; false when it is not a VIN. */
bool vin_read(struct slice text, uint8_t vin[VIN_BYTES]);

#endif
