// Where the columns of a table stood, and which of them have to move for it to be so again. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "step.hpp"

namespace undrop {

using ColumnNames = std::vector<std::string>;

[[nodiscard]] ColumnNames names_of(Table const& table);

// The columns of a table before the opposite step, in order, where it recorded them: where it took or changed one. The table's name then.
[[nodiscard]] std::optional<ColumnNames> recorded_order(Opposite const& opposite, TableName const& table);

// What is there, in the recorded order; what was not recorded comes last, as it stands.
[[nodiscard]] ColumnNames as_recorded(ColumnNames const& there, ColumnNames const& recorded);

// What has to move behind all others, in this order, for `there` to become `wanted`: an end of `wanted`.
[[nodiscard]] ColumnNames to_move(ColumnNames const& there, ColumnNames const& wanted);

// What a way back does to a table's order, by what is there now and what is recorded; by the columns' names before the opposite step.
struct OrderAhead {
    ColumnNames last;    // come back, and would be behind others that stood behind them
    ColumnNames moved;   // these; in order
    ColumnNames wanted;  // all, once they are back
};
[[nodiscard]] OrderAhead order_ahead(Table const& now, Opposite const& opposite);

// What it takes to move columns, by what the catalog knows.
struct Move {
    ColumnNames columns;  // an end of the wanted order
    Catalog of_them;
    Catalog aside;  // what hangs on them, and steps aside; also generated ones of them
};
// A generated column that is computed from one that moves comes last as well, and with it all that stood behind it.
[[nodiscard]] Move plan_move(Catalog const& now, Table const& table, ColumnNames const& wanted, ColumnNames columns);
// P9: what cannot be moved or step aside, in words; empty: all can.
[[nodiscard]] std::string why_not(Move const& move, Table const& table);

}  // namespace undrop
