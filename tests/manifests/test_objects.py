"""What a cluster gets: valid objects that mean what the README says of them."""

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import pipelines

MANIFESTS = Path(pipelines.__file__).parents[1] / "manifests"
KUBERNETES = ("1.30", "1.37")  # an old one that may still be met, and the newest known
CLUSTERS = sorted(path.name for path in (MANIFESTS / "clusters").iterdir())
PLACES, STORES, GPUS = ("", "single-user"), ("", "gcs", "s3"), ("", "gpu")
COMBINATIONS = [
    pytest.param(overlays, id="+".join(["base", *overlays]))
    for overlays in (
        tuple(filter(None, chosen)) for chosen in itertools.product(PLACES, STORES, GPUS)
    )
]
PART_OF = {"app.kubernetes.io/part-of": "encoder-bakeoff"}
UNITS = {"m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}

Objects = list[dict[str, Any]]
Render = Callable[[Path], Objects]


def amount(quantity: str) -> float:
    """Returns a quantity of Kubernetes as a number: cores, or bytes."""
    digits, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", quantity).groups()  # type: ignore[union-attr]
    return float(digits) * UNITS.get(unit, 1)


def of_kind(objects: Objects, kind: str) -> dict[str, dict[str, Any]]:
    return {o["metadata"]["name"]: o for o in objects if o["kind"] == kind}


@pytest.fixture
def combined(render: Render, tmp_path: Path) -> Callable[..., Objects]:
    """Gives a function that renders the base with overlays, as a user's kustomization does."""

    def rendered(*overlays: str) -> Objects:
        paths = [os.path.relpath(MANIFESTS / "overlays" / name, tmp_path) for name in overlays]
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [os.path.relpath(MANIFESTS / "base", tmp_path)],
            "components": paths,
            "namespace": "kubeflow" if "single-user" in overlays else "team",
        }
        (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return render(tmp_path)

    return rendered


@pytest.fixture(scope="module")
def pipeline() -> dict[str, Any]:
    """The compiled pipeline: the defaults of its parameters, and what its pods have."""
    text = (MANIFESTS.parent / "pipelines" / "albert-vs-bert.yaml").read_text(encoding="utf-8")
    specification, platforms = yaml.safe_load_all(text)
    parameters = specification["root"]["inputDefinitions"]["parameters"]
    return {
        "defaults": {name: value["defaultValue"] for name, value in parameters.items()},
        "executors": platforms["platforms"]["kubernetes"]["deploymentSpec"]["executors"],
    }


@pytest.fixture
def validate(kubernetes_validate: ModuleType) -> Callable[..., None]:
    """Gives a function that raises for an object that a version of Kubernetes does not know."""

    def validated(objects: Objects, version: str = KUBERNETES[-1]) -> None:
        for one in objects:
            kubernetes_validate.validate(one, version, strict=True)

    return validated


@pytest.mark.parametrize("overlays", COMBINATIONS)
def test_every_combination_is_valid_and_in_one_namespace(
    combined: Callable[..., Objects], validate: Callable[..., None], overlays: tuple[str, ...]
) -> None:
    objects = combined(*overlays)
    validate(objects)
    namespace = "kubeflow" if "single-user" in overlays else "team"
    for one in objects:
        name = one["metadata"]["name" if one["kind"] == "Namespace" else "namespace"]
        assert name == namespace, one
    identities = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(identities) == len(set(identities))
    assert ("ConfigMap", "kfp-launcher") in identities or not {"gcs", "s3"} & set(overlays)
    assert (("CronJob", "gpu-check") in identities) == ("gpu" in overlays)


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("cluster", CLUSTERS)
def test_every_example_is_valid(
    render: Render, validate: Callable[..., None], cluster: str, version: str
) -> None:
    validate(render(MANIFESTS / "clusters" / cluster), version)


def test_a_misspelt_field_is_found(
    validate: Callable[..., None], kubernetes_validate: ModuleType
) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"nane": "x"}}
    with pytest.raises(kubernetes_validate.ValidationError, match="nane"):
        validate([account])


def test_no_file_holds_a_secret() -> None:
    for path in MANIFESTS.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"secretGenerator|kind:\s*Secret\b|PRIVATE KEY", text), path
        assert not re.search(r"AKIA|(?:secret|access)[_-]?key:\s*\S*[0-9]", text, re.I), path


def test_what_a_person_edits_is_marked_in_the_examples() -> None:
    assert CLUSTERS == ["gke", "profile", "standalone"]
    for cluster in CLUSTERS:
        text = (MANIFESTS / "clusters" / cluster / "kustomization.yaml").read_text(encoding="utf-8")
        ours, _, yours = text.partition("# Yours:\n")
        assert not re.search(r"REGISTRY|BUCKET|PROJECT|example", ours)
        assert "newName: REGISTRY/encoder-bakeoff-python" in yours


def test_the_namespace_enforces_baseline_and_warns_of_what_is_not_restricted(
    render: Render,
) -> None:
    labels = of_kind(render(MANIFESTS / "base"), "Namespace")["encoder-bakeoff"]["metadata"][
        "labels"
    ]
    levels = {key.rpartition("/")[2]: level for key, level in labels.items()}
    assert levels == {"enforce": "baseline", "audit": "restricted", "warn": "restricted"}


def test_the_profiles_own_label_stays(render: Render) -> None:
    # Kubeflow's network policies know the namespaces of profiles by it.
    namespace = of_kind(render(MANIFESTS / "clusters" / "profile"), "Namespace")
    assert set(namespace) == {"kubeflow-user-example-com"}
    assert PART_OF.keys().isdisjoint(namespace["kubeflow-user-example-com"]["metadata"]["labels"])


def test_kubeflows_own_namespace_gets_no_limits(combined: Callable[..., Objects]) -> None:
    objects = combined("single-user")
    assert not of_kind(objects, "Namespace")
    assert not of_kind(objects, "LimitRange")
    quotas = of_kind(objects, "ResourceQuota")
    assert [q["spec"]["hard"] for q in quotas.values()] == [{"requests.nvidia.com/gpu": "2"}]


def test_the_role_is_bound_to_the_account_and_allows_little(render: Render) -> None:
    objects = render(MANIFESTS / "clusters" / "gke")
    (binding,) = of_kind(objects, "RoleBinding").values()
    (account,) = of_kind(objects, "ServiceAccount")
    (role,) = of_kind(objects, "Role").values()
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": account, "namespace": "kubeflow"}
    ]
    allowed = {
        resource: (set(rule["verbs"]), rule.get("resourceNames"))
        for rule in role["rules"] for resource in rule["resources"]
    }  # fmt: skip
    assert allowed == {
        "workflowtaskresults": ({"create", "patch"}, None),
        "configmaps": ({"get"}, ["kfp-launcher"]),
        "secrets": ({"get"}, ["mlpipeline-minio-artifact", "encoder-bakeoff-s3"]),
        "pods": ({"get"}, None),
    }


def test_the_quota_counts_the_gpus_that_a_run_asks_for(
    render: Render, pipeline: dict[str, Any]
) -> None:
    quota = of_kind(render(MANIFESTS / "base"), "ResourceQuota")["encoder-bakeoff-gpus"]
    defaults = pipeline["defaults"]
    (counted,) = quota["spec"]["hard"].items()
    both = 2 * int(defaults["gpus"])
    assert counted == (f"requests.{defaults['gpu_type']}", str(both))


def test_two_runs_fit_the_quota(render: Render, pipeline: dict[str, Any]) -> None:
    """Four train tasks at once, each with Argo's wait container, and the driver of the next."""
    objects = render(MANIFESTS / "base")
    hard = of_kind(objects, "ResourceQuota")["encoder-bakeoff-compute"]["spec"]["hard"]
    (limits,) = of_kind(objects, "LimitRange")["encoder-bakeoff"]["spec"]["limits"]
    for resource, driver in (("cpu", 0.5), ("memory", 512 * 2**20)):
        for side, silent in (("requests", "defaultRequest"), ("limits", "default")):
            train = amount(pipeline["defaults"][f"train_{resource}_{side.removesuffix('s')}"])
            wait = amount(limits[silent][resource])
            needed = 4 * (train + wait) + driver + wait
            assert needed <= amount(hard[f"{side}.{resource}"]), (side, resource)


def test_containers_that_say_nothing_are_allowed_beside_the_quota(render: Render) -> None:
    objects = render(MANIFESTS / "base")
    (limits,) = of_kind(objects, "LimitRange")["encoder-bakeoff"]["spec"]["limits"]
    hard = of_kind(objects, "ResourceQuota")["encoder-bakeoff-compute"]["spec"]["hard"]
    assert limits["type"] == "Container"
    given = {f"requests.{r}" for r in limits["defaultRequest"]} | {
        f"limits.{r}" for r in limits["default"]
    }
    assert given == set(hard)


def test_the_network_policies_select_the_pods_of_our_tasks_alone(
    combined: Callable[..., Objects], pipeline: dict[str, Any]
) -> None:
    for store in ("gcs", "s3"):
        policies = of_kind(combined(store), "NetworkPolicy")
        assert len(policies) == 2
        for policy in policies.values():
            assert policy["spec"]["podSelector"] == {"matchLabels": PART_OF}
    for name, executor in pipeline["executors"].items():
        assert executor["podMetadata"]["labels"].items() >= PART_OF.items(), name


def test_nobody_may_call_our_tasks(render: Render) -> None:
    policy = of_kind(render(MANIFESTS / "base"), "NetworkPolicy")["encoder-bakeoff"]["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in policy


@pytest.mark.parametrize(
    ("overlay", "expected"),
    [
        pytest.param("", set(), id="base"),
        pytest.param(
            "gcs",
            {("169.254.169.252/32", 987), ("169.254.169.252/32", 988), ("169.254.169.254/32", 80),
             ("169.254.169.254/32", 8080)},
            id="gcs",
        ),
        pytest.param("s3", {("every namespace", 8333), ("every namespace", 9000)}, id="s3"),
    ],
)  # fmt: skip
def test_tasks_may_call_what_they_need(
    combined: Callable[..., Objects], overlay: str, expected: set[tuple[str, int]]
) -> None:
    def destination(peer: dict[str, Any]) -> str:
        if "ipBlock" in peer:
            return str(peer["ipBlock"]["cidr"])
        labels = peer["namespaceSelector"].get("matchLabels", {})
        return str(labels.get("kubernetes.io/metadata.name", "every namespace"))

    overlays = [overlay] if overlay else []
    allowed = {
        (destination(peer) if peer else "anywhere", port["port"])
        for policy in of_kind(combined(*overlays), "NetworkPolicy").values()
        for rule in policy["spec"]["egress"]
        for peer in rule.get("to", [None])
        for port in rule["ports"]
    }
    base = {("kubeflow", port) for port in (8080, 8333, 8887, 8888, 9000)}
    assert allowed == base | {("anywhere", port) for port in (53, 443, 6443)} | expected


def test_without_a_store_of_its_own_kubeflows_launcher_configuration_stays(
    render: Render,
) -> None:
    assert not of_kind(render(MANIFESTS / "clusters" / "standalone"), "ConfigMap")


def test_artifacts_at_gs_need_no_key(render: Render) -> None:
    objects = render(MANIFESTS / "clusters" / "gke")
    launcher = of_kind(objects, "ConfigMap")["kfp-launcher"]["data"]
    assert launcher["defaultPipelineRoot"] == "gs://BUCKET/pipelines"
    assert yaml.safe_load(launcher["providers"]) == {
        "gs": {"default": {"credentials": {"fromEnv": True}}}
    }
    account = of_kind(objects, "ServiceAccount")["encoder-bakeoff"]["metadata"]
    assert account["annotations"] == {
        "iam.gke.io/gcp-service-account": "encoder-bakeoff@PROJECT.iam.gserviceaccount.com"
    }


def test_artifacts_at_s3_use_the_secret_that_the_tasks_use(
    render: Render, pipeline: dict[str, Any]
) -> None:
    objects = render(MANIFESTS / "clusters" / "profile")
    launcher = of_kind(objects, "ConfigMap")["kfp-launcher"]["data"]
    assert set(launcher) == {"defaultPipelineRoot", "providers"}
    assert launcher["defaultPipelineRoot"] == "s3://BUCKET/pipelines"
    store = yaml.safe_load(launcher["providers"])["s3"]["default"]
    assert set(store) == {"endpoint", "disableSSL", "region", "forcePathStyle", "credentials"}
    secret = store["credentials"]["secretRef"]
    assert store["credentials"]["fromEnv"] is False
    assert secret["secretName"] == pipeline["defaults"]["s3_secret"]
    for executor in pipeline["executors"].values():
        (mounted,) = executor["secretAsEnv"]
        assert mounted["optional"] is True
        keys = {pair["secretKey"] for pair in mounted["keyToEnv"]}
        assert keys == {secret["accessKeyKey"], secret["secretKeyKey"], "AWS_ENDPOINT_URL"}
    readable = [
        rule["resourceNames"]
        for rule in of_kind(objects, "Role")["encoder-bakeoff"]["rules"]
        if rule["resources"] == ["secrets"]
    ]
    assert secret["secretName"] in readable[0]


@pytest.fixture
def check_pod(render: Render) -> dict[str, Any]:
    check = of_kind(render(MANIFESTS / "clusters" / "standalone"), "CronJob")["gpu-check"]["spec"]
    assert check["suspend"] is True
    template: dict[str, Any] = check["jobTemplate"]["spec"]["template"]
    assert template["metadata"]["labels"] == PART_OF
    return dict(template["spec"])


def test_the_gpu_check_asks_for_what_a_train_task_asks_for(
    check_pod: dict[str, Any], pipeline: dict[str, Any]
) -> None:
    defaults = pipeline["defaults"]
    (container,) = check_pod["containers"]
    assert container["resources"]["limits"][defaults["gpu_type"]] == defaults["gpus"]
    assert check_pod["tolerations"] == defaults["train_tolerations"]
    assert container["image"] == "REGISTRY/encoder-bakeoff-python:1.0-gpu"
    assert check_pod["serviceAccountName"] == "encoder-bakeoff"


def test_the_gpu_check_satisfies_restricted(check_pod: dict[str, Any]) -> None:
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    (container,) = check_pod["containers"]
    assert check_pod["securityContext"]["runAsNonRoot"] is True
    assert check_pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert [set(volume) - {"name"} for volume in check_pod["volumes"]] == [{"emptyDir"}]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(check_pod)


@pytest.mark.slow
def test_the_gpu_check_fails_where_there_is_no_gpu(check_pod: dict[str, Any]) -> None:
    (container,) = check_pod["containers"]
    command: list[str] = container["command"] + container["args"]
    assert command[0] == "python"
    hidden = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, *command[1:]],
        env=os.environ | hidden, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.stdout == "accelerators: none\n"
    assert done.returncode == 1
