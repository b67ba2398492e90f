// The floor of parsing: simdjson on demand walks every key and value of every event and keeps
// nothing. Runs on the only thread of `floors`. It does not validate what the walk does not touch.
#include "floors.h"

#include <simdjson.h>

using namespace simdjson;

namespace
{

uint64_t sink; // takes a bit of every value, so that no conversion can be left out

bool walk(ondemand::value value);

bool walk_object(ondemand::object object)
{
    for (auto field : object) {
        std::string_view key;
        ondemand::value member;
        if (field.unescaped_key().get(key) || field.value().get(member))
            return false;
        sink += key.size();
        if (!walk(member))
            return false;
    }
    return true;
}

bool walk_array(ondemand::array array)
{
    for (auto item : array) {
        ondemand::value member;
        if (item.get(member) || !walk(member))
            return false;
    }
    return true;
}

bool walk_scalar(ondemand::value value, ondemand::json_type type)
{
    std::string_view text;
    ondemand::number number;
    bool yes = false;
    switch (type) {
    case ondemand::json_type::string:
        if (value.get_string().get(text))
            return false;
        sink += text.size();
        return true;
    case ondemand::json_type::number:
        if (value.get_number().get(number))
            return false;
        sink += number.is_double();
        return true;
    case ondemand::json_type::boolean:
        if (value.get_bool().get(yes))
            return false;
        sink += yes;
        return true;
    default:
        return value.is_null();
    }
}

bool walk(ondemand::value value)
{
    ondemand::json_type type;
    if (value.type().get(type))
        return false;
    if (type == ondemand::json_type::object) {
        ondemand::object object;
        return !value.get_object().get(object) && walk_object(object);
    }
    if (type == ondemand::json_type::array) {
        ondemand::array array;
        return !value.get_array().get(array) && walk_array(array);
    }
    return walk_scalar(value, type);
}

} // namespace

uint32_t floors_utf8(const struct floors_batch *batch, char *scratch)
{
    (void)scratch;
    return simdjson::validate_utf8(batch->plain, batch->plain_bytes);
}

uint32_t floors_json(const struct floors_batch *batch, char *scratch)
{
    static ondemand::parser parser;
    ondemand::document_stream events;
    uint32_t count = 0;
    (void)scratch;
    // One window for the whole batch: no event is looked at twice.
    size_t window = batch->plain_bytes + FLOORS_PADDING;
    if (parser.iterate_many(batch->plain, batch->plain_bytes, window).get(events))
        return 0;
    for (auto event : events) {
        ondemand::value root;
        if (event.get_value().get(root) || !walk(root))
            return 0;
        count++;
    }
    return sink != 0 ? count : 0;
}
