"""hf:ORG/NAME[@REVISION]: repositories of the Hugging Face hub, by its own library."""

import fnmatch
import glob
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import huggingface_hub
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)  # fmt: skip
from huggingface_hub.hf_api import ModelInfo, RepoSibling
from huggingface_hub.utils.tqdm import disable_progress_bars

from components.errors import InputError
from components.storage.address import Address
from components.storage.cache import Place, cache_folder, locked, writing
from components.storage.names import check_name
from components.storage.progress import say
from components.storage.record import (
    Fetched,
    FileRecord,
    Record,
    check_pin,
    folder_digest,
    sha256_of,
)  # fmt: skip
from components.storage.remote import Again, Unreachable, asked_to_wait, patiently, refuse_status

TOKEN = "set HF_TOKEN or run `hf auth login`"
# Pickles can run code when they are read; the others are weights of frameworks that are not asked.
UNASKED = (
    "*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt", "*.joblib", "*.npy", "*.h5", "*.keras",
    "*.msgpack", "*.ot", "*.onnx", "*.onnx_data", "*.tflite", "*.mlmodel", "*.gguf", "*.ggml",
    "*.pdparams", "*.pdmodel", "*.tar.gz", "*.zip",
)  # fmt: skip


def asked(name: str) -> bool:
    """Says whether a file is taken when the caller does not choose: no pickle, no odd weights."""
    return not any(fnmatch.fnmatch(name.lower(), pattern) for pattern in UNASKED)


def fetch_snapshot(address: Address, part: Callable[[str], bool] | None) -> Fetched:
    """Brings the chosen files of a repository at one commit.

    Raises:
        InputError: There is no such repository or revision, it is gated, or cannot be reached.
    """
    repository, revision = _repository(address)
    place = Place(address)
    with locked(place.lock, address.shown):
        return _Snapshot(address, place, part or asked).run(repository, revision)


def _repository(address: Address) -> tuple[str, str | None]:
    """Takes `hf:ORG/NAME@REVISION` apart; names without ORG are the hub's oldest."""
    match = re.fullmatch(r"hf:((?:[\w.-]+/)?[\w.-]+)(?:@([\w./-]+))?", address.uri, re.ASCII)
    if not match:
        raise InputError(
            f"{address.shown!r} is not of the form hf:ORG/NAME or hf:ORG/NAME@REVISION"
        )
    return match[1], match[2]


class _Snapshot:
    """One repository on its way, under its lock."""

    def __init__(self, address: Address, place: Place, part: Callable[[str], bool]) -> None:
        self._address, self._place, self._part = address, place, part
        self._shown = address.shown
        self._kept = place.record()

    def run(self, repository: str, revision: str | None) -> Fetched:
        try:
            info = patiently(self._shown, lambda: self._info(repository, revision))
            return self._bring(repository, info)
        except Unreachable as error:
            if not (kept := self._whole_copy(repository)):
                raise
            say(f"{error}; the copy in the cache is used")
            return kept

    def _info(self, repository: str, revision: str | None) -> ModelInfo:
        with _errors(self._shown):
            return _api().model_info(repository, revision=revision, files_metadata=True)

    def _whole_copy(self, repository: str) -> Fetched | None:
        if self._kept is None:
            return None
        folder = _snapshot_folder(repository, self._kept.source.rpartition("@")[2])
        wanted = self._wanted(self._kept.names)
        if self._lacking(folder, wanted, self._kept.files):
            return None
        return self._fetched(folder, self._kept, wanted)

    def _wanted(self, names: list[str]) -> list[str]:
        wanted = [name for name in names if self._part(name)]
        if not wanted:
            raise InputError(
                f"{self._shown} holds none of the files that are needed; "
                f"it holds {', '.join(names[:10]) or 'nothing'}"
            )
        return wanted

    def _lacking(
        self, folder: Path, wanted: list[str], known: dict[str, FileRecord]
    ) -> dict[str, bool]:
        """Returns the names that are not there as recorded, with whether they are damaged."""
        lacking = {}
        for name in wanted:
            there = (folder / name).is_file()
            if not there or name not in known or sha256_of(folder / name) != known[name].sha256:
                lacking[name] = there and name in known
        return lacking

    def _bring(self, repository: str, info: ModelInfo) -> Fetched:
        siblings = {s.rfilename: s for s in info.siblings or []}
        for name in siblings:
            check_name(self._shown, name)
        wanted = self._wanted(sorted(siblings))
        source = f"hf:{repository}@{info.sha}"
        same = self._kept is not None and self._kept.source == source
        known = dict(self._kept.files) if self._kept and same else {}
        folder = _snapshot_folder(repository, str(info.sha))
        if lacking := self._lacking(folder, wanted, known):
            self._drop_damaged(folder, lacking)
            self._download(repository, str(info.sha), [siblings[name] for name in lacking])
            known |= {name: self._checked(folder / name, siblings[name]) for name in lacking}
            record = Record(source, True, sorted(siblings), known)
            self._place.keep(record)
            say(f"fetched {source}: {', '.join(lacking)}")
        else:
            record = Record(source, True, sorted(siblings), known)
        return self._fetched(folder, record, wanted)

    def _drop_damaged(self, folder: Path, lacking: dict[str, bool]) -> None:
        for name, damaged in lacking.items():
            if damaged:
                say(f"the cached copy of {name} of {self._shown} is damaged: fetched again")
                (folder / name).resolve().unlink(missing_ok=True)
                (folder / name).unlink(missing_ok=True)

    def _download(self, repository: str, commit: str, files: list[RepoSibling]) -> None:
        """Lets the hub's library bring the files; it resumes and retries by itself, too."""
        if not sys.stderr.isatty():
            disable_progress_bars()
        needed = sum(file.size or 0 for file in files)

        def bring() -> None:
            with writing(_cache(), needed), _errors(self._shown):
                huggingface_hub.snapshot_download(
                    repository,
                    revision=commit,
                    cache_dir=_cache(),
                    endpoint=_endpoint(),
                    allow_patterns=[glob.escape(file.rfilename) for file in files],
                )

        patiently(self._shown, bring)

    def _checked(self, path: Path, sibling: RepoSibling) -> FileRecord:
        """Makes the record of a file that came, checked against the digest that the hub states."""
        sha256 = sha256_of(path)
        stated = sibling.lfs.sha256 if sibling.lfs else sha256
        if stated != sha256:
            path.resolve().unlink()
            path.unlink(missing_ok=True)
            raise InputError(
                f"{sibling.rfilename} of {self._shown} arrived with SHA-256 {sha256} where the hub "
                f"states {stated}: it was damaged on the way; try again"
            )
        time = datetime.now(UTC).isoformat(timespec="seconds")
        return FileRecord(sibling.blob_id or "", path.stat().st_size, sha256, time)

    def _fetched(self, folder: Path, record: Record, wanted: list[str]) -> Fetched:
        sha256 = folder_digest({name: record.files[name].sha256 for name in wanted})
        check_pin(record.source, sha256, self._address.sha256)
        left_out = tuple(sorted(set(record.names) - set(wanted)))
        return Fetched(path=folder, source=record.source, sha256=sha256, left_out=left_out)


def _cache() -> Path:
    return cache_folder() / "hub"


def _snapshot_folder(repository: str, commit: str) -> Path:
    """Returns where the hub's library puts a commit's files."""
    return _cache() / f"models--{repository.replace('/', '--')}" / "snapshots" / commit


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT")


def _api() -> huggingface_hub.HfApi:
    return huggingface_hub.HfApi(endpoint=_endpoint())


@contextmanager
def _errors(shown: str) -> Iterator[None]:
    """Tells the library's errors in our words; the order matters, some are kinds of others."""
    try:
        yield
    except GatedRepoError:
        raise InputError(
            f"{shown} is gated: accept its terms on its page in a browser, then {TOKEN}"
        ) from None
    except RepositoryNotFoundError:
        raise InputError(
            f"{shown}: the hub has no such repository: check the spelling; "
            f"if it is private, {TOKEN}"
        ) from None
    except RevisionNotFoundError:
        raise InputError(
            f"{shown}: the repository has no such revision: name one of its branches, tags or "
            "commits after the @"
        ) from None
    except DisabledRepoError:
        raise InputError(f"{shown} was disabled by the hub: name another repository") from None
    except HFValidationError as error:
        raise InputError(f"{shown} is no name of a repository: {error}") from None
    except OfflineModeIsEnabled:
        raise Unreachable(
            f"{shown} was not asked for, as HF_HUB_OFFLINE is set: unset it"
        ) from None
    except HfHubHTTPError as error:
        seconds = asked_to_wait(error.response.headers.get("Retry-After"))
        said = error.server_message or "the hub does not say why"
        refuse_status(shown, error.response.status_code, TOKEN, seconds, said)
    except (httpx2.HTTPError, LocalEntryNotFoundError):
        raise Again("the hub cannot be reached") from None
