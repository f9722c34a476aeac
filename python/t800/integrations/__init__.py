"""Connections with frameworks: one module each, which nothing but itself or `t800.auto()` switches on.

>>> from t800.integrations import langchain
>>> langchain.install()

`install()` may be called any number of times, `uninstall()` takes it back. Nothing here imports a framework before
that. What is recorded goes into the current session, and nowhere while recording is off.
"""
