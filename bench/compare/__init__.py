"""tools/compare: Sluice beside the gateway that it replaces and beside other servers, on the same work, in one run.

    contenders   who is compared, how each is started, and what its 2xx promises
    scenarios    what is sent
    load         sluice-load, as a run is measured with it
    search, slo  the highest rate within bounds
    measuring    the order of the runs; what a run costs the server, and what of it is in Redis
    results      what was measured; medians and spread
    tables, verdict, markdown, plots, page    how it is told
"""
