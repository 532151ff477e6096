"""Which channels and specs a recipe may use."""

import pytest

from hubkiln.errors import RecipeError, Refused
from hubkiln.packages.conda_channels import channel_urls, split_spec
from hubkiln.packages.conda_values import CondaSettings

OPEN = CondaSettings()
FORGE = "https://conda.anaconda.org/conda-forge"


def urls(*channels: str, settings: CondaSettings = OPEN) -> tuple[str, ...]:
    return channel_urls(channels, settings, lambda text: None)


def test_names_are_looked_up_below_the_host() -> None:
    """A channel's name means a folder of conda.anaconda.org, labels included, each channel once."""
    assert urls("conda-forge", "bioconda", "conda-forge/label/dev", "conda-forge") == (
        FORGE,
        "https://conda.anaconda.org/bioconda",
        f"{FORGE}/label/dev",
    )


def test_a_name_and_its_url_are_one_channel() -> None:
    """Writing a channel's whole URL is no different from writing its name."""
    assert urls(f"{FORGE}/") == (FORGE,)


def test_no_channel_means_the_default_ones() -> None:
    """An environment.yml without channels gets conda-forge."""
    assert urls() == urls("nodefaults") == (FORGE,)


def test_the_companys_channels_give_way_to_conda_forge() -> None:
    """`defaults` is left out where it is not allowed, and the user is told."""
    said: list[str] = []
    assert channel_urls(["defaults"], OPEN, said.append) == (FORGE,)
    assert "'defaults' is left out" in said[0]


def test_an_allowed_company_channel_is_used() -> None:
    """An administrator with a licence can allow `defaults`."""
    settings = CondaSettings(allowed_channels=("defaults",))
    assert urls("defaults", settings=settings) == (
        "https://repo.anaconda.com/pkgs/main",
        "https://repo.anaconda.com/pkgs/r",
    )


@pytest.mark.parametrize(
    "channel", ["https://example.org/channel", "http://169.254.169.254/x", "file:///etc/channel", "http://127.0.0.1/c"]
)
def test_urls_are_refused_unless_listed(channel: str) -> None:
    """A recipe cannot make the service ask an address of its choice."""
    with pytest.raises(Refused, match="not allowed"):
        urls(channel)
    assert urls(channel, settings=CondaSettings(allowed_channels=(channel + "/",))) == (channel,)


def test_a_list_of_allowed_channels_excludes_others() -> None:
    """Where the administrator lists channels, only those can be used."""
    with pytest.raises(Refused, match="bioconda"):
        urls("bioconda", settings=CondaSettings(allowed_channels=("conda-forge",)))


@pytest.mark.parametrize(
    "channel", ["", "../x", "/etc", "./here", "ftp://host/c", "https://host", "a b", "https://host/a/../b", "x?y"]
)
def test_what_is_no_channel_is_said_to_be_none(channel: str) -> None:
    """Paths and other things are not channels."""
    with pytest.raises(RecipeError, match="not a conda channel"):
        urls(channel)


@pytest.mark.parametrize("channel", ["https://me:secret@host/c", "https://host/t/secret/c"])
def test_credentials_in_a_channel_are_refused_and_not_repeated(channel: str) -> None:
    """A secret in a channel's URL never reaches a log."""
    with pytest.raises(RecipeError) as caught:
        urls(channel)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "split"),
    [
        ("numpy=1.26", ("", "numpy=1.26")),
        ("conda-forge::numpy >=1", ("conda-forge", "numpy >=1")),
        ("numpy=1.26=py311*", ("", "numpy=1.26=py311*")),
    ],
)
def test_a_spec_may_name_its_channel(spec: str, split: tuple[str, str]) -> None:
    """`channel::name` is split, so that the channel can be checked like any other."""
    assert split_spec(spec) == split


@pytest.mark.parametrize(
    "spec", ["numpy[url=http://10.0.0.1/x.conda]", "x[channel='http://a/b']", "::x", "a\nb", "x" * 600]
)
def test_specs_that_fetch_from_anywhere_are_refused(spec: str) -> None:
    """The bracket forms that hold an address are not accepted."""
    with pytest.raises(RecipeError, match="not a conda package"):
        split_spec(spec)
