#include "support/relay.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <stdexcept>
#include <vector>

namespace undrop::test {
namespace {

sockaddr_un address_of(std::string const& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) throw std::runtime_error("too long for a socket: " + path);
    std::copy(path.begin(), path.end(), static_cast<char*>(address.sun_path));
    return address;
}

int connect_to(std::string const& path) {
    auto const socket_of_server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto const address = address_of(path);
    if (connect(socket_of_server, reinterpret_cast<sockaddr const*>(&address), sizeof(address)) == 0) return socket_of_server;
    close(socket_of_server);
    return -1;
}

std::map<std::string, std::string> parameters_of(std::string const& url) {
    std::map<std::string, std::string> found;
    auto* const options = PQconninfoParse(url.c_str(), nullptr);
    for (auto const* option = options; option && option->keyword; ++option)
        if (option->val) found[option->keyword] = option->val;
    PQconninfoFree(options);
    return found;
}

// A length of the protocol: four bytes, the highest first.
std::size_t length_at(std::string const& bytes, std::size_t at) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8U | static_cast<unsigned char>(bytes[at + i]);
    return length;
}

bool send_all(int to, std::string_view bytes) {
    while (!bytes.empty()) {
        auto const sent = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

// Query, Sync, CopyDone, CopyFail: the client waits for an answer after these.
bool wants_answer(char type) { return std::string_view("QScf").find(type) != std::string_view::npos; }
// CopyData, Terminate, a password, Flush; what belongs to a Sync waits for it.
bool passes_at_once(char type) { return std::string_view("dXpH").find(type) != std::string_view::npos; }

}  // namespace

struct Relay::Pair {
    Pair(int from, int to) : client(from), server(to) {}
    Pair(Pair const&) = delete;
    Pair& operator=(Pair const&) = delete;
    ~Pair() {
        close(client);
        close(server);
    }
    int client;
    int server;
    bool started = false;  // the first message has no type
    bool last = false;     // the answer that comes next is lost
    bool dead = false;
    std::string unsent;    // messages until a request is complete
    std::size_t read = 0;  // of these: looked at
    std::string answer;
};

Relay::Relay(std::string const& server_url) {
    auto const server = parameters_of(server_url);
    server_socket_ = server.at("host") + "/.s.PGSQL." + server.at("port");
    auto const path = directory_.path() + "/.s.PGSQL.5432";
    url_ = "postgresql:///" + server.at("dbname") + "?host=" + directory_.path() + "&port=5432&user=" + server.at("user");
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto const address = address_of(path);
    if (bind(listener_, reinterpret_cast<sockaddr const*>(&address), sizeof(address)) != 0 || listen(listener_, 16) != 0 ||
        pipe(static_cast<int*>(waker_)) != 0)
        throw std::runtime_error("no relay at " + path);
    thread_ = std::thread([this] { serve(); });
}

Relay::~Relay() {
    close(waker_[1]);
    thread_.join();
    close(waker_[0]);
    close(listener_);
}

void Relay::cut_at_commit(int which, Cut how) {
    cut_at(which, how);
    std::lock_guard const guard(mutex_);
    commits_ = true;
}

void Relay::cut_at(int request, Cut how) {
    std::lock_guard const guard(mutex_);
    commits_ = false;
    at_ = request;
    how_ = how;
    requests_ = 0;
    cut_ = false;
}

void Relay::mend() { cut_at(0, Cut::before); }

int Relay::requests() const {
    std::lock_guard const guard(mutex_);
    return requests_;
}

bool Relay::has_cut() const {
    std::lock_guard const guard(mutex_);
    return cut_;
}

void Relay::serve() {
    while (true) {
        std::vector<pollfd> all{{.fd = waker_[0], .events = POLLIN, .revents = 0}, {.fd = listener_, .events = POLLIN, .revents = 0}};
        for (auto const& pair : pairs_) {
            all.push_back({.fd = pair->client, .events = POLLIN, .revents = 0});
            all.push_back({.fd = pair->server, .events = POLLIN, .revents = 0});
        }
        if (poll(all.data(), all.size(), -1) < 0) continue;
        if (all[0].revents != 0) break;
        std::size_t i = 2;
        for (auto const& pair : pairs_) {
            if (all[i].revents != 0) from_client(*pair);
            if (all[i + 1].revents != 0 && !pair->dead) from_server(*pair);
            i += 2;
        }
        pairs_.remove_if([](auto const& pair) { return pair->dead; });
        if (all[1].revents != 0) let_in();
    }
    pairs_.clear();
}

void Relay::let_in() {
    auto const client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    auto const server = connect_to(server_socket_);
    auto pair = std::make_unique<Pair>(client, server);
    std::lock_guard const guard(mutex_);
    if (server >= 0 && !(cut_ && how_ == Cut::gone)) pairs_.push_back(std::move(pair));
}

// Where the message ends that begins where we have read to; nothing if it is not all there.
std::optional<std::size_t> Relay::next_message(Pair const& pair) const {
    auto const header = pair.started ? std::size_t{1} : std::size_t{0};
    if (pair.unsent.size() < pair.read + header + 4) return std::nullopt;
    auto const end = pair.read + header + length_at(pair.unsent, pair.read + header);
    return pair.unsent.size() < end ? std::nullopt : std::optional(end);
}

bool Relay::pass_request(Pair& pair, std::string_view message) {
    std::lock_guard const guard(mutex_);
    if (commits_ && message.find("COMMIT") == std::string_view::npos) return !(cut_ && how_ == Cut::gone);
    ++requests_;
    if (cut_ || at_ == 0 || requests_ != at_) return !(cut_ && how_ == Cut::gone);
    cut_ = true;
    pair.last = how_ == Cut::after;
    return how_ == Cut::after;
}

void Relay::from_client(Pair& pair) {
    std::array<char, 65536> buffer{};
    auto const count = recv(pair.client, buffer.data(), buffer.size(), 0);
    pair.dead = count <= 0;
    if (pair.dead) return;
    pair.unsent.append(buffer.data(), static_cast<std::size_t>(count));
    while (auto const end = next_message(pair)) {
        auto const type = pair.started ? pair.unsent[pair.read] : '\0';
        auto const is_request = !pair.started || wants_answer(type);
        pair.started = true;
        auto const message = std::string_view(pair.unsent).substr(pair.read, *end - pair.read);
        pair.read = *end;
        if (is_request && !pass_request(pair, message)) {
            pair.dead = true;
            return;
        }
        if (!is_request && !passes_at_once(type)) continue;
        pair.dead = !send_all(pair.server, std::string_view(pair.unsent).substr(0, *end));
        if (pair.dead) return;
        pair.unsent.erase(0, *end);
        pair.read = 0;
    }
}

// Of an answer that is to be lost only its end matters: ReadyForQuery, or CopyInResponse, after which the server waits.
void Relay::from_server(Pair& pair) {
    std::array<char, 65536> buffer{};
    auto const count = recv(pair.server, buffer.data(), buffer.size(), 0);
    pair.dead = count <= 0;
    if (pair.dead) return;
    std::string_view const bytes(buffer.data(), static_cast<std::size_t>(count));
    if (!pair.last) {
        pair.dead = !send_all(pair.client, bytes);
        return;
    }
    pair.answer += bytes;
    while (!pair.dead && pair.answer.size() >= 5 && pair.answer.size() > length_at(pair.answer, 1)) {
        pair.dead = pair.answer[0] == 'Z' || pair.answer[0] == 'G';
        pair.answer.erase(0, 1 + length_at(pair.answer, 1));
    }
}

}  // namespace undrop::test
