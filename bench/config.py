#!/usr/bin/env python3
"""Measures what a large configuration costs: 1,000 components with function calls in 11,000 lines.

    config.py                          # builds nothing: takes target/release/invar
    config.py --bin path/to/alloy --family alloy
    config.py --components 5000 --repeat 20

Prints a line a task: CPU and wall time, the median of the repetitions. Commands are charged all that
they use; a reload what the running process used while it was answered. Standard library only.
"""
import argparse
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))
SCHEDSTAT = "/proc/%d/task/%s/schedstat"

# What one component says; each is fed by the one before it, in chains of ten.
COMPONENT = """discovery.relabel "r%(n)d" {
	targets = %(targets)s

	rule {
		source_labels = ["__address__", "n"]
		separator     = string.join(["a", "b"], "-")
		regex         = string.format("%%s-%%d", "%(word)s", %(n)d) + "(.*)"
		replacement   = string.to_upper("v%(n)d") + "$1"
		target_label  = string.replace("l_x", "x", "%(n)d")
	}%(blank)s
"""


def configuration(count, changed=None):
    blocks = []
    for n in range(count):
        if n % 10 == 0:
            targets = 'array.concat([{"__address__" = "10.0.0.%d:80", "n" = "%d"}], [])' % (n % 250, n)
        else:
            targets = "discovery.relabel.r%d.output" % (n - 1)
        word = "changed" if n == changed else "word"
        blocks.append(COMPONENT % {"n": n, "targets": targets, "word": word, "blank": "\n}"})
    return "\n".join(blocks)


def run(command, **options):
    """CPU and wall seconds of a command that has to succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit("%s: %s" % (" ".join(command), done.stderr.decode()[:2000]))
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime), wall


def cpu_of(pid):
    """CPU seconds of a process, exact to the nanosecond: the sum over its threads."""
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open(SCHEDSTAT % (pid, task)) as file:
            total += int(file.read().split()[0])
    return total / 1e9


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(url, method="GET"):
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


class Running:
    def __init__(self, args, path, work):
        port = free_port()
        self.url = "http://127.0.0.1:%d" % port
        extra = ["--disable-reporting"] if args.family == "alloy" else ["--dataplane.shards=1"]
        command = [args.bin, "run", path, "--server.http.listen-addr=127.0.0.1:%d" % port,
                   "--storage.path=%s" % os.path.join(work, "data")] + extra
        start = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            if self.process.poll() is not None:
                sys.exit("it does not run: " + " ".join(command))
            try:
                ask(self.url + "/-/ready")
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.002)
        self.wall = time.perf_counter() - start
        self.cpu = cpu_of(self.process.pid)

    def reload(self):
        before, start = cpu_of(self.process.pid), time.perf_counter()
        answer = ask(self.url + "/-/reload", "POST")
        return cpu_of(self.process.pid) - before, time.perf_counter() - start, answer

    def stop(self):
        self.process.terminate()
        self.process.wait()


def measure(args, work):
    path = os.path.join(work, "config.alloy")
    text = configuration(args.components)

    def write(text):
        with open(path, "w") as file:
            file.write(text)

    write(text)
    tasks = {}

    def note(task, cpu, wall):
        tasks.setdefault(task, []).append((cpu, wall))

    for _ in range(args.repeat):
        note("--version", *run([args.bin, "--version"]))
        note("fmt", *run([args.bin, "fmt", path]))
        note("validate", *run([args.bin, "validate", path]))
        shutil.rmtree(os.path.join(work, "data"), ignore_errors=True)
        running = Running(args, path, work)
        note("run to ready", running.cpu, running.wall)
        time.sleep(0.5)
        note("reload, nothing changed", *running.reload()[:2])
        write(configuration(args.components, changed=args.components - 1))
        cpu, wall, answer = running.reload()
        note("reload, one argument changed", cpu, wall)
        if args.family == "invar" and "changed: discovery.relabel.r%d\n" % (args.components - 1) not in answer:
            sys.exit("a reload with one argument changed did something else: " + answer)
        write(text)
        running.stop()
    lines = text.count("\n")
    for task, values in tasks.items():
        cpu = statistics.median(value[0] for value in values)
        wall = statistics.median(value[1] for value in values)
        print(json.dumps({"task": task, "components": args.components, "lines": lines,
                          "cpu_ms": round(cpu * 1000, 1), "wall_ms": round(wall * 1000, 1)}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(TARGET, "release", "invar"))
    parser.add_argument("--family", default="invar", choices=["invar", "alloy"])
    parser.add_argument("--components", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    work = tempfile.mkdtemp(prefix="config-bench-")
    try:
        measure(args, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
