#!/usr/bin/env python3
"""Writes the types of the Python and the JavaScript client from docs/openrpc.json and docs/asyncapi.json.

    clients/generate.py            writes the files
    clients/generate.py --check    writes nothing; ends with 1 and names the files that differ

Needs Python 3.9 and nothing else.
"""

from __future__ import annotations

import difflib
import json
import keyword
import pathlib
import sys
import textwrap
from typing import Any, Dict, List, Optional, Tuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTE = "Written by clients/generate.py from docs/openrpc.json and docs/asyncapi.json. Do not edit."
# Nested objects that have a better name than the one of their member.
NAMES = {"info": "mud", "user_info": "user_info", "members": "mud_users", "sessions": "session_info", "status": "state"}

Schema = Dict[str, Any]


def camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.replace(".", "_").split("_"))


def singular(name: str) -> str:
    name = NAMES.get(name, name)
    return name[:-1] if name.endswith("s") and not name.endswith("ss") and name not in ("status", "mud_users") else name


def shape(schema: Any) -> Any:
    """A schema without the texts for people, so that equal types are found."""
    if isinstance(schema, dict):
        return {key: shape(value) for key, value in schema.items() if key != "description" or isinstance(value, dict)}
    return [shape(value) for value in schema] if isinstance(schema, list) else schema


class Objects:
    """The named object types, each once, in the order in which they are needed."""

    def __init__(self) -> None:
        self.by_shape: Dict[str, str] = {}
        self.schemas: Dict[str, Schema] = {}

    def name(self, schema: Schema, wanted: str, owner: str) -> str:
        key = json.dumps(shape(schema), sort_keys=True)
        if key not in self.by_shape:
            name = camel(wanted)
            if name in self.schemas:
                name = camel(owner) + name
            if name in self.schemas:
                raise SystemExit(f"generate.py: two object types would be named {name}")
            self.by_shape[key] = name
            self.schemas[name] = schema
        return self.by_shape[key]


def is_object(schema: Schema) -> bool:
    return schema.get("type") == "object" and bool(schema.get("properties"))


def nested(objects: Objects, schema: Schema, owner: str) -> None:
    """Names the objects within `schema`, innermost first."""
    for member, part in schema.get("properties", {}).items():
        for inner in [part, part.get("items", {}), *part.get("anyOf", [])]:
            if is_object(inner):
                nested(objects, inner, owner)
                objects.name(inner, singular(member), owner)


class Described:
    """What both documents say, read once for both languages."""

    def __init__(self) -> None:
        openrpc = json.loads((ROOT / "docs/openrpc.json").read_text(encoding="utf-8"))
        asyncapi = json.loads((ROOT / "docs/asyncapi.json").read_text(encoding="utf-8"))
        self.version: str = openrpc["info"]["version"]
        self.methods: List[Dict[str, Any]] = openrpc["methods"]
        messages: Dict[str, Any] = asyncapi["components"]["messages"]
        self.events = {name: message for name, message in messages.items() if name != "welcome"}
        self.objects = Objects()
        for method in self.methods:
            for param in method["params"]:
                self._param_objects(method["name"], param)
            for choice in self.results(method):
                nested(self.objects, choice, method["name"])
        for name in self.events:
            nested(self.objects, self.event_params(name), name)

    def _param_objects(self, method: str, param: Dict[str, Any]) -> None:
        for inner in [param["schema"], param["schema"].get("items", {})]:
            if is_object(inner):
                nested(self.objects, inner, method)
                wanted = "present_user" if param["name"] == "users" else f"{method}_{singular(param['name'])}"
                self.objects.name(inner, wanted, method)

    @staticmethod
    def results(method: Dict[str, Any]) -> List[Schema]:
        schema = method["result"]["schema"]
        return list(schema.get("anyOf", [schema]))

    def event_params(self, name: str) -> Schema:
        params: Schema = self.events[name]["payload"]["properties"]["params"]
        return params

    @staticmethod
    def waits(method: Dict[str, Any]) -> bool:
        """Whether the result has two forms, of which the parameter `wait` selects one."""
        forms = Described.results(method)
        return len(forms) == 2 and any(param["name"] == "wait" for param in method["params"])

    def result_names(self, method: Dict[str, Any]) -> List[str]:
        base = camel(method["name"])
        if self.waits(method):
            return [f"{base}Requested", f"{base}Result"]
        forms = self.results(method)
        return [f"{base}Result"] if len(forms) == 1 else [f"{base}Result{i + 1}" for i in range(len(forms))]


def members(schema: Schema) -> List[Tuple[str, Schema, bool]]:
    """Name, schema and whether it is always there, the required members first."""
    required = set(schema.get("required", []))
    listed = [(name, part, name in required) for name, part in schema.get("properties", {}).items()]
    return [member for member in listed if member[2]] + [member for member in listed if not member[2]]


# -- Python ------------------------------------------------------------------------------------------------------------


def python_type(objects: Objects, schema: Schema) -> str:
    kind = schema.get("type")
    if "anyOf" in schema:
        parts = [python_type(objects, part) for part in schema["anyOf"] if part.get("type") != "null"]
        joined = parts[0] if len(parts) == 1 else f"Union[{', '.join(parts)}]"
        return f"Optional[{joined}]" if len(parts) < len(schema["anyOf"]) else joined
    if "enum" in schema:
        return f"Literal[{', '.join(json.dumps(value) for value in schema['enum'])}]"
    if isinstance(kind, list):
        return f"Union[{', '.join(python_type(objects, {'type': one}) for one in kind)}]"
    if is_object(schema):
        return objects.by_shape[json.dumps(shape(schema), sort_keys=True)]
    if kind == "object":
        return f"Dict[str, {python_type(objects, schema.get('additionalProperties') or {})}]"
    if kind == "array":
        return f"List[{python_type(objects, schema['items'])}]"
    return {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}.get(str(kind), "Any")


def python_docstring(text: str, indent: str) -> List[str]:
    lines = textwrap.wrap(text, 118 - len(indent) - 6, break_on_hyphens=False) or [""]
    lines = [line.replace("\\", "\\\\") for line in lines]
    if len(lines) == 1:
        return [f'{indent}"""{lines[0]}"""']
    return [f'{indent}"""{lines[0]}', *(f"{indent}{line}" for line in lines[1:]), f'{indent}"""']


def python_typed_dict(objects: Objects, name: str, schema: Schema, doc: str) -> List[str]:
    listed = members(schema)
    optional = [member for member in listed if not member[2]]
    required = [member for member in listed if member[2]]
    # Python 3.9 knows no NotRequired: the optional members are in a class of their own.
    lines: List[str] = []
    base = "TypedDict"
    if optional and required:
        base = f"_{name}"
        lines += ["", "", f"class {base}(TypedDict):", *(f"    {m}: {python_type(objects, part)}" for m, part, _ in required)]
    total = ", total=False" if optional else ""
    lines += ["", "", f"class {name}({base}{total}):", *python_docstring(doc, "    "), ""]
    own = optional if base != "TypedDict" else listed
    lines += [f"    {m}: {python_type(objects, part)}" for m, part, _ in own]
    return lines


def python_event(described: Described, name: str) -> List[str]:
    message, schema = described.events[name], described.event_params(name)
    lines = ["", "", "@dataclass(frozen=True)", f"class {camel(name)}(Event):"]
    doc = message["summary"]
    told = [m for m in members(schema) if m[0] not in ("event_id", "timestamp", "replay")]
    lines += python_docstring(doc, "    ")
    lines += ["", f'    NAME: ClassVar[str] = "{name}"', f"    KEPT: ClassVar[bool] = {message['x-kept']}"]
    for member, part, required in told:
        kind = python_type(described.objects, part)
        field = "own" if member == "self" else member
        if required:
            lines.append(f"    {field}: {kind}")
        elif kind == "bool":
            lines.append(f"    {field}: bool = False")
        else:
            lines.append(f"    {field}: {kind if kind.startswith('Optional') else f'Optional[{kind}]'} = None")
    return lines


def python_method(described: Described, method: Dict[str, Any], blocking: bool) -> List[str]:
    objects, name = described.objects, method["name"]
    spelled = name.replace(".", "_")
    if keyword.iskeyword(spelled):
        raise SystemExit(f"generate.py: {spelled} is a keyword of Python")
    required = [p for p in method["params"] if p["required"]]
    optional = [p for p in method["params"] if not p["required"]]

    def signature(wait: Optional[str], result: str, body: str) -> List[str]:
        arguments = ["self", *(f"{p['name']}: {python_type(objects, p['schema'])}" for p in required)]
        if optional:
            arguments.append("*")
        # A `wait` that must be given comes first: overloads may not have it after arguments with defaults.
        for p in optional:
            if p["name"] == "wait" and wait is not None:
                arguments.append(f"wait: {wait}")
            else:
                arguments.append(f"{p['name']}: Optional[{python_type(objects, p['schema'])}] = None")
        keyword_async = "" if blocking else "async "
        start = f"    {keyword_async}def {spelled}("
        one_line = f"{start}{', '.join(arguments)}) -> {result}:{body}"
        if len(one_line) <= 120:
            return [one_line]
        return [start, *(f"        {argument}," for argument in arguments), f"    ) -> {result}:{body}"]

    names = described.result_names(method)
    union = names[0] if len(names) == 1 else f"Union[{', '.join(names)}]"
    lines: List[str] = []
    if described.waits(method):
        for wait, result in (("Optional[Literal[False]] = None", names[0]), ("Literal[True]", names[1])):
            lines += ["", "    @overload", *signature(wait, result, " ...")]
        lines += ["", "    @overload", *signature("Optional[bool]", union, " ...")]
    lines += ["", *signature("Optional[bool] = None" if described.waits(method) else None, union, "")]
    permission = method.get("x-permission")
    summary = method["summary"] + (f" Needs the permission `{permission}`." if permission else "")
    lines += python_docstring(summary, "        ")
    given = ", ".join(f'"{p["name"]}": {p["name"]}' for p in method["params"])
    call = "self.call" if blocking else "await self.call"
    body = f'        return cast("{union}", {call}("{name}", {{{given}}}))'
    if len(body) > 120:
        body = f'        params = {{{given}}}\n        return cast("{union}", {call}("{name}", params))'
    lines += body.split("\n")
    return lines


def python_file(described: Described) -> str:
    objects = described.objects
    lines = [
        f'"""The methods and events of the gateway\'s API {described.version}, as types. {NOTE}"""',
        "",
        "from __future__ import annotations",
        "",
        "from dataclasses import dataclass",
        "from typing import Any, ClassVar, Dict, List, Literal, Mapping, Optional, Type, TypedDict, Union, cast, overload",
        "",
        "from .event import Event",
    ]
    for name, schema in objects.schemas.items():
        doc = "; ".join(f"`{m}`: {part['description']}" for m, part, _ in members(schema) if part.get("description"))
        lines += python_typed_dict(objects, name, schema, doc or name)
    for method in described.methods:
        for name, schema in zip(described.result_names(method), described.results(method)):
            lines += python_typed_dict(objects, name, schema, f"The result of `{method['name']}`.")
    for name in described.events:
        lines += python_event(described, name)
    lines += ["", "", "# The events by the names that they have on the wire."]
    lines += ["EVENTS: Mapping[str, Type[Event]] = {", *(f'    "{name}": {camel(name)},' for name in described.events), "}"]
    for blocking in (False, True):
        kind = "BlockingMethods" if blocking else "Methods"
        what = "blocking calls" if blocking else "coroutines"
        lines += ["", "", f"class {kind}:", f'    """The methods of the API as {what}. An argument that is None is not sent."""', ""]
        head = "def" if blocking else "async def"
        signature = "call(self, method: str, params: Optional[Mapping[str, Any]] = None, timeout: Optional[float] = None)"
        lines += [f"    {head} {signature} -> Any:", "        raise NotImplementedError"]
        for method in described.methods:
            lines += python_method(described, method, blocking)
    return "\n".join(lines) + "\n"


# -- JavaScript --------------------------------------------------------------------------------------------------------


def typescript_type(objects: Objects, schema: Schema) -> str:
    kind = schema.get("type")
    if "anyOf" in schema:
        return " | ".join(typescript_type(objects, part) for part in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if isinstance(kind, list):
        return " | ".join(typescript_type(objects, {"type": one}) for one in kind)
    if is_object(schema):
        return objects.by_shape[json.dumps(shape(schema), sort_keys=True)]
    if kind == "object":
        return f"Record<string, {typescript_type(objects, schema.get('additionalProperties') or {})}>"
    if kind == "array":
        item = typescript_type(objects, schema["items"])
        return f"Array<{item}>"
    plain = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
    return plain.get(str(kind), "unknown")


def typescript_members(objects: Objects, listed: List[Tuple[str, Schema, bool]]) -> List[str]:
    lines = []
    for member, part, required in listed:
        if part.get("description"):
            lines.append(f"  /** {part['description'].replace('*/', '* /')} */")
        lines.append(f"  {member}{'' if required else '?'}: {typescript_type(objects, part)};")
    return lines


def typescript_file(described: Described) -> str:
    objects = described.objects
    lines = [f"// The methods and events of the gateway's API {described.version}, as types.", f"// {NOTE}"]
    for name, schema in objects.schemas.items():
        lines += ["", f"export interface {name} {{", *typescript_members(objects, members(schema)), "}"]
    for method in described.methods:
        base = camel(method["name"])
        params = [(p["name"], p["schema"], p["required"]) for p in method["params"]]
        if params:
            lines += ["", f"export interface {base}Params {{", *typescript_members(objects, params), "}"]
        for name, schema in zip(described.result_names(method), described.results(method)):
            lines += ["", f"export interface {name} {{", *typescript_members(objects, members(schema)), "}"]
    for name, message in described.events.items():
        kept = " Kept for a game that is away." if message["x-kept"] else ""
        lines += ["", f"/** {message['summary']}{kept} */", f"export interface {camel(name)} {{"]
        lines += [*typescript_members(objects, members(described.event_params(name))), "}"]
    lines += ["", "/** The parameters of each event, by its name. */", "export interface EventParams {"]
    lines += [*(f"  {name}: {camel(name)};" for name in described.events), "}"]
    lines += ["", "/** The methods of the API. Each can reject with an `RpcError`. */", "export interface Methods {"]
    for method in described.methods:
        base, names = camel(method["name"]), described.result_names(method)
        required = any(p["required"] for p in method["params"])
        spelled = method["name"].replace(".", "_")
        permission = method.get("x-permission")
        lines.append(f"  /** {method['summary']}" + (f" Needs the permission `{permission}`. */" if permission else " */"))
        mark = "" if required else "?"
        if described.waits(method):
            lines.append(f"  {spelled}(params: {base}Params & {{ wait: true }}): Promise<{names[1]}>;")
            lines.append(f"  {spelled}(params{mark}: {base}Params & {{ wait?: false }}): Promise<{names[0]}>;")
        argument = f"params{mark}: {base}Params" if method["params"] else ""
        lines.append(f"  {spelled}({argument}): Promise<{' | '.join(names)}>;")
    lines += ["}"]
    return "\n".join(lines) + "\n"


def javascript_file(described: Described) -> str:
    lines = [f"// {NOTE}", "", "/** The names of the methods. */", "export const METHODS = ["]
    lines += [*(f'  "{method["name"]}",' for method in described.methods), "];"]
    lines += ["", "/** The events that the gateway keeps for a game that is away: these are acknowledged. */"]
    lines += ["export const KEPT = new Set(["]
    lines += [*(f'  "{name}",' for name, message in described.events.items() if message["x-kept"]), "]);"]
    return "\n".join(lines) + "\n"


def main() -> int:
    described = Described()
    files = {
        "clients/python/src/i3_gateway/api.py": python_file(described),
        "clients/javascript/src/api.d.ts": typescript_file(described),
        "clients/javascript/src/api.js": javascript_file(described),
    }
    differ = []
    for name, text in files.items():
        path = ROOT / name
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        if there == text:
            continue
        differ.append(name)
        if "--check" in sys.argv[1:]:
            lines = difflib.unified_diff(there.splitlines(), text.splitlines(), name, "what the documents say", lineterm="", n=1)
            print("\n".join(list(lines)[:40]))
        else:
            path.write_text(text, encoding="utf-8")
            print(f"written: {name}")
    if "--check" in sys.argv[1:] and differ:
        print(f"generate.py: out of date: {', '.join(differ)}; run clients/generate.py and commit", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
