// A client's socket, blocking, to a port of this machine: for tests of what accepts it.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::tests {

class TcpClient {
  public:
    // With `receive_buffer_bytes`, one that takes little before it reads.
    explicit TcpClient(std::uint16_t port, int receive_buffer_bytes = 0)
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (receive_buffer_bytes != 0)
            ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
        const int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const timeval patience{20, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        EXPECT_TRUE(connect(fd_, port));
    }
    ~TcpClient() { close(); }
    TcpClient(TcpClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    TcpClient& operator=(TcpClient&&) = delete;

    [[nodiscard]] static bool can_connect(std::uint16_t port) {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const bool can = connect(fd, port);
        ::close(fd);
        return can;
    }

    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            ASSERT_GT(sent, 0);
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    void half_close() const { ::shutdown(fd_, SHUT_WR); }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    void reset() {
        const linger at_once{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close();
    }

    // Waits for bytes; empty at the end of the stream, and when none have come for long.
    [[nodiscard]] std::string receive() const {
        std::array<char, 65536> bytes;
        ssize_t count = 0;
        // A thread that has opened and closed a ring may find a call with a timeout interrupted, by no signal of ours.
        do count = ::recv(fd_, bytes.data(), bytes.size(), 0);
        while (count < 0 && errno == EINTR);
        return {bytes.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
    }
    // What there is to read now; "<end>" at the end of the stream.
    [[nodiscard]] std::string receive_now() const {
        std::string received;
        std::array<char, 65536> bytes;
        for (;;) {  // ends: with EAGAIN, the end of the stream, or an error
            const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
            if (count == 0) return received + "<end>";
            if (count < 0) return received;
            received.append(bytes.data(), static_cast<std::size_t>(count));
        }
    }

  private:
    static bool connect(int fd, std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }

    int fd_;
};

}  // namespace sluice::tests
