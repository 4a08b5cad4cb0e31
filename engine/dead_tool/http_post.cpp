#include "engine/dead_tool/http_post.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>

#include "engine/core/descriptor.hpp"
#include "engine/core/host_port.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/lower_case.hpp"

namespace sluice::dead_tool {
namespace {

constexpr timeval patience{.tv_sec = 30, .tv_usec = 0};  // of each step; more than ack_timeout by default

struct FreeAddresses {
    void operator()(addrinfo* addresses) const { ::freeaddrinfo(addresses); }
};

std::expected<Descriptor, std::string> connect_to(const HttpTarget& target) {
    const std::string name = join_host_port(target.host, target.port);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int fault = ::getaddrinfo(target.host.c_str(), std::to_string(target.port).c_str(), &hints, &found);
    if (fault != 0) return std::unexpected(name + ": " + ::gai_strerror(fault));
    const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
    int error = EHOSTUNREACH;
    for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
        Descriptor socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!socket.is_open()) return std::unexpected(name + ": " + std::strerror(errno));
        static_cast<void>(::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
        static_cast<void>(::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience));
        if (::connect(socket.get(), address->ai_addr, address->ai_addrlen) == 0) return socket;
        error = errno;
    }
    return std::unexpected(name + ": " + std::strerror(error));
}

std::string rendered(const HttpTarget& target, const HttpPost& post) {
    std::string text = "POST " + post.path + " HTTP/1.1\r\nHost: " + join_host_port(target.host, target.port) + "\r\n";
    for (const auto& [name, value] : post.headers) text.append(name).append(": ").append(value).append("\r\n");
    text += "Content-Length: " + std::to_string(post.body.size()) + "\r\nConnection: close\r\n\r\n";
    return text + post.body;
}

bool send_all(int socket, std::string_view text) {
    while (!text.empty()) {  // ends: each turn sends something, or fails
        const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

// All of `text` as digits.
template <typename Number>
std::optional<Number> number_of(std::string_view text) {
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_number = error == std::errc{} && end == text.data() + text.size();
    return is_number ? std::optional(number) : std::nullopt;
}

}  // namespace

std::expected<HttpTarget, std::string> parse_target(std::string_view url) {
    constexpr std::string_view scheme = "http://";
    const auto fault = std::unexpected(std::string("--to takes http://host:port, without a path"));
    if (!url.starts_with(scheme)) return fault;
    url.remove_prefix(scheme.size());
    if (url.ends_with('/')) url.remove_suffix(1);
    if (url.empty() || url.contains('/') || url.contains('@')) return fault;
    const auto parts = split_host_port(url);
    const auto port = parts && parts->port ? parse_port(*parts->port) : std::optional<std::uint16_t>(80);
    if (!parts || !port || parts->host.empty()) return fault;
    return HttpTarget{std::string(parts->host), *port};
}

std::optional<HttpAnswer> parse_answer(std::string_view text) {
    constexpr std::string_view begin = "HTTP/1.1 ", line_end = "\r\n";
    const std::size_t head_end = text.find("\r\n\r\n");
    if (!text.starts_with(begin) || head_end == std::string_view::npos) return std::nullopt;
    HttpAnswer answer;
    const auto status = number_of<int>(text.substr(begin.size(), 3));
    if (!status) return std::nullopt;
    answer.status = *status;
    std::optional<std::size_t> length;
    std::string_view lines = text.substr(0, head_end + line_end.size());
    for (lines.remove_prefix(lines.find(line_end) + line_end.size()); !lines.empty();) {  // ends: a line each turn
        const std::string_view line = lines.substr(0, lines.find(line_end));
        lines.remove_prefix(line.size() + line_end.size());
        const std::size_t colon = std::min(line.find(':'), line.size());
        const std::string name = lower_case(line.substr(0, colon));
        std::string_view value = line.substr(std::min(colon + 1, line.size()));
        while (value.starts_with(' ')) value.remove_prefix(1);
        if (name == "sluice-ack") answer.ack = value;
        if (name == "content-length") length = number_of<std::size_t>(value);
    }
    const std::string_view body = text.substr(head_end + 2 * line_end.size());
    if (body.size() != length.value_or(0)) return std::nullopt;
    answer.body = body;
    return answer;
}

std::expected<HttpAnswer, std::string> send_post(const HttpTarget& target, const HttpPost& post) {
    constexpr std::size_t answer_bytes_max = 64 * limits::kib;  // to one record: an engine's has some hundred
    const auto socket = connect_to(target);
    if (!socket) return std::unexpected(socket.error());
    const std::string name = join_host_port(target.host, target.port);
    if (!send_all(socket->get(), rendered(target, post)))
        return std::unexpected(name + ": cannot send: " + std::strerror(errno));
    std::string text;
    std::array<char, 4096> piece;
    while (text.size() < answer_bytes_max) {  // ends: each turn receives something, and the engine closes
        const ssize_t received = ::recv(socket->get(), piece.data(), piece.size(), 0);
        if (received <= 0) break;
        text.append(piece.data(), static_cast<std::size_t>(received));
    }
    auto answer = parse_answer(text);
    if (!answer) return std::unexpected(name + ": no answer, or not a whole one");
    return *std::move(answer);
}

}  // namespace sluice::dead_tool
