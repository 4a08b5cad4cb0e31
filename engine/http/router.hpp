// Router: path and method to endpoint. A table of a handful of exact paths; the first query character ends a path.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "engine/http/application.hpp"

namespace sluice::http {

enum class Endpoint : std::uint8_t { telemetry, health, ready, status, metrics, start, stop, reset };

struct Route {
    std::string_view path;
    Endpoint endpoint;
    bool takes_post;  // else GET, and with it HEAD
};

inline constexpr Route data_routes[]{
    {"/telemetry", Endpoint::telemetry, true},
    {"/health", Endpoint::health, false},
    {"/ready", Endpoint::ready, false},
};

inline constexpr Route admin_routes[]{
    {"/status", Endpoint::status, false}, {"/metrics", Endpoint::metrics, false}, {"/start", Endpoint::start, true},
    {"/stop", Endpoint::stop, true},      {"/reset", Endpoint::reset, true},      {"/health", Endpoint::health, false},
    {"/ready", Endpoint::ready, false},
};

[[nodiscard]] constexpr const Route* find_route(std::span<const Route> routes, std::string_view path) {
    for (const Route& route : routes)
        if (route.path == path) return &route;
    return nullptr;
}

// Nothing, with `reply` decided (405 with Allow), if the route does not take the request's method.
[[nodiscard]] inline std::optional<Endpoint> admit_method(const Route& route, parsers::Method method, Reply& reply) {
    using parsers::Method;
    if (route.takes_post ? method == Method::post : method == Method::get || method == Method::head)
        return route.endpoint;
    reply.set_refusal(Refusal::method_not_allowed);
    reply.allow = route.takes_post ? "POST" : "GET, HEAD";
    return std::nullopt;
}

}  // namespace sluice::http
