#!/usr/bin/env python3
"""Runs a command and tells, with each line that it writes to standard error, the seconds since the start,
the bytes that it has written, and its memory: anonymous, mapped files, shared.

  scripts/watch_run.py vkxl train --config full.yaml

Memory is looked at ten times a second; a line has what it was then, and the most since the line before.
At the end the most of anonymous and shared memory together: on lavapipe that holds the device's memory,
whose peak `vkxl train` tells; what is beyond it is the host's, beside the page cache.
"""
import subprocess
import sys
import threading
import time


def numbers(path):
    values = {}
    try:
        with open(path) as file:
            for line in file:
                key, _, value = line.partition(":")
                words = value.split()
                if words and words[0].isdigit():
                    values[key] = int(words[0])
    except OSError:
        pass
    return values


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    start = time.monotonic()
    process = subprocess.Popen(sys.argv[1:], stderr=subprocess.PIPE, text=True)
    folder = f"/proc/{process.pid}"
    most = {"line": 0.0, "run": 0.0}

    def memory():
        status = numbers(folder + "/status")
        anonymous, mapped, shared = (
            status.get(key, 0) * 1024 / 1e9 for key in ("RssAnon", "RssFile", "RssShmem"))
        for key in most:
            most[key] = max(most[key], anonymous + shared)
        return anonymous, mapped, shared

    def watch():
        while process.poll() is None:
            memory()
            time.sleep(0.1)

    watcher = threading.Thread(target=watch)
    watcher.start()
    print("      s | written GB | anonymous GB | files GB | shared GB | most GB |")
    for line in process.stderr:
        anonymous, mapped, shared = memory()
        io = numbers(folder + "/io")
        print(
            f"{time.monotonic() - start:7.1f} | {io.get('wchar', 0) / 1e9:10.2f} "
            f"| {anonymous:12.2f} | {mapped:8.2f} | {shared:9.2f} | {most['line']:7.2f} "
            f"| {line.rstrip()}", flush=True)
        most["line"] = 0.0
    status = process.wait()
    watcher.join()
    print(f"{time.monotonic() - start:7.1f} | most of anonymous and shared: {most['run']:.2f} GB")
    sys.exit(status)


if __name__ == "__main__":
    main()
