// The parsers, on what HAProxy 3.0.11 really answered.
#include "reconcilers/haproxy/replies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/haproxy/stats.h"

namespace ballast::reconcilers::haproxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kState[] =
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
    "srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state "
    "srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl "
    "srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n"
    "6 default_shop 1 shop-1 127.0.0.1 2 0 20 20 2 8 2 0 6 0 0 0 - 3000 - 0 0 - - 0\n"
    "6 default_shop 2 shop-2 127.0.0.1 0 0 0 0 2 8 2 0 6 0 0 0 - 3001 - 0 0 - - 0\n"
    "6 default_shop 3 shop-3 127.0.0.1 0 5 20 20 2 1 0 0 14 0 0 0 - 3002 - 0 0 - - 0\n\n";

TEST(ServersStateTest, ReadsTheColumnsByName) {
  const auto rows = ParseServersState(kState);
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_EQ((*rows)[0].backend, "default_shop");
  EXPECT_EQ((*rows)[0].server, "shop-1");
  EXPECT_EQ((*rows)[0].address, "127.0.0.1");
  EXPECT_EQ((*rows)[0].port, 3000);
  EXPECT_EQ((*rows)[0].op_state, 2);
  EXPECT_EQ((*rows)[0].user_weight, 20);
  EXPECT_EQ((*rows)[0].check_state, 6);
  EXPECT_EQ((*rows)[0].Admin(), ServerAdmin::kReady);
  EXPECT_EQ((*rows)[1].Admin(), ServerAdmin::kDrain);  // weight 0 in the file
  EXPECT_EQ((*rows)[2].Admin(), ServerAdmin::kMaint);  // disabled in the file
}

TEST(ServersStateTest, AdminBits) {
  const auto admin = [](int bits, int weight = 20) {
    return ServerStateRow{.admin_state = bits, .user_weight = weight}.Admin();
  };
  EXPECT_EQ(admin(0), ServerAdmin::kReady);
  EXPECT_EQ(admin(4), ServerAdmin::kReady);  // stays after `ready`
  EXPECT_EQ(admin(8), ServerAdmin::kDrain);
  EXPECT_EQ(admin(12), ServerAdmin::kDrain);
  EXPECT_EQ(admin(1), ServerAdmin::kMaint);
  EXPECT_EQ(admin(9), ServerAdmin::kMaint);
  EXPECT_EQ(admin(32), ServerAdmin::kMaint);
  EXPECT_EQ(admin(0, 0), ServerAdmin::kDrain);
  EXPECT_EQ(admin(5, 0), ServerAdmin::kMaint);
}

TEST(ServersStateTest, UnknownFormatsAreErrors) {
  const std::string state = kState;
  for (const std::string& bad :
       {std::string(), std::string("2\n# be_id\n"), std::string("1\n"),
        std::string("1\n# be_id be_name\n"), state.substr(0, state.size() - 40),
        std::string("Unknown command.\n"),
        std::string(
            "1\n# be_name srv_name srv_addr srv_port srv_op_state srv_admin_state srv_uweight "
            "srv_check_state\na b 1.2.3.4 70000 2 0 1 6\n")}) {
    EXPECT_FALSE(ParseServersState(bad)) << bad;
  }
  EXPECT_THAT(*ParseServersState(state.substr(0, state.find("6 default_shop 1"))), IsEmpty());
}

constexpr char kConn[] =
    "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb "
    "safe_nb "
    "idle_lim idle_cur idle_per_thr[2]\n"
    "default_shop/shop-1 6/1 127.0.0.1 3000 - 5000 3 4 1 0 0 -1 2 1 1\n"
    "default_shop/shop-2 6/2 127.0.0.1 3001 - 5000 0 1 1 0 0 -1 0 0 0\n\n";

TEST(ServersConnTest, ReadsUsedCur) {
  const auto connections = ParseServersConn(kConn);
  ASSERT_TRUE(connections) << connections.error().message;
  EXPECT_THAT(*connections, ElementsAre(std::pair(std::pair("default_shop", "shop-1"), 3),
                                        std::pair(std::pair("default_shop", "shop-2"), 0)));
}

TEST(ServersConnTest, UnknownFormatsAreErrors) {
  for (const char* bad : {"", "Can't find backend.\n", "# bkname/svname used_cur\nshop 1\n",
                          "# bkname/svname used_cur\na/b x\n", "# bkname/svname used_cur\na/b\n",
                          "# bkname/svname\n"}) {
    EXPECT_FALSE(ParseServersConn(bad)) << bad;
  }
}

TEST(ShowProcTest, TellsOldWorkersFromTheCurrentOne) {
  const auto workers = ParseShowProc(
      "#<PID>          <type>          <reloads>       <uptime>        <version>      \n"
      "7               master          3 [failed: 0]   0d00h00m10s     3.0.11-1+deb13u3\n"
      "# workers\n"
      "21              worker          0               0d00h00m03s     3.0.11-1+deb13u3\n"
      "# old workers\n"
      "9               worker          3               0d00h00m10s     3.0.11-1+deb13u3\n"
      "# programs\n\n");
  ASSERT_TRUE(workers) << workers.error().message;
  ASSERT_EQ(workers->size(), 2U);
  EXPECT_EQ((*workers)[0].pid, 21);
  EXPECT_FALSE((*workers)[0].old);
  EXPECT_EQ((*workers)[1].pid, 9);
  EXPECT_TRUE((*workers)[1].old);
  EXPECT_EQ((*workers)[1].reloads, 3);
}

TEST(ShowProcTest, UnknownFormatsAreErrors) {
  for (const char* bad : {"", "Unknown command\n", "#<PID> <type>\n# strangers\n",
                          "#<PID> <type>\n# workers\nx worker 0\n", "#<PID> <type>\n# workers\n9\n",
                          "#<PID> <type>\n# workers\n9 program 0\n"}) {
    EXPECT_FALSE(ParseShowProc(bad)) << bad;
  }
}

TEST(ExtractAlertsTest, KeepsWhatSaysWhatIsWrong) {
  EXPECT_EQ(
      ExtractAlerts(
          "Success=0\n--\n[NOTICE]   (7) : haproxy version is 3.0.11-1+deb13u3\n"
          "[ALERT]    (7) : config : parsing [/etc/haproxy/b.cfg:1]: unknown keyword 'bogus' out "
          "of section.\n[ALERT]    (7) : config : Error(s) found in configuration file : "
          "/etc/haproxy/b.cfg\n[ALERT]    (7) : config : Fatal errors found in configuration.\n"
          "[WARNING]  (7) : Loading failure!\n\n"),
      "parsing [/etc/haproxy/b.cfg:1]: unknown keyword 'bogus' out of section.");
  EXPECT_EQ(ExtractAlerts("[ALERT]    (1) : config : [f:21] : 'server' expects\n   | more of it\n"
                          "[ALERT]    (1) : Starting frontend http: cannot bind socket\n"),
            "[f:21] : 'server' expects more of it; Starting frontend http: cannot bind socket");
  EXPECT_EQ(ExtractAlerts("[ALERT]    (1) : config : Fatal errors found in configuration.\n"),
            "Fatal errors found in configuration.");
  EXPECT_EQ(ExtractAlerts("sh: haproxy: not found\n\n"), "sh: haproxy: not found");
  EXPECT_EQ(ExtractAlerts(""), "");
}

TEST(ExtractAlertsTest, IsBounded) {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "[ALERT]    (1) : config : wrong\n";
  EXPECT_THAT(ExtractAlerts(many), HasSubstr("; and 980 more"));
}

TEST(RequireVersionTest, AcceptsThreeAndLater) {
  EXPECT_EQ(RequireVersion("Name: HAProxy\nVersion: 3.0.11-1+deb13u3\nRelease_date: 2026/05/20\n")
                .value_or(""),
            "3.0.11-1+deb13u3");
  EXPECT_EQ(
      RequireVersion("HAProxy version 3.2-dev1 2026/05/20 - https://haproxy.org/\n").value_or(""),
      "3.2-dev1");
  const auto old = RequireVersion("HA-Proxy version 2.2.9-2+deb11u6 2023/12/30\n");
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(old.error().message, HasSubstr("HAProxy 2.2.9-2+deb11u6 is too old: 3.0 or later"));
  EXPECT_FALSE(RequireVersion(""));
  EXPECT_EQ(RequireVersion("Version: strange\n").error().code, Code::kInternal);
}

TEST(ShowStatTest, ReadsInPlace) {
  const auto rows = ParseShowStat(
      "# "
      "pxname,svname,qcur,scur,stot,status,weight,act,type,check_status,req_tot,last_chk,addr,"
      "cookie,\n"
      "http,FRONTEND,,2,17,OPEN,,,0,,21,,,,\n"
      "default_shop,shop-1,1,3,9,UP 1/3,20,1,2,L7OK,,\"said \"\"a,b\"\", "
      "then\",172.30.0.5:3000,shop-1,\n"
      "default_shop,BACKEND,0,3,9,UP,20,1,1,,12,,,,\n\n");
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 3U);
  const StatRow& frontend = (*rows)[0];
  EXPECT_EQ(frontend.kind, StatKind::kFrontend);
  EXPECT_EQ(frontend.queued, -1);
  EXPECT_EQ(frontend.requests, 21);
  const StatRow& server = (*rows)[1];
  EXPECT_EQ(server.kind, StatKind::kServer);
  EXPECT_EQ(server.proxy, "default_shop");
  EXPECT_EQ(server.name, "shop-1");
  EXPECT_EQ(server.status, "UP 1/3");
  EXPECT_EQ(server.address, "172.30.0.5:3000");
  EXPECT_EQ(server.check_status, "L7OK");
  EXPECT_EQ(server.cookie, "shop-1");
  EXPECT_EQ(server.current_sessions, 3);
  EXPECT_EQ(server.queued, 1);
  EXPECT_EQ(server.total_sessions, 9);
  EXPECT_EQ(server.weight, 20);
  EXPECT_EQ((*rows)[2].kind, StatKind::kBackend);
  EXPECT_EQ((*rows)[2].active_servers, 1);
}

TEST(ShowStatTest, ReadsWhatTheLoadIsMeasuredBy) {
  const auto rows = ParseShowStat(
      "# pxname,svname,qcur,scur,stot,status,act,type,hrsp_5xx,req_tot,qtime,ctime,rtime,ttime,\n"
      "default_shop,shop-1,1,3,90,UP,1,2,4,80,30,1,120,200,\n"
      "default_shop,BACKEND,2,6,91,UP,1,1,5,81,31,2,121,201,\n");
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 2U);
  const StatRow& backend = (*rows)[1];
  EXPECT_EQ(backend.errors, 5);
  EXPECT_EQ(backend.requests, 81);
  EXPECT_EQ(backend.queue_time, 31);
  EXPECT_EQ(backend.connect_time, 2);
  EXPECT_EQ(backend.response_time, 121);
  EXPECT_EQ((*rows)[0].errors, 4);
}

TEST(ShowStatTest, UnknownFormatsAreErrors) {
  for (const char* bad : {"", "Unknown command\n", "# pxname,svname,qcur\n",
                          "# pxname,svname,qcur,scur,stot,status,type\na,b,1,2,3,UP,9\n",
                          "# pxname,svname,qcur,scur,stot,status,type\na,b\n"}) {
    EXPECT_FALSE(ParseShowStat(bad)) << bad;
  }
}

TEST(RepliesTest, NoPrefixOfAReplyCrashesAParser) {
  for (const std::string& whole : {std::string(kState), std::string(kConn)}) {
    for (std::size_t n = 0; n <= whole.size(); ++n) {
      const std::string_view part = std::string_view(whole).substr(0, n);
      (void)ParseServersState(part);
      (void)ParseServersConn(part);
      (void)ParseShowProc(part);
      (void)ParseShowStat(part);
      (void)RequireVersion(part);
      (void)ExtractAlerts(part);
    }
  }
}

}  // namespace
}  // namespace ballast::reconcilers::haproxy
