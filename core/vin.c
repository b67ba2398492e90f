/* vin.c: form and check digit of a vehicle identification number. Pure, any thread. Does not
 * correct input: O does not become 0. */
#include "core/vin.h"

bool vin_is_valid(struct slice vin)
{
    if (vin.size != VIN_BYTES)
        return false;
    for (size_t i = 0; i < VIN_BYTES; i++) {
        uint8_t c = vin.data[i];
        bool letter = c >= 'A' && c <= 'Z' && c != 'I' && c != 'O' && c != 'Q';
        if (!letter && !(c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

/* Value of a character, 49 CFR 565.15 table III. */
static unsigned transliterate(uint8_t c)
{
    static const uint8_t letters[26] = {1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4,
                                        5, 0, 7, 0, 9, 2, 3, 4, 5, 6, 7, 8, 9};
    return c >= 'A' ? letters[c - 'A'] : (unsigned)(c - '0');
}

bool vin_check_digit_fits(struct slice vin)
{
    static const uint8_t weights[VIN_BYTES] = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
    if (!vin_is_valid(vin))
        return false;
    unsigned sum = 0;
    for (size_t i = 0; i < VIN_BYTES; i++)
        sum += transliterate(vin.data[i]) * weights[i];
    unsigned rest = sum % 11;
    return vin.data[8] == (rest == 10 ? 'X' : '0' + rest);
}
