// Status codes and their reason phrases (RFC 9110 section 15, RFC 4918 section 11, RFC 6585). To answer with another
// one, add a row.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::http {

struct StatusRow {
    std::uint16_t status;
    std::string_view reason;
};

inline constexpr std::array statuses{
    StatusRow{200, "OK"},
    StatusRow{202, "Accepted"},
    StatusRow{204, "No Content"},
    StatusRow{207, "Multi-Status"},
    StatusRow{304, "Not Modified"},
    StatusRow{400, "Bad Request"},
    StatusRow{401, "Unauthorized"},
    StatusRow{403, "Forbidden"},
    StatusRow{404, "Not Found"},
    StatusRow{405, "Method Not Allowed"},
    StatusRow{408, "Request Timeout"},
    StatusRow{409, "Conflict"},
    StatusRow{413, "Content Too Large"},
    StatusRow{414, "URI Too Long"},
    StatusRow{415, "Unsupported Media Type"},
    StatusRow{417, "Expectation Failed"},
    StatusRow{422, "Unprocessable Content"},
    StatusRow{429, "Too Many Requests"},
    StatusRow{431, "Request Header Fields Too Large"},
    StatusRow{500, "Internal Server Error"},
    StatusRow{501, "Not Implemented"},
    StatusRow{503, "Service Unavailable"},
    StatusRow{505, "HTTP Version Not Supported"},
};

// Empty if the table does not have it: nobody may answer with it.
[[nodiscard]] constexpr std::string_view reason_of(std::uint16_t status) {
    for (const StatusRow& row : statuses)
        if (row.status == status) return row.reason;
    return {};
}

// A 204 and a 304 have neither a body nor a Content-Length (RFC 9110 sections 15.3.5, 15.4.5 and 8.6).
[[nodiscard]] constexpr bool has_body(std::uint16_t status) { return status != 204 && status != 304; }

}  // namespace sluice::http
