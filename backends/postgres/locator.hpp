// Locator: where an object is in the system catalogs, carried in Object::locator within one transaction.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <undrop/result.hpp>

#include "connection.hpp"

namespace undrop::postgres {

struct Locator {
    std::string subject;                         // "classid:objid:objsubid" of the object, or of what it is a property of
    std::string relation;                        // oid of the relation that is locked for a change of it; "0": none
    std::vector<std::string> rows;               // xmin of each row that its texts come from
    std::map<std::string, std::string> unknown;  // only on schemas: what else there is, "classid:objid" -> name

    [[nodiscard]] std::string text() const;
    [[nodiscard]] static Locator parse(std::string_view text);
    [[nodiscard]] std::string class_and_object() const { return subject.substr(0, subject.rfind(':')); }
};

[[nodiscard]] std::vector<std::string> words(std::string_view text, char separator);

// What this transaction has locked against other changes: "classid:objid".
struct OwnLocks {
    std::set<std::string> changed;  // SHARE UPDATE EXCLUSIVE or stronger
    std::set<std::string> removed;  // ACCESS EXCLUSIVE: the removal of any object takes one
};
[[nodiscard]] Result<OwnLocks> own_locks(Connection& connection);

// search_path, until the transaction ends: the texts of the catalog name everything outside of pg_catalog with its schema.
[[nodiscard]] Result<void> pin_search_path(Connection& connection);

// Sends one query of the catalog. An object that vanished meanwhile makes Code::busy.
[[nodiscard]] Result<Rows> catalog_rows(Connection& connection, std::string const& sql, std::span<Cell const> parameters = {});

[[nodiscard]] Error dropped_meanwhile(Error error);

// Which extensions are objects, and which of what a superuser alone makes: those that we could make again here, which is what a way back
// needs, or all.
enum class Extensions { remakable, all };

// A query of kinds/ with what all have in common; `touched`: only of the relations whose oids are its first parameter. `rare`: there may be
// objects of kinds/rare.cpp; planning what lists them takes longer than all else where there are none.
[[nodiscard]] std::string catalog_sql(char const* query, std::string const& ledger, bool touched = false,
                                      Extensions extensions = Extensions::remakable, bool rare = true);

// kinds::any_rare, whole.
[[nodiscard]] std::string any_rare_sql();

// All queries of kinds/ as one, with their columns as text: what they have in common is looked up once.
[[nodiscard]] std::string kinds_sql(std::string const& ledger, bool touched, Extensions extensions, bool rare);

// Objects of kinds that undrop does not know, by "classid:objid", with their names.
[[nodiscard]] Result<std::map<std::string, std::string>> unknown_objects(Connection& connection, std::string const& ledger,
                                                                         Extensions extensions = Extensions::remakable, bool rare = true);

}  // namespace undrop::postgres
