"""One training over several nodes, a process on each: what Kubeflow Trainer's JAX runtime starts.

They compute one step together; the first one writes the model. The environment tells each of them
of the others (`jax.distributed`).
"""

import os

import numpy as np

from components.errors import InputError

COORDINATOR, PROCESSES, PROCESS = (
    "JAX_COORDINATOR_ADDRESS",
    "JAX_NUM_PROCESSES",
    "JAX_PROCESS_ID",
)


def several_nodes() -> bool:
    """Tells whether this process is one of several that do one training."""
    return os.environ.get(PROCESSES, "1") != "1"


def join_nodes(backend: str) -> int:
    """Joins the other processes of this training, where the environment names some.

    Must come before Keras is imported.

    Args:
        backend: The backend of the config; empty for that of the environment.

    Returns:
        The number of this process; 0 writes the model.

    Raises:
        InputError: The environment tells only a part, or the backend is not JAX.
    """
    if not several_nodes():
        return 0
    if (backend or os.environ.get("KERAS_BACKEND", "tensorflow")) != "jax":
        raise InputError(
            f"{PROCESSES} is {os.environ[PROCESSES]}: a training over several nodes needs "
            "--backend jax"
        )
    if missing := [name for name in (COORDINATOR, PROCESS) if name not in os.environ]:
        raise InputError(
            f"{PROCESSES} is set, but not {missing[0]}; start the nodes with Kubeflow Trainer's "
            "JAX runtime, or set all three variables"
        )
    try:
        processes, process = int(os.environ[PROCESSES]), int(os.environ[PROCESS])
    except ValueError:
        raise InputError(
            f"{PROCESSES} and {PROCESS} are {os.environ[PROCESSES]!r} and {os.environ[PROCESS]!r}, "
            "expected whole numbers"
        ) from None
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")  # where there is no GPU
    jax.distributed.initialize(os.environ[COORDINATOR], processes, process)
    return process


def agree_on(step: int) -> None:
    """Makes sure that all processes of this training go on from the same step.

    Raises:
        InputError: They found different checkpoints.
    """
    if not several_nodes():
        return
    from jax.experimental.multihost_utils import process_allgather

    found = sorted({int(other) for other in process_allgather(np.asarray(step))})
    if len(found) > 1:
        raise InputError(
            f"the nodes found checkpoints of steps {found}: let checkpoint_uri be a place that all "
            "of them see, such as gs://BUCKET/FOLDER, or none"
        )
