/* problem.c: see problem.h. Any thread. */
#include "core/log/problem.h"

#include <stdarg.h>
#include <stdio.h>

void problem_say(struct problem *problem, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(problem->text, sizeof problem->text, format, args);
    va_end(args);
}
