#include "controller/apiserver/http_stream.h"

#include <exception>
#include <utility>

#include "controller/apiserver/http_wire.h"
#include "controller/runtime/log.h"

namespace ballast::apiserver {

void Retire(Workers& workers, std::shared_ptr<BodySource> source) {
  if (source != nullptr) workers.Post([source = std::move(source)] {});
}

StreamPump::StreamPump(std::shared_ptr<BodySource> source, std::weak_ptr<StreamClient> client,
                       Workers& workers, std::shared_ptr<Mailbox> mailbox)
    : source_(std::move(source)), workers_(workers), gate_(std::make_shared<Gate>()) {
  gate_->client = std::move(client);
  gate_->mailbox = std::move(mailbox);
}

StreamPump::~StreamPump() {
  gate_->woken = true;  // so that later wakes end there
  Retire(workers_, std::move(source_));
}

void StreamPump::Fill(bool chunks) {
  filling_ = true;
  workers_.Post([source = source_, gate = gate_, first = !std::exchange(started_, true), chunks] {
    Work(*source, gate, first, chunks);
  });
}

void StreamPump::Wake(const std::shared_ptr<Gate>& gate) {
  if (gate->woken.exchange(true)) return;
  gate->mailbox->Post([weak = gate->client] {
    if (const auto client = weak.lock()) client->OnWake();
  });
}

void StreamPump::Work(BodySource& source, const std::shared_ptr<Gate>& gate, bool first,
                      bool chunks) {
  bool ok = true;
  auto next = BodySource::Next::kEnd;
  std::string data;
  try {
    if (first) source.Start([gate] { Wake(gate); });
    gate->woken = false;  // what comes from here on may be after what Fill sees
    next = source.Fill(data);
    if (chunks) data = WireChunk(data);
  } catch (const std::exception& error) {
    runtime::Log(runtime::LogLevel::kError, "A stream failed", {{"error", error.what()}});
    ok = false;
  }
  gate->mailbox->Post([weak = gate->client, ok, next, data = std::move(data)]() mutable {
    if (const auto client = weak.lock()) client->OnFilled(ok, next, std::move(data));
  });
}

}  // namespace ballast::apiserver
