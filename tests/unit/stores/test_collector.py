"""Mark and sweep over small stores: what stays, what goes, in which order, and beside whom."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from hubkiln.folders import keep_note, read_note
from hubkiln.stores import Collection, Collector, CollectSettings, FolderStore, Ref, Root, lease, use

NOW = 1_000_000_000.0
DAY = 24 * 3600.0
ALL = CollectSettings(keep_seconds=0)


def needing(path: Path) -> Iterable[Ref]:
    """What a note of the store ``images`` names."""
    return [Ref("layers", key) for key in (read_note(path) or {}).get("layers", [])]


class Yard:
    """Two stores: images, which need layers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.images = FolderStore(root=root, folder=root / "images", suffix=".json", needing=needing)
        self.layers = FolderStore(root=root, folder=root / "layers")
        self.collector = Collector(root, [self.layers, self.images], now=lambda: NOW)
        (root / "gc.lock").touch()
        self.layers.folder.mkdir()

    def image(self, key: str, *layers: str, days: float = 100) -> Path:
        """An image that was used so long ago."""
        keep_note(self.images.path(key), {"layers": layers})
        return self._used(self.images.path(key), days)

    def layer(self, key: str, size: int = 10, days: float = 100) -> Path:
        """A layer that was used so long ago."""
        path = self.layers.path(key)
        path.mkdir()
        (path / "file").write_bytes(b"x" * size)
        return self._used(path, days)

    def look(self, *roots: Root, settings: CollectSettings = ALL) -> Collection:
        """What would be collected."""
        return self.collector.mark(self.collector.begin(), roots, settings)

    def there(self) -> set[str]:
        """All that is there, by name."""
        return {f"{store.name}/{thing.key}" for store in (self.images, self.layers) for thing in store.things()}

    def _used(self, path: Path, days: float) -> Path:
        os.utime(path, (NOW - days * DAY,) * 2)
        return path


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def saved(key: str) -> Root:
    """An image that somebody saved."""
    return Root(Ref("images", key), "saved by ann")


def names(refs: Iterable[Ref]) -> list[str]:
    """As in :meth:`Yard.there`."""
    return [str(ref) for ref in refs]


def test_what_no_root_needs_goes_and_all_that_one_needs_stays(yard: Yard) -> None:
    """However long ago it was used."""
    yard.image("kept", "a", "b")
    yard.image("old", "b", "c")
    for key in "abcd":
        yard.layer(key)
    swept = yard.collector.sweep(yard.look(saved("kept")))
    assert yard.there() == {"images/kept", "layers/a", "layers/b"}
    assert sorted(names(swept.gone)) == ["images/old", "layers/c", "layers/d"]


def test_what_was_used_lately_is_a_root(yard: Yard) -> None:
    """And what is older than that goes."""
    yard.image("recent", "a", days=9)
    yard.image("old", "b", days=11)
    for key in "ab":
        yard.layer(key)
    found = yard.look(settings=CollectSettings(keep_seconds=10 * DAY))
    assert sorted(names(found.garbage)) == ["images/old", "layers/b"]
    assert found.kept[Ref("layers", "a")].why == "used 9 days ago"


def test_looking_changes_nothing(yard: Yard) -> None:
    """A dry run is only that."""
    yard.image("old", "a")
    yard.layer("a")
    before = yard.there()
    assert len(yard.look().garbage) == 2
    assert yard.there() == before


def test_nothing_goes_before_what_needs_it(yard: Yard) -> None:
    """So that a kill between the two leaves no image without its layers."""
    for number in range(30):
        yard.layer(f"layer{number}")
    for number in range(30):
        yard.image(f"image{number}", f"layer{number}", f"layer{(number + 7) % 30}")
    garbage = names(yard.look().garbage)
    for number in range(30):
        assert garbage.index(f"images/image{number}") < garbage.index(f"layers/layer{number}")


def test_beyond_the_bytes_that_may_stay_the_longest_unused_go_first(yard: Yard) -> None:
    """Whatever is used lately; each with what only it needs."""
    for number in range(1, 5):
        yard.image(f"image{number}", f"layer{number}", days=number)
        yard.layer(f"layer{number}", size=100_000, days=number)
    every = yard.look(settings=CollectSettings())
    assert not every.garbage
    found = yard.look(settings=CollectSettings(keep_bytes=every.bytes_kept // 2))
    assert sorted(names(found.garbage)) == ["images/image3", "images/image4", "layers/layer3", "layers/layer4"]
    assert found.bytes_kept <= every.bytes_kept // 2


def test_no_number_of_bytes_takes_what_a_root_needs(yard: Yard) -> None:
    """Roots stay even where they are too much."""
    yard.image("kept", "a")
    yard.layer("a", size=100_000)
    yard.layer("b", size=100_000, days=1)
    found = yard.look(saved("kept"), settings=CollectSettings(keep_bytes=1))
    assert names(found.garbage) == ["layers/b"]


def test_an_old_layer_stays_as_long_as_a_young_image_needs_it(yard: Yard) -> None:
    """When bytes must go, it is as young as that image."""
    yard.image("young", "old", days=1)
    yard.layer("old", size=100_000, days=100)
    yard.image("middle", "other", days=2)
    yard.layer("other", size=100_000, days=2)
    found = yard.look(settings=CollectSettings(keep_bytes=150_000))
    assert sorted(names(found.garbage)) == ["images/middle", "layers/other"]


def test_what_is_used_between_looking_and_sweeping_stays_with_what_it_needs(yard: Yard) -> None:
    """Somebody starts an image that was about to go; its layers are as old as ever."""
    image = yard.image("old", "a")
    yard.layer("a")
    yard.layer("b")
    found = yard.look()
    use(yard.root, image)
    swept = yard.collector.sweep(found)
    assert yard.there() == {"images/old", "layers/a"}
    assert swept.rescued == {Ref("images", "old"), Ref("layers", "a")}


def test_what_a_live_lease_may_have_used_stays(yard: Yard, tmp_path: Path) -> None:
    """A build that runs for hours uses things at its beginning, and needs them at its end."""
    collector = Collector(tmp_path, [yard.layers])
    path = yard.layer("a")
    with lease(tmp_path, "a build"):
        use(tmp_path, path)
        beginning = collector.begin()
        assert [one.what for one in beginning.leases] == ["a build"]
        assert not collector.mark(beginning, (), ALL).garbage
    later = Collector(tmp_path, [yard.layers], now=lambda: collector.now() + 3600)
    assert names(later.mark(later.begin(), (), ALL).garbage) == ["layers/a"]


def test_a_lease_from_the_future_stops_everything(yard: Yard, tmp_path: Path) -> None:
    """The clock was set back: what was used before looks young or old as it likes."""
    yard.layer("a")
    with lease(tmp_path, "a build"):  # really now, which is years after the collector's
        assert not yard.look().garbage


def test_a_clock_that_was_set_back_and_caught_up_takes_nothing_from_a_build(yard: Yard, tmp_path: Path) -> None:
    """A build that has run for a thousand seconds keeps what was used in them, whatever the clock said at its start."""
    collector, began = yard.collector, yard.collector.now() - 10
    with lease(tmp_path, "a build"):
        (file,) = (tmp_path / "leases").iterdir()
        running = time.clock_gettime(time.CLOCK_BOOTTIME) - 1000
        file.write_text(json.dumps({"since": began, "running": running, "what": "a build", "pid": os.getpid()}))
        path = yard.layer("a")
        os.utime(path, (began - 500, began - 500))
        assert not collector.mark(collector.begin(), (), ALL).garbage
        os.utime(path, (began - 2000, began - 2000))
        assert names(collector.mark(collector.begin(), (), ALL).garbage) == ["layers/a"]


def test_a_dead_holders_lease_holds_nothing(yard: Yard, tmp_path: Path) -> None:
    """Its file is removed."""
    (tmp_path / "leases").mkdir()
    (tmp_path / "leases" / ("d" * 32)).write_text('{"since": 0, "what": "a build", "pid": 1}')
    yard.layer("a")
    assert names(yard.look().garbage) == ["layers/a"]
    assert not list((tmp_path / "leases").iterdir())


def test_what_is_no_lease_is_left_alone(yard: Yard, tmp_path: Path) -> None:
    """A folder or a note that somebody put among them."""
    (tmp_path / "leases/folder").mkdir(parents=True)
    (tmp_path / "leases/note.txt").write_text("mine")
    yard.layer("a")
    assert names(yard.look().garbage) == ["layers/a"]
    assert {path.name for path in (tmp_path / "leases").iterdir()} == {"folder", "note.txt"}


def test_what_a_killed_collector_took_away_is_deleted_by_the_next(yard: Yard, tmp_path: Path) -> None:
    """Files in the trash are nobody's any more."""
    yard.layer("a")
    yard.layers.drop("a")
    assert list((tmp_path / "trash").iterdir())
    yard.collector.sweep(yard.look())
    assert not list((tmp_path / "trash").iterdir())


def test_circles_and_missing_things_do_no_harm(tmp_path: Path) -> None:
    """Of documents that somebody damaged."""
    (tmp_path / "gc.lock").touch()
    store = FolderStore(
        root=tmp_path,
        folder=tmp_path / "odd",
        needing=lambda path: [Ref("odd", "a"), Ref("odd", "b"), Ref("odd", "nonesuch"), Ref("nonesuch", "a")],
    )
    for key in "abc":
        (tmp_path / "odd" / key).mkdir(parents=True)
        os.utime(tmp_path / "odd" / key, (1, 1))
    collector = Collector(tmp_path, [store])
    assert set(names(collector.mark(collector.begin(), [Root(Ref("odd", "c"), "")], ALL).garbage)) == set()
    collector.sweep(collector.mark(collector.begin(), (), ALL))
    assert not list(store.things())
