"""MelHuBERT, which transformers does not have: a HuBERT that reads log-mel frames instead of a convolved waveform.

Importing this file teaches ``AutoConfig``, ``AutoModel`` and ``AutoModelForPreTraining`` the ``model_type`` melhubert.
The encoder is transformers' own of HuBERT: positions by a grouped convolution, then layers normalised after each block.

Source: MelHuBERT, Lin et al. 2022, arXiv:2211.09944; its front end is that of Kaldi's ``compute-fbank-feats``.

This file needs torch and transformers only. It lies, the same byte for byte, beside the weights of every artifact and
in the client, and beside what ``save_pretrained`` of a MelHuBERT writes.
"""

import shutil
from math import log
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CONFIG_MAPPING, AutoConfig, AutoModel, AutoModelForPreTraining, PreTrainedConfig
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput
from transformers.models.hubert.modeling_hubert import HubertEncoder, HubertPreTrainedModel
from transformers.utils.generic import can_return_tuple, merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

SAMPLING_RATE = 16_000
FULL_SCALE = 2.0**15
"""Kaldi's waveforms are 16-bit integers."""
FRAME, HOP, FFT = 400, 160, 512
"""Samples of a frame (25 ms), between frames (10 ms), and of a frame with the zeros that fill it up."""
PREEMPHASIS = 0.97
LOWEST, HIGHEST = 20.0, SAMPLING_RATE / 2
"""Hertz that the mel filters span."""
LEAST_POWER = torch.finfo(torch.float32).eps

HOW_TO_OPEN = (
    "This folder holds a MelHuBERT, which transformers does not have. Open it with "
    "AutoModel.from_pretrained(folder, trust_remote_code=True), or `import modelpress.transformers` first."
)


class MelHubertConfig(PreTrainedConfig):  # type: ignore[misc] # transformers is untyped
    """What a MelHuBERT is made of; the defaults are MelHuBERT-20ms.

    Attributes:
        num_mel_bins: log-mel values of one frame of 10 ms.
        frames_stacked: frames side by side in one position of the encoder; 2 for 20 ms a position, 1 for 10 ms.
        feature_mean, feature_std: what is subtracted from the log-mel values, and what they are then divided by: one
            number, or one for each bin. Those of the training corpus.
        num_clusters: outputs of the head of pre-training.
    """

    model_type = "melhubert"

    num_mel_bins: int = 40
    frames_stacked: int = 2
    feature_mean: float | list[float] = 0.0
    feature_std: float | list[float] = 1.0
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout: float = 0.1
    activation_dropout: float = 0.1
    attention_dropout: float = 0.1
    layerdrop: float = 0.0
    layer_norm_eps: float = 1e-5
    initializer_range: float = 0.02
    feat_extract_activation: str = "gelu"
    num_conv_pos_embeddings: int = 128
    num_conv_pos_embedding_groups: int = 16
    num_clusters: int = 512

    @property
    def conv_kernel(self) -> tuple[int]:
        """Return the samples that a frame needs, as HuBERT's config says it of its convolutions."""
        return (FRAME,)

    @property
    def conv_stride(self) -> tuple[int]:
        """Return the samples from frame to frame."""
        return (HOP,)

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Return the config that a ``config.json`` holds."""
        fields = {
            name: value for name, value in config_dict.items() if name not in ("auto_map", "transformers_weights")
        }
        return super().from_dict(fields, **kwargs)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, with the map to this code and the lock that keeps other classes out."""
        code = {"AutoConfig": f"{Path(__file__).stem}.{MelHubertConfig.__name__}"}
        return {**super().to_dict(), "auto_map": code, "transformers_weights": HOW_TO_OPEN}

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> None:
        """Write ``config.json`` and this file beside it."""
        super().save_pretrained(save_directory, **kwargs)
        code = Path(__file__)
        copy = Path(save_directory) / code.name
        if not (copy.exists() and copy.samefile(code)):
            shutil.copyfile(code, copy)

    @classmethod
    def register_for_auto_class(cls, auto_class: str = "AutoConfig") -> None:
        """Do nothing: ``to_dict`` writes the map itself."""


class LogMel(nn.Module):
    """The fixed front end: from a waveform at 16 kHz to normalised log-mel frames, 100 a second.

    A frame is 400 samples, the next begins 160 later, and none reaches beyond the end. Of each frame, on the scale of
    16-bit integers: the mean is taken off, 0.97 times the sample before is taken off each sample (the first counts as
    its own), a Hamming window is laid over it, and the power spectrum of 512 points is summed under triangles that
    are equally wide on Kaldi's mel scale, ``1127 ln(1 + f / 700)``, from 20 to 8000 Hz. What comes out is the natural
    logarithm, less ``feature_mean``, over ``feature_std``.

    It has nothing to learn or to store, and computes in float32 whatever the type of the model.
    """

    window: Tensor
    filters: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, config: MelHubertConfig) -> None:
        super().__init__()
        self.bins = config.num_mel_bins
        self.statistics = [_per_bin(each, self.bins) for each in (config.feature_mean, config.feature_std)]
        for name, table in self.tables().items():
            self.register_buffer(name, table, persistent=False)

    def tables(self) -> dict[str, Tensor]:
        """Return the fixed numbers of the front end by the names of their buffers, float32."""
        window = torch.hamming_window(FRAME, periodic=False, dtype=torch.float32)
        mean, std = (torch.tensor(each, dtype=torch.float32) for each in self.statistics)
        return {"window": window, "filters": _triangles(self.bins), "mean": mean, "std": std}

    def forward(self, waveform: Tensor) -> Tensor:
        """Return the frames (B, F, bins) of *waveform* (B, samples), float32 in -1 to 1."""
        frames = (waveform.float() * FULL_SCALE).unfold(-1, FRAME, HOP)
        frames = frames - frames.mean(dim=-1, keepdim=True)
        before = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
        spectrum = torch.fft.rfft((frames - PREEMPHASIS * before) * self.window, n=FFT)
        mel: Tensor = (spectrum.abs().square() @ self.filters).clamp(min=LEAST_POWER).log()
        return (mel - self.mean) / self.std

    def _apply(self, fn: Any, recurse: bool = True) -> "LogMel":
        """Follow the model to its device, but not to another type."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, table in self.tables().items():
            setattr(self, name, table.to(getattr(self, name).device))
        return self


class MelHubertPreTrainedModel(HubertPreTrainedModel):  # type: ignore[misc]
    """What the classes of MelHuBERT share."""

    config_class = MelHubertConfig
    config: MelHubertConfig
    base_model_prefix = "melhubert"

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, LogMel):
            for name, table in module.tables().items():
                init.copy_(getattr(module, name), table)

    def _get_feat_extract_output_lengths(self, input_lengths: Any) -> Any:
        """Return how many positions so many samples give: whole frames, stacked, the last stack filled with zeros."""
        frames = (input_lengths - FRAME) // HOP + 1
        return (frames - 1) // self.config.frames_stacked + 1

    def _get_feature_vector_attention_mask(self, feature_vector_length: int, attention_mask: Tensor) -> Tensor:
        """Return which positions are real (B, T), from a mask over samples or over the positions themselves."""
        if attention_mask.shape[1] == feature_vector_length:
            return attention_mask.bool()
        return _first(self._get_feat_extract_output_lengths(attention_mask.sum(-1)), feature_vector_length)


class MelHubertModel(MelHubertPreTrainedModel):
    """The encoder: fixed log-mel front end, a linear map to the width, and HuBERT's Transformer."""

    def __init__(self, config: MelHubertConfig) -> None:
        super().__init__(config)
        self.front_end = LogMel(config)
        self.feature_projection = nn.Linear(config.num_mel_bins * config.frames_stacked, config.hidden_size)
        self.encoder = HubertEncoder(config)
        self.post_init()

    @merge_with_config_defaults  # type: ignore[untyped-decorator]
    @capture_outputs(tie_last_hidden_states=False)  # type: ignore[untyped-decorator]
    def forward(
        self,
        input_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        input_features: Tensor | None = None,
        **kwargs: Any,
    ) -> BaseModelOutput:
        """Return the last hidden states (B, T, D), and those of every layer if asked for.

        Args:
            input_values: waveforms (B, samples) at 16 kHz, -1 to 1, padded at their ends; as they were recorded, not
                scaled to unit variance.
            attention_mask: 1 for what is real, 0 for padding: (B, samples), or (B, T) with *input_features*.
            input_features: instead of waveforms, normalised frames, stacked: (B, T, num_mel_bins × frames_stacked).
            **kwargs: as for every model of transformers.

        Raises:
            ValueError: neither or both of waveforms and features are given.
        """
        if input_values is not None and input_features is None:
            input_features = self.features(input_values, attention_mask)
        elif input_values is not None or input_features is None:
            raise ValueError("Expected either input_values (waveforms) or input_features (stacked log-mel frames).")
        if attention_mask is not None:
            attention_mask = self._get_feature_vector_attention_mask(input_features.shape[1], attention_mask)
        hidden = self.feature_projection(input_features.to(self.feature_projection.weight.dtype))
        return self.encoder(hidden, attention_mask=attention_mask, **kwargs)

    def features(self, input_values: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Return the stacked frames (B, T, num_mel_bins × frames_stacked) of waveforms (B, samples).

        Frames that reach into the padding are zeros, as is what the last stack lacks, so that a padded waveform
        gives what it gives alone.
        """
        frames, stack = self.front_end(input_values), self.config.frames_stacked
        if attention_mask is not None:
            real = _first((attention_mask.sum(-1) - FRAME) // HOP + 1, frames.shape[1])
            frames = frames * real.unsqueeze(-1)
        frames = nn.functional.pad(frames, (0, 0, 0, -frames.shape[1] % stack))
        return frames.reshape(frames.shape[0], frames.shape[1] // stack, stack * frames.shape[2])


class MelHubertForPreTraining(MelHubertPreTrainedModel):
    """The encoder with the head that tells which cluster each position belongs to."""

    def __init__(self, config: MelHubertConfig) -> None:
        super().__init__(config)
        self.melhubert = MelHubertModel(config)
        self.cluster_head = nn.Linear(config.hidden_size, config.num_clusters)
        self.post_init()

    @can_return_tuple  # type: ignore[untyped-decorator]
    def forward(self, *args: Any, **kwargs: Any) -> CausalLMOutput:
        """Return the logits of the clusters (B, T, num_clusters); the arguments are those of ``MelHubertModel``."""
        found = self.melhubert(*args, **kwargs)
        logits = self.cluster_head(found.last_hidden_state)
        return CausalLMOutput(logits=logits, hidden_states=found.hidden_states, attentions=found.attentions)


def _per_bin(value: float | list[float], bins: int) -> list[float]:
    values = value if isinstance(value, list | tuple) else [value]
    if len(values) not in (1, bins):
        raise ValueError(f"Expected one number for all of the {bins} mel bins or one for each; got {len(values)}.")
    return [float(each) for each in values]


def _triangles(bins: int) -> Tensor:
    """Return what each of the bins takes of each frequency (FFT / 2 + 1, bins), float32."""
    width = (_mel(HIGHEST) - _mel(LOWEST)) / (bins + 1)
    edges = _mel(LOWEST) + width * torch.arange(bins + 2, dtype=torch.float64)
    hertz = torch.arange(FFT // 2 + 1, dtype=torch.float64) * (SAMPLING_RATE / FFT)
    mel = 1127 * (1 + hertz / 700).log()
    rising, falling = mel.unsqueeze(1) - edges[:-2], edges[2:] - mel.unsqueeze(1)
    return (torch.minimum(rising, falling) / width).clamp(min=0).float()


def _mel(hertz: float) -> float:
    return 1127 * log(1 + hertz / 700)


def _first(counts: Tensor, length: int) -> Tensor:
    """Return a mask (B, length) of the first *counts* (B,) of each row."""
    return torch.arange(length, device=counts.device) < counts.unsqueeze(-1)


if MelHubertConfig.model_type not in CONFIG_MAPPING:  # the first copy of this file that is imported stands for all
    AutoConfig.register(MelHubertConfig.model_type, MelHubertConfig)
    AutoModel.register(MelHubertConfig, MelHubertModel)
    AutoModelForPreTraining.register(MelHubertConfig, MelHubertForPreTraining)
