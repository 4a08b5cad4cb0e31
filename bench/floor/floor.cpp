// floor: what answering costs when nothing is read. The lower bound that `bench/figures` measures Sluice against.
//
//   sluice-floor PORT [--responses-per-recv N] [--send-completions]
//
// A bare io_uring responder on 127.0.0.1:PORT. Whatever arrives in one receive is answered with one fixed 200 (or N
// of them, for clients that pipeline N requests); nothing is parsed, counted or checked. The ring is set up as
// Sluice's is: DEFER_TASKRUN, multishot accept into direct descriptors, multishot receive into provided buffers.
//
// It is written to be hard to beat: a successful send posts no completion, since there is nothing to learn
// from it. A server that reuses its output memory cannot do without; --send-completions shows that difference.
//
// Not a server: a request that comes in two pieces is answered twice. One thread; runs until it is killed.
#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr unsigned ring_entries_count = 1024;
constexpr unsigned completions_count = 8 * ring_entries_count;
constexpr unsigned slots_count = 4096;
constexpr unsigned receive_buffers_count = 1024;  // a power of two
constexpr std::size_t receive_buffer_bytes = 16 * 1024;
constexpr int buffer_group_id = 0;

// As long as Sluice's own answer to a `queued` sample.
constexpr std::string_view response =
    "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: "
    "57\r\nSluice-Ack: queued\r\n\r\n"
    R"({"ok":true,"message":"Telemetry received","ack":"queued"})";

// user_data: the operation above, the slot of the connection below.
enum class Operation : std::uint32_t { accept, receive, send, close };

std::uint64_t tag(Operation operation, unsigned slot) {
    return std::uint64_t{static_cast<std::uint32_t>(operation)} << 32 | slot;
}

[[noreturn]] void fail(const char* what, int error) {
    std::fprintf(stderr, "floor: %s: %s\n", what, std::strerror(error));
    std::exit(1);
}

struct Options {
    std::uint16_t port = 0;
    unsigned responses_per_recv = 1;
    bool send_completions = false;
};

Options parse_options(int argc, char** argv) {
    Options options;
    for (int index = 1; index < argc; ++index) {
        const std::string_view word = argv[index];
        if (word == "--send-completions") {
            options.send_completions = true;
        } else if (word == "--responses-per-recv" && index + 1 < argc) {
            options.responses_per_recv = static_cast<unsigned>(std::strtoul(argv[++index], nullptr, 10));
        } else {
            options.port = static_cast<std::uint16_t>(std::strtoul(argv[index], nullptr, 10));
        }
    }
    if (options.port == 0 || options.responses_per_recv == 0) {
        std::fprintf(stderr, "usage: sluice-floor PORT [--responses-per-recv N] [--send-completions]\n");
        std::exit(2);
    }
    return options;
}

int listen_on(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket", errno);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind", errno);
    if (::listen(fd, 4096) != 0) fail("listen", errno);
    return fd;
}

class Floor {
  public:
    explicit Floor(const Options& options) : send_completions_(options.send_completions) {
        for (unsigned count = 0; count < options.responses_per_recv; ++count) answer_ += response;
        set_up_ring();
        provide_buffers();
        listener_fd_ = listen_on(options.port);
    }

    [[noreturn]] void run() {
        arm_accept();
        for (;;) {
            const int submitted = io_uring_submit_and_wait(&ring_, 1);
            if (submitted < 0 && submitted != -EINTR && submitted != -EBUSY) fail("submit", -submitted);
            reap();
        }
    }

  private:
    void set_up_ring() {
        io_uring_params params{};
        params.flags = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
                       IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
        params.cq_entries = completions_count;
        if (const int error = io_uring_queue_init_params(ring_entries_count, &ring_, &params); error != 0)
            fail("ring", -error);
        if (const int error = io_uring_register_files_sparse(&ring_, slots_count); error != 0) fail("slots", -error);
        io_uring_register_ring_fd(&ring_);  // optional: saves a descriptor look-up a system call
    }

    void provide_buffers() {
        int error = 0;
        buffers_ = io_uring_setup_buf_ring(&ring_, receive_buffers_count, buffer_group_id, 0, &error);
        if (buffers_ == nullptr) fail("buffer ring", -error);
        memory_.resize(receive_buffers_count * receive_buffer_bytes);
        for (unsigned id = 0; id < receive_buffers_count; ++id) give_back(id);
        publish_buffers();
    }

    void give_back(unsigned id) {
        io_uring_buf_ring_add(buffers_, memory_.data() + id * receive_buffer_bytes, receive_buffer_bytes,
                              static_cast<std::uint16_t>(id), io_uring_buf_ring_mask(receive_buffers_count),
                              given_back_count_++);
    }

    void publish_buffers() {
        io_uring_buf_ring_advance(buffers_, given_back_count_);
        given_back_count_ = 0;
    }

    io_uring_sqe* submission(Operation operation, unsigned slot) {
        io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
        if (sqe == nullptr) {
            io_uring_submit(&ring_);
            sqe = io_uring_get_sqe(&ring_);
        }
        if (sqe == nullptr) fail("submission queue", EBUSY);
        // liburing's prep functions leave user_data alone.
        io_uring_sqe_set_data64(sqe, tag(operation, slot));
        return sqe;
    }

    void arm_accept() {
        io_uring_prep_multishot_accept_direct(submission(Operation::accept, 0), listener_fd_, nullptr, nullptr, 0);
    }

    void arm_receive(unsigned slot) {
        io_uring_sqe* sqe = submission(Operation::receive, slot);
        io_uring_prep_recv_multishot(sqe, static_cast<int>(slot), nullptr, 0, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
        sqe->buf_group = buffer_group_id;
    }

    void answer(unsigned slot) {
        io_uring_sqe* sqe = submission(Operation::send, slot);
        io_uring_prep_send(sqe, static_cast<int>(slot), answer_.data(), answer_.size(), MSG_NOSIGNAL | MSG_WAITALL);
        sqe->flags |= IOSQE_FIXED_FILE;
        if (!send_completions_) sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    }

    void close(unsigned slot) { io_uring_prep_close_direct(submission(Operation::close, slot), slot); }

    void reap() {
        io_uring_cqe* cqe = nullptr;
        unsigned head = 0;
        unsigned seen_count = 0;
        io_uring_for_each_cqe(&ring_, head, cqe) {
            ++seen_count;
            handle(*cqe);
        }
        io_uring_cq_advance(&ring_, seen_count);
        if (given_back_count_ != 0) publish_buffers();
    }

    void handle(const io_uring_cqe& cqe) {
        const auto slot = static_cast<unsigned>(cqe.user_data & 0xffff'ffff);
        const bool more = (cqe.flags & IORING_CQE_F_MORE) != 0;
        switch (static_cast<Operation>(cqe.user_data >> 32)) {
            case Operation::accept:
                if (cqe.res >= 0) arm_receive(static_cast<unsigned>(cqe.res));
                if (!more) arm_accept();
                break;
            case Operation::receive:
                if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) give_back(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
                if (cqe.res > 0) answer(slot);
                if (!more && (cqe.res > 0 || cqe.res == -ENOBUFS)) arm_receive(slot);
                if (!more && cqe.res <= 0 && cqe.res != -ENOBUFS) close(slot);
                break;
            case Operation::send:
            case Operation::close: break;
        }
    }

    io_uring ring_{};
    io_uring_buf_ring* buffers_ = nullptr;
    std::vector<char> memory_;  // of the receive buffers, by id
    int given_back_count_ = 0;
    int listener_fd_ = -1;
    bool send_completions_;
    std::string answer_;
};

}  // namespace

int main(int argc, char** argv) { Floor(parse_options(argc, argv)).run(); }
