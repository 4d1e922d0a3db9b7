#include "support/traffic.hpp"

#include <cstdio>
#include <stdexcept>
#include <utility>

namespace undrop::test {

Traffic::Traffic(std::string const& url, Heard heard) : heard_(std::move(heard)), connection_(PQconnectdb(url.c_str()), &PQfinish) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
    stream_ = fopencookie(this, "w", {.read = nullptr, .write = &Traffic::take, .seek = nullptr, .close = nullptr});
    if (!stream_) throw std::runtime_error("no stream for the trace");
    std::setvbuf(stream_, nullptr, _IOLBF, 1 << 16);
    PQtrace(connection_.get(), stream_);
    PQsetTraceFlags(connection_.get(), PQTRACE_SUPPRESS_TIMESTAMPS);
}

Traffic::~Traffic() {
    PQuntrace(connection_.get());
    std::fclose(stream_);
}

long Traffic::take(void* self, char const* bytes, std::size_t count) {
    auto& traffic = *static_cast<Traffic*>(self);
    for (auto const* at = bytes; at != bytes + count; ++at) {
        if (*at != '\n') {
            traffic.line_ += *at;
            continue;
        }
        auto const line = std::exchange(traffic.line_, {});
        if (line.starts_with("F\t") || line.starts_with("B\t")) traffic.heard_(line);  // not the further lines of a statement
    }
    return static_cast<long>(count);
}

bool is_statement(std::string const& line) {
    return line.starts_with("F\t") && (line.find("\tQuery\t") != std::string::npos || line.find("\tExecute\t") != std::string::npos);
}

bool is_answer(std::string const& line) { return line.starts_with("B\t") && line.find("\tReadyForQuery\t") != std::string::npos; }

}  // namespace undrop::test
