"""Rooms made by other processes while the network learns from those there are."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future

import cv2
import numba
import torch

from training.shape_prior.rooms import Sample, room_samples

HELD_OUT = 1_000_000  # rooms from this seed on are never trained on
ROOMS_OF_A_SEED = 100_000  # far more than any training makes


def make_room(seed: int) -> list[Sample]:
    """The objects of the room of that seed; what a worker does, on one thread, as there is a worker a core."""
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    cv2.setNumThreads(0)
    return list(room_samples(seed))


class RoomSource:
    """Rooms in the order of their seeds: first those held out, then training rooms without end.

    Which rooms there are depends on the seeds alone; when each is ready, on the machine.
    """

    def __init__(
        self,
        pool: Executor,
        first_seed: int,
        held_out: int,
        ahead: int,
        make: Callable[[int], list[Sample]] = make_room,
    ) -> None:
        """Keep ``ahead`` rooms in ``pool`` made or being made by ``make`` besides the ``held_out`` ones."""
        self._pool, self._make, self._ahead = pool, make, ahead
        self._held_out = [pool.submit(make, HELD_OUT + room) for room in range(held_out)]
        self._seeds = itertools.count(first_seed)
        self._rooms: deque[Future[list[Sample]]] = deque()
        self._ask()

    def held_out(self) -> list[Sample]:
        """The objects of the held-out rooms, when all are made."""
        return [sample for room in self._held_out for sample in room.result()]

    def take(self) -> list[Sample]:
        """The objects of the next training room, when it is made; some rooms have none."""
        samples = self._rooms.popleft().result()
        self._ask()
        return samples

    def ready(self) -> Iterator[list[Sample]]:
        """The training rooms that are made by now, each once; at most as many as are kept ahead."""
        for _ in range(self._ahead):
            if not self._rooms[0].done():
                return
            yield self.take()

    def _ask(self) -> None:
        while len(self._rooms) < self._ahead:
            self._rooms.append(self._pool.submit(self._make, next(self._seeds)))
