"""Makes a small shop out of the description's own examples, and holds these and what comes back against its schemas.

    shop.py URL KEY
"""

import json
import sys
import urllib.error
import urllib.request

from jsonschema import Draft202012Validator

DAY = [
    ("putLocation", "warehouse"),
    ("putChannel", "shop"),
    ("putSku", "mug"),
    ("moveStock", "receive"),
    ("moveStock", "adjust"),
    ("moveStock", "set"),
    ("moveStock", "move"),
    ("readAvailability", "mug"),
    ("putSkus", "tea_and_pot"),
    ("moveStockBulk", "tea"),
    ("placeOrder", "mugs"),
    ("placeOrder", "too_many_mugs"),
    ("shipOrder", "one_mug"),
    ("cancelOrder", "the_rest"),
    ("placeOrders", "tea_twice"),
    ("putSkuBulk", "named_bulk"),
    ("putRoutingProfile", "near"),
    ("putRoutingProfile", "gifts"),
    ("putChannel", "routed"),
    ("previewOrder", "gift"),
]


def ask(url, key, method, path, body, name, media="application/json"):
    """Status and text of an answer."""
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": name} if key else {}
    headers["Content-Type"] = media
    request = urllib.request.Request(url + path, body, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Description:
    """The document, with its references."""

    def __init__(self, document):
        self.document = document
        self.operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }

    def followed(self, part):
        """A part, or what it refers to."""
        while "$ref" in part:
            target = self.document
            for step in part["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            part = target
        return part

    def check(self, schema, value, what):
        """Ends the run if the value is not what the schema says."""
        # References lead into the components, from whatever document they stand in.
        whole = {**schema, "components": self.document["components"]}
        errors = list(Draft202012Validator(whole).iter_errors(value))
        if errors:
            sys.exit(f"{what}: {errors[0].json_path} {errors[0].message}")

    def filled(self, path, operation):
        """The path with the examples of its parameters."""
        for parameter in map(self.followed, operation.get("parameters", [])):
            if parameter["in"] == "path":
                path = path.replace("{%s}" % parameter["name"], str(parameter["example"]))
        return path

    def send(self, url, key, operation_id, name):
        """Sends an example and holds it and its answer against their schemas."""
        method, path, operation = self.operations[operation_id]
        contents = operation["requestBody"]["content"].items()
        ((media, content),) = [(media, content) for media, content in contents if name in content["examples"]]
        value = content["examples"][name]["value"]
        what = f"{operation_id} {name}"
        self.check(content["schema"], value, f"request of {what}")
        lines = value if media == "application/x-ndjson" else [value]
        # What is no JSON stands there as it is sent.
        body = value if media == "application/toml" else "\n".join(map(json.dumps, lines))
        status, text = ask(url, key, method, self.filled(path, operation), body.encode(), what, media)
        response = self.followed(operation["responses"][str(status)])
        ((media, content),) = response["content"].items()
        answer = [json.loads(line) for line in text.splitlines()]
        self.check(content["schema"], answer if media == "application/x-ndjson" else answer[0], f"answer to {what}")
        print(f"{status} {what}")


def main(url, key):
    status, text = ask(url, "", "GET", "/v1/openapi.json", None, "")
    description = Description(json.loads(text))
    for operation_id, name in DAY:
        description.send(url, key, operation_id, name)
    # A SKU that has the name of a route: the description has an operation for it.
    status, text = ask(url, key, "PUT", "/v1/skus/movements", b"{}", "movements")
    if status != 201:
        sys.exit(f"the SKU that is called movements: {status} {text}")


main(*sys.argv[1:])
