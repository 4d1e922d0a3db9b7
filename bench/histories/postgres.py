"""A PostgreSQL server as the check sees it: through psql and pg_dump alone."""
import json
import os
import re
import subprocess

from values import literal, literals, quoted

CATALOG = r"""
select coalesce(json_agg(t), '[]') from (
  select c.oid::int, n.nspname as schema, c.relname as name, c.relispartition as part,
    (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'notnull', a.attnotnull,
        'default', a.atthasdef or a.attidentity <> '', 'fixed', a.attgenerated <> '' or a.attidentity = 'a', 'kind', b.typname, 'typtype', b.typtype,
        'array', case when b.typcategory = 'A' then e.typname end,
        'domain', (select string_agg(pg_get_constraintdef(k.oid), ' ') from pg_constraint k where k.contypid = a.atttypid),
        'labels', (select json_agg(enumlabel order by enumsortorder) from pg_enum where enumtypid = b.oid),
        'length', case when b.typname in ('varchar', 'bpchar') and a.atttypmod > 4 then a.atttypmod - 4 end) order by a.attnum)
      from pg_attribute a join pg_type y on y.oid = a.atttypid join pg_type b on b.oid = case when y.typtype = 'd' then y.typbasetype else y.oid end
      left join pg_type e on e.oid = b.typelem
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
    (select coalesce(string_agg(pg_get_constraintdef(k.oid), ' '), '') from pg_constraint k where k.conrelid = c.oid and k.contype = 'c') as checks,
    (select coalesce(json_agg(json_build_object('columns', (select json_agg(a.attname order by u.o) from unnest(k.conkey) with ordinality u(n, o)
          join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n),
        'table', k.confrelid::int, 'name', format('%I.%I', fn.nspname, f.relname),
        'keys', (select json_agg(a.attname order by u.o) from unnest(k.confkey) with ordinality u(n, o)
          join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n))), '[]')
      from pg_constraint k join pg_class f on f.oid = k.confrelid join pg_namespace fn on fn.oid = f.relnamespace
      where k.conrelid = c.oid and k.contype = 'f') as fks
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'undrop')
    and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')) t
"""

ROWS = r"""
select format('select %L, jsonb_object(array[%s]::text[], array[%s]::text[]) from only %I.%I', n.nspname || '.' || c.relname,
    string_agg(quote_literal(a.attname), ',' order by a.attname), string_agg(format('%I::text', a.attname), ',' order by a.attname), n.nspname, c.relname)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where (c.relkind = 'r' or c.relkind = 'm' and c.relispopulated) and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'undrop')
  group by n.nspname, c.relname, c.relkind order by 1
\gexec
"""


TRY = """create function pg_temp.try(s text) returns boolean language plpgsql as $f$
begin execute s; set constraints all immediate; return true; exception when others then return false; end $f$;
"""


def name_of(*parts):
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


class Postgres:
    def __init__(self, server, prefix):
        """`server` is a URL of any database on it, of a role that may make databases."""
        self.head, self.tail = re.fullmatch(r"(postgres(?:ql)?://[^/]*/)[^?]*(.*)", server).groups()
        self.url_ = server
        self.prefix = prefix
        self.catalog = None
        self.roles = self.roles_now()

    def url(self, name):
        return self.head + self.prefix + name + self.tail

    def run(self, url, arguments, script=None):
        return subprocess.run(["psql", "-X", "-q", "-At", "-F", "\t", "-v", "ON_ERROR_STOP=1", *arguments, "-d", url], input=script,
                              capture_output=True, text=True, env={**os.environ, "PGCLIENTENCODING": "UTF8"})

    def server(self, *statements):
        done = self.run(self.url_, [word for statement in statements for word in ("-c", statement)])
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def roles_now(self):
        return set(self.server("select rolname from pg_roles").split("\n")) - {""}

    def create(self, name):
        self.drop(name)
        self.server(f"create database {name_of(self.prefix + name)} template template0")

    def copy(self, source, name):
        self.drop(name)
        self.server(f"create database {name_of(self.prefix + name)} template {name_of(self.prefix + source)}")

    def drop(self, name):
        self.server(f"drop database if exists {name_of(self.prefix + name)} (force)")

    def rename(self, source, name):
        self.drop(name)
        self.server(f"alter database {name_of(self.prefix + source)} rename to {name_of(self.prefix + name)}")

    def apply(self, name, path):
        """Runs the script as psql would; the server's words where it fails."""
        outside = "-- undrop: no-transaction" in open(path, encoding="utf-8").read(60)
        done = self.run(self.url(name), ["-f", str(path)] if outside else ["-1", "-f", str(path)])
        return done.stderr if done.returncode else None

    def after_copy(self):
        """Roles belong to the whole server: those that a script made on a copy would be in the way of the next one."""
        made = self.roles_now() - self.roles
        for role in made:
            try:
                self.server(f"drop role {name_of(role)}")
            except RuntimeError:
                self.roles.add(role)

    def went_on(self):
        """The roles that are there now are the history's own."""
        self.roles = self.roles_now()

    def draw_numbers(self, name):
        """As a run that was taken back has left the sequences: no number is given twice."""
        self.run(self.url(name), ["-c", "select nextval(oid::regclass), nextval(oid::regclass) from pg_class where relkind = 'S' and relpersistence <> 't'"])

    def witness(self, name):
        dump = subprocess.run(["pg_dump", "--schema-only", "--exclude-schema=undrop", "-d", self.url(name)], capture_output=True, text=True)
        if dump.returncode:
            raise RuntimeError(dump.stderr)
        return {"schema": blocks(dump.stdout), "rows": self.rows(name)}

    def rows(self, name):
        rows = self.run(self.url(name), ["-f", "-"], ROWS)
        if rows.returncode:
            raise RuntimeError(rows.stderr)
        tables = {}
        for line in rows.stdout.splitlines():
            table, row = line.split("\t", 1)
            tables.setdefault(table, []).append(json.loads(row))
        return tables

    def empty(self, name, tables):
        """Takes the rows of the named tables away ([] for all), with what refers to them."""
        found = self.read_catalog(name)
        chosen = [name_of(t["schema"], t["name"]) for t in found if not tables or t["name"] in tables]
        if chosen:
            self.run(self.url(name), ["-c", "set session_replication_role = replica", "-c", "truncate " + ", ".join(chosen) + " cascade"])

    def read_catalog(self, name):
        return json.loads(self.run(self.url(name), ["-c", CATALOG]).stdout or "[]")

    def fill(self, name, seed, counts):
        """About three rows in every table that has fewer; parents first, each row by several attempts."""
        tables = [t for t in self.read_catalog(name) if t["columns"] and not t["part"]]
        known = {t["oid"]: t for t in tables}
        order, seen = [], set()

        def visit(table):
            if table["oid"] in seen:
                return
            seen.add(table["oid"])
            for fk in table["fks"]:
                if fk["table"] in known:
                    visit(known[fk["table"]])
            order.append(table)

        for table in tables:
            visit(table)
        script = "".join(block(table, seed) for table in order if counts.get(table["schema"] + "." + table["name"], 0) < 3)
        if script:
            subprocess.run(["psql", "-X", "-q", "-At", "-d", self.url(name)], input=TRY + script, capture_output=True, text=True)


def block(table, seed):
    name = name_of(table["schema"], table["name"])
    rules = table["checks"] + " ".join(c["domain"] or "" for c in table["columns"])
    words, numbers = literals(rules)
    lines = [f"do $fill$ begin if (select count(*) from {name}) < 3 then"]
    for row in range(3):
        for attempt in range(12):
            names, values = [], []
            for column in table["columns"]:
                value = value_of(table, column, seed * 10 + row, row, attempt, words, numbers)
                if value is not None:
                    names.append(name_of(column["name"]))
                    values.append(value)
            into = f"({', '.join(names)}) values ({', '.join(values)})" if names else "default values"
            lines.append(f"{'elsif' if attempt else 'if'} pg_temp.try($try$insert into {name} {into}$try$) then null;")
        lines.append("end if;")
    lines.append("end if; end $fill$;\n")
    return "\n".join(lines)


def value_of(table, column, n, row, attempt, words, numbers):
    if column["fixed"]:
        return None
    needed = column["notnull"] and not column["default"]
    for fk in table["fks"]:
        if column["name"] in fk["columns"]:
            key = name_of(fk["keys"][fk["columns"].index(column["name"])])
            if fk["table"] == table["oid"] and not needed or attempt >= 8 and not needed:
                return None
            place = row if attempt < 6 else 0
            order = ", ".join(name_of(k) for k in fk["keys"])
            return f"(select {key} from {fk['name']} order by {order} limit 1 offset {place})"
    if not needed and (attempt >= 4 and attempt % 4 == 0 or row == 1 and not column["notnull"] or row == 2 and column["default"]):
        return None
    if column["array"]:
        inner = literal(column["array"].lstrip("_"), n, attempt, words, numbers)
        return "'{}'" if inner is None or row == 2 else f"array[{inner}]::{column['type']}"
    if column["labels"]:
        return quoted(column["labels"][(row + attempt) % len(column["labels"])])
    return literal(column["kind"], n, attempt, words, numbers, column["length"])


def blocks(dump):
    """The dump's objects by name, each in a form that does not depend on where columns stand."""
    found = {}
    for part in re.split(r"^--\n-- (?=Name: )", dump, flags=re.M)[1:]:
        head, body = part.split("\n", 1)
        body = re.sub(r"^(SET default_\w+ = .*;|\\(un)?restrict .*|-- PostgreSQL database dump complete|--)\n?", "", body, flags=re.M).strip()
        kind = re.search(r"Type: ([A-Z ]+)", head).group(1)
        if kind in ("TABLE", "VIEW", "MATERIALIZED VIEW", "ACL", "DEFAULT ACL") or kind == "TYPE" and " AS (" in body:
            body = "\n".join(sorted(line.strip().rstrip(",;") for line in body.splitlines()))
        found[head] = found[head] + "\n" + body if head in found else body
    return found
