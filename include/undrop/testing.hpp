// For test suites: are all migrations reversible? Header only; works with any framework, and needs none.
//
//     auto const source = undrop::Source::directory("migrations").value();
//     CHECK(undrop::testing::reversible(source, "sqlite::memory:"));              // doctest, Catch2
//     auto const verdict = undrop::testing::reversible(source, url);              // GoogleTest
//     EXPECT_TRUE(verdict) << verdict;
//
// The URL says which kind of database, and for PostgreSQL which server: the rehearsal makes a database of its own there and drops it. What
// the URL names is read, and never written to.
#pragma once

#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include <undrop/undrop.hpp>

namespace undrop::testing {

// True exactly if every migration that was asked for came back exactly, or is what `Rehearsal::accept` takes. Prints as what a reader of a failed test needs: migration, step,
// statement with file and line, rows that differ, the schema's diff, and the command that does it again.
class Verdict {
public:
    explicit Verdict(Evidence evidence) : evidence_(std::move(evidence)) {
        std::ostringstream text;
        text << *evidence_;
        text_ = text.str();
    }
    explicit Verdict(Error const& error) : text_(error.text()) {}

    [[nodiscard]] explicit operator bool() const { return evidence_ && evidence_->good(); }
    [[nodiscard]] std::string const& text() const { return text_; }
    [[nodiscard]] std::optional<Evidence> const& evidence() const { return evidence_; }  // none: it could not be rehearsed at all
    friend std::ostream& operator<<(std::ostream& out, Verdict const& verdict) { return out << '\n' << verdict.text_; }

private:
    std::optional<Evidence> evidence_;
    std::string text_;
};

// The command for a shell that does the same again; a URL with a password in it is left to UNDROP_DB.
[[nodiscard]] inline std::string command(Source const& source, std::string_view url) {
    auto const host = url.find("://");
    auto const at = host == std::string_view::npos ? host : url.find('@', host);
    auto const password = url.find("password") != std::string_view::npos ||
                          (at != std::string_view::npos && url.substr(host + 3, at - host - 3).find(':') != std::string_view::npos);
    std::string result = "undrop";
    if (!password) result += " --db '" + std::string(url) + "'";
    return result + " --dir '" + source.origin + "' rehearse";
}

// Rehearses all migrations of a source, or those that `rehearsal` names, from an empty database on. Throws nothing of undrop's: what
// keeps the rehearsal from taking place is a verdict of false with the error's text.
[[nodiscard]] inline Verdict reversible(Source const& source, std::string_view url, Rehearsal rehearsal = {}, Options const& options = {}) {
    auto target = Target::open(url);
    if (!target) return Verdict(target.error());
    rehearsal.command = command(source, url);
    auto evidence = rehearse(target.value(), source, rehearsal, options);
    if (!evidence) return Verdict(evidence.error());
    return Verdict(std::move(evidence).value());
}

}  // namespace undrop::testing
