/* Repeatable random numbers: the same seed gives the same fleet on every machine. Not for secrets.
 */
#ifndef LOAD_TESTS_FLEET_RANDOM_H
#define LOAD_TESTS_FLEET_RANDOM_H

#include <stdint.h>

/* One stream of numbers (SplitMix64, Steele et al. 2014). Any value is a valid start. */
struct fleet_random {
    uint64_t state;
};

/* Next 64 random bits. */
static inline uint64_t fleet_random_next(struct fleet_random *random)
{
    uint64_t z = (random->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A number from 0 to limit - 1; limit must not be 0. The bias is far below what a load test sees.
 */
static inline uint32_t fleet_random_below(struct fleet_random *random, uint32_t limit)
{
    return (uint32_t)((fleet_random_next(random) >> 32) * limit >> 32);
}

/* A number from 0 to limit - 1 (limit up to 65536) out of quarter 0 to 3 of 64 random bits: several
 * choices in one argument list, where the order of calls would be the compiler's. */
static inline uint32_t fleet_random_quarter(uint64_t bits, unsigned quarter, uint32_t limit)
{
    return (uint32_t)((bits >> (quarter * 16) & 0xffff) * limit >> 16);
}

/* A stream that depends on two numbers only, so that event N is the same in whatever order it is
 * made. */
static inline struct fleet_random fleet_random_stream(uint64_t seed, uint64_t number)
{
    struct fleet_random random = {seed};
    random.state = fleet_random_next(&random) ^ (number * 0xd1342543de82ef95u);
    return random;
}

#endif
