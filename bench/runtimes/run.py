#!/usr/bin/env python3
"""CPU per request of one HTTP POST on each runtime. Server on core 0, wrk (Debian's package) on core 1.

    cargo build --release && ./run.py            # rounds are interleaved; medians are printed as a table
"""
import argparse
import os
import re
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.path.join(HERE, "target", "release", "runtimes")
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def measure(runtime, body, connections, seconds, port):
    server = subprocess.Popen([BINARY, runtime, str(port), "0"])
    try:
        time.sleep(0.5)
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(f'wrk.method = "POST"\nwrk.body = string.rep("x", {body})\n')
            script.flush()
            before = cpu(server.pid)
            wrk = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name,
                   f"http://127.0.0.1:{port}/"]
            out = subprocess.run(wrk, check=True, capture_output=True, text=True).stdout
            used = cpu(server.pid) - before
    finally:
        server.kill()
        server.wait()
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    errors = re.search(r"Socket errors: (.*)", out)
    return 1e6 * used / requests, requests / seconds, errors.group(1) if errors else ""


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--seconds", type=int, default=4)
    ap.add_argument("--rounds", type=int, default=3)
    a = ap.parse_args()
    runtimes = ["monoio", "tokio", "glommio"]
    rows = [(body, connections) for body in (1024, 65536) for connections in (32, 1024)]
    print("| body, connections | " + " | ".join(f"{r}: us/request (requests/s)" for r in runtimes) + " |")
    print("| --- |" + " --- |" * len(runtimes))
    port = 21000
    for body, connections in rows:
        got = {runtime: [] for runtime in runtimes}
        for _ in range(a.rounds):
            for runtime in runtimes:
                port += 1
                got[runtime].append(measure(runtime, body, connections, a.seconds, port))
        cells = []
        for runtime in runtimes:
            cost = statistics.median(x[0] for x in got[runtime])
            rate = statistics.median(x[1] for x in got[runtime])
            bad = next((x[2] for x in got[runtime] if x[2]), "")
            cells.append(f"{cost:.2f} ({rate / 1000:.1f}k){' ' + bad if bad else ''}")
        print(f"| {body // 1024} KiB, {connections} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
