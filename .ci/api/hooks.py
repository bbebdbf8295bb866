"""What Schemathesis has to know of this API beyond its description.

Bulk bodies are a line for each command (NDJSON); the description shows them as arrays. And names that are made up exist
nowhere, so what is asked under them would be refused before anything is decided: most of them are exchanged for names of
the shop that shop.py makes. What was good stays good by the description, and what was bad stays bad.
"""

import itertools
import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    """An array becomes its lines; whatever else was made up is sent as one line."""
    items = value if isinstance(value, list) else [value]
    return "".join(json.dumps(item) + "\n" for item in items).encode()


@schemathesis.deserializer("application/x-ndjson")
def answers(ctx, response):
    """The lines of an answer become an array."""
    return [json.loads(line) for line in response.content.decode().splitlines()]


@schemathesis.serializer("application/toml")
def toml(ctx, value):
    """A text goes as it is."""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


SHOP = {"sku": ["MUG", "TEA", "bulk"], "channel": ["web-eu"], "location": ["berlin"], "routing_profile": ["eu"]}
OPEN_ORDER = "ord_00000000000004R"
numbers = itertools.count()


def is_name(value):
    """Whether the description takes it as a name."""
    return isinstance(value, str) and 1 <= len(value) <= 64 and not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in value)


def known(name, value):
    """A name of the shop, for seven of eight that could be one."""
    number = next(numbers) if is_name(value) else 0
    return SHOP[name][number % len(SHOP[name])] if number % 8 else value


def fresh(value, longest):
    """A name or key with a number behind it, for three of four: else most would be repeats of one."""
    number = next(numbers) if isinstance(value, str) and 1 <= len(value) < longest - 8 else 0
    return f"{value}-{number}" if number % 4 else value


def of_order(line):
    """A line of a change, with the id that lines of the shop's orders have."""
    return {**line, "id": "1"} if isinstance(line, dict) and is_name(line.get("id")) else line


def named(value):
    """A body with names that are there."""
    if isinstance(value, list):
        return [named(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        # An integer by the schema; the API wants it without a fraction, and says so.
        return int(value)
    if not isinstance(value, dict):
        return value
    return {name: member_named(name, member, value) for name, member in value.items()}


def member_named(name, member, body):
    if name in SHOP:
        return known(name, member)
    if name.removesuffix("s") in SHOP and isinstance(member, list) and (name != "locations" or len(member) == 1):
        return [known(name.removesuffix("s"), item) for item in member]
    if name == "external_id" and is_name(member):
        return fresh(member, 64)
    if name == "currency" and isinstance(member, str) and len(member) == 3 and member.isascii() and member.isupper():
        return "EUR" if member.isalpha() else member
    if name == "lines" and isinstance(member, list) and len(member) == 1 and "external_id" not in body:
        member = [of_order(line) for line in member]
    return named(member)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Every phase comes by here; a key that stays the same would be 422 whatever the body says."""
    case.body = named(case.body)
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and key.isascii() and key.isprintable() and key.strip(' "'):
        case.headers["Idempotency-Key"] = fresh(key, 255)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    parameters = dict(path_parameters or {})
    if "sku" in parameters:
        parameters["sku"] = known("sku", parameters["sku"])
    if "name" in parameters:
        parameters["name"] = known("routing_profile", parameters["name"])
    order = parameters.get("id")
    if isinstance(order, str) and order.startswith("ord_") and len(order) == 19 and next(numbers) % 2:
        parameters["id"] = OPEN_ORDER
    return parameters
