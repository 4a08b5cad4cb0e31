#include "tools/load/export/influx.hpp"

#include <chrono>
#include <utility>

#include "tools/load/export/influx_client.hpp"

namespace sluice::load {
namespace {

constexpr auto retry_after = std::chrono::seconds(1);
constexpr std::size_t post_seconds_max = 60;  // in one request: some 100 KB

}  // namespace

std::string influx_write_url(const InfluxTarget& target) {
    std::string url = target.url;
    while (url.ends_with('/')) url.pop_back();
    if (target.bucket.empty()) return url + "/write?precision=ms&db=" + percent_encoded(target.database);
    return url + "/api/v2/write?precision=ms&org=" + percent_encoded(target.organization) +
           "&bucket=" + percent_encoded(target.bucket);
}

InfluxExporter::InfluxExporter(const InfluxTarget& target, std::string_view run,
                               std::function<void(const std::string&)> warn)
    : url_(influx_write_url(target)), token_(target.token), warn_(std::move(warn)), renderer_(run), thread_([this] {
          this->run();
      }) {}

InfluxExporter::~InfluxExporter() { finish(); }

void InfluxExporter::on_interval(const Interval& interval) {
    InfluxLines lines = renderer_.render(interval);
    const std::lock_guard lock(mutex_);
    if (pending_.size() >= pending_seconds_max) {
        outcome_.points_lost += pending_.front().points_count;
        pending_.pop_front();
    }
    pending_.push_back(std::move(lines));
    changed_.notify_one();
}

InfluxExporter::Outcome InfluxExporter::finish() {
    {
        const std::lock_guard lock(mutex_);
        is_finishing_ = true;
        changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
    return outcome_;
}

void InfluxExporter::run() {
    InfluxClient client(url_, token_, request_timeout_ms);
    const auto warn_once = [this](const std::string& reason) {
        if (!std::exchange(has_warned_, true)) warn_("Points are not reaching InfluxDB: " + reason + ".");
    };
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return is_finishing_ || !pending_.empty(); });
        const bool is_last = is_finishing_;
        // The last request takes all that is left, so that the end of a run waits for one timeout and not for many.
        const std::size_t taken_max = is_last ? pending_seconds_max : post_seconds_max;
        std::deque<InfluxLines> taken;
        InfluxLines all;
        while (!pending_.empty() && taken.size() < taken_max) {
            all.text += pending_.front().text;
            all.points_count += pending_.front().points_count;
            taken.push_back(std::move(pending_.front()));
            pending_.pop_front();
        }
        if (taken.empty()) return;
        lock.unlock();
        const PostResult result = client.post(all.text);
        if (result.outcome != PostOutcome::written) warn_once(result.reason);
        lock.lock();
        if (result.outcome == PostOutcome::written) {
            outcome_.points_written += all.points_count;
        } else if (result.outcome == PostOutcome::refused || is_last) {
            outcome_.points_lost += all.points_count;
        } else {
            while (!taken.empty() && pending_.size() < pending_seconds_max) {
                pending_.push_front(std::move(taken.back()));
                taken.pop_back();
            }
            for (const InfluxLines& lost : taken) outcome_.points_lost += lost.points_count;
            changed_.wait_for(lock, retry_after, [this] { return is_finishing_; });
        }
    }
}

}  // namespace sluice::load
