// The first steps of every request, on each listener: route → method → (authentication). Gate::check() goes on from
// here for the data listeners; the admin listener has no more.
#pragma once

#include <expected>
#include <string_view>

#include "engine/core/refusal.hpp"
#include "engine/http/application.hpp"
#include "engine/http/router.hpp"

namespace sluice {

struct NoEntrance {
    Refusal reason;
    std::string_view allow;  // value of Allow, with method_not_allowed
};

// The route of a request that may enter. The server's thread; `router` is not changed any more.
[[nodiscard]] inline std::expected<const http::Route*, NoEntrance> enter(const http::Router& router,
                                                                         const http::Request& request) {
    const auto route = router.find(request.path, request.head.method, request.listener_role_number);
    if (!route) return std::unexpected(NoEntrance{route.error().reason, route.error().allow});
    // Authentication comes here: before anything is told that depends on the state of the engine.
    return *route;
}

}  // namespace sluice
