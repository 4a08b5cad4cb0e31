"""influx_v2.py URL PACKAGES TOKEN: writes points whose value is their number, until its input ends. Prints the numbers of what was
written when it was, and what was given up. PACKAGES is where influxdb_client is."""

import logging
import os
import re
import sys
import threading

sys.path.append(sys.argv[2])

from influxdb_client import InfluxDBClient, Point, WriteOptions  # noqa: E402

logging.disable()  # what it gives up comes by its callback


def print_numbers(_, lines: bytes) -> None:
    print("\n".join(re.findall(r"number=(\d+)i", lines.decode())), flush=True)


def print_failure(_, lines: bytes, error: Exception) -> None:
    print(f"failed {len(lines)} {error!r}", flush=True)


ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
# The client 1.40 loses a point now and then where a batch is closed by its time: here only a full one is closed.
options = WriteOptions(batch_size=5, flush_interval=1_000_000, retry_interval=500, max_retry_delay=1000, jitter_interval=50)
client = InfluxDBClient(url=sys.argv[1], token=sys.argv[3], org="org", enable_gzip=True)
assert client.health().status == "pass"
api = client.write_api(options, success_callback=print_numbers, error_callback=print_failure)
number = 0
while not ended.wait(0.02):
    number += 1
    api.write("bucket", "org", Point("m").tag("host", "a").field("number", number))
os._exit(0)  # closing waits for the end of flush_interval
