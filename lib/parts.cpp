#include "parts.hpp"

#include <algorithm>

namespace undrop {
namespace {

Part const* by_id(std::vector<Part> const& parts, std::string const& id) {
    auto const found = std::find_if(parts.begin(), parts.end(), [&](Part const& p) { return p.id == id; });
    return found == parts.end() ? nullptr : &*found;
}

bool any_lost(std::vector<Part> const& before, std::vector<Part> const& now) {
    return std::any_of(before.begin(), before.end(), [&](Part const& part) {
        auto const* same = by_id(now, part.id);
        return !same || same->type != part.type || any_lost(part.parts, same->parts);
    });
}

}  // namespace

bool loses_parts(Column const& before, Column const& now) { return before.type == now.type && any_lost(before.parts, now.parts); }

bool same_parts(std::vector<Part> const& a, std::vector<Part> const& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](Part const& x, Part const& y) {
        return x.name == y.name && x.type == y.type && x.array == y.array && same_parts(x.parts, y.parts);
    });
}

void renamed_parts(std::vector<Part> const& before, std::vector<Part> const& now, std::vector<PartRename>& found) {
    for (auto const& part : before) {
        auto const* same = by_id(now, part.id);
        if (!same) continue;
        if (same->name != part.name) found.emplace_back(&part, same);
        renamed_parts(part.parts, same->parts, found);
    }
}

Part const* find_part(std::vector<Part> const& parts, std::string const& schema, std::string const& owner, std::string const& name) {
    for (auto const& part : parts) {
        if ((schema.empty() || part.schema == schema) && part.owner == owner && part.name == name) return &part;
        if (auto const* inside = find_part(part.parts, schema, owner, name)) return inside;
    }
    return nullptr;
}

}  // namespace undrop
