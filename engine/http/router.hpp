// Router: from a path and a method to what its owner calls a target. The owner fills the table at start-up; exact
// paths only. One owner thread: that of the server whose requests it leads.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/refusal.hpp"
#include "parsers/http/method.hpp"
#include "parsers/http/text.hpp"

namespace sluice::http {

// The methods that a path takes.
enum class Methods : std::uint8_t { get, post, get_and_post };  // GET goes with HEAD (RFC 9110 section 9.3.2)

struct Route {
    std::string_view path;  // static, in lower case
    Methods methods;
    std::uint16_t target;   // any number that the owner knows
    std::uint32_t listener_roles_mask = ~std::uint32_t{0};  // through which listeners: a bit for each role's number
};

// Where a path is that was asked for in vain: with another case, without slashes behind it, or on another listener.
struct Whereabouts {
    std::string_view path{};  // static; empty: nothing is like it
    bool is_on_other_listener = false;
};

// Why a request leads nowhere.
struct NoRoute {
    Refusal reason;           // not_found or method_not_allowed
    std::string_view allow{};  // value of Allow, with method_not_allowed
    Whereabouts where{};      // with not_found
};

// The mask of one role, an enumeration of the owner's with values below 32.
template <typename Role>
[[nodiscard]] constexpr std::uint32_t role_mask(Role role) {
    return std::uint32_t{1} << static_cast<unsigned>(role);
}

// Each path answers OPTIONS (RFC 9110 section 9.3.7).
[[nodiscard]] constexpr std::string_view allow_of(Methods methods) {
    switch (methods) {
        case Methods::get: return "GET, HEAD, OPTIONS";
        case Methods::post: return "POST, OPTIONS";
        case Methods::get_and_post: break;
    }
    return "GET, HEAD, POST, OPTIONS";
}
// What `OPTIONS *` is told: the methods that some path takes.
inline constexpr std::string_view allow_of_server = "GET, HEAD, POST, OPTIONS";

class Router {
  public:
    // A path has one row.
    void add(const Route& route) {
        for (const Route& other : routes_) CHECK(other.path != route.path);
        routes_.push_back(route);
    }

    // The route stays where it is until one is added. `listener_role_number`: of Request. A path that is not served
    // through that listener is not there.
    [[nodiscard]] std::expected<const Route*, NoRoute> find(std::string_view path, parsers::Method method,
                                                            std::uint8_t listener_role_number = 0) const {
        const Route* const route = at(path, listener_role_number);
        if (route == nullptr)
            return std::unexpected(NoRoute{Refusal::not_found, {}, whereabouts(path, mask_of(listener_role_number))});
        if (takes(route->methods, method)) return route;
        return std::unexpected(NoRoute{Refusal::method_not_allowed, allow_of(route->methods)});
    }
    // The same for any method. Null: there is none.
    [[nodiscard]] const Route* at(std::string_view path, std::uint8_t listener_role_number = 0) const {
        const std::uint32_t mask = mask_of(listener_role_number);
        for (const Route& route : routes_)
            if (route.path == path && (route.listener_roles_mask & mask) != 0) return &route;
        return nullptr;
    }

  private:
    [[nodiscard]] static std::uint32_t mask_of(std::uint8_t listener_role_number) {
        CHECK(listener_role_number < 32);
        return std::uint32_t{1} << listener_role_number;
    }
    [[nodiscard]] Whereabouts whereabouts(std::string_view path, std::uint32_t mask) const {
        while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
        for (const Route& route : routes_)
            if (parsers::equals_ignoring_case(path, route.path))
                return {route.path, (route.listener_roles_mask & mask) == 0};
        return {};
    }

    [[nodiscard]] static bool takes(Methods methods, parsers::Method method) {
        using parsers::Method;
        const bool is_get = method == Method::get || method == Method::head;
        return (is_get && methods != Methods::post) || (method == Method::post && methods != Methods::get);
    }

    std::vector<Route> routes_;
};

}  // namespace sluice::http
