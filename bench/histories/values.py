"""Values of a column's type for made-up rows, as SQL literals. Two values of different numbers differ wherever the type allows it."""
import re
import uuid


def quoted(value):
    return "'" + str(value).replace("'", "''") + "'"


def literals(rules):
    """The texts and numbers that a table's checks mention: candidates for its columns."""
    found = re.findall(r"'((?:[^']|'')*)'", rules)
    return [word.replace("''", "'") for word in found if word and not re.fullmatch(r"[a-z ]+\[?\]?", word) or word.isalpha()], \
        [int(n) for n in re.findall(r"(?<![\w.'])-?\d{1,9}(?![\w.'])", rules)]


def text_of(n, length, attempt, words):
    if attempt % 2 == 1 and words:
        return words[(n + attempt) % len(words)]
    forms = (f"name {n} ä'", f"n{n}@example.org", f"https://example.org/{n}", f"slug_{n}", f"{n:064x}"[-64:], f"{n % 97}")
    value = forms[attempt // 2 % len(forms)]
    return value if length is None or len(value) <= length else (str(n) if len(str(n)) <= length else str(n)[-length:])


def number_of(n, attempt, numbers):
    if attempt % 2 == 1 and numbers:
        return (numbers + [x + 1 for x in numbers] + [x - 1 for x in numbers])[(n + attempt // 2) % (3 * len(numbers))]
    return (n, n % 100 + 1, n % 2, 0)[attempt // 2 % 4]


def literal(kind, n, attempt, words=(), numbers=(), length=None):
    """`kind` is the base type's name, n the row's own number."""
    words, numbers = list(words), list(numbers)
    if kind in ("int2", "int4", "int8", "oid", "integer", "bigint", "smallint"):
        return str(number_of(n if kind != "int2" else n % 30000, attempt, numbers))
    if kind in ("numeric", "float4", "float8", "money"):
        return f"{number_of(n, attempt, numbers)}" + ("" if attempt else ".25")
    if kind in ("text", "varchar", "bpchar", "citext", "name", "char"):
        return quoted(text_of(n, 1 if kind == "char" else length, attempt, words))
    if kind == "uuid":
        return quoted(uuid.UUID(int=0x1234 << 100 | n))
    if kind == "bool":
        return ("true", "false")[(n + attempt) % 2]
    if kind in ("timestamp", "timestamptz"):
        return quoted(f"20{10 + n % 30:02}-0{n % 9 + 1}-1{n % 10} 12:{n % 60:02}:{n // 7 % 60:02}.25")
    if kind == "date":
        return quoted(f"20{10 + n % 30:02}-0{n % 9 + 1}-1{n % 10}")
    if kind in ("time", "timetz"):
        return quoted(f"1{n % 10}:00:{n % 60:02}")
    if kind == "interval":
        return quoted(f"{n} minutes")
    if kind in ("json", "jsonb"):
        return quoted(('{"a": %d, "b": [1, "x"]}' % n, '["t%d"]' % n, "{}", "[]")[attempt // 2 % 4])
    if kind == "bytea":
        return quoted(f"\\x{n:08x}00ff")
    if kind in ("inet", "cidr"):
        return quoted(f"10.{n // 250 % 250}.{n % 250}.1")
    if kind == "xml":
        return quoted(f"<a>{n}</a>")
    if kind == "tsvector":
        return f"to_tsvector('simple', 'word{n} other')"
    if kind == "ltree":
        return quoted(f"top.n{n}")
    if kind == "hstore":
        return quoted(f"k=>{n}")
    if kind == "bit" or kind == "varbit":
        return "B" + quoted("10")
    ranges = {"int4range": f"[{n},{n + 1})", "int8range": f"[{n},{n + 1})", "numrange": f"[{n},{n + 1})",
              "tstzrange": f"[20{10 + n % 30}-01-01,20{11 + n % 30}-01-01)", "tsrange": f"[20{10 + n % 30}-01-01,20{11 + n % 30}-01-01)",
              "daterange": f"[20{10 + n % 30}-01-01,20{11 + n % 30}-01-01)"}
    if kind in ranges:
        return quoted(ranges[kind])
    return None
