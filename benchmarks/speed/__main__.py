"""`python -m benchmarks.speed`: how fast training and prediction are, beside other ways."""

import sys
import time
from collections.abc import Mapping
from itertools import product
from typing import Annotated

import typer

from benchmarks.speed.config import SpeedConfig, case_of
from benchmarks.speed.gemm_peak import PRECISIONS, WITH, Peak
from benchmarks.speed.machine import description
from benchmarks.speed.measurement import Measurement
from benchmarks.speed.peers import ChildError, Peer, chosen_peers, run_peak, run_peer
from benchmarks.speed.rows import VOCAB_SIZE
from benchmarks.speed.tables import Entry, bullets, markdown_table, printed, tables_of
from components.encoders.sizes import PREFIX, scratch_config
from components.flags import run_command


def say(message: str) -> None:
    """Tells how far the run is, apart from the tables."""
    print(message, file=sys.stderr, flush=True)


def measured_peaks() -> dict[str, Peak]:
    """Returns the GEMM peak of each library that is installed."""
    peaks = {}
    for library in WITH:
        say(f"GEMM peak, {library} …")
        try:
            peaks[library] = run_peak(library)
        except ChildError as error:
            say(f"  {error}")
    return peaks


def measured(config: SpeedConfig, peer: Peer, model: str, batch_size: int) -> Measurement | str:
    """Measures a peer once, or says why that failed."""
    say(f"{model}, batch {batch_size}, {peer.name} …")
    began = time.monotonic()
    try:
        found = run_peer(peer, case_of(config, peer, model, batch_size))
    except ChildError as error:
        say(f"  {error}")
        return str(error)
    say(f"  done in {time.monotonic() - began:.0f} s")
    return found


def all_rounds(config: SpeedConfig) -> dict[tuple[str, int], list[Entry]]:
    """Measures the peers in rounds; returns the entries of each model and batch size."""
    places = list(product(config.models, config.batch_sizes))
    found: dict[tuple[str, int], dict[str, list[Measurement | str]]] = {p: {} for p in places}
    for in_round, peers in config.of_rounds():
        for (model, batch_size), peer in product(places, peers):
            measurement = measured(in_round, peer, model, batch_size)
            found[model, batch_size].setdefault(peer.name, []).append(measurement)
    return {
        (model, batch_size): [
            Entry(
                peer=peer,
                case=case_of(config, peer, model, batch_size),
                rounds=[one for one in of_peers[peer.name] if isinstance(one, Measurement)],
                reason=next((one for one in of_peers[peer.name] if isinstance(one, str)), ""),
            )
            for peer in chosen_peers(config.peers)
        ]
        for (model, batch_size), of_peers in found.items()
    }


def peak_table(peaks: Mapping[str, Peak]) -> list[str]:
    """Returns the table of the machine's GEMM peaks."""
    rows = [
        [library, *(f"{peak.gflops[precision]:.0f}" for precision in PRECISIONS)]
        for library, peak in peaks.items()
    ]
    return markdown_table(["GEMM peak, GFLOP/s", *PRECISIONS], rows)


def report(config: SpeedConfig) -> str:
    """Measures everything and returns the tables as Markdown."""
    peaks = measured_peaks()
    best = {
        precision: max(peak.gflops[precision] for peak in peaks.values())
        for precision in PRECISIONS
        if peaks
    }
    hardware = next((peak.hardware for peak in peaks.values()), {})
    lines = ["# Speed of training and prediction", "", *bullets(description(hardware)), ""]
    lines += [*peak_table(peaks), ""]
    for (model, _), entries in all_rounds(config).items():
        lines += tables_of(scratch_config(PREFIX + model, VOCAB_SIZE), entries, best)
    return "\n".join(lines)


def main(
    config: SpeedConfig,
    output: Annotated[str, typer.Option(help="File to write the tables to; empty = none.")] = "",
) -> None:
    """Measures training and prediction side by side and prints tables with ratios.

    Each peer runs in a process of its own, on generated rows of LCQMC's lengths. What is not
    installed is said so in its line. A full run: `--peers all --batch-sizes 16,64 --rounds 3`.
    """
    with printed(output) as write:
        write(report(config.as_asked()))


if __name__ == "__main__":
    run_command(main)
