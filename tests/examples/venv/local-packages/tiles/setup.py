from setuptools import setup

setup(name="kiln-tiles", version="0.2", py_modules=["kiln_tiles"])
