#include "training/ranks.h"

#include <ATen/ATen.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include "core/strings.h"

namespace testudo::training {

namespace {

using std::chrono::milliseconds;

// Silent processes are found by the meeting; what takes long is not lost.
constexpr std::chrono::hours no_limit{24 * 7};

// The address of this machine that others reach it by: the one it speaks to rank 0 from.
std::string own_address(const std::string& address) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_DGRAM;
    char name[NI_MAXHOST] = {};
    if (::getaddrinfo(address.c_str(), "9", &hints, &found) != 0) return address;
    for (const addrinfo* place = found; place && !name[0]; place = place->ai_next) {
        const int socket = ::socket(place->ai_family, place->ai_socktype | SOCK_CLOEXEC, place->ai_protocol);
        if (socket < 0) continue;
        sockaddr_storage own{};
        socklen_t size = sizeof own;
        // Nothing is sent: connecting a datagram socket only chooses the route.
        if (::connect(socket, place->ai_addr, place->ai_addrlen) == 0 &&
            ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size) == 0)
            ::getnameinfo(reinterpret_cast<sockaddr*>(&own), size, name, sizeof name, nullptr, 0,
                          NI_NUMERICHOST);
        ::close(socket);
    }
    ::freeaddrinfo(found);
    return name[0] ? std::string(name) : address;
}

c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_group(const c10::intrusive_ptr<c10d::Store>& store,
                                                      const World& world, double seconds) {
    const auto options = c10d::ProcessGroupGloo::Options::create(milliseconds(std::llround(1000 * seconds)));
    const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
    options->devices.push_back(
        interface && *interface ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                                : c10d::ProcessGroupGloo::createDeviceForHostname(
                                      own_address(world.address)));
    return c10::make_intrusive<c10d::ProcessGroupGloo>(store, world.rank, world.size, options);
}

c10::intrusive_ptr<c10d::Backend> gpu_group([[maybe_unused]] const c10::intrusive_ptr<c10d::Store>& store,
                                            [[maybe_unused]] const World& world) {
#ifdef USE_C10D_NCCL
    const auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = no_limit;
    return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, world.rank, world.size, options);
#else
    throw environment_error("this program was built without NCCL, which several GPUs need",
                            "Build it with ./dev cuda, or train with gpus: 1.");
#endif
}

std::string first_line(const std::exception& error) {
    const std::string what = error.what();
    return what.substr(0, what.find('\n'));
}

enum Kind { sum_on_all, sum_on_one, copy_from_one };

}  // namespace

struct Ranks::Groups {
    c10::intrusive_ptr<c10d::ProcessGroupGloo> numbers;  // on the CPU
    c10::intrusive_ptr<c10d::Backend> tensors;           // the same, or NCCL's
};

struct Ranks::Running {
    std::vector<at::Tensor> tensors;
    c10::intrusive_ptr<c10d::Work> work;
};

Ranks::Ranks(const World& world, at::Device device, MeetingOptions options)
    : world_(world),
      join_seconds_(options.join_seconds),
      meeting_(std::make_unique<Meeting>(world, std::move(options))) {
    groups_ = std::make_unique<Groups>();
    try {
        groups_->numbers = gloo_group(meeting_->store("numbers"), world_, join_seconds_);
        groups_->tensors = groups_->numbers;
        if (device.is_cuda()) groups_->tensors = gpu_group(meeting_->store("tensors"), world_);
        meeting_->arrive("connected");
        check_together(join_seconds_);
        groups_->numbers->setTimeout(no_limit);
        if (device.is_cuda()) {
            const at::Tensor one = at::ones({1}, at::TensorOptions(at::kFloat).device(device));
            wait(all_reduce(one));
            if (one.item<float>() != static_cast<float>(world_.size))
                throw environment_error("the GPUs do not add up what they are given: NCCL does not work here",
                                        "See what NCCL says with NCCL_DEBUG=INFO, or train on one GPU.");
        }
    } catch (const Error& error) {
        fail(error.what());
        abandon();
        throw;
    } catch (const std::exception& error) {
        std::vector<std::string> absent;
        try {
            for (const int rank : meeting_->missing("connected"))
                if (rank != world_.rank) absent.push_back(who(rank));
        } catch (const std::exception&) {
            absent.push_back(who(0));
        }
        const std::string why = first_line(error);
        fail(why);
        abandon();
        throw environment_error(
            cat("the ranks cannot compute together",
                absent.empty() ? std::string() : cat("; not connected: ", join(absent, ", ")), ": ", why),
            "Give MASTER_ADDR as an address that all machines reach, name the network in GLOO_SOCKET_IFNAME "
            "(NCCL_SOCKET_IFNAME), and let no firewall stand between them.");
    }
}

Ranks::~Ranks() {
    if (!finished_) abandon();
}

// Their destructors would wait for what goes on, which a lost process never ends: they are left as they are.
void Ranks::abandon() {
    if (!meeting_) return;
    meeting_->leave_failing("");
    (void)meeting_.release();
    (void)groups_.release();
}

void Ranks::check_together(double seconds) {
    const at::Tensor number = at::full({1}, world_.rank + 1.0, at::kDouble);
    std::vector<at::Tensor> tensors = {number};
    const auto work = groups_->numbers->allreduce(tensors);
    const auto start = std::chrono::steady_clock::now();
    while (!work->isCompleted()) {
        if (meeting_->lost()) broken("");
        if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > seconds)
            throw std::runtime_error(cat("no answer to a first sum within ", seconds, " s"));
        std::this_thread::sleep_for(milliseconds(2));
    }
    work->wait();
    const double expected = world_.size * (world_.size + 1) / 2.0;
    if (number.item<double>() != expected)
        throw std::runtime_error(cat("a first sum is ", number.item<double>(), " instead of ", expected));
}

Ranks::Operation Ranks::start(const at::Tensor& tensor, int rank, int kind) {
    const auto running = std::make_shared<Running>();
    running->tensors = {tensor};
    c10d::Backend& group =
        tensor.is_cpu() ? static_cast<c10d::Backend&>(*groups_->numbers) : *groups_->tensors;
    try {
        if (kind == sum_on_all) {
            running->work = group.allreduce(running->tensors);
        } else if (kind == sum_on_one) {
            c10d::ReduceOptions options;
            options.rootRank = rank;
            running->work = group.reduce(running->tensors, options);
        } else {
            c10d::BroadcastOptions options;
            options.rootRank = rank;
            running->work = group.broadcast(running->tensors, options);
        }
    } catch (const std::exception& error) {
        broken(first_line(error));
    }
    return running;
}

Ranks::Operation Ranks::all_reduce(const at::Tensor& tensor) { return start(tensor, 0, sum_on_all); }
Ranks::Operation Ranks::reduce(const at::Tensor& tensor, int rank) { return start(tensor, rank, sum_on_one); }
Ranks::Operation Ranks::broadcast(const at::Tensor& tensor, int rank) {
    return start(tensor, rank, copy_from_one);
}

bool Ranks::is_done(const Operation& operation) const { return operation->work->isCompleted(); }

void Ranks::wait(const Operation& operation) {
    c10d::Work& work = *operation->work;
    // Short at first: most operations are about to end.
    for (auto nap = std::chrono::microseconds(20); !work.isCompleted();
         nap = std::min(nap * 2, std::chrono::microseconds(2000))) {
        if (meeting_->lost()) broken("");
        std::this_thread::sleep_for(nap);
    }
    try {
        work.wait();
    } catch (const std::exception& error) {
        broken(first_line(error));
    }
}

void Ranks::broken(const std::string& why) {
    const auto lost = meeting_->find_lost();
    throw environment_error(lost ? *lost : cat("the connection between the ranks broke: ", why),
                            "Look at what it said and at its machine, then go on with `testudo resume`: the "
                            "last checkpoint is whole.");
}

std::vector<double> Ranks::sum(const std::vector<double>& values) {
    const at::Tensor numbers = at::tensor(values, at::kDouble);
    wait(all_reduce(numbers));
    return {numbers.const_data_ptr<double>(), numbers.const_data_ptr<double>() + numbers.numel()};
}

bool Ranks::any(bool here) { return sum({here ? 1.0 : 0.0})[0] > 0; }

std::string Ranks::share(const std::string& bytes) {
    const auto size = static_cast<std::int64_t>(sum({leads() ? static_cast<double>(bytes.size()) : 0.0})[0]);
    if (size == 0) return {};
    const at::Tensor buffer = at::empty({size}, at::kByte);
    if (leads()) std::memcpy(buffer.data_ptr(), bytes.data(), bytes.size());
    wait(broadcast(buffer, 0));
    return {static_cast<const char*>(buffer.const_data_ptr()), static_cast<std::size_t>(size)};
}

void Ranks::fail(const std::string& why) { meeting_->leave_failing(why); }

void Ranks::finish() {
    barrier();
    finished_ = true;
    meeting_->leave();
}

}  // namespace testudo::training
