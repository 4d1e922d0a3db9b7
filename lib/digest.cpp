#include "digest.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace undrop {

namespace {

std::string hex_of(unsigned char const* digest, unsigned int length) {
    static char const* const digits = "0123456789abcdef";
    std::string hex;
    hex.reserve(2 * std::size_t{length});
    for (unsigned int i = 0; i < length; ++i) {
        hex += digits[digest[i] >> 4];
        hex += digits[digest[i] & 15];
    }
    return hex;
}

void require(bool fine) {
    if (!fine) throw std::runtime_error("undrop: OpenSSL has no SHA-256");
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    require(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) == 1);
    return hex_of(digest.data(), length);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) { require(EVP_DigestInit_ex(context_, EVP_sha256(), nullptr) == 1); }
Sha256::~Sha256() { EVP_MD_CTX_free(context_); }
void Sha256::add(std::string_view bytes) { require(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1); }

std::string Sha256::hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    require(EVP_DigestFinal_ex(context_, digest.data(), &length) == 1);
    return hex_of(digest.data(), length);
}

}  // namespace undrop
