#include "down_script.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>

#include "look.hpp"

namespace undrop {
namespace {

using Kind = Mended::Kind;

constexpr std::string_view evicted = "undrop_evicted_";  // made room for what has its name back; a script drops it at once
constexpr std::string_view set_default = " SET DEFAULT ";

// Kinds that hold for values, or are filled from them.
bool counts_on_values(ObjectId const& id) {
    constexpr std::array<std::string_view, 9> kinds = {"not_null", "identity", "primary_key", "unique",           "exclusion",
                                                       "check",    "index",    "foreign_key", "materialized_view"};
    return std::find(kinds.begin(), kinds.end(), id.kind) != kinds.end();
}

bool is_right(ObjectId const& id) { return grants_rights(id) || id.kind.starts_with("owner of "); }

class Writer {
public:
    Writer(MendLog const& log, DownContext const& context) : context_(context) {
        for (auto const& mended : log) add(mended);
    }
    DownScript write();

private:
    enum class Fate { script, undrop, nobody };
    struct Entry {
        Mended done;
        Fate fate = Fate::script;
    };

    void add(Mended const& mended);
    void find_made();
    void judge(Entry& entry);
    [[nodiscard]] Fate fate_of(Entry& entry);
    [[nodiscard]] Fate fate_of_column(Entry& entry);
    bool spread();
    [[nodiscard]] bool on_made_table(Mended const& done) const;
    [[nodiscard]] bool of_checked_domain(Mended const& column) const;
    [[nodiscard]] bool goes(Mended const& removal) const;
    [[nodiscard]] bool stays(Mended const& removal) const;
    [[nodiscard]] bool waits(Mended const& made) const;
    Entry* find(Kind kind, ObjectId const& id);
    [[nodiscard]] bool is_left(ObjectId const& id) const;

    static bool makes(Mended const& done) { return done.kind != Kind::remove && done.kind != Kind::rename; }
    static bool needs_any(std::vector<ObjectId> const& needs, std::set<ObjectId> const& of) {
        return std::any_of(needs.begin(), needs.end(), [&](ObjectId const& need) { return of.contains(need); });
    }

    DownContext const& context_;
    std::vector<Entry> entries_;
    std::set<ObjectId> tables_;  // that are made
    std::set<ObjectId> rows_;    // what is made and will hold rows or values
    std::set<ObjectId> made_;    // all that is made
};

// The last passes of a mend do some things once more.
void Writer::add(Mended const& mended) {
    auto const same = [&](Entry const& e) { return e.done.kind == mended.kind && e.done.id == mended.id && e.done.sql == mended.sql; };
    if (mended.sql.empty() || mended.id.name.starts_with(evicted) || mended.id.parent.find(evicted) != std::string::npos) return;
    if (mended.kind != Kind::rename && std::any_of(entries_.begin(), entries_.end(), same)) return;
    entries_.push_back({mended});
}

Writer::Entry* Writer::find(Kind kind, ObjectId const& id) {
    auto const found =
        std::find_if(entries_.begin(), entries_.end(), [&](Entry const& e) { return e.done.kind == kind && e.done.id == id; });
    return found == entries_.end() ? nullptr : &*found;
}

void Writer::find_made() {
    for (auto const& [done, fate] : entries_) {
        if (done.kind != Kind::make) continue;
        made_.insert(done.id);
        if (done.holds_rows) rows_.insert(done.id);
        if (done.holds_rows && done.id.kind == "table") tables_.insert(done.id);
    }
}

// A table that the script makes is empty until it is through: nothing on it has anything to wait for.
bool Writer::on_made_table(Mended const& done) const {
    if (done.id.parent.empty()) return needs_any(done.needs, tables_);
    return std::any_of(tables_.begin(), tables_.end(), [&](ObjectId const& table) {
        return names_table(done.id.parent, {table.parent, table.name});
    });
}

bool Writer::of_checked_domain(Mended const& column) const {
    return std::any_of(context_.before.begin(), context_.before.end(), [&](auto const& entry) {
        auto const& [id, object] = entry;
        return id.kind.starts_with("domain_") && std::any_of(object.needs.begin(), object.needs.end(), [&](ObjectId const& type) {
                   return type.kind == "type" && std::find(column.needs.begin(), column.needs.end(), type) != column.needs.end();
               });
    });
}

// A column in a table with rows. Its default is said with it, so that rows inserted since have it, too; one that each row draws anew would
// pass for computed values, and the saved ones stay away.
Writer::Fate Writer::fate_of_column(Entry& column) {
    auto const& id = column.done.id;
    if (of_checked_domain(column.done) || find(Kind::make, {"identity", id.parent, id.name})) return Fate::undrop;
    auto* const standard = find(Kind::make, {"default", id.parent, id.name});
    if (!standard) return Fate::script;
    auto const at = standard->done.sql.find(set_default);
    auto const end = standard->done.sql.rfind(';');
    if (at == std::string::npos || end == std::string::npos) return Fate::undrop;
    auto const value = standard->done.sql.substr(at + set_default.size(), end - at - set_default.size());
    if (!is_constant(value)) return Fate::undrop;
    column.done.sql.insert(column.done.sql.rfind(';'), " DEFAULT " + value);
    standard->fate = Fate::nobody;
    return Fate::script;
}

Writer::Fate Writer::fate_of(Entry& entry) {
    auto const& done = entry.done;
    auto const& id = done.id;
    if (done.kind == Kind::rename) return Fate::script;
    if (is_right(id) && (needs_any(done.needs, made_) || std::any_of(made_.begin(), made_.end(), [&](ObjectId const& made) {
                             return made.parent == id.parent && made.name == id.name && !is_right(made);
                         })))
        return Fate::nobody;
    // Rows of a partition that goes are its table's, and undrop moves them into another one.
    if (done.kind == Kind::remove)
        return (id.kind == "table" && find(Kind::remove, {"partition", id.parent, id.name})) ||
                       (id.kind == "partition" && find(Kind::remove, {"table", id.parent, id.name}))
                   ? Fate::undrop
                   : Fate::script;
    // The conversion back may not take values that are to be replaced by saved ones.
    if (done.kind == Kind::reshape || (done.kind == Kind::alter && done.holds_rows)) return Fate::undrop;
    if (id.kind == "column" && done.holds_rows && !on_made_table(done)) return fate_of_column(entry);
    if (counts_on_values(id) && !on_made_table(done) &&
        (needs_any(done.needs, rows_) || (context_.up_writes && id.kind != "materialized_view")))
        return Fate::undrop;
    return Fate::script;
}

bool Writer::is_left(ObjectId const& id) const {
    return std::any_of(entries_.begin(), entries_.end(),
                       [&](Entry const& e) { return e.fate == Fate::undrop && makes(e.done) && e.done.id == id; });
}

bool Writer::waits(Mended const& made) const {
    auto const still_there = [&](Entry const& e) { return e.fate == Fate::undrop && e.done.kind == Kind::remove && e.done.id == made.id; };
    return std::any_of(made.needs.begin(), made.needs.end(), [&](ObjectId const& need) { return is_left(need); }) ||
           std::any_of(entries_.begin(), entries_.end(), still_there);
}

// Does something that is undrop's to change or remove still need it?
bool Writer::stays(Mended const& removal) const {
    return std::any_of(entries_.begin(), entries_.end(), [&](Entry const& e) {
        auto const& needed = e.done.needed;
        return e.fate == Fate::undrop && std::find(needed.begin(), needed.end(), removal.id) != needed.end();
    });
}

// Does it need something that the script removes?
bool Writer::goes(Mended const& removal) const {
    return std::any_of(entries_.begin(), entries_.end(), [&](Entry const& e) {
        return e.fate == Fate::script && e.done.kind == Kind::remove &&
               std::find(removal.needed.begin(), removal.needed.end(), e.done.id) != removal.needed.end();
    });
}

bool Writer::spread() {
    bool changed = false;
    for (auto& [done, fate] : entries_) {
        if (fate != Fate::script || done.kind == Kind::rename) continue;
        // What only steps aside for something that is undrop's has no reason to.
        auto const left = makes(done) ? waits(done) : stays(done) || (is_left(done.id) && !goes(done));
        if (left) fate = Fate::undrop, changed = true;
    }
    return changed;
}

DownScript Writer::write() {
    find_made();
    for (auto& entry : entries_)
        if (entry.fate == Fate::script) entry.fate = fate_of(entry);
    while (spread()) {
    }
    DownScript script;
    for (auto const& [done, fate] : entries_) {
        if (fate == Fate::nobody) {
            script.leaves_rights = script.leaves_rights || is_right(done.id);
            continue;
        }
        if (done.kind != Kind::reshape || !context_.rebuilt.contains(done.id))
            (fate == Fate::script ? script.statements : script.left).push_back(done.sql);
        auto const columns = context_.column_changes.find(done.id);
        if (done.kind == Kind::reshape && columns != context_.column_changes.end()) {
            auto const& [statements, unfilled] = columns->second;
            script.statements.insert(script.statements.end(), statements.begin(), statements.end());
            script.unfilled.insert(script.unfilled.end(), unfilled.begin(), unfilled.end());
        }
        if (fate == Fate::script && makes(done) && (done.id.kind == "function" || done.id.kind == "procedure"))
            script.makes_functions = true;
        auto const must_have = [&] {
            auto* const not_null = find(Kind::make, {"not_null", done.id.parent, done.id.name});
            return not_null && not_null->fate == Fate::undrop;
        };
        if (fate == Fate::script && done.kind == Kind::make && done.id.kind == "column" &&
            done.sql.find(" DEFAULT ") == std::string::npos && must_have())
            script.unfilled.push_back(done.id);
    }
    return script;
}

}  // namespace

// A function's value may be another each time; so are those of the few that are written without parentheses.
bool is_constant(std::string const& default_sql) {
    std::string upper;
    for (char const c : default_sql) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    constexpr std::array<std::string_view, 4> bare = {"CURRENT_", "LOCALTIME", "SESSION_USER", "USER"};
    return upper.find('(') == std::string::npos &&
           std::none_of(bare.begin(), bare.end(), [&](std::string_view word) { return upper.starts_with(word); });
}

DownScript write_down(MendLog const& log, DownContext const& context) { return Writer(log, context).write(); }

}  // namespace undrop
