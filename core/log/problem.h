/* problem.h: why something failed and what to do, for people: one sentence that the caller logs or
 * prints. Thread: the owner's. */
#ifndef VSOC_CORE_PROBLEM_H
#define VSOC_CORE_PROBLEM_H

#define PROBLEM_BYTES 512

/* Embedded or on the caller's stack; text ends with a 0. */
struct problem {
    char text[PROBLEM_BYTES];
};

/* Replaces the text; a longer one is cut. */
void problem_say(struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
