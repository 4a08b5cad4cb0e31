// LastError: what is wrong with a sink, in a sentence. The sink's thread sets it, and any thread may ask for the text.
#pragma once

#include <mutex>
#include <string>
#include <utility>

namespace sluice::sinks {

class LastError {
  public:
    explicit LastError(std::string text = {}) : text_(std::move(text)), is_set_(!text_.empty()) {}

    // Empty: nothing is wrong.
    void set(std::string text) {
        const std::scoped_lock lock(mutex_);
        text_ = std::move(text);
        is_set_ = !text_.empty();
    }
    [[nodiscard]] std::string text() const {
        const std::scoped_lock lock(mutex_);
        return text_;
    }
    // For the sink's own thread, without the lock.
    [[nodiscard]] bool is_set() const { return is_set_; }

  private:
    mutable std::mutex mutex_;  // guards text_
    std::string text_;
    bool is_set_;
};

}  // namespace sluice::sinks
