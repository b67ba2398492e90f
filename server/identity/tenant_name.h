/* tenant_name.h: which texts may name a tenant. Pure; thread: any. */
#ifndef VSOC_SERVER_TENANT_NAME_H
#define VSOC_SERVER_TENANT_NAME_H

#include <stdbool.h>
#include "core/slice.h"

#define TENANT_NAME_MAX 128 /* bytes */

/* True for 1 to TENANT_NAME_MAX bytes of UTF-8 without control characters: text that every sink can
 * store. */
bool tenant_name_is_valid(struct slice name);

#endif
