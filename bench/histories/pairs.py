#!/usr/bin/env python3
"""Writes a history of any of the usual layouts as pairs VERSION_name.up.sql and .down.sql, numbered in its tool's order:

    pairs.py FORMAT DIALECT FROM INTO

FORMAT is one of those in `formats` below, DIALECT postgres or sqlite. Knows nothing of undrop but the names of its files and the one line
with which a script asks for statements outside of a transaction.
"""
import json
import re
import sys
from pathlib import Path

OUTSIDE = re.compile(
    r"^\s*(create\s+(unique\s+)?index\s+concurrently|drop\s+index\s+concurrently|reindex\s.*concurrently|vacuum\b"
    r"|alter\s+table\s.*detach\s+partition\s.*concurrently)", re.I | re.M)


def text(path):
    return path.read_text(encoding="utf-8-sig") if path and path.is_file() else None


def by_suffix(directory, up, down):
    """Files in one directory, sorted by name: (name, up, down)."""
    for path in sorted(directory.iterdir(), key=lambda p: p.name):
        if path.name.endswith(up):
            name = path.name[: -len(up)]
            yield name, text(path), text(directory / (name + down))


def pairs(directory, _):
    """VERSION_name.up.sql and .down.sql, ordered by number and then by the whole name: golang-migrate, sqlx, maragudk/migrate."""
    found = list(by_suffix(directory, ".up.sql", ".down.sql"))
    plain = [(p.name[:-4], text(p), None) for p in directory.glob("*.sql") if not p.name.endswith((".up.sql", ".down.sql"))]
    number = lambda entry: (int(re.match(r"\D*(\d+)", entry[0]).group(1)), entry[0])
    return sorted(found + plain, key=number)


def whole_name(directory, _):
    return by_suffix(directory, ".up.sql", ".down.sql")


def directories(directory, _):
    """A directory a migration: up.sql and down.sql (diesel, hasura) or migration.sql (prisma). Diesel orders without the dashes."""
    for path in sorted((p for p in directory.iterdir() if p.is_dir()), key=lambda p: p.name.split("_")[0].replace("-", "") + p.name):
        up = text(path / "up.sql")
        if up is None:
            up = text(path / "migration.sql")
        if up is not None:
            yield path.name, up, text(path / "down.sql")


def postgrator(directory, _):
    number = lambda path: int(path.name.split(".")[0])
    for path in sorted(directory.glob("*.do.*.sql"), key=number):
        yield path.name.replace(".do.", "_")[:-4], text(path), text(directory / path.name.replace(".do.", ".undo."))


def goose(directory, _):
    for path in sorted(directory.glob("*.sql"), key=lambda p: int(p.name.split("_")[0])):
        part, parts = None, {}
        for line in text(path).splitlines(keepends=True):
            word = re.match(r"\s*--\s*\+goose\s+(\w+)", line)
            if word and word.group(1) in ("Up", "Down"):
                part = word.group(1)
            elif part and not word:
                parts[part] = parts.get(part, "") + line
        yield path.name[:-4], parts.get("Up", ""), parts.get("Down")


def pop(directory, dialect):
    """One statement a file; those of one name whose versions differ in their last six digits are one migration, downs in reverse."""
    own = {"postgres": ("postgres",), "sqlite": ("sqlite3", "sqlite")}[dialect]
    others = {"cockroach", "mysql", "postgres", "sqlite", "sqlite3"} - set(own)
    chosen = {}
    for path in sorted(directory.glob("*.sql")):
        match = re.fullmatch(r"(\d+)_([^.]+)((?:\.[a-z0-9]+)*)\.(up|down)\.sql", path.name)
        if not match:
            continue
        version, name, tags, way = match.groups()
        words = set(tags.split(".")) - {""}
        if words & others:
            continue
        key = (version, name, way)
        if key not in chosen or words & set(own):
            chosen[key] = text(path)
    groups = {}
    for (version, name, way), content in sorted(chosen.items()):
        group = groups.setdefault((version[:-6] if len(version) > 14 else version, name), {"up": [], "down": []})
        group[way].append(content)
    for (version, name), group in groups.items():
        ends = lambda parts: "\n".join(p.rstrip() + ("" if p.rstrip().endswith(";") or not p.strip() else ";") for p in parts)
        yield f"{version}_{name}", ends(group["up"]), ends(reversed(group["down"])) if group["down"] else None


def drizzle(directory, _):
    for entry in json.loads(text(directory / "meta/_journal.json"))["entries"]:
        content = text(directory / (entry["tag"] + ".sql"))
        if content is None:
            continue
        statements = [s.strip() for s in content.split("--> statement-breakpoint")]
        yield entry["tag"], "\n".join(s if s.endswith(";") else s + "\n;" for s in statements if s), None


def sqitch(directory, _):
    """In the plan's order; a change that was reworked is its file with the first tag after it in the name."""
    changes, tags = [], []
    for line in text(directory / "sqitch.plan").splitlines():
        if not line.strip() or line[0] in "%#":
            continue
        word = line.split()[0]
        if word.startswith("@"):
            tags.append((len(changes), word.split()[0]))
        else:
            changes.append(word)
    last = {name: index for index, name in enumerate(changes)}
    for index, name in enumerate(changes):
        stem = name
        if last[name] != index:
            again = next(i for i in range(index + 1, len(changes)) if changes[i] == name)
            stem += next((tag for place, tag in reversed(tags) if index < place <= again), "")
            inner = [tag for place, tag in tags if index < place <= again]
            stem = next((name + tag for tag in reversed(inner) if (directory / "deploy" / (name + tag + ".sql")).is_file()), stem)
        yield name, text(directory / "deploy" / (stem + ".sql")), text(directory / "revert" / (stem + ".sql"))


formats = {"pairs": pairs, "whole-name": whole_name, "directories": directories, "postgrator": postgrator, "goose": goose, "pop": pop,
           "drizzle": drizzle, "sqitch": sqitch}


def no_own_transaction(script):
    """Without the BEGIN and COMMIT that a script carries for a client that runs it statement by statement."""
    return re.sub(r"(?im)^[ \t]*(begin|begin transaction|begin work|start transaction|commit|commit transaction|end transaction)[ \t]*;[ \t]*$", "", script)


def main(name, dialect, source, into):
    into = Path(into)
    into.mkdir(parents=True, exist_ok=True)
    number = 0
    for title, up, down in formats[name](Path(source), dialect):
        if up is None:
            continue
        number += 1
        stem = f"{number:04}_" + re.sub(r"[^A-Za-z0-9_-]+", "-", title)[:80]
        for way, script in (("up", up), ("down", down)):
            if script is None:
                continue
            if "{{" in script:
                script = re.sub(r"\{\{.*?\}\}", "auth", script)
            script = no_own_transaction(script)
            if OUTSIDE.search(script):
                script = "-- undrop: no-transaction\n" + script
            (into / f"{stem}.{way}.sql").write_text(script, encoding="utf-8")
    print(f"{into}: {number} migrations")


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1] not in formats or sys.argv[2] not in ("postgres", "sqlite"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
