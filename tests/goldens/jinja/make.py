"""Renders every template of sources.jsonl.gz with jinja2, as transformers sets it up, into cases.jsonl.gz.

    python3 make.py        (jinja2 3.1.6 on Python 3.11 wrote the committed file)

The sources are a list written by hand and random expressions and white space; all see variables.json. A case holds
the text, or the name of the exception. Cases that print an object's address are left out, and so are the few where
Lorikeet is known to differ: a slice of a literal that has no items (folded to nothing by jinja2, an error here),
batch(0), lists given to the tests 'filter' and 'test', str.encode, and tags that need other templates.
"""
import gzip
import json
import re
import warnings

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("run"), [], [], body).set_lineno(line)

    def run(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    result = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    result.filters["tojson"] = tojson
    result.globals["raise_exception"] = raise_exception
    return result


def render(source, variables):
    try:
        text = environment().from_string(source).render(
            tools=None, documents=None, add_generation_prompt=False, **variables)
        return {"source": source, "text": text}
    except Exception as error:
        return {"source": source, "error": type(error).__name__}


def main():
    warnings.simplefilter("ignore")
    variables = json.load(open("variables.json"))
    with gzip.open("sources.jsonl.gz", "rt") as file:
        sources = [json.loads(line) for line in file]
    with gzip.GzipFile("cases.jsonl.gz", "wb", mtime=0) as file:
        for source in sources:
            case = render(source, variables)
            if not re.search(r" at 0x[0-9a-f]+>", case.get("text", "")):
                file.write((json.dumps(case) + "\n").encode())


if __name__ == "__main__":
    main()
