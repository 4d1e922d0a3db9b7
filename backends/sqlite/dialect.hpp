// SQLite's dialect: fragments of SQL, and what a script's text says. Pure; all const, thread-safe.
#pragma once

#include <undrop/result.hpp>

#include "../../lib/dialect.hpp"

namespace undrop::sqlite {

class SqliteDialect final : public Dialect {
public:
    [[nodiscard]] std::string quote(std::string_view identifier) const override;
    [[nodiscard]] std::string literal(std::string_view text) const override;
    [[nodiscard]] std::string relation(std::string_view schema, std::string_view name) const override;
    [[nodiscard]] std::string store(std::string_view ledger, std::string_view table) const override;

    [[nodiscard]] Result<std::vector<Statement>> split(Script const& script) const override;
    [[nodiscard]] Foreseen foresee(std::vector<Statement> const& statements) const override;
    [[nodiscard]] std::string forbidden(Statement const& statement) const override;
    [[nodiscard]] std::string forbidden_in_check(Statement const& statement) const override;
    [[nodiscard]] std::optional<Outside> outside(Statement const& statement) const override;

    [[nodiscard]] std::vector<std::string> harms(std::vector<Recorded> const& objects) const override;
    [[nodiscard]] std::string save(Column const& column, std::string const& value) const override;
    [[nodiscard]] std::vector<std::string> saved_forms(std::string const& text, std::string const& place) const override;
    [[nodiscard]] std::string load(Column const& column, std::string const& stored) const override;
    [[nodiscard]] std::string same(Column const& column, std::string const& a, std::string const& b) const override;
    [[nodiscard]] std::string as_column(Column const& column, std::string const& value) const override;
    [[nodiscard]] std::string image(std::vector<std::string> const& saved) const override;
    [[nodiscard]] std::string digest(std::string const& image) const override;
    [[nodiscard]] std::string add_bare_column(Table const& table, Column const& column) const override;
    [[nodiscard]] std::string insert_overriding() const override;
    [[nodiscard]] std::string row_locator(Table const& table) const override;
    [[nodiscard]] std::string working_type(Column const& column) const override;
    [[nodiscard]] std::string equal(Column const& column, std::string const& value, std::string const& stored) const override;
    [[nodiscard]] std::string row_id_type(Table const&) const override { return "integer"; }
    [[nodiscard]] std::string lasting_row_id(Table const& table, std::string const& alias) const override;
    [[nodiscard]] std::vector<RowPlace> row_places(Table const& table) const override;
    [[nodiscard]] std::string own_rows(Table const& table) const override;
    [[nodiscard]] std::string shown(Column const& column, std::string const& saved) const override;
};

// The first value that a script gives to PRAGMA foreign_keys, which means the time before its transaction; -1: none.
[[nodiscard]] int foreign_keys_pragma(std::vector<Statement> const& statements);
// Does the script set PRAGMA defer_foreign_keys? Switching that off makes SQLite forget violations.
[[nodiscard]] bool defers_foreign_keys(std::vector<Statement> const& statements);

}  // namespace undrop::sqlite
