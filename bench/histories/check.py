#!/usr/bin/env python3
"""Takes a real history of migrations through undrop, one by one, on rows of its own making, and judges by pg_dump or SQLite's own words and
sorted rows what came back. Nothing of undrop is used but its command line.

    check.py --undrop PROGRAM --dir PAIRS [--server postgresql://...] [--prelude FILE.sql] [--foreign-keys off]
             [--from N] [--to N] [--matching REGEX] [--passes author,derive,whole] [--report FILE.json] [--keep]

PAIRS holds VERSION_name.up.sql and .down.sql (`undrop convert --to pairs` writes them of any layout). For each migration, on a database with about three rows a table:

    psql or sqlite3 alone runs the up on a copy; where it fails on rows, those of the tables that the script names are taken away, then all
    undrop up          equals what the client alone has done, but for values that any two runs draw differently
    undrop down        equals what was before (pass author: the down script, where there is one, "broken" where the client cannot run it
                       either; pass derive: --derive)
    undrop up          equals the first up

and in the end (pass whole) down to the empty database, the definitions compared after each step, and up again, every row compared.
"""
import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from postgres import Postgres
from sqlite import Sqlite


def rows_of(witness, table, without):
    return Counter(json.dumps({k: v for k, v in row.items() if k not in without.get(table, ())}, sort_keys=True) for row in witness["rows"].get(table, []))


def drawn(one, other):
    """The columns that two runs of the same script have filled differently: by table."""
    found = {}
    for table in one["rows"].keys() & other["rows"].keys():
        if rows_of(one, table, {}) == rows_of(other, table, {}):
            continue
        names = {name for row in one["rows"][table] for name in row}
        column = lambda witness, name: Counter(json.dumps(row.get(name)) for row in witness["rows"][table])
        found[table] = {name for name in names if column(one, name) != column(other, name)}
    return found


def cells(before, after, table):
    """The columns that differ, with one value of each side."""
    said = []
    of = lambda witness, name: Counter(str(row.get(name, "no such column")) for row in witness["rows"].get(table, []))
    for name in sorted({name for witness in (before, after) for row in witness["rows"].get(table, []) for name in row}):
        old, new = of(before, name), of(after, name)
        if old != new:
            said.append(f"{name}: {[x[:60] for x in list(old - new)[:3]]} -> {[x[:60] for x in list(new - old)[:3]]}")
    return "; ".join(said)[:1500] or "the same values in other rows"


def differences(before, after, without=None, schema_only=False):
    """What `after` has otherwise than `before`, a line each."""
    found = []
    for name in sorted(before["schema"].keys() | after["schema"].keys()):
        old, new = before["schema"].get(name), after["schema"].get(name)
        if old == new:
            continue
        if old is None or new is None:
            found.append(f"{'new' if old is None else 'gone'}: {name}")
            continue
        lines = [f"-{x}" for x in old.splitlines() if x not in new.splitlines()] + [f"+{x}" for x in new.splitlines() if x not in old.splitlines()]
        found.append(f"changed: {name} " + " ".join(lines)[:600])
    for table in [] if schema_only else sorted(before["rows"].keys() | after["rows"].keys()):
        old, new = rows_of(before, table, without or {}), rows_of(after, table, without or {})
        if old != new:
            found.append(f"rows: {table} -{sum((old - new).values())} +{sum((new - old).values())} " + cells(before, after, table))
    return found


class Walk:
    def __init__(self, options, database):
        self.options, self.database = options, database
        self.directory = Path(options.work) / "stage"
        self.directory.mkdir()
        self.results, self.drawn, self.levels, self.by_hand = [], {}, [], []
        self.known = None  # what is in the base, where the last migration has shown it

    def undrop(self, name, *arguments):
        done = subprocess.run([self.options.undrop, "--db", self.database.url(name), "--dir", str(self.directory), "-y", *arguments],
                              capture_output=True, text=True, cwd=self.options.work)
        return done.returncode, (done.stdout + done.stderr).strip()

    def note(self, entry, way, verdict, why=""):
        entry["passes"][way] = {"verdict": verdict, "why": why}
        if verdict != "exact":
            print(f"  {entry['name']} {way}: {verdict}\n    " + why.replace("\n", "\n    ")[:3000], flush=True)

    def client_alone(self, up, later=False):
        """Does it apply at all? Takes rows away from the base where they alone are in the way. `later`: numbers have been drawn since."""
        words = None
        for tables in (None, set(re.findall(r"\w+", up.read_text(encoding="utf-8"))), []):
            if tables is not None:
                self.database.empty("base", tables)
            self.database.copy("base", "client")
            if later:
                self.database.draw_numbers("client")
            failed = self.database.apply("client", up)
            if failed is None:
                witness = self.database.witness("client")
                self.database.drop("client")
                self.database.after_copy()
                return witness, words
            words = words or failed
        self.database.drop("client")
        self.database.after_copy()
        return None, words

    def there_and_back(self, entry, way, before, client):
        """One pass on the copy `try`, on which the up has run; true where all was as it should be."""
        code, said = self.undrop("try", "down", "--steps", "1", *(["--derive"] if way == "derive" else []))
        if code:
            unchanged = not differences(entry["first"], self.database.witness("try"), drawn(client, entry["first"]))
            verdict = "refused" if code == 3 and unchanged else "failed" if unchanged else "wrong"
            if verdict != "wrong" and way == "author" and self.client_fails_too("try", entry["name"]):
                verdict = "broken"
            self.note(entry, way, verdict, f"down: exit {code}: {said}")
            return False
        if found := differences(before, self.database.witness("try")):
            self.note(entry, way, "wrong", "down:\n" + "\n".join(found))
            return False
        code, said = self.undrop("try", "up", "--steps", "1")
        if code:
            self.note(entry, way, "refused" if code == 3 else "failed", f"up again: exit {code}: {said}")
            return False
        again = self.database.witness("try")
        if differences(entry["first"], again, drawn(client, entry["first"])):
            client, _ = self.client_alone(entry["up"], later=True)  # a clock of whole seconds, a sequence that has moved: the client once more
            for table, columns in drawn(client, entry["first"]).items():
                self.drawn.setdefault(table, set()).update(columns)
        if found := differences(entry["first"], again, drawn(client, entry["first"])):
            self.note(entry, way, "wrong", "up again:\n" + "\n".join(found))
            return False
        self.note(entry, way, "exact")
        self.known = again
        return True

    def client_fails_too(self, name, migration, direction="down"):
        """The author's script runs in nobody's hands: a down is broken then, and the derived way back has to do."""
        self.database.copy(name, "client")
        failed = self.database.apply("client", self.directory / f"{migration}.{direction}.sql")
        self.database.drop("client")
        self.database.after_copy()
        return failed is not None

    def fresh_try(self):
        self.database.drop("try")
        self.database.after_copy()
        self.database.copy("base", "try")
        return self.undrop("try", "up", "--steps", "1")

    def migration(self, number, up, down):
        entry = {"name": up.name[:-7], "passes": {}, "client": "applies"}
        started = time.time()
        before, self.known = self.known or self.database.witness("base"), None
        self.database.fill("base", number, {t: len(rows) for t, rows in before["rows"].items()})
        client, words = self.client_alone(up)
        if words:
            entry["words"] = words.strip()[:400]
            entry["client"] = "fails" if client is None else "applies without rows"
        if client is None:
            print(f"  {entry['name']}: the client cannot apply it: {words.strip()[:300]}", flush=True)
            return entry
        before = {"schema": before["schema"], "rows": self.database.rows("base")}  # nothing but rows has been written
        self.levels.append((entry["name"], before["schema"]))
        for path in (up, down):
            if path.is_file():
                shutil.copy(path, self.directory)
        code, said = self.fresh_try()
        if code:
            changed = differences(before, self.database.witness("try"))
            self.note(entry, "up", "wrong" if changed else "refused" if code == 3 else "failed", f"exit {code}: {said}\n" + "\n".join(changed))
            for path in self.directory.glob(entry["name"] + ".*"):
                path.unlink()
            self.database.drop("try")
            self.database.after_copy()
            self.database.apply("base", up)
            self.database.went_on()
            self.by_hand.append(entry["name"])
            self.levels.pop()
            return entry
        entry["first"], entry["up"] = self.database.witness("try"), up
        for table, columns in drawn(client, entry["first"]).items():
            self.drawn.setdefault(table, set()).update(columns)
        if found := differences(client, entry["first"], drawn(client, entry["first"])):
            self.note(entry, "up", "wrong", "not what the client did:\n" + "\n".join(found))
        clean = True
        for way in ("author", "derive"):
            if way not in self.options.passes or way == "author" and not down.is_file():
                continue
            if not clean:
                self.fresh_try()
                entry["first"] = self.database.witness("try")
            clean = self.there_and_back(entry, way, before, client)
        if not clean:
            self.fresh_try()
            self.known = None
        self.database.rename("try", "base")
        self.database.went_on()
        entry["seconds"] = round(time.time() - started, 2)
        del entry["first"], entry["up"]
        return entry

    def whole_way(self):
        """From the newest down to nothing, and up again."""
        entry = {"name": "whole", "passes": {}}
        self.results.append(entry)
        last = self.database.witness("base")
        self.database.fill("base", 999, {t: len(rows) for t, rows in last["rows"].items()})
        last = self.database.witness("base")
        for name, schema in reversed(self.levels):
            code, said = self.undrop("base", "down", "--steps", "1")
            if code in (1, 3) and (self.directory / (name + ".down.sql")).is_file() and self.client_fails_too("base", name):
                entry.setdefault("derived", []).append(name)
                code, said = self.undrop("base", "down", "--steps", "1", "--derive")
            elif code == 3 and "undrop down --derive" in said:  # what lies before it is judged, too
                self.note(entry, "whole " + name, "refused", f"down from {name}: {said}")
                entry.setdefault("derived", []).append(name)
                code, said = self.undrop("base", "down", "--steps", "1", "--derive")
            if code:
                return self.note(entry, "whole", "refused" if code == 3 else "failed", f"down from {name}: exit {code}: {said}")
            if found := differences({"schema": schema, "rows": {}}, self.database.witness("base"), schema_only=True):
                self.note(entry, "whole " + name, "wrong", f"down from {name}:\n" + "\n".join(found))
        code, said = self.undrop("base", "up")
        if code and (failed := re.search(r"While: up (\S+) (\S+)", said)) and self.client_fails_too("base", "_".join(failed.groups()), "up"):
            return self.note(entry, "whole", "ends", f"up again ends at {failed[1]}, which the client does not apply to these rows either: {said}")
        if code:
            return self.note(entry, "whole", "refused" if code == 3 else "failed", f"up again: exit {code}: {said}")
        if found := differences(last, self.database.witness("base"), self.drawn):
            return self.note(entry, "whole", "wrong", "up again:\n" + "\n".join(found))
        self.note(entry, "whole", "exact")

    def run(self):
        self.database.create("base")
        if self.options.prelude:
            if words := self.database.apply("base", self.options.prelude):
                sys.exit(f"the prelude fails: {words}")
            self.database.went_on()
        version = lambda path: [int(part) for part in re.match(r"[\d.]*\d", path.name).group().split(".")]
        for number, up in enumerate(sorted(Path(self.options.dir).glob("*.up.sql"), key=version), 1):
            if number > self.options.to:
                break
            if number < self.options.first or self.options.matching and not re.search(self.options.matching, up.read_text(encoding="utf-8"), re.I):
                if self.database.apply("base", up):
                    self.database.empty("base", [])
                    self.database.apply("base", up)
                self.database.went_on()
                self.known = None
                self.by_hand.append(up.name)
                continue
            self.results.append(self.migration(number, up, Path(str(up)[:-7] + ".down.sql")))
        if "whole" in self.options.passes:
            if self.by_hand:
                print("  not the whole way: applied by the client were " + ", ".join(self.by_hand)[:300])
            else:
                self.whole_way()

    def report(self, seconds):
        entries = [e for e in self.results if e["name"] != "whole"]
        count = lambda way, verdict: sum(1 for e in self.results if e["passes"].get(way, {}).get("verdict") == verdict)
        applied = [e for e in entries if e["client"] != "fails"]
        line = {"history": Path(self.options.dir).name, "foreign_keys": self.options.foreign_keys, "migrations": len(entries), "client": len(applied),
                "without rows": sum(e["client"] == "applies without rows" for e in entries),
                "up": {v: count("up", v) for v in ("refused", "failed", "wrong")},
                **{way: {v: count(way, v) for v in ("exact", "refused", "failed", "broken", "ends", "wrong")} for way in ("author", "derive", "whole")},
                "derived on the whole way": [name for e in self.results for name in e.get("derived", [])],
                "minutes": round(seconds / 60, 1)}
        print(json.dumps(line))
        if self.options.report:
            Path(self.options.report).write_text(json.dumps({"line": line, "migrations": self.results}, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--undrop", required=True)
    parser.add_argument("--dir", required=True)
    parser.add_argument("--server")
    parser.add_argument("--prelude")
    parser.add_argument("--foreign-keys", default="on", choices=("on", "off"))
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--to", type=int, default=10 ** 9)
    parser.add_argument("--matching", help="only migrations whose up matches this; the client applies the others")
    parser.add_argument("--passes", default="author,derive,whole")
    parser.add_argument("--report")
    parser.add_argument("--keep", help="a directory for the work, which is kept")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and what was measured until then counts
    options.undrop = str(Path(options.undrop).resolve())
    options.passes = options.passes.split(",")
    options.work = options.keep or tempfile.mkdtemp(prefix="histories.")
    Path(options.work).mkdir(exist_ok=True)
    name = re.sub(r"\W", "_", Path(options.dir).name)
    database = Postgres(options.server, f"h_{name}_") if options.server else Sqlite(options.work, options.foreign_keys == "on")
    walk = Walk(options, database)
    started = time.time()
    try:
        walk.run()
    except KeyboardInterrupt:
        print(f"  stopped after {walk.results[-1]['name'] if walk.results else 'nothing'}")
    finally:
        walk.report(time.time() - started)
        if not options.keep:
            for each in ("base", "try", "client"):
                database.drop(each)
            shutil.rmtree(options.work)


if __name__ == "__main__":
    main()
