// Archive: lines of text as one stream compressed by zstd, piece by piece, with the SHA-256 of what was compressed. docs/snapshots.md
// describes what the lines say.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <undrop/snapshots.hpp>

#include "digest.hpp"

namespace undrop {

class ArchiveWriter {
public:
    explicit ArchiveWriter(ByteSink const& sink);
    ~ArchiveWriter();
    ArchiveWriter(ArchiveWriter const&) = delete;
    ArchiveWriter& operator=(ArchiveWriter const&) = delete;

    [[nodiscard]] Result<void> line(std::string_view text);
    [[nodiscard]] std::string sha256() { return digest_.hex(); }  // of all lines so far; once
    [[nodiscard]] Result<void> last_line(std::string_view text);  // no part of the digest; ends the stream
    [[nodiscard]] std::int64_t bytes() const { return bytes_; }   // compressed

private:
    struct Stream;
    [[nodiscard]] Result<void> compress(std::string_view bytes, bool last);

    ByteSink const& sink_;
    std::unique_ptr<Stream> stream_;
    Sha256 digest_;
    std::int64_t bytes_ = 0;
};

class ArchiveReader {
public:
    explicit ArchiveReader(ByteSource const& source);
    ~ArchiveReader();
    ArchiveReader(ArchiveReader const&) = delete;
    ArchiveReader& operator=(ArchiveReader const&) = delete;

    // The next line, good until the one after it is read; nothing at the end. Code::refused for what is no such stream, or only a part of
    // one.
    [[nodiscard]] Result<std::optional<std::string_view>> line();
    [[nodiscard]] std::string sha256() { return digest_.hex(); }  // of all lines but the one that was read last; once

private:
    struct Stream;
    [[nodiscard]] Result<bool> more();

    ByteSource const& source_;
    std::unique_ptr<Stream> stream_;
    Sha256 digest_;
    std::string text_;  // decompressed, not yet given out from begin_ on
    std::size_t begin_ = 0;
    std::size_t given_ = 0;  // length of the line that was given out last, with its end
};

[[nodiscard]] Error damaged(std::string const& why);

}  // namespace undrop
