// Cluster: a throwaway PostgreSQL server (P10): a private folder with its data and its socket, no TCP, gone at the end. One thread.
//
// The folder carries a mark that says whose it is. What a killed run left is found by that mark, once its owner is gone, and removed by the
// next; the server itself ends with its owner where the system can see to that.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <undrop/result.hpp>

#include "open.hpp"

namespace undrop::postgres {

struct ClusterWish {
    int version = 0;        // major version at least
    std::string superuser;  // name of its first role
    std::string encoding = "UTF8";
    std::function<bool()> cancelled = {};
};

class Cluster {
public:
    virtual ~Cluster() = default;  // the quiet way to end()
    // Code::refused where no server program is found, or none that is new enough.
    [[nodiscard]] static Result<std::unique_ptr<Cluster>> start(ClusterWish const& wish);
    // Removes what killed runs left. Quiet: what cannot be removed stays for the next time.
    static void sweep();
    [[nodiscard]] virtual Parameters parameters() const = 0;  // as its superuser, database postgres
    [[nodiscard]] virtual Result<void> end() = 0;
};

}  // namespace undrop::postgres
