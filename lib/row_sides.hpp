// RowSides: a table's old rows (alias o) beside its present ones (alias t), as pieces of SQL; and which of them are one row.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rows.hpp"

namespace undrop {

// Values of such a type are filled up with blanks, which do not count (PostgreSQL's char(n)).
[[nodiscard]] bool is_padded(Column const& column);

[[nodiscard]] bool is_one_of(std::vector<std::string> const& names, std::string const& name);

class RowSides {
public:
    // `written`: condition on rows (alias t) that the script wrote; "" where that cannot be told.
    RowSides(Backend& backend, Ledger const& ledger, OldRowsTable const& old, Table const& now, KeptColumns const& kept,
             std::string const& written);

    // Decides what tells rows apart, and finds the rows that no key tells. `follow`: rows may have got another key, or have none.
    [[nodiscard]] Result<void> pair(bool follow, std::int64_t& next_id);
    [[nodiscard]] Result<void> forget();  // the working table

    // The columns, as they were before, that tell rows; empty: rows are told by the database, or by all that stays of them.
    [[nodiscard]] std::vector<std::string> const& key() const { return key_; }
    [[nodiscard]] bool paired() const { return !pairs_.empty(); }

    [[nodiscard]] Column const& column_now(std::string const& before) const;
    [[nodiscard]] std::string old_value(std::string const& name, std::string const& alias = "o") const;
    [[nodiscard]] std::string present(std::string const& before) const;  // saved
    [[nodiscard]] std::string differs(std::string const& name) const;
    [[nodiscard]] std::string image(std::vector<std::string> const& columns, bool of_old) const;
    [[nodiscard]] std::string from_now() const { return dialect_.own_rows(now_) + " as t"; }

    [[nodiscard]] std::vector<std::string> same() const;  // FROM items in which o and t are one row
    [[nodiscard]] std::string gone() const;               // FROM item with its condition: o is no more; without a key o.r counts equal ones
    [[nodiscard]] std::string made() const;               // FROM item with its condition: t was not

private:
    [[nodiscard]] std::string name_now(std::string const& before) const;
    [[nodiscard]] std::vector<std::string> kept_names() const;
    [[nodiscard]] std::string key_join(std::string const& old_alias = "o") const;
    [[nodiscard]] std::string is_known(std::string const& old_alias) const;  // condition: what became of the old row is in `pairs_`
    [[nodiscard]] std::string is_told(std::string const& old_alias) const;   // condition on it and t: they are one row by their key alone
    [[nodiscard]] bool only_keys_went() const;                               // a key that is gone was changed, rather than its row deleted
    [[nodiscard]] bool made_anew(std::string const& column) const;
    [[nodiscard]] std::string is_paired() const;  // condition on p and t
    [[nodiscard]] std::string no_longer_from() const;
    [[nodiscard]] std::string unpaired() const;    // FROM item: old rows that the database does not say what became of
    [[nodiscard]] std::string not_before() const;  // condition on t
    [[nodiscard]] bool follows_whole_rows() const;

    [[nodiscard]] Result<void> choose_key();
    [[nodiscard]] Result<bool> any(std::string const& from) const;
    [[nodiscard]] bool keys_dealt_out() const;
    [[nodiscard]] Result<void> pair_copied();
    [[nodiscard]] Result<void> pair_as_told();
    [[nodiscard]] Result<bool> pair_by_place();
    [[nodiscard]] Result<void> keep_moved_only();
    [[nodiscard]] Result<void> pair_by_unique();
    [[nodiscard]] Result<void> pair_by_rest();
    [[nodiscard]] Result<void> pair_moved();
    enum class Alike { beside_key, unnamed };
    [[nodiscard]] Result<std::vector<std::string>> alike(Alike which);
    [[nodiscard]] std::string named_places() const;
    [[nodiscard]] Result<void> pair_by(std::vector<std::string> const& columns, std::string const& then = "", std::string const& now = "",
                                       std::string const& condition = "");
    [[nodiscard]] Result<void> pair_by_order();
    [[nodiscard]] Result<void> pair_equal(std::string const& old_rows, std::string const& now_rows, std::string const& join);

    Backend& backend_;
    Dialect const& dialect_;
    Ledger const& ledger_;
    OldRowsTable const& old_;
    Table const& now_;
    KeptColumns const& kept_;
    std::string written_;
    std::vector<std::string> key_;
    bool by_key_ = false;  // the key has the values that it had, but for rows that an UPDATE gave another one
    // Which present row an old one has become: the old one's n, and the present one's row_id, or its key where it has none.
    std::string pairs_;
    std::vector<std::string> place_names_;
    std::vector<std::string> places_;  // over t
};

}  // namespace undrop
