/* tenant_name.c: which texts may name a tenant. Any thread. Does not know which tenants exist. */
#include "server/identity/tenant_name.h"

#include "core/utf8.h"

bool tenant_name_is_valid(struct slice name)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < 0x20 || name.data[i] == 0x7f)
            return false;
    return name.size > 0 && name.size <= TENANT_NAME_MAX && utf8_check(name) == STATUS_OK;
}
