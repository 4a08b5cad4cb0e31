// AdminPort: takes the requests for admin endpoints that arrived at a data listener. The admin thread implements it;
// any thread may call it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/http/router.hpp"

namespace sluice {

class AdminPort {
  public:
    using OnAnswer = std::function<void(std::uint16_t status, http::ContentType type, std::string body)>;
    // Calls `on_answer` on the admin thread. False: too many requests wait already, and it will not be called.
    [[nodiscard]] virtual bool ask(http::Endpoint endpoint, OnAnswer on_answer) = 0;

  protected:
    ~AdminPort() = default;
};

}  // namespace sluice
