#include "catalog.hpp"

#include "errors.hpp"
#include "locator.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// pg_get_viewdef locks what the view reads until the end of the transaction, against other sessions' DDL. Going back to a savepoint lets go
// of these locks, and of the error that a concurrent drop makes.
template <class T, class Read>
Result<T> unlocked(Connection& connection, Read const& read) {
    auto const pinned = [&]() -> Result<T> {
        UNDROP_CHECK(pin_search_path(connection));
        return read();
    };
    if (!connection.in_transaction()) return pinned();
    constexpr int tries = 5;
    for (int n = 1;; ++n) {
        UNDROP_CHECK(connection.run("savepoint undrop_catalog"));
        auto done = pinned();
        if (connection.lost()) return done;
        UNDROP_CHECK(connection.run("rollback to savepoint undrop_catalog; release savepoint undrop_catalog"));
        if (done.has_value() || done.error().code != Code::busy || n == tries) return done;
        if (sqlstate(done.error()) == "55P03") return done;  // a lock that was waited for as long as it may be
    }
}

}  // namespace

Result<Reading> read_catalog(Connection& connection, std::string const& ledger, Extensions extensions, std::string const* relations) {
    return unlocked<Reading>(connection, [&] { return Reading::whole(connection, ledger, extensions, relations); });
}

Result<std::optional<Reading>> read_catalog_again(Connection& connection, std::string const& ledger, Reading const& before,
                                                  Touched const& touched) {
    return unlocked<std::optional<Reading>>(connection, [&] { return before.again(connection, ledger, touched); });
}

}  // namespace undrop::postgres
