#include "archive.hpp"

#include <zstd.h>

#include <vector>

#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr std::size_t longest_line = (std::size_t{1} << 31) - (std::size_t{1} << 20);  // no database writes a row that long

}  // namespace

Error damaged(std::string const& why) {
    return Error{.code = Code::refused,
                 .left = Left::untouched,
                 .message = "this is no whole export of snapshots: " + why,
                 .next = {.command = "snapshots import FILE", .advice = "with a file that `undrop snapshots export` wrote, to its end"}};
}

struct ArchiveWriter::Stream {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    std::vector<char> out = std::vector<char>(ZSTD_CStreamOutSize());
    ~Stream() { ZSTD_freeCCtx(context); }
};

ArchiveWriter::ArchiveWriter(ByteSink const& sink) : sink_(sink), stream_(std::make_unique<Stream>()) {
    ZSTD_CCtx_setParameter(stream_->context, ZSTD_c_checksumFlag, 1);
}
ArchiveWriter::~ArchiveWriter() = default;

Result<void> ArchiveWriter::compress(std::string_view bytes, bool last) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    while (true) {
        ZSTD_outBuffer out{stream_->out.data(), stream_->out.size(), 0};
        auto const left = ZSTD_compressStream2(stream_->context, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left) != 0U) return Error{.message = std::string("zstd cannot compress: ") + ZSTD_getErrorName(left)};
        bytes_ += static_cast<std::int64_t>(out.pos);
        if (out.pos > 0) UNDROP_CHECK(sink_({stream_->out.data(), out.pos}));
        if (last ? left == 0 : in.pos == in.size) return success();
    }
}

Result<void> ArchiveWriter::line(std::string_view text) {
    digest_.add(text);
    digest_.add("\n");
    UNDROP_CHECK(compress(text, false));
    return compress("\n", false);
}

Result<void> ArchiveWriter::last_line(std::string_view text) {
    UNDROP_CHECK(compress(text, false));
    return compress("\n", true);
}

struct ArchiveReader::Stream {
    ZSTD_DCtx* context = ZSTD_createDCtx();
    std::string in;
    std::size_t at = 0;
    std::vector<char> out = std::vector<char>(ZSTD_DStreamOutSize());
    bool whole = false;  // the frame is complete
    ~Stream() { ZSTD_freeDCtx(context); }
};

ArchiveReader::ArchiveReader(ByteSource const& source) : source_(source), stream_(std::make_unique<Stream>()) {}
ArchiveReader::~ArchiveReader() = default;

// Decompresses some more; false at the end.
Result<bool> ArchiveReader::more() {
    auto& s = *stream_;
    while (true) {
        if (s.at == s.in.size()) {
            UNDROP_TRY(s.in, source_());
            s.at = 0;
            if (s.in.empty() && !s.whole) return damaged("it ends in the middle");
            if (s.in.empty()) return false;
        }
        if (s.whole) return damaged("something comes after its end");
        ZSTD_inBuffer in{s.in.data(), s.in.size(), s.at};
        ZSTD_outBuffer out{s.out.data(), s.out.size(), 0};
        auto const left = ZSTD_decompressStream(s.context, &out, &in);
        if (ZSTD_isError(left) != 0U) return damaged(std::string("zstd says: ") + ZSTD_getErrorName(left));
        s.at = in.pos;
        s.whole = left == 0;
        text_.append(s.out.data(), out.pos);
        if (out.pos > 0) return true;
    }
}

Result<std::optional<std::string_view>> ArchiveReader::line() {
    digest_.add(std::string_view(text_).substr(begin_, given_));
    begin_ += given_;
    given_ = 0;
    for (std::size_t searched = begin_;;) {
        auto const end = text_.find('\n', searched);
        if (end != std::string::npos) {
            given_ = end + 1 - begin_;
            return std::optional{std::string_view(text_).substr(begin_, end - begin_)};
        }
        text_.erase(0, begin_);  // only here: once for each piece, not for each line
        begin_ = 0;
        searched = text_.size();
        if (searched > longest_line) return damaged("a line has no end");
        UNDROP_TRY(bool const goes_on, more());
        if (goes_on) continue;
        if (!text_.empty()) return damaged("its last line has no end");
        return std::optional<std::string_view>{};
    }
}

}  // namespace undrop
