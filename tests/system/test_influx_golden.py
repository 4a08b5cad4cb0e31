"""Line protocol against a real InfluxDB 1.6, as Debian has it: each case is written to it and to Sluice, and both must give
the same verdict and hold the same points. What differs on purpose is in DIFFERENCES, with its reason.
"""
# runs: release.io_uring

import json
import re
import urllib.error
import urllib.parse
from typing import NamedTuple, Optional

import pytest

from harness.databases import INFLUXD, InfluxDb, fetch

pytestmark = pytest.mark.skipif(INFLUXD is None, reason="influxdb is not here: run tools/setup test")


class Case(NamedTuple):
    body: bytes
    query: str = ""


def lines(*texts: str) -> bytes:
    return "\n".join(texts).encode()


CASES = {
    "one float": Case(b"m f=1 5"),
    "several fields": Case(b'm a=1,b=2i,c=t,d="x" 5'),
    "field called value": Case(b"m value=1.5 5"),
    "tags": Case(b"m,b=1,a=2 f=1 5"),
    "blanks around": Case(b"  m   f=1   5   "),
    "CR LF": Case(b"m f=1 5\r\nm f=2 6\r\n"),
    "comments and blank lines": Case(b"# c\n\n  # d\nm f=1 5\n\n"),
    "nothing": Case(b"\n"),
    "utf-8": Case("größe,ort=köln wert=\"°C\" 5".encode()),
    # --- escapes
    "measurement escapes": Case(rb"a\,b\ c f=1 5"),
    "measurement with =": Case(b"a=b f=1 5"),
    "measurement in quotes": Case(b'"m" f=1 5'),
    "tag escapes": Case(rb"m,k\=\,\ 1=v\ \=\,2 f=1 5"),
    "field key escapes": Case(rb"m f\ \=\,=1 5"),
    "backslash that stays": Case(rb"a\b,t=x\y f\g=1 5"),
    "two backslashes and a comma": Case(rb"a\\,t=b f=1 5"),
    "backslash at the end of a tag": Case("m,t=a\\ f=1 5".encode()),
    "quote in a tag": Case(b'm,t="a" f=1 5'),
    "quote escapes": Case(rb'm f="a\"b\\c\d\n" 5'),
    "line feed in a string": Case(b'm f="a\nb" 5'),
    "CR LF in a string": Case(b'm f="a\r\nb" 5'),
    "comma, equals and blank in a string": Case(b'm f=",= #" 5'),
    "empty string": Case(b'm f="" 5'),
    "string without an end": Case(b'm f="a 5'),
    "text behind a string": Case(b'm f="a"b 5'),
    # --- numbers
    **{f"float {text}": Case(b"m f=%s 5" % text.encode()) for text in (
        "12", "1.", ".5", "1.e5", "1e+5", "1E-5", "-3", "-.5", "007", "-0", "1e400", "1e-400", "+1", "0x1", "1_0", "--1", "1.2.3", "e5", "1e",
        "1e+", ".", "-", "NaN", "nan", "Inf", "-inf", "123456789012345678901234567890")},
    **{f"integer {text}": Case(b"m f=%s 5" % text.encode()) for text in (
        "12i", "-12i", "-0i", "007i", "9223372036854775807i", "9223372036854775808i", "-9223372036854775808i", "-9223372036854775809i", "i",
        "-i", "1ii", "1.5i", "1e3i", "5u")},
    **{f"boolean {text}": Case(b"m f=%s 5" % text.encode()) for text in (
        "t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE", "tRUE", "yes", "truefalse")},
    # --- timestamps
    **{f"precision {name}": Case(b"m f=1 7", "&precision=" + name) for name in ("n", "u", "ms", "s", "m", "h")},
    "precision ns": Case(b"m f=1 7", "&precision=ns"),
    "time out of range": Case(b"m f=1 9223372036854775808"),
    "time times precision out of range": Case(b"m f=1 9223372036854775807", "&precision=s"),
    "time before 1970": Case(b"m f=1 -1"),
    "time with a point": Case(b"m f=1 1.5"),
    "time that is no number": Case(b"m f=1 x"),
    "time and more": Case(b"m f=1 5 6"),
    # --- what is no point
    "no fields": Case(b"m"), "tags without fields": Case(b"m,t=1"), "blank without fields": Case(b"m "),
    "no measurement": Case(b",t=1 f=1 5"), "no tag": Case(b"m, f=1 5"), "tag without value": Case(b"m,t f=1 5"),
    "tag with an empty value": Case(b"m,t= f=1 5"), "tag with an empty key": Case(b"m,=v f=1 5"),
    "= in a tag's value": Case(b"m,t=a=b f=1 5"), "empty tag between": Case(b"m,t=a,,u=b f=1 5"), "field without value": Case(b"m f 5"),
    "field with an empty value": Case(b"m f= 5"), "field with an empty key": Case(b"m =1 5"), "comma behind the fields": Case(b"m f=1, 5"),
    "empty field between": Case(b"m f=1,,g=2 5"), "tag twice": Case(b"m,a=1,a=2 f=1 5"), "field twice": Case(b"m f=1,f=2 5"),
    "only text": Case(b"text"), "text in place of a value": Case(b"m f=text 5"),
    # --- bytes that names do not have
    "TAB between the parts": Case(b"m\tf=1\t5"), "TAB behind the blank": Case(b"m \tf=1 5"), "TAB in a tag": Case(b"m,t=a\tb f=1 5"),
    "NUL in a string": Case(b'm f="a\0b" 5'), "no UTF-8": Case(b'm f="\xff" 5'), "DEL in a measurement": Case(b"m\x7f f=1 5"),
    # --- several lines
    "bad lines beside good ones": Case(lines("m f=1 5", "bad", "m f=2 6", "m,t= f=3 7")),
    "a bad string beside good lines": Case(lines("m f=1 5", 'm f="x', "m f=2 6")),
    "all lines bad": Case(lines("bad", "worse")),
}

# (Sluice's verdict, InfluxDB's, why): True is taken. None: both take it, and hold different points.
DIFFERENCES: dict[str, tuple[Optional[bool], Optional[bool], str]] = {
    "CR LF": (True, False, "1.6 takes the CR for a part of the time; later versions strip it, as Sluice does"),
    "two backslashes and a comma": (None, None, "1.6 has the series under the same key, and gives no point of it back"),
    "text behind a string": (False, True, "InfluxDB keeps the closing quote and drops the text"),
    "integer 5u": (True, False, "InfluxDB 1 has unsigned integers only where it is built for them"),
    "time before 1970": (False, True, "a sample has no time before 1970"),
    "field twice": (False, True, "InfluxDB lets one of the two win without a word"),
    "TAB behind the blank": (False, True, "only blanks separate the parts"),
    "TAB in a tag": (False, True, "names and tags have no control characters"),
    "DEL in a measurement": (False, True, "names and tags have no control characters"),
    "NUL in a string": (False, True, "a string has no NUL"),
    "no UTF-8": (False, True, "a sample is UTF-8"),
    "a bad string beside good lines": (None, None, "Sluice goes on behind the next line feed; InfluxDB drops the rest of the body"),
}


def post(url: str, body: bytes) -> int:
    try:
        fetch(url, body)
        return 204
    except urllib.error.HTTPError as refused:
        return refused.code


def points_of_influxdb(database: InfluxDb, name: str) -> list:
    """Asked for each measurement by itself: of several that have one field, InfluxDB casts it to one type."""
    def ask(statements: str) -> list[dict]:
        form = urllib.parse.urlencode({"db": name, "epoch": "ns", "q": statements}).encode()
        return [series for result in json.loads(fetch(database.url + "/query", form))["results"] for series in result.get("series", [])]

    types = {series["name"]: dict(series["values"]) for series in ask("SHOW FIELD KEYS")}
    kinds = {"float": float, "integer": int, "string": str, "boolean": bool}
    points = []
    for series in ask("; ".join('SELECT * FROM "{}" GROUP BY *'.format(measurement.replace("\\", "\\\\").replace('"', '\\"'))
                                for measurement in types) or "SHOW FIELD KEYS"):
        tags = {key: value for key, value in series.get("tags", {}).items() if value}
        for time, *values in series["values"] if "time" in series["columns"] else ():
            fields = {key: kinds[types[series["name"]][key]](value) for key, value in zip(series["columns"][1:], values) if value is not None}
            points.append((series["name"], tags, time, fields))
    return sorted(points, key=repr)


def points_of_sluice(records: list[dict]) -> list:
    return sorted(((record["type"], record.get("metadata", {}), record["timestamp"], record.get("values", {"value": record.get("value")}))
                   for record in records), key=repr)


def same(one: list, other: list) -> bool:
    """Also in the types of the fields: to Python 1 and 1.0 and True are equal."""
    def typed(points: list) -> list:
        return [(*point[:3], {key: (type(value), value) for key, value in point[3].items()}) for point in points]
    return typed(one) == typed(other)


class Place(NamedTuple):
    """Where a case is written to. A database of its own costs InfluxDB a while: most cases have a measurement instead."""
    database: str
    measurement: Optional[str]
    body: bytes

    def has(self, database: str, measurement: str) -> bool:
        return self.database == database and self.measurement in (None, measurement)


def place_of(index: int, case: Case) -> Place:
    name = f"c{index}"
    if not re.match(rb"m[ ,]", case.body):
        return Place(name, None, case.body)
    return Place("common", name, re.sub(rb"(?m)^m(?=[ ,])", name.encode(), case.body))


def test_both_take_the_same_and_hold_the_same(starter, workspace):
    server = starter.redis()
    engine = starter.engine(server.url, settings={"sink.redis.layout": "json"})
    sluice = "http://{}:{}".format(*engine.address)
    influxdb = InfluxDb(workspace)
    places = {name: place_of(index, case) for index, (name, case) in enumerate(CASES.items())}
    try:
        databases = {place.database for place in places.values()}
        influxdb.query("; ".join(f"CREATE DATABASE {database}" for database in databases))
        verdicts = {name: tuple(post(f"{url}/write?db={place.database}{CASES[name].query}", place.body) // 100 == 2
                                for url in (sluice, influxdb.url)) for name, place in places.items()}
        held = {database: points_of_influxdb(influxdb, database) for database in databases}
    finally:
        influxdb.kill()
    records = [json.loads(fields[b"json"]) for _, fields in server.client().xrange("telemetry")]
    differences = {}
    for name, place in places.items():
        ours = points_of_sluice([record for record in records if place.has(record["db"], record["type"])])
        theirs = [point for point in held[place.database] if place.has(place.database, point[0])]
        if verdicts[name][0] != verdicts[name][1]:
            differences[name] = verdicts[name]
        elif not same(ours, theirs):
            differences[name] = (None, None)
            print(name, place.body, ours, theirs, sep="\n  ")
    assert differences == {name: tuple(verdict) for name, (*verdict, _) in DIFFERENCES.items()}, differences


def test_without_a_database(starter, workspace):
    """InfluxDB refuses; Sluice has no databases, and keeps the name if one is given."""
    engine = starter.engine("null:")
    influxdb = InfluxDb(workspace)
    try:
        for query, theirs in (("", 400), ("?db=absent", 404)):
            assert post(influxdb.url + "/write" + query, b"m f=1") == theirs
            assert post("http://{}:{}/write".format(*engine.address) + query, b"m f=1") == 204
    finally:
        influxdb.kill()
