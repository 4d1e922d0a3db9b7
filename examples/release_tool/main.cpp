// A release tool: shows what would be done, asks, and does exactly that. The same three steps as the command line takes:
// plan, approve, apply. If the database changes between the question and the answer, apply refuses.
//
//     release_tool URL DIRECTORY up|down [LABEL]
#include <iostream>
#include <string>

#include <undrop/undrop.hpp>

namespace {

int fail(undrop::Error const& error) {
    std::cerr << error.text() << '\n';
    return error.code == undrop::Code::refused || error.code == undrop::Code::conflict ? 3 : 1;
}

bool agreed() {
    std::cout << "Go on? [y/N] " << std::flush;
    std::string answer;
    return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

undrop::Result<undrop::Plan> make_plan(undrop::Target& target, undrop::Source const& source, bool up, undrop::Options const& options) {
    if (up) return undrop::plan_up(target, source, {}, options);
    undrop::Range range;  // one step, unless a label says which
    if (!options.label.empty()) range.label = options.label;
    return undrop::plan_down(target, source, range, options);
}

int release(char const* url, char const* directory, bool up, std::string const& label) {
    auto target = undrop::Target::open(url);
    if (!target) return fail(target.error());
    auto source = undrop::Source::directory(directory);
    if (!source) return fail(source.error());

    undrop::Options options;
    options.program = "release_tool";
    options.label = label;

    auto plan = make_plan(target.value(), source.value(), up, options);
    if (!plan) return fail(plan.error());
    std::cout << plan.value() << '\n';
    if (plan.value().steps.empty()) return 0;

    auto approved = undrop::approve(plan.value());  // the gate: a plan with a stop does not pass
    if (!approved) return fail(approved.error());
    if (!agreed()) {
        std::cout << "Nothing was done.\n";
        return 0;
    }
    auto report = undrop::apply(target.value(), approved.value(), options);
    if (!report) return fail(report.error());
    std::cout << report.value() << '\n';
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    std::string const direction = argc > 3 ? argv[3] : "";
    if (argc > 5 || (direction != "up" && direction != "down")) {
        std::cerr << "usage: release_tool URL DIRECTORY up|down [LABEL]\n";
        return 2;
    }
    return release(argv[1], argv[2], direction == "up", argc > 4 ? argv[4] : "");
}
