"""Settings of the worker's side: where models and data may come from."""

from dataclasses import dataclass

from jobs.state.settings import Settings, setting

NO_HUB = "off"


@dataclass(frozen=True, slots=True, repr=False)
class SourceSettings(Settings):
    """What references may name, and how much they may bring."""

    source_buckets: tuple[str, ...] = setting(
        "patterns of the buckets that s3:// may name, separated by commas; never the service's own", ("*",)
    )
    hub_endpoint: str = setting("URL of the model hub that hf:// means; off: no hub", "https://huggingface.co")
    hub_token: str = setting("access token for the hub; empty: anonymous", "", secret=True)
    file_root: str = setting("folder that file:// may read below; empty: no local files", "")
    source_max_files: int = setting("how many files one reference may hold", 10_000, minimum=1)
    source_max_bytes: int = setting("how much one reference may bring", 20 * 1024**3, unit="bytes", minimum=1)
