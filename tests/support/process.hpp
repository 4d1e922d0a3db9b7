// A program beside the test, that can be killed.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace undrop::test {

class Process {
public:
    // Output of both streams goes to `output`. `gate`: a pipe's reading end; the program begins when its last writer has closed it. -1:
    // none.
    Process(std::vector<std::string> const& words, std::string const& output, int gate = -1, int gates_writer = -1);
    ~Process();  // kills it where it still runs
    Process(Process const&) = delete;
    Process& operator=(Process const&) = delete;

    [[nodiscard]] bool ended();
    bool kill();               // SIGKILL; false: it had ended
    [[nodiscard]] int wait();  // its exit status; 128 and the signal where it was killed

private:
    pid_t pid_ = -1;
    bool waited_ = false;
    int status_ = 0;
};

}  // namespace undrop::test
