"""bench/figures and bench/record in parts.

    figures     what a figure is, and the order in which things that are compared are measured
    traffic     what is sent, and wrk, which sends it
    engine      figures of the engine: beside a bare responder and nginx, beside redis-benchmark, idle
    journal     figures of the journal: beside queued, beside a bare copy, and how fast it is delivered
    against     two binaries of the engine compared
    generator   figures of sluice-load, beside wrk
    records     records of micro-benchmarks, and how two compare
"""
