// A machine for the checks of `sluice doctor`: a folder of files as /proc and /sys have them, and facts to go with it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "engine/doctor/doctor.hpp"

namespace sluice::doctor {

// On which each check that the tests of the table make is ok, once its files are written.
class FakeMachine {
  public:
    FakeMachine() {
        std::string folder = testing::TempDir() + "sluice-doctor-XXXXXX";
        if (::mkdtemp(folder.data()) == nullptr) std::abort();
        facts.host.root = folder;
        facts.config.cores = {0, 1};
        facts.config.http.connections_count_max = 1000;
        facts.config.io.ring_entries_count = 1024;
        facts.config.io.receive_buffers_count = 256;
        facts.host.now_s = 1'800'000'000;
    }
    ~FakeMachine() { std::filesystem::remove_all(facts.host.root); }
    FakeMachine(const FakeMachine&) = delete;
    FakeMachine& operator=(const FakeMachine&) = delete;

    void write(const std::string& path, const std::string& text) const {
        const std::filesystem::path file = facts.host.root + path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }
    [[nodiscard]] std::string state_of(const std::string& id) const {
        for (const Row& row : examine(facts)) {
            if (row.check->id != id) continue;
            constexpr const char* names[] = {"ok", "warn", "fault", "unknown"};
            return names[static_cast<int>(row.finding.state)];
        }
        return "no such check";
    }

    Facts facts;
};

}  // namespace sluice::doctor
