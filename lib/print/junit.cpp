// Evidence as JUnit's XML, which every CI server shows: one test case for each migration.
#include <fmt/format.h>

#include <algorithm>

#include <undrop/rehearse.hpp>

#include "print/text.hpp"

namespace undrop {
namespace {

// How many bytes the character that begins there has; 0: it is none that XML may hold.
std::size_t character(std::string_view text) {
    auto const at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    auto const first = at(0);
    if (first < 0x80) return first >= 0x20 || first == '\t' || first == '\n' || first == '\r' ? 1 : 0;
    std::size_t const length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((at(i) & 0xC0U) != 0x80U) return 0;
    auto const second = at(1);
    bool const none = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
                      (first == 0xF4 && second > 0x8F) || (first == 0xEF && second == 0xBF && at(2) >= 0xBE);
    return none ? 0 : length;
}

// Names and messages come from files and databases: what XML cannot hold, not even escaped, becomes a question mark.
std::string xml(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        auto const length = character(text);
        auto const one = text.substr(0, std::max<std::size_t>(length, 1));
        text.remove_prefix(one.size());
        if (length == 0)
            out += '?';
        else if (one == "&")
            out += "&amp;";
        else if (one == "<")
            out += "&lt;";
        else if (one == ">")
            out += "&gt;";
        else if (one == "\"")
            out += "&quot;";
        else if (length == 1 && one[0] < 0x20)
            out += fmt::format("&#{};", static_cast<int>(one[0]));  // an attribute would lose it otherwise
        else
            out += one;
    }
    return out;
}

std::string property(char const* name, std::string_view value) {
    return fmt::format("        <property name=\"{}\" value=\"{}\"/>\n", name, xml(value));
}

std::string details(Rehearsed const& r) {
    std::string out = fmt::format("{}: {}\n", r.step, r.reason);
    if (!r.native.empty()) out += fmt::format("The database says: {}\n", r.native);
    if (auto const at = print::place(r.where); !at.empty()) out += fmt::format("At {} {}\n", at, r.statement);
    if (!r.derived.empty()) out += fmt::format("The derived way back: {}\n", r.derived);
    for (auto const& row : r.rows) out += row.text() + "\n";
    for (auto const& object : r.objects) out += fmt::format("{}\n{}\n", object.object, object.text());
    return out + fmt::format("Again: {}\n", r.reproduce);
}

std::string test_case(Evidence const& evidence, Rehearsed const& r) {
    auto out = fmt::format("    <testcase classname=\"undrop.rehearse\" name=\"{}\" time=\"{:.3f}\">\n      <properties>\n",
                           xml(r.version + " " + r.name), r.seconds);
    out += property("grade", name_of(r.grade));
    if (!r.because.empty()) out += property("because", r.because);
    if (!r.irreversible.empty()) out += property("irreversible", r.irreversible);
    if (r.up.writers_stop >= 0) out += property("up", print::cost(r.up));
    if (r.down.writers_stop >= 0) out += property("down", print::cost(r.down));
    if (r.refused_in_use) out += property("refused in use", "true");
    for (auto const& table : r.not_exercised) out += property("not exercised", table);
    for (auto const& note : r.notes) out += property("note", note);
    out += "      </properties>\n";
    if (!evidence.good(r))
        out += fmt::format("      <failure type=\"{}\" message=\"{}\">{}</failure>\n", name_of(r.grade), xml(r.reason), xml(details(r)));
    return out + "    </testcase>\n";
}

}  // namespace

std::string to_junit(Evidence const& evidence) {
    auto const failures =
        std::count_if(evidence.migrations.begin(), evidence.migrations.end(), [&](Rehearsed const& r) { return !evidence.good(r); });
    auto const tests = evidence.migrations.size() + evidence.not_reached.size();
    auto const counts = fmt::format("tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{:.3f}\"", tests, failures,
                                    evidence.not_reached.size(), evidence.seconds);
    auto out = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {}>\n  <testsuite name=\"undrop rehearse\" {}>\n",
                           counts, counts);
    out += "    <properties>\n" + property("target", evidence.target) + property("data", name_of(evidence.data.mode));
    for (auto const& note : evidence.notes) out += property("note", note);
    out += "    </properties>\n";
    for (auto const& migration : evidence.migrations) out += test_case(evidence, migration);
    for (auto const& version : evidence.not_reached)
        out += fmt::format("    <testcase classname=\"undrop.rehearse\" name=\"{}\"><skipped message=\"not reached\"/></testcase>\n",
                           xml(version));
    return out + "  </testsuite>\n</testsuites>\n";
}

}  // namespace undrop
