/* Makes the VINs of the simulated fleet. Runs on any thread, keeps no state. It does not check VINs
 * of others. */
#include "fleet_vin.h"

#include "fleet_random.h"

#include <string.h>

/* WMI, vehicle descriptor (positions 4 to 8), plant: invented models behind real-looking prefixes.
 */
static const struct model {
    char wmi[4];
    char descriptor[6];
    char plant;
} MODELS[] = {
    {"1M8", "GDM9A", 'P'}, {"WVW", "ZZZ1J", 'W'}, {"5YJ", "3E1EA", 'F'}, {"JHM", "CM826", 'C'},
    {"KNA", "GH4A8", '5'}, {"VF1", "RFB00", 'H'}, {"WDD", "2050C", 'A'}, {"YV1", "CZ852", '1'},
};

/* Value of a VIN character in the check sum. I, O and Q never occur. */
static unsigned transliterate(char c)
{
    static const unsigned char LETTERS[26] = {1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4,
                                              5, 0, 7, 0, 9, 2, 3, 4, 5, 6, 7, 8, 9};
    return c <= '9' ? (unsigned)(c - '0') : LETTERS[c - 'A'];
}

static char check_digit(const char vin[FLEET_VIN_CHARS])
{
    static const unsigned char WEIGHTS[FLEET_VIN_CHARS] = {8, 7, 6, 5, 4, 3, 2, 10, 0,
                                                           9, 8, 7, 6, 5, 4, 3, 2};
    unsigned sum = 0;
    for (int i = 0; i < FLEET_VIN_CHARS; i++)
        sum += transliterate(vin[i]) * WEIGHTS[i];
    return sum % 11 == 10 ? 'X' : (char)('0' + sum % 11);
}

void fleet_vin_write(uint64_t vehicle, char out[FLEET_VIN_CHARS + 1])
{
    static const char YEARS[] = "LMNPRSTV"; /* model years 2020 to 2027 */
    struct fleet_random random = fleet_random_stream(0x56494e, vehicle);
    const struct model *model =
        &MODELS[fleet_random_below(&random, sizeof MODELS / sizeof *MODELS)];
    memcpy(out, model->wmi, 3);
    memcpy(out + 3, model->descriptor, 5);
    out[8] = '0';
    out[9] = YEARS[fleet_random_below(&random, sizeof YEARS - 1)];
    out[10] = model->plant;
    /* The serial holds the number itself, so two vehicles never share one. Six digits are the
     * serial proper; the millions go into position 8, which is free in these models. */
    uint64_t serial = vehicle % 10000000u;
    out[7] = (char)('0' + serial / 1000000u);
    for (int i = 16; i > 10; i--, serial /= 10)
        out[i] = (char)('0' + serial % 10);
    out[8] = check_digit(out);
    out[FLEET_VIN_CHARS] = '\0';
}
