# SPDX-License-Identifier: GPL-2.0
"""The slab caches of a kernel, and the struct that is in each, from the sources it was made of.

Caches whose names are made up while the kernel runs are not found; those of protocols are, which
take the protocol's name.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from nslab_lab.debuginfo import units
from nslab_lab.plans import subject

_SPACE = r"(?:\s|/\*.*?\*/)*"
_MACRO = re.compile(rf"\bKMEM_CACHE(?:_USERCOPY)?{_SPACE}\({_SPACE}(\w+)")
_CALL = re.compile(
    rf'\bkmem_cache_create\w*{_SPACE}\({_SPACE}"([^"\\%]+)"{_SPACE},'
    rf"{_SPACE}(?:sizeof{_SPACE}\({_SPACE}struct{_SPACE}(\w+){_SPACE}\))?",
    re.S,
)
_PROTO = re.compile(
    r'\bstruct proto \w+(?:\[\])?\s*=\s*\{(?:[^{}]|\{[^{}]*\})*?\.name\s*=\s*"([^"]+)"(?P<rest>.*?)^\}', re.S | re.M
)
_OBJECT = re.compile(r"\.obj_size\s*=\s*sizeof\(struct (\w+)\)")

# Those that do not say which struct is in them.
_STRUCT_OF = {
    "dentry": "dentry", "mm_struct": "mm_struct", "pid": "pid", "task_struct": "task_struct",
    "radix_tree_node": "xa_node",  # <linux/radix-tree.h> defines the name as that one
    "bdev_cache": "bdev_inode", "skbuff_head_cache": "sk_buff",
}  # fmt: skip


@functools.lru_cache(maxsize=4)
def of(linux: Path, src: Path) -> dict[str, str]:
    """By cache the struct in it, "" where nobody knows, sorted by name. @src: the sources."""
    found: dict[str, str] = {}
    for name in units.of(linux):
        try:
            text = (src / name).read_text(errors="replace")
        except OSError:
            continue  # written by the build
        if "KMEM_CACHE" in text or "kmem_cache_create" in text:
            found |= {struct: struct for struct in _MACRO.findall(text)}
            found |= {cache: struct for cache, struct in _CALL.findall(text) if cache not in found}
        if "struct proto " in text:
            for one in _PROTO.finditer(text):
                of_object = _OBJECT.search(one[0])
                found[one[1]] = of_object[1] if of_object else ""
    known = {cache: struct for cache, struct in {**_STRUCT_OF, **subject.caches()}.items() if cache in found}
    found |= known
    return dict(sorted(found.items()))
