#include "object_json.hpp"

#include <nlohmann/json.hpp>

namespace undrop {

using nlohmann::json;

std::string to_json(Object const& object) {
    json needs = json::array();
    for (auto const& id : object.needs) needs.push_back({id.kind, id.parent, id.name});
    json out = {{"make", object.make},
                {"remove", object.remove},
                {"alter", object.alter},
                {"shape", object.shape},
                {"after_data", object.section == Section::after_data},
                {"rank", object.rank},
                {"order", object.order},
                {"holds_rows", object.holds_rows},
                {"needs", needs}};
    if (!object.columns.empty()) out["columns"] = object.columns;
    return out.dump();
}

Object object_from_json(std::string const& text) {
    auto const in = json::parse(text);
    Object object;
    object.make = in.at("make");
    object.remove = in.at("remove");
    object.alter = in.at("alter");
    object.shape = in.at("shape");
    object.section = in.at("after_data").get<bool>() ? Section::after_data : Section::before_data;
    object.rank = in.at("rank");
    object.order = in.at("order");
    object.holds_rows = in.at("holds_rows");
    if (in.contains("columns")) object.columns = in.at("columns").get<std::vector<std::string>>();
    for (auto const& id : in.at("needs"))
        object.needs.push_back({id.at(0).get<std::string>(), id.at(1).get<std::string>(), id.at(2).get<std::string>()});
    return object;
}

}  // namespace undrop
