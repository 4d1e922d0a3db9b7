#include "rehearsal_data.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <optional>

#include "screen.hpp"

namespace undrop::cli {
namespace {

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size()) return {};
    return value;
}

std::optional<DataMode> mode_named(std::string_view name) {
    for (auto const mode : {DataMode::schema, DataMode::synthetic, DataMode::sample, DataMode::full})
        if (name == name_of(mode)) return mode;
    return {};
}

// Names may stand in quotes, as in SQL.
Mask mask_of(std::string const& text) {
    std::vector<std::string> names{""};
    std::size_t equals = std::string::npos;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size() && equals == std::string::npos; ++i) {
        bool const starts = names.back().empty() && (i == 0 || text[i - 1] == '.');
        if (text[i] == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"')
            names.back() += text[i++];
        else if (text[i] == '"' && (quoted || starts))
            quoted = !quoted;
        else if (text[i] == '.' && !quoted)
            names.emplace_back();
        else if (text[i] == '=' && !quoted)
            equals = i;
        else
            names.back() += text[i];
    }
    auto const column = names.back();
    names.pop_back();
    auto const table = fmt::format("{}", fmt::join(names, "."));
    if (equals == std::string::npos || table.empty() || column.empty() || equals + 1 == text.size())
        wrong_use(fmt::format("--mask {} is no mask", text),
                  {.command = "rehearse --data sample --mask \"users.email='user' || id\"", .advice = "It is TABLE.COLUMN=EXPRESSION."});
    return {.table = table, .column = column, .expression = text.substr(equals + 1)};
}

}  // namespace

CLI::Option* declare_data(CLI::App& app, DataGiven& given) {
    app.add_option("--seed", given.seed, "With --data synthetic: other rows")->type_name("N");
    app.add_option("--mask", given.masks, "With --data sample or full: a column's values are replaced while they are read")
        ->type_name("TABLE.COLUMN=EXPRESSION");
    return app
        .add_option("--data", given.mode, "On the database's schema: empty, with made rows, with some of its rows, with all; else empty")
        ->type_name("schema|synthetic[:N]|sample[:N]|full");
}

RehearsalData data_of(DataGiven const& given) {
    RehearsalData data;
    if (!given.mode.empty()) {
        auto const colon = given.mode.find(':');
        auto const mode = mode_named(std::string_view(given.mode).substr(0, colon));
        if (!mode)
            wrong_use(fmt::format("--data {} is not known", given.mode),
                      {.command = "rehearse --data sample", .advice = "There are schema, synthetic, sample and full."});
        data.mode = *mode;
        if (colon != std::string::npos) {
            bool const counts = data.mode == DataMode::synthetic || data.mode == DataMode::sample;
            auto const rows = number<std::int64_t>(std::string_view(given.mode).substr(colon + 1));
            if (!counts || !rows || *rows <= 0)
                wrong_use(fmt::format("--data {}: a number of rows, from 1 on, goes with synthetic and sample", given.mode),
                          {.command = "rehearse --data sample:1000"});
            data.rows = *rows;
        }
    }
    if (!given.seed.empty()) {
        auto const seed = number<std::uint64_t>(given.seed);
        if (!seed || data.mode != DataMode::synthetic)
            wrong_use("--seed is a number, and of --data synthetic", {.command = "rehearse --data synthetic --seed 2"});
        data.seed = *seed;
    }
    for (auto const& mask : given.masks) data.masks.push_back(mask_of(mask));
    if (!data.masks.empty() && data.mode != DataMode::sample && data.mode != DataMode::full)
        wrong_use("--mask is for the database's own rows, and goes with --data sample or full",
                  {.command = "rehearse --data sample --mask TABLE.COLUMN=EXPRESSION"});
    return data;
}

}  // namespace undrop::cli
