// What is carried elsewhere: export and import.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <memory>

#include "checks.hpp"
#include "screen.hpp"
#include "session.hpp"
#include "snapshots.hpp"

namespace undrop::cli {
namespace {

constexpr std::size_t piece = 1U << 17U;

struct Given {
    std::string file;
    std::vector<std::int64_t> ids;
};

Error cannot(std::string const& what, std::string const& file) {
    return {.code = Code::failed,
            .message = fmt::format("{}: {}", what, std::strerror(errno)),
            .where = {.file = file},
            .next = {.advice = "name a file in a directory that is there, with room for it; or - for a pipe"}};
}

// A file, or for "-" a standard stream, that is closed with it.
class File {
public:
    explicit File(std::string name, int descriptor, bool ours) : name_(std::move(name)), descriptor_(descriptor), ours_(ours) {}
    File(File const&) = delete;
    File& operator=(File const&) = delete;
    ~File() {
        if (descriptor_ >= 0 && ours_) ::close(descriptor_);
        if (!keep_) ::unlink(name_.c_str());
    }

    // P8: nobody else reads it, and nothing that was there is overwritten.
    static std::unique_ptr<File> make(std::string const& name) {
        if (name == "-") {
            if (::isatty(STDOUT_FILENO) != 0)
                wrong_use("an export is no text for a terminal", {.command = "snapshots export FILE", .advice = "or a pipe behind `-`"});
            return std::make_unique<File>(name, STDOUT_FILENO, false);
        }
        int const descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (descriptor < 0 && errno == EEXIST)
            wrong_use(fmt::format("{} is there already", name), {.command = "snapshots export FILE", .advice = "give it another name"});
        if (descriptor < 0) throw Failure(cannot("this file cannot be made", name));
        auto file = std::make_unique<File>(name, descriptor, true);
        file->keep_ = false;
        return file;
    }

    static std::unique_ptr<File> open(std::string const& name) {
        if (name == "-") return std::make_unique<File>(name, STDIN_FILENO, false);
        int const descriptor = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
        if (descriptor < 0) throw Failure(cannot("this file cannot be read", name));
        return std::make_unique<File>(name, descriptor, true);
    }

    Result<void> write(std::string_view bytes) {
        while (!bytes.empty()) {
            auto const written = ::write(descriptor_, bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return cannot("the export cannot be written", name_);
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    }

    Result<std::string> read() {
        std::string bytes(piece, '\0');
        while (true) {
            auto const got = ::read(descriptor_, bytes.data(), bytes.size());
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return cannot("the export cannot be read", name_);
            bytes.resize(static_cast<std::size_t>(got));
            return bytes;
        }
    }

    void finish() {
        bool const on_disk = !ours_ || ::fsync(descriptor_) == 0 || errno == EINVAL;
        bool const closed = !ours_ || ::close(descriptor_) == 0;
        if (ours_) descriptor_ = -1;
        if (!on_disk || !closed) throw Failure(cannot("the export cannot be written", name_));
        keep_ = true;
    }

private:
    std::string name_;
    int descriptor_;
    bool ours_;
    bool keep_ = true;
};

int export_to(Session& session, Given const& given) {
    bool const piped = given.file == "-";
    if (piped && session.flags().json)
        wrong_use("standard output is the export's, and --json's", {.command = "snapshots export FILE --json"});
    auto target = session.open();
    auto const file = File::make(given.file);
    auto const done = export_snapshots(
                          target, [&](std::string_view bytes) { return file->write(bytes); }, given.ids, session.options())
                          .value();
    file->finish();
    if (session.flags().json) {
        say(to_json(done));
        return 0;
    }
    std::string text = done.target + "\n";
    for (auto const& info : done.snapshots) text += fmt::format("exported {}\n", line_of(info));
    text += fmt::format("{} of {} snapshots in {} bytes; SHA-256 of the content {}\n", thousands(done.rows) + " rows",
                        thousands(std::ssize(done.snapshots)), thousands(done.bytes), done.sha256);
    if (!session.flags().quiet && piped) remark(text);
    if (!session.flags().quiet && !piped) say(text);
    return 0;
}

int import_from(Session& session, Given const& given) {
    auto target = session.open();
    auto const file = File::open(given.file);
    auto const done = import_snapshots(
                          target, [&] { return file->read(); }, session.options())
                          .value();
    if (session.flags().json) {
        say(to_json(done));
        return 0;
    }
    std::string text = done.target + "\n";
    for (auto const& info : done.snapshots) text += fmt::format("imported {}\n", line_of(info));
    for (auto const& info : done.there) text += fmt::format("was there {}\n", line_of(info));
    if (done.snapshots.empty()) text += "Nothing was to be imported.\n";
    if (!session.flags().quiet) say(text);
    return 0;
}

}  // namespace

SnapshotVerb declare_export(CLI::App& app) {
    auto given = std::make_shared<Given>();
    app.add_option("file", given->file, "A new file, readable for nobody else; - is standard output")->required()->type_name("FILE|-");
    app.add_option("id", given->ids, "Of these only")->check(at_least_one())->type_name("ID");
    return [given](Session& session) { return export_to(session, *given); };
}

SnapshotVerb declare_import(CLI::App& app) {
    auto given = std::make_shared<Given>();
    app.add_option("file", given->file, "What `snapshots export` wrote; - is standard input")->required()->type_name("FILE|-");
    return [given](Session& session) { return import_from(session, *given); };
}

}  // namespace undrop::cli
