// The first steps of every request, on each listener: route → method. Gate::check() goes on from here for the data
// listeners, AdminGuard for the admin pages.
#pragma once

#include <expected>
#include <string_view>

#include "engine/core/check.hpp"
#include "engine/core/refusal.hpp"
#include "engine/http/application.hpp"
#include "engine/http/router.hpp"

namespace sluice {

using NoEntrance = http::NoRoute;

// Of a request that may enter.
struct Entrance {
    const http::Route* route = nullptr;  // null: an OPTIONS request
    std::string_view allow{};            // what that is told
};

// RFC 9110 section 9.3.7: of a path, or of the server where the target is `*`.
[[nodiscard]] inline std::expected<Entrance, NoEntrance> enter_options(const http::Router& router,
                                                                       const http::Request& request) {
    if (request.path == "*") return Entrance{nullptr, http::allow_of_server};
    const auto route = router.find(request.path, request.head.method, request.listener_role_number);
    CHECK(!route.has_value());  // no route takes OPTIONS by itself
    if (route.error().reason != Refusal::method_not_allowed) return std::unexpected(route.error());
    return Entrance{nullptr, route.error().allow};
}

// The server's thread; `router` is not changed any more.
[[nodiscard]] inline std::expected<Entrance, NoEntrance> enter(const http::Router& router,
                                                               const http::Request& request) {
    if (request.head.method == parsers::Method::options) return enter_options(router, request);
    const auto route = router.find(request.path, request.head.method, request.listener_role_number);
    if (!route) return std::unexpected(route.error());
    return Entrance{*route};
}

inline void answer_options(std::string_view allow, http::Response& response) {
    response.start(204, {});
    response.add_header("Allow", allow);
}

}  // namespace sluice
