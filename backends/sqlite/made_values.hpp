// Which values SQLite's columns take, by their declared types: for synthetic rows.
#pragma once

#include "sqlite/backend.hpp"
#include "synthetic.hpp"

namespace undrop::sqlite {

class MadeValues final : public ValueSource {
public:
    explicit MadeValues(SqliteBackend& backend) : backend_(backend) {}
    [[nodiscard]] Result<std::vector<MadeColumn>> columns(Table const& table) override;
    [[nodiscard]] Result<std::vector<ForeignKey>> foreign_keys(Table const& table) override;
    [[nodiscard]] std::string as_sql(std::string const& expression) const override { return "quote(" + expression + ")"; }
    [[nodiscard]] Result<bool> insert(std::string const& sql) override;

private:
    SqliteBackend& backend_;
};

}  // namespace undrop::sqlite
