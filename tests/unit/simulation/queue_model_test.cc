// The queue and the replicas of a simulated web app.
#include <gtest/gtest.h>

#include "reconcilers/simulation/queue_model.h"
#include "reconcilers/simulation/replicas_model.h"

namespace ballast::reconcilers {
namespace {

TEST(QueueModel, NobodyWaitsBelowTheCapacity) {
  QueueModel queue(30);
  for (int i = 0; i < 10; ++i) queue.Second(50, 50);
  EXPECT_EQ(queue.unserved(), 0);
  EXPECT_EQ(queue.queued(), 0);
  EXPECT_EQ(queue.Quantile(0.99), 0);
  EXPECT_EQ(queue.served_last(), 50);
  EXPECT_EQ(queue.mean_wait_last(), 0);
}

// 100 in one second, 50 served in each: the last one waits a second, the mean is half of one.
TEST(QueueModel, OneSecondTooMany) {
  QueueModel queue(30);
  queue.Second(100, 50);
  EXPECT_EQ(queue.unserved(), 50);
  EXPECT_NEAR(queue.queued(), 50, 1e-6);
  EXPECT_NEAR(queue.mean_wait_last(), 0.25, 1e-6);
  queue.Second(0, 50);
  EXPECT_NEAR(queue.queued(), 0, 1e-6);
  EXPECT_NEAR(queue.mean_wait_last(), 0.75, 1e-6);
  EXPECT_NEAR(queue.Quantile(0.5), 0.5, 0.02);
  EXPECT_NEAR(queue.Quantile(0.95), 0.95, 0.02);
  EXPECT_EQ(queue.Later(1), 0);
  EXPECT_NEAR(queue.Later(0.5), 50, 2);
  EXPECT_EQ(queue.lost(), 0);
}

// A backlog of 50 with 50/s coming and 100/s served is gone after a second.
TEST(QueueModel, ABacklogIsWorkedOff) {
  QueueModel queue(30);
  queue.Second(50, 0);
  EXPECT_EQ(queue.queued(), 50);
  EXPECT_EQ(queue.served_last(), 0);
  queue.Second(50, 100);
  EXPECT_NEAR(queue.queued(), 0, 1e-6);
  EXPECT_NEAR(queue.served_last(), 100, 1e-6);
  queue.Second(50, 100);
  EXPECT_EQ(queue.mean_wait_last(), 0);
  EXPECT_NEAR(queue.Quantile(1), 1, 0.02);
}

// All that come are somewhere: served, waiting or turned away.
TEST(QueueModel, NothingIsLostOnTheWay) {
  QueueModel queue(5);
  double came = 0;
  double served = 0;
  for (int i = 0; i < 1000; ++i) {
    const double arrivals = (i * 37) % 101;
    const double capacity = (i / 50) % 2 == 0 ? 30 : 80;
    queue.Second(arrivals, capacity);
    came += arrivals;
    served += queue.served_last();
    ASSERT_LE(queue.served_last(), capacity + 1e-6);
    ASSERT_GE(queue.queued(), 0);
  }
  EXPECT_NEAR(came, served + queue.queued() + queue.lost(), 1e-3);
  EXPECT_GT(queue.lost(), 0);
  EXPECT_GE(queue.Later(1), queue.lost());
  EXPECT_LE(queue.Quantile(0.99), 5);
  EXPECT_LE(queue.Quantile(0.5), queue.Quantile(0.95));
}

TEST(QueueModel, NoReplicaAtAll) {
  QueueModel queue(3);
  for (int i = 0; i < 10; ++i) queue.Second(10, 0);
  EXPECT_EQ(queue.unserved(), 100);
  EXPECT_EQ(queue.lost(), 60);
  EXPECT_EQ(queue.queued(), 40);
  EXPECT_EQ(QueueModel(3).Quantile(0.99), 0);
}

TEST(ReplicasModel, StartupAndDrain) {
  ReplicasModel replicas(2, 5, 10);
  replicas.Begin(0);
  replicas.Scale(0, 4);  // decided when second 0 is over: at work in second 6
  replicas.Begin(5);
  EXPECT_EQ(replicas.ready(), 2);
  EXPECT_EQ(replicas.running(), 4);
  replicas.Begin(6);
  EXPECT_EQ(replicas.ready(), 4);
  replicas.Scale(6, 1);
  EXPECT_EQ(replicas.ready(), 1);
  EXPECT_EQ(replicas.asked(), 1);
  EXPECT_EQ(replicas.running(), 4);
  replicas.Begin(16);
  EXPECT_EQ(replicas.running(), 4);
  replicas.Begin(17);
  EXPECT_EQ(replicas.running(), 1);
}

TEST(ReplicasModel, TheOnesOnTheirWayGoFirst) {
  ReplicasModel replicas(2, 5, 10);
  replicas.Scale(0, 5);
  replicas.Scale(1, 3);
  EXPECT_EQ(replicas.ready(), 2);
  EXPECT_EQ(replicas.running(), 3);
  replicas.Scale(2, 1);
  EXPECT_EQ(replicas.ready(), 1);
  EXPECT_EQ(replicas.running(), 2);
  replicas.Begin(6);
  EXPECT_EQ(replicas.ready(), 1);
}

TEST(QueueModel, WhoStillWaitsAtTheEndHasWaited) {
  QueueModel queue(60);
  queue.Second(100, 100);
  for (int i = 0; i < 9; ++i) queue.Second(100, 0);
  EXPECT_NEAR(queue.Quantile(0.05), 0, 0.02);
  EXPECT_NEAR(queue.Quantile(0.55), 4.5, 0.1);
  EXPECT_NEAR(queue.Quantile(0.99), 8.9, 0.1);
}

}  // namespace
}  // namespace ballast::reconcilers
