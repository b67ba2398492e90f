/* transport.c: names and numbers of protocols over IP → one keyword. Pure, any thread. Source:
 * IANA, Assigned Internet Protocol Numbers; quic, unix and pipe: OpenTelemetry's
 * network.transport. */
#include "parsers/fill/transport.h"
#include "parsers/read/number.h"

#define NO_NUMBER 256u

static const struct {
    unsigned number;
    const char *keyword;
} table[] = {
    {6, "tcp"},          {17, "udp"},         {1, "icmp"},         {58, "ipv6-icmp"},
    {132, "sctp"},       {2, "igmp"},         {47, "gre"},         {50, "esp"},
    {51, "ah"},          {33, "dccp"},        {136, "udplite"},    {0, "hopopt"},
    {4, "ipv4"},         {41, "ipv6"},        {43, "ipv6-route"},  {44, "ipv6-frag"},
    {59, "ipv6-nonxt"},  {60, "ipv6-opts"},   {8, "egp"},          {88, "eigrp"},
    {89, "ospf"},        {94, "ipip"},        {103, "pim"},        {108, "ipcomp"},
    {112, "vrrp"},       {115, "l2tp"},       {137, "mpls-in-ip"}, {NO_NUMBER, "quic"},
    {NO_NUMBER, "unix"}, {NO_NUMBER, "pipe"},
};

/* Other spellings. */
static const struct {
    const char *name, *keyword;
} aliases[] = {
    {"icmp6", "ipv6-icmp"}, {"icmpv6", "ipv6-icmp"}, {"icmp-v6", "ipv6-icmp"}, {"icmp4", "icmp"},
    {"icmpv4", "icmp"},     {"tcp6", "tcp"},         {"tcp4", "tcp"},          {"udp6", "udp"},
    {"udp4", "udp"},        {"ospfigp", "ospf"},     {"ip-in-ip", "ipip"},
};

struct slice transport_of_number(unsigned number)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].number == number && number != NO_NUMBER)
            return slice_from_text(table[i].keyword);
    return SLICE_EMPTY;
}

static struct slice keyword_of(struct slice name)
{
    int64_t number;
    if (number_read(name, 255, &number))
        return transport_of_number((unsigned)number);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (slice_equal_nocase(name, table[i].keyword))
            return slice_from_text(table[i].keyword);
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (slice_equal_nocase(name, aliases[i].name))
            return slice_from_text(aliases[i].keyword);
    return SLICE_EMPTY;
}

bool transport_read(struct slice text, struct slice *keyword, bool *rest_is_lost)
{
    text = slice_trim(text);
    const uint8_t *slash = slice_find_byte(text, '/');
    size_t size = slash ? (size_t)(slash - text.data) : text.size;
    struct slice found = keyword_of(slice_trim(slice_sub(text, 0, size)));
    if (!found.size)
        return false;
    *keyword = found;
    *rest_is_lost = size + 1 < text.size;
    return true;
}
