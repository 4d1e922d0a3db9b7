#include "waived.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "names.hpp"
#include "try.hpp"

namespace undrop {

Result<std::map<std::string, std::vector<std::string>>> waived_by_version(Backend& backend, Ledger const& ledger) {
    // Most have let nothing go, and their reports need not be read.
    UNDROP_TRY(auto const rows, backend.store_rows(ledger.name(), fmt::format("select version, case when detail like '%\"waived\":[]%' and "
                                                                              "detail not like '%\"waived\":[\"%' then '' else detail end "
                                                                              "from {} where kind = 'applied' order by id",
                                                                              ledger.table(names::event))));
    std::map<std::string, std::vector<std::string>> found;
    for (auto const& row : rows) {
        auto& waived = found[row[0].value_or("")];
        waived.clear();
        auto const detail = nlohmann::json::parse(row[1].value_or(""), nullptr, false);
        if (!detail.is_object()) continue;
        for (auto const& step : detail.value("steps", nlohmann::json::array()))
            for (auto const& what : step.value("waived", nlohmann::json::array())) waived.push_back(what.get<std::string>());
    }
    std::erase_if(found, [](auto const& entry) { return entry.second.empty(); });
    return found;
}

}  // namespace undrop
