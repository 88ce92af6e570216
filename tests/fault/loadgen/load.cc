#include "tests/fault/loadgen/load.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cmath>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>

#include "tests/fault/loadgen/pool.h"

namespace ballast::loadgen {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxFailures = 1000;
constexpr std::size_t kSlowest = 10;
// Begun in one go; then answers are read before more is begun, or a backlog would only grow.
constexpr int kBatch = 64;

double Ms(Clock::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

}  // namespace

struct Load::Impl {
  explicit Impl(Options o) : options(std::move(o)), timer(io) {}

  void Tick();
  void Record(const Result& result);
  Sample MakeSample(const Result& result) const;
  Report MakeReport() const;
  Clock::time_point Due(std::uint64_t n) const {
    return started + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(static_cast<double>(n) / options.rate));
  }

  const Options options;
  asio::io_context io{1};
  asio::steady_timer timer;
  std::optional<Pool> pool;
  std::thread thread;
  std::optional<Report> final_report;

  // Below: the load's own thread only.
  Clock::time_point started;
  Clock::time_point ended;
  std::int64_t started_unix_us = 0;
  bool stopping = false;
  Report report;                      // counts only; the rest is added by MakeReport
  std::vector<std::uint32_t> micros;  // latency of each ok request
  std::vector<Sample> slowest;        // a heap, the quickest of them in front
};

// Begins what is due, then sleeps until the next is due, or 5 ms to look for timeouts.
void Load::Impl::Tick() {
  const auto now = Clock::now();
  pool->Expire(now);
  if (!stopping) {
    for (int i = 0; i < kBatch && Due(report.sent) <= now; ++i) {
      report.lag_max_ms = std::max(report.lag_max_ms, Ms(Clock::now() - Due(report.sent)));
      ++report.sent;
      pool->Send();
    }
  } else if (pool->in_flight() == 0) {
    pool->CloseIdle();
    return;  // out of work: run() returns
  }
  const auto latest = now + std::chrono::milliseconds(5);
  timer.expires_at(stopping ? now + std::chrono::milliseconds(1)
                            : std::min(latest, Due(report.sent)));
  timer.async_wait([this](const boost::system::error_code&) { Tick(); });
}

Sample Load::Impl::MakeSample(const Result& r) const {
  const auto offset = r.begun - started;
  const auto offset_us = std::chrono::duration_cast<std::chrono::microseconds>(offset).count();
  return {.at_ms = Ms(offset),
          .wall_clock = WallClock(started_unix_us + offset_us),
          .latency_ms = Ms(r.ended - r.begun),
          .outcome = r.outcome,
          .status = r.status,
          .reused = r.reused,
          .local_port = r.local_port,
          .replica = r.replica,
          .error = r.error};
}

void Load::Impl::Record(const Result& result) {
  ++report.outcomes[static_cast<int>(result.outcome)];
  if (result.status != 0) ++report.statuses[result.status];
  if (!result.replica.empty()) {
    ReplicaCount& replica = report.replicas[result.replica];
    const double at = Ms(result.ended - started);
    if (replica.answers++ == 0) replica.first_ms = at;
    replica.last_ms = at;
  }
  if (result.outcome != Outcome::kOk) {
    ++report.failed;
    if (report.failures.size() < kMaxFailures) report.failures.push_back(MakeSample(result));
    return;
  }
  ++report.ok;
  const double latency_ms = Ms(result.ended - result.begun);
  micros.push_back(static_cast<std::uint32_t>(std::lround(latency_ms * 1000)));
  const auto quicker_last = [](const Sample& a, const Sample& b) {
    return a.latency_ms > b.latency_ms;
  };
  if (slowest.size() == kSlowest) {
    if (latency_ms <= slowest.front().latency_ms) return;
    std::pop_heap(slowest.begin(), slowest.end(), quicker_last);
    slowest.pop_back();
  }
  slowest.push_back(MakeSample(result));
  std::push_heap(slowest.begin(), slowest.end(), quicker_last);
}

Report Load::Impl::MakeReport() const {
  Report out = report;
  out.seconds = Ms((stopping ? ended : Clock::now()) - started) / 1000;
  out.in_flight = pool->in_flight();
  out.connections = pool->connections();
  out.idle_closed = pool->idle_closed();
  std::vector<std::uint32_t> sorted = micros;
  out.latency = Percentiles(&sorted);
  out.slowest = slowest;
  std::sort(out.slowest.begin(), out.slowest.end(),
            [](const Sample& a, const Sample& b) { return a.latency_ms > b.latency_ms; });
  return out;
}

Load::Load(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {
  if (!(impl_->options.rate > 0) || impl_->options.rate > 1e6) {
    throw std::invalid_argument("rate: more than 0, at most a million per second");
  }
}

Load::~Load() {
  if (impl_->thread.joinable()) Stop();
}

void Load::Start() {
  if (impl_->pool) throw std::logic_error("a Load is started once");
  Impl* impl = impl_.get();
  impl->pool.emplace(&impl->io, impl->options, [impl](const Result& r) { impl->Record(r); });
  impl->started = Clock::now();
  impl->started_unix_us = std::chrono::duration_cast<std::chrono::microseconds>(
                              std::chrono::system_clock::now().time_since_epoch())
                              .count();
  impl->thread = std::thread([impl] {
    impl->Tick();
    impl->io.run();
  });
}

Report Load::Snapshot() {
  if (impl_->final_report) return *impl_->final_report;
  if (!impl_->thread.joinable()) return {};
  std::promise<Report> promise;
  asio::post(impl_->io, [this, &promise] { promise.set_value(impl_->MakeReport()); });
  return promise.get_future().get();
}

Report Load::Stop() {
  if (impl_->final_report) return *impl_->final_report;
  if (!impl_->thread.joinable()) return {};
  asio::post(impl_->io, [impl = impl_.get()] {
    impl->ended = Clock::now();
    impl->stopping = true;
    impl->timer.cancel();
  });
  impl_->thread.join();
  impl_->final_report = impl_->MakeReport();
  return *impl_->final_report;
}

}  // namespace ballast::loadgen
