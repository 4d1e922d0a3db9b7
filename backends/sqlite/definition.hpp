// Definitions of tables as texts. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace undrop::sqlite {

// The same definition, in which this column may be NULL.
[[nodiscard]] std::string without_not_null(std::string const& definition, std::string_view column);

}  // namespace undrop::sqlite
