/* vehicle_key.c: keys that name a VIN or a vehicle, by their words. Pure, any thread. */
#include "parsers/privacy/vehicle_key.h"

#include <string.h>

/* Digits of a number after a name: vin2, vin_10. */
#define NUMBER_DIGITS 3

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

/* Does a word begin at i? It does after a separator, at the V of carVin and at the N of VINNumber.
 */
static bool begins_word(struct slice key, size_t i)
{
    const uint8_t *k = key.data;
    if (!vehicle_key_is_word(k[i]))
        return false;
    if (i == 0 || !vehicle_key_is_word(k[i - 1]))
        return true;
    if (!is_upper(k[i]))
        return false;
    return !is_upper(k[i - 1]) ||
           (i + 1 < key.size && vehicle_key_is_word(k[i + 1]) && !is_upper(k[i + 1]));
}

/* The words of the key in lower case, each preceded by one blank. */
static size_t split(struct slice key, char words[2 * VEHICLE_KEY_BYTES + 1])
{
    size_t size = 0;
    for (size_t i = 0; i < key.size; i++) {
        if (!vehicle_key_is_word(key.data[i]))
            continue;
        if (begins_word(key, i))
            words[size++] = ' ';
        words[size++] = (char)lower(key.data[i]);
    }
    words[size] = '\0';
    return size;
}

/* Does one of the words of a key have the first letters of a name below? Most keys have no such
 * word. */
static bool may_name(struct slice key)
{
    for (size_t i = 0; i + 1 < key.size; i++) {
        uint8_t first = key.data[i] | 0x20, second = key.data[i + 1] | 0x20;
        bool is_beginning = first == 'v'   ? second == 'i' || second == 'e'
                            : first == 'c' ? second == 'a' || second == 'h'
                                           : first == 'f' && second == 'i';
        if (is_beginning && begins_word(key, i) && !begins_word(key, i + 1))
            return true;
    }
    return false;
}

/* The last bytes of a long key. */
static struct slice last_part(struct slice key)
{
    return key.size <= VEHICLE_KEY_BYTES
               ? key
               : slice_sub(key, key.size - VEHICLE_KEY_BYTES, VEHICLE_KEY_BYTES);
}

/* Do the words of a key end with one of these? Each of them begins with letters that may_name
 * checks. */
static bool ends_with_one(const char *words, size_t size, const char *const *endings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(endings[i]);
        if (size >= n && !memcmp(words + size - n, endings[i], n))
            return true;
    }
    return false;
}

/* Size of the words without a short number at their end: vin2, vin_1. */
static size_t without_number(const char *words, size_t size)
{
    size_t end = size;
    while (end > 0 && words[end - 1] >= '0' && words[end - 1] <= '9')
        end--;
    if (size - end > NUMBER_DIGITS)
        return size;
    return end > 0 && end < size && words[end - 1] == ' ' ? end - 1 : end;
}

bool vehicle_key_may_name(struct slice key)
{
    return may_name(last_part(key));
}

enum vehicle_key vehicle_key_of(struct slice key)
{
    /* Endings of keys. */
    static const char *const vin[] = {
        " vin",
        " vin number",
        " vin no",
        " vin code",
        " vin value",
        " vehiclevin",
        " carvin",
        " vehvin",
        " vinnumber",
        " vinno",
        " vincode",
        " vehicle vin id",
        " vin string",
        " vin text",
        " vehicle identification number",
        " vehicle identification no",
        " vehicleidentificationnumber",
        " vehicle id number",
    };
    static const char *const mentions[] = {
        " vins",           " vi ns", /* VINs */
        " vin list",       " vinlist",
        " vin numbers",    " vehicle identification numbers",
        " vehicle id",     " vehicleid",
        " vehicle ids",    " fin", /* Fahrzeug-Identifizierungsnummer */
        " chassis number", " chassis no",
        " chassisnumber",
    };
    char words[2 * VEHICLE_KEY_BYTES + 1];
    key = last_part(key);
    if (!may_name(key))
        return VEHICLE_KEY_OTHER;
    size_t size = split(key, words);
    if (ends_with_one(words, size, vin, sizeof vin / sizeof *vin))
        return VEHICLE_KEY_VIN;
    size_t name = without_number(words, size); /* one of several claims nothing */
    if (ends_with_one(words, name, mentions, sizeof mentions / sizeof *mentions) ||
        ends_with_one(words, name, vin, sizeof vin / sizeof *vin) || strstr(words, " vin of "))
        return VEHICLE_KEY_MENTIONS;
    return VEHICLE_KEY_OTHER;
}

enum vehicle_subject vehicle_subject_of(struct slice key, enum vehicle_key key_kind)
{
    static const char *const vehicles[] = {" vehicle", " vehicles", " car",
                                           " veh",     " chassis",  " vehicle identification"};
    if (key_kind != VEHICLE_KEY_OTHER)
        return key_kind == VEHICLE_KEY_VIN ? VEHICLE_SUBJECT_VIN : VEHICLE_SUBJECT_MENTION;
    char words[2 * VEHICLE_KEY_BYTES + 1];
    key = last_part(key);
    if (!may_name(key))
        return VEHICLE_SUBJECT_OTHER;
    size_t size = split(key, words);
    return ends_with_one(words, size, vehicles, sizeof vehicles / sizeof *vehicles)
               ? VEHICLE_SUBJECT_VEHICLE
               : VEHICLE_SUBJECT_OTHER;
}
