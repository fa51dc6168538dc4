#!/usr/bin/env python3
"""Runs one telemetry gateway (SUT) pinned to one core against loadkit pinned to another.

    bench.py --sut invar --scenario scrape-rw
    bench.py --sut prometheus --scenario scrape-rw
    bench.py --sut alloy --bin path/to/alloy --scenario rw-rw

--cmd placeholders: {bin} {config} {work} and every port name ({sut_http}, {rw_out}, ...).
The configuration template configs/<family>/<scenario>.<ext> has @name@ placeholders for the same names.
Appends one JSON line per run to --results. Standard library only.
"""
import argparse
import ctypes
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))
LOADKIT = os.path.join(TARGET, "release", "loadkit")
CONFIGS = os.path.join(HERE, "configs")
TCK = os.sysconf("SC_CLK_TCK")

PORTS = ["targets", "rw_in", "rw_out", "sut_http"]

# name: (extension of the config, default command, Go?, path for remote write, path for Loki push)
FAMILIES = {
    "invar": dict(ext="alloy", go=False, rw_path="/api/v1/metrics/write",
                  cmd="{bin} run --server.http.listen-addr=127.0.0.1:{sut_http} --storage.path={work}/data "
                      "--dataplane.shards=1 {config}"),
    "alloy": dict(ext="alloy", go=True, rw_path="/api/v1/metrics/write",
                  cmd="{bin} run --server.http.listen-addr=127.0.0.1:{sut_http} --storage.path={work}/data "
                      "--disable-reporting {config}"),
    "prometheus": dict(ext="yml", go=True, rw_path="/api/v1/write",
                       cmd="{bin} --enable-feature=agent --config.file={config} --storage.agent.path={work}/data "
                           "--web.listen-address=127.0.0.1:{rw_in} --web.enable-remote-write-receiver --log.level=warn"),
    "vmagent": dict(ext="yml", go=True, rw_path="/api/v1/write",
                    cmd="{bin} -promscrape.config={config} -remoteWrite.url=http://127.0.0.1:{rw_out}/api/v1/write "
                        "-remoteWrite.tmpDataPath={work}/data -httpListenAddr=127.0.0.1:{rw_in} "
                        "-remoteWrite.forcePromProto=true -loggerLevel=WARN"),
}
SCENARIOS = {
    "scrape-rw": dict(kind="scrape"),
    "rw-rw": dict(kind="rw"),
    "idle": dict(kind="idle"),
}

LIBC = ctypes.CDLL(None)
procs = []


def preexec(core):
    def f():
        os.setsid()
        if core is not None:
            os.sched_setaffinity(0, core)
        LIBC.prctl(1, signal.SIGKILL)  # die with this script
    return f


def start(cmd, core, out, env=None):
    p = subprocess.Popen(cmd, stdout=out, stderr=subprocess.STDOUT if out != subprocess.PIPE else None,
                         stdin=subprocess.DEVNULL, preexec_fn=preexec(core), env=env)
    procs.append(p)
    return p


def stop(p, grace=10.0):
    if p.poll() is None:
        p.send_signal(signal.SIGTERM)
        try:
            p.wait(grace)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def stop_all():
    for p in reversed(procs):
        try:
            stop(p, 5.0)
        except Exception:
            pass


def http(method, url, timeout=5.0):
    r = urllib.request.Request(url, method=method, data=b"" if method == "POST" else None)
    with urllib.request.urlopen(r, timeout=timeout) as f:
        return f.read()


def wait_port(port, proc, timeout, what):
    end = time.time() + timeout
    while time.time() < end:
        if proc is not None and proc.poll() is not None:
            raise RuntimeError(f"{what} exited with {proc.returncode} before it was ready")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"{what}: port {port} not open after {timeout}s")


def free_ports(base):
    for b in range(base, base + 4000, 40):
        ok = True
        for i in range(len(PORTS)):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", b + i))
            except OSError:
                ok = False
            s.close()
            if not ok:
                break
        if ok:
            return {n: b + i for i, n in enumerate(PORTS)}
    raise RuntimeError("no free port range")


# ---- /proc ------------------------------------------------------------------
def read(p):
    try:
        with open(p) as f:
            return f.read()
    except OSError:
        return ""


def tree(pid):
    out = [pid]
    for t in os.listdir(f"/proc/{pid}/task") if os.path.isdir(f"/proc/{pid}/task") else []:
        for c in read(f"/proc/{pid}/task/{t}/children").split():
            out += tree(int(c))
    return out


def cpu(pid):
    """user and system seconds of the process, its live descendants and its reaped children"""
    u = s = 0
    for p in tree(pid):
        t = read(f"/proc/{p}/stat")
        if t:
            f = t[t.rfind(")") + 2:].split()
            u += int(f[11]) + int(f[13])
            s += int(f[12]) + int(f[14])
    return u / TCK, s / TCK


def status_kib(pid, key):
    n = 0
    for p in tree(pid):
        for line in read(f"/proc/{p}/status").splitlines():
            if line.startswith(key + ":"):
                n += int(line.split()[1])
    return n


def pss_kib(pid):
    n = 0
    for p in tree(pid):
        for line in read(f"/proc/{p}/smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                n += int(line.split()[1])
    return n


class Sampler(threading.Thread):
    """RSS every 100 ms until stopped"""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.max, self.anon, self.sum, self.n, self.go = pid, 0, 0, 0, 0, True

    def run(self):
        while self.go:
            r = status_kib(self.pid, "VmRSS")
            self.max = max(self.max, r)
            self.anon = max(self.anon, status_kib(self.pid, "RssAnon"))
            self.sum += r
            self.n += 1
            time.sleep(0.1)

    def end(self):
        self.go = False
        self.join()
        return self.max / 1024, self.sum / max(self.n, 1) / 1024, self.anon / 1024


class Bench:
    def __init__(self, a):
        self.a = a
        self.sc = SCENARIOS[a.scenario]
        fam = a.family or (a.sut if a.sut in FAMILIES else "alloy")
        self.fam = FAMILIES[fam]
        self.famname = fam
        self.ports = free_ports(a.base_port)
        self.work = tempfile.mkdtemp(prefix="bench-", dir=a.workdir)
        os.mkdir(os.path.join(self.work, "data"))
        self.core_sut = {int(c) for c in a.sut_cores.split(",")}
        self.core_load = {int(c) for c in a.load_cores.split(",")}
        self.sut = None

    # -- processes --
    def lk(self, *args, out=None):
        if out is None:
            out = open(os.path.join(self.work, args[0] + ".out"), "ab")
        return start([LOADKIT, *map(str, args)], self.core_load, out)

    def send(self, *args, timeout):
        """Runs a sender to its end; returns its report."""
        p = start([LOADKIT, *map(str, args)], self.core_load, subprocess.PIPE)
        try:
            out, _ = p.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            p.kill()
            out, _ = p.communicate()
        lines = [x for x in out.decode().splitlines() if x.startswith("{")]
        if not lines:
            raise RuntimeError("the sender gave no report")
        return json.loads(lines[-1])

    def stats(self, port):
        return json.loads(http("GET", f"http://127.0.0.1:{port}/stats"))

    def reset(self, port):
        http("POST", f"http://127.0.0.1:{port}/reset")

    def config(self):
        names = dict(self.ports, interval=self.a.interval, work=self.work)
        src = self.a.config or os.path.join(CONFIGS, self.famname, f"{self.a.scenario}.{self.fam['ext']}")
        if not os.path.exists(src):
            raise RuntimeError(f"no config template for {self.famname} and {self.a.scenario} ({src})")
        text = open(src).read()
        for k, v in names.items():
            text = text.replace(f"@{k}@", str(v))
        dst = os.path.join(self.work, os.path.basename(src))
        with open(dst, "w") as f:
            f.write(text)
        return dst

    def built(self):
        path = os.path.join(TARGET, "release", "invar")
        return path if self.famname == "invar" and os.path.exists(path) else None

    def start_sut(self):
        cfg = self.config()
        cmd = self.a.cmd or self.fam["cmd"]
        binary = self.a.bin or self.built() or shutil.which(self.a.sut) or self.a.sut
        vals = dict(self.ports, bin=shlex.quote(binary), config=shlex.quote(cfg), work=shlex.quote(self.work))
        argv = shlex.split(cmd.format(**vals))
        env = dict(os.environ)
        if self.fam["go"] and not self.a.cmd_not_go:
            env["GOMAXPROCS"] = str(self.a.gomaxprocs)
        for kv in self.a.env:
            k, v = kv.split("=", 1)
            env[k] = v
        self.t_start = time.time()
        self.sut = start(argv, self.core_sut, open(os.path.join(self.work, "sut.log"), "ab"), env)

    def ready(self, port):
        wait_port(port, self.sut, self.a.ready_timeout, self.a.sut)
        return time.time() - self.t_start

    def settle(self, port, want=None, quiet=3.0, timeout=30.0):
        """Waits until the sink has `want` items or has stood still for `quiet` seconds."""
        end, last, since = time.time() + timeout, -1, time.time()
        while time.time() < end:
            s = self.stats(port)
            if want is not None and s["items"] >= want:
                return s
            if s["items"] != last:
                last, since = s["items"], time.time()
            elif time.time() - since > quiet:
                return s
            time.sleep(0.05)
        return self.stats(port)

    def alive(self):
        if self.sut.poll() is not None:
            raise RuntimeError(f"the SUT exited with {self.sut.returncode}")

    # -- measuring --
    def begin(self):
        self.alive()
        self.sampler = Sampler(self.sut.pid)
        self.cpu0 = cpu(self.sut.pid)
        self.wall0 = time.time()
        self.sampler.start()

    def end(self):
        u, s = (b - a for a, b in zip(self.cpu0, cpu(self.sut.pid)))
        rmax, ravg, anon = self.sampler.end()
        self.alive()
        return dict(sut_cpu_s=round(u + s, 3), sut_user_s=round(u, 3), sut_sys_s=round(s, 3),
                    wall_s=round(time.time() - self.wall0, 3), rss_max_mib=round(rmax, 1), rss_avg_mib=round(ravg, 1),
                    rss_anon_max_mib=round(anon, 1),  # without the mapped binary
                    rss_hwm_mib=round(status_kib(self.sut.pid, "VmHWM") / 1024, 1),
                    pss_end_mib=round(pss_kib(self.sut.pid) / 1024, 1),
                    threads=status_kib(self.sut.pid, "Threads"))

    def push(self, in_port, sink_port, args, warm_args, dur):
        """Warm up, then load the SUT through a sender and count at the sink."""
        res = {"ready_s": round(self.ready(in_port), 3)}
        time.sleep(0.5)
        res["rss_idle_mib"] = round(status_kib(self.sut.pid, "VmRSS") / 1024, 1)
        if self.a.warmup > 0:
            w = self.send(*warm_args, "--duration", f"{self.a.warmup}s", timeout=self.a.warmup + 40)
            if not w["items_acked"]:
                raise RuntimeError(f"nothing was accepted in the warm-up: {w.get('last_error')}")
            self.settle(sink_port, timeout=self.a.drain)
        self.reset(sink_port)
        self.mark_sink(sink_port)
        self.begin()
        rep = self.send(*args, "--duration", f"{dur}s", timeout=dur + 60)
        # what was acknowledged is due; more can arrive when a request failed after it was taken
        st = self.settle(sink_port, rep["items_acked"] if not rep["failed_requests"] else None, timeout=self.a.drain)
        res.update(self.end())
        return self.result(res, rep, st)

    def result(self, res, rep, st):
        items = st["items"]
        res["items_sent"] = rep["items_sent"]
        res["items_acked"] = rep["items_acked"]
        res["items_delivered"] = items
        res["items_per_s"] = round(items / max(st["active_s"], 1e-3))
        res["items_per_cpu_s"] = round(items / max(res["sut_cpu_s"], 1e-3))
        res["loss"] = rep["items_acked"] - items
        if st.get("verify") and "distinct" in st["verify"]:
            res["loss"] = rep["items_acked"] - st["verify"]["distinct"]
            res["duplicates"] = st["verify"]["duplicates"]
        res["loss_pct"] = round(100 * res["loss"] / max(rep["items_acked"], 1), 4)
        lat = rep.get("latency_ms", {})
        res["p50_ms"], res["p99_ms"] = lat.get("p50"), lat.get("p99")
        res["send_requests"] = rep.get("requests")
        res["failed_requests"] = rep.get("failed_requests")
        res["last_error"] = rep.get("last_error")
        res["sink_requests"] = st["requests"]
        res["sink_max_request_items"] = st.get("max_request_items")
        res["sink_wire_bytes"] = st["wire_bytes"]
        # the load side shares one core: near 1.0 it is the limit, not the SUT
        res["load_cpu"] = round((rep.get("self_cpu_s", 0) + st.get("self_cpu_s", 0) - self.sink_cpu0) / max(res["wall_s"], 1e-3), 3)
        return res

    def mark_sink(self, port):
        self.sink_cpu0 = self.stats(port)["self_cpu_s"]

    # -- scenarios --
    def run(self):
        a, P = self.a, self.ports
        life = f"{int(a.duration + a.warmup + a.ready_timeout + a.drain * 2 + 120)}s"
        ver = ["--verify"] if a.verify else []
        kind = self.sc["kind"]
        self.sink_cpu0 = 0.0
        if kind == "rw":
            sink = self.lk("rw-sink", "--listen", f"127.0.0.1:{P['rw_out']}", "--duration", life, *ver)
            wait_port(P["rw_out"], sink, 5, "rw-sink")
            self.start_sut()
            base = ["rw-send", "--endpoint", f"http://127.0.0.1:{P['rw_in']}{self.fam.get('rw_path', '/api/v1/write')}",
                    "--series", a.series_total, "--samples-per-request", 2000, "--rate", a.rate,
                    "--connections", a.connections]
            r = self.push(P["rw_in"], P["rw_out"], base, base, a.duration)
            r["verify"] = self.stats(P["rw_out"]).get("verify")
            return r
        if kind == "scrape":
            return self.run_scrape(life, ver)
        return self.run_idle()

    def run_scrape(self, life, ver):
        a, P = self.a, self.ports
        t = ["prom-targets", "--listen", f"127.0.0.1:{P['targets']}", "--targets", a.targets, "--series", a.series,
             "--duration", life]
        t += ["--histograms"] if a.histograms else []
        t += ["--gzip"] if a.gzip else []
        t += ["--churn", a.churn] if a.churn else []
        tp = self.lk(*t)
        sink = self.lk("rw-sink", "--listen", f"127.0.0.1:{P['rw_out']}", "--duration", life, *ver)
        wait_port(P["targets"], tp, 30, "prom-targets")
        wait_port(P["rw_out"], sink, 5, "rw-sink")
        self.start_sut()
        iv = float(a.interval.rstrip("s"))
        end = time.time() + a.ready_timeout + 2 * iv
        first = None
        while time.time() < end:
            self.alive()
            n = self.stats(P["targets"])
            if first is None and n["scrapes"]:
                first = time.time() - self.t_start
            if n["scrapes_per_target_min"] >= 1 and self.stats(P["rw_out"])["items"] > 0:
                break
            time.sleep(0.05)
        else:
            raise RuntimeError("not every target was scraped, or nothing was delivered")
        time.sleep(max(a.warmup, 2 * iv))
        # a backlog of the start-up must not count: wait until less than about one interval's worth is due
        end = time.time() + a.drain
        while time.time() < end:
            due = self.stats(P["targets"])["scrapes_total"] * a.series - self.stats(P["rw_out"])["lifetime_items"]
            if due < 1.2 * a.targets * a.series:
                break
            time.sleep(0.2)
        res = {"first_scrape_s": round(first, 3)}
        self.reset(P["targets"])
        self.reset(P["rw_out"])
        t0, k0 = self.stats(P["targets"])["self_cpu_s"], self.stats(P["rw_out"])["self_cpu_s"]
        self.begin()
        time.sleep(a.duration)
        m = self.end()
        tg, st = self.stats(P["targets"]), self.stats(P["rw_out"])
        res.update(m)
        items = st["samples"] + st["histograms"]
        extra = 5  # up and scrape_* too
        if st.get("verify") and not a.churn:
            extra = round(st["verify"]["distinct_series"] / a.targets) - a.series
        expect = tg["scrapes"] * (a.series + extra)
        res["items_scraped"] = tg["samples"]
        res["items_delivered"] = items
        res["items_per_s"] = round(items / m["wall_s"])
        res["items_per_cpu_s"] = round(items / max(m["sut_cpu_s"], 1e-3))
        res["sut_cpu_fraction"] = round(m["sut_cpu_s"] / m["wall_s"], 4)
        res["loss"] = expect - items  # what is still on its way at the end counts, so a little is normal
        res["loss_pct"] = round(100 * (expect - items) / max(expect, 1), 3)
        res["scrapes"] = tg["scrapes"]
        res["scrapes_expected"] = round(a.targets * m["wall_s"] / iv)
        res["interval_s_max"] = tg["interval_s_max"]
        res["max_lag_ms"] = st["max_lag_ms"]
        res["sink_requests"] = st["requests"]
        res["sink_wire_bytes"] = st["wire_bytes"]
        res["metadata"] = st["metadata"]
        res["verify"] = st.get("verify")
        res["load_cpu"] = round((tg["self_cpu_s"] - t0 + st["self_cpu_s"] - k0) / m["wall_s"], 3)
        res.update(targets=a.targets, series=a.series, interval=a.interval)
        if a.verify and not a.churn:
            # exact over the SUT's whole life: stop it and let it flush
            stop(self.sut, 30)
            st = self.settle(P["rw_out"], quiet=1.0, timeout=5)
            total = self.stats(P["targets"])["scrapes_total"] * (a.series + extra)
            res["loss_total"] = total - (st["lifetime_items"] - st["lifetime_stale"])
            res["loss_total_pct"] = round(100 * res["loss_total"] / total, 4)
            res["stale_markers"] = st["lifetime_stale"]
        return res

    def run_idle(self):
        a = self.a
        self.start_sut()
        port = self.ports["rw_in"] if self.famname in ("prometheus", "vmagent") else self.ports["sut_http"]
        res = {"ready_s": round(self.ready(port), 3)}
        time.sleep(max(a.warmup, 1))
        self.begin()
        time.sleep(a.duration)
        m = self.end()
        res.update(m)
        res["sut_cpu_fraction"] = round(m["sut_cpu_s"] / m["wall_s"], 5)
        return res


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--sut", required=True, help="name in the results; also the config family when it is a known one")
    ap.add_argument("--family", choices=FAMILIES, help="config templates and default command (else --sut, else alloy)")
    ap.add_argument("--bin", help="the SUT's binary, {bin} in the command")
    ap.add_argument("--cmd", help="command line instead of the family's")
    ap.add_argument("--config", help="config template instead of the family's")
    ap.add_argument("--scenario", required=True, choices=SCENARIOS)
    ap.add_argument("--env", action="append", default=[], metavar="K=V")
    ap.add_argument("--cmd-not-go", action="store_true", help="do not set GOMAXPROCS")
    ap.add_argument("--gomaxprocs", type=int, default=1)
    ap.add_argument("--duration", type=float, default=10)
    ap.add_argument("--warmup", type=float, default=3)
    ap.add_argument("--drain", type=float, default=30, help="seconds to wait for the rest to arrive")
    ap.add_argument("--ready-timeout", type=float, default=60)
    ap.add_argument("--rate", default="max", help="items per second or max")
    ap.add_argument("--connections", type=int, default=2)
    ap.add_argument("--targets", type=int, default=50)
    ap.add_argument("--series", type=int, default=1000, help="per target")
    ap.add_argument("--interval", default="1s", help="scrape interval, in seconds (Ns)")
    ap.add_argument("--churn", type=float, default=0)
    ap.add_argument("--histograms", action="store_true")
    ap.add_argument("--gzip", action="store_true", help="gzip scrape bodies")
    ap.add_argument("--series-total", type=int, default=20000, help="rw-rw")
    ap.add_argument("--verify", action="store_true", help="sequence numbers: exact loss and duplicates")
    ap.add_argument("--repeat", type=int, default=1)
    ap.add_argument("--sut-cores", default="0")
    ap.add_argument("--load-cores", default="1")
    ap.add_argument("--base-port", type=int, default=24000)
    ap.add_argument("--workdir", help="parent of the run's scratch directory (default: the system's)")
    ap.add_argument("--keep", action="store_true", help="keep the scratch directory")
    ap.add_argument("--note", default="")
    ap.add_argument("--results", default=os.path.join(HERE, "results", "results.jsonl"))
    a = ap.parse_args()
    for n in ("duration", "warmup", "drain", "ready_timeout"):
        if getattr(a, n) > 600:
            ap.error(f"--{n} is at most 600 s")
    a.duration = int(a.duration) if a.duration == int(a.duration) else a.duration
    if not os.path.exists(LOADKIT):
        ap.error("loadkit is not built: cargo build --release -p loadkit")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.sched_setaffinity(0, {int(c) for c in a.load_cores.split(",")})
    os.makedirs(os.path.dirname(os.path.abspath(a.results)), exist_ok=True)
    bad = 0
    for i in range(a.repeat):
        b = Bench(a)
        line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "sut": a.sut, "scenario": a.scenario,
                "run": i, "rate": a.rate, "duration": a.duration, "verify_seq": a.verify, "note": a.note,
                "loadavg": round(os.getloadavg()[0], 2)}
        try:
            line.update(b.run())
            line["ok"] = True
        except Exception as e:
            line.update(ok=False, error=str(e), sut_log=read(os.path.join(b.work, "sut.log"))[-1500:])
            bad = 1
        finally:
            stop_all()
            procs.clear()
            if a.keep:
                print(f"scratch: {b.work}", file=sys.stderr)
            else:
                shutil.rmtree(b.work, ignore_errors=True)
        s = json.dumps(line)
        print(s, flush=True)
        with open(a.results, "a") as f:
            f.write(s + "\n")
    return bad


if __name__ == "__main__":
    sys.exit(main())
