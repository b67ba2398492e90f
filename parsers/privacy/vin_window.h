/* vin_window.h: the last VIN_BYTES letters and digits of a text as two numbers, so that searching
 * for known VINs costs the same per character, even when the text almost repeats one. O and Q count
 * as 0, I as 1. Pure, any thread. */
#ifndef VSOC_PARSERS_VIN_WINDOW_H
#define VSOC_PARSERS_VIN_WINDOW_H

#include "core/vin.h"

struct vin_window {
    uint64_t front, back; /* 8 and 9 characters of 6 bits, the last one lowest */
};

/* Maps a letter or digit in upper case to the one that it counts as. */
static inline uint8_t vin_fold(uint8_t upper)
{
    return upper == 'O' || upper == 'Q' ? '0' : upper == 'I' ? '1' : upper;
}

/* One more character, a letter or digit in upper case. */
static inline void vin_window_push(struct vin_window *window, uint8_t upper)
{
    const uint64_t front = (UINT64_C(1) << 48) - 1, back = (UINT64_C(1) << 54) - 1;
    window->front = (window->front << 6 | window->back >> 48) & front;
    window->back = (window->back << 6 | (uint64_t)(vin_fold(upper) - '0')) & back;
}

/* The window of VIN_BYTES letters and digits in upper case. */
static inline struct vin_window vin_window_of(const uint8_t vin[VIN_BYTES])
{
    struct vin_window window = {0, 0};
    for (size_t i = 0; i < VIN_BYTES; i++)
        vin_window_push(&window, vin[i]);
    return window;
}

/* Index of the window among the known ones; count: not found. */
static inline size_t vin_window_find(struct vin_window window, const struct vin_window *known,
                                     size_t count)
{
    size_t k = 0;
    while (k < count && (known[k].back != window.back || known[k].front != window.front))
        k++;
    return k;
}

#endif
