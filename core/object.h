/* object.h: the checked way back from a `void *` argument of a callback (after varnish's
 * miniobj.h). A struct whose address goes through a `void *` begins with `unsigned magic`, set when
 * it is made. Thread: any. */
#ifndef VSOC_CORE_OBJECT_H
#define VSOC_CORE_OBJECT_H

#include "core/thread.h"

/* Defines `struct NAME *NAME_cast(void *arg)`. It ends the process when arg is something else, or
 * an object that is over. */
#define OBJECT_CAST(name, number)                                                                  \
    static inline struct name *name##_cast(void *arg)                                              \
    {                                                                                              \
        struct name *object = (struct name *)arg;                                                  \
        ensure(object != NULL && object->magic == (number));                                       \
        return object;                                                                             \
    }

/* Before the object is freed: a callback that comes late finds it. */
static inline void object_end(unsigned *magic)
{
    *(volatile unsigned *)magic = 0; /* else the compiler leaves it out before free() */
}

#endif
