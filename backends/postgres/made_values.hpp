// Which values PostgreSQL's types have: for synthetic rows.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "postgres_backend.hpp"
#include "synthetic.hpp"

namespace undrop::postgres {

// A type below its domains.
struct MadeType {
    std::string name;  // pg_type.typname, where it is in pg_catalog
    char kind = 'b';   // typtype; A: an array
    int modifier = -1;
    std::vector<std::string> labels;
    std::string element;  // of an array or a range: name and labels are its
    char element_kind = 'b';
    int attributes = 0;  // of a composite type
};

class MadeValues final : public ValueSource {
public:
    explicit MadeValues(PostgresBackend& backend) : backend_(backend) {}
    [[nodiscard]] Result<std::vector<MadeColumn>> columns(Table const& table) override;
    [[nodiscard]] Result<std::vector<ForeignKey>> foreign_keys(Table const& table) override;
    [[nodiscard]] std::string as_sql(std::string const& expression) const override;
    [[nodiscard]] Result<bool> insert(std::string const& sql) override;

private:
    [[nodiscard]] Result<std::map<std::string, std::vector<std::string>>> hints(Table const& table);
    PostgresBackend& backend_;
};

}  // namespace undrop::postgres
