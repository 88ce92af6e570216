#include "tests/integration/apiserver/fixture.h"

#include <chrono>
#include <stdexcept>
#include <thread>

#include "controller/cli/client.h"

namespace ballast::apiserver {

namespace {

bool Poll(const std::function<bool()>& what) {
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  while (!what()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

class Feed::Source final : public BodySource {
 public:
  explicit Source(Feed& feed) : feed_(feed) {}
  ~Source() override {
    Enter();
    const std::lock_guard lock(feed_.mutex_);
    feed_.busy_ = false;
    feed_.destroyed_ = true;
    feed_.changed_.notify_all();
  }

  void Start(std::function<void()> wake) override {
    Enter();
    const std::lock_guard lock(feed_.mutex_);
    feed_.busy_ = false;
    feed_.started_ = true;
    feed_.wake_ = std::move(wake);
    feed_.changed_.notify_all();
  }

  Next Fill(std::string& out) override {
    Enter();
    const std::lock_guard lock(feed_.mutex_);
    feed_.busy_ = false;
    ++feed_.fills_;
    feed_.changed_.notify_all();
    if (feed_.throw_) throw std::runtime_error("oops");
    if (!feed_.endless_.empty()) {
      out += feed_.endless_;
      return Next::kMore;
    }
    if (feed_.pending_.empty()) return feed_.end_ ? Next::kEnd : Next::kWait;
    out += feed_.pending_.front();
    feed_.pending_.pop_front();
    return Next::kMore;
  }

 private:
  void Enter() {
    const std::lock_guard lock(feed_.mutex_);
    feed_.overlapped_ = feed_.overlapped_ || feed_.busy_;
    feed_.busy_ = true;
  }

  Feed& feed_;
};

std::shared_ptr<BodySource> Feed::NewSource() { return std::make_shared<Source>(*this); }

void Feed::Changed(std::function<void()> wake) {
  changed_.notify_all();
  if (wake) wake();
}

void Feed::Push(const std::string& text) {
  std::unique_lock lock(mutex_);
  pending_.push_back(text);
  auto wake = wake_;
  lock.unlock();
  Changed(std::move(wake));
}

void Feed::End() {
  std::unique_lock lock(mutex_);
  end_ = true;
  auto wake = wake_;
  lock.unlock();
  Changed(std::move(wake));
}

void Feed::Endless(const std::string& text) {
  std::unique_lock lock(mutex_);
  endless_ = text;
  auto wake = wake_;
  lock.unlock();
  Changed(std::move(wake));
}

void Feed::Throw() {
  std::unique_lock lock(mutex_);
  throw_ = true;
  auto wake = wake_;
  lock.unlock();
  Changed(std::move(wake));
}

bool Feed::Await(const std::function<bool()>& what) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kLong, what);
}

bool Feed::AwaitDestroyed() {
  return Await([this] { return destroyed_; });
}
bool Feed::AwaitFills(int count) {
  return Await([this, count] { return fills_ >= count; });
}
int Feed::fills() const {
  const std::lock_guard lock(mutex_);
  return fills_;
}
bool Feed::started() const {
  const std::lock_guard lock(mutex_);
  return started_;
}
bool Feed::overlapped() const {
  const std::lock_guard lock(mutex_);
  return overlapped_;
}
std::function<void()> Feed::wake() const {
  const std::lock_guard lock(mutex_);
  return wake_;
}

ServerTest::~ServerTest() {
  server_.reset();  // before the feeds
  for (const auto& [name, feed] : feeds_) EXPECT_FALSE(feed->overlapped()) << name;
}

void ServerTest::Start(HttpLimits limits) {
  server_.emplace(metrics_);
  ASSERT_TRUE(server_->ListenUnix(path_, 0660, Handler(), {.limits = limits}));
  const auto listening = server_->ListenTcp("127.0.0.1", 0, Handler(), {.limits = limits});
  ASSERT_TRUE(listening);
  port_ = *listening;
  server_->Start();
}

HttpHandler ServerTest::Handler() {
  return [this](const HttpRequest& request, const Respond& respond) {
    if (request.path == "/big") return respond({.body = std::string(kBig, 'x')});
    if (request.path == "/dropped") return;
    if (request.path == "/throws") throw std::runtime_error("oops");
    if (request.path == "/twice") {
      respond({.body = "first"});
      return respond({.body = "second"});
    }
    if (request.path == "/later") {
      const std::lock_guard lock(mutex_);
      later_.push_back(respond);
      return changed_.notify_all();
    }
    if (request.path.starts_with("/feed/")) {
      const auto client = request.query.find("client");
      return respond({.content_type = "application/json",
                      .stream = FeedOf(request.path.substr(6)).NewSource(),
                      .client = client == request.query.end() ? "" : client->second,
                      .route = "/feed"});
    }
    respond({.body = request.method + " " + request.path + " " + request.body});
  };
}

Feed& ServerTest::FeedOf(const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto& feed = feeds_[name];
  if (feed == nullptr) feed = std::make_unique<Feed>();
  return *feed;
}

void ServerTest::AwaitLater(std::size_t count) {
  std::unique_lock lock(mutex_);
  ASSERT_TRUE(changed_.wait_for(lock, kLong, [&] { return later_.size() >= count; }));
}

void ServerTest::ReleaseLater() {
  std::deque<Respond> later;
  {
    const std::lock_guard lock(mutex_);
    later.swap(later_);
  }
  for (const Respond& respond : later) respond({.body = "at last"});
}

std::string ServerTest::Get(const std::string& target) const {
  const auto reply = cli::Get(path_, target, kLong);
  return reply ? reply->body : "error: " + reply.error().message;
}

void ServerTest::ExpectAlive() { EXPECT_EQ(Get("/alive"), "GET /alive "); }

bool ServerTest::MetricBecomes(const std::string& name, double value) const {
  return Poll([&] { return metrics_.Get(name) == value; });
}
bool ServerTest::MetricReaches(const std::string& name, double value) const {
  return Poll([&] { return metrics_.Get(name) >= value; });
}

std::string GetRequest(const std::string& target, const std::string& headers) {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
}

}  // namespace ballast::apiserver
