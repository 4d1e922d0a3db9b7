#include "schema_text.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "digest.hpp"
#include "try.hpp"

namespace undrop {
namespace {

constexpr std::string_view first_line = "-- undrop schema 1, ";
constexpr std::string_view second_line = "-- fingerprint ";
constexpr std::string_view object_line = "-- object ";
constexpr std::string_view stand_in_line = "-- stand-in ";
constexpr std::string_view unknown_line = "-- unknown ";
constexpr std::string_view circular_line = "-- circular ";

// A string of JSON. Bytes that are no UTF-8 stay what they are.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (char const c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (static_cast<unsigned char>(c) < 0x20)
            out += fmt::format("\\u{:04x}", static_cast<int>(c));
        else
            out += c;
    }
    return out + "\"";
}

// Takes one off the front of the text.
bool take_quoted(std::string_view& text, std::string& out) {
    if (!text.starts_with('"')) return false;
    out.clear();
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            text.remove_prefix(i + 1);
            return true;
        }
        if (text[i] != '\\') {
            out += text[i];
        } else if (text.substr(i).starts_with("\\u00") && i + 5 < text.size()) {
            int code = 0;
            std::from_chars(text.data() + i + 4, text.data() + i + 6, code, 16);
            out += static_cast<char>(code);
            i += 5;
        } else if (++i < text.size()) {
            out += text[i];
        }
    }
    return false;
}

bool take(std::string_view& text, std::string_view part) {
    if (!text.starts_with(part)) return false;
    text.remove_prefix(part.size());
    return true;
}

std::string heading(SchemaObject const& object) {
    return fmt::format("{}[{},{},{}] {}\n", object.stand_in ? stand_in_line : object_line, quoted(object.kind), quoted(object.parent),
                       quoted(object.name), std::count(object.sql.begin(), object.sql.end(), '\n') + 1);
}

// ["kind","parent","name"] lines
bool read_heading(std::string_view text, SchemaObject& object, int& lines) {
    if (!take(text, "[") || !take_quoted(text, object.kind) || !take(text, ",") || !take_quoted(text, object.parent)) return false;
    if (!take(text, ",") || !take_quoted(text, object.name) || !take(text, "] ")) return false;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), lines);
    return error == std::errc{} && end == text.data() + text.size() && lines > 0;
}

class Reader {
public:
    Reader(std::string_view text, std::string const& name) : rest_(text), name_(name) {}

    Result<Schema> read() {
        Schema schema{.from = name_};
        auto line = next();
        if (!take(line, first_line)) return not_ours();
        schema.engine = line;
        line = next();
        if (!take(line, second_line)) return changed();
        std::string const fingerprint(line);
        while (!rest_.empty()) UNDROP_CHECK(read_part(schema));
        if (schema.fingerprint() != fingerprint) return changed();
        return schema;
    }

private:
    std::string_view next() {
        auto const end = std::min(rest_.find('\n'), rest_.size());
        auto const line = rest_.substr(0, end);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        ++number_;
        return line;
    }

    Result<void> read_part(Schema& schema) {
        auto line = next();
        std::string name;
        if (take(line, unknown_line) && take_quoted(line, name)) {
            schema.unknown.push_back(name);
        } else if (take(line, circular_line) && take_quoted(line, name)) {
            schema.circular.push_back(name);
        } else if (line.starts_with(object_line) || line.starts_with(stand_in_line)) {
            SchemaObject object{.stand_in = line.starts_with(stand_in_line)};
            int lines = 0;
            if (!read_heading(line.substr((object.stand_in ? stand_in_line : object_line).size()), object, lines)) return changed();
            for (int i = 0; i < lines; ++i) object.sql += (i == 0 ? "" : "\n") + std::string(next());
            schema.objects.push_back(std::move(object));
        } else if (schema.objects.empty() && !line.empty()) {
            schema.settings += (schema.settings.empty() ? "" : "\n") + std::string(line);
        } else if (!line.empty() && !line.starts_with("--")) {
            return changed();
        }
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    }

    [[nodiscard]] Error not_ours() const {
        return {.code = Code::usage,
                .message = fmt::format("{} is no schema that undrop has written", name_),
                .where = {.file = name_, .line = 1, .column = 1},
                .next = {.command = "schema dump", .advice = "writes one to standard output"}};
    }

    [[nodiscard]] Error changed() const {
        return {.code = Code::usage,
                .message = fmt::format("{} is not as undrop has written it: it was cut short, or somebody changed it", name_),
                .where = {.file = name_, .line = number_, .column = 1},
                .next = {.command = "schema dump", .advice = "write it anew, from the database that it is of"}};
    }

    std::string_view rest_;
    std::string const& name_;
    int number_ = 0;
};

}  // namespace

std::string compared(SchemaObject const& object) {
    if (!object.kind.starts_with("grants on ")) return object.sql;
    std::vector<std::string_view> lines;
    for (std::string_view rest = object.sql; !rest.empty();) {
        auto const end = std::min(rest.find('\n'), rest.size());
        lines.push_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (auto const line : lines) text += (text.empty() ? "" : "\n") + std::string(line);
    return text;
}

void keep_parts(Schema& schema, SchemaParts const& parts) {
    std::erase_if(schema.objects, [&](SchemaObject const& object) {
        return (!parts.owners && object.kind.starts_with("owner of ")) || (!parts.grants && object.kind.starts_with("grants on ")) ||
               (!parts.comments && object.kind.starts_with("comment on "));
    });
}

std::string SchemaObject::text() const { return kind + " " + (parent.empty() ? name : parent + "." + name); }

std::string Schema::sql() const {
    auto out = fmt::format("{}{}\n{}{}\n", first_line, engine, second_line, fingerprint());
    if (!settings.empty()) out += settings + "\n";
    for (auto const& object : objects) out += "\n" + heading(object) + object.sql + "\n";
    if (!unknown.empty() || !circular.empty()) out += "\n";
    for (auto const& name : unknown) out += fmt::format("{}{}\n", unknown_line, quoted(name));
    for (auto const& name : circular) out += fmt::format("{}{}\n", circular_line, quoted(name));
    return out;
}

std::string Schema::fingerprint() const {
    Sha256 digest;
    auto const add = [&](std::string_view text) {
        digest.add(fmt::format("{}:", text.size()));
        digest.add(text);
    };
    add(engine);
    std::map<std::tuple<std::string_view, std::string_view, std::string_view>, SchemaObject const*> sorted;
    std::map<std::tuple<std::string_view, std::string_view>, std::vector<std::string_view>> columns;
    for (auto const& object : objects) {
        if (object.stand_in) continue;
        sorted.emplace(std::tie(object.kind, object.parent, object.name), &object);
        if (object.kind == "column" || object.kind == "attribute") columns[std::tie(object.kind, object.parent)].push_back(object.name);
    }
    for (auto const& [id, object] : sorted)
        for (auto const& text : {object->kind, object->parent, object->name, compared(*object)}) add(text);
    for (auto const& [of, names] : columns)
        for (auto const name : names) add(name);
    for (auto const& name : unknown) add(name);
    return "sha256:" + digest.hex();
}

Result<Schema> schema_from_sql(std::string_view text, std::string const& name, SchemaParts const& parts) {
    auto schema = Reader(text, name).read();
    // A checkout may have given the file other line ends.
    if (!schema.has_value() && text.find("\r\n") != std::string_view::npos) {
        std::string plain;
        for (std::size_t i = 0; i < text.size(); ++i)
            if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') plain += text[i];
        schema = Reader(plain, name).read();
    }
    if (schema.has_value()) keep_parts(schema.value(), parts);
    return schema;
}

}  // namespace undrop
