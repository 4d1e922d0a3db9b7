// Target::open: a plain list of URL schemes, and who opens them. What was left out of the build is named in the refusal.
#include <array>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include <undrop/target.hpp>

#include "backend.hpp"
#ifdef UNDROP_POSTGRES
#include "postgres/open.hpp"
#endif
#ifdef UNDROP_SQLITE
#include "sqlite/open.hpp"
#endif

namespace undrop {

namespace {

using Open = Result<std::unique_ptr<Backend>> (*)(std::string_view url);

struct Scheme {
    std::string_view prefix;
    Open open;  // null: not in this build
};

#ifdef UNDROP_POSTGRES
constexpr Open open_postgres = &postgres::open_backend;
#else
constexpr Open open_postgres = nullptr;
#endif
#ifdef UNDROP_SQLITE
constexpr Open open_sqlite = &sqlite::open_backend;
#else
constexpr Open open_sqlite = nullptr;
#endif

constexpr std::array schemes{
    Scheme{"postgresql://", open_postgres},
    Scheme{"postgres://", open_postgres},
    Scheme{"sqlite:", open_sqlite},
};

Error refused(std::string message) {
    return Error{.code = Code::usage,
                 .message = std::move(message),
                 .next = {.advice = "a database is given as postgresql://USER@HOST:PORT/DATABASE or sqlite:PATH"}};
}

}  // namespace

Result<Target> Target::open(std::string_view url) {
    for (auto const& scheme : schemes) {
        if (!url.starts_with(scheme.prefix)) continue;
        if (!scheme.open) return refused(fmt::format("this build of undrop cannot open {}...", scheme.prefix));
        auto opened = scheme.open(url);
        if (!opened.has_value()) return std::move(opened).error();
        return Target(std::move(opened).value());
    }
    if (url.empty()) return refused("no database was given");
    // Not the whole text: what is no URL of ours may hold a password all the same.
    auto const colon = url.find(':');
    return refused(colon == std::string_view::npos
                       ? "the database that was given is no URL"
                       : fmt::format("undrop knows no databases of the kind {}:", url.substr(0, std::min<std::size_t>(colon, 20))));
}

}  // namespace undrop
