#include <undrop/schema.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <map>
#include <set>

#include "backend.hpp"
#include "busy.hpp"
#include "json.hpp"
#include "schema_order.hpp"
#include "schema_source.hpp"
#include "schema_text.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

Error locked(Backend& backend) {
    Error error{.code = Code::busy,
                .message = "others keep the schema from being read",
                .next = {.advice = "try again once they are through, or wait for longer (--lock-timeout)"}};
    if (auto const who = backend.kept_from_readers(); who.has_value() && !who.value().empty())
        error.message += fmt::format(": {}", fmt::join(who.value(), "; "));
    return error;
}

// In the transaction.
Result<void> read(Backend& backend, SchemaSource& source, Options const& options, Schema& schema) {
    WholeSchema described;
    UNDROP_TRY(bool const in_time, backend.read_in_time(options.lock_timeout, [&]() -> Result<void> {
        UNDROP_TRY(described, source.describe(options.ledger));
        return success();
    }));
    if (!in_time) return locked(backend);
    if (options.cancelled && options.cancelled()) return Error{.code = Code::interrupted, .message = "interrupted"};
    UNDROP_TRY(auto ordered, in_running_order(described.catalog, [&](ObjectId const& id) { return source.stand_in(id); }));
    schema.objects = std::move(ordered.objects);
    for (auto const& id : ordered.circular) schema.circular.push_back(id.text());
    schema.settings = std::move(described.settings);
    schema.unknown = std::move(described.unknown);
    std::sort(schema.unknown.begin(), schema.unknown.end());
    return success();
}

Json object_json(SchemaObject const& object) {
    return {{"kind", object.kind}, {"parent", object.parent}, {"name", object.name}, {"sql", object.sql}, {"stand_in", object.stand_in}};
}

using Texts = std::map<std::string, std::string>;
using Columns = std::map<std::string, std::vector<std::string>>;

Texts texts_of(Schema const& schema) {
    Texts texts;
    for (auto const& object : schema.objects)
        if (!object.stand_in) texts.emplace(object.text(), compared(object));
    return texts;
}

// Names of columns, in order, by what they are of.
Columns columns_of(Schema const& schema) {
    Columns columns;
    for (auto const& object : schema.objects) {
        if (object.stand_in || (object.kind != "column" && object.kind != "attribute")) continue;
        columns[(object.kind == "column" ? "order of the columns of " : "order of the attributes of ") + object.parent].push_back(
            object.name);
    }
    return columns;
}

// Those of `names` that are in `others`, too.
std::string common(std::vector<std::string> names, std::vector<std::string> const& others) {
    std::erase_if(names, [&](std::string const& name) { return std::find(others.begin(), others.end(), name) == others.end(); });
    return fmt::format("{}", fmt::join(names, ", "));
}

void add_columns(SchemaDiff& diff, Columns const& a, Columns const& b) {
    for (auto const& [of, names] : a) {
        auto const there = b.find(of);
        if (there == b.end()) continue;
        auto in_a = common(names, there->second);
        auto in_b = common(there->second, names);
        if (in_a != in_b) diff.differences.push_back({of, std::move(in_a), std::move(in_b)});
    }
}

void add_unknown(SchemaDiff& diff, Schema const& a, Schema const& b) {
    std::set<std::string> all(a.unknown.begin(), a.unknown.end());
    all.insert(b.unknown.begin(), b.unknown.end());
    for (auto const& name : all) {
        bool const in_a = std::find(a.unknown.begin(), a.unknown.end(), name) != a.unknown.end();
        bool const in_b = std::find(b.unknown.begin(), b.unknown.end(), name) != b.unknown.end();
        if (in_a && in_b)
            diff.not_compared.push_back(name);
        else
            diff.differences.push_back(
                {name, in_a ? std::optional<std::string>("") : std::nullopt, in_b ? std::optional<std::string>("") : std::nullopt});
    }
}

}  // namespace

Result<Schema> read_schema(Target& target, SchemaParts const& parts, Options const& options) {
    auto& backend = target.backend();
    auto* const source = dynamic_cast<SchemaSource*>(&backend);
    if (!source) return Error{.code = Code::usage, .message = "this database cannot tell its schema"};
    Schema schema{.from = target.description(), .engine = source->engine()};
    UNDROP_CHECK(patiently(backend, options, [&] { return backend.begin_reading(); }));
    auto done = read(backend, *source, options, schema);
    backend.rollback();
    if (!done) return std::move(done).error();
    keep_parts(schema, parts);
    return schema;
}

Result<SchemaDiff> compare(Schema const& a, Schema const& b) {
    if (a.engine != b.engine)
        return Error{
            .code = Code::usage,
            .message = fmt::format("{} is a schema of {}, {} one of {}: they have no object in common", a.from, a.engine, b.from, b.engine),
            .next = {.advice = "compare two databases of one kind"}};
    SchemaDiff diff{.a = a.from, .b = b.from};
    auto const texts_a = texts_of(a);
    auto const texts_b = texts_of(b);
    for (auto const& [object, sql] : texts_a) {
        auto const there = texts_b.find(object);
        if (there == texts_b.end())
            diff.differences.push_back({object, sql, {}});
        else if (there->second != sql)
            diff.differences.push_back({object, sql, there->second});
    }
    for (auto const& [object, sql] : texts_b)
        if (!texts_a.contains(object)) diff.differences.push_back({object, {}, sql});
    add_columns(diff, columns_of(a), columns_of(b));
    add_unknown(diff, a, b);
    std::sort(diff.differences.begin(), diff.differences.end(), [](auto const& x, auto const& y) { return x.object < y.object; });
    return diff;
}

std::string to_json(Schema const& schema) {
    auto json = document("schema");
    json["from"] = schema.from;
    json["engine"] = schema.engine;
    json["fingerprint"] = schema.fingerprint();
    json["settings"] = schema.settings;
    json["objects"] = list(schema.objects, object_json);
    json["unknown"] = schema.unknown;
    json["circular"] = schema.circular;
    return dumped(json);
}

std::string to_json(SchemaDiff const& diff) {
    auto json = document("schema_diff");
    json["a"] = diff.a;
    json["b"] = diff.b;
    json["equal"] = diff.equal();
    json["differences"] = list(diff.differences, [](SchemaDifference const& one) {
        ObjectDifference const shown{one.object, one.a.value_or(""), one.b.value_or(""), "A", "B"};
        return Json{{"object", one.object}, {"a", optional_json(one.a)}, {"b", optional_json(one.b)}, {"diff", shown.diff()}};
    });
    json["not_compared"] = diff.not_compared;
    return dumped(json);
}

}  // namespace undrop
