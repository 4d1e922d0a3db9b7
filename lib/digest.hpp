// SHA-256, by OpenSSL.
#pragma once

#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace undrop {

[[nodiscard]] std::string sha256_hex(std::string_view bytes);

// The same of bytes that come piece by piece.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(Sha256 const&) = delete;
    Sha256& operator=(Sha256 const&) = delete;
    void add(std::string_view bytes);
    [[nodiscard]] std::string hex();  // once, at the end

private:
    evp_md_ctx_st* context_;
};

}  // namespace undrop
