// Pulls one BodySource on the worker threads, on behalf of a connection. Internal to apiserver;
// used on the thread that does input and output, where its answers come, too.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "controller/apiserver/http_threads.h"
#include "controller/apiserver/http_types.h"

namespace ballast::apiserver {

// The connection. Held weakly: when it is gone, so is what is for it.
class StreamClient {
 public:
  virtual ~StreamClient() = default;
  // The answer to Fill. Not `ok`: the source threw.
  virtual void OnFilled(bool ok, BodySource::Next next, std::string data) = 0;
  virtual void OnWake() = 0;
};

// Gives a source up on a worker thread: its destructor is not known to be quick.
void Retire(Workers& workers, std::shared_ptr<BodySource> source);

class StreamPump {
 public:
  StreamPump(std::shared_ptr<BodySource> source, std::weak_ptr<StreamClient> client,
             Workers& workers, std::shared_ptr<Mailbox> mailbox);
  ~StreamPump();
  StreamPump(const StreamPump&) = delete;
  StreamPump& operator=(const StreamPump&) = delete;

  // Not while filling. With `chunks` the data comes framed.
  void Fill(bool chunks);
  void Filled() { filling_ = false; }
  [[nodiscard]] bool filling() const { return filling_; }
  // Woken since Fill was last called on the source.
  [[nodiscard]] bool woken() const { return gate_->woken.load(); }

 private:
  // What `wake` holds, for as long as anybody has it.
  struct Gate {
    std::atomic<bool> woken = false;
    std::weak_ptr<StreamClient> client;
    std::shared_ptr<Mailbox> mailbox;
  };
  static void Wake(const std::shared_ptr<Gate>& gate);
  static void Work(BodySource& source, const std::shared_ptr<Gate>& gate, bool first, bool chunks);

  std::shared_ptr<BodySource> source_;
  Workers& workers_;
  const std::shared_ptr<Gate> gate_;
  bool started_ = false;
  bool filling_ = false;
};

}  // namespace ballast::apiserver
