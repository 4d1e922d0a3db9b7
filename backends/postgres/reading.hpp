// Reading: what the catalog's queries told, object by object, so that another look in the same transaction asks only about what the
// transaction may have touched. A value; what two readings share is shared.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <undrop/result.hpp>

#include "backend.hpp"  // and so lib/catalog.hpp
#include "connection.hpp"
#include "locator.hpp"
#include "touched.hpp"

namespace undrop::postgres {

class Reading {
public:
    // Under search_path = pg_catalog, pg_temp. An object that vanished meanwhile makes Code::busy. `relations`: of relations these alone,
    // an array of oids.
    [[nodiscard]] static Result<Reading> whole(Connection& connection, std::string const& ledger,
                                               Extensions extensions = Extensions::remakable, std::string const* relations = nullptr);

    // As it is now, where only our transaction has changed anything since; what others did to relations that it did not touch is left out.
    // Nothing: something was renamed, or is so new, that texts of what was not touched may be others; read it whole.
    [[nodiscard]] Result<std::optional<Reading>> again(Connection& connection, std::string const& ledger, Touched const& touched) const;

    [[nodiscard]] Catalog catalog() const;
    [[nodiscard]] std::map<std::string, std::string> const& unknown() const { return unknown_; }  // by address

private:
    struct Found {
        ObjectId id;
        Object object;
        std::string relation;                // oid, or "0"
        std::vector<std::string> addresses;  // its own
        std::vector<std::string> needs;      // addresses
    };
    using FoundPtr = std::shared_ptr<Found const>;
    struct Fresh {  // while it is read
        std::shared_ptr<Found> found;
        std::vector<Found const*> needed;
    };
    struct Alias {
        std::string relation;
        std::string address;
        std::string means;  // another address
    };

    [[nodiscard]] Result<void> ask(Connection& connection, std::string const& ledger, std::string const* relations);
    [[nodiscard]] Result<void> add(Rows const& rows);
    void keep(FoundPtr const& found);
    void keep(Alias const& alias);
    struct Addresses {  // of objects, as two arrays
        std::string classes;
        std::string oids;
    };
    [[nodiscard]] Result<void> add_dependencies(Connection& connection, Addresses const* objects);
    [[nodiscard]] Addresses fresh_objects() const;
    void need(Fresh& fresh, std::string const& address) const;
    void freeze();
    [[nodiscard]] Found const* at(std::string address) const;
    [[nodiscard]] bool renames(Reading const& before) const;

    std::vector<FoundPtr> found_;
    std::vector<Alias> aliases_;
    std::unordered_map<std::string, Found const*> by_address_;
    std::unordered_map<std::string, std::string> meanings_;  // of aliases
    std::vector<Fresh> fresh_;
    std::map<std::string, std::string> unknown_;
    Extensions extensions_ = Extensions::remakable;
};

}  // namespace undrop::postgres
