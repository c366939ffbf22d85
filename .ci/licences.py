#!/usr/bin/env python3
"""Checks what users build against deny.toml: licences allowed, crates unwanted.

The part of `cargo deny check licenses bans` that needs no network and no tool beyond Cargo.
"""

import json
import re
import subprocess
import sys
import tomllib

with open("deny.toml", "rb") as file:
    deny = tomllib.load(file)
allowed = set(deny["licenses"]["allow"])
# Each with the crates that may have it.
unwanted = {ban["crate"]: set(ban.get("wrappers", [])) for ban in deny["bans"]["deny"]}


def cargo(*args):
    return subprocess.run(["cargo", *args], check=True, capture_output=True, text=True).stdout


tree = cargo("tree", "--locked", "--workspace", "--all-features", "-e", "normal,build", "--prefix", "none", "-f", "{p}")
used = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--all-features"))
problems = []
for package in metadata["packages"]:
    if (package["name"], "v" + package["version"]) not in used:
        continue
    if package["name"] in unwanted:
        of = cargo("tree", "--locked", "--workspace", "--all-features", "-e", "normal,build", "--prefix", "none", "-f", "{p}",
                   "--depth", "1", "-i", package["name"])
        who = {line.split()[0] for line in of.splitlines()[1:] if line}
        if not who <= unwanted[package["name"]]:
            problems.append(f"{package['name']} is unwanted (deny.toml), and {', '.join(sorted(who))} have it")
    # An SPDX expression is met when one side of each OR, and both sides of each AND, are allowed.
    expression = (package["license"] or "none").replace("/", " OR ")
    words = re.sub(r"[A-Za-z0-9.+-]+", lambda word: {"OR": " or ", "AND": " and ", "WITH": " and "}.get(
        word[0], str(word[0] in allowed or word[0] == "LLVM-exception")), expression)
    if not eval(words, {"__builtins__": {}}):  # only True, False, and, or and parentheses are left
        problems.append(f"{package['name']} {package['version']}: licence {expression}")
print(f"{len(used)} crates checked")
sys.exit("\n".join(problems) if problems else 0)
