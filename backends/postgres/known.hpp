// Known: what was read of the schema, for as long as it is certain that nobody has changed it. One thread at a time.
//
// Whoever changes a schema has a transaction number. The server gives them out in order, and a snapshot tells which were at work and how
// far the finished ones have come: so one small question tells whether anyone but us can have changed anything since the last look.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "backend.hpp"
#include "connection.hpp"

namespace undrop::postgres {

class Known {
public:
    using Tables = std::vector<Table>;

    explicit Known(Connection& connection) : connection_(connection) {}
    void be_alone() { alone_ = true; }  // nobody else ever changes this database

    void begin();      // a step's transaction is about to begin
    void changed();    // our own transaction may have changed the schema
    void roll_back();  // the schema is what it was at begin()

    // What is known, or else what `read` gives.
    [[nodiscard]] Result<Catalog> catalog(std::function<Result<Catalog>()> const& read);
    [[nodiscard]] Result<Tables> tables(std::function<Result<Tables>()> const& read);

private:
    struct Moment {
        std::uint64_t own = 0;   // our transaction; 0: it has no number
        std::uint64_t next = 0;  // every number below is finished, but for `own` and, unless `quiet`, others
        bool quiet = false;
        [[nodiscard]] bool nothing_until(Moment const& later) const;
    };
    template <class T>
    struct Read {
        std::shared_ptr<T const> value;
        Moment at;
    };

    template <class T>
    [[nodiscard]] Result<T> get(Read<T> Known::*slot, Read<T> Known::*at_begin, std::function<Result<T>()> const& read);
    [[nodiscard]] Result<Moment> now();

    Connection& connection_;
    bool alone_ = false;
    bool clean_ = false;  // nothing was changed since begin()
    Read<Catalog> catalog_;
    Read<Tables> tables_;
    Read<Catalog> catalog_at_begin_;
    Read<Tables> tables_at_begin_;
};

}  // namespace undrop::postgres
