/* test_trc.c: what the plug-in makes of lines, and of every prefix and every changed byte of the
 * sample files that are its arguments. */
#include "host.h"

static struct host host;
static int failures;

static void expect(const char *body, const char *const *items)
{
    size_t i = 0;
    host_run(&host, slice_from_text(body));
    for (; items[i]; i++)
        if (i >= host.count || strcmp(host.items[i].text, items[i]) != 0) {
            printf("item %zu of\n%s\nis '%s'\nnot '%s'\n", i, body,
                   i < host.count ? host.items[i].text : "", items[i]);
            failures++;
        }
    if (i != host.count) {
        printf("%zu items, not %zu, of\n%s\n", host.count, i, body);
        failures++;
    }
}

#define EXPECT(body, ...) expect(body, (const char *const[]){__VA_ARGS__, NULL})
#define CLASSIC           ";$FILEVERSION=1.1\n"
#define MODERN            ";$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n"

static void frames_of_every_version_are_read(void)
{
    EXPECT("1) 1841 0001 2 0A ff\n", "can_frame id 1 flags 0 {\"number\":1} 0AFF");
    EXPECT(CLASSIC "1) 1059.9 Rx 0300 1 04\r\n",
           "can_frame id 300 flags 0 {\"number\":1,\"direction\":\"rx\"} 04");
    EXPECT(";$FILEVERSION=1.2\n1) 1.9 2 Tx 18FEF100 1 04",
           "can_frame bus 2 id 18FEF100 flags 1 {\"number\":1,\"direction\":\"tx\"} 04");
    EXPECT(";$FILEVERSION=1.3\n1) 1.9 2 Rx 0001 - 1 04",
           "can_frame bus 2 id 1 flags 0 {\"number\":1,\"direction\":\"rx\"} 04");
    EXPECT(";$FILEVERSION=2.0\n1 0.5 FD 0001 Rx 12 00 01 02 03 04 05 06 07 08 09 0A 0B",
           "canfd_frame id 1 flags 8 {\"number\":1,\"direction\":\"rx\"} 000102030405060708090A0B");
    EXPECT(MODERN "9 0.100 BI 1 0123 Tx - 9 00 01 02 03 04 05 06 07 08 09 0A 0B",
           "canfd_frame bus 1 id 123 flags 56 {\"number\":9,\"direction\":\"tx\"} "
           "000102030405060708090A0B");
    EXPECT(MODERN "1 0 DT 1 7FF Rx - 0", "can_frame bus 1 id 7FF flags 0 "
                                         "{\"number\":1,\"direction\":\"rx\"} ");
}

static void what_is_no_frame_has_a_name_of_its_own(void)
{
    EXPECT(CLASSIC "2) 1 Tx 0000 8 RTR",
           "can_remote_frame id 0 flags 2 {\"number\":2,\"direction\":\"tx\",\"dlc\":8}");
    EXPECT(MODERN "2 1 RR 1 0400 Rx - 8",
           "can_remote_frame bus 1 id 400 flags 2 {\"number\":2,\"direction\":\"rx\",\"dlc\":8}");
    EXPECT(CLASSIC "4) 1 Warng FFFFFFFF 4 00 00 00 08 BUSHEAVY",
           "can_bus_status flags 0 {\"number\":4} 00000008");
    EXPECT(CLASSIC "4) 1 Error 0008 4 00 19 08 08",
           "can_error_frame flags 4 {\"number\":4,\"error_type\":8} 00190808");
    EXPECT(MODERN "6 1 EC 1 - Rx - 2 02 03",
           "can_error_counters bus 1 flags 0 {\"number\":6,\"direction\":\"rx\"} 0203");
    EXPECT(MODERN "7 1 EV ignition on", "trace_event 'ignition on' {\"number\":7}");
}

static void times_are_exact(void)
{
    EXPECT(CLASSIC ";$STARTTIME=25569.5\n1) 0.000001 Rx 1 0",
           "can_frame 43200000000001 id 1 flags 0 {\"number\":1,\"direction\":\"rx\"} ");
    EXPECT(CLASSIC ";$STARTTIME=43008.920986006946\n1) 1059.9 Rx 1 0",
           "can_frame 1506809174250900134 id 1 flags 0 {\"number\":1,\"direction\":\"rx\"} ");
    EXPECT(CLASSIC ";$STARTTIME=0.5\n1) 1 Rx 1 0",
           "can_frame id 1 flags 0 {\"number\":1,\"direction\":\"rx\"} ");
    EXPECT(CLASSIC ";$STARTTIME=999999999999.5\n1) 1 Rx 1 0",
           "can_frame id 1 flags 0 {\"number\":1,\"direction\":\"rx\"} ");
}

static void a_broken_line_costs_its_own_bytes(void)
{
    EXPECT(CLASSIC "1) 1 Rx 1 0\nwhat\n\n3) 1 Rx 3 0\n",
           "can_frame id 1 flags 0 {\"number\":1,\"direction\":\"rx\"} ",
           "malformed: number of the line is none",
           "can_frame id 3 flags 0 {\"number\":3,\"direction\":\"rx\"} ");
    EXPECT(CLASSIC "1) -1 Rx 1 0", "malformed: time offset is no number of milliseconds");
    EXPECT(CLASSIC "1) 999999999999 Rx 1 0", "malformed: time offset is no number of milliseconds");
    EXPECT(CLASSIC "1) 1 XX 1 0", "malformed: type of the message is not known");
    EXPECT(CLASSIC "1) 1 Rx 0G 0", "malformed: id is no hexadecimal number");
    EXPECT(CLASSIC "1) 1 Rx 0800 0", "malformed: id is too large");
    EXPECT(CLASSIC "1) 1 Rx 20000000 0", "malformed: id is too large");
    EXPECT(CLASSIC "1) 1 Rx 1 16", "malformed: length of the data is no number or too large");
    EXPECT(CLASSIC "1) 1 Rx 1 2 00",
           "malformed: data bytes are missing or not two hexadecimal digits");
    EXPECT(CLASSIC "1) 1 Rx 1 1 00 01", "malformed: more data than its length says");
    EXPECT(CLASSIC "1) 1 Rx", "malformed: columns are missing");
    EXPECT(";$FILEVERSION=2.0\n1 1 DT 1 Rx 9 00",
           "malformed: more than 8 bytes in a frame of classical CAN");
    EXPECT(";$FILEVERSION=3.0\n1 1 DT 1 Rx 0",
           "malformed: version or columns of the trace are not known");
    EXPECT(";$FILEVERSION=2.0\n;$COLUMNS=N,X\n1 1",
           "malformed: version or columns of the trace are not known");
}

/* ---- samples ---- */

static bool has_item(const struct host *all, const struct host_item *item)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].offset == item->offset && !strcmp(all->items[i].text, item->text))
            return true;
    return false;
}

/* Every item of the sample but those on the changed line and the next is there again. */
static void expect_neighbours(const struct host *whole, size_t changed)
{
    size_t touched = 0;
    for (size_t i = 0; i < whole->count; i++) {
        const struct host_item *item = &whole->items[i];
        if (changed >= item->offset && changed <= item->offset + item->size)
            touched = i + 1;
        else if (!(touched && i == touched) && !has_item(&host, item)) {
            printf("byte %zu: '%s' is lost\n", changed, item->text);
            failures++;
        }
    }
}

static void change_bytes(const struct host *whole, uint8_t *bytes, size_t size)
{
    static const uint8_t values[] = {0, '\n', ' ', ';', '0', 'F', ')', 0x80, 0xFF};
    for (size_t at = 0; at < size; at++)
        for (size_t v = 0; v < sizeof values; v++) {
            uint8_t was = bytes[at];
            bytes[at] = values[v];
            host_run(&host, slice_make(bytes, size));
            bytes[at] = was;
            if (at >= whole->items[0].offset)
                expect_neighbours(whole, at);
        }
}

static void samples_survive_cuts_and_changes(const char *path)
{
    static uint8_t bytes[65536];
    static struct host whole;
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    host_run(&whole, slice_make(bytes, size));
    if (whole.count < 3) {
        printf("%s: %zu items\n", path, whole.count);
        failures++;
    }
    for (size_t cut = 0; cut < size; cut++) {
        host_run(&host, slice_make(bytes, cut));
        failures += host.count > whole.count;
    }
    change_bytes(&whole, bytes, size);
}

int main(int argc, char **argv)
{
    frames_of_every_version_are_read();
    what_is_no_frame_has_a_name_of_its_own();
    times_are_exact();
    a_broken_line_costs_its_own_bytes();
    for (int i = 1; i < argc; i++)
        samples_survive_cuts_and_changes(argv[i]);
    printf("%d failures\n", failures);
    return failures != 0;
}
