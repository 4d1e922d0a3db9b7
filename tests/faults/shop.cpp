#include "faults/shop.hpp"

#include <fmt/format.h>

#include <chrono>

namespace undrop::test {

Writer::Writer(Connect connect, int first_id) : connect_(std::move(connect)), next_id_(first_id) {
    thread_ = std::thread([this] { go(); });
}

Writer::~Writer() {
    stop_ = true;
    thread_.join();
}

void Writer::go() {
    while (!stop_) {
        {
            auto const held = hold();
            auto const id = next_id_++;
            write(
                fmt::format("insert into item (id, name) values ({0}, 'new {0}')", id), [&] { inserted_.insert(id); },
                [&] { maybe_inserted_.insert(id); });
            auto const counter = id % (Shop::rows / 10) * 10 + 1;
            write(
                fmt::format("update item set counter = counter + 1 where id = {}", counter), [&] { ++counted_[counter]; },
                [&] { maybe_counted_.insert(counter); });
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

// A refusal changes nothing; where the connection is gone, nobody knows.
void Writer::write(std::string const& sql, std::function<void()> const& confirmed, std::function<void()> const& uncertain) {
    try {
        if (!session_) session_ = connect_();
    } catch (std::exception const&) {
        return;
    }
    try {
        session_->run(sql);
        ++writes_;
        confirmed();
    } catch (Refused const&) {
        try {
            (void)session_->rows("select 1");
        } catch (std::exception const&) {
            session_.reset();
            uncertain();
        }
    }
}

std::string Writer::lost(Session& session) {
    std::string problems;
    std::set<int> there;
    for (auto const& row : session.rows(fmt::format("select id from item where id > {}", Shop::rows))) there.insert(std::stoi(*row[0]));
    for (auto const id : maybe_inserted_)
        if (there.contains(id)) inserted_.insert(id);
    maybe_inserted_.clear();
    if (there != inserted_) problems += fmt::format("{} rows were inserted, {} are there; ", inserted_.size(), there.size());
    for (auto const& row : session.rows(fmt::format("select id, counter from item where id <= {} and id % 10 = 1", Shop::rows))) {
        auto const id = std::stoi(*row[0]);
        auto const count = std::stoi(*row[1]);
        if (maybe_counted_.contains(id) && count == counted_[id] + 1) counted_[id] = count;
        if (count != counted_[id]) problems += fmt::format("row {} was counted {} times and says {}; ", id, counted_[id], count);
    }
    maybe_counted_.clear();
    return problems;
}

Shop::Shop(Engine engine, std::string url, Connect connect, Way way) : url_(std::move(url)), connect_(std::move(connect)), way_(way) {
    auto const session = connect_();
    session->run(
        "create table item (id integer primary key, name text not null, state text not null default 'open', counter integer not null "
        "default 0, "
        "role text not null default 'viewer')");
    session->run(
        fmt::format("with recursive c(n) as (select 1 union all select n + 1 from c where n < {}) insert into item (id, name, role) "
                    "select n, 'item ' || n, 'role ' || (n % 7) from c",
                    rows));
    std::string const script = fmt::format(
        "update item set state = 'archived' where id % 3 = 0 and id <= {0};\ndelete from item where id % 50 = 0 and id <= {0};\nalter "
        "table "
        "item drop column role;\n",
        rows);
    if (way == Way::one_transaction) {
        files_.write("1_smaller.up.sql", script);
        files_.write("1_smaller.down.sql", "alter table item add column role text not null default 'viewer';\n");
    } else {
        auto const outside = engine == Engine::postgres ? "create index concurrently item_by_state on item (state);\n" : "vacuum;\n";
        files_.write("1_smaller.up.sql", "-- undrop: no-transaction\n" + script + outside);
    }
}

std::string Shop::wrong(Session& session, bool applied) const {
    std::string expected;
    for (int id = 1; id <= rows; ++id) {
        if (applied && id % 50 == 0) continue;
        expected += fmt::format("{}|item {}|{}", id, id, applied && id % 3 == 0 ? "archived" : "open");
        expected += applied ? "\n" : fmt::format("|role {}\n", id % 7);
    }
    try {
        auto const found =
            session.table(fmt::format("select id, name, state{} from item where id <= {} order by id", applied ? "" : ", role", rows));
        if (found + "\n" != expected) return "rows: " + difference(expected, found + "\n");
        if (applied) return {};
        auto const strange = session.count(fmt::format("select count(*) from item where id > {} and role <> 'viewer'", rows));
        return strange == 0 ? "" : fmt::format("{} new rows have no default; ", strange);
    } catch (Refused const& refused) {
        return std::string("the table is not as the ledger says: ") + refused.what();
    }
}

}  // namespace undrop::test
