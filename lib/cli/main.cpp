#include "program.hpp"

int main(int argc, char** argv) { return undrop::cli::run(argc, argv); }
