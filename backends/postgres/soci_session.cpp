#include "soci_session.hpp"

#include <soci/soci.h>

#include <deque>
#include <vector>

#include "connection.hpp"

namespace undrop::postgres {

namespace {

namespace d = soci::details;

// An error of ours on its way through SOCI.
class Refusal : public soci::soci_error {
public:
    explicit Refusal(Error error) : soci::soci_error(error.message), error_(std::move(error)) {}
    [[nodiscard]] Error const& error() const { return error_; }

private:
    Error error_;
};

[[noreturn]] void unsupported(char const* what) { throw soci::soci_error(std::string("undrop's session knows no ") + what); }

std::string* text_of(void* data, d::exchange_type type) {
    if (type != d::x_stdstring) unsupported("type but std::string");
    return static_cast<std::string*>(data);
}

// What the exchange elements of one statement share.
struct Exchange {
    std::vector<Cell> parameters;
    Rows rows;
    std::size_t next = 0;  // the row after the current one
};

class Into : public d::standard_into_type_backend {
public:
    explicit Into(Exchange& exchange) : exchange_(exchange) {}
    void define_by_pos(int& position, void* data, d::exchange_type type) override {
        target_ = text_of(data, type);
        column_ = static_cast<std::size_t>(position++ - 1);
    }
    void pre_fetch() override {}
    void post_fetch(bool got_data, bool, soci::indicator* indicator) override {
        if (!got_data) return;
        auto const& row = exchange_.rows.at(exchange_.next - 1);
        if (column_ >= row.size()) unsupported("column of that number");
        *indicator = row[column_] ? soci::i_ok : soci::i_null;
        *target_ = row[column_].value_or("");
    }
    void clean_up() override {}

private:
    Exchange& exchange_;
    std::string* target_ = nullptr;
    std::size_t column_ = 0;
};

class Use : public d::standard_use_type_backend {
public:
    explicit Use(Exchange& exchange) : exchange_(exchange) {}
    void bind_by_pos(int& position, void* data, d::exchange_type type, bool) override {
        source_ = text_of(data, type);
        index_ = static_cast<std::size_t>(position++ - 1);
    }
    void bind_by_name(std::string const&, void*, d::exchange_type, bool) override { unsupported("named parameters"); }
    void pre_use(soci::indicator const* indicator) override {
        if (exchange_.parameters.size() <= index_) exchange_.parameters.resize(index_ + 1);
        if (indicator && *indicator == soci::i_null)
            exchange_.parameters[index_].reset();
        else
            exchange_.parameters[index_] = *source_;
    }
    void post_use(bool, soci::indicator*) override {}
    void clean_up() override {}

private:
    Exchange& exchange_;
    std::string const* source_ = nullptr;
    std::size_t index_ = 0;
};

class StatementBackend : public d::statement_backend {
public:
    explicit StatementBackend(Connection& connection) : connection_(connection) {}
    void alloc() override {}
    void clean_up() override { exchange_ = {}; }
    void prepare(std::string const& query, d::statement_type) override { query_ = query; }

    exec_fetch_result execute(int number) override {
        auto rows = connection_.rows(query_, exchange_.parameters);
        if (!rows.has_value()) throw Refusal(std::move(rows).error());
        exchange_.rows = std::move(rows).value();
        exchange_.next = 0;
        return number > 0 ? fetch(number) : ef_success;
    }
    exec_fetch_result fetch(int number) override {
        if (number != 1) unsupported("bulk exchange");
        if (exchange_.next >= exchange_.rows.size()) return ef_no_data;
        ++exchange_.next;
        return ef_success;
    }

    long long get_affected_rows() override { unsupported("count of affected rows"); }
    int get_number_of_rows() override { return static_cast<int>(exchange_.rows.size()); }
    std::string get_parameter_name(int) const override { return {}; }  // asked for while an error is on its way
    std::string rewrite_for_procedure_call(std::string const&) override { unsupported("procedure calls"); }
    int prepare_for_describe() override { unsupported("description of columns"); }
    void describe_column(int, soci::data_type&, std::string&) override { unsupported("description of columns"); }

    d::standard_into_type_backend* make_into_type_backend() override { return new Into(exchange_); }
    d::standard_use_type_backend* make_use_type_backend() override { return new Use(exchange_); }
    d::vector_into_type_backend* make_vector_into_type_backend() override { unsupported("bulk exchange"); }
    d::vector_use_type_backend* make_vector_use_type_backend() override { unsupported("bulk exchange"); }

private:
    Connection& connection_;
    std::string query_;
    Exchange exchange_;
};

class SessionBackend : public d::session_backend {
public:
    explicit SessionBackend(Connection& connection) : connection_(connection) {}
    bool is_connected() override { return !connection_.lost(); }
    void begin() override { unsupported("transactions"); }
    void commit() override { unsupported("transactions"); }
    void rollback() override { unsupported("transactions"); }
    std::string get_dummy_from_table() const override { return {}; }
    std::string get_backend_name() const override { return "undrop-postgresql"; }
    d::statement_backend* make_statement_backend() override { return new StatementBackend(connection_); }
    d::rowid_backend* make_rowid_backend() override { unsupported("row ids"); }
    d::blob_backend* make_blob_backend() override { unsupported("blobs"); }

private:
    Connection& connection_;
};

class Factory : public soci::backend_factory {
public:
    explicit Factory(Connection& connection) : connection_(connection) {}
    d::session_backend* make_session(soci::connection_parameters const&) const override { return new SessionBackend(connection_); }

private:
    Connection& connection_;
};

// The one guard: nothing that SOCI throws goes further. Its own what() would show parameters (P8).
template <class Work>
Result<Rows> guarded(Work&& work) {
    try {
        return work();
    } catch (Refusal const& refusal) {
        return refusal.error();
    } catch (soci::soci_error const& error) {
        return Error{
            .code = Code::failed, .message = "SOCI could not run a statement of undrop's own", .native = error.get_error_message()};
    }
}

// A cell as SOCI exchanges it.
struct Slot {
    std::string text;
    soci::indicator indicator = soci::i_null;
};

Rows exchanged(soci::session& session, std::string const& sql, std::span<Cell const> parameters, int columns) {
    std::deque<Slot> in;
    std::deque<Slot> out(static_cast<std::size_t>(columns));
    for (auto const& cell : parameters) in.push_back({cell.value_or(""), cell ? soci::i_ok : soci::i_null});
    soci::statement statement(session);
    for (auto& slot : in) statement.exchange(soci::use(slot.text, slot.indicator));
    for (auto& slot : out) statement.exchange(soci::into(slot.text, slot.indicator));
    statement.alloc();
    statement.prepare(sql);
    statement.define_and_bind();
    Rows rows;
    for (bool got = statement.execute(true); got && columns > 0; got = statement.fetch()) {
        auto& row = rows.emplace_back();
        for (auto const& slot : out) row.push_back(slot.indicator == soci::i_null ? Cell() : Cell(slot.text));
    }
    return rows;
}

}  // namespace

struct SociSession::Impl {
    explicit Impl(Connection& connection) : factory(connection) {}
    Factory factory;        // outlives the session
    soci::session session;  // opened with the first query
    bool open = false;
};

SociSession::SociSession(Connection& connection) : impl_(std::make_unique<Impl>(connection)) {}
SociSession::~SociSession() = default;

Result<Rows> SociSession::query(std::string const& sql, std::span<Cell const> parameters, int columns) {
    return guarded([&]() -> Result<Rows> {
        if (!impl_->open) impl_->session.open(impl_->factory, "");
        impl_->open = true;
        return exchanged(impl_->session, sql, parameters, columns);
    });
}

}  // namespace undrop::postgres
