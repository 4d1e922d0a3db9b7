#include "fuzz/places.hpp"

#include <algorithm>

namespace undrop::test {

Places::Places(std::vector<FuzzTable> const& before) {
    for (auto const& table : before) {
        auto& place = places_[table.name];
        place.table = table.name;
        for (auto const& column : table.columns) place.columns[column.name] = column.name;
    }
}

Places::Place const* Places::of(std::string const& table_before) const {
    auto const found = places_.find(table_before);
    return found == places_.end() ? nullptr : &found->second;
}

void Places::table_renamed(std::string const& from, std::string const& to) {
    for (auto& [before, place] : places_)
        if (place.table == from) place.table = to, place.renamed = true;
    for (auto& [before, place] : places_)
        for (auto& [partition, now] : place.detached)
            if (now == from) now = to;
}

void Places::column_remade(std::string const& table, std::string const& column) {
    for (auto& [before, place] : places_)
        if (place.table == table) place.remade.insert(column);
}

// One that is known by its name alone is another one under another name.
void Places::column_renamed(std::string const& table, std::string const& from, std::string const& to) {
    for (auto& [before, place] : places_)
        if (place.table == table && place.remade.erase(from) > 0)
            std::erase_if(place.columns, [&from = from](auto const& column) { return column.second == from; });
    for (auto& [before, place] : places_)
        if (place.table == table)
            for (auto& [column, now] : place.columns)
                if (now == from) now = to;
}

void Places::table_rebuilt(std::string const& table) {
    for (auto& [before, place] : places_)
        if (place.table == table) place.rebuilt = true;
}

void Places::table_rekeyed(std::string const& table) {
    for (auto& [before, place] : places_)
        if (place.table == table) place.rekeyed = true;
}

void Places::table_gone(std::string const& table) {
    std::erase_if(places_, [&](auto const& each) { return each.second.table == table; });
}

void Places::detached(std::string const& table, std::string const& partition) {
    for (auto& [before, place] : places_)
        if (place.table == table) place.detached.emplace(partition, partition);
}

void Places::look(std::vector<FuzzTable> const& now) {
    std::erase_if(places_, [&](auto const& each) { return !find(now, each.second.table); });
    for (auto& [before, place] : places_) {
        auto const* table = find(now, place.table);
        // One that was renamed away, and is gone, while another has its name: it was made anew.
        for (auto& [column, is_now] : place.columns) {
            auto const taken = [&] {
                return std::any_of(place.columns.begin(), place.columns.end(),
                                   [&, &name = column](auto const& c) { return c.second == name; });
            };
            if (table->column(is_now) || !table->column(column) || taken()) continue;
            is_now = column;
            place.remade.insert(column);
        }
        std::erase_if(place.columns, [&](auto const& column) { return !table->column(column.second); });
    }
}

}  // namespace undrop::test
