"""Prints as JSON the words that it was given, and its cwd."""
import json
import os
import sys

print(json.dumps([sys.argv[1:], os.getcwd()]))
