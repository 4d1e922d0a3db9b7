// Result<T>: what every fallible call of undrop gives back, and the Error in it.
//
// Values; any thread. No exception crosses the API, with one exception that the caller asks for:
// Result::value() on an error throws undrop::Failure, whose what() is the error's full text.
#pragma once

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/base.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <undrop/difference.hpp>
#include <undrop/export.hpp>

namespace undrop {

// Named after the caller's next move.
enum class Code {
    usage,       // the call itself is wrong: change the call
    refused,     // change the migration, or acknowledge what it says
    conflict,    // the database is no longer what the plan was made for: plan again
    busy,        // someone else holds a lock: call again later
    failed,      // the database said no, or cannot be reached
    in_doubt,    // the connection was lost in COMMIT: ask status
    interrupted  // Options::cancelled said so
};

// What the database is like now.
enum class Left {
    untouched,    // nothing was sent that changes anything
    rolled_back,  // a step began and was taken back whole
    changed,      // earlier steps of the run stay committed; or a step in parts is in progress, as status says
    unknown       // only with Code::in_doubt
};

// A place in a script: 1-based line and column (columns count characters); line 0: the whole file.
struct Place {
    std::string file;
    int line = 0;
    int column = 0;
};

// What to do next: a verb of the command line with its arguments, or just advice.
struct Next {
    std::string command = {};  // without the program's name, e.g. "accept 20250101000000"; may be empty
    std::string advice = {};   // lower case, no full stop; may be empty
};

struct UNDROP_EXPORT Error {
    Code code = Code::failed;
    Left left = Left::untouched;
    std::string message;      // what and why, lower case, no full stop; never a password, never a row's value
    Place where = {};         // the author's line, where there is one
    std::string native = {};  // the database's own words, with SQLSTATE or result code
    Next next = {};
    std::vector<std::string> trail = {};             // what was being done, outermost first
    std::vector<ObjectDifference> differences = {};  // what the message is about, where that is objects that are not what they were

    // The whole error as people read it, several lines, no final newline.
    [[nodiscard]] std::string text() const;
};

// Thrown by Result::value() on an error, and by nothing else.
class UNDROP_EXPORT Failure : public std::exception {
public:
    explicit Failure(Error error);
    [[nodiscard]] char const* what() const noexcept override { return text_.c_str(); }
    [[nodiscard]] Error const& error() const noexcept { return error_; }

private:
    Error error_;
    std::string text_;
};

namespace detail {

struct ThrowFailure : BOOST_OUTCOME_V2_NAMESPACE::policy::base {
    template <class Impl>
    static constexpr void wide_value_check(Impl&& self) {
        if (!base::_has_value(std::forward<Impl>(self))) throw Failure(base::_error(self));
    }
    template <class Impl>
    static constexpr void wide_error_check(Impl&& self) {
        if (!base::_has_error(std::forward<Impl>(self))) throw std::logic_error("undrop: error() asked of a success");
    }
    template <class Impl>
    static constexpr void wide_exception_check(Impl&&) {}
};

}  // namespace detail

template <class T>
using Result = BOOST_OUTCOME_V2_NAMESPACE::basic_result<T, Error, detail::ThrowFailure>;

[[nodiscard]] UNDROP_EXPORT char const* name_of(Code code);
[[nodiscard]] UNDROP_EXPORT char const* name_of(Left left);

}  // namespace undrop

// Error is an error type to Outcome, so `return Error{...};` makes a failed Result.
BOOST_OUTCOME_V2_NAMESPACE_BEGIN
namespace trait {
template <>
struct is_error_type<::undrop::Error> {
    static constexpr bool value = true;
};
}  // namespace trait
BOOST_OUTCOME_V2_NAMESPACE_END
