// Runs every case on every database that its folder allows: there and back, with writes in between, twice, and with a derived down.
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <iostream>
#include <map>
#include <sstream>

#include "cases/case.hpp"
#include "story/story.hpp"

namespace undrop::test {
namespace {

// A case on one database, as doctest knows it.
struct Registered {
    Case test;
    Engine engine;
    std::string title;
};

std::map<std::string, Registered>& registered() {
    static std::map<std::string, Registered> all;
    return all;
}

// "t.c 3", sorted: what was saved, the schema public left out.
std::string losses(StepReport const& step) {
    std::vector<std::string> lines;
    for (auto const& loss : step.saved) {
        auto const what = loss.what.starts_with("public.") ? loss.what.substr(7) : loss.what;
        lines.push_back(what + " " + std::to_string(loss.rows));
    }
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (auto const& line : lines) text += line + "\n";
    return text;
}

std::string expected_losses(std::string const& section) {
    std::vector<std::string> lines;
    std::istringstream in(section);
    for (std::string line; std::getline(in, line);)
        if (!line.empty() && !line.starts_with("#")) lines.push_back(line);
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (auto const& line : lines) text += line + "\n";
    return text;
}

std::unique_ptr<Database> fresh(Registered const& it) {
    auto db = Database::make(it.engine);
    for (auto const* part : {"schema", "rows"})
        if (auto const sql = it.test.text(part, it.engine); !sql.empty()) db->run(sql);
    return db;
}

// What the database should be like after the way back: as one that never migrated, with the same writes.
Witness never_migrated(Registered const& it) {
    auto const twin = fresh(it);
    auto const writes = it.test.section("twin", it.engine);
    if (auto const sql = writes ? *writes : it.test.text("writes", it.engine); !sql.empty()) twin->run(sql);
    return witness(*twin);
}

bool has_option(Registered const& it, std::string const& option) {
    std::istringstream in(it.test.text("options", it.engine));
    for (std::string line; std::getline(in, line);) {
        if (line == option) return true;
        if (!line.empty() && !line.starts_with("#") && line != "keep-order") throw std::runtime_error("there is no option " + line);
    }
    return false;
}

// What somebody changed by hand: refused and shown where it is drift, kept or taken back as `twin` says.
void by_hand(Registered const& it, Database& db, Source const& source, Options options, Witness const& wanted) {
    db.run(it.test.text("hand", it.engine));
    if (auto const drift = it.test.section("drift", it.engine)) {
        auto const before = witness(db);
        auto const text = down_error(db, source, options).text();
        CAPTURE(text);
        std::istringstream lines(*drift);
        for (std::string line; std::getline(lines, line);) {
            CAPTURE(line);
            CHECK_NE(text.find(line), std::string::npos);
        }
        check_unchanged(before, witness(db));
        options.accept_drift = true;
    }
    (void)down(db, source, options);
    check_same(wanted, witness(db));
    (void)up(db, source);
    (void)down(db, source, options);
    check_same(wanted, witness(db));
}

void there_and_back(Registered const& it, bool derive) {
    CAPTURE(derive);
    Scripts scripts{it.test.text("up", it.engine), it.test.section("down", it.engine)};
    auto const source = source_of({scripts});
    auto const wanted = never_migrated(it);
    auto const db = fresh(it);
    auto const keep_order = has_option(it, "keep-order");
    Options const options{.derive = derive, .keep_order = keep_order};
    auto const check = [&](Witness const& now) { keep_order ? check_unchanged(wanted, now) : check_same(wanted, now); };

    auto const went = up(*db, source);
    if (auto const expect = it.test.section("expect", it.engine)) CHECK_EQ(losses(went.steps.at(0)), expected_losses(*expect));
    if (auto const rounds = it.test.section("rounds", it.engine)) CHECK_EQ(went.steps.at(0).rounds, std::stoi(*rounds));
    for (auto const* part : {"writes", "edits"})
        if (auto const sql = it.test.text(part, it.engine); !sql.empty()) db->run(sql);
    if (auto const hand = it.test.section("hand", it.engine)) return by_hand(it, *db, source, options, wanted);
    auto const migrated = witness(*db);

    (void)down(*db, source, options);
    check(witness(*db));
    (void)up(*db, source);
    check_same(migrated, witness(*db));  // P3
    (void)down(*db, source, options);
    check(witness(*db));
}

void is_refused(Registered const& it, std::string reason) {
    while (reason.ends_with("\n")) reason.pop_back();
    auto const db = fresh(it);
    auto const before = witness(*db);
    auto const error = up_error(*db, source_of({{it.test.text("up", it.engine), it.test.section("down", it.engine)}}));
    CHECK_EQ(error.code, Code::refused);
    CAPTURE(error.message);
    CHECK_NE(error.message.find(reason), std::string::npos);
    check_unchanged(before, witness(*db));
}

// The same definitions, and not one row.
Registered emptied(Registered it) {
    for (auto const* part : {"rows", "writes", "twin", "edits", "expect", "rounds"})
        for (auto const* engine : {"", " postgres", " sqlite"}) it.test.sections.erase(std::string(part) + engine);
    return it;
}

void run_case() {
    auto const& it = registered().at(doctest::getContextOptions()->currentTest->m_name);
    if (auto const reason = it.test.section("refused", it.engine)) return is_refused(it, *reason);
    there_and_back(it, false);
    if (it.test.section("empty", it.engine)) there_and_back(emptied(it), false);
    if (it.test.section("down", it.engine) && !it.test.section("underived", it.engine)) there_and_back(it, true);
}

int register_cases() {
    try {
        for (auto const& test : read_cases(UNDROP_TEST_SOURCE_DIR "/tests/cases")) {
            for (auto const engine : test.engines) {
                auto const title = "case: " + test.name + (engine == Engine::postgres ? " (PostgreSQL)" : " (SQLite)");
                auto const& it = registered().emplace(title, Registered{test, engine, title}).first->second;
                doctest::detail::regTest(doctest::detail::TestCase(&run_case, it.test.file.c_str(), 1, doctest::detail::TestSuite{}) *
                                         it.title.c_str());
            }
        }
    } catch (std::exception const& error) {
        std::cerr << error.what() << "\n";
        std::exit(1);
    }
    return 0;
}

[[maybe_unused]] int const cases_registered = register_cases();

}  // namespace
}  // namespace undrop::test
