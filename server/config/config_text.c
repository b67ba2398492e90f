/* config_text.c: which characters a setting may hold. Any thread. */
#include "server/config/config_value.h"

/* Code point of the UTF-8 character at p and its size; 0 for bytes that are not valid UTF-8 (RFC
 * 3629). */
static size_t character(const unsigned char *p, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = *p < 0x80 ? 1 : *p >= 0xf0 && *p < 0xf5 ? 4 : *p >= 0xe0 ? 3 : *p >= 0xc2 ? 2 : 0;
    if (size == 0 || *p >= 0xf5)
        return 0;
    *point = size == 1 ? *p : *p & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (p[i] & 0x3f);
    }
    bool surrogate = *point >= 0xd800 && *point < 0xe000;
    return *point < least[size] || *point > 0x10ffff || surrogate ? 0 : size;
}

/* Characters that YAML does not accept unescaped (YAML 1.1, 5.1), or treats as a line end. */
static bool is_special(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029 ||
           point == 0xfeff || point == 0xfffe || point == 0xffff;
}

bool config_text_is_plain(const char *text, bool lines)
{
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        uint32_t point = 0;
        size_t size = character(p, &point);
        bool allowed = lines && (point == '\n' || point == '\t');
        if (size == 0 || (is_special(point) && !allowed))
            return false;
        p += size;
    }
    return true;
}
