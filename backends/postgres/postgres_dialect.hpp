// The SQL of PostgreSQL. Pure; const; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dialect.hpp"

namespace undrop::postgres {

[[nodiscard]] std::string quote_identifier(std::string_view identifier);  // always in quotes
[[nodiscard]] std::string quote_literal(std::string_view text);           // right under both settings of standard_conforming_strings

[[nodiscard]] Foreseen foresee(std::vector<Statement> const& statements);
[[nodiscard]] std::string forbidden(Statement const& statement);
[[nodiscard]] std::string forbidden_in_check(Statement const& statement);
[[nodiscard]] std::string one_way(Statement const& statement);
[[nodiscard]] std::string outlives(Statement const& statement);

// A saved composite value of a column with a reader.
[[nodiscard]] std::string read_attributes(Column const& column, std::string const& saved_text);

class PostgresDialect final : public Dialect {
public:
    [[nodiscard]] std::string quote(std::string_view identifier) const override;
    [[nodiscard]] std::string literal(std::string_view text) const override;
    [[nodiscard]] std::string relation(std::string_view schema, std::string_view name) const override;
    [[nodiscard]] std::string store(std::string_view ledger, std::string_view table) const override;

    [[nodiscard]] Result<std::vector<Statement>> split(Script const& script) const override;
    [[nodiscard]] Foreseen foresee(std::vector<Statement> const& statements) const override;
    [[nodiscard]] std::string forbidden(Statement const& statement) const override;
    [[nodiscard]] std::string forbidden_in_check(Statement const& statement) const override;
    [[nodiscard]] std::string one_way(Statement const& statement) const override;
    [[nodiscard]] std::string outlives(Statement const& statement) const override;
    [[nodiscard]] std::optional<Outside> outside(Statement const& statement) const override;
    [[nodiscard]] std::optional<Outside> may_commit(Statement const& statement) const override;
    [[nodiscard]] std::map<std::size_t, Outside> hoisted(std::vector<Statement> const& statements) const override;
    [[nodiscard]] bool sets_session(Statement const& statement) const override;

    [[nodiscard]] std::vector<std::string> harms(std::vector<Recorded> const& objects) const override;
    [[nodiscard]] std::string save(Column const& column, std::string const& value) const override;
    [[nodiscard]] std::vector<std::string> saved_forms(std::string const& text, std::string const& place) const override;
    [[nodiscard]] std::string load(Column const& column, std::string const& stored) const override;
    [[nodiscard]] std::string same(Column const& column, std::string const& a, std::string const& b) const override;
    [[nodiscard]] std::string image(std::vector<std::string> const& saved) const override;
    [[nodiscard]] std::string digest(std::string const& image) const override;
    [[nodiscard]] bool lasting_ids() const override { return true; }
    [[nodiscard]] std::string add_bare_column(Table const& table, Column const& column) const override;
    [[nodiscard]] std::string insert_overriding() const override;
    [[nodiscard]] std::string row_locator(Table const& table) const override;
    [[nodiscard]] std::string equal(Column const& column, std::string const& value, std::string const& stored) const override;
    [[nodiscard]] std::string as_column(Column const& column, std::string const& value) const override;
    [[nodiscard]] std::string row_id_type(Table const& table) const override;
    [[nodiscard]] std::string lasting_row_id(Table const&, std::string const&) const override { return {}; }
    [[nodiscard]] std::vector<RowPlace> row_places(Table const& table) const override;
    [[nodiscard]] std::vector<std::string> number_rows(Table const& table, std::string const& column,
                                                       std::string const& sequence) const override;
    [[nodiscard]] std::string row_id(Table const& table, std::string const& alias) const override;
    [[nodiscard]] std::string own_rows(Table const& table) const override;
    [[nodiscard]] std::string make_reader(Reader const& reader) const override;
    [[nodiscard]] std::string drop_reader(Reader const& reader) const override;
    [[nodiscard]] std::string merge_attributes(Column const& column, AttributeMerge const& merge) const override;
    [[nodiscard]] std::string shown(Column const& column, std::string const& saved) const override;
};

}  // namespace undrop::postgres
