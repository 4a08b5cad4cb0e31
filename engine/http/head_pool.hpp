// HeadPool: RequestHeads for the requests that are being read; one a connection at most. One owner thread.
#pragma once

#include <cstddef>

#include "engine/core/lazy_array.hpp"
#include "parsers/http/http_parser.hpp"

namespace sluice::http {

class HeadPool {
  public:
    explicit HeadPool(std::size_t connections_count_max)
        : heads_(connections_count_max), free_(connections_count_max) {}

    [[nodiscard]] parsers::RequestHead* take() {
        if (free_count_ != 0) return free_[--free_count_];
        CHECK(touched_count_ < heads_.size());
        return &heads_[touched_count_++];
    }
    void give_back(parsers::RequestHead* head) { free_[free_count_++] = head; }

  private:
    LazyArray<parsers::RequestHead> heads_;
    LazyArray<parsers::RequestHead*> free_;
    std::size_t free_count_ = 0;
    std::size_t touched_count_ = 0;
};

}  // namespace sluice::http
