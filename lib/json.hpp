// What the documents of the library's JSON have in common. Every document has a `format` number and a `kind`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <undrop/plan.hpp>

namespace undrop {

using Json = nlohmann::ordered_json;

inline constexpr int format = 1;

inline Json document(char const* kind) { return {{"format", format}, {"kind", kind}}; }

// Names of a database need not be UTF-8; a document is.
inline std::string dumped(Json const& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); }

template <class T>
Json optional_json(std::optional<T> const& value) {
    return value ? Json(*value) : Json(nullptr);
}

template <class T, class F>
Json list(std::vector<T> const& items, F const& to) {
    Json result = Json::array();
    for (auto const& item : items) result.push_back(to(item));
    return result;
}

inline Json place_json(Place const& place) {
    if (place.file.empty() && place.line == 0) return nullptr;
    return {{"file", place.file}, {"line", place.line}, {"column", place.column}};
}

inline Json object_difference_json(ObjectDifference const& object) {
    return {{"object", object.object},           {"before", object.before},         {"after", object.after},
            {"before_when", object.before_when}, {"after_when", object.after_when}, {"diff", object.diff()}};
}

inline Json finding_json(Finding const& finding) {
    Json json = {{"severity", name_of(finding.severity)},
                 {"code", finding.code},
                 {"text", finding.text},
                 {"where", place_json(finding.where)},
                 {"next", {{"command", finding.next.command}, {"advice", finding.next.advice}}}};
    if (!finding.differences.empty()) json["differences"] = list(finding.differences, object_difference_json);
    return json;
}

}  // namespace undrop
