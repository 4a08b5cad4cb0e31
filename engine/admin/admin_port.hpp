// AdminPort: takes requests for admin endpoints that arrived at a data listener. Implemented by the admin thread; any
// thread may call it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/http/router.hpp"

namespace sluice {

class AdminPort {
  public:
    using Answer = std::function<void(std::uint16_t status, http::ContentType type, std::string body)>;
    // `answer` is called on the admin thread. False: too many requests wait already, and it will not be called.
    [[nodiscard]] virtual bool ask(http::Endpoint endpoint, Answer answer) = 0;

  protected:
    ~AdminPort() = default;
};

}  // namespace sluice
