"""The dashboard of hosts: the engine's process, and the machine as node_exporter sees it."""

from .model import INSTANCE, PROMETHEUS, RATE, Dashboard, Row, graph, q, query_variable, stat

NODE = query_variable("node", "host", 'label_values(node_uname_info{job="node"}, instance)', PROMETHEUS)
DISKS = '{device!~"loop.+|ram.+|dm-.+"}'
FILES = '{fstype!~"tmpfs|overlay|squashfs|ramfs|devtmpfs|nsfs"}'


def rate(counter: str, by: str) -> str:
    return f"sum by ({by}) (rate({counter}{RATE}))"


PROCESS = Row("The engine's process", (
    graph("Cores in use", "CPU time of all threads, in cores.", "none", q("rate(@process_cpu_seconds_total[$__rate_interval])", "{{instance}}")),
    graph("Memory", "Resident memory, address space, and its limit where there is one. Large tables are reserved and not used.", "bytes",
          q("@process_resident_memory_bytes", "{{instance}} resident"), q("@process_virtual_memory_bytes", "{{instance}} address space")),
    graph("File descriptors", "Open ones, and the limit. On io_uring sockets of clients are none.", "none", q("@process_open_fds", "{{instance}} open"), q("@process_max_fds", "{{instance}} at most")),
    graph("Threads", "All of them are made at the start.", "none", q("@process_threads", "{{instance}}")),
    graph("Started before", "A line that falls to 0 is a restart.", "s", q("time() - @process_start_time_seconds", "{{instance}}")),
))

CPU = Row("CPU and memory", (
    stat("Load", "Tasks that run or wait, over a minute, for each core.", "none",
         q('max(#node_load1 / on (instance) count by (instance) (#node_cpu_seconds_total{mode="idle"}))'), width=4, thresholds=(("orange", 1), ("red", 2))),
    stat("Memory free", "Share of the memory that is available.", "percentunit", q("min(#node_memory_MemAvailable_bytes / #node_memory_MemTotal_bytes)"), width=4),
    stat("Clock", "What the kernel believes of its clock's error.", "s", q("max(#node_timex_maxerror_seconds)"), width=4, thresholds=(("orange", 0.1),)),
    stat("Up for", "Since the machine was started.", "s", q("min(#node_time_seconds - #node_boot_time_seconds)"), width=4),
    stat("Cores", "Cores of the host.", "none", q('count(#node_cpu_seconds_total{mode="idle"})'), width=4),
    stat("Descriptors", "Share of fs.file-max that is in use.", "percentunit", q("max(#node_filefd_allocated / #node_filefd_maximum)"), width=4),
    graph("CPU by mode", "softirq is the network; steal is taken by other machines of the host.", "percentunit",
          q('avg by (mode) (rate(#node_cpu_seconds_total{mode!="idle"}' + RATE + "))", "{{mode}}"), stacks=True),
    graph("CPU by core", "Share that is not idle. A reactor that is busy has its core alone.", "percentunit",
          q('1 - avg by (instance, cpu) (rate(#node_cpu_seconds_total{mode="idle"}' + RATE + "))", "{{instance}} cpu {{cpu}}"), max=1),
    graph("Memory", "Available, and in all.", "bytes", q("#node_memory_MemAvailable_bytes", "{{instance}} available"), q("#node_memory_MemTotal_bytes", "{{instance}} in all")),
    graph("Context switches", "In a second.", "ops", q(rate("#node_context_switches_total", "instance"), "{{instance}}")),
    graph("Interrupts", "In a second.", "ops", q(rate("#node_intr_total", "instance"), "{{instance}}")),
    graph("Swapped", "Pages in and out in a second; anything but 0 costs latency.", "ops", q("rate(#node_vmstat_pswpin[$__rate_interval])", "{{instance}} in"),
          q("rate(#node_vmstat_pswpout[$__rate_interval])", "{{instance}} out")),
))

NETWORK = Row("Network", (
    graph("Bytes", "By device.", "Bps", q(rate("#node_network_receive_bytes_total", "device"), "{{device}} in"), q(rate("#node_network_transmit_bytes_total", "device"), "{{device}} out")),
    graph("Dropped packets", "By device, and by the kernel before it came to a socket.", "pps",
          q(rate("#node_network_receive_drop_total", "device"), "{{device}} in"), q(rate("#node_softnet_dropped_total", "instance"), "{{instance}} softnet")),
    graph("TCP sockets", "In use, and waiting to be forgotten.", "none", q("#node_sockstat_TCP_inuse", "{{instance}} in use"), q("#node_sockstat_TCP_tw", "{{instance}} TIME_WAIT")),
    graph("Segments sent again", "In a second.", "pps", q("rate(#node_netstat_Tcp_RetransSegs[$__rate_interval])", "{{instance}}")),
    graph("Listen queues that were full", "Connections that found no place in the queue of a listener.", "cps",
          q("rate(#node_netstat_TcpExt_ListenOverflows[$__rate_interval])", "{{instance}} overflows"), q("rate(#node_netstat_TcpExt_ListenDrops[$__rate_interval])", "{{instance}} drops")),
    graph("Softirq was cut short", "Times that the kernel left packets for later.", "ops", q(rate("#node_softnet_times_squeezed_total", "instance"), "{{instance}}")),
))

DISK = Row("Disks", (
    graph("Bytes", "By device.", "Bps", q(rate(f"#node_disk_read_bytes_total{DISKS}", "device"), "{{device}} read"), q(rate(f"#node_disk_written_bytes_total{DISKS}", "device"), "{{device}} written")),
    graph("Busy", "Share of the time in which a device had work.", "percentunit", q(rate(f"#node_disk_io_time_seconds_total{DISKS}", "device"), "{{device}}")),
    graph("Free space", "Share of each file system that is free.", "percentunit",
          q(f"#node_filesystem_avail_bytes{FILES} / #node_filesystem_size_bytes{FILES}", "{{instance}} {{mountpoint}}"), max=1),
))

DASHBOARD = Dashboard("sluice-hosts", "Sluice: hosts", "The engine's process, and the machines: CPU, memory, network, disks.", (INSTANCE, NODE), (PROCESS, CPU, NETWORK, DISK))
