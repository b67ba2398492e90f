/* can_error.c: descriptions of SocketCAN error frames: one row per bit or value of
 * linux/can/error.h. Pure, any thread. */
#include "parsers/formats/candump/can_error.h"

#include <linux/can/error.h>
#include <stdio.h>

#ifndef CAN_ERR_CNT
#define CAN_ERR_CNT 0x200U /* Linux 6.1 */
#endif

struct name {
    uint32_t value;
    const char *text;
};

static const struct name classes[] = {
    {CAN_ERR_TX_TIMEOUT, "tx_timeout"},
    {CAN_ERR_LOSTARB, "lost_arbitration"},
    {CAN_ERR_CRTL, "controller"},
    {CAN_ERR_PROT, "protocol"},
    {CAN_ERR_TRX, "transceiver"},
    {CAN_ERR_ACK, "no_ack"},
    {CAN_ERR_BUSOFF, "bus_off"},
    {CAN_ERR_BUSERROR, "bus_error"},
    {CAN_ERR_RESTARTED, "restarted"},
    {CAN_ERR_CNT, "counters"},
    {0, NULL},
};

static const struct name controllers[] = {
    {CAN_ERR_CRTL_RX_OVERFLOW, "rx_overflow"}, {CAN_ERR_CRTL_TX_OVERFLOW, "tx_overflow"},
    {CAN_ERR_CRTL_RX_WARNING, "rx_warning"},   {CAN_ERR_CRTL_TX_WARNING, "tx_warning"},
    {CAN_ERR_CRTL_RX_PASSIVE, "rx_passive"},   {CAN_ERR_CRTL_TX_PASSIVE, "tx_passive"},
    {CAN_ERR_CRTL_ACTIVE, "active"},           {0, NULL},
};

static const struct name protocols[] = {
    {CAN_ERR_PROT_BIT, "bit"},
    {CAN_ERR_PROT_FORM, "form"},
    {CAN_ERR_PROT_STUFF, "stuff"},
    {CAN_ERR_PROT_BIT0, "bit0"},
    {CAN_ERR_PROT_BIT1, "bit1"},
    {CAN_ERR_PROT_OVERLOAD, "overload"},
    {CAN_ERR_PROT_ACTIVE, "active"},
    {CAN_ERR_PROT_TX, "tx"},
    {0, NULL},
};

static const struct name locations[] = {
    {CAN_ERR_PROT_LOC_UNSPEC, "unspecified"},
    {CAN_ERR_PROT_LOC_SOF, "start_of_frame"},
    {CAN_ERR_PROT_LOC_ID28_21, "id_28_21"},
    {CAN_ERR_PROT_LOC_ID20_18, "id_20_18"},
    {CAN_ERR_PROT_LOC_SRTR, "srtr"},
    {CAN_ERR_PROT_LOC_IDE, "ide"},
    {CAN_ERR_PROT_LOC_ID17_13, "id_17_13"},
    {CAN_ERR_PROT_LOC_ID12_05, "id_12_5"},
    {CAN_ERR_PROT_LOC_ID04_00, "id_4_0"},
    {CAN_ERR_PROT_LOC_RTR, "rtr"},
    {CAN_ERR_PROT_LOC_RES1, "reserved_1"},
    {CAN_ERR_PROT_LOC_RES0, "reserved_0"},
    {CAN_ERR_PROT_LOC_DLC, "dlc"},
    {CAN_ERR_PROT_LOC_DATA, "data"},
    {CAN_ERR_PROT_LOC_CRC_SEQ, "crc"},
    {CAN_ERR_PROT_LOC_CRC_DEL, "crc_delimiter"},
    {CAN_ERR_PROT_LOC_ACK, "ack"},
    {CAN_ERR_PROT_LOC_ACK_DEL, "ack_delimiter"},
    {CAN_ERR_PROT_LOC_EOF, "end_of_frame"},
    {CAN_ERR_PROT_LOC_INTERM, "intermission"},
    {0, NULL},
};

static const struct name transceivers[] = {
    {CAN_ERR_TRX_UNSPEC, "unspecified"},
    {CAN_ERR_TRX_CANH_NO_WIRE, "canh_no_wire"},
    {CAN_ERR_TRX_CANH_SHORT_TO_BAT, "canh_short_to_bat"},
    {CAN_ERR_TRX_CANH_SHORT_TO_VCC, "canh_short_to_vcc"},
    {CAN_ERR_TRX_CANH_SHORT_TO_GND, "canh_short_to_gnd"},
    {CAN_ERR_TRX_CANL_NO_WIRE, "canl_no_wire"},
    {CAN_ERR_TRX_CANL_SHORT_TO_BAT, "canl_short_to_bat"},
    {CAN_ERR_TRX_CANL_SHORT_TO_VCC, "canl_short_to_vcc"},
    {CAN_ERR_TRX_CANL_SHORT_TO_GND, "canl_short_to_gnd"},
    {CAN_ERR_TRX_CANL_SHORT_TO_CANH, "canl_short_to_canh"},
    {0, NULL},
};

/* Every row's name, with a space between: fits in 200 bytes. */
static void add_bits(struct json_object *out, const char *key, uint32_t bits,
                     const struct name *names)
{
    char text[200];
    size_t used = 0;
    for (; names->text; names++)
        if (bits & names->value) {
            used += (size_t)snprintf(text + used, sizeof text - used, " %s", names->text);
            bits &= ~names->value;
        }
    if (bits)
        used += (size_t)snprintf(text + used, sizeof text - used, " 0x%X", (unsigned)bits);
    if (used)
        json_object_add_text(out, slice_from_text(key), slice_make(text + 1, used - 1));
}

static void add_value(struct json_object *out, const char *key, uint8_t value,
                      const struct name *names)
{
    char text[8];
    while (names->text && names->value != value)
        names++;
    if (!names->text)
        snprintf(text, sizeof text, "0x%02X", value);
    json_object_add_text(out, slice_from_text(key),
                         slice_from_text(names->text ? names->text : text));
}

/* Offsets in the data: lost arbitration 0, controller 1, protocol 2, its location 3, transceiver 4,
 * counters 6 (sent) and 7 (received). Older drivers fill the counters without CAN_ERR_CNT. */
void can_error_describe(uint32_t class_bits, struct slice data, struct json_object *out)
{
    uint8_t byte[CAN_ERR_DLC] = {0};
    memcpy(byte, data.data, data.size < sizeof byte ? data.size : sizeof byte);
    add_bits(out, "error_class", class_bits, classes);
    if (class_bits & CAN_ERR_LOSTARB && data.size > 0 && byte[0] != CAN_ERR_LOSTARB_UNSPEC)
        json_object_add_int(out, SLICE_LITERAL("lost_arbitration_bit"), byte[0]);
    if (class_bits & CAN_ERR_CRTL && data.size > 1)
        add_bits(out, "controller", byte[1], controllers);
    if (class_bits & CAN_ERR_PROT && data.size > 2)
        add_bits(out, "protocol", byte[2], protocols);
    if (class_bits & CAN_ERR_PROT && data.size > 3)
        add_value(out, "location", byte[3], locations);
    if (class_bits & CAN_ERR_TRX && data.size > 4)
        add_value(out, "transceiver", byte[4], transceivers);
    if (data.size > 7 && (class_bits & CAN_ERR_CNT || byte[6] || byte[7])) {
        json_object_add_int(out, SLICE_LITERAL("tx_errors"), byte[6]);
        json_object_add_int(out, SLICE_LITERAL("rx_errors"), byte[7]);
    }
}

int can_error_severity(uint32_t class_bits)
{
    return class_bits & CAN_ERR_BUSOFF ? 3 : 2;
}
