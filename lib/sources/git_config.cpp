#include "sources/git_config.hpp"

#include <algorithm>

#include "sources/common.hpp"
#include "try.hpp"

namespace undrop::sources {
namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;

class GitConfigReader {
public:
    explicit GitConfigReader(File const& file) : file_(file), text_(file.text) {
        if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
    }

    Result<GitConfig> read() {
        while (at_ < text_.size()) {
            char const c = text_[at_];
            if (is_blank(c) || c == '\n') {
                pass();
            } else if (c == '#' || c == ';') {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (c == '[') {
                UNDROP_CHECK(section());
            } else {
                UNDROP_CHECK(entry());
            }
        }
        return std::move(config_);
    }

private:
    static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v'; }

    char pass() {
        if (text_[at_] == '\n') ++line_;
        return text_[at_++];
    }

    [[nodiscard]] Error wrong(char const* message) const {
        return refused(message, file_.where, "correct the line, as `git config --file` would read it", line_);
    }

    // [core], [engine "pg"], and as it was once written: [engine.pg]
    Result<void> section() {
        auto const line_end = std::min(text_.find('\n', at_), text_.size());
        auto const name_end = text_.find_first_of("]\" \t", at_ + 1);
        if (name_end == std::string_view::npos || name_end >= line_end) return wrong("this [ is never closed");
        section_ = lower(text_.substr(at_ + 1, name_end - at_ - 1));
        subsection_.clear();
        if (auto const dot = section_.find('.'); dot != std::string::npos) {
            subsection_ = section_.substr(dot + 1);
            section_.resize(dot);
        }
        at_ = name_end;
        while (at_ < line_end && is_blank(text_[at_])) ++at_;
        if (at_ < line_end && text_[at_] == '"') {
            for (++at_; at_ < line_end && text_[at_] != '"'; ++at_) {
                if (text_[at_] == '\\' && at_ + 1 < line_end) ++at_;
                subsection_ += text_[at_];
            }
            ++at_;
        }
        if (at_ >= line_end || text_[at_] != ']') return wrong("this [ is never closed");
        ++at_;
        config_.entries_.push_back({section_, subsection_, {}, {}});
        return outcome::success();
    }

    Result<void> entry() {
        auto const end = std::min(text_.find_first_of("=\n#;", at_), text_.size());
        auto const key = lower(trimmed(text_.substr(at_, end - at_)));
        if (section_.empty()) return wrong("this stands before the first [section]");
        auto const usual = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
        if (key.empty() || !std::all_of(key.begin(), key.end(), usual)) return wrong("this is no KEY = VALUE");
        at_ = end;
        std::string text = "true";  // a key alone
        if (at_ < text_.size() && text_[at_] == '=') {
            ++at_;
            UNDROP_TRY(text, value());
        }
        config_.entries_.push_back({section_, subsection_, key, std::move(text)});
        return outcome::success();
    }

    // Up to the line's end. Blanks within stay, those around go, but for quoted ones.
    Result<std::string> value() {
        std::string text;
        std::size_t kept = 0;  // what stands in quotes keeps its blanks
        bool quoted = false;
        for (; at_ < text_.size() && text_[at_] != '\n';) {
            char const c = pass();
            if (c == '\\') {
                if (at_ < text_.size() && text_[at_] == '\r') ++at_;
                if (at_ == text_.size()) break;
                char const next = pass();
                if (next == '\n') continue;
                auto const known = std::string_view("\\\"ntb").find(next);
                if (known == std::string_view::npos) return wrong("git's configuration has no such escape");
                text += "\\\"\n\t\b"[known];
                kept = text.size();
            } else if (c == '"') {
                quoted = !quoted;
                kept = text.size();
            } else if (!quoted && (c == '#' || c == ';')) {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (quoted || !text.empty() || !is_blank(c)) {
                text += c;
                if (quoted) kept = text.size();
            }
        }
        if (quoted) return wrong("this quote is never closed");
        while (text.size() > kept && is_blank(text.back())) text.pop_back();
        return text;
    }

    File const& file_;
    std::string_view text_;
    std::size_t at_ = 0;
    int line_ = 1;
    std::string section_;
    std::string subsection_;
    GitConfig config_;
};

Result<GitConfig> GitConfig::read(File const& file) { return GitConfigReader(file).read(); }

std::optional<std::string> GitConfig::get(std::string_view section, std::string_view subsection, std::string_view key) const {
    auto const found = std::find_if(entries_.rbegin(), entries_.rend(), [&](Entry const& entry) {
        return entry.section == section && entry.subsection == subsection && entry.key == key;
    });
    return found == entries_.rend() ? std::nullopt : std::optional(found->value);
}

std::vector<std::string> GitConfig::all(std::string_view key) const {
    std::vector<std::string> values;
    for (auto const& entry : entries_)
        if (entry.key == key) values.push_back(entry.value);
    return values;
}

bool GitConfig::has_section(std::string_view section, std::string_view subsection) const {
    return std::any_of(entries_.begin(), entries_.end(),
                       [&](Entry const& entry) { return entry.section == section && entry.subsection == subsection; });
}

}  // namespace undrop::sources
