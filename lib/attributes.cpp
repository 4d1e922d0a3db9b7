#include "attributes.hpp"

#include <algorithm>

namespace undrop {
namespace {

Attribute const* by_id(std::vector<Attribute> const& parts, std::string const& id) {
    auto const found = std::find_if(parts.begin(), parts.end(), [&](Attribute const& p) { return p.id == id; });
    return found == parts.end() ? nullptr : &*found;
}

bool any_lost(std::vector<Attribute> const& before, std::vector<Attribute> const& now) {
    return std::any_of(before.begin(), before.end(), [&](Attribute const& part) {
        auto const* same = by_id(now, part.id);
        return !same || same->type != part.type || any_lost(part.attributes, same->attributes);
    });
}

}  // namespace

bool loses_attributes(Column const& before, Column const& now) {
    return before.type == now.type && any_lost(before.attributes, now.attributes);
}

bool same_attributes(std::vector<Attribute> const& a, std::vector<Attribute> const& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](Attribute const& x, Attribute const& y) {
        return x.name == y.name && x.type == y.type && x.array == y.array && same_attributes(x.attributes, y.attributes);
    });
}

void renamed_attributes(std::vector<Attribute> const& before, std::vector<Attribute> const& now, std::vector<AttributeRename>& found) {
    for (auto const& part : before) {
        auto const* same = by_id(now, part.id);
        if (!same) continue;
        if (same->name != part.name || same->owner != part.owner || same->schema != part.schema) found.emplace_back(&part, same);
        renamed_attributes(part.attributes, same->attributes, found);
    }
}

Attribute const* find_attribute(std::vector<Attribute> const& parts, std::string const& schema, std::string const& owner,
                                std::string const& name) {
    for (auto const& part : parts) {
        if ((schema.empty() || part.schema == schema) && part.owner == owner && part.name == name) return &part;
        if (auto const* inside = find_attribute(part.attributes, schema, owner, name)) return inside;
    }
    return nullptr;
}

std::vector<std::pair<ObjectId, ObjectId>> renamed_in_place(Catalog const& now, Wanted const& wanted) {
    std::vector<std::pair<ObjectId, ObjectId>> found;
    for (auto const& [old, want] : wanted) {
        if (old.kind != "attribute" || !want || want->holds_rows || now.contains(old)) continue;
        auto const is = std::find_if(now.begin(), now.end(), [&, &old = old, &want = want](auto const& entry) {
            auto const& [id, object] = entry;
            auto const goes = wanted.find(id);
            return id.kind == "attribute" && id.parent == old.parent && object.order == want->order && !object.holds_rows &&
                   goes != wanted.end() && !goes->second;
        });
        if (is != now.end()) found.emplace_back(is->first, old);
    }
    return found;
}

}  // namespace undrop
