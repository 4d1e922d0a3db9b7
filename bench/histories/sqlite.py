"""SQLite files as the check sees them: scripts run by the sqlite3 program, rows and definitions read by PRAGMA and SELECT."""
import os
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

from values import literal, literals

OURS = "name not like 'sqlite\\_%' escape '\\' and name not like 'undrop\\_%' escape '\\'"


def name_of(name):
    return '"' + name.replace('"', '""') + '"'


class Sqlite:
    def __init__(self, directory, foreign_keys):
        self.directory = Path(directory)
        self.foreign_keys = foreign_keys

    def path(self, name):
        return self.directory / (name + ".db")

    def url(self, name):
        return f"sqlite:{self.path(name)}" + ("" if self.foreign_keys else "?foreign_keys=off")

    def create(self, name):
        self.drop(name)
        sqlite3.connect(self.path(name)).execute("vacuum")

    def copy(self, source, name):
        self.drop(name)
        shutil.copyfile(self.path(source), self.path(name))

    def drop(self, name):
        for ending in ("", "-wal", "-shm", "-journal"):
            Path(str(self.path(name)) + ending).unlink(missing_ok=True)

    def rename(self, source, name):
        self.drop(name)
        os.rename(self.path(source), self.path(name))

    def after_copy(self):
        pass

    def went_on(self):
        pass

    def apply(self, name, path):
        script = f"pragma foreign_keys={'on' if self.foreign_keys else 'off'};\n.bail on\n.read '{path}'\n"
        done = subprocess.run(["sqlite3", "-batch", str(self.path(name))], input=script, capture_output=True, text=True)
        return done.stderr if done.returncode or done.stderr else None

    def draw_numbers(self, name):
        db = sqlite3.connect(self.path(name))
        try:
            db.execute("update sqlite_sequence set seq = seq + 2")
        except sqlite3.OperationalError:
            pass  # no table counts by itself
        db.commit()
        db.close()

    def witness(self, name):
        db = sqlite3.connect(self.path(name))
        db.text_factory = lambda value: value.decode("utf-8", "replace")
        schema, rows = {}, {}
        for kind, title, table, sql in db.execute(f"select type, name, tbl_name, sql from sqlite_schema where {OURS}").fetchall():
            schema[f"{kind} {title}"] = (definition(sql) if kind == "table" else plain(sql)) + (f" on {table}" if kind != "table" else "")
            if kind != "table" or re.match(r"(?i)create virtual", sql):
                continue
            columns = db.execute(f"pragma table_xinfo({name_of(title)})").fetchall()
            schema[f"columns {title}"] = "\n".join(sorted(repr(c[1:]) for c in columns))
            schema[f"references {title}"] = "\n".join(sorted(repr(f[1:]) for f in db.execute(f"pragma foreign_key_list({name_of(title)})")))
            indexes = []
            for index in db.execute(f"pragma index_list({name_of(title)})").fetchall():
                parts = db.execute(f"pragma index_xinfo({name_of(index[1])})").fetchall()
                indexes.append(repr((index[1] if index[3] == "c" else "", index[2:], [p[2:] if p[1] >= 0 else p[3:] for p in parts if p[5]])))
            schema[f"indexes {title}"] = "\n".join(sorted(indexes))
            names = sorted(c[1] for c in columns)
            read = ", ".join(f"typeof({name_of(c)}) || ' ' || quote({name_of(c)})" for c in names)
            try:
                rows[title] = [dict(zip(names, row)) for row in db.execute(f"select {read} from {name_of(title)}")] if names else []
            except sqlite3.OperationalError as error:  # a computed column that needs a newer SQLite
                rows[title] = [{"cannot be read": str(error)}]
        db.close()
        return {"schema": schema, "rows": {table: found for table, found in rows.items() if found}}

    def rows(self, name):
        return self.witness(name)["rows"]

    def empty(self, name, tables):
        db = sqlite3.connect(self.path(name))
        for (title,) in db.execute(f"select name from sqlite_schema where type = 'table' and {OURS}").fetchall():
            if not tables or title in tables:
                db.execute(f"delete from {name_of(title)}")
        try:
            while orphans := {(row[0], row[1]) for row in db.execute("pragma foreign_key_check")}:
                for table, number in orphans:
                    db.execute(f"delete from {name_of(table)}" + (f" where rowid = {number}" if number is not None else ""))
        except sqlite3.OperationalError:
            pass  # A reference to what is not unique cannot be checked.
        db.commit()
        db.close()

    def fill(self, name, seed, counts):
        db = sqlite3.connect(self.path(name), isolation_level=None)
        db.execute("pragma foreign_keys = on")
        tables = dict(db.execute(f"select name, sql from sqlite_schema where type = 'table' and {OURS} and sql not like 'create virtual%'").fetchall())
        fks = {t: db.execute(f"pragma foreign_key_list({name_of(t)})").fetchall() for t in tables}
        order = []

        def visit(table, path):
            if table in order or table in path:
                return
            for fk in fks.get(table, []):
                if fk[2] in tables:
                    visit(fk[2], path | {table})
            order.append(table)

        for table in tables:
            visit(table, set())
        db.execute("begin")
        for table in order:
            if counts.get(table, 0) < 3 and db.execute(f"select count(*) from {name_of(table)}").fetchone()[0] < 3:
                self.fill_table(db, table, tables[table], fks[table], seed)
        try:
            db.execute("commit")
        except sqlite3.Error:
            db.execute("rollback")
        db.close()

    def fill_table(self, db, table, sql, fks, seed):
        columns = db.execute(f"pragma table_xinfo({name_of(table)})").fetchall()
        words, numbers = literals(" ".join(re.findall(r"(?is)check\s*\(.*?\)+", sql)))
        for row in range(3):
            for attempt in range(12):
                names, values = [], []
                for _, column, kind, notnull, default, key, hidden in columns:
                    value = None if hidden else value_of(db, table, column, kind.lower(), notnull or key, default, fks, seed * 10 + row, row, attempt,
                                                         words, numbers)
                    if value is not None:
                        names.append(name_of(column))
                        values.append(value)
                try:
                    db.execute("savepoint fill")
                    db.execute(f"insert into {name_of(table)} " + (f"({', '.join(names)}) values ({', '.join(values)})" if names else "default values"))
                    db.execute("release fill")
                    break
                except sqlite3.Error:
                    db.execute("rollback to fill")
                    db.execute("release fill")


def value_of(db, table, column, kind, needed, default, fks, n, row, attempt, words, numbers):
    needed = needed and default is None
    for fk in fks:
        if fk[3].lower() == column.lower():
            if not needed and (fk[2] == table or attempt >= 8):
                return None
            keys = [c[1] for c in sorted(db.execute(f"pragma table_info({name_of(fk[2])})"), key=lambda c: c[5]) if c[5]]
            key = fk[4] or (keys[fk[1]] if fk[1] < len(keys) else "rowid")
            return f"(select {name_of(key)} from {name_of(fk[2])} order by 1 limit 1 offset {row if attempt < 6 else 0})"
    if not needed and (attempt >= 4 and attempt % 4 == 0 or row == 1 or row == 2 and default is not None):
        return None
    length = re.search(r"char\D*\((\d+)\)", kind)
    if "int" in kind:
        return literal("int4", n, attempt, words, numbers)
    if "bool" in kind:
        return str((n + attempt) % 2)
    if re.search("real|floa|doub|num|dec", kind):
        return literal("float8", n, attempt, words, numbers)
    if "date" in kind or "time" in kind:
        return literal("timestamp", n, attempt)
    if "json" in kind:
        return literal("json", n, attempt)
    if "blob" in kind:
        return f"x'{n:08x}00ff'"
    return literal("text", n, attempt, words, numbers, int(length.group(1)) if length else None)


def plain(sql):
    """A definition without comments, quotes around names and blanks that mean nothing."""
    sql = re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql or "", flags=re.S)
    sql = re.sub(r"[\"`\[\]]", "", sql)
    return re.sub(r"\s*([(),=<>;])\s*", r"\1", re.sub(r"\s+", " ", sql)).strip(" ;").lower()


def definition(sql):
    """A table's, its columns and constraints sorted."""
    sql = plain(re.sub(r"(?i)create\s+table\s+if\s+not\s+exists", "create table", sql))
    start, end = sql.find("("), sql.rfind(")")
    parts, depth, part, inside = [], 0, "", False
    for c in sql[start + 1:end]:
        inside ^= c == "'"
        if not inside:
            depth += (c == "(") - (c == ")")
        if c == "," and depth == 0 and not inside:
            parts.append(part)
            part = ""
        else:
            part += c
    return sql[:start] + "(" + ",".join(sorted(parts + [part])) + ")" + sql[end + 1:]
