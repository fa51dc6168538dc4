#!/usr/bin/env python3
"""Counts the items that a telemetry gateway (SUT) acknowledged and lost when it is killed at random under load.

    killtest.py --sut invar --kills 20 --rate 20000
    killtest.py --sut alloy --bin path/to/alloy --sink-outage 30

Starts a sink and the SUT, sends with --seq --retry during the whole run, kills the SUT with SIGKILL 0.5-3 s after
each time it was ready, starts it at once again with the same {work} directory. With --sink-outage the sink answers
503 about that share of the time. At the end the sender stops, the SUT drains until nothing more
arrives for --quiet seconds or nothing is missing, and what was acknowledged is compared with what arrived.
Prints one line of JSON and appends it to --results. Commands and templates are those of bench.py.
"""
import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

import bench

SIGNALS = {"rw": "rw-rw"}
MAX_ERRORS = 20


def minus(a, b):
    """ranges of a without those of b; both sorted lists of [from, to)"""
    out, j = [], 0
    for lo, hi in a:
        while j < len(b) and b[j][1] <= lo:
            j += 1
        k = j
        while k < len(b) and b[k][0] < hi:
            if b[k][0] > lo:
                out.append([lo, b[k][0]])
            lo = max(lo, b[k][1])
            k += 1
        if lo < hi:
            out.append([lo, hi])
    return out


def size(ranges):
    return sum(b - a for a, b in ranges)


class Outage(threading.Thread):
    """Makes the sink fail `pct` percent of the time, in spells of 1-3 s."""

    def __init__(self, url, pct, rng):
        super().__init__(daemon=True)
        self.url, self.pct, self.rng = url, pct, rng
        self.end, self.until, self.spells, self.total = threading.Event(), 0.0, 0, 0.0

    def down(self):
        return time.time() < self.until

    def run(self):
        up = (100 - self.pct) / self.pct
        while not self.end.wait(self.rng.uniform(1, 3) * up):
            d = self.rng.uniform(1, 3)
            try:
                bench.http("POST", f"{self.url}/fail?mode=unavailable&for={d:.3f}")
            except OSError:
                continue
            self.until = time.time() + d
            self.spells += 1
            self.total += d
            self.end.wait(d)

    def stop(self):
        self.end.set()
        self.join()
        bench.http("POST", f"{self.url}/fail?mode=none")


class Killtest(bench.Bench):
    def __init__(self, a):
        super().__init__(a)
        self.deadline = time.time() + a.limit
        self.errors = []
        self.rng = random.Random(a.seed)
        self.readies = []

    def error(self, e):
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(e)

    def left(self):
        left = self.deadline - time.time()
        if left <= 0:
            raise RuntimeError(f"not finished after --limit {self.a.limit} s")
        return left

    def up(self):
        """Starts the SUT (again) and waits until it listens."""
        for attempt in range(5):
            self.start_sut()
            try:
                bench.wait_port(self.in_port, self.sut, min(self.a.ready_timeout, self.left()), self.a.sut)
                self.readies.append(time.time() - self.t_start)
                return
            except RuntimeError as e:
                self.error(f"start: {e}")
                self.down()
                time.sleep(0.5)
        raise RuntimeError("the SUT does not start")

    def down(self):
        self.sut.kill()  # SIGKILL to the process that start_sut() started
        self.sut.wait()
        bench.procs.remove(self.sut)

    def load(self, life):
        """Starts the sink; returns the sender's arguments and the URL of the sink's control paths."""
        a, P = self.a, self.ports
        common = ["--rate", a.rate, "--connections", a.connections, "--seq", "--retry", "--duration", f"{life}s"]
        self.in_port, ctl = P["rw_in"], P["rw_out"]
        sink = ["rw-sink", "--listen", f"127.0.0.1:{ctl}", "--track"]
        send = ["rw-send", "--endpoint",
                f"http://127.0.0.1:{self.in_port}{self.fam.get('rw_path', '/api/v1/write')}",
                "--series", a.series_total, "--samples-per-request", a.items_per_request]
        bench.wait_port(ctl, self.lk(*sink, "--verify", "--duration", f"{life + 60}s"), 5, sink[0])
        return send + common, ctl

    def compare(self, rep, ctl):
        """(acked, distinct of these at the sink, gaps, delivered without ever having been acked, duplicates)"""
        seen = json.loads(bench.http("GET", f"http://127.0.0.1:{ctl}/seen", timeout=30))
        if "ranges" in seen:
            acked, got = rep["acked_ranges"], seen["ranges"]
            gaps = minus(acked, got)
            dup = self.stats(ctl)["verify"]["duplicates"]
            return size(acked), size(acked) - size(gaps), len(gaps), size(minus(got, acked)), dup
        acked = {t: n for t, n in rep["acked_requests"]}
        got = {t: n for t, n, _ in seen["timestamps"]}
        there = {t: min(n, got.get(t, 0)) for t, n in acked.items()}
        gaps = sum(there[t] < acked[t] for t in acked)
        extra = sum(n for t, n in got.items() if t not in acked)
        return (sum(acked.values()), sum(there.values()), gaps, extra, sum(d for _, _, d in seen["timestamps"]))

    def run(self):
        a = self.a
        life = int(a.limit) + 30
        args, ctl = self.load(life)
        url = f"http://127.0.0.1:{ctl}"
        self.up()
        t0 = time.time()
        sender = bench.start([bench.LOADKIT, *map(str, args)], self.core_load, subprocess.PIPE)
        outage = Outage(url, a.sink_outage, random.Random(self.rng.random())) if a.sink_outage else None
        if outage:
            outage.start()
        kills = in_outage = 0
        if not a.kills:
            time.sleep(20)
        while kills < a.kills:
            until = time.time() + self.rng.uniform(a.min_up, a.max_up)
            while time.time() < until and self.sut.poll() is None:
                time.sleep(min(0.01, max(until - time.time(), 0)))
            self.left()
            if self.sut.poll() is not None:
                self.error(f"the SUT exited with {self.sut.returncode} by itself")
            else:
                kills += 1
                in_outage += bool(outage and outage.down())
            self.down()
            if sender.poll() is not None:
                raise RuntimeError("the sender ended early")
            self.up()
        if self.sut.poll() is not None:
            self.error(f"the SUT exited with {self.sut.returncode} by itself")
            self.up()
        time.sleep(1)
        t_kills = time.time() - t0
        if outage:
            outage.stop()
        sender.send_signal(signal.SIGTERM)  # ends the sending; what is under way is retried until acknowledged
        try:
            out, _ = sender.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            sender.kill()
            raise RuntimeError("the sender did not end")
        rep = json.loads([x for x in out.decode().splitlines() if x.startswith("{")][-1])
        # drain
        t1, last, since = time.time(), None, time.time()
        while time.time() - t1 < a.drain and time.time() < self.deadline:
            n = self.stats(ctl)["items"]
            acked, there, gaps, extra, dup = self.compare(rep, ctl)
            if n != last:
                last, since = n, time.time()
            if there == acked or time.time() - since > a.quiet:
                break
            time.sleep(0.5)
        else:
            self.error("still arriving when the drain ended")
        if self.sut.poll() is not None:
            self.error(f"the SUT exited with {self.sut.returncode} in the drain")
        r = sorted(self.readies[1:] or self.readies)
        st = self.stats(ctl)
        return dict(kills=kills, acked=acked, lost=acked - there, lost_pct=round(100 * (acked - there) / max(acked, 1), 4),
                    lost_per_kill=round((acked - there) / max(kills, 1)),
                    gaps=gaps, duplicates=dup, duplicates_pct=round(100 * dup / max(acked, 1), 4),
                    delivered_unacked=extra, sink_items=st["items"], without_seq=st["verify"].get("without_seq"),
                    ready_first_s=round(self.readies[0], 3), ready_median_s=round(statistics.median(r), 3),
                    ready_max_s=round(r[-1], 3), kills_in_outage=in_outage,
                    outage_share=round(outage.total / t_kills, 3) if outage else 0.0,
                    load_s=round(t_kills, 1), drain_s=round(time.time() - t1, 1),
                    drain_last_item_s=round(max(since - t1, 0), 1),
                    requests=rep["requests"], failed_requests=rep["failed_requests"],
                    items_rejected=rep["items_rejected"], sender_connects=rep["connects"],
                    sink_failed_requests=st["failed_requests"], p99_ms=rep["latency_ms"]["p99"],
                    last_error=rep["last_error"])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--sut", required=True, help="name in the results; also the config family when it is a known one")
    ap.add_argument("--family", choices=bench.FAMILIES, help="config templates and default command (else --sut, else alloy)")
    ap.add_argument("--bin", help="the SUT's binary, {bin} in the command")
    ap.add_argument("--cmd", help="command line instead of the family's, see bench.py")
    ap.add_argument("--sut-args", default="", help="added to the command line")
    ap.add_argument("--config", help="config template instead of the family's")
    ap.add_argument("--signal", default="rw", choices=SIGNALS)
    ap.add_argument("--kills", type=int, default=20, help="0: none in 20 s, what --sink-outage loses by itself")
    ap.add_argument("--min-up", type=float, default=0.5, help="seconds from ready to the kill")
    ap.add_argument("--max-up", type=float, default=3.0)
    ap.add_argument("--rate", default="20000", help="items per second or max")
    ap.add_argument("--sink-outage", type=float, default=0, metavar="PERCENT")
    ap.add_argument("--items-per-request", type=int, default=1000)
    ap.add_argument("--connections", type=int, default=2)
    ap.add_argument("--series-total", type=int, default=20000, help="rw")
    ap.add_argument("--quiet", type=float, help="drained when nothing arrives for this long "
                    "(default 5 s; 20 s with --sink-outage, for the pauses between retries)")
    ap.add_argument("--drain", type=float, default=120, help="at most this long")
    ap.add_argument("--limit", type=float, default=600, help="seconds for the whole run")
    ap.add_argument("--ready-timeout", type=float, default=60)
    ap.add_argument("--env", action="append", default=[], metavar="K=V")
    ap.add_argument("--cmd-not-go", action="store_true", help="do not set GOMAXPROCS")
    ap.add_argument("--gomaxprocs", type=int, default=1)
    ap.add_argument("--sut-cores", default="0")
    ap.add_argument("--load-cores", default="1")
    ap.add_argument("--base-port", type=int, default=28000)
    ap.add_argument("--workdir", help="parent of the run's scratch directory (default: the system's)")
    ap.add_argument("--keep", action="store_true", help="keep the scratch directory")
    ap.add_argument("--seed", type=int, help="of the random times")
    ap.add_argument("--note", default="")
    ap.add_argument("--results", default=os.path.join(bench.HERE, "results", "killtest.jsonl"))
    a = ap.parse_args()
    if not 0 <= a.sink_outage < 100:
        ap.error("--sink-outage is 0..99")
    if not 0 <= a.kills <= 1000 or not 0 <= a.min_up <= a.max_up <= 60 or not 0 < a.limit <= 3600:
        ap.error("--kills 0..1000, --min-up and --max-up 0..60, --limit ..3600")
    if not os.path.exists(bench.LOADKIT):
        ap.error("loadkit is not built: cargo build --release -p loadkit")
    if a.quiet is None:
        a.quiet = 20.0 if a.sink_outage else 5.0
    if a.seed is None:
        a.seed = random.SystemRandom().randrange(1 << 31)
    a.scenario, a.interval = SIGNALS[a.signal], "1s"
    fam = a.family or (a.sut if a.sut in bench.FAMILIES else "alloy")
    if a.sut_args:
        # before {config}, for commands that take flags only there
        cmd = a.cmd or bench.FAMILIES[fam]["cmd"]
        a.cmd = cmd.replace("{config}", a.sut_args + " {config}") if "--config" not in cmd else cmd + " " + a.sut_args
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.sched_setaffinity(0, {int(c) for c in a.load_cores.split(",")})
    os.makedirs(os.path.dirname(os.path.abspath(a.results)), exist_ok=True)
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "sut": a.sut, "signal": a.signal,
            "sink_outage": a.sink_outage, "rate": a.rate, "config": os.path.basename(a.config or ""), "seed": a.seed,
            "note": a.note, "loadavg": round(os.getloadavg()[0], 2)}
    k = Killtest(a)
    try:
        line.update(k.run())
        line["ok"] = True
    except Exception as e:
        line.update(ok=False, error=str(e))
    finally:
        bench.stop_all()
        line["errors"] = k.errors
        if not line.get("ok") or k.errors:
            line["sut_log"] = bench.read(os.path.join(k.work, "sut.log"))[-1500:]
        if a.keep:
            print(f"scratch: {k.work}", file=sys.stderr)
        else:
            shutil.rmtree(k.work, ignore_errors=True)
    s = json.dumps(line)
    print(s, flush=True)
    with open(a.results, "a") as f:
        f.write(s + "\n")
    return 0 if line.get("ok") else 1


if __name__ == "__main__":
    sys.exit(main())
