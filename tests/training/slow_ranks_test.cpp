// Several processes of the program train together, as a user starts them.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "core/strings.h"
#include "core/subprocess.h"
#include "core/yaml.h"
#include "support/program.h"
#include "training/checkpoint.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using test::Workshop;
using Clock = std::chrono::steady_clock;
using Variables = std::vector<std::pair<std::string, std::string>>;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// The program with variables in its environment; `prefix` is what it is started by, e.g. ip netns exec a.
testudo::test::Program start(const Workshop& shop, std::vector<std::string> arguments,
                             const std::string& name, const Variables& variables = {},
                             std::vector<std::string> prefix = {}) {
    const fs::path folder = shop.root() / cat("out-", name);
    fs::create_directories(folder);
    prefix.emplace_back("/usr/bin/env");
    for (const auto& [key, value] : variables) prefix.push_back(cat(key, "=", value));
    prefix.push_back(testudo::test::program().string());
    prefix.insert(prefix.end(), {"--workspace", shop.root().string()});
    prefix.insert(prefix.end(), arguments.begin(), arguments.end());
    const fs::path binary = prefix.front();
    prefix.erase(prefix.begin());
    return testudo::test::Program(prefix, folder, binary);
}

std::string free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(socket);
    return cat(ntohs(address.sin_port));
}

Variables torchrun(int rank, int size, const std::string& port, const std::string& address = "127.0.0.1") {
    return {{"WORLD_SIZE", cat(size)},
            {"RANK", cat(rank)},
            {"MASTER_ADDR", address},
            {"MASTER_PORT", port},
            {"OMP_NUM_THREADS", "1"}};
}

std::vector<double> numbers(const Workshop& shop, bool validation, const char* key = "loss_gpt_total") {
    std::vector<double> found;
    for (const Json& event : read_events(shop.paths().events))
        if (event["type"] == "metric" && event.contains("mode") == validation)
            found.push_back(event[key].get<double>());
    return found;
}

void expect_close(const std::vector<double>& ours, const std::vector<double>& theirs, double relative) {
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i)
        EXPECT_NEAR(ours[i], theirs[i], relative * std::abs(theirs[i])) << "number " << i;
}

void trains(const Workshop& shop, const std::string& verb = "train") {
    auto program = start(shop, {verb, "v"}, "alone");
    const auto ran = program.wait();
    ASSERT_EQ(ran.code, 0) << ran.err;
}

void settle(Workshop& shop, std::int64_t gpus) {
    shop.settings.dropout = 0;
    shop.settings.gpus = gpus;
    shop.configure();
}

// Processes whose parent is `parent`.
std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        std::ifstream file(entry.path() / "stat");
        std::string all;
        if (!std::getline(file, all)) continue;
        const auto parts = split(all.substr(all.rfind(')') + 2), ' ');
        if (std::stol(parts.at(1)) == parent) found.push_back(static_cast<pid_t>(std::stol(all)));
    }
    std::sort(found.begin(), found.end());
    return found;
}

void wait_for_steps(const Workshop& shop, std::size_t steps) {
    const auto begin = Clock::now();
    while (numbers(shop, false).size() < steps) {
        ASSERT_LT(seconds_since(begin), 120);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

bool runs(pid_t process) {
    std::ifstream file(cat("/proc/", process, "/stat"));
    std::string all;
    return std::getline(file, all) && all.substr(all.rfind(')') + 2, 1) != "Z";
}

void make_long(Workshop& shop, std::int64_t gpus) {
    shop.settings.epochs = 2000;
    shop.settings.save_rate = 1;
    shop.settings.keep_states = 2;
    settle(shop, gpus);
}

TEST(SlowRanks, OneTwoAndFourTrainAlike) {
    Workshop alone;
    settle(alone, 1);
    ASSERT_NO_FATAL_FAILURE(trains(alone));
    ASSERT_EQ(numbers(alone, false).size(), 9U);
    for (const std::int64_t gpus : {2, 4}) {
        SCOPED_TRACE(gpus);
        Workshop shop;
        shop.settings.gradient_memory = gpus == 4 ? "full" : "auto";
        settle(shop, gpus);
        ASSERT_NO_FATAL_FAILURE(trains(shop));
        expect_close(numbers(shop, false), numbers(alone, false), 1e-5);
        expect_close(numbers(shop, true), numbers(alone, true), 1e-5);
        expect_close(numbers(shop, false, "grad_norm"), numbers(alone, false, "grad_norm"), 1e-4);
        EXPECT_EQ(state_iterations(shop.paths()), state_iterations(alone.paths()));
        std::size_t logs = 0;
        for (const auto& entry : fs::directory_iterator(shop.paths().finetune))
            logs += entry.path().extension() == ".log";
        EXPECT_EQ(logs, 1U) << "rank 0 alone writes";
    }
}

TEST(SlowRanks, SharedStatesAreSavedWholeAndResumedByOne) {
    for (const bool eight_bit : {false, true}) {
        SCOPED_TRACE(eight_bit);
        Workshop whole, parts;
        for (Workshop* shop : {&whole, &parts}) {
            shop->settings.bitsandbytes = eight_bit;
            shop->settings.ema = true;
            shop->settings.epochs = 2;
        }
        settle(whole, 1);
        ASSERT_NO_FATAL_FAILURE(trains(whole));
        parts.settings.shard_optimizer = true;
        parts.settings.epochs = 1;
        settle(parts, 2);
        ASSERT_NO_FATAL_FAILURE(trains(parts));
        const auto state = tensors::read_pickle(parts.paths().state(3));
        EXPECT_TRUE(state.find("optimizers"));
        parts.settings.epochs = 2;
        settle(parts, 1);
        ASSERT_NO_FATAL_FAILURE(trains(parts, "resume"));
        // Codes of 8 bits change in jumps.
        expect_close(numbers(parts, false), numbers(whole, false), eight_bit ? 1e-3 : 1e-5);
        EXPECT_TRUE(fs::exists(parts.paths().ema_model(6)));
        // And the other way round: from one to two.
        parts.settings.epochs = 3;
        settle(parts, 2);
        ASSERT_NO_FATAL_FAILURE(trains(parts, "resume"));
        EXPECT_EQ(state_iterations(parts.paths()).back(), 9);
    }
}

TEST(SlowRanks, AdaptersAndFrozenParts) {
    for (const bool adapters : {true, false}) {
        SCOPED_TRACE(adapters);
        Workshop alone, shop;
        for (Workshop* one : {&alone, &shop}) {
            if (adapters)
                one->settings.lora_rank = 4;
            else
                one->settings.freeze = {"conditioning", "text_embedding"};
            one->settings.ema = true;
        }
        settle(alone, 1);
        ASSERT_NO_FATAL_FAILURE(trains(alone));
        shop.settings.shard_optimizer = true;
        settle(shop, 2);
        ASSERT_NO_FATAL_FAILURE(trains(shop));
        expect_close(numbers(shop, false), numbers(alone, false), 1e-5);
        expect_close(numbers(shop, true), numbers(alone, true), 1e-5);
    }
}

TEST(SlowRanks, TorchrunsVariablesJoinProcesses) {
    Workshop alone, shop;
    settle(alone, 1);
    settle(shop, 1);
    ASSERT_NO_FATAL_FAILURE(trains(alone));
    const std::string port = free_port();
    auto first = start(shop, {"train", "v"}, "0", torchrun(0, 2, port));
    auto second = start(shop, {"train", "v"}, "1", torchrun(1, 2, port));
    const auto one = second.wait(), zero = first.wait();
    EXPECT_EQ(zero.code, 0) << zero.err;
    EXPECT_EQ(one.code, 0) << one.err;
    EXPECT_NE((one.out + one.err).find("rank 1 of 2 computes for rank 0"), std::string::npos)
        << one.out << one.err;
    expect_close(numbers(shop, false), numbers(alone, false), 1e-5);
}

TEST(SlowRanks, AMissingRankIsNamed) {
    Workshop shop;
    settle(shop, 1);
    const std::string port = free_port();
    auto program = start(shop, {"train", "v", "--join-seconds", "1"}, "0", torchrun(0, 2, port));
    auto ran = program.wait();
    EXPECT_EQ(ran.code, 4);
    EXPECT_NE(ran.err.find("rank 1 is missing: of 2 ranks 1 met"), std::string::npos) << ran.err;
    auto other = start(shop, {"train", "v", "--join-seconds", "1"}, "1", torchrun(1, 2, port));
    ran = other.wait();
    EXPECT_EQ(ran.code, 4);
    EXPECT_NE(ran.err.find("rank 0 is missing: nothing answered at 127.0.0.1"), std::string::npos) << ran.err;
}

TEST(SlowRanks, AKilledRankIsNamedAndEndsTheJob) {
    Workshop shop;
    make_long(shop, 3);
    auto program = start(shop, {"train", "v"}, "0");
    ASSERT_NO_FATAL_FAILURE(wait_for_steps(shop, 5));
    const auto ranks = children_of(program.process());
    ASSERT_EQ(ranks.size(), 2U);
    ::kill(ranks[1], SIGKILL);
    const auto begin = Clock::now();
    const auto ran = program.wait();
    EXPECT_LT(seconds_since(begin), 30);
    EXPECT_EQ(ran.code, 4) << ran.err;
    EXPECT_NE(ran.err.find(cat("error: rank 2 (process ", ranks[1], " on this machine) ended by signal 9")),
              std::string::npos)
        << ran.err;
    EXPECT_NE(ran.err.find("error: rank 1: rank 2 "), std::string::npos) << ran.err;
    EXPECT_FALSE(runs(ranks[0]));
    EXPECT_EQ(read_events(shop.paths().events).back()["type"], "failed");
    shop.settings.epochs = 2001;
    settle(shop, 1);
    auto resumed = start(shop, {"resume", "v"}, "resumed");
    const std::size_t before = numbers(shop, false).size();
    ASSERT_NO_FATAL_FAILURE(wait_for_steps(shop, before + 1));
    resumed.signal(SIGINT);
    EXPECT_EQ(resumed.wait().code, 130);
}

TEST(SlowRanks, WhenRankZeroIsKilledTheOthersLeave) {
    Workshop shop;
    make_long(shop, 2);
    auto program = start(shop, {"train", "v"}, "0");
    ASSERT_NO_FATAL_FAILURE(wait_for_steps(shop, 3));
    const auto ranks = children_of(program.process());
    ASSERT_EQ(ranks.size(), 1U);
    program.signal(SIGKILL);
    const auto begin = Clock::now();
    while (runs(ranks[0]) && seconds_since(begin) < 30)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_FALSE(runs(ranks[0]));
    const std::string said = program.wait().err;
    EXPECT_NE(said.find("error: rank 1: rank 0 "), std::string::npos) << said;
}

TEST(SlowRanks, AFrozenRankIsLostWithinThirtySeconds) {
    Workshop shop;
    make_long(shop, 2);
    auto program = start(shop, {"train", "v"}, "0");
    ASSERT_NO_FATAL_FAILURE(wait_for_steps(shop, 3));
    const auto ranks = children_of(program.process());
    ASSERT_EQ(ranks.size(), 1U);
    ::kill(ranks[0], SIGSTOP);
    const auto begin = Clock::now();
    const auto ran = program.wait();
    EXPECT_LT(seconds_since(begin), 30);
    EXPECT_EQ(ran.code, 4) << ran.err;
    EXPECT_NE(ran.err.find("is lost: nothing was heard of it for 12 s"), std::string::npos) << ran.err;
    EXPECT_FALSE(runs(ranks[0]));
}

// A checkpoint behind which a learning rate of 0.01 spoils the weights, while half of it does not spoil them
// enough (see the suite Trouble): as if the last hundred losses had all been 0.4.
TEST(SlowRanks, AllGoBackTogether) {
    Workshop shop(4, 0);
    shop.settings.epochs = 30;
    shop.settings.save_rate = 30;
    shop.settings.learning_rate_schedule = {40};
    shop.settings.shard_optimizer = true;
    settle(shop, 2);
    YAML::Node yaml = read_yaml(shop.paths().yaml);
    yaml["train"]["lr_gamma"] = 10;
    write_yaml(shop.paths().yaml, yaml);
    ASSERT_NO_FATAL_FAILURE(trains(shop));
    const fs::path state = shop.paths().state(30);
    tensors::Value value = tensors::read_pickle(state);
    for (auto& [key, entry] : value.dict()->items)
        if (key.text() && *key.text() == "testudo") {
            tensors::List same;
            for (int i = 0; i < 100; ++i) same.items.emplace_back(0.4);
            entry.dict()->set("losses", std::move(same));
        }
    tensors::write_pickle(state, value);
    auto program = start(shop, {"resume", "v", "--epochs", "60"}, "resumed");
    const auto ran = program.wait();
    ASSERT_EQ(ran.code, 0) << ran.err;
    const Json result = read_events(shop.paths().events).back()["result"];
    EXPECT_EQ(result["iterations"], 60);
    EXPECT_EQ(result["returns"], 1);
    EXPECT_EQ(result["skipped_steps"], 3);
}

TEST(SlowRanks, CtrlCStopsAllAndSaves) {
    Workshop shop;
    make_long(shop, 2);
    shop.settings.save_rate = 1000;
    shop.settings.shard_optimizer = true;
    shop.configure();
    auto program = start(shop, {"train", "v"}, "0");
    ASSERT_NO_FATAL_FAILURE(wait_for_steps(shop, 3));
    const auto ranks = children_of(program.process());
    program.signal(SIGTERM);
    const auto ran = program.wait();
    EXPECT_EQ(ran.code, 130) << ran.err;
    EXPECT_EQ(ran.err.find("error"), std::string::npos) << ran.err;
    const auto saved = state_iterations(shop.paths());
    ASSERT_EQ(saved.size(), 1U);
    EXPECT_EQ(static_cast<std::size_t>(saved[0]), numbers(shop, false).size());
    for (const pid_t rank : ranks) EXPECT_FALSE(runs(rank));
}

TEST(SlowRanks, AMistakeIsToldOnce) {
    Workshop shop;
    settle(shop, 2);
    fs::remove(shop.root() / "models/tortoise/autoregressive.pth");
    auto program = start(shop, {"train", "v"}, "0");
    const auto ran = program.wait();
    EXPECT_EQ(ran.code, 3) << ran.err;
    EXPECT_NE(ran.err.find("there is no autoregressive model"), std::string::npos) << ran.err;
    EXPECT_EQ(ran.err.find("rank 1"), std::string::npos) << ran.err;
}

TEST(SlowRanks, AnotherDatasetOnAnotherMachineIsRefused) {
    Workshop shop, other(9);
    settle(shop, 1);
    settle(other, 1);
    fs::copy_file(shop.paths().yaml, other.paths().yaml, fs::copy_options::overwrite_existing);
    const std::string port = free_port();
    auto first = start(shop, {"train", "v"}, "0", torchrun(0, 2, port));
    auto second = start(other, {"train", "v"}, "1", torchrun(1, 2, port));
    const auto one = second.wait(), zero = first.wait();
    EXPECT_EQ(one.code, 3);
    EXPECT_NE(one.err.find("rank 1: the dataset of"), std::string::npos) << one.err;
    EXPECT_EQ(zero.code, 4);
    EXPECT_NE(zero.err.find("failed: the dataset of"), std::string::npos) << zero.err;
}

// Two network namespaces joined by a pair of virtual cards: the nearest thing to two machines.
class Namespaces {
  public:
    Namespaces() {
        const std::string left = cat("tst", ::getpid(), "a"), right = cat("tst", ::getpid(), "b");
        names = {left, right};
        ok = ip({"netns", "add", left}) && ip({"netns", "add", right}) &&
             ip({"link", "add", "veth0", "netns", left, "type", "veth", "peer", "name", "veth0", "netns",
                 right});
        for (std::size_t i = 0; ok && i < 2; ++i)
            ok = ip({"-n", names[i], "addr", "add", cat("10.213.77.", i + 1, "/24"), "dev", "veth0"}) &&
                 ip({"-n", names[i], "link", "set", "veth0", "up"}) &&
                 ip({"-n", names[i], "link", "set", "lo", "up"});
    }
    ~Namespaces() {
        for (const std::string& name : names) ip({"netns", "del", name});
    }
    Namespaces(const Namespaces&) = delete;
    Namespaces& operator=(const Namespaces&) = delete;
    bool ok = false;
    std::vector<std::string> names;
    std::string why;
    bool ip(const std::vector<std::string>& arguments) {
        try {
            const auto ran = run_program("ip", arguments, "", "install iproute2");
            if (ran.code != 0) why = trim(ran.err);
            return ran.code == 0;
        } catch (const Error& error) {
            why = error.what();
            return false;
        }
    }
};

TEST(SlowRanks, AcrossTwoNetworkNamespaces) {
    Namespaces networks;
    if (!networks.ok) GTEST_SKIP() << "network namespaces are not permitted here: " << networks.why;
    Workshop alone, left, right;
    for (Workshop* shop : {&alone, &left, &right}) settle(*shop, 1);
    // The second machine has a copy of the workspace.
    fs::copy_file(left.paths().yaml, right.paths().yaml, fs::copy_options::overwrite_existing);
    ASSERT_NO_FATAL_FAILURE(trains(alone));
    const auto inside = [&](std::size_t i) {
        return std::vector<std::string>{"/usr/bin/env", "ip", "netns", "exec", networks.names[i]};
    };
    auto first = start(left, {"train", "v"}, "0", torchrun(0, 2, "29511", "10.213.77.1"), inside(0));
    auto second = start(right, {"train", "v"}, "1", torchrun(1, 2, "29511", "10.213.77.1"), inside(1));
    const auto one = second.wait(), zero = first.wait();
    EXPECT_EQ(zero.code, 0) << zero.err;
    EXPECT_EQ(one.code, 0) << one.err;
    expect_close(numbers(left, false), numbers(alone, false), 1e-5);
    EXPECT_FALSE(fs::exists(right.paths().finetune)) << "rank 0 alone writes";
}

TEST(SlowRanks, ACutNetworkIsFoundWithinThirtySeconds) {
    Namespaces networks;
    if (!networks.ok) GTEST_SKIP() << "network namespaces are not permitted here: " << networks.why;
    Workshop left, right;
    for (Workshop* shop : {&left, &right}) make_long(*shop, 1);
    fs::copy_file(left.paths().yaml, right.paths().yaml, fs::copy_options::overwrite_existing);
    const auto inside = [&](std::size_t i) {
        return std::vector<std::string>{"/usr/bin/env", "ip", "netns", "exec", networks.names[i]};
    };
    auto first = start(left, {"train", "v"}, "0", torchrun(0, 2, "29512", "10.213.77.1"), inside(0));
    auto second = start(right, {"train", "v"}, "1", torchrun(1, 2, "29512", "10.213.77.1"), inside(1));
    ASSERT_NO_FATAL_FAILURE(wait_for_steps(left, 3));
    ASSERT_TRUE(networks.ip({"-n", networks.names[1], "link", "set", "veth0", "down"}));
    const auto begin = Clock::now();
    const auto zero = first.wait(), one = second.wait();
    EXPECT_LT(seconds_since(begin), 30);
    EXPECT_EQ(zero.code, 4);
    EXPECT_NE(zero.err.find("rank 1 (process "), std::string::npos) << zero.err;
    EXPECT_EQ(one.code, 4);
    EXPECT_NE(one.err.find("rank 1: rank 0 (process "), std::string::npos) << one.err;
}

}  // namespace
}  // namespace testudo::training
