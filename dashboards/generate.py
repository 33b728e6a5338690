#!/usr/bin/env python3
"""Writes the Grafana dashboards beside this file from what stands in source/: python3 dashboards/generate.py"""

import json
import pathlib

from source import credentials, daemon, integration, overview


def main():
    here = pathlib.Path(__file__).parent
    for module in (overview, integration, credentials, daemon):
        name = module.__name__.rpartition(".")[2]
        text = json.dumps(module.dashboard(), indent=2, ensure_ascii=False)
        (here / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
