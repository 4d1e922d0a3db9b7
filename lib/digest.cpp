#include "digest.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace undrop {

std::string sha256_hex(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("undrop: OpenSSL has no SHA-256");
    static char const* const digits = "0123456789abcdef";
    std::string hex;
    hex.reserve(2 * std::size_t{length});
    for (unsigned int i = 0; i < length; ++i) {
        hex += digits[digest[i] >> 4];
        hex += digits[digest[i] & 15];
    }
    return hex;
}

}  // namespace undrop
