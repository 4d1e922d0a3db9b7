#include "support/process.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

namespace undrop::test {

Process::Process(std::vector<std::string> const& words, std::string const& output, int gate, int gates_writer) {
    std::vector<char*> arguments;
    for (auto const& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("no process for " + words.front());
    if (pid_ > 0) return;
    auto const file = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    if (gates_writer >= 0) close(gates_writer);
    char nothing = 0;
    if (gate >= 0 && read(gate, &nothing, 1) != 0) _exit(126);
    execv(arguments[0], arguments.data());
    _exit(127);
}

Process::~Process() {
    if (waited_) return;
    ::kill(pid_, SIGKILL);
    (void)wait();
}

bool Process::ended() {
    if (!waited_) waited_ = waitpid(pid_, &status_, WNOHANG) == pid_;
    return waited_;
}

bool Process::kill() {
    if (ended()) return false;
    ::kill(pid_, SIGKILL);  // until it is waited for the number is its own
    return wait() == 128 + SIGKILL;
}

int Process::wait() {
    if (!waited_) waitpid(pid_, &status_, 0);
    waited_ = true;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
}

}  // namespace undrop::test
