// AdminPort: takes the requests for admin endpoints that arrived at a data listener. The admin thread implements it;
// any thread may call it.
#pragma once

#include <functional>

#include "engine/admin/admin_pages.hpp"
#include "engine/admin/answer.hpp"

namespace sluice {

class AdminPort {
  public:
    using OnAnswer = std::function<void(AdminAnswer answer)>;
    // Calls `on_answer` on the admin thread. False: too many requests wait already, and it will not be called.
    // Nor is it called if the admin thread ends before it comes to the request. It must not block: everything else that
    // the admin thread has to answer waits for it.
    [[nodiscard]] virtual bool ask(AdminPage page, OnAnswer on_answer) = 0;

  protected:
    ~AdminPort() = default;
};

}  // namespace sluice
