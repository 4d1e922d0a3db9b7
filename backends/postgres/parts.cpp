// Composite values attribute by attribute. What was saved is the text of a value whose type may have other attributes by now: a type of
// the store's own, with each attribute as text, reads it.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "postgres_dialect.hpp"

namespace undrop::postgres {

namespace {

// A value of a reader's type.
struct Read {
    std::vector<Part> const& parts;
    std::string value;

    [[nodiscard]] Part const* part(std::string const& name) const {
        auto const found = std::find_if(parts.begin(), parts.end(), [&](Part const& p) { return p.name == name; });
        return found == parts.end() ? nullptr : &*found;
    }
    [[nodiscard]] Read inside(Part const& part) const { return {part.parts, fmt::format("({}).a{}", value, &part - parts.data() + 1)}; }
};

bool is_composite(Part const& part) { return !part.parts.empty() && !part.array; }

std::string name_inside(std::string const& reader, std::size_t number) {
    return fmt::format("{}_{}\"", reader.substr(0, reader.size() - 1), number);
}

std::string is_null(std::string const& value) { return fmt::format("pg_catalog.num_nulls({}) = 1", value); }

std::string text_of(std::string const& value) {
    return fmt::format("(case pg_catalog.num_nulls({0}) when 0 then pg_catalog.format('%s', {0}) end collate pg_catalog.\"C\")", value);
}

std::string row_of(std::vector<std::string> const& values, std::string const& type) {
    return fmt::format("cast(row({}) as {})", fmt::join(values, ", "), type);
}

// Attributes that were not saved are NULL.
std::string converted(std::vector<Part> const& parts, std::string const& type, Read const& saved) {
    std::vector<std::string> values;
    for (auto const& part : parts) {
        auto const* then = saved.part(part.name);
        if (!then)
            values.emplace_back("null");
        else if (is_composite(part) && is_composite(*then))
            values.push_back(converted(part.parts, part.type, saved.inside(*then)));
        else
            values.push_back(fmt::format("cast({} as {})", text_of(saved.inside(*then).value), part.type));
    }
    return fmt::format("case when {} then null else {} end", is_null(saved.value), row_of(values, type));
}

class Merging {
public:
    Merging(std::string const& unchanged, bool saved_wins) : unchanged_(unchanged), saved_wins_(saved_wins) {}

    [[nodiscard]] std::string value(std::vector<Part> const& parts, std::string const& type, std::string const& present, Read const& saved,
                                    Read const& left) const {
        std::vector<std::string> values;
        for (auto const& part : parts) values.push_back(attribute(part, present, saved, left));
        return fmt::format("case when {} then case when {} then {} end else {} end", is_null(present), is_null(left.value),
                           converted(parts, type, saved), row_of(values, type));
    }

private:
    [[nodiscard]] std::string attribute(Part const& part, std::string const& of, Read const& saved, Read const& left) const {
        auto const present = fmt::format("({}).{}", of, quote_identifier(part.name));
        auto const* then = saved.part(part.name);
        if (!then) return present;
        auto const* was = left.part(part.name);
        auto const composite = is_composite(part) && is_composite(*then);
        if (was && composite && is_composite(*was)) return value(part.parts, part.type, present, saved.inside(*then), left.inside(*was));
        auto const old = composite ? converted(part.parts, part.type, saved.inside(*then))
                                   : fmt::format("cast({} as {})", text_of(saved.inside(*then).value), part.type);
        if (!was && saved_wins_) return old;
        auto const back = !was ? is_null(present)
                          : was->type != part.type
                              ? unchanged_
                              : fmt::format("{} is not distinct from {}", text_of(present), text_of(left.inside(*was).value));
        return fmt::format("case when {} then {} else {} end", back, old, present);
    }

    std::string const& unchanged_;
    bool saved_wins_;
};

std::string cast_to(Reader const& reader, std::string const& text) { return fmt::format("cast({} as {})", text, reader.name); }

}  // namespace

std::string read_parts(Column const& column, std::string const& saved_text) {
    return converted(column.parts, column.type, {column.reader->parts, cast_to(*column.reader, saved_text)});
}

std::string PostgresDialect::make_reader(Reader const& reader) const {
    std::string before;
    std::vector<std::string> attributes;
    for (auto const& part : reader.parts) {
        auto const number = attributes.size() + 1;
        auto const composite = is_composite(part);
        if (composite) before += make_reader({name_inside(reader.name, number), part.parts});
        attributes.push_back(fmt::format("a{} {}", number, composite ? name_inside(reader.name, number) : "pg_catalog.text"));
    }
    return fmt::format("{}create type {} as ({});", before, reader.name, fmt::join(attributes, ", "));
}

std::string PostgresDialect::drop_reader(Reader const& reader) const {
    auto text = fmt::format("drop type {};", reader.name);
    for (std::size_t i = 0; i < reader.parts.size(); ++i)
        if (is_composite(reader.parts[i])) text += drop_reader({name_inside(reader.name, i + 1), reader.parts[i].parts});
    return text;
}

std::string PostgresDialect::merge_parts(Column const& column, PartMerge const& merge) const {
    return Merging(merge.unchanged, merge.saved_wins)
        .value(column.parts, column.type, merge.present, {merge.saved.parts, cast_to(merge.saved, merge.saved_text)},
               {merge.left.parts, cast_to(merge.left, merge.left_text)});
}

}  // namespace undrop::postgres
