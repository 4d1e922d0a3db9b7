// `undrop schema`: the schema as SQL, as a fingerprint, and compared with another.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include <undrop/schema.hpp>

#include "screen.hpp"
#include "session.hpp"
#include "verbs.hpp"

namespace undrop::cli {
namespace {

constexpr int refused = 3;

struct Given {
    CLI::App* dump = nullptr;
    CLI::App* fingerprint = nullptr;
    CLI::App* diff = nullptr;
    std::string a;
    std::string b;
    bool no_owners = false;
    bool no_grants = false;
    bool no_comments = false;
    bool known_only = false;

    [[nodiscard]] SchemaParts parts() const { return {.owners = !no_owners, .grants = !no_grants, .comments = !no_comments}; }
};

Schema read(Session& session, Given const& given) {
    auto target = session.open();
    return read_schema(target, given.parts(), session.options()).value();
}

// P9: on standard error, so that a script on standard output stays one.
int tell_of_what_is_missing(Schema const& schema, Given const& given) {
    int status = 0;
    if (!schema.unknown.empty()) {
        remark(fmt::format("undrop: {} has what undrop does not know, and only names:\n    {}", schema.from,
                           fmt::join(schema.unknown, "\n    ")));
        if (!given.known_only) remark("  Next: say --known-only if that is meant (it is named all the same, and the exit status is 0)");
        status = given.known_only ? 0 : refused;
    }
    if (!schema.circular.empty()) {
        remark(fmt::format("undrop: objects of {} need each other, and no order of statements makes them; the script fails at:\n    {}",
                           schema.from, fmt::join(schema.circular, "\n    ")));
        status = refused;
    }
    return status;
}

int dump(Session& session, Given const& given) {
    auto const schema = read(session, given);
    std::cout << (session.flags().json ? to_json(schema) + "\n" : schema.sql()) << std::flush;
    return tell_of_what_is_missing(schema, given);
}

int fingerprint(Session& session, Given const& given) {
    auto const schema = read(session, given);
    auto const found = schema.fingerprint();
    if (session.flags().json)
        say(nlohmann::ordered_json{{"format", 1}, {"kind", "schema_fingerprint"}, {"fingerprint", found}, {"unknown", schema.unknown}}.dump(
            2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    else
        say(found);
    return tell_of_what_is_missing(schema, given);
}

bool is_url(std::string const& text) {
    constexpr std::array schemes{"postgresql://", "postgres://", "sqlite:"};
    return std::any_of(schemes.begin(), schemes.end(), [&](char const* scheme) { return text.starts_with(scheme); });
}

Error unreadable(std::string const& file, std::string const& why) {
    return {
        .code = Code::usage,
        .message = fmt::format("{} cannot be read: {}", file, why),
        .next = {.command = "schema diff A B", .advice = "each is a database (postgresql://..., sqlite:PATH) or a file of `schema dump`"}};
}

Schema from_file(std::string const& file, Given const& given) {
    std::error_code ignored;
    if (std::filesystem::is_directory(file, ignored)) throw Failure(unreadable(file, "it is a directory"));
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    if (in) text << in.rdbuf();
    if (!in || in.bad()) throw Failure(unreadable(file, std::strerror(errno)));
    if (text.view().starts_with("SQLite format 3"))
        throw Failure({.code = Code::usage,
                       .message = fmt::format("{} is a database, and not a file of `schema dump`", file),
                       .next = {.command = "schema diff sqlite:" + file + " ...", .advice = "names it as one"}});
    return schema_from_sql(text.view(), file, given.parts()).value();
}

Schema either(Session& session, std::string const& what, Given const& given) {
    if (!is_url(what)) return from_file(what, given);
    auto target = Target::open(what).value();
    if (!session.settings().role.empty()) target.set_role(session.settings().role).value();
    return read_schema(target, given.parts(), session.options()).value();
}

// Each line of a text, further in, and no control characters.
std::string indented(std::string_view text, std::string_view before) {
    std::string out(before);
    for (char const c : text) {
        bool const control = (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
        out += control ? '?' : c;
        if (c == '\n') out += before;
    }
    return out + "\n";
}

std::string as_text(SchemaDiff const& diff) {
    struct Group {
        char const* title;
        bool a;
        bool b;
    };
    std::string text;
    std::vector<std::string> counts;
    for (auto const& group : {Group{"only in A", true, false}, Group{"only in B", false, true}, Group{"different", true, true}}) {
        std::string found;
        std::int64_t count = 0;
        for (auto const& one : diff.differences) {
            if (one.a.has_value() != group.a || one.b.has_value() != group.b) continue;
            ++count;
            found += indented(one.object, "  ");
            auto const& shown = group.a ? one.a : one.b;
            if (group.a && group.b)
                found += indented(ObjectDifference{.object = {}, .before = one.a.value_or(""), .after = one.b.value_or("")}.text(), "    ");
            else if (!shown->empty())
                found += indented(*shown, "    ");
        }
        if (count == 0) continue;
        text += fmt::format("{}\n{}", group.title, found);
        counts.push_back(fmt::format("{} {}", thousands(count), group.title));
    }
    for (auto const& name : diff.not_compared) text += fmt::format("not compared  {}\n", name);
    return text + (counts.empty() ? "Equal" : fmt::format("{}", fmt::join(counts, ", ")));
}

int diff(Session& session, Given const& given) {
    auto const a = either(session, given.a, given);
    auto const b = given.b.empty() ? read(session, given) : either(session, given.b, given);
    auto const found = compare(a, b).value();
    bool const unsure = !found.not_compared.empty() && !given.known_only;
    if (session.flags().json) {
        say(to_json(found));
    } else {
        auto text = fmt::format("A  {}\nB  {}\n{}", found.a, found.b, as_text(found));
        if (found.equal()) text += unsure ? ", as far as undrop knows: `--known-only` takes that for equal" : "";
        if (!session.flags().quiet || !found.equal() || unsure) say(text + ".\n");
    }
    return found.equal() && !unsure ? 0 : refused;
}

void declare_parts(CLI::App& app, std::shared_ptr<Given> const& given) {
    app.add_flag("--no-owners", given->no_owners, "Leave out who owns what");
    app.add_flag("--no-grants", given->no_grants, "Leave out rights");
    app.add_flag("--no-comments", given->no_comments, "Leave out comments");
    app.add_flag("--known-only", given->known_only,
                 "Objects of kinds that undrop does not know are named, and are no reason for exit status 3");
}

}  // namespace

Action declare_schema(CLI::App& app) {
    auto given = std::make_shared<Given>();
    given->dump = app.add_subcommand("dump", "SQL that makes the schema anew in an empty database, on standard output")->fallthrough();
    given->fingerprint = app.add_subcommand("fingerprint", "One line that is the same for the same schema")->fallthrough();
    given->diff = app.add_subcommand("diff", "What differs between two schemas. Exit status 3 if anything does")->fallthrough();
    given->diff->add_option("a", given->a, "A database's URL, or a file that `schema dump` wrote")->required()->type_name("A");
    given->diff->add_option("b", given->b, "The same (the database that --db names)")->type_name("B");
    for (auto* verb : {given->dump, given->fingerprint, given->diff}) declare_parts(*verb, given);
    return [given](Session& session) {
        if (given->dump->parsed()) return dump(session, *given);
        if (given->fingerprint->parsed()) return fingerprint(session, *given);
        if (given->diff->parsed()) return diff(session, *given);
        wrong_use("schema wants a verb: dump, fingerprint or diff", {.command = "schema dump"});
    };
}

}  // namespace undrop::cli
