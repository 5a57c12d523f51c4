"""Prints what Python expressions give for the JSON on stdin: strings bare, all else as JSON.

usage: read-json.py EXPRESSION...

In an expression "it" is the JSON's value, which an expression that begins with an index is
about; only(VALUES) is the one value that there is.
"""
import json
import sys


def only(values):
    """The one value that there is."""
    value, = values
    return value


it = json.load(sys.stdin)
for expression in sys.argv[1:]:
    if expression.startswith(("['", "[0", "[1", "[2", ".")):
        expression = "it" + expression
    value = eval(expression)
    print(value if isinstance(value, str) else json.dumps(value))
