/* vehicle_words.c: VINs and pseudonyms on the command line and on record. Any thread. Makes no
 * pseudonyms. */
#include "server/commands/evidence/vehicle_words.h"

#include <string.h>

#include "core/hex.h"

bool vehicle_read_vin(const char *text, char vin[VIN_BYTES + 1])
{
    if (strlen(text) != VIN_BYTES)
        return false;
    for (size_t i = 0; i < VIN_BYTES; i++)
        vin[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
    vin[VIN_BYTES] = '\0';
    return vin_is_valid(slice_from_text(vin));
}

bool vehicle_read_pid(const char *text, uint8_t pid[VEHICLE_PID_BYTES])
{
    if (!strncmp(text, "veh:", 4))
        text += 4;
    if (strlen(text) != 2 * (size_t)VEHICLE_PID_BYTES)
        return false;
    for (size_t i = 0; i < VEHICLE_PID_BYTES; i++) {
        int high = hex_digit_value(text[2 * i]), low = hex_digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        pid[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

void vehicle_write(struct writer *w, const uint8_t pid[VEHICLE_PID_BYTES])
{
    writer_text(w, "veh:");
    writer_hex(w, slice_make(pid, VEHICLE_PID_BYTES));
}
