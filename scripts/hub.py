"""What a failed download from the Hugging Face hub means for the user, in one sentence with the remedy."""

from __future__ import annotations

import errno
import logging

from huggingface_hub import constants
from huggingface_hub.errors import (
    DisabledRepoError,
    DryRunError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HTTPError,  # any failure of the library's HTTP client, which has changed its name before
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    XetDownloadError,
)
from huggingface_hub.utils.logging import set_verbosity_error

FAILURES = (HTTPError, OSError, EntryNotFoundError, XetDownloadError)
_WRAPPERS = (DryRunError, LocalEntryNotFoundError)


def silence_retries() -> None:
    """The library tells of each of its attempts, twice; one sentence at the end is enough."""
    set_verbosity_error()
    logging.getLogger("httpx2").setLevel(logging.WARNING)


def explain(error: BaseException, repository: str, revision: str, instead: str, carry: str) -> str:
    """Why ``repository`` could not be fetched, and what to do.

    ``instead`` is what to do where it is not to be had, and ``carry`` where there is no network.
    """
    if constants.HF_HUB_OFFLINE or isinstance(error, OfflineModeIsEnabled):
        return f"{repository}: HF_HUB_OFFLINE forbids the network; unset it, or {carry}"
    # The library looks into its cache when the hub refuses it, and then complains of the cache.
    if isinstance(error, _WRAPPERS) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, GatedRepoError):
        page = f"{constants.ENDPOINT}/{repository}"
        return f"{repository} is gated: accept its terms at {page} and set HF_TOKEN to a token of yours, or {instead}"
    if isinstance(error, RepositoryNotFoundError | DisabledRepoError):
        return f"{repository} was withdrawn (or is private, or misspelt); {instead}"
    if isinstance(error, RevisionNotFoundError):
        return f"{repository} has no revision {revision} any more; take {repository} without it, or {instead}"
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status in (401, 403):
            return f"{repository}: the hub refuses access ({status}); set HF_TOKEN to a valid token, or {instead}"
        return f"{repository}: the hub fails ({status}); run the same command again later, or {instead}"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{repository}: the disk is full; free some space and run the same command again"
    if isinstance(error, PermissionError):
        return f"{error.filename}: cannot be written; set HF_HOME to another folder"
    return f"{repository}: the hub cannot be reached; run the same command again with a network, or {carry}"
