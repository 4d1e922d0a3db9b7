// Known: what was read of the schema, for as long as it is certain that nobody has changed it. One thread at a time.
//
// Whoever changes a schema has a transaction number. The server gives them out in order, and a snapshot tells which were at work and how
// far the finished ones have come: so one small question tells whether anyone but us can have changed anything since the last look. What
// our own transaction may have changed is looked at again, alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "backend.hpp"
#include "connection.hpp"
#include "reading.hpp"
#include "scope.hpp"
#include "touched.hpp"

namespace undrop::postgres {

class Known {
public:
    using Tables = std::vector<Table>;

    explicit Known(Connection& connection) : connection_(connection) {}
    void be_alone() { alone_ = true; }  // nobody else ever changes this database

    void begin();                                           // a step's transaction is about to begin
    void changed();                                         // our own transaction may have changed the schema, or, outside of one, we may
    void took_back();                                       // to a savepoint
    void doubt_counters() { counters_count_ = false; }      // until the next begin()
    [[nodiscard]] int changes() const { return changes_; }  // how often `changed` was said
    [[nodiscard]] bool stale() const;                       // something is known, and may have changed since
    void commit();                                          // it has ended
    void roll_back();                                       // it has ended, and the schema is what it was at begin()

    // What is asked for from now on; nothing: everything. What is known of more is given as it is.
    void want(std::optional<Scope> scope) { wanted_ = std::move(scope); }
    struct Narrow {
        Scope scope;
        std::string relations;  // oids as an array
    };
    [[nodiscard]] std::optional<Scope> const& wanted() const { return wanted_; }
    // What was read last, where that is not everything; once both were asked for.
    [[nodiscard]] std::optional<Narrow> narrow() const;

    // What our transaction may have changed, as of now.
    [[nodiscard]] Result<Touched> touched();

    // What is known; else what `again` makes of it where only our transaction came between; else what `read` gives, of these relations
    // alone (an array of oids) or, where there is null, of all.
    template <class T>
    using Reader = std::function<Result<T>(std::string const* relations)>;
    template <class T>
    using Rereader = std::function<Result<std::optional<T>>(T const& before, Touched const& touched)>;
    [[nodiscard]] Result<Catalog> catalog(Reader<Reading> const& read, Rereader<Reading> const& again);
    [[nodiscard]] Result<Tables> tables(Reader<Tables> const& read, Rereader<Tables> const& again);

private:
    struct Moment {
        std::uint64_t own = 0;   // our transaction; 0: it has no number
        std::uint64_t next = 0;  // every number below is finished, but for `own` and, unless `quiet`, others
        bool quiet = false;
        [[nodiscard]] bool nothing_until(Moment const& later) const;
    };
    struct Counted {
        int transaction = 0;  // of ours
        std::string changes;
        bool operator==(Counted const&) const = default;
    };
    template <class T>
    struct Read {
        std::shared_ptr<T const> value;
        Moment at;
        std::optional<Counted> counted = {};  // the catalog's changes by our transaction
        bool stale = false;                   // our transaction may have changed it since
        std::optional<Narrow> narrow = {};
    };
    template <class T>
    struct Slot {
        Read<T> now;
        Read<T> at_begin;
    };

    template <class T>
    [[nodiscard]] Result<std::shared_ptr<T const>> get(Slot<T>& slot, Reader<T> const& read, Rereader<T> const& again);
    [[nodiscard]] Result<Moment> now();
    [[nodiscard]] Result<std::optional<Counted>> counted();
    [[nodiscard]] std::optional<std::string> whole_of_wanted() const;  // the relations that were read, where that is not everything
    template <class T>
    [[nodiscard]] Result<T> read_wanted(Reader<T> const& read, Read<T>& known);

    Connection& connection_;
    bool alone_ = false;
    bool clean_ = false;  // nothing was changed since begin()
    int changes_ = 0;
    int transaction_ = 0;  // counted by begin() and by took_back(), after which numbers do not compare
    bool counters_count_ = true;
    std::optional<std::optional<Counted>> counted_;  // as of now
    bool wrote_ = false;                             // our transaction has, perhaps, changed something
    std::optional<Scope> wanted_;
    std::optional<Touched> touched_;
    std::optional<std::string> touched_within_;  // what it was asked within
    Slot<Reading> catalog_;
    std::shared_ptr<Reading const> told_of_;
    Catalog told_;  // of that
    Slot<Tables> tables_;
};

}  // namespace undrop::postgres
