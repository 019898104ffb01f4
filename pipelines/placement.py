"""Where a task runs on a cluster: what it requests, which nodes it may use, and how it is retried.

KFP's local runners ignore all of it but the retries, and `compile_pipeline` drops those for them.
"""

from typing import Any

from kfp import kubernetes

SHARED_MEMORY = "shm"
PART_OF = ("app.kubernetes.io/part-of", "encoder-bakeoff")
S3_SECRET_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL")
BACKOFF = {"backoff_duration": "60s", "backoff_factor": 2.0, "backoff_max_duration": "3600s"}


def request(task: Any, *, cpu: tuple[Any, Any], memory: tuple[Any, Any]) -> None:
    """Sets what a task requests and may use at most: cores, and bytes as Kubernetes writes them."""
    _pass_on(task, *cpu, *memory)
    task.set_cpu_request(cpu[0]).set_cpu_limit(cpu[1])
    task.set_memory_request(memory[0]).set_memory_limit(memory[1])


def _pass_on(task: Any, *parameters: Any) -> None:
    """Lets the loops around a task hand it what its resources are read from; KFP forgets that."""
    task.register_pipeline_channels(list(parameters))


def place(task: Any, *, s3_secret: Any, timeout_seconds: int, retries: int) -> None:
    """Sets what every task has: labels, an ordinary user, credentials for s3://, retries, an end.

    The secret is optional: a cluster that needs none has none. Keys of Google Cloud are never
    mounted: there the service account's identity serves. Waits between retries grow from a minute.
    """
    kubernetes.add_pod_label(task, *PART_OF)
    kubernetes.set_security_context(task, run_as_non_root=True)
    kubernetes.use_secret_as_env(
        task, s3_secret, {key: key for key in S3_SECRET_KEYS}, optional=True
    )
    kubernetes.set_timeout(task, timeout_seconds)
    task.set_retry(retries, **BACKOFF)


def place_on_gpus(
    task: Any, *, gpus: Any, gpu_type: Any, node_selector: Any, tolerations: Any, shm_size: str
) -> None:
    """Sets the accelerators of a train task, the nodes that may run it, and its /dev/shm."""
    _pass_on(task, gpus, gpu_type)
    task.set_accelerator_type(gpu_type).set_accelerator_limit(gpus)
    kubernetes.add_node_selector_json(task, node_selector)
    kubernetes.add_toleration_json(task, tolerations)
    kubernetes.empty_dir_mount(
        task, SHARED_MEMORY, "/dev/shm", medium="Memory", size_limit=shm_size
    )
