from setuptools import setup

setup(name="kiln-shelf", version="1.0", py_modules=["kiln_shelf"], install_requires=["inflection==0.5.1"])
