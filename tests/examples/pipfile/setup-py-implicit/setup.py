from setuptools import setup

setup(name="there", version="1.0", py_modules=["there"])
