// The pages of the admin listener: path and method to what AdminService answers. To add one, add a row here and a case
// in AdminService::answer().
#pragma once

#include <array>
#include <cstdint>

#include "engine/http/router.hpp"

namespace sluice {

// The number of an enumerator is the target of its route. A reactor's gate takes numbers below Gate::format_target_min
// for pages.
enum class AdminPage : std::uint16_t { status, metrics, start, stop, reset, health, ready };

struct AdminPageRow {
    std::string_view path;
    http::Methods methods;
    AdminPage page;
    bool is_public = false;  // served on the data listeners, too
    bool is_scraped = false;  // served on admin.metrics_listen, too

    [[nodiscard]] http::Route route() const { return {path, methods, static_cast<std::uint16_t>(page)}; }
};

// What changes the state of the engine is a POST, so that following a link changes nothing.
inline constexpr std::array admin_pages{
    AdminPageRow{"/status", http::Methods::get, AdminPage::status},
    AdminPageRow{"/metrics", http::Methods::get, AdminPage::metrics, false, true},
    AdminPageRow{"/start", http::Methods::post, AdminPage::start},
    AdminPageRow{"/stop", http::Methods::post, AdminPage::stop},
    AdminPageRow{"/reset", http::Methods::post, AdminPage::reset},
    AdminPageRow{"/health", http::Methods::get, AdminPage::health, true, true},
    AdminPageRow{"/ready", http::Methods::get, AdminPage::ready, true, true},
};

// Needs no token.
[[nodiscard]] constexpr bool is_public(AdminPage page) {
    for (const AdminPageRow& row : admin_pages)
        if (row.page == page) return row.is_public;
    return false;
}

}  // namespace sluice
