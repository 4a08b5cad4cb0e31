#include "tests/support/fake_node.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "engine/core/check.hpp"
#include "tests/support/resp_text.hpp"

namespace sluice::tests {

FakeNode::FakeNode(const char* where, std::uint16_t port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;  // where a port is given, one may have been used a moment ago
    CHECK(::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    CHECK(::inet_pton(AF_INET, where, &address.sin_addr) == 1);
    socklen_t size = sizeof address;
    CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    CHECK(::listen(listener_, 8) == 0);
    CHECK(::pipe(stop_pipe_) == 0);
    port_ = ntohs(address.sin_port);
}

FakeNode::~FakeNode() {
    ::close(stop_pipe_[1]);
    if (thread_.joinable()) thread_.join();
    for (const auto& [fd, received] : clients_) ::close(fd);
    ::close(listener_);
    ::close(stop_pipe_[0]);
}

void FakeNode::start(Answer answer) {
    answer_ = std::move(answer);
    thread_ = std::thread([this] { serve(); });
}

std::string FakeNode::target_of(std::uint16_t slot) const {
    return std::to_string(slot) + " 127.0.0.1:" + std::to_string(port_);
}

std::vector<std::string> FakeNode::commands() const {
    const std::scoped_lock lock(mutex_);
    return commands_;
}

void FakeNode::serve() {
    for (;;) {
        std::vector<pollfd> descriptors{{stop_pipe_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
        for (const auto& [fd, received] : clients_) descriptors.push_back({fd, POLLIN, 0});
        CHECK(::poll(descriptors.data(), descriptors.size(), -1) > 0);
        if (descriptors[0].revents != 0) return;
        if (descriptors[1].revents != 0) clients_.emplace(::accept(listener_, nullptr, nullptr), std::string());
        for (std::size_t i = 2; i < descriptors.size(); ++i) {
            const int fd = descriptors[i].fd;
            if (descriptors[i].revents == 0 || serve_client(fd, clients_[fd])) continue;
            ::close(fd);
            clients_.erase(fd);
        }
    }
}

// False if the connection ends.
bool FakeNode::serve_client(int fd, std::string& received) {
    std::array<char, 16384> chunk;
    const ssize_t count = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (count <= 0) return false;
    received.append(chunk.data(), static_cast<std::size_t>(count));
    for (std::size_t length = 0; (length = whole_command_bytes(received)) > 0; received.erase(0, length)) {
        const std::string reply = answer_to(words_of(received.substr(0, length)));
        if (reply == "hang up") return false;
        if (::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) return false;
    }
    return true;
}

std::string FakeNode::answer_to(const std::string& command) {
    if (command == "PING" || command.starts_with("CLIENT ")) return "+OK\r\n";
    const bool is_probe = command == "WAITAOF 1 0 1";  // of the greeting
    if (command.starts_with("XADD ") || command == "ASKING" || (command.starts_with("WAIT") && !is_probe)) {
        const std::scoped_lock lock(mutex_);
        commands_.push_back(command);
    }
    return answer_(command);
}

}  // namespace sluice::tests
