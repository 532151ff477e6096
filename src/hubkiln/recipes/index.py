"""Which addresses stand for PyPI, so that whoever names them asks for nothing else than the admin's index gives.

Its own and older ones, and the mirrors that pages for learners recommend: they hold PyPI's files and no others, so the
packages are the same wherever they come from.
"""

from __future__ import annotations

import re
from typing import Any

_PYPI = r"pypi\.(?:python\.)?org/(?:simple|pypi)"
_MIRRORS = (
    r"pypi\.tuna\.tsinghua\.edu\.cn/simple",
    r"mirrors\.tuna\.tsinghua\.edu\.cn/pypi/(?:web/)?simple",
    r"mirrors\.aliyun\.com/pypi/simple",
    r"pypi\.douban(?:io)?\.com/simple",
    r"pypi\.mirrors\.ustc\.edu\.cn/simple",
    r"mirrors\.ustc\.edu\.cn/pypi/(?:web/)?simple",
    r"mirrors\.cloud\.tencent\.com/pypi/simple",
    r"(?:mirrors|repo)\.huaweicloud\.com/repository/pypi/simple",
    r"mirrors?\.(?:bfsu|sustech|sjtu|zju|hust|nju|pku|cernet|hit|lzu)\.edu\.cn/pypi/(?:web/)?simple",
    r"pypi\.(?:hustunique|sdutlinux)\.(?:com|org)/simple",
    r"mirror\.baidu\.com/pypi/simple",
    r"mirrors\.163\.com/pypi/simple",
)
_SAME = re.compile(rf"https?://(?:{'|'.join((_PYPI, *_MIRRORS))})/*", re.IGNORECASE)
_FILES = re.compile(r"https://(?:pypi\.(?:python\.)?org|files\.pythonhosted\.org)(?:/.*)?")
_HOSTS = re.compile(
    rf"(?:files\.pythonhosted\.org|{'|'.join(one.partition('/')[0] for one in (_PYPI, *_MIRRORS))})(?::(?:80|443))?"
)


def is_pypi(address: Any) -> bool:
    """Whether packages of the index at `address`, or a file there, are PyPI's."""
    return isinstance(address, str) and (_SAME.fullmatch(address.strip()) or _FILES.fullmatch(address)) is not None


def is_pypis_host(name: str) -> bool:
    """Whether `name` is the host of such an index, as ``--trusted-host`` takes one."""
    return _HOSTS.fullmatch(re.sub(r"^https?://|/.*$", "", name.strip())) is not None
