#include <undrop/target.hpp>

#include "backend.hpp"

namespace undrop {

Target::Target(std::unique_ptr<Backend> backend) : backend_(std::move(backend)) {}
Target::Target(Target&&) noexcept = default;
Target& Target::operator=(Target&&) noexcept = default;
Target::~Target() = default;

std::string Target::description() const { return backend_->description(); }

Result<void> Target::set_role(std::string const& role) { return backend_->set_role(role); }

}  // namespace undrop
