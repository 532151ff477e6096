"""Large packages in one fixed order, the most widely shared first.

Runtimes share *unpacked* layers only along a common beginning, so what many environments have must come before what
few have, in the same order everywhere. Changing this list changes every image's digest: add at the end of a block,
seldom, and with a new format version.
"""

from __future__ import annotations

ORDER: tuple[str, ...] = (
    # what nearly every analysis has
    "numpy",
    "pandas",
    "matplotlib",
    "pillow",
    "fonttools",
    "kiwisolver",
    "contourpy",
    "scipy",
    "scikit-learn",
    "sympy",
    "networkx",
    # what many have
    "plotly",
    "bokeh",
    "statsmodels",
    "scikit-image",
    "pyarrow",
    "polars",
    "polars-runtime-32",
    "duckdb",
    "sqlalchemy",
    "lxml",
    "cryptography",
    "llvmlite",
    "numba",
    "imageio",
    "imageio-ffmpeg",
    "tifffile",
    "opencv-python-headless",
    "opencv-python",
    "h5py",
    "netcdf4",
    "xarray",
    "dask",
    "distributed",
    "zarr",
    "numcodecs",
    "shapely",
    "pyproj",
    "fiona",
    "pyogrio",
    "rasterio",
    "geopandas",
    "cartopy",
    "astropy",
    "nltk",
    "spacy",
    "gensim",
    "tokenizers",
    "safetensors",
    "transformers",
    "sentencepiece",
    "onnxruntime",
    "xgboost",
    "lightgbm",
    "catboost",
    "jax",
    "jaxlib",
    "tensorflow",
    "tensorflow-cpu",
    "keras",
    "grpcio",
    # the largest: few have them, and they come as a set
    "nvidia-cublas-cu12",
    "nvidia-cudnn-cu12",
    "nvidia-cufft-cu12",
    "nvidia-cusolver-cu12",
    "nvidia-cusparse-cu12",
    "nvidia-nccl-cu12",
    "triton",
    "torch",
    "torchvision",
    "torchaudio",
)

_RANK = {name: rank for rank, name in enumerate(ORDER)}


def rank(name: str) -> tuple[int, str]:
    """Sort key of a normalised package name: the list's order, then everything else by name."""
    return _RANK.get(name, len(ORDER)), name
