from setuptools import setup

setup(
    name="kiln-ovens",
    version="2.0",
    packages=["kiln_ovens"],
    package_data={"kiln_ovens": ["sizes.txt"]},
    install_requires=["inflection==0.5.1"],
    entry_points={"console_scripts": ["kiln-oven=kiln_ovens:main"]},
    data_files=[
        ("share/jupyter/kernels/kiln", ["kernel/kernel.json"]),
        ("etc/jupyter/jupyter_server_config.d", ["kernel/kiln-ovens.json"]),
    ],
)
