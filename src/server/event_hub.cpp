#include "server/event_hub.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/strings.h"

namespace testudo::server {

namespace {

constexpr std::size_t chunk_bytes = 64 << 10;      // read of a file at a time
constexpr std::size_t most_pending = 4 << 20;      // a client that is further behind is let go, and resumes
constexpr std::size_t enough_pending = 256 << 10;  // before more is read for one that catches up

std::string message(const std::string& name, const std::string& data, const std::string& id) {
    std::string out;
    if (!id.empty()) out += "id: " + id + "\n";
    return out + "event: " + name + "\ndata: " + data + "\n\n";
}

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string job_message(const EventFeed& feed, const EventLine& line, const EventCursor& cursor) {
    return message("job",
                   cat("{\"job\":\"", feed.job, "\",\"offset\":", line.end, ",\"event\":", line.text, "}"),
                   to_string(cursor));
}

void wake(int descriptor) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(descriptor, &one, sizeof one);
}

}  // namespace

EventHub::EventHub(EventSources sources)
    : sources_(std::move(sources)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      told_(at_end_of(sources_.feeds())),
      next_beat_(std::chrono::steady_clock::now() + sources_.beat),
      thread_([this] { run(); }) {}

EventHub::~EventHub() {
    stopping_ = true;
    wake(wake_);
    thread_.join();
    for (const auto& client : clients_) ::close(client->socket);
    for (const auto& [client, cursor] : arrived_) ::close(client->socket);
    ::close(wake_);
}

std::string EventHub::cursor() const {
    const std::scoped_lock lock(mutex_);
    return to_string(told_);
}

bool EventHub::open(int socket, const std::string& headers, const std::string& cursor) {
    if (full()) {
        ::close(socket);
        return false;
    }
    auto client = std::make_unique<Client>();
    client->socket = socket;
    put(*client, std::make_shared<const std::string>(headers));
    ++count_;
    const std::scoped_lock lock(mutex_);
    arrived_.emplace_back(std::move(client), cursor);
    wake(wake_);
    return true;
}

void EventHub::tell(const std::string& name, const Json& data, bool level) {
    auto text = std::make_shared<const std::string>(message(name, dump(data), ""));
    const std::scoped_lock lock(mutex_);
    if (level) levels_[name] = text;
    to_tell_.push_back(std::move(text));
    wake(wake_);
}

void EventHub::put(Client& client, Text text) {
    client.pending_bytes += text->size();
    client.pending.push_back(std::move(text));
    if (client.pending_bytes > most_pending) client.gone = true;
}

void EventHub::flush(Client& client) {
    while (!client.gone && !client.pending.empty()) {
        const std::string& text = *client.pending.front();
        const ssize_t sent = ::send(client.socket, text.data() + client.sent, text.size() - client.sent,
                                    MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) return;
        if (sent <= 0) {
            client.gone = true;
            return;
        }
        client.sent += static_cast<std::size_t>(sent);
        client.pending_bytes -= static_cast<std::size_t>(sent);
        if (client.sent == text.size()) {
            client.pending.pop_front();
            client.sent = 0;
        }
    }
}

void EventHub::greet(Client& client, const std::string& given) {
    const auto cursor = parse_cursor(given);
    client.cursor = cursor.value_or(told_);
    Json hello = sources_.greeting(to_string(client.cursor));
    if (!cursor && !given.empty()) hello["reset"] = true;
    put(client, std::make_shared<const std::string>("retry: 1000\n\n" + message("hello", dump(hello), "")));
    for (const auto& [name, text] : levels_) put(client, text);
}

// What came in the files since the last time, as one text for all that are up to date.
void EventHub::tell_news(const std::vector<EventFeed>& feeds) {
    EventCursor cursor = told_;
    std::string news;
    admit(cursor, feeds);
    for (const EventFeed& feed : feeds) {
        auto at = place_in(cursor, feed);
        while (at && news.size() < most_pending / 2) {
            std::uint64_t next = *at;
            const auto lines = read_lines(feed.file, *at, chunk_bytes, next);
            for (const EventLine& line : lines) {
                advance(cursor, feed, line.end, false);
                news += job_message(feed, line, cursor);
            }
            advance(cursor, feed, next, feed.ended && next == *at);
            if (next == *at) break;
            at = next;
        }
    }
    Text text = news.empty() ? nullptr : std::make_shared<const std::string>(std::move(news));
    for (const auto& client : clients_)
        if (client->live) {
            if (text) put(*client, text);
            client->cursor = cursor;
        }
    const std::scoped_lock lock(mutex_);
    told_ = std::move(cursor);
}

// Lines that the others had before, job by job.
void EventHub::catch_up(Client& client, const std::vector<EventFeed>& feeds) {
    admit(client.cursor, feeds);
    for (const EventFeed& feed : feeds) {
        while (true) {
            const auto at = place_in(client.cursor, feed);
            const auto told = place_in(told_, feed);
            if (!at) break;
            if (told && *at >= *told) {
                advance(client.cursor, feed, *at, false);
                break;
            }
            if (client.pending_bytes > enough_pending) return;
            std::uint64_t next = *at;
            const auto lines = read_lines(feed.file, *at, chunk_bytes, next);
            std::string text;
            for (const EventLine& line : lines) {
                if (told && line.end > *told) break;
                advance(client.cursor, feed, line.end, false);
                text += job_message(feed, line, client.cursor);
            }
            if (!text.empty()) put(client, std::make_shared<const std::string>(std::move(text)));
            advance(client.cursor, feed, told ? std::min(next, *told) : next, !told && next == *at);
            if (next == *at) break;
        }
    }
    client.live = true;
    client.cursor = told_;
}

void EventHub::wait() {
    std::vector<pollfd> polled = {{wake_, POLLIN, 0}};
    for (const auto& client : clients_)
        polled.push_back(
            {client->socket, static_cast<short>(client->pending.empty() ? POLLIN : POLLIN | POLLOUT), 0});
    ::poll(polled.data(), polled.size(), static_cast<int>(sources_.tick.count()));
    std::uint64_t woken = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_, &woken, sizeof woken);
    for (std::size_t i = 0; i < clients_.size(); ++i) {
        if (polled[i + 1].revents & (POLLERR | POLLNVAL)) clients_[i]->gone = true;
        if (!(polled[i + 1].revents & (POLLIN | POLLHUP))) continue;
        char ignored[512];  // a client has nothing to say; its end is read here
        const ssize_t count = ::recv(clients_[i]->socket, ignored, sizeof ignored, MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) clients_[i]->gone = true;
    }
}

void EventHub::run() {
    auto next_news = std::chrono::steady_clock::now();
    while (!stopping_) {
        wait();
        const auto now = std::chrono::steady_clock::now();
        std::vector<std::pair<std::unique_ptr<Client>, std::string>> arrived;
        std::vector<Text> to_tell;
        {
            const std::scoped_lock lock(mutex_);
            arrived.swap(arrived_);
            to_tell.swap(to_tell_);
            for (auto& [client, cursor] : arrived) greet(*client, cursor);
        }
        for (const auto& client : clients_)
            for (const Text& text : to_tell) put(*client, text);
        for (auto& [client, cursor] : arrived) clients_.push_back(std::move(client));
        if (now >= next_news || !arrived.empty()) {
            const auto feeds = sources_.feeds();
            if (now >= next_news) {
                tell_news(feeds);
                next_news = now + sources_.tick;
            }
            for (const auto& client : clients_)
                if (!client->live && !client->gone) catch_up(*client, feeds);
        }
        if (now >= next_beat_) {
            const auto beat = std::make_shared<const std::string>(": beat\n\n");
            for (const auto& client : clients_) put(*client, beat);
            next_beat_ = now + sources_.beat;
        }
        for (const auto& client : clients_) flush(*client);
        std::erase_if(clients_, [this](const auto& client) {
            if (!client->gone) return false;
            ::close(client->socket);
            --count_;
            return true;
        });
    }
}

}  // namespace testudo::server
