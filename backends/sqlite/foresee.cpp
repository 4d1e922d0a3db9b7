// What a script's text says that it will do to tables. A guess: the look tells the truth.
#include <algorithm>

#include "sqlite/dialect.hpp"
#include "sqlite/tokens.hpp"

namespace undrop::sqlite {
namespace {

using Touch = Foreseen::Touch;

// Reads one statement's words from the left.
class Reader {
public:
    explicit Reader(std::string const& sql) : words_(tokens(sql)) {}

    [[nodiscard]] bool done() const { return at_ >= words_.size(); }
    [[nodiscard]] bool sees(std::string_view keyword) const { return !done() && words_[at_].is(keyword); }
    bool take(std::string_view keyword) {
        bool const found = sees(keyword);
        if (found) ++at_;
        return found;
    }
    std::string name() { return done() || !words_[at_].is_name() ? std::string{} : words_[at_++].text; }
    void skip() { ++at_; }

    // [schema.]table. Only the main schema has rows that a step may lose; a temporary table is nobody's.
    Touch table(Touch::Kind kind) {
        Touch touch{.kind = kind, .schema = {}, .table = name(), .column = {}};
        if (!done() && words_[at_].text == ".") {
            ++at_;
            touch.schema = lower(touch.table) == "main" ? "" : touch.table;
            touch.table = name();
        }
        return touch;
    }

    // Goes on to the first of the keywords that is not inside parentheses.
    bool find(std::initializer_list<std::string_view> keywords) {
        int depth = 0;
        for (; !done(); ++at_) {
            auto const& word = words_[at_];
            if (word.kind == Token::Kind::other && word.text == "(") ++depth;
            if (word.kind == Token::Kind::other && word.text == ")") --depth;
            if (depth == 0 && std::any_of(keywords.begin(), keywords.end(), [&](auto keyword) { return word.is(keyword); })) return true;
        }
        return false;
    }

private:
    std::vector<Token> words_;
    std::size_t at_ = 0;
};

Touch alter_table(Reader& reader) {
    auto touch = reader.table(Touch::Kind::alter);
    if (reader.take("DROP")) {
        reader.take("COLUMN");
        touch.kind = Touch::Kind::drop_column;
        touch.column = reader.name();
    }
    return touch;
}

void add(Foreseen& seen, Touch touch) {
    if (!touch.table.empty() && lower(touch.schema) != "temp") seen.touches.push_back(std::move(touch));
}

// INSERT OR REPLACE, REPLACE and ON CONFLICT .. DO UPDATE write over rows; a plain INSERT does not.
void write(Foreseen& seen, Reader& reader) {
    if (reader.take("UPDATE")) {
        if (reader.take("OR")) reader.skip();
        add(seen, reader.table(Touch::Kind::rewrite_rows));
    } else if (reader.take("DELETE")) {
        reader.take("FROM");
        add(seen, reader.table(Touch::Kind::rewrite_rows));
    } else {
        bool replaces = reader.take("REPLACE");
        if (!replaces && reader.take("INSERT") && reader.take("OR")) {
            replaces = reader.sees("REPLACE");
            reader.skip();
        }
        reader.take("INTO");
        auto touch = reader.table(Touch::Kind::rewrite_rows);
        while (!replaces && reader.find({"DO"})) {
            reader.skip();
            replaces = reader.sees("UPDATE");
        }
        if (replaces) add(seen, std::move(touch));
    }
}

void look(Foreseen& seen, Reader reader) {
    if (reader.take("DROP")) {
        bool const body = reader.take("VIEW") || reader.take("TRIGGER");
        if (!body && !reader.take("TABLE")) return;
        if (reader.take("IF")) reader.take("EXISTS");
        auto touch = reader.table(Touch::Kind::drop_table);
        if (body)
            seen.bodies.push_back({touch.schema, touch.table});
        else
            add(seen, std::move(touch));
    } else if (reader.take("ALTER")) {
        if (reader.take("TABLE")) add(seen, alter_table(reader));
    } else if (reader.take("CREATE")) {
        if (!reader.take("TABLE")) return;
        if (reader.take("IF") && reader.take("NOT")) reader.take("EXISTS");
        add(seen, reader.table(Touch::Kind::create));
    } else if (!reader.sees("WITH") || reader.find({"UPDATE", "DELETE", "INSERT", "REPLACE"})) {
        if (reader.sees("UPDATE") || reader.sees("DELETE") || reader.sees("INSERT") || reader.sees("REPLACE")) write(seen, reader);
    }
}

}  // namespace

Foreseen SqliteDialect::foresee(std::vector<Statement> const& statements) const {
    Foreseen seen;
    for (auto const& statement : statements) look(seen, Reader(statement.text));
    return seen;
}

}  // namespace undrop::sqlite
