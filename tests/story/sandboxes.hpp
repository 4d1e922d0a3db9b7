// A sandbox that a test looks into itself.
#pragma once

#include <memory>
#include <string>

#include "backend.hpp"
#include "sandbox.hpp"
#include "story/story.hpp"

namespace undrop::test {

class Looked {
public:
    Looked(std::string const& url, SandboxWish const& wish) : target_(Target::open(url).value()) {
        auto made = target_.backend().make_sandbox(wish);
        if (made)
            sandbox_ = std::move(made).value();
        else
            error_ = made.error();
    }
    [[nodiscard]] Sandbox& sandbox() {
        REQUIRE_MESSAGE(sandbox_, error_.text());
        return *sandbox_;
    }
    [[nodiscard]] Error const& error() const {
        REQUIRE_FALSE(sandbox_);
        return error_;
    }
    // Cells by |, rows by a newline.
    [[nodiscard]] std::string table(std::string const& sql) {
        auto const rows = sandbox().backend().rows(sql);
        REQUIRE_MESSAGE(rows, rows.error().text());
        std::string out;
        for (auto const& row : rows.value()) {
            if (!out.empty()) out += '\n';
            for (std::size_t i = 0; i < row.size(); ++i) out += (i > 0 ? "|" : "") + row[i].value_or("NULL");
        }
        return out;
    }
    [[nodiscard]] std::int64_t count(std::string const& sql) { return std::stoll(table(sql)); }
    [[nodiscard]] Result<void> end() { return sandbox().end(); }

private:
    Target target_;
    std::unique_ptr<Sandbox> sandbox_;
    Error error_;
};

}  // namespace undrop::test
