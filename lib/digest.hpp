// SHA-256, by OpenSSL.
#pragma once

#include <string>
#include <string_view>

namespace undrop {

[[nodiscard]] std::string sha256_hex(std::string_view bytes);

}  // namespace undrop
