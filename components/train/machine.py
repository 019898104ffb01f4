"""What the training ran on: processor, accelerators, versions, peak memory."""

import os
import platform
import resource
import sys
from importlib import metadata
from pathlib import Path

import keras

from components.train.backends import current_backend

REPORTED_PACKAGES = ("encoder-bakeoff", "keras", "numpy", "tokenizers")
BACKEND_PACKAGES = {
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "jax": ("jax", "jaxlib"),
    "torch": ("torch",),
}


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that decide the result."""
    found = {"python": platform.python_version()}
    for name in (*REPORTED_PACKAGES, *BACKEND_PACKAGES.get(keras.backend.backend(), ())):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # one of a backend's two possible distributions
    return found


def hardware() -> dict[str, str]:
    """Returns the processor, its cores and memory, and the accelerators that compute."""
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor_name(),
        "cores": str(len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()),
        "memory": f"{pages * page_bytes / 2**30:.1f} GiB",
        "accelerators": ", ".join(current_backend().device_names()) or "none",
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def peak_memory_bytes() -> int:
    """Returns the largest resident memory this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB
