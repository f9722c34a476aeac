"""Coding agents that are no Python programs: what `t800 install` puts into their settings, and takes away again."""
